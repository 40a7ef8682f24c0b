//! `bus_add_owner`: an owner hands part of the own share to a new owner, where one approval is enough.

use {
    crate::{event::log_event, state::Bus},
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct BusAddOwner {
    /// An owner of the bus.
    pub owner: Signer,
    #[account(mut)]
    pub bus: Account<Bus>,
}

pub fn handler(ctx: &mut Context<BusAddOwner>, owner: Address, share_bps: u16) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let added_by = *accounts.owner.address();
    accounts.bus.add_owner(&added_by, &owner, share_bps)?;
    log_event!(OwnerAdded {
        bus: *accounts.bus.address(),
        owner,
        added_by,
        config_version: accounts.bus.config_version,
        share_bps,
        padding: [0; 6],
    });
    Ok(())
}
