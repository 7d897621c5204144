//! The parts that cargo runs over the workspace, all with the one development profile.

use super::memory::{self, Memory};
use crate::step::{self, Outcome, Step};
use crate::{root, target};
use std::path::PathBuf;

/// The layout of the code.
pub fn format() -> Outcome {
    step::need("cargo", &["fmt", "--version"], "rustup component add rustfmt")?;
    cargo(&["fmt", "--all", "--check"]).run()
}

/// The linter over every target.
pub fn clippy() -> Outcome {
    step::need("cargo", &["clippy", "--version"], "rustup component add clippy")?;
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()
}

/// The binary and the tests, in one command so that all share one set of features.
pub fn build() -> Outcome {
    cargo(&["build", "--workspace", "--all-targets"]).run()?;
    binary().map(|_| ())
}

/// All tests of the workspace: with nextest, where it is installed, or with cargo's own runner.
pub fn tests() -> Outcome {
    let (binary, memory) = (binary()?, Memory::take());
    if step::need("cargo", &["nextest", "--version"], "").is_ok() {
        let run = in_memory(cargo(&["nextest", "run", "--workspace"]), memory.as_ref());
        let run = run.env("COFFER_BIN", &binary).run();
        // Nextest does not run the examples in the documentation.
        let examples = cargo(&["test", "--workspace", "--doc"]).run();
        return run.and(examples);
    }
    println!("cargo-nextest is not installed; cargo's own runner does the same more slowly");
    let run = in_memory(cargo(&["test", "--workspace", "--no-fail-fast"]), memory.as_ref());
    run.env("COFFER_BIN", &binary).run()
}

/// The same with the stores that tests throw away in memory, if there is room.
pub fn in_memory(step: Step, memory: Option<&Memory>) -> Step {
    match memory {
        Some(memory) => step.env(memory::VARIABLE, memory.path()),
        None => step,
    }
}

/// The tests that mount small file systems, which only root may. Among all tests they pass without
/// it and say so; here they fail.
pub fn full_disks() -> Outcome {
    cargo(&["test", "-p", "coffer-tests", "--test", "crash", "disk::"])
        .env("COFFER_BIN", &binary()?)
        .env("COFFER_TEST_MOUNTS", "required")
        .run()
}

/// The feeder over a whole month; among all tests it is a small one.
pub fn feeder() -> Outcome {
    cargo(&["test", "-p", "coffer-tests", "--test", "feeder"])
        .env("COFFER_BIN", &binary()?)
        .env("COFFER_FEEDER_MONTH", "whole")
        .run()
}

/// Has cargo install the program from this checkout, as `examples/ci` does, and runs what it put
/// there.
pub fn install() -> Outcome {
    let place = target()?.join("installed");
    cargo(&["install", "--locked", "--path", "crates/coffer", "--profile", "start", "--force"])
        .args(["--root"])
        .args([&place])
        .run()?;
    Step::new(place.join("bin/coffer"))
        .args(["dev", "--", "sh", "-c", "test -n \"$STRIPE_API_KEY\""])
        .run()
}

/// The documentation of our own crates.
pub fn docs() -> Outcome {
    cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}

/// The path of the server's binary, once it has been built.
pub fn binary() -> Result<PathBuf, String> {
    let path = target()?.join("debug").join("coffer");
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("the build made no binary at {}", path.display()))
    }
}

fn cargo(args: &[&str]) -> Step {
    Step::new("cargo").args(args).directory(&root())
}
