//! Random sales of the bus's own energy, claims, changes of shares, and owners who leave and return, on the built
//! program. After every step, every owner's numbers are compared with a book in 128 bits, and it
//! checks that claimed + claimable + remainder = received, and that the remainder is below one base unit for each
//! owner.

use {
    crate::property::sequences,
    multibus::{error::MultibusError, state::ProposalAction},
    multibus_tests::{BusOptions, OfferAddresses, TestMarket, TokenProgram, instructions::*, refusal::code_of},
    proptest::prelude::*,
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
    solana_transaction_error::TransactionError,
    std::collections::BTreeMap,
};

/// Wallets that are owners now and then.
const WALLETS: usize = 6;

#[derive(Clone, Debug)]
enum Step {
    Sell { energy_wh: u64 },
    Give { amount: u64 },
    Claim { who: usize },
    Shares { weights: Vec<u16> },
    Add { who: usize, weights: Vec<u16> },
    Remove { who: usize, weights: Vec<u16> },
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..WALLETS;
    let weights = || prop::collection::vec(prop_oneof![Just(0u16), 1u16..4, 1u16..3_000], WALLETS);
    prop_oneof![
        6 => prop_oneof![1u64..30, 1u64..2_000_000].prop_map(|energy_wh| Step::Sell { energy_wh }),
        1 => (1u64..50).prop_map(|amount| Step::Give { amount }),
        6 => who().prop_map(|who| Step::Claim { who }),
        2 => weights().prop_map(|weights| Step::Shares { weights }),
        3 => (who(), weights()).prop_map(|(who, weights)| Step::Add { who, weights }),
        3 => (who(), weights()).prop_map(|(who, weights)| Step::Remove { who, weights }),
    ]
}

/// Shares for `count` owners in the proportion of their weights; the first gets what does not divide.
fn shares(count: usize, weights: &[u16]) -> Vec<u16> {
    let weights = &weights[..count];
    let sum = weights.iter().map(|weight| *weight as u32).sum::<u32>().max(1);
    let mut shares: Vec<u16> = weights.iter().map(|weight| (*weight as u32 * 10_000 / sum) as u16).collect();
    shares[0] += 10_000 - shares.iter().sum::<u16>();
    shares
}

struct RandomRevenue {
    market: TestMarket,
    offer: OfferAddresses,
    wallets: Vec<Address>,
    accounts: Vec<Address>,
    /// The owners in their order.
    owners: Vec<Address>,
    book: Book,
}

/// Who earned what, in token base units, in 128 bits.
#[derive(Default)]
struct Book {
    /// All that ever came into the treasury.
    received: u128,
    /// What wallets earned under shares that have changed since.
    earned: BTreeMap<Address, u128>,
    paid: BTreeMap<Address, u128>,
    /// The owners' present shares in basis points.
    shares: Vec<u16>,
}

impl Book {
    /// What the present shares divide.
    fn period(&self) -> u128 {
        self.received - self.earned.values().sum::<u128>()
    }

    fn claimable(&self, wallet: &Address, owners: &[Address]) -> u128 {
        let of = |book: &BTreeMap<Address, u128>| book.get(wallet).copied().unwrap_or(0);
        let share = owners.iter().position(|owner| owner == wallet).map_or(0, |place| self.shares[place]);
        of(&self.earned) + self.period() * share as u128 / 10_000 - of(&self.paid)
    }

    /// Records what the present shares earned, before they change.
    fn settle(&mut self, owners: &[Address]) {
        let period = self.period();
        for (owner, share) in owners.iter().zip(&self.shares) {
            *self.earned.entry(*owner).or_default() += period * *share as u128 / 10_000;
        }
    }
}

impl RandomRevenue {
    fn new(program: TokenProgram, price_per_kwh: u64) -> Self {
        let mut market = TestMarket::with(program, |options: BusOptions| {
            options.with(|config| (config.base_price_per_kwh, config.capacity_wh) = (1, 1 << 40))
        });
        let mint = market.bus.mint;
        let mut wallets = vec![market.seller];
        wallets.extend((1..WALLETS).map(|index| market.wallet(&format!("wallet {index}"))));
        let accounts = wallets
            .iter()
            .enumerate()
            .map(|(index, wallet)| market.chain.token_account(&format!("tokens {index}"), &mint, wallet, 0))
            .collect();
        let owners = vec![market.seller];
        let offer = market.bus_offer(&owners[0], 1 << 40, price_per_kwh);
        let book = Book { shares: vec![10_000], ..Book::default() };
        Self { market, offer, wallets, accounts, owners, book }
    }

    /// Executes an instruction that may be refused with one of these errors.
    fn attempt(&mut self, instructions: &[Instruction], errors: &[MultibusError]) -> bool {
        let Err(failure) = self.market.send(instructions) else { return true };
        let expected = matches!(
            &failure.err,
            TransactionError::InstructionError(_, InstructionError::Custom(code))
                if errors.iter().any(|error| code_of(*error) == *code)
        );
        assert!(expected, "{:?}\n{}", failure.err, failure.meta.logs.join("\n"));
        false
    }

    /// The first owner decides alone.
    fn decide(&mut self, action: ProposalAction, errors: &[MultibusError]) -> bool {
        let (bus, owner) = (self.market.bus, self.owners[0]);
        let (create, proposal) = self.market.proposal(&bus, &owner, action);
        let all = [create, proposal_execute(&bus, proposal, &owner), proposal_close(&bus, proposal, &owner, &owner)];
        self.attempt(&all, errors)
    }

    fn claim(&mut self, who: usize) {
        let (bus, wallet, account) = (self.market.bus, self.wallets[who], self.accounts[who]);
        let due = self.book.claimable(&wallet, &self.owners);
        let before = self.market.tokens(&account);
        let nothing = [MultibusError::NothingToClaim, MultibusError::OwnerUnknown];
        let landed = self.attempt(&[treasury_claim(&bus, &wallet, account)], &nothing);
        assert_eq!(landed, due > 0, "a claim lands exactly where something is due");
        assert_eq!((self.market.tokens(&account) - before) as u128, due);
        *self.book.paid.entry(wallet).or_default() += due;
    }

    fn step(&mut self, step: &Step) {
        let bus = self.market.bus;
        match step {
            Step::Sell { energy_wh } => {
                let before = self.market.tokens(&bus.treasury);
                let (offer, seller) = (self.offer, self.wallets[0]);
                self.market.buy(&offer, *energy_wh);
                let withdraw = seller_withdraw(&bus.own_seller(), &seller, bus.treasury);
                self.market.execute(&[offer_collect(&offer), withdraw]);
                self.book.received += (self.market.tokens(&bus.treasury) - before) as u128;
            }
            Step::Give { amount } => {
                let payer = self.market.fee_payer;
                self.market.arrange(&[bus.mint.mint_to(&bus.treasury, &payer, *amount)]);
                self.book.received += *amount as u128;
            }
            Step::Claim { who } => self.claim(*who),
            Step::Shares { weights } => {
                let shares_bps = shares(self.owners.len(), weights);
                assert!(self.decide(ProposalAction::SharesSet { shares_bps: shares_bps.clone() }, &[]));
                self.book.settle(&self.owners);
                self.book.shares = shares_bps;
            }
            Step::Add { who, weights } => {
                let owner = self.wallets[*who];
                let shares_bps = shares((self.owners.len() + 1).min(WALLETS), weights);
                let add = ProposalAction::OwnerAdd { owner, shares_bps: shares_bps.clone() };
                if self.decide(add, &[MultibusError::AlreadyOwner]) {
                    self.book.settle(&self.owners);
                    self.book.shares = shares_bps;
                    self.owners.push(owner);
                }
            }
            Step::Remove { who, weights } => {
                let owner = self.wallets[*who];
                let shares_bps = shares((self.owners.len() - 1).max(1), weights);
                let refused = [MultibusError::OwnerUnknown, MultibusError::LastOwner];
                let remove = ProposalAction::OwnerRemove { owner, shares_bps: shares_bps.clone() };
                if self.decide(remove, &refused) {
                    self.book.settle(&self.owners);
                    self.book.shares = shares_bps;
                    self.owners.retain(|other| *other != owner);
                }
            }
        }
        self.check();
    }

    /// Claimed + claimable + remainder = received; the treasury covers every claim.
    fn check(&self) {
        let bus = self.market.bus;
        let balance = self.market.tokens(&bus.treasury) as u128;
        let claimable: u128 = self.wallets.iter().map(|wallet| self.book.claimable(wallet, &self.owners)).sum();
        let claimed: u128 = self.book.paid.values().sum();
        assert_eq!(claimed + balance, self.book.received);
        let remainder = balance.checked_sub(claimable).expect("the treasury covers every claim");
        assert!(remainder < self.owners.len() as u128);
        let (state, ledger) = (self.market.bus_state(&bus), self.market.ledger(&bus));
        let places: Vec<_> = state.owners().iter().map(|slot| slot.owner).collect();
        assert_eq!(places, self.owners);
        // What the program says is claimable is what the book says.
        for wallet in &self.wallets {
            let says = ledger.claimable(&state, wallet, balance as u64).unwrap_or(0);
            assert_eq!(says as u128, self.book.claimable(wallet, &self.owners));
        }
    }
}

proptest! {
    #![proptest_config(sequences(24))]

    #[test]
    fn revenue_is_divided_to_the_base_unit(
        steps in prop::collection::vec(step(), 20..60),
        token_2022: bool,
        price_per_kwh in prop_oneof![Just(1_000u64), 1u64..5_000],
    ) {
        let program = if token_2022 { TokenProgram::Token2022 } else { TokenProgram::SplToken };
        let mut revenue = RandomRevenue::new(program, price_per_kwh);
        for step in &steps {
            revenue.step(step);
        }
        // In the end everyone is paid, and what is left does not divide among the owners.
        for who in 0..WALLETS {
            revenue.claim(who);
            revenue.check();
        }
        let left = revenue.market.tokens(&revenue.market.bus.treasury);
        prop_assert!(left < revenue.owners.len() as u64);
        prop_assert_eq!(revenue.market.ledger(&revenue.market.bus).former_owner_count, 0);
    }
}
