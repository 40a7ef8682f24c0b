//! Sellers are opened, admitted, suspended, paid and closed.

use {
    super::{claim::DebtAccounts, token::Transfer},
    crate::{
        books::Model,
        cause::*,
        limit::{MAX_FIRST_SLOT_AHEAD, account_bytes},
        state::*,
    },
    solana_address::Address,
};

impl Model {
    /// The first number of a counter that begins at this slot; 0 is the present one.
    pub(super) fn counter_from(&self, causes: &mut Causes, first_slot: u64) -> u64 {
        let first_slot = if first_slot == 0 { self.slot } else { first_slot };
        causes.rule((self.slot..=self.slot + MAX_FIRST_SLOT_AHEAD).contains(&first_slot), "FirstSlotInvalid");
        first_slot << crate::limit::COUNTER_SLOT_SHIFT
    }

    /// Causes for which the seller account of a wallet cannot be opened at the passed addresses.
    pub(super) fn can_open_seller(
        &self,
        causes: &mut Causes,
        bus: &Address,
        wallet: &Address,
        passed: [&PassedAccount; 4],
    ) {
        let [payer, seller, vault, system] = passed;
        causes.system_program(system);
        self.is_seller_place(causes, bus, wallet, seller, vault);
        self.can_create(causes, seller);
        self.can_create(causes, vault);
        let created = [(seller.address, account_bytes::SELLER), (vault.address, account_bytes::TOKENS)];
        self.can_pay(causes, payer, &created, 0);
    }

    pub(super) fn is_seller_place(
        &self,
        causes: &mut Causes,
        bus: &Address,
        wallet: &Address,
        seller: &PassedAccount,
        vault: &PassedAccount,
    ) {
        let place = self.seller_address(bus, wallet).0;
        causes.rule(seller.address == place, "SellerMismatch");
        causes.rule(vault.address == self.vault_address(&seller.address), "VaultMismatch");
    }

    pub(super) fn open_seller(&mut self, bus: &Address, wallet: &Address, payer: &Address, first: u64) {
        let at = self.seller_address(bus, wallet).0;
        let vault = self.vault_address(&at);
        let mint = self.buses[bus].mint;
        self.pay_rent(payer, &at, account_bytes::SELLER);
        self.open_tokens(payer, &vault, &mint, bus);
        let opened = ModelSeller {
            bus: *bus,
            wallet: *wallet,
            vault,
            rent_payer: *payer,
            suspended: false,
            admitted: false,
            open_offers: 0,
            next_offer: first,
            released: 0,
            opened_at: self.now,
            grid_fees_owed: 0,
            meter: None,
            open_books: 0,
        };
        self.sellers.insert(at, opened);
    }

    pub(super) fn seller_open(&mut self, accounts: &[PassedAccount; 8], wallet: Address, first_slot: u64) -> Verdict {
        let [payer, at, ledger, seller, vault, mint, token_program, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 2, 3, 4]);
        causes.payer(payer);
        causes.system_program(system);
        let bus = causes.state(at, false, self.buses.get(&at.address));
        self.ledger_of(&mut causes, ledger, &at.address);
        let Some(bus) = bus else { return causes.verdict() };
        self.settlement_mint(&mut causes, bus, mint, token_program);
        causes.rule(!bus.closing, "BusClosing");
        let is_owner = bus.is_owner(&payer.address);
        if wallet == at.address {
            causes.rule(is_owner, "NotTheSeller");
        } else {
            causes.rule(wallet == payer.address, "ListingClosed");
            causes.rule(wallet == payer.address, "NotTheSeller");
            causes.rule(is_owner || bus.listing_policy == crate::limit::OPEN, "ListingClosed");
        }
        let first = self.counter_from(&mut causes, first_slot);
        self.can_open_seller(&mut causes, &at.address, &wallet, [payer, seller, vault, system]);
        causes.verdict()?;
        self.open_seller(&at.address, &wallet, &payer.address, first);
        Ok(())
    }

    pub(super) fn seller_admit(&mut self, accounts: &[PassedAccount; 8], wallet: Address) -> Verdict {
        let [operator, at, ledger, seller, vault, mint, token_program, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 2, 3, 4]);
        causes.payer(operator);
        causes.system_program(system);
        let bus = causes.state(at, false, self.buses.get(&at.address));
        self.ledger_of(&mut causes, ledger, &at.address);
        causes.written(seller);
        causes.written(vault);
        let Some(bus) = bus else { return causes.verdict() };
        self.settlement_mint(&mut causes, bus, mint, token_program);
        causes.rule(bus.is_operator(&operator.address), "NotTheOperator");
        // A seller that has its account may be admitted again; none opens any more.
        let is_open = self.sellers.contains_key(&seller.address);
        causes.rule(!bus.closing || is_open, "BusClosing");
        self.can_admit(&mut causes, &at.address, &wallet, [operator, seller, vault, system]);
        causes.verdict()?;
        self.admit(&at.address, &wallet, &operator.address);
        Ok(())
    }

    /// Causes for which a seller cannot be admitted. Its account is opened where there is none.
    pub(super) fn can_admit(&self, causes: &mut Causes, bus: &Address, wallet: &Address, passed: [&PassedAccount; 4]) {
        let [_, seller, ..] = passed;
        let place = self.seller_address(bus, wallet).0;
        causes.rule(seller.address == place, "SellerMismatch");
        let taken = self.has_state(&seller.address) || self.tokens.contains_key(&seller.address);
        causes.unless(!taken || self.sellers.contains_key(&seller.address), Cause::Type);
        causes.rule(*wallet != Address::default(), "SellerMismatch");
        if !self.sellers.contains_key(&place) {
            self.can_open_seller(causes, bus, wallet, passed);
        }
    }

    pub(super) fn admit(&mut self, bus: &Address, wallet: &Address, payer: &Address) {
        let place = self.seller_address(bus, wallet).0;
        if !self.sellers.contains_key(&place) {
            self.open_seller(bus, wallet, payer, self.first_number());
        }
        let seller = self.sellers.get_mut(&place).expect("opened above");
        (seller.admitted, seller.suspended) = (true, false);
    }

    pub(super) fn seller_suspend(&mut self, accounts: &[PassedAccount; 3]) -> Verdict {
        let [operator, at, at_seller] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2]);
        causes.signer(operator);
        let bus = causes.state(at, false, self.buses.get(&at.address));
        let seller = causes.state(at_seller, true, self.sellers.get(&at_seller.address));
        causes.rule(seller.is_none_or(|seller| seller.bus == at.address), "SellerMismatch");
        causes.rule(bus.is_none_or(|bus| bus.is_operator(&operator.address)), "NotTheOperator");
        causes.verdict()?;
        self.suspend(&at_seller.address);
        Ok(())
    }

    pub(super) fn suspend(&mut self, at: &Address) {
        let seller = self.sellers.get_mut(at).expect("a seller");
        (seller.admitted, seller.suspended) = (false, true);
    }

    /// The seller at a passed address, and the passed bus, which must be the seller's.
    pub(super) fn seller_on(
        &self,
        causes: &mut Causes,
        bus: &PassedAccount,
        seller: &PassedAccount,
    ) -> Option<(&ModelBus, &ModelSeller)> {
        let found = causes.state(bus, false, self.buses.get(&bus.address));
        let seller = causes.state(seller, true, self.sellers.get(&seller.address))?;
        causes.rule(bus.address == seller.bus, "BusMismatch");
        Some((found?, seller))
    }

    pub(super) fn seller_withdraw(&mut self, accounts: &[PassedAccount; 6]) -> Verdict {
        let [caller, at, at_seller, vault, destination, token_program] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2]);
        causes.signer(caller);
        causes.written(vault);
        causes.written(destination);
        let Some((bus, seller)) = self.seller_on(&mut causes, at, at_seller) else { return causes.verdict() };
        causes.rule(vault.address == seller.vault, "VaultMismatch");
        self.settlement(&mut causes, &bus.mint, token_program);
        causes.rule(seller.released > 0, "NothingToWithdraw");
        if seller.is_own() {
            causes.rule(destination.address == bus.treasury, "WithdrawNotToTreasury");
            causes.rule(self.is_payable(&bus.mint, &destination.address), "PayeeUnpayable");
            causes.rule(self.is_payable(&bus.mint, &destination.address), "TokenAccountInvalid");
        } else {
            self.payee(&mut causes, &bus.mint, &at.address, &caller.address, &seller.wallet, destination, None);
        }
        causes.rule(!self.is_frozen(&seller.vault), "PayerFrozen");
        causes.verdict()?;
        let amount = seller.released;
        self.transfer(&[Transfer { from: vault.address, to: destination.address, authority: at.address, amount }])?;
        self.sellers.get_mut(&at_seller.address).expect("found above").released = 0;
        Ok(())
    }

    pub(super) fn seller_close(&mut self, accounts: &[PassedAccount; 12]) -> Verdict {
        let [
            caller,
            at,
            ledger,
            at_seller,
            vault,
            destination,
            treasury,
            unclaimed,
            claim,
            rent_payer,
            token_program,
            system,
        ] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2, 3]);
        causes.payer(caller);
        causes.system_program(system);
        for passed in [ledger, vault, destination, treasury, unclaimed, claim, rent_payer] {
            causes.written(passed);
        }
        let Some((bus, seller)) = self.seller_on(&mut causes, at, at_seller) else {
            causes.rule(self.ledgers.contains_key(&ledger.address), "LedgerMismatch");
            return causes.verdict();
        };
        causes.rule(ledger.address == bus.ledger, "LedgerMismatch");
        causes.unless(self.ledgers.contains_key(&ledger.address), Cause::Type);
        causes.rule(vault.address == seller.vault, "VaultMismatch");
        causes.rule(treasury.address == bus.treasury, "TreasuryMismatch");
        causes.rule(unclaimed.address == bus.unclaimed, "UnclaimedMismatch");
        causes.rule(rent_payer.address == seller.rent_payer, "RentPayerMismatch");
        self.settlement(&mut causes, &bus.mint, token_program);
        causes.rule(seller.open_offers == 0, "SellerHasOffers");
        causes.rule(seller.open_books == 0, "SellerHasBooks");
        causes.rule(seller.meter.is_none(), "SellerHasMeter");
        causes.rule(seller.grid_fees_owed == 0, "SellerOwesGridFees");
        if !bus.closing {
            let is_seller =
                if seller.is_own() { bus.is_owner(&caller.address) } else { caller.address == seller.wallet };
            causes.rule(is_seller, "NotTheSeller");
            causes.rule(!seller.suspended, "SellerSuspended");
            causes.rule(seller.next_offer <= self.first_number(), "CounterBusy");
        }
        let due = seller.released;
        let gift = self.synced_amount(&seller.vault) - due;
        let mut refused = Causes::default();
        if seller.is_own() {
            refused.rule(destination.address == bus.treasury, "WithdrawNotToTreasury");
            refused.rule(self.is_payable(&bus.mint, &destination.address), "PayeeUnpayable");
        } else {
            self.payee(&mut refused, &bus.mint, &at.address, &caller.address, &seller.wallet, destination, None);
        }
        let is_associated = destination.address == self.associated_address(&seller.wallet, &bus.mint);
        let names = seller.is_own() || caller.address == seller.wallet || is_associated;
        causes.rule(due == 0 || names, "PayeeMismatch");
        let records = due > 0 && !refused.0.is_empty() && !seller.is_own();
        if due > 0 && seller.is_own() {
            causes.0.extend(refused.0);
        } else if records {
            let accounts = DebtAccounts { payer: caller, unclaimed, ledger, claim, has_system: true };
            self.can_owe(&mut causes, &at.address, bus, &seller.wallet, &accounts, true);
            causes.rule(!self.is_frozen(&bus.unclaimed), "PayerFrozen");
        }
        causes.rule(due == 0 && gift == 0 || !self.is_frozen(&seller.vault), "PayerFrozen");
        let gift_to = if self.is_frozen(&bus.treasury) { bus.unclaimed } else { bus.treasury };
        causes.rule(gift == 0 || !self.is_frozen(&gift_to), "PayerFrozen");
        causes.rule(gift == 0 || !self.is_frozen(&gift_to), "PayeeUnpayable");
        causes.verdict()?;
        let to = if records { bus.unclaimed } else { destination.address };
        let (wallet, from, authority) = (seller.wallet, seller.vault, at.address);
        let treasury = bus.treasury;
        self.sync(&from);
        let mut transfers = Vec::new();
        if due > 0 {
            transfers.push(Transfer { from, to, authority, amount: due });
        }
        if gift > 0 {
            transfers.push(Transfer { from, to: gift_to, authority, amount: gift });
        }
        self.transfer(&transfers)?;
        if records {
            // The seller account's rent pays for the claim: the caller only lends it.
            let rent_payer = rent_payer.address;
            let lent = self.owe(&at.address, &wallet, due, None, (&caller.address, &rent_payer));
            *self.lamports.get_mut(&at_seller.address).expect("a seller") -= lent;
            *self.lamports.entry(caller.address).or_default() += lent;
        }
        if gift > 0 && gift_to != treasury {
            self.book(&gift_to, gift);
            self.buses.get_mut(&at.address).expect("found above").diverted += gift;
        }
        self.sellers.remove(&at_seller.address);
        self.close_tokens(&from, &rent_payer.address);
        self.return_rent(&at_seller.address, &rent_payer.address);
        Ok(())
    }
}
