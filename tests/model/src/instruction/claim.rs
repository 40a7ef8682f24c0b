//! What cannot be paid is owed, and pulled later.

use {
    super::token::Transfer,
    crate::{books::Model, cause::*, limit::account_bytes, state::*},
    solana_address::Address,
};

/// The accounts of an instruction that may have to record a debt.
pub(super) struct DebtAccounts<'a> {
    /// Pays the rent of a claim.
    pub payer: &'a PassedAccount,
    pub unclaimed: &'a PassedAccount,
    pub ledger: &'a PassedAccount,
    pub claim: &'a PassedAccount,
    /// Whether the system program is among the accounts, in whatever place.
    pub has_system: bool,
}

impl Model {
    /// Causes for which a debt to a wallet cannot be recorded. Where the payer only lends the rent of a claim, it gets it
    /// back in the same instruction.
    pub(super) fn can_owe(
        &self,
        causes: &mut Causes,
        at: &Address,
        bus: &ModelBus,
        wallet: &Address,
        accounts: &DebtAccounts,
        lends: bool,
    ) {
        let DebtAccounts { payer, unclaimed, ledger, claim, has_system } = accounts;
        let place = self.claim_address(at, wallet).0;
        causes.rule(unclaimed.address == bus.unclaimed, "UnclaimedMismatch");
        causes.rule(ledger.address == bus.ledger, "LedgerMismatch");
        causes.rule(claim.address == place, "ClaimMismatch");
        let taken = self.has_state(&claim.address) || self.tokens.contains_key(&claim.address);
        causes.unless(!taken || self.claims.contains_key(&claim.address), Cause::Type);
        causes.unless(self.ledgers.contains_key(&ledger.address), Cause::Type);
        causes.written(unclaimed);
        causes.written(ledger);
        causes.written(claim);
        if !self.claims.contains_key(&place) {
            causes.unless(*has_system, Cause::Program);
            let due = self.rent_of(account_bytes::CLAIM).saturating_sub(self.lamports_of(&place));
            self.can_pay(causes, payer, &[(place, account_bytes::CLAIM)], if lends { due } else { 0 });
        }
    }

    /// Records a debt to a wallet, whose tokens have come into the unclaimed account. The first payer pays the rent of a new
    /// claim, the second gets it in the end. Returns what was paid.
    pub(super) fn owe(
        &mut self,
        at: &Address,
        wallet: &Address,
        amount: u64,
        refund: Option<Address>,
        (payer, rent_payer): (&Address, &Address),
    ) -> u64 {
        if amount == 0 {
            return 0;
        }
        let place = self.claim_address(at, wallet).0;
        let mut paid = 0;
        if !self.claims.contains_key(&place) {
            paid = self.rent_of(account_bytes::CLAIM).saturating_sub(self.lamports_of(&place));
            self.pay_rent(payer, &place, account_bytes::CLAIM);
        }
        let claim = self.claims.entry(place).or_insert_with(|| ModelClaim {
            bus: *at,
            wallet: *wallet,
            amount: 0,
            refund: Address::default(),
            rent_payer: *rent_payer,
        });
        claim.amount += amount;
        if let Some(refund) = refund {
            claim.refund = refund;
        }
        let unclaimed = self.buses[at].unclaimed;
        self.book(&unclaimed, amount);
        paid
    }

    pub(super) fn claim_pay(&mut self, accounts: &[PassedAccount; 10]) -> Verdict {
        let [caller, at, ledger, at_claim, wallet, unclaimed, destination, rent_payer, creator, token_program] =
            accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[3]);
        causes.signer(caller);
        for passed in [at, ledger, unclaimed, destination, rent_payer, creator] {
            causes.written(passed);
        }
        let claim = causes.state(at_claim, true, self.claims.get(&at_claim.address));
        let Some(claim) = claim else { return causes.verdict() };
        causes.rule(at.address == claim.bus, "BusMismatch");
        causes.rule(wallet.address == claim.wallet, "ClaimMismatch");
        causes.rule(wallet.address == claim.wallet, "PayeeMismatch");
        causes.rule(rent_payer.address == claim.rent_payer, "RentPayerMismatch");
        let (mint, at_unclaimed, of_creator) = match (self.buses.get(&at.address), self.tombstones.get(&at.address)) {
            (Some(bus), _) => {
                causes.rule(ledger.address == bus.ledger, "LedgerMismatch");
                causes.unless(self.ledgers.contains_key(&ledger.address), Cause::Type);
                (bus.mint, bus.unclaimed, None)
            }
            (None, Some(tombstone)) => (tombstone.mint, tombstone.unclaimed, Some(tombstone.creator)),
            (None, None) => {
                causes.unless(false, Cause::Type);
                return causes.verdict();
            }
        };
        self.settlement(&mut causes, &mint, token_program);
        causes.rule(unclaimed.address == at_unclaimed, "UnclaimedMismatch");
        let is_last = of_creator.is_some() && self.open_of(&at.address).3 == 1;
        causes.rule(!is_last || of_creator == Some(creator.address), "RentPayerMismatch");
        if self.is_bus(&claim.wallet) {
            // A bus is paid nothing: what it is owed goes back to who owes it, and once that is closed, it stays there.
            let back = self.buses.get(&at.address).map(|bus| bus.treasury);
            causes.rule(back == Some(destination.address), "ClaimOfBus");
            causes.rule(self.is_payable(&mint, &destination.address), "PayeeUnpayable");
        } else {
            let recorded = Some(&claim.refund);
            self.payee(&mut causes, &mint, &at.address, &caller.address, &claim.wallet, destination, recorded);
        }
        causes.rule(!self.is_frozen(&at_unclaimed), "PayerFrozen");
        // The last claim of a closed bus takes along what strangers sent.
        let amount = if is_last { self.synced_amount(&at_unclaimed) } else { claim.amount };
        causes.verdict()?;
        if is_last {
            self.sync(&at_unclaimed);
        }
        self.transfer(&[Transfer { from: at_unclaimed, to: destination.address, authority: at.address, amount }])?;
        self.claims.remove(&at_claim.address);
        self.return_rent(&at_claim.address, &rent_payer.address);
        if is_last {
            self.close_tokens(&at_unclaimed, &creator.address);
        }
        Ok(())
    }

    /// Whether a wallet is a bus, or what is left of one: no instruction moves tokens that it would be paid.
    pub(super) fn is_bus(&self, wallet: &Address) -> bool {
        self.buses.contains_key(wallet) || self.tombstones.contains_key(wallet)
    }

    /// Causes for which a wallet cannot be paid into a destination: the wallet itself names any account that takes
    /// payments and is not the bus's; others name the associated account, or the recorded one.
    #[expect(clippy::too_many_arguments, reason = "each is what a payment depends on")]
    pub(super) fn payee(
        &self,
        causes: &mut Causes,
        mint: &Address,
        bus: &Address,
        caller: &Address,
        wallet: &Address,
        destination: &PassedAccount,
        recorded: Option<&Address>,
    ) {
        let to = destination.address;
        let is_wallets = self.tokens.get(&to).is_none_or(|tokens| tokens.owner == *wallet);
        if caller == wallet {
            let of_bus = self.tokens.get(&to).is_some_and(|tokens| tokens.owner == *bus);
            causes.rule(!of_bus, "PayeeIsBusAccount");
        } else {
            let is_named = recorded == Some(&to) || to == self.associated_address(wallet, mint);
            causes.rule(is_named && is_wallets, "PayeeMismatch");
        }
        causes.rule(self.is_payable(mint, &to), "PayeeUnpayable");
        causes.rule(self.is_payable(mint, &to), "TokenAccountInvalid");
    }
}
