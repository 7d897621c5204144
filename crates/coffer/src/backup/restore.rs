//! Putting a backup in the place of a store.
//!
//! Everything is written beside its place, flushed and checked first; then what was there is moved
//! aside, if that was asked for, and what was written gets its name. A restore that is interrupted
//! before that leaves what was there; one that is interrupted meanwhile is finished by whoever
//! opens the store next ([`Switch`]).

use super::steps::{OnProgress, Step, Steps};
use super::{backup_error, file_error, refused};
use crate::assemble::{AssembleError, DATA_FILE, KEYS_FILE};
use crate::switch::{Places, Switch, WRITTEN, with_suffix};
use coffer_backup::{Contents, Header, Reader};
use coffer_base::Timestamp;
use coffer_base::civil::compact;
use coffer_storage::{DirectoryLock, Store, check_file, database_files, open_own};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// Where a backup comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Input {
    /// Its name, for people.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
        }
    }

    pub(super) fn open(&self) -> Result<Reader<Box<dyn Read + Send>>, AssembleError> {
        let input: Box<dyn Read + Send> = match self {
            Self::File(path) => {
                Box::new(BufReader::new(File::open(path).map_err(file_error(path))?))
            }
            Self::Stdin => Box::new(io::stdin()),
        };
        Reader::open(input).map_err(backup_error(&self.shown()))
    }
}

/// What is restored, and where to.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// Backups of the data, of the keys, or one of each.
    pub from: Vec<Input>,
    /// Where the data goes.
    pub data_dir: PathBuf,
    /// Where the keys go.
    pub key_dir: PathBuf,
    /// Whether what is there is moved aside; else it is refused.
    pub move_aside: bool,
    /// When it is.
    pub now: Timestamp,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// What each backup says of itself, and where it is now.
    pub parts: Vec<(Header, PathBuf)>,
    /// What was moved aside, and where to.
    pub moved: Vec<(PathBuf, PathBuf)>,
    /// How long each step took.
    pub steps: Vec<Step>,
}

/// A backup on its way to its place.
struct Part {
    shown: String,
    reader: Reader<Box<dyn Read + Send>>,
    to: PathBuf,
    written: Written,
}

/// A file that is removed unless it is to get its name.
struct Written {
    path: PathBuf,
    is_wanted: bool,
}

impl Drop for Written {
    fn drop(&mut self) {
        if !self.is_wanted {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Restores backups.
///
/// # Errors
/// If a directory is in use or holds a store, if a backup is damaged or cut short, or those that
/// were named do not belong together; or with the text of `on_progress`.
pub async fn restore(
    options: &RestoreOptions,
    on_progress: OnProgress<'_>,
) -> Result<Restored, AssembleError> {
    let mut steps = Steps::default();
    let _locks = lock(options)?;
    let places = Places { data_dir: &options.data_dir, key_dir: &options.key_dir };
    if let Some(interrupted) = Switch::pending(&options.data_dir)? {
        interrupted.finish(places)?;
        steps.done("finishing a restore that was interrupted");
    }
    let mut parts = open(options)?;
    for part in &parts {
        if !options.move_aside {
            require_empty(&part.to)?;
        }
    }
    require_kin(options, &parts).await?;
    steps.done("locking the place and looking at the backup");
    for part in &mut parts {
        let contents = part.reader.header().contents;
        part.write(on_progress)?;
        steps.done(format!("writing and flushing the {contents}"));
        on_progress(&format!("checking the {contents}"), 0, 0).map_err(refused)?;
        check_file(&part.written.path)?;
        steps.done(format!("checking the {contents}"));
    }
    let of_backup = parts.iter().map(|part| part.reader.header().contents).collect();
    let switch = if options.move_aside {
        Switch::keeping(of_backup, &compact(options.now), places)
    } else {
        Switch { parts: of_backup, kept_as: None }
    };
    switch.record(places)?;
    for part in &mut parts {
        part.written.is_wanted = true;
    }
    let moved = switch.finish(places)?;
    let restored =
        parts.iter().map(|part| (part.reader.header().clone(), part.to.clone())).collect();
    steps.done("putting it into its place");
    Ok(Restored { parts: restored, moved, steps: steps.end() })
}

/// Makes the directories, and locks them: nothing else uses them meanwhile.
fn lock(options: &RestoreOptions) -> Result<Vec<DirectoryLock>, AssembleError> {
    use std::os::unix::fs::DirBuilderExt;
    let real = |path: &Path| fs::canonicalize(path).ok();
    let mut locks = Vec::new();
    for directory in [&options.data_dir, &options.key_dir] {
        if !locks.is_empty() && real(directory) == real(&options.data_dir) {
            continue;
        }
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(file_error(directory))?;
        locks.push(DirectoryLock::acquire(directory)?);
    }
    Ok(locks)
}

/// Opens the backups: at most one of the data and one of the keys, of one store.
fn open(options: &RestoreOptions) -> Result<Vec<Part>, AssembleError> {
    let mut parts: Vec<Part> = Vec::new();
    for input in &options.from {
        let reader = input.open()?;
        let header = reader.header();
        let (contents, store) = (header.contents, &header.store);
        if let Some(other) = parts.iter().find(|part| part.reader.header().contents == contents) {
            let (one, other) = (input.shown(), &other.shown);
            return Err(refused(format!("{one} and {other} are both backups of the {contents}")));
        }
        if let Some(other) = parts.iter().find(|part| part.reader.header().store != *store) {
            let (shown, other) = (input.shown(), &other.shown);
            return Err(refused(format!("{shown} and {other} are of two stores")));
        }
        let to = match contents {
            Contents::Data => options.data_dir.join(DATA_FILE),
            Contents::Keys => options.key_dir.join(KEYS_FILE),
        };
        let written = Written { path: with_suffix(&to, WRITTEN), is_wanted: false };
        parts.push(Part { shown: input.shown(), reader, to, written });
    }
    Ok(parts)
}

/// Refuses to put a backup where something is.
fn require_empty(to: &Path) -> Result<(), AssembleError> {
    for file in database_files(to) {
        let is_shared_memory = file.as_os_str().as_encoded_bytes().ends_with(b"-shm");
        let about = fs::symlink_metadata(&file);
        if about.is_ok_and(|about| about.len() > 0) && !is_shared_memory {
            return Err(refused(format!(
                "{} is there already; restore into an empty directory, or say --move-aside, which \
                 keeps it under another name",
                file.display()
            )));
        }
    }
    Ok(())
}

/// Refuses data whose keys are another store's, and keys of other data.
async fn require_kin(options: &RestoreOptions, parts: &[Part]) -> Result<(), AssembleError> {
    let [part] = parts else { return Ok(()) };
    let header = part.reader.header();
    let (other, is_data) = match header.contents {
        Contents::Data => (options.key_dir.join(KEYS_FILE), false),
        Contents::Keys => (options.data_dir.join(DATA_FILE), true),
    };
    if !crate::store_place::has_content(&other).map_err(file_error(&other))? {
        return Ok(());
    }
    let store = Store::open_sqlite_as_it_is(&other)?;
    let id = if is_data {
        coffer_keyring::store_id(&store).await.ok().flatten()
    } else {
        coffer_keyring::key_store_id(&store).await.ok().flatten()
    };
    store.close().await;
    match id {
        Some(id) if id != header.store => Err(refused(format!(
            "{} is of the store {}, and {} belongs to {id}",
            part.shown,
            header.store,
            other.display()
        ))),
        _ => Ok(()),
    }
}

impl Part {
    /// Writes the database beside its place, and flushes it.
    fn write(&mut self, on_progress: OnProgress<'_>) -> Result<(), AssembleError> {
        let path = &self.written.path;
        let mut file = open_own(path)?;
        file.set_len(0).map_err(file_error(path))?;
        let header = self.reader.header();
        let (name, total) = (format!("writing the {}", header.contents), header.bytes);
        let mut done = 0u64;
        while let Some(chunk) = self.reader.next_chunk().map_err(backup_error(&self.shown))? {
            file.write_all(chunk).map_err(file_error(path))?;
            done = done.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            on_progress(&name, done, total).map_err(refused)?;
        }
        file.sync_all().map_err(file_error(path))
    }
}
