//! What a caller of the market reads and writes around its calls.

use {
    crate::error::ChargerError,
    anchor_lang::prelude::*,
    multibus::{
        account::Account as MarketAccount,
        constants::RECEIPTS,
        state::{Bus, Receipt, Trader},
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

/// Refuses a bus among the accounts of a batch: an item that follows another bus would be bought there.
pub fn validate_one_bus(views: &[AccountView]) -> Result<()> {
    if views.iter().any(|view| MarketAccount::<Bus>::load(*view).is_ok()) {
        return Err(ChargerError::BusMismatch.into());
    }
    Ok(())
}

/// Accounts that come after those of the charger's instruction, such as the books of a purchase on delivery terms. They are
/// passed on as they are, all writable; MultiBus checks them.
pub fn passed_on(views: &mut [AccountView]) -> Result<Vec<CpiHandle<'_>>> {
    views.iter_mut().map(|view| view.try_to_cpi_handle_mut().map(CpiHandle::from)).collect()
}
