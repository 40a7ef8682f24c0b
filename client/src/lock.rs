//! Locks hold part of an offer for 300 seconds at its present price, against a deposit of the full cost.

use {
    crate::{
        account::{Keyed, offset},
        address,
        error::{Error, Result},
        event::{Event, LockTaken},
        market::{Market, Settlement},
        offer::{Offer, book_accounts},
        purchase::{Order, Plan, PurchaseKind, Purchased},
        quantity::{PricePerKwh, Wh},
        send::Sent,
        wallet::Wallet,
    },
    multibus::constants::MAX_LOCKS,
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
    solana_sdk_ids::system_program,
};

pub use multibus::state::{Lock, LockState, RefundOutcome};

/// How often a lock takes another place because another process was faster.
const PLACE_ATTEMPTS: u32 = 5;

/// Which locks to return: all conditions must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockFilter {
    /// Only on offers of this bus.
    pub bus: Option<Address>,
    /// Only on this offer.
    pub offer: Option<Address>,
    /// Only of this buyer.
    pub buyer: Option<Address>,
}

/// What a buyer accepts when taking a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockTerms {
    /// Energy to hold, in Wh.
    pub energy_wh: u64,
    /// Highest price, grid fee included, in token base units per kWh.
    pub max_price_per_kwh: u64,
    /// Version of the offer that was quoted; 0 accepts any.
    pub expected_version: u32,
}

/// A lock that was taken, as its transaction says.
#[derive(Clone, Debug)]
pub struct Locked {
    /// Where it is.
    pub address: Address,
    /// Its place among the buyer's locks on the offer, 0 to 7.
    pub place: u8,
    /// What it holds, at which price and until when; `None` where the node does not serve the transaction's log.
    pub taken: Option<LockTaken>,
    /// The transaction that took it.
    pub sent: Sent,
}

/// Instruction `lock_take`: holds part of an offer; the full cost goes to the seller's vault, and back to `refund` where
/// the lock is not settled. `place` is a free one of the buyer's 8 on the offer. On delivery terms the buyer's position book must
/// be open.
pub fn lock_take(
    buyer: &Address,
    offer: &Keyed<Offer>,
    place: u8,
    settlement: &Settlement,
    payment: &Address,
    refund: &Address,
    terms: &LockTerms,
) -> Instruction {
    let LockTerms { energy_wh, max_price_per_kwh, expected_version } = *terms;
    let mut instruction =
        multibus::instruction::LockTake { place, energy_wh, max_price_per_kwh, expected_version, refund: *refund }
            .to_instruction(multibus::accounts::LockTake {
                buyer: *buyer,
                bus: offer.bus,
                offer: offer.address,
                lock: address::lock(&offer.address, buyer, place),
                payment: *payment,
                vault: offer.vault,
                token_program: settlement.token_program,
                system_program: system_program::ID,
            });
    instruction.accounts.extend(position_account(offer, buyer));
    instruction
}

/// The buyer's position book, where the offer is on delivery terms.
fn position_account(offer: &Offer, buyer: &Address) -> Option<AccountMeta> {
    offer.is_on_delivery().then(|| AccountMeta::new(address::position(&offer.book, buyer), false))
}

/// Instruction `lock_settle`: the lock's buyer takes the energy, and the deposit is what was paid for it. It moves no token
/// and names the number of the lock. `offer` is the lock's.
pub fn lock_settle(lock: &Keyed<Lock>, offer: &Keyed<Offer>, trader: &Address, nonce: u64) -> Instruction {
    let mut instruction = multibus::instruction::LockSettle { nonce, lock_number: lock.number }.to_instruction(
        multibus::accounts::LockSettle { buyer: lock.buyer, trader: *trader, offer: lock.offer, lock: lock.address },
    );
    instruction.accounts.extend(book_accounts(offer, &lock.buyer));
    instruction
}

/// Instruction `lock_release`: the energy is free again, and the deposit goes back less the lock fee of the moment it was
/// taken. Where it cannot be paid, it is kept for the buyer as a claim. The buyer may release it at any time, anyone else
/// after it has expired.
pub fn lock_release(
    caller: &Address,
    lock: &Keyed<Lock>,
    offer: &Keyed<Offer>,
    settlement: &Settlement,
) -> Instruction {
    let mut instruction = multibus::instruction::LockRelease { lock_number: lock.number }.to_instruction(
        multibus::accounts::LockRelease {
            caller: *caller,
            buyer: lock.buyer,
            bus: lock.bus,
            offer: lock.offer,
            lock: lock.address,
            seller: offer.seller,
            vault: offer.vault,
            refund: lock.refund,
            unclaimed: address::unclaimed(&lock.bus),
            ledger: address::ledger(&lock.bus),
            claim: address::claim(&lock.bus, &lock.buyer),
            token_program: settlement.token_program,
            system_program: system_program::ID,
        },
    );
    instruction.accounts.extend(position_account(offer, &lock.buyer));
    instruction
}

impl Market {
    /// A lock.
    pub async fn lock(&self, lock: &Address) -> Result<Keyed<Lock>> {
        self.get(lock).await
    }

    /// Open locks that meet a filter, the next to expire first.
    pub async fn locks(&self, filter: &LockFilter) -> Result<Vec<Keyed<Lock>>> {
        // A request takes four conditions: length, kind and two more. The third one is checked here.
        let mut conditions: Vec<(usize, &[u8])> = Vec::new();
        if let Some(buyer) = &filter.buyer {
            conditions.push((offset!(Lock, buyer), buyer.as_ref()));
        }
        if let Some(offer) = &filter.offer {
            conditions.push((offset!(Lock, offer), offer.as_ref()));
        } else if let Some(bus) = &filter.bus {
            conditions.push((offset!(Lock, bus), bus.as_ref()));
        }
        let mut locks: Vec<Keyed<Lock>> = self.list(&conditions).await?;
        locks.retain(|lock| filter.bus.is_none_or(|bus| lock.bus == bus));
        locks.sort_unstable_by_key(|lock| (lock.expires_at, lock.address));
        Ok(locks)
    }
}

impl Wallet {
    /// Holds this much energy of an offer for 300 seconds at its present price, if that is within the limit. The
    /// deposit is paid from this wallet's associated token account, and goes back there. A buyer can hold 8 locks on each
    /// offer. On delivery terms the same transaction opens this wallet's position book where it has none yet, which keeps the
    /// account for refunds.
    pub async fn lock_take(&self, offer: &Address, energy: Wh, max_price: PricePerKwh) -> Result<Locked> {
        let offer = self.market().offer(offer).await?;
        let settlement = self.market().settlement(&offer.bus).await?;
        let payment = settlement.token_account(&self.address());
        let terms = LockTerms { energy_wh: energy.0, max_price_per_kwh: max_price.0, expected_version: 0 };
        let mut attempt = 0;
        loop {
            let (lock, place) = self.free_place(&offer.address).await?;
            let mut instructions = self.open_positions([&offer.account]).await?;
            instructions.push(lock_take(&self.address(), &offer, place, &settlement, &payment, &payment, &terms));
            let failure = match self.sender().send_traced(&[self.signer().clone()], &instructions, &[]).await {
                Ok(sent) => return Ok(locked(lock, place, sent)),
                Err(failure) => failure,
            };
            if let Some(sent) = self.landed_after_all(&lock, &failure).await? {
                return Ok(locked(lock, place, sent));
            }
            attempt += 1;
            // Another process with this wallet took the place. Nothing of this one can land there while it is taken; once
            // it is free again, it could, so a place is tried anew only where nothing was handed out.
            if attempt >= PLACE_ATTEMPTS || !failure.submitted.is_empty() || !failure.error.is_address_taken() {
                return Err(self.explain_payment(failure.error, &offer.bus, None).await);
            }
        }
    }

    /// A place for a lock of this wallet on an offer, and its number. Few buyers hold more than one, so the first place is looked at
    /// before the others are derived.
    async fn free_place(&self, offer: &Address) -> Result<(Address, u8)> {
        let first = address::lock(offer, &self.address(), 0);
        if self.chain().accounts(&[first]).await?.first().is_some_and(Option::is_none) {
            return Ok((first, 0));
        }
        let places: Vec<Address> = (0..MAX_LOCKS).map(|place| address::lock(offer, &self.address(), place)).collect();
        let taken = self.chain().accounts(&places).await?;
        let free = places.into_iter().zip(0..MAX_LOCKS).zip(taken).find(|(_, account)| account.is_none());
        free.map(|(place, _)| place).ok_or_else(|| {
            Error::Invalid(format!(
                "{} holds {MAX_LOCKS} locks on the offer {offer}, which are all that it can; settle or release one first",
                self.address()
            ))
        })
    }

    /// Buys the energy of one of this wallet's locks, up to and including its expiry second, also while the bus is paused.
    /// The deposit is what is paid for it.
    pub async fn lock_settle(&self, lock: &Address) -> Result<Purchased> {
        let lock = self.own_lock(lock).await?;
        let offer = self.market().offer(&lock.offer).await?;
        let order = Order { offer: lock.offer, energy_wh: lock.energy_wh, max_price_per_kwh: lock.price_per_kwh };
        self.purchase(|| async move {
            Ok(Plan::new(PurchaseKind::LockSettlement, vec![order], move |spent| {
                lock_settle(&lock, &offer, &spent.trader, spent.nonce)
            }))
        })
        .await
    }

    /// Gives up a lock. The deposit, less the lock fee of the moment it was taken, goes back to the token account that the
    /// lock names. If this wallet is the buyer and that account, its associated one, is missing, it is created. Where the
    /// deposit cannot be paid, it is kept as a claim. The buyer may release a lock at any time, anyone else after it has
    /// expired.
    pub async fn lock_release(&self, lock: &Address) -> Result<Sent> {
        let lock = self.market().lock(lock).await?;
        let offer = self.market().offer(&lock.offer).await?;
        let settlement = self.market().settlement(&lock.bus).await?;
        let mut instructions = Vec::with_capacity(2);
        if lock.buyer == self.address()
            && lock.refund == settlement.token_account(&lock.buyer)
            && self.chain().accounts(&[lock.refund]).await?[0].is_none()
        {
            instructions.push(settlement.create_token_account(&self.address(), &lock.buyer));
        }
        instructions.push(lock_release(&self.address(), &lock, &offer, &settlement));
        self.send(&instructions).await
    }

    async fn own_lock(&self, lock: &Address) -> Result<Keyed<Lock>> {
        let lock = self.market().lock(lock).await?;
        if lock.buyer != self.address() {
            return Err(Error::Invalid(format!(
                "the lock {} belongs to {}, not to {}; sign with its buyer's wallet",
                lock.address,
                lock.buyer,
                self.address()
            )));
        }
        Ok(lock)
    }
}

fn locked(lock: Address, place: u8, sent: Sent) -> Locked {
    let taken = sent.events.iter().find_map(|event| match event {
        Event::LockTaken(event) if event.lock == lock => Some(*event),
        _ => None,
    });
    Locked { address: lock, place, taken, sent }
}
