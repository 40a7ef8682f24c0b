//! The embedded chain keeps the rules of a network.

use {
    futures_util::StreamExt,
    multibus_client::{
        Error, PricePerKwh, Signer, Wh,
        chain::{Chain, EmbeddedChain, Outcome, TransactionError, VersionedTransaction},
        event,
        purchase::PurchaseOrder,
    },
    multibus_test_support::market::{EmbeddedMarket, SOL, terms},
    solana_message::{VersionedMessage, v0},
};

/// A signed transfer of one lamport to oneself.
async fn transfer(fresh: &EmbeddedMarket) -> (VersionedTransaction, u64) {
    let (signer, blockhash) = (fresh.owner.signer(), fresh.chain.latest_blockhash().await.unwrap());
    let wallet = signer.pubkey();
    let instruction = solana_system_interface::instruction::transfer(&wallet, &wallet, 1);
    let message = v0::Message::try_compile(&wallet, &[instruction], &[], blockhash.hash).unwrap();
    let transaction = VersionedTransaction::try_new(VersionedMessage::V0(message), &[signer]).unwrap();
    (transaction, blockhash.last_valid_block_height)
}

fn refusal(error: Error) -> TransactionError {
    match error {
        Error::Transaction { error, .. } => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_transaction_executes_once() {
    let fresh = EmbeddedMarket::new().await;
    let (transaction, last_valid) = transfer(&fresh).await;
    let signature = fresh.chain.send(&transaction).await.unwrap();
    assert!(matches!(fresh.chain.confirm(&signature, last_valid).await.unwrap(), Outcome::Landed { .. }));
    assert_eq!(refusal(fresh.chain.send(&transaction).await.unwrap_err()), TransactionError::AlreadyProcessed);
}

#[tokio::test]
async fn a_forged_signature_is_refused() {
    let fresh = EmbeddedMarket::new().await;
    let (mut transaction, _) = transfer(&fresh).await;
    transaction.signatures[0] = fresh.owner.signer().sign_message(b"something else");
    assert_eq!(refusal(fresh.chain.send(&transaction).await.unwrap_err()), TransactionError::SignatureFailure);
}

#[tokio::test]
async fn a_blockhash_expires() {
    let fresh = EmbeddedMarket::new().await;
    let (transaction, last_valid) = transfer(&fresh).await;
    let slot = fresh.chain.clock().await.unwrap().slot;
    fresh.chain.wait_for_slot(slot + 150).await.unwrap();
    let (second, _) = transfer(&fresh).await;
    fresh.chain.send(&second).await.unwrap();
    fresh.chain.wait_for_slot(slot + 151).await.unwrap();
    assert_eq!(refusal(fresh.chain.send(&transaction).await.unwrap_err()), TransactionError::BlockhashNotFound);
    assert_eq!(fresh.chain.confirm(&transaction.signatures[0], last_valid).await.unwrap(), Outcome::Expired);
}

#[tokio::test]
async fn the_clock_moves_forward_only_as_told() {
    let fresh = EmbeddedMarket::new().await;
    let clock = fresh.chain.clock().await.unwrap();
    let later = fresh.chain.wait_until(clock.unix_timestamp + 900).await.unwrap();
    assert_eq!(later.unix_timestamp, clock.unix_timestamp + 900);
    assert!((2_248..=2_251).contains(&(later.slot - clock.slot)), "{} slots", later.slot - clock.slot);
    assert_eq!(fresh.chain.wait_until(0).await.unwrap(), later);
    assert!(matches!(fresh.chain.set_clock(clock.unix_timestamp), Err(Error::Invalid(_))));
    assert_eq!(fresh.chain.set_clock(later.unix_timestamp + 5).unwrap().unix_timestamp, later.unix_timestamp + 5);
}

#[tokio::test]
async fn history_pages_and_subscriptions_tell_the_same() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await;
    let mut logs = fresh.chain.subscribe_logs(&multibus_client::multibus::ID).await.unwrap();
    let offer = fresh.owner.offer_create(&fresh.bus, &terms(1_000, 500)).await.unwrap();
    for _ in 0..5 {
        buyer.buy(&PurchaseOrder::exactly(offer.address, Wh(10), PricePerKwh(500))).await.unwrap();
    }
    let all = fresh.chain.signatures_for(&offer.address, None, 100).await.unwrap();
    assert_eq!(all.len(), 6);
    assert_eq!(all[5].signature, offer.sent.signature);
    let first = fresh.chain.signatures_for(&offer.address, None, 4).await.unwrap();
    let rest = fresh.chain.signatures_for(&offer.address, Some(first[3].signature), 4).await.unwrap();
    assert_eq!([first, rest].concat(), all);
    let mut heard = Vec::new();
    while heard.len() < 8 {
        let notification = logs.next().await.unwrap().unwrap();
        heard.extend(event::parse(&notification.logs).events.iter().map(multibus_client::Event::name));
    }
    assert_eq!(heard[..3], ["SellerOpened", "OfferCreated", "TraderOpened"]);
    assert_eq!(heard[3..], ["EnergyPurchased"; 5]);
}

#[tokio::test]
async fn what_is_not_a_program_is_refused_with_the_remedy() {
    let refused = EmbeddedChain::with_program(b"not an ELF").err().unwrap().to_string();
    assert!(refused.contains("cargo xtask build"), "{refused}");
}

#[tokio::test]
async fn an_airdrop_arrives() {
    let fresh = EmbeddedMarket::new().await;
    let address = multibus_client::Keypair::new().pubkey();
    fresh.chain.airdrop(&address, 3 * SOL).await.unwrap();
    assert_eq!(fresh.chain.accounts(&[address]).await.unwrap()[0].as_ref().unwrap().lamports, 3 * SOL);
}
