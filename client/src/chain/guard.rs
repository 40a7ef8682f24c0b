//! Checks a node's answers before anything else uses them. It refuses redirections, endless answers, answers that are none of
//! JSON-RPC, accounts that were not asked for, and numbers that no chain has.

use {
    super::{AccountFilter, ChainClock, RecentBlockhash},
    crate::{
        error::{Error, NoAnswer, RateLimited, Result},
        quantity::count,
        text::clipped,
    },
    async_trait::async_trait,
    base64::{Engine, prelude::BASE64_STANDARD},
    http_body_util::{BodyExt, Limited},
    reqwest::{Body, Request, Response},
    reqwest_middleware::{Middleware, Next},
    serde_json::Value,
    solana_account::Account,
    solana_account_decoder_client_types::{UiAccount, UiAccountData, UiAccountEncoding},
    solana_address::Address,
    solana_rpc_client::http_sender::HttpSender,
    solana_sdk_ids::sysvar,
    std::{collections::HashSet, time::Duration},
};

/// Longest answer, in bytes: a hundred thousand offers.
const ANSWER_BYTES: usize = 128 << 20;
/// Longest answer that is looked into for what a node says instead of a result, in bytes.
const SAID_BYTES: usize = 4 << 10;
/// Longest part of it that is shown, in characters.
const SAID_CHARACTERS: usize = 300;
/// Highest rent that is believed, in lamports per byte: twice that of every network.
const MOST_RENT_PER_BYTE: u64 = 2 * 6_960;
/// Bytes that every account pays rent for besides its data.
const RENT_OVERHEAD: u64 = 128;
/// Longest wait, of all that a node asks for before it answers one request. Longer ones are told instead of obeyed.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// Shortest wait before a request that a node refused is sent again.
const LEAST_WAIT: Duration = Duration::from_millis(500);
/// 9999-12-31T23:59:59Z.
pub(super) const LAST_SECOND: i64 = 253_402_300_799;
/// Higher than any slot or block height: four thousand million years of slots.
const MOST_SLOTS: u64 = 1 << 60;

/// Sends requests to the node at a URL. Refuses long answers and redirections.
pub(super) fn sender(url: &str, timeout: Duration) -> Result<HttpSender> {
    let client = reqwest::Client::builder()
        .default_headers(HttpSender::default_headers())
        .timeout(timeout)
        .pool_idle_timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| Error::Invalid(format!("no request can be made ({error}); check the system's TLS setup")))?;
    let guarded = reqwest_middleware::ClientBuilder::new(client).with(Guard).build();
    Ok(HttpSender::new_with_client_with_middleware(url, guarded))
}

struct Guard;

#[async_trait]
impl Middleware for Guard {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let refuse = |cause: String| Err(reqwest_middleware::Error::middleware(std::io::Error::other(cause)));
        let response = run_within_limits(request, extensions, next).await?;
        let status = response.status();
        // A redirection would send the request to another node.
        if !status.is_success() && !status.is_client_error() && !status.is_server_error() {
            let place = response.headers().get("location").and_then(|place| place.to_str().ok()).unwrap_or("nowhere");
            return refuse(format!("it answers with status {} and points to {place:?}", status.as_u16()));
        }
        if let Some(length) = response.content_length().filter(|length| *length > ANSWER_BYTES as u64) {
            return refuse(format!("its answer has {length} bytes, and at most {ANSWER_BYTES} are read"));
        }
        // The sender waits by itself where a node limits requests.
        if status == http::StatusCode::TOO_MANY_REQUESTS {
            return Ok(response);
        }
        let (head, body) = http::Response::<Body>::from(response).into_parts();
        let longest = if status.is_success() { ANSWER_BYTES } else { SAID_BYTES };
        let read = Limited::new(body, longest).collect().await;
        let bytes = match read {
            Ok(read) => Some(read.to_bytes()),
            // What it says besides is not known then.
            Err(_) if !status.is_success() => None,
            Err(error) => {
                return match error.downcast::<reqwest::Error>() {
                    Ok(error) => Err(reqwest_middleware::Error::Reqwest(*error)),
                    Err(error) => refuse(format!("its answer cannot be read: {error}")),
                };
            }
        };
        match bytes {
            Some(bytes) if status.is_success() && !is_without_result(&bytes) => {
                Ok(http::Response::from_parts(head, Body::from(bytes)).into())
            }
            bytes => {
                let said = bytes.and_then(|bytes| said(&bytes));
                Err(reqwest_middleware::Error::middleware(NoAnswer { status, said }))
            }
        }
    }
}

/// Whether an answer is JSON, but has neither a result nor a complete error. Providers answer so to a wrong key or to too many
/// requests, and the RPC client would take it for an empty result. Long answers have something in them.
fn is_without_result(answer: &[u8]) -> bool {
    if answer.len() > SAID_BYTES {
        return false;
    }
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return false };
    let error = &answer["error"];
    let is_error = error["code"].is_i64() && error["message"].is_string();
    !is_error && answer.get("result").is_none()
}

/// What a node says in an answer without a result: the message of an error, or plain text, but no page.
fn said(answer: &[u8]) -> Option<String> {
    let text = str::from_utf8(answer).ok()?.trim();
    let said = match serde_json::from_str::<Value>(text) {
        Ok(answer) => {
            let places = ["/error/message", "/error", "/message"].map(|place| answer.pointer(place));
            let found = places.into_iter().flatten().next()?;
            found.as_str().map_or_else(|| found.to_string(), str::to_owned)
        }
        Err(_) if text.starts_with('<') => return None,
        Err(_) => text.to_owned(),
    };
    (!said.is_empty()).then(|| clipped(said, SAID_CHARACTERS))
}

/// Sends a request, and obeys a node that asks for a short wait. A longer one is told at once: nobody should sit before
/// a silent command.
async fn run_within_limits(
    request: Request,
    extensions: &mut http::Extensions,
    next: Next<'_>,
) -> reqwest_middleware::Result<Response> {
    let mut waited = Duration::ZERO;
    loop {
        let Some(again) = request.try_clone() else {
            return next.run(request, extensions).await;
        };
        let response = next.clone().run(again, extensions).await?;
        let asked = response.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
        let Some(wait_seconds) = asked.filter(|_| response.status().as_u16() == 429) else {
            return Ok(response);
        };
        waited += Duration::from_secs(wait_seconds).max(LEAST_WAIT);
        if waited > MAX_WAIT {
            return Err(reqwest_middleware::Error::middleware(RateLimited { wait_seconds }));
        }
        tokio::time::sleep(Duration::from_secs(wait_seconds).max(LEAST_WAIT)).await;
    }
}

fn refuse_account(address: Address, cause: impl Into<String>) -> Error {
    Error::Decode { kind: "account", address, cause: cause.into() }
}

/// Accepts plain base64 only: compressed data could expand without bound.
fn account(address: Address, account: UiAccount) -> Result<Account> {
    let UiAccount { lamports, data, owner, executable, rent_epoch, space: _ } = account;
    let UiAccountData::Binary(data, UiAccountEncoding::Base64) = data else {
        return Err(refuse_account(address, "the node sent it in an encoding that was not asked for"));
    };
    let data = BASE64_STANDARD.decode(data);
    let data = data.map_err(|error| refuse_account(address, format!("the node sent no base64: {error}")))?;
    let owner = owner.parse().map_err(|_| refuse_account(address, "the node sent no address as its owner"))?;
    Ok(Account { lamports, data, owner, executable, rent_epoch })
}

/// Accepts exactly as many accounts as were asked for.
pub(super) fn accounts(addresses: &[Address], answer: Vec<Option<UiAccount>>) -> Result<Vec<Option<Account>>> {
    if answer.len() != addresses.len() {
        let first = addresses.first().copied().unwrap_or_default();
        let cause =
            format!("the node sent {} where {} were asked for", count(answer.len() as u64, "account"), addresses.len());
        return Err(refuse_account(first, cause));
    }
    let read =
        |(address, found): (&Address, Option<UiAccount>)| found.map(|found| account(*address, found)).transpose();
    addresses.iter().zip(answer).map(read).collect()
}

/// Accepts each account once, and only if it meets the filter.
pub(super) fn program_accounts(
    program: &Address,
    filter: &AccountFilter,
    answer: Vec<(Address, UiAccount)>,
) -> Result<Vec<(Address, Account)>> {
    let mut seen = HashSet::with_capacity(answer.len());
    let read = |(address, found): (Address, UiAccount)| {
        let found = account(address, found)?;
        if !seen.insert(address) {
            return Err(refuse_account(address, "the node sent it twice in one list"));
        }
        if found.owner != *program || !filter.matches(&found.data) {
            return Err(refuse_account(address, "the node sent it in a list that it does not belong to"));
        }
        Ok((address, found))
    };
    answer.into_iter().map(read).collect()
}

/// The clock in its account.
pub(super) fn clock(account: Option<&Account>) -> Result<ChainClock> {
    let address = sysvar::clock::ID;
    let refuse = |cause: String| Error::Decode { kind: "clock", address, cause };
    let Some(account) = account else { return Err(Error::NotFound { kind: "clock", address }) };
    if account.owner != sysvar::ID {
        return Err(refuse(format!("its owner is {}", account.owner)));
    }
    // slot, epoch start, epoch, leader schedule epoch, time: eight bytes each.
    let word = |index: usize| account.data.get(index * 8..index * 8 + 8).and_then(|bytes| bytes.try_into().ok());
    let (Some(slot), Some(time)) = (word(0), word(4)) else {
        return Err(refuse(format!("it has {} bytes", account.data.len())));
    };
    let (slot, unix_timestamp) = (u64::from_le_bytes(slot), i64::from_le_bytes(time));
    if slot > MOST_SLOTS || !(0..=LAST_SECOND).contains(&unix_timestamp) {
        return Err(refuse(format!("slot {slot} and second {unix_timestamp} are of no chain")));
    }
    Ok(ChainClock { slot, unix_timestamp })
}

/// Accepts only a blockhash that expires.
pub(super) fn blockhash(blockhash: RecentBlockhash) -> Result<RecentBlockhash, String> {
    if blockhash.last_valid_block_height > MOST_SLOTS {
        let height = blockhash.last_valid_block_height;
        return Err(format!("the blockhash would be valid up to the block height {height}, which no chain reaches"));
    }
    Ok(blockhash)
}

/// Accepts only a rent that is plausible.
pub(super) fn rent(data_len: usize, lamports: u64) -> Result<u64, String> {
    let most = (data_len as u64).saturating_add(RENT_OVERHEAD).saturating_mul(MOST_RENT_PER_BYTE);
    if lamports > most {
        return Err(format!("{lamports} lamports are no rent for {data_len} bytes, for which {most} are far too many"));
    }
    Ok(lamports)
}
