//! Why an instruction may be refused.

use {solana_address::Address, std::collections::BTreeSet};

/// An account that is passed to an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassedAccount {
    pub address: Address,
    pub is_signer: bool,
    pub is_writable: bool,
}

/// One reason to refuse an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A rule of the market does not hold; this is the name of its error.
    Rule(&'static str),
    /// The bytes are not an instruction.
    Data,
    /// There are too few accounts.
    Missing,
    /// A signature is missing, or the payer is passed read-only.
    Signature,
    /// An account that would be written is passed read-only.
    Readonly,
    /// An account that would be written is passed twice.
    Twice,
    /// The account is of another type or program, or does not exist.
    Type,
    /// The account is not at the address that its seeds make.
    Seeds,
    /// The account is not at the address that the seeds and the named bump make, so these do not sign for it.
    Bump,
    /// Another program is passed for the system program.
    Program,
    /// An account's rent would go to the account itself, which closes.
    Itself,
    /// The account that would be created exists already.
    Exists,
    /// The payer is not a wallet.
    Payer,
    /// A wallet would be left with less than its own rent. The runtime finds this at the end of the transaction.
    Dust,
    /// A wallet has too few lamports.
    Lamports,
    /// A token account has too few tokens.
    TokenFunds,
    /// A token account is frozen.
    TokenFrozen,
    /// The account that gets tokens asks for a memo.
    TokenMemo,
    /// The signer may not move these tokens.
    TokenOwner,
    /// The source or the destination is not a token account of the mint.
    TokenAccount,
}

/// Every cause for which an instruction may be refused. If there is none, it must be executed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes(pub BTreeSet<Cause>);

impl Causes {
    /// Adds a cause where a condition does not hold.
    pub(crate) fn unless(&mut self, holds: bool, cause: Cause) {
        if !holds {
            self.0.insert(cause);
        }
    }

    /// Adds a rule of the market where it does not hold.
    pub(crate) fn rule(&mut self, holds: bool, name: &'static str) {
        self.unless(holds, Cause::Rule(name));
    }

    pub(crate) fn signer(&mut self, passed: &PassedAccount) {
        self.unless(passed.is_signer, Cause::Signature);
    }

    /// The payer signs and is written.
    pub(crate) fn payer(&mut self, passed: &PassedAccount) {
        self.unless(passed.is_signer && passed.is_writable, Cause::Signature);
    }

    /// This is the system program.
    pub(crate) fn system_program(&mut self, passed: &PassedAccount) {
        self.unless(passed.address == Address::default(), Cause::Program);
    }

    pub(crate) fn written(&mut self, passed: &PassedAccount) {
        self.unless(passed.is_writable, Cause::Readonly);
    }

    /// The account of the program that was `found` at a passed address.
    pub(crate) fn state<T>(&mut self, passed: &PassedAccount, written: bool, found: Option<T>) -> Option<T> {
        if written {
            self.written(passed);
        }
        self.unless(found.is_some(), Cause::Type);
        found
    }

    /// None of the accounts at the indices `written` is passed a second time.
    pub(crate) fn once(&mut self, accounts: &[PassedAccount], written: &[usize]) {
        for index in written {
            let is_another =
                |(at, passed): (usize, &PassedAccount)| at != *index && passed.address == accounts[*index].address;
            self.unless(!accounts.iter().enumerate().any(is_another), Cause::Twice);
        }
    }

    /// None of the accounts after the named ones is one of those at the indices `written`.
    pub(crate) fn once_after(&mut self, accounts: &[PassedAccount], written: &[usize], rest: &[PassedAccount]) {
        let repeats = |passed: &PassedAccount| written.iter().any(|index| accounts[*index].address == passed.address);
        self.unless(!rest.iter().any(repeats), Cause::Twice);
    }

    pub(crate) fn verdict(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl From<Cause> for Causes {
    fn from(cause: Cause) -> Self {
        Self(BTreeSet::from([cause]))
    }
}

/// Result of an instruction: it is executed, or refused for one of these causes.
pub(crate) type Verdict = Result<(), Causes>;
