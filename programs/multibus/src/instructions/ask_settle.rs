//! `ask_settle`: sells what the auction sells of an offer. On purchase terms the seller is paid out of the escrow: it is
//! part of the offer's proceeds. On delivery terms the energy is entered in the seller's delivery book, and what bids
//! paid stays in escrow until it is known what was delivered. Anyone can do it. Afterwards the offer can be cancelled.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        constants::{BOOK_WINDOWS, WH_PER_KWH},
        error::{MultibusError, ensure, refuse},
        event::log_event,
        math, payment,
        state::{Bus, Capacity, DeliveryBook, Offer},
        token::{BusAuthority, Settlement},
    },
    anchor_lang::{ErrorCode, TryAccounts, address_eq, prelude::*},
};

/// On delivery terms followed by the delivery book that the offer names, writable.
#[derive(Accounts)]
pub struct AskSettle {
    #[account(address = offer.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    #[account(mut, address = offer.capacity @ MultibusError::CapacityMismatch)]
    pub capacity: Apart<Capacity>,
    #[account(mut)]
    pub offer: Apart<Offer>,
    /// The seller's vault, which is paid on purchase terms.
    #[account(mut, address = offer.vault @ MultibusError::VaultMismatch)]
    pub vault: UncheckedAccount,
    #[account(mut, address = bus.escrow @ MultibusError::EscrowMismatch)]
    pub escrow: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<impl Walks<AskSettle>>) -> Result<()> {
    let all = ctx.remaining_accounts()?;
    let books = &all[<AskSettle as TryAccounts>::HEADER_SIZE..];
    let accounts = &mut *ctx.accounts;
    let (bus, capacity, offer) = (&accounts.bus, &mut accounts.capacity, &mut accounts.offer);
    let energy_wh = capacity.settle_ask(offer)?;
    let mut credited = 0;
    if offer.is_on_delivery() {
        let [book, ..] = books else { refuse!(BooksMissing) };
        load_book(book, offer)?.settle_offer(offer.book_place as usize % BOOK_WINDOWS, energy_wh);
    } else if energy_wh > 0 {
        // Not more than what bids pay for it, so it fits.
        credited = math::mul_div_floor(energy_wh, capacity.auction_full_price(), WH_PER_KWH).unwrap_or(0);
        let settlement = Settlement { mint: &bus.mint, token_program: accounts.token_program.account() };
        let (escrow, vault) = (accounts.escrow.account(), accounts.vault.account());
        ensure!(!payment::is_frozen(escrow, &settlement), PayerFrozen);
        ensure!(!payment::is_frozen(vault, &settlement), PayeeUnpayable);
        settlement.pay(escrow, vault, &BusAuthority::new(bus), credited)?;
        capacity.escrowed -= credited;
    }
    offer.sell_in_auction(energy_wh, credited)?;
    log_event!(AskSettled {
        offer: *offer.address(),
        capacity: *capacity.address(),
        seller: offer.seller,
        energy_wh,
        credited,
    });
    Ok(())
}

/// Loads the delivery book that an offer names.
#[inline(never)]
pub(super) fn load_book(view: &AccountView, offer: &Offer) -> Result<Account<DeliveryBook>> {
    ensure!(address_eq(view.address(), &offer.book), BookMismatch);
    if !view.is_writable() {
        return Err(ErrorCode::ConstraintMut.into());
    }
    // SAFETY: the program recorded this address when it opened the book, which does not close before the offer. No other
    // account of the callers is a delivery book.
    Ok(unsafe { Account::<DeliveryBook>::reload(*view) })
}
