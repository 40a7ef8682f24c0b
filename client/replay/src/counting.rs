//! A chain that counts what goes through it: transactions, their compute units by instruction, their latency.

use {
    crate::report::{LatencyClass, Spread},
    anchor_lang::Discriminator,
    async_trait::async_trait,
    multibus_client::{
        Signature,
        chain::{Chain, ChainLayer, Outcome, Simulation, TransactionRecord, VersionedTransaction},
        error::Result,
        send::MAX_COMPUTE_UNITS,
    },
    serde::{Deserialize, Serialize},
    std::{
        collections::{BTreeMap, HashMap},
        sync::{Arc, Mutex, MutexGuard, PoisonError},
        time::Instant,
    },
};

/// Transactions that went through a chain.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct TransactionCounts {
    pub sent: u64,
    pub landed: u64,
    pub failed: u64,
    pub retried: u64,
    pub fees_lamports: u64,
    /// Calls of each instruction by the compute units that they used.
    pub compute_units: BTreeMap<String, BTreeMap<u64, u64>>,
    /// Transactions by latency in microseconds, in classes that are at most an eighth wide.
    pub latency_microseconds: BTreeMap<u64, u64>,
    /// Shortest and longest latency and the sum of all, in microseconds.
    pub latency_bounds: Option<(u64, u64)>,
    pub latency_total: u64,
}

impl TransactionCounts {
    pub fn compute_units(&self) -> BTreeMap<String, Spread> {
        self.compute_units.iter().map(|(instruction, units)| (instruction.clone(), Spread::of(units))).collect()
    }

    /// The latency of all transactions, in microseconds. The median is that of the classes, the rest is exact.
    pub fn latency(&self) -> Spread {
        let classes = Spread::of(&self.latency_microseconds);
        let (min, max) = self.latency_bounds.unwrap_or_default();
        Spread { min, max, median: classes.median.clamp(min, max), total: self.latency_total, ..classes }
    }

    fn add_latency(&mut self, microseconds: u64) {
        *self.latency_microseconds.entry(latency_class(microseconds)).or_default() += 1;
        let (min, max) = self.latency_bounds.unwrap_or((microseconds, microseconds));
        self.latency_bounds = Some((min.min(microseconds), max.max(microseconds)));
        self.latency_total = self.latency_total.saturating_add(microseconds);
    }

    /// Transactions by latency: an upper bound in microseconds, which doubles from class to class, and their number.
    pub fn latency_histogram(&self) -> Vec<LatencyClass> {
        let mut histogram = BTreeMap::new();
        for (microseconds, count) in &self.latency_microseconds {
            *histogram.entry(microseconds.next_power_of_two()).or_insert(0) += count;
        }
        histogram.into_iter().map(LatencyClass::from).collect()
    }
}

/// A chain that counts the transactions sent through it.
pub(crate) struct CountingChain {
    chain: Arc<dyn Chain>,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    counts: TransactionCounts,
    in_flight: HashMap<Signature, InFlight>,
}

struct InFlight {
    sent_at: Instant,
    /// Instructions of the market in the transaction, in order.
    instructions: Vec<&'static str>,
    is_over: bool,
}

impl CountingChain {
    pub fn new(chain: Arc<dyn Chain>, counts: TransactionCounts) -> Self {
        Self { chain, counted: Mutex::new(Counted { counts, in_flight: HashMap::new() }) }
    }

    pub fn counts(&self) -> TransactionCounts {
        self.counted().counts.clone()
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

macro_rules! names {
    ($data:expr, $($name:literal = $instruction:ident),+ $(,)?) => {
        $(if $data.starts_with(multibus::instruction::$instruction::DISCRIMINATOR) {
            return Some($name);
        })+
    };
}

/// Name of one of the market's instructions.
fn instruction_name(data: &[u8]) -> Option<&'static str> {
    names!(
        data,
        "ask_settle" = AskSettle,
        "bid_cancel" = BidCancel,
        "bid_create" = BidCreate,
        "bid_settle" = BidSettle,
        "bus_close" = BusClose,
        "bus_create" = BusCreate,
        "capacity_close" = CapacityClose,
        "capacity_open" = CapacityOpen,
        "certificate_retire" = CertificateRetire,
        "certificate_take" = CertificateTake,
        "certificate_transfer" = CertificateTransfer,
        "claim_pay" = ClaimPay,
        "clearing_apply" = ClearingApply,
        "clearing_close" = ClearingClose,
        "clearing_open" = ClearingOpen,
        "clearing_tally" = ClearingTally,
        "creator_open" = CreatorOpen,
        "delivery_close" = DeliveryClose,
        "delivery_refund" = DeliveryRefund,
        "delivery_release" = DeliveryRelease,
        "delivery_report" = DeliveryReport,
        "device_close" = DeviceClose,
        "grid_sweep" = GridSweep,
        "lock_release" = LockRelease,
        "lock_settle" = LockSettle,
        "lock_take" = LockTake,
        "meter_close" = MeterClose,
        "meter_register" = MeterRegister,
        "meter_replace" = MeterReplace,
        "offer_cancel" = OfferCancel,
        "offer_collect" = OfferCollect,
        "offer_create" = OfferCreate,
        "offer_reprice" = OfferReprice,
        "offer_set_expiry" = OfferSetExpiry,
        "pool_report" = PoolReport,
        "position_close" = PositionClose,
        "position_open" = PositionOpen,
        "position_set_refund" = PositionSetRefund,
        "proposal_approve" = ProposalApprove,
        "proposal_close" = ProposalClose,
        "proposal_create" = ProposalCreate,
        "proposal_execute" = ProposalExecute,
        "proposal_revoke" = ProposalRevoke,
        "purchase" = Purchase,
        "purchase_batch" = PurchaseBatch,
        "seller_admit" = SellerAdmit,
        "seller_close" = SellerClose,
        "seller_open" = SellerOpen,
        "seller_suspend" = SellerSuspend,
        "seller_withdraw" = SellerWithdraw,
        "trader_close" = TraderClose,
        "trader_open" = TraderOpen,
        "treasury_claim" = TreasuryClaim,
    );
    None
}

fn instructions(transaction: &VersionedTransaction) -> Vec<&'static str> {
    let keys = transaction.message.static_account_keys();
    transaction
        .message
        .instructions()
        .iter()
        .filter(|instruction| keys.get(usize::from(instruction.program_id_index)) == Some(&multibus::ID))
        .filter_map(|instruction| instruction_name(&instruction.data))
        .collect()
}

/// Compute units of each call of the market's program, in order. A replay calls it at the top level only.
fn compute_units(logs: &[String]) -> impl Iterator<Item = u64> + '_ {
    let prefix = format!("Program {} consumed ", multibus::ID);
    let figures = logs.iter().filter_map(move |line| line.strip_prefix(&prefix)?.split(' ').next()?.parse().ok());
    figures.filter(|units| *units <= u64::from(MAX_COMPUTE_UNITS))
}

/// The upper bound of a class that is at most an eighth wide.
fn latency_class(microseconds: u64) -> u64 {
    let step = (microseconds.max(8).ilog2()).saturating_sub(3);
    ((microseconds >> step) + 1) << step
}

#[async_trait]
impl ChainLayer for CountingChain {
    fn inner(&self) -> &dyn Chain {
        &*self.chain
    }

    async fn simulate(&self, transaction: &VersionedTransaction) -> Result<Simulation> {
        let simulation = self.chain.simulate(transaction).await?;
        if simulation.error.is_some() {
            // A transaction whose simulation is refused is not submitted. The caller tries again.
            self.counted().counts.retried += 1;
        }
        Ok(simulation)
    }

    async fn send(&self, transaction: &VersionedTransaction) -> Result<Signature> {
        if let Some(signature) = transaction.signatures.first() {
            let mut counted = self.counted();
            if counted.in_flight.contains_key(signature) {
                counted.counts.retried += 1;
            } else {
                counted.counts.sent += 1;
                let in_flight =
                    InFlight { sent_at: Instant::now(), instructions: instructions(transaction), is_over: false };
                counted.in_flight.insert(*signature, in_flight);
            }
        }
        self.chain.send(transaction).await
    }

    async fn confirm(&self, signature: &Signature, last_valid_block_height: u64) -> Result<Outcome> {
        let outcome = self.chain.confirm(signature, last_valid_block_height).await?;
        let mut counted = self.counted();
        let Counted { counts, in_flight } = &mut *counted;
        let Some(transaction) = in_flight.get_mut(signature).filter(|transaction| !transaction.is_over) else {
            return Ok(outcome);
        };
        transaction.is_over = true;
        match outcome {
            Outcome::Landed { .. } => {
                counts.landed += 1;
                let microseconds = u64::try_from(transaction.sent_at.elapsed().as_micros()).unwrap_or(u64::MAX);
                counts.add_latency(microseconds);
            }
            Outcome::Failed { .. } => {
                counts.failed += 1;
                counts.retried += 1;
            }
            Outcome::Expired => counts.retried += 1,
        }
        if !matches!(outcome, Outcome::Landed { .. }) {
            in_flight.remove(signature);
        }
        Ok(outcome)
    }

    async fn transaction(&self, signature: &Signature) -> Result<Option<TransactionRecord>> {
        let record = self.chain.transaction(signature).await?;
        if let Some(record) = &record {
            let mut counted = self.counted();
            // Remove it, so that it is counted once.
            if let Some(transaction) = counted.in_flight.remove(signature) {
                counted.counts.fees_lamports = counted.counts.fees_lamports.saturating_add(record.fee);
                for (instruction, units) in transaction.instructions.into_iter().zip(compute_units(&record.logs)) {
                    let figures = counted.counts.compute_units.entry(instruction.to_owned()).or_default();
                    *figures.entry(units).or_default() += 1;
                }
            }
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_has_its_own_name() {
        use multibus::instruction::*;
        assert_eq!(instruction_name(Purchase::DISCRIMINATOR), Some("purchase"));
        assert_eq!(instruction_name(PurchaseBatch::DISCRIMINATOR), Some("purchase_batch"));
        assert_eq!(instruction_name(TraderClose::DISCRIMINATOR), Some("trader_close"));
        assert_eq!(instruction_name(&[255]), None);
    }

    #[test]
    fn units_are_those_of_the_market_alone() {
        let logs = [
            format!("Program {} invoke [1]", multibus::ID),
            "Program TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA consumed 111 of 199 compute units".into(),
            format!("Program {} consumed 2345 of 200000 compute units", multibus::ID),
        ];
        assert_eq!(compute_units(&logs).collect::<Vec<_>>(), [2_345]);
    }

    #[test]
    fn the_shortest_and_the_longest_latency_are_exact() {
        let mut counts = TransactionCounts::default();
        assert_eq!(counts.latency(), Spread::default());
        for microseconds in [1_001, 5_003, 777] {
            counts.add_latency(microseconds);
        }
        let Spread { count, min, median, max, total } = counts.latency();
        assert_eq!((count, min, max, total), (3, 777, 5_003, 6_781));
        assert!((1_001..=1_126).contains(&median), "{median}");
        assert_eq!(counts.latency_histogram(), [(1_024, 2).into(), (8_192, 1).into()]);
    }

    #[test]
    fn latency_classes_hold_their_figure() {
        for microseconds in (0..5_000).chain([1 << 20, (1 << 40) + 12_345]) {
            let class = latency_class(microseconds);
            assert!(class > microseconds && class - microseconds <= 1 + microseconds / 8, "{microseconds}: {class}");
        }
    }
}
