use {
    multibus_client::{
        chain::Chain,
        multibus::error::MultibusError,
        proposal::ProposalAction,
        terms::{TermsConfig, terms_json},
    },
    multibus_test_support::market::{EmbeddedMarket, HORIZON_SECONDS, ON_DELIVERY, delivery_bus, open_bus},
    serde_json::Value,
};

#[tokio::test]
async fn owners_decide_on_the_next_terms() {
    let fresh = EmbeddedMarket::new().await;
    let mut config = open_bus(&fresh.owner);
    config.operator = Some(fresh.owner.address());
    config.terms = TermsConfig { window_seconds: 3_600, ..TermsConfig::default() };
    let bus = fresh.owner.bus_create(&fresh.mint, &config).await.unwrap().address;
    let market = fresh.market();
    let from = market.next_terms_from(&bus, &ON_DELIVERY).await.unwrap();
    let now = fresh.chain.clock().await.unwrap().unix_timestamp;
    assert!(from > now + i64::from(HORIZON_SECONDS) && from <= now + i64::from(HORIZON_SECONDS) + 3_600);
    assert_eq!(from % 3_600, 0);
    for (from, expected) in [(from - 3_600, MultibusError::TermsTooSoon), (from + 900, MultibusError::TermsMisaligned)]
    {
        let refused = fresh.owner.propose(&bus, &ProposalAction::TermsSet { from, terms: ON_DELIVERY }).await;
        assert_eq!(refused.unwrap_err().multibus(), Some(expected));
    }
    fresh.owner.propose(&bus, &ProposalAction::TermsSet { from, terms: ON_DELIVERY }).await.unwrap();
    let decided = market.bus(&bus).await.unwrap();
    assert_eq!((decided.next_terms.from, decided.next_terms.config()), (from, ON_DELIVERY));
    assert!(!market.terms(&decided, from - 3_600).await.unwrap().is_on_delivery());
    assert!(market.terms(&decided, from).await.unwrap().is_on_delivery());
    // The bus needs its operator from now on.
    let refused = fresh.owner.propose(&bus, &ProposalAction::OperatorSet { operator: None }).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::OperatorNeeded));
}

#[tokio::test]
async fn a_proposal_of_terms_shows_what_they_would_be() {
    let fresh = EmbeddedMarket::new().await;
    let alice = fresh.member().await;
    let mut config = delivery_bus(&fresh.owner);
    config.owners[0].share_bps = 5_000;
    config.owners.push(multibus_client::bus::OwnerShare { owner: alice.address(), share_bps: 5_000 });
    config.threshold = 2;
    let bus = fresh.owner.bus_create(&fresh.mint, &config).await.unwrap().address;
    let terms = TermsConfig { grid_fee_per_kwh: 75, ..ON_DELIVERY };
    let from = fresh.market().next_terms_from(&bus, &terms).await.unwrap();
    let proposed = fresh.owner.propose(&bus, &ProposalAction::TermsSet { from, terms }).await.unwrap().address;
    let status = fresh.market().proposal_status(&proposed).await.unwrap();
    let [change] = &status.changes[..] else { panic!("{:?}", status.changes) };
    assert_eq!((change.property, &change.before), ("next_terms", &Value::Null));
    assert_eq!((&change.after["from"], &change.after["grid_fee_per_kwh"]), (&from.into(), &75.into()));
    assert_eq!(change.after["settlement"], "on_delivery");
    let recipient = ProposalAction::GridRecipientSet { recipient: Some(alice.address()) };
    let named = fresh.owner.propose(&bus, &recipient).await.unwrap().address;
    let status = fresh.market().proposal_status(&named).await.unwrap();
    assert_eq!(status.changes[0].after, alice.address().to_string());
    let read = fresh.market().proposal(&named).await.unwrap();
    alice.proposal_approve(&read).await.unwrap();
    alice.proposal_execute(&named).await.unwrap();
    let decided = fresh.market().bus(&bus).await.unwrap();
    assert_eq!(decided.grid_recipient, alice.address());
    assert_eq!(terms_json(&decided.terms)["grid_fee_per_kwh"], 50);
}
