//! A replay under way: the bus it trades on, the state it keeps, and whom it tells of its progress.

use {
    crate::{
        counting::CountingChain,
        error::ReplayError,
        progress::{Progress, Stage},
        replay_bus::ReplayBus,
        state::{BusRecord, ReplayState},
    },
    multibus_client::{Address, chain::Chain},
    std::{collections::HashMap, sync::Arc, time::Instant},
};

pub(crate) type ProgressFn<'a> = &'a mut (dyn FnMut(&Progress) + Send);

/// A replay under way.
pub(crate) struct Replay<'a> {
    pub bus: ReplayBus,
    pub counting: Arc<CountingChain>,
    pub state: ReplayState,
    /// Members that listed the offers of the present interval.
    pub sellers: HashMap<Address, usize>,
    pub progress: ProgressFn<'a>,
    pub started_at: Instant,
    /// Wall time of earlier processes that worked on this replay.
    pub wall_milliseconds_before: u64,
}

impl Replay<'_> {
    pub fn tell(&mut self, stage: Stage, done: usize, total: usize, detail: impl Into<String>) {
        (self.progress)(&Progress { stage, done: done as u64, total: total as u64, detail: detail.into() });
    }

    pub fn chain(&self) -> &Arc<dyn Chain> {
        self.bus.market.chain()
    }

    pub fn bus_record(&self) -> Result<BusRecord, ReplayError> {
        self.state.bus.ok_or_else(|| ReplayError::State("the state names no bus; start anew".into()))
    }

    /// Writes the state file, where there is one. Refuses to go on where trades were lost.
    pub fn save(&mut self) -> Result<(), ReplayError> {
        self.state.records.intact().and_then(|()| self.state.intervals.intact())?;
        self.state.wall_milliseconds = self.wall_milliseconds_before + self.started_at.elapsed().as_millis() as u64;
        let Some(path) = &self.bus.options.state else { return Ok(()) };
        self.state.counts = self.counting.counts();
        self.state.save(path)
    }
}
