//! The auction that closes a window: bids and asks, the proof of the price, and what each gets.

use anchor_client::Signer;
use anchor_lang::Address;
use multibus_anchor_tests::{
    BidOrder, Following, WindowOrders, bid_of, derive,
    multibus::{
        accounts,
        constants::*,
        error::MultibusError,
        instruction,
        parsers::Event,
        types::{Bid, BusConfig, Capacity, Clearing, TermsConfig},
    },
};
use solana_keypair::Keypair;
use solana_system_interface::program::ID as SYSTEM;
use spl_token_interface::ID as TOKEN;

use super::world::{FUNDS, TIME, World, config, escrow, lane, ledger, none, refusal, seller, vault};

const WINDOW: i64 = 60;
/// The least that gate closure and window last together where an auction closes windows, in seconds.
const LEAST: i64 = 900;
/// Until the gate, in seconds: enough to list and bid.
const TRADING: i64 = 40;
const GRID_FEE: u64 = 50_000;

#[test]
fn an_auction_closes_a_window_at_one_price() {
    let _time = TIME.read().unwrap();
    // Alice owns the bus. She and Carol sell, Dan and Erin bid.
    let [alice, carol, dan, erin] = [Keypair::new(), Keypair::new(), Keypair::new(), Keypair::new()];
    let world = World::new(&[&alice, &carol, &dan, &erin]);
    let program = &world.program;
    world.open_lane(&dan);
    world.open_lane(&erin);
    // A gate closure with which a gate closes soon: windows start at multiples of their length.
    let gate = world.now() + TRADING;
    let window_start = (gate + LEAST - 1) / WINDOW * WINDOW;
    let terms = TermsConfig {
        window_seconds: WINDOW as u32,
        gate_closure_seconds: (window_start - gate) as u32,
        settlement: 0,
        grid_fee_per_kwh: GRID_FEE,
        reading_deadline_seconds: 0,
        correction_seconds: 0,
        auction: true,
    };
    let bus = world.create_bus(&alice, BusConfig { terms, ..config(&alice) });
    let capacity = world.open_window(&alice, &bus, window_start);

    // An offer that lasts until the gate is an ask.
    let asks = [(&alice, 3_000, 200_000), (&carol, 2_000, 300_000)].map(|(wallet, energy_wh, price_per_kwh)| {
        world.open_seller(wallet, &bus);
        world.list(wallet, &bus, window_start, (energy_wh, price_per_kwh, gate)).unwrap()
    });
    let bids = [(&dan, 2_500, 400_000), (&erin, 2_000, 250_000)].map(|(buyer, energy_wh, price_per_kwh)| {
        let nonce = world.next_nonce(buyer);
        let order = BidOrder { capacity, energy_wh, max_price_per_kwh: price_per_kwh + GRID_FEE };
        let (bid, bump) = bid_of(&buyer.pubkey(), 0, nonce, &order);
        let bidding = accounts::BidCreate {
            buyer: buyer.pubkey(),
            trader: lane(buyer),
            bus,
            capacity,
            bid,
            payment: world.token_account(buyer),
            escrow: escrow(&bus),
            token_program: TOKEN,
            system_program: SYSTEM,
        };
        let BidOrder { max_price_per_kwh, .. } = order;
        let refund = world.token_account(buyer);
        let args = instruction::BidCreate { nonce, energy_wh, max_price_per_kwh, refund, bump };
        let events = world.send(bidding, none(), args, &[buyer]).unwrap();
        assert!(matches!(events.as_slice(), [Event::BidCreated(created)] if created.bid == bid));
        bid
    });
    // The whole cost at a bid's limit is deposited.
    let first: Bid = program.account(bids[0]).unwrap();
    assert_eq!((first.price_per_kwh, first.deposit), (400_000, 1_125_000));
    assert_eq!((world.tokens(&dan), world.tokens(&erin)), (FUNDS - 1_125_000, FUNDS - 600_000));

    // Dan proves the price.
    world.wait_until(gate);
    let orders = WindowOrders::read(program, &capacity).unwrap();
    assert_eq!((orders.bids.len(), orders.offers.len()), (2, 2));
    let (low_price, high_price) = orders.prices();
    assert_eq!((low_price, high_price), (250_000, 250_000));
    let clearing = derive(&[CLEARING_SEED, capacity.as_ref(), dan.pubkey().as_ref()]);
    let opening = accounts::ClearingOpen { clearer: dan.pubkey(), capacity, clearing, system_program: SYSTEM };
    world.send(opening, none(), instruction::ClearingOpen { low_price, high_price }, &[&dan]).unwrap();
    let tally = |accounts| {
        let tallying = accounts::ClearingTally { clearer: dan.pubkey(), clearing };
        world.send(tallying, Following(accounts), instruction::ClearingTally {}, &[&dan])
    };
    let apply = || {
        let applying = accounts::ClearingApply { clearing, capacity, clearer: dan.pubkey() };
        world.send(applying, none(), instruction::ClearingApply {}, &[])
    };
    let Following(accounts) = orders.tally_accounts();
    let reversed = accounts.iter().rev().cloned().collect();
    assert_eq!(refusal(tally(reversed)), MultibusError::OrderNotAscending as u32);
    let events = tally(accounts[..3].to_vec()).unwrap();
    assert!(matches!(events.as_slice(), [Event::ClearingTallied(tallied)] if tallied.bids + tallied.offers == 3));
    assert_eq!(refusal(apply()), MultibusError::OrdersMissing as u32);
    tally(accounts[3..].to_vec()).unwrap();
    let tallied: Clearing = program.account(clearing).unwrap();
    assert_eq!((tallied.bid_wh.iter().sum::<u64>(), tallied.ask_wh.iter().sum::<u64>()), (4_500, 5_000));
    let events = apply().unwrap();
    let [Event::AuctionCleared(cleared)] = events.as_slice() else { panic!("one event") };
    assert_eq!((cleared.price_per_kwh, cleared.volume_wh), (250_000, 3_000));
    // Erin bid exactly the price: what the better bid leaves is hers.
    assert_eq!((cleared.bids_at_price_wh, cleared.bids_filled_wh), (2_000, 500));

    // Anyone settles. Ledger, claim and unclaimed account count where the refund account cannot be paid.
    let settled = [(bids[0], &dan), (bids[1], &erin)].map(|(bid, buyer)| {
        let settling = accounts::BidSettle {
            caller: carol.pubkey(),
            bus,
            capacity,
            bid,
            buyer: buyer.pubkey(),
            escrow: escrow(&bus),
            refund: world.token_account(buyer),
            unclaimed: derive(&[UNCLAIMED_SEED, bus.as_ref()]),
            ledger: ledger(&bus),
            claim: derive(&[CLAIM_SEED, bus.as_ref(), buyer.pubkey().as_ref()]),
            token_program: TOKEN,
            system_program: SYSTEM,
        };
        let events = world.send(settling, none(), instruction::BidSettle { close: false }, &[&carol]).unwrap();
        let [Event::BidSettled(settled)] = events.as_slice() else { panic!("one event") };
        (settled.allotted_wh, settled.paid, settled.returned, settled.closed)
    });
    assert_eq!(settled, [(2_500, 750_000, 375_000, 1), (500, 150_000, 450_000, 1)]);
    assert_eq!((world.tokens(&dan), world.tokens(&erin)), (FUNDS - 750_000, FUNDS - 150_000));

    let settle = |offer: Address, wallet: &Keypair| {
        let settling = accounts::AskSettle {
            bus,
            capacity,
            offer,
            vault: vault(&seller(&bus, &wallet.pubkey())),
            escrow: escrow(&bus),
            token_program: TOKEN,
        };
        world.send(settling, none(), instruction::AskSettle {}, &[])
    };
    let events = settle(asks[0], &alice).unwrap();
    let [Event::AskSettled(settled)] = events.as_slice() else { panic!("one event") };
    assert_eq!((settled.energy_wh, settled.credited), (3_000, 900_000));
    assert_eq!(refusal(settle(asks[1], &carol)), MultibusError::OrderGetsNothing as u32);
    let collecting = accounts::OfferCollect { offer: asks[0], seller: seller(&bus, &alice.pubkey()) };
    world.send(collecting, none(), instruction::OfferCollect {}, &[]).unwrap();
    world.withdraw(&alice, &bus);
    // 3 kWh at 0.25; the grid fee of 0.05 a kWh is the grid's.
    assert_eq!(world.tokens(&alice), FUNDS + 750_000);
    let left: Capacity = program.account(capacity).unwrap();
    assert_eq!((left.open_bids, left.escrowed), (0, 0));
}
