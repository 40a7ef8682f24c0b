//! Delivery books: what a seller listed and sold in 96 windows on delivery terms, what its meter said that it delivered, and so
//! what it is released and what goes back to its buyers. A reading is brought with [`crate::reading`].
//!
//! Every figure here is the program's own arithmetic on accounts that were read: [`DeliveryBook`] and
//! [`PositionBook`] have the rules.

use {
    crate::{
        account::{Keyed, offset},
        address,
        error::{Error, Result},
        market::{Market, Settlement},
        send::Sent,
        wallet::Wallet,
    },
    bytemuck::Zeroable,
    multibus::{
        constants::BOOK_WINDOWS,
        state::{Capacity, PositionBook, PositionWindow},
    },
    solana_address::Address,
    solana_instruction::Instruction,
};

pub use multibus::state::{
    BookMeter, BookWindow, BookWindowState, DeliveryBook, RefundedWindows, ReleasedWindows, Windows,
};

/// Instruction `delivery_release`: makes what was delivered in every final window its seller's to withdraw, less the grid fees.
/// Anyone may.
pub fn delivery_release(book: &Keyed<DeliveryBook>) -> Instruction {
    multibus::instruction::DeliveryRelease {}
        .to_instruction(multibus::accounts::DeliveryRelease { book: book.address, seller: book.seller })
}

/// Instruction `delivery_refund`: pays back what was not delivered in every final window of a position book, to the account that
/// it names. Anyone may.
pub fn delivery_refund(
    position: &Keyed<PositionBook>,
    book: &Keyed<DeliveryBook>,
    settlement: &Settlement,
) -> Instruction {
    multibus::instruction::DeliveryRefund {}.to_instruction(multibus::accounts::DeliveryRefund {
        bus: book.bus,
        book: book.address,
        position: position.address,
        vault: book.vault,
        refund: position.refund,
        token_program: settlement.token_program,
    })
}

/// Instruction `delivery_close`: closes a delivery book in which nothing is open, after its last gate, once all windows that were
/// used are final. Its seller may (an owner for the bus), and 30 days later anyone.
pub fn delivery_close(caller: &Address, book: &Keyed<DeliveryBook>) -> Instruction {
    multibus::instruction::DeliveryClose {}.to_instruction(multibus::accounts::DeliveryClose {
        caller: *caller,
        bus: book.bus,
        seller: book.seller,
        book: book.address,
        rent_payer: book.rent_payer,
    })
}

/// Where a window of a delivery book stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryState {
    /// It has not ended.
    Ahead,
    /// It has ended, and no reading has come. Without one it becomes final as if nothing had been delivered.
    AwaitsReading,
    /// It has a reading, which another can still correct.
    Correctable,
    /// No reading can change it any more: its seller can be released, its buyers refunded.
    Final,
    /// It is final, and its seller was released.
    Released,
}

impl DeliveryState {
    /// Its name in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ahead => "ahead",
            Self::AwaitsReading => "awaits_reading",
            Self::Correctable => "correctable",
            Self::Final => "final",
            Self::Released => "released",
        }
    }

    /// Whether no reading can change the window any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Final | Self::Released)
    }
}

/// The last reading of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastReading {
    /// What was delivered, in Wh.
    pub energy_wh: u64,
    /// When the window's first reading came, in unix seconds.
    pub first_at: i64,
    /// Readings by the operator. After the first one the device's count no more.
    pub operator_readings: u8,
}

/// A window of a delivery book in which energy was listed. Money is in token base units. Until it is final, what is released
/// and refunded is what its last reading would give; without a reading, nothing was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The delivery book.
    pub book: Address,
    /// The seller's account.
    pub seller: Address,
    /// Its place in the book, 0 to 95.
    pub place: usize,
    /// Its start, in unix seconds.
    pub window_start: i64,
    /// Its end, in unix seconds.
    pub window_end: i64,
    /// Its device.
    pub device: BookMeter,
    /// Where it stands.
    pub state: DeliveryState,
    /// First second in which no reading can change it any more, in unix seconds, as far as is known: a first reading moves it.
    /// `i64::MAX` while the window's auction has not settled all offers of the seller.
    pub final_at: i64,
    /// Energy that was listed, sold or not, in Wh.
    pub listed_wh: u64,
    /// Energy that was sold by trade, in Wh.
    pub sold_wh: u64,
    /// What was paid for it, grid fees included.
    pub paid: u64,
    /// Energy that the window's auction sold, in Wh. What was paid for it waits in the escrow of the bus.
    pub auction_wh: u64,
    /// How much of that was delivered, in Wh: the seller delivers for trade and auction in proportion to what each sold.
    pub auction_delivered_wh: u64,
    /// Whether the pool of the auction has counted it.
    pub pool_reported: bool,
    /// Offers of the seller that the auction has not settled, and that are not withdrawn. While there are any, the window is not
    /// final.
    pub unsettled_offers: u16,
    /// Its last reading; `None` where none came.
    pub reading: Option<LastReading>,
    /// The sequence that the device's next reading needs at least.
    pub next_sequence: u64,
    /// Energy that counts as delivered to buyers by trade, in Wh: without an auction the smaller of the reading and what was sold.
    pub delivered_wh: u64,
    /// What the seller is released for it. What the auction pays comes on top, out of the pool.
    pub released: u64,
    /// What the grid gets of it.
    pub grid_fee: u64,
    /// What goes back to all buyers together. Each refund is rounded down, so that up to one base unit a buyer stays, which the
    /// grid gets once the book closes.
    pub refunded: u64,
    /// Energy that was delivered and not sold, in Wh.
    pub surplus_wh: u64,
    /// Delivered energy that certificates were taken for, in Wh.
    pub certified_wh: u64,
    /// Whether the seller took the certificate of its surplus.
    pub surplus_certified: bool,
}

/// First second in which the window at a place of a book takes no reading any more, in unix seconds; `None` where nothing was
/// listed in it.
pub fn final_at(book: &DeliveryBook, place: usize) -> Option<i64> {
    let used = book.windows.get(place)?.state != BookWindowState::Unused as u8;
    used.then(|| book.final_at(place))
}

/// The book as if it had no other window than the one at a place.
fn window_alone(book: &DeliveryBook, place: usize) -> DeliveryBook {
    let mut alone = DeliveryBook { windows: [BookWindow::zeroed(); BOOK_WINDOWS], settled: 0, ..*book };
    alone.windows[place] = book.windows[place];
    alone
}

/// The window at a place of a book; `None` where nothing was listed in it.
pub fn delivery(book: &Keyed<DeliveryBook>, place: usize, now: i64) -> Option<Delivery> {
    let final_at = final_at(book, place)?;
    let window = book.windows[place];
    let (due, grid_fee) = { window }.release(book.terms.grid_fee_per_kwh);
    let window_end = book.window_start(place + 1);
    let reading = (window.reported_at != 0).then_some(LastReading {
        energy_wh: window.delivered_wh,
        first_at: window.reported_at,
        operator_readings: window.operator_readings,
    });
    let state = if window.state == BookWindowState::Released as u8 {
        DeliveryState::Released
    } else if book.is_final(place, now) {
        DeliveryState::Final
    } else if reading.is_some() {
        DeliveryState::Correctable
    } else if now >= window_end {
        DeliveryState::AwaitsReading
    } else {
        DeliveryState::Ahead
    };
    Some(Delivery {
        book: book.address,
        seller: book.seller,
        place,
        window_start: book.window_start(place),
        window_end,
        device: *book.device(place),
        state,
        final_at,
        listed_wh: window.listed_wh,
        sold_wh: window.sold_wh,
        paid: window.paid,
        auction_wh: window.auction_wh,
        auction_delivered_wh: window.delivered_parts().auction_wh,
        pool_reported: window.pool_reported != 0,
        unsettled_offers: window.unsettled_offers,
        reading,
        next_sequence: window.sequence.saturating_add(1),
        delivered_wh: window.delivered_parts().traded_wh,
        released: due - grid_fee,
        grid_fee,
        refunded: book.refund_of(place, window.paid),
        surplus_wh: book.surplus_of(place),
        certified_wh: window.certified_wh,
        surplus_certified: window.surplus_certified != 0,
    })
}

/// The windows of a book in which energy was listed, by their start.
pub fn deliveries(book: &Keyed<DeliveryBook>, now: i64) -> Vec<Delivery> {
    (0..BOOK_WINDOWS).filter_map(|place| delivery(book, place, now)).collect()
}

/// What `delivery_release` would set free now: windows that are final and not released, and what the seller and the grid get.
pub fn releasable(book: &DeliveryBook, now: i64) -> ReleasedWindows {
    let mut sum = ReleasedWindows::default();
    for place in 0..BOOK_WINDOWS {
        let ReleasedWindows { windows, amount, grid_fee } = window_alone(book, place).release(now);
        sum.windows = union(sum.windows, windows);
        sum.amount = sum.amount.saturating_add(amount);
        sum.grid_fee = sum.grid_fee.saturating_add(grid_fee);
    }
    sum
}

/// What `delivery_refund` would pay back now: windows that are final and not refunded, and the money.
pub fn refundable(position: &PositionBook, book: &DeliveryBook, now: i64) -> RefundedWindows {
    let mut sum = RefundedWindows::default();
    for place in 0..BOOK_WINDOWS {
        let mut alone = PositionBook { windows: [PositionWindow::zeroed(); BOOK_WINDOWS], ..*position };
        alone.windows[place] = position.windows[place];
        let RefundedWindows { windows, amount } = alone.refund(book, now);
        sum.windows = union(sum.windows, windows);
        sum.amount = sum.amount.saturating_add(amount);
    }
    sum
}

fn union(a: Windows, b: Windows) -> Windows {
    [a[0] | b[0], a[1] | b[1]]
}

/// Whether a set of windows, as accounts and events hold it, has the one at a place.
pub fn has_window(windows: &Windows, place: usize) -> bool {
    windows.get(place / 64).is_some_and(|half| half >> (place % 64) & 1 == 1)
}

/// The places of the windows in a set, in order.
pub fn places(windows: &Windows) -> impl Iterator<Item = usize> {
    (0..BOOK_WINDOWS).filter(|place| has_window(windows, *place))
}

impl Market {
    /// A delivery book, by its address.
    pub async fn delivery_book(&self, book: &Address) -> Result<Keyed<DeliveryBook>> {
        self.get(book).await
    }

    /// The delivery book of a seller that a window is in, by the seller's wallet. Fails where the seller has listed nothing in
    /// its 96 windows, or the book was closed.
    pub async fn delivery_book_of(
        &self,
        bus: &Address,
        wallet: &Address,
        window_start: i64,
    ) -> Result<Keyed<DeliveryBook>> {
        let seller = address::seller(bus, wallet);
        let rules = self.bus(bus).await?;
        let terms = rules.terms_at(window_start);
        let mut missing = seller;
        // A book of earlier terms, which the bus has forgotten, is found among all of the seller's.
        if terms.has_windows() && window_start >= terms.from {
            missing = address::book(&seller, DeliveryBook::first_window_of(terms, window_start));
            if let Some(book) = self.find(&missing).await? {
                return Ok(book);
            }
        }
        let books = self.delivery_books_of(bus, wallet).await?;
        let is_in = |book: &Keyed<DeliveryBook>| book.place(window_start).is_ok();
        books.into_iter().find(is_in).ok_or(Error::NotFound { kind: "delivery book", address: missing })
    }

    /// Every delivery book of a bus, by seller and first window.
    pub async fn delivery_books(&self, bus: &Address) -> Result<Vec<Keyed<DeliveryBook>>> {
        let mut books: Vec<Keyed<DeliveryBook>> = self.list(&[(offset!(DeliveryBook, bus), bus.as_ref())]).await?;
        books.sort_unstable_by_key(|book| (book.seller, book.first_window));
        Ok(books)
    }

    /// The delivery books of every seller in a window, by address.
    pub(crate) async fn books_of_window(&self, capacity: &Capacity) -> Result<Vec<Keyed<DeliveryBook>>> {
        let terms = &capacity.terms;
        if !terms.is_on_delivery() || capacity.window_start < terms.from {
            return Ok(Vec::new());
        }
        let first_window = DeliveryBook::first_window_of(terms, capacity.window_start).to_le_bytes();
        let conditions = [
            (offset!(DeliveryBook, bus), capacity.bus.as_ref()),
            (offset!(DeliveryBook, first_window), first_window.as_ref()),
        ];
        let mut books = self.list::<DeliveryBook>(&conditions).await?;
        books.retain(|book| book.place(capacity.window_start).is_ok());
        Ok(books)
    }

    /// Every delivery book of a seller on a bus, by the seller's wallet; by first window.
    pub async fn delivery_books_of(&self, bus: &Address, wallet: &Address) -> Result<Vec<Keyed<DeliveryBook>>> {
        let seller = address::seller(bus, wallet);
        let mut books: Vec<Keyed<DeliveryBook>> =
            self.list(&[(offset!(DeliveryBook, seller), seller.as_ref())]).await?;
        books.sort_unstable_by_key(|book| book.first_window);
        Ok(books)
    }

    /// Every window of a bus in which energy was listed on delivery terms, by seller and start. `wallet` narrows it to one
    /// seller. Those that wait for a reading have the state [`DeliveryState::AwaitsReading`].
    pub async fn deliveries(&self, bus: &Address, wallet: Option<&Address>) -> Result<Vec<Delivery>> {
        let books = async {
            match wallet {
                Some(wallet) => self.delivery_books_of(bus, wallet).await,
                None => self.delivery_books(bus).await,
            }
        };
        let (books, clock) = tokio::join!(books, self.chain().clock());
        let (books, now) = (books?, clock?.unix_timestamp);
        Ok(books.iter().flat_map(|book| deliveries(book, now)).collect())
    }
}

impl Wallet {
    /// Releases what was delivered in every final window of a delivery book to its seller, less the grid fees. Anyone may.
    /// [`Wallet::seller_withdraw`] does it for all books of a seller.
    pub async fn delivery_release(&self, book: &Address) -> Result<Sent> {
        let book = Box::new(self.market().delivery_book(book).await?);
        self.send_once(&book.address, &[delivery_release(&book)]).await
    }

    /// Pays back what was not delivered in every final window of a position book, to the account that it names. Anyone may. If
    /// this wallet is the buyer and that account, its associated one, is missing, it is created. Where the account cannot be
    /// paid, the buyer names another with [`Wallet::position_set_refund`], or gets a claim when the position book is closed.
    pub async fn delivery_refund(&self, position: &Address) -> Result<Sent> {
        let position = self.market().position(position).await?;
        let book = Box::new(self.market().delivery_book(&position.book).await?);
        let settlement = self.market().settlement(&book.bus).await?;
        let mut instructions = self.create_refund_account(&position, &settlement).await?;
        instructions.push(delivery_refund(&position, &book, &settlement));
        self.send_once(&position.address, &instructions).await
    }
}
