//! `session_lock`: the station's operator holds energy for a session, so that nobody else buys it while the car arrives.
//!
//! Where the lock is not settled within 300 seconds, anyone can release it by a call of the market. The deposit, less the
//! bus's lock fee, then goes back to the session's token account.

use {
    crate::{
        error::ChargerError,
        market,
        state::{PLACE, Session, Station, Wallet},
    },
    anchor_lang::prelude::*,
};

/// On delivery terms followed by the buyer's position book on the delivery book that the offer names, writable.
#[derive(Accounts)]
pub struct SessionLock {
    pub operator: Signer,
    #[account(constraint = station.operator == *operator.address() @ ChargerError::NotTheOperator)]
    pub station: Account<Station>,
    #[account(constraint = session.station == *station.address() @ ChargerError::StationMismatch)]
    pub session: Account<Session>,
    /// The session's buyer, who pays the lock's rent and gets it back.
    #[account(mut, address = session.wallet @ ChargerError::WalletMismatch)]
    pub wallet: UncheckedAccount,
    #[account(address = station.bus @ ChargerError::BusMismatch)]
    pub bus: UncheckedAccount,
    #[account(mut)]
    pub offer: UncheckedAccount,
    /// The lock, which the market creates.
    #[account(mut)]
    pub lock: UncheckedAccount,
    #[account(mut, address = session.payment @ ChargerError::PaymentMismatch)]
    pub payment: UncheckedAccount,
    #[account(mut)]
    pub vault: UncheckedAccount,
    pub token_program: UncheckedAccount,
    #[account(address = multibus::ID @ ChargerError::NotTheMarket)]
    pub market: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<SessionLock>, energy_wh: u64) -> Result<()> {
    let mut books = ctx.remaining_accounts()?;
    let accounts = &mut ctx.accounts;
    accounts.session.validate_energy(energy_wh)?;
    let wallet = Wallet::of(&accounts.session);
    let seeds = wallet.seeds();
    let signers: [&[&[u8]]; 1] = [&seeds];
    let (max_price_per_kwh, refund) = (accounts.session.max_price_per_kwh, accounts.session.payment);
    let take = multibus::cpi::accounts::LockTake {
        buyer: accounts.wallet.cpi_handle_mut(),
        bus: accounts.bus.cpi_handle(),
        offer: accounts.offer.cpi_handle_mut(),
        lock: accounts.lock.cpi_handle_mut(),
        payment: accounts.payment.cpi_handle_mut(),
        vault: accounts.vault.cpi_handle_mut(),
        token_program: accounts.token_program.cpi_handle(),
        system_program: accounts.system_program.cpi_handle(),
    };
    let call = CpiContext::new_with_signer(&multibus::ID, take, &signers)
        .with_remaining_accounts(market::passed_on(&mut books)?);
    multibus::cpi::lock_take(call, PLACE, energy_wh, max_price_per_kwh, 0, refund)
}
