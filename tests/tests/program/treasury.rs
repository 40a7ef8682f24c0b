//! `treasury_claim`: revenue of the bus's own offers, divided by the owners' shares to the base unit.

use {
    crate::batch::lookup_table,
    multibus::{
        error::MultibusError,
        event,
        instruction::TreasuryClaim,
        state::{self, ProposalAction},
    },
    multibus_tests::{
        BusAddresses, BusOptions, Mint, OfferAddresses, TestChain, TestMarket, TokenProgram,
        event::{assert_logged, consumed, logged},
        instructions::*,
        market::BUYER_TOKENS,
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_message::AddressLookupTableAccount,
    std::slice::from_ref,
};

/// A market whose bus sells at one base unit per Wh, with a token account for each owner.
struct OwnedMarket {
    market: TestMarket,
    owners: Vec<Address>,
    accounts: Vec<Address>,
    offer: OfferAddresses,
}

impl OwnedMarket {
    fn new(count: usize, shares: &[u16]) -> Self {
        let shares = shares.to_vec();
        let (mut market, owners) = TestMarket::owned_by(count, 1, |config| {
            config.base_price_per_kwh = 1;
            config.capacity_wh = 1_000_000_000;
            for (owner, share_bps) in config.owners.iter_mut().zip(shares) {
                owner.share_bps = share_bps;
            }
        });
        let offer = market.bus_offer(&owners[0], 900_000_000, 1_000);
        let mut owned = Self { market, owners: Vec::new(), accounts: Vec::new(), offer };
        for owner in owners {
            owned.knows(owner);
        }
        owned
    }

    /// A wallet gets a token account.
    fn knows(&mut self, wallet: Address) -> usize {
        let mint = self.market.bus.mint;
        let name = format!("tokens {}", self.accounts.len());
        self.accounts.push(self.market.token_account(&name, &mint, &wallet, 0));
        self.owners.push(wallet);
        self.owners.len() - 1
    }

    fn newcomer(&mut self, name: &str) -> usize {
        let wallet = self.market.wallet(name);
        self.knows(wallet)
    }

    /// The treasury earns this many base units.
    fn sell(&mut self, amount: u64) {
        let (bus, offer, seller) = (self.market.bus, self.offer, self.market.seller);
        self.market.buy(&offer, amount);
        self.market.execute(&[offer_collect(&offer), seller_withdraw(&bus.own_seller(), &seller, bus.treasury)]);
    }

    fn claim(&self, who: usize) -> Instruction {
        treasury_claim(&self.market.bus, &self.owners[who], self.accounts[who])
    }

    /// What a claim pays; 0 if it is refused because there is nothing to claim.
    fn claimed(&mut self, who: usize) -> u64 {
        let (claim, account) = (self.claim(who), self.accounts[who]);
        let before = self.market.tokens(&account);
        if self.market.send(from_ref(&claim)).is_err() {
            self.market.assert_refused(&[claim], MultibusError::NothingToClaim);
        }
        self.market.tokens(&account) - before
    }

    fn decide(&mut self, action: ProposalAction) {
        let bus = self.market.bus;
        self.market.decide(&bus, action);
    }

    fn shares(&mut self, shares_bps: &[u16]) {
        self.decide(ProposalAction::SharesSet { shares_bps: shares_bps.to_vec() });
    }

    fn add(&mut self, who: usize, shares_bps: &[u16]) {
        let owner = self.owners[who];
        self.decide(ProposalAction::OwnerAdd { owner, shares_bps: shares_bps.to_vec() });
    }

    fn remove(&mut self, who: usize, shares_bps: &[u16]) {
        let owner = self.owners[who];
        self.decide(ProposalAction::OwnerRemove { owner, shares_bps: shares_bps.to_vec() });
    }

    fn treasury(&self) -> u64 {
        self.market.tokens(&self.market.bus.treasury)
    }

    fn ledger(&self) -> state::Ledger {
        self.market.ledger(&self.market.bus)
    }

    /// The wallet, accrued and claimed revenue of the owner at a place.
    fn place(&self, index: usize) -> (Address, u64, u64) {
        let account = self.ledger().owners[index];
        (self.market.bus_state(&self.market.bus).owners[index].owner, account.accrued, account.claimed)
    }
}

#[test]
pub fn sales_of_the_bus_go_to_its_own_vault_and_from_there_to_the_treasury() {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, seller) = (market.bus, market.seller);
        let (one, two) = (market.bus_offer(&seller, 50_000, 250_000), market.bus_offer(&seller, 50_000, 300_000));
        let own = bus.own_seller();
        let before = market.account(&bus.address);
        market.buy(&one, 1_000);
        assert_eq!(market.tokens(&own.vault), 250_000);
        // Two of the bus's offers in one batch, and one of a member beside them.
        let member = market.offer(10_000);
        let batch = market.batch(&[(one, 1_000), (member, 1_000), (two, 1_000)]);
        market.execute(&[batch]);
        assert_eq!(market.tokens(&own.vault), 250_000 + 550_000);
        assert_eq!(market.tokens(&market.vault), 250_000);
        // A lock that settles, and the fee of one that does not.
        market.lock(&one, 2_000);
        let settle = market.lock_settle(&one);
        market.execute(&[settle]);
        assert_eq!(market.tokens(&own.vault), 800_000 + 500_000);
        market.lock(&two, 1_000);
        let release = market.lock_release(&two, &market.buyer);
        market.execute(&[release]);
        assert_eq!(market.tokens(&own.vault), 1_300_000 + 3_000);
        // Anyone collects and withdraws it, and it goes nowhere else.
        let stranger = market.wallet("stranger");
        let (payout, treasury) = (market.payout, bus.treasury);
        market.execute(&[offer_collect(&one), offer_collect(&two)]);
        for (caller, destination) in [(seller, payout), (stranger, payout), (seller, bus.unclaimed)] {
            let stolen = seller_withdraw(&own, &caller, destination);
            market.assert_refused(&[stolen], MultibusError::WithdrawNotToTreasury);
        }
        // Not while the issuer holds the treasury.
        let withdraw = seller_withdraw(&own, &stranger, treasury);
        market.freeze(&bus.mint, &treasury);
        market.assert_refused(std::slice::from_ref(&withdraw), MultibusError::PayeeUnpayable);
        market.thaw(&bus.mint, &treasury);
        market.execute(&[withdraw]);
        assert_eq!((market.tokens(&own.vault), market.tokens(&treasury)), (0, 1_303_000));
        assert_eq!(market.account(&bus.address), before, "no sale writes the bus");
        let claimable = market.ledger(&bus).claimable(&market.bus_state(&bus), &seller, 1_303_000);
        assert_eq!(claimable.ok(), Some(1_303_000));
    }
}

#[test]
pub fn shares_change_without_a_sale_of_the_bus_to_divide() {
    for lists in [false, true] {
        let mut market = TestMarket::new();
        let (bus, seller, friend) = (market.bus, market.seller, market.wallet("friend"));
        if lists {
            market.open_own_seller(&bus, &seller);
        }
        let meta = market.decide(&bus, ProposalAction::OwnerAdd { owner: friend, shares_bps: vec![5_000, 5_000] });
        let told: Vec<_> = logged(&meta.logs).iter().map(|bytes| multibus_tests::event::decode(bytes)).collect();
        let executed = told.iter().find_map(|one| match one {
            event::Event::ProposalExecuted(executed) => Some(executed),
            _ => None,
        });
        assert_eq!(executed.map(|executed| (executed.swept, executed.treasury_balance)), Some((0, 0)));
    }
}

#[test]
pub fn treasury_claim_pays_the_exact_share() {
    withstands!(arithmetic: treasury_claim);
    for program in TokenProgram::BOTH {
        let friend = solana_signer::Signer::pubkey(&multibus_tests::keypair("friend"));
        let mut market = TestMarket::with(program, |options| {
            options.with(|config| {
                config.owners[0].share_bps = 3_333;
                config.owners.push(state::OwnerShare { owner: friend, share_bps: 6_667 });
            })
        });
        let (bus, seller) = (market.bus, market.seller);
        let offer = market.bus_offer(&seller, 1_000_000, 10_000);
        market.buy(&offer, 10_001); // 100,010 base units
        market.execute(&[offer_collect(&offer), seller_withdraw(&bus.own_seller(), &seller, bus.treasury)]);
        market.wallet("friend");
        let account = market.token_account("friend's tokens", &bus.mint, &friend, 0);
        let meta = market.execute(&[treasury_claim(&bus, &friend, account)]);
        // floor(100,010 x 0.6667) = 66,676 (of 66,676.667).
        assert_eq!(market.tokens(&account), 66_676);
        let ledger = market.ledger(&bus);
        assert_eq!((ledger.period_claimed, ledger.accrued_total), (66_676, 0));
        assert_eq!((ledger.owners[1].claimed, ledger.owners[1].accrued), (66_676, 0));
        assert_eq!((ledger.owners[0].claimed, ledger.owners[0].accrued), (0, 0));
        assert_logged(
            &meta,
            &event::TreasuryClaimed {
                bus: bus.address,
                owner: friend,
                destination: account,
                claimed_by: friend,
                amount: 66_676,
                outcome: state::RefundOutcome::Paid as u8,
                moved: 0,
                from_unclaimed: 0,
                padding: [0; 5],
            },
        );
        let payout = market.payout;
        market.execute(&[treasury_claim(&bus, &seller, payout)]);
        assert_eq!(market.tokens(&payout), 33_333); // of 33,333.333
        assert_eq!(market.tokens(&bus.treasury), 1, "what does not divide stays");
    }
}

#[test]
pub fn treasury_claim_carries_remainders_forward() {
    withstands!(arithmetic: treasury_claim);
    let mut owned = OwnedMarket::new(3, &[3_334, 3_333, 3_333]);
    // One base unit at a time: an owner's claim grows only when its share reaches a whole unit.
    let mut paid = [0; 3];
    for _ in 0..30 {
        owned.sell(1);
        for (who, sum) in paid.iter_mut().enumerate() {
            *sum += owned.claimed(who);
        }
    }
    assert_eq!(paid, [10, 9, 9], "floor(30 x 0.3334), floor(30 x 0.3333)");
    assert_eq!(owned.treasury(), 2);
    // Up to 10,000 it comes out even: nothing was lost on the way.
    owned.sell(10_000 - 30);
    for (who, sum) in paid.iter_mut().enumerate() {
        *sum += owned.claimed(who);
    }
    assert_eq!((paid, owned.treasury()), ([3_334, 3_333, 3_333], 0));
}

#[test]
pub fn a_change_of_shares_carries_remainders_forward() {
    let mut owned = OwnedMarket::new(3, &[3_334, 3_333, 3_333]);
    // 14 base units: 4 for each, and 2 that do not divide.
    owned.sell(14);
    let bus = owned.market.bus;
    owned.market.decide(&bus, ProposalAction::SharesSet { shares_bps: vec![10_000, 0, 0] });
    // The new shares divide them: the first owner has them all.
    assert_eq!([owned.claimed(0), owned.claimed(1), owned.claimed(2)], [6, 4, 4]);
    assert_eq!(owned.treasury(), 0);
}

#[test]
pub fn treasury_claim_with_nothing_to_claim_is_rejected() {
    refuses!(replay: treasury_claim);
    let mut owned = OwnedMarket::new(3, &[9_999, 1, 0]);
    let claims = [0, 1, 2].map(|who| owned.claim(who));
    for claim in &claims {
        owned.market.assert_refused(from_ref(claim), MultibusError::NothingToClaim);
    }
    owned.sell(9_999);
    // 0.9999 of a base unit rounds to none, and a share of zero always does.
    for claim in &claims[1..] {
        owned.market.assert_refused(from_ref(claim), MultibusError::NothingToClaim);
    }
    // Nothing is paid twice, neither in one transaction nor later.
    owned.market.assert_refused(&[claims[0].clone(), claims[0].clone()], MultibusError::NothingToClaim);
    assert_eq!(owned.claimed(0), 9_998);
    owned.market.assert_refused(from_ref(&claims[0]), MultibusError::NothingToClaim);
    owned.sell(1);
    assert_eq!((owned.claimed(1), owned.claimed(0), owned.treasury()), (1, 1, 0));
    owned.market.assert_refused(from_ref(&claims[2]), MultibusError::NothingToClaim);
}

#[test]
pub fn treasury_claim_by_anyone_pays_the_owners_associated_account() {
    let mut owned = OwnedMarket::new(2, &[5_000, 5_000]);
    owned.sell(1_000);
    let (bus, owner, stranger) = (owned.market.bus, owned.owners[1], owned.market.wallet("stranger"));
    let associated = owned.market.associated_account(&bus.mint, &owner);
    // Not another account of the owner's, which may be one that it no longer uses.
    let other = treasury_claim_by(&bus, &stranger, &owner, owned.accounts[1]);
    owned.market.assert_refused(&[other], MultibusError::PayeeMismatch);
    owned.market.execute(&[treasury_claim_by(&bus, &stranger, &owner, associated)]);
    assert_eq!(owned.market.tokens(&associated), 500);
}

#[test]
pub fn treasury_claim_by_anyone_for_an_owner_who_cannot_be_paid_makes_a_claim() {
    withstands!(token_2022: treasury_claim; theft: treasury_claim; reinitialisation: treasury_claim);
    let mut owned = OwnedMarket::new(2, &[5_000, 5_000]);
    let (bus, owner, stranger) = (owned.market.bus, owned.owners[1], owned.market.wallet("stranger"));
    let associated = TestChain::associated_address(&bus.mint, &owner);
    let mint = bus.mint;
    let states: [fn(&mut TestMarket, &Mint, Address, Address); 4] = [
        // Never opened; frozen; given away; closed.
        |_, _, _, _| (),
        |market, mint, account, owner| {
            market.associated_account(mint, &owner);
            market.freeze(mint, &account);
        },
        |market, mint, account, owner| {
            market.thaw(mint, &account);
            let other = market.key("who got the account");
            market.set_token_owner(mint, &account, &owner, &other);
        },
        |market, mint, account, _| {
            let other = market.key("who got the account");
            market.close_token_account(mint, &account, &other);
        },
    ];
    for (round, change) in states.into_iter().enumerate() {
        owned.sell(1_000);
        change(&mut owned.market, &mint, associated, owner);
        let meta = owned.market.execute(&[treasury_claim_by(&bus, &stranger, &owner, associated)]);
        assert_eq!(multibus_tests::event::logged(&meta.logs).len(), 2, "what is owed, and the claim");
        assert_eq!(owned.market.claim_amount(&bus, &owner), 500 * (round as u64 + 1));
        assert_eq!(owned.market.tokens(&bus.unclaimed), 500 * (round as u64 + 1));
    }
    let claim: state::Claim = owned.market.state(&bus.claim(&owner));
    assert_eq!((claim.rent_payer, claim.refund), (stranger, Address::default()));
    // The owner pulls it whenever it wants, wherever it wants; the rent goes back to the stranger.
    let (before, rent) = (owned.market.lamports(&stranger), owned.market.lamports(&bus.claim(&owner)));
    let own = owned.accounts[1];
    let pay = owned.market.claim_payment(&bus, &owner, &owner, own);
    let meta = owned.market.execute(&[pay]);
    assert_eq!(owned.market.tokens(&own), 2_000);
    assert_eq!(owned.market.lamports(&stranger), before + rent);
    assert_logged(
        &meta,
        &event::ClaimPaid {
            bus: bus.address,
            wallet: owner,
            claim: bus.claim(&owner),
            destination: own,
            paid_by: owner,
            amount: 2_000,
            paid: 2_000,
        },
    );
}

#[test]
pub fn treasury_claim_into_an_account_of_somebody_else_is_rejected() {
    refuses!(theft: treasury_claim; duplicate_account: treasury_claim);
    let mut owned = OwnedMarket::new(2, &[5_000, 5_000]);
    owned.sell(1_000);
    let (bus, owner, first) = (owned.market.bus, owned.owners[1], owned.owners[0]);
    let thief = owned.newcomer("thief");
    let thiefs_associated = owned.market.associated_account(&bus.mint, &owned.owners[thief].clone());
    let of_the_bus = owned.market.token_account("another of the bus", &bus.mint, &bus.address, 0);
    let payment = owned.market.payment;
    // Another owner and a stranger pay the owner's associated account, or nothing.
    for caller in [owned.owners[thief], first] {
        for destination in [owned.accounts[thief], thiefs_associated, owned.accounts[0], payment, bus.unclaimed] {
            let claim = treasury_claim_by(&bus, &caller, &owner, destination);
            owned.market.assert_refused(&[claim], MultibusError::PayeeMismatch);
        }
        let claim = treasury_claim_by(&bus, &caller, &owner, bus.treasury);
        owned.market.assert_refused(&[claim], MultibusError::PayeeMismatch);
    }
    // The owner itself pays anyone, but no account of the bus.
    for destination in [bus.unclaimed, bus.treasury, of_the_bus, bus.own_seller().vault] {
        let claim = treasury_claim(&bus, &owner, destination);
        owned.market.assert_refused(&[claim], MultibusError::PayeeIsBusAccount);
    }
    assert_eq!(owned.claimed(1), 500);
}

/// A owned of which a second bus owns half, and that bus.
fn owned_by_a_bus() -> (OwnedMarket, BusAddresses) {
    let mut owned = OwnedMarket::new(1, &[10_000]);
    let mint = owned.market.bus.mint;
    let holder = owned.market.wallet("holder");
    let owning = owned.market.create_bus(&holder, &mint, &BusOptions::new(&holder));
    owned.decide(ProposalAction::OwnerAdd { owner: owning.address, shares_bps: vec![5_000, 5_000] });
    owned.sell(1_000);
    (owned, owning)
}

#[test]
pub fn what_is_owed_to_a_bus_goes_back_to_the_treasury() {
    // No instruction could ever move tokens that a bus was paid: they are divided among the others instead.
    refuses!(theft: claim_pay);
    let (mut owned, owning) = owned_by_a_bus();
    let (bus, mint, caller) = (owned.market.bus, owned.market.bus.mint, owned.owners[0]);
    let associated = owned.market.associated_account(&mint, &owning.address);
    let treasury = owned.treasury();
    owned.market.execute(&[treasury_claim_by(&bus, &caller, &owning.address, associated)]);
    assert_eq!(owned.market.claim_amount(&bus, &owning.address), 500);
    for destination in [owning.treasury, owning.unclaimed, associated, bus.unclaimed, owned.accounts[0]] {
        let pay = owned.market.claim_payment(&bus, &caller, &owning.address, destination);
        owned.market.assert_refused(&[pay], MultibusError::ClaimOfBus);
    }
    let pay = owned.market.claim_payment(&bus, &caller, &owning.address, bus.treasury);
    owned.market.freeze(&mint, &bus.treasury);
    owned.market.assert_refused(std::slice::from_ref(&pay), MultibusError::PayeeUnpayable);
    owned.market.thaw(&mint, &bus.treasury);
    owned.market.execute(&[pay]);
    assert_eq!((owned.treasury(), owned.market.claim_amount(&bus, &owning.address)), (treasury, 0));
    // Half of what came back is the other owner's.
    assert_eq!(owned.claimed(0), 500 + 250);
}

#[test]
pub fn what_is_owed_to_a_closed_bus_goes_back_too() {
    let (mut owned, owning) = owned_by_a_bus();
    let (bus, caller) = (owned.market.bus, owned.owners[0]);
    owned.market.decide(&owning, ProposalAction::BusClose);
    let holder = owned.market.bus_state(&owning).owners[0].owner;
    owned.market.execute(&[bus_close(&owning, &caller, &[holder])]);
    let claim = treasury_claim_by(&bus, &caller, &owning.address, owning.treasury);
    owned.market.execute(&[claim]);
    let pay = owned.market.claim_payment(&bus, &caller, &owning.address, owning.treasury);
    owned.market.assert_refused(&[pay], MultibusError::ClaimOfBus);
    let pay = owned.market.claim_payment(&bus, &caller, &owning.address, bus.treasury);
    owned.market.execute(&[pay]);
    assert_eq!(owned.treasury(), 1_000);
}

#[test]
pub fn a_wallet_that_gave_itself_to_the_program_is_paid_as_a_wallet() {
    withstands!(blocked_exit: treasury_claim, claim_pay);
    let mut owned = OwnedMarket::new(2, &[5_000, 5_000]);
    owned.sell(1_000);
    let (bus, mint, stranger) = (owned.market.bus, owned.market.bus.mint, owned.market.wallet("stranger"));
    let owner = owned.owners[1];
    let assign = solana_system_interface::instruction::assign(&owner, &multibus::ID);
    owned.market.arrange(&[assign]);
    let associated = TestChain::associated_address(&mint, &owner);
    owned.market.execute(&[treasury_claim_by(&bus, &stranger, &owner, associated)]);
    assert_eq!(owned.market.claim_amount(&bus, &owner), 500);
    owned.market.associated_account(&mint, &owner);
    let pay = owned.market.claim_payment(&bus, &stranger, &owner, associated);
    owned.market.execute(&[pay]);
    assert_eq!(owned.market.tokens(&associated), 500);
}

#[test]
pub fn treasury_claim_into_what_is_no_token_account_of_the_mint_is_rejected() {
    refuses!(wrong_account: treasury_claim);
    let mut owned = OwnedMarket::new(1, &[10_000]);
    owned.sell(1_000);
    let (bus, owner) = (owned.market.bus, owned.owners[0]);
    let market = &mut owned.market;
    let worthless = market.mint("worthless", TokenProgram::SplToken, &[]);
    let of_worthless = market.token_account("of worthless", &worthless, &owner, 0);
    let token_2022 = market.mint("2022", TokenProgram::Token2022, &[]);
    let of_token_2022 = market.token_account("of 2022", &token_2022, &owner, 0);
    let missing = market.key("missing");
    for destination in [of_worthless, of_token_2022, missing, market.lane.address] {
        market.assert_refused(&[treasury_claim(&bus, &owner, destination)], MultibusError::TokenAccountInvalid);
    }
    let claim = treasury_claim(&bus, &owner, bus.mint.address);
    market.assert_refused(&[claim], MultibusError::TokenAccountInvalid);
}

#[test]
pub fn treasury_claim_into_or_from_a_frozen_account_is_rejected_and_loses_nothing() {
    let mut owned = OwnedMarket::new(1, &[10_000]);
    owned.sell(1_000);
    let (bus, mint, account) = (owned.market.bus, owned.market.bus.mint, owned.accounts[0]);
    owned.market.freeze(&mint, &account);
    let claim = owned.claim(0);
    owned.market.assert_refused(from_ref(&claim), MultibusError::PayeeUnpayable);
    owned.market.thaw(&mint, &account);
    owned.market.freeze(&mint, &bus.treasury);
    owned.market.assert_refused(&[claim], MultibusError::PayerFrozen);
    // A claim cannot reach a frozen unclaimed account either.
    owned.market.thaw(&mint, &bus.treasury);
    owned.market.freeze(&mint, &bus.unclaimed);
    let (owner, stranger) = (owned.owners[0], owned.market.wallet("stranger"));
    let associated = TestChain::associated_address(&mint, &owner);
    let by_stranger = treasury_claim_by(&bus, &stranger, &owner, associated);
    owned.market.assert_refused(&[by_stranger], MultibusError::PayerFrozen);
    assert_eq!(owned.claimed(0), 1_000);
}

#[test]
pub fn treasury_claim_into_an_account_that_asks_for_memos_is_rejected() {
    refuses!(token_2022: treasury_claim);
    let mut market = TestMarket::with(TokenProgram::Token2022, |options| options);
    let (bus, mint, seller, payout) = (market.bus, market.bus.mint, market.seller, market.payout);
    market.gift(&mint, &bus.treasury, 1_000);
    market.ask_memo(&mint, &payout, &seller);
    market.assert_refused(&[treasury_claim(&bus, &seller, payout)], MultibusError::PayeeUnpayable);
}

#[test]
pub fn treasury_claim_for_a_stranger_is_rejected() {
    refuses!(theft: treasury_claim);
    let mut owned = OwnedMarket::new(2, &[5_000, 5_000]);
    owned.sell(1_000);
    let stranger = owned.newcomer("stranger");
    let claim = owned.claim(stranger);
    owned.market.assert_refused(&[claim], MultibusError::OwnerUnknown);
    // Also for the zero address, which unused entries hold.
    let bus = owned.market.bus;
    let account = owned.market.token_account("of zeros", &bus.mint, &Address::default(), 0);
    let caller = owned.owners[stranger];
    let claim = treasury_claim_by(&bus, &caller, &Address::default(), account);
    owned.market.assert_refused(&[claim], MultibusError::PayeeMismatch);
    let associated = owned.market.associated_account(&bus.mint, &Address::default());
    let claim = treasury_claim_by(&bus, &caller, &Address::default(), associated);
    owned.market.assert_refused(&[claim], MultibusError::OwnerUnknown);
}

#[test]
pub fn treasury_claim_from_another_treasury_is_rejected() {
    refuses!(substituted_address: treasury_claim; foreign_program: treasury_claim; theft: treasury_claim);
    let mut owned = OwnedMarket::new(1, &[10_000]);
    owned.sell(1_000);
    let (bus, owner, account) = (owned.market.bus, owned.owners[0], owned.accounts[0]);
    let market = &mut owned.market;
    let other = market.create_bus(&owner, &bus.mint, &BusOptions::new(&owner));
    let of_the_bus = market.token_account("another of the bus", &bus.mint, &bus.address, 1_000_000);
    type Change = Box<dyn Fn(&mut multibus::accounts::TreasuryClaim)>;
    let cases: Vec<(Change, MultibusError)> = vec![
        (Box::new(move |accounts| accounts.treasury = other.treasury), MultibusError::TreasuryMismatch),
        (Box::new(move |accounts| accounts.treasury = bus.unclaimed), MultibusError::TreasuryMismatch),
        (Box::new(move |accounts| accounts.treasury = of_the_bus), MultibusError::TreasuryMismatch),
        (Box::new(move |accounts| accounts.ledger = other.ledger), MultibusError::LedgerMismatch),
        (Box::new(move |accounts| accounts.unclaimed = other.unclaimed), MultibusError::UnclaimedMismatch),
        (Box::new(move |accounts| accounts.bus = other.address), MultibusError::LedgerMismatch),
        (
            Box::new(|accounts| accounts.token_program = TokenProgram::Token2022.address()),
            MultibusError::TokenProgramMismatch,
        ),
    ];
    for (change, error) in cases {
        let mut accounts = treasury_claim_accounts(&bus, &owner, &owner, account);
        change(&mut accounts);
        market.assert_refused(&[TreasuryClaim {}.to_instruction(accounts)], error);
    }
    // Under the other bus, whose treasury is empty, with this one's treasury.
    let mut accounts = treasury_claim_accounts(&other, &owner, &owner, account);
    accounts.treasury = bus.treasury;
    market.assert_refused(&[TreasuryClaim {}.to_instruction(accounts)], MultibusError::TreasuryMismatch);
    // The claim of somebody else, where a claim is made.
    let (stranger, associated) = (market.wallet("stranger"), TestChain::associated_address(&bus.mint, &owner));
    let mut accounts = treasury_claim_accounts(&bus, &stranger, &owner, associated);
    accounts.claim = bus.claim(&stranger);
    market.assert_refused(&[TreasuryClaim {}.to_instruction(accounts)], MultibusError::ClaimMismatch);
}

#[test]
pub fn treasury_claim_and_share_change_of_a_treasury_that_lacks_money_are_rejected() {
    refuses!(arithmetic: treasury_claim, proposal_execute);
    // No instruction makes such a state.
    let mut owned = OwnedMarket::new(2, &[5_000, 5_000]);
    owned.sell(1_000);
    let bus = owned.market.bus;
    owned.market.edit::<state::Ledger>(&bus.ledger, |ledger| ledger.accrued_total = 1_001);
    let claim = owned.claim(0);
    owned.market.assert_refused(&[claim], MultibusError::CounterOverflow);
    let shares = ProposalAction::SharesSet { shares_bps: vec![10_000, 0] };
    let (create, proposal) = owned.market.proposal(&bus, &owned.owners[0], shares);
    let both = [create, proposal_execute(&bus, proposal, &owned.owners[0])];
    owned.market.assert_refused(&both, MultibusError::CounterOverflow);
}

#[test]
pub fn what_anyone_gives_to_the_treasury_is_divided_too() {
    let mut owned = OwnedMarket::new(2, &[2_500, 7_500]);
    let (bus, payer) = (owned.market.bus, owned.market.fee_payer);
    owned.market.arrange(&[bus.mint.mint_to(&bus.treasury, &payer, 400)]);
    owned.sell(400);
    assert_eq!((owned.claimed(0), owned.claimed(1), owned.treasury()), (200, 600, 0));
}

#[test]
pub fn claims_work_while_paused() {
    let mut owned = OwnedMarket::new(2, &[5_000, 5_000]);
    owned.sell(1_000);
    owned.decide(ProposalAction::Pause);
    assert_eq!(owned.claimed(0), 500);
    owned.shares(&[0, 10_000]);
    assert_eq!(owned.claimed(1), 500);
}

/// An owner may be any address, also of the bus's own accounts: each is claimed for, present or former, and holds up nobody.
#[test]
pub fn whatever_address_an_owner_is_its_revenue_is_claimed_for_and_the_bus_closes() {
    withstands!(blocked_exit: treasury_claim, bus_close; duplicate_account: treasury_claim);
    let mut owned = OwnedMarket::new(1, &[10_000]);
    let (bus, first, stranger) = (owned.market.bus, owned.owners[0], owned.market.wallet("stranger"));
    let own = bus.own_seller();
    let odd = [
        bus.ledger,
        bus.capacity,
        bus.treasury,
        bus.unclaimed,
        bus.claim(&first),
        own.address,
        own.vault,
        bus.mint.address,
        owned.offer.address,
        owned.market.lane.address,
        multibus::ID,
        solana_sdk_ids::sysvar::clock::ID,
        bus.mint.program.address(),
    ];
    for owner in odd {
        println!("{owner}");
        owned.decide(ProposalAction::OwnerAdd { owner, shares_bps: vec![5_000, 5_000] });
        owned.sell(1_000);
        owned.decide(ProposalAction::OwnerRemove { owner, shares_bps: vec![10_000] });
        let before = owned.market.claim_amount(&bus, &owner);
        let associated = TestChain::associated_address(&bus.mint, &owner);
        owned.market.execute(&[treasury_claim_by(&bus, &stranger, &owner, associated)]);
        assert_eq!(owned.market.claim_amount(&bus, &owner), before + 500);
        owned.market.associated_account(&bus.mint, &owner);
        let pay = owned.market.claim_payment(&bus, &stranger, &owner, associated);
        owned.market.execute(&[pay]);
        assert_eq!(owned.market.tokens(&associated), 500);
    }
    assert_eq!(owned.ledger().former_owner_count, 0);
    // As present owners of a bus that closes: two of them, with the first.
    for (owner, shares_bps) in [(bus.ledger, vec![5_000, 5_000]), (own.vault, vec![4_000, 3_000, 3_000])] {
        owned.decide(ProposalAction::OwnerAdd { owner, shares_bps });
    }
    owned.sell(1_000);
    let (offer, payout) = (owned.offer, owned.accounts[0]);
    owned.decide(ProposalAction::BusClose);
    let market = &mut owned.market;
    market.execute(&[offer_cancel(&offer, &stranger)]);
    for seller in [own, bus.seller(&first)] {
        let destination = if seller.wallet == bus.address { bus.treasury } else { payout };
        market.execute(&[seller_close(&seller, &first, destination, &first)]);
    }
    market.execute(&[bus_close(&bus, &stranger, &[first, bus.ledger, own.vault])]);
    assert_eq!(market.claim_amount(&bus, &bus.ledger), 300);
}

// A change of owners or shares settles what the old shares earned.

#[test]
pub fn a_change_of_shares_settles_the_old_ones_first_without_any_owner_acting() {
    let mut owned = OwnedMarket::new(3, &[5_000, 3_000, 2_000]);
    owned.sell(1_001);
    // The second has claimed before, the others have not.
    assert_eq!(owned.claimed(1), 300);
    owned.shares(&[1_000, 1_000, 8_000]);
    let (ledger, owners) = (owned.ledger(), owned.owners.clone());
    let places: Vec<_> = (0..3).map(|index| owned.place(index)).collect();
    assert_eq!(places, [(owners[0], 500, 0), (owners[1], 0, 0), (owners[2], 200, 0)]);
    assert_eq!((ledger.accrued_total, ledger.period_claimed), (700, 0));
    // The base unit that did not divide is revenue of the new period, with the next 999: 1,000 in all.
    owned.sell(999);
    assert_eq!([0, 1, 2].map(|who| owned.claimed(who)), [500 + 100, 100, 200 + 800]);
    assert_eq!(owned.treasury(), 0);
    assert_eq!([0, 1, 2].map(|who| owned.claimed(who)), [0; 3]);
}

#[test]
pub fn changes_without_revenue_in_between_give_nobody_anything() {
    let mut owned = OwnedMarket::new(2, &[5_000, 5_000]);
    owned.sell(1_001);
    for shares in [[10_000, 0], [0, 10_000], [10_000, 0], [1, 9_999]] {
        owned.shares(&shares);
    }
    // Only the remainder of 1 goes to who has all the shares in the first of them.
    assert_eq!((owned.claimed(0), owned.claimed(1), owned.treasury()), (501, 500, 0));
}

#[test]
pub fn a_new_owner_gets_nothing_of_what_was_earned_before() {
    let mut owned = OwnedMarket::new(1, &[10_000]);
    owned.sell(1_000);
    let newcomer = owned.newcomer("newcomer");
    owned.add(newcomer, &[0, 10_000]);
    let claim = owned.claim(newcomer);
    owned.market.assert_refused(&[claim], MultibusError::NothingToClaim);
    owned.sell(10);
    assert_eq!((owned.claimed(0), owned.claimed(newcomer)), (1_000, 10));
}

#[test]
pub fn a_removed_owner_claims_what_it_earned_and_nothing_more() {
    let mut owned = OwnedMarket::new(2, &[4_000, 6_000]);
    owned.sell(1_000);
    owned.remove(1, &[10_000]);
    let ledger = owned.ledger();
    assert_eq!(ledger.former_owner_count, 1);
    assert_eq!((ledger.former_owners[0].owner, ledger.former_owners[0].accrued), (owned.owners[1], 600));
    owned.sell(1_000);
    // Anyone claims on the former owner's behalf too, but only into its own account.
    let bus = owned.market.bus;
    let claim = treasury_claim_by(&bus, &owned.owners[0], &owned.owners[1], owned.accounts[0]);
    owned.market.assert_refused(&[claim], MultibusError::PayeeMismatch);
    assert_eq!(owned.claimed(1), 600);
    assert_eq!(owned.ledger().former_owner_count, 0);
    let again = owned.claim(1);
    owned.market.assert_refused(&[again], MultibusError::OwnerUnknown);
    assert_eq!((owned.claimed(0), owned.treasury()), (1_400, 0));
}

#[test]
pub fn an_owner_who_leaves_with_nothing_takes_no_place() {
    let mut owned = OwnedMarket::new(2, &[5_000, 5_000]);
    owned.sell(1_000);
    assert_eq!(owned.claimed(1), 500);
    owned.remove(1, &[10_000]);
    assert_eq!(owned.ledger().former_owner_count, 0);
    let claim = owned.claim(1);
    owned.market.assert_refused(&[claim], MultibusError::OwnerUnknown);
}

#[test]
pub fn a_removed_owner_who_returns_keeps_what_it_earned() {
    let mut owned = OwnedMarket::new(3, &[5_000, 3_000, 2_000]);
    owned.sell(1_000);
    owned.remove(1, &[5_000, 5_000]);
    owned.sell(1_000);
    owned.add(1, &[1_000, 1_000, 8_000]);
    assert_eq!(owned.ledger().former_owner_count, 0);
    assert_eq!(owned.market.bus_state(&owned.market.bus).owner_count, 3);
    assert_eq!(owned.place(2), (owned.owners[1], 300, 0));
    owned.sell(1_000);
    assert_eq!(owned.claimed(1), 300 + 800);
    assert_eq!((owned.claimed(0), owned.claimed(2)), (500 + 500 + 100, 200 + 500 + 100));
    // It leaves and returns again without claiming in between, and claims once.
    owned.sell(10);
    owned.remove(1, &[5_000, 5_000]);
    owned.add(1, &[0, 0, 10_000]);
    owned.sell(2);
    assert_eq!(owned.claimed(1), 8 + 2);
    assert_eq!(owned.claimed(1), 0);
    assert_eq!((owned.claimed(0), owned.claimed(2), owned.treasury()), (1, 1, 0));
}

#[test]
pub fn sixteen_former_owners_with_revenue_hold_up_the_next_until_one_is_paid() {
    let mut owned = OwnedMarket::new(1, &[10_000]);
    let mut former = Vec::new();
    for index in 0..17 {
        let who = owned.newcomer(&format!("guest {index}"));
        owned.add(who, &[0, 10_000]);
        owned.sell(100 + index);
        if index < 16 {
            owned.remove(who, &[10_000]);
            former.push(who);
        }
    }
    let (bus, last) = (owned.market.bus, *owned.owners.last().unwrap());
    assert_eq!(owned.ledger().former_owner_count, 16);
    let remove = ProposalAction::OwnerRemove { owner: last, shares_bps: vec![10_000] };
    let proposal = owned.market.propose(&bus, &owned.owners[0], remove);
    let execute = proposal_execute(&bus, proposal, &owned.owners[0]);
    owned.market.assert_refused(from_ref(&execute), MultibusError::FormerOwnersFull);
    // Anyone claims on behalf of one of them, in the same transaction if need be.
    let claim = owned.claim(former[7]);
    owned.market.execute(&[claim, execute]);
    assert_eq!(owned.market.tokens(&owned.accounts[former[7]]), 107);
    for who in former.into_iter().filter(|who| *who != 8) {
        assert_eq!(owned.claimed(who), 99 + who as u64);
    }
    let last = owned.owners.len() - 1;
    assert_eq!((owned.claimed(last), owned.treasury()), (116, 0));
}

#[test]
pub fn former_owners_hold_up_nobody_who_leaves_with_nothing() {
    let mut owned = OwnedMarket::new(1, &[10_000]);
    for index in 0..16 {
        let who = owned.newcomer(&format!("guest {index}"));
        owned.add(who, &[0, 10_000]);
        owned.sell(1);
        owned.remove(who, &[10_000]);
    }
    let who = owned.newcomer("idle");
    owned.add(who, &[10_000, 0]);
    owned.remove(who, &[10_000]);
    assert_eq!(owned.ledger().former_owner_count, 16);
}

#[test]
pub fn sixteen_owners_claim_in_one_transaction() {
    let mut shares: Vec<u16> = (0..16).map(|index| 617 + index).collect();
    shares[15] += 10_000 - shares.iter().sum::<u16>();
    let mut owned = OwnedMarket::new(16, &shares);
    owned.sell(1_234_567);
    // One of them signs for all.
    let (bus, caller) = (owned.market.bus, owned.owners[0]);
    let associated: Vec<_> =
        owned.owners.clone().iter().map(|owner| owned.market.associated_account(&bus.mint, owner)).collect();
    let claims: Vec<_> = owned
        .owners
        .iter()
        .zip(&associated)
        .map(|(owner, account)| treasury_claim_by(&bus, &caller, owner, *account))
        .collect();
    let mut addresses: Vec<Address> =
        claims.iter().flat_map(|claim| claim.accounts.iter().map(|meta| meta.pubkey)).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let table: AddressLookupTableAccount = lookup_table(&mut owned.market, addresses);
    // So many events are more than the chain keeps of a transaction's log.
    let svm = owned.market.svm.clone();
    owned.market.svm = svm.with_log_bytes_limit(None);
    let transaction = owned.market.transaction(&claims, &[table]);
    let size = wire_size(&transaction);
    assert!(size <= 1_232, "{size} bytes are too many for one transaction");
    let meta = owned.market.send_transaction(transaction).expect("all are paid");
    println!("16 claims: {size} bytes, {} compute units", consumed(&meta.logs).iter().sum::<u64>());
    for (account, share) in associated.iter().zip(shares) {
        assert_eq!(owned.market.tokens(account), 1_234_567 * share as u64 / 10_000);
    }
    assert!(owned.treasury() < 16);
}

/// Bytes of a transaction on the wire: its signatures with their count, and its message.
fn wire_size(transaction: &solana_transaction::versioned::VersionedTransaction) -> usize {
    1 + 64 * transaction.signatures.len() + transaction.message.serialize().len()
}

#[test]
pub fn a_change_among_sixteen_owners_settles_them_all_in_one_transaction() {
    let mut owned = OwnedMarket::new(16, &equal_shares(16));
    owned.sell(800_000_003);
    let bus = owned.market.bus;
    let (first, leaver) = (owned.owners[0], owned.owners[8]);
    let remove = ProposalAction::OwnerRemove { owner: leaver, shares_bps: equal_shares(15) };
    let (create, proposal) = owned.market.proposal(&bus, &first, remove);
    let close = proposal_close(&bus, proposal, &first, &first);
    let all = [create, proposal_execute(&bus, proposal, &first), close];
    let size = wire_size(&owned.market.transaction(&all, &[]));
    assert!(size <= 1_232, "{size} bytes are too many for one transaction");
    let meta = owned.market.execute(&all);
    assert!(consumed(&meta.logs).iter().sum::<u64>() < 200_000);
    for who in 0..16 {
        assert_eq!(owned.claimed(who), 50_000_000, "of 50,000,000.1875");
    }
    assert_eq!(owned.treasury(), 3);
}

#[test]
pub fn an_instruction_of_claims_needs_no_room_for_more_than_one_owner() {
    // In constant time: the claim of the last of sixteen costs a few compute units more than of the first.
    let mut owned = OwnedMarket::new(16, &equal_shares(16));
    owned.sell(160_000);
    let cost = |owned: &mut OwnedMarket, who: usize| {
        let claim = owned.claim(who);
        consumed(&owned.market.execute(&[claim]).logs)[0]
    };
    let (first, last) = (cost(&mut owned, 0), cost(&mut owned, 15));
    assert!(last < first + 500 && last <= 5_000, "first {first}, last {last}");
}

#[test]
pub fn a_claim_of_the_largest_revenue_is_exact() {
    withstands!(arithmetic: treasury_claim);
    let mut market =
        TestMarket::with(TokenProgram::SplToken, |options| options.with(|config| config.owners[0].share_bps = 10_000));
    let (bus, payer, payout) = (market.bus, market.fee_payer, market.payout);
    // Everything the mint can still issue.
    let all = u64::MAX - BUYER_TOKENS;
    market.arrange(&[bus.mint.mint_to(&bus.treasury, &payer, all)]);
    let seller = market.seller;
    market.execute(&[treasury_claim(&bus, &seller, payout)]);
    assert_eq!(market.tokens(&payout), all);
    // More than 64 bits can count has then come in: claims go on, in a period of their own.
    market.arrange(&[bus.mint.transfer(&payout, &bus.treasury, &seller, BUYER_TOKENS + 1)]);
    market.execute(&[treasury_claim(&bus, &seller, payout)]);
    assert_eq!((market.tokens(&payout), market.tokens(&bus.treasury)), (all, 0));
    assert_eq!(market.ledger(&bus).period_claimed, BUYER_TOKENS + 1);
}

#[test]
pub fn a_change_of_shares_sweeps_what_the_bus_sold_before() {
    refuses!(theft: proposal_execute; substituted_address: proposal_execute);
    // Otherwise revenue of the old shares would be divided by the new ones.
    let mut owned = OwnedMarket::new(2, &[5_000, 5_000]);
    let (bus, offer, seller) = (owned.market.bus, owned.offer, owned.market.seller);
    let own = bus.own_seller();
    owned.market.buy(&offer, 1_000);
    owned.market.execute(&[offer_collect(&offer)]);
    let shares = ProposalAction::SharesSet { shares_bps: vec![10_000, 0] };
    let (create, proposal) = owned.market.proposal(&bus, &seller, shares);
    owned.market.execute(&[create]);
    // Not with another seller's account, or another vault, and not where nothing leaves the vault.
    let member = bus.seller(&seller);
    let execute = |seller: &multibus_tests::SellerAddresses| proposal_execute_on(seller, proposal, &owned.owners[0]);
    let (wrong_seller, good) = (execute(&member), execute(&own));
    let wrong_vault = execute(&multibus_tests::SellerAddresses { vault: member.vault, ..own });
    owned.market.assert_refused(&[wrong_seller], MultibusError::BusSalesUnswept);
    owned.market.assert_refused(&[wrong_vault], MultibusError::VaultMismatch);
    let mint = bus.mint;
    owned.market.freeze(&mint, &own.vault);
    owned.market.assert_refused(from_ref(&good), MultibusError::PayerFrozen);
    owned.market.thaw(&mint, &own.vault);
    owned.market.freeze(&mint, &bus.treasury);
    owned.market.assert_refused(from_ref(&good), MultibusError::PayeeUnpayable);
    owned.market.thaw(&mint, &bus.treasury);
    owned.market.execute(&[good]);
    assert_eq!((owned.market.tokens(&own.vault), owned.treasury()), (0, 1_000));
    assert_eq!((owned.claimed(0), owned.claimed(1)), (500, 500));
    // What is released later is revenue of the new shares.
    owned.sell(10);
    assert_eq!((owned.claimed(0), owned.claimed(1)), (10, 0));
}
