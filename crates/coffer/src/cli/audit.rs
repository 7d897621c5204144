//! `coffer audit`: verifies the log of the audit, proves what is in it, and prints it.

mod checkpoints;
mod export;
mod read;
mod verify;

use super::args::{Audit, ProveArgs};
use super::client::{Client, Expected};
use super::exit::{Exit, Failure};
use super::output::{self, Format, Output};
use super::runtime::Runtime;
use super::{input, setup, table};
use crate::config::{ADMIN_KEY, Config};
use coffer::assemble::{self, Database};
use coffer_audit::{ExportLine, LogError, SIGNING_PURPOSE, checkpoint::VerifierKey};
use coffer_keyring::{AuditMark, KEY_MIGRATIONS};
use coffer_storage::Store;
use serde_json::{Value, json};

/// Runs a verb of the group.
///
/// # Errors
/// If there is no store, or if it cannot be read.
pub fn run(config: &Config, verb: &Audit, format: Format, output: Output) -> Result<Exit, Failure> {
    match verb {
        Audit::Read(verb) => read::run(config, verb, output),
        Audit::Verify(args) => verify::run(config, args, output),
        Audit::Checkpoint => {
            let note = Runtime::new()?.block_on(async {
                let store = setup::open_read_only(config).await?;
                Ok::<_, Failure>(head(&store).await?.note)
            })?;
            let json = json!({ "object": "audit_checkpoint", "checkpoint": note });
            output.show(&json, |_| note.trim_end().to_owned())?;
            Ok(Exit::Done)
        }
        Audit::Key => {
            let key = Runtime::new()?.block_on(async {
                let store = setup::open_read_only(config).await?;
                derived_key(config, &store).await
            })?;
            let json = json!({ "object": "audit_key", "key": key.to_string() });
            output.show(&json, |_| key.to_string())?;
            Ok(Exit::Done)
        }
        Audit::Prove(args) => prove(config, args),
        Audit::Export(args) => export::run(config, args, format),
        Audit::Prune { before, unshipped, yes } => prune(config, before, *unshipped, *yes, output),
    }
}

/// The head of the log.
///
/// # Errors
/// If the log is empty.
async fn head(store: &Store) -> Result<coffer_audit::Head, Failure> {
    let head = coffer_audit::head(store).await?;
    head.ok_or_else(|| Failure::new(Exit::NotFound, "the log is empty: no server has run yet"))
}

/// The key that checks the log's signatures, derived with the root key; and what the key store
/// knows of the log.
async fn known(config: &Config, data: &Store) -> Result<(VerifierKey, Option<AuditMark>), Failure> {
    let options = setup::production(config)?;
    let Some(store_id) = coffer_keyring::store_id(data).await? else {
        return Err(Failure::failed("the store was begun and not finished: run `coffer init`"));
    };
    let keys = match &options.database {
        Database::Postgres { keys, .. } => {
            Store::open_postgres(keys.clone(), &[KEY_MIGRATIONS]).await?
        }
        Database::Embedded => {
            let file = config.key_dir().join(assemble::KEYS_FILE);
            Store::open_sqlite_read_only(&file, &[KEY_MIGRATIONS])?
        }
    };
    let (keyring, _) = assemble::open_keyring(&options, &keys, &store_id).await?;
    let signing = keyring.signing_key(SIGNING_PURPOSE).await?;
    let mark = coffer_keyring::audit_mark(&keys).await?;
    Ok((VerifierKey::of(&store_id, &signing).map_err(LogError::from)?, mark))
}

/// The key that checks the log's signatures, derived with the root key.
async fn derived_key(config: &Config, data: &Store) -> Result<VerifierKey, Failure> {
    Ok(known(config, data).await?.0)
}

fn prove(config: &Config, args: &ProveArgs) -> Result<Exit, Failure> {
    let proof = Runtime::new()?.block_on(async {
        let store = setup::open_read_only(config).await?;
        match (&args.entry, &args.consistency) {
            (Some(entry), _) => inclusion(&store, entry).await,
            (None, Some(old)) => consistency(&store, old).await,
            (None, None) => Err(Failure::usage("an entry or --consistency is missing")),
        }
    })?;
    output::print(&format!("{proof:#}"))?;
    Ok(Exit::Done)
}

async fn inclusion(store: &Store, entry: &str) -> Result<Value, Failure> {
    let number = entry.strip_prefix("aud_").unwrap_or(entry);
    let number: u64 = number
        .parse()
        .map_err(|_| Failure::usage(format!("'{entry}' is neither a number nor aud_…")))?;
    let head = head(store).await?;
    let found = coffer_audit::find_entry(store, number).await?;
    let Some(found) = found else {
        let size = head.size;
        let message = format!("the log of {size} entries has no entry {number}, or it was pruned");
        return Err(Failure::new(Exit::NotFound, message));
    };
    let hashes = coffer_audit::inclusion(store, number, head.size).await?;
    Ok(json!({
        "object": "audit_inclusion_proof",
        "entry": ExportLine::from(&found).0,
        "hashes": checkpoints::base64(&hashes),
        "checkpoint": head.note,
    }))
}

async fn consistency(store: &Store, old: &str) -> Result<Value, Failure> {
    let head = head(store).await?;
    let old_size = checkpoints::size_of(old)?;
    let hashes = coffer_audit::consistency(store, old_size, head.size).await?;
    let tree = coffer_audit::tree_of(store, old_size).await?;
    Ok(json!({
        "object": "audit_consistency_proof",
        "old_size": old_size,
        "old_root": checkpoints::base64(&[tree.root]).pop(),
        "hashes": checkpoints::base64(&hashes),
        "checkpoint": head.note,
    }))
}

fn prune(
    config: &Config,
    before: &str,
    unshipped: bool,
    yes: bool,
    output: Output,
) -> Result<Exit, Failure> {
    let size = checkpoints::size_of(before)?.to_string();
    input::confirm("the entries of the audit up to number", &size, yes)?;
    let client = Client::new(config, &ADMIN_KEY)?;
    let expected = Expected::object("audit_pruning");
    let mut params = vec![("before", &*size)];
    params.extend(unshipped.then_some(("unshipped", "true")));
    let answer = client.post("/v1/admin/audit/prune", &params, expected)?;
    output.show(&answer, table::object)?;
    Ok(Exit::Done)
}
