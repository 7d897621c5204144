//! The code's documentation, and the commands of the documents, which are run as they stand there.

use super::conformance::{copy_afresh, python_environment_of};
use super::packages;
use super::workspace::{self, binary};
use crate::step::{self, Outcome, Step};
use crate::{root, target};

/// Programs that the pages use, by the names of their Debian packages too.
const PROGRAMS: [&str; 3] = ["curl", "jq", "openssl"];

/// Everything may not take longer than this many minutes.
const MINUTES: u64 = 10;

/// Both, also when the first has failed.
pub fn run() -> Outcome {
    workspace::docs().and(commands())
}

/// The commands, with the SDKs that the pages install.
fn commands() -> Outcome {
    if !missing().is_empty() {
        install();
    }
    if let [program, ..] = missing()[..] {
        return Err(format!("{program} is not installed (Debian: apt-get install {program})"));
    }
    step::need("npm", &["--version"], "install npm, which comes with Node")?;
    let requirements = root().join("examples/python/requirements.txt");
    let python = python_environment_of("examples", &requirements)?;
    let copy = target()?.join("docs/node");
    copy_afresh(&root().join("tests/conformance/node"), &copy).map_err(|e| e.to_string())?;
    Step::new("npm").args(["ci", "--no-audit", "--no-fund"]).directory(&copy).run()?;
    for script in ["test_docs.py", "run.py"] {
        Step::new(&python)
            .args([root().join("tests/docs").join(script)])
            .env("COFFER_BIN", binary()?)
            .env("COFFER_NODE_MODULES", copy.join("node_modules"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .directory(&root())
            .minutes(MINUTES)
            .run()?;
    }
    Ok(())
}

/// The programs that are not installed.
fn missing() -> Vec<&'static str> {
    let is_missing = |program: &&str| {
        let word = if *program == "openssl" { "version" } else { "--version" };
        step::need(program, &[word], "").is_err()
    };
    PROGRAMS.into_iter().filter(is_missing).collect()
}

/// Installs them, if we may; what is still missing afterwards is named.
fn install() {
    if packages::may_install() {
        let _ = packages::install(&missing());
    }
}
