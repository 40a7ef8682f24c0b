//! A proxy between client and node that fails on command: it loses answers, limits requests, answers garbage, resets
//! connections and drops websockets. Behind it is a real node.

use {
    base64::{Engine as _, prelude::BASE64_STANDARD},
    bytes::Bytes,
    http_body_util::{BodyExt, Full},
    hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn},
    hyper_util::rt::TokioIo,
    multibus_client::Signature,
    serde_json::{Value, json},
    socket2::SockRef,
    std::{
        collections::HashMap,
        convert::Infallible,
        future::pending,
        io,
        sync::{Arc, Mutex, MutexGuard, PoisonError},
        time::Duration,
    },
    tokio::{
        io::{AsyncReadExt, copy_bidirectional},
        net::{TcpListener, TcpStream},
        sync::watch,
        time::sleep,
    },
};

/// What the proxy does to a request.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The node gets it, and the client gets no answer. The connection stays open.
    Unanswered,
    /// The node gets it, and the connection is reset before the answer.
    ResetAfter,
    /// The connection is reset, and the node does not get it.
    ResetBefore,
    /// "429 Too Many Requests".
    TooManyRequests,
    /// "503 Service Unavailable".
    Unavailable,
    /// "200 OK" with an HTML page instead of JSON.
    Garbage,
    /// The answer, cut in the middle.
    Truncated,
    /// The answer comes late.
    Slow(Duration),
    /// A transaction is acknowledged and lost.
    Lost,
    /// A transaction is acknowledged and held back. It reaches the node just before the next one.
    HeldBack,
    /// The node gets it. Its answer and every later one is lost until the proxy is healed.
    LastWords,
    /// The answer is changed on its way.
    Altered(fn(&mut Value)),
}

/// What the proxy does to websockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The connection is closed.
    Closed,
    /// The connection is reset.
    Reset,
    /// Nothing is forwarded any more. The connection stays open.
    Silent,
}

/// A fault, the JSON-RPC method that it happens to, and how often.
struct Rule {
    method: &'static str,
    fault: Fault,
    times: u32,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    asked: HashMap<String, u32>,
    failed: HashMap<String, u32>,
    held_back: Vec<Bytes>,
    refuses_websockets: bool,
    is_dead: bool,
}

struct Shared {
    upstream: String,
    upstream_websocket: String,
    client: reqwest::Client,
    state: Mutex<State>,
    cut: watch::Sender<(u64, Cut)>,
}

/// A proxy that fails on command. It runs until the process ends.
pub struct Proxy {
    /// URL of the node behind it.
    pub url: String,
    /// URL of that node's websocket.
    pub websocket_url: String,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Starts a proxy to the node at a URL, with its websocket.
    ///
    /// # Errors
    /// Where no port of the loopback interface is free.
    pub async fn start(url: &str, websocket_url: &str) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            upstream: url.to_string(),
            upstream_websocket: websocket_url
                .strip_prefix("ws://")
                .ok_or_else(|| io::Error::other(format!("{websocket_url} is no ws:// URL")))?
                .trim_end_matches('/')
                .to_string(),
            client: reqwest::Client::new(),
            state: Mutex::default(),
            cut: watch::Sender::new((0, Cut::Closed)),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let websockets = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let websocket_url = format!("ws://{}", websockets.local_addr()?);
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        let relaying = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = websockets.accept().await {
                tokio::spawn(relaying.clone().relay(stream));
            }
        });
        Ok(Self { url, websocket_url, shared })
    }

    /// Lets a fault happen to the next requests of a method; `*` stands for every method.
    pub fn inject(&self, method: &'static str, fault: Fault, times: u32) {
        self.shared.state().rules.push(Rule { method, fault, times });
    }

    /// Ends all faults: everything is forwarded from now on.
    pub fn heal(&self) {
        let mut state = self.shared.state();
        state.rules.clear();
        state.refuses_websockets = false;
        state.is_dead = false;
    }

    /// How many requests of a method came.
    pub fn asked(&self, method: &str) -> u32 {
        self.shared.state().asked.get(method).copied().unwrap_or_default()
    }

    /// How many requests of a method failed by a fault.
    pub fn failed(&self, method: &str) -> u32 {
        self.shared.state().failed.get(method).copied().unwrap_or_default()
    }

    /// Cuts every websocket that is open now.
    pub fn cut_websockets(&self, cut: Cut) {
        self.shared.cut.send_modify(|(number, how)| (*number, *how) = (*number + 1, cut));
    }

    /// Refuses new websockets until the proxy [heals](Self::heal).
    pub fn refuse_websockets(&self) {
        self.shared.state().refuses_websockets = true;
    }
}

/// Ends a connection with a reset.
#[derive(Debug)]
struct ResetConnection;

impl std::fmt::Display for ResetConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is to be reset")
    }
}

impl std::error::Error for ResetConnection {}

type Answer = Result<Response<Full<Bytes>>, ResetConnection>;

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves the requests of one connection.
    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(|request| self.clone().answer(request));
        let Ok((io, socket)) = with_handle(stream) else { return };
        let ended = http1::Builder::new().serve_connection(TokioIo::new(io), service).await;
        if ended.is_err() {
            // This is the last handle to the socket. Without lingering, dropping it resets the connection.
            let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let Ok(body) = request.into_body().collect().await else { return Err(ResetConnection) };
        let body = body.to_bytes();
        let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        let method = asked["method"].as_str().unwrap_or_default().to_string();
        match self.fault_for(&method) {
            None => {
                let answer = self.forward_in_order(&method, body).await;
                if self.state().is_dead { Err(ResetConnection) } else { answer }
            }
            Some(Fault::Unanswered) => {
                let _ = self.forward_in_order(&method, body).await;
                match pending::<Infallible>().await {}
            }
            Some(Fault::ResetAfter) => {
                let _ = self.forward_in_order(&method, body).await;
                Err(ResetConnection)
            }
            Some(Fault::ResetBefore) => Err(ResetConnection),
            Some(Fault::LastWords) => {
                // First of all: whoever asks while the node executes it would hear what became of it.
                self.state().is_dead = true;
                let _ = self.forward_in_order(&method, body).await;
                Err(ResetConnection)
            }
            Some(Fault::TooManyRequests) => {
                let mut answer = plain(StatusCode::TOO_MANY_REQUESTS, "slow down");
                answer.headers_mut().insert("retry-after", hyper::header::HeaderValue::from_static("0"));
                Ok(answer)
            }
            Some(Fault::Unavailable) => Ok(plain(StatusCode::SERVICE_UNAVAILABLE, "no backend")),
            Some(Fault::Garbage) => Ok(plain(StatusCode::OK, "<html><body>Welcome to our Wi-Fi!</body></html>")),
            Some(Fault::Truncated) => {
                let answer = self.forward(body).await?.into_body().collect().await.map_err(|_| ResetConnection)?;
                let answer = answer.to_bytes();
                Ok(json_response(answer.slice(..answer.len() / 2)))
            }
            Some(Fault::Slow(delay)) => {
                sleep(delay).await;
                self.forward_in_order(&method, body).await
            }
            Some(Fault::Lost) => Ok(acknowledged(&asked)),
            Some(Fault::HeldBack) => {
                self.state().held_back.push(body);
                Ok(acknowledged(&asked))
            }
            Some(Fault::Altered(alter)) => {
                let answer = self.forward(body).await?.into_body().collect().await.map_err(|_| ResetConnection)?;
                let mut answer: Value = serde_json::from_slice(&answer.to_bytes()).map_err(|_| ResetConnection)?;
                alter(&mut answer);
                Ok(json_response(answer.to_string().into()))
            }
        }
    }

    /// Counts the request, and returns the fault that happens to it.
    fn fault_for(&self, method: &str) -> Option<Fault> {
        let mut state = self.state();
        *state.asked.entry(method.to_string()).or_default() += 1;
        if state.is_dead {
            return Some(Fault::ResetBefore);
        }
        let rule =
            state.rules.iter_mut().find(|rule| rule.times > 0 && (rule.method == method || rule.method == "*"))?;
        rule.times -= 1;
        let fault = rule.fault;
        *state.failed.entry(method.to_string()).or_default() += 1;
        Some(fault)
    }

    /// Forwards a request. Transactions that were held back go before a new one.
    async fn forward_in_order(&self, method: &str, body: Bytes) -> Answer {
        if method == "sendTransaction" {
            let held_back = std::mem::take(&mut self.state().held_back);
            for earlier in held_back {
                self.forward(earlier).await?;
            }
        }
        self.forward(body).await
    }

    async fn forward(&self, body: Bytes) -> Answer {
        let request = self.client.post(&self.upstream).header("content-type", "application/json").body(body);
        // Where the node is gone, the client sees what it would see without the proxy: the connection breaks.
        let response = request.send().await.map_err(|_| ResetConnection)?;
        let status = response.status();
        let body = response.bytes().await.map_err(|_| ResetConnection)?;
        let mut answer = json_response(body);
        *answer.status_mut() = status;
        Ok(answer)
    }

    /// Relays one websocket in both directions until it is cut.
    async fn relay(self: Arc<Self>, stream: TcpStream) {
        if self.state().refuses_websockets {
            return;
        }
        let mut cut = self.cut.subscribe();
        cut.mark_unchanged();
        let Ok(mut upstream) = TcpStream::connect(&self.upstream_websocket).await else { return };
        let Ok((mut stream, socket)) = with_handle(stream) else { return };
        tokio::select! {
            _ = copy_bidirectional(&mut stream, &mut upstream) => {}
            Ok(()) = cut.changed() => {
                let how = cut.borrow().1;
                match how {
                    Cut::Closed => {}
                    Cut::Reset => {
                        let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
                    }
                    Cut::Silent => {
                        drop(upstream);
                        let mut unheard = [0; 1024];
                        while stream.read(&mut unheard).await.is_ok_and(|read| read > 0) {}
                    }
                }
            }
        }
    }
}

/// A stream, and a second handle to its socket.
fn with_handle(stream: TcpStream) -> io::Result<(TcpStream, std::net::TcpStream)> {
    let stream = stream.into_std()?;
    let handle = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, handle))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}

fn json_response(body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response
}

/// What a node answers when it accepts a transaction: its first signature.
fn acknowledged(asked: &Value) -> Response<Full<Bytes>> {
    let encoded = asked["params"][0].as_str().unwrap_or_default();
    let bytes = BASE64_STANDARD.decode(encoded).unwrap_or_default();
    // One byte counts the signatures.
    let signature = bytes.get(1..65).and_then(|bytes| Signature::try_from(bytes).ok()).unwrap_or_default();
    json_response(json!({ "jsonrpc": "2.0", "id": asked["id"], "result": signature.to_string() }).to_string().into())
}
