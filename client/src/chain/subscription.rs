//! A subscription to logs that survives a broken connection. When the connection breaks or falls silent, the history of
//! the address gives what was missed. Every transaction is sent once. Where the user's proxy stands before the node, the
//! history alone is read, because the connection would go past the proxy; and where the node takes no connection at the URL
//! that follows from its own.

use {
    super::{Chain, HistoryPages, LogsNotification, SignatureInfo},
    crate::{
        error::{Error, Result},
        text::hosts_only,
    },
    futures_util::{StreamExt, TryStreamExt, stream},
    hyper_util::client::proxy::matcher::Matcher,
    solana_address::Address,
    solana_commitment_config::CommitmentConfig,
    solana_pubsub_client::nonblocking::pubsub_client::PubsubClient,
    solana_rpc_client_api::config::{RpcTransactionLogsConfig, RpcTransactionLogsFilter},
    solana_signature::Signature,
    std::{
        collections::{HashMap, VecDeque},
        time::{Duration, Instant},
    },
    tokio::{
        sync::{mpsc::UnboundedSender, oneshot},
        time::{sleep, sleep_until, timeout},
    },
};

/// Wait before a broken connection is made again.
const RECONNECT_DELAY: Duration = Duration::from_millis(300);
/// How long connecting may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After connecting, the history is read a second time, because a node lists what it just executed a little late.
const SECOND_LOOK: Duration = Duration::from_secs(4);
/// How long the history may lag behind the connection, just after connecting.
const LISTED_WITHIN: Duration = Duration::from_secs(2);
/// Wait before the history is read again for what it did not list.
const LIST_AGAIN: Duration = Duration::from_millis(100);
/// After this time without a message the history is read, because a dead connection looks like a quiet one.
const SILENCE: Duration = Duration::from_secs(10);
/// Transactions of this age were sent already. The history is not searched for them any more.
const OVERLAP: Duration = Duration::from_secs(20);
/// Most transactions that are read from the history at once.
const MISSED_AT_MOST: usize = 1_000_000;
/// Time between two readings of the history where no websocket is used.
const POLL: Duration = Duration::from_secs(1);
/// Transactions whose logs are read at once.
const READ_AT_ONCE: usize = 8;

/// What was sent already, so that nothing is sent twice and nothing is missed.
#[derive(Default)]
struct Told {
    /// Everything in slots below this one was sent, or happened before the subscription.
    floor: u64,
    /// What was sent of slots from the floor on, with its slot.
    seen: HashMap<Signature, u64>,
    newest: u64,
    /// The newest slots at earlier times, oldest first. The floor follows them.
    marks: VecDeque<(Instant, u64)>,
}

impl Told {
    /// Starts after an address's newest transactions, which `recent` lists newest first. If the address has more, the
    /// slot of the last one may hold some that are not listed, so the floor is above it.
    fn after(recent: &[SignatureInfo], are_all: bool) -> Self {
        let newest = recent.first().map_or(0, |info| info.slot);
        let floor = match recent.last() {
            Some(oldest) if !are_all => oldest.slot.saturating_add(1),
            _ => 0,
        };
        let seen = recent.iter().map(|info| (info.signature, info.slot)).collect();
        Self { floor, seen, newest, marks: VecDeque::new() }
    }

    /// Whether a transaction must be sent. It then counts as sent.
    fn is_new(&mut self, signature: Signature, slot: u64, now: Instant) -> bool {
        if slot < self.floor || self.seen.insert(signature, slot).is_some() {
            return false;
        }
        self.newest = self.newest.max(slot);
        if self.marks.back().is_none_or(|(at, _)| now.duration_since(*at) > OVERLAP / 20) {
            self.marks.push_back((now, self.newest));
        }
        let mut floor = self.floor;
        while let Some((at, slot)) = self.marks.front().copied()
            && now.duration_since(at) > OVERLAP
        {
            floor = slot;
            self.marks.pop_front();
        }
        if floor > self.floor {
            self.floor = floor;
            self.seen.retain(|_, slot| *slot >= floor);
        }
        true
    }
}

/// Whether the user sends requests to this host through a proxy, by `http_proxy`, `https_proxy`, `all_proxy` and
/// `no_proxy`. A websocket would go past it.
pub(super) fn is_behind_proxy(websocket_url: &str) -> bool {
    // `ws` becomes `http` and `wss` becomes `https`, for which the variables are meant.
    let requested = websocket_url.replacen("ws", "http", 1);
    requested.parse().is_ok_and(|uri| Matcher::from_env().intercept(&uri).is_some())
}

/// Why listening ended.
enum End {
    /// The receiver is gone.
    Unwanted,
    /// The connection broke, or the node does not answer.
    Broken(Error),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

/// Where a subscription listens, and how.
pub(super) struct Websocket {
    pub url: String,
    /// Whether the user named it. One that was derived may lead nowhere.
    pub is_named: bool,
    /// The node's RPC URL, for errors.
    pub rpc_url: String,
    pub commitment: CommitmentConfig,
    /// How long the node may be out of reach.
    pub patience: Duration,
}

/// One subscription: reads the chain over RPC, listens on a websocket, and sends each transaction once.
pub(super) struct Subscription<C> {
    chain: C,
    websocket: Websocket,
    mentions: Address,
    told: Told,
    listener: UnboundedSender<Result<LogsNotification>>,
    /// Since when neither the websocket nor RPC has worked.
    failing_since: Option<Instant>,
    /// Whether the history alone is read.
    is_polling: bool,
}

impl<C: Chain> Subscription<C> {
    pub fn new(
        chain: C,
        websocket: Websocket,
        mentions: Address,
        listener: UnboundedSender<Result<LogsNotification>>,
    ) -> Self {
        let is_polling = is_behind_proxy(&websocket.url);
        Self { chain, websocket, mentions, told: Told::default(), listener, failing_since: None, is_polling }
    }

    /// Sends every transaction from now on until the receiver is gone. If the node is out of reach for longer than the
    /// chain's patience, the last item is the error. `ready` gets whether it began.
    pub async fn run(mut self, ready: oneshot::Sender<Result<()>>) {
        match self.chain.signatures_for(&self.mentions, None, HistoryPages::LENGTH).await {
            Ok(recent) => self.told = Told::after(&recent, recent.len() < HistoryPages::LENGTH),
            Err(error) => {
                // The receiver is gone if the caller no longer waits.
                let _ = ready.send(Err(error));
                return;
            }
        }
        let mut ready = Some(ready);
        loop {
            let error = match self.listen(&mut ready).await {
                Ok(()) | Err(End::Unwanted) => return,
                Err(End::Broken(error)) => error,
            };
            if let Some(ready) = ready.take() {
                let _ = ready.send(Err(error));
                return;
            }
            let since = *self.failing_since.get_or_insert_with(Instant::now);
            if since.elapsed() > self.websocket.patience {
                let _ = self.listener.send(Err(error));
                return;
            }
            tokio::select! {
                () = self.listener.closed() => return,
                () = sleep(RECONNECT_DELAY) => {}
            }
        }
    }

    fn broken(&self, cause: impl ToString) -> End {
        End::Broken(Error::Rpc {
            action: "subscribing to logs",
            url: hosts_only(&self.websocket.url),
            cause: hosts_only(&cause.to_string()),
            remedy: "check the websocket URL, or name it explicitly",
            transient: true,
        })
    }

    /// Sends what happens, by a websocket where one can reach the node.
    async fn listen(&mut self, ready: &mut Option<oneshot::Sender<Result<()>>>) -> Result<(), End> {
        if !self.is_polling {
            match self.listen_live(ready).await {
                // It never worked. The node may serve websockets elsewhere, or none.
                Err(End::Broken(_)) if ready.is_some() && !self.websocket.is_named => self.is_polling = true,
                end => return end,
            }
        }
        self.poll(ready).await
    }

    /// Reads the history again and again, until the node does not answer.
    async fn poll(&mut self, ready: &mut Option<oneshot::Sender<Result<()>>>) -> Result<(), End> {
        loop {
            self.catch_up().await?;
            self.failing_since = None;
            if let Some(ready) = ready.take() {
                let _ = ready.send(Ok(()));
            }
            tokio::select! {
                () = self.listener.closed() => return Err(End::Unwanted),
                () = sleep(POLL) => {}
            }
        }
    }

    /// Connects, sends what was missed and then what happens, until the connection breaks.
    async fn listen_live(&mut self, ready: &mut Option<oneshot::Sender<Result<()>>>) -> Result<(), End> {
        let connecting = timeout(CONNECT_TIMEOUT, PubsubClient::new(self.websocket.url.clone())).await;
        let client = match connecting {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(self.broken(error)),
            Err(_) => return Err(self.broken("the node did not answer in time")),
        };
        let filter = RpcTransactionLogsFilter::Mentions(vec![self.mentions.to_string()]);
        let config = RpcTransactionLogsConfig { commitment: Some(self.websocket.commitment) };
        let (mut stream, _unsubscribe) = match timeout(CONNECT_TIMEOUT, client.logs_subscribe(filter, config)).await {
            Ok(Ok(subscription)) => subscription,
            Ok(Err(error)) => return Err(self.broken(error)),
            Err(_) => return Err(self.broken("the node did not answer in time")),
        };
        // Messages wait in the stream until what was missed is sent.
        self.catch_up().await?;
        self.failing_since = None;
        if let Some(ready) = ready.take() {
            let _ = ready.send(Ok(()));
        }
        let mut second_look = Some(Instant::now() + SECOND_LOOK);
        let mut heard_at = Instant::now();
        loop {
            let look_at = second_look.unwrap_or(heard_at + SILENCE);
            tokio::select! {
                () = self.listener.closed() => return Err(End::Unwanted),
                response = stream.next() => {
                    let Some(response) = response else { return Err(self.broken("the connection closed")) };
                    heard_at = Instant::now();
                    let Ok(signature) = response.value.signature.parse() else { continue };
                    let slot = response.context.slot;
                    if second_look.is_some() && slot >= self.told.floor {
                        self.catch_up_to(&signature).await?;
                    }
                    if self.told.is_new(signature, slot, heard_at) {
                        let error = response.value.err.map(Into::into);
                        self.tell(LogsNotification { signature, slot, error, logs: response.value.logs })?;
                    }
                }
                () = sleep_until(look_at.into()) => {
                    let missed = self.catch_up().await?;
                    // A transaction found by the second reading may still arrive on the connection. One found after a
                    // silence should have arrived.
                    if second_look.take().is_none() && missed > 0 {
                        return Err(self.broken("the connection was silent while transactions landed"));
                    }
                    heard_at = Instant::now();
                }
            }
        }
    }

    /// Reads the history until it lists a transaction that the connection brought. A node may list late what it
    /// executed just before, and that must be sent first.
    async fn catch_up_to(&mut self, heard: &Signature) -> Result<(), End> {
        let heard_at = Instant::now();
        while !self.told.seen.contains_key(heard) && heard_at.elapsed() < LISTED_WITHIN {
            self.catch_up().await?;
            if !self.told.seen.contains_key(heard) {
                sleep(LIST_AGAIN).await;
            }
        }
        Ok(())
    }

    /// Sends what the history has and the connection did not bring, oldest first. Returns how many.
    async fn catch_up(&mut self) -> Result<usize, End> {
        let mut missed = Vec::new();
        let mut pages = HistoryPages::new(&self.chain, &self.mentions, MISSED_AT_MOST);
        while let Some(page) = pages.next().await? {
            let is_last = page.last().is_some_and(|info| info.slot < self.told.floor);
            let told = &self.told;
            missed.extend(
                page.into_iter().filter(|info| info.slot >= told.floor && !told.seen.contains_key(&info.signature)),
            );
            if is_last {
                break;
            }
        }
        missed.reverse();
        let read = |info: SignatureInfo| {
            let (chain, websocket) = (&self.chain, &self.websocket);
            async move {
                let logs = match chain.transaction(&info.signature).await? {
                    Some(record) => record.logs,
                    // A failed transaction changed nothing, so its logs are not needed.
                    None if info.error.is_some() => Vec::new(),
                    None => {
                        return Err(Error::Rpc {
                            action: "reading what a broken subscription missed",
                            url: hosts_only(&websocket.rpc_url),
                            cause: format!("the node lists the transaction {} and does not serve it", info.signature),
                            remedy: "use a node that keeps transactions",
                            transient: true,
                        });
                    }
                };
                Ok(LogsNotification { signature: info.signature, slot: info.slot, error: info.error, logs })
            }
        };
        let count = missed.len();
        let notifications: Vec<LogsNotification> =
            stream::iter(missed.into_iter().map(read)).buffered(READ_AT_ONCE).try_collect().await?;
        for notification in notifications {
            if self.told.is_new(notification.signature, notification.slot, Instant::now()) {
                self.tell(notification)?;
            }
        }
        Ok(count)
    }

    fn tell(&self, notification: LogsNotification) -> Result<(), End> {
        self.listener.send(Ok(notification)).map_err(|_| End::Unwanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(number: u8, slot: u64) -> SignatureInfo {
        SignatureInfo { signature: signature(number), slot, block_time: None, error: None }
    }

    fn signature(number: u8) -> Signature {
        Signature::from([number; 64])
    }

    #[test]
    fn what_came_before_the_subscription_is_not_told() {
        let now = Instant::now();
        let recent = [info(3, 12), info(2, 12), info(1, 10)];
        let mut all = Told::after(&recent, true);
        assert!(!all.is_new(signature(2), 12, now));
        // Another transaction of the same slot, and one that the node lists late.
        assert!(all.is_new(signature(4), 12, now) && all.is_new(signature(5), 11, now));
        let mut some = Told::after(&recent, false);
        assert!(!some.is_new(signature(6), 10, now), "older ones than those that are listed are not told");
        assert!(some.is_new(signature(7), 11, now));
        assert!(Told::after(&[], true).is_new(signature(8), 0, now));
    }

    #[test]
    fn each_transaction_is_told_once_and_forgotten_in_time() {
        let start = Instant::now();
        let mut told = Told::after(&[], true);
        for second in 0..200u64 {
            let now = start + Duration::from_secs(second);
            assert!(told.is_new(signature(second as u8), second * 2, now));
            assert!(!told.is_new(signature(second as u8), second * 2, now));
            // A new connection repeats what is a few seconds old.
            if second > 10 {
                let earlier = second - 10;
                assert!(!told.is_new(signature(earlier as u8), earlier * 2, now));
            }
        }
        assert!(told.seen.len() < 30, "{} are remembered", told.seen.len());
        assert!(told.floor > 300);
    }
}
