//! Breeds raw transactions from a corpus.

use {
    super::{
        input::{Input, Raw, instructions, length},
        scene::{book, scene, seeds, traced_scene},
    },
    crate::play::{
        caught::caught,
        coverage::{Branch, Coverage, Covered},
        game::{Game, Outcome},
        script::AccountRef,
    },
    fastrand::Rng,
    multibus_model::Call,
    std::{
        cmp::Reverse,
        collections::{BTreeMap, BTreeSet},
    },
};

/// Instructions of one transaction, at most.
const MOST_INSTRUCTIONS: usize = 3;

/// Bytes of an instruction with the signature of a reading.
const SIGNED_BYTES: usize = 264;
/// Stands for a signature among the numbers of instructions.
const SIGNATURE: u8 = 254;

/// Sends an input and compares. Where it is refused, the game is as before.
///
/// # Errors
/// How the chain and the model differ.
pub fn attack(game: &mut Game, input: &Input) -> Result<(Outcome, u64), String> {
    let instructions = instructions(game, input);
    game.execute_all(&instructions)
}

/// What the inputs so far did.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    pub executions: u64,
    pub landed: u64,
    /// Different runs that were seen: instructions, how they ended, compute units.
    pub paths: usize,
    pub kept: usize,
    /// Inputs that took a branch which no earlier one took.
    pub pioneers: usize,
    pub covered: Covered,
    /// By the first instruction of an input: how many were tried, and how many landed.
    pub instructions: BTreeMap<&'static str, (u64, u64)>,
}

/// Breeds inputs.
pub struct Fuzzer {
    rng: Rng,
    /// The scene, to start over from when an input has landed.
    pristine: Game,
    game: Game,
    book: Vec<AccountRef>,
    coverage: Coverage,
    corpus: Vec<Input>,
    /// Inputs that took a new branch, each with all its branches.
    pioneers: Vec<(Input, Vec<Branch>)>,
    /// Inputs that landed: a thief would start from these.
    landed: Vec<Input>,
    /// The shortest input for each outcome of each instruction, alone and after others.
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
        let pristine = traced_scene(&coverage);
        let book = book(&pristine);
        // No input took the branches that made the scene.
        coverage.take_last();
        let mut fuzzer = Self {
            rng: Rng::with_seed(seed),
            game: pristine.clone(),
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
        let before = self.statistics.covered.branches;
        let result = caught(|| attack(&mut self.game, &input));
        let branches = self.coverage.take_last();
        self.statistics.covered = self.coverage.covered();
        let is_pioneer = self.statistics.covered.branches > before;
        let (outcome, units) = match result {
            Ok(done) => done,
            Err(why) => return Err((input, why)),
        };
        self.statistics.executions += 1;
        let landed = outcome == Outcome::Landed;
        let first = input.0.iter().find(|raw| !raw.is_signature);
        if let Some(call) = first.and_then(|raw| Call::name_of(&raw.data)) {
            let (tried, done) = self.statistics.instructions.entry(call).or_default();
            (*tried, *done) = (*tried + 1, *done + landed as u64);
        }
        if landed {
            self.statistics.landed += 1;
            self.game = self.pristine.clone();
        }
        let number =
            |raw: &Raw| if raw.is_signature { SIGNATURE } else { raw.data.first().copied().unwrap_or(u8::MAX) };
        let called = input.0.iter().map(number).collect();
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
            self.pioneers.push((input, branches));
            self.statistics.pioneers += 1;
        }
        (self.statistics.paths, self.statistics.kept) = (self.seen.len(), self.corpus.len());
        Ok(())
    }

    /// Breeds one more input and sends it.
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

    /// What is worth keeping: the shortest input for every outcome that was seen, and as few others as together take all
    /// branches that were taken.
    pub fn corpus(&self) -> Vec<&Input> {
        let mut kept: Vec<&Input> = self.shortest.values().collect();
        let mut pioneers: Vec<&(Input, Vec<Branch>)> = self.pioneers.iter().collect();
        // Those with most branches come first, so that fewer are needed.
        pioneers.sort_by_key(|(input, branches)| (Reverse(branches.len()), length(input)));
        let mut taken: BTreeSet<Branch> = BTreeSet::new();
        for (input, branches) in pioneers {
            let before = taken.len();
            taken.extend(branches);
            if taken.len() > before && !kept.contains(&input) {
                kept.push(input);
            }
        }
        kept
    }

    fn any(&mut self) -> Input {
        let choice = self.rng.u8(0..10);
        if choice < 3 && !self.pioneers.is_empty() {
            // Late pioneers have been changed least, and take the rarest branches.
            let count = self.pioneers.len();
            let from = if self.rng.bool() { count.saturating_sub(40) } else { 0 };
            return self.pioneers[self.rng.usize(from..count)].0.clone();
        }
        if choice < 7 && !self.landed.is_empty() {
            return self.landed[self.rng.usize(0..self.landed.len())].clone();
        }
        // Half of the time one of the latest, which have been changed least.
        let count = self.corpus.len();
        let from = if self.rng.bool() { count.saturating_sub(40) } else { 0 };
        self.corpus[self.rng.usize(from..count)].clone()
    }

    fn account(&mut self) -> AccountRef {
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
        let account = self.account();
        let raw = &mut input.0[at];
        if raw.is_signature {
            // Its bytes are signed: it can only have some too many.
            match choice {
                2..=4 if raw.accounts.len() < 4 => raw.accounts.push((account, self.rng.u8(0..4))),
                5..=7 => drop(raw.accounts.pop()),
                8..=10 => raw.data.push(self.rng.u8(..)),
                11..=13 => raw.data.truncate(SIGNED_BYTES),
                14..=16 if at + 1 < input.0.len() => input.0.swap(at, at + 1),
                _ => {}
            }
            return;
        }
        let (rng, accounts, data) = (&mut self.rng, &mut raw.accounts, &mut raw.data);
        let place = |rng: &mut Rng, count: usize| rng.usize(0..count.max(1)).min(count.saturating_sub(1));
        let index = place(rng, accounts.len());
        match choice {
            2..=5 if !accounts.is_empty() => accounts[index].0 = account,
            6 | 7 if !accounts.is_empty() => accounts[index].1 ^= rng.u8(1..4),
            8 if accounts.len() > 1 => {
                let other = place(rng, accounts.len());
                accounts.swap(index, other);
            }
            9 if !accounts.is_empty() => drop(accounts.remove(index)),
            10 if accounts.len() < 24 => accounts.insert(index, (account, rng.u8(0..4))),
            11 if !accounts.is_empty() => {
                let other = place(rng, accounts.len());
                accounts[other].0 = accounts[index].0;
            }
            12 if !data.is_empty() => {
                let byte = place(rng, data.len());
                data[byte] ^= 1 << rng.u8(0..8);
            }
            13 if !data.is_empty() => data[0] = rng.u8(0..=Call::NAMES.len() as u8),
            14 => data.truncate(rng.usize(0..=data.len())),
            15 => data.extend((0..rng.usize(1..9)).map(|_| rng.u8(..))),
            _ if data.len() > 8 => {
                // A number at a limit.
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

/// Shortens an input that fails: leaves out all that it does not need to fail.
pub fn shrink(input: &Input) -> Input {
    let pristine = scene();
    let fails = |input: &Input| caught(|| attack(&mut pristine.clone(), input)).is_err();
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
