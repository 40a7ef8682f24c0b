//! Buses are created and closed.

use {
    crate::{
        books::Model,
        call::NewBus,
        cause::*,
        instruction::token::Transfer,
        limit::{self, account_bytes},
        state::*,
    },
    solana_address::Address,
    std::collections::{BTreeMap, BTreeSet},
};

impl Model {
    pub(super) fn bus_create(&mut self, accounts: &[PassedAccount; 11], bus_seq: u64, config: NewBus) -> Verdict {
        let [creator, counter, bus, ledger, capacity, mint, treasury, unclaimed, escrow, token_program, system] =
            accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1, 2, 3, 4, 6, 7, 8]);
        causes.payer(creator);
        causes.system_program(system);
        let known = causes.state(counter, true, self.creators.get(&counter.address));
        causes.unless(counter.address == self.creator_address(&creator.address).0, Cause::Seeds);
        causes.rule(known.is_none_or(|known| known.next_bus == bus_seq), "NumberNotNext");
        self.new_account(&mut causes, bus, self.bus_address(&creator.address, bus_seq).0);
        self.new_account(&mut causes, ledger, self.ledger_address(&bus.address).0);
        self.new_account(&mut causes, capacity, self.capacity_address(&bus.address, 0).0);
        self.new_account(&mut causes, treasury, self.treasury_address(&bus.address));
        self.new_account(&mut causes, unclaimed, self.unclaimed_address(&bus.address));
        self.new_account(&mut causes, escrow, self.escrow_address(&bus.address));
        let created = [
            (bus.address, account_bytes::BUS),
            (ledger.address, account_bytes::LEDGER),
            (capacity.address, account_bytes::CAPACITY),
            (treasury.address, account_bytes::TOKENS),
            (unclaimed.address, account_bytes::TOKENS),
            (escrow.address, account_bytes::TOKENS),
        ];
        self.can_pay(&mut causes, creator, &created, 0);
        match self.mints.get(&mint.address) {
            None => {
                causes.rule(false, "TokenProgramInvalid");
                causes.rule(!self.tokens.contains_key(&mint.address), "MintInvalid");
            }
            Some(found) => {
                causes.rule(found.program == token_program.address, "TokenProgramInvalid");
                if let Some(name) = found.refused_as {
                    causes.rule(false, name);
                }
            }
        }
        Self::config_fits(&mut causes, &config, &creator.address, &bus.address);
        causes.verdict()?;
        for (address, bytes) in &created[..3] {
            self.pay_rent(&creator.address, address, *bytes);
        }
        for account in [treasury, unclaimed, escrow] {
            self.open_tokens(&creator.address, &account.address, &mint.address, &bus.address);
        }
        self.creators.get_mut(&counter.address).expect("found above").next_bus += 1;
        let general = ModelCapacity::general(bus.address, creator.address, config.capacity_wh);
        self.capacities.insert(capacity.address, general);
        self.ledgers.insert(ledger.address, bus.address);
        let owner = |(wallet, share_bps): (Address, u16)| ModelOwner {
            wallet,
            share_bps,
            accrued: 0,
            claimed: 0,
            next_proposal: self.first_number(),
        };
        let created = ModelBus {
            creator: creator.address,
            bus_seq,
            name: config.name,
            mint: mint.address,
            ledger: ledger.address,
            general: capacity.address,
            treasury: treasury.address,
            unclaimed: unclaimed.address,
            escrow: escrow.address,
            seller: self.seller_address(&bus.address, &bus.address).0,
            owners: config.owners.into_iter().map(owner).collect(),
            former: BTreeMap::new(),
            diverted: 0,
            proposals_from: 0,
            threshold: config.threshold,
            pause_quorum: config.pause_quorum,
            listing_policy: config.listing_policy,
            paused: false,
            closing: false,
            closing_at: 0,
            timelock_seconds: config.timelock_seconds,
            horizon_seconds: config.horizon_seconds,
            lock_fee_bps: config.lock_fee_bps,
            capacity_wh: config.capacity_wh,
            base_price_per_kwh: config.base_price_per_kwh,
            reserve_price_per_kwh: config.reserve_price_per_kwh,
            least_wh: config.least_wh,
            operator: config.operator,
            grid_recipient: config.grid_recipient,
            terms: config.terms,
            next_terms: None,
            readings_until: 0,
            config_version: 0,
            pause_version: 0,
            created_at: self.now,
        };
        self.buses.insert(bus.address, created);
        assert!(self.numbered_ever.insert(bus.address), "a bus's address comes twice");
        Ok(())
    }

    fn config_fits(causes: &mut Causes, config: &NewBus, creator: &Address, bus: &Address) {
        let name = std::str::from_utf8(&config.name).expect("read as text");
        causes.rule(
            !name.is_empty() && name.len() <= limit::MAX_NAME_BYTES && !name.chars().any(char::is_control),
            "NameInvalid",
        );
        let count = config.owners.len();
        causes.rule((1..=limit::MAX_OWNERS).contains(&count), "OwnerCountInvalid");
        let names: BTreeSet<_> = config.owners.iter().map(|(owner, _)| *owner).collect();
        causes.rule(names.len() == count, "OwnerDuplicate");
        causes.rule(!names.contains(&Address::default()), "OwnerZero");
        causes.rule(!names.contains(bus), "OwnerIsTheBus");
        causes.rule(names.contains(creator), "CreatorNotOwner");
        causes.rule(limit::are_all_shares(config.owners.iter().map(|(_, share)| share)), "SharesInvalid");
        causes.rule(config.threshold >= 1 && config.threshold as usize <= count, "ThresholdInvalid");
        causes.rule(config.pause_quorum <= config.threshold, "PauseQuorumInvalid");
        causes.rule(config.listing_policy <= limit::OPEN, "ListingPolicyUnknown");
        causes.rule(config.lock_fee_bps <= limit::MAX_LOCK_FEE_BPS, "LockFeeTooHigh");
        causes.rule(config.timelock_seconds <= limit::MAX_TIMELOCK_SECONDS, "TimelockTooLong");
        causes.rule(limit::HORIZON_SECONDS.contains(&config.horizon_seconds), "HorizonInvalid");
        Self::terms_fit(causes, &config.terms, config.horizon_seconds, config.operator.is_some());
        Self::capacity_fits(causes, config.capacity_wh);
        causes.rule(config.base_price_per_kwh > 0, "BasePriceZero");
        causes.rule((1..=limit::MAX_CAPACITY_WH).contains(&config.least_wh), "LeastSizeInvalid");
        causes.rule(config.operator.is_none_or(|wallet| Self::is_wallet(&wallet, bus)), "OperatorInvalid");
        causes.rule(config.grid_recipient.is_none_or(|wallet| Self::is_wallet(&wallet, bus)), "GridRecipientInvalid");
    }

    /// Whether an address may stand for somebody on a bus: zeros are nobody, and the bus itself acts by its owners.
    pub(super) fn is_wallet(address: &Address, bus: &Address) -> bool {
        *address != Address::default() && address != bus
    }

    /// Causes for which no bus can have these terms.
    pub(super) fn terms_fit(causes: &mut Causes, terms: &ModelTerms, horizon: u32, has_operator: bool) {
        let (window, gate_closure) = (terms.window_seconds, terms.gate_closure_seconds);
        let fits = (window, gate_closure) == (0, 0)
            || (limit::WINDOW_SECONDS.contains(&window) && gate_closure <= limit::MAX_GATE_CLOSURE_SECONDS);
        causes.rule(fits, "WindowsInvalid");
        causes.rule(u64::from(window) + u64::from(gate_closure) < u64::from(horizon), "HorizonTooShort");
        causes.rule(terms.grid_fee_per_kwh <= limit::MAX_GRID_FEE, "GridFeeTooHigh");
        if terms.auction {
            causes.rule(terms.has_windows(), "AuctionWithoutWindows");
            let long = u64::from(window) + u64::from(gate_closure) >= u64::from(limit::MIN_AUCTION_SECONDS);
            causes.rule(long || !terms.has_windows(), "AuctionTooShort");
        }
        let times = [terms.reading_deadline_seconds, terms.correction_seconds];
        match terms.settlement {
            ON_PURCHASE => causes.rule(times == [0, 0], "ReadingTimesInvalid"),
            ON_DELIVERY => {
                causes.rule(terms.has_windows(), "DeliveryWithoutWindows");
                causes.rule(has_operator, "OperatorNeeded");
                causes.rule(times.iter().all(|time| limit::READING_SECONDS.contains(time)), "ReadingTimesInvalid");
            }
            _ => causes.rule(false, "SettlementUnknown"),
        }
    }

    pub(super) fn capacity_fits(causes: &mut Causes, capacity_wh: u64) {
        causes.rule(capacity_wh > 0, "CapacityZero");
        causes.rule(capacity_wh <= limit::MAX_CAPACITY_WH, "CapacityTooLarge");
    }

    /// The ledger at a passed address, which must be of the bus.
    pub(super) fn ledger_of(&self, causes: &mut Causes, passed: &PassedAccount, bus: &Address) {
        let found = causes.state(passed, true, self.ledgers.get(&passed.address));
        causes.rule(found.is_none_or(|of| of == bus), "LedgerMismatch");
    }

    pub(super) fn bus_close(&mut self, accounts: &[PassedAccount; 10], claims: &[PassedAccount]) -> Verdict {
        let [caller, at, ledger, general, treasury, unclaimed, escrow, creator, token_program, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[1, 2, 3]);
        causes.payer(caller);
        [treasury, unclaimed, escrow, creator].iter().for_each(|passed| causes.written(passed));
        causes.system_program(system);
        let once = [at.address, ledger.address, general.address];
        causes.unless(!claims.iter().any(|passed| once.contains(&passed.address)), Cause::Twice);
        let bus = causes.state(at, true, self.buses.get(&at.address));
        self.ledger_of(&mut causes, ledger, &at.address);
        let found = causes.state(general, true, self.capacities.get(&general.address));
        let Some(bus) = bus else { return causes.verdict() };
        causes.rule(ledger.address == bus.ledger, "CapacityMismatch");
        causes.rule(found.is_none() || general.address == bus.general, "CapacityMismatch");
        causes.rule(treasury.address == bus.treasury, "TreasuryMismatch");
        causes.rule(unclaimed.address == bus.unclaimed, "UnclaimedMismatch");
        causes.rule(escrow.address == bus.escrow, "EscrowMismatch");
        causes.rule(creator.address == bus.creator, "RentPayerMismatch");
        self.settlement(&mut causes, &bus.mint, token_program);
        causes.rule(bus.closing, "BusNotClosing");
        let (sellers, windows, proposals, open_claims) = self.open_of(&at.address);
        causes.rule(sellers + windows + proposals == 0, "BusInUse");
        causes.rule(bus.former.is_empty(), "FormerOwnersUnpaid");
        let of = |owner: &ModelOwner| self.claim_address(&at.address, &owner.wallet).0;
        let places: Vec<Address> = bus.owners.iter().map(of).collect();
        causes.rule(places.len() == claims.len(), "OwnerClaimsMissing");
        // Everything that is nobody's: the treasury, what auctions left in the escrow, and what strangers sent to the unclaimed
        // account or was diverted there.
        let (revenue, left) = (self.synced_amount(&bus.treasury), self.synced_amount(&bus.escrow));
        let gifts = (self.synced_amount(&bus.unclaimed) - self.claims_on(&at.address)) as u128;
        let all = (revenue as u128 + left as u128 + gifts) as u64;
        let (diverted, divided) = (bus.diverted, ModelBus { diverted: 0, ..bus.clone() });
        let due = |owner: &ModelOwner| divided.claimable(&owner.wallet, all) as u64;
        let mut shares: Vec<u64> = bus.owners.iter().map(due).collect();
        shares[0] += all - shares.iter().sum::<u64>();
        // The claim of an owner who gets nothing is not looked at.
        for ((place, passed), _) in places.iter().zip(claims).zip(&shares).filter(|(_, share)| **share > 0) {
            causes.rule(*place == passed.address, "OwnerClaimsMissing");
            causes.rule(*place == passed.address, "ClaimMismatch");
            causes.written(passed);
        }
        let created: Vec<(Address, u64)> = places
            .iter()
            .zip(&shares)
            .filter(|(place, share)| **share > 0 && !self.claims.contains_key(*place))
            .map(|(place, _)| (*place, account_bytes::CLAIM))
            .collect();
        // The bus's own rent pays for as many claims as it can: the caller only lends it.
        let claim_lamports = self.rent_of(account_bytes::CLAIM);
        let stone_lamports = self.rent_of(account_bytes::TOMBSTONE);
        let freed: u64 = [at.address, bus.ledger, bus.general].iter().map(|account| self.lamports_of(account)).sum();
        let mut lendable = freed.saturating_sub(stone_lamports + limit::EMPTY_WALLET_LAMPORTS);
        let (mut lent, mut rent_payers) = (0, Vec::new());
        for (place, share) in places.iter().zip(&shares) {
            let is_lent = lendable >= claim_lamports;
            rent_payers.push(if is_lent { bus.creator } else { caller.address });
            if is_lent && *share > 0 && !self.claims.contains_key(place) {
                let due = claim_lamports.saturating_sub(self.lamports_of(place));
                (lendable, lent) = (lendable - due, lent + due);
            }
        }
        let returned = if caller.address == bus.creator { u64::MAX / 2 } else { lent };
        // Where the issuer has frozen what has to move, or where it has to go, the bus waits.
        let froze = |account: &Address, amount: u64| amount > 0 && self.is_frozen(account);
        let stuck = froze(&bus.treasury, revenue) || froze(&bus.escrow, left);
        causes.rule(!stuck && !froze(&bus.unclaimed, revenue.max(left)), "PayerFrozen");
        let ends_empty = created.is_empty() && open_claims == 0;
        if !created.is_empty() {
            self.can_pay(&mut causes, caller, &created, returned);
        }
        causes.verdict()?;
        let (escrow, creator) = (bus.escrow, bus.creator);
        let (treasury, unclaimed) = (bus.treasury, bus.unclaimed);
        let wallets: Vec<Address> = bus.owners.iter().map(|owner| owner.wallet).collect();
        self.sync(&treasury);
        self.sync(&unclaimed);
        self.sync(&escrow);
        let moved = |from, amount| Transfer { from, to: unclaimed, authority: at.address, amount };
        let transfers = [moved(treasury, revenue), moved(escrow, left)];
        self.transfer(&transfers.into_iter().filter(|transfer| transfer.amount > 0).collect::<Vec<_>>())?;
        // What was diverted is divided with the rest.
        *self.gifts.get_mut(&unclaimed).expect("an account with books") += diverted as i128;
        for ((wallet, share), rent_payer) in wallets.iter().zip(shares).zip(&rent_payers) {
            self.owe(&at.address, wallet, share, None, (&caller.address, rent_payer));
        }
        self.close_tokens(&treasury, &creator);
        self.close_tokens(&escrow, &creator);
        let bus = self.buses.remove(&at.address).expect("found above");
        let left = ModelTombstone { creator, bus_seq: bus.bus_seq, mint: bus.mint, unclaimed, closed_at: self.now };
        self.tombstones.insert(at.address, left);
        self.ledgers.remove(&bus.ledger);
        self.capacities.remove(&bus.general);
        self.return_rent(&bus.ledger, &creator);
        self.return_rent(&bus.general, &creator);
        // The tombstone keeps its own rent, and the caller gets back what it lent.
        let freed = self.lamports_of(&at.address) - stone_lamports;
        *self.lamports.get_mut(&at.address).expect("a bus") -= freed;
        *self.lamports.entry(creator).or_default() += freed;
        *self.lamports.entry(creator).or_default() -= lent;
        *self.lamports.entry(caller.address).or_default() += lent;
        if ends_empty {
            self.close_tokens(&unclaimed, &creator);
        }
        Ok(())
    }
}
