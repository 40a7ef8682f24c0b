//! The market that raw transactions attack.

use {
    super::input::{Input, Raw},
    crate::{
        chain::{FIRST, START, START_SLOT},
        play::{
            coverage::Coverage,
            game::{Game, Outcome},
            script::{AccountRef::*, Operation::*, Step::*, Tamper::Nothing, *},
        },
    },
    solana_instruction::Instruction,
    std::collections::BTreeMap,
};

/// Parties of the market that is attacked.
const PARTIES: u8 = 6;
/// The bus whose owners decided to close it, the bus that was closed, and one that can close.
const CLOSING: u8 = 2;
const CLOSED: u8 = 3;
const EMPTY: u8 = 4;
/// Buses that pay on delivery, with windows of 15 minutes and of one minute.
const DELIVERING: u8 = 5;
const SHORT: u8 = 11;
/// Buses whose windows an auction closes, on purchase terms and on delivery terms.
const PRICED: u8 = 17;
const POOLED: u8 = 23;
/// When all but deliveries begins: by then the first windows are final.
const NOW: i64 = 9_000;
/// The first number of what is opened then.
const NUMBERS: u64 = (START_SLOT + 2 * NOW.cast_unsigned()) << 20;

/// An offer of a seller whose account was opened at that time.
const fn offer_of(bus: u8, who: u8, index: u64) -> OfferRef {
    OfferRef(bus, who, NUMBERS + index)
}

/// An offer of a seller whose account was opened in the first slot.
const fn early(bus: u8, who: u8, index: u64) -> OfferRef {
    OfferRef(bus, who, FIRST + index)
}

/// The delivery book of a seller on the bus with windows of 15 minutes, which is a day, and places of windows in it.
const fn day(who: u8) -> BookRef {
    BookRef(DELIVERING, who, -43_200)
}
const REPORTED: u8 = 49;
const OPEN: u8 = 51;

/// The delivery book of a seller on the bus with auctions, and the place of a window in it of which all is delivered and certified
/// in part.
const fn pooled(who: u8) -> BookRef {
    BookRef(POOLED, who, -43_200)
}
const COMPLETE: u8 = 50;

/// The lane from which all bids are made, and a bid: the buyer's so many-th.
const BIDS: u16 = 2;
const fn bid_of(bus: u8, window: i64, who: u8, index: u64, wh: u64, limit: u64) -> BidRef {
    BidRef(bus, window, who, BIDS, FIRST + index, wh, limit, 0)
}

/// Bids in windows that are cleared, over without an offer, fixed, in their last minutes, and trading; the last is made by an input.
const ALL_BIDS: [BidRef; 12] = [
    bid_of(PRICED, 900, 3, 0, 5_000, 300_000),
    bid_of(PRICED, 1_800, 3, 1, 1_000, 300_000),
    bid_of(PRICED, 2_700, 3, 2, 333, 300_000),
    bid_of(PRICED, 9_000, 3, 3, 7_000, 300_000),
    bid_of(PRICED, 10_800, 3, 4, 2_000, 300_000),
    bid_of(POOLED, 900, 3, 5, 4_000, 400_000),
    bid_of(POOLED, 1_800, 3, 6, 3_000, 400_000),
    bid_of(PRICED, 900, 4, 0, 30_000, 255_000),
    bid_of(PRICED, 9_900, 4, 1, 1_000, 300_000),
    bid_of(PRICED, 9_000, 4, 2, 9_000, 260_000),
    bid_of(POOLED, 900, 4, 3, 25_000, 390_000),
    bid_of(PRICED, 10_800, 3, 7, 1_000, 300_000),
];
const MADE_BIDS: usize = 11;

/// The delivery book of a seller on the bus with windows of one minute, and the place of its window in it.
const fn minutes(who: u8) -> BookRef {
    BookRef(SHORT, who, -2_880)
}
const MINUTE: u8 = 58;

fn plain() -> Config {
    Config {
        name: List(b"Sonnenhof".to_vec()),
        owners: List(vec![(Wallet(0), 6_000), (Wallet(1), 4_000)]),
        threshold: 1,
        pause_quorum: 0,
        listing: 2,
        fee: 100,
        timelock: 0,
        horizon: 86_400,
        terms: WindowTerms {
            window: 0,
            gate: 0,
            settlement: 0,
            grid_fee: 0,
            deadline: 0,
            correction: 0,
            auction: false,
        },
        capacity: 1_000_000,
        base_price: 10_000,
        reserve_price: 0,
        least: 1,
        operator: Some(Wallet(5)),
        grid_recipient: None,
    }
}

/// A bus that pays on delivery.
fn delivering(window: u32, gate: u32, grid_recipient: Option<AccountRef>) -> Config {
    let terms = WindowTerms {
        window,
        gate,
        settlement: 1,
        grid_fee: 100_000,
        deadline: 3_600,
        correction: 3_600,
        auction: false,
    };
    Config { terms, grid_recipient, ..plain() }
}

/// The operation that makes a bid.
fn bidding(bid: BidRef) -> Operation {
    let BidRef(bus, window, by, lane, _, wh, limit, below) = bid;
    let account = Tokens(by, 0, 0);
    Bid { by, lane, nonce: 0, bus, window, wh, limit, below, from: account, refund: account }
}

/// A price is proven by a clearer that names one price.
fn proof(clearer: u8, bus: u8, window: i64, price: (u64, u64), orders: Vec<AccountRef>) -> [Operation; 3] {
    [
        OpenClearing { by: clearer, bus, window, low: price.0, high: price.1 },
        TallyOrders { by: clearer, bus, window, clearer, orders: List(orders) },
        ApplyClearing { bus, window, clearer },
    ]
}

/// What begins the auctions: two buses, offers and bids.
fn auctions() -> Vec<Operation> {
    let open = |bus, who| OpenSeller { by: who, bus, who, ahead: None };
    let meter = |who, key| RegisterMeter { by: 5, bus: POOLED, who, key, spec: Spec(1, 200_000, -START) };
    let offer = |bus, by, index, window, wh, price, expires| CreateOffer {
        by,
        new: NewOffer { offer: early(bus, by, index), window, wh, price, expires, source: 1 },
    };
    let at_once = WindowTerms { window: 900, gate: 480, grid_fee: 5_000, auction: true, ..plain().terms };
    let on_delivery = WindowTerms { auction: true, ..delivering(900, 60, None).terms };
    let config = |terms| Config {
        owners: List(vec![(Wallet(5), 5_000), (Wallet(1), 5_000)]),
        terms,
        operator: Some(Wallet(5)),
        ..plain()
    };
    let mut operations = vec![
        CreateBus { bus: PRICED, mint: 0, config: config(at_once) },
        CreateBus { bus: POOLED, mint: 0, config: config(on_delivery) },
        open(PRICED, 0),
        open(PRICED, 2),
        open(POOLED, 0),
        open(POOLED, 2),
        meter(0, 6),
        meter(2, 7),
    ];
    let windows = |bus: u8, all: &[i64]| {
        all.iter().map(|window| OpenCapacity { by: 0, bus, window: *window }).collect::<Vec<_>>()
    };
    operations.extend(windows(PRICED, &[900, 1_800, 2_700, 9_000, 9_900, 10_800]));
    operations.extend(windows(POOLED, &[900, 1_800]));
    operations.extend([
        offer(PRICED, 0, 0, 900, 20_000, 250_000, 420),
        offer(PRICED, 0, 1, 9_000, 20_000, 250_000, 8_520),
        offer(PRICED, 0, 2, 9_900, 20_000, 250_000, 9_420),
        offer(PRICED, 0, 3, 10_800, 20_000, 250_000, 10_320),
        offer(PRICED, 2, 0, 900, 20_000, 250_000, 420),
        offer(PRICED, 2, 1, 2_700, 333, 250_001, 2_220),
        offer(PRICED, 2, 2, 9_000, 20_000, 250_000, 8_520),
        offer(POOLED, 0, 0, 900, 20_000, 250_000, 840),
        offer(POOLED, 0, 1, 1_800, 20_000, 250_000, 1_740),
        offer(POOLED, 2, 0, 900, 20_000, 250_000, 840),
        OpenLane { by: 3, lane: BIDS, ahead: None },
        OpenLane { by: 4, lane: BIDS, ahead: None },
    ]);
    operations.extend(ALL_BIDS[..MADE_BIDS].iter().map(|bid| bidding(*bid)));
    operations
}

/// An auction on purchase terms is cleared and settled in part.
fn first_price() -> Vec<Operation> {
    let orders = [ALL_BIDS[0], ALL_BIDS[7]].map(BidAt).into_iter();
    let orders = orders.chain([early(PRICED, 0, 0), early(PRICED, 2, 0)].map(OfferAt)).collect();
    let mut operations = proof(5, PRICED, 900, (250_000, 250_000), orders).to_vec();
    operations.push(SettleBid { by: 4, bid: ALL_BIDS[0], close: false, into: None });
    operations.push(SettleAsk { offer: early(PRICED, 0, 0) });
    operations
}

/// Auctions on delivery terms are cleared; what was sold in the first window is read.
fn first_pools() -> Vec<Operation> {
    let (first, second) = (early(POOLED, 0, 0), early(POOLED, 2, 0));
    let orders = vec![BidAt(ALL_BIDS[5]), BidAt(ALL_BIDS[10]), OfferAt(first), OfferAt(second)];
    let mut operations = proof(5, POOLED, 900, (250_000, 250_000), orders).to_vec();
    let of_next = early(POOLED, 0, 1);
    let orders = vec![BidAt(ALL_BIDS[6]), OfferAt(of_next)];
    operations.extend(proof(2, POOLED, 1_800, (250_000, 250_000), orders));
    let read = |who, key, wh| Report {
        by: DeviceKey(key),
        book: pooled(who),
        place: REPORTED,
        wh,
        sequence: 0,
        proof: Proof::Transaction,
    };
    operations.extend([
        SettleAsk { offer: first },
        SettleAsk { offer: second },
        SettleAsk { offer: of_next },
        Cancel { by: 5, offer: first },
        Cancel { by: 5, offer: second },
        Cancel { by: 5, offer: of_next },
        SettleBid { by: 5, bid: ALL_BIDS[5], close: false, into: None },
        SettleBid { by: 5, bid: ALL_BIDS[6], close: false, into: None },
        read(0, 6, 15_000),
        read(2, 7, 10_000),
    ]);
    operations
}

/// A window of which rounding leaves something; the second window on delivery terms is read.
fn rounding() -> Vec<Operation> {
    let offer = early(PRICED, 2, 1);
    let orders = vec![BidAt(ALL_BIDS[2]), OfferAt(offer)];
    let mut operations = proof(5, PRICED, 2_700, (250_001, 295_000), orders).to_vec();
    operations.extend([
        SettleBid { by: 5, bid: ALL_BIDS[2], close: false, into: None },
        SettleAsk { offer },
        Cancel { by: 5, offer },
        Report {
            by: DeviceKey(6),
            book: pooled(0),
            place: COMPLETE,
            wh: 2_000,
            sequence: 0,
            proof: Proof::Transaction,
        },
    ]);
    operations
}

/// Proofs that are in progress at the end: one is whole, one is half.
fn proofs() -> Vec<Operation> {
    let orders = [ALL_BIDS[3], ALL_BIDS[9]].map(BidAt).into_iter();
    let orders: Vec<AccountRef> = orders.chain([early(PRICED, 0, 1), early(PRICED, 2, 2)].map(OfferAt)).collect();
    let half = vec![orders[0]];
    let mut operations = proof(2, PRICED, 9_000, (250_000, 250_000), orders)[..2].to_vec();
    operations.extend_from_slice(&proof(4, PRICED, 9_000, (250_000, 260_000), half)[..2]);
    operations
}

/// The steps of the buses that pay on delivery, from the first second to the time when the others begin: a window that was
/// reported and is final, a silent one, one that can still be corrected; positions, certificates, devices that are replaced.
fn deliveries() -> Vec<Step> {
    let own = bus_wallet(DELIVERING);
    let open = |bus, who, by| OpenSeller { by, bus, who, ahead: None };
    let meter = |bus, who, key| RegisterMeter { by: 5, bus, who, key, spec: Spec(1, 200_000, -START) };
    let offer = |by, offer, window, expires| CreateOffer {
        by,
        new: NewOffer { offer, window, wh: 20_000, price: 250_000, expires, source: 1 },
    };
    let minute = |by, offer| CreateOffer {
        by,
        new: NewOffer { offer, window: 600, wh: 3_000, price: 250_000, expires: 600, source: 1 },
    };
    let sold = |by, offer, wh, bus_mint| Buy {
        by,
        lane: 0,
        nonce: 0,
        offer,
        ask: Ask(wh, u64::MAX, 0),
        at_least: wh,
        from: Tokens(by, bus_mint, 0),
    };
    let position = |book, buyer| OpenPosition { by: buyer, book, buyer };
    let read = |by, book, place, wh, proof| Report { by, book, place, wh, sequence: 0, proof };
    let mut steps: Vec<Step> = vec![Fund(Wallet(5), 300_000_000)];
    let done = |operations: Vec<Operation>| operations.into_iter().map(|operation| Do(operation, Nothing));
    steps.extend(done(vec![
        OpenLane { by: 3, lane: 0, ahead: None },
        OpenLane { by: 4, lane: 0, ahead: None },
        CreateBus {
            bus: DELIVERING,
            mint: 0,
            config: Config {
                owners: List(vec![(Wallet(5), 5_000), (Wallet(0), 5_000)]),
                ..delivering(900, 60, Some(Wallet(2)))
            },
        },
        CreateBus {
            bus: SHORT,
            mint: 1,
            config: Config { owners: List(vec![(Wallet(5), 5_000), (Wallet(1), 5_000)]), ..delivering(60, 0, None) },
        },
        open(DELIVERING, 0, 0),
        open(DELIVERING, own, 0),
        open(SHORT, 2, 2),
        open(SHORT, 1, 1),
        meter(DELIVERING, 0, 0),
        meter(DELIVERING, own, 1),
        meter(SHORT, 2, 2),
        meter(SHORT, 1, 3),
        OpenCapacity { by: 5, bus: DELIVERING, window: 900 },
        OpenCapacity { by: 5, bus: DELIVERING, window: 1_800 },
        OpenCapacity { by: 5, bus: DELIVERING, window: 2_700 },
        OpenCapacity { by: 5, bus: SHORT, window: 600 },
        offer(0, early(DELIVERING, 0, 0), 900, 840),
        offer(0, early(DELIVERING, 0, 1), 1_800, 1_740),
        offer(0, early(DELIVERING, 0, 2), 2_700, 2_640),
        offer(0, early(DELIVERING, own, 0), 900, 840),
        offer(0, early(DELIVERING, own, 1), 2_700, 2_640),
        minute(2, early(SHORT, 2, 0)),
        minute(1, early(SHORT, 1, 0)),
        position(day(0), 3),
        position(day(0), 4),
        position(day(own), 4),
        position(minutes(2), 3),
        sold(3, early(DELIVERING, 0, 0), 2_000, 0),
        sold(4, early(DELIVERING, 0, 0), 3_000, 0),
        sold(3, early(DELIVERING, 0, 1), 2_000, 0),
        sold(3, early(DELIVERING, 0, 2), 2_000, 0),
        sold(3, early(SHORT, 2, 0), 2_000, 1),
    ]));
    steps.extend(done(auctions()));
    steps.push(At(150));
    steps
        .extend(done(vec![sold(4, early(DELIVERING, own, 0), 1_000, 0), sold(4, early(DELIVERING, own, 1), 1_000, 0)]));
    steps.push(At(700));
    steps.extend(done(vec![
        read(DeviceKey(2), minutes(2), MINUTE, 2_900, Proof::Transaction),
        Cancel { by: 5, offer: early(SHORT, 2, 0) },
        Cancel { by: 1, offer: early(SHORT, 1, 0) },
    ]));
    steps.extend(done(first_price()));
    steps.push(At(1_800));
    steps.extend(done(vec![
        read(DeviceKey(0), day(0), REPORTED, 3_001, Proof::Transaction),
        Cancel { by: 5, offer: early(DELIVERING, 0, 0) },
    ]));
    steps.extend(done(first_pools()));
    steps.push(At(2_800));
    steps.extend(done(rounding()));
    steps.push(At(7_100));
    steps.extend(done(vec![
        ReportToPool { book: pooled(0), window: 900 },
        ReportToPool { book: pooled(0), window: 1_800 },
        SettleBid { by: 5, bid: ALL_BIDS[6], close: false, into: None },
        read(Wallet(5), day(0), OPEN, 900, Proof::Operator),
        read(DeviceKey(1), day(own), OPEN, 900, Proof::Transaction),
        ReplaceMeter { by: 5, bus: SHORT, who: 2, key: 4, spec: Spec(1, 100_000, -START) },
        Release { book: day(0) },
        Release { book: minutes(2) },
        TakeCertificate { by: 3, book: minutes(2), place: MINUTE, surplus: false },
        Transfer { by: 3, certificate: CertificateRef(SHORT, 2, 600, 0), wh: 500, to: Wallet(4) },
    ]));
    steps.push(At(NOW));
    steps.extend(done(vec![
        OpenCapacity { by: 5, bus: DELIVERING, window: 10_800 },
        offer(0, early(DELIVERING, 0, 3), 10_800, 10_740),
        TakeLock {
            by: 4,
            offer: early(DELIVERING, 0, 3),
            place: 0,
            ask: Ask(1_000, u64::MAX, 0),
            from: Tokens(4, 0, 0),
            refund: Tokens(4, 0, 0),
        },
    ]));
    steps
}

/// Decides something on a bus of which one owner's approval is enough.
fn decide(bus: u8, by: u8, index: u64, decision: Decision) -> [Operation; 2] {
    let number = NUMBERS + index;
    [Propose { by, bus, number: 0, decision }, Execute { by: 5, bus, proposer: by, number }]
}

/// The steps that make the market: two buses, of which one owns a part of the other, in both token programs, with and
/// without windows, one that is closing, and one that is closed; offers of all kinds; locks that hold and that have
/// expired; proposals open, executed and stale; claims on a live and on a closed bus.
fn steps() -> Vec<Step> {
    let windowed = Config {
        owners: List(vec![(Wallet(1), 5_000), (Wallet(2), 3_000), (BusAt(0), 2_000)]),
        threshold: 2,
        pause_quorum: 1,
        listing: 0,
        timelock: 60,
        terms: WindowTerms { window: 900, gate: 60, grid_fee: 5_000, ..plain().terms },
        ..plain()
    };
    let alone = |who: u8| Config { owners: List(vec![(Wallet(who), 10_000)]), ..plain() };
    let sold =
        |by, offer, from| Buy { by, lane: 0, nonce: 0, offer, ask: Ask(2_000, u64::MAX, 0), at_least: 2_000, from };
    let offer = |by, offer, window, expires| CreateOffer {
        by,
        new: NewOffer { offer, window, wh: 20_000, price: 250_000, expires, source: 1 },
    };
    let open = |bus, who, by| OpenSeller { by, bus, who, ahead: None };
    let lock =
        |by, offer, place, from, refund| TakeLock { by, offer, place, ask: Ask(3_000, u64::MAX, 0), from, refund };
    let own = bus_wallet;
    let mut operations = vec![
        CreateBus { bus: 0, mint: 0, config: plain() },
        CreateBus { bus: 1, mint: 1, config: windowed },
        CreateBus { bus: CLOSING, mint: 0, config: alone(2) },
        CreateBus { bus: CLOSED, mint: 2, config: alone(3) },
        CreateBus { bus: EMPTY, mint: 0, config: alone(4) },
        OpenCapacity { by: 5, bus: 1, window: NOW + 1_800 },
        OpenCapacity { by: 5, bus: 1, window: NOW + 2_700 },
        OpenLane { by: 4, lane: 1, ahead: None },
        open(0, 0, 0),
        open(0, 2, 2),
        open(0, 4, 4),
        open(0, own(0), 1),
        open(1, 1, 1),
        open(1, own(1), 2),
        open(CLOSING, 4, 4),
        open(CLOSED, own(CLOSED), 3),
        Admit { by: 5, bus: 0, who: 3 },
        Suspend { by: 5, bus: 0, who: 3 },
        offer(0, offer_of(0, 0, 0), 0, NOW + 80_000),
        offer(2, offer_of(0, 2, 0), 0, NOW + 1_500),
        offer(1, offer_of(0, own(0), 0), 0, NOW + 80_000),
        offer(1, offer_of(1, 1, 0), NOW + 1_800, NOW + 1_740),
        offer(2, offer_of(1, own(1), 0), NOW + 1_800, NOW + 1_740),
        offer(4, offer_of(CLOSING, 4, 0), 0, NOW + 80_000),
        offer(3, offer_of(CLOSED, own(CLOSED), 0), 0, NOW + 600),
        lock(3, offer_of(0, 0, 0), 0, Tokens(3, 0, 0), Tokens(3, 0, 0)),
        lock(3, offer_of(0, 0, 0), 1, Tokens(3, 0, 0), Wallet(3)),
        lock(3, offer_of(1, 1, 0), 0, Tokens(3, 1, 0), Tokens(3, 1, 0)),
        Propose { by: 1, bus: 1, number: 0, decision: Decision::BasePrice(20_000) },
        Propose { by: 2, bus: 1, number: 0, decision: Decision::Shares(List(vec![4_000, 4_000, 2_000])) },
        Approve { by: 1, bus: 1, proposer: 2, number: NUMBERS, right: true },
    ];
    operations.extend(decide(0, 0, 0, Decision::LockFee(200)));
    let done = |operation| Do(operation, Nothing);
    let mut steps = deliveries();
    steps.extend([
        // The key of a token account becomes a wallet.
        CloseTokens(Tokens(1, 0, 1)),
        Fund(Wallet(double_of(1)), 1_000_000_000),
    ]);
    steps.extend(operations.into_iter().map(done));
    // The bus's own offers trade.
    steps.push(At(NOW + 150));
    let mut trades = vec![
        sold(3, offer_of(0, own(0), 0), Tokens(3, 0, 0)),
        sold(4, offer_of(1, own(1), 0), Tokens(4, 1, 0)),
        sold(4, offer_of(CLOSED, own(CLOSED), 0), Tokens(4, 2, 0)),
        Cancel { by: 3, offer: offer_of(CLOSED, own(CLOSED), 0) },
        Collect { offer: offer_of(0, own(0), 0) },
        Collect { offer: offer_of(1, own(1), 0) },
    ];
    trades.extend(decide(CLOSING, 2, 0, Decision::CloseIt));
    trades.extend(decide(CLOSED, 3, 0, Decision::CloseIt));
    trades.extend([
        CloseSeller { by: 5, bus: CLOSED, who: own(CLOSED), into: Treasury(CLOSED) },
        CloseProposal { by: 5, bus: CLOSED, proposer: 3, number: NUMBERS },
        CloseBus { by: 5, bus: CLOSED },
    ]);
    trades.extend(decide(EMPTY, 4, 0, Decision::CloseIt));
    trades.push(CloseProposal { by: 5, bus: EMPTY, proposer: 4, number: NUMBERS });
    steps.extend(trades.into_iter().map(done));
    // The first locks have expired, the later ones hold.
    steps.push(At(NOW + 400));
    let later = vec![
        // Its refund account is a wallet: what is owed becomes a claim.
        ReleaseLock { by: 5, offer: offer_of(0, 0, 0), buyer: 3, place: 1, beside: 0 },
        lock(4, offer_of(0, 0, 0), 0, Tokens(4, 0, 0), Tokens(4, 0, 0)),
        lock(4, offer_of(0, 2, 0), 7, Tokens(4, 0, 1), Tokens(4, 0, 1)),
        sold(3, offer_of(0, 0, 0), Tokens(3, 0, 0)),
        Propose { by: 0, bus: 0, number: 0, decision: Decision::PauseIt },
        Propose { by: 1, bus: 0, number: 0, decision: Decision::AddOwner(Wallet(4), List(vec![5_000, 4_000, 1_000])) },
        Withdraw { by: 5, bus: 0, who: own(0), into: Treasury(0) },
        Withdraw { by: 5, bus: 1, who: own(1), into: Treasury(1) },
    ];
    steps.extend(later.into_iter().map(done));
    steps.extend(proofs().into_iter().map(done));
    steps.extend([
        Gift(Stray(1, 1), 5),
        Gift(Vault(0, 0), 7),
        Gift(Unclaimed(0), 9),
        Delegate { account: Tokens(2, 0, 1), to: 3, amount: 1_000_000 },
    ]);
    steps
}

/// The market before an attack.
///
/// # Panics
/// Where a step does not go as the model says, or does not land.
pub fn scene() -> Game {
    set(Game::new(PARTIES))
}

/// The same on a chain that records which branches of the program are taken.
///
/// # Panics
/// Where a step does not go as the model says, or does not land.
pub fn traced_scene(coverage: &Coverage) -> Game {
    set(Game::traced(PARTIES, coverage))
}

/// Orders are tallied in the order of their addresses.
fn in_order(game: &Game, mut step: Step) -> Step {
    if let Do(TallyOrders { orders, .. }, _) = &mut step {
        orders.0.sort_by_key(|order| game.address(*order));
    }
    step
}

fn set(mut game: Game) -> Game {
    for step in steps() {
        let step = in_order(&game, step);
        match game.step(&step) {
            Ok(Outcome::Landed | Outcome::Around(_)) => {}
            other => panic!("{step:?}: {other:?}"),
        }
    }
    game.compare_all().expect("the scene is as the model says");
    game
}

/// The same of deliveries.
fn delivery_seeds() -> Vec<Operation> {
    let ask = Ask(1_000, u64::MAX, 0);
    let of_day = bus_wallet(DELIVERING);
    vec![
        CreateOffer {
            by: 0,
            new: NewOffer {
                offer: early(DELIVERING, 0, 4),
                window: 10_800,
                wh: 1_000,
                price: 10_000,
                expires: 10_740,
                source: 1,
            },
        },
        Cancel { by: 5, offer: early(DELIVERING, 0, 1) },
        Buy { by: 3, lane: 0, nonce: 0, offer: early(DELIVERING, 0, 3), ask, at_least: 1, from: Tokens(3, 0, 0) },
        BuyBatch {
            by: 3,
            lane: 0,
            nonce: 0,
            items: List(vec![(early(DELIVERING, 0, 3), ask), (offer_of(0, 0, 0), ask)]),
            limit: u64::MAX,
            from: Tokens(3, 0, 0),
        },
        TakeLock {
            by: 3,
            offer: early(DELIVERING, 0, 3),
            place: 0,
            ask,
            from: Tokens(3, 0, 0),
            refund: Tokens(3, 0, 0),
        },
        SettleLock { by: 4, lane: 0, nonce: 0, offer: early(DELIVERING, 0, 3), place: 0, beside: 0 },
        ReleaseLock { by: 5, offer: early(DELIVERING, 0, 3), buyer: 4, place: 0, beside: 0 },
        Propose {
            by: 0,
            bus: DELIVERING,
            number: 0,
            decision: Decision::Terms(172_800, WindowTerms { window: 900, gate: 0, ..plain().terms }),
        },
        Propose { by: 0, bus: DELIVERING, number: 0, decision: Decision::GridRecipient(None) },
        SweepGrid { by: 2, bus: DELIVERING, who: 0, into: Tokens(2, 0, 1) },
        SweepGrid { by: 5, bus: DELIVERING, who: 0, into: Tokens(2, 0, 0) },
        SweepGrid { by: 5, bus: SHORT, who: 2, into: Treasury(SHORT) },
        RegisterMeter { by: 5, bus: 0, who: 0, key: 5, spec: Spec(1, 1_000, -START) },
        ReplaceMeter { by: 5, bus: DELIVERING, who: 0, key: 5, spec: Spec(1, 1_000, -START) },
        CloseMeter { by: 1, bus: SHORT, who: 1 },
        CloseDevice { key: 2 },
        OpenPosition { by: 3, book: day(0), buyer: 5 },
        SetRefund { by: 3, book: day(0), buyer: 3, refund: Tokens(3, 0, 1) },
        ClosePosition { by: 3, book: minutes(2), buyer: 3 },
        Report { by: Wallet(5), book: day(0), place: OPEN, wh: 800, sequence: 0, proof: Proof::Operator },
        Report { by: DeviceKey(1), book: day(of_day), place: OPEN, wh: 800, sequence: 0, proof: Proof::Transaction },
        Report {
            by: Wallet(4),
            book: day(of_day),
            place: OPEN,
            wh: 800,
            sequence: 0,
            proof: Proof::Signed(1, Twist::Nothing),
        },
        Report {
            by: Wallet(4),
            book: day(of_day),
            place: OPEN,
            wh: 700,
            sequence: 5,
            proof: Proof::Signed(0, Twist::Nothing),
        },
        Release { book: day(of_day) },
        Refund { book: day(0), buyer: 3 },
        Refund { book: day(0), buyer: 4 },
        CloseBook { by: 1, book: minutes(1) },
        TakeCertificate { by: 4, book: day(0), place: REPORTED, surplus: false },
        TakeCertificate { by: 2, book: minutes(2), place: MINUTE, surplus: true },
        Transfer { by: 4, certificate: CertificateRef(SHORT, 2, 600, 1_500), wh: 500, to: Wallet(3) },
        Transfer { by: 3, certificate: CertificateRef(SHORT, 2, 600, 0), wh: 1, to: Wallet(4) },
        Retire { by: 3, certificate: CertificateRef(SHORT, 2, 600, 0), name: List(b"Anna".to_vec()) },
    ]
}

/// The same of auctions.
fn auction_seeds() -> Vec<Operation> {
    let clear = |clearer| CloseClearing { by: 5, bus: PRICED, window: 9_000, clearer };
    vec![
        bidding(ALL_BIDS[11]),
        CancelBid { by: 3, bid: ALL_BIDS[4], into: Tokens(3, 0, 1) },
        CancelBid { by: 4, bid: ALL_BIDS[8], into: Tokens(4, 0, 1) },
        // One is filled, one returned, one paid what is over, one refunded and closed.
        SettleBid { by: 5, bid: ALL_BIDS[7], close: false, into: None },
        SettleBid { by: 5, bid: ALL_BIDS[1], close: false, into: None },
        SettleBid { by: 5, bid: ALL_BIDS[10], close: false, into: None },
        SettleBid { by: 3, bid: ALL_BIDS[6], close: true, into: None },
        SettleBid { by: 3, bid: ALL_BIDS[1], close: false, into: Some(Tokens(3, 0, 1)) },
        SettleAsk { offer: early(PRICED, 2, 0) },
        SettleAsk { offer: early(PRICED, 0, 0) },
        Cancel { by: 5, offer: early(PRICED, 0, 0) },
        Cancel { by: 0, offer: early(PRICED, 0, 2) },
        Cancel { by: 0, offer: early(PRICED, 0, 1) },
        Reprice { by: 0, offer: early(PRICED, 0, 2), price: 240_000, version: 0 },
        SetExpiry { by: 0, offer: early(PRICED, 0, 3), expires: 10_300, version: 0 },
        OpenClearing { by: 3, bus: PRICED, window: 9_000, low: 250_000, high: 250_000 },
        TallyOrders {
            by: 4,
            bus: PRICED,
            window: 9_000,
            clearer: 4,
            orders: List(vec![OfferAt(early(PRICED, 0, 1)), OfferAt(early(PRICED, 2, 2)), BidAt(ALL_BIDS[9])]),
        },
        ApplyClearing { bus: PRICED, window: 9_000, clearer: 2 },
        CloseClearing { by: 4, bus: PRICED, window: 9_000, clearer: 4 },
        clear(2),
        ReportToPool { book: pooled(2), window: 900 },
        ReportToPool { book: pooled(0), window: 900 },
        CertifyBid { by: 3, book: pooled(0), place: COMPLETE, bid: ALL_BIDS[6] },
        CloseCapacity { by: 5, bus: PRICED, window: 2_700 },
    ]
}

/// Valid instructions in the scene, each kind at least once: breeding begins with them.
pub(super) fn seeds(game: &Game) -> Vec<Input> {
    let ask = Ask(1_000, u64::MAX, 0);
    let own = bus_wallet;
    let next = NUMBERS + 1;
    let mut operations = vec![
        OpenCounter { by: double_of(1), ahead: None },
        CreateBus { bus: 8, mint: 0, config: Config { owners: List(vec![(Wallet(2), 10_000)]), ..plain() } },
        CloseProposal { by: 5, bus: CLOSING, proposer: 2, number: NUMBERS },
        OpenCapacity { by: 0, bus: 1, window: NOW + 3_600 },
        CloseCapacity { by: 5, bus: 1, window: NOW + 2_700 },
        OpenSeller { by: 1, bus: 0, who: 1, ahead: None },
        CloseBus { by: 5, bus: EMPTY },
        Admit { by: 5, bus: 0, who: 4 },
        Suspend { by: 5, bus: 0, who: 2 },
        Withdraw { by: 0, bus: 0, who: 0, into: Tokens(0, 0, 0) },
        CloseSeller { by: 4, bus: 0, who: 4, into: Tokens(4, 0, 0) },
        CreateOffer {
            by: 0,
            new: NewOffer {
                offer: OfferRef(0, 0, next),
                window: 0,
                wh: 1,
                price: 10_000,
                expires: NOW + 80_000,
                source: 0,
            },
        },
        CreateOffer {
            by: 1,
            new: NewOffer {
                offer: OfferRef(0, own(0), next),
                window: 0,
                wh: 1,
                price: 10_000,
                expires: NOW + 80_000,
                source: 0,
            },
        },
        Reprice { by: 0, offer: offer_of(0, 0, 0), price: 260_000, version: 0 },
        SetExpiry { by: 2, offer: offer_of(0, 2, 0), expires: NOW + 70_000, version: 1 },
        Collect { offer: offer_of(0, 0, 0) },
        Cancel { by: 0, offer: offer_of(0, 0, 0) },
        Cancel { by: 1, offer: offer_of(0, own(0), 0) },
        Cancel { by: 4, offer: offer_of(CLOSING, 4, 0) },
        Buy { by: 3, lane: 0, nonce: 0, offer: offer_of(0, 0, 0), ask, at_least: 1, from: Tokens(3, 0, 0) },
        Buy { by: 3, lane: 0, nonce: 0, offer: offer_of(0, 2, 0), ask, at_least: 1, from: Tokens(2, 0, 1) },
        BuyBatch {
            by: 4,
            lane: 1,
            nonce: 0,
            items: List(vec![(offer_of(0, 0, 0), ask), (offer_of(0, 2, 0), ask), (offer_of(0, own(0), 0), ask)]),
            limit: u64::MAX,
            from: Tokens(4, 0, 0),
        },
        BuyBatch {
            by: 4,
            lane: 0,
            nonce: 0,
            items: List(vec![(offer_of(1, 1, 0), ask), (offer_of(1, own(1), 0), ask)]),
            limit: u64::MAX,
            from: Tokens(4, 1, 0),
        },
        TakeLock { by: 4, offer: offer_of(1, 1, 0), place: 0, ask, from: Tokens(4, 1, 0), refund: Tokens(4, 1, 0) },
        SettleLock { by: 4, lane: 0, nonce: 0, offer: offer_of(0, 0, 0), place: 0, beside: 0 },
        ReleaseLock { by: 5, offer: offer_of(0, 0, 0), buyer: 3, place: 0, beside: 0 },
        ReleaseLock { by: 4, offer: offer_of(0, 2, 0), buyer: 4, place: 7, beside: 0 },
        OpenLane { by: 3, lane: 1, ahead: None },
        OpenLane { by: 0, lane: 0, ahead: Some(7) },
        CloseLane { by: 3, lane: 0 },
        Propose { by: 1, bus: 1, number: 0, decision: Decision::Threshold(1) },
        Approve { by: 2, bus: 1, proposer: 1, number: NUMBERS, right: true },
        Revoke { by: 1, bus: 1, proposer: 1, number: NUMBERS },
        Execute { by: 5, bus: 1, proposer: 2, number: NUMBERS },
        Execute { by: 5, bus: 0, proposer: 0, number: next },
        Execute { by: 5, bus: 0, proposer: 1, number: NUMBERS },
        CloseProposal { by: 5, bus: 0, proposer: 0, number: NUMBERS },
        ClaimRevenue { by: 0, bus: 0, owner: 0, into: Tokens(0, 0, 0) },
        ClaimRevenue { by: 5, bus: 1, owner: 1, into: Tokens(1, 1, 0) },
        ClaimRevenue { by: 5, bus: 1, owner: own(0), into: Treasury(0) },
        PayClaim { by: 5, bus: 0, who: 3, into: Tokens(3, 0, 0) },
        PayClaim { by: 3, bus: CLOSED, who: 3, into: Tokens(3, 2, 1) },
    ];
    operations.extend(delivery_seeds());
    operations.extend(auction_seeds());
    for operation in &mut operations {
        if let TallyOrders { bus, window, clearer, orders, .. } = operation {
            // Those that follow what is tallied.
            let clearing = &game.model.clearings[&game.address(ClearingAt(*bus, *window, *clearer))];
            let last = clearing.tallied.last_key_value().map(|(last, _)| *last);
            orders.0.retain(|order| Some(game.address(*order)) > last);
            orders.0.sort_by_key(|order| game.address(*order));
        }
    }
    let book = book(game);
    let raws = |operation: &Operation| {
        let before = game.signatures(operation);
        before.iter().chain([&game.instruction(operation)]).map(|one| raw(game, one, &book)).collect()
    };
    let mut inputs: Vec<Input> = operations.iter().map(|operation| Input(raws(operation))).collect();
    // The closing bus closes when all else on it has.
    let mut ends = vec![
        Cancel { by: 4, offer: offer_of(CLOSING, 4, 0) },
        CloseSeller { by: 5, bus: CLOSING, who: 4, into: Tokens(4, 0, 0) },
        CloseProposal { by: 5, bus: CLOSING, proposer: 2, number: NUMBERS },
        CloseBus { by: 5, bus: CLOSING },
    ];
    let all = ends.drain(..).map(|operation| raw(game, &game.instruction(&operation), &book)).collect();
    inputs.push(Input(all));
    let close = [ClosePosition { by: 3, book: minutes(2), buyer: 3 }, CloseBook { by: 2, book: minutes(2) }];
    inputs.push(Input(close.iter().map(|operation| raw(game, &game.instruction(operation), &book)).collect()));
    inputs
}

/// Every account of the scene, and some that do not exist.
pub(super) fn book(game: &Game) -> Vec<AccountRef> {
    let mut accounts = vec![System, Market, ClockSysvar, InstructionsSysvar];
    for party in 0..PARTIES {
        accounts.extend([Wallet(party), LaneAt(party, 0), LaneAt(party, 1), LaneAt(party, BIDS), CounterAt(party)]);
        accounts.extend((0..6).map(|number| Tokens(party, number / 2, number % 2)));
    }
    accounts.extend([CounterAt(double_of(1)), Wallet(double_of(1))]);
    for bus in [0, 1, CLOSING, CLOSED, EMPTY, 8, DELIVERING, SHORT, PRICED, POOLED] {
        let is_early = matches!(bus, DELIVERING | SHORT | PRICED | POOLED);
        let numbers = if is_early { FIRST } else { NUMBERS };
        accounts.extend([BusAt(bus), Ledger(bus), CapacityAt(bus, 0), Treasury(bus), Unclaimed(bus), EscrowAt(bus)]);
        accounts.extend((0..PARTIES).map(|party| ClaimAt(bus, party)));
        accounts.push(ClaimAt(bus, bus_wallet(0)));
        for proposer in 0..5 {
            accounts.extend((0..2).map(|index| ProposalAt(bus, proposer, numbers + index)));
        }
        for who in (0..PARTIES).chain([bus_wallet(bus)]) {
            accounts.extend([SellerAt(bus, who), Vault(bus, who)]);
            let offers = if matches!(bus, DELIVERING | PRICED) { 5 } else { 2 };
            accounts.extend((0..offers).map(|index| OfferAt(OfferRef(bus, who, numbers + index))));
        }
    }
    accounts.extend([1_800, 2_700, 3_600].map(|window| CapacityAt(1, NOW + window)));
    accounts.extend([900, 1_800, 2_700, 10_800].map(|window| CapacityAt(DELIVERING, window)));
    accounts.push(CapacityAt(SHORT, 600));
    accounts.extend([900, 1_800, 2_700, 9_000, 9_900, 10_800].map(|window| CapacityAt(PRICED, window)));
    accounts.extend([900, 1_800].map(|window| CapacityAt(POOLED, window)));
    accounts.extend(ALL_BIDS.map(BidAt));
    accounts.extend((2..6).map(|clearer| ClearingAt(PRICED, 9_000, clearer)));
    for who in [0, 2] {
        accounts.extend([MeterAt(POOLED, who), BookAt(pooled(who)), PositionAt(pooled(who), 3)]);
        accounts.extend([900, 1_800].map(|window| CertificateAt(CertificateRef(POOLED, who, window, 0))));
    }
    accounts.extend((0..8).flat_map(|device| [DeviceKey(device), DeviceAt(device)]));
    accounts.extend([MeterAt(0, 0), MeterAt(SHORT, 1), MeterAt(SHORT, 2)]);
    for who in [0, bus_wallet(DELIVERING)] {
        accounts.extend([MeterAt(DELIVERING, who), BookAt(day(who))]);
        accounts.extend((0..PARTIES).map(|buyer| PositionAt(day(who), buyer)));
        for window in [900, 1_800, 2_700] {
            accounts.push(CertificateAt(CertificateRef(DELIVERING, who, window, 0)));
        }
    }
    for who in [1, 2] {
        accounts.extend([BookAt(minutes(who)), PositionAt(minutes(who), 3), PositionAt(minutes(who), 4)]);
    }
    // The first is the buyer's, of which the end was transferred; the last is the seller's to take.
    let ranges = [0, 1_499, 1_500, 2_000];
    accounts.extend(ranges.map(|start| CertificateAt(CertificateRef(SHORT, 2, 600, start))));
    for place in [offer_of(0, 0, 0), offer_of(0, 2, 0), offer_of(1, 1, 0), early(DELIVERING, 0, 3)] {
        accounts.extend([LockAt(place, 3, 0), LockAt(place, 3, 1), LockAt(place, 4, 0), LockAt(place, 4, 7)]);
    }
    accounts.extend((0..4).map(MintAt));
    accounts.extend([TokenProgramOf(0), TokenProgramOf(1), Stray(1, 1), Nowhere(0)]);
    for account in &accounts {
        game.address(*account);
    }
    accounts
}

fn raw(game: &Game, instruction: &Instruction, book: &[AccountRef]) -> Raw {
    let accounts: BTreeMap<_, _> = book.iter().rev().map(|account| (game.address(*account), *account)).collect();
    let accounts = instruction
        .accounts
        .iter()
        .map(|meta| (accounts[&meta.pubkey], meta.is_signer as u8 + 2 * meta.is_writable as u8))
        .collect();
    let is_signature = instruction.program_id != multibus::ID;
    Raw { is_signature, data: instruction.data.clone(), accounts }
}
