//! `session_buy_batch`: the station's operator buys energy for a session from several offers, all or nothing.

use {
    crate::{
        error::ChargerError,
        market,
        state::{Session, Station, Wallet},
    },
    anchor_lang::prelude::*,
    multibus::PurchaseItem,
};

/// Followed by the accounts of the items, in their order and all writable: each item's offer and the offer's vault, on delivery
/// terms also the delivery book that the offer names and the buyer's position book on it.
#[derive(Accounts)]
pub struct SessionBuyBatch {
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
    #[account(mut, address = session.payment @ ChargerError::PaymentMismatch)]
    pub payment: UncheckedAccount,
    pub token_program: UncheckedAccount,
    #[account(address = multibus::ID @ ChargerError::NotTheMarket)]
    pub market: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<SessionBuyBatch>, nonce: u64, max_total: u64, energy_wh: &[u64]) -> Result<()> {
    let mut views = ctx.remaining_accounts()?;
    market::validate_one_bus(&views)?;
    let accounts = &mut ctx.accounts;
    let Some(total) = energy_wh.iter().try_fold(0, |sum: u64, energy_wh| sum.checked_add(*energy_wh)) else {
        return Err(ChargerError::LimitExceeded.into());
    };
    accounts.session.validate_energy(total)?;
    let wallet = Wallet::of(&accounts.session);
    let seeds = wallet.seeds();
    let signers: [&[&[u8]]; 1] = [&seeds];
    // Any version of an offer: the price limit is the driver's.
    let max_price_per_kwh = accounts.session.max_price_per_kwh;
    let items = energy_wh
        .iter()
        .map(|energy_wh| PurchaseItem { energy_wh: *energy_wh, max_price_per_kwh, expected_version: 0 })
        .collect();
    let batch = multibus::cpi::accounts::PurchaseBatch {
        buyer: accounts.wallet.cpi_handle(),
        trader: accounts.trader.cpi_handle_mut(),
        payment: accounts.payment.cpi_handle_mut(),
        token_program: accounts.token_program.cpi_handle(),
    };
    let mut following = vec![accounts.bus.cpi_handle()];
    following.extend(market::passed_on(&mut views)?);
    let call = CpiContext::new_with_signer(&multibus::ID, batch, &signers).with_remaining_accounts(following);
    multibus::cpi::purchase_batch(call, nonce, max_total, items)?;
    let receipt = market::receipt(accounts.trader.account(), nonce)?;
    accounts.session.keep(nonce, receipt)
}
