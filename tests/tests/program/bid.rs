//! Bids: `bid_create`, `bid_cancel` and `bid_settle`.

use {
    anchor_lang::solana_program::hash::hashv,
    multibus::{
        constants::MAX_BIDS,
        error::MultibusError,
        event,
        state::{
            self, BidState, Capacity, Claim, Order, ProposalAction, PurchaseKind, RefundOutcome, Trader,
            transaction_hash_of_one,
        },
    },
    multibus_tests::{
        AuctionMarket, BidAddresses, Refusal, TestChain, TokenProgram, auction::FEE, event::assert_logged,
        instructions::*,
    },
    solana_address::Address,
    solana_instruction::{AccountMeta, error::InstructionError},
};

/// A market in Token-2022.
fn in_token_2022(on_delivery: bool) -> AuctionMarket {
    let mut chain = TestChain::new();
    let mint = chain.mint("mint", TokenProgram::Token2022, &[]);
    AuctionMarket::on_chain(chain, mint, on_delivery, |options| options)
}

/// The window with its bids and its deposits.
fn counted(market: &AuctionMarket) -> (u32, u64) {
    let Capacity { open_bids, escrowed, .. } = market.window_state();
    (open_bids, escrowed)
}

#[test]
fn bid_create_deposits_its_full_cost_and_spends_a_nonce() {
    withstands!(token_2022: bid_create, bid_cancel; blocked_exit: bid_cancel);
    for mut market in [AuctionMarket::new(false), in_token_2022(true)] {
        let buyer = market.buyers[0];
        let (bus, before) = (market.bus, market.lamports(&buyer.wallet));
        let tokens = market.tokens(&buyer.payment);
        let lane: Trader = market.state(&buyer.lane.address);
        // 1,001 Wh at 0.0025 and the grid fee: 502.5025, rounded up.
        let (create, bid) = market.bidding(0, 1_001, 2_500);
        let meta = market.execute(&[create]);
        let window = bus.window(market.window);
        let expected = state::Bid {
            layout_version: 2,
            bump: bid.bump,
            state: BidState::Open as u8,
            padding: [0; 5],
            energy_wh: 1_001,
            max_price_per_kwh: 2_500 + FEE,
            price_per_kwh: 2_500,
            deposit: 503_003,
            paid: 0,
            allotted_wh: 0,
            delivered_wh: 0,
            certified_wh: 0,
            window_start: market.window,
            created_at: market.now(),
            bus: bus.address,
            capacity: window,
            buyer: buyer.wallet,
            refund: buyer.payment,
            transaction_hash: market.bid_state(&bid).transaction_hash,
            reserved: [0; 4],
        };
        assert_eq!(market.bid_state(&bid), expected);
        assert_eq!(before - market.lamports(&buyer.wallet), market.lamports(&bid.address));
        assert_eq!((tokens - market.tokens(&buyer.payment), market.tokens(&bus.escrow)), (503_003, 503_003));
        assert_eq!(counted(&market), (1, 503_003));
        assert_logged(
            &meta,
            &event::BidCreated {
                bid: bid.address,
                bus: bus.address,
                capacity: window,
                buyer: buyer.wallet,
                refund: buyer.payment,
                transaction_hash: expected.transaction_hash,
                nonce: lane.next_nonce,
                energy_wh: 1_001,
                max_price_per_kwh: 2_500 + FEE,
                deposit: 503_003,
                window_start: market.window,
                created_at: market.now(),
                lane: 0,
                padding: [0; 6],
            },
        );
        // The hash of domain, program, kind, wallet, lane, nonce, number of orders and the order on the window.
        let after: Trader = market.state(&buyer.lane.address);
        assert_eq!(after.next_nonce, lane.next_nonce + 1);
        let root = hashv(&[&lane.history_root, &expected.transaction_hash]).to_bytes();
        assert_eq!(after.history_root, root);
        let receipt = after.receipts[(lane.next_nonce % 16) as usize];
        assert_eq!((receipt.energy_wh, receipt.paid, receipt.purchased_at), (0, 0, market.now()));
        assert_eq!((after.total_energy_wh, after.total_paid), (lane.total_energy_wh, lane.total_paid));
        // While the bus is paused it comes back, to an account of the buyer's choice.
        market.chain.set_paused(&bus, true);
        let other = market.token_account("another account", &bus.mint, &buyer.wallet, 0);
        let meta = market.execute(&[bid_cancel(&bid, other)]);
        assert_logged(
            &meta,
            &event::BidCancelled {
                bid: bid.address,
                capacity: window,
                buyer: buyer.wallet,
                destination: other,
                deposit: 503_003,
            },
        );
        assert_eq!((market.tokens(&other), market.lamports(&buyer.wallet)), (503_003, before));
        assert!(!market.exists(&bid.address));
        assert_eq!(counted(&market), (0, 0));
        market.wind_down();
    }
}

#[test]
pub fn a_bid_is_refused_for_each_reason_of_its_own() {
    refuses!(arithmetic: bid_create; moved_price: bid_create; theft: bid_create; reinitialisation: bid_create);
    let mut market = AuctionMarket::with(false, |options| {
        options.with(|config| (config.capacity_wh, config.least_wh) = (10_000, 10))
    });
    let (buyer, bus) = (market.buyers[0], market.bus);
    let bidding = |market: &AuctionMarket, energy_wh, max_price_per_kwh| {
        let options = BidOptions { energy_wh, max_price_per_kwh, nonce: market.nonce(&buyer.lane) };
        let bid = BidAddresses::of(&bus, market.window, &buyer.lane, buyer.payment, &options);
        bid_create(&bid, &buyer.lane, buyer.payment, &options)
    };
    let cases = [
        (MultibusError::LimitBelowBase, 10, FEE),
        (MultibusError::LimitBelowBase, 10, FEE - 1),
        (MultibusError::LimitBelowBase, 10, 0),
        (MultibusError::SizeTooSmall, 9, FEE + 1),
        (MultibusError::SizeTooSmall, 0, FEE + 1),
        (MultibusError::BidTooLarge, 10_001, FEE + 1),
        (MultibusError::BidTooLarge, u64::MAX, FEE + 1),
        (MultibusError::CostOverflow, 10_000, u64::MAX),
    ];
    for (error, energy_wh, limit) in cases {
        let create = bidding(&market, energy_wh, limit);
        market.assert_refused(&[create], error);
    }
    let good = bidding(&market, 10_000, FEE + 1);
    // Somebody else's tokens, and fewer than it takes.
    let mut other = good.clone();
    other.accounts[5].pubkey = market.buyers[1].payment;
    market.assert_refused(&[other], Refusal::custom(4));
    let dear = bidding(&market, 10_000, 1 << 58);
    market.assert_refused(&[dear], Refusal::custom(1));
    market.chain.set_paused(&bus, true);
    market.assert_refused(std::slice::from_ref(&good), MultibusError::BusPaused);
    market.chain.set_paused(&bus, false);
    // The owners raise the base price after it was signed.
    market.decide(&bus, ProposalAction::BasePriceSet { base_price_per_kwh: 2 });
    market.assert_refused(std::slice::from_ref(&good), MultibusError::LimitBelowBase);
    market.decide(&bus, ProposalAction::BasePriceSet { base_price_per_kwh: 1 });
    // The general capacity has no auction.
    let mut general = good.clone();
    general.accounts[3].pubkey = bus.capacity;
    market.assert_refused(&[general], MultibusError::AuctionOff);
    // The window has all bids that it can have.
    let window = bus.window(market.window);
    let count = |market: &mut AuctionMarket, count| {
        market.edit::<Capacity>(&window, |window| window.open_bids = count);
    };
    count(&mut market, MAX_BIDS);
    market.assert_refused(std::slice::from_ref(&good), MultibusError::BidsFull);
    count(&mut market, 0);
    market.to_gate(0);
    market.assert_refused(std::slice::from_ref(&good), MultibusError::GateClosed);
    market.to_gate(-1);
    market.execute(std::slice::from_ref(&good));
    // It is made once.
    market.assert_refused(&[good], MultibusError::NonceMismatch);
    market.wind_down();
}

#[test]
fn lamports_at_the_address_of_a_bid_do_not_stop_it() {
    let mut market = AuctionMarket::new(false);
    let (create, bid) = market.bidding(0, 1_000, 2_000);
    let gift = solana_system_interface::instruction::transfer(&market.fee_payer, &bid.address, 1_000_000_000);
    market.execute(&[gift, create]);
    let before = market.lamports(&market.buyers[0].wallet);
    market.execute(&[bid_cancel(&bid, bid.refund)]);
    assert_eq!(market.lamports(&market.buyers[0].wallet), before + 1_000_000_000, "they are the buyer's");
    market.wind_down();
}

#[test]
pub fn bid_cancel_pays_the_buyer_until_the_last_300_seconds() {
    refuses!(theft: bid_cancel; blocked_exit: bid_cancel; token_2022: bid_cancel);
    let mut market = in_token_2022(false);
    let (bus, mint) = (market.bus, market.bus.mint);
    let bid = market.bid(0, 1_000, 2_000);
    let thief = market.buyers[1];
    let mut stolen = bid_cancel(&bid, thief.payment);
    stolen.accounts[0].pubkey = thief.wallet;
    market.assert_refused(&[stolen], MultibusError::BidBuyerMismatch);
    for account in [bus.escrow, bus.treasury, bus.unclaimed] {
        market.assert_refused(&[bid_cancel(&bid, account)], MultibusError::PayeeIsBusAccount);
    }
    // To an account that asks for memos, and from a frozen escrow.
    let wallet = bid.buyer;
    market.ask_memo(&mint, &bid.refund, &wallet);
    market.assert_refused(&[bid_cancel(&bid, bid.refund)], MultibusError::PayeeUnpayable);
    let other = market.token_account("another account", &mint, &wallet, 0);
    market.freeze(&mint, &bus.escrow);
    market.assert_refused(&[bid_cancel(&bid, other)], MultibusError::PayerFrozen);
    market.thaw(&mint, &bus.escrow);
    market.to_gate(-300);
    market.assert_refused(&[bid_cancel(&bid, other)], MultibusError::LastMinutes);
    market.to_gate(0);
    // Without an offer the auction is over at the gate; the deposit comes back another way.
    market.assert_refused(&[bid_cancel(&bid, other)], MultibusError::BookFixed);
    market.to_gate(-301);
    market.execute(&[bid_cancel(&bid, other)]);
    assert_eq!(market.tokens(&other), 502_000);
    market.wind_down();
}

#[test]
pub fn bid_settle_fills_what_the_auction_gave_and_returns_the_rest() {
    withstands!(arithmetic: bid_settle, ask_settle; capacity_leak: bid_settle, ask_settle; token_2022: bid_settle, ask_settle);
    for mut market in [AuctionMarket::new(false), in_token_2022(false)] {
        let (bus, stranger) = (market.bus, market.wallet("stranger"));
        let offer = market.ask(0, 1_000, 1_000);
        // Two for 667 Wh at 1,001 each, of whom 1,000 Wh are filled, and one below.
        let (one, two, low) = (market.bid(0, 667, 1_001), market.bid(1, 667, 1_001), market.bid(2, 5, 999));
        let tokens = market.tokens(&market.buyers[0].payment);
        market.to_gate(0);
        market.assert_refused(&[bid_settle(&one, &stranger, false)], MultibusError::AuctionNotOver);
        market.clear();
        let hash = market.bid_state(&one).transaction_hash;
        let window = market.window_state();
        assert_eq!((window.price_per_kwh, window.volume_wh), (1_001, 1_000));
        assert_eq!((window.bids.at_price_wh, window.bids.filled_wh), (1_334, 1_000));
        let meta = market.execute(&[bid_settle(&one, &stranger, true)]);
        // ceil(667 x 501.001) was deposited; 500 Wh cost ceil(500 x 501.001).
        let (deposit, paid) = (334_168, 250_501);
        assert_logged(
            &meta,
            &event::BidSettled {
                bid: one.address,
                capacity: bus.window(market.window),
                buyer: one.buyer,
                settled_by: stranger,
                transaction_hash: hash,
                allotted_wh: 500,
                paid,
                returned: deposit - paid,
                delivered_wh: 0,
                state: BidState::Filled as u8,
                outcome: RefundOutcome::Paid as u8,
                closed: 1,
                padding: [0; 5],
            },
        );
        assert_eq!(market.tokens(&market.buyers[0].payment), tokens + deposit - paid);
        assert!(!market.exists(&one.address));
        market.execute(&[bid_settle(&low, &stranger, false)]);
        market.execute(&[ask_settle(&offer)]);
        market.execute(&[bid_settle(&two, &stranger, false)]);
        // Both sides filled 1,000 Wh; the seller is credited floor(1,000 x 501.001), one base unit less than bids paid.
        let state = market.offer_state(&offer);
        assert_eq!((state.remaining_wh, state.proceeds, state.settled), (0, 501_001, 1));
        assert_eq!((market.tokens(&bus.escrow), market.window_state().escrowed), (1, 1));
        market.wind_down();
    }
}

#[test]
fn orders_at_the_price_share_it_to_the_wh() {
    withstands!(capacity_leak: bid_settle, ask_settle; arithmetic: bid_settle, ask_settle);
    // Three bids of 1 Wh for an ask of 2 Wh, then three asks of 1 Wh for a bid of 2 Wh.
    for asks_wait in [false, true] {
        let mut market = AuctionMarket::new(true);
        let stranger = market.wallet("stranger");
        if asks_wait {
            market.bid(0, 2, 1);
            let asks = [market.ask(0, 1, 1), market.ask(1, 1, 1), market.ask(2, 1, 1)];
            market.to_gate(0);
            market.clear();
            let sold = asks.map(|ask| {
                market.execute(&[ask_settle(&ask)]);
                market.offer_state(&ask).sold_wh()
            });
            assert_eq!(sold, [0, 1, 1]);
        } else {
            market.ask(0, 2, 1);
            let bids = [market.bid(0, 1, 1), market.bid(1, 1, 1), market.bid(2, 1, 1)];
            market.to_gate(0);
            market.clear();
            let bought = bids.map(|bid| {
                market.execute(&[bid_settle(&bid, &stranger, false)]);
                if market.exists(&bid.address) { market.bid_state(&bid).allotted_wh } else { 0 }
            });
            assert_eq!(bought, [0, 1, 1]);
        }
        market.wind_down();
    }
}

#[test]
fn what_was_not_delivered_is_refunded_to_the_base_unit() {
    withstands!(arithmetic: bid_settle);
    let mut market = AuctionMarket::new(true);
    let stranger = market.wallet("stranger");
    let (offer, bid) = (market.ask(0, 3, 1), market.bid(0, 3, 1));
    market.to_gate(0);
    market.clear();
    market.execute(&[ask_settle(&offer), bid_settle(&bid, &stranger, false)]);
    // ceil(3 x 500.001)
    assert_eq!(market.bid_state(&bid).paid, 1_501);
    market.to_end(0);
    market.report(0, 1);
    market.to_end(3_600);
    market.execute(&[market.pool(0)]);
    market.execute(&[bid_settle(&bid, &stranger, false)]);
    // ceil(1,501 / 3) stays; the seller and the grid get floor(500.001).
    assert_eq!((market.bid_state(&bid).paid, market.bid_state(&bid).delivered_wh), (501, 1));
    assert_eq!(market.seller_state(&market.sellers[0]).grid_fees_owed, 500);
    assert_eq!(market.window_state().escrowed, 501 - 500);
    market.wind_down();
}

#[test]
fn a_bid_whose_refund_account_cannot_be_paid_ends_in_a_claim() {
    withstands!(blocked_exit: bid_settle, ask_settle; reinitialisation: bid_settle);
    for mut market in [AuctionMarket::new(false), in_token_2022(false)] {
        let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
        let offer = market.ask(0, 1_000, 1_000);
        let (one, two) = (market.bid(0, 600, 3_000), market.bid(0, 600, 2_000));
        let buyer = market.buyers[0];
        market.freeze(&mint, &buyer.payment);
        market.chain.set_paused(&bus, true);
        market.to_gate(0);
        market.clear();
        // 1,000 Wh at 2,000: the second gets 400 Wh.
        let (wallets, before) = (market.lamports(&buyer.wallet), market.lamports(&stranger));
        let rent = market.lamports(&one.address);
        assert_eq!(market.ledger(&bus).open_claims, 0);
        market.execute(&[bid_settle(&one, &stranger, false)]);
        let claim: Claim = market.state(&bus.claim(&buyer.wallet));
        assert_eq!((claim.amount, claim.refund, claim.rent_payer), (600, buyer.payment, buyer.wallet));
        // The stranger lends the claim's rent, and the bid's rent pays it back; the rest is the buyer's once the claim is paid.
        assert_eq!((market.lamports(&stranger), market.lamports(&buyer.wallet)), (before, wallets));
        assert_eq!(market.lamports(&bus.claim(&buyer.wallet)), rent);
        // The next one adds to it.
        market.execute(&[bid_settle(&two, &stranger, false)]);
        let claim: Claim = market.state(&bus.claim(&buyer.wallet));
        assert_eq!(claim.amount, 600 + 200 * (FEE + 2_000) / 1_000);
        market.execute(&[ask_settle(&offer)]);
        market.thaw(&mint, &buyer.payment);
        let pay = market.claim_payment(&bus, &stranger, &buyer.wallet, buyer.payment);
        market.execute(&[pay]);
        market.chain.set_paused(&bus, false);
        market.wind_down();
    }
}

/// Seen: the rest of the bid's rent is less than a wallet without lamports may receive, so that the bid, its window and the bus
/// stayed open.
#[test]
fn a_bid_of_an_empty_wallet_closes_into_a_claim() {
    withstands!(blocked_exit: bid_settle);
    let mut market = AuctionMarket::new(false);
    let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
    let buyer = market.buyers[0];
    let bids = [market.bid(0, 1_000, 1_000), market.bid(0, 500, 1_000)];
    market.close_token_account(&mint, &buyer.payment, &buyer.wallet);
    let all = market.lamports(&buyer.wallet);
    let sink = market.fee_payer;
    market.arrange(&[solana_system_interface::instruction::transfer(&buyer.wallet, &sink, all)]);
    assert!(!market.exists(&buyer.wallet));
    market.to_gate(0);
    let (before, rent) = (market.lamports(&stranger), market.lamports(&bids[0].address));
    market.execute(&[bid_settle(&bids[0], &stranger, false)]);
    assert_eq!((market.lamports(&stranger), market.exists(&buyer.wallet)), (before, false));
    assert_eq!(market.lamports(&bus.claim(&buyer.wallet)), rent);
    market.execute(&[bid_settle(&bids[1], &stranger, false)]);
    assert_eq!(market.lamports(&buyer.wallet), rent, "the second claim needs no rent");
    market.wind_down();
}

/// Seen: what a filled bid gets back at once waited for the slowest seller, because nothing paid it to another account than the
/// one that the bid names.
#[test]
fn a_buyer_pulls_the_rest_of_a_filled_bid_to_any_account() {
    withstands!(blocked_exit: bid_settle);
    refuses!(theft: bid_settle);
    let mut market = AuctionMarket::new(true);
    let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
    let offer = market.ask(0, 1_000, 1_000);
    let bid = market.bid(0, 1_000, 100_000);
    let friend = market.wallet("a friend");
    let others = market.token_account("a friend's tokens", &mint, &friend, 0);
    market.freeze(&mint, &bid.refund);
    market.to_gate(0);
    market.clear();
    let to = |caller: &Address, account: Address| bid_settle(&BidAddresses { refund: account, ..bid }, caller, false);
    market.assert_refused(&[to(&stranger, others)], MultibusError::RefundMismatch);
    // It is filled; what is owed waits for its buyer.
    market.execute(&[to(&stranger, bid.refund), ask_settle(&offer)]);
    assert_eq!((market.bid_state(&bid).deposit, market.bid_state(&bid).paid), (600_000, 550_500));
    market.assert_refused(&[to(&stranger, others)], MultibusError::RefundMismatch);
    for account in [bid.refund, bus.escrow, bus.treasury, stranger] {
        market.assert_refused(&[to(&bid.buyer, account)], MultibusError::PayeeUnpayable);
    }
    market.execute(&[to(&bid.buyer, others)]);
    assert_eq!((market.tokens(&others), market.bid_state(&bid).deposit), (49_500, 550_500));
    // So does what was not delivered.
    market.to_end(0);
    market.report(0, 0);
    market.to_end(3_600);
    market.execute(&[market.pool(0)]);
    market.execute(&[to(&bid.buyer, others)]);
    assert_eq!((market.tokens(&others), market.exists(&bid.address)), (600_000, false));
    market.thaw(&mint, &bid.refund);
    market.wind_down();
}

/// Seen: the chain accepts an address that signs the transaction itself.
#[test]
fn a_bid_is_not_made_at_an_address_that_signs() {
    refuses!(substituted_address: bid_create);
    let mut market = AuctionMarket::new(false);
    let signer = market.key("an address that signs");
    for bump in [0, 255] {
        let (mut create, _) = market.bidding(0, 1_000, 2_000);
        create.accounts[4] = AccountMeta::new(signer, true);
        *create.data.last_mut().expect("the bump is the last argument") = bump;
        market.assert_refused(&[create], InstructionError::InvalidSeeds);
    }
    market.wind_down();
}

#[test]
fn what_comes_back_goes_to_nobody_else() {
    refuses!(theft: bid_settle; blocked_exit: bid_settle);
    let mut market = AuctionMarket::new(true);
    let (bus, mint, thief) = (market.bus, market.bus.mint, market.buyers[1]);
    market.ask(0, 1_000, 1_000);
    let bid = market.bid(0, 1_000, 3_000);
    market.bid(2, 500, 500);
    market.to_gate(0);
    market.clear();
    let good = bid_settle(&bid, &thief.wallet, false);
    let swap = |place: usize, account| {
        let mut wrong = good.clone();
        wrong.accounts[place].pubkey = account;
        wrong
    };
    market.assert_refused(&[swap(6, thief.payment)], MultibusError::RefundMismatch);
    market.assert_refused(&[swap(4, thief.wallet)], MultibusError::BidBuyerMismatch);
    // The escrow is frozen: it is filled all the same, and what is owed waits.
    market.freeze(&mint, &bus.escrow);
    let tokens = market.tokens(&bid.refund);
    market.execute(std::slice::from_ref(&good));
    let state = market.bid_state(&bid);
    assert_eq!((state.state, state.allotted_wh, market.tokens(&bid.refund)), (BidState::Filled as u8, 1_000, tokens));
    // 1,000 Wh cost 502,000 at the middle of 1,000 and 3,000.
    assert_eq!((state.deposit, state.paid), (503_000, 502_000));
    market.assert_refused(std::slice::from_ref(&good), MultibusError::PayeeUnpayable);
    market.thaw(&mint, &bus.escrow);
    market.execute(&[good]);
    assert_eq!(market.tokens(&bid.refund), tokens + 1_000);
    market.wind_down();
}

#[test]
fn where_nobody_clears_all_bids_come_back_after_a_day() {
    withstands!(blocked_exit: bid_settle);
    // The bus is paused from the gate on, too.
    for on_delivery in [false, true] {
        let mut market = AuctionMarket::new(on_delivery);
        let (bus, stranger) = (market.bus, market.wallet("stranger"));
        let offer = market.ask(0, 1_000, 1_000);
        let before = market.tokens(&market.buyers[0].payment);
        let bid = market.bid(0, 600, 3_000);
        market.to_gate(0);
        market.chain.set_paused(&bus, true);
        market.to_gate(86_399);
        market.assert_refused(&[bid_settle(&bid, &stranger, false)], MultibusError::AuctionNotOver);
        let owner = offer.wallet;
        market.assert_refused(&[offer_cancel(&offer, &owner)], MultibusError::BookFixed);
        market.to_gate(86_400);
        let clearing = market.clearing();
        market.assert_refused(&[clearing_open(&clearing, 1_000, 3_000)], MultibusError::AuctionNotFixed);
        market.execute(&[bid_settle(&bid, &stranger, false), offer_cancel(&offer, &stranger)]);
        assert_eq!(market.tokens(&market.buyers[0].payment), before);
        assert_eq!((market.tokens(&bus.escrow), market.exists(&bid.address)), (0, false));
        market.chain.set_paused(&bus, false);
        market.wind_down();
    }
}

#[test]
pub fn a_bid_on_delivery_terms_waits_for_the_pool_and_its_certificates() {
    let mut market = AuctionMarket::new(true);
    let stranger = market.wallet("stranger");
    let (offer, bid) = (market.ask(0, 1_000, 1_000), market.bid(0, 1_000, 1_000));
    market.to_gate(0);
    market.clear();
    market.execute(&[ask_settle(&offer)]);
    market.execute(&[bid_settle(&bid, &stranger, false)]);
    market.assert_refused(&[bid_settle(&bid, &stranger, false)], MultibusError::PoolIncomplete);
    // Its buyer cannot give it up before.
    market.assert_refused(&[bid_settle(&bid, &bid.buyer, true)], MultibusError::PoolIncomplete);
    market.to_end(0);
    market.report(0, 700);
    market.to_end(3_600);
    market.execute(&[market.pool(0)]);
    let tokens = market.tokens(&bid.refund);
    market.execute(&[bid_settle(&bid, &stranger, false)]);
    // 300 Wh were not delivered.
    let state = market.bid_state(&bid);
    assert_eq!((state.state, state.delivered_wh, state.paid), (BidState::Refunded as u8, 700, 350_700));
    assert_eq!(market.tokens(&bid.refund), tokens + 150_300);
    market.assert_refused(&[bid_settle(&bid, &stranger, true)], MultibusError::NothingToSettle);
    let due = market.window_state().pool_complete_at + 30 * 86_400;
    market.go_to(due - 1);
    market.assert_refused(&[bid_settle(&bid, &stranger, false)], MultibusError::NothingToSettle);
    let before = market.snapshot();
    market.execute(&[bid_settle(&bid, &bid.buyer, true)]);
    market.restore(before);
    market.go_to(due);
    market.execute(&[bid_settle(&bid, &stranger, false)]);
    assert!(!market.exists(&bid.address));
    market.wind_down();
}

#[test]
pub fn a_window_with_bids_is_not_closed() {
    let mut market = AuctionMarket::new(false);
    let (bus, owner, stranger) = (market.bus, market.seller, market.wallet("stranger"));
    let bid = market.bid(0, 1_000, 1_000);
    market.assert_refused(&[capacity_close(&bus, market.window, &owner, &owner)], MultibusError::WindowHasBids);
    market.to_end(0);
    market.assert_refused(&[capacity_close(&bus, market.window, &owner, &owner)], MultibusError::WindowHasBids);
    market.execute(&[bid_settle(&bid, &stranger, false)]);
    market.execute(&[capacity_close(&bus, market.window, &owner, &owner)]);
    assert!(!market.exists(&bus.window(market.window)));
    market.wind_down();
}

#[test]
pub fn what_rounding_leaves_goes_to_the_treasury() {
    let mut market = AuctionMarket::new(false);
    let (bus, owner) = (market.bus, market.seller);
    let offer = market.ask(0, 2, 1);
    for buyer in [0, 1] {
        market.bid(buyer, 1, 1);
    }
    market.to_gate(0);
    market.clear();
    market.settle_all();
    market.execute(&[offer_cancel(&offer, &owner)]);
    market.to_end(0);
    // 1 Wh costs ceil(500.001), twice; the seller was credited floor(1,000.002).
    assert_eq!(market.window_state().escrowed, 2);
    let start = market.window;
    market.assert_refused(&[capacity_close(&bus, start, &owner, &owner)], MultibusError::EscrowAccountsMissing);
    let close = capacity_close_and_sweep(&bus, start, &owner, &owner);
    for (place, error) in [
        (5, MultibusError::EscrowMismatch),
        (6, MultibusError::TreasuryMismatch),
        (7, MultibusError::TokenProgramMismatch),
    ] {
        let mut wrong = close.clone();
        wrong.accounts[place].pubkey = bus.unclaimed;
        market.assert_refused(&[wrong], error);
    }
    // While the treasury is frozen, it stays in the escrow, and the window closes all the same.
    let mint = bus.mint;
    let before = market.snapshot();
    market.freeze(&mint, &bus.treasury);
    market.execute(std::slice::from_ref(&close));
    assert_eq!((market.tokens(&bus.escrow), market.exists(&bus.window(start))), (2, false));
    market.thaw(&mint, &bus.treasury);
    market.wind_down();
    market.restore(before);
    market.execute(&[close]);
    assert_eq!((market.tokens(&bus.escrow), market.tokens(&bus.treasury)), (0, 2));
    market.wind_down();
}

#[test]
fn a_bid_at_another_address_than_its_hash_gives_is_not_made() {
    refuses!(substituted_address: bid_create);
    let mut market = AuctionMarket::new(false);
    let (create, bid) = market.bidding(0, 1_000, 2_000);
    let (_, other) = market.bidding(0, 1_001, 2_000);
    let mut wrong = create.clone();
    wrong.accounts[4].pubkey = other.address;
    market.assert_refused(&[wrong], InstructionError::PrivilegeEscalation);
    // Another bump of the same seeds is another address of the same bid: only one of them can be made.
    let order = Order { offer: bid.capacity, energy_wh: 1_000, max_price_per_kwh: 2_000 + FEE };
    let lane = market.buyers[0].lane;
    let nonce = market.nonce(&lane);
    let hash = transaction_hash_of_one(PurchaseKind::Bid, &bid.buyer, lane.lane, nonce, order);
    let seeds = |bump: u8| solana_address::Address::create_program_address(&[b"bid", &hash, &[bump]], &multibus::ID);
    assert_eq!(seeds(bid.bump), Ok(bid.address));
    let lower = (0..bid.bump).rev().find_map(|bump| seeds(bump).ok().map(|address| (address, bump)));
    let (address, bump) = lower.expect("half of the bumps give an address");
    let mut second = create.clone();
    second.accounts[4].pubkey = address;
    *second.data.last_mut().expect("the bump is the last argument") = bump;
    market.execute(&[second]);
    market.assert_refused(&[create], MultibusError::NonceMismatch);
    market.execute(&[bid_cancel(&BidAddresses { address, bump, ..bid }, bid.refund)]);
    market.wind_down();
}
