//! A chain behind an RPC node.

use {
    super::{
        AccountFilter, Chain, ChainClock, LogsStream, Outcome, RecentBlockhash, SignatureInfo, SignatureStatus,
        Simulation, TransactionError, TransactionRecord, VersionedTransaction, guard,
        subscription::{CONNECT_TIMEOUT, Subscription, Websocket, is_behind_proxy},
    },
    crate::{
        error::{Error, Result},
        network,
        text::{host_only, hosts_only},
    },
    async_trait::async_trait,
    base64::{Engine, prelude::BASE64_STANDARD},
    futures_util::{StreamExt, stream},
    reqwest::Url,
    solana_account::Account,
    solana_account_decoder_client_types::UiAccountEncoding,
    solana_address::Address,
    solana_commitment_config::{CommitmentConfig, CommitmentLevel},
    solana_pubsub_client::nonblocking::pubsub_client::PubsubClient,
    solana_rpc_client::{
        nonblocking::rpc_client::RpcClient,
        rpc_client::{GetConfirmedSignaturesForAddress2Config, RpcClientConfig},
    },
    solana_rpc_client_api::{
        client_error::Error as ClientError,
        config::{
            RpcAccountInfoConfig, RpcProgramAccountsConfig, RpcSendTransactionConfig, RpcSimulateTransactionConfig,
            RpcTransactionConfig,
        },
        filter::{Memcmp, MemcmpEncodedBytes, RpcFilterType},
        request::RpcRequest,
        response::SlotUpdate,
    },
    solana_sdk_ids::sysvar,
    solana_signature::Signature,
    solana_transaction_status_client_types::{
        EncodedConfirmedTransactionWithStatusMeta, UiTransactionEncoding, option_serializer::OptionSerializer,
    },
    std::{
        collections::HashMap,
        sync::{
            Arc, Mutex, PoisonError, Weak,
            atomic::{AtomicBool, Ordering},
        },
        time::{Duration, Instant},
    },
    tokio::{
        sync::{Notify, OnceCell, mpsc::UnboundedReceiver, oneshot},
        time::{sleep, timeout},
    },
};

/// Most addresses in one request for accounts.
const ACCOUNTS_PER_REQUEST: usize = 100;
/// Most signatures in one request for statuses.
const SIGNATURES_PER_REQUEST: usize = 256;
/// Most signatures of an address in one answer.
const HISTORY_PER_REQUEST: usize = 1_000;
/// Polling interval for transactions in flight.
const POLL_INTERVAL: Duration = Duration::from_millis(150);
/// The same while the node says when it has confirmed something.
const POLL_INTERVAL_WHEN_TOLD: Duration = Duration::from_secs(1);
/// Polling interval when the node is slow.
const POLL_AT_LEAST: Duration = Duration::from_secs(2);
/// How long a blockhash is used before a new one is fetched.
const BLOCKHASH_AGE: Duration = Duration::from_secs(2);
/// Give up after this many patience periods in which the node reports a transaction neither landed nor expired. Expiry
/// takes about a minute.
const LIVES_AT_MOST: u32 = 10;
/// How long to wait for the logs of a transaction that landed.
const RECORD_PATIENCE: Duration = Duration::from_secs(20);

/// How often a request is sent that the network lost, and the wait before the second time. The third waits longer.
const ASKED_AT_MOST: u32 = 3;
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// A request that took this long is not sent again, so that the caller does not wait even longer.
const ASK_AGAIN_WITHIN: Duration = Duration::from_secs(5);

/// How long to wait for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpcOptions {
    /// How long one request may take.
    pub request_timeout: Duration,
    /// After this time without an answer, the outcome of transactions in flight counts as unknown and a subscription as
    /// lost.
    pub patience: Duration,
}

impl Default for RpcOptions {
    fn default() -> Self {
        Self { request_timeout: Duration::from_secs(30), patience: Duration::from_mins(1) }
    }
}

/// A chain behind an RPC node. Everything is read and confirmed at one commitment level. Clones share the transactions
/// in flight.
#[derive(Clone)]
pub struct RpcChain {
    inner: Arc<Inner>,
    websocket_url: String,
    /// Whether the caller named it, instead of having it derived.
    is_websocket_named: bool,
}

struct Inner {
    client: RpcClient,
    url: String,
    commitment: CommitmentConfig,
    options: RpcOptions,
    blockhash: tokio::sync::Mutex<Option<(Instant, RecentBlockhash)>>,
    pending: Mutex<Pending>,
    /// Wakes whoever watches transactions in flight, while `is_told`.
    confirmed: Notify,
    is_told: AtomicBool,
    /// Program that is used over this chain.
    program: Address,
    /// Set once the node's network is known to be one where this build's program address may be used.
    admitted: OnceCell<()>,
}

/// Transactions in flight, watched by one task.
#[derive(Default)]
struct Pending {
    transactions: HashMap<Signature, PendingTransaction>,
    is_watched: bool,
}

struct PendingTransaction {
    last_valid_block_height: u64,
    since: Instant,
    waiting: Vec<oneshot::Sender<Result<Outcome>>>,
}

impl RpcChain {
    /// A chain behind the RPC node at a URL. Without a websocket URL, it is derived as the Solana CLI does: the next
    /// port, or the same host.
    pub fn new(url: &str, websocket_url: Option<&str>, commitment: CommitmentLevel) -> Result<Self> {
        Self::with_options(url, websocket_url, commitment, RpcOptions::default())
    }

    /// The same, with other waiting times.
    pub fn with_options(
        url: &str,
        websocket_url: Option<&str>,
        commitment: CommitmentLevel,
        options: RpcOptions,
    ) -> Result<Self> {
        Self::of_program(url, websocket_url, commitment, options, multibus::ID)
    }

    /// The same, to use a program at another address than this build's, such as to deploy it. The address of local networks
    /// is refused where the node is of a public network.
    pub fn of_program(
        url: &str,
        websocket_url: Option<&str>,
        commitment: CommitmentLevel,
        options: RpcOptions,
        program: Address,
    ) -> Result<Self> {
        let url = url.trim();
        let parsed = parse_url(url, ["http", "https"]).ok_or_else(|| {
            Error::Invalid(format!(
                "{:?} is not the URL of an RPC node; give one such as https://api.devnet.solana.com",
                host_only(url)
            ))
        })?;
        let is_websocket_named = websocket_url.is_some();
        let websocket_url = match websocket_url.map(str::trim) {
            Some(url) if parse_url(url, ["ws", "wss"]).is_none() => {
                return Err(Error::Invalid(format!(
                    "{:?} is not the URL of a websocket; give one such as wss://api.devnet.solana.com, or leave it out",
                    host_only(url)
                )));
            }
            Some(url) => url.to_string(),
            None => derive_websocket_url(&parsed),
        };
        let commitment = CommitmentConfig { commitment };
        let sender = guard::sender(url, options.request_timeout)?;
        let client = RpcClient::new_sender(sender, RpcClientConfig::with_commitment(commitment));
        let inner = Inner {
            client,
            url: url.to_string(),
            commitment,
            options,
            blockhash: tokio::sync::Mutex::new(None),
            pending: Mutex::new(Pending::default()),
            confirmed: Notify::new(),
            is_told: AtomicBool::new(false),
            program,
            admitted: OnceCell::new(),
        };
        Ok(Self { inner: Arc::new(inner), websocket_url, is_websocket_named })
    }

    /// URL of the WebSocket that subscriptions use.
    pub fn websocket_url(&self) -> &str {
        &self.websocket_url
    }

    /// Lets the node tell when it has confirmed a slot. Transactions in flight are then looked for at that moment instead of at
    /// intervals: their outcome is known sooner, by fewer requests. Where the connection breaks, intervals count again. It
    /// changes nothing for a chain that is read below or above "confirmed".
    ///
    /// # Errors
    /// [`Error::Rpc`] where the node does not tell: Agave does, surfpool and many public nodes do not. The same where the user's
    /// proxy stands before the node.
    pub async fn follow_confirmations(&self) -> Result<()> {
        if self.inner.commitment.commitment != CommitmentLevel::Confirmed {
            return Ok(());
        }
        let refuse = |cause: String| Error::Rpc {
            action: "following confirmations",
            url: hosts_only(&self.websocket_url),
            cause,
            remedy: "the outcome of transactions is asked for at intervals",
            transient: true,
        };
        if is_behind_proxy(&self.websocket_url) {
            return Err(refuse("the connection would go past the proxy".to_string()));
        }
        let (ready, is_ready) = oneshot::channel();
        let (url, inner) = (self.websocket_url.clone(), Arc::downgrade(&self.inner));
        tokio::spawn(async move {
            confirmations(&url, &inner, ready).await;
            if let Some(inner) = inner.upgrade() {
                inner.is_told.store(false, Ordering::Relaxed);
                inner.confirmed.notify_one();
            }
        });
        match timeout(CONNECT_TIMEOUT, is_ready).await {
            Ok(Ok(ready)) => ready.map_err(refuse),
            Ok(Err(_)) => Err(refuse("the client is shutting down".to_string())),
            Err(_) => Err(refuse("the node did not answer in time".to_string())),
        }
    }

    fn client(&self) -> &RpcClient {
        &self.inner.client
    }

    fn refuse(&self, action: &'static str) -> impl Fn(ClientError) -> Error + '_ {
        self.inner.refuse(action)
    }
}

/// A URL with a host, of one of two schemes.
fn parse_url(text: &str, schemes: [&str; 2]) -> Option<Url> {
    // The parser takes `http:host` and `http:///host`, too, which nobody means.
    let (_, rest) = text.split_once("://")?;
    let url = Url::parse(text).ok().filter(|url| schemes.contains(&url.scheme()) && !rest.starts_with('/'))?;
    url.has_host().then_some(url)
}

/// The websocket port of a node is the one after its RPC port; public nodes serve both at the port of their scheme.
fn derive_websocket_url(rpc: &Url) -> String {
    let mut url = rpc.clone();
    // None of the three can fail: both schemes have hosts and ports.
    let _ = url.set_scheme(if rpc.scheme() == "https" { "wss" } else { "ws" });
    if let Some(next) = rpc.port().and_then(|port| port.checked_add(1)) {
        let _ = url.set_port(Some(next));
    }
    url.set_fragment(None);
    let text = url.to_string();
    match (url.path(), url.query()) {
        ("/", None) => text.trim_end_matches('/').to_string(),
        _ => text,
    }
}

impl Inner {
    fn refuse(&self, action: &'static str) -> impl Fn(ClientError) -> Error + '_ {
        move |error| Error::from_rpc(action, &self.url, error)
    }

    /// An answer that no honest node gives.
    fn absurd(&self, action: &'static str, cause: String) -> Error {
        Error::Rpc { action, url: hosts_only(&self.url), cause, remedy: "use another node", transient: false }
    }

    /// Sends a request that changes nothing. If the network loses it or its answer, it is sent again.
    async fn ask<T, F>(&self, action: &'static str, question: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let started_at = Instant::now();
        let mut asked = 1;
        loop {
            match question().await.map_err(self.refuse(action)) {
                Err(error)
                    if error.is_transient() && asked < ASKED_AT_MOST && started_at.elapsed() < ASK_AGAIN_WITHIN =>
                {
                    sleep(ASK_AGAIN * asked).await;
                    asked += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Refuses a public network where the program's address is that of local ones.
    async fn admit(&self) -> Result<()> {
        let ask = || async {
            if self.program != network::LOCAL_PROGRAM || network::is_loopback(&self.url) {
                return Ok(());
            }
            let genesis = self.ask("asking for the genesis hash", || self.client.get_genesis_hash()).await?;
            network::validate(&self.program, &genesis.to_string(), &self.url)
        };
        self.admitted.get_or_try_init(ask).await.map(drop)
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn statuses(&self, signatures: &[Signature]) -> Result<Vec<Option<SignatureStatus>>> {
        let mut statuses = Vec::with_capacity(signatures.len());
        for chunk in signatures.chunks(SIGNATURES_PER_REQUEST) {
            let response = self
                .client
                .get_signature_statuses(chunk)
                .await
                .map_err(self.refuse("asking for transaction statuses"))?;
            if response.value.len() != chunk.len() {
                let cause = format!("the node sent {} statuses of {} transactions", response.value.len(), chunk.len());
                return Err(self.absurd("asking for transaction statuses", cause));
            }
            statuses.extend(response.value.into_iter().map(|status| {
                status
                    .filter(|status| status.satisfies_commitment(self.commitment))
                    .map(|status| SignatureStatus { slot: status.slot, error: status.err })
            }));
        }
        Ok(statuses)
    }

    fn resolve(&self, signature: &Signature, outcome: impl Fn() -> Result<Outcome>) {
        if let Some(transaction) = self.pending().transactions.remove(signature) {
            for waiting in transaction.waiting {
                // The receiver is gone if the caller no longer waits.
                let _ = waiting.send(outcome());
            }
        }
    }

    /// Watches the transactions in flight until there are none. One request covers 256 of them.
    async fn watch(self: Arc<Self>) {
        let mut answered_at = Instant::now();
        loop {
            let watched: Vec<(Signature, u64)> = {
                let mut pending = self.pending();
                pending.transactions.retain(|_, transaction| {
                    transaction.waiting.retain(|waiting| !waiting.is_closed());
                    !transaction.waiting.is_empty()
                });
                if pending.transactions.is_empty() {
                    pending.is_watched = false;
                    return;
                }
                pending.transactions.iter().map(|(signature, of)| (*signature, of.last_valid_block_height)).collect()
            };
            let asked_at = Instant::now();
            match self.look(&watched).await {
                Ok(()) => answered_at = Instant::now(),
                Err(error) if answered_at.elapsed() > self.options.patience => {
                    let cause = error.to_string();
                    for (signature, _) in &watched {
                        self.resolve(signature, || {
                            Err(Error::OutcomeUnknown { signature: *signature, cause: cause.clone() })
                        });
                    }
                }
                Err(_) => {}
            }
            self.give_up_on(self.options.patience * LIVES_AT_MOST);
            // Poll a slow node less often: answering should take at most half of its time.
            let interval = if self.is_told.load(Ordering::Relaxed) { POLL_INTERVAL_WHEN_TOLD } else { POLL_INTERVAL };
            tokio::select! {
                () = sleep(asked_at.elapsed().clamp(interval, POLL_AT_LEAST)) => {}
                () = self.confirmed.notified() => {}
            }
        }
    }

    async fn look(&self, watched: &[(Signature, u64)]) -> Result<()> {
        // The height is read before the statuses: a transaction without status at a height beyond its last one cannot
        // land any more.
        let height = self.client.get_block_height().await.map_err(self.refuse("asking for the block height"))?;
        let signatures: Vec<Signature> = watched.iter().map(|(signature, _)| *signature).collect();
        let statuses = self.statuses(&signatures).await?;
        for ((signature, last_valid_block_height), status) in watched.iter().zip(statuses) {
            match status {
                Some(SignatureStatus { slot, error: None }) => {
                    self.resolve(signature, || Ok(Outcome::Landed { slot }));
                }
                Some(SignatureStatus { slot, error: Some(error) }) => {
                    self.resolve(signature, || Ok(Outcome::Failed { slot, error: error.clone() }));
                }
                None if height > *last_valid_block_height => {
                    self.forget_blockhash(*last_valid_block_height).await;
                    self.resolve(signature, || Ok(Outcome::Expired));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Gives up transactions that the node has reported neither landed nor expired for this long.
    fn give_up_on(&self, older_than: Duration) {
        let old: Vec<Signature> = {
            let pending = self.pending();
            let old = pending.transactions.iter().filter(|(_, transaction)| transaction.since.elapsed() > older_than);
            old.map(|(signature, _)| *signature).collect()
        };
        for signature in old {
            let cause = format!("for {} s the node neither showed it nor let it expire", older_than.as_secs());
            self.resolve(&signature, || Err(Error::OutcomeUnknown { signature, cause: cause.clone() }));
        }
    }

    /// Forgets the blockhash if the network no longer knows it.
    async fn forget_blockhash(&self, last_valid_block_height: u64) {
        self.blockhash.lock().await.take_if(|(_, known)| known.last_valid_block_height <= last_valid_block_height);
    }
}

/// Wakes whoever watches transactions at each slot that the node confirms, until the connection breaks or the chain is gone.
async fn confirmations(url: &str, chain: &Weak<Inner>, ready: oneshot::Sender<Result<(), String>>) {
    let client = match PubsubClient::new(url).await {
        Ok(client) => client,
        Err(error) => return drop(ready.send(Err(error.to_string()))),
    };
    let (mut updates, _unsubscribe) = match client.slot_updates_subscribe().await {
        Ok(subscription) => subscription,
        Err(error) => return drop(ready.send(Err(error.to_string()))),
    };
    let Some(told) = chain.upgrade() else { return };
    told.is_told.store(true, Ordering::Relaxed);
    drop(told);
    // Whoever gave up waiting was told that intervals count.
    if ready.send(Ok(())).is_err() {
        return;
    }
    while let Some(update) = updates.next().await {
        let Some(chain) = chain.upgrade() else { return };
        if matches!(update, SlotUpdate::OptimisticConfirmation { .. }) {
            chain.confirmed.notify_one();
        }
    }
}

/// Logs and costs cannot be read below "confirmed".
fn readable(commitment: CommitmentConfig) -> CommitmentConfig {
    if commitment.is_at_least_confirmed() { commitment } else { CommitmentConfig::confirmed() }
}

#[async_trait]
impl Chain for RpcChain {
    fn description(&self) -> String {
        hosts_only(&self.inner.url)
    }

    fn is_embedded(&self) -> bool {
        false
    }

    async fn accounts(&self, addresses: &[Address]) -> Result<Vec<Option<Account>>> {
        self.inner.admit().await?;
        let mut accounts = Vec::with_capacity(addresses.len());
        for chunk in addresses.chunks(ACCOUNTS_PER_REQUEST) {
            let config = RpcAccountInfoConfig { encoding: Some(UiAccountEncoding::Base64), ..Default::default() };
            let read = || self.client().get_multiple_ui_accounts_with_config(chunk, config.clone());
            let answer = self.inner.ask("reading accounts", read).await?.value;
            accounts.extend(guard::accounts(chunk, answer)?);
        }
        Ok(accounts)
    }

    async fn program_accounts(&self, program: &Address, filter: &AccountFilter) -> Result<Vec<(Address, Account)>> {
        self.inner.admit().await?;
        let bytes = filter.bytes.iter().map(|(offset, bytes)| {
            let encoded = MemcmpEncodedBytes::Base64(BASE64_STANDARD.encode(bytes));
            RpcFilterType::Memcmp(Memcmp::new(*offset, encoded))
        });
        let filters = filter.size.map(RpcFilterType::DataSize).into_iter().chain(bytes).collect();
        let config = RpcProgramAccountsConfig {
            filters: Some(filters),
            account_config: RpcAccountInfoConfig {
                encoding: Some(UiAccountEncoding::Base64),
                ..RpcAccountInfoConfig::default()
            },
            ..RpcProgramAccountsConfig::default()
        };
        let list = || self.client().get_program_ui_accounts_with_config(program, config.clone());
        let answer = self.inner.ask("listing the program's accounts", list).await?;
        guard::program_accounts(program, filter, answer)
    }

    async fn latest_blockhash(&self) -> Result<RecentBlockhash> {
        self.inner.admit().await?;
        let mut cached = self.inner.blockhash.lock().await;
        if let Some((fetched_at, blockhash)) = *cached
            && fetched_at.elapsed() < BLOCKHASH_AGE
        {
            return Ok(blockhash);
        }
        let latest = || self.client().get_latest_blockhash_with_commitment(readable(self.inner.commitment));
        let action = "asking for a blockhash";
        let (hash, last_valid_block_height) = self.inner.ask(action, latest).await?;
        let blockhash = guard::blockhash(RecentBlockhash { hash, last_valid_block_height })
            .map_err(|cause| self.inner.absurd(action, cause))?;
        *cached = Some((Instant::now(), blockhash));
        Ok(blockhash)
    }

    async fn simulate(&self, transaction: &VersionedTransaction) -> Result<Simulation> {
        self.inner.admit().await?;
        let config = RpcSimulateTransactionConfig {
            sig_verify: false,
            replace_recent_blockhash: true,
            commitment: Some(self.inner.commitment),
            ..RpcSimulateTransactionConfig::default()
        };
        let simulate = || self.client().simulate_transaction_with_config(transaction, config.clone());
        let result = self.inner.ask("simulating a transaction", simulate).await?.value;
        Ok(Simulation {
            error: result.err.map(Into::into),
            logs: result.logs.unwrap_or_default(),
            compute_units: result.units_consumed.unwrap_or_default(),
            loaded_bytes: result.loaded_accounts_data_size,
        })
    }

    async fn send(&self, transaction: &VersionedTransaction) -> Result<Signature> {
        self.inner.admit().await?;
        let config = RpcSendTransactionConfig {
            skip_preflight: true,
            // The client itself submits again until the blockhash expires.
            max_retries: Some(0),
            ..RpcSendTransactionConfig::default()
        };
        let sent = self.client().send_transaction_with_config(transaction, config).await;
        let sent = sent.map_err(self.refuse("sending a transaction"));
        if let Err(Error::Transaction { error: TransactionError::BlockhashNotFound, .. }) = &sent {
            let unknown = transaction.message.recent_blockhash();
            self.inner.blockhash.lock().await.take_if(|(_, known)| known.hash == *unknown);
        }
        sent
    }

    async fn confirm(&self, signature: &Signature, last_valid_block_height: u64) -> Result<Outcome> {
        let (sender, receiver) = oneshot::channel();
        let must_watch = {
            let mut pending = self.inner.pending();
            let transaction = pending.transactions.entry(*signature).or_insert_with(|| PendingTransaction {
                last_valid_block_height,
                since: Instant::now(),
                waiting: Vec::new(),
            });
            transaction.waiting.push(sender);
            !std::mem::replace(&mut pending.is_watched, true)
        };
        if must_watch {
            tokio::spawn(self.inner.clone().watch());
        }
        receiver.await.unwrap_or_else(|_| {
            let cause = "the client is shutting down".to_string();
            Err(Error::OutcomeUnknown { signature: *signature, cause })
        })
    }

    async fn statuses(&self, signatures: &[Signature]) -> Result<Vec<Option<SignatureStatus>>> {
        self.inner.statuses(signatures).await
    }

    async fn transaction(&self, signature: &Signature) -> Result<Option<TransactionRecord>> {
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            commitment: Some(readable(self.inner.commitment)),
            max_supported_transaction_version: Some(0),
        };
        let started_at = Instant::now();
        loop {
            // `null` if the node does not know the transaction, or not yet.
            let question = serde_json::json!([signature.to_string(), config]);
            let read = || self.client().send(RpcRequest::GetTransaction, question.clone());
            let found: Option<EncodedConfirmedTransactionWithStatusMeta> =
                self.inner.ask("reading a transaction", read).await?;
            if let Some(found) = found {
                return Ok(record(*signature, found));
            }
            // A node serves logs a little later than it confirms.
            let status = self.inner.client.get_signature_statuses(&[*signature]).await;
            let known = status.is_ok_and(|response| response.value.first().is_some_and(Option::is_some));
            if !known || started_at.elapsed() > RECORD_PATIENCE {
                return Ok(None);
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    async fn signatures_for(
        &self,
        address: &Address,
        mut before: Option<Signature>,
        limit: usize,
    ) -> Result<Vec<SignatureInfo>> {
        let mut found = Vec::new();
        while found.len() < limit {
            let wanted = (limit - found.len()).min(HISTORY_PER_REQUEST);
            let list = || {
                let config = GetConfirmedSignaturesForAddress2Config {
                    before,
                    until: None,
                    limit: Some(wanted),
                    commitment: Some(readable(self.inner.commitment)),
                };
                self.client().get_signatures_for_address_with_config(address, config)
            };
            let action = "asking for the transactions of an address";
            let page = self.inner.ask(action, list).await?;
            if page.len() > wanted {
                let cause = format!("the node sent {} transactions where {wanted} were asked for", page.len());
                return Err(self.inner.absurd(action, cause));
            }
            let is_last = page.len() < wanted;
            for item in page {
                let signature = item.signature.parse().map_err(|_| Error::Decode {
                    kind: "transaction history",
                    address: *address,
                    cause: format!("the node sent {:?} for a signature", item.signature),
                })?;
                before = Some(signature);
                found.push(SignatureInfo {
                    signature,
                    slot: item.slot,
                    block_time: item.block_time,
                    error: item.err.map(Into::into),
                });
            }
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    async fn clock(&self) -> Result<ChainClock> {
        let accounts = self.accounts(&[sysvar::clock::ID]).await?;
        guard::clock(accounts.first().and_then(Option::as_ref))
    }

    async fn minimum_rent(&self, data_len: usize) -> Result<u64> {
        let action = "asking for the minimum rent";
        let rent = || self.client().get_minimum_balance_for_rent_exemption(data_len);
        let lamports = self.inner.ask(action, rent).await?;
        guard::rent(data_len, lamports).map_err(|cause| self.inner.absurd(action, cause))
    }

    async fn airdrop(&self, address: &Address, lamports: u64) -> Result<()> {
        let blockhash = self.latest_blockhash().await?;
        let asked: String = self
            .client()
            .send(RpcRequest::RequestAirdrop, serde_json::json!([address.to_string(), lamports]))
            .await
            .map_err(self.refuse("asking for an airdrop"))?;
        let signature = asked.parse().map_err(|_| Error::Rpc {
            action: "asking for an airdrop",
            url: hosts_only(&self.inner.url),
            cause: format!("the node sent {asked:?} for a signature"),
            remedy: "use another node",
            transient: false,
        })?;
        match self.confirm(&signature, blockhash.last_valid_block_height).await? {
            Outcome::Landed { .. } => Ok(()),
            Outcome::Failed { error, .. } => Err(Error::from_transaction(error, Vec::new())),
            Outcome::Expired => Err(Error::Expired { signature, attempts: 1 }),
        }
    }

    async fn recent_priority_fees(&self, writable: &[Address]) -> Result<Vec<u64>> {
        // A node takes at most 128 addresses here.
        let writable = &writable[..writable.len().min(128)];
        let recent = || self.client().get_recent_prioritization_fees(writable);
        let fees = self.inner.ask("asking for recent priority fees", recent).await?;
        Ok(fees.into_iter().map(|fee| fee.prioritization_fee).collect())
    }

    async fn subscribe_logs(&self, mentions: &Address) -> Result<LogsStream> {
        self.inner.admit().await?;
        let (listener, received) = tokio::sync::mpsc::unbounded_channel();
        let (ready, is_ready) = oneshot::channel();
        let websocket = Websocket {
            url: self.websocket_url.clone(),
            is_named: self.is_websocket_named,
            rpc_url: self.inner.url.clone(),
            commitment: self.inner.commitment,
            patience: self.inner.options.patience,
        };
        tokio::spawn(Subscription::new(self.clone(), websocket, *mentions, listener).run(ready));
        is_ready.await.unwrap_or_else(|_| {
            Err(Error::Rpc {
                action: "subscribing to logs",
                url: hosts_only(&self.websocket_url),
                cause: "the client is shutting down".to_string(),
                remedy: "subscribe again",
                transient: true,
            })
        })?;
        let next = |mut received: UnboundedReceiver<_>| async move { Some((received.recv().await?, received)) };
        Ok(stream::unfold(received, next).boxed())
    }

    async fn wait_until(&self, unix_timestamp: i64) -> Result<ChainClock> {
        loop {
            let clock = self.clock().await?;
            if clock.unix_timestamp >= unix_timestamp {
                return Ok(clock);
            }
            let missing = (unix_timestamp - clock.unix_timestamp).unsigned_abs();
            // The chain's clock is an estimate that drifts, so it is read again before the whole time is over.
            sleep(Duration::from_millis(missing.saturating_mul(900).clamp(200, 30_000))).await;
        }
    }

    async fn wait_for_slot(&self, slot: u64) -> Result<ChainClock> {
        loop {
            let clock = self.clock().await?;
            if clock.slot >= slot {
                return Ok(clock);
            }
            sleep(Duration::from_millis((slot - clock.slot).saturating_mul(300).clamp(100, 30_000))).await;
        }
    }
}

fn record(signature: Signature, found: EncodedConfirmedTransactionWithStatusMeta) -> Option<TransactionRecord> {
    let meta = found.transaction.meta?;
    let logs = match meta.log_messages {
        OptionSerializer::Some(logs) => logs,
        OptionSerializer::None | OptionSerializer::Skip => Vec::new(),
    };
    let compute_units = match meta.compute_units_consumed {
        OptionSerializer::Some(units) => units,
        OptionSerializer::None | OptionSerializer::Skip => 0,
    };
    Some(TransactionRecord {
        signature,
        slot: found.slot,
        block_time: found.block_time,
        error: meta.err.map(Into::into),
        logs,
        compute_units,
        fee: meta.fee,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_websocket_url_follows_from_the_url() {
        let derived = |url: &str| RpcChain::new(url, None, CommitmentLevel::Confirmed).unwrap().websocket_url;
        assert_eq!(derived("http://127.0.0.1:8899"), "ws://127.0.0.1:8900");
        assert_eq!(derived("https://api.devnet.solana.com"), "wss://api.devnet.solana.com");
        assert_eq!(derived("https://node.example:8443/key?a=b"), "wss://node.example:8444/key?a=b");
    }

    #[test]
    fn the_websocket_of_a_url_with_a_query_a_password_or_its_default_port_is_at_the_same_host() {
        let derived = |url: &str| RpcChain::new(url, None, CommitmentLevel::Confirmed).unwrap().websocket_url;
        for (url, websocket) in [
            // Without a path, the port and the query are one piece of text.
            ("http://127.0.0.1:8899?api-key=a", "ws://127.0.0.1:8900/?api-key=a"),
            ("http://127.0.0.1:8899?time=10:8899", "ws://127.0.0.1:8900/?time=10:8899"),
            ("https://node.example:443/key?a=b", "wss://node.example/key?a=b"),
            ("http://node.example:80", "ws://node.example"),
            ("HTTP://LOCALHOST:8899/", "ws://localhost:8900"),
            (" http://localhost:8899\n", "ws://localhost:8900"),
            ("http://user:pass@10.0.0.1:8899", "ws://user:pass@10.0.0.1:8900"),
            ("http://[::1]:8899", "ws://[::1]:8900"),
            ("http://[::1]", "ws://[::1]"),
            ("http://127.0.0.1:65535", "ws://127.0.0.1:65535"),
        ] {
            assert_eq!(derived(url), websocket, "{url:?}");
        }
    }

    #[test]
    fn what_is_not_a_url_is_refused_by_name() {
        for (wrong, shown) in [
            ("", "\"\""),
            ("localhost:8899", "\"localhost:8899\""),
            ("ftp://a", "\"ftp://a\""),
            ("http://", "\"http://\""),
            ("devnet", "\"devnet\""),
            ("http:localhost", "\"http:localhost\""),
            ("http:///localhost", "\"http://\""),
            ("http://local host:8899", "\"http://local host:8899\""),
            ("http://localhost:99999/a", "\"http://localhost:99999\""),
            ("http://[::1", "\"http://[::1\""),
            ("rpc.example.org/?key=SECRET", "\"rpc.example.org\""),
        ] {
            let refused = RpcChain::new(wrong, None, CommitmentLevel::Confirmed).err().unwrap().to_string();
            assert!(refused.contains(shown), "{refused}");
        }
        for wrong in ["", "localhost:8900", "http://localhost:8900", "ws://"] {
            let chain = RpcChain::new("http://localhost:8899", Some(wrong), CommitmentLevel::Confirmed);
            let refused = chain.err().unwrap().to_string();
            assert!(refused.contains(wrong) && refused.contains("websocket"), "{refused}");
        }
    }
}
