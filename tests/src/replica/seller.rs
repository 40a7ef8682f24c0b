//! Sellers, their vaults, and who is paid.

use {
    super::{
        books::Replica,
        tokens::{TokenBalances, TokenTally},
    },
    crate::key::pda,
    bytemuck::Zeroable,
    multibus::{constants::LAYOUT_VERSION, event::*, state},
    solana_address::Address,
};

impl Replica {
    pub(super) fn seller_opened(&mut self, event: &SellerOpened, now: i64, tally: &TokenTally) {
        let SellerOpened { bus, seller, wallet, vault, rent_payer, first_offer, opened_at } = *event;
        assert_eq!((seller, vault, opened_at), (pda::seller(&bus, &wallet).0, pda::vault(&seller).0, now));
        assert_eq!(self.bus(&bus).closing, 0, "no seller opens on a closing bus");
        self.ledger_mut(&bus).open_sellers += 1;
        let opened = state::Seller {
            layout_version: LAYOUT_VERSION,
            bump: pda::seller(&bus, &wallet).1,
            next_offer: first_offer,
            opened_at,
            bus,
            wallet,
            vault,
            rent_payer,
            ..Zeroable::zeroed()
        };
        assert!(self.sellers.insert(seller, opened).is_none(), "a seller is opened once");
        // It may have closed in the same transaction: what left it then is none of this account's.
        let left = tally.known.get(&vault).copied().unwrap_or(0);
        self.held.insert(vault, -left);
    }

    pub(super) fn seller_admitted(&mut self, event: &SellerAdmitted) {
        let SellerAdmitted { bus, seller, wallet, admitted_by: _ } = *event;
        let seller = self.sellers.get_mut(&seller).expect("a known seller");
        assert_eq!((seller.bus, seller.wallet), (bus, wallet));
        (seller.admitted, seller.suspended) = (1, 0);
    }

    pub(super) fn seller_suspended(&mut self, event: &SellerSuspended) {
        let SellerSuspended { bus, seller, wallet, suspended_by: _ } = *event;
        let seller = self.sellers.get_mut(&seller).expect("a known seller");
        assert_eq!((seller.bus, seller.wallet), (bus, wallet));
        (seller.admitted, seller.suspended) = (0, 1);
    }

    pub(super) fn seller_withdrawn(&mut self, event: &SellerWithdrawn, tally: &mut TokenTally) {
        let SellerWithdrawn { bus, seller, destination, withdrawn_by: _, amount } = *event;
        let treasury = self.bus(&bus).treasury;
        let seller = self.sellers.get_mut(&seller).expect("a known seller");
        assert_eq!((seller.bus, seller.released), (bus, amount), "a withdrawal pays all that is released");
        assert!(seller.wallet != bus || destination == treasury, "the bus's revenue goes to its treasury");
        seller.released = 0;
        tally.moved(&seller.vault.clone(), &destination, amount);
    }

    pub(super) fn grid_fees_swept(&mut self, event: &GridFeesSwept, tally: &mut TokenTally) {
        let GridFeesSwept { bus, seller, recipient, destination, swept_by, amount, outcome, padding } = *event;
        assert_eq!(padding, [0; 7]);
        let of = *self.bus(&bus);
        let seller = self.sellers.get_mut(&seller).expect("a known seller");
        assert_eq!((seller.bus, seller.grid_fees_owed), (bus, amount), "a sweep pays all grid fees");
        assert!(amount > 0, "a sweep pays something");
        assert_eq!(recipient, of.grid_recipient, "grid fees are the present recipient's");
        let is_paid = outcome == state::RefundOutcome::Paid as u8;
        let to = if is_paid { destination } else { of.unclaimed };
        let is_treasury = recipient == Address::default();
        let is_owners = to == of.treasury || to == of.unclaimed;
        assert!(!is_treasury || is_owners, "without a recipient they are the treasury's, or wait while that is frozen");
        assert!(is_treasury || !is_paid || swept_by == recipient || destination != of.treasury);
        seller.grid_fees_owed = 0;
        tally.moved(&seller.vault.clone(), &to, amount);
        if is_treasury && to == of.unclaimed {
            self.ledger_mut(&bus).diverted += amount;
        }
    }

    pub(super) fn seller_closed(&mut self, event: &SellerClosed, before: &mut TokenBalances, tally: &mut TokenTally) {
        let SellerClosed { bus, seller, wallet, closed_by: _, destination, amount, gift, outcome, padding } = *event;
        assert_eq!(padding, [0; 7]);
        let closed = self.sellers.remove(&seller).expect("a known seller");
        assert_eq!((closed.bus, closed.wallet, closed.released, closed.open_offers), (bus, wallet, amount, 0));
        assert_eq!((closed.open_books, closed.meter, closed.grid_fees_owed), (0, Address::default(), 0));
        self.sync(&closed.vault, before);
        let of = *self.bus(&bus);
        let to = if outcome == state::RefundOutcome::Paid as u8 { destination } else { of.unclaimed };
        let moved = tally.known.get(&closed.vault).copied().unwrap_or(0);
        let held = before[&closed.vault].amount as i128 + moved;
        assert_eq!(held, (amount + gift) as i128, "a vault is emptied");
        if amount > 0 {
            tally.moved(&closed.vault, &to, amount);
        }
        if gift > 0 {
            *tally.known.entry(closed.vault).or_default() -= gift as i128;
            tally.gifts.push((bus, gift));
        }
        self.held.remove(&closed.vault);
        self.gifts.remove(&closed.vault);
        self.ledger_mut(&bus).open_sellers -= 1;
    }
}
