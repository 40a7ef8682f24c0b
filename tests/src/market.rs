//! A market to test in, and what tests do on a chain with one call.

use {
    crate::{
        chain::TestChain,
        instructions::*,
        key::pda,
        mint::{Mint, TokenProgram},
    },
    litesvm::types::TransactionMetadata,
    multibus::{
        accounts, instruction,
        state::{self, BusConfig, OwnerShare, ProposalAction},
    },
    solana_address::Address,
    solana_instruction::Instruction,
    std::ops::{Deref, DerefMut},
};

/// A market with a mint, a bus, a seller (its creator), a buyer with tokens and a nonce lane.
pub struct TestMarket {
    pub chain: TestChain,
    pub bus: BusAddresses,
    pub seller: Address,
    pub payout: Address,
    pub buyer: Address,
    pub payment: Address,
    pub lane: LaneAddress,
    /// Number of the next offer that the market makes.
    pub next_offer_seq: u64,
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

    /// The bus's next own offer of this much energy (Wh) at this price per kWh, listed by an owner.
    pub fn bus_offer(&mut self, owner: &Address, energy_wh: u64, price_per_kwh: u64) -> OfferAddresses {
        let options = OfferOptions::new(self.next_offer_seq).energy(energy_wh).price(price_per_kwh);
        self.next_offer_seq += 1;
        let bus = self.bus;
        self.chain.create_offer_for_bus(&bus, bus.capacity, owner, options)
    }

    /// A market on a chain that has its mint.
    pub fn on_chain(mut chain: TestChain, mint: Mint, options: impl FnOnce(BusOptions) -> BusOptions) -> Self {
        let seller = chain.wallet("seller");
        let options = options(BusOptions::new(&seller));
        let bus = chain.create_bus(&seller, &mint, &options);
        let payout = chain.token_account("payout", &mint, &seller, 0);
        let buyer = chain.wallet("buyer");
        let payment = chain.token_account("payment", &mint, &buyer, BUYER_TOKENS);
        let lane = chain.open_lane(&buyer, 0);
        Self { chain, bus, seller, payout, buyer, payment, lane, next_offer_seq: 0 }
    }

    /// The seller's next offer of this much energy (Wh), at 0.25 per kWh.
    pub fn offer(&mut self, energy_wh: u64) -> OfferAddresses {
        self.offer_with(|options| options.energy(energy_wh))
    }

    /// The seller's next offer.
    pub fn offer_with(&mut self, options: impl FnOnce(OfferOptions) -> OfferOptions) -> OfferAddresses {
        let options = options(OfferOptions::new(self.next_offer_seq));
        self.next_offer_seq = options.offer_seq + 1;
        let (bus, seller, payout) = (self.bus, self.seller, self.payout);
        self.chain.create_offer(&bus, bus.capacity, &seller, payout, options)
    }

    /// The seller's next offer in a window, which is opened.
    pub fn offer_in(
        &mut self,
        window_start: i64,
        options: impl FnOnce(OfferOptions) -> OfferOptions,
    ) -> OfferAddresses {
        let options = options(OfferOptions::new(self.next_offer_seq));
        self.next_offer_seq = options.offer_seq + 1;
        let (bus, seller, payout) = (self.bus, self.seller, self.payout);
        self.chain.execute(&[capacity_open(&bus, &seller, window_start)]);
        self.chain.create_offer(&bus, bus.window(window_start), &seller, payout, options)
    }

    /// The first window whose gate is open for an hour at least.
    pub fn next_window(&self) -> i64 {
        (self.now() + 3_600 + 60) / 900 * 900 + 900
    }

    /// The accounts of the buyer's purchase.
    pub fn purchase_accounts(&self, offer: &OfferAddresses) -> accounts::Purchase {
        purchase_accounts(offer, &self.lane, self.payment)
    }

    /// The buyer's purchase of exactly this much energy (Wh), at any price.
    pub fn purchase(&self, offer: &OfferAddresses, energy_wh: u64) -> Instruction {
        instruction::Purchase {
            nonce: self.nonce(&self.lane),
            energy_wh,
            min_energy_wh: energy_wh,
            max_price_per_kwh: u64::MAX,
            expected_version: 0,
        }
        .to_instruction(self.purchase_accounts(offer))
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

    /// The accounts of the buyer's lock.
    pub fn lock_take_accounts(&self, offer: &OfferAddresses) -> accounts::LockTake {
        lock_take_accounts(offer, &self.buyer, self.payment)
    }

    /// The buyer's lock of this much energy (Wh), at any price.
    pub fn lock_take(&self, offer: &OfferAddresses, energy_wh: u64) -> Instruction {
        instruction::LockTake { energy_wh, max_price_per_kwh: u64::MAX, expected_version: 0 }
            .to_instruction(self.lock_take_accounts(offer))
    }

    /// The buyer locks this much energy (Wh).
    pub fn lock(&mut self, offer: &OfferAddresses, energy_wh: u64) -> Address {
        let instruction = self.lock_take(offer, energy_wh);
        self.chain.execute(&[instruction]);
        pda::lock(&offer.address, &self.buyer).0
    }

    /// The accounts of the settlement of the buyer's lock.
    pub fn lock_settle_accounts(&self, offer: &OfferAddresses) -> accounts::LockSettle {
        lock_settle_accounts(offer, &self.lane)
    }

    /// The settlement of the buyer's lock.
    pub fn lock_settle(&self, offer: &OfferAddresses) -> Instruction {
        instruction::LockSettle { nonce: self.nonce(&self.lane) }.to_instruction(self.lock_settle_accounts(offer))
    }

    /// The accounts of the release of the buyer's lock by `caller`.
    pub fn lock_release_accounts(&self, offer: &OfferAddresses, caller: &Address) -> accounts::LockRelease {
        lock_release_accounts(offer, caller, &self.buyer, self.payment)
    }

    /// The release of the buyer's lock by `caller`.
    pub fn lock_release(&self, offer: &OfferAddresses, caller: &Address) -> Instruction {
        instruction::LockRelease {}.to_instruction(self.lock_release_accounts(offer, caller))
    }
}

impl TestChain {
    /// Creates a bus.
    pub fn create_bus(&mut self, creator: &Address, mint: &Mint, options: &BusOptions) -> BusAddresses {
        self.execute(&[bus_create(creator, mint, options)]);
        BusAddresses::of(creator, options.bus_seq, *mint)
    }

    /// Creates an offer.
    pub fn create_offer(
        &mut self,
        bus: &BusAddresses,
        capacity: Address,
        seller: &Address,
        payout: Address,
        options: OfferOptions,
    ) -> OfferAddresses {
        self.execute(&[offer_create(bus, capacity, seller, payout, options)]);
        let address = pda::offer(&capacity, options.offer_seq).0;
        OfferAddresses { address, bus: *bus, capacity, seller: *seller, payout, rent_payer: *seller }
    }

    /// Creates an offer of the bus itself.
    pub fn create_offer_for_bus(
        &mut self,
        bus: &BusAddresses,
        capacity: Address,
        owner: &Address,
        options: OfferOptions,
    ) -> OfferAddresses {
        self.execute(&[offer_create_for_bus(bus, capacity, owner, options)]);
        bus_offer(bus, capacity, owner, options.offer_seq)
    }

    /// Proposes an action; returns the proposal's address.
    pub fn propose(&mut self, bus: &BusAddresses, proposer: &Address, action: ProposalAction) -> Address {
        let seq = self.bus_state(bus).proposal_seq;
        self.execute(&[proposal_create(bus, proposer, seq, action)]);
        bus.proposal(seq)
    }

    /// Lets the owners decide on an action and carries it out: as many as it needs approve, the timelock passes, and the
    /// proposal is closed. The first of these owners pays, and the chain has the keys of all.
    pub fn decide(&mut self, bus: &BusAddresses, action: ProposalAction) -> TransactionMetadata {
        let state = self.bus_state(bus);
        let pausing = action == ProposalAction::Pause;
        let needed = if pausing { state.pause_approvals() } else { state.threshold } as usize;
        let owners: Vec<_> = state.owners[..needed].iter().map(|slot| slot.owner).collect();
        let proposal = bus.proposal(state.proposal_seq);
        let mut instructions = vec![proposal_create(bus, &owners[0], state.proposal_seq, action)];
        instructions.extend(owners[1..].iter().map(|owner| proposal_approve(bus, proposal, owner)));
        let end = [proposal_execute(bus, proposal, &owners[0]), proposal_close(bus, proposal, &owners[0], &owners[0])];
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

    /// The state of a capacity.
    pub fn capacity_state(&self, capacity: &Address) -> state::Capacity {
        self.state(capacity)
    }
}
