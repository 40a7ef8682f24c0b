//! `purchase_batch`: buys exact parts of several offers, of one bus or many with one mint, all or nothing.

use {
    crate::{
        clock,
        constants::MAX_BATCH_ITEMS,
        error::{MultibusError, ensure, refuse},
        event::{EnergyPurchasedHeader, PurchaseLog, PurchasedFill},
        state::{Bus, Offer, Order, PriceGuard, PurchaseKind, Receipt, Trader, transaction_hash},
        token::{Payout, Settlement},
    },
    anchor_lang::{address_eq, prelude::*},
};

/// One item of a batch. Its accounts are three of the remaining accounts, in the order of the items:
/// the bus, the offer (writable) and the offer's payout account (writable).
#[derive(Clone, Copy, Debug, PartialEq, Eq, AnchorSerialize, AnchorDeserialize)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
pub struct PurchaseItem {
    /// Energy to buy, exactly, in Wh.
    pub energy_wh: u64,
    /// Highest price, in token base units per kWh.
    pub max_price_per_kwh: u64,
    /// Version of the offer that was quoted; 0 accepts any.
    pub expected_version: u32,
}

/// Accounts of each item among the remaining accounts.
pub const ACCOUNTS_PER_ITEM: usize = 3;

#[derive(Accounts)]
pub struct PurchaseBatch {
    /// Who buys and may move the tokens of `payment`.
    pub buyer: Signer,
    /// A nonce lane of the buyer.
    #[account(mut, constraint = trader.wallet == *buyer.address() @ MultibusError::TraderMismatch)]
    pub trader: Account<Trader>,
    /// Token account that pays.
    #[account(mut)]
    pub payment: UncheckedAccount,
    /// Settlement mint of every bus in the batch.
    pub mint: UncheckedAccount,
    /// Token program of the mint.
    pub token_program: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<PurchaseBatch>, nonce: u64, max_total: u64, items: Vec<PurchaseItem>) -> Result<()> {
    let views = ctx.remaining_accounts()?;
    let accounts = &mut ctx.accounts;
    let count = items.len();
    ensure!(
        (1..=MAX_BATCH_ITEMS).contains(&count) && views.len() == count * ACCOUNTS_PER_ITEM,
        BatchInvalid,
        "{} items, {} accounts",
        count as u64,
        views.len() as u64
    );
    accounts.trader.validate_nonce(nonce)?;
    let now = clock::now()?;
    let buyer = accounts.buyer.address();
    let orders: Vec<Order> = items
        .iter()
        .zip(views.chunks_exact(ACCOUNTS_PER_ITEM))
        .map(|(item, views)| Order {
            offer: *views[1].address(),
            energy_wh: item.energy_wh,
            max_price_per_kwh: item.max_price_per_kwh,
        })
        .collect();
    let mut log = PurchaseLog::new(count);
    let mut payouts: Vec<Payout> = Vec::with_capacity(count);
    let mut bus: Option<Account<Bus>> = None;
    let (mut total_wh, mut total) = (0u64, 0u64);
    let item_views = views.chunks_exact(ACCOUNTS_PER_ITEM);
    for (index, ((item, item_views), logged)) in items.iter().zip(item_views).zip(log.fills_mut()).enumerate() {
        let (bus_view, offer_view, payout_view) = (item_views[0], item_views[1], item_views[2]);
        // Items of one bus mostly follow each other: what holds of a bus is proven where it first comes.
        let bus = match &mut bus {
            Some(bus) if *bus.account() == bus_view => bus,
            other => {
                let next = Account::<Bus>::load(bus_view)?;
                ensure!(address_eq(accounts.mint.address(), &next.mint), MintMismatch);
                ensure!(address_eq(accounts.token_program.address(), &next.token_program), TokenProgramMismatch);
                other.insert(next)
            }
        };
        for earlier in views[..index * ACCOUNTS_PER_ITEM].chunks_exact(ACCOUNTS_PER_ITEM) {
            ensure!(earlier[1] != offer_view, OfferDuplicate);
        }
        // SAFETY: the reference ends with this item, and no other item has this offer.
        let mut offer = unsafe { Account::<Offer>::load_mut(offer_view)? };
        ensure!(address_eq(bus.address(), &offer.bus), BusMismatch);
        ensure!(address_eq(payout_view.address(), &offer.payout), PayoutMismatch);
        offer.validate_tradable(bus, now)?;
        offer.validate_buyer(buyer)?;
        let guard = PriceGuard { max_price_per_kwh: item.max_price_per_kwh, expected_version: item.expected_version };
        let fill = offer.take(item.energy_wh, item.energy_wh, guard)?;
        let (Some(sum), Some(sum_wh)) = (total.checked_add(fill.cost), total_wh.checked_add(fill.energy_wh)) else {
            refuse!(CostOverflow)
        };
        (total, total_wh) = (sum, sum_wh);
        // Cannot overflow: no payout exceeds the total.
        match payouts.iter_mut().find(|payout| payout.account == payout_view) {
            Some(payout) => payout.amount += fill.cost,
            None => payouts.push(Payout { account: payout_view, amount: fill.cost }),
        }
        *logged = PurchasedFill {
            offer: *offer.address(),
            energy_wh: fill.energy_wh,
            price_per_kwh: fill.price_per_kwh,
            cost: fill.cost,
        };
    }
    ensure!(total <= max_total, TotalAboveLimit, "total {}, limit {}", total, max_total);

    let lane = accounts.trader.lane;
    let receipt = Receipt {
        transaction_hash: transaction_hash(buyer, lane, nonce, &orders),
        energy_wh: total_wh,
        paid: total,
        purchased_at: now,
    };
    accounts.trader.record(nonce, receipt)?;

    Settlement {
        mint: accounts.mint.account(),
        token_program: accounts.token_program.account(),
        // The decimals of the mint, which all buses of the batch have.
        decimals: bus.map_or(0, |bus| bus.mint_decimals),
    }
    .transfer_all(accounts.payment.account(), accounts.buyer.account(), &payouts)?;
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
