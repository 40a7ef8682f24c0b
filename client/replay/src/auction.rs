//! Bids, and the auction that closes a window: its book is written down, its price is proven, its orders are settled, and what
//! they got is entered.

use {
    crate::{
        auction_check::{FILLS, Outcome, PRICES, check_fills, outcome},
        error::{Doing, ReplayError},
        interval::Part,
        price::Draw,
        records::{Auction, BookOrder, OrderSide, Trade, TradeKind},
        replay::Replay,
        replay_bus::{MemberPurchase, ReplayBus, member_bid},
        report::IntervalAuction,
        state::WindowRecord,
    },
    multibus::{
        constants::WH_PER_KWH,
        math,
        state::{AuctionPhase, BidState, Capacity},
    },
    multibus_client::{
        Address, Event, Keyed, PricePerKwh, Wh,
        audit::Findings,
        bid::{Bid, BidFilter, BidOrder},
        error::Result as ChainResult,
    },
    std::collections::{BTreeSet, HashMap},
};

/// Energy that the settlement of an order sold, by the address of its bid or offer, and what it paid or was credited.
type Fills = HashMap<Address, (u64, u64)>;

impl ReplayBus {
    /// First second in which a window trades no more, in unix seconds.
    pub fn gate(&self, window_start: i64) -> i64 {
        window_start - i64::from(self.facts.gate_closure_seconds)
    }

    /// Open bids for energy of a window.
    pub async fn open_bids(&self, window_start: i64) -> ChainResult<Vec<Keyed<Bid>>> {
        let filter = BidFilter { bus: Some(self.address), window_start: Some(window_start), ..BidFilter::default() };
        self.market.bids(&filter).await
    }

    /// A member bids for energy of a window. A bid spends a nonce as a purchase does, and buys nothing yet.
    async fn bid(
        &self,
        buyer: usize,
        window_start: i64,
        Wh(energy_wh): Wh,
        limit: PricePerKwh,
    ) -> Result<MemberPurchase, ReplayError> {
        let order = BidOrder::new(self.address, window_start, Wh(energy_wh), limit);
        let placed = self.members[buyer].wallet.bid(&order).await;
        let placed = placed.doing(format_args!("{} bids for {energy_wh} Wh", self.name(buyer)))?;
        Ok(member_bid(buyer, placed.lane, placed.nonce, placed.transaction_hash.0))
    }

    /// What the auction of a window gave each order so far, from what the chain logged.
    async fn auction_fills(&self, capacity: &Address) -> Result<Fills, ReplayError> {
        let history = self.market.account_history(capacity).await.doing("reading what an auction sold")?;
        if let Some(signature) = history.unread.first() {
            return Err(ReplayError::State(format!(
                "the node does not serve the log of {signature}, which tells what an auction sold; resume with a node that \
                 keeps it"
            )));
        }
        let mut fills = Fills::new();
        for entry in history.events {
            match entry.event {
                // The first one says what the auction gave the bid.
                Event::BidSettled(bid) => {
                    fills.entry(bid.bid).or_insert((bid.allotted_wh, bid.paid));
                }
                Event::AskSettled(ask) => {
                    fills.insert(ask.offer, (ask.energy_wh, ask.credited));
                }
                _ => {}
            }
        }
        Ok(fills)
    }
}

impl Replay<'_> {
    /// Members bid for what they still want, each at a limit of its own, where something is on offer. An interval that was
    /// interrupted makes only the bids that are missing.
    pub async fn bid(&mut self, interval: usize, window_start: i64) -> Result<(), ReplayError> {
        let (bus, options) = (&self.bus, &self.bus.options);
        if !options.market.has_auction() || self.sellers.is_empty() {
            return Ok(());
        }
        if bus.read_order_book(window_start).await.doing("reading offers")? == 0 {
            return Ok(());
        }
        let bids = bus.open_bids(window_start).await.doing("reading bids")?;
        let has_bid: BTreeSet<usize> = bids.iter().filter_map(|bid| bus.member_of.get(&bid.buyer).copied()).collect();
        let demands = self.demands(interval, Part::All)?.into_iter();
        let tasks = demands.filter(|demand| !has_bid.contains(&demand.buyer)).map(|demand| {
            let draw = Draw::new(options.seed, "limit", interval, demand.buyer);
            let limit = options.price_rule.limit(draw) + options.grid_fee_per_kwh;
            bus.bid(demand.buyer, window_start, Wh(demand.energy_wh), PricePerKwh(limit))
        });
        let (placed, failed) = bus.each(tasks.collect::<Vec<_>>()).await;
        for bid in placed {
            self.enter_purchase(bid);
        }
        self.save()?;
        failed.map_or(Ok(()), Err)
    }

    /// Holds the auction of a window whose gate has closed, and enters what it came to. It is not interrupted by a
    /// [`Cancel`](crate::Cancel); killed at any time, it goes on.
    pub async fn hold_auction(&mut self, window: &WindowRecord) -> Result<(), ReplayError> {
        let (bus, window_start) = (self.bus.address, window.window_start);
        let doing = "closing a window by an auction";
        // Killed before the window was opened: nothing was listed.
        if self.bus.market.find_capacity(&bus, window_start).await.doing(doing)?.is_some() {
            let phase = self.record_book(window).await?;
            if phase == AuctionPhase::Fixed {
                self.bus.funder.auction_clear(&bus, window_start).await.doing(doing)?;
            }
            let has_bids = self.state.records.book(window_start).iter().any(|order| order.side == OrderSide::Bid);
            if has_bids {
                self.bus.funder.auction_settle(&bus, window_start).await.doing(doing)?;
            }
            let capacity = self.bus.market.capacity(&bus, window_start).await.doing(doing)?;
            let fills = if has_bids { self.bus.auction_fills(&capacity.address).await? } else { Fills::new() };
            self.enter_auction(window, &capacity, &fills)?;
        }
        for known in self.state.windows.iter_mut().filter(|known| known.window_start == window_start) {
            known.is_auctioned = true;
        }
        self.save()
    }

    /// Writes down what stands in the book of a window, unless its price is proven already: then orders may be gone. Returns
    /// where the auction stands.
    pub async fn record_book(&mut self, window: &WindowRecord) -> Result<AuctionPhase, ReplayError> {
        let WindowRecord { interval, window_start, .. } = *window;
        let book = self.bus.market.book(&self.bus.address, window_start).await.doing("reading a book")?;
        if book.is_proven() {
            return Ok(book.phase);
        }
        let order = |side, wallet: &Address, account, energy_wh, price_per_kwh| {
            let member = self.bus.member_of.get(wallet).copied();
            let party = member.map_or_else(|| wallet.to_string(), |member| self.bus.name(member).to_owned());
            BookOrder { interval, window_start, side, member, party, account, energy_wh, price_per_kwh }
        };
        let bids = book.bids.iter().filter(|bid| bid.state == BidState::Open as u8);
        let bids = bids.map(|bid| order(OrderSide::Bid, &bid.buyer, bid.address, bid.energy_wh, bid.price_per_kwh));
        let asks = book.offers.iter().filter(|offer| offer.ask_wh() > 0);
        let asks = asks
            .map(|offer| order(OrderSide::Ask, &offer.rent_payer, offer.address, offer.ask_wh(), offer.price_per_kwh));
        let mut orders: Vec<BookOrder> = bids.chain(asks).collect();
        // The first ones of each side are filled first.
        orders.sort_by_key(|order| {
            let price = match order.side {
                OrderSide::Bid => u64::MAX - order.price_per_kwh,
                OrderSide::Ask => order.price_per_kwh,
            };
            (order.side == OrderSide::Ask, price, order.member.is_none(), order.member, order.account.to_bytes())
        });
        self.state.records.set_book(window_start, orders);
        // Once orders are settled, nobody can read them any more.
        self.save()?;
        Ok(book.phase)
    }

    /// Enters what an auction came to, and compares it with what its orders give.
    fn enter_auction(&mut self, window: &WindowRecord, capacity: &Capacity, fills: &Fills) -> Result<(), ReplayError> {
        let WindowRecord { interval, window_start, .. } = *window;
        let orders = self.state.records.book(window_start);
        let label = self.bus.options.community.interval(interval)?.label.clone();
        let expected = outcome(&orders);
        let has_both = [OrderSide::Bid, OrderSide::Ask]
            .iter()
            .all(|side| orders.iter().any(|order| order.side == *side && order.energy_wh > 0));
        if has_both && capacity.cleared_at == 0 {
            // Nobody proved a price in time, so nobody can say that it is that of the orders.
            self.state.records.set_book(window_start, Vec::new());
            self.state.missed_auctions += 1;
            return Ok(());
        }
        let Capacity { price_per_kwh, volume_wh, bids, asks, .. } = *capacity;
        let rationed = OrderSide::rationed(volume_wh, &bids, &asks);
        let filled: Vec<u64> =
            orders.iter().map(|order| fills.get(&order.account).map_or(0, |(energy_wh, _)| *energy_wh)).collect();
        let mut findings = Findings::default();
        check_price(&mut findings, &label, capacity, rationed, &expected);
        check_fills(&mut findings, &label, &orders, &filled, &expected);
        self.enter_fills(&mut findings, window, capacity, &orders, fills);
        self.state.violations.extend(findings.0);
        if !orders.is_empty() {
            let auction = Auction { interval, window_start, price_per_kwh, volume_wh, rationed };
            self.state.records.auctions.push(&auction);
            self.state.records.end_book(window_start, &label);
        }
        Ok(())
    }

    /// Enters what the orders of members got as trades, and into the results of members and interval.
    fn enter_fills(
        &mut self,
        findings: &mut Findings,
        window: &WindowRecord,
        capacity: &Capacity,
        orders: &[BookOrder],
        fills: &Fills,
    ) {
        let WindowRecord { interval, window_start, .. } = *window;
        let options = &self.bus.options;
        let (fee, on_delivery) = (options.grid_fee_per_kwh, options.is_on_delivery());
        let full_price = capacity.auction_full_price();
        let traded = if on_delivery { HashMap::new() } else { self.traded_in(window) };
        let (mut paid_by_bids, mut due_to_asks, mut grid_fees) = (0u64, 0u64, 0u64);
        for order in orders {
            let (Some(member), Some(&(energy_wh, money))) = (order.member, fills.get(&order.account)) else { continue };
            if energy_wh == 0 {
                continue;
            }
            let trade = |seller, buyer, paid| Trade {
                interval,
                window_start,
                seller,
                buyer,
                kind: TradeKind::Auction,
                energy_wh,
                price_per_kwh: full_price,
                paid,
            };
            match order.side {
                OrderSide::Bid => {
                    let cost = math::cost(energy_wh, full_price).unwrap_or(u64::MAX);
                    findings.equal(FILLS, format_args!("what the bid of {} paid", order.party), money, cost);
                    self.state.records.trades.push(&trade(None, Some(member), money));
                    let result = &mut self.state.members[member];
                    result.bought_wh += energy_wh;
                    result.paid_base_units += money;
                    paid_by_bids += money;
                }
                OrderSide::Ask => {
                    let due = math::mul_div_floor(energy_wh, full_price, WH_PER_KWH).unwrap_or(0);
                    let credited = if on_delivery { 0 } else { due };
                    findings.equal(FILLS, format_args!("what the ask of {} was paid", order.party), money, credited);
                    if !on_delivery {
                        let (traded_wh, earned) = traded.get(&member).copied().unwrap_or_default();
                        // An auction pays rounded down, so the last base unit of the fee may be missing.
                        let all = math::grid_fee(traded_wh + energy_wh, fee).min(earned + due);
                        let grid_fee = all - math::grid_fee(traded_wh, fee).min(all);
                        self.state.members[member].grid_fee_base_units += grid_fee;
                        grid_fees += grid_fee;
                    }
                    self.state.records.trades.push(&trade(Some(member), None, due));
                    let result = &mut self.state.members[member];
                    result.sold_wh += energy_wh;
                    result.earned_base_units += due;
                    due_to_asks += due;
                }
            }
        }
        self.state.auction_remainder += paid_by_bids.saturating_sub(due_to_asks);
        let (continuous_wh, continuous_base_units) = self.beside(interval, orders);
        let of_side = |side: OrderSide| orders.iter().filter(move |order| order.side == side);
        let energy = |side: OrderSide| of_side(side).map(|order| order.energy_wh).sum();
        let left = outcome(orders).left_at_price_wh;
        let auction = IntervalAuction {
            bids: of_side(OrderSide::Bid).count() as u64,
            bid_wh: energy(OrderSide::Bid),
            asks: of_side(OrderSide::Ask).count() as u64,
            ask_wh: energy(OrderSide::Ask),
            price_per_kwh: capacity.price_per_kwh,
            volume_wh: capacity.volume_wh,
            paid_base_units: paid_by_bids,
            left_at_price_wh: left,
            continuous_wh,
            continuous_base_units,
        };
        self.state.intervals.change(interval, |result| {
            result.auction = Some(auction);
            if auction.volume_wh > 0 {
                result.traded_wh += auction.volume_wh;
                result.paid_base_units += paid_by_bids;
                result.grid_fee_base_units += grid_fees;
                let lowest = result.lowest_price_per_kwh;
                result.lowest_price_per_kwh = if lowest == 0 { full_price } else { lowest.min(full_price) };
                result.highest_price_per_kwh = result.highest_price_per_kwh.max(full_price);
            }
        });
    }

    /// What each member sold by trade in a window, in Wh, and what was paid for it.
    fn traded_in(&self, window: &WindowRecord) -> HashMap<usize, (u64, u64)> {
        let mut sold: HashMap<usize, (u64, u64)> = HashMap::new();
        let trades = self.state.records.trades.iter_from(window.trades_before);
        for trade in trades.filter(|trade| !trade.is_by_auction() && trade.window_start == window.window_start) {
            if let Some(seller) = trade.seller {
                let (energy_wh, paid) = sold.entry(seller).or_default();
                (*energy_wh, *paid) = (*energy_wh + trade.energy_wh, *paid + trade.paid);
            }
        }
        sold
    }

    /// Energy of the continuous market beside an auction, and what it cost: what was bought before it; where there is an auction
    /// alone, what its offers would have sold, the cheapest first.
    fn beside(&self, interval: usize, orders: &[BookOrder]) -> (u64, u64) {
        let Some(result) = self.state.intervals.get(interval) else { return (0, 0) };
        if self.bus.options.market.has_trade() {
            return (result.traded_wh, result.paid_base_units);
        }
        let mut asks: Vec<&BookOrder> = orders.iter().filter(|order| order.side == OrderSide::Ask).collect();
        asks.sort_by_key(|ask| ask.price_per_kwh);
        let (mut wanted_wh, mut sold_wh, mut cost) = (result.deficit_wh, 0, 0u64);
        for ask in asks {
            let energy_wh = ask.energy_wh.min(wanted_wh);
            let full_price = ask.price_per_kwh + self.bus.options.grid_fee_per_kwh;
            cost = cost.saturating_add(math::cost(energy_wh, full_price).unwrap_or(u64::MAX));
            (wanted_wh, sold_wh) = (wanted_wh - energy_wh, sold_wh + energy_wh);
        }
        (sold_wh, cost)
    }
}

/// Compares what the chain proved with what the orders give.
fn check_price(
    findings: &mut Findings,
    label: &str,
    capacity: &Capacity,
    rationed: Option<OrderSide>,
    expected: &Outcome,
) {
    let name = |side: Option<OrderSide>| side.map_or("nobody", OrderSide::name);
    findings.equal(PRICES, format_args!("the auction's volume in {label}"), capacity.volume_wh, expected.volume_wh);
    if expected.volume_wh > 0 {
        let price = expected.price_per_kwh;
        findings.equal(PRICES, format_args!("the auction's price in {label}"), capacity.price_per_kwh, price);
        findings.equal(PRICES, format_args!("who is rationed in {label}"), name(rationed), name(expected.rationed));
    }
}
