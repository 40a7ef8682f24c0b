//! Values as people type them: energy, money, times, shares, addresses. All exact: nothing here is a float.

pub use multibus_client::quantity::count;
use {
    clap::ValueEnum,
    jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp},
    multibus_client::{bus::ListingPolicy, offer::EnergySource, terms::Terms},
    solana_address::Address,
    std::{fmt, str::FromStr},
};

/// A decimal number of `text` scaled by `10^scale`, exactly.
///
/// # Errors
/// A sentence where it is not a plain decimal number, has more than `scale` decimals, or does not fit 64 bits.
fn parse_scaled(text: &str, scale: usize) -> Result<u64, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let ends_in_point = text.ends_with('.');
    if whole.is_empty() || !digits(whole) || !digits(fraction) || ends_in_point {
        return Err(format!("'{text}' is not a plain decimal number; write digits such as 1500 or 1.5"));
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > scale {
        return Err(format!("{text} has {} decimals, at most {scale} are exact here", fraction.len()));
    }
    format!("{whole}{fraction}{}", "0".repeat(scale - fraction.len()))
        .parse()
        .map_err(|_| format!("{text} is too large for 64 bits; give a smaller amount"))
}

/// Writes `value / 10^scale` exactly, without trailing zeros.
pub fn format_scaled(value: u64, scale: usize) -> String {
    let digits = format!("{value:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// Splits a number from the unit behind it.
fn split_unit(text: &str) -> (&str, &str) {
    let end = text.rfind(|c: char| c.is_ascii_digit() || c == '.').map_or(0, |at| at + 1);
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

/// An amount of energy, at least 1 Wh: `1500`, `1500Wh`, `1.5kWh` or `0.0015MWh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Energy {
    pub wh: u64,
}

impl FromStr for Energy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<MeasuredEnergy>()? {
            MeasuredEnergy { wh: 0 } => Err("the energy is 0 Wh; give at least 1 Wh".to_owned()),
            MeasuredEnergy { wh } => Ok(Self { wh }),
        }
    }
}

/// What a meter counted, which can be nothing: `0`, `1500`, `1500Wh` or `1.5kWh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasuredEnergy {
    pub wh: u64,
}

impl FromStr for MeasuredEnergy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        // Capital M is mega, small m is milli: 5 mWh must never be bought as 5 MWh. Other letters mean one thing in either case.
        let scale = match unit.to_ascii_lowercase().as_str() {
            "" if number.contains('.') => {
                return Err(format!(
                    "{text} is not a whole number of Wh; write Wh such as 1500, or name the unit, 1.5kWh"
                ));
            }
            "" | "wh" => 0,
            "kwh" => 3,
            "mwh" if unit.starts_with('M') => 6,
            "mwh" => {
                return Err(format!(
                    "the unit '{unit}' means a thousandth of a Wh, less than the market trades; write {number}MWh if \
                     megawatt-hours are meant"
                ));
            }
            _ => return Err(format!("the unit '{unit}' is unknown; use Wh, kWh or MWh, such as 1500Wh or 1.5kWh")),
        };
        parse_scaled(number, scale).map(|wh| Self { wh })
    }
}

/// The most that a device can deliver: `5000`, `5000W`, `5kW` or `1.2MW`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Power {
    pub w: u64,
}

impl FromStr for Power {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        let scale = match unit.to_ascii_lowercase().as_str() {
            "" if number.contains('.') => {
                return Err(format!(
                    "{text} is not a whole number of W; write W such as 5000, or name the unit, 5.5kW"
                ));
            }
            "" | "w" => 0,
            "kw" => 3,
            "mw" if unit.starts_with('M') => 6,
            "mw" => {
                return Err(format!(
                    "the unit '{unit}' means a thousandth of a W, less than any meter of the market; write {number}MW if \
                     megawatts are meant"
                ));
            }
            _ => return Err(format!("the unit '{unit}' is unknown; use W, kW or MW, such as 5000W or 5.5kW")),
        };
        match parse_scaled(number, scale)? {
            0 => Err("the power is 0 W; give at least 1 W".to_owned()),
            w => Ok(Self { w }),
        }
    }
}

/// Writes a power: `750 W`, `5.5 kW`.
pub fn format_power(w: u64) -> String {
    if w < 1_000 { format!("{w} W") } else { format!("{} kW", format_scaled(w, 3)) }
}

/// Writes an amount of energy: `750 Wh`, `1.5 kWh`.
pub fn format_energy(wh: u64) -> String {
    if wh < 1_000 { format!("{wh} Wh") } else { format!("{} kWh", format_scaled(wh, 3)) }
}

/// An amount of the settlement token: an integer of base units (`250000`), or whole tokens (`0.25tokens`), whose
/// base units depend on the mint's decimals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    BaseUnits(u64),
    /// Decimal number of whole tokens, checked to be one.
    Tokens(String),
}

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        match unit.to_ascii_lowercase().as_str() {
            "" if number.contains('.') => Err(format!(
                "{text} is not a whole number of base units; write base units such as 250000, or whole tokens with \
                 their unit, {number}tokens"
            )),
            "" => parse_scaled(number, 0).map(Self::BaseUnits),
            "token" | "tokens" => {
                // u8::MAX decimals are never exact, so only the form is checked here.
                let decimals = number.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                parse_scaled(number, decimals)?;
                Ok(Self::Tokens(number.to_owned()))
            }
            _ => Err(format!(
                "the unit '{unit}' is unknown; write base units such as 250000, or whole tokens such as 0.25tokens"
            )),
        }
    }
}

impl Amount {
    /// Base units of the amount, where the mint has that many decimals.
    ///
    /// # Errors
    /// A sentence where the token cannot be divided that finely, or the amount exceeds 64 bits.
    pub fn base_units(&self, decimals: u8) -> Result<u64, String> {
        match self {
            Self::BaseUnits(units) => Ok(*units),
            Self::Tokens(number) => parse_scaled(number, decimals as usize)
                .map_err(|error| format!("{error}; the settlement token has {decimals} decimals")),
        }
    }
}

/// 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

/// A moment: unix seconds, RFC 3339, or `+15m` from the chain's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Unix seconds.
    At(i64),
    /// Seconds after the chain's present time.
    In(i64),
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "write unix seconds, a time such as 2027-01-31T10:15:00Z, or a wait such as +15m";
        if let Some(wait) = text.strip_prefix('+') {
            return Ok(Self::In(i64::from(Seconds::from_str(wait)?.0)));
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return match text.parse() {
                Ok(0) => Err(format!("0 is not a time; {form}")),
                Ok(moment @ ..=LAST_SECOND) => Ok(Self::At(moment)),
                Ok(milliseconds) if milliseconds / 1_000 <= LAST_SECOND => Err(format!(
                    "{text} is later than the year 9999; where it counts milliseconds, write the seconds: {}",
                    milliseconds / 1_000
                )),
                _ => Err(format!("{text} is too late a time; {form}")),
            };
        }
        match text.parse::<Timestamp>() {
            Ok(moment) if moment.as_second() > 0 => Ok(Self::At(moment.as_second())),
            _ => Err(format!("'{text}' is not a time; {form}")),
        }
    }
}

impl Time {
    /// Unix seconds, where the chain's clock says `now`.
    pub fn unix_seconds(self, now: i64) -> i64 {
        match self {
            Self::At(moment) => moment,
            Self::In(seconds) => now.saturating_add(seconds),
        }
    }
}

/// End of an offer's trading: a time, or the latest that its bus allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    Latest,
    Time(Time),
}

impl FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "latest" => Ok(Self::Latest),
            "never" | "none" | "0" => Err(format!(
                "'{text}': every offer expires; write 'latest' for the gate of its window or the bus's horizon, \
                 whichever comes first"
            )),
            _ => text.parse().map(Self::Time).map_err(|error| format!("{error}; or 'latest'")),
        }
    }
}

impl Expiry {
    /// Unix seconds, where the chain's clock says `now`; 0 for the latest.
    pub fn unix_seconds(self, now: i64) -> i64 {
        match self {
            Self::Latest => 0,
            Self::Time(time) => time.unix_seconds(now),
        }
    }
}

/// Writes unix seconds as RFC 3339 in UTC.
pub fn format_time(unix_seconds: i64) -> String {
    match Timestamp::from_second(unix_seconds) {
        Ok(moment) => moment.to_string(),
        Err(_) => format!("{unix_seconds} s"),
    }
}

/// Writes a length of time as it can be typed: `0s`, `90s` as `1m 30s`, `1d 2h`.
pub fn format_duration(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (length, unit) in units {
        if left >= length {
            parts.push(format!("{}{unit}", left / length));
            left %= length;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

/// Writes an amount of a token: in whole tokens where its decimals are known, else in base units.
pub fn format_amount(base_units: u64, mint_decimals: Option<u8>) -> String {
    match mint_decimals {
        Some(decimals) => format!("{} tokens", format_scaled(base_units, decimals.into())),
        None => count(base_units, "base unit"),
    }
}

/// Writes a share: `12.5 %`.
pub fn format_share(bps: u16) -> String {
    format!("{} %", format_scaled(u64::from(bps), 2))
}

/// Name of a source as the chain has it.
pub fn source_name(source: u8) -> String {
    match EnergySource::try_from(source) {
        Ok(source) => format!("{source:?}").to_lowercase(),
        Err(unknown) => format!("source {unknown}"),
    }
}

/// A delivery window by its start: a time, or the next one that still trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    Next,
    Start(Time),
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "next" => Ok(Self::Next),
            _ => match text.parse::<Time>() {
                Ok(start) => Ok(Self::Start(start)),
                Err(error) => Err(format!("{error}; or 'next' for the next window that trades")),
            },
        }
    }
}

impl Window {
    /// Start of the window in unix seconds, under terms that have windows: relative times and `next` round up to a window that
    /// still trades.
    ///
    /// # Errors
    /// A sentence naming the neighbouring starts where a given time is not the start of a window.
    pub fn start(self, now: i64, terms: &Terms) -> Result<i64, String> {
        let Terms { window_seconds, gate_closure_seconds, .. } = *terms;
        let length = i64::from(window_seconds);
        let round_up =
            |moment: i64| moment.div_euclid(length) * length + if moment.rem_euclid(length) == 0 { 0 } else { length };
        // A window trades until the second before its gate closes.
        let next = round_up(now.saturating_add(i64::from(gate_closure_seconds)).saturating_add(1));
        match self {
            Self::Next => Ok(next),
            Self::Start(Time::In(wait)) => Ok(round_up(now.saturating_add(wait)).max(next)),
            Self::Start(time) => {
                let start = time.unix_seconds(now);
                let below = start.div_euclid(length) * length;
                if start == below {
                    return Ok(start);
                }
                Err(format!(
                    "{start} ({}) is not the start of a window of {window_seconds} s; use {below} ({}) or {} ({})",
                    format_time(start),
                    format_time(below),
                    below.saturating_add(length),
                    format_time(below.saturating_add(length))
                ))
            }
        }
    }
}

/// A length of time: seconds, or with units such as `15m` or `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub u32);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a length of time; write seconds such as 900, or 15m, 1h30m, 2d");
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self).map_err(|_| wrong());
        }
        let span: Span = text.parse().map_err(|_| wrong())?;
        let duration: SignedDuration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
        match u32::try_from(duration.as_secs()) {
            Ok(seconds) if duration.subsec_nanos() == 0 => Ok(Self(seconds)),
            _ => Err(wrong()),
        }
    }
}

/// A share in basis points: `6000`, `6000bps`, `60%` or `12.5%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub bps: u16,
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        let bps = match unit {
            "" if number.contains('.') => {
                return Err(format!("{text} is not a whole number of basis points; write 1250, or 12.5%"));
            }
            "" | "bps" => parse_scaled(number, 0)?,
            "%" => parse_scaled(number, 2)?,
            _ => return Err(format!("the unit '{unit}' is unknown; write basis points such as 6000, or 60%")),
        };
        match u16::try_from(bps) {
            Ok(bps) if bps <= 10_000 => Ok(Self { bps }),
            _ => Err(format!("{text} is more than the whole; write at most 10000 basis points, or 100%")),
        }
    }
}

/// An owner and the revenue share: `ADDRESS=60%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerShareArg {
    pub owner: Address,
    pub share: Share,
}

impl FromStr for OwnerShareArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((owner, share)) = text.split_once('=') else {
            return Err(format!(
                "'{text}' is not ADDRESS=SHARE; write an owner's address, '=' and the share, such as 60%"
            ));
        };
        Ok(Self { owner: address(owner)?, share: share.parse()? })
    }
}

/// A share in the order of the owners, `60%`, or of a named one, `ADDRESS=60%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedShare {
    InOrder(Share),
    Of(OwnerShareArg),
}

impl FromStr for ListedShare {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('=') { text.parse().map(Self::Of) } else { text.parse().map(Self::InOrder) }
    }
}

/// The shares of all owners, in their order, in basis points.
///
/// # Errors
/// A sentence that names the owners if there is not one share for each of them. The program checks that they sum to the
/// whole.
pub fn shares_of(owners: &[Address], shares: &[ListedShare]) -> Result<Vec<u16>, String> {
    let mut in_order = Vec::new();
    let mut named: Vec<OwnerShareArg> = Vec::new();
    for share in shares {
        match share {
            ListedShare::InOrder(share) => in_order.push(share.bps),
            ListedShare::Of(share) if !owners.contains(&share.owner) => {
                return Err(format!("{} would not be an owner; {}", share.owner, name_owners(owners)));
            }
            ListedShare::Of(share) if named.iter().any(|other| other.owner == share.owner) => {
                return Err(format!("{} has two shares in the list; give one", share.owner));
            }
            ListedShare::Of(share) => named.push(*share),
        }
    }
    if !in_order.is_empty() && !named.is_empty() {
        return Err("some shares name their owner and some do not; name all owners or none".to_owned());
    }
    if shares.len() != owners.len() {
        let (shares, count_owners) = (shares.len(), owners.len());
        let given = if shares == 1 { "1 share is".to_owned() } else { format!("{shares} shares are") };
        return Err(format!("{given} given for {}; {}", count(count_owners as u64, "owner"), name_owners(owners)));
    }
    if named.is_empty() {
        return Ok(in_order);
    }
    // Every owner is named, because the names differ and are as many as the owners.
    Ok(owners
        .iter()
        .filter_map(|owner| named.iter().find(|share| share.owner == *owner))
        .map(|s| s.share.bps)
        .collect())
}

fn name_owners(owners: &[Address]) -> String {
    let names: Vec<_> = owners.iter().map(|owner| format!("\n{owner}")).collect();
    format!("the owners would be, in this order:{}", names.concat())
}

/// Part of an offer to buy: `OFFER=ENERGY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchItemArg {
    pub offer: Address,
    pub energy: Energy,
}

impl FromStr for BatchItemArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((offer, energy)) = text.split_once('=') else {
            return Err(format!(
                "'{text}' is not OFFER=ENERGY; write an offer's address, '=' and the energy, such as 1.5kWh"
            ));
        };
        Ok(Self { offer: address(offer)?, energy: energy.parse()? })
    }
}

/// Who may list energy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Listing {
    /// Only owners of the bus.
    Owners,
    /// Owners, and sellers whom owners or the operator have admitted.
    Admitted,
    /// Any wallet.
    Open,
}

impl Listing {
    /// The policy that a bus has for it.
    pub fn policy(self) -> ListingPolicy {
        match self {
            Self::Owners => ListingPolicy::OwnersOnly,
            Self::Admitted => ListingPolicy::Admitted,
            Self::Open => ListingPolicy::Open,
        }
    }
}

/// An address, for clap.
///
/// # Errors
/// A sentence where it is not 32 bytes in base58.
pub fn address(text: &str) -> Result<Address, String> {
    text.parse().map_err(|_| format!("'{text}' is not an address; give 32 bytes in base58 (32 to 44 characters)"))
}

/// A wallet, or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionalWallet(pub Option<Address>);

impl FromStr for OptionalWallet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self(None)),
            _ => address(text).map(|wallet| Self(Some(wallet))).map_err(|error| format!("{error}, or 'none'")),
        }
    }
}

/// What `tx verify` looks for: a transaction hash (64 hex digits) or a signature (base58).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionName {
    Hash([u8; 32]),
    Signature(solana_signature::Signature),
}

impl FromStr for TransactionName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(hash) = parse_hash(text) {
            return Ok(Self::Hash(hash));
        }
        text.parse().map(Self::Signature).map_err(|_| {
            format!("'{text}' is neither a transaction hash (64 hex digits) nor a signature (64 bytes in base58)")
        })
    }
}

fn parse_hash(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut hash = [0; 32];
    for (place, byte) in hash.iter_mut().enumerate() {
        let pair = &text[2 * place..2 * place + 2];
        if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(hash)
}

/// A bid, by its address or its transaction hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BidName {
    Address(Address),
    Hash([u8; 32]),
}

impl FromStr for BidName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(hash) = parse_hash(text) {
            return Ok(Self::Hash(hash));
        }
        text.parse().map(Self::Address).map_err(|_| {
            format!(
                "'{text}' is neither the address of a bid (32 bytes in base58) nor its transaction hash (64 hex digits)"
            )
        })
    }
}

impl BidName {
    /// Where the bid is.
    pub fn address(&self) -> Address {
        match self {
            Self::Address(address) => *address,
            Self::Hash(hash) => multibus_client::address::bid(hash),
        }
    }
}

/// 32 bytes in hex, for clap: the hash of a proposal.
///
/// # Errors
/// A sentence where it is not 64 hex digits.
pub fn hash(text: &str) -> Result<[u8; 32], String> {
    parse_hash(text).ok_or_else(|| format!("'{text}' is not a hash; give 64 hex digits"))
}

/// A transaction hash or history root, in hex.
pub struct Hex<'a>(pub &'a [u8; 32]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use {super::*, multibus_client::terms::TermsConfig};

    fn wh(text: &str) -> Result<u64, String> {
        text.parse::<Energy>().map(|energy| energy.wh)
    }

    #[test]
    fn energy_is_exact() {
        for (text, expected) in [
            ("1500", 1_500),
            ("1500Wh", 1_500),
            ("1.5kWh", 1_500),
            ("1.500kwh", 1_500),
            ("1.5000 kWh", 1_500),
            ("0.001kWh", 1),
            ("18446744073709551.615kWh", u64::MAX),
            ("0.000001MWh", 1),
            // As floats, 0.1 + 0.2 is not 0.3.
            ("9007199254740.993kWh", 9_007_199_254_740_993),
        ] {
            assert_eq!(wh(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "Wh",
            "0",
            "0kWh",
            "0.0kWh",
            "-5",
            "+5",
            "1.5",
            "1.5Wh",
            "1.2345kWh",
            "1e3",
            "1,5kWh",
            "1..5kWh",
            ".5kWh",
            "5.kWh",
            "18446744073709551616",
            "18446744073709551.616kWh",
            "1_000",
            "1500W",
            "0x10",
            "١kWh",
            "nan",
            "inf",
        ] {
            assert!(wh(text).is_err(), "{text}");
        }
        assert!(wh("1.2345kWh").unwrap_err().contains("4 decimals, at most 3"));
    }

    #[test]
    fn amounts_follow_the_decimals_of_the_mint() {
        let units = |text: &str, decimals| text.parse::<Amount>().and_then(|amount| amount.base_units(decimals));
        assert_eq!(units("250000", 6), Ok(250_000));
        assert_eq!(units("0.25tokens", 6), Ok(250_000));
        assert_eq!(units("0.25 tokens", 2), Ok(25));
        assert_eq!(units("1token", 0), Ok(1));
        assert_eq!(units("1.0token", 0), Ok(1));
        assert_eq!(units("18446744073709.551615tokens", 6), Ok(u64::MAX));
        assert!(units("0.255tokens", 2).unwrap_err().contains("the settlement token has 2 decimals"));
        for text in ["0.25", "", "tokens", "1 SOL", "-1", "18446744073709551616", "18446744073709.551616tokens"] {
            assert!(units(text, 6).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_written_as_they_are_read() {
        for (value, scale, text) in [
            (0, 0, "0"),
            (0, 6, "0"),
            (1, 6, "0.000001"),
            (250_000, 6, "0.25"),
            (1_000_000, 6, "1"),
            (u64::MAX, 9, "18446744073.709551615"),
        ] {
            assert_eq!(format_scaled(value, scale), text);
            assert_eq!(parse_scaled(text, scale), Ok(value));
        }
        assert_eq!((format_energy(999).as_str(), format_energy(1_500).as_str()), ("999 Wh", "1.5 kWh"));
    }

    #[test]
    fn times_are_absolute_or_after_the_chains_clock() {
        let at = |text: &str| text.parse::<Time>().map(|time| time.unix_seconds(1_000));
        assert_eq!(at("1800000000"), Ok(1_800_000_000));
        assert_eq!(at("2027-01-15T08:00:00Z"), Ok(1_800_000_000));
        assert_eq!(at("2027-01-15T09:00:00+01:00"), Ok(1_800_000_000));
        assert_eq!(at("+15m"), Ok(1_900));
        assert_eq!(at("+1h30m"), Ok(6_400));
        assert_eq!(at("+90"), Ok(1_090));
        assert_eq!(at("+1d"), Ok(87_400));
        for text in
            ["", "0", "never", "tomorrow", "-15m", "+", "+-5m", "+1mo", "+0.5s", "2027-01-15", "99999999999999999999"]
        {
            assert!(at(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_offer_expires_at_the_latest_when_its_bus_says() {
        let at = |text: &str| text.parse::<Expiry>().map(|expiry| expiry.unix_seconds(1_000));
        assert_eq!((at("latest"), at("+15m")), (Ok(0), Ok(1_900)));
        for text in ["never", "none", "0"] {
            assert!(at(text).unwrap_err().contains("every offer expires; write 'latest'"), "{text}");
        }
        assert!(at("tomorrow").unwrap_err().contains("or 'latest'"));
    }

    #[test]
    fn one_is_counted_in_the_singular() {
        let counted = [0, 1, 2].map(|number: u64| count(number, "offer"));
        assert_eq!(counted, ["0 offers", "1 offer", "2 offers"]);
    }

    #[test]
    fn windows_start_where_the_bus_says() {
        let windows = TermsConfig { window_seconds: 900, gate_closure_seconds: 60, ..TermsConfig::default() };
        let terms = Terms::new(&windows, 0);
        let start = |text: &str, now| text.parse::<Window>().and_then(|window| window.start(now, &terms));
        assert_eq!(start("next", 9_000), Ok(9_900));
        assert_eq!(start("next", 9_839), Ok(9_900));
        // At 9840 the gate of the window of 9900 is closed.
        assert_eq!(start("next", 9_840), Ok(10_800));
        assert_eq!(start("+1h", 9_000), Ok(12_600));
        assert_eq!(start("+1s", 9_899), Ok(10_800));
        assert_eq!(start("9900", 0), Ok(9_900));
        let error = start("9901", 0).unwrap_err();
        assert!(error.contains("9900") && error.contains("10800"), "{error}");
        assert!(start("0", 0).is_err());
    }

    #[test]
    fn shares_are_basis_points() {
        let bps = |text: &str| text.parse::<Share>().map(|share| share.bps);
        for (text, expected) in [
            ("6000", 6_000),
            ("6000bps", 6_000),
            ("60%", 6_000),
            ("12.5%", 1_250),
            ("0.01%", 1),
            ("0", 0),
            ("100%", 10_000),
        ] {
            assert_eq!(bps(text), Ok(expected), "{text}");
        }
        for text in ["", "%", "10001", "100.01%", "0.001%", "60.5", "-1%"] {
            assert!(bps(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_owner_has_one_share() {
        let owner = |number: u8| Address::new_from_array([number; 32]);
        let shares = |text: &str| {
            let list: Result<Vec<ListedShare>, String> = text.split(',').map(str::parse).collect();
            list.and_then(|list| shares_of(&[owner(1), owner(2)], &list))
        };
        assert_eq!(shares("60%,4000"), Ok(vec![6_000, 4_000]));
        assert_eq!(shares(&format!("{}=60%,{}=40%", owner(2), owner(1))), Ok(vec![4_000, 6_000]));
        // The program checks what they sum to.
        assert_eq!(shares("1%,1%"), Ok(vec![100, 100]));
        let said = |text: &str, what: &str| {
            let error = shares(text).unwrap_err();
            assert!(error.contains(what), "{error}");
        };
        said("100%", "1 share is given for 2 owners");
        said("100%", &format!("in this order:\n{}\n{}", owner(1), owner(2)));
        said("1%,1%,98%", "3 shares are given for 2 owners");
        said(&format!("{}=60%", owner(2)), "1 share is given for 2 owners");
        said(&format!("{}=60%,{}=40%", owner(2), owner(3)), "would not be an owner");
        said(&format!("{}=60%,{}=40%", owner(2), owner(2)), "two shares in the list");
        said(&format!("{}=60%,40%", owner(2)), "name all owners or none");
        said("60%,x", "the unit 'x' is unknown");
    }

    #[test]
    fn lengths_of_time_are_written_as_they_are_read() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (90, "1m 30s"), (3_600, "1h"), (93_784, "1d 2h 3m 4s")] {
            assert_eq!(format_duration(seconds), text);
            assert_eq!(text.parse::<Seconds>().map(|read| u64::from(read.0)), Ok(seconds));
        }
    }

    #[test]
    fn transactions_are_named_by_hash_or_signature() {
        let hash = "00ff".repeat(16);
        let parsed = hash.parse::<TransactionName>();
        let mut expected = [0; 32];
        expected.iter_mut().skip(1).step_by(2).for_each(|byte| *byte = 255);
        assert_eq!(parsed, Ok(TransactionName::Hash(expected)));
        assert_eq!(Hex(&expected).to_string(), hash);
        let signature = solana_signature::Signature::from([7; 64]);
        assert_eq!(signature.to_string().parse(), Ok(TransactionName::Signature(signature)));
        assert!("+f".repeat(32).parse::<TransactionName>().is_err());
        assert!("abc".parse::<TransactionName>().is_err());
    }
}
