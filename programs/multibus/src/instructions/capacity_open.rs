//! `capacity_open`: opens a delivery window for offers. Idempotent, so that sellers of one window need not agree on
//! who opens it.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        clock,
        constants::*,
        error::{MultibusError, ensure},
        event::log_event,
        payment,
        state::{Bus, Capacity, Ledger},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct CapacityOpen {
    /// Pays the rent and gets it back when the window is closed.
    #[account(mut)]
    pub payer: Signer,
    pub bus: Apart<Bus>,
    /// The bus's ledger, which counts the open windows.
    #[account(mut, constraint = ledger.bus == *bus.address() @ MultibusError::LedgerMismatch)]
    pub ledger: Account<Ledger>,
    /// The window's capacity. Its address is checked, and it is created where it does not exist.
    #[account(mut)]
    pub capacity: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<impl Walks<CapacityOpen>>, window_start: i64) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let bus = &accounts.bus;
    bus.validate_running()?;
    bus.validate_window(window_start, clock::now()?)?;
    let view = *accounts.capacity.account();
    if view.owned_by(&crate::ID) {
        // It is open already. That is fine where it is this window of this bus.
        let capacity = Account::<Capacity>::load(view)?;
        ensure!(capacity.bus == *bus.address() && capacity.window_start == window_start, CapacityMismatch);
        return Ok(());
    }
    let start = window_start.to_le_bytes();
    let seeds: [&[u8]; 3] = [CAPACITY_SEED, bus.address().as_ref(), &start];
    Ledger::count_open(&mut accounts.ledger.open_windows)?;
    let payer = *accounts.payer.address();
    let (mut capacity, bump) = payment::open::<Capacity>(accounts.payer.account(), &view, &seeds)?;
    capacity.initialize(bus, bus.address(), &payer, window_start);
    capacity.bump = bump;
    log_event!(CapacityOpened {
        bus: *bus.address(),
        capacity: *capacity.address(),
        rent_payer: payer,
        window_start,
        gate_closes_at: capacity.gate_closes_at,
        total_wh: capacity.total_wh,
        terms: capacity.terms,
    });
    Ok(())
}
