//! `session_withdraw`: the driver takes back tokens of its session, at any time.

use {
    crate::{
        error::ChargerError,
        state::{Session, Wallet},
    },
    anchor_lang::{cpi::CpiSigner, pinocchio::instruction::seeds, prelude::*},
    pinocchio_token::instructions::Transfer,
};

#[derive(Accounts)]
pub struct SessionWithdraw {
    pub driver: Signer,
    #[account(constraint = session.driver == *driver.address() @ ChargerError::NotTheDriver)]
    pub session: Account<Session>,
    #[account(address = session.wallet @ ChargerError::WalletMismatch)]
    pub wallet: UncheckedAccount,
    #[account(mut, address = session.payment @ ChargerError::PaymentMismatch)]
    pub payment: UncheckedAccount,
    /// Any token account of the same token.
    #[account(mut)]
    pub destination: UncheckedAccount,
    /// SPL Token or Token-2022.
    pub token_program: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<SessionWithdraw>, amount: u64) -> Result<()> {
    let accounts = &ctx.accounts;
    let wallet = Wallet::of(&accounts.session);
    let [name, session, bump] = wallet.seeds();
    let seeds = seeds!(name, session, bump);
    Transfer::new(accounts.payment.account(), accounts.destination.account(), accounts.wallet.account(), amount)
        .invoke_signed_with_program(&[CpiSigner::from(&seeds)], accounts.token_program.address())
}
