//! `creator_open`: opens the counter that numbers the buses of a wallet. A wallet that names the counter's first slot
//! knows its first number in advance, and can create a bus in the same transaction.

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
        state::{Creator, counter},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
#[instruction(first_slot: u64)]
pub struct CreatorOpen {
    /// Pays the rent of the counter, which stays for good.
    #[account(mut)]
    pub wallet: Signer,
    #[account(init, payer = wallet, seeds = [CREATOR_SEED, wallet.address()], bump)]
    pub creator: Account<Creator>,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<impl Walks<CreatorOpen>>, first_slot: u64) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let wallet = *accounts.wallet.address();
    let first_slot = counter::validate_first_slot(first_slot, Clock::get()?.slot)?;
    accounts.creator.initialize(&wallet, first_slot)?;
    accounts.creator.bump = ctx.bumps.creator;
    log_event!(CreatorOpened { creator: *accounts.creator.address(), wallet, first_bus: accounts.creator.next_bus });
    Ok(())
}
