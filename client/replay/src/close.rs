//! What follows an interval: offers are withdrawn, windows close; on delivery terms meters report. In the end seller accounts
//! close and owners claim.

use {
    crate::{
        check,
        error::{Doing, ReplayError},
        progress::Stage,
        replay::Replay,
        state::WindowRecord,
        treasury,
    },
    multibus_client::{error::Error, proposal::ProposalAction},
};

impl Replay<'_> {
    /// Withdraws offers of windows that have closed and closes windows that are over.
    pub async fn close_past(&mut self, now: i64) -> Result<(), ReplayError> {
        let window_seconds = i64::from(self.bus.window_seconds());
        for window in self.state.windows.clone() {
            if self.bus.is_cancelled() {
                return Ok(());
            }
            let is_current =
                self.state.current.as_ref().is_some_and(|current| current.window_start == window.window_start);
            if is_current {
                continue;
            }
            let has_auction = self.bus.options.market.has_auction();
            let is_past = self.bus.gate(window.window_start) <= now;
            if has_auction && !is_past {
                // Its offers are the asks of an auction that is still to come.
                continue;
            }
            if has_auction && !window.is_auctioned {
                self.hold_auction(&window).await?;
            }
            // A network's clock is not moved to the window: what is over is withdrawn at once, and now where that was
            // interrupted.
            let is_over = is_past || !self.chain().is_embedded() && window.interval < self.state.completed;
            let is_withdrawn = window.is_withdrawn || is_over && self.withdraw(window.window_start).await?;
            // Outside windows nothing is closed but the offers.
            if is_withdrawn && window.window_start != 0 && window.window_start + window_seconds <= now {
                self.report_window(&window, now).await?;
                // On delivery terms, bids of an auction stay open until it is known what was delivered.
                if !has_auction || !self.bus.options.is_on_delivery() {
                    self.close_window(window).await?;
                }
            }
        }
        self.settle_past(now).await
    }

    /// Withdraws what a window's offers have not sold, which closes them. Returns whether all of them are closed.
    pub async fn withdraw(&mut self, window_start: i64) -> Result<bool, ReplayError> {
        let place = self.state.windows.iter().position(|window| window.window_start == window_start);
        let Some(window) = place.filter(|place| !self.state.windows[*place].is_withdrawn) else {
            return Ok(true);
        };
        let offers = self.bus.offers(window_start).await.doing("reading offers")?;
        self.bus.withdraw(&offers).await?;
        if self.bus.is_cancelled() {
            return Ok(false);
        }
        let interval = self.state.windows[window].interval;
        let traded_wh = self.state.intervals.get(interval).map_or(0, |result| result.traded_wh);
        let found = check::withdrawn(&self.bus, &self.state.windows[window], traded_wh).await?;
        if let Some(withdrawn_wh) = found.withdrawn_wh {
            self.state.intervals.change(interval, |result| result.withdrawn_wh = withdrawn_wh);
        }
        self.state.violations.extend(found.violations);
        self.state.windows[window].is_withdrawn = true;
        self.state.windows.retain(|window| window.window_start != 0 || !window.is_withdrawn);
        self.save()?;
        Ok(true)
    }

    /// Closes a window that is over.
    pub async fn close_window(&mut self, window: WindowRecord) -> Result<(), ReplayError> {
        let bus = self.bus.address;
        match self.bus.funder.capacity_close(&bus, window.window_start).await {
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error).doing("closing a window"),
        }
        self.state.windows.retain(|open| open.window_start != window.window_start);
        Ok(())
    }

    /// Withdraws and closes the windows that are left: all of them on a chain whose clock can be moved, those that are over
    /// on any other.
    pub async fn close_all(&mut self) -> Result<(), ReplayError> {
        let total = self.state.windows.len();
        self.tell(Stage::Closing, 0, total, "withdrawing what was not sold");
        let length = i64::from(self.bus.window_seconds());
        let last = self.state.windows.iter().map(|window| window.window_start).max();
        if let (Some(last), true) = (last, self.chain().is_embedded()) {
            if self.bus.options.market.has_auction() {
                // A price is proven within 24 hours after the gate; the window itself may be as long.
                let gate = self.bus.gate(last);
                let now = self.chain().wait_until(gate).await.doing("moving the clock")?.unix_timestamp;
                self.close_past(now).await?;
            }
            self.chain().wait_until(last + length).await.doing("moving the clock")?;
        }
        let now = self.chain().clock().await.doing("asking for the time")?.unix_timestamp;
        self.close_past(now).await?;
        self.save()?;
        self.settle_all().await?;
        self.tell(Stage::Closing, total - self.state.windows.len(), total, "windows are closed");
        Ok(())
    }

    /// Closes the seller accounts: sellers are paid what is released to them and get their rent back.
    pub async fn close_sellers(&mut self) -> Result<(), ReplayError> {
        if self.auctions_open() > 0 {
            // On a chain whose clock cannot be moved, offers wait for their auction.
            return Ok(());
        }
        self.tell(Stage::Closing, 0, 1, "sellers are paid");
        self.sweep_grid_fees().await?;
        self.bus.close_meters().await?;
        // Whoever closes a seller sweeps its grid fees. They are written down only once the books of all days are closed.
        let waits_for_books = self.bus.options.has_grid() && !self.state.periods.is_empty();
        self.bus.close_sellers(waits_for_books).await?;
        self.tell(Stage::Closing, 1, 1, "sellers are paid and have closed their accounts");
        Ok(())
    }

    /// Closes the bus, on which nothing is open any more.
    pub async fn close_bus(&mut self) -> Result<(), ReplayError> {
        let doing = "closing the bus";
        let (bus, market) = (self.bus.address, &self.bus.market);
        let owner = &self.bus.members[self.bus.owners[0].member].wallet;
        // One owner decides, and there is no timelock: the proposal is executed as soon as it is made.
        if market.bus(&bus).await.doing(doing)?.closing == 0 {
            owner.propose(&bus, &ProposalAction::BusClose).await.doing(doing)?;
        }
        for proposal in market.proposals(&bus).await.doing(doing)? {
            owner.proposal_close(&proposal.address).await.doing(doing)?;
        }
        owner.bus_close(&bus).await.doing(doing)?;
        self.state.is_closed = true;
        self.save()
    }

    /// Pays what the closed bus owes its owners: what rounding in auctions left to the treasury was divided among them.
    pub async fn pay_claims(&self) -> Result<(), ReplayError> {
        let doing = "paying what the treasury had left";
        let bus = self.bus.address;
        for claim in self.bus.market.claims(&bus).await.doing(doing)? {
            self.bus.funder.claim_pay(&bus, &claim.wallet).await.doing(doing)?;
        }
        Ok(())
    }

    /// Every owner claims its share of what the bus sold.
    pub async fn claim(&mut self) -> Result<(), ReplayError> {
        if !self.bus.options.co_owned || self.state.is_swept {
            return Ok(());
        }
        let owners = treasury::claimers(&self.bus).await?;
        let total = owners.len();
        self.tell(Stage::Claiming, 0, total, "owners claim their shares");
        let bus = &self.bus;
        let (claims, failed) = bus.each(owners.into_iter().map(|owner| treasury::claim(bus, owner))).await;
        self.tell(Stage::Claiming, claims.len(), total, "owners have claimed their shares");
        failed.map_or(Ok(()), Err)
    }
}
