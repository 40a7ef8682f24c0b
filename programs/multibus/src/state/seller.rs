//! A seller on one bus: whether it may list, the number of its next offer, and what it can withdraw.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        state::{Bus, counter},
    },
    anchor_lang::{address_eq, prelude::*},
};

/// A seller on a bus. PDA `["seller", bus, wallet]`. The bus sells its own offers as the seller whose wallet is the bus.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Seller {
    pub layout_version: u8,
    pub bump: u8,
    /// 1 while the owners or the operator have suspended it: it cannot list, and cannot close unless the bus is
    /// closing.
    pub suspended: u8,
    /// 1 where the owners or the operator have admitted it. It matters where the bus's listing policy is `Admitted`.
    pub admitted: u8,
    /// Offers that are open.
    pub open_offers: u32,
    /// Number of its next offer.
    pub next_offer: u64,
    /// What the seller can withdraw from the vault now, in token base units.
    pub released: u64,
    /// When it was opened, in unix seconds.
    pub opened_at: i64,
    pub bus: Address,
    /// The wallet that lists and is paid. It is the bus's address where the bus sells its own energy.
    pub wallet: Address,
    /// The seller's vault: the token account that its buyers pay into. Its authority is the bus.
    pub vault: Address,
    /// Who paid the rent of this account and of the vault, and gets it back.
    pub rent_payer: Address,
    /// What the vault holds for the recipient of grid fees, in token base units.
    pub grid_fees_owed: u64,
    /// Its meter account; zeros while it has none.
    pub meter: Address,
    /// Delivery books that are open.
    pub open_books: u32,
    pub padding: [u8; 4],
    pub reserved: [u64; 18],
}

const _: () = assert!(size_of::<Seller>() == 352);

impl Seller {
    /// Initialises a new seller, whose offers are numbered from `first_slot << 20`.
    pub fn initialize(
        &mut self,
        bus: &Address,
        wallet: &Address,
        rent_payer: &Address,
        vault: &Address,
        first_slot: u64,
        now: i64,
    ) -> Result<()> {
        let next_offer = counter::first_number(first_slot)?;
        self.layout_version = LAYOUT_VERSION;
        self.next_offer = next_offer;
        self.opened_at = now;
        self.bus = *bus;
        self.wallet = *wallet;
        self.vault = *vault;
        self.rent_payer = *rent_payer;
        Ok(())
    }

    /// Whether this is the bus as the seller of its own offers.
    #[inline(always)]
    pub fn is_of(&self, bus: &Address) -> bool {
        address_eq(&self.wallet, bus)
    }

    /// Refuses a seller who may not list on its bus now, because it is suspended or the listing policy leaves it out.
    /// The bus itself may list under every policy.
    #[inline(always)]
    pub fn validate_lists(&self, bus: &Bus, bus_address: &Address) -> Result<()> {
        ensure!(self.suspended == 0, SellerSuspended);
        ensure!(
            self.is_of(bus_address) || bus.may_list(&self.wallet, self.admitted == 1),
            ListingClosed,
            "listing policy {}",
            bus.listing_policy
        );
        Ok(())
    }

    /// Admits the seller, which also ends a suspension.
    pub fn admit(&mut self) {
        self.admitted = 1;
        self.suspended = 0;
    }

    /// Suspends the seller, until it is admitted again. Its open offers go on trading until somebody cancels them.
    pub fn suspend(&mut self) {
        self.admitted = 0;
        self.suspended = 1;
    }

    /// Counts a new offer, which takes the next number.
    #[inline(always)]
    pub fn list(&mut self, number: u64) -> Result<()> {
        let next_offer = counter::spend(self.next_offer, number)?;
        let Some(open_offers) = self.open_offers.checked_add(1) else { refuse!(CounterOverflow) };
        self.next_offer = next_offer;
        self.open_offers = open_offers;
        Ok(())
    }

    /// Counts an offer that closes.
    #[inline(always)]
    pub fn close_offer(&mut self) {
        self.open_offers -= 1;
    }

    /// Lets the seller withdraw this much more of the vault, in token base units.
    #[inline(always)]
    pub fn release(&mut self, amount: u64) {
        // Cannot overflow: the vault holds all that was released.
        self.released += amount;
    }

    /// Whether it has a meter.
    #[inline(always)]
    pub fn has_meter(&self) -> bool {
        self.meter.to_bytes() != [0; 32]
    }

    /// Adds to what the vault holds for the recipient of grid fees, in token base units.
    #[inline(always)]
    pub fn owe_grid_fees(&mut self, amount: u64) {
        // Cannot overflow: the vault holds all that is owed.
        self.grid_fees_owed += amount;
    }

    /// Takes out all grid fees; returns them in token base units.
    #[inline(always)]
    pub fn sweep_grid_fees(&mut self) -> Result<u64> {
        ensure!(self.grid_fees_owed > 0, NothingToSweep);
        Ok(core::mem::take(&mut self.grid_fees_owed))
    }

    /// Takes out all that can be withdrawn; returns it in token base units.
    #[inline(always)]
    pub fn withdraw(&mut self) -> Result<u64> {
        ensure!(self.released > 0, NothingToWithdraw);
        Ok(core::mem::take(&mut self.released))
    }

    /// Refuses callers who may not close the account: the seller itself may (an owner for the bus) unless it is
    /// suspended, and anyone where the bus is closing. Also refuses while an offer or a delivery book is open, while
    /// the seller has a meter, and while its vault holds grid fees.
    pub fn validate_close(&self, bus: &Bus, caller_is_seller: bool, slot: u64) -> Result<()> {
        if bus.closing == 0 {
            ensure!(caller_is_seller, NotTheSeller);
            ensure!(self.suspended == 0, SellerSuspended);
            counter::validate_close(self.next_offer, slot)?;
        }
        ensure!(self.open_offers == 0, SellerHasOffers, "{} offers are open", self.open_offers);
        ensure!(self.open_books == 0, SellerHasBooks, "{} delivery books are open", self.open_books);
        ensure!(!self.has_meter(), SellerHasMeter);
        ensure!(self.grid_fees_owed == 0, SellerOwesGridFees, "{} base units", self.grid_fees_owed);
        Ok(())
    }

    /// Checks what always holds of a seller.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            suspended,
            admitted,
            open_offers: _,
            next_offer: _,
            released: _,
            opened_at: _,
            bus,
            wallet,
            vault,
            rent_payer: _,
            grid_fees_owed: _,
            meter: _,
            open_books: _,
            padding,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(*suspended <= 1 && *admitted <= 1, "flags are 0 or 1")?;
        invariant(*suspended == 0 || *admitted == 0, "who is suspended is not admitted")?;
        invariant(vault != wallet && vault != bus, "the vault is an account of its own")?;
        invariant(*padding == [0; 4] && *reserved == [0; 18], "reserved bytes are zero")
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::{
            error::MultibusError,
            state::{
                ListingPolicy,
                fixture::{BUS, assert_noticed, wallet},
            },
        },
        bytemuck::Zeroable,
    };

    fn seller() -> Seller {
        let mut seller = Seller::zeroed();
        seller.initialize(&BUS, &wallet(1), &wallet(2), &wallet(3), 5, 1_000).unwrap();
        seller
    }

    #[test]
    fn who_lists_is_decided_by_the_policy_and_by_suspension() {
        let mut bus = Bus { owner_count: 1, ..Bus::zeroed() };
        bus.owners[0].owner = wallet(1);
        let seller = |number: u8, admitted| Seller { wallet: wallet(number), admitted, ..Seller::zeroed() };
        let own = Seller { wallet: BUS, ..Seller::zeroed() };
        let (owner, admitted, stranger) = (seller(1, 0), seller(4, 1), seller(5, 0));
        let closed = Err(MultibusError::ListingClosed.into());
        for (policy, expected) in [
            (ListingPolicy::OwnersOnly, [Ok(()), Ok(()), closed.clone(), closed.clone()]),
            (ListingPolicy::Admitted, [Ok(()), Ok(()), Ok(()), closed.clone()]),
            (ListingPolicy::Open, [Ok(()), Ok(()), Ok(()), Ok(())]),
        ] {
            bus.listing_policy = policy as u8;
            for (seller, expected) in [own, owner, admitted, stranger].iter().zip(expected) {
                assert_eq!(seller.validate_lists(&bus, &BUS), expected, "{policy:?}");
                let suspended = Seller { suspended: 1, ..*seller };
                assert_eq!(suspended.validate_lists(&bus, &BUS), Err(MultibusError::SellerSuspended.into()));
            }
        }
    }

    #[test]
    fn a_seller_begins_with_the_first_number_of_its_slot_and_nothing_to_withdraw() {
        let seller = seller();
        assert_eq!((seller.layout_version, seller.next_offer, seller.open_offers), (LAYOUT_VERSION, 5 << 20, 0));
        assert_eq!((seller.released, seller.opened_at), (0, 1_000));
        assert_eq!(
            (seller.bus, seller.wallet, seller.rent_payer, seller.vault),
            (BUS, wallet(1), wallet(2), wallet(3))
        );
        assert_eq!((seller.admitted, seller.suspended, seller.check_invariants()), (0, 0, Ok(())));
        assert!(!seller.is_of(&BUS));
        assert!(Seller { wallet: BUS, ..seller }.is_of(&BUS));
        let mut late = Seller::zeroed();
        let refused = late.initialize(&BUS, &wallet(1), &wallet(2), &wallet(3), 1 << 44, 0);
        assert_eq!((refused, late), (Err(MultibusError::CounterOverflow.into()), Seller::zeroed()));
    }

    #[test]
    fn an_offer_takes_the_next_number_and_no_other() {
        let mut seller = seller();
        let first = 5 << 20;
        for number in [0, first - 1, first + 1, u64::MAX] {
            let before = seller;
            assert_eq!(seller.list(number), Err(MultibusError::NumberNotNext.into()));
            assert_eq!(seller, before);
        }
        seller.list(first).unwrap();
        seller.list(first + 1).unwrap();
        assert_eq!((seller.next_offer, seller.open_offers), (first + 2, 2));
        seller.close_offer();
        assert_eq!((seller.next_offer, seller.open_offers), (first + 2, 1));
        seller.open_offers = u32::MAX;
        assert_eq!(seller.list(first + 2), Err(MultibusError::CounterOverflow.into()));
    }

    #[test]
    fn all_that_is_released_is_withdrawn_once() {
        let mut seller = seller();
        assert_eq!(seller.withdraw(), Err(MultibusError::NothingToWithdraw.into()));
        seller.release(5);
        seller.release(7);
        assert_eq!(seller.withdraw(), Ok(12));
        assert_eq!(seller.released, 0);
        assert_eq!(seller.withdraw(), Err(MultibusError::NothingToWithdraw.into()));
    }

    #[test]
    fn grid_fees_are_swept_once_and_before_a_seller_closes() {
        let mut seller = seller();
        assert_eq!(seller.sweep_grid_fees(), Err(MultibusError::NothingToSweep.into()));
        seller.owe_grid_fees(3);
        seller.owe_grid_fees(4);
        let owes = Err(MultibusError::SellerOwesGridFees.into());
        assert_eq!(seller.validate_close(&Bus::zeroed(), true, 5), owes);
        assert_eq!((seller.sweep_grid_fees(), seller.grid_fees_owed), (Ok(7), 0));
        assert_eq!(seller.validate_close(&Bus::zeroed(), true, 5), Ok(()));
    }

    #[test]
    fn a_seller_closes_without_meter_and_books() {
        let books = Seller { open_books: 1, ..seller() };
        assert_eq!(books.validate_close(&Bus::zeroed(), true, 5), Err(MultibusError::SellerHasBooks.into()));
        let metered = Seller { meter: wallet(5), ..seller() };
        assert!(metered.has_meter() && !seller().has_meter());
        assert_eq!(metered.validate_close(&Bus::zeroed(), true, 5), Err(MultibusError::SellerHasMeter.into()));
    }

    #[test]
    fn who_is_suspended_is_admitted_again_by_a_decision() {
        let mut seller = seller();
        seller.admit();
        assert_eq!((seller.admitted, seller.suspended, seller.check_invariants()), (1, 0, Ok(())));
        seller.suspend();
        assert_eq!((seller.admitted, seller.suspended, seller.check_invariants()), (0, 1, Ok(())));
        seller.admit();
        assert_eq!((seller.admitted, seller.suspended), (1, 0));
    }

    #[test]
    fn a_seller_closes_itself_or_its_bus_closes_it() {
        let (bus, closing) = (Bus::zeroed(), Bus { closing: 1, ..Bus::zeroed() });
        let mut seller = seller();
        assert_eq!(seller.validate_close(&bus, true, 5), Ok(()));
        assert_eq!(seller.validate_close(&bus, false, 5), Err(MultibusError::NotTheSeller.into()));
        assert_eq!(seller.validate_close(&closing, false, 5), Ok(()));
        seller.list(seller.next_offer).unwrap();
        assert_eq!(seller.validate_close(&bus, true, 6), Err(MultibusError::SellerHasOffers.into()));
        assert_eq!(seller.validate_close(&closing, false, 6), Err(MultibusError::SellerHasOffers.into()));
        seller.close_offer();
        // If it were opened again in this slot, it would give the same number again.
        assert_eq!(seller.validate_close(&bus, true, 5), Err(MultibusError::CounterBusy.into()));
        assert_eq!(seller.validate_close(&bus, true, 6), Ok(()));
        assert_eq!(seller.validate_close(&closing, false, 5), Ok(()), "no seller opens again there");
        seller.suspend();
        assert_eq!(seller.validate_close(&bus, true, 6), Err(MultibusError::SellerSuspended.into()));
        assert_eq!(seller.validate_close(&closing, false, 6), Ok(()));
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        assert_noticed(
            &seller(),
            Seller::check_invariants,
            &[
                ("the layout version is the present one", |seller| seller.layout_version = 1),
                ("flags are 0 or 1", |seller| seller.suspended = 2),
                ("flags are 0 or 1", |seller| seller.admitted = 2),
                ("who is suspended is not admitted", |seller| (seller.suspended, seller.admitted) = (1, 1)),
                ("the vault is an account of its own", |seller| seller.vault = seller.wallet),
                ("the vault is an account of its own", |seller| seller.vault = seller.bus),
                ("reserved bytes are zero", |seller| seller.padding[3] = 1),
                ("reserved bytes are zero", |seller| seller.reserved[17] = 1),
            ],
        );
    }
}
