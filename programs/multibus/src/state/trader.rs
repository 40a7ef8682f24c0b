//! A nonce lane of a wallet. Every purchase spends the lane's next nonce, so it happens once.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        state::{counter, next_history_root},
    },
    anchor_lang::prelude::*,
    bytemuck::{Pod, Zeroable},
};

/// Receipt of one purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct Receipt {
    /// All zeros where the place is empty.
    pub transaction_hash: [u8; 32],
    /// Energy bought, in Wh.
    pub energy_wh: u64,
    /// Paid, in token base units.
    pub paid: u64,
    /// When, in unix seconds.
    pub purchased_at: i64,
}

/// One nonce lane of a wallet. PDA `["trader", wallet, lane]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Trader {
    pub layout_version: u8,
    pub bump: u8,
    pub lane: u16,
    pub padding: [u8; 4],
    /// The nonce that the next purchase must name.
    pub next_nonce: u64,
    /// The nonce that the lane started at when it was opened.
    pub first_nonce: u64,
    /// Energy bought since the lane was opened, in Wh. It saturates at the largest number.
    pub total_energy_wh: u64,
    /// Sum of the base units paid since the lane was opened, of all tokens together. It saturates, too.
    pub total_paid: u64,
    /// When the lane was opened, in unix seconds.
    pub opened_at: i64,
    pub wallet: Address,
    /// `sha256(previous root | transaction hash)` over every purchase since the lane was opened, from 32 zeros.
    pub history_root: [u8; 32],
    /// Receipt of nonce `n` at place `n % 16`.
    pub receipts: [Receipt; 16],
    pub reserved: [u8; 32],
}

const _: () = assert!(RECEIPTS == 16 && size_of::<Trader>() == 1_040);

impl Trader {
    /// Initialises a new lane, whose first nonce is `first_slot << 20`.
    pub fn initialize(&mut self, wallet: &Address, lane: u16, first_slot: u64, now: i64) -> Result<()> {
        let first_nonce = counter::first_number(first_slot)?;
        self.layout_version = LAYOUT_VERSION;
        self.lane = lane;
        self.next_nonce = first_nonce;
        self.first_nonce = first_nonce;
        self.opened_at = now;
        self.wallet = *wallet;
        Ok(())
    }

    /// Refuses every nonce but the next. Instructions check this first, so that a purchase that arrives twice fails
    /// because its nonce is spent, and not for another reason.
    #[inline(always)]
    pub fn validate_nonce(&self, nonce: u64) -> Result<()> {
        ensure!(nonce == self.next_nonce, NonceMismatch, "nonce {}, the lane's next is {}", nonce, self.next_nonce);
        Ok(())
    }

    /// Spends the next nonce on a purchase and keeps its receipt.
    #[inline(always)]
    pub fn record(&mut self, nonce: u64, receipt: Receipt) -> Result<()> {
        self.validate_nonce(nonce)?;
        self.record_next(receipt)
    }

    /// Spends the next nonce, which the caller has checked, and keeps the receipt.
    #[inline(always)]
    pub fn record_next(&mut self, receipt: Receipt) -> Result<()> {
        let nonce = self.next_nonce;
        let Some(next_nonce) = nonce.checked_add(1) else { refuse!(CounterOverflow) };
        self.next_nonce = next_nonce;
        self.history_root = next_history_root(&self.history_root, &receipt.transaction_hash);
        self.total_energy_wh = self.total_energy_wh.saturating_add(receipt.energy_wh);
        self.total_paid = self.total_paid.saturating_add(receipt.paid);
        self.receipts[(nonce % RECEIPTS as u64) as usize] = receipt;
        Ok(())
    }

    /// Refuses to close a lane in a slot in which it could be opened again below a nonce that it spent.
    pub fn validate_close(&self, slot: u64) -> Result<()> {
        counter::validate_close(self.next_nonce, slot)
    }

    /// Receipts in the account with their nonces, oldest first.
    pub fn receipts(&self) -> impl Iterator<Item = (u64, &Receipt)> {
        let oldest = self.next_nonce.saturating_sub(RECEIPTS as u64).max(self.first_nonce);
        (oldest..self.next_nonce).map(|nonce| (nonce, &self.receipts[(nonce % RECEIPTS as u64) as usize]))
    }

    /// Checks what always holds of a lane.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            lane: _,
            padding,
            next_nonce,
            first_nonce,
            total_energy_wh: _,
            total_paid: _,
            opened_at: _,
            wallet,
            history_root,
            receipts,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(next_nonce >= first_nonce, "nonces only grow")?;
        invariant((next_nonce == first_nonce) == (*history_root == [0; 32]), "the root tells of purchases")?;
        invariant(wallet.to_bytes() != [0; 32], "a lane has a wallet")?;
        let spent = next_nonce - first_nonce;
        let kept = receipts.iter().filter(|receipt| receipt.transaction_hash != [0; 32]).count() as u64;
        invariant(kept == spent.min(RECEIPTS as u64), "there is one receipt for each of the last 16 purchases")?;
        invariant(
            (1..RECEIPTS).all(|i| {
                receipts[i].transaction_hash == [0; 32]
                    || receipts[..i].iter().all(|earlier| earlier.transaction_hash != receipts[i].transaction_hash)
            }),
            "a transaction hash is recorded once",
        )?;
        invariant(*padding == [0; 4] && *reserved == [0; 32], "reserved bytes are zero")
    }
}

#[cfg(test)]
mod tests {
    use {super::*, crate::error::MultibusError, crate::state::fixture::assert_noticed};

    fn receipt(number: u8) -> Receipt {
        Receipt { transaction_hash: [number; 32], energy_wh: 1, paid: 2, purchased_at: 3 }
    }

    fn trader() -> Trader {
        let mut trader = Trader::zeroed();
        trader.initialize(&Address::new_from_array([9; 32]), 3, 5, 0).unwrap();
        trader
    }

    #[test]
    fn only_the_next_nonce_is_spent_and_only_once() {
        let mut lane = trader();
        let first = 5 << COUNTER_SLOT_SHIFT;
        for wrong in [0, first - 1, first + 1, u64::MAX] {
            let before = lane;
            assert_eq!(lane.record(wrong, receipt(1)), Err(MultibusError::NonceMismatch.into()));
            assert_eq!(lane, before);
        }
        lane.record(first, receipt(1)).unwrap();
        assert_eq!(lane.record(first, receipt(2)), Err(MultibusError::NonceMismatch.into()));
        assert_eq!(lane.history_root, next_history_root(&[0; 32], &[1; 32]));
    }

    #[test]
    fn the_last_16_receipts_stay() {
        let mut lane = trader();
        for number in 1..=40u8 {
            lane.record(lane.next_nonce, receipt(number)).unwrap();
            assert_eq!(lane.check_invariants(), Ok(()));
        }
        let kept: Vec<u8> = lane.receipts().map(|(_, receipt)| receipt.transaction_hash[0]).collect();
        assert_eq!(kept, (25..=40).collect::<Vec<_>>());
        assert_eq!((lane.total_energy_wh, lane.total_paid), (40, 80));
        lane.receipts[15].transaction_hash = lane.receipts[0].transaction_hash;
        assert_eq!(lane.check_invariants(), Err("a transaction hash is recorded once"));
        // The first nonce of all.
        let mut lane = Trader::zeroed();
        lane.record(0, receipt(1)).unwrap();
        assert_eq!(lane.receipts().map(|(nonce, _)| nonce).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn totals_stop_at_the_largest_number_and_never_block_a_purchase() {
        let mut lane = trader();
        lane.total_energy_wh = u64::MAX;
        lane.total_paid = u64::MAX - 1;
        lane.record(lane.next_nonce, receipt(1)).unwrap();
        assert_eq!((lane.total_energy_wh, lane.total_paid), (u64::MAX, u64::MAX));
    }

    #[test]
    fn a_lane_reopens_above_every_nonce_it_had() {
        let mut lane = trader();
        assert!(lane.validate_close(5).is_ok());
        lane.record(lane.next_nonce, receipt(1)).unwrap();
        assert_eq!(lane.validate_close(5), Err(MultibusError::CounterBusy.into()));
        assert!(lane.validate_close(6).is_ok());
        assert!(counter::first_number(6).unwrap() >= lane.next_nonce);
        assert_eq!(counter::first_number(1 << 44), Err(MultibusError::CounterOverflow.into()));
    }

    #[test]
    fn a_lane_that_starts_ahead_closes_only_once_its_slot_is_there() {
        let mut lane = Trader::zeroed();
        lane.initialize(&Address::new_from_array([9; 32]), 3, 9, 0).unwrap();
        assert_eq!(lane.validate_close(8), Err(MultibusError::CounterBusy.into()));
        assert!(lane.validate_close(9).is_ok());
        lane.record(lane.next_nonce, receipt(1)).unwrap();
        assert_eq!(lane.validate_close(9), Err(MultibusError::CounterBusy.into()));
        assert!(lane.validate_close(10).is_ok());
        // Opened again in the slot of its closing, at the earliest slot that is accepted.
        let reopened_at = counter::validate_first_slot(10, 10).unwrap();
        assert!(counter::first_number(reopened_at).unwrap() >= lane.next_nonce);
    }

    #[test]
    fn a_lane_begins_at_the_first_nonce_of_its_slot() {
        let lane = trader();
        assert_eq!((lane.layout_version, lane.lane, lane.opened_at), (LAYOUT_VERSION, 3, 0));
        assert_eq!((lane.first_nonce, lane.next_nonce), (5 << 20, 5 << 20));
        assert_eq!((lane.wallet, lane.check_invariants()), (Address::new_from_array([9; 32]), Ok(())));
        assert_eq!(lane.receipts().count(), 0);
        assert_eq!(counter::first_number((1 << 44) - 1), Ok(((1 << 44) - 1) << 20));
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let mut sound = trader();
        for number in 1..=3 {
            sound.record(sound.next_nonce, receipt(number)).unwrap();
        }
        assert_eq!(sound.check_invariants(), Ok(()));
        assert_noticed(
            &sound,
            Trader::check_invariants,
            &[
                ("the layout version is the present one", |lane| lane.layout_version = 1),
                ("nonces only grow", |lane| lane.next_nonce = lane.first_nonce - 1),
                ("the root tells of purchases", |lane| lane.history_root = [0; 32]),
                ("the root tells of purchases", |lane| lane.next_nonce = lane.first_nonce),
                ("a lane has a wallet", |lane| lane.wallet = Address::default()),
                ("there is one receipt for each of the last 16 purchases", |lane| lane.next_nonce += 1),
                ("there is one receipt for each of the last 16 purchases", |lane| lane.receipts[9] = receipt(9)),
                ("a transaction hash is recorded once", |lane| lane.receipts[2].transaction_hash = [1; 32]),
                ("a transaction hash is recorded once", |lane| lane.receipts[1].transaction_hash = [1; 32]),
                ("reserved bytes are zero", |lane| lane.padding[3] = 1),
                ("reserved bytes are zero", |lane| lane.reserved[31] = 1),
            ],
        );
    }
}
