//! `purchase_batch`: buys exact amounts from several offers, all or nothing. The offers can be of several buses with
//! the same mint.

use {
    super::purchase::BookEntry,
    crate::{
        account::Account,
        clock,
        constants::MAX_BATCH_ITEMS,
        error::{MultibusError, ensure, refuse},
        event::{EnergyPurchasedHeader, PurchaseLog, PurchasedFill},
        state::{Bus, Offer, Order, PriceGuard, PurchaseKind, Receipt, Trader, transaction_hash},
        token::{Payout, Settlement},
    },
    anchor_lang::{Discriminator, address_eq, prelude::*},
};

/// One item of a batch. Its accounts are among the remaining accounts, in the order of the items: the offer (writable)
/// and the vault of the offer's seller (writable), on delivery terms followed by the delivery book that the offer names
/// and the buyer's position book on it (both writable). The bus comes before the first item, and again wherever the
/// next item is of another bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AnchorSerialize, AnchorDeserialize)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
pub struct PurchaseItem {
    /// Energy to buy, in Wh; exactly this much is bought.
    pub energy_wh: u64,
    /// Highest price, grid fee included, in token base units per kWh.
    pub max_price_per_kwh: u64,
    /// Version of the offer that was quoted; 0 accepts any.
    pub expected_version: u32,
}

/// Remaining accounts of an item on purchase terms, without its bus.
pub const ACCOUNTS_PER_ITEM: usize = 2;
/// Remaining accounts of an item on delivery terms, without its bus.
pub const ACCOUNTS_PER_DELIVERY_ITEM: usize = 4;

#[derive(Accounts)]
pub struct PurchaseBatch {
    /// The buyer, who owns the token account `payment` or is its delegate.
    pub buyer: Signer,
    /// A nonce lane of the buyer.
    #[account(mut, constraint = trader.wallet == *buyer.address() @ MultibusError::TraderMismatch)]
    pub trader: Account<Trader>,
    /// Token account that pays.
    #[account(mut)]
    pub payment: UncheckedAccount,
    /// Token program of the mint, which is the same for all buses of the batch.
    pub token_program: UncheckedAccount,
}

/// Whether an account has the discriminator of a bus. Everything else is checked where the bus is loaded.
#[inline(always)]
fn is_bus(view: &AccountView) -> bool {
    let kind = Bus::DISCRIMINATOR;
    // SAFETY: the account has that many bytes, and there is no mutable reference to them between two items.
    view.data_len() >= kind.len() && unsafe { core::slice::from_raw_parts(view.data_ptr(), kind.len()) } == kind
}

pub fn handler(ctx: &mut Context<PurchaseBatch>, nonce: u64, max_total: u64, items: Vec<PurchaseItem>) -> Result<()> {
    let views = ctx.remaining_accounts()?;
    let accounts = &mut ctx.accounts;
    let count = items.len();
    ensure!(
        (1..=MAX_BATCH_ITEMS).contains(&count),
        BatchInvalid,
        "{} items, {} accounts",
        count as u64,
        views.len() as u64
    );
    accounts.trader.validate_nonce(nonce)?;
    let now = clock::now()?;
    let buyer = accounts.buyer.address();
    let mut orders: Vec<Order> = Vec::with_capacity(count);
    let mut log = PurchaseLog::new(count);
    let mut payouts: Vec<Payout> = Vec::with_capacity(count);
    let mut bus: Option<Account<Bus>> = None;
    let (mut total_wh, mut total) = (0u64, 0u64);
    let mut next_views = views.as_slice();
    for (item, logged) in items.iter().zip(log.fills_mut()) {
        if let [bus_view, rest @ ..] = next_views
            && is_bus(bus_view)
        {
            let next = Account::<Bus>::load(*bus_view)?;
            ensure!(bus.as_ref().is_none_or(|bus| address_eq(&bus.mint, &next.mint)), MintMismatch);
            ensure!(address_eq(accounts.token_program.address(), &next.token_program), TokenProgramMismatch);
            (bus, next_views) = (Some(next), rest);
        }
        let (Some(bus), [offer_view, vault_view, rest @ ..]) = (&bus, next_views) else {
            refuse!(BatchInvalid, "{} items, {} accounts", count as u64, views.len() as u64)
        };
        next_views = rest;
        for earlier in &orders {
            ensure!(!address_eq(&earlier.offer, offer_view.address()), OfferDuplicate);
        }
        // SAFETY: the reference ends with this item, and no other item has this offer.
        let mut offer = unsafe { Account::<Offer>::load_mut(*offer_view)? };
        ensure!(address_eq(bus.address(), &offer.bus), BusMismatch);
        ensure!(address_eq(vault_view.address(), &offer.vault), VaultMismatch);
        offer.validate_tradable(bus, now)?;
        offer.validate_buyer(buyer)?;
        let guard = PriceGuard { max_price_per_kwh: item.max_price_per_kwh, expected_version: item.expected_version };
        let fill = offer.take(item.energy_wh, item.energy_wh, guard)?;
        if offer.is_on_delivery() {
            let (energy_wh, refund) = (fill.energy_wh, accounts.payment.address());
            BookEntry { books: next_views, buyer, energy_wh, refund }.record(&mut offer)?;
            next_views = &next_views[ACCOUNTS_PER_DELIVERY_ITEM - ACCOUNTS_PER_ITEM..];
        }
        let (Some(sum), Some(sum_wh)) = (total.checked_add(fill.cost), total_wh.checked_add(fill.energy_wh)) else {
            refuse!(CostOverflow)
        };
        (total, total_wh) = (sum, sum_wh);
        // Cannot overflow: no payout exceeds the total.
        match payouts.iter_mut().find(|payout| payout.account == *vault_view) {
            Some(payout) => payout.amount += fill.cost,
            None => payouts.push(Payout { account: *vault_view, amount: fill.cost }),
        }
        orders.push(Order {
            offer: *offer_view.address(),
            energy_wh: item.energy_wh,
            max_price_per_kwh: item.max_price_per_kwh,
        });
        *logged = PurchasedFill {
            offer: *offer_view.address(),
            energy_wh: fill.energy_wh,
            price_per_kwh: fill.price_per_kwh,
            cost: fill.cost,
        };
    }
    ensure!(next_views.is_empty(), BatchInvalid, "{} items, {} accounts", count as u64, views.len() as u64);
    ensure!(total <= max_total, TotalAboveLimit, "total {}, limit {}", total, max_total);

    let lane = accounts.trader.lane;
    let receipt = Receipt {
        transaction_hash: transaction_hash(PurchaseKind::Batch, buyer, lane, nonce, &orders),
        energy_wh: total_wh,
        paid: total,
        purchased_at: now,
    };
    accounts.trader.record_next(receipt)?;

    let Some(bus) = bus else { refuse!(BatchInvalid, "{} items, {} accounts", count as u64, views.len() as u64) };
    Settlement { mint: &bus.mint, token_program: accounts.token_program.account() }.transfer_all(
        accounts.payment.account(),
        accounts.buyer.account(),
        &payouts,
    )?;
    log.log(EnergyPurchasedHeader {
        discriminator: EnergyPurchasedHeader::discriminator(),
        buyer: *buyer,
        transaction_hash: receipt.transaction_hash,
        nonce,
        purchased_at: now,
        lane,
        kind: PurchaseKind::Batch as u8,
        reserved: 0,
        fill_count: count as u32,
    });
    Ok(())
}
