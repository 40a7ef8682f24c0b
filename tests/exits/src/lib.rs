//! A chain with the program on it, and the instructions of one bus. After every transaction the books of the bus are
//! compared with its tokens.

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
    solana_clock::Clock,
    solana_instruction::{AccountMeta, Instruction, error::InstructionError},
    solana_keypair::Keypair,
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
    std::collections::BTreeMap,
};

pub const START: i64 = 1_780_315_200;
pub const START_SLOT: u64 = 300_000_000;
/// First number of every counter that is opened at the start.
pub const FIRST: u64 = START_SLOT << COUNTER_SLOT_SHIFT;

fn pda(seeds: &[&[u8]]) -> Address {
    Address::find_program_address(seeds, &multibus::ID).0
}

/// A chain with one bus.
pub struct Net {
    pub svm: LiteSVM,
    keys: BTreeMap<Address, Keypair>,
    /// Pays fees, mints and freezes; no part of the market.
    pub payer: Address,
    pub mint: Mint,
    pub bus: Address,
    pub creator: Address,
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
        window_seconds: 0,
        gate_closure_seconds: 0,
        horizon_seconds: 30 * 86_400,
        capacity_wh: 1_000_000,
        base_price_per_kwh: 1_000,
        reserve_price_per_kwh: 0,
        least_wh: 1,
        operator: None,
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
        let path = std::env::var("MULTIBUS_PROGRAM")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/deploy/multibus.so").to_owned());
        let elf = std::fs::read(&path).unwrap_or_else(|error| panic!("no program at {path}: {error}"));
        svm.add_program(multibus::ID, &elf).expect("the program loads");
        let mint = Mint { address: Address::default(), program, decimals: 6 };
        let mut net = Self {
            svm,
            keys: BTreeMap::new(),
            payer: Address::default(),
            mint,
            bus: Address::default(),
            creator: Address::default(),
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
        let key = Keypair::new_from_array(hashv(&[b"multibus exits", name.as_bytes()]).to_bytes());
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
        self.set_clock(self.now() + seconds, slot + (2 * seconds).max(1) as u64);
    }

    fn send(&mut self, instructions: &[Instruction]) -> Result<TransactionMetadata, Box<FailedTransactionMetadata>> {
        let message = v0::Message::try_compile(&self.payer, instructions, &[], self.svm.latest_blockhash()).unwrap();
        let count = message.header.num_required_signatures as usize;
        let signers: Vec<&Keypair> = message.account_keys[..count].iter().map(|key| &self.keys[key]).collect();
        let transaction = VersionedTransaction::try_new(VersionedMessage::V0(message), &signers).expect("all signers");
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
        let offers = self.all::<Offer>();
        let locks = self.all::<Lock>();
        for (_, seller) in self.all::<Seller>() {
            seller.check_invariants().unwrap();
            let booked: u64 = offers
                .iter()
                .filter(|(_, offer)| offer.vault == seller.vault)
                .map(|(_, offer)| offer.proceeds + offer.deposits)
                .sum();
            assert!(self.tokens(&seller.vault) >= booked + seller.released, "a vault covers its books");
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

    pub fn freeze(&mut self, account: &Address) {
        let program = self.mint.program.address();
        let freeze = token::freeze_account(&program, account, &self.mint.address, &self.payer, &[]).unwrap();
        self.run(&[freeze]);
    }

    pub fn thaw(&mut self, account: &Address) {
        let program = self.mint.program.address();
        let thaw = token::thaw_account(&program, account, &self.mint.address, &self.payer, &[]).unwrap();
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
        meta(accounts, instruction::CapacityClose {})
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
        (meta(accounts, data), offer)
    }

    pub fn offer_reprice(&self, lister: &Address, offer: &Address, price_per_kwh: u64) -> Instruction {
        let accounts = accounts::OfferReprice { lister: *lister, bus: self.bus, offer: *offer };
        meta(accounts, instruction::OfferReprice { price_per_kwh, expected_version: 0 })
    }

    pub fn offer_set_expiry(&self, lister: &Address, offer: &Address, expires_at: i64) -> Instruction {
        let accounts = accounts::OfferSetExpiry {
            lister: *lister,
            bus: self.bus,
            seller: self.state::<Offer>(offer).seller,
            offer: *offer,
        };
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
        meta(accounts, instruction::OfferCancel {})
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
        meta(accounts, data)
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
        meta(accounts, data)
    }

    pub fn lock_settle(&self, buyer: &Address, lock: &Address) -> Instruction {
        let state: Lock = self.state(lock);
        let accounts =
            accounts::LockSettle { buyer: *buyer, trader: self.trader(buyer), offer: state.offer, lock: *lock };
        meta(accounts, instruction::LockSettle { nonce: self.next_nonce(buyer), lock_number: state.number })
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
        meta(accounts, instruction::LockRelease { lock_number: state.number })
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
            general: self.capacity(0),
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
