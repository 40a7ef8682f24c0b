//! `treasury_claim`: revenue of the bus's own offers, divided by the owners' shares to the base unit.

use {
    crate::{batch::lookup_table, purchase::token_error},
    multibus::{
        error::MultibusError,
        event,
        instruction::TreasuryClaim,
        state::{self, OwnerSlot, ProposalAction},
    },
    multibus_tests::{
        Bus, BusOptions, Market, Offer, Refusal, TokenProgram,
        event::{assert_logged, consumed},
        market::*,
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_message::AddressLookupTableAccount,
    spl_token_interface::error::TokenError,
    std::slice::from_ref,
};

/// A market whose bus sells at one base unit per Wh, with a token account for each owner.
struct Village {
    market: Market,
    owners: Vec<Address>,
    accounts: Vec<Address>,
    offer: Offer,
}

impl Village {
    fn new(count: usize, shares: &[u16]) -> Self {
        let shares = shares.to_vec();
        let (mut market, owners) = Market::owned_by(count, 1, |config| {
            config.base_price_per_kwh = 1;
            config.capacity_wh = 1_000_000_000;
            for (owner, share_bps) in config.owners.iter_mut().zip(shares) {
                owner.share_bps = share_bps;
            }
        });
        let offer = market.bus_offer(&owners[0], 900_000_000, 1_000);
        let mut village = Self { market, owners: Vec::new(), accounts: Vec::new(), offer };
        for owner in owners {
            village.knows(owner);
        }
        village
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
        let offer = self.offer;
        self.market.buy(&offer, amount);
    }

    fn claim(&self, who: usize) -> Instruction {
        treasury_claim(&self.market.bus, &self.owners[who], self.accounts[who])
    }

    /// What a claim pays, which is 0 where it is refused for that.
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

    fn place(&self, index: usize) -> OwnerSlot {
        self.market.bus_state(&self.market.bus).owners[index]
    }
}

#[test]
pub fn sales_of_the_bus_go_straight_to_the_treasury_and_leave_the_bus_alone() {
    for program in TokenProgram::BOTH {
        let mut market = Market::with(program, |options| options);
        let (bus, seller) = (market.bus, market.seller);
        let (one, two) = (market.bus_offer(&seller, 50_000, 250_000), market.bus_offer(&seller, 50_000, 300_000));
        let before = market.account(&bus.address);
        market.buy(&one, 1_000);
        assert_eq!(market.tokens(&bus.treasury), 250_000);
        // Two of the bus's offers in one batch, and one of a member beside them.
        let member = market.offer(10_000);
        let batch = market.batch(&[(one, 1_000), (member, 1_000), (two, 1_000)]);
        market.execute(&[batch]);
        assert_eq!(market.tokens(&bus.treasury), 250_000 + 550_000);
        assert_eq!(market.tokens(&market.payout), 250_000);
        // A lock that settles, and the fee of one that does not.
        market.lock(&one, 2_000);
        let settle = market.lock_settle(&one);
        market.execute(&[settle]);
        assert_eq!(market.tokens(&bus.treasury), 800_000 + 500_000);
        market.lock(&two, 1_000);
        let release = market.lock_release(&two, &market.buyer);
        market.execute(&[release]);
        assert_eq!(market.tokens(&bus.treasury), 1_300_000 + 3_000);
        assert_eq!(market.account(&bus.address), before, "no sale writes the bus");
        assert_eq!(market.replica.claimable(&bus.address, &seller), 1_303_000);
    }
}

#[test]
pub fn treasury_claim_pays_the_exact_share() {
    withstands!(arithmetic: treasury_claim);
    for program in TokenProgram::BOTH {
        let friend = multibus_tests::keypair("friend");
        let friend = solana_signer::Signer::pubkey(&friend);
        let mut market = Market::with(program, |options| {
            options.with(|config| {
                config.owners[0].share_bps = 3_333;
                config.owners.push(state::OwnerShare { owner: friend, share_bps: 6_667 });
            })
        });
        let (bus, seller) = (market.bus, market.seller);
        let offer = market.bus_offer(&seller, 1_000_000, 10_000);
        market.buy(&offer, 10_001); // 100,010 base units
        let account = market.token_account("friend's tokens", &bus.mint, &friend, 0);
        let meta = market.execute(&[treasury_claim(&bus, &friend, account)]);
        // floor(100,010 x 0.6667) = 66,676 (of 66,676.667).
        assert_eq!(market.tokens(&account), 66_676);
        let state = market.bus_state(&bus);
        assert_eq!((state.treasury_claimed, state.treasury_settled), (66_676, 0));
        assert_eq!((state.owners[1].claimed, state.owners[1].accrued), (66_676, 0));
        assert_eq!((state.owners[0].claimed, state.owners[0].accrued), (0, 0));
        assert_logged(
            &meta,
            &event::TreasuryClaimed {
                bus: bus.address,
                owner: friend,
                destination: account,
                amount: 66_676,
                claimed_total: 66_676,
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
    let mut village = Village::new(3, &[3_334, 3_333, 3_333]);
    // One base unit at a time: nobody has a whole one until enough is together.
    let mut paid = [0; 3];
    for _ in 0..30 {
        village.sell(1);
        for (who, sum) in paid.iter_mut().enumerate() {
            *sum += village.claimed(who);
        }
    }
    assert_eq!(paid, [10, 9, 9], "floor(30 x 0.3334), floor(30 x 0.3333)");
    assert_eq!(village.treasury(), 2);
    // Up to 10,000 it comes out even: nothing was lost on the way.
    village.sell(10_000 - 30);
    for (who, sum) in paid.iter_mut().enumerate() {
        *sum += village.claimed(who);
    }
    assert_eq!((paid, village.treasury()), ([3_334, 3_333, 3_333], 0));
}

#[test]
pub fn a_change_of_shares_carries_remainders_forward() {
    let mut village = Village::new(3, &[3_334, 3_333, 3_333]);
    // 14 base units: 4 for each, and 2 that do not divide.
    village.sell(14);
    let bus = village.market.bus;
    village.market.decide(&bus, ProposalAction::SharesSet { shares_bps: vec![10_000, 0, 0] });
    // The new shares divide them: the first owner has them all.
    assert_eq!([village.claimed(0), village.claimed(1), village.claimed(2)], [6, 4, 4]);
    assert_eq!(village.treasury(), 0);
}

#[test]
pub fn treasury_claim_with_nothing_to_claim_is_rejected() {
    refuses!(replay: treasury_claim);
    let mut village = Village::new(3, &[9_999, 1, 0]);
    let claims = [0, 1, 2].map(|who| village.claim(who));
    for claim in &claims {
        village.market.assert_refused(from_ref(claim), MultibusError::NothingToClaim);
    }
    village.sell(9_999);
    // 0.9999 of a base unit is none yet, and a share of nothing never is.
    for claim in &claims[1..] {
        village.market.assert_refused(from_ref(claim), MultibusError::NothingToClaim);
    }
    // Nothing is paid twice, neither in one transaction nor later.
    village.market.assert_refused(&[claims[0].clone(), claims[0].clone()], MultibusError::NothingToClaim);
    assert_eq!(village.claimed(0), 9_998);
    village.market.assert_refused(from_ref(&claims[0]), MultibusError::NothingToClaim);
    village.sell(1);
    assert_eq!((village.claimed(1), village.claimed(0), village.treasury()), (1, 1, 0));
    village.market.assert_refused(from_ref(&claims[2]), MultibusError::NothingToClaim);
}

#[test]
pub fn treasury_claim_by_anyone_pays_the_owner() {
    let mut village = Village::new(2, &[5_000, 5_000]);
    village.sell(1_000);
    // Nobody signs but who pays the transaction's fee.
    let claim = village.claim(1);
    assert!(claim.accounts.iter().all(|meta| !meta.is_signer));
    village.market.execute(&[claim]);
    assert_eq!(village.market.tokens(&village.accounts[1]), 500);
}

#[test]
pub fn treasury_claim_into_an_account_of_somebody_else_is_rejected() {
    refuses!(theft: treasury_claim);
    let mut village = Village::new(2, &[5_000, 5_000]);
    village.sell(1_000);
    let bus = village.market.bus;
    let thief = village.newcomer("thief");
    let of_the_bus = village.market.token_account("another of the bus", &bus.mint, &bus.address, 0);
    for destination in [village.accounts[thief], village.accounts[0], village.market.payment, bus.escrow, of_the_bus] {
        let claim = treasury_claim(&bus, &village.owners[1], destination);
        village.market.assert_refused(&[claim], MultibusError::ClaimNotOwners);
    }
    // The treasury itself would pay and be paid: the same account twice as writable.
    let claim = treasury_claim(&bus, &village.owners[1], bus.treasury);
    village.market.assert_refused(&[claim], Refusal::custom(2040));
    // An owner's account that somebody else may spend from is still the owner's.
    assert_eq!(village.claimed(1), 500);
}

/// A village of which a second bus owns half, and that bus.
fn owned_by_a_bus() -> (Village, Bus) {
    let mut village = Village::new(1, &[10_000]);
    let mint = village.market.bus.mint;
    let holder = village.market.wallet("holder");
    let owning = village.market.create_bus(&holder, &mint, &BusOptions::new(&holder));
    village.decide(ProposalAction::OwnerAdd { owner: owning.address, shares_bps: vec![5_000, 5_000] });
    village.sell(1_000);
    (village, owning)
}

#[test]
pub fn treasury_claim_of_a_bus_outside_its_treasury_is_rejected() {
    refuses!(theft: treasury_claim);
    let (mut village, owning) = owned_by_a_bus();
    let (bus, mint) = (village.market.bus, village.market.bus.mint);
    // Tokens in these accounts belong to the owning bus, and nobody could ever move them.
    let astray = village.market.token_account("astray", &mint, &owning.address, 0);
    for destination in [owning.escrow, astray] {
        let claim = treasury_claim(&bus, &owning.address, destination);
        village.market.assert_refused(&[claim], MultibusError::ClaimNotToTreasury);
    }
}

#[test]
pub fn treasury_claim_of_a_bus_is_divided_by_its_own_owners() {
    let (mut village, owning) = owned_by_a_bus();
    let bus = village.market.bus;
    village.market.execute(&[treasury_claim(&bus, &owning.address, owning.treasury)]);
    assert_eq!(village.market.tokens(&owning.treasury), 500);
    let holder = village.newcomer("holder");
    let claim = treasury_claim(&owning, &village.owners[holder], village.accounts[holder]);
    village.market.execute(&[claim]);
    assert_eq!(village.market.tokens(&village.accounts[holder]), 500);
}

#[test]
pub fn treasury_claim_into_what_is_no_token_account_of_the_mint_is_rejected() {
    refuses!(wrong_account: treasury_claim);
    let mut village = Village::new(1, &[10_000]);
    village.sell(1_000);
    let (bus, owner) = (village.market.bus, village.owners[0]);
    let market = &mut village.market;
    let worthless = market.mint("worthless", TokenProgram::SplToken, &[]);
    let of_worthless = market.token_account("of worthless", &worthless, &owner, 0);
    let token_2022 = market.mint("2022", TokenProgram::Token2022, &[]);
    let of_token_2022 = market.token_account("of 2022", &token_2022, &owner, 0);
    let missing = market.key("missing");
    for destination in [of_worthless, of_token_2022, missing, market.lane.address] {
        market.assert_refused(&[treasury_claim(&bus, &owner, destination)], MultibusError::TokenAccountInvalid);
    }
    let claim = treasury_claim(&bus, &owner, bus.mint.address);
    assert!(market.send(&[claim]).is_err(), "the mint is no account");
}

#[test]
pub fn treasury_claim_into_a_frozen_account_is_rejected_and_loses_nothing() {
    let mut village = Village::new(1, &[10_000]);
    village.sell(1_000);
    let (bus, authority, account) = (village.market.bus, village.market.fee_payer, village.accounts[0]);
    let token = spl_token_interface::ID;
    use spl_token_interface::instruction::{freeze_account, thaw_account};
    let freeze = freeze_account(&token, &account, &bus.mint.address, &authority, &[]).unwrap();
    let thaw = thaw_account(&token, &account, &bus.mint.address, &authority, &[]).unwrap();
    village.market.arrange(&[freeze]);
    let claim = village.claim(0);
    village.market.assert_refused(&[claim], token_error(TokenError::AccountFrozen));
    village.market.arrange(&[thaw]);
    assert_eq!(village.claimed(0), 1_000);
}

#[test]
pub fn treasury_claim_for_a_stranger_is_rejected() {
    refuses!(theft: treasury_claim);
    let mut village = Village::new(2, &[5_000, 5_000]);
    village.sell(1_000);
    let stranger = village.newcomer("stranger");
    let claim = village.claim(stranger);
    village.market.assert_refused(&[claim], MultibusError::OwnerUnknown);
    // Also for the zero address, which unused places hold.
    let bus = village.market.bus;
    let account = village.market.token_account("of zeros", &bus.mint, &Address::default(), 0);
    let claim = treasury_claim(&bus, &Address::default(), account);
    village.market.assert_refused(&[claim], MultibusError::OwnerUnknown);
}

#[test]
pub fn treasury_claim_from_another_treasury_is_rejected() {
    refuses!(substituted_address: treasury_claim; wrong_account: treasury_claim; theft: treasury_claim);
    let mut village = Village::new(1, &[10_000]);
    village.sell(1_000);
    let (bus, owner, account) = (village.market.bus, village.owners[0], village.accounts[0]);
    let market = &mut village.market;
    let other = market.create_bus(&owner, &bus.mint, &BusOptions::new(&owner).seq(1));
    let of_the_bus = market.token_account("another of the bus", &bus.mint, &bus.address, 1_000_000);
    for treasury in [other.treasury, bus.escrow, of_the_bus] {
        let mut accounts = treasury_claim_accounts(&bus, &owner, account);
        accounts.treasury = treasury;
        market.assert_refused(&[TreasuryClaim {}.to_instruction(accounts)], MultibusError::TreasuryMismatch);
    }
    // Under the other bus, whose treasury is empty, with this one's treasury.
    let mut accounts = treasury_claim_accounts(&other, &owner, account);
    accounts.treasury = bus.treasury;
    market.assert_refused(&[TreasuryClaim {}.to_instruction(accounts)], MultibusError::TreasuryMismatch);
    let mut accounts = treasury_claim_accounts(&bus, &owner, account);
    accounts.mint = market.mint("other", TokenProgram::SplToken, &[]).address;
    market.assert_refused(&[TreasuryClaim {}.to_instruction(accounts)], MultibusError::MintMismatch);
    let mut accounts = treasury_claim_accounts(&bus, &owner, account);
    accounts.token_program = TokenProgram::Token2022.address();
    market.assert_refused(&[TreasuryClaim {}.to_instruction(accounts)], MultibusError::TokenProgramMismatch);
}

#[test]
pub fn treasury_claim_and_share_change_of_a_treasury_that_lacks_money_are_rejected() {
    refuses!(arithmetic: treasury_claim, proposal_execute);
    // No instruction makes such a state.
    let mut village = Village::new(2, &[5_000, 5_000]);
    village.sell(1_000);
    let bus = village.market.bus;
    village.market.edit::<state::Bus>(&bus.address, |bus| bus.treasury_settled = 1_001);
    let claim = village.claim(0);
    village.market.assert_refused(&[claim], MultibusError::CounterOverflow);
    let create =
        proposal_create(&bus, &village.owners[0], 0, ProposalAction::SharesSet { shares_bps: vec![10_000, 0] });
    let both = [create, proposal_execute(&bus, bus.proposal(0), &village.owners[0])];
    village.market.assert_refused(&both, MultibusError::CounterOverflow);
    village.market.edit::<state::Bus>(&bus.address, |bus| {
        (bus.treasury_settled, bus.treasury_claimed) = (0, u64::MAX);
    });
    let claim = village.claim(0);
    village.market.assert_refused(&[claim], MultibusError::CounterOverflow);
}

#[test]
pub fn what_anyone_gives_to_the_treasury_is_divided_too() {
    let mut village = Village::new(2, &[2_500, 7_500]);
    let (bus, payer) = (village.market.bus, village.market.fee_payer);
    village.market.arrange(&[bus.mint.mint_to(&bus.treasury, &payer, 400)]);
    village.sell(400);
    assert_eq!((village.claimed(0), village.claimed(1), village.treasury()), (200, 600, 0));
}

#[test]
pub fn claims_work_while_paused() {
    let mut village = Village::new(2, &[5_000, 5_000]);
    village.sell(1_000);
    village.decide(ProposalAction::Pause);
    assert_eq!(village.claimed(0), 500);
    village.shares(&[0, 10_000]);
    assert_eq!(village.claimed(1), 500);
}

// A change of owners or shares settles what the old shares earned.

#[test]
pub fn a_change_of_shares_settles_the_old_ones_first_without_any_owner_acting() {
    let mut village = Village::new(3, &[5_000, 3_000, 2_000]);
    village.sell(1_001);
    // The second has claimed before, the others have not.
    assert_eq!(village.claimed(1), 300);
    village.shares(&[1_000, 1_000, 8_000]);
    let state = village.market.bus_state(&village.market.bus);
    let places: Vec<_> = state.owners().iter().map(|slot| (slot.accrued, slot.claimed, slot.share_bps)).collect();
    assert_eq!(places, [(500, 0, 1_000), (0, 0, 1_000), (200, 0, 8_000)]);
    assert_eq!((state.treasury_settled, state.treasury_claimed), (1_000, 300));
    // The base unit that did not divide is revenue of the new period, with the next 999: 1,000 in all.
    village.sell(999);
    assert_eq!([0, 1, 2].map(|who| village.claimed(who)), [500 + 100, 100, 200 + 800]);
    assert_eq!(village.treasury(), 0);
    assert_eq!([0, 1, 2].map(|who| village.claimed(who)), [0; 3]);
}

#[test]
pub fn changes_without_revenue_in_between_give_nobody_anything() {
    let mut village = Village::new(2, &[5_000, 5_000]);
    village.sell(1_001);
    for shares in [[10_000, 0], [0, 10_000], [10_000, 0], [1, 9_999]] {
        village.shares(&shares);
    }
    // Only the remainder of 1 goes to who has all the shares in the first of them.
    assert_eq!((village.claimed(0), village.claimed(1), village.treasury()), (501, 500, 0));
}

#[test]
pub fn a_new_owner_gets_nothing_of_what_was_earned_before() {
    let mut village = Village::new(1, &[10_000]);
    village.sell(1_000);
    let newcomer = village.newcomer("newcomer");
    village.add(newcomer, &[0, 10_000]);
    let claim = village.claim(newcomer);
    village.market.assert_refused(&[claim], MultibusError::NothingToClaim);
    village.sell(10);
    assert_eq!((village.claimed(0), village.claimed(newcomer)), (1_000, 10));
}

#[test]
pub fn a_removed_owner_claims_what_it_earned_and_nothing_more() {
    let mut village = Village::new(2, &[4_000, 6_000]);
    village.sell(1_000);
    village.remove(1, &[10_000]);
    let state = village.market.bus_state(&village.market.bus);
    assert_eq!(state.former_owner_count, 1);
    assert_eq!((state.former_owners[0].owner, state.former_owners[0].accrued), (village.owners[1], 600));
    village.sell(1_000);
    // Anyone claims on the former owner's behalf too, but only into its own account.
    let bus = village.market.bus;
    let claim = treasury_claim(&bus, &village.owners[1], village.accounts[0]);
    village.market.assert_refused(&[claim], MultibusError::ClaimNotOwners);
    assert_eq!(village.claimed(1), 600);
    assert_eq!(village.market.bus_state(&bus).former_owner_count, 0);
    let again = village.claim(1);
    village.market.assert_refused(&[again], MultibusError::OwnerUnknown);
    assert_eq!((village.claimed(0), village.treasury()), (1_400, 0));
}

#[test]
pub fn an_owner_who_leaves_with_nothing_takes_no_place() {
    let mut village = Village::new(2, &[5_000, 5_000]);
    village.sell(1_000);
    assert_eq!(village.claimed(1), 500);
    village.remove(1, &[10_000]);
    assert_eq!(village.market.bus_state(&village.market.bus).former_owner_count, 0);
    let claim = village.claim(1);
    village.market.assert_refused(&[claim], MultibusError::OwnerUnknown);
}

#[test]
pub fn a_removed_owner_who_returns_keeps_what_it_earned() {
    let mut village = Village::new(3, &[5_000, 3_000, 2_000]);
    village.sell(1_000);
    village.remove(1, &[5_000, 5_000]);
    village.sell(1_000);
    village.add(1, &[1_000, 1_000, 8_000]);
    let state = village.market.bus_state(&village.market.bus);
    assert_eq!((state.former_owner_count, state.owner_count), (0, 3));
    assert_eq!((village.place(2).owner, village.place(2).accrued), (village.owners[1], 300));
    village.sell(1_000);
    assert_eq!(village.claimed(1), 300 + 800);
    assert_eq!((village.claimed(0), village.claimed(2)), (500 + 500 + 100, 200 + 500 + 100));
    // It leaves and returns again without claiming in between, and claims once.
    village.sell(10);
    village.remove(1, &[5_000, 5_000]);
    village.add(1, &[0, 0, 10_000]);
    village.sell(2);
    assert_eq!(village.claimed(1), 8 + 2);
    assert_eq!(village.claimed(1), 0);
    assert_eq!((village.claimed(0), village.claimed(2), village.treasury()), (1, 1, 0));
}

#[test]
pub fn sixteen_former_owners_with_revenue_hold_up_the_next_until_one_is_paid() {
    let mut village = Village::new(1, &[10_000]);
    let mut former = Vec::new();
    for index in 0..17 {
        let who = village.newcomer(&format!("guest {index}"));
        village.add(who, &[0, 10_000]);
        village.sell(100 + index);
        if index < 16 {
            village.remove(who, &[10_000]);
            former.push(who);
        }
    }
    let (bus, last) = (village.market.bus, *village.owners.last().unwrap());
    assert_eq!(village.market.bus_state(&bus).former_owner_count, 16);
    let remove = ProposalAction::OwnerRemove { owner: last, shares_bps: vec![10_000] };
    let proposal = village.market.propose(&bus, &village.owners[0], remove);
    let execute = proposal_execute(&bus, proposal, &village.owners[0]);
    village.market.assert_refused(from_ref(&execute), MultibusError::FormerOwnersFull);
    // Anyone claims on behalf of one of them, in the same transaction if need be.
    let claim = village.claim(former[7]);
    village.market.execute(&[claim, execute]);
    assert_eq!(village.market.tokens(&village.accounts[former[7]]), 107);
    for who in former.into_iter().filter(|who| *who != 8) {
        assert_eq!(village.claimed(who), 99 + who as u64);
    }
    let last = village.owners.len() - 1;
    assert_eq!((village.claimed(last), village.treasury()), (116, 0));
}

#[test]
pub fn former_owners_hold_up_nobody_who_leaves_with_nothing() {
    let mut village = Village::new(1, &[10_000]);
    for index in 0..16 {
        let who = village.newcomer(&format!("guest {index}"));
        village.add(who, &[0, 10_000]);
        village.sell(1);
        village.remove(who, &[10_000]);
    }
    let who = village.newcomer("idle");
    village.add(who, &[10_000, 0]);
    village.remove(who, &[10_000]);
    assert_eq!(village.market.bus_state(&village.market.bus).former_owner_count, 16);
}

#[test]
pub fn sixteen_owners_claim_in_one_transaction() {
    let mut shares: Vec<u16> = (0..16).map(|index| 617 + index).collect();
    shares[15] += 10_000 - shares.iter().sum::<u16>();
    let mut village = Village::new(16, &shares);
    village.sell(1_234_567);
    let claims: Vec<_> = (0..16).map(|who| village.claim(who)).collect();
    let mut addresses: Vec<Address> =
        claims.iter().flat_map(|claim| claim.accounts.iter().map(|meta| meta.pubkey)).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let table: AddressLookupTableAccount = lookup_table(&mut village.market, addresses);
    let transaction = village.market.transaction(&claims, &[table]);
    let size = wire_size(&transaction);
    assert!(size <= 1_232, "{size} bytes are too many for one transaction");
    let meta = village.market.send_transaction(transaction).expect("all are paid");
    println!("16 claims: {size} bytes, {} compute units", consumed(&meta.logs).iter().sum::<u64>());
    for (account, share) in village.accounts.iter().zip(shares) {
        assert_eq!(village.market.tokens(account), 1_234_567 * share as u64 / 10_000);
    }
    assert!(village.treasury() < 16);
}

/// Bytes of a transaction on the wire: its signatures with their count, and its message.
fn wire_size(transaction: &solana_transaction::versioned::VersionedTransaction) -> usize {
    1 + 64 * transaction.signatures.len() + transaction.message.serialize().len()
}

#[test]
pub fn a_change_among_sixteen_owners_settles_them_all_in_one_transaction() {
    let mut village = Village::new(16, &equal_shares(16));
    village.sell(800_000_003);
    let bus = village.market.bus;
    let (first, leaver) = (village.owners[0], village.owners[8]);
    let remove = ProposalAction::OwnerRemove { owner: leaver, shares_bps: equal_shares(15) };
    let close = proposal_close(&bus, bus.proposal(0), &first, &first);
    let all = [proposal_create(&bus, &first, 0, remove), proposal_execute(&bus, bus.proposal(0), &first), close];
    let size = wire_size(&village.market.transaction(&all, &[]));
    assert!(size <= 1_232, "{size} bytes are too many for one transaction");
    let meta = village.market.execute(&all);
    assert!(consumed(&meta.logs).iter().sum::<u64>() < 200_000);
    for who in 0..16 {
        assert_eq!(village.claimed(who), 50_000_000, "of 50,000,000.1875");
    }
    assert_eq!(village.treasury(), 3);
}

#[test]
pub fn an_instruction_of_claims_needs_no_room_for_more_than_one_owner() {
    // In constant time: the claim of the last of sixteen costs a few compute units more than of the first.
    let mut village = Village::new(16, &equal_shares(16));
    village.sell(160_000);
    let cost = |village: &mut Village, who: usize| {
        let claim = village.claim(who);
        consumed(&village.market.execute(&[claim]).logs)[0]
    };
    let (first, last) = (cost(&mut village, 0), cost(&mut village, 15));
    assert!(last < first + 500 && last <= 5_000, "first {first}, last {last}");
}

#[test]
pub fn a_claim_of_the_largest_revenue_is_exact() {
    refuses!(arithmetic: treasury_claim);
    let mut market =
        Market::with(TokenProgram::SplToken, |options| options.with(|config| config.owners[0].share_bps = 10_000));
    let (bus, payer, payout) = (market.bus, market.fee_payer, market.payout);
    // Everything the mint can still issue.
    let all = u64::MAX - BUYER_TOKENS;
    market.arrange(&[bus.mint.mint_to(&bus.treasury, &payer, all)]);
    let seller = market.seller;
    market.execute(&[treasury_claim(&bus, &seller, payout)]);
    assert_eq!(market.tokens(&payout), all);
    // More than 64 bits can count has then come in: the claim is refused, nothing is lost or paid twice.
    let back = spl_token_interface::instruction::transfer_checked(
        &spl_token_interface::ID,
        &payout,
        &bus.mint.address,
        &bus.treasury,
        &seller,
        &[],
        BUYER_TOKENS + 1,
        6,
    );
    market.arrange(&[back.unwrap()]);
    market.assert_refused(&[treasury_claim(&bus, &seller, payout)], MultibusError::CounterOverflow);
}
