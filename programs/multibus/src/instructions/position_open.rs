//! `position_open`: opens the position book of a buyer on a seller's delivery book, before the buyer's first trade in
//! its windows. Anyone can pay for it. It does nothing where the book is open already, so that nobody can make a
//! transaction fail by opening it first.

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
        payment,
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
    /// The buyer's position book, created where it does not exist.
    #[account(mut, seeds = [POSITION_SEED, book.address(), buyer], bump)]
    pub position: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<PositionOpen>, buyer: Address) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let view = accounts.position.account();
    if view.owned_by(&crate::ID) {
        // It is open already.
        return Ok(());
    }
    let (gate, now) = (accounts.book.own_last_gate(), clock::now()?);
    ensure!(now < gate, BookOver, "last gate {}, now {}", gate, now);
    Ledger::count_open(&mut accounts.book.open_positions)?;
    let (book, payer, bump) = (accounts.book.address(), accounts.payer.address(), ctx.bumps.position);
    payment::create::<PositionBook>(
        accounts.payer.account(),
        view,
        &[POSITION_SEED, book.as_ref(), buyer.as_ref(), &[bump]],
    )?;
    // SAFETY: the account was created a moment ago, so no other reference to its data exists.
    let mut position = unsafe { Account::<PositionBook>::load_mut_after_init(*view)? };
    position.initialize(book, &buyer, payer);
    position.bump = bump;
    log_event!(PositionOpened { book: *book, position: *view.address(), buyer, rent_payer: *payer });
    Ok(())
}
