//! `meter_close`: closes the meter of a seller. The operator and the seller itself can do it, on a closing bus anyone.
//! The meter of the bus's own offers is closed by the operator alone, so that no single owner stops what the others
//! sell. The device is retired, but goes on measuring the windows in which the seller has listed. The rent goes to who
//! paid it.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        error::{MultibusError, ensure},
        event::log_event,
        state::{Bus, Device, Meter, Seller},
    },
    anchor_lang::{address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct MeterClose {
    /// The operator, the seller, or on a closing bus anyone.
    pub caller: Signer,
    #[account(address = meter.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    #[account(mut, address = meter.seller @ MultibusError::SellerMismatch)]
    pub seller: Apart<Seller>,
    #[account(mut, close = rent_payer)]
    pub meter: Account<Meter>,
    /// The account of the present device's key.
    #[account(mut, constraint = device.key == meter.key @ MultibusError::DeviceMismatch)]
    pub device: Account<Device>,
    /// Who paid the meter's rent; may be the caller.
    #[account(mut, unsafe(dup), address = meter.rent_payer @ MultibusError::RentPayerMismatch)]
    pub rent_payer: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<impl Walks<MeterClose>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let (bus, caller) = (&accounts.bus, accounts.caller.address());
    ensure!(bus.closing == 1 || bus.is_operator(caller) || address_eq(&accounts.seller.wallet, caller), MeterInUse);
    accounts.device.retire(&accounts.meter);
    accounts.seller.meter = Address::default();
    log_event!(MeterClosed {
        bus: *bus.address(),
        seller: *accounts.seller.address(),
        meter: *accounts.meter.address(),
        key: accounts.meter.key,
        closed_by: *caller,
        busy_until: accounts.device.busy_until,
    });
    Ok(())
}
