//! `coffer admin-key create`: a new admin key for whoever has the root key, without a server.

use super::args::AdminKey;
use super::exit::{Exit, Failure};
use super::output::{self, Output};
use super::setup;
use crate::config::Config;
use coffer::assemble::{self, AssembleError};
use coffer_storage::StorageError;
use serde_json::json;

/// Creates an admin key in the store itself, which no server may have open.
pub fn run(config: &Config, verb: &AdminKey, output: Output) -> Result<Exit, Failure> {
    let AdminKey::Create = verb;
    let options = setup::production(config)?;
    let (id, token) = setup::runtime()?.block_on(async {
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

fn explain(error: AssembleError) -> Failure {
    match error {
        AssembleError::Storage(StorageError::Locked(why)) => Failure::failed(format!(
            "{why}. The server must be stopped while a key is made offline; with an admin key \
             that works there is `coffer keys create --admin`"
        )),
        error => error.into(),
    }
}
