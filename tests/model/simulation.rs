//! The whole server in one thread, driven by a seed: what is asked and when, when a store's writer
//! carries out what waits, whose answers arrive, when the power fails and which sectors it leaves,
//! which commits fail and how, and what the clock shows. What comes of it is held to the models:
//! secrets to an order that explains what everybody saw, books to the reference, which must have
//! each change once, and webhooks to the events: each that was committed arrives, and no other.
//!
//! Between Coffer and its store there is a queue here and no network. What a network adds are
//! commits whose reply is lost and stores that cannot be reached, and those are decided by the
//! seed too; databases that are really elsewhere fail in `tests/postgres`.
//!
//! The run repeats itself. `COFFER_SIMULATION_SEED` runs one seed and tells what it did,
//! `COFFER_SIMULATION_SEEDS` more of them, `COFFER_SIMULATION_STEPS` longer ones.

mod caller;
mod deliveries;
pub mod disk;
mod gate;
mod hanging;
pub mod life;
mod money;
pub mod receivers;
mod report;
mod secrets;
pub mod template;
pub mod wire;
mod world;

use coffer_storage::Faults;
use report::Report;
use std::num::NonZeroU64;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::runtime::Builder;
use world::{End, World};

/// Seeds of a run.
const SEEDS: u64 = 1000;

/// Steps of a seed.
const STEPS: usize = 60;

/// Lines of what was done that a failure tells.
const TOLD: usize = 60;

/// Seeds within which a build that is wrong must be caught.
const CAUGHT_WITHIN: u64 = 200;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// What a seed came to.
struct Played {
    report: Report,
    /// All that was asked and answered, and what else happened.
    log: Vec<String>,
}

/// Plays one seed to its end, or to where the server and the models part.
fn play(seed: u64, steps: usize, canary: Faults) -> Result<Played, String> {
    let home = template::home();
    let template = template::template();
    let mut world = World::new(seed, steps, canary, template);
    let mut left = template.disk.clone();
    for number in 0.. {
        let directory = home.path().join(format!("life-{number}"));
        left.write(&directory);
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.unwrap();
        let (life, ended) = runtime.block_on(async {
            match world.around.start(&directory).await {
                Ok(life) => {
                    let ended = world.live(&life).await;
                    (Some(life), ended)
                }
                Err(why) => (None, Err(why)),
            }
        });
        life.iter().for_each(life::Life::release);
        drop(runtime);
        drop(life);
        // The thread that looks at the disk may still put the ballast there.
        while std::fs::remove_dir_all(&directory).is_err() && directory.exists() {
            std::thread::yield_now();
        }
        match ended {
            Ok(End::Over) => break,
            Ok(End::Crash(disk)) => left = disk,
            Err(why) => {
                let from = world.log.len().saturating_sub(TOLD);
                let log = world.log[from..].join("\n    ");
                return Err(format!("COFFER_SIMULATION_SEED={seed}: {why}\n    {log}"));
            }
        }
    }
    world.report.count("seeds");
    Ok(Played { report: world.report, log: world.log })
}

/// Plays many seeds, on two threads; the first that fails is the result.
fn play_all(seeds: u64, steps: usize) -> Result<Report, String> {
    let (next, report) = (AtomicU64::new(0), Mutex::new(Report::default()));
    std::thread::scope(|scope| {
        let worker = || {
            loop {
                let seed = next.fetch_add(1, Ordering::SeqCst);
                if seed >= seeds {
                    return Ok(());
                }
                let played = play(seed, steps, Faults::none())?;
                report.lock().unwrap().add(&played.report);
            }
        };
        let workers = [scope.spawn(worker), scope.spawn(worker)];
        workers.map(|worker| worker.join().unwrap()).into_iter().collect::<Result<(), String>>()
    })?;
    Ok(report.into_inner().unwrap())
}

/// What happens in a run, or it would prove little.
const HAPPENS: [&str; 15] = [
    "acknowledged reads",
    "acknowledged writes",
    "answers nobody waited for",
    "clocks set back",
    "clocks that went on",
    "comparisons of books",
    "commits on a full disk",
    "crashes",
    "crashes in a checkpoint",
    "crashes in a commit",
    "events that arrived",
    "events that arrived again",
    "flushes that failed",
    "replays",
    "replies of the store that were lost",
];

#[test]
fn simulation_of_every_seed_agrees_with_the_models() {
    let steps = variable("COFFER_SIMULATION_STEPS").map_or(STEPS, |steps| steps as usize);
    if let Some(seed) = variable("COFFER_SIMULATION_SEED") {
        let played = play(seed, steps, Faults::none()).unwrap_or_else(|why| panic!("{why}"));
        println!("{}", played.report);
        return;
    }
    let seeds = variable("COFFER_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let report = play_all(seeds, steps).unwrap_or_else(|why| panic!("{why}"));
    println!("{report}");
    println!("durability: {}", report.summary());
    if seeds >= SEEDS {
        HAPPENS.iter().for_each(|what| assert!(report.of(what) > 0, "'{what}' never happened"));
    }
}

#[test]
fn simulation_of_one_seed_repeats_itself() {
    for seed in 0..12 {
        let [one, other] = [0, 1].map(|_| play(seed, 4 * STEPS, Faults::none()).unwrap().log);
        let parts = one.iter().zip(&other).position(|(one, other)| one != other);
        let lines = |log: &[String], at| log[..=at].join("\n");
        if let Some(at) = parts {
            panic!("{}\n---\n{}", lines(&one, at), lines(&other, at));
        }
        assert_eq!(one.len(), other.len(), "seed {seed}");
    }
}

/// Plays seeds until one of them catches the build; how.
fn caught(canary: fn() -> Faults) -> String {
    let failure = (0..CAUGHT_WITHIN).find_map(|seed| play(seed, 4 * STEPS, canary()).err());
    failure.expect("the build is wrong, and no seed has caught it")
}

#[test]
fn simulation_catches_a_build_that_acknowledges_early() {
    println!("{}", caught(|| Faults::none().acknowledge_before_commit()));
}

#[test]
fn simulation_catches_a_build_that_skips_the_fence_of_its_reads() {
    println!("{}", caught(|| Faults::none().stale_reads()));
}

#[test]
fn simulation_catches_a_build_that_loses_writes() {
    println!("{}", caught(|| Faults::none().drop_writes(NonZeroU64::new(40).unwrap())));
}
