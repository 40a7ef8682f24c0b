use {
    crate::support::{FUNDS, Fault, FaultyChain, World, config, terms},
    multibus_client::{
        Address, Event, Sent, Wallet,
        bus::OwnerShare,
        chain::Chain,
        multibus::{
            error::MultibusError,
            token::{SPL_TOKEN_ID, TOKEN_2022_ID},
        },
        proposal::ProposalAction,
        purchase::PurchaseOrder,
        treasury::Treasury,
    },
};

/// A bus of the world's owner, with a third of it, and of another who has no token account.
async fn co_owned(world: &mut World) -> Address {
    let other = Address::new_from_array([7; 32]);
    let mut shared = config(&world.owner);
    shared.owners[0].share_bps = 3_333;
    shared.owners.push(OwnerShare { owner: other, share_bps: 6_667 });
    world.bus = world.owner.bus_create(1, &world.mint, &shared).await.unwrap().address;
    other
}

/// Sells energy of the bus for exactly so many base units.
async fn sell(world: &World, buyer: &Wallet, amount: u64) {
    let offer = world.owner.offer_create_for_bus(&world.bus, &terms(1_000, amount)).await.unwrap().address;
    buyer.buy(&PurchaseOrder::exactly(offer, 1_000, amount)).await.unwrap();
}

async fn treasury(world: &World) -> Treasury {
    let treasury = world.market().treasury(&world.bus).await.unwrap();
    let totals = treasury.totals();
    assert_eq!(totals.claimable + totals.remainder, totals.balance);
    assert_eq!(u128::from(treasury.claimed_total) + u128::from(totals.balance), treasury.received_total);
    treasury
}

fn claimed(sent: &Sent) -> u64 {
    let amount = |event: &Event| if let Event::TreasuryClaimed(event) = event { Some(event.amount) } else { None };
    sent.events.iter().find_map(amount).unwrap()
}

#[tokio::test]
async fn owners_claim_their_exact_shares_in_both_token_programs() {
    for token_program in [SPL_TOKEN_ID, TOKEN_2022_ID] {
        let mut world = World::with_token_program(&token_program).await;
        let other = co_owned(&mut world).await;
        let buyer = world.member().await;
        sell(&world, &buyer, 101).await;
        let due = treasury(&world).await;
        assert_eq!(due.claims.iter().map(|claim| claim.claimable).collect::<Vec<_>>(), [33, 67]);
        assert_eq!((due.received_total, due.remainder), (101, 1));
        // Anyone may claim for an owner; the missing token account is created.
        assert_eq!(claimed(&buyer.treasury_claim(&world.bus, &other).await.unwrap()), 67);
        assert_eq!((world.tokens(&other).await, world.tokens(&buyer.address()).await), (67, FUNDS - 101));
        let again = buyer.treasury_claim(&world.bus, &other).await.unwrap_err();
        assert_eq!(again.multibus(), Some(MultibusError::NothingToClaim));
        let stranger = buyer.treasury_claim(&world.bus, &buyer.address()).await.unwrap_err();
        assert_eq!(stranger.multibus(), Some(MultibusError::OwnerUnknown));
        // The remainder is divided with the next sale: 100,000 in all.
        sell(&world, &buyer, 99_899).await;
        assert_eq!(treasury(&world).await.received_total, 100_000);
        assert_eq!(claimed(&world.owner.treasury_claim(&world.bus, &world.owner.address()).await.unwrap()), 33_330);
        assert_eq!(claimed(&buyer.treasury_claim(&world.bus, &other).await.unwrap()), 66_670 - 67);
        let empty = treasury(&world).await;
        assert_eq!((empty.balance, empty.claimed_total), (0, 100_000));
    }
}

#[tokio::test]
async fn who_leaves_keeps_what_is_earned() {
    let mut world = World::new().await;
    let other = co_owned(&mut world).await;
    let buyer = world.member().await;
    sell(&world, &buyer, 10_000).await;
    let leave = ProposalAction::OwnerRemove { owner: other, shares_bps: vec![10_000] };
    world.owner.propose(&world.bus, &leave).await.unwrap();
    sell(&world, &buyer, 500).await;
    let due = treasury(&world).await;
    let told: Vec<_> = due.claims.iter().map(|claim| (claim.share_bps, claim.claimable, claim.is_former)).collect();
    assert_eq!(told, [(10_000, 3_333 + 500, false), (0, 6_667, true)]);
    assert_eq!(claimed(&buyer.treasury_claim(&world.bus, &other).await.unwrap()), 6_667);
    assert_eq!(treasury(&world).await.claims.len(), 1);
}

#[tokio::test]
async fn a_claim_is_paid_once_on_a_network_that_loses_answers() {
    for fault in [Fault::LandsUnanswered, Fault::LandsUnknown, Fault::Lost] {
        let mut world = World::new().await;
        let other = co_owned(&mut world).await;
        let buyer = world.funded().await;
        sell(&world, &Wallet::new(world.chain.clone(), buyer.clone()), 10_000).await;
        let payer = Wallet::new(FaultyChain::new(&world.chain, &[fault]), buyer);
        let sent = payer.treasury_claim(&world.bus, &other).await;
        let sent = sent.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!((claimed(&sent), world.tokens(&other).await), (6_667, 6_667), "{fault:?}");
    }
}

#[tokio::test]
async fn a_sale_for_the_bus_leaves_the_bus_as_it_is() {
    let mut world = World::new().await;
    co_owned(&mut world).await;
    let buyer = world.member().await;
    let before = world.chain.accounts(&[world.bus]).await.unwrap();
    sell(&world, &buyer, 1_000).await;
    assert_eq!(world.chain.accounts(&[world.bus]).await.unwrap(), before);
    let refused = buyer.offer_create_for_bus(&world.bus, &terms(1, 1_000)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::NotAnOwner));
}
