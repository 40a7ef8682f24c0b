//! `purchase_batch`: buys exact parts of several offers, of one bus or many with one mint, all or nothing.

use {
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

/// One item of a batch. Its accounts are two of the remaining accounts, in the order of the items: the offer (writable)
/// and the vault of the offer's seller (writable). Before the first item of a bus, and wherever the bus changes, the bus
/// is passed.
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

/// Accounts of each item among the remaining accounts, beside its bus.
pub const ACCOUNTS_PER_ITEM: usize = 2;

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
    /// Token program of the settlement mint, which all buses of the batch have.
    pub token_program: UncheckedAccount,
}

/// Whether an account holds a bus; what else it is, is checked where it is loaded.
#[inline(always)]
fn is_bus(view: &AccountView) -> bool {
    view.try_borrow().is_ok_and(|data| data.starts_with(Bus::DISCRIMINATOR))
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
    accounts.trader.record(nonce, receipt)?;

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
