//! A market to test in, and what tests do on a chain with one call.

use {
    crate::{
        chain::{Landing, TestChain},
        instructions::*,
        key::pda,
        mint::{Mint, TokenProgram},
        refusal::Refusal,
    },
    litesvm::types::{FailedTransactionMetadata, TransactionMetadata},
    multibus::{
        accounts,
        constants::BUS_OFFER_DELAY_SECONDS,
        instruction,
        state::{self, BusConfig, OwnerShare, ProposalAction},
    },
    solana_address::Address,
    solana_instruction::Instruction,
    std::ops::{Deref, DerefMut},
};

/// A market with a mint, a bus, a seller (its creator) whose seller account is open, a buyer with tokens and a nonce lane.
pub struct TestMarket {
    pub chain: TestChain,
    pub bus: BusAddresses,
    pub seller: Address,
    /// The seller's token account that buyers pay into.
    pub vault: Address,
    /// The seller's own token account, which it withdraws to.
    pub payout: Address,
    pub buyer: Address,
    pub payment: Address,
    pub lane: LaneAddress,
}

impl Deref for TestMarket {
    type Target = TestChain;
    fn deref(&self) -> &TestChain {
        &self.chain
    }
}

impl DerefMut for TestMarket {
    fn deref_mut(&mut self) -> &mut TestChain {
        &mut self.chain
    }
}

impl Default for TestMarket {
    fn default() -> Self {
        Self::new()
    }
}

/// Tokens that a buyer starts with.
pub const BUYER_TOKENS: u64 = 1_000_000_000;

impl TestMarket {
    /// A market in SPL Token, without windows.
    pub fn new() -> Self {
        Self::with(TokenProgram::SplToken, |options| options)
    }

    /// A market with windows of 15 minutes.
    pub fn windowed() -> Self {
        Self::with(TokenProgram::SplToken, BusOptions::windowed)
    }

    /// A market in this token program, whose bus is as `options` makes it.
    pub fn with(program: TokenProgram, options: impl FnOnce(BusOptions) -> BusOptions) -> Self {
        let mut chain = TestChain::new();
        let mint = chain.mint("mint", program, &[]);
        Self::on_chain(chain, mint, options)
    }

    /// A market in SPL Token whose bus belongs to `count` wallets in equal parts, of whom `threshold` decide. The first is
    /// the seller, and gets what does not divide. Returns the owners too, in their order.
    pub fn owned_by(count: usize, threshold: u8, change: impl FnOnce(&mut BusConfig)) -> (Self, Vec<Address>) {
        let mut chain = TestChain::new();
        let mut owners = vec![chain.wallet("seller")];
        owners.extend((1..count).map(|index| chain.wallet(&format!("owner {index}"))));
        let shares = equal_shares(count);
        let mint = chain.mint("mint", TokenProgram::SplToken, &[]);
        let market = Self::on_chain(chain, mint, |options| {
            options.with(|config| {
                config.owners = owners
                    .iter()
                    .zip(shares)
                    .map(|(owner, share_bps)| OwnerShare { owner: *owner, share_bps })
                    .collect();
                config.threshold = threshold;
                change(config);
            })
        });
        (market, owners)
    }

    /// A market on a chain that has its mint.
    pub fn on_chain(mut chain: TestChain, mint: Mint, options: impl FnOnce(BusOptions) -> BusOptions) -> Self {
        let seller = chain.wallet("seller");
        let options = options(BusOptions::new(&seller));
        let bus = chain.create_bus(&seller, &mint, &options);
        let vault = chain.open_seller(&bus, &seller).vault;
        let payout = chain.token_account("payout", &mint, &seller, 0);
        let buyer = chain.wallet("buyer");
        let payment = chain.token_account("payment", &mint, &buyer, BUYER_TOKENS);
        let lane = chain.open_lane(&buyer, 0);
        Self { chain, bus, seller, vault, payout, buyer, payment, lane }
    }

    /// Executes instructions that must succeed.
    pub fn execute(&mut self, instructions: &[Instruction]) -> TransactionMetadata {
        self.chain.execute(instructions)
    }

    /// Executes instructions in one transaction, and checks everything where it lands.
    pub fn send(&mut self, instructions: &[Instruction]) -> Landing {
        self.chain.send(instructions)
    }

    /// Asserts that the last of the instructions is refused, with exactly this error, and changes nothing.
    pub fn assert_refused(
        &mut self,
        instructions: &[Instruction],
        refusal: impl Into<Refusal>,
    ) -> FailedTransactionMetadata {
        self.chain.assert_refused(instructions, refusal)
    }

    /// An own offer of the bus of this much energy (Wh) at this price per kWh, which an owner lists and which trades.
    pub fn bus_offer(&mut self, owner: &Address, energy_wh: u64, price_per_kwh: u64) -> OfferAddresses {
        let bus = self.bus;
        let offer = self.chain.list_for_bus(&bus, bus.capacity, owner, energy_wh, price_per_kwh);
        self.chain.pass(BUS_OFFER_DELAY_SECONDS);
        offer
    }

    /// The number of the seller's next offer.
    pub fn next_offer(&self) -> u64 {
        self.chain.next_offer(&self.bus.seller(&self.seller))
    }

    /// The seller's next offer of this much energy (Wh), at 0.25 per kWh.
    pub fn offer(&mut self, energy_wh: u64) -> OfferAddresses {
        self.offer_with(|options| options.energy(energy_wh))
    }

    /// The seller's next offer.
    pub fn offer_with(&mut self, options: impl FnOnce(OfferOptions) -> OfferOptions) -> OfferAddresses {
        let options = options(OfferOptions::new(0).number(self.next_offer()));
        let (bus, seller) = (self.bus, self.seller);
        self.chain.create_offer(&bus, bus.capacity, &seller, options)
    }

    /// The seller's next offer in a window, which is opened. It expires with the window's gate.
    pub fn offer_in(
        &mut self,
        window_start: i64,
        options: impl FnOnce(OfferOptions) -> OfferOptions,
    ) -> OfferAddresses {
        let (bus, seller) = (self.bus, self.seller);
        self.chain.execute(&[capacity_open(&bus, &seller, window_start)]);
        let gate = self.chain.capacity_state(&bus.window(window_start)).gate_closes_at;
        let options = options(OfferOptions::new(0).number(self.next_offer()).expires(gate));
        self.chain.create_offer(&bus, bus.window(window_start), &seller, options)
    }

    /// The first window whose gate is open for an hour at least.
    pub fn next_window(&self) -> i64 {
        (self.now() + 3_600 + 60) / 900 * 900 + 900
    }

    /// Releases what was paid for an offer to the seller, which withdraws all that is released to it.
    pub fn withdraw(&mut self, offer: &OfferAddresses) {
        let seller = self.bus.seller(&self.seller);
        let withdraw = seller_withdraw(&seller, &self.seller, self.payout);
        self.chain.execute(&[offer_collect(offer), withdraw]);
    }

    /// The accounts of the buyer's purchase.
    pub fn purchase_accounts(&self, offer: &OfferAddresses) -> accounts::Purchase {
        purchase_accounts(offer, &self.lane, self.payment)
    }

    /// The buyer's purchase of exactly this much energy (Wh), at any price.
    pub fn purchase(&self, offer: &OfferAddresses, energy_wh: u64) -> Instruction {
        let purchase = instruction::Purchase {
            nonce: self.nonce(&self.lane),
            energy_wh,
            min_energy_wh: energy_wh,
            max_price_per_kwh: u64::MAX,
            expected_version: 0,
        }
        .to_instruction(self.purchase_accounts(offer));
        offer.with_books(purchase, &self.buyer)
    }

    /// The buyer buys exactly this much energy (Wh).
    pub fn buy(&mut self, offer: &OfferAddresses, energy_wh: u64) -> TransactionMetadata {
        let instruction = self.purchase(offer, energy_wh);
        self.chain.execute(&[instruction])
    }

    /// The buyer's batch of exactly these amounts of energy (Wh), at any price.
    pub fn batch(&self, items: &[(OfferAddresses, u64)]) -> Instruction {
        batch(&self.lane, self.payment, self.nonce(&self.lane), items)
    }

    /// The accounts of the buyer's lock in the first place.
    pub fn lock_take_accounts(&self, offer: &OfferAddresses) -> accounts::LockTake {
        lock_take_accounts(offer, &self.buyer, 0, self.payment)
    }

    /// The buyer's lock of this much energy (Wh) in the first place, at any price.
    pub fn lock_take(&self, offer: &OfferAddresses, energy_wh: u64) -> Instruction {
        self.lock_take_in(offer, 0, energy_wh)
    }

    /// The buyer's lock of this much energy (Wh) in a place, at any price.
    pub fn lock_take_in(&self, offer: &OfferAddresses, place: u8, energy_wh: u64) -> Instruction {
        lock_take(offer, &self.buyer, place, self.payment, energy_wh)
    }

    /// The buyer locks this much energy (Wh) in the first place.
    pub fn lock(&mut self, offer: &OfferAddresses, energy_wh: u64) -> Address {
        let instruction = self.lock_take(offer, energy_wh);
        self.chain.execute(&[instruction]);
        pda::lock(&offer.address, &self.buyer, 0).0
    }

    /// The accounts of the settlement of the buyer's lock in the first place.
    pub fn lock_settle_accounts(&self, offer: &OfferAddresses) -> accounts::LockSettle {
        lock_settle_accounts(offer, &self.lane, 0)
    }

    /// The settlement of the buyer's lock in the first place, or of one that would be taken now.
    pub fn lock_settle(&self, offer: &OfferAddresses) -> Instruction {
        let lock_number = self.lock_number(offer, &self.buyer, 0);
        let settle = instruction::LockSettle { nonce: self.nonce(&self.lane), lock_number }
            .to_instruction(self.lock_settle_accounts(offer));
        offer.with_books(settle, &self.buyer)
    }

    /// The accounts of the release of the buyer's lock in the first place by `caller`.
    pub fn lock_release_accounts(&self, offer: &OfferAddresses, caller: &Address) -> accounts::LockRelease {
        lock_release_accounts(offer, caller, &self.buyer, 0, self.payment)
    }

    /// The release of the buyer's lock in the first place, or of one that would be taken now, by `caller`.
    pub fn lock_release(&self, offer: &OfferAddresses, caller: &Address) -> Instruction {
        let lock_number = self.lock_number(offer, &self.buyer, 0);
        let release =
            instruction::LockRelease { lock_number }.to_instruction(self.lock_release_accounts(offer, caller));
        offer.with_position(release, &self.buyer)
    }
}

/// A lock of this much energy (Wh) at any price, whose deposit goes back to the account that pays it.
pub fn lock_take(offer: &OfferAddresses, buyer: &Address, place: u8, payment: Address, energy_wh: u64) -> Instruction {
    let take =
        instruction::LockTake { place, energy_wh, max_price_per_kwh: u64::MAX, expected_version: 0, refund: payment }
            .to_instruction(lock_take_accounts(offer, buyer, place, payment));
    offer.with_position(take, buyer)
}

impl TestChain {
    /// Creates the next bus of a wallet, whose counter is opened where it is not.
    pub fn create_bus(&mut self, creator: &Address, mint: &Mint, options: &BusOptions) -> BusAddresses {
        let counter = pda::creator(creator).0;
        if !self.exists(&counter) {
            self.execute(&[creator_open(creator, 0)]);
        }
        let bus_seq = self.state::<state::Creator>(&counter).next_bus;
        self.execute(&[bus_create(creator, mint, &BusOptions { bus_seq, config: options.config.clone() })]);
        BusAddresses::of(creator, bus_seq, *mint)
    }

    /// Opens a wallet's seller account, where it is not open.
    pub fn open_seller(&mut self, bus: &BusAddresses, wallet: &Address) -> SellerAddresses {
        let seller = bus.seller(wallet);
        if !self.exists(&seller.address) {
            self.execute(&[seller_open(&seller, wallet)]);
        }
        seller
    }

    /// Opens the seller account of a bus itself, where it is not open.
    pub fn open_own_seller(&mut self, bus: &BusAddresses, owner: &Address) -> SellerAddresses {
        let seller = bus.own_seller();
        if !self.exists(&seller.address) {
            self.execute(&[seller_open(&seller, owner)]);
        }
        seller
    }

    /// The state of a seller.
    pub fn seller_state(&self, seller: &SellerAddresses) -> state::Seller {
        self.state(&seller.address)
    }

    /// The number of a seller's next offer.
    pub fn next_offer(&self, seller: &SellerAddresses) -> u64 {
        self.seller_state(seller).next_offer
    }

    /// Creates an offer of a wallet whose seller account is open, and on delivery terms its meter registered.
    pub fn create_offer(
        &mut self,
        bus: &BusAddresses,
        capacity: Address,
        wallet: &Address,
        options: OfferOptions,
    ) -> OfferAddresses {
        let (create, offer) = self.listing(&bus.seller(wallet), capacity, wallet, options);
        self.execute(&[create]);
        offer
    }

    /// A listing in an open window, and its offer. `lister` is an owner where the seller is the bus.
    pub fn listing(
        &self,
        seller: &SellerAddresses,
        capacity: Address,
        lister: &Address,
        options: OfferOptions,
    ) -> (Instruction, OfferAddresses) {
        let offer = OfferAddresses::of(seller, capacity, options.number, lister);
        match self.book_in(seller, &self.capacity_state(&capacity)) {
            None => (offer_list(seller, capacity, lister, options), offer),
            Some(book) => (offer_list_in(&book, capacity, lister, options), offer.in_book(book)),
        }
    }

    /// The delivery book of a seller that a window is in, where its terms are on delivery.
    fn book_in(&self, seller: &SellerAddresses, window: &state::Capacity) -> Option<BookAddresses> {
        let first = || state::DeliveryBook::first_window_of(&window.terms, window.window_start);
        window.terms.is_on_delivery().then(|| seller.book(first()))
    }

    /// Creates an offer of the bus itself, whose seller account is open.
    pub fn create_offer_for_bus(
        &mut self,
        bus: &BusAddresses,
        capacity: Address,
        owner: &Address,
        options: OfferOptions,
    ) -> OfferAddresses {
        let (create, offer) = self.listing(&bus.own_seller(), capacity, owner, options);
        self.execute(&[create]);
        offer
    }

    /// The next offer of the bus itself, of this much energy (Wh) at this price per kWh; its seller account is opened
    /// where it is not. It trades 120 s later.
    pub fn list_for_bus(
        &mut self,
        bus: &BusAddresses,
        capacity: Address,
        owner: &Address,
        energy_wh: u64,
        price_per_kwh: u64,
    ) -> OfferAddresses {
        let seller = self.open_own_seller(bus, owner);
        let mut options = OfferOptions::new(0).number(self.next_offer(&seller)).energy(energy_wh).price(price_per_kwh);
        options.expires_at = options.expires_at.min(self.capacity_state(&capacity).gate_closes_at);
        self.create_offer_for_bus(bus, capacity, owner, options)
    }

    /// The number of an owner's next proposal.
    ///
    /// # Panics
    /// Where the wallet is no owner.
    pub fn next_proposal(&self, bus: &BusAddresses, owner: &Address) -> u64 {
        let place = self.bus_state(bus).owner_index(owner).expect("an owner");
        self.ledger(bus).owners[place].next_proposal
    }

    /// The instruction that makes an owner's next proposal, and the proposal's address.
    pub fn proposal(&self, bus: &BusAddresses, proposer: &Address, action: ProposalAction) -> (Instruction, Address) {
        let number = self.next_proposal(bus, proposer);
        (proposal_create(bus, proposer, number, action), bus.proposal(proposer, number))
    }

    /// Proposes an action; returns the proposal's address.
    pub fn propose(&mut self, bus: &BusAddresses, proposer: &Address, action: ProposalAction) -> Address {
        let (create, proposal) = self.proposal(bus, proposer, action);
        self.execute(&[create]);
        proposal
    }

    /// The approval of an open proposal.
    pub fn approval(&self, bus: &BusAddresses, proposal: Address, owner: &Address) -> Instruction {
        proposal_approve(bus, proposal, owner, self.proposal_state(&proposal).hash)
    }

    /// Lets the owners decide on an action and carries it out: as many as it needs approve, the timelock passes, and the
    /// proposal is closed. The first of these owners pays, and the chain has the keys of all.
    pub fn decide(&mut self, bus: &BusAddresses, action: ProposalAction) -> TransactionMetadata {
        let state = self.bus_state(bus);
        let pausing = action == ProposalAction::Pause;
        let needed = if pausing { state.pause_approvals() } else { state.threshold } as usize;
        let owners: Vec<_> = state.owners[..needed].iter().map(|slot| slot.owner).collect();
        let seller = match action {
            ProposalAction::SellerAdmit { wallet } | ProposalAction::SellerSuspend { wallet } => bus.seller(&wallet),
            _ => bus.own_seller(),
        };
        let (create, proposal) = self.proposal(bus, &owners[0], action.clone());
        let hash = proposal_hash(&proposal, self.now(), &action);
        let mut instructions = vec![create];
        instructions.extend(owners[1..].iter().map(|owner| proposal_approve(bus, proposal, owner, hash)));
        let end =
            [proposal_execute_on(&seller, proposal, &owners[0]), proposal_close(bus, proposal, &owners[0], &owners[0])];
        if needed > 4 || (state.timelock_seconds > 0 && !pausing) {
            for some in instructions.chunks(4) {
                self.execute(some);
            }
            self.pass(state.timelock_seconds as i64);
            return self.execute(&end);
        }
        instructions.extend(end);
        self.execute(&instructions)
    }

    /// Pauses or resumes a bus by a decision of its owners, unless it is so already.
    pub fn set_paused(&mut self, bus: &BusAddresses, paused: bool) {
        if self.bus_state(bus).paused != paused as u8 {
            self.decide(bus, if paused { ProposalAction::Pause } else { ProposalAction::Resume });
        }
    }

    /// The state of a bus.
    pub fn bus_state(&self, bus: &BusAddresses) -> state::Bus {
        self.state(&bus.address)
    }

    /// The ledger of a bus.
    pub fn ledger(&self, bus: &BusAddresses) -> state::Ledger {
        self.state(&bus.ledger)
    }

    /// What a wallet can claim of the unclaimed account of a bus, 0 where it has no claim.
    pub fn claim_amount(&self, bus: &BusAddresses, wallet: &Address) -> u64 {
        let claim = bus.claim(wallet);
        if self.exists(&claim) { self.state::<state::Claim>(&claim).amount } else { 0 }
    }

    /// The payment of a wallet's claim into an account.
    pub fn claim_payment(
        &self,
        bus: &BusAddresses,
        caller: &Address,
        wallet: &Address,
        destination: Address,
    ) -> Instruction {
        let claim: state::Claim = self.state(&bus.claim(wallet));
        claim_pay(bus, caller, wallet, destination, &claim.rent_payer)
    }

    /// The state of a proposal.
    pub fn proposal_state(&self, proposal: &Address) -> state::Proposal {
        self.state(proposal)
    }

    /// Opens a nonce lane.
    pub fn open_lane(&mut self, wallet: &Address, lane: u16) -> LaneAddress {
        self.execute(&[trader_open(wallet, lane, 0)]);
        LaneAddress::of(wallet, lane)
    }

    /// A buyer of a name with tokens: its wallet, its token account and its nonce lane.
    pub fn buyer(&mut self, name: &str, mint: &Mint) -> (Address, Address, LaneAddress) {
        let buyer = self.wallet(name);
        let payment = self.token_account(&format!("{name}'s tokens"), mint, &buyer, BUYER_TOKENS);
        let lane = self.open_lane(&buyer, 0);
        (buyer, payment, lane)
    }

    /// The next nonce of a lane.
    pub fn nonce(&self, lane: &LaneAddress) -> u64 {
        self.state::<state::Trader>(&lane.address).next_nonce
    }

    /// The state of an offer.
    pub fn offer_state(&self, offer: &OfferAddresses) -> state::Offer {
        self.state(&offer.address)
    }

    /// The state of a buyer's lock.
    pub fn lock_state(&self, offer: &OfferAddresses, buyer: &Address, place: u8) -> state::Lock {
        self.state(&pda::lock(&offer.address, buyer, place).0)
    }

    /// The number of a buyer's lock on its offer; the next one's where it has none in that place.
    pub fn lock_number(&self, offer: &OfferAddresses, buyer: &Address, place: u8) -> u32 {
        if self.exists(&pda::lock(&offer.address, buyer, place).0) {
            self.lock_state(offer, buyer, place).number
        } else if self.exists(&offer.address) {
            self.offer_state(offer).locks_taken + 1
        } else {
            1
        }
    }

    /// The release of a buyer's lock by `caller`, with the refund account that the lock names.
    pub fn release(&self, offer: &OfferAddresses, caller: &Address, buyer: &Address, place: u8) -> Instruction {
        let lock = self.lock_state(offer, buyer, place);
        let accounts = lock_release_accounts(offer, caller, buyer, place, lock.refund);
        let release = instruction::LockRelease { lock_number: lock.number }.to_instruction(accounts);
        offer.with_position(release, buyer)
    }

    /// The settlement of a buyer's lock.
    pub fn settlement(&self, offer: &OfferAddresses, lane: &LaneAddress, place: u8) -> Instruction {
        let lock_number = self.lock_number(offer, &lane.wallet, place);
        let settle = instruction::LockSettle { nonce: self.nonce(lane), lock_number }
            .to_instruction(lock_settle_accounts(offer, lane, place));
        offer.with_books(settle, &lane.wallet)
    }

    /// The state of a capacity.
    pub fn capacity_state(&self, capacity: &Address) -> state::Capacity {
        self.state(capacity)
    }
}
