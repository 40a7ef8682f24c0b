//! `purchase` and `purchase_batch`.

use {
    super::{offer::OfferAddresses, trader::LaneAddress},
    crate::mint::Mint,
    multibus::{PurchaseItem, accounts, instruction},
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
};

pub fn purchase_accounts(offer: &OfferAddresses, lane: &LaneAddress, payment: Address) -> accounts::Purchase {
    accounts::Purchase {
        buyer: lane.wallet,
        trader: lane.address,
        bus: offer.bus.address,
        offer: offer.address,
        payment,
        vault: offer.vault,
        token_program: offer.bus.mint.program.address(),
    }
}

/// The accounts of the items of a batch: two for each, four for one on delivery terms, and the bus before the first and
/// wherever it changes.
pub fn item_accounts(offers: &[OfferAddresses], buyer: &Address) -> Vec<AccountMeta> {
    let mut accounts = Vec::new();
    let mut bus = None;
    for offer in offers {
        if bus != Some(offer.bus.address) {
            bus = Some(offer.bus.address);
            accounts.push(AccountMeta::new_readonly(offer.bus.address, false));
        }
        let books = offer.book.map(|book| [book.address, book.position(buyer).address]);
        let written = [offer.address, offer.vault].into_iter().chain(books.into_iter().flatten());
        accounts.extend(written.map(|address| AccountMeta::new(address, false)));
    }
    accounts
}

/// A batch of exact amounts (Wh) at any price, with no limit to the total.
pub fn batch(lane: &LaneAddress, payment: Address, nonce: u64, items: &[(OfferAddresses, u64)]) -> Instruction {
    let orders = items
        .iter()
        .map(|(_, energy_wh)| PurchaseItem { energy_wh: *energy_wh, max_price_per_kwh: u64::MAX, expected_version: 0 })
        .collect();
    let offers: Vec<_> = items.iter().map(|(offer, _)| *offer).collect();
    batch_of(lane, payment, nonce, u64::MAX, &offers, orders)
}

/// A batch.
pub fn batch_of(
    lane: &LaneAddress,
    payment: Address,
    nonce: u64,
    max_total: u64,
    offers: &[OfferAddresses],
    items: Vec<PurchaseItem>,
) -> Instruction {
    batch_in(&offers[0].bus.mint, lane, payment, nonce, max_total, offers, items)
}

/// A batch in the token program of a mint, which can be another than that of its offers, or have none.
pub fn batch_in(
    mint: &Mint,
    lane: &LaneAddress,
    payment: Address,
    nonce: u64,
    max_total: u64,
    offers: &[OfferAddresses],
    items: Vec<PurchaseItem>,
) -> Instruction {
    let mut instruction =
        instruction::PurchaseBatch { nonce, max_total, items }.to_instruction(accounts::PurchaseBatch {
            buyer: lane.wallet,
            trader: lane.address,
            payment,
            token_program: mint.program.address(),
        });
    instruction.accounts.extend(item_accounts(offers, &lane.wallet));
    instruction
}
