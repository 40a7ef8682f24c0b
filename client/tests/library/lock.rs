use {
    crate::support::{FUNDS, Fault, FaultyChain, World},
    multibus_client::{
        Error, Wallet,
        chain::Chain,
        lock::LockFilter,
        multibus::{constants::LOCK_SECONDS, error::MultibusError},
        purchase::{PurchaseKind, TransactionHash},
    },
};

#[tokio::test]
async fn a_lock_is_settled_with_the_hash_that_was_known_before() {
    let world = World::new().await;
    let buyer = world.member().await;
    let offer = world.offer(1_000, 500).await;
    let lock = buyer.lock_take(&offer, 400, 500).await.unwrap().address;
    assert_eq!(world.tokens(&buyer.address()).await, FUNDS - 200);
    world.owner.offer_reprice(&offer, 900).await.unwrap();
    let settled = buyer.lock_settle(&lock).await.unwrap();
    assert_eq!((settled.energy_wh, settled.paid), (400, 200));
    let order = multibus_client::purchase::Order { offer, energy_wh: 400, max_price_per_kwh: 500 };
    let hash = TransactionHash::of(&buyer.address(), settled.lane, settled.nonce, &[order]);
    assert_eq!(settled.transaction_hash, hash);
    assert_eq!(PurchaseKind::LockSettlement as u8, 2);
    assert_eq!(world.market().receipts(&buyer.address()).await.unwrap()[0].transaction_hash(), hash);
    assert!(world.market().locks(&LockFilter::default()).await.unwrap().is_empty());
    assert!(matches!(buyer.lock_settle(&lock).await, Err(Error::NotFound { kind: "lock", .. })));
}

#[tokio::test]
async fn locks_are_found_and_released() {
    let world = World::new().await;
    let (alice, bob) = (world.member().await, world.member().await);
    let (first, second) = (world.offer(1_000, 500).await, world.offer(1_000, 600).await);
    let of_alice = alice.lock_take(&first, 100, 500).await.unwrap().address;
    let of_bob = bob.lock_take(&second, 100, 600).await.unwrap().address;
    let market = world.market();
    let found = |filter: LockFilter| async move {
        market.locks(&filter).await.unwrap().iter().map(|lock| lock.address).collect::<Vec<_>>()
    };
    let any = LockFilter::default();
    assert_eq!(found(LockFilter { bus: Some(world.bus), ..any }).await.len(), 2);
    assert_eq!(found(LockFilter { buyer: Some(bob.address()), ..any }).await, [of_bob]);
    assert_eq!(found(LockFilter { offer: Some(first), buyer: Some(alice.address()), ..any }).await, [of_alice]);
    assert!(found(LockFilter { offer: Some(second), buyer: Some(alice.address()), ..any }).await.is_empty());
    let refused = bob.lock_release(&of_alice).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::LockNotExpired));
    alice.lock_release(&of_alice).await.unwrap();
    // 50 base units of deposit, one percent of which is less than one.
    assert_eq!(world.tokens(&alice.address()).await, FUNDS);
    let clock = world.chain.clock().await.unwrap();
    world.chain.wait_until(clock.unix_timestamp + LOCK_SECONDS + 2).await.unwrap();
    assert_eq!(bob.lock_settle(&of_bob).await.unwrap_err().multibus(), Some(MultibusError::LockExpired));
    alice.lock_release(&of_bob).await.unwrap();
    assert_eq!(world.tokens(&bob.address()).await, FUNDS);
    assert_eq!(market.offer(&second).await.unwrap().free_wh(), 1_000);
}

#[tokio::test]
async fn a_lock_whose_confirmation_is_lost_is_taken_and_paid_once() {
    for fault in [Fault::LandsUnanswered, Fault::LandsUnknown, Fault::Lost] {
        let world = World::new().await;
        let offer = world.offer(1_000, 500).await;
        let chain = FaultyChain::new(&world.chain, &[fault]);
        let buyer = Wallet::new(chain, world.funded().await);
        let lock = buyer.lock_take(&offer, 400, 500).await.unwrap().address;
        assert_eq!(world.market().lock(&lock).await.unwrap().deposit, 200, "{fault:?}");
        assert_eq!(world.tokens(&buyer.address()).await, FUNDS - 200);
    }
}

#[tokio::test]
async fn a_settlement_whose_confirmation_is_lost_is_recognised() {
    for fault in [Fault::LandsUnanswered, Fault::LandsUnknown, Fault::Lost, Fault::HeldBack] {
        let world = World::new().await;
        let offer = world.offer(1_000, 500).await;
        let keypair = world.funded().await;
        let direct = Wallet::new(world.chain.clone(), keypair.clone());
        let lock = direct.lock_take(&offer, 400, 500).await.unwrap().address;
        direct.open_lanes(1).await.unwrap();
        let buyer = Wallet::new(FaultyChain::new(&world.chain, &[fault]), keypair);
        let settled = buyer.lock_settle(&lock).await.unwrap();
        assert_eq!((settled.energy_wh, settled.paid), (400, 200), "{fault:?}");
        assert_eq!(world.receipts(&buyer.address()).await, 1);
    }
}
