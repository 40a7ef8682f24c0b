//! `offer_create`, `offer_reprice`, `offer_set_expiry`, `offer_collect` and `offer_cancel`.
//!
//! Functions that end in `_accounts` give the declared accounts. The delivery book and the position of an offer on delivery
//! terms follow them: the other functions add these, and [`OfferAddresses::with_books`] does for the tests.

use {
    super::{bus::BusAddresses, delivery::BookAddresses, seller::SellerAddresses},
    crate::{
        chain::{FIRST, START},
        key::pda,
    },
    multibus::{accounts, instruction},
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
    solana_sdk_ids::system_program,
};

/// What an offer is created with.
#[derive(Clone, Copy, Debug)]
pub struct OfferOptions {
    pub number: u64,
    pub energy_wh: u64,
    pub price_per_kwh: u64,
    pub expires_at: i64,
    pub source: u8,
}

impl OfferOptions {
    /// 10 kWh of solar energy at 0.25, until 300 days after the start: the offer of this index, counted from 0, of a
    /// seller whose account was opened in the first slot.
    pub fn new(index: u64) -> Self {
        Self {
            number: FIRST + index,
            energy_wh: 10_000,
            price_per_kwh: 250_000,
            expires_at: START + 300 * 86_400,
            source: 1,
        }
    }

    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.number = number;
        self
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

/// The addresses of an offer, named as in its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferAddresses {
    pub address: Address,
    pub bus: BusAddresses,
    pub capacity: Address,
    /// The seller's account.
    pub seller: Address,
    pub vault: Address,
    /// The seller's wallet, or the bus.
    pub wallet: Address,
    pub rent_payer: Address,
    /// The delivery book that its window is in, where it is on delivery terms.
    pub book: Option<BookAddresses>,
}

impl OfferAddresses {
    pub fn of(seller: &SellerAddresses, capacity: Address, number: u64, rent_payer: &Address) -> Self {
        Self {
            address: pda::offer(&seller.address, number).0,
            bus: seller.bus,
            capacity,
            seller: seller.address,
            vault: seller.vault,
            wallet: seller.wallet,
            rent_payer: *rent_payer,
            book: None,
        }
    }

    /// The same offer in a window of a delivery book.
    #[must_use]
    pub fn in_book(self, book: BookAddresses) -> Self {
        Self { book: Some(book), ..self }
    }

    /// Adds the delivery book to an instruction, where the offer is on delivery terms.
    #[must_use]
    pub fn with_book(&self, mut instruction: Instruction) -> Instruction {
        instruction.accounts.extend(self.book.map(|book| AccountMeta::new(book.address, false)));
        instruction
    }

    /// Adds a buyer's position book to an instruction, where the offer is on delivery terms.
    #[must_use]
    pub fn with_position(&self, mut instruction: Instruction, buyer: &Address) -> Instruction {
        let position = self.book.map(|book| book.position(buyer).address);
        instruction.accounts.extend(position.map(|position| AccountMeta::new(position, false)));
        instruction
    }

    /// Adds the delivery book and a buyer's position book to an instruction, where the offer is on delivery terms.
    #[must_use]
    pub fn with_books(&self, instruction: Instruction, buyer: &Address) -> Instruction {
        self.with_position(self.with_book(instruction), buyer)
    }
}

pub fn offer_create_accounts(
    seller: &SellerAddresses,
    capacity: Address,
    lister: &Address,
    number: u64,
) -> accounts::OfferCreate {
    accounts::OfferCreate {
        lister: *lister,
        bus: seller.bus.address,
        capacity,
        seller: seller.address,
        offer: pda::offer(&seller.address, number).0,
        system_program: system_program::ID,
    }
}

/// A listing of a seller; `lister` is an owner where the seller is the bus.
pub fn offer_list(seller: &SellerAddresses, capacity: Address, lister: &Address, options: OfferOptions) -> Instruction {
    let OfferOptions { number, energy_wh, price_per_kwh, expires_at, source } = options;
    instruction::OfferCreate { number, energy_wh, price_per_kwh, expires_at, source }
        .to_instruction(offer_create_accounts(seller, capacity, lister, number))
}

/// A listing in a window of a delivery book.
pub fn offer_list_in(book: &BookAddresses, capacity: Address, lister: &Address, options: OfferOptions) -> Instruction {
    let mut instruction = offer_list(&book.seller, capacity, lister, options);
    let books = [book.seller.meter(), book.address];
    instruction.accounts.extend(books.map(|address| AccountMeta::new(address, false)));
    instruction
}

/// A listing by a seller's wallet.
pub fn offer_create(bus: &BusAddresses, capacity: Address, wallet: &Address, options: OfferOptions) -> Instruction {
    offer_list(&bus.seller(wallet), capacity, wallet, options)
}

/// A listing for the bus itself by an owner.
pub fn offer_create_for_bus(
    bus: &BusAddresses,
    capacity: Address,
    owner: &Address,
    options: OfferOptions,
) -> Instruction {
    offer_list(&bus.own_seller(), capacity, owner, options)
}

pub fn offer_reprice(offer: &OfferAddresses, lister: &Address, price_per_kwh: u64) -> Instruction {
    offer_reprice_of(offer, lister, price_per_kwh, 0)
}

/// A new price for an offer of this version; 0 for any.
pub fn offer_reprice_of(
    offer: &OfferAddresses,
    lister: &Address,
    price_per_kwh: u64,
    expected_version: u32,
) -> Instruction {
    instruction::OfferReprice { price_per_kwh, expected_version }.to_instruction(accounts::OfferReprice {
        lister: *lister,
        bus: offer.bus.address,
        offer: offer.address,
    })
}

pub fn offer_set_expiry(offer: &OfferAddresses, lister: &Address, expires_at: i64) -> Instruction {
    offer_set_expiry_of(offer, lister, expires_at, 0)
}

/// A new expiry for an offer of this version; 0 for any.
pub fn offer_set_expiry_of(
    offer: &OfferAddresses,
    lister: &Address,
    expires_at: i64,
    expected_version: u32,
) -> Instruction {
    instruction::OfferSetExpiry { expires_at, expected_version }.to_instruction(accounts::OfferSetExpiry {
        lister: *lister,
        bus: offer.bus.address,
        seller: offer.seller,
        offer: offer.address,
    })
}

pub fn offer_collect(offer: &OfferAddresses) -> Instruction {
    instruction::OfferCollect {}.to_instruction(accounts::OfferCollect { offer: offer.address, seller: offer.seller })
}

pub fn offer_cancel_accounts(offer: &OfferAddresses, caller: &Address) -> accounts::OfferCancel {
    accounts::OfferCancel {
        caller: *caller,
        bus: offer.bus.address,
        capacity: offer.capacity,
        seller: offer.seller,
        offer: offer.address,
        rent_payer: offer.rent_payer,
    }
}

pub fn offer_cancel(offer: &OfferAddresses, caller: &Address) -> Instruction {
    offer.with_book(instruction::OfferCancel {}.to_instruction(offer_cancel_accounts(offer, caller)))
}
