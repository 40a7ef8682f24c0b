//! A network that fails on command.

use {
    async_trait::async_trait,
    multibus_client::{
        Error, Result, Signature, TransactionOptions,
        chain::{Chain, ChainLayer, EmbeddedChain, Outcome, TransactionRecord, VersionedTransaction},
    },
    std::{
        collections::VecDeque,
        sync::{Arc, Mutex},
        time::Duration,
    },
};

/// What the network does to one submitted transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It lands, but neither the submission nor the confirmation is answered.
    LandsUnanswered,
    /// It lands, but the node that is asked believes that it expired.
    LandsUnknown,
    /// It is lost, and its blockhash expires.
    Lost,
    /// It is held back without an answer, and lands just before the next transaction.
    HeldBack,
}

/// What happens before a transaction is submitted.
type Surprise = Box<dyn Fn() -> futures_util::future::BoxFuture<'static, ()> + Send>;

/// A network with faults, in front of the embedded chain.
pub struct FaultyChain {
    inner: Arc<EmbeddedChain>,
    faults: Mutex<VecDeque<Fault>>,
    surprises: Mutex<VecDeque<Surprise>>,
    unanswered: Mutex<Vec<Signature>>,
    unknown: Mutex<Vec<Signature>>,
    held_back: Mutex<Vec<VersionedTransaction>>,
    serves_logs: bool,
    latency: Duration,
    /// What the node does to the logs that it serves.
    forge: Option<fn(&mut Vec<String>)>,
    pub submitted: Mutex<Vec<Signature>>,
}

fn no_answer() -> Error {
    Error::Rpc {
        action: "asking the network",
        url: "a broken line".to_string(),
        cause: "no answer".to_string(),
        remedy: "try again",
        transient: true,
    }
}

impl FaultyChain {
    pub fn new(inner: &Arc<EmbeddedChain>, faults: &[Fault]) -> Arc<Self> {
        Arc::new(Self::build(inner, faults, true))
    }

    /// A network whose nodes keep no logs.
    pub fn without_logs(inner: &Arc<EmbeddedChain>, faults: &[Fault]) -> Arc<Self> {
        Arc::new(Self::build(inner, faults, false))
    }

    /// A network without faults that is slow.
    pub fn slow(inner: &Arc<EmbeddedChain>) -> Arc<Self> {
        Arc::new(Self { latency: Duration::from_millis(5), ..Self::build(inner, &[], true) })
    }

    /// A network whose nodes serve forged logs.
    pub fn forging(inner: &Arc<EmbeddedChain>, forge: fn(&mut Vec<String>)) -> Arc<Self> {
        Arc::new(Self { forge: Some(forge), ..Self::build(inner, &[], true) })
    }

    fn build(inner: &Arc<EmbeddedChain>, faults: &[Fault], serves_logs: bool) -> Self {
        Self {
            inner: inner.clone(),
            faults: Mutex::new(faults.iter().copied().collect()),
            surprises: Mutex::default(),
            unanswered: Mutex::default(),
            unknown: Mutex::default(),
            held_back: Mutex::default(),
            serves_logs,
            latency: Duration::ZERO,
            forge: None,
            submitted: Mutex::default(),
        }
    }

    /// Something that happens between the simulation and the submission of the next transaction.
    pub fn surprise(&self, surprise: impl Fn() -> futures_util::future::BoxFuture<'static, ()> + Send + 'static) {
        self.surprises.lock().unwrap().push_back(Box::new(surprise));
    }
}

#[async_trait]
impl ChainLayer for FaultyChain {
    fn inner(&self) -> &dyn Chain {
        &*self.inner
    }

    fn description(&self) -> String {
        "a network with faults".to_string()
    }

    async fn send(&self, transaction: &VersionedTransaction) -> Result<Signature> {
        tokio::time::sleep(self.latency).await;
        let surprise = self.surprises.lock().unwrap().pop_front();
        if let Some(surprise) = surprise {
            surprise().await;
        }
        let held_back = std::mem::take(&mut *self.held_back.lock().unwrap());
        for earlier in held_back {
            // It may fail, because it comes too late.
            let _ = self.inner.send(&earlier).await;
        }
        let signature = transaction.signatures[0];
        self.submitted.lock().unwrap().push(signature);
        let fault = self.faults.lock().unwrap().pop_front();
        match fault {
            None => self.inner.send(transaction).await,
            Some(Fault::LandsUnanswered) => {
                self.inner.send(transaction).await.unwrap();
                self.unanswered.lock().unwrap().push(signature);
                Err(no_answer())
            }
            Some(Fault::LandsUnknown) => {
                self.inner.send(transaction).await.unwrap();
                self.unknown.lock().unwrap().push(signature);
                Ok(signature)
            }
            Some(Fault::Lost) => Ok(signature),
            Some(Fault::HeldBack) => {
                self.held_back.lock().unwrap().push(transaction.clone());
                self.unanswered.lock().unwrap().push(signature);
                Err(no_answer())
            }
        }
    }

    async fn confirm(&self, signature: &Signature, last_valid_block_height: u64) -> Result<Outcome> {
        tokio::time::sleep(self.latency).await;
        if take(&self.unanswered, signature) {
            return Err(Error::OutcomeUnknown { signature: *signature, cause: "no answer".to_string() });
        }
        if take(&self.unknown, signature) {
            return Ok(Outcome::Expired);
        }
        self.inner.confirm(signature, last_valid_block_height).await
    }

    async fn transaction(&self, signature: &Signature) -> Result<Option<TransactionRecord>> {
        if !self.serves_logs {
            return Ok(None);
        }
        let mut record = self.inner.transaction(signature).await?;
        if let (Some(record), Some(forge)) = (&mut record, self.forge) {
            forge(&mut record.logs);
        }
        Ok(record)
    }
}

fn take(signatures: &Mutex<Vec<Signature>>, signature: &Signature) -> bool {
    let mut signatures = signatures.lock().unwrap();
    let found = signatures.iter().position(|other| other == signature);
    found.map(|index| signatures.remove(index)).is_some()
}

/// Cuts a log after its first line, as a node does with long ones.
pub fn cut(logs: &mut Vec<String>) {
    logs.truncate(1);
    logs.push("Log truncated".to_owned());
}

/// Options with so many attempts.
pub fn attempts(max_attempts: u32) -> TransactionOptions {
    TransactionOptions { max_attempts, ..TransactionOptions::default() }
}

/// Runs futures at the same time on several threads, as the tasks of a program do.
pub async fn side_by_side<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut done = Vec::new();
    for task in running {
        done.push(task.await.unwrap());
    }
    done
}
