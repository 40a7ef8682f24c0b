//! Keeps the auctions of a bus going.

use {
    super::{Clearance, Clearing, Settled, clearing_close},
    crate::{
        account::Keyed,
        auction::WindowBook,
        capacity::Capacity,
        error::{Error, Result},
        wallet::Wallet,
    },
    multibus::state::AuctionPhase,
    solana_address::Address,
    std::{collections::HashMap, time::Duration},
};

/// What [`Wallet::auction_keep`] did for a window.
#[derive(Debug)]
pub struct Kept {
    /// Start of the window, in unix seconds.
    pub window_start: i64,
    /// The proof of its price; `None` where it was proven before, or there was nothing to prove.
    pub clearance: Option<Clearance>,
    /// What was settled; `None` where nothing was.
    pub settled: Option<Settled>,
    /// What stopped it. The next pass goes on from there.
    pub error: Option<Error>,
}

impl Wallet {
    /// Goes over all windows of a bus once: proves the price of those whose book is fixed, settles those whose auction is over, and
    /// closes clearings of this wallet that are useless by now. An error of one window holds up no other. Windows in which there was
    /// nothing to do are left out.
    ///
    /// # Errors
    /// Where the windows cannot be read.
    pub async fn auction_keep(&self, bus: &Address) -> Result<Vec<Kept>> {
        let mut all = Vec::new();
        let books = self.market().auctions(bus).await?;
        for book in &books {
            let needs_settling = book.phase != AuctionPhase::Fixed
                && book.unsettled() + usize::from(book.phase == AuctionPhase::Cleared) > 0
                && !self.jobs(book, &mut HashMap::new()).await?.is_empty();
            if book.phase != AuctionPhase::Fixed && !needs_settling {
                continue;
            }
            let kept = self.keep_window(&book.capacity, book.phase).await;
            if kept.clearance.is_some() || kept.settled.is_some() || kept.error.is_some() {
                all.push(kept);
            }
        }
        self.close_useless(bus, &books).await?;
        Ok(all)
    }

    async fn keep_window(&self, capacity: &Keyed<Capacity>, phase: AuctionPhase) -> Kept {
        let (bus, window_start) = (capacity.bus, capacity.window_start);
        let mut kept = Kept { window_start, clearance: None, settled: None, error: None };
        if phase == AuctionPhase::Fixed {
            match Box::pin(self.auction_clear(&bus, window_start)).await {
                Ok(clearance) => kept.clearance = Some(clearance),
                Err(error) => {
                    kept.error = Some(error);
                    return kept;
                }
            }
        }
        match Box::pin(self.auction_settle(&bus, window_start)).await {
            Ok(settled) => kept.settled = Some(settled).filter(|settled| !settled.is_empty()),
            Err(error) => kept.error = Some(error),
        }
        kept
    }

    /// Closes clearings of this wallet whose window needs no proof any more.
    async fn close_useless(&self, bus: &Address, books: &[WindowBook]) -> Result<()> {
        let own: Vec<Keyed<Clearing>> =
            self.market().clearings(bus).await?.into_iter().filter(|one| one.clearer == self.address()).collect();
        for clearing in own {
            let is_fixed =
                |book: &WindowBook| book.capacity.address == clearing.capacity && book.phase == AuctionPhase::Fixed;
            if !books.iter().any(is_fixed) {
                // Whatever keeps it from closing, the next pass tries again.
                let _ = self.send(&[clearing_close(&self.address(), &clearing)]).await;
            }
        }
        Ok(())
    }

    /// Keeps the auctions of a bus going until `on_pass` returns `false`: a pass at the next gate, and at the latest `every` after the
    /// one before. A network that does not answer is asked again.
    ///
    /// # Errors
    /// Where the bus cannot be read for another reason.
    pub async fn auction_watch(
        &self,
        bus: &Address,
        every: Duration,
        mut on_pass: impl FnMut(&[Kept]) -> bool,
    ) -> Result<()> {
        loop {
            match self.auction_keep(bus).await {
                Ok(kept) => {
                    if !on_pass(&kept) {
                        return Ok(());
                    }
                }
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error),
            }
            if let Err(error) = self.wait_for_gate(bus, every).await
                && !error.is_transient()
            {
                return Err(error);
            }
        }
    }

    /// Waits until the next gate of a bus's auctions, at most for this long.
    async fn wait_for_gate(&self, bus: &Address, at_most: Duration) -> Result<()> {
        let (capacities, clock) = tokio::join!(self.market().capacities(bus), self.chain().clock());
        let (capacities, now) = match (capacities, clock) {
            (Ok(capacities), Ok(clock)) => (capacities, clock.unix_timestamp),
            (Err(error), _) | (_, Err(error)) => {
                // A node that does not answer is not asked again at once.
                tokio::time::sleep(at_most).await;
                return Err(error);
            }
        };
        let gates = capacities.iter().filter(|capacity| capacity.terms.has_auction()).map(|one| one.gate_closes_at);
        let latest = now.saturating_add_unsigned(at_most.as_secs().max(1));
        let next = gates.filter(|gate| *gate > now).fold(latest, i64::min);
        self.chain().wait_until(next).await.map(drop)
    }
}
