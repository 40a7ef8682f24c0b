//! Every error of the client, as a sentence that says what to do next. A refusal by the program comes with the
//! program's own sentence and the values that it logged.

use {
    crate::{
        hash::{NotAHash, TransactionHash},
        log::LogLine,
        text::{clipped, hosts_only},
    },
    anchor_lang::prelude::ProgramError,
    multibus::error::{FIRST_ERROR_CODE, MultibusError},
    multibus::token::{SPL_TOKEN_ID, TOKEN_2022_ID},
    solana_address::Address,
    solana_instruction::error::InstructionError,
    solana_rpc_client_api::{
        client_error::{Error as ClientError, ErrorKind},
        request::{RpcError, RpcResponseErrorData},
    },
    solana_sdk_ids::{address_lookup_table, compute_budget, ed25519_program, system_program},
    solana_signature::Signature,
    solana_transaction_error::TransactionError,
    spl_token_interface::error::TokenError,
    std::fmt,
};

/// A node asked for a wait that is longer than the client obeys without a word.
#[derive(Debug, thiserror::Error)]
#[error("it asks to wait {wait_seconds} s before the next request")]
pub(crate) struct RateLimited {
    pub(crate) wait_seconds: u64,
}

/// A node's answer that is no answer of JSON-RPC.
#[derive(Debug, thiserror::Error)]
#[error("{}{}", no_answer(*status), said.as_ref().map(|said| format!(": {said}")).unwrap_or_default())]
pub(crate) struct NoAnswer {
    pub(crate) status: http::StatusCode,
    /// What the node says about it.
    pub(crate) said: Option<String>,
}

fn no_answer(status: http::StatusCode) -> String {
    match status.is_success() {
        true => "its answer has neither a result nor an error of JSON-RPC".to_string(),
        false => format!("it answers with status {status}"),
    }
}

impl NoAnswer {
    /// Whether trying again may help, and what to do next.
    fn remedy(&self) -> (bool, &'static str) {
        match self.status.as_u16() {
            200..300 => (true, "check the URL and its access key, or use another node"),
            408 | 425 | 500.. => (true, "try again, or use another node"),
            413 => (false, "the node takes no request of this size; use another node"),
            _ => (false, "check the URL and its access key"),
        }
    }
}

/// Variables by which a user sends requests through a proxy.
const PROXY_VARIABLES: [&str; 6] = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// What to do where no connection to a node could be made.
fn connection_remedy() -> &'static str {
    if PROXY_VARIABLES.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
        "check the URL, and the proxy that http_proxy, https_proxy or all_proxy names: unset it, or name the node's host in \
         no_proxy"
    } else {
        "check the URL, and start the validator where it is a local one"
    }
}

/// Longest part of a node's message that is shown, in characters.
const CAUSE_CHARACTERS: usize = 1_000;

/// Result of the client.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Every error of the client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program refused an instruction.
    #[error("{0}")]
    Program(Box<ProgramFailure>),
    /// The network refused a transaction as a whole.
    #[error("{sentence}")]
    Transaction {
        /// What the network said.
        error: TransactionError,
        /// The same as a sentence, with what to do next.
        sentence: String,
        /// What was logged before it failed.
        logs: Vec<String>,
    },
    /// A request to a node failed.
    #[error("{action} at {url} failed: {cause}; {remedy}")]
    Rpc {
        /// The request.
        action: &'static str,
        /// The node's URL: scheme and host, without what may be an access key.
        url: String,
        /// What went wrong.
        cause: String,
        /// What to do next.
        remedy: &'static str,
        /// Whether trying again may help.
        transient: bool,
    },
    /// There is no such account.
    #[error("there is no {kind} at {address}; check the address and the network")]
    NotFound {
        /// What was looked for.
        kind: &'static str,
        /// Where.
        address: Address,
    },
    /// An account is not what it should be.
    #[error("{address} is not a {kind} that can be read: {cause}")]
    Decode {
        /// What was expected.
        kind: &'static str,
        /// Where.
        address: Address,
        /// What is wrong with it.
        cause: String,
    },
    /// An input cannot be used; the message names the value and the remedy.
    #[error("{0}")]
    Invalid(String),
    /// The market moved beyond the limits that the caller set; nothing was paid.
    #[error("{0}; nothing was paid")]
    BeyondLimits(String),
    /// A transaction was sent again and again, did not land and never will.
    #[error(
        "the transaction {signature} did not land in {attempts} attempts and never will; the network is congested, raise \
         the priority fee or try again later"
    )]
    Expired {
        /// Signature of the last attempt.
        signature: Signature,
        /// How often it was signed and sent.
        attempts: u32,
    },
    /// It is unknown whether a transaction landed: the network does not answer.
    #[error(
        "nobody could be asked what became of the transaction {signature}: {cause}; ask for it once the network is back"
    )]
    OutcomeUnknown {
        /// Signature of the transaction.
        signature: Signature,
        /// Why.
        cause: String,
    },
    /// It is unknown whether a purchase happened: a transaction for it may still land, or the network does not tell.
    #[error(
        "it is unknown whether the purchase {transaction_hash} (nonce {nonce} of lane {lane}{}) happened: {cause}; verify that \
         hash before you buy again",
        signature.as_ref().map(|signature| format!(", transaction {signature}")).unwrap_or_default()
    )]
    PurchaseUnknown {
        /// The last transaction that was handed to a node for it. (In a box, so that errors stay small.)
        signature: Option<Box<Signature>>,
        /// Hash of the purchase.
        transaction_hash: TransactionHash,
        /// Its nonce lane.
        lane: u16,
        /// Its nonce.
        nonce: u64,
        /// Why.
        cause: String,
    },
    /// The program's address is the one of local networks, and the node is of a public one.
    #[error(
        "the program address {address} is for local networks: everybody has its key, so on {network} anybody may have \
         deployed a program there; use a client that was built for {network} with the address of its own program in \
         MULTIBUS_PROGRAM_ID, or a node of a local network (this one is {url})"
    )]
    LocalProgram {
        /// The program's address.
        address: Address,
        /// Name of the public network.
        network: &'static str,
        /// The node's URL: scheme and host.
        url: String,
    },
    /// A wallet could not sign.
    #[error("the wallet {wallet} could not sign: {cause}; check the keypair or the signing device")]
    Signing {
        /// Whose signature is missing.
        wallet: Address,
        /// Why.
        cause: String,
    },
}

impl From<NotAHash> for Error {
    fn from(refused: NotAHash) -> Self {
        Self::Invalid(refused.to_string())
    }
}

/// A program's refusal of one instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramFailure {
    /// The program that refused, where the logs tell.
    pub program: Option<Address>,
    /// Index of the instruction in its transaction; compute budget instructions count.
    pub instruction: u8,
    /// What the runtime reports.
    pub error: InstructionError,
    /// The market's error.
    pub multibus: Option<MultibusError>,
    /// What went wrong and what to do next.
    pub sentence: String,
    /// The values that the program logged with its refusal.
    pub detail: Option<String>,
    /// The offer that it is about, where a batch failed because of one.
    pub offer: Option<Address>,
    /// Everything that was logged.
    pub logs: Vec<String>,
}

impl ProgramFailure {
    /// Number of the program's own error.
    pub fn code(&self) -> Option<u32> {
        match self.error {
            InstructionError::Custom(code) => Some(code),
            _ => None,
        }
    }
}

impl fmt::Display for ProgramFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        if let Some(offer) = self.offer {
            write!(f, " (offer {offer})")?;
        }
        if let Some(multibus) = self.multibus {
            write!(f, " [{} {}]", multibus.name(), multibus.code())?;
        }
        Ok(())
    }
}

impl Error {
    /// The error of a transaction that was refused, with what it logged.
    pub fn from_transaction(error: TransactionError, logs: Vec<String>) -> Self {
        if let TransactionError::InstructionError(instruction, error) = error {
            return Self::Program(Box::new(program_failure(instruction, error, logs)));
        }
        let sentence = transaction_sentence(&error);
        Self::Transaction { error, sentence, logs }
    }

    /// The error of a request to a node.
    pub fn from_rpc(action: &'static str, url: &str, error: ClientError) -> Self {
        if let ErrorKind::RpcError(RpcError::RpcResponseError {
            data: RpcResponseErrorData::SendTransactionPreflightFailure(result),
            ..
        }) = error.kind()
            && let Some(refused) = &result.err
        {
            return Self::from_transaction(refused.clone().into(), result.logs.clone().unwrap_or_default());
        }
        if let Some(refused) = error.get_transaction_error() {
            return Self::from_transaction(refused, Vec::new());
        }
        let (transient, remedy) = match error.kind() {
            ErrorKind::Io(_) => (true, "check the network connection and try again"),
            ErrorKind::Middleware(error) if error.is::<RateLimited>() => {
                (true, "the node limits requests; try again after that time, or use a node of your own")
            }
            // What the client does not take from any node: see `chain/guard.rs`.
            ErrorKind::Middleware(error) => {
                error.downcast_ref::<NoAnswer>().map_or((false, "check the URL, or use another node"), NoAnswer::remedy)
            }
            ErrorKind::Reqwest(error) if error.is_connect() => (true, connection_remedy()),
            ErrorKind::Reqwest(error) if error.status().is_some_and(|status| status.as_u16() == 429) => {
                (true, "the node limits requests; wait, or use a node of your own")
            }
            ErrorKind::Reqwest(error) if error.is_decode() => {
                (true, "the node's answer is not JSON-RPC: check the URL, or use another node")
            }
            ErrorKind::Reqwest(error) if error.is_timeout() => {
                (true, "the node takes too long: try again, or use another node")
            }
            ErrorKind::Reqwest(_) => (true, "try again, or use another node"),
            ErrorKind::RpcError(RpcError::RpcResponseError { code, .. }) => match code {
                -32601 => (false, "this node does not offer the method; use another node"),
                -32010 => (false, "this node does not index the program's accounts; use another node"),
                -32602 => (false, "this node does not take the request; use a current node"),
                _ => (true, "try again, or use another node"),
            },
            _ => (true, "try again, or use another node"),
        };
        // A node may say as much as it likes.
        let cause = match error.kind() {
            // Without the name of the part that refused.
            ErrorKind::Middleware(refused) => refused.to_string(),
            _ => error.to_string(),
        };
        // Its sentence of a refusal has a place for data, which mostly is empty.
        let cause = clipped(hosts_only(cause.trim_end_matches([' ', ';'])), CAUSE_CHARACTERS);
        Self::Rpc { action, url: hosts_only(url), cause, remedy, transient }
    }

    /// The error of one of the program's own rules, which was asked before anything is sent: the program would refuse it with
    /// the same one.
    pub(crate) fn from_rule(refused: &ProgramError) -> Self {
        let known = match refused {
            ProgramError::Custom(code) => MultibusError::from_code(*code),
            _ => None,
        };
        let Some(error) = known else { return Self::Invalid(format!("the program would refuse this: {refused}")) };
        Self::Program(Box::new(ProgramFailure {
            program: Some(multibus::ID),
            instruction: 0,
            error: InstructionError::Custom(error.code()),
            multibus: Some(error),
            sentence: error.message().to_string(),
            detail: None,
            offer: None,
            logs: Vec::new(),
        }))
    }

    /// The market's error, where the market refused.
    pub fn multibus(&self) -> Option<MultibusError> {
        match self {
            Self::Program(failure) => failure.multibus,
            _ => None,
        }
    }

    /// Whether an account could not be created because there is one at its address already.
    pub(crate) fn is_address_taken(&self) -> bool {
        let Self::Program(failure) = self else { return false };
        // Numbers of `solana_system_interface::error::SystemError`.
        (failure.program == Some(system_program::ID) && failure.code() == Some(0))
            || failure.error == InstructionError::AccountAlreadyInitialized
    }

    /// Whether the market moved between quote and purchase, so that a fresh quote may succeed.
    pub fn is_conflict(&self) -> bool {
        use MultibusError::*;
        match self {
            Self::Program(failure) => match failure.multibus {
                Some(error) => matches!(
                    error,
                    EnergyUnavailable
                        | PriceAboveLimit
                        | VersionMismatch
                        | OfferCancelled
                        | OfferExpired
                        | OfferNotYetTrading
                        | PriceBelowReserve
                        | SizeTooSmall
                        | TotalAboveLimit
                        | LockOutlivesOffer
                ),
                // An offer that was closed in the meantime is an account without data of the program's.
                None => {
                    failure.program.is_none_or(|program| program == multibus::ID)
                        && matches!(
                            failure.error,
                            InstructionError::IllegalOwner
                                | InstructionError::InvalidAccountOwner
                                | InstructionError::UninitializedAccount
                                | InstructionError::InvalidAccountData
                                | InstructionError::AccountDataTooSmall
                        )
                }
            },
            _ => false,
        }
    }

    /// Whether nothing is wrong with the request itself, so that the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Rpc { transient, .. } => *transient,
            Self::Expired { .. } | Self::OutcomeUnknown { .. } | Self::PurchaseUnknown { .. } => true,
            Self::Transaction { error, .. } => matches!(
                error,
                TransactionError::AccountInUse
                    | TransactionError::BlockhashNotFound
                    | TransactionError::ClusterMaintenance
                    | TransactionError::WouldExceedMaxBlockCostLimit
                    | TransactionError::WouldExceedMaxAccountCostLimit
                    | TransactionError::WouldExceedAccountDataBlockLimit
                    | TransactionError::WouldExceedMaxVoteCostLimit
                    | TransactionError::WouldExceedAccountDataTotalLimit
                    | TransactionError::ProgramCacheHitMaxLimit
                    | TransactionError::CommitCancelled
            ),
            _ => false,
        }
    }

    /// What was logged by the transaction that failed.
    pub fn logs(&self) -> &[String] {
        match self {
            Self::Program(failure) => &failure.logs,
            Self::Transaction { logs, .. } => logs,
            _ => &[],
        }
    }
}

/// Finds who refused and why in a failed transaction's logs.
fn program_failure(instruction: u8, error: InstructionError, logs: Vec<String>) -> ProgramFailure {
    let mut stack: Vec<(Address, Option<&str>)> = Vec::new();
    let mut refused_by = None;
    for line in &logs {
        match LogLine::parse(line) {
            LogLine::Invoke(program) => stack.push((program, None)),
            LogLine::Success(_) => {
                stack.pop();
            }
            // The innermost program fails first; its callers fail with its error.
            LogLine::Failed(program) => {
                let said = stack.last().filter(|(top, _)| *top == program).and_then(|(_, said)| *said);
                refused_by = Some((program, said.map(str::to_string)));
                break;
            }
            LogLine::Log(message) => {
                if let Some((_, said)) = stack.last_mut() {
                    *said = Some(message);
                }
            }
            LogLine::Truncated => break,
            LogLine::Data(_) | LogLine::Other => {}
        }
    }
    let (program, detail) = match refused_by {
        Some((program, detail)) => (Some(program), detail),
        None => (None, None),
    };
    let multibus = match error {
        InstructionError::Custom(code) if program.is_none_or(|program| program == multibus::ID) => {
            MultibusError::from_code(code)
        }
        _ => None,
    };
    let sentence = match multibus {
        Some(multibus) => multibus.message().to_string(),
        None => program_sentence(program, &error),
    };
    ProgramFailure { program, instruction, error, multibus, sentence, detail, offer: None, logs }
}

fn program_name(program: Option<Address>) -> String {
    match program {
        None => "a program".to_string(),
        Some(program) if program == multibus::ID => "MultiBus".to_string(),
        Some(program) if program == SPL_TOKEN_ID => "SPL Token".to_string(),
        Some(program) if program == TOKEN_2022_ID => "Token-2022".to_string(),
        Some(program) if program == system_program::ID => "the system program".to_string(),
        Some(program) if program == spl_associated_token_account_interface::program::ID => {
            "the associated token account program".to_string()
        }
        Some(program) if program == address_lookup_table::ID => "the address lookup table program".to_string(),
        Some(program) if program == compute_budget::ID => "the compute budget program".to_string(),
        Some(program) if program == ed25519_program::ID => "the Ed25519 program".to_string(),
        Some(program) => format!("the program {program}"),
    }
}

fn program_sentence(program: Option<Address>, error: &InstructionError) -> String {
    if let InstructionError::Custom(code) = error {
        let known = match program {
            Some(program) if program == SPL_TOKEN_ID || program == TOKEN_2022_ID => token_sentence(*code),
            Some(program) if program == system_program::ID => system_sentence(*code),
            Some(program) if program == multibus::ID && *code < FIRST_ERROR_CODE => anchor_sentence(*code),
            _ => None,
        };
        return match known {
            Some(sentence) => sentence.to_string(),
            None => format!("{} refused with its error {code}; see the logs", program_name(program)),
        };
    }
    let cause = match error {
        InstructionError::MissingRequiredSignature => "a signature is missing; sign with every wallet that must sign",
        InstructionError::InsufficientFunds => "an account has too few lamports; fund it",
        InstructionError::InvalidSeeds => "an address does not follow from its seeds; derive it again",
        InstructionError::IllegalOwner | InstructionError::InvalidAccountOwner => {
            "an account is missing or belongs to another program; check that it exists on this network"
        }
        InstructionError::UninitializedAccount => "an account does not exist (any more); check its address",
        InstructionError::InvalidAccountData => "an account is missing or of another kind; check the addresses",
        InstructionError::AccountDataTooSmall => "an account is missing or too short; check the addresses",
        InstructionError::AccountAlreadyInitialized => "the account exists already; choose another address",
        InstructionError::ComputationalBudgetExceeded => {
            "the compute units ran out; raise the compute unit limit or buy from fewer offers at once"
        }
        InstructionError::UnsupportedProgramId => "it is not on this network; check the network",
        InstructionError::InvalidInstructionData => "it does not know the instruction; update the client",
        InstructionError::AccountNotRentExempt => "an account would fall below its rent; fund it",
        _ => return format!("{} failed: {error}; see the logs", program_name(program)),
    };
    format!("{} refused: {cause}", program_name(program))
}

fn token_sentence(code: u32) -> Option<&'static str> {
    Some(match TokenError::try_from(code).ok()? {
        TokenError::NotRentExempt => "The token account has too few lamports for its rent; fund it",
        TokenError::InsufficientFunds => "The token account holds less than the payment; fund it, or buy less",
        TokenError::InvalidMint => "The account is not a mint; pass the settlement mint",
        TokenError::MintMismatch => {
            "The token account is of another mint; pass an account of the bus's settlement mint"
        }
        TokenError::OwnerMismatch => {
            "The signer may not move these tokens; sign with the token account's owner or its delegate"
        }
        TokenError::FixedSupply => "The mint has no authority any more, so its supply is fixed; use another mint",
        TokenError::AlreadyInUse => "The token account exists already; use it, or choose another address",
        TokenError::UninitializedState => "The token account does not exist yet; create it first",
        TokenError::Overflow => "The token amount overflows; use a smaller amount",
        TokenError::AccountFrozen => {
            "The token account is frozen by the token's issuer; ask the issuer, or use another"
        }
        TokenError::MintDecimalsMismatch => "The decimals are not the mint's; read the mint again",
        TokenError::NonNativeHasBalance => "The token account still holds tokens; move them before closing it",
        _ => return None,
    })
}

fn system_sentence(code: u32) -> Option<&'static str> {
    // Numbers of `solana_system_interface::error::SystemError`.
    Some(match code {
        0 => "An account exists at that address already; choose another, or use the one that is there",
        1 => "The wallet has too few lamports for rent and fees; fund it",
        2 => "The account cannot be given to that program; choose another address",
        3 => "The account's length is not allowed; use a shorter one",
        5 => "The address does not follow from its seed; derive it again",
        _ => return None,
    })
}

fn anchor_sentence(code: u32) -> Option<&'static str> {
    // Numbers that `anchor_lang::ErrorCode` maps its constraints to.
    Some(match code {
        2000 => "An account must be writable and is not; update the client",
        2001 | 2003 | 2012 => "An account is not the one that the instruction needs; check the addresses",
        2005 => "An account has too few lamports for its rent; fund it",
        2011 => "The account cannot be closed into itself; name another receiver",
        2019 => "An account has another length than the program expects; update the client",
        2040 => "The same writable account was passed twice; pass different accounts",
        _ => return None,
    })
}

fn transaction_sentence(error: &TransactionError) -> String {
    let sentence = match error {
        TransactionError::AccountNotFound => "The fee payer has no account on this network; fund it with SOL first",
        TransactionError::InsufficientFundsForFee => "The fee payer has too few lamports for the fee; fund it with SOL",
        TransactionError::InsufficientFundsForRent { .. } => {
            "An account would hold too few lamports for its rent; fund it with SOL"
        }
        TransactionError::InvalidAccountForFee => {
            "The fee payer is not a plain wallet; pay the fee with a wallet of the system program"
        }
        TransactionError::ProgramAccountNotFound => {
            "A program is not deployed on this network; check the network, or deploy MultiBus first"
        }
        TransactionError::AlreadyProcessed => "This very transaction was executed already; nothing is left to do",
        TransactionError::BlockhashNotFound => "The transaction is too old or its node lags behind; sign it again",
        TransactionError::SignatureFailure => "A signature is not valid; sign again with the right wallets",
        TransactionError::AddressLookupTableNotFound | TransactionError::InvalidAddressLookupTableIndex => {
            "A lookup table is missing or not warmed up on this node; wait a slot and try again"
        }
        TransactionError::TooManyAccountLocks => {
            "The transaction names too many accounts; buy from fewer offers at once"
        }
        TransactionError::MaxLoadedAccountsDataSizeExceeded => {
            "The transaction's accounts are too large together; buy from fewer offers at once"
        }
        _ => return format!("The network refused the transaction: {error}; try again"),
    };
    sentence.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| line.replace("BUS", &multibus::ID.to_string())).collect()
    }

    fn failure(error: InstructionError, lines: &[&str]) -> ProgramFailure {
        match Error::from_transaction(TransactionError::InstructionError(2, error), logs(lines)) {
            Error::Program(failure) => *failure,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refusal_of_the_program_is_its_sentence_with_both_values() {
        let refused = failure(
            InstructionError::Custom(MultibusError::PriceAboveLimit.code()),
            &[
                "Program BUS invoke [1]",
                "Program log: price 12, limit 11",
                "Program BUS failed: custom program error: 0x1",
            ],
        );
        assert_eq!(refused.multibus, Some(MultibusError::PriceAboveLimit));
        assert_eq!(refused.instruction, 2);
        let text = refused.to_string();
        assert!(text.starts_with(MultibusError::PriceAboveLimit.message()), "{text}");
        assert!(text.contains("(price 12, limit 11)"), "{text}");
        assert!(Error::Program(Box::new(refused)).is_conflict());
    }

    #[test]
    fn the_innermost_program_is_blamed() {
        let token = format!("Program {SPL_TOKEN_ID}");
        let refused = failure(
            InstructionError::Custom(1),
            &[
                "Program BUS invoke [1]",
                "Program log: a line of the market",
                &format!("{token} invoke [2]"),
                "Program log: Error: insufficient funds",
                &format!("{token} failed: custom program error: 0x1"),
                "Program BUS failed: custom program error: 0x1",
            ],
        );
        assert_eq!(refused.program, Some(SPL_TOKEN_ID));
        assert_eq!(refused.multibus, None);
        assert!(refused.sentence.contains("holds less than the payment"), "{refused}");
        assert_eq!(refused.detail.as_deref(), Some("Error: insufficient funds"));
    }

    #[test]
    fn a_number_of_the_market_from_another_program_is_not_the_markets() {
        let other = Address::new_from_array([7; 32]);
        let refused = failure(
            InstructionError::Custom(MultibusError::NameInvalid.code()),
            &[&format!("Program {other} invoke [1]"), &format!("Program {other} failed: custom program error: 0x1770")],
        );
        assert_eq!((refused.multibus, refused.program), (None, Some(other)));
        assert!(refused.sentence.contains(&other.to_string()));
    }

    #[test]
    fn the_constraints_of_anchor_have_sentences() {
        let code = |error: anchor_lang::ErrorCode| match anchor_lang::Error::from(error) {
            anchor_lang::Error::Custom(code) => code,
            other => panic!("{other:?}"),
        };
        use anchor_lang::ErrorCode::*;
        for error in
            [ConstraintMut, ConstraintAddress, ConstraintRaw, ConstraintSpace, ConstraintDuplicateMutableAccount]
        {
            assert!(anchor_sentence(code(error)).is_some());
        }
    }

    #[test]
    fn the_numbers_of_the_system_program_are_its_own() {
        use solana_system_interface::error::SystemError;
        assert!(system_sentence(SystemError::AccountAlreadyInUse as u32).unwrap().contains("exists"));
        assert!(system_sentence(SystemError::ResultWithNegativeLamports as u32).unwrap().contains("too few lamports"));
    }
}
