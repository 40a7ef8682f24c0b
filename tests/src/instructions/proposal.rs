//! `proposal_create`, `proposal_approve`, `proposal_revoke`, `proposal_execute` and `proposal_close`.

use {
    super::bus::BusAddresses,
    multibus::{accounts, instruction, state::ProposalAction},
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub fn proposal_create_accounts(bus: &BusAddresses, proposer: &Address, proposal_seq: u64) -> accounts::ProposalCreate {
    accounts::ProposalCreate {
        proposer: *proposer,
        bus: bus.address,
        general: bus.capacity,
        proposal: bus.proposal(proposal_seq),
        system_program: system_program::ID,
    }
}

pub fn proposal_create(
    bus: &BusAddresses,
    proposer: &Address,
    proposal_seq: u64,
    action: ProposalAction,
) -> Instruction {
    instruction::ProposalCreate { action }.to_instruction(proposal_create_accounts(bus, proposer, proposal_seq))
}

pub fn proposal_approve(bus: &BusAddresses, proposal: Address, owner: &Address) -> Instruction {
    instruction::ProposalApprove {}.to_instruction(accounts::ProposalApprove {
        owner: *owner,
        bus: bus.address,
        proposal,
    })
}

pub fn proposal_revoke(bus: &BusAddresses, proposal: Address, owner: &Address) -> Instruction {
    instruction::ProposalRevoke {}.to_instruction(accounts::ProposalRevoke {
        owner: *owner,
        bus: bus.address,
        proposal,
    })
}

pub fn proposal_execute_accounts(
    bus: &BusAddresses,
    proposal: Address,
    executor: &Address,
) -> accounts::ProposalExecute {
    accounts::ProposalExecute {
        executor: *executor,
        bus: bus.address,
        general: bus.capacity,
        proposal,
        treasury: bus.treasury,
    }
}

pub fn proposal_execute(bus: &BusAddresses, proposal: Address, executor: &Address) -> Instruction {
    instruction::ProposalExecute {}.to_instruction(proposal_execute_accounts(bus, proposal, executor))
}

pub fn proposal_close(bus: &BusAddresses, proposal: Address, closer: &Address, proposer: &Address) -> Instruction {
    instruction::ProposalClose {}.to_instruction(accounts::ProposalClose {
        closer: *closer,
        bus: bus.address,
        proposal,
        proposer: *proposer,
    })
}
