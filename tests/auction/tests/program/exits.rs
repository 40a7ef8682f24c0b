//! Refunds that cannot be paid, frozen accounts, pauses, nobody who clears, a bus that closes.

use {
    multibus::{constants::AUCTION_PROOF_SECONDS, error::MultibusError, state::*},
    multibus_auction::{Market, auction_terms, mint::TokenProgram},
    solana_address::Address,
};

/// What a buyer does to its refund account.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Close,
    Freeze,
    GiveAway,
    AskMemo,
    Reserved,
    Bid,
    Escrow,
    Wallet,
}

const HARMS: [Harm; 8] =
    [Harm::Close, Harm::Freeze, Harm::GiveAway, Harm::AskMemo, Harm::Reserved, Harm::Bid, Harm::Escrow, Harm::Wallet];

#[test]
fn a_refund_that_cannot_be_paid_becomes_a_claim() {
    for on_delivery in [false, true] {
        for harm in HARMS {
            let mut market = Market::of(TokenProgram::Token2022, auction_terms(on_delivery), 1 << 40);
            let (buyer, window) = (market.buyers[0], market.window);
            let account = market.net.ata_of(&buyer);
            let ask = market.ask(0, 1_000, 1_000_000);
            // One bid gets all, another nothing.
            let (winner, bump) = market.net.bid_address(&buyer, window, 1_000, 3_500_000);
            let refund = match harm {
                Harm::Reserved => solana_sdk_ids::sysvar::clock::ID,
                Harm::Bid => winner,
                Harm::Escrow => market.net.escrow(),
                Harm::Wallet => buyer,
                _ => account,
            };
            // An associated account of Token-2022 cannot be given away.
            let other = market.net.token_account("a second account", &buyer);
            let refund = if matches!(harm, Harm::GiveAway) { other } else { refund };
            let (mut create, _) = market.net.bid_create(&buyer, &account, window, 1_000, 3_500_000);
            let data = multibus::instruction::BidCreate {
                nonce: market.net.next_nonce(&buyer),
                energy_wh: 1_000,
                max_price_per_kwh: 3_500_000,
                refund,
                bump,
            };
            create.data = anchor_lang::InstructionData::data(&data);
            market.net.run(&[create]);
            let loser = market.bid(0, 500, 900_000);
            market.net.state::<Bid>(&loser);
            market.to_gate(0);
            market.clear();
            match harm {
                Harm::Close => market.net.close_account(&account, &buyer),
                Harm::Freeze => market.net.freeze(&account),
                Harm::GiveAway => market.net.set_owner(&other, &buyer, &market.grid.clone()),
                Harm::AskMemo => market.net.ask_memo(&account, &buyer),
                _ => (),
            }
            let stranger = market.clearer;
            let lamports = market.net.lamports(&stranger);
            let settle = market.net.ask_settle(&ask);
            market.net.run(&[settle]);
            for bid in [winner, loser] {
                let settle = market.net.bid_settle(&stranger, &bid, false);
                market.net.run(&[settle]);
            }
            assert_eq!(market.net.lamports(&stranger), lamports, "{harm:?}: no stranger pays for a claim");
            // The second bid has the associated account, which only some of them harm.
            let is_harmed = matches!(harm, Harm::Close | Harm::Freeze | Harm::AskMemo);
            // The price is the bid's and the ask's middle.
            let owed = 3_500_000 - 2_500_000;
            let claim = market.net.claim(&buyer);
            if on_delivery {
                let bid: Bid = market.net.state(&winner);
                assert_eq!((bid.state, bid.deposit - bid.paid), (1, owed), "{harm:?}: it waits in the escrow");
                let again = market.net.bid_settle(&stranger, &winner, false);
                market.net.refuse(&[again], MultibusError::PayeeUnpayable);
                assert_eq!(market.net.exists(&claim), is_harmed);
                let offer = market.net.offer_cancel(&stranger, &ask);
                market.net.run(&[offer]);
                market.to_end(0);
                market.report(0, 500);
                market.net.pass(3_600);
                let pool = market.net.pool_report(&market.book(0), window);
                market.net.run(&[pool]);
                let settle = market.net.bid_settle(&stranger, &winner, false);
                market.net.run(&[settle]);
                // The buyer gives its certificates up.
                let close = market.net.bid_settle(&buyer, &winner, true);
                market.net.run(&[close]);
            }
            assert!(!market.net.exists(&winner) && !market.net.exists(&loser));
            let loser_owed = if is_harmed { 700_000 } else { 0 };
            let winner_owed = if on_delivery { owed + 1_250_000 } else { owed };
            assert_eq!(market.net.state::<Claim>(&claim).amount, winner_owed + loser_owed, "{harm:?}");
            market.wind_down();
        }
    }
}

#[test]
fn a_frozen_escrow_delays_and_loses_nothing() {
    for on_delivery in [false, true] {
        let mut market = Market::new(on_delivery);
        let window = market.window;
        let ask = market.ask(0, 1_000, 1_000_000);
        let bids = [market.bid(0, 1_000, 3_000_000), market.bid(1, 500, 500_000)];
        let cancelled = market.bid(2, 500, 500_000);
        let escrow = market.net.escrow();
        market.net.freeze(&escrow);
        let cancel = market.net.bid_cancel(&cancelled, &market.net.ata_of(&market.buyers[2]));
        market.net.refuse(&[cancel], MultibusError::PayerFrozen);
        market.to_gate(0);
        market.clear();
        let settles = [
            market.net.bid_settle(&market.clearer, &bids[1], false),
            market.net.bid_settle(&market.clearer, &bids[0], false),
            market.net.ask_settle(&ask),
        ];
        market.net.refuse(&settles[..1], MultibusError::PayerFrozen);
        if on_delivery {
            // A fill is recorded, and the rest is paid later.
            market.net.run(&settles[1..]);
            assert_eq!(market.net.state::<Bid>(&bids[0]).state, 1);
        } else {
            market.net.refuse(&settles[1..2], MultibusError::PayerFrozen);
            market.net.refuse(&settles[2..], MultibusError::PayerFrozen);
        }
        market.net.thaw(&escrow);
        market.net.settle_all(window, |_| 0);
        market.wind_down();
    }
}

#[test]
fn a_frozen_vault_holds_up_nobody_but_its_seller() {
    let mut market = Market::new(true);
    let window = market.window;
    let asks = [market.ask(0, 1_000, 1_000_000), market.ask(1, 1_000, 1_000_000)];
    let bid = market.bid(0, 2_000, 1_000_000);
    market.to_gate(0);
    market.clear();
    market.net.settle_all(window, |_| 0);
    for ask in asks {
        let cancel = market.net.offer_cancel(&market.net.payer, &ask);
        market.net.run(&[cancel]);
    }
    market.to_end(0);
    market.report(0, 1_000);
    market.report(1, 500);
    let vault = market.net.vault(&market.sellers[0]);
    market.net.freeze(&vault);
    market.net.pass(3_600);
    let books = [market.book(0), market.book(1)];
    for book in &books {
        let pool = market.net.pool_report(book, window);
        market.net.run(&[pool]);
    }
    assert!(market.capacity().is_pool_complete());
    let frozen: DeliveryBook = market.net.state(&books[0]);
    assert_eq!((frozen.pool_due, frozen.pool_grid_fee), (1_500_000, 500_000));
    let settle = market.net.bid_settle(&market.net.payer, &bid, false);
    market.net.run(&[settle]);
    let close = market.net.bid_settle(&market.buyers[0], &bid, true);
    market.net.run(&[close]);
    let (stranger, owner) = (market.net.payer, market.owner);
    let close = market.net.capacity_close(&stranger, window, &owner);
    market.net.run(&[close]);
    let pool = market.net.pool_report(&books[0], window);
    market.net.refuse(std::slice::from_ref(&pool), MultibusError::PayerFrozen);
    market.net.pass(100 * 86_400);
    let close = market.net.delivery_close(&stranger, &books[0]);
    market.net.refuse(std::slice::from_ref(&close), MultibusError::PoolOpen);
    market.net.thaw(&vault);
    market.net.run(&[pool, close]);
    assert_eq!(market.withdraw(0), 1_000_000);
    market.wind_down();
}

#[test]
fn a_pause_from_the_gate_to_the_end_stops_nothing() {
    for on_delivery in [false, true] {
        let mut market = Market::new(on_delivery);
        let (window, owner) = (market.window, market.owner);
        market.ask(0, 1_000, 1_000_000);
        market.bid(0, 800, 3_000_000);
        market.to_gate(-1);
        market.net.decide(&owner, ProposalAction::Pause);
        market.to_gate(0);
        market.clear();
        market.net.settle_all(window, |_| 0);
        market.cancel_offers();
        if on_delivery {
            market.to_end(0);
            market.report(0, 900);
            market.net.pass(3_600);
            let pool = market.net.pool_report(&market.book(0), window);
            market.net.run(&[pool]);
        }
        assert_eq!(market.capacity().volume_wh, 800);
        market.wind_down();
    }
}

#[test]
fn without_a_proof_all_bids_come_back_and_offers_are_free() {
    let mut market = Market::new(true);
    let before: Vec<u64> = market.buyers.iter().map(|buyer| market.tokens_of(buyer)).collect();
    let offer = market.ask(0, 1_000, 1_000_000);
    let bids = [market.bid(0, 800, 3_000_000), market.bid(1, 1, 1)];
    // Until then nobody learns what was delivered: the book of the seller waits.
    market.to_gate(AUCTION_PROOF_SECONDS - 1);
    let stranger = market.net.payer;
    let cancel = market.net.offer_cancel(&stranger, &offer);
    market.net.refuse(std::slice::from_ref(&cancel), MultibusError::BookFixed);
    market.to_gate(AUCTION_PROOF_SECONDS);
    // It may report now, also while its offer is not withdrawn.
    market.report(0, 700);
    market.net.run(&[cancel]);
    for bid in bids {
        let settle = market.net.bid_settle(&stranger, &bid, false);
        market.net.run(&[settle]);
    }
    let after: Vec<u64> = market.buyers.iter().map(|buyer| market.tokens_of(buyer)).collect();
    assert_eq!(before, after);
    market.wind_down();
}

#[test]
fn on_a_closing_bus_anyone_returns_bids_where_there_is_no_offer() {
    let mut market = Market::new(false);
    let (owner, seller) = (market.owner, market.sellers[1]);
    let bids = [market.bid(0, 800, 3_000_000), market.bid(1, 100, 3_000_000)];
    let (ask, withdrawn) = (market.ask(0, 50, 1_000_000), market.ask(1, 10, 1_000_000));
    let early = market.net.bid_settle(&market.clearer, &bids[0], false);
    market.net.refuse(std::slice::from_ref(&early), MultibusError::AuctionNotOver);
    market.net.decide(&owner, ProposalAction::BusClose);
    // While there is an offer, an auction will come.
    let (cancel, stranger) = (market.net.offer_cancel(&seller, &withdrawn), market.net.payer);
    market.net.run(&[cancel]);
    market.net.refuse(std::slice::from_ref(&early), MultibusError::AuctionNotOver);
    let cancel = market.net.offer_cancel(&stranger, &ask);
    market.net.refuse(&[cancel], MultibusError::OfferStillTrading);
    let before = market.net.snapshot();
    let cancel = market.net.offer_cancel(&market.sellers[0], &ask);
    market.net.run(&[cancel, early]);
    market.net.restore(before);
    market.to_gate(-300);
    let late = market.net.bid_settle(&market.clearer, &bids[1], false);
    market.net.refuse(&[late], MultibusError::AuctionNotOver);
    // What is in the book then is cleared.
    market.to_gate(0);
    market.clear();
    let window = market.window;
    market.net.settle_all(window, |_| 0);
    assert_eq!(market.net.state::<Offer>(&ask).remaining_wh, 0);
}

#[test]
fn strangers_find_nothing_to_gain_in_accounts_of_others() {
    let mut market = Market::new(false);
    let window = market.window;
    let ask = market.ask(0, 1_000, 1_000_000);
    let bid = market.bid(0, 1_000, 3_000_000);
    let other = market.bid(1, 1_000, 900_000);
    market.to_gate(0);
    market.clear();
    let settle = market.net.bid_settle(&market.clearer, &bid, false);
    let accounts: [(usize, Address, MultibusError); 5] = [
        (4, market.clearer, MultibusError::BidBuyerMismatch),
        (5, market.net.treasury(), MultibusError::EscrowMismatch),
        (6, market.net.ata_of(&market.buyers[1]), MultibusError::RefundMismatch),
        (2, market.net.capacity(0), MultibusError::CapacityMismatch),
        (1, market.net.capacity(0), MultibusError::BusMismatch),
    ];
    for (place, account, error) in accounts {
        let mut wrong = settle.clone();
        wrong.accounts[place].pubkey = account;
        if place == 1 {
            market.net.fails(&[wrong]);
        } else {
            market.net.refuse(&[wrong], error);
        }
    }
    let ask_settle = market.net.ask_settle(&ask);
    for (place, account, error) in [
        (3, market.net.vault(&market.sellers[1]), MultibusError::VaultMismatch),
        (4, market.net.treasury(), MultibusError::EscrowMismatch),
        (1, market.net.capacity(0), MultibusError::CapacityMismatch),
    ] {
        let mut wrong = ask_settle.clone();
        wrong.accounts[place].pubkey = account;
        market.net.refuse(&[wrong], error);
    }
    // A bid of another window or buyer is not cancelled by a stranger.
    let mut cancel = market.net.bid_cancel(&other, &market.net.ata_of(&market.buyers[0]));
    cancel.accounts[0].pubkey = market.buyers[0];
    market.net.refuse(&[cancel], MultibusError::BidBuyerMismatch);
    market.net.settle_all(window, |_| 0);
    market.wind_down();
}
