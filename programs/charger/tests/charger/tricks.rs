//! What somebody tries with the charger: each is refused, with exactly this error, and nothing changes.

use {
    super::world::*,
    charger::{error::ChargerError, instruction},
    multibus::error::MultibusError,
    multibus_tests::{DeliveryMarket, OfferAddresses, Refusal, TestMarket, elf, instructions::position_open, pda},
    solana_address::Address,
    solana_sdk_ids::system_program,
};

/// A market with a station, an offer of 10 kWh at 2 per kWh, and two drivers' sessions.
struct World {
    market: TestMarket,
    offer: OfferAddresses,
    session: SessionAddresses,
    other: SessionAddresses,
}

impl World {
    fn new() -> Self {
        let mut market = market();
        let bus = market.bus;
        let station = open_station(&mut market.chain, "operator", &bus);
        let session = open_session(&mut market.chain, station, &bus, "driver");
        let other = open_session(&mut market.chain, station, &bus, "another driver");
        let offer = market.offer_with(|offer| offer.energy(10_000).price(2_000_000));
        Self { market, offer, session, other }
    }

    fn nonce(&self) -> u64 {
        self.market.nonce(&self.session.lane)
    }

    /// Tries to buy 1 kWh with changed accounts.
    fn refuse_buy(&mut self, change: impl FnOnce(&mut charger::accounts::SessionBuy), refusal: impl Into<Refusal>) {
        let mut accounts = buy_accounts(&self.session, &self.offer);
        change(&mut accounts);
        let buy = instruction::SessionBuy { nonce: self.nonce(), energy_wh: 1_000, min_energy_wh: 1_000 };
        self.market.assert_refused(&[buy.to_instruction(accounts)], refusal);
    }

    /// Tries to lock 1 kWh with changed accounts.
    fn refuse_lock(&mut self, change: impl FnOnce(&mut charger::accounts::SessionLock), refusal: impl Into<Refusal>) {
        let mut accounts = lock_accounts(&self.session, &self.offer);
        change(&mut accounts);
        let lock = instruction::SessionLock { energy_wh: 1_000 };
        self.market.assert_refused(&[lock.to_instruction(accounts)], refusal);
    }

    /// Tries to settle the session's lock with changed accounts.
    fn refuse_settle(
        &mut self,
        change: impl FnOnce(&mut charger::accounts::SessionSettle),
        refusal: impl Into<Refusal>,
    ) {
        let mut accounts = settle_accounts(&self.session, &self.offer);
        change(&mut accounts);
        let settle = instruction::SessionSettle { nonce: self.nonce() };
        self.market.assert_refused(&[settle.to_instruction(accounts)], refusal);
    }
}

/// Tries to buy a batch of 1 kWh with changed accounts.
fn refuse_batch(
    world: &mut World,
    change: impl FnOnce(&mut charger::accounts::SessionBuyBatch),
    refusal: impl Into<Refusal>,
) {
    let mut accounts = batch_accounts(&world.session, &world.offer.bus);
    change(&mut accounts);
    let following = buy_batch(&world.market.chain, &world.session, &[(world.offer, 1_000)]).accounts.split_off(9);
    let batch = instruction::SessionBuyBatch { nonce: world.nonce(), max_total: u64::MAX, energy_wh: vec![1_000] };
    let mut batch = batch.to_instruction(accounts);
    batch.accounts.extend(following);
    world.market.assert_refused(&[batch], refusal);
}

/// Tries to give up the session's lock with changed accounts.
fn refuse_release(
    world: &mut World,
    change: impl FnOnce(&mut charger::accounts::SessionRelease),
    refusal: impl Into<Refusal>,
) {
    let mut accounts = release_accounts(&world.session, &world.offer);
    change(&mut accounts);
    world.market.assert_refused(&[instruction::SessionRelease {}.to_instruction(accounts)], refusal);
}

#[test]
fn a_batch_buys_only_of_the_stations_bus_and_with_the_sessions_accounts() {
    let mut world = World::new();
    let (session, other, offer) = (world.session, world.other, world.offer);
    let (bus, foreign) = other_bus(&mut world.market);
    let copy = world.market.key("a copy of the market");
    world.market.chain.svm.add_program(copy, elf::program()).expect("a program");
    refuse_batch(&mut world, |accounts| accounts.market = copy, refusal(ChargerError::NotTheMarket));
    refuse_batch(&mut world, |accounts| accounts.trader = other.lane.address, refusal(ChargerError::LaneMismatch));
    refuse_batch(&mut world, |accounts| accounts.payment = other.payment, refusal(ChargerError::PaymentMismatch));
    refuse_batch(&mut world, |accounts| accounts.wallet = other.wallet, refusal(ChargerError::WalletMismatch));
    refuse_batch(&mut world, |accounts| accounts.operator = session.driver, refusal(ChargerError::NotTheOperator));
    refuse_batch(&mut world, |accounts| accounts.bus = bus.address, refusal(ChargerError::BusMismatch));
    // The other bus before its offer, as a batch of the market has it.
    let of_two = buy_batch(&world.market.chain, &session, &[(offer, 1_000), (foreign, 1_000)]);
    assert!(of_two.accounts.iter().any(|meta| meta.pubkey == bus.address));
    world.market.assert_refused(&[of_two], refusal(ChargerError::BusMismatch));
    // Its offer without it.
    let mut foreign_only = buy_batch(&world.market.chain, &session, &[(foreign, 1_000)]);
    foreign_only.accounts[5].pubkey = offer.bus.address;
    world.market.assert_refused(&[foreign_only], MultibusError::BusMismatch);
    // More than the driver asked for, in parts and as a sum that overflows.
    for energy_wh in [vec![LIMIT_WH, 1], vec![u64::MAX, 1]] {
        let batch = instruction::SessionBuyBatch { nonce: world.nonce(), max_total: u64::MAX, energy_wh };
        let batch = batch.to_instruction(batch_accounts(&session, &offer.bus));
        world.market.assert_refused(&[batch], refusal(ChargerError::LimitExceeded));
    }
    // Twice.
    let batch = buy_batch(&world.market.chain, &session, &[(offer, 1_000)]);
    world.market.execute(std::slice::from_ref(&batch));
    world.market.assert_refused(&[batch], MultibusError::NonceMismatch);
}

#[test]
fn only_its_operator_and_its_driver_give_up_a_sessions_lock() {
    let mut world = World::new();
    let (session, other, offer) = (world.session, world.other, world.offer);
    world.market.execute(&[lock(&session, &offer, 1_000), lock(&other, &offer, 1_000)]);
    let (stranger, their_station) = open_station(&mut world.market.chain, "stranger", &offer.bus);
    let copy = world.market.key("a copy of the market");
    world.market.chain.svm.add_program(copy, elf::program()).expect("a program");
    refuse_release(&mut world, |accounts| accounts.market = copy, refusal(ChargerError::NotTheMarket));
    for signer in [stranger, other.driver] {
        refuse_release(&mut world, |accounts| accounts.signer = signer, refusal(ChargerError::NotOfTheSession));
    }
    refuse_release(
        &mut world,
        |accounts| (accounts.signer, accounts.station) = (stranger, their_station),
        refusal(ChargerError::StationMismatch),
    );
    let of_other = pda::lock(&offer.address, &other.wallet, 0).0;
    refuse_release(&mut world, |accounts| accounts.lock = of_other, MultibusError::LockBuyerMismatch);
    refuse_release(&mut world, |accounts| accounts.payment = other.payment, refusal(ChargerError::PaymentMismatch));
    let (_, foreign) = other_bus(&mut world.market);
    refuse_release(
        &mut world,
        |accounts| (accounts.offer, accounts.vault, accounts.seller) = (foreign.address, foreign.vault, foreign.seller),
        MultibusError::LockOfferMismatch,
    );
}

#[test]
fn a_bid_is_of_the_stations_bus_and_within_the_drivers_limit() {
    let (mut market, window) = auction_market();
    let bus = market.bus;
    let station = open_station(&mut market.chain, "operator", &bus);
    let session = open_session(&mut market.chain, station, &bus, "driver");
    let other = open_session(&mut market.chain, station, &bus, "another driver");
    let stranger = market.wallet("stranger");
    let (foreign, _) = other_bus(&mut market);
    let next = next_bid(&market.chain, &session, &bus, window, 1_000);
    let mut refuse = |change: &dyn Fn(&mut charger::accounts::SessionBid), refusal: Refusal| {
        let mut accounts = bid_accounts(&session, &next.0);
        change(&mut accounts);
        let bid = instruction::SessionBid { nonce: next.1.nonce, energy_wh: 1_000, bump: next.0.bump };
        market.assert_refused(&[bid.to_instruction(accounts)], refusal);
    };
    refuse(&|accounts| accounts.market = charger::ID, refusal(ChargerError::NotTheMarket));
    refuse(&|accounts| accounts.operator = stranger, refusal(ChargerError::NotTheOperator));
    refuse(&|accounts| accounts.trader = other.lane.address, refusal(ChargerError::LaneMismatch));
    refuse(&|accounts| accounts.payment = other.payment, refusal(ChargerError::PaymentMismatch));
    refuse(&|accounts| accounts.bus = foreign.address, refusal(ChargerError::BusMismatch));
    // The general capacity of the other bus, and its escrow: the market sees both.
    refuse(&|accounts| accounts.capacity = foreign.capacity, MultibusError::BusMismatch.into());
    refuse(&|accounts| accounts.escrow = foreign.escrow, MultibusError::EscrowMismatch.into());

    let too_much = next_bid(&market.chain, &session, &bus, window, LIMIT_WH + 1);
    market.assert_refused(&[bid(&session, &too_much)], refusal(ChargerError::LimitExceeded));
    let most = next_bid(&market.chain, &session, &bus, window, LIMIT_WH);
    market.execute(&[bid(&session, &most)]);
    // A bid counts as if it were filled.
    let more = next_bid(&market.chain, &session, &bus, window, 1);
    market.assert_refused(&[bid(&session, &more)], refusal(ChargerError::LimitExceeded));

    let mut refuse = |change: &dyn Fn(&mut charger::accounts::SessionBidCancel), refusal: Refusal| {
        let mut accounts = bid_cancel_accounts(&session, &most.0);
        change(&mut accounts);
        market.assert_refused(&[instruction::SessionBidCancel {}.to_instruction(accounts)], refusal);
    };
    refuse(&|accounts| accounts.signer = stranger, refusal(ChargerError::NotOfTheSession));
    refuse(&|accounts| accounts.payment = other.payment, refusal(ChargerError::PaymentMismatch));
    refuse(&|accounts| accounts.bid = more.0.address, refusal(ChargerError::BidMismatch));
}

#[test]
fn a_program_that_is_not_the_market_is_refused() {
    let mut world = World::new();
    let (session, offer) = (world.session, world.offer);
    world.market.execute(&[lock(&session, &offer, 1_000)]);
    // The market's own code at another address, a program that takes any call, and no program.
    let copy = world.market.key("a copy of the market");
    world.market.chain.svm.add_program(copy, elf::program()).expect("a program");
    for program in [copy, charger::ID, system_program::ID, session.tokens] {
        let refused = || refusal(ChargerError::NotTheMarket);
        world.refuse_buy(|accounts| accounts.market = program, refused());
        world.refuse_lock(|accounts| accounts.market = program, refused());
        world.refuse_settle(|accounts| accounts.market = program, refused());

        let mut accounts = close_accounts(&session, &offer.bus);
        accounts.market = program;
        world.market.assert_refused(&[instruction::SessionClose {}.to_instruction(accounts)], refused());

        let station = (session.operator, session.station);
        let mut next = session;
        next.driver = world.market.wallet("a third driver");
        let seeds: &[&[u8]] = &[charger::state::SESSION_SEED, station.1.as_ref(), next.driver.as_ref()];
        next.address = Address::find_program_address(seeds, &charger::ID).0;
        let seeds: &[&[u8]] = &[charger::state::WALLET_SEED, next.address.as_ref()];
        next.wallet = Address::find_program_address(seeds, &charger::ID).0;
        next.payment = world.market.associated_account(&offer.bus.mint.clone(), &next.wallet);
        let mut accounts = session_open_accounts(&next, &offer.bus);
        accounts.market = program;
        let open = instruction::SessionOpen { max_price_per_kwh: MAX_PRICE, limit_wh: LIMIT_WH };
        world.market.assert_refused(&[open.to_instruction(accounts)], refused());
    }
}

#[test]
fn a_lane_that_is_not_the_sessions_is_refused() {
    let mut world = World::new();
    let (session, offer) = (world.session, world.offer);
    world.market.execute(&[lock(&session, &offer, 1_000)]);
    let of_operator = world.market.open_lane(&session.operator, 0).address;
    // The lane of another session, the operator's own, and an account that is no lane.
    for lane in [world.other.lane.address, of_operator, session.tokens] {
        let refused = || refusal(ChargerError::LaneMismatch);
        world.refuse_buy(|accounts| accounts.trader = lane, refused());
        world.refuse_settle(|accounts| accounts.trader = lane, refused());
    }
    // A session cannot be opened with a lane that the market does not make for its buyer.
    let driver = world.market.wallet("a third driver");
    let mut next = session;
    next.driver = driver;
    let seeds: &[&[u8]] = &[charger::state::SESSION_SEED, session.station.as_ref(), driver.as_ref()];
    next.address = Address::find_program_address(seeds, &charger::ID).0;
    next.wallet = Address::find_program_address(&[charger::state::WALLET_SEED, next.address.as_ref()], &charger::ID).0;
    next.payment = world.market.associated_account(&offer.bus.mint.clone(), &next.wallet);
    let open = session_open(&next, &offer.bus);
    world.market.assert_refused(&[open], solana_instruction::error::InstructionError::InvalidSeeds);
}

#[test]
fn an_offer_of_another_bus_is_refused() {
    let mut world = World::new();
    let (bus, foreign) = other_bus(&mut world.market);
    // With the station's bus, the market sees that the offer is not of it.
    world.refuse_buy(
        |accounts| (accounts.offer, accounts.vault) = (foreign.address, foreign.vault),
        MultibusError::BusMismatch,
    );
    let foreign_lock = pda::lock(&foreign.address, &world.session.wallet, 0).0;
    world.refuse_lock(
        |accounts| (accounts.offer, accounts.vault, accounts.lock) = (foreign.address, foreign.vault, foreign_lock),
        MultibusError::BusMismatch,
    );
    // With its own bus, the charger sees that the station does not buy there.
    world.refuse_buy(
        |accounts| (accounts.bus, accounts.offer, accounts.vault) = (bus.address, foreign.address, foreign.vault),
        refusal(ChargerError::BusMismatch),
    );
    world.refuse_lock(|accounts| accounts.bus = bus.address, refusal(ChargerError::BusMismatch));
}

#[test]
fn what_is_no_offer_or_no_vault_of_it_is_refused() {
    let mut world = World::new();
    let session = world.session;
    world.refuse_buy(|accounts| accounts.offer = session.tokens, Refusal::NotTheAccount);
    world.refuse_lock(|accounts| accounts.offer = session.tokens, Refusal::NotTheAccount);
    // The operator's own account in place of the vault.
    let mint = world.market.bus.mint;
    let own = world.market.token_account("the operator's tokens", &mint, &session.operator, 0);
    world.refuse_buy(|accounts| accounts.vault = own, MultibusError::VaultMismatch);
    world.refuse_lock(|accounts| accounts.vault = own, MultibusError::VaultMismatch);
}

#[test]
fn another_session_does_not_pay() {
    let mut world = World::new();
    let (session, other, offer) = (world.session, world.other, world.offer);
    world.refuse_buy(|accounts| accounts.payment = other.payment, refusal(ChargerError::PaymentMismatch));
    world.refuse_lock(|accounts| accounts.payment = other.payment, refusal(ChargerError::PaymentMismatch));
    world.refuse_buy(|accounts| accounts.wallet = other.wallet, refusal(ChargerError::WalletMismatch));
    world.refuse_lock(|accounts| accounts.wallet = other.wallet, refusal(ChargerError::WalletMismatch));
    // Nor is its lock settled.
    world.market.execute(&[lock(&other, &offer, 1_000)]);
    let of_other = pda::lock(&offer.address, &other.wallet, 0).0;
    world.refuse_settle(|accounts| accounts.lock = of_other, MultibusError::LockBuyerMismatch);
    world.refuse_settle(|accounts| accounts.wallet = other.wallet, refusal(ChargerError::WalletMismatch));
    assert_eq!(session_state(&world.market.chain, &session).purchases, 0);
}

#[test]
fn only_the_stations_operator_buys_and_only_the_driver_takes_out() {
    let mut world = World::new();
    let (session, offer) = (world.session, world.offer);
    world.market.execute(&[lock(&session, &offer, 1_000)]);
    let bus = offer.bus;
    let (stranger, their_station) = open_station(&mut world.market.chain, "stranger", &bus);
    for operator in [stranger, session.driver] {
        let refused = || refusal(ChargerError::NotTheOperator);
        world.refuse_buy(|accounts| accounts.operator = operator, refused());
        world.refuse_lock(|accounts| accounts.operator = operator, refused());
        world.refuse_settle(|accounts| accounts.operator = operator, refused());
    }
    // The operator of another station, which is its own.
    let refused = || refusal(ChargerError::StationMismatch);
    world.refuse_buy(|accounts| (accounts.operator, accounts.station) = (stranger, their_station), refused());
    world.refuse_lock(|accounts| (accounts.operator, accounts.station) = (stranger, their_station), refused());
    world.refuse_settle(|accounts| (accounts.operator, accounts.station) = (stranger, their_station), refused());

    for driver in [stranger, session.operator, world.other.driver] {
        let refused = || refusal(ChargerError::NotTheDriver);
        world.market.assert_refused(&[withdraw(&session, &bus, driver, 1)], refused());
        let mut accounts = close_accounts(&session, &bus);
        accounts.driver = driver;
        world.market.assert_refused(&[instruction::SessionClose {}.to_instruction(accounts)], refused());
    }
}

#[test]
fn a_session_stays_within_the_drivers_limits() {
    let mut world = World::new();
    let session = world.session;
    let dear = world.market.offer_with(|offer| offer.energy(50_000).price(MAX_PRICE + 1));
    let refused = buy(&world.market.chain, &session, &dear, 1_000);
    world.market.assert_refused(&[refused], MultibusError::PriceAboveLimit);
    world.market.assert_refused(&[lock(&session, &dear, 1_000)], MultibusError::PriceAboveLimit);

    let offer = world.market.offer_with(|offer| offer.energy(50_000).price(2_000_000));
    let too_much = buy(&world.market.chain, &session, &offer, LIMIT_WH + 1);
    world.market.assert_refused(&[too_much], refusal(ChargerError::LimitExceeded));
    world.market.assert_refused(&[lock(&session, &offer, LIMIT_WH + 1)], refusal(ChargerError::LimitExceeded));
    // What was bought since a lock was taken counts when the lock is settled.
    world.market.execute(&[lock(&session, &offer, 1_000)]);
    let all = buy(&world.market.chain, &session, &offer, LIMIT_WH);
    world.market.execute(&[all]);
    let settle = settle(&world.market.chain, &session, &offer);
    world.market.assert_refused(&[settle], refusal(ChargerError::LimitExceeded));
}

#[test]
fn a_purchase_that_arrives_twice_is_paid_once() {
    let mut world = World::new();
    let (session, offer) = (world.session, world.offer);
    let buy = buy(&world.market.chain, &session, &offer, 1_000);
    world.market.execute(std::slice::from_ref(&buy));
    world.market.assert_refused(&[buy], MultibusError::NonceMismatch);
    assert_eq!(session_state(&world.market.chain, &session).purchases, 1);
}

#[test]
fn a_session_needs_a_token_account_of_its_buyer() {
    let mut world = World::new();
    let (bus, station) = (world.market.bus, world.session.station);
    let driver = world.market.wallet("a third driver");
    let foreign_mint = world.market.mint("another mint", bus.mint.program, &[]);
    let seeds: &[&[u8]] = &[charger::state::SESSION_SEED, station.as_ref(), driver.as_ref()];
    let address = Address::find_program_address(seeds, &charger::ID).0;
    let wallet = Address::find_program_address(&[charger::state::WALLET_SEED, address.as_ref()], &charger::ID).0;
    let lane = multibus_tests::LaneAddress::of(&wallet, 0);
    let of_driver = world.market.token_account("the third driver's tokens", &bus.mint, &driver, 0);
    let of_other_token = world.market.token_account("other tokens", &foreign_mint, &wallet, 0);
    for payment in [of_driver, of_other_token, bus.address] {
        let session = SessionAddresses { address, driver, wallet, lane, payment, ..world.session };
        world.market.assert_refused(&[session_open(&session, &bus)], refusal(ChargerError::PaymentInvalid));
    }
}

#[test]
fn books_of_others_are_refused_on_delivery_terms() {
    let mut market = DeliveryMarket::new();
    deploy(&mut market.market.chain);
    let (bus, offer) = (market.bus, market.offer);
    let station = open_station(&mut market.market.chain, "charging point", &bus);
    let session = open_session(&mut market.market.chain, station, &bus, "driver");
    let other = open_session(&mut market.market.chain, station, &bus, "another driver");
    for one in [&session, &other] {
        market.execute(&[position_open(&market.book.position(&one.wallet), &one.driver)]);
    }
    let nonce = market.nonce(&session.lane);
    let buy = instruction::SessionBuy { nonce, energy_wh: 1_000, min_energy_wh: 1_000 }
        .to_instruction(buy_accounts(&session, &offer));
    market.assert_refused(std::slice::from_ref(&buy), MultibusError::BooksMissing);
    let of_other = offer.with_books(buy, &other.wallet);
    market.assert_refused(&[of_other], MultibusError::PositionMismatch);
}
