//! `seller_open`, `seller_admit`, `seller_suspend`, `seller_withdraw` and `seller_close`.

use {
    super::bus::BusAddresses,
    crate::key::pda,
    multibus::{accounts, instruction},
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

/// The addresses of a seller on a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SellerAddresses {
    pub address: Address,
    pub vault: Address,
    /// The bus's address where it sells for itself.
    pub wallet: Address,
    pub bus: BusAddresses,
}

impl SellerAddresses {
    pub fn of(bus: &BusAddresses, wallet: &Address) -> Self {
        let address = pda::seller(&bus.address, wallet).0;
        Self { address, vault: pda::vault(&address).0, wallet: *wallet, bus: *bus }
    }

    /// Address of its meter.
    pub fn meter(&self) -> Address {
        pda::meter(&self.address).0
    }
}

impl BusAddresses {
    /// The seller account of a wallet.
    pub fn seller(&self, wallet: &Address) -> SellerAddresses {
        SellerAddresses::of(self, wallet)
    }

    /// The seller account of the bus itself.
    pub fn own_seller(&self) -> SellerAddresses {
        SellerAddresses::of(self, &self.address)
    }
}

pub fn seller_open_accounts(seller: &SellerAddresses, payer: &Address) -> accounts::SellerOpen {
    accounts::SellerOpen {
        payer: *payer,
        bus: seller.bus.address,
        ledger: seller.bus.ledger,
        seller: seller.address,
        vault: seller.vault,
        mint: seller.bus.mint.address,
        token_program: seller.bus.mint.program.address(),
        system_program: system_program::ID,
    }
}

/// Opens a seller account; `payer` is an owner where the seller is the bus. Its first slot is the present one.
pub fn seller_open(seller: &SellerAddresses, payer: &Address) -> Instruction {
    instruction::SellerOpen { wallet: seller.wallet, first_slot: 0 }.to_instruction(seller_open_accounts(seller, payer))
}

pub fn seller_admit(seller: &SellerAddresses, operator: &Address) -> Instruction {
    instruction::SellerAdmit { wallet: seller.wallet }.to_instruction(accounts::SellerAdmit {
        operator: *operator,
        bus: seller.bus.address,
        ledger: seller.bus.ledger,
        seller: seller.address,
        vault: seller.vault,
        mint: seller.bus.mint.address,
        token_program: seller.bus.mint.program.address(),
        system_program: system_program::ID,
    })
}

pub fn seller_suspend(seller: &SellerAddresses, operator: &Address) -> Instruction {
    instruction::SellerSuspend {}.to_instruction(accounts::SellerSuspend {
        operator: *operator,
        bus: seller.bus.address,
        seller: seller.address,
    })
}

pub fn seller_withdraw(seller: &SellerAddresses, caller: &Address, destination: Address) -> Instruction {
    instruction::SellerWithdraw {}.to_instruction(accounts::SellerWithdraw {
        caller: *caller,
        bus: seller.bus.address,
        seller: seller.address,
        vault: seller.vault,
        destination,
        token_program: seller.bus.mint.program.address(),
    })
}

/// Closes a seller account for whoever paid its rent.
pub fn seller_close(
    seller: &SellerAddresses,
    caller: &Address,
    destination: Address,
    rent_payer: &Address,
) -> Instruction {
    instruction::SellerClose {}.to_instruction(accounts::SellerClose {
        caller: *caller,
        bus: seller.bus.address,
        ledger: seller.bus.ledger,
        seller: seller.address,
        vault: seller.vault,
        destination,
        treasury: seller.bus.treasury,
        unclaimed: seller.bus.unclaimed,
        claim: seller.bus.claim(&seller.wallet),
        rent_payer: *rent_payer,
        token_program: seller.bus.mint.program.address(),
        system_program: system_program::ID,
    })
}
