//! The official clients against the binary.
//!
//! Each program starts the server itself, from the path in `COFFER_BIN`. Client libraries are
//! pinned beside the programs and installed below the target directory, so the tree stays clean.

use super::packages;
use super::workspace::binary;
use crate::step::{self, Outcome, Step};
use crate::{root, target};
use std::fs;
use std::path::{Path, PathBuf};

/// The oldest major version of Node that has the test runner used here.
const NODE: u32 = 20;
/// No client's program may take longer than this many minutes.
const MINUTES: u64 = 30;

/// The Python SDK as it is generally available, and its preview, which has calls for reserves.
pub fn python() -> Outcome {
    let needed = "install Python 3 with its venv module (Debian: apt-get install python3-venv)";
    step::need("python3", &["-c", "import venv, ensurepip"], needed)?;
    python_sdk("python", "requirements.txt", "test_*.py")?;
    python_sdk("python-preview", "requirements-preview.txt", "preview_*.py")
}

/// Runs the tests that match `pattern` with what `pins` names, in a virtual environment of its own.
fn python_sdk(environment: &str, pins: &str, pattern: &str) -> Outcome {
    let program = present("python/run.py")?;
    let python = python_environment(environment, pins)?;
    let tests = client(&python)?.args([&program]).args([pattern]);
    tests.env("PYTHONDONTWRITEBYTECODE", "1").run()
}

/// The interpreter of a virtual environment that has what `pins` names.
pub(super) fn python_environment(environment: &str, pins: &str) -> Result<PathBuf, String> {
    python_environment_of(environment, &present(&format!("python/{pins}"))?)
}

/// The same with the file of pins at any path.
pub(super) fn python_environment_of(environment: &str, pins: &Path) -> Result<PathBuf, String> {
    let _turn = packages::turn()?;
    let environment = target()?.join("conformance").join(environment);
    let python = environment.join("bin/python");
    if Step::new(&python).args(["-c", "import pip"]).capture().is_err() {
        Step::new("python3").args(["-m", "venv", "--clear"]).args([&environment]).run()?;
    }
    Step::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .args([pins])
        .run()?;
    Ok(python)
}

/// The Node SDK, in a copy of the folder, since npm installs beside the sources.
pub fn node() -> Outcome {
    let version = step::need("node", &["--version"], "install Node 20 or newer")?;
    if !node_is_recent(&version) {
        return Err(format!("node is {version}: install Node {NODE} or newer"));
    }
    step::need("npm", &["--version"], "install npm, which comes with Node")?;
    present("node/package-lock.json")?;
    let copy = target()?.join("conformance/node");
    copy_afresh(&sources("node"), &copy)
        .map_err(|e| format!("cannot copy the Node client to {}: {e}", copy.display()))?;
    Step::new("npm").args(["ci", "--no-audit", "--no-fund"]).directory(&copy).run()?;
    let results = copy.join("results.tap");
    client(Path::new("node"))?
        .args(["--test", "--test-reporter=spec", "--test-reporter-destination=stdout"])
        .args(["--test-reporter=tap".to_owned()])
        .args([format!("--test-reporter-destination={}", results.display())])
        .env("COFFER_README", root().join("README.md"))
        .directory(&copy)
        .run()?;
    // Node calls a run in which it found no test a success.
    match tests_run(&fs::read_to_string(&results).unwrap_or_default()) {
        0 => Err("node --test found no test in tests/conformance/node".to_owned()),
        _ => Ok(()),
    }
}

/// The Rust client, a package outside the workspace with a lock file of its own.
pub fn rust() -> Outcome {
    let manifest = present("rust/Cargo.toml")?;
    client(Path::new("cargo"))?
        .args(["run", "--locked", "--manifest-path"])
        .args([&manifest])
        .args([Path::new("--target-dir"), &target()?.join("conformance/rust")])
        .run()
}

/// Each client of the table in `clients.toml`, which the program itself installs.
pub fn clients() -> Outcome {
    let needed = "install Python 3.11 or newer with its venv module";
    step::need("python3", &["-c", "import venv, ensurepip, tomllib"], needed)?;
    step::need("npm", &["--version"], "install npm, which comes with Node")?;
    let program = present("clients/run.py")?;
    client(Path::new("python3"))?
        .args([&program])
        .env("COFFER_CLIENTS", target()?.join("conformance/clients"))
        .env("COFFER_INSTALLING", packages::turns()?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .run()
}

/// A step that runs `program` from the root and tells it where the server's binary is.
fn client(program: &Path) -> Result<Step, String> {
    Ok(Step::new(program).env("COFFER_BIN", binary()?).directory(&root()).minutes(MINUTES))
}

fn sources(name: &str) -> PathBuf {
    root().join("tests/conformance").join(name)
}

/// The path of a file below `tests/conformance`, which must be there.
fn present(name: &str) -> Result<PathBuf, String> {
    let path = sources(name);
    if path.is_file() { Ok(path) } else { Err(format!("tests/conformance/{name} is missing")) }
}

pub(super) fn node_is_recent(version: &str) -> bool {
    let major = version.trim_start_matches('v').split('.').next().unwrap_or_default();
    major.parse().is_ok_and(|major: u32| major >= NODE)
}

/// How many tests a TAP stream counts at its end.
pub(super) fn tests_run(tap: &str) -> u32 {
    let count = tap.lines().rev().find_map(|line| line.strip_prefix("# tests "));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

/// Copies a folder to a place that is emptied before, without what npm has installed.
pub(super) fn copy_afresh(from: &Path, to: &Path) -> std::io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    copy(from, to)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(&name))?;
        } else if name != "node_modules" {
            copy(&entry.path(), &to.join(&name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_is_seen() {
        assert!(node_is_recent("v20.20.2") && node_is_recent("v24.1.0"));
        assert!(!node_is_recent("v18.19.0") && !node_is_recent("") && !node_is_recent("node"));
    }

    #[test]
    fn a_run_without_tests_counts_none() {
        assert_eq!(tests_run("TAP version 13\nok 1 - set\n# tests 12\n# pass 12\n"), 12);
        assert_eq!(tests_run("TAP version 13\n1..0\n# tests 0\n"), 0);
        assert_eq!(tests_run(""), 0);
    }

    #[test]
    fn a_missing_program_fails() {
        assert_eq!(
            present("no-such-language/run").unwrap_err(),
            "tests/conformance/no-such-language/run is missing"
        );
    }
}
