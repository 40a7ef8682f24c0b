//! What owners decide together, and what they earn.

use multibus_client::{
    PricePerKwh, Wallet, Wh,
    bus::{BusConfig, OwnerShare},
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
    buyer.buy(&PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(100_001))).await.unwrap();

    let action = ProposalAction::BasePriceSet { base_price_per_kwh: 150_000 };
    let proposal = first.propose(&fresh.bus, &action).await.unwrap().address;
    let early = buyer.proposal_execute(&proposal).await.unwrap_err();
    assert_eq!(early.multibus(), Some(MultibusError::ApprovalsMissing), "{early}");
    let stranger = buyer.proposal_approve(&proposal).await.unwrap_err();
    assert_eq!(stranger.multibus(), Some(MultibusError::NotAnOwner), "{stranger}");
    second.proposal_approve(&proposal).await.unwrap();
    buyer.proposal_execute(&proposal).await.unwrap();
    let status = fresh.market().proposal_status(&proposal).await.unwrap();
    assert!(status.is_executed && status.approvals == 2);
    assert_eq!(fresh.market().bus(&fresh.bus).await.unwrap().base_price_per_kwh, 150_000);
    first.proposal_close(&proposal).await.unwrap();

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
async fn one_owner_pauses_and_money_comes_back_without_a_fee() {
    let fresh = NetworkMarket::new(2, |config, members| {
        share_with(config, &members[0], 5_000);
        config.lock_fee_bps = 500;
    })
    .await;
    let (first, second, buyer) = (&fresh.owner, &fresh.members[0], &fresh.members[1]);
    let offer = first.offer_create(&fresh.bus, &terms(1_000, 200_000)).await.unwrap().address;
    let lock = buyer.lock_take(&offer, Wh(500), PricePerKwh(200_000)).await.unwrap().address;
    second.propose(&fresh.bus, &ProposalAction::Pause).await.unwrap();
    let refused = first.offer_create(&fresh.bus, &terms(1_000, 200_000)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::BusPaused), "{refused}");
    let refused = buyer.lock_settle(&lock).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::BusPaused), "{refused}");
    buyer.lock_release(&lock).await.unwrap();
    assert_eq!(fresh.tokens(buyer).await, FUNDS);
    let resume = first.propose(&fresh.bus, &ProposalAction::Resume).await.unwrap().address;
    second.proposal_approve(&resume).await.unwrap();
    first.proposal_execute(&resume).await.unwrap();
    buyer.buy(&PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(200_000))).await.unwrap();
    fresh.assert_sound().await;
}
