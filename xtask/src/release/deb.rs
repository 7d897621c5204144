//! The Debian package: made by cargo-deb from the metadata beside the binary, looked at, and on
//! request tried on this machine.

use super::PLATFORM;
use crate::step::{self, Outcome, Step};
use crate::{root, target};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What the package must put onto a machine.
const FILES: [&str; 10] = [
    "./etc/coffer/coffer.toml",
    "./usr/bin/coffer",
    "./usr/lib/systemd/system/coffer-admin.socket",
    "./usr/lib/systemd/system/coffer-metrics.socket",
    "./usr/lib/systemd/system/coffer.service",
    "./usr/lib/systemd/system/coffer.socket",
    "./usr/share/doc/coffer/coffer.rules.yml",
    "./usr/share/doc/coffer/copyright",
    "./usr/share/doc/coffer/install.md",
    "./usr/share/doc/coffer/roots/passphrase.conf",
];

/// What dpkg runs and reads: what stays of the settings, and what is asked by a purge.
const CONTROL: [&str; 7] =
    ["conffiles", "control", "postinst", "postrm", "preinst", "prerm", "templates"];

/// What makes the package, in the version whose package was tried.
const TOOL: &str = "cargo-deb@3.8.0";

/// Makes the package of the binary `built` in `folder`; its name. A `version` takes the place of
/// the sources' own.
pub fn make(built: &Path, folder: &Path, version: Option<&str>) -> Result<String, String> {
    let tool = tool()?;
    step::need("dpkg-deb", &["--version"], "apt-get install dpkg")?;
    // cargo-deb takes the binary from a target directory: one that has nothing else.
    let scratch = target()?.join("deb");
    let place = scratch.join(PLATFORM).join("release");
    let failed = |e: std::io::Error| format!("cannot write into {}: {e}", place.display());
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch).map_err(failed)?;
    }
    std::fs::create_dir_all(&place).map_err(failed)?;
    std::fs::copy(built, place.join("coffer")).map_err(failed)?;
    // Nobody downloads what only stands in for an earlier one.
    let version = version.map(|version| ["--fast", "--deb-version", version]);
    let said = Step::new(tool)
        .args(["deb", "--package", "coffer", "--no-build", "--target", PLATFORM, "--output"])
        .args([folder])
        .args(version.into_iter().flatten())
        .env("CARGO_TARGET_DIR", &scratch)
        .directory(&root())
        .capture()?;
    let path = Path::new(said.lines().last().unwrap_or_default().trim());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| format!("cargo deb made no package: {said}"))?;
    check(&folder.join(&name), &scratch.join("control"))?;
    Ok(name)
}

/// cargo-deb: that of the machine, or else one that is built below the target directory.
fn tool() -> Result<PathBuf, String> {
    let everybodys = PathBuf::from("cargo-deb");
    if Step::new(&everybodys).args(["--version"]).capture().is_ok() {
        return Ok(everybodys);
    }
    let folder = target()?.join("tools");
    let own = folder.join("bin/cargo-deb");
    if !own.is_file() {
        let install = Step::new("cargo").args(["install", "--locked", "--quiet", "--root"]);
        install.args([&folder]).args([TOOL]).run()?;
    }
    Ok(own)
}

/// Refuses a package that lacks something.
fn check(package: &Path, control: &Path) -> Outcome {
    let files = Step::new("dpkg-deb").args(["--contents"]).args([package]).capture()?;
    let files = files.lines().filter_map(|line| line.split(' ').next_back());
    require("installs", &files.collect(), &FILES)?;
    Step::new("dpkg-deb").args(["--control"]).args([package, control]).run()?;
    let read = std::fs::read_dir(control).map_err(|e| format!("{}: {e}", control.display()))?;
    let names: Vec<_> = read.flatten().map(|entry| entry.file_name()).collect();
    let names: Vec<_> = names.iter().map(|name| name.to_string_lossy()).collect();
    require("brings to dpkg", &names.iter().map(AsRef::as_ref).collect(), &CONTROL)
}

/// Refuses what lacks one of `wanted`.
fn require(does: &str, found: &BTreeSet<&str>, wanted: &[&str]) -> Outcome {
    let missing: Vec<_> = wanted.iter().filter(|name| !found.contains(*name)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(", ");
    Err(format!("the package {does} no {missing}, only {found:?}"))
}

/// Installs, upgrades and purges the package on this machine, which must have no Coffer.
pub fn try_here(package: &Path) -> Outcome {
    Step::new("sh").args([root().join("tests/deploy/package.sh")]).args([package]).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let found = BTreeSet::from(["./usr/bin/coffer", "./etc/coffer/coffer.toml"]);
        assert_eq!(require("installs", &found, &["./usr/bin/coffer"]), Ok(()));
        let refused = require("installs", &found, &FILES).unwrap_err();
        assert!(refused.contains("no ./usr/lib/systemd/system/coffer-admin.socket,"), "{refused}");
        assert!(!refused.contains("no ./etc"), "{refused}");
    }
}
