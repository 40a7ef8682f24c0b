//! A market from its creation to a decision of its owners.

use std::{sync::mpsc, time::Duration};

use anchor_client::{ClientError, Signer};
use anchor_lang::Address;
use multibus_anchor_tests::{
    batch_accounts, derive,
    multibus::{
        accounts,
        constants::*,
        error::MultibusError,
        events::EnergyPurchased,
        instruction,
        parsers::Event,
        types::{Bus, BusConfig, Ledger, Lock, Offer, OwnerShare, Proposal, ProposalAction, PurchaseItem, Trader},
    },
};
use solana_keypair::Keypair;
use solana_system_interface::program::ID as SYSTEM;
use spl_token_interface::ID as TOKEN;

use super::world::{FUNDS, TIME, World, capacity, config, lane, ledger, none, refusal, seller, vault};

fn purchase(
    world: &World,
    dan: &Keypair,
    offer: &Address,
    nonce: u64,
    energy_wh: u64,
) -> Result<Vec<Event>, ClientError> {
    let Offer { bus, vault, full_price_per_kwh, version, .. } = world.program.account(*offer)?;
    let accounts = accounts::Purchase {
        buyer: dan.pubkey(),
        trader: lane(dan),
        bus,
        offer: *offer,
        payment: world.token_account(dan),
        vault,
        token_program: TOKEN,
    };
    let args = instruction::Purchase {
        nonce,
        energy_wh,
        min_energy_wh: energy_wh,
        max_price_per_kwh: full_price_per_kwh,
        expected_version: version,
    };
    world.send(accounts, none(), args, &[dan])
}

/// Alice and Bob decide on another base price.
fn decide(world: &World, bus: &Address, [alice, bob, dan]: [&Keypair; 3]) {
    let (program, ledger, general) = (&world.program, ledger(bus), capacity(bus, 0));
    let number = program.account::<Ledger>(ledger).unwrap().owners[0].next_proposal;
    let proposal = derive(&[PROPOSAL_SEED, bus.as_ref(), alice.pubkey().as_ref(), &number.to_le_bytes()]);
    let proposing =
        accounts::ProposalCreate { proposer: alice.pubkey(), bus: *bus, ledger, proposal, system_program: SYSTEM };
    let action = ProposalAction::BasePriceSet { base_price_per_kwh: 120_000 };
    world.send(proposing, none(), instruction::ProposalCreate { number, action }, &[alice]).unwrap();
    let execute = || {
        let seller = seller(bus, bus);
        let executing = accounts::ProposalExecute {
            executor: dan.pubkey(),
            bus: *bus,
            ledger,
            general,
            proposal,
            treasury: derive(&[TREASURY_SEED, bus.as_ref()]),
            seller,
            vault: vault(&seller),
            mint: world.mint,
            token_program: TOKEN,
            system_program: SYSTEM,
        };
        world.send(executing, none(), instruction::ProposalExecute {}, &[dan])
    };
    assert_eq!(refusal(execute()), MultibusError::ApprovalsMissing as u32);
    let Proposal { hash, action, .. } = program.account(proposal).unwrap();
    assert_eq!(action.value, 120_000);
    let approving = accounts::ProposalApprove { owner: bob.pubkey(), bus: *bus, proposal };
    let events = world.send(approving, none(), instruction::ProposalApprove { hash }, &[bob]).unwrap();
    assert!(matches!(events.as_slice(), [Event::ProposalApproved(approved)] if approved.owner == bob.pubkey()));
    let events = execute().unwrap();
    assert!(matches!(events.as_slice(), [Event::ProposalExecuted(_)]));
    assert_eq!(program.account::<Bus>(*bus).unwrap().base_price_per_kwh, 120_000);
}

#[test]
fn a_market_from_its_creation_to_a_decision() {
    let _time = TIME.read().unwrap();
    // Alice and Bob own the bus. Alice and Carol sell on it, Dan buys.
    let [alice, bob, carol, dan] = [Keypair::new(), Keypair::new(), Keypair::new(), Keypair::new()];
    let world = World::new(&[&alice, &bob, &carol, &dan]);
    let program = &world.program;

    // Events as they happen, for those that are not `bytemuck`.
    let (heard, purchases) = mpsc::channel();
    let subscribed = program.on(move |_, event: EnergyPurchased| heard.send(event).unwrap()).unwrap();

    let owners = [(&alice, 6_000), (&bob, 4_000)]
        .map(|(owner, share_bps)| OwnerShare { owner: owner.pubkey(), share_bps })
        .to_vec();
    let bus = world.create_bus(&alice, BusConfig { owners, threshold: 2, ..config(&alice) });
    let created: Bus = program.account(bus).unwrap();
    assert_eq!(&created.name[..usize::from(created.name_len)], b"Mill Lane");
    assert_eq!((created.owner_count, created.owners[1].share_bps, created.mint), (2, 4_000, world.mint));

    let expires_at = created.created_at + 7_200;
    let offers = [(&alice, 5_000, 200_000), (&carol, 3_000, 150_000)].map(|(wallet, energy_wh, price_per_kwh)| {
        world.open_seller(wallet, &bus);
        world.list(wallet, &bus, 0, (energy_wh, price_per_kwh, expires_at)).unwrap()
    });

    // Dan buys, once.
    world.open_lane(&dan);
    let nonce = world.next_nonce(&dan);
    let events = purchase(&world, &dan, &offers[0], nonce, 1_000).unwrap();
    let [Event::EnergyPurchased(bought)] = events.as_slice() else { panic!("one event") };
    assert_eq!((bought.fills.len(), bought.fills[0].cost, world.tokens(&dan)), (1, 200_000, FUNDS - 200_000));
    let trader: Trader = program.account(lane(&dan)).unwrap();
    assert_eq!(trader.receipts[(nonce % 16) as usize].transaction_hash, bought.transaction_hash);
    assert_eq!(refusal(purchase(&world, &dan, &offers[0], nonce, 1_000)), MultibusError::NonceMismatch as u32);
    assert_eq!(world.tokens(&dan), FUNDS - 200_000);
    let first = purchases.recv_timeout(Duration::from_secs(20)).expect("the purchase is heard");
    assert_eq!(first.transaction_hash, bought.transaction_hash);

    // A batch from both sellers, all or nothing.
    let batch = |energy_wh| {
        let found: Vec<(Address, Offer)> =
            offers.iter().map(|offer| (*offer, program.account::<Offer>(*offer).unwrap())).collect();
        let items = found
            .iter()
            .map(|(_, offer)| PurchaseItem {
                energy_wh,
                max_price_per_kwh: offer.full_price_per_kwh,
                expected_version: offer.version,
            })
            .collect();
        let accounts = accounts::PurchaseBatch {
            buyer: dan.pubkey(),
            trader: lane(&dan),
            payment: world.token_account(&dan),
            token_program: TOKEN,
        };
        let args = instruction::PurchaseBatch { nonce: world.next_nonce(&dan), max_total: FUNDS, items };
        world.send(accounts, batch_accounts(&found, &dan.pubkey()), args, &[&dan])
    };
    let events = batch(2_000).unwrap();
    let [Event::EnergyPurchased(bought)] = events.as_slice() else { panic!("one event") };
    assert_eq!(bought.fills.iter().map(|fill| fill.cost).collect::<Vec<_>>(), [400_000, 300_000]);
    assert_eq!(refusal(batch(1_500)), MultibusError::EnergyUnavailable as u32);
    assert_eq!(world.tokens(&dan), FUNDS - 900_000);

    // A lock, settled.
    let lock = derive(&[LOCK_SEED, offers[0].as_ref(), dan.pubkey().as_ref(), &[0]]);
    let vault = program.account::<Offer>(offers[0]).unwrap().vault;
    let payment = world.token_account(&dan);
    let taking = accounts::LockTake {
        buyer: dan.pubkey(),
        bus,
        offer: offers[0],
        lock,
        payment,
        vault,
        token_program: TOKEN,
        system_program: SYSTEM,
    };
    let args = instruction::LockTake {
        place: 0,
        energy_wh: 500,
        max_price_per_kwh: 200_000,
        expected_version: 0,
        refund: payment,
    };
    let events = world.send(taking, none(), args, &[&dan]).unwrap();
    assert!(matches!(events.as_slice(), [Event::LockTaken(taken)] if taken.deposit == 100_000));
    let lock_number = program.account::<Lock>(lock).unwrap().number;
    let settling = accounts::LockSettle { buyer: dan.pubkey(), trader: lane(&dan), offer: offers[0], lock };
    let args = instruction::LockSettle { nonce: world.next_nonce(&dan), lock_number };
    let events = world.send(settling, none(), args, &[&dan]).unwrap();
    assert!(matches!(events.as_slice(), [Event::EnergyPurchased(bought)] if bought.fills[0].energy_wh == 500));
    assert_eq!(world.tokens(&dan), FUNDS - 1_000_000);

    decide(&world, &bus, [&alice, &bob, &dan]);
    subscribed.unsubscribe();
}
