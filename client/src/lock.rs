//! Locks hold part of an offer for 300 seconds at its present price, against a deposit of the full cost.

use {
    crate::{
        account::{Keyed, offset},
        address,
        error::{Error, Result},
        market::{Market, Settlement},
        offer::Offer,
        purchase::{Order, Plan, Purchased},
        quantity::{PricePerKwh, Wh},
        send::Sent,
        wallet::{Created, Wallet},
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub use multibus::state::Lock;

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
    /// Highest price, in token base units per kWh.
    pub max_price_per_kwh: u64,
    /// Version of the offer that was quoted; 0 accepts any.
    pub expected_version: u32,
}

/// Instruction `lock_take`: holds part of an offer; the full cost goes to escrow.
pub fn lock_take(
    buyer: &Address,
    offer: &Keyed<Offer>,
    settlement: &Settlement,
    payment: &Address,
    terms: &LockTerms,
) -> Instruction {
    let LockTerms { energy_wh, max_price_per_kwh, expected_version } = *terms;
    multibus::instruction::LockTake { energy_wh, max_price_per_kwh, expected_version }.to_instruction(
        multibus::accounts::LockTake {
            buyer: *buyer,
            bus: offer.bus,
            offer: offer.address,
            lock: address::lock(&offer.address, buyer),
            payment: *payment,
            escrow: settlement.escrow,
            mint: settlement.mint,
            token_program: settlement.token_program,
            system_program: system_program::ID,
        },
    )
}

/// Instruction `lock_settle`: the lock's buyer takes the energy; the deposit pays the seller.
pub fn lock_settle(
    lock: &Keyed<Lock>,
    trader: &Address,
    nonce: u64,
    payout: &Address,
    settlement: &Settlement,
) -> Instruction {
    multibus::instruction::LockSettle { nonce }.to_instruction(multibus::accounts::LockSettle {
        buyer: lock.buyer,
        trader: *trader,
        bus: lock.bus,
        offer: lock.offer,
        lock: lock.address,
        escrow: settlement.escrow,
        payout: *payout,
        mint: settlement.mint,
        token_program: settlement.token_program,
    })
}

/// Instruction `lock_release`: the energy is free again, and the deposit goes back less the bus's lock fee. The buyer
/// may release it at any time, anyone else after it has expired.
pub fn lock_release(
    caller: &Address,
    lock: &Keyed<Lock>,
    refund: &Address,
    payout: &Address,
    settlement: &Settlement,
) -> Instruction {
    multibus::instruction::LockRelease {}.to_instruction(multibus::accounts::LockRelease {
        caller: *caller,
        buyer: lock.buyer,
        bus: lock.bus,
        offer: lock.offer,
        lock: lock.address,
        escrow: settlement.escrow,
        refund: *refund,
        payout: *payout,
        mint: settlement.mint,
        token_program: settlement.token_program,
    })
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
    /// deposit is paid from this wallet's associated token account. A buyer can hold one lock on each offer.
    pub async fn lock_take(&self, offer: &Address, energy: Wh, max_price: PricePerKwh) -> Result<Created> {
        let offer = self.market().offer(offer).await?;
        let settlement = self.market().settlement(&offer.bus).await?;
        let payment = settlement.token_account(&self.address());
        let lock = address::lock(&offer.address, &self.address());
        let terms = LockTerms { energy_wh: energy.0, max_price_per_kwh: max_price.0, expected_version: 0 };
        let instruction = lock_take(&self.address(), &offer, &settlement, &payment, &terms);
        let failure = match self.sender().send_traced(&[self.signer().clone()], &[instruction], &[]).await {
            Ok(sent) => return Ok(Created { address: lock, sent }),
            Err(failure) => failure,
        };
        match self.landed_after_all(&lock, &failure).await? {
            Some(sent) => Ok(Created { address: lock, sent }),
            None => Err(self.explain_payment(failure.error, &offer.bus, None).await),
        }
    }

    /// Buys the energy of one of this wallet's locks, up to and including its expiry second. The deposit pays the
    /// seller.
    pub async fn lock_settle(&self, lock: &Address) -> Result<Purchased> {
        let lock = self.own_lock(lock).await?;
        let offer = self.market().offer(&lock.offer).await?;
        let settlement = self.market().settlement(&lock.bus).await?;
        let order = Order { offer: lock.offer, energy_wh: lock.energy_wh, max_price_per_kwh: lock.price_per_kwh };
        let payout = offer.payout;
        self.purchase(|| async move {
            Ok(Plan::new(vec![order], move |trader, nonce| lock_settle(&lock, trader, nonce, &payout, &settlement)))
        })
        .await
    }

    /// Gives up a lock. The deposit less the bus's lock fee goes back to the buyer's associated token account, which is
    /// created if it is missing. The buyer may do so at any time, anyone else after the lock has expired.
    pub async fn lock_release(&self, lock: &Address) -> Result<Sent> {
        let lock = self.market().lock(lock).await?;
        let offer = self.market().offer(&lock.offer).await?;
        let settlement = self.market().settlement(&lock.bus).await?;
        let refund = settlement.token_account(&lock.buyer);
        let mut instructions = Vec::with_capacity(2);
        if self.chain().accounts(&[refund]).await?[0].is_none() {
            instructions.push(settlement.create_token_account(&self.address(), &lock.buyer));
        }
        instructions.push(lock_release(&self.address(), &lock, &refund, &offer.payout, &settlement));
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
