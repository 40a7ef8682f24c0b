//! `proposal_execute`: carries a proposal out, once enough owners approve and the timelock has passed. Anyone may.

use {
    crate::{
        clock,
        error::MultibusError,
        event::log_event,
        state::{Bus, Capacity, Proposal},
        token,
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct ProposalExecute {
    pub executor: Signer,
    #[account(mut, address = proposal.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    /// The bus's general capacity.
    #[account(mut, constraint = general.bus == *bus.address() && general.window_start == 0 @ MultibusError::BusMismatch)]
    pub general: Account<Capacity>,
    #[account(mut)]
    pub proposal: Account<Proposal>,
    /// The bus's treasury: what the present shares earned is computed from its balance.
    #[account(address = bus.treasury @ MultibusError::TreasuryMismatch)]
    pub treasury: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<ProposalExecute>) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let now = clock::now()?;
    accounts.proposal.validate_execute(&accounts.bus, now)?;
    let treasury_balance = token::treasury_balance(accounts.treasury.account())?;
    let action = accounts.proposal.action;
    action.apply(&mut accounts.bus, &mut accounts.general, treasury_balance, now)?;
    accounts.proposal.execute(now);
    log_event!(ProposalExecuted {
        bus: *accounts.bus.address(),
        proposal: *accounts.proposal.address(),
        executed_by: *accounts.executor.address(),
        config_version: accounts.bus.config_version,
        executed_at: now,
        treasury_balance,
        action,
    });
    Ok(())
}
