//! `capacity_close`: closes the capacity of a window. Anyone can do it once the window is over and no offer of it is
//! open; the rent goes to who paid it. Where nothing was sold, anyone can do it once the gate has closed, and whoever
//! paid the rent, an owner or the operator at any time. On a closing bus anyone can close every window without open
//! offers and bids. What rounding in an auction left in the escrow goes to the treasury.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        clock,
        error::{MultibusError, ensure, refuse},
        event::log_event,
        payment,
        state::{Bus, Capacity, Ledger},
        token::{BusAuthority, Settlement},
    },
    anchor_lang::{TryAccounts, address_eq, prelude::*},
};

/// Where the escrow holds something for the window, followed by escrow and treasury of the bus, both writable, and its
/// token program.
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

pub fn handler(ctx: &mut Context<impl Walks<CapacityClose>>) -> Result<()> {
    let all = ctx.remaining_accounts()?;
    let others = &all[<CapacityClose as TryAccounts>::HEADER_SIZE..];
    let accounts = &mut *ctx.accounts;
    let capacity = &accounts.capacity;
    let (caller, bus) = (accounts.caller.address(), &accounts.bus);
    let closes_unused =
        address_eq(caller, &capacity.rent_payer) || bus.owner_index(caller).is_some() || bus.is_operator(caller);
    capacity.validate_close(bus, closes_unused, clock::now()?)?;
    let remainder = sweep(bus, capacity.escrowed, others)?;
    // Counted when this window was opened.
    accounts.ledger.open_windows -= 1;
    log_event!(CapacityClosed {
        bus: capacity.bus,
        capacity: *capacity.address(),
        closed_by: *accounts.caller.address(),
        window_start: capacity.window_start,
        sold_wh: capacity.committed_wh,
        remainder,
    });
    Ok(())
}

/// Moves what rounding left in the escrow to the treasury; returns it in token base units. While one of them is frozen
/// it stays in the escrow, and is divided when the bus closes.
fn sweep(bus: &Account<Bus>, amount: u64, others: &[AccountView]) -> Result<u64> {
    if amount == 0 {
        return Ok(0);
    }
    let [escrow, treasury, token_program, ..] = others else { refuse!(EscrowAccountsMissing) };
    ensure!(address_eq(escrow.address(), &bus.escrow), EscrowMismatch);
    ensure!(address_eq(treasury.address(), &bus.treasury), TreasuryMismatch);
    ensure!(address_eq(token_program.address(), &bus.token_program), TokenProgramMismatch);
    let settlement = Settlement { mint: &bus.mint, token_program };
    if payment::is_frozen(escrow, &settlement) || payment::is_frozen(treasury, &settlement) {
        return Ok(0);
    }
    settlement.pay(escrow, treasury, &BusAuthority::new(bus), amount)?;
    Ok(amount)
}
