//! `seller_admit`: the operator admits a seller at once. That opens its account where it has none, and ends a
//! suspension. The owners can do the same by a proposal.

use {
    super::seller_open::SellerAccounts,
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        error::MultibusError,
        state::{Bus, Ledger},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct SellerAdmit {
    /// The operator; pays the rent of a new account and gets it back.
    #[account(mut)]
    pub operator: Signer,
    pub bus: Apart<Bus>,
    /// The bus's ledger, which counts the sellers.
    #[account(mut, constraint = ledger.bus == *bus.address() @ MultibusError::LedgerMismatch)]
    pub ledger: Account<Ledger>,
    /// The wallet's seller account.
    #[account(mut)]
    pub seller: UncheckedAccount,
    /// Its vault; looked at only where the account is opened.
    #[account(mut)]
    pub vault: UncheckedAccount,
    #[account(address = bus.mint @ MultibusError::MintMismatch)]
    pub mint: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<impl Walks<SellerAdmit>>, wallet: Address) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let operator = accounts.operator.address();
    accounts.bus.validate_is_operator(operator)?;
    SellerAccounts {
        payer: accounts.operator.account(),
        bus: &accounts.bus,
        seller: accounts.seller.account(),
        vault: accounts.vault.account(),
        mint: accounts.mint.account(),
        token_program: accounts.token_program.account(),
    }
    .admit(&mut accounts.ledger, &wallet, operator)
}
