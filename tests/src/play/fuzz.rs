//! Raw transactions: any accounts in any order, any flags, any bytes. The oracle is the model, which judges whatever
//! comes: nothing may land that it refuses, and what lands moves exactly the tokens, lamports and Wh that it moves.
//!
//! Inputs are bred: whichever makes the program do something new is kept and changed further. New is a way on from a
//! conditional jump of the program that no input took before (see [coverage](super::coverage)), or else the instructions
//! that were called with how it ended and the exact number of compute units that it took, which is another for nearly
//! every path. No instrumented build of the program is needed: the very bytes that ship are what is tried.

use {
    super::{
        coverage::{Coverage, Covered, Way},
        machine::{Machine, Outcome},
        script::{Deed::*, Spot::*, Step::*, Tamper::Nothing, *},
    },
    base64::{Engine, engine::general_purpose::STANDARD_NO_PAD},
    fastrand::Rng,
    multibus_model::Call,
    solana_instruction::{AccountMeta, Instruction},
    std::{
        cmp::Reverse,
        collections::{BTreeMap, BTreeSet},
        fmt,
        str::FromStr,
    },
};

/// Parties of the market that is attacked.
const PARTIES: u8 = 6;
/// Instructions of one transaction.
const MOST_INSTRUCTIONS: usize = 3;

/// One instruction: bytes, and accounts with whether they sign (1) and are written (2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Raw {
    pub data: Vec<u8>,
    pub accounts: Vec<(Spot, u8)>,
}

/// One transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Input(pub Vec<Raw>);

/// An account in an input: a letter and numbers.
struct Name(Spot);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Wallet(party) => write!(f, "w{party}"),
            Tokens(party, mint, which) => write!(f, "t{party}.{mint}.{which}"),
            BusAt(bus) => write!(f, "b{bus}"),
            CapacityAt(bus, window) => write!(f, "c{bus}.{window}"),
            Escrow(bus) => write!(f, "e{bus}"),
            Treasury(bus) => write!(f, "r{bus}"),
            OfferAt(Place(bus, window, seq)) => write!(f, "o{bus}.{window}.{seq}"),
            LockAt(Place(bus, window, seq), party) => write!(f, "l{bus}.{window}.{seq}.{party}"),
            LaneAt(party, lane) => write!(f, "n{party}.{lane}"),
            ProposalAt(bus, seq) => write!(f, "p{bus}.{seq}"),
            MintAt(mint) => write!(f, "m{mint}"),
            TokenProgramOf(mint) => write!(f, "k{mint}"),
            Stray(bus, mint) => write!(f, "y{bus}.{mint}"),
            System => write!(f, "s"),
            Market => write!(f, "x"),
            Nowhere(number) => write!(f, "z{number}"),
        }
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no account of an input");
        let (letter, rest) = text.split_at_checked(1).ok_or_else(wrong)?;
        let numbers: Vec<i64> = rest
            .split('.')
            .filter(|part| !part.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| wrong())?;
        let small = |at: usize| numbers.get(at).and_then(|number| u8::try_from(*number).ok()).ok_or_else(wrong);
        let number = |at: usize| numbers.get(at).copied().ok_or_else(wrong);
        let place = || Ok::<_, String>(Place(small(0)?, number(1)?, number(2)? as u64));
        Ok(Self(match letter {
            "w" => Wallet(small(0)?),
            "t" => Tokens(small(0)?, small(1)?, small(2)?),
            "b" => BusAt(small(0)?),
            "c" => CapacityAt(small(0)?, number(1)?),
            "e" => Escrow(small(0)?),
            "r" => Treasury(small(0)?),
            "o" => OfferAt(place()?),
            "l" => LockAt(place()?, small(3)?),
            "n" => LaneAt(small(0)?, small(1)? as u16),
            "p" => ProposalAt(small(0)?, number(1)? as u64),
            "m" => MintAt(small(0)?),
            "k" => TokenProgramOf(small(0)?),
            "y" => Stray(small(0)?, small(1)?),
            "s" => System,
            "x" => Market,
            "z" => Nowhere(small(0)?),
            _ => return Err(wrong()),
        }))
    }
}

/// One line of a corpus: instructions with `;` between them, each its bytes in base64 and its accounts with their flags.
impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, raw) in self.0.iter().enumerate() {
            write!(f, "{}={}", if number > 0 { " ; " } else { "" }, STANDARD_NO_PAD.encode(&raw.data))?;
            for (spot, flags) in &raw.accounts {
                write!(f, " {}{}", Name(*spot), ["", "!", "*", "!*"][*flags as usize % 4])?;
            }
        }
        Ok(())
    }
}

impl FromStr for Input {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let one = |text: &str| -> Result<Raw, String> {
            let mut words = text.split_whitespace();
            let data =
                words.next().and_then(|word| word.strip_prefix('=')).ok_or("an instruction begins with =bytes")?;
            let data = STANDARD_NO_PAD.decode(data).map_err(|error| format!("the bytes are no base64: {error}"))?;
            let accounts = words
                .map(|word| {
                    let name = word.trim_end_matches(['!', '*']);
                    let flags = word.contains('!') as u8 + 2 * word.contains('*') as u8;
                    Ok((name.parse::<Name>()?.0, flags))
                })
                .collect::<Result<_, String>>()?;
            Ok(Raw { data, accounts })
        };
        Ok(Self(line.split(';').map(one).collect::<Result<_, _>>()?))
    }
}

/// Reads a corpus: one input a line, `#` before comments.
///
/// # Errors
/// A line that is no input.
pub fn read_corpus(text: &str) -> Result<Vec<Input>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.parse().map_err(|error| format!("{error} in: {line}"))).collect()
}

/// The market that is attacked: two buses, of which one owns a part of the other, in both token programs, with and
/// without windows; offers of all kinds, locks that hold and that have expired, decisions open, passed and stale.
fn scene() -> Vec<Step> {
    let name = || List(b"Sonnenhof".to_vec());
    let plain = Config {
        name: name(),
        owners: List(vec![(Wallet(0), 6_000), (Wallet(1), 4_000)]),
        threshold: 1,
        pause_quorum: 0,
        listing: 1,
        fee: 100,
        timelock: 0,
        window: 0,
        gate: 0,
        capacity: 1_000_000,
        base_price: 10_000,
    };
    let windowed = Config {
        owners: List(vec![(Wallet(1), 5_000), (Wallet(2), 3_000), (BusAt(0), 2_000)]),
        threshold: 2,
        pause_quorum: 1,
        listing: 0,
        timelock: 60,
        window: 900,
        gate: 60,
        ..plain.clone()
    };
    let of_plain = |seq| Place(0, 0, seq);
    let of_window = |seq| Place(1, 1_800, seq);
    let sold =
        |by, offer, from| Buy { by, lane: 0, nonce: 0, offer, ask: Ask(2_000, u64::MAX, 0), at_least: 2_000, from };
    let offer =
        |by, offer, expires, payout| CreateOffer { by, offer, wh: 20_000, price: 250_000, expires, source: 1, payout };
    let for_bus = |by, offer| CreateOfferForBus { by, offer, wh: 20_000, price: 300_000, expires: 0, source: 2 };
    let lock = |by, offer, from| TakeLock { by, offer, ask: Ask(3_000, u64::MAX, 0), from };
    let deeds = vec![
        CreateBus { bus: 0, mint: 0, config: plain },
        CreateBus { bus: 1, mint: 1, config: windowed },
        OpenCapacity { by: 5, bus: 1, window: 1_800 },
        OpenCapacity { by: 5, bus: 1, window: 2_700 },
        OpenLane { by: 3, lane: 0, ahead: None },
        OpenLane { by: 4, lane: 0, ahead: None },
        OpenLane { by: 4, lane: 1, ahead: None },
        offer(0, of_plain(0), 0, Tokens(0, 0, 0)),
        offer(2, of_plain(1), 1_000, Tokens(2, 0, 0)),
        for_bus(1, of_plain(2)),
        offer(1, of_window(0), 0, Tokens(1, 1, 0)),
        for_bus(2, of_window(1)),
        lock(3, of_plain(0), Tokens(3, 0, 0)),
        lock(3, of_window(0), Tokens(3, 1, 0)),
        sold(3, of_plain(2), Tokens(3, 0, 0)),
        sold(4, of_window(1), Tokens(4, 1, 0)),
        Propose { by: 1, bus: 1, decision: Decision::BasePrice(20_000) },
        Propose { by: 2, bus: 1, decision: Decision::Shares(List(vec![4_000, 4_000, 2_000])) },
        Approve { by: 1, bus: 1, proposal: 1 },
        Propose { by: 0, bus: 0, decision: Decision::LockFee(200) },
        Execute { by: 5, bus: 0, proposal: 0 },
    ];
    let later = vec![
        lock(4, of_plain(0), Tokens(4, 0, 0)),
        lock(4, of_plain(1), Tokens(4, 0, 1)),
        Propose { by: 0, bus: 0, decision: Decision::PauseIt },
        Propose { by: 1, bus: 0, decision: Decision::AddOwner(Wallet(4), List(vec![5_000, 4_000, 1_000])) },
    ];
    let done = |deed| Do(deed, Nothing);
    let mut steps: Vec<Step> = deeds.into_iter().map(done).collect();
    // The first locks have expired, the later ones hold.
    steps.push(At(400));
    steps.extend(later.into_iter().map(done));
    steps.extend([
        Gift(Stray(1, 1), 5),
        Gift(Escrow(0), 7),
        Delegate { account: Tokens(2, 0, 1), to: 3, amount: 1_000_000 },
    ]);
    steps
}

/// The market before an attack.
///
/// # Panics
/// Where a step of the scene does not go as the model says, or does not land.
pub fn stage() -> Machine {
    on_stage(Machine::new(PARTIES))
}

/// The same on a chain that shows which ways through the program are taken.
///
/// # Panics
/// Likewise.
pub fn traced_stage(coverage: &Coverage) -> Machine {
    on_stage(Machine::traced(PARTIES, coverage))
}

fn on_stage(mut machine: Machine) -> Machine {
    for step in scene() {
        match machine.step(&step) {
            Ok(Outcome::Landed | Outcome::Around) => {}
            other => panic!("{step:?}: {other:?}"),
        }
    }
    machine.compare_all().expect("the scene is as the model says");
    machine
}

/// What can be done in the scene, rightly, each once at least by somebody who can pay for it: where breeding begins.
fn seeds(machine: &Machine) -> Vec<Input> {
    let ask = Ask(1_000, u64::MAX, 0);
    let deeds = vec![
        CreateBus {
            bus: 2,
            mint: 0,
            config: Config {
                name: List(b"New".to_vec()),
                owners: List(vec![(Wallet(2), 10_000)]),
                threshold: 1,
                pause_quorum: 0,
                listing: 0,
                fee: 0,
                timelock: 0,
                window: 0,
                gate: 0,
                capacity: 1,
                base_price: 1,
            },
        },
        OpenCapacity { by: 0, bus: 1, window: 3_600 },
        CloseCapacity { bus: 1, window: 2_700 },
        CreateOffer {
            by: 4,
            offer: Place(0, 0, 3),
            wh: 1,
            price: 10_000,
            expires: 0,
            source: 0,
            payout: Tokens(4, 0, 0),
        },
        Reprice { by: 0, offer: Place(0, 0, 0), price: 260_000 },
        Extend { by: 2, offer: Place(0, 0, 1), expires: 0 },
        Cancel { by: 0, offer: Place(0, 0, 0) },
        Cancel { by: 1, offer: Place(0, 0, 2) },
        Buy { by: 3, lane: 0, nonce: 0, offer: Place(0, 0, 0), ask, at_least: 1, from: Tokens(3, 0, 0) },
        Buy { by: 3, lane: 0, nonce: 0, offer: Place(0, 0, 1), ask, at_least: 1, from: Tokens(2, 0, 1) },
        BuyBatch {
            by: 4,
            lane: 1,
            nonce: 0,
            items: List(vec![(Place(0, 0, 0), ask), (Place(0, 0, 1), ask), (Place(0, 0, 2), ask)]),
            limit: u64::MAX,
            from: Tokens(4, 0, 0),
        },
        BuyBatch {
            by: 4,
            lane: 0,
            nonce: 0,
            items: List(vec![(Place(1, 1_800, 0), ask), (Place(1, 1_800, 1), ask)]),
            limit: u64::MAX,
            from: Tokens(4, 1, 0),
        },
        TakeLock { by: 4, offer: Place(1, 1_800, 0), ask, from: Tokens(4, 1, 0) },
        SettleLock { by: 4, lane: 0, nonce: 0, offer: Place(0, 0, 0) },
        ReleaseLock { by: 5, offer: Place(0, 0, 0), buyer: 3, refund: Tokens(3, 0, 0) },
        ReleaseLock { by: 4, offer: Place(0, 0, 1), buyer: 4, refund: Tokens(4, 0, 0) },
        OpenLane { by: 3, lane: 1, ahead: None },
        OpenLane { by: 0, lane: 0, ahead: Some(7) },
        CloseLane { by: 3, lane: 0 },
        CreateOfferForBus { by: 0, offer: Place(0, 0, 4), wh: 1, price: 10_000, expires: 0, source: 0 },
        Propose { by: 1, bus: 1, decision: Decision::Threshold(1) },
        Approve { by: 2, bus: 1, proposal: 0 },
        Revoke { by: 1, bus: 1, proposal: 0 },
        Execute { by: 5, bus: 1, proposal: 1 },
        Execute { by: 5, bus: 0, proposal: 2 },
        CloseProposal { by: 5, bus: 0, proposal: 0 },
        Claim { bus: 0, owner: Wallet(0), into: Tokens(0, 0, 0) },
        Claim { bus: 1, owner: Wallet(1), into: Tokens(1, 1, 0) },
    ];
    let book = book(machine);
    deeds.iter().map(|deed| Input(vec![raw(machine, &machine.instruction(deed), &book)])).collect()
}

/// Every account that the scene has, and some that it has not.
fn book(machine: &Machine) -> Vec<Spot> {
    let mut spots = vec![System, Market];
    for party in 0..PARTIES {
        spots.extend([Wallet(party), LaneAt(party, 0), LaneAt(party, 1)]);
        spots.extend((0..4).map(|number| Tokens(party, number / 2, number % 2)));
    }
    let places = [Place(0, 0, 0), Place(0, 0, 1), Place(0, 0, 2), Place(1, 1_800, 0), Place(1, 1_800, 1)];
    for bus in 0..3 {
        spots.extend([BusAt(bus), CapacityAt(bus, 0), Escrow(bus), Treasury(bus)]);
        spots.extend((0..4).map(|seq| ProposalAt(bus, seq)));
    }
    spots.extend([
        CapacityAt(1, 1_800),
        CapacityAt(1, 2_700),
        CapacityAt(1, 3_600),
        OfferAt(Place(0, 0, 3)),
        OfferAt(Place(0, 0, 4)),
    ]);
    for place in places {
        spots.push(OfferAt(place));
        spots.extend([3, 4].map(|party| LockAt(place, party)));
    }
    spots.extend([MintAt(0), MintAt(1), MintAt(2), TokenProgramOf(0), TokenProgramOf(1), Stray(1, 1), Nowhere(0)]);
    for spot in &spots {
        machine.address(*spot);
    }
    spots
}

fn raw(machine: &Machine, instruction: &Instruction, book: &[Spot]) -> Raw {
    let spots: BTreeMap<_, _> = book.iter().map(|spot| (machine.address(*spot), *spot)).collect();
    let accounts = instruction
        .accounts
        .iter()
        .map(|meta| (spots[&meta.pubkey], meta.is_signer as u8 + 2 * meta.is_writable as u8))
        .collect();
    Raw { data: instruction.data.clone(), accounts }
}

/// Whether an account has a key, so that it can sign.
fn can_sign(spot: Spot) -> bool {
    matches!(spot, Wallet(_) | Tokens(..) | Nowhere(_))
}

/// The instructions of an input.
fn instructions(machine: &Machine, input: &Input) -> Vec<Instruction> {
    let meta = |(spot, flags): &(Spot, u8)| AccountMeta {
        pubkey: machine.address(*spot),
        is_signer: flags & 1 != 0 && can_sign(*spot),
        is_writable: flags & 2 != 0,
    };
    let one = |raw: &Raw| Instruction {
        program_id: multibus::ID,
        accounts: raw.accounts.iter().map(meta).collect(),
        data: raw.data.clone(),
    };
    input.0.iter().map(one).collect()
}

/// Sends an input; the machine is as before where it is refused.
///
/// # Errors
/// How the chain and the model differ.
pub fn attack(machine: &mut Machine, input: &Input) -> Result<(Outcome, u64), String> {
    let instructions = instructions(machine, input);
    machine.execute_all(&instructions)
}

/// Accounts and bytes of an input.
fn length(input: &Input) -> usize {
    input.0.iter().map(|raw| raw.accounts.len() + raw.data.len()).sum()
}

/// What some inputs did.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    pub executions: u64,
    pub landed: u64,
    /// Ways through the program that were seen.
    pub paths: usize,
    pub kept: usize,
    /// Inputs that took a way which none before them took.
    pub pioneers: usize,
    pub covered: Covered,
    /// By instruction: inputs that called it first, and that landed.
    pub instructions: BTreeMap<&'static str, (u64, u64)>,
}

/// Breeds inputs.
pub struct Fuzzer {
    rng: Rng,
    pristine: Machine,
    machine: Machine,
    book: Vec<Spot>,
    coverage: Coverage,
    corpus: Vec<Input>,
    /// Inputs that took a new way, with all their ways.
    pioneers: Vec<(Input, Vec<Way>)>,
    /// Inputs that landed: what thieves would start from.
    landed: Vec<Input>,
    /// The shortest input for each end that each instruction came to, alone and after others.
    shortest: BTreeMap<(u8, bool, String), Input>,
    seen: BTreeSet<(Vec<u8>, String, u64)>,
    pub statistics: Statistics,
}

impl Fuzzer {
    /// A fuzzer that begins with the inputs of a corpus.
    ///
    /// # Errors
    /// The input, and how the chain and the model differ.
    pub fn new(seed: u64, corpus: Vec<Input>) -> Result<Self, (Input, String)> {
        let coverage = Coverage::default();
        let pristine = traced_stage(&coverage);
        let book = book(&pristine);
        // The ways of the scene itself are no input's.
        coverage.take_last();
        let mut fuzzer = Self {
            rng: Rng::with_seed(seed),
            machine: pristine.clone(),
            book,
            coverage,
            corpus: Vec::new(),
            pioneers: Vec::new(),
            landed: Vec::new(),
            shortest: BTreeMap::new(),
            seen: BTreeSet::new(),
            statistics: Statistics::default(),
            pristine,
        };
        for input in seeds(&fuzzer.pristine).into_iter().chain(corpus) {
            fuzzer.attempt(input)?;
        }
        Ok(fuzzer)
    }

    /// Sends an input and keeps it where it did something new.
    fn attempt(&mut self, input: Input) -> Result<(), (Input, String)> {
        let before = self.statistics.covered.ways;
        let result = super::caught(|| attack(&mut self.machine, &input));
        let ways = self.coverage.take_last();
        self.statistics.covered = self.coverage.covered();
        let is_pioneer = self.statistics.covered.ways > before;
        let (outcome, units) = match result {
            Ok(done) => done,
            Err(why) => return Err((input, why)),
        };
        self.statistics.executions += 1;
        let landed = outcome == Outcome::Landed;
        if let Some(call) = input.0.first().and_then(|raw| Call::read(&raw.data)) {
            let (tried, done) = self.statistics.instructions.entry(call.name()).or_default();
            (*tried, *done) = (*tried + 1, *done + landed as u64);
        }
        if landed {
            self.statistics.landed += 1;
            self.machine = self.pristine.clone();
        }
        let called = input.0.iter().map(|raw| raw.data.first().copied().unwrap_or(u8::MAX)).collect();
        let called: Vec<u8> = called;
        let ended = format!("{outcome:?}");
        let last = called.last().copied().unwrap_or(u8::MAX);
        let last = if (last as usize) <= Call::NAMES.len() { last } else { u8::MAX };
        let place = (last, called.len() > 1, ended.clone());
        if self.shortest.get(&place).is_none_or(|known| length(known) > length(&input)) {
            self.shortest.insert(place, input.clone());
        }
        if self.seen.insert((called, ended, units)) {
            if landed {
                self.landed.push(input.clone());
            }
            self.corpus.push(input.clone());
        }
        if is_pioneer {
            self.pioneers.push((input, ways));
            self.statistics.pioneers += 1;
        }
        (self.statistics.paths, self.statistics.kept) = (self.seen.len(), self.corpus.len());
        Ok(())
    }

    /// Breeds one more input.
    ///
    /// # Errors
    /// The input, and how the chain and the model differ.
    pub fn breed(&mut self) -> Result<(), (Input, String)> {
        let mut input = self.any();
        for _ in 0..self.rng.usize(1..=3) {
            self.mutate(&mut input);
        }
        self.attempt(input)
    }

    /// What is worth keeping for another day: for every end that was seen the shortest input that comes to it, and as few
    /// others as take all ways that were taken.
    pub fn corpus(&self) -> Vec<&Input> {
        let mut kept: Vec<&Input> = self.shortest.values().collect();
        let mut pioneers: Vec<&(Input, Vec<Way>)> = self.pioneers.iter().collect();
        // Those that take most go first; what they take need not be taken again.
        pioneers.sort_by_key(|(input, ways)| (Reverse(ways.len()), length(input)));
        let mut taken: BTreeSet<Way> = BTreeSet::new();
        for (input, ways) in pioneers {
            let before = taken.len();
            taken.extend(ways);
            if taken.len() > before && !kept.contains(&input) {
                kept.push(input);
            }
        }
        kept
    }

    fn any(&mut self) -> Input {
        let choice = self.rng.u8(0..10);
        if choice < 3 && !self.pioneers.is_empty() {
            // Late pioneers have been tried least and know the rarest ways.
            let count = self.pioneers.len();
            let from = if self.rng.bool() { count.saturating_sub(40) } else { 0 };
            return self.pioneers[self.rng.usize(from..count)].0.clone();
        }
        if choice < 7 && !self.landed.is_empty() {
            return self.landed[self.rng.usize(0..self.landed.len())].clone();
        }
        // Half of the time one of the latest, which have been tried least.
        let count = self.corpus.len();
        let from = if self.rng.bool() { count.saturating_sub(40) } else { 0 };
        self.corpus[self.rng.usize(from..count)].clone()
    }

    fn spot(&mut self) -> Spot {
        self.book[self.rng.usize(0..self.book.len())]
    }

    fn mutate(&mut self, input: &mut Input) {
        let at = self.rng.usize(0..input.0.len());
        let choice = self.rng.u8(0..20);
        if choice == 0 && input.0.len() < MOST_INSTRUCTIONS {
            let other = self.any().0.swap_remove(0);
            input.0.push(other);
            return;
        }
        if choice == 1 && input.0.len() > 1 {
            input.0.remove(at);
            return;
        }
        let spot = self.spot();
        let raw = &mut input.0[at];
        let (rng, accounts, data) = (&mut self.rng, &mut raw.accounts, &mut raw.data);
        let place = |rng: &mut Rng, count: usize| rng.usize(0..count.max(1)).min(count.saturating_sub(1));
        let index = place(rng, accounts.len());
        match choice {
            2..=5 if !accounts.is_empty() => accounts[index].0 = spot,
            6 | 7 if !accounts.is_empty() => accounts[index].1 ^= rng.u8(1..4),
            8 if accounts.len() > 1 => {
                let other = place(rng, accounts.len());
                accounts.swap(index, other);
            }
            9 if !accounts.is_empty() => drop(accounts.remove(index)),
            10 if accounts.len() < 24 => accounts.insert(index, (spot, rng.u8(0..4))),
            11 if !accounts.is_empty() => {
                let other = place(rng, accounts.len());
                accounts[other].0 = accounts[index].0;
            }
            12 if !data.is_empty() => {
                let byte = place(rng, data.len());
                data[byte] ^= 1 << rng.u8(0..8);
            }
            13 if !data.is_empty() => data[0] = rng.u8(0..24),
            14 => data.truncate(rng.usize(0..=data.len())),
            15 => data.extend((0..rng.usize(1..9)).map(|_| rng.u8(..))),
            _ if data.len() > 8 => {
                // A number that is on some edge.
                let byte = rng.usize(1..=data.len() - 8);
                let old = u64::from_le_bytes(data[byte..byte + 8].try_into().expect("8 bytes"));
                let number = match rng.u8(0..8) {
                    0 => 0,
                    1 => 1,
                    2 => u64::MAX,
                    3 => i64::MAX as u64,
                    4 => old.wrapping_add(1),
                    5 => old.wrapping_sub(1),
                    6 => old.wrapping_mul(2),
                    _ => 1 << rng.u8(0..64),
                };
                data[byte..byte + 8].copy_from_slice(&number.to_le_bytes());
            }
            _ => {}
        }
    }
}

/// Leaves out of an input what it does not need to fail.
pub fn shrink(input: &Input) -> Input {
    let pristine = stage();
    let fails = |input: &Input| super::caught(|| attack(&mut pristine.clone(), input)).is_err();
    let mut best = input.clone();
    let mut tried = true;
    while tried {
        tried = false;
        let mut candidates = Vec::new();
        for at in 0..best.0.len() {
            if best.0.len() > 1 {
                let mut fewer = best.clone();
                fewer.0.remove(at);
                candidates.push(fewer);
            }
            for index in 0..best.0[at].accounts.len() {
                let mut fewer = best.clone();
                fewer.0[at].accounts.remove(index);
                candidates.push(fewer);
            }
        }
        if let Some(smaller) = candidates.into_iter().find(fails) {
            best = smaller;
            tried = true;
        }
    }
    best
}
