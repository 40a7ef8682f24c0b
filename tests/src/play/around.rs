//! What happens around the market: tokens that are given, frozen, delegated, burned or handed on, accounts that are
//! closed and made anew, and lamports that are sent. Each move returns its name where it had an effect.

use {
    super::{
        game::Game,
        script::*,
        setup::{NATIVE, give},
    },
    crate::mint::{Mint, TokenProgram},
    multibus_model::ModelTokens,
    solana_address::Address,
    solana_instruction::Instruction,
    spl_associated_token_account_interface::instruction as associated,
    spl_token_2022_interface::{extension::memo_transfer, instruction as token_2022},
};

/// What a move around the market is called, where it had an effect.
pub(super) type Move = Option<&'static str>;

/// Every move, and what a game counts as one: an instruction that lands with an account in two places.
pub const HOSTILE_MOVES: [&str; 22] = [
    "ask for memos",
    "ask for no memos",
    "close",
    "delegate",
    "freeze",
    "freeze a treasury",
    "freeze a vault",
    "freeze an escrow account",
    "freeze an unclaimed account",
    "gift",
    "gift to a treasury",
    "gift to a vault",
    "gift to an escrow account",
    "gift to an unclaimed account",
    "make a token account's key a wallet",
    "make a wallet a token account",
    "open",
    "pass an account in two places",
    "prefund an address",
    "re-own",
    "send lamports",
    "thaw",
];

/// Tokens in an account that a party makes anew.
const NEW_TOKENS: u64 = 1_000_000_000;

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

    /// A token account with its mint, where somebody has the key of its owner.
    fn kept_by_somebody(&self, account: AccountRef) -> Option<(Address, Mint, Address)> {
        let address = self.address(account);
        let mint = self.mint_of(&address)?;
        let owner = self.model.tokens[&address].owner;
        let has_key = self.who(&owner).is_some_and(|who| wallet_bus(who).is_none());
        has_key.then_some((address, mint, owner))
    }

    fn tokens_mut(&mut self, account: &Address) -> &mut ModelTokens {
        self.model.tokens.get_mut(account).expect("a known token account")
    }

    /// Gives tokens to an account.
    pub(super) fn gift(&mut self, account: AccountRef, amount: u64) -> Move {
        let address = self.address(account);
        if let (AccountRef::Stray(bus, mint), false) = (account, self.model.tokens.contains_key(&address)) {
            self.make_stray(bus, mint % NATIVE, &address);
        }
        let mint = self.mint_of(&address)?;
        let instructions = give(&mint, &self.fee_payer.clone(), &address, amount);
        if !self.send_around(&instructions) {
            return None;
        }
        self.sync_lamports(&address);
        let tokens = &self.model.tokens[&address];
        // What was sent to wrapped SOL without a word before counts now.
        let given = match tokens.native_reserve {
            Some(reserve) => self.model.lamports_of(&address) - reserve - tokens.amount,
            None => amount,
        };
        self.tokens_mut(&address).amount += given;
        *self.model.supply.entry(mint.address).or_default() += given as u128;
        if let Some(gifts) = self.model.gifts.get_mut(&address) {
            *gifts += given as i128;
        }
        Some(match account {
            AccountRef::Vault(..) => "gift to a vault",
            AccountRef::Treasury(_) => "gift to a treasury",
            AccountRef::Unclaimed(_) => "gift to an unclaimed account",
            AccountRef::EscrowAt(_) => "gift to an escrow account",
            _ => "gift",
        })
    }

    /// Makes a token account that belongs to a bus, but is none of the market's.
    fn make_stray(&mut self, bus: u8, mint: u8, account: &Address) {
        let owner = self.address(AccountRef::BusAt(bus));
        self.make_tokens(mint, account, &owner);
    }

    /// Makes a token account at an address that has a key.
    pub(super) fn make_tokens(&mut self, mint: u8, account: &Address, owner: &Address) -> bool {
        let of = self.mints[mint as usize];
        let rent = self.svm.minimum_balance_for_rent_exemption(165);
        let held = self.svm.get_balance(account).unwrap_or(0);
        let program = of.program.address();
        let instructions = if held == 0 {
            vec![solana_system_interface::instruction::create_account(&self.fee_payer, account, rent, 165, &program)]
        } else {
            // A wallet becomes a token account.
            vec![
                solana_system_interface::instruction::transfer(&self.fee_payer, account, rent.saturating_sub(held)),
                solana_system_interface::instruction::allocate(account, 165),
                solana_system_interface::instruction::assign(account, &program),
            ]
        };
        let made = [instructions, vec![of.initialize_account(account, owner)]].concat();
        let landed = self.send_around(&made);
        if landed {
            self.learn_tokens(account);
        }
        landed
    }

    /// Freezes or thaws a token account.
    pub(super) fn set_frozen(&mut self, account: AccountRef, frozen: bool) -> Move {
        let address = self.address(account);
        let mint = self.mint_of(&address)?;
        let authority = self.fee_payer;
        let change = if frozen { mint.freeze(&address, &authority) } else { mint.thaw(&address, &authority) };
        if !self.send_around(&[change]) {
            return None;
        }
        self.tokens_mut(&address).frozen = frozen;
        Some(match (account, frozen) {
            (_, false) => "thaw",
            (AccountRef::Vault(..), _) => "freeze a vault",
            (AccountRef::Treasury(_), _) => "freeze a treasury",
            (AccountRef::Unclaimed(_), _) => "freeze an unclaimed account",
            (AccountRef::EscrowAt(_), _) => "freeze an escrow account",
            _ => "freeze",
        })
    }

    /// Lets a wallet move tokens of another's account.
    pub(super) fn delegate(&mut self, account: AccountRef, to: u8, amount: u64) -> Move {
        let to = self.address(AccountRef::Wallet(to));
        let (address, mint, owner) = self.kept_by_somebody(account)?;
        let approve = token_2022::approve(&mint.program.address(), &address, &to, &owner, &[], amount);
        if !self.send_around(&[approve.expect("an instruction")]) {
            return None;
        }
        self.tokens_mut(&address).delegate = Some((to, amount));
        Some("delegate")
    }

    /// Burns what an account holds, and closes it.
    pub(super) fn close_tokens(&mut self, account: AccountRef) -> Move {
        let (address, mint, owner) = self.kept_by_somebody(account)?;
        let tokens = self.model.tokens[&address].clone();
        let mut instructions = Vec::new();
        if tokens.native_reserve.is_none() && tokens.amount > 0 {
            let program = mint.program.address();
            let burn = token_2022::burn(&program, &address, &mint.address, &owner, &[], tokens.amount);
            instructions.push(burn.expect("an instruction"));
        }
        let destination = if owner == address { self.fee_payer } else { owner };
        instructions.push(mint.close_account(&address, &destination, &owner));
        if !self.send_around(&instructions) {
            return None;
        }
        self.model.tokens.remove(&address);
        *self.model.supply.get_mut(&mint.address).expect("a known mint") -= tokens.amount as u128;
        self.sync_lamports(&address);
        if destination == owner {
            self.sync_lamports(&owner);
        }
        Some("close")
    }

    /// Makes a party's token account anew.
    pub(super) fn open_tokens(&mut self, account: AccountRef, owner: u8) -> Move {
        let AccountRef::Tokens(party, mint, which) = account else { return None };
        let address = self.address(account);
        if self.model.tokens.contains_key(&address) || mint > NATIVE {
            return None;
        }
        let (payer, of) = (self.fee_payer, self.mints[mint as usize]);
        let was_wallet = self.svm.get_balance(&address).unwrap_or(0) > 0;
        let made = if which == 0 {
            let wallet = self.address(AccountRef::Wallet(party));
            let create =
                associated::create_associated_token_account(&payer, &wallet, &of.address, &of.program.address());
            let landed = self.send_around(&[create]);
            if landed {
                self.learn_tokens(&address);
            }
            landed
        } else {
            let owner = self.address(AccountRef::Wallet(owner));
            self.make_tokens(mint, &address, &owner)
        };
        if !made {
            return None;
        }
        self.gift(account, NEW_TOKENS);
        Some(if was_wallet { "make a wallet a token account" } else { "open" })
    }

    /// Gives an account to another wallet.
    pub(super) fn reown(&mut self, account: AccountRef, to: u8) -> Move {
        let to = self.address(AccountRef::Wallet(to));
        let (address, mint, owner) = self.kept_by_somebody(account)?;
        if !self.send_around(&[mint.set_owner(&address, &owner, &to)]) {
            return None;
        }
        let tokens = self.tokens_mut(&address);
        (tokens.owner, tokens.delegate) = (to, None);
        Some("re-own")
    }

    /// Asks for a memo with every payment into an account, or no more.
    pub(super) fn ask_memo(&mut self, account: AccountRef, asks: bool) -> Move {
        let (address, mint, owner) = self.kept_by_somebody(account)?;
        if mint.program != TokenProgram::Token2022 {
            return None;
        }
        let program = mint.program.address();
        let instructions = if asks {
            mint.ask_memo(&address, &owner, &self.fee_payer.clone()).to_vec()
        } else {
            let stop = memo_transfer::instruction::disable_required_transfer_memos(&program, &address, &owner, &[]);
            vec![stop.expect("an instruction")]
        };
        if !self.send_around(&instructions) {
            return None;
        }
        self.sync_lamports(&address);
        self.tokens_mut(&address).asks_memo = asks;
        Some(if asks { "ask for memos" } else { "ask for no memos" })
    }

    /// Sends lamports to an address.
    pub(super) fn fund(&mut self, account: AccountRef, lamports: u64) -> Move {
        let to = self.address(account);
        let transfer = solana_system_interface::instruction::transfer(&self.fee_payer, &to, lamports);
        let is_new = self.svm.get_balance(&to).unwrap_or(0) == 0;
        if !self.send_around(&[transfer]) {
            return None;
        }
        self.sync_lamports(&to);
        Some(match account {
            AccountRef::Wallet(who) if doubled(who).is_some() && is_new => "make a token account's key a wallet",
            _ if is_new => "prefund an address",
            _ => "send lamports",
        })
    }
}
