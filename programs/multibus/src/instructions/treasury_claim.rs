//! `treasury_claim`: pays an owner (or a former owner) its exact share of everything the treasury received, less what
//! it claimed before. Anyone may call it; the tokens go to a token account that the owner owns, and where the owner is
//! itself a bus, to its treasury: in its escrow they would be lost.

use {
    crate::{
        error::{MultibusError, ensure, refuse},
        event::log_event,
        state::Bus,
        token::{self, Settlement},
    },
    anchor_lang::{address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct TreasuryClaim {
    /// The owner who is paid; need not sign.
    pub owner: UncheckedAccount,
    #[account(mut)]
    pub bus: Account<Bus>,
    #[account(mut, address = bus.treasury @ MultibusError::TreasuryMismatch)]
    pub treasury: UncheckedAccount,
    /// A token account of the settlement mint that belongs to the owner.
    #[account(mut)]
    pub destination: UncheckedAccount,
    #[account(address = bus.mint @ MultibusError::MintMismatch)]
    pub mint: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
}

impl TreasuryClaim {
    fn validate(&self) -> Result<()> {
        match token::read_token_account(self.destination.account(), &self.bus) {
            None => refuse!(TokenAccountInvalid),
            Some(account) => {
                ensure!(address_eq(&account.owner, self.owner.address()), ClaimNotOwners);
            }
        }
        if self.owner.account().owned_by(&crate::ID) {
            let owner = Account::<Bus>::load(*self.owner.account())?;
            ensure!(address_eq(self.destination.address(), &owner.treasury), ClaimNotToTreasury);
        }
        Ok(())
    }
}

pub fn handler(ctx: &mut Context<TreasuryClaim>) -> Result<()> {
    let accounts = &mut ctx.accounts;
    accounts.validate()?;
    let balance = token::treasury_balance(accounts.treasury.account())?;
    let owner = *accounts.owner.address();
    let amount = accounts.bus.claim(&owner, balance)?;
    Settlement {
        mint: accounts.mint.account(),
        token_program: accounts.token_program.account(),
        decimals: accounts.bus.mint_decimals,
    }
    .transfer_from_bus(accounts.treasury.account(), accounts.destination.account(), &accounts.bus, amount)?;
    log_event!(TreasuryClaimed {
        bus: *accounts.bus.address(),
        owner,
        destination: *accounts.destination.address(),
        amount,
        claimed_total: accounts.bus.treasury_claimed,
    });
    Ok(())
}
