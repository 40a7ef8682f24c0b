//! A market to test in, and the instructions of the program with their accounts.

use {
    crate::{
        key::pda,
        mint::{Mint, TokenProgram},
        world::World,
    },
    litesvm::types::TransactionMetadata,
    multibus::{
        PurchaseItem, accounts, instruction,
        state::{self, BusConfig, OwnerShare, ProposalAction},
    },
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
    solana_sdk_ids::system_program,
    std::ops::{Deref, DerefMut},
};

/// A bus's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bus {
    pub address: Address,
    /// The general capacity.
    pub capacity: Address,
    pub escrow: Address,
    pub treasury: Address,
    pub mint: Mint,
}

impl Bus {
    /// Address of a proposal.
    pub fn proposal(&self, proposal_seq: u64) -> Address {
        pda::proposal(&self.address, proposal_seq).0
    }

    /// Addresses of a bus that is or will be.
    pub fn of(creator: &Address, bus_seq: u64, mint: Mint) -> Self {
        let address = pda::bus(creator, bus_seq).0;
        Self {
            address,
            capacity: pda::capacity(&address, 0).0,
            escrow: pda::escrow(&address).0,
            treasury: pda::treasury(&address).0,
            mint,
        }
    }

    /// Address of a window's capacity.
    pub fn window(&self, window_start: i64) -> Address {
        pda::capacity(&self.address, window_start).0
    }
}

/// What a bus is created with.
#[derive(Clone, Debug)]
pub struct BusOptions {
    pub bus_seq: u64,
    pub config: BusConfig,
}

impl BusOptions {
    /// A bus with one owner, 1 MWh of capacity, open listing, a base price of 0.01 and a lock fee of 1 %.
    pub fn new(owner: &Address) -> Self {
        Self {
            bus_seq: 0,
            config: BusConfig {
                name: "Sonnenhof".to_owned(),
                owners: vec![OwnerShare { owner: *owner, share_bps: 10_000 }],
                threshold: 1,
                pause_quorum: 0,
                listing_policy: 1,
                lock_fee_bps: 100,
                timelock_seconds: 0,
                window_seconds: 0,
                gate_closure_seconds: 0,
                capacity_wh: 1_000_000,
                base_price_per_kwh: 10_000,
            },
        }
    }

    pub fn seq(mut self, bus_seq: u64) -> Self {
        self.bus_seq = bus_seq;
        self
    }

    /// Windows of 15 minutes with a gate closure of one minute.
    pub fn windowed(mut self) -> Self {
        (self.config.window_seconds, self.config.gate_closure_seconds) = (900, 60);
        self
    }

    pub fn with(mut self, change: impl FnOnce(&mut BusConfig)) -> Self {
        change(&mut self.config);
        self
    }
}

/// What an offer is created with.
#[derive(Clone, Copy, Debug)]
pub struct OfferOptions {
    pub offer_seq: u64,
    pub energy_wh: u64,
    pub price_per_kwh: u64,
    pub expires_at: i64,
    pub source: u8,
}

impl OfferOptions {
    /// 10 kWh of solar energy at 0.25, without expiry.
    pub fn new(offer_seq: u64) -> Self {
        Self { offer_seq, energy_wh: 10_000, price_per_kwh: 250_000, expires_at: 0, source: 1 }
    }

    pub fn energy(mut self, energy_wh: u64) -> Self {
        self.energy_wh = energy_wh;
        self
    }

    pub fn price(mut self, price_per_kwh: u64) -> Self {
        self.price_per_kwh = price_per_kwh;
        self
    }

    pub fn expires(mut self, expires_at: i64) -> Self {
        self.expires_at = expires_at;
        self
    }

    pub fn source(mut self, source: u8) -> Self {
        self.source = source;
        self
    }
}

/// An offer's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    pub address: Address,
    pub bus: Bus,
    pub capacity: Address,
    pub seller: Address,
    pub payout: Address,
    pub rent_payer: Address,
}

/// A nonce lane's address and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    pub address: Address,
    pub wallet: Address,
    pub lane: u16,
}

impl Lane {
    pub fn of(wallet: &Address, lane: u16) -> Self {
        Self { address: pda::trader(wallet, lane).0, wallet: *wallet, lane }
    }
}

/// A market with a mint, a bus, a seller (its creator), a buyer with tokens and a nonce lane.
pub struct Market {
    pub world: World,
    pub bus: Bus,
    pub seller: Address,
    pub payout: Address,
    pub buyer: Address,
    pub payment: Address,
    pub lane: Lane,
    /// Numbers of the offers that [`Market::offer`] makes.
    pub next_offer_seq: u64,
}

impl Deref for Market {
    type Target = World;
    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Market {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Default for Market {
    fn default() -> Self {
        Self::new()
    }
}

/// Shares of `count` owners in equal parts; the first gets what does not divide. In basis points.
pub fn equal_shares(count: usize) -> Vec<u16> {
    let share = 10_000 / count as u16;
    let mut shares = vec![share; count];
    shares[0] = 10_000 - share * (count as u16 - 1);
    shares
}

/// Tokens that a buyer starts with.
pub const BUYER_TOKENS: u64 = 1_000_000_000;

impl Market {
    /// A market in SPL Token, without windows.
    pub fn new() -> Self {
        Self::with(TokenProgram::SplToken, |options| options)
    }

    /// A market with windows of 15 minutes.
    pub fn windowed() -> Self {
        Self::with(TokenProgram::SplToken, BusOptions::windowed)
    }

    /// A market of its own kind.
    pub fn with(program: TokenProgram, options: impl FnOnce(BusOptions) -> BusOptions) -> Self {
        let mut world = World::new();
        let mint = world.mint("mint", program, &[]);
        Self::in_world(world, mint, options)
    }

    /// A market in SPL Token whose bus belongs to `count` wallets in equal parts (the first, the seller, gets what does
    /// not divide), of whom `threshold` decide; returns the owners too, in their order.
    pub fn owned_by(count: usize, threshold: u8, change: impl FnOnce(&mut BusConfig)) -> (Self, Vec<Address>) {
        let mut world = World::new();
        let mut owners = vec![world.wallet("seller")];
        owners.extend((1..count).map(|index| world.wallet(&format!("owner {index}"))));
        let shares = equal_shares(count);
        let mint = world.mint("mint", TokenProgram::SplToken, &[]);
        let market = Self::in_world(world, mint, |options| {
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
    pub fn bus_offer(&mut self, owner: &Address, energy_wh: u64, price_per_kwh: u64) -> Offer {
        let options = OfferOptions::new(self.next_offer_seq).energy(energy_wh).price(price_per_kwh);
        self.next_offer_seq += 1;
        let bus = self.bus;
        self.world.create_offer_for_bus(&bus, bus.capacity, owner, options)
    }

    /// A market in a world that has its mint.
    pub fn in_world(mut world: World, mint: Mint, options: impl FnOnce(BusOptions) -> BusOptions) -> Self {
        let seller = world.wallet("seller");
        let options = options(BusOptions::new(&seller));
        let bus = world.create_bus(&seller, &mint, &options);
        let payout = world.token_account("payout", &mint, &seller, 0);
        let buyer = world.wallet("buyer");
        let payment = world.token_account("payment", &mint, &buyer, BUYER_TOKENS);
        let lane = world.open_lane(&buyer, 0);
        Self { world, bus, seller, payout, buyer, payment, lane, next_offer_seq: 0 }
    }

    /// The seller's next offer of this much energy (Wh), at 0.25 per kWh.
    pub fn offer(&mut self, energy_wh: u64) -> Offer {
        self.offer_with(|options| options.energy(energy_wh))
    }

    /// The seller's next offer.
    pub fn offer_with(&mut self, options: impl FnOnce(OfferOptions) -> OfferOptions) -> Offer {
        let options = options(OfferOptions::new(self.next_offer_seq));
        self.next_offer_seq = options.offer_seq + 1;
        let (bus, seller, payout) = (self.bus, self.seller, self.payout);
        self.world.create_offer(&bus, bus.capacity, &seller, payout, options)
    }

    /// The seller's next offer in a window, which is opened.
    pub fn offer_in(&mut self, window_start: i64, options: impl FnOnce(OfferOptions) -> OfferOptions) -> Offer {
        let options = options(OfferOptions::new(self.next_offer_seq));
        self.next_offer_seq = options.offer_seq + 1;
        let (bus, seller, payout) = (self.bus, self.seller, self.payout);
        self.world.execute(&[capacity_open(&bus, &seller, window_start)]);
        self.world.create_offer(&bus, bus.window(window_start), &seller, payout, options)
    }

    /// The first window whose gate is open for an hour at least.
    pub fn next_window(&self) -> i64 {
        (self.now() + 3_600 + 60) / 900 * 900 + 900
    }

    /// The accounts of the buyer's purchase.
    pub fn purchase_accounts(&self, offer: &Offer) -> accounts::Purchase {
        purchase_accounts(offer, &self.lane, self.payment)
    }

    /// The buyer's purchase of exactly this much energy (Wh), at any price.
    pub fn purchase(&self, offer: &Offer, energy_wh: u64) -> Instruction {
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
    pub fn buy(&mut self, offer: &Offer, energy_wh: u64) -> TransactionMetadata {
        let instruction = self.purchase(offer, energy_wh);
        self.world.execute(&[instruction])
    }

    /// The buyer's batch of exactly these amounts of energy (Wh), at any price.
    pub fn batch(&self, items: &[(Offer, u64)]) -> Instruction {
        batch(&self.lane, self.payment, self.nonce(&self.lane), items)
    }

    /// The accounts of the buyer's lock.
    pub fn lock_take_accounts(&self, offer: &Offer) -> accounts::LockTake {
        lock_take_accounts(offer, &self.buyer, self.payment)
    }

    /// The buyer's lock of this much energy (Wh), at any price.
    pub fn lock_take(&self, offer: &Offer, energy_wh: u64) -> Instruction {
        instruction::LockTake { energy_wh, max_price_per_kwh: u64::MAX, expected_version: 0 }
            .to_instruction(self.lock_take_accounts(offer))
    }

    /// The buyer locks this much energy (Wh).
    pub fn lock(&mut self, offer: &Offer, energy_wh: u64) -> Address {
        let instruction = self.lock_take(offer, energy_wh);
        self.world.execute(&[instruction]);
        pda::lock(&offer.address, &self.buyer).0
    }

    /// The accounts of the settlement of the buyer's lock.
    pub fn lock_settle_accounts(&self, offer: &Offer) -> accounts::LockSettle {
        lock_settle_accounts(offer, &self.lane)
    }

    /// The settlement of the buyer's lock.
    pub fn lock_settle(&self, offer: &Offer) -> Instruction {
        instruction::LockSettle { nonce: self.nonce(&self.lane) }.to_instruction(self.lock_settle_accounts(offer))
    }

    /// The accounts of the release of the buyer's lock by `caller`.
    pub fn lock_release_accounts(&self, offer: &Offer, caller: &Address) -> accounts::LockRelease {
        lock_release_accounts(offer, caller, &self.buyer, self.payment)
    }

    /// The release of the buyer's lock by `caller`.
    pub fn lock_release(&self, offer: &Offer, caller: &Address) -> Instruction {
        instruction::LockRelease {}.to_instruction(self.lock_release_accounts(offer, caller))
    }
}

impl World {
    /// Creates a bus.
    pub fn create_bus(&mut self, creator: &Address, mint: &Mint, options: &BusOptions) -> Bus {
        self.execute(&[bus_create(creator, mint, options)]);
        Bus::of(creator, options.bus_seq, *mint)
    }

    /// Creates an offer.
    pub fn create_offer(
        &mut self,
        bus: &Bus,
        capacity: Address,
        seller: &Address,
        payout: Address,
        options: OfferOptions,
    ) -> Offer {
        self.execute(&[offer_create(bus, capacity, seller, payout, options)]);
        let address = pda::offer(&capacity, options.offer_seq).0;
        Offer { address, bus: *bus, capacity, seller: *seller, payout, rent_payer: *seller }
    }

    /// Creates an offer of the bus itself.
    pub fn create_offer_for_bus(
        &mut self,
        bus: &Bus,
        capacity: Address,
        owner: &Address,
        options: OfferOptions,
    ) -> Offer {
        self.execute(&[offer_create_for_bus(bus, capacity, owner, options)]);
        bus_offer(bus, capacity, owner, options.offer_seq)
    }

    /// Proposes an action; returns the proposal's address.
    pub fn propose(&mut self, bus: &Bus, proposer: &Address, action: ProposalAction) -> Address {
        let seq = self.bus_state(bus).proposal_seq;
        self.execute(&[proposal_create(bus, proposer, seq, action)]);
        bus.proposal(seq)
    }

    /// Lets the owners decide on an action and carries it out: as many as it needs approve, the timelock passes, and
    /// the proposal is closed. The world has the keys of those owners, and the first has lamports.
    pub fn decide(&mut self, bus: &Bus, action: ProposalAction) -> TransactionMetadata {
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

    /// Pauses or resumes a bus by a decision of its owners; does nothing where it is so already.
    pub fn set_paused(&mut self, bus: &Bus, paused: bool) {
        if self.bus_state(bus).paused != paused as u8 {
            self.decide(bus, if paused { ProposalAction::Pause } else { ProposalAction::Resume });
        }
    }

    /// The state of a bus.
    pub fn bus_state(&self, bus: &Bus) -> state::Bus {
        self.state(&bus.address)
    }

    /// The state of a proposal.
    pub fn proposal_state(&self, proposal: &Address) -> state::Proposal {
        self.state(proposal)
    }

    /// Opens a nonce lane.
    pub fn open_lane(&mut self, wallet: &Address, lane: u16) -> Lane {
        self.execute(&[trader_open(wallet, lane, 0)]);
        Lane::of(wallet, lane)
    }

    /// A buyer of a name, with tokens and a nonce lane.
    pub fn buyer(&mut self, name: &str, mint: &Mint) -> (Address, Address, Lane) {
        let buyer = self.wallet(name);
        let payment = self.token_account(&format!("{name}'s tokens"), mint, &buyer, BUYER_TOKENS);
        let lane = self.open_lane(&buyer, 0);
        (buyer, payment, lane)
    }

    /// The next nonce of a lane.
    pub fn nonce(&self, lane: &Lane) -> u64 {
        self.state::<state::Trader>(&lane.address).next_nonce
    }

    /// The state of an offer.
    pub fn offer_state(&self, offer: &Offer) -> state::Offer {
        self.state(&offer.address)
    }

    /// The state of a capacity.
    pub fn capacity_state(&self, capacity: &Address) -> state::Capacity {
        self.state(capacity)
    }
}

pub fn bus_create_accounts(creator: &Address, mint: &Mint, bus_seq: u64) -> accounts::BusCreate {
    let bus = Bus::of(creator, bus_seq, *mint);
    accounts::BusCreate {
        creator: *creator,
        bus: bus.address,
        capacity: bus.capacity,
        mint: mint.address,
        escrow: bus.escrow,
        treasury: bus.treasury,
        token_program: mint.program.address(),
        system_program: system_program::ID,
    }
}

pub fn bus_create(creator: &Address, mint: &Mint, options: &BusOptions) -> Instruction {
    instruction::BusCreate { bus_seq: options.bus_seq, config: options.config.clone() }
        .to_instruction(bus_create_accounts(creator, mint, options.bus_seq))
}

pub fn proposal_create_accounts(bus: &Bus, proposer: &Address, proposal_seq: u64) -> accounts::ProposalCreate {
    accounts::ProposalCreate {
        proposer: *proposer,
        bus: bus.address,
        general: bus.capacity,
        proposal: bus.proposal(proposal_seq),
        system_program: system_program::ID,
    }
}

pub fn proposal_create(bus: &Bus, proposer: &Address, proposal_seq: u64, action: ProposalAction) -> Instruction {
    instruction::ProposalCreate { action }.to_instruction(proposal_create_accounts(bus, proposer, proposal_seq))
}

pub fn proposal_approve(bus: &Bus, proposal: Address, owner: &Address) -> Instruction {
    instruction::ProposalApprove {}.to_instruction(accounts::ProposalApprove {
        owner: *owner,
        bus: bus.address,
        proposal,
    })
}

pub fn proposal_revoke(bus: &Bus, proposal: Address, owner: &Address) -> Instruction {
    instruction::ProposalRevoke {}.to_instruction(accounts::ProposalRevoke {
        owner: *owner,
        bus: bus.address,
        proposal,
    })
}

pub fn proposal_execute_accounts(bus: &Bus, proposal: Address, executor: &Address) -> accounts::ProposalExecute {
    accounts::ProposalExecute {
        executor: *executor,
        bus: bus.address,
        general: bus.capacity,
        proposal,
        treasury: bus.treasury,
    }
}

pub fn proposal_execute(bus: &Bus, proposal: Address, executor: &Address) -> Instruction {
    instruction::ProposalExecute {}.to_instruction(proposal_execute_accounts(bus, proposal, executor))
}

pub fn proposal_close(bus: &Bus, proposal: Address, closer: &Address, proposer: &Address) -> Instruction {
    instruction::ProposalClose {}.to_instruction(accounts::ProposalClose {
        closer: *closer,
        bus: bus.address,
        proposal,
        proposer: *proposer,
    })
}

pub fn treasury_claim_accounts(bus: &Bus, owner: &Address, destination: Address) -> accounts::TreasuryClaim {
    accounts::TreasuryClaim {
        owner: *owner,
        bus: bus.address,
        treasury: bus.treasury,
        destination,
        mint: bus.mint.address,
        token_program: bus.mint.program.address(),
    }
}

pub fn treasury_claim(bus: &Bus, owner: &Address, destination: Address) -> Instruction {
    instruction::TreasuryClaim {}.to_instruction(treasury_claim_accounts(bus, owner, destination))
}

pub fn capacity_open_accounts(bus: &Bus, payer: &Address, window_start: i64) -> accounts::CapacityOpen {
    accounts::CapacityOpen {
        payer: *payer,
        bus: bus.address,
        general: bus.capacity,
        capacity: bus.window(window_start),
        system_program: system_program::ID,
    }
}

pub fn capacity_open(bus: &Bus, payer: &Address, window_start: i64) -> Instruction {
    instruction::CapacityOpen { window_start }.to_instruction(capacity_open_accounts(bus, payer, window_start))
}

pub fn capacity_close(bus: &Bus, window_start: i64, rent_payer: &Address) -> Instruction {
    instruction::CapacityClose {}.to_instruction(accounts::CapacityClose {
        general: bus.capacity,
        capacity: bus.window(window_start),
        rent_payer: *rent_payer,
    })
}

pub fn offer_create_accounts(
    bus: &Bus,
    capacity: Address,
    seller: &Address,
    payout: Address,
    offer_seq: u64,
) -> accounts::OfferCreate {
    accounts::OfferCreate {
        seller: *seller,
        bus: bus.address,
        capacity,
        offer: pda::offer(&capacity, offer_seq).0,
        payout,
        system_program: system_program::ID,
    }
}

pub fn offer_create(
    bus: &Bus,
    capacity: Address,
    seller: &Address,
    payout: Address,
    options: OfferOptions,
) -> Instruction {
    let OfferOptions { offer_seq, energy_wh, price_per_kwh, expires_at, source } = options;
    instruction::OfferCreate { offer_seq, energy_wh, price_per_kwh, expires_at, source }
        .to_instruction(offer_create_accounts(bus, capacity, seller, payout, offer_seq))
}

pub fn offer_create_for_bus_accounts(
    bus: &Bus,
    capacity: Address,
    owner: &Address,
    offer_seq: u64,
) -> accounts::OfferCreateForBus {
    accounts::OfferCreateForBus {
        owner: *owner,
        bus: bus.address,
        capacity,
        offer: pda::offer(&capacity, offer_seq).0,
        system_program: system_program::ID,
    }
}

pub fn offer_create_for_bus(bus: &Bus, capacity: Address, owner: &Address, options: OfferOptions) -> Instruction {
    let OfferOptions { offer_seq, energy_wh, price_per_kwh, expires_at, source } = options;
    instruction::OfferCreateForBus { offer_seq, energy_wh, price_per_kwh, expires_at, source }
        .to_instruction(offer_create_for_bus_accounts(bus, capacity, owner, offer_seq))
}

/// An offer of the bus itself, as an owner made it.
pub fn bus_offer(bus: &Bus, capacity: Address, owner: &Address, offer_seq: u64) -> Offer {
    Offer {
        address: pda::offer(&capacity, offer_seq).0,
        bus: *bus,
        capacity,
        seller: bus.address,
        payout: bus.treasury,
        rent_payer: *owner,
    }
}

pub fn offer_reprice(offer: &Offer, signer: &Address, price_per_kwh: u64) -> Instruction {
    instruction::OfferReprice { price_per_kwh }.to_instruction(accounts::OfferReprice {
        seller: *signer,
        bus: offer.bus.address,
        offer: offer.address,
    })
}

pub fn offer_extend(offer: &Offer, signer: &Address, expires_at: i64) -> Instruction {
    instruction::OfferExtend { expires_at }.to_instruction(accounts::OfferExtend {
        seller: *signer,
        bus: offer.bus.address,
        offer: offer.address,
    })
}

pub fn offer_cancel_accounts(offer: &Offer, caller: &Address) -> accounts::OfferCancel {
    accounts::OfferCancel {
        caller: *caller,
        bus: offer.bus.address,
        capacity: offer.capacity,
        offer: offer.address,
        rent_payer: offer.rent_payer,
    }
}

pub fn offer_cancel(offer: &Offer, caller: &Address) -> Instruction {
    instruction::OfferCancel {}.to_instruction(offer_cancel_accounts(offer, caller))
}

pub fn purchase_accounts(offer: &Offer, lane: &Lane, payment: Address) -> accounts::Purchase {
    accounts::Purchase {
        buyer: lane.wallet,
        trader: lane.address,
        bus: offer.bus.address,
        offer: offer.address,
        payment,
        payout: offer.payout,
        mint: offer.bus.mint.address,
        token_program: offer.bus.mint.program.address(),
    }
}

/// The three accounts of one item of a batch.
pub fn item_accounts(offer: &Offer) -> [AccountMeta; 3] {
    [
        AccountMeta::new_readonly(offer.bus.address, false),
        AccountMeta::new(offer.address, false),
        AccountMeta::new(offer.payout, false),
    ]
}

/// A batch of exact amounts (Wh) at any price, with no limit to the total.
pub fn batch(lane: &Lane, payment: Address, nonce: u64, items: &[(Offer, u64)]) -> Instruction {
    let orders = items
        .iter()
        .map(|(_, energy_wh)| PurchaseItem { energy_wh: *energy_wh, max_price_per_kwh: u64::MAX, expected_version: 0 })
        .collect();
    let offers: Vec<_> = items.iter().map(|(offer, _)| *offer).collect();
    batch_of(lane, payment, nonce, u64::MAX, &offers, orders)
}

/// A batch.
pub fn batch_of(
    lane: &Lane,
    payment: Address,
    nonce: u64,
    max_total: u64,
    offers: &[Offer],
    items: Vec<PurchaseItem>,
) -> Instruction {
    let mint = offers[0].bus.mint;
    let mut instruction =
        instruction::PurchaseBatch { nonce, max_total, items }.to_instruction(accounts::PurchaseBatch {
            buyer: lane.wallet,
            trader: lane.address,
            payment,
            mint: mint.address,
            token_program: mint.program.address(),
        });
    instruction.accounts.extend(offers.iter().flat_map(item_accounts));
    instruction
}

pub fn lock_take_accounts(offer: &Offer, buyer: &Address, payment: Address) -> accounts::LockTake {
    accounts::LockTake {
        buyer: *buyer,
        bus: offer.bus.address,
        offer: offer.address,
        lock: pda::lock(&offer.address, buyer).0,
        payment,
        escrow: offer.bus.escrow,
        mint: offer.bus.mint.address,
        token_program: offer.bus.mint.program.address(),
        system_program: system_program::ID,
    }
}

pub fn lock_settle_accounts(offer: &Offer, lane: &Lane) -> accounts::LockSettle {
    accounts::LockSettle {
        buyer: lane.wallet,
        trader: lane.address,
        bus: offer.bus.address,
        offer: offer.address,
        lock: pda::lock(&offer.address, &lane.wallet).0,
        escrow: offer.bus.escrow,
        payout: offer.payout,
        mint: offer.bus.mint.address,
        token_program: offer.bus.mint.program.address(),
    }
}

pub fn lock_release_accounts(
    offer: &Offer,
    caller: &Address,
    buyer: &Address,
    refund: Address,
) -> accounts::LockRelease {
    accounts::LockRelease {
        caller: *caller,
        buyer: *buyer,
        bus: offer.bus.address,
        offer: offer.address,
        lock: pda::lock(&offer.address, buyer).0,
        escrow: offer.bus.escrow,
        refund,
        payout: offer.payout,
        mint: offer.bus.mint.address,
        token_program: offer.bus.mint.program.address(),
    }
}

pub fn trader_open(wallet: &Address, lane: u16, first_slot: u64) -> Instruction {
    instruction::TraderOpen { lane, first_slot }.to_instruction(accounts::TraderOpen {
        wallet: *wallet,
        trader: pda::trader(wallet, lane).0,
        system_program: system_program::ID,
    })
}

pub fn trader_close(lane: &Lane, wallet: &Address) -> Instruction {
    instruction::TraderClose {}.to_instruction(accounts::TraderClose { wallet: *wallet, trader: lane.address })
}
