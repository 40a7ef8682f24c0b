//! What members, their meters and the operator do on delivery terms. Nothing here changes the replay's own state.

use {
    crate::{
        error::{Doing, ReplayError},
        replay_bus::{CLOSED_AT_ONCE, ReplayBus},
        schedule::READING_DEADLINE_SECONDS,
    },
    bytemuck::Zeroable,
    multibus::{
        constants::{BOOK_WINDOWS, SECONDS_PER_HOUR},
        error::MultibusError,
        state::{BidState, Reading},
    },
    multibus_client::{
        Address, Instruction, Keyed,
        account::decode,
        address,
        bid::Bid,
        certificate::{Certificate, certifiable_of_buyer, certificate_retire, certificate_take},
        delivery::{
            BookWindow, BookWindowState, DeliveryBook, delivery_close, delivery_refund, delivery_release, refundable,
            releasable,
        },
        error::Error,
        meter::{Device, Meter, MeterSpec, device_close, meter_close},
        offer::EnergySource,
        position::{PositionBook, position_close},
        reading::MeterIdentity,
        terms::Terms,
    },
    std::collections::BTreeSet,
};

/// Readings that one transaction brings, each with its signature.
const READINGS_AT_ONCE: usize = 2;
/// Certificates that one transaction takes and uses up, at most.
const CERTIFICATES_AT_ONCE: usize = 8;
/// Bytes that a transaction has for certificates, and bytes of one without its beneficiary's name.
const CERTIFICATE_ROOM: usize = 850;
const CERTIFICATE_BYTES: usize = 64;
/// Position books that one transaction refunds or closes.
const POSITIONS_AT_ONCE: usize = 4;
/// Give up after so many transactions with certificates of one position book that were refused.
const MAX_REFUSALS: usize = 3;

/// A reading of a member's meter for a window of its book.
pub(crate) struct MemberReading {
    pub seller: usize,
    pub book: Keyed<DeliveryBook>,
    pub reading: Reading,
}

impl MemberReading {
    /// The reading of a window at a place of a book.
    pub fn new(seller: usize, book: &Keyed<DeliveryBook>, place: usize, energy_wh: u64) -> Self {
        let sequence = book.windows[place].sequence + 1;
        let reading = Reading { window_start: book.window_start(place), energy_wh, sequence };
        Self { seller, book: *book, reading }
    }
}

/// Whether a window takes a first reading.
pub(crate) fn awaits_reading(window: &BookWindow) -> bool {
    window.state == BookWindowState::Listed as u8 && window.reported_at == 0
}

/// Whether no reading changes a book any more: all windows in which energy was listed are final.
pub(crate) fn is_final(book: &DeliveryBook, now: i64) -> bool {
    now >= book.last_final_at()
}

/// Power of a meter, in W, that lets its seller list and report so much energy in a window.
pub(crate) fn power_w(energy_wh: u64, window_seconds: u32) -> u64 {
    (energy_wh * SECONDS_PER_HOUR).div_ceil(u64::from(window_seconds)).max(1)
}

/// What became of several instructions that are sent in one transaction.
fn unless_done(error: Error, done: impl Fn(MultibusError) -> bool) -> Result<(), Error> {
    match (&error, error.multibus()) {
        // Anyone may do it, so it may be done, and the account gone.
        (Error::NotFound { .. }, _) => Ok(()),
        (_, Some(refused)) if done(refused) => Ok(()),
        _ => Err(error),
    }
}

impl ReplayBus {
    /// Length of a window, in seconds; 0 outside windows.
    pub fn window_seconds(&self) -> u32 {
        self.facts.window_seconds.unwrap_or(0)
    }

    /// Start of the first of the 96 windows that a window is one of.
    pub fn first_window_of(&self, window_start: i64) -> i64 {
        let terms = Terms { window_seconds: self.window_seconds(), ..Terms::zeroed() };
        DeliveryBook::first_window_of(&terms, window_start)
    }

    /// End of the last of the 96 windows that begin then.
    pub fn period_end(&self, first_window: i64) -> i64 {
        first_window + BOOK_WINDOWS.cast_signed() as i64 * i64::from(self.window_seconds())
    }

    /// When the last of the 96 windows that begin then no longer trades.
    pub fn last_gate(&self, first_window: i64) -> i64 {
        self.period_end(first_window) - i64::from(self.window_seconds())
    }

    /// Registers the meters that these members lack, on delivery terms. A meter has the power of the most that its member generates, or
    /// is expected to, in one interval: no offer and no reading exceeds it.
    pub async fn register_meters(&self, members: &[usize]) -> Result<(), ReplayError> {
        if !self.options.is_on_delivery() {
            return Ok(());
        }
        let meters = self.market.meters(&self.address).await.doing("reading meters")?;
        let metered: BTreeSet<Address> = meters.iter().map(|meter| meter.seller).collect();
        let largest_wh = &self.facts.largest_generation_wh;
        let is_missing = |member: &&usize| {
            !metered.contains(&address::seller(&self.address, &self.members[**member].wallet.address()))
        };
        let tasks = members.iter().filter(is_missing).map(|&member| (member, largest_wh[member])).map(
            async |(member, largest_wh)| {
                let power_w = power_w(largest_wh, self.window_seconds());
                let spec = MeterSpec { source: EnergySource::Unspecified, power_w, valid_from: 0 };
                let wallet = self.members[member].wallet.address();
                let registered = self.funder.meter_register(&self.address, &wallet, &self.devices[member], &spec).await;
                registered.doing(format_args!("registering the meter of {}", self.name(member))).map(drop)
            },
        );
        let (_, failed) = self.each(tasks.collect::<Vec<_>>()).await;
        failed.map_or(Ok(()), Err)
    }

    /// The delivery books of members for the 96 windows that begin then, by member.
    pub async fn books(&self, first_window: i64) -> Result<Vec<(usize, Keyed<DeliveryBook>)>, ReplayError> {
        let is_seller = self.facts.is_seller.iter().enumerate();
        let sellers: Vec<usize> = is_seller.filter_map(|(seller, is)| is.then_some(seller)).collect();
        let addresses: Vec<Address> = sellers.iter().map(|seller| self.book_of(*seller, first_window)).collect();
        let doing = "reading delivery books";
        let accounts = self.market.chain().accounts(&addresses).await.doing(doing)?;
        let mut books = Vec::new();
        for ((seller, address), account) in sellers.into_iter().zip(&addresses).zip(&accounts) {
            if let Some(account) = account {
                books.push((seller, decode(address, account).doing(doing)?));
            }
        }
        Ok(books)
    }

    /// Where the delivery book of a member is.
    pub fn book_of(&self, seller: usize, first_window: i64) -> Address {
        let wallet = self.members[seller].wallet.address();
        address::book(&address::seller(&self.address, &wallet), first_window)
    }

    /// Meters sign their readings offline, and the funder brings them, several in a transaction. Readings that come too late are
    /// left out: nothing counts as delivered in their windows.
    pub async fn report(&self, readings: Vec<MemberReading>, now: i64) -> Result<(), ReplayError> {
        let in_time = |reading: &MemberReading| {
            let length = i64::from(self.window_seconds());
            now < reading.reading.window_start + length + i64::from(READING_DEADLINE_SECONDS)
        };
        let readings: Vec<MemberReading> = readings.into_iter().filter(in_time).collect();
        let groups: Vec<_> = readings.chunks(READINGS_AT_ONCE).map(|readings| self.report_together(readings)).collect();
        let (_, failed) = self.each(groups).await;
        failed.map_or(Ok(()), Err)
    }

    async fn report_together(&self, readings: &[MemberReading]) -> Result<(), ReplayError> {
        let sign = |MemberReading { seller, book, reading }: &MemberReading| {
            let signed = MeterIdentity::of_book(book).sign(&*self.devices[*seller], *reading);
            signed
                .and_then(|signed| signed.instructions(&self.funder.address()))
                .doing(format_args!("the meter of {} signs a reading", self.name(*seller)))
        };
        let signed = readings.iter().map(sign).collect::<Result<Vec<_>, _>>()?;
        match self.funder.send(&signed.concat()).await {
            Ok(_) => return Ok(()),
            Err(Error::Program(_)) => {}
            Err(error) => return Err(error).doing("bringing readings"),
        }
        // Anyone may bring a reading, so one of them may have landed.
        for (pair, MemberReading { seller, .. }) in signed.iter().zip(readings) {
            if let Err(error) = self.funder.send(pair).await {
                let done = |refused| matches!(refused, MultibusError::SequenceUsed | MultibusError::ReadingTooLate);
                unless_done(error, done).doing(format_args!("bringing a reading of {}", self.name(*seller)))?;
            }
        }
        Ok(())
    }

    /// Sends instructions that anyone may have sent before, several in a transaction of the funder.
    async fn send_groups(
        &self,
        instructions: &[Instruction],
        at_once: usize,
        done: impl Fn(MultibusError) -> bool + Copy,
        doing: &str,
    ) -> Result<(), ReplayError> {
        let groups = instructions.chunks(at_once).map(|group| async move {
            match self.funder.send(group).await {
                Ok(_) => return Ok(()),
                Err(Error::Program(_)) => {}
                Err(error) => return Err(error).doing(doing),
            }
            for instruction in group {
                if let Err(error) = self.funder.send(std::slice::from_ref(instruction)).await {
                    unless_done(error, done).doing(doing)?;
                }
            }
            Ok(())
        });
        let (_, failed) = self.each(groups.collect::<Vec<_>>()).await;
        failed.map_or(Ok(()), Err)
    }

    /// Releases the final windows of delivery books to their sellers.
    pub async fn release(&self, books: &[(usize, Keyed<DeliveryBook>)], now: i64) -> Result<(), ReplayError> {
        let due = books.iter().filter(|(_, book)| releasable(book, now).windows != [0; 2]);
        let releases: Vec<Instruction> = due.map(|(_, book)| delivery_release(book)).collect();
        let done = |refused| refused == MultibusError::NothingToRelease;
        self.send_groups(&releases, CLOSED_AT_ONCE, done, "releasing what was delivered").await
    }

    /// Gives buyers of a delivery book their certificates, which they use up in their own names, and their refunds, and after the
    /// last gate closes their position books.
    pub async fn settle_positions(&self, book: &Keyed<DeliveryBook>, now: i64) -> Result<(), ReplayError> {
        let positions = self.market.positions_on(&book.address).await.doing("reading position books")?;
        let mut current = *book;
        for position in &positions {
            self.certify(&mut current, position, now).await?;
            if self.is_cancelled() {
                return Ok(());
            }
        }
        let due = positions.iter().filter(|position| refundable(position, book, now).amount > 0);
        let refunds: Vec<Instruction> = due.map(|position| delivery_refund(position, book, &self.settlement)).collect();
        let done = |refused| refused == MultibusError::NothingToRefund;
        self.send_groups(&refunds, POSITIONS_AT_ONCE, done, "refunding buyers").await?;
        if now >= self.last_gate(book.first_window) {
            let close = |position| position_close(&self.funder.address(), position, book, &self.settlement);
            let closes: Vec<Instruction> = positions.iter().map(close).collect();
            self.send_groups(&closes, POSITIONS_AT_ONCE, |_| false, "closing position books").await?;
        }
        Ok(())
    }

    /// A buyer takes certificates of all that was delivered to it, and uses them up in its own name. `book` follows what is certified.
    async fn certify(
        &self,
        book: &mut Keyed<DeliveryBook>,
        position: &Keyed<PositionBook>,
        now: i64,
    ) -> Result<(), ReplayError> {
        let Some(&buyer) = self.member_of.get(&position.buyer) else { return Ok(()) };
        let wallet = &self.members[buyer].wallet;
        let doing = || format!("{} takes certificates", self.name(buyer));
        let at_once = self.certificates_at_once(buyer);
        let (mut position, mut refusals) = (*position, 0);
        loop {
            let due = certifiable_of_buyer(&position, book, now);
            let due = &due[..due.len().min(at_once)];
            if due.is_empty() {
                return Ok(());
            }
            let mut instructions = Vec::with_capacity(2 * due.len());
            for one in due {
                let pair = self.take_and_retire(buyer, book, &position.address, one.window_start);
                instructions.extend(pair.doing(doing())?);
            }
            match wallet.send(&instructions).await {
                Ok(_) => {
                    for one in due {
                        let place = book.place(one.window_start).map_err(|_| place_error(one.window_start))?;
                        let taken = position.account.certify(book, place).map_err(|_| place_error(one.window_start))?;
                        book.account.certify(place, taken);
                    }
                }
                // Someone else took a certificate of the same window a moment ago.
                Err(Error::Program(_)) if refusals < MAX_REFUSALS => {
                    refusals += 1;
                    *book = self.market.delivery_book(&book.address).await.doing(doing())?;
                    position = self.market.position(&position.address).await.doing(doing())?;
                }
                Err(error) => return Err(error).doing(doing()),
            }
        }
    }

    /// Bids that are refunded take certificates of what was delivered to them, from one seller after the other, and use them up in
    /// their buyers' names. `books` follow what is certified.
    pub async fn certify_bids(
        &self,
        books: &mut [(usize, Keyed<DeliveryBook>)],
        window_start: i64,
    ) -> Result<(), ReplayError> {
        for bid in self.open_bids(window_start).await.doing("reading bids")? {
            if bid.state == BidState::Refunded as u8 && bid.certified_wh < bid.delivered_wh {
                self.certify_bid(books, &bid).await?;
            }
        }
        Ok(())
    }

    async fn certify_bid(
        &self,
        books: &mut [(usize, Keyed<DeliveryBook>)],
        bid: &Keyed<Bid>,
    ) -> Result<(), ReplayError> {
        let Some(&buyer) = self.member_of.get(&bid.buyer) else { return Ok(()) };
        let wallet = &self.members[buyer].wallet;
        let doing = || format!("{} takes certificates of a bid", self.name(buyer));
        let mut left_wh = bid.delivered_wh - bid.certified_wh;
        let mut instructions = Vec::new();
        for (_, book) in books {
            let Ok(place) = book.place(bid.window_start) else { continue };
            let taken_wh = book.account.windows[place].certify_for_bid(left_wh);
            if taken_wh > 0 {
                instructions.extend(self.take_and_retire(buyer, book, &bid.address, bid.window_start).doing(doing())?);
                book.account.certify(place, taken_wh);
                left_wh -= taken_wh;
            }
        }
        for group in instructions.chunks(2 * self.certificates_at_once(buyer)) {
            wallet.send(group).await.doing(doing())?;
        }
        Ok(())
    }

    /// Certificates that one transaction of a buyer takes and uses up.
    fn certificates_at_once(&self, buyer: usize) -> usize {
        CERTIFICATES_AT_ONCE.min(CERTIFICATE_ROOM / (CERTIFICATE_BYTES + self.name(buyer).len()))
    }

    /// Takes a certificate for a position book or a bid, and uses it up in the buyer's name.
    fn take_and_retire(
        &self,
        buyer: usize,
        book: &Keyed<DeliveryBook>,
        holding: &Address,
        window_start: i64,
    ) -> multibus_client::Result<[Instruction; 2]> {
        let owner = self.members[buyer].wallet.address();
        let take = certificate_take(&owner, book, holding, window_start)?;
        // It is there once the instruction before has made it.
        let account = Certificate { rent_payer: owner, ..Certificate::zeroed() };
        let certificate = Keyed { address: take.accounts[3].pubkey, account };
        Ok([take, certificate_retire(&owner, &certificate, self.name(buyer))])
    }

    /// Sellers close delivery books in which nothing is open; what rounding left goes to the grid.
    pub async fn close_books(&self, books: &[(usize, Keyed<DeliveryBook>)]) -> Result<(), ReplayError> {
        let tasks = books.iter().map(|(seller, book)| async move {
            let wallet = &self.members[*seller].wallet;
            match wallet.send(&[delivery_close(&wallet.address(), book)]).await {
                Ok(_) => Ok(()),
                Err(error) => unless_done(error, |_| false),
            }
            .doing(format_args!("{} closes a delivery book", self.name(*seller)))
        });
        let (_, failed) = self.each(tasks.collect::<Vec<_>>()).await;
        failed.map_or(Ok(()), Err)
    }

    /// Closes the meters of sellers without delivery books, and their devices, whose windows have ended.
    pub async fn close_meters(&self) -> Result<(), ReplayError> {
        if !self.options.is_on_delivery() {
            return Ok(());
        }
        let doing = "closing meters";
        let (sellers, meters, devices) = tokio::join!(
            self.market.sellers(&self.address),
            self.market.meters(&self.address),
            self.market.devices(&self.address)
        );
        let (sellers, meters, devices) = (sellers.doing(doing)?, meters.doing(doing)?, devices.doing(doing)?);
        let busy: BTreeSet<Address> =
            sellers.iter().filter(|seller| seller.open_books > 0).map(|seller| seller.address).collect();
        let close_meter = |meter: &Keyed<Meter>| meter_close(&self.funder.address(), meter);
        let close_device = |device: &Keyed<Device>| device_close(device);
        let free = meters.iter().filter(|meter| !busy.contains(&meter.seller));
        let closes: Vec<Instruction> = free.map(close_meter).collect();
        self.send_groups(&closes, CLOSED_AT_ONCE, |_| false, doing).await?;
        let free = devices.iter().filter(|device| !busy.contains(&device.seller));
        let closes: Vec<Instruction> = free.map(close_device).collect();
        let done = |refused| refused == MultibusError::DeviceInUse;
        self.send_groups(&closes, CLOSED_AT_ONCE, done, doing).await
    }

    /// Grid fees that the vault of each member holds, and at last that of the bus, in base units.
    pub async fn grid_fees_owed(&self) -> Result<Vec<u64>, ReplayError> {
        let mut owed = vec![0; self.members.len() + 1];
        for seller in self.market.sellers(&self.address).await.doing("reading grid fees")? {
            if let Some(place) = self.seller_place(&seller.wallet) {
                owed[place] = seller.grid_fees_owed;
            }
        }
        Ok(owed)
    }

    /// Place of a seller's wallet among the members, and behind them that of the bus; `None` for strangers.
    pub fn seller_place(&self, wallet: &Address) -> Option<usize> {
        match *wallet == self.address {
            true => Some(self.members.len()),
            false => self.member_of.get(wallet).copied(),
        }
    }

    /// Pays the grid fees that the vault of a member, or of the bus, holds to the grid.
    pub async fn sweep_grid_fees(&self, place: usize) -> Result<(), ReplayError> {
        let wallet = self.members.get(place).map_or(self.address, |member| member.wallet.address());
        match self.funder.grid_sweep(&self.address, &wallet).await {
            Ok(_) => Ok(()),
            Err(error) => unless_done(error, |refused| refused == MultibusError::NothingToSweep),
        }
        .doing("paying grid fees")
    }
}

fn place_error(window_start: i64) -> ReplayError {
    ReplayError::State(format!("the window {window_start} is not in its book; start anew"))
}

#[cfg(test)]
mod tests {
    use {super::*, proptest::prelude::*};

    proptest! {
        /// The program's limits: what is listed of a window, and what is read, is at most what the device can deliver.
        #[test]
        fn a_meter_has_the_power_for_offers_and_readings(energy_wh in 0u64..=1_000_000_000, seconds in 60u32..=86_400) {
            let power_w = power_w(energy_wh, seconds);
            prop_assert!((1..=multibus::constants::MAX_POWER_W).contains(&power_w));
            prop_assert!(power_w * u64::from(seconds) / SECONDS_PER_HOUR >= energy_wh);
            prop_assert!(power_w == 1 || (power_w - 1) * u64::from(seconds) / SECONDS_PER_HOUR < energy_wh);
        }
    }
}
