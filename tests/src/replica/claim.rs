//! What could not be paid.

use {
    super::{
        books::Replica,
        tokens::{TokenBalances, TokenTally},
    },
    crate::key::pda,
    bytemuck::Zeroable,
    multibus::{constants::LAYOUT_VERSION, event::*, state},
};

impl Replica {
    pub(super) fn claim_owed(&mut self, event: &ClaimOwed) {
        let ClaimOwed { bus, wallet, claim, refund, rent_payer, amount, total } = *event;
        let (place, bump) = pda::claim(&bus, &wallet);
        assert_eq!(claim, place);
        let is_new = !self.claims.contains_key(&claim);
        let owed = self.claims.entry(claim).or_insert_with(|| state::Claim {
            layout_version: LAYOUT_VERSION,
            bump,
            bus,
            wallet,
            rent_payer,
            ..Zeroable::zeroed()
        });
        owed.amount += amount;
        assert!(amount > 0, "nothing is not owed");
        // Zeros where the wallet named none, or an address of zeros.
        owed.refund = refund;
        assert_eq!((owed.amount, owed.rent_payer), (total, rent_payer));
        let ledger = self.ledger_mut(&bus);
        ledger.open_claims += u32::from(is_new);
        ledger.unclaimed_total += amount;
    }

    pub(super) fn claim_paid(&mut self, event: &ClaimPaid, before: &mut TokenBalances, tally: &mut TokenTally) {
        let ClaimPaid { bus, wallet, claim, destination, paid_by: _, amount, paid } = *event;
        let closed = self.claims.remove(&claim).expect("a known claim");
        assert_eq!((closed.bus, closed.wallet, closed.amount), (bus, wallet, amount), "a claim pays all");
        let unclaimed = pda::unclaimed(&bus).0;
        if self.tombstones.get(&bus).is_some_and(|tombstone| tombstone.open_claims == 1) {
            self.sync(&unclaimed, before);
        }
        tally.moved(&unclaimed, &destination, paid);
        if let Some(tombstone) = self.tombstones.get_mut(&bus) {
            tombstone.open_claims -= 1;
            if tombstone.open_claims == 0 {
                // The last one takes along what strangers sent.
                let of_this = tally.known[&unclaimed] + before[&unclaimed].amount as i128;
                assert_eq!(of_this, 0, "the last claim empties the account");
                self.held.remove(&unclaimed);
                self.gifts.remove(&unclaimed);
                return;
            }
        } else {
            let ledger = self.ledger_mut(&bus);
            ledger.open_claims -= 1;
            ledger.unclaimed_total -= amount;
        }
        assert_eq!(paid, amount);
    }

    /// Books that tie accounts together: counts and sums.
    pub(super) fn check_books(&self) {
        for (address, bus) in &self.buses {
            let ledger = &self.ledgers[&pda::ledger(address).0];
            let claims = self.claims.values().filter(|claim| claim.bus == *address);
            assert_eq!(ledger.unclaimed_total, claims.map(|claim| claim.amount).sum::<u64>());
            let booked = ledger.unclaimed_total + ledger.diverted;
            assert!(self.held[&bus.unclaimed] >= booked as i128, "all claims and all diverted revenue are covered");
        }
        for (address, seller) in &self.sellers {
            let own = self.offers.values().filter(|offer| offer.seller == *address);
            let booked: u128 = own.map(|offer| offer.proceeds as u128 + offer.deposits as u128).sum();
            let books = self.books.values().filter(|book| book.seller == *address);
            let in_books: u128 = books.map(Self::held_for).sum();
            let owed = booked + in_books + seller.released as u128 + seller.grid_fees_owed as u128;
            assert!(self.held[&seller.vault] >= owed.cast_signed(), "the vault covers what it owes");
        }
    }
}
