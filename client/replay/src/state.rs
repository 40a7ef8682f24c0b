//! The state file: what a replay needs to go on after it was ended. It is JSON and replaced atomically after every
//! interval.

use {
    crate::{
        community::{Interval, Reading},
        counting::TransactionCounts,
        error::ReplayError,
        file::FileError,
        options::ReplayOptions,
        records::Records,
        report::{Flow, IntervalResult, MemberResult},
        results::Results,
        schedule::Schedule,
    },
    anchor_lang::solana_program::hash::hashv,
    multibus_client::{Address, Keyed, Keypair, lock::Lock, text::hex},
    serde::{Deserialize, Serialize},
    std::{
        collections::{BTreeMap, BTreeSet},
        fs::{File, OpenOptions},
        io::{BufWriter, ErrorKind},
        path::Path,
    },
};

/// Version of the file's layout.
const LAYOUT_VERSION: u32 = 7;

#[derive(Clone, Debug, Serialize, Deserialize)]
/// Everything in the state file.
pub(crate) struct ReplayState {
    pub layout_version: u32,
    /// Digest of the file and of every option that must stay the same.
    pub digest: String,
    /// Where it runs.
    pub chain: String,
    /// Secret from which the members' keys are derived.
    pub secret: [u8; 32],
    /// Whether the last process ended in good order, so that none of its transactions is in flight.
    pub is_clean: bool,
    /// Bus and token, once they are known.
    pub bus: Option<BusRecord>,
    /// Tokens that each member was given, in base units.
    pub funded_base_units: Vec<u64>,
    /// Whether all members have their tokens.
    pub is_funded: bool,
    /// Whether the bus is closed; only on delivery terms.
    pub is_closed: bool,
    /// Whether what was left went back to the funder.
    pub is_swept: bool,
    pub schedule: Option<Schedule>,
    /// Intervals that are over.
    pub completed: usize,
    /// The interval that is being traded.
    pub current: Option<CurrentInterval>,
    /// Windows that are not closed yet; outside windows, the interval whose offers are not withdrawn yet.
    pub windows: Vec<WindowRecord>,
    /// On delivery terms, the times of 96 windows of which something is open.
    pub periods: Vec<PeriodRecord>,
    /// Every trade, and what became of it.
    pub records: Records,
    /// Intervals that were traded in several windows, because the replay was interrupted until the first one had closed.
    pub divided: BTreeSet<usize>,
    /// What buyers took certificates for.
    pub certificates_wh: u64,
    /// Bids made.
    pub bids: u64,
    /// Windows in which nobody proved a price in time.
    pub missed_auctions: u64,
    /// What rounding left of auctions, in base units: it goes to the treasury when their windows close.
    pub auction_remainder: u64,
    /// Grid fees that the vault of each member held before they were swept, and at last that of the bus, in base units.
    pub grid_fees_owed: Vec<u64>,
    pub intervals: Results,
    pub members: Vec<MemberResult>,
    pub flows: Vec<Flow>,
    /// Nonce lanes by `member/lane`.
    pub lanes: BTreeMap<String, LaneRecord>,
    pub locks_settled: u64,
    pub locks_released: u64,
    pub counts: TransactionCounts,
    pub wall_milliseconds: u64,
    pub violations: Vec<String>,
    /// Invariants as they were found at the end, before the bus was closed or what was left went back to the funder.
    pub invariants: BTreeMap<String, bool>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
/// The bus of the replay and its token.
pub(crate) struct BusRecord {
    /// The bus's address; all zeros until it is created, because its number comes from the slot of that moment.
    #[serde(with = "text")]
    pub bus: Address,
    #[serde(with = "text")]
    pub mint: Address,
    #[serde(with = "text")]
    pub token_program: Address,
    pub mint_decimals: u8,
    /// Whether the replay made the mint.
    pub mint_is_own: bool,
}

impl BusRecord {
    /// Whether the bus is there.
    pub fn bus_is_created(&self) -> bool {
        self.bus != Address::default()
    }
}

/// The interval that is being traded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CurrentInterval {
    pub window_start: i64,
    /// Energy that each member had bought when the interval began, from the lanes on chain, in Wh.
    pub bought_before_wh: Vec<u64>,
    /// Energy that each member had sold when the interval began, in Wh.
    pub sold_before_wh: Vec<u64>,
    /// Locks that were taken and are not settled or released.
    pub locks: Vec<OpenLockRecord>,
    /// Energy that each offer has sold, by address, in Wh; only where buyers pay a grid fee on purchase terms.
    pub sold_of_offers_wh: BTreeMap<String, u64>,
    pub result: IntervalResult,
}

/// A lock that is open.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct OpenLockRecord {
    #[serde(with = "text")]
    pub lock: Address,
    #[serde(with = "text")]
    pub offer: Address,
    pub buyer: usize,
    pub energy_wh: u64,
    pub deposit: u64,
    /// Its number among the locks of its offer: tells it from an earlier lock at the same address.
    pub number: u32,
    /// Whether it is to be released and not settled.
    pub is_to_release: bool,
}

impl OpenLockRecord {
    /// A lock of a member, to be settled.
    pub fn new(lock: &Keyed<Lock>, buyer: usize) -> Self {
        Self {
            lock: lock.address,
            offer: lock.offer,
            buyer,
            energy_wh: lock.energy_wh,
            deposit: lock.deposit,
            number: lock.number,
            is_to_release: false,
        }
    }

    /// Whether it is the same lock, not one that was taken later at the same address.
    pub fn is(&self, other: &Self) -> bool {
        (self.lock, self.number) == (other.lock, other.number)
    }
}

/// A window that is not closed yet; outside windows, an interval whose offers are not withdrawn yet.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct WindowRecord {
    pub interval: usize,
    pub window_start: i64,
    /// Energy of the interval that was sold in an earlier window, in Wh. An interval has a later window only where the
    /// replay was resumed after the first one had closed.
    pub sold_before_wh: u64,
    /// Energy that the window's capacity had sold before the interval, in Wh: only outside windows, where one capacity
    /// serves all intervals. All offers of earlier intervals are closed then, so it is what the capacity has committed.
    pub capacity_sold_before_wh: u64,
    /// Energy of the interval that was sold when it moved to a later window, in Wh.
    pub sold_until_wh: Option<u64>,
    /// How many trades were recorded when the window was listed: its own come later.
    pub trades_before: usize,
    /// Whether its auction is over and in the records; it means nothing without auctions.
    pub is_auctioned: bool,
    /// Whether its offers were withdrawn.
    pub is_withdrawn: bool,
}

/// The time of 96 windows: a seller has a delivery book for it, and each of its buyers a position book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PeriodRecord {
    /// Start of the first of its windows, in unix seconds.
    pub first_window: i64,
    /// Windows in which energy was listed.
    pub windows: Vec<PeriodWindow>,
    /// How many trades were recorded when the first one was listed: those of its windows come later.
    pub trades_before: usize,
    /// How many positions were recorded before those of its windows.
    pub positions_before: usize,
    /// When its readings are final, as far as is known, in unix seconds.
    pub final_at: i64,
    /// With auctions, when its delivery books close, once it is settled, in unix seconds: bids have time for their certificates.
    pub closes_at: i64,
    /// Whether its deliveries and positions are in the records.
    pub is_recorded: bool,
    /// Whether buyers have their certificates and refunds, and sellers what they are released.
    pub is_settled: bool,
}

/// A window in which energy was listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PeriodWindow {
    pub window_start: i64,
    pub interval: usize,
    /// Whether meters have reported.
    pub is_reported: bool,
}

/// What is known of a nonce lane.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct LaneRecord {
    pub first_nonce: u64,
    pub next_nonce: u64,
    pub history_root: [u8; 32],
    pub energy_wh: u64,
    pub paid_base_units: u64,
}

/// Key of a member's nonce lane in [`ReplayState::lanes`].
pub(crate) fn lane_key(member: usize, lane: u16) -> String {
    format!("{member}/{lane}")
}

/// Digest of what must stay the same from start to end.
///
/// # Errors
/// Where the community's readings cannot be read any more.
pub(crate) fn digest(options: &ReplayOptions) -> Result<String, FileError> {
    let ReplayOptions {
        community,
        seed,
        price_rule,
        terms,
        market,
        grid_fee_per_kwh,
        lock_percent,
        lock_fee_bps,
        co_owned,
        mint,
        ..
    } = options;
    let members = &community.members;
    let text = format!(
        "{members:?} {seed} {price_rule} {terms} {market} {grid_fee_per_kwh} {lock_percent} {lock_fee_bps} {co_owned} {mint:?}"
    );
    let mut digest = hashv(&[text.as_bytes()]).to_bytes();
    // One interval after the other: a year of readings as one text would be large.
    for interval in community.intervals() {
        let interval = interval?;
        let mut bytes = format!("{} {} {}", interval.start, interval.seconds, interval.label).into_bytes();
        for reading in interval.readings() {
            let Reading { member, load_wh, generation_wh, forecast_load_wh, forecast_generation_wh } = reading;
            let figures = [member as u64, load_wh, generation_wh, forecast_load_wh, forecast_generation_wh];
            bytes.extend(figures.into_iter().flat_map(u64::to_le_bytes));
        }
        digest = hashv(&[&digest, &bytes]).to_bytes();
    }
    Ok(hex(&digest))
}

impl ReplayState {
    /// A replay that has not begun.
    pub fn new(options: &ReplayOptions, chain: String, secret: [u8; 32]) -> Result<Self, FileError> {
        let members = options
            .community
            .members
            .iter()
            .map(|name| MemberResult { name: name.clone(), ..MemberResult::default() })
            .collect();
        Ok(Self {
            layout_version: LAYOUT_VERSION,
            digest: digest(options)?,
            chain,
            secret,
            is_clean: true,
            bus: None,
            funded_base_units: Vec::new(),
            is_funded: false,
            is_closed: false,
            is_swept: false,
            schedule: None,
            completed: 0,
            current: None,
            windows: Vec::new(),
            periods: Vec::new(),
            records: Records::default(),
            divided: BTreeSet::new(),
            certificates_wh: 0,
            bids: 0,
            missed_auctions: 0,
            auction_remainder: 0,
            grid_fees_owed: vec![0; options.community.members.len() + 1],
            intervals: Results::default(),
            members,
            flows: Vec::new(),
            lanes: BTreeMap::new(),
            locks_settled: 0,
            locks_released: 0,
            counts: TransactionCounts::default(),
            wall_milliseconds: 0,
            violations: Vec::new(),
            invariants: BTreeMap::new(),
        })
    }

    /// Reads a state and refuses one of another replay.
    pub fn load(path: &Path, options: &ReplayOptions, chain: &str) -> Result<Self, ReplayError> {
        let refuse = |cause: String| ReplayError::State(format!("the state {}: {cause}", path.display()));
        let bytes = std::fs::read(path).map_err(|error| refuse(format!("cannot be read ({error})")))?;
        let state: Self = serde_json::from_slice(&bytes)
            .map_err(|error| refuse(format!("is not the state of a replay ({error}); start without --resume")))?;
        if state.layout_version != LAYOUT_VERSION {
            return Err(refuse(format!(
                "has layout version {} and this program writes {LAYOUT_VERSION}; finish it with the version that wrote it",
                state.layout_version
            )));
        }
        if state.digest != digest(options)? {
            return Err(refuse(
                "is of another file, seed, price rule, market, lock setting, mint or ownership, or of other terms; resume with \
                 what it was started with"
                    .into(),
            ));
        }
        if state.chain != chain {
            return Err(refuse(format!("is of the chain {}, not of {chain}; resume on that one", state.chain)));
        }
        if !state.fits(options) {
            return Err(refuse("does not fit its own community; start without --resume".into()));
        }
        Ok(state)
    }

    /// Whether it names only members and intervals of the community.
    fn fits(&self, options: &ReplayOptions) -> bool {
        let (members, intervals) = (options.community.members.len(), options.community.interval_count());
        let of_members = |flow: &Flow| flow.seller < members && flow.buyer < members;
        let current_fits = self.current.as_ref().is_none_or(|current| {
            current.bought_before_wh.len() == members
                && current.sold_before_wh.len() == members
                && current.locks.iter().all(|lock| lock.buyer < members)
        });
        self.members.len() == members
            && (self.funded_base_units.is_empty() || self.funded_base_units.len() == members)
            && self.completed <= intervals
            && self.intervals.len() == self.completed
            && self.windows.iter().all(|window| window.interval < intervals)
            && self.periods.iter().flat_map(|period| &period.windows).all(|window| window.interval < intervals)
            && self.records.fit(members, intervals)
            && self.grid_fees_owed.len() == members + 1
            && self.flows.iter().all(of_members)
            && current_fits
    }

    /// Replaces the file atomically. Only its owner can read it.
    pub fn save(&self, path: &Path) -> Result<(), ReplayError> {
        self.write(path)
            .map_err(|error| ReplayError::State(format!("the state {} cannot be written: {error}", path.display())))
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let mut out = BufWriter::new(create_private(&beside)?);
        serde_json::to_writer(&mut out, self).map_err(std::io::Error::other)?;
        let file = out.into_inner()?;
        file.sync_all()?;
        drop(file);
        std::fs::rename(&beside, path)
    }

    /// Key of a member.
    pub fn member_key(&self, member: usize) -> Keypair {
        self.key(b"member", member as u64)
    }

    /// Key of the wallet that pays where nobody else does.
    pub fn funder_key(&self) -> Keypair {
        self.key(b"funder", 0)
    }

    /// Key of a member's meter.
    pub fn device_key(&self, member: usize) -> Keypair {
        self.key(b"device", member as u64)
    }

    /// Key of the wallet that grid fees go to.
    pub fn grid_key(&self) -> Keypair {
        self.key(b"grid", 0)
    }

    /// Key of the mint that the replay makes.
    pub fn mint_key(&self) -> Keypair {
        self.key(b"mint", 0)
    }

    fn key(&self, role: &[u8], number: u64) -> Keypair {
        let secret = hashv(&[b"multibus:replay:key", &self.secret, role, &number.to_le_bytes()]);
        Keypair::new_from_array(secret.to_bytes())
    }

    /// The time of 96 windows that begins then; it is new where nothing was listed in it.
    pub fn period(&mut self, first_window: i64) -> &mut PeriodRecord {
        let place = self.periods.iter().position(|period| period.first_window == first_window);
        let place = place.unwrap_or_else(|| {
            self.periods.push(PeriodRecord {
                first_window,
                windows: Vec::new(),
                trades_before: self.records.trades.len(),
                positions_before: 0,
                final_at: 0,
                closes_at: 0,
                is_recorded: false,
                is_settled: false,
            });
            self.periods.len() - 1
        });
        &mut self.periods[place]
    }

    /// What a member bought from another.
    pub fn flow(&mut self, seller: usize, buyer: usize) -> &mut Flow {
        let index = match self.flows.binary_search_by_key(&(seller, buyer), |flow| (flow.seller, flow.buyer)) {
            Ok(index) => index,
            Err(index) => {
                self.flows.insert(index, Flow { seller, buyer, ..Flow::default() });
                index
            }
        };
        &mut self.flows[index]
    }
}

/// Adds what the file says of an interval to the members' results.
pub(crate) fn enter_readings(members: &mut [MemberResult], interval: &Interval) {
    members.iter_mut().for_each(|member| member.missing_readings += 1);
    for reading in interval.readings() {
        let member = &mut members[reading.member];
        member.missing_readings -= 1;
        member.load_wh += reading.load_wh;
        member.generation_wh += reading.generation_wh;
        member.own_use_wh += reading.load_wh.min(reading.generation_wh);
        member.deficit_wh += reading.deficit_wh();
        member.offered_wh += reading.surplus_wh();
    }
}

/// Creates a file that nobody else can read; replaces one that an earlier process left half-written.
fn create_private(path: &Path) -> std::io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Addresses as their usual text.
pub(crate) mod text {
    use {
        multibus_client::Address,
        serde::{Deserialize, Deserializer, Serializer, de::Error},
    };

    pub fn serialize<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(address)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(|_| D::Error::custom("not an address"))
    }
}
