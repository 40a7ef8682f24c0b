//! A network that loses answers and transactions: whatever it does, a purchase is paid once, and its buyer knows.

use {
    crate::support::{FUNDS, Fault, FaultyChain, World, attempts},
    multibus_client::{
        Error, Wallet,
        purchase::{BatchItem, BatchOrder, PurchaseOrder},
    },
};

const FAULTS: [Fault; 4] = [Fault::LandsUnanswered, Fault::LandsUnknown, Fault::Lost, Fault::HeldBack];

/// A world with one offer of 1 kWh for 500, and a buyer with an open lane behind a faulty network.
async fn world(faults: &[Fault], max_attempts: u32) -> (World, Wallet, PurchaseOrder) {
    let world = World::new().await;
    let offer = world.offer(1_000, 500).await;
    let keypair = world.funded().await;
    Wallet::new(world.chain.clone(), keypair.clone()).open_lanes(1).await.unwrap();
    let chain = FaultyChain::new(&world.chain, faults);
    let buyer = Wallet::new(chain, keypair).with_lanes(1).with_options(attempts(max_attempts));
    (world, buyer, PurchaseOrder::exactly(offer, 1_000, 500))
}

#[tokio::test]
async fn a_purchase_is_paid_once_whatever_becomes_of_its_transactions() {
    for first in FAULTS {
        for second in
            [None, Some(Fault::LandsUnanswered), Some(Fault::LandsUnknown), Some(Fault::Lost), Some(Fault::HeldBack)]
        {
            let faults: Vec<Fault> = [first].into_iter().chain(second).collect();
            let (world, buyer, order) = world(&faults, 5).await;
            let bought = buyer.buy(&order).await.unwrap_or_else(|error| panic!("{faults:?}: {error}"));
            assert_eq!((bought.energy_wh, bought.paid), (1_000, 500), "{faults:?}");
            assert_eq!(world.tokens(&buyer.address()).await, FUNDS - 500, "{faults:?}");
            let receipts = world.market().receipts(&buyer.address()).await.unwrap();
            assert_eq!(receipts.len(), 1, "{faults:?}");
            assert_eq!(receipts[0].transaction_hash(), bought.transaction_hash, "{faults:?}");
        }
    }
}

#[tokio::test]
async fn energy_that_this_purchase_took_is_not_mistaken_for_anothers() {
    // The whole offer is bought by the unanswered transaction: the next look finds it sold out, by this purchase.
    let (world, buyer, order) = world(&[Fault::LandsUnknown, Fault::LandsUnknown], 3).await;
    let bought = buyer.buy(&order).await.unwrap();
    assert_eq!(bought.fills.len(), 1);
    assert_eq!(world.market().offer(&order.offer).await.unwrap().remaining_wh, 0);
}

#[tokio::test]
async fn what_is_lost_for_good_is_not_paid() {
    let (world, buyer, order) = world(&[Fault::Lost; 9], 3).await;
    let refused = buyer.buy(&order).await.unwrap_err();
    assert!(matches!(refused, Error::Expired { .. }), "{refused}");
    assert_eq!((world.tokens(&buyer.address()).await, world.receipts(&buyer.address()).await), (FUNDS, 0));
}

#[tokio::test]
async fn a_purchase_held_back_does_not_make_the_next_one_fail_or_pay_twice() {
    let (world, buyer, order) = world(&[Fault::HeldBack], 1).await;
    let half = PurchaseOrder { energy_wh: 400, min_energy_wh: 400, ..order };
    let first = buyer.buy(&half).await;
    let second = buyer.buy(&half).await.unwrap();
    let paid = world.market().receipts(&buyer.address()).await.unwrap();
    let expected = usize::from(first.is_ok()) + 1;
    assert_eq!(paid.len(), expected);
    assert_eq!(world.tokens(&buyer.address()).await, FUNDS - 200 * expected as u64);
    assert!(paid.iter().any(|receipt| receipt.transaction_hash() == second.transaction_hash));
}

#[tokio::test]
async fn without_logs_the_receipt_tells() {
    for faults in [&[][..], &[Fault::LandsUnanswered], &[Fault::LandsUnknown]] {
        let world = World::new().await;
        let offer = world.offer(1_000, 500).await;
        let keypair = world.funded().await;
        Wallet::new(world.chain.clone(), keypair.clone()).open_lanes(1).await.unwrap();
        let buyer = Wallet::new(FaultyChain::without_logs(&world.chain, faults), keypair).with_lanes(1);
        let bought = buyer.buy(&PurchaseOrder::up_to(offer, 5_000, 1, 500)).await.unwrap();
        assert_eq!((bought.energy_wh, bought.paid, bought.fills.len()), (1_000, 500, 0), "{faults:?}");
        assert_eq!(world.receipts(&buyer.address()).await, 1);
    }
}

#[tokio::test]
async fn a_batch_is_paid_once_whatever_becomes_of_its_transactions() {
    for fault in FAULTS {
        let (world, buyer, order) = world(&[fault], 5).await;
        let offer = world.market().offer(&order.offer).await.unwrap();
        let batch = BatchOrder::at_quote(vec![BatchItem::at_quote(offer, 1_000)]).unwrap();
        let bought = buyer.buy_batch(&batch).await.unwrap();
        assert_eq!((bought.paid, world.tokens(&buyer.address()).await), (500, FUNDS - 500), "{fault:?}");
        assert_eq!(world.receipts(&buyer.address()).await, 1);
    }
}
