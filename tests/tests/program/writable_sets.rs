//! What a purchase writes: the buyer's own accounts, one offer and its payout. Two purchases conflict only if they
//! share one of these; the chain can execute all others in parallel.

use {
    multibus_tests::{
        LaneAddress, OfferAddresses, TestChain, TestMarket, TokenProgram, instructions::*, key::pda,
        market::BUYER_TOKENS,
    },
    solana_address::Address,
    solana_instruction::Instruction,
    std::collections::BTreeSet,
};

fn writes(instruction: &Instruction) -> BTreeSet<Address> {
    instruction.accounts.iter().filter(|meta| meta.is_writable).map(|meta| meta.pubkey).collect()
}

/// Accounts whose bytes or lamports a transaction changes, the fee payer's aside.
fn changes(chain: &mut TestChain, instruction: Instruction) -> BTreeSet<Address> {
    let before = chain.svm.accounts_db().inner.clone();
    chain.execute(&[instruction]);
    let sysvars = [solana_sdk_ids::sysvar::recent_blockhashes::ID, chain.fee_payer];
    let after = &chain.svm.accounts_db().inner;
    after
        .iter()
        .filter(|(address, account)| !sysvars.contains(address) && before.get(*address) != Some(account))
        .map(|(address, _)| *address)
        .collect()
}

/// A buyer with a purchase, a batch and the three instructions of a lock on one offer, in that order.
struct Buyer {
    wallet: Address,
    payment: Address,
    lane: LaneAddress,
}

impl Buyer {
    fn new(chain: &mut TestChain, name: &str, offer: &OfferAddresses) -> Self {
        let (wallet, payment, lane) = chain.buyer(name, &offer.bus.mint);
        Self { wallet, payment, lane }
    }

    fn purchase(&self, chain: &TestChain, offer: &OfferAddresses) -> Instruction {
        multibus::instruction::Purchase {
            nonce: chain.nonce(&self.lane),
            energy_wh: 100,
            min_energy_wh: 100,
            max_price_per_kwh: u64::MAX,
            expected_version: 0,
        }
        .to_instruction(purchase_accounts(offer, &self.lane, self.payment))
    }

    fn batch(&self, chain: &TestChain, offer: &OfferAddresses) -> Instruction {
        batch(&self.lane, self.payment, chain.nonce(&self.lane), &[(*offer, 100)])
    }

    fn own(&self) -> BTreeSet<Address> {
        BTreeSet::from([self.wallet, self.payment, self.lane.address])
    }
}

/// Two offers on one bus, in one window, by two sellers, with two buyers.
fn two_of_each() -> (TestMarket, [(OfferAddresses, Buyer); 2]) {
    let mut market = TestMarket::windowed();
    let start = market.next_window();
    let one = market.offer_in(start, |options| options);
    let bus = market.bus;
    let other = market.wallet("other seller");
    let payout = market.token_account("other payout", &bus.mint, &other, 0);
    let two = market.create_offer(&bus, bus.window(start), &other, payout, OfferOptions::new(50));
    let buyers =
        [Buyer::new(&mut market.chain, "first buyer", &one), Buyer::new(&mut market.chain, "second buyer", &two)];
    let [first, second] = buyers;
    (market, [(one, first), (two, second)])
}

/// Everything that all trades on a bus have in common.
fn shared(market: &TestMarket, offers: &[OfferAddresses]) -> BTreeSet<Address> {
    let bus = market.bus;
    let mut shared = BTreeSet::from([bus.address, bus.capacity, bus.treasury, bus.mint.address]);
    shared.extend(offers.iter().map(|offer| offer.capacity));
    shared.extend(TokenProgram::BOTH.map(TokenProgram::address));
    shared.insert(multibus::ID);
    shared
}

#[test]
fn purchases_of_different_offers_write_no_account_in_common() {
    let (market, [(one, first), (two, second)]) = two_of_each();
    let purchases = |chain: &TestChain| {
        [
            [first.purchase(chain, &one), first.batch(chain, &one)],
            [second.purchase(chain, &two), second.batch(chain, &two)],
        ]
    };
    let [ones, twos] = purchases(&market);
    for a in &ones {
        for b in &twos {
            assert_eq!(a.accounts.len(), b.accounts.len());
            let common: Vec<_> = writes(a).intersection(&writes(b)).copied().collect();
            assert_eq!(common, [], "no account in common");
        }
    }
}

#[test]
fn a_purchase_writes_its_buyer_offer_and_payout_only() {
    let (mut market, [(one, first), (two, _)]) = two_of_each();
    let shared = shared(&market, &[one, two]);
    for instruction in [first.purchase(&market, &one), first.batch(&market, &one)] {
        let declared = writes(&instruction);
        let expected = BTreeSet::from([first.payment, first.lane.address, one.address, one.payout]);
        assert_eq!(declared, expected);
        assert!(declared.is_disjoint(&shared), "a purchase writes nothing that all trades share");
        let mut instruction = instruction;
        // The first has spent the nonce of the second.
        if instruction.accounts.len() == 8 && instruction.data[0] == 9 {
            instruction = first.batch(&market, &one);
        }
        assert_eq!(changes(&mut market.chain, instruction), expected, "and changes just what it declares");
    }
}

#[test]
fn a_sale_of_the_bus_writes_the_treasury_but_neither_bus_nor_capacity() {
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.bus_offer(&seller, 10_000, 250_000);
    let buyer = Buyer::new(&mut market.chain, "first buyer", &offer);
    let expected = BTreeSet::from([buyer.payment, buyer.lane.address, offer.address, bus.treasury]);
    let purchase = buyer.purchase(&market, &offer);
    assert_eq!(writes(&purchase), expected);
    assert_eq!(changes(&mut market.chain, purchase), expected);
    let batch = buyer.batch(&market, &offer);
    assert_eq!(writes(&batch), expected);
    assert_eq!(changes(&mut market.chain, batch), expected);
    // A lock of it moves its deposit from escrow to treasury.
    let take = multibus::instruction::LockTake { energy_wh: 100, max_price_per_kwh: u64::MAX, expected_version: 0 }
        .to_instruction(lock_take_accounts(&offer, &buyer.wallet, buyer.payment));
    market.execute(&[take]);
    let settle = multibus::instruction::LockSettle { nonce: market.nonce(&buyer.lane) }
        .to_instruction(lock_settle_accounts(&offer, &buyer.lane));
    let changed = changes(&mut market.chain, settle);
    assert!(changed.contains(&bus.treasury) && !changed.contains(&bus.address) && !changed.contains(&bus.capacity));
}

#[test]
fn approvals_write_the_proposal_alone_and_claims_what_they_pay() {
    let (mut market, owners) = TestMarket::owned_by(3, 3, |_| ());
    let (bus, seller) = (market.bus, market.seller);
    let action = multibus::state::ProposalAction::BasePriceSet { base_price_per_kwh: 20_000 };
    let proposal = market.propose(&bus, &seller, action);
    let approve = proposal_approve(&bus, proposal, &owners[1]);
    assert_eq!(changes(&mut market.chain, approve), BTreeSet::from([proposal]));
    let revoke = proposal_revoke(&bus, proposal, &owners[1]);
    assert_eq!(changes(&mut market.chain, revoke), BTreeSet::from([proposal]));
    let offer = market.bus_offer(&seller, 10_000, 250_000);
    market.buy(&offer, 1_000);
    let payout = market.payout;
    let claim = treasury_claim(&bus, &seller, payout);
    assert_eq!(changes(&mut market.chain, claim), BTreeSet::from([bus.address, bus.treasury, payout]));
}

#[test]
fn a_lock_writes_its_buyer_offer_and_escrow_only() {
    let (mut market, [(one, first), (two, _)]) = two_of_each();
    let shared = shared(&market, &[one, two]);
    let lock = pda::lock(&one.address, &first.wallet).0;
    let take = multibus::instruction::LockTake { energy_wh: 100, max_price_per_kwh: u64::MAX, expected_version: 0 }
        .to_instruction(lock_take_accounts(&one, &first.wallet, first.payment));
    let mut allowed = first.own();
    allowed.extend([one.address, one.payout, lock, one.bus.escrow]);
    let check = |instruction: &Instruction| {
        let declared = writes(instruction);
        assert!(declared.is_disjoint(&shared) && declared.is_subset(&allowed), "{declared:?}");
    };
    check(&take);
    market.execute(&[take]);
    let settle = multibus::instruction::LockSettle { nonce: market.nonce(&first.lane) }
        .to_instruction(lock_settle_accounts(&one, &first.lane));
    let release = multibus::instruction::LockRelease {}.to_instruction(lock_release_accounts(
        &one,
        &first.wallet,
        &first.wallet,
        first.payment,
    ));
    check(&settle);
    check(&release);
}

#[test]
fn two_lanes_of_one_wallet_buy_from_two_accounts_without_a_common_write() {
    let (mut market, [(one, first), (two, _)]) = two_of_each();
    let mint = market.bus.mint;
    let second_lane = market.open_lane(&first.wallet, 1);
    let second_payment = market.token_account("second payment", &mint, &first.wallet, BUYER_TOKENS);
    let second = Buyer { wallet: first.wallet, payment: second_payment, lane: second_lane };
    let (a, b) = (first.purchase(&market, &one), second.purchase(&market, &two));
    assert!(writes(&a).is_disjoint(&writes(&b)));
}
