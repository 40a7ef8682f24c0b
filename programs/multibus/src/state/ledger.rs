//! The ledger of a bus: what changes without a decision of the owners. It counts what is open on the bus, and records
//! what each owner earned and claimed.
//!
//! Revenue of the bus's own offers goes to the treasury and is divided exactly by the owners' shares. No sale writes
//! the ledger. A *period* is the time since the shares last changed. What the treasury received in it is its balance,
//! plus what owners claimed in the period, less what is still owed from earlier periods (*accrued*). Revenue that came
//! while the treasury was frozen counts to its balance (*diverted*). So an owner can
//! claim `accrued + floor(received x share / 10000) - claimed`. Rounding leaves fewer base units than there are owners;
//! they stay in the treasury and are divided in the next period.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        math,
        state::{Bus, counter},
    },
    anchor_lang::{address_eq, prelude::*},
    bytemuck::{Pod, Zeroable},
};

/// An owner's revenue and its next proposal. It has the same place in the ledger as the owner has in the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct OwnerAccount {
    /// Revenue earned under earlier shares and not claimed yet, in token base units.
    pub accrued: u64,
    /// Revenue claimed under the present shares, in token base units.
    pub claimed: u64,
    /// Number of the owner's next proposal.
    pub next_proposal: u64,
}

/// An owner who left with revenue that is not claimed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct FormerOwner {
    pub owner: Address,
    /// Unclaimed revenue, in token base units; above zero.
    pub accrued: u64,
}

/// What changes on a bus without a decision of its owners. PDA `["ledger", bus]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Ledger {
    pub layout_version: u8,
    pub bump: u8,
    /// Former owners in `former_owners`, from the front.
    pub former_owner_count: u8,
    pub padding: [u8; 5],
    /// Sellers that are open, the bus itself among them.
    pub open_sellers: u32,
    /// Delivery windows that are open.
    pub open_windows: u32,
    /// Proposals that are open.
    pub open_proposals: u32,
    /// Claims that are open.
    pub open_claims: u32,
    /// Sum of all open claims, in token base units.
    pub unclaimed_total: u64,
    /// Revenue claimed by the present owners under the present shares, in token base units.
    pub period_claimed: u64,
    /// Revenue of earlier shares that owners and former owners have not claimed yet, in token base units.
    pub accrued_total: u64,
    /// A number above those of all proposals of owners who left. An owner who returns starts here or later.
    pub proposals_from: u64,
    pub bus: Address,
    /// Revenue and proposal numbers of the owners, at the places that they have in the bus.
    pub owners: [OwnerAccount; 16],
    /// Owners who left with revenue that they have not claimed yet.
    pub former_owners: [FormerOwner; 16],
    /// Revenue that is in the unclaimed account because the treasury was frozen when it came, in token base units. It
    /// counts as if the treasury held it, and the next claim of an owner moves it there.
    pub diverted: u64,
    pub reserved: [u64; 30],
}

const _: () = assert!(MAX_FORMER_OWNERS == 16 && size_of::<Ledger>() == 1_360);

impl Ledger {
    /// Initialises the ledger of a new bus, whose owners' proposals are numbered from `slot << 20`.
    pub fn initialize(&mut self, bus: &Address, owner_count: u8, slot: u64) -> Result<()> {
        let next_proposal = counter::first_number(slot)?;
        self.layout_version = LAYOUT_VERSION;
        self.bus = *bus;
        for account in &mut self.owners[..owner_count as usize] {
            account.next_proposal = next_proposal;
        }
        Ok(())
    }

    /// Adds one to a number of open accounts.
    #[inline(always)]
    pub fn count_open(count: &mut u32) -> Result<()> {
        let Some(more) = count.checked_add(1) else { refuse!(CounterOverflow) };
        *count = more;
        Ok(())
    }

    /// Counts what is added to a claim, and the claim where it is new. Cannot overflow: the unclaimed account holds all
    /// claims, and each claim is an account.
    pub fn owe(&mut self, amount: u64, is_new: bool) {
        self.open_claims += is_new as u32;
        self.unclaimed_total += amount;
    }

    /// Counts a claim that is paid and closes.
    pub fn pay_claim(&mut self, amount: u64) {
        self.open_claims -= 1;
        self.unclaimed_total -= amount;
    }

    /// Counts a new proposal, which takes the next number of its owner.
    pub fn propose(&mut self, place: usize, number: u64) -> Result<()> {
        let next_proposal = counter::spend(self.owners[place].next_proposal, number)?;
        Self::count_open(&mut self.open_proposals)?;
        self.owners[place].next_proposal = next_proposal;
        Ok(())
    }

    /// Revenue of the present period, in token base units; `None` where the treasury holds less than the accrued
    /// revenue. Where the sum does not fit 64 bits, the rest is divided after the next claims.
    pub fn period(&self, treasury_balance: u64) -> Option<u64> {
        self.revenue(treasury_balance).saturating_add(self.period_claimed).checked_sub(self.accrued_total)
    }

    /// What the treasury holds, and what it would hold if it had not been frozen. On the chain it cannot overflow: a mint's
    /// supply fits 64 bits.
    fn revenue(&self, treasury_balance: u64) -> u64 {
        treasury_balance.saturating_add(self.diverted)
    }

    /// What a wallet may claim now, in token base units: an owner's share, or what a former owner left unclaimed.
    #[inline(never)]
    pub fn claimable(&self, bus: &Bus, wallet: &Address, treasury_balance: u64) -> Result<u64> {
        let Some(period) = self.period(treasury_balance) else { refuse!(CounterOverflow) };
        if let Some(place) = bus.owner_index(wallet) {
            let account = &self.owners[place];
            return Ok(account.accrued + math::share_of(period, bus.owners[place].share_bps) - account.claimed);
        }
        match self.former_index(wallet) {
            Some(index) => Ok(self.former_owners[index].accrued),
            None => refuse!(OwnerUnknown),
        }
    }

    /// Takes out what a wallet may claim; returns it in token base units.
    pub fn claim(&mut self, bus: &Bus, wallet: &Address, treasury_balance: u64) -> Result<u64> {
        let amount = self.claimable(bus, wallet, treasury_balance)?;
        ensure!(amount > 0, NothingToClaim);
        match bus.owner_index(wallet) {
            Some(place) => {
                let account = &mut self.owners[place];
                let earned = amount - account.accrued;
                self.accrued_total -= account.accrued;
                // Neither can overflow: no more is claimed in a period than was received in it.
                self.period_claimed += earned;
                account.claimed += earned;
                account.accrued = 0;
                if self.period_claimed >= LONGEST_PERIOD {
                    self.settle_shares(bus, treasury_balance - amount);
                }
            }
            None => {
                self.accrued_total -= amount;
                self.forget_former(wallet);
            }
        }
        Ok(amount)
    }

    /// Refuses a change of shares where the ledger has no place left for the revenue of an owner who leaves.
    #[inline(never)]
    pub fn validate_settle(&self, bus: &Bus, leaving: Option<&Address>, treasury_balance: u64) -> Result<()> {
        ensure!(self.period(treasury_balance).is_some(), CounterOverflow);
        if let Some(owner) = leaving {
            ensure!(
                (self.former_owner_count as usize) < MAX_FORMER_OWNERS
                    || self.claimable(bus, owner, treasury_balance)? == 0,
                FormerOwnersFull
            );
        }
        Ok(())
    }

    /// Turns what the owners earned under the present shares into accrued revenue and starts a new period, which keeps
    /// what rounding left.
    pub fn settle_shares(&mut self, bus: &Bus, treasury_balance: u64) {
        let is_whole = self.revenue(treasury_balance).checked_add(self.period_claimed).is_some();
        self.settle_period(bus, treasury_balance);
        if !is_whole {
            // Divides the rest, which did not fit 64 bits.
            self.settle_period(bus, treasury_balance);
        }
    }

    #[inline(never)]
    fn settle_period(&mut self, bus: &Bus, treasury_balance: u64) {
        // Checked by `validate_settle`.
        let Some(period) = self.period(treasury_balance) else { return };
        for (account, slot) in self.owners.iter_mut().zip(bus.owners()) {
            let earned = math::share_of(period, slot.share_bps) - account.claimed;
            account.accrued += earned;
            self.accrued_total += earned;
            account.claimed = 0;
        }
        self.period_claimed = 0;
    }

    /// Adds an owner at `place`, the last one, with what it left unclaimed as a former owner. Its proposals are
    /// numbered from `first_proposal`.
    pub fn enter_owner(&mut self, place: usize, owner: &Address, first_proposal: u64) {
        let accrued = self.forget_former(owner);
        self.owners[place] = OwnerAccount { accrued, claimed: 0, next_proposal: first_proposal };
    }

    /// Number of the first proposal of an owner who is added in a slot. It is above every number that it had as an
    /// owner before.
    pub fn first_proposal(&self, slot: u64) -> Result<u64> {
        Ok(counter::first_number(slot)?.max(self.proposals_from))
    }

    /// Makes later owners start above the numbers that the owner at `place` used.
    fn forget_counter(&mut self, place: usize) {
        self.proposals_from = self.proposals_from.max(self.owners[place].next_proposal);
    }

    /// Removes the owner at `place` of `count` owners. The others keep their order, and its unclaimed revenue stays
    /// claimable.
    pub fn leave_owner(&mut self, place: usize, count: usize, owner: &Address) {
        self.forget_counter(place);
        let accrued = self.owners[place].accrued;
        self.owners.copy_within(place + 1..count, place);
        self.owners[count - 1] = OwnerAccount::zeroed();
        if accrued > 0 {
            self.former_owners[self.former_owner_count as usize] = FormerOwner { owner: *owner, accrued };
            self.former_owner_count += 1;
        }
    }

    /// Gives an owner's place, with its revenue, to another key. What that key left unclaimed as a former owner is
    /// added.
    pub fn replace_owner(&mut self, place: usize, new_owner: &Address, first_proposal: u64) {
        self.forget_counter(place);
        self.owners[place].accrued += self.forget_former(new_owner);
        self.owners[place].next_proposal = first_proposal;
    }

    /// Everything that owners and former owners may still claim, in token base units.
    pub fn claimable_total(&self, bus: &Bus, treasury_balance: u64) -> Option<u128> {
        let period = self.period(treasury_balance)?;
        let mut total = 0u128;
        for (account, slot) in self.owners.iter().zip(bus.owners()) {
            let earned = account.accrued.checked_add(math::share_of(period, slot.share_bps))?;
            total += earned.checked_sub(account.claimed)? as u128;
        }
        Some(total + self.former_owners().iter().map(|place| place.accrued as u128).sum::<u128>())
    }

    /// Owners who left with revenue that they have not claimed yet.
    fn former_owners(&self) -> &[FormerOwner] {
        &self.former_owners[..(self.former_owner_count as usize).min(MAX_FORMER_OWNERS)]
    }

    fn former_index(&self, wallet: &Address) -> Option<usize> {
        self.former_owners().iter().position(|place| address_eq(&place.owner, wallet))
    }

    /// Frees the place of a former owner; returns what it had not claimed, in token base units.
    #[inline(never)]
    fn forget_former(&mut self, wallet: &Address) -> u64 {
        let Some(index) = self.former_index(wallet) else { return 0 };
        let last = self.former_owner_count as usize - 1;
        let accrued = self.former_owners[index].accrued;
        self.former_owners[index] = self.former_owners[last];
        self.former_owners[last] = FormerOwner::zeroed();
        self.former_owner_count -= 1;
        accrued
    }

    /// Refuses to close a bus while a seller, a window or a proposal is open, or a former owner has revenue to claim.
    pub fn validate_close(&self) -> Result<()> {
        ensure!(
            self.open_sellers == 0 && self.open_windows == 0 && self.open_proposals == 0,
            BusInUse,
            "{} sellers, {} windows, {} proposals are open",
            self.open_sellers,
            self.open_windows,
            self.open_proposals
        );
        ensure!(self.former_owner_count == 0, FormerOwnersUnpaid, "{} former owners", self.former_owner_count);
        Ok(())
    }

    /// Divides all that the treasury holds among the owners; the first owner also gets what rounding leaves. Returns
    /// what each gets, in token base units.
    pub fn divide_rest(&mut self, bus: &Bus, treasury_balance: u64) -> Result<[u64; MAX_OWNERS]> {
        self.validate_settle(bus, None, treasury_balance)?;
        self.settle_shares(bus, treasury_balance);
        let mut shares = [0; MAX_OWNERS];
        for (share, account) in shares.iter_mut().zip(&mut self.owners) {
            *share = core::mem::take(&mut account.accrued);
        }
        // Cannot underflow: `validate_close` refuses former owners, so all accrued revenue is that of the owners.
        shares[0] += treasury_balance - self.accrued_total;
        self.accrued_total = 0;
        Ok(shares)
    }

    /// Checks what always holds of a ledger and its bus.
    pub fn check_invariants(&self, bus: &Bus) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            former_owner_count,
            padding,
            open_sellers: _,
            open_windows: _,
            open_proposals: _,
            open_claims,
            unclaimed_total,
            period_claimed,
            accrued_total,
            proposals_from: _,
            bus: _,
            owners,
            former_owners,
            diverted: _,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        let count = bus.owners().len();
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant((*open_claims == 0) == (*unclaimed_total == 0), "claims are above zero")?;
        let former = *former_owner_count as usize;
        invariant(
            former <= MAX_FORMER_OWNERS
                && former_owners[..former].iter().all(|place| place.accrued > 0)
                && former_owners[former..].iter().all(|place| *place == FormerOwner::zeroed()),
            "former owners have unclaimed revenue",
        )?;
        invariant(
            former_owners[..former].iter().all(|place| bus.owner_index(&place.owner).is_none()),
            "an owner is not a former owner",
        )?;
        invariant(owners[count..].iter().all(|account| *account == OwnerAccount::zeroed()), "unused places are empty")?;
        let accrued = owners.iter().map(|account| account.accrued as u128).sum::<u128>()
            + former_owners[..former].iter().map(|place| place.accrued as u128).sum::<u128>();
        invariant(accrued == *accrued_total as u128, "accrued revenue is that of owners and former owners")?;
        let claimed = owners.iter().map(|account| account.claimed as u128).sum::<u128>();
        invariant(claimed == *period_claimed as u128, "claimed revenue is that of owners")?;
        invariant(*padding == [0; 5] && *reserved == [0; 30], "reserved bytes are zero")
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::{
            error::MultibusError,
            state::{
                Action, ActionKind, Capacity, Moment, OwnerSlot,
                fixture::{BUS, assert_noticed},
            },
            testing::cases,
        },
        proptest::prelude::*,
    };

    fn wallet(number: u8) -> Address {
        Address::new_from_array([number + 1; 32])
    }

    fn moment(treasury_balance: u64, first_proposal: u64) -> Moment {
        Moment { now: 1_000, treasury_balance, first_proposal }
    }

    /// A bus whose first wallets own it with the shares, and its ledger.
    fn bus(shares: &[u16]) -> (Bus, Ledger) {
        let mut bus = Bus { threshold: 1, pause_quorum: 1, ..Bus::zeroed() };
        for (index, share) in shares.iter().enumerate() {
            bus.owners[index] = OwnerSlot { owner: wallet(index as u8), share_bps: *share, ..OwnerSlot::zeroed() };
        }
        bus.owner_count = shares.len() as u8;
        let mut ledger = Ledger::zeroed();
        ledger.initialize(&BUS, bus.owner_count, 5).unwrap();
        (bus, ledger)
    }

    /// Shares for `count` owners that sum to 10,000, from arbitrary weights.
    fn shares(count: usize, weights: &[u16]) -> [u16; 16] {
        let weights: Vec<u64> = (0..count).map(|i| weights[i % weights.len()] as u64).collect();
        let sum = weights.iter().sum::<u64>().max(1);
        let mut shares = [0; 16];
        for (share, weight) in shares.iter_mut().zip(&weights) {
            *share = (weight * 10_000 / sum) as u16;
        }
        shares[0] += 10_000 - shares.iter().sum::<u16>();
        shares
    }

    fn act(kind: ActionKind, owner: Address, list: &[u16]) -> Action {
        let mut action = Action { kind: kind as u8, share_count: list.len() as u8, owner, ..Action::zeroed() };
        action.shares_bps[..list.len()].copy_from_slice(list);
        action
    }

    #[test]
    fn sums_of_a_long_life_never_stop_the_treasury() {
        let (bus, mut ledger) = bus(&[6_000, 4_000]);
        let (mut balance, mut received, mut paid) = (0u64, 0u128, 0u128);
        while received < 4 * u128::from(u64::MAX) {
            received += u128::from(u64::MAX - balance);
            balance = u64::MAX;
            for place in 0..2 {
                let amount = ledger.claim(&bus, &wallet(place), balance).unwrap();
                balance -= amount;
                paid += u128::from(amount);
                assert_eq!(ledger.check_invariants(&bus), Ok(()));
                assert!(ledger.period_claimed < LONGEST_PERIOD);
                assert!(ledger.claimable_total(&bus, balance).unwrap() <= u128::from(balance));
            }
        }
        assert_eq!(received - paid, u128::from(balance));
        assert!(balance < u64::MAX / 2, "{balance}");
    }

    #[test]
    fn a_period_ends_with_the_claim_that_makes_it_the_longest() {
        for (revenue, period_claimed) in
            [(LONGEST_PERIOD - 1, LONGEST_PERIOD - 1), (LONGEST_PERIOD, 0), (LONGEST_PERIOD + 1, 0)]
        {
            let (bus, mut ledger) = bus(&[10_000]);
            assert_eq!(ledger.claim(&bus, &wallet(0), revenue), Ok(revenue));
            assert_eq!((ledger.period_claimed, ledger.owners[0].claimed), (period_claimed, period_claimed));
            assert_eq!(ledger.claimable(&bus, &wallet(0), 7), Ok(7));
        }
    }

    #[test]
    fn a_ledger_begins_with_nothing_open_and_every_owner_first_number() {
        let (bus, ledger) = bus(&[5_000, 5_000]);
        assert_eq!((ledger.layout_version, ledger.bus), (LAYOUT_VERSION, BUS));
        let numbers: Vec<_> = ledger.owners[..3].iter().map(|account| account.next_proposal).collect();
        assert_eq!(numbers, [5 << 20, 5 << 20, 0]);
        assert_eq!((ledger.open_sellers, ledger.open_windows, ledger.open_proposals, ledger.open_claims), (0, 0, 0, 0));
        assert_eq!(ledger.check_invariants(&bus), Ok(()));
        let late = Ledger::zeroed().initialize(&BUS, 1, 1 << 44);
        assert_eq!(late, Err(MultibusError::CounterOverflow.into()));
    }

    #[test]
    fn each_owner_numbers_its_own_proposals() {
        let (_, mut ledger) = bus(&[5_000, 5_000]);
        let first = 5 << 20;
        ledger.propose(1, first).unwrap();
        let before = ledger;
        assert_eq!(ledger.propose(1, first), Err(MultibusError::NumberNotNext.into()));
        assert_eq!(ledger, before);
        ledger.propose(0, first).unwrap();
        ledger.propose(1, first + 1).unwrap();
        assert_eq!((ledger.owners[0].next_proposal, ledger.owners[1].next_proposal), (first + 1, first + 2));
        assert_eq!(ledger.open_proposals, 3);
        ledger.open_proposals = u32::MAX;
        assert_eq!(ledger.propose(0, first + 1), Err(MultibusError::CounterOverflow.into()));
    }

    #[test]
    fn claims_are_counted_and_summed() {
        let (bus, mut ledger) = bus(&[10_000]);
        ledger.owe(5, true);
        ledger.owe(6, false);
        ledger.owe(7, true);
        assert_eq!((ledger.open_claims, ledger.unclaimed_total, ledger.check_invariants(&bus)), (2, 18, Ok(())));
        ledger.pay_claim(11);
        ledger.pay_claim(7);
        assert_eq!((ledger.open_claims, ledger.unclaimed_total, ledger.check_invariants(&bus)), (0, 0, Ok(())));
    }

    #[test]
    fn owners_are_paid_their_exact_share_once() {
        let (bus, mut ledger) = bus(&[3_333, 6_667]);
        assert_eq!(ledger.claim(&bus, &wallet(0), 100), Ok(33));
        assert_eq!(ledger.claim(&bus, &wallet(0), 67), Err(MultibusError::NothingToClaim.into()));
        assert_eq!(ledger.claim(&bus, &wallet(1), 67), Ok(66));
        assert_eq!(ledger.claim(&bus, &wallet(2), 1), Err(MultibusError::OwnerUnknown.into()));
        // The base unit left over is divided with the next revenue: 10,000 in all.
        assert_eq!(ledger.claimable(&bus, &wallet(0), 1 + 9_900), Ok(3_333 - 33));
        assert_eq!(ledger.claimable(&bus, &wallet(1), 1 + 9_900), Ok(6_667 - 66));
    }

    #[test]
    fn what_64_bits_do_not_hold_is_divided_all_the_same() {
        let (bus, mut ledger) = bus(&[5_000, 5_000]);
        for account in &mut ledger.owners[..2] {
            account.claimed = (LONGEST_PERIOD - 2) / 2;
        }
        ledger.period_claimed = LONGEST_PERIOD - 2;
        let shares = ledger.divide_rest(&bus, u64::MAX).unwrap();
        assert!(shares[0].abs_diff(shares[1]) <= 2, "{shares:?}");
        assert_eq!(shares[0] + shares[1], u64::MAX);
    }

    #[test]
    fn who_returns_as_an_owner_proposes_above_all_its_numbers() {
        let (_, mut ledger) = bus(&[5_000, 5_000]);
        let start = 7 << COUNTER_SLOT_SHIFT;
        assert_eq!(ledger.first_proposal(7), Ok(start));
        ledger.enter_owner(2, &wallet(4), start);
        ledger.propose(2, start).unwrap();
        ledger.leave_owner(2, 3, &wallet(4));
        assert_eq!((ledger.first_proposal(7), ledger.first_proposal(8)), (Ok(start + 1), Ok(8 << COUNTER_SLOT_SHIFT)));
        // The same where a key is replaced.
        ledger.enter_owner(2, &wallet(5), start + 1);
        ledger.propose(2, start + 1).unwrap();
        ledger.replace_owner(2, &wallet(6), start + 1);
        assert_eq!(ledger.first_proposal(7), Ok(start + 2));
    }

    #[test]
    fn an_owner_who_leaves_and_returns_keeps_what_it_earned() {
        let (mut bus, mut ledger) = bus(&[5_000, 5_000]);
        let mut general = Capacity::zeroed();
        act(ActionKind::OwnerRemove, wallet(1), &[10_000])
            .apply(&mut bus, &mut ledger, &mut general, &moment(1_001, 9))
            .unwrap();
        assert_eq!(ledger.claimable(&bus, &wallet(1), 1_001), Ok(500));
        assert_eq!(ledger.claimable(&bus, &wallet(0), 1_001), Ok(501));
        let back = act(ActionKind::OwnerAdd, wallet(1), &[9_000, 1_000]);
        back.apply(&mut bus, &mut ledger, &mut general, &moment(2_001, 9)).unwrap();
        assert_eq!((ledger.former_owner_count, bus.owner_count, ledger.owners[1].next_proposal), (0, 2, 9));
        assert_eq!(ledger.claimable(&bus, &wallet(1), 2_001), Ok(500));
        assert_eq!(ledger.claimable(&bus, &wallet(0), 2_001), Ok(1_501));
        assert_eq!(ledger.claimable(&bus, &wallet(1), 3_001), Ok(600));
        // Another key takes the place with all its revenue.
        let replace = Action { new_owner: wallet(7), ..act(ActionKind::OwnerReplace, wallet(1), &[]) };
        replace.apply(&mut bus, &mut ledger, &mut general, &moment(3_001, 11)).unwrap();
        assert_eq!(ledger.claimable(&bus, &wallet(1), 3_001), Err(MultibusError::OwnerUnknown.into()));
        assert_eq!(ledger.claimable(&bus, &wallet(7), 3_001), Ok(600));
        assert_eq!((ledger.owners[1].next_proposal, ledger.check_invariants(&bus)), (11, Ok(())));
    }

    #[test]
    fn a_treasury_that_lacks_money_refuses() {
        let (bus, ledger) = bus(&[10_000]);
        let mut short = Ledger { accrued_total: 101, ..ledger };
        let refused = Err(MultibusError::CounterOverflow.into());
        assert_eq!(short.period(100), None);
        assert_eq!(short.period(101), Some(0));
        assert_eq!(short.claimable(&bus, &wallet(0), 100), refused);
        assert_eq!(short.validate_settle(&bus, None, 100), refused.clone().map(drop));
        assert_eq!(short.validate_settle(&bus, None, 101), Ok(()));
        assert_eq!((short.claimable_total(&bus, 100), short.claimable_total(&bus, 201)), (None, Some(100)));
        assert_eq!(short.divide_rest(&bus, 100).err(), Some(MultibusError::CounterOverflow.into()));
        let last = Ledger { period_claimed: u64::MAX - 9, ..ledger };
        assert_eq!((last.period(9), last.period(10)), (Some(u64::MAX), Some(u64::MAX)));
    }

    #[test]
    fn former_owners_are_paid_once_and_make_room() {
        let (mut bus, mut ledger) = bus(&[10_000]);
        for (place, (number, accrued)) in [(5, 10), (6, 20), (7, 30)].into_iter().enumerate() {
            ledger.former_owners[place] = FormerOwner { owner: wallet(number), accrued };
        }
        (ledger.former_owner_count, ledger.accrued_total) = (3, 60);
        assert_eq!(ledger.claimable_total(&bus, 120), Some(120), "the revenue of the period, and 60 of before");
        assert_eq!(ledger.validate_close(), Err(MultibusError::FormerOwnersUnpaid.into()));
        assert_eq!(ledger.claim(&bus, &wallet(5), 120), Ok(10));
        assert_eq!(ledger.claim(&bus, &wallet(5), 110), Err(MultibusError::OwnerUnknown.into()));
        let left: Vec<_> = ledger.former_owners[..2].iter().map(|place| (place.owner, place.accrued)).collect();
        assert_eq!(left, [(wallet(7), 30), (wallet(6), 20)]);
        assert_eq!((ledger.former_owner_count, ledger.former_owners[2]), (2, FormerOwner::zeroed()));
        assert_eq!(ledger.check_invariants(&bus), Ok(()));
        ledger.enter_owner(1, &wallet(6), 8);
        (bus.owner_count, bus.owners[1].owner) = (2, wallet(6));
        let entered = OwnerAccount { accrued: 20, claimed: 0, next_proposal: 8 };
        assert_eq!((ledger.former_owner_count, ledger.owners[1], ledger.check_invariants(&bus)), (1, entered, Ok(())));
        ledger.leave_owner(1, 2, &wallet(6));
        (bus.owner_count, bus.owners[1]) = (1, OwnerSlot::zeroed());
        assert_eq!((ledger.former_owner_count, ledger.former_owners[1].accrued), (2, 20));
        assert_eq!((ledger.owners[1], ledger.check_invariants(&bus)), (OwnerAccount::zeroed(), Ok(())));
        // A key that takes an owner's place keeps what it left unclaimed as a former owner.
        ledger.replace_owner(0, &wallet(7), 9);
        bus.owners[0].owner = wallet(7);
        assert_eq!(
            (ledger.owners[0].accrued, ledger.former_owner_count, ledger.check_invariants(&bus)),
            (30, 1, Ok(()))
        );
    }

    #[test]
    fn every_place_of_a_former_owner_counts() {
        let (bus, mut ledger) = bus(&[10_000]);
        for (place, former) in ledger.former_owners.iter_mut().enumerate() {
            *former = FormerOwner { owner: wallet(place as u8 + 20), accrued: 1 << place };
        }
        ledger.accrued_total = 0xffff;
        for (count, total) in [(15, 0x7fff), (16, 0xffff), (17, 0xffff), (u8::MAX, 0xffff)] {
            ledger.former_owner_count = count;
            assert_eq!(ledger.claimable_total(&bus, 0xffff), Some(total), "{count}");
        }
        ledger.former_owner_count = 15;
        assert_eq!(ledger.claimable(&bus, &wallet(35), 0xffff), Err(MultibusError::OwnerUnknown.into()));
        ledger.former_owner_count = 16;
        assert_eq!(ledger.check_invariants(&bus), Ok(()));
        assert_eq!(ledger.claim(&bus, &wallet(35), 0xffff), Ok(1 << 15));
        assert_eq!(ledger.former_owner_count, 15);
    }

    #[test]
    fn a_bus_closes_once_nothing_of_it_is_open() {
        let (_, ledger) = bus(&[10_000]);
        assert_eq!(ledger.validate_close(), Ok(()));
        let in_use = Err(MultibusError::BusInUse.into());
        assert_eq!(Ledger { open_sellers: 1, ..ledger }.validate_close(), in_use);
        assert_eq!(Ledger { open_windows: 1, ..ledger }.validate_close(), in_use);
        assert_eq!(Ledger { open_proposals: 1, ..ledger }.validate_close(), in_use);
        assert_eq!(Ledger { open_claims: 1, unclaimed_total: 1, ..ledger }.validate_close(), Ok(()));
    }

    #[test]
    fn the_last_of_the_treasury_is_divided_to_the_unit() {
        let (bus, mut ledger) = bus(&[3_333, 3_333, 3_334]);
        assert_eq!(ledger.claim(&bus, &wallet(1), 1_000), Ok(333));
        let shares = ledger.divide_rest(&bus, 667).unwrap();
        assert_eq!(shares[..4], [334, 0, 333, 0], "the first gets what the floors leave");
        assert_eq!(shares.iter().sum::<u64>(), 667);
        assert_eq!(ledger.claimable_total(&bus, 0), Some(0));
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let (sound_bus, mut sound) = bus(&[5_000, 5_000]);
        sound.former_owners[0] = FormerOwner { owner: wallet(8), accrued: 1 };
        sound.former_owners[1] = FormerOwner { owner: wallet(9), accrued: 2 };
        (sound.former_owner_count, sound.accrued_total, sound.owners[0].accrued) = (2, 7, 4);
        assert_eq!(sound.check_invariants(&sound_bus), Ok(()));
        assert_noticed(
            &sound,
            |ledger| ledger.check_invariants(&bus(&[5_000, 5_000]).0),
            &[
                ("the layout version is the present one", |ledger| ledger.layout_version = 1),
                ("claims are above zero", |ledger| ledger.open_claims = 1),
                ("claims are above zero", |ledger| ledger.unclaimed_total = 1),
                ("former owners have unclaimed revenue", |ledger| ledger.former_owner_count = 17),
                ("former owners have unclaimed revenue", |ledger| ledger.former_owners[1].accrued = 0),
                ("former owners have unclaimed revenue", |ledger| ledger.former_owner_count = 1),
                ("an owner is not a former owner", |ledger| ledger.former_owners[1].owner = wallet(1)),
                ("unused places are empty", |ledger| ledger.owners[2].next_proposal = 1),
                ("accrued revenue is that of owners and former owners", |ledger| ledger.accrued_total += 1),
                ("claimed revenue is that of owners", |ledger| ledger.period_claimed += 1),
                ("reserved bytes are zero", |ledger| ledger.padding[4] = 1),
                ("reserved bytes are zero", |ledger| ledger.reserved[29] = 1),
            ],
        );
    }

    proptest! {
        #![proptest_config(cases(2_000))]

        /// Claims + claimable + remainder = received, and the remainder is below one base unit for each owner.
        #[test]
        fn revenue_is_divided_to_the_base_unit(
            weights in prop::collection::vec(0u16..1_000, 1..16),
            steps in prop::collection::vec((0u8..6, 0u8..18, 0u64..1_000_000_007, 0u16..1_000), 1..80),
        ) {
            let first = shares(weights.len(), &weights);
            let (mut bus, mut ledger) = bus(&first[..weights.len()]);
            let mut general = Capacity::zeroed();
            let (mut balance, mut received, mut claimed) = (0u64, 0u64, 0u64);
            for (step, who, amount, weight) in steps {
                let before = (bus, ledger);
                let owner = wallet(who);
                let count = bus.owner_count as usize;
                match step {
                    0 => { balance += amount; received += amount; }
                    1 => if let Ok(paid) = ledger.claim(&bus, &owner, balance) { balance -= paid; claimed += paid; }
                         else { prop_assert_eq!((bus, ledger), before); },
                    _ => {
                        let kinds =
                            [ActionKind::SharesSet, ActionKind::OwnerAdd, ActionKind::OwnerRemove, ActionKind::OwnerReplace];
                        let kind = kinds[step as usize - 2];
                        let after = [count, count + 1, count.saturating_sub(1), count][step as usize - 2].clamp(1, 16);
                        let action = Action {
                            kind: kind as u8,
                            share_count: after as u8,
                            owner,
                            new_owner: wallet((weight % 18) as u8),
                            shares_bps: shares(after, &[weight, who as u16, 3]),
                            ..Action::zeroed()
                        };
                        if action.apply(&mut bus, &mut ledger, &mut general, &moment(balance, 9)).is_err() {
                            prop_assert_eq!((bus, ledger), before);
                        }
                    }
                }
                prop_assert_eq!(balance + claimed, received);
                prop_assert_eq!(ledger.check_invariants(&bus), Ok(()));
                let claimable = ledger.claimable_total(&bus, balance).expect("the treasury covers its claims");
                prop_assert!(claimable <= balance as u128);
                prop_assert!(balance as u128 - claimable < 16);
                let sum: u32 = bus.owners().iter().map(|slot| slot.share_bps as u32).sum();
                prop_assert_eq!(sum, 10_000);
                if ledger.former_owner_count == 0 {
                    let mut last = ledger;
                    prop_assert_eq!(last.divide_rest(&bus, balance).unwrap().iter().sum::<u64>(), balance);
                }
            }
        }
    }
}
