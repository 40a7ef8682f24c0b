//! `clearing_tally`: adds bids and offers of the window to a clearing, in ascending order of their addresses, so that none
//! counts twice. A clearer calls it as often as it takes.

use {
    super::walk::{Behind, Passed},
    crate::{
        account::Account,
        constants::LAYOUT_VERSION,
        error::{MultibusError, ensure, refuse},
        event::log_event,
        state::{Bid, Clearing, Offer},
    },
    anchor_lang::{Discriminator, TryAccounts, address_eq, prelude::*},
};

/// Followed by bids and offers of the window, in ascending order of their addresses.
#[derive(Accounts)]
pub struct ClearingTally {
    #[account(address = clearing.clearer @ MultibusError::ClearingMismatch)]
    pub clearer: Signer,
    #[account(mut)]
    pub clearing: Account<Clearing>,
}

pub fn handler(ctx: &mut Context<ClearingTally>) -> Result<()> {
    const DECLARED: usize = <ClearingTally as TryAccounts>::HEADER_SIZE;
    // SAFETY: the clearing is the last of them. It is written, so it was not passed twice, and nothing changed its length.
    let orders = unsafe { Behind::new(ctx.accounts.clearing.account(), DECLARED) };
    let clearing = &mut ctx.accounts.clearing;
    let prices = clearing.prices();
    let (mut bids, mut offers) = (0, 0);
    let mut last = clearing.last;
    for order in orders {
        let order = match order {
            Passed::Once(order) => order,
            Passed::Again(index) if usize::from(index) < DECLARED => refuse!(OrderForeign),
            Passed::Again(_) => refuse!(OrderNotAscending),
        };
        ensure!(is_before(&last, order.address()), OrderNotAscending);
        last = *order.address();
        match kind_of(&order) {
            Some(BID) if order.data_len() >= 8 + size_of::<Bid>() => {
                // SAFETY: it is a bid, and nothing writes it meanwhile.
                let bid = unsafe { Account::<Bid>::reload(order) };
                ensure!(address_eq(&bid.capacity, &clearing.capacity), OrderForeign);
                let class = prices.class_of(bid.price_per_kwh);
                clearing.bid_wh[class] += bid.energy_wh;
                bids += 1;
            }
            Some(OFFER) if order.data_len() >= 8 + size_of::<Offer>() => {
                // SAFETY: it is an offer, and nothing writes it meanwhile.
                let offer = unsafe { Account::<Offer>::reload(order) };
                ensure!(address_eq(&offer.capacity, &clearing.capacity), OrderForeign);
                let class = prices.class_of(offer.price_per_kwh);
                clearing.ask_wh[class] += offer.ask_wh();
                offers += 1;
            }
            _ => refuse!(OrderForeign),
        }
    }
    clearing.last = last;
    // Cannot overflow: each order is an account and counts once.
    clearing.bids += bids;
    clearing.offers += offers;
    log_event!(ClearingTallied { clearing: *clearing.address(), last, bids: clearing.bids, offers: clearing.offers });
    Ok(())
}

const BID: u64 = u64::from_le_bytes(*Bid::DISCRIMINATOR.first_chunk().unwrap());
const OFFER: u64 = u64::from_le_bytes(*Offer::DISCRIMINATOR.first_chunk().unwrap());

/// Discriminator of an account of the program, of the present layout; `None` for other accounts.
#[inline(always)]
fn kind_of(view: &AccountView) -> Option<u64> {
    if !view.owned_by(&crate::ID) || view.data_len() <= 8 {
        return None;
    }
    // SAFETY: the account has that many bytes, and nothing writes it meanwhile.
    let head = unsafe { core::slice::from_raw_parts(view.data_ptr(), 9) };
    let (kind, [version]) = head.split_first_chunk::<8>()? else { return None };
    (*version == LAYOUT_VERSION).then_some(u64::from_le_bytes(*kind))
}

/// Whether an address comes before another, byte by byte.
#[inline(always)]
fn is_before(address: &Address, other: &Address) -> bool {
    let (limbs, _) = address.as_array().as_chunks::<8>();
    let (others, _) = other.as_array().as_chunks::<8>();
    for (limb, other) in limbs.iter().zip(others) {
        let (limb, other) = (u64::from_be_bytes(*limb), u64::from_be_bytes(*other));
        if limb != other {
            return limb < other;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_byte_by_byte() {
        let sorted = |place: usize, byte: u8| {
            let mut bytes = [7; 32];
            bytes[place] = byte;
            Address::new_from_array(bytes)
        };
        for place in 0..32 {
            let (low, middle, high) = (sorted(place, 0), sorted(place, 128), sorted(place, 255));
            assert!(is_before(&low, &middle) && is_before(&middle, &high) && is_before(&low, &high));
            assert!(!is_before(&high, &middle) && !is_before(&middle, &low) && !is_before(&low, &low));
            for other in 0..32 {
                let right = sorted(other, 8);
                assert_eq!(is_before(&middle, &right), middle.as_array() < right.as_array());
            }
        }
    }
}
