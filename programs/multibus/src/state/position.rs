//! The position book of a buyer: what it bought from one seller in 96 windows on delivery terms.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        state::{
            Bus, DeliveryBook, Windows,
            book::{add_window, has_window},
        },
    },
    anchor_lang::{address_eq, prelude::*},
    bytemuck::{Pod, Zeroable},
};

/// What a buyer bought of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct PositionWindow {
    /// Energy bought, in Wh.
    pub energy_wh: u64,
    /// What was paid for that energy, in token base units.
    pub paid: u64,
}

/// What a buyer gets back for windows that became final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefundedWindows {
    /// Bit `i % 64` of number `i / 64` is set for the window at place `i`.
    pub windows: Windows,
    /// In token base units.
    pub amount: u64,
}

/// From when on a position book can be closed, in unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionClosable {
    /// By its buyer: every window in which it bought is final.
    pub by_buyer: i64,
    /// By anyone.
    pub by_others: i64,
}

/// What a buyer bought from a seller in the windows of a delivery book. PDA `["position", book, buyer]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct PositionBook {
    pub layout_version: u8,
    pub bump: u8,
    pub padding: [u8; 2],
    /// Open locks of this buyer on offers of these windows.
    pub open_locks: u32,
    /// Windows that were refunded, also where the refund was 0. See [`Windows`].
    pub refunded: [u64; 2],
    /// Windows for which the buyer took its certificate. See [`Windows`].
    pub certified: [u64; 2],
    pub book: Address,
    pub buyer: Address,
    /// Token account that refunds go to: the account that paid the buyer's first purchase, or the refund account of its
    /// first lock, until the buyer names another. Zeros before.
    pub refund: Address,
    /// Who paid the rent and gets it back.
    pub rent_payer: Address,
    pub windows: [PositionWindow; 96],
    pub reserved: [u64; 4],
}

const _: () = assert!(size_of::<PositionBook>() == 1_736);

impl PositionBook {
    /// Initialises a new position book. It has no refund account yet, because only the buyer may name one.
    pub fn initialize(&mut self, book: &Address, buyer: &Address, rent_payer: &Address) {
        self.layout_version = LAYOUT_VERSION;
        self.book = *book;
        self.buyer = *buyer;
        self.rent_payer = *rent_payer;
    }

    /// Refuses a position book of another buyer, or on another delivery book.
    #[inline(always)]
    pub fn validate_owner(&self, book: &Address, buyer: &Address) -> Result<()> {
        ensure!(address_eq(&self.book, book) && address_eq(&self.buyer, buyer), PositionMismatch);
        Ok(())
    }

    /// Records the refund account where there is none yet.
    #[inline(always)]
    fn name_refund(&mut self, refund: &Address) {
        if self.refund.to_bytes() == [0; 32] {
            self.refund = *refund;
        }
    }

    /// Records energy that the buyer bought in a window.
    #[inline(always)]
    pub fn buy(&mut self, place: usize, energy_wh: u64, paid: u64, refund: &Address) {
        let window = &mut self.windows[place];
        // Cannot overflow: the delivery book's totals of the window are checked, and not smaller.
        window.energy_wh += energy_wh;
        window.paid += paid;
        self.name_refund(refund);
    }

    /// Counts a lock that the buyer takes.
    #[inline(always)]
    pub fn take_lock(&mut self, refund: &Address) -> Result<()> {
        let Some(open_locks) = self.open_locks.checked_add(1) else { refuse!(CounterOverflow) };
        self.open_locks = open_locks;
        self.name_refund(refund);
        Ok(())
    }

    /// Counts a lock of the buyer that closes.
    #[inline(always)]
    pub fn close_lock(&mut self) {
        self.open_locks -= 1;
    }

    /// Marks every window that is final and not refunded as refunded; returns what the buyer gets back for them.
    #[inline(never)]
    pub fn refund(&mut self, book: &DeliveryBook, now: i64) -> RefundedWindows {
        let mut refund = RefundedWindows::default();
        let (length, correction) = (book.terms.window_seconds as i64, book.terms.correction_seconds as i64);
        let mut deadline = book.first_window + book.deadline_after() - length;
        let mut amount = 0;
        for (half, windows) in self.windows.chunks(64).enumerate() {
            let (mut new, mut bit, refunded) = (0, 1, self.refunded[half]);
            for (window, of_seller) in windows.iter().zip(&book.windows[half * 64..]) {
                deadline += length;
                if window.energy_wh > 0 && refunded & bit == 0 && now >= of_seller.final_at(deadline, correction) {
                    new |= bit;
                    amount += of_seller.refund_of(window.paid);
                }
                bit <<= 1;
            }
            refund.windows[half] = new;
            self.refunded[half] |= new;
        }
        refund.amount = amount;
        refund
    }

    /// Marks the buyer's delivered energy of the window at a place as certified; returns it in Wh.
    pub fn certify(&mut self, book: &DeliveryBook, place: usize) -> Result<u64> {
        ensure!(!has_window(&self.certified, place), AlreadyCertified);
        let energy_wh = self.windows[place].energy_wh;
        let delivered_wh = if energy_wh == 0 { 0 } else { book.delivered_of(place, energy_wh) };
        ensure!(delivered_wh > 0, NothingToCertify);
        add_window(&mut self.certified, place);
        Ok(delivered_wh)
    }

    /// When a position book can be closed, if it has no lock then. The buyer may close it once its energy is final, and
    /// gives up certificates that it did not take. Others also wait for the book's last gate, so that a trade on its way
    /// does not find it closed, and, where the buyer has delivered energy to certify, until the time for certificates is
    /// over. First readings, purchases and listings can still change these times.
    #[inline(never)]
    pub fn closable(&self, book: &DeliveryBook, bus: &Bus, now: i64) -> PositionClosable {
        let (mut by_buyer, mut is_certified) = (0, true);
        for (place, window) in self.windows.iter().enumerate() {
            if window.energy_wh > 0 {
                by_buyer = book.final_at(place).max(by_buyer);
                is_certified &= has_window(&self.certified, place) || book.delivered_of(place, window.energy_wh) == 0;
            }
        }
        let mut by_others = book.last_gate(bus).max(by_buyer);
        if !is_certified {
            by_others = by_others.max(book.closable(bus, now).by_others);
        }
        PositionClosable { by_buyer, by_others }
    }

    /// Refuses to close a position book with an open lock, or before it is [`closable`](Self::closable).
    pub fn validate_close(&self, book: &DeliveryBook, bus: &Bus, caller_is_buyer: bool, now: i64) -> Result<()> {
        ensure!(self.open_locks == 0, PositionHasLocks, "{} locks are open", self.open_locks);
        let PositionClosable { by_buyer, by_others } = self.closable(book, bus, now);
        ensure!(now >= by_buyer, PositionNotFinal, "final at {}, now {}", by_buyer, now);
        ensure!(caller_is_buyer || now >= by_others, CertificatesOpen, "others close from {}, now {}", by_others, now);
        Ok(())
    }

    /// Checks what always holds of a position book and its delivery book.
    pub fn check_invariants(&self, book: &DeliveryBook) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            padding,
            open_locks: _,
            refunded,
            certified,
            book: _,
            buyer: _,
            refund: _,
            rent_payer: _,
            windows,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        for (place, window) in windows.iter().enumerate() {
            let PositionWindow { energy_wh, paid } = *window;
            let of_seller = &book.windows[place];
            invariant(
                energy_wh <= of_seller.sold_wh && paid <= of_seller.paid,
                "a buyer has no more than its seller sold",
            )?;
            invariant((energy_wh == 0) == (paid == 0), "what is bought is paid")?;
            invariant(
                energy_wh > 0 || !(has_window(refunded, place) || has_window(certified, place)),
                "only what was bought is refunded or certified",
            )?;
        }
        invariant(
            *padding == [0; 2] && refunded[1] >> 32 == 0 && certified[1] >> 32 == 0 && *reserved == [0; 4],
            "reserved bytes are zero",
        )
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::{
            error::MultibusError,
            state::{
                BookWindow, Terms,
                fixture::{assert_noticed, wallet},
            },
        },
    };

    const FROM: i64 = 900_000;
    const DEADLINE: i64 = 3_600;

    /// A book of windows of 900 s in which 1,000 Wh were sold at places 0 and 95.
    fn book() -> DeliveryBook {
        let terms = Terms {
            from: FROM,
            window_seconds: 900,
            reading_deadline_seconds: DEADLINE as u32,
            correction_seconds: 3_600,
            settlement: 1,
            ..Terms::zeroed()
        };
        let mut book = DeliveryBook { terms, first_window: FROM, ..DeliveryBook::zeroed() };
        for place in [0, 95] {
            book.windows[place] =
                BookWindow { listed_wh: 1_000, sold_wh: 1_000, paid: 500, state: 1, ..BookWindow::zeroed() };
        }
        book
    }

    fn position() -> PositionBook {
        let mut position = PositionBook::zeroed();
        position.initialize(&wallet(1), &wallet(2), &wallet(3));
        position
    }

    #[test]
    fn the_first_entry_names_the_refund_account_and_no_later_one() {
        let mut position = position();
        assert_eq!((position.refund, position.rent_payer), (Address::default(), wallet(3)));
        position.take_lock(&wallet(4)).unwrap();
        position.buy(0, 10, 5, &wallet(5));
        assert_eq!((position.refund, position.open_locks), (wallet(4), 1));
        position.close_lock();
        assert_eq!((position.windows[0].energy_wh, position.windows[0].paid, position.open_locks), (10, 5, 0));
        assert_eq!(position.check_invariants(&book()), Ok(()));
        assert_eq!(position.validate_owner(&wallet(1), &wallet(2)), Ok(()));
        for (book, buyer) in [(2, 2), (1, 1)] {
            let other = position.validate_owner(&wallet(book), &wallet(buyer));
            assert_eq!(other, Err(MultibusError::PositionMismatch.into()));
        }
        let mut full = PositionBook { open_locks: u32::MAX, ..position };
        assert_eq!(full.take_lock(&wallet(4)), Err(MultibusError::CounterOverflow.into()));
    }

    #[test]
    fn each_final_window_is_refunded_once() {
        let (mut position, book) = (position(), book());
        position.buy(0, 100, 50, &wallet(4));
        position.buy(95, 200, 70, &wallet(4));
        let (first, last) = (FROM + 900 + DEADLINE, FROM + 96 * 900 + DEADLINE);
        assert_eq!(position.refund(&book, first - 1), RefundedWindows::default());
        assert_eq!(position.refund(&book, first), RefundedWindows { windows: [1, 0], amount: 50 });
        assert_eq!(position.refund(&book, last - 1), RefundedWindows::default());
        assert_eq!(position.refund(&book, last), RefundedWindows { windows: [0, 1 << 31], amount: 70 });
        assert_eq!(position.refund(&book, i64::MAX), RefundedWindows::default());
        assert_eq!(position.check_invariants(&book), Ok(()));
    }

    #[test]
    fn what_was_delivered_is_certified_once() {
        let (mut position, mut book) = (position(), book());
        position.buy(95, 300, 70, &wallet(4));
        for place in [0, 95] {
            assert_eq!(position.certify(&book, place), Err(MultibusError::NothingToCertify.into()));
        }
        book.windows[95].delivered_wh = 501;
        assert_eq!(position.certify(&book, 95), Ok(150));
        assert_eq!(position.certify(&book, 95), Err(MultibusError::AlreadyCertified.into()));
        assert_eq!(position.check_invariants(&book), Ok(()));
    }

    #[test]
    fn a_position_closes_once_its_windows_are_final() {
        let (mut position, book, bus) = (position(), book(), Bus::zeroed());
        let gate = FROM + 95 * 900;
        let final_at = FROM + 900 + DEADLINE;
        // An empty position book: the buyer can close it at any time, others after the last gate.
        assert_eq!(position.validate_close(&book, &bus, true, 0), Ok(()));
        let early = Err(MultibusError::CertificatesOpen.into());
        assert_eq!(position.validate_close(&book, &bus, false, gate - 1), early);
        assert_eq!(position.validate_close(&book, &bus, false, gate), Ok(()));
        position.buy(0, 1, 1, &wallet(4));
        let open = Err(MultibusError::PositionNotFinal.into());
        assert_eq!(position.validate_close(&book, &bus, true, final_at - 1), open);
        assert_eq!(position.validate_close(&book, &bus, false, final_at - 1), open);
        // Nothing was delivered: others wait for the last gate, except on a closing bus.
        assert_eq!(position.validate_close(&book, &bus, true, final_at), Ok(()));
        assert_eq!(position.validate_close(&book, &bus, false, gate - 1), early);
        assert_eq!(position.validate_close(&book, &bus, false, gate), Ok(()));
        let closing = Bus { closing: 1, ..bus };
        assert_eq!(position.validate_close(&book, &closing, false, final_at), Ok(()));
        let mut book = book;
        book.windows[0].delivered_wh = 1_000;
        assert_eq!(position.validate_close(&book, &bus, true, final_at), Ok(()));
        let mut certified = position;
        certified.certify(&book, 0).unwrap();
        assert_eq!(certified.validate_close(&book, &bus, false, gate - 1), early);
        assert_eq!(certified.validate_close(&book, &bus, false, gate), Ok(()));
        // The last window of the book, in which nothing was delivered, is not waited for.
        let others = FROM + 900 + DEADLINE + CERTIFICATE_SECONDS;
        assert_eq!(position.validate_close(&book, &bus, false, others - 1), early);
        assert_eq!(position.validate_close(&book, &bus, false, others), Ok(()));
        position.take_lock(&wallet(4)).unwrap();
        let locked = Err(MultibusError::PositionHasLocks.into());
        assert_eq!(position.validate_close(&book, &bus, true, i64::MAX), locked);
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let mut sound = position();
        sound.buy(95, 300, 70, &wallet(4));
        let check = |position: &PositionBook| position.check_invariants(&book());
        assert_eq!(check(&sound), Ok(()));
        assert_noticed(
            &sound,
            check,
            &[
                ("the layout version is the present one", |position| position.layout_version = 1),
                ("a buyer has no more than its seller sold", |position| position.windows[95].energy_wh = 1_001),
                ("a buyer has no more than its seller sold", |position| position.windows[1].energy_wh = 1),
                ("what is bought is paid", |position| position.windows[95].paid = 0),
                ("only what was bought is refunded or certified", |position| position.refunded[0] = 2),
                ("only what was bought is refunded or certified", |position| position.certified[1] = 1),
                ("reserved bytes are zero", |position| position.padding[1] = 1),
                ("reserved bytes are zero", |position| position.refunded[1] = 1 << 32),
                ("reserved bytes are zero", |position| position.reserved[3] = 1),
            ],
        );
    }
}
