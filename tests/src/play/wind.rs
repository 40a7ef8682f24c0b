//! The end of a game: a stranger without any key but its own ends everything that the parties left, and then everybody
//! pulls what it is owed. Invariant 8 of the design says that this works from every state.
//!
//! First the mint's issuer keeps frozen what is frozen: no money may be lost by that. Then it thaws everything, and what
//! is left is paid.

use {
    super::{
        game::{Game, Outcome},
        script::*,
    },
    crate::{chain::START, instructions::*},
    multibus_model::{
        ModelBidState, ModelBus,
        limit::{AUCTION_PROOF_SECONDS, CERTIFICATE_SECONDS, PROPOSAL_SECONDS},
    },
    solana_address::Address,
    solana_instruction::Instruction,
    std::collections::BTreeMap,
};

/// How often each branch of the winding-down was taken.
pub type Branches = BTreeMap<&'static str, u64>;

/// Every branch of the winding-down.
pub const BRANCHES: [&str; 54] = [
    "a bus was decided to close",
    "a lock was released and paid",
    "a lock was released to a claim",
    "a lock was released and its refund stays in a frozen vault",
    "a lock's refund was paid once thawed",
    "an offer was cancelled and closed",
    "an offer was cancelled and waits for a refund",
    "an offer was closed by a stranger after its refund was paid",
    "an ask was settled",
    "an ask waits for a frozen account",
    "a bid was filled",
    "a bid was returned",
    "a bid was refunded for what was not delivered",
    "a bid was closed with a claim",
    "a bid was closed once nobody can certify",
    "a bid waits for a frozen account",
    "a seller was counted in the pool",
    "what a seller is due waits in the escrow",
    "a clearing was closed by a stranger",
    "what an auction's rounding left was swept",
    "a window was closed",
    "an unused window was closed",
    "a proposal was closed",
    "a seller was paid by a stranger",
    "a seller pulled into a new account",
    "the bus's revenue was moved to its treasury",
    "an owner was paid by a stranger",
    "an owner got a claim",
    "an owner that is a bus got a claim",
    "what a bus was owed went back",
    "a former owner was paid by a stranger",
    "a seller was closed by a stranger",
    "a seller was closed with a claim",
    "a seller's frozen vault was kept",
    "a bus was closed",
    "a bus was closed with frozen accounts",
    "a claim was paid by a stranger to the recorded account",
    "a claim was paid by a stranger to the associated account",
    "a claim was pulled into a new account",
    "a claim of a tombstone was paid",
    "a frozen account was thawed",
    "a position was closed and its refund paid",
    "a position was closed with a claim",
    "a position was closed without a refund",
    "a position waits for a frozen vault",
    "a delivery book was closed",
    "a meter was closed by a stranger",
    "a device was closed",
    "grid fees were swept to the treasury",
    "grid fees were swept while the treasury is frozen",
    "grid fees were swept to their recipient",
    "grid fees were swept to a claim",
    "a certificate was retired by its owner",
    "a certificate's owner has no key",
];

/// How often money may go round among buses that own each other.
const ROUNDS: usize = 4;

struct Winding<'a> {
    game: &'a mut Game,
    seen: Branches,
    /// Token accounts that were made to pull into.
    pulled: u8,
}

/// Winds a game down, on both sides.
///
/// # Errors
/// What could not be ended or paid, or how chain and model differ.
pub fn wind_down(game: &mut Game) -> Result<Branches, String> {
    let mut winding = Winding { game, seen: Branches::new(), pulled: 0 };
    winding.run().map_err(|why| format!("winding down: {why}"))?;
    Ok(winding.seen)
}

impl Winding<'_> {
    fn saw(&mut self, branch: &'static str) {
        debug_assert!(BRANCHES.contains(&branch), "{branch}");
        *self.seen.entry(branch).or_default() += 1;
    }

    fn winder(&self) -> Address {
        self.game.address(AccountRef::Wallet(WINDER))
    }

    /// Sends an instruction that must land.
    fn must(&mut self, what: &str, instruction: &Instruction) -> Result<(), String> {
        match self.game.execute(instruction)? {
            Outcome::Landed => Ok(()),
            refused => Err(format!("{what} must be possible, but is {refused:?}")),
        }
    }

    fn name(&self, address: &Address) -> Result<AccountRef, String> {
        self.game.name_of(address).ok_or_else(|| format!("{address} has no name"))
    }

    fn bus_number(&self, address: &Address) -> Result<u8, String> {
        match self.name(address)? {
            AccountRef::BusAt(bus) => Ok(bus),
            other => Err(format!("{other:?} is no bus")),
        }
    }

    fn run(&mut self) -> Result<(), String> {
        self.decide_to_close()?;
        let model = &self.game.model;
        let mut last = model.now;
        last = model.offers.values().map(|offer| offer.expires_at).fold(last, i64::max);
        last = model.capacities.values().map(multibus_model::ModelCapacity::ends_at).fold(last, i64::max);
        // No auction is left that waits for a proof.
        let windows = model.capacities.values().filter(|capacity| capacity.terms.auction);
        last = windows.map(|capacity| capacity.gate_closes_at + AUCTION_PROOF_SECONDS).fold(last, i64::max);
        let lives = |proposal: &multibus_model::ModelProposal| proposal.expires_at;
        last = model.proposals.values().map(lives).fold(last, i64::max);
        let books = model.books.values();
        last = books.map(multibus_model::ModelBook::closes_by).fold(last, i64::max);
        last = model.devices.values().filter_map(|device| device.retired).fold(last, i64::max);
        self.game.go_to(last.max(model.now + PROPOSAL_SECONDS) + 1);
        // While the issuer keeps accounts frozen, everything ends but what is in them.
        self.end_everything()?;
        self.thaw_everything()?;
        for _ in 0..2 {
            self.end_everything()?;
        }
        self.retire_certificates()?;
        self.game.compare_all()?;
        self.settle_accounts()
    }

    fn end_everything(&mut self) -> Result<(), String> {
        self.end_locks()?;
        self.end_clearings()?;
        self.settle_asks()?;
        self.end_offers()?;
        self.settle_bids()?;
        self.report_to_pools()?;
        self.settle_bids()?;
        if self.game.model.bids.values().any(|bid| bid.state == ModelBidState::Refunded) {
            // Those who could still certify have waited long enough.
            self.game.go_to(self.game.model.now + CERTIFICATE_SECONDS);
            self.settle_bids()?;
        }
        self.end_deliveries()?;
        self.end_the_rest()?;
        self.pay_everybody()?;
        self.close_what_closes()
    }

    fn end_clearings(&mut self) -> Result<(), String> {
        let clearings: Vec<Address> = self.game.model.clearings.keys().copied().collect();
        for at in clearings {
            let AccountRef::ClearingAt(bus, window, clearer) = self.name(&at)? else {
                return Err(format!("{at} is no clearing"));
            };
            let addresses = self.game.clearing_addresses(bus, window, clearer);
            self.must("closing a clearing that is useless", &clearing_close(&addresses, &self.winder()))?;
            self.saw("a clearing was closed by a stranger");
        }
        Ok(())
    }

    /// What auctions owe to offers is sold.
    fn settle_asks(&mut self) -> Result<(), String> {
        let offers: Vec<Address> = self.game.model.offers.keys().copied().collect();
        for at in offers {
            let model = &self.game.model;
            let offer = &model.offers[&at];
            if !model.capacities[&offer.capacity].auction.is_some_and(|auction| auction.owes(offer)) {
                continue;
            }
            let AccountRef::OfferAt(of) = self.name(&at)? else { return Err(format!("{at} is no offer")) };
            let (vault, escrow) = (model.sellers[&offer.seller].vault, model.buses[&offer.bus].escrow);
            let frozen = offer.book.is_none() && (model.is_frozen(&vault) || model.is_frozen(&escrow));
            let settle = ask_settle(&self.game.offer_addresses(of));
            match self.game.execute(&settle)? {
                Outcome::Landed => self.saw("an ask was settled"),
                Outcome::Refused(_) if frozen => self.saw("an ask waits for a frozen account"),
                other => return Err(format!("an ask that is owed something must be settled, but is {other:?}")),
            }
        }
        Ok(())
    }

    fn settle_bids(&mut self) -> Result<(), String> {
        let bids: Vec<Address> = self.game.model.bids.keys().copied().collect();
        for at in bids {
            let AccountRef::BidAt(of) = self.name(&at)? else { return Err(format!("{at} is no bid")) };
            let model = &self.game.model;
            let was = model.bids[&at].clone();
            let (bus, capacity) = (&model.buses[&was.bus], &model.capacities[&was.capacity]);
            let is_paid = self.is_payable(&was.refund, &was.buyer, &bus.mint);
            let frozen = model.is_frozen(&bus.escrow) || (!is_paid && model.is_frozen(&bus.unclaimed));
            let complete = capacity.auction.and_then(|auction| auction.pool_complete_at);
            let waits = match was.state {
                ModelBidState::Open => false,
                ModelBidState::Filled => complete.is_none(),
                ModelBidState::Refunded => {
                    let others = complete.is_some_and(|complete| model.now >= complete + CERTIFICATE_SECONDS);
                    was.certified_wh < was.delivered_wh && !others
                }
            };
            let (claims, is_cleared) = (model.claims_on(&was.bus), capacity.auction.is_some());
            let settle = bid_settle(&self.game.bid_addresses(of), &self.winder(), true);
            match self.game.execute(&settle)? {
                Outcome::Landed => {}
                Outcome::Refused(_) if waits => continue,
                Outcome::Refused(_) if frozen => {
                    self.saw("a bid waits for a frozen account");
                    continue;
                }
                other => return Err(format!("a bid must be settled, but is {other:?}")),
            }
            let claimed = self.game.model.claims_on(&was.bus) > claims;
            self.saw(match was.state {
                _ if claimed => "a bid was closed with a claim",
                ModelBidState::Open if is_cleared => "a bid was filled",
                ModelBidState::Open => "a bid was returned",
                ModelBidState::Filled => "a bid was refunded for what was not delivered",
                ModelBidState::Refunded => "a bid was closed once nobody can certify",
            });
        }
        Ok(())
    }

    /// What sellers delivered for auctions is counted, and paid.
    fn report_to_pools(&mut self) -> Result<(), String> {
        let books: Vec<Address> = self.game.model.books.keys().copied().collect();
        for at in books {
            let AccountRef::BookAt(of) = self.name(&at)? else { return Err(format!("{at} is no delivery book")) };
            let book = self.game.model.books[&at].clone();
            let owing: Vec<usize> =
                book.windows.iter().filter(|(_, window)| window.owes_pool()).map(|(place, _)| *place).collect();
            let mut windows: Vec<i64> = owing.into_iter().map(|place| book.window_start(place)).collect();
            let final_at = |start: &i64| book.final_at(book.place(*start).expect("one of its windows"));
            windows.retain(|start| final_at(start) <= self.game.model.now);
            if windows.is_empty() && book.pool_due > 0 {
                // Its window may be closed by now.
                windows.push(book.first_window);
            }
            let addresses = self.game.book_addresses(of);
            for start in windows {
                let capacity = self.game.address(AccountRef::CapacityAt(of.0, start - START));
                let model = &self.game.model;
                let frozen = model.is_frozen(&book.vault) || model.is_frozen(&model.buses[&book.bus].escrow);
                let counted = model.books[&at].place(start).and_then(|place| model.books[&at].windows.get(&place));
                let counts = counted.is_some_and(multibus_model::ModelBookWindow::owes_pool);
                match self.game.execute(&pool_report(&addresses, capacity))? {
                    Outcome::Landed => self.saw("a seller was counted in the pool"),
                    Outcome::Refused(_) if frozen && !counts => {}
                    other => return Err(format!("a seller must be counted in the pool, but is {other:?}")),
                }
                if self.game.model.books[&at].pool_due > 0 {
                    self.saw("what a seller is due waits in the escrow");
                }
            }
        }
        Ok(())
    }

    /// Owners of every second bus decide to close it, where enough of them have keys.
    fn decide_to_close(&mut self) -> Result<(), String> {
        let addresses: Vec<Address> = self.game.model.buses.keys().copied().collect();
        for (index, address) in addresses.iter().enumerate() {
            let bus = &self.game.model.buses[address];
            let with_keys = |owner: &Address| {
                self.game.who(owner).is_some_and(|who| wallet_bus(who).is_none())
                    && !self.game.model.tokens.contains_key(owner)
            };
            let able: Vec<Address> = bus.owners.iter().map(|owner| owner.wallet).filter(with_keys).collect();
            let threshold = bus.threshold as usize;
            if index % 2 == 1 || bus.closing || able.len() < threshold {
                continue;
            }
            let number = self.bus_number(address)?;
            let at = self.game.bus_addresses(number);
            let proposer = able[0];
            if self.game.model.lamports_of(&proposer) < 100_000_000 {
                let who = self.game.who(&proposer).expect("an able owner");
                self.game.step(&Step::Fund(AccountRef::Wallet(who), 100_000_000))?;
            }
            let place = self.game.model.buses[address].place(&proposer).expect("an owner");
            let next = self.game.model.buses[address].owners[place].next_proposal;
            let who = self.game.who(&proposer).expect("an able owner");
            let proposal = self.game.address(AccountRef::ProposalAt(number, who, next));
            let action = multibus::state::ProposalAction::BusClose;
            self.must("proposing to close", &proposal_create(&at, &proposer, next, action))?;
            let hash = self.game.model.proposals[&proposal].hash;
            for owner in &able[1..threshold] {
                self.must("approving to close", &proposal_approve(&at, proposal, owner, hash))?;
            }
            let from = self.game.model.proposals[&proposal].executable_at;
            self.game.go_to(from);
            let execution = self.game.execution(number, proposal, &self.winder());
            self.must("closing", &execution)?;
            self.saw("a bus was decided to close");
        }
        Ok(())
    }

    fn end_locks(&mut self) -> Result<(), String> {
        let locks: Vec<Address> = self.game.model.locks.keys().copied().collect();
        for at in locks {
            let AccountRef::LockAt(offer, buyer, place) = self.name(&at)? else {
                return Err(format!("{at} is no lock"));
            };
            let lock = self.game.model.locks[&at].clone();
            let of = self.game.offer_addresses(offer);
            let vault_frozen = self.game.model.is_frozen(&of.vault);
            if lock.is_unpaid && vault_frozen {
                continue;
            }
            let buyer_at = self.game.address(AccountRef::Wallet(buyer));
            let claims = self.game.model.claims_on(&of.bus.address);
            let accounts = lock_release_accounts(&of, &self.winder(), &buyer_at, place, lock.refund);
            let release = multibus::instruction::LockRelease { lock_number: lock.number }.to_instruction(accounts);
            let release = of.with_position(release, &buyer_at);
            let blocked = lock.is_unpaid && self.game.model.is_frozen(&of.bus.unclaimed);
            match self.game.execute(&release)? {
                Outcome::Landed => {}
                Outcome::Refused(_) if blocked => continue,
                other => return Err(format!("a lock must end, but is {other:?}")),
            }
            let is_open = self.game.model.locks.contains_key(&at);
            let claimed = self.game.model.claims_on(&of.bus.address) > claims;
            self.saw(match (is_open, claimed, lock.is_unpaid) {
                (true, ..) => "a lock was released and its refund stays in a frozen vault",
                (_, true, false) => "a lock was released to a claim",
                (_, _, true) => "a lock's refund was paid once thawed",
                _ => "a lock was released and paid",
            });
        }
        Ok(())
    }

    fn end_offers(&mut self) -> Result<(), String> {
        let offers: Vec<Address> = self.game.model.offers.keys().copied().collect();
        for at in offers {
            let AccountRef::OfferAt(offer) = self.name(&at)? else { return Err(format!("{at} is no offer")) };
            let was = self.game.model.offers[&at].clone();
            if was.cancelled && was.open_locks > 0 && was.free_wh() == 0 {
                continue;
            }
            let capacity = &self.game.model.capacities[&was.capacity];
            if capacity.auction.is_some_and(|auction| auction.owes(&was)) {
                // What it is owed waits for a frozen account.
                continue;
            }
            let cancel = offer_cancel(&self.game.offer_addresses(offer), &self.winder());
            self.must("cancelling an offer that is over", &cancel)?;
            let waits = self.game.model.offers.contains_key(&at);
            self.saw(match (waits, was.cancelled) {
                (true, _) => "an offer was cancelled and waits for a refund",
                (false, true) => "an offer was closed by a stranger after its refund was paid",
                (false, false) => "an offer was cancelled and closed",
            });
        }
        Ok(())
    }

    /// Positions and delivery books, all of whose windows are final.
    fn end_deliveries(&mut self) -> Result<(), String> {
        let positions: Vec<Address> = self.game.model.positions.keys().copied().collect();
        for at in positions {
            let AccountRef::PositionAt(book, buyer) = self.name(&at)? else {
                return Err(format!("{at} is no position"));
            };
            let model = &self.game.model;
            let (position, state) = (model.positions[&at].clone(), model.books[&model.positions[&at].book].clone());
            if position.open_locks > 0 {
                continue;
            }
            let due: u64 = position.refunds(&state, model.now).values().sum();
            let bus = model.buses[&state.bus].clone();
            let is_paid = self.is_payable(&position.refund, &position.buyer, &bus.mint);
            if due > 0 && (model.is_frozen(&state.vault) || (!is_paid && model.is_frozen(&bus.unclaimed))) {
                self.saw("a position waits for a frozen vault");
                continue;
            }
            let addresses = self.game.position_addresses(book, buyer);
            let close = position_close(&addresses, &self.winder(), position.refund, &position.rent_payer);
            self.must("closing a position all of whose windows are final", &close)?;
            self.saw(match (due, is_paid) {
                (0, _) => "a position was closed without a refund",
                (_, true) => "a position was closed and its refund paid",
                (_, false) => "a position was closed with a claim",
            });
        }
        let books: Vec<Address> = self.game.model.books.keys().copied().collect();
        for at in books {
            let AccountRef::BookAt(book) = self.name(&at)? else { return Err(format!("{at} is no delivery book")) };
            let state = self.game.model.books[&at].clone();
            let owes_pool = state.windows.values().any(multibus_model::ModelBookWindow::owes_pool);
            if state.open_offers > 0 || state.open_positions > 0 || state.pool_due > 0 || owes_pool {
                continue;
            }
            let close = delivery_close(&self.game.book_addresses(book), &self.winder(), &state.rent_payer);
            self.must("closing a delivery book that is over", &close)?;
            self.saw("a delivery book was closed");
        }
        Ok(())
    }

    fn sweep_grid_fees(&mut self) -> Result<(), String> {
        let sellers: Vec<Address> = self.game.model.sellers.keys().copied().collect();
        for at in sellers {
            let AccountRef::SellerAt(bus, who) = self.name(&at)? else { return Err(format!("{at} is no seller")) };
            let seller = self.game.model.sellers[&at].clone();
            if seller.grid_fees_owed == 0 || self.game.model.is_frozen(&seller.vault) {
                continue;
            }
            let addresses = self.game.seller_addresses(bus, who);
            let of = self.game.model.buses[&seller.bus].clone();
            let recipient = of.grid_recipient.unwrap_or_default();
            let (into, branch) = match of.grid_recipient {
                None if self.game.model.is_frozen(&of.treasury) => {
                    if self.game.model.is_frozen(&of.unclaimed) {
                        continue;
                    }
                    (of.treasury, "grid fees were swept while the treasury is frozen")
                }
                None => (of.treasury, "grid fees were swept to the treasury"),
                Some(wallet) => {
                    let account = self.game.model.associated_address(&wallet, &of.mint);
                    if self.is_payable(&account, &wallet, &of.mint) {
                        (account, "grid fees were swept to their recipient")
                    } else if self.game.model.is_frozen(&of.unclaimed) {
                        continue;
                    } else {
                        (account, "grid fees were swept to a claim")
                    }
                }
            };
            self.must("sweeping grid fees", &grid_sweep(&addresses, &self.winder(), &recipient, into))?;
            self.saw(branch);
        }
        Ok(())
    }

    fn close_devices(&mut self) -> Result<(), String> {
        let devices: Vec<Address> = self.game.model.devices.keys().copied().collect();
        for at in devices {
            let device = self.game.model.devices[&at].clone();
            if device.retired.is_some() {
                self.must("closing a device that is retired", &device_close(&device.key, &device.rent_payer))?;
                self.saw("a device was closed");
            }
        }
        Ok(())
    }

    /// Certificates outlive their bus; what becomes of one is its owner's to say.
    fn retire_certificates(&mut self) -> Result<(), String> {
        let certificates: Vec<Address> = self.game.model.certificates.keys().copied().collect();
        for at in certificates {
            let certificate = self.game.model.certificates[&at].clone();
            if !self.has_key(&certificate.owner) {
                self.saw("a certificate's owner has no key");
                continue;
            }
            let retire = certificate_retire(at, &certificate.owner, &certificate.rent_payer, "Sonnenhof");
            self.must("retiring a certificate", &retire)?;
            self.saw("a certificate was retired by its owner");
        }
        Ok(())
    }

    fn end_the_rest(&mut self) -> Result<(), String> {
        let windows: Vec<Address> = self.game.model.capacities.keys().copied().collect();
        for at in windows {
            let AccountRef::CapacityAt(bus, window) = self.name(&at)? else {
                return Err(format!("{at} is no capacity"));
            };
            let capacity = self.game.model.capacities[&at].clone();
            if window == 0 || capacity.open_offers > 0 || capacity.open_bids > 0 {
                continue;
            }
            let start = capacity.window_start;
            let addresses = self.game.bus_addresses(bus);
            let close = if capacity.escrowed > 0 { capacity_close_and_sweep } else { capacity_close };
            let close = close(&addresses, start, &self.winder(), &capacity.rent_payer);
            self.must("closing a window that is over", &close)?;
            if capacity.escrowed > 0 {
                self.saw("what an auction's rounding left was swept");
            }
            self.saw(if capacity.committed_wh() == 0 { "an unused window was closed" } else { "a window was closed" });
        }
        let proposals: Vec<Address> = self.game.model.proposals.keys().copied().collect();
        for at in proposals {
            let proposal = self.game.model.proposals[&at].clone();
            let addresses = self.game.bus_addresses(self.bus_number(&proposal.bus)?);
            self.must(
                "closing a proposal that is over",
                &proposal_close(&addresses, at, &self.winder(), &proposal.proposer),
            )?;
            self.saw("a proposal was closed");
        }
        Ok(())
    }

    /// The associated account of a wallet, where it can be paid.
    fn payable_associated(&self, wallet: &Address, mint: &Address) -> Option<Address> {
        let account = self.game.model.associated_address(wallet, mint);
        self.is_payable(&account, wallet, mint).then_some(account)
    }

    fn is_payable(&self, account: &Address, wallet: &Address, mint: &Address) -> bool {
        let tokens = self.game.model.tokens.get(account);
        tokens.is_some_and(|tokens| {
            tokens.owner == *wallet && tokens.mint == *mint && !tokens.frozen && !tokens.asks_memo
        })
    }

    /// A token account that a wallet makes to be paid into.
    fn new_account(&mut self, wallet: &Address, mint: &Address) -> Result<Address, String> {
        let number = self.game.mints.iter().position(|known| known.address == *mint).expect("a known mint") as u8;
        let account = self.game.address(AccountRef::Nowhere(100 + self.pulled));
        self.pulled = (self.pulled + 1) % 150;
        if !self.game.model.tokens.contains_key(&account) && !self.game.make_tokens(number, &account, wallet) {
            return Err("a wallet cannot make a token account".to_owned());
        }
        if self.game.model.tokens[&account].owner != *wallet || self.game.model.tokens[&account].mint != *mint {
            return self.new_account(wallet, mint);
        }
        Ok(account)
    }

    fn is_bus(&self, wallet: &Address) -> bool {
        self.game.model.buses.contains_key(wallet) || self.game.model.tombstones.contains_key(wallet)
    }

    fn has_key(&self, wallet: &Address) -> bool {
        self.game.who(wallet).is_some_and(|who| wallet_bus(who).is_none())
    }

    fn pay_everybody(&mut self) -> Result<(), String> {
        self.pay_sellers()?;
        self.sweep_grid_fees()?;
        for _ in 0..ROUNDS {
            self.pay_owners()?;
            self.pay_claims()?;
        }
        Ok(())
    }

    fn pay_sellers(&mut self) -> Result<(), String> {
        let sellers: Vec<Address> = self.game.model.sellers.keys().copied().collect();
        for at in sellers {
            let AccountRef::SellerAt(bus, who) = self.name(&at)? else { return Err(format!("{at} is no seller")) };
            let seller = self.game.model.sellers[&at].clone();
            if seller.released == 0 || self.game.model.is_frozen(&seller.vault) {
                continue;
            }
            let addresses = self.game.seller_addresses(bus, who);
            let (mint, treasury) = (addresses.bus.mint.address, addresses.bus.treasury);
            if seller.is_own() {
                if self.game.model.is_frozen(&treasury) {
                    continue;
                }
                self.must("moving revenue to the treasury", &seller_withdraw(&addresses, &self.winder(), treasury))?;
                self.saw("the bus's revenue was moved to its treasury");
            } else if let Some(account) = self.payable_associated(&seller.wallet, &mint) {
                self.must("paying a seller", &seller_withdraw(&addresses, &self.winder(), account))?;
                self.saw("a seller was paid by a stranger");
            } else if self.game.model.buses[&seller.bus].closing {
                // Closing the seller makes it a claim.
            } else if self.has_key(&seller.wallet) {
                let account = self.new_account(&seller.wallet, &mint)?;
                self.must("pulling as a seller", &seller_withdraw(&addresses, &seller.wallet, account))?;
                self.saw("a seller pulled into a new account");
            }
        }
        Ok(())
    }

    fn pay_owners(&mut self) -> Result<(), String> {
        let buses: Vec<Address> = self.game.model.buses.keys().copied().collect();
        for at in buses {
            let bus = self.game.model.buses[&at].clone();
            let addresses = self.game.bus_addresses(self.bus_number(&at)?);
            let owners = bus.owners.iter().map(|owner| owner.wallet).chain(bus.former.keys().copied());
            for owner in owners.collect::<Vec<_>>() {
                let ModelBus { treasury, unclaimed, mint, .. } = bus;
                let now = &self.game.model.buses[&at];
                let model = &self.game.model;
                let balance = model.amount_of(&treasury);
                let due = now.claimable(&owner, balance);
                // Of treasury and unclaimed account, a frozen one pays nothing.
                let pays = |account: &Address, amount: u64| if model.is_frozen(account) { 0 } else { amount as u128 };
                let can_pay = pays(&treasury, balance) + pays(&unclaimed, now.diverted);
                let is_former = !now.is_owner(&owner);
                if due == 0 || due > can_pay {
                    continue;
                }
                let into = self.game.model.associated_address(&owner, &mint);
                let of_bus = self.is_bus(&owner);
                let paid = !of_bus && self.is_payable(&into, &owner, &mint);
                if !paid && self.game.model.is_frozen(&unclaimed) {
                    continue;
                }
                let claim = treasury_claim_by(&addresses, &self.winder(), &owner, into);
                self.must("paying an owner", &claim)?;
                self.saw(match (paid, of_bus, is_former) {
                    (_, true, _) => "an owner that is a bus got a claim",
                    (false, ..) => "an owner got a claim",
                    (true, _, true) => "a former owner was paid by a stranger",
                    (true, ..) => "an owner was paid by a stranger",
                });
            }
        }
        Ok(())
    }

    fn pay_claims(&mut self) -> Result<(), String> {
        let claims: Vec<Address> = self.game.model.claims.keys().copied().collect();
        for at in claims {
            let claim = self.game.model.claims[&at].clone();
            let number = self.bus_number(&claim.bus)?;
            let addresses = self.game.bus_addresses(number);
            let mint = addresses.mint.address;
            if self.game.model.is_frozen(&addresses.unclaimed) {
                continue;
            }
            let is_dead = self.game.model.tombstones.contains_key(&claim.bus);
            let pay =
                |caller: &Address, into: Address| claim_pay(&addresses, caller, &claim.wallet, into, &claim.rent_payer);
            if self.is_bus(&claim.wallet) && is_dead {
                // What a bus is owed by one that is closed stays where it is.
                continue;
            }
            if self.is_bus(&claim.wallet) {
                let into = addresses.treasury;
                let payable = self
                    .game
                    .model
                    .tokens
                    .get(&into)
                    .is_some_and(|tokens| tokens.mint == mint && !tokens.frozen && !tokens.asks_memo);
                if !payable {
                    continue;
                }
                if self.game.execute(&pay(&self.winder(), addresses.unclaimed))? == Outcome::Landed {
                    return Err("what a bus is owed goes somewhere else".to_owned());
                }
                self.must("paying what a bus is owed back", &pay(&self.winder(), into))?;
                self.saw("what a bus was owed went back");
            } else if self.is_payable(&claim.refund, &claim.wallet, &mint) {
                self.must("paying a claim", &pay(&self.winder(), claim.refund))?;
                self.saw("a claim was paid by a stranger to the recorded account");
            } else if let Some(account) = self.payable_associated(&claim.wallet, &mint) {
                self.must("paying a claim", &pay(&self.winder(), account))?;
                self.saw("a claim was paid by a stranger to the associated account");
            } else if self.has_key(&claim.wallet) {
                let account = self.new_account(&claim.wallet, &mint)?;
                self.must("pulling a claim", &pay(&claim.wallet, account))?;
                self.saw("a claim was pulled into a new account");
            } else {
                continue;
            }
            if is_dead {
                self.saw("a claim of a tombstone was paid");
            }
        }
        Ok(())
    }

    /// Sellers of closing buses close, then the buses themselves, and their claims are paid.
    fn close_what_closes(&mut self) -> Result<(), String> {
        let closing: Vec<Address> =
            self.game.model.buses.iter().filter(|(_, bus)| bus.closing).map(|(at, _)| *at).collect();
        for at in closing {
            let number = self.bus_number(&at)?;
            let sellers: Vec<Address> =
                self.game.model.sellers.iter().filter(|(_, seller)| seller.bus == at).map(|(at, _)| *at).collect();
            for of in sellers {
                self.close_meter(&of)?;
                self.close_seller(&of)?;
            }
            let bus = self.game.model.buses[&at].clone();
            let (sellers, windows, proposals, _) = self.game.model.open_of(&at);
            let of_bus = [bus.treasury, bus.unclaimed, bus.escrow];
            let frozen = of_bus.iter().any(|account| self.game.model.is_frozen(account));
            let owners: Vec<Address> = bus.owners.iter().map(|owner| owner.wallet).collect();
            if sellers + windows + proposals > 0 || !bus.former.is_empty() {
                let early = bus_close(&self.game.bus_addresses(number), &self.winder(), &owners);
                if self.game.execute(&early)? == Outcome::Landed {
                    return Err("a bus closes while something of it is open".to_owned());
                }
                continue;
            }
            let close = bus_close(&self.game.bus_addresses(number), &self.winder(), &owners);
            if frozen {
                // Only what is in them keeps it open.
                if self.game.execute(&close)? == Outcome::Landed {
                    self.saw("a bus was closed with frozen accounts");
                    self.pay_claims()?;
                }
                continue;
            }
            let unnamed = bus_close(&self.game.bus_addresses(number), &self.winder(), &owners[1..]);
            if self.game.execute(&unnamed)? == Outcome::Landed {
                return Err("a bus closes without the claims of its owners".to_owned());
            }
            self.must("closing a bus of which nothing is open", &close)?;
            self.saw("a bus was closed");
            self.pay_claims()?;
        }
        self.close_devices()
    }

    /// The meter of a seller of a closing bus.
    fn close_meter(&mut self, at: &Address) -> Result<(), String> {
        let AccountRef::SellerAt(bus, who) = self.name(at)? else { return Err(format!("{at} is no seller")) };
        let Some(meter) = self.game.model.sellers[at].meter else { return Ok(()) };
        let meter = self.game.model.meters[&meter].clone();
        let seller = self.game.seller_addresses(bus, who);
        let close = meter_close(&seller, &self.winder(), &meter.key, &meter.rent_payer);
        self.must("closing a meter of a closing bus", &close)?;
        self.saw("a meter was closed by a stranger");
        Ok(())
    }

    fn close_seller(&mut self, at: &Address) -> Result<(), String> {
        let AccountRef::SellerAt(bus, who) = self.name(at)? else { return Err(format!("{at} is no seller")) };
        let seller = self.game.model.sellers[at].clone();
        let addresses = self.game.seller_addresses(bus, who);
        let model = &self.game.model;
        let BusAddresses { treasury, unclaimed, .. } = addresses.bus;
        let has_tokens = model.amount_of(&seller.vault) > 0;
        let frozen = [seller.vault, treasury, unclaimed].iter().any(|account| model.is_frozen(account));
        let is_open = seller.open_offers > 0 || seller.open_books > 0 || seller.grid_fees_owed > 0;
        if is_open || (has_tokens && frozen) {
            if has_tokens && model.is_frozen(&seller.vault) {
                self.saw("a seller's frozen vault was kept");
            }
            return Ok(());
        }
        let into = if seller.is_own() {
            treasury
        } else {
            model.associated_address(&seller.wallet, &addresses.bus.mint.address)
        };
        let claims = model.claims_on(&addresses.bus.address);
        self.must(
            "closing a seller of a closing bus",
            &seller_close(&addresses, &self.winder(), into, &seller.rent_payer),
        )?;
        self.saw(if self.game.model.claims_on(&addresses.bus.address) > claims {
            "a seller was closed with a claim"
        } else {
            "a seller was closed by a stranger"
        });
        Ok(())
    }

    fn thaw_everything(&mut self) -> Result<(), String> {
        let frozen: Vec<Address> =
            self.game.model.tokens.iter().filter(|(_, tokens)| tokens.frozen).map(|(at, _)| *at).collect();
        for at in frozen {
            let account = self.name(&at)?;
            if self.game.step(&Step::Thaw(account))? != Outcome::Around(Some("thaw")) {
                return Err(format!("{account:?} cannot be thawed"));
            }
            self.saw("a frozen account was thawed");
        }
        Ok(())
    }

    /// Nothing is open that a stranger could end, and nobody is owed anything that it could pull.
    fn settle_accounts(&self) -> Result<(), String> {
        let model = &self.game.model;
        let over = |what: &str, count: usize| {
            if count == 0 { Ok(()) } else { Err(format!("{count} {what} are left")) }
        };
        over("locks", model.locks.len())?;
        over("offers", model.offers.len())?;
        over("positions", model.positions.len())?;
        over("bids", model.bids.len())?;
        over("clearings", model.clearings.len())?;
        over("delivery books", model.books.len())?;
        over("retired devices", model.devices.values().filter(|device| device.retired.is_some()).count())?;
        over("certificates of owners with keys", {
            model.certificates.values().filter(|certificate| self.has_key(&certificate.owner)).count()
        })?;
        over("proposals", model.proposals.len())?;
        over("windows", model.capacities.values().filter(|capacity| capacity.window_start != 0).count())?;
        over("closing buses", model.buses.values().filter(|bus| bus.closing).count())?;
        let owed = |seller: &&multibus_model::ModelSeller| {
            // What was given to a vault stays in it while its seller is open.
            let gifts = model.gifts.get(&seller.vault).copied().unwrap_or(0);
            seller.released > 0 || seller.grid_fees_owed > 0 || model.amount_of(&seller.vault) as i128 != gifts
        };
        over("sellers that are owed", model.sellers.values().filter(owed).count())?;
        // What is owed to an address without a key stays where it is. What a bus is owed by another comes back to the other's
        // owners, and so to the bus, less with every round.
        let can_pull = |wallet: &Address, mint: &Address| {
            !self.is_bus(wallet) && (self.has_key(wallet) || self.payable_associated(wallet, mint).is_some())
        };
        let mint_of =
            |bus: &Address| model.buses.get(bus).map(|bus| bus.mint).or(model.tombstones.get(bus).map(|bus| bus.mint));
        let left = model
            .claims
            .values()
            .filter(|claim| mint_of(&claim.bus).is_some_and(|mint| can_pull(&claim.wallet, &mint)));
        over("claims that could be paid", left.count())?;
        for bus in model.buses.values() {
            let balance = model.amount_of(&bus.treasury);
            let wallets = bus.owners.iter().map(|owner| owner.wallet).chain(bus.former.keys().copied());
            let owed = wallets
                .filter(|wallet| can_pull(wallet, &bus.mint))
                .filter(|wallet| bus.claimable(wallet, balance) > 0)
                .count();
            if !bus.owners.iter().any(|owner| self.is_bus(&owner.wallet)) {
                over("owners that are owed", owed)?;
            }
        }
        Ok(())
    }
}
