//! `offer_create`, `offer_reprice`, `offer_set_expiry`, `offer_collect` and `offer_cancel`.

use {
    multibus::{
        error::MultibusError,
        event,
        instruction::{OfferCancel, OfferCreate, OfferReprice},
        state::{self, CANCELLED_BY_LISTER, ProposalAction},
    },
    multibus_tests::{
        BusOptions, MintExtension, Refusal, TestMarket, TokenProgram, chain::FIRST, event::assert_logged,
        instructions::*, key::pda, market::BUYER_TOKENS,
    },
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
    std::slice::from_ref,
};

fn create(market: &TestMarket, options: OfferOptions) -> Instruction {
    offer_create(&market.bus, market.bus.capacity, &market.seller, options)
}

/// An offer with a lock on 1 kWh, which its seller has cancelled: it is open, but sells nothing.
fn cancelled_offer(market: &mut TestMarket) -> multibus_tests::OfferAddresses {
    let offer = market.offer(10_000);
    market.lock(&offer, 1_000);
    let seller = market.seller;
    market.execute(&[offer_cancel(&offer, &seller)]);
    assert_eq!(market.offer_state(&offer).cancelled, CANCELLED_BY_LISTER);
    offer
}

#[test]
pub fn offer_create_takes_energy_from_the_capacity() {
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let before = market.lamports(&seller);
    let expires_at = market.now() + 3_600;
    let options = OfferOptions { number: FIRST, energy_wh: 12_345, price_per_kwh: 10_000, expires_at, source: 5 };
    let create = create(&market, options);
    let meta = market.execute(&[create]);
    let account = bus.seller(&seller);
    let (address, bump) = pda::offer(&account.address, FIRST);
    let expected = state::Offer {
        layout_version: 2,
        bump,
        source: 5,
        cancelled: 0,
        version: 1,
        open_locks: 0,
        locks_taken: 0,
        number: FIRST,
        price_per_kwh: 10_000,
        listed_wh: 12_345,
        remaining_wh: 12_345,
        reserved_wh: 0,
        proceeds: 0,
        deposits: 0,
        window_start: 0,
        gate_closes_at: i64::MAX,
        created_at: market.now(),
        trades_from: 0,
        expires_at,
        locked_until: 0,
        least_wh: 1,
        bus: bus.address,
        capacity: bus.capacity,
        seller: account.address,
        vault: account.vault,
        wallet: seller,
        rent_payer: seller,
        grid_fee_per_kwh: 0,
        grid_credited: 0,
        book: Address::default(),
        book_place: 0,
        on_delivery: 0,
        in_auction: 0,
        settled: 0,
        padding: [0; 4],
        full_price_per_kwh: 10_000,
        reserved: [0; 7],
    };
    assert_eq!(market.state::<state::Offer>(&address), expected);
    let capacity = market.capacity_state(&bus.capacity);
    assert_eq!((capacity.available_wh, capacity.committed_wh, capacity.open_offers), (1_000_000 - 12_345, 12_345, 1));
    let state = market.seller_state(&account);
    assert_eq!((state.next_offer, state.open_offers), (FIRST + 1, 1));
    assert_eq!(before - market.lamports(&seller), market.lamports(&address));
    assert_logged(
        &meta,
        &event::OfferCreated {
            bus: bus.address,
            capacity: bus.capacity,
            offer: address,
            seller: account.address,
            rent_payer: seller,
            number: FIRST,
            energy_wh: 12_345,
            price_per_kwh: 10_000,
            grid_fee_per_kwh: 0,
            window_start: 0,
            created_at: market.now(),
            trades_from: 0,
            expires_at,
            capacity_total_wh: 1_000_000,
            source: 5,
            padding: [0; 7],
        },
    );
}

#[test]
pub fn offer_create_of_the_whole_capacity_succeeds() {
    let mut market = TestMarket::new();
    market.offer(999_999);
    market.offer(1);
    let one_more = create(&market, OfferOptions::new(2).energy(1));
    market.assert_refused(&[one_more], MultibusError::CapacityExceeded);
}

#[test]
pub fn offer_create_above_the_available_capacity_is_rejected() {
    refuses!(capacity_leak: offer_create; arithmetic: offer_create);
    let mut market = TestMarket::new();
    for energy_wh in [1_000_001, u64::MAX] {
        let above = create(&market, OfferOptions::new(0).energy(energy_wh));
        market.assert_refused(&[above], MultibusError::CapacityExceeded);
    }
    // Energy once sold is gone, also when its offer has closed.
    let offer = market.offer(600_000);
    market.buy(&offer, 100_000);
    let cancel = offer_cancel(&offer, &market.seller);
    market.execute(&[cancel]);
    let above = create(&market, OfferOptions::new(1).energy(900_001));
    market.assert_refused(&[above], MultibusError::CapacityExceeded);
    market.offer(900_000);
}

#[test]
pub fn offer_create_in_a_window_leaves_the_other_windows_alone() {
    let mut market = TestMarket::windowed();
    let (bus, start) = (market.bus, market.next_window());
    market.offer_in(start, |options| options.energy(1_000_000));
    market.offer_in(start + 900, |options| options.energy(1_000_000));
    assert_eq!(market.capacity_state(&bus.window(start)).available_wh, 0);
    assert_eq!(market.capacity_state(&bus.capacity).available_wh, 1_000_000);
}

#[test]
pub fn offer_create_while_paused_is_rejected() {
    let mut market = TestMarket::new();
    let bus = market.bus;
    let create = create(&market, OfferOptions::new(0));
    market.set_paused(&bus, true);
    market.assert_refused(from_ref(&create), MultibusError::BusPaused);
    market.set_paused(&bus, false);
    market.execute(&[create]);
}

#[test]
pub fn offer_create_by_who_may_no_longer_list_is_rejected() {
    let mut market = TestMarket::new();
    let bus = market.bus;
    let stranger = market.wallet("stranger");
    market.open_seller(&bus, &stranger);
    let create = offer_create(&bus, bus.capacity, &stranger, OfferOptions::new(0));
    for listing_policy in [0, 1] {
        market.decide(&bus, ProposalAction::ListingPolicySet { listing_policy });
        market.assert_refused(from_ref(&create), MultibusError::ListingClosed);
    }
    // Owners always may, and who was admitted where the owners choose their sellers.
    market.offer(1);
    market.decide(&bus, ProposalAction::SellerAdmit { wallet: stranger });
    market.execute(&[create]);
    market.decide(&bus, ProposalAction::ListingPolicySet { listing_policy: 0 });
    let next = offer_create(&bus, bus.capacity, &stranger, OfferOptions::new(1));
    market.assert_refused(&[next], MultibusError::ListingClosed);
}

#[test]
pub fn offer_create_by_stranger_where_listing_is_open_succeeds() {
    let mut market = TestMarket::new();
    let bus = market.bus;
    let stranger = market.wallet("stranger");
    let open = seller_open(&bus.seller(&stranger), &stranger);
    market.execute(&[open, offer_create(&bus, bus.capacity, &stranger, OfferOptions::new(0))]);
}

#[test]
pub fn offer_create_for_another_seller_is_rejected() {
    refuses!(theft: offer_create);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let stranger = market.wallet("stranger");
    market.open_seller(&bus, &stranger);
    market.open_own_seller(&bus, &seller);
    // A stranger for the seller, for the bus, and an owner for a member.
    for (wallet, lister) in [(seller, stranger), (bus.address, stranger), (stranger, seller)] {
        let list = offer_list(&bus.seller(&wallet), bus.capacity, &lister, OfferOptions::new(0));
        market.assert_refused(&[list], MultibusError::NotTheSeller);
    }
}

#[test]
pub fn offer_create_below_the_least_size_is_rejected_unless_it_takes_all_that_is_available() {
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| {
        options.with(|config| (config.capacity_wh, config.least_wh) = (250, 100))
    });
    for energy_wh in [1, 99] {
        let small = create(&market, OfferOptions::new(0).energy(energy_wh));
        market.assert_refused(&[small], MultibusError::SizeTooSmall);
    }
    market.offer(100);
    market.offer(100);
    let small = create(&market, OfferOptions::new(2).energy(49));
    market.assert_refused(&[small], MultibusError::SizeTooSmall);
    market.offer(50);
}

#[test]
pub fn offer_create_on_a_closing_bus_is_rejected() {
    let mut market = TestMarket::new();
    let bus = market.bus;
    market.decide(&bus, ProposalAction::BusClose);
    let create = create(&market, OfferOptions::new(0));
    market.assert_refused(&[create], MultibusError::BusClosing);
}

#[test]
pub fn offer_create_of_zero_energy_is_rejected() {
    let mut market = TestMarket::new();
    let create = create(&market, OfferOptions::new(0).energy(0));
    market.assert_refused(&[create], MultibusError::EnergyZero);
}

#[test]
pub fn offer_create_below_base_price_is_rejected() {
    let mut market = TestMarket::new();
    for price_per_kwh in [9_999, 0] {
        let create = create(&market, OfferOptions::new(0).price(price_per_kwh));
        market.assert_refused(&[create], MultibusError::PriceBelowBase);
    }
    market.offer_with(|options| options.price(10_000));
    market.offer_with(|options| options.price(u64::MAX));
}

#[test]
pub fn offer_create_from_unknown_source_is_rejected() {
    let mut market = TestMarket::new();
    for source in [6, 255] {
        let create = create(&market, OfferOptions::new(0).source(source));
        market.assert_refused(&[create], MultibusError::SourceUnknown);
    }
    for source in 0..6 {
        market.offer_with(|options| options.source(source));
    }
}

#[test]
pub fn offer_create_with_expiry_in_the_past_is_rejected() {
    let mut market = TestMarket::new();
    let now = market.now();
    for expires_at in [now, now - 1, 1, -1, i64::MIN] {
        let create = create(&market, OfferOptions::new(0).expires(expires_at));
        market.assert_refused(&[create], MultibusError::ExpiryInPast);
    }
    market.offer_with(|options| options.expires(now + 1));
}

#[test]
pub fn offer_create_with_expiry_beyond_horizon_or_gate_is_rejected() {
    refuses!(arithmetic: offer_create);
    let mut market =
        TestMarket::with(TokenProgram::SplToken, |options| options.with(|config| config.horizon_seconds = 3_600));
    let now = market.now();
    for expires_at in [now + 3_601, i64::MAX] {
        let create = create(&market, OfferOptions::new(0).expires(expires_at));
        market.assert_refused(&[create], MultibusError::ExpiryTooLate);
    }
    market.offer_with(|options| options.expires(now + 3_600));

    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    market.execute(&[capacity_open(&bus, &seller, start)]);
    for expires_at in [start - 59, start, i64::MAX] {
        let late = OfferOptions::new(0).expires(expires_at);
        let create = offer_create(&bus, bus.window(start), &seller, late);
        market.assert_refused(&[create], MultibusError::ExpiryTooLate);
    }
    market.offer_in(start, |options| options.expires(start - 60));
}

#[test]
pub fn offer_create_in_the_general_capacity_of_a_windowed_bus_is_rejected() {
    let mut market = TestMarket::windowed();
    let create = create(&market, OfferOptions::new(0));
    market.assert_refused(&[create], MultibusError::WindowsOn);
}

#[test]
pub fn offer_create_at_gate_closure_is_rejected() {
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    market.execute(&[capacity_open(&bus, &seller, start)]);
    let create = offer_create(&bus, bus.window(start), &seller, OfferOptions::new(0).expires(start - 60));
    for now in [start - 60, start, start + 900, start + 10_000] {
        market.go_to(now);
        market.assert_refused(from_ref(&create), MultibusError::GateClosed);
    }
    market.go_to(start - 61);
    market.execute(&[create]);
}

#[test]
pub fn offer_create_with_any_number_but_the_next_is_rejected() {
    refuses!(reinitialisation: offer_create; replay: offer_create; arithmetic: offer_create);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let first = market.offer(1);
    // The number of an open offer: its account exists.
    let again = create(&market, OfferOptions::new(0));
    market.assert_refused(from_ref(&again), Refusal::custom(0));
    // The number of a closed offer, also in the transaction that closes it.
    market.assert_refused(&[offer_cancel(&first, &seller), again.clone()], MultibusError::NumberNotNext);
    market.execute(&[offer_cancel(&first, &seller)]);
    market.assert_refused(&[again], MultibusError::NumberNotNext);
    for number in [0, FIRST - 1, FIRST + 2, u64::MAX] {
        let distant = create(&market, OfferOptions::new(0).number(number));
        market.assert_refused(&[distant], MultibusError::NumberNotNext);
    }
    market.offer(1);
    // After the last number there is none.
    market.edit::<state::Seller>(&bus.seller(&seller).address, |seller| seller.next_offer = u64::MAX);
    let last = create(&market, OfferOptions::new(0).number(u64::MAX));
    market.assert_refused(&[last], MultibusError::CounterOverflow);
}

#[test]
pub fn offer_create_past_the_last_counted_offer_is_rejected() {
    refuses!(arithmetic: offer_create);
    let mut market = TestMarket::new();
    let capacity = market.bus.capacity;
    let before = market.account(&capacity);
    market.edit::<state::Capacity>(&capacity, |capacity| capacity.open_offers = u32::MAX);
    let create = create(&market, OfferOptions::new(0));
    market.assert_refused(from_ref(&create), MultibusError::CounterOverflow);
    market.svm.set_account(capacity, before).unwrap();
    let seller = market.bus.seller(&market.seller).address;
    market.edit::<state::Seller>(&seller, |seller| seller.open_offers = u32::MAX);
    market.assert_refused(&[create], MultibusError::CounterOverflow);
}

#[test]
pub fn offer_create_in_the_capacity_of_another_bus_is_rejected() {
    refuses!(substituted_address: offer_create; capacity_leak: offer_create);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller));
    let create = offer_create(&bus, other.capacity, &seller, OfferOptions::new(0));
    market.assert_refused(&[create], MultibusError::CapacityMismatch);
}

#[test]
pub fn offer_create_at_another_address_is_rejected() {
    refuses!(substituted_address: offer_create);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let wallet = market.wallet("anything");
    let account = bus.seller(&seller);
    let own = bus.own_seller().address;
    for address in [pda::offer(&account.address, FIRST + 1).0, pda::offer(&own, FIRST).0, wallet, bus.treasury] {
        let OfferOptions { number, energy_wh, price_per_kwh, expires_at, source } = OfferOptions::new(0);
        let mut accounts = offer_create_accounts(&account, bus.capacity, &seller, number);
        accounts.offer = address;
        let create = OfferCreate { number, energy_wh, price_per_kwh, expires_at, source }.to_instruction(accounts);
        market.assert_refused(&[create], InstructionError::InvalidSeeds);
    }
}

#[test]
pub fn offer_create_at_a_prefunded_address_succeeds() {
    for lamports in [1, 3_000_000, 9_000_000] {
        let mut market = TestMarket::new();
        let address = pda::offer(&market.bus.seller(&market.seller).address, FIRST).0;
        market.fund(&address, lamports);
        market.offer(1);
    }
}

#[test]
pub fn offers_below_a_base_price_that_rose_in_between_are_rejected() {
    refuses!(moved_price: offer_create, offer_reprice);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.offer(10_000);
    market.open_own_seller(&bus, &seller);
    let signed = [
        create(&market, OfferOptions::new(1).price(20_000)),
        offer_create_for_bus(&bus, bus.capacity, &seller, OfferOptions::new(0).price(20_000)),
        offer_reprice(&offer, &seller, 20_000),
    ];
    market.decide(&bus, ProposalAction::BasePriceSet { base_price_per_kwh: 20_001 });
    for instruction in &signed {
        market.assert_refused(from_ref(instruction), MultibusError::PriceBelowBase);
    }
    // Back at it, each is accepted.
    market.decide(&bus, ProposalAction::BasePriceSet { base_price_per_kwh: 20_000 });
    market.execute(&signed);
}

#[test]
pub fn offer_reprice_sets_price_and_next_version() {
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = market.offer(10_000);
    let meta = market.execute(&[offer_reprice(&offer, &seller, 10_000)]);
    assert_logged(
        &meta,
        &event::OfferRepriced {
            offer: offer.address,
            price_per_kwh: 10_000,
            trades_from: 0,
            version: 2,
            padding: [0; 4],
        },
    );
    market.execute(&[offer_reprice(&offer, &seller, u64::MAX)]);
    let state = market.offer_state(&offer);
    assert_eq!((state.price_per_kwh, state.version), (u64::MAX, 3));
    assert_eq!((state.listed_wh, state.remaining_wh), (10_000, 10_000));
}

#[test]
pub fn offer_reprice_never_touches_energy_under_lock() {
    withstands!(moved_price: lock_settle);
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = market.offer(10_000);
    let lock = market.lock(&offer, 4_000);
    let before = market.account(&lock);
    market.execute(&[offer_reprice(&offer, &seller, 900_000)]);
    assert_eq!(market.account(&lock), before);
    let settle = market.lock_settle(&offer);
    market.execute(&[settle]);
    assert_eq!(market.offer_state(&offer).proceeds, 1_000_000, "4 kWh at 0.25, the price of the lock");
}

#[test]
pub fn offer_reprice_below_base_price_is_rejected() {
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = market.offer(10_000);
    for price in [0, 9_999] {
        market.assert_refused(&[offer_reprice(&offer, &seller, price)], MultibusError::PriceBelowBase);
    }
}

#[test]
pub fn offer_reprice_by_stranger_is_rejected() {
    let mut market = TestMarket::new();
    let stranger = market.wallet("stranger");
    let offer = market.offer(10_000);
    market.assert_refused(&[offer_reprice(&offer, &stranger, 20_000)], MultibusError::NotTheSeller);
}

#[test]
pub fn offer_reprice_by_another_owner_of_the_bus_is_rejected() {
    let mut market = TestMarket::new();
    let bus = market.bus;
    let friend = market.wallet("friend");
    market.decide(&bus, ProposalAction::OwnerAdd { owner: friend, shares_bps: vec![5_000, 5_000] });
    let offer = market.offer(10_000);
    market.assert_refused(&[offer_reprice(&offer, &friend, 20_000)], MultibusError::NotTheSeller);
}

#[test]
pub fn offer_reprice_with_another_bus_is_rejected() {
    refuses!(substituted_address: offer_reprice);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let cheap = BusOptions::new(&seller).with(|config| config.base_price_per_kwh = 1);
    let other = market.create_bus(&seller, &bus.mint, &cheap);
    let offer = market.offer(10_000);
    let reprice = OfferReprice { price_per_kwh: 1, expected_version: 0 }
        .to_instruction(multibus::accounts::OfferReprice { lister: seller, bus: other.address, offer: offer.address });
    market.assert_refused(&[reprice], MultibusError::BusMismatch);
}

#[test]
pub fn offer_reprice_of_cancelled_offer_is_rejected() {
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = cancelled_offer(&mut market);
    market.assert_refused(&[offer_reprice(&offer, &seller, 20_000)], MultibusError::OfferCancelled);
}

#[test]
pub fn offer_reprice_past_the_last_version_is_rejected() {
    refuses!(arithmetic: offer_reprice);
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = market.offer(10_000);
    market.edit::<state::Offer>(&offer.address, |offer| offer.version = u32::MAX);
    market.assert_refused(&[offer_reprice(&offer, &seller, 20_000)], MultibusError::CounterOverflow);
    let later = market.now() + 10;
    market.assert_refused(&[offer_set_expiry(&offer, &seller, later)], MultibusError::CounterOverflow);
}

#[test]
pub fn offer_set_expiry_sets_an_earlier_or_a_later_expiry() {
    let mut market = TestMarket::new();
    let (seller, now) = (market.seller, market.now());
    let offer = market.offer_with(|options| options.expires(now + 60));
    let meta = market.execute(&[offer_set_expiry(&offer, &seller, now + 61)]);
    assert_logged(
        &meta,
        &event::OfferExpirySet { offer: offer.address, expires_at: now + 61, version: 2, padding: [0; 4] },
    );
    assert_eq!(market.offer_state(&offer).expires_at, now + 61);
    market.execute(&[offer_set_expiry(&offer, &seller, now + 10)]);
    assert_eq!(market.offer_state(&offer).expires_at, now + 10);
    // What has expired does not come back.
    market.go_to(now + 9);
    market.execute(&[offer_set_expiry(&offer, &seller, now + 20)]);
    market.go_to(now + 20);
    for expires_at in [now + 21, now + 90] {
        market.assert_refused(&[offer_set_expiry(&offer, &seller, expires_at)], MultibusError::OfferExpired);
    }
}

#[test]
pub fn offer_set_expiry_into_the_past_is_rejected() {
    let mut market = TestMarket::new();
    let (seller, now) = (market.seller, market.now());
    let offer = market.offer_with(|options| options.expires(now + 600));
    market.go_to(now + 100);
    for expires_at in [now + 61, now + 100, 0, -1] {
        market.assert_refused(&[offer_set_expiry(&offer, &seller, expires_at)], MultibusError::ExpiryInPast);
    }
}

#[test]
pub fn a_later_expiry_follows_the_rules_of_today_and_an_earlier_one_those_of_the_listing() {
    // Otherwise an offer would come back past every decision that was made since.
    let mut market = TestMarket::new();
    let (bus, now) = (market.bus, market.now());
    let wallet = market.wallet("member");
    let member = market.open_seller(&bus, &wallet);
    let offer = market.create_offer(&bus, bus.capacity, &wallet, OfferOptions::new(0).expires(now + 10_000));
    let (later, mut earlier) = (offer_set_expiry(&offer, &wallet, now + 20_000), now + 9_000);
    let decisions = [
        (ProposalAction::Pause, MultibusError::BusPaused, ProposalAction::Resume),
        (
            ProposalAction::BasePriceSet { base_price_per_kwh: 250_001 },
            MultibusError::PriceBelowBase,
            ProposalAction::BasePriceSet { base_price_per_kwh: 250_000 },
        ),
        (
            ProposalAction::ListingPolicySet { listing_policy: 0 },
            MultibusError::ListingClosed,
            ProposalAction::ListingPolicySet { listing_policy: 2 },
        ),
        (
            ProposalAction::SellerSuspend { wallet },
            MultibusError::SellerSuspended,
            ProposalAction::SellerAdmit { wallet },
        ),
    ];
    for (decision, error, back) in decisions {
        market.decide(&bus, decision);
        if error != MultibusError::BusPaused {
            market.assert_refused(from_ref(&later), error);
        }
        earlier -= 1;
        market.execute(&[offer_set_expiry(&offer, &wallet, earlier)]);
        market.decide(&bus, back);
    }
    market.execute(&[later]);
    assert!(market.exists(&member.address));
}

#[test]
pub fn offer_changes_that_name_another_version_are_rejected() {
    refuses!(moved_price: offer_reprice; replay: offer_reprice, offer_set_expiry);
    let mut market = TestMarket::new();
    let (seller, now) = (market.seller, market.now());
    let offer = market.offer(10_000);
    // Two changes are in flight and land in the wrong order: the first one changes nothing any more.
    let first = offer_reprice_of(&offer, &seller, 20_000, 1);
    let second = offer_reprice_of(&offer, &seller, 900_000, 1);
    market.execute(&[second]);
    market.assert_refused(from_ref(&first), MultibusError::VersionMismatch);
    let expiry = offer_set_expiry_of(&offer, &seller, now + 1_000, 2);
    market.execute(from_ref(&expiry));
    market.assert_refused(&[expiry], MultibusError::VersionMismatch);
    assert_eq!(market.offer_state(&offer).version, 3);
    // Buyers see a change of the expiry, too.
    let quoted = multibus::instruction::Purchase {
        nonce: market.nonce(&market.lane),
        energy_wh: 1,
        min_energy_wh: 1,
        max_price_per_kwh: u64::MAX,
        expected_version: 2,
    };
    let purchase = quoted.to_instruction(market.purchase_accounts(&offer));
    market.assert_refused(&[purchase], MultibusError::VersionMismatch);
}

#[test]
pub fn offer_set_expiry_beyond_horizon_or_gate_is_rejected() {
    refuses!(arithmetic: offer_set_expiry);
    let mut market =
        TestMarket::with(TokenProgram::SplToken, |options| options.with(|config| config.horizon_seconds = 3_600));
    let (seller, now) = (market.seller, market.now());
    let offer = market.offer_with(|options| options.expires(now + 60));
    for expires_at in [now + 3_601, i64::MAX] {
        market.assert_refused(&[offer_set_expiry(&offer, &seller, expires_at)], MultibusError::ExpiryTooLate);
    }
    for expires_at in [i64::MIN, i64::MIN + 1, -1] {
        market.assert_refused(&[offer_set_expiry(&offer, &seller, expires_at)], MultibusError::ExpiryInPast);
    }
    market.execute(&[offer_set_expiry(&offer, &seller, now + 3_600)]);

    let mut market = TestMarket::windowed();
    let (seller, start) = (market.seller, market.next_window());
    let offer = market.offer_in(start, |options| options.expires(start - 600));
    market.assert_refused(&[offer_set_expiry(&offer, &seller, start - 59)], MultibusError::ExpiryTooLate);
    market.execute(&[offer_set_expiry(&offer, &seller, start - 60)]);
}

#[test]
pub fn offer_set_expiry_while_locks_need_it_longer_is_rejected() {
    refuses!(lock_expiry: offer_set_expiry);
    let mut market = TestMarket::new();
    let (seller, buyer, now) = (market.seller, market.buyer, market.now());
    let offer = market.offer(10_000);
    market.lock(&offer, 1_000);
    for expires_at in [now + 1, now + 300, now + 599] {
        market.assert_refused(&[offer_set_expiry(&offer, &seller, expires_at)], MultibusError::ExpiryBeforeLocks);
    }
    market.execute(&[offer_set_expiry(&offer, &seller, now + 600)]);
    // Once the lock is gone, so is what it asked for.
    let release = market.lock_release(&offer, &buyer);
    market.execute(&[release, offer_set_expiry(&offer, &seller, now + 1)]);
}

#[test]
pub fn offer_set_expiry_at_the_end_of_time_keeps_its_meaning() {
    withstands!(arithmetic: offer_set_expiry, lock_take, lock_settle);
    let mut market = TestMarket::new();
    let seller = market.seller;
    market.go_to(i64::MAX - 1_000);
    // The horizon ends with time.
    let offer = market.offer_with(|options| options.expires(i64::MAX - 1));
    market.execute(&[offer_set_expiry(&offer, &seller, i64::MAX)]);
    market.buy(&offer, 1);
    market.go_to(i64::MAX - 600);
    market.lock(&offer, 1);
    market.go_to(i64::MAX - 300);
    let settle = market.lock_settle(&offer);
    market.execute(&[settle]);
    market.go_to(i64::MAX - 1);
    market.buy(&offer, 1);
}

#[test]
pub fn offer_set_expiry_on_a_closing_bus_only_shortens() {
    let mut market = TestMarket::new();
    let (bus, seller, now) = (market.bus, market.seller, market.now());
    let offer = market.offer_with(|options| options.expires(now + 100));
    market.decide(&bus, ProposalAction::BusClose);
    market.assert_refused(&[offer_set_expiry(&offer, &seller, now + 101)], MultibusError::BusClosing);
    market.execute(&[offer_set_expiry(&offer, &seller, now + 100)]);
    market.execute(&[offer_set_expiry(&offer, &seller, now + 99)]);
}

#[test]
pub fn offer_set_expiry_by_stranger_is_rejected() {
    let mut market = TestMarket::new();
    let (stranger, now) = (market.wallet("stranger"), market.now());
    let offer = market.offer_with(|options| options.expires(now + 60));
    market.assert_refused(&[offer_set_expiry(&offer, &stranger, now + 90)], MultibusError::NotTheSeller);
}

#[test]
pub fn offer_set_expiry_with_another_bus_is_rejected() {
    refuses!(substituted_address: offer_set_expiry);
    let mut market = TestMarket::new();
    let (bus, seller, now) = (market.bus, market.seller, market.now());
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller));
    let offer = market.offer_with(|options| options.expires(now + 60));
    let elsewhere = multibus_tests::OfferAddresses { bus: other, ..offer };
    market.assert_refused(&[offer_set_expiry(&elsewhere, &seller, now + 90)], MultibusError::BusMismatch);
    let member = market.wallet("member");
    let member = market.open_seller(&bus, &member);
    let mixed = multibus_tests::OfferAddresses { seller: member.address, ..offer };
    market.assert_refused(&[offer_set_expiry(&mixed, &seller, now + 90)], MultibusError::SellerMismatch);
}

#[test]
pub fn offer_set_expiry_of_cancelled_offer_is_rejected() {
    let mut market = TestMarket::new();
    let (seller, now) = (market.seller, market.now());
    let offer = cancelled_offer(&mut market);
    market.assert_refused(&[offer_set_expiry(&offer, &seller, now + 1_000)], MultibusError::OfferCancelled);
}

#[test]
pub fn offer_collect_releases_what_was_paid_to_the_seller() {
    let mut market = TestMarket::new();
    let (bus, stranger) = (market.bus, market.wallet("stranger"));
    let seller = bus.seller(&market.seller);
    let offer = market.offer(10_000);
    market.assert_refused(&[offer_collect(&offer)], MultibusError::NothingToCollect);
    market.buy(&offer, 1_000);
    market.lock(&offer, 1_000);
    // Nobody needs to sign for it, and the deposit is nobody's yet.
    let collect = offer_collect(&offer);
    assert!(collect.accounts.iter().all(|meta| !meta.is_signer) && market.exists(&stranger));
    let meta = market.execute(from_ref(&collect));
    assert_logged(
        &meta,
        &event::OfferCollected {
            offer: offer.address,
            seller: seller.address,
            amount: 250_000,
            grid_fee: 0,
            released: 250_000,
        },
    );
    let state = market.offer_state(&offer);
    assert_eq!((state.proceeds, state.deposits), (0, 250_000));
    assert_eq!((market.seller_state(&seller).released, market.tokens(&seller.vault)), (250_000, 500_000));
    market.assert_refused(&[collect], MultibusError::NothingToCollect);
}

#[test]
pub fn offer_collect_in_any_number_of_parts_shaves_nothing() {
    withstands!(arithmetic: offer_collect);
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| options.with(|c| c.base_price_per_kwh = 1));
    let seller = market.bus.seller(&market.seller);
    let offer = market.offer_with(|options| options.price(333));
    let mut paid = 0;
    for energy_wh in 1..20 {
        market.buy(&offer, energy_wh);
        paid += (energy_wh * 333).div_ceil(1_000);
        market.execute(&[offer_collect(&offer)]);
    }
    assert_eq!((market.seller_state(&seller).released, market.tokens(&seller.vault)), (paid, paid));
}

#[test]
pub fn offer_collect_twice_in_one_transaction_or_for_another_seller_is_rejected() {
    refuses!(replay: offer_collect; theft: offer_collect; substituted_address: offer_collect);
    let mut market = TestMarket::new();
    let (bus, thief) = (market.bus, market.wallet("thief"));
    let thiefs = market.open_seller(&bus, &thief);
    let offer = market.offer(10_000);
    market.buy(&offer, 1_000);
    let collect = offer_collect(&offer);
    market.assert_refused(&[collect.clone(), collect], MultibusError::NothingToCollect);
    let stolen = offer_collect(&multibus_tests::OfferAddresses { seller: thiefs.address, ..offer });
    market.assert_refused(&[stolen], MultibusError::SellerMismatch);
}

#[test]
pub fn offer_cancel_by_seller_returns_energy_and_rent() {
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.offer(10_000);
    market.buy(&offer, 2_500);
    let (before, rent) = (market.lamports(&seller), market.lamports(&offer.address));
    let meta = market.execute(&[offer_cancel(&offer, &seller)]);
    assert_logged(
        &meta,
        &event::OfferCancelled {
            bus: bus.address,
            offer: offer.address,
            cancelled_by: seller,
            withdrawn_wh: 7_500,
            sold_wh: 2_500,
            collected: 625_000,
            grid_fee: 0,
            closed: 1,
            window_unused: 0,
            padding: [0; 6],
        },
    );
    assert!(!market.exists(&offer.address));
    assert_eq!(market.lamports(&seller), before + rent);
    let capacity = market.capacity_state(&bus.capacity);
    assert_eq!((capacity.available_wh, capacity.committed_wh, capacity.open_offers), (997_500, 2_500, 0));
    let state = market.seller_state(&bus.seller(&seller));
    assert_eq!((state.released, state.open_offers), (625_000, 0), "what was paid is the seller's to withdraw");
}

#[test]
pub fn offer_cancel_of_the_largest_energy_returns_it_to_the_wh() {
    withstands!(arithmetic: offer_cancel; capacity_leak: offer_cancel);
    const ALL: u64 = 1 << 40;
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| options.with(|c| c.capacity_wh = ALL));
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.offer(ALL);
    market.lock(&offer, 1);
    market.buy(&offer, 3);
    market.execute(&[offer_cancel(&offer, &seller)]);
    let capacity = market.capacity_state(&bus.capacity);
    assert_eq!((capacity.available_wh, capacity.committed_wh), (ALL - 4, 4));
    let settle = market.lock_settle(&offer);
    market.execute(&[settle, offer_cancel(&offer, &seller)]);
    let capacity = market.capacity_state(&bus.capacity);
    assert_eq!((capacity.available_wh, capacity.committed_wh, capacity.open_offers), (ALL - 4, 4, 0));
}

#[test]
pub fn offer_cancel_leaves_what_is_locked() {
    withstands!(capacity_leak: offer_cancel);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    let before = market.lamports(&seller);
    let meta = market.execute(&[offer_cancel(&offer, &seller)]);
    assert_logged(
        &meta,
        &event::OfferCancelled {
            bus: bus.address,
            offer: offer.address,
            cancelled_by: seller,
            withdrawn_wh: 6_000,
            sold_wh: 0,
            collected: 0,
            grid_fee: 0,
            closed: 0,
            window_unused: 0,
            padding: [0; 6],
        },
    );
    let state = market.offer_state(&offer);
    assert_eq!((state.listed_wh, state.remaining_wh, state.reserved_wh), (4_000, 4_000, 4_000));
    assert_eq!(market.lamports(&seller), before);
    // What was withdrawn can be listed again, the rest cannot.
    assert_eq!(market.capacity_state(&bus.capacity).available_wh, 996_000);
    // The lock settles nevertheless; then the account closes.
    let settle = market.lock_settle(&offer);
    market.execute(&[settle]);
    market.execute(&[offer_cancel(&offer, &seller)]);
    assert!(!market.exists(&offer.address));
}

#[test]
pub fn offer_cancel_with_nothing_to_withdraw_is_rejected() {
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = cancelled_offer(&mut market);
    market.assert_refused(&[offer_cancel(&offer, &seller)], MultibusError::NothingToCancel);
}

#[test]
pub fn offer_cancel_by_stranger_is_rejected() {
    let mut market = TestMarket::windowed();
    let (start, stranger) = (market.next_window(), market.wallet("stranger"));
    let expires_at = market.now() + 100;
    let offers =
        [market.offer_in(start, |options| options), market.offer_in(start, |options| options.expires(expires_at))];
    for offer in offers {
        market.assert_refused(&[offer_cancel(&offer, &stranger)], MultibusError::OfferStillTrading);
    }
    // All but the last Wh is sold.
    market.buy(&offers[0], 9_999);
    market.assert_refused(&[offer_cancel(&offers[0], &stranger)], MultibusError::OfferStillTrading);
    // In the last second before the expiry, and before the gate closes.
    market.go_to(expires_at - 1);
    market.assert_refused(&[offer_cancel(&offers[1], &stranger)], MultibusError::OfferStillTrading);
    market.go_to(start - 61);
    market.assert_refused(&[offer_cancel(&offers[0], &stranger)], MultibusError::OfferStillTrading);
}

#[test]
pub fn anyone_withdraws_what_is_on_offer_on_a_closing_bus() {
    withstands!(blocked_exit: offer_cancel; capacity_leak: offer_cancel);
    let mut market = TestMarket::new();
    let (bus, seller, stranger) = (market.bus, market.seller, market.wallet("stranger"));
    let offer = market.offer(10_000);
    let own = market.list_for_bus(&bus, bus.capacity, &seller, 1_000, 250_000);
    market.lock(&offer, 1_000);
    market.decide(&bus, ProposalAction::BusClose);
    market.execute(&[offer_cancel(&offer, &stranger), offer_cancel(&own, &stranger)]);
    assert!(!market.exists(&own.address));
    // A lock that was taken before still settles.
    let settle = market.lock_settle(&offer);
    market.execute(&[settle, offer_cancel(&offer, &stranger)]);
    assert_eq!(market.seller_state(&bus.seller(&seller)).released, 250_000);
}

#[test]
pub fn offer_cancel_by_stranger_once_it_no_longer_trades_pays_the_seller() {
    let mut market = TestMarket::windowed();
    let (start, stranger, seller) = (market.next_window(), market.wallet("stranger"), market.seller);
    let expires_at = market.now() + 100;
    let sold_out = market.offer_in(start, |options| options);
    let expired = market.offer_in(start, |options| options.expires(expires_at));
    let past_gate = market.offer_in(start, |options| options);
    market.buy(&sold_out, 10_000);
    for (offer, time) in [(sold_out, market.now()), (expired, expires_at), (past_gate, start - 60)] {
        market.go_to(time);
        let (before, rent) = (market.lamports(&seller), market.lamports(&offer.address));
        let lamports = market.lamports(&stranger);
        market.execute(&[offer_cancel(&offer, &stranger)]);
        assert!(!market.exists(&offer.address));
        assert_eq!(market.lamports(&seller), before + rent, "the rent goes to the seller");
        assert_eq!(market.lamports(&stranger), lamports);
    }
}

#[test]
pub fn offer_cancel_and_collect_work_while_paused_and_while_the_bus_closes() {
    for action in [ProposalAction::Pause, ProposalAction::BusClose] {
        let mut market = TestMarket::new();
        let (bus, seller) = (market.bus, market.seller);
        let offer = market.offer(10_000);
        market.buy(&offer, 1_000);
        market.decide(&bus, action);
        market.execute(&[offer_collect(&offer)]);
        market.execute(&[offer_cancel(&offer, &seller)]);
    }
}

#[test]
pub fn offer_cancel_with_rent_to_another_wallet_is_rejected() {
    refuses!(theft: offer_cancel);
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = market.offer(10_000);
    market.buy(&offer, 10_000);
    let thief = market.wallet("thief");
    for caller in [thief, seller] {
        let mut accounts = offer_cancel_accounts(&offer, &caller);
        accounts.rent_payer = thief;
        let cancel = OfferCancel {}.to_instruction(accounts);
        market.assert_refused(&[cancel], MultibusError::RentPayerMismatch);
    }
}

#[test]
pub fn offer_cancel_with_another_capacity_seller_or_bus_is_rejected() {
    refuses!(substituted_address: offer_cancel; capacity_leak: offer_cancel; theft: offer_cancel);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller));
    let elsewhere = market.open_seller(&other, &seller);
    let member = market.wallet("member");
    let member = market.open_seller(&bus, &member);
    let offer = market.offer(10_000);
    type Change = Box<dyn Fn(&mut multibus::accounts::OfferCancel)>;
    let cases: Vec<(Change, MultibusError)> = vec![
        (Box::new(move |accounts| accounts.capacity = other.capacity), MultibusError::CapacityMismatch),
        (Box::new(move |accounts| accounts.bus = other.address), MultibusError::BusMismatch),
        (Box::new(move |accounts| accounts.seller = elsewhere.address), MultibusError::SellerMismatch),
        (Box::new(move |accounts| accounts.seller = member.address), MultibusError::SellerMismatch),
    ];
    for (change, error) in cases {
        let mut accounts = offer_cancel_accounts(&offer, &seller);
        change(&mut accounts);
        market.assert_refused(&[OfferCancel {}.to_instruction(accounts)], error);
    }
    let windowed = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller).windowed());
    let start = market.next_window();
    market.open_seller(&windowed, &seller);
    market.execute(&[capacity_open(&windowed, &seller, start)]);
    let gate = OfferOptions::new(0).expires(start - 60);
    let in_window = market.create_offer(&windowed, windowed.window(start), &seller, gate);
    let mut accounts = offer_cancel_accounts(&in_window, &seller);
    accounts.capacity = windowed.capacity;
    market.assert_refused(&[OfferCancel {}.to_instruction(accounts)], MultibusError::CapacityMismatch);
}

#[test]
pub fn offer_cancelled_and_funded_in_one_transaction_stays_closed() {
    refuses!(revival: offer_create, purchase, lock_take);
    let mut market = TestMarket::new();
    let (seller, buyer) = (market.seller, market.buyer);
    let offer = market.offer(10_000);
    let fund = solana_system_interface::instruction::transfer(&seller, &offer.address, 5_000_000);
    market.execute(&[offer_cancel(&offer, &seller), fund]);
    let account = market.account(&offer.address);
    assert_eq!((account.owner, account.data.len()), (Address::default(), 0), "an empty account of nobody");
    let again = create(&market, OfferOptions::new(0));
    market.assert_refused(&[again], MultibusError::NumberNotNext);
    let purchase = market.purchase(&offer, 1);
    market.assert_refused(&[purchase], Refusal::NotTheAccount);
    let lock = market.lock_take(&offer, 1);
    market.assert_refused(&[lock], Refusal::NotTheAccount);
    assert_eq!(market.tokens(&market.payment), BUYER_TOKENS);
    assert!(market.exists(&buyer));
}

#[test]
pub fn offer_cancelled_twice_in_one_transaction_is_rejected() {
    refuses!(replay: offer_cancel; capacity_leak: offer_cancel);
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = market.offer(10_000);
    let cancel = offer_cancel(&offer, &seller);
    market.assert_refused(&[cancel.clone(), cancel], Refusal::NotTheAccount);
}

#[test]
pub fn offer_sold_out_bought_and_cancelled_in_one_transaction_keeps_the_books() {
    withstands!(capacity_leak: purchase, offer_cancel);
    let mut market = TestMarket::with(TokenProgram::Token2022, |options| options);
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.offer(10_000);
    let buy = market.purchase(&offer, 10_000);
    market.execute(&[buy, offer_cancel(&offer, &seller)]);
    let capacity = market.capacity_state(&bus.capacity);
    assert_eq!((capacity.available_wh, capacity.committed_wh), (990_000, 10_000));
}

#[test]
pub fn what_an_offer_earned_is_withdrawn_to_an_account_with_extensions() {
    withstands!(token_2022: purchase, seller_withdraw);
    let mut chain = multibus_tests::TestChain::new();
    let mint = chain.mint("mint", TokenProgram::Token2022, &[MintExtension::MetadataPointer]);
    let mut market = TestMarket::on_chain(chain, mint, |options| options);
    let (bus, seller) = (market.bus, market.seller);
    // Associated accounts of Token-2022 have the extension of an immutable owner.
    let payout = market.associated_account(&mint, &seller);
    assert!(market.account(&payout).data.len() > 165);
    let offer = market.offer(10_000);
    market.buy(&offer, 4_000);
    let account = bus.seller(&seller);
    market.execute(&[offer_collect(&offer), seller_withdraw(&account, &seller, payout)]);
    assert_eq!(market.tokens(&payout), 1_000_000);
}
