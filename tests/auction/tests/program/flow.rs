//! An auction from listing to the last closed account, on purchase and on delivery terms.

use multibus::{error::MultibusError, state::*};
use multibus_auction::{FEE, Market};

/// 10 kWh at 1 token and 5 kWh at 2 are asked for; bids are for 8 kWh at 3, 4 kWh at 2 and 6 kWh at 1.5. The price is 2, and
/// 12 kWh change hands: all of the first ask, 2 kWh of the second.
fn place(market: &mut Market) -> ([solana_address::Address; 2], [solana_address::Address; 3]) {
    let asks = [market.ask(0, 10_000, 1_000_000), market.ask(1, 5_000, 2_000_000)];
    let bids = [market.bid(0, 8_000, 3_000_000), market.bid(1, 4_000, 2_000_000), market.bid(2, 6_000, 1_500_000)];
    (asks, bids)
}

#[test]
fn on_purchase_terms_bids_pay_and_sellers_are_paid_at_once() {
    let mut market = Market::new(false);
    let before: Vec<u64> = market.buyers.iter().map(|buyer| market.tokens_of(buyer)).collect();
    let (asks, bids) = place(&mut market);
    let net = &market.net;
    let first: Bid = net.state(&bids[0]);
    assert_eq!((first.deposit, first.price_per_kwh, first.max_price_per_kwh), (28_000_000, 3_000_000, 3_500_000));
    let receipt = net.state::<Trader>(&net.trader(&market.buyers[0])).receipts().last().map(|(_, receipt)| *receipt);
    let receipt = receipt.expect("a receipt");
    assert_eq!((receipt.transaction_hash, receipt.energy_wh, receipt.paid), (first.transaction_hash, 0, 0));
    assert_eq!(net.tokens(&net.escrow()), market.capacity().escrowed);
    market.to_gate(0);
    market.clear();
    let capacity = market.capacity();
    assert_eq!((capacity.price_per_kwh, capacity.volume_wh), (2_000_000, 12_000));
    assert_eq!(capacity.bids, Ration { at_price_wh: 4_000, filled_wh: 4_000, settled_wh: 0 });
    assert_eq!(capacity.asks, Ration { at_price_wh: 5_000, filled_wh: 2_000, settled_wh: 0 });
    let window = market.window;
    market.net.settle_all(window, |_| 0);
    // At 2.5 tokens a kWh, grid fee included.
    let spent: Vec<u64> =
        market.buyers.iter().zip(&before).map(|(buyer, before)| before - market.tokens_of(buyer)).collect();
    assert_eq!(spent, [20_000_000, 10_000_000, 0]);
    assert!(market.net.all::<Bid>().is_empty());
    for (ask, sold_wh) in asks.iter().zip([10_000, 2_000]) {
        let offer: Offer = market.net.state(ask);
        assert_eq!((offer.sold_wh(), offer.settled, offer.proceeds), (sold_wh, 1, sold_wh * 2_500));
    }
    let collect = market.net.offer_collect(&asks[0]);
    market.net.run(&[collect]);
    market.cancel_offers();
    assert_eq!((market.withdraw(0), market.withdraw(1)), (20_000_000, 4_000_000));
    market.to_end(0);
    let (stranger, owner) = (market.net.payer, market.owner);
    let close = market.net.capacity_close(&stranger, window, &owner);
    market.net.run(&[close]);
    assert_eq!(market.net.tokens(&market.net.escrow()), 0);
    let grid = market.grid;
    market.net.fund(&grid, 0);
    market.wind_down();
    assert_eq!(market.net.tokens(&market.net.ata_of(&market.grid)), 12 * FEE);
}

#[test]
fn on_delivery_terms_bids_pay_for_what_was_delivered() {
    let mut market = Market::new(true);
    let before: Vec<u64> = market.buyers.iter().map(|buyer| market.tokens_of(buyer)).collect();
    let (asks, bids) = place(&mut market);
    // The third buyer also buys 2 kWh of the first offer: 8 kWh of it go to the auction.
    let buyer = market.buyers[2];
    let (account, book) = (market.net.ata_of(&buyer), market.book(0));
    let open = market.net.position_open(&buyer, &book, &buyer);
    market.net.run(&[open]);
    let purchase = market.net.purchase(&buyer, &account, &asks[0], 2_000);
    market.net.run(&[purchase]);
    market.to_gate(0);
    market.clear();
    assert_eq!((market.capacity().price_per_kwh, market.capacity().volume_wh), (2_000_000, 12_000));
    let window = market.window;
    market.to_end(0);
    let early = market.net.delivery_report(
        &market.devices[0],
        &book,
        Reading { window_start: window, energy_wh: 1, sequence: 1 },
        ReadingProof::Transaction,
    );
    market.net.refuse(&[early], MultibusError::AuctionNotOver);
    market.net.settle_all(window, |left| left - 1);
    let of = |market: &Market, seller| {
        let book: DeliveryBook = market.net.state(&market.book(seller));
        book.windows[book.place(window).unwrap()]
    };
    assert_eq!((of(&market, 0).sold_wh, of(&market, 0).auction_wh, of(&market, 0).unsettled_offers), (2_000, 8_000, 0));
    assert_eq!((of(&market, 1).sold_wh, of(&market, 1).auction_wh, of(&market, 1).unsettled_offers), (0, 4_000, 0));
    let spent = |market: &Market| -> Vec<u64> {
        market.buyers.iter().zip(&before).map(|(buyer, before)| before - market.tokens_of(buyer)).collect()
    };
    assert_eq!(spent(&market), [20_000_000, 10_000_000, 3_000_000]);
    let first: Bid = market.net.state(&bids[0]);
    assert_eq!((first.state, first.allotted_wh, first.paid, first.deposit), (1, 8_000, 20_000_000, 20_000_000));
    assert_eq!(market.net.all::<Bid>().len(), 2);
    market.cancel_offers();
    // The first seller delivers half of its 10 kWh, the second all of its 4 kWh and 1 kWh more.
    market.report(0, 5_000);
    market.report(1, 5_000);
    let books = [market.book(0), market.book(1)];
    let pool = market.net.pool_report(&books[0], window);
    market.net.refuse(std::slice::from_ref(&pool), MultibusError::WindowNotFinal);
    market.net.pass(3_600);
    let waits = market.net.bid_settle(&buyer, &bids[0], false);
    market.net.refuse(&[waits], MultibusError::PoolIncomplete);
    market.net.run(std::slice::from_ref(&pool));
    market.net.refuse(&[pool], MultibusError::NothingToReport);
    assert!(!market.capacity().is_pool_complete());
    let pool = market.net.pool_report(&books[1], window);
    market.net.run(&[pool]);
    let capacity = market.capacity();
    assert_eq!((capacity.reported_wh, capacity.delivered_wh), (12_000, 8_000));
    // 4 of 8 kWh and 4 of 4 kWh at 2.5 tokens, of which 0.5 are the grid's.
    assert_eq!((market.withdraw(0), market.withdraw(1)), (8_000_000, 8_000_000));
    let release = market.net.delivery_release(&books[0]);
    market.net.run(&[release]);
    // 1 of 2 kWh at 1.5 tokens less 0.5.
    assert_eq!(market.withdraw(0), 1_000_000);
    let position = market.net.position(&books[0], &buyer);
    let refund = market.net.delivery_refund(&position);
    market.net.run(&[refund]);
    for bid in &bids[..2] {
        let settle = market.net.bid_settle(&market.net.payer, bid, false);
        market.net.run(&[settle]);
    }
    // Two thirds were delivered; what they pay for that is rounded up.
    assert_eq!(spent(&market), [13_333_334, 6_666_667, 1_500_000]);
    let first: Bid = market.net.state(&bids[0]);
    assert_eq!((first.state, first.delivered_wh, first.paid, first.deposit), (2, 5_333, 13_333_334, 13_333_334));
    // Certificates: the first bid takes 4,000 Wh of one seller and 1,333 of the other, the second the rest.
    let sellers = market.sellers.clone();
    for (bid, seller, energy_wh) in [(0, 0, 4_000), (0, 1, 1_333), (1, 1, 2_666)] {
        let (take, certificate) = market.net.certificate_of_bid(&bids[bid], &sellers[seller]);
        market.net.run(&[take]);
        assert_eq!(market.net.state::<Certificate>(&certificate).energy_wh(), energy_wh);
    }
    for bid in &bids[..2] {
        let (again, _) = market.net.certificate_of_bid(bid, &sellers[1]);
        market.net.refuse(&[again], MultibusError::AlreadyCertified);
    }
    let (surplus, certificate) = market.net.certificate_take(&sellers[1], &sellers[1], window);
    market.net.run(&[surplus]);
    assert_eq!(market.net.state::<Certificate>(&certificate).energy_wh(), 1_000);
    // All is certified, so anybody closes the bids.
    for bid in &bids[..2] {
        let settle = market.net.bid_settle(&market.net.payer, bid, false);
        market.net.run(&[settle]);
    }
    let treasury = market.net.treasury();
    let (stranger, owner) = (market.net.payer, market.owner);
    let close = market.net.capacity_close(&stranger, window, &owner);
    market.net.run(&[close]);
    // 8 kWh at 2.5 were paid out of 20,000,001.
    assert_eq!((market.net.tokens(&treasury), market.net.tokens(&market.net.escrow())), (1, 0));
    market.wind_down();
}

#[test]
fn a_bid_is_withdrawn_until_300_seconds_before_the_gate() {
    let mut market = Market::new(false);
    let bids = [market.bid(0, 8_000, 3_000_000), market.bid(0, 1_000, 2_000_000)];
    let buyer = market.buyers[0];
    let account = market.net.ata_of(&buyer);
    let (before, lamports) = (market.net.tokens(&account), market.net.lamports(&buyer));
    market.to_gate(-301);
    let cancel = market.net.bid_cancel(&bids[0], &account);
    market.net.run(&[cancel]);
    assert_eq!(market.net.tokens(&account), before + 28_000_000);
    assert!(market.net.lamports(&buyer) > lamports && !market.net.exists(&bids[0]));
    market.to_gate(-300);
    let cancel = market.net.bid_cancel(&bids[1], &account);
    market.net.refuse(std::slice::from_ref(&cancel), MultibusError::LastMinutes);
    market.to_gate(0);
    market.net.refuse(&[cancel], MultibusError::BookFixed);
    // Nobody asks for anything: the auction is over.
    let settle = market.net.bid_settle(&market.clearer, &bids[1], false);
    market.net.run(&[settle]);
    assert_eq!(market.net.tokens(&account), before + 28_000_000 + 2_500_000);
    market.wind_down();
}
