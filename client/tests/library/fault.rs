//! A network that loses answers and transactions. Whatever it does, a purchase is paid once and its buyer knows.

use {
    crate::support::{Fault, FaultyChain, attempts},
    multibus_client::{
        Error, PricePerKwh, Wallet, Wh,
        purchase::{BatchItem, BatchOrder, PurchaseOrder},
    },
    multibus_test_support::market::{EmbeddedMarket, FUNDS},
};

const FAULTS: [Fault; 4] = [Fault::LandsUnanswered, Fault::LandsUnknown, Fault::Lost, Fault::HeldBack];

/// A market with one offer of 1 kWh for 500, and a buyer with an open lane behind a faulty network.
async fn market_with(faults: &[Fault], max_attempts: u32) -> (EmbeddedMarket, Wallet, PurchaseOrder) {
    let fresh = EmbeddedMarket::new().await;
    let offer = fresh.offer(1_000, 500).await;
    let keypair = fresh.funded().await;
    Wallet::new(fresh.chain.clone(), keypair.clone()).open_lanes(1).await.unwrap();
    let chain = FaultyChain::new(&fresh.chain, faults);
    let buyer = Wallet::new(chain, keypair).with_lanes(1).with_options(attempts(max_attempts));
    (fresh, buyer, PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(500)))
}

#[tokio::test]
async fn a_purchase_is_paid_once_whatever_becomes_of_its_transactions() {
    for first in FAULTS {
        for second in
            [None, Some(Fault::LandsUnanswered), Some(Fault::LandsUnknown), Some(Fault::Lost), Some(Fault::HeldBack)]
        {
            let faults: Vec<Fault> = [first].into_iter().chain(second).collect();
            let (fresh, buyer, order) = market_with(&faults, 5).await;
            let bought = buyer.buy(&order).await.unwrap_or_else(|error| panic!("{faults:?}: {error}"));
            assert_eq!((bought.energy_wh, bought.paid), (1_000, 500), "{faults:?}");
            assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), FUNDS - 500, "{faults:?}");
            let receipts = fresh.market().receipts(&buyer.address()).await.unwrap();
            assert_eq!(receipts.len(), 1, "{faults:?}");
            assert_eq!(receipts[0].transaction_hash(), bought.transaction_hash, "{faults:?}");
        }
    }
}

#[tokio::test]
async fn energy_that_this_purchase_took_is_not_mistaken_for_anothers() {
    // The unanswered transaction buys the whole offer. The next quote finds it sold out by this purchase.
    let (fresh, buyer, order) = market_with(&[Fault::LandsUnknown, Fault::LandsUnknown], 3).await;
    let bought = buyer.buy(&order).await.unwrap();
    assert_eq!(bought.fills.len(), 1);
    assert_eq!(fresh.market().offer(&order.offer).await.unwrap().remaining_wh, 0);
}

#[tokio::test]
async fn what_is_lost_for_good_is_not_paid() {
    let (fresh, buyer, order) = market_with(&[Fault::Lost; 9], 3).await;
    let refused = buyer.buy(&order).await.unwrap_err();
    assert!(matches!(refused, Error::Expired { .. }), "{refused}");
    assert_eq!((fresh.tokens(&buyer.address()).await.unwrap(), fresh.receipts(&buyer.address()).await), (FUNDS, 0));
}

#[tokio::test]
async fn a_purchase_held_back_does_not_make_the_next_one_fail_or_pay_twice() {
    let (fresh, buyer, order) = market_with(&[Fault::HeldBack], 1).await;
    let half = PurchaseOrder { energy_wh: 400, min_energy_wh: 400, ..order };
    let first = buyer.buy(&half).await;
    let second = buyer.buy(&half).await.unwrap();
    let paid = fresh.market().receipts(&buyer.address()).await.unwrap();
    let expected = usize::from(first.is_ok()) + 1;
    assert_eq!(paid.len(), expected);
    assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), FUNDS - 200 * expected as u64);
    assert!(paid.iter().any(|receipt| receipt.transaction_hash() == second.transaction_hash));
}

#[tokio::test]
async fn without_logs_the_receipt_tells() {
    for faults in [&[][..], &[Fault::LandsUnanswered], &[Fault::LandsUnknown]] {
        let fresh = EmbeddedMarket::new().await;
        let offer = fresh.offer(1_000, 500).await;
        let keypair = fresh.funded().await;
        Wallet::new(fresh.chain.clone(), keypair.clone()).open_lanes(1).await.unwrap();
        let buyer = Wallet::new(FaultyChain::without_logs(&fresh.chain, faults), keypair).with_lanes(1);
        let bought =
            buyer.buy(&PurchaseOrder::exactly(offer, Wh(5_000), PricePerKwh(500)).or_at_least(Wh(1))).await.unwrap();
        assert_eq!((bought.energy_wh, bought.paid, bought.fills.len()), (1_000, 500, 0), "{faults:?}");
        assert_eq!(fresh.receipts(&buyer.address()).await, 1);
    }
}

#[tokio::test]
async fn a_batch_is_paid_once_whatever_becomes_of_its_transactions() {
    for fault in FAULTS {
        let (fresh, buyer, order) = market_with(&[fault], 5).await;
        let offer = fresh.market().offer(&order.offer).await.unwrap();
        let batch = BatchOrder::at_quote(vec![BatchItem::at_quote(offer, 1_000)]).unwrap();
        let bought = buyer.buy_batch(&batch).await.unwrap();
        assert_eq!((bought.paid, fresh.tokens(&buyer.address()).await.unwrap()), (500, FUNDS - 500), "{fault:?}");
        assert_eq!(fresh.receipts(&buyer.address()).await, 1);
    }
}
