//! `lock_release`: the energy is free again; the deposit goes back to the buyer less the bus's lock fee, which the
//! seller gets. The buyer may at any time, anyone after the expiry second. Works while the bus is paused, then
//! without a fee.

use {
    crate::{
        clock,
        error::{MultibusError, ensure, refuse},
        event::log_event,
        state::{Bus, Lock, Offer},
        token::{self, Payout, Settlement},
    },
    anchor_lang::{address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct LockRelease {
    /// The lock's buyer, or anyone after its expiry.
    pub caller: Signer,
    /// The lock's buyer, who gets its rent back; may be the caller.
    #[account(mut, unsafe(dup), address = lock.buyer @ MultibusError::LockBuyerMismatch)]
    pub buyer: UncheckedAccount,
    #[account(address = offer.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut, address = lock.offer @ MultibusError::LockOfferMismatch)]
    pub offer: Account<Offer>,
    #[account(mut, close = buyer)]
    pub lock: Account<Lock>,
    /// The bus's escrow, which pays back.
    #[account(mut, address = bus.escrow @ MultibusError::EscrowMismatch)]
    pub escrow: UncheckedAccount,
    /// A token account of the settlement mint that belongs to the buyer.
    #[account(mut)]
    pub refund: UncheckedAccount,
    /// The offer's payout account, which gets the fee; where it cannot take it, there is none.
    #[account(mut, address = offer.payout @ MultibusError::PayoutMismatch)]
    pub payout: UncheckedAccount,
    #[account(address = bus.mint @ MultibusError::MintMismatch)]
    pub mint: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
}

impl LockRelease {
    fn validate(&self) -> Result<()> {
        let caller_is_buyer = address_eq(self.caller.address(), &self.lock.buyer);
        self.lock.validate_release(caller_is_buyer, clock::now()?)?;
        match token::read_token_account(self.refund.account(), &self.bus) {
            None => refuse!(TokenAccountInvalid),
            Some(account) => {
                ensure!(address_eq(&account.owner, &self.lock.buyer), RefundNotBuyers);
                Ok(())
            }
        }
    }
}

pub fn handler(ctx: &mut Context<LockRelease>) -> Result<()> {
    let accounts = &mut ctx.accounts;
    accounts.validate()?;
    let payout_is_payable =
        token::read_token_account(accounts.payout.account(), &accounts.bus).is_some_and(|account| account.is_payable);
    let split = accounts.lock.divide_deposit(&accounts.bus, payout_is_payable);
    accounts.offer.release(accounts.lock.energy_wh);

    let payouts = [
        Payout { account: *accounts.refund.account(), amount: split.refund },
        Payout { account: *accounts.payout.account(), amount: split.fee },
    ];
    let paid = if split.fee > 0 { &payouts } else { &payouts[..1] };
    Settlement {
        mint: accounts.mint.account(),
        token_program: accounts.token_program.account(),
        decimals: accounts.bus.mint_decimals,
    }
    .transfer_all_from_bus(accounts.escrow.account(), &accounts.bus, paid)?;
    log_event!(LockReleased {
        lock: *accounts.lock.address(),
        offer: *accounts.offer.address(),
        buyer: accounts.lock.buyer,
        released_by: *accounts.caller.address(),
        energy_wh: accounts.lock.energy_wh,
        refund: split.refund,
        fee: split.fee,
    });
    Ok(())
}
