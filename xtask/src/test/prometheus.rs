//! A real Prometheus scrapes the server, and evaluates the rules and the dashboard.

use super::workspace::binary;
use crate::root;
use crate::step::{self, Outcome, Step};

/// Rules by promtool, and all expressions over a running server's figures.
pub fn scrape() -> Outcome {
    let install = "install Prometheus (Debian: apt-get install prometheus)";
    step::need("promtool", &["--version"], install)?;
    step::need("prometheus", &["--version"], install)?;
    step::need("python3", &["--version"], "install Python 3")?;
    Step::new("python3")
        .args([root().join("tests/prometheus/run.py")])
        .env("COFFER_BIN", binary()?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .directory(&root())
        .minutes(10)
        .run()
}
