//! Why a replay fails.

use {crate::file::FileError, multibus_client::error::Error, std::fmt};

/// Why a replay did not end with a report.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The options cannot be followed.
    #[error("{0}")]
    Options(String),
    /// The state file cannot be used.
    #[error("{0}")]
    State(String),
    /// The community's readings cannot be read any more.
    #[error(transparent)]
    File(#[from] FileError),
    /// The chain refused or failed.
    #[error("{doing}: {error}")]
    Chain {
        /// What was being done.
        doing: String,
        /// What went wrong.
        #[source]
        error: Error,
    },
    /// Both sides have energy left and no trade comes about.
    #[error("{0}")]
    Stuck(String),
}

/// Says what was being done when the chain refused.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl fmt::Display) -> Result<T, ReplayError>;
}

impl<T> Doing<T> for Result<T, Error> {
    fn doing(self, what: impl fmt::Display) -> Result<T, ReplayError> {
        self.map_err(|error| ReplayError::Chain { doing: what.to_string(), error })
    }
}
