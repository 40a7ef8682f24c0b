//! `session_settle`: the station's operator buys what the session's lock holds.

use {
    crate::{
        error::ChargerError,
        market,
        state::{Session, Station, Wallet},
    },
    anchor_lang::prelude::*,
    multibus::{account::Account as MarketAccount, state::Lock},
};

/// On delivery terms followed by the delivery book that the offer names and the buyer's position book on it, both writable.
#[derive(Accounts)]
pub struct SessionSettle {
    pub operator: Signer,
    #[account(constraint = station.operator == *operator.address() @ ChargerError::NotTheOperator)]
    pub station: Account<Station>,
    #[account(mut, constraint = session.station == *station.address() @ ChargerError::StationMismatch)]
    pub session: Account<Session>,
    /// The session's buyer, who gets the lock's rent back.
    #[account(mut, address = session.wallet @ ChargerError::WalletMismatch)]
    pub wallet: UncheckedAccount,
    #[account(mut, address = session.trader @ ChargerError::LaneMismatch)]
    pub trader: UncheckedAccount,
    #[account(mut)]
    pub offer: UncheckedAccount,
    /// A lock of the session's buyer. The market checks this, and that it is on the offer.
    #[account(mut)]
    pub lock: UncheckedAccount,
    #[account(address = multibus::ID @ ChargerError::NotTheMarket)]
    pub market: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<SessionSettle>, nonce: u64) -> Result<()> {
    let mut books = ctx.remaining_accounts()?;
    let accounts = &mut ctx.accounts;
    // Read before the call, which closes the lock.
    let lock = MarketAccount::<Lock>::load(*accounts.lock.account())?;
    let (lock_number, energy_wh) = (lock.number, lock.energy_wh);
    accounts.session.validate_energy(energy_wh)?;
    let wallet = Wallet::of(&accounts.session);
    let seeds = wallet.seeds();
    let signers: [&[&[u8]]; 1] = [&seeds];
    let settle = multibus::cpi::accounts::LockSettle {
        buyer: accounts.wallet.cpi_handle_mut(),
        trader: accounts.trader.cpi_handle_mut(),
        offer: accounts.offer.cpi_handle_mut(),
        lock: accounts.lock.cpi_handle_mut(),
    };
    let call = CpiContext::new_with_signer(&multibus::ID, settle, &signers)
        .with_remaining_accounts(market::passed_on(&mut books)?);
    multibus::cpi::lock_settle(call, nonce, lock_number)?;
    let receipt = market::receipt(accounts.trader.account(), nonce)?;
    accounts.session.keep(nonce, receipt)
}
