//! Settles what an auction sold.

use {
    super::{Cost, OnProgress, Progress},
    crate::{
        account::Keyed,
        auction::{WindowBook, phase_name, pool_report},
        bid::{bid_settle, bid_settle_payable, waits_for_refund_account},
        capacity,
        delivery::DeliveryBook,
        error::{Error, Result},
        market::Settlement,
        offer::end_offer,
        send::{Sent, packed},
        wallet::Wallet,
    },
    futures_util::{StreamExt, stream},
    multibus::{error::MultibusError, state::AuctionPhase},
    solana_address::Address,
    solana_instruction::Instruction,
    std::collections::HashMap,
};

/// Transactions that settle orders at once.
const SETTLED_SIDE_BY_SIDE: usize = 16;
/// How often the book is read again: bids follow asks, the pool follows both, refunds follow the pool.
const ROUNDS: u32 = 8;

/// An order that cannot be settled now.
#[derive(Debug)]
pub struct Waiting {
    /// The bid, the offer or the delivery book.
    pub account: Address,
    /// Why.
    pub error: Error,
}

/// What [`Wallet::auction_settle`] did.
#[derive(Debug, Default)]
pub struct Settled {
    /// Bids that were filled, returned, refunded or closed. On delivery terms a bid is settled twice.
    pub bids: u32,
    /// Offers of which the auction sold something.
    pub asks: u32,
    /// Offers that were withdrawn: what they did not sell is free.
    pub cancelled_offers: u32,
    /// Sellers that were counted in the pool, or paid out of it.
    pub pool_reports: u32,
    /// What it cost this wallet.
    pub cost: Cost,
    /// What cannot be settled now, and why, such as an account that the mint's issuer froze.
    pub waiting: Vec<Waiting>,
    /// Whether no bid and no offer of the window is open any more. On delivery terms bids wait for readings and certificates.
    pub is_done: bool,
}

impl Settled {
    /// Whether anything was done.
    pub fn is_empty(&self) -> bool {
        self.bids == 0 && self.asks == 0 && self.cancelled_offers == 0 && self.pool_reports == 0
    }
}

/// What one account needs.
pub(super) struct Job {
    account: Address,
    /// What it counts as: bids, asks, cancelled offers, pool reports.
    counts: [u32; 4],
    instructions: Vec<Instruction>,
    /// What is sent where the transaction that it shares with others is refused.
    alone: Vec<Instruction>,
}

impl AsRef<[Instruction]> for Job {
    fn as_ref(&self) -> &[Instruction] {
        &self.instructions
    }
}

impl Wallet {
    /// Settles everything of a window that anyone can settle now, several orders in a transaction and transactions side by side:
    /// offers of which something was sold, and withdraws them and those that sold nothing; bids; on delivery terms, once the
    /// window is final, the sellers' parts of the pool and what comes back to bids. What cannot be settled is told and holds up
    /// nothing else. Calling it again does what has become possible since.
    ///
    /// # Errors
    /// Where the auction is not over, with the time from which it is, or where the chain does not answer.
    pub async fn auction_settle(&self, bus: &Address, window_start: i64) -> Result<Settled> {
        self.auction_settle_with_progress(bus, window_start, &|_| {}).await
    }

    /// The same, and tells how many orders are settled.
    ///
    /// # Errors
    /// As above.
    pub async fn auction_settle_with_progress(
        &self,
        bus: &Address,
        window_start: i64,
        on_progress: OnProgress<'_>,
    ) -> Result<Settled> {
        let mut done = 0;
        let mut settled = Settled::default();
        let mut failed: HashMap<Address, Error> = HashMap::new();
        let mut round = 0;
        loop {
            let book = Box::new(self.market().book(bus, window_start).await?);
            check_over(&book)?;
            let jobs = self.jobs(&book, &mut failed).await?;
            round += 1;
            let is_stuck = jobs.iter().all(|job| failed.contains_key(&job.account));
            if is_stuck || round > ROUNDS {
                // What somebody else settled meanwhile waits no more.
                let is_open = |account: &Address| {
                    jobs.iter().any(|job| job.account == *account)
                        || book.bids.iter().any(|bid| bid.address == *account)
                };
                failed.retain(|account, _| is_open(account));
                settled.waiting = failed.into_iter().map(|(account, error)| Waiting { account, error }).collect();
                settled.waiting.sort_unstable_by_key(|waiting| waiting.account);
                settled.is_done = book.bids.is_empty() && book.offers.is_empty();
                return Ok(settled);
            }
            failed.clear();
            let orders = done + jobs.len();
            let mut has_settled = |count: usize| {
                done += count;
                on_progress(Progress { done, orders });
            };
            self.run_jobs(jobs, &mut settled, &mut failed, &mut has_settled).await?;
        }
    }

    /// What can be done for a window now. Bids whose refund account must be payable and is not are told as failed.
    pub(super) async fn jobs(&self, book: &WindowBook, failed: &mut HashMap<Address, Error>) -> Result<Vec<Job>> {
        let settlement = Settlement { mint: book.bus.mint, token_program: book.bus.token_program };
        let (wallet, capacity) = (self.address(), &book.capacity);
        let mut jobs = Vec::new();
        for offer in book.settleable_offers() {
            let instructions = end_offer(&wallet, offer, capacity, &settlement);
            let counts = [0, instructions.len() as u32 - 1, 1, 0];
            jobs.push(Job { account: offer.address, counts, alone: instructions.clone(), instructions });
        }
        let bids: Vec<_> = book.settleable_bids().collect();
        let refunds: Vec<Address> = bids.iter().map(|bid| bid.refund).collect();
        let accounts = if refunds.is_empty() { Vec::new() } else { self.chain().accounts(&refunds).await? };
        for (bid, refund) in bids.into_iter().zip(accounts) {
            let is_payable = refund.is_some_and(|account| settlement.pays(&account, &bid.buyer));
            if !is_payable && waits_for_refund_account(bid, capacity, book.now) {
                failed.insert(bid.address, Error::from_rule(&MultibusError::PayeeUnpayable.into()));
                continue;
            }
            let alone = vec![bid_settle(&wallet, bid, &bid.refund, false, &settlement)];
            let instructions =
                if is_payable { vec![bid_settle_payable(&wallet, bid, &settlement)] } else { alone.clone() };
            jobs.push(Job { account: bid.address, counts: [1, 0, 0, 0], instructions, alone });
        }
        for delivery_book in self.books_of_pool(book).await? {
            let instructions = vec![pool_report(&delivery_book, capacity.window_start, &settlement)];
            let account = delivery_book.address;
            jobs.push(Job { account, counts: [0, 0, 0, 1], alone: instructions.clone(), instructions });
        }
        Ok(jobs)
    }

    /// Delivery books whose part of the window's auction is final and not counted, or not paid. Once the pool is complete, what is not
    /// paid yet holds up no bid: the seller gets it when it withdraws.
    async fn books_of_pool(&self, book: &WindowBook) -> Result<Vec<Keyed<DeliveryBook>>> {
        let capacity = &book.capacity;
        if capacity.volume_wh == 0 || capacity.is_pool_complete() {
            return Ok(Vec::new());
        }
        let mut books = self.market().books_of_window(capacity).await?;
        books.retain(|delivery_book| {
            let Ok(place) = delivery_book.place(capacity.window_start) else { return false };
            let window = delivery_book.windows[place];
            (window.owes_pool() && delivery_book.is_final(place, book.now))
                || (window.pool_reported == 1 && delivery_book.pool_due > 0)
        });
        Ok(books)
    }

    /// Sends jobs, several in a transaction, and counts those that landed.
    async fn run_jobs(
        &self,
        jobs: Vec<Job>,
        settled: &mut Settled,
        failed: &mut HashMap<Address, Error>,
        has_settled: &mut (dyn FnMut(usize) + Send),
    ) -> Result<()> {
        let groups = packed(&self.address(), jobs)?;
        let together = |group: Vec<Job>| async move {
            let instructions: Vec<Instruction> = group.iter().flat_map(|job| job.instructions.clone()).collect();
            let sent = self.send(&instructions).await;
            (group, sent)
        };
        let alone = |job: Job| async move {
            let sent = self.send(&job.alone).await;
            (vec![job], sent)
        };
        let mut refused = Vec::new();
        let mut running = stream::iter(groups).map(together).buffer_unordered(SETTLED_SIDE_BY_SIDE);
        while let Some((group, sent)) = running.next().await {
            match sent {
                Ok(sent) => {
                    settled.count(&group, &sent);
                    has_settled(group.len());
                }
                Err(_) => refused.extend(group),
            }
        }
        let mut running = stream::iter(refused).map(alone).buffer_unordered(SETTLED_SIDE_BY_SIDE);
        while let Some((group, sent)) = running.next().await {
            match sent {
                Ok(sent) => {
                    settled.count(&group, &sent);
                    has_settled(group.len());
                }
                Err(error) => failed.extend(group.into_iter().map(|job| job.account).zip([error])),
            }
        }
        Ok(())
    }
}

impl Settled {
    fn count(&mut self, group: &[Job], sent: &Sent) {
        self.cost.count(sent);
        for Job { counts: [bids, asks, cancelled, reports], .. } in group {
            self.bids += bids;
            self.asks += asks;
            self.cancelled_offers += cancelled;
            self.pool_reports += reports;
        }
    }
}

/// Refuses a window whose auction is not over. On a closing bus a window of bids or offers alone ends before the last 300 s, too.
fn check_over(book: &WindowBook) -> Result<()> {
    let window_start = book.capacity.window_start;
    match book.phase {
        AuctionPhase::Cleared | AuctionPhase::Over => Ok(()),
        AuctionPhase::Trading if capacity::is_settleable(&book.capacity, &book.bus, book.now) => Ok(()),
        AuctionPhase::Off => Err(Error::Invalid(format!(
            "no auction closes the window {window_start}; name a window of a bus whose terms have one"
        ))),
        AuctionPhase::Fixed => Err(Error::Invalid(format!(
            "the price of the window {window_start} is not proven yet; clear it first, or wait until {}, when all bids are returned",
            book.proof_until()
        ))),
        phase @ (AuctionPhase::Trading | AuctionPhase::Closing) => Err(Error::Invalid(format!(
            "the auction of the window {window_start} is {}, now {}; settle it once it is cleared, from its gate on, at {}",
            phase_name(phase),
            book.now,
            book.gate()
        ))),
    }
}
