//! Random games of sellers, buyers, clearers, devices and an issuer, honest and hostile, over several windows with auctions.
//! After every step the books are compared with the tokens; at the end of each game a stranger closes everything.

use {
    anchor_lang::Discriminator,
    multibus::state::*,
    multibus_auction::{Dice, Market, auction_terms, mint::TokenProgram},
    solana_address::Address,
    solana_instruction::Instruction,
};

/// Games, unless `MULTIBUS_GAMES` says how many.
const GAMES: u64 = 24;
const STEPS: u64 = 500;
/// Kinds of steps.
const KINDS: usize = 28;

struct Game {
    market: Market,
    dice: Dice,
    /// Kind of the present step.
    kind: usize,
    steps: u64,
    /// Steps of each kind that were not refused.
    accepted: [u64; KINDS],
    on_delivery: bool,
}

impl Game {
    fn new(seed: u64) -> Self {
        let on_delivery = !seed.is_multiple_of(3);
        let mut market = Market::of(TokenProgram::BOTH[seed as usize % 2], auction_terms(on_delivery), 1 << 40);
        let (owner, bus) = (market.owner, market.net.bus);
        let open = market.net.seller_open(&owner, &bus);
        market.net.run(&[open]);
        if on_delivery {
            let device = market.net.key("device of the bus");
            let register = market.net.meter_register(&market.operator, &device, &bus, 1 << 30);
            market.net.run(&[register]);
            market.devices.push(device);
        }
        market.sellers.push(bus);
        Self { market, dice: Dice(seed), kind: 0, steps: 0, accepted: [0; KINDS], on_delivery }
    }

    fn all<T: Discriminator + bytemuck::Pod>(&mut self) -> Option<(Address, T)> {
        let all = self.market.net.all::<T>();
        self.dice.pick(&all)
    }

    /// A window that begins within two hours.
    fn window(&mut self) -> i64 {
        (self.market.net.now() / 900 + 1 + self.dice.below(6).cast_signed()) * 900
    }

    /// The capacity of a window that is open.
    fn open_window(&mut self) -> Option<(Address, Capacity)> {
        let mut all = self.market.net.all::<Capacity>();
        all.retain(|(_, capacity)| capacity.window_start > 0);
        self.dice.pick(&all)
    }

    /// What somebody does next; nothing where it cannot be done.
    fn step(&mut self) -> Option<Vec<Instruction>> {
        let seller = self.dice.place(self.market.sellers.len());
        let (wallet, buyer) = (self.market.sellers[seller], self.dice.pick(&self.market.buyers)?);
        let lister = if wallet == self.market.net.bus { self.market.owner } else { wallet };
        let account = self.market.net.ata_of(&buyer);
        let (operator, stranger) = (self.market.operator, self.market.net.payer);
        let energy_wh = 1 + self.dice.below(3_000);
        self.kind = self.dice.below(KINDS as u64) as usize;
        let net = &self.market.net;
        Some(match self.kind {
            0 | 1 => {
                let longest = self.dice.pick(&[60, 300, 900, 900, 3_600, 7_200, 90_000])?;
                let seconds = self.dice.below(longest).cast_signed();
                self.market.net.pass(seconds);
                self.accepted[self.kind] += 1;
                return None;
            }
            2 | 3 => {
                let window = self.window();
                let price = 1 + self.dice.below(2_000_000);
                let open = self.market.net.capacity_open(&operator, window);
                let early = self.dice.pick(&[0, 0, 0, 1, 400])?;
                let terms = (energy_wh, price, window - 60 - early);
                vec![open, self.market.net.offer_create(&lister, &wallet, window, terms).0]
            }
            4 | 5 => {
                let (offer, state): (_, Offer) = self.all()?;
                let mut instructions = Vec::new();
                let net = &self.market.net;
                if self.on_delivery && !net.exists(&net.position(&state.book, &buyer)) {
                    instructions.push(net.position_open(&stranger, &state.book, &buyer));
                }
                instructions.push(match self.dice.below(2) {
                    0 => self.market.net.purchase(&buyer, &account, &offer, energy_wh),
                    _ => {
                        let place = self.dice.below(8) as u8;
                        self.market.net.lock_take(&buyer, &account, &offer, place, energy_wh)
                    }
                });
                instructions
            }
            6 => {
                let (lock, state): (_, Lock) = self.all()?;
                match self.dice.below(2) {
                    0 => vec![self.market.net.lock_settle(&state.buyer, &lock)],
                    _ => vec![self.market.net.lock_release(&stranger, &lock)],
                }
            }
            7 => {
                let (offer, state): (_, Offer) = self.all()?;
                let wallet = if state.wallet == self.market.net.bus { self.market.owner } else { state.wallet };
                let caller = self.dice.pick(&[wallet, stranger, operator])?;
                vec![self.market.net.offer_cancel(&caller, &offer)]
            }
            8 => {
                let (offer, state): (_, Offer) = self.all()?;
                let wallet = if state.wallet == self.market.net.bus { self.market.owner } else { state.wallet };
                if self.dice.below(2) == 0 {
                    let price = 1 + self.dice.below(2_000_000);
                    vec![self.market.net.offer_reprice(&wallet, &offer, price)]
                } else {
                    let seconds = self.dice.below(1_000).cast_signed();
                    vec![self.market.net.offer_set_expiry(&wallet, &offer, state.gate_closes_at - seconds)]
                }
            }
            9 => {
                let (offer, _): (_, Offer) = self.all()?;
                vec![self.market.net.offer_collect(&offer)]
            }
            10..=13 => {
                let window = self.window();
                let open = self.market.net.capacity_open(&operator, window);
                let limit = 500_001 + self.dice.below(2_500_000);
                vec![open, self.market.net.bid_create(&buyer, &account, window, energy_wh, limit).0]
            }
            14 => {
                let (bid, state): (_, Bid) = self.all()?;
                vec![self.market.net.bid_cancel(&bid, &self.market.net.ata_of(&state.buyer))]
            }
            15 | 16 => {
                let (bid, state): (_, Bid) = self.all()?;
                let caller = self.dice.pick(&[state.buyer, stranger])?;
                let close = self.dice.below(4) == 0;
                vec![self.market.net.bid_settle(&caller, &bid, close)]
            }
            17 => {
                let mut offers = self.market.net.all::<Offer>();
                let net = &self.market.net;
                if self.dice.below(4) > 0 {
                    offers.retain(|(_, offer)| net.state::<Capacity>(&offer.capacity).owes(offer));
                }
                let (offer, _) = self.dice.pick(&offers)?;
                vec![self.market.net.ask_settle(&offer)]
            }
            18..=20 => self.clearing(buyer)?,
            21 => {
                let (_, state) = self.open_window()?;
                let caller = self.dice.pick(&[stranger, self.market.owner, operator])?;
                vec![self.market.net.capacity_close(&caller, state.window_start, &state.rent_payer)]
            }
            22 if self.on_delivery => self.reading()?,
            23 if self.on_delivery => {
                let (book, _): (_, DeliveryBook) = self.all()?;
                vec![self.market.net.delivery_release(&book)]
            }
            24 if self.on_delivery => {
                let mut sold = Vec::new();
                for (book, state) in self.market.net.all::<DeliveryBook>() {
                    let of_book = (0..96).filter(|place| state.windows[*place].auction_wh > 0);
                    sold.extend(of_book.map(|place| (book, state.window_start(place))));
                }
                let (book, window) = self.dice.pick(&sold)?;
                vec![self.market.net.pool_report(&book, window)]
            }
            25 if self.on_delivery => match self.dice.below(2) {
                0 => {
                    let (position, _): (_, PositionBook) = self.all()?;
                    vec![self.market.net.delivery_refund(&position)]
                }
                _ => {
                    let (bid, state): (_, Bid) = self.all()?;
                    let net = &self.market.net;
                    if wallet == net.bus || !net.exists(&net.book(&wallet, state.window_start)) {
                        return None;
                    }
                    vec![net.certificate_of_bid(&bid, &wallet).0]
                }
            },
            26 => {
                // The issuer freezes and thaws; accounts are thawed twice as often as they are frozen.
                let accounts = [net.vault(&wallet), account, net.unclaimed(), net.escrow(), net.treasury()];
                let account = self.dice.pick(&accounts)?;
                let is_frozen = self.dice.below(3) == 0;
                vec![if is_frozen { self.market.net.freezes(&account) } else { self.market.net.thaws(&account) }]
            }
            _ => {
                // What comes once a book is over.
                let (book, state): (_, DeliveryBook) = self.all()?;
                let wallet = self.market.net.state::<Seller>(&state.seller).wallet;
                let caller = if wallet == self.market.net.bus { self.market.owner } else { wallet };
                vec![self.market.net.delivery_close(&caller, &book)]
            }
        })
    }

    /// A whole clearing, right or wrong, in one transaction as far as it fits; or a clearer that dies, or a clearing that is
    /// closed.
    fn clearing(&mut self, buyer: Address) -> Option<Vec<Instruction>> {
        let stranger = self.market.net.payer;
        if self.kind == 20 && self.dice.below(2) == 0 {
            let (clearing, state): (_, Clearing) = self.all()?;
            let caller = self.dice.pick(&[stranger, state.clearer])?;
            return Some(vec![self.market.net.clearing_close(&caller, &clearing)]);
        }
        let (_, state) = self.open_window()?;
        let window = state.window_start;
        if self.kind == 20 {
            return Some(vec![self.market.net.clearing_open(&buyer, window, 1, 2)]);
        }
        let (low, high) = self.market.net.book_of(window).prices().unwrap_or((3, 4));
        let wrong = self.dice.pick(&[0, 0, 0, 1])?;
        let clearer = self.dice.pick(&[self.market.clearer, buyer])?;
        let net = &self.market.net;
        if net.exists(&net.clearing(window, &clearer)) {
            return None;
        }
        let mut orders = net.sorted_orders(window);
        orders.truncate(20);
        Some(vec![
            net.clearing_open(&clearer, window, low, high + wrong),
            net.clearing_tally(&clearer, window, &orders),
            net.clearing_apply(&clearer, window),
        ])
    }

    /// A reading of a window that is listed, true or not.
    fn reading(&mut self) -> Option<Vec<Instruction>> {
        let (book, state): (_, DeliveryBook) = self.all()?;
        let listed: Vec<i64> =
            (0..96).filter(|place| state.windows[*place].state == 1).map(|place| state.window_start(place)).collect();
        let sold = |window: &i64| state.windows[state.place(*window).expect("of the book")].auction_wh > 0;
        let in_auction: Vec<i64> = listed.iter().copied().filter(sold).collect();
        let windows = if self.dice.below(4) > 0 { &in_auction } else { &listed };
        let window_start = self.dice.pick(windows)?;
        let reading = Reading { window_start, energy_wh: self.dice.below(5_500), sequence: 1 + self.dice.below(4) };
        let place = state.place(window_start).expect("a window of the book");
        let device = self.dice.pick(&[state.device(place).key, state.device(place).key, self.market.devices[0]])?;
        Some(vec![self.market.net.delivery_report(&device, &book, reading, ReadingProof::Transaction)])
    }

    fn play(&mut self) {
        for _ in 0..STEPS {
            if let Some(instructions) = self.step() {
                self.steps += 1;
                self.accepted[self.kind] += self.market.net.attempt(&instructions) as u64;
            }
        }
    }
}

#[test]
fn every_random_game_keeps_its_books_and_is_wound_down() {
    let games = std::env::var("MULTIBUS_GAMES").map_or(GAMES, |games| games.parse().expect("a number of games"));
    let (mut steps, mut accepted) = (0, [0; KINDS]);
    for seed in 0..games {
        let mut game = Game::new(seed);
        game.play();
        steps += game.steps;
        for (all, of_game) in accepted.iter_mut().zip(game.accepted) {
            *all += of_game;
        }
        let treasury = game.market.net.treasury();
        let thaw = game.market.net.thaws(&treasury);
        game.market.net.attempt(&[thaw]);
        game.market.wind_down();
    }
    println!("{games} games, {steps} steps, accepted by kind: {accepted:?}");
    // Delivery books outlive the games, so nobody closes one before the end.
    assert!(accepted[..KINDS - 1].iter().all(|accepted| *accepted > 0), "every kind of step succeeds: {accepted:?}");
}
