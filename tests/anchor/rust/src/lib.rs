//! What Anchor's IDL does not say about MultiBus, for users of `anchor-client` and `declare_program!`: addresses whose seeds
//! are not in it, the accounts that follow those of the IDL, the events of a transaction, which are in its log, the address of
//! a bid, and what it takes to prove the price of an auction. `docs/anchor.md` explains each.

#![cfg(feature = "network")]

use std::ops::Deref;

use anchor_client::{ClientError, CommitmentConfig, Program, Signer};
use anchor_lang::{AccountMeta, Address, ToAccountMetas, solana_program::hash::hashv};
use base64::{Engine, prelude::BASE64_STANDARD};
use solana_rpc_client_api::{
    config::RpcTransactionConfig,
    filter::{Memcmp, RpcFilterType},
};
use solana_transaction_status_client_types::{UiTransactionEncoding, option_serializer::OptionSerializer};

use crate::multibus::{
    constants::{BID_SEED, BOOK_SEED, BOOK_WINDOWS, METER_SEED, POSITION_SEED, TRANSACTION_HASH_TAG},
    parsers::Event,
    types::{Bid, Capacity, Offer},
};

/// What `declare_program!` makes of `idls/multibus.json`.
mod declared {
    use anchor_lang::prelude::*;

    declare_program!(multibus);
}
pub use declared::multibus;

/// Derives an address of the market. The IDL has the seeds as constants, such as `LOCK_SEED`.
pub fn derive(seeds: &[&[u8]]) -> Address {
    Address::find_program_address(seeds, &multibus::ID).0
}

/// Accounts that follow those of the IDL, for `RequestBuilder::accounts`, which takes no `Vec`.
pub struct Following(pub Vec<AccountMeta>);

impl ToAccountMetas for Following {
    fn to_account_metas(&self, _: Option<bool>) -> Vec<AccountMeta> {
        self.0.clone()
    }
}

/// The accounts that follow in `purchase` and `lock_settle`: nothing on purchase terms; on delivery terms the seller's delivery
/// book and the buyer's position book, which `position_open` opens.
pub fn book_accounts(offer: &Offer, buyer: &Address) -> Following {
    if offer.on_delivery == 0 {
        return Following(Vec::new());
    }
    let position = derive(&[POSITION_SEED, offer.book.as_ref(), buyer.as_ref()]);
    Following(vec![AccountMeta::new(offer.book, false), AccountMeta::new(position, false)])
}

/// The accounts that follow in `purchase_batch`, for items of these offers in their order: each item's offer and vault, and a
/// bus before the first of its items. On delivery terms the books of seller and buyer follow, too.
pub fn batch_accounts(offers: &[(Address, Offer)], buyer: &Address) -> Following {
    let mut accounts = Vec::new();
    let mut bus = None;
    for (address, offer) in offers {
        if bus.replace(offer.bus) != Some(offer.bus) {
            accounts.push(AccountMeta::new_readonly(offer.bus, false));
        }
        accounts.extend([AccountMeta::new(*address, false), AccountMeta::new(offer.vault, false)]);
        accounts.extend(book_accounts(offer, buyer).0);
    }
    Following(accounts)
}

/// The accounts that follow in `offer_create`: nothing on purchase terms; on delivery terms the seller's meter, and its
/// delivery book of 96 windows, which the first listing opens.
pub fn listing_accounts(seller: &Address, capacity: &Capacity) -> Following {
    let Capacity { terms, window_start, .. } = capacity;
    if terms.settlement == 0 {
        return Following(Vec::new());
    }
    let length = i64::from(terms.window_seconds) * BOOK_WINDOWS as i64;
    let first_window = terms.from + (window_start - terms.from) / length * length;
    let meter = derive(&[METER_SEED, seller.as_ref()]);
    let book = derive(&[BOOK_SEED, seller.as_ref(), &first_window.to_le_bytes()]);
    Following(vec![AccountMeta::new(meter, false), AccountMeta::new(book, false)])
}

/// Number of a bid in the IDL's enum `PurchaseKind`.
const BID: u8 = 3;

/// What a buyer bids: the window's capacity, Wh, and the highest price in base units per kWh, grid fee included.
pub struct BidOrder {
    pub capacity: Address,
    pub energy_wh: u64,
    pub max_price_per_kwh: u64,
}

/// The address and the bump that `bid_create` wants. The address is of the bid's hash, which the buyer knows before it is sent.
pub fn bid_of(buyer: &Address, lane: u16, nonce: u64, order: &BidOrder) -> (Address, u8) {
    let hash = hashv(&[
        &TRANSACTION_HASH_TAG,
        multibus::ID.as_ref(),
        buyer.as_ref(),
        &[BID],
        &lane.to_le_bytes(),
        &nonce.to_le_bytes(),
        order.capacity.as_ref(),
        &order.energy_wh.to_le_bytes(),
        &order.max_price_per_kwh.to_le_bytes(),
    ]);
    Address::find_program_address(&[BID_SEED, hash.as_ref()], &multibus::ID)
}

/// The bids and offers of a window: what a clearing counts.
pub struct WindowOrders {
    pub bids: Vec<(Address, Bid)>,
    pub offers: Vec<(Address, Offer)>,
}

/// Where `capacity` stands in a bid and in an offer, in bytes.
const CAPACITY_IN_BID: usize = 128;
const CAPACITY_IN_OFFER: usize = 168;

impl WindowOrders {
    /// Reads them from the node.
    pub fn read<C: Clone + Deref<Target = impl Signer>>(
        program: &Program<C>,
        capacity: &Address,
    ) -> Result<Self, ClientError> {
        let at = |offset| vec![RpcFilterType::Memcmp(Memcmp::new_base58_encoded(offset, capacity.as_ref()))];
        Ok(Self { bids: program.accounts(at(CAPACITY_IN_BID))?, offers: program.accounts(at(CAPACITY_IN_OFFER))? })
    }

    /// The low and the high price that `clearing_open` names, without the grid fee. The low one is the first price at which
    /// what is bid above it is not more than what is asked for at or below it; the high one the first at which it is less.
    /// The auction's price is in the middle, rounded down. Where one side has no energy, nothing is sold, and any prices do.
    pub fn prices(&self) -> (u64, u64) {
        let bids: Vec<(u64, u64)> = self.bids.iter().map(|(_, bid)| (bid.price_per_kwh, bid.energy_wh)).collect();
        let asks: Vec<(u64, u64)> =
            self.offers.iter().map(|(_, offer)| (offer.price_per_kwh, asked_wh(offer))).collect();
        // Both change at the prices of orders alone.
        let bid_above = |limit: u64| -> u64 { bids.iter().filter(|(price, _)| *price > limit).map(|(_, wh)| wh).sum() };
        let asked_up_to =
            |limit: u64| -> u64 { asks.iter().filter(|(price, _)| *price <= limit).map(|(_, wh)| wh).sum() };
        let mut prices: Vec<u64> = bids.iter().chain(&asks).map(|(price, _)| *price).chain([0]).collect();
        prices.sort_unstable();
        let low = prices.iter().find(|price| bid_above(**price) <= asked_up_to(**price)).copied().unwrap_or(0);
        let high = prices.iter().find(|price| bid_above(**price) < asked_up_to(**price)).copied().unwrap_or(low);
        (low, high)
    }

    /// The accounts that follow in `clearing_tally`: bids and offers of the window, in ascending order of their addresses as
    /// bytes. One transaction holds about 28 of them; tally the rest in further ones, in the same order.
    pub fn tally_accounts(&self) -> Following {
        let bids = self.bids.iter().map(|(address, _)| *address);
        let mut orders: Vec<Address> = bids.chain(self.offers.iter().map(|(address, _)| *address)).collect();
        orders.sort_unstable_by_key(|address| address.to_bytes());
        Following(orders.into_iter().map(|address| AccountMeta::new_readonly(address, false)).collect())
    }
}

/// What an offer asks for in the auction of its window, in Wh: offers that end before the gate ask for nothing.
fn asked_wh(offer: &Offer) -> u64 {
    let gate = offer.gate_closes_at;
    let is_asked = offer.cancelled == 0 && offer.expires_at >= gate && offer.trades_from <= gate;
    if is_asked { offer.remaining_wh } else { 0 }
}

/// The events that the market logged in a transaction, in their order. `Program::on` of `anchor-client` gives only events that
/// are not `bytemuck`, and of those only what comes after it has subscribed.
pub fn events_of<C: Clone + Deref<Target = impl Signer>>(program: &Program<C>, signature: &str) -> Vec<Event> {
    let config = RpcTransactionConfig {
        encoding: Some(UiTransactionEncoding::Base64),
        commitment: Some(CommitmentConfig::confirmed()),
        max_supported_transaction_version: Some(0),
    };
    let signature = signature.parse().expect("a signature");
    let transaction = program.rpc().get_transaction_with_config(&signature, config).expect("the transaction");
    let Some(OptionSerializer::Some(log)) = transaction.transaction.meta.map(|meta| meta.log_messages) else {
        panic!("the node keeps no log of {signature}")
    };
    assert!(
        !log.iter().any(|line| line == "Log truncated"),
        "the log of {signature} is cut off; read the accounts instead"
    );
    events_in(&log)
}

/// The events of the market's own frames: any program can log the same bytes.
fn events_in(log: &[String]) -> Vec<Event> {
    let market = multibus::ID.to_string();
    let mut frames: Vec<&str> = Vec::new();
    let mut events = Vec::new();
    for line in log {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["Program", program, "invoke", _] => frames.push(program),
            ["Program", _, "success"] | ["Program", _, "failed:", ..] => {
                frames.pop();
            }
            ["Program", "data:", data] if frames.last() == Some(&market.as_str()) => {
                let bytes = BASE64_STANDARD.decode(data).expect("base64");
                events.push(Event::parse(&bytes).expect("an event of the IDL"));
            }
            _ => {}
        }
    }
    events
}
