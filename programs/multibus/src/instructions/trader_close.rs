//! `trader_close`: closes a nonce lane. When it is opened again, it starts above every nonce that it ever had.

use {
    super::walk::Walks,
    crate::{account::Apart, error::MultibusError, event::log_event, state::Trader},
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct TraderClose {
    /// The lane's wallet, which gets the rent back.
    #[account(mut, address = trader.wallet @ MultibusError::TraderMismatch)]
    pub wallet: Signer,
    #[account(mut, close = wallet)]
    pub trader: Apart<Trader>,
}

pub fn handler(ctx: &mut Context<impl Walks<TraderClose>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    accounts.trader.validate_close(Clock::get()?.slot)?;
    log_event!(TraderClosed {
        trader: *accounts.trader.address(),
        wallet: accounts.trader.wallet,
        history_root: accounts.trader.history_root,
        next_nonce: accounts.trader.next_nonce,
        lane: accounts.trader.lane,
        padding: [0; 6],
    });
    Ok(())
}
