//! `delivery_release`: what was delivered in every final window of a delivery book becomes its seller's to withdraw, less the
//! grid fees. Anyone may, as often as windows become final; it waits for no buyer.

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
