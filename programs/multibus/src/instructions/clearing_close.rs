//! `clearing_close`: closes a clearing. Its clearer can do it at any time, anyone once it is useless: the book is not fixed
//! any more, or the window is closed. The rent goes to the clearer.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        clock,
        error::{MultibusError, ensure},
        event::log_event,
        state::{AuctionPhase, Capacity, Clearing},
    },
    anchor_lang::{address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct ClearingClose {
    /// The clearer, or anyone.
    pub caller: Signer,
    /// The window's capacity; it may be closed.
    #[account(address = clearing.capacity @ MultibusError::CapacityMismatch)]
    pub capacity: UncheckedAccount,
    #[account(mut, close = clearer)]
    pub clearing: Apart<Clearing>,
    /// The clearer, who gets the rent back; may be the caller.
    #[account(mut, unsafe(dup), address = clearing.clearer @ MultibusError::ClearingMismatch)]
    pub clearer: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<impl Walks<ClearingClose>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let (caller, clearing) = (accounts.caller.address(), &accounts.clearing);
    let capacity = accounts.capacity.account();
    if !address_eq(caller, &clearing.clearer) && capacity.owned_by(&crate::ID) {
        let phase = Account::<Capacity>::load(*capacity)?.phase(clock::now()?);
        ensure!(phase != AuctionPhase::Fixed, ClearingInUse);
    }
    log_event!(ClearingClosed {
        clearing: *clearing.address(),
        capacity: clearing.capacity,
        clearer: clearing.clearer,
        closed_by: *caller,
    });
    Ok(())
}
