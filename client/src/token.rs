//! Settlement tokens: balances, token accounts, and mints for local networks.

use {
    crate::{
        account::Keyed,
        address,
        error::{Error, Result},
        market::{Market, Settlement},
        send::{Sent, SharedSigner},
        wallet::{Created, Wallet},
    },
    multibus::token::{MINT_LEN, SPL_TOKEN_ID, TOKEN_2022_ID},
    solana_account::Account,
    solana_address::Address,
    solana_instruction::Instruction,
    solana_keypair::Keypair,
    solana_signer::Signer,
    spl_token_2022_interface::{
        extension::{BaseStateWithExtensions, StateWithExtensions, memo_transfer::MemoTransfer},
        state,
    },
    std::sync::Arc,
};

/// Creates a wallet's associated token account; does nothing where it exists.
pub fn create_associated_token(
    payer: &Address,
    wallet: &Address,
    mint: &Address,
    token_program: &Address,
) -> Instruction {
    spl_associated_token_account_interface::instruction::create_associated_token_account_idempotent(
        payer,
        wallet,
        mint,
        token_program,
    )
}

/// Creates a mint at a new address, which must sign. For local networks and tests.
pub fn create_mint(
    payer: &Address,
    mint: &Address,
    authority: &Address,
    decimals: u8,
    token_program: &Address,
    rent_lamports: u64,
) -> Result<[Instruction; 2]> {
    validate_token_program(token_program)?;
    let create = solana_system_interface::instruction::create_account(
        payer,
        mint,
        rent_lamports,
        MINT_LEN as u64,
        token_program,
    );
    // The two token programs share the instructions of the older one.
    let mut initialize =
        spl_token_interface::instruction::initialize_mint2(&SPL_TOKEN_ID, mint, authority, None, decimals)
            .map_err(|error| Error::Invalid(format!("the mint {mint} cannot be set up ({error})")))?;
    initialize.program_id = *token_program;
    Ok([create, initialize])
}

/// Mints tokens into a token account.
pub fn mint_to(
    mint: &Address,
    token_account: &Address,
    authority: &Address,
    amount: u64,
    token_program: &Address,
) -> Result<Instruction> {
    validate_token_program(token_program)?;
    let mut instruction =
        spl_token_interface::instruction::mint_to(&SPL_TOKEN_ID, mint, token_account, authority, &[], amount)
            .map_err(|error| Error::Invalid(format!("{amount} base units of {mint} cannot be minted ({error})")))?;
    instruction.program_id = *token_program;
    Ok(instruction)
}

/// What the market needs to know of a mint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mint {
    /// Its token program: SPL Token or Token-2022.
    pub token_program: Address,
    /// Tokens that exist, in base units.
    pub supply: u64,
    /// Decimal places of a token.
    pub decimals: u8,
}

fn validate_token_program(token_program: &Address) -> Result<()> {
    if *token_program == SPL_TOKEN_ID || *token_program == TOKEN_2022_ID {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "{token_program} is not a token program; use SPL Token ({SPL_TOKEN_ID}) or Token-2022 ({TOKEN_2022_ID})"
    )))
}

impl Market {
    /// Balance of a token account, in base units.
    pub async fn token_balance(&self, token_account: &Address) -> Result<u64> {
        let accounts = self.chain().accounts(&[*token_account]).await?;
        let Some(account) = accounts.into_iter().next().flatten() else {
            return Err(Error::NotFound { kind: "token account", address: *token_account });
        };
        let refuse = |cause: String| Error::Decode { kind: "token account", address: *token_account, cause };
        validate_token_program(&account.owner).map_err(|error| refuse(error.to_string()))?;
        // The newer token program reads the accounts of both.
        match StateWithExtensions::<state::Account>::unpack(&account.data) {
            Ok(read) => Ok(read.base.amount),
            Err(error) => Err(refuse(format!("{error}, in {} bytes", account.data.len()))),
        }
    }

    /// Whether the program would pay a wallet into a token account now: it exists, is the wallet's, of the settlement mint,
    /// not frozen, and asks for no memo.
    pub async fn is_payable(&self, token_account: &Address, wallet: &Address, settlement: &Settlement) -> Result<bool> {
        let accounts = self.chain().accounts(&[*token_account]).await?;
        Ok(accounts.into_iter().flatten().any(|account| settlement.pays(&account, wallet)))
    }

    /// A mint.
    pub async fn mint(&self, mint: &Address) -> Result<Keyed<Mint>> {
        let accounts = self.chain().accounts(&[*mint]).await?;
        let Some(account) = accounts.into_iter().next().flatten() else {
            return Err(Error::NotFound { kind: "mint", address: *mint });
        };
        let refuse = |cause: String| Error::Decode { kind: "mint", address: *mint, cause };
        validate_token_program(&account.owner).map_err(|error| refuse(error.to_string()))?;
        match StateWithExtensions::<state::Mint>::unpack(&account.data) {
            Ok(StateWithExtensions { base: state::Mint { supply, decimals, .. }, .. }) => {
                Ok(Keyed { address: *mint, account: Mint { token_program: account.owner, supply, decimals } })
            }
            Err(error) => Err(refuse(format!("{error}, in {} bytes", account.data.len()))),
        }
    }

    /// Token program of a mint.
    pub async fn token_program_of(&self, mint: &Address) -> Result<Address> {
        Ok(self.mint(mint).await?.token_program)
    }
}

impl Settlement {
    /// Whether the program would pay a wallet into this token account now.
    pub(crate) fn pays(&self, account: &Account, wallet: &Address) -> bool {
        if account.owner != self.token_program {
            return false;
        }
        let Ok(read) = StateWithExtensions::<state::Account>::unpack(&account.data) else { return false };
        let asks_memo =
            read.get_extension::<MemoTransfer>().is_ok_and(|memo| bool::from(memo.require_incoming_transfer_memos));
        let base = read.base;
        base.mint == self.mint && base.owner == *wallet && base.state == state::AccountState::Initialized && !asks_memo
    }

    /// A wallet's associated token account of the settlement mint.
    pub fn token_account(&self, wallet: &Address) -> Address {
        address::associated_token(wallet, &self.mint, &self.token_program)
    }

    /// Creates that account; does nothing where it exists.
    pub fn create_token_account(&self, payer: &Address, wallet: &Address) -> Instruction {
        create_associated_token(payer, wallet, &self.mint, &self.token_program)
    }
}

impl Wallet {
    /// If a token program refused because the paying account does not exist, the error says so.
    pub(crate) async fn explain_payment(&self, error: Error, bus: &Address, payment: Option<Address>) -> Error {
        let Error::Program(failure) = &error else { return error };
        if failure.program.is_none_or(|program| validate_token_program(&program).is_err()) {
            return error;
        }
        let Ok(settlement) = self.market().settlement(bus).await else { return error };
        let payment = payment.unwrap_or_else(|| settlement.token_account(&self.address()));
        match self.chain().accounts(&[payment]).await.as_deref() {
            Ok([None]) => Error::Invalid(format!(
                "there is no token account {payment} to pay from; get tokens of the settlement mint {} for the wallet {}",
                settlement.mint,
                self.address()
            )),
            _ => error,
        }
    }

    /// Creates a mint whose authority is this wallet.
    pub async fn mint_create(&self, decimals: u8, token_program: &Address) -> Result<Created> {
        let keypair = Arc::new(Keypair::new());
        let mint = keypair.pubkey();
        let rent = self.chain().minimum_rent(MINT_LEN).await?;
        let instructions = create_mint(&self.address(), &mint, &self.address(), decimals, token_program, rent)?;
        let keypair: SharedSigner = keypair;
        let sent = self.send_with(&[keypair], &instructions, &[]).await?;
        Ok(Created { address: mint, sent })
    }

    /// Mints tokens to a wallet's associated token account, which is created where it is missing.
    pub async fn mint_to(&self, mint: &Address, wallet: &Address, amount: u64) -> Result<Sent> {
        let token_program = self.market().token_program_of(mint).await?;
        let token_account = address::associated_token(wallet, mint, &token_program);
        let create = create_associated_token(&self.address(), wallet, mint, &token_program);
        let mint_to = mint_to(mint, &token_account, &self.address(), amount, &token_program)?;
        self.send(&[create, mint_to]).await
    }
}
