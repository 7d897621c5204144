//! What `coffer run -- COMMAND` adds to a command, by hyperfine: the same command with it and
//! without it, against a server on this machine.

use crate::release::start;
use crate::step::{self, Outcome, Step};
use crate::test::packages;
use crate::{root, target};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// What it may add, in milliseconds.
const GOAL: f64 = 50.0;

/// As many secrets as a scope has unless an app's quota says otherwise.
const SECRETS: usize = 10;

/// A command that does nothing, so that nothing hides what is added.
const COMMAND: &str = "true";

/// Measures the release binary, or the one that is named.
pub fn run(words: &[String]) -> Outcome {
    let program = match words {
        [] => built()?,
        [program] if !program.starts_with('-') => PathBuf::from(program),
        _ => return Err("bench --command has one argument, a binary, or none".to_owned()),
    };
    if step::need("hyperfine", &["--version"], "").is_err() && packages::may_install() {
        packages::install(&["hyperfine"])?;
    }
    step::need("hyperfine", &["--version"], "install it (Debian: apt-get install hyperfine)")?;
    let results = target()?.join("command.csv");
    measure(&program, &results)?;
    let text = fs::read_to_string(&results).map_err(|e| format!("{}: {e}", results.display()))?;
    let (alone, with) = medians(&text).ok_or_else(|| format!("hyperfine wrote {text}"))?;
    let added = with - alone;
    println!(
        "coffer run   {added:.1} ms more with {SECRETS} secrets (goal {GOAL}): median {with:.1} \
         ms, the command alone {alone:.1} ms"
    );
    if added > GOAL { Err(format!("it adds more than {GOAL} ms")) } else { Ok(()) }
}

fn built() -> Result<PathBuf, String> {
    Step::new("cargo")
        .args(["build", "--release", "--locked", "--package", "coffer"])
        .directory(&root())
        .run()?;
    Ok(target()?.join("release/coffer"))
}

/// Runs hyperfine beside a server that has the secrets.
fn measure(program: &Path, results: &Path) -> Outcome {
    let (_server, variables) = start::throw_away(program)?;
    let with = |step| variables.iter().fold(step, |step: Step, (name, to)| step.env(name, to));
    for number in 0..SECRETS {
        let name = format!("SECRET_{number}");
        let value = target()?.join("command.secret");
        fs::write(&value, &name).map_err(|e| format!("{}: {e}", value.display()))?;
        let set = Step::new(program).args(["secrets", "set", &name, "--from-file"]).args([value]);
        with(set).capture()?;
    }
    let wrapped = format!("'{}' run -- {COMMAND}", program.display());
    let hyperfine = Step::new("hyperfine")
        .args(["--shell=none", "--warmup", "20", "--runs", "300", "--style", "basic"])
        .args([OsStr::new("--export-csv"), results.as_os_str()])
        .args([COMMAND, &wrapped]);
    with(hyperfine).capture().map(drop)
}

/// The medians of the two commands in hyperfine's table, in milliseconds.
fn medians(table: &str) -> Option<(f64, f64)> {
    let mut lines = table.lines();
    let column = lines.next()?.split(',').position(|name| name == "median")?;
    let mut next = || {
        // The columns behind the command are numbers; it may have commas itself.
        let line = lines.next()?;
        let from_the_end = table.lines().next()?.split(',').count() - column;
        let seconds: f64 = line.rsplit(',').nth(from_the_end - 1)?.parse().ok()?;
        Some(seconds * 1000.0)
    };
    Some((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_read_behind_commands_with_commas() {
        let table = "command,mean,stddev,median,user,system,min,max\n\
                     true,0.0011,0,0.0010,0,0,0,0\n\
                     \"a,b run -- true\",0.02,0,0.0125,0,0,0,0\n";
        assert_eq!(medians(table), Some((1.0, 12.5)));
        assert_eq!(medians("command,mean\ntrue,1\n"), None);
        assert_eq!(medians(""), None);
    }
}
