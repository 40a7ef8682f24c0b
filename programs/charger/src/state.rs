//! The accounts of the charger.

use {crate::error::ChargerError, anchor_lang::prelude::*, multibus::state::Receipt};

/// Seed of a station: `["station", operator, bus]`.
pub const STATION_SEED: &[u8] = b"station";
/// Seed of a session: `["session", station, driver]`.
pub const SESSION_SEED: &[u8] = b"session";
/// Seed of a session's buyer: `["wallet", session]`.
pub const WALLET_SEED: &[u8] = b"wallet";
/// The lane of a session's buyer. It needs one only, because its purchases come one after the other.
pub const LANE: u16 = 0;
/// The place of a session's lock on its offer.
pub const PLACE: u8 = 0;

/// A charging point. PDA `["station", operator, bus]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Station {
    /// Who buys for the sessions: the key of the charging point.
    pub operator: Address,
    pub bus: Address,
    /// The token that the bus is paid in.
    pub mint: Address,
    pub token_program: Address,
}

/// What a driver charges. PDA `["session", station, driver]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Session {
    pub station: Address,
    pub driver: Address,
    /// The buyer on the market: the PDA `["wallet", session]`, an account without data.
    pub wallet: Address,
    /// The buyer's nonce lane.
    pub trader: Address,
    /// The buyer's token account, which pays.
    pub payment: Address,
    /// The last bid, which can be cancelled; zeros for none.
    pub bid: Address,
    /// The most that the driver pays, grid fee included, in token base units per kWh.
    pub max_price_per_kwh: u64,
    /// The most energy that the driver takes, in Wh.
    pub limit_wh: u64,
    /// Energy bought, in Wh.
    pub bought_wh: u64,
    /// Energy bid for in auctions, in Wh. It counts in full until the session closes, unless the bid is cancelled: an auction
    /// can fill a bid at any time, and nobody calls this program then.
    pub bid_wh: u64,
    /// Paid for it, in token base units.
    pub paid: u64,
    /// Purchases of the session.
    pub purchases: u64,
    /// Nonce of the last purchase.
    pub last_nonce: u64,
    /// Receipt of the last purchase, as the market wrote it.
    pub last_receipt: Receipt,
    /// Bump of the wallet's address.
    pub wallet_bump: u8,
    pub padding: [u8; 7],
}

impl Session {
    /// Refuses energy beyond what the driver asked for.
    pub fn validate_energy(&self, energy_wh: u64) -> Result<()> {
        let sum = self.bought_wh.checked_add(self.bid_wh).and_then(|sum| sum.checked_add(energy_wh));
        match sum {
            Some(sum) if sum <= self.limit_wh => Ok(()),
            _ => Err(ChargerError::LimitExceeded.into()),
        }
    }

    /// Keeps the receipt of a purchase.
    pub fn keep(&mut self, nonce: u64, receipt: Receipt) -> Result<()> {
        let (Some(bought_wh), Some(paid)) =
            (self.bought_wh.checked_add(receipt.energy_wh), self.paid.checked_add(receipt.paid))
        else {
            return Err(ProgramError::ArithmeticOverflow);
        };
        (self.bought_wh, self.paid) = (bought_wh, paid);
        self.purchases += 1;
        self.last_nonce = nonce;
        self.last_receipt = receipt;
        Ok(())
    }
}

/// The seeds by which a session's buyer signs.
pub struct Wallet {
    session: Address,
    bump: [u8; 1],
}

impl Wallet {
    /// The buyer of a session.
    pub fn of(session: &Account<Session>) -> Self {
        Self { session: *session.address(), bump: [session.wallet_bump] }
    }

    /// The buyer of a session that is being opened.
    pub fn new(session: &Address, bump: u8) -> Self {
        Self { session: *session, bump: [bump] }
    }

    pub fn seeds(&self) -> [&[u8]; 3] {
        [WALLET_SEED, self.session.as_ref(), &self.bump]
    }
}

#[cfg(test)]
mod tests {
    use {super::*, bytemuck::Zeroable};

    #[test]
    fn a_session_buys_no_more_than_its_driver_asked_for() {
        let session = Session { limit_wh: 1_000, bought_wh: 400, ..Session::zeroed() };
        assert_eq!(session.validate_energy(600), Ok(()));
        assert_eq!(session.validate_energy(601), Err(ChargerError::LimitExceeded.into()));
        assert_eq!(session.validate_energy(u64::MAX), Err(ChargerError::LimitExceeded.into()));
        let session = Session { bid_wh: 500, ..session };
        assert_eq!(session.validate_energy(100), Ok(()));
        assert_eq!(session.validate_energy(101), Err(ChargerError::LimitExceeded.into()));
    }

    #[test]
    fn a_session_keeps_its_last_receipt_and_its_totals() {
        let receipt =
            |number: u8| Receipt { transaction_hash: [number; 32], energy_wh: 300, paid: 75, purchased_at: 9 };
        let mut session = Session { limit_wh: 1_000, ..Session::zeroed() };
        session.keep(7, receipt(1)).unwrap();
        session.keep(8, receipt(2)).unwrap();
        assert_eq!((session.bought_wh, session.paid, session.purchases), (600, 150, 2));
        assert_eq!((session.last_nonce, session.last_receipt), (8, receipt(2)));
    }
}
