//! `proposal_approve`: an owner approves the proposal whose hash is given. Each owner counts once.

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
pub struct ProposalApprove {
    /// An owner of the bus.
    pub owner: Signer,
    #[account(address = proposal.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    #[account(mut)]
    pub proposal: Account<Proposal>,
}

pub fn handler(ctx: &mut Context<impl Walks<ProposalApprove>>, hash: [u8; 32]) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let owner = *accounts.owner.address();
    accounts.proposal.approve(&accounts.bus, &owner, &hash, clock::now()?)?;
    log_event!(ProposalApproved {
        proposal: *accounts.proposal.address(),
        owner,
        executable_at: accounts.proposal.executable_at,
        expires_at: accounts.proposal.expires_at,
        approvals: accounts.proposal.approvals,
        padding: [0; 6],
    });
    Ok(())
}
