//! `proposal_close`: closes a proposal that is executed, stale, expired or approved by nobody. Anyone can do it; the
//! rent goes to its proposer.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        clock,
        error::MultibusError,
        event::log_event,
        state::{Bus, Ledger, Proposal, ProposalState},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct ProposalClose {
    pub closer: Signer,
    #[account(address = proposal.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    /// The bus's ledger, which counts the proposals.
    #[account(mut, constraint = ledger.bus == proposal.bus @ MultibusError::LedgerMismatch)]
    pub ledger: Account<Ledger>,
    #[account(mut, close = proposer)]
    pub proposal: Account<Proposal>,
    /// Who paid the rent; may be the closer.
    #[account(mut, unsafe(dup), address = proposal.proposer @ MultibusError::ProposerMismatch)]
    pub proposer: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<impl Walks<ProposalClose>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    accounts.proposal.validate_close(&accounts.bus, clock::now()?)?;
    // Counted when it was made.
    accounts.ledger.open_proposals -= 1;
    log_event!(ProposalClosed {
        bus: *accounts.bus.address(),
        proposal: *accounts.proposal.address(),
        closed_by: *accounts.closer.address(),
        executed: (accounts.proposal.state == ProposalState::Executed as u8) as u8,
        padding: [0; 7],
    });
    Ok(())
}
