//! Which nonce lanes of a wallet are free, in this process.

use {
    multibus::state::Trader,
    solana_address::Address,
    std::sync::{Arc, Mutex, MutexGuard, PoisonError},
    tokio::sync::{Notify, futures::Notified},
};

/// The nonce lanes that a wallet trades on in this process. They are handed out to purchases one by one, opened when
/// they are needed, and shared safely with other processes that use the same wallet: a purchase that finds its nonce
/// spent by another reads the lane again.
pub struct Lanes {
    wallet: Address,
    max: u16,
    known: Mutex<Vec<Lane>>,
    /// Held while lanes are read or opened.
    opening: tokio::sync::Mutex<bool>,
    freed: Notify,
}

#[derive(Clone, Copy, Debug)]
struct Lane {
    number: u16,
    /// `None` where it must be read again.
    next_nonce: Option<u64>,
    is_busy: bool,
    /// How often another process spent the nonce that this one was about to use.
    collisions: u32,
}

/// A nonce lane in the hands of one purchase. It is free again when this is dropped.
pub(crate) struct Lease {
    lanes: Arc<Lanes>,
    pub lane: u16,
    pub nonce: u64,
    next_nonce: Option<u64>,
    is_closed: bool,
    collisions: u32,
}

impl Lease {
    /// The wallet that the lane belongs to.
    pub fn wallet(&self) -> &Address {
        &self.lanes.wallet
    }

    /// Whether the lane must be read before its nonce is known.
    pub fn must_be_read(&self) -> bool {
        self.next_nonce.is_none()
    }

    /// The lane was read: this is its next nonce.
    pub fn read(&mut self, next_nonce: u64) {
        self.nonce = next_nonce;
        self.next_nonce = Some(next_nonce);
    }

    /// The nonce was spent on the purchase.
    pub fn spent(&mut self) {
        self.next_nonce = self.nonce.checked_add(1);
    }

    /// Another spent the nonce; the lane's next one is this.
    pub fn renew(&mut self, next_nonce: u64) {
        self.collisions += 1;
        self.read(next_nonce);
    }

    /// Its next nonce is uncertain: it is read again before the next purchase.
    pub fn forget(&mut self) {
        self.next_nonce = None;
    }

    /// The lane is not open any more.
    pub fn close(mut self) {
        self.is_closed = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut known = self.lanes.known();
        if self.is_closed {
            known.retain(|lane| lane.number != self.lane);
        } else if let Some(lane) = known.iter_mut().find(|lane| lane.number == self.lane) {
            lane.is_busy = false;
            lane.next_nonce = self.next_nonce;
            lane.collisions += self.collisions;
        }
        drop(known);
        self.lanes.freed.notify_one();
    }
}

impl Lanes {
    pub(crate) fn new(wallet: Address, max: u16) -> Self {
        Self {
            wallet,
            max: max.max(1),
            known: Mutex::default(),
            opening: tokio::sync::Mutex::new(false),
            freed: Notify::new(),
        }
    }

    /// Most lanes that are opened.
    pub fn max(&self) -> u16 {
        self.max
    }

    /// Lanes that this process knows to be open.
    pub fn open(&self) -> Vec<u16> {
        self.known().iter().map(|lane| lane.number).collect()
    }

    /// The wallet that they belong to.
    pub(crate) fn wallet(&self) -> &Address {
        &self.wallet
    }

    /// Whether a lane is free.
    pub(crate) fn has_free(&self) -> bool {
        self.known().iter().any(|lane| !lane.is_busy)
    }

    /// Locks the reading and opening of lanes. The value tells whether they were read before.
    pub(crate) async fn opening(&self) -> tokio::sync::MutexGuard<'_, bool> {
        self.opening.lock().await
    }

    /// Resolves once a lane is free again.
    pub(crate) fn freed(&self) -> Notified<'_> {
        self.freed.notified()
    }

    /// Wakes every purchase that waits for a lane.
    pub(crate) fn wake_all(&self) {
        self.freed.notify_waiters();
    }

    fn known(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the free lane that collided least with other processes.
    pub(crate) fn pick(self: &Arc<Self>) -> Option<Lease> {
        let mut known = self.known();
        let lane = known.iter_mut().filter(|lane| !lane.is_busy).min_by_key(|lane| (lane.collisions, lane.number))?;
        lane.is_busy = true;
        Some(Lease {
            lanes: self.clone(),
            lane: lane.number,
            nonce: lane.next_nonce.unwrap_or_default(),
            next_nonce: lane.next_nonce,
            is_closed: false,
            collisions: 0,
        })
    }

    /// Adds a lane that was read from the chain.
    pub(crate) fn add(&self, trader: &Trader) {
        let mut known = self.known();
        if known.iter().all(|lane| lane.number != trader.lane) {
            let next_nonce = Some(trader.next_nonce);
            known.push(Lane { number: trader.lane, next_nonce, is_busy: false, collisions: 0 });
        }
    }
}
