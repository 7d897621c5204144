//! Reserves and the ledger against a reference: random charges, refunds, disputes, payouts, plans,
//! holds and releases, while time passes and goes back, commits fail and machines crash. After
//! every step all balances, holds, plans and releases must be as the reference has them, and the
//! rows must keep the invariants.
//!
//! The run repeats itself. `COFFER_MODEL_SEED` runs one case by its seed, `COFFER_MODEL_CASES`
//! more of them; a failure tells the seed, the step, and what was done before it.

pub mod changes;
mod driver;
pub mod fixture;
pub mod reference;
mod told_later;

use coffer_testkit::is_postgres;
use driver::Driver;
use fixture::{check_rows, verify};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Cases of a run.
const CASES: usize = 84;

/// Steps in each case: together over ten thousand.
const STEPS: usize = 120;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// What happens at least once in a run, or the cases would prove little.
const HAPPENS: [&str; 32] = [
    "a clock that went back",
    "a commit that failed",
    "a crash",
    "ledger/adjustments 200",
    "ledger/charges 200",
    "ledger/charges 400",
    "ledger/charges/:id 200",
    "ledger/disputes 200",
    "ledger/disputes/:id 200",
    "ledger/disputes/:id/movements 200",
    "ledger/payouts 200",
    "ledger/payouts 400",
    "ledger/payouts/:id 200",
    "ledger/payouts/:id 400",
    "ledger/refunds 200",
    "ledger/refunds/:id 200",
    "ledger/refunds/:id 400",
    "released hold_expired",
    "released hold_released_early",
    "released hold_reversed",
    "released plan_disabled",
    "reserve/holds 200",
    "reserve/holds 400",
    "reserve/holds/:id 200",
    "reserve/holds/:id 400",
    "reserve/plans 200",
    "reserve/plans/:id 200",
    "reserve/plans/:id 400",
    "reserve/plans/:id/disable 200",
    "reserve/plans/:id/disable 400",
    "reserve/releases 200",
    "reserve/releases 400",
];

/// Runs one case to its end, or to where the server and the reference part; what happened.
fn run(seed: u64) -> Result<BTreeMap<String, usize>, String> {
    let mut driver = Driver::new(seed);
    for step in 0..STEPS {
        if let Err(why) = driver.step() {
            let from = driver.log.len().saturating_sub(20);
            let before = driver.log[from..].join("\n    ");
            return Err(format!("COFFER_MODEL_SEED={seed}, step {step}: {why}\n    {before}"));
        }
    }
    match verify(&driver.fixture) {
        0 => {
            let released =
                driver.keeper.books.released.keys().map(|reason| (format!("released {reason}"), 1));
            Ok(driver.outcomes.into_iter().chain(released).collect())
        }
        differences => Err(format!("COFFER_MODEL_SEED={seed}: {differences} differences")),
    }
}

#[test]
fn the_books_are_as_the_reference_has_them_after_every_step() {
    if let Some(seed) = variable("COFFER_MODEL_SEED") {
        let outcomes = run(seed).unwrap_or_else(|why| panic!("{why}"));
        println!("{outcomes:#?}");
        return;
    }
    // On PostgreSQL each step takes several times as long; all that happens in the cases also
    // happens in the first half of them.
    let usual = if is_postgres() { CASES / 2 } else { CASES };
    let cases = variable("COFFER_MODEL_CASES").map_or(usual, |cases| cases as usize);
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::SeqCst);
                        if seed >= cases {
                            return Ok(());
                        }
                        for (what, times) in run(seed as u64)? {
                            *outcomes.lock().unwrap().entry(what).or_insert(0) += times;
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap().unwrap_or_else(|why: String| panic!("{why}"));
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    println!("{} steps: {outcomes:#?}", cases * STEPS);
    if cases >= usual {
        for happens in HAPPENS {
            assert!(outcomes.contains_key(happens), "'{happens}' never happened: {outcomes:#?}");
        }
    }
}

/// Books that are wrong do not get away with it.
#[test]
fn books_that_are_off_by_one_are_noticed() {
    let mut driver = Driver::new(1);
    (0..40).for_each(|_| driver.step().unwrap());
    let server = driver.fixture.server();
    let change = |sql| server.execute(sql, &[]);
    assert_eq!((check_rows(server), verify(&driver.fixture)), (Ok(()), 0));
    change("UPDATE ledger_balance SET fees = fees + 1").unwrap();
    let broken = check_rows(server).unwrap_err();
    assert!(broken.contains("sums of their postings"), "{broken}");
    assert!(verify(&driver.fixture) > 0);
    change("UPDATE ledger_balance SET fees = fees - 1").unwrap();
    // A posting cannot be taken away, but one that nobody made can be written.
    change(
        "INSERT INTO ledger_posting SELECT mode, platform, account, entry, line + 100, \
         from_bucket, to_bucket, amount, currency, source_type FROM ledger_posting \
         WHERE entry = (SELECT max(entry) FROM ledger_posting)",
    )
    .unwrap();
    assert!(check_rows(server).is_err() && verify(&driver.fixture) > 0);
}
