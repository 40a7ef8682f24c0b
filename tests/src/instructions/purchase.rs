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
        payout: offer.payout,
        mint: offer.bus.mint.address,
        token_program: offer.bus.mint.program.address(),
    }
}

/// The three accounts of one item of a batch.
pub fn item_accounts(offer: &OfferAddresses) -> [AccountMeta; 3] {
    [
        AccountMeta::new_readonly(offer.bus.address, false),
        AccountMeta::new(offer.address, false),
        AccountMeta::new(offer.payout, false),
    ]
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

/// A batch in a mint, which can be another than that of its offers, or have none.
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
            mint: mint.address,
            token_program: mint.program.address(),
        });
    instruction.accounts.extend(offers.iter().flat_map(item_accounts));
    instruction
}
