//! What each instruction does to the books, and all causes for which it may be refused.

mod account;
mod bus;
mod capacity;
mod claim;
mod lock;
mod offer;
mod proposal;
mod purchase;
mod seller;
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

/// The named accounts, and those after them.
fn split<const N: usize>(accounts: &[PassedAccount]) -> Result<(&[PassedAccount; N], &[PassedAccount]), Causes> {
    accounts.split_first_chunk::<N>().ok_or_else(|| Cause::Missing.into())
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
            Call::CreatorOpen(first_slot) => self.creator_open(first(accounts)?, first_slot),
            Call::BusCreate(seq, config) => self.bus_create(first(accounts)?, seq, config),
            Call::BusClose => {
                let (named, claims) = split(accounts)?;
                self.bus_close(named, claims)
            }
            Call::CapacityOpen(start) => self.capacity_open(first(accounts)?, start),
            Call::CapacityClose => self.capacity_close(first(accounts)?),
            Call::SellerOpen { wallet, first_slot } => self.seller_open(first(accounts)?, wallet, first_slot),
            Call::SellerAdmit(wallet) => self.seller_admit(first(accounts)?, wallet),
            Call::SellerSuspend => self.seller_suspend(first(accounts)?),
            Call::SellerWithdraw => self.seller_withdraw(first(accounts)?),
            Call::SellerClose => self.seller_close(first(accounts)?),
            Call::OfferCreate(terms) => self.offer_create(first(accounts)?, terms),
            Call::OfferReprice { price, version } => self.offer_reprice(first(accounts)?, price, version),
            Call::OfferSetExpiry { expires_at, version } => {
                self.offer_set_expiry(first(accounts)?, expires_at, version)
            }
            Call::OfferCollect => self.offer_collect(first(accounts)?),
            Call::OfferCancel => {
                let (named, owners) = split(accounts)?;
                self.offer_cancel(named, owners)
            }
            Call::Purchase { nonce, item, min_wh } => self.purchase(first(accounts)?, nonce, item, min_wh),
            Call::PurchaseBatch { nonce, max_total, items } => {
                let (named, of_items) = split(accounts)?;
                self.purchase_batch(named, of_items, nonce, max_total, &items)
            }
            Call::LockTake { place, item, refund } => self.lock_take(first(accounts)?, place, item, refund),
            Call::LockSettle { nonce, number } => self.lock_settle(first(accounts)?, nonce, number),
            Call::LockRelease(number) => self.lock_release(first(accounts)?, number),
            Call::TraderOpen { lane, first_slot } => self.trader_open(first(accounts)?, lane, first_slot),
            Call::TraderClose => self.trader_close(first(accounts)?),
            Call::ProposalCreate { number, action } => self.proposal_create(first(accounts)?, number, action),
            Call::ProposalApprove(hash) => self.proposal_approve(first(accounts)?, &hash),
            Call::ProposalRevoke => self.proposal_revoke(first(accounts)?),
            Call::ProposalExecute => self.proposal_execute(first(accounts)?),
            Call::ProposalClose => self.proposal_close(first(accounts)?),
            Call::TreasuryClaim => self.treasury_claim(first(accounts)?),
            Call::ClaimPay => self.claim_pay(first(accounts)?),
        }
    }
}
