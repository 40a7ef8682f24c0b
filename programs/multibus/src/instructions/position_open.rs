//! `position_open`: opens the position book of a buyer on a seller's delivery book, before the buyer's first trade in its
//! windows. Anyone may pay for it.

#![allow(
    unused_variables,
    reason = "Anchor parses the `#[instruction]` arguments again where it closes accounts, and uses none"
)]

use {
    crate::{
        account::Account,
        clock,
        constants::*,
        error::ensure,
        event::log_event,
        state::{DeliveryBook, Ledger, PositionBook},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
#[instruction(buyer: Address)]
pub struct PositionOpen {
    /// Anyone; pays the rent and gets it back.
    #[account(mut)]
    pub payer: Signer,
    #[account(mut)]
    pub book: Account<DeliveryBook>,
    #[account(init, payer = payer, seeds = [POSITION_SEED, book.address(), buyer], bump)]
    pub position: Account<PositionBook>,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<PositionOpen>, buyer: Address) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let (gate, now) = (accounts.book.own_last_gate(), clock::now()?);
    ensure!(now < gate, BookOver, "last gate {}, now {}", gate, now);
    Ledger::count_open(&mut accounts.book.open_positions)?;
    let payer = accounts.payer.address();
    accounts.position.initialize(accounts.book.address(), &buyer, payer);
    accounts.position.bump = ctx.bumps.position;
    log_event!(PositionOpened {
        book: *accounts.book.address(),
        position: *accounts.position.address(),
        buyer,
        rent_payer: *payer,
    });
    Ok(())
}
