//! What is handed out: the static binary, what is in it (an SBOM), a Debian package, checksums.
//! Says how large and how quick it is, and on request whether another folder makes the same bytes.

mod deb;
mod parts;
mod reproduce;
mod sbom;
mod start;

use crate::step::{self, Outcome, Step};
use crate::{root, target};
use parts::Parts;
use std::path::{Path, PathBuf};

/// The platform of the binary; named, so that flags do not reach what only builds.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// How long a build may take.
const MINUTES: u64 = 120;

/// What was asked for.
#[derive(Default)]
struct Options {
    /// The profile; another than `release` is to try this verb.
    profile: String,
    reproducible: bool,
    deb: bool,
    /// Whether the package is installed, upgraded and purged on this machine.
    try_deb: bool,
    /// A binary to hand out instead of building one.
    built: Option<PathBuf>,
}

/// Builds and writes it all into `<target>/dist`.
pub fn run(words: &[String]) -> Outcome {
    let options = options(words)?;
    step::need("sha256sum", &["--version"], "install coreutils")?;
    let built = match &options.built {
        Some(built) => built.clone(),
        None => build(&root(), &target()?, &options.profile)?,
    };
    let parts = Parts::read(&root(), PLATFORM)?;
    let folder = target()?.join("dist");
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
        names.push(deb::make(&built, &folder)?);
    }
    let sums = Step::new("sha256sum").args(&names).directory(&folder).capture()?;
    std::fs::write(folder.join("SHA256SUMS"), format!("{sums}\n")).map_err(failed)?;
    println!("{}:\n{sums}", folder.display());
    let size = built.metadata().map_err(failed)?.len();
    println!("size         {:.1} MB, {} crates in it", megabytes(size), parts.crates().len());
    println!("first start  {} ms until it listens", start::milliseconds(&built)?);
    if let (true, Some(package)) = (options.try_deb, names.last()) {
        deb::try_here(&folder.join(package))?;
    }
    if options.reproducible {
        reproduce::check(&digest, &options.profile)?;
    }
    Ok(())
}

fn options(words: &[String]) -> Result<Options, String> {
    let mut options = Options { profile: "release".to_owned(), ..Options::default() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--reproducible" => options.reproducible = true,
            "--deb" => options.deb = true,
            "--try-deb" => (options.deb, options.try_deb) = (true, true),
            "--built" => {
                options.built = Some(words.next().ok_or("--built needs a binary after it")?.into());
            }
            "--profile" => {
                let name = words.next().ok_or("--profile needs a name after it")?;
                options.profile.clone_from(name);
            }
            _ => {
                return Err(format!(
                    "release has no {word}; it has --reproducible, --deb, --try-deb, --profile, \
                     --built"
                ));
            }
        }
    }
    Ok(options)
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
        .args(["build", "--locked", "--package", "coffer", "--target", PLATFORM])
        .args(["--profile", profile])
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("CFLAGS", c_flags.join(" "))
        .directory(source)
        .minutes(MINUTES)
        .run()?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(target.join(PLATFORM).join(folder).join("coffer"))
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
    fn what_is_asked_for_is_understood_or_refused() {
        let read =
            |line: &str| options(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let all = read("--deb --reproducible --profile start").unwrap();
        assert!(all.deb && all.reproducible && all.profile == "start");
        let tried = read("--built target/release/coffer --try-deb").unwrap();
        assert!(tried.deb && tried.try_deb && tried.built.is_some());
        let none = read("").unwrap();
        assert!(
            !none.deb
                && !none.try_deb
                && none.built.is_none()
                && !none.reproducible
                && none.profile == "release"
        );
        assert!(read("--profile").is_err() && read("--built").is_err() && read("--fast").is_err());
    }
}
