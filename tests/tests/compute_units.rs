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
    multibus::state::ProposalAction,
    multibus_tests::{
        LaneAddress, OfferAddresses, TestMarket, TokenProgram,
        chain::TestChain,
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
        let before = self.trace.executed();
        let meta = chain.execute(instructions);
        let consumed = consumed(&meta.logs);
        assert_eq!(consumed.len(), instructions.len(), "each instruction calls the program once");
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

const OFFER_CREATE: Option<(u64, u64)> = Some((3_000, 1_750));
const OFFER_REPRICE: Option<(u64, u64)> = Some((700, 300));
const PURCHASE: Option<(u64, u64)> = Some((3_000, 2_000));
const LOCK: Option<(u64, u64)> = Some((6_000, 3_500));
const PROPOSAL_CREATE: Option<u64> = Some(4_000);
const PROPOSAL_APPROVE: Option<u64> = Some(1_000);
const PROPOSAL_EXECUTE: Option<u64> = Some(4_000);
const TREASURY_CLAIM: Option<u64> = Some(5_000);

const fn batch_limits(items: u64) -> (u64, u64) {
    (2_000 + 1_500 * items, 1_300 + 450 * items)
}

/// The first offer number from here whose address has this bump, and whose lock for the buyer has one too.
fn offer_seq(capacity: &Address, buyer: &Address, from: u64, (offer_bump, lock_bump): (u8, u8)) -> u64 {
    (from..)
        .find(|seq| {
            let (offer, bump) = pda::offer(capacity, *seq);
            bump == offer_bump && pda::lock(&offer, buyer).1 == lock_bump
        })
        .expect("half of the numbers have the highest bump")
}

/// A market whose addresses have the highest bumps.
fn market(program: TokenProgram) -> TestMarket {
    let seller = keypair("seller").pubkey();
    TestMarket::with(program, |options| options.seq(bus_seq(&seller)))
}

/// The first bus number for which all addresses of the bus have the highest bump.
fn bus_seq(creator: &Address) -> u64 {
    (0..)
        .find(|seq| {
            let (bus, bump) = pda::bus(creator, *seq);
            let others = [pda::capacity(&bus, 0).1, pda::escrow(&bus).1, pda::treasury(&bus).1];
            bump == 255 && others == [255; 3]
        })
        .expect("one in sixteen")
}

/// An offer with the highest bumps, by default of 100 kWh.
fn offer(market: &mut TestMarket) -> OfferAddresses {
    offer_to(market, market.payout)
}

fn offer_to(market: &mut TestMarket, payout: Address) -> OfferAddresses {
    let (bus, seller) = (market.bus, market.seller);
    let buyer = market.buyer;
    let seq = offer_seq(&bus.capacity, &buyer, market.next_offer_seq, (255, 255));
    market.next_offer_seq = seq + 1;
    market.create_offer(&bus, bus.capacity, &seller, payout, OfferOptions::new(seq).energy(100_000))
}

fn measure_all() -> Table {
    let mut table = Table::default();
    TestChain::trace(&table.trace);
    offers(&mut table);
    purchases(&mut table);
    locks(&mut table);
    rest(&mut table);
    decisions(&mut table);
    table
}

fn offers(table: &mut Table) {
    let market = &mut market(TokenProgram::SplToken);
    let (bus, payout, seller) = (market.bus, market.payout, market.seller);
    let key = seller;
    offer(market);
    for (name, limits, bump) in [("offer_create", OFFER_CREATE, 255), ("offer_create, bump 254", None, 254)] {
        let seq = offer_seq(&bus.capacity, &market.buyer, market.next_offer_seq, (bump, 255));
        market.next_offer_seq = seq + 1;
        let create = offer_create(&bus, bus.capacity, &key, payout, OfferOptions::new(seq));
        table.measure(name, limits, market, create);
    }
    let one = offer(market);
    table.measure("offer_reprice", OFFER_REPRICE, market, offer_reprice(&one, &key, 300_000));
    let seq = offer_seq(&bus.capacity, &market.buyer, market.next_offer_seq, (255, 255));
    let options = OfferOptions::new(seq).expires(market.now() + 60);
    let expiring = market.create_offer(&bus, bus.capacity, &seller, payout, options);
    table.measure("offer_extend", None, market, offer_extend(&expiring, &key, 0));
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
        let items: Vec<_> = (0..count)
            .map(|index| {
                let (mint, seller) = (market.bus.mint, market.seller);
                let payout = market.token_account(&format!("payout {index}"), &mint, &seller, 0);
                (offer_to(market, payout), 1_500 + index)
            })
            .collect();
        let batch = market.batch(&items);
        table.measure(&format!("purchase_batch, N={count}"), Some(batch_limits(count)), market, batch);
    }
    let market = &mut market(TokenProgram::SplToken);
    let items: Vec<_> = (0..4).map(|index| (offer(market), 1_500 + index)).collect();
    let batch = market.batch(&items);
    table.measure("purchase_batch, N=4, one payout", Some(batch_limits(4)), market, batch);
}

fn locks(table: &mut Table) {
    let market = &mut market(TokenProgram::SplToken);
    let key = market.buyer;
    let (one, two, three) = (offer(market), offer(market), offer(market));
    let take = market.lock_take(&one, 1_500);
    table.measure("lock_take", LOCK, market, take);
    let seq = offer_seq(&market.bus.capacity, &key, market.next_offer_seq, (255, 254));
    let lower = market.offer_with(|options| OfferOptions { offer_seq: seq, ..options });
    let take = market.lock_take(&lower, 1_500);
    table.measure("lock_take, bump 254", None, market, take);
    let settle = market.lock_settle(&one);
    table.measure("lock_settle", LOCK, market, settle);
    market.lock(&two, 1_500);
    let release = market.lock_release(&two, &key);
    table.measure("lock_release, with fee", LOCK, market, release);
    market.lock(&three, 1_500);
    let bus = market.bus;
    market.set_paused(&bus, true);
    let release = market.lock_release(&three, &key);
    table.measure("lock_release, without fee", LOCK, market, release);
}

fn rest(table: &mut Table) {
    let chain = &mut TestChain::new();
    let mint = chain.mint("mint", TokenProgram::SplToken, &[]);
    let key = chain.wallet("seller");
    let options = BusOptions::new(&key).windowed().seq(bus_seq(&key));
    let bus = BusAddresses::of(&key, options.bus_seq, mint);
    table.measure("bus_create", None, chain, bus_create(&key, &mint, &options));
    let first = chain.now() / 900 * 900 + 7_200;
    // Half of all windows have the highest bump.
    let mut windows = (first..).step_by(900).filter(|start| pda::capacity(&bus.address, *start).1 == 255);
    let (window, next) = (windows.next().expect("one"), windows.next().expect("another"));
    table.measure("capacity_open", None, chain, capacity_open(&bus, &key, window));
    let seq = offer_seq(&bus.window(next), &key, 0, (255, 255));
    let payout = chain.token_account("payout", &mint, &key, 0);
    let both =
        [capacity_open(&bus, &key, next), offer_create(&bus, bus.window(next), &key, payout, OfferOptions::new(seq))];
    let cost = table.cost(chain, &both);
    table.record("capacity_open and offer_create", None, cost);
    table.measure("capacity_open, open already", None, chain, capacity_open(&bus, &key, window));
    chain.go_to(window + 900);
    table.measure("capacity_close", None, chain, capacity_close(&bus, window, &key));
    let lane = (0..).find(|lane| pda::trader(&key, *lane).1 == 255).expect("half of the lanes");
    table.measure("trader_open", None, chain, trader_open(&key, lane, 0));
    chain.pass(1);
    table.measure("trader_close", None, chain, trader_close(&LaneAddress::of(&key, lane), &key));
}

/// Proposes with the first number whose address has the highest bump; the numbers before are used up.
fn propose(table: &Table, market: &mut TestMarket, proposer: &Address, action: ProposalAction) -> (Address, Cost) {
    let bus = market.bus;
    loop {
        let seq = market.bus_state(&bus).proposal_seq;
        let (address, bump) = pda::proposal(&bus.address, seq);
        let cost = table.cost(market, &[proposal_create(&bus, proposer, seq, action.clone())]);
        if bump == 255 {
            return (address, cost);
        }
    }
}

/// What owners decide, with three owners of whom two decide, and with sixteen of whom one does.
fn decisions(table: &mut Table) {
    let (market, owners) = &mut TestMarket::owned_by(3, 2, |_| ());
    let bus = market.bus;
    let price = ProposalAction::BasePriceSet { base_price_per_kwh: 20_000 };
    let (proposal, cost) = propose(table, market, &owners[0], price);
    table.record_limit("proposal_create", PROPOSAL_CREATE, cost);
    let approve = proposal_approve(&bus, proposal, &owners[2]);
    table.measure_limit("proposal_approve", PROPOSAL_APPROVE, market, approve.clone());
    let revoke = proposal_revoke(&bus, proposal, &owners[2]);
    table.measure("proposal_revoke", None, market, revoke);
    market.execute(&[approve]);
    table.measure_limit("proposal_execute", PROPOSAL_EXECUTE, market, proposal_execute(&bus, proposal, &owners[1]));
    table.measure("proposal_close", None, market, proposal_close(&bus, proposal, &owners[1], &owners[0]));
    let seq = offer_seq(&bus.capacity, &market.buyer, 0, (255, 255));
    let create = offer_create_for_bus(&bus, bus.capacity, &owners[0], OfferOptions::new(seq).energy(100_000));
    table.measure("offer_create_for_bus", None, market, create);
    let one = bus_offer(&bus, bus.capacity, &owners[0], seq);
    let purchase = market.purchase(&one, 1_500);
    table.measure("purchase from the bus", None, market, purchase);
    let payout = market.payout;
    table.measure_limit("treasury_claim", TREASURY_CLAIM, market, treasury_claim(&bus, &owners[0], payout));

    let (market, owners) = &mut TestMarket::owned_by(16, 1, |_| ());
    let bus = market.bus;
    let last = owners[15];
    let mut shares_bps = equal_shares(16);
    shares_bps.swap(0, 15);
    let (proposal, cost) = propose(table, market, &last, ProposalAction::SharesSet { shares_bps: shares_bps.clone() });
    table.record_limit("proposal_create, last of 16 owners", PROPOSAL_CREATE, cost);
    let approve = proposal_approve(&bus, proposal, &owners[14]);
    table.measure_limit("proposal_approve, 15th of 16 owners", PROPOSAL_APPROVE, market, approve);
    let one = market.bus_offer(&owners[0], 100_000, 250_000);
    market.buy(&one, 1_500);
    let tokens = market.chain.token_account("last owner's tokens", &bus.mint, &last, 0);
    let claim = treasury_claim(&bus, &last, tokens);
    table.measure_limit("treasury_claim, last of 16 owners", TREASURY_CLAIM, market, claim);
    market.buy(&one, 1_501);
    table.measure("proposal_execute, 16 owners settle", None, market, proposal_execute(&bus, proposal, &last));
    let remove = ProposalAction::OwnerRemove { owner: owners[0], shares_bps: equal_shares(15) };
    let (proposal, _) = propose(table, market, &last, remove);
    market.buy(&one, 1_502);
    let execute = proposal_execute(&bus, proposal, &last);
    table.measure("proposal_execute, 16 owners, first leaves", None, market, execute);
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
