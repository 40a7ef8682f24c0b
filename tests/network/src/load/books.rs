//! The traders' own books: the offers, and what each of them bought, paid and earned. At the end the chain is compared
//! with them.

use {
    super::LoadError,
    crate::market::{CAPACITY_WH, FUNDS, NetworkMarket},
    multibus_client::{
        Account, Address, Keyed, Keypair, Signer,
        account::decode,
        address,
        chain::Chain,
        lock::Lock,
        multibus::{constants::MAX_LOCKS, state::next_history_root},
        offer::Offer,
        purchase::{Order, PurchaseKind, TransactionHash},
        trader::Trader,
    },
    rand::{Rng, seq::IndexedRandom},
    std::{
        collections::HashMap,
        sync::{
            Arc, Mutex, MutexGuard, PoisonError, RwLock,
            atomic::{AtomicU64, Ordering},
        },
    },
};

/// Traders whose accounts are read at once.
const READ_AT_ONCE: usize = 1_000;

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a token account holds, in base units.
pub(super) fn amount(account: &Account) -> Option<u64> {
    // Mint, owner, amount: the same in both token programs.
    Some(u64::from_le_bytes(account.data.get(64..72)?.try_into().ok()?))
}

/// A wallet that trades.
pub(super) struct Member {
    pub keypair: Arc<Keypair>,
    pub token_account: Address,
    paid: AtomicU64,
    earned: AtomicU64,
    /// Places on offers at which it has a lock, or will have one at once: a bit for each of the eight.
    locked: Mutex<HashMap<Address, u8>>,
}

impl Member {
    pub fn new(keypair: Arc<Keypair>, token_account: Address) -> Self {
        let (paid, earned) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { keypair, token_account, paid, earned, locked: Mutex::default() }
    }

    pub fn address(&self) -> Address {
        self.keypair.pubkey()
    }

    /// Takes a free place for a lock on an offer; `None` where this wallet has as many locks on it as it can.
    pub fn take_place(&self, offer: &Address) -> Option<u8> {
        let mut locked = held(&self.locked);
        let taken = locked.entry(*offer).or_default();
        let place = taken.trailing_ones() as u8;
        if place >= MAX_LOCKS {
            return None;
        }
        *taken |= 1 << place;
        Some(place)
    }

    pub fn has_unlocked(&self, offer: &Address, place: u8) {
        if let Some(taken) = held(&self.locked).get_mut(offer) {
            *taken &= !(1 << place);
        }
    }
}

/// What is known of one nonce lane.
#[derive(PartialEq, Eq)]
pub(super) struct LaneBook {
    pub member: usize,
    pub lane: u16,
    pub nonce: u64,
    root: [u8; 32],
    energy_wh: u64,
    paid: u64,
    /// A purchase that may have landed.
    uncertain: Option<Bought>,
}

/// A purchase that landed, or may have.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Bought {
    pub hash: TransactionHash,
    pub energy_wh: u64,
    /// What each seller got, in base units: the seller's index among the traders, and the amount.
    pub fills: Vec<(usize, u64)>,
    /// What was paid now. It is less than the fills where a deposit was paid before.
    pub paid_now: u64,
}

impl Bought {
    fn cost(&self) -> u64 {
        self.fills.iter().map(|(_, cost)| cost).sum()
    }
}

impl OfferNumbers {
    /// The offer under a number landed.
    pub fn has_listed(&mut self, number: u64) {
        self.next = Some(number + 1);
    }

    /// The offer under a number did not land and never will.
    pub fn has_not_listed(&mut self, number: u64) {
        self.next = Some(number);
    }
}

impl LaneBook {
    pub fn new(member: usize, trader: &Trader) -> Self {
        Self {
            member,
            lane: trader.lane,
            nonce: trader.next_nonce,
            root: trader.history_root,
            energy_wh: trader.total_energy_wh,
            paid: trader.total_paid,
            uncertain: None,
        }
    }

    /// Hash of a purchase under the next nonce.
    pub fn hash(&self, kind: PurchaseKind, buyer: &Address, orders: &[Order]) -> TransactionHash {
        TransactionHash::of(kind, buyer, self.lane, self.nonce, orders)
    }

    fn record(&mut self, bought: &Bought) {
        self.spend(&bought.hash);
        self.energy_wh += bought.energy_wh;
        self.paid += bought.cost();
    }

    /// The nonce was spent by what has this hash.
    pub fn spend(&mut self, hash: &TransactionHash) {
        self.nonce += 1;
        self.root = next_history_root(&self.root, &hash.0);
    }

    /// What is wrong with the lane on the chain.
    pub fn flaw(&self, trader: &Keyed<Trader>) -> Option<String> {
        let address = trader.address;
        if let Err(rule) = trader.check_invariants() {
            return Some(format!("lane {address}: {rule} does not hold"));
        }
        let on_chain = (trader.next_nonce, trader.total_energy_wh, trader.total_paid);
        let known = (self.nonce, self.energy_wh, self.paid);
        (on_chain != known || trader.history_root != self.root).then(|| {
            format!(
                "lane {address} has nonce, Wh and base units {on_chain:?} and should have {known:?}, with the root of these \
                 purchases"
            )
        })
    }
}

/// The counter of a trader's offers on one bus. Whoever holds it lists one offer: the next can be sent when that has landed.
#[derive(Default)]
pub(super) struct OfferNumbers {
    /// `None` while the chain has to tell it.
    next: Option<u64>,
}

/// An offer, and its seller's index among the traders.
#[derive(Clone, Copy)]
pub(super) struct Listed {
    pub offer: Keyed<Offer>,
    pub seller: usize,
}

/// Everything that the traders share.
pub(super) struct Books {
    /// The market that they trade on.
    pub fresh: NetworkMarket,
    pub members: Vec<Member>,
    /// Offers that stay until the end, so that they can be locked.
    pub standing: Vec<Listed>,
    /// Offers that come and go.
    posted: RwLock<Vec<Listed>>,
    /// Numbers of the traders' next offers, by trader and bus.
    numbers: Vec<Vec<tokio::sync::Mutex<OfferNumbers>>>,
    /// When every offer expires, in unix seconds.
    pub expires_at: i64,
}

impl Books {
    pub fn new(fresh: NetworkMarket, members: Vec<Member>) -> Self {
        let of_member = |_: &Member| fresh.buses.iter().map(|_| tokio::sync::Mutex::default()).collect();
        let numbers = members.iter().map(of_member).collect();
        Self { fresh, members, standing: Vec::new(), posted: RwLock::default(), numbers, expires_at: 0 }
    }

    /// Waits until a trader may list on a bus, and returns the number of its next offer with the right to use it.
    ///
    /// # Errors
    /// Where the chain does not answer.
    pub async fn offer_number(
        &self,
        member: usize,
        bus: usize,
    ) -> multibus_client::Result<(u64, tokio::sync::MutexGuard<'_, OfferNumbers>)> {
        let mut numbers = self.numbers[member][bus].lock().await;
        let next = match numbers.next {
            Some(next) => next,
            None => {
                let seller =
                    self.fresh.market().seller(&self.fresh.buses[bus], &self.members[member].address()).await?;
                seller.next_offer
            }
        };
        numbers.next = None;
        Ok((next, numbers))
    }

    /// An offer that another trader can lock.
    pub fn any_standing(&self, buyer: usize, rng: &mut impl Rng) -> Option<Listed> {
        self.draw(buyer, rng, |rng| self.standing.choose(rng).copied())
    }

    /// An offer that another trader can buy from.
    pub fn any_offer(&self, buyer: usize, rng: &mut impl Rng) -> Option<Listed> {
        let posted = self.posted.read().unwrap_or_else(PoisonError::into_inner);
        let count = self.standing.len() + posted.len();
        self.draw(buyer, rng, |rng| {
            let index = rng.random_range(0..count.max(1));
            self.standing.get(index).or_else(|| posted.get(index - self.standing.len())).copied()
        })
    }

    /// Draws until the offer is not the buyer's own.
    fn draw<R: Rng>(&self, buyer: usize, rng: &mut R, draw: impl Fn(&mut R) -> Option<Listed>) -> Option<Listed> {
        (0..64).filter_map(|_| draw(rng)).find(|listed| listed.seller != buyer)
    }

    pub fn post(&self, listed: Listed) {
        self.posted.write().unwrap_or_else(PoisonError::into_inner).push(listed);
    }

    /// Removes an offer from the book before its seller withdraws it.
    pub fn take_back(&self, offer: &Address) {
        let mut posted = self.posted.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = posted.iter().position(|listed| listed.offer.address == *offer) {
            posted.swap_remove(index);
        }
    }

    /// Records a purchase that landed, for its lane, the buyer and the sellers.
    pub fn bought(&self, book: &mut LaneBook, bought: &Bought) {
        book.record(bought);
        self.settle(book.member, bought);
    }

    fn settle(&self, buyer: usize, bought: &Bought) {
        self.members[buyer].paid.fetch_add(bought.paid_now, Ordering::Relaxed);
        for (seller, cost) in &bought.fills {
            self.members[*seller].earned.fetch_add(*cost, Ordering::Relaxed);
        }
    }

    /// Records a purchase that may have landed. The chain tells at the end.
    pub fn may_have_bought(&self, book: &mut LaneBook, bought: Bought) {
        book.uncertain = Some(bought);
    }

    /// A trader sent tokens to another. What it is counted to have paid may be less than nothing.
    pub fn transferred(&self, from: usize, to: usize, amount: u64) {
        self.members[from].paid.fetch_add(amount, Ordering::Relaxed);
        self.members[to].paid.fetch_sub(amount, Ordering::Relaxed);
    }

    /// A deposit went into the seller's vault.
    pub fn deposited(&self, buyer: usize, deposit: u64) {
        self.members[buyer].paid.fetch_add(deposit, Ordering::Relaxed);
    }

    /// A deposit came back, less the fee that the seller got.
    pub fn released(&self, buyer: usize, seller: usize, deposit: u64, fee: u64) {
        self.members[buyer].paid.fetch_sub(deposit - fee, Ordering::Relaxed);
        self.members[seller].earned.fetch_add(fee, Ordering::Relaxed);
    }

    /// Compares the chain with the books. Where the outcome of a transaction is unknown (`is_certain` is false), only sums
    /// and invariants are checked, not single balances.
    pub async fn violations(&self, lanes: &mut [LaneBook], is_certain: bool) -> Result<Vec<String>, LoadError> {
        let chain_failed = |error| LoadError::Chain { doing: "reading the chain after the load", error };
        let chain = &self.fresh.chain;
        let market = self.fresh.market();
        let mut found = Vec::new();
        let mut tokens = 0u128;
        let mut locks: Vec<Keyed<Lock>> = Vec::new();
        let mut sold_wh = 0u128;
        // What sellers earned is in their vaults: released where the offer is closed, proceeds where it is open.
        let mut earned: HashMap<Address, u64> = HashMap::new();
        for bus in &self.fresh.buses {
            let audit = market.audit(bus).await.map_err(chain_failed)?;
            tokens += audit.vaults.values().map(|held| u128::from(*held)).sum::<u128>();
            tokens += u128::from(audit.unclaimed) + u128::from(audit.treasury);
            sold_wh += audit.capacities.iter().map(|capacity| u128::from(capacity.committed_wh)).sum::<u128>();
            sold_wh -= audit.offers.iter().map(|offer| u128::from(offer.remaining_wh)).sum::<u128>();
            for seller in &audit.sellers {
                *earned.entry(seller.wallet).or_default() += seller.released;
            }
            for offer in &audit.offers {
                *earned.entry(offer.wallet).or_default() += offer.proceeds;
            }
            for capacity in &audit.capacities {
                if capacity.total_wh != CAPACITY_WH {
                    found.push(format!("capacity {} has {} Wh in total", capacity.address, capacity.total_wh));
                }
            }
            locks.extend(audit.locks);
            found.extend(audit.violations);
            if audit.gifts != 0 {
                found.push(format!("vaults of {bus} have {} base units that nobody paid for anything", audit.gifts));
            }
        }

        let mut bought_wh = 0u128;
        for chunk in lanes.chunks_mut(READ_AT_ONCE) {
            let addresses: Vec<Address> =
                chunk.iter().map(|book| address::trader(&self.members[book.member].address(), book.lane)).collect();
            let accounts = chain.accounts(&addresses).await.map_err(chain_failed)?;
            for ((book, address), account) in chunk.iter_mut().zip(&addresses).zip(accounts) {
                let Some(account) = account else {
                    found.push(format!("lane {} of {address} is gone", book.lane));
                    continue;
                };
                let trader: Keyed<Trader> = decode(address, &account).map_err(chain_failed)?;
                bought_wh += u128::from(trader.total_energy_wh);
                if let Some(uncertain) = book.uncertain.take()
                    && trader.next_nonce > book.nonce
                {
                    self.bought(book, &uncertain);
                }
                found.extend(book.flaw(&trader));
            }
        }
        if bought_wh != sold_wh {
            found.push(format!("buyers bought {bought_wh} Wh and offers sold {sold_wh} Wh"));
        }

        let mut deposits: HashMap<Address, u64> = HashMap::new();
        for lock in &locks {
            *deposits.entry(lock.buyer).or_default() += lock.deposit;
        }
        let accounts: Vec<Address> = self.members.iter().map(|member| member.token_account).collect();
        let balances = chain.accounts(&accounts).await.map_err(chain_failed)?;
        for (member, account) in self.members.iter().zip(balances) {
            let Some(amount) = account.as_ref().and_then(amount) else {
                found.push(format!("the token account of {} is gone", member.address()));
                continue;
            };
            tokens += u128::from(amount);
            let wallet = member.address();
            let paid = member.paid.load(Ordering::Relaxed);
            // Who received more than it paid has more than it was given.
            let expected = FUNDS.wrapping_sub(paid);
            if is_certain && amount != expected {
                let deposit = deposits.get(&wallet).copied().unwrap_or_default();
                found.push(format!(
                    "{wallet} has {amount} base units and should have {expected}, having paid {paid} ({deposit} of it \
                     still deposited)"
                ));
            }
            let (in_vaults, known) =
                (earned.get(&wallet).copied().unwrap_or_default(), member.earned.load(Ordering::Relaxed));
            if is_certain && in_vaults != known {
                found.push(format!("{wallet} has {in_vaults} base units in its vaults and should have {known}"));
            }
        }
        let owner = self.fresh.tokens(&self.fresh.owner.address()).await.map_err(chain_failed)?;
        tokens += u128::from(owner);
        let supply = u128::from(market.mint(&self.fresh.mint).await.map_err(chain_failed)?.supply);
        if tokens != supply {
            found.push(format!("{tokens} base units are in wallets, vaults and treasuries, and {supply} exist"));
        }
        Ok(found)
    }
}
