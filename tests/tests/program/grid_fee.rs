//! Grid fees: what buyers pay on top of a price, and `grid_sweep`.

use {
    multibus::{
        error::MultibusError,
        event,
        instruction::Purchase,
        state::{BusConfig, Claim, ProposalAction, RefundOutcome, TermsConfig},
    },
    multibus_tests::{
        BusAddresses, BusOptions, DeliveryMarket, OfferAddresses, OfferOptions, TestChain, TestMarket, TokenProgram,
        event::assert_logged, instructions::*,
    },
    solana_address::Address,
    std::slice::from_ref,
};

/// A market without windows, with a grid fee per kWh, whose seller offers 100 kWh at 1,000 a kWh.
fn market(grid_fee_per_kwh: u64, change: impl FnOnce(&mut BusConfig)) -> (TestMarket, OfferAddresses) {
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| {
        options.with(|config| {
            config.terms = TermsConfig { grid_fee_per_kwh, ..TermsConfig::default() };
            config.base_price_per_kwh = 1_000;
            change(config);
        })
    });
    let offer = market.offer_with(|options| options.energy(100_000).price(1_000));
    (market, offer)
}

/// The grid fees that the seller owes.
fn owed(market: &TestMarket) -> (u64, u64) {
    let seller = market.seller_state(&market.bus.seller(&market.seller));
    (seller.released, seller.grid_fees_owed)
}

/// The buyer buys, and the proceeds are collected.
fn sell(market: &mut TestMarket, offer: &OfferAddresses, energy_wh: u64) {
    let buy = market.purchase(offer, energy_wh);
    market.execute(&[buy, offer_collect(offer)]);
}

#[test]
fn buyers_pay_price_and_grid_fee_and_their_limit_counts_both() {
    refuses!(moved_price: purchase);
    let (mut market, offer) = market(333, |_| ());
    let state = market.offer_state(&offer);
    assert_eq!((state.price_per_kwh, state.grid_fee_per_kwh, state.full_price_per_kwh), (1_000, 333, 1_333));
    let nonce = market.nonce(&market.lane);
    let buy = |max_price_per_kwh| {
        Purchase { nonce, energy_wh: 101, min_energy_wh: 101, max_price_per_kwh, expected_version: 0 }
            .to_instruction(market.purchase_accounts(&offer))
    };
    let (below, at) = (buy(1_332), buy(1_333));
    market.assert_refused(&[below], MultibusError::PriceAboveLimit);
    market.execute(&[at]);
    // ceil(101 x 1.333), of which floor(101 x 0.333) will be the grid's.
    assert_eq!(market.tokens(&market.vault), 135);
    let meta = market.execute(&[offer_collect(&offer)]);
    let seller = market.bus.seller(&market.seller).address;
    assert_logged(
        &meta,
        &event::OfferCollected { offer: offer.address, seller, amount: 135 - 33, grid_fee: 33, released: 135 - 33 },
    );
}

#[test]
fn collecting_in_any_number_of_parts_shaves_nothing_off_the_grid_fee() {
    withstands!(arithmetic: offer_collect);
    let (mut market, offer) = market(333, |_| ());
    for _ in 0..10 {
        sell(&mut market, &offer, 101);
    }
    // 10 x ceil(101 x 1.333) were paid; floor(1,010 x 0.333) are the grid's.
    assert_eq!(owed(&market), (1_350 - 336, 336));
    assert_eq!(market.offer_state(&offer).grid_credited, 336);
}

#[test]
pub fn grid_fees_without_a_recipient_go_to_the_treasury() {
    refuses!(theft: grid_sweep; replay: grid_sweep);
    let (mut market, offer) = market(333, |_| ());
    let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
    let seller = bus.seller(&market.seller);
    market.assert_refused(&[market.sweep(&seller, &stranger, bus.treasury)], MultibusError::NothingToSweep);
    sell(&mut market, &offer, 1_010);
    let own = market.associated_account(&mint, &stranger);
    for elsewhere in [own, bus.unclaimed, seller.vault] {
        let theft = market.sweep(&seller, &stranger, elsewhere);
        market.assert_refused(&[theft], MultibusError::SweepNotToTreasury);
    }
    // A seller does not close with what is the grid's.
    market.execute(&[offer_cancel(&offer, &seller.wallet)]);
    market.pass(1);
    let close = seller_close(&seller, &seller.wallet, market.payout, &seller.wallet);
    market.assert_refused(from_ref(&close), MultibusError::SellerOwesGridFees);
    let sweep = market.sweep(&seller, &stranger, bus.treasury);
    let meta = market.execute(from_ref(&sweep));
    assert_logged(
        &meta,
        &event::GridFeesSwept {
            bus: bus.address,
            seller: seller.address,
            recipient: Address::default(),
            destination: bus.treasury,
            swept_by: stranger,
            amount: 336,
            outcome: 0,
            padding: [0; 7],
        },
    );
    assert_eq!((market.tokens(&bus.treasury), owed(&market).1), (336, 0));
    market.assert_refused(&[sweep], MultibusError::NothingToSweep);
    market.execute(&[close]);
    market.wind_down();
}

/// Whoever is the recipient when they are swept gets them: what was owed before is its own, too.
#[test]
fn grid_fees_belong_to_who_is_their_recipient_when_they_are_swept() {
    refuses!(theft: grid_sweep);
    withstands!(reinitialisation: grid_sweep; blocked_exit: grid_sweep; duplicate_account: grid_sweep);
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| {
            options.with(|config| {
                config.terms.grid_fee_per_kwh = 333;
                config.base_price_per_kwh = 1_000;
            })
        });
        let offer = market.offer_with(|options| options.energy(100_000).price(1_000));
        let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
        let seller = bus.seller(&market.seller);
        sell(&mut market, &offer, 1_000);
        let grid = market.wallet("grid");
        market.decide(&bus, ProposalAction::GridRecipientSet { recipient: Some(grid) });
        // A stranger sends them to its associated account only.
        let own = market.associated_account(&mint, &stranger);
        let of_grid = market.token_account("another account of the grid's", &mint, &grid, 0);
        for elsewhere in [own, of_grid, bus.treasury, bus.unclaimed, seller.vault] {
            let theft = market.sweep(&seller, &stranger, elsewhere);
            market.assert_refused(&[theft], MultibusError::PayeeMismatch);
        }
        // It has none: a claim, whose rent comes back to who swept once it is paid. A second one adds to it.
        let associated = TestChain::associated_address(&mint, &grid);
        let lamports = market.lamports(&stranger);
        let sweep = market.sweep(&seller, &stranger, associated);
        market.execute(from_ref(&sweep));
        let claim: Claim = market.state(&bus.claim(&grid));
        assert_eq!((claim.amount, claim.rent_payer), (333, stranger));
        sell(&mut market, &offer, 1_000);
        // The same account in places that are not looked into.
        let mut doubled = sweep.clone();
        doubled.accounts[5].pubkey = bus.unclaimed;
        market.assert_refused(&[doubled], MultibusError::PayeeMismatch);
        market.execute(&[sweep]);
        assert_eq!(market.claim_amount(&bus, &grid), 666);
        market.associated_account(&mint, &grid);
        let pay = market.claim_payment(&bus, &stranger, &grid, associated);
        market.execute(&[pay]);
        assert_eq!((market.tokens(&associated), market.lamports(&stranger)), (666, lamports));
        // Itself, to any account of its own, but to none of the bus, another's, or one that it cannot be paid to.
        sell(&mut market, &offer, 1_000);
        market.assert_refused(&[market.sweep(&seller, &grid, seller.vault)], MultibusError::PayeeIsBusAccount);
        let sweep = market.sweep(&seller, &grid, of_grid);
        market.freeze(&mint, &of_grid);
        market.assert_refused(from_ref(&sweep), MultibusError::PayeeUnpayable);
        market.thaw(&mint, &of_grid);
        market.execute(&[sweep]);
        assert_eq!(market.tokens(&of_grid), 333);
    }
}

/// Who gets grid fees cannot hold up a seller: what it cannot be paid waits in a claim, also where its account asks for memos,
/// is frozen or is its own wallet. Only the issuer, who froze the vault, makes the sweep wait.
#[test]
fn a_recipient_that_cannot_be_paid_holds_up_no_seller() {
    refuses!(blocked_exit: grid_sweep; token_2022: grid_sweep);
    withstands!(blocked_exit: grid_sweep; token_2022: grid_sweep);
    for program in TokenProgram::BOTH {
        let mut market = DeliveryMarket::of(program);
        let (bus, mint, grid, seller) = (market.bus, market.bus.mint, market.grid, market.seller_account());
        let buyer = market.buyer("first");
        market.buy_as(&buyer, 10_000);
        market.pass_window(0);
        market.execute(&[market.report(10_000, 1)]);
        market.pass(3_600);
        market.execute(&[delivery_release(&market.book)]);
        assert_eq!(market.released(), (20_000_000, 5_000_000));
        let account = market.associated_account(&mint, &grid);
        if program == TokenProgram::Token2022 {
            market.ask_memo(&mint, &account, &grid);
            // Itself it names a better one.
            let sweep = market.sweep(&seller, &grid, account);
            market.assert_refused(&[sweep], MultibusError::PayeeUnpayable);
        } else {
            market.freeze(&mint, &account);
        }
        let stranger = market.wallet("stranger");
        let sweep = market.sweep(&seller, &stranger, account);
        market.freeze(&mint, &seller.vault);
        market.assert_refused(from_ref(&sweep), MultibusError::PayerFrozen);
        market.thaw(&mint, &seller.vault);
        market.execute(&[sweep]);
        assert_eq!(market.claim_amount(&bus, &grid), 5_000_000);
        market.wind_down();
    }
}

/// While the treasury is frozen, grid fees without a recipient wait in the unclaimed account: the issuer alone does not hold up a
/// seller.
#[test]
fn a_frozen_treasury_holds_up_no_seller() {
    refuses!(blocked_exit: grid_sweep);
    withstands!(blocked_exit: grid_sweep);
    let (mut market, offer) = market(333, |_| ());
    let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
    let seller = bus.seller(&market.seller);
    sell(&mut market, &offer, 1_000);
    market.freeze(&mint, &bus.treasury);
    market.freeze(&mint, &bus.unclaimed);
    let sweep = market.sweep(&seller, &stranger, bus.treasury);
    market.assert_refused(from_ref(&sweep), MultibusError::PayeeUnpayable);
    market.thaw(&mint, &bus.unclaimed);
    market.execute(&[sweep]);
    assert_eq!((market.tokens(&bus.unclaimed), market.tokens(&bus.treasury)), (333, 0));
    market.thaw(&mint, &bus.treasury);
    market.wind_down();
    let wallet = seller.wallet;
    let payouts: u64 = market.all::<multibus::state::Claim>().iter().map(|(_, claim)| claim.amount).sum();
    assert_eq!((payouts, market.exists(&bus.claim(&wallet))), (0, false), "everybody was paid");
}

/// Fees that are swept while the treasury is frozen are revenue of the owners of that moment, as if they were swept before or after.
#[test]
fn what_is_swept_while_the_treasury_is_frozen_is_divided_by_the_shares_of_that_moment() {
    refuses!(theft: treasury_claim);
    withstands!(blocked_exit: treasury_claim, grid_sweep);
    for (frozen, leaves) in [(false, false), (true, false), (true, true)] {
        let (mut market, owners) = TestMarket::owned_by(2, 1, |config| {
            config.terms.grid_fee_per_kwh = 1_000;
            config.base_price_per_kwh = 1;
        });
        let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
        let other = market.create_bus(&owners[0], &mint, &BusOptions::new(&owners[0]));
        let seller = bus.seller(&market.seller);
        let offer = market.offer_with(|options| options.energy(100_000).price(1));
        sell(&mut market, &offer, 1_000);
        let sweep = market.sweep(&seller, &stranger, bus.treasury);
        if frozen {
            market.freeze(&mint, &bus.treasury);
            let mut elsewhere = sweep.clone();
            elsewhere.accounts[2].pubkey = other.ledger;
            market.assert_refused(&[elsewhere], MultibusError::LedgerMismatch);
        }
        market.execute(&[sweep]);
        let ledger = market.ledger(&bus);
        assert_eq!(ledger.diverted, if frozen { 1_000 } else { 0 });
        if frozen {
            market.thaw(&mint, &bus.treasury);
        }
        let action = if leaves {
            ProposalAction::OwnerRemove { owner: owners[1], shares_bps: vec![10_000] }
        } else {
            ProposalAction::SharesSet { shares_bps: vec![9_999, 1] }
        };
        market.decide(&bus, action);
        let accounts = [0, 1].map(|place| market.associated_account(&mint, &owners[place]));
        let claim = treasury_claim_by(&bus, &stranger, &owners[1], accounts[1]);
        if frozen {
            // What waits in the unclaimed account is paid once that is thawed, too.
            market.freeze(&mint, &bus.unclaimed);
            market.assert_refused(from_ref(&claim), MultibusError::PayerFrozen);
            market.thaw(&mint, &bus.unclaimed);
        }
        let had = market.tokens(&accounts[1]);
        market.execute(from_ref(&claim));
        assert_eq!((market.tokens(&accounts[1]) - had, market.ledger(&bus).diverted), (500, 0));
        market
            .assert_refused(&[claim], if leaves { MultibusError::OwnerUnknown } else { MultibusError::NothingToClaim });
        let had = market.tokens(&accounts[0]);
        market.execute(&[treasury_claim_by(&bus, &stranger, &owners[0], accounts[0])]);
        assert_eq!(market.tokens(&accounts[0]) - had, 500);
        // What comes while the treasury is frozen, and nobody claims, is divided when the bus closes.
        sell(&mut market, &offer, 1_000);
        market.freeze(&mint, &bus.treasury);
        let sweep = market.sweep(&seller, &stranger, bus.treasury);
        market.execute(&[sweep]);
        market.thaw(&mint, &bus.treasury);
        assert_eq!((market.tokens(&bus.unclaimed), market.ledger(&bus).diverted), (1_000, 1_000));
        market.wind_down();
    }
}

/// Revenue lies in the treasury and, where that was frozen when it came, in the unclaimed account. Of the two, the one that
/// is not frozen pays.
#[test]
fn a_frozen_account_of_the_bus_holds_back_only_what_it_holds() {
    withstands!(blocked_exit: treasury_claim, grid_sweep);
    for frozen_for_good in [false, true] {
        let (mut market, owners) = TestMarket::owned_by(2, 1, |config| {
            config.terms.grid_fee_per_kwh = 1_000;
            config.base_price_per_kwh = 1;
        });
        let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
        let seller = bus.seller(&market.seller);
        let offer = market.offer_with(|options| options.energy(100_000).price(1));
        let account = market.associated_account(&mint, &owners[1]);
        let claim = treasury_claim_by(&bus, &stranger, &owners[1], account);
        sell(&mut market, &offer, 1_000);
        market.freeze(&mint, &bus.treasury);
        let sweep = market.sweep(&seller, &stranger, bus.treasury);
        market.execute(&[sweep]);
        if frozen_for_good {
            market.freeze(&mint, &bus.unclaimed);
            market.assert_refused(from_ref(&claim), MultibusError::PayerFrozen);
            market.thaw(&mint, &bus.unclaimed);
            let meta = market.execute(from_ref(&claim));
            let paid = treasury_claimed(&bus, &owners[1], account, &stranger, 500);
            assert_logged(&meta, &event::TreasuryClaimed { from_unclaimed: 1, ..paid });
            assert_eq!((market.tokens(&account), market.ledger(&bus).diverted), (500, 500));
            // What the treasury holds itself waits for it.
            market.thaw(&mint, &bus.treasury);
            market.gift(&mint, &bus.treasury, 2_000);
            market.freeze(&mint, &bus.treasury);
            market.assert_refused(&[claim], MultibusError::PayerFrozen);
            market.thaw(&mint, &bus.treasury);
        } else {
            market.thaw(&mint, &bus.treasury);
            market.freeze(&mint, &bus.unclaimed);
            market.assert_refused(from_ref(&claim), MultibusError::PayerFrozen);
            market.gift(&mint, &bus.treasury, 9_000);
            let meta = market.execute(from_ref(&claim));
            let paid = treasury_claimed(&bus, &owners[1], account, &stranger, 5_000);
            assert_logged(&meta, &paid);
            assert_eq!((market.tokens(&account), market.ledger(&bus).diverted), (5_000, 1_000));
            market.thaw(&mint, &bus.unclaimed);
            let first = market.associated_account(&mint, &owners[0]);
            let meta = market.execute(&[treasury_claim_by(&bus, &stranger, &owners[0], first)]);
            let paid = treasury_claimed(&bus, &owners[0], first, &stranger, 5_000);
            assert_logged(&meta, &event::TreasuryClaimed { moved: 1, ..paid });
            assert_eq!((market.tokens(&first), market.tokens(&bus.treasury)), (5_000, 0));
        }
        market.wind_down();
    }
}

fn treasury_claimed(
    bus: &BusAddresses,
    owner: &Address,
    destination: Address,
    claimed_by: &Address,
    amount: u64,
) -> event::TreasuryClaimed {
    event::TreasuryClaimed {
        bus: bus.address,
        owner: *owner,
        destination,
        claimed_by: *claimed_by,
        amount,
        outcome: RefundOutcome::Paid as u8,
        moved: 0,
        from_unclaimed: 0,
        padding: [0; 5],
    }
}

/// A price with which the fee does not fit is refused when it is set, so that no purchase overflows.
#[test]
fn a_price_must_leave_room_for_the_grid_fee() {
    refuses!(arithmetic: offer_create, offer_reprice);
    const FEE: u64 = 1 << 32;
    let (mut market, _) = market(FEE, |_| ());
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.offer_with(|options| options.price(u64::MAX - FEE));
    market.assert_refused(&[offer_reprice(&offer, &seller, u64::MAX - FEE + 1)], MultibusError::CostOverflow);
    let number = market.next_offer();
    for price in [u64::MAX - FEE + 1, u64::MAX] {
        let create = offer_create(&bus, bus.capacity, &seller, OfferOptions::new(0).number(number).price(price));
        market.assert_refused(&[create], MultibusError::CostOverflow);
    }
}

/// The grid's part never exceeds what was paid, whatever the price, also where nearly all of it is the grid's.
#[test]
fn a_fee_above_the_price_takes_no_more_than_was_paid() {
    withstands!(arithmetic: offer_collect, offer_cancel, grid_sweep);
    let (mut market, offer) = market(1 << 32, |config| config.base_price_per_kwh = 1);
    let (bus, stranger) = (market.bus, market.wallet("stranger"));
    let (seller, key) = (bus.seller(&market.seller), market.seller);
    market.execute(&[offer_reprice(&offer, &key, 1)]);
    for energy_wh in [1, 3, 7, 11] {
        sell(&mut market, &offer, energy_wh);
        let (released, owed) = owed(&market);
        assert_eq!(released + owed, market.tokens(&seller.vault), "all of it is somebody's");
    }
    let buy = market.purchase(&offer, 1);
    market.execute(&[buy, offer_cancel(&offer, &key)]);
    let sweep = market.sweep(&seller, &stranger, bus.treasury);
    market.execute(&[sweep]);
    assert_eq!(market.tokens(&bus.treasury), 23 * (1 << 32) / 1_000);
}
