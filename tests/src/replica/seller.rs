//! Sellers, their vaults, and who is paid.

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

    pub(super) fn seller_closed(&mut self, event: &SellerClosed, before: &mut TokenBalances, tally: &mut TokenTally) {
        let SellerClosed { bus, seller, wallet, closed_by: _, destination, amount, gift, outcome, padding } = *event;
        assert_eq!(padding, [0; 7]);
        let closed = self.sellers.remove(&seller).expect("a known seller");
        assert_eq!((closed.bus, closed.wallet, closed.released, closed.open_offers), (bus, wallet, amount, 0));
        self.sync(&closed.vault, before);
        let of = *self.bus(&bus);
        let to = if outcome == state::RefundOutcome::Paid as u8 { destination } else { of.unclaimed };
        if amount > 0 {
            tally.moved(&closed.vault, &to, amount);
        }
        assert_eq!(before[&closed.vault].amount, amount + gift, "a vault is emptied");
        if gift > 0 {
            *tally.known.entry(closed.vault).or_default() -= gift as i128;
            tally.gifts.push((of.treasury, of.unclaimed, gift));
        }
        self.held.remove(&closed.vault);
        self.gifts.remove(&closed.vault);
        self.ledger_mut(&bus).open_sellers -= 1;
    }
}
