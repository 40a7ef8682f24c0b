//! `delivery_release`: credits the seller with what buyers paid for the energy that it delivered in the final windows
//! of a delivery book, less the grid fees. Anyone can do it, as often as windows become final. No buyer has to act
//! first.

use {
    crate::{
        account::Account,
        clock,
        error::{MultibusError, ensure},
        event::log_event,
        state::{DeliveryBook, Seller},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct DeliveryRelease {
    #[account(mut)]
    pub book: Account<DeliveryBook>,
    #[account(mut, address = book.seller @ MultibusError::SellerMismatch)]
    pub seller: Account<Seller>,
}

pub fn handler(ctx: &mut Context<DeliveryRelease>) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let release = accounts.book.release(clock::now()?);
    ensure!(release.windows != [0; 2], NothingToRelease);
    accounts.seller.release(release.amount);
    accounts.seller.owe_grid_fees(release.grid_fee);
    log_event!(DeliveryReleased {
        book: *accounts.book.address(),
        seller: *accounts.seller.address(),
        windows_low: release.windows[0],
        windows_high: release.windows[1],
        amount: release.amount,
        grid_fee: release.grid_fee,
    });
    Ok(())
}
