//! What the answers of several verbs share.

use {crate::output::Page, multibus_client::Sent, serde::Serialize};

/// The transaction of an answer.
#[derive(Serialize)]
pub struct TransactionView {
    pub signature: String,
    pub slot: u64,
    pub compute_units: u64,
    pub fee_lamports: u64,
}

impl From<&Sent> for TransactionView {
    fn from(sent: &Sent) -> Self {
        Self {
            signature: sent.signature.to_string(),
            slot: sent.slot,
            compute_units: sent.compute_units,
            fee_lamports: sent.fee,
        }
    }
}

/// Writes the signature of a transaction.
pub fn signature_line(page: &mut Page, transaction: &TransactionView) {
    page.line(format!("signature  {}", transaction.signature));
}
