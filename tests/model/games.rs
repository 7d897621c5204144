//! Random games.

use crate::play::Game;
use crate::step::{Step, step};
use coffer_storage::Faults;
use proptest::collection::vec;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::num::NonZeroU64;

/// Games of a run, unless `PROPTEST_CASES` says otherwise.
const GAMES: u32 = 32;

/// Steps of a game.
const STEPS: std::ops::Range<usize> = 1..240;

fn config() -> Config {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = GAMES;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(20_270_115);
    }
    config.max_shrink_iters = 2000;
    config
}

/// What games came to.
struct Played {
    steps: usize,
    /// What was asked, and how it was answered: how often.
    told: BTreeMap<String, usize>,
    result: Result<(), TestError<Vec<Step>>>,
}

fn play(config: Config, faults: impl Fn() -> Faults) -> Played {
    let steps = Cell::new(0usize);
    let told = RefCell::new(BTreeMap::new());
    let seed = config.rng_seed;
    let result = TestRunner::new(config).run(&vec(step(), STEPS), |game| {
        let mut server = Game::new(faults());
        for (at, step) in game.iter().enumerate() {
            steps.set(steps.get() + 1);
            server.play(step).map_err(|difference| {
                TestCaseError::fail(format!("seed {seed:?}, step {at}, {step:?}: {difference}"))
            })?;
        }
        for (what, times) in &server.told {
            *told.borrow_mut().entry(what.clone()).or_default() += times;
        }
        Ok(())
    });
    Played { steps: steps.get(), told: told.into_inner(), result }
}

#[test]
fn every_answer_is_the_predicted_one() {
    let Played { steps, told, result } = play(config(), Faults::none);
    println!("{steps} steps: {told:#?}");
    if let Err(TestError::Fail(reason, game)) = result {
        let game: Vec<String> = game.iter().map(|step| format!("    {step:?}")).collect();
        panic!("{reason}\nin this game:\n{}", game.join("\n"));
    }
    assert!(steps >= 2000 || config().cases < GAMES, "{steps} steps");
}

/// A server that loses a write now and then does not get away with it.
#[test]
fn a_server_that_loses_writes_is_noticed() {
    // The first write that is lost comes after those that set the game up.
    let lossy = || Faults::none().drop_writes(NonZeroU64::new(61).unwrap());
    let config = Config { max_shrink_iters: 0, ..config() };
    let Err(TestError::Fail(reason, _)) = play(config, lossy).result else {
        panic!("not noticed");
    };
    let reason = reason.message().to_owned();
    assert!(reason.contains("expected"), "noticed, but by accident: {reason}");
}
