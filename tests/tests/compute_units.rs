//! What each instruction costs: compute units of the program's own top-level invocation, the token program, the
//! system program and the event included.
//!
//! `compute_units.json` records every figure. A figure above its record or above the "must" column fails the run. A
//! figure below its record should be recorded anew. `MULTIBUS_BLESS=1` (`cargo xtask cu --bless`) records what is
//! measured, and writes the table of `docs/compute-units.md`, which says where the units go. Keypairs are fixed and
//! addresses are chosen for the highest bump, so that the figures move with the program alone; what a lower bump costs
//! is a row of its own.

use {
    base64::{Engine, prelude::BASE64_STANDARD as STANDARD},
    litesvm::types::TransactionMetadata,
    multibus::state::{self, ProposalAction, Reading, ReadingProof},
    multibus_tests::{
        AuctionMarket, Buyer, DeliveryMarket, LaneAddress, OfferAddresses, SellerAddresses, TestMarket, TokenProgram,
        auction::{ORDERS_WITH_TABLE, ORDERS_WITHOUT_TABLE},
        chain::{FIRST, TestChain},
        delivery::solar,
        elf,
        event::consumed,
        instructions::*,
        key::{keypair, pda},
        play::coverage::Coverage,
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_signer::Signer,
    std::{collections::BTreeMap, fmt::Write, path::PathBuf},
};

/// One figure with its limits, in compute units.
struct Row {
    name: String,
    /// No figure may ever exceed it.
    must: Option<u64>,
    /// The aim.
    moonshot: Option<u64>,
    measured: Cost,
}

/// Compute units of some instructions.
#[derive(Clone, Copy)]
struct Cost {
    total: u64,
    /// Instructions of the program, one unit each.
    own: u64,
    /// Calls of other programs, with what those consume.
    calls: u64,
    event: u64,
}

impl Cost {
    /// Sysvars, hashes and the search for addresses.
    fn rest(&self) -> u64 {
        self.total - self.own - self.calls - self.event
    }
}

/// What a call costs besides what the called program consumes.
const CALL: u64 = 946;
/// What the system program consumes, which its logs do not tell.
const SYSTEM_PROGRAM: u64 = 150;
/// What an event costs besides one unit for each of its bytes.
const EVENT: u64 = 200;

/// What the calls of a transaction and its events cost.
fn calls_and_events(logs: &[String]) -> (u64, u64) {
    let (mut calls, mut events) = (0, 0);
    for line in logs {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["Program", "data:", data] => events += EVENT + STANDARD.decode(data).expect("base64").len() as u64,
            ["Program", program, "invoke", "[2]"] => {
                let is_system = program == solana_system_interface::program::ID.to_string();
                calls += CALL + if is_system { SYSTEM_PROGRAM } else { 0 };
            }
            ["Program", program, "consumed", units, ..] if program != multibus::ID.to_string() => {
                calls += units.parse::<u64>().expect("a number of compute units");
            }
            _ => {}
        }
    }
    (calls, events)
}

#[derive(Default)]
struct Table {
    rows: Vec<Row>,
    /// Sees every instruction of the program.
    trace: Coverage,
}

impl Table {
    /// Executes instructions and tells what they cost.
    fn cost(&self, chain: &mut TestChain, instructions: &[Instruction]) -> Cost {
        let of_program = instructions.iter().filter(|one| one.program_id == multibus::ID).count();
        self.cost_of(of_program, || chain.execute(instructions))
    }

    /// What a transaction with so many instructions of the program costs.
    fn cost_of(&self, of_program: usize, execute: impl FnOnce() -> TransactionMetadata) -> Cost {
        let before = self.trace.executed();
        let meta = execute();
        let consumed = consumed(&meta.logs);
        assert_eq!(consumed.len(), of_program, "each instruction of the program is called once");
        let (calls, event) = calls_and_events(&meta.logs);
        Cost { total: consumed.iter().sum(), own: self.trace.executed() - before, calls, event }
    }

    fn measure(&mut self, name: &str, limits: Option<(u64, u64)>, chain: &mut TestChain, ix: Instruction) {
        let cost = self.cost(chain, &[ix]);
        self.record(name, limits, cost);
    }

    /// Measures what must keep to a limit.
    fn measure_limit(&mut self, name: &str, must: Option<u64>, chain: &mut TestChain, ix: Instruction) {
        self.measure(name, None, chain, ix);
        self.rows.last_mut().expect("measured").must = must;
    }

    fn record_limit(&mut self, name: &str, must: Option<u64>, measured: Cost) {
        self.rows.push(Row { name: name.to_owned(), must, moonshot: None, measured });
    }

    fn record(&mut self, name: &str, limits: Option<(u64, u64)>, measured: Cost) {
        let (must, moonshot) = limits.unzip();
        self.rows.push(Row { name: name.to_owned(), must, moonshot, measured });
    }
}

/// Bytes of the built program that are too many.
const PROGRAM_BYTES: usize = 480_000;

const OFFER_CREATE: Option<(u64, u64)> = Some((3_000, 2_500));
const PURCHASE: Option<(u64, u64)> = Some((2_503, 2_250));
const BATCH_OF_FOUR: Option<(u64, u64)> = Some((5_463, 4_200));
const LOCK_TAKE: Option<(u64, u64)> = Some((3_950, 3_300));
const LOCK_SETTLE: Option<(u64, u64)> = Some((1_800, 1_500));
const LOCK_RELEASE: Option<(u64, u64)> = Some((2_700, 2_100));
const SELLER_WITHDRAW: Option<(u64, u64)> = Some((2_600, 2_200));
const OFFER_REPRICE: Option<u64> = Some(700);
const PROPOSAL_CREATE: Option<u64> = Some(4_000);
const PROPOSAL_CREATE_LAST_OWNER: Option<u64> = Some(4_300);
const PROPOSAL_APPROVE: Option<u64> = Some(1_000);
const PROPOSAL_EXECUTE: Option<u64> = Some(4_000);
const TREASURY_CLAIM: Option<u64> = Some(5_000);
const DELIVERY_PURCHASE: Option<(u64, u64)> = Some((3_300, 2_800));
const DELIVERY_FIRST_PURCHASE: Option<u64> = Some(5_500);
const REPORT: Option<(u64, u64)> = Some((1_500, 1_000));
const SIGNED_REPORT: Option<(u64, u64)> = Some((2_300, 1_600));
const RELEASE: Option<(u64, u64)> = Some((9_000, 6_000));
const REFUND: Option<(u64, u64)> = Some((9_000, 6_000));
const CERTIFICATE_TAKE: Option<(u64, u64)> = Some((4_000, 3_000));
const BID_CREATE: Option<(u64, u64)> = Some((4_500, 3_600));
const APPLY: Option<(u64, u64)> = Some((1_500, 900));
const SETTLE: Option<(u64, u64)> = Some((2_800, 2_000));

/// Limits of a tally of so many orders.
fn tally_limits(orders: usize) -> (u64, u64) {
    (400 + 170 * orders as u64, 300 + 120 * orders as u64)
}

const CERTIFICATE_RETIRE: Option<(u64, u64)> = Some((1_500, 1_000));

/// The number of a bus of this creator for which all addresses of the bus have the highest bump, and those of the seller
/// account of `wallet` on it.
fn bus_seq(creator: &Address, wallet: &Address) -> u64 {
    (FIRST..)
        .find(|seq| {
            let (bus, bump) = pda::bus(creator, *seq);
            let (seller, of_seller) = pda::seller(&bus, wallet);
            let others = [
                pda::ledger(&bus).1,
                pda::capacity(&bus, 0).1,
                pda::treasury(&bus).1,
                pda::unclaimed(&bus).1,
                pda::escrow(&bus).1,
            ];
            bump == 255 && others == [255; 5] && of_seller == 255 && pda::vault(&seller).1 == 255
        })
        .expect("one in 256")
}

/// A market whose addresses have the highest bumps.
fn market(program: TokenProgram) -> TestMarket {
    let seller = keypair("seller").pubkey();
    market_from(program, bus_seq(&seller, &seller))
}

/// A market whose bus has a number, as if the creator had made as many before.
fn market_from(program: TokenProgram, bus_seq: u64) -> TestMarket {
    let mut chain = TestChain::new();
    let mint = chain.mint("mint", program, &[]);
    let seller = chain.wallet("seller");
    count_to(&mut chain, &seller, bus_seq);
    TestMarket::on_chain(chain, mint, |options| options)
}

/// Opens the counter of a creator's buses, at a number.
fn count_to(chain: &mut TestChain, creator: &Address, bus_seq: u64) {
    chain.execute(&[creator_open(creator, 0)]);
    chain.edit_counter::<state::Creator>(&pda::creator(creator).0, |counter| counter.next_bus = bus_seq);
}

/// A seller's next offer is the first whose address has this bump, and whose lock in the first place for the buyer has one.
fn next_offer(market: &mut TestMarket, seller: &SellerAddresses, (offer_bump, lock_bump): (u8, u8)) -> u64 {
    let (buyer, from) = (market.buyer, market.chain.next_offer(seller));
    let number = (from..)
        .find(|number| {
            let (offer, bump) = pda::offer(&seller.address, *number);
            bump == offer_bump && pda::lock(&offer, &buyer, 0).1 == lock_bump
        })
        .expect("half of the numbers have the highest bump");
    market.edit_counter::<state::Seller>(&seller.address, |seller| seller.next_offer = number);
    number
}

/// An offer of 100 kWh with the highest bumps.
fn offer(market: &mut TestMarket) -> OfferAddresses {
    let wallet = market.seller;
    offer_of(market, &wallet)
}

fn offer_of(market: &mut TestMarket, wallet: &Address) -> OfferAddresses {
    let bus = market.bus;
    let number = next_offer(market, &bus.seller(wallet), (255, 255));
    market.create_offer(&bus, bus.capacity, wallet, OfferOptions::new(0).number(number).energy(100_000))
}

fn measure_all() -> Table {
    let mut table = Table::default();
    TestChain::trace(&table.trace);
    offers(&mut table);
    purchases(&mut table);
    locks(&mut table);
    sellers(&mut table);
    rest(&mut table);
    decisions(&mut table);
    ends(&mut table);
    meters(&mut table);
    deliveries(&mut table);
    whole_book(&mut table);
    auctions(&mut table, false);
    auctions(&mut table, true);
    table
}

fn offers(table: &mut Table) {
    let market = &mut market(TokenProgram::SplToken);
    let (bus, key) = (market.bus, market.seller);
    let seller = bus.seller(&key);
    offer(market);
    for (name, limits, bump) in [("offer_create", OFFER_CREATE, 255), ("offer_create, bump 254", None, 254)] {
        let number = next_offer(market, &seller, (bump, 255));
        let create = offer_create(&bus, bus.capacity, &key, OfferOptions::new(0).number(number));
        table.measure(name, limits, market, create);
    }
    let one = offer(market);
    table.measure_limit("offer_reprice", OFFER_REPRICE, market, offer_reprice(&one, &key, 300_000));
    let later = market.now() + 1_000;
    table.measure("offer_set_expiry", None, market, offer_set_expiry(&one, &key, later));
    market.buy(&one, 1_000);
    table.measure("offer_collect", None, market, offer_collect(&one));
    table.measure("offer_cancel", None, market, offer_cancel(&one, &key));
}

fn purchases(table: &mut Table) {
    for (name, program) in [("purchase", TokenProgram::SplToken), ("purchase, Token-2022", TokenProgram::Token2022)] {
        let market = &mut market(program);
        let one = offer(market);
        let limits = PURCHASE.filter(|_| program == TokenProgram::SplToken);
        let purchase = market.purchase(&one, 1_500);
        table.measure(name, limits, market, purchase);
    }
    for count in [1, 2, 4, 8] {
        let market = &mut market(TokenProgram::SplToken);
        let bus = market.bus;
        let items: Vec<_> = (0..count)
            .map(|index| {
                let wallet = market.wallet(&format!("seller {index}"));
                market.open_seller(&bus, &wallet);
                (offer_of(market, &wallet), 1_500 + index)
            })
            .collect();
        let batch = market.batch(&items);
        let limits = BATCH_OF_FOUR.filter(|_| count == 4);
        table.measure(&format!("purchase_batch, N={count}"), limits, market, batch);
    }
    let market = &mut market(TokenProgram::SplToken);
    let items: Vec<_> = (0..4).map(|index| (offer(market), 1_500 + index)).collect();
    let batch = market.batch(&items);
    table.measure("purchase_batch, N=4, one seller", None, market, batch);
}

fn locks(table: &mut Table) {
    let market = &mut market(TokenProgram::SplToken);
    let (bus, buyer, mint, payment) = (market.bus, market.buyer, market.bus.mint, market.payment);
    let (one, two, three) = (offer(market), offer(market), offer(market));
    let take = market.lock_take(&one, 1_500);
    table.measure("lock_take", LOCK_TAKE, market, take);
    let seller = bus.seller(&market.seller);
    let number = next_offer(market, &seller, (255, 254));
    let lower = market.offer_with(|options| options.number(number));
    let take = market.lock_take(&lower, 1_500);
    table.measure("lock_take, bump 254", None, market, take);
    let settle = market.lock_settle(&one);
    table.measure("lock_settle", LOCK_SETTLE, market, settle);
    market.lock(&two, 1_500);
    let release = market.lock_release(&two, &buyer);
    table.measure("lock_release", LOCK_RELEASE, market, release);
    market.lock(&three, 1_500);
    market.freeze(&mint, &payment);
    let release = market.lock_release(&three, &buyer);
    table.measure("lock_release, into a claim", None, market, release);
    let other = market.token_account("another account", &mint, &buyer, 0);
    let pay = market.claim_payment(&bus, &buyer, &buyer, other);
    table.measure("claim_pay", None, market, pay);
}

fn sellers(table: &mut Table) {
    let seller = keypair("seller").pubkey();
    let operator = keypair("operator").pubkey();
    let member = keypair("member").pubkey();
    let market = &mut market_from(TokenProgram::SplToken, bus_seq(&seller, &member));
    let (bus, mint) = (market.bus, market.bus.mint);
    for name in ["operator", "member"] {
        market.wallet(name);
    }
    market.decide(&bus, ProposalAction::OperatorSet { operator: Some(operator) });
    let account = bus.seller(&member);
    table.measure("seller_open", None, market, seller_open(&account, &member));
    table.measure("seller_admit", None, market, seller_admit(&account, &operator));
    table.measure("seller_suspend", None, market, seller_suspend(&account, &operator));
    market.execute(&[seller_admit(&account, &operator)]);
    let one = offer_of(market, &member);
    market.buy(&one, 1_500);
    market.execute(&[offer_cancel(&one, &member)]);
    let tokens = market.token_account("member's tokens", &mint, &member, 0);
    table.measure("seller_withdraw", SELLER_WITHDRAW, market, seller_withdraw(&account, &member, tokens));
    let two = offer_of(market, &member);
    market.buy(&two, 1_500);
    market.execute(&[offer_cancel(&two, &member)]);
    let associated = market.associated_account(&mint, &member);
    let stranger = market.buyer;
    let withdraw = seller_withdraw(&account, &stranger, associated);
    table.measure("seller_withdraw, by a stranger", None, market, withdraw);
    market.edit_counter::<state::Seller>(&account.address, |seller| seller.next_offer = FIRST);
    market.pass(1);
    table.measure("seller_close", None, market, seller_close(&account, &member, tokens, &member));
}

fn rest(table: &mut Table) {
    let chain = &mut TestChain::new();
    let mint = chain.mint("mint", TokenProgram::SplToken, &[]);
    let key = chain.wallet("seller");
    let counter = (0..)
        .map(|index| format!("creator {index}"))
        .find(|name| pda::creator(&keypair(name).pubkey()).1 == 255)
        .expect("half of the wallets");
    let wallet = chain.wallet(&counter);
    table.measure("creator_open", None, chain, creator_open(&wallet, 0));
    let bus_seq = bus_seq(&key, &key);
    count_to(chain, &key, bus_seq);
    let options = BusOptions { bus_seq, ..BusOptions::new(&key).windowed() };
    let bus = BusAddresses::of(&key, bus_seq, mint);
    table.measure("bus_create", None, chain, bus_create(&key, &mint, &options));
    let first = chain.now() / 900 * 900 + 7_200;
    // Half of all windows have the highest bump.
    let mut windows = (first..).step_by(900).filter(|start| pda::capacity(&bus.address, *start).1 == 255);
    let (window, next) = (windows.next().expect("one"), windows.next().expect("another"));
    table.measure("capacity_open", None, chain, capacity_open(&bus, &key, window));
    let seller = chain.open_seller(&bus, &key);
    let number = (FIRST..).find(|number| pda::offer(&seller.address, *number).1 == 255).expect("half of the numbers");
    chain.edit_counter::<state::Seller>(&seller.address, |seller| seller.next_offer = number);
    let listing = OfferOptions::new(0).number(number).expires(next - 60);
    let both = [capacity_open(&bus, &key, next), offer_create(&bus, bus.window(next), &key, listing)];
    let cost = table.cost(chain, &both);
    table.record("capacity_open and offer_create", None, cost);
    table.measure("capacity_open, open already", None, chain, capacity_open(&bus, &key, window));
    chain.go_to(window + 900);
    table.measure("capacity_close", None, chain, capacity_close(&bus, window, &key, &key));
    let lane = (0..).find(|lane| pda::trader(&key, *lane).1 == 255).expect("half of the lanes");
    table.measure("trader_open", None, chain, trader_open(&key, lane, 0));
    chain.pass(1);
    table.measure("trader_close", None, chain, trader_close(&LaneAddress::of(&key, lane), &key));
}

/// Proposes with the first number whose address has the highest bump.
fn propose(table: &Table, market: &mut TestMarket, proposer: &Address, action: ProposalAction) -> (Address, Cost) {
    let bus = market.bus;
    let next = market.next_proposal(&bus, proposer);
    let number = (next..).find(|number| pda::proposal(&bus.address, proposer, *number).1 == 255).expect("half of them");
    let place = market.bus_state(&bus).owner_index(proposer).expect("an owner");
    market.edit_counter::<state::Ledger>(&bus.ledger, |ledger| ledger.owners[place].next_proposal = number);
    let cost = table.cost(market, &[proposal_create(&bus, proposer, number, action)]);
    (bus.proposal(proposer, number), cost)
}

/// The revenue of the bus's own sales goes to its treasury.
fn sweep(market: &mut TestMarket, offer: &OfferAddresses, energy_wh: u64) {
    let (bus, seller) = (market.bus, market.seller);
    market.buy(offer, energy_wh);
    market.execute(&[offer_collect(offer), seller_withdraw(&bus.own_seller(), &seller, bus.treasury)]);
}

/// What owners decide, with three owners of whom two decide, and with sixteen of whom one does.
fn decisions(table: &mut Table) {
    let (market, owners) = &mut TestMarket::owned_by(3, 2, |_| ());
    let bus = market.bus;
    let price = ProposalAction::BasePriceSet { base_price_per_kwh: 20_000 };
    let (proposal, cost) = propose(table, market, &owners[0], price);
    table.record_limit("proposal_create", PROPOSAL_CREATE, cost);
    let approve = market.approval(&bus, proposal, &owners[2]);
    table.measure_limit("proposal_approve", PROPOSAL_APPROVE, market, approve.clone());
    let revoke = proposal_revoke(&bus, proposal, &owners[2]);
    table.measure("proposal_revoke", None, market, revoke);
    market.execute(&[approve]);
    table.measure_limit("proposal_execute", PROPOSAL_EXECUTE, market, proposal_execute(&bus, proposal, &owners[1]));
    table.measure("proposal_close", None, market, proposal_close(&bus, proposal, &owners[1], &owners[0]));
    let own = market.open_own_seller(&bus, &owners[0]);
    let number = next_offer(market, &own, (255, 255));
    let listing = OfferOptions::new(0).number(number).energy(100_000);
    table.measure(
        "offer_create, by the bus",
        None,
        market,
        offer_create_for_bus(&bus, bus.capacity, &owners[0], listing),
    );
    let one = OfferAddresses::of(&own, bus.capacity, number, &owners[0]);
    market.pass(120);
    let purchase = market.purchase(&one, 1_500);
    table.measure("purchase from the bus", None, market, purchase);
    sweep(market, &one, 1_500);
    let payout = market.payout;
    table.measure_limit("treasury_claim", TREASURY_CLAIM, market, treasury_claim(&bus, &owners[0], payout));

    let (market, owners) = &mut TestMarket::owned_by(16, 1, |_| ());
    let bus = market.bus;
    let last = owners[15];
    let mut shares_bps = equal_shares(16);
    shares_bps.swap(0, 15);
    let (proposal, cost) = propose(table, market, &last, ProposalAction::SharesSet { shares_bps: shares_bps.clone() });
    table.record_limit("proposal_create, last of 16 owners", PROPOSAL_CREATE_LAST_OWNER, cost);
    let approve = market.approval(&bus, proposal, &owners[14]);
    table.measure_limit("proposal_approve, 15th of 16 owners", PROPOSAL_APPROVE, market, approve);
    let one = market.bus_offer(&owners[0], 100_000, 250_000);
    sweep(market, &one, 1_500);
    let tokens = market.chain.token_account("last owner's tokens", &bus.mint, &last, 0);
    let claim = treasury_claim(&bus, &last, tokens);
    table.measure_limit("treasury_claim, last of 16 owners", TREASURY_CLAIM, market, claim);
    market.buy(&one, 1_501);
    market.execute(&[offer_collect(&one)]);
    table.measure("proposal_execute, 16 owners settle", None, market, proposal_execute(&bus, proposal, &last));
    let remove = ProposalAction::OwnerRemove { owner: owners[0], shares_bps: equal_shares(15) };
    let (proposal, _) = propose(table, market, &last, remove);
    sweep(market, &one, 1_502);
    let execute = proposal_execute(&bus, proposal, &last);
    table.measure("proposal_execute, 16 owners, first leaves", None, market, execute);
}

/// The end of a bus, with one owner and with sixteen, and the last claim on what is left of it.
fn ends(table: &mut Table) {
    for (name, count) in [("bus_close", 1), ("bus_close, 16 owners", 16)] {
        let (market, owners) = &mut TestMarket::owned_by(count, 1, |_| ());
        let (bus, mint, seller, payout) = (market.bus, market.bus.mint, market.seller, market.payout);
        market.gift(&mint, &bus.treasury, 1_000_000);
        market.decide(&bus, ProposalAction::BusClose);
        market.execute(&[seller_close(&bus.seller(&seller), &seller, payout, &seller)]);
        table.measure(name, None, market, bus_close(&bus, &seller, owners));
        if count == 1 {
            let pay = market.claim_payment(&bus, &seller, &seller, payout);
            table.measure("claim_pay, the last of a closed bus", None, market, pay);
        }
    }
}

/// A buyer whose position book in the market's book has the highest bump, as do its locks in the first place on offers.
fn position_holder(market: &mut DeliveryMarket, offers: &[OfferAddresses]) -> Buyer {
    let book = market.book;
    let name = (0..)
        .map(|index| format!("position holder {index}"))
        .find(|name| {
            let wallet = keypair(name).pubkey();
            pda::position(&book.address, &wallet).1 == 255
                && offers.iter().all(|offer| pda::lock(&offer.address, &wallet, 0).1 == 255)
        })
        .expect("one of a few");
    market.funded_buyer(&name)
}

/// A key whose device account has the highest bump.
fn device_key(market: &mut TestMarket, name: &str) -> Address {
    let best = |name: &String| pda::device(&keypair(name).pubkey()).1 == 255;
    let name = (0..).map(|index| format!("{name} {index}")).find(best).expect("half of the keys");
    market.key(&name)
}

fn meters(table: &mut Table) {
    let market = &mut DeliveryMarket::new();
    let (bus, operator) = (market.bus, market.operator);
    let best = |name: &String| {
        let seller = bus.seller(&keypair(name).pubkey());
        pda::meter(&seller.address).1 == 255
    };
    let name = (0..).map(|index| format!("metered {index}")).find(best).expect("half of the sellers");
    let wallet = market.wallet(&name);
    let seller = market.open_seller(&bus, &wallet);
    let (first, second) = (device_key(market, "first device"), device_key(market, "second device"));
    table.measure("meter_register", None, market, meter_register(&seller, &operator, &first, solar(1_000)));
    let replace = market.replace_meter(&seller, &operator, &second, solar(1_000));
    table.measure("meter_replace", None, market, replace);
    let close = market.close_meter(&seller, &wallet);
    table.measure("meter_close", None, market, close);
    table.measure("device_close", None, market, device_close(&first, &operator));
}

fn deliveries(table: &mut Table) {
    let market = &mut DeliveryMarket::new();
    let (seller, operator, device, book) = (market.seller_account(), market.operator, market.device, market.book);
    // A window whose first certificate has the highest bump, with an offer and locks that have it, too.
    let window = (market.window..)
        .step_by(900)
        .find(|window| pda::certificate(&seller.address, *window, 0).1 == 255)
        .expect("half of the windows");
    let list = |table: &mut Table, market: &mut DeliveryMarket, name: &str, window: i64| {
        let number = next_offer(market, &seller, (255, 255));
        let bus = market.bus;
        market.execute(&[capacity_open(&bus, &seller.wallet, window)]);
        let options = OfferOptions::new(0).number(number).energy(5_000).price(2_000_000).expires(window - 60);
        let (create, offer) = market.listing(&seller, bus.window(window), &seller.wallet, options);
        table.measure(name, None, market, create);
        offer
    };
    // The next book whose address has the highest bump.
    let day =
        (1..).find(|day| pda::book(&seller.address, book.first_window + day * 86_400).1 == 255).expect("half of them");
    let ahead = book.first_window + day * 86_400;
    let before = market.chain.snapshot();
    market.go_to(ahead - 3_600);
    list(table, market, "offer_create on delivery terms, first of a book", ahead);
    market.chain.restore(before);
    let offer = list(table, market, "offer_create on delivery terms", window + 900);
    table.measure("offer_cancel on delivery terms", None, market, offer_cancel(&offer, &seller.wallet));
    market.market.chain.execute(&[offer_cancel(&market.offer, &seller.wallet)]);
    let number = next_offer(market, &seller, (255, 255));
    let offer = market.market.offer_in(window, |options| options.number(number).energy(10_000).price(2_000_000));
    let holder = position_holder(market, &[offer]);
    let position = book.position(&holder.wallet);
    let first = [position_open(&position, &holder.wallet), market.purchase_as(&holder, &offer, 1_000)];
    let cost = table.cost(market, &first);
    table.record_limit("position_open and purchase, first of a book", DELIVERY_FIRST_PURCHASE, cost);
    let purchase = market.purchase_as(&holder, &offer, 1_000);
    table.measure("purchase on delivery terms", DELIVERY_PURCHASE, market, purchase);
    let batch = market.batch_as(&holder, &[(offer, 1_000)]);
    table.measure("purchase_batch on delivery terms, N=1", None, market, batch);
    let take = market.lock_as(&holder, &offer, 0, 1_000);
    table.measure("lock_take on delivery terms", None, market, take.clone());
    let settle = market.settlement(&offer, &holder.lane, 0);
    table.measure("lock_settle on delivery terms", None, market, settle);
    market.execute(&[take]);
    let release = market.release(&offer, &holder.wallet, &holder.wallet, 0);
    table.measure("lock_release on delivery terms", None, market, release);
    market.go_to(window + 900);
    let reading = |energy_wh, sequence| Reading { window_start: window, energy_wh, sequence };
    let report = delivery_report(&book, &device, reading(5_000, 1), ReadingProof::Transaction);
    table.measure("delivery_report by transaction", REPORT, market, report);
    let signed = market.chain.signed_report(&book, &device, &seller.wallet, reading(5_001, 2));
    let cost = table.cost(market, &signed);
    table.record("delivery_report by Ed25519", SIGNED_REPORT, cost);
    let report = delivery_report(&book, &operator, reading(2_222, 1), ReadingProof::Operator);
    table.measure("delivery_report by the operator", None, market, report);
    market.pass(3_600);
    let (take, certificate) = market.take_certificate(&book, &holder.wallet, window);
    table.measure("certificate_take", CERTIFICATE_TAKE, market, take);
    // A part whose address has the highest bump.
    let end = market.state::<state::Certificate>(&certificate).range_end;
    let part = (1..).find(|part| pda::certificate(&seller.address, window, end - part).1 == 255).expect("half of them");
    let (transfer, _) = market.transfer_certificate(&certificate, part, &seller.wallet);
    table.measure("certificate_transfer of a part", None, market, transfer);
    let retire = market.retire_certificate(&certificate, "Bakery on the square");
    table.measure("certificate_retire", CERTIFICATE_RETIRE, market, retire);
    table.measure("delivery_release of a window", None, market, delivery_release(&book));
    let refund = market.refund(&position);
    table.measure("delivery_refund of a window", None, market, refund);
    let set = position_set_refund(&position, &holder.wallet, holder.wallet);
    table.measure("position_set_refund", None, market, set);
    let close = market.close_position(&position, &holder.wallet);
    table.measure("position_close", None, market, close);
    let (mint, grid) = (market.bus.mint, market.grid);
    let account = market.associated_account(&mint, &grid);
    let other = market.token_account("another account of the grid's", &mint, &grid, 0);
    let sweep = market.sweep(&seller, &grid, other);
    let before = market.chain.snapshot();
    table.measure("grid_sweep", None, market, sweep);
    market.chain.restore(before);
    let sweep = market.sweep(&seller, &operator, account);
    table.measure("grid_sweep, by a stranger", None, market, sweep);
    market.execute(&[offer_cancel(&offer, &seller.wallet)]);
    market.go_to(book.first_window + 86_400);
    let close = market.close_book(&book, &seller.wallet);
    table.measure("delivery_close", None, market, close);
}

/// Release and refund of a book of 96 windows, in each of which a part was delivered.
fn whole_book(table: &mut Table) {
    let market = &mut DeliveryMarket::new();
    let buyer = market.funded_buyer("buyer of a day");
    let (mint, device) = (market.bus.mint, market.device);
    market.gift(&mint, &buyer.payment, 1_000_000_000_000);
    let first = market.book.first_window + 86_400;
    let book = market.seller_account().book(first);
    let windows: Vec<i64> = (0..96).map(|place| first + place * 900).collect();
    for window in &windows {
        if market.now() < window - 86_400 {
            market.go_to(window - 86_400);
        }
        let offer = market.list(*window, 10_000, 2_000_003);
        if *window == first {
            market.execute(&[position_open(&book.position(&buyer.wallet), &buyer.wallet)]);
        }
        let buy = market.purchase_as(&buyer, &offer, 9_999);
        market.execute(&[buy]);
    }
    for window in &windows {
        if market.now() < window + 900 {
            market.go_to(window + 900);
        }
        let reading = Reading { window_start: *window, energy_wh: 7_777, sequence: 1 };
        market.execute(&[delivery_report(&book, &device, reading, ReadingProof::Transaction)]);
    }
    market.pass(3_600);
    table.measure("delivery_release of 96 windows", RELEASE, market, delivery_release(&book));
    let refund = market.refund(&book.position(&buyer.wallet));
    table.measure("delivery_refund of 96 windows", REFUND, market, refund);
}

/// An auction on purchase or delivery terms.
fn auctions(table: &mut Table, on_delivery: bool) {
    let market = &mut AuctionMarket::new(on_delivery);
    let window = market.bus.window(market.window);
    let best = |name: &String| pda::clearing(&window, &keypair(name).pubkey()).1 == 255;
    let name = (0..).map(|index| format!("clearer {index}")).find(best).expect("half of the wallets");
    market.clearer = market.wallet(&name);
    let named = |name: &str| if on_delivery { format!("{name} on delivery terms") } else { name.to_owned() };
    for index in 0..40 {
        market.ask(0, 1_000, 1_000_000 + index);
    }
    for index in 0..40 {
        market.bid(0, 1_000, 2_000_000 + index);
    }
    let (create, bid) = market.bidding(1, 1, 1_000_000);
    let cost = table.cost(market, &[create]);
    if !on_delivery {
        table.record("bid_create", BID_CREATE, cost);
        let before = market.snapshot();
        table.measure("bid_cancel", SETTLE, market, bid_cancel(&bid, bid.refund));
        market.restore(before);
    }
    market.to_gate(0);
    let clearing = market.clearing();
    let (low_price, high_price) = market.prices();
    let (orders, clearer) = (market.orders(), clearing.clearer);
    let open = clearing_open(&clearing, low_price, high_price);
    if !on_delivery {
        let before = market.snapshot();
        table.measure("clearing_open", None, market, open.clone());
        table.measure("clearing_close", None, market, clearing_close(&clearing, &clearer));
        market.restore(before);
        for (count, limits) in [
            (1, Some(tally_limits(1))),
            (2, Some(tally_limits(2))),
            (ORDERS_WITHOUT_TABLE, Some(tally_limits(ORDERS_WITHOUT_TABLE))),
        ] {
            market.execute(std::slice::from_ref(&open));
            let tally = clearing_tally(&clearing, &orders[..count]);
            table.measure(&format!("clearing_tally, N={count}"), limits, market, tally);
            market.execute(&[clearing_close(&clearing, &clearer)]);
        }
        market.execute(std::slice::from_ref(&open));
        let cost = table.cost_of(1, || market.chain.tally_with_table(&clearing, &orders[..ORDERS_WITH_TABLE]));
        table.record("clearing_tally, N=59, with a lookup table", Some(tally_limits(ORDERS_WITH_TABLE)), cost);
        market.execute(&[clearing_close(&clearing, &clearer)]);
    }
    market.tally(low_price, high_price);
    if on_delivery {
        market.execute(&[clearing_apply(&clearing)]);
    } else {
        table.measure("clearing_apply", APPLY, market, clearing_apply(&clearing));
    }
    let stranger = market.wallet("stranger");
    let filled = market.all::<state::Bid>().iter().find(|(_, bid)| bid.energy_wh == 1_000).expect("a bid").0;
    let filled = market.bid_named(filled);
    let (offer, _) = market.all::<state::Offer>()[0];
    let number = market.state::<state::Offer>(&offer).number;
    let seller = market.sellers[0];
    let offer = OfferAddresses::of(&seller, window, number, &seller.wallet);
    let offer = if on_delivery { offer.in_book(market.book(0)) } else { offer };
    table.measure(&named("bid_settle"), SETTLE, market, bid_settle(&filled, &stranger, false));
    table.measure(&named("ask_settle"), SETTLE, market, ask_settle(&offer));
    if !on_delivery {
        table.measure("bid_settle of a bid that gets nothing", SETTLE, market, bid_settle(&bid, &stranger, false));
        return;
    }
    market.settle_all();
    market.to_end(0);
    market.report(0, 30_000);
    market.to_end(3_600);
    let pool = market.pool(0);
    table.measure("pool_report", SETTLE, market, pool);
    table.measure(
        "bid_settle, refund of what was not delivered",
        SETTLE,
        market,
        bid_settle(&filled, &stranger, false),
    );
}

fn record_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("compute_units.json")
}

fn recorded() -> BTreeMap<String, u64> {
    match std::fs::read_to_string(record_path()) {
        Ok(text) => serde_json::from_str(&text).expect("compute_units.json maps names to compute units"),
        Err(_) => BTreeMap::new(),
    }
}

fn bless(table: &Table) {
    let lines: Vec<_> = table.rows.iter().map(|row| format!("  \"{}\": {}", row.name, row.measured.total)).collect();
    std::fs::write(record_path(), format!("{{\n{}\n}}\n", lines.join(",\n"))).expect("the record can be written");
}

/// Where the units go, for readers.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/compute-units.md");
const BEGIN: &str = "<!-- generated: cargo xtask cu --bless -->\n";
const END: &str = "<!-- end -->";

/// The page, with the table of these figures.
fn page(table: &Table) -> String {
    let page = std::fs::read_to_string(PAGE).expect("the page can be read");
    let (above, rest) = page.split_once(BEGIN).expect("the page has a table");
    let (_, below) = rest.split_once(END).expect("the table ends");
    let mut rows = String::new();
    for Row { name, must, moonshot, measured } in &table.rows {
        let figures = [measured.own, measured.rest(), measured.calls, measured.event];
        let figures = figures.map(|figure| column((figure > 0).then_some(figure)));
        let limits = [column(*must), column(*moonshot)].join(" | ");
        let _ = writeln!(rows, "| {name} | {} | {} | {limits} |", figures.join(" | "), grouped(measured.total));
    }
    format!(
        "{above}{BEGIN}\n| instruction | own | sysvars, hashes | calls | event | total | must | aim |\n\
         | --- | --: | --: | --: | --: | --: | --: | --: |\n{rows}\n{END}{below}"
    )
}

fn column(figure: Option<u64>) -> String {
    figure.map_or("-".to_owned(), grouped)
}

/// Thousands separated.
fn grouped(figure: u64) -> String {
    if figure < 1_000 { figure.to_string() } else { format!("{},{:03}", grouped(figure / 1_000), figure % 1_000) }
}

#[test]
fn the_program_stays_small() {
    let bytes = elf::program().len();
    println!("the program has {bytes} bytes");
    assert!(bytes < PROGRAM_BYTES, "{bytes} bytes");
}

#[test]
fn compute_units_stay_within_their_record() {
    let table = measure_all();
    let record = recorded();
    let mut report =
        format!("{:<42}{:>8}{:>10}{:>10}{:>10}\n", "compute units", "must", "moonshot", "recorded", "measured");
    let mut complaints = Vec::new();
    for Row { name, must, moonshot, measured: Cost { total: measured, .. } } in &table.rows {
        let old = record.get(name).copied();
        let note = match old {
            Some(old) if *measured > old => format!("  rose by {}", measured - old),
            Some(old) if *measured < old => format!("  fell by {}", old - measured),
            Some(_) => String::new(),
            None => "  new".to_owned(),
        };
        let reached = if moonshot.is_some_and(|moonshot| *measured <= moonshot) { "  moonshot" } else { "" };
        writeln!(
            report,
            "{name:<42}{:>8}{:>10}{:>10}{:>10}{note}{reached}",
            column(*must),
            column(*moonshot),
            column(old),
            grouped(*measured)
        )
        .expect("a string takes everything");
        if must.is_some_and(|must| *measured > must) {
            complaints.push(format!("{name} costs {measured}, more than the {} it must keep to", column(*must)));
        }
        match old {
            Some(old) if *measured > old => {
                complaints.push(format!("{name} rose from {old} to {measured}, by {}", measured - old));
            }
            None => complaints.push(format!("{name} is not recorded, it costs {measured}")),
            _ => {}
        }
    }
    for name in record.keys().filter(|name| table.rows.iter().all(|row| row.name != **name)) {
        complaints.push(format!("{name} is recorded but not measured any more"));
    }
    println!("{report}");
    if std::env::var_os("MULTIBUS_BLESS").is_some_and(|value| value == "1") {
        bless(&table);
        std::fs::write(PAGE, page(&table)).expect("the page can be written");
        println!("recorded in {}", record_path().display());
        complaints.retain(|complaint| complaint.contains("must keep to"));
    } else if table.rows.iter().any(|row| record.get(&row.name).is_some_and(|old| row.measured.total < *old)) {
        println!("Some figures fell; record them, so that they stay there: cargo xtask cu --bless");
    } else if std::fs::read_to_string(PAGE).is_ok_and(|present| present != page(&table)) {
        complaints.push("docs/compute-units.md differs; write it: cargo xtask cu --bless".to_owned());
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}
