//! `meter_replace`: the operator replaces the device of a meter, at any time until the bus is closing; the new device
//! signs, too. Windows in which the seller has listed keep the old device: where that is dead, the operator reports in
//! its place.

use {
    super::meter_register::register_device,
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        clock,
        error::{MultibusError, ensure},
        event::log_event,
        state::{Bus, Device, Meter, MeterSpec},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct MeterReplace {
    /// The operator; pays the rent of the new device's account and gets it back.
    #[account(mut)]
    pub operator: Signer,
    /// The new device's key.
    pub key: Signer,
    #[account(address = meter.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    #[account(mut)]
    pub meter: Account<Meter>,
    /// The account of the present device's key.
    #[account(mut, constraint = retired.key == meter.key @ MultibusError::DeviceMismatch)]
    pub retired: Account<Device>,
    /// The account of the new device's key, created here. That of a device that was this seller's before is used again.
    #[account(mut)]
    pub device: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<impl Walks<MeterReplace>>, source: u8, power_w: u64, valid_from: i64) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    accounts.bus.validate_open()?;
    accounts.bus.validate_is_operator(accounts.operator.address())?;
    ensure!(accounts.retired.retired == 0, DeviceMismatch);
    let key = accounts.key.address();
    accounts.retired.retire(&accounts.meter);
    accounts.meter.set_device(key, MeterSpec { source, power_w, valid_from }, clock::now()?)?;
    let rent_payer = register_device(accounts.operator.account(), accounts.device.account(), key, &mut accounts.meter)?;
    log_event!(MeterReplaced {
        bus: accounts.meter.bus,
        seller: accounts.meter.seller,
        meter: *accounts.meter.address(),
        key: *key,
        retired_key: accounts.retired.key,
        rent_payer,
        power_w,
        valid_from,
        registered_at: accounts.meter.registered_at,
        busy_until: accounts.retired.busy_until,
        source,
        padding: [0; 7],
    });
    Ok(())
}
