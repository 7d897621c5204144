//! What others see of a server: a real Prometheus its figures, OpenTelemetry what it sends.

use super::conformance::python_environment_of;
use super::packages::have;
use super::workspace::binary;
use crate::root;
use crate::step::{self, Outcome, Step};

/// Programs, each with the Debian package that has it.
const PROMETHEUS: [(&str, &str); 3] =
    [("promtool", "prometheus"), ("prometheus", "prometheus"), ("python3", "python3")];

/// Rules by promtool, and all expressions over a running server's figures.
pub fn scrape() -> Outcome {
    have(&PROMETHEUS)?;
    Step::new("python3")
        .args([root().join("tests/prometheus/run.py")])
        .env("COFFER_BIN", binary()?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .directory(&root())
        .minutes(10)
        .run()
}

/// What is sent of traces, metrics and logs, by OpenTelemetry's own definitions.
pub fn traces() -> Outcome {
    let needed = "install Python 3 with its venv module (Debian: apt-get install python3-venv)";
    step::need("python3", &["-c", "import venv, ensurepip"], needed)?;
    let folder = root().join("tests/otlp");
    let python = python_environment_of("otlp", &folder.join("requirements.txt"))?;
    Step::new(&python)
        .args([folder.join("run.py")])
        .env("COFFER_BIN", binary()?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .directory(&root())
        .minutes(10)
        .run()
}
