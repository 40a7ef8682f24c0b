//! Why an instruction is refused, as a test expects it.

use {
    multibus::error::MultibusError,
    solana_instruction::error::InstructionError,
    std::{cell::RefCell, collections::BTreeSet},
};

/// Why an instruction is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An error of the market.
    Market(MultibusError),
    /// An error of the runtime, of Anchor or of another program.
    Instruction(InstructionError),
    /// The account is not one of the type and program that belong into its place: it is too short, another
    /// program's or of another type. Which of these is found first is no promise of the program.
    NotTheAccount,
    /// The account is passed read-only where it is written: Anchor finds it, or the runtime does when the system
    /// program is to create it.
    NotWritable,
}

impl Refusal {
    /// An error of Anchor or of another program, by its number.
    pub fn custom(code: u32) -> Self {
        Self::Instruction(InstructionError::Custom(code))
    }

    /// Its name in the classes of attacks: of another program's error the number.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Market(error) => error.name().to_owned(),
            Self::Instruction(InstructionError::Custom(number)) => number.to_string(),
            Self::Instruction(error) => format!("{error:?}"),
            Self::NotTheAccount | Self::NotWritable => format!("{self:?}"),
        }
    }

    /// Whether the chain may give this error for it.
    pub(crate) fn covers(&self, error: &InstructionError) -> bool {
        match self {
            Self::Market(expected) => *error == InstructionError::Custom(code_of(*expected)),
            Self::Instruction(expected) => error == expected,
            Self::NotTheAccount => matches!(
                error,
                InstructionError::AccountDataTooSmall
                    | InstructionError::IllegalOwner
                    | InstructionError::UninitializedAccount
                    | InstructionError::InvalidAccountData
            ),
            Self::NotWritable => {
                matches!(error, InstructionError::Custom(2000) | InstructionError::PrivilegeEscalation)
            }
        }
    }
}

impl From<MultibusError> for Refusal {
    fn from(error: MultibusError) -> Self {
        Self::Market(error)
    }
}

impl From<InstructionError> for Refusal {
    fn from(error: InstructionError) -> Self {
        Self::Instruction(error)
    }
}

/// Number of an error of the market, as clients see it.
pub fn code_of(error: MultibusError) -> u32 {
    match anchor_lang::Error::from(error) {
        anchor_lang::Error::Custom(code) => code,
        other => panic!("{error:?} is no custom error but {other:?}"),
    }
}

thread_local! {
    static SEEN: RefCell<BTreeSet<u32>> = const { RefCell::new(BTreeSet::new()) };
}

/// Numbers of the market's errors that [`TestChain::assert_refused`](crate::TestChain::assert_refused) has seen on this thread.
pub fn seen_refusals() -> BTreeSet<u32> {
    SEEN.with_borrow(Clone::clone)
}

/// Notes that an instruction was refused as expected.
pub(crate) fn saw(refusal: &Refusal) {
    if let Refusal::Market(error) = refusal {
        SEEN.with_borrow_mut(|seen| seen.insert(code_of(*error)));
    }
}

/// The name of an error of the market, or the runtime's name of another error.
pub fn error_name(error: &InstructionError) -> String {
    match error {
        InstructionError::Custom(code) => {
            MultibusError::from_code(*code).map_or_else(|| format!("Custom({code})"), |error| error.name().to_owned())
        }
        other => format!("{other:?}"),
    }
}
