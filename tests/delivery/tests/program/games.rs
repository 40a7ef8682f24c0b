//! Random games of sellers, buyers, devices, an operator and an issuer, honest and hostile. After every step the books are
//! compared with the tokens; at the end of each game a stranger closes everything.

use {
    multibus::state::*,
    multibus_delivery::{Delivery, Net, ed25519, mint::TokenProgram},
    solana_address::Address,
    solana_instruction::Instruction,
};

/// Games, unless `MULTIBUS_GAMES` says how many.
const GAMES: u64 = 40;
const STEPS: u64 = 220;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % limit
    }

    /// One of several, `None` where there are none.
    fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.below(all.len() as u64) as usize])
    }
}

struct Game {
    play: Delivery,
    dice: Dice,
    sellers: [Address; 2],
    buyers: [Address; 3],
    devices: Vec<Address>,
    /// Kind of the present step.
    kind: usize,
    steps: u64,
    /// Steps of each kind that were not refused.
    accepted: [u64; KINDS],
}

/// Kinds of steps.
const KINDS: usize = 26;

impl Game {
    fn new(seed: u64) -> Self {
        let mut play = Delivery::of(TokenProgram::BOTH[seed as usize % 2]);
        let second = play.net.wallet("second seller");
        let device = play.net.key("second device");
        let open = play.net.seller_open(&second, &second);
        let register = play.net.meter_register(&play.operator, &device, &second, 20_000);
        play.net.run(&[open, register]);
        let buyers = ["first", "second", "third"].map(|name| play.net.buyer(name, 1_000_000_000_000).0);
        let (sellers, devices) = ([play.seller, second], vec![play.device, device]);
        Self { play, dice: Dice(seed), sellers, buyers, devices, kind: 0, steps: 0, accepted: [0; KINDS] }
    }

    fn net(&mut self) -> &mut Net {
        &mut self.play.net
    }

    fn all<T: anchor_lang::Discriminator + bytemuck::Pod>(&mut self) -> Option<(Address, T)> {
        let all = self.play.net.all::<T>();
        self.dice.pick(&all)
    }

    /// A window that begins within two hours.
    fn window(&mut self) -> i64 {
        (self.play.net.now() / 900 + 1 + self.dice.below(8).cast_signed()) * 900
    }

    /// What somebody does next; nothing where it cannot be done.
    fn step(&mut self) -> Option<Vec<Instruction>> {
        let seller = self.dice.pick(&self.sellers)?;
        let buyer = self.dice.pick(&self.buyers)?;
        let (operator, energy_wh) = (self.play.operator, 1 + self.dice.below(3_000));
        let stranger = self.play.net.key("payer");
        self.kind = self.dice.below(KINDS as u64) as usize;
        Some(match self.kind {
            0 | 1 => {
                let longest = self.dice.pick(&[600, 900, 3_600, 3_600, 3_600, 50_000]).unwrap_or(900);
                let seconds = self.dice.below(longest).cast_signed();
                self.net().pass(seconds);
                self.accepted[self.kind] += 1;
                return None;
            }
            2..=4 => {
                let window = self.window();
                let price = 1_000 + self.dice.below(3_000_000);
                let open = self.play.net.capacity_open(&operator, window);
                let expires_at = window - 60 - self.dice.below(600).cast_signed();
                vec![open, self.play.net.offer_create(&seller, &seller, window, (energy_wh, price, expires_at)).0]
            }
            5..=8 => {
                let (offer, state): (_, Offer) = self.all()?;
                let (book, account) = (state.book, self.play.net.ata_of(&buyer));
                let mut instructions = Vec::new();
                if !self.play.net.exists(&self.play.net.position(&book, &buyer)) {
                    instructions.push(self.play.net.position_open(&seller, &book, &buyer));
                }
                instructions.push(match self.dice.below(3) {
                    0 => self.play.net.purchase(&buyer, &account, &offer, energy_wh),
                    1 => {
                        let (other, _): (_, Offer) = self.all()?;
                        let items = [(offer, energy_wh / 2 + 1), (other, energy_wh / 3 + 1)];
                        self.play.net.purchase_batch(&buyer, &account, &items[..=((other != offer) as usize)])
                    }
                    _ => {
                        let place = self.dice.below(8) as u8;
                        self.play.net.lock_take(&buyer, &account, &offer, place, energy_wh)
                    }
                });
                instructions
            }
            9 => {
                let (lock, state): (_, Lock) = self.all()?;
                vec![self.play.net.lock_settle(&state.buyer, &lock)]
            }
            10 => {
                let (lock, state): (_, Lock) = self.all()?;
                let caller = self.dice.pick(&[state.buyer, stranger])?;
                vec![self.play.net.lock_release(&caller, &lock)]
            }
            11 => {
                let (offer, state): (_, Offer) = self.all()?;
                let caller = self.dice.pick(&[state.wallet, stranger])?;
                vec![self.play.net.offer_cancel(&caller, &offer)]
            }
            12..=15 => self.reading()?,
            16 => vec![self.all::<DeliveryBook>().map(|(book, _)| self.play.net.delivery_release(&book))?],
            17 => vec![self.all::<PositionBook>().map(|(position, _)| self.play.net.delivery_refund(&position))?],
            18 => {
                let (position, state): (_, PositionBook) = self.all()?;
                let caller = self.dice.pick(&[state.buyer, stranger])?;
                vec![self.play.net.position_close(&caller, &position)]
            }
            19 => {
                let (position, state): (_, PositionBook) = self.all()?;
                let accounts =
                    [self.play.net.ata_of(&state.buyer), self.play.net.ata_of(&seller), seller, Address::default()];
                let refund = self.dice.pick(&accounts)?;
                vec![self.play.net.position_set_refund(&state.buyer, &position, &refund)]
            }
            20 => {
                let (_, state): (_, DeliveryBook) = self.all()?;
                let reported: Vec<usize> = (0..96).filter(|place| state.windows[*place].delivered_wh > 0).collect();
                let place = self.dice.pick(&reported)?;
                let wallet = self.play.net.state::<Seller>(&state.seller).wallet;
                let owner = self.dice.pick(&[buyer, wallet])?;
                let window_start = state.window_start(place);
                if owner == buyer
                    && !self
                        .play
                        .net
                        .exists(&self.play.net.position(&self.play.net.book(&wallet, window_start), &buyer))
                {
                    return None;
                }
                vec![self.play.net.certificate_take(&owner, &wallet, window_start).0]
            }
            21 => {
                let (certificate, state): (_, Certificate) = self.all()?;
                if self.dice.below(3) == 0 {
                    vec![self.play.net.certificate_retire(&certificate, "Bakery")]
                } else {
                    let energy_wh = 1 + self.dice.below(state.energy_wh() + 1);
                    vec![self.play.net.certificate_transfer(&certificate, energy_wh, &buyer).0]
                }
            }
            22 => {
                if self.devices.len() < 9 && self.dice.below(3) == 0 {
                    let key = self.play.net.key(&format!("device {}", self.devices.len()));
                    self.devices.push(key);
                    vec![self.play.net.meter_replace(
                        &operator,
                        &key,
                        &seller,
                        20_000 + 1_000 * self.devices.len() as u64,
                    )]
                } else {
                    let (_, device): (_, Device) = self.all()?;
                    vec![self.play.net.device_close(&device.key)]
                }
            }
            23 => {
                // The issuer freezes and thaws; accounts are thawed twice as often as they are frozen.
                let accounts = [self.play.net.vault(&seller), self.play.net.ata_of(&buyer), self.play.net.unclaimed()];
                let account = self.dice.pick(&accounts)?;
                vec![if self.dice.below(3) == 0 {
                    self.play.net.freezes(&account)
                } else {
                    self.play.net.thaws(&account)
                }]
            }
            24 => {
                let destination = self.play.net.ata_of(&self.play.grid);
                vec![self.play.net.grid_sweep(&stranger, &seller, &destination)]
            }
            _ => {
                let (book, state): (_, DeliveryBook) = self.all()?;
                let caller = self.play.net.state::<Seller>(&state.seller).wallet;
                vec![self.play.net.delivery_close(&caller, &book)]
            }
        })
    }

    /// A reading of a window that is listed, true or not, in one of the three ways.
    fn reading(&mut self) -> Option<Vec<Instruction>> {
        let (operator, stranger) = (self.play.operator, self.play.net.key("payer"));
        let (book, state): (_, DeliveryBook) = self.all()?;
        let window_start = state.window_start(self.dice.below(96) as usize);
        let listed: Vec<i64> =
            (0..96).filter(|place| state.windows[*place].state == 1).map(|place| state.window_start(place)).collect();
        let window_start = self.dice.pick(&listed).unwrap_or(window_start);
        let reading = Reading { window_start, energy_wh: self.dice.below(5_500), sequence: 1 + self.dice.below(4) };
        let device = self.dice.pick(&self.devices)?;
        let sign = |net: &Net, key: &Address, proof| net.delivery_report(key, &book, reading, proof);
        Some(match self.dice.below(4) {
            0 => vec![sign(&self.play.net, &operator, ReadingProof::Operator)],
            1 => {
                let message = reading.message(&state).to_vec();
                let signature = ed25519(&[(device, self.play.net.sign(&device, &message), message)]);
                vec![signature, sign(&self.play.net, &stranger, ReadingProof::Signature)]
            }
            _ => vec![sign(&self.play.net, &device, ReadingProof::Transaction)],
        })
    }

    fn play(&mut self) {
        for _ in 0..STEPS {
            if let Some(instructions) = self.step() {
                self.steps += 1;
                self.accepted[self.kind] += self.play.net.attempt(&instructions) as u64;
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
        let owner = game.play.owner;
        game.play.net.wind_down(&owner);
    }
    println!("{games} games, {steps} steps, accepted by kind: {accepted:?}");
    assert!(accepted.iter().all(|accepted| *accepted > 0), "every kind of step succeeds: {accepted:?}");
}
