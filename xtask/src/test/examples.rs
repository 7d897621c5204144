//! The examples, as their README runs them: each by `coffer dev -- COMMAND`.

use super::conformance::{copy_afresh, python_environment_of};
use super::workspace::binary;
use crate::step::{self, Outcome, Step};
use crate::{root, target};
use std::ffi::OsStr;
use std::path::Path;

/// Files that others copy or read as a whole, and below how many lines each stays.
const SHORT: [(&str, usize); 6] = [
    ("python/conftest.py", 60),
    ("node/coffer.mjs", 60),
    ("python/app_back_end.py", 150),
    ("python/test_app_back_end.py", 150),
    ("node/platform.mjs", 150),
    ("node/platform.test.mjs", 150),
];

/// All examples.
pub fn run() -> Outcome {
    let examples = root().join("examples");
    for (file, lines) in SHORT {
        short(&examples.join(file), lines)?;
    }
    beside(&["sh".as_ref(), examples.join("curl/secrets.sh").as_os_str()])?.run()?;
    python(&examples)?;
    node(&examples)?;
    rust(&examples)
}

/// A step that runs a command beside a server.
fn beside(command: &[&OsStr]) -> Result<Step, String> {
    Ok(with_coffer(Step::new(binary()?))?.args(["dev", "--"]).args(command))
}

/// The step with the program on its path, as people have it.
fn with_coffer(step: Step) -> Result<Step, String> {
    let binary = binary()?;
    let folder = binary.parent().map(Path::to_path_buf);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(folder.into_iter().chain(std::env::split_paths(&path)));
    let path = path.map_err(|error| error.to_string())?;
    Ok(step.env("PATH", path).env("PYTHONDONTWRITEBYTECODE", "1").directory(&root()))
}

fn python(examples: &Path) -> Outcome {
    let needed = "install Python 3 with its venv module (Debian: apt-get install python3-venv)";
    step::need("python3", &["-c", "import venv, ensurepip"], needed)?;
    let folder = examples.join("python");
    let python = python_environment_of("examples", &folder.join("requirements.txt"))?;
    beside(&[python.as_os_str(), folder.join("secrets_of_users.py").as_os_str()])?.run()?;
    // The fixture starts a server of its own.
    with_coffer(Step::new(&python))?
        .args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"])
        .args([&folder])
        .run()?;
    Step::new(&python)
        .args([root().join("tests/examples/ci.py")])
        .env("COFFER_BIN", binary()?)
        .run()
}

fn node(examples: &Path) -> Outcome {
    step::need("npm", &["--version"], "install npm, which comes with Node")?;
    let copy = target()?.join("examples/node");
    copy_afresh(&examples.join("node"), &copy).map_err(|error| error.to_string())?;
    Step::new("npm").args(["ci", "--no-audit", "--no-fund"]).directory(&copy).run()?;
    beside(&["node".as_ref(), copy.join("secrets.mjs").as_os_str()])?.run()?;
    let vitest = copy.join("node_modules/vitest/vitest.mjs");
    let run = with_coffer(Step::new("node"))?.args([vitest.as_os_str(), "run".as_ref()]);
    run.directory(&copy).run()
}

/// Built where the tests of the same client are, so that most of it is there.
fn rust(examples: &Path) -> Outcome {
    let manifest = examples.join("rust/Cargo.toml");
    let target = target()?.join("conformance/rust");
    beside(&[
        "cargo".as_ref(),
        "run".as_ref(),
        "--locked".as_ref(),
        "--quiet".as_ref(),
        "--manifest-path".as_ref(),
        manifest.as_os_str(),
        "--target-dir".as_ref(),
        target.as_os_str(),
    ])?
    .run()
}

/// What people copy into their own suites, or read as a whole, stays short.
fn short(file: &Path, below: usize) -> Outcome {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    match text.lines().count() {
        lines if lines < below => Ok(()),
        lines => Err(format!("{} has {lines} lines; below {below}", file.display())),
    }
}
