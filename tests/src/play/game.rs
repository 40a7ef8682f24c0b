//! A game: the chain and the model side by side. Whatever is done to one is done to the other, and then both are
//! compared.

use {
    super::{
        cover::covers,
        coverage::Coverage,
        expect,
        script::*,
        setup::{MINTS, MOST_PARTIES, POOR, RICH, Setup, TOKENS, party_name, tokens_name},
    },
    crate::{
        chain::{START, START_SLOT, TestChain},
        key::keypair,
        mint::Mint,
    },
    litesvm::LiteSVM,
    multibus_model::{Call, Causes, Model, ModelBus, ModelCapacity, ModelMint, ModelOffer, ModelTokens, PassedAccount},
    solana_account::ReadableAccount,
    solana_address::Address,
    solana_clock::Clock,
    solana_instruction::{AccountMeta, Instruction, error::InstructionError},
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

/// What became of an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Landed,
    /// Refused with this error.
    Refused(InstructionError),
    /// Nothing that the market decides: the clock, a gift, a freeze.
    Around,
}

/// The chain and the model of a game.
#[derive(Clone)]
pub struct Game {
    pub svm: LiteSVM,
    pub model: Model,
    pub parties: u8,
    pub(super) fee_payer: Address,
    pub mints: [Mint; MINTS as usize],
    /// Addresses that were derived already.
    addresses: RefCell<HashMap<AccountRef, Address>>,
    /// Bumps of the program's accounts.
    bumps: HashMap<Address, u8>,
    sent: u64,
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
            addresses: RefCell::default(),
            bumps: HashMap::new(),
            sent: 0,
        };
        let refusals = [None, None, Some("MintHasTransferFee")];
        for (mint, refused_as) in mints.iter().zip(refusals) {
            let known = ModelMint { program: mint.program.address(), decimals: mint.decimals, refused_as };
            game.model.mints.insert(mint.address, known);
        }
        for party in 0..MOST_PARTIES {
            let wallet = game.address(AccountRef::Wallet(party));
            let lamports = if party + 1 == parties { POOR } else { RICH };
            game.svm.set_account(wallet, solana_account::Account { lamports, ..Default::default() }).expect("a wallet");
            game.add_lamports(&wallet, lamports);
            for mint in 0..2 {
                for which in 0..2 {
                    let account = game.address(AccountRef::Tokens(party, mint, which));
                    game.add_tokens(&account, mint, &wallet, TOKENS);
                }
            }
        }
        game
    }

    pub(super) fn add_lamports(&mut self, address: &Address, lamports: u64) {
        *self.model.lamports.entry(*address).or_default() += lamports;
        self.model.all_lamports += lamports as u128;
    }

    pub(super) fn add_tokens(&mut self, account: &Address, mint: u8, owner: &Address, amount: u64) {
        let mint = self.mints[mint as usize].address;
        let tokens = ModelTokens { mint, owner: *owner, amount, frozen: false, delegate: None };
        self.model.tokens.insert(*account, tokens);
        *self.model.supply.entry(mint).or_default() += amount as u128;
        let lamports = self.svm.get_balance(account).expect("a token account");
        self.add_lamports(account, lamports);
    }

    /// The party that creates a bus.
    pub fn creator(&self, bus: u8) -> u8 {
        bus % self.parties
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
        let address = match account {
            AccountRef::Wallet(party) => key(&party_name(party)),
            AccountRef::Tokens(party, mint, which) => key(&tokens_name(party, mint, which)),
            AccountRef::BusAt(bus) => {
                model.bus_address(&self.address(AccountRef::Wallet(self.creator(bus))), bus as u64).0
            }
            AccountRef::CapacityAt(bus, window) => {
                let start = if window == 0 { 0 } else { START.saturating_add(window) };
                model.capacity_address(&self.address(AccountRef::BusAt(bus)), start).0
            }
            AccountRef::Escrow(bus) => model.escrow_address(&self.address(AccountRef::BusAt(bus))),
            AccountRef::Treasury(bus) => model.treasury_address(&self.address(AccountRef::BusAt(bus))),
            AccountRef::OfferAt(OfferRef(bus, window, seq)) => {
                model.offer_address(&self.address(AccountRef::CapacityAt(bus, window)), seq).0
            }
            AccountRef::LockAt(offer, party) => {
                model
                    .lock_address(&self.address(AccountRef::OfferAt(offer)), &self.address(AccountRef::Wallet(party)))
                    .0
            }
            AccountRef::LaneAt(party, lane) => model.lane_address(&self.address(AccountRef::Wallet(party)), lane).0,
            AccountRef::ProposalAt(bus, seq) => model.proposal_address(&self.address(AccountRef::BusAt(bus)), seq).0,
            AccountRef::MintAt(mint) => self.mints[mint as usize % 3].address,
            AccountRef::TokenProgramOf(mint) => self.mints[mint as usize % 3].program.address(),
            AccountRef::Stray(bus, mint) => key(&format!("stray of bus {bus}, mint {mint}")),
            AccountRef::System => system_program::ID,
            AccountRef::Market => multibus::ID,
            AccountRef::Nowhere(number) => key(&format!("nowhere {number}")),
        };
        self.addresses.borrow_mut().insert(account, address);
        address
    }

    /// The model's bus of this number.
    pub fn bus(&self, bus: u8) -> Option<&ModelBus> {
        self.model.buses.get(&self.address(AccountRef::BusAt(bus)))
    }

    /// The model's capacity of a bus's window.
    pub fn capacity(&self, bus: u8, window: i64) -> Option<&ModelCapacity> {
        self.model.capacities.get(&self.address(AccountRef::CapacityAt(bus, window)))
    }

    /// The model's offer.
    pub fn offer(&self, offer: OfferRef) -> Option<&ModelOffer> {
        self.model.offers.get(&self.address(AccountRef::OfferAt(offer)))
    }

    /// Whether a party has opened this lane.
    pub fn has_lane(&self, party: u8, lane: u16) -> bool {
        self.model.lanes.contains_key(&self.address(AccountRef::LaneAt(party, lane)))
    }

    /// Does a step on both sides and compares them.
    ///
    /// # Errors
    /// How they differ.
    pub fn step(&mut self, step: &Step) -> Result<Outcome, String> {
        match step {
            Step::At(second) => {
                let to = START.saturating_add(*second).max(self.model.now);
                self.model.slot += 1 + 2 * (to - self.model.now).cast_unsigned();
                self.model.now = to;
                let mut clock = self.svm.get_sysvar::<Clock>();
                (clock.unix_timestamp, clock.slot) = (self.model.now, self.model.slot);
                self.svm.set_sysvar(&clock);
            }
            Step::Gift(account, amount) => self.gift(*account, *amount),
            Step::Freeze(account) => self.set_frozen(*account, true),
            Step::Thaw(account) => self.set_frozen(*account, false),
            Step::Delegate { account, to, amount } => self.delegate(*account, *to, *amount),
            Step::Fund(account, lamports) => self.fund(*account, *lamports),
            Step::Do(operation, tamper) => {
                let mut instruction = self.instruction(operation);
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
                    Tamper::Swap(place, account) => {
                        let count = instruction.accounts.len();
                        let meta = &mut instruction.accounts[place as usize % count];
                        meta.pubkey = self.address(account);
                        // Only what has a key can sign.
                        meta.is_signer &=
                            matches!(account, AccountRef::Wallet(_) | AccountRef::Tokens(..) | AccountRef::Nowhere(_));
                    }
                    Tamper::Accounts(count) => instruction.accounts.truncate(count as usize),
                    Tamper::Bytes(count) => instruction.data.truncate(count as usize),
                }
                return self.execute(&instruction);
            }
        }
        Ok(Outcome::Around)
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
                let is_writable = asked && meta.pubkey != system_program::ID && meta.pubkey != multibus::ID;
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
        let before = (instructions.len() > 1).then(|| self.model.clone());
        for (at, (instruction, accounts)) in instructions.iter().zip(passed).enumerate() {
            if let Err(causes) = self.model.execute(accounts, &instruction.data) {
                if let Some(before) = before {
                    self.model = before;
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
        let transaction = self.transaction(instructions);
        let result = self.svm.send_transaction(transaction);
        let passed = Self::passed(instructions);
        let verdict = self.execute_in_model(instructions, &passed);
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
        let touched: BTreeSet<Address> = passed.iter().flatten().map(|account| account.address).collect();
        for address in &touched {
            self.compare(address).map_err(|difference| format!("after {name}: {difference}"))?;
        }
        if outcome == Outcome::Landed {
            let buses = self.model.buses_of(touched.iter());
            self.model.check(&buses).map_err(|broken| format!("after {name}: {broken}"))?;
        }
        Ok((outcome, units))
    }

    /// Compares everything that either side knows, and checks every invariant.
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
