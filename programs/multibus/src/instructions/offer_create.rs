//! `offer_create`: takes energy from a window's capacity and puts it on offer: a seller its own, an owner that of the bus
//! itself, which is then sold for the treasury and trades 120 s later.

#![allow(
    unused_variables,
    reason = "Anchor parses the `#[instruction]` arguments again where it closes accounts, and uses none"
)]

use {
    crate::{
        account::Account,
        clock,
        constants::*,
        error::MultibusError,
        event::log_event,
        state::{Bus, Capacity, Offer, OfferPlace, OfferTerms, Seller},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
#[instruction(number: u64)]
pub struct OfferCreate {
    /// The seller's wallet, or any owner for the bus; pays the rent and gets it back.
    #[account(mut)]
    pub lister: Signer,
    #[account(address = seller.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut, constraint = capacity.bus == seller.bus @ MultibusError::CapacityMismatch)]
    pub capacity: Account<Capacity>,
    #[account(mut)]
    pub seller: Account<Seller>,
    #[account(init, payer = lister, seeds = [OFFER_SEED, seller.address(), number.to_le_bytes()], bump)]
    pub offer: Account<Offer>,
    pub system_program: Program<System>,
}

pub fn handler(
    ctx: &mut Context<OfferCreate>,
    number: u64,
    energy_wh: u64,
    price_per_kwh: u64,
    expires_at: i64,
    source: u8,
) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let now = clock::now()?;
    let terms = OfferTerms { energy_wh, price_per_kwh, expires_at, source };
    let (bus, lister) = (&accounts.bus, accounts.lister.address());
    bus.validate_acts_for(bus.address(), &accounts.seller.wallet, lister)?;
    terms.validate(bus, bus.address(), &accounts.seller, &accounts.capacity, now)?;
    accounts.seller.list(number)?;
    accounts.capacity.list(energy_wh, bus.capacity_wh)?;

    let offer = &mut accounts.offer;
    let place = OfferPlace { capacity: &accounts.capacity, seller: &accounts.seller, least_wh: bus.least_wh };
    offer.initialize(place, number, terms, now);
    offer.bump = ctx.bumps.offer;
    offer.capacity = *accounts.capacity.address();
    offer.seller = *accounts.seller.address();
    offer.rent_payer = *lister;
    log_event!(OfferCreated {
        bus: offer.bus,
        capacity: offer.capacity,
        offer: *offer.address(),
        seller: offer.seller,
        rent_payer: offer.rent_payer,
        number,
        energy_wh,
        price_per_kwh,
        window_start: offer.window_start,
        created_at: now,
        trades_from: offer.trades_from,
        expires_at,
        capacity_total_wh: accounts.capacity.total_wh,
        source,
        padding: [0; 7],
    });
    Ok(())
}
