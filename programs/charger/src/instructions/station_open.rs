//! `station_open`: opens the station of an operator on a bus.

use {
    crate::state::{STATION_SEED, Station},
    anchor_lang::prelude::*,
    multibus::{account::Account as MarketAccount, state::Bus},
};

#[derive(Accounts)]
pub struct StationOpen {
    /// Pays the rent.
    #[account(mut)]
    pub operator: Signer,
    /// A bus of MultiBus: `MarketAccount` checks the account's owner, kind and layout.
    pub bus: MarketAccount<Bus>,
    #[account(init, payer = operator, seeds = [STATION_SEED, operator.address(), bus.address()], bump)]
    pub station: Account<Station>,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<StationOpen>) -> Result<()> {
    let accounts = &mut ctx.accounts;
    *accounts.station = Station {
        operator: *accounts.operator.address(),
        bus: *accounts.bus.address(),
        mint: accounts.bus.mint,
        token_program: accounts.bus.token_program,
    };
    Ok(())
}
