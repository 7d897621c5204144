//! What takes the host and its root key, without a server: `coffer admin-key create`, a new admin
//! key, and `coffer keys unlock`, which lets keys of apps be made again.

use super::args::AdminKey;
use super::exit::{Exit, Failure};
use super::output::{self, Output};
use super::runtime::Runtime;
use super::setup;
use crate::config::Config;
use coffer::assemble::{self, AssembleError};
use coffer_storage::StorageError;
use serde_json::json;

/// Creates an admin key in the store itself, which no server may have open.
pub fn run(config: &Config, verb: &AdminKey, output: Output) -> Result<Exit, Failure> {
    let AdminKey::Create = verb;
    let options = setup::production(config)?;
    let (id, token) = Runtime::new()?.block_on(async {
        // Opening takes the lock. Whoever lacks the root key gets no admin key.
        let stores = assemble::open_existing(&options).await.map_err(explain)?;
        let created = setup::create_admin_key(&options, &stores).await;
        stores.close().await;
        created
    })?;
    let json = json!({ "id": id, "key": *token });
    output.show_once(&json, super::table::object, "make another, and revoke this one")?;
    if !output.is_json() {
        output::note("\nThe key is shown only this once. Revoke the lost one: coffer keys revoke");
    }
    Ok(Exit::Done)
}

/// Lets keys of apps be made again: in the store itself, which no server may have open that is in
/// files.
pub fn unlock(config: &Config, output: Output) -> Result<Exit, Failure> {
    let options = setup::production(config)?;
    Runtime::new()?.block_on(async {
        let stores = assemble::open_existing(&options).await.map_err(explain)?;
        let unlocked = assemble::unlock_making(&options, &stores).await;
        stores.close().await;
        unlocked.map_err(Failure::from)
    })?;
    output.show(&json!({ "object": "api_key_lock", "locked": false }), super::table::object)?;
    Ok(Exit::Done)
}

fn explain(error: AssembleError) -> Failure {
    match error {
        AssembleError::Storage(StorageError::Locked(why)) => Failure::failed(format!(
            "{why}. The server must be stopped for what is done offline; with an admin key that \
             works there is `coffer keys create --admin`"
        )),
        error => error.into(),
    }
}
