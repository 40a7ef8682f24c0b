//! Every way the charger refuses.

use anchor_lang::prelude::*;

#[error_code(offset = 7000)]
#[derive(Debug, PartialEq, Eq)]
pub enum ChargerError {
    #[msg("This program is not MultiBus; pass the market's own program")]
    NotTheMarket,
    #[msg("Only the station's operator buys for its sessions; sign with the operator's wallet")]
    NotTheOperator,
    #[msg("Only the session's driver takes out tokens or closes it; sign with the driver's wallet")]
    NotTheDriver,
    #[msg("The session belongs to another station; pass the station that it was opened at")]
    StationMismatch,
    #[msg("The station buys from another bus; pass the bus that the station names")]
    BusMismatch,
    #[msg("This is not the session's buyer; pass the wallet address that the session names")]
    WalletMismatch,
    #[msg("The session buys with another nonce lane; pass the lane that the session names")]
    LaneMismatch,
    #[msg("The session pays with another token account; pass the one that the session names")]
    PaymentMismatch,
    #[msg("This is no token account of the session's buyer for the bus's token; create the buyer's associated account")]
    PaymentInvalid,
    #[msg(
        "The purchase could exceed the energy that the driver asked for; buy less, or let the driver open another session"
    )]
    LimitExceeded,
    #[msg("The token program is not that of the bus; pass the one that owns the bus's mint")]
    TokenProgramMismatch,
    #[msg("The lane holds no receipt of this purchase")]
    ReceiptMissing,
    #[msg("Only the station's operator or the session's driver does this; sign with the wallet of one of them")]
    NotOfTheSession,
    #[msg("This is not the last bid of the session; pass the bid that the session names")]
    BidMismatch,
}
