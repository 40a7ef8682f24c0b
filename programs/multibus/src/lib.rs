//! MultiBus: a market for energy between neighbours.
//!
//! A *bus* is one energy network that several parties own together. Sellers put energy on *offer*, in watt-hours at a
//! price per kWh. Anyone buys any part of an offer, or parts of many in one atomic transaction, pays in the bus's SPL
//! token, and can hold part of an offer for 300 seconds with a *lock*. Every purchase spends the next nonce of one of
//! the buyer's lanes (*trader*) and has a unique transaction hash, so that it happens once. Where the bus pays sellers
//! on delivery, a *meter* says what was delivered: the seller is paid for that, and the buyers get the rest back.
//!
//! Where to find a rule: limits and seeds in [`constants`], refusals in [`error`], accounts and their transitions
//! in [`state`], who may do what in the `validate` of each instruction, the settlement token in [`token`].

pub mod account;
pub mod clock;
pub mod constants;
pub mod error;
pub mod event;
pub mod instructions;
pub mod math;
pub mod numbered;
pub mod payment;
pub mod state;
#[cfg(test)]
mod testing;
pub mod token;

use anchor_lang::prelude::*;
pub use instructions::*;
use state::{BusConfig, ProposalAction};

/// The program's address. The default is for local networks, and its private key is public; `MULTIBUS_PROGRAM_ID` sets
/// another one at compile time. The program and its clients must be compiled with the same address.
pub const PROGRAM_ID: &str = match option_env!("MULTIBUS_PROGRAM_ID") {
    Some(id) if !id.is_empty() => id,
    _ => "Busn1mpoGaFq9TojqLXGcBRspUnTJHrA7t798oc4i4xi",
};

declare_id!(PROGRAM_ID);

/// The instructions. Each delegates to its file under `instructions/`, which documents accounts, effect and refusals.
#[program]
pub mod multibus {
    use super::*;

    /// Opens the counter that numbers the wallet's buses. Its first number is `first_slot << 20`; a `first_slot` of 0
    /// means the present slot.
    #[discrim = 0]
    pub fn creator_open(ctx: &mut Context<apart::CreatorOpen>, first_slot: u64) -> Result<()> {
        creator_open::handler(ctx, first_slot)
    }

    /// Creates a bus with its ledger, its general capacity, its treasury and its account for what cannot be paid.
    #[discrim = 1]
    pub fn bus_create(ctx: &mut Context<apart::BusCreate>, bus_seq: u64, config: BusConfig) -> Result<()> {
        bus_create::handler(ctx, bus_seq, config)
    }

    /// Closes a bus on which nothing is open any more; leaves a tombstone that pays its claims.
    #[discrim = 2]
    pub fn bus_close(ctx: &mut Context<apart::BusClose>) -> Result<()> {
        bus_close::handler(ctx)
    }

    /// Opens the capacity of a delivery window; does nothing where it is open already.
    #[discrim = 3]
    pub fn capacity_open(ctx: &mut Context<apart::CapacityOpen>, window_start: i64) -> Result<()> {
        capacity_open::handler(ctx, window_start)
    }

    /// Closes the capacity of a window that is over, or that nobody used.
    #[discrim = 4]
    pub fn capacity_close(ctx: &mut Context<apart::CapacityClose>) -> Result<()> {
        capacity_close::handler(ctx)
    }

    /// Opens the seller account of a wallet, or of the bus itself. Its first offer has the number `first_slot << 20`; a
    /// `first_slot` of 0 means the present slot.
    #[discrim = 5]
    pub fn seller_open(ctx: &mut Context<apart::SellerOpen>, wallet: Address, first_slot: u64) -> Result<()> {
        seller_open::handler(ctx, wallet, first_slot)
    }

    /// The operator admits a seller, and opens its account where it has none.
    #[discrim = 6]
    pub fn seller_admit(ctx: &mut Context<apart::SellerAdmit>, wallet: Address) -> Result<()> {
        seller_admit::handler(ctx, wallet)
    }

    /// The operator suspends a seller.
    #[discrim = 7]
    pub fn seller_suspend(ctx: &mut Context<apart::SellerSuspend>) -> Result<()> {
        seller_suspend::handler(ctx)
    }

    /// Pays a seller what is released to it.
    #[discrim = 8]
    pub fn seller_withdraw(ctx: &mut Context<SellerWithdraw>) -> Result<()> {
        seller_withdraw::handler(ctx)
    }

    /// Closes a seller account with its vault.
    #[discrim = 9]
    pub fn seller_close(ctx: &mut Context<apart::SellerClose>) -> Result<()> {
        seller_close::handler(ctx)
    }

    /// Puts energy on offer. `source` is one of [`EnergySource`](state::EnergySource).
    #[discrim = 10]
    pub fn offer_create(
        ctx: &mut Context<OfferCreate>,
        number: u64,
        energy_wh: u64,
        price_per_kwh: u64,
        expires_at: i64,
        source: u8,
    ) -> Result<()> {
        offer_create::handler(ctx, number, energy_wh, price_per_kwh, expires_at, source)
    }

    /// Sets a new price of an offer, in token base units per kWh.
    #[discrim = 11]
    pub fn offer_reprice(ctx: &mut Context<OfferReprice>, price_per_kwh: u64, expected_version: u32) -> Result<()> {
        offer_reprice::handler(ctx, price_per_kwh, expected_version)
    }

    /// Sets an earlier or a later expiry of an offer, in unix seconds.
    #[discrim = 12]
    pub fn offer_set_expiry(
        ctx: &mut Context<apart::OfferSetExpiry>,
        expires_at: i64,
        expected_version: u32,
    ) -> Result<()> {
        offer_set_expiry::handler(ctx, expires_at, expected_version)
    }

    /// Credits what was paid for an offer to its seller, who can then withdraw it.
    #[discrim = 13]
    pub fn offer_collect(ctx: &mut Context<OfferCollect>) -> Result<()> {
        offer_collect::handler(ctx)
    }

    /// Withdraws the energy of an offer that is neither sold nor locked; closes the offer where no lock is left.
    #[discrim = 14]
    pub fn offer_cancel(ctx: &mut Context<apart::OfferCancel>) -> Result<()> {
        offer_cancel::handler(ctx)
    }

    /// Buys part of an offer.
    #[discrim = 15]
    pub fn purchase(
        ctx: &mut Context<Purchase>,
        nonce: u64,
        energy_wh: u64,
        min_energy_wh: u64,
        max_price_per_kwh: u64,
        expected_version: u32,
    ) -> Result<()> {
        purchase::handler(ctx, nonce, energy_wh, min_energy_wh, max_price_per_kwh, expected_version)
    }

    /// Buys parts of several offers, all or nothing.
    #[discrim = 16]
    pub fn purchase_batch(
        ctx: &mut Context<PurchaseBatch>,
        nonce: u64,
        max_total: u64,
        items: Vec<PurchaseItem>,
    ) -> Result<()> {
        purchase_batch::handler(ctx, nonce, max_total, items)
    }

    /// Holds part of an offer for 300 seconds against a deposit of the full cost. Where the lock is not settled, the
    /// deposit less the lock fee goes back to the token account `refund`. `place` is 0 to 7.
    #[discrim = 17]
    pub fn lock_take(
        ctx: &mut Context<LockTake>,
        place: u8,
        energy_wh: u64,
        max_price_per_kwh: u64,
        expected_version: u32,
        refund: Address,
    ) -> Result<()> {
        lock_take::handler(ctx, place, energy_wh, max_price_per_kwh, expected_version, refund)
    }

    /// Buys what a lock holds. `lock_number` is the lock's number on its offer, so that the signature fits no other
    /// lock.
    #[discrim = 18]
    pub fn lock_settle(ctx: &mut Context<LockSettle>, nonce: u64, lock_number: u32) -> Result<()> {
        lock_settle::handler(ctx, nonce, lock_number)
    }

    /// Gives up a lock, or pays the refund of one that was given up. `lock_number` is the lock's number on its offer.
    #[discrim = 19]
    pub fn lock_release(ctx: &mut Context<LockRelease>, lock_number: u32) -> Result<()> {
        lock_release::handler(ctx, lock_number)
    }

    /// Opens a nonce lane of the wallet. Its first nonce is `first_slot << 20`; a `first_slot` of 0 means the present
    /// slot.
    #[discrim = 20]
    pub fn trader_open(ctx: &mut Context<apart::TraderOpen>, lane: u16, first_slot: u64) -> Result<()> {
        trader_open::handler(ctx, lane, first_slot)
    }

    /// Closes a nonce lane of the wallet.
    #[discrim = 21]
    pub fn trader_close(ctx: &mut Context<apart::TraderClose>) -> Result<()> {
        trader_close::handler(ctx)
    }

    /// Proposes a change of a bus, which counts as the proposer's approval.
    #[discrim = 22]
    pub fn proposal_create(
        ctx: &mut Context<apart::ProposalCreate>,
        number: u64,
        action: ProposalAction,
    ) -> Result<()> {
        proposal_create::handler(ctx, number, action)
    }

    /// Approves the proposal whose hash is given.
    #[discrim = 23]
    pub fn proposal_approve(ctx: &mut Context<apart::ProposalApprove>, hash: [u8; 32]) -> Result<()> {
        proposal_approve::handler(ctx, hash)
    }

    /// Takes an approval back.
    #[discrim = 24]
    pub fn proposal_revoke(ctx: &mut Context<apart::ProposalRevoke>) -> Result<()> {
        proposal_revoke::handler(ctx)
    }

    /// Executes a proposal.
    #[discrim = 25]
    pub fn proposal_execute(ctx: &mut Context<apart::ProposalExecute>) -> Result<()> {
        proposal_execute::handler(ctx)
    }

    /// Closes a proposal that is executed, stale, expired or approved by nobody.
    #[discrim = 26]
    pub fn proposal_close(ctx: &mut Context<apart::ProposalClose>) -> Result<()> {
        proposal_close::handler(ctx)
    }

    /// Pays an owner its exact share of the treasury.
    #[discrim = 27]
    pub fn treasury_claim(ctx: &mut Context<apart::TreasuryClaim>) -> Result<()> {
        treasury_claim::handler(ctx)
    }

    /// Pays a wallet what could not be paid to it before, also on a closed bus.
    #[discrim = 28]
    pub fn claim_pay(ctx: &mut Context<apart::ClaimPay>) -> Result<()> {
        claim_pay::handler(ctx)
    }

    /// Pays grid fees out of a seller's vault to their recipient.
    #[discrim = 29]
    pub fn grid_sweep(ctx: &mut Context<apart::GridSweep>) -> Result<()> {
        grid_sweep::handler(ctx)
    }

    /// The operator registers a device as the meter of a seller. `power_w` is the most that it can deliver, in W.
    /// `valid_from` is the start of the first window that it can measure, 0 for any.
    #[discrim = 30]
    pub fn meter_register(
        ctx: &mut Context<apart::MeterRegister>,
        source: u8,
        power_w: u64,
        valid_from: i64,
    ) -> Result<()> {
        meter_register::handler(ctx, source, power_w, valid_from)
    }

    /// The operator replaces the device of a meter, for windows in which the seller has not listed yet.
    #[discrim = 31]
    pub fn meter_replace(
        ctx: &mut Context<apart::MeterReplace>,
        source: u8,
        power_w: u64,
        valid_from: i64,
    ) -> Result<()> {
        meter_replace::handler(ctx, source, power_w, valid_from)
    }

    /// Closes the meter of a seller and retires its device.
    #[discrim = 32]
    pub fn meter_close(ctx: &mut Context<apart::MeterClose>) -> Result<()> {
        meter_close::handler(ctx)
    }

    /// Closes the account of a retired device whose last window has ended.
    #[discrim = 33]
    pub fn device_close(ctx: &mut Context<apart::DeviceClose>) -> Result<()> {
        device_close::handler(ctx)
    }

    /// Opens the position book of a buyer on a delivery book.
    #[discrim = 34]
    pub fn position_open(ctx: &mut Context<PositionOpen>, buyer: Address) -> Result<()> {
        position_open::handler(ctx, buyer)
    }

    /// Names another account that refunds of a position book go to.
    #[discrim = 35]
    pub fn position_set_refund(ctx: &mut Context<apart::PositionSetRefund>, refund: Address) -> Result<()> {
        position_set_refund::handler(ctx, refund)
    }

    /// Closes a position book, and pays what it is still owed.
    #[discrim = 36]
    pub fn position_close(ctx: &mut Context<apart::PositionClose>) -> Result<()> {
        position_close::handler(ctx)
    }

    /// Reports how much energy was delivered in a window. The `sequence` of a device's reading is above that of its
    /// last reading of the window; the operator's readings have 1, 2 and 3. `proof` is one of
    /// [`ReadingProof`](state::ReadingProof).
    #[discrim = 37]
    pub fn delivery_report(
        ctx: &mut Context<DeliveryReport>,
        window_start: i64,
        energy_wh: u64,
        sequence: u64,
        proof: u8,
    ) -> Result<()> {
        delivery_report::handler(ctx, window_start, energy_wh, sequence, proof)
    }

    /// Credits to a seller what buyers paid for the energy that it delivered in the final windows of a delivery book.
    #[discrim = 38]
    pub fn delivery_release(ctx: &mut Context<DeliveryRelease>) -> Result<()> {
        delivery_release::handler(ctx)
    }

    /// Pays a buyer back what was not delivered in the final windows of a position book.
    #[discrim = 39]
    pub fn delivery_refund(ctx: &mut Context<apart::DeliveryRefund>) -> Result<()> {
        delivery_refund::handler(ctx)
    }

    /// Closes a delivery book with nothing open in it, and releases what it still holds.
    #[discrim = 40]
    pub fn delivery_close(ctx: &mut Context<apart::DeliveryClose>) -> Result<()> {
        delivery_close::handler(ctx)
    }

    /// Takes the certificate of the energy that was delivered to a buyer in a window, or that a seller delivered and
    /// did not sell.
    #[discrim = 41]
    pub fn certificate_take(ctx: &mut Context<apart::CertificateTake>, window_start: i64) -> Result<()> {
        certificate_take::handler(ctx, window_start)
    }

    /// Gives a certificate, or a part of it, to another owner.
    #[discrim = 42]
    pub fn certificate_transfer(
        ctx: &mut Context<apart::CertificateTransfer>,
        energy_wh: u64,
        to: Address,
    ) -> Result<()> {
        certificate_transfer::handler(ctx, energy_wh, to)
    }

    /// Uses a certificate up in the name of a beneficiary, for good.
    #[discrim = 43]
    pub fn certificate_retire(ctx: &mut Context<apart::CertificateRetire>, beneficiary: String) -> Result<()> {
        certificate_retire::handler(ctx, beneficiary)
    }

    /// Bids for energy of a window in the auction that closes it. What is returned goes to the token account `refund`.
    /// `bump` is that of the bid's address.
    #[discrim = 44]
    pub fn bid_create(
        ctx: &mut Context<BidCreate>,
        nonce: u64,
        energy_wh: u64,
        max_price_per_kwh: u64,
        refund: Address,
        bump: u8,
    ) -> Result<()> {
        bid_create::handler(ctx, nonce, energy_wh, max_price_per_kwh, refund, bump)
    }

    /// Withdraws a bid before the last 300 s before the gate.
    #[discrim = 45]
    pub fn bid_cancel(ctx: &mut Context<apart::BidCancel>) -> Result<()> {
        bid_cancel::handler(ctx)
    }

    /// Fills or returns a bid, refunds it once the pool is complete, and closes it. With `close`, its buyer also gives
    /// up the certificates that it did not take.
    #[discrim = 46]
    pub fn bid_settle(ctx: &mut Context<apart::BidSettle>, close: bool) -> Result<()> {
        bid_settle::handler(ctx, close)
    }

    /// Sells what the auction sells of an offer.
    #[discrim = 47]
    pub fn ask_settle(ctx: &mut Context<apart::AskSettle>) -> Result<()> {
        ask_settle::handler(ctx)
    }

    /// Begins a proof of the price of an auction, which is the middle of these two.
    #[discrim = 48]
    pub fn clearing_open(ctx: &mut Context<apart::ClearingOpen>, low_price: u64, high_price: u64) -> Result<()> {
        clearing_open::handler(ctx, low_price, high_price)
    }

    /// Adds bids and offers to a clearing.
    #[discrim = 49]
    pub fn clearing_tally(ctx: &mut Context<ClearingTally>) -> Result<()> {
        clearing_tally::handler(ctx)
    }

    /// Takes the price of a complete clearing over.
    #[discrim = 50]
    pub fn clearing_apply(ctx: &mut Context<apart::ClearingApply>) -> Result<()> {
        clearing_apply::handler(ctx)
    }

    /// Closes a clearing.
    #[discrim = 51]
    pub fn clearing_close(ctx: &mut Context<apart::ClearingClose>) -> Result<()> {
        clearing_close::handler(ctx)
    }

    /// Counts what a seller delivered of the energy that an auction sold, and pays it.
    #[discrim = 52]
    pub fn pool_report(ctx: &mut Context<apart::PoolReport>) -> Result<()> {
        pool_report::handler(ctx)
    }
}
