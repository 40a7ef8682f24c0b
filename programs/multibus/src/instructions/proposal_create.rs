//! `proposal_create`: an owner proposes a change of the bus and thereby approves it. A change that could not be
//! executed now is refused at once.

#![allow(
    unused_variables,
    reason = "Anchor parses the `#[instruction]` arguments again where it closes accounts, and uses none"
)]

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        clock,
        constants::*,
        error::MultibusError,
        event::log_event,
        state::{Action, Bus, Ledger, Proposal, ProposalAction},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
#[instruction(number: u64)]
pub struct ProposalCreate {
    /// An owner; pays the rent and gets it back.
    #[account(mut)]
    pub proposer: Signer,
    pub bus: Apart<Bus>,
    /// The bus's ledger, which numbers each owner's proposals and counts those that are open.
    #[account(mut, constraint = ledger.bus == *bus.address() @ MultibusError::LedgerMismatch)]
    pub ledger: Account<Ledger>,
    #[account(
        init,
        payer = proposer,
        seeds = [PROPOSAL_SEED, bus.address(), proposer.address(), number.to_le_bytes()],
        bump
    )]
    pub proposal: Account<Proposal>,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<impl Walks<ProposalCreate>>, number: u64, action: ProposalAction) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let action = Action::encode(&action)?;
    let now = clock::now()?;
    accounts.bus.validate_open()?;
    action.validate(&accounts.bus, &accounts.ledger, now)?;
    let proposer = *accounts.proposer.address();
    let place = accounts.bus.validate_owner(&proposer)?;
    accounts.ledger.propose(place, number)?;
    let (bus, address) = (*accounts.bus.address(), *accounts.proposal.address());
    let proposal = &mut accounts.proposal;
    proposal.initialize(&address, (&accounts.bus, &bus), &proposer, number, action, now)?;
    proposal.bump = ctx.bumps.proposal;
    log_event!(ProposalCreated {
        bus,
        proposal: address,
        proposer,
        hash: proposal.hash,
        number,
        config_version: proposal.config_version,
        pause_version: proposal.pause_version,
        created_at: proposal.created_at,
        executable_at: proposal.executable_at,
        expires_at: proposal.expires_at,
        action,
    });
    Ok(())
}
