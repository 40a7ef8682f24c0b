use {
    crate::support::{Fault, FaultyChain, side_by_side},
    multibus_client::{
        Error, Event, PricePerKwh, Wallet, Wh,
        chain::Chain,
        lock::{LockFilter, RefundOutcome},
        multibus::{constants::LOCK_SECONDS, error::MultibusError, token::SPL_TOKEN_ID},
        purchase::{PurchaseKind, TransactionHash},
    },
    multibus_test_support::market::{EmbeddedMarket, FUNDS},
};

#[tokio::test]
async fn a_lock_is_settled_with_the_hash_that_was_known_before() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await;
    let offer = fresh.offer(1_000, 500).await;
    let lock = buyer.lock_take(&offer, Wh(400), PricePerKwh(500)).await.unwrap().address;
    assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), FUNDS - 200);
    fresh.owner.offer_reprice(&offer, 900).await.unwrap();
    let settled = buyer.lock_settle(&lock).await.unwrap();
    assert_eq!((settled.energy_wh, settled.paid), (400, 200));
    let order = multibus_client::purchase::Order { offer, energy_wh: 400, max_price_per_kwh: 500 };
    let hash =
        TransactionHash::of(PurchaseKind::LockSettlement, &buyer.address(), settled.lane, settled.nonce, &[order]);
    assert_eq!(settled.transaction_hash, hash);
    assert_eq!(PurchaseKind::LockSettlement as u8, 2);
    assert_eq!(fresh.market().receipts(&buyer.address()).await.unwrap()[0].transaction_hash(), hash);
    assert!(fresh.market().locks(&LockFilter::default()).await.unwrap().is_empty());
    assert!(matches!(buyer.lock_settle(&lock).await, Err(Error::NotFound { kind: "lock", .. })));
}

#[tokio::test]
async fn locks_are_found_and_released() {
    let fresh = EmbeddedMarket::new().await;
    let (alice, bob) = (fresh.member().await, fresh.member().await);
    let (first, second) = (fresh.offer(1_000, 500).await, fresh.offer(1_000, 600).await);
    let of_alice = alice.lock_take(&first, Wh(100), PricePerKwh(500)).await.unwrap().address;
    let of_bob = bob.lock_take(&second, Wh(100), PricePerKwh(600)).await.unwrap().address;
    let market = fresh.market();
    let found = |filter: LockFilter| async move {
        market.locks(&filter).await.unwrap().iter().map(|lock| lock.address).collect::<Vec<_>>()
    };
    let any = LockFilter::default();
    assert_eq!(found(LockFilter { bus: Some(fresh.bus), ..any }).await.len(), 2);
    assert_eq!(found(LockFilter { buyer: Some(bob.address()), ..any }).await, [of_bob]);
    assert_eq!(found(LockFilter { offer: Some(first), buyer: Some(alice.address()), ..any }).await, [of_alice]);
    assert!(found(LockFilter { offer: Some(second), buyer: Some(alice.address()), ..any }).await.is_empty());
    let refused = bob.lock_release(&of_alice).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::LockNotExpired));
    alice.lock_release(&of_alice).await.unwrap();
    // 50 base units of deposit, one percent of which is less than one.
    assert_eq!(fresh.tokens(&alice.address()).await.unwrap(), FUNDS);
    let clock = fresh.chain.clock().await.unwrap();
    fresh.chain.wait_until(clock.unix_timestamp + LOCK_SECONDS + 2).await.unwrap();
    assert_eq!(bob.lock_settle(&of_bob).await.unwrap_err().multibus(), Some(MultibusError::LockExpired));
    alice.lock_release(&of_bob).await.unwrap();
    assert_eq!(fresh.tokens(&bob.address()).await.unwrap(), FUNDS);
    assert_eq!(market.offer(&second).await.unwrap().free_wh(), 1_000);
}

#[tokio::test]
async fn a_buyer_has_eight_locks_on_an_offer() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = Wallet::new(FaultyChain::slow(&fresh.chain), fresh.funded().await);
    let offer = fresh.offer(1_000, 500).await;
    let taking = (0..8).map(|_| {
        let buyer = buyer.clone();
        async move { buyer.lock_take(&offer, Wh(10), PricePerKwh(500)).await }
    });
    // Tasks that take a place at the same moment try another one.
    let mut taken = 0;
    for locked in side_by_side(taking).await {
        taken += usize::from(locked.is_ok());
    }
    for _ in taken..8 {
        buyer.lock_take(&offer, Wh(10), PricePerKwh(500)).await.unwrap();
    }
    let locks = fresh.market().locks(&LockFilter { offer: Some(offer), ..LockFilter::default() }).await.unwrap();
    let places: std::collections::BTreeSet<u8> = locks.iter().map(|lock| lock.place).collect();
    assert_eq!(places, (0..8).collect());
    let refused = buyer.lock_take(&offer, Wh(10), PricePerKwh(500)).await.unwrap_err();
    assert!(refused.to_string().contains("8 locks"), "{refused}");
    buyer.lock_settle(&locks[3].address).await.unwrap();
    let again = buyer.lock_take(&offer, Wh(10), PricePerKwh(500)).await.unwrap();
    assert_eq!(again.place, locks[3].place);
    let taken = again.taken.unwrap();
    assert_eq!((taken.energy_wh, taken.deposit, taken.place), (10, 5, again.place));
}

#[tokio::test]
async fn what_a_lock_cannot_pay_back_waits_as_a_claim() {
    let fresh = EmbeddedMarket::new().await;
    let (buyer, stranger) = (fresh.member().await, fresh.member().await);
    let offer = fresh.offer(1_000_000, 1_000_000).await;
    let lock = buyer.lock_take(&offer, Wh(1_000_000), PricePerKwh(1_000_000)).await.unwrap().address;
    let account = fresh.token_account(&buyer.address());
    let close = spl_token_interface::instruction::close_account(
        &SPL_TOKEN_ID,
        &account,
        &buyer.address(),
        &buyer.address(),
        &[],
    );
    buyer.send(&[close.unwrap()]).await.unwrap();
    let clock = fresh.chain.clock().await.unwrap();
    fresh.chain.wait_until(clock.unix_timestamp + LOCK_SECONDS + 2).await.unwrap();
    let released = stranger.lock_release(&lock).await.unwrap();
    let outcome = released.events.iter().find_map(|event| match event {
        Event::LockReleased(event) => Some((event.refund, event.outcome)),
        _ => None,
    });
    // The bus takes a hundredth.
    let refund = FUNDS / 100 * 99;
    assert_eq!(outcome, Some((refund, RefundOutcome::Claimed as u8)));
    assert_eq!(fresh.market().claims(&fresh.bus).await.unwrap().len(), 1);
    assert_eq!(fresh.market().claim(&fresh.bus, &buyer.address()).await.unwrap().unwrap().amount, refund);
    assert_eq!(fresh.market().audit(&fresh.bus).await.unwrap().violations, [""; 0]);
    stranger.claim_pay(&fresh.bus, &buyer.address()).await.unwrap();
    assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), refund);
    assert!(fresh.market().claims(&fresh.bus).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_lock_whose_confirmation_is_lost_is_taken_and_paid_once() {
    for fault in [Fault::LandsUnanswered, Fault::LandsUnknown, Fault::Lost] {
        let fresh = EmbeddedMarket::new().await;
        let offer = fresh.offer(1_000, 500).await;
        let chain = FaultyChain::new(&fresh.chain, &[fault]);
        let buyer = Wallet::new(chain, fresh.funded().await);
        let lock = buyer.lock_take(&offer, Wh(400), PricePerKwh(500)).await.unwrap().address;
        assert_eq!(fresh.market().lock(&lock).await.unwrap().deposit, 200, "{fault:?}");
        assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), FUNDS - 200);
    }
}

#[tokio::test]
async fn a_settlement_whose_confirmation_is_lost_is_recognised() {
    for fault in [Fault::LandsUnanswered, Fault::LandsUnknown, Fault::Lost, Fault::HeldBack] {
        let fresh = EmbeddedMarket::new().await;
        let offer = fresh.offer(1_000, 500).await;
        let keypair = fresh.funded().await;
        let direct = Wallet::new(fresh.chain.clone(), keypair.clone());
        let lock = direct.lock_take(&offer, Wh(400), PricePerKwh(500)).await.unwrap().address;
        direct.open_lanes(1).await.unwrap();
        let buyer = Wallet::new(FaultyChain::new(&fresh.chain, &[fault]), keypair);
        let settled = buyer.lock_settle(&lock).await.unwrap();
        assert_eq!((settled.energy_wh, settled.paid), (400, 200), "{fault:?}");
        assert_eq!(fresh.receipts(&buyer.address()).await, 1);
    }
}
