//! `seller_withdraw`: pays a seller all that was credited to it. The seller can have it paid to any token account,
//! anyone else only to the seller's associated one. What the bus sold itself goes to its treasury only. Works also
//! while the bus is paused or closing, and for suspended sellers.

use {
    crate::{
        account::Account,
        error::{MultibusError, ensure},
        event::log_event,
        payment::{self, Payee},
        state::{Bus, Seller},
        token::{BusAuthority, Settlement},
    },
    anchor_lang::{address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct SellerWithdraw {
    /// The seller, or anyone.
    pub caller: Signer,
    #[account(address = seller.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut)]
    pub seller: Account<Seller>,
    #[account(mut, unsafe(dup), address = seller.vault @ MultibusError::VaultMismatch)]
    pub vault: UncheckedAccount,
    /// Token account that is paid; the treasury for the bus's own seller account. A wallet that is itself a token account
    /// can be the caller and be paid.
    #[account(mut, unsafe(dup))]
    pub destination: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<SellerWithdraw>) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let (vault, destination) = (accounts.vault.account(), accounts.destination.account());
    let settlement = Settlement { mint: &accounts.bus.mint, token_program: accounts.token_program.account() };
    let (bus, wallet) = (accounts.bus.address(), accounts.seller.wallet);
    if address_eq(&wallet, bus) {
        ensure!(address_eq(destination.address(), &accounts.bus.treasury), WithdrawNotToTreasury);
        ensure!(!payment::is_frozen(destination, &settlement), PayeeUnpayable);
    } else {
        let caller_is_seller = address_eq(accounts.caller.address(), &wallet);
        Payee { wallet: &wallet, bus, settlement: &settlement }.validate(destination, caller_is_seller)?;
    }
    ensure!(!payment::is_frozen(vault, &settlement), PayerFrozen);
    let amount = accounts.seller.withdraw()?;
    settlement.pay(vault, destination, &BusAuthority::new(&accounts.bus), amount)?;
    log_event!(SellerWithdrawn {
        bus: *bus,
        seller: *accounts.seller.address(),
        destination: *destination.address(),
        withdrawn_by: *accounts.caller.address(),
        amount,
    });
    Ok(())
}
