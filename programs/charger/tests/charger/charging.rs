//! The charger buys, locks and settles by calls of the market, and keeps what it bought.

use {
    super::world::*,
    multibus::{
        event::Event,
        state::{Bid, Order, PurchaseKind, Trader, transaction_hash, transaction_hash_of_one},
    },
    multibus_tests::{
        DeliveryMarket, TestChain, TokenProgram, event,
        instructions::{bid_settle, position_open},
    },
};

/// The most that the charger's instructions cost, what they call included.
const MAX_UNITS: [(&str, u64); 7] = [
    ("session_buy", 8_200),
    ("session_buy_batch", 13_200),
    ("session_lock", 10_600),
    ("session_settle", 5_000),
    ("session_release", 13_600),
    ("session_bid", 11_000),
    ("session_bid_cancel", 7_600),
];

fn assert_units(name: &str, logs: &[String]) {
    let (_, most) = MAX_UNITS.iter().find(|(of, _)| *of == name).expect("a limit");
    let units = consumed(logs);
    println!("{name}: {units} compute units");
    assert!(units <= *most, "{name} costs {units} compute units, more than {most}");
}

/// The receipt in the session is the market's own: of this purchase, by its hash.
fn assert_receipt(chain: &TestChain, session: &SessionAddresses, kind: PurchaseKind, order: Order, paid: u64) {
    let state = session_state(chain, session);
    let lane: Trader = chain.state(&session.lane.address);
    assert_eq!(state.last_nonce + 1, lane.next_nonce);
    let receipt = state.last_receipt;
    assert_eq!(
        receipt.transaction_hash,
        transaction_hash_of_one(kind, &session.wallet, session.lane.lane, state.last_nonce, order)
    );
    assert_eq!((receipt.energy_wh, receipt.paid, receipt.purchased_at), (order.energy_wh, paid, chain.now()));
    assert_eq!(lane.receipts().last(), Some((state.last_nonce, &receipt)));
}

#[test]
fn a_session_buys_through_the_market_and_keeps_the_receipt() {
    for program in [TokenProgram::SplToken, TokenProgram::Token2022] {
        let mut market = multibus_tests::TestMarket::with(program, |options| options);
        deploy(&mut market.chain);
        let bus = market.bus;
        let station = open_station(&mut market.chain, "operator", &bus);
        assert_eq!(station_state(&market.chain, &station.1).bus, bus.address);
        let session = open_session(&mut market.chain, station, &bus, "driver");
        let offer = market.offer_with(|offer| offer.energy(10_000).price(2_000_000));

        let buy = buy(&market.chain, &session, &offer, 3_000);
        let meta = market.execute(&[buy]);
        let order = Order { offer: offer.address, energy_wh: 3_000, max_price_per_kwh: MAX_PRICE };
        assert_receipt(&market.chain, &session, PurchaseKind::Single, order, 6_000_000);
        if program == TokenProgram::SplToken {
            assert_units("session_buy", &meta.logs);
        }
        // The event is the market's, logged in its own frame, and names the session's buyer.
        let [bytes] = &event::logged(&meta.logs)[..] else { panic!("one event") };
        let Event::EnergyPurchased(purchase) = event::decode(bytes) else { panic!("a purchase") };
        assert_eq!((purchase.buyer, purchase.fills[0].cost), (session.wallet, 6_000_000));

        let again = self::buy(&market.chain, &session, &offer, 1_000);
        market.execute(&[again]);
        let state = session_state(&market.chain, &session);
        assert_eq!((state.bought_wh, state.paid, state.purchases), (4_000, 8_000_000, 2));
        assert_eq!(market.tokens(&session.payment), DEPOSIT - 8_000_000);
    }
}

#[test]
fn a_session_learns_a_part_fill() {
    let mut market = market();
    let bus = market.bus;
    let station = open_station(&mut market.chain, "operator", &bus);
    let session = open_session(&mut market.chain, station, &bus, "driver");
    let offer = market.offer_with(|offer| offer.energy(3_000).price(2_000_000));
    let nonce = market.nonce(&session.lane);
    let buy = charger::instruction::SessionBuy { nonce, energy_wh: 8_000, min_energy_wh: 1_000 }
        .to_instruction(buy_accounts(&session, &offer));
    market.execute(&[buy]);
    let state = session_state(&market.chain, &session);
    assert_eq!((state.bought_wh, state.paid), (3_000, 6_000_000));
    assert_eq!((state.last_receipt.energy_wh, state.last_receipt.paid), (3_000, 6_000_000));
}

#[test]
fn a_session_buys_from_several_offers_at_once() {
    let mut market = market();
    let bus = market.bus;
    let station = open_station(&mut market.chain, "operator", &bus);
    let session = open_session(&mut market.chain, station, &bus, "driver");
    let cheap = market.offer_with(|offer| offer.energy(2_000).price(1_000_000));
    let dear = market.offer_with(|offer| offer.energy(10_000).price(2_000_000));
    let batch = buy_batch(&market.chain, &session, &[(cheap, 2_000), (dear, 3_000)]);
    let meta = market.execute(&[batch]);
    assert_units("session_buy_batch", &meta.logs);
    let state = session_state(&market.chain, &session);
    assert_eq!((state.bought_wh, state.paid, state.purchases), (5_000, 8_000_000, 1));
    // The receipt is of the whole batch.
    let order = |offer, energy_wh| Order { offer, energy_wh, max_price_per_kwh: MAX_PRICE };
    let orders = [order(cheap.address, 2_000), order(dear.address, 3_000)];
    let hash = transaction_hash(PurchaseKind::Batch, &session.wallet, session.lane.lane, state.last_nonce, &orders);
    assert_eq!(state.last_receipt.transaction_hash, hash);
    assert_eq!((state.last_receipt.energy_wh, state.last_receipt.paid), (5_000, 8_000_000));
    assert_eq!(market.tokens(&session.payment), DEPOSIT - 8_000_000);
}

#[test]
fn a_session_gives_up_a_lock() {
    let mut market = market();
    let bus = market.bus;
    let station = open_station(&mut market.chain, "operator", &bus);
    let session = open_session(&mut market.chain, station, &bus, "driver");
    let offer = market.offer_with(|offer| offer.energy(10_000).price(2_000_000));
    let lamports = market.lamports(&session.wallet);
    let mut left = DEPOSIT;
    for signer in [session.operator, session.driver] {
        market.execute(&[lock(&session, &offer, 4_000)]);
        let fee = 8_000_000 * u64::from(market.lock_state(&offer, &session.wallet, 0).lock_fee_bps) / 10_000;
        let meta = market.execute(&[release(&session, &offer, signer)]);
        assert_units("session_release", &meta.logs);
        left -= fee;
        assert_eq!(market.tokens(&session.payment), left);
        assert_eq!(market.lamports(&session.wallet), lamports, "the lock's rent is back");
        assert_eq!(market.offer_state(&offer).reserved_wh, 0);
    }
    assert_eq!(session_state(&market.chain, &session).purchases, 0);
}

#[test]
fn a_session_bids_and_takes_the_bid_back() {
    let (mut market, window) = auction_market();
    let bus = market.bus;
    let station = open_station(&mut market.chain, "operator", &bus);
    let session = open_session(&mut market.chain, station, &bus, "driver");
    let lamports = market.lamports(&session.wallet);
    let first = next_bid(&market.chain, &session, &bus, window, 4_000);
    let meta = market.execute(&[bid(&session, &first)]);
    assert_units("session_bid", &meta.logs);
    // The whole cost at the driver's limit is deposited, and what comes back comes to the session.
    let made: Bid = market.chain.state(&first.0.address);
    assert_eq!((made.buyer, made.refund, made.energy_wh), (session.wallet, session.payment, 4_000));
    assert_eq!((made.deposit, made.max_price_per_kwh), (4 * MAX_PRICE, MAX_PRICE));
    assert_eq!(market.tokens(&session.payment), DEPOSIT - 4 * MAX_PRICE);
    let state = session_state(&market.chain, &session);
    assert_eq!((state.bid_wh, state.bid, state.bought_wh), (4_000, first.0.address, 0));

    let cancel = charger::instruction::SessionBidCancel {}.to_instruction(bid_cancel_accounts(&session, &first.0));
    let meta = market.execute(&[cancel]);
    assert_units("session_bid_cancel", &meta.logs);
    assert_eq!((market.tokens(&session.payment), market.lamports(&session.wallet)), (DEPOSIT, lamports));
    assert_eq!(session_state(&market.chain, &session).bid_wh, 0);

    // A bid that stays is settled by anyone. Nobody asked, so all of it comes back.
    let second = next_bid(&market.chain, &session, &bus, window, LIMIT_WH);
    market.execute(&[bid(&session, &second)]);
    let gate = market.capacity_state(&bus.window(window)).gate_closes_at;
    let seconds = gate - market.now();
    market.pass(seconds);
    let stranger = market.wallet("stranger");
    market.execute(&[bid_settle(&second.0, &stranger, false)]);
    assert_eq!((market.tokens(&session.payment), market.lamports(&session.wallet)), (DEPOSIT, lamports));
}

#[test]
fn a_session_locks_and_settles() {
    let mut market = market();
    let bus = market.bus;
    let station = open_station(&mut market.chain, "operator", &bus);
    let session = open_session(&mut market.chain, station, &bus, "driver");
    let offer = market.offer_with(|offer| offer.energy(10_000).price(2_000_000));
    let lamports = market.lamports(&session.wallet);
    let meta = market.execute(&[lock(&session, &offer, 4_000)]);
    assert_units("session_lock", &meta.logs);
    assert_eq!(market.lock_state(&offer, &session.wallet, 0).refund, session.payment);
    assert_eq!(session_state(&market.chain, &session).purchases, 0);

    market.pass(300);
    let settle = settle(&market.chain, &session, &offer);
    let meta = market.execute(&[settle]);
    assert_units("session_settle", &meta.logs);
    let order = Order { offer: offer.address, energy_wh: 4_000, max_price_per_kwh: 2_000_000 };
    assert_receipt(&market.chain, &session, PurchaseKind::LockSettlement, order, 8_000_000);
    assert_eq!(market.lamports(&session.wallet), lamports, "the lock's rent is back");
}

#[test]
fn anyone_ends_a_lock_that_was_not_settled() {
    let mut market = market();
    let bus = market.bus;
    let station = open_station(&mut market.chain, "operator", &bus);
    let session = open_session(&mut market.chain, station, &bus, "driver");
    let offer = market.offer_with(|offer| offer.energy(10_000).price(2_000_000));
    market.execute(&[lock(&session, &offer, 4_000)]);
    let fee = 8_000_000 * market.lock_state(&offer, &session.wallet, 0).lock_fee_bps as u64 / 10_000;
    market.pass(301);
    let stranger = market.wallet("stranger");
    let release = market.release(&offer, &stranger, &session.wallet, 0);
    market.execute(&[release]);
    assert_eq!(market.tokens(&session.payment), DEPOSIT - fee);
    // The session goes on.
    market.execute(&[lock(&session, &offer, 1_000)]);
}

#[test]
fn a_driver_takes_back_everything_that_is_left() {
    let mut market = market();
    let bus = market.bus;
    let station = open_station(&mut market.chain, "operator", &bus);
    let session = open_session(&mut market.chain, station, &bus, "driver");
    let offer = market.offer_with(|offer| offer.energy(10_000).price(2_000_000));
    let buy = buy(&market.chain, &session, &offer, 2_000);
    market.execute(&[buy]);
    market.pass(1);

    let left = DEPOSIT - 4_000_000;
    market.arrange(&[withdraw(&session, &bus, session.driver, left)]);
    assert_eq!(market.tokens(&session.tokens), left);
    let accounts = [session.address, session.wallet, session.lane.address, session.payment];
    let rent: u64 = accounts.iter().map(|account| market.lamports(account)).sum();
    let before = market.lamports(&session.driver);
    let close = charger::instruction::SessionClose {}.to_instruction(close_accounts(&session, &bus));
    market.execute(&[close]);
    assert!(accounts.iter().all(|account| !market.exists(account)));
    assert_eq!(market.lamports(&session.driver), before + rent);

    // The same driver comes again: the lane starts above every nonce that it spent.
    let session = open_session(&mut market.chain, station, &bus, "driver");
    let buy = self::buy(&market.chain, &session, &offer, 1_000);
    market.execute(&[buy]);
}

#[test]
fn a_session_buys_and_settles_on_delivery_terms() {
    let mut market = DeliveryMarket::new();
    deploy(&mut market.market.chain);
    let (bus, offer) = (market.bus, market.offer);
    let station = open_station(&mut market.market.chain, "charging point", &bus);
    let session = open_session(&mut market.market.chain, station, &bus, "driver");
    let position = market.book.position(&session.wallet);
    market.execute(&[position_open(&position, &session.driver)]);

    let buy = buy(&market.market.chain, &session, &offer, 1_000);
    market.execute(&[buy]);
    market.execute(&[lock(&session, &offer, 1_000)]);
    let settle = settle(&market.market.chain, &session, &offer);
    market.execute(&[settle]);
    let state = session_state(&market.market.chain, &session);
    assert_eq!((state.bought_wh, state.paid, state.purchases), (2_000, 5_000_000, 2));

    // Half of it is delivered. Anyone brings the refund, which goes to the session's token account.
    market.pass_window(1);
    let report = market.report(1_000, 1);
    market.execute(&[report]);
    market.pass(3_601);
    let refund = market.refund(&position);
    market.execute(&[refund]);
    assert_eq!(market.tokens(&session.payment), DEPOSIT - 5_000_000 + 2_500_000);
}
