//! MultiBus: a market for energy between neighbours.
//!
//! A *bus* is one energy network that several parties own together. Owners put energy on *offer*, in watt-hours at a
//! price per kWh; anyone buys any part of an offer, or parts of many in one atomic transaction, pays in the bus's
//! SPL token, and can hold an offer for 300 seconds with a *lock*. A nonce lane per wallet (*trader*) and unique
//! transaction hashes make every purchase happen once.
//!
//! Where to find a rule: limits and seeds in [`constants`], refusals in [`error`], accounts and their transitions
//! in [`state`], who may do what in the `validate` of each instruction, the settlement token in [`token`].

pub mod clock;
pub mod constants;
pub mod error;
pub mod event;
pub mod instructions;
pub mod math;
pub mod numbered;
pub mod state;
pub mod token;

use anchor_lang::prelude::*;
pub use instructions::*;
use state::{BusConfig, ProposalAction};

/// The program's address. By default that of local networks, whose key is public; `MULTIBUS_PROGRAM_ID` sets another one at
/// compile time. The program and its clients must be compiled with the same address.
pub const PROGRAM_ID: &str = match option_env!("MULTIBUS_PROGRAM_ID") {
    Some(id) if !id.is_empty() => id,
    _ => "Busn1mpoGaFq9TojqLXGcBRspUnTJHrA7t798oc4i4xi",
};

declare_id!(PROGRAM_ID);

/// The instructions. Each delegates to its file under `instructions/`, which documents accounts, effect and refusals.
#[program]
pub mod multibus {
    use super::*;

    /// Creates a bus, its general capacity, its escrow and its treasury.
    #[discrim = 0]
    pub fn bus_create(ctx: &mut Context<BusCreate>, bus_seq: u64, config: BusConfig) -> Result<()> {
        bus_create::handler(ctx, bus_seq, config)
    }

    /// Opens the capacity of a delivery window; does nothing where it is open.
    #[discrim = 2]
    pub fn capacity_open(ctx: &mut Context<CapacityOpen>, window_start: i64) -> Result<()> {
        capacity_open::handler(ctx, window_start)
    }

    /// Closes the capacity of a window that is over.
    #[discrim = 3]
    pub fn capacity_close(ctx: &mut Context<CapacityClose>) -> Result<()> {
        capacity_close::handler(ctx)
    }

    /// Puts energy on offer.
    #[discrim = 4]
    pub fn offer_create(
        ctx: &mut Context<OfferCreate>,
        offer_seq: u64,
        energy_wh: u64,
        price_per_kwh: u64,
        expires_at: i64,
        source: u8,
    ) -> Result<()> {
        offer_create::handler(ctx, offer_seq, energy_wh, price_per_kwh, expires_at, source)
    }

    /// Sets a new price.
    #[discrim = 5]
    pub fn offer_reprice(ctx: &mut Context<OfferReprice>, price_per_kwh: u64) -> Result<()> {
        offer_reprice::handler(ctx, price_per_kwh)
    }

    /// Sets a later expiry.
    #[discrim = 6]
    pub fn offer_extend(ctx: &mut Context<OfferExtend>, expires_at: i64) -> Result<()> {
        offer_extend::handler(ctx, expires_at)
    }

    /// Withdraws what is free; closes the offer where nothing is locked.
    #[discrim = 7]
    pub fn offer_cancel(ctx: &mut Context<OfferCancel>) -> Result<()> {
        offer_cancel::handler(ctx)
    }

    /// Buys part of an offer.
    #[discrim = 8]
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
    #[discrim = 9]
    pub fn purchase_batch(
        ctx: &mut Context<PurchaseBatch>,
        nonce: u64,
        max_total: u64,
        items: Vec<PurchaseItem>,
    ) -> Result<()> {
        purchase_batch::handler(ctx, nonce, max_total, items)
    }

    /// Holds part of an offer for 300 seconds against a deposit of the full cost.
    #[discrim = 10]
    pub fn lock_take(
        ctx: &mut Context<LockTake>,
        energy_wh: u64,
        max_price_per_kwh: u64,
        expected_version: u32,
    ) -> Result<()> {
        lock_take::handler(ctx, energy_wh, max_price_per_kwh, expected_version)
    }

    /// Buys what a lock holds.
    #[discrim = 11]
    pub fn lock_settle(ctx: &mut Context<LockSettle>, nonce: u64) -> Result<()> {
        lock_settle::handler(ctx, nonce)
    }

    /// Gives up a lock.
    #[discrim = 12]
    pub fn lock_release(ctx: &mut Context<LockRelease>) -> Result<()> {
        lock_release::handler(ctx)
    }

    /// Opens a nonce lane of the wallet. Its first nonce is `first_slot << 20`; 0 is the present slot.
    #[discrim = 13]
    pub fn trader_open(ctx: &mut Context<TraderOpen>, lane: u16, first_slot: u64) -> Result<()> {
        trader_open::handler(ctx, lane, first_slot)
    }

    /// Closes a nonce lane of the wallet.
    #[discrim = 14]
    pub fn trader_close(ctx: &mut Context<TraderClose>) -> Result<()> {
        trader_close::handler(ctx)
    }

    /// Puts energy of the bus itself on offer; sales are paid into the treasury.
    #[discrim = 15]
    pub fn offer_create_for_bus(
        ctx: &mut Context<OfferCreateForBus>,
        offer_seq: u64,
        energy_wh: u64,
        price_per_kwh: u64,
        expires_at: i64,
        source: u8,
    ) -> Result<()> {
        offer_create_for_bus::handler(ctx, offer_seq, energy_wh, price_per_kwh, expires_at, source)
    }

    /// Proposes a change of a bus; the proposer approves by proposing.
    #[discrim = 16]
    pub fn proposal_create(ctx: &mut Context<ProposalCreate>, action: ProposalAction) -> Result<()> {
        proposal_create::handler(ctx, action)
    }

    /// Approves a proposal.
    #[discrim = 17]
    pub fn proposal_approve(ctx: &mut Context<ProposalApprove>) -> Result<()> {
        proposal_approve::handler(ctx)
    }

    /// Takes an approval back.
    #[discrim = 18]
    pub fn proposal_revoke(ctx: &mut Context<ProposalRevoke>) -> Result<()> {
        proposal_revoke::handler(ctx)
    }

    /// Carries a proposal out.
    #[discrim = 19]
    pub fn proposal_execute(ctx: &mut Context<ProposalExecute>) -> Result<()> {
        proposal_execute::handler(ctx)
    }

    /// Closes a proposal that is executed, stale or approved by nobody.
    #[discrim = 20]
    pub fn proposal_close(ctx: &mut Context<ProposalClose>) -> Result<()> {
        proposal_close::handler(ctx)
    }

    /// Pays an owner its exact share of the treasury.
    #[discrim = 21]
    pub fn treasury_claim(ctx: &mut Context<TreasuryClaim>) -> Result<()> {
        treasury_claim::handler(ctx)
    }
}
