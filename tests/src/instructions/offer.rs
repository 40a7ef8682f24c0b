//! `offer_create`, `offer_create_for_bus`, `offer_reprice`, `offer_extend` and `offer_cancel`.

use {
    super::bus::BusAddresses,
    crate::key::pda,
    multibus::{accounts, instruction},
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

/// What an offer is created with.
#[derive(Clone, Copy, Debug)]
pub struct OfferOptions {
    pub offer_seq: u64,
    pub energy_wh: u64,
    pub price_per_kwh: u64,
    pub expires_at: i64,
    pub source: u8,
}

impl OfferOptions {
    /// 10 kWh of solar energy at 0.25, without expiry.
    pub fn new(offer_seq: u64) -> Self {
        Self { offer_seq, energy_wh: 10_000, price_per_kwh: 250_000, expires_at: 0, source: 1 }
    }

    #[must_use]
    pub fn energy(mut self, energy_wh: u64) -> Self {
        self.energy_wh = energy_wh;
        self
    }

    #[must_use]
    pub fn price(mut self, price_per_kwh: u64) -> Self {
        self.price_per_kwh = price_per_kwh;
        self
    }

    #[must_use]
    pub fn expires(mut self, expires_at: i64) -> Self {
        self.expires_at = expires_at;
        self
    }

    #[must_use]
    pub fn source(mut self, source: u8) -> Self {
        self.source = source;
        self
    }
}

/// The addresses of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferAddresses {
    pub address: Address,
    pub bus: BusAddresses,
    pub capacity: Address,
    pub seller: Address,
    pub payout: Address,
    pub rent_payer: Address,
}

pub fn offer_create_accounts(
    bus: &BusAddresses,
    capacity: Address,
    seller: &Address,
    payout: Address,
    offer_seq: u64,
) -> accounts::OfferCreate {
    accounts::OfferCreate {
        seller: *seller,
        bus: bus.address,
        capacity,
        offer: pda::offer(&capacity, offer_seq).0,
        payout,
        system_program: system_program::ID,
    }
}

pub fn offer_create(
    bus: &BusAddresses,
    capacity: Address,
    seller: &Address,
    payout: Address,
    options: OfferOptions,
) -> Instruction {
    let OfferOptions { offer_seq, energy_wh, price_per_kwh, expires_at, source } = options;
    instruction::OfferCreate { offer_seq, energy_wh, price_per_kwh, expires_at, source }
        .to_instruction(offer_create_accounts(bus, capacity, seller, payout, offer_seq))
}

pub fn offer_create_for_bus_accounts(
    bus: &BusAddresses,
    capacity: Address,
    owner: &Address,
    offer_seq: u64,
) -> accounts::OfferCreateForBus {
    accounts::OfferCreateForBus {
        owner: *owner,
        bus: bus.address,
        capacity,
        offer: pda::offer(&capacity, offer_seq).0,
        system_program: system_program::ID,
    }
}

pub fn offer_create_for_bus(
    bus: &BusAddresses,
    capacity: Address,
    owner: &Address,
    options: OfferOptions,
) -> Instruction {
    let OfferOptions { offer_seq, energy_wh, price_per_kwh, expires_at, source } = options;
    instruction::OfferCreateForBus { offer_seq, energy_wh, price_per_kwh, expires_at, source }
        .to_instruction(offer_create_for_bus_accounts(bus, capacity, owner, offer_seq))
}

/// The addresses of an offer of the bus itself, which an owner listed.
pub fn bus_offer(bus: &BusAddresses, capacity: Address, owner: &Address, offer_seq: u64) -> OfferAddresses {
    OfferAddresses {
        address: pda::offer(&capacity, offer_seq).0,
        bus: *bus,
        capacity,
        seller: bus.address,
        payout: bus.treasury,
        rent_payer: *owner,
    }
}

pub fn offer_reprice(offer: &OfferAddresses, signer: &Address, price_per_kwh: u64) -> Instruction {
    instruction::OfferReprice { price_per_kwh }.to_instruction(accounts::OfferReprice {
        seller: *signer,
        bus: offer.bus.address,
        offer: offer.address,
    })
}

pub fn offer_extend(offer: &OfferAddresses, signer: &Address, expires_at: i64) -> Instruction {
    instruction::OfferExtend { expires_at }.to_instruction(accounts::OfferExtend {
        seller: *signer,
        bus: offer.bus.address,
        offer: offer.address,
    })
}

pub fn offer_cancel_accounts(offer: &OfferAddresses, caller: &Address) -> accounts::OfferCancel {
    accounts::OfferCancel {
        caller: *caller,
        bus: offer.bus.address,
        capacity: offer.capacity,
        offer: offer.address,
        rent_payer: offer.rent_payer,
    }
}

pub fn offer_cancel(offer: &OfferAddresses, caller: &Address) -> Instruction {
    instruction::OfferCancel {}.to_instruction(offer_cancel_accounts(offer, caller))
}
