use {
    multibus_client::{
        Address, Event, PricePerKwh, Wallet, Wh,
        bus::ListingPolicy,
        chain::Chain,
        multibus::error::MultibusError,
        purchase::PurchaseOrder,
        seller::{SellerMoney, may_list},
    },
    multibus_test_support::market::{EmbeddedMarket, FUNDS, open_bus, terms},
};

/// A bus on which only owners and admitted sellers list, with an operator.
async fn operated(fresh: &EmbeddedMarket) -> (Address, Wallet) {
    let operator = fresh.member().await;
    let mut config = open_bus(&fresh.owner);
    (config.listing_policy, config.operator) = (ListingPolicy::Admitted as u8, Some(operator.address()));
    (fresh.owner.bus_create(&fresh.mint, &config).await.unwrap().address, operator)
}

#[tokio::test]
async fn the_operator_admits_and_suspends_a_seller() {
    let fresh = EmbeddedMarket::new().await;
    let (bus, operator) = operated(&fresh).await;
    let (seller, buyer) = (fresh.member().await, fresh.member().await);
    let (market, wallet) = (fresh.market(), seller.address());
    let refused = seller.offer_create(&bus, &terms(1_000, 500)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::ListingClosed));
    assert!(market.find_seller(&bus, &wallet).await.unwrap().is_none());
    let refused = seller.seller_admit(&bus, &wallet).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::NotTheOperator));
    operator.seller_admit(&bus, &wallet).await.unwrap();
    let rules = market.bus(&bus).await.unwrap();
    let may = |seller| may_list(&rules, &wallet, seller);
    let account = market.seller(&bus, &wallet).await.unwrap();
    assert!(may(Some(&account.account)) && !may(None));
    assert_eq!((account.admitted, account.wallet, account.rent_payer), (1, wallet, operator.address()));
    let offer = seller.offer_create(&bus, &terms(1_000, 500)).await.unwrap();
    assert_eq!((offer.number, offer.trades_from), (account.next_offer, Some(0)));

    operator.seller_suspend(&bus, &wallet).await.unwrap();
    let account = market.seller(&bus, &wallet).await.unwrap();
    assert!(account.suspended == 1 && !may(Some(&account.account)));
    let refused = seller.offer_create(&bus, &terms(1_000, 500)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::SellerSuspended));
    // What it has on offer goes on trading until somebody withdraws it.
    buyer.buy(&PurchaseOrder::exactly(offer.address, Wh(200), PricePerKwh(500))).await.unwrap();
    fresh.owner.offer_cancel(&offer.address).await.unwrap();
    let refused = seller.seller_close(&bus, &wallet).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::SellerSuspended));
    operator.seller_admit(&bus, &wallet).await.unwrap();
    // Closing pays what is left.
    let closed = seller.seller_close(&bus, &wallet).await.unwrap();
    let paid = closed.events.iter().find_map(|event| match event {
        Event::SellerClosed(event) => Some(event.amount),
        _ => None,
    });
    assert_eq!((paid, fresh.tokens(&wallet).await.unwrap()), (Some(100), FUNDS + 100));
    assert!(market.sellers_of(&wallet).await.unwrap().is_empty());
}

#[tokio::test]
async fn anybody_withdraws_for_a_seller_and_only_the_seller_chooses_the_account() {
    let fresh = EmbeddedMarket::new().await;
    let (seller, buyer) = (fresh.member().await, fresh.member().await);
    let (market, wallet) = (fresh.market(), seller.address());
    let mut offers = Vec::new();
    for _ in 0..30 {
        offers.push(seller.offer_create(&fresh.bus, &terms(1_000, 500)).await.unwrap().address);
    }
    for offer in &offers {
        buyer.buy(&PurchaseOrder::exactly(*offer, Wh(200), PricePerKwh(500))).await.unwrap();
    }
    let lock = buyer.lock_take(&offers[0], Wh(100), PricePerKwh(500)).await.unwrap();
    let account = market.seller(&fresh.bus, &wallet).await.unwrap();
    let money = market.seller_money(&account).await.unwrap();
    let (released, held, grid_fees, pool_due) = (0, 0, 0, 0);
    let expected = SellerMoney { released, proceeds: 3_000, deposits: 50, held, grid_fees, pool_due, vault: 3_050 };
    assert_eq!(money, expected);
    seller.offer_collect(&offers[0]).await.unwrap();
    let account = market.seller(&fresh.bus, &wallet).await.unwrap();
    assert_eq!(market.seller_money(&account).await.unwrap(), SellerMoney { released: 100, proceeds: 2_900, ..money });
    let withdrawn = buyer.seller_withdraw(&fresh.bus, &wallet).await.unwrap();
    assert_eq!((withdrawn.amount, withdrawn.transactions.len()), (Some(3_000), 2));
    assert_eq!(fresh.tokens(&wallet).await.unwrap(), FUNDS + 3_000);
    let refused = buyer.seller_withdraw(&fresh.bus, &wallet).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::NothingToWithdraw));
    buyer.lock_settle(&lock.address).await.unwrap();
    let elsewhere = fresh.token_account(&fresh.owner.address());
    let before = fresh.tokens(&fresh.owner.address()).await.unwrap();
    assert_eq!(seller.seller_withdraw_to(&fresh.bus, &elsewhere).await.unwrap().amount, Some(50));
    assert_eq!(fresh.tokens(&fresh.owner.address()).await.unwrap(), before + 50);
    assert_eq!(market.sellers(&fresh.bus).await.unwrap().len(), 1);
    assert_eq!(market.audit(&fresh.bus).await.unwrap().violations, [""; 0]);
}

#[tokio::test]
async fn one_seller_lists_many_offers_at_once() {
    let fresh = EmbeddedMarket::new().await;
    let seller = Wallet::new(crate::support::FaultyChain::slow(&fresh.chain), fresh.funded().await);
    let bus = fresh.bus;
    let listing = (0..12).map(|_| {
        let seller = seller.clone();
        async move { seller.offer_create(&bus, &terms(10, 500)).await.unwrap().number }
    });
    let mut numbers = crate::support::side_by_side(listing).await;
    numbers.sort_unstable();
    assert_eq!(numbers, (numbers[0]..numbers[0] + 12).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_seller_opens_its_account_before_it_lists() {
    let fresh = EmbeddedMarket::new().await;
    let seller = fresh.member().await;
    let opened = seller.seller_open(&fresh.bus).await.unwrap();
    assert_eq!(opened.address, multibus_client::address::seller(&fresh.bus, &seller.address()));
    fresh.owner.seller_open_for_bus(&fresh.bus).await.unwrap();
    let own = fresh.market().bus(&fresh.bus).await.unwrap().seller;
    assert_eq!(fresh.market().seller(&fresh.bus, &fresh.bus).await.unwrap().address, own);
    let listed = seller.offer_create(&fresh.bus, &terms(10, 500)).await.unwrap();
    let names: Vec<_> = listed.sent.events.iter().map(Event::name).collect();
    assert_eq!(names, ["OfferCreated"]);
    let clock = fresh.chain.clock().await.unwrap();
    assert!(listed.terms.expires_at > clock.unix_timestamp);
}
