//! Verifying a backup: it is restored into a place of its own, opened there as a server would, and
//! everything in it is looked at. A drill is the same with the newest backup.

use super::examine::{Examination, examine};
use super::place::Place;
use super::restore::{Input, RestoreOptions, restore};
use super::steps::{OnProgress, Step, Steps};
use super::{file_error, refused};
use crate::assemble::{
    self, AssembleError, AssembleOptions, DATA_FILE, Database, KEYS_FILE, KeyStore, RootSource,
};
use crate::store_place::has_content;
use coffer_backup::{Contents, Header};
use coffer_crypto::keyring_file::KeyringFile;
use coffer_crypto::root::RootKey;
use coffer_storage::{Snapshot, count_rows};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is verified, and with what.
pub struct VerifyOptions {
    /// The backups.
    pub from: Vec<Input>,
    /// The installation whose root key opens them. Its stores are not touched; its keys are copied
    /// if the backups have none.
    pub installation: AssembleOptions,
    /// Where they are restored to for the time being.
    pub scratch: PathBuf,
    /// What opens them in the place of the installation's root key, as if that were lost.
    pub export: Option<Export>,
}

/// An export of the keyring.
pub struct Export {
    /// What it says.
    pub file: KeyringFile,
    /// What opens it.
    pub opened_by: RootSource,
}

impl Export {
    /// Takes the keys in the directory over from the root that they have, to one that is kept
    /// nowhere and opens them for as long as this lasts.
    async fn take_over(self, options: &AssembleOptions) -> Result<RootSource, AssembleError> {
        let keys = KeyStore::open(options).await?;
        let made = RootKey::generate(keys.store_id(), &*options.random);
        let to = RootSource::Given(Arc::new(made));
        let taken = keys.import(&self.file, &self.opened_by, &to).await;
        keys.close().await;
        taken.map(|_| to)
    }
}

/// What was found.
#[derive(Debug)]
pub struct Verified {
    /// What each backup says of itself.
    pub headers: Vec<Header>,
    /// What is in them; `None` if there is only one of data and keys, so that nothing opens.
    pub examination: Option<Examination>,
    /// What is wrong with them; nothing if all is right.
    pub problems: Vec<String>,
    /// How long each step took.
    pub steps: Vec<Step>,
}

/// Verifies backups.
///
/// # Errors
/// If one is damaged, cut short, or cannot be read, or if the root key is missing; or with the text
/// of `on_progress`. What is only found in one that opens is among [`Verified::problems`].
pub async fn verify(
    options: VerifyOptions,
    on_progress: OnProgress<'_>,
) -> Result<Verified, AssembleError> {
    let VerifyOptions { from, installation, scratch, export } = options;
    let [first, ..] = from.as_slice() else { return Err(refused("no backup was named")) };
    // Standard input can be read once only.
    let store = match first {
        Input::File(_) => first.open()?.header().store.clone(),
        Input::Stdin => "stdin".to_owned(),
    };
    let place = Place::make(&scratch, &store)?;
    let directory = place.stores();
    let restored = restore(
        &RestoreOptions {
            from,
            data_dir: directory.clone(),
            key_dir: directory.clone(),
            move_aside: false,
            now: installation.clock.now(),
        },
        on_progress,
    )
    .await?;
    let headers: Vec<Header> = restored.parts.into_iter().map(|(header, _)| header).collect();
    let mut problems = Vec::new();
    for header in &headers {
        compare_rows(header, &directory, &mut problems)?;
    }
    let mut steps = Steps::default();
    let mut all = restored.steps;
    let mut examination = None;
    if bring_keys(&installation, &headers, &directory)? {
        on_progress("opening every record", 0, 0).map_err(refused)?;
        let found = open(installation, export, &directory).await?;
        problems.extend(found.problems.iter().cloned());
        examination = Some(found);
        steps.done("opening and checking everything");
    }
    all.extend(steps.end());
    Ok(Verified { headers, examination, problems, steps: all })
}

/// Opens what was restored as a server would, and looks at it.
async fn open(
    installation: AssembleOptions,
    export: Option<Export>,
    directory: &Path,
) -> Result<Examination, AssembleError> {
    let mut options = AssembleOptions {
        data_dir: directory.to_owned(),
        key_dir: None,
        database: Database::Embedded,
        ..installation
    };
    let stores = assemble::open_existing(&options).await?;
    if let Some(export) = export {
        match export.take_over(&options).await {
            Ok(root) => options.root = root,
            Err(error) => {
                stores.close().await;
                return Err(error);
            }
        }
    }
    let found = examine(&options, &stores).await;
    let served = match &found {
        Ok(_) => assemble::open_stores(options, stores).await?,
        Err(_) => {
            stores.close().await;
            return found;
        }
    };
    served.stores.close().await;
    found
}

/// A table must have as many rows as it had when it was copied.
fn compare_rows(
    header: &Header,
    directory: &Path,
    problems: &mut Vec<String>,
) -> Result<(), AssembleError> {
    let name = match header.contents {
        Contents::Data => DATA_FILE,
        Contents::Keys => KEYS_FILE,
    };
    let rows = count_rows(&directory.join(name))?;
    if rows != header.rows {
        let differing = header.rows.iter().find(|(table, count)| rows.get(*table) != Some(count));
        let table = differing.map_or("one that was not announced", |(table, _)| table);
        problems.push(format!("the {} has other rows than it says: {table}", header.contents));
    }
    Ok(())
}

/// Whether there are data and keys to be opened. If only data was backed up, the keys of the
/// installation are copied beside it, if they are its own.
fn bring_keys(
    installation: &AssembleOptions,
    headers: &[Header],
    directory: &Path,
) -> Result<bool, AssembleError> {
    let has = |contents| headers.iter().any(|header| header.contents == contents);
    if !has(Contents::Data) || has(Contents::Keys) {
        return Ok(has(Contents::Data));
    }
    let from = installation.keys_file();
    let is_embedded = matches!(installation.database, Database::Embedded);
    if !is_embedded || !has_content(&from).map_err(file_error(&from))? {
        return Ok(false);
    }
    let scratch = directory.join("keys.copy");
    let copy = Snapshot::hold(&from)?.copy(&scratch, &mut |_, _| Ok(()))?;
    let to = directory.join(KEYS_FILE);
    fs::rename(copy.path(), &to).map_err(file_error(&to))?;
    Ok(true)
}
