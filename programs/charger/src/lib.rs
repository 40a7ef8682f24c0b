//! A charging point for electric cars: an example of a program that calls MultiBus.
//!
//! A *station* buys from one bus. A driver opens a *session* at it, with a price limit, an amount of energy, and tokens.
//! While the car charges, the station's operator buys energy for the session, from one offer or from several, or locks it first
//! and settles the lock or gives it up. For a window that an auction closes it bids. The session keeps the receipt of each
//! purchase, and its totals. The driver takes back the tokens that are left.
//!
//! What a caller of MultiBus can learn from it:
//!
//! - **Buyer.** The buyer is an address of this program, which signs by its seeds ([`state::Wallet`]). It has no data,
//!   because the system program takes the rent of a lane or a lock only from an account without data. Each session has a
//!   buyer of its own, so that refunds and claims of one driver never mix with those of another.
//! - **Wrong accounts.** The market's program is compiled in, and the session names the bus, the lane and the token account
//!   that it buys with. MultiBus checks the rest: that the offer is the bus's, and the vault the offer's.
//! - **Nonce.** The operator names the nonce of each purchase. If this program read it from the lane, a transaction that
//!   arrives twice would buy twice.
//! - **Fill.** After the call, the receipt is read from the lane ([`market::receipt`]).
//! - **Accounts that are passed on.** A batch names a bus among its accounts, and may name several. The charger puts the
//!   station's bus there itself and refuses others ([`market::validate_one_bus`]).
//! - **Bids.** The receipt of a bid says 0 Wh. Anyone settles it after the auction, and on purchase terms the bid's account
//!   closes in that call, so a program does not learn its fill. The session counts the whole bid against its limit.
//!
//! Every instruction of the market can be called, also those that walk over their input themselves (`trader_open`,
//! `bid_cancel`): each call has an input of its own. A call of the market calls the token program in turn, so the caller may
//! itself stand at most two calls below the transaction's instruction.
//!
//! Its errors begin at 7000, because an error of MultiBus (from 6000) reaches the client under the number that it has there.

pub mod error;
pub mod instructions;
pub mod market;
pub mod state;

use anchor_lang::prelude::*;
pub use instructions::*;

declare_id!("EGTLATpRC85tquSv3HarRU3PCvGz4EskyDQgt3qejSBj");

#[program]
pub mod charger {
    use super::*;

    /// Opens the station of an operator, which buys from one bus.
    #[discrim = 0]
    pub fn station_open(ctx: &mut Context<StationOpen>) -> Result<()> {
        station_open::handler(ctx)
    }

    /// Opens a driver's session: its buyer on the market, and the buyer's nonce lane. `max_price_per_kwh` is in token base
    /// units, `limit_wh` in Wh.
    #[discrim = 1]
    pub fn session_open(ctx: &mut Context<SessionOpen>, max_price_per_kwh: u64, limit_wh: u64) -> Result<()> {
        session_open::handler(ctx, max_price_per_kwh, limit_wh)
    }

    /// Buys energy for a session: up to `energy_wh`, and not less than `min_energy_wh`.
    #[discrim = 2]
    pub fn session_buy(ctx: &mut Context<SessionBuy>, nonce: u64, energy_wh: u64, min_energy_wh: u64) -> Result<()> {
        session_buy::handler(ctx, nonce, energy_wh, min_energy_wh)
    }

    /// Locks energy for a session, for 300 seconds.
    #[discrim = 3]
    pub fn session_lock(ctx: &mut Context<SessionLock>, energy_wh: u64) -> Result<()> {
        session_lock::handler(ctx, energy_wh)
    }

    /// Buys the energy that the session's lock holds.
    #[discrim = 4]
    pub fn session_settle(ctx: &mut Context<SessionSettle>, nonce: u64) -> Result<()> {
        session_settle::handler(ctx, nonce)
    }

    /// Gives tokens of a session back to its driver.
    #[discrim = 5]
    pub fn session_withdraw(ctx: &mut Context<SessionWithdraw>, amount: u64) -> Result<()> {
        session_withdraw::handler(ctx, amount)
    }

    /// Closes a session with its lane and its empty token account. All rent goes to the driver.
    #[discrim = 6]
    pub fn session_close(ctx: &mut Context<SessionClose>) -> Result<()> {
        session_close::handler(ctx)
    }

    /// Buys exact amounts of energy (`energy_wh`) from several offers of the station's bus, all or nothing, for at most
    /// `max_total` token base units.
    #[discrim = 7]
    pub fn session_buy_batch(
        ctx: &mut Context<SessionBuyBatch>,
        nonce: u64,
        max_total: u64,
        energy_wh: Vec<u64>,
    ) -> Result<()> {
        session_buy_batch::handler(ctx, nonce, max_total, &energy_wh)
    }

    /// Gives up the lock of a session. Its deposit comes back, less the bus's lock fee.
    #[discrim = 8]
    pub fn session_release(ctx: &mut Context<SessionRelease>) -> Result<()> {
        session_release::handler(ctx)
    }

    /// Bids for energy of a window in the auction that closes it. `bump` is that of the bid's address.
    #[discrim = 9]
    pub fn session_bid(ctx: &mut Context<SessionBid>, nonce: u64, energy_wh: u64, bump: u8) -> Result<()> {
        session_bid::handler(ctx, nonce, energy_wh, bump)
    }

    /// Cancels the session's last bid. Its deposit comes back.
    #[discrim = 10]
    pub fn session_bid_cancel(ctx: &mut Context<SessionBidCancel>) -> Result<()> {
        session_bid_cancel::handler(ctx)
    }
}
