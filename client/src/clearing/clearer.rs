//! Proves the price of a window.

use {
    super::{Clearing, OnProgress, Progress, clearing_apply, clearing_close, clearing_open, clearing_tally},
    crate::{
        account::Keyed,
        address,
        auction::{Cleared, Side, WindowBook, phase_name},
        capacity::Capacity,
        error::{Error, Result},
        lookup_table::create_lookup_table_at,
        send::{Sent, TRANSACTION_BYTES, size_of_transaction},
        wallet::Wallet,
    },
    bytemuck::Zeroable,
    futures_util::{StreamExt, TryStreamExt, stream},
    multibus::{error::MultibusError, state::AuctionPhase},
    solana_address::Address,
    solana_address_lookup_table_interface::{
        instruction::{deactivate_lookup_table, extend_lookup_table},
        state::LOOKUP_TABLE_MAX_ADDRESSES,
    },
    solana_instruction::Instruction,
    solana_message::AddressLookupTableAccount,
    solana_sdk_ids::compute_budget,
    solana_signature::Signature,
    std::collections::HashSet,
};

/// Accounts that one transaction can name, programs included.
const MOST_ACCOUNTS: usize = 64;
/// Addresses that one transaction adds to a lookup table.
const EXTENDED_AT_ONCE: usize = 25;
/// Transactions that extend lookup tables at once.
const EXTENDED_SIDE_BY_SIDE: usize = 8;
/// Lookup tables that are deactivated in one transaction.
const DEACTIVATED_AT_ONCE: usize = 16;
/// Lamports that every transaction with one signature pays.
const BASE_FEE: u64 = 5_000;
/// How often in a row the clearer reads everything again without getting further.
const ATTEMPTS: u32 = 8;
/// How often it begins again because its clearing does not fit the book.
const RESTARTS: u32 = 3;

/// How a window is cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClearOptions {
    /// Put the orders into lookup tables first, so that a tally takes up to 60 of them instead of 28. That halves the transactions that wait
    /// for each other, but not the cost: a table takes a transaction for every 25 orders, and binds rent until it is closed. So
    /// it is worth it only where waiting is dear.
    pub lookup_tables: bool,
}

/// What transactions cost, as far as the node serves them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Transactions that landed.
    pub transactions: u32,
    /// What they paid, in lamports.
    pub fees: u64,
    /// Compute units that they used.
    pub compute_units: u64,
}

impl Cost {
    pub(super) fn count(&mut self, sent: &Sent) {
        // A node that serves no record leaves the fee out; it is not less than this.
        self.add(&Self { transactions: 1, fees: sent.fee.max(BASE_FEE), compute_units: sent.compute_units });
    }

    /// Adds what others cost.
    pub fn add(&mut self, other: &Self) {
        self.transactions += other.transactions;
        self.fees += other.fees;
        self.compute_units += other.compute_units;
    }
}

/// A window whose price is proven.
#[derive(Clone, Debug)]
pub struct Clearance {
    /// The window's capacity, with the result.
    pub capacity: Keyed<Capacity>,
    /// What the auction sells.
    pub cleared: Cleared,
    /// Orders that were counted; 0 where somebody else proved the price.
    pub orders: usize,
    /// Whether this wallet's clearing proved it.
    pub by_this_wallet: bool,
    /// Whether a clearing of this wallet was there already, and was carried on.
    pub resumed: bool,
    /// What it cost this wallet.
    pub cost: Cost,
    /// The transactions that landed, in order.
    pub transactions: Vec<Signature>,
    /// Lookup tables that were made for it and are deactivated. [`Wallet::lookup_table_close`] gets their rent back 513 slots later.
    pub tables: Vec<Address>,
}

/// What is kept from one attempt to the next.
#[derive(Default)]
struct Run {
    cost: Cost,
    transactions: Vec<Signature>,
    tables: Vec<AddressLookupTableAccount>,
    resumed: bool,
    restarts: u32,
    /// Whether the last transaction was handed out.
    has_applied: bool,
}

/// Why an attempt ended.
struct Interruption {
    error: Error,
    /// Whether reading everything again may help.
    is_worth_another: bool,
}

impl Interruption {
    fn last(error: Error) -> Self {
        Self { error, is_worth_another: false }
    }
}

impl From<Error> for Interruption {
    fn from(error: Error) -> Self {
        use MultibusError::*;
        let is_worth_another = match &error {
            Error::Program(failure) => match failure.multibus {
                // Another transaction of this clearing came first, or somebody else proved the price.
                Some(refused) => matches!(
                    refused,
                    AuctionNotFixed | OrdersMissing | PriceWrong | OrderForeign | OrderNotAscending | ClearingMismatch
                ),
                // The clearing exists already, or not any more.
                None => true,
            },
            other => other.is_transient(),
        };
        Self { error, is_worth_another }
    }
}

/// An order as a clearing counts it.
struct Counted {
    address: Address,
    side: Side,
    price_per_kwh: u64,
    energy_wh: u64,
}

/// Every order of a book, in the order in which tallies take them.
fn counted(book: &WindowBook) -> Vec<Counted> {
    let bids = book.bids.iter().map(|bid| Counted {
        address: bid.address,
        side: Side::Bid,
        price_per_kwh: bid.price_per_kwh,
        energy_wh: bid.energy_wh,
    });
    let asks = book.offers.iter().map(|offer| Counted {
        address: offer.address,
        side: Side::Ask,
        price_per_kwh: offer.price_per_kwh,
        energy_wh: offer.ask_wh(),
    });
    let mut all: Vec<Counted> = bids.chain(asks).collect();
    all.sort_unstable_by_key(|order| order.address);
    all
}

/// How many orders a clearing has counted, if it is on the way to prove these prices of this book.
fn progress(clearing: &Clearing, cleared: &Cleared, orders: &[Counted]) -> Option<usize> {
    let done = match clearing.last == Address::default() {
        true => 0,
        false => orders.partition_point(|order| order.address <= clearing.last),
    };
    let (low_price, high_price) = (cleared.low_price, cleared.high_price);
    let mut expected = Clearing { low_price, high_price, ..Clearing::zeroed() };
    let prices = expected.prices();
    for order in &orders[..done] {
        let class = prices.class_of(order.price_per_kwh);
        let (count, sums) = match order.side {
            Side::Bid => (&mut expected.bids, &mut expected.bid_wh),
            Side::Ask => (&mut expected.offers, &mut expected.ask_wh),
        };
        *count += 1;
        sums[class] = sums[class].saturating_add(order.energy_wh);
    }
    let fits = |a: &Clearing, b: &Clearing| {
        (a.low_price, a.high_price, a.bids, a.offers) == (b.low_price, b.high_price, b.bids, b.offers)
            && (a.bid_wh, a.ask_wh) == (b.bid_wh, b.ask_wh)
    };
    fits(clearing, &expected).then_some(done)
}

impl Wallet {
    /// Proves the price of a window whose book is fixed: from its gate on, for 24 hours. It carries on a clearing of this wallet that
    /// was left half way, and where somebody else proves the price meanwhile, it says so and gets its rent back. Which clearer
    /// proves it changes nothing for anybody.
    ///
    /// # Errors
    /// Where the book is not fixed, with the time from which it is; where there is nothing to prove; or where the chain refuses.
    /// The next call goes on where this one stopped.
    pub async fn auction_clear(&self, bus: &Address, window_start: i64) -> Result<Clearance> {
        self.auction_clear_with(bus, window_start, &ClearOptions::default()).await
    }

    /// The same with options.
    ///
    /// # Errors
    /// As above.
    pub async fn auction_clear_with(
        &self,
        bus: &Address,
        window_start: i64,
        options: &ClearOptions,
    ) -> Result<Clearance> {
        self.auction_clear_with_progress(bus, window_start, options, &|_| {}).await
    }

    /// The same, and tells how many orders are counted.
    ///
    /// # Errors
    /// As above.
    pub async fn auction_clear_with_progress(
        &self,
        bus: &Address,
        window_start: i64,
        options: &ClearOptions,
        on_progress: OnProgress<'_>,
    ) -> Result<Clearance> {
        let mut run = Run::default();
        let mut attempt = 0;
        loop {
            let before = run.transactions.len();
            match self.clear_once(bus, window_start, options, on_progress, &mut run).await {
                Ok(clearance) => return Ok(clearance),
                Err(Interruption { error, is_worth_another }) => {
                    attempt = if run.transactions.len() > before { 1 } else { attempt + 1 };
                    if !is_worth_another || attempt >= ATTEMPTS || run.restarts > RESTARTS {
                        return Err(error);
                    }
                }
            }
            self.sender().pause(attempt).await;
        }
    }

    async fn clear_once(
        &self,
        bus: &Address,
        window_start: i64,
        options: &ClearOptions,
        on_progress: OnProgress<'_>,
        run: &mut Run,
    ) -> Result<Clearance, Interruption> {
        let book = Box::new(self.market().book(bus, window_start).await?);
        let own = address::clearing(&book.capacity.address, &self.address());
        let clearing = self.market().find::<Clearing>(&own).await?;
        match book.phase {
            AuctionPhase::Fixed => {}
            AuctionPhase::Cleared => return self.end_cleared(&book, clearing, run).await,
            AuctionPhase::Over => {
                if let Some(clearing) = clearing {
                    self.give_up(&clearing, run).await?;
                }
                let why = match book.now >= book.proof_until() {
                    true => format!("nobody proved its price until {}", book.proof_until()),
                    false => "at its gate there was no bid or no offer".to_string(),
                };
                return Err(Interruption::last(Error::Invalid(format!(
                    "the auction of the window {window_start} is over: {why}; settle it, which returns the bids"
                ))));
            }
            AuctionPhase::Off => {
                return Err(Interruption::last(Error::Invalid(format!(
                    "no auction closes the window {window_start}; name a window of a bus whose terms have one"
                ))));
            }
            phase @ (AuctionPhase::Trading | AuctionPhase::Closing) => {
                return Err(Interruption::last(Error::Invalid(format!(
                    "the auction of the window {window_start} is {}, now {}; clear it from its gate on, at {}",
                    phase_name(phase),
                    book.now,
                    book.gate()
                ))));
            }
        }
        if !book.is_complete() {
            let error = Error::Invalid(format!(
                "the node shows {} of {} bids and {} of {} offers of the window {window_start}; try again, or use another node",
                book.bids.len(),
                book.capacity.open_bids,
                book.offers.len(),
                book.capacity.open_offers
            ));
            return Err(Interruption { error, is_worth_another: true });
        }
        let (cleared, orders) = (book.cleared(), counted(&book));
        let mut is_open = clearing.is_some();
        let mut done = 0;
        if let Some(clearing) = clearing {
            match progress(&clearing, &cleared, &orders) {
                Some(counted) => {
                    run.resumed |= run.transactions.is_empty();
                    done = counted;
                }
                None => {
                    run.restarts += 1;
                    self.give_up(&clearing, run).await?;
                    is_open = false;
                }
            }
        }
        let addresses: Vec<Address> = orders.iter().map(|order| order.address).collect();
        if options.lookup_tables && run.tables.is_empty() {
            self.make_tables(&addresses[done..], run).await?;
        }
        let (wallet, capacity) = (self.address(), book.capacity.address);
        loop {
            let mut instructions = Vec::with_capacity(3);
            if !is_open {
                instructions.push(clearing_open(&wallet, &capacity, cleared.low_price, cleared.high_price));
            }
            let taken = self.fitting(&instructions, &capacity, &addresses[done..], &run.tables)?;
            if taken > 0 {
                instructions.push(clearing_tally(&wallet, &capacity, &addresses[done..done + taken]));
            }
            done += taken;
            let mut applies = false;
            if done == addresses.len() {
                instructions.push(clearing_apply(&wallet, &capacity));
                applies = fits(&wallet, &instructions, &run.tables)? || taken == 0;
                if !applies {
                    instructions.pop();
                }
            }
            run.has_applied |= applies;
            let sent = self.send_with(&[], &instructions, &run.tables).await?;
            run.cost.count(&sent);
            run.transactions.push(sent.signature);
            on_progress(Progress { done, orders: addresses.len() });
            is_open = true;
            if applies {
                break;
            }
        }
        let mut clearance = self.end_cleared(&book, None, run).await?;
        (clearance.cleared, clearance.orders) = (cleared, addresses.len());
        Ok(clearance)
    }

    /// How many of these orders one tally takes behind other instructions.
    fn fitting(
        &self,
        before: &[Instruction],
        capacity: &Address,
        orders: &[Address],
        tables: &[AddressLookupTableAccount],
    ) -> Result<usize> {
        let (mut fit, mut most) = (0, orders.len().min(MOST_ACCOUNTS));
        while fit < most {
            let count = (fit + most).div_ceil(2);
            let mut instructions = before.to_vec();
            instructions.push(clearing_tally(&self.address(), capacity, &orders[..count]));
            if fits(&self.address(), &instructions, tables)? {
                fit = count;
            } else {
                most = count - 1;
            }
        }
        Ok(fit)
    }

    /// What is said of a window whose price is proven. A clearing of this wallet that is left over is closed.
    async fn end_cleared(
        &self,
        book: &WindowBook,
        clearing: Option<Keyed<Clearing>>,
        run: &mut Run,
    ) -> Result<Clearance, Interruption> {
        let by_this_wallet = run.has_applied && clearing.is_none();
        if let Some(clearing) = clearing {
            self.give_up(&clearing, run).await?;
        }
        let capacity = self.market().capacity(&book.capacity.bus, book.capacity.window_start).await?;
        let Some(cleared) = Cleared::of(&capacity) else {
            let error = Error::Invalid("the node does not show the proven price yet; try again".to_string());
            return Err(Interruption { error, is_worth_another: true });
        };
        let tables: Vec<Address> = run.tables.iter().map(|table| table.key).collect();
        for group in tables.chunks(DEACTIVATED_AT_ONCE) {
            let deactivate: Vec<Instruction> =
                group.iter().map(|table| deactivate_lookup_table(*table, self.address())).collect();
            let sent = self.send(&deactivate).await?;
            run.cost.count(&sent);
            run.transactions.push(sent.signature);
        }
        run.tables.clear();
        Ok(Clearance {
            capacity,
            cleared,
            orders: if by_this_wallet { book.bids.len() + book.offers.len() } else { 0 },
            by_this_wallet,
            resumed: run.resumed,
            cost: run.cost,
            transactions: run.transactions.clone(),
            tables,
        })
    }

    /// Closes a clearing of this wallet that proves nothing.
    async fn give_up(&self, clearing: &Keyed<Clearing>, run: &mut Run) -> Result<()> {
        let sent = self.send(&[clearing_close(&self.address(), clearing)]).await?;
        run.cost.count(&sent);
        run.transactions.push(sent.signature);
        Ok(())
    }

    /// Makes lookup tables of these addresses and waits until they can be used.
    async fn make_tables(&self, addresses: &[Address], run: &mut Run) -> Result<()> {
        let wallet = self.address();
        let mut extend = Vec::new();
        for part in addresses.chunks(LOOKUP_TABLE_MAX_ADDRESSES) {
            let (create, key) = create_lookup_table_at(self.chain().as_ref(), &wallet).await?;
            let mut groups = part.chunks(EXTENDED_AT_ONCE);
            let mut instructions = vec![create];
            instructions
                .extend(groups.next().map(|group| extend_lookup_table(key, wallet, Some(wallet), group.to_vec())));
            let sent = self.send(&instructions).await?;
            run.cost.count(&sent);
            run.transactions.push(sent.signature);
            run.tables.push(AddressLookupTableAccount { key, addresses: part.to_vec() });
            extend.extend(groups.map(|group| extend_lookup_table(key, wallet, Some(wallet), group.to_vec())));
        }
        let extended: Vec<Sent> = stream::iter(extend)
            .map(|instruction| async move { self.send(&[instruction]).await })
            .buffer_unordered(EXTENDED_SIDE_BY_SIDE)
            .try_collect()
            .await?;
        for sent in &extended {
            run.cost.count(sent);
            run.transactions.push(sent.signature);
        }
        // Extensions land in any order, so the tables are read.
        let keys: Vec<Address> = run.tables.iter().map(|table| table.key).collect();
        run.tables = self.read_tables(&keys).await?;
        let slot = self.chain().clock().await?.slot;
        self.chain().wait_for_slot(slot + 1).await?;
        Ok(())
    }
}

/// Whether instructions fit one transaction, with the compute budget that the sender adds.
fn fits(wallet: &Address, instructions: &[Instruction], tables: &[AddressLookupTableAccount]) -> Result<bool> {
    let mut named: HashSet<Address> = HashSet::from([*wallet, compute_budget::ID]);
    for instruction in instructions {
        named.insert(instruction.program_id);
        named.extend(instruction.accounts.iter().map(|account| account.pubkey));
    }
    Ok(named.len() <= MOST_ACCOUNTS && size_of_transaction(wallet, instructions, tables)? <= TRANSACTION_BYTES)
}
