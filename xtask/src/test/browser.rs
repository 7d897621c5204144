//! The dashboard in a real browser.

use super::conformance::{copy_afresh, node_is_recent, tests_run};
use super::packages;
use super::workspace::binary;
use crate::step::{self, Outcome, Step};
use crate::{root, target};
use std::fs;
use std::path::{Path, PathBuf};

/// Where Debian and others put Chromium.
const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// What a machine that has none can do.
const ADVICE: &str = "there is no Chromium to open the dashboard in: install it (Debian: apt-get \
                      install chromium), or name one in COFFER_CHROMIUM";

/// The pages whose pictures the documents show.
const PICTURES: [&str; 2] = ["reserves", "secrets"];

/// What the dashboard serves, by which the suite knows whether it looks at every page.
const ROUTES: &str = "crates/dashboard/src/routes.rs";

/// The browser may not take longer than this many minutes.
const MINUTES: u64 = 10;

/// The suite, with the pictures that it takes below the target directory. A machine of a developer
/// may have no Chromium, and is told so; where `CI` is set, that is a failure.
pub fn dashboard() -> Outcome {
    let version = step::need("node", &["--version"], "install Node 20 or newer")?;
    if !node_is_recent(&version) {
        return Err(format!("node is {version}: install Node 20 or newer"));
    }
    step::need("npm", &["--version"], "install npm, which comes with Node")?;
    let Some(chromium) = chromium().or_else(install) else {
        return if is_ci() { Err(ADVICE.to_owned()) } else { leave_out() };
    };
    let copy = target()?.join("browser/suite");
    let shots = target()?.join("browser/pictures");
    copy_afresh(&root().join("tests/browser"), &copy)
        .map_err(|e| format!("cannot copy the browser's suite to {}: {e}", copy.display()))?;
    Step::new("npm").args(["ci", "--no-audit", "--no-fund"]).directory(&copy).run()?;
    let results = copy.join("results.tap");
    Step::new("node")
        .args(["--test", "--test-reporter=spec", "--test-reporter-destination=stdout"])
        .args(["--test-reporter=tap".to_owned()])
        .args([format!("--test-reporter-destination={}", results.display())])
        .env("COFFER_BIN", binary()?)
        .env("COFFER_CHROMIUM", &chromium)
        .env("COFFER_SHOTS", &shots)
        .env("COFFER_ROUTES", root().join(ROUTES))
        .directory(&copy)
        .minutes(MINUTES)
        .run()?;
    match tests_run(&fs::read_to_string(&results).unwrap_or_default()) {
        0 => Err("node --test found no test in tests/browser".to_owned()),
        _ => {
            println!("pictures: {}", shots.display());
            keep(&shots)
        }
    }
}

/// With `COFFER_WRITE_DOCS`, puts the pictures that the documents show in their place.
fn keep(shots: &Path) -> Outcome {
    if std::env::var_os("COFFER_WRITE_DOCS").is_none() {
        return Ok(());
    }
    for page in PICTURES {
        let to = root().join(format!("docs/images/{page}.png"));
        fs::copy(shots.join(format!("{page}-light-wide.png")), to).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Installs Debian's Chromium, if we may.
fn install() -> Option<PathBuf> {
    if !packages::may_install() {
        return None;
    }
    packages::install(&["chromium", "fonts-liberation"]).ok()?;
    chromium()
}

/// Says what is missing.
fn leave_out() -> Outcome {
    println!("not run: {ADVICE}");
    Ok(())
}

fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// The browser: the one that is named, or the first that is found.
fn chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("COFFER_CHROMIUM") {
        return Some(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path)
        .flat_map(|directory| CHROMIUM.map(|name| directory.join(name)));
    places.find(|place| place.is_file())
}
