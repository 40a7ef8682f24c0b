//! The market that raw transactions attack.

use {
    super::input::{Input, Raw},
    crate::{
        chain::FIRST,
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

/// An offer of a seller whose account was opened in the first slot.
const fn offer_of(bus: u8, who: u8, index: u64) -> OfferRef {
    OfferRef(bus, who, FIRST + index)
}

fn plain() -> Config {
    Config {
        name: List(b"Sonnenhof".to_vec()),
        owners: List(vec![(Wallet(0), 6_000), (Wallet(1), 4_000)]),
        threshold: 1,
        pause_quorum: 0,
        listing: 2,
        fee: 100,
        timelock: 0,
        window: 0,
        gate: 0,
        horizon: 86_400,
        capacity: 1_000_000,
        base_price: 10_000,
        reserve_price: 0,
        least: 1,
        operator: Some(Wallet(5)),
    }
}

/// Decides something on a bus of which one owner's approval is enough.
fn decide(bus: u8, by: u8, index: u64, decision: Decision) -> [Operation; 2] {
    let number = FIRST + index;
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
        window: 900,
        gate: 60,
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
        OpenCapacity { by: 5, bus: 1, window: 1_800 },
        OpenCapacity { by: 5, bus: 1, window: 2_700 },
        OpenLane { by: 3, lane: 0, ahead: None },
        OpenLane { by: 4, lane: 0, ahead: None },
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
        offer(0, offer_of(0, 0, 0), 0, 80_000),
        offer(2, offer_of(0, 2, 0), 0, 1_500),
        offer(1, offer_of(0, own(0), 0), 0, 80_000),
        offer(1, offer_of(1, 1, 0), 1_800, 1_740),
        offer(2, offer_of(1, own(1), 0), 1_800, 1_740),
        offer(4, offer_of(CLOSING, 4, 0), 0, 80_000),
        offer(3, offer_of(CLOSED, own(CLOSED), 0), 0, 600),
        lock(3, offer_of(0, 0, 0), 0, Tokens(3, 0, 0), Tokens(3, 0, 0)),
        lock(3, offer_of(0, 0, 0), 1, Tokens(3, 0, 0), Wallet(3)),
        lock(3, offer_of(1, 1, 0), 0, Tokens(3, 1, 0), Tokens(3, 1, 0)),
        Propose { by: 1, bus: 1, number: 0, decision: Decision::BasePrice(20_000) },
        Propose { by: 2, bus: 1, number: 0, decision: Decision::Shares(List(vec![4_000, 4_000, 2_000])) },
        Approve { by: 1, bus: 1, proposer: 2, number: FIRST, right: true },
    ];
    operations.extend(decide(0, 0, 0, Decision::LockFee(200)));
    let done = |operation| Do(operation, Nothing);
    let mut steps = vec![
        Fund(Wallet(5), 30_000_000),
        // The key of a token account becomes a wallet.
        CloseTokens(Tokens(1, 0, 1)),
        Fund(Wallet(double_of(1)), 1_000_000_000),
    ];
    steps.extend(operations.into_iter().map(done));
    // The bus's own offers trade.
    steps.push(At(150));
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
        CloseProposal { by: 5, bus: CLOSED, proposer: 3, number: FIRST },
        CloseBus { by: 5, bus: CLOSED },
    ]);
    trades.extend(decide(EMPTY, 4, 0, Decision::CloseIt));
    trades.push(CloseProposal { by: 5, bus: EMPTY, proposer: 4, number: FIRST });
    steps.extend(trades.into_iter().map(done));
    // The first locks have expired, the later ones hold.
    steps.push(At(400));
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

fn set(mut game: Game) -> Game {
    for step in steps() {
        match game.step(&step) {
            Ok(Outcome::Landed | Outcome::Around(_)) => {}
            other => panic!("{step:?}: {other:?}"),
        }
    }
    game.compare_all().expect("the scene is as the model says");
    game
}

/// Valid instructions in the scene, each kind at least once: breeding begins with them.
pub(super) fn seeds(game: &Game) -> Vec<Input> {
    let ask = Ask(1_000, u64::MAX, 0);
    let own = bus_wallet;
    let next = FIRST + 1;
    let operations = vec![
        OpenCounter { by: double_of(1), ahead: None },
        CreateBus { bus: 8, mint: 0, config: Config { owners: List(vec![(Wallet(2), 10_000)]), ..plain() } },
        CloseProposal { by: 5, bus: CLOSING, proposer: 2, number: FIRST },
        OpenCapacity { by: 0, bus: 1, window: 3_600 },
        CloseCapacity { by: 5, bus: 1, window: 2_700 },
        OpenSeller { by: 1, bus: 0, who: 1, ahead: None },
        CloseBus { by: 5, bus: EMPTY },
        Admit { by: 5, bus: 0, who: 4 },
        Suspend { by: 5, bus: 0, who: 2 },
        Withdraw { by: 0, bus: 0, who: 0, into: Tokens(0, 0, 0) },
        CloseSeller { by: 4, bus: 0, who: 4, into: Tokens(4, 0, 0) },
        CreateOffer {
            by: 0,
            new: NewOffer { offer: OfferRef(0, 0, next), window: 0, wh: 1, price: 10_000, expires: 80_000, source: 0 },
        },
        CreateOffer {
            by: 1,
            new: NewOffer {
                offer: OfferRef(0, own(0), next),
                window: 0,
                wh: 1,
                price: 10_000,
                expires: 80_000,
                source: 0,
            },
        },
        Reprice { by: 0, offer: offer_of(0, 0, 0), price: 260_000, version: 0 },
        SetExpiry { by: 2, offer: offer_of(0, 2, 0), expires: 70_000, version: 1 },
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
        Approve { by: 2, bus: 1, proposer: 1, number: FIRST, right: true },
        Revoke { by: 1, bus: 1, proposer: 1, number: FIRST },
        Execute { by: 5, bus: 1, proposer: 2, number: FIRST },
        Execute { by: 5, bus: 0, proposer: 0, number: next },
        Execute { by: 5, bus: 0, proposer: 1, number: FIRST },
        CloseProposal { by: 5, bus: 0, proposer: 0, number: FIRST },
        ClaimRevenue { by: 0, bus: 0, owner: 0, into: Tokens(0, 0, 0) },
        ClaimRevenue { by: 5, bus: 1, owner: 1, into: Tokens(1, 1, 0) },
        ClaimRevenue { by: 5, bus: 1, owner: own(0), into: Treasury(0) },
        PayClaim { by: 5, bus: 0, who: 3, into: Tokens(3, 0, 0) },
        PayClaim { by: 3, bus: CLOSED, who: 3, into: Tokens(3, 2, 1) },
    ];
    let book = book(game);
    let mut inputs: Vec<Input> =
        operations.iter().map(|operation| Input(vec![raw(game, &game.instruction(operation), &book)])).collect();
    // The closing bus closes when all else on it has.
    let mut ends = vec![
        Cancel { by: 4, offer: offer_of(CLOSING, 4, 0) },
        CloseSeller { by: 5, bus: CLOSING, who: 4, into: Tokens(4, 0, 0) },
        CloseProposal { by: 5, bus: CLOSING, proposer: 2, number: FIRST },
        CloseBus { by: 5, bus: CLOSING },
    ];
    let all = ends.drain(..).map(|operation| raw(game, &game.instruction(&operation), &book)).collect();
    inputs.push(Input(all));
    inputs
}

/// Every account of the scene, and some that do not exist.
pub(super) fn book(game: &Game) -> Vec<AccountRef> {
    let mut accounts = vec![System, Market, ClockSysvar];
    for party in 0..PARTIES {
        accounts.extend([Wallet(party), LaneAt(party, 0), LaneAt(party, 1), CounterAt(party)]);
        accounts.extend((0..6).map(|number| Tokens(party, number / 2, number % 2)));
    }
    accounts.extend([CounterAt(double_of(1)), Wallet(double_of(1))]);
    for bus in [0, 1, CLOSING, CLOSED, EMPTY, 8] {
        accounts.extend([BusAt(bus), Ledger(bus), CapacityAt(bus, 0), Treasury(bus), Unclaimed(bus)]);
        accounts.extend((0..PARTIES).map(|party| ClaimAt(bus, party)));
        accounts.push(ClaimAt(bus, bus_wallet(0)));
        for proposer in 0..5 {
            accounts.extend((0..2).map(|index| ProposalAt(bus, proposer, FIRST + index)));
        }
        for who in (0..PARTIES).chain([bus_wallet(bus)]) {
            accounts.extend([SellerAt(bus, who), Vault(bus, who)]);
            accounts.extend((0..2).map(|index| OfferAt(offer_of(bus, who, index))));
        }
    }
    accounts.extend([CapacityAt(1, 1_800), CapacityAt(1, 2_700), CapacityAt(1, 3_600)]);
    for place in [offer_of(0, 0, 0), offer_of(0, 2, 0), offer_of(1, 1, 0)] {
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
    Raw { data: instruction.data.clone(), accounts }
}
