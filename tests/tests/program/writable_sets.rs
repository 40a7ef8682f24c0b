//! What a purchase writes: the buyer's own accounts, one offer and its seller's vault. Two purchases conflict only if they
//! share one of these; the chain can execute all others in parallel.

use {
    multibus_tests::{
        LaneAddress, OfferAddresses, TestChain, TestMarket, TokenProgram,
        instructions::*,
        key::pda,
        market::{BUYER_TOKENS, lock_take},
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
    before
        .keys()
        .chain(after.keys())
        .filter(|address| !sysvars.contains(address) && before.get(address) != after.get(address))
        .copied()
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
    market.open_seller(&bus, &other);
    let gate = OfferOptions::new(0).expires(start - 60);
    let two = market.create_offer(&bus, bus.window(start), &other, gate);
    let buyers =
        [Buyer::new(&mut market.chain, "first buyer", &one), Buyer::new(&mut market.chain, "second buyer", &two)];
    let [first, second] = buyers;
    (market, [(one, first), (two, second)])
}

/// Everything that all trades on a bus have in common.
fn shared(market: &TestMarket, offers: &[OfferAddresses]) -> BTreeSet<Address> {
    let bus = market.bus;
    let mut shared =
        BTreeSet::from([bus.address, bus.ledger, bus.capacity, bus.treasury, bus.unclaimed, bus.mint.address]);
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
fn a_purchase_writes_its_buyer_offer_and_vault_only() {
    let (mut market, [(one, first), (two, _)]) = two_of_each();
    let shared = shared(&market, &[one, two]);
    for instruction in [first.purchase(&market, &one), first.batch(&market, &one)] {
        let declared = writes(&instruction);
        let expected = BTreeSet::from([first.payment, first.lane.address, one.address, one.vault]);
        assert_eq!(declared, expected);
        assert!(declared.is_disjoint(&shared), "a purchase writes nothing that all trades share");
        let mut instruction = instruction;
        // The first has spent the nonce of the second.
        if instruction.accounts.len() == 7 && instruction.data[0] == 16 {
            instruction = first.batch(&market, &one);
        }
        assert_eq!(changes(&mut market.chain, instruction), expected, "and changes just what it declares");
    }
}

#[test]
fn a_sale_of_the_bus_writes_its_own_vault_but_neither_bus_nor_treasury_nor_capacity() {
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.bus_offer(&seller, 10_000, 250_000);
    let own = bus.own_seller();
    let buyer = Buyer::new(&mut market.chain, "first buyer", &offer);
    let expected = BTreeSet::from([buyer.payment, buyer.lane.address, offer.address, own.vault]);
    let purchase = buyer.purchase(&market, &offer);
    assert_eq!(writes(&purchase), expected);
    assert_eq!(changes(&mut market.chain, purchase), expected);
    let batch = buyer.batch(&market, &offer);
    assert_eq!(writes(&batch), expected);
    assert_eq!(changes(&mut market.chain, batch), expected);
    // Settling a lock of it moves no token.
    market.execute(&[lock_take(&offer, &buyer.wallet, 0, buyer.payment, 100)]);
    let lock = pda::lock(&offer.address, &buyer.wallet, 0).0;
    let settle = market.settlement(&offer, &buyer.lane, 0);
    let expected = BTreeSet::from([buyer.wallet, buyer.lane.address, offer.address, lock]);
    assert_eq!(changes(&mut market.chain, settle), expected);
    // Collecting writes the offer and its seller, withdrawing the seller and two token accounts.
    assert_eq!(changes(&mut market.chain, offer_collect(&offer)), BTreeSet::from([offer.address, own.address]));
    let withdraw = seller_withdraw(&own, &seller, bus.treasury);
    assert_eq!(changes(&mut market.chain, withdraw), BTreeSet::from([own.address, own.vault, bus.treasury]));
}

#[test]
fn approvals_write_the_proposal_alone_and_claims_what_they_pay() {
    let (mut market, owners) = TestMarket::owned_by(3, 3, |_| ());
    let (bus, seller) = (market.bus, market.seller);
    let action = multibus::state::ProposalAction::BasePriceSet { base_price_per_kwh: 20_000 };
    let proposal = market.propose(&bus, &seller, action);
    let approve = market.approval(&bus, proposal, &owners[1]);
    assert_eq!(changes(&mut market.chain, approve), BTreeSet::from([proposal]));
    let revoke = proposal_revoke(&bus, proposal, &owners[1]);
    assert_eq!(changes(&mut market.chain, revoke), BTreeSet::from([proposal]));
    let (mint, payout) = (bus.mint, market.payout);
    market.gift(&mint, &bus.treasury, 1_000);
    let claim = treasury_claim(&bus, &seller, payout);
    assert_eq!(changes(&mut market.chain, claim), BTreeSet::from([bus.ledger, bus.treasury, payout]));
}

#[test]
fn a_lock_writes_its_buyer_offer_and_seller_only() {
    let (mut market, [(one, first), (two, _)]) = two_of_each();
    let shared = shared(&market, &[one, two]);
    let lock = pda::lock(&one.address, &first.wallet, 0).0;
    let take = lock_take(&one, &first.wallet, 0, first.payment, 100);
    let mut allowed = first.own();
    allowed.extend([one.address, one.vault, lock]);
    let check = |instruction: &Instruction, allowed: &BTreeSet<Address>| {
        let declared = writes(instruction);
        assert!(declared.is_disjoint(&shared) && declared.is_subset(allowed), "{declared:?}");
    };
    check(&take, &allowed);
    market.execute(std::slice::from_ref(&take));
    let settle = market.settlement(&one, &first.lane, 0);
    check(&settle, &allowed);
    market.execute(&[settle, take]);
    // A release names what a claim is kept with; it changes that only where one is made.
    let release = market.release(&one, &first.wallet, &first.wallet, 0);
    let expected = BTreeSet::from([first.wallet, first.payment, one.address, one.seller, one.vault, lock]);
    assert_eq!(changes(&mut market.chain, release), expected);
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
