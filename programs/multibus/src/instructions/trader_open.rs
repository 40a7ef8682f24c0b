//! `trader_open`: opens a nonce lane of the wallet. A wallet that names the lane's first slot knows its first nonce in
//! advance, and can buy in the same transaction.

#![allow(
    unused_variables,
    reason = "Anchor parses the `#[instruction]` arguments again where it closes accounts, and uses none"
)]

use {
    super::walk::Walks,
    crate::{
        account::Account,
        constants::*,
        event::log_event,
        state::{Trader, counter},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
#[instruction(lane: u16, first_slot: u64)]
pub struct TraderOpen {
    /// Pays the rent and gets it back when the lane is closed.
    #[account(mut)]
    pub wallet: Signer,
    #[account(init, payer = wallet, seeds = [TRADER_SEED, wallet.address(), lane.to_le_bytes()], bump)]
    pub trader: Account<Trader>,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<impl Walks<TraderOpen>>, lane: u16, first_slot: u64) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let clock = Clock::get()?;
    let wallet = *accounts.wallet.address();
    let first_slot = counter::validate_first_slot(first_slot, clock.slot)?;
    accounts.trader.initialize(&wallet, lane, first_slot, clock.unix_timestamp)?;
    accounts.trader.bump = ctx.bumps.trader;
    log_event!(TraderOpened {
        trader: *accounts.trader.address(),
        wallet,
        first_nonce: accounts.trader.first_nonce,
        lane,
        padding: [0; 6],
    });
    Ok(())
}
