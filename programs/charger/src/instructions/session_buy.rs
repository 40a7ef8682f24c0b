//! `session_buy`: the station's operator buys energy for a session.

use {
    crate::{
        error::ChargerError,
        market,
        state::{Session, Station, Wallet},
    },
    anchor_lang::prelude::*,
};

/// On delivery terms followed by the delivery book that the offer names and the buyer's position book on it, both writable.
/// Anyone can open the position book, by `position_open` of the market.
#[derive(Accounts)]
pub struct SessionBuy {
    pub operator: Signer,
    #[account(constraint = station.operator == *operator.address() @ ChargerError::NotTheOperator)]
    pub station: Account<Station>,
    #[account(mut, constraint = session.station == *station.address() @ ChargerError::StationMismatch)]
    pub session: Account<Session>,
    /// The session's buyer.
    #[account(address = session.wallet @ ChargerError::WalletMismatch)]
    pub wallet: UncheckedAccount,
    #[account(mut, address = session.trader @ ChargerError::LaneMismatch)]
    pub trader: UncheckedAccount,
    #[account(address = station.bus @ ChargerError::BusMismatch)]
    pub bus: UncheckedAccount,
    /// An offer of the bus. The market checks this, and that the vault is the offer's.
    #[account(mut)]
    pub offer: UncheckedAccount,
    #[account(mut, address = session.payment @ ChargerError::PaymentMismatch)]
    pub payment: UncheckedAccount,
    #[account(mut)]
    pub vault: UncheckedAccount,
    pub token_program: UncheckedAccount,
    #[account(address = multibus::ID @ ChargerError::NotTheMarket)]
    pub market: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<SessionBuy>, nonce: u64, energy_wh: u64, min_energy_wh: u64) -> Result<()> {
    let mut books = ctx.remaining_accounts()?;
    let accounts = &mut ctx.accounts;
    accounts.session.validate_energy(energy_wh)?;
    let wallet = Wallet::of(&accounts.session);
    let seeds = wallet.seeds();
    let signers: [&[&[u8]]; 1] = [&seeds];
    let max_price_per_kwh = accounts.session.max_price_per_kwh;
    let purchase = multibus::cpi::accounts::Purchase {
        buyer: accounts.wallet.cpi_handle(),
        trader: accounts.trader.cpi_handle_mut(),
        bus: accounts.bus.cpi_handle(),
        offer: accounts.offer.cpi_handle_mut(),
        payment: accounts.payment.cpi_handle_mut(),
        vault: accounts.vault.cpi_handle_mut(),
        token_program: accounts.token_program.cpi_handle(),
    };
    let call = CpiContext::new_with_signer(&multibus::ID, purchase, &signers)
        .with_remaining_accounts(market::passed_on(&mut books)?);
    // Any version of the offer: the price limit is the driver's.
    multibus::cpi::purchase(call, nonce, energy_wh, min_energy_wh, max_price_per_kwh, 0)?;
    let receipt = market::receipt(accounts.trader.account(), nonce)?;
    accounts.session.keep(nonce, receipt)
}
