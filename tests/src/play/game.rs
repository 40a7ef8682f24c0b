//! A game: the chain and the model side by side. Whatever is done to one is done to the other, and then both are
//! compared.

use {
    super::{
        cover::covers,
        coverage::Coverage,
        expect,
        marks::{self, Marks},
        script::*,
        setup::{
            BAD_MINTS, GOOD_MINTS, MOST_PARTIES, NATIVE, POOR, RICH, Setup, WINDER_NAME, device_name, party_name,
            tokens_name,
        },
    },
    crate::{
        chain::{FIRST, START, START_SLOT, TestChain},
        event,
        key::keypair,
        mint::Mint,
        refusal::error_name,
        replica::{Replica, Sent, TokenBalances, token_balances},
    },
    litesvm::LiteSVM,
    multibus_model::{
        Before, Call, Causes, Model, ModelBid, ModelBook, ModelBus, ModelCapacity, ModelMint, ModelOffer,
        ModelPosition, ModelSeller, PassedAccount,
    },
    solana_account::ReadableAccount,
    solana_address::Address,
    solana_clock::Clock,
    solana_instruction::{AccountMeta, Instruction, error::InstructionError},
    solana_keypair::Keypair,
    solana_message::{VersionedMessage, v0},
    solana_sdk_ids::system_program,
    solana_transaction::versioned::VersionedTransaction,
    solana_transaction_error::TransactionError,
    std::{
        cell::RefCell,
        collections::{BTreeMap, BTreeSet, HashMap},
        sync::OnceLock,
    },
};

/// Addresses that the runtime lets no transaction of a game write.
const RESERVED: [Address; 4] =
    [system_program::ID, multibus::ID, solana_sdk_ids::sysvar::clock::ID, solana_sdk_ids::sysvar::instructions::ID];

/// What became of an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Landed,
    /// Refused with this error.
    Refused(InstructionError),
    /// Nothing that the market decides: the clock, a gift, a freeze. The move, where it had an effect.
    Around(Option<&'static str>),
}

/// The chain and the model of a game.
#[derive(Clone)]
pub struct Game {
    pub svm: LiteSVM,
    pub model: Model,
    pub parties: u8,
    pub(super) fee_payer: Address,
    pub mints: Vec<Mint>,
    /// What the events tell, which must equal the chain, too.
    replica: Replica,
    balances: TokenBalances,
    /// Addresses that were derived already.
    addresses: RefCell<HashMap<AccountRef, Address>>,
    /// What was derived, by its address.
    names: RefCell<HashMap<Address, AccountRef>>,
    /// Bumps of the program's accounts.
    bumps: HashMap<Address, u8>,
    sent: u64,
    /// How often each instruction landed, the winding-down included.
    pub landed: BTreeMap<&'static str, u64>,
    /// How often each refusal was met.
    pub refusals: BTreeMap<String, u64>,
    /// What was seen of auctions.
    pub marks: Marks,
}

impl Game {
    /// A game at its beginning.
    pub fn new(parties: u8) -> Self {
        static SETUP: OnceLock<Setup> = OnceLock::new();
        Self::on(SETUP.get_or_init(|| Setup::on(TestChain::new())).clone(), parties)
    }

    /// The same on a chain that records which branches of the program are taken.
    pub fn traced(parties: u8, coverage: &Coverage) -> Self {
        Self::on(Setup::on(TestChain::on(coverage.chain())), parties)
    }

    fn on(setup: Setup, parties: u8) -> Self {
        assert!((2..=MOST_PARTIES).contains(&parties), "2 to 12 parties play");
        let Setup { svm, fee_payer, mints } = setup;
        let per_byte = svm.minimum_balance_for_rent_exemption(1_000) - svm.minimum_balance_for_rent_exemption(999);
        let overhead = svm.minimum_balance_for_rent_exemption(0) / per_byte;
        let mut game = Self {
            svm,
            model: Model::new(multibus::ID, (per_byte, overhead), START, START_SLOT),
            parties,
            fee_payer,
            mints,
            replica: Replica::default(),
            balances: TokenBalances::new(),
            addresses: RefCell::default(),
            names: RefCell::default(),
            bumps: HashMap::new(),
            sent: 0,
            landed: BTreeMap::new(),
            refusals: BTreeMap::new(),
            marks: Marks::new(),
        };
        for (number, mint) in game.mints.iter().enumerate() {
            let known = ModelMint {
                program: mint.program.address(),
                decimals: mint.decimals,
                is_native: number == NATIVE as usize,
                refused_as: number.checked_sub(GOOD_MINTS as usize).map(|bad| BAD_MINTS[bad].1),
            };
            game.model.mints.insert(mint.address, known);
        }
        let winder = game.address(AccountRef::Wallet(WINDER));
        game.add_lamports(&winder, RICH);
        for party in 0..MOST_PARTIES {
            let wallet = game.address(AccountRef::Wallet(party));
            let lamports = if party + 1 == parties { POOR } else { RICH };
            game.svm.set_account(wallet, solana_account::Account { lamports, ..Default::default() }).expect("a wallet");
            game.add_lamports(&wallet, lamports);
            for mint in 0..GOOD_MINTS {
                for which in 0..2 {
                    let account = game.address(AccountRef::Tokens(party, mint, which));
                    game.learn_tokens(&account);
                }
            }
        }
        game.balances = token_balances(&game.svm);
        // Every party numbers its buses from the first slot, so that the addresses of all buses are known.
        for party in 0..parties {
            let opened = game.step(&Step::Do(Operation::OpenCounter { by: party, ahead: None }, Tamper::Nothing));
            assert_eq!(opened, Ok(Outcome::Landed), "a counter opens");
        }
        game
    }

    /// Lamports came to an address, or left it, around the market: the model learns of it.
    pub(super) fn sync_lamports(&mut self, address: &Address) {
        let found = self.svm.get_balance(address).unwrap_or(0);
        let known = self.model.lamports_of(address);
        self.model.all_lamports = self.model.all_lamports + found as u128 - known as u128;
        if found == 0 && !self.model.lamports.contains_key(address) {
            return;
        }
        self.model.lamports.insert(*address, found);
    }

    pub(super) fn add_lamports(&mut self, address: &Address, lamports: u64) {
        *self.model.lamports.entry(*address).or_default() += lamports;
        self.model.all_lamports += lamports as u128;
    }

    /// The model learns of a token account as it is on the chain.
    pub(super) fn learn_tokens(&mut self, account: &Address) {
        let data = self.svm.get_account(account).expect("a token account").data;
        let tokens = expect::read_tokens(&data);
        *self.model.supply.entry(tokens.mint).or_default() += tokens.amount as u128;
        self.model.tokens.insert(*account, tokens);
        self.sync_lamports(account);
    }

    /// The party that creates a bus.
    pub fn creator(&self, bus: u8) -> u8 {
        bus % self.parties
    }

    /// The number of a bus among those of its creator.
    pub fn bus_seq(&self, bus: u8) -> u64 {
        FIRST + u64::from(bus / self.parties)
    }

    /// Address of an account.
    pub fn address(&self, account: AccountRef) -> Address {
        if let Some(address) = self.addresses.borrow().get(&account) {
            return *address;
        }
        let key = |name: &str| {
            use solana_signer::Signer;
            keypair(name).pubkey()
        };
        let model = &self.model;
        let wallet = |who: u8| self.address(AccountRef::Wallet(who));
        let bus_at = |bus: u8| self.address(AccountRef::BusAt(bus));
        let address = match account {
            AccountRef::Wallet(WINDER) => key(WINDER_NAME),
            AccountRef::Wallet(who) => match (wallet_bus(who), doubled(who)) {
                (Some(bus), _) => bus_at(bus),
                (_, Some(party)) => self.address(AccountRef::Tokens(party, 0, 1)),
                _ => key(&party_name(who)),
            },
            AccountRef::Tokens(party, mint, 0) => {
                model.associated_address(&wallet(party), &self.mints[mint as usize % self.mints.len()].address)
            }
            AccountRef::Tokens(party, mint, which) => key(&tokens_name(party, mint, which)),
            AccountRef::CounterAt(who) => model.creator_address(&wallet(who)).0,
            AccountRef::BusAt(bus) => model.bus_address(&wallet(self.creator(bus)), self.bus_seq(bus)).0,
            AccountRef::Ledger(bus) => model.ledger_address(&bus_at(bus)).0,
            AccountRef::CapacityAt(bus, window) => {
                let start = if window == 0 { 0 } else { START.saturating_add(window) };
                model.capacity_address(&bus_at(bus), start).0
            }
            AccountRef::Treasury(bus) => model.treasury_address(&bus_at(bus)),
            AccountRef::Unclaimed(bus) => model.unclaimed_address(&bus_at(bus)),
            AccountRef::EscrowAt(bus) => model.escrow_address(&bus_at(bus)),
            AccountRef::SellerAt(bus, who) => model.seller_address(&bus_at(bus), &wallet(who)).0,
            AccountRef::Vault(bus, who) => model.vault_address(&self.address(AccountRef::SellerAt(bus, who))),
            AccountRef::OfferAt(OfferRef(bus, who, number)) => {
                model.offer_address(&self.address(AccountRef::SellerAt(bus, who)), number).0
            }
            AccountRef::LockAt(offer, who, place) => {
                model.lock_address(&self.address(AccountRef::OfferAt(offer)), &wallet(who), place).0
            }
            AccountRef::LaneAt(who, lane) => model.lane_address(&wallet(who), lane).0,
            AccountRef::ProposalAt(bus, proposer, number) => {
                model.proposal_address(&bus_at(bus), &wallet(proposer), number).0
            }
            AccountRef::ClaimAt(bus, who) => model.claim_address(&bus_at(bus), &wallet(who)).0,
            AccountRef::DeviceKey(device) => match device_wallet(device) {
                Some(party) => wallet(party),
                None => key(&device_name(device)),
            },
            AccountRef::DeviceAt(device) => model.device_address(&self.address(AccountRef::DeviceKey(device))).0,
            AccountRef::MeterAt(bus, who) => model.meter_address(&self.address(AccountRef::SellerAt(bus, who))).0,
            AccountRef::BookAt(BookRef(bus, who, first)) => {
                let first = START.saturating_add(first);
                model.book_address(&self.address(AccountRef::SellerAt(bus, who)), first).0
            }
            AccountRef::PositionAt(book, buyer) => {
                model.position_address(&self.address(AccountRef::BookAt(book)), &wallet(buyer)).0
            }
            AccountRef::CertificateAt(CertificateRef(bus, who, window, range_start)) => {
                let (seller, start) = (self.address(AccountRef::SellerAt(bus, who)), START.saturating_add(window));
                model.certificate_address(&seller, start, range_start).0
            }
            AccountRef::BidAt(bid) => {
                let (hash, (first, bump)) = self.bid_hash(bid);
                model.bid_address(&hash, bump.saturating_sub(bid.7)).unwrap_or(first)
            }
            AccountRef::ClearingAt(bus, window, clearer) => {
                let capacity = self.address(AccountRef::CapacityAt(bus, window));
                model.clearing_address(&capacity, &wallet(clearer)).0
            }
            AccountRef::MintAt(mint) => self.mints[mint as usize % self.mints.len()].address,
            AccountRef::TokenProgramOf(mint) => self.mints[mint as usize % self.mints.len()].program.address(),
            AccountRef::Stray(bus, mint) => key(&format!("stray of bus {bus}, mint {mint}")),
            AccountRef::System => system_program::ID,
            AccountRef::Market => multibus::ID,
            AccountRef::ClockSysvar => solana_sdk_ids::sysvar::clock::ID,
            AccountRef::InstructionsSysvar => solana_sdk_ids::sysvar::instructions::ID,
            AccountRef::Nowhere(number) => key(&format!("nowhere {number}")),
        };
        self.addresses.borrow_mut().insert(account, address);
        let is_another = match account {
            AccountRef::Wallet(who) => wallet_bus(who).is_some() || doubled(who).is_some(),
            AccountRef::DeviceKey(device) => device_wallet(device).is_some(),
            _ => false,
        };
        if !is_another {
            self.names.borrow_mut().insert(address, account);
        }
        address
    }

    /// The hash of a bid's transaction, and the first address and bump that it makes.
    fn bid_hash(&self, bid: BidRef) -> ([u8; 32], (Address, u8)) {
        let BidRef(bus, window, who, lane, nonce, wh, limit, _) = bid;
        let (buyer, capacity) =
            (self.address(AccountRef::Wallet(who)), self.address(AccountRef::CapacityAt(bus, window)));
        let hash = self.model.purchase_hash((&buyer, lane, nonce), 3, &[(capacity, wh, limit)]);
        (hash, self.model.first_bid_address(&hash))
    }

    /// The bump of a bid's address.
    pub(super) fn bid_bump(&self, bid: BidRef) -> u8 {
        let (_, (_, bump)) = self.bid_hash(bid);
        bump.saturating_sub(bid.7)
    }

    /// The account of an address that was derived before.
    pub fn name_of(&self, address: &Address) -> Option<AccountRef> {
        self.names.borrow().get(address).copied()
    }

    /// The number of a wallet.
    pub fn who(&self, wallet: &Address) -> Option<u8> {
        match self.name_of(wallet)? {
            AccountRef::Wallet(who) => Some(who),
            AccountRef::Tokens(party, 0, 1) => Some(double_of(party)),
            AccountRef::BusAt(bus) => Some(bus_wallet(bus)),
            _ => None,
        }
    }

    /// The model's bus of this number.
    pub fn bus(&self, bus: u8) -> Option<&ModelBus> {
        self.model.buses.get(&self.address(AccountRef::BusAt(bus)))
    }

    /// The model's capacity of a bus's window.
    pub fn capacity(&self, bus: u8, window: i64) -> Option<&ModelCapacity> {
        self.model.capacities.get(&self.address(AccountRef::CapacityAt(bus, window)))
    }

    /// The model's seller on a bus.
    pub fn seller(&self, bus: u8, who: u8) -> Option<&ModelSeller> {
        self.model.sellers.get(&self.address(AccountRef::SellerAt(bus, who)))
    }

    /// The model's offer.
    pub fn offer(&self, offer: OfferRef) -> Option<&ModelOffer> {
        self.model.offers.get(&self.address(AccountRef::OfferAt(offer)))
    }

    /// The model's delivery book.
    pub fn book(&self, book: BookRef) -> Option<&ModelBook> {
        self.model.books.get(&self.address(AccountRef::BookAt(book)))
    }

    /// The model's position book of a buyer.
    pub fn position(&self, book: BookRef, buyer: u8) -> Option<&ModelPosition> {
        self.model.positions.get(&self.address(AccountRef::PositionAt(book, buyer)))
    }

    /// The model's bid.
    pub fn bid(&self, bid: BidRef) -> Option<&ModelBid> {
        self.model.bids.get(&self.address(AccountRef::BidAt(bid)))
    }

    /// The number of a device, by its key.
    pub fn device(&self, key: &Address) -> Option<u8> {
        match self.name_of(key)? {
            AccountRef::DeviceKey(device) => Some(device),
            AccountRef::Wallet(who) if who < MOST_PARTIES => Some(wallet_device(who)),
            _ => None,
        }
    }

    /// The keypair of a device.
    pub(super) fn device_keypair(device: u8) -> Keypair {
        keypair(&device_wallet(device).map_or_else(|| device_name(device), party_name))
    }

    /// Whether a wallet has opened this lane.
    pub fn has_lane(&self, who: u8, lane: u16) -> bool {
        self.model.lanes.contains_key(&self.address(AccountRef::LaneAt(who, lane)))
    }

    /// The clock goes to a time, unless that is past. Slots follow the clock.
    pub(super) fn go_to(&mut self, time: i64) {
        let to = time.max(self.model.now);
        self.model.slot += 2 * (to - self.model.now).cast_unsigned();
        self.model.now = to;
        let mut clock = self.svm.get_sysvar::<Clock>();
        (clock.unix_timestamp, clock.slot) = (self.model.now, self.model.slot);
        self.svm.set_sysvar(&clock);
    }

    /// Does a step on both sides and compares them.
    ///
    /// # Errors
    /// How they differ.
    pub fn step(&mut self, step: &Step) -> Result<Outcome, String> {
        let done = match step {
            Step::At(second) => {
                self.go_to(START.saturating_add(*second));
                None
            }
            Step::Gift(account, amount) => self.gift(*account, *amount),
            Step::Freeze(account) => self.set_frozen(*account, true),
            Step::Thaw(account) => self.set_frozen(*account, false),
            Step::Delegate { account, to, amount } => self.delegate(*account, *to, *amount),
            Step::CloseTokens(account) => self.close_tokens(*account),
            Step::OpenTokens(account, owner) => self.open_tokens(*account, *owner),
            Step::Reown(account, to) => self.reown(*account, *to),
            Step::AskMemo(account, asks) => self.ask_memo(*account, *asks),
            Step::Fund(account, lamports) => self.fund(*account, *lamports),
            Step::Do(operation, tamper) => {
                let mut instruction = self.instruction(operation);
                let count = instruction.accounts.len();
                match *tamper {
                    Tamper::Nothing => {}
                    Tamper::Unsigned(place) => instruction.accounts[place as usize % count].is_signer = false,
                    Tamper::ReadOnly(place) => instruction.accounts[place as usize % count].is_writable = false,
                    Tamper::Swap(place, account) => {
                        let meta = &mut instruction.accounts[place as usize % count];
                        meta.pubkey = self.address(account);
                        // Only what has a key can sign.
                        meta.is_signer &= can_sign(account);
                    }
                    Tamper::Same(from, to) => {
                        let address = instruction.accounts[from as usize % count].pubkey;
                        let signs = instruction.accounts.iter().any(|meta| meta.pubkey == address && meta.is_signer);
                        let meta = &mut instruction.accounts[to as usize % count];
                        meta.pubkey = address;
                        meta.is_signer &= signs;
                    }
                    Tamper::Accounts(count) => instruction.accounts.truncate(count as usize),
                    Tamper::Bytes(count) => instruction.data.truncate(count as usize),
                }
                let mut instructions = self.signatures(operation);
                instructions.push(instruction);
                return self.execute_all(&instructions).map(|(outcome, _)| outcome);
            }
        };
        if done.is_some() {
            self.note_gifts();
        }
        Ok(Outcome::Around(done))
    }

    /// What came into accounts of the market from around it is a gift for the replica.
    pub(super) fn note_gifts(&mut self) {
        let after = token_balances(&self.svm);
        for (account, balance) in &after {
            let was = self.balances.get(account).map_or(0, |balance| balance.amount);
            if balance.amount > was && self.replica.holds(account) {
                *self.replica.gifts.entry(*account).or_default() += (balance.amount - was) as u128;
            }
        }
        self.balances = after;
    }

    /// The accounts of each instruction with their flags in the transaction: an account that signs or is written once in a
    /// transaction has the flag everywhere in it.
    fn passed(instructions: &[Instruction]) -> Vec<Vec<PassedAccount>> {
        let mut flags: BTreeMap<Address, (bool, bool)> = BTreeMap::new();
        for meta in instructions.iter().flat_map(|instruction| &instruction.accounts) {
            let (signs, writes) = flags.entry(meta.pubkey).or_default();
            *signs |= meta.is_signer;
            *writes |= meta.is_writable;
        }
        let of = |instruction: &Instruction| {
            let accounts = instruction.accounts.iter();
            let passed = |meta: &AccountMeta| {
                let (is_signer, asked) = flags[&meta.pubkey];
                // The runtime lets no transaction write these.
                let is_writable = asked && !RESERVED.contains(&meta.pubkey);
                PassedAccount { address: meta.pubkey, is_signer, is_writable }
            };
            accounts.map(passed).collect()
        };
        instructions.iter().map(of).collect()
    }

    /// A transaction of instructions. Its signatures are made up: this chain looks only at who is named as a signer.
    pub(super) fn transaction(&mut self, instructions: &[Instruction]) -> VersionedTransaction {
        let hash = self.svm.latest_blockhash();
        let message = v0::Message::try_compile(&self.fee_payer, instructions, &[], hash).expect("a message");
        self.sent += 1;
        let mut signature = [0; 64];
        signature[..8].copy_from_slice(&self.sent.to_le_bytes());
        let count = message.header.num_required_signatures as usize;
        VersionedTransaction { signatures: vec![signature.into(); count], message: VersionedMessage::V0(message) }
    }

    /// Gives an instruction to the chain and to the model, and compares them.
    ///
    /// # Errors
    /// How they differ, or which invariant does not hold.
    pub fn execute(&mut self, instruction: &Instruction) -> Result<Outcome, String> {
        self.execute_all(std::slice::from_ref(instruction)).map(|(outcome, _)| outcome)
    }

    /// Gives a transaction to the model. Where it refuses an instruction, this is its index and why, and nothing changes.
    fn execute_in_model(
        &mut self,
        instructions: &[Instruction],
        passed: &[Vec<PassedAccount>],
    ) -> Result<(), (usize, Causes)> {
        let several = instructions.iter().filter(|instruction| instruction.program_id == multibus::ID).count() > 1;
        let saved = several.then(|| self.model.clone());
        for (at, (instruction, accounts)) in instructions.iter().zip(passed).enumerate() {
            if instruction.program_id != multibus::ID {
                // A signature: games make none that is wrong.
                continue;
            }
            let before = at.checked_sub(1).map(|before| &instructions[before]);
            let before = before.map(|before| Before {
                program: before.program_id,
                accounts: before.accounts.len(),
                data: &before.data,
            });
            if let Err(causes) = self.model.execute(accounts, &instruction.data, before.as_ref()) {
                if let Some(saved) = saved {
                    self.model = saved;
                }
                return Err((at, causes));
            }
        }
        Ok(())
    }

    /// Gives a transaction to the chain and to the model, and compares them. Returns what became of it, and its compute
    /// units.
    ///
    /// # Errors
    /// How they differ, or which invariant does not hold.
    pub fn execute_all(&mut self, instructions: &[Instruction]) -> Result<(Outcome, u64), String> {
        let touched_by = Self::passed(instructions);
        let addresses = || touched_by.iter().flatten().map(|account| &account.address);
        let mut buses = self.model.buses_of(addresses());
        let transaction = self.transaction(instructions);
        let result = self.svm.send_transaction(transaction);
        let passed = &touched_by;
        // Only what auctions do is looked at as it was before.
        let in_auction = |instruction: &Instruction| matches!(instruction.data.first(), Some(41 | 46 | 50 | 52));
        let was = instructions.iter().any(in_auction).then(|| self.model.clone());
        let verdict = self.execute_in_model(instructions, passed);
        let of_market = || instructions.iter().filter(|instruction| instruction.program_id == multibus::ID);
        let names = of_market().map(|instruction| Call::name_of(&instruction.data).unwrap_or("no instruction"));
        let name = names.collect::<Vec<_>>().join(", ");
        let logs = |logs: &[String]| logs.join("\n  ");
        let (outcome, units) = match (result, verdict) {
            (Ok(meta), Ok(())) => {
                let events: Vec<_> = event::logged(&meta.logs).iter().map(|bytes| event::decode(bytes)).collect();
                let after = token_balances(&self.svm);
                let sent: Vec<Sent> = of_market()
                    .map(|instruction| Sent {
                        data: &instruction.data,
                        accounts: instruction.accounts.iter().map(|meta| meta.pubkey).collect(),
                    })
                    .collect();
                self.replica.follow(&events, &sent, &self.balances, &after, self.model.now);
                self.balances = after;
                (Outcome::Landed, meta.compute_units_consumed)
            }
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
        let touched: BTreeSet<Address> = passed.iter().flatten().map(|account| account.address).collect();
        for address in &touched {
            self.compare(address).map_err(|difference| format!("after {name}: {difference}"))?;
        }
        if let Outcome::Refused(error) = &outcome {
            *self.refusals.entry(error_name(error)).or_default() += 1;
        }
        if outcome == Outcome::Landed {
            for name in of_market().filter_map(|instruction| Call::name_of(&instruction.data)) {
                *self.landed.entry(name).or_default() += 1;
                for mark in was.iter().flat_map(|was| marks::of(name, was, &self.model, &touched)) {
                    *self.marks.entry(mark).or_default() += 1;
                }
            }
            self.name_new(&touched);
            buses.extend(self.model.buses_of(addresses()));
            self.model.check(&buses).map_err(|broken| format!("after {name}: {broken}"))?;
        }
        Ok((outcome, units))
    }

    /// Gives accounts that came up a name, where no step named them.
    fn name_new(&self, touched: &BTreeSet<Address>) {
        for claim in touched.iter().filter_map(|address| self.model.claims.get(address)) {
            let bus = self.name_of(&claim.bus);
            if let (Some(AccountRef::BusAt(bus)), Some(who)) = (bus, self.who(&claim.wallet)) {
                self.address(AccountRef::ClaimAt(bus, who));
            }
        }
        for certificate in touched.iter().filter_map(|address| self.model.certificates.get(address)) {
            if let Some(AccountRef::SellerAt(bus, who)) = self.name_of(&certificate.seller) {
                let (window, range_start) = (certificate.window_start - START, certificate.range_start);
                self.address(AccountRef::CertificateAt(CertificateRef(bus, who, window, range_start)));
            }
        }
    }

    /// Compares everything that either side knows, and checks every invariant.
    ///
    /// # Errors
    /// How they differ.
    pub fn compare_all(&mut self) -> Result<(), String> {
        self.replica.check(&self.svm, &self.balances);
        let known: BTreeSet<Address> = self.model.lamports.keys().copied().collect();
        for (address, account) in &self.svm.accounts_db().inner {
            if *account.owner() == multibus::ID && account.lamports() > 0 && !known.contains(address) {
                return Err(format!("there is an account {address} that the model does not know"));
            }
        }
        for address in &known {
            self.compare(address)?;
        }
        let buses = self.model.buses.keys().chain(self.model.tombstones.keys()).copied().collect();
        self.model.check(&buses)
    }

    /// Compares one account.
    fn compare(&mut self, address: &Address) -> Result<(), String> {
        let Some(lamports) = self.model.lamports.get(address).copied() else {
            // A mint, a program, or nothing at all.
            return match self.svm.accounts_db().inner.get(address) {
                Some(account) if *account.owner() == multibus::ID && account.lamports() > 0 => {
                    Err(format!("there is an account {address} that the model does not know"))
                }
                _ => Ok(()),
            };
        };
        let account = self.svm.accounts_db().inner.get(address);
        let found = account.map_or(0, solana_account::ReadableAccount::lamports);
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

    /// Seconds since the game began.
    pub fn second(&self) -> i64 {
        self.model.now - START
    }
}
