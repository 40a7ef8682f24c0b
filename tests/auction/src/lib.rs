//! A chain with the program on it, and the instructions of one bus whose windows are closed by auctions. After every
//! transaction the books of the bus are compared with its tokens.

#![allow(clippy::missing_panics_doc, reason = "a test panics where something is wrong")]

#[path = "../../src/mint.rs"]
pub mod mint;

use {
    anchor_lang::{Discriminator, InstructionData, ToAccountMetas, solana_program::hash::hashv},
    litesvm::{
        LiteSVM,
        types::{FailedTransactionMetadata, TransactionMetadata},
    },
    mint::{Mint, MintExtension, TokenProgram},
    multibus::{PurchaseItem, accounts, constants::*, error::MultibusError, instruction, state::*},
    solana_account::ReadableAccount,
    solana_address::Address,
    solana_address_lookup_table_interface::state::{AddressLookupTable, LookupTableMeta},
    solana_clock::Clock,
    solana_instruction::{AccountMeta, Instruction, error::InstructionError},
    solana_keypair::Keypair,
    solana_message::AddressLookupTableAccount,
    solana_message::{VersionedMessage, v0},
    solana_sdk_ids::system_program,
    solana_signer::Signer,
    solana_transaction::versioned::VersionedTransaction,
    solana_transaction_error::TransactionError,
    spl_associated_token_account_interface::{
        address::get_associated_token_address_with_program_id, instruction as ata,
    },
    spl_token_2022_interface::{
        extension::{BaseStateWithExtensions, StateWithExtensions, memo_transfer},
        instruction as token,
        state::Account as TokenAccount,
    },
    std::collections::{BTreeMap, BTreeSet},
};

pub const START: i64 = 1_780_315_200;
/// Orders that one transaction tallies without a lookup table, and with one.
pub const ORDERS_WITHOUT_TABLE: usize = 28;
pub const ORDERS_WITH_TABLE: usize = 59;
pub const START_SLOT: u64 = 300_000_000;
/// First number of every counter that is opened at the start.
pub const FIRST: u64 = START_SLOT << COUNTER_SLOT_SHIFT;

mod book;
mod market;

pub use {book::*, market::*};

fn pda(seeds: &[&[u8]]) -> Address {
    Address::find_program_address(seeds, &multibus::ID).0
}

/// Accounts of a kind, with their addresses.
pub type All<T> = Vec<(Address, T)>;

/// A chain with one bus.
pub struct Net {
    pub svm: LiteSVM,
    keys: BTreeMap<Address, Keypair>,
    /// Pays fees, mints and freezes; no part of the market.
    pub payer: Address,
    pub mint: Mint,
    pub bus: Address,
    pub creator: Address,
    /// Whether the books are compared after every transaction; large books take long.
    pub checks_books: bool,
}

/// The built program; `MULTIBUS_PROGRAM` names another file.
pub fn program_elf() -> Vec<u8> {
    let path = std::env::var("MULTIBUS_PROGRAM")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/deploy/multibus.so").to_owned());
    std::fs::read(&path).unwrap_or_else(|error| panic!("no program at {path}: {error}"))
}

pub fn meta<T: ToAccountMetas>(accounts: T, data: impl InstructionData) -> Instruction {
    Instruction::new_with_bytes(multibus::ID, &data.data(), accounts.to_account_metas(None))
}

/// A configuration with one owner, open listing, no windows, no timelock and a lock fee of 5 %.
pub fn config(owners: &[(Address, u16)]) -> BusConfig {
    BusConfig {
        name: "Sonnenhof".to_owned(),
        owners: owners.iter().map(|(owner, share_bps)| OwnerShare { owner: *owner, share_bps: *share_bps }).collect(),
        threshold: 1,
        pause_quorum: 0,
        listing_policy: ListingPolicy::Open as u8,
        lock_fee_bps: 500,
        timelock_seconds: 0,
        horizon_seconds: 30 * 86_400,
        terms: TermsConfig::default(),
        capacity_wh: 1_000_000,
        base_price_per_kwh: 1_000,
        reserve_price_per_kwh: 0,
        least_wh: 1,
        operator: None,
        grid_recipient: None,
    }
}

impl Net {
    /// A bus of SPL Token; the creator is its first owner.
    pub fn new(config: impl FnOnce(&mut Self) -> BusConfig) -> Self {
        Self::of(TokenProgram::SplToken, &[], config)
    }

    pub fn of(
        program: TokenProgram,
        extensions: &[MintExtension],
        config: impl FnOnce(&mut Self) -> BusConfig,
    ) -> Self {
        let mut svm = LiteSVM::new();
        svm.add_program(multibus::ID, &program_elf()).expect("the program loads");
        let mint = Mint { address: Address::default(), program, decimals: 6 };
        let mut net = Self {
            svm,
            keys: BTreeMap::new(),
            payer: Address::default(),
            mint,
            bus: Address::default(),
            creator: Address::default(),
            checks_books: true,
        };
        net.set_clock(START, START_SLOT);
        net.payer = net.wallet("payer");
        net.mint.address = net.key("mint");
        let space = Mint::space(program, extensions);
        let create = solana_system_interface::instruction::create_account(
            &net.payer,
            &net.mint.address,
            net.svm.minimum_balance_for_rent_exemption(space),
            space as u64,
            &program.address(),
        );
        let mut instructions = vec![create];
        instructions.extend(extensions.iter().map(|extension| extension.initialize(&net.mint.address, &net.payer)));
        instructions.push(net.mint.initialize(&net.payer));
        net.run(&instructions);
        let config = config(&mut net);
        net.creator = config.owners[0].owner;
        net.bus = pda(&[BUS_SEED, net.creator.as_ref(), &FIRST.to_le_bytes()]);
        let open = net.creator_open();
        let create = net.bus_create(FIRST, config);
        net.run(&[open, create]);
        net
    }

    pub fn key(&mut self, name: &str) -> Address {
        let key = Keypair::new_from_array(hashv(&[b"multibus auction", name.as_bytes()]).to_bytes());
        let address = key.pubkey();
        self.keys.insert(address, key);
        address
    }

    /// A wallet with 10 SOL.
    pub fn wallet(&mut self, name: &str) -> Address {
        let wallet = self.key(name);
        self.svm.airdrop(&wallet, 10_000_000_000).expect("lamports");
        wallet
    }

    pub fn now(&self) -> i64 {
        self.svm.get_sysvar::<Clock>().unix_timestamp
    }

    pub fn set_clock(&mut self, unix_timestamp: i64, slot: u64) {
        let mut clock = self.svm.get_sysvar::<Clock>();
        (clock.unix_timestamp, clock.slot) = (unix_timestamp, slot);
        self.svm.set_sysvar(&clock);
    }

    pub fn pass(&mut self, seconds: i64) {
        let slot = self.svm.get_sysvar::<Clock>().slot;
        self.set_clock(self.now() + seconds, slot + (2 * seconds).max(1).cast_unsigned());
    }

    /// Executes instructions whose fee `payer` pays and whose accounts are in a lookup table; returns the compute units.
    #[track_caller]
    pub fn run_with_table(&mut self, payer: &Address, instructions: &[Instruction], table: &[Address]) -> u64 {
        let key = self.key("lookup table");
        let state = AddressLookupTable { meta: LookupTableMeta::default(), addresses: table.into() };
        let account = solana_account::Account {
            lamports: 1_000_000_000,
            data: state.serialize_for_tests().expect("a lookup table"),
            owner: solana_sdk_ids::address_lookup_table::ID,
            ..solana_account::Account::default()
        };
        self.svm.set_account(key, account).expect("an account");
        let slot = self.svm.get_sysvar::<Clock>().slot;
        self.svm.warp_to_slot(slot + 1);
        let tables = [AddressLookupTableAccount { key, addresses: table.to_vec() }];
        match self.send_from(payer, instructions, &tables) {
            Ok(meta) => {
                self.check_books();
                meta.compute_units_consumed
            }
            Err(failure) => panic!("refused: {:?}\n{}", failure.err, failure.meta.logs.join("\n")),
        }
    }

    fn send(&mut self, instructions: &[Instruction]) -> Result<TransactionMetadata, Box<FailedTransactionMetadata>> {
        self.send_from(&self.payer.clone(), instructions, &[])
    }

    fn send_from(
        &mut self,
        payer: &Address,
        instructions: &[Instruction],
        tables: &[AddressLookupTableAccount],
    ) -> Result<TransactionMetadata, Box<FailedTransactionMetadata>> {
        let message = v0::Message::try_compile(payer, instructions, tables, self.svm.latest_blockhash()).unwrap();
        let count = message.header.num_required_signatures as usize;
        let signers: Vec<&Keypair> = message.account_keys[..count].iter().map(|key| &self.keys[key]).collect();
        let transaction = VersionedTransaction::try_new(VersionedMessage::V0(message), &signers).expect("all signers");
        // Bytes that the network takes: signatures with their number, and the message.
        let bytes = 1 + 64 * transaction.signatures.len() + transaction.message.serialize().len();
        assert!(bytes <= 1_232, "a transaction of {bytes} bytes");
        let result = self.svm.send_transaction(transaction);
        self.svm.expire_blockhash();
        result.map_err(Box::new)
    }

    /// Executes instructions that must succeed; returns the compute units.
    #[track_caller]
    pub fn run(&mut self, instructions: &[Instruction]) -> u64 {
        match self.send(instructions) {
            Ok(meta) => {
                self.check_books();
                meta.compute_units_consumed
            }
            Err(failure) => panic!("refused: {:?}\n{}", failure.err, failure.meta.logs.join("\n")),
        }
    }

    /// Asserts that the last of the instructions is refused with exactly this error, and that nothing changes.
    #[track_caller]
    pub fn refuse(&mut self, instructions: &[Instruction], error: MultibusError) {
        let before = self.program_accounts();
        match self.send(instructions) {
            Ok(meta) => panic!("accepted, not refused with {error:?}\n{}", meta.logs.join("\n")),
            Err(failure) => {
                let expected = TransactionError::InstructionError(
                    instructions.len() as u8 - 1,
                    InstructionError::Custom(error.code()),
                );
                assert_eq!(failure.err, expected, "expected {error:?}\n{}", failure.meta.logs.join("\n"));
            }
        }
        assert_eq!(before, self.program_accounts(), "a refused instruction changes nothing");
    }

    /// Executes instructions that may be refused, but only with a numbered error of the market or the token program, or because
    /// an account is not there; tells whether they were executed.
    #[track_caller]
    pub fn attempt(&mut self, instructions: &[Instruction]) -> bool {
        let before = self.program_accounts();
        match self.send(instructions) {
            Ok(_) => {
                self.check_books();
                true
            }
            Err(failure) => {
                let TransactionError::InstructionError(
                    _,
                    InstructionError::Custom(_) | InstructionError::UninitializedAccount,
                ) = failure.err
                else {
                    panic!("refused: {:?}\n{}", failure.err, failure.meta.logs.join("\n"));
                };
                assert_eq!(before, self.program_accounts(), "a refused instruction changes nothing");
                false
            }
        }
    }

    /// Asserts that another program than the market refuses, and that nothing changes.
    #[track_caller]
    pub fn fails(&mut self, instructions: &[Instruction]) {
        let before = self.program_accounts();
        assert!(self.send(instructions).is_err(), "accepted");
        assert_eq!(before, self.program_accounts(), "a refused instruction changes nothing");
    }

    fn program_accounts(&self) -> BTreeMap<Address, Vec<u8>> {
        let all = self.svm.accounts_db().inner.iter();
        all.filter(|(_, account)| *account.owner() == multibus::ID && account.lamports() > 0)
            .map(|(address, account)| (*address, account.data().to_vec()))
            .collect()
    }

    /// Every account of a kind.
    pub fn all<T: Discriminator + bytemuck::Pod>(&self) -> Vec<(Address, T)> {
        self.program_accounts()
            .into_iter()
            .filter(|(_, data)| data.starts_with(T::DISCRIMINATOR))
            .map(|(address, data)| (address, bytemuck::pod_read_unaligned(&data[8..8 + size_of::<T>()])))
            .collect()
    }

    #[track_caller]
    pub fn state<T: Discriminator + bytemuck::Pod>(&self, address: &Address) -> T {
        let account = self.svm.get_account(address).unwrap_or_else(|| panic!("no account {address}"));
        assert!(account.data.starts_with(T::DISCRIMINATOR), "{address} is of another kind");
        bytemuck::pod_read_unaligned(&account.data[8..8 + size_of::<T>()])
    }

    pub fn exists(&self, address: &Address) -> bool {
        self.svm.get_account(address).is_some_and(|account| account.lamports > 0)
    }

    pub fn lamports(&self, address: &Address) -> u64 {
        self.svm.get_account(address).map_or(0, |account| account.lamports)
    }

    /// Tokens in an account, 0 where there is none.
    pub fn tokens(&self, account: &Address) -> u64 {
        let Some(account) = self.svm.get_account(account) else { return 0 };
        StateWithExtensions::<TokenAccount>::unpack(&account.data).map_or(0, |account| account.base.amount)
    }

    /// Every account's own rules; and: vaults hold what books say, the unclaimed account holds the claims, capacities
    /// add up, offers' reservations and deposits are those of their locks. Gifts come on top.
    #[track_caller]
    pub fn check_books(&self) {
        if !self.checks_books {
            return;
        }
        let offers = self.all::<Offer>();
        let locks = self.all::<Lock>();
        for (_, seller) in self.all::<Seller>() {
            seller.check_invariants().unwrap();
            let booked: u64 = offers
                .iter()
                .filter(|(_, offer)| offer.vault == seller.vault)
                .map(|(_, offer)| offer.proceeds + offer.deposits)
                .sum();
            let books: Vec<_> =
                self.all::<DeliveryBook>().into_iter().filter(|(_, book)| book.vault == seller.vault).collect();
            assert_eq!(seller.open_books as usize, books.len());
            let held: u64 = books.iter().map(|(_, book)| book.held()).sum();
            let owed = booked + seller.released + seller.grid_fees_owed + held;
            assert!(self.tokens(&seller.vault) >= owed, "a vault covers its books");
            let open = offers.iter().filter(|(_, offer)| offer.vault == seller.vault).count();
            assert_eq!(seller.open_offers as usize, open);
        }
        for (address, offer) in &offers {
            offer.check_invariants().unwrap();
            let own: Vec<_> = locks.iter().filter(|(_, lock)| lock.offer == *address).map(|(_, lock)| lock).collect();
            assert_eq!(offer.open_locks as usize, own.len());
            assert_eq!(offer.reserved_wh, own.iter().map(|lock| lock.energy_wh).sum::<u64>());
            assert_eq!(offer.deposits, own.iter().map(|lock| lock.deposit).sum::<u64>());
        }
        locks.iter().for_each(|(_, lock)| lock.check_invariants().unwrap());
        for (address, capacity) in self.all::<Capacity>() {
            capacity.check_invariants().unwrap();
            let open = offers.iter().filter(|(_, offer)| offer.capacity == address);
            assert_eq!(capacity.open_offers as usize, open.clone().count());
            assert!(capacity.committed_wh >= open.map(|(_, offer)| offer.listed_wh).sum::<u64>());
        }
        self.check_deliveries(&offers, &locks);
        self.check_auctions(&offers);
        self.all::<Trader>().iter().for_each(|(_, trader)| trader.check_invariants().unwrap());
        self.all::<Proposal>().iter().for_each(|(_, proposal)| proposal.check_invariants().unwrap());
        let claims = self.all::<Claim>();
        let claimed: u64 = claims.iter().map(|(_, claim)| claim.amount).sum();
        for (_, bus) in self.all::<Bus>() {
            bus.check_invariants().unwrap();
            let ledger: Ledger = self.state(&self.ledger());
            ledger.check_invariants(&bus).unwrap();
            assert_eq!((ledger.unclaimed_total, ledger.open_claims as usize), (claimed, claims.len()));
            assert!(self.tokens(&bus.unclaimed) >= claimed, "the unclaimed account covers the claims");
            assert_eq!(ledger.open_sellers as usize, self.all::<Seller>().len());
            assert_eq!(ledger.open_windows as usize, self.all::<Capacity>().len() - 1);
            assert_eq!(ledger.open_proposals as usize, self.all::<Proposal>().len());
            let claimable = ledger.claimable_total(&bus, self.tokens(&bus.treasury)).expect("covered");
            assert!(claimable <= self.tokens(&bus.treasury) as u128);
        }
        for (_, stone) in self.all::<Tombstone>() {
            stone.check_invariants().unwrap();
            assert_eq!(stone.open_claims as usize, claims.len());
            assert!(self.tokens(&stone.unclaimed) >= claimed);
        }
    }

    /// The escrow holds what its windows and books say, windows count their bids, both sides of an auction fill its volume at
    /// most.
    fn check_auctions(&self, offers: &[(Address, Offer)]) {
        let bids = self.all::<Bid>();
        let books = self.all::<DeliveryBook>();
        bids.iter().for_each(|(_, bid)| bid.check_invariants().unwrap());
        self.all::<Clearing>().iter().for_each(|(_, clearing)| clearing.check_invariants().unwrap());
        let mut escrowed: u64 = books.iter().map(|(_, book)| book.pool_due).sum();
        for (address, capacity) in self.all::<Capacity>() {
            let own: Vec<&Bid> = bids.iter().filter(|(_, bid)| bid.capacity == address).map(|(_, bid)| bid).collect();
            assert_eq!(capacity.open_bids as usize, own.len());
            let deposits: u64 = own.iter().map(|bid| bid.deposit).sum();
            if capacity.cleared_at == 0 {
                assert_eq!(capacity.escrowed, deposits);
            } else {
                let is_settled = |bid: &&&Bid| bid.state != BidState::Open as u8;
                let owed = own.iter().filter(is_settled).map(|bid| bid.deposit - bid.paid).sum::<u64>();
                assert!(capacity.escrowed >= owed);
            }
            assert!(own.iter().map(|bid| bid.allotted_wh).sum::<u64>() <= capacity.volume_wh);
            let place = |book: &DeliveryBook| book.place(capacity.window_start);
            let of_window = books.iter().filter(|(_, book)| capacity.window_start > 0 && place(book).is_ok());
            let sold: u64 = of_window.map(|(_, book)| book.windows[place(book).unwrap()].auction_wh).sum();
            assert!(sold <= capacity.volume_wh);
            let open = offers.iter().filter(|(_, offer)| offer.capacity == address);
            assert!(open.clone().all(|(_, offer)| offer.in_auction == capacity.terms.auction));
            escrowed += capacity.escrowed;
        }
        if self.exists(&self.escrow()) {
            assert!(self.tokens(&self.escrow()) >= escrowed, "the escrow covers bids and pools");
        }
    }

    /// Delivery books, position books, meters and certificates: what is listed is sold or on offer, what is sold is in positions
    /// as long as they are open, and each delivered Wh is certified once.
    fn check_deliveries(&self, offers: &[(Address, Offer)], locks: &[(Address, Lock)]) {
        let books: BTreeMap<Address, DeliveryBook> = self.all().into_iter().collect();
        let positions = self.all::<PositionBook>();
        for (address, book) in &books {
            book.check_invariants().unwrap();
            let of_book: Vec<_> =
                offers.iter().filter(|(_, offer)| offer.book == *address).map(|(_, offer)| offer).collect();
            assert_eq!(book.open_offers as usize, of_book.len());
            let own: Vec<_> = positions.iter().filter(|(_, position)| position.book == *address).collect();
            assert_eq!(book.open_positions as usize, own.len());
            for (place, window) in book.windows.iter().enumerate() {
                let on_offer: u64 = of_book
                    .iter()
                    .filter(|offer| offer.book_place as usize == place)
                    .map(|offer| offer.remaining_wh)
                    .sum();
                assert_eq!(window.listed_wh, window.sold_wh + window.auction_wh + on_offer);
                let is_unsettled =
                    |offer: &&&Offer| offer.book_place as usize == place && offer.cancelled == 0 && offer.settled == 0;
                let unsettled = of_book.iter().filter(is_unsettled).count() as u16 * book.terms.auction as u16;
                assert_eq!(window.unsettled_offers, unsettled);
                let held: u64 = own.iter().map(|(_, position)| position.windows[place].energy_wh).sum();
                assert!(held <= window.sold_wh);
            }
        }
        for (_, position) in &positions {
            position.check_invariants(&books[&position.book]).unwrap();
            let of_book = |lock: &Lock| {
                offers.iter().any(|(address, offer)| lock.offer == *address && offer.book == position.book)
            };
            let open = locks.iter().filter(|(_, lock)| lock.buyer == position.buyer && of_book(lock)).count();
            assert_eq!(position.open_locks as usize, open);
        }
        let meters = self.all::<Meter>();
        let devices = self.all::<Device>();
        meters.iter().for_each(|(_, meter)| meter.check_invariants().unwrap());
        devices.iter().for_each(|(_, device)| device.check_invariants().unwrap());
        let active = devices.iter().filter(|(_, device)| device.retired == 0).map(|(_, device)| device.key);
        assert_eq!(active.collect::<BTreeSet<_>>(), meters.iter().map(|(_, meter)| meter.key).collect());
        let certificates = self.all::<Certificate>();
        for (index, (_, certificate)) in certificates.iter().enumerate() {
            certificate.check_invariants().unwrap();
            for (_, other) in &certificates[..index] {
                assert!(
                    (other.seller, other.window_start) != (certificate.seller, certificate.window_start)
                        || other.range_end <= certificate.range_start
                        || certificate.range_end <= other.range_start,
                    "no Wh is certified twice"
                );
            }
        }
    }

    // token accounts

    pub fn ata_of(&self, wallet: &Address) -> Address {
        get_associated_token_address_with_program_id(wallet, &self.mint.address, &self.mint.program.address())
    }

    /// The wallet's associated account with tokens.
    pub fn fund(&mut self, wallet: &Address, amount: u64) -> Address {
        let account = self.ata_of(wallet);
        let program = self.mint.program.address();
        let create = ata::create_associated_token_account_idempotent(&self.payer, wallet, &self.mint.address, &program);
        let mint_to = self.mint.mint_to(&account, &self.payer, amount);
        self.run(&[create, mint_to]);
        account
    }

    /// A token account at a key, owned by `owner`.
    pub fn token_account(&mut self, name: &str, owner: &Address, extensions: usize) -> Address {
        let account = self.key(name);
        let space = 165 + extensions;
        let create = solana_system_interface::instruction::create_account(
            &self.payer,
            &account,
            self.svm.minimum_balance_for_rent_exemption(space),
            space as u64,
            &self.mint.program.address(),
        );
        let initialize = self.mint.initialize_account(&account, owner);
        self.run(&[create, initialize]);
        account
    }

    /// A wallet becomes a token account that it owns itself.
    pub fn become_token_account(&mut self, wallet: &Address) {
        let rent = self.svm.minimum_balance_for_rent_exemption(165);
        let spare = self.lamports(wallet) - rent;
        self.run(&[
            solana_system_interface::instruction::transfer(wallet, &self.payer, spare),
            solana_system_interface::instruction::allocate(wallet, 165),
            solana_system_interface::instruction::assign(wallet, &self.mint.program.address()),
            self.mint.initialize_account(wallet, wallet),
        ]);
    }

    pub fn freezes(&self, account: &Address) -> Instruction {
        let program = self.mint.program.address();
        token::freeze_account(&program, account, &self.mint.address, &self.payer, &[]).unwrap()
    }

    pub fn freeze(&mut self, account: &Address) {
        let freeze = self.freezes(account);
        self.run(&[freeze]);
    }

    pub fn thaws(&self, account: &Address) -> Instruction {
        let program = self.mint.program.address();
        token::thaw_account(&program, account, &self.mint.address, &self.payer, &[]).unwrap()
    }

    pub fn thaw(&mut self, account: &Address) {
        let thaw = self.thaws(account);
        self.run(&[thaw]);
    }

    /// Moves all tokens away, and closes the account.
    pub fn close_account(&mut self, account: &Address, owner: &Address) {
        let program = self.mint.program.address();
        let amount = self.tokens(account);
        let sink = self.fund(&self.payer.clone(), 0);
        let empty =
            token::transfer_checked(&program, account, &self.mint.address, &sink, owner, &[], amount, 6).unwrap();
        let close = token::close_account(&program, account, &self.payer, owner, &[]).unwrap();
        self.run(&[empty, close]);
    }

    pub fn set_owner(&mut self, account: &Address, owner: &Address, new_owner: &Address) {
        let program = self.mint.program.address();
        let authority = token::AuthorityType::AccountOwner;
        let set = token::set_authority(&program, account, Some(new_owner), authority, owner, &[]).unwrap();
        self.run(&[set]);
    }

    /// Makes a Token-2022 account refuse transfers without a memo.
    pub fn ask_memo(&mut self, account: &Address, owner: &Address) {
        let program = self.mint.program.address();
        let extension = spl_token_2022_interface::extension::ExtensionType::MemoTransfer;
        let room = token::reallocate(&program, account, &self.payer, owner, &[], &[extension]).unwrap();
        let ask = memo_transfer::instruction::enable_required_transfer_memos(&program, account, owner, &[]).unwrap();
        self.run(&[room, ask]);
        let data = self.svm.get_account(account).unwrap().data;
        let state = StateWithExtensions::<TokenAccount>::unpack(&data).unwrap();
        assert!(bool::from(
            state.get_extension::<memo_transfer::MemoTransfer>().unwrap().require_incoming_transfer_memos
        ));
    }

    /// Sends tokens straight to an account.
    pub fn gift(&mut self, account: &Address, amount: u64) {
        let mint_to = self.mint.mint_to(account, &self.payer, amount);
        self.run(&[mint_to]);
    }

    // addresses

    pub fn ledger(&self) -> Address {
        pda(&[LEDGER_SEED, self.bus.as_ref()])
    }

    pub fn capacity(&self, window_start: i64) -> Address {
        pda(&[CAPACITY_SEED, self.bus.as_ref(), &window_start.to_le_bytes()])
    }

    pub fn treasury(&self) -> Address {
        pda(&[TREASURY_SEED, self.bus.as_ref()])
    }

    pub fn unclaimed(&self) -> Address {
        pda(&[UNCLAIMED_SEED, self.bus.as_ref()])
    }

    pub fn escrow(&self) -> Address {
        pda(&[ESCROW_SEED, self.bus.as_ref()])
    }

    pub fn clearing(&self, window_start: i64, clearer: &Address) -> Address {
        pda(&[CLEARING_SEED, self.capacity(window_start).as_ref(), clearer.as_ref()])
    }

    pub fn seller(&self, wallet: &Address) -> Address {
        pda(&[SELLER_SEED, self.bus.as_ref(), wallet.as_ref()])
    }

    pub fn vault(&self, wallet: &Address) -> Address {
        pda(&[VAULT_SEED, self.seller(wallet).as_ref()])
    }

    pub fn offer(&self, wallet: &Address, number: u64) -> Address {
        pda(&[OFFER_SEED, self.seller(wallet).as_ref(), &number.to_le_bytes()])
    }

    pub fn lock(&self, offer: &Address, buyer: &Address, place: u8) -> Address {
        pda(&[LOCK_SEED, offer.as_ref(), buyer.as_ref(), &[place]])
    }

    pub fn claim(&self, wallet: &Address) -> Address {
        pda(&[CLAIM_SEED, self.bus.as_ref(), wallet.as_ref()])
    }

    pub fn trader(&self, wallet: &Address) -> Address {
        pda(&[TRADER_SEED, wallet.as_ref(), &0u16.to_le_bytes()])
    }

    pub fn proposal(&self, proposer: &Address, number: u64) -> Address {
        pda(&[PROPOSAL_SEED, self.bus.as_ref(), proposer.as_ref(), &number.to_le_bytes()])
    }

    // instructions

    pub fn creator_open(&self) -> Instruction {
        let accounts = accounts::CreatorOpen {
            wallet: self.creator,
            creator: pda(&[CREATOR_SEED, self.creator.as_ref()]),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::CreatorOpen { first_slot: START_SLOT })
    }

    pub fn bus_create(&self, bus_seq: u64, config: BusConfig) -> Instruction {
        let accounts = accounts::BusCreate {
            creator: self.creator,
            counter: pda(&[CREATOR_SEED, self.creator.as_ref()]),
            bus: self.bus,
            ledger: self.ledger(),
            capacity: self.capacity(0),
            mint: self.mint.address,
            treasury: self.treasury(),
            unclaimed: self.unclaimed(),
            escrow: self.escrow(),
            token_program: self.mint.program.address(),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::BusCreate { bus_seq, config })
    }

    pub fn bus_close(&self, caller: &Address, owners: &[Address]) -> Instruction {
        let accounts = accounts::BusClose {
            caller: *caller,
            bus: self.bus,
            ledger: self.ledger(),
            general: self.capacity(0),
            treasury: self.treasury(),
            unclaimed: self.unclaimed(),
            escrow: self.escrow(),
            creator: self.creator,
            token_program: self.mint.program.address(),
            system_program: system_program::ID,
        };
        let mut instruction = meta(accounts, instruction::BusClose {});
        instruction.accounts.extend(owners.iter().map(|owner| AccountMeta::new(self.claim(owner), false)));
        instruction
    }

    pub fn capacity_open(&self, payer: &Address, window_start: i64) -> Instruction {
        let accounts = accounts::CapacityOpen {
            payer: *payer,
            bus: self.bus,
            ledger: self.ledger(),
            capacity: self.capacity(window_start),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::CapacityOpen { window_start })
    }

    pub fn capacity_close(&self, caller: &Address, window_start: i64, rent_payer: &Address) -> Instruction {
        let accounts = accounts::CapacityClose {
            caller: *caller,
            bus: self.bus,
            ledger: self.ledger(),
            capacity: self.capacity(window_start),
            rent_payer: *rent_payer,
        };
        let mut instruction = meta(accounts, instruction::CapacityClose {});
        if self.state::<Capacity>(&self.capacity(window_start)).escrowed > 0 {
            instruction.accounts.extend([
                AccountMeta::new(self.escrow(), false),
                AccountMeta::new(self.treasury(), false),
                AccountMeta::new_readonly(self.mint.program.address(), false),
            ]);
        }
        instruction
    }

    /// Opens the seller account of a wallet; `payer` is an owner where the wallet is the bus.
    pub fn seller_open(&self, payer: &Address, wallet: &Address) -> Instruction {
        let accounts = accounts::SellerOpen {
            payer: *payer,
            bus: self.bus,
            ledger: self.ledger(),
            seller: self.seller(wallet),
            vault: self.vault(wallet),
            mint: self.mint.address,
            token_program: self.mint.program.address(),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::SellerOpen { wallet: *wallet, first_slot: 0 })
    }

    pub fn seller_admit(&self, operator: &Address, wallet: &Address) -> Instruction {
        let accounts = accounts::SellerAdmit {
            operator: *operator,
            bus: self.bus,
            ledger: self.ledger(),
            seller: self.seller(wallet),
            vault: self.vault(wallet),
            mint: self.mint.address,
            token_program: self.mint.program.address(),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::SellerAdmit { wallet: *wallet })
    }

    pub fn seller_suspend(&self, operator: &Address, wallet: &Address) -> Instruction {
        let accounts = accounts::SellerSuspend { operator: *operator, bus: self.bus, seller: self.seller(wallet) };
        meta(accounts, instruction::SellerSuspend {})
    }

    pub fn seller_withdraw(&self, caller: &Address, wallet: &Address, destination: &Address) -> Instruction {
        let accounts = accounts::SellerWithdraw {
            caller: *caller,
            bus: self.bus,
            seller: self.seller(wallet),
            vault: self.vault(wallet),
            destination: *destination,
            token_program: self.mint.program.address(),
        };
        meta(accounts, instruction::SellerWithdraw {})
    }

    pub fn seller_close(&self, caller: &Address, wallet: &Address, destination: &Address) -> Instruction {
        let seller: Seller = self.state(&self.seller(wallet));
        let accounts = accounts::SellerClose {
            caller: *caller,
            bus: self.bus,
            ledger: self.ledger(),
            seller: self.seller(wallet),
            vault: self.vault(wallet),
            destination: *destination,
            treasury: self.treasury(),
            unclaimed: self.unclaimed(),
            claim: self.claim(wallet),
            rent_payer: seller.rent_payer,
            token_program: self.mint.program.address(),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::SellerClose {})
    }

    /// Lists the next offer of a seller in the general capacity (window start 0) or a window's.
    pub fn offer_create(
        &self,
        lister: &Address,
        wallet: &Address,
        window_start: i64,
        (energy_wh, price_per_kwh, expires_at): (u64, u64, i64),
    ) -> (Instruction, Address) {
        let seller: Seller = self.state(&self.seller(wallet));
        let number = seller.next_offer;
        let offer = self.offer(wallet, number);
        let accounts = accounts::OfferCreate {
            lister: *lister,
            bus: self.bus,
            capacity: self.capacity(window_start),
            seller: self.seller(wallet),
            offer,
            system_program: system_program::ID,
        };
        let data = instruction::OfferCreate { number, energy_wh, price_per_kwh, expires_at, source: 1 };
        let mut instruction = meta(accounts, data);
        if self.terms(window_start).is_on_delivery() {
            instruction.accounts.push(AccountMeta::new(self.meter(wallet), false));
            instruction.accounts.push(AccountMeta::new(self.book(wallet, window_start), false));
        }
        (instruction, offer)
    }

    pub fn offer_reprice(&self, lister: &Address, offer: &Address, price_per_kwh: u64) -> Instruction {
        let accounts = accounts::OfferReprice { lister: *lister, bus: self.bus, offer: *offer };
        meta(accounts, instruction::OfferReprice { price_per_kwh, expected_version: 0 })
    }

    pub fn offer_set_expiry(&self, lister: &Address, offer: &Address, expires_at: i64) -> Instruction {
        let state: Offer = self.state(offer);
        let accounts = accounts::OfferSetExpiry { lister: *lister, bus: self.bus, seller: state.seller, offer: *offer };
        meta(accounts, instruction::OfferSetExpiry { expires_at, expected_version: 0 })
    }

    pub fn offer_collect(&self, offer: &Address) -> Instruction {
        let state: Offer = self.state(offer);
        meta(accounts::OfferCollect { offer: *offer, seller: state.seller }, instruction::OfferCollect {})
    }

    pub fn offer_cancel(&self, caller: &Address, offer: &Address) -> Instruction {
        let state: Offer = self.state(offer);
        let accounts = accounts::OfferCancel {
            caller: *caller,
            bus: self.bus,
            capacity: state.capacity,
            seller: state.seller,
            offer: *offer,
            rent_payer: state.rent_payer,
        };
        self.with_books(meta(accounts, instruction::OfferCancel {}), offer, &[state.book])
    }

    pub fn trader_open(&self, wallet: &Address) -> Instruction {
        let accounts =
            accounts::TraderOpen { wallet: *wallet, trader: self.trader(wallet), system_program: system_program::ID };
        meta(accounts, instruction::TraderOpen { lane: 0, first_slot: 0 })
    }

    pub fn next_nonce(&self, wallet: &Address) -> u64 {
        self.state::<Trader>(&self.trader(wallet)).next_nonce
    }

    pub fn purchase(&self, buyer: &Address, payment: &Address, offer: &Address, energy_wh: u64) -> Instruction {
        let state: Offer = self.state(offer);
        let accounts = accounts::Purchase {
            buyer: *buyer,
            trader: self.trader(buyer),
            bus: self.bus,
            offer: *offer,
            payment: *payment,
            vault: state.vault,
            token_program: self.mint.program.address(),
        };
        let data = instruction::Purchase {
            nonce: self.next_nonce(buyer),
            energy_wh,
            min_energy_wh: energy_wh,
            max_price_per_kwh: u64::MAX,
            expected_version: 0,
        };
        self.with_books(meta(accounts, data), offer, &[state.book, self.position(&state.book, buyer)])
    }

    pub fn purchase_batch(&self, buyer: &Address, payment: &Address, items: &[(Address, u64)]) -> Instruction {
        let accounts = accounts::PurchaseBatch {
            buyer: *buyer,
            trader: self.trader(buyer),
            payment: *payment,
            token_program: self.mint.program.address(),
        };
        let data = instruction::PurchaseBatch {
            nonce: self.next_nonce(buyer),
            max_total: u64::MAX,
            items: items
                .iter()
                .map(|(_, energy_wh)| PurchaseItem {
                    energy_wh: *energy_wh,
                    max_price_per_kwh: u64::MAX,
                    expected_version: 0,
                })
                .collect(),
        };
        let mut instruction = meta(accounts, data);
        instruction.accounts.push(AccountMeta::new_readonly(self.bus, false));
        for (offer, _) in items {
            let state: Offer = self.state(offer);
            instruction.accounts.push(AccountMeta::new(*offer, false));
            instruction.accounts.push(AccountMeta::new(state.vault, false));
            instruction = self.with_books(instruction, offer, &[state.book, self.position(&state.book, buyer)]);
        }
        instruction
    }

    pub fn lock_take(
        &self,
        buyer: &Address,
        payment: &Address,
        offer: &Address,
        place: u8,
        energy_wh: u64,
    ) -> Instruction {
        let state: Offer = self.state(offer);
        let accounts = accounts::LockTake {
            buyer: *buyer,
            bus: self.bus,
            offer: *offer,
            lock: self.lock(offer, buyer, place),
            payment: *payment,
            vault: state.vault,
            token_program: self.mint.program.address(),
            system_program: system_program::ID,
        };
        let data = instruction::LockTake {
            place,
            energy_wh,
            max_price_per_kwh: u64::MAX,
            expected_version: 0,
            refund: *payment,
        };
        self.with_books(meta(accounts, data), offer, &[self.position(&state.book, buyer)])
    }

    pub fn lock_settle(&self, buyer: &Address, lock: &Address) -> Instruction {
        let state: Lock = self.state(lock);
        let accounts =
            accounts::LockSettle { buyer: *buyer, trader: self.trader(buyer), offer: state.offer, lock: *lock };
        let offer: Offer = self.state(&state.offer);
        let data = instruction::LockSettle { nonce: self.next_nonce(buyer), lock_number: state.number };
        let books = [offer.book, self.position(&offer.book, buyer)];
        self.with_books(meta(accounts, data), &state.offer, &books)
    }

    pub fn lock_release(&self, caller: &Address, lock: &Address) -> Instruction {
        let state: Lock = self.state(lock);
        let offer: Offer = self.state(&state.offer);
        let accounts = accounts::LockRelease {
            caller: *caller,
            buyer: state.buyer,
            bus: self.bus,
            offer: state.offer,
            lock: *lock,
            seller: offer.seller,
            vault: offer.vault,
            refund: state.refund,
            unclaimed: self.unclaimed(),
            ledger: self.ledger(),
            claim: self.claim(&state.buyer),
            token_program: self.mint.program.address(),
            system_program: system_program::ID,
        };
        let data = instruction::LockRelease { lock_number: state.number };
        self.with_books(meta(accounts, data), &state.offer, &[self.position(&offer.book, &state.buyer)])
    }

    pub fn treasury_claim(&self, caller: &Address, owner: &Address, destination: &Address) -> Instruction {
        let accounts = accounts::TreasuryClaim {
            caller: *caller,
            owner: *owner,
            bus: self.bus,
            ledger: self.ledger(),
            treasury: self.treasury(),
            destination: *destination,
            unclaimed: self.unclaimed(),
            claim: self.claim(owner),
            token_program: self.mint.program.address(),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::TreasuryClaim {})
    }

    pub fn claim_pay(&self, caller: &Address, wallet: &Address, destination: &Address) -> Instruction {
        let claim: Claim = self.state(&self.claim(wallet));
        let accounts = accounts::ClaimPay {
            caller: *caller,
            bus: self.bus,
            ledger: self.ledger(),
            claim: self.claim(wallet),
            wallet: *wallet,
            unclaimed: self.unclaimed(),
            destination: *destination,
            rent_payer: claim.rent_payer,
            creator: self.creator,
            token_program: self.mint.program.address(),
        };
        meta(accounts, instruction::ClaimPay {})
    }

    pub fn proposal_create(&self, owner: &Address, action: ProposalAction) -> (Instruction, Address) {
        let bus: Bus = self.state(&self.bus);
        let ledger: Ledger = self.state(&self.ledger());
        let number = ledger.owners[bus.owner_index(owner).expect("an owner")].next_proposal;
        let proposal = self.proposal(owner, number);
        let accounts = accounts::ProposalCreate {
            proposer: *owner,
            bus: self.bus,
            ledger: self.ledger(),
            proposal,
            system_program: system_program::ID,
        };
        (meta(accounts, instruction::ProposalCreate { number, action }), proposal)
    }

    pub fn proposal_approve(&self, owner: &Address, proposal: &Address) -> Instruction {
        let state: Proposal = self.state(proposal);
        let accounts = accounts::ProposalApprove { owner: *owner, bus: self.bus, proposal: *proposal };
        meta(accounts, instruction::ProposalApprove { hash: state.hash })
    }

    pub fn proposal_execute(&self, executor: &Address, proposal: &Address) -> Instruction {
        let state: Proposal = self.state(proposal);
        let wallet = match state.action.decode() {
            Some(ProposalAction::SellerAdmit { wallet } | ProposalAction::SellerSuspend { wallet }) => wallet,
            _ => self.bus,
        };
        let accounts = accounts::ProposalExecute {
            executor: *executor,
            bus: self.bus,
            ledger: self.ledger(),
            general: self.capacity(0),
            proposal: *proposal,
            treasury: self.treasury(),
            seller: self.seller(&wallet),
            vault: self.vault(&wallet),
            mint: self.mint.address,
            token_program: self.mint.program.address(),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::ProposalExecute {})
    }

    pub fn proposal_close(&self, closer: &Address, proposal: &Address) -> Instruction {
        let state: Proposal = self.state(proposal);
        let accounts = accounts::ProposalClose {
            closer: *closer,
            bus: self.bus,
            ledger: self.ledger(),
            proposal: *proposal,
            proposer: state.proposer,
        };
        meta(accounts, instruction::ProposalClose {})
    }

    // delivery

    /// Adds the books that an instruction needs where the offer is on delivery terms.
    fn with_books(&self, mut instruction: Instruction, offer: &Address, books: &[Address]) -> Instruction {
        if self.state::<Offer>(offer).is_on_delivery() {
            instruction.accounts.extend(books.iter().map(|book| AccountMeta::new(*book, false)));
        }
        instruction
    }

    /// Terms of a window; of what is outside windows those of the moment.
    pub fn terms(&self, window_start: i64) -> Terms {
        let time = if window_start == 0 { self.now() } else { window_start };
        *self.state::<Bus>(&self.bus).terms_at(time)
    }

    pub fn meter(&self, wallet: &Address) -> Address {
        pda(&[METER_SEED, self.seller(wallet).as_ref()])
    }

    pub fn device(&self, key: &Address) -> Address {
        pda(&[DEVICE_SEED, key.as_ref()])
    }

    /// The delivery book of a seller that a window is in.
    pub fn book(&self, wallet: &Address, window_start: i64) -> Address {
        let first = DeliveryBook::first_window_of(&self.terms(window_start), window_start);
        pda(&[BOOK_SEED, self.seller(wallet).as_ref(), &first.to_le_bytes()])
    }

    pub fn position(&self, book: &Address, buyer: &Address) -> Address {
        pda(&[POSITION_SEED, book.as_ref(), buyer.as_ref()])
    }

    pub fn certificate(&self, wallet: &Address, window_start: i64, range_start: u64) -> Address {
        let seller = self.seller(wallet);
        pda(&[CERTIFICATE_SEED, seller.as_ref(), &window_start.to_le_bytes(), &range_start.to_le_bytes()])
    }

    /// What a device of another key than the market knows signs, too.
    pub fn sign(&self, key: &Address, message: &[u8]) -> [u8; 64] {
        *self.keys[key].sign_message(message).as_array()
    }

    pub fn meter_register(&self, operator: &Address, key: &Address, wallet: &Address, power_w: u64) -> Instruction {
        let accounts = accounts::MeterRegister {
            operator: *operator,
            key: *key,
            bus: self.bus,
            seller: self.seller(wallet),
            meter: self.meter(wallet),
            device: self.device(key),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::MeterRegister { source: 1, power_w, valid_from: 0 })
    }

    pub fn meter_replace(&self, operator: &Address, key: &Address, wallet: &Address, power_w: u64) -> Instruction {
        let meter: Meter = self.state(&self.meter(wallet));
        let accounts = accounts::MeterReplace {
            operator: *operator,
            key: *key,
            bus: self.bus,
            meter: self.meter(wallet),
            retired: self.device(&meter.key),
            device: self.device(key),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::MeterReplace { source: 1, power_w, valid_from: 0 })
    }

    pub fn meter_close(&self, caller: &Address, wallet: &Address) -> Instruction {
        let meter: Meter = self.state(&self.meter(wallet));
        let accounts = accounts::MeterClose {
            caller: *caller,
            bus: self.bus,
            seller: self.seller(wallet),
            meter: self.meter(wallet),
            device: self.device(&meter.key),
            rent_payer: meter.rent_payer,
        };
        meta(accounts, instruction::MeterClose {})
    }

    pub fn device_close(&self, key: &Address) -> Instruction {
        let device: Device = self.state(&self.device(key));
        let accounts = accounts::DeviceClose { device: self.device(key), rent_payer: device.rent_payer };
        meta(accounts, instruction::DeviceClose {})
    }

    pub fn position_open(&self, payer: &Address, book: &Address, buyer: &Address) -> Instruction {
        let accounts = accounts::PositionOpen {
            payer: *payer,
            bus: self.bus,
            book: *book,
            position: self.position(book, buyer),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::PositionOpen { buyer: *buyer })
    }

    pub fn position_set_refund(&self, buyer: &Address, position: &Address, refund: &Address) -> Instruction {
        let book = self.state::<PositionBook>(position).book;
        let accounts = accounts::PositionSetRefund { buyer: *buyer, bus: self.bus, position: *position, book };
        meta(accounts, instruction::PositionSetRefund { refund: *refund })
    }

    pub fn position_close(&self, caller: &Address, position: &Address) -> Instruction {
        let state: PositionBook = self.state(position);
        let book: DeliveryBook = self.state(&state.book);
        let accounts = accounts::PositionClose {
            caller: *caller,
            bus: self.bus,
            book: state.book,
            position: *position,
            vault: book.vault,
            refund: state.refund,
            unclaimed: self.unclaimed(),
            ledger: self.ledger(),
            claim: self.claim(&state.buyer),
            rent_payer: state.rent_payer,
            token_program: self.mint.program.address(),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::PositionClose {})
    }

    /// A reading whose proof is in the transaction: the device's signature, or the operator's.
    pub fn delivery_report(
        &self,
        reporter: &Address,
        book: &Address,
        reading: Reading,
        proof: ReadingProof,
    ) -> Instruction {
        let evidence = match proof {
            ReadingProof::Transaction => *reporter,
            ReadingProof::Signature => sysvar_instructions(),
            ReadingProof::Operator => self.bus,
        };
        let accounts = accounts::DeliveryReport { reporter: *reporter, book: *book, evidence };
        let Reading { window_start, energy_wh, sequence } = reading;
        meta(accounts, instruction::DeliveryReport { window_start, energy_wh, sequence, proof: proof as u8 })
    }

    /// A reading that a device signed, and what anybody brings it with.
    pub fn signed_report(&self, key: &Address, caller: &Address, book: &Address, reading: Reading) -> [Instruction; 2] {
        let message = reading.message(&self.state(book));
        let report = self.delivery_report(caller, book, reading, ReadingProof::Signature);
        [ed25519(&[(*key, self.sign(key, &message), message.to_vec())]), report]
    }

    pub fn delivery_release(&self, book: &Address) -> Instruction {
        let state: DeliveryBook = self.state(book);
        meta(accounts::DeliveryRelease { book: *book, seller: state.seller }, instruction::DeliveryRelease {})
    }

    pub fn delivery_refund(&self, position: &Address) -> Instruction {
        let state: PositionBook = self.state(position);
        let book: DeliveryBook = self.state(&state.book);
        let accounts = accounts::DeliveryRefund {
            bus: self.bus,
            book: state.book,
            position: *position,
            vault: book.vault,
            refund: state.refund,
            token_program: self.mint.program.address(),
        };
        meta(accounts, instruction::DeliveryRefund {})
    }

    pub fn delivery_close(&self, caller: &Address, book: &Address) -> Instruction {
        let state: DeliveryBook = self.state(book);
        let accounts = accounts::DeliveryClose {
            caller: *caller,
            bus: self.bus,
            seller: state.seller,
            book: *book,
            rent_payer: state.rent_payer,
        };
        meta(accounts, instruction::DeliveryClose {})
    }

    /// A buyer's certificate of a seller's window, or where the owner is the seller, its own of what it did not sell.
    pub fn certificate_take(&self, owner: &Address, wallet: &Address, window_start: i64) -> (Instruction, Address) {
        let book = self.book(wallet, window_start);
        let state: DeliveryBook = self.state(&book);
        let place = state.place(window_start).expect("a window of the book");
        let certificate = self.certificate(wallet, window_start, state.windows[place].certified_wh);
        let holding = if owner == wallet { self.seller(wallet) } else { self.position(&book, owner) };
        let accounts =
            accounts::CertificateTake { owner: *owner, book, holding, certificate, system_program: system_program::ID };
        (meta(accounts, instruction::CertificateTake { window_start }), certificate)
    }

    /// Transfers so much of a certificate; also the account of the part, where it is one.
    pub fn certificate_transfer(&self, certificate: &Address, energy_wh: u64, to: &Address) -> (Instruction, Address) {
        let state: Certificate = self.state(certificate);
        let range_start = state.range_end.saturating_sub(energy_wh);
        let seeds: [&[u8]; 4] =
            [CERTIFICATE_SEED, state.seller.as_ref(), &state.window_start.to_le_bytes(), &range_start.to_le_bytes()];
        let part = pda(&seeds);
        let accounts = accounts::CertificateTransfer {
            owner: state.owner,
            certificate: *certificate,
            part,
            system_program: system_program::ID,
        };
        (meta(accounts, instruction::CertificateTransfer { energy_wh, to: *to }), part)
    }

    pub fn certificate_retire(&self, certificate: &Address, beneficiary: &str) -> Instruction {
        let state: Certificate = self.state(certificate);
        let accounts =
            accounts::CertificateRetire { owner: state.owner, certificate: *certificate, rent_payer: state.rent_payer };
        meta(accounts, instruction::CertificateRetire { beneficiary: beneficiary.to_owned() })
    }

    // auction

    /// The account of a bid, and the bump of its address.
    pub fn bid_address(&self, buyer: &Address, window_start: i64, energy_wh: u64, limit: u64) -> (Address, u8) {
        let order = Order { offer: self.capacity(window_start), energy_wh, max_price_per_kwh: limit };
        let hash = transaction_hash(PurchaseKind::Bid, buyer, 0, self.next_nonce(buyer), &[order]);
        Address::find_program_address(&[BID_SEED, &hash], &multibus::ID)
    }

    /// A bid of the next nonce, whose refund account is the account that pays.
    pub fn bid_create(
        &self,
        buyer: &Address,
        payment: &Address,
        window_start: i64,
        energy_wh: u64,
        limit: u64,
    ) -> (Instruction, Address) {
        let (bid, bump) = self.bid_address(buyer, window_start, energy_wh, limit);
        let accounts = accounts::BidCreate {
            buyer: *buyer,
            trader: self.trader(buyer),
            bus: self.bus,
            capacity: self.capacity(window_start),
            bid,
            payment: *payment,
            escrow: self.escrow(),
            token_program: self.mint.program.address(),
            system_program: system_program::ID,
        };
        let nonce = self.next_nonce(buyer);
        let data = instruction::BidCreate { nonce, energy_wh, max_price_per_kwh: limit, refund: *payment, bump };
        (meta(accounts, data), bid)
    }

    pub fn bid_cancel(&self, bid: &Address, destination: &Address) -> Instruction {
        let state: Bid = self.state(bid);
        let accounts = accounts::BidCancel {
            buyer: state.buyer,
            bus: self.bus,
            capacity: state.capacity,
            bid: *bid,
            escrow: self.escrow(),
            destination: *destination,
            token_program: self.mint.program.address(),
        };
        meta(accounts, instruction::BidCancel {})
    }

    pub fn bid_settle(&self, caller: &Address, bid: &Address, close: bool) -> Instruction {
        let state: Bid = self.state(bid);
        let accounts = accounts::BidSettle {
            caller: *caller,
            bus: self.bus,
            capacity: state.capacity,
            bid: *bid,
            buyer: state.buyer,
            escrow: self.escrow(),
            refund: state.refund,
            unclaimed: self.unclaimed(),
            ledger: self.ledger(),
            claim: self.claim(&state.buyer),
            token_program: self.mint.program.address(),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::BidSettle { close })
    }

    pub fn ask_settle(&self, offer: &Address) -> Instruction {
        let state: Offer = self.state(offer);
        let accounts = accounts::AskSettle {
            bus: self.bus,
            capacity: state.capacity,
            offer: *offer,
            vault: state.vault,
            escrow: self.escrow(),
            token_program: self.mint.program.address(),
        };
        self.with_books(meta(accounts, instruction::AskSettle {}), offer, &[state.book])
    }

    pub fn clearing_open(&self, clearer: &Address, window_start: i64, low_price: u64, high_price: u64) -> Instruction {
        let accounts = accounts::ClearingOpen {
            clearer: *clearer,
            capacity: self.capacity(window_start),
            clearing: self.clearing(window_start, clearer),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::ClearingOpen { low_price, high_price })
    }

    pub fn clearing_tally(&self, clearer: &Address, window_start: i64, orders: &[Address]) -> Instruction {
        let accounts = accounts::ClearingTally { clearer: *clearer, clearing: self.clearing(window_start, clearer) };
        let mut instruction = meta(accounts, instruction::ClearingTally {});
        instruction.accounts.extend(orders.iter().map(|order| AccountMeta::new_readonly(*order, false)));
        instruction
    }

    pub fn clearing_apply(&self, clearer: &Address, window_start: i64) -> Instruction {
        let accounts = accounts::ClearingApply {
            clearing: self.clearing(window_start, clearer),
            capacity: self.capacity(window_start),
            clearer: *clearer,
        };
        meta(accounts, instruction::ClearingApply {})
    }

    pub fn clearing_close(&self, caller: &Address, clearing: &Address) -> Instruction {
        let state: Clearing = self.state(clearing);
        let accounts = accounts::ClearingClose {
            caller: *caller,
            capacity: state.capacity,
            clearing: *clearing,
            clearer: state.clearer,
        };
        meta(accounts, instruction::ClearingClose {})
    }

    pub fn pool_report(&self, book: &Address, window_start: i64) -> Instruction {
        let state: DeliveryBook = self.state(book);
        let accounts = accounts::PoolReport {
            bus: self.bus,
            capacity: self.capacity(window_start),
            seller: state.seller,
            book: *book,
            vault: state.vault,
            escrow: self.escrow(),
            token_program: self.mint.program.address(),
        };
        meta(accounts, instruction::PoolReport {})
    }

    /// The certificate that a bid takes of a seller's energy.
    pub fn certificate_of_bid(&self, bid: &Address, wallet: &Address) -> (Instruction, Address) {
        let state: Bid = self.state(bid);
        let (owner, window_start) = (state.buyer, state.window_start);
        let book = self.book(wallet, window_start);
        let of_book: DeliveryBook = self.state(&book);
        let place = of_book.place(window_start).expect("a window of the book");
        let certificate = self.certificate(wallet, window_start, of_book.windows[place].certified_wh);
        let accounts =
            accounts::CertificateTake { owner, book, holding: *bid, certificate, system_program: system_program::ID };
        (meta(accounts, instruction::CertificateTake { window_start }), certificate)
    }

    /// Bids and offers of a window.
    pub fn orders(&self, window_start: i64) -> (All<Bid>, All<Offer>) {
        let capacity = self.capacity(window_start);
        let (mut bids, mut offers) = (self.all::<Bid>(), self.all::<Offer>());
        bids.retain(|(_, bid)| bid.capacity == capacity);
        offers.retain(|(_, offer)| offer.capacity == capacity);
        (bids, offers)
    }

    /// The book of a window as prices and energy: bids, asks.
    pub fn book_of(&self, window_start: i64) -> Book {
        let (bids, offers) = self.orders(window_start);
        Book {
            bids: bids.iter().map(|(_, bid)| (bid.price_per_kwh, bid.energy_wh)).collect(),
            asks: offers.iter().map(|(_, offer)| (offer.price_per_kwh, offer.ask_wh())).collect(),
        }
    }

    /// Addresses of all orders of a window, as a tally wants them.
    pub fn sorted_orders(&self, window_start: i64) -> Vec<Address> {
        let (bids, offers) = self.orders(window_start);
        let mut all: Vec<Address> =
            bids.iter().map(|(address, _)| *address).chain(offers.iter().map(|(address, _)| *address)).collect();
        all.sort();
        all
    }

    /// Opens a clearing with these prices and tallies the whole book; the price is not applied yet.
    #[track_caller]
    pub fn tally(&mut self, clearer: &Address, window_start: i64, low_price: u64, high_price: u64) {
        let open = self.clearing_open(clearer, window_start, low_price, high_price);
        self.run(&[open]);
        for part in self.sorted_orders(window_start).chunks(ORDERS_WITHOUT_TABLE) {
            let tally = self.clearing_tally(clearer, window_start, part);
            self.run(&[tally]);
        }
    }

    /// Proves the price of a window.
    #[track_caller]
    pub fn clear(&mut self, clearer: &Address, window_start: i64) {
        let (low, high) = self.book_of(window_start).prices().unwrap_or((0, 0));
        self.tally(clearer, window_start, low, high);
        let apply = self.clearing_apply(clearer, window_start);
        self.run(&[apply]);
    }

    /// Settles every order of a cleared window, in the order of `shuffle`; returns the compute units.
    #[track_caller]
    pub fn settle_all(&mut self, window_start: i64, mut shuffle: impl FnMut(usize) -> usize) -> u64 {
        let stranger = self.payer;
        let (bids, offers) = self.orders(window_start);
        let capacity: Capacity = self.state(&self.capacity(window_start));
        let mut left: Vec<Address> = bids.iter().map(|(address, _)| *address).collect();
        left.extend(offers.iter().filter(|(_, offer)| capacity.owes(offer)).map(|(address, _)| *address));
        let mut units = 0;
        while !left.is_empty() {
            let order = left.swap_remove(shuffle(left.len()));
            let is_bid = bids.binary_search_by_key(&order, |(bid, _)| *bid).is_ok();
            let settle = if is_bid { self.bid_settle(&stranger, &order, false) } else { self.ask_settle(&order) };
            units += self.run(&[settle]);
        }
        units
    }

    pub fn grid_sweep(&self, caller: &Address, wallet: &Address, destination: &Address) -> Instruction {
        let bus: Bus = self.state(&self.bus);
        let accounts = accounts::GridSweep {
            caller: *caller,
            bus: self.bus,
            ledger: self.ledger(),
            seller: self.seller(wallet),
            vault: self.vault(wallet),
            destination: *destination,
            unclaimed: self.unclaimed(),
            claim: self.claim(&bus.grid_recipient),
            token_program: self.mint.program.address(),
            system_program: system_program::ID,
        };
        meta(accounts, instruction::GridSweep {})
    }

    // several at once

    /// Opens a seller account and lists an offer in the general capacity that lasts a day.
    pub fn seller_with_offer(&mut self, wallet: &Address, energy_wh: u64, price_per_kwh: u64) -> Address {
        if !self.exists(&self.seller(wallet)) {
            let open = self.seller_open(wallet, wallet);
            self.run(&[open]);
        }
        let (create, offer) = self.offer_create(wallet, wallet, 0, (energy_wh, price_per_kwh, self.now() + 86_400));
        self.run(&[create]);
        offer
    }

    /// A buyer with a lane and tokens in its associated account.
    pub fn buyer(&mut self, name: &str, amount: u64) -> (Address, Address) {
        let buyer = self.wallet(name);
        let account = self.fund(&buyer, amount);
        let open = self.trader_open(&buyer);
        self.run(&[open]);
        (buyer, account)
    }

    /// A decision of one owner on a bus whose threshold is 1 and that has no timelock.
    pub fn decide(&mut self, owner: &Address, action: ProposalAction) {
        let (create, proposal) = self.proposal_create(owner, action);
        self.run(&[create]);
        let execute = self.proposal_execute(owner, &proposal);
        let close = self.proposal_close(owner, &proposal);
        self.run(&[execute, close]);
    }
}

impl Net {
    /// The owner of a bus decides to close it, and a stranger ends all that is open, whoever it belongs to and whatever they
    /// did to their accounts. Then everybody pulls what it is owed.
    #[track_caller]
    pub fn wind_down(&mut self, owner: &Address) {
        let stranger = self.payer;
        let vaults: Vec<Address> = self.all::<Seller>().iter().map(|(_, seller)| seller.vault).collect();
        for account in vaults.into_iter().chain([self.unclaimed(), self.escrow()]) {
            let thaw = self.thaws(&account);
            self.attempt(&[thaw]);
        }
        self.decide(owner, ProposalAction::BusClose);
        self.pass(100 * 86_400);
        for (lock, _) in self.all::<Lock>() {
            let release = self.lock_release(&stranger, &lock);
            self.run(&[release]);
        }
        for (offer, state) in self.all::<Offer>() {
            if self.state::<Capacity>(&state.capacity).owes(&state) {
                let settle = self.ask_settle(&offer);
                self.run(&[settle]);
            }
            let cancel = self.offer_cancel(&stranger, &offer);
            self.run(&[cancel]);
        }
        let is_open = |bid: &Bid| bid.state == BidState::Open as u8;
        for (bid, _) in self.all::<Bid>().into_iter().filter(|(_, bid)| is_open(bid)) {
            let settle = self.bid_settle(&stranger, &bid, false);
            self.run(&[settle]);
        }
        for (address, book) in self.all::<DeliveryBook>() {
            for (place, window) in book.windows.iter().enumerate() {
                if window.owes_pool() {
                    let report = self.pool_report(&address, book.window_start(place));
                    self.run(&[report]);
                }
            }
            if self.state::<DeliveryBook>(&address).pool_due > 0 {
                let report = self.pool_report(&address, book.first_window);
                self.run(&[report]);
            }
        }
        for _ in 0..2 {
            for (bid, state) in self.all::<Bid>() {
                assert_ne!(state.state, BidState::Open as u8);
                let settle = self.bid_settle(&stranger, &bid, false);
                self.run(&[settle]);
            }
            self.pass(40 * 86_400);
        }
        for (clearing, _) in self.all::<Clearing>() {
            let close = self.clearing_close(&stranger, &clearing);
            self.run(&[close]);
        }
        for (position, _) in self.all::<PositionBook>() {
            let close = self.position_close(&stranger, &position);
            self.run(&[close]);
        }
        for (book, _) in self.all::<DeliveryBook>() {
            let close = self.delivery_close(&stranger, &book);
            self.run(&[close]);
        }
        for (_, capacity) in self.all::<Capacity>().into_iter().filter(|(_, capacity)| capacity.window_start != 0) {
            let close = self.capacity_close(&stranger, capacity.window_start, &capacity.rent_payer);
            self.run(&[close]);
        }
        for (address, seller) in self.all::<Seller>() {
            if seller.has_meter() {
                let close = self.meter_close(&stranger, &seller.wallet);
                self.run(&[close]);
            }
            if self.state::<Seller>(&address).grid_fees_owed > 0 {
                let recipient = self.state::<Bus>(&self.bus).grid_recipient;
                let is_treasury = recipient == Address::default();
                let destination = if is_treasury { self.treasury() } else { self.ata_of(&recipient) };
                let sweep = self.grid_sweep(&stranger, &seller.wallet, &destination);
                self.run(&[sweep]);
            }
            let destination = if seller.wallet == self.bus { self.treasury() } else { self.ata_of(&seller.wallet) };
            let close = self.seller_close(&stranger, &seller.wallet, &destination);
            self.run(&[close]);
        }
        for (_, device) in self.all::<Device>() {
            let close = self.device_close(&device.key);
            self.run(&[close]);
        }
        for (proposal, _) in self.all::<Proposal>() {
            let close = self.proposal_close(&stranger, &proposal);
            self.run(&[close]);
        }
        let close = self.bus_close(&stranger, &[*owner]);
        self.run(&[close]);
        // What is left is the owners' of certificates and lanes, and claims.
        assert!(self.all::<DeliveryBook>().is_empty() && self.all::<PositionBook>().is_empty());
        assert!(self.all::<Bid>().is_empty() && self.all::<Clearing>().is_empty() && !self.exists(&self.escrow()));
        assert!(self.all::<Meter>().is_empty() && self.all::<Device>().is_empty() && self.all::<Seller>().is_empty());
        for (_, claim) in self.all::<Claim>() {
            let account = self.token_account(&format!("later {}", claim.wallet), &claim.wallet, 0);
            let pay = self.claim_pay(&claim.wallet, &claim.wallet, &account);
            self.run(&[pay]);
            assert!(self.tokens(&account) >= claim.amount);
        }
        for (_, certificate) in self.all::<Certificate>() {
            let address = pda(&[
                CERTIFICATE_SEED,
                certificate.seller.as_ref(),
                &certificate.window_start.to_le_bytes(),
                &certificate.range_start.to_le_bytes(),
            ]);
            let retire = self.certificate_retire(&address, "The village");
            self.run(&[retire]);
        }
    }
}

/// The chain's account that shows the instructions of a transaction.
pub fn sysvar_instructions() -> Address {
    solana_sdk_ids::sysvar::instructions::ID
}

/// An instruction of the Ed25519 program that checks these signatures: keys, signatures and messages.
pub fn ed25519(signed: &[(Address, [u8; 64], Vec<u8>)]) -> Instruction {
    let mut data = vec![signed.len() as u8, 0];
    let mut at = 2 + 14 * signed.len();
    for (_, _, message) in signed {
        let places =
            [(at + 32) as u16, u16::MAX, at as u16, u16::MAX, (at + 96) as u16, message.len() as u16, u16::MAX];
        data.extend(places.iter().flat_map(|place| place.to_le_bytes()));
        at += 96 + message.len();
    }
    for (key, signature, message) in signed {
        data.extend(key.as_ref());
        data.extend(signature);
        data.extend(message);
    }
    Instruction::new_with_bytes(ED25519_PROGRAM_ID, &data, vec![])
}
