//! The project's own commands, run as `cargo xtask <verb>`.
//!
//! This crate uses nothing but the standard library, so that it builds in seconds on a fresh
//! machine, and it depends on no crate of the server: it only looks at files and starts programs.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool speaks to the person at the terminal"
)]

mod bench;
mod code;
mod deploy;
mod durability;
mod fixture;
mod fuzz;
mod house;
mod limits;
mod metrics;
mod reference;
mod release;
mod step;
mod test;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test [--all | --only part[,part]] [--list] [--fuzz-seconds N]
                                                            the test run, or parts of it
cargo xtask tidy                                            the structure check
cargo xtask house [--imports | --help]                      the product's crates in figures
cargo xtask limits                                          writes docs/limits.md
cargo xtask metrics                                         writes docs/metrics.md
cargo xtask reference                                       writes docs/reference, and the decisions
                                                            into docs/SUMMARY.md
cargo xtask release [--reproducible] [--deb | --try-deb | --try-systemd [--before DEB]]
                    [--try-container] [--built BINARY]
                                                            the static binary, its SBOM, checksums
cargo xtask durability [--from LOG]                         writes the table of docs/durability.md
cargo xtask fixture VERSION                                 the store that is kept of a version
cargo xtask fuzz [target] [--seconds N]                     one fuzz target, or all
cargo xtask bench [--reserves | --postgres | --neighbours | --rotation | --traces |
                    --webhooks] [arguments]
                                                            the benchmark, optimised
cargo xtask bench --audit-log                               a log of ten million entries
cargo xtask bench --command [BINARY]                        what `coffer run` adds to a command
cargo xtask bench --compare REVISION [arguments]            the server beside that of a revision
";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let verb = words.next().unwrap_or_default();
    let words: Vec<String> = words.collect();
    let outcome = match verb.as_str() {
        "test" => test::run(&words),
        "tidy" => tidy::run(),
        "house" => house::run(&words),
        "limits" => limits::run(),
        "metrics" => metrics::run(),
        "reference" => reference::run(),
        "release" => release::run(&words),
        "durability" => durability::run(&words),
        "fixture" => fixture::run(&words),
        "fuzz" => fuzz::run(&words),
        "bench" => bench::run(&words),
        _ => Err(format!("there is no verb \"{verb}\". The verbs are:\n\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            if !message.is_empty() {
                eprintln!("{message}");
            }
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository: the folder above this crate.
fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

/// The folder for everything that is built. This program runs from `<target>/<profile>/xtask`,
/// which is right whatever the target directory has been set to.
fn target() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|e| format!("cannot find myself: {e}"))?;
    let target = program.ancestors().nth(2).map(PathBuf::from);
    target.ok_or_else(|| format!("{} is not in a target directory", program.display()))
}

/// Reads the value that follows the option `name`, as a whole number of at least 1.
fn number(name: &str, value: Option<&String>) -> Result<u32, String> {
    let value = value.ok_or_else(|| format!("{name} needs a number after it"))?;
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{name} needs a whole number of at least 1, not \"{value}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_and_positive() {
        assert_eq!(number("--seconds", Some(&String::from("20"))), Ok(20));
        for wrong in ["0", "-1", "2.5", "ten", ""] {
            assert!(number("--seconds", Some(&wrong.to_owned())).is_err(), "{wrong}");
        }
        assert!(number("--seconds", None).is_err());
    }
}
