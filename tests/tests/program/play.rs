//! Random games against the model, and what they found.

use multibus_tests::play::{self, Tally, fuzz, game::Outcome};

/// Refusals that games of this length do not meet: counters at their end, a million bids, accounts of a later program, sixteen owners or
/// former owners at once, four devices in one delivery book, and what takes several rare moves in a row. The tests of these
/// rules set them up.
const UNMET: [&str; 10] = [
    "CounterOverflow",
    "ActionUnknown",
    "LayoutUnknown",
    "MintInvalid",
    "OwnersFull",
    "FormerOwnersFull",
    "FormerOwnersUnpaid",
    "BusSalesUnswept",
    "BookMetersFull",
    "BidsFull",
];

/// Plays games with these seeds.
///
/// # Panics
/// Where the chain and the model differ: with the shortest script that shows it, as a test to keep.
fn games(seeds: std::ops::Range<u64>, steps: usize) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        match play::play(seed, steps) {
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
    let tally = games(0..240, 400);
    assert_eq!(tally.steps, 96_000);
    for (name, (landed, refused)) in &tally.instructions {
        assert!(*landed > 0 && *refused > 0, "{name} landed {landed} times and was refused {refused} times");
    }
    assert_eq!(tally.instructions.len(), 53, "every instruction is played");
    let unplayed = |all: &[&'static str], counts: &std::collections::BTreeMap<&'static str, u64>| {
        all.iter().copied().filter(|name| !counts.contains_key(name)).collect::<Vec<_>>()
    };
    assert_eq!(unplayed(&play::wind::BRANCHES, &tally.winding), [""; 0], "every branch of the winding-down is taken");
    assert_eq!(unplayed(&play::HOSTILE_MOVES, &tally.hostile), [""; 0], "every hostile move is played");
    assert_eq!(unplayed(&play::MARKS, &tally.marks), [""; 0], "all that becomes of auctions is seen");
    let unseen: Vec<_> = tally.unseen().into_iter().filter(|name| !UNMET.contains(name)).collect();
    assert_eq!(unseen, [""; 0], "every refusal is met");
}

fn corpus() -> Vec<fuzz::Input> {
    fuzz::read_corpus(include_str!("../../fuzz/corpus.txt")).expect("a corpus")
}

/// What `cargo xtask fuzz` found worth keeping. Each input meets the same market.
#[test]
fn the_corpus_of_raw_transactions_goes_as_the_model_says() {
    let (corpus, scene) = (corpus(), fuzz::scene());
    assert!(corpus.len() > 1_000);
    let mut game = scene.clone();
    for input in &corpus {
        match fuzz::attack(&mut game, input) {
            Ok((Outcome::Landed, _)) => game = scene.clone(),
            Ok(_) => {}
            Err(why) => panic!("{why}\n\nAgain: cargo xtask fuzz --input '{input}'"),
        }
    }
}

/// A program with planted bugs that are turned off has branches that nothing takes. This test is for the one that ships.
#[test]
fn breeding_begins_with_every_instruction_and_most_branches() {
    let fuzzer = fuzz::Fuzzer::new(1, corpus()).unwrap_or_else(|(input, why)| panic!("{why}: {input}"));
    let fuzz::Statistics { covered, instructions, .. } = fuzzer.statistics;
    for (name, (tried, landed)) in &instructions {
        assert!(*landed > 0, "none of {tried} inputs with {name} lands");
    }
    assert_eq!(instructions.len(), 53);
    // Many cannot be taken: they guard against what the runtime or an earlier check rules out, or belong to library code
    // that the program uses only in part.
    assert!(covered.all_branches > 1_000 && covered.branches * 100 >= covered.all_branches * 35, "{covered:?}");
}
