use {
    multibus_client::{
        Address, Error, PricePerKwh, Wh,
        bus::{Bus, OwnerShare},
        event,
        multibus::{
            error::MultibusError,
            token::{SPL_TOKEN_ID, TOKEN_2022_ID},
        },
        token,
    },
    multibus_test_support::market::{EmbeddedMarket, open_bus},
};

#[tokio::test]
async fn a_bus_is_found_by_address_creator_and_owner() {
    let fresh = EmbeddedMarket::new().await;
    let (alice, stranger) = (fresh.member().await, fresh.member().await);
    let seq = fresh.owner.next_bus_seq().await.unwrap();
    assert_eq!(seq, 1);
    let mut shared = open_bus(&fresh.owner);
    shared.owners = vec![
        OwnerShare { owner: fresh.owner.address(), share_bps: 6_000 },
        OwnerShare { owner: alice.address(), share_bps: 4_000 },
    ];
    let created = fresh.owner.bus_create(seq, &fresh.mint, &shared).await.unwrap();
    assert_eq!(created.sent.events.iter().map(multibus_client::Event::name).collect::<Vec<_>>(), ["BusCreated"]);
    assert_eq!(event::bus(&created.sent.events[0]), Some(created.address));
    let market = fresh.market();
    let bus = market.bus(&created.address).await.unwrap();
    assert_eq!((bus.name(), bus.creator, bus.bus_seq), ("Sunny Lane", fresh.owner.address(), 1));
    let addresses = |buses: Vec<multibus_client::Keyed<Bus>>| buses.iter().map(|bus| bus.address).collect::<Vec<_>>();
    assert_eq!(addresses(market.buses_of(&alice.address()).await.unwrap()), [created.address]);
    assert_eq!(market.buses_of(&fresh.owner.address()).await.unwrap().len(), 2);
    assert_eq!(market.buses_created_by(&alice.address()).await.unwrap().len(), 0);
    assert!(market.buses_of(&stranger.address()).await.unwrap().is_empty());
    assert_eq!(market.buses().await.unwrap().len(), 2);
    assert_eq!(market.capacity(&created.address, 0).await.unwrap().available_wh, shared.capacity_wh);
}

#[tokio::test]
async fn an_owner_adds_an_owner() {
    let fresh = EmbeddedMarket::new().await;
    let alice = fresh.member().await;
    fresh.owner.bus_add_owner(&fresh.bus, &alice.address(), 2_500).await.unwrap();
    let bus = fresh.market().bus(&fresh.bus).await.unwrap();
    assert_eq!(bus.owners().iter().map(|slot| slot.share_bps).collect::<Vec<_>>(), [7_500, 2_500]);
    let refused = alice.bus_add_owner(&fresh.bus, &fresh.owner.address(), 1).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::AlreadyOwner));
}

#[tokio::test]
async fn a_refusal_is_the_programs_sentence_with_its_values() {
    let fresh = EmbeddedMarket::new().await;
    let mut wrong = open_bus(&fresh.owner);
    wrong.owners[0].share_bps = 9_000;
    let refused = fresh.owner.bus_create(1, &fresh.mint, &wrong).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::SharesInvalid));
    let text = refused.to_string();
    assert!(text.starts_with(MultibusError::SharesInvalid.message()), "{text}");
    assert!(text.contains("shares sum to 9000, not 10000"), "{text}");
}

#[tokio::test]
async fn an_account_of_another_kind_is_not_a_bus() {
    let fresh = EmbeddedMarket::new().await;
    let capacity = fresh.market().capacity(&fresh.bus, 0).await.unwrap().address;
    let refused = fresh.market().bus(&capacity).await.unwrap_err();
    assert!(matches!(refused, Error::Decode { kind: "bus", address, .. } if address == capacity), "{refused}");
    let refused = fresh.market().bus(&fresh.mint).await.unwrap_err();
    assert!(refused.to_string().contains(&SPL_TOKEN_ID.to_string()), "{refused}");
    let nowhere = Address::new_from_array([9; 32]);
    let missing = fresh.market().bus(&nowhere).await.unwrap_err();
    assert!(matches!(missing, Error::NotFound { kind: "bus", address } if address == nowhere), "{missing}");
}

#[tokio::test]
async fn both_token_programs_settle() {
    let fresh = EmbeddedMarket::in_token_of(&TOKEN_2022_ID).await;
    let buyer = fresh.member().await;
    let offer = fresh.offer(1_000, 500).await;
    let order = multibus_client::purchase::PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(500));
    assert_eq!(buyer.buy(&order).await.unwrap().paid, 500);
    assert_eq!(fresh.market().settlement(&fresh.bus).await.unwrap().token_program, TOKEN_2022_ID);
}

#[tokio::test]
async fn a_gift_to_an_escrow_is_no_fault_of_the_market() {
    let fresh = EmbeddedMarket::new().await;
    let (buyer, offer) = (fresh.member().await, fresh.offer(1_000, 500).await);
    buyer.lock_take(&offer, Wh(400), PricePerKwh(500)).await.unwrap();
    let escrow = fresh.market().bus(&fresh.bus).await.unwrap().escrow;
    let give = token::mint_to(&fresh.mint, &escrow, &fresh.owner.address(), 7, &SPL_TOKEN_ID).unwrap();
    fresh.owner.send(&[give]).await.unwrap();
    // Anyone can send tokens there, so an audit must not report them as wrong.
    let audit = fresh.market().audit(&fresh.bus).await.unwrap();
    assert_eq!(audit.violations, [""; 0]);
    assert_eq!((audit.escrow, audit.gifts), (207, 7));
}
