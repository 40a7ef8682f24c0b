//! Certificates of origin: each is for some Wh that a device delivered in a window, with the fields of a granular certificate of
//! `EnergyTag`. A buyer takes those of what was delivered to it, a seller those of what it delivered and did not sell. Each
//! delivered Wh is certified once. To retire a certificate uses it up for a beneficiary, for good.

use {
    crate::{
        account::{Keyed, offset},
        address,
        auction::Capacity,
        bid::{Bid, BidFilter, BidState},
        delivery::DeliveryBook,
        error::{Error, Result},
        event::Event,
        market::Market,
        position::PositionBook,
        quantity::Wh,
        send::Sent,
        wallet::{Created, Wallet},
    },
    multibus::{
        constants::{BOOK_WINDOWS, MAX_BENEFICIARY_LEN},
        error::MultibusError,
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub use multibus::state::{Certificate, CertificateState};

/// How often a certificate is asked for again because another of its window was taken first.
const TAKE_ATTEMPTS: u32 = 8;

/// Instruction `certificate_take`: takes the certificate of all that the owner may certify of a final window. `holding` is the
/// owner's position book; for what an auction sold to it its bid, once the pool is complete; or for what a seller did not sell its
/// seller account. The certificate's address starts at the Wh that
/// the book shows as certified: where another is taken first, the program refuses with `CertificateMismatch`.
///
/// # Errors
/// Where the window is not in the book.
pub fn certificate_take(
    owner: &Address,
    book: &Keyed<DeliveryBook>,
    holding: &Address,
    window_start: i64,
) -> Result<Instruction> {
    let place = book.place(window_start).map_err(|refused| Error::from_rule(&refused))?;
    let certificate = address::certificate(&book.seller, window_start, book.windows[place].certified_wh);
    let take = multibus::instruction::CertificateTake { window_start };
    Ok(take.to_instruction(multibus::accounts::CertificateTake {
        owner: *owner,
        book: book.address,
        holding: *holding,
        certificate,
        system_program: system_program::ID,
    }))
}

/// Instruction `certificate_transfer`: gives so much of a certificate to another wallet, in Wh. All of it changes its owner; a
/// part is the end of its range and becomes a certificate of its own, whose rent this owner pays and gets back.
pub fn certificate_transfer(
    owner: &Address,
    certificate: &Keyed<Certificate>,
    energy_wh: u64,
    to: &Address,
) -> Instruction {
    multibus::instruction::CertificateTransfer { energy_wh, to: *to }.to_instruction(
        multibus::accounts::CertificateTransfer {
            owner: *owner,
            certificate: certificate.address,
            part: transferred(certificate, energy_wh),
            system_program: system_program::ID,
        },
    )
}

/// The certificate of what is transferred: the same for all of it.
fn transferred(certificate: &Keyed<Certificate>, energy_wh: u64) -> Address {
    if energy_wh >= certificate.energy_wh() {
        return certificate.address;
    }
    address::certificate(&certificate.seller, certificate.window_start, certificate.range_end - energy_wh)
}

/// Instruction `certificate_retire`: uses a certificate up for a beneficiary, 1 to 64 bytes of text without control characters.
pub fn certificate_retire(owner: &Address, certificate: &Keyed<Certificate>, beneficiary: &str) -> Instruction {
    multibus::instruction::CertificateRetire { beneficiary: beneficiary.to_owned() }.to_instruction(
        multibus::accounts::CertificateRetire {
            owner: *owner,
            certificate: certificate.address,
            rent_payer: certificate.rent_payer,
        },
    )
}

/// What a wallet can take a certificate of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certifiable {
    /// The delivery book.
    pub book: Address,
    /// The owner's position book, its bid, or for what a seller did not sell its seller account.
    pub holding: Address,
    /// Start of the window, in unix seconds.
    pub window_start: i64,
    /// How much, in Wh.
    pub energy_wh: u64,
}

/// What a buyer can take certificates of now, by window start.
pub fn certifiable_of_buyer(position: &Keyed<PositionBook>, book: &Keyed<DeliveryBook>, now: i64) -> Vec<Certifiable> {
    let of_window = |place: usize| {
        let mut rest = position.account;
        let energy_wh = if book.is_final(place, now) { rest.certify(book, place).ok()? } else { return None };
        let window_start = book.window_start(place);
        Some(Certifiable { book: book.address, holding: position.address, window_start, energy_wh })
    };
    (0..BOOK_WINDOWS).filter_map(of_window).collect()
}

/// What a bid can take certificates of now, in the order of these books, which are those of the sellers in its window: its delivered
/// energy, of each seller at most what that one delivered for the auction and nobody has certified.
pub fn certifiable_of_bid(bid: &Keyed<Bid>, books: &[Keyed<DeliveryBook>], now: i64) -> Vec<Certifiable> {
    if bid.state != BidState::Refunded as u8 {
        return Vec::new();
    }
    let mut left_wh = bid.delivered_wh.saturating_sub(bid.certified_wh);
    let of_book = |book: &Keyed<DeliveryBook>| {
        let place =
            book.place(bid.window_start).ok().filter(|place| book.bus == bid.bus && book.is_final(*place, now))?;
        let window = &book.windows[place];
        let free_wh = window.delivered_parts().auction_wh.saturating_sub(window.auction_certified_wh);
        let energy_wh = left_wh.min(free_wh);
        left_wh -= energy_wh;
        let (book, holding, window_start) = (book.address, bid.address, bid.window_start);
        (energy_wh > 0).then_some(Certifiable { book, holding, window_start, energy_wh })
    };
    books.iter().filter_map(of_book).collect()
}

/// What a seller can take certificates of now, by window start: what it delivered and did not sell.
pub fn certifiable_of_seller(book: &Keyed<DeliveryBook>, now: i64) -> Vec<Certifiable> {
    let of_window = |place: usize| {
        let energy_wh = book.surplus_of(place);
        let is_open = book.is_final(place, now) && book.windows[place].surplus_certified == 0 && energy_wh > 0;
        let window_start = book.window_start(place);
        is_open.then_some(Certifiable { book: book.address, holding: book.seller, window_start, energy_wh })
    };
    (0..BOOK_WINDOWS).filter_map(of_window).collect()
}

/// Refuses a beneficiary that the program would refuse.
pub fn validate_beneficiary(beneficiary: &str) -> Result<()> {
    Certificate::validate_beneficiary(beneficiary).map_err(|_| {
        Error::Invalid(format!(
            "the beneficiary {:?} has {} bytes; give 1 to {MAX_BENEFICIARY_LEN} bytes of text without control characters",
            crate::text::visible(beneficiary),
            beneficiary.len()
        ))
    })
}

impl Market {
    /// A certificate, by its address.
    pub async fn certificate(&self, certificate: &Address) -> Result<Keyed<Certificate>> {
        self.get(certificate).await
    }

    /// Every certificate of a wallet, on all buses, by window, seller and range.
    pub async fn certificates_of(&self, owner: &Address) -> Result<Vec<Keyed<Certificate>>> {
        self.certificates_with(offset!(Certificate, owner), owner).await
    }

    /// Every certificate of a bus that is not retired, by window, seller and range.
    pub async fn certificates(&self, bus: &Address) -> Result<Vec<Keyed<Certificate>>> {
        self.certificates_with(offset!(Certificate, bus), bus).await
    }

    async fn certificates_with(&self, offset: usize, of: &Address) -> Result<Vec<Keyed<Certificate>>> {
        let mut certificates: Vec<Keyed<Certificate>> = self.list(&[(offset, of.as_ref())]).await?;
        certificates.sort_unstable_by_key(|one| (one.window_start, one.seller, one.range_start));
        Ok(certificates)
    }

    /// What a wallet can take certificates of now, as a buyer on all buses, by trade and in auctions, and as a seller on this one.
    pub async fn certifiable(&self, bus: &Address, wallet: &Address) -> Result<Vec<Certifiable>> {
        let (positions, own, clock) =
            tokio::join!(self.positions_of(wallet), self.delivery_books_of(bus, wallet), self.chain().clock());
        let (positions, own, now) = (positions?, own?, clock?.unix_timestamp);
        let books: Vec<Address> = positions.iter().map(|position| position.book).collect();
        let books = self.find_all::<DeliveryBook>(&books).await?;
        let mut all: Vec<Certifiable> = positions
            .iter()
            .zip(&books)
            .filter_map(|(position, book)| Some(certifiable_of_buyer(position, book.as_ref()?, now)))
            .flatten()
            .collect();
        all.extend(self.certifiable_of_bids(wallet, now).await?);
        all.extend(own.iter().flat_map(|book| certifiable_of_seller(book, now)));
        Ok(all)
    }

    /// What the bids of a wallet can take certificates of now, on all buses.
    async fn certifiable_of_bids(&self, wallet: &Address, now: i64) -> Result<Vec<Certifiable>> {
        let mut bids = self.bids(&BidFilter { buyer: Some(*wallet), ..BidFilter::default() }).await?;
        bids.retain(|bid| bid.state == BidState::Refunded as u8 && bid.certified_wh < bid.delivered_wh);
        // A window is open as long as a bid of it is.
        let windows: Vec<Address> = bids.iter().map(|bid| bid.capacity).collect();
        let windows = self.find_all::<Capacity>(&windows).await?;
        let mut all = Vec::new();
        for (bid, window) in bids.iter().zip(windows) {
            let Some(window) = window else { continue };
            let books = self.books_of_window(&window).await?;
            all.extend(certifiable_of_bid(bid, &books, now));
        }
        Ok(all)
    }
}

impl Wallet {
    /// Takes the certificate of all that this wallet may certify of a final window: as the seller of the book what it delivered
    /// and did not sell, else what was delivered to this wallet as a buyer. Where another certificate of the window is taken at
    /// the same moment, it is signed again.
    pub async fn certificate_take(&self, book: &Address, window_start: i64) -> Result<Created> {
        self.take(book, window_start, None).await
    }

    /// Takes the certificate of what a seller delivered to one of this wallet's bids: all that is left of both. `book` is the seller's
    /// delivery book of the bid's window; [`Market::certifiable`] lists them.
    pub async fn certificate_take_for_bid(&self, bid: &Address, book: &Address) -> Result<Created> {
        let bid = self.market().bid(bid).await?;
        self.take(book, bid.window_start, Some(bid.address)).await
    }

    /// Without a bid for the seller or the buyer of a book.
    async fn take(&self, book: &Address, window_start: i64, bid: Option<Address>) -> Result<Created> {
        let mut attempt = 0;
        loop {
            let book = Box::new(self.market().delivery_book(book).await?);
            let is_own = book.seller == address::seller(&book.bus, &self.address());
            let holding = match bid {
                Some(bid) => bid,
                None if is_own => book.seller,
                None => address::position(&book.address, &self.address()),
            };
            let take = certificate_take(&self.address(), &book, &holding, window_start)?;
            let certificate = take.accounts[3].pubkey;
            match self.send_once(&certificate, &[take]).await {
                Ok(sent) => return Ok(Created { address: certificate, sent }),
                Err(error) => {
                    attempt += 1;
                    let is_taken =
                        error.multibus() == Some(MultibusError::CertificateMismatch) || error.is_address_taken();
                    if !is_taken || attempt >= TAKE_ATTEMPTS {
                        return Err(error);
                    }
                    self.sender().pause(attempt).await;
                }
            }
        }
    }

    /// Gives this much of one of this wallet's certificates to another wallet. The address is that of the certificate of what
    /// was transferred: the same for all of it, a new one for a part.
    pub async fn certificate_transfer(&self, certificate: &Address, energy: Wh, to: &Address) -> Result<Created> {
        let certificate = self.market().certificate(certificate).await?;
        let transfer = certificate_transfer(&self.address(), &certificate, energy.0, to);
        let sent = self.send_once(&certificate.address, &[transfer]).await?;
        let told = sent.events.iter().find_map(|event| match event {
            Event::CertificateTransferred(event) if event.certificate == certificate.address => Some(event.transferred),
            _ => None,
        });
        let address = told.unwrap_or_else(|| transferred(&certificate, energy.0));
        Ok(Created { address, sent })
    }

    /// Uses one of this wallet's certificates up for a beneficiary, for good. The event in the result is what is left of it.
    pub async fn certificate_retire(&self, certificate: &Address, beneficiary: &str) -> Result<Sent> {
        validate_beneficiary(beneficiary)?;
        let certificate = self.market().certificate(certificate).await?;
        self.send(&[certificate_retire(&self.address(), &certificate, beneficiary)]).await
    }
}
