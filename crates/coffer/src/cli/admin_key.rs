//! `coffer admin-key create`: the way back in, for whoever has the root key.

use super::args::AdminKey;
use super::exit::{Exit, Failure};
use super::install;
use super::output::{self, Output};
use crate::config::Config;
use coffer::assemble::{self, AssembleError};
use coffer_storage::StorageError;
use serde_json::json;

/// Makes an admin key in the store itself.
///
/// # Errors
/// If a server runs on the store, or the root key does not open it.
pub fn run(config: &Config, verb: &AdminKey, output: Output) -> Result<Exit, Failure> {
    let AdminKey::Create = verb;
    let options = install::options(config, config.root_source()?, false)?;
    let (id, token) = install::runtime()?.block_on(async {
        // Opening takes the lock and proves that the root key opens the keys.
        let installation = assemble::open(options).await.map_err(explain)?;
        let made = install::new_admin_key(&installation.stores.data).await;
        installation.stores.close().await;
        made
    })?;
    let json = json!({ "id": id, "key": *token });
    output.show(&json, super::table::object)?;
    if !output.is_json() {
        output::note("\nThe key is shown only this once. Revoke the lost one: coffer keys revoke");
    }
    Ok(Exit::Done)
}

fn explain(error: AssembleError) -> Failure {
    match error {
        AssembleError::Storage(StorageError::Locked(why)) => Failure::failed(format!(
            "{why}. The server must be stopped while a key is made offline; with an admin key \
             that works there is `coffer keys create --admin`"
        )),
        error => error.into(),
    }
}
