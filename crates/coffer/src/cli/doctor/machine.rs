//! Checks of the data directory and of the disk that it is on.

use super::Finding;
use coffer::limits::CONNECTIONS;
use coffer::serve::Descriptors;
use coffer_base::shell;
use coffer_crypto::SystemRandom;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Free space in bytes below which a day of writes may fill the disk.
const LITTLE: u64 = 1 << 30;
/// Free space in bytes below which a checkpoint or a migration may not fit.
const TOO_LITTLE: u64 = 128 << 20;
/// A flush that takes longer than this, in milliseconds, makes every write slow.
const SLOW_FLUSH: u128 = 100;
/// What to do with a mount that nobody can write.
const READ_ONLY: &str = "mount it so that it can be written";
/// What to do with a full disk.
const MAKE_ROOM: &str = "make room, or move the data directory to a larger disk";
/// The number by which Linux knows a file system in memory (statfs(2)).
#[cfg(target_os = "linux")]
const TMPFS: rustix::fs::FsWord = 0x0102_1994;

/// Nobody but the owner may access the directories of the stores and the files in them; and none of
/// them is a link.
pub(super) fn modes(databases: &[PathBuf]) -> Vec<Finding> {
    const CHECK: &str = "file modes";
    let unsafe_places: Vec<Finding> = databases
        .iter()
        .filter_map(|path| coffer_storage::check_database(path).err())
        .map(|error| Finding::fail(CHECK, error.to_string(), "the server does not start with it"))
        .collect();
    if !unsafe_places.is_empty() {
        return unsafe_places;
    }
    let files = databases.iter().flat_map(|path| coffer_storage::database_files(path));
    let directories = databases.iter().filter_map(|path| Some(path.parent()?.to_owned()));
    let mut open: Vec<(PathBuf, u32)> = directories
        .chain(files)
        .filter_map(|path| {
            let mode = std::fs::metadata(&path).ok()?.permissions().mode() & 0o777;
            (mode & 0o077 != 0).then_some((path, mode))
        })
        .collect();
    open.dedup();
    if open.is_empty() {
        return vec![Finding::ok(CHECK, "only their owner can reach the stores")];
    }
    let findings = open.iter().map(|(path, mode)| {
        let path = path.display().to_string();
        let advice = format!("run `chmod go= {}`", shell::word(&path));
        Finding::warn(CHECK, format!("others can reach {path} (mode {mode:03o})"), advice)
    });
    findings.collect()
}

/// Each file that is there can be written by whoever runs this.
pub(super) fn writable(databases: &[PathBuf]) -> Finding {
    use rustix::fs::{Access, access};
    const CHECK: &str = "writable";
    let mut files = databases.iter().flat_map(|path| coffer_storage::database_files(path));
    let refused = files.find_map(|path| match access(&path, Access::WRITE_OK) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => None,
        Err(error) => Some((path, error)),
    });
    match refused {
        None => Finding::ok(CHECK, "the stores can be written"),
        Some((path, error)) => {
            let user = rustix::process::geteuid().as_raw();
            Finding::fail(
                CHECK,
                format!("{} cannot be written by user {user}: {error}", path.display()),
                match error {
                    rustix::io::Errno::ROFS => READ_ONLY,
                    _ => {
                        "run doctor as the user that runs coffer; if it is this one, let it own \
                         the files"
                    }
                },
            )
        }
    }
}

/// A file in the directory can be written and flushed, and fast enough.
pub(super) fn fsync(data_dir: &Path) -> Finding {
    const CHECK: &str = "fsync";
    let took = match flush(data_dir) {
        Ok(took) => took.as_millis(),
        Err(error) => {
            return Finding::fail(
                CHECK,
                format!("a file in {} cannot be written and flushed: {error}", data_dir.display()),
                match error.kind() {
                    ErrorKind::ReadOnlyFilesystem => READ_ONLY,
                    ErrorKind::StorageFull => MAKE_ROOM,
                    _ => "let the user that runs coffer own the directory; look at the disk",
                },
            );
        }
    };
    if is_in_memory(data_dir) {
        return Finding::warn(
            CHECK,
            format!("{} lies in memory: a restart of the machine empties it", data_dir.display()),
            "choose a directory on a disk",
        );
    }
    let found = format!("a flush took {took} ms");
    if took > SLOW_FLUSH {
        return Finding::warn(CHECK, found, "every write waits for one: use a faster disk");
    }
    Finding::ok(CHECK, found)
}

/// How long it takes to write one page to a new file and flush it.
fn flush(data_dir: &Path) -> std::io::Result<Duration> {
    let name = coffer_base::id::random_id("doctor", 16, &SystemRandom);
    let path = data_dir.join(format!(".{name}"));
    let started = Instant::now();
    let mut options = std::fs::OpenOptions::new();
    let created = options.write(true).create_new(true).mode(0o600).open(&path);
    let flushed = created.and_then(|mut file| {
        file.write_all(&[0; 4096])?;
        file.sync_all()
    });
    let took = started.elapsed();
    // It fails only if the file was not created.
    let _ = std::fs::remove_file(&path);
    flushed.map(|()| took)
}

#[cfg(target_os = "linux")]
fn is_in_memory(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|stat| stat.f_type == TMPFS)
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_path: &Path) -> bool {
    false
}

/// The disk has free space.
pub(super) fn space(data_dir: &Path) -> Finding {
    const CHECK: &str = "free space";
    let stat = match rustix::fs::statvfs(data_dir) {
        Ok(stat) => stat,
        Err(error) => {
            return Finding::warn(CHECK, format!("cannot be seen: {error}"), "look at the disk");
        }
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let found = format!("{} MiB", free >> 20);
    match free {
        0..TOO_LITTLE => Finding::fail(CHECK, found, MAKE_ROOM),
        TOO_LITTLE..LITTLE => Finding::warn(CHECK, found, MAKE_ROOM),
        _ => Finding::ok(CHECK, found),
    }
}

/// A server that is started as this program was has descriptors for all its connections. It raises
/// the soft limit itself.
pub(super) fn descriptors() -> Finding {
    const CHECK: &str = "open files";
    let shown = |limit: Option<u64>| limit.map_or("no limit".to_owned(), |limit| limit.to_string());
    let Descriptors { soft, hard } = Descriptors::read();
    let connections = Descriptors { soft: hard, hard }.connections();
    let (soft, hard) = (shown(soft), shown(hard));
    let found =
        format!("soft limit {soft}, hard limit {hard}: a server has {connections} connections");
    if connections < CONNECTIONS {
        let advice = "raise the hard limit for the server: LimitNOFILE= of its service, or ulimit";
        return Finding::warn(CHECK, found, advice);
    }
    Finding::ok(CHECK, found)
}
