//! Auctions: the price of a book, bids, clearing and settlement, from the first bid to the last certificate.

use {
    crate::{
        delivery::{SOLAR, device, names},
        support::{Fault, FaultyChain, attempts, side_by_side},
    },
    async_trait::async_trait,
    multibus_client::{
        Address, Error, Event, Keyed, Keypair, PricePerKwh, Result, SharedSigner, Signature, Wallet, Wh, address,
        auction::{AuctionPhase, Book, Order, Side, clear, phase_name},
        bid::{Bid, BidFilter, BidOrder, BidProgress, BidState, Placed},
        certificate::Certifiable,
        chain::{Chain, ChainLayer, EmbeddedChain, VersionedTransaction},
        clearing::{ClearOptions, Clearance, Kept, Progress, Settled, clearing_apply, clearing_open, clearing_tally},
        history::{Evidence, HistoricPurchase},
        multibus::{error::MultibusError, math, token::SPL_TOKEN_ID},
        offer::OfferTerms,
        proposal::ProposalAction,
        purchase::{PurchaseOrder, TransactionHash},
        reading::Reading,
        terms::SettlementTime,
    },
    multibus_test_support::market::{EmbeddedMarket, FUNDS, SOL, auction_bus, terms},
    proptest::prelude::*,
    std::{
        fs,
        path::Path,
        sync::{
            Arc, Mutex,
            atomic::{AtomicU32, Ordering},
        },
        time::Duration,
    },
};

/// Grid fee of the bus, in base units per kWh.
const FEE: u64 = 50;

/// Reads the columns `side,party,energy_wh,price_per_kwh`.
fn parse(csv: &str) -> Book {
    let order = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let [side, _, energy_wh, price] = cells[..] else { panic!("four columns: {line}") };
        Order {
            side: side.parse().unwrap(),
            energy_wh: energy_wh.parse().unwrap(),
            price_per_kwh: price.parse().unwrap(),
        }
    };
    Book::new(csv.lines().skip(1).map(order).collect()).unwrap()
}

#[test]
fn the_16_books_have_their_known_prices() {
    let books = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/auction");
    let expected = fs::read_to_string(books.join("expected.csv")).unwrap();
    let mut sold = 0;
    for line in expected.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [name, low, high, price, volume, rationed] = cells[..] else { panic!("six columns: {line}") };
        let cleared = clear(&parse(&fs::read_to_string(books.join(name)).unwrap()));
        let number = |cell: &str| cell.parse::<u64>().unwrap();
        assert_eq!((cleared.low_price, cleared.high_price), (number(low), number(high)), "{name}");
        assert_eq!(cleared.volume_wh, number(volume), "{name}");
        if cleared.volume_wh > 0 {
            assert_eq!(cleared.price_per_kwh, number(price), "{name}");
            assert_eq!(cleared.rationed.map_or("", Side::name), rationed, "{name}");
            sold += 1;
        } else {
            assert_eq!((cleared.price_per_kwh, cleared.rationed), (0, None), "{name}");
        }
    }
    assert_eq!(sold, 12);
}

/// A bus whose windows auctions close, with sellers, buyers, a clearer, and a window ahead.
pub struct Fair {
    pub fresh: EmbeddedMarket,
    pub bus: Address,
    pub sellers: Vec<Wallet>,
    pub devices: Vec<SharedSigner>,
    pub buyers: Vec<Wallet>,
    pub clearer: Wallet,
    pub window: i64,
}

impl Fair {
    pub async fn new(settlement: SettlementTime) -> Self {
        Self::with(settlement, 2, 3).await
    }

    async fn with(settlement: SettlementTime, sellers: usize, buyers: usize) -> Self {
        let mut fresh = EmbeddedMarket::new().await;
        let bus = fresh.owner.bus_create(&fresh.mint, &auction_bus(&fresh.owner, settlement)).await.unwrap().address;
        let now = fresh.chain.clock().await.unwrap().unix_timestamp;
        fresh.buses.push(bus);
        let lamports = 101 * SOL * (sellers + buyers) as u64;
        fresh.chain.airdrop(&fresh.owner.address(), lamports).await.unwrap();
        // Its book has windows before and after.
        let window = (now / (96 * 900) + 1) * 96 * 900 + 10 * 900;
        let clearer = fresh.member().await;
        let mut fair = Self { fresh, bus, sellers: vec![], devices: vec![], buyers: vec![], clearer, window };
        for _ in 0..sellers {
            let (seller, device) = (fair.fresh.member().await, device());
            if settlement == SettlementTime::OnDelivery {
                seller.seller_open(&bus).await.unwrap();
                fair.fresh.owner.meter_register(&bus, &seller.address(), &device, &SOLAR).await.unwrap();
            }
            fair.sellers.push(seller);
            fair.devices.push(device);
        }
        for _ in 0..buyers {
            fair.buyers.push(fair.fresh.member().await.with_lanes(1));
        }
        fair
    }

    /// An offer until the gate.
    pub async fn ask(&self, seller: usize, energy_wh: u64, price_per_kwh: u64) -> Address {
        let offered = OfferTerms { window_start: self.window, ..terms(energy_wh, price_per_kwh) };
        self.sellers[seller].offer_create(&self.bus, &offered).await.unwrap().address
    }

    /// An order for a price without the grid fee.
    fn order(&self, energy_wh: u64, price_per_kwh: u64) -> BidOrder {
        BidOrder::new(self.bus, self.window, Wh(energy_wh), PricePerKwh(price_per_kwh + FEE))
    }

    pub async fn bid(&self, buyer: usize, energy_wh: u64, price_per_kwh: u64) -> Placed {
        self.buyers[buyer].bid(&self.order(energy_wh, price_per_kwh)).await.unwrap()
    }

    pub fn gate(&self) -> i64 {
        self.window - 300
    }

    pub async fn pass_until(&self, time: i64) {
        self.fresh.chain.wait_until(time).await.unwrap();
    }

    pub async fn clear(&self) -> Clearance {
        self.pass_until(self.gate()).await;
        self.clearer.auction_clear(&self.bus, self.window).await.unwrap()
    }

    pub async fn settle(&self) -> Settled {
        let settled = self.clearer.auction_settle(&self.bus, self.window).await.unwrap();
        assert!(settled.waiting.is_empty(), "{:?}", settled.waiting);
        settled
    }

    async fn tokens(&self, wallet: &Wallet) -> u64 {
        self.fresh.tokens(&wallet.address()).await.unwrap()
    }

    async fn open_bids(&self) -> Vec<Keyed<Bid>> {
        let filter = BidFilter { window_start: Some(self.window), bus: Some(self.bus), buyer: None };
        self.fresh.market().bids(&filter).await.unwrap()
    }

    pub async fn report(&self, seller: usize, energy_wh: u64) {
        let reading = Reading { window_start: self.window, energy_wh, sequence: 1 };
        let (wallet, device) = (self.sellers[seller].address(), &self.devices[seller]);
        self.fresh.owner.delivery_report(&self.bus, &wallet, device, &reading).await.unwrap();
    }

    pub async fn book_of(&self, seller: usize) -> Address {
        let wallet = self.sellers[seller].address();
        self.fresh.market().delivery_book_of(&self.bus, &wallet, self.window).await.unwrap().address
    }

    /// Asserts that all invariants hold, that every history is verified, and that no token is missing.
    async fn is_sound(&self) {
        let wallets: Vec<Address> =
            self.sellers.iter().chain(&self.buyers).chain([&self.clearer]).map(Wallet::address).collect();
        assert_eq!(self.fresh.violations(&wallets).await.unwrap(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_window_on_purchase_terms_closes_at_one_price() {
    let fair = Fair::new(SettlementTime::OnPurchase).await;
    let (market, window) = (fair.fresh.market(), fair.window);
    let cheap = fair.ask(0, 4_000, 1_000).await;
    let dear = fair.ask(1, 3_000, 1_500).await;
    let dearer = fair.ask(1, 2_000, 2_000).await;
    // Offers trade meanwhile.
    let bought = PurchaseOrder::exactly(cheap, Wh(1_000), PricePerKwh(1_050));
    assert_eq!(fair.buyers[2].buy(&bought).await.unwrap().paid, 1_050);

    let quote = fair.buyers[0].bid_quote(&fair.order(2_000, 1_800)).await.unwrap();
    assert_eq!((quote.deposit, quote.nonce, quote.transaction_hash), (3_700, None, None), "its lane is not open");
    assert_eq!((quote.preview.energy_wh, quote.preview.cleared.price_per_kwh), (2_000, 1_000));
    assert_eq!((quote.preview.cost, quote.preview.returned), (2_100, 1_600));
    let first = fair.bid(0, 2_000, 1_800).await;
    assert_eq!((first.deposit, first.energy_wh, first.max_price_per_kwh, first.attempts), (3_700, 2_000, 1_850, 1));
    let quote = fair.buyers[0].bid_quote(&fair.order(2_500, 1_500)).await.unwrap();
    let second = fair.bid(0, 2_500, 1_500).await;
    assert_eq!((quote.transaction_hash, quote.address), (Some(second.transaction_hash), Some(second.address)));
    let third = fair.bid(1, 1_500, 1_500).await;
    let low = fair.bid(2, 5_000, 900).await;
    let hash = fair.order(2_500, 1_500).transaction_hash(&fair.buyers[0].address(), second.lane, second.nonce);
    assert_eq!((hash, address::bid(&hash.0)), (second.transaction_hash, second.address));
    let bid = market.bid(&second.address).await.unwrap();
    assert_eq!((bid.price_per_kwh, bid.deposit, bid.buyer), (1_500, 3_875, fair.buyers[0].address()));
    assert_eq!(bid.refund, fair.fresh.token_account(&bid.buyer));
    fair.is_sound().await;

    let book = market.book(&fair.bus, window).await.unwrap();
    assert_eq!((book.phase, book.gate(), book.closing_from()), (AuctionPhase::Trading, fair.gate(), fair.gate() - 300));
    assert_eq!((book.bids.len(), book.offers.len(), book.unsettled()), (4, 3, 0));
    let expected = clear(book.orders());
    assert_eq!((expected.price_per_kwh, expected.volume_wh, expected.rationed), (1_500, 6_000, None));
    assert_eq!(book.cleared(), expected);
    let refused = fair.clearer.auction_clear(&fair.bus, window).await.unwrap_err();
    assert!(refused.to_string().contains(&format!("from its gate on, at {}", fair.gate())), "{refused}");
    let refused = fair.clearer.auction_settle(&fair.bus, window).await.unwrap_err();
    assert!(refused.to_string().contains("settle it once it is cleared"), "{refused}");
    let refused = fair.clearer.bid_settle(&first.address, false).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::AuctionNotOver));
    let refused = fair.buyers[1].bid_settle(&first.address, true).await.unwrap_err();
    assert!(refused.to_string().contains("can give up the certificates"), "{refused}");

    fair.pass_until(fair.gate()).await;
    let book = market.book(&fair.bus, window).await.unwrap();
    assert_eq!((book.phase, book.is_proven(), book.is_complete()), (AuctionPhase::Fixed, false, true));
    let refused = fair.clearer.auction_settle(&fair.bus, window).await.unwrap_err();
    assert!(refused.to_string().contains("clear it first"), "{refused}");
    let cleared = fair.clear().await;
    assert_eq!((cleared.cleared, cleared.orders, cleared.by_this_wallet, cleared.resumed), (expected, 7, true, false));
    assert_eq!((cleared.cost.transactions, cleared.cost.fees, cleared.transactions.len()), (1, 5_000, 1));
    assert_eq!((cleared.capacity.price_per_kwh, cleared.capacity.volume_wh), (1_500, 6_000));
    let again = fair.fresh.owner.auction_clear(&fair.bus, window).await.unwrap();
    assert_eq!((again.by_this_wallet, again.orders, again.cost.transactions), (false, 0, 0));
    assert_eq!(again.cleared.price_per_kwh, 1_500);
    fair.is_sound().await;

    let book = market.book(&fair.bus, window).await.unwrap();
    assert_eq!((book.phase, book.unsettled(), book.cleared().volume_wh), (AuctionPhase::Cleared, 7, 6_000));
    let settled = fair.settle().await;
    assert_eq!((settled.bids, settled.asks, settled.cancelled_offers, settled.is_done), (4, 2, 3, true));
    fair.is_sound().await;
    // Nothing is left to do.
    let settled = fair.settle().await;
    assert!(settled.is_empty() && settled.is_done && settled.cost.transactions == 0);

    // All pay and get 1,500 and the fee.
    let paid = |energy_wh: u64| math::cost(energy_wh, 1_550).unwrap();
    let expected = [FUNDS - paid(2_000) - paid(2_500), FUNDS - paid(1_500), FUNDS - 1_050];
    for (buyer, expected) in fair.buyers.iter().zip(expected) {
        assert_eq!(fair.tokens(buyer).await, expected);
    }
    for (offer, address) in [("cheap", cheap), ("dear", dear), ("dearer", dearer)] {
        assert!(market.offers(&[address]).await.unwrap()[0].is_none(), "{offer}");
    }
    for (seller, sold) in [(0, 3_000 * 1_500 / 1_000 + 1_000), (1, 3_000 * 1_500 / 1_000)] {
        let wallet = &fair.sellers[seller];
        let money = market.seller_money(&market.seller(&fair.bus, &wallet.address()).await.unwrap()).await.unwrap();
        assert_eq!((money.released, money.proceeds, money.pool_due), (sold, 0, 0));
        wallet.seller_withdraw(&fair.bus, &wallet.address()).await.unwrap();
        assert_eq!(fair.tokens(wallet).await, FUNDS + sold);
    }

    // A bid is a purchase as far as hash, history and verification go.
    let filled = BidProgress::Filled { allotted_wh: 2_500, paid: paid(2_500) };
    for (placed, buyer, state) in [(&second, 0, filled), (&low, 2, BidProgress::Unfilled)] {
        let wallet = fair.buyers[buyer].address();
        let found = market.is_transaction_processed(&placed.transaction_hash, Some(&wallet)).await.unwrap().unwrap();
        assert_eq!((found.energy_wh, found.paid, found.evidence, found.is_bid()), (0, 0, Evidence::Receipt, true));
        assert_eq!(found.bid.map(|bid| (bid.address, bid.state)), Some((placed.address, state)));
    }
    assert_eq!(market.bid_status(&TransactionHash([7; 32])).await.unwrap(), None);
    let history = market.history(&fair.buyers[0].address(), first.lane).await.unwrap();
    assert!(history.is_verified() && history.purchases.iter().all(HistoricPurchase::is_bid));
    let told: Vec<Address> = history.purchases.iter().map(|purchase| purchase.bid.unwrap().bid).collect();
    assert_eq!(told, [first.address, second.address]);
    let mixed = market.history(&fair.buyers[2].address(), low.lane).await.unwrap();
    assert!(mixed.is_verified());
    assert_eq!(mixed.purchases.iter().map(HistoricPurchase::is_bid).collect::<Vec<_>>(), [false, true]);
    let life = market.account_history(&third.address).await.unwrap();
    let mut life: Vec<Event> = life.events.into_iter().map(|historic| historic.event).collect();
    // A tally names the last order that it counts: the one with the highest address.
    life.retain(|event| !matches!(event, Event::ClearingTallied(_)));
    assert_eq!(names(&life), ["BidCreated", "BidSettled"]);

    // The window closes; what rounding left goes to the treasury.
    fair.pass_until(window + 900).await;
    let left = market.capacity(&fair.bus, window).await.unwrap().escrowed;
    let closed = fair.clearer.capacity_close(&fair.bus, window).await.unwrap();
    assert!(matches!(&closed.events[..], [Event::CapacityClosed(event)] if event.remainder == left));
    fair.is_sound().await;
}

#[tokio::test]
async fn bids_are_withdrawn_until_the_last_minutes() {
    let fair = Fair::new(SettlementTime::OnPurchase).await;
    let market = fair.fresh.market();
    // The first bid opens the window.
    let bid = fair.bid(0, 1_000, 1_000).await;
    let events = market.chain().transaction(&bid.signature).await.unwrap().unwrap().events();
    assert_eq!(names(&events), ["CapacityOpened", "BidCreated"]);
    let refused = fair.buyers[1].bid_cancel(&bid.address, None).await.unwrap_err();
    assert!(refused.to_string().contains("sign with its buyer's wallet"), "{refused}");
    let cancelled = fair.buyers[0].bid_cancel(&bid.address, None).await.unwrap();
    assert_eq!(names(&cancelled.events), ["BidCancelled"]);
    assert_eq!(fair.tokens(&fair.buyers[0]).await, FUNDS);
    let status = market.bid_status(&bid.transaction_hash).await.unwrap().unwrap();
    assert_eq!((status.address, status.state, status.state.name()), (bid.address, BidProgress::Cancelled, "cancelled"));
    // To another account of the buyer's choice.
    let bid = fair.bid(0, 1_000, 1_000).await;
    let friend = fair.fresh.token_account(&fair.buyers[1].address());
    fair.buyers[0].bid_cancel(&bid.address, Some(&friend)).await.unwrap();
    assert_eq!(fair.tokens(&fair.buyers[1]).await, FUNDS + 1_050);
    let last = fair.bid(0, 1_000, 1_000).await;
    fair.pass_until(fair.gate() - 300).await;
    let refused = fair.buyers[0].bid_cancel(&last.address, None).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::LastMinutes));
    // More bids come until the gate second.
    assert_eq!(market.bid_status(&last.transaction_hash).await.unwrap().unwrap().state, BidProgress::Open);
    fair.bid(1, 10, 1_000).await;
    fair.pass_until(fair.gate()).await;
    let refused = fair.buyers[1].bid(&fair.order(10, 1_000)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::GateClosed), "{refused}");
    let refused = fair.buyers[1].bid_quote(&fair.order(10, 1_000)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::GateClosed), "{refused}");
    // Without an offer the auction is over.
    let book = market.book(&fair.bus, fair.window).await.unwrap();
    assert_eq!((book.phase, book.cleared().volume_wh, phase_name(book.phase)), (AuctionPhase::Over, 0, "over"));
    let refused = fair.clearer.auction_clear(&fair.bus, fair.window).await.unwrap_err();
    assert!(refused.to_string().contains("no bid or no offer"), "{refused}");
    let settled = fair.settle().await;
    assert_eq!((settled.bids, settled.asks, settled.is_done), (2, 0, true));
    let buyers = fair.tokens(&fair.buyers[0]).await + fair.tokens(&fair.buyers[1]).await;
    assert_eq!(buyers, 2 * FUNDS);
    fair.is_sound().await;
}

#[tokio::test]
async fn what_the_program_refuses_of_a_bid_is_said_and_costs_nothing() {
    let fair = Fair::new(SettlementTime::OnPurchase).await;
    fair.ask(0, 1_000, 1_000).await;
    let buyer = &fair.buyers[0];
    let cases = [
        (fair.order(10, 99), MultibusError::LimitBelowBase),
        (fair.order(0, 1_000), MultibusError::SizeTooSmall),
        (fair.order(1_000_000_001, 1_000), MultibusError::BidTooLarge),
        (BidOrder { window_start: fair.window + 1, ..fair.order(10, 1_000) }, MultibusError::WindowMisaligned),
        (BidOrder { bus: fair.fresh.bus, ..fair.order(10, 1_000) }, MultibusError::WindowMisaligned),
    ];
    for (order, expected) in cases {
        for refused in [buyer.bid(&order).await.unwrap_err(), buyer.bid_quote(&order).await.unwrap_err()] {
            assert!(refused.multibus().is_some(), "{expected:?}: {refused}");
        }
    }
    for (order, said) in [
        (fair.order(u64::MAX, 1_000), "bid for less"),
        (BidOrder { window_start: 0, bus: fair.fresh.bus, ..fair.order(10, 1_000) }, "auction"),
    ] {
        let refused = buyer.bid(&order).await.unwrap_err();
        assert!(refused.to_string().contains(said), "{refused}");
    }
    let poor = Wallet::new(fair.fresh.chain.clone(), Arc::new(Keypair::new()));
    fair.fresh.chain.airdrop(&poor.address(), 1_000_000_000).await.unwrap();
    let refused = poor.bid(&fair.order(10, 1_000)).await.unwrap_err();
    assert!(refused.to_string().contains("there is no token account"), "{refused}");
    let rich = fair.order(900_000_000, 2_000_000);
    let refused = buyer.bid(&rich).await.unwrap_err();
    assert!(refused.to_string().contains("holds less than the payment"), "{refused}");
    assert_eq!((fair.tokens(buyer).await, fair.fresh.receipts(&buyer.address()).await), (FUNDS, 0));
    // A preview of what the gate, the fee or 64 bits refuse.
    let book = fair.fresh.market().book(&fair.bus, fair.window).await.unwrap();
    for (energy_wh, limit, said) in [(10, FEE - 1, "below the grid fee"), (u64::MAX, 9_000, "bid for less")] {
        let refused = book.preview(Wh(energy_wh), PricePerKwh(limit)).unwrap_err();
        assert!(refused.to_string().contains(said), "{refused}");
    }
    fair.pass_until(fair.gate()).await;
    let book = fair.fresh.market().book(&fair.bus, fair.window).await.unwrap();
    assert!(book.preview(Wh(10), PricePerKwh(1_000)).unwrap_err().to_string().contains("takes no bids now"));
    let refused = fair.clearer.auction_clear(&fair.fresh.bus, 0).await.unwrap_err();
    assert!(refused.to_string().contains("no auction closes the window 0"), "{refused}");
}

#[tokio::test]
async fn a_window_on_delivery_terms_pays_for_what_was_delivered() {
    let fair = Fair::new(SettlementTime::OnDelivery).await;
    let (market, window) = (fair.fresh.market(), fair.window);
    let traded = fair.ask(0, 6_000, 1_000).await;
    fair.ask(1, 5_000, 1_000).await;
    fair.ask(1, 1_000, 3_000).await;
    let bought = PurchaseOrder::exactly(traded, Wh(2_000), PricePerKwh(1_050));
    assert_eq!(fair.buyers[2].buy(&bought).await.unwrap().paid, 2_100);
    // 9 kWh are asked for at 1,000, 6 are bid.
    let (first, second) = (fair.bid(0, 4_000, 1_200).await, fair.bid(1, 2_000, 1_000).await);
    fair.is_sound().await;
    let cleared = fair.clear().await;
    assert_eq!((cleared.cleared.price_per_kwh, cleared.cleared.volume_wh), (1_000, 6_000));
    assert_eq!(cleared.cleared.rationed, Some(Side::Ask));
    let settled = fair.settle().await;
    assert_eq!((settled.bids, settled.asks, settled.cancelled_offers, settled.pool_reports), (2, 2, 3, 0));
    assert!(!settled.is_done, "bids wait for the pool");
    fair.is_sound().await;
    let paid = |energy_wh: u64| math::cost(energy_wh, 1_050).unwrap();
    let status = market.bid_status(&first.transaction_hash).await.unwrap().unwrap();
    assert_eq!(status.state, BidProgress::Filled { allotted_wh: 4_000, paid: paid(4_000) });
    assert_eq!(fair.tokens(&fair.buyers[0]).await, FUNDS - paid(4_000));

    // 4,000 of 9,000 Wh and 5,000 of 9,000 Wh are sold of the two: 2,666 and 3,333 or so.
    let of_seller = async |seller: usize| {
        let wallet = fair.sellers[seller].address();
        let all = market.deliveries(&fair.bus, Some(&wallet)).await.unwrap();
        all.into_iter().find(|delivery| delivery.window_start == window).unwrap()
    };
    let sold = [of_seller(0).await, of_seller(1).await].map(|delivery| (delivery.sold_wh, delivery.auction_wh));
    assert_eq!((sold[0].0, sold[1].0, sold[0].1 + sold[1].1), (2_000, 0, 6_000));
    assert!(sold[0].1.abs_diff(2_666) <= 1, "{sold:?}");
    fair.pass_until(window + 900).await;
    let early = fair.clearer.pool_report(&fair.book_of(0).await, window).await.unwrap_err();
    assert_eq!(early.multibus(), Some(MultibusError::WindowNotFinal));
    // The first delivers half of what it sold, the other all and 100 Wh more.
    fair.report(0, u64::midpoint(2_000, sold[0].1)).await;
    fair.report(1, sold[1].1 + 100).await;
    let settled = fair.settle().await;
    assert!(settled.is_empty(), "readings can still be corrected");
    let final_at = of_seller(0).await.final_at.max(of_seller(1).await.final_at);
    fair.pass_until(final_at).await;
    let money =
        market.seller_money(&market.seller(&fair.bus, &fair.sellers[1].address()).await.unwrap()).await.unwrap();
    assert_eq!((money.released, money.held), (0, 0));
    let settled = fair.settle().await;
    assert_eq!((settled.bids, settled.pool_reports, settled.is_done), (2, 2, false), "certificates are open");
    fair.is_sound().await;
    let capacity = market.capacity(&fair.bus, window).await.unwrap();
    let reported = [of_seller(0).await, of_seller(1).await];
    assert!(reported.iter().all(|delivery| delivery.pool_reported && delivery.unsettled_offers == 0));
    let delivered: u64 = reported.iter().map(|delivery| delivery.auction_delivered_wh).sum();
    assert_eq!((capacity.reported_wh, capacity.delivered_wh), (6_000, delivered));
    assert!(delivered.abs_diff(1_333 + 3_334) <= 2, "{delivered}");
    for (placed, buyer, energy_wh) in [(&first, 0, 4_000u64), (&second, 1, 2_000)] {
        let bid = market.bid(&placed.address).await.unwrap();
        assert_eq!(bid.state, BidState::Refunded as u8);
        assert_eq!(bid.delivered_wh, energy_wh * delivered / 6_000);
        assert_eq!(fair.tokens(&fair.buyers[buyer]).await, FUNDS - bid.paid);
        assert_eq!(bid.paid, (paid(energy_wh) * delivered).div_ceil(6_000));
        let state = market.bid_status(&placed.transaction_hash).await.unwrap().unwrap().state;
        let BidProgress::Delivered { allotted_wh, delivered_wh, paid } = state else { panic!("{state:?}") };
        assert_eq!((allotted_wh, delivered_wh, paid), (energy_wh, bid.delivered_wh, bid.paid));
    }

    // Certificates of both sellers; each Wh once.
    let certifiable = market.certifiable(&fair.bus, &fair.buyers[0].address()).await.unwrap();
    let all: u64 = certifiable.iter().map(|one| one.energy_wh).sum();
    assert_eq!(all, market.bid(&first.address).await.unwrap().delivered_wh);
    assert!(certifiable.iter().all(|one| one.holding == first.address && one.window_start == window));
    for Certifiable { book, holding, energy_wh, .. } in certifiable {
        let taken = fair.buyers[0].certificate_take_for_bid(&holding, &book).await.unwrap();
        let certificate = market.certificate(&taken.address).await.unwrap();
        assert_eq!((certificate.energy_wh(), certificate.owner), (energy_wh, fair.buyers[0].address()));
    }
    assert!(market.certifiable(&fair.bus, &fair.buyers[0].address()).await.unwrap().is_empty());
    let books = [fair.book_of(0).await, fair.book_of(1).await];
    let refused = fair.buyers[0].certificate_take_for_bid(&first.address, &books[1]).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::AlreadyCertified), "{refused}");
    let refused = fair.buyers[2].certificate_take_for_bid(&second.address, &books[1]).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::BidBuyerMismatch), "{refused}");
    fair.is_sound().await;
    // The bid that has all of them closes, the other one once its buyer gives them up.
    let settled = fair.settle().await;
    assert_eq!((settled.bids, settled.is_done), (1, false));
    assert!(fair.clearer.bid_settle(&second.address, false).await.is_err());
    fair.buyers[1].bid_settle(&second.address, true).await.unwrap();
    assert!(fair.open_bids().await.is_empty());
    assert_eq!(market.bid_status(&first.transaction_hash).await.unwrap().unwrap().state.name(), "delivered");
    for seller in 0..2 {
        let wallet = &fair.sellers[seller];
        wallet.seller_withdraw(&fair.bus, &wallet.address()).await.unwrap();
    }
    fair.is_sound().await;
    fair.clearer.capacity_close(&fair.bus, window).await.unwrap();
    fair.is_sound().await;
}

const FAULTS: [Fault; 4] = [Fault::LandsUnanswered, Fault::LandsUnknown, Fault::Lost, Fault::HeldBack];

#[tokio::test]
async fn a_bid_is_made_once_whatever_becomes_of_its_transactions() {
    for first in FAULTS {
        for second in
            [None, Some(Fault::LandsUnanswered), Some(Fault::LandsUnknown), Some(Fault::Lost), Some(Fault::HeldBack)]
        {
            let faults: Vec<Fault> = [first].into_iter().chain(second).collect();
            let fair = Fair::with(SettlementTime::OnPurchase, 1, 0).await;
            fair.ask(0, 1_000, 1_000).await;
            let keypair = fair.fresh.funded().await;
            Wallet::new(fair.fresh.chain.clone(), keypair.clone()).open_lanes(1).await.unwrap();
            for chain in
                [FaultyChain::new(&fair.fresh.chain, &faults), FaultyChain::without_logs(&fair.fresh.chain, &[first])]
            {
                let before = fair.open_bids().await.len();
                let buyer = Wallet::new(chain, keypair.clone()).with_lanes(1).with_options(attempts(5));
                let tokens = fair.tokens(&buyer).await;
                let placed =
                    buyer.bid(&fair.order(1_000, 1_200)).await.unwrap_or_else(|error| panic!("{faults:?}: {error}"));
                assert_eq!(fair.tokens(&buyer).await, tokens - 1_250, "{faults:?}");
                let bids = fair.open_bids().await;
                assert_eq!(bids.len(), before + 1, "{faults:?}");
                assert!(bids.iter().any(|bid| bid.address == placed.address && bid.deposit == placed.deposit));
                let receipts = fair.fresh.market().receipts(&buyer.address()).await.unwrap();
                assert_eq!(receipts[0].transaction_hash(), placed.transaction_hash, "{faults:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_bid_that_was_lost_for_good_is_not_made() {
    let fair = Fair::with(SettlementTime::OnPurchase, 1, 0).await;
    fair.ask(0, 1_000, 1_000).await;
    let keypair = fair.fresh.funded().await;
    Wallet::new(fair.fresh.chain.clone(), keypair.clone()).open_lanes(1).await.unwrap();
    let chain = FaultyChain::new(&fair.fresh.chain, &[Fault::Lost; 9]);
    let buyer = Wallet::new(chain, keypair).with_lanes(1).with_options(attempts(3));
    let refused = buyer.bid(&fair.order(1_000, 1_200)).await.unwrap_err();
    assert!(matches!(refused, Error::Expired { .. }), "{refused}");
    assert_eq!((fair.open_bids().await.len(), fair.tokens(&buyer).await), (0, FUNDS));
}

#[tokio::test(flavor = "multi_thread")]
async fn bids_and_purchases_side_by_side_each_have_a_nonce() {
    let fair = Fair::with(SettlementTime::OnPurchase, 1, 0).await;
    let offer = fair.ask(0, 10_000, 1_000).await;
    let keypair = fair.fresh.funded().await;
    let buyer = Wallet::new(FaultyChain::slow(&fair.fresh.chain), keypair).with_lanes(4);
    let order = fair.order(100, 1_500);
    let tasks = (0..24).map(|number| {
        let buyer = buyer.clone();
        async move {
            if number % 2 == 0 {
                buyer.bid(&order).await.map(|placed| placed.transaction_hash)
            } else {
                let order = PurchaseOrder::exactly(offer, Wh(100), PricePerKwh(1_050));
                buyer.buy(&order).await.map(|bought| bought.transaction_hash)
            }
        }
    });
    let mut hashes: Vec<TransactionHash> = side_by_side(tasks).await.into_iter().map(|made| made.unwrap()).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!((hashes.len(), fair.open_bids().await.len()), (24, 12));
    assert_eq!(fair.tokens(&buyer).await, FUNDS - 12 * 155 - 12 * 105);
    for lane in fair.fresh.market().traders(&buyer.address()).await.unwrap() {
        assert!(fair.fresh.market().history(&buyer.address(), lane.lane).await.unwrap().is_verified());
    }
}

/// A chain that is gone for good after so many transactions.
struct Mortal {
    inner: Arc<EmbeddedChain>,
    lives: AtomicU32,
}

#[async_trait]
impl ChainLayer for Mortal {
    fn inner(&self) -> &dyn Chain {
        &*self.inner
    }

    fn admit(&self) -> Result<()> {
        match self.lives.load(Ordering::Relaxed) {
            0 => Err(Error::Invalid("the process died".to_string())),
            _ => Ok(()),
        }
    }

    async fn send(&self, transaction: &VersionedTransaction) -> Result<Signature> {
        self.admit()?;
        let sent = self.inner.send(transaction).await;
        self.lives.fetch_sub(1, Ordering::Relaxed);
        sent
    }
}

/// A window with two offers and so many bids of one buyer whose book is fixed, and the clearer's key.
async fn crowded(bids: usize) -> (Fair, Arc<Keypair>) {
    crowded_by(1, bids).await
}

/// The same with bids of so many buyers.
async fn crowded_by(buyers: usize, bids: usize) -> (Fair, Arc<Keypair>) {
    let fair = Fair::with(SettlementTime::OnPurchase, 1, buyers).await;
    fair.ask(0, 10_000, 1_000).await;
    fair.ask(0, 10_000, 1_500).await;
    for (place, number) in (0..bids).zip(0u64..) {
        fair.bid(place % buyers, 100 + number, 900 + number * 7 % 900).await;
    }
    fair.pass_until(fair.gate()).await;
    let key = fair.fresh.funded().await;
    (fair, key)
}

#[tokio::test]
async fn a_clearer_that_dies_at_any_step_is_carried_on() {
    let expected = {
        let (fair, key) = crowded(70).await;
        let clearer = Wallet::new(fair.fresh.chain.clone(), key);
        let cleared = clearer.auction_clear(&fair.bus, fair.window).await.unwrap();
        assert_eq!((cleared.cost.transactions, cleared.orders), (3, 72));
        cleared
    };
    for lives in 1..=3 {
        let (fair, key) = crowded(70).await;
        let chain = Arc::new(Mortal { inner: fair.fresh.chain.clone(), lives: AtomicU32::new(lives) });
        let dying = Wallet::new(chain, key.clone());
        assert!(dying.auction_clear(&fair.bus, fair.window).await.is_err(), "after {lives} transactions");
        let clearer = Wallet::new(fair.fresh.chain.clone(), key);
        let cleared = clearer.auction_clear(&fair.bus, fair.window).await.unwrap();
        assert_eq!(cleared.capacity.price_per_kwh, expected.capacity.price_per_kwh, "after {lives}");
        assert_eq!(cleared.capacity.volume_wh, expected.capacity.volume_wh);
        // What was counted is not counted again.
        let left = expected.cost.transactions - lives;
        assert_eq!((cleared.cost.transactions, cleared.resumed), (left, left > 0), "after {lives}");
        assert!(fair.fresh.market().clearings(&fair.bus).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_network_that_loses_answers_does_not_keep_a_window_from_clearing() {
    for fault in FAULTS {
        for place in 0..4 {
            let (fair, key) = crowded(70).await;
            // Faults come one after the other, so what comes before is answered by another node.
            let before = Arc::new(Mortal { inner: fair.fresh.chain.clone(), lives: AtomicU32::new(place) });
            let _ = Wallet::new(before, key.clone()).auction_clear(&fair.bus, fair.window).await;
            let chain = FaultyChain::new(&fair.fresh.chain, &[fault, fault]);
            let clearer = Wallet::new(chain, key).with_options(attempts(2));
            let cleared = clearer.auction_clear(&fair.bus, fair.window).await;
            let cleared = cleared.unwrap_or_else(|error| panic!("{fault:?} after {place}: {error}"));
            let book = fair.fresh.market().book(&fair.bus, fair.window).await.unwrap();
            assert_eq!((book.phase, book.cleared().volume_wh), (AuctionPhase::Cleared, cleared.capacity.volume_wh));
            assert!(fair.fresh.market().clearings(&fair.bus).await.unwrap().is_empty(), "{fault:?} after {place}");
        }
    }
}

#[tokio::test]
async fn a_network_that_loses_answers_settles_every_order_once() {
    for fault in FAULTS {
        let (fair, key) = crowded(12).await;
        fair.clearer.auction_clear(&fair.bus, fair.window).await.unwrap();
        let chain = FaultyChain::new(&fair.fresh.chain, &[fault, fault, fault]);
        let settler = Wallet::new(chain, key).with_options(attempts(2));
        let settled = settler.auction_settle(&fair.bus, fair.window).await.unwrap();
        // What was held back lands before the next one; whoever settles again finds it done.
        let again = fair.settle().await;
        assert!(settled.is_done || again.is_done, "{fault:?}: {settled:?}");
        assert!(fair.open_bids().await.is_empty(), "{fault:?}");
        assert_eq!(fair.fresh.market().audit(&fair.bus).await.unwrap().violations, Vec::<String>::new(), "{fault:?}");
        let paid = FUNDS - fair.tokens(&fair.buyers[0]).await;
        let bids = fair.fresh.market().history(&fair.buyers[0].address(), 0).await.unwrap().purchases;
        let mut expected = 0;
        for bid in bids {
            let state = fair.fresh.market().bid_status(&bid.transaction_hash).await.unwrap().unwrap().state;
            if let BidProgress::Filled { paid, .. } = state {
                expected += paid;
            }
        }
        assert_eq!(paid, expected, "{fault:?}");
    }
}

#[tokio::test]
async fn others_clearings_and_false_claims_change_nothing() {
    let (fair, key) = crowded(70).await;
    let (market, window) = (fair.fresh.market(), fair.window);
    let capacity = address::capacity(&fair.bus, window);
    let book = market.book(&fair.bus, window).await.unwrap();
    let right = book.cleared();
    let mut orders: Vec<Address> = book.bids.iter().map(|bid| bid.address).collect();
    orders.extend(book.offers.iter().map(|offer| offer.address));
    orders.sort_unstable();
    // A stranger claims prices that suit it.
    let stranger = fair.fresh.member().await;
    let wallet = stranger.address();
    stranger.send(&[clearing_open(&wallet, &capacity, right.low_price + 1, right.high_price + 9)]).await.unwrap();
    for part in orders.chunks(28) {
        stranger.send(&[clearing_tally(&wallet, &capacity, part)]).await.unwrap();
    }
    let refused = stranger.send(&[clearing_apply(&wallet, &capacity)]).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::PriceWrong));
    // Another is half way, and this clearer's own account claims a wrong price, too.
    let other = fair.fresh.member().await;
    other.send(&[clearing_open(&other.address(), &capacity, right.low_price, right.high_price)]).await.unwrap();
    let clearer = Wallet::new(fair.fresh.chain.clone(), key);
    clearer.send(&[clearing_open(&clearer.address(), &capacity, 1, 2)]).await.unwrap();
    clearer.send(&[clearing_tally(&clearer.address(), &capacity, &orders[..28])]).await.unwrap();
    let cleared = clearer.auction_clear(&fair.bus, window).await.unwrap();
    assert_eq!((cleared.cleared, cleared.by_this_wallet, cleared.resumed), (right, true, false));
    assert_eq!(cleared.cost.transactions, 4, "its useless clearing was closed first");
    // Anyone closes what is useless by now; each gets its own rent.
    let useless = market.clearings(&fair.bus).await.unwrap();
    assert_eq!(useless.len(), 2);
    for clearing in useless {
        let before = fair.fresh.chain.accounts(&[clearing.clearer]).await.unwrap()[0].as_ref().unwrap().lamports;
        clearer.clearing_close(&clearing.address).await.unwrap();
        let after = fair.fresh.chain.accounts(&[clearing.clearer]).await.unwrap()[0].as_ref().unwrap().lamports;
        assert!(after > before);
    }
    fair.settle().await;
    assert_eq!(market.audit(&fair.bus).await.unwrap().violations, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clearers_at_once_end_in_one_price() {
    let (fair, key) = crowded(40).await;
    let (bus, window) = (fair.bus, fair.window);
    let other = fair.fresh.member().await;
    let tasks = [Wallet::new(FaultyChain::slow(&fair.fresh.chain), key), other]
        .map(|clearer| async move { (clearer.address(), clearer.auction_clear(&bus, window).await) });
    let done: Vec<(Address, Clearance)> =
        side_by_side(tasks).await.into_iter().map(|(wallet, cleared)| (wallet, cleared.unwrap())).collect();
    assert_eq!(done.iter().filter(|(_, cleared)| cleared.by_this_wallet).count(), 1);
    assert_eq!(done[0].1.cleared.price_per_kwh, done[1].1.cleared.price_per_kwh);
    assert!(fair.fresh.market().clearings(&bus).await.unwrap().is_empty(), "both have their rent back");
}

#[tokio::test]
async fn lookup_tables_halve_the_tallies_and_are_closed_again() {
    let (fair, key) = crowded(170).await;
    let clearer = Wallet::new(fair.fresh.chain.clone(), key);
    let options = ClearOptions { lookup_tables: true };
    let lamports = async || {
        let accounts = fair.fresh.chain.accounts(&[clearer.address()]).await.unwrap();
        accounts[0].as_ref().unwrap().lamports
    };
    let before = lamports().await;
    let cleared = clearer.auction_clear_with(&fair.bus, fair.window, &options).await.unwrap();
    assert_eq!((cleared.orders, cleared.tables.len(), cleared.by_this_wallet), (172, 1, true));
    let book = fair.fresh.market().book(&fair.bus, fair.window).await.unwrap();
    assert_eq!((book.phase, book.cleared().volume_wh), (AuctionPhase::Cleared, cleared.cleared.volume_wh));
    // 7 extend the table, 3 tally, one deactivates it.
    assert_eq!(cleared.cost.transactions, 11);
    for table in &cleared.tables {
        clearer.lookup_table_close(table).await.unwrap();
    }
    assert_eq!(before - lamports().await, cleared.cost.fees + 5_000, "only fees are gone");
}

#[tokio::test]
async fn a_clearer_tells_how_far_it_is() {
    let (fair, key) = crowded_by(4, 68).await;
    let clearer = Wallet::new(fair.fresh.chain.clone(), key);
    let told = Mutex::new(Vec::new());
    let tell = |progress: Progress| told.lock().unwrap().push((progress.done, progress.orders));
    let options = ClearOptions::default();
    let cleared = clearer.auction_clear_with_progress(&fair.bus, fair.window, &options, &tell).await.unwrap();
    let counted = std::mem::take(&mut *told.lock().unwrap());
    assert_eq!((counted.len(), counted.last()), (cleared.cost.transactions as usize, Some(&(70, 70))));
    assert!(counted.iter().all(|(_, orders)| *orders == 70) && counted.is_sorted());
    let settled = clearer.auction_settle_with_progress(&fair.bus, fair.window, &tell).await.unwrap();
    let counted = told.lock().unwrap();
    assert_eq!((counted.len(), counted.last()), (settled.cost.transactions as usize, Some(&(70, 70))));
    assert!(settled.is_done && counted.is_sorted());
}

#[tokio::test]
async fn a_node_that_hides_an_order_does_not_make_a_wrong_price() {
    /// A node that does not show some account of the program.
    struct Hiding {
        inner: Arc<EmbeddedChain>,
        hidden: Address,
    }

    #[async_trait]
    impl ChainLayer for Hiding {
        fn inner(&self) -> &dyn Chain {
            &*self.inner
        }

        async fn program_accounts(
            &self,
            program: &Address,
            filter: &multibus_client::chain::AccountFilter,
        ) -> Result<Vec<(Address, multibus_client::Account)>> {
            let mut all = self.inner.program_accounts(program, filter).await?;
            all.retain(|(address, _)| *address != self.hidden);
            Ok(all)
        }
    }

    let fair = Fair::new(SettlementTime::OnPurchase).await;
    fair.ask(0, 1_000, 1_000).await;
    let hidden = fair.bid(0, 500, 1_200).await.address;
    fair.bid(1, 600, 1_300).await;
    fair.pass_until(fair.gate()).await;
    let key = fair.fresh.funded().await;
    let clearer = Wallet::new(Arc::new(Hiding { inner: fair.fresh.chain.clone(), hidden }), key.clone());
    let refused = clearer.auction_clear(&fair.bus, fair.window).await.unwrap_err();
    assert!(refused.to_string().contains("shows 1 of 2 bids"), "{refused}");
    assert!(fair.fresh.market().clearings(&fair.bus).await.unwrap().is_empty());
    Wallet::new(fair.fresh.chain.clone(), key).auction_clear(&fair.bus, fair.window).await.unwrap();
}

#[tokio::test]
async fn where_nobody_clears_all_bids_come_back() {
    let fair = Fair::new(SettlementTime::OnDelivery).await;
    fair.ask(0, 1_000, 1_000).await;
    fair.bid(0, 500, 1_200).await;
    fair.pass_until(fair.gate()).await;
    let stranger = fair.fresh.member().await;
    let capacity = address::capacity(&fair.bus, fair.window);
    stranger.send(&[clearing_open(&stranger.address(), &capacity, 5, 6)]).await.unwrap();
    fair.pass_until(fair.gate() + 86_400).await;
    let refused = stranger.auction_clear(&fair.bus, fair.window).await.unwrap_err();
    assert!(refused.to_string().contains("nobody proved its price until"), "{refused}");
    assert!(fair.fresh.market().clearings(&fair.bus).await.unwrap().is_empty(), "its own was closed");
    let kept = fair.clearer.auction_keep(&fair.bus).await.unwrap();
    let [Kept { clearance: None, settled: Some(settled), error: None, .. }] = &kept[..] else { panic!("{kept:?}") };
    assert_eq!((settled.bids, settled.cancelled_offers, settled.is_done), (1, 1, true));
    assert_eq!(fair.tokens(&fair.buyers[0]).await, FUNDS);
    assert!(fair.clearer.auction_keep(&fair.bus).await.unwrap().is_empty(), "nothing is left");
    fair.pass_until(fair.gate() + 30 * 86_400).await;
    fair.sellers[0].seller_close(&fair.bus, &fair.sellers[0].address()).await.unwrap();
}

#[tokio::test]
async fn a_keeper_clears_each_window_at_its_gate() {
    let fair = Fair::new(SettlementTime::OnPurchase).await;
    fair.ask(0, 1_000, 1_000).await;
    fair.bid(0, 500, 1_200).await;
    let later = OfferTerms { window_start: fair.window + 900, ..terms(700, 1_100) };
    fair.sellers[1].offer_create(&fair.bus, &later).await.unwrap();
    fair.buyers[1].bid(&BidOrder { window_start: fair.window + 900, ..fair.order(400, 1_100) }).await.unwrap();
    let (mut passes, mut done) = (0, Vec::new());
    let stop = |kept: &[Kept]| {
        passes += 1;
        for one in kept {
            let (clearance, settled) = (one.clearance.as_ref().unwrap(), one.settled.as_ref().unwrap());
            done.push((one.window_start, clearance.cleared.volume_wh, settled.bids, settled.asks, settled.is_done));
        }
        done.len() < 2
    };
    fair.clearer.auction_watch(&fair.bus, Duration::from_hours(6), stop).await.unwrap();
    assert_eq!(done, [(fair.window, 500, 1, 1, true), (fair.window + 900, 400, 1, 1, true)]);
    assert!(passes <= 16, "{passes} passes");
    let now = fair.fresh.chain.clock().await.unwrap().unix_timestamp;
    assert!(now < fair.window + 900, "it woke up at the gate");
    fair.is_sound().await;
}

/// Closes a wallet's token account, whose tokens go to the owner of the mint.
async fn close_account(fair: &Fair, wallet: &Wallet) {
    let (account, owner) = (fair.fresh.token_account(&wallet.address()), wallet.address());
    let to = fair.fresh.token_account(&fair.fresh.owner.address());
    let amount = fair.tokens(wallet).await;
    let empty = spl_token_interface::instruction::transfer(&SPL_TOKEN_ID, &account, &to, &owner, &[], amount);
    let close = spl_token_interface::instruction::close_account(&SPL_TOKEN_ID, &account, &owner, &owner, &[]);
    wallet.send(&[empty.unwrap(), close.unwrap()]).await.unwrap();
}

#[tokio::test]
async fn a_refund_that_cannot_be_paid_waits_or_becomes_a_claim() {
    for settlement in [SettlementTime::OnPurchase, SettlementTime::OnDelivery] {
        let fair = Fair::new(settlement).await;
        fair.ask(0, 1_000, 1_000).await;
        let gone = fair.bid(0, 500, 1_200).await;
        fair.bid(1, 700, 1_000).await;
        close_account(&fair, &fair.buyers[0]).await;
        fair.clear().await;
        let settled = fair.clearer.auction_settle(&fair.bus, fair.window).await.unwrap();
        let claim = fair.fresh.market().claim(&fair.bus, &fair.buyers[0].address()).await.unwrap();
        fair.is_sound().await;
        if settlement == SettlementTime::OnPurchase {
            // 500 Wh at 1,000 and the fee.
            assert_eq!((settled.bids, settled.is_done, settled.waiting.len()), (2, true, 0));
            assert_eq!(claim.unwrap().amount, 625 - 525);
            fair.clearer.claim_pay(&fair.bus, &fair.buyers[0].address()).await.unwrap();
            assert_eq!(fair.tokens(&fair.buyers[0]).await, 100);
            continue;
        }
        assert_eq!((settled.bids, claim.is_none()), (2, true));
        let [waiting] = &settled.waiting[..] else { panic!("{:?}", settled.waiting) };
        assert_eq!((waiting.account, waiting.error.multibus()), (gone.address, Some(MultibusError::PayeeUnpayable)));
        let refused = fair.clearer.bid_settle(&gone.address, false).await.unwrap_err();
        assert_eq!(refused.multibus(), Some(MultibusError::PayeeUnpayable));
        let friend = fair.fresh.token_account(&fair.buyers[2].address());
        let refused = fair.clearer.bid_settle_to(&gone.address, &friend, false).await.unwrap_err();
        assert!(refused.to_string().contains("can choose the refund account"), "{refused}");
        // The buyer itself creates the account again.
        fair.buyers[0].bid_settle(&gone.address, false).await.unwrap();
        assert_eq!(fair.tokens(&fair.buyers[0]).await, 100);
        assert!(fair.settle().await.is_empty());
        // A silent seller: nothing was delivered, and all comes back.
        fair.pass_until(fair.window + 900 + 86_400 + 3_600).await;
        close_account(&fair, &fair.buyers[0]).await;
        let settled = fair.clearer.auction_settle(&fair.bus, fair.window).await.unwrap();
        assert_eq!((settled.pool_reports, settled.bids, settled.is_done), (1, 2, true));
        let claim = fair.fresh.market().claim(&fair.bus, &fair.buyers[0].address()).await.unwrap().unwrap();
        assert_eq!(claim.amount, 525);
        assert_eq!(fair.tokens(&fair.buyers[1]).await, FUNDS);
        fair.is_sound().await;
    }
}

#[tokio::test]
async fn a_closing_bus_returns_bids_and_ends() {
    let fair = Fair::new(SettlementTime::OnDelivery).await;
    let (market, owner) = (fair.fresh.market(), &fair.fresh.owner);
    fair.ask(0, 1_000, 1_000).await;
    fair.bid(0, 500, 1_200).await;
    let later = OfferTerms { window_start: fair.window + 900, ..terms(700, 1_100) };
    fair.sellers[1].offer_create(&fair.bus, &later).await.unwrap();
    fair.buyers[1].bid(&BidOrder { window_start: fair.window + 900, ..fair.order(400, 1_100) }).await.unwrap();
    // The first window is cleared and settled, the second one is ahead.
    fair.clear().await;
    fair.settle().await;
    let proposal = owner.propose(&fair.bus, &ProposalAction::BusClose).await.unwrap().address;
    owner.proposal_close(&proposal).await.unwrap();
    let refused = fair.buyers[2].bid(&BidOrder { window_start: fair.window + 900, ..fair.order(9, 1_100) }).await;
    assert_eq!(refused.unwrap_err().multibus(), Some(MultibusError::BusClosing));
    assert!(fair.clearer.bus_close(&fair.bus).await.is_err(), "certificates and windows are open");
    fair.pass_until(fair.window + 40 * 86_400).await;
    for kept in fair.clearer.auction_keep(&fair.bus).await.unwrap() {
        assert!(kept.error.is_none(), "{:?}", kept.error);
    }
    for capacity in market.capacities(&fair.bus).await.unwrap().iter().filter(|one| one.window_start != 0) {
        fair.clearer.capacity_close(&fair.bus, capacity.window_start).await.unwrap();
    }
    fair.clearer.bus_close(&fair.bus).await.unwrap();
    assert!(fair.fresh.chain.accounts(&[address::escrow(&fair.bus)]).await.unwrap()[0].is_none());
    let refunded = fair.tokens(&fair.buyers[0]).await + fair.tokens(&fair.buyers[1]).await;
    assert_eq!(refunded, 2 * FUNDS, "nothing was delivered");
    assert!(fair.open_bids().await.is_empty());
}

#[tokio::test]
async fn a_closing_bus_waits_for_no_auction_that_comes_long_after() {
    let mut fair = Fair::new(SettlementTime::OnPurchase).await;
    fair.window += 2 * 86_400;
    fair.ask(0, 1_000, 1_000).await;
    fair.bid(0, 500, 1_200).await;
    fair.bid(1, 500, 1_300).await;
    let owner = &fair.fresh.owner;
    let proposal = owner.propose(&fair.bus, &ProposalAction::BusClose).await.unwrap().address;
    owner.proposal_close(&proposal).await.unwrap();
    let book = fair.fresh.market().book(&fair.bus, fair.window).await.unwrap();
    assert_eq!((book.phase, book.unsettled()), (AuctionPhase::Over, 3));
    // A stranger ends it at once: its gate is more than two days ahead. The seller's account closes with its offer.
    let seller = fair.sellers[0].address();
    fair.clearer.seller_close(&fair.bus, &seller).await.unwrap();
    assert!(fair.fresh.market().find_seller(&fair.bus, &seller).await.unwrap().is_none());
    fair.settle().await;
    fair.clearer.capacity_close(&fair.bus, fair.window).await.unwrap();
    fair.clearer.bus_close(&fair.bus).await.unwrap();
    for buyer in &fair.buyers {
        assert_eq!(fair.tokens(buyer).await, FUNDS);
    }
}

#[tokio::test]
async fn a_seller_is_paid_for_many_windows_at_once() {
    let fair = Fair::with(SettlementTime::OnDelivery, 1, 1).await;
    let wallet = &fair.sellers[0];
    let windows: Vec<i64> = (0..30).map(|number| fair.window + number * 900).collect();
    for window_start in &windows {
        let offered = OfferTerms { window_start: *window_start, ..terms(1_000, 1_000) };
        wallet.offer_create(&fair.bus, &offered).await.unwrap();
        fair.buyers[0].bid(&BidOrder { window_start: *window_start, ..fair.order(600, 1_000) }).await.unwrap();
    }
    let mut cleared = 0;
    let last = windows[windows.len() - 1];
    fair.pass_until(last).await;
    for kept in fair.clearer.auction_keep(&fair.bus).await.unwrap() {
        assert!(kept.error.is_none(), "{:?}", kept.error);
        cleared += usize::from(kept.clearance.is_some());
    }
    assert_eq!(cleared, windows.len());
    fair.pass_until(last + 900).await;
    let book = fair.book_of(0).await;
    for (sequence, window_start) in (1..).zip(&windows) {
        let reading = Reading { window_start: *window_start, energy_wh: 600, sequence };
        fair.fresh.owner.delivery_report(&fair.bus, &wallet.address(), &fair.devices[0], &reading).await.unwrap();
    }
    fair.pass_until(last + 900 + 2 * 3_600).await;
    let owed = fair.fresh.market().delivery_book(&book).await.unwrap();
    assert_eq!(owed.windows.iter().filter(|window| window.owes_pool()).count(), windows.len());
    // More reports than one transaction takes, and the payment behind them.
    let withdrawn = fair.clearer.seller_withdraw(&fair.bus, &wallet.address()).await.unwrap();
    assert_eq!(withdrawn.amount, Some(600 * windows.len() as u64));
    assert!(withdrawn.transactions.len() > 1);
    assert_eq!(fair.clearer.grid_sweep(&fair.bus, &wallet.address()).await.unwrap().amount, Some(30 * 30));
    for kept in fair.clearer.auction_keep(&fair.bus).await.unwrap() {
        assert_eq!(kept.settled.map(|settled| settled.bids), Some(1));
    }
    fair.is_sound().await;
}

#[tokio::test]
async fn a_withdrawn_offer_is_settled_in_the_same_transaction() {
    let fair = Fair::new(SettlementTime::OnPurchase).await;
    let offer = fair.ask(0, 1_000, 1_000).await;
    fair.bid(0, 600, 1_200).await;
    fair.clear().await;
    let cancelled = fair.clearer.offer_cancel(&offer).await.unwrap();
    assert_eq!(names(&cancelled.events), ["AskSettled", "OfferCancelled"]);
    fair.is_sound().await;
    // Closing a seller does the same.
    let fair = Fair::new(SettlementTime::OnPurchase).await;
    fair.ask(0, 1_000, 1_000).await;
    let unsold = fair.ask(0, 1_000, 5_000).await;
    fair.bid(0, 600, 1_200).await;
    fair.clear().await;
    let wallet = &fair.sellers[0];
    wallet.seller_close(&fair.bus, &wallet.address()).await.unwrap();
    assert!(fair.fresh.market().offers(&[unsold]).await.unwrap()[0].is_none());
    assert_eq!(fair.tokens(wallet).await, FUNDS + 600);
    let settled = fair.settle().await;
    assert_eq!((settled.bids, settled.asks, settled.is_done), (1, 0, true));
    fair.is_sound().await;
}

/// Books of a few orders, in which prices meet and do not, and offers expire before the gate or are sold out.
fn any_book() -> impl Strategy<Value = Vec<(bool, u64, u64)>> {
    let few_prices = prop::collection::vec((any::<bool>(), 1..2_000u64, 100..105u64), 1..14);
    let many_prices = prop::collection::vec((any::<bool>(), 1..2_000u64, 100..9_000u64), 1..14);
    prop_oneof![few_prices, many_prices]
}

#[test]
fn random_books_clear_on_the_chain_as_in_the_client() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(12));
    runner
        .run(&(any_book(), any::<bool>()), |(orders, on_delivery)| {
            runtime.block_on(async {
                let settlement = if on_delivery { SettlementTime::OnDelivery } else { SettlementTime::OnPurchase };
                let fair = Fair::new(settlement).await;
                let (mut book, mut placed, mut spent) = (Book::default(), Vec::new(), 0);
                for (number, (is_bid, energy_wh, price_per_kwh)) in orders.iter().copied().enumerate() {
                    if is_bid {
                        placed.push((fair.bid(number % 3, energy_wh, price_per_kwh).await, energy_wh, price_per_kwh));
                    } else {
                        // The devices deliver 10 kWh in a window.
                        spent += energy_wh;
                        if spent > 9_000 {
                            continue;
                        }
                        fair.ask(number % 2, energy_wh, price_per_kwh).await;
                    }
                    let side = if is_bid { Side::Bid } else { Side::Ask };
                    book.push(Order { side, energy_wh, price_per_kwh }).unwrap();
                }
                let expected = clear(&book);
                let seen = fair.fresh.market().book(&fair.bus, fair.window).await;
                let Ok(seen) = seen else { return };
                assert_eq!(seen.cleared(), expected);
                fair.pass_until(fair.gate()).await;
                let phase = fair.fresh.market().book(&fair.bus, fair.window).await.unwrap().phase;
                if phase == AuctionPhase::Fixed {
                    let cleared = fair.clearer.auction_clear(&fair.bus, fair.window).await.unwrap();
                    assert_eq!(cleared.cleared, expected);
                    let proven = multibus_client::auction::Cleared::of(&cleared.capacity).unwrap();
                    assert_eq!((proven.price_per_kwh, proven.volume_wh), (expected.price_per_kwh, expected.volume_wh));
                    assert_eq!(proven.rationed, expected.rationed);
                }
                fair.settle().await;
                fair.is_sound().await;
                let mut bought = 0;
                for (bid, energy_wh, price_per_kwh) in placed {
                    let state = fair.fresh.market().bid_status(&bid.transaction_hash).await.unwrap().unwrap().state;
                    let got = match state {
                        BidProgress::Filled { allotted_wh, .. } => allotted_wh,
                        BidProgress::Unfilled => 0,
                        other => panic!("{other:?}"),
                    };
                    let share = expected.share_of(&Order { side: Side::Bid, energy_wh, price_per_kwh });
                    assert!(got == share || got == share + 1, "{got} of {share}");
                    bought += got;
                }
                assert_eq!(bought, expected.volume_wh);
            });
            Ok(())
        })
        .unwrap();
}

/// What it costs to clear and settle orders that are each of another wallet. `MULTIBUS_ORDERS` says how many there are.
#[tokio::test]
async fn a_thousand_orders_cost_less_than_a_thousandth_of_a_sol() {
    let orders = std::env::var("MULTIBUS_ORDERS").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000usize);
    let started = std::time::Instant::now();
    let (fair, key) = crowded_by(orders - 2, orders - 2).await;
    let placed = started.elapsed();
    let clearer = Wallet::new(fair.fresh.chain.clone(), key);
    let started = std::time::Instant::now();
    let cleared = clearer.auction_clear(&fair.bus, fair.window).await.unwrap();
    let (proven, started) = (started.elapsed(), std::time::Instant::now());
    let settled = clearer.auction_settle(&fair.bus, fair.window).await.unwrap();
    println!(
        "{orders} orders placed in {placed:?}; cleared in {proven:?}: {:?}; settled in {:?}: {:?}",
        cleared.cost,
        started.elapsed(),
        settled.cost
    );
    assert_eq!((cleared.orders, settled.bids as usize, settled.is_done), (orders, orders - 2, true));
    // 28 orders in a transaction, the first and the last a few less.
    assert!(cleared.cost.transactions as usize <= orders.div_ceil(28) + 1, "{:?}", cleared.cost);
    assert_eq!(cleared.cost.fees, u64::from(cleared.cost.transactions) * 5_000);
    let most = 1_000 * orders as u64;
    assert!(cleared.cost.fees + settled.cost.fees < most, "{:?} and {:?}", cleared.cost, settled.cost);
}
