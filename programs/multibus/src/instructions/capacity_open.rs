//! `capacity_open`: opens a delivery window for offers. Idempotent, so that sellers of one window need not agree on
//! who opens it.

use {
    crate::{
        clock,
        constants::*,
        error::{MultibusError, ensure, refuse},
        event::log_event,
        state::{Bus, Capacity},
    },
    anchor_lang::{create_account_signed, find_and_verify_program_address, prelude::*},
};

#[derive(Accounts)]
pub struct CapacityOpen {
    /// Pays the rent and gets it back when the window is closed.
    #[account(mut)]
    pub payer: Signer,
    pub bus: Account<Bus>,
    /// The bus's general capacity, which counts the open windows.
    #[account(mut, constraint = general.bus == *bus.address() && general.window_start == 0 @ MultibusError::BusMismatch)]
    pub general: Account<Capacity>,
    /// The window's capacity: its address is checked, it is created where it does not exist.
    #[account(mut)]
    pub capacity: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<CapacityOpen>, window_start: i64) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let bus = &accounts.bus;
    bus.validate_window(window_start, clock::now()?)?;
    let capacity_view = *accounts.capacity.account();
    if capacity_view.owned_by(&crate::ID) {
        // Open already: fine where it is this window of this bus.
        let capacity = Account::<Capacity>::load(capacity_view)?;
        ensure!(capacity.bus == *bus.address() && capacity.window_start == window_start, CapacityMismatch);
        return Ok(());
    }
    let start = window_start.to_le_bytes();
    let seeds: [&[u8]; 3] = [CAPACITY_SEED, bus.address().as_ref(), &start];
    let bump = find_and_verify_program_address(&seeds, &crate::ID, capacity_view.address())?;
    let Some(open_windows) = accounts.general.open_windows.checked_add(1) else { refuse!(CounterOverflow) };
    let space = <Account<Capacity> as Space>::INIT_SPACE;
    let payer = *accounts.payer.address();
    create_account_signed(
        accounts.payer.account(),
        &capacity_view,
        space,
        &crate::ID,
        &[CAPACITY_SEED, bus.address().as_ref(), &start, &[bump]],
    )?;
    let mut data_view = capacity_view;
    data_view.try_borrow_mut()?[..8].copy_from_slice(Capacity::DISCRIMINATOR);
    // SAFETY: the account was created a moment ago, so no other reference to its data exists.
    let mut capacity = unsafe { Account::<Capacity>::load_mut(capacity_view)? };
    capacity.initialize(bus.address(), &payer, (window_start, bus.window_seconds), bus.capacity_wh);
    capacity.bump = bump;
    accounts.general.open_windows = open_windows;
    log_event!(CapacityOpened {
        bus: *bus.address(),
        capacity: *capacity.address(),
        rent_payer: payer,
        window_start,
        total_wh: bus.capacity_wh,
        window_seconds: bus.window_seconds,
        padding: [0; 4],
    });
    Ok(())
}
