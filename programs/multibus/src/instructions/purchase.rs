//! `purchase`: buys part of one offer, exactly or up to an amount with a minimum. On delivery terms the payment stays
//! in the seller's vault until the window is final; the seller's delivery book and the buyer's position book record
//! what was bought and paid.

use {
    crate::{
        account::Account,
        clock,
        constants::BOOK_WINDOWS,
        error::{MultibusError, ensure, refuse},
        event::{self, EnergyPurchasedHeader, PurchasedFill},
        state::{
            Bus, DeliveryBook, Offer, Order, PositionBook, PriceGuard, PurchaseKind, Receipt, Trader,
            transaction_hash_of_one,
        },
        token::Settlement,
    },
    anchor_lang::{ErrorCode, address_eq, prelude::*},
};

/// On delivery terms followed by the delivery book that the offer names and the buyer's position book on it, both writable.
#[derive(Accounts)]
pub struct Purchase {
    /// The buyer, who owns the token account `payment` or is its delegate.
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
        transaction_hash: transaction_hash_of_one(PurchaseKind::Single, buyer, lane, nonce, order),
        energy_wh: fill.energy_wh,
        paid: fill.cost,
        purchased_at: now,
    };
    accounts.trader.record_next(receipt)?;

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
    if accounts.offer.is_on_delivery() {
        let books = ctx.remaining_accounts()?;
        let accounts = &mut ctx.accounts;
        let entry = BookEntry {
            books: &books,
            buyer: accounts.buyer.address(),
            energy_wh: fill.energy_wh,
            refund: accounts.payment.address(),
        };
        entry.record(&mut accounts.offer)?;
    }
    Ok(())
}

/// A purchase on delivery terms, as it is entered in the seller's delivery book and the buyer's position book.
pub(super) struct BookEntry<'a> {
    /// The accounts of the delivery book and the position book.
    pub books: &'a [AccountView],
    pub buyer: &'a Address,
    /// What was bought, in Wh.
    pub energy_wh: u64,
    /// The buyer's refund account. The position book records it where this is its first entry.
    pub refund: &'a Address,
}

impl BookEntry<'_> {
    /// Moves what was just paid from the offer's proceeds to both books.
    #[inline(never)]
    pub fn record(&self, offer: &mut Offer) -> Result<()> {
        let [book, position, ..] = self.books else { refuse!(BooksMissing) };
        ensure!(address_eq(book.address(), &offer.book), BookMismatch);
        if !book.is_writable() {
            return Err(ErrorCode::ConstraintMut.into());
        }
        // SAFETY: the program recorded this address when it opened the book, which does not close before the offer. Callers
        // load no other delivery book at the same time.
        let mut book = unsafe { Account::<DeliveryBook>::reload(*book) };
        let mut position = load_position(position, offer, self.buyer)?;
        let place = offer.book_place as usize;
        ensure!(place < BOOK_WINDOWS, WindowNotInBook);
        let paid = offer.move_to_book();
        book.sell(place, self.energy_wh, paid)?;
        position.buy(place, self.energy_wh, paid, self.refund);
        Ok(())
    }
}

/// Loads the position book of a buyer on the delivery book of an offer.
#[inline(always)]
pub(super) fn load_position(view: &AccountView, offer: &Offer, buyer: &Address) -> Result<Account<PositionBook>> {
    // SAFETY: callers load no other position book at the same time.
    let position = unsafe { Account::<PositionBook>::load_mut(*view)? };
    position.validate_owner(&offer.book, buyer)?;
    Ok(position)
}
