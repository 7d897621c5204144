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
mod options;
mod postgres;
mod prometheus;
mod report;
mod roots;
mod workspace;

use crate::step::Outcome;
use crate::{durability, fuzz, tidy};
use options::Options;
use report::Report;
use std::time::Instant;

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
    run: fn(&Options) -> Outcome,
}

/// All parts, the quickest first.
const PARTS: [Part; 24] = [
    Part {
        name: "format",
        about: "the layout of the Rust code",
        needs_build: false,
        only_with_all: false,
        run: |_| workspace::format(),
    },
    Part {
        name: "tidy",
        about: "the structure of the tree: walls, circles, lengths, words, links",
        needs_build: false,
        only_with_all: false,
        run: |_| tidy::run(),
    },
    Part {
        name: "clippy",
        about: "the linter, every warning an error",
        needs_build: false,
        only_with_all: false,
        run: |_| workspace::clippy(),
    },
    Part {
        name: BUILD,
        about: "the binary and all tests",
        needs_build: false,
        only_with_all: false,
        run: |_| workspace::build(),
    },
    Part {
        name: "rust",
        about: "unit, integration, crash and documentation tests",
        needs_build: true,
        only_with_all: false,
        run: |_| workspace::tests(),
    },
    Part {
        name: "disk",
        about: "disks that are really full",
        needs_build: true,
        only_with_all: true,
        run: |_| workspace::full_disks(),
    },
    Part {
        name: "roots/pkcs11",
        about: "a root key under a key of SoftHSM 2",
        needs_build: false,
        only_with_all: true,
        run: |_| roots::softhsm(),
    },
    Part {
        name: "roots/kms",
        about: "a root key under a key of AWS KMS, as moto plays it",
        needs_build: true,
        only_with_all: true,
        run: |_| roots::moto(),
    },
    Part {
        name: "faults",
        about: "hundreds of power failures and kills, flipped bits, a million simulated steps",
        needs_build: true,
        only_with_all: true,
        run: |_| durability::measure().map(drop),
    },
    Part {
        name: "feeder",
        about: "a month of 10,000 transactions on 50 accounts, fed from a stand-in of Stripe",
        needs_build: true,
        only_with_all: true,
        run: |_| workspace::feeder(),
    },
    Part {
        name: "postgres/engine",
        about: "the API, the matrix of credentials and the models again, on PostgreSQL",
        needs_build: true,
        only_with_all: false,
        run: |_| postgres::engine(),
    },
    Part {
        name: "postgres/outages",
        about: "databases, lines and servers that fail, under load",
        needs_build: true,
        only_with_all: false,
        run: |_| postgres::outages(),
    },
    Part {
        name: "postgres/backups",
        about: "more points in time of a base backup and its log, restored and opened",
        needs_build: true,
        only_with_all: true,
        run: |_| postgres::backups(),
    },
    Part {
        name: "clock",
        about: "a wall clock that is wrong for a while under a running server",
        needs_build: true,
        only_with_all: false,
        run: |_| clock::wrong_clock(),
    },
    Part {
        name: "prometheus",
        about: "a real Prometheus over the server's metrics, the alerts and the dashboard",
        needs_build: true,
        only_with_all: true,
        run: |_| prometheus::scrape(),
    },
    Part {
        name: "deploy",
        about: "the systemd unit and the Kubernetes manifests, by the tools that read them",
        needs_build: false,
        only_with_all: true,
        run: |_| deploy::check(),
    },
    Part {
        name: "docs",
        about: "the code's documentation, and the commands of the documents as they stand there",
        needs_build: true,
        only_with_all: false,
        run: |_| docs::run(),
    },
    Part {
        name: "fuzz",
        about: "each fuzz target for some seconds",
        needs_build: false,
        only_with_all: false,
        run: |options| fuzz::fuzz(&fuzz::TARGETS, options.fuzz_seconds),
    },
    Part {
        name: "conformance/python",
        about: "the official Python SDK against the binary",
        needs_build: true,
        only_with_all: false,
        run: |_| conformance::python(),
    },
    Part {
        name: "conformance/node",
        about: "the official Node SDK against the binary",
        needs_build: true,
        only_with_all: false,
        run: |_| conformance::node(),
    },
    Part {
        name: "conformance/rust",
        about: "async-stripe against the binary",
        needs_build: true,
        only_with_all: false,
        run: |_| conformance::rust(),
    },
    Part {
        name: "examples",
        about: "the examples, their test helpers and the steps of the CI files",
        needs_build: true,
        only_with_all: false,
        run: |_| examples::run(),
    },
    Part {
        name: "conformance/clients",
        about: "many versions of the SDKs, other clients and Stripe's OpenAPI against the binary",
        needs_build: true,
        only_with_all: false,
        run: |_| conformance::clients(),
    },
    Part {
        name: "browser",
        about: "the dashboard in Chromium: flows, both colours, two widths, accessibility",
        needs_build: true,
        only_with_all: false,
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
    let chosen: Vec<&Part> = PARTS.iter().filter(|part| options.chosen(part)).collect();
    let report = run_parts(&chosen, &options);
    println!("{report}");
    // The report has said everything, and its count is the last line.
    if report.passed() { Ok(()) } else { Err(String::new()) }
}

fn run_parts(parts: &[&Part], options: &Options) -> Report {
    let mut report = Report::default();
    for (number, part) in parts.iter().enumerate() {
        println!("\n== {} of {}: {} ({})", number + 1, parts.len(), part.name, part.about);
        let start = Instant::now();
        let outcome = if part.needs_build && report.failed(BUILD) {
            Err("not run: the build has failed".to_owned())
        } else {
            (part.run)(options)
        };
        if let Err(message) = &outcome {
            println!("FAILED {}: {message}", part.name);
        }
        report.add(part.name, start.elapsed(), outcome);
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKEN: Part = Part {
        name: BUILD,
        about: "",
        needs_build: false,
        only_with_all: false,
        run: |_| Err("it does not compile".to_owned()),
    };
    const AFTER: Part =
        Part { name: "after", about: "", needs_build: true, only_with_all: false, run: |_| Ok(()) };
    const APART: Part = Part {
        name: "apart",
        about: "",
        needs_build: false,
        only_with_all: false,
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
