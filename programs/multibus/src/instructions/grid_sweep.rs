//! `grid_sweep`: pays the grid fees that a seller's vault holds to whoever is their recipient now. The recipient can
//! have them paid to any token account, anyone else only to the recipient's associated one; where that cannot be paid,
//! they become a claim of the recipient. Without a recipient they go to the treasury. While that is frozen, they go to
//! the unclaimed account, where the ledger counts them as revenue all the same.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        error::{MultibusError, ensure},
        event::log_event,
        payment::{self, Debt, Payee, Payment},
        state::{Bus, Ledger, RefundOutcome, Seller},
        token::{self, BusAuthority, Settlement},
    },
    anchor_lang::{address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct GridSweep {
    /// The recipient, or anyone. Where a claim is opened, pays its rent and gets it back once the claim is paid.
    #[account(mut, unsafe(dup))]
    pub caller: Signer,
    #[account(address = seller.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    /// The bus's ledger, which counts claims and revenue. It is looked at only where recipient or treasury cannot be
    /// paid, and `claim` only where the recipient cannot.
    #[account(mut, unsafe(dup))]
    pub ledger: UncheckedAccount,
    #[account(mut)]
    pub seller: Apart<Seller>,
    #[account(mut, unsafe(dup), address = seller.vault @ MultibusError::VaultMismatch)]
    pub vault: UncheckedAccount,
    /// Token account that is paid; the treasury where the fees have no recipient.
    #[account(mut, unsafe(dup))]
    pub destination: UncheckedAccount,
    /// The bus's account for what cannot be paid.
    #[account(mut, unsafe(dup), address = bus.unclaimed @ MultibusError::UnclaimedMismatch)]
    pub unclaimed: UncheckedAccount,
    /// The claim of the recipient.
    #[account(mut, unsafe(dup))]
    pub claim: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<impl Walks<GridSweep>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let bus = &accounts.bus;
    let (vault, mut destination) = (accounts.vault.account(), accounts.destination.account());
    let settlement = Settlement { mint: &bus.mint, token_program: accounts.token_program.account() };
    let recipient = bus.grid_recipient;
    let amount = accounts.seller.sweep_grid_fees()?;
    ensure!(!payment::is_frozen(vault, &settlement), PayerFrozen);
    let outcome = if recipient.to_bytes() == [0; 32] {
        ensure!(address_eq(destination.address(), &bus.treasury), SweepNotToTreasury);
        if payment::is_frozen(destination, &settlement) {
            destination = accounts.unclaimed.account();
            ensure!(!payment::is_frozen(destination, &settlement), PayeeUnpayable);
            // SAFETY: the ledger is loaded nowhere else where there is no recipient.
            let mut ledger = unsafe { Account::<Ledger>::load_mut(*accounts.ledger.account())? };
            ensure!(address_eq(&ledger.bus, bus.address()), LedgerMismatch);
            // Cannot overflow: a mint's supply fits 64 bits.
            ledger.diverted += amount;
        }
        settlement.pay(vault, destination, &BusAuthority::new(bus), amount)?;
        RefundOutcome::Paid
    } else if address_eq(accounts.caller.address(), &recipient) {
        Payee { wallet: &recipient, bus: bus.address(), settlement: &settlement }.validate(destination, true)?;
        settlement.pay(vault, destination, &BusAuthority::new(bus), amount)?;
        RefundOutcome::Paid
    } else {
        ensure!(token::is_associated(destination.address(), &recipient, &settlement), PayeeMismatch);
        let payment = Payment {
            bus,
            settlement,
            debt: Debt { wallet: &recipient, amount, refund: None },
            from: vault,
            payer: accounts.caller.account(),
            rent_payer: accounts.caller.address(),
            claim: accounts.claim.account(),
            unclaimed: accounts.unclaimed.account(),
        };
        payment.pay_or_claim_once(destination, false, accounts.ledger.account())?.outcome
    };
    ensure!(outcome != RefundOutcome::Unpaid, PayerFrozen);
    log_event!(GridFeesSwept {
        bus: *bus.address(),
        seller: *accounts.seller.address(),
        recipient,
        destination: *destination.address(),
        swept_by: *accounts.caller.address(),
        amount,
        outcome: outcome as u8,
        padding: [0; 7],
    });
    Ok(())
}
