//! New and closed accounts, and their rent.

use {
    crate::{books::Model, cause::*},
    solana_address::Address,
};

impl Model {
    /// A new account, which must be at `address` as its seeds say.
    pub(super) fn new_account(&self, causes: &mut Causes, passed: &PassedAccount, address: Address) {
        causes.unless(passed.address == address, Cause::Seeds);
        self.can_create(causes, passed);
    }

    /// Nothing is at the address of a new account yet.
    pub(super) fn can_create(&self, causes: &mut Causes, passed: &PassedAccount) {
        causes.written(passed);
        let taken = self.has_state(&passed.address) || self.tokens.contains_key(&passed.address);
        causes.unless(!taken, Cause::Exists);
    }

    /// The payer can pay the rent of new accounts, each given with its bytes. `returned` lamports come back to it in the
    /// same instruction, after it has paid.
    pub(super) fn can_pay(
        &self,
        causes: &mut Causes,
        payer: &PassedAccount,
        created: &[(Address, u64)],
        returned: u64,
    ) {
        let due: u64 =
            created.iter().map(|(address, bytes)| self.rent_of(*bytes).saturating_sub(self.lamports_of(address))).sum();
        let wallet = !self.tokens.contains_key(&payer.address) && !self.has_state(&payer.address);
        causes.unless(wallet || due == 0, Cause::Payer);
        let left = self.lamports_of(&payer.address).checked_sub(due);
        causes.unless(left.is_some(), Cause::Lamports);
        let in_the_end = left.map(|left| left + returned);
        causes.unless(
            !wallet || due == 0 || in_the_end.is_none_or(|left| left == 0 || left >= self.rent_of(0)),
            Cause::Dust,
        );
    }

    /// Pays what a new account lacks of its rent.
    pub(super) fn pay_rent(&mut self, payer: &Address, address: &Address, bytes: u64) {
        let due = self.rent_of(bytes).saturating_sub(self.lamports_of(address));
        *self.lamports.entry(*payer).or_default() -= due;
        *self.lamports.entry(*address).or_default() += due;
    }

    /// Closes an account: all its lamports go to a wallet.
    pub(super) fn return_rent(&mut self, address: &Address, to: &Address) {
        let lamports = self.lamports.remove(address).unwrap_or(0);
        *self.lamports.entry(*to).or_default() += lamports;
    }
}
