//! `device_close`: closes the account of a retired device, once the last window that it measures has ended. Anyone can
//! do it; the rent goes to who paid it. Then the key can be registered again, on any bus.

use {
    super::walk::Walks,
    crate::{account::Account, clock, error::MultibusError, event::log_event, state::Device},
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct DeviceClose {
    #[account(mut, close = rent_payer)]
    pub device: Account<Device>,
    /// Who paid the rent.
    #[account(mut, unsafe(dup), address = device.rent_payer @ MultibusError::RentPayerMismatch)]
    pub rent_payer: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<impl Walks<DeviceClose>>) -> Result<()> {
    let device = &ctx.accounts.device;
    device.validate_close(clock::now()?)?;
    log_event!(DeviceClosed { device: *device.address(), key: device.key, bus: device.bus, seller: device.seller });
    Ok(())
}
