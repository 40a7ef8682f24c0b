//! A market whose windows are closed by auctions, and what tests do with bids, clearings and pools with one call.

use {
    crate::{
        chain::{START, TestChain},
        delivery::{Buyer, solar},
        instructions::*,
        key::keypair,
        market::TestMarket,
        mint::{Mint, TokenProgram},
        refusal::Refusal,
        replica::auction_prices,
    },
    litesvm::types::{FailedTransactionMetadata, TransactionMetadata},
    multibus::state::*,
    solana_account::Account,
    solana_address::Address,
    solana_address_lookup_table_interface::state::{AddressLookupTable, LookupTableMeta},
    solana_instruction::Instruction,
    solana_message::AddressLookupTableAccount,
    solana_signer::Signer,
    std::ops::{Deref, DerefMut},
};

/// Grid fee, in token base units per kWh.
pub const FEE: u64 = 500_000;

/// A bus with an auction, three metered sellers, three buyers and one window, whose gate closes a minute before it. Its owner is
/// the market's seller; the operator, the recipient of grid fees and the clearer are wallets of their own.
pub struct AuctionMarket {
    pub market: TestMarket,
    pub operator: Address,
    /// Gets the grid fees.
    pub grid: Address,
    pub sellers: Vec<SellerAddresses>,
    /// The sellers' devices, in the same order.
    pub devices: Vec<Address>,
    pub buyers: Vec<Buyer>,
    /// Proves prices.
    pub clearer: Address,
    /// Start of the window.
    pub window: i64,
}

impl Deref for AuctionMarket {
    type Target = TestMarket;
    fn deref(&self) -> &TestMarket {
        &self.market
    }
}

impl DerefMut for AuctionMarket {
    fn deref_mut(&mut self) -> &mut TestMarket {
        &mut self.market
    }
}

/// Terms with an auction: those of a market on delivery, or their windows on purchase terms with the same grid fee.
pub fn auction_terms(on_delivery: bool) -> TermsConfig {
    let terms = TermsConfig { auction: true, grid_fee_per_kwh: FEE, ..delivery_terms() };
    if on_delivery {
        return terms;
    }
    TermsConfig {
        settlement: SettlementTime::OnPurchase as u8,
        reading_deadline_seconds: 0,
        correction_seconds: 0,
        ..terms
    }
}

impl AuctionMarket {
    /// A market in SPL Token, on purchase or delivery terms.
    pub fn new(on_delivery: bool) -> Self {
        Self::with(on_delivery, |options| options)
    }

    pub fn with(on_delivery: bool, options: impl FnOnce(BusOptions) -> BusOptions) -> Self {
        let mut chain = TestChain::new();
        let mint = chain.mint("mint", TokenProgram::SplToken, &[]);
        Self::on_chain(chain, mint, on_delivery, options)
    }

    /// A market on a chain that has its mint.
    pub fn on_chain(
        chain: TestChain,
        mint: Mint,
        on_delivery: bool,
        options: impl FnOnce(BusOptions) -> BusOptions,
    ) -> Self {
        let (operator, grid) = (keypair("operator").pubkey(), keypair("grid").pubkey());
        let market = TestMarket::on_chain(chain, mint, |bus| {
            let bus = bus.with(|config| {
                (config.terms, config.horizon_seconds) = (auction_terms(on_delivery), 4 * 86_400);
                (config.operator, config.grid_recipient) = (Some(operator), Some(grid));
                (config.base_price_per_kwh, config.capacity_wh) = (1, 1 << 40);
            });
            options(bus)
        });
        Self::on_market(market, operator, grid)
    }

    fn on_market(mut market: TestMarket, operator: Address, grid: Address) -> Self {
        for name in ["operator", "grid"] {
            market.wallet(name);
        }
        let clearer = market.wallet("clearer");
        let (bus, owner, mint) = (market.bus, market.seller, market.bus.mint);
        let (mut sellers, mut devices, mut buyers) = (vec![], vec![], vec![]);
        for name in ["first", "second", "third"] {
            let wallet = market.wallet(&format!("{name} seller"));
            let seller = market.open_seller(&bus, &wallet);
            let device = market.key(&format!("{name} device"));
            market.execute(&[meter_register(&seller, &operator, &device, solar(1 << 40))]);
            sellers.push(seller);
            devices.push(device);
            let buyer = market.funded_buyer(&format!("{name} bidder"));
            market.gift(&mint, &buyer.payment, 1 << 60);
            buyers.push(buyer);
        }
        let window = START + 7_200;
        market.execute(&[capacity_open(&bus, &owner, window)]);
        Self { market, operator, grid, sellers, devices, buyers, clearer, window }
    }

    /// Executes instructions that must succeed.
    pub fn execute(&mut self, instructions: &[Instruction]) -> TransactionMetadata {
        self.market.execute(instructions)
    }

    /// Asserts that the last of the instructions is refused, with exactly this error, and changes nothing.
    pub fn assert_refused(
        &mut self,
        instructions: &[Instruction],
        refusal: impl Into<Refusal>,
    ) -> FailedTransactionMetadata {
        self.market.assert_refused(instructions, refusal)
    }

    pub fn gate(&self) -> i64 {
        self.window_state().gate_closes_at
    }

    /// Goes to so many seconds after the gate.
    pub fn to_gate(&mut self, seconds: i64) {
        let gate = self.gate();
        self.go_to(gate + seconds);
    }

    /// Goes to so many seconds after the end of the window.
    pub fn to_end(&mut self, seconds: i64) {
        let end = self.window + i64::from(self.window_state().terms.window_seconds);
        self.go_to(end + seconds);
    }

    /// The state of the window.
    pub fn window_state(&self) -> Capacity {
        self.capacity_state(&self.bus.window(self.window))
    }

    /// The listing of an offer of a seller, and the offer.
    pub fn listing_of(
        &self,
        seller: usize,
        energy_wh: u64,
        price: u64,
        expires_at: i64,
    ) -> (Instruction, OfferAddresses) {
        let of = self.sellers[seller];
        let options =
            OfferOptions::new(0).number(self.next_offer_of(seller)).energy(energy_wh).price(price).expires(expires_at);
        self.listing(&of, self.bus.window(self.window), &of.wallet, options)
    }

    fn next_offer_of(&self, seller: usize) -> u64 {
        self.market.chain.next_offer(&self.sellers[seller])
    }

    /// Lists an offer of a seller that lasts until the gate.
    pub fn ask(&mut self, seller: usize, energy_wh: u64, price: u64) -> OfferAddresses {
        let (create, offer) = self.listing_of(seller, energy_wh, price, self.gate());
        self.execute(&[create]);
        offer
    }

    /// A bid of a buyer at its next nonce, whose price comes without the grid fee, and the bid.
    pub fn bidding(&self, buyer: usize, energy_wh: u64, price: u64) -> (Instruction, BidAddresses) {
        self.chain.bidding(&self.bus, self.window, &self.buyers[buyer], energy_wh, price)
    }

    /// A buyer bids; the price comes without the grid fee.
    pub fn bid(&mut self, buyer: usize, energy_wh: u64, price: u64) -> BidAddresses {
        let (create, bid) = self.bidding(buyer, energy_wh, price);
        self.execute(&[create]);
        bid
    }

    /// The clearing of the market's clearer.
    pub fn clearing(&self) -> ClearingAddresses {
        self.bus.clearing(self.window, &self.clearer)
    }

    /// Orders of the window, as a tally wants them.
    pub fn orders(&self) -> Vec<Address> {
        self.chain.orders(&self.bus.window(self.window))
    }

    /// The right low and high price.
    pub fn prices(&self) -> (u64, u64) {
        self.chain.prices(&self.bus.window(self.window))
    }

    /// Opens a clearing with these prices, and tallies every order.
    pub fn tally(&mut self, low_price: u64, high_price: u64) -> ClearingAddresses {
        let clearing = self.clearing();
        self.chain.tally(&clearing, low_price, high_price);
        clearing
    }

    /// Proves the price of the window.
    pub fn clear(&mut self) {
        let (low_price, high_price) = self.prices();
        let clearing = self.tally(low_price, high_price);
        self.execute(&[clearing_apply(&clearing)]);
    }

    pub fn bid_state(&self, bid: &BidAddresses) -> Bid {
        self.state(&bid.address)
    }

    /// A seller's book that the window is in.
    pub fn book(&self, seller: usize) -> BookAddresses {
        self.sellers[seller].book(DeliveryBook::first_window_of(&self.window_state().terms, self.window))
    }

    /// The window in a seller's book.
    pub fn book_window(&self, seller: usize) -> BookWindow {
        let book: DeliveryBook = self.state(&self.book(seller).address);
        book.windows[book.place(self.window).expect("a window of the book")]
    }

    /// A seller's device reports what it delivered in the window.
    pub fn report(&mut self, seller: usize, energy_wh: u64) {
        let reading = Reading { window_start: self.window, energy_wh, sequence: 1 };
        let report = delivery_report(&self.book(seller), &self.devices[seller], reading, ReadingProof::Transaction);
        self.execute(&[report]);
    }

    /// Counts a seller's part in the pool.
    pub fn pool(&self, seller: usize) -> Instruction {
        pool_report(&self.book(seller), self.bus.window(self.window))
    }

    /// Settles what the auction sells of all offers, and every bid, as far as they go.
    pub fn settle_all(&mut self) {
        let window = self.bus.window(self.window);
        self.market.settle_auction(&window);
    }
}

impl TestChain {
    /// A bid of a buyer at its next nonce, whose price comes without the grid fee, and the bid.
    pub fn bidding(
        &self,
        bus: &BusAddresses,
        window_start: i64,
        buyer: &Buyer,
        energy_wh: u64,
        price: u64,
    ) -> (Instruction, BidAddresses) {
        let fee = self.capacity_state(&bus.window(window_start)).terms.grid_fee_per_kwh;
        let options =
            BidOptions { energy_wh, max_price_per_kwh: price.saturating_add(fee), nonce: self.nonce(&buyer.lane) };
        let bid = BidAddresses::of(bus, window_start, &buyer.lane, buyer.payment, &options);
        (bid_create(&bid, &buyer.lane, buyer.payment, &options), bid)
    }

    /// Addresses of the orders of a window, as a tally wants them.
    pub fn orders(&self, window: &Address) -> Vec<Address> {
        let bids = self.all::<Bid>().into_iter().filter(|(_, bid)| bid.capacity == *window).map(|(bid, _)| bid);
        let offers =
            self.all::<Offer>().into_iter().filter(|(_, offer)| offer.capacity == *window).map(|(offer, _)| offer);
        let mut orders: Vec<_> = bids.chain(offers).collect();
        orders.sort_unstable();
        orders
    }

    /// The right low and high price of a window; any where one side is empty.
    pub fn prices(&self, window: &Address) -> (u64, u64) {
        let bids = self.all::<Bid>().into_iter().filter(|(_, bid)| bid.capacity == *window);
        let bids: Vec<_> = bids.map(|(_, bid)| (bid.price_per_kwh, bid.energy_wh)).collect();
        let offers = self.all::<Offer>().into_iter().filter(|(_, offer)| offer.capacity == *window);
        let asks: Vec<_> = offers.map(|(_, offer)| (offer.price_per_kwh, offer.ask_wh())).collect();
        auction_prices(&bids, &asks).unwrap_or_default()
    }

    /// Opens a clearing with these prices, and tallies every order of the window.
    pub fn tally(&mut self, clearing: &ClearingAddresses, low_price: u64, high_price: u64) {
        self.execute(&[clearing_open(clearing, low_price, high_price)]);
        for orders in self.orders(&clearing.capacity).chunks(ORDERS_WITHOUT_TABLE) {
            self.execute(&[clearing_tally(clearing, orders)]);
        }
    }
}

impl TestChain {
    /// Tallies orders of which a lookup table has the addresses.
    pub fn tally_with_table(&mut self, clearing: &ClearingAddresses, orders: &[Address]) -> TransactionMetadata {
        let key = self.key("lookup table of orders");
        let state = AddressLookupTable { meta: LookupTableMeta::default(), addresses: orders.into() };
        let account = Account {
            lamports: 1_000_000_000,
            data: state.serialize_for_tests().expect("a lookup table"),
            owner: solana_sdk_ids::address_lookup_table::ID,
            ..Account::default()
        };
        self.svm.set_account(key, account).expect("an account");
        // A table serves from the next slot on.
        self.go_to(self.now());
        let tables = [AddressLookupTableAccount { key, addresses: orders.to_vec() }];
        let transaction = self.transaction(&[clearing_tally(clearing, orders)], &tables);
        match self.send_transaction(transaction) {
            Ok(meta) => meta,
            Err(failure) => panic!("refused: {:?}\n{}", failure.err, failure.meta.logs.join("\n")),
        }
    }
}

/// Orders that one transaction tallies without a lookup table, and with one.
pub const ORDERS_WITHOUT_TABLE: usize = 28;
pub const ORDERS_WITH_TABLE: usize = 59;

impl TestMarket {
    /// The addresses of a bid of this bus.
    pub fn bid_named(&self, address: Address) -> BidAddresses {
        let Bid { bump, capacity, buyer, refund, .. } = self.state(&address);
        BidAddresses { address, bump, bus: self.bus, capacity, buyer, refund }
    }

    /// A stranger settles what the auction of a window sells of all offers, and every bid, as far as they go.
    pub fn settle_auction(&mut self, window: &Address) {
        let stranger = self.wallet("who settles");
        for offer in self.open_offers() {
            if offer.capacity == *window && self.capacity_state(window).owes(&self.offer_state(&offer)) {
                self.execute(&[ask_settle(&offer)]);
            }
        }
        self.settle_bids(window, &stranger);
    }

    /// Settles every bid of a window that can be settled.
    pub fn settle_bids(&mut self, window: &Address, caller: &Address) {
        let now = self.now();
        for (address, bid) in self.all::<Bid>().into_iter().filter(|(_, bid)| bid.capacity == *window) {
            let capacity = self.capacity_state(window);
            let is_closing = self.bus_state(&self.bus).closing == 1;
            let is_ready = match BidState::try_from(bid.state) {
                Ok(BidState::Open) => match capacity.phase(now) {
                    AuctionPhase::Cleared | AuctionPhase::Over => true,
                    AuctionPhase::Trading if is_closing && capacity.open_offers == 0 => true,
                    AuctionPhase::Trading | AuctionPhase::Closing => capacity.is_far(&self.bus_state(&self.bus)),
                    _ => false,
                },
                Ok(BidState::Filled) => capacity.is_pool_complete(),
                _ => bid.certified_wh == bid.delivered_wh || now >= capacity.pool_complete_at + 30 * 86_400,
            };
            if is_ready {
                self.execute(&[bid_settle(&self.bid_named(address), caller, false)]);
            }
        }
    }
}
