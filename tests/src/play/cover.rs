//! Which errors of the chain stand for which causes of the model.

use {
    multibus::error::MultibusError, multibus_model::Cause, solana_instruction::error::InstructionError,
    solana_transaction_error::TransactionError,
};

/// Whether the chain may refuse with this error for this cause.
pub fn covers(cause: Cause, error: &TransactionError) -> bool {
    use InstructionError as E;
    let error = match error {
        TransactionError::InstructionError(_, error) => error,
        TransactionError::InsufficientFundsForRent { .. } => return cause == Cause::Dust,
        _ => return false,
    };
    match cause {
        Cause::Rule(name) => {
            matches!(error, E::Custom(code) if MultibusError::from_code(*code).is_some_and(|found| found.name() == name))
        }
        // Whatever is found first.
        Cause::Data => true,
        #[expect(deprecated, reason = "the runtime still gives this error its old name where a program returns it")]
        Cause::Missing => *error == E::NotEnoughAccountKeys,
        Cause::Signature => *error == E::MissingRequiredSignature,
        Cause::Readonly => matches!(error, E::Custom(2000) | E::PrivilegeEscalation),
        Cause::Twice => *error == E::Custom(2040),
        Cause::Type => {
            matches!(error, E::AccountDataTooSmall | E::IllegalOwner | E::InvalidAccountData | E::UninitializedAccount)
        }
        Cause::Itself => *error == E::Custom(2011),
        Cause::Seeds => *error == E::InvalidSeeds,
        // The system program is not signed for, or the runtime finds no address.
        Cause::Bump => matches!(error, E::PrivilegeEscalation | E::ProgramFailedToComplete | E::InvalidSeeds),
        Cause::Program => matches!(error, E::IncorrectProgramId | E::MissingAccount | E::Custom(2007)),
        // The system program says that an account is in use.
        Cause::Exists => *error == E::Custom(0),
        Cause::Dust => false,
        Cause::Lamports => *error == E::Custom(1),
        Cause::Payer => *error == E::InvalidArgument,
        Cause::TokenFunds => *error == E::Custom(1),
        Cause::TokenFrozen => *error == E::Custom(17),
        Cause::TokenMemo => *error == E::Custom(36),
        Cause::TokenOwner => *error == E::Custom(4),
        Cause::TokenAccount => {
            matches!(error, E::Custom(3) | E::InvalidAccountData | E::UninitializedAccount | E::IncorrectProgramId)
        }
    }
}
