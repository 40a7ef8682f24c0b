//! Capacities: what a delivery window may sell.

use {
    crate::{
        account::{Keyed, offset},
        address,
        error::{Error, Result},
        market::Market,
        send::Sent,
        wallet::{Created, Wallet},
    },
    multibus::constants::OFFER_SEQ_WINDOW,
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub use multibus::state::{Capacity, OfferSeqWindow};

/// Instruction `capacity_open`: opens a delivery window; does nothing where it is open.
pub fn capacity_open(payer: &Address, bus: &Address, window_start: i64) -> Instruction {
    multibus::instruction::CapacityOpen { window_start }.to_instruction(multibus::accounts::CapacityOpen {
        payer: *payer,
        bus: *bus,
        general: address::capacity(bus, 0),
        capacity: address::capacity(bus, window_start),
        system_program: system_program::ID,
    })
}

/// Instruction `capacity_close`: closes a window that is over. Its rent goes back to whoever paid it.
pub fn capacity_close(bus: &Address, window_start: i64, rent_payer: &Address) -> Instruction {
    multibus::instruction::CapacityClose {}.to_instruction(multibus::accounts::CapacityClose {
        general: address::capacity(bus, 0),
        capacity: address::capacity(bus, window_start),
        rent_payer: *rent_payer,
    })
}

/// How many sequence numbers a first attempt looks at, from the next one on.
const CHEAP_SEQS: u64 = 8;

/// A free sequence number for a new offer of a capacity. The first attempt takes the first number whose address has the
/// highest bump, because each lower bump costs the program about 400 compute units. Later attempts take a random number
/// near the next one, so that sellers who list at the same time do not collide again.
pub fn free_offer_seq(capacity: &Address, seqs: &OfferSeqWindow, attempt: u32) -> u64 {
    if attempt == 0 {
        return (seqs.next..seqs.next.saturating_add(CHEAP_SEQS))
            .find(|seq| address::offer_is_cheap(capacity, *seq))
            .unwrap_or(seqs.next);
    }
    // A number too far ahead would move the window past lower numbers that other sellers may still use.
    let spread = OFFER_SEQ_WINDOW / 4;
    let lowest = seqs.next.saturating_sub(spread);
    (0..64)
        .map(|_| rand::random_range(lowest..seqs.next.saturating_add(spread)))
        .find(|seq| seqs.is_usable(*seq))
        .unwrap_or(seqs.next)
}

impl Market {
    /// The capacity of a bus's delivery window; window start 0 is the general capacity.
    pub async fn capacity(&self, bus: &Address, window_start: i64) -> Result<Keyed<Capacity>> {
        self.get(&address::capacity(bus, window_start)).await
    }

    /// The same, `None` where the window is not open.
    pub async fn find_capacity(&self, bus: &Address, window_start: i64) -> Result<Option<Keyed<Capacity>>> {
        self.find(&address::capacity(bus, window_start)).await
    }

    /// Every open capacity of a bus, by window start: the general one first.
    pub async fn capacities(&self, bus: &Address) -> Result<Vec<Keyed<Capacity>>> {
        let mut capacities: Vec<Keyed<Capacity>> = self.list(&[(offset!(Capacity, bus), bus.as_ref())]).await?;
        capacities.sort_unstable_by_key(|capacity| capacity.window_start);
        Ok(capacities)
    }
}

impl Wallet {
    /// Opens a delivery window and pays its rent; does nothing where it is open.
    pub async fn capacity_open(&self, bus: &Address, window_start: i64) -> Result<Created> {
        let sent = self.send(&[capacity_open(&self.address(), bus, window_start)]).await?;
        Ok(Created { address: address::capacity(bus, window_start), sent })
    }

    /// Closes a window that is over and has no open offers.
    pub async fn capacity_close(&self, bus: &Address, window_start: i64) -> Result<Sent> {
        if window_start == 0 {
            return Err(Error::Invalid(
                "window start 0 is the general capacity, which stays open; give the start of a window".to_string(),
            ));
        }
        let capacity = self.market().capacity(bus, window_start).await?;
        self.send(&[capacity_close(bus, window_start, &capacity.rent_payer)]).await
    }
}

#[cfg(test)]
mod tests {
    use {super::*, bytemuck::Zeroable};

    #[test]
    fn sequence_numbers_are_free_at_every_attempt() {
        let mut seqs = OfferSeqWindow::zeroed();
        for attempt in 0..3_000 {
            let seq = free_offer_seq(&Address::default(), &seqs, attempt % 4);
            assert!(seqs.is_usable(seq), "attempt {attempt}: {seq}");
            seqs.spend(seq).unwrap();
        }
    }
}
