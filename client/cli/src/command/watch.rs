//! `multibus watch`: what happens on a bus, as it happens.

use {
    super::proposal::action_word,
    crate::{
        config::{Endpoint, Settings},
        failure::Failure,
        output::{Output, OutputFormat, Page, View, short, until_reader_is_gone},
        session::Session,
        value::{Hex, address, count, format_amount, format_energy, format_power, format_time, source_name},
    },
    clap::Args,
    futures_util::{Stream, StreamExt, stream},
    multibus_client::{
        Address, Error, Market,
        chain::{LogsNotification, embedded_state},
        event::{self, BidSettled, CertificateRetired, Event, PoolReported},
        multibus::{
            self,
            state::{BidState, RefundOutcome},
        },
        reading::ReadingProof,
    },
    serde::Serialize,
    std::{collections::HashSet, path::PathBuf, pin::Pin, time::Duration},
};

/// How often the file of an embedded chain is read.
const FILE_INTERVAL: Duration = Duration::from_millis(250);

/// Show what happens on a bus as it happens, until Ctrl-C
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus watch BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus watch BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --json-lines \\
      --events 10")]
pub struct WatchArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = address)]
    bus: Address,
    /// One JSON object for each event, on a line of its own (as --output json does)
    #[arg(long)]
    json_lines: bool,
    /// End after this many events
    #[arg(long, value_name = "N")]
    events: Option<u64>,
}

type Notifications = Pin<Box<dyn Stream<Item = Result<LogsNotification, Failure>> + Send>>;

/// Runs `multibus watch`.
///
/// # Errors
/// Where the bus does not exist, or the subscription fails.
pub async fn run(args: WatchArgs, settings: Settings, output: Output) -> Result<(), Failure> {
    let output = if args.json_lines { Output { format: OutputFormat::Json, ..output } } else { output };
    // The program's transactions, since not all that happens on a bus names it: a lock that settles writes none but its offer.
    let (mint_decimals, mut part, mut notifications, market): (u8, PartOfBus, Notifications, Option<Market>) =
        match settings.endpoint.clone() {
            Endpoint::Embedded { file: Some(path) } => {
                let seen = kept(path.clone()).await?.len();
                let session = Session::open(settings, output, 0)?;
                let mint_decimals = announce(&args.bus, &session).await?;
                let mut part = PartOfBus::read(&session.market(), args.bus).await?;
                // Other processes must be able to use the file meanwhile, so that nothing can be asked for later.
                part.read_positions(&session.market()).await?;
                drop(session);
                (mint_decimals, part, follow_file(path, seen), None)
            }
            _ => {
                let session = Session::open(settings, output, 0)?;
                let mint_decimals = announce(&args.bus, &session).await?;
                let logs = session.chain().subscribe_logs(&multibus::ID).await?.map(|item| item.map_err(Failure::from));
                let part = PartOfBus::read(&session.market(), args.bus).await?;
                (mint_decimals, part, logs.boxed(), Some(session.market()))
            }
        };
    let mut left = args.events.unwrap_or(u64::MAX);
    while left > 0 {
        let notification = tokio::select! {
            notification = notifications.next() => notification,
            _ = tokio::signal::ctrl_c() => return Ok(()),
            () = until_reader_is_gone() => return Ok(()),
        };
        let Some(notification) = notification.transpose()? else {
            return Err(Failure::sentence("the node ended the subscription; start `multibus watch` again"));
        };
        if notification.error.is_some() {
            // A failed transaction changed nothing.
            continue;
        }
        let (signature, slot) = (notification.signature.to_string(), notification.slot);
        let parsed = notification.parsed();
        if let Some(market) = &market {
            part.look_up(&parsed.events, market).await?;
        }
        if !part.concerns(&parsed.events) {
            continue;
        }
        for event in parsed.events {
            if left == 0 {
                break;
            }
            output.print_event(&Happened { event, signature: signature.clone(), slot, mint_decimals })?;
            left -= 1;
        }
        if parsed.truncated {
            output.print_event(&Missing { event: "LogTruncated", signature, slot })?;
        }
    }
    Ok(())
}

/// Says that watching begins; returns the decimals of the bus's token.
async fn announce(bus: &Address, session: &Session) -> Result<u8, Failure> {
    let bus = session.market().bus(bus).await?;
    session.output.note(format!("watching {} ({}), Ctrl-C ends", bus.name(), bus.address));
    Ok(bus.mint_decimals)
}

type Kept = Vec<(multibus_client::chain::TransactionRecord, Vec<Address>)>;

async fn kept(path: PathBuf) -> Result<Kept, Failure> {
    let read = tokio::task::spawn_blocking(move || embedded_state::kept_transactions(&path));
    match read.await {
        Ok(kept) => Ok(kept?),
        Err(error) => Err(Failure::sentence(format!("the chain's file could not be read: {error}"))),
    }
}

/// What other processes do on an embedded chain, from the file that keeps it.
fn follow_file(path: PathBuf, seen: usize) -> Notifications {
    let batches = stream::unfold((path, seen, None), move |(path, seen, mut changed_at)| async move {
        loop {
            tokio::time::sleep(FILE_INTERVAL).await;
            let modified = std::fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
            if modified == changed_at {
                continue;
            }
            changed_at = modified;
            match kept(path.clone()).await {
                Ok(kept) if kept.len() == seen => {}
                Ok(kept) => {
                    // A shorter history is a new chain in the same file.
                    let skip = if kept.len() < seen { 0 } else { seen };
                    let next = kept.len();
                    let new: Vec<_> = (kept.into_iter().skip(skip))
                        .filter(|(_, addresses)| addresses.contains(&multibus::ID))
                        .map(|(record, _)| {
                            let (signature, slot) = (record.signature, record.slot);
                            Ok(LogsNotification { signature, slot, error: record.error, logs: record.logs })
                        })
                        .collect();
                    return Some((new, (path, next, changed_at)));
                }
                Err(failure) => return Some((vec![Err(failure)], (path, seen, changed_at))),
            }
        }
    });
    batches.flat_map(stream::iter).boxed()
}

/// What belongs to the bus that is watched, to tell its events from those of others.
struct PartOfBus {
    bus: Address,
    /// Its offers, windows, clearings, proposals, delivery books and certificates, and those position books that were asked for
    /// or opened since.
    parts: HashSet<Address>,
}

impl PartOfBus {
    async fn read(market: &Market, bus: Address) -> Result<Self, Failure> {
        let offers = market.all_offers(&bus).await?.into_iter().map(|offer| offer.address);
        let proposals = market.proposals(&bus).await?.into_iter().map(|proposal| proposal.address);
        let mut parts: HashSet<Address> = offers.chain(proposals).collect();
        parts.extend(market.capacities(&bus).await?.into_iter().map(|capacity| capacity.address));
        parts.extend(market.clearings(&bus).await?.into_iter().map(|clearing| clearing.address));
        parts.extend(market.delivery_books(&bus).await?.into_iter().map(|book| book.address));
        parts.extend(market.certificates(&bus).await?.into_iter().map(|certificate| certificate.address));
        Ok(Self { bus, parts })
    }

    /// Adds all position books on its delivery books.
    async fn read_positions(&mut self, market: &Market) -> Result<(), Failure> {
        for book in market.delivery_books(&self.bus).await? {
            let positions = market.positions_on(&book.address).await?;
            self.parts.extend(positions.into_iter().map(|position| position.address));
        }
        Ok(())
    }

    /// Asks for position books that are known by nothing but their address. Nearly all events of one name its delivery book, so
    /// that a bus with many of them need not be read whole before watching begins.
    async fn look_up(&mut self, events: &[Event], market: &Market) -> Result<(), Failure> {
        for event in events {
            let Event::PositionRefundSet(event) = event else { continue };
            if self.parts.contains(&event.position) {
                continue;
            }
            match market.position(&event.position).await {
                Ok(position) if self.parts.contains(&position.book) => {
                    self.parts.insert(event.position);
                }
                // It is of another bus, or closed since.
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether one of a transaction's events happened on the bus; notes what came into being on it.
    fn concerns(&mut self, events: &[Event]) -> bool {
        // No closure in `any`: every event must be seen.
        let mut concerns = false;
        for event in events {
            concerns |= self.concerns_event(event);
        }
        concerns
    }

    fn concerns_event(&mut self, event: &Event) -> bool {
        let of_bus = |bus: &Address| *bus == self.bus;
        match event {
            Event::OfferCreated(event) if of_bus(&event.bus) => {
                self.parts.insert(event.offer);
                true
            }
            Event::CapacityOpened(event) if of_bus(&event.bus) => {
                self.parts.insert(event.capacity);
                true
            }
            Event::ClearingOpened(event) if of_bus(&event.bus) => {
                self.parts.insert(event.clearing);
                true
            }
            Event::ProposalCreated(event) if of_bus(&event.bus) => {
                self.parts.insert(event.proposal);
                true
            }
            Event::BookOpened(event) if of_bus(&event.bus) => {
                self.parts.insert(event.book);
                true
            }
            Event::PositionOpened(event) if self.parts.contains(&event.book) => {
                self.parts.insert(event.position);
                true
            }
            Event::CertificateTaken(event) if of_bus(&event.bus) => {
                self.parts.insert(event.certificate);
                true
            }
            Event::CertificateTransferred(event) if self.parts.contains(&event.certificate) => {
                self.parts.insert(event.transferred);
                true
            }
            Event::OfferCreated(_)
            | Event::CapacityOpened(_)
            | Event::ClearingOpened(_)
            | Event::ProposalCreated(_)
            | Event::BookOpened(_)
            | Event::PositionOpened(_)
            | Event::CertificateTaken(_)
            | Event::CertificateTransferred(_)
            | Event::CreatorOpened(_)
            | Event::TraderOpened(_)
            | Event::TraderClosed(_) => false,
            Event::BusCreated(event) => of_bus(&event.bus),
            Event::BusClosed(event) => of_bus(&event.bus),
            Event::ProposalExecuted(event) => of_bus(&event.bus),
            Event::ProposalClosed(event) => of_bus(&event.bus),
            Event::TreasuryClaimed(event) => of_bus(&event.bus),
            Event::ClaimOwed(event) => of_bus(&event.bus),
            Event::ClaimPaid(event) => of_bus(&event.bus),
            Event::CapacityClosed(event) => of_bus(&event.bus),
            Event::SellerOpened(event) => of_bus(&event.bus),
            Event::SellerAdmitted(event) => of_bus(&event.bus),
            Event::SellerSuspended(event) => of_bus(&event.bus),
            Event::SellerWithdrawn(event) => of_bus(&event.bus),
            Event::SellerClosed(event) => of_bus(&event.bus),
            Event::OfferCancelled(event) => of_bus(&event.bus),
            Event::GridFeesSwept(event) => of_bus(&event.bus),
            Event::MeterRegistered(event) => of_bus(&event.bus),
            Event::MeterReplaced(event) => of_bus(&event.bus),
            Event::MeterClosed(event) => of_bus(&event.bus),
            Event::DeviceClosed(event) => of_bus(&event.bus),
            Event::BookClosed(event) => of_bus(&event.bus),
            Event::CertificateRetired(event) => of_bus(&event.bus),
            Event::BidCreated(event) => of_bus(&event.bus),
            Event::AuctionCleared(event) => of_bus(&event.bus),
            Event::PoolReported(event) => of_bus(&event.bus),
            Event::BidCancelled(event) => self.parts.contains(&event.capacity),
            Event::BidSettled(event) => self.parts.contains(&event.capacity),
            Event::AskSettled(event) => self.parts.contains(&event.capacity),
            Event::ClearingTallied(event) => self.parts.contains(&event.clearing),
            Event::ClearingClosed(event) => self.parts.contains(&event.capacity),
            Event::PositionRefundSet(event) => self.parts.contains(&event.position),
            Event::PositionClosed(event) => self.parts.contains(&event.book),
            Event::DeliveryReported(event) => self.parts.contains(&event.book),
            Event::DeliveryReleased(event) => self.parts.contains(&event.book),
            Event::DeliveryRefunded(event) => self.parts.contains(&event.book),
            Event::OfferRepriced(event) => self.parts.contains(&event.offer),
            Event::OfferExpirySet(event) => self.parts.contains(&event.offer),
            Event::OfferCollected(event) => self.parts.contains(&event.offer),
            Event::LockTaken(event) => self.parts.contains(&event.offer),
            Event::LockReleased(event) => self.parts.contains(&event.offer),
            Event::ProposalApproved(event) => self.parts.contains(&event.proposal),
            Event::ProposalRevoked(event) => self.parts.contains(&event.proposal),
            Event::EnergyPurchased(event) => event.fills.iter().any(|fill| self.parts.contains(&fill.offer)),
        }
    }
}

#[derive(Serialize)]
struct Happened {
    #[serde(flatten, serialize_with = "event::serialize")]
    event: Event,
    signature: String,
    slot: u64,
    /// Decimals of the bus's token.
    #[serde(skip)]
    mint_decimals: u8,
}

/// What happened, in a few words; amounts are base units where the decimals of the token are not known.
#[expect(clippy::too_many_lines, reason = "one arm for each event")]
pub fn words(event: &Event, mint_decimals: Option<u8>) -> String {
    let tokens = |base_units: u64| format_amount(base_units, mint_decimals);
    let price = |per_kwh: u64| format!("{}/kWh", tokens(per_kwh));
    let windows = |low: u64, high: u64| count(low.count_ones() + high.count_ones(), "window");
    let votes = |approvals: u16, executable_at: i64| match executable_at {
        0 => format!("{} so far", approvals.count_ones()),
        at => format!("{}, executable at {}", approvals.count_ones(), format_time(at)),
    };
    match event {
        Event::CreatorOpened(event) => format!("{} opened the counter of its buses", short(&event.wallet)),
        Event::BusCreated(event) => format!("bus created by {}", short(&event.creator)),
        Event::BusClosed(event) => {
            format!("bus closed by {}, {} divided", short(&event.closed_by), tokens(event.divided))
        }
        Event::ProposalCreated(event) => {
            let (who, word) = (short(&event.proposer), action_word(&event.action));
            format!("{who} proposed {word}: {}", short(&event.proposal))
        }
        Event::ProposalApproved(event) => {
            let (who, proposal) = (short(&event.owner), short(&event.proposal));
            format!("{who} approved proposal {proposal}, {}", votes(event.approvals, event.executable_at))
        }
        Event::ProposalRevoked(event) => {
            let (who, proposal) = (short(&event.owner), short(&event.proposal));
            format!("{who} revoked on proposal {proposal}, {}", votes(event.approvals, event.executable_at))
        }
        Event::ProposalExecuted(event) => {
            format!("proposal {} executed: {}", short(&event.proposal), action_word(&event.action))
        }
        Event::ProposalClosed(event) => format!("proposal {} closed", short(&event.proposal)),
        Event::TreasuryClaimed(event) => {
            format!("owner {} claimed {}", short(&event.owner), tokens(event.amount))
        }
        Event::ClaimOwed(event) => {
            format!("{} could not be paid {}: kept as a claim", short(&event.wallet), tokens(event.amount))
        }
        Event::ClaimPaid(event) => {
            format!("{} was paid its claim of {}", short(&event.wallet), tokens(event.amount))
        }
        Event::CapacityOpened(event) => {
            format!("window {} opened with {}", format_time(event.window_start), format_energy(event.total_wh))
        }
        Event::CapacityClosed(event) => {
            format!("window {} closed, sold {}", format_time(event.window_start), format_energy(event.sold_wh))
        }
        Event::SellerOpened(event) => format!("{} opened its seller account", short(&event.wallet)),
        Event::SellerAdmitted(event) => format!("seller {} admitted", short(&event.wallet)),
        Event::SellerSuspended(event) => format!("seller {} suspended", short(&event.wallet)),
        Event::SellerWithdrawn(event) => {
            format!("seller account {} withdrew {}", short(&event.seller), tokens(event.amount))
        }
        Event::GridFeesSwept(event) => {
            format!("{} of grid fees paid from seller account {}", tokens(event.amount), short(&event.seller))
        }
        Event::SellerClosed(event) => {
            format!("{} closed its seller account, got {}", short(&event.wallet), tokens(event.amount))
        }
        Event::OfferCreated(event) => format!(
            "offer {} of seller account {}: {} at {}",
            short(&event.offer),
            short(&event.seller),
            format_energy(event.energy_wh),
            price(event.price_per_kwh)
        ),
        Event::OfferRepriced(event) => {
            format!("offer {} now at {}", short(&event.offer), price(event.price_per_kwh))
        }
        Event::OfferExpirySet(event) => {
            format!("offer {} now until {}", short(&event.offer), format_time(event.expires_at))
        }
        Event::OfferCollected(event) => {
            format!("collected {} of offer {}", tokens(event.amount), short(&event.offer))
        }
        Event::OfferCancelled(event) => {
            format!("offer {} cancelled, {} withdrawn", short(&event.offer), format_energy(event.withdrawn_wh))
        }
        Event::LockTaken(event) => {
            format!(
                "{} locked {} of offer {}",
                short(&event.buyer),
                format_energy(event.energy_wh),
                short(&event.offer)
            )
        }
        Event::LockReleased(event) => {
            format!("lock of {} on offer {} released", format_energy(event.energy_wh), short(&event.offer))
        }
        Event::BidCreated(event) => format!(
            "{} bid for {} at up to {} in the window {}: bid {}",
            short(&event.buyer),
            format_energy(event.energy_wh),
            price(event.max_price_per_kwh),
            format_time(event.window_start),
            short(&event.bid)
        ),
        Event::BidCancelled(event) => {
            format!("{} cancelled bid {}, got {} back", short(&event.buyer), short(&event.bid), tokens(event.deposit))
        }
        Event::BidSettled(event) => bid_settled(event, &tokens),
        Event::AskSettled(event) => {
            let (offer, energy) = (short(&event.offer), format_energy(event.energy_wh));
            match event.credited {
                0 => format!("the auction sold {energy} of offer {offer}"),
                credited => format!("the auction sold {energy} of offer {offer} for {}", tokens(credited)),
            }
        }
        Event::ClearingOpened(event) => format!(
            "{} claims that {} to {} clear the auction: clearing {}",
            short(&event.clearer),
            price(event.low_price),
            price(event.high_price),
            short(&event.clearing)
        ),
        Event::ClearingTallied(event) => format!(
            "clearing {} counts {} and {}",
            short(&event.clearing),
            count(event.bids, "bid"),
            count(event.offers, "offer")
        ),
        Event::ClearingClosed(event) => {
            format!("clearing {} of {} closed, it proved nothing", short(&event.clearing), short(&event.clearer))
        }
        Event::AuctionCleared(event) => {
            let window = format_time(event.window_start);
            match event.volume_wh {
                0 => format!("auction of the window {window} cleared by {}: nothing is sold", short(&event.clearer)),
                volume_wh => format!(
                    "auction of the window {window} cleared by {}: {} at {}",
                    short(&event.clearer),
                    format_energy(volume_wh),
                    price(event.price_per_kwh)
                ),
            }
        }
        Event::PoolReported(event) => pool_reported(event, &tokens),
        Event::MeterRegistered(event) => format!(
            "device {} is the meter of seller account {}: {} of at most {}",
            short(&event.key),
            short(&event.seller),
            source_name(event.source),
            format_power(event.power_w)
        ),
        Event::MeterReplaced(event) => format!(
            "device {} takes the place of {} as the meter of seller account {}",
            short(&event.key),
            short(&event.retired_key),
            short(&event.seller)
        ),
        Event::MeterClosed(event) => {
            format!("meter of seller account {} closed, device {} retired", short(&event.seller), short(&event.key))
        }
        Event::DeviceClosed(event) => format!("retired device {} closed", short(&event.key)),
        Event::BookOpened(event) => format!(
            "delivery book {} of seller account {} opened from {}",
            short(&event.book),
            short(&event.seller),
            format_time(event.first_window)
        ),
        Event::BookClosed(event) => {
            format!("delivery book {} closed, {} released with it", short(&event.book), tokens(event.amount))
        }
        Event::PositionOpened(event) => {
            format!("{} opened a position on delivery book {}", short(&event.buyer), short(&event.book))
        }
        Event::PositionRefundSet(event) => {
            format!("refunds of position {} go to {}", short(&event.position), short(&event.refund))
        }
        Event::PositionClosed(event) => {
            format!("position of {} closed, {} came back with it", short(&event.buyer), tokens(event.amount))
        }
        Event::DeliveryReported(event) => format!(
            "{} reported for the window {} of delivery book {}, {}",
            format_energy(event.energy_wh),
            format_time(event.window_start),
            short(&event.book),
            proof_words(event.proof)
        ),
        Event::DeliveryReleased(event) => format!(
            "{} of delivery book {} released: {} to the seller, {} to the grid",
            windows(event.windows_low, event.windows_high),
            short(&event.book),
            tokens(event.amount),
            tokens(event.grid_fee)
        ),
        Event::DeliveryRefunded(event) => format!(
            "{} back to {} for {} of delivery book {}",
            tokens(event.amount),
            short(&event.buyer),
            windows(event.windows_low, event.windows_high),
            short(&event.book)
        ),
        Event::CertificateTaken(event) => format!(
            "{} took the certificate of {} from the window {}",
            short(&event.owner),
            format_energy(event.range_end.saturating_sub(event.range_start)),
            format_time(event.window_start)
        ),
        Event::CertificateTransferred(event) => format!(
            "{} gave the certificate of {} to {}",
            short(&event.from),
            format_energy(event.range_end.saturating_sub(event.range_start)),
            short(&event.to)
        ),
        Event::CertificateRetired(event) => format!(
            "{} retired the certificate of {} for {}",
            short(&event.owner),
            format_energy(event.range_end.saturating_sub(event.range_start)),
            beneficiary(event)
        ),
        Event::TraderOpened(event) => format!("{} opened lane {}", short(&event.wallet), event.lane),
        Event::TraderClosed(event) => format!("{} closed lane {}", short(&event.wallet), event.lane),
        Event::EnergyPurchased(event) => format!(
            "{} bought {} for {}, hash {}",
            short(&event.buyer),
            format_energy(event::energy_wh(event)),
            tokens(event::cost(event)),
            short(&Hex(&event.transaction_hash))
        ),
    }
}

/// What the settlement of a bid did.
fn bid_settled(event: &BidSettled, tokens: &impl Fn(u64) -> String) -> String {
    let (bid, buyer) = (short(&event.bid), short(&event.buyer));
    let got = match (event.allotted_wh, event.state == BidState::Refunded as u8) {
        (0, _) => "got nothing".to_owned(),
        (allotted_wh, false) => format!("got {} for {}", format_energy(allotted_wh), tokens(event.paid)),
        (allotted_wh, true) => format!(
            "got {}, of it {} delivered, for {}",
            format_energy(allotted_wh),
            format_energy(event.delivered_wh),
            tokens(event.paid)
        ),
    };
    let back = match (event.returned, RefundOutcome::try_from(event.outcome)) {
        (0, _) => String::new(),
        (returned, Ok(RefundOutcome::Paid)) => format!(", {} came back", tokens(returned)),
        (returned, Ok(RefundOutcome::Claimed)) => format!(", {} are kept as a claim", tokens(returned)),
        (returned, _) => format!(", {} wait in the escrow", tokens(returned)),
    };
    let closed = if event.closed == 1 { "" } else { "; the bid stays open" };
    format!("bid {bid} of {buyer} {got}{back}{closed}")
}

/// What the pool of an auction learned from a seller.
fn pool_reported(event: &PoolReported, tokens: &impl Fn(u64) -> String) -> String {
    let seller = short(&event.seller);
    let counted = match event.window_start {
        0 => String::new(),
        window_start => format!(
            "seller account {seller} delivered {} of {} that the auction of {} sold",
            format_energy(event.delivered_wh),
            format_energy(event.auction_wh),
            format_time(window_start)
        ),
    };
    match (counted.is_empty(), event.paid) {
        (true, paid) => format!("the escrow paid {} to seller account {seller}", tokens(paid)),
        (false, 0) if event.due > 0 => format!("{counted}; {} wait in the escrow", tokens(event.due)),
        (false, 0) => counted,
        (false, paid) => format!("{counted}; the escrow paid {}", tokens(paid)),
    }
}

/// How a reading was proven.
fn proof_words(proof: u8) -> &'static str {
    match ReadingProof::try_from(proof) {
        Ok(ReadingProof::Transaction) => "by its device",
        Ok(ReadingProof::Signature) => "signed by its device",
        Ok(ReadingProof::Operator) => "by the operator",
        Err(_) => "with an unknown proof",
    }
}

/// Whom a certificate was retired for.
pub fn beneficiary(event: &CertificateRetired) -> String {
    let end = event.beneficiary.iter().position(|byte| *byte == 0).unwrap_or(event.beneficiary.len());
    String::from_utf8_lossy(&event.beneficiary[..end]).into_owned()
}

/// A transaction whose log is not whole, so that events of it may be missing.
#[derive(Serialize)]
struct Missing {
    event: &'static str,
    signature: String,
    slot: u64,
}

impl View for Missing {
    fn text(&self, page: &mut Page) {
        page.line(format!("slot {}  events may be missing: the log is cut off of {}", self.slot, self.signature));
    }
}

impl View for Happened {
    fn text(&self, page: &mut Page) {
        page.line(format!("slot {}  {}", self.slot, words(&self.event, Some(self.mint_decimals))));
    }
}
