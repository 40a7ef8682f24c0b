//! `capacity_close`: closes the capacity of a window. Anyone can do it once the window is over and no offer of it is
//! open; the rent goes to who paid it. Where nothing was sold, anyone can do it once the gate has closed, and whoever
//! paid the rent, an owner or the operator at any time. On a closing bus anyone can close every window without open
//! offers.

use {
    crate::{
        account::{Account, Apart},
        clock,
        error::MultibusError,
        event::log_event,
        state::{Bus, Capacity, Ledger},
    },
    anchor_lang::{address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct CapacityClose {
    pub caller: Signer,
    #[account(address = capacity.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    /// The ledger of the same bus, which counts the open windows.
    #[account(mut, constraint = ledger.bus == capacity.bus @ MultibusError::LedgerMismatch)]
    pub ledger: Account<Ledger>,
    #[account(mut, close = rent_payer)]
    pub capacity: Apart<Capacity>,
    /// Who paid the window's rent; may be the caller.
    #[account(mut, unsafe(dup), address = capacity.rent_payer @ MultibusError::RentPayerMismatch)]
    pub rent_payer: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<CapacityClose>) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let capacity = &accounts.capacity;
    let (caller, bus) = (accounts.caller.address(), &accounts.bus);
    let closes_unused =
        address_eq(caller, &capacity.rent_payer) || bus.owner_index(caller).is_some() || bus.is_operator(caller);
    capacity.validate_close(bus, closes_unused, clock::now()?)?;
    // Counted when this window was opened.
    accounts.ledger.open_windows -= 1;
    log_event!(CapacityClosed {
        bus: capacity.bus,
        capacity: *capacity.address(),
        closed_by: *accounts.caller.address(),
        window_start: capacity.window_start,
        sold_wh: capacity.committed_wh,
    });
    Ok(())
}
