//! Delivery terms: what a buyer pays waits until it is known what was delivered.

use anchor_client::Signer;
use multibus_anchor_tests::{
    Following, book_accounts, derive,
    multibus::{
        accounts,
        constants::*,
        error::MultibusError,
        instruction,
        parsers::Event,
        types::{BusConfig, DeliveryBook, Offer, PositionBook, TermsConfig},
    },
};
use solana_keypair::Keypair;
use solana_system_interface::program::ID as SYSTEM;
use spl_token_interface::ID as TOKEN;

use super::world::{FUNDS, SOLAR, TIME, World, config, lane, none, refusal, vault};

/// The shortest window, and the shortest time for corrections, in seconds.
const WINDOW: u32 = 60;
const HOUR: u32 = 3_600;
/// Numbers of the IDL's enums `SettlementTime` and `ReadingProof`.
const ON_DELIVERY: u8 = 1;
const BY_OPERATOR: u8 = 2;

#[test]
fn what_is_sold_is_paid_once_it_was_delivered() {
    let _time = TIME.write().unwrap();
    // Alice owns the bus and is its operator. Carol sells, Dan buys.
    let [alice, carol, dan] = [Keypair::new(), Keypair::new(), Keypair::new()];
    let world = World::new(&[&alice, &carol, &dan]);
    let terms = TermsConfig {
        window_seconds: WINDOW,
        gate_closure_seconds: 0,
        settlement: ON_DELIVERY,
        grid_fee_per_kwh: 50_000,
        reading_deadline_seconds: HOUR,
        correction_seconds: HOUR,
        auction: false,
    };
    let bus = world.create_bus(&alice, BusConfig { operator: Some(alice.pubkey()), terms, ..config(&alice) });
    let seller = world.open_seller(&carol, &bus);
    world.open_lane(&dan);
    let length = i64::from(WINDOW);
    let window_start = (world.now() / length + 2) * length;
    world.open_window(&alice, &bus, window_start);

    // A seller needs a meter: 5 kWh in a minute. The device signs, too.
    let list = || world.list(&carol, &bus, window_start, (5_000, 200_000, window_start));
    assert_eq!(refusal(list()), MultibusError::MeterMissing as u32);
    let device = Keypair::new();
    let registering = accounts::MeterRegister {
        operator: alice.pubkey(),
        key: device.pubkey(),
        bus,
        seller,
        meter: derive(&[METER_SEED, seller.as_ref()]),
        device: derive(&[DEVICE_SEED, device.pubkey().as_ref()]),
        system_program: SYSTEM,
    };
    let args = instruction::MeterRegister { source: SOLAR, power_w: 300_000, valid_from: 0 };
    let events = world.send(registering, none(), args, &[&alice, &device]).unwrap();
    assert!(matches!(events.as_slice(), [Event::MeterRegistered(registered)] if registered.key == device.pubkey()));
    let offer_address = list().unwrap();
    let offer: Offer = world.program.account(offer_address).unwrap();

    // What is bought is in the books of seller and buyer.
    let Following(books) = book_accounts(&offer, &dan.pubkey());
    let (book, position) = (books[0].pubkey, books[1].pubkey);
    let opening = accounts::PositionOpen { payer: dan.pubkey(), bus, book, position, system_program: SYSTEM };
    let args = instruction::PositionOpen { buyer: dan.pubkey() };
    world.send(opening, none(), args, &[&dan]).unwrap();
    let buying = accounts::Purchase {
        buyer: dan.pubkey(),
        trader: lane(&dan),
        bus,
        offer: offer_address,
        payment: world.token_account(&dan),
        vault: offer.vault,
        token_program: TOKEN,
    };
    let args = instruction::Purchase {
        nonce: world.next_nonce(&dan),
        energy_wh: 4_000,
        min_energy_wh: 4_000,
        max_price_per_kwh: offer.full_price_per_kwh,
        expected_version: offer.version,
    };
    let events = world.send(buying, book_accounts(&offer, &dan.pubkey()), args, &[&dan]).unwrap();
    assert!(matches!(events.as_slice(), [Event::EnergyPurchased(bought)] if bought.fills[0].cost == 1_000_000));
    assert_eq!(world.tokens(&dan), FUNDS - 1_000_000);
    let place = usize::from(offer.book_place);
    assert_eq!(world.program.account::<PositionBook>(position).unwrap().windows[place].energy_wh, 4_000);

    // The operator reads in place of the device, once the window has ended. Its evidence is the bus, which names it.
    let report = || {
        let reporting = accounts::DeliveryReport { reporter: alice.pubkey(), book, evidence: bus };
        let args = instruction::DeliveryReport { window_start, energy_wh: 3_000, sequence: 1, proof: BY_OPERATOR };
        world.send(reporting, none(), args, &[&alice])
    };
    assert_eq!(refusal(report()), MultibusError::ReadingTooEarly as u32);
    world.travel_to(window_start + length);
    let events = report().unwrap();
    assert!(matches!(events.as_slice(), [Event::DeliveryReported(reported)] if reported.energy_wh == 3_000));
    assert_eq!(world.program.account::<DeliveryBook>(book).unwrap().windows[place].delivered_wh, 3_000);

    // After the time for corrections, anyone pays the seller for 3 kWh and the buyer back for the fourth.
    let release = || {
        let releasing = accounts::DeliveryRelease { book, seller };
        world.send(releasing, none(), instruction::DeliveryRelease {}, &[])
    };
    assert_eq!(refusal(release()), MultibusError::NothingToRelease as u32);
    world.travel_to(world.now() + i64::from(HOUR));
    let events = release().unwrap();
    let [Event::DeliveryReleased(released)] = events.as_slice() else { panic!("one event") };
    assert_eq!((released.amount, released.grid_fee), (600_000, 150_000));
    let refunding = accounts::DeliveryRefund {
        bus,
        book,
        position,
        vault: vault(&seller),
        refund: world.token_account(&dan),
        token_program: TOKEN,
    };
    let events = world.send(refunding, none(), instruction::DeliveryRefund {}, &[]).unwrap();
    assert!(matches!(events.as_slice(), [Event::DeliveryRefunded(refunded)] if refunded.amount == 250_000));
    world.withdraw(&carol, &bus);
    assert_eq!((world.tokens(&carol), world.tokens(&dan)), (FUNDS + 600_000, FUNDS - 750_000));
}
