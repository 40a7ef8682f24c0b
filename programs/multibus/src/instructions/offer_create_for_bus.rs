//! `offer_create_for_bus`: an owner puts energy of the bus itself on offer. The bus is its seller, so any owner may
//! reprice, extend and cancel it, and sales are paid into the treasury.

#![allow(
    unused_variables,
    reason = "Anchor parses the `#[instruction]` arguments again where it closes accounts, and uses none"
)]

use {
    super::offer_create::log_created,
    crate::{
        clock,
        constants::*,
        error::MultibusError,
        state::{Bus, Capacity, Offer, OfferTerms},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
#[instruction(offer_seq: u64)]
pub struct OfferCreateForBus {
    /// An owner; pays the rent and gets it back.
    #[account(mut)]
    pub owner: Signer,
    pub bus: Account<Bus>,
    #[account(mut, constraint = capacity.bus == *bus.address() @ MultibusError::BusMismatch)]
    pub capacity: Account<Capacity>,
    #[account(init, payer = owner, seeds = [OFFER_SEED, capacity.address(), offer_seq.to_le_bytes()], bump)]
    pub offer: Account<Offer>,
    pub system_program: Program<System>,
}

pub fn handler(
    ctx: &mut Context<OfferCreateForBus>,
    offer_seq: u64,
    energy_wh: u64,
    price_per_kwh: u64,
    expires_at: i64,
    source: u8,
) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let now = clock::now()?;
    let terms = OfferTerms { energy_wh, price_per_kwh, expires_at, source };
    terms.validate(&accounts.bus, &accounts.capacity, now)?;
    accounts.bus.validate_owner(accounts.owner.address())?;
    accounts.capacity.list(offer_seq, energy_wh)?;

    let offer = &mut accounts.offer;
    offer.initialize(&accounts.capacity, offer_seq, terms, now);
    offer.bump = ctx.bumps.offer;
    offer.owned_by_bus = 1;
    offer.capacity = *accounts.capacity.address();
    offer.seller = *accounts.bus.address();
    offer.payout = accounts.bus.treasury;
    offer.rent_payer = *accounts.owner.address();
    log_created(offer);
    Ok(())
}
