//! What a caller of the market reads and writes around its calls.

use {
    crate::error::ChargerError,
    anchor_lang::prelude::*,
    multibus::{
        account::Account as MarketAccount,
        constants::RECEIPTS,
        state::{Receipt, Trader},
    },
};

/// The receipt of the purchase that just spent a nonce, from the lane. Only MultiBus writes there: the account's owner, kind
/// and layout are checked, and the caller has checked its address.
pub fn receipt(lane: &AccountView, nonce: u64) -> Result<Receipt> {
    let lane = MarketAccount::<Trader>::load(*lane)?;
    if Some(lane.next_nonce) != nonce.checked_add(1) {
        return Err(ChargerError::ReceiptMissing.into());
    }
    Ok(lane.receipts[(nonce % RECEIPTS as u64) as usize])
}

/// The books of a purchase or a lock on delivery terms. They come after the accounts of the charger's instruction, and are
/// passed on as they are; MultiBus checks them.
pub fn books(views: &mut [AccountView]) -> Result<Vec<CpiHandle<'_>>> {
    views.iter_mut().map(|view| view.try_to_cpi_handle_mut().map(CpiHandle::from)).collect()
}
