//! `lock_take`: holds part of an offer for 300 seconds at today's price; the full cost goes to escrow.

use {
    crate::{
        clock,
        constants::*,
        error::MultibusError,
        event::log_event,
        state::{Bus, Lock, Offer, PriceGuard},
        token::Settlement,
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct LockTake {
    /// Who locks, pays the deposit and the rent, and gets the rent back.
    #[account(mut)]
    pub buyer: Signer,
    #[account(address = offer.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut)]
    pub offer: Account<Offer>,
    #[account(init, payer = buyer, seeds = [LOCK_SEED, offer.address(), buyer.address()], bump)]
    pub lock: Account<Lock>,
    /// Token account that pays the deposit.
    #[account(mut)]
    pub payment: UncheckedAccount,
    /// The bus's escrow.
    #[account(mut, address = bus.escrow @ MultibusError::EscrowMismatch)]
    pub escrow: UncheckedAccount,
    #[account(address = bus.mint @ MultibusError::MintMismatch)]
    pub mint: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(
    ctx: &mut Context<LockTake>,
    energy_wh: u64,
    max_price_per_kwh: u64,
    expected_version: u32,
) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let now = clock::now()?;
    let buyer = accounts.buyer.address();
    accounts.offer.validate_tradable(&accounts.bus, now)?;
    accounts.offer.validate_buyer(buyer)?;
    accounts.offer.validate_lock_expiry(&accounts.bus, Lock::expiry(now))?;
    let guard = PriceGuard { max_price_per_kwh, expected_version };
    let fill = accounts.offer.reserve(energy_wh, guard)?;
    let lock_fee_bps = accounts.bus.lock_fee_bps;
    accounts.lock.initialize(accounts.bus.address(), accounts.offer.address(), buyer, fill, lock_fee_bps, now);
    accounts.lock.bump = ctx.bumps.lock;

    Settlement {
        mint: accounts.mint.account(),
        token_program: accounts.token_program.account(),
        decimals: accounts.bus.mint_decimals,
    }
    .transfer(accounts.payment.account(), accounts.escrow.account(), accounts.buyer.account(), fill.cost)?;

    log_event!(LockTaken {
        lock: *accounts.lock.address(),
        offer: *accounts.offer.address(),
        buyer: *buyer,
        energy_wh,
        price_per_kwh: fill.price_per_kwh,
        deposit: fill.cost,
        expires_at: accounts.lock.expires_at,
    });
    Ok(())
}
