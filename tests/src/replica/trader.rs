//! Counters of wallets: of their buses, and of their purchases.

use {
    super::books::Replica,
    crate::key::pda,
    bytemuck::Zeroable,
    multibus::{constants::LAYOUT_VERSION, event::*, state},
};

impl Replica {
    pub(super) fn creator_opened(&mut self, event: &CreatorOpened) {
        let CreatorOpened { creator, wallet, first_bus } = *event;
        let (place, bump) = pda::creator(&wallet);
        assert_eq!(creator, place);
        let opened =
            state::Creator { layout_version: LAYOUT_VERSION, bump, next_bus: first_bus, wallet, ..Zeroable::zeroed() };
        assert!(self.creators.insert(creator, opened).is_none(), "a counter is opened once");
    }

    pub(super) fn trader_opened(&mut self, event: &TraderOpened, now: i64) {
        let TraderOpened { trader, wallet, first_nonce, lane, padding } = *event;
        let (place, bump) = pda::trader(&wallet, lane);
        assert_eq!((trader, padding), (place, [0; 6]));
        let lowest = self.nonces.get(&trader).copied().unwrap_or(0);
        assert!(first_nonce >= lowest, "a lane opens above every nonce it had");
        let opened = state::Trader {
            layout_version: LAYOUT_VERSION,
            bump,
            lane,
            next_nonce: first_nonce,
            first_nonce,
            opened_at: now,
            wallet,
            ..Zeroable::zeroed()
        };
        assert!(self.lanes.insert(trader, opened).is_none(), "a lane is opened once");
    }

    pub(super) fn trader_closed(&mut self, event: &TraderClosed) {
        let TraderClosed { trader, wallet, history_root, next_nonce, lane, padding } = *event;
        let closed = self.lanes.remove(&trader).expect("a known lane");
        assert_eq!((closed.wallet, closed.lane, padding), (wallet, lane, [0; 6]));
        assert_eq!((closed.next_nonce, closed.history_root), (next_nonce, history_root));
    }
}
