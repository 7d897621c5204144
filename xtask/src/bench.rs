//! The benchmark with the release profile, since figures from any other say nothing, and the server
//! of another revision to hold it against.

mod command;

use crate::step::{Outcome, Step};
use crate::{root, target};
use std::path::{Path, PathBuf};

/// How long a build or a run may take.
const MINUTES: u64 = 60;

/// Entries of the audit's log that is verified, and the seconds that this may take.
const AUDIT_LOG: [&str; 2] = ["10000000", "60"];

/// The feature of a server that serves others.
const ALLOCATOR: &str = "coffer/jemalloc";

/// Runs the benchmark. It starts the server that is built beside it.
pub fn run(words: &[String]) -> Outcome {
    if let [first, rest @ ..] = words
        && first == "--command"
    {
        return command::run(rest);
    }
    if let [only] = words
        && only == "--audit-log"
    {
        return audit_log();
    }
    let (revision, words) = compared(words)?;
    let against = revision.map(|revision| Against::build(&revision)).transpose()?;
    Step::new("cargo")
        .args(["build", "--release", "--package", "coffer", "--package", "coffer-bench"])
        .args(["--features", ALLOCATOR])
        .directory(&root())
        .minutes(MINUTES)
        .run()?;
    let mut bench = Step::new("cargo")
        .args(["run", "--release", "--package", "coffer-bench", "--"])
        .directory(&root())
        .minutes(MINUTES);
    if let Some(against) = against {
        bench = bench.args(["--compare", "--revision", &against.revision, "--against"]);
        bench = bench.args([against.program]);
    }
    bench.args(words).run()
}

/// Writes a large log of the audit, takes its entries in and verifies it; it fails if the last
/// takes too long.
fn audit_log() -> Outcome {
    Step::new("cargo")
        .args(["run", "--release", "--locked", "--package", "coffer-audit"])
        .args(["--example", "audit_log", "--"])
        .args(AUDIT_LOG)
        .directory(&root())
        .minutes(MINUTES)
        .run()
}

/// Takes `--compare REVISION` out of the words.
fn compared(words: &[String]) -> Result<(Option<String>, Vec<String>), String> {
    let Some(at) = words.iter().position(|word| word == "--compare") else {
        return Ok((None, words.to_vec()));
    };
    let (before, after) = words.split_at(at);
    match after {
        [_, revision, rest @ ..] if !revision.starts_with('-') => {
            Ok((Some(revision.clone()), [before, rest].concat()))
        }
        _ => Err("--compare needs a revision of git after it".to_owned()),
    }
}

/// A server of another revision.
struct Against {
    revision: String,
    program: PathBuf,
}

impl Against {
    /// Builds it, unless it has been built before.
    fn build(revision: &str) -> Result<Self, String> {
        let commit = Step::new("git")
            .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
            .args([format!("{revision}^{{commit}}")])
            .directory(&root())
            .capture()
            .map_err(|_| format!("git knows no revision {revision}"))?;
        let folder = target()?.join("compare");
        let program = folder.join(format!("coffer-{commit}"));
        if !program.exists() {
            std::fs::create_dir_all(&folder).map_err(|e| format!("no folder for it: {e}"))?;
            built(&commit, &folder, &program)?;
        }
        Ok(Self { revision: revision.to_owned(), program })
    }
}

/// Builds the server of a commit and puts it into `program`. Its files are checked out elsewhere
/// than below this tree, whose settings for cargo would otherwise hold for it too.
fn built(commit: &str, folder: &Path, program: &Path) -> Outcome {
    let files = std::env::temp_dir().join(format!("coffer-compare-{commit}"));
    let git = |words: &[&str]| {
        Step::new("git").args(["worktree"]).args(words).args([&files]).directory(&root())
    };
    if files.exists() {
        // A run that was ended has left it.
        git(&["remove", "--force"]).run()?;
    }
    git(&["add", "--force", "--detach", "--no-checkout"]).args([commit]).run()?;
    let build = folder.join("build");
    let outcome = Step::new("git")
        .args(["checkout", "--quiet", commit])
        .directory(&files)
        .run()
        .and_then(|()| {
            let has_feature = std::fs::read_to_string(files.join("crates/coffer/Cargo.toml"))
                .is_ok_and(|manifest| manifest.contains("\njemalloc = "));
            let feature = has_feature.then_some(["--features", ALLOCATOR]);
            Step::new("cargo")
                .args(["build", "--release", "--locked", "--package", "coffer"])
                .args(feature.into_iter().flatten())
                .env("CARGO_TARGET_DIR", &build)
                .directory(&files)
                .minutes(MINUTES)
                .run()
        })
        .and_then(|()| {
            let made = build.join("release/coffer");
            let copied = std::fs::copy(&made, program).map(drop);
            copied.map_err(|e| format!("cannot copy {}: {e}", made.display()))
        });
    let removed = git(&["remove", "--force"]).run();
    outcome.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_revision_is_taken_out_of_the_words() {
        let (revision, rest) = compared(&words("--rounds 5 --compare HEAD~3 --small 100")).unwrap();
        assert_eq!(revision.as_deref(), Some("HEAD~3"));
        assert_eq!(rest, words("--rounds 5 --small 100"));
        assert_eq!(compared(&words("--postgres")), Ok((None, words("--postgres"))));
        for wrong in ["--compare", "--compare --rounds 5"] {
            assert!(compared(&words(wrong)).unwrap_err().contains("revision"), "{wrong}");
        }
    }

    #[test]
    fn a_revision_that_git_does_not_know_is_refused() {
        let refused = Against::build("no-such-revision").map(drop).unwrap_err();
        assert_eq!(refused, "git knows no revision no-such-revision");
    }
}
