//! `cargo xtask test`: the project's whole test run.
//!
//! It runs on a machine that has Rust, Python 3, Node 20 or newer and the package registries;
//! everything else it builds or fetches itself, below the target directory. A part that needs
//! root, many minutes or rare packages runs with `--all` only, and `--list` says so. Every other
//! part runs, also after another has failed; one that is missing or cannot run has failed, never
//! been skipped.

mod browser;
mod clock;
mod conformance;
mod deploy;
mod docs;
mod examples;
mod memory;
mod options;
pub mod packages;
pub mod postgres;
mod prometheus;
mod report;
mod roots;
mod turns;
mod workspace;

use crate::release::tried;
use crate::step::Outcome;
use crate::{durability, fuzz, tidy};
use options::Options;
use report::Report;
use std::time::{Duration, Instant};

/// One part of the run.
struct Part {
    name: &'static str,
    /// What it does, for `--list`.
    about: &'static str,
    /// Whether it tests the binary that the part `build` makes. It brings that part along, and
    /// does not run when that has failed: an old binary would prove nothing.
    needs_build: bool,
    /// Whether it needs root, many minutes or rare packages: it runs with `--all`, or by its name.
    only_with_all: bool,
    /// Whether it waits most of its time, for registries, browsers or databases that come back.
    waits: bool,
    run: fn(&Options) -> Outcome,
}

/// All parts. Those up to the build run one after the other; of the others two run at a time, of
/// each kind in this order.
static PARTS: [Part; 30] = [
    Part {
        name: "format",
        about: "the layout of the Rust code",
        needs_build: false,
        only_with_all: false,
        waits: false,
        run: |_| workspace::format(),
    },
    Part {
        name: "tidy",
        about: "the structure of the tree: walls, circles, lengths, words, links",
        needs_build: false,
        only_with_all: false,
        waits: false,
        run: |_| tidy::run(),
    },
    Part {
        name: "clippy",
        about: "the linter, every warning an error",
        needs_build: false,
        only_with_all: false,
        waits: false,
        run: |_| workspace::clippy(),
    },
    Part {
        name: BUILD,
        about: "the binary and all tests",
        needs_build: false,
        only_with_all: false,
        waits: false,
        run: |_| workspace::build(),
    },
    Part {
        name: "rust",
        about: "unit, integration, crash and documentation tests",
        needs_build: true,
        only_with_all: false,
        waits: false,
        run: |_| workspace::tests(),
    },
    Part {
        name: "disk",
        about: "disks that are really full",
        needs_build: true,
        only_with_all: true,
        waits: false,
        run: |_| workspace::full_disks(),
    },
    Part {
        name: "roots/pkcs11",
        about: "a root key under a key of SoftHSM 2",
        needs_build: false,
        only_with_all: true,
        waits: false,
        run: |_| roots::softhsm(),
    },
    Part {
        name: "roots/kms",
        about: "a root key under a key of AWS KMS, as moto plays it",
        needs_build: true,
        only_with_all: true,
        waits: true,
        run: |_| roots::moto(),
    },
    Part {
        name: "faults",
        about: "hundreds of power failures and kills, flipped bits, a million simulated steps",
        needs_build: true,
        only_with_all: true,
        waits: false,
        run: |_| durability::measure().map(drop),
    },
    Part {
        name: "feeder",
        about: "a month of 10,000 transactions on 50 accounts, fed from a stand-in of Stripe",
        needs_build: true,
        only_with_all: true,
        waits: false,
        run: |_| workspace::feeder(),
    },
    Part {
        name: "postgres/engine",
        about: "the API, a square of the matrix, the models and kept stores again, on PostgreSQL",
        needs_build: true,
        only_with_all: false,
        waits: false,
        run: |_| postgres::engine(),
    },
    Part {
        name: "postgres/matrix",
        about: "the whole matrix of credentials, on PostgreSQL",
        needs_build: true,
        only_with_all: true,
        waits: false,
        run: |_| postgres::matrix(),
    },
    Part {
        name: "postgres/outages",
        about: "databases, lines and servers that fail, under load",
        needs_build: true,
        only_with_all: false,
        waits: true,
        run: |_| postgres::outages(),
    },
    Part {
        name: "postgres/backups",
        about: "more points in time of a base backup and its log, restored and opened",
        needs_build: true,
        only_with_all: true,
        waits: true,
        run: |_| postgres::backups(),
    },
    Part {
        name: "postgres/webhooks",
        about: "an hour of events on three servers, one of which is always being killed",
        needs_build: true,
        only_with_all: true,
        waits: true,
        run: |_| postgres::webhooks(),
    },
    Part {
        name: "clock",
        about: "a wall clock that is wrong for a while under a running server",
        needs_build: true,
        only_with_all: false,
        waits: true,
        run: |_| clock::wrong_clock(),
    },
    Part {
        name: "prometheus",
        about: "a real Prometheus over the server's metrics, the alerts and the dashboard",
        needs_build: true,
        only_with_all: true,
        waits: true,
        run: |_| prometheus::scrape(),
    },
    Part {
        name: "traces",
        about: "traces, metrics and logs that are sent, by OpenTelemetry's own definitions",
        needs_build: true,
        only_with_all: false,
        waits: true,
        run: |_| prometheus::traces(),
    },
    Part {
        name: "install",
        about: "cargo installs the program from a checkout, as the CI files have it",
        needs_build: false,
        only_with_all: true,
        waits: false,
        run: |_| workspace::install(),
    },
    Part {
        name: "deploy",
        about: "the unit, the manifests and the bill of materials, by the tools that read them",
        needs_build: false,
        only_with_all: true,
        waits: true,
        run: |_| deploy::check(),
    },
    Part {
        name: "deploy/systemd",
        about: "the package on a machine that systemd runs: installed, upgraded, purged",
        needs_build: false,
        only_with_all: true,
        waits: true,
        run: |_| tried::machine(),
    },
    Part {
        name: "deploy/container",
        about: "the image, built and run by podman",
        needs_build: false,
        only_with_all: true,
        waits: true,
        run: |_| tried::container(),
    },
    Part {
        name: "docs",
        about: "the code's documentation, and the commands of the documents as they stand there",
        needs_build: true,
        only_with_all: false,
        waits: true,
        run: |_| docs::run(),
    },
    Part {
        name: "fuzz",
        about: "each fuzz target for some seconds",
        needs_build: false,
        only_with_all: false,
        waits: false,
        run: |options| fuzz::fuzz(&fuzz::TARGETS, options.fuzz_seconds),
    },
    Part {
        name: "conformance/python",
        about: "the official Python SDK against the binary",
        needs_build: true,
        only_with_all: false,
        waits: true,
        run: |_| conformance::python(),
    },
    Part {
        name: "conformance/node",
        about: "the official Node SDK against the binary",
        needs_build: true,
        only_with_all: false,
        waits: true,
        run: |_| conformance::node(),
    },
    Part {
        name: "conformance/rust",
        about: "async-stripe against the binary",
        needs_build: true,
        only_with_all: false,
        waits: true,
        run: |_| conformance::rust(),
    },
    Part {
        name: "examples",
        about: "the examples, their test helpers and the steps of the CI files",
        needs_build: true,
        only_with_all: false,
        waits: true,
        run: |_| examples::run(),
    },
    Part {
        name: "conformance/clients",
        about: "many versions of the SDKs, other clients and Stripe's OpenAPI against the binary",
        needs_build: true,
        only_with_all: false,
        waits: true,
        run: |_| conformance::clients(),
    },
    Part {
        name: "browser",
        about: "the dashboard in Chromium: flows, both colours, two widths, accessibility",
        needs_build: true,
        only_with_all: false,
        waits: true,
        run: |_| browser::dashboard(),
    },
];

/// The part on which others build.
const BUILD: &str = "build";

/// `cargo xtask test [--all | --only part[,part]] [--list] [--fuzz-seconds N]`.
pub fn run(words: &[String]) -> Outcome {
    let options = Options::parse(words)?;
    if options.list {
        for part in &PARTS {
            let when = if part.only_with_all { " (only with --all)" } else { "" };
            println!("{:20} {}{when}", part.name, part.about);
        }
        return Ok(());
    }
    if let Some(part) = options.alone {
        return (part.run)(&options).map_err(|message| turns::failed(part) + &message);
    }
    let chosen: Vec<&'static Part> = PARTS.iter().filter(|part| options.chosen(part)).collect();
    let report = run_parts(&chosen, &options);
    println!("{report}");
    // The report has said everything, and its count is the last line.
    if report.passed() { Ok(()) } else { Err(String::new()) }
}

fn run_parts(parts: &[&'static Part], options: &Options) -> Report {
    let start = Instant::now();
    let mut report = Report::default();
    let build = parts.iter().position(|part| part.name == BUILD);
    let (first, others) = parts.split_at(build.map_or(0, |at| at + 1));
    for part in first {
        here(part, options, &mut report);
    }
    let built = !report.failed(BUILD);
    let (can_run, cannot): (Vec<_>, Vec<_>) =
        others.iter().copied().partition(|part| built || !part.needs_build);
    if let [only] = can_run[..] {
        here(only, options, &mut report);
    } else {
        for (name, took, outcome) in turns::run(&can_run, options) {
            report.add(name, took, outcome);
        }
    }
    for part in cannot {
        report.add(part.name, Duration::ZERO, Err("not run: the build has failed".to_owned()));
    }
    report.took(start.elapsed());
    report
}

/// Runs a part in this process, which shows what it says at once.
fn here(part: &Part, options: &Options, report: &mut Report) {
    println!("\n== {} ({})", part.name, part.about);
    let start = Instant::now();
    let outcome = (part.run)(options);
    if let Err(message) = &outcome {
        println!("{}{message}", turns::failed(part));
    }
    report.add(part.name, start.elapsed(), outcome);
}

#[cfg(test)]
mod tests {
    use super::*;

    static BROKEN: Part = Part {
        name: BUILD,
        about: "",
        needs_build: false,
        only_with_all: false,
        waits: false,
        run: |_| Err("it does not compile".to_owned()),
    };
    static AFTER: Part = Part {
        name: "after",
        about: "",
        needs_build: true,
        only_with_all: false,
        waits: false,
        run: |_| Ok(()),
    };
    static APART: Part = Part {
        name: "apart",
        about: "",
        needs_build: false,
        only_with_all: false,
        waits: false,
        run: |_| Ok(()),
    };

    #[test]
    fn a_failed_build_fails_what_needs_it_and_nothing_else() {
        let options = Options::parse(&[]).unwrap();
        let report = run_parts(&[&BROKEN, &AFTER, &APART], &options);
        assert!(report.failed(BUILD) && report.failed("after") && !report.failed("apart"));
        assert!(report.to_string().ends_with("1 passed, 2 failed"), "{report}");
        assert!(!report.passed());
    }
}
