//! A server under libfaketime, which moves its wall clock while it runs.

use super::packages;
use super::workspace::binary;
use crate::step::{self, Outcome, Step};
use crate::{root, target};
use std::fs;
use std::path::{Path, PathBuf};

/// The library's file: the variant for programs with threads.
const LIBRARY: &str = "libfaketimeMT.so.1";

/// The clock is wrong for a while, under one server and across a restart.
pub fn wrong_clock() -> Outcome {
    step::need("python3", &["--version"], "install Python 3")?;
    Step::new("python3")
        .args([root().join("tests/clock/run.py")])
        .env("COFFER_BIN", binary()?)
        .env("LIBFAKETIME", library()?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .directory(&root())
        .minutes(15)
        .run()
}

/// The library, which Debian's package is unpacked for below the target directory if the machine
/// has none.
pub fn library() -> Result<PathBuf, String> {
    let ours = target()?.join("faketime");
    let unpacked = ours.join("usr");
    let known = || found(Path::new("/usr/lib")).or_else(|| found(&unpacked.join("lib")));
    if known().is_none() && step::need("apt-get", &["--version"], "").is_ok() {
        let _turn = packages::turn()?;
        fs::create_dir_all(&ours).map_err(|error| format!("{}: {error}", ours.display()))?;
        let download = || Step::new("apt-get").args(["download", "libfaketime"]).directory(&ours);
        if download().run().is_err() {
            Step::new("apt-get").args(["update", "--quiet"]).run()?;
            download().run()?;
        }
        let package = entries(&ours).find(|path| path.extension().is_some_and(|one| one == "deb"));
        let package = package.ok_or("apt-get downloaded no package")?;
        Step::new("dpkg").args([Path::new("-x"), &package, &ours]).run()?;
    }
    known().ok_or_else(|| "install libfaketime (Debian: apt-get install libfaketime)".to_owned())
}

/// The library below a folder of libraries: beside it, or in a folder for the architecture.
fn found(libraries: &Path) -> Option<PathBuf> {
    let places = entries(libraries).chain([libraries.to_owned()]);
    places.map(|place| place.join("faketime").join(LIBRARY)).find(|path| path.is_file())
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}
