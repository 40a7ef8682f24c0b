//! `offer_collect`: credits what was paid for an offer to its seller, less the grid fee, which waits in the vault for
//! its recipient. Anyone can do it, at any time.

use {
    crate::{
        account::Account,
        error::{MultibusError, ensure},
        event::log_event,
        state::{Collection, Offer, Seller},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct OfferCollect {
    #[account(mut)]
    pub offer: Account<Offer>,
    #[account(mut, address = offer.seller @ MultibusError::SellerMismatch)]
    pub seller: Account<Seller>,
}

pub fn handler(ctx: &mut Context<OfferCollect>) -> Result<()> {
    let accounts = &mut ctx.accounts;
    ensure!(accounts.offer.proceeds > 0, NothingToCollect);
    let Collection { amount, grid_fee } = accounts.offer.collect();
    accounts.seller.release(amount);
    accounts.seller.owe_grid_fees(grid_fee);
    log_event!(OfferCollected {
        offer: *accounts.offer.address(),
        seller: *accounts.seller.address(),
        amount,
        grid_fee,
        released: accounts.seller.released,
    });
    Ok(())
}
