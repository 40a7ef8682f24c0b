//! Why a call failed: the sentence for people, the object for programs, the exit code for both.

use {multibus_client::Error, serde_json::json, std::process::ExitCode};

/// Exit code of a call that Ctrl-C ended, as in shells.
pub const INTERRUPTED: i32 = 130;

/// Why a call failed.
#[derive(Debug)]
pub enum Failure {
    /// The command line or its settings are wrong; nothing was sent. Exit code 2.
    Usage(String),
    /// It could not be done. Exit code 1.
    Sentence(String),
    /// Ctrl-C ended it cleanly. Exit code 130.
    Interrupted(String),
    /// The library refused or failed. Exit code 1.
    Client(Error),
    /// The same, told with what the library does not know. Exit code 1.
    Told { sentence: String, error: Error },
}

impl Failure {
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage(sentence.into())
    }

    pub fn sentence(sentence: impl Into<String>) -> Self {
        Self::Sentence(sentence.into())
    }

    /// A file that could not be read or written.
    pub fn file(action: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::Sentence(format!("{} cannot be {action}: {error}; check the path and its permissions", path.display()))
    }

    /// The standard input could not be read.
    pub fn standard_input(error: &std::io::Error) -> Self {
        Self::Sentence(format!("the standard input cannot be read: {error}; name a file instead"))
    }

    /// 2 for a wrong command line, as is usual, else 1.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Interrupted(_) => ExitCode::from(INTERRUPTED as u8),
            Self::Sentence(_) | Self::Client(_) | Self::Told { .. } => ExitCode::FAILURE,
        }
    }

    /// What happened and what to do, in a sentence.
    pub fn message(&self) -> String {
        match self {
            Self::Usage(sentence)
            | Self::Sentence(sentence)
            | Self::Interrupted(sentence)
            | Self::Told { sentence, .. } => sentence.clone(),
            Self::Client(error) => error.to_string(),
        }
    }

    /// What the library said.
    fn client(&self) -> Option<&Error> {
        match self {
            Self::Client(error) | Self::Told { error, .. } => Some(error),
            Self::Usage(_) | Self::Sentence(_) | Self::Interrupted(_) => None,
        }
    }

    /// The failure as an object; errors of the market carry their code and name.
    pub fn json(&self) -> serde_json::Value {
        let kind = match self {
            Self::Usage(_) => "usage",
            Self::Sentence(_) => "failure",
            Self::Interrupted(_) => "interrupted",
            Self::Client(error) | Self::Told { error, .. } => match error {
                Error::Program(_) => "program",
                error if error.is_transient() => "network",
                _ => "chain",
            },
        };
        let mut error = json!({ "kind": kind, "message": self.message() });
        match self.client() {
            Some(Error::Program(refusal)) => {
                error["program"] = json!(refusal.program.map(|program| program.to_string()));
                error["code"] = json!(refusal.code());
                error["name"] = json!(refusal.multibus.map(multibus_client::multibus::error::MultibusError::name));
                error["detail"] = json!(refusal.detail);
                error["offer"] = json!(refusal.offer.map(|offer| offer.to_string()));
            }
            // What to ask for once the network is back.
            Some(Error::PurchaseUnknown { signature, transaction_hash, lane, nonce, .. }) => {
                error["signature"] = json!(signature.as_ref().map(ToString::to_string));
                error["transaction_hash"] = json!(transaction_hash.to_string());
                error["lane"] = json!(lane);
                error["nonce"] = json!(nonce);
            }
            Some(Error::OutcomeUnknown { signature, .. }) => error["signature"] = json!(signature.to_string()),
            _ => {}
        }
        json!({ "error": error })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Sentence(format!("the output cannot be written: {error}"))
    }
}

/// Values that the chain shows to be wrong, such as more decimals than the mint has.
impl From<String> for Failure {
    fn from(sentence: String) -> Self {
        Self::Sentence(sentence)
    }
}
