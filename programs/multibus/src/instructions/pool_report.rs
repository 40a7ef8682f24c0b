//! `pool_report`: counts what a seller delivered of the energy that the auction of a window sold, once the window is final,
//! and pays it to the seller's vault. Anyone can do it, once for each seller and window. When all sellers are counted, bids
//! are refunded for the rest. Where the vault is frozen, the seller is counted all the same; what it is due waits in the
//! escrow, and the same call pays it later.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        clock,
        error::{MultibusError, ensure},
        event::log_event,
        payment,
        state::{Bus, Capacity, DeliveryBook, PoolPart, Seller},
        token::{BusAuthority, Settlement},
    },
    anchor_lang::{address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct PoolReport {
    #[account(address = book.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    /// The window's capacity. It may be closed where only what waited in the escrow is paid.
    #[account(mut)]
    pub capacity: UncheckedAccount,
    #[account(mut, address = book.seller @ MultibusError::SellerMismatch)]
    pub seller: Apart<Seller>,
    #[account(mut)]
    pub book: Account<DeliveryBook>,
    #[account(mut, address = book.vault @ MultibusError::VaultMismatch)]
    pub vault: UncheckedAccount,
    #[account(mut, address = bus.escrow @ MultibusError::EscrowMismatch)]
    pub escrow: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
}

impl PoolReport {
    /// Counts the seller's part of the window; nothing where it is counted already, or the window closed.
    fn count(&mut self, now: i64) -> Result<(PoolPart, i64)> {
        let view = self.capacity.account();
        if !view.owned_by(&crate::ID) {
            return Ok((PoolPart::default(), 0));
        }
        // SAFETY: no other account of this instruction is a capacity.
        let mut capacity = unsafe { Account::<Capacity>::load_mut(*view)? };
        ensure!(address_eq(&capacity.bus, &self.book.bus), CapacityMismatch);
        let place = self.book.place(capacity.window_start)?;
        if !self.book.windows[place].owes_pool() {
            return Ok((PoolPart::default(), 0));
        }
        ensure!(self.book.is_final(place, now), WindowNotFinal);
        let part = self.book.report_to_pool(place, capacity.auction_full_price());
        capacity.pool(part.auction_wh, part.delivered_wh, part.due, now);
        Ok((part, capacity.window_start))
    }
}

pub fn handler(ctx: &mut Context<impl Walks<PoolReport>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let (part, window_start) = accounts.count(clock::now()?)?;
    ensure!(part.auction_wh > 0 || accounts.book.pool_due > 0, NothingToReport);
    let settlement = Settlement { mint: &accounts.bus.mint, token_program: accounts.token_program.account() };
    let (escrow, vault) = (accounts.escrow.account(), accounts.vault.account());
    let is_payable = !payment::is_frozen(escrow, &settlement) && !payment::is_frozen(vault, &settlement);
    ensure!(is_payable || part.auction_wh > 0, PayerFrozen);
    let (mut paid, mut grid_fee) = (0, 0);
    if is_payable && accounts.book.pool_due > 0 {
        (paid, grid_fee) = accounts.book.take_pool_due();
        settlement.pay(escrow, vault, &BusAuthority::new(&accounts.bus), paid)?;
        accounts.seller.release(paid - grid_fee);
        accounts.seller.owe_grid_fees(grid_fee);
    }
    log_event!(PoolReported {
        bus: *accounts.bus.address(),
        capacity: *accounts.capacity.address(),
        book: *accounts.book.address(),
        seller: *accounts.seller.address(),
        window_start,
        auction_wh: part.auction_wh,
        delivered_wh: part.delivered_wh,
        due: part.due,
        due_grid_fee: part.grid_fee,
        paid,
        grid_fee,
    });
    Ok(())
}
