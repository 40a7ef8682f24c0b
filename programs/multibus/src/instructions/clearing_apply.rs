//! `clearing_apply`: takes the price of a clearing over, where it tallied every bid and offer of the window and its prices
//! are right. The clearing closes. Anyone can do it.

use {
    super::walk::Walks,
    crate::{
        account::Account,
        clock,
        error::MultibusError,
        event::log_event,
        state::{Capacity, Clearing},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct ClearingApply {
    #[account(mut, close = clearer)]
    pub clearing: Account<Clearing>,
    #[account(mut, address = clearing.capacity @ MultibusError::CapacityMismatch)]
    pub capacity: Account<Capacity>,
    /// The clearer, who gets the rent back.
    #[account(mut, address = clearing.clearer @ MultibusError::ClearingMismatch)]
    pub clearer: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<impl Walks<ClearingApply>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let (clearing, capacity) = (&accounts.clearing, &mut accounts.capacity);
    let now = clock::now()?;
    capacity.clear(clearing, now)?;
    log_event!(AuctionCleared {
        bus: capacity.bus,
        capacity: *capacity.address(),
        clearing: *clearing.address(),
        clearer: clearing.clearer,
        window_start: capacity.window_start,
        low_price: clearing.low_price,
        high_price: clearing.high_price,
        price_per_kwh: capacity.price_per_kwh,
        volume_wh: capacity.volume_wh,
        bids_at_price_wh: capacity.bids.at_price_wh,
        bids_filled_wh: capacity.bids.filled_wh,
        asks_at_price_wh: capacity.asks.at_price_wh,
        asks_filled_wh: capacity.asks.filled_wh,
        cleared_at: now,
    });
    Ok(())
}
