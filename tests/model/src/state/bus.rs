//! Buses: their settings, their owners, and what each owner earned.

use {crate::limit::ALL_BPS, solana_address::Address, std::collections::BTreeMap};

/// A bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelBus {
    pub creator: Address,
    pub bus_seq: u64,
    pub name: Vec<u8>,
    pub mint: Address,
    pub escrow: Address,
    pub treasury: Address,
    /// Owners and their shares in basis points, in order.
    pub owners: Vec<(Address, u16)>,
    pub threshold: u8,
    /// Approvals that a pause needs; 0 means the threshold.
    pub pause_quorum: u8,
    pub listing_policy: u8,
    pub paused: bool,
    pub resumed_at: i64,
    pub timelock_seconds: u32,
    pub window_seconds: u32,
    pub gate_closure_seconds: u32,
    pub lock_fee_bps: u16,
    pub capacity_wh: u64,
    pub base_price_per_kwh: u64,
    pub config_version: u64,
    pub proposal_seq: u64,
    pub created_at: i64,
    /// What each wallet earned under shares that have changed since, in base units.
    pub earned: BTreeMap<Address, u128>,
    /// What each wallet has claimed in all, in base units.
    pub claimed: BTreeMap<Address, u128>,
}

impl ModelBus {
    pub fn is_owner(&self, wallet: &Address) -> bool {
        self.place(wallet).is_some()
    }

    /// Index among the owners.
    pub fn place(&self, wallet: &Address) -> Option<usize> {
        self.owners.iter().position(|(owner, _)| owner == wallet)
    }

    pub fn may_list(&self, wallet: &Address) -> bool {
        self.listing_policy == 1 || self.is_owner(wallet)
    }

    /// The first second in which a window no longer trades; `None` without windows.
    pub fn gate(&self, window_start: i64) -> Option<i64> {
        (self.window_seconds > 0).then(|| window_start - self.gate_closure_seconds as i64)
    }

    pub fn claimed_by_all(&self) -> u128 {
        self.claimed.values().sum()
    }

    pub fn earned_by_all(&self) -> u128 {
        self.earned.values().sum()
    }

    /// What a wallet may claim when the treasury holds `balance`.
    pub fn claimable(&self, wallet: &Address, balance: u64) -> u128 {
        let sum_of = |sums: &BTreeMap<Address, u128>| sums.get(wallet).copied().unwrap_or(0);
        let share = self.owners.iter().find(|(owner, _)| owner == wallet).map_or(0, |(_, share)| *share as u128);
        sum_of(&self.earned) + self.period(balance) * share / ALL_BPS as u128 - sum_of(&self.claimed)
    }

    /// Revenue since the shares last changed, with the remainder of that time.
    pub fn period(&self, balance: u64) -> u128 {
        balance as u128 + self.claimed_by_all() - self.earned_by_all()
    }

    /// Wallets that are no longer owners, with what they have not claimed yet.
    pub fn former_owners(&self) -> BTreeMap<Address, u128> {
        self.earned
            .iter()
            .filter(|(wallet, _)| !self.is_owner(wallet))
            .map(|(wallet, earned)| (*wallet, earned - self.claimed.get(wallet).copied().unwrap_or(0)))
            .filter(|(_, unclaimed)| *unclaimed > 0)
            .collect()
    }
}
