//! A bus whose windows are closed by auctions, with sellers, buyers and one window.

use {
    crate::{Net, START, config, mint::TokenProgram},
    multibus::state::*,
    solana_address::Address,
};

/// Length of a window, and how long before its start its gate closes, in seconds.
pub const WINDOW_SECONDS: u32 = 900;
pub const GATE_SECONDS: u32 = 60;
/// Grid fee, in token base units per kWh.
pub const FEE: u64 = 500_000;

/// Terms with an auction: windows of 15 minutes whose gate closes a minute before. On delivery terms one hour for the first
/// reading and one for corrections.
pub fn auction_terms(on_delivery: bool) -> TermsConfig {
    let hour = if on_delivery { 3_600 } else { 0 };
    TermsConfig {
        window_seconds: WINDOW_SECONDS,
        gate_closure_seconds: GATE_SECONDS,
        settlement: on_delivery as u8,
        grid_fee_per_kwh: FEE,
        reading_deadline_seconds: hour,
        correction_seconds: hour,
        auction: true,
    }
}

/// A market with one window.
pub struct Market {
    pub net: Net,
    pub owner: Address,
    pub operator: Address,
    /// Gets the grid fees.
    pub grid: Address,
    pub sellers: Vec<Address>,
    /// The sellers' devices, in the same order.
    pub devices: Vec<Address>,
    /// Each with a lane and tokens.
    pub buyers: Vec<Address>,
    /// Proves prices.
    pub clearer: Address,
    /// Start of the window.
    pub window: i64,
}

impl Market {
    /// Three sellers and three buyers; the window starts two hours after the start.
    pub fn new(on_delivery: bool) -> Self {
        Self::of(TokenProgram::SplToken, auction_terms(on_delivery), 1 << 40)
    }

    pub fn of(program: TokenProgram, terms: TermsConfig, capacity_wh: u64) -> Self {
        let mut net = Net::of(program, &[], |net| {
            let (operator, grid) = (net.wallet("operator"), net.wallet("grid"));
            BusConfig {
                horizon_seconds: 4 * 86_400,
                terms,
                base_price_per_kwh: 1,
                operator: Some(operator),
                grid_recipient: Some(grid),
                capacity_wh,
                ..config(&[(net.wallet("owner"), 10_000)])
            }
        });
        let (operator, grid, owner) = (net.key("operator"), net.key("grid"), net.creator);
        let clearer = net.wallet("clearer");
        let (mut sellers, mut devices, mut buyers) = (vec![], vec![], vec![]);
        for name in ["first", "second", "third"] {
            let seller = net.wallet(&format!("{name} seller"));
            let device = net.key(&format!("{name} device"));
            let open = net.seller_open(&seller, &seller);
            let register = net.meter_register(&operator, &device, &seller, 1 << 40);
            net.run(&[open, register]);
            sellers.push(seller);
            devices.push(device);
            buyers.push(net.buyer(&format!("{name} buyer"), 1 << 60).0);
        }
        let window = START + 7_200;
        let open = net.capacity_open(&owner, window);
        net.run(&[open]);
        Self { net, owner, operator, grid, sellers, devices, buyers, clearer, window }
    }

    pub fn gate(&self) -> i64 {
        self.window - GATE_SECONDS as i64
    }

    /// Goes on to so many seconds after the gate.
    pub fn to_gate(&mut self, seconds: i64) {
        let ahead = self.gate() + seconds - self.net.now();
        self.net.pass(ahead);
    }

    /// Goes on to so many seconds after the end of the window.
    pub fn to_end(&mut self, seconds: i64) {
        let ahead = self.window + WINDOW_SECONDS as i64 + seconds - self.net.now();
        self.net.pass(ahead);
    }

    /// Lists an offer of a seller that lasts until the gate.
    #[track_caller]
    pub fn ask(&mut self, seller: usize, energy_wh: u64, price: u64) -> Address {
        let wallet = self.sellers[seller];
        let (create, offer) = self.net.offer_create(&wallet, &wallet, self.window, (energy_wh, price, self.gate()));
        self.net.run(&[create]);
        offer
    }

    /// A bid of a buyer, whose price comes without the grid fee.
    #[track_caller]
    pub fn bid(&mut self, buyer: usize, energy_wh: u64, price: u64) -> Address {
        let wallet = self.buyers[buyer];
        let account = self.net.ata_of(&wallet);
        let fee = self.net.terms(self.window).grid_fee_per_kwh;
        let (create, bid) = self.net.bid_create(&wallet, &account, self.window, energy_wh, price + fee);
        self.net.run(&[create]);
        bid
    }

    /// Orders of a book, spread over the sellers and buyers.
    #[track_caller]
    pub fn place(&mut self, book: &crate::Book) {
        for (index, (price, energy_wh)) in book.asks.iter().enumerate() {
            self.ask(index % self.sellers.len(), *energy_wh, *price);
        }
        for (index, (price, energy_wh)) in book.bids.iter().enumerate() {
            self.bid(index % self.buyers.len(), *energy_wh, *price);
        }
    }

    /// Proves the price of the window.
    #[track_caller]
    pub fn clear(&mut self) {
        let clearer = self.clearer;
        self.net.clear(&clearer, self.window);
    }

    pub fn capacity(&self) -> Capacity {
        self.net.state(&self.net.capacity(self.window))
    }

    pub fn tokens_of(&self, wallet: &Address) -> u64 {
        self.net.tokens(&self.net.ata_of(wallet))
    }

    /// Cancels every offer of the window, and collects first what is to collect.
    #[track_caller]
    pub fn cancel_offers(&mut self) {
        let stranger = self.net.payer;
        for (offer, _) in self.net.orders(self.window).1 {
            let cancel = self.net.offer_cancel(&stranger, &offer);
            self.net.run(&[cancel]);
        }
    }

    /// Pays a seller what is released to it; returns the amount.
    #[track_caller]
    pub fn withdraw(&mut self, seller: usize) -> u64 {
        let wallet = self.sellers[seller];
        let account = self.net.fund(&wallet, 0);
        let before = self.net.tokens(&account);
        let withdraw = self.net.seller_withdraw(&wallet, &wallet, &account);
        self.net.run(&[withdraw]);
        self.net.tokens(&account) - before
    }

    /// The device of a seller reports what it delivered in the window.
    #[track_caller]
    pub fn report(&mut self, seller: usize, energy_wh: u64) {
        let book = self.book(seller);
        let reading = Reading { window_start: self.window, energy_wh, sequence: 1 };
        let report = self.net.delivery_report(&self.devices[seller], &book, reading, ReadingProof::Transaction);
        self.net.run(&[report]);
    }

    pub fn book(&self, seller: usize) -> Address {
        self.net.book(&self.sellers[seller], self.window)
    }

    /// Pays out everything and ends all accounts of the bus.
    #[track_caller]
    pub fn wind_down(&mut self) {
        let owner = self.owner;
        self.net.wind_down(&owner);
    }
}
