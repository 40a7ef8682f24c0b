//! `capacity_close`: closes a window that is over and has no open offers; anyone may, the rent goes to its payer.

use {
    crate::{clock, error::MultibusError, event::log_event, state::Capacity},
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct CapacityClose {
    /// The general capacity of the same bus, which counts the open windows.
    #[account(mut, constraint = general.bus == capacity.bus && general.window_start == 0 @ MultibusError::BusMismatch)]
    pub general: Account<Capacity>,
    /// Never the general capacity: an account that is written stands in one place only.
    #[account(mut, close = rent_payer)]
    pub capacity: Account<Capacity>,
    /// Who paid the window's rent.
    #[account(mut, address = capacity.rent_payer @ MultibusError::RentPayerMismatch)]
    pub rent_payer: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<CapacityClose>) -> Result<()> {
    let accounts = &mut ctx.accounts;
    accounts.capacity.validate_close(clock::now()?)?;
    // Counted when this window was opened.
    accounts.general.open_windows -= 1;
    log_event!(CapacityClosed {
        bus: accounts.capacity.bus,
        capacity: *accounts.capacity.address(),
        window_start: accounts.capacity.window_start,
        sold_wh: accounts.capacity.sold_wh,
    });
    Ok(())
}
