//! `lock_settle`: the lock's buyer takes the energy, up to and including the expiry second; the deposit pays the
//! seller.

use {
    crate::{
        clock,
        error::MultibusError,
        event::{self, EnergyPurchasedHeader, PurchasedFill},
        state::{Bus, Lock, Offer, Order, PurchaseKind, Receipt, Trader, transaction_hash},
        token::Settlement,
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct LockSettle {
    /// The lock's buyer, who gets its rent back.
    #[account(mut, address = lock.buyer @ MultibusError::LockBuyerMismatch)]
    pub buyer: Signer,
    /// A nonce lane of the buyer.
    #[account(mut, constraint = trader.wallet == *buyer.address() @ MultibusError::TraderMismatch)]
    pub trader: Account<Trader>,
    #[account(address = offer.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut, address = lock.offer @ MultibusError::LockOfferMismatch)]
    pub offer: Account<Offer>,
    #[account(mut, close = buyer)]
    pub lock: Account<Lock>,
    /// The bus's escrow, which pays.
    #[account(mut, address = bus.escrow @ MultibusError::EscrowMismatch)]
    pub escrow: UncheckedAccount,
    /// The offer's payout account.
    #[account(mut, address = offer.payout @ MultibusError::PayoutMismatch)]
    pub payout: UncheckedAccount,
    #[account(address = bus.mint @ MultibusError::MintMismatch)]
    pub mint: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<LockSettle>, nonce: u64) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let now = clock::now()?;
    accounts.trader.validate_nonce(nonce)?;
    accounts.bus.validate_running()?;
    accounts.lock.validate_settle(now)?;
    let (energy_wh, price_per_kwh, deposit) =
        (accounts.lock.energy_wh, accounts.lock.price_per_kwh, accounts.lock.deposit);
    let lane = accounts.trader.lane;
    let order = Order { offer: *accounts.offer.address(), energy_wh, max_price_per_kwh: price_per_kwh };
    let receipt = Receipt {
        transaction_hash: transaction_hash(accounts.buyer.address(), lane, nonce, &[order]),
        energy_wh,
        paid: deposit,
        purchased_at: now,
    };
    accounts.trader.record(nonce, receipt)?;
    accounts.offer.settle(energy_wh);

    Settlement {
        mint: accounts.mint.account(),
        token_program: accounts.token_program.account(),
        decimals: accounts.bus.mint_decimals,
    }
    .transfer_from_bus(accounts.escrow.account(), accounts.payout.account(), &accounts.bus, deposit)?;

    event::log_purchase(
        EnergyPurchasedHeader {
            discriminator: EnergyPurchasedHeader::discriminator(),
            buyer: *accounts.buyer.address(),
            transaction_hash: receipt.transaction_hash,
            nonce,
            purchased_at: now,
            lane,
            kind: PurchaseKind::LockSettlement as u8,
            reserved: 0,
            fill_count: 1,
        },
        PurchasedFill { offer: *accounts.offer.address(), energy_wh, price_per_kwh, cost: deposit },
    );
    Ok(())
}
