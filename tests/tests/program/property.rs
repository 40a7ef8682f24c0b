//! Random sequences of operations on the built program. The harness checks every invariant after each step; at the
//! end everything is given back, and nothing may be left over.

use {
    multibus::{error::MultibusError, instruction},
    multibus_tests::{
        BusOptions, LaneAddress, OfferAddresses, TestMarket, TokenProgram,
        instructions::*,
        key::pda,
        market::{BUYER_TOKENS, lock_take},
        refusal::code_of,
    },
    proptest::prelude::*,
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
    solana_transaction_error::TransactionError,
};

const BUYERS: usize = 3;
const OFFERS: usize = 4;
/// Places that each buyer has locks in.
const PLACES: u8 = 3;

#[derive(Clone, Debug)]
enum Step {
    Create { energy_wh: u64, price: u64, lifetime: Option<i64> },
    Reprice { offer: usize, price: u64 },
    SetExpiry { offer: usize, seconds: i64 },
    Cancel { offer: usize, by_seller: bool },
    Buy { buyer: usize, offer: usize, energy_wh: u64, minimum: u64 },
    Batch { buyer: usize, first: usize, energy_wh: u64 },
    Take { buyer: usize, offer: usize, place: u8, energy_wh: u64 },
    Settle { buyer: usize, offer: usize, place: u8 },
    Release { buyer: usize, offer: usize, place: u8, by_buyer: bool },
    Collect { offer: usize },
    Withdraw,
    Pause { paused: bool },
    Pass { seconds: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let (buyer, offer, place) = (0..BUYERS, 0..OFFERS, || 0..PLACES);
    let energy_wh = prop_oneof![1u64..50, 1_000u64..9_000, Just(0), Just(u64::MAX)];
    prop_oneof![
        4 => (1_000u64..40_000, 10_000u64..900_000, prop::option::of(1i64..2_000))
            .prop_map(|(energy_wh, price, lifetime)| Step::Create { energy_wh, price, lifetime }),
        2 => (offer.clone(), 9_000u64..900_000).prop_map(|(offer, price)| Step::Reprice { offer, price }),
        1 => (offer.clone(), -10i64..2_000).prop_map(|(offer, seconds)| Step::SetExpiry { offer, seconds }),
        3 => (offer.clone(), any::<bool>()).prop_map(|(offer, by_seller)| Step::Cancel { offer, by_seller }),
        5 => (buyer.clone(), offer.clone(), energy_wh.clone(), 0u64..3_000)
            .prop_map(|(buyer, offer, energy_wh, minimum)| Step::Buy { buyer, offer, energy_wh, minimum }),
        2 => (buyer.clone(), offer.clone(), energy_wh.clone())
            .prop_map(|(buyer, first, energy_wh)| Step::Batch { buyer, first, energy_wh }),
        5 => (buyer.clone(), offer.clone(), place(), energy_wh)
            .prop_map(|(buyer, offer, place, energy_wh)| Step::Take { buyer, offer, place, energy_wh }),
        4 => (buyer.clone(), offer.clone(), place())
            .prop_map(|(buyer, offer, place)| Step::Settle { buyer, offer, place }),
        4 => (buyer, offer.clone(), place(), any::<bool>())
            .prop_map(|(buyer, offer, place, by_buyer)| Step::Release { buyer, offer, place, by_buyer }),
        2 => offer.prop_map(|offer| Step::Collect { offer }),
        1 => Just(Step::Withdraw),
        1 => prop::bool::weighted(0.2).prop_map(|paused| Step::Pause { paused }),
        3 => prop_oneof![Just(0i64), Just(1), Just(299), Just(300), Just(301), 0..1_000i64]
            .prop_map(|seconds| Step::Pass { seconds }),
    ]
}

struct RandomTrades {
    market: TestMarket,
    buyers: Vec<(Address, Address, LaneAddress)>,
    /// The latest offers. A new offer replaces a closed one.
    offers: Vec<Option<OfferAddresses>>,
    landed: usize,
}

impl RandomTrades {
    fn new(program: TokenProgram, lock_fee_bps: u16) -> Self {
        let mut market = TestMarket::with(program, |options: BusOptions| {
            options.with(|config| (config.capacity_wh, config.lock_fee_bps) = (60_000, lock_fee_bps))
        });
        let mint = market.bus.mint;
        let buyers = (0..BUYERS).map(|index| market.chain.buyer(&format!("buyer {index}"), &mint)).collect();
        Self { market, buyers, offers: vec![None; OFFERS], landed: 0 }
    }

    /// Executes an instruction that the market may refuse. Other failures panic.
    fn attempt(&mut self, instruction: Instruction) -> bool {
        match self.market.send(&[instruction]) {
            Ok(_) => {
                self.landed += 1;
                true
            }
            Err(failure) => {
                let decided = match &failure.err {
                    TransactionError::InstructionError(0, InstructionError::Custom(code)) => {
                        // An existing lock; too few tokens; an error of the market that does not concern wrong
                        // accounts.
                        let mixed_up = [
                            MultibusError::BusMismatch,
                            MultibusError::CapacityMismatch,
                            MultibusError::VaultMismatch,
                            MultibusError::SellerMismatch,
                            MultibusError::RefundMismatch,
                            MultibusError::UnclaimedMismatch,
                            MultibusError::LedgerMismatch,
                            MultibusError::NumberNotNext,
                            MultibusError::LockChanged,
                            MultibusError::MintMismatch,
                            MultibusError::CounterOverflow,
                            MultibusError::NonceMismatch,
                            MultibusError::RentPayerMismatch,
                        ];
                        *code <= 1 || (*code >= 6_000 && mixed_up.iter().all(|error| code_of(*error) != *code))
                    }
                    // A lock that is not there.
                    TransactionError::InstructionError(0, InstructionError::UninitializedAccount) => true,
                    _ => false,
                };
                assert!(decided, "{:?}\n{}", failure.err, failure.meta.logs.join("\n"));
                false
            }
        }
    }

    fn step(&mut self, step: &Step) {
        let now = self.market.now();
        let seller = self.market.seller;
        match *step {
            Step::Create { energy_wh, price, lifetime } => {
                let Some(place) = self.offers.iter().position(Option::is_none) else { return };
                let (bus, number) = (self.market.bus, self.market.next_offer());
                let mut options = OfferOptions::new(0).number(number).energy(energy_wh).price(price);
                if let Some(seconds) = lifetime {
                    options.expires_at = now + seconds;
                }
                if self.attempt(offer_create(&bus, bus.capacity, &seller, options)) {
                    let listed = OfferAddresses::of(&bus.seller(&seller), bus.capacity, number, &seller);
                    self.offers[place] = Some(listed);
                }
            }
            Step::Reprice { offer, price } => {
                let Some(offer) = self.offers[offer] else { return };
                self.attempt(offer_reprice(&offer, &seller, price));
            }
            Step::SetExpiry { offer, seconds } => {
                let Some(offer) = self.offers[offer] else { return };
                self.attempt(offer_set_expiry(&offer, &seller, now + seconds));
            }
            Step::Cancel { offer: place, by_seller } => {
                let Some(offer) = self.offers[place] else { return };
                let caller = if by_seller { seller } else { self.buyers[0].0 };
                self.attempt(offer_cancel(&offer, &caller));
                if !self.market.exists(&offer.address) {
                    self.offers[place] = None;
                }
            }
            Step::Buy { buyer, offer, energy_wh, minimum } => {
                let (Some(offer), (_, payment, lane)) = (self.offers[offer], self.buyers[buyer]) else { return };
                let purchase = instruction::Purchase {
                    nonce: self.market.nonce(&lane),
                    energy_wh,
                    min_energy_wh: minimum,
                    max_price_per_kwh: 500_000,
                    expected_version: 0,
                };
                self.attempt(purchase.to_instruction(purchase_accounts(&offer, &lane, payment)));
            }
            Step::Batch { buyer, first, energy_wh } => {
                let (_, payment, lane) = self.buyers[buyer];
                let items: Vec<_> = self.offers[first..].iter().flatten().map(|offer| (*offer, energy_wh)).collect();
                if !items.is_empty() {
                    self.attempt(batch(&lane, payment, self.market.nonce(&lane), &items));
                }
            }
            Step::Take { buyer, offer, place, energy_wh } => {
                let (Some(offer), (buyer, payment, _)) = (self.offers[offer], self.buyers[buyer]) else { return };
                self.attempt(lock_take(&offer, &buyer, place, payment, energy_wh));
            }
            Step::Settle { buyer, offer, place } => {
                let (Some(offer), (_, _, lane)) = (self.offers[offer], self.buyers[buyer]) else { return };
                let settle = self.market.settlement(&offer, &lane, place);
                self.attempt(settle);
            }
            Step::Release { buyer, offer, place, by_buyer } => {
                let (Some(offer), (buyer, payment, _)) = (self.offers[offer], self.buyers[buyer]) else { return };
                let caller = if by_buyer { buyer } else { seller };
                let lock_number = self.market.lock_number(&offer, &buyer, place);
                let accounts = lock_release_accounts(&offer, &caller, &buyer, place, payment);
                self.attempt(instruction::LockRelease { lock_number }.to_instruction(accounts));
            }
            Step::Collect { offer } => {
                let Some(offer) = self.offers[offer] else { return };
                self.attempt(offer_collect(&offer));
            }
            Step::Withdraw => {
                let (own, payout) = (self.market.bus.seller(&seller), self.market.payout);
                self.attempt(seller_withdraw(&own, &seller, payout));
            }
            Step::Pause { paused } => {
                let bus = self.market.bus;
                self.market.set_paused(&bus, paused);
            }
            Step::Pass { seconds } => self.market.pass(seconds),
        }
    }

    /// Gives everything back, paused or not, and finds nothing left over.
    fn wind_up(&mut self) {
        let (bus, seller) = (self.market.bus, self.market.seller);
        for offer in self.offers.clone().into_iter().flatten() {
            for (buyer, _, _) in self.buyers.clone() {
                for place in 0..PLACES {
                    if self.market.exists(&pda::lock(&offer.address, &buyer, place).0) {
                        let release = self.market.release(&offer, &buyer, &buyer, place);
                        self.market.execute(&[release]);
                    }
                }
            }
            self.market.execute(&[offer_cancel(&offer, &seller)]);
        }
        let capacity = self.market.capacity_state(&bus.capacity);
        assert_eq!(capacity.open_offers, 0);
        assert_eq!(capacity.available_wh + capacity.committed_wh, 60_000, "no Wh is lost");
        let own = bus.seller(&seller);
        if self.market.seller_state(&own).released > 0 {
            self.market.execute(&[seller_withdraw(&own, &seller, self.market.payout)]);
        }
        assert_eq!(self.market.tokens(&own.vault), 0, "no deposit is left behind");
        let buyers: u64 = self.buyers.iter().map(|(_, payment, _)| self.market.tokens(payment)).sum();
        assert_eq!(buyers + self.market.tokens(&self.market.payout), BUYERS as u64 * BUYER_TOKENS, "no token is lost");
    }
}

/// This many sequences, or as many as `PROPTEST_CASES` says.
pub fn sequences(count: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { count };
    ProptestConfig { cases, failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(sequences(32))]

    #[test]
    fn any_order_of_operations_keeps_every_invariant(
        steps in prop::collection::vec(step(), 20..60),
        token_2022: bool,
        lock_fee_bps in 0u16..=500,
    ) {
        let program = if token_2022 { TokenProgram::Token2022 } else { TokenProgram::SplToken };
        let mut trades = RandomTrades::new(program, lock_fee_bps);
        for step in &steps {
            trades.step(step);
        }
        trades.wind_up();
    }
}

/// Every order of one take, one purchase, one release or settlement and two cancellations.
#[test]
fn every_order_of_take_buy_release_and_cancel_returns_all_energy() {
    withstands!(capacity_leak: purchase, lock_take, lock_settle, lock_release, offer_cancel);
    let take = Step::Take { buyer: 0, offer: 0, place: 0, energy_wh: 4_000 };
    let buy = Step::Buy { buyer: 1, offer: 0, energy_wh: 3_000, minimum: 3_000 };
    let cancel = Step::Cancel { offer: 0, by_seller: true };
    let end =
        [Step::Settle { buyer: 0, offer: 0, place: 0 }, Step::Release { buyer: 0, offer: 0, place: 0, by_buyer: true }];
    let mut orders = 0;
    for end in end {
        let steps = [take.clone(), buy.clone(), end, cancel.clone(), cancel.clone()];
        for order in permutations(steps.len()) {
            let mut trades = RandomTrades::new(TokenProgram::SplToken, 100);
            trades.step(&Step::Create { energy_wh: 10_000, price: 250_000, lifetime: None });
            for index in order {
                trades.step(&steps[index]);
            }
            assert!(trades.landed >= 2, "a creation and a cancellation land in any order");
            trades.wind_up();
            orders += 1;
        }
    }
    assert_eq!(orders, 2 * 120);
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![vec![]];
    }
    permutations(count - 1)
        .into_iter()
        .flat_map(|shorter| {
            (0..count).map(move |place| {
                let mut longer = shorter.clone();
                longer.insert(place, count - 1);
                longer
            })
        })
        .collect()
}
