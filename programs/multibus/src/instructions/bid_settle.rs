//! `bid_settle`: takes a bid as far as it goes, and pays what is to be returned to the buyer. Anyone can do it.
//!
//! Once the price is proven, it fills the bid. Where the auction is over without a price, it returns the deposit; on a
//! closing bus also before the last 300 s before the gate, where no offer is open; and at any time before the gate where the
//! bus closes more than a day before it. On purchase terms, or where the bid got nothing, the account
//! closes. On delivery terms a bid that got energy waits until the pool is complete, and is then refunded for what was
//! not delivered. It closes once it can take no certificate any more: all were taken, its buyer gives up the rest
//! (`close`), or 30 days after the pool was complete.
//!
//! Where a bid closes and its refund account cannot be paid, the buyer gets a claim. Where it does not close yet, what is
//! owed waits in the escrow.

use {
    super::walk::Walks,
    crate::{
        account::{Apart, NamedAccount},
        clock,
        error::{MultibusError, ensure},
        event::log_event,
        payment::{self, Debt, Payment},
        state::{Bid, Bus, Capacity, RefundOutcome, Settler},
        token::{BusAuthority, Settlement, TokenAccount},
    },
    anchor_lang::{AccountClose, address_eq, prelude::*},
};

/// Any of these may be the same account, because the buyer chose the refund account. That is safe: the accounts of the
/// market are of different kinds, so none is loaded twice, and the others are read only where the token program owns
/// them.
#[derive(Accounts)]
pub struct BidSettle {
    /// Anyone. Where a claim is opened, pays its rent and gets it back at once out of the bid's rent, the rest of which
    /// moves to the claim.
    #[account(mut, unsafe(dup))]
    pub caller: Signer,
    #[account(address = bid.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    #[account(mut, unsafe(dup), address = bid.capacity @ MultibusError::CapacityMismatch)]
    pub capacity: Apart<Capacity>,
    #[account(mut, unsafe(dup))]
    pub bid: Apart<Bid>,
    /// The bid's buyer, who gets its rent back; may be the caller.
    #[account(mut, unsafe(dup), address = bid.buyer @ MultibusError::BidBuyerMismatch)]
    pub buyer: UncheckedAccount,
    #[account(mut, unsafe(dup), address = bus.escrow @ MultibusError::EscrowMismatch)]
    pub escrow: UncheckedAccount,
    /// The token account that the bid names; where its buyer is the caller, any account that can be paid, but the bus's own.
    #[account(mut, unsafe(dup))]
    pub refund: NamedAccount,
    /// The bus's account for what cannot be paid. This and the next two are looked at only where the refund account
    /// cannot be paid.
    #[account(mut, unsafe(dup))]
    pub unclaimed: UncheckedAccount,
    /// The bus's ledger, which counts claims.
    #[account(mut, unsafe(dup))]
    pub ledger: UncheckedAccount,
    /// The claim of the buyer.
    #[account(mut, unsafe(dup))]
    pub claim: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
    pub system_program: UncheckedAccount,
}

/// `close` counts only where the buyer itself is the caller.
pub fn handler(ctx: &mut Context<impl Walks<BidSettle>>, close: bool) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let (bus, bid, capacity) = (&accounts.bus, &mut accounts.bid, &mut accounts.capacity);
    let caller_is_buyer = address_eq(accounts.caller.address(), &bid.buyer);
    let settler =
        Settler { gives_up: close && caller_is_buyer, bus_is_closing: bus.closing == 1, is_far: capacity.is_far(bus) };
    let before = bid.state;
    // Only its buyer chooses another account than the one that the bid names, and then whose it is.
    let is_chosen = !address_eq(accounts.refund.address(), &bid.refund);
    ensure!(caller_is_buyer || !is_chosen, RefundMismatch);
    let settled = bid.settle(capacity, &settler, clock::now()?)?;
    let settlement = Settlement { mint: &bus.mint, token_program: accounts.token_program.account() };
    let (escrow, refund) = (accounts.escrow.account(), accounts.refund.account());
    let mut outcome = RefundOutcome::Paid;
    if settled.owed > 0 && settled.closes {
        let payment = Payment {
            bus,
            settlement,
            debt: Debt { wallet: &bid.buyer, amount: settled.owed, refund: Some(&bid.refund) },
            from: escrow,
            payer: accounts.caller.account(),
            rent_payer: &bid.buyer,
            claim: accounts.claim.account(),
            unclaimed: accounts.unclaimed.account(),
        };
        let paid = payment.pay_or_claim_once(refund, is_chosen, accounts.ledger.account())?;
        outcome = paid.outcome;
        ensure!(outcome != RefundOutcome::Unpaid, PayerFrozen);
        if paid.lent > 0 {
            // Out of the bid's rent the caller gets back what it lent. The rest moves to the claim, too: alone it can be
            // less than a wallet without lamports may receive. The buyer gets all of it when the claim is paid.
            let view = bid.account();
            payment::move_lamports(view, accounts.caller.account(), paid.lent.min(view.lamports()));
            payment::move_lamports(view, accounts.claim.account(), view.lamports());
        }
    } else if settled.owed > 0 {
        let is_payable = TokenAccount::read(refund, &settlement)
            .is_some_and(|account| payment::is_payee(&account, &bid.buyer, bus.address(), is_chosen));
        if is_payable && !payment::is_frozen(escrow, &settlement) {
            settlement.pay(escrow, refund, &BusAuthority::new(bus), settled.owed)?;
        } else {
            outcome = RefundOutcome::Unpaid;
            // Calling in vain changes nothing.
            ensure!(bid.state != before, PayeeUnpayable);
        }
    }
    let returned = if outcome == RefundOutcome::Unpaid { 0 } else { settled.owed };
    bid.pay_back(capacity, returned);
    log_event!(BidSettled {
        bid: *bid.address(),
        capacity: *capacity.address(),
        buyer: bid.buyer,
        settled_by: *accounts.caller.address(),
        transaction_hash: bid.transaction_hash,
        allotted_wh: bid.allotted_wh,
        paid: bid.paid,
        returned,
        delivered_wh: bid.delivered_wh,
        state: bid.state,
        outcome: outcome as u8,
        closed: settled.closes as u8,
        padding: [0; 5],
    });
    if settled.closes {
        capacity.open_bids -= 1;
        bid.close(*accounts.buyer.account())?;
    }
    Ok(())
}
