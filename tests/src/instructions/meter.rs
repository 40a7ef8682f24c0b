//! `meter_register`, `meter_replace`, `meter_close` and `device_close`.

use {
    super::seller::SellerAddresses,
    crate::key::pda,
    multibus::{accounts, instruction, state::MeterSpec},
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub fn meter_register_accounts(seller: &SellerAddresses, operator: &Address, key: &Address) -> accounts::MeterRegister {
    accounts::MeterRegister {
        operator: *operator,
        key: *key,
        bus: seller.bus.address,
        seller: seller.address,
        meter: seller.meter(),
        device: pda::device(key).0,
        system_program: system_program::ID,
    }
}

/// Registers a device as the meter of a seller that has none.
pub fn meter_register(seller: &SellerAddresses, operator: &Address, key: &Address, spec: MeterSpec) -> Instruction {
    let MeterSpec { source, power_w, valid_from } = spec;
    instruction::MeterRegister { source, power_w, valid_from }
        .to_instruction(meter_register_accounts(seller, operator, key))
}

/// Puts a device in the place of the one with the key `retired`.
pub fn meter_replace(
    seller: &SellerAddresses,
    operator: &Address,
    retired: &Address,
    key: &Address,
    spec: MeterSpec,
) -> Instruction {
    let MeterSpec { source, power_w, valid_from } = spec;
    instruction::MeterReplace { source, power_w, valid_from }.to_instruction(accounts::MeterReplace {
        operator: *operator,
        key: *key,
        bus: seller.bus.address,
        meter: seller.meter(),
        retired: pda::device(retired).0,
        device: pda::device(key).0,
        system_program: system_program::ID,
    })
}

/// Closes the meter of a seller, whose device has this key, for whoever paid its rent.
pub fn meter_close(seller: &SellerAddresses, caller: &Address, key: &Address, rent_payer: &Address) -> Instruction {
    instruction::MeterClose {}.to_instruction(accounts::MeterClose {
        caller: *caller,
        bus: seller.bus.address,
        seller: seller.address,
        meter: seller.meter(),
        device: pda::device(key).0,
        rent_payer: *rent_payer,
    })
}

/// Closes the account of a retired device.
pub fn device_close(key: &Address, rent_payer: &Address) -> Instruction {
    instruction::DeviceClose {}
        .to_instruction(accounts::DeviceClose { device: pda::device(key).0, rent_payer: *rent_payer })
}
