//! Coffer beside what it could be at best, measured in one go on one machine.
//!
//! Without a first word it runs the whole comparison and prints one table. The words `axum`,
//! `load` and `sqlite` are the processes that it starts: servers, load and baselines never share
//! a process, so that memory and processor time can be told apart.
//!
//! This room talks to Coffer as a stranger would: by its command line, over HTTP, and by looking
//! at its files; it links none of its code.

mod args;
mod axum_baseline;
mod child;
mod coffer;
mod data;
mod exchange;
mod histogram;
mod http;
mod load;
mod machine;
mod redis;
mod rows;
mod run;
mod slice;
mod sqlite_baseline;
mod table;

use args::{Args, Result};
use run::{Run, Settings};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use table::{Check, Line};

/// What a whole run may take.
const RUN_AT_MOST: Duration = Duration::from_secs(480);

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    let command = words.next_if(|word| !word.starts_with("--")).unwrap_or_default();
    let parse = |words, known: &[&str]| Args::parse(words, known);
    let outcome = match command.as_str() {
        "" => parse(words, run::OPTIONS).and_then(|args| whole(&args)),
        "axum" => parse(words, &["port"]).and_then(|args| axum_baseline::main(&args)),
        "load" => parse(words, load::OPTIONS).and_then(|args| load::main(&args)),
        "sqlite" => {
            parse(words, sqlite_baseline::OPTIONS).and_then(|args| sqlite_baseline::main(&args))
        }
        other => Err(format!("there is no command {other:?}; known: axum, load, sqlite")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            drop(writeln!(std::io::stderr(), "coffer-bench: {message}"));
            ExitCode::FAILURE
        }
    }
}

/// The whole comparison: in a directory that is removed afterwards, on the disk that
/// `--directory` names (the current one by default, since temporary files may lie in memory).
fn whole(args: &Args) -> Result<()> {
    let begun = Instant::now();
    let settings = Settings::read(args)?;
    let parent: PathBuf = args.or("directory", PathBuf::from("."))?;
    let directory = tempfile::Builder::new()
        .prefix("coffer-bench-")
        .tempdir_in(&parent)
        .map_err(|error| format!("cannot make a directory in {}: {error}", parent.display()))?;
    print(&introduction(&settings, directory.path())?)?;
    let mut run = Run::new(settings, directory.path())?;
    run.everything()?;
    run.checks.push(Check {
        what: "seconds for the whole run".to_owned(),
        value: begun.elapsed().as_secs_f64(),
        at_most: RUN_AT_MOST.as_secs_f64(),
    });
    print(&format!("\n{}\n\n{}", run.notes.join("\n"), table::table(&run.lines)))?;
    print(&format!("\n{}", table::checks(&run.checks)))?;
    if run.lines.iter().all(Line::met) && run.checks.iter().all(Check::met) {
        Ok(())
    } else {
        Err("not everything was reached; see above".to_owned())
    }
}

/// The machine and every setting, so that the figures mean something.
fn introduction(settings: &Settings, directory: &Path) -> Result<String> {
    let (p50, p99) = machine::flush_micros(directory)?;
    let counted = if machine::disk(directory)?.is_some() { "counted" } else { "not visible" };
    let Settings { coffer, rounds, warm, measure, small, memory_at, stored } = settings;
    Ok(format!(
        "machine: {}\n\
         disk: append of 4 KiB and flush {p50:.0} us (p99 {p99:.0} us); flushes are {counted}\n\
         Coffer: {} init, serve; production mode, live key, {} accounts of one app\n\
         load: its own process, one thread, no pipelining, {:?} keep-alive connections, \
         Stripe-Version {}\n\
         slices: {rounds} of {measure} ms after {warm} ms each, rivals in turns, medians; \
         finds repeated if others take over {:.0} %\n\
         secrets: payload {} characters, each in a user scope of its own, finds at random over \
         all; small store {small}, memory at {memory_at}, large store {stored}\n\
         bare axum: {} bytes of JSON, the same requests\n\
         loop: Coffer's tables and indexes, WAL, synchronous=FULL, foreign keys off, page cache \
         {} KiB, checkpoints on another thread, groups as large as Coffer's",
        machine::description()?,
        coffer.display(),
        coffer::ACCOUNTS,
        run::CONNECTIONS,
        exchange::API_VERSION,
        slice::FOREIGN_SHARE * 100.0,
        data::PAYLOAD_CHARACTERS,
        axum_baseline::BODY_BYTES,
        sqlite_baseline::CACHE_KIB,
    ))
}

/// Writes a line to the standard output.
pub fn print(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())
}
