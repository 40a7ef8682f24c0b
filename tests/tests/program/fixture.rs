//! A valid use of every instruction, all in one market, for tests that try the same thing on each.

use {
    anchor_lang::Discriminator,
    multibus::{
        instruction::LockTake,
        state::{self, ProposalAction},
    },
    multibus_tests::{
        BusAddresses, BusOptions, LaneAddress, OfferAddresses, SellerAddresses, TestMarket, chain::FIRST,
        instructions::*,
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
    /// The operator of the bus.
    pub operator: Address,
}

pub fn fixture() -> Fixture {
    let operator = solana_signer::Signer::pubkey(&multibus_tests::keypair("operator"));
    let (mut market, owners) = TestMarket::owned_by(2, 1, |config| {
        (config.window_seconds, config.gate_closure_seconds) = (900, 60);
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
    market.go_to(old + 900);
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
    let instructions = vec![
        ("creator_open", creator_open(&newcomer, 0)),
        ("bus_create", bus_create(&seller, &mint, &BusOptions::new(&seller).seq(2))),
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
    assert_eq!(own.address, bus.seller(&seller).address);
    assert_eq!(open, bus.proposal(&seller, FIRST));
    Fixture { market, instructions, old, start, one, locked, open, done, idle, member, spare, unlucky, operator }
}

/// Which type of account of the program lies at an address.
pub fn type_at(market: &TestMarket, address: &Address) -> Option<&'static str> {
    let account = market.svm.get_account(address)?;
    if account.owner != multibus::ID {
        return None;
    }
    let types = [
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
    assert_eq!(found.len(), 10, "{found:?}");
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

/// Names of an instruction's accounts, as the IDL gives them; a batch is one of one item, a closing bus has one owner.
pub fn account_names(instruction: &str) -> Vec<String> {
    let accounts = idl_accounts(instruction);
    let mut names: Vec<String> =
        accounts.iter().map(|account| account["name"].as_str().expect("a name").to_owned()).collect();
    match instruction {
        "purchase_batch" => names.extend(["bus", "offer", "vault"].map(str::to_owned)),
        "bus_close" => names.push("owner_claim".to_owned()),
        _ => {}
    }
    names
}

/// Whether an instruction looks into an account only where a claim is made, a share changes or a seller is admitted:
/// not in this market.
pub fn is_unread(instruction: &str, account: &str) -> bool {
    match instruction {
        "lock_release" => ["unclaimed", "ledger", "claim", "system_program"].contains(&account),
        "seller_close" | "treasury_claim" => account == "claim",
        "proposal_execute" => ["seller", "vault"].contains(&account),
        "claim_pay" => account == "creator",
        _ => false,
    }
}
