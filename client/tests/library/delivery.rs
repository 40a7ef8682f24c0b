use {
    crate::support::{Fault, FaultyChain, attempts, side_by_side},
    multibus_client::{
        Address, Error, Event, PricePerKwh, SharedSigner, Wallet, Wh, address,
        best::Want,
        bus::BusConfig,
        chain::Chain,
        delivery::{self, Delivery, DeliveryState, LastReading},
        lock::RefundOutcome,
        meter::MeterSpec,
        multibus::{constants::CERTIFICATE_SECONDS, error::MultibusError, token::SPL_TOKEN_ID},
        offer::{EnergySource, Listed, OfferTerms},
        proposal::ProposalAction,
        purchase::{BatchItem, BatchOrder, PurchaseOrder},
        reading::Reading,
    },
    multibus_test_support::market::{EmbeddedMarket, FUNDS, delivery_bus, terms},
    std::sync::Arc,
};

/// What a kWh costs a buyer of a [`Street`]: the price and the grid fee.
pub const PRICE: u64 = 2_000;
pub const FULL_PRICE: u64 = PRICE + 50;

/// A bus on delivery terms whose owner is its operator, with a metered seller and a window to sell in.
pub struct Street {
    pub fresh: EmbeddedMarket,
    pub bus: Address,
    pub seller: Wallet,
    pub device: SharedSigner,
    pub window_start: i64,
}

pub fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::name).collect()
}

pub fn device() -> SharedSigner {
    Arc::new(multibus_client::Keypair::new())
}

/// A device of 40 kW: 10 kWh in a window of 15 minutes.
pub const SOLAR: MeterSpec = MeterSpec { source: EnergySource::Solar, power_w: 40_000, valid_from: 0 };

impl Street {
    pub async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut BusConfig)) -> Self {
        let fresh = EmbeddedMarket::new().await;
        let mut config = delivery_bus(&fresh.owner);
        change(&mut config);
        let bus = fresh.owner.bus_create(&fresh.mint, &config).await.unwrap().address;
        let now = fresh.chain.clock().await.unwrap().unix_timestamp;
        let (seller, device) = (fresh.member().await, device());
        // Its book has windows before and after.
        let window_start = (now / (96 * 900) + 1) * 96 * 900 + 10 * 900;
        let street = Self { fresh, bus, seller, device, window_start };
        street.register(&street.seller, &street.device).await;
        street
    }

    /// Makes a device the meter of a wallet, which gets its seller account.
    pub async fn register(&self, wallet: &Wallet, device: &SharedSigner) {
        wallet.seller_open(&self.bus).await.unwrap();
        self.fresh.owner.meter_register(&self.bus, &wallet.address(), device, &SOLAR).await.unwrap();
    }

    pub async fn list(&self, energy_wh: u64) -> Listed {
        self.list_of(&self.seller, self.window_start, energy_wh).await
    }

    pub async fn list_of(&self, seller: &Wallet, window_start: i64, energy_wh: u64) -> Listed {
        let offered = OfferTerms { window_start, ..terms(energy_wh, PRICE) };
        seller.offer_create(&self.bus, &offered).await.unwrap()
    }

    pub fn order(offer: Address, energy_wh: u64) -> PurchaseOrder {
        PurchaseOrder::exactly(offer, Wh(energy_wh), PricePerKwh(FULL_PRICE))
    }

    /// The delivery book of the window.
    pub fn book(&self) -> Address {
        let seller = address::seller(&self.bus, &self.seller.address());
        address::book(&seller, self.window_start - 10 * 900)
    }

    pub fn position(&self, buyer: &Wallet) -> Address {
        address::position(&self.book(), &buyer.address())
    }

    /// The window of the seller.
    pub async fn delivery(&self) -> Delivery {
        let all = self.fresh.market().deliveries(&self.bus, Some(&self.seller.address())).await.unwrap();
        all.into_iter().find(|window| window.window_start == self.window_start).expect("a window that was listed")
    }

    pub async fn pass_until(&self, time: i64) {
        self.fresh.chain.wait_until(time).await.unwrap();
    }

    /// Waits until no window of the book trades any more.
    pub async fn pass_last_gate(&self) {
        let book = self.fresh.market().delivery_book(&self.book()).await.unwrap();
        self.pass_until(book.own_last_gate()).await;
    }

    /// The end of the window, when readings can come.
    pub async fn end(&self) {
        self.pass_until(self.window_start + 900).await;
    }

    /// The device says what it delivered, once the window has ended.
    pub async fn report(&self, energy_wh: u64) {
        self.end().await;
        let reading = Reading { window_start: self.window_start, energy_wh, sequence: 1 };
        self.fresh.owner.delivery_report(&self.bus, &self.seller.address(), &self.device, &reading).await.unwrap();
    }

    /// The first second in which the reading of [`report`](Self::report) is final.
    pub async fn become_final(&self) {
        let final_at = self.delivery().await.final_at;
        self.pass_until(final_at).await;
    }

    pub async fn tokens(&self, wallet: &Wallet) -> u64 {
        self.fresh.tokens(&wallet.address()).await.unwrap()
    }

    /// Asserts that the books of the bus are sound and no token is missing.
    pub async fn is_sound(&self, wallets: &[&Wallet]) {
        let audit = self.fresh.market().audit(&self.bus).await.unwrap();
        assert_eq!((audit.violations.as_slice(), audit.gifts), (&[] as &[String], 0));
        let mut tokens = audit.vaults.values().sum::<u64>() + audit.unclaimed + audit.treasury + audit.escrow;
        for wallet in wallets.iter().copied().chain([&self.fresh.owner, &self.seller]) {
            tokens += self.tokens(wallet).await;
        }
        assert_eq!(tokens, self.fresh.market().mint(&self.fresh.mint).await.unwrap().supply);
    }
}

#[tokio::test]
async fn energy_is_sold_delivered_refunded_and_everything_closes_again() {
    let street = Street::new().await;
    let (market, bus) = (street.fresh.market(), street.bus);
    let (alice, bob, stranger) =
        (street.fresh.member().await, street.fresh.member().await, street.fresh.member().await);
    let listed = street.list(9_999).await;
    assert_eq!(names(&listed.sent.events), ["CapacityOpened", "OfferCreated", "BookOpened"]);
    let more = street.list(1).await;
    assert_eq!(names(&more.sent.events), ["OfferCreated"], "the book is opened once");
    street.seller.offer_cancel(&more.address).await.unwrap();
    // The meter can deliver no more.
    let too_much = OfferTerms { window_start: street.window_start, ..terms(2, PRICE) };
    let refused = street.seller.offer_create(&bus, &too_much).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::PowerExceeded), "{refused}");

    // The first purchase opens the position book, in the same transaction.
    let bought = alice.buy(&Street::order(listed.address, 4_000)).await.unwrap();
    assert_eq!((bought.paid, bought.fills[0].price_per_kwh), (8_200, FULL_PRICE));
    let record = market.chain().transaction(&bought.signature).await.unwrap().unwrap();
    assert_eq!(names(&record.events()), ["PositionOpened", "EnergyPurchased"]);
    let again = alice.buy(&Street::order(listed.address, 1_000)).await.unwrap();
    let record = market.chain().transaction(&again.signature).await.unwrap().unwrap();
    assert_eq!(names(&record.events()), ["EnergyPurchased"]);
    bob.buy(&Street::order(listed.address, 2_500)).await.unwrap();
    let paid = 8_200 + 2_050 + 5_125;
    let held = market.seller_money(&market.seller(&bus, &street.seller.address()).await.unwrap()).await.unwrap();
    assert_eq!((held.held, held.vault, held.released, held.proceeds, held.grid_fees), (paid, paid, 0, 0, 0));
    assert_eq!(street.delivery().await.state, DeliveryState::Ahead);
    street.is_sound(&[&alice, &bob, &stranger]).await;

    // The device signs offline, and a stranger brings it as JSON.
    street.end().await;
    assert_eq!(street.delivery().await.state, DeliveryState::AwaitsReading);
    let identity = market.meter_identity(&bus, &street.seller.address(), street.window_start).await.unwrap();
    let reading = Reading { window_start: street.window_start, energy_wh: 6_000, sequence: 1 };
    let carried = serde_json::to_string(&identity.sign(&*street.device, reading).unwrap()).unwrap();
    let brought = serde_json::from_str(&carried).unwrap();
    let sent = stranger.delivery_report_signed(&brought).await.unwrap();
    assert_eq!(names(&sent.events), ["DeliveryReported"]);
    let refused = stranger.delivery_report_signed(&brought).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::SequenceUsed), "{refused}");
    let window = street.delivery().await;
    assert_eq!(window.state, DeliveryState::Correctable);
    // 6,000 of 7,500 Wh: 4/5 of what was paid, of it 6 kWh x 50 for the grid.
    let shares = (window.delivered_wh, window.released, window.grid_fee, window.refunded, window.surplus_wh);
    assert_eq!(shares, (6_000, 12_000, 300, 3_075, 0));
    let refused = stranger.delivery_release(&window.book).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::NothingToRelease));

    street.become_final().await;
    assert_eq!(street.delivery().await.state, DeliveryState::Final);
    let of_alice = market.find_position(&street.book(), &alice.address()).await.unwrap().unwrap();
    let parts = market.position_deliveries(&of_alice).await.unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(
        (parts[0].energy_wh, parts[0].paid, parts[0].delivered_wh, parts[0].refund),
        (5_000, 10_250, 4_000, 2_050)
    );
    assert!(parts[0].state.is_final() && !parts[0].is_refunded && !parts[0].is_certified);
    let before = street.tokens(&alice).await;
    stranger.delivery_refund(&of_alice.address).await.unwrap();
    assert_eq!(street.tokens(&alice).await, before + 2_050);
    let refused = stranger.delivery_refund(&of_alice.address).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::NothingToRefund));
    let parts = market.position_deliveries(&market.position(&of_alice.address).await.unwrap()).await.unwrap();
    assert!(parts[0].is_refunded);
    // Withdrawing releases what is final first.
    let withdrawn = stranger.seller_withdraw(&bus, &street.seller.address()).await.unwrap();
    assert_eq!(withdrawn.amount, Some(12_000));
    assert_eq!(street.delivery().await.state, DeliveryState::Released);
    assert_eq!(street.tokens(&street.seller).await, FUNDS + 12_000);
    street.is_sound(&[&alice, &bob, &stranger]).await;

    // The history of the book, from its events.
    let history = market.account_history(&street.book()).await.unwrap();
    assert!(history.unread.is_empty());
    let told: Vec<_> = history.events.iter().map(|one| one.event.name()).collect();
    assert_eq!(
        told,
        ["BookOpened", "PositionOpened", "PositionOpened", "DeliveryReported", "DeliveryRefunded", "DeliveryReleased"]
    );

    // Everything closes again. Bob's refund is paid with its position.
    stranger.offer_cancel(&listed.address).await.unwrap();
    let refused = street.seller.seller_close(&bus, &street.seller.address()).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::BookInUse), "{refused}");
    street.pass_last_gate().await;
    alice.position_close(&of_alice.address).await.unwrap();
    let before = street.tokens(&bob).await;
    bob.position_close(&street.position(&bob)).await.unwrap();
    assert_eq!(street.tokens(&bob).await, before + 1_025);
    street.seller.seller_close(&bus, &street.seller.address()).await.unwrap();
    assert!(market.sellers(&bus).await.unwrap().is_empty() && market.delivery_books(&bus).await.unwrap().is_empty());
    assert!(market.meters(&bus).await.unwrap().is_empty() && market.devices(&bus).await.unwrap().is_empty());
    street.fresh.owner.capacity_close(&bus, street.window_start).await.unwrap();
    let treasury = market.treasury(&bus).await.unwrap();
    assert_eq!(treasury.balance, 300, "grid fees without a recipient are the treasury's");
    let decided = street.fresh.owner.propose(&bus, &ProposalAction::BusClose).await.unwrap();
    stranger.proposal_close(&decided.address).await.unwrap();
    stranger.bus_close(&bus).await.unwrap();
    assert!(market.tombstone(&bus).await.unwrap().is_some());
}

#[tokio::test]
async fn locks_and_batches_on_delivery_terms_share_a_position_book() {
    let street = Street::new().await;
    let (buyer, other) = (street.fresh.member().await, street.fresh.member().await);
    street.register(&other, &device()).await;
    let first = street.list(5_000).await.address;
    let second = street.list_of(&other, street.window_start, 5_000).await.address;
    let market = street.fresh.market();
    let taken = buyer.lock_take(&first, Wh(1_000), PricePerKwh(FULL_PRICE)).await.unwrap();
    assert_eq!(names(&taken.sent.events), ["PositionOpened", "LockTaken"]);
    let lock = market.lock(&taken.address).await.unwrap();
    assert_eq!((lock.price_per_kwh, lock.grid_fee_per_kwh, lock.deposit), (FULL_PRICE, 50, 2_050));
    let released = buyer.lock_take(&first, Wh(500), PricePerKwh(FULL_PRICE)).await.unwrap();
    assert_eq!(names(&released.sent.events), ["LockTaken"]);
    assert_eq!(market.position(&street.position(&buyer)).await.unwrap().open_locks, 2);
    let refused = buyer.lock_take(&first, Wh(1), PricePerKwh(FULL_PRICE - 1)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::PriceAboveLimit), "the limit contains the grid fee");
    buyer.lock_release(&released.address).await.unwrap();
    let settled = buyer.lock_settle(&taken.address).await.unwrap();
    assert_eq!((settled.energy_wh, settled.paid), (1_000, 2_050));
    let mut items = Vec::new();
    for offer in market.offers(&[first, second]).await.unwrap().into_iter().flatten() {
        items.push(BatchItem::at_quote(offer, 1_000));
    }
    let order = BatchOrder::at_quote(items).unwrap();
    assert_eq!(order.max_total, 4_100);
    let bought = buyer.buy_batch(&order).await.unwrap();
    assert_eq!((bought.paid, bought.fills.len()), (4_100, 2));
    let positions = market.positions_of(&buyer.address()).await.unwrap();
    assert_eq!(positions.len(), 2);
    let of_first = market.position(&street.position(&buyer)).await.unwrap();
    assert_eq!((of_first.open_locks, of_first.windows[10].energy_wh, of_first.windows[10].paid), (0, 2_000, 4_100));
    street.is_sound(&[&buyer, &other]).await;
}

#[tokio::test]
async fn a_quote_says_the_grid_fee_and_what_settles_on_delivery() {
    let street = Street::new().await;
    let buyer = street.fresh.member().await;
    street.list(5_000).await;
    let want = Want::exactly(street.bus, 3_000);
    let quote = buyer.quote_best(&want).await.unwrap();
    assert_eq!((quote.total_cost, quote.grid_fee, quote.on_delivery_wh), (6_150, 150, 3_000));
    let offer = quote.orders[0].items[0].offer;
    assert!(offer.is_on_delivery());
    assert_eq!((offer.price_per_kwh, offer.grid_fee_per_kwh, offer.full_price_per_kwh), (PRICE, 50, FULL_PRICE));
    let within = Want { max_price_per_kwh: Some(FULL_PRICE - 1), ..want };
    let refused = buyer.quote_best(&within).await.unwrap_err();
    assert!(refused.to_string().contains("0 Wh are on offer within the limits"), "{refused}");
    let refused = buyer.buy(&PurchaseOrder::exactly(offer.address, Wh(1), PricePerKwh(PRICE))).await.unwrap_err();
    assert!(refused.to_string().contains("asks 2050 per kWh (50 of it for the grid)"), "{refused}");
    let bought = buyer.buy_best(&want).await.unwrap();
    assert_eq!((bought.energy_wh(), bought.paid()), (3_000, 6_150));
    let windowless = EmbeddedMarket::new().await;
    windowless.offer(1_000, 500).await;
    let quote = windowless.market().quote_best(&Want::exactly(windowless.bus, 100)).await.unwrap();
    assert_eq!((quote.total_cost, quote.grid_fee, quote.on_delivery_wh), (50, 0, 0));
}

#[tokio::test]
async fn a_batch_of_many_books_opens_its_positions_ahead_and_gets_lookup_tables() {
    let street = Street::new().await;
    let buyer = street.fresh.member().await;
    let mut items = Vec::new();
    for _ in 0..10 {
        let seller = street.fresh.member().await;
        street.register(&seller, &device()).await;
        let offer = street.list_of(&seller, street.window_start, 1_000).await.address;
        items.push(BatchItem::at_quote(street.fresh.market().offer(&offer).await.unwrap(), 100));
    }
    let order = BatchOrder::at_quote(items).unwrap();
    assert!(buyer.batch_size(&order, &[]).await.unwrap() > 1_232);
    let bought = buyer.buy_batch(&order).await.unwrap();
    assert_eq!((bought.fills.len(), bought.paid), (10, 10 * 205));
    assert_eq!(street.fresh.market().positions_of(&buyer.address()).await.unwrap().len(), 10);
    assert_eq!(buyer.lookup_tables().len(), 1);
    let best = street.fresh.member().await.buy_best(&Want::exactly(street.bus, 9_000)).await.unwrap();
    assert_eq!((best.energy_wh(), best.stopped.is_none()), (9_000, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn purchases_side_by_side_open_one_position_book() {
    let street = Street::new().await;
    let buyer = street.fresh.member().await;
    let offer = street.list(10_000).await.address;
    let tasks = (0..12).map(|_| {
        let buyer = buyer.clone();
        async move { buyer.buy(&Street::order(offer, 100)).await }
    });
    for bought in side_by_side(tasks).await {
        bought.unwrap();
    }
    let position = street.fresh.market().position(&street.position(&buyer)).await.unwrap();
    assert_eq!((position.windows[10].energy_wh, position.windows[10].paid), (1_200, 12 * 205));
    street.is_sound(&[&buyer]).await;
}

#[tokio::test]
async fn what_the_network_loses_sight_of_happens_once() {
    for fault in [Fault::LandsUnanswered, Fault::LandsUnknown, Fault::Lost] {
        let street = Street::new().await;
        let offer = street.list(10_000).await.address;
        let keypair = street.fresh.funded().await;
        let lossy = |faults: &[Fault]| {
            Wallet::new(FaultyChain::new(&street.fresh.chain, faults), keypair.clone()).with_options(attempts(3))
        };
        lossy(&[fault]).buy(&Street::order(offer, 1_000)).await.unwrap();
        street.end().await;
        let reading = Reading { window_start: street.window_start, energy_wh: 500, sequence: 1 };
        let seller = street.seller.address();
        let identity = street.fresh.market().meter_identity(&street.bus, &seller, street.window_start).await.unwrap();
        let signed = identity.sign(&*street.device, reading).unwrap();
        lossy(&[fault]).delivery_report_signed(&signed).await.unwrap();
        street.become_final().await;
        let buyer = lossy(&[fault]);
        let position = street.position(&buyer);
        buyer.delivery_refund(&position).await.unwrap();
        lossy(&[fault]).delivery_release(&street.book()).await.unwrap();
        let certificate = lossy(&[fault]).certificate_take(&street.book(), street.window_start).await.unwrap();
        assert_eq!(street.fresh.market().certificate(&certificate.address).await.unwrap().energy_wh(), 500);
        street.is_sound(&[&buyer]).await;
        assert_eq!(street.tokens(&buyer).await, FUNDS - 2_050 + 1_025, "{fault:?}");
    }
}

#[tokio::test]
async fn a_window_without_a_reading_refunds_its_buyers_in_full() {
    let street = Street::new().await;
    let (buyer, stranger) = (street.fresh.member().await, street.fresh.member().await);
    let offer = street.list(10_000).await.address;
    buyer.buy(&Street::order(offer, 3_333)).await.unwrap();
    street.end().await;
    let window = street.delivery().await;
    assert_eq!((window.state, window.reading), (DeliveryState::AwaitsReading, None));
    assert_eq!((window.released, window.grid_fee, window.refunded), (0, 0, window.paid));
    street.pass_until(window.final_at - 1).await;
    let refused = stranger.delivery_refund(&street.position(&buyer)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::NothingToRefund));
    street.pass_until(window.final_at).await;
    let late = Reading { window_start: street.window_start, energy_wh: 1, sequence: 1 };
    let refused = stranger.delivery_report(&street.bus, &street.seller.address(), &street.device, &late).await;
    assert_eq!(refused.unwrap_err().multibus(), Some(MultibusError::ReadingTooLate));
    stranger.delivery_refund(&street.position(&buyer)).await.unwrap();
    assert_eq!(street.tokens(&buyer).await, FUNDS);
    // Nothing is left that the buyer could certify, so that anybody closes its position once nothing of the book trades.
    let refused = stranger.position_close(&street.position(&buyer)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::CertificatesOpen), "{refused}");
    street.pass_last_gate().await;
    stranger.position_close(&street.position(&buyer)).await.unwrap();
    street.is_sound(&[&buyer, &stranger]).await;
}

#[tokio::test]
async fn a_refund_that_cannot_be_paid_waits_for_another_account_or_becomes_a_claim() {
    let street = Street::new().await;
    let (alice, bob) = (street.fresh.member().await, street.fresh.member().await);
    let offer = street.list(10_000).await.address;
    for buyer in [&alice, &bob] {
        buyer.buy(&Street::order(offer, 1_000)).await.unwrap();
        close_account(&street, buyer).await;
    }
    street.report(0).await;
    street.become_final().await;
    let stranger = street.fresh.member().await;
    let refused = stranger.delivery_refund(&street.position(&alice)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::PayeeUnpayable), "{refused}");
    // The buyer itself creates the account again.
    alice.delivery_refund(&street.position(&alice)).await.unwrap();
    assert_eq!(street.tokens(&alice).await, 2_050);
    // Another names an account that is not its own: nobody is paid there.
    bob.position_set_refund(&street.book(), &street.fresh.token_account(&alice.address())).await.unwrap();
    let refused = stranger.delivery_refund(&street.position(&bob)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::PayeeUnpayable));
    street.pass_last_gate().await;
    let closed = stranger.position_close(&street.position(&bob)).await.unwrap();
    let outcome = closed.events.iter().find_map(|event| match event {
        Event::PositionClosed(event) => Some((event.amount, event.outcome)),
        _ => None,
    });
    assert_eq!(outcome, Some((2_050, RefundOutcome::Claimed as u8)));
    stranger.claim_pay(&street.bus, &bob.address()).await.unwrap();
    assert_eq!(street.tokens(&bob).await, 2_050);
    street.is_sound(&[&alice, &bob, &stranger]).await;
}

/// Moves all tokens of a wallet to the owner of the mint, and closes its account.
async fn close_account(street: &Street, wallet: &Wallet) {
    let (account, owner) = (street.fresh.token_account(&wallet.address()), wallet.address());
    let to = street.fresh.token_account(&street.fresh.owner.address());
    let amount = street.tokens(wallet).await;
    let empty = spl_token_interface::instruction::transfer(&SPL_TOKEN_ID, &account, &to, &owner, &[], amount);
    let close = spl_token_interface::instruction::close_account(&SPL_TOKEN_ID, &account, &owner, &owner, &[]);
    wallet.send(&[empty.unwrap(), close.unwrap()]).await.unwrap();
}

#[tokio::test]
async fn a_book_waits_for_its_certificates_before_others_close_it() {
    let street = Street::new().await;
    let (buyer, stranger) = (street.fresh.member().await, street.fresh.member().await);
    let offer = street.list(10_000).await.address;
    buyer.buy(&Street::order(offer, 1_000)).await.unwrap();
    street.report(10_000).await;
    let book = street.fresh.market().delivery_book(&street.book()).await.unwrap();
    street.pass_until(book.own_last_gate().max(book.last_final_at())).await;
    stranger.offer_cancel(&offer).await.unwrap();
    let refused = stranger.delivery_close(&street.book()).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::BookInUse), "the buyer can still certify: {refused}");
    let book = street.fresh.market().delivery_book(&street.book()).await.unwrap();
    let others = book.last_final_at() + CERTIFICATE_SECONDS;
    street.pass_until(others).await;
    // It closes the position first.
    let closed = stranger.delivery_close(&street.book()).await.unwrap();
    assert_eq!(names(&closed.events), ["PositionClosed", "BookClosed"]);
    let seller = street.seller.address();
    let refused = street.fresh.market().delivery_book_of(&street.bus, &seller, street.window_start).await;
    assert!(matches!(refused, Err(Error::NotFound { kind: "delivery book", .. })));
    street.is_sound(&[&buyer, &stranger]).await;
}

#[tokio::test]
async fn grid_fees_go_to_their_recipient() {
    let fresh = EmbeddedMarket::new().await;
    let (grid, seller, buyer) = (fresh.member().await, fresh.member().await, fresh.member().await);
    let mut config = delivery_bus(&fresh.owner);
    // On purchase terms, without windows.
    config.terms = multibus_client::terms::TermsConfig { grid_fee_per_kwh: 100, ..Default::default() };
    config.grid_recipient = Some(grid.address());
    let bus = fresh.owner.bus_create(&fresh.mint, &config).await.unwrap().address;
    let offer = seller.offer_create(&bus, &terms(10_000, 500)).await.unwrap().address;
    let bought = buyer.buy(&PurchaseOrder::exactly(offer, Wh(1_005), PricePerKwh(600))).await.unwrap();
    assert_eq!((bought.paid, bought.fills[0].price_per_kwh), (603, 600));
    let market = fresh.market();
    let account = market.seller(&bus, &seller.address()).await.unwrap();
    let money = market.seller_money(&account).await.unwrap();
    assert_eq!((money.proceeds, money.grid_fees, money.released, money.vault), (503, 100, 0, 603));
    let withdrawn = buyer.seller_withdraw(&bus, &seller.address()).await.unwrap();
    assert_eq!(withdrawn.amount, Some(503));
    buyer.buy(&PurchaseOrder::exactly(offer, Wh(995), PricePerKwh(600))).await.unwrap();
    let refused = seller.seller_close(&bus, &seller.address()).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::SellerHasOffers));
    let swept = buyer.grid_sweep(&bus, &seller.address()).await.unwrap();
    assert_eq!(swept.amount, Some(200), "exactly the fee of 2,000 Wh");
    assert_eq!(fresh.tokens(&grid.address()).await.unwrap(), FUNDS + 200);
    let refused = buyer.grid_sweep(&bus, &seller.address()).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::NothingToSweep));
    buyer.buy(&PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(600))).await.unwrap();
    seller.offer_cancel(&offer).await.unwrap();
    seller.seller_close(&bus, &seller.address()).await.unwrap();
    assert_eq!(fresh.tokens(&grid.address()).await.unwrap(), FUNDS + 300, "closing sweeps them first");
    let wallets = [grid.address(), seller.address(), buyer.address()];
    assert_eq!(fresh.market().audit(&bus).await.unwrap().violations, Vec::<String>::new());
    let mut held = 0;
    for wallet in wallets {
        held += fresh.tokens(&wallet).await.unwrap();
    }
    assert_eq!(held, 3 * FUNDS);
}

#[tokio::test]
async fn windows_are_read_one_by_one() {
    let street = Street::new().await;
    let buyer = street.fresh.member().await;
    let starts = [street.window_start, street.window_start + 900, street.window_start + 96 * 900];
    for start in starts {
        let offer = street.list_of(&street.seller, start, 2_000).await.address;
        buyer.buy(&Street::order(offer, 1_000)).await.unwrap();
    }
    let market = street.fresh.market();
    assert_eq!(market.delivery_books_of(&street.bus, &street.seller.address()).await.unwrap().len(), 2);
    assert_eq!(market.positions_of(&buyer.address()).await.unwrap().len(), 2);
    street.report(400).await;
    let all = market.deliveries(&street.bus, None).await.unwrap();
    assert_eq!(all.iter().map(|window| window.window_start).collect::<Vec<_>>(), starts);
    let states: Vec<DeliveryState> = all.iter().map(|window| window.state).collect();
    assert_eq!(states, [DeliveryState::Correctable, DeliveryState::Ahead, DeliveryState::Ahead]);
    let reading = all[0].reading.unwrap();
    assert_eq!((reading.energy_wh, reading.operator_readings, all[0].next_sequence), (400, 0, 2));
    assert!(matches!(all[0].reading, Some(LastReading { first_at, .. }) if first_at + 3_600 == all[0].final_at));
    let book = market.delivery_book(&street.book()).await.unwrap();
    assert_eq!(delivery::final_at(&book, 0), None);
    street.pass_until(all[1].final_at).await;
    let now = street.fresh.chain.clock().await.unwrap().unix_timestamp;
    let due = delivery::releasable(&book, now);
    assert_eq!(delivery::places(&due.windows).collect::<Vec<_>>(), [10, 11]);
    assert_eq!((due.amount, due.grid_fee), (800, 20));
    let position = market.position(&street.position(&buyer)).await.unwrap();
    let back = delivery::refundable(&position, &book, now);
    assert_eq!((back.amount, delivery::has_window(&back.windows, 11)), (1_230 + 2_050, true));
    let sent = buyer.delivery_refund(&position.address).await.unwrap();
    assert!(matches!(&sent.events[..], [Event::DeliveryRefunded(event)] if event.amount == back.amount));
    let sent = buyer.delivery_release(&book.address).await.unwrap();
    assert!(
        matches!(&sent.events[..], [Event::DeliveryReleased(event)] if (event.amount, event.grid_fee) == (800, 20))
    );
    street.is_sound(&[&buyer]).await;
}
