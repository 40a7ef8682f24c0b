//! `proposal_create`, `proposal_approve`, `proposal_revoke`, `proposal_execute` and `proposal_close`.

use {
    super::{bus::BusAddresses, seller::SellerAddresses},
    multibus::{
        accounts, instruction,
        state::{Action, Proposal, ProposalAction},
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub fn proposal_create_accounts(bus: &BusAddresses, proposer: &Address, number: u64) -> accounts::ProposalCreate {
    accounts::ProposalCreate {
        proposer: *proposer,
        bus: bus.address,
        ledger: bus.ledger,
        proposal: bus.proposal(proposer, number),
        system_program: system_program::ID,
    }
}

pub fn proposal_create(bus: &BusAddresses, proposer: &Address, number: u64, action: ProposalAction) -> Instruction {
    instruction::ProposalCreate { number, action }.to_instruction(proposal_create_accounts(bus, proposer, number))
}

/// What an approval names of a proposal.
///
/// # Panics
/// Where the action cannot be encoded.
pub fn proposal_hash(proposal: &Address, created_at: i64, action: &ProposalAction) -> [u8; 32] {
    Proposal::hash_of(proposal, created_at, &Action::encode(action).expect("an action"))
}

pub fn proposal_approve(bus: &BusAddresses, proposal: Address, owner: &Address, hash: [u8; 32]) -> Instruction {
    instruction::ProposalApprove { hash }.to_instruction(accounts::ProposalApprove {
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
    seller: &SellerAddresses,
    proposal: Address,
    executor: &Address,
) -> accounts::ProposalExecute {
    let bus = &seller.bus;
    accounts::ProposalExecute {
        executor: *executor,
        bus: bus.address,
        ledger: bus.ledger,
        general: bus.capacity,
        proposal,
        treasury: bus.treasury,
        seller: seller.address,
        vault: seller.vault,
        mint: bus.mint.address,
        token_program: bus.mint.program.address(),
        system_program: system_program::ID,
    }
}

/// Executes a proposal that admits or suspends no seller.
pub fn proposal_execute(bus: &BusAddresses, proposal: Address, executor: &Address) -> Instruction {
    proposal_execute_on(&bus.own_seller(), proposal, executor)
}

/// Executes a proposal about a seller.
pub fn proposal_execute_on(seller: &SellerAddresses, proposal: Address, executor: &Address) -> Instruction {
    instruction::ProposalExecute {}.to_instruction(proposal_execute_accounts(seller, proposal, executor))
}

pub fn proposal_close(bus: &BusAddresses, proposal: Address, closer: &Address, proposer: &Address) -> Instruction {
    instruction::ProposalClose {}.to_instruction(accounts::ProposalClose {
        closer: *closer,
        bus: bus.address,
        ledger: bus.ledger,
        proposal,
        proposer: *proposer,
    })
}
