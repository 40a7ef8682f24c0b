use {
    crate::support::{FaultyChain, side_by_side},
    multibus_client::{
        Address, Error, PricePerKwh, Wallet, Wh,
        bus::{Bus, BusConfig, OwnerShare},
        chain::Chain,
        event,
        multibus::{
            error::MultibusError,
            token::{SPL_TOKEN_ID, TOKEN_2022_ID},
        },
        proposal::ProposalAction,
        purchase::PurchaseOrder,
        token,
    },
    multibus_test_support::market::{EmbeddedMarket, delivery_bus, open_bus, terms},
    std::collections::HashSet,
};

#[tokio::test]
async fn a_bus_is_found_by_address_creator_and_owner() {
    let fresh = EmbeddedMarket::new().await;
    let (alice, stranger) = (fresh.member().await, fresh.member().await);
    let first = fresh.market().bus(&fresh.bus).await.unwrap().bus_seq;
    let mut shared = open_bus(&fresh.owner);
    shared.owners = vec![
        OwnerShare { owner: fresh.owner.address(), share_bps: 6_000 },
        OwnerShare { owner: alice.address(), share_bps: 4_000 },
    ];
    let created = fresh.owner.bus_create(&fresh.mint, &shared).await.unwrap();
    assert_eq!(created.sent.events.iter().map(multibus_client::Event::name).collect::<Vec<_>>(), ["BusCreated"]);
    assert_eq!(event::bus(&created.sent.events[0]), Some(created.address));
    let market = fresh.market();
    let bus = market.bus(&created.address).await.unwrap();
    assert_eq!((bus.name(), bus.creator, bus.bus_seq), ("Sunny Lane", fresh.owner.address(), first + 1));
    let addresses = |buses: Vec<multibus_client::Keyed<Bus>>| buses.iter().map(|bus| bus.address).collect::<Vec<_>>();
    assert_eq!(addresses(market.buses_of(&alice.address()).await.unwrap()), [created.address]);
    assert_eq!(market.buses_of(&fresh.owner.address()).await.unwrap().len(), 2);
    assert_eq!(market.buses_created_by(&alice.address()).await.unwrap().len(), 0);
    assert!(market.buses_of(&stranger.address()).await.unwrap().is_empty());
    assert_eq!(market.buses().await.unwrap().len(), 2);
    let counter = market.creator(&fresh.owner.address()).await.unwrap().unwrap();
    assert_eq!(counter.next_bus, first + 2);
    assert!(market.creator(&stranger.address()).await.unwrap().is_none());
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
    let refused = fresh.owner.bus_create(&fresh.mint, &wrong).await.unwrap_err();
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
    let order = PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(500));
    assert_eq!(buyer.buy(&order).await.unwrap().paid, 500);
    assert_eq!(fresh.market().settlement(&fresh.bus).await.unwrap().token_program, TOKEN_2022_ID);
}

#[tokio::test]
async fn a_gift_to_a_vault_is_no_fault_of_the_market() {
    let fresh = EmbeddedMarket::new().await;
    let (buyer, offer) = (fresh.member().await, fresh.offer(1_000, 500).await);
    buyer.lock_take(&offer, Wh(400), PricePerKwh(500)).await.unwrap();
    let seller = fresh.market().seller(&fresh.bus, &fresh.owner.address()).await.unwrap();
    let give = token::mint_to(&fresh.mint, &seller.vault, &fresh.owner.address(), 7, &SPL_TOKEN_ID).unwrap();
    fresh.owner.send(&[give]).await.unwrap();
    // Anyone can send tokens there, so an audit must not report them as wrong.
    let audit = fresh.market().audit(&fresh.bus).await.unwrap();
    assert_eq!(audit.violations, [""; 0]);
    assert_eq!((audit.vaults[&seller.address], audit.gifts), (207, 7));
}

#[tokio::test]
async fn buses_of_one_wallet_are_created_at_once() {
    let fresh = EmbeddedMarket::new().await;
    let creator = Wallet::new(FaultyChain::slow(&fresh.chain), fresh.funded().await);
    let config = open_bus(&creator);
    let tasks = (0..6).map(|_| {
        let (creator, config, mint) = (creator.clone(), config.clone(), fresh.mint);
        async move { creator.bus_create(&mint, &config).await.unwrap().address }
    });
    let buses: HashSet<_> = side_by_side(tasks).await.into_iter().collect();
    assert_eq!(buses.len(), 6);
    assert_eq!(fresh.market().buses_created_by(&creator.address()).await.unwrap().len(), 6);
}

#[tokio::test]
async fn sixteen_owners_fit_the_creation_of_a_wallets_first_bus() {
    let fresh = EmbeddedMarket::new().await;
    let creator = fresh.member().await;
    let mut config = open_bus(&creator);
    config.name = "x".repeat(32);
    config.operator = Some(fresh.owner.address());
    config.owners[0].share_bps = 10_000 - 15 * 600;
    config
        .owners
        .extend((1..16).map(|number| OwnerShare { owner: Address::new_from_array([number; 32]), share_bps: 600 }));
    let created = creator.bus_create(&fresh.mint, &config).await.unwrap();
    assert_eq!(fresh.market().bus(&created.address).await.unwrap().owners().len(), 16);
}

#[tokio::test]
async fn a_bus_with_sixteen_owners_an_operator_and_a_grid_recipient_is_created() {
    let fresh = EmbeddedMarket::new().await;
    let creator = fresh.member().await;
    let recipient = Address::new_from_array([99; 32]);
    let mut config = BusConfig { operator: Some(fresh.owner.address()), ..delivery_bus(&creator) };
    (config.name, config.grid_recipient) = ("x".repeat(32), Some(recipient));
    config.owners[0].share_bps = 10_000 - 15 * 600;
    config
        .owners
        .extend((1..16).map(|number| OwnerShare { owner: Address::new_from_array([number; 32]), share_bps: 600 }));
    let buses = [(); 2].map(|()| creator.bus_create(&fresh.mint, &config));
    for created in futures_util::future::join_all(buses).await {
        let bus = fresh.market().bus(&created.unwrap().address).await.unwrap();
        assert_eq!((bus.owners().len(), bus.grid_recipient, bus.operator), (16, recipient, fresh.owner.address()));
    }
    assert_eq!(creator.lookup_tables().len(), 1, "both use the same table");
}

#[tokio::test]
async fn a_bus_closes_and_its_tombstone_pays() {
    let fresh = EmbeddedMarket::new().await;
    let (buyer, stranger) = (fresh.member().await, fresh.member().await);
    let owner = fresh.owner.address();
    let offer = fresh.owner.offer_create_for_bus(&fresh.bus, &terms(1_000, 500)).await.unwrap();
    fresh.chain.wait_until(offer.trades_from.unwrap()).await.unwrap();
    buyer.buy(&PurchaseOrder::exactly(offer.address, Wh(1_000), PricePerKwh(500))).await.unwrap();
    assert_eq!(stranger.bus_close(&fresh.bus).await.unwrap_err().multibus(), Some(MultibusError::BusNotClosing));
    let decided = fresh.owner.propose(&fresh.bus, &ProposalAction::BusClose).await.unwrap();
    let refused = fresh.owner.offer_create(&fresh.bus, &terms(1, 500)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::BusClosing), "{refused}");
    assert_eq!(stranger.bus_close(&fresh.bus).await.unwrap_err().multibus(), Some(MultibusError::BusInUse));
    // Anybody winds it down.
    stranger.offer_cancel(&offer.address).await.unwrap();
    stranger.seller_close(&fresh.bus, &fresh.bus).await.unwrap();
    stranger.proposal_close(&decided.address).await.unwrap();
    stranger.bus_close(&fresh.bus).await.unwrap();
    let refused = fresh.market().bus(&fresh.bus).await.unwrap_err();
    assert!(refused.to_string().contains("closed at"), "{refused}");
    let stone = fresh.market().tombstone(&fresh.bus).await.unwrap().unwrap();
    assert_eq!((stone.open_claims, stone.creator), (1, owner));
    let before = fresh.tokens(&owner).await.unwrap();
    let claim = fresh.market().claim(&fresh.bus, &owner).await.unwrap().unwrap();
    assert_eq!(claim.amount, 500);
    assert_eq!(fresh.market().claims_of(&owner).await.unwrap(), [claim]);
    stranger.claim_pay(&fresh.bus, &owner).await.unwrap();
    assert_eq!(fresh.tokens(&owner).await.unwrap(), before + 500);
    let refused = stranger.claim_pay(&fresh.bus, &owner).await.unwrap_err();
    assert!(refused.to_string().contains("owes nothing"), "{refused}");
}
