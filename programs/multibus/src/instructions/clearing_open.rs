//! `clearing_open`: begins a proof of the price of an auction. The clearer names the low and the high price, which
//! [`Clearing`] explains. Anyone can be a clearer; each has an account of its own for a window.

use {
    super::walk::Walks,
    crate::{
        account::Apart,
        clock,
        constants::CLEARING_SEED,
        error::ensure,
        event::log_event,
        payment,
        state::{AuctionPhase, Capacity, Clearing},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct ClearingOpen {
    /// Pays the rent and gets it back.
    #[account(mut)]
    pub clearer: Signer,
    pub capacity: Apart<Capacity>,
    /// The clearing, created here.
    #[account(mut)]
    pub clearing: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<impl Walks<ClearingOpen>>, low_price: u64, high_price: u64) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let now = clock::now()?;
    let (capacity, clearer) = (&accounts.capacity, accounts.clearer.address());
    Clearing::validate_prices(low_price, high_price)?;
    ensure!(capacity.phase(now) == AuctionPhase::Fixed, AuctionNotFixed);
    let seeds: [&[u8]; 3] = [CLEARING_SEED, capacity.address().as_ref(), clearer.as_ref()];
    let (mut clearing, bump) =
        payment::open::<Clearing>(accounts.clearer.account(), accounts.clearing.account(), &seeds)?;
    clearing.initialize(capacity, low_price, high_price, now);
    clearing.bump = bump;
    clearing.capacity = *capacity.address();
    clearing.clearer = *clearer;
    log_event!(ClearingOpened {
        clearing: *clearing.address(),
        bus: clearing.bus,
        capacity: clearing.capacity,
        clearer: *clearer,
        low_price,
        high_price,
        opened_at: now,
    });
    Ok(())
}
