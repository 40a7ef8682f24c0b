//! Locks: held, settled, released.

use multibus_client::{Error, PricePerKwh, Wh, multibus::error::MultibusError, purchase::PurchaseOrder};
use multibus_e2e::market::{FUNDS, NetworkMarket};
use multibus_test_support::market::terms;

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_holds_energy_and_price_until_it_is_settled() {
    let fresh = NetworkMarket::new(2, |_, _| {}).await;
    let [holder, other] = &fresh.members[..] else { panic!("two members") };
    let offer = fresh.owner.offer_create(&fresh.bus, &terms(1_000, 200_000)).await.unwrap().address;
    let lock = holder.lock_take(&offer, Wh(800), PricePerKwh(200_000)).await.unwrap().address;
    assert_eq!(fresh.tokens(holder).await, FUNDS - 160_000);
    fresh.assert_sound().await;
    fresh.owner.offer_reprice(&offer, 400_000).await.unwrap();
    let refused = other.buy(&PurchaseOrder::exactly(offer, Wh(201), PricePerKwh(400_000))).await.unwrap_err();
    assert!(matches!(refused, Error::BeyondLimits(_)), "{refused}");
    other.buy(&PurchaseOrder::exactly(offer, Wh(200), PricePerKwh(400_000))).await.unwrap();
    let refused = other.lock_release(&lock).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::LockNotExpired), "{refused}");
    let settled = holder.lock_settle(&lock).await.unwrap();
    assert_eq!((settled.energy_wh, settled.paid), (800, 160_000));
    fresh.owner.seller_withdraw(&fresh.bus, &fresh.owner.address()).await.unwrap();
    assert!(matches!(holder.lock_settle(&lock).await, Err(Error::NotFound { kind: "lock", .. })));
    assert_eq!(fresh.tokens(&fresh.owner).await, 160_000 + 80_000);
    fresh.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_given_up_costs_its_fee_which_the_seller_gets() {
    let fresh = NetworkMarket::new(1, |config, _| config.lock_fee_bps = 500).await;
    let holder = &fresh.members[0];
    let offer = fresh.owner.offer_create(&fresh.bus, &terms(1_000, 200_000)).await.unwrap().address;
    let lock = holder.lock_take(&offer, Wh(1_000), PricePerKwh(200_000)).await.unwrap().address;
    holder.lock_release(&lock).await.unwrap();
    assert_eq!(fresh.tokens(holder).await, FUNDS - 10_000);
    fresh.owner.seller_withdraw(&fresh.bus, &fresh.owner.address()).await.unwrap();
    assert_eq!(fresh.tokens(&fresh.owner).await, 10_000);
    assert_eq!(fresh.market().offer(&offer).await.unwrap().free_wh(), 1_000);
    fresh.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_holds_several_locks_on_one_offer() {
    let fresh = NetworkMarket::new(1, |_, _| {}).await;
    let holder = &fresh.members[0];
    let offer = fresh.owner.offer_create(&fresh.bus, &terms(1_000, 200_000)).await.unwrap().address;
    let mut locks = Vec::new();
    for energy_wh in [100, 200, 300] {
        locks.push(holder.lock_take(&offer, Wh(energy_wh), PricePerKwh(200_000)).await.unwrap());
    }
    assert_eq!(locks.iter().map(|lock| lock.place).collect::<Vec<_>>(), [0, 1, 2]);
    fresh.assert_sound().await;
    holder.lock_release(&locks[1].address).await.unwrap();
    // The place that came free is taken again.
    let again = holder.lock_take(&offer, Wh(50), PricePerKwh(200_000)).await.unwrap();
    assert_eq!((again.place, again.address), (1, locks[1].address));
    for (lock, energy_wh) in [(&locks[0], 100), (&locks[2], 300), (&again, 50)] {
        assert_eq!(holder.lock_settle(&lock.address).await.unwrap().energy_wh, energy_wh);
    }
    assert_eq!(fresh.market().offer(&offer).await.unwrap().remaining_wh, 550);
    fresh.assert_sound().await;
}
