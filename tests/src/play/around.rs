//! What happens around the market: tokens that are given, frozen or delegated, and lamports that are sent.

use {
    super::{game::Game, script::AccountRef},
    crate::mint::Mint,
    solana_address::Address,
    solana_instruction::Instruction,
    spl_token_2022_interface::instruction as token_2022,
};

impl Game {
    /// Sends instructions that are not the market's; tells whether they landed.
    fn send_around(&mut self, instructions: &[Instruction]) -> bool {
        let transaction = self.transaction(instructions);
        self.svm.send_transaction(transaction).is_ok()
    }

    /// The mint of a token account, where the model knows the account.
    fn mint_of(&self, account: &Address) -> Option<Mint> {
        let mint = self.model.tokens.get(account)?.mint;
        self.mints.iter().find(|known| known.address == mint).copied()
    }

    /// Mints tokens into an account.
    pub(super) fn gift(&mut self, account: AccountRef, amount: u64) {
        let address = self.address(account);
        if let (AccountRef::Stray(bus, mint), false) = (account, self.model.tokens.contains_key(&address)) {
            self.make_stray(bus, mint % 2, &address);
        }
        let Some(mint) = self.mint_of(&address) else { return };
        if self.send_around(&[mint.mint_to(&address, &self.fee_payer.clone(), amount)]) {
            self.model.tokens.get_mut(&address).expect("found above").amount += amount;
            *self.model.supply.entry(mint.address).or_default() += amount as u128;
            if self.model.buses.values().any(|bus| bus.escrow == address) {
                *self.model.gifts.entry(address).or_default() += amount as u128;
            }
        }
    }

    /// Makes a token account that belongs to a bus, but is neither its escrow nor its treasury.
    fn make_stray(&mut self, bus: u8, mint: u8, account: &Address) {
        let owner = self.address(AccountRef::BusAt(bus));
        let of = self.mints[mint as usize];
        let lamports = self.svm.minimum_balance_for_rent_exemption(165);
        let create = solana_system_interface::instruction::create_account(
            &self.fee_payer,
            account,
            lamports,
            165,
            &of.program.address(),
        );
        if self.send_around(&[create, of.initialize_account(account, &owner)]) {
            self.add_tokens(account, mint, &owner, 0);
        }
    }

    /// Freezes or thaws a token account.
    pub(super) fn set_frozen(&mut self, account: AccountRef, frozen: bool) {
        let account = self.address(account);
        let Some(mint) = self.mint_of(&account) else { return };
        let (program, authority) = (mint.program.address(), self.fee_payer);
        let change = if frozen { token_2022::freeze_account } else { token_2022::thaw_account };
        let change = change(&program, &account, &mint.address, &authority, &[]).expect("an instruction");
        if self.send_around(&[change]) {
            self.model.tokens.get_mut(&account).expect("found above").frozen = frozen;
        }
    }

    /// Lets a party move tokens of another party's account.
    pub(super) fn delegate(&mut self, account: AccountRef, to: u8, amount: u64) {
        let (address, to) = (self.address(account), self.address(AccountRef::Wallet(to)));
        let (Some(mint), AccountRef::Tokens(party, ..)) = (self.mint_of(&address), account) else { return };
        let owner = self.address(AccountRef::Wallet(party));
        let approve = token_2022::approve(&mint.program.address(), &address, &to, &owner, &[], amount);
        if self.send_around(&[approve.expect("an instruction")]) {
            self.model.tokens.get_mut(&address).expect("found above").delegate = Some((to, amount));
        }
    }

    /// Sends lamports to an address.
    pub(super) fn fund(&mut self, account: AccountRef, lamports: u64) {
        let to = self.address(account);
        let transfer = solana_system_interface::instruction::transfer(&self.fee_payer, &to, lamports);
        if self.send_around(&[transfer]) {
            self.add_lamports(&to, lamports);
        }
    }
}
