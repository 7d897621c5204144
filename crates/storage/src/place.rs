//! Where a store may lie: nowhere that other users of the machine can write, and behind no link
//! that leads elsewhere.
//!
//! Whoever can write to the directory could swap a file for a link, and have the server empty or
//! overwrite what it points to, or read a store of theirs. Once the directory is known to be the
//! server's own, nobody can do so between a check and the opening of a file.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use coffer_base::shell;
use rustix::fs::{Mode, OFlags, Uid};

use crate::error::{Result, StorageError};
use crate::files;

/// Permission bits with which others than the owner can write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// What to do where a container platform opens a volume to a group, again at each start.
const GROUP_OF_A_VOLUME: &str = "; if Kubernetes does that (fsGroup), name a directory below the \
                                 volume and set fsGroupChangePolicy: OnRootMismatch";

/// What SQLite puts beside a database, by what is added to its name.
const COMPANIONS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Checks that `directory` is one in which nobody else can make or swap files.
///
/// # Errors
/// [`StorageError::File`] if it is not there or no directory, if it belongs to another user, or if
/// group or others may write to it.
pub fn check_directory(directory: &Path) -> Result<()> {
    let about = fs::metadata(directory)
        .map_err(|error| StorageError::file("look at the directory", directory, error))?;
    if !about.is_dir() {
        return Err(refused(directory, "is no directory", "choose another with --data-dir"));
    }
    check_owner(directory, &about, None)?;
    check_mode(directory, &about)
}

/// Checks the files of the database at `path` that exist: each must be a regular file with one
/// name, in a directory as [`check_directory`] asks for.
///
/// # Errors
/// [`StorageError::File`] if one is a link or anything else, has a second name, belongs to another
/// user, or may be written by group or others.
pub fn check_database(path: &Path) -> Result<()> {
    let directory = files::parent(path);
    check_directory(directory)?;
    let owner = fs::metadata(directory).map(|about| about.uid()).ok();
    COMPANIONS.iter().try_for_each(|suffix| {
        let file = files::with_suffix(path, suffix);
        match fs::symlink_metadata(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(StorageError::file("look at", &file, error)),
            Ok(about) => check_file(&file, &about, owner),
        }
    })
}

/// Opens a file for reading and writing that belongs to this program alone, and creates it if it is
/// missing; never what a link points to.
///
/// # Errors
/// [`StorageError::File`] if it is anything but a regular file with one name, or as
/// [`check_directory`] for its directory.
pub fn open_own(path: &Path) -> Result<File> {
    let directory = files::parent(path);
    check_directory(directory)?;
    let owner = fs::metadata(directory).map(|about| about.uid()).ok();
    let before = fs::symlink_metadata(path);
    if let Ok(about) = &before {
        check_file(path, about, owner)?;
    }
    // Without NONBLOCK, opening a pipe would wait for somebody at its other end.
    let flags =
        OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR);
    let file =
        opened.map(File::from).map_err(|error| StorageError::file("open", path, error.into()))?;
    let about = file.metadata().map_err(|error| StorageError::file("look at", path, error))?;
    check_file(path, &about, owner)?;
    if before.is_err() && owner != Some(about.uid()) {
        // Root works on the store of a service's user, who must be able to open it afterwards, as
        // SQLite sees to it for the files that it makes. If that is refused, that user is told.
        let _ = rustix::fs::fchown(&file, owner.map(Uid::from_raw), None);
    }
    Ok(file)
}

/// `directory_owner` may own files as well: root may have made some for a service's user, and work
/// on those of one.
fn check_file(path: &Path, about: &Metadata, directory_owner: Option<u32>) -> Result<()> {
    let kind = about.file_type();
    let other = [
        (kind.is_symlink(), "is a symbolic link"),
        (kind.is_dir(), "is a directory"),
        (kind.is_fifo(), "is a pipe"),
        (!kind.is_file(), "is no regular file"),
        (about.nlink() > 1, "has a second name (a hard link)"),
    ];
    if let Some((_, what)) = other.into_iter().find(|(is_it, _)| *is_it) {
        let advice =
            "find out who put it there, and remove it, or put the file itself in its place";
        return Err(refused(path, what, advice));
    }
    check_owner(path, about, directory_owner)?;
    check_mode(path, about)
}

fn check_owner(path: &Path, about: &Metadata, also: Option<u32>) -> Result<()> {
    let own = rustix::process::geteuid();
    let owner = about.uid();
    if own.is_root() || owner == own.as_raw() || owner == 0 || Some(owner) == also {
        return Ok(());
    }
    let what = format!("belongs to another user (number {owner})");
    Err(refused(path, &what, "run coffer as that user, or choose another place"))
}

fn check_mode(path: &Path, about: &Metadata) -> Result<()> {
    let mode = about.mode() & 0o7777;
    if mode & WRITABLE_BY_OTHERS == 0 {
        return Ok(());
    }
    let what = format!("can be written by others than its owner (mode {mode:03o})");
    let text = path.display().to_string();
    let word = shell::word(&text);
    let advice = if about.is_dir() {
        format!("run `chmod go-w {word}`, or name a directory below it")
    } else {
        format!("run `chmod go-w {word}`")
    };
    let is_by_group_alone = mode & 0o002 == 0;
    let mount = if is_by_group_alone { GROUP_OF_A_VOLUME } else { "" };
    Err(refused(path, &what, &format!("{advice}{mount}")))
}

fn refused(path: &Path, what: &str, advice: &str) -> StorageError {
    let text = format!("{} {what}, so a store there is not safe: {advice}", path.display());
    StorageError::File(text.into())
}

/// The paths of a database's files, for whoever lists them.
pub fn database_files(path: &Path) -> impl Iterator<Item = PathBuf> {
    COMPANIONS.iter().map(|suffix| files::with_suffix(path, suffix))
}
