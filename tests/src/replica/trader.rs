//! Nonce lanes.

use {
    super::{books::Replica, records::*},
    crate::key::pda,
    multibus::{constants::*, event::*, state},
    solana_address::Address,
};

impl Replica {
    pub(super) fn trader_opened(&mut self, event: &TraderOpened) {
        let TraderOpened { trader, wallet, first_nonce, lane, padding: _ } = event;
        assert_eq!(*trader, pda::trader(wallet, *lane).0);
        let lowest = self.nonces.get(trader).copied().unwrap_or(0);
        assert!(*first_nonce >= lowest, "a lane opens above every nonce it had");
        let opened = ReplicaLane {
            wallet: *wallet,
            lane: *lane,
            first_nonce: *first_nonce,
            next_nonce: *first_nonce,
            history_root: [0; 32],
            total_energy_wh: 0,
            total_paid: 0,
            receipts: Vec::new(),
        };
        assert!(self.lanes.insert(*trader, opened).is_none(), "a lane is opened once");
    }

    pub(super) fn trader_closed(&mut self, event: &TraderClosed) {
        let TraderClosed { trader, wallet, history_root, next_nonce, lane, padding: _ } = event;
        let closed = self.lanes.remove(trader).expect("a known lane");
        assert_eq!((closed.wallet, closed.lane), (*wallet, *lane));
        assert_eq!((closed.next_nonce, closed.history_root), (*next_nonce, *history_root));
    }

    pub(super) fn check_lane(&self, address: &Address, trader: state::Trader) {
        trader.check_invariants().unwrap();
        let told = self.lanes.get(address).expect("a lane of which the events tell");
        let mut receipts = [bytemuck::Zeroable::zeroed(); 16];
        for (nonce, receipt) in told.receipts.iter().rev().take(16) {
            receipts[(nonce % 16) as usize] = *receipt;
        }
        let expected = state::Trader {
            layout_version: LAYOUT_VERSION,
            bump: pda::trader(&told.wallet, told.lane).1,
            lane: told.lane,
            next_nonce: told.next_nonce,
            first_nonce: told.first_nonce,
            total_energy_wh: told.total_energy_wh,
            total_paid: told.total_paid,
            opened_at: trader.opened_at,
            wallet: told.wallet,
            history_root: told.history_root,
            receipts,
            ..bytemuck::Zeroable::zeroed()
        };
        assert_eq!(trader, expected, "the lane is as its events tell");
    }
}
