//! What the machine lacks: Debian's packages, and environments for Python, by one part at a time.

use crate::step::{self, Outcome, Step};
use crate::target;
use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Waits until no other part of the run installs anything; the file's end lets the next one go.
/// Two at a time would stand in each other's way: apt refuses the second.
pub fn turn() -> Result<File, String> {
    let path = turns()?;
    let waited = File::create(&path).and_then(|file| file.lock().map(|()| file));
    waited.map_err(|error| format!("{}: {error}", path.display()))
}

/// The file that is locked for it.
pub fn turns() -> Result<PathBuf, String> {
    Ok(target()?.join("installing"))
}

/// Installs Debian's packages of these names.
pub fn install(names: &[&str]) -> Outcome {
    let _turn = turn()?;
    let quiet = |step: Step| step.env("DEBIAN_FRONTEND", "noninteractive").run();
    quiet(Step::new("apt-get").args(["update", "--quiet"]))?;
    let options = ["install", "--yes", "--quiet", "--no-install-recommends"];
    quiet(Step::new("apt-get").args(options).args(names))
}

/// Installs what is missing of these programs, each with the Debian package that has it, if we may.
pub fn have(programs: &[(&str, &str)]) -> Outcome {
    let missing = |&&(program, _): &&(&str, &str)| step::need(program, &["--version"], "").is_err();
    let mut names: Vec<_> = programs.iter().filter(missing).map(|(_, package)| *package).collect();
    names.dedup();
    if names.is_empty() {
        return Ok(());
    }
    if may_install() {
        return install(&names);
    }
    Err(format!("this needs root, and (Debian:) apt-get install {}", names.join(" ")))
}

/// Whether we may install them.
pub fn may_install() -> bool {
    is_root() && step::need("apt-get", &["--version"], "").is_ok()
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").as_ref().map(Metadata::uid).is_ok_and(|uid| uid == 0)
}
