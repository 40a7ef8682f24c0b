use {
    crate::support::{FaultyChain, cut},
    base64::{Engine, prelude::BASE64_STANDARD},
    multibus_client::{
        Address, Market, PricePerKwh, Wallet, Wh,
        history::{Evidence, Flaw},
        purchase::{PurchaseOrder, TransactionHash},
    },
    multibus_test_support::market::{EmbeddedMarket, terms},
    solana_instruction::Instruction,
};

#[tokio::test]
async fn a_history_longer_than_the_receipts_is_verified() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await.with_lanes(1);
    let offer = fresh.offer(100_000, 500).await;
    let mut hashes = Vec::new();
    for number in 1..=25 {
        let purchased = buyer.buy(&PurchaseOrder::exactly(offer, Wh(number * 10), PricePerKwh(500))).await.unwrap();
        hashes.push(purchased.transaction_hash);
    }
    let market = fresh.market();
    let history = market.history(&buyer.address(), 0).await.unwrap();
    assert!(history.is_verified(), "{:?}", history.flaws);
    assert_eq!(history.purchases.iter().map(|purchase| purchase.transaction_hash).collect::<Vec<_>>(), hashes);
    assert_eq!(history.purchases.iter().map(|purchase| purchase.energy_wh).sum::<u64>(), 3_250);
    let evidence = |hash: TransactionHash, wallet: Option<Address>| async move {
        market.is_transaction_processed(&hash, wallet.as_ref()).await.unwrap().map(|found| found.evidence)
    };
    let wallet = Some(buyer.address());
    assert_eq!(evidence(hashes[24], wallet).await, Some(Evidence::Receipt));
    assert_eq!(evidence(hashes[24], None).await, Some(Evidence::Receipt));
    assert_eq!(evidence(hashes[0], wallet).await, Some(Evidence::VerifiedHistory));
    assert_eq!(evidence(hashes[0], None).await, Some(Evidence::VerifiedHistory));
    assert_eq!(evidence(TransactionHash([1; 32]), wallet).await, None);
    assert_eq!(evidence(hashes[0], Some(fresh.owner.address())).await, None);

    // A closed lane has no receipts, but its history still gives the root that its closing logged.
    buyer.trader_close(0).await.unwrap();
    let history = market.history(&buyer.address(), 0).await.unwrap();
    assert!(history.is_verified() && history.is_closed);
    assert_eq!(history.purchases.len(), 25);
    assert_eq!(evidence(hashes[24], wallet).await, Some(Evidence::VerifiedHistory));
    // When the lane is opened again, its history starts again.
    buyer.trader_open(0).await.unwrap();
    assert!(market.history(&buyer.address(), 0).await.unwrap().purchases.is_empty());
    assert_eq!(evidence(hashes[24], wallet).await, Some(Evidence::Event));
}

#[tokio::test]
async fn lines_of_other_programs_are_not_events() {
    let fresh = EmbeddedMarket::new().await;
    let (buyer, other) = (fresh.member().await, fresh.member().await);
    let offer = other.offer_create(&fresh.bus, &terms(1_000, 500)).await.unwrap().address;
    let bought = buyer.buy(&PurchaseOrder::exactly(offer, Wh(10), PricePerKwh(500))).await.unwrap();
    let record = multibus_client::chain::Chain::transaction(&*fresh.chain, &bought.signature).await.unwrap().unwrap();
    let line = record.logs.iter().find(|line| line.starts_with("Program data: ")).unwrap();
    // The memo program logs any text: here, the lines of a purchase.
    for text in [
        line.clone(),
        format!("Program {} invoke [1]\n{line}", multibus_client::multibus::ID),
        format!("\nProgram log: x\nProgram {} invoke [1]\n{line}", multibus_client::multibus::ID),
    ] {
        let memo = Instruction {
            program_id: solana_address::address!("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"),
            accounts: Vec::new(),
            data: text.into_bytes(),
        };
        let sent = other.send(&[memo]).await.unwrap();
        assert!(sent.logs.iter().any(|line| line.contains("Program data: ")));
        assert!(sent.events.is_empty());
    }
}

#[tokio::test]
async fn logs_that_were_cut_off_are_told() {
    let fresh = EmbeddedMarket::new().await;
    let keypair = fresh.funded().await;
    let offer = fresh.offer(100_000, 500).await;
    let network = FaultyChain::forging(&fresh.chain, cut);
    let buyer = Wallet::new(network.clone(), keypair).with_lanes(1);
    let order = PurchaseOrder::exactly(offer, Wh(10), PricePerKwh(500));
    let first = buyer.buy(&order).await.unwrap();
    assert_eq!((first.energy_wh, first.paid, first.fills.len()), (10, 5, 0), "the receipt tells");
    for _ in 0..16 {
        buyer.buy(&order).await.unwrap();
    }
    let history = buyer.market().history(&buyer.address(), 0).await.unwrap();
    assert_eq!(history.unread.len(), 18, "17 purchases and the opening of the lane");
    assert!(matches!(history.flaws[..], [Flaw::Gap { .. }]), "{:?}", history.flaws);
    // Nobody says that the first purchase never happened, only because its log was cut.
    let wallet = buyer.address();
    let unknown = buyer.market().is_transaction_processed(&first.transaction_hash, Some(&wallet)).await.unwrap_err();
    assert!(unknown.to_string().contains("logs were cut off or are not served"), "{unknown}");
    let sent = Wallet::new(network, fresh.owner.signer().clone()).offer_reprice(&offer, 501).await.unwrap();
    assert!(sent.events.is_empty() && sent.events_missing);
    let whole = fresh.owner.offer_reprice(&offer, 502).await.unwrap();
    assert!(whole.events.len() == 1 && !whole.events_missing);
}

/// Buys 20 times and asks a node that forges its logs for the history.
async fn forged_history(forge: fn(&mut Vec<String>)) -> Vec<Flaw> {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await.with_lanes(1);
    let offer = fresh.offer(100_000, 500).await;
    for number in 1..=20 {
        buyer.buy(&PurchaseOrder::exactly(offer, Wh(number * 10), PricePerKwh(500))).await.unwrap();
    }
    let market = Market::new(FaultyChain::forging(&fresh.chain, forge));
    market.history(&buyer.address(), 0).await.unwrap().flaws
}

/// Changes bytes of the purchases in a log: the discriminator and the buyer take 40, the hash and the nonce follow.
fn change(logs: &mut [String], change: impl Fn(&mut [u8])) {
    for line in logs {
        if let Some(data) = line.strip_prefix("Program data: ") {
            let mut bytes = BASE64_STANDARD.decode(data).unwrap();
            if bytes.len() > 108 {
                change(&mut bytes);
            }
            *line = format!("Program data: {}", BASE64_STANDARD.encode(bytes));
        }
    }
}

#[tokio::test]
async fn a_forged_history_is_found_out() {
    assert_eq!(forged_history(|_| ()).await, []);
    let forged = forged_history(|logs| change(logs, |bytes| bytes[40] ^= 1)).await;
    assert!(matches!(forged[..], [Flaw::RootMismatch { .. }]), "{forged:?}");
    // Another amount at its exact cost: energy, price and cost are the last three numbers.
    let forged = forged_history(|logs| {
        change(logs, |bytes| {
            let end = bytes.len();
            bytes[end - 24..end - 16].copy_from_slice(&2_000u64.to_le_bytes());
            bytes[end - 8..].copy_from_slice(&1_000u64.to_le_bytes());
        });
    })
    .await;
    assert!(forged.iter().any(|flaw| matches!(flaw, Flaw::TotalMismatch { .. })), "{forged:?}");
    // The program sells at no other cost, so purchases in such logs are not believed.
    let forged = forged_history(|logs| change(logs, |bytes| *bytes.last_mut().unwrap() ^= 1)).await;
    assert!(matches!(forged[..], [Flaw::Gap { .. }]), "{forged:?}");
    // The last 16 are on chain, whatever the node withholds.
    let forged = forged_history(Vec::clear).await;
    assert!(
        matches!(forged[..], [Flaw::Gap { first_nonce, last_nonce }] if last_nonce == first_nonce + 3),
        "{forged:?}"
    );
}
