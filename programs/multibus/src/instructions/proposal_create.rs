//! `proposal_create`: an owner proposes a change of the bus and thereby approves it. What could not be carried out now
//! is refused at once.

use {
    crate::{
        clock,
        constants::*,
        error::{MultibusError, refuse},
        event::log_event,
        state::{Action, Bus, Capacity, Proposal, ProposalAction},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct ProposalCreate {
    /// An owner; pays the rent and gets it back.
    #[account(mut)]
    pub proposer: Signer,
    #[account(mut)]
    pub bus: Account<Bus>,
    /// The bus's general capacity.
    #[account(constraint = general.bus == *bus.address() && general.window_start == 0 @ MultibusError::BusMismatch)]
    pub general: Account<Capacity>,
    #[account(
        init,
        payer = proposer,
        seeds = [PROPOSAL_SEED, bus.address(), bus.proposal_seq.to_le_bytes()],
        bump
    )]
    pub proposal: Account<Proposal>,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<ProposalCreate>, action: ProposalAction) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let action = Action::encode(&action)?;
    action.validate(&accounts.bus, &accounts.general)?;
    let proposer = *accounts.proposer.address();
    let bus = *accounts.bus.address();
    accounts.proposal.initialize(&accounts.bus, &bus, &proposer, action, clock::now()?)?;
    accounts.proposal.bump = ctx.bumps.proposal;
    let Some(next) = accounts.bus.proposal_seq.checked_add(1) else { refuse!(CounterOverflow) };
    accounts.bus.proposal_seq = next;
    let proposal = &accounts.proposal;
    log_event!(ProposalCreated {
        bus,
        proposal: *proposal.address(),
        proposer,
        proposal_seq: proposal.proposal_seq,
        config_version: proposal.config_version,
        created_at: proposal.created_at,
        executable_at: proposal.executable_at,
        action,
    });
    Ok(())
}
