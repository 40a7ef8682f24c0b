//! A valid use of every instruction, all in one market, for tests that try the same thing on each.

use {
    anchor_lang::Discriminator,
    multibus::{
        instruction::LockTake,
        state::{self, ProposalAction, Reading, ReadingProof},
    },
    multibus_tests::{
        BidAddresses, BookAddresses, BusAddresses, BusOptions, Buyer, ClearingAddresses, LaneAddress, OfferAddresses,
        SellerAddresses, TestChain, TestMarket, chain::FIRST, delivery::solar, instructions::*,
    },
    solana_address::Address,
    solana_instruction::Instruction,
};

/// A valid use of every instruction, all in one market, and what they are about.
pub struct Fixture {
    pub market: TestMarket,
    /// By the instruction's name.
    pub instructions: Vec<(&'static str, Instruction)>,
    /// Start of a window that is over.
    pub old: i64,
    /// Start of the window that the offers are in.
    pub start: i64,
    /// An offer of 10 kWh, of which 1 kWh was bought.
    pub one: OfferAddresses,
    /// An offer of 10 kWh, of which the buyer has 1 kWh under a lock.
    pub locked: OfferAddresses,
    /// A proposal of the seller's that can be executed.
    pub open: Address,
    /// A proposal of the seller's that is executed.
    pub done: Address,
    /// A lane of the buyer's in which nothing was bought.
    pub idle: LaneAddress,
    /// A seller without offers that can withdraw what it sold.
    pub member: SellerAddresses,
    /// A bus that can be closed.
    pub spare: BusAddresses,
    /// A buyer with a claim.
    pub unlucky: Address,
    /// The operator of the bus, and of the one on delivery terms.
    pub operator: Address,
    pub deliveries: Deliveries,
    pub auctions: Auctions,
}

/// A bus on delivery terms in the fixture's market.
#[derive(Clone, Copy)]
pub struct Deliveries {
    pub bus: BusAddresses,
    /// A seller with a meter.
    pub producer: SellerAddresses,
    /// A device of the producer's that is not its meter any more.
    pub retired: Address,
    /// The producer's book of the day before, of which nothing is open.
    pub old_book: BookAddresses,
    /// The producer's book of the day: of its two windows the first is final and not released, the second has ended.
    pub book: BookAddresses,
    /// Start of the final window.
    pub window: i64,
    /// Bought in both windows, as did the fixture's buyer.
    pub patron: Buyer,
    /// The patron's, of the final window.
    pub certificate: Address,
    /// The recipient's of grid fees, of the same window.
    pub granted: Address,
    /// The recipient of grid fees.
    pub grid: Address,
}

/// A bus in the fixture's market whose windows are closed by auctions, on delivery terms.
#[derive(Clone, Copy)]
pub struct Auctions {
    pub bus: BusAddresses,
    /// A seller with a meter, which listed in all windows but the last.
    pub producer: SellerAddresses,
    pub book: BookAddresses,
    /// Start of four windows: final, but not counted in its pool; cleared, but not settled; with a fixed book; and trading.
    pub windows: [i64; 4],
    /// The producer's offer in the cleared window, and the one in the final window.
    pub sold: OfferAddresses,
    pub delivered: OfferAddresses,
    pub bidder: Buyer,
    /// The bidder's: it gets nothing in the cleared window; it can be cancelled in the last.
    pub loser: BidAddresses,
    pub bid: BidAddresses,
    /// In the fixed window: without an order, and with all.
    pub begun: ClearingAddresses,
    pub proof: ClearingAddresses,
    /// In the cleared window.
    pub useless: ClearingAddresses,
}

/// A bus with auctions; a few hours pass.
fn auctions(market: &mut TestMarket, operator: Address) -> Auctions {
    let (seller, mint) = (market.seller, market.bus.mint);
    let options = BusOptions::new(&seller).on_delivery(&operator).with_auction();
    let bus = market.create_bus(&seller, &mint, &options);
    let (wallet, device) = (market.wallet("bidden producer"), market.key("bidden producer's device"));
    let producer = market.open_seller(&bus, &wallet);
    market.execute(&[meter_register(&producer, &operator, &device, solar(40_000))]);
    let bidder = market.funded_buyer("bidder");
    let first = market.next_window();
    let windows = [first, first + 900, first + 1_800, first + 7_200];
    let mut offers = vec![];
    let mut bids = vec![];
    for window in windows {
        market.execute(&[capacity_open(&bus, &wallet, window)]);
        if window != windows[3] {
            let number = market.chain.next_offer(&producer);
            let options = OfferOptions::new(0).number(number).price(20_000).expires(window - 60);
            offers.push(market.create_offer(&bus, bus.window(window), &wallet, options));
        }
        let (create, bid) = market.bidding(&bus, window, &bidder, 1_000, 30_000);
        market.execute(&[create]);
        bids.push(bid);
    }
    let (create, loser) = market.bidding(&bus, windows[1], &bidder, 1_000, 10_000);
    market.execute(&[create]);
    let book = offers[0].book.expect("an offer on delivery terms");
    let names = ["first clearer", "second clearer", "third clearer"];
    let [slow, quick, late] = names.map(|name| market.wallet(name));
    let clear = |market: &mut TestMarket, window: i64| {
        let (low_price, high_price) = market.prices(&bus.window(window));
        let clearing = bus.clearing(window, &quick);
        market.tally(&clearing, low_price, high_price);
        clearing
    };
    market.go_to(windows[0] - 60);
    let proof = clear(market, windows[0]);
    market.execute(&[clearing_apply(&proof), ask_settle(&offers[0]), bid_settle(&bids[0], &quick, false)]);
    market.go_to(windows[1] - 60);
    let useless = bus.clearing(windows[1], &late);
    market.execute(&[clearing_open(&useless, 1, 2)]);
    let proof = clear(market, windows[1]);
    market.execute(&[clearing_apply(&proof)]);
    market.go_to(windows[0] + 900);
    let reading = Reading { window_start: windows[0], energy_wh: 700, sequence: 1 };
    market.execute(&[delivery_report(&book, &device, reading, ReadingProof::Transaction)]);
    market.go_to(windows[2] - 60);
    let begun = bus.clearing(windows[2], &slow);
    market.execute(&[clearing_open(&begun, 1, 2)]);
    let proof = clear(market, windows[2]);
    market.go_to(windows[0] + 4_500);
    let (sold, delivered, bid) = (offers[1], offers[0], bids[3]);
    Auctions { bus, producer, book, windows, sold, delivered, bidder, loser, bid, begun, proof, useless }
}

impl Auctions {
    fn instructions(&self, market: &mut TestMarket) -> Vec<(&'static str, Instruction)> {
        let Self { bus, book, windows, sold, bidder, loser, bid, begun, proof, useless, .. } = *self;
        let (stranger, clearer) = (market.wallet("stranger"), market.wallet("fourth clearer"));
        let order = market.orders(&bus.window(windows[2]))[0];
        vec![
            ("bid_create", market.bidding(&bus, windows[3], &bidder, 500, 30_000).0),
            ("bid_cancel", bid_cancel(&bid, bidder.payment)),
            ("bid_settle", bid_settle(&loser, &stranger, false)),
            ("ask_settle", ask_settle(&sold)),
            ("clearing_open", clearing_open(&bus.clearing(windows[2], &clearer), 1, 2)),
            ("clearing_tally", clearing_tally(&begun, &[order])),
            ("clearing_apply", clearing_apply(&proof)),
            ("clearing_close", clearing_close(&useless, &stranger)),
            ("pool_report", pool_report(&book, bus.window(windows[0]))),
        ]
    }
}

/// A bus on delivery terms; time passes until the second morning.
fn deliveries(market: &mut TestMarket, operator: Address) -> Deliveries {
    let (seller, mint) = (market.seller, market.bus.mint);
    let grid = market.wallet("grid");
    market.associated_account(&mint, &grid);
    let options = BusOptions::new(&seller).on_delivery(&operator).with(|config| {
        config.grid_recipient = Some(grid);
        config.terms.reading_deadline_seconds = 12 * 3_600;
    });
    let bus = market.create_bus(&seller, &mint, &options);
    let (wallet, retired, device) =
        (market.wallet("producer"), market.key("retired device"), market.key("producer's device"));
    let producer = market.open_seller(&bus, &wallet);
    let (buyer, patron) = (market.buyer, market.funded_buyer("patron"));
    let list = |market: &mut TestMarket, window: i64| {
        market.execute(&[capacity_open(&bus, &wallet, window)]);
        let options = OfferOptions::new(0).number(market.chain.next_offer(&producer)).expires(window - 60);
        let offer = market.create_offer(&bus, bus.window(window), &wallet, options);
        (offer, offer.book.expect("an offer on delivery terms"))
    };
    // The day before: sold, read, released, refunded and closed but for the book.
    market.execute(&[meter_register(&producer, &operator, &retired, solar(40_000))]);
    let window = market.next_window();
    let (offer, old_book) = list(market, window);
    let position = old_book.position(&buyer);
    market.execute(&[position_open(&position, &buyer), market.purchase(&offer, 1_000)]);
    market.execute(&[meter_replace(&producer, &operator, &retired, &device, solar(40_000))]);
    market.go_to(window + 900);
    let reading = |window_start, energy_wh| Reading { window_start, energy_wh, sequence: 1 };
    let proof = ReadingProof::Transaction;
    market.execute(&[delivery_report(&old_book, &retired, reading(window, 600), proof)]);
    market.pass(3_600);
    market.execute(&[delivery_release(&old_book), market.close_position(&position, &buyer)]);
    market.execute(&[offer_cancel(&offer, &wallet)]);
    market.go_to(old_book.first_window + 86_400);
    // The day.
    let window = market.next_window();
    let (first, book) = list(market, window);
    let (offer, _) = list(market, window + 900);
    for wallet in [buyer, patron.wallet] {
        market.execute(&[position_open(&book.position(&wallet), &wallet)]);
    }
    market.execute(&[market.purchase(&first, 4_000)]);
    market.execute(&[market.purchase(&offer, 1_000)]);
    market.execute(&[market.purchase_as(&patron, &first, 1_000)]);
    market.go_to(window + 900);
    market.execute(&[delivery_report(&book, &device, reading(window, 2_000), proof)]);
    market.pass(3_600);
    let (take, certificate) = market.take_certificate(&book, &patron.wallet, window);
    market.execute(&[take]);
    let (give, granted) = market.transfer_certificate(&certificate, 150, &grid);
    market.execute(&[give]);
    Deliveries { bus, producer, retired, old_book, book, window, patron, certificate, granted, grid }
}

impl Deliveries {
    fn instructions(&self, market: &mut TestMarket, operator: &Address) -> Vec<(&'static str, Instruction)> {
        let Self { bus, producer, retired, old_book, book, window, patron, certificate, grid, .. } = *self;
        let (buyer, wallet, stranger) = (market.buyer, producer.wallet, market.wallet("stranger"));
        let cottage = market.wallet("cottage");
        let cottage = market.open_seller(&bus, &cottage);
        let (first, second) = (market.key("cottage's device"), market.key("producer's next device"));
        let reading = Reading { window_start: window + 900, energy_wh: 700, sequence: 1 };
        let (position, guest) = (book.position(&patron.wallet), market.wallet("delivery guest"));
        vec![
            ("grid_sweep", market.sweep(&producer, &stranger, TestChain::associated_address(&bus.mint, &grid))),
            ("meter_register", meter_register(&cottage, operator, &first, solar(1_000))),
            ("meter_replace", market.replace_meter(&producer, operator, &second, solar(1_000))),
            ("meter_close", market.close_meter(&producer, &wallet)),
            ("device_close", market.close_device(&retired)),
            ("position_open", position_open(&book.position(&guest), &guest)),
            ("position_set_refund", position_set_refund(&position, &patron.wallet, buyer)),
            ("position_close", market.close_position(&position, &patron.wallet)),
            ("delivery_report", delivery_report(&book, operator, reading, ReadingProof::Operator)),
            ("delivery_release", delivery_release(&book)),
            ("delivery_refund", market.refund(&position)),
            ("delivery_close", market.close_book(&old_book, &wallet)),
            ("certificate_take", market.take_certificate(&book, &buyer, window).0),
            ("certificate_transfer", market.transfer_certificate(&certificate, 100, &buyer).0),
            ("certificate_retire", market.retire_certificate(&certificate, "Bakery on the square")),
        ]
    }
}

pub fn fixture() -> Fixture {
    let operator = solana_signer::Signer::pubkey(&multibus_tests::keypair("operator"));
    let (mut market, owners) = TestMarket::owned_by(2, 1, |config| {
        (config.terms.window_seconds, config.terms.gate_closure_seconds) = (900, 60);
        config.operator = Some(operator);
    });
    market.wallet("operator");
    let (bus, seller, buyer, start) = (market.bus, market.seller, market.buyer, market.next_window());
    let (friend, payout, mint) = (owners[1], market.payout, market.bus.mint);
    // An old window to close, in which a member sold and a lock ended as a claim.
    let old = start;
    let sold = market.offer_in(old, |options| options);
    market.buy(&sold, 1_000);
    let member = market.wallet("member");
    let member = market.open_seller(&bus, &member);
    let options = OfferOptions::new(0).expires(old - 60);
    let members = market.create_offer(&bus, bus.window(old), &member.wallet, options);
    market.buy(&members, 1_000);
    let (unlucky, payment, _) = market.chain.buyer("unlucky", &mint);
    let accounts = lock_take_accounts(&members, &unlucky, 0, payment);
    let (energy_wh, max_price_per_kwh, refund) = (1_000, u64::MAX, Address::new_from_array([7; 32]));
    let take = LockTake { place: 0, energy_wh, max_price_per_kwh, expected_version: 0, refund };
    market.execute(&[take.to_instruction(accounts)]);
    let release = market.release(&members, &unlucky, &unlucky, 0);
    market.execute(&[release]);
    market.execute(&[offer_cancel(&sold, &seller), offer_cancel(&members, &member.wallet)]);
    // A bus that is closing.
    let spare = market.create_bus(&seller, &mint, &BusOptions::new(&seller));
    market.gift(&mint, &spare.treasury, 1_000);
    market.decide(&spare, ProposalAction::BusClose);
    let deliveries = deliveries(&mut market, operator);
    let auctions = auctions(&mut market, operator);
    let start = market.next_window();
    let expires_at = market.now() + 2_000;
    let one = market.offer_in(start, |options| options.expires(expires_at));
    market.buy(&one, 1_000);
    let locked = market.offer_in(start, |options| options);
    market.lock(&locked, 1_000);
    let price = |base_price_per_kwh| ProposalAction::BasePriceSet { base_price_per_kwh };
    let open = market.propose(&bus, &seller, price(20_000));
    let done = market.propose(&bus, &seller, price(10_000));
    market.execute(&[proposal_execute(&bus, done, &seller)]);
    market.gift(&mint, &bus.treasury, 1_000_000);
    let idle = market.open_lane(&buyer, 1);
    let (newcomer, guest) = (market.wallet("newcomer"), market.wallet("guest"));
    let tokens = market.token_account("member's tokens", &mint, &member.wallet, 0);
    let own = bus.seller(&seller);
    let next = OfferOptions::new(0).number(market.next_offer()).expires(start - 60);
    let (propose, _) = market.proposal(&bus, &seller, price(30_000));
    let later = market.now() + 2_500;
    let mut instructions = vec![
        ("creator_open", creator_open(&newcomer, 0)),
        ("bus_create", bus_create(&seller, &mint, &BusOptions::new(&seller).seq(4))),
        ("bus_close", bus_close(&spare, &buyer, &[seller])),
        ("capacity_open", capacity_open(&bus, &seller, start + 900)),
        ("capacity_close", capacity_close(&bus, old, &friend, &seller)),
        ("seller_open", seller_open(&bus.seller(&newcomer), &newcomer)),
        ("seller_admit", seller_admit(&bus.seller(&guest), &operator)),
        ("seller_suspend", seller_suspend(&member, &operator)),
        ("seller_withdraw", seller_withdraw(&own, &seller, payout)),
        ("seller_close", seller_close(&member, &member.wallet, tokens, &member.wallet)),
        ("offer_create", offer_create(&bus, bus.window(start), &seller, next)),
        ("offer_reprice", offer_reprice(&one, &seller, 300_000)),
        ("offer_set_expiry", offer_set_expiry(&one, &seller, later)),
        ("offer_collect", offer_collect(&one)),
        ("offer_cancel", offer_cancel(&one, &seller)),
        ("purchase", market.purchase(&one, 100)),
        ("purchase_batch", market.batch(&[(one, 100)])),
        ("lock_take", market.lock_take(&one, 100)),
        ("lock_settle", market.lock_settle(&locked)),
        ("lock_release", market.lock_release(&locked, &buyer)),
        ("trader_open", trader_open(&buyer, 2, 0)),
        ("trader_close", trader_close(&idle, &buyer)),
        ("proposal_create", propose),
        ("proposal_approve", market.approval(&bus, open, &friend)),
        ("proposal_revoke", proposal_revoke(&bus, open, &seller)),
        ("proposal_execute", proposal_execute(&bus, open, &buyer)),
        ("proposal_close", proposal_close(&bus, done, &buyer, &seller)),
        ("treasury_claim", treasury_claim(&bus, &seller, payout)),
        ("claim_pay", market.claim_payment(&bus, &unlucky, &unlucky, payment)),
    ];
    instructions.extend(deliveries.instructions(&mut market, &operator));
    instructions.extend(auctions.instructions(&mut market));
    assert_eq!(own.address, bus.seller(&seller).address);
    assert_eq!(open, bus.proposal(&seller, FIRST));
    Fixture {
        market,
        instructions,
        old,
        start,
        one,
        locked,
        open,
        done,
        idle,
        member,
        spare,
        unlucky,
        operator,
        deliveries,
        auctions,
    }
}

/// Which type of account of the program lies at an address.
pub fn type_at(market: &TestMarket, address: &Address) -> Option<&'static str> {
    let account = market.svm.get_account(address)?;
    if account.owner != multibus::ID {
        return None;
    }
    let types = [
        (state::Bid::DISCRIMINATOR, "Bid"),
        (state::Clearing::DISCRIMINATOR, "Clearing"),
        (state::Creator::DISCRIMINATOR, "Creator"),
        (state::Bus::DISCRIMINATOR, "Bus"),
        (state::Ledger::DISCRIMINATOR, "Ledger"),
        (state::Tombstone::DISCRIMINATOR, "Tombstone"),
        (state::Capacity::DISCRIMINATOR, "Capacity"),
        (state::Seller::DISCRIMINATOR, "Seller"),
        (state::Offer::DISCRIMINATOR, "Offer"),
        (state::Lock::DISCRIMINATOR, "Lock"),
        (state::Trader::DISCRIMINATOR, "Trader"),
        (state::Proposal::DISCRIMINATOR, "Proposal"),
        (state::Claim::DISCRIMINATOR, "Claim"),
        (state::Meter::DISCRIMINATOR, "Meter"),
        (state::Device::DISCRIMINATOR, "Device"),
        (state::DeliveryBook::DISCRIMINATOR, "DeliveryBook"),
        (state::PositionBook::DISCRIMINATOR, "PositionBook"),
        (state::Certificate::DISCRIMINATOR, "Certificate"),
    ];
    types.iter().find(|(discriminator, _)| &account.data[..8] == *discriminator).map(|(_, name)| *name)
}

/// An account of every type but the tombstone.
pub fn samples(market: &TestMarket) -> Vec<Address> {
    let all = market.svm.accounts_db().inner.keys();
    let mut found: Vec<(&str, Address)> =
        all.filter_map(|address| type_at(market, address).map(|kind| (kind, *address))).collect();
    found.sort_unstable();
    found.dedup_by_key(|(kind, _)| *kind);
    assert_eq!(found.len(), 17, "{found:?}");
    found.into_iter().map(|(_, address)| address).collect()
}

/// The instruction of a name.
pub fn instruction_of<'a>(instructions: &'a [(&'static str, Instruction)], name: &str) -> &'a Instruction {
    &instructions.iter().find(|(other, _)| *other == name).expect("an instruction of the name").1
}

/// The account of a name in one of the instructions.
pub fn account_of(instructions: &[(&'static str, Instruction)], name: &str, account: &str) -> Address {
    instruction_of(instructions, name).accounts[place_of(name, account)].pubkey
}

/// The place of an account in an instruction.
pub fn place_of(name: &str, account: &str) -> usize {
    let names = account_names(name);
    names.iter().position(|other| other == account).unwrap_or_else(|| panic!("{name} has no account {account}"))
}

/// The accounts of an instruction, as the IDL has them.
fn idl_accounts(instruction: &str) -> Vec<serde_json::Value> {
    let idl: serde_json::Value =
        serde_json::from_str(include_str!("../../../idl/multibus.json")).expect("the IDL is JSON");
    let of = idl["instructions"].as_array().expect("a list").iter().find(|one| one["name"] == instruction);
    of.expect("an instruction of the IDL")["accounts"].as_array().expect("a list").clone()
}

/// Whether the IDL says that an instruction writes an account.
pub fn is_writable(instruction: &str, account: &str) -> bool {
    idl_accounts(instruction).iter().any(|one| one["name"] == account && one["writable"] == true)
}

/// Names of an instruction's accounts, as the IDL gives them; a batch is one of one item, a closing bus has one owner, a tally
/// has one order.
pub fn account_names(instruction: &str) -> Vec<String> {
    let accounts = idl_accounts(instruction);
    let mut names: Vec<String> =
        accounts.iter().map(|account| account["name"].as_str().expect("a name").to_owned()).collect();
    match instruction {
        "purchase_batch" => names.extend(["bus", "offer", "vault"].map(str::to_owned)),
        "bus_close" => names.push("owner_claim".to_owned()),
        "ask_settle" => names.push("book".to_owned()),
        "clearing_tally" => names.push("order".to_owned()),
        _ => {}
    }
    names
}

/// Whether an instruction looks into an account only where a claim is made, a share changes or a seller is admitted:
/// not in this market. The book of an ask is what its offer names, and nothing else.
pub fn is_unread(instruction: &str, account: &str) -> bool {
    match instruction {
        "lock_release" => ["unclaimed", "ledger", "claim", "system_program"].contains(&account),
        "seller_close" | "treasury_claim" => account == "claim",
        "proposal_execute" => ["seller", "vault"].contains(&account),
        "claim_pay" => account == "creator",
        "grid_sweep" => ["ledger", "unclaimed", "claim"].contains(&account),
        "bid_settle" => ["unclaimed", "ledger", "claim", "system_program"].contains(&account),
        "ask_settle" => account == "book",
        "position_close" => ["unclaimed", "ledger", "claim", "system_program"].contains(&account),
        _ => false,
    }
}
