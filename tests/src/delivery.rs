//! A market on delivery terms, and what tests do with meters, books and certificates with one call.

use {
    crate::{
        chain::{Landing, START, TestChain},
        instructions::*,
        key::{keypair, pda},
        market::{BUYER_TOKENS, TestMarket},
        mint::TokenProgram,
        refusal::Refusal,
    },
    litesvm::types::{FailedTransactionMetadata, TransactionMetadata},
    multibus::state::*,
    solana_address::Address,
    solana_instruction::Instruction,
    solana_signer::Signer,
    std::ops::{Deref, DerefMut},
};

/// A wallet with a nonce lane, and tokens in its associated account.
#[derive(Clone, Copy, Debug)]
pub struct Buyer {
    pub wallet: Address,
    pub payment: Address,
    pub lane: LaneAddress,
}

/// A bus on [`delivery_terms`], with a metered seller that offers 10 kWh of one window at 2 tokens a kWh. The bus, its window
/// and its meter have rent payers of their own: the owner (who is the seller), the seller and the operator.
pub struct DeliveryMarket {
    pub market: TestMarket,
    pub operator: Address,
    /// Key of the seller's device, of 40 kW: 10 kWh in a window.
    pub device: Address,
    /// Gets the grid fees.
    pub grid: Address,
    /// Start of the window.
    pub window: i64,
    pub offer: OfferAddresses,
    pub book: BookAddresses,
}

impl Deref for DeliveryMarket {
    type Target = TestMarket;
    fn deref(&self) -> &TestMarket {
        &self.market
    }
}

impl DerefMut for DeliveryMarket {
    fn deref_mut(&mut self) -> &mut TestMarket {
        &mut self.market
    }
}

impl Default for DeliveryMarket {
    fn default() -> Self {
        Self::new()
    }
}

/// A solar device of so many W, for any window.
pub fn solar(power_w: u64) -> MeterSpec {
    MeterSpec { source: EnergySource::Solar as u8, power_w, valid_from: 0 }
}

impl DeliveryMarket {
    /// A market in SPL Token.
    pub fn new() -> Self {
        Self::of(TokenProgram::SplToken)
    }

    pub fn of(program: TokenProgram) -> Self {
        Self::with(program, |options| options)
    }

    /// A market whose bus is as `options` makes it from one on delivery terms.
    pub fn with(program: TokenProgram, options: impl FnOnce(BusOptions) -> BusOptions) -> Self {
        let (operator, grid) = (keypair("operator").pubkey(), keypair("grid").pubkey());
        let mut market = TestMarket::with(program, |bus| {
            let bus = bus.on_delivery(&operator).with(|config| {
                (config.base_price_per_kwh, config.grid_recipient) = (1_000, Some(grid));
            });
            options(bus)
        });
        market.wallet("operator");
        market.wallet("grid");
        let device = market.key("device");
        let seller = market.bus.seller(&market.seller);
        market.execute(&[meter_register(&seller, &operator, &device, solar(40_000))]);
        let window = START + 3_600;
        let offer = market.list(window, 10_000, 2_000_000);
        let book = offer.book.expect("an offer on delivery terms");
        Self { market, operator, device, grid, window, offer, book }
    }

    /// Executes instructions that must succeed.
    pub fn execute(&mut self, instructions: &[Instruction]) -> TransactionMetadata {
        self.market.execute(instructions)
    }

    /// Executes instructions in one transaction, and checks everything where it lands.
    pub fn send(&mut self, instructions: &[Instruction]) -> Landing {
        self.market.send(instructions)
    }

    /// Asserts that the last of the instructions is refused, with exactly this error, and changes nothing.
    pub fn assert_refused(
        &mut self,
        instructions: &[Instruction],
        refusal: impl Into<Refusal>,
    ) -> FailedTransactionMetadata {
        self.market.assert_refused(instructions, refusal)
    }

    /// Lists an offer of the seller that lasts until the gate, in a window that is opened where it is not.
    pub fn list(&mut self, window_start: i64, energy_wh: u64, price_per_kwh: u64) -> OfferAddresses {
        self.market.list(window_start, energy_wh, price_per_kwh)
    }

    /// Goes to a time, later or earlier, in the next slot.
    pub fn go_to(&mut self, unix_timestamp: i64) {
        self.market.go_to(unix_timestamp);
    }

    /// The seller's addresses.
    pub fn seller_account(&self) -> SellerAddresses {
        self.book.seller
    }

    /// A buyer with a lane, tokens and a position book.
    pub fn buyer(&mut self, name: &str) -> Buyer {
        let buyer = self.market.funded_buyer(name);
        let open = position_open(&self.position(&buyer.wallet), &buyer.wallet);
        self.execute(&[open]);
        buyer
    }

    /// A buyer's position book.
    pub fn position(&self, buyer: &Address) -> PositionAddresses {
        self.book.position(buyer)
    }

    /// A buyer buys of the offer.
    pub fn buy_as(&mut self, buyer: &Buyer, energy_wh: u64) {
        let buy = self.purchase_as(buyer, &self.offer, energy_wh);
        self.execute(&[buy]);
    }

    /// A reading of the window.
    pub fn reading(&self, energy_wh: u64, sequence: u64) -> Reading {
        Reading { window_start: self.window, energy_wh, sequence }
    }

    /// The device reports by signing the transaction.
    pub fn report(&self, energy_wh: u64, sequence: u64) -> Instruction {
        delivery_report(&self.book, &self.device, self.reading(energy_wh, sequence), ReadingProof::Transaction)
    }

    /// The operator reports in its place.
    pub fn operator_report(&self, energy_wh: u64, number: u64) -> Instruction {
        delivery_report(&self.book, &self.operator, self.reading(energy_wh, number), ReadingProof::Operator)
    }

    /// A reading that the device signed, brought by `caller`.
    pub fn signed_report(&self, caller: &Address, reading: Reading) -> [Instruction; 2] {
        self.chain.signed_report(&self.book, &self.device, caller, reading)
    }

    /// Goes on to so many seconds after the window's end.
    pub fn pass_window(&mut self, seconds: i64) {
        let end = self.window + self.book_state().terms.window_seconds as i64;
        let now = self.now();
        self.pass(end + seconds - now);
    }

    pub fn book_state(&self) -> DeliveryBook {
        self.state(&self.book.address)
    }

    /// The window in its book.
    pub fn window_state(&self) -> BookWindow {
        let book = self.book_state();
        book.windows[book.place(self.window).expect("a window of the book")]
    }

    pub fn position_state(&self, buyer: &Address) -> PositionBook {
        self.state(&self.position(buyer).address)
    }

    /// What has gone through the seller's vault and is not withdrawn: to the seller, and to the grid.
    pub fn released(&self) -> (u64, u64) {
        let seller = self.seller_state(&self.seller_account());
        (seller.released, seller.grid_fees_owed)
    }
}

impl TestMarket {
    /// Lists an offer of the seller that lasts until the gate, in a window that is opened where it is not.
    pub fn list(&mut self, window_start: i64, energy_wh: u64, price_per_kwh: u64) -> OfferAddresses {
        self.offer_in(window_start, |options| options.energy(energy_wh).price(price_per_kwh))
    }

    /// A buyer of a name with a lane, and tokens in its associated account.
    pub fn funded_buyer(&mut self, name: &str) -> Buyer {
        let mint = self.bus.mint;
        let wallet = self.chain.wallet(name);
        let payment = self.chain.associated_account(&mint, &wallet);
        self.chain.gift(&mint, &payment, BUYER_TOKENS);
        Buyer { wallet, payment, lane: self.chain.open_lane(&wallet, 0) }
    }

    /// The associated token account of a wallet.
    pub fn associated(&self, wallet: &Address) -> Address {
        TestChain::associated_address(&self.bus.mint, wallet)
    }

    /// A buyer's purchase of exactly this much energy (Wh), at any price.
    pub fn purchase_as(&self, buyer: &Buyer, offer: &OfferAddresses, energy_wh: u64) -> Instruction {
        let purchase = multibus::instruction::Purchase {
            nonce: self.nonce(&buyer.lane),
            energy_wh,
            min_energy_wh: energy_wh,
            max_price_per_kwh: u64::MAX,
            expected_version: 0,
        };
        let accounts = purchase_accounts(offer, &buyer.lane, buyer.payment);
        offer.with_books(purchase.to_instruction(accounts), &buyer.wallet)
    }

    /// A buyer's batch of exactly these amounts of energy (Wh), at any price.
    pub fn batch_as(&self, buyer: &Buyer, items: &[(OfferAddresses, u64)]) -> Instruction {
        batch(&buyer.lane, buyer.payment, self.nonce(&buyer.lane), items)
    }

    /// A buyer's lock of this much energy (Wh), at any price.
    pub fn lock_as(&self, buyer: &Buyer, offer: &OfferAddresses, place: u8, energy_wh: u64) -> Instruction {
        crate::market::lock_take(offer, &buyer.wallet, place, buyer.payment, energy_wh)
    }

    /// A reading that a device signed, brought by `caller`.
    pub fn signature(&self, key: &Address, message: &[u8]) -> Signed {
        (*key, self.chain.sign(key, message), message.to_vec())
    }
}

impl TestChain {
    /// A reading that a device signed, and the report of it by `caller`.
    pub fn signed_report(
        &self,
        book: &BookAddresses,
        key: &Address,
        caller: &Address,
        reading: Reading,
    ) -> [Instruction; 2] {
        let message = reading.message(&self.state(&book.address));
        let signed = (*key, self.sign(key, &message), message.to_vec());
        [ed25519(&[signed]), delivery_report(book, caller, reading, ReadingProof::Signature)]
    }

    /// A refund to the account that the position names.
    pub fn refund(&self, position: &PositionAddresses) -> Instruction {
        delivery_refund(position, self.state::<PositionBook>(&position.address).refund)
    }

    /// The end of a position, with the accounts that it names.
    pub fn close_position(&self, position: &PositionAddresses, caller: &Address) -> Instruction {
        let state: PositionBook = self.state(&position.address);
        position_close(position, caller, state.refund, &state.rent_payer)
    }

    /// The end of a delivery book, for who paid its rent.
    pub fn close_book(&self, book: &BookAddresses, caller: &Address) -> Instruction {
        delivery_close(book, caller, &self.state::<DeliveryBook>(&book.address).rent_payer)
    }

    /// The meter of a seller.
    pub fn meter_state(&self, seller: &SellerAddresses) -> Meter {
        self.state(&seller.meter())
    }

    /// The end of a seller's meter, for who paid its rent.
    pub fn close_meter(&self, seller: &SellerAddresses, caller: &Address) -> Instruction {
        let meter = self.meter_state(seller);
        meter_close(seller, caller, &meter.key, &meter.rent_payer)
    }

    /// Another device in the place of a seller's present one.
    pub fn replace_meter(
        &self,
        seller: &SellerAddresses,
        operator: &Address,
        key: &Address,
        spec: MeterSpec,
    ) -> Instruction {
        meter_replace(seller, operator, &self.meter_state(seller).key, key, spec)
    }

    /// The end of a retired device, for who paid its rent.
    pub fn close_device(&self, key: &Address) -> Instruction {
        device_close(key, &self.state::<Device>(&pda::device(key).0).rent_payer)
    }

    /// The grid fees of a seller, for the present recipient.
    pub fn sweep(&self, seller: &SellerAddresses, caller: &Address, destination: Address) -> Instruction {
        let recipient = self.bus_state(&seller.bus).grid_recipient;
        grid_sweep(seller, caller, &recipient, destination)
    }

    /// What an owner may certify of a window, and the certificate. An owner that is the seller takes what it did not sell.
    pub fn take_certificate(&self, book: &BookAddresses, owner: &Address, window_start: i64) -> (Instruction, Address) {
        let state: DeliveryBook = self.state(&book.address);
        let range_start = state.place(window_start).map_or(0, |place| state.windows[place].certified_wh);
        let certificate = pda::certificate(&book.seller.address, window_start, range_start).0;
        let is_seller = *owner == book.seller.wallet;
        let holding = if is_seller { book.seller.address } else { book.position(owner).address };
        (certificate_take(book, owner, holding, certificate, window_start), certificate)
    }

    /// The transfer of so much of a certificate, and the account of the part.
    pub fn transfer_certificate(&self, certificate: &Address, energy_wh: u64, to: &Address) -> (Instruction, Address) {
        let state: Certificate = self.state(certificate);
        let range_start = state.range_end.saturating_sub(energy_wh);
        let part = pda::certificate(&state.seller, state.window_start, range_start).0;
        (certificate_transfer(*certificate, &state.owner, part, energy_wh, to), part)
    }

    pub fn retire_certificate(&self, certificate: &Address, beneficiary: &str) -> Instruction {
        let state: Certificate = self.state(certificate);
        certificate_retire(*certificate, &state.owner, &state.rent_payer, beneficiary)
    }
}

impl TestMarket {
    /// The first owner of a bus with a threshold of 1 and no timelock decides to close it, and a stranger ends all that is
    /// open, whoever it belongs to and whatever they did to their accounts. Then everybody pulls what it is owed.
    pub fn wind_down(&mut self) {
        let (bus, mint) = (self.bus, self.bus.mint);
        let owners: Vec<_> = self.bus_state(&bus).owners().iter().map(|slot| slot.owner).collect();
        let stranger = self.wallet("who winds the bus down");
        let vaults = self.all::<Seller>().into_iter().map(|(_, seller)| seller.vault);
        for account in vaults.chain([bus.unclaimed, bus.escrow]).collect::<Vec<_>>() {
            if self.is_frozen(&account) {
                self.thaw(&mint, &account);
            }
        }
        if self.bus_state(&bus).closing == 0 {
            self.chain.decide(&bus, ProposalAction::BusClose);
        }
        self.pass(100 * 86_400);
        let offers = self.open_offers();
        for (_, lock) in self.all::<Lock>() {
            let offer = offers.iter().find(|offer| offer.address == lock.offer).expect("the offer of a lock");
            let release = self.release(offer, &stranger, &lock.buyer, lock.place);
            self.execute(&[release]);
        }
        let windows: Vec<Address> = self.all::<Capacity>().into_iter().map(|(address, _)| address).collect();
        for window in &windows {
            self.settle_auction(window);
        }
        for offer in &offers {
            self.execute(&[offer_cancel(offer, &stranger)]);
        }
        let books: Vec<_> = self.all::<DeliveryBook>();
        let named = |seller: &Address, first_window| {
            let state: Seller = self.state(seller);
            bus.seller(&state.wallet).book(first_window)
        };
        let books: Vec<_> = books.into_iter().map(|(_, book)| named(&book.seller, book.first_window)).collect();
        for (_, position) in self.all::<PositionBook>() {
            let book = books.iter().find(|book| book.address == position.book).expect("the book of a position");
            let close = self.close_position(&book.position(&position.buyer), &stranger);
            self.execute(&[close]);
        }
        for book in &books {
            self.count_in_pools(book);
        }
        // Bids get back what was not delivered; 30 days later they close without certificates.
        for later in [0, 30 * 86_400] {
            self.pass(later);
            for window in &windows {
                self.settle_bids(window, &stranger);
            }
        }
        for (address, clearing) in self.all::<Clearing>() {
            let addresses = ClearingAddresses { address, capacity: clearing.capacity, clearer: clearing.clearer };
            self.execute(&[clearing_close(&addresses, &stranger)]);
        }
        for book in &books {
            let close = self.close_book(book, &stranger);
            self.execute(&[close]);
        }
        for (_, capacity) in self.all::<Capacity>().into_iter().filter(|(_, capacity)| capacity.window_start != 0) {
            let close = if capacity.escrowed > 0 { capacity_close_and_sweep } else { capacity_close };
            self.execute(&[close(&bus, capacity.window_start, &stranger, &capacity.rent_payer)]);
        }
        for (_, state) in self.all::<Seller>() {
            let seller = bus.seller(&state.wallet);
            if state.has_meter() {
                let close = self.close_meter(&seller, &stranger);
                self.execute(&[close]);
            }
            if self.seller_state(&seller).grid_fees_owed > 0 {
                let recipient = self.bus_state(&bus).grid_recipient;
                let is_treasury = recipient == Address::default();
                let destination = if is_treasury { bus.treasury } else { self.associated(&recipient) };
                let sweep = self.sweep(&seller, &stranger, destination);
                self.execute(&[sweep]);
            }
            let destination = if state.wallet == bus.address { bus.treasury } else { self.associated(&state.wallet) };
            self.execute(&[seller_close(&seller, &stranger, destination, &state.rent_payer)]);
        }
        for (_, device) in self.all::<Device>() {
            let close = self.close_device(&device.key);
            self.execute(&[close]);
        }
        for (address, proposal) in self.all::<Proposal>() {
            self.execute(&[proposal_close(&bus, address, &stranger, &proposal.proposer)]);
        }
        self.execute(&[bus_close(&bus, &stranger, &owners)]);
        // Certificates and lanes are left, which are their owners', and claims.
        assert!(self.all::<Bid>().is_empty() && self.all::<Clearing>().is_empty() && !self.exists(&bus.escrow));
        assert!(self.all::<DeliveryBook>().is_empty() && self.all::<PositionBook>().is_empty());
        assert!(self.all::<Meter>().is_empty() && self.all::<Device>().is_empty() && self.all::<Seller>().is_empty());
        for (_, claim) in self.all::<Claim>() {
            let account = self.token_account(&format!("later {}", claim.wallet), &mint, &claim.wallet, 0);
            let pay = self.claim_payment(&bus, &claim.wallet, &claim.wallet, account);
            self.execute(&[pay]);
            assert!(self.tokens(&account) >= claim.amount);
        }
        for (address, _) in self.all::<Certificate>() {
            let retire = self.retire_certificate(&address, "The village");
            self.execute(&[retire]);
        }
    }

    /// Counts every part of auctions that a book owes to a pool, and pays what is due.
    fn count_in_pools(&mut self, book: &BookAddresses) {
        let owing = |state: &DeliveryBook| -> Vec<i64> {
            let of_windows = state.windows.iter().enumerate().filter(|(_, window)| window.owes_pool());
            of_windows.map(|(place, _)| state.window_start(place)).collect()
        };
        for window_start in owing(&self.state(&book.address)) {
            self.execute(&[pool_report(book, self.bus.window(window_start))]);
        }
        if self.state::<DeliveryBook>(&book.address).pool_due > 0 {
            self.execute(&[pool_report(book, self.bus.capacity)]);
        }
    }

    /// Every open offer of the bus.
    pub(crate) fn open_offers(&self) -> Vec<OfferAddresses> {
        let named = |(_, offer): (Address, Offer)| {
            let seller = self.bus.seller(&offer.wallet);
            let named = OfferAddresses::of(&seller, offer.capacity, offer.number, &offer.rent_payer);
            if offer.is_on_delivery() {
                let book: DeliveryBook = self.state(&offer.book);
                named.in_book(seller.book(book.first_window))
            } else {
                named
            }
        };
        self.all::<Offer>().into_iter().map(named).collect()
    }
}
