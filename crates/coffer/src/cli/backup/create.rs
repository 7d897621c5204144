//! `coffer backup create`.

use super::super::args::CreateArgs;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Output};
use super::plan::{plan, sources};
use super::progress::Bar;
use super::runs::{About, record};
use crate::cli::runtime::Runtime;
use crate::config::{self, Config, Value};
use coffer::assemble::{DEVELOPER_ROOT_FILE, Database, RootSource};
use coffer::backup::{CreateOptions, Created, Destination, Keep, create};
use coffer::store_place;
use coffer_backup::Contents;
use coffer_base::{Clock, SystemClock};
use coffer_crypto::{SystemRandom, root};
use coffer_keyring::RunKind;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// Copies data and keys.
///
/// # Errors
/// If the stores are PostgreSQL databases or missing, or if a copy cannot be written.
pub(super) fn run(config: &Config, args: &CreateArgs, output: Output) -> Result<Exit, Failure> {
    if let Database::Postgres { .. } = config.database()? {
        return Err(Failure::failed(
            "a PostgreSQL database is backed up with PostgreSQL's own tools, data and keys each \
             by itself; `coffer backup verify` then verifies what was restored from that",
        ));
    }
    let to = destinations(config, args)?;
    // A wrong name is no backup that failed: nothing of it is recorded.
    for (_, to) in &to {
        to.require_new()?;
    }
    store_place::find(&config.data_dir())?;
    let configured = plan(config);
    let keep = match (args.keep, args.keep_days) {
        (None, None) if args.to.is_none() && args.keys_to.is_none() => configured.keep,
        (number, days) => Keep { number, days },
    };
    let is_stdout = to.iter().any(|(_, to)| *to == Destination::Stdout);
    let options = CreateOptions {
        sources: sources(config),
        to,
        keep,
        scratch: args.scratch.clone().or(configured.scratch),
        now: SystemClock.now(),
        random: Arc::new(SystemRandom),
    };
    Runtime::new()?.block_on(async {
        let mut bar = Bar::default();
        let made = create(&options, &mut |step, done, total| bar.update(step, done, total)).await;
        bar.clear();
        let about = match &made {
            Ok(made) => About {
                set: made.first().map(|each| each.header.set.clone()).unwrap_or_default(),
                keys: made.iter().find_map(|each| each.keys),
            },
            Err(_) => About::default(),
        };
        let outcome = match &made {
            Ok(made) => Ok(made.iter().map(|each| each.place.clone()).collect::<Vec<_>>()),
            Err(error) => Err(error.to_string()),
        };
        record(config, RunKind::Backup, outcome.map(|places| places.join(", ")), about).await;
        report(config, &made?, is_stdout, output)
    })
}

/// Where what goes.
fn destinations(
    config: &Config,
    args: &CreateArgs,
) -> Result<Vec<(Contents, Destination)>, Failure> {
    let both =
        |one: Destination, other: Destination| vec![(Contents::Data, one), (Contents::Keys, other)];
    if let Some(command) = &args.pipe {
        let command = Destination::Command(command.clone());
        return Ok(both(command.clone(), command));
    }
    let data = args.to.as_deref().map(Destination::of);
    let keys = args.keys_to.as_deref().map(Destination::of);
    match (data, keys) {
        (Some(Destination::Stdout), Some(Destination::Stdout)) => Err(Failure::usage(
            "data and keys are two streams, and there is one standard output; --pipe runs a \
             command for each",
        )),
        (Some(Destination::Directory(place)), None) => {
            let place = Destination::Directory(place);
            Ok(both(place.clone(), place))
        }
        (Some(data), Some(keys)) => Ok(both(data, keys)),
        (Some(data), None) => Ok(vec![(Contents::Data, data)]),
        (None, Some(keys)) => Ok(vec![(Contents::Keys, keys)]),
        (None, None) => {
            let plan = plan(config);
            let Some(to) = plan.to else {
                return Err(Failure::usage(
                    "say where the backup goes: --to a directory, a file or -, --pipe a command, \
                     or backup_to in the configuration",
                ));
            };
            let keys = plan.keys_to.unwrap_or_else(|| to.clone());
            Ok(both(Destination::Directory(to), Destination::Directory(keys)))
        }
    }
}

/// Says what was made; beside a backup on standard output, on standard error.
fn report(
    config: &Config,
    made: &[Created],
    is_stdout: bool,
    output: Output,
) -> Result<Exit, Failure> {
    let document = json!({ "backups": made.iter().map(document).collect::<Vec<_>>() });
    let lines = made.iter().map(line).collect::<Vec<_>>().join("\n");
    if is_stdout {
        output::note(&if output.is_json() { document.to_string() } else { lines });
    } else {
        output.show(&document, |_| lines)?;
    }
    if !output.is_json() {
        advise(config, made);
    }
    Ok(Exit::Done)
}

fn document(made: &Created) -> serde_json::Value {
    json!({
        "contents": made.header.contents.as_str(),
        "place": made.place,
        "store": made.header.store,
        "set": made.header.set,
        "created": made.header.created,
        "bytes": made.header.bytes,
        "rows": made.header.rows.values().sum::<u64>(),
        "sha256": made.digest,
        "removed": made.removed.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
    })
}

fn line(made: &Created) -> String {
    let rows: u64 = made.header.rows.values().sum();
    let mut line = format!(
        "{}: {}, {} bytes, {rows} rows, sha256 {}",
        made.header.contents, made.place, made.header.bytes, made.digest
    );
    for path in &made.removed {
        line.push_str(&format!("\n      removed {}", path.display()));
    }
    line
}

/// What else it takes to restore, and what must not lie together.
fn advise(config: &Config, made: &[Created]) {
    let has = |contents| made.iter().any(|each| each.header.contents == contents);
    let store = made.first().map(|each| each.header.store.as_str()).unwrap_or_default();
    let root = root_key_location(config, store);
    let advice = match (has(Contents::Data), has(Contents::Keys)) {
        (true, false) => format!(
            "This copy is worthless without the keys: the wrapped keys in {}, which --keys-to \
             copies, and the root key ({root}). Keep the three in different places.",
            config.key_dir().join(coffer::assemble::KEYS_FILE).display()
        ),
        (true, true) => format!(
            "Both are worthless without the root key ({root}), which is in neither. Whoever has \
             the three reads every secret: keep them in different places."
        ),
        _ => "The keys in this copy are wrapped with the root key, which is not in it.".to_owned(),
    };
    output::note(&format!("\n{advice}"));
    if has(Contents::Keys) {
        output::note(
            "A key that is destroyed later lives on in this copy of the keys: keep fewer of them \
             than of the data.",
        );
    }
}

/// Where the root key is, for people: the key itself is not read, and only a file is named that
/// exists.
fn root_key_location(config: &Config, store_id: &str) -> String {
    let beside = config.data_dir().join(DEVELOPER_ROOT_FILE);
    if beside.exists() {
        return beside.display().to_string();
    }
    if let Some(Value::Secret(_)) = config.value(&config::ROOT_KEY) {
        return "as given in COFFER_ROOT_KEY".to_owned();
    }
    let places = match config.root_source() {
        Ok(RootSource::Search { explicit: Some(path), .. }) => vec![path],
        Ok(RootSource::Search { credentials_directory, config_home, .. }) => {
            let credential =
                credentials_directory.map(|directory| directory.join(root::CREDENTIAL));
            credential.into_iter().chain([root::default_path(&config_home, store_id)]).collect()
        }
        _ => Vec::new(),
    };
    let exists = |path: &&std::path::PathBuf| Path::exists(path);
    match places.iter().find(exists) {
        Some(path) => path.display().to_string(),
        None => {
            "which is kept elsewhere: in none of the places where this command looks".to_owned()
        }
    }
}
