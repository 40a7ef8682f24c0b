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
        state::{Bus, Capacity, Offer},
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
    fn validate(&self, energy_wh: u64, price_per_kwh: u64, expires_at: i64, source: u8, now: i64) -> Result<()> {
        self.bus.validate_running()?;
        self.bus.validate_lister(self.seller.address())?;
        ensure!(energy_wh > 0, EnergyZero);
        self.bus.validate_price(price_per_kwh)?;
        Offer::validate_source(source)?;
        Offer::validate_expiry(expires_at, now)?;
        let windowed = self.capacity.window_start != 0;
        ensure!(windowed || self.bus.window_seconds == 0, WindowsOn);
        ensure!(!windowed || self.bus.window_seconds != 0, WindowsOff);
        self.bus.validate_gate(self.capacity.window_start, now)?;
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
    accounts.validate(energy_wh, price_per_kwh, expires_at, source, now)?;
    accounts.capacity.list(offer_seq, energy_wh)?;

    let seller = *accounts.seller.address();
    let offer = &mut accounts.offer;
    offer.layout_version = LAYOUT_VERSION;
    offer.bump = ctx.bumps.offer;
    offer.source = source;
    offer.version = 1;
    offer.offer_seq = offer_seq;
    offer.price_per_kwh = price_per_kwh;
    offer.listed_wh = energy_wh;
    offer.remaining_wh = energy_wh;
    offer.window_start = accounts.capacity.window_start;
    offer.created_at = now;
    offer.expires_at = expires_at;
    offer.bus = *accounts.bus.address();
    offer.capacity = *accounts.capacity.address();
    offer.seller = seller;
    offer.payout = *accounts.payout.address();
    offer.rent_payer = seller;

    log_event!(OfferCreated {
        bus: *accounts.bus.address(),
        capacity: *accounts.capacity.address(),
        offer: *accounts.offer.address(),
        seller,
        payout: *accounts.payout.address(),
        offer_seq,
        energy_wh,
        price_per_kwh,
        window_start: accounts.capacity.window_start,
        created_at: now,
        expires_at,
        source,
        owned_by_bus: 0,
        padding: [0; 6],
    });
    Ok(())
}
