//! `proposal_revoke`: an owner takes its approval back.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        clock,
        error::MultibusError,
        event::log_event,
        state::{Bus, Proposal},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct ProposalRevoke {
    /// An owner of the bus.
    pub owner: Signer,
    #[account(address = proposal.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    #[account(mut)]
    pub proposal: Account<Proposal>,
}

pub fn handler(ctx: &mut Context<impl Walks<ProposalRevoke>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let owner = *accounts.owner.address();
    accounts.proposal.revoke(&accounts.bus, &owner, clock::now()?)?;
    log_event!(ProposalRevoked {
        proposal: *accounts.proposal.address(),
        owner,
        executable_at: accounts.proposal.executable_at,
        approvals: accounts.proposal.approvals,
        padding: [0; 6],
    });
    Ok(())
}
