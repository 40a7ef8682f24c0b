//! `session_release`: the station's operator or the driver gives up a lock of the session, before or after it expires. Without
//! this program, anyone can do it once the lock has expired.

use {
    crate::{
        error::ChargerError,
        market,
        state::{Session, Station, Wallet},
    },
    anchor_lang::prelude::*,
    multibus::{account::Account as MarketAccount, state::Lock},
};

/// On delivery terms followed by the buyer's position book on the delivery book that the offer names, writable.
#[derive(Accounts)]
pub struct SessionRelease {
    #[account(constraint = station.operator == *signer.address() || session.driver == *signer.address()
        @ ChargerError::NotOfTheSession)]
    pub signer: Signer,
    pub station: Account<Station>,
    #[account(constraint = session.station == *station.address() @ ChargerError::StationMismatch)]
    pub session: Account<Session>,
    /// The session's buyer, who calls the market and gets the lock's rent back.
    #[account(mut, address = session.wallet @ ChargerError::WalletMismatch)]
    pub wallet: UncheckedAccount,
    #[account(address = station.bus @ ChargerError::BusMismatch)]
    pub bus: UncheckedAccount,
    #[account(mut)]
    pub offer: UncheckedAccount,
    /// A lock of the session's buyer. The market checks this, and that the accounts around it are the lock's.
    #[account(mut)]
    pub lock: UncheckedAccount,
    /// The seller of the offer.
    #[account(mut)]
    pub seller: UncheckedAccount,
    #[account(mut)]
    pub vault: UncheckedAccount,
    /// The refund account of the session's locks.
    #[account(mut, address = session.payment @ ChargerError::PaymentMismatch)]
    pub payment: UncheckedAccount,
    /// The market looks at this and the next two only where `payment` cannot be paid.
    #[account(mut)]
    pub unclaimed: UncheckedAccount,
    #[account(mut)]
    pub ledger: UncheckedAccount,
    #[account(mut)]
    pub claim: UncheckedAccount,
    pub token_program: UncheckedAccount,
    #[account(address = multibus::ID @ ChargerError::NotTheMarket)]
    pub market: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<SessionRelease>) -> Result<()> {
    let mut position = ctx.remaining_accounts()?;
    let accounts = &mut ctx.accounts;
    let lock_number = MarketAccount::<Lock>::load(*accounts.lock.account())?.number;
    let wallet = Wallet::of(&accounts.session);
    let seeds = wallet.seeds();
    let signers: [&[&[u8]]; 1] = [&seeds];
    // The market takes the buyer twice: it calls, and gets the rent.
    let mut caller = *accounts.wallet.account();
    let release = multibus::cpi::accounts::LockRelease {
        caller: caller.try_to_cpi_handle_mut()?,
        buyer: accounts.wallet.cpi_handle_mut(),
        bus: accounts.bus.cpi_handle(),
        offer: accounts.offer.cpi_handle_mut(),
        lock: accounts.lock.cpi_handle_mut(),
        seller: accounts.seller.cpi_handle_mut(),
        vault: accounts.vault.cpi_handle_mut(),
        refund: accounts.payment.cpi_handle_mut(),
        unclaimed: accounts.unclaimed.cpi_handle_mut(),
        ledger: accounts.ledger.cpi_handle_mut(),
        claim: accounts.claim.cpi_handle_mut(),
        token_program: accounts.token_program.cpi_handle(),
        system_program: accounts.system_program.cpi_handle(),
    };
    let call = CpiContext::new_with_signer(&multibus::ID, release, &signers)
        .with_remaining_accounts(market::passed_on(&mut position)?);
    multibus::cpi::lock_release(call, lock_number)
}
