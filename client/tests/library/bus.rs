use {
    crate::support::{World, config},
    multibus_client::{
        Address, Error,
        bus::{Bus, OwnerShare},
        event,
        multibus::{
            error::MultibusError,
            token::{SPL_TOKEN_ID, TOKEN_2022_ID},
        },
        token,
    },
};

#[tokio::test]
async fn a_bus_is_found_by_address_creator_and_owner() {
    let world = World::new().await;
    let (alice, stranger) = (world.member().await, world.member().await);
    let seq = world.owner.next_bus_seq().await.unwrap();
    assert_eq!(seq, 1);
    let mut shared = config(&world.owner);
    shared.owners = vec![
        OwnerShare { owner: world.owner.address(), share_bps: 6_000 },
        OwnerShare { owner: alice.address(), share_bps: 4_000 },
    ];
    let created = world.owner.bus_create(seq, &world.mint, &shared).await.unwrap();
    assert_eq!(created.sent.events.iter().map(|event| event.name()).collect::<Vec<_>>(), ["BusCreated"]);
    assert_eq!(event::bus(&created.sent.events[0]), Some(created.address));
    let market = world.market();
    let bus = market.bus(&created.address).await.unwrap();
    assert_eq!((bus.name(), bus.creator, bus.bus_seq), ("Sunny Lane", world.owner.address(), 1));
    let addresses = |buses: Vec<multibus_client::Keyed<Bus>>| buses.iter().map(|bus| bus.address).collect::<Vec<_>>();
    assert_eq!(addresses(market.buses_of(&alice.address()).await.unwrap()), [created.address]);
    assert_eq!(market.buses_of(&world.owner.address()).await.unwrap().len(), 2);
    assert_eq!(market.buses_created_by(&alice.address()).await.unwrap().len(), 0);
    assert!(market.buses_of(&stranger.address()).await.unwrap().is_empty());
    assert_eq!(market.buses().await.unwrap().len(), 2);
    assert_eq!(market.capacity(&created.address, 0).await.unwrap().available_wh, shared.capacity_wh);
}

#[tokio::test]
async fn an_owner_adds_an_owner() {
    let world = World::new().await;
    let alice = world.member().await;
    world.owner.bus_add_owner(&world.bus, &alice.address(), 2_500).await.unwrap();
    let bus = world.market().bus(&world.bus).await.unwrap();
    assert_eq!(bus.owners().iter().map(|slot| slot.share_bps).collect::<Vec<_>>(), [7_500, 2_500]);
    let refused = alice.bus_add_owner(&world.bus, &world.owner.address(), 1).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::AlreadyOwner));
}

#[tokio::test]
async fn a_refusal_is_the_programs_sentence_with_its_values() {
    let world = World::new().await;
    let mut wrong = config(&world.owner);
    wrong.owners[0].share_bps = 9_000;
    let refused = world.owner.bus_create(1, &world.mint, &wrong).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::SharesInvalid));
    let text = refused.to_string();
    assert!(text.starts_with(MultibusError::SharesInvalid.message()), "{text}");
    assert!(text.contains("shares sum to 9000, not 10000"), "{text}");
}

#[tokio::test]
async fn an_account_of_another_kind_is_not_a_bus() {
    let world = World::new().await;
    let capacity = world.market().capacity(&world.bus, 0).await.unwrap().address;
    let refused = world.market().bus(&capacity).await.unwrap_err();
    assert!(matches!(refused, Error::Decode { kind: "bus", address, .. } if address == capacity), "{refused}");
    let refused = world.market().bus(&world.mint).await.unwrap_err();
    assert!(refused.to_string().contains(&SPL_TOKEN_ID.to_string()), "{refused}");
    let nowhere = Address::new_from_array([9; 32]);
    let missing = world.market().bus(&nowhere).await.unwrap_err();
    assert!(matches!(missing, Error::NotFound { kind: "bus", address } if address == nowhere), "{missing}");
}

#[tokio::test]
async fn both_token_programs_settle() {
    let world = World::with_token_program(&TOKEN_2022_ID).await;
    let buyer = world.member().await;
    let offer = world.offer(1_000, 500).await;
    let order = multibus_client::purchase::PurchaseOrder::exactly(offer, 1_000, 500);
    assert_eq!(buyer.buy(&order).await.unwrap().paid, 500);
    assert_eq!(world.market().settlement(&world.bus).await.unwrap().token_program, TOKEN_2022_ID);
}

#[tokio::test]
async fn a_gift_to_an_escrow_is_no_fault_of_the_market() {
    let world = World::new().await;
    let (buyer, offer) = (world.member().await, world.offer(1_000, 500).await);
    buyer.lock_take(&offer, 400, 500).await.unwrap();
    let escrow = world.market().bus(&world.bus).await.unwrap().escrow;
    let give = token::mint_to(&world.mint, &escrow, &world.owner.address(), 7, &SPL_TOKEN_ID).unwrap();
    world.owner.send(&[give]).await.unwrap();
    // Anyone can send tokens there: whoever audits the bus must not be told that something is wrong.
    let audit = world.market().audit(&world.bus).await.unwrap();
    assert_eq!(audit.violations, [""; 0]);
    assert_eq!((audit.escrow, audit.gifts), (207, 7));
}
