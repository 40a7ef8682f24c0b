//! A simulated chain with the program on it, which checks the market after every transaction.

use {
    crate::{
        account, attack, elf, event, invariant,
        key::keypair,
        mint::{Mint, MintExtension, TokenProgram},
        play::coverage::Coverage,
        refusal::{self, Refusal},
        replica::{self, Replica, Sent, TokenBalance},
    },
    anchor_lang::Discriminator,
    litesvm::{
        LiteSVM,
        types::{FailedTransactionMetadata, TransactionMetadata},
    },
    solana_account::Account,
    solana_address::Address,
    solana_address_lookup_table_interface::state::AddressLookupTable,
    solana_clock::Clock,
    solana_instruction::Instruction,
    solana_keypair::Keypair,
    solana_message::{AddressLookupTableAccount, VersionedMessage, inner_instruction::InnerInstructionsList, v0},
    solana_signer::Signer,
    solana_transaction::versioned::VersionedTransaction,
    solana_transaction_error::TransactionError,
    spl_associated_token_account_interface::{
        address::get_associated_token_address_with_program_id, instruction::create_associated_token_account_idempotent,
    },
    std::{
        cell::RefCell,
        collections::{BTreeMap, BTreeSet},
        iter,
        sync::OnceLock,
    },
};

/// The time at which every chain begins: 2026-06-01 12:00:00 UTC, in unix seconds.
pub const START: i64 = 1_780_315_200;
/// The slot in which every chain begins.
pub const START_SLOT: u64 = 300_000_000;
/// First number of every counter that is opened in the first slot.
pub const FIRST: u64 = START_SLOT << multibus::constants::COUNTER_SLOT_SHIFT;

/// What became of a transaction.
pub type Landing = Result<TransactionMetadata, Box<FailedTransactionMetadata>>;

/// A chain with the program on it.
pub struct TestChain {
    pub svm: LiteSVM,
    pub replica: Replica,
    /// Pays the transaction fees, mints and freezes. It takes no part in the market.
    pub fee_payer: Address,
    /// The keys of everyone who can sign, by address.
    keys: BTreeMap<Address, Keypair>,
}

impl Default for TestChain {
    fn default() -> Self {
        Self::new()
    }
}

thread_local! {
    static TRACE: RefCell<Option<Coverage>> = const { RefCell::new(None) };
}

impl TestChain {
    /// Traces all chains that this thread makes from now on.
    pub fn trace(coverage: &Coverage) {
        TRACE.set(Some(coverage.clone()));
    }

    /// A chain at [`START`] with the program on it, its authority and nothing else.
    pub fn new() -> Self {
        if let Some(traced) = TRACE.with_borrow(|trace| trace.as_ref().map(Coverage::chain)) {
            return Self::on(traced);
        }
        static CHAIN: OnceLock<LiteSVM> = OnceLock::new();
        let svm = CHAIN.get_or_init(|| {
            let mut svm = LiteSVM::new();
            svm.add_program(multibus::ID, elf::program())
                .unwrap_or_else(|error| panic!("the program at {} does not load: {error}", elf::path().display()));
            svm
        });
        Self::on(svm.clone())
    }

    /// The same on a simulated chain that has the program already.
    pub fn on(svm: LiteSVM) -> Self {
        let mut chain = Self { svm, replica: Replica::default(), fee_payer: Address::default(), keys: BTreeMap::new() };
        chain.set_clock(START, START_SLOT);
        chain.fee_payer = chain.wallet("fee payer");
        chain.fund(&chain.fee_payer.clone(), 1_000_000_000_000);
        chain
    }

    /// The address of a name. The chain keeps its key, to sign with.
    pub fn key(&mut self, name: &str) -> Address {
        let key = keypair(name);
        let address = key.pubkey();
        self.keys.insert(address, key);
        address
    }

    /// The signature of a key that the chain has, over a message.
    ///
    /// # Panics
    /// Where the chain has no such key.
    pub fn sign(&self, key: &Address, message: &[u8]) -> [u8; 64] {
        *self.keys[key].sign_message(message).as_array()
    }

    /// A wallet of a name, with 10 SOL.
    pub fn wallet(&mut self, name: &str) -> Address {
        let wallet = self.key(name);
        self.fund(&wallet, 10_000_000_000);
        wallet
    }

    /// Sets a wallet's lamports.
    pub fn fund(&mut self, address: &Address, lamports: u64) {
        self.svm.set_account(*address, Account { lamports, ..Account::default() }).expect("a wallet");
    }

    /// Now, in unix seconds.
    pub fn now(&self) -> i64 {
        self.svm.get_sysvar::<Clock>().unix_timestamp
    }

    /// The present slot.
    pub fn slot(&self) -> u64 {
        self.svm.get_sysvar::<Clock>().slot
    }

    /// Sets the clock.
    pub fn set_clock(&mut self, unix_timestamp: i64, slot: u64) {
        let mut clock = self.svm.get_sysvar::<Clock>();
        clock.unix_timestamp = unix_timestamp;
        clock.slot = slot;
        self.svm.set_sysvar(&clock);
    }

    /// Lets seconds pass, with two slots in each second, and one slot at least.
    pub fn pass(&mut self, seconds: i64) {
        let slots = (2 * seconds).max(1).cast_unsigned();
        self.set_clock(self.now() + seconds, self.slot() + slots);
    }

    /// Goes to a time, later or earlier, in the next slot.
    pub fn go_to(&mut self, unix_timestamp: i64) {
        self.set_clock(unix_timestamp, self.slot() + 1);
    }

    /// An account.
    ///
    /// # Panics
    /// Where there is none.
    pub fn account(&self, address: &Address) -> Account {
        self.svm.get_account(address).unwrap_or_else(|| panic!("there is no account {address}"))
    }

    /// Whether an account exists.
    pub fn exists(&self, address: &Address) -> bool {
        self.svm.get_account(address).is_some_and(|account| account.lamports > 0)
    }

    /// Lamports of an account, 0 where there is none.
    pub fn lamports(&self, address: &Address) -> u64 {
        self.svm.get_account(address).map_or(0, |account| account.lamports)
    }

    /// An account of the program, decoded.
    pub fn state<T: Discriminator + bytemuck::AnyBitPattern>(&self, address: &Address) -> T {
        account::decode(&self.account(address))
    }

    /// Changes an account of the program directly, for states that no instruction makes.
    pub fn edit<T: Discriminator + bytemuck::Pod>(&mut self, address: &Address, change: impl FnOnce(&mut T)) {
        let mut account = self.account(address);
        let mut state: T = account::decode(&account);
        change(&mut state);
        account.data[8..].copy_from_slice(bytemuck::bytes_of(&state));
        self.svm.set_account(*address, account).expect("an account");
    }

    /// Changes an account that counts something directly, and tells the replica, so that what follows can land.
    pub fn edit_counter<T: Discriminator + bytemuck::Pod>(&mut self, address: &Address, change: impl FnOnce(&mut T)) {
        self.edit(address, change);
        self.replica.take_over(*address, &self.account(address));
    }

    /// Every account of a kind.
    pub fn all<T: Discriminator + bytemuck::AnyBitPattern>(&self) -> Vec<(Address, T)> {
        account::all(&self.svm)
    }

    /// Tokens in a token account.
    pub fn tokens(&self, account: &Address) -> u64 {
        self.token_balance(account).amount
    }

    /// Tokens in a token account, 0 where there is none.
    pub fn token_amount(&self, account: &Address) -> u64 {
        replica::token_balances(&self.svm).get(account).map_or(0, |balance| balance.amount)
    }

    /// A token account.
    pub fn token_balance(&self, account: &Address) -> TokenBalance {
        *replica::token_balances(&self.svm).get(account).unwrap_or_else(|| panic!("no token account {account}"))
    }

    /// A transaction of these instructions, with the signatures that they ask for.
    ///
    /// # Panics
    /// Where the transaction is too large, or the chain has no key of a signer.
    pub fn transaction(
        &self,
        instructions: &[Instruction],
        tables: &[AddressLookupTableAccount],
    ) -> VersionedTransaction {
        let message = v0::Message::try_compile(&self.fee_payer, instructions, tables, self.svm.latest_blockhash())
            .expect("a message");
        let count = message.header.num_required_signatures as usize;
        let signers: Vec<&Keypair> = message.account_keys[..count]
            .iter()
            .map(|key| self.keys.get(key).unwrap_or_else(|| panic!("the chain has no key of the signer {key}")))
            .collect();
        VersionedTransaction::try_new(VersionedMessage::V0(message), &signers).expect("all signers")
    }

    /// The chain as it is, to go back to.
    pub fn snapshot(&self) -> (LiteSVM, Replica) {
        (self.svm.clone(), self.replica.clone())
    }

    /// Goes back to what the chain was.
    pub fn restore(&mut self, (svm, replica): (LiteSVM, Replica)) {
        (self.svm, self.replica) = (svm, replica);
    }

    /// Executes instructions in one transaction, and checks everything where it lands.
    pub fn send(&mut self, instructions: &[Instruction]) -> Landing {
        self.send_transaction(self.transaction(instructions, &[]))
    }

    /// Executes a transaction, and checks everything where it lands.
    pub fn send_transaction(&mut self, transaction: VersionedTransaction) -> Landing {
        let before = replica::token_balances(&self.svm);
        let landed = self.svm.send_transaction(transaction.clone());
        self.svm.expire_blockhash();
        if let Ok(meta) = &landed {
            let events: Vec<_> = event::logged(&meta.logs).iter().map(|bytes| event::decode(bytes)).collect();
            let after = replica::token_balances(&self.svm);
            let now = self.now();
            let sent = self.sent(&transaction.message, &meta.inner_instructions);
            self.replica.follow(&events, &sent, &before, &after, now);
            self.replica.check(&self.svm, &after);
            invariant::check(&self.svm, &after);
            for at in 0..transaction.message.instructions().len() {
                attack::saw(&transaction, at, None);
            }
        }
        landed.map_err(Box::new)
    }

    /// The instructions of the market in a transaction, also those that other programs called, with the addresses of their
    /// accounts. `called` has what each instruction of the transaction called.
    fn sent<'a>(&self, message: &'a VersionedMessage, called: &'a InnerInstructionsList) -> Vec<Sent<'a>> {
        let mut keys = message.static_account_keys().to_vec();
        let lookups = message.address_table_lookups().unwrap_or_default();
        let in_table = |table: &Address, place: &u8| {
            let data = self.account(table).data;
            AddressLookupTable::deserialize(&data).expect("a lookup table").addresses[*place as usize]
        };
        // First what is written, of all tables, then the rest.
        keys.extend(
            lookups.iter().flat_map(|of| of.writable_indexes.iter().map(|place| in_table(&of.account_key, place))),
        );
        keys.extend(
            lookups.iter().flat_map(|of| of.readonly_indexes.iter().map(|place| in_table(&of.account_key, place))),
        );
        let all = message.instructions().iter().zip(called);
        let all = all.flat_map(|(one, called)| iter::once(one).chain(called.iter().map(|inner| &inner.instruction)));
        let of_market = all.filter(|one| keys[one.program_id_index as usize] == multibus::ID);
        of_market
            .map(|one| Sent {
                data: &one.data,
                accounts: one.accounts.iter().map(|place| keys[*place as usize]).collect(),
            })
            .collect()
    }

    /// Executes instructions that must succeed.
    pub fn execute(&mut self, instructions: &[Instruction]) -> TransactionMetadata {
        match self.send(instructions) {
            Ok(meta) => meta,
            Err(failure) => panic!("refused: {:?}\n{}", failure.err, failure.meta.logs.join("\n")),
        }
    }

    /// Executes instructions of the token and system programs around the market: minting, freezing, gifts.
    pub fn arrange(&mut self, instructions: &[Instruction]) {
        let before = replica::token_balances(&self.svm);
        let transaction = self.transaction(instructions, &[]);
        if let Err(failure) = self.svm.send_transaction(transaction) {
            panic!("refused: {:?}\n{}", failure.err, failure.meta.logs.join("\n"));
        }
        self.svm.expire_blockhash();
        for (account, balance) in replica::token_balances(&self.svm) {
            let was = before.get(&account).map_or(0, |balance| balance.amount);
            let of_a_bus = self.svm.get_account(&balance.owner).is_some_and(|account| account.owner == multibus::ID);
            if balance.amount > was && of_a_bus {
                *self.replica.gifts.entry(account).or_default() += (balance.amount - was) as u128;
            }
        }
    }

    /// Asserts that the last of the instructions is refused, with exactly this error, and changes nothing.
    pub fn assert_refused(
        &mut self,
        instructions: &[Instruction],
        refusal: impl Into<Refusal>,
    ) -> FailedTransactionMetadata {
        self.assert_refused_at(instructions.len() - 1, instructions, refusal)
    }

    /// Asserts that the instruction at an index is refused, with exactly this error, and changes nothing.
    pub fn assert_refused_at(
        &mut self,
        index: usize,
        instructions: &[Instruction],
        refusal: impl Into<Refusal>,
    ) -> FailedTransactionMetadata {
        let transaction = self.transaction(instructions, &[]);
        self.assert_transaction_refused(transaction, index, refusal)
    }

    /// Asserts that an instruction of a transaction is refused, with exactly this error, and changes nothing.
    pub fn assert_transaction_refused(
        &mut self,
        transaction: VersionedTransaction,
        index: usize,
        refusal: impl Into<Refusal>,
    ) -> FailedTransactionMetadata {
        let refusal = refusal.into();
        let before = self.svm.clone();
        let failure = match self.svm.send_transaction(transaction.clone()) {
            Ok(meta) => panic!("accepted, not refused with {refusal:?}\n{}", meta.logs.join("\n")),
            Err(failure) => failure,
        };
        self.svm.expire_blockhash();
        let expected = matches!(
            &failure.err,
            TransactionError::InstructionError(at, error) if *at as usize == index && refusal.covers(error)
        );
        assert!(
            expected,
            "expected {refusal:?} of instruction {index}, not {:?}\n{}",
            failure.err,
            failure.meta.logs.join("\n")
        );
        self.assert_unchanged(&before, failure.meta.fee);
        attack::saw(&transaction, index, Some(refusal.name()));
        refusal::saw(&refusal);
        failure
    }

    /// Asserts that nothing changed but the fee payer's lamports, by the fee.
    fn assert_unchanged(&self, before: &LiteSVM, fee: u64) {
        let (before, after) = (&before.accounts_db().inner, &self.svm.accounts_db().inner);
        let payer = self.fee_payer;
        for address in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let (was, is) = (before.get(address), after.get(address));
            if solana_sdk_ids::sysvar::recent_blockhashes::check_id(address) {
                continue;
            }
            if *address == payer {
                let lamports = |account: Option<&solana_account::AccountSharedData>| {
                    account.map_or(0, solana_account::ReadableAccount::lamports)
                };
                assert_eq!(lamports(is) + fee, lamports(was), "the fee payer pays the fee");
                continue;
            }
            assert_eq!(was, is, "a refused transaction changes nothing, but it changed {address}");
        }
    }

    /// A mint of a name.
    pub fn mint(&mut self, name: &str, program: TokenProgram, extensions: &[MintExtension]) -> Mint {
        let mint = Mint { address: self.key(name), program, decimals: 6 };
        let authority = self.fee_payer;
        let space = Mint::space(program, extensions);
        let lamports = self.svm.minimum_balance_for_rent_exemption(space);
        let mut instructions = vec![solana_system_interface::instruction::create_account(
            &authority,
            &mint.address,
            lamports,
            space as u64,
            &program.address(),
        )];
        instructions.extend(extensions.iter().map(|extension| extension.initialize(&mint.address, &authority)));
        instructions.push(mint.initialize(&authority));
        self.arrange(&instructions);
        mint
    }

    /// Address of the associated token account of a wallet.
    pub fn associated_address(mint: &Mint, owner: &Address) -> Address {
        get_associated_token_address_with_program_id(owner, &mint.address, &mint.program.address())
    }

    /// The associated token account of a wallet, made by its program where it is not open.
    pub fn associated_account(&mut self, mint: &Mint, owner: &Address) -> Address {
        let (payer, program) = (self.fee_payer, mint.program.address());
        self.arrange(&[create_associated_token_account_idempotent(&payer, owner, &mint.address, &program)]);
        Self::associated_address(mint, owner)
    }

    /// A token account of a name, with tokens.
    pub fn token_account(&mut self, name: &str, mint: &Mint, owner: &Address, amount: u64) -> Address {
        let account = self.key(name);
        let payer = self.fee_payer;
        // Token-2022 accounts can need more room, which their mint tells; none of the mints here does.
        let space = 165;
        let mut instructions = vec![
            solana_system_interface::instruction::create_account(
                &payer,
                &account,
                self.svm.minimum_balance_for_rent_exemption(space),
                space as u64,
                &mint.program.address(),
            ),
            mint.initialize_account(&account, owner),
        ];
        if amount > 0 {
            instructions.extend(mint.fund(&account, &payer, amount));
        }
        self.arrange(&instructions);
        account
    }

    /// Sends new tokens to an account.
    pub fn gift(&mut self, mint: &Mint, account: &Address, amount: u64) {
        let authority = self.fee_payer;
        self.arrange(&mint.fund(account, &authority, amount));
    }

    /// The mint of wrapped SOL of a token program.
    pub fn native_mint(&mut self, program: TokenProgram) -> Mint {
        let mint = Mint { address: Mint::native(program), program, decimals: 9 };
        let mut data = vec![0; Mint::space(program, &[])];
        (data[44], data[45]) = (mint.decimals, 1);
        let lamports = self.svm.minimum_balance_for_rent_exemption(data.len());
        let account = Account { lamports, data, owner: program.address(), ..Account::default() };
        self.svm.set_account(mint.address, account).expect("a mint");
        mint
    }

    /// The mint's issuer freezes an account.
    pub fn freeze(&mut self, mint: &Mint, account: &Address) {
        let authority = self.fee_payer;
        self.arrange(&[mint.freeze(account, &authority)]);
    }

    /// Whether the mint's issuer has frozen a token account.
    pub fn is_frozen(&self, account: &Address) -> bool {
        // Byte 108 of a token account is its state, and 2 is frozen.
        self.account(account).data[108] == 2
    }

    /// The mint's issuer takes a freeze back.
    pub fn thaw(&mut self, mint: &Mint, account: &Address) {
        let authority = self.fee_payer;
        self.arrange(&[mint.thaw(account, &authority)]);
    }

    /// Moves all tokens of an account to the fee payer, and closes it.
    pub fn close_token_account(&mut self, mint: &Mint, account: &Address, owner: &Address) {
        let fee_payer = self.fee_payer;
        let sink = self.associated_account(mint, &fee_payer);
        let amount = self.tokens(account);
        self.arrange(&[mint.transfer(account, &sink, owner, amount), mint.close_account(account, &fee_payer, owner)]);
    }

    /// Gives a token account to another owner.
    pub fn set_token_owner(&mut self, mint: &Mint, account: &Address, owner: &Address, new_owner: &Address) {
        self.arrange(&[mint.set_owner(account, owner, new_owner)]);
    }

    /// Makes an account of Token-2022 refuse transfers without a memo.
    pub fn ask_memo(&mut self, mint: &Mint, account: &Address, owner: &Address) {
        let payer = self.fee_payer;
        self.arrange(&mint.ask_memo(account, owner, &payer));
    }

    /// A wallet becomes a token account that it owns itself.
    pub fn become_token_account(&mut self, mint: &Mint, wallet: &Address) {
        let rent = self.svm.minimum_balance_for_rent_exemption(165);
        let (spare, fee_payer) = (self.lamports(wallet) - rent, self.fee_payer);
        self.arrange(&[
            solana_system_interface::instruction::transfer(wallet, &fee_payer, spare),
            solana_system_interface::instruction::allocate(wallet, 165),
            solana_system_interface::instruction::assign(wallet, &mint.program.address()),
            mint.initialize_account(wallet, wallet),
        ]);
    }
}
