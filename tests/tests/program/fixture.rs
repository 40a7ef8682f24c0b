//! A valid use of every instruction, all in one market, for tests that try the same thing on each.

use {
    anchor_lang::Discriminator,
    multibus::state::{self, ProposalAction},
    multibus_tests::{BusOptions, LaneAddress, OfferAddresses, TestMarket, instructions::*},
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
    /// An offer of 10 kWh.
    pub one: OfferAddresses,
    /// An offer of 10 kWh, of which the buyer has 1 kWh under a lock.
    pub locked: OfferAddresses,
    /// A proposal of the seller's that can be executed.
    pub open: Address,
    /// A proposal of the seller's that is executed.
    pub done: Address,
    /// A lane of the buyer's in which nothing was bought.
    pub idle: LaneAddress,
}

pub fn fixture() -> Fixture {
    let (mut market, owners) =
        TestMarket::owned_by(2, 1, |config| (config.window_seconds, config.gate_closure_seconds) = (900, 60));
    let (bus, seller, buyer, start) = (market.bus, market.seller, market.buyer, market.next_window());
    let friend = owners[1];
    // An old window to close.
    let old = start;
    let sold = market.offer_in(old, |options| options);
    market.execute(&[offer_cancel(&sold, &seller)]);
    market.go_to(old + 900);
    let start = market.next_window();
    let expires_at = market.now() + 2_000;
    let one = market.offer_in(start, |options| options.expires(expires_at));
    let locked = market.offer_in(start, |options| options);
    market.lock(&locked, 1_000);
    let price = |base_price_per_kwh| ProposalAction::BasePriceSet { base_price_per_kwh };
    let open = market.propose(&bus, &seller, price(20_000));
    let done = market.propose(&bus, &seller, price(10_000));
    market.execute(&[proposal_execute(&bus, done, &seller)]);
    let (mint_key, fee_payer) = (bus.mint, market.fee_payer);
    market.arrange(&[mint_key.mint_to(&bus.treasury, &fee_payer, 1_000_000)]);
    let idle = market.open_lane(&buyer, 1);
    let (mint, payout) = (bus.mint, market.payout);
    let instructions = vec![
        ("bus_create", bus_create(&seller, &mint, &BusOptions::new(&seller).seq(9))),
        ("capacity_open", capacity_open(&bus, &seller, start + 900)),
        ("capacity_close", capacity_close(&bus, old, &seller)),
        ("offer_create", offer_create(&bus, bus.window(start), &seller, payout, OfferOptions::new(90))),
        ("offer_reprice", offer_reprice(&one, &seller, 300_000)),
        ("offer_extend", offer_extend(&one, &seller, 0)),
        ("offer_cancel", offer_cancel(&one, &seller)),
        ("purchase", market.purchase(&one, 100)),
        ("purchase_batch", market.batch(&[(one, 100)])),
        ("lock_take", market.lock_take(&one, 100)),
        ("lock_settle", market.lock_settle(&locked)),
        ("lock_release", market.lock_release(&locked, &buyer)),
        ("trader_open", trader_open(&buyer, 2, 0)),
        ("trader_close", trader_close(&idle, &buyer)),
        ("offer_create_for_bus", offer_create_for_bus(&bus, bus.window(start), &seller, OfferOptions::new(91))),
        ("proposal_create", proposal_create(&bus, &seller, 2, price(30_000))),
        ("proposal_approve", proposal_approve(&bus, open, &friend)),
        ("proposal_revoke", proposal_revoke(&bus, open, &seller)),
        ("proposal_execute", proposal_execute(&bus, open, &buyer)),
        ("proposal_close", proposal_close(&bus, done, &buyer, &seller)),
        ("treasury_claim", treasury_claim(&bus, &seller, payout)),
    ];
    Fixture { market, instructions, old, start, one, locked, open, done, idle }
}

/// Which type of account of the program lies at an address.
pub fn type_at(market: &TestMarket, address: &Address) -> Option<&'static str> {
    let account = market.svm.get_account(address)?;
    if account.owner != multibus::ID {
        return None;
    }
    let types = [
        (state::Bus::DISCRIMINATOR, "BusAddresses"),
        (state::Capacity::DISCRIMINATOR, "Capacity"),
        (state::Offer::DISCRIMINATOR, "OfferAddresses"),
        (state::Lock::DISCRIMINATOR, "Lock"),
        (state::Trader::DISCRIMINATOR, "Trader"),
        (state::Proposal::DISCRIMINATOR, "Proposal"),
    ];
    types.iter().find(|(discriminator, _)| &account.data[..8] == *discriminator).map(|(_, name)| *name)
}

/// The instruction of a name.
pub fn instruction_of<'a>(instructions: &'a [(&'static str, Instruction)], name: &str) -> &'a Instruction {
    &instructions.iter().find(|(other, _)| *other == name).expect("an instruction of the name").1
}

/// An account of one of the instructions.
pub fn account_of(instructions: &[(&'static str, Instruction)], name: &str, index: usize) -> Address {
    instruction_of(instructions, name).accounts[index].pubkey
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

/// Names of an instruction's accounts, as the IDL gives them; a batch is one of one item.
pub fn account_names(instruction: &str) -> Vec<String> {
    let accounts = idl_accounts(instruction);
    let mut names: Vec<String> =
        accounts.iter().map(|account| account["name"].as_str().expect("a name").to_owned()).collect();
    if instruction == "purchase_batch" {
        names.extend(["bus", "offer", "payout"].map(str::to_owned));
    }
    names
}
