//! What is counted and timed, and how it is shown.

use {
    super::Kind,
    multibus_client::{Error, Signature},
    solana_instruction::error::InstructionError,
    std::{
        collections::BTreeMap,
        fmt,
        sync::{Mutex, MutexGuard, PoisonError},
        time::{Duration, Instant},
    },
};

/// How a transaction ended.
pub(super) enum End<'a> {
    Landed(Signature),
    Failed(&'a Error),
    Expired,
    Unknown(&'a Error),
}

#[derive(Clone, Default)]
struct KindTally {
    submitted: u64,
    /// From submission to confirmation, in microseconds.
    latencies: Vec<u32>,
    /// Confirmed while load was still sent.
    landed_in_time: u64,
    failed: BTreeMap<String, u64>,
    landed: Vec<Signature>,
}

/// Counts while the load runs.
pub(super) struct Tally {
    started_at: Instant,
    duration: Duration,
    kinds: Mutex<BTreeMap<Kind, KindTally>>,
}

impl Tally {
    pub fn new(duration: Duration) -> Self {
        Self { started_at: Instant::now(), duration, kinds: Mutex::default() }
    }

    fn kinds(&self) -> MutexGuard<'_, BTreeMap<Kind, KindTally>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn submitted(&self, kind: Kind) -> Instant {
        self.kinds().entry(kind).or_default().submitted += 1;
        Instant::now()
    }

    /// Counts a transaction that could not be signed, because the node gave no blockhash.
    pub fn unsent(&self, kind: Kind, error: &Error) {
        *self.kinds().entry(kind).or_default().failed.entry(name(kind, error)).or_default() += 1;
    }

    pub fn ended(&self, kind: Kind, submitted_at: Instant, end: End<'_>) {
        let now = Instant::now();
        let mut kinds = self.kinds();
        let tally = kinds.entry(kind).or_default();
        let mut failed = |name: String| *tally.failed.entry(name).or_default() += 1;
        match end {
            End::Landed(signature) => {
                let latency = u32::try_from(now.duration_since(submitted_at).as_micros()).unwrap_or(u32::MAX);
                tally.latencies.push(latency);
                tally.landed.push(signature);
                tally.landed_in_time += u64::from(now.duration_since(self.started_at) <= self.duration);
            }
            End::Failed(error) => failed(name(kind, error)),
            End::Expired => failed("expired".to_string()),
            End::Unknown(error) => failed(format!("unknown: {}", name(kind, error))),
        }
    }

    /// Some landed transactions of a kind, evenly spread over all of them.
    pub fn sample(&self, kind: Kind, count: usize) -> Vec<Signature> {
        let kinds = self.kinds();
        let Some(tally) = kinds.get(&kind) else { return Vec::new() };
        let step = tally.landed.len().div_ceil(count.max(1)).max(1);
        tally.landed.iter().step_by(step).copied().collect()
    }

    pub fn kind_report(&self, kind: Kind, compute_units: Option<u64>) -> Option<KindReport> {
        let mut kinds = self.kinds();
        let tally = kinds.get_mut(&kind)?;
        tally.latencies.sort_unstable();
        let percentile = |percent: usize| {
            let rank = (tally.latencies.len() * percent).div_ceil(100).max(1);
            tally.latencies.get(rank - 1).map(|micros| Duration::from_micros(u64::from(*micros)))
        };
        Some(KindReport {
            kind,
            submitted: tally.submitted,
            landed: tally.latencies.len() as u64,
            landed_in_time: tally.landed_in_time,
            failed: tally.failed.clone(),
            latency: [50, 95, 99].map(percentile),
            compute_units,
        })
    }
}

/// The name of a failure in the report, in the market's words: its error, or what happened meanwhile; else what the network
/// said.
fn name(kind: Kind, error: &Error) -> String {
    match error {
        Error::Program(failure) => match failure.multibus {
            Some(multibus) => multibus.name().to_string(),
            None if is_missing(&failure.error) => match kind {
                Kind::Purchase | Kind::PurchaseBatch | Kind::LockTake => "offer withdrawn meanwhile".to_string(),
                Kind::OfferCancel => "offer closed meanwhile".to_string(),
                Kind::LockSettle | Kind::LockRelease => "lock ended meanwhile".to_string(),
                Kind::OfferCreate | Kind::BidCreate | Kind::Transfer => failure.sentence.clone(),
            },
            None => failure.sentence.clone(),
        },
        Error::Transaction { sentence, .. } => sentence.clone(),
        Error::Rpc { action, .. } => format!("{action} failed"),
        Error::OutcomeUnknown { .. } => "outcome unknown".to_string(),
        other => other.to_string(),
    }
}

/// Whether an account was not there any more: of a load's accounts, only offers and locks are ever closed.
fn is_missing(error: &InstructionError) -> bool {
    matches!(
        error,
        InstructionError::AccountDataTooSmall
            | InstructionError::UninitializedAccount
            | InstructionError::InvalidAccountData
            | InstructionError::InvalidAccountOwner
    )
}

/// What became of one kind of transaction.
#[derive(Clone, Debug)]
pub struct KindReport {
    /// The kind.
    pub kind: Kind,
    /// Transactions that were sent.
    pub submitted: u64,
    /// Transactions that landed without an error.
    pub landed: u64,
    /// Of these, how many were confirmed while load was still sent.
    pub landed_in_time: u64,
    /// Transactions that did not land, or landed with an error, by the error's name.
    pub failed: BTreeMap<String, u64>,
    /// From submission to confirmation, as the client sees it: the 50th, 95th and 99th percentile.
    pub latency: [Option<Duration>; 3],
    /// Compute units of one transaction, on average over a sample; `None` where the node does not tell.
    pub compute_units: Option<u64>,
}

impl KindReport {
    /// All failures.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }
}

/// What a load did.
#[derive(Clone, Debug)]
pub struct LoadReport {
    /// How long new transactions were sent.
    pub duration: Duration,
    /// How long the preparations took: token, buses, wallets, lanes, offers.
    pub preparation: Duration,
    /// Transactions in flight at the same time, at most.
    pub in_flight: u64,
    /// By kind.
    pub kinds: Vec<KindReport>,
    /// Bare token transfers that landed in a second, before and after; `None` where none were sent.
    pub transfers_per_second: Option<f64>,
    /// Processor time of this process while load was sent.
    pub client_cpu: Option<Duration>,
    /// Processor time of the node while load was sent, where its process is known.
    pub node_cpu: Option<Duration>,
    /// Processor time that this machine used while load was sent, this process included, and how much it had.
    pub machine_cpu: Option<(Duration, Duration)>,
    /// What is wrong on the chain; empty where all is well.
    pub violations: Vec<String>,
}

impl LoadReport {
    /// Whether every invariant holds.
    pub fn is_sound(&self) -> bool {
        self.violations.is_empty()
    }

    /// Transactions of the chosen kinds that landed in a second of load.
    pub fn landed_per_second(&self, choose: impl Fn(Kind) -> bool) -> f64 {
        let landed: u64 = self.kinds.iter().filter(|kind| choose(kind.kind)).map(|kind| kind.landed_in_time).sum();
        landed as f64 / self.duration.as_secs_f64()
    }

    /// Compute units in a second of load; 0 where the node does not tell.
    pub fn compute_units_per_second(&self) -> f64 {
        let units: u64 =
            self.kinds.iter().map(|kind| kind.landed_in_time * kind.compute_units.unwrap_or_default()).sum();
        units as f64 / self.duration.as_secs_f64()
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| transaction | submitted | landed | failed | landed/s | p50 | p95 | p99 | compute units |")?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for kind in &self.kinds {
            let per_second = self.landed_per_second(|other| other == kind.kind);
            write!(
                f,
                "| `{}` | {} | {} | {} | {per_second:.0} |",
                kind.kind,
                kind.submitted,
                kind.landed,
                kind.failures()
            )?;
            for latency in kind.latency {
                match latency {
                    Some(latency) => write!(f, " {} ms |", latency.as_millis())?,
                    None => write!(f, " - |")?,
                }
            }
            match kind.compute_units {
                Some(units) => writeln!(f, " {units} |")?,
                None => writeln!(f, " - |")?,
            }
        }
        let sum = |figure: fn(&KindReport) -> u64| self.kinds.iter().map(figure).sum::<u64>();
        writeln!(
            f,
            "| all | {} | {} | {} | {:.0} | | | | |",
            sum(|kind| kind.submitted),
            sum(|kind| kind.landed),
            sum(KindReport::failures),
            self.landed_per_second(|_| true)
        )?;
        writeln!(f)?;
        writeln!(
            f,
            "{:.0} settlements landed a second; {:.1} million compute units a second; up to {} transactions in flight \
             for {} s, after {} s of preparations.",
            self.landed_per_second(Kind::settles),
            self.compute_units_per_second() / 1e6,
            self.in_flight,
            self.duration.as_secs(),
            self.preparation.as_secs()
        )?;
        if let Some(transfers) = self.transfers_per_second {
            writeln!(
                f,
                "{transfers:.0} bare token transfers landed a second before and after: the market landed {:.2} times as many.",
                self.landed_per_second(|kind| kind != Kind::Transfer) / transfers.max(1.0)
            )?;
        }
        if let (Some(client), Some((machine, available))) = (self.client_cpu, self.machine_cpu) {
            let share = |time: Duration| 100.0 * time.as_secs_f64() / available.as_secs_f64().max(0.001);
            let node = self.node_cpu.unwrap_or_default();
            let others = machine.saturating_sub(client + node);
            write!(f, "Of the machine's processor time the client used {:.0}%, ", share(client))?;
            match self.node_cpu {
                Some(node) => write!(f, "the node {:.0}%, others {:.0}%; ", share(node), share(others))?,
                None => write!(f, "the node and others {:.0}%; ", share(others))?,
            }
            writeln!(f, "{:.0}% was idle.", share(available.saturating_sub(machine)))?;
        }
        for kind in self.kinds.iter().filter(|kind| !kind.failed.is_empty()) {
            let causes: Vec<String> = kind.failed.iter().map(|(name, count)| format!("{count} {name}")).collect();
            writeln!(f, "{} failed: {}", kind.kind, causes.join(", "))?;
        }
        match self.violations.len() {
            0 => write!(
                f,
                "Every invariant holds on chain: energy, deposits, money and nonces, to the Wh and the base unit."
            ),
            _ => {
                writeln!(f, "{} invariants do not hold on chain:", self.violations.len())?;
                write!(f, "{}", self.violations.join("\n"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use {super::*, multibus_client::multibus::error::MultibusError};

    #[test]
    fn failures_have_the_words_of_the_market() {
        let refused = |error| {
            let error = multibus_client::chain::TransactionError::InstructionError(2, error);
            Error::from_transaction(error, Vec::new())
        };
        let gone = refused(InstructionError::AccountDataTooSmall);
        assert_eq!(name(Kind::Purchase, &gone), "offer withdrawn meanwhile");
        assert_eq!(name(Kind::LockTake, &gone), "offer withdrawn meanwhile");
        assert_eq!(name(Kind::OfferCancel, &gone), "offer closed meanwhile");
        assert_eq!(name(Kind::LockSettle, &gone), "lock ended meanwhile");
        let sold_out = refused(InstructionError::Custom(MultibusError::EnergyUnavailable.code()));
        assert_eq!(name(Kind::Purchase, &sold_out), "EnergyUnavailable");
        let named = name(Kind::Purchase, &refused(InstructionError::ComputationalBudgetExceeded));
        assert!(named.contains("compute units ran out"), "{named}");
        let forgotten = multibus_client::chain::TransactionError::BlockhashNotFound;
        let named = name(Kind::Purchase, &Error::from_transaction(forgotten, Vec::new()));
        assert!(!named.contains("BlockhashNotFound"), "{named}");
    }

    #[test]
    fn what_ended_is_counted_timed_and_named() {
        let tally = Tally::new(Duration::from_mins(1));
        let start = Instant::now();
        for number in 1..=100u64 {
            tally.submitted(Kind::Purchase);
            let submitted_at = start.checked_sub(Duration::from_millis(number * 10)).unwrap();
            tally.ended(Kind::Purchase, submitted_at, End::Landed(Signature::default()));
        }
        let code = MultibusError::EnergyUnavailable.code();
        let refused = multibus_client::chain::TransactionError::InstructionError(2, InstructionError::Custom(code));
        let refused = Error::from_transaction(refused, Vec::new());
        tally.submitted(Kind::Purchase);
        tally.ended(Kind::Purchase, start, End::Failed(&refused));
        let report = tally.kind_report(Kind::Purchase, Some(2_600)).unwrap();
        assert_eq!((report.submitted, report.landed, report.landed_in_time, report.failures()), (101, 100, 100, 1));
        assert_eq!(report.failed.keys().collect::<Vec<_>>(), ["EnergyUnavailable"]);
        let [p50, p95, p99] = report.latency.map(|latency| latency.unwrap().as_millis());
        assert!((500..520).contains(&p50) && (950..970).contains(&p95) && (990..1_010).contains(&p99));
        assert_eq!(tally.sample(Kind::Purchase, 10).len(), 10);
        assert!(tally.kind_report(Kind::LockTake, None).is_none());
    }
}
