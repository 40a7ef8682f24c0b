//! `lock_settle`: the lock's buyer buys the energy that the lock holds, up to and including the expiry second. The
//! deposit is in the seller's vault already, so no token moves, and neither a pause nor what anyone does to a token
//! account can stop it.

use {
    super::purchase::{BookEntry, load_position},
    crate::{
        account::Account,
        clock,
        error::{MultibusError, refuse},
        event::{self, EnergyPurchasedHeader, PurchasedFill},
        state::{Lock, Offer, Order, PurchaseKind, Receipt, Trader, transaction_hash_of_one},
    },
    anchor_lang::prelude::*,
};

/// On delivery terms followed by the delivery book that the offer names and the buyer's position book on it, both writable.
#[derive(Accounts)]
pub struct LockSettle {
    /// The lock's buyer, who gets its rent back.
    #[account(mut, address = lock.buyer @ MultibusError::LockBuyerMismatch)]
    pub buyer: Signer,
    /// A nonce lane of the buyer.
    #[account(mut, constraint = trader.wallet == *buyer.address() @ MultibusError::TraderMismatch)]
    pub trader: Account<Trader>,
    #[account(mut, address = lock.offer @ MultibusError::LockOfferMismatch)]
    pub offer: Account<Offer>,
    #[account(mut, close = buyer)]
    pub lock: Account<Lock>,
}

pub fn handler(ctx: &mut Context<LockSettle>, nonce: u64, lock_number: u32) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let now = clock::now()?;
    accounts.trader.validate_nonce(nonce)?;
    let lock = &accounts.lock;
    lock.validate_settle(lock_number, now)?;
    let (energy_wh, price_per_kwh, deposit) = (lock.energy_wh, lock.price_per_kwh, lock.deposit);
    let lane = accounts.trader.lane;
    let order = Order { offer: *accounts.offer.address(), energy_wh, max_price_per_kwh: price_per_kwh };
    let receipt = Receipt {
        transaction_hash: transaction_hash_of_one(
            PurchaseKind::LockSettlement,
            accounts.buyer.address(),
            lane,
            nonce,
            order,
        ),
        energy_wh,
        paid: deposit,
        purchased_at: now,
    };
    accounts.trader.record_next(receipt)?;
    accounts.offer.settle(energy_wh, deposit);

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
    if accounts.offer.is_on_delivery() {
        let books = ctx.remaining_accounts()?;
        let accounts = &mut ctx.accounts;
        let (buyer, refund) = (accounts.buyer.address(), &accounts.lock.refund);
        BookEntry { books: &books, buyer, energy_wh, refund }.record(&mut accounts.offer)?;
        let [_, position, ..] = books.as_slice() else { refuse!(BooksMissing) };
        load_position(position, &accounts.offer, buyer)?.close_lock();
    }
    Ok(())
}
