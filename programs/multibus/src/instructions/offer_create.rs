//! `offer_create`: takes energy from a window's capacity and puts it on offer.

#![allow(
    unused_variables,
    reason = "Anchor parses the `#[instruction]` arguments again where it closes accounts, and uses none"
)]

use {
    crate::{
        clock,
        constants::*,
        error::{MultibusError, ensure, refuse},
        event::log_event,
        state::{Bus, Capacity, Offer, OfferTerms},
        token,
    },
    anchor_lang::{address_eq, prelude::*},
};

#[derive(Accounts)]
#[instruction(offer_seq: u64)]
pub struct OfferCreate {
    /// An owner, or any wallet where listing is open; pays the rent and gets it back.
    #[account(mut)]
    pub seller: Signer,
    pub bus: Account<Bus>,
    #[account(mut, constraint = capacity.bus == *bus.address() @ MultibusError::BusMismatch)]
    pub capacity: Account<Capacity>,
    #[account(init, payer = seller, seeds = [OFFER_SEED, capacity.address(), offer_seq.to_le_bytes()], bump)]
    pub offer: Account<Offer>,
    /// Token account of the settlement mint that will be paid.
    pub payout: UncheckedAccount,
    pub system_program: Program<System>,
}

impl OfferCreate {
    fn validate(&self, terms: &OfferTerms, now: i64) -> Result<()> {
        terms.validate(&self.bus, &self.capacity, now)?;
        self.bus.validate_lister(self.seller.address())?;
        match token::read_token_account(self.payout.account(), &self.bus) {
            None => refuse!(TokenAccountInvalid),
            Some(account) => {
                ensure!(!address_eq(&account.owner, self.bus.address()), PayoutIsBusAccount);
                Ok(())
            }
        }
    }
}

pub fn handler(
    ctx: &mut Context<OfferCreate>,
    offer_seq: u64,
    energy_wh: u64,
    price_per_kwh: u64,
    expires_at: i64,
    source: u8,
) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let now = clock::now()?;
    let terms = OfferTerms { energy_wh, price_per_kwh, expires_at, source };
    accounts.validate(&terms, now)?;
    accounts.capacity.list(offer_seq, energy_wh)?;

    let offer = &mut accounts.offer;
    offer.initialize(&accounts.capacity, offer_seq, terms, now);
    offer.bump = ctx.bumps.offer;
    offer.capacity = *accounts.capacity.address();
    offer.seller = *accounts.seller.address();
    offer.payout = *accounts.payout.address();
    offer.rent_payer = *accounts.seller.address();
    log_created(offer);
    Ok(())
}

/// Logs a new offer as it stands in its account.
#[inline(always)]
pub(super) fn log_created(offer: &Account<Offer>) {
    log_event!(OfferCreated {
        bus: offer.bus,
        capacity: offer.capacity,
        offer: *offer.address(),
        seller: offer.seller,
        payout: offer.payout,
        rent_payer: offer.rent_payer,
        offer_seq: offer.offer_seq,
        energy_wh: offer.listed_wh,
        price_per_kwh: offer.price_per_kwh,
        window_start: offer.window_start,
        created_at: offer.created_at,
        expires_at: offer.expires_at,
        source: offer.source,
        owned_by_bus: offer.owned_by_bus,
        padding: [0; 6],
    });
}
