//! What is handed out: the static binary, what is in it (an SBOM), a Debian package, checksums.
//! Says how large and how quick it is, and on request whether another folder makes the same bytes.

mod deb;
mod parts;
mod reproduce;
mod sbom;
pub mod start;
pub mod tried;

use crate::step::{self, Outcome, Step};
use crate::{root, target};
use parts::Parts;
use std::path::{Path, PathBuf};

/// The platform of the binary; named, so that flags do not reach what only builds.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// How long a build may take.
const MINUTES: u64 = 120;

/// What a release has beside what is built by default.
const FEATURES: &str = "jemalloc";

/// What a binary may weigh, in megabytes, and how long a server may take until it listens and a
/// throw-away one until it serves, in milliseconds. Why the first is what it is:
/// `docs/decisions/0127-how-large-a-release-is.md`.
const GOALS: (f64, u128, u128) = (40.0, 50, 100);

/// What was asked for.
#[derive(Default)]
struct Options {
    /// The profile; another than `release` is to try this verb.
    profile: String,
    reproducible: bool,
    deb: bool,
    /// Whether the package is installed, upgraded and purged on this machine.
    try_deb: bool,
    /// Whether the same happens on a machine of its own, which systemd runs.
    try_systemd: bool,
    /// The package from which that machine is upgraded.
    before: Option<PathBuf>,
    /// Whether an image is built of the binary, and run.
    try_container: bool,
    /// A binary to hand out instead of building one.
    built: Option<PathBuf>,
}

/// Builds and writes it all into `<target>/dist`.
pub fn run(words: &[String]) -> Outcome {
    let options = options(words)?;
    step::need("sha256sum", &["--version"], "install coreutils")?;
    let built = match &options.built {
        Some(built) => built.clone(),
        None => static_binary(&options.profile)?,
    };
    let folder = target()?.join("dist");
    outside(&built, &folder)?;
    let parts = Parts::read(&root(), PLATFORM)?;
    let failed = |e: std::io::Error| format!("cannot write into {}: {e}", folder.display());
    // What an earlier run has left would get a checksum, too.
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(failed)?;
    }
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let name = format!("coffer-{}-{PLATFORM}", parts.version());
    std::fs::copy(&built, folder.join(&name)).map_err(failed)?;
    let digest = digest(&built)?;
    let bill = format!("{name}.cdx.json");
    std::fs::write(folder.join(&bill), sbom::document(&parts, &digest)).map_err(failed)?;
    let mut names = vec![name, bill];
    if options.deb {
        names.push(deb::make(&built, &folder, None)?);
    }
    let sums = Step::new("sha256sum").args(&names).directory(&folder).capture()?;
    std::fs::write(folder.join("SHA256SUMS"), format!("{sums}\n")).map_err(failed)?;
    println!("{}:\n{sums}", folder.display());
    let figures = figures(&built, parts.crates().len())?;
    if let (true, Some(package)) = (options.deb, names.last()) {
        try_package(&options, &built, &folder.join(package))?;
    }
    if options.try_container {
        tried::in_container(&built)?;
    }
    if options.reproducible {
        reproduce::check(&digest, &options.profile)?;
    }
    // Last, so that what was asked for is seen in any case.
    verdict(figures)
}

/// Refuses a binary that lies in the folder which is emptied for it.
fn outside(built: &Path, folder: &Path) -> Outcome {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if real(built).starts_with(real(folder)) {
        let folder = folder.display();
        return Err(format!("{folder} is emptied first: copy {} elsewhere", built.display()));
    }
    Ok(())
}

fn try_package(options: &Options, built: &Path, package: &Path) -> Outcome {
    if options.try_deb {
        deb::try_here(package)?;
    }
    if options.try_systemd {
        tried::on_machine(built, package, options.before.as_deref())?;
    }
    Ok(())
}

/// How large and how quick it is, beside what it may be: each figure, and whether it is so.
fn figures(built: &Path, crates: usize) -> Result<[(&'static str, bool); 3], String> {
    let size = built.metadata().map_err(|e| format!("{}: {e}", built.display()))?.len();
    let (largest, listens, serves) = GOALS;
    let is_small = megabytes(size) <= largest;
    println!(
        "size         {:.1} MB ({largest} MB at most: {}), {crates} crates in it",
        megabytes(size),
        word(is_small)
    );
    let took = start::until_it_listens(built)?;
    let is_quick = took <= listens;
    println!(
        "start        {took} ms until a server on its store listens ({listens} ms at most: {})",
        word(is_quick)
    );
    let took = start::until_it_serves(built)?;
    let serves_soon = took <= serves;
    println!(
        "coffer dev   {took} ms until it serves from a new store ({serves} ms at most: {})",
        word(serves_soon)
    );
    Ok([("its size", is_small), ("its start", is_quick), ("coffer dev's start", serves_soon)])
}

/// Whether a bound is kept.
const fn word(is_kept: bool) -> &'static str {
    if is_kept { "kept" } else { "EXCEEDED" }
}

/// Refuses a release that is larger or slower than it may be.
fn verdict(figures: [(&str, bool); 3]) -> Outcome {
    let exceeded: Vec<_> =
        figures.iter().filter(|(_, is_kept)| !is_kept).map(|(name, _)| *name).collect();
    match exceeded.as_slice() {
        [] => Ok(()),
        names => Err(format!("the release is made, and exceeds: {}", names.join(", "))),
    }
}

/// The bill of materials of a binary with this SHA-256.
pub fn bill(digest: &str) -> Result<String, String> {
    Ok(sbom::document(&Parts::read(&root(), PLATFORM)?, digest))
}

/// Builds the static binary of these sources; its path.
fn static_binary(profile: &str) -> Result<PathBuf, String> {
    build(&root(), &target()?, profile)
}

fn options(words: &[String]) -> Result<Options, String> {
    let mut options = Options { profile: "release".to_owned(), ..Options::default() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--reproducible" => options.reproducible = true,
            "--deb" => options.deb = true,
            "--try-deb" => (options.deb, options.try_deb) = (true, true),
            "--try-systemd" => (options.deb, options.try_systemd) = (true, true),
            "--before" => options.before = Some(named(word, words.next())?),
            "--try-container" => options.try_container = true,
            "--built" => options.built = Some(named(word, words.next())?),
            "--profile" => {
                let name = words.next().ok_or("--profile needs a name after it")?;
                options.profile.clone_from(name);
            }
            _ => {
                return Err(format!(
                    "release has no {word}; it has --reproducible, --deb, --try-deb, \
                     --try-systemd, --before, --try-container, --profile, --built"
                ));
            }
        }
    }
    Ok(options)
}

/// The file that follows the option `name`.
fn named(name: &str, file: Option<&String>) -> Result<PathBuf, String> {
    file.map(PathBuf::from).ok_or_else(|| format!("{name} needs a file after it"))
}

/// Builds the static binary from the sources in `source`; its path. Paths of this machine are not
/// in it, so that another one can make the same bytes.
fn build(source: &Path, target: &Path, profile: &str) -> Result<PathBuf, String> {
    let home = std::env::var("CARGO_HOME").ok().filter(|home| !home.is_empty());
    let home = home.or_else(|| std::env::var("HOME").ok().map(|home| format!("{home}/.cargo")));
    let home = home.unwrap_or_default();
    let source_path = source.display();
    let remap = |from: &str, to: &str| format!("--remap-path-prefix={from}={to}");
    let flags = [
        "-Ctarget-feature=+crt-static".to_owned(),
        remap(&source_path.to_string(), "/coffer"),
        remap(&home, "/cargo"),
        remap(&target.display().to_string(), "/target"),
    ];
    // The last that fits counts, and the target directory may be among the sources.
    let maps = [(source, "/coffer"), (Path::new(&home), "/cargo"), (target, "/target")];
    let c_flags = maps.map(|(from, to)| format!("-ffile-prefix-map={}={to}", from.display()));
    Step::new("cargo")
        .args(["build", "--locked", "--package", "coffer", "--features", FEATURES])
        .args(["--target", PLATFORM])
        .args(["--profile", profile])
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("CFLAGS", c_flags.join(" "))
        // Sources that were copied have no history to ask.
        .env("BUILD_COMMIT", commit())
        .directory(source)
        .minutes(MINUTES)
        .run()?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(target.join(PLATFORM).join(folder).join("coffer"))
}

/// The commit that a binary says it was built from: the one that is checked out, unless whoever
/// builds says another. Sources without a history have none.
fn commit() -> String {
    let checked_out = || {
        let asked = Step::new("git").args(["rev-parse", "--short=12", "HEAD"]).directory(&root());
        asked.capture().map_or_else(|_| "unknown".to_owned(), |commit| commit.trim().to_owned())
    };
    std::env::var("BUILD_COMMIT").unwrap_or_else(|_| checked_out())
}

/// The SHA-256 of a file, in hexadecimal digits.
fn digest(path: &Path) -> Result<String, String> {
    let line = Step::new("sha256sum").args([path]).capture()?;
    let digest = line.split_whitespace().next();
    digest.map(str::to_owned).ok_or_else(|| format!("no checksum of {}", path.display()))
}

#[allow(clippy::cast_precision_loss, reason = "it is shown with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_that_exceeds_a_bound_is_refused() {
        assert_eq!(verdict([("its size", true), ("its start", true), ("dev", true)]), Ok(()));
        let refused = verdict([("its size", false), ("its start", true), ("dev", false)]);
        assert_eq!(refused.unwrap_err(), "the release is made, and exceeds: its size, dev");
    }

    #[test]
    fn a_binary_that_would_be_removed_before_it_is_read_is_refused() {
        let dist = Path::new("/nowhere/target/dist");
        assert!(outside(Path::new("/nowhere/target/dist/coffer"), dist).is_err());
        assert_eq!(outside(Path::new("/nowhere/target/release/coffer"), dist), Ok(()));
    }

    #[test]
    fn what_is_asked_for_is_understood_or_refused() {
        let read =
            |line: &str| options(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let all = read("--deb --reproducible --profile start").unwrap();
        assert!(all.deb && all.reproducible && all.profile == "start");
        let tried = read("--built target/release/coffer --try-deb").unwrap();
        assert!(tried.deb && tried.try_deb && tried.built.is_some());
        let elsewhere = read("--try-systemd --before old.deb --try-container").unwrap();
        assert!(elsewhere.deb && elsewhere.try_systemd && elsewhere.before.is_some());
        assert!(elsewhere.try_container && !elsewhere.try_deb);
        let none = read("").unwrap();
        assert!(
            !none.deb
                && !none.try_deb
                && none.built.is_none()
                && !none.reproducible
                && none.profile == "release"
        );
        for wrong in ["--profile", "--built", "--before", "--fast"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
