//! `bid_cancel`: withdraws a bid before the last 300 s before the gate. The buyer gets the whole deposit back, to any token
//! account that it names.

use {
    super::walk::Walks,
    crate::{
        account::Apart,
        clock,
        error::{MultibusError, ensure},
        event::log_event,
        payment::{self, Payee},
        state::{Bid, Bus, Capacity},
        token::{BusAuthority, Settlement},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct BidCancel {
    /// The bid's buyer, who gets its rent back.
    #[account(mut, unsafe(dup), address = bid.buyer @ MultibusError::BidBuyerMismatch)]
    pub buyer: Signer,
    #[account(address = bid.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    #[account(mut, address = bid.capacity @ MultibusError::CapacityMismatch)]
    pub capacity: Apart<Capacity>,
    #[account(mut, close = buyer)]
    pub bid: Apart<Bid>,
    #[account(mut, unsafe(dup), address = bus.escrow @ MultibusError::EscrowMismatch)]
    pub escrow: UncheckedAccount,
    /// Token account that is paid. A wallet that is itself a token account can be the buyer and be paid.
    #[account(mut, unsafe(dup))]
    pub destination: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<impl Walks<BidCancel>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let (bus, bid, capacity) = (&accounts.bus, &mut accounts.bid, &mut accounts.capacity);
    bid.validate_cancel(capacity, clock::now()?)?;
    let settlement = Settlement { mint: &bus.mint, token_program: accounts.token_program.account() };
    let (escrow, destination) = (accounts.escrow.account(), accounts.destination.account());
    Payee { wallet: &bid.buyer, bus: bus.address(), settlement: &settlement }.validate(destination, true)?;
    ensure!(!payment::is_frozen(escrow, &settlement), PayerFrozen);
    let deposit = bid.deposit;
    bid.pay_back(capacity, deposit);
    capacity.open_bids -= 1;
    settlement.pay(escrow, destination, &BusAuthority::new(bus), deposit)?;
    log_event!(BidCancelled {
        bid: *bid.address(),
        capacity: *capacity.address(),
        buyer: bid.buyer,
        destination: *destination.address(),
        deposit,
    });
    Ok(())
}
