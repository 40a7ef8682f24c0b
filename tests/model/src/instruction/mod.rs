//! What each instruction does to the books, and all causes for which it may be refused.

mod account;
mod bus;
mod capacity;
mod lock;
mod offer;
mod proposal;
mod purchase;
mod token;
mod trader;
mod treasury;

use {
    crate::{books::Model, call::Call, cause::*},
    std::collections::BTreeSet,
};

fn first<const N: usize>(accounts: &[PassedAccount]) -> Result<&[PassedAccount; N], Causes> {
    accounts.first_chunk::<N>().ok_or_else(|| Cause::Missing.into())
}

impl Model {
    /// Executes an instruction. If it may be refused, nothing changes.
    ///
    /// # Errors
    /// Every cause for which it may be refused.
    pub fn execute(&mut self, accounts: &[PassedAccount], data: &[u8]) -> Verdict {
        let Some(call) = Call::read(data) else {
            // The program may find either of the two first.
            return Err(Causes(BTreeSet::from([Cause::Data, Cause::Missing])));
        };
        match call {
            Call::BusCreate(seq, config) => self.bus_create(first(accounts)?, seq, config),
            Call::CapacityOpen(start) => self.capacity_open(first(accounts)?, start),
            Call::CapacityClose => self.capacity_close(first(accounts)?),
            Call::OfferCreate(terms) => self.offer_create(first(accounts)?, terms),
            Call::OfferReprice(price) => self.offer_reprice(first(accounts)?, price),
            Call::OfferExtend(expires_at) => self.offer_extend(first(accounts)?, expires_at),
            Call::OfferCancel => self.offer_cancel(first(accounts)?),
            Call::Purchase { nonce, item, min_wh } => self.purchase(first(accounts)?, nonce, item, min_wh),
            Call::PurchaseBatch { nonce, max_total, items } => {
                let named = first(accounts)?;
                self.purchase_batch(named, &accounts[named.len()..], nonce, max_total, &items)
            }
            Call::LockTake(item) => self.lock_take(first(accounts)?, item),
            Call::LockSettle(nonce) => self.lock_settle(first(accounts)?, nonce),
            Call::LockRelease => self.lock_release(first(accounts)?),
            Call::TraderOpen { lane, first_slot } => self.trader_open(first(accounts)?, lane, first_slot),
            Call::TraderClose => self.trader_close(first(accounts)?),
            Call::OfferCreateForBus(terms) => self.offer_create_for_bus(first(accounts)?, terms),
            Call::ProposalCreate(action) => self.proposal_create(first(accounts)?, action),
            Call::ProposalApprove => self.proposal_approve(first(accounts)?),
            Call::ProposalRevoke => self.proposal_revoke(first(accounts)?),
            Call::ProposalExecute => self.proposal_execute(first(accounts)?),
            Call::ProposalClose => self.proposal_close(first(accounts)?),
            Call::TreasuryClaim => self.treasury_claim(first(accounts)?),
        }
    }
}
