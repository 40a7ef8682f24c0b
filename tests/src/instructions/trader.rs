//! `trader_open` and `trader_close`.

use {
    crate::key::pda,
    multibus::{accounts, instruction},
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

/// The address of a nonce lane, with the wallet and the number that it follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneAddress {
    pub address: Address,
    pub wallet: Address,
    pub lane: u16,
}

impl LaneAddress {
    pub fn of(wallet: &Address, lane: u16) -> Self {
        Self { address: pda::trader(wallet, lane).0, wallet: *wallet, lane }
    }
}

pub fn trader_open(wallet: &Address, lane: u16, first_slot: u64) -> Instruction {
    instruction::TraderOpen { lane, first_slot }.to_instruction(accounts::TraderOpen {
        wallet: *wallet,
        trader: pda::trader(wallet, lane).0,
        system_program: system_program::ID,
    })
}

pub fn trader_close(lane: &LaneAddress, wallet: &Address) -> Instruction {
    instruction::TraderClose {}.to_instruction(accounts::TraderClose { wallet: *wallet, trader: lane.address })
}
