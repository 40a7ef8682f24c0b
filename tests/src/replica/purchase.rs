//! Purchases.

use {
    super::{books::Replica, cost::cost, tokens::TokenTally},
    crate::key::pda,
    anchor_lang::solana_program::hash::hashv,
    multibus::{
        event::*,
        state::{self, PurchaseKind, Receipt},
    },
};

impl Replica {
    pub(super) fn energy_purchased(&mut self, event: &EnergyPurchased, now: i64, tally: &mut TokenTally) {
        let &EnergyPurchased { buyer, transaction_hash, nonce, purchased_at, lane: number, kind, reserved, ref fills } =
            event;
        assert_eq!((reserved, purchased_at), (0, now));
        // Invariant 4.
        assert!(self.hashes.insert(transaction_hash), "a transaction hash is recorded once");
        let (mut total_wh, mut total) = (0, 0);
        let settles = kind == PurchaseKind::LockSettlement as u8;
        let payment =
            if settles { None } else { Some(self.payments.pop_front().expect("a payment for each purchase")) };
        for fill in fills {
            let PurchasedFill { offer: of, energy_wh, price_per_kwh, cost: amount } = *fill;
            assert!(energy_wh > 0, "no fill is empty");
            assert_eq!(amount as u128, cost(energy_wh, price_per_kwh), "a fill costs its price");
            let offer = self.offers.get_mut(&of).expect("a known offer");
            assert_ne!(offer.wallet, buyer, "a seller cannot buy its own offer");
            let mut refund = payment;
            if settles {
                let number = self.settled.pop_front().expect("a lock_settle for each settlement");
                let is_meant = |lock: &state::Lock| (lock.offer, lock.buyer, lock.number) == (of, buyer, number);
                let settled = self.locks.iter().find(|(_, lock)| is_meant(lock)).map(|(address, _)| *address);
                let settled = settled.expect("a known lock");
                let lock = self.locks.remove(&settled).expect("found above");
                refund = Some(lock.refund);
                assert_eq!((lock.energy_wh, lock.price_per_kwh, lock.deposit), (energy_wh, price_per_kwh, amount));
                assert!(lock.state == 0 && now <= lock.expires_at, "a lock settles until its expiry");
                offer.reserved_wh -= energy_wh;
                offer.open_locks -= 1;
                offer.deposits -= amount;
            } else {
                assert!(kind <= PurchaseKind::Batch as u8);
                assert_eq!(self.buses[&offer.bus].paused, 0, "nothing is bought while paused");
                let full_price = offer.price_per_kwh + offer.grid_fee_per_kwh;
                assert_eq!(price_per_kwh, full_price, "a fill is at the offer's price, grid fee included");
                assert!(energy_wh <= offer.remaining_wh - offer.reserved_wh, "only free energy is sold");
                assert_eq!(offer.cancelled, 0, "a cancelled offer sells nothing");
                assert!(now >= offer.trades_from && now < offer.expires_at, "an offer sells while it trades");
                tally.paid(&offer.vault, amount);
            }
            offer.remaining_wh -= energy_wh;
            if offer.on_delivery == 1 {
                let (book, place) = (offer.book, offer.book_place as usize);
                let window = &mut self.books.get_mut(&book).expect("a known delivery book").windows[place];
                window.sold_wh += energy_wh;
                window.paid += amount;
                let position = self.positions.get_mut(&pda::position(&book, &buyer).0).expect("a known position");
                position.windows[place].energy_wh += energy_wh;
                position.windows[place].paid += amount;
                position.open_locks -= u32::from(settles);
                Self::name_refund(position, &refund.expect("of the payment or the lock"));
            } else {
                offer.proceeds += amount;
            }
            total_wh += energy_wh;
            total += amount;
        }
        let trader = pda::trader(&buyer, number).0;
        let lane = self.lanes.get_mut(&trader).expect("a known lane");
        assert_eq!(nonce, lane.next_nonce, "the next nonce is spent");
        lane.next_nonce += 1;
        self.nonces.insert(trader, lane.next_nonce);
        lane.history_root = hashv(&[&lane.history_root, &transaction_hash]).to_bytes();
        lane.total_energy_wh = lane.total_energy_wh.saturating_add(total_wh);
        lane.total_paid = lane.total_paid.saturating_add(total);
        lane.receipts[(nonce % 16) as usize] =
            Receipt { transaction_hash, energy_wh: total_wh, paid: total, purchased_at };
    }
}
