//! Fuzzing with libFuzzer on the stable compiler.
//!
//! The coverage instrumentation is a pass of LLVM that rustc can run by itself, so neither a
//! nightly compiler nor a tool has to be installed, only a C++ compiler for libFuzzer's sources.
//! The crate `fuzz/` stands outside the workspace, since its flags would rebuild everything else;
//! they are in its own `.cargo/config.toml`, and what is built and found stays in its folder.

use crate::step::{self, Outcome, Step};
use crate::{number, root};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Every target of `fuzz/`. One that is missing there fails.
pub const TARGETS: [&str; 7] = [
    "form_decoder",
    "authorization_header",
    "cursor",
    "envelope",
    "keyring_file",
    "backup_stream",
    "audit_verifier",
];
/// How long each target runs unless told otherwise.
pub const SECONDS: u32 = 20;

/// No input may take longer than this many seconds: a parser that needs more is a weakness.
const INPUT_SECONDS: u32 = 10;
/// The memory, in megabytes, that the targets may use; they all work on a few kilobytes.
const MEMORY: u32 = 1024;

/// `cargo xtask fuzz [target] [--seconds N]`.
pub fn run(words: &[String]) -> Outcome {
    let mut seconds = SECONDS;
    let mut chosen = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match TARGETS.iter().find(|target| *target == word) {
            Some(target) => chosen.push(*target),
            None if word == "--seconds" => seconds = number(word, words.next())?,
            None => {
                let names = TARGETS.join(", ");
                return Err(format!("there is no fuzz target \"{word}\"; there are {names}"));
            }
        }
    }
    if chosen.is_empty() {
        chosen.extend(TARGETS);
    }
    fuzz(&chosen, seconds)
}

/// Builds the crate and runs each target for so many seconds, as many at a time as there are cores,
/// since each uses one; all run, even after a failure.
pub fn fuzz(targets: &[&str], seconds: u32) -> Outcome {
    let binaries = build()?;
    let failures = Mutex::new(Vec::new());
    let left = Mutex::new(targets.iter());
    let next = || left.lock().ok()?.next();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                while let Some(name) = next() {
                    if let (Err(failure), Ok(mut failures)) =
                        (run_target(name, &binaries, seconds), failures.lock())
                    {
                        failures.push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().map_err(|error| error.to_string())?;
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

/// The folder of the crate.
fn folder() -> PathBuf {
    root().join("fuzz")
}

/// Builds all targets and gives the folder of their binaries.
fn build() -> Result<PathBuf, String> {
    step::need("c++", &["--version"], "install g++ or another C++ compiler")?;
    if !folder().join("Cargo.toml").is_file() {
        return Err("fuzz/Cargo.toml is missing: there is nothing to fuzz".to_owned());
    }
    let version = Step::new("rustc").args(["-vV"]).capture()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("rustc -vV does not say for which host it compiles")?;
    Step::new("cargo")
        .args(["build", "--release", "--locked", "--target", host, "--target-dir", "target"])
        // Flags from outside would take the place of the instrumentation.
        .without("RUSTFLAGS")
        .directory(&folder())
        .run()?;
    Ok(folder().join("target").join(host).join("release"))
}

/// Runs one target. What it finds new is kept among what was built; the seeds in the tree stay as
/// they are.
fn run_target(name: &str, binaries: &Path, seconds: u32) -> Outcome {
    let binary = binaries.join(name);
    if !binary.is_file() {
        return Err(format!("the fuzz target {name} is missing in fuzz/Cargo.toml"));
    }
    let found = folder().join("target/corpus").join(name);
    for made in [&found, &folder().join("artifacts")] {
        std::fs::create_dir_all(made)
            .map_err(|e| format!("cannot make {}: {e}", made.display()))?;
    }
    let seeds = folder().join("corpus").join(name);
    let log = folder().join(format!("target/{name}.log"));
    Step::new(&binary)
        .args([
            format!("-max_total_time={seconds}"),
            format!("-timeout={INPUT_SECONDS}"),
            format!("-rss_limit_mb={MEMORY}"),
            format!("-artifact_prefix=artifacts/{name}-"),
            "-print_final_stats=1".to_owned(),
        ])
        .args([&found])
        .args(seeds.is_dir().then_some(&seeds))
        .directory(&folder())
        .minutes(u64::from(seconds / 60) + 2)
        .log(log.clone())
        .run()
        .map_err(|e| format!("{e}; the input that broke {name} is in fuzz/artifacts"))?;
    let said = std::fs::read(&log).unwrap_or_default();
    let runs = check_run(&String::from_utf8_lossy(&said)).map_err(|e| format!("{name} {e}"))?;
    println!("  {name}: {runs} inputs in {seconds} s");
    Ok(())
}

/// How many inputs a run has tried. A run without any, or without counters in the code, by which
/// libFuzzer sees its way, ends well too and proves nothing.
fn check_run(log: &str) -> Result<u64, &'static str> {
    if !log.contains("inline 8-bit counters") {
        return Err("was built without coverage counters: see fuzz/.cargo/config.toml");
    }
    let mut counts =
        log.lines().filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    match counts.next_back().and_then(|count| count.trim().parse().ok()) {
        None | Some(0) => Err("ran no input"),
        Some(count) => Ok(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_proves_nothing_is_seen() {
        let counters = "INFO: Loaded 1 modules   (7 inline 8-bit counters)\n";
        let run = |inputs: u32| format!("stat::number_of_executed_units: {inputs}\n");
        assert_eq!(check_run(&(counters.to_owned() + &run(4096))), Ok(4096));
        assert!(check_run(&(counters.to_owned() + &run(0))).is_err());
        assert!(check_run(counters).is_err());
        assert!(check_run(&run(4096)).is_err());
    }

    #[test]
    fn an_unknown_target_is_refused() {
        let failure = run(&["cursors".to_owned()]).unwrap_err();
        assert!(failure.contains("form_decoder, authorization_header"), "{failure}");
    }
}
