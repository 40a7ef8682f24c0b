use {
    crate::support::{Fault, FaultyChain, side_by_side},
    multibus_client::{
        Address, Error, Keypair, Market, Wallet,
        bus::OwnerShare,
        chain::Chain,
        multibus::error::MultibusError,
        proposal::{Change, ProposalAction, is_decided_by_one},
    },
    multibus_test_support::market::{EmbeddedMarket, SOL, open_bus},
    serde_json::json,
    std::sync::Arc,
};

/// A bus with equal owners, the market's owner first. The others can pay fees and have nothing else.
async fn co_owned(
    fresh: &EmbeddedMarket,
    others: usize,
    threshold: u8,
    timelock_seconds: u32,
) -> (Address, Vec<Arc<Keypair>>) {
    let mut keypairs = Vec::new();
    let mut shared = open_bus(&fresh.owner);
    for _ in 0..others {
        let keypair = Arc::new(Keypair::new());
        let wallet = Wallet::new(fresh.chain.clone(), keypair.clone());
        fresh.chain.airdrop(&wallet.address(), 10 * SOL).await.unwrap();
        shared.owners.push(OwnerShare { owner: wallet.address(), share_bps: 10_000 / (others as u16 + 1) });
        keypairs.push(keypair);
    }
    shared.owners[0].share_bps = 10_000 - shared.owners[1..].iter().map(|owner| owner.share_bps).sum::<u16>();
    shared.threshold = threshold;
    shared.timelock_seconds = timelock_seconds;
    let bus = fresh.owner.bus_create(&fresh.mint, &shared).await.unwrap().address;
    (bus, keypairs)
}

fn wallet(fresh: &EmbeddedMarket, keypair: &Arc<Keypair>) -> Wallet {
    Wallet::new(fresh.chain.clone(), keypair.clone())
}

async fn lamports(fresh: &EmbeddedMarket, address: Address) -> u64 {
    fresh.chain.accounts(&[address]).await.unwrap()[0].as_ref().unwrap().lamports
}

const DEARER: ProposalAction = ProposalAction::BasePriceSet { base_price_per_kwh: 200 };

#[tokio::test]
async fn one_owner_decides_in_one_transaction() {
    let fresh = EmbeddedMarket::new().await;
    let made = fresh.owner.propose(&fresh.bus, &DEARER).await.unwrap();
    let events: Vec<_> = made.sent.events.iter().map(multibus_client::Event::name).collect();
    assert_eq!(events, ["ProposalCreated", "ProposalExecuted"]);
    assert_eq!(fresh.market().bus(&fresh.bus).await.unwrap().base_price_per_kwh, 200);
    let status = fresh.market().proposal_status(&made.address).await.unwrap();
    assert_eq!(
        (status.is_executed, status.state(0), status.approved_by),
        (true, "executed", Some(vec![fresh.owner.address()]))
    );
    assert!(status.changes.is_empty());
}

#[tokio::test]
async fn owners_approve_execute_and_close() {
    let fresh = EmbeddedMarket::new().await;
    let (bus, others) = co_owned(&fresh, 2, 2, 0).await;
    let (bob, stranger) = (wallet(&fresh, &others[0]), fresh.member().await);
    let market = fresh.market();
    assert!(!is_decided_by_one(&market.bus(&bus).await.unwrap(), &DEARER));
    let proposal = bob.propose(&bus, &DEARER).await.unwrap().address;
    let status = market.proposal_status(&proposal).await.unwrap();
    assert_eq!((status.approvals, status.approvals_needed, status.approvals_missing), (1, 2, 1));
    assert_eq!((status.approved_by, status.executable_at), (Some(vec![bob.address()]), None));
    let change = Change { property: "base_price_per_kwh", before: json!(100), after: json!(200) };
    assert_eq!(status.changes, [change]);
    let read = market.proposal(&proposal).await.unwrap();
    let refusal = |result: Result<_, Error>| result.map(|_: multibus_client::Sent| ()).unwrap_err().multibus();
    assert_eq!(refusal(bob.proposal_approve(&read).await), Some(MultibusError::AlreadyApproved));
    assert_eq!(refusal(stranger.proposal_approve(&read).await), Some(MultibusError::NotAnOwner));
    assert_eq!(refusal(stranger.proposal_execute(&proposal).await), Some(MultibusError::ApprovalsMissing));
    assert_eq!(refusal(stranger.proposal_close(&proposal).await), Some(MultibusError::ProposalOpen));
    let mut other = read;
    other.account.action.value = 201;
    assert_eq!(refusal(fresh.owner.proposal_approve(&other).await), Some(MultibusError::ProposalChanged));
    fresh.owner.proposal_approve(&read).await.unwrap();
    fresh.owner.proposal_revoke(&proposal).await.unwrap();
    assert_eq!(refusal(fresh.owner.proposal_revoke(&proposal).await), Some(MultibusError::NotApproved));
    fresh.owner.proposal_approve(&read).await.unwrap();
    let status = market.proposal_status(&proposal).await.unwrap();
    assert_eq!(status.state(status.executable_at.unwrap()), "executable");
    stranger.proposal_execute(&proposal).await.unwrap();
    assert_eq!(refusal(stranger.proposal_execute(&proposal).await), Some(MultibusError::ProposalExecuted));
    assert_eq!(market.bus(&bus).await.unwrap().base_price_per_kwh, 200);
    let (before, rent) = (lamports(&fresh, bob.address()).await, lamports(&fresh, proposal).await);
    stranger.proposal_close(&proposal).await.unwrap();
    assert_eq!(lamports(&fresh, bob.address()).await, before + rent);
    assert!(market.proposals(&bus).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_timelock_ends_to_the_second() {
    let fresh = EmbeddedMarket::new().await;
    let (bus, _) = co_owned(&fresh, 1, 1, 3_600).await;
    let proposal = fresh.owner.propose(&bus, &DEARER).await.unwrap().address;
    let status = fresh.market().proposal_status(&proposal).await.unwrap();
    let at = status.executable_at.unwrap();
    assert_eq!(at, status.proposal.created_at + 3_600);
    assert_eq!((status.state(at - 1), status.state(at)), ("timelocked", "executable"));
    fresh.chain.wait_until(at - 1).await.unwrap();
    let early = fresh.owner.proposal_execute(&proposal).await.unwrap_err();
    assert_eq!(early.multibus(), Some(MultibusError::TimelockActive));
    assert!(early.to_string().contains(&format!("timelock ends at {at}, now {}", at - 1)), "{early}");
    fresh.chain.wait_until(at).await.unwrap();
    fresh.owner.proposal_execute(&proposal).await.unwrap();
}

#[tokio::test]
async fn who_approved_is_told_also_after_owners_have_moved() {
    let fresh = EmbeddedMarket::new().await;
    let (bus, others) = co_owned(&fresh, 2, 2, 0).await;
    let (bob, carol) = (wallet(&fresh, &others[0]), wallet(&fresh, &others[1]));
    let owner = fresh.owner.address();
    let removal = ProposalAction::OwnerRemove { owner, shares_bps: vec![5_000, 5_000] };
    let stale = carol.propose(&bus, &DEARER).await.unwrap().address;
    let removed = bob.propose(&bus, &removal).await.unwrap().address;
    let market = fresh.market();
    let read = market.proposal(&removed).await.unwrap();
    carol.proposal_approve(&read).await.unwrap();
    carol.proposal_revoke(&removed).await.unwrap();
    fresh.owner.proposal_approve(&read).await.unwrap();
    carol.proposal_execute(&removed).await.unwrap();
    let status = market.proposal_status(&removed).await.unwrap();
    assert_eq!(status.approved_by, Some(vec![bob.address(), owner]), "the places of the owners have moved");
    let status = market.proposal_status(&stale).await.unwrap();
    assert_eq!((status.is_stale, status.state(0), status.approved_by), (true, "stale", Some(vec![carol.address()])));
    assert!(status.changes.is_empty());
    let refused = bob.proposal_approve(&market.proposal(&stale).await.unwrap()).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::ProposalStale));
    // A node without logs cannot tell, and no wrong names are shown.
    let forgetful = Market::new(FaultyChain::without_logs(&fresh.chain, &[]));
    assert_eq!(forgetful.proposal_status(&removed).await.unwrap().approved_by, None);
    bob.proposal_close(&stale).await.unwrap();
}

#[tokio::test]
async fn owners_who_propose_at_once_get_numbers_of_their_own() {
    let fresh = EmbeddedMarket::new().await;
    let (bus, others) = co_owned(&fresh, 3, 2, 0).await;
    let slow = FaultyChain::slow(&fresh.chain);
    let tasks = others.iter().map(|keypair| {
        let owner = Wallet::new(slow.clone(), keypair.clone());
        async move { owner.propose(&bus, &DEARER).await.map(|made| (made.address, owner.address())) }
    });
    let made: Vec<_> = side_by_side(tasks).await.into_iter().map(Result::unwrap).collect();
    let proposals = fresh.market().proposals(&bus).await.unwrap();
    let first = proposals[0].number;
    let numbers: Vec<_> = proposals.iter().map(|proposal| proposal.number).collect();
    assert_eq!(numbers, [first; 3], "each owner has a counter of its own");
    let owner = Wallet::new(slow.clone(), others[0].clone());
    let at_once = side_by_side([0, 1].map(|_| {
        let owner = owner.clone();
        async move { owner.propose(&bus, &DEARER).await.unwrap().address }
    }));
    let [second, third] = at_once.await[..] else { panic!() };
    assert_ne!(second, third, "one owner's proposals at once have numbers of their own");
    for (address, proposer) in made {
        assert!(proposals.iter().any(|proposal| proposal.address == address && proposal.proposer == proposer));
    }
}

#[tokio::test]
async fn decisions_count_once_on_a_network_that_loses_answers() {
    for fault in [Fault::LandsUnanswered, Fault::LandsUnknown, Fault::Lost] {
        let fresh = EmbeddedMarket::new().await;
        let (bus, others) = co_owned(&fresh, 1, 2, 0).await;
        let at_fault = || Wallet::new(FaultyChain::new(&fresh.chain, &[fault]), others[0].clone());
        let said = |error: Error| panic!("{fault:?}: {error}");
        let proposal = at_fault().propose(&bus, &DEARER).await.unwrap_or_else(said).address;
        assert_eq!(fresh.market().proposals(&bus).await.unwrap().len(), 1, "{fault:?}");
        let said = |error: Error| panic!("{fault:?}: {error}");
        let read = fresh.market().proposal(&proposal).await.unwrap();
        at_fault().proposal_revoke(&proposal).await.unwrap_or_else(said);
        at_fault().proposal_approve(&read).await.unwrap_or_else(said);
        fresh.owner.proposal_approve(&read).await.unwrap();
        at_fault().proposal_execute(&proposal).await.unwrap_or_else(said);
        assert_eq!(fresh.market().bus(&bus).await.unwrap().base_price_per_kwh, 200, "{fault:?}");
    }
}

#[tokio::test]
async fn sixteen_owners_fit_one_transaction() {
    let fresh = EmbeddedMarket::new().await;
    let (bus, _) = co_owned(&fresh, 14, 1, 0).await;
    let sixteenth = Address::new_from_array([16; 32]);
    let mut shares_bps = vec![600; 16];
    shares_bps[0] = 1_000;
    let add = ProposalAction::OwnerAdd { owner: sixteenth, shares_bps };
    fresh.owner.propose(&bus, &add).await.unwrap();
    let owners = fresh.market().bus(&bus).await.unwrap();
    assert_eq!((owners.owners().len(), owners.owners()[15].owner), (16, sixteenth));
    let full = ProposalAction::OwnerAdd { owner: Address::new_from_array([17; 32]), shares_bps: vec![625; 16] };
    let refused = fresh.owner.propose(&bus, &full).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::OwnersFull));
    let beyond = ProposalAction::SharesSet { shares_bps: vec![625; 17] };
    let refused = fresh.owner.propose(&bus, &beyond).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::ShareCountInvalid));
    let leave = ProposalAction::OwnerRemove { owner: sixteenth, shares_bps: [vec![1_600], vec![600; 14]].concat() };
    fresh.owner.propose(&bus, &leave).await.unwrap();
    assert_eq!(fresh.market().bus(&bus).await.unwrap().owners().len(), 15);
}
