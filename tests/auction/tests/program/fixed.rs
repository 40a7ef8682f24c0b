//! The last 300 seconds before the gate, and the fixed book after it.

use {
    multibus::{error::MultibusError, state::*},
    multibus_auction::{Market, auction_terms, mint::TokenProgram},
};

#[test]
fn in_the_last_300_seconds_offers_and_bids_are_only_added_and_improved() {
    let mut market = Market::new(false);
    let (seller, window, gate) = (market.sellers[0], market.window, market.gate());
    let (create, offer) = market.net.offer_create(&seller, &seller, window, (1_000, 500, gate - 1));
    market.net.run(&[create]);
    let bid = market.bid(0, 400, 700);
    let account = market.net.ata_of(&market.buyers[0]);
    market.to_gate(-301);
    let (dearer, earlier) =
        (market.net.offer_reprice(&seller, &offer, 600), market.net.offer_set_expiry(&seller, &offer, gate - 2));
    market.net.run(&[dearer, earlier]);
    market.to_gate(-300);
    for price in [601, u64::MAX / 2] {
        let dearer = market.net.offer_reprice(&seller, &offer, price);
        market.net.refuse(&[dearer], MultibusError::LastMinutes);
    }
    let earlier = market.net.offer_set_expiry(&seller, &offer, gate - 3);
    market.net.refuse(&[earlier], MultibusError::LastMinutes);
    let suspend = market.net.seller_suspend(&market.operator, &seller);
    market.net.run(&[suspend]);
    for caller in [seller, market.operator, market.owner] {
        let cancel = market.net.offer_cancel(&caller, &offer);
        market.net.refuse(&[cancel], MultibusError::LastMinutes);
    }
    let admit = market.net.seller_admit(&market.operator, &seller);
    let cancel = market.net.bid_cancel(&bid, &account);
    market.net.run(&[admit]);
    market.net.refuse(&[cancel], MultibusError::LastMinutes);
    let (cheaper, later) =
        (market.net.offer_reprice(&seller, &offer, 599), market.net.offer_set_expiry(&seller, &offer, gate));
    market.net.run(&[cheaper, later]);
    market.to_gate(-1);
    // Orders and trades of the last second count.
    let last_ask = market.ask(1, 100, 650);
    let last_bid = market.bid(1, 900, 650);
    let buyer = market.buyers[2];
    let purchase = market.net.purchase(&buyer, &market.net.ata_of(&buyer), &offer, 100);
    market.net.run(&[purchase]);
    market.to_gate(0);
    let late = market.net.bid_create(&market.buyers[1], &account, window, 900, 500_700).0;
    market.net.refuse(&[late], MultibusError::GateClosed);
    market.clear();
    assert_eq!((market.capacity().volume_wh, market.capacity().price_per_kwh), (1_000, 650));
    market.net.settle_all(window, |_| 0);
    assert_eq!(market.net.state::<Offer>(&last_ask).remaining_wh, 0);
    assert!(!market.net.exists(&last_bid) && !market.net.exists(&bid));
    market.wind_down();
}

#[test]
fn nothing_in_a_fixed_book_changes_or_closes() {
    for on_delivery in [false, true] {
        let mut market = Market::new(on_delivery);
        let (seller, window, gate) = (market.sellers[0], market.window, market.gate());
        let offer = market.ask(0, 5_000, 500);
        let (create, expires_at_gate) = market.net.offer_create(&seller, &seller, window, (1_000, 400, gate));
        market.net.run(&[create]);
        let (create, expired) = market.net.offer_create(&seller, &seller, window, (1_000, 300, gate - 1));
        market.net.run(&[create]);
        let sold_out = market.ask(1, 1_000, 200);
        let bid = market.bid(0, 3_000, 700);
        // A buyer buys one offer out, and holds part of another with a lock that nobody releases.
        let buyer = market.buyers[1];
        let account = market.net.ata_of(&buyer);
        if on_delivery {
            for seller in [0, 1] {
                let open = market.net.position_open(&buyer, &market.book(seller), &buyer);
                market.net.run(&[open]);
            }
        }
        let purchase = market.net.purchase(&buyer, &account, &sold_out, 1_000);
        let take = market.net.lock_take(&buyer, &account, &offer, 0, 4_500);
        market.net.run(&[purchase, take]);
        let lock = market.net.lock(&offer, &buyer, 0);
        market.to_gate(0);
        let stranger = market.net.payer;
        for offer in [offer, expires_at_gate, expired, sold_out] {
            let wallet = market.net.state::<Offer>(&offer).wallet;
            for caller in [wallet, stranger, market.operator] {
                let cancel = market.net.offer_cancel(&caller, &offer);
                market.net.refuse(&[cancel], MultibusError::BookFixed);
            }
            let reprice = market.net.offer_reprice(&wallet, &offer, 100);
            market.net.refuse(&[reprice], MultibusError::GateClosed);
            let later = market.net.offer_set_expiry(&wallet, &offer, gate + 900);
            market.net.refuse(&[later], MultibusError::OfferExpired);
            let purchase = market.net.purchase(&buyer, &account, &offer, 1);
            market.net.refuse(&[purchase], MultibusError::OfferExpired);
            let settle = market.net.ask_settle(&offer);
            market.net.refuse(&[settle], MultibusError::AuctionNotCleared);
        }
        let settle = market.net.lock_settle(&buyer, &lock);
        market.net.refuse(&[settle], MultibusError::LockExpired);
        let cancel = market.net.bid_cancel(&bid, &market.net.ata_of(&market.buyers[0]));
        market.net.refuse(&[cancel], MultibusError::BookFixed);
        let settle = market.net.bid_settle(&stranger, &bid, false);
        market.net.refuse(&[settle], MultibusError::AuctionNotOver);
        let owner = market.owner;
        let close = market.net.capacity_close(&owner, window, &owner);
        market.net.refuse(&[close], MultibusError::WindowHasOffers);
        // Collecting goes on.
        if !on_delivery {
            let collect = market.net.offer_collect(&sold_out);
            market.net.run(&[collect]);
        }
        // What a lock that ended still reserves is sold; between two tallies it is released.
        let clearer = market.clearer;
        let (low, high) = market.net.book_of(window).prices().unwrap();
        let open = market.net.clearing_open(&clearer, window, low, high);
        market.net.run(&[open]);
        let orders = market.net.sorted_orders(window);
        for (index, order) in orders.iter().enumerate() {
            let tally = market.net.clearing_tally(&clearer, window, &[*order]);
            market.net.run(&[tally]);
            if index == 2 && on_delivery {
                let release = market.net.lock_release(&stranger, &lock);
                market.net.run(&[release]);
            }
        }
        let apply = market.net.clearing_apply(&clearer, window);
        market.net.run(&[apply]);
        // 1,000 Wh at 400 and 5,000 at 500, for 3,000 Wh.
        assert_eq!((market.capacity().price_per_kwh, market.capacity().volume_wh), (500, 3_000));
        let owed = market.net.offer_cancel(&seller, &offer);
        market.net.refuse(&[owed], MultibusError::AskUnsettled);
        for free in [expired, sold_out] {
            let settle = market.net.ask_settle(&free);
            market.net.refuse(&[settle], MultibusError::OrderGetsNothing);
            let cancel = market.net.offer_cancel(&stranger, &free);
            market.net.run(&[cancel]);
        }
        let settle = market.net.ask_settle(&offer);
        market.net.run(std::slice::from_ref(&settle));
        market.net.refuse(&[settle], MultibusError::AskSettled);
        let state: Offer = market.net.state(&offer);
        assert_eq!((state.remaining_wh, state.reserved_wh), (3_000, if on_delivery { 0 } else { 4_500 }));
        market.net.settle_all(window, |_| 0);
        // It closes once its lock is released.
        let cancel = market.net.offer_cancel(&stranger, &offer);
        market.net.run(&[cancel]);
        if !on_delivery {
            assert!(market.net.exists(&offer));
            let release = market.net.lock_release(&stranger, &lock);
            market.net.run(&[release]);
            let cancel = market.net.offer_cancel(&stranger, &offer);
            market.net.run(&[cancel]);
        }
        assert!(!market.net.exists(&offer));
        market.wind_down();
    }
}

#[test]
fn the_owners_withdraw_what_the_bus_offers_until_the_gate() {
    let mut market = Market::new(false);
    let (owner, bus, window, gate) = (market.owner, market.net.bus, market.window, market.gate());
    let open = market.net.seller_open(&owner, &bus);
    market.net.run(&[open]);
    let list = |market: &mut Market, energy_wh| {
        let (create, offer) = market.net.offer_create(&owner, &bus, window, (energy_wh, 500, gate));
        market.net.run(&[create]);
        offer
    };
    let first = list(&mut market, 1_000);
    market.to_gate(-300);
    let second = list(&mut market, 2_000);
    market.to_gate(-120);
    // Lowering it now would let it trade after the gate only.
    let third = list(&mut market, 4_000);
    let lower = market.net.offer_reprice(&owner, &first, 400);
    market.net.run(&[lower]);
    market.to_gate(-119);
    let lower = market.net.offer_reprice(&owner, &second, 400);
    market.net.refuse(&[lower], MultibusError::LastMinutes);
    let fourth = list(&mut market, 8_000);
    let bid = market.bid(0, 100_000, 900);
    market.to_gate(-1);
    let cancel = market.net.offer_cancel(&market.operator, &first);
    market.net.run(&[cancel]);
    market.to_gate(0);
    let cancel = market.net.offer_cancel(&market.operator, &second);
    market.net.refuse(&[cancel], MultibusError::BookFixed);
    market.clear();
    // The fourth was listed less than 120 s before the gate, so it does not count.
    assert_eq!(market.capacity().volume_wh, 6_000);
    market.net.settle_all(window, |_| 0);
    let sold = |offer| market.net.state::<Offer>(offer).sold_wh();
    assert_eq!((sold(&second), sold(&third), sold(&fourth)), (2_000, 4_000, 0));
    assert!(!market.net.exists(&bid));
    market.wind_down();
}

#[test]
fn a_bid_is_refused_for_each_reason_of_its_own() {
    let mut market = Market::of(TokenProgram::SplToken, auction_terms(false), 10_000);
    let (buyer, window) = (market.buyers[0], market.window);
    let account = market.net.ata_of(&buyer);
    let fee = market.net.terms(window).grid_fee_per_kwh;
    let cases = [
        (MultibusError::LimitBelowBase, 10, fee),
        (MultibusError::LimitBelowBase, 10, 0),
        (MultibusError::SizeTooSmall, 0, fee + 1),
        (MultibusError::BidTooLarge, 10_001, fee + 1),
        (MultibusError::CostOverflow, 10_000, u64::MAX),
    ];
    for (error, energy_wh, limit) in cases {
        let (create, _) = market.net.bid_create(&buyer, &account, window, energy_wh, limit);
        market.net.refuse(&[create], error);
    }
    let (create, _) = market.net.bid_create(&buyer, &account, window, 10_000, fee + 1);
    let mut other = create.clone();
    other.accounts[6].pubkey = market.net.treasury();
    market.net.refuse(&[other], MultibusError::EscrowMismatch);
    let mut other = create.clone();
    other.accounts[1].pubkey = market.net.trader(&market.buyers[1]);
    market.net.refuse(&[other], MultibusError::TraderMismatch);
    // Another address than that of the bid.
    let mut other = create.clone();
    other.accounts[4].pubkey = market.net.bid_address(&buyer, window, 9, fee + 1).0;
    market.net.fails(&[other]);
    let mut general = create.clone();
    general.accounts[3].pubkey = market.net.capacity(0);
    market.net.refuse(&[general], MultibusError::AuctionOff);
    let (mut again, _) = market.net.bid_create(&buyer, &account, window, 5, fee + 1);
    market.net.run(&[create]);
    again.accounts[4].pubkey = market.net.bid_address(&buyer, window, 5, fee + 1).0;
    market.net.refuse(&[again], MultibusError::NonceMismatch);
    // Lamports at the address do not stop it.
    let (create, bid) = market.net.bid_create(&buyer, &account, window, 5, fee + 1);
    let gift = solana_system_interface::instruction::transfer(&market.net.payer, &bid, 1_000_000);
    market.net.run(&[gift, create]);
    let owner = market.owner;
    market.net.decide(&owner, ProposalAction::Pause);
    let (create, _) = market.net.bid_create(&buyer, &account, window, 5, fee + 1);
    market.net.refuse(&[create], MultibusError::BusPaused);
    let cancel = market.net.bid_cancel(&bid, &account);
    market.net.run(&[cancel]);
    market.wind_down();
}

#[test]
fn terms_with_an_auction_have_windows_of_15_minutes_with_their_gate() {
    let mut market = Market::new(false);
    let owner = market.owner;
    let base = auction_terms(false);
    let from = (market.net.now() / 3_600 + 24 * 30) * 3_600;
    let cases = [
        (MultibusError::AuctionWithoutWindows, TermsConfig { window_seconds: 0, gate_closure_seconds: 0, ..base }),
        (MultibusError::AuctionTooShort, TermsConfig { window_seconds: 600, gate_closure_seconds: 299, ..base }),
    ];
    for (error, terms) in cases {
        let (create, _) = market.net.proposal_create(&owner, ProposalAction::TermsSet { from, terms });
        market.net.refuse(&[create], error);
    }
    let terms = TermsConfig { window_seconds: 600, gate_closure_seconds: 300, ..base };
    market.net.decide(&owner, ProposalAction::TermsSet { from, terms });
    assert!(market.net.state::<Bus>(&market.net.bus).next_terms.has_auction());
    market.wind_down();
}
