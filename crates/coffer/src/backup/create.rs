//! Making a backup, beside a running server or without one.
//!
//! The state of the data is held first, then that of the keys, and then both are copied. A key is
//! committed before anything that is sealed under it, so the keys have whatever the data needs; the
//! other way round they could lack a key that was made in between. What is destroyed or revoked in
//! between is missing from the keys, as it should be, but for a key that a rotation has replaced:
//! so if a key was destroyed while the two states were taken, both are taken again.

use super::destination::{Destination, PART, Sink, parent};
use super::directory::{Keep, file_name, prune, remove_leftovers};
use super::{OnProgress, file_error, refused};
use crate::assemble::AssembleError;
use crate::switch::with_suffix;
use coffer_backup::{Contents, Header, Writer};
use coffer_base::{Random, Timestamp, id::random_base62};
use coffer_keyring::destroyed_keys;
use coffer_storage::{DatabaseCopy, Snapshot, Store, count_rows};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often the states are taken again: a key is destroyed now and then, and taking both takes
/// less than a millisecond.
const ATTEMPTS: u32 = 100;

/// Characters of a set's name.
const SET_CHARACTERS: usize = 8;

/// The files that are copied.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The data.
    pub data: PathBuf,
    /// The keys.
    pub keys: PathBuf,
}

impl Sources {
    fn path(&self, of: Contents) -> &Path {
        match of {
            Contents::Data => &self.data,
            Contents::Keys => &self.keys,
        }
    }
}

/// What is copied, and where to.
pub struct CreateOptions {
    /// The files.
    pub sources: Sources,
    /// Where each goes; one that is not named is not copied.
    pub to: Vec<(Contents, Destination)>,
    /// Which of the backups before are kept, in directories.
    pub keep: Keep,
    /// Where the copies lie while they are written to something else than a file; without it,
    /// beside the databases.
    pub scratch: Option<PathBuf>,
    /// When it is.
    pub now: Timestamp,
    /// Where the set's name comes from.
    pub random: Arc<dyn Random>,
}

/// A backup that was made.
#[derive(Debug)]
pub struct Created {
    /// Where it went.
    pub place: String,
    /// What it says of itself.
    pub header: Header,
    /// The digest that stands for all of it.
    pub digest: String,
    /// Older backups that were removed.
    pub removed: Vec<PathBuf>,
    /// How many keys it has, if it is of the keys.
    pub keys: Option<i64>,
}

/// Makes the backups that `options` names. All of them are whole, or there is an error.
///
/// # Errors
/// If a database or a destination cannot be used, if there is no room, or with the text of
/// `on_progress`.
pub async fn create(
    options: &CreateOptions,
    on_progress: OnProgress<'_>,
) -> Result<Vec<Created>, AssembleError> {
    let set = random_base62(&*options.random, SET_CHARACTERS);
    for (_, to) in &options.to {
        if let Destination::Directory(directory) = to {
            remove_leftovers(directory);
        }
    }
    let mut held = hold(options)?;
    // The keys are few, and a key that is to be destroyed waits for their copy.
    held.sort_by_key(|(contents, _)| std::cmp::Reverse(*contents));
    let mut made = Vec::new();
    for (contents, snapshot) in held {
        if let Some((_, to)) = options.to.iter().find(|(of, _)| *of == contents) {
            let about = About { options, contents, set: &set, to };
            made.push(about.copy(snapshot, on_progress).await?);
        }
    }
    made.sort_by_key(|created| created.header.contents);
    Ok(made)
}

/// Holds the states that are copied: first the data, then the keys.
fn hold(options: &CreateOptions) -> Result<Vec<(Contents, Snapshot)>, AssembleError> {
    let is_wanted = |contents| options.to.iter().any(|(of, _)| *of == contents);
    let sources = &options.sources;
    for _ in 0..ATTEMPTS {
        let mut held = Vec::new();
        let mut destroyed = None;
        if is_wanted(Contents::Data) {
            // Where the keys are elsewhere or of another version, nothing is compared.
            let before = Snapshot::hold(&sources.keys).and_then(|keys| destroyed_keys(&keys));
            destroyed = before.ok().filter(|_| is_wanted(Contents::Keys));
            held.push((Contents::Data, Snapshot::hold(&sources.data)?));
        }
        if is_wanted(Contents::Keys) {
            let keys = Snapshot::hold(&sources.keys)?;
            if destroyed.is_some() && destroyed_keys(&keys).ok() != destroyed {
                continue;
            }
            held.push((Contents::Keys, keys));
        }
        return Ok(held);
    }
    Err(refused("keys are destroyed all the time, and none may be during a backup; try again"))
}

/// One backup of a set.
struct About<'o> {
    options: &'o CreateOptions,
    contents: Contents,
    set: &'o str,
    to: &'o Destination,
}

impl About<'_> {
    async fn copy(
        &self,
        snapshot: Snapshot,
        on_progress: OnProgress<'_>,
    ) -> Result<Created, AssembleError> {
        let name = file_name(self.options.now, self.set, self.contents);
        if let Destination::Directory(directory) = self.to {
            create_directory(directory)?;
        }
        let mut sink = Sink::open(self.to, &name)?;
        let place = sink.place();
        let copying = format!("copying the {}", self.contents);
        let copy = snapshot
            .copy(&self.scratch(&name), &mut |done, total| on_progress(&copying, done, total))?;
        let (header, keys) = self.header(&copy).await?;
        let digest = write(&copy, &header, &mut sink, &place, on_progress)?;
        drop(copy);
        sink.finish()?;
        let removed = match self.to {
            Destination::Directory(directory) => prune(directory, &header, self.options.keep),
            _ => Vec::new(),
        };
        Ok(Created { place, header, digest, removed, keys })
    }

    /// Where the database's copy lies until it is written to its destination.
    fn scratch(&self, name: &str) -> PathBuf {
        let name = format!("{name}.copy");
        if let Some(directory) = &self.options.scratch {
            return directory.join(name);
        }
        match self.to {
            Destination::Directory(directory) => directory.join(format!("{name}{PART}")),
            Destination::File(path) => with_suffix(path, &format!(".copy{PART}")),
            // One name for all: what a killed backup left is taken over by the next.
            _ => with_suffix(self.options.sources.path(self.contents), ".copy.part"),
        }
    }

    async fn header(&self, copy: &DatabaseCopy) -> Result<(Header, Option<i64>), AssembleError> {
        // A copy needs no schema of this build, and so may have no such table.
        let store = Store::open_sqlite_as_it_is(copy.path())?;
        let (id, keys) = match self.contents {
            Contents::Data => (coffer_keyring::store_id(&store).await.ok().flatten(), None),
            Contents::Keys => (
                coffer_keyring::key_store_id(&store).await.ok().flatten(),
                coffer_keyring::key_count(&store).await.ok(),
            ),
        };
        store.close().await;
        let bytes = std::fs::metadata(copy.path()).map_err(file_error(copy.path()))?.len();
        let header = Header {
            contents: self.contents,
            store: id.unwrap_or_default(),
            set: self.set.to_owned(),
            created: self.options.now.unix(),
            version: crate::VERSION.to_owned(),
            bytes,
            rows: count_rows(copy.path())?,
        };
        Ok((header, keys))
    }
}

/// Writes the stream; its digest.
fn write(
    copy: &DatabaseCopy,
    header: &Header,
    sink: &mut Sink,
    place: &str,
    on_progress: OnProgress<'_>,
) -> Result<String, AssembleError> {
    let mut file = File::open(copy.path()).map_err(file_error(copy.path()))?;
    let failed = |source| AssembleError::File { path: PathBuf::from(place), source };
    let mut writer = Writer::begin(sink, header).map_err(failed)?;
    let writing = format!("writing the {}", header.contents);
    writer
        .copy(&mut file, |done| on_progress(&writing, done, header.bytes).map_err(io::Error::other))
        .map_err(failed)?;
    let (_, digest) = writer.finish().map_err(failed)?;
    Ok(digest)
}

/// Makes the directory of backups (mode 0700), unless it is there.
fn create_directory(path: &Path) -> Result<(), AssembleError> {
    use std::os::unix::fs::DirBuilderExt;
    if path.is_dir() {
        return Ok(());
    }
    // A volume that is not mounted has no directory either: only the last one is made.
    if !parent(path).is_dir() {
        let parent = parent(path).display();
        return Err(refused(format!("{parent} does not exist; is its volume mounted?")));
    }
    std::fs::DirBuilder::new().mode(0o700).create(path).map_err(file_error(path))
}
