//! A market with a station and a driver's session, and the charger's instructions.

use {
    charger::{
        accounts,
        error::ChargerError,
        instruction,
        state::{LANE, PLACE, SESSION_SEED, STATION_SEED, Session, Station, WALLET_SEED},
    },
    multibus_tests::{
        BusAddresses, BusOptions, LaneAddress, OfferAddresses, Refusal, TestChain, TestMarket, TokenProgram, elf,
        instructions::{BidAddresses, BidOptions, capacity_open, item_accounts, lock_release_accounts},
        pda,
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
    std::sync::OnceLock,
};

/// The most that drivers pay, grid fee included, in base units per kWh.
pub const MAX_PRICE: u64 = 2_500_000;
/// The most energy that drivers take, in Wh.
pub const LIMIT_WH: u64 = 20_000;
/// Tokens that drivers bring, in base units.
pub const DEPOSIT: u64 = 100_000_000;

/// Bytes of the compiled charger.
fn program() -> &'static [u8] {
    static PROGRAM: OnceLock<Vec<u8>> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let path = elf::deployed("charger.so");
        std::fs::read(&path).unwrap_or_else(|error| {
            panic!("cannot read {}: {error}; build it with `cargo xtask build --charger`", path.display())
        })
    })
}

/// The number of an error of the charger, as clients see it.
pub fn refusal(error: ChargerError) -> Refusal {
    match anchor_lang::Error::from(error) {
        anchor_lang::Error::Custom(code) => Refusal::custom(code),
        other => panic!("{error:?} is no custom error but {other:?}"),
    }
}

/// A session, by its addresses.
#[derive(Clone, Copy, Debug)]
pub struct SessionAddresses {
    pub address: Address,
    pub station: Address,
    pub operator: Address,
    pub driver: Address,
    /// The driver's own token account.
    pub tokens: Address,
    /// The buyer.
    pub wallet: Address,
    pub lane: LaneAddress,
    /// The buyer's token account.
    pub payment: Address,
}

/// Puts the charger onto a chain.
pub fn deploy(chain: &mut TestChain) {
    chain.svm.add_program(charger::ID, program()).expect("the charger loads");
}

/// A market in SPL Token with the charger on its chain.
pub fn market() -> TestMarket {
    let mut market = TestMarket::new();
    deploy(&mut market.chain);
    market
}

/// Opens the station of an operator of a name.
pub fn open_station(chain: &mut TestChain, operator: &str, bus: &BusAddresses) -> (Address, Address) {
    let operator = chain.wallet(operator);
    let station =
        Address::find_program_address(&[STATION_SEED, operator.as_ref(), bus.address.as_ref()], &charger::ID).0;
    let open = instruction::StationOpen {}.to_instruction(accounts::StationOpen {
        operator,
        bus: bus.address,
        station,
        system_program: system_program::ID,
    });
    chain.execute(&[open]);
    (operator, station)
}

/// Opens the session of a driver of a name, and fills its token account.
pub fn open_session(
    chain: &mut TestChain,
    (operator, station): (Address, Address),
    bus: &BusAddresses,
    driver: &str,
) -> SessionAddresses {
    let tokens_name = format!("{driver}'s tokens");
    let (driver, tokens) = (chain.wallet(driver), chain.key(&tokens_name));
    if chain.exists(&tokens) {
        chain.gift(&bus.mint, &tokens, DEPOSIT);
    } else {
        chain.token_account(&tokens_name, &bus.mint, &driver, DEPOSIT);
    }
    let find = |seeds: &[&[u8]]| Address::find_program_address(seeds, &charger::ID).0;
    let address = find(&[SESSION_SEED, station.as_ref(), driver.as_ref()]);
    let wallet = find(&[WALLET_SEED, address.as_ref()]);
    let payment = chain.associated_account(&bus.mint, &wallet);
    let session = SessionAddresses {
        address,
        station,
        operator,
        driver,
        tokens,
        wallet,
        lane: LaneAddress::of(&wallet, LANE),
        payment,
    };
    chain.execute(&[session_open(&session, bus)]);
    chain.arrange(&[bus.mint.transfer(&tokens, &payment, &driver, DEPOSIT)]);
    session
}

pub fn session_open(session: &SessionAddresses, bus: &BusAddresses) -> Instruction {
    instruction::SessionOpen { max_price_per_kwh: MAX_PRICE, limit_wh: LIMIT_WH }
        .to_instruction(session_open_accounts(session, bus))
}

pub fn session_open_accounts(session: &SessionAddresses, bus: &BusAddresses) -> accounts::SessionOpen {
    accounts::SessionOpen {
        driver: session.driver,
        station: session.station,
        session: session.address,
        wallet: session.wallet,
        trader: session.lane.address,
        payment: session.payment,
        token_program: bus.mint.program.address(),
        market: multibus::ID,
        system_program: system_program::ID,
    }
}

pub fn buy_accounts(session: &SessionAddresses, offer: &OfferAddresses) -> accounts::SessionBuy {
    accounts::SessionBuy {
        operator: session.operator,
        station: session.station,
        session: session.address,
        wallet: session.wallet,
        trader: session.lane.address,
        bus: offer.bus.address,
        offer: offer.address,
        payment: session.payment,
        vault: offer.vault,
        token_program: offer.bus.mint.program.address(),
        market: multibus::ID,
    }
}

/// The purchase of exactly this much energy (Wh).
pub fn buy(chain: &TestChain, session: &SessionAddresses, offer: &OfferAddresses, energy_wh: u64) -> Instruction {
    let buy = instruction::SessionBuy { nonce: chain.nonce(&session.lane), energy_wh, min_energy_wh: energy_wh }
        .to_instruction(buy_accounts(session, offer));
    offer.with_books(buy, &session.wallet)
}

pub fn lock_accounts(session: &SessionAddresses, offer: &OfferAddresses) -> accounts::SessionLock {
    accounts::SessionLock {
        operator: session.operator,
        station: session.station,
        session: session.address,
        wallet: session.wallet,
        bus: offer.bus.address,
        offer: offer.address,
        lock: pda::lock(&offer.address, &session.wallet, PLACE).0,
        payment: session.payment,
        vault: offer.vault,
        token_program: offer.bus.mint.program.address(),
        market: multibus::ID,
        system_program: system_program::ID,
    }
}

pub fn lock(session: &SessionAddresses, offer: &OfferAddresses, energy_wh: u64) -> Instruction {
    let lock = instruction::SessionLock { energy_wh }.to_instruction(lock_accounts(session, offer));
    offer.with_position(lock, &session.wallet)
}

pub fn settle_accounts(session: &SessionAddresses, offer: &OfferAddresses) -> accounts::SessionSettle {
    accounts::SessionSettle {
        operator: session.operator,
        station: session.station,
        session: session.address,
        wallet: session.wallet,
        trader: session.lane.address,
        offer: offer.address,
        lock: pda::lock(&offer.address, &session.wallet, PLACE).0,
        market: multibus::ID,
    }
}

pub fn settle(chain: &TestChain, session: &SessionAddresses, offer: &OfferAddresses) -> Instruction {
    let settle = instruction::SessionSettle { nonce: chain.nonce(&session.lane) }
        .to_instruction(settle_accounts(session, offer));
    offer.with_books(settle, &session.wallet)
}

pub fn batch_accounts(session: &SessionAddresses, bus: &BusAddresses) -> accounts::SessionBuyBatch {
    accounts::SessionBuyBatch {
        operator: session.operator,
        station: session.station,
        session: session.address,
        wallet: session.wallet,
        trader: session.lane.address,
        bus: bus.address,
        payment: session.payment,
        token_program: bus.mint.program.address(),
        market: multibus::ID,
    }
}

/// The purchase of exactly so much energy (Wh) from each offer, all of the first one's bus. What follows the charger's own
/// accounts is what follows the market's, without the bus.
pub fn buy_batch(chain: &TestChain, session: &SessionAddresses, items: &[(OfferAddresses, u64)]) -> Instruction {
    let (offers, energy_wh): (Vec<_>, Vec<_>) = items.iter().copied().unzip();
    let nonce = chain.nonce(&session.lane);
    let mut batch = instruction::SessionBuyBatch { nonce, max_total: u64::MAX, energy_wh }
        .to_instruction(batch_accounts(session, &offers[0].bus));
    batch.accounts.extend(item_accounts(&offers, &session.wallet).into_iter().skip(1));
    batch
}

pub fn release_accounts(session: &SessionAddresses, offer: &OfferAddresses) -> accounts::SessionRelease {
    let of_market = lock_release_accounts(offer, &session.wallet, &session.wallet, PLACE, session.payment);
    accounts::SessionRelease {
        signer: session.operator,
        station: session.station,
        session: session.address,
        wallet: session.wallet,
        bus: of_market.bus,
        offer: of_market.offer,
        lock: of_market.lock,
        seller: of_market.seller,
        vault: of_market.vault,
        payment: session.payment,
        unclaimed: of_market.unclaimed,
        ledger: of_market.ledger,
        claim: of_market.claim,
        token_program: of_market.token_program,
        market: multibus::ID,
        system_program: system_program::ID,
    }
}

/// Gives up the session's lock on an offer; the operator or the driver signs.
pub fn release(session: &SessionAddresses, offer: &OfferAddresses, signer: Address) -> Instruction {
    let mut accounts = release_accounts(session, offer);
    accounts.signer = signer;
    offer.with_position(instruction::SessionRelease {}.to_instruction(accounts), &session.wallet)
}

/// A market whose windows are closed by auctions, with one window open.
pub fn auction_market() -> (TestMarket, i64) {
    let mut market = TestMarket::with(TokenProgram::SplToken, BusOptions::with_auction);
    deploy(&mut market.chain);
    let (window, bus, seller) = (market.next_window(), market.bus, market.seller);
    market.execute(&[capacity_open(&bus, &seller, window)]);
    (market, window)
}

/// The session's next bid for so much energy (Wh) of a window.
pub fn next_bid(
    chain: &TestChain,
    session: &SessionAddresses,
    bus: &BusAddresses,
    window: i64,
    energy_wh: u64,
) -> (BidAddresses, BidOptions) {
    let nonce = chain.nonce(&session.lane);
    let options = BidOptions { energy_wh, max_price_per_kwh: MAX_PRICE, nonce };
    (BidAddresses::of(bus, window, &session.lane, session.payment, &options), options)
}

pub fn bid_accounts(session: &SessionAddresses, bid: &BidAddresses) -> accounts::SessionBid {
    accounts::SessionBid {
        operator: session.operator,
        station: session.station,
        session: session.address,
        wallet: session.wallet,
        trader: session.lane.address,
        bus: bid.bus.address,
        capacity: bid.capacity,
        bid: bid.address,
        payment: session.payment,
        escrow: bid.bus.escrow,
        token_program: bid.bus.mint.program.address(),
        market: multibus::ID,
        system_program: system_program::ID,
    }
}

pub fn bid(session: &SessionAddresses, (bid, options): &(BidAddresses, BidOptions)) -> Instruction {
    instruction::SessionBid { nonce: options.nonce, energy_wh: options.energy_wh, bump: bid.bump }
        .to_instruction(bid_accounts(session, bid))
}

pub fn bid_cancel_accounts(session: &SessionAddresses, bid: &BidAddresses) -> accounts::SessionBidCancel {
    accounts::SessionBidCancel {
        signer: session.driver,
        station: session.station,
        session: session.address,
        wallet: session.wallet,
        bus: bid.bus.address,
        capacity: bid.capacity,
        bid: bid.address,
        escrow: bid.bus.escrow,
        payment: session.payment,
        token_program: bid.bus.mint.program.address(),
        market: multibus::ID,
    }
}

pub fn withdraw(session: &SessionAddresses, bus: &BusAddresses, driver: Address, amount: u64) -> Instruction {
    instruction::SessionWithdraw { amount }.to_instruction(accounts::SessionWithdraw {
        driver,
        session: session.address,
        wallet: session.wallet,
        payment: session.payment,
        destination: session.tokens,
        token_program: bus.mint.program.address(),
    })
}

pub fn close_accounts(session: &SessionAddresses, bus: &BusAddresses) -> accounts::SessionClose {
    accounts::SessionClose {
        driver: session.driver,
        session: session.address,
        wallet: session.wallet,
        trader: session.lane.address,
        payment: session.payment,
        token_program: bus.mint.program.address(),
        market: multibus::ID,
        system_program: system_program::ID,
    }
}

/// What a session keeps.
pub fn session_state(chain: &TestChain, session: &SessionAddresses) -> Session {
    chain.state(&session.address)
}

pub fn station_state(chain: &TestChain, station: &Address) -> Station {
    chain.state(station)
}

/// A second bus of the market's seller with the same token, and an offer on it.
pub fn other_bus(market: &mut TestMarket) -> (BusAddresses, OfferAddresses) {
    let (seller, mint) = (market.seller, market.bus.mint);
    let bus = market.chain.create_bus(&seller, &mint, &BusOptions::new(&seller));
    let account = market.chain.open_seller(&bus, &seller);
    let number = market.chain.next_offer(&account);
    let options = multibus_tests::OfferOptions::new(0).number(number).energy(10_000);
    let offer = market.chain.create_offer(&bus, bus.capacity, &seller, options);
    (bus, offer)
}

/// Compute units that the charger's only instruction of a transaction took, the market's included.
pub fn consumed(logs: &[String]) -> u64 {
    let head = format!("Program {} consumed ", charger::ID);
    let units = logs.iter().find_map(|line| line.strip_prefix(&head)).expect("the charger's line");
    units.split(' ').next().expect("a word").parse().expect("a number")
}
