//! Position books: what a buyer bought from one seller in 96 windows on delivery terms. The library opens one in the same
//! transaction as the buyer's first purchase or lock.

use {
    crate::{
        account::{Keyed, offset},
        address,
        delivery::{DeliveryBook, DeliveryState, delivery, has_window},
        error::Result,
        market::{Market, Settlement},
        send::Sent,
        wallet::{Created, Wallet},
    },
    multibus::{constants::BOOK_WINDOWS, state::Offer},
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub use multibus::state::{PositionBook, PositionWindow};

/// Instruction `position_open`: opens the position book of a buyer on a delivery book of a bus, before the gate of its last
/// window; does nothing where it is open. Anyone may pay for it.
pub fn position_open(payer: &Address, bus: &Address, book: &Address, buyer: &Address) -> Instruction {
    multibus::instruction::PositionOpen { buyer: *buyer }.to_instruction(multibus::accounts::PositionOpen {
        payer: *payer,
        bus: *bus,
        book: *book,
        position: address::position(book, buyer),
        system_program: system_program::ID,
    })
}

/// Instruction `position_set_refund`: the buyer names the token account that refunds go to, until anyone may close the position.
pub fn position_set_refund(buyer: &Address, bus: &Address, book: &Address, refund: &Address) -> Instruction {
    multibus::instruction::PositionSetRefund { refund: *refund }.to_instruction(multibus::accounts::PositionSetRefund {
        buyer: *buyer,
        position: address::position(book, buyer),
        bus: *bus,
        book: *book,
    })
}

/// Instruction `position_close`: closes a position book all of whose windows are final, and pays what is not refunded yet, or
/// keeps it as a claim of the buyer. The buyer may; others after the last gate of the delivery book, and where something is left
/// to certify, 30 days after its last used window is final.
pub fn position_close(
    caller: &Address,
    position: &Keyed<PositionBook>,
    book: &Keyed<DeliveryBook>,
    settlement: &Settlement,
) -> Instruction {
    multibus::instruction::PositionClose {}.to_instruction(multibus::accounts::PositionClose {
        caller: *caller,
        bus: book.bus,
        book: book.address,
        position: position.address,
        vault: book.vault,
        refund: position.refund,
        unclaimed: address::unclaimed(&book.bus),
        ledger: address::ledger(&book.bus),
        claim: address::claim(&book.bus, &position.buyer),
        rent_payer: position.rent_payer,
        token_program: settlement.token_program,
        system_program: system_program::ID,
    })
}

/// What a buyer has of one window. Money is in token base units. Until the window is final, delivered energy and refund are what
/// its last reading would give; without a reading, nothing was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionDelivery {
    /// The window's place in the book, 0 to 95.
    pub place: usize,
    /// Its start, in unix seconds.
    pub window_start: i64,
    /// Where it stands.
    pub state: DeliveryState,
    /// First second in which no reading can change it any more, in unix seconds, as far as is known.
    pub final_at: i64,
    /// Energy bought, in Wh.
    pub energy_wh: u64,
    /// What was paid for it, grid fees included.
    pub paid: u64,
    /// Energy that was delivered to the buyer, in Wh.
    pub delivered_wh: u64,
    /// What goes back to the buyer, or went.
    pub refund: u64,
    /// Whether the refund was paid.
    pub is_refunded: bool,
    /// Whether the buyer took its certificate.
    pub is_certified: bool,
}

/// The windows of a position book in which energy was bought, by their start. `book` is the delivery book that it is on.
pub fn position_deliveries(position: &PositionBook, book: &Keyed<DeliveryBook>, now: i64) -> Vec<PositionDelivery> {
    let of_window = |place: usize| {
        let PositionWindow { energy_wh, paid } = position.windows[place];
        let window = delivery(book, place, now).filter(|_| energy_wh > 0)?;
        Some(PositionDelivery {
            place,
            window_start: window.window_start,
            state: window.state,
            final_at: window.final_at,
            energy_wh,
            paid,
            delivered_wh: book.delivered_of(place, energy_wh),
            refund: book.refund_of(place, paid),
            is_refunded: has_window(&position.refunded, place),
            is_certified: has_window(&position.certified, place),
        })
    };
    (0..BOOK_WINDOWS).filter_map(of_window).collect()
}

impl Market {
    /// A position book, by its address.
    pub async fn position(&self, position: &Address) -> Result<Keyed<PositionBook>> {
        self.get(position).await
    }

    /// The position book of a buyer on a delivery book; `None` where it has none.
    pub async fn find_position(&self, book: &Address, buyer: &Address) -> Result<Option<Keyed<PositionBook>>> {
        self.find(&address::position(book, buyer)).await
    }

    /// Every position book of a buyer, on all buses, by address.
    pub async fn positions_of(&self, buyer: &Address) -> Result<Vec<Keyed<PositionBook>>> {
        self.list(&[(offset!(PositionBook, buyer), buyer.as_ref())]).await
    }

    /// Every position book on a delivery book, by address.
    pub async fn positions_on(&self, book: &Address) -> Result<Vec<Keyed<PositionBook>>> {
        self.list(&[(offset!(PositionBook, book), book.as_ref())]).await
    }

    /// What a buyer has in each window of a position book, by window start.
    pub async fn position_deliveries(&self, position: &Keyed<PositionBook>) -> Result<Vec<PositionDelivery>> {
        let (book, clock) = tokio::join!(self.delivery_book(&position.book), self.chain().clock());
        Ok(position_deliveries(position, &book?, clock?.unix_timestamp))
    }
}

impl Wallet {
    /// Opens this wallet's position book on a delivery book. Purchases and locks do it where it is missing.
    pub async fn position_open(&self, book: &Address) -> Result<Created> {
        let position = address::position(book, &self.address());
        let bus = self.bus_of_book(book).await?;
        let sent = self.send_once(&position, &[position_open(&self.address(), &bus, book, &self.address())]).await?;
        Ok(Created { address: position, sent })
    }

    /// Names the token account that refunds of this wallet's position book on a delivery book go to. Before, it is the one that
    /// paid for its first purchase. It can change until anyone may close the position.
    pub async fn position_set_refund(&self, book: &Address, refund: &Address) -> Result<Sent> {
        let position = address::position(book, &self.address());
        let bus = self.bus_of_book(book).await?;
        self.send_once(&position, &[position_set_refund(&self.address(), &bus, book, refund)]).await
    }

    async fn bus_of_book(&self, book: &Address) -> Result<Address> {
        Ok(Box::new(self.market().delivery_book(book).await?).bus)
    }

    /// Closes a position book all of whose windows are final, and pays what is not refunded yet, or keeps it as a claim. Its buyer
    /// may at once, and gives up what it did not certify; others after the last gate of the delivery book, and where something is
    /// left to certify, 30 days after its last used window is final.
    pub async fn position_close(&self, position: &Address) -> Result<Sent> {
        let position = self.market().position(position).await?;
        let book = Box::new(self.market().delivery_book(&position.book).await?);
        let settlement = self.market().settlement(&book.bus).await?;
        let mut instructions = self.create_refund_account(&position, &settlement).await?;
        instructions.push(position_close(&self.address(), &position, &book, &settlement));
        self.send(&instructions).await
    }

    /// Creates the token account that refunds go to, where it is this wallet's associated one and missing.
    pub(crate) async fn create_refund_account(
        &self,
        position: &Keyed<PositionBook>,
        settlement: &Settlement,
    ) -> Result<Vec<Instruction>> {
        let own = settlement.token_account(&self.address());
        let is_missing = position.buyer == self.address()
            && position.refund == own
            && self.chain().accounts(&[own]).await?[0].is_none();
        Ok(is_missing.then(|| settlement.create_token_account(&self.address(), &self.address())).into_iter().collect())
    }

    /// Instructions that open the position books of this wallet that it lacks to buy from these offers: one for each delivery
    /// book, none for offers on purchase terms.
    pub(crate) async fn open_positions<'a>(
        &self,
        offers: impl IntoIterator<Item = &'a Offer>,
    ) -> Result<Vec<Instruction>> {
        let mut books: Vec<(Address, Address)> = Vec::new();
        for offer in offers {
            if offer.is_on_delivery() && !books.contains(&(offer.bus, offer.book)) {
                books.push((offer.bus, offer.book));
            }
        }
        if books.is_empty() {
            return Ok(Vec::new());
        }
        let positions: Vec<Address> = books.iter().map(|(_, book)| address::position(book, &self.address())).collect();
        let found = self.chain().accounts(&positions).await?;
        let missing = books.iter().zip(found).filter(|(_, position)| position.is_none());
        Ok(missing.map(|((bus, book), _)| position_open(&self.address(), bus, book, &self.address())).collect())
    }
}
