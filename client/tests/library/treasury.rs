use {
    crate::{
        best::{freeze, of_an_issuer},
        support::{Fault, FaultyChain},
    },
    multibus_client::{
        Address, Event, PricePerKwh, Sent, Wallet, Wh,
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
    multibus_test_support::market::{EmbeddedMarket, FUNDS, open_bus, terms},
};

/// A bus of the market's owner, with a third of it, and of another who has no token account.
async fn co_owned(fresh: &mut EmbeddedMarket) -> Address {
    let other = Address::new_from_array([7; 32]);
    let mut shared = open_bus(&fresh.owner);
    shared.owners[0].share_bps = 3_333;
    shared.owners.push(OwnerShare { owner: other, share_bps: 6_667 });
    fresh.bus = fresh.owner.bus_create(&fresh.mint, &shared).await.unwrap().address;
    other
}

/// Sells energy of the bus for exactly so many base units, and moves them to the treasury.
async fn sell(fresh: &EmbeddedMarket, buyer: &Wallet, amount: u64) {
    let offer = fresh.owner.offer_create_for_bus(&fresh.bus, &terms(1_000, amount)).await.unwrap();
    fresh.chain.wait_until(offer.trades_from.unwrap()).await.unwrap();
    buyer.buy(&PurchaseOrder::exactly(offer.address, Wh(1_000), PricePerKwh(amount))).await.unwrap();
    let withdrawn = buyer.seller_withdraw(&fresh.bus, &fresh.bus).await.unwrap();
    assert_eq!(withdrawn.amount, Some(amount));
}

async fn treasury(fresh: &EmbeddedMarket) -> Treasury {
    let treasury = fresh.market().treasury(&fresh.bus).await.unwrap();
    let totals = treasury.totals();
    assert_eq!(totals.claimable + totals.remainder, totals.balance);
    treasury
}

fn claimed(sent: &Sent) -> u64 {
    let amount = |event: &Event| if let Event::TreasuryClaimed(event) = event { Some(event.amount) } else { None };
    sent.events.iter().find_map(amount).unwrap()
}

#[tokio::test]
async fn owners_claim_their_exact_shares_in_both_token_programs() {
    for token_program in [SPL_TOKEN_ID, TOKEN_2022_ID] {
        let mut fresh = EmbeddedMarket::in_token_of(&token_program).await;
        let other = co_owned(&mut fresh).await;
        let buyer = fresh.member().await;
        sell(&fresh, &buyer, 101).await;
        let due = treasury(&fresh).await;
        assert_eq!(due.claims.iter().map(|claim| claim.claimable).collect::<Vec<_>>(), [33, 67]);
        assert_eq!((due.balance, due.remainder), (101, 1));
        // Anyone may claim for an owner; the missing token account is created.
        assert_eq!(claimed(&buyer.treasury_claim(&fresh.bus, &other).await.unwrap()), 67);
        assert_eq!(
            (fresh.tokens(&other).await.unwrap(), fresh.tokens(&buyer.address()).await.unwrap()),
            (67, FUNDS - 101)
        );
        let again = buyer.treasury_claim(&fresh.bus, &other).await.unwrap_err();
        assert_eq!(again.multibus(), Some(MultibusError::NothingToClaim));
        let stranger = buyer.treasury_claim(&fresh.bus, &buyer.address()).await.unwrap_err();
        assert_eq!(stranger.multibus(), Some(MultibusError::OwnerUnknown));
        // The remainder is divided with the next sale: 100,000 in all.
        sell(&fresh, &buyer, 99_899).await;
        assert_eq!(treasury(&fresh).await.balance, 100_000 - 67);
        assert_eq!(claimed(&fresh.owner.treasury_claim(&fresh.bus, &fresh.owner.address()).await.unwrap()), 33_330);
        assert_eq!(claimed(&buyer.treasury_claim(&fresh.bus, &other).await.unwrap()), 66_670 - 67);
        let empty = treasury(&fresh).await;
        assert_eq!((empty.balance, empty.totals().claimable), (0, 0));
    }
}

#[tokio::test]
async fn what_came_while_the_treasury_was_frozen_is_shown_and_claimed() {
    let fresh = of_an_issuer(|config| config.terms.grid_fee_per_kwh = 1_000).await;
    let (seller, buyer, owner) = (fresh.member().await, fresh.member().await, fresh.owner.address());
    let offer = seller.offer_create(&fresh.bus, &terms(1_000, 400)).await.unwrap();
    buyer.buy(&PurchaseOrder::exactly(offer.address, Wh(1_000), PricePerKwh(1_400))).await.unwrap();
    freeze(&fresh, &fresh.market().treasury(&fresh.bus).await.unwrap().address).await;
    assert_eq!(buyer.grid_sweep(&fresh.bus, &seller.address()).await.unwrap().amount, Some(1_000));
    let due = fresh.market().treasury(&fresh.bus).await.unwrap();
    assert_eq!((due.balance, due.diverted, due.remainder), (0, 1_000, 0));
    assert_eq!((due.totals().claimable, due.totals().diverted), (1_000, 1_000));
    let had = fresh.tokens(&owner).await.unwrap();
    assert_eq!(claimed(&buyer.treasury_claim(&fresh.bus, &owner).await.unwrap()), 1_000);
    assert_eq!(fresh.tokens(&owner).await.unwrap() - had, 1_000);
    let due = fresh.market().treasury(&fresh.bus).await.unwrap();
    assert_eq!((due.diverted, due.totals().claimable), (0, 0));
    assert_eq!(fresh.market().audit(&fresh.bus).await.unwrap().violations, Vec::<String>::new());
}

#[tokio::test]
async fn who_leaves_keeps_what_is_earned() {
    let mut fresh = EmbeddedMarket::new().await;
    let other = co_owned(&mut fresh).await;
    let buyer = fresh.member().await;
    sell(&fresh, &buyer, 10_000).await;
    let leave = ProposalAction::OwnerRemove { owner: other, shares_bps: vec![10_000] };
    fresh.owner.propose(&fresh.bus, &leave).await.unwrap();
    sell(&fresh, &buyer, 500).await;
    let due = treasury(&fresh).await;
    let told: Vec<_> = due.claims.iter().map(|claim| (claim.share_bps, claim.claimable, claim.is_former)).collect();
    assert_eq!(told, [(10_000, 3_333 + 500, false), (0, 6_667, true)]);
    assert_eq!(claimed(&buyer.treasury_claim(&fresh.bus, &other).await.unwrap()), 6_667);
    assert_eq!(treasury(&fresh).await.claims.len(), 1);
}

#[tokio::test]
async fn a_claim_is_paid_once_on_a_network_that_loses_answers() {
    for fault in [Fault::LandsUnanswered, Fault::LandsUnknown, Fault::Lost] {
        let mut fresh = EmbeddedMarket::new().await;
        let other = co_owned(&mut fresh).await;
        let buyer = fresh.funded().await;
        sell(&fresh, &Wallet::new(fresh.chain.clone(), buyer.clone()), 10_000).await;
        let payer = Wallet::new(FaultyChain::new(&fresh.chain, &[fault]), buyer);
        let sent = payer.treasury_claim(&fresh.bus, &other).await;
        let sent = sent.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!((claimed(&sent), fresh.tokens(&other).await.unwrap()), (6_667, 6_667), "{fault:?}");
    }
}

#[tokio::test]
async fn a_sale_for_the_bus_leaves_the_bus_as_it_is() {
    let mut fresh = EmbeddedMarket::new().await;
    co_owned(&mut fresh).await;
    let buyer = fresh.member().await;
    let before = fresh.chain.accounts(&[fresh.bus]).await.unwrap();
    sell(&fresh, &buyer, 1_000).await;
    assert_eq!(fresh.chain.accounts(&[fresh.bus]).await.unwrap(), before);
    let refused = buyer.offer_create_for_bus(&fresh.bus, &terms(1, 1_000)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::NotTheSeller));
}
