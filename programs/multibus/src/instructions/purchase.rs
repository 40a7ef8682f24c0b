//! `purchase`: buys part of one offer, exactly or up to an amount with a minimum.

use {
    crate::{
        account::Account,
        clock,
        error::MultibusError,
        event::{self, EnergyPurchasedHeader, PurchasedFill},
        state::{Bus, Offer, Order, PriceGuard, PurchaseKind, Receipt, Trader, transaction_hash},
        token::Settlement,
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct Purchase {
    /// Who buys and may move the tokens of `payment`.
    pub buyer: Signer,
    /// A nonce lane of the buyer.
    #[account(mut, constraint = trader.wallet == *buyer.address() @ MultibusError::TraderMismatch)]
    pub trader: Account<Trader>,
    #[account(address = offer.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut)]
    pub offer: Account<Offer>,
    /// Token account that pays.
    #[account(mut)]
    pub payment: UncheckedAccount,
    /// The seller's vault, which is paid.
    #[account(mut, address = offer.vault @ MultibusError::VaultMismatch)]
    pub vault: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
}

pub fn handler(
    ctx: &mut Context<Purchase>,
    nonce: u64,
    energy_wh: u64,
    min_energy_wh: u64,
    max_price_per_kwh: u64,
    expected_version: u32,
) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let now = clock::now()?;
    let buyer = accounts.buyer.address();
    accounts.trader.validate_nonce(nonce)?;
    accounts.offer.validate_tradable(&accounts.bus, now)?;
    accounts.offer.validate_buyer(buyer)?;
    let guard = PriceGuard { max_price_per_kwh, expected_version };
    let fill = accounts.offer.take(energy_wh, min_energy_wh, guard)?;
    let offer = accounts.offer.address();
    let lane = accounts.trader.lane;
    let order = Order { offer: *offer, energy_wh, max_price_per_kwh };
    let receipt = Receipt {
        transaction_hash: transaction_hash(PurchaseKind::Single, buyer, lane, nonce, &[order]),
        energy_wh: fill.energy_wh,
        paid: fill.cost,
        purchased_at: now,
    };
    accounts.trader.record(nonce, receipt)?;

    Settlement { mint: &accounts.bus.mint, token_program: accounts.token_program.account() }.transfer(
        accounts.payment.account(),
        accounts.vault.account(),
        accounts.buyer.account(),
        fill.cost,
    )?;

    event::log_purchase(
        EnergyPurchasedHeader {
            discriminator: EnergyPurchasedHeader::discriminator(),
            buyer: *buyer,
            transaction_hash: receipt.transaction_hash,
            nonce,
            purchased_at: now,
            lane,
            kind: PurchaseKind::Single as u8,
            reserved: 0,
            fill_count: 1,
        },
        PurchasedFill { offer: *offer, energy_wh: fill.energy_wh, price_per_kwh: fill.price_per_kwh, cost: fill.cost },
    );
    Ok(())
}
