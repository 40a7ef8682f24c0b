//! `meter_register`: the operator registers a device as the meter of a seller; the device signs, too. With a meter, a
//! seller can list on delivery terms, up to what the device can deliver. A device that was the seller's before can
//! become it again at any time.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart, bump_of},
        clock,
        constants::*,
        error::{MultibusError, ensure},
        event::log_event,
        payment,
        state::{Bus, Device, Meter, MeterSpec, Seller},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct MeterRegister {
    /// The operator; pays the rent and gets it back.
    #[account(mut)]
    pub operator: Signer,
    /// The device's key.
    pub key: Signer,
    #[account(address = seller.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    #[account(mut)]
    pub seller: Apart<Seller>,
    /// The seller's meter, created here.
    #[account(mut)]
    pub meter: UncheckedAccount,
    /// The account of the key, created here: a key is registered once in the program. That of a device that was retired
    /// and was this seller's is used again.
    #[account(mut)]
    pub device: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<impl Walks<MeterRegister>>, source: u8, power_w: u64, valid_from: i64) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    accounts.bus.validate_open()?;
    accounts.bus.validate_is_operator(accounts.operator.address())?;
    ensure!(!accounts.seller.has_meter(), MeterExists);
    let (operator, key) = (accounts.operator.address(), accounts.key.address());
    let seeds: [&[u8]; 2] = [METER_SEED, accounts.seller.address().as_ref()];
    let (mut meter, bump) = payment::open::<Meter>(accounts.operator.account(), accounts.meter.account(), &seeds)?;
    meter.initialize(accounts.bus.address(), accounts.seller.address(), operator);
    meter.bump = bump;
    meter.set_device(key, MeterSpec { source, power_w, valid_from }, clock::now()?)?;
    register_device(accounts.operator.account(), accounts.device.account(), key, &mut meter)?;
    accounts.seller.meter = *meter.address();
    log_event!(MeterRegistered {
        bus: meter.bus,
        seller: meter.seller,
        meter: *meter.address(),
        key: *key,
        rent_payer: *operator,
        power_w,
        valid_from,
        registered_at: meter.registered_at,
        source,
        padding: [0; 7],
    });
    Ok(())
}

/// Opens the account of a device's key; the operator pays its rent and gets it back. Where it is open and the device was
/// this seller's before, it is used again. Returns who paid the account's rent.
#[inline(never)]
pub(super) fn register_device(
    operator: &AccountView,
    view: &AccountView,
    key: &Address,
    meter: &mut Meter,
) -> Result<Address> {
    let seeds: [&[u8]; 2] = [DEVICE_SEED, key.as_ref()];
    if view.owned_by(&crate::ID) && bump_of(&seeds, &crate::ID, view.address()).is_some() {
        // SAFETY: no other account of the instructions is this key's.
        let mut device = unsafe { Account::<Device>::load_mut(*view)? };
        if device.reinstate(meter) {
            return Ok(device.rent_payer);
        }
    }
    let (mut device, bump) = payment::open::<Device>(operator, view, &seeds)?;
    device.initialize(key, meter, operator.address());
    device.bump = bump;
    Ok(*operator.address())
}
