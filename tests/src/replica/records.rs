//! What the replica keeps of each account.

use {
    multibus::state::{self, Action, OwnerShare, Receipt},
    solana_address::Address,
    std::collections::{BTreeMap, BTreeSet},
};

/// A bus as its owners have decided.
#[derive(Debug)]
pub struct ReplicaBus {
    /// The bus's account without its owners and the sums of its treasury: these are computed when they are compared.
    pub settings: state::Bus,
    pub capacity: Address,
    pub owners: Vec<OwnerShare>,
    pub revenue: Revenue,
}

impl ReplicaBus {
    pub fn is_owner(&self, wallet: &Address) -> bool {
        self.owners.iter().any(|share| share.owner == *wallet)
    }

    /// Whether a wallet may list here.
    pub fn may_list(&self, wallet: &Address) -> bool {
        self.settings.listing_policy == 1 || self.is_owner(wallet)
    }
}

/// The revenue of a treasury since its first day, in token base units: what each wallet earned under shares that have
/// changed since, and what each has claimed in all.
#[derive(Debug, Default)]
pub struct Revenue {
    /// Everything that buyers paid for the bus's own energy.
    pub sales: u128,
    pub earned: BTreeMap<Address, u128>,
    pub claimed: BTreeMap<Address, u128>,
}

impl Revenue {
    /// What the present shares divide, when `received` came in so far.
    pub fn period(&self, received: u128) -> u128 {
        received - self.earned.values().sum::<u128>()
    }

    /// What a wallet may claim now. The share of a wallet that is no owner is 0.
    pub fn claimable(&self, wallet: &Address, share_bps: u16, received: u128) -> u128 {
        let earned = self.earned.get(wallet).copied().unwrap_or(0);
        let claimed = self.claimed.get(wallet).copied().unwrap_or(0);
        earned + self.period(received) * share_bps as u128 / 10_000 - claimed
    }

    /// Records what the present shares earned, before the shares change.
    pub fn settle(&mut self, owners: &[OwnerShare], received: u128) {
        let period = self.period(received);
        for OwnerShare { owner, share_bps } in owners {
            *self.earned.entry(*owner).or_default() += period * *share_bps as u128 / 10_000;
        }
    }

    pub fn claimed_by_all(&self) -> u128 {
        self.claimed.values().sum()
    }
}

#[derive(Clone, Debug)]
pub struct ReplicaProposal {
    pub bus: Address,
    pub proposer: Address,
    pub proposal_seq: u64,
    pub config_version: u64,
    pub created_at: i64,
    pub executable_at: i64,
    pub executed_at: Option<i64>,
    pub action: Action,
    /// The owners, in order, at the time of the proposal.
    pub owners: Vec<Address>,
    pub approvals: BTreeSet<Address>,
}

impl ReplicaProposal {
    /// One bit for each owner who approves, at the owner's index.
    pub fn mask(&self) -> u16 {
        let place = |owner| self.owners.iter().position(|other| other == owner).expect("an owner approves");
        self.approvals.iter().map(|owner| 1 << place(owner)).sum()
    }
}

#[derive(Clone, Debug, Default)]
pub struct ReplicaCapacity {
    pub bus: Address,
    pub rent_payer: Address,
    pub window_start: i64,
    pub window_seconds: u32,
    pub total_wh: u64,
    pub available_wh: u64,
    pub listed_wh: u64,
    pub sold_wh: u64,
    pub open_offers: u32,
    pub open_windows: u32,
    pub seqs: BTreeSet<u64>,
}

#[derive(Clone, Debug)]
pub struct ReplicaOffer {
    pub created: OfferFields,
    pub price_per_kwh: u64,
    pub version: u32,
    pub listed_wh: u64,
    pub remaining_wh: u64,
    pub reserved_wh: u64,
    pub open_locks: u32,
    pub expires_at: i64,
    pub cancelled: u8,
}

#[derive(Clone, Debug)]
pub struct OfferFields {
    pub bus: Address,
    pub capacity: Address,
    pub seller: Address,
    pub payout: Address,
    pub offer_seq: u64,
    pub window_start: i64,
    pub created_at: i64,
    pub source: u8,
    pub owned_by_bus: u8,
    pub rent_payer: Address,
}

#[derive(Clone, Debug)]
pub struct ReplicaLock {
    pub offer: Address,
    pub buyer: Address,
    pub energy_wh: u64,
    pub price_per_kwh: u64,
    pub deposit: u64,
    pub lock_fee_bps: u16,
    pub expires_at: i64,
}

#[derive(Clone, Debug)]
pub struct ReplicaLane {
    pub wallet: Address,
    pub lane: u16,
    pub first_nonce: u64,
    pub next_nonce: u64,
    pub history_root: [u8; 32],
    pub total_energy_wh: u64,
    pub total_paid: u64,
    pub receipts: Vec<(u64, Receipt)>,
}
