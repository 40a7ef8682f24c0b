//! Random games against the model, and what they found.

use multibus_tests::play::{
    self, Tally,
    coverage::Coverage,
    fuzz,
    machine::{Machine, Outcome},
};

/// Plays games with these seeds.
///
/// # Panics
/// Where the chain and the model differ: with the shortest script that shows it, as a test to keep.
fn games(seeds: std::ops::Range<u64>, steps: usize) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        match play::game(seed, steps) {
            Ok(game) => tally.add(&game),
            Err(failure) => {
                let shortest = play::shrink(failure);
                panic!("game {seed}: {}\n\n{}", shortest.why, shortest.as_test());
            }
        }
    }
    tally
}

#[test]
fn games_of_two_to_twelve_parties_go_as_the_model_says() {
    let tally = games(0..10, 400);
    assert_eq!(tally.steps, 4_000);
    for (name, (landed, refused)) in &tally.instructions {
        assert!(*landed > 0 && *refused > 0, "{name} landed {landed} times and was refused {refused} times");
    }
    assert_eq!(tally.instructions.len(), 21, "every instruction is played");
}

/// Sends every input of the corpus to the scene as it was, and returns how many there are.
fn play_the_corpus(stage: &Machine) -> usize {
    let corpus = fuzz::read_corpus(include_str!("../../fuzz/corpus.txt")).expect("a corpus");
    let mut machine = stage.clone();
    for input in &corpus {
        match fuzz::attack(&mut machine, input) {
            Ok((Outcome::Landed, _)) => machine = stage.clone(),
            Ok(_) => {}
            Err(why) => panic!("{why}\n\nAgain: cargo xtask fuzz --input '{input}'"),
        }
    }
    corpus.len()
}

/// What `cargo xtask fuzz` found worth keeping, each on the scene as it was.
#[test]
fn the_corpus_of_raw_transactions_goes_as_the_model_says() {
    assert!(play_the_corpus(&fuzz::stage()) > 1_000);
}

/// A program that holds bugs, all turned off, has more ways than it can take: this is asked of the one that ships.
#[test]
fn the_corpus_takes_the_ways_through_the_program() {
    let coverage = Coverage::default();
    play_the_corpus(&fuzz::traced_stage(&coverage));
    let covered = coverage.covered();
    // Many cannot be taken at all: they guard against what the runtime or an earlier check rules out, or serve other
    // callers of the library code that is linked in.
    assert!(covered.all_ways > 1_000 && covered.ways * 100 >= covered.all_ways * 35, "{covered:?}");
}
