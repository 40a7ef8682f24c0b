//! Random games against the model: 2 to 12 parties play every instruction, valid and invalid, on the built program in a
//! simulated chain, and a [model](multibus_model) that shares no code with it plays along. After every step the result (the
//! exact error), every balance in tokens and lamports, every byte of every account and all invariants are compared.
//!
//! The generator is written here rather than with proptest-state-machine, for three reasons. It looks into the model to
//! aim at edges (the very second, the last Wh), which that crate can do as well, but it would keep a copy of the model
//! for every step of a game to shrink it later. Steps name accounts by places that do not move, so that any of them can
//! be left out; that makes shrinking a matter of leaving out, in a few lines. And a million steps need no more memory
//! than one game.

pub mod coverage;
pub mod expect;
pub mod fuzz;
pub mod generate;
pub mod machine;
pub mod script;

use {
    generate::Generator,
    machine::{Machine, Outcome},
    multibus::error::MultibusError,
    multibus_model::Call,
    script::{Deed, Step, Tamper},
    solana_instruction::error::InstructionError,
    std::{
        collections::BTreeMap,
        panic::{AssertUnwindSafe, catch_unwind},
    },
};

/// Steps between two comparisons of everything.
const COMPARE_ALL: usize = 200;

/// What happened in some games.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub games: u64,
    pub steps: u64,
    /// By instruction: landed and refused.
    pub instructions: BTreeMap<&'static str, (u64, u64)>,
    /// How often each error was seen.
    pub refusals: BTreeMap<String, u64>,
}

impl Tally {
    fn count(&mut self, step: &Step, outcome: Outcome, machine: &Machine) {
        self.steps += 1;
        let Step::Do(deed, _) = step else { return };
        let data = &machine.instruction(deed).data;
        let name = Call::NAMES[Call::read(data).expect("an instruction").index()];
        let (landed, refused) = self.instructions.entry(name).or_default();
        match outcome {
            Outcome::Landed => *landed += 1,
            Outcome::Refused(error) => {
                *refused += 1;
                *self.refusals.entry(error_name(&error)).or_default() += 1;
            }
            Outcome::Around => {}
        }
    }

    /// Adds what happened in other games.
    pub fn add(&mut self, other: &Self) {
        self.games += other.games;
        self.steps += other.steps;
        for (name, (landed, refused)) in &other.instructions {
            let sums = self.instructions.entry(name).or_default();
            (sums.0, sums.1) = (sums.0 + landed, sums.1 + refused);
        }
        for (name, count) in &other.refusals {
            *self.refusals.entry(name.clone()).or_default() += count;
        }
    }

    /// Errors of the market that no step was refused with.
    pub fn unseen(&self) -> Vec<&'static str> {
        MultibusError::ALL.iter().map(|error| error.name()).filter(|name| !self.refusals.contains_key(*name)).collect()
    }
}

/// Name of an error of the market, or how the runtime calls another.
fn error_name(error: &InstructionError) -> String {
    match error {
        InstructionError::Custom(code) => {
            MultibusError::from_code(*code).map_or_else(|| format!("Custom({code})"), |error| error.name().to_owned())
        }
        other => format!("{other:?}"),
    }
}

/// A game in which the chain and the model differ.
#[derive(Clone, Debug)]
pub struct Failure {
    pub parties: u8,
    pub steps: Vec<Step>,
    pub why: String,
}

impl Failure {
    /// The failure as a test.
    pub fn as_test(&self) -> String {
        script::as_test(self.parties, &self.steps, &self.why)
    }
}

/// Does something that fails with a sentence, or by a panic that becomes one.
fn caught<T>(what: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(what)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
    })
}

/// Plays one game of so many steps.
///
/// # Errors
/// The steps up to where the chain and the model differ.
pub fn game(seed: u64, steps: usize) -> Result<Tally, Failure> {
    let mut generator = Generator::new(seed);
    let parties = generator.parties();
    let mut machine = Machine::new(parties);
    let mut tally = Tally { games: 1, ..Tally::default() };
    let mut script = Vec::with_capacity(steps);
    let played = caught(|| {
        for number in 1..=steps {
            let step = generator.step(&machine);
            script.push(step.clone());
            let outcome = machine.step(&step)?;
            tally.count(&step, outcome, &machine);
            if number % COMPARE_ALL == 0 || number == steps {
                machine.compare_all()?;
            }
        }
        Ok(())
    });
    match played {
        Ok(()) => Ok(tally),
        Err(why) => Err(Failure { parties, steps: script, why }),
    }
}

/// Plays a script; `None` where nothing differs, else where and how.
fn run(parties: u8, steps: &[Step]) -> Option<(usize, String)> {
    let mut at = 0;
    let mut machine = Machine::new(parties);
    caught(|| {
        for (number, step) in steps.iter().enumerate() {
            at = number;
            machine.step(step)?;
        }
        machine.compare_all()
    })
    .err()
    .map(|why| (at, why))
}

/// Plays a script, as the printed tests do.
///
/// # Panics
/// Where the chain and the model differ.
pub fn replay(parties: u8, steps: &[Step]) {
    if let Some((at, why)) = run(parties, steps) {
        panic!("step {at}, {:?}: {why}", steps.get(at));
    }
}

/// Leaves out of a failing game what it does not need to fail.
pub fn shrink(failure: Failure) -> Failure {
    let Failure { parties, mut steps, mut why } = failure;
    let fails = |steps: &[Step]| run(parties, steps);
    let mut kept = |candidate: Vec<Step>, steps: &mut Vec<Step>| -> bool {
        let Some((at, found)) = fails(&candidate) else { return false };
        *steps = candidate;
        steps.truncate(at + 1);
        why = found;
        true
    };
    let mut chunk = steps.len() / 2;
    while chunk > 0 {
        let mut start = 0;
        while start < steps.len() {
            let mut candidate = steps.clone();
            candidate.drain(start..(start + chunk).min(steps.len()));
            if !kept(candidate, &mut steps) {
                start += chunk;
            }
        }
        chunk /= 2;
    }
    // What remains may do with less: no tampering, rounder numbers.
    for index in 0..steps.len() {
        for simpler in simpler(&steps[index]) {
            let mut candidate = steps.clone();
            candidate[index] = simpler;
            kept(candidate, &mut steps);
            if index >= steps.len() {
                break;
            }
        }
        if index >= steps.len() {
            break;
        }
    }
    Failure { parties, steps, why }
}

/// Simpler forms of a step.
fn simpler(step: &Step) -> Vec<Step> {
    let Step::Do(deed, tamper) = step else { return Vec::new() };
    let mut found = Vec::new();
    if *tamper != Tamper::Nothing {
        found.push(Step::Do(deed.clone(), Tamper::Nothing));
    }
    match deed.clone() {
        Deed::CreateOffer { by, offer, price, source, payout, .. } => {
            found
                .push(Step::Do(Deed::CreateOffer { by, offer, wh: 1_000, price, expires: 0, source, payout }, *tamper));
        }
        Deed::Buy { by, lane, nonce, offer, from, .. } => {
            let ask = script::Ask(1, u64::MAX, 0);
            found.push(Step::Do(Deed::Buy { by, lane, nonce, offer, ask, at_least: 1, from }, *tamper));
        }
        Deed::TakeLock { by, offer, from, .. } => {
            found.push(Step::Do(Deed::TakeLock { by, offer, ask: script::Ask(1, u64::MAX, 0), from }, *tamper));
        }
        _ => {}
    }
    found
}
