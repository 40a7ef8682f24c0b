//! `session_open`: opens a driver's session, and by a call of the market the nonce lane of its buyer.

use {
    crate::{
        error::ChargerError,
        state::{LANE, SESSION_SEED, Session, Station, WALLET_SEED, Wallet},
    },
    anchor_lang::{address_eq, cpi::rent_exempt_lamports, prelude::*, system_program},
    bytemuck::Zeroable,
    multibus::{
        account::Account as MarketAccount,
        state::{Bid, Lock, Trader},
        token::{Settlement, TokenAccount},
    },
};

#[derive(Accounts)]
pub struct SessionOpen {
    /// Pays all rent, and gets it back when the session is closed.
    #[account(mut)]
    pub driver: Signer,
    pub station: Account<Station>,
    #[account(init, payer = driver, seeds = [SESSION_SEED, station.address(), driver.address()], bump)]
    pub session: Account<Session>,
    /// The session's buyer.
    #[account(mut, seeds = [WALLET_SEED, session.address()], bump)]
    pub wallet: UncheckedAccount,
    /// The buyer's nonce lane, which the market opens.
    #[account(mut)]
    pub trader: UncheckedAccount,
    /// A token account of the buyer, which the driver fills by transfers.
    pub payment: UncheckedAccount,
    #[account(address = station.token_program @ ChargerError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
    #[account(address = multibus::ID @ ChargerError::NotTheMarket)]
    pub market: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<SessionOpen>, max_price_per_kwh: u64, limit_wh: u64) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let settlement = Settlement { mint: &accounts.station.mint, token_program: accounts.token_program.account() };
    let payment = TokenAccount::read(accounts.payment.account(), &settlement);
    if !payment.is_some_and(|account| address_eq(&account.owner, accounts.wallet.address())) {
        return Err(ChargerError::PaymentInvalid.into());
    }
    let wallet = Wallet::new(accounts.session.address(), ctx.bumps.wallet);
    *accounts.session = Session {
        station: *accounts.station.address(),
        driver: *accounts.driver.address(),
        wallet: *accounts.wallet.address(),
        trader: *accounts.trader.address(),
        payment: *accounts.payment.address(),
        max_price_per_kwh,
        limit_wh,
        wallet_bump: ctx.bumps.wallet,
        ..Session::zeroed()
    };

    // The buyer pays the rent of its lane, its locks and its bids itself. This is enough for one lock and one bid at a time.
    let lamports = rent_exempt_lamports(0)?
        + rent_exempt_lamports(MarketAccount::<Trader>::INIT_SPACE)?
        + rent_exempt_lamports(MarketAccount::<Lock>::INIT_SPACE)?
        + rent_exempt_lamports(MarketAccount::<Bid>::INIT_SPACE)?;
    let fund =
        system_program::Transfer { from: accounts.driver.cpi_handle_mut(), to: accounts.wallet.cpi_handle_mut() };
    system_program::transfer(CpiContext::new(&system_program::ID, fund), lamports)?;

    let open = multibus::cpi::accounts::TraderOpen {
        wallet: accounts.wallet.try_cpi_handle_mut()?,
        trader: accounts.trader.try_cpi_handle_mut()?,
        system_program: accounts.system_program.cpi_handle(),
    };
    let seeds = wallet.seeds();
    multibus::cpi::trader_open(CpiContext::new_with_signer(&multibus::ID, open, &[&seeds]), LANE, 0)
}
