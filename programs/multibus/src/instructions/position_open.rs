//! `position_open`: opens the position book of a buyer on a seller's delivery book, before the buyer's first trade in
//! its windows. Anyone can pay for it. It does nothing where the book is open already, so that nobody can make a
//! transaction fail by opening it first. None is opened where nothing can be bought any more, that is after the book's
//! last gate or on a closing bus: it would only keep the delivery book from closing.

use {
    crate::{
        account::Account,
        clock,
        constants::*,
        error::{MultibusError, ensure},
        event::log_event,
        payment,
        state::{Bus, DeliveryBook, Ledger, PositionBook},
    },
    anchor_lang::{find_and_verify_program_address, prelude::*},
};

#[derive(Accounts)]
pub struct PositionOpen {
    /// Anyone; pays the rent and gets it back.
    #[account(mut)]
    pub payer: Signer,
    #[account(address = book.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut)]
    pub book: Account<DeliveryBook>,
    /// The buyer's position book. Its address is checked, and it is created where it does not exist.
    #[account(mut)]
    pub position: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<PositionOpen>, buyer: Address) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let view = accounts.position.account();
    let seeds: [&[u8]; 3] = [POSITION_SEED, accounts.book.address().as_ref(), buyer.as_ref()];
    let bump = find_and_verify_program_address(&seeds, &crate::ID, view.address())?;
    if view.data_len() > 0 {
        // It is open already: only the program makes an account with data at this address.
        return Ok(());
    }
    accounts.bus.validate_open()?;
    let (gate, now) = (accounts.book.last_gate(&accounts.bus), clock::now()?);
    ensure!(now < gate, BookOver, "last gate {}, now {}", gate, now);
    Ledger::count_open(&mut accounts.book.open_positions)?;
    let (book, payer) = (accounts.book.address(), accounts.payer.address());
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
