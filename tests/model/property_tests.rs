//! Property tests over random sequences of steps.

use crate::driver::Driver;
use crate::step::{Step, step};
use coffer_storage::Faults;
use proptest::collection::vec;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::num::NonZeroU64;

/// Cases of a run, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 50;

/// Steps of a case.
const STEPS: std::ops::Range<usize> = 1..240;

/// What happens at least once in a run, or the cases would prove little.
const HAPPENS: &[&str] = &[
    "set 200",
    "set 200 replayed",
    "set 400",
    "set 400 expires_at",
    "set 400 idempotency_error",
    "set 401 api_key_expired",
    "set 403",
    "set 403 account_invalid",
    "set 403 scope[type]",
    "set 403 scope[user]",
    "find 200",
    "find 403 scope[user]",
    "find 404 resource_missing name",
    "list 200",
    "list 200 more",
    "list 400",
    "list 400 resource_missing starting_after",
    "list 400 resource_missing ending_before",
    "delete 200",
    "delete 200 replayed",
    "delete 404 resource_missing name",
    "delete 404 resource_missing name replayed",
    "make 200",
];

fn config() -> Config {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(20_270_115);
    }
    config.max_shrink_iters = 2000;
    config
}

/// What the cases of a run came to.
struct Outcome {
    steps: usize,
    /// What was asked, and how it was answered: how often.
    outcomes: BTreeMap<String, usize>,
    result: Result<(), TestError<Vec<Step>>>,
}

fn check(config: Config, faults: impl Fn() -> Faults) -> Outcome {
    let steps = Cell::new(0usize);
    let outcomes = RefCell::new(BTreeMap::new());
    let seed = config.rng_seed;
    let result = TestRunner::new(config).run(&vec(step(), STEPS), |case| {
        let mut driver = Driver::new(faults());
        for (at, step) in case.iter().enumerate() {
            steps.set(steps.get() + 1);
            driver.run(step).map_err(|difference| {
                TestCaseError::fail(format!("seed {seed:?}, step {at}, {step:?}: {difference}"))
            })?;
        }
        for (what, times) in &driver.outcomes {
            *outcomes.borrow_mut().entry(what.clone()).or_default() += times;
        }
        Ok(())
    });
    Outcome { steps: steps.get(), outcomes: outcomes.into_inner(), result }
}

#[test]
fn every_answer_is_the_predicted_one() {
    let Outcome { steps, outcomes, result } = check(config(), Faults::none);
    println!("{steps} steps: {outcomes:#?}");
    if let Err(TestError::Fail(reason, case)) = result {
        let case: Vec<String> = case.iter().map(|step| format!("    {step:?}")).collect();
        panic!("{reason}\nin this case:\n{}", case.join("\n"));
    }
    if config().cases >= CASES && std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        assert!(steps >= 2000, "{steps} steps");
        for happens in HAPPENS {
            assert!(outcomes.contains_key(*happens), "'{happens}' never happened: {outcomes:#?}");
        }
    }
}

/// A server that loses a write now and then does not get away with it.
#[test]
fn a_server_that_loses_writes_is_noticed() {
    // The first write that is lost comes after those that set the case up.
    let lossy = || Faults::none().drop_writes(NonZeroU64::new(67).unwrap());
    let config = Config { max_shrink_iters: 0, ..config() };
    let Err(TestError::Fail(reason, _)) = check(config, lossy).result else {
        panic!("not noticed");
    };
    let reason = reason.message().to_owned();
    assert!(reason.contains("expected"), "noticed, but by accident: {reason}");
}
