//! Random games: played, counted, and shrunk where they fail.

use {
    super::{
        caught::caught,
        game::{Game, Outcome},
        generate::Generator,
        script::{self, NewOffer, Operation, Step, Tamper},
        wind,
    },
    multibus::error::MultibusError,
    multibus_model::Call,
    std::collections::BTreeMap,
};

/// Steps between two comparisons of everything.
const COMPARE_ALL: usize = 200;

/// Steps at the end of a game that leave what is hard to wind down.
const LAST_MOVES: usize = 8;

/// What happened in some games.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub games: u64,
    pub steps: u64,
    /// By instruction: how often it landed, in the game and while it was wound down, and how often it was refused.
    pub instructions: BTreeMap<&'static str, (u64, u64)>,
    /// How often each error was seen.
    pub refusals: BTreeMap<String, u64>,
    /// How often each hostile move was played, with an effect.
    pub hostile: BTreeMap<&'static str, u64>,
    /// How often each branch of the winding-down was taken.
    pub winding: BTreeMap<&'static str, u64>,
    /// What was seen of auctions.
    pub marks: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn count(&mut self, step: &Step, outcome: Outcome, game: &Game) {
        self.steps += 1;
        if let Outcome::Around(Some(name)) = outcome {
            *self.hostile.entry(name).or_default() += 1;
        }
        let Step::Do(operation, tamper) = step else { return };
        if let (Tamper::Same(..), Outcome::Landed) = (tamper, &outcome) {
            *self.hostile.entry("pass an account in two places").or_default() += 1;
        }
        let data = &game.instruction(operation).data;
        let name = Call::name_of(data).expect("an instruction");
        let (_, refused) = self.instructions.entry(name).or_default();
        match outcome {
            Outcome::Landed | Outcome::Around(_) => {}
            Outcome::Refused(_) => *refused += 1,
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
        for (name, count) in &other.hostile {
            *self.hostile.entry(name).or_default() += count;
        }
        for (name, count) in &other.marks {
            *self.marks.entry(name).or_default() += count;
        }
        for (name, count) in &other.winding {
            *self.winding.entry(name).or_default() += count;
        }
    }

    /// Errors of the market that no step was refused with.
    pub fn unseen(&self) -> Vec<&'static str> {
        MultibusError::ALL.iter().map(|error| error.name()).filter(|name| !self.refusals.contains_key(*name)).collect()
    }
}

/// A game in which the chain and the model differ, and how.
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

/// Plays one game of this many steps.
///
/// # Errors
/// The steps up to where the chain and the model differ.
pub fn play(seed: u64, steps: usize) -> Result<Tally, Failure> {
    let mut generator = Generator::new(seed);
    let parties = generator.parties();
    let mut game = Game::new(parties);
    let mut tally = Tally { games: 1, ..Tally::default() };
    let mut script = Vec::with_capacity(steps);
    let played = caught(|| {
        for number in 1..=steps {
            let step = if number + LAST_MOVES > steps { generator.last(&game) } else { generator.step(&game) };
            script.push(step.clone());
            let outcome = game.step(&step)?;
            tally.count(&step, outcome, &game);
            if number % COMPARE_ALL == 0 || number == steps {
                game.compare_all()?;
            }
        }
        tally.winding = wind::wind_down(&mut game)?;
        Ok(())
    });
    match played {
        Ok(()) => {
            for (name, landed) in &game.landed {
                tally.instructions.entry(name).or_default().0 += landed;
            }
            tally.refusals.clone_from(&game.refusals);
            tally.marks.clone_from(&game.marks);
            Ok(tally)
        }
        Err(why) => Err(Failure { parties, steps: script, why }),
    }
}

/// Plays a script. Where chain and model differ, this is the step and how; else `None`.
fn run(parties: u8, steps: &[Step]) -> Option<(usize, String)> {
    let mut at = 0;
    let mut game = Game::new(parties);
    caught(|| {
        for (number, step) in steps.iter().enumerate() {
            at = number;
            game.step(step)?;
        }
        game.compare_all()?;
        wind::wind_down(&mut game)?;
        Ok(())
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

/// Shortens a failing game: leaves out all that it does not need to fail.
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
    // The remaining steps may be simplified: no tampering, rounder numbers.
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
    let Step::Do(operation, tamper) = step else { return Vec::new() };
    let mut found = Vec::new();
    if *tamper != Tamper::Nothing {
        found.push(Step::Do(operation.clone(), Tamper::Nothing));
    }
    match operation.clone() {
        Operation::CreateOffer { by, new } => {
            let new = NewOffer { wh: 1_000, ..new };
            found.push(Step::Do(Operation::CreateOffer { by, new }, *tamper));
        }
        Operation::Buy { by, lane, nonce, offer, from, .. } => {
            let ask = script::Ask(1, u64::MAX, 0);
            found.push(Step::Do(Operation::Buy { by, lane, nonce, offer, ask, at_least: 1, from }, *tamper));
        }
        Operation::TakeLock { by, offer, place, from, refund, .. } => {
            let ask = script::Ask(1, u64::MAX, 0);
            found.push(Step::Do(Operation::TakeLock { by, offer, place, ask, from, refund }, *tamper));
        }
        _ => {}
    }
    found
}
