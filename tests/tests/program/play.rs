//! Random games against the model, and what they found.

use multibus_tests::play::{self, Tally};

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
