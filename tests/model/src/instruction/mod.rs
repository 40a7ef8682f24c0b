//! What each instruction does to the books, and all causes for which it may be refused.

mod account;
mod ask;
mod bid;
mod bus;
mod capacity;
mod certificate;
mod claim;
mod clearing;
mod delivery;
mod grid;
mod lock;
mod meter;
mod offer;
mod pool;
mod position;
mod proposal;
mod purchase;
mod seller;
mod token;
mod trader;
mod treasury;

use {
    crate::{books::Model, call::Call, cause::*},
    solana_address::Address,
    std::collections::BTreeSet,
};

fn first<const N: usize>(accounts: &[PassedAccount]) -> Result<&[PassedAccount; N], Causes> {
    accounts.first_chunk::<N>().ok_or_else(|| Cause::Missing.into())
}

/// The named accounts, and those after them.
fn split<const N: usize>(accounts: &[PassedAccount]) -> Result<(&[PassedAccount; N], &[PassedAccount]), Causes> {
    accounts.split_first_chunk::<N>().ok_or_else(|| Cause::Missing.into())
}

/// The instruction just before one of the market in its transaction.
#[derive(Clone, Debug)]
pub struct Before<'a> {
    pub program: Address,
    /// How many accounts it has.
    pub accounts: usize,
    pub data: &'a [u8],
}

impl Model {
    /// Executes an instruction. If it may be refused, nothing changes. `before` is the instruction just before it in its
    /// transaction.
    ///
    /// # Errors
    /// Every cause for which it may be refused.
    pub fn execute(&mut self, accounts: &[PassedAccount], data: &[u8], before: Option<&Before>) -> Verdict {
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
            Call::CapacityClose => {
                let (named, others) = split(accounts)?;
                self.capacity_close(named, others)
            }
            Call::SellerOpen { wallet, first_slot } => self.seller_open(first(accounts)?, wallet, first_slot),
            Call::SellerAdmit(wallet) => self.seller_admit(first(accounts)?, wallet),
            Call::SellerSuspend => self.seller_suspend(first(accounts)?),
            Call::SellerWithdraw => self.seller_withdraw(first(accounts)?),
            Call::SellerClose => self.seller_close(first(accounts)?),
            Call::OfferCreate(listing) => {
                let (named, books) = split(accounts)?;
                self.offer_create(named, listing, books)
            }
            Call::OfferReprice { price, version } => self.offer_reprice(first(accounts)?, price, version),
            Call::OfferSetExpiry { expires_at, version } => {
                self.offer_set_expiry(first(accounts)?, expires_at, version)
            }
            Call::OfferCollect => self.offer_collect(first(accounts)?),
            Call::OfferCancel => {
                let (named, others) = split(accounts)?;
                self.offer_cancel(named, others)
            }
            Call::Purchase { nonce, item, min_wh } => {
                let (named, books) = split(accounts)?;
                self.purchase(named, nonce, item, min_wh, books)
            }
            Call::PurchaseBatch { nonce, max_total, items } => {
                let (named, of_items) = split(accounts)?;
                self.purchase_batch(named, of_items, nonce, max_total, &items)
            }
            Call::LockTake { place, item, refund } => {
                let (named, books) = split(accounts)?;
                self.lock_take(named, place, item, refund, books)
            }
            Call::LockSettle { nonce, number } => {
                let (named, books) = split(accounts)?;
                self.lock_settle(named, nonce, number, books)
            }
            Call::LockRelease(number) => {
                let (named, books) = split(accounts)?;
                self.lock_release(named, number, books)
            }
            Call::TraderOpen { lane, first_slot } => self.trader_open(first(accounts)?, lane, first_slot),
            Call::TraderClose => self.trader_close(first(accounts)?),
            Call::ProposalCreate { number, action } => self.proposal_create(first(accounts)?, number, action),
            Call::ProposalApprove(hash) => self.proposal_approve(first(accounts)?, &hash),
            Call::ProposalRevoke => self.proposal_revoke(first(accounts)?),
            Call::ProposalExecute => self.proposal_execute(first(accounts)?),
            Call::ProposalClose => self.proposal_close(first(accounts)?),
            Call::TreasuryClaim => self.treasury_claim(first(accounts)?),
            Call::ClaimPay => self.claim_pay(first(accounts)?),
            Call::GridSweep => self.grid_sweep(first(accounts)?),
            Call::MeterRegister(spec) => self.meter_register(first(accounts)?, spec),
            Call::MeterReplace(spec) => self.meter_replace(first(accounts)?, spec),
            Call::MeterClose => self.meter_close(first(accounts)?),
            Call::DeviceClose => self.device_close(first(accounts)?),
            Call::PositionOpen(buyer) => self.position_open(first(accounts)?, &buyer),
            Call::PositionSetRefund(refund) => self.position_set_refund(first(accounts)?, refund),
            Call::PositionClose => self.position_close(first(accounts)?),
            Call::DeliveryReport { reading, proof } => self.delivery_report(first(accounts)?, &reading, proof, before),
            Call::DeliveryRelease => self.delivery_release(first(accounts)?),
            Call::DeliveryRefund => self.delivery_refund(first(accounts)?),
            Call::DeliveryClose => self.delivery_close(first(accounts)?),
            Call::CertificateTake(window_start) => self.certificate_take(first(accounts)?, window_start),
            Call::CertificateTransfer { energy_wh, to } => self.certificate_transfer(first(accounts)?, energy_wh, to),
            Call::CertificateRetire(beneficiary) => self.certificate_retire(first(accounts)?, &beneficiary),
            Call::BidCreate { nonce, energy_wh, max_price, refund, bump } => {
                self.bid_create(first(accounts)?, nonce, (energy_wh, max_price), refund, bump)
            }
            Call::BidCancel => self.bid_cancel(first(accounts)?),
            Call::BidSettle { close } => self.bid_settle(first(accounts)?, close),
            Call::AskSettle => {
                let (named, books) = split(accounts)?;
                self.ask_settle(named, books)
            }
            Call::ClearingOpen { low_price, high_price } => self.clearing_open(first(accounts)?, low_price, high_price),
            Call::ClearingTally => {
                let (named, orders) = split(accounts)?;
                self.clearing_tally(named, orders)
            }
            Call::ClearingApply => self.clearing_apply(first(accounts)?),
            Call::ClearingClose => self.clearing_close(first(accounts)?),
            Call::PoolReport => self.pool_report(first(accounts)?),
        }
    }
}
