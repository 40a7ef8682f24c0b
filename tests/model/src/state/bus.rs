//! Buses: their settings, their owners, and what each owner earned.

use {
    crate::{
        limit::{ADMITTED, ALL_BPS, LONGEST_PERIOD, OPEN},
        state::{ModelSeller, ModelTerms},
    },
    solana_address::Address,
    std::collections::BTreeMap,
};

/// An owner of a bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOwner {
    pub wallet: Address,
    /// In basis points.
    pub share_bps: u16,
    /// Earned under earlier shares and not claimed, in base units.
    pub accrued: u128,
    /// Claimed of what the present shares earn, in base units.
    pub claimed: u128,
    pub next_proposal: u64,
}

/// A bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelBus {
    pub creator: Address,
    pub bus_seq: u64,
    pub name: Vec<u8>,
    pub mint: Address,
    pub ledger: Address,
    pub general: Address,
    pub treasury: Address,
    pub unclaimed: Address,
    /// Holds the deposits of bids.
    pub escrow: Address,
    /// The seller account of the bus itself, whether it is open or not.
    pub seller: Address,
    /// In order.
    pub owners: Vec<ModelOwner>,
    /// Wallets that are owners no more, with what they have not claimed, in base units.
    pub former: BTreeMap<Address, u128>,
    /// Revenue that came while the treasury was frozen, in base units. It waits in the unclaimed account until an owner claims.
    pub diverted: u64,
    /// Above every proposal of an owner that left: whoever enters in the same slot proposes from here on.
    pub proposals_from: u64,
    pub threshold: u8,
    /// Approvals that a pause needs; 0 means the threshold.
    pub pause_quorum: u8,
    pub listing_policy: u8,
    pub paused: bool,
    pub closing: bool,
    /// When the owners' decision to close it was carried out; 0 before.
    pub closing_at: i64,
    pub timelock_seconds: u32,
    pub horizon_seconds: u32,
    pub lock_fee_bps: u16,
    pub capacity_wh: u64,
    pub base_price_per_kwh: u64,
    /// Lowest price of the bus's own offers; 0 for the base price.
    pub reserve_price_per_kwh: u64,
    pub least_wh: u64,
    pub operator: Option<Address>,
    /// Who gets the grid fees; nobody means the treasury.
    pub grid_recipient: Option<Address>,
    /// Terms that hold until the next do.
    pub terms: ModelTerms,
    pub next_terms: Option<ModelTerms>,
    /// First second in which all windows of terms before the present ones have had their last reading.
    pub readings_until: i64,
    pub config_version: u64,
    pub pause_version: u64,
    pub created_at: i64,
}

impl ModelBus {
    pub fn is_owner(&self, wallet: &Address) -> bool {
        self.place(wallet).is_some()
    }

    /// Index among the owners.
    pub fn place(&self, wallet: &Address) -> Option<usize> {
        self.owners.iter().position(|owner| owner.wallet == *wallet)
    }

    pub fn is_operator(&self, wallet: &Address) -> bool {
        self.operator == Some(*wallet)
    }

    /// Whether the policy lets a seller list. The bus itself always may.
    pub fn policy_admits(&self, at: &Address, seller: &ModelSeller) -> bool {
        seller.wallet == *at
            || self.is_owner(&seller.wallet)
            || self.listing_policy == OPEN
            || (self.listing_policy == ADMITTED && seller.admitted)
    }

    /// Approvals that pausing needs.
    pub fn pause_approvals(&self) -> usize {
        if self.pause_quorum > 0 { self.pause_quorum.min(self.threshold) as usize } else { self.threshold as usize }
    }

    /// The lowest price of an offer of the bus itself, in base units per kWh.
    pub fn least_own_price(&self) -> u64 {
        self.base_price_per_kwh.max(self.reserve_price_per_kwh)
    }

    /// The terms of a window that starts at a second, or outside windows those of that second.
    pub fn terms_at(&self, second: i64) -> ModelTerms {
        self.next_terms.filter(|next| second >= next.from).unwrap_or(self.terms)
    }

    /// Next terms that hold become the present ones.
    pub fn promote_terms(&mut self, now: i64) {
        if let Some(next) = self.next_terms.take_if(|next| now >= next.from) {
            if self.terms.is_on_delivery() {
                self.readings_until = self.readings_until.max(self.terms.readings_end(next.from));
            }
            self.terms = next;
        }
    }

    /// First second in which the bus needs no operator, as far as is decided: no present or next terms are on delivery, and no
    /// earlier window takes a reading any more.
    pub fn operator_needed_until(&self) -> Option<i64> {
        match (self.terms.is_on_delivery(), self.next_terms) {
            (_, Some(next)) if next.is_on_delivery() => None,
            (true, Some(next)) => Some(self.readings_until.max(self.terms.readings_end(next.from))),
            (true, None) => None,
            (false, _) => Some(self.readings_until),
        }
    }

    /// The latest second at which an offer may end: its gate, outside windows the start of windows; one horizon ahead.
    pub fn latest_expiry(&self, gate: i64, now: i64) -> i64 {
        let end = if gate < i64::MAX {
            gate
        } else if self.terms_at(now).has_windows() {
            self.terms_at(now).from
        } else {
            self.next_terms.filter(|next| next.from > now && next.has_windows()).map_or(i64::MAX, |next| next.from)
        };
        end.min(now + self.horizon_seconds as i64)
    }

    /// Revenue since the shares last changed, when the treasury holds `balance` besides what was diverted.
    pub fn period(&self, balance: u64) -> u128 {
        let claimed: u128 = self.owners.iter().map(|owner| owner.claimed).sum();
        balance as u128 + self.diverted as u128 + claimed - self.accrued_by_all()
    }

    /// What all owners and former owners earned under earlier shares and have not claimed.
    pub fn accrued_by_all(&self) -> u128 {
        self.owners.iter().map(|owner| owner.accrued).sum::<u128>() + self.former.values().sum::<u128>()
    }

    /// What a wallet may claim when the treasury holds `balance`.
    pub fn claimable(&self, wallet: &Address, balance: u64) -> u128 {
        match self.place(wallet) {
            Some(place) => {
                let ModelOwner { share_bps, accrued, claimed, .. } = self.owners[place];
                accrued + self.period(balance) * share_bps as u128 / ALL_BPS as u128 - claimed
            }
            None => self.former.get(wallet).copied().unwrap_or(0),
        }
    }

    /// What the present shares earned becomes each owner's for good; the shares may change then.
    pub fn settle(&mut self, balance: u64) {
        let period = self.period(balance);
        for owner in &mut self.owners {
            owner.accrued += period * owner.share_bps as u128 / ALL_BPS as u128 - owner.claimed;
            owner.claimed = 0;
        }
    }

    /// A wallet has been paid, or was given a claim, for all that it could claim.
    pub fn has_claimed(&mut self, wallet: &Address, balance: u64) {
        let period = self.period(balance);
        match self.place(wallet) {
            Some(place) => {
                let owner = &mut self.owners[place];
                let paid = owner.accrued + period * owner.share_bps as u128 / ALL_BPS as u128 - owner.claimed;
                (owner.accrued, owner.claimed) = (0, period * owner.share_bps as u128 / ALL_BPS as u128);
                if self.owners.iter().map(|owner| owner.claimed).sum::<u128>() >= LONGEST_PERIOD {
                    self.settle(balance - paid as u64);
                }
            }
            None => drop(self.former.remove(wallet)),
        }
    }
}

/// What is left of a closed bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelTombstone {
    pub creator: Address,
    pub bus_seq: u64,
    pub mint: Address,
    pub unclaimed: Address,
    pub closed_at: i64,
}
