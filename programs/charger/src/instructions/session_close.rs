//! `session_close`: the driver closes its session, and by a call of the market its buyer's lane.
//!
//! A lock or a bid can end later. What it gives back then waits at the buyer's address, or as its claim. The same driver
//! opens the session again, which has the same buyer, to take it out.

use {
    crate::{
        error::ChargerError,
        state::{Session, Wallet},
    },
    anchor_lang::{cpi::CpiSigner, pinocchio::instruction::seeds, prelude::*, system_program},
    pinocchio_token::instructions::CloseAccount,
};

#[derive(Accounts)]
pub struct SessionClose {
    /// Gets all rent back.
    #[account(mut)]
    pub driver: Signer,
    #[account(mut, close = driver, constraint = session.driver == *driver.address() @ ChargerError::NotTheDriver)]
    pub session: Account<Session>,
    #[account(mut, address = session.wallet @ ChargerError::WalletMismatch)]
    pub wallet: UncheckedAccount,
    #[account(mut, address = session.trader @ ChargerError::LaneMismatch)]
    pub trader: UncheckedAccount,
    /// The buyer's token account, which must be empty.
    #[account(mut, address = session.payment @ ChargerError::PaymentMismatch)]
    pub payment: UncheckedAccount,
    /// SPL Token or Token-2022.
    pub token_program: UncheckedAccount,
    #[account(address = multibus::ID @ ChargerError::NotTheMarket)]
    pub market: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<SessionClose>) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let wallet = Wallet::of(&accounts.session);
    let seeds = wallet.seeds();
    let close = multibus::cpi::accounts::TraderClose {
        wallet: accounts.wallet.cpi_handle_mut(),
        trader: accounts.trader.cpi_handle_mut(),
    };
    multibus::cpi::trader_close(CpiContext::new_with_signer(&multibus::ID, close, &[&seeds]))?;

    let [name, session, bump] = seeds;
    let signer = seeds!(name, session, bump);
    CloseAccount::new(accounts.payment.account(), accounts.driver.account(), accounts.wallet.account())
        .invoke_signed_with_program(&[CpiSigner::from(&signer)], accounts.token_program.address())?;

    let lamports = accounts.wallet.account().lamports();
    let give_back =
        system_program::Transfer { from: accounts.wallet.cpi_handle_mut(), to: accounts.driver.cpi_handle_mut() };
    system_program::transfer(CpiContext::new_with_signer(&system_program::ID, give_back, &[&seeds]), lamports)
}
