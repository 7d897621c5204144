//! Coffer beside what it could be at best, measured in one go on one machine.
//!
//! Without a first word it runs the whole comparison and prints one table and all goals; with
//! `--reserves` or `--postgres` anywhere, that of Reserves or that of a store in PostgreSQL
//! instead; with `--neighbours`, a quiet app beside attacks, and with `--postgres` too on both
//! engines; with `--rotation`, finds while keys rotate; with `--webhooks`, whether events arrive as
//! fast as they are made; with `--traces`, what traces cost finds; with `--compare`, the server of
//! another revision beside this one's. The words `axum`, `load`, `pgbench`, `receiver`, `silent`
//! and `sqlite` are the processes that it starts: servers, load and baselines never share a
//! process, so that memory and processor time can be told apart.
//!
//! This crate uses Coffer from outside: by its command line, over HTTP, and by looking at its
//! files. It links none of its code.

mod args;
mod axum_baseline;
mod child;
mod coffer;
mod data;
mod exchange;
mod fill;
mod goal;
mod http;
mod latency;
mod load;
mod machine;
mod page;
mod pgbench;
mod postgres;
mod receiver;
mod redis;
mod run;
mod silent;
mod slice;
mod sqlite_baseline;
mod statements;
mod table;
mod unit;

use args::{Args, Result};
use goal::{Bound, Goal};
use run::{Run, Settings};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What a whole run may take.
const RUN_AT_MOST: Duration = Duration::from_secs(600);

/// What one of Reserves may take, of which the backfill may take ten minutes.
const RESERVES_AT_MOST: Duration = Duration::from_secs(1200);

/// What one beside neighbours may take.
const NEIGHBOURS_AT_MOST: Duration = Duration::from_secs(300);

/// What one on PostgreSQL may take.
const POSTGRES_AT_MOST: Duration = Duration::from_secs(300);

/// The words that choose another comparison.
const FLAGS: [&str; 7] = [
    "--compare",
    "--neighbours",
    "--postgres",
    "--reserves",
    "--rotation",
    "--traces",
    "--webhooks",
];

fn main() -> ExitCode {
    let (flags, words): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|word| FLAGS.contains(&word.as_str()));
    let mut words = words.into_iter().peekable();
    let command = words.next_if(|word| !word.starts_with("--")).unwrap_or_default();
    let parse = |words, known: &[&str]| Args::parse(words, known);
    let outcome = match command.as_str() {
        "" => comparison(&flags, words),
        "axum" => parse(words, &["port"]).and_then(|args| axum_baseline::main(&args)),
        "load" => parse(words, load::OPTIONS).and_then(|args| load::main(&args)),
        "pgbench" => parse(words, pgbench::OPTIONS).and_then(|args| pgbench::main(&args)),
        "sqlite" => {
            parse(words, sqlite_baseline::OPTIONS).and_then(|args| sqlite_baseline::main(&args))
        }
        "receiver" => parse(words, receiver::OPTIONS).and_then(|args| receiver::main(&args)),
        "silent" => parse(words, silent::OPTIONS).and_then(|args| silent::main(&args)),
        other => Err(format!(
            "there is no command {other:?}; known: axum, load, pgbench, receiver, silent, \
             sqlite"
        )),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            drop(writeln!(std::io::stderr(), "coffer-bench: {message}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the comparison that the flags name.
fn comparison(flags: &[String], words: impl Iterator<Item = String>) -> Result<()> {
    let mut flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    flags.sort_unstable();
    let chosen = chosen(&flags).ok_or(
        "--compare, --reserves, --rotation, --traces, --webhooks and --postgres are runs of their \
         own",
    )?;
    let defaults = chosen.defaults.iter().map(|word| (*word).to_owned());
    let also_postgres = flags.len() == 2;
    // The last value of an option counts.
    whole(&Args::parse(defaults.chain(words), chosen.known)?, &chosen, also_postgres)
}

/// The comparison that the flags, sorted, name.
fn chosen(flags: &[&str]) -> Option<Comparison> {
    let whole = Comparison {
        known: run::OPTIONS,
        defaults: &[],
        introduction,
        parts: Run::everything,
        at_most: RUN_AT_MOST,
    };
    Some(match flags {
        [] => whole,
        ["--compare"] => Comparison {
            known: run::COMPARE_OPTIONS,
            introduction: introduction_to_compare,
            parts: Run::compare,
            ..whole
        },
        ["--reserves"] => Comparison {
            known: run::RESERVES_OPTIONS,
            introduction: introduction_to_reserves,
            parts: Run::reserves,
            at_most: RESERVES_AT_MOST,
            ..whole
        },
        ["--postgres"] => Comparison {
            known: run::POSTGRES_OPTIONS,
            introduction: introduction_to_postgres,
            parts: Run::postgres,
            at_most: POSTGRES_AT_MOST,
            ..whole
        },
        _ => beside(flags, Comparison { at_most: NEIGHBOURS_AT_MOST, ..whole })?,
    })
}

/// Those that measure something beside something else.
fn beside(flags: &[&str], whole: Comparison) -> Option<Comparison> {
    Some(match flags {
        ["--rotation"] => Comparison {
            known: run::ROTATION_OPTIONS,
            introduction: introduction_to_rotation,
            parts: Run::rotation,
            ..whole
        },
        ["--traces"] => Comparison {
            known: run::TRACES_OPTIONS,
            defaults: &run::TRACES_DEFAULTS,
            introduction: introduction_to_traces,
            parts: Run::traces,
            ..whole
        },
        ["--webhooks"] => Comparison {
            known: run::WEBHOOKS_OPTIONS,
            introduction: conditions,
            parts: Run::webhooks,
            ..whole
        },
        ["--neighbours"] | ["--neighbours", "--postgres"] => Comparison {
            known: run::NEIGHBOURS_OPTIONS,
            introduction: introduction_to_neighbours,
            parts: Run::neighbours,
            ..whole
        },
        _ => return None,
    })
}

/// What a whole run consists of.
struct Comparison {
    /// The options that it has.
    known: &'static [&'static str],
    /// Options that it has other values for, unless they are given.
    defaults: &'static [&'static str],
    introduction: fn(&Settings, &Path) -> Result<String>,
    parts: fn(&mut Run) -> Result<()>,
    at_most: Duration,
}

/// The whole comparison: in a directory that is removed afterwards, on the disk that
/// `--directory` names (the current one by default, since temporary files may lie in memory).
fn whole(args: &Args, comparison: &Comparison, also_postgres: bool) -> Result<()> {
    let begun = Instant::now();
    let settings = Settings { also_postgres, ..Settings::read(args)? };
    let parent: PathBuf = args.or("directory", PathBuf::from("."))?;
    let directory = tempfile::Builder::new()
        .prefix("coffer-bench-")
        .tempdir_in(&parent)
        .map_err(|error| format!("cannot make a directory in {}: {error}", parent.display()))?;
    print(&(comparison.introduction)(&settings, directory.path())?)?;
    let mut run = Run::new(settings, directory.path())?;
    // What was measured until something failed is shown too.
    let outcome = (comparison.parts)(&mut run);
    run.goals.push(Goal {
        what: "seconds for the whole run".to_owned(),
        value: Some(begun.elapsed().as_secs_f64()),
        bound: Bound::AtMost(comparison.at_most.as_secs_f64()),
    });
    print(&format!("\n{}", run.notes.join("\n")))?;
    if !run.lines.is_empty() {
        print(&format!("\n{}", table::table(&run.lines)))?;
    }
    print(&format!("\n{}", goal::list(&run.goals)))?;
    outcome?;
    if run.goals.iter().any(Goal::missed) {
        Err("not everything was reached; see above".to_owned())
    } else {
        Ok(())
    }
}

/// The machine and the settings of every run, so that the figures mean something.
fn conditions(settings: &Settings, directory: &Path) -> Result<String> {
    let (p50, p99) = machine::flush_micros(directory)?;
    let counted = if machine::disk(directory)?.is_some() { "counted" } else { "not visible" };
    let Settings { coffer, rounds, warm, measure, .. } = settings;
    Ok(format!(
        "machine: {}\n\
         disk: append of 4 KiB and flush {p50:.0} us (p99 {p99:.0} us); flushes are {counted}\n\
         Coffer: {} init, serve; production mode, live key, {} accounts of one app\n\
         load: its own process, one thread, no pipelining, {:?} keep-alive connections, \
         Stripe-Version {}\n\
         slices: {rounds} of {measure} ms after {warm} ms each, rivals in turns, medians; \
         reads repeated if others take over {:.0} %",
        machine::description()?,
        coffer.display(),
        coffer::ACCOUNTS,
        run::CONNECTIONS,
        exchange::API_VERSION,
        slice::FOREIGN_SHARE * 100.0,
    ))
}

/// How the loop stores what it writes.
fn the_loop() -> String {
    format!(
        "loop: the rows that Coffer was seen to write, or frozen ones; WAL, synchronous=FULL, page \
         cache {} KiB, checkpoints on another thread, groups as large as Coffer's",
        sqlite_baseline::CACHE_KIB
    )
}

/// What the comparison is run with.
fn introduction(settings: &Settings, directory: &Path) -> Result<String> {
    let Settings { small, memory_at, stored, .. } = settings;
    Ok(format!(
        "{}\n\
         secrets: payload {} characters, each in a user scope of its own, finds at random over \
         all; small store {small}, memory at {memory_at}, large store {stored}\n\
         bare axum: {} bytes of JSON, the same requests\n\
         {}",
        conditions(settings, directory)?,
        data::PAYLOAD_CHARACTERS,
        axum_baseline::BODY_BYTES,
        the_loop(),
    ))
}

/// What the comparison of two revisions is run with.
fn introduction_to_compare(settings: &Settings, directory: &Path) -> Result<String> {
    let against = settings.against.as_ref();
    let (other, revision) = against.ok_or("--compare needs --against and --revision")?;
    Ok(format!(
        "{}\n\
         beside it: {revision}, {}; a store each, {} secrets at first, memory at {}",
        conditions(settings, directory)?,
        other.display(),
        settings.small,
        settings.memory_at,
    ))
}

/// What the comparison of Reserves is run with.
fn introduction_to_reserves(settings: &Settings, directory: &Path) -> Result<String> {
    let Settings { holds, postings, told, .. } = settings;
    Ok(format!(
        "{}\n\
         charges: each account with one rolling plan of 10 %, fresh idempotency keys; \
         {postings} postings behind the larger balance; {holds} holds due at one midnight\n\
         transactions: pages of {} charges whose money is available, on accounts without plans; \
         a history of {told} in one file\n\
         {}",
        conditions(settings, directory)?,
        page::PAGE,
        the_loop(),
    ))
}

/// What the comparison on PostgreSQL is run with.
fn introduction_to_postgres(settings: &Settings, directory: &Path) -> Result<String> {
    Ok(format!(
        "{}\n\
         secrets: payload {} characters, each in a user scope of its own; {} at first, finds at \
         random over these; data and keys in one cluster\n\
         {}",
        conditions(settings, directory)?,
        data::PAYLOAD_CHARACTERS,
        settings.small,
        run::PGBENCH,
    ))
}

/// What finds beside a rotation are run with.
fn introduction_to_rotation(settings: &Settings, directory: &Path) -> Result<String> {
    Ok(format!(
        "{}\n\
         rotation: of all keys, at its default rate; {} secrets and as many stored responses",
        conditions(settings, directory)?,
        settings.small,
    ))
}

/// What finds with traces are run with.
fn introduction_to_traces(settings: &Settings, directory: &Path) -> Result<String> {
    Ok(format!(
        "{}\n\
         traces: a server without, another of the same program with one request of a hundred \
         sampled and sent to a receiver on this machine; {} secrets each",
        conditions(settings, directory)?,
        settings.small,
    ))
}

/// What the attacks are run with.
fn introduction_to_neighbours(settings: &Settings, directory: &Path) -> Result<String> {
    Ok(format!(
        "{}\n\
         quiet app: 200 finds and 100 sets a second, {} secrets; limits at their defaults",
        conditions(settings, directory)?,
        settings.small,
    ))
}

/// Writes a line to the standard output.
pub fn print(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_names_a_comparison_and_two_of_them_only_if_they_go_together() {
        assert!(chosen(&[]).is_some());
        for flag in FLAGS {
            assert!(chosen(&[flag]).is_some(), "{flag}");
        }
        assert!(chosen(&["--neighbours", "--postgres"]).is_some());
        assert!(chosen(&["--postgres", "--traces"]).is_none());
    }

    #[test]
    fn defaults_are_options_and_give_way() {
        for flag in FLAGS {
            let Some(Comparison { known, defaults, .. }) = chosen(&[flag]) else {
                panic!("{flag}")
            };
            let words = defaults.iter().map(|word| (*word).to_owned());
            let given = ["--measure-ms", "7"].map(str::to_owned);
            let args = Args::parse(words.chain(given), known).unwrap();
            assert_eq!(args.required("measure-ms"), Ok(7_u64), "{flag}");
        }
    }
}
