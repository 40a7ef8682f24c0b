//! What the market does with an instruction, and every cause for which it may refuse it.

use {
    super::{instruction::Terms, *},
    std::collections::BTreeSet,
};

/// An account as an instruction names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    pub address: Address,
    pub is_signer: bool,
    pub is_writable: bool,
}

/// Why an instruction is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A rule of the market, by the name of its error.
    Rule(&'static str),
    /// The bytes are no instruction.
    Data,
    /// There are too few accounts.
    Missing,
    /// A signature is missing (or who pays is passed read-only).
    Signature,
    /// What would be written is passed read-only.
    Readonly,
    /// What would be written is passed twice.
    Twice,
    /// The account is of another type or program, or does not exist.
    Type,
    /// The account is not at the address that its seeds make.
    Seeds,
    /// Another program is passed for the system program.
    Program,
    /// What would be created exists.
    Exists,
    /// Who would pay is no wallet.
    Payer,
    /// A wallet would be left with less than its own rent, which the runtime sees at the end.
    Dust,
    /// A wallet lacks lamports.
    Lamports,
    /// A token account lacks tokens.
    TokenFunds,
    /// A token account is frozen.
    TokenFrozen,
    /// Who signs may not move these tokens.
    TokenOwner,
    /// What pays or is paid is no token account of the mint.
    TokenAccount,
}

/// Every cause for which an instruction may be refused; none where it must be carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes(pub BTreeSet<Cause>);

impl Causes {
    fn unless(&mut self, holds: bool, cause: Cause) {
        if !holds {
            self.0.insert(cause);
        }
    }

    fn rule(&mut self, holds: bool, name: &'static str) {
        self.unless(holds, Cause::Rule(name));
    }

    fn signer(&mut self, meta: &Meta) {
        self.unless(meta.is_signer, Cause::Signature);
    }

    /// Who pays: signs and is written.
    fn payer(&mut self, meta: &Meta) {
        self.unless(meta.is_signer && meta.is_writable, Cause::Signature);
    }

    fn written(&mut self, meta: &Meta) {
        self.unless(meta.is_writable, Cause::Readonly);
    }

    /// An account of the program, which may be written.
    fn state<T>(&mut self, meta: &Meta, written: bool, found: Option<T>) -> Option<T> {
        if written {
            self.written(meta);
        }
        self.unless(found.is_some(), Cause::Type);
        found
    }

    /// None of these accounts is among the others of the instruction.
    fn once(&mut self, accounts: &[Meta], written: &[usize]) {
        for index in written {
            let of = |(at, meta): (usize, &Meta)| at != *index && meta.address == accounts[*index].address;
            self.unless(!accounts.iter().enumerate().any(of), Cause::Twice);
        }
    }

    fn verdict(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl From<Cause> for Causes {
    fn from(cause: Cause) -> Self {
        Self(BTreeSet::from([cause]))
    }
}

type Verdict = Result<(), Causes>;

/// One movement of tokens.
struct Transfer {
    from: Address,
    to: Address,
    authority: Address,
    amount: u64,
}

fn accounts<const N: usize>(metas: &[Meta]) -> Result<&[Meta; N], Causes> {
    metas.first_chunk::<N>().ok_or_else(|| Cause::Missing.into())
}

impl Model {
    /// Carries an instruction out, or tells every cause for which it may be refused; then nothing changes.
    ///
    /// # Errors
    /// The causes.
    pub fn execute(&mut self, metas: &[Meta], data: &[u8]) -> Verdict {
        let Some(call) = Call::read(data) else {
            // Which is found first does not matter.
            return Err(Causes(BTreeSet::from([Cause::Data, Cause::Missing])));
        };
        match call {
            Call::BusCreate(seq, config) => self.bus_create(accounts(metas)?, seq, config),
            Call::CapacityOpen(start) => self.capacity_open(accounts(metas)?, start),
            Call::CapacityClose => self.capacity_close(accounts(metas)?),
            Call::OfferCreate(terms) => self.offer_create(accounts(metas)?, terms),
            Call::OfferReprice(price) => self.offer_reprice(accounts(metas)?, price),
            Call::OfferExtend(expires_at) => self.offer_extend(accounts(metas)?, expires_at),
            Call::OfferCancel => self.offer_cancel(accounts(metas)?),
            Call::Purchase { nonce, item, min_wh } => self.purchase(accounts(metas)?, nonce, item, min_wh),
            Call::PurchaseBatch { nonce, max_total, items } => {
                self.purchase_batch(accounts(metas)?, &metas[5..], nonce, max_total, &items)
            }
            Call::LockTake(item) => self.lock_take(accounts(metas)?, item),
            Call::LockSettle(nonce) => self.lock_settle(accounts(metas)?, nonce),
            Call::LockRelease => self.lock_release(accounts(metas)?),
            Call::TraderOpen { lane, first_slot } => self.trader_open(accounts(metas)?, lane, first_slot),
            Call::TraderClose => self.trader_close(accounts(metas)?),
            Call::OfferCreateForBus(terms) => self.offer_create_for_bus(accounts(metas)?, terms),
            Call::ProposalCreate(action) => self.proposal_create(accounts(metas)?, action),
            Call::ProposalApprove => self.proposal_approve(accounts(metas)?),
            Call::ProposalRevoke => self.proposal_revoke(accounts(metas)?),
            Call::ProposalExecute => self.proposal_execute(accounts(metas)?),
            Call::ProposalClose => self.proposal_close(accounts(metas)?),
            Call::TreasuryClaim => self.treasury_claim(accounts(metas)?),
        }
    }

    // What several instructions share.

    /// A new account at an address that seeds make.
    fn new_account(&self, causes: &mut Causes, meta: &Meta, address: Address) {
        causes.written(meta);
        causes.unless(meta.address == address, Cause::Seeds);
        let taken = self.has_state(&meta.address) || self.tokens.contains_key(&meta.address);
        causes.unless(!taken, Cause::Exists);
    }

    /// Whether a payer can pay the rent of these accounts.
    fn can_pay(&self, causes: &mut Causes, payer: &Meta, created: &[(Address, u64)]) {
        let wallet = !self.tokens.contains_key(&payer.address) && !self.has_state(&payer.address);
        causes.unless(wallet, Cause::Payer);
        let due: u64 =
            created.iter().map(|(address, bytes)| self.rent_of(*bytes).saturating_sub(self.lamports_of(address))).sum();
        let left = self.lamports_of(&payer.address).checked_sub(due);
        causes.unless(left.is_some(), Cause::Lamports);
        causes.unless(left.is_none_or(|left| left == 0 || left >= self.rent_of(0)), Cause::Dust);
    }

    fn pay_rent(&mut self, payer: &Address, address: &Address, bytes: u64) {
        let due = self.rent_of(bytes).saturating_sub(self.lamports_of(address));
        *self.lamports.entry(*payer).or_default() -= due;
        *self.lamports.entry(*address).or_default() += due;
    }

    /// An account closes: all its lamports go to a wallet.
    fn return_rent(&mut self, address: &Address, to: &Address) {
        let lamports = self.lamports.remove(address).unwrap_or(0);
        *self.lamports.entry(*to).or_default() += lamports;
    }

    /// Settlement accounts of a bus.
    fn settlement(&self, causes: &mut Causes, bus: &Bus, mint: &Meta, token_program: &Meta) {
        causes.rule(mint.address == bus.mint, "MintMismatch");
        causes.rule(token_program.address == self.mints[&bus.mint].program, "TokenProgramMismatch");
    }

    /// A token account of a bus's mint.
    fn tokens_of(&self, bus: &Bus, account: &Address) -> Option<&Tokens> {
        self.tokens.get(account).filter(|tokens| tokens.mint == bus.mint)
    }

    /// Moves tokens of one mint, one after the other; all or nothing.
    fn transfer(&mut self, mint: &Address, transfers: &[Transfer]) -> Verdict {
        let before: Vec<(Address, Option<Tokens>)> = transfers
            .iter()
            .flat_map(|transfer| [transfer.from, transfer.to])
            .map(|account| (account, self.tokens.get(&account).cloned()))
            .collect();
        let result = transfers.iter().try_for_each(|transfer| self.transfer_one(mint, transfer));
        if result.is_err() {
            for (account, tokens) in before {
                if let Some(tokens) = tokens {
                    self.tokens.insert(account, tokens);
                }
            }
        }
        result
    }

    /// Where the only cause is one that is found when tokens have been moved, what keeps them from it is a cause as well.
    fn tried(&self, causes: &mut Causes, last: Cause, mint: &Address, transfers: &[Transfer]) {
        if *causes == last.into()
            && let Err(refused) = self.clone().transfer(mint, transfers)
        {
            causes.0.extend(refused.0);
        }
    }

    fn transfer_one(&mut self, mint: &Address, transfer: &Transfer) -> Verdict {
        let Transfer { from, to, authority, amount } = transfer;
        let mut causes = Causes::default();
        let (Some(source), Some(destination)) = (self.tokens.get(from), self.tokens.get(to)) else {
            return Err(Cause::TokenAccount.into());
        };
        causes.unless(source.mint == *mint && destination.mint == *mint, Cause::TokenAccount);
        causes.unless(!source.frozen && !destination.frozen, Cause::TokenFrozen);
        causes.unless(source.amount >= *amount, Cause::TokenFunds);
        let delegated = source.delegate.filter(|(delegate, _)| delegate == authority).map(|(_, limit)| limit);
        match delegated {
            Some(limit) => causes.unless(limit >= *amount, Cause::TokenFunds),
            None => causes.unless(source.owner == *authority, Cause::TokenOwner),
        }
        causes.verdict()?;
        if from == to {
            return Ok(());
        }
        let source = self.tokens.get_mut(from).expect("found above");
        source.amount -= amount;
        if let Some(limit) = delegated {
            let left = limit - amount;
            source.delegate = (left > 0).then_some((*authority, left));
        }
        self.tokens.get_mut(to).expect("found above").amount += amount;
        // Tokens that come into an escrow but by a lock are nobody's deposit.
        if self.buses.values().any(|bus| bus.escrow == *to) {
            *self.gifts.entry(*to).or_default() += *amount as u128;
        }
        Ok(())
    }

    /// What a purchase of this much energy costs.
    fn price(causes: &mut Causes, energy_wh: u64, price: u64) -> u64 {
        match u64::try_from(cost(energy_wh, price)) {
            Ok(cost) => cost,
            Err(_) => {
                causes.rule(false, "CostOverflow");
                0
            }
        }
    }

    fn tradable(&self, causes: &mut Causes, bus: &Bus, offer: &Offer, buyer: &Address) {
        causes.rule(!bus.paused, "BusPaused");
        causes.rule(!offer.cancelled, "OfferCancelled");
        causes.rule(!offer.is_expired(self.now), "OfferExpired");
        causes.rule(bus.gate(offer.window_start).is_none_or(|gate| self.now < gate), "GateClosed");
        causes.rule(offer.seller != *buyer, "SelfTrade");
    }

    /// What an item of a purchase or a lock gets: Wh and cost.
    fn fill(causes: &mut Causes, offer: &Offer, item: Item, min_wh: u64) -> (u64, u64) {
        causes.rule(item.energy_wh > 0, "EnergyZero");
        causes.rule(min_wh > 0 && min_wh <= item.energy_wh, "MinimumInvalid");
        causes.rule(item.version == 0 || item.version == offer.version, "VersionMismatch");
        causes.rule(offer.price_per_kwh <= item.max_price, "PriceAboveLimit");
        causes.rule(offer.free_wh() >= min_wh, "EnergyUnavailable");
        let energy_wh = item.energy_wh.min(offer.free_wh());
        (energy_wh, Self::price(causes, energy_wh, offer.price_per_kwh))
    }

    /// Spends a nonce on a purchase.
    fn record(&mut self, lane: &Address, orders: &[(Address, u64, u64)], energy_wh: u64, paid: u64) {
        let entry = self.lanes.get_mut(lane).expect("a lane");
        let nonce = entry.next_nonce();
        let mut bytes = b"multibus:purchase:v1".to_vec();
        bytes.extend_from_slice(self.program.as_ref());
        bytes.extend_from_slice(entry.wallet.as_ref());
        bytes.extend_from_slice(&entry.lane.to_le_bytes());
        bytes.extend_from_slice(&nonce.to_le_bytes());
        for (offer, energy_wh, limit) in orders {
            bytes.extend_from_slice(offer.as_ref());
            bytes.extend_from_slice(&energy_wh.to_le_bytes());
            bytes.extend_from_slice(&limit.to_le_bytes());
        }
        let transaction_hash = sha256(&[&bytes]);
        entry.history_root = sha256(&[&entry.history_root, &transaction_hash]);
        entry.receipts.push(Receipt { transaction_hash, energy_wh, paid, purchased_at: self.now });
        // 4. Nonces only grow, and a hash is recorded once.
        assert!(self.hashes.insert(transaction_hash), "a transaction hash comes twice");
        let next = self.nonces.insert(*lane, nonce + 1);
        assert!(next.is_none_or(|next| next <= nonce), "a nonce is spent twice");
    }

    // Buses.

    fn bus_create(&mut self, a: &[Meta; 8], bus_seq: u64, config: NewBus) -> Verdict {
        let [creator, bus, capacity, mint, escrow, treasury, token_program, system] = a;
        let mut causes = Causes::default();
        causes.once(a, &[0, 1, 2, 4, 5]);
        causes.payer(creator);
        causes.unless(system.address == Address::default(), Cause::Program);
        self.new_account(&mut causes, bus, self.bus_address(&creator.address, bus_seq).0);
        self.new_account(&mut causes, capacity, self.capacity_address(&bus.address, 0).0);
        let (of_escrow, of_treasury) = (self.escrow_address(&bus.address), self.treasury_address(&bus.address));
        self.new_account(&mut causes, escrow, of_escrow);
        self.new_account(&mut causes, treasury, of_treasury);
        let created = [
            (bus.address, size::BUS),
            (capacity.address, size::CAPACITY),
            (escrow.address, size::TOKENS),
            (treasury.address, size::TOKENS),
        ];
        self.can_pay(&mut causes, creator, &created);
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
        let name = std::str::from_utf8(&config.name).expect("read as text");
        causes.rule(!name.is_empty() && name.len() <= 32 && !name.chars().any(char::is_control), "NameInvalid");
        let count = config.owners.len();
        causes.rule((1..=16).contains(&count), "OwnerCountInvalid");
        let names: BTreeSet<_> = config.owners.iter().map(|(owner, _)| *owner).collect();
        causes.rule(names.len() == count, "OwnerDuplicate");
        causes.rule(!names.contains(&Address::default()), "OwnerZero");
        causes.rule(!names.contains(&bus.address), "OwnerIsTheBus");
        causes.rule(names.contains(&creator.address), "CreatorNotOwner");
        causes.rule(config.owners.iter().map(|(_, share)| *share as u32).sum::<u32>() == 10_000, "SharesInvalid");
        causes.rule(config.threshold >= 1 && config.threshold as usize <= count, "ThresholdInvalid");
        causes.rule(config.pause_quorum <= config.threshold, "PauseQuorumInvalid");
        causes.rule(config.listing_policy <= 1, "ListingPolicyUnknown");
        causes.rule(config.lock_fee_bps <= 500, "LockFeeTooHigh");
        causes.rule(config.timelock_seconds <= 30 * 86_400, "TimelockTooLong");
        causes.rule(windows_fit(config.window_seconds, config.gate_closure_seconds), "WindowsInvalid");
        causes.rule(config.capacity_wh > 0, "CapacityZero");
        causes.rule(config.base_price_per_kwh > 0, "BasePriceZero");
        causes.verdict()?;
        for (address, bytes) in created {
            self.pay_rent(&creator.address, &address, bytes);
        }
        for account in [of_escrow, of_treasury] {
            let tokens = Tokens { mint: mint.address, owner: bus.address, amount: 0, frozen: false, delegate: None };
            self.tokens.insert(account, tokens);
        }
        let general = Capacity {
            bus: bus.address,
            rent_payer: creator.address,
            window_start: 0,
            window_seconds: 0,
            total_wh: config.capacity_wh,
            available_wh: config.capacity_wh,
            listed_wh: 0,
            sold_wh: 0,
            open_offers: 0,
            open_windows: 0,
            used: BTreeSet::new(),
        };
        self.capacities.insert(capacity.address, general);
        let created = Bus {
            creator: creator.address,
            bus_seq,
            name: config.name,
            mint: mint.address,
            escrow: of_escrow,
            treasury: of_treasury,
            owners: config.owners,
            threshold: config.threshold,
            pause_quorum: config.pause_quorum,
            listing_policy: config.listing_policy,
            paused: false,
            resumed_at: 0,
            timelock_seconds: config.timelock_seconds,
            window_seconds: config.window_seconds,
            gate_closure_seconds: config.gate_closure_seconds,
            lock_fee_bps: config.lock_fee_bps,
            capacity_wh: config.capacity_wh,
            base_price_per_kwh: config.base_price_per_kwh,
            config_version: 0,
            proposal_seq: 0,
            created_at: self.now,
            earned: BTreeMap::new(),
            claimed: BTreeMap::new(),
        };
        self.buses.insert(bus.address, created);
        Ok(())
    }

    // Windows.

    fn general_of(&self, causes: &mut Causes, meta: &Meta, written: bool, bus: Option<&Address>) -> Option<&Capacity> {
        let found = causes.state(meta, written, self.capacities.get(&meta.address));
        if let (Some(general), Some(bus)) = (found, bus) {
            causes.rule(general.bus == *bus && general.window_start == 0, "BusMismatch");
        }
        found
    }

    fn capacity_open(&mut self, a: &[Meta; 5], start: i64) -> Verdict {
        let [payer, at, general, capacity, system] = a;
        let mut causes = Causes::default();
        causes.once(a, &[0, 2, 3]);
        causes.payer(payer);
        causes.unless(system.address == Address::default(), Cause::Program);
        let bus = causes.state(at, false, self.buses.get(&at.address));
        self.general_of(&mut causes, general, true, Some(&at.address));
        causes.written(capacity);
        let Some(bus) = bus else { return causes.verdict() };
        let window = bus.window_seconds as i64;
        causes.rule(window != 0, "WindowsOff");
        causes.rule(window != 0 && start > 0 && start % window == 0, "WindowMisaligned");
        causes.rule(bus.gate(start.max(0)).is_none_or(|gate| self.now < gate), "GateClosed");
        causes.rule(start <= self.now + 366 * 86_400, "WindowTooFar");
        if self.has_state(&capacity.address) {
            let found = causes.state(capacity, false, self.capacities.get(&capacity.address));
            causes.rule(
                found.is_none_or(|found| found.bus == at.address && found.window_start == start),
                "CapacityMismatch",
            );
            return causes.verdict();
        }
        self.new_account(&mut causes, capacity, self.capacity_address(&at.address, start).0);
        self.can_pay(&mut causes, payer, &[(capacity.address, size::CAPACITY)]);
        causes.verdict()?;
        let opened = Capacity {
            bus: at.address,
            rent_payer: payer.address,
            window_start: start,
            window_seconds: bus.window_seconds,
            total_wh: bus.capacity_wh,
            available_wh: bus.capacity_wh,
            listed_wh: 0,
            sold_wh: 0,
            open_offers: 0,
            open_windows: 0,
            used: BTreeSet::new(),
        };
        self.pay_rent(&payer.address, &capacity.address, size::CAPACITY);
        self.capacities.insert(capacity.address, opened);
        self.capacities.get_mut(&general.address).expect("found above").open_windows += 1;
        Ok(())
    }

    fn capacity_close(&mut self, a: &[Meta; 3]) -> Verdict {
        let [general, at, rent_payer] = a;
        let mut causes = Causes::default();
        causes.once(a, &[0, 1, 2]);
        let capacity = causes.state(at, true, self.capacities.get(&at.address));
        self.general_of(&mut causes, general, true, capacity.map(|capacity| &capacity.bus));
        causes.written(rent_payer);
        if let Some(capacity) = capacity {
            causes.rule(rent_payer.address == capacity.rent_payer, "RentPayerMismatch");
            if !capacity.used.is_empty() {
                let over = self.now >= capacity.window_start + capacity.window_seconds as i64;
                causes.rule(over, "WindowNotOver");
                causes.rule(capacity.open_offers == 0, "WindowHasOffers");
            }
        }
        causes.verdict()?;
        self.capacities.remove(&at.address);
        self.return_rent(&at.address, &rent_payer.address);
        self.capacities.get_mut(&general.address).expect("found above").open_windows -= 1;
        Ok(())
    }

    // Offers.

    fn listed(&self, causes: &mut Causes, metas: [&Meta; 4], terms: &Terms) {
        let [payer, at, in_capacity, new] = metas;
        causes.payer(payer);
        let bus = causes.state(at, false, self.buses.get(&at.address));
        let capacity = causes.state(in_capacity, true, self.capacities.get(&in_capacity.address));
        self.new_account(causes, new, self.offer_address(&in_capacity.address, terms.offer_seq).0);
        self.can_pay(causes, payer, &[(new.address, size::OFFER)]);
        let (Some(bus), Some(capacity)) = (bus, capacity) else { return };
        causes.rule(capacity.bus == at.address, "BusMismatch");
        causes.rule(!bus.paused, "BusPaused");
        causes.rule(terms.energy_wh > 0, "EnergyZero");
        causes.rule(terms.price >= bus.base_price_per_kwh, "PriceBelowBase");
        causes.rule(terms.source <= 5, "SourceUnknown");
        causes.rule(terms.expires_at == 0 || terms.expires_at > self.now, "ExpiryInPast");
        causes.rule(capacity.window_start != 0 || bus.window_seconds == 0, "WindowsOn");
        causes.rule(capacity.window_start == 0 || bus.window_seconds != 0, "WindowsOff");
        causes.rule(bus.gate(capacity.window_start).is_none_or(|gate| self.now < gate), "GateClosed");
        causes.rule(terms.energy_wh <= capacity.available_wh, "CapacityExceeded");
        causes.rule(capacity.may_use(terms.offer_seq), "OfferSeqUnusable");
    }

    fn list(&mut self, metas: [&Meta; 4], terms: Terms, seller: Address, payout: Address, of_bus: bool) {
        let [payer, bus, in_capacity, new] = metas;
        self.pay_rent(&payer.address, &new.address, size::OFFER);
        let capacity = self.capacities.get_mut(&in_capacity.address).expect("found above");
        capacity.available_wh -= terms.energy_wh;
        capacity.listed_wh += terms.energy_wh;
        capacity.open_offers += 1;
        capacity.used.insert(terms.offer_seq);
        let offer = Offer {
            bus: bus.address,
            capacity: in_capacity.address,
            seller,
            payout,
            rent_payer: payer.address,
            offer_seq: terms.offer_seq,
            source: terms.source,
            of_bus,
            cancelled: false,
            version: 1,
            price_per_kwh: terms.price,
            listed_wh: terms.energy_wh,
            remaining_wh: terms.energy_wh,
            reserved_wh: 0,
            open_locks: 0,
            window_start: capacity.window_start,
            created_at: self.now,
            expires_at: terms.expires_at,
        };
        self.offers.insert(new.address, offer);
        // A window that never had an offer may be closed and opened again, so that none of its addresses comes twice.
        assert!(self.offers_ever.insert(new.address), "an offer's address comes twice");
    }

    fn offer_create(&mut self, a: &[Meta; 6], terms: Terms) -> Verdict {
        let [seller, at, capacity, new, payout, system] = a;
        let mut causes = Causes::default();
        causes.once(a, &[0, 2, 3]);
        causes.unless(system.address == Address::default(), Cause::Program);
        self.listed(&mut causes, [seller, at, capacity, new], &terms);
        if let Some(bus) = self.buses.get(&at.address) {
            causes.rule(bus.may_list(&seller.address), "ListingClosed");
            let tokens = self.tokens_of(bus, &payout.address);
            causes.rule(tokens.is_some(), "TokenAccountInvalid");
            causes.rule(tokens.is_none_or(|tokens| tokens.owner != at.address), "PayoutIsBusAccount");
        }
        causes.verdict()?;
        self.list([seller, at, capacity, new], terms, seller.address, payout.address, false);
        Ok(())
    }

    fn offer_create_for_bus(&mut self, a: &[Meta; 5], terms: Terms) -> Verdict {
        let [owner, at, capacity, new, system] = a;
        let mut causes = Causes::default();
        causes.once(a, &[0, 2, 3]);
        causes.unless(system.address == Address::default(), Cause::Program);
        self.listed(&mut causes, [owner, at, capacity, new], &terms);
        let bus = self.buses.get(&at.address);
        causes.rule(bus.is_none_or(|bus| bus.is_owner(&owner.address)), "NotAnOwner");
        causes.verdict()?;
        let treasury = bus.expect("found above").treasury;
        self.list([owner, at, capacity, new], terms, at.address, treasury, true);
        Ok(())
    }

    /// A bus and an offer on it.
    fn offer_on(&self, causes: &mut Causes, bus: &Meta, offer: &Meta) -> Option<(&Bus, &Offer)> {
        let found = causes.state(bus, false, self.buses.get(&bus.address));
        let offer = causes.state(offer, true, self.offers.get(&offer.address))?;
        causes.rule(bus.address == offer.bus, "BusMismatch");
        Some((found?, offer))
    }

    fn is_seller(bus: &Bus, offer: &Offer, wallet: &Address) -> bool {
        offer.seller == *wallet || (offer.of_bus && bus.is_owner(wallet))
    }

    fn offer_reprice(&mut self, a: &[Meta; 3], price: u64) -> Verdict {
        let [seller, bus, at] = a;
        let mut causes = Causes::default();
        causes.once(a, &[2]);
        causes.signer(seller);
        if let Some((bus, offer)) = self.offer_on(&mut causes, bus, at) {
            causes.rule(Self::is_seller(bus, offer, &seller.address), "NotTheSeller");
            causes.rule(price >= bus.base_price_per_kwh, "PriceBelowBase");
            causes.rule(!offer.cancelled, "OfferCancelled");
        }
        causes.verdict()?;
        let offer = self.offers.get_mut(&at.address).expect("found above");
        offer.price_per_kwh = price;
        offer.version += 1;
        Ok(())
    }

    fn offer_extend(&mut self, a: &[Meta; 3], expires_at: i64) -> Verdict {
        let [seller, bus, at] = a;
        let mut causes = Causes::default();
        causes.once(a, &[2]);
        causes.signer(seller);
        if let Some((bus, offer)) = self.offer_on(&mut causes, bus, at) {
            causes.rule(Self::is_seller(bus, offer, &seller.address), "NotTheSeller");
            causes.rule(!offer.cancelled, "OfferCancelled");
            causes.rule(expires_at == 0 || expires_at > self.now, "ExpiryInPast");
            let later = offer.expires_at != 0 && (expires_at == 0 || expires_at > offer.expires_at);
            causes.rule(later, "ExpiryNotLater");
        }
        causes.verdict()?;
        self.offers.get_mut(&at.address).expect("found above").expires_at = expires_at;
        Ok(())
    }

    fn offer_cancel(&mut self, a: &[Meta; 5]) -> Verdict {
        let [caller, bus, in_capacity, at, rent_payer] = a;
        let mut causes = Causes::default();
        causes.once(a, &[2, 3]);
        causes.signer(caller);
        causes.written(rent_payer);
        causes.state(in_capacity, true, self.capacities.get(&in_capacity.address));
        if let Some((bus, offer)) = self.offer_on(&mut causes, bus, at) {
            causes.rule(in_capacity.address == offer.capacity, "CapacityMismatch");
            causes.rule(rent_payer.address == offer.rent_payer, "RentPayerMismatch");
            let stopped = offer.remaining_wh == 0
                || offer.is_expired(self.now)
                || bus.gate(offer.window_start).is_some_and(|gate| self.now >= gate);
            let abandoned = !offer.of_bus && bus.is_owner(&caller.address) && !bus.may_list(&offer.seller);
            let allowed = stopped || Self::is_seller(bus, offer, &caller.address) || abandoned;
            causes.rule(allowed, "OfferStillTrading");
            let something = !offer.cancelled || offer.free_wh() > 0 || offer.open_locks == 0;
            causes.rule(something, "NothingToCancel");
        }
        causes.verdict()?;
        let offer = self.offers.get_mut(&at.address).expect("found above");
        let capacity = self.capacities.get_mut(&in_capacity.address).expect("found above");
        let free = offer.free_wh();
        offer.cancelled = true;
        offer.listed_wh -= free;
        offer.remaining_wh -= free;
        capacity.listed_wh -= free;
        capacity.available_wh += free;
        if offer.open_locks == 0 {
            capacity.listed_wh -= offer.listed_wh;
            capacity.sold_wh += offer.listed_wh;
            capacity.open_offers -= 1;
            self.offers.remove(&at.address);
            self.return_rent(&at.address, &rent_payer.address);
        }
        Ok(())
    }

    // Purchases.

    fn lane_of(&self, causes: &mut Causes, meta: &Meta, buyer: &Address, nonce: u64) {
        let lane = causes.state(meta, true, self.lanes.get(&meta.address));
        if let Some(lane) = lane {
            causes.rule(lane.wallet == *buyer, "TraderMismatch");
            causes.rule(lane.next_nonce() == nonce, "NonceMismatch");
        }
    }

    fn purchase(&mut self, a: &[Meta; 8], nonce: u64, item: Item, min_wh: u64) -> Verdict {
        let [buyer, lane, at_bus, at, payment, payout, mint, token_program] = a;
        let mut causes = Causes::default();
        causes.once(a, &[1, 3, 4, 5]);
        causes.signer(buyer);
        self.lane_of(&mut causes, lane, &buyer.address, nonce);
        causes.written(payment);
        causes.written(payout);
        let mut filled = None;
        if let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) {
            causes.rule(payout.address == offer.payout, "PayoutMismatch");
            self.settlement(&mut causes, bus, mint, token_program);
            self.tradable(&mut causes, bus, offer, &buyer.address);
            filled = Some(Self::fill(&mut causes, offer, item, min_wh));
        } else if let Some(bus) = self.buses.get(&at_bus.address) {
            self.settlement(&mut causes, bus, mint, token_program);
        }
        causes.verdict()?;
        let (energy_wh, cost) = filled.expect("an offer");
        let transfer = Transfer { from: payment.address, to: payout.address, authority: buyer.address, amount: cost };
        self.transfer(&mint.address, &[transfer])?;
        self.offers.get_mut(&at.address).expect("found above").remaining_wh -= energy_wh;
        self.record(&lane.address, &[(at.address, item.energy_wh, item.max_price)], energy_wh, cost);
        Ok(())
    }

    fn purchase_batch(&mut self, a: &[Meta; 5], rest: &[Meta], nonce: u64, max_total: u64, items: &[Item]) -> Verdict {
        let [buyer, lane, payment, mint, token_program] = a;
        let mut causes = Causes::default();
        causes.once(a, &[1, 2]);
        let written = [lane.address, payment.address];
        causes.unless(!rest.iter().any(|meta| written.contains(&meta.address)), Cause::Twice);
        causes.signer(buyer);
        self.lane_of(&mut causes, lane, &buyer.address, nonce);
        causes.written(payment);
        let counted = (1..=32).contains(&items.len()) && rest.len() == 3 * items.len();
        causes.rule(counted, "BatchInvalid");
        if !counted {
            return causes.verdict();
        }
        let (mut total, mut total_wh) = (0u128, 0u128);
        let mut fills = Vec::new();
        let mut transfers = Vec::new();
        let mut seen = BTreeSet::new();
        for (item, metas) in items.iter().zip(rest.chunks_exact(3)) {
            let [at_bus, at, payout] = metas else { unreachable!("three of them") };
            causes.written(payout);
            causes.rule(seen.insert(at.address), "OfferDuplicate");
            // What the bus alone tells is found also where the offer is none.
            if let Some(bus) = self.buses.get(&at_bus.address) {
                self.settlement(&mut causes, bus, mint, token_program);
            }
            let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) else { continue };
            causes.rule(payout.address == offer.payout, "PayoutMismatch");
            self.settlement(&mut causes, bus, mint, token_program);
            self.tradable(&mut causes, bus, offer, &buyer.address);
            let (energy_wh, cost) = Self::fill(&mut causes, offer, *item, item.energy_wh);
            total += cost as u128;
            total_wh += energy_wh as u128;
            fills.push((at.address, *item, energy_wh));
            transfers.push(Transfer {
                from: payment.address,
                to: payout.address,
                authority: buyer.address,
                amount: cost,
            });
        }
        causes.rule(total <= max_total as u128, "TotalAboveLimit");
        causes.rule(total <= u64::MAX as u128 && total_wh <= u64::MAX as u128, "CostOverflow");
        // That a payout is not to be written is found as it is paid, after those before it.
        self.tried(&mut causes, Cause::Readonly, &mint.address, &transfers);
        causes.verdict()?;
        self.transfer(&mint.address, &transfers)?;
        for (offer, _, energy_wh) in &fills {
            self.offers.get_mut(offer).expect("found above").remaining_wh -= energy_wh;
        }
        let orders: Vec<_> = fills.iter().map(|(at, item, _)| (*at, item.energy_wh, item.max_price)).collect();
        self.record(&lane.address, &orders, total_wh as u64, total as u64);
        Ok(())
    }

    // Locks.

    fn lock_take(&mut self, a: &[Meta; 9], item: Item) -> Verdict {
        let [buyer, at_bus, at, new, payment, escrow, mint, token_program, system] = a;
        let mut causes = Causes::default();
        causes.once(a, &[0, 2, 3, 4, 5]);
        causes.payer(buyer);
        causes.unless(system.address == Address::default(), Cause::Program);
        causes.written(payment);
        causes.written(escrow);
        self.new_account(&mut causes, new, self.lock_address(&at.address, &buyer.address).0);
        self.can_pay(&mut causes, buyer, &[(new.address, size::LOCK)]);
        if let Some(bus) = self.buses.get(&at_bus.address) {
            causes.rule(escrow.address == bus.escrow, "EscrowMismatch");
            self.settlement(&mut causes, bus, mint, token_program);
        }
        let mut taken = None;
        if let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) {
            self.tradable(&mut causes, bus, offer, &buyer.address);
            let until = self.now + LOCK_SECONDS;
            let outlived = (offer.expires_at != 0 && until > offer.expires_at)
                || bus.gate(offer.window_start).is_some_and(|gate| until >= gate);
            causes.rule(!outlived, "LockOutlivesOffer");
            let (energy_wh, deposit) = Self::fill(&mut causes, offer, item, item.energy_wh);
            taken = Some((energy_wh, offer.price_per_kwh, deposit, bus.lock_fee_bps));
        }
        // A lock is for all that is asked, so that there is no minimum to be wrong.
        causes.0.remove(&Cause::Rule("MinimumInvalid"));
        let pays = |amount| Transfer { from: payment.address, to: escrow.address, authority: buyer.address, amount };
        let transfers: Vec<Transfer> = taken.iter().map(|(.., deposit, _)| pays(*deposit)).collect();
        self.tried(&mut causes, Cause::Dust, &mint.address, &transfers);
        causes.verdict()?;
        let (energy_wh, price_per_kwh, deposit, lock_fee_bps) = taken.expect("an offer");
        self.transfer(&mint.address, &transfers)?;
        *self.gifts.entry(escrow.address).or_default() -= deposit as u128;
        self.pay_rent(&buyer.address, &new.address, size::LOCK);
        let offer = self.offers.get_mut(&at.address).expect("found above");
        offer.reserved_wh += energy_wh;
        offer.open_locks += 1;
        let lock = Lock {
            bus: at_bus.address,
            offer: at.address,
            buyer: buyer.address,
            energy_wh,
            price_per_kwh,
            deposit,
            lock_fee_bps,
            taken_at: self.now,
        };
        self.locks.insert(new.address, lock);
        Ok(())
    }

    /// A lock ends: on its offer, and with its rent.
    fn end_lock(&mut self, at: &Address, sold: bool) -> Lock {
        let lock = self.locks.remove(at).expect("found above");
        let offer = self.offers.get_mut(&lock.offer).expect("a lock's offer is open");
        offer.reserved_wh -= lock.energy_wh;
        offer.open_locks -= 1;
        if sold {
            offer.remaining_wh -= lock.energy_wh;
        }
        self.return_rent(at, &lock.buyer.clone());
        lock
    }

    fn lock_settle(&mut self, a: &[Meta; 9], nonce: u64) -> Verdict {
        let [buyer, lane, at_bus, at, at_lock, escrow, payout, mint, token_program] = a;
        let mut causes = Causes::default();
        causes.once(a, &[0, 1, 3, 4, 5, 6]);
        causes.payer(buyer);
        self.lane_of(&mut causes, lane, &buyer.address, nonce);
        causes.written(escrow);
        causes.written(payout);
        if let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) {
            causes.rule(escrow.address == bus.escrow, "EscrowMismatch");
            causes.rule(payout.address == offer.payout, "PayoutMismatch");
            self.settlement(&mut causes, bus, mint, token_program);
            causes.rule(!bus.paused, "BusPaused");
        } else if let Some(bus) = self.buses.get(&at_bus.address) {
            causes.rule(escrow.address == bus.escrow, "EscrowMismatch");
            self.settlement(&mut causes, bus, mint, token_program);
        }
        let lock = causes.state(at_lock, true, self.locks.get(&at_lock.address));
        if let Some(lock) = lock {
            causes.rule(lock.buyer == buyer.address, "LockBuyerMismatch");
            causes.rule(lock.offer == at.address, "LockOfferMismatch");
            causes.rule(!lock.is_expired(self.now), "LockExpired");
        }
        causes.verdict()?;
        let deposit = lock.expect("a lock").deposit;
        let transfer =
            Transfer { from: escrow.address, to: payout.address, authority: at_bus.address, amount: deposit };
        self.transfer(&mint.address, &[transfer])?;
        let lock = self.end_lock(&at_lock.address, true);
        self.record(&lane.address, &[(at.address, lock.energy_wh, lock.price_per_kwh)], lock.energy_wh, deposit);
        Ok(())
    }

    fn lock_release(&mut self, a: &[Meta; 10]) -> Verdict {
        let [caller, buyer, at_bus, at, at_lock, escrow, refund, payout, mint, token_program] = a;
        let mut causes = Causes::default();
        causes.once(a, &[3, 4, 5, 6, 7]);
        causes.signer(caller);
        causes.written(buyer);
        causes.written(escrow);
        causes.written(refund);
        causes.written(payout);
        let lock = causes.state(at_lock, true, self.locks.get(&at_lock.address));
        if let Some(lock) = lock {
            causes.rule(lock.buyer == buyer.address, "LockBuyerMismatch");
            causes.rule(lock.offer == at.address, "LockOfferMismatch");
            causes.rule(caller.address == lock.buyer || lock.is_expired(self.now), "LockNotExpired");
        }
        let mut fee = 0;
        if let Some(bus) = self.buses.get(&at_bus.address) {
            causes.rule(escrow.address == bus.escrow, "EscrowMismatch");
            self.settlement(&mut causes, bus, mint, token_program);
            let to = self.tokens_of(bus, &refund.address);
            causes.rule(to.is_some(), "TokenAccountInvalid");
            if let (Some(to), Some(lock)) = (to, lock) {
                causes.rule(to.owner == lock.buyer, "RefundNotBuyers");
            }
            let payable = self.tokens_of(bus, &payout.address).is_some_and(|tokens| !tokens.frozen);
            if let Some(lock) = lock.filter(|lock| payable && !bus.paused && bus.resumed_at < lock.taken_at) {
                fee = (lock.deposit as u128 * lock.lock_fee_bps as u128 / 10_000) as u64;
            }
        }
        if let Some((_, offer)) = self.offer_on(&mut causes, at_bus, at) {
            causes.rule(payout.address == offer.payout, "PayoutMismatch");
        }
        causes.verdict()?;
        let deposit = lock.expect("a lock").deposit;
        let pays = |to: Address, amount| Transfer { from: escrow.address, to, authority: at_bus.address, amount };
        let mut transfers = vec![pays(refund.address, deposit - fee)];
        if fee > 0 {
            transfers.push(pays(payout.address, fee));
        }
        self.transfer(&mint.address, &transfers)?;
        self.end_lock(&at_lock.address, false);
        Ok(())
    }

    // Nonce lanes.

    fn trader_open(&mut self, a: &[Meta; 3], lane: u16, first_slot: u64) -> Verdict {
        let [wallet, at, system] = a;
        let mut causes = Causes::default();
        causes.once(a, &[0, 1]);
        causes.payer(wallet);
        causes.unless(system.address == Address::default(), Cause::Program);
        self.new_account(&mut causes, at, self.lane_address(&wallet.address, lane).0);
        self.can_pay(&mut causes, wallet, &[(at.address, size::LANE)]);
        let first_slot = if first_slot == 0 { self.slot } else { first_slot };
        causes.rule((self.slot..=self.slot + 1_024).contains(&first_slot), "FirstSlotInvalid");
        causes.verdict()?;
        self.pay_rent(&wallet.address, &at.address, size::LANE);
        let opened = Lane {
            wallet: wallet.address,
            lane,
            first_nonce: first_slot << 20,
            opened_at: self.now,
            history_root: [0; 32],
            receipts: Vec::new(),
        };
        self.lanes.insert(at.address, opened);
        Ok(())
    }

    fn trader_close(&mut self, a: &[Meta; 2]) -> Verdict {
        let [wallet, at] = a;
        let mut causes = Causes::default();
        causes.once(a, &[0, 1]);
        causes.payer(wallet);
        let lane = causes.state(at, true, self.lanes.get(&at.address));
        if let Some(lane) = lane {
            causes.rule(lane.wallet == wallet.address, "TraderMismatch");
            causes.rule(lane.next_nonce() <= self.slot << 20, "LaneBusy");
        }
        causes.verdict()?;
        self.lanes.remove(&at.address);
        self.return_rent(&at.address, &wallet.address);
        Ok(())
    }

    // Decisions.

    fn shares_fit(causes: &mut Causes, shares: &[u16], count: usize) {
        causes.rule(shares.len() == count && count <= 16, "ShareCountInvalid");
        causes.rule(shares.iter().map(|share| *share as u32).sum::<u32>() == 10_000, "SharesInvalid");
    }

    fn action_fits(causes: &mut Causes, action: &Action, at: &Address, bus: &Bus, general: &Capacity) {
        let count = bus.owners.len();
        match action {
            Action::OwnerAdd { owner, shares } => {
                causes.rule(*owner != Address::default(), "OwnerZero");
                causes.rule(owner != at, "OwnerIsTheBus");
                causes.rule(!bus.is_owner(owner), "AlreadyOwner");
                causes.rule(count < 16, "OwnersFull");
                Self::shares_fit(causes, shares, count + 1);
            }
            Action::OwnerRemove { owner, shares } => {
                causes.rule(bus.is_owner(owner), "OwnerUnknown");
                causes.rule(count > 1, "LastOwner");
                causes.rule((bus.threshold as usize) < count, "ThresholdAboveOwners");
                Self::shares_fit(causes, shares, count - 1);
            }
            Action::SharesSet { shares } => Self::shares_fit(causes, shares, count),
            Action::ThresholdSet(threshold) => {
                causes.rule(*threshold >= 1 && *threshold as usize <= count, "ThresholdInvalid");
            }
            Action::TimelockSet(seconds) => causes.rule(*seconds <= 30 * 86_400, "TimelockTooLong"),
            Action::CapacitySet(capacity_wh) => {
                causes.rule(*capacity_wh > 0, "CapacityZero");
                let used = general.listed_wh as u128 + general.sold_wh as u128;
                causes.rule(*capacity_wh as u128 >= used, "CapacityBelowListed");
            }
            Action::BasePriceSet(price) => causes.rule(*price > 0, "BasePriceZero"),
            Action::ListingPolicySet(policy) => causes.rule(*policy <= 1, "ListingPolicyUnknown"),
            Action::WindowsSet { window, gate_closure } => {
                causes.rule(windows_fit(*window, *gate_closure), "WindowsInvalid");
                let unused = general.open_offers == 0 && general.open_windows == 0;
                causes.rule(*window == bus.window_seconds || unused, "WindowsInUse");
            }
            Action::LockFeeSet(bps) => causes.rule(*bps <= 500, "LockFeeTooHigh"),
            Action::Pause => causes.rule(!bus.paused, "AlreadyPaused"),
            Action::Resume => causes.rule(bus.paused, "NotPaused"),
        }
    }

    fn proposal_create(&mut self, a: &[Meta; 5], action: Action) -> Verdict {
        let [proposer, at, general, new, system] = a;
        let mut causes = Causes::default();
        causes.once(a, &[0, 1, 3]);
        causes.payer(proposer);
        causes.unless(system.address == Address::default(), Cause::Program);
        let bus = causes.state(at, true, self.buses.get(&at.address));
        let general = self.general_of(&mut causes, general, false, Some(&at.address));
        let Some(bus) = bus else { return causes.verdict() };
        self.new_account(&mut causes, new, self.proposal_address(&at.address, bus.proposal_seq).0);
        self.can_pay(&mut causes, proposer, &[(new.address, size::PROPOSAL)]);
        causes.rule(bus.is_owner(&proposer.address), "NotAnOwner");
        if let Some(general) = general {
            Self::action_fits(&mut causes, &action, &at.address, bus, general);
        }
        causes.verdict()?;
        let mut proposal = Proposal {
            bus: at.address,
            proposer: proposer.address,
            proposal_seq: bus.proposal_seq,
            config_version: bus.config_version,
            created_at: self.now,
            executable_at: 0,
            executed_at: None,
            action,
            approvals: BTreeSet::new(),
        };
        Self::approve(&mut proposal, bus, &proposer.address, self.now);
        self.pay_rent(&proposer.address, &new.address, size::PROPOSAL);
        self.proposals.insert(new.address, proposal);
        self.buses.get_mut(&at.address).expect("found above").proposal_seq += 1;
        Ok(())
    }

    fn approvals_needed(proposal: &Proposal, bus: &Bus) -> usize {
        if proposal.action == Action::Pause && bus.pause_quorum > 0 {
            bus.pause_quorum.min(bus.threshold) as usize
        } else {
            bus.threshold as usize
        }
    }

    fn approve(proposal: &mut Proposal, bus: &Bus, owner: &Address, now: i64) {
        proposal.approvals.insert(bus.place(owner).expect("an owner"));
        if proposal.approvals.len() == Self::approvals_needed(proposal, bus) {
            let wait = if proposal.action == Action::Pause { 0 } else { bus.timelock_seconds as i64 };
            proposal.executable_at = now + wait;
        }
    }

    /// A bus and a proposal on it that is open.
    fn open_proposal(
        &self,
        causes: &mut Causes,
        bus: &Meta,
        at: &Meta,
        bus_written: bool,
    ) -> Option<(&Bus, &Proposal)> {
        let found = causes.state(bus, bus_written, self.buses.get(&bus.address));
        let proposal = causes.state(at, true, self.proposals.get(&at.address))?;
        causes.rule(proposal.bus == bus.address, "BusMismatch");
        causes.rule(proposal.executed_at.is_none(), "ProposalExecuted");
        causes.rule(found.is_none_or(|bus| proposal.config_version == bus.config_version), "ProposalStale");
        Some((found?, proposal))
    }

    /// An owner whose approval a proposal has (or has not), which is otherwise `refused`.
    fn decision(
        &mut self,
        a: &[Meta; 3],
        has_approved: bool,
        refused: &'static str,
    ) -> Result<(&Bus, &mut Proposal), Causes> {
        let [owner, at_bus, at] = a;
        let mut causes = Causes::default();
        causes.once(a, &[2]);
        causes.signer(owner);
        if let Some((bus, proposal)) = self.open_proposal(&mut causes, at_bus, at, false) {
            let place = bus.place(&owner.address);
            causes.rule(place.is_some(), "NotAnOwner");
            causes.rule(place.is_none_or(|place| proposal.approvals.contains(&place) == has_approved), refused);
        }
        causes.verdict()?;
        Ok((&self.buses[&at_bus.address], self.proposals.get_mut(&at.address).expect("found above")))
    }

    fn proposal_approve(&mut self, a: &[Meta; 3]) -> Verdict {
        let now = self.now;
        let (bus, proposal) = self.decision(a, false, "AlreadyApproved")?;
        Self::approve(proposal, bus, &a[0].address, now);
        Ok(())
    }

    fn proposal_revoke(&mut self, a: &[Meta; 3]) -> Verdict {
        let (bus, proposal) = self.decision(a, true, "NotApproved")?;
        proposal.approvals.remove(&bus.place(&a[0].address).expect("an owner"));
        if proposal.approvals.len() < Self::approvals_needed(proposal, bus) {
            proposal.executable_at = 0;
        }
        Ok(())
    }

    fn proposal_execute(&mut self, a: &[Meta; 5]) -> Verdict {
        let [executor, at_bus, at_general, at, treasury] = a;
        let mut causes = Causes::default();
        causes.once(a, &[1, 2, 3]);
        causes.signer(executor);
        let general = self.general_of(&mut causes, at_general, true, Some(&at_bus.address));
        if let Some(bus) = self.buses.get(&at_bus.address) {
            causes.rule(treasury.address == bus.treasury, "TreasuryMismatch");
        }
        if let Some((bus, proposal)) = self.open_proposal(&mut causes, at_bus, at, true) {
            causes.rule(proposal.approvals.len() >= Self::approvals_needed(proposal, bus), "ApprovalsMissing");
            causes.rule(self.now >= proposal.executable_at, "TimelockActive");
            if let Some(general) = general {
                Self::action_fits(&mut causes, &proposal.action, &at_bus.address, bus, general);
            }
            if let Action::OwnerRemove { owner, .. } = &proposal.action {
                let balance = self.amount_of(&bus.treasury);
                let full = bus.former_owners().len() >= 16 && bus.claimable(owner, balance) > 0;
                causes.rule(!full, "FormerOwnersFull");
            }
        }
        causes.verdict()?;
        let proposal = self.proposals.get_mut(&at.address).expect("found above");
        proposal.executed_at = Some(self.now);
        let action = proposal.action.clone();
        self.decide(&at_bus.address, &at_general.address, action);
        Ok(())
    }

    fn decide(&mut self, at: &Address, general: &Address, action: Action) {
        let balance = self.amount_of(&self.buses[at].treasury);
        let bus = self.buses.get_mut(at).expect("found above");
        if matches!(
            action,
            Action::OwnerAdd { .. } | Action::OwnerRemove { .. } | Action::SharesSet { .. } | Action::ThresholdSet(_)
        ) {
            bus.config_version += 1;
        }
        let divide = |bus: &mut Bus, shares: &[u16]| {
            for ((_, share), new) in bus.owners.iter_mut().zip(shares) {
                *share = *new;
            }
        };
        if matches!(action, Action::OwnerAdd { .. } | Action::OwnerRemove { .. } | Action::SharesSet { .. }) {
            let period = bus.period(balance);
            for (owner, share) in &bus.owners {
                *bus.earned.entry(*owner).or_default() += period * *share as u128 / 10_000;
            }
        }
        match action {
            Action::OwnerAdd { owner, shares } => {
                bus.owners.push((owner, 0));
                divide(bus, &shares);
            }
            Action::OwnerRemove { owner, shares } => {
                bus.owners.retain(|(other, _)| *other != owner);
                divide(bus, &shares);
            }
            Action::SharesSet { shares } => divide(bus, &shares),
            Action::ThresholdSet(threshold) => bus.threshold = threshold,
            Action::TimelockSet(seconds) => bus.timelock_seconds = seconds,
            Action::CapacitySet(capacity_wh) => {
                bus.capacity_wh = capacity_wh;
                let general = self.capacities.get_mut(general).expect("found above");
                general.total_wh = capacity_wh;
                general.available_wh = capacity_wh - general.listed_wh - general.sold_wh;
            }
            Action::BasePriceSet(price) => bus.base_price_per_kwh = price,
            Action::ListingPolicySet(policy) => bus.listing_policy = policy,
            Action::WindowsSet { window, gate_closure } => {
                (bus.window_seconds, bus.gate_closure_seconds) = (window, gate_closure);
            }
            Action::LockFeeSet(bps) => bus.lock_fee_bps = bps,
            Action::Pause => bus.paused = true,
            Action::Resume => (bus.paused, bus.resumed_at) = (false, self.now),
        }
    }

    fn proposal_close(&mut self, a: &[Meta; 4]) -> Verdict {
        let [closer, at_bus, at, proposer] = a;
        let mut causes = Causes::default();
        causes.once(a, &[2]);
        causes.signer(closer);
        causes.written(proposer);
        let bus = causes.state(at_bus, false, self.buses.get(&at_bus.address));
        let proposal = causes.state(at, true, self.proposals.get(&at.address));
        if let Some(proposal) = proposal {
            causes.rule(proposal.bus == at_bus.address, "BusMismatch");
            causes.rule(proposal.proposer == proposer.address, "ProposerMismatch");
            if let Some(bus) = bus {
                let over = proposal.executed_at.is_some()
                    || proposal.config_version != bus.config_version
                    || proposal.approvals.is_empty();
                causes.rule(over, "ProposalOpen");
            }
        }
        causes.verdict()?;
        self.proposals.remove(&at.address);
        self.return_rent(&at.address, &proposer.address);
        Ok(())
    }

    // Revenue.

    fn treasury_claim(&mut self, a: &[Meta; 6]) -> Verdict {
        let [owner, at, treasury, destination, mint, token_program] = a;
        let mut causes = Causes::default();
        causes.once(a, &[1, 2, 3]);
        causes.written(treasury);
        causes.written(destination);
        let bus = causes.state(at, true, self.buses.get(&at.address));
        let mut due = 0;
        if let Some(bus) = bus {
            causes.rule(treasury.address == bus.treasury, "TreasuryMismatch");
            self.settlement(&mut causes, bus, mint, token_program);
            let to = self.tokens_of(bus, &destination.address);
            causes.rule(to.is_some(), "TokenAccountInvalid");
            causes.rule(to.is_none_or(|to| to.owner == owner.address), "ClaimNotOwners");
            if self.has_state(&owner.address) {
                let owning = causes.state(owner, false, self.buses.get(&owner.address));
                causes.rule(owning.is_none_or(|owning| owning.treasury == destination.address), "ClaimNotToTreasury");
            }
            due = bus.claimable(&owner.address, self.amount_of(&bus.treasury));
            let known = bus.is_owner(&owner.address) || bus.former_owners().contains_key(&owner.address);
            causes.rule(known, "OwnerUnknown");
            causes.rule(!known || due > 0, "NothingToClaim");
        }
        causes.verdict()?;
        let amount = u64::try_from(due).expect("within the treasury");
        let transfer = Transfer { from: treasury.address, to: destination.address, authority: at.address, amount };
        self.transfer(&mint.address, &[transfer])?;
        let bus = self.buses.get_mut(&at.address).expect("found above");
        *bus.claimed.entry(owner.address).or_default() += due;
        Ok(())
    }
}

/// Windows are off, or have a length and a gate closure within their limits.
fn windows_fit(window_seconds: u32, gate_closure_seconds: u32) -> bool {
    (window_seconds, gate_closure_seconds) == (0, 0)
        || ((60..=86_400).contains(&window_seconds) && gate_closure_seconds <= 86_400)
}
