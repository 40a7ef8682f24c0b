//! The chain and the model side by side: whatever is done to one is done to the other, and then they are compared.

use {
    super::{coverage::Coverage, expect, script::*},
    crate::{
        market::{self, Bus},
        mint::{Mint, MintExtension, TokenProgram},
        world::{START, START_SLOT, World},
    },
    litesvm::LiteSVM,
    multibus::{
        PurchaseItem, accounts,
        error::MultibusError,
        instruction,
        state::{BusConfig, OwnerShare, ProposalAction},
    },
    multibus_model::{Call, Cause, Causes, Model, ModelMint, ModelTokens, PassedAccount},
    solana_account::ReadableAccount,
    solana_address::Address,
    solana_clock::Clock,
    solana_instruction::{AccountMeta, Instruction, error::InstructionError},
    solana_message::{VersionedMessage, v0},
    solana_sdk_ids::system_program,
    solana_transaction::versioned::VersionedTransaction,
    solana_transaction_error::TransactionError,
    spl_token_2022_interface::instruction as token_2022,
    std::{
        cell::RefCell,
        collections::{BTreeMap, BTreeSet, HashMap},
        sync::OnceLock,
    },
};

/// Parties that there can be.
pub const MOST_PARTIES: u8 = 12;
/// Mints: SPL Token, Token-2022, and one that the market refuses.
pub const MINTS: u8 = 3;
/// Tokens that every account starts with.
const TOKENS: u64 = 1_000_000_000_000;
/// Lamports of every party but the last, who can pay for an account or two.
const RICH: u64 = 10_000_000_000;
const POOR: u64 = 6_000_000;

/// What became of an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Landed,
    /// With this error, of the market where it has a name.
    Refused(InstructionError),
    /// No instruction of the market.
    Around,
}

/// A chain with mints and token accounts, as every game begins.
#[derive(Clone)]
struct Stage {
    svm: LiteSVM,
    fee_payer: Address,
    mints: [Mint; MINTS as usize],
}

impl Stage {
    fn on(mut world: World) -> Self {
        let mints = [
            world.mint("spl token", TokenProgram::SplToken, &[]),
            world.mint("token 2022", TokenProgram::Token2022, &[MintExtension::InterestBearing]),
            world.mint("with fees", TokenProgram::Token2022, &[MintExtension::TransferFee]),
        ];
        for party in 0..MOST_PARTIES {
            let wallet = world.wallet(&party_name(party));
            for (number, mint) in mints.iter().enumerate().take(2) {
                for which in 0..2 {
                    world.token_account(&tokens_name(party, number as u8, which), mint, &wallet, TOKENS);
                }
            }
        }
        let World { svm, fee_payer, .. } = world;
        let svm = svm.with_sigverify(false).with_blockhash_check(false).with_transaction_history(0);
        Self { svm, fee_payer, mints }
    }
}

fn party_name(party: u8) -> String {
    format!("party {party}")
}

fn tokens_name(party: u8, mint: u8, which: u8) -> String {
    format!("party {party}, mint {mint}, account {which}")
}

/// A game: the chain and the model of it.
#[derive(Clone)]
pub struct Machine {
    pub svm: LiteSVM,
    pub model: Model,
    pub parties: u8,
    fee_payer: Address,
    pub mints: [Mint; MINTS as usize],
    /// Addresses that were asked for.
    addresses: RefCell<HashMap<Spot, Address>>,
    /// Bumps of addresses of the program.
    bumps: HashMap<Address, u8>,
    sent: u64,
}

impl Machine {
    pub fn new(parties: u8) -> Self {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        Self::on(STAGE.get_or_init(|| Stage::on(World::new())).clone(), parties)
    }

    /// The same on a chain that shows which ways through the program are taken.
    pub fn traced(parties: u8, coverage: &Coverage) -> Self {
        Self::on(Stage::on(World::on(coverage.chain())), parties)
    }

    fn on(stage: Stage, parties: u8) -> Self {
        assert!((2..=MOST_PARTIES).contains(&parties), "2 to 12 parties play");
        let Stage { svm, fee_payer, mints } = stage;
        let per_byte = svm.minimum_balance_for_rent_exemption(1_000) - svm.minimum_balance_for_rent_exemption(999);
        let overhead = svm.minimum_balance_for_rent_exemption(0) / per_byte;
        let mut machine = Self {
            svm,
            model: Model::new(multibus::ID, (per_byte, overhead), START, START_SLOT),
            parties,
            fee_payer,
            mints,
            addresses: RefCell::default(),
            bumps: HashMap::new(),
            sent: 0,
        };
        let refusals = [None, None, Some("MintHasTransferFee")];
        for (mint, refused_as) in mints.iter().zip(refusals) {
            let known = ModelMint { program: mint.program.address(), decimals: mint.decimals, refused_as };
            machine.model.mints.insert(mint.address, known);
        }
        for party in 0..MOST_PARTIES {
            let wallet = machine.address(Spot::Wallet(party));
            let lamports = if party + 1 == parties { POOR } else { RICH };
            machine
                .svm
                .set_account(wallet, solana_account::Account { lamports, ..Default::default() })
                .expect("a wallet");
            machine.add_lamports(&wallet, lamports);
            for mint in 0..2 {
                for which in 0..2 {
                    let account = machine.address(Spot::Tokens(party, mint, which));
                    machine.add_tokens(&account, mint, &wallet, TOKENS);
                }
            }
        }
        machine
    }

    fn add_lamports(&mut self, address: &Address, lamports: u64) {
        *self.model.lamports.entry(*address).or_default() += lamports;
        self.model.all_lamports += lamports as u128;
    }

    fn add_tokens(&mut self, account: &Address, mint: u8, owner: &Address, amount: u64) {
        let mint = self.mints[mint as usize].address;
        let tokens = ModelTokens { mint, owner: *owner, amount, frozen: false, delegate: None };
        self.model.tokens.insert(*account, tokens);
        *self.model.supply.entry(mint).or_default() += amount as u128;
        let lamports = self.svm.get_balance(account).expect("a token account");
        self.add_lamports(account, lamports);
    }

    /// Creator of a bus.
    pub fn creator(&self, bus: u8) -> u8 {
        bus % self.parties
    }

    /// Address of an account.
    pub fn address(&self, spot: Spot) -> Address {
        if let Some(address) = self.addresses.borrow().get(&spot) {
            return *address;
        }
        let key = |name: &str| {
            use solana_signer::Signer;
            crate::keypair(name).pubkey()
        };
        let model = &self.model;
        let address = match spot {
            Spot::Wallet(party) => key(&party_name(party)),
            Spot::Tokens(party, mint, which) => key(&tokens_name(party, mint, which)),
            Spot::BusAt(bus) => model.bus_address(&self.address(Spot::Wallet(self.creator(bus))), bus as u64).0,
            Spot::CapacityAt(bus, window) => {
                let start = if window == 0 { 0 } else { START.saturating_add(window) };
                model.capacity_address(&self.address(Spot::BusAt(bus)), start).0
            }
            Spot::Escrow(bus) => model.escrow_address(&self.address(Spot::BusAt(bus))),
            Spot::Treasury(bus) => model.treasury_address(&self.address(Spot::BusAt(bus))),
            Spot::OfferAt(Place(bus, window, seq)) => {
                model.offer_address(&self.address(Spot::CapacityAt(bus, window)), seq).0
            }
            Spot::LockAt(place, party) => {
                model.lock_address(&self.address(Spot::OfferAt(place)), &self.address(Spot::Wallet(party))).0
            }
            Spot::LaneAt(party, lane) => model.lane_address(&self.address(Spot::Wallet(party)), lane).0,
            Spot::ProposalAt(bus, seq) => model.proposal_address(&self.address(Spot::BusAt(bus)), seq).0,
            Spot::MintAt(mint) => self.mints[mint as usize % 3].address,
            Spot::TokenProgramOf(mint) => self.mints[mint as usize % 3].program.address(),
            Spot::Stray(bus, mint) => key(&format!("stray of bus {bus}, mint {mint}")),
            Spot::System => system_program::ID,
            Spot::Market => multibus::ID,
            Spot::Nowhere(number) => key(&format!("nowhere {number}")),
        };
        self.addresses.borrow_mut().insert(spot, address);
        address
    }

    fn harness_bus(&self, bus: u8) -> Bus {
        let address = self.address(Spot::BusAt(bus));
        let mint = self.model.buses.get(&address).map_or(self.mints[0], |state| {
            *self.mints.iter().find(|mint| mint.address == state.mint).expect("one of the mints")
        });
        Bus {
            address,
            capacity: self.address(Spot::CapacityAt(bus, 0)),
            escrow: self.address(Spot::Escrow(bus)),
            treasury: self.address(Spot::Treasury(bus)),
            mint,
        }
    }

    /// An offer, with what its account names, or anything where there is none.
    fn harness_offer(&self, place: Place) -> market::Offer {
        let Place(bus, window, _) = place;
        let address = self.address(Spot::OfferAt(place));
        let state = self.model.offers.get(&address);
        let party = self.address(Spot::Wallet(0));
        market::Offer {
            address,
            bus: self.harness_bus(bus),
            capacity: self.address(Spot::CapacityAt(bus, window)),
            seller: state.map_or(party, |offer| offer.seller),
            payout: state.map_or_else(|| self.address(Spot::Tokens(0, 0, 0)), |offer| offer.payout),
            rent_payer: state.map_or(party, |offer| offer.rent_payer),
        }
    }

    fn lane(&self, party: u8, lane: u16) -> market::Lane {
        market::Lane {
            address: self.address(Spot::LaneAt(party, lane)),
            wallet: self.address(Spot::Wallet(party)),
            lane,
        }
    }

    /// A nonce, counted from the lane's next.
    fn nonce(&self, party: u8, lane: u16, from_next: i64) -> u64 {
        let next = self.model.lanes.get(&self.address(Spot::LaneAt(party, lane))).map_or(0, |lane| lane.next_nonce());
        next.wrapping_add_signed(from_next)
    }

    /// The instruction of a deed.
    pub fn instruction(&self, deed: &Deed) -> Instruction {
        let wallet = |party: &u8| self.address(Spot::Wallet(*party));
        let item = |ask: &Ask| PurchaseItem { energy_wh: ask.0, max_price_per_kwh: ask.1, expected_version: ask.2 };
        let time = |seconds: i64| if seconds == 0 { 0 } else { START.saturating_add(seconds) };
        let options = |offer_seq, energy_wh, price_per_kwh, expires, source| {
            let expires_at = time(expires);
            market::OfferOptions { offer_seq, energy_wh, price_per_kwh, expires_at, source }
        };
        match deed {
            Deed::CreateBus { bus, mint, config } => {
                let creator = wallet(&self.creator(*bus));
                let config = self.config(config);
                let mint = &self.mints[*mint as usize % 3];
                market::bus_create(&creator, mint, &market::BusOptions { bus_seq: *bus as u64, config })
            }
            Deed::OpenCapacity { by, bus, window } => {
                let bus_at = self.harness_bus(*bus);
                market::capacity_open(&bus_at, &wallet(by), time(*window))
            }
            Deed::CloseCapacity { bus, window } => {
                let at = self.address(Spot::CapacityAt(*bus, *window));
                let payer = self.model.capacities.get(&at).map_or_else(|| wallet(&0), |capacity| capacity.rent_payer);
                let mut close = market::capacity_close(&self.harness_bus(*bus), time(*window), &payer);
                close.accounts[1].pubkey = at;
                close
            }
            Deed::CreateOffer { by, offer: Place(bus, window, seq), wh, price, expires, source, payout } => {
                let at = self.address(Spot::CapacityAt(*bus, *window));
                let options = options(*seq, *wh, *price, *expires, *source);
                market::offer_create(&self.harness_bus(*bus), at, &wallet(by), self.address(*payout), options)
            }
            Deed::CreateOfferForBus { by, offer: Place(bus, window, seq), wh, price, expires, source } => {
                let at = self.address(Spot::CapacityAt(*bus, *window));
                let options = options(*seq, *wh, *price, *expires, *source);
                market::offer_create_for_bus(&self.harness_bus(*bus), at, &wallet(by), options)
            }
            Deed::Reprice { by, offer, price } => {
                market::offer_reprice(&self.harness_offer(*offer), &wallet(by), *price)
            }
            Deed::Extend { by, offer, expires } => {
                market::offer_extend(&self.harness_offer(*offer), &wallet(by), time(*expires))
            }
            Deed::Cancel { by, offer } => market::offer_cancel(&self.harness_offer(*offer), &wallet(by)),
            Deed::Buy { by, lane, nonce, offer, ask, at_least, from } => {
                let accounts =
                    market::purchase_accounts(&self.harness_offer(*offer), &self.lane(*by, *lane), self.address(*from));
                instruction::Purchase {
                    nonce: self.nonce(*by, *lane, *nonce),
                    energy_wh: ask.0,
                    min_energy_wh: *at_least,
                    max_price_per_kwh: ask.1,
                    expected_version: ask.2,
                }
                .to_instruction(accounts)
            }
            Deed::BuyBatch { by, lane, nonce, items, limit, from } => {
                let offers: Vec<_> = items.0.iter().map(|(place, _)| self.harness_offer(*place)).collect();
                let asks = items.0.iter().map(|(_, ask)| item(ask)).collect();
                let mint = offers.first().map_or(self.mints[0], |offer| offer.bus.mint);
                let at = self.lane(*by, *lane);
                let mut batch = instruction::PurchaseBatch {
                    nonce: self.nonce(*by, *lane, *nonce),
                    max_total: *limit,
                    items: asks,
                }
                .to_instruction(accounts::PurchaseBatch {
                    buyer: at.wallet,
                    trader: at.address,
                    payment: self.address(*from),
                    mint: mint.address,
                    token_program: mint.program.address(),
                });
                batch.accounts.extend(offers.iter().flat_map(market::item_accounts));
                batch
            }
            Deed::TakeLock { by, offer, ask, from } => {
                let accounts =
                    market::lock_take_accounts(&self.harness_offer(*offer), &wallet(by), self.address(*from));
                instruction::LockTake { energy_wh: ask.0, max_price_per_kwh: ask.1, expected_version: ask.2 }
                    .to_instruction(accounts)
            }
            Deed::SettleLock { by, lane, nonce, offer } => {
                let accounts = market::lock_settle_accounts(&self.harness_offer(*offer), &self.lane(*by, *lane));
                instruction::LockSettle { nonce: self.nonce(*by, *lane, *nonce) }.to_instruction(accounts)
            }
            Deed::ReleaseLock { by, offer, buyer, refund } => {
                let offer = self.harness_offer(*offer);
                let accounts =
                    market::lock_release_accounts(&offer, &wallet(by), &wallet(buyer), self.address(*refund));
                instruction::LockRelease {}.to_instruction(accounts)
            }
            Deed::OpenLane { by, lane, ahead } => {
                let first_slot = ahead.map_or(0, |ahead| self.model.slot.saturating_add_signed(ahead));
                market::trader_open(&wallet(by), *lane, first_slot)
            }
            Deed::CloseLane { by, lane } => market::trader_close(&self.lane(*by, *lane), &wallet(by)),
            Deed::Propose { by, bus, decision } => {
                let at = self.harness_bus(*bus);
                let seq = self.model.buses.get(&at.address).map_or(0, |state| state.proposal_seq);
                market::proposal_create(&at, &wallet(by), seq, self.action(decision))
            }
            Deed::Approve { by, bus, proposal } => {
                let at = self.address(Spot::ProposalAt(*bus, *proposal));
                market::proposal_approve(&self.harness_bus(*bus), at, &wallet(by))
            }
            Deed::Revoke { by, bus, proposal } => {
                let at = self.address(Spot::ProposalAt(*bus, *proposal));
                market::proposal_revoke(&self.harness_bus(*bus), at, &wallet(by))
            }
            Deed::Execute { by, bus, proposal } => {
                let at = self.address(Spot::ProposalAt(*bus, *proposal));
                market::proposal_execute(&self.harness_bus(*bus), at, &wallet(by))
            }
            Deed::CloseProposal { by, bus, proposal } => {
                let at = self.address(Spot::ProposalAt(*bus, *proposal));
                let proposer = self.model.proposals.get(&at).map_or_else(|| wallet(&0), |proposal| proposal.proposer);
                market::proposal_close(&self.harness_bus(*bus), at, &wallet(by), &proposer)
            }
            Deed::Claim { bus, owner, into } => {
                market::treasury_claim(&self.harness_bus(*bus), &self.address(*owner), self.address(*into))
            }
        }
    }

    fn config(&self, config: &Config) -> BusConfig {
        BusConfig {
            // Names that are no text cannot be sent by this way; raw bytes are.
            name: String::from_utf8_lossy(&config.name.0).into_owned(),
            owners: config
                .owners
                .0
                .iter()
                .map(|(owner, share_bps)| OwnerShare { owner: self.address(*owner), share_bps: *share_bps })
                .collect(),
            threshold: config.threshold,
            pause_quorum: config.pause_quorum,
            listing_policy: config.listing,
            lock_fee_bps: config.fee,
            timelock_seconds: config.timelock,
            window_seconds: config.window,
            gate_closure_seconds: config.gate,
            capacity_wh: config.capacity,
            base_price_per_kwh: config.base_price,
        }
    }

    fn action(&self, decision: &Decision) -> ProposalAction {
        match decision.clone() {
            Decision::AddOwner(owner, shares) => {
                ProposalAction::OwnerAdd { owner: self.address(owner), shares_bps: shares.0 }
            }
            Decision::RemoveOwner(owner, shares) => {
                ProposalAction::OwnerRemove { owner: self.address(owner), shares_bps: shares.0 }
            }
            Decision::Shares(shares) => ProposalAction::SharesSet { shares_bps: shares.0 },
            Decision::Threshold(threshold) => ProposalAction::ThresholdSet { threshold },
            Decision::Timelock(timelock_seconds) => ProposalAction::TimelockSet { timelock_seconds },
            Decision::Capacity(capacity_wh) => ProposalAction::CapacitySet { capacity_wh },
            Decision::BasePrice(base_price_per_kwh) => ProposalAction::BasePriceSet { base_price_per_kwh },
            Decision::Listing(listing_policy) => ProposalAction::ListingPolicySet { listing_policy },
            Decision::Windows(window_seconds, gate_closure_seconds) => {
                ProposalAction::WindowsSet { window_seconds, gate_closure_seconds }
            }
            Decision::LockFee(lock_fee_bps) => ProposalAction::LockFeeSet { lock_fee_bps },
            Decision::PauseIt => ProposalAction::Pause,
            Decision::ResumeIt => ProposalAction::Resume,
        }
    }

    /// Does a step on both sides and compares them.
    ///
    /// # Errors
    /// How they differ.
    pub fn step(&mut self, step: &Step) -> Result<Outcome, String> {
        match step {
            Step::At(second) => {
                let to = START.saturating_add(*second).max(self.model.now);
                self.model.slot += 1 + 2 * (to - self.model.now) as u64;
                self.model.now = to;
                let mut clock = self.svm.get_sysvar::<Clock>();
                (clock.unix_timestamp, clock.slot) = (self.model.now, self.model.slot);
                self.svm.set_sysvar(&clock);
            }
            Step::Gift(spot, amount) => self.gift(*spot, *amount),
            Step::Freeze(spot) => self.set_frozen(*spot, true),
            Step::Thaw(spot) => self.set_frozen(*spot, false),
            Step::Delegate { account, to, amount } => self.delegate(*account, *to, *amount),
            Step::Fund(spot, lamports) => self.fund(*spot, *lamports),
            Step::Do(deed, tamper) => {
                let mut instruction = self.instruction(deed);
                match *tamper {
                    Tamper::Nothing => {}
                    Tamper::Unsigned(place) => {
                        let count = instruction.accounts.len();
                        instruction.accounts[place as usize % count].is_signer = false;
                    }
                    Tamper::ReadOnly(place) => {
                        let count = instruction.accounts.len();
                        instruction.accounts[place as usize % count].is_writable = false;
                    }
                    Tamper::Swap(place, spot) => {
                        let count = instruction.accounts.len();
                        let meta = &mut instruction.accounts[place as usize % count];
                        meta.pubkey = self.address(spot);
                        // Only what has a key can sign.
                        meta.is_signer &= matches!(spot, Spot::Wallet(_) | Spot::Tokens(..) | Spot::Nowhere(_));
                    }
                    Tamper::Accounts(count) => instruction.accounts.truncate(count as usize),
                    Tamper::Bytes(count) => instruction.data.truncate(count as usize),
                }
                return self.execute(&instruction);
            }
        }
        Ok(Outcome::Around)
    }

    /// The flags that an instruction's accounts have in its transaction: what one place asks for, all of them get.
    fn metas(instructions: &[Instruction]) -> Vec<Vec<PassedAccount>> {
        let mut flags: BTreeMap<Address, (bool, bool)> = BTreeMap::new();
        for meta in instructions.iter().flat_map(|instruction| &instruction.accounts) {
            let (signs, writes) = flags.entry(meta.pubkey).or_default();
            *signs |= meta.is_signer;
            *writes |= meta.is_writable;
        }
        let of = |instruction: &Instruction| {
            let accounts = instruction.accounts.iter();
            let meta = |meta: &AccountMeta| {
                let (is_signer, asked) = flags[&meta.pubkey];
                // The runtime lets no transaction write these.
                let is_writable = asked && meta.pubkey != system_program::ID && meta.pubkey != multibus::ID;
                PassedAccount { address: meta.pubkey, is_signer, is_writable }
            };
            accounts.map(meta).collect()
        };
        instructions.iter().map(of).collect()
    }

    /// A transaction of instructions; signatures are not checked, only who is named as a signer.
    fn transaction(&mut self, instructions: &[Instruction]) -> VersionedTransaction {
        let hash = self.svm.latest_blockhash();
        let message = v0::Message::try_compile(&self.fee_payer, instructions, &[], hash).expect("a message");
        self.sent += 1;
        let mut signature = [0; 64];
        signature[..8].copy_from_slice(&self.sent.to_le_bytes());
        let count = message.header.num_required_signatures as usize;
        VersionedTransaction { signatures: vec![signature.into(); count], message: VersionedMessage::V0(message) }
    }

    /// Gives an instruction to the chain and to the model.
    ///
    /// # Errors
    /// How they differ, or which invariant does not hold.
    pub fn execute(&mut self, instruction: &Instruction) -> Result<Outcome, String> {
        self.execute_all(std::slice::from_ref(instruction)).map(|(outcome, _)| outcome)
    }

    /// The model's verdict on a transaction: the first instruction that it refuses, and why; then nothing changes.
    fn judge(&mut self, instructions: &[Instruction], metas: &[Vec<PassedAccount>]) -> Result<(), (usize, Causes)> {
        let before = (instructions.len() > 1).then(|| self.model.clone());
        for (at, (instruction, metas)) in instructions.iter().zip(metas).enumerate() {
            if let Err(causes) = self.model.execute(metas, &instruction.data) {
                if let Some(before) = before {
                    self.model = before;
                }
                return Err((at, causes));
            }
        }
        Ok(())
    }

    /// Gives a transaction to the chain and to the model; tells what became of it, and its compute units.
    ///
    /// # Errors
    /// How they differ, or which invariant does not hold.
    pub fn execute_all(&mut self, instructions: &[Instruction]) -> Result<(Outcome, u64), String> {
        let transaction = self.transaction(instructions);
        let result = self.svm.send_transaction(transaction);
        let metas = Self::metas(instructions);
        let verdict = self.judge(instructions, &metas);
        let names = instructions
            .iter()
            .map(|instruction| Call::read(&instruction.data).map_or("no instruction", |call| call.name()));
        let name = names.collect::<Vec<_>>().join(", ");
        let logs = |logs: &[String]| logs.join("\n  ");
        let (outcome, units) = match (result, verdict) {
            (Ok(meta), Ok(())) => (Outcome::Landed, meta.compute_units_consumed),
            (Ok(meta), Err((at, Causes(causes)))) => {
                return Err(format!("{name} landed, but {at} must be refused for {causes:?}\n  {}", logs(&meta.logs)));
            }
            (Err(failure), Ok(())) => {
                return Err(format!("{name} must land, but: {}\n  {}", failure.err, logs(&failure.meta.logs)));
            }
            (Err(failure), Err((at, Causes(causes)))) => {
                let place = match failure.err {
                    TransactionError::InstructionError(place, _) => place as usize,
                    _ => at,
                };
                if place != at || !causes.iter().any(|cause| covers(*cause, &failure.err)) {
                    return Err(format!(
                        "{name} may be refused at {at} for {causes:?}, but was for {:?}\n  {}",
                        failure.err,
                        logs(&failure.meta.logs)
                    ));
                }
                let outcome = match failure.err {
                    TransactionError::InstructionError(_, error) => Outcome::Refused(error),
                    _ => Outcome::Refused(InstructionError::InsufficientFunds),
                };
                (outcome, failure.meta.compute_units_consumed)
            }
        };
        let touched: BTreeSet<Address> = metas.iter().flatten().map(|meta| meta.address).collect();
        for address in &touched {
            self.compare(address).map_err(|difference| format!("after {name}: {difference}"))?;
        }
        if outcome == Outcome::Landed {
            let buses = self.model.buses_of(touched.iter());
            self.model.check(&buses).map_err(|broken| format!("after {name}: {broken}"))?;
        }
        Ok((outcome, units))
    }

    /// Compares all that either side knows, and checks every invariant.
    ///
    /// # Errors
    /// How they differ.
    pub fn compare_all(&mut self) -> Result<(), String> {
        let known: BTreeSet<Address> = self.model.lamports.keys().copied().collect();
        for (address, account) in &self.svm.accounts_db().inner {
            if *account.owner() == multibus::ID && account.lamports() > 0 && !known.contains(address) {
                return Err(format!("there is an account {address} that the model does not know"));
            }
        }
        for address in &known {
            self.compare(address)?;
        }
        let buses = self.model.buses.keys().copied().collect();
        self.model.check(&buses)
    }

    /// Compares one account.
    fn compare(&mut self, address: &Address) -> Result<(), String> {
        let Some(lamports) = self.model.lamports.get(address).copied() else {
            // Not of the game: a mint, a program, or nothing.
            return match self.svm.accounts_db().inner.get(address) {
                Some(account) if *account.owner() == multibus::ID && account.lamports() > 0 => {
                    Err(format!("there is an account {address} that the model does not know"))
                }
                _ => Ok(()),
            };
        };
        let account = self.svm.accounts_db().inner.get(address);
        let found = account.map_or(0, |account| account.lamports());
        if found != lamports {
            return Err(format!("{address} has {found} lamports, and should have {lamports}"));
        }
        let Some(account) = account.filter(|account| account.lamports() > 0) else { return Ok(()) };
        if let Some(tokens) = self.model.tokens.get(address) {
            return expect::tokens(tokens, account.data()).map_err(|error| format!("{address}: {error}"));
        }
        if self.model.has_state(address) && !self.bumps.contains_key(address) {
            self.bumps.insert(*address, expect::bump(&self.model, address));
        }
        let bump = self.bumps.get(address).copied().unwrap_or(0);
        match expect::state(&self.model, address, bump) {
            None if *account.owner() == system_program::ID && account.data().is_empty() => Ok(()),
            None => Err(format!("{address} should be a wallet, and is an account of {}", account.owner())),
            Some(_) if *account.owner() != multibus::ID => Err(format!("{address} is not the program's")),
            Some(expected) => expected.compare(account.data()).map_err(|error| format!("{address}: {error}")),
        }
    }

    // What happens around the market.

    fn around(&mut self, instructions: &[Instruction]) -> bool {
        let transaction = self.transaction(instructions);
        self.svm.send_transaction(transaction).is_ok()
    }

    /// The mint of a token account, where it is one of the game.
    fn mint_of(&self, account: &Address) -> Option<Mint> {
        let mint = self.model.tokens.get(account)?.mint;
        self.mints.iter().find(|known| known.address == mint).copied()
    }

    fn gift(&mut self, spot: Spot, amount: u64) {
        let account = self.address(spot);
        if let (Spot::Stray(bus, mint), false) = (spot, self.model.tokens.contains_key(&account)) {
            self.make_stray(bus, mint % 2, &account);
        }
        let Some(mint) = self.mint_of(&account) else { return };
        if self.around(&[mint.mint_to(&account, &self.fee_payer.clone(), amount)]) {
            self.model.tokens.get_mut(&account).expect("found above").amount += amount;
            *self.model.supply.entry(mint.address).or_default() += amount as u128;
            if self.model.buses.values().any(|bus| bus.escrow == account) {
                *self.model.gifts.entry(account).or_default() += amount as u128;
            }
        }
    }

    fn make_stray(&mut self, bus: u8, mint: u8, account: &Address) {
        let owner = self.address(Spot::BusAt(bus));
        let of = self.mints[mint as usize];
        let lamports = self.svm.minimum_balance_for_rent_exemption(165);
        let create = solana_system_interface::instruction::create_account(
            &self.fee_payer,
            account,
            lamports,
            165,
            &of.program.address(),
        );
        if self.around(&[create, of.initialize_account(account, &owner)]) {
            self.add_tokens(account, mint, &owner, 0);
        }
    }

    fn set_frozen(&mut self, spot: Spot, frozen: bool) {
        let account = self.address(spot);
        let Some(mint) = self.mint_of(&account) else { return };
        let (program, authority) = (mint.program.address(), self.fee_payer);
        let change = if frozen { token_2022::freeze_account } else { token_2022::thaw_account };
        let change = change(&program, &account, &mint.address, &authority, &[]).expect("an instruction");
        if self.around(&[change]) {
            self.model.tokens.get_mut(&account).expect("found above").frozen = frozen;
        }
    }

    fn delegate(&mut self, spot: Spot, to: u8, amount: u64) {
        let (account, to) = (self.address(spot), self.address(Spot::Wallet(to)));
        let (Some(mint), Spot::Tokens(party, ..)) = (self.mint_of(&account), spot) else { return };
        let owner = self.address(Spot::Wallet(party));
        let approve = token_2022::approve(&mint.program.address(), &account, &to, &owner, &[], amount);
        if self.around(&[approve.expect("an instruction")]) {
            self.model.tokens.get_mut(&account).expect("found above").delegate = Some((to, amount));
        }
    }

    fn fund(&mut self, spot: Spot, lamports: u64) {
        let to = self.address(spot);
        let transfer = solana_system_interface::instruction::transfer(&self.fee_payer, &to, lamports);
        if self.around(&[transfer]) {
            self.add_lamports(&to, lamports);
        }
    }

    /// Seconds of the game that have passed.
    pub fn second(&self) -> i64 {
        self.model.now - START
    }
}

/// Whether an error is how the chain tells of a cause.
fn covers(cause: Cause, error: &TransactionError) -> bool {
    use InstructionError as E;
    let error = match error {
        TransactionError::InstructionError(_, error) => error,
        TransactionError::InsufficientFundsForRent { .. } => return cause == Cause::Dust,
        _ => return false,
    };
    match cause {
        Cause::Rule(name) => {
            matches!(error, E::Custom(code) if MultibusError::from_code(*code).is_some_and(|found| found.name() == name))
        }
        // Whatever is found first.
        Cause::Data => true,
        #[allow(deprecated, reason = "the runtime still gives this error its old name where a program returns it")]
        Cause::Missing => *error == E::NotEnoughAccountKeys,
        Cause::Signature => *error == E::MissingRequiredSignature,
        Cause::Readonly => matches!(error, E::Custom(2000) | E::PrivilegeEscalation),
        Cause::Twice => *error == E::Custom(2040),
        Cause::Type => {
            matches!(error, E::AccountDataTooSmall | E::IllegalOwner | E::InvalidAccountData | E::UninitializedAccount)
        }
        Cause::Seeds => *error == E::InvalidSeeds,
        Cause::Program => matches!(error, E::IncorrectProgramId | E::Custom(2007)),
        // The system program says that an account is in use.
        Cause::Exists => *error == E::Custom(0),
        Cause::Dust => false,
        Cause::Lamports => *error == E::Custom(1),
        Cause::Payer => *error == E::InvalidArgument,
        Cause::TokenFunds => *error == E::Custom(1),
        Cause::TokenFrozen => *error == E::Custom(17),
        Cause::TokenOwner => *error == E::Custom(4),
        Cause::TokenAccount => {
            matches!(error, E::Custom(3) | E::InvalidAccountData | E::UninitializedAccount | E::IncorrectProgramId)
        }
    }
}
