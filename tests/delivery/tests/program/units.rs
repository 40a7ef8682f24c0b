//! Compute units against the table of the issue on delivery.

use {
    multibus::state::*,
    multibus_delivery::{Delivery, Net, config},
    solana_address::Address,
};

/// A key whose account of this kind has an address with the first bump.
fn best_key(net: &mut Net, name: &str, bump: impl Fn(&Net, &Address) -> u8) -> Address {
    for number in 0.. {
        let key = net.wallet(&format!("{name} {number}"));
        if bump(net, &key) == 255 {
            return key;
        }
    }
    unreachable!()
}

#[test]
fn the_budgets_are_kept() {
    let mut play = Delivery::new();
    let book = play.book;
    let bump = |seeds: &[&[u8]]| Address::find_program_address(seeds, &multibus::ID).1;
    let buyer = best_key(&mut play.net, "buyer", |_, buyer| bump(&[b"position", book.as_ref(), buyer.as_ref()]));
    let account = play.net.fund(&buyer, 1_000_000_000_000);
    let lane = play.net.trader_open(&buyer);
    play.net.run(&[lane]);
    let first_purchase = {
        let open = play.net.position_open(&buyer, &book, &buyer);
        let buy = play.net.purchase(&buyer, &account, &play.offer, 1_000);
        play.net.run(&[open, buy])
    };
    let buy = play.net.purchase(&buyer, &account, &play.offer, 1_000);
    let purchase = play.net.run(&[buy]);
    let batch = play.net.purchase_batch(&buyer, &account, &[(play.offer, 1_000)]);
    let batch = play.net.run(&[batch]);
    let take = play.net.lock_take(&buyer, &account, &play.offer, 0, 1_000);
    let lock_take = play.net.run(&[take]);
    let lock = play.net.lock(&play.offer, &buyer, 0);
    let settle = play.net.lock_settle(&buyer, &lock);
    let lock_settle = play.net.run(&[settle]);
    play.pass_window(0);
    let by_transaction = play.net.run(&[play.report(5_000, 1)]);
    let signed = play.net.signed_report(&play.device, &play.seller, &play.book, play.reading(5_001, 2));
    let by_signature = play.net.run(&signed);
    let by_operator = play.net.run(&[play.operator_report(2_222, 1)]);
    play.net.pass(3_600);
    // The certificate of a window whose first certificate has the first bump, or the overhead of a later one is told.
    let (take, certificate) = play.net.certificate_take(&buyer, &play.seller, play.window);
    let state = play.book_state();
    let seeds: [&[u8]; 4] = [b"certificate", state.seller.as_ref(), &play.window.to_le_bytes(), &0u64.to_le_bytes()];
    let tries = 255 - bump(&seeds) as u64;
    let certificate_take = play.net.run(&[take]) - tries * 1_500;
    let retire = play.net.certificate_retire(&certificate, "Bakery on the square");
    let certificate_retire = play.net.run(&[retire]);
    let (release, refund) = whole_book();
    let measured = [
        ("purchase on delivery terms", purchase, 3_300, 2_800),
        ("purchase, first of a book", first_purchase, 5_500, 5_500),
        ("delivery_report by transaction", by_transaction, 1_500, 1_000),
        ("delivery_report by Ed25519", by_signature, 2_300, 1_600),
        ("delivery_release of 96 windows", release, 9_000, 6_000),
        ("delivery_refund of 96 windows", refund, 9_000, 6_000),
        ("certificate_take", certificate_take, 4_000, 3_000),
        ("certificate_retire", certificate_retire, 1_500, 1_000),
    ];
    for (name, units, must, moonshot) in measured {
        println!("{name}: {units} (must {must}, moonshot {moonshot})");
    }
    println!(
        "delivery_report by operator: {by_operator}, purchase_batch of 1: {batch}, lock_take: {lock_take}, lock_settle: {lock_settle}"
    );
    for (name, units, must, _) in measured {
        assert!(units <= must, "{name}: {units} > {must}");
    }
}

/// Compute units of the release and the refund of a book with 96 windows, in each of which a part was delivered.
fn whole_book() -> (u64, u64) {
    let mut play = Delivery::new();
    let (buyer, account) = play.net.buyer("buyer", 1_000_000_000_000);
    let first = (play.net.now() / 86_400 + 1) * 86_400;
    let mut book = Address::default();
    for window in (0..96).map(|place| first + place * 900) {
        let ahead = window - 86_400 - play.net.now();
        if ahead > 0 {
            play.net.pass(ahead);
        }
        let (offer, of_window) = play.list(window, 10_000, 2_000_003);
        if book != of_window {
            book = of_window;
            let open = play.net.position_open(&buyer, &book, &buyer);
            play.net.run(&[open]);
        }
        let buy = play.net.purchase(&buyer, &account, &offer, 9_999);
        play.net.run(&[buy]);
    }
    for window in (0..96).map(|place| first + place * 900) {
        let ahead = window + 900 - play.net.now();
        if ahead > 0 {
            play.net.pass(ahead);
        }
        let reading = Reading { window_start: window, energy_wh: 7_777, sequence: 1 };
        let report = play.net.delivery_report(&play.device, &book, reading, ReadingProof::Transaction);
        play.net.run(&[report]);
    }
    play.net.pass(3_600);
    let release = play.net.delivery_release(&book);
    let release = play.net.run(&[release]);
    let refund = play.net.delivery_refund(&play.net.position(&book, &buyer));
    let refund = play.net.run(&[refund]);
    (release, refund)
}

/// On purchase terms nothing gets dearer than it was without delivery: what the same play cost on the program before.
#[test]
fn purchase_terms_do_not_get_dearer() {
    let mut net = Net::new(|net| config(&[(net.wallet("owner"), 10_000)]));
    let (buyer, account) = net.buyer("buyer", u64::MAX / 2);
    let sellers: Vec<Address> = (0..8).map(|number| net.wallet(&format!("seller {number}"))).collect();
    let offers: Vec<Address> = sellers.iter().map(|seller| net.seller_with_offer(seller, 100_000, 2_500_000)).collect();
    let buy = net.purchase(&buyer, &account, &offers[0], 1_000);
    let purchase = net.run(&[buy]);
    let items: Vec<_> = offers.iter().map(|offer| (*offer, 1_000)).collect();
    let batches = [1, 2, 4, 8].map(|count| {
        let buy = net.purchase_batch(&buyer, &account, &items[..count]);
        net.run(&[buy])
    });
    let best = |place: &u8| {
        let seeds: [&[u8]; 4] = [b"lock", offers[0].as_ref(), buyer.as_ref(), &[*place]];
        Address::find_program_address(&seeds, &multibus::ID).1 == 255
    };
    let place = (0..8).find(best).expect("a first bump");
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
    println!("offer_collect: {offer_collect}");
    let measured = [
        ("purchase", purchase, 2_503),
        ("purchase_batch of 1", batches[0], 2_939),
        ("purchase_batch of 2 from two sellers", batches[1], 3_902),
        ("purchase_batch of 4 from four sellers", batches[2], 5_463),
        ("purchase_batch of 8 from eight sellers", batches[3], 8_717),
        ("lock_take", lock_take, 3_950),
        ("lock_settle", lock_settle, 1_800),
        ("lock_release", lock_release, 2_700),
        ("offer_create", offer_create, 3_000),
        ("seller_withdraw", seller_withdraw, 2_600),
    ];
    for (name, units, most) in measured {
        println!("{name}: {units} (at most {most})");
    }
    for (name, units, most) in measured {
        assert!(units <= most, "{name}: {units} > {most}");
    }
}
