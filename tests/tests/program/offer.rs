//! `offer_create`, `offer_reprice`, `offer_extend` and `offer_cancel`.

use {
    multibus::{
        error::MultibusError,
        event,
        instruction::{OfferCancel, OfferCreate, OfferReprice},
        state::{self, ProposalAction},
    },
    multibus_tests::{
        BusOptions, MintExtension, Refusal, TestMarket, TokenProgram, event::assert_logged, instructions::*, key::pda,
        market::BUYER_TOKENS,
    },
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
    std::slice::from_ref,
};

fn create(market: &TestMarket, options: OfferOptions) -> Instruction {
    offer_create(&market.bus, market.bus.capacity, &market.seller, market.payout, options)
}

/// An offer with a lock on 1 kWh, which its seller has cancelled: it is open, but sells nothing.
fn cancelled_offer(market: &mut TestMarket) -> multibus_tests::OfferAddresses {
    let offer = market.offer(10_000);
    market.lock(&offer, 1_000);
    let seller = market.seller;
    market.execute(&[offer_cancel(&offer, &seller)]);
    assert_eq!(market.offer_state(&offer).cancelled, 1);
    offer
}

#[test]
pub fn offer_create_takes_energy_from_the_capacity() {
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let before = market.lamports(&seller);
    let expires_at = market.now() + 3_600;
    let options = OfferOptions { offer_seq: 5, energy_wh: 12_345, price_per_kwh: 10_000, expires_at, source: 5 };
    let create = create(&market, options);
    let meta = market.execute(&[create]);
    let (address, bump) = pda::offer(&bus.capacity, 5);
    let expected = state::Offer {
        layout_version: 1,
        bump,
        source: 5,
        owned_by_bus: 0,
        cancelled: 0,
        padding: [0; 3],
        version: 1,
        open_locks: 0,
        offer_seq: 5,
        price_per_kwh: 10_000,
        listed_wh: 12_345,
        remaining_wh: 12_345,
        reserved_wh: 0,
        window_start: 0,
        created_at: market.now(),
        expires_at,
        bus: bus.address,
        capacity: bus.capacity,
        seller,
        payout: market.payout,
        rent_payer: seller,
        reserved: [0; 64],
    };
    assert_eq!(market.state::<state::Offer>(&address), expected);
    let capacity = market.capacity_state(&bus.capacity);
    assert_eq!((capacity.available_wh, capacity.listed_wh, capacity.open_offers), (1_000_000 - 12_345, 12_345, 1));
    assert_eq!(before - market.lamports(&seller), market.lamports(&address));
    assert_logged(
        &meta,
        &event::OfferCreated {
            bus: bus.address,
            capacity: bus.capacity,
            offer: address,
            seller,
            payout: market.payout,
            rent_payer: seller,
            offer_seq: 5,
            energy_wh: 12_345,
            price_per_kwh: 10_000,
            window_start: 0,
            created_at: market.now(),
            expires_at,
            source: 5,
            owned_by_bus: 0,
            padding: [0; 6],
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
pub fn offer_create_by_stranger_where_only_owners_list_is_rejected() {
    let mut market =
        TestMarket::with(TokenProgram::SplToken, |options| options.with(|config| config.listing_policy = 0));
    let bus = market.bus;
    let stranger = market.wallet("stranger");
    let payout = market.token_account("stranger's payout", &bus.mint, &stranger, 0);
    let create = offer_create(&bus, bus.capacity, &stranger, payout, OfferOptions::new(0));
    market.assert_refused(&[create], MultibusError::ListingClosed);
    market.offer(1);
}

#[test]
pub fn offer_create_by_stranger_where_listing_is_open_succeeds() {
    let mut market = TestMarket::new();
    let bus = market.bus;
    let stranger = market.wallet("stranger");
    let payout = market.token_account("stranger's payout", &bus.mint, &stranger, 0);
    market.create_offer(&bus, bus.capacity, &stranger, payout, OfferOptions::new(0));
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
    market.offer_with(|options| options.expires(i64::MAX));
}

#[test]
pub fn offer_create_in_the_general_capacity_of_a_windowed_bus_is_rejected() {
    let mut market = TestMarket::windowed();
    let create = create(&market, OfferOptions::new(0));
    market.assert_refused(&[create], MultibusError::WindowsOn);
}

#[test]
pub fn offer_create_in_a_window_of_a_bus_that_turned_windows_off_is_rejected() {
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    market.execute(&[capacity_open(&bus, &seller, start)]);
    market.edit::<state::Bus>(&bus.address, |bus| (bus.window_seconds, bus.gate_closure_seconds) = (0, 0));
    let create = offer_create(&bus, bus.window(start), &seller, market.payout, OfferOptions::new(0));
    market.assert_refused(&[create], MultibusError::WindowsOff);
}

#[test]
pub fn offer_create_at_gate_closure_is_rejected() {
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    market.execute(&[capacity_open(&bus, &seller, start)]);
    let create = offer_create(&bus, bus.window(start), &seller, market.payout, OfferOptions::new(0));
    for now in [start - 60, start, start + 900, start + 10_000] {
        market.go_to(now);
        market.assert_refused(from_ref(&create), MultibusError::GateClosed);
    }
    market.go_to(start - 61);
    market.execute(&[create]);
}

#[test]
pub fn offer_create_paid_to_what_is_no_token_account_of_the_mint_is_rejected() {
    refuses!(wrong_account: offer_create);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let other_mint = market.mint("other mint", TokenProgram::SplToken, &[]);
    let of_other_mint = market.token_account("of other mint", &other_mint, &seller, 0);
    let token_2022 = market.mint("2022", TokenProgram::Token2022, &[]);
    let of_token_2022 = market.token_account("of 2022", &token_2022, &seller, 0);
    let missing = market.key("missing");
    // The bytes of a token account, but not the token program's.
    let fake = market.key("fake");
    let mut account = market.account(&market.payout);
    account.owner = multibus::ID;
    market.svm.set_account(fake, account.clone()).unwrap();
    let (uninitialised, short) = (market.key("uninitialised"), market.key("short"));
    account.owner = bus.mint.program.address();
    account.data[108] = 0;
    market.svm.set_account(uninitialised, account.clone()).unwrap();
    account.data[108] = 1;
    account.data.truncate(164);
    market.svm.set_account(short, account).unwrap();
    let wrong =
        [missing, bus.mint.address, of_other_mint, of_token_2022, fake, uninitialised, short, market.lane.address];
    for payout in wrong {
        let create = offer_create(&bus, bus.capacity, &seller, payout, OfferOptions::new(0));
        market.assert_refused(&[create], MultibusError::TokenAccountInvalid);
    }
}

#[test]
pub fn offer_create_paid_to_a_malformed_token_2022_account_is_rejected() {
    refuses!(token_2022: offer_create; wrong_account: offer_create);
    let mut market = TestMarket::with(TokenProgram::Token2022, |options| options);
    let (bus, seller, payout) = (market.bus, market.seller, market.payout);
    let good = market.account(&payout);
    // A mint's type byte; a list of extensions that says to be longer than it is.
    for tail in [&[1][..], &[2, 8, 0, 9, 0, 1], &[0]] {
        let mut account = good.clone();
        account.data.extend_from_slice(tail);
        market.svm.set_account(payout, account).unwrap();
        let create = offer_create(&bus, bus.capacity, &seller, payout, OfferOptions::new(0));
        market.assert_refused(&[create], MultibusError::TokenAccountInvalid);
    }
}

#[test]
pub fn offer_create_paid_to_the_bus_is_rejected() {
    refuses!(theft: offer_create);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let of_the_bus = market.token_account("another of the bus", &bus.mint, &bus.address, 0);
    for payout in [bus.escrow, bus.treasury, of_the_bus] {
        let create = offer_create(&bus, bus.capacity, &seller, payout, OfferOptions::new(0));
        market.assert_refused(&[create], MultibusError::PayoutIsBusAccount);
    }
}

#[test]
pub fn offer_create_with_used_or_distant_number_is_rejected() {
    refuses!(reinitialisation: offer_create; replay: offer_create; arithmetic: offer_create);
    let mut market = TestMarket::new();
    let seller = market.seller;
    let first = market.offer(1);
    // The number of an open offer: its account exists.
    let again = create(&market, OfferOptions::new(0));
    market.assert_refused(&[again], Refusal::custom(0));
    // The number of a closed offer, also in the transaction that closes it.
    let again = create(&market, OfferOptions::new(0));
    market.assert_refused(&[offer_cancel(&first, &seller), again.clone()], MultibusError::OfferSeqUnusable);
    market.execute(&[offer_cancel(&first, &seller)]);
    market.assert_refused(&[again], MultibusError::OfferSeqUnusable);
    for seq in [1 + 1_024, u64::MAX - 1, u64::MAX] {
        let distant = create(&market, OfferOptions::new(seq));
        market.assert_refused(&[distant], MultibusError::OfferSeqUnusable);
    }
    // The farthest number; then those that fall out of the window of 1,024 count as used.
    market.offer_with(|options| OfferOptions { offer_seq: 1_024, ..options });
    let below = create(&market, OfferOptions::new(0));
    market.assert_refused(&[below], MultibusError::OfferSeqUnusable);
    market.offer_with(|options| OfferOptions { offer_seq: 1, ..options });
    market.offer_with(|options| OfferOptions { offer_seq: 2_048, ..options });
    let below = create(&market, OfferOptions::new(1_000));
    market.assert_refused(&[below], MultibusError::OfferSeqUnusable);
}

#[test]
pub fn offer_create_out_of_order_succeeds_once_for_each_number() {
    let mut market = TestMarket::new();
    for offer_seq in [9, 3, 700, 0, 1_023, 699, 1] {
        market.offer_with(|options| OfferOptions { offer_seq, ..options });
    }
}

#[test]
pub fn offer_create_past_the_last_counted_offer_is_rejected() {
    refuses!(arithmetic: offer_create);
    let mut market = TestMarket::new();
    let capacity = market.bus.capacity;
    market.edit::<state::Capacity>(&capacity, |capacity| capacity.open_offers = u32::MAX);
    let create = create(&market, OfferOptions::new(0));
    market.assert_refused(&[create], MultibusError::CounterOverflow);
}

#[test]
pub fn offer_create_in_the_capacity_of_another_bus_is_rejected() {
    refuses!(substituted_address: offer_create; capacity_leak: offer_create);
    let mut market = TestMarket::new();
    let (bus, seller, payout) = (market.bus, market.seller, market.payout);
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller).seq(1));
    let create = offer_create(&bus, other.capacity, &seller, payout, OfferOptions::new(0));
    market.assert_refused(&[create], MultibusError::BusMismatch);
}

#[test]
pub fn offer_create_at_another_address_is_rejected() {
    refuses!(substituted_address: offer_create);
    let mut market = TestMarket::new();
    let (bus, seller, payout) = (market.bus, market.seller, market.payout);
    let wallet = market.wallet("anything");
    for address in [pda::offer(&bus.capacity, 1).0, wallet, bus.escrow] {
        let mut accounts = offer_create_accounts(&bus, bus.capacity, &seller, payout, 0);
        accounts.offer = address;
        let OfferOptions { offer_seq, energy_wh, price_per_kwh, expires_at, source } = OfferOptions::new(0);
        let create = OfferCreate { offer_seq, energy_wh, price_per_kwh, expires_at, source }.to_instruction(accounts);
        market.assert_refused(&[create], InstructionError::InvalidSeeds);
    }
}

#[test]
pub fn offer_create_at_a_prefunded_address_succeeds() {
    for lamports in [1, 3_000_000, 9_000_000] {
        let mut market = TestMarket::new();
        let address = pda::offer(&market.bus.capacity, 0).0;
        market.fund(&address, lamports);
        market.offer(1);
    }
}

#[test]
pub fn offers_below_a_base_price_that_rose_in_between_are_rejected() {
    refuses!(moved_price: offer_create, offer_create_for_bus, offer_reprice);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.offer(10_000);
    let signed = [
        create(&market, OfferOptions::new(1).price(20_000)),
        offer_create_for_bus(&bus, bus.capacity, &seller, OfferOptions::new(1).price(20_000)),
        offer_reprice(&offer, &seller, 20_000),
    ];
    market.decide(&bus, ProposalAction::BasePriceSet { base_price_per_kwh: 20_001 });
    for instruction in &signed {
        market.assert_refused(from_ref(instruction), MultibusError::PriceBelowBase);
    }
    // Back at it, each is accepted.
    market.decide(&bus, ProposalAction::BasePriceSet { base_price_per_kwh: 20_000 });
    let [one, for_bus, reprice] = signed;
    market.execute(&[one, reprice]);
    market.assert_refused(&[for_bus], Refusal::custom(0));
}

#[test]
pub fn offer_reprice_sets_price_and_next_version() {
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = market.offer(10_000);
    let meta = market.execute(&[offer_reprice(&offer, &seller, 10_000)]);
    assert_logged(
        &meta,
        &event::OfferRepriced { offer: offer.address, price_per_kwh: 10_000, version: 2, padding: [0; 4] },
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
    assert_eq!(market.tokens(&market.payout), 1_000_000, "4 kWh at 0.25, the price of the lock");
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
    let cheap = BusOptions::new(&seller).seq(1).with(|config| config.base_price_per_kwh = 1);
    let other = market.create_bus(&seller, &bus.mint, &cheap);
    let offer = market.offer(10_000);
    let reprice = OfferReprice { price_per_kwh: 1 }.to_instruction(multibus::accounts::OfferReprice {
        seller,
        bus: other.address,
        offer: offer.address,
    });
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
}

#[test]
pub fn offer_extend_sets_a_later_expiry() {
    let mut market = TestMarket::new();
    let (seller, now) = (market.seller, market.now());
    let offer = market.offer_with(|options| options.expires(now + 60));
    let meta = market.execute(&[offer_extend(&offer, &seller, now + 61)]);
    assert_logged(&meta, &event::OfferExtended { offer: offer.address, expires_at: now + 61 });
    assert_eq!(market.offer_state(&offer).expires_at, now + 61);
    // An expired offer trades again.
    market.go_to(now + 62);
    let purchase = market.purchase(&offer, 1);
    market.assert_refused(&[purchase], MultibusError::OfferExpired);
    market.execute(&[offer_extend(&offer, &seller, now + 63)]);
    market.buy(&offer, 1);
    market.execute(&[offer_extend(&offer, &seller, 0)]);
    assert_eq!(market.offer_state(&offer).expires_at, 0);
}

#[test]
pub fn offer_extend_into_the_past_is_rejected() {
    let mut market = TestMarket::new();
    let (seller, now) = (market.seller, market.now());
    let offer = market.offer_with(|options| options.expires(now + 60));
    market.go_to(now + 100);
    for expires_at in [now + 61, now + 100, -1] {
        market.assert_refused(&[offer_extend(&offer, &seller, expires_at)], MultibusError::ExpiryInPast);
    }
}

#[test]
pub fn offer_extend_to_no_later_time_is_rejected() {
    let mut market = TestMarket::new();
    let (seller, now) = (market.seller, market.now());
    let offer = market.offer_with(|options| options.expires(now + 60));
    for expires_at in [now + 60, now + 1] {
        market.assert_refused(&[offer_extend(&offer, &seller, expires_at)], MultibusError::ExpiryNotLater);
    }
    let endless = market.offer(1);
    for expires_at in [now + 1_000_000, 0] {
        market.assert_refused(&[offer_extend(&endless, &seller, expires_at)], MultibusError::ExpiryNotLater);
    }
}

#[test]
pub fn offer_extend_to_the_ends_of_time_keeps_its_meaning() {
    refuses!(arithmetic: offer_extend);
    let mut market = TestMarket::new();
    let (seller, now) = (market.seller, market.now());
    let offer = market.offer_with(|options| options.expires(now + 60));
    for expires_at in [i64::MIN, i64::MIN + 1, -1] {
        market.assert_refused(&[offer_extend(&offer, &seller, expires_at)], MultibusError::ExpiryInPast);
    }
    market.execute(&[offer_extend(&offer, &seller, i64::MAX)]);
    market.buy(&offer, 1);
    // Nothing is later than that but no expiry at all. In the last second before it, it still trades, and a lock that
    // lasts until then still settles.
    market.assert_refused(&[offer_extend(&offer, &seller, i64::MAX)], MultibusError::ExpiryNotLater);
    market.go_to(i64::MAX - 301);
    market.lock(&offer, 1);
    market.go_to(i64::MAX - 1);
    market.buy(&offer, 1);
    let settle = market.lock_settle(&offer);
    market.execute(&[settle]);
}

#[test]
pub fn offer_extend_by_stranger_is_rejected() {
    let mut market = TestMarket::new();
    let (stranger, now) = (market.wallet("stranger"), market.now());
    let offer = market.offer_with(|options| options.expires(now + 60));
    market.assert_refused(&[offer_extend(&offer, &stranger, 0)], MultibusError::NotTheSeller);
}

#[test]
pub fn offer_extend_with_another_bus_is_rejected() {
    refuses!(substituted_address: offer_extend);
    let mut market = TestMarket::new();
    let (bus, seller, now) = (market.bus, market.seller, market.now());
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller).seq(1));
    let offer = market.offer_with(|options| options.expires(now + 60));
    let elsewhere = multibus_tests::OfferAddresses { bus: other, ..offer };
    market.assert_refused(&[offer_extend(&elsewhere, &seller, 0)], MultibusError::BusMismatch);
}

#[test]
pub fn offer_extend_of_cancelled_offer_is_rejected() {
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = cancelled_offer(&mut market);
    market.assert_refused(&[offer_extend(&offer, &seller, 0)], MultibusError::OfferCancelled);
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
            closed: 1,
            padding: [0; 7],
        },
    );
    assert!(!market.exists(&offer.address));
    assert_eq!(market.lamports(&seller), before + rent);
    let capacity = market.capacity_state(&bus.capacity);
    assert_eq!((capacity.available_wh, capacity.listed_wh, capacity.sold_wh), (997_500, 0, 2_500));
    assert_eq!(capacity.open_offers, 0);
}

#[test]
pub fn offer_cancel_of_the_largest_energy_returns_it_to_the_wh() {
    withstands!(arithmetic: offer_cancel; capacity_leak: offer_cancel);
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| options.with(|c| c.capacity_wh = u64::MAX));
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.offer(u64::MAX);
    market.lock(&offer, 1);
    market.buy(&offer, 3);
    market.execute(&[offer_cancel(&offer, &seller)]);
    let capacity = market.capacity_state(&bus.capacity);
    assert_eq!((capacity.available_wh, capacity.listed_wh, capacity.sold_wh), (u64::MAX - 4, 4, 0));
    let settle = market.lock_settle(&offer);
    market.execute(&[settle, offer_cancel(&offer, &seller)]);
    let capacity = market.capacity_state(&bus.capacity);
    assert_eq!((capacity.available_wh, capacity.listed_wh, capacity.sold_wh), (u64::MAX - 4, 0, 4));
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
            closed: 0,
            padding: [0; 7],
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
    // In the expiry second, and one second before the gate closes.
    market.go_to(expires_at);
    market.assert_refused(&[offer_cancel(&offers[1], &stranger)], MultibusError::OfferStillTrading);
    market.go_to(start - 61);
    market.assert_refused(&[offer_cancel(&offers[0], &stranger)], MultibusError::OfferStillTrading);
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
    for (offer, time) in [(sold_out, market.now()), (expired, expires_at + 1), (past_gate, start - 60)] {
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
pub fn offer_cancel_works_while_paused() {
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.offer(10_000);
    market.set_paused(&bus, true);
    market.execute(&[offer_cancel(&offer, &seller)]);
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
pub fn offer_cancel_with_another_capacity_or_bus_is_rejected() {
    refuses!(substituted_address: offer_cancel; capacity_leak: offer_cancel);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller).seq(1));
    let offer = market.offer(10_000);
    let mut accounts = offer_cancel_accounts(&offer, &seller);
    accounts.capacity = other.capacity;
    market.assert_refused(&[OfferCancel {}.to_instruction(accounts)], MultibusError::CapacityMismatch);
    let mut accounts = offer_cancel_accounts(&offer, &seller);
    accounts.bus = other.address;
    market.assert_refused(&[OfferCancel {}.to_instruction(accounts)], MultibusError::BusMismatch);
    let windowed = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller).seq(2).windowed());
    let start = market.next_window();
    market.execute(&[capacity_open(&windowed, &seller, start)]);
    let payout = market.payout;
    let in_window = market.create_offer(&windowed, windowed.window(start), &seller, payout, OfferOptions::new(0));
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
    market.assert_refused(&[again], MultibusError::OfferSeqUnusable);
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
    assert_eq!((capacity.available_wh, capacity.sold_wh), (990_000, 10_000));
}

#[test]
pub fn offer_paid_to_an_account_with_extensions_succeeds() {
    withstands!(token_2022: offer_create, purchase);
    let mut chain = multibus_tests::TestChain::new();
    let mint = chain.mint("mint", TokenProgram::Token2022, &[MintExtension::MetadataPointer]);
    let mut market = TestMarket::on_chain(chain, mint, |options| options);
    let (bus, seller) = (market.bus, market.seller);
    // Associated accounts of Token-2022 have the extension of an immutable owner.
    let payout = market.associated_account(&mint, &seller);
    assert!(market.account(&payout).data.len() > 165);
    let offer = market.create_offer(&bus, bus.capacity, &seller, payout, OfferOptions::new(0));
    market.buy(&offer, 4_000);
    assert_eq!(market.tokens(&payout), 1_000_000);
}
