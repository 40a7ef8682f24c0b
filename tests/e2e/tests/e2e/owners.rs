//! What owners decide together, and what they earn.

use multibus_client::{
    Error, PricePerKwh, Wallet, Wh,
    bus::{BusConfig, OwnerShare},
    chain::Chain,
    multibus::error::MultibusError,
    proposal::ProposalAction,
    purchase::PurchaseOrder,
};
use multibus_e2e::market::{FUNDS, NetworkMarket};
use multibus_test_support::market::terms;

/// A second owner with this share, in basis points. Both must decide together, and each can pause.
fn share_with(config: &mut BusConfig, member: &Wallet, share_bps: u16) {
    config.owners[0].share_bps -= share_bps;
    config.owners.push(OwnerShare { owner: member.address(), share_bps });
    config.threshold = 2;
    config.pause_quorum = 1;
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_share_revenue_and_decide_by_two_of_two() {
    let fresh = NetworkMarket::new(2, |config, members| {
        share_with(config, &members[0], 6_667);
    })
    .await;
    let (first, second, buyer) = (&fresh.owner, &fresh.members[0], &fresh.members[1]);
    let offer = first.offer_create_for_bus(&fresh.bus, &terms(10_000, 100_001)).await.unwrap().address;
    let early = buyer.buy(&PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(100_001))).await.unwrap_err();
    assert!(matches!(early, Error::BeyondLimits(_)), "{early}");

    let action = ProposalAction::BasePriceSet { base_price_per_kwh: 150_000 };
    let proposal = first.propose(&fresh.bus, &action).await.unwrap().address;
    let early = buyer.proposal_execute(&proposal).await.unwrap_err();
    assert_eq!(early.multibus(), Some(MultibusError::ApprovalsMissing), "{early}");
    let shown = fresh.market().proposal(&proposal).await.unwrap();
    let stranger = buyer.proposal_approve(&shown).await.unwrap_err();
    assert_eq!(stranger.multibus(), Some(MultibusError::NotAnOwner), "{stranger}");
    second.proposal_approve(&shown).await.unwrap();
    buyer.proposal_execute(&proposal).await.unwrap();
    let status = fresh.market().proposal_status(&proposal).await.unwrap();
    assert!(status.is_executed && status.approvals == 2);
    assert_eq!(fresh.market().bus(&fresh.bus).await.unwrap().base_price_per_kwh, 150_000);
    first.proposal_close(&proposal).await.unwrap();

    // Everybody has seen the bus's own offer by now, so it trades. Its price holds: it was listed before.
    let listed = fresh.market().offer(&offer).await.unwrap();
    fresh.chain.wait_until(listed.trades_from).await.unwrap();
    buyer.buy(&PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(100_001))).await.unwrap();
    assert_eq!(fresh.market().treasury(&fresh.bus).await.unwrap().balance, 0);
    buyer.seller_withdraw(&fresh.bus, &fresh.bus).await.unwrap();
    let due = fresh.market().treasury(&fresh.bus).await.unwrap();
    assert_eq!(due.claims.iter().map(|claim| claim.claimable).collect::<Vec<_>>(), [33_330, 66_670]);
    buyer.treasury_claim(&fresh.bus, &second.address()).await.unwrap();
    first.treasury_claim(&fresh.bus, &first.address()).await.unwrap();
    assert_eq!((fresh.tokens(first).await, fresh.tokens(second).await), (33_330, FUNDS + 66_670));
    let again = first.treasury_claim(&fresh.bus, &first.address()).await.unwrap_err();
    assert_eq!(again.multibus(), Some(MultibusError::NothingToClaim), "{again}");
    fresh.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_owner_pauses_and_locks_still_settle_and_end() {
    let fresh = NetworkMarket::new(2, |config, members| {
        share_with(config, &members[0], 5_000);
        config.lock_fee_bps = 500;
    })
    .await;
    let (first, second, buyer) = (&fresh.owner, &fresh.members[0], &fresh.members[1]);
    let offer = first.offer_create(&fresh.bus, &terms(1_000, 200_000)).await.unwrap().address;
    let kept = buyer.lock_take(&offer, Wh(500), PricePerKwh(200_000)).await.unwrap().address;
    let given_up = buyer.lock_take(&offer, Wh(100), PricePerKwh(200_000)).await.unwrap().address;
    second.propose(&fresh.bus, &ProposalAction::Pause).await.unwrap();
    let refused = first.offer_create(&fresh.bus, &terms(1_000, 200_000)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::BusPaused), "{refused}");
    assert_eq!(buyer.lock_settle(&kept).await.unwrap().paid, 100_000);
    buyer.lock_release(&given_up).await.unwrap();
    assert_eq!(fresh.tokens(buyer).await, FUNDS - 100_000 - 1_000);
    buyer.seller_withdraw(&fresh.bus, &first.address()).await.unwrap();
    assert_eq!(fresh.tokens(first).await, 100_000 + 1_000);
    let resume = first.propose(&fresh.bus, &ProposalAction::Resume).await.unwrap().address;
    second.proposal_approve(&fresh.market().proposal(&resume).await.unwrap()).await.unwrap();
    first.proposal_execute(&resume).await.unwrap();
    buyer.buy(&PurchaseOrder::exactly(offer, Wh(500), PricePerKwh(200_000))).await.unwrap();
    fresh.assert_sound().await;
}
