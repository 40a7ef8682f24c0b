//! `lock_take`: holds part of an offer for 300 seconds at the present price; the buyer deposits the full cost in the
//! seller's vault. The lock ends at least 300 s before the offer expires, so that what it held can still be sold.

#![allow(
    unused_variables,
    reason = "Anchor parses the `#[instruction]` arguments again where it closes accounts, and uses none"
)]

use {
    super::purchase::load_position,
    crate::{
        account::Account,
        clock,
        constants::*,
        error::{MultibusError, refuse},
        event::log_event,
        state::{Bus, Lock, LockNumber, LockParties, Offer, PriceGuard},
        token::Settlement,
    },
    anchor_lang::prelude::*,
};

/// On delivery terms followed by the buyer's position book on the delivery book that the offer names, writable.
#[derive(Accounts)]
#[instruction(place: u8)]
pub struct LockTake {
    /// The buyer, who pays the deposit and the rent, and gets the rent back.
    #[account(mut)]
    pub buyer: Signer,
    #[account(address = offer.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut)]
    pub offer: Account<Offer>,
    #[account(init, payer = buyer, seeds = [LOCK_SEED, offer.address(), buyer.address(), [place]], bump)]
    pub lock: Account<Lock>,
    /// Token account that pays the deposit.
    #[account(mut)]
    pub payment: UncheckedAccount,
    /// The seller's vault.
    #[account(mut, address = offer.vault @ MultibusError::VaultMismatch)]
    pub vault: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
    pub system_program: Program<System>,
}

/// `refund` is the token account that the deposit goes back to. It is checked only when it is paid: where it is not the
/// buyer's or cannot be paid then, the buyer gets a claim instead.
pub fn handler(
    ctx: &mut Context<LockTake>,
    place: u8,
    energy_wh: u64,
    max_price_per_kwh: u64,
    expected_version: u32,
    refund: Address,
) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let now = clock::now()?;
    let buyer = accounts.buyer.address();
    Lock::validate_place(place)?;
    accounts.offer.validate_tradable(&accounts.bus, now)?;
    accounts.offer.validate_buyer(buyer)?;
    let guard = PriceGuard { max_price_per_kwh, expected_version };
    let fill = accounts.offer.reserve(energy_wh, guard, Lock::expiry(now))?;
    let parties = LockParties { bus: accounts.bus.address(), offer: accounts.offer.address(), buyer, refund: &refund };
    let number = LockNumber { place, of_offer: accounts.offer.locks_taken };
    accounts.lock.initialize(parties, number, fill, accounts.bus.lock_fee_bps, now);
    accounts.lock.bump = ctx.bumps.lock;

    Settlement { mint: &accounts.bus.mint, token_program: accounts.token_program.account() }.transfer(
        accounts.payment.account(),
        accounts.vault.account(),
        accounts.buyer.account(),
        fill.cost,
    )?;

    log_event!(LockTaken {
        lock: *accounts.lock.address(),
        offer: *accounts.offer.address(),
        buyer: *buyer,
        energy_wh,
        price_per_kwh: fill.price_per_kwh,
        deposit: fill.cost,
        expires_at: accounts.lock.expires_at,
        number: number.of_offer,
        place,
        padding: [0; 3],
    });
    if accounts.offer.is_on_delivery() {
        let books = ctx.remaining_accounts()?;
        let accounts = &ctx.accounts;
        let [position, ..] = books.as_slice() else { refuse!(BooksMissing) };
        load_position(position, &accounts.offer, accounts.buyer.address())?.take_lock(&refund)?;
    }
    Ok(())
}
