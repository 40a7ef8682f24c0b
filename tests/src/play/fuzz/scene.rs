//! The market that raw transactions attack.

use {
    super::input::{Input, Raw},
    crate::play::{
        coverage::Coverage,
        game::{Game, Outcome},
        script::{AccountRef::*, Operation::*, Step::*, Tamper::Nothing, *},
    },
    solana_instruction::Instruction,
    std::collections::BTreeMap,
};

/// Parties of the market that is attacked.
const PARTIES: u8 = 6;
/// The steps that make the market: two buses, of which one owns a part of the other, in both token programs, with and
/// without windows; offers of all kinds; locks that hold and that have expired; proposals open, executed and stale.
fn steps() -> Vec<Step> {
    let name = || List(b"Sonnenhof".to_vec());
    let plain = Config {
        name: name(),
        owners: List(vec![(Wallet(0), 6_000), (Wallet(1), 4_000)]),
        threshold: 1,
        pause_quorum: 0,
        listing: 1,
        fee: 100,
        timelock: 0,
        window: 0,
        gate: 0,
        capacity: 1_000_000,
        base_price: 10_000,
    };
    let windowed = Config {
        owners: List(vec![(Wallet(1), 5_000), (Wallet(2), 3_000), (BusAt(0), 2_000)]),
        threshold: 2,
        pause_quorum: 1,
        listing: 0,
        timelock: 60,
        window: 900,
        gate: 60,
        ..plain.clone()
    };
    let of_plain = |seq| OfferRef(0, 0, seq);
    let of_window = |seq| OfferRef(1, 1_800, seq);
    let sold =
        |by, offer, from| Buy { by, lane: 0, nonce: 0, offer, ask: Ask(2_000, u64::MAX, 0), at_least: 2_000, from };
    let offer = |by, offer, expires, payout| CreateOffer {
        by,
        new: NewOffer { offer, wh: 20_000, price: 250_000, expires, source: 1 },
        payout,
    };
    let for_bus = |by, offer| CreateOfferForBus {
        by,
        new: NewOffer { offer, wh: 20_000, price: 300_000, expires: 0, source: 2 },
    };
    let lock = |by, offer, from| TakeLock { by, offer, ask: Ask(3_000, u64::MAX, 0), from };
    let operations = vec![
        CreateBus { bus: 0, mint: 0, config: plain },
        CreateBus { bus: 1, mint: 1, config: windowed },
        OpenCapacity { by: 5, bus: 1, window: 1_800 },
        OpenCapacity { by: 5, bus: 1, window: 2_700 },
        OpenLane { by: 3, lane: 0, ahead: None },
        OpenLane { by: 4, lane: 0, ahead: None },
        OpenLane { by: 4, lane: 1, ahead: None },
        offer(0, of_plain(0), 0, Tokens(0, 0, 0)),
        offer(2, of_plain(1), 1_000, Tokens(2, 0, 0)),
        for_bus(1, of_plain(2)),
        offer(1, of_window(0), 0, Tokens(1, 1, 0)),
        for_bus(2, of_window(1)),
        lock(3, of_plain(0), Tokens(3, 0, 0)),
        lock(3, of_window(0), Tokens(3, 1, 0)),
        sold(3, of_plain(2), Tokens(3, 0, 0)),
        sold(4, of_window(1), Tokens(4, 1, 0)),
        Propose { by: 1, bus: 1, decision: Decision::BasePrice(20_000) },
        Propose { by: 2, bus: 1, decision: Decision::Shares(List(vec![4_000, 4_000, 2_000])) },
        Approve { by: 1, bus: 1, proposal: 1 },
        Propose { by: 0, bus: 0, decision: Decision::LockFee(200) },
        Execute { by: 5, bus: 0, proposal: 0 },
    ];
    let later = vec![
        lock(4, of_plain(0), Tokens(4, 0, 0)),
        lock(4, of_plain(1), Tokens(4, 0, 1)),
        Propose { by: 0, bus: 0, decision: Decision::PauseIt },
        Propose { by: 1, bus: 0, decision: Decision::AddOwner(Wallet(4), List(vec![5_000, 4_000, 1_000])) },
    ];
    let done = |operation| Do(operation, Nothing);
    let mut steps: Vec<Step> = operations.into_iter().map(done).collect();
    // The first locks have expired, the later ones hold.
    steps.push(At(400));
    steps.extend(later.into_iter().map(done));
    steps.extend([
        Gift(Stray(1, 1), 5),
        Gift(Escrow(0), 7),
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
            Ok(Outcome::Landed | Outcome::Around) => {}
            other => panic!("{step:?}: {other:?}"),
        }
    }
    game.compare_all().expect("the scene is as the model says");
    game
}

/// Valid instructions in the scene, each kind at least once: breeding begins with them.
pub(super) fn seeds(game: &Game) -> Vec<Input> {
    let ask = Ask(1_000, u64::MAX, 0);
    let operations = vec![
        CreateBus {
            bus: 2,
            mint: 0,
            config: Config {
                name: List(b"New".to_vec()),
                owners: List(vec![(Wallet(2), 10_000)]),
                threshold: 1,
                pause_quorum: 0,
                listing: 0,
                fee: 0,
                timelock: 0,
                window: 0,
                gate: 0,
                capacity: 1,
                base_price: 1,
            },
        },
        OpenCapacity { by: 0, bus: 1, window: 3_600 },
        CloseCapacity { bus: 1, window: 2_700 },
        CreateOffer {
            by: 4,
            new: NewOffer { offer: OfferRef(0, 0, 3), wh: 1, price: 10_000, expires: 0, source: 0 },
            payout: Tokens(4, 0, 0),
        },
        Reprice { by: 0, offer: OfferRef(0, 0, 0), price: 260_000 },
        Extend { by: 2, offer: OfferRef(0, 0, 1), expires: 0 },
        Cancel { by: 0, offer: OfferRef(0, 0, 0) },
        Cancel { by: 1, offer: OfferRef(0, 0, 2) },
        Buy { by: 3, lane: 0, nonce: 0, offer: OfferRef(0, 0, 0), ask, at_least: 1, from: Tokens(3, 0, 0) },
        Buy { by: 3, lane: 0, nonce: 0, offer: OfferRef(0, 0, 1), ask, at_least: 1, from: Tokens(2, 0, 1) },
        BuyBatch {
            by: 4,
            lane: 1,
            nonce: 0,
            items: List(vec![(OfferRef(0, 0, 0), ask), (OfferRef(0, 0, 1), ask), (OfferRef(0, 0, 2), ask)]),
            limit: u64::MAX,
            from: Tokens(4, 0, 0),
        },
        BuyBatch {
            by: 4,
            lane: 0,
            nonce: 0,
            items: List(vec![(OfferRef(1, 1_800, 0), ask), (OfferRef(1, 1_800, 1), ask)]),
            limit: u64::MAX,
            from: Tokens(4, 1, 0),
        },
        TakeLock { by: 4, offer: OfferRef(1, 1_800, 0), ask, from: Tokens(4, 1, 0) },
        SettleLock { by: 4, lane: 0, nonce: 0, offer: OfferRef(0, 0, 0) },
        ReleaseLock { by: 5, offer: OfferRef(0, 0, 0), buyer: 3, refund: Tokens(3, 0, 0) },
        ReleaseLock { by: 4, offer: OfferRef(0, 0, 1), buyer: 4, refund: Tokens(4, 0, 0) },
        OpenLane { by: 3, lane: 1, ahead: None },
        OpenLane { by: 0, lane: 0, ahead: Some(7) },
        CloseLane { by: 3, lane: 0 },
        CreateOfferForBus {
            by: 0,
            new: NewOffer { offer: OfferRef(0, 0, 4), wh: 1, price: 10_000, expires: 0, source: 0 },
        },
        Propose { by: 1, bus: 1, decision: Decision::Threshold(1) },
        Approve { by: 2, bus: 1, proposal: 0 },
        Revoke { by: 1, bus: 1, proposal: 0 },
        Execute { by: 5, bus: 1, proposal: 1 },
        Execute { by: 5, bus: 0, proposal: 2 },
        CloseProposal { by: 5, bus: 0, proposal: 0 },
        Claim { bus: 0, owner: Wallet(0), into: Tokens(0, 0, 0) },
        Claim { bus: 1, owner: Wallet(1), into: Tokens(1, 1, 0) },
    ];
    let book = book(game);
    operations.iter().map(|operation| Input(vec![raw(game, &game.instruction(operation), &book)])).collect()
}

/// Every account of the scene, and some that do not exist.
pub(super) fn book(game: &Game) -> Vec<AccountRef> {
    let mut accounts = vec![System, Market];
    for party in 0..PARTIES {
        accounts.extend([Wallet(party), LaneAt(party, 0), LaneAt(party, 1)]);
        accounts.extend((0..4).map(|number| Tokens(party, number / 2, number % 2)));
    }
    let places =
        [OfferRef(0, 0, 0), OfferRef(0, 0, 1), OfferRef(0, 0, 2), OfferRef(1, 1_800, 0), OfferRef(1, 1_800, 1)];
    for bus in 0..3 {
        accounts.extend([BusAt(bus), CapacityAt(bus, 0), Escrow(bus), Treasury(bus)]);
        accounts.extend((0..4).map(|seq| ProposalAt(bus, seq)));
    }
    accounts.extend([
        CapacityAt(1, 1_800),
        CapacityAt(1, 2_700),
        CapacityAt(1, 3_600),
        OfferAt(OfferRef(0, 0, 3)),
        OfferAt(OfferRef(0, 0, 4)),
    ]);
    for place in places {
        accounts.push(OfferAt(place));
        accounts.extend([3, 4].map(|party| LockAt(place, party)));
    }
    accounts.extend([MintAt(0), MintAt(1), MintAt(2), TokenProgramOf(0), TokenProgramOf(1), Stray(1, 1), Nowhere(0)]);
    for account in &accounts {
        game.address(*account);
    }
    accounts
}

fn raw(game: &Game, instruction: &Instruction, book: &[AccountRef]) -> Raw {
    let accounts: BTreeMap<_, _> = book.iter().map(|account| (game.address(*account), *account)).collect();
    let accounts = instruction
        .accounts
        .iter()
        .map(|meta| (accounts[&meta.pubkey], meta.is_signer as u8 + 2 * meta.is_writable as u8))
        .collect();
    Raw { data: instruction.data.clone(), accounts }
}
