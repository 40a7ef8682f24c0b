//! A chain with the program on it, and the instructions of one bus whose windows are closed by auctions. The chain is that of
//! the other tests of the program, so after every transaction everything is compared with its events.

#![allow(clippy::missing_panics_doc, reason = "a test panics where something is wrong")]

pub use multibus_tests::{
    auction::{ORDERS_WITH_TABLE, ORDERS_WITHOUT_TABLE},
    chain::{FIRST, START, START_SLOT},
    mint,
};

use {
    anchor_lang::{InstructionData, ToAccountMetas},
    mint::{Mint, MintExtension, TokenProgram},
    multibus::{PurchaseItem, accounts, constants::*, error::MultibusError, instruction, state::*},
    multibus_tests::{TestChain, chain::Landing, invariant, replica::token_balances},
    solana_account::ReadableAccount,
    solana_address::Address,
    solana_address_lookup_table_interface::state::{AddressLookupTable, LookupTableMeta},
    solana_instruction::{AccountMeta, Instruction, error::InstructionError},
    solana_message::AddressLookupTableAccount,
    solana_sdk_ids::system_program,
    solana_transaction::versioned::VersionedTransaction,
    solana_transaction_error::TransactionError,
    std::{
        collections::BTreeMap,
        ops::{Deref, DerefMut},
    },
};

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
    pub chain: TestChain,
    /// Pays fees, mints and freezes; no part of the market.
    pub payer: Address,
    pub mint: Mint,
    pub bus: Address,
    pub creator: Address,
    /// Whether everything is checked after every transaction; large books take long.
    pub checks_books: bool,
}

impl Deref for Net {
    type Target = TestChain;
    fn deref(&self) -> &TestChain {
        &self.chain
    }
}

impl DerefMut for Net {
    fn deref_mut(&mut self) -> &mut TestChain {
        &mut self.chain
    }
}

/// Asserts that the network takes a transaction: signatures with their number, and the message.
fn fits(transaction: VersionedTransaction) -> VersionedTransaction {
    let bytes = 1 + 64 * transaction.signatures.len() + transaction.message.serialize().len();
    assert!(bytes <= 1_232, "a transaction of {bytes} bytes");
    transaction
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
        let mut chain = TestChain::new();
        let mint = chain.mint("mint", program, extensions);
        let payer = chain.fee_payer;
        let (bus, creator) = Default::default();
        let mut net = Self { chain, payer, mint, bus, creator, checks_books: true };
        let config = config(&mut net);
        net.creator = config.owners[0].owner;
        net.bus = pda(&[BUS_SEED, net.creator.as_ref(), &FIRST.to_le_bytes()]);
        let open = net.creator_open();
        let create = net.bus_create(FIRST, config);
        net.run(&[open, create]);
        net
    }

    /// Executes instructions whose accounts are in a lookup table; returns the compute units. Nothing else is checked.
    #[track_caller]
    pub fn run_with_table(&mut self, instructions: &[Instruction], table: &[Address]) -> u64 {
        let key = self.key("lookup table");
        let state = AddressLookupTable { meta: LookupTableMeta::default(), addresses: table.into() };
        let account = solana_account::Account {
            lamports: 1_000_000_000,
            data: state.serialize_for_tests().expect("a lookup table"),
            owner: solana_sdk_ids::address_lookup_table::ID,
            ..solana_account::Account::default()
        };
        self.svm.set_account(key, account).expect("an account");
        let now = self.now();
        self.go_to(now);
        let tables = [AddressLookupTableAccount { key, addresses: table.to_vec() }];
        let transaction = self.transaction(instructions, &tables);
        self.run_unchecked(transaction)
    }

    #[track_caller]
    fn run_unchecked(&mut self, transaction: VersionedTransaction) -> u64 {
        let result = self.svm.send_transaction(fits(transaction));
        self.svm.expire_blockhash();
        match result {
            Ok(meta) => meta.compute_units_consumed,
            Err(failure) => panic!("refused: {:?}\n{}", failure.err, failure.meta.logs.join("\n")),
        }
    }

    fn send(&mut self, instructions: &[Instruction]) -> Landing {
        let transaction = self.transaction(instructions, &[]);
        self.chain.send_transaction(fits(transaction))
    }

    /// Executes instructions that must succeed; returns the compute units.
    #[track_caller]
    pub fn run(&mut self, instructions: &[Instruction]) -> u64 {
        if !self.checks_books {
            let transaction = self.transaction(instructions, &[]);
            return self.run_unchecked(transaction);
        }
        match self.send(instructions) {
            Ok(meta) => meta.compute_units_consumed,
            Err(failure) => panic!("refused: {:?}\n{}", failure.err, failure.meta.logs.join("\n")),
        }
    }

    /// Asserts that the last of the instructions is refused with exactly this error, and that nothing changes.
    #[track_caller]
    pub fn refuse(&mut self, instructions: &[Instruction], error: MultibusError) {
        self.chain.assert_refused(instructions, error);
    }

    /// Executes instructions that may be refused, but only with a numbered error of the market or the token program, or because
    /// an account is not there; tells whether they were executed.
    #[track_caller]
    pub fn attempt(&mut self, instructions: &[Instruction]) -> bool {
        let before = self.program_accounts();
        match self.send(instructions) {
            Ok(_) => true,
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

    /// Tokens in an account, 0 where there is none.
    pub fn tokens(&self, account: &Address) -> u64 {
        let Some(account) = self.svm.get_account(account) else { return 0 };
        // The amount of a token account is at byte 64.
        account.data.get(64..72).map_or(0, |amount| u64::from_le_bytes(amount.try_into().expect("8 bytes")))
    }

    /// Checks what always holds of all accounts.
    pub fn check_books(&self) {
        invariant::check(&self.svm, &token_balances(&self.svm));
    }

    // token accounts

    pub fn ata_of(&self, wallet: &Address) -> Address {
        TestChain::associated_address(&self.mint, wallet)
    }

    /// The wallet's associated account with tokens.
    pub fn fund(&mut self, wallet: &Address, amount: u64) -> Address {
        let mint = self.mint;
        let account = self.chain.associated_account(&mint, wallet);
        self.chain.gift(&mint, &account, amount);
        account
    }

    /// A token account at a key, owned by `owner`.
    pub fn token_account(&mut self, name: &str, owner: &Address) -> Address {
        let mint = self.mint;
        self.chain.token_account(name, &mint, owner, 0)
    }

    pub fn become_token_account(&mut self, wallet: &Address) {
        let mint = self.mint;
        self.chain.become_token_account(&mint, wallet);
    }

    pub fn freezes(&self, account: &Address) -> Instruction {
        self.mint.freeze(account, &self.payer)
    }

    pub fn thaws(&self, account: &Address) -> Instruction {
        self.mint.thaw(account, &self.payer)
    }

    pub fn freeze(&mut self, account: &Address) {
        let mint = self.mint;
        self.chain.freeze(&mint, account);
    }

    pub fn thaw(&mut self, account: &Address) {
        let mint = self.mint;
        self.chain.thaw(&mint, account);
    }

    /// Moves all tokens away, and closes the account.
    pub fn close_account(&mut self, account: &Address, owner: &Address) {
        let mint = self.mint;
        self.chain.close_token_account(&mint, account, owner);
    }

    pub fn set_owner(&mut self, account: &Address, owner: &Address, new_owner: &Address) {
        let mint = self.mint;
        self.chain.set_token_owner(&mint, account, owner, new_owner);
    }

    /// Makes a Token-2022 account refuse transfers without a memo.
    pub fn ask_memo(&mut self, account: &Address, owner: &Address) {
        let mint = self.mint;
        self.chain.ask_memo(&mint, account, owner);
    }

    /// Sends tokens straight to an account.
    pub fn gift(&mut self, account: &Address, amount: u64) {
        let mint = self.mint;
        self.chain.gift(&mint, account, amount);
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
        self.chain.sign(key, message)
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
            let account = self.token_account(&format!("later {}", claim.wallet), &claim.wallet);
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
