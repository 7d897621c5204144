//! What a release does where it will be: the package on a machine that systemd runs, and the image
//! in a container. Both need root, and install what Debian has for them.

use super::{deb, static_binary};
use crate::step::{Outcome, Step};
use crate::test::packages::have;
use crate::{root, target};
use std::path::{Path, PathBuf};

/// Where the machine and its packages come from: a program, and the Debian package that has it.
const MACHINE: [(&str, &str); 3] =
    [("debootstrap", "debootstrap"), ("systemd-nspawn", "systemd-container"), ("pgrep", "procps")];

/// What builds and runs images without a service manager.
const CONTAINER: [(&str, &str); 2] = [("podman", "podman"), ("runc", "runc")];

/// The profile of what a test run tries: the quickest to build.
const QUICKEST: &str = "start";

/// A version below every one that there is.
const EARLIER: &str = "0.0.1";

/// How long either may take: the first time, a Debian is fetched for the machine.
const MINUTES: u64 = 20;

/// The part of the test run: a static binary in a package, on a machine.
pub fn machine() -> Outcome {
    let built = static_binary(QUICKEST)?;
    let folder = folder("packages")?;
    let package = folder.join(deb::make(&built, &folder, None)?);
    on_machine(&built, &package, None)
}

/// The part of the test run: a static binary in a container.
pub fn container() -> Outcome {
    in_container(&static_binary(QUICKEST)?)
}

/// Installs the package before, upgrades it to `package` and purges it, on a machine of its own
/// that systemd runs. Without a `before`, that is one of the same binary with an earlier version.
pub fn on_machine(built: &Path, package: &Path, before: Option<&Path>) -> Outcome {
    have(&MACHINE)?;
    let folder = folder("machine")?;
    let before = match before {
        Some(before) => before.to_owned(),
        None => folder.join(deb::make(built, &folder, Some(EARLIER))?),
    };
    script("machine.sh").args([&folder, &before]).args([package]).minutes(MINUTES).run()
}

/// Builds the image with the binary, and runs it.
pub fn in_container(built: &Path) -> Outcome {
    have(&CONTAINER)?;
    script("container.sh").args([&folder("container")?]).args([built]).minutes(MINUTES).run()
}

fn script(name: &str) -> Step {
    Step::new("sh").args([root().join("tests/deploy").join(name)])
}

fn folder(name: &str) -> Result<PathBuf, String> {
    let folder = target()?.join("tried").join(name);
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(folder)
}
