//! Whether there is a store in a directory, and why not: what cannot be read is not missing, and a
//! new store is made only where there is nothing.

use coffer_base::shell;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The data store's file in the data directory.
pub const DATA_FILE: &str = "coffer.db";

/// The key store's file in the data directory.
pub const KEYS_FILE: &str = "keys.db";

/// The file in the data directory that says what an interrupted restore has left to be done.
pub(crate) const SWITCH_FILE: &str = "coffer.restore";

/// Why no store can be opened in a directory. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum NoStore {
    /// The directory does not exist.
    #[error(
        "there is no store in {place}, which does not exist: if it lies on a volume, mount that; \
         else make a store with `coffer init --data-dir {word}`",
        place = .0.display(),
        word = word(.0)
    )]
    NoDirectory(PathBuf),
    /// The directory holds no store.
    #[error(
        "there is no store in {place}; make one with `coffer init --data-dir {word}`, unless a \
         volume belongs there that is not mounted",
        place = .0.display(),
        word = word(.0)
    )]
    Nothing(PathBuf),
    /// The directory holds keys without data.
    #[error(
        "{place}/coffer.db is missing or empty, and the keys for it are there; put your backup of \
         the data in its place, or, if there was no data yet, finish with `coffer init --data-dir \
         {word}`",
        place = .0.display(),
        word = word(.0)
    )]
    DataMissing(PathBuf),
    /// A restore was interrupted while it gave files their names.
    #[error(
        "a restore into {place} was interrupted while it put files into their places, and both \
         stores are there: start the server, which finishes it",
        place = .0.display()
    )]
    Interrupted(PathBuf),
    /// The system does not let the store be seen.
    #[error("the store in {} cannot be read: {source}{hint}", place.display())]
    Unreadable {
        /// The data directory, or the file in it.
        place: PathBuf,
        /// What the system says.
        source: io::Error,
        /// Whose it is, if that is the cause.
        hint: String,
    },
}

impl NoStore {
    /// Whether a store may be made there.
    pub const fn may_init(&self) -> bool {
        !matches!(self, Self::Unreadable { .. } | Self::Interrupted(_))
    }
}

fn word(path: &Path) -> String {
    shell::word(&path.display().to_string()).into_owned()
}

/// Refuses a data directory in which a restore was interrupted: half of its files are of the old
/// store, and half of the new one.
///
/// # Errors
/// [`NoStore::Interrupted`].
pub fn require_settled(data_dir: &Path) -> Result<(), NoStore> {
    match fs::symlink_metadata(data_dir.join(SWITCH_FILE)) {
        Ok(_) => Err(NoStore::Interrupted(data_dir.to_owned())),
        Err(_) => Ok(()),
    }
}

/// Looks for the data of a store in `data_dir`, and whether it can be read.
///
/// # Errors
/// [`NoStore`] if there is none, or if this process may not see it.
pub fn find(data_dir: &Path) -> Result<(), NoStore> {
    require_settled(data_dir)?;
    let place = || data_dir.to_owned();
    let unreadable =
        |source| NoStore::Unreadable { place: place(), hint: hint(data_dir, &source), source };
    let file = data_dir.join(DATA_FILE);
    match has_content(&file) {
        Ok(true) => {
            return File::open(&file).map(drop).map_err(unreadable);
        }
        Ok(false) => {}
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(unreadable(error)),
        Err(source) => {
            return Err(NoStore::Unreadable { place: file, hint: String::new(), source });
        }
    }
    match fs::read_dir(data_dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(NoStore::NoDirectory(place()));
        }
        Err(error) => return Err(unreadable(error)),
        Ok(_) => {}
    }
    if data_dir.join(KEYS_FILE).exists() {
        return Err(NoStore::DataMissing(place()));
    }
    Err(NoStore::Nothing(place()))
}

/// Whether something is in the file at `path`. One that is empty holds no store: making a store was
/// cut short there, or writing a copy.
///
/// # Errors
/// If the system does not say, or if something else than a file is there.
pub fn has_content(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(about) if about.is_file() => Ok(about.len() > 0),
        Ok(_) => Err(io::Error::other("it is no regular file")),
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::symlink_metadata(path) {
            Ok(_) => Err(io::Error::other("it is a link that leads nowhere")),
            Err(_) => Ok(false),
        },
        // A file is where the directory should be.
        Err(error) => Err(error),
    }
}

/// Who owns what cannot be read, if its mode is the cause.
fn hint(data_dir: &Path, error: &io::Error) -> String {
    if error.kind() != ErrorKind::PermissionDenied {
        return String::new();
    }
    let user = rustix::process::geteuid().as_raw();
    let paths = [data_dir.join(DATA_FILE), data_dir.to_owned()];
    match paths.iter().find_map(|path| Some((path, fs::metadata(path).ok()?.uid()))) {
        Some((path, owner)) if owner != user => format!(
            "; {} belongs to user {owner}, and this is user {user}: run coffer as its owner",
            path.display()
        ),
        Some((path, _)) => {
            format!("; its mode forbids it: run `chmod u+rwX {}`", word(path))
        }
        None => "; a directory above it may not be entered".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_and_what_cannot_be_read_differ() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("a place");
        assert!(matches!(find(&place), Err(NoStore::NoDirectory(_))));
        let text = find(&place).unwrap_err().to_string();
        assert!(text.contains("mount") && text.contains("--data-dir '"), "{text}");
        fs::create_dir(&place).unwrap();
        assert!(matches!(find(&place), Err(NoStore::Nothing(_))));
        fs::write(place.join(KEYS_FILE), "").unwrap();
        assert!(matches!(find(&place), Err(NoStore::DataMissing(_))));
        fs::write(place.join(DATA_FILE), "").unwrap();
        assert!(matches!(find(&place), Err(NoStore::DataMissing(_))));
        fs::write(place.join(DATA_FILE), "data").unwrap();
        assert!(find(&place).is_ok());
        let file = find(&place.join(DATA_FILE)).unwrap_err();
        assert!(!file.may_init() && !file.to_string().contains("init"), "{file}");
        fs::remove_file(place.join(DATA_FILE)).unwrap();
        fs::write(place.join(SWITCH_FILE), "").unwrap();
        let interrupted = find(&place).unwrap_err();
        assert!(!interrupted.may_init() && interrupted.to_string().contains("interrupted"));
        fs::remove_file(place.join(SWITCH_FILE)).unwrap();
        std::os::unix::fs::symlink("nowhere", place.join(DATA_FILE)).unwrap();
        let link = find(&place).unwrap_err();
        assert!(!link.may_init() && link.to_string().contains("coffer.db cannot"), "{link}");
        fs::remove_file(place.join(DATA_FILE)).unwrap();
        fs::create_dir(place.join(DATA_FILE)).unwrap();
        assert!(!find(&place).unwrap_err().may_init());
    }
}
