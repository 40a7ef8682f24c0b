//! The embedded chain keeps the rules of a network.

use {
    crate::support::{SOL, World, terms},
    futures_util::StreamExt,
    multibus_client::{
        Error, Signer,
        chain::{Chain, EmbeddedChain, Outcome, TransactionError, VersionedTransaction},
        event,
        purchase::PurchaseOrder,
    },
    solana_message::{VersionedMessage, v0},
};

/// A signed transfer of one lamport to oneself.
async fn transfer(world: &World) -> (VersionedTransaction, u64) {
    let (signer, blockhash) = (world.owner.signer(), world.chain.latest_blockhash().await.unwrap());
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
    let world = World::new().await;
    let (transaction, last_valid) = transfer(&world).await;
    let signature = world.chain.send(&transaction).await.unwrap();
    assert!(matches!(world.chain.confirm(&signature, last_valid).await.unwrap(), Outcome::Landed { .. }));
    assert_eq!(refusal(world.chain.send(&transaction).await.unwrap_err()), TransactionError::AlreadyProcessed);
}

#[tokio::test]
async fn a_forged_signature_is_refused() {
    let world = World::new().await;
    let (mut transaction, _) = transfer(&world).await;
    transaction.signatures[0] = world.owner.signer().sign_message(b"something else");
    assert_eq!(refusal(world.chain.send(&transaction).await.unwrap_err()), TransactionError::SignatureFailure);
}

#[tokio::test]
async fn a_blockhash_expires() {
    let world = World::new().await;
    let (transaction, last_valid) = transfer(&world).await;
    let slot = world.chain.clock().await.unwrap().slot;
    world.chain.wait_for_slot(slot + 150).await.unwrap();
    let (second, _) = transfer(&world).await;
    world.chain.send(&second).await.unwrap();
    world.chain.wait_for_slot(slot + 151).await.unwrap();
    assert_eq!(refusal(world.chain.send(&transaction).await.unwrap_err()), TransactionError::BlockhashNotFound);
    assert_eq!(world.chain.confirm(&transaction.signatures[0], last_valid).await.unwrap(), Outcome::Expired);
}

#[tokio::test]
async fn the_clock_moves_forward_only_as_told() {
    let world = World::new().await;
    let clock = world.chain.clock().await.unwrap();
    let later = world.chain.wait_until(clock.unix_timestamp + 900).await.unwrap();
    assert_eq!(later.unix_timestamp, clock.unix_timestamp + 900);
    assert!((2_248..=2_251).contains(&(later.slot - clock.slot)), "{} slots", later.slot - clock.slot);
    assert_eq!(world.chain.wait_until(0).await.unwrap(), later);
    assert!(matches!(world.chain.set_clock(clock.unix_timestamp), Err(Error::Invalid(_))));
    assert_eq!(world.chain.set_clock(later.unix_timestamp + 5).unwrap().unix_timestamp, later.unix_timestamp + 5);
}

#[tokio::test]
async fn history_pages_and_subscriptions_tell_the_same() {
    let world = World::new().await;
    let buyer = world.member().await;
    let mut logs = world.chain.subscribe_logs(&multibus_client::multibus::ID).await.unwrap();
    let offer = world.owner.offer_create(&world.bus, &terms(1_000, 500)).await.unwrap();
    for _ in 0..5 {
        buyer.buy(&PurchaseOrder::exactly(offer.address, 10, 500)).await.unwrap();
    }
    let all = world.chain.signatures_for(&offer.address, None, 100).await.unwrap();
    assert_eq!(all.len(), 6);
    assert_eq!(all[5].signature, offer.sent.signature);
    let first = world.chain.signatures_for(&offer.address, None, 4).await.unwrap();
    let rest = world.chain.signatures_for(&offer.address, Some(first[3].signature), 4).await.unwrap();
    assert_eq!([first, rest].concat(), all);
    let mut heard = Vec::new();
    while heard.len() < 7 {
        let notification = logs.next().await.unwrap().unwrap();
        heard.extend(event::parse(&notification.logs).events.iter().map(|event| event.name()));
    }
    assert_eq!(heard[..2], ["OfferCreated", "TraderOpened"]);
    assert_eq!(heard[2..], ["EnergyPurchased"; 5]);
}

#[tokio::test]
async fn what_is_not_a_program_is_refused_with_the_remedy() {
    let refused = EmbeddedChain::with_program(b"not an ELF").err().unwrap().to_string();
    assert!(refused.contains("cargo xtask build"), "{refused}");
}

#[tokio::test]
async fn an_airdrop_arrives() {
    let world = World::new().await;
    let address = multibus_client::Keypair::new().pubkey();
    world.chain.airdrop(&address, 3 * SOL).await.unwrap();
    assert_eq!(world.chain.accounts(&[address]).await.unwrap()[0].as_ref().unwrap().lamports, 3 * SOL);
}
