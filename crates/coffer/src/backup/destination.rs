//! Where a backup goes, and what makes it whole there.

use super::{file_error, refused};
use crate::assemble::AssembleError;
use crate::part_file;
use crate::switch::with_suffix;
use coffer_backup::MAGIC;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Stdout, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What the name of a file has at its end while it is written.
pub(super) const PART: &str = ".part";

/// Where a backup goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    /// Into a directory, under a name of its own.
    Directory(PathBuf),
    /// Into a new file.
    File(PathBuf),
    /// To standard output.
    Stdout,
    /// To the standard input of a command of the shell, which finds the name that the file would
    /// have in `COFFER_BACKUP_NAME`.
    Command(String),
}

impl Destination {
    /// What `text` means: `-`, a directory, or else a file.
    pub fn of(text: &Path) -> Self {
        let ends_as_directory = text.as_os_str().as_encoded_bytes().ends_with(b"/");
        if text.as_os_str() == "-" {
            Self::Stdout
        } else if text.is_dir() || ends_as_directory {
            Self::Directory(text.to_owned())
        } else {
            Self::File(text.to_owned())
        }
    }

    /// Refuses a file that is there.
    ///
    /// # Errors
    /// [`AssembleError::Refused`] with what to do.
    pub fn require_new(&self) -> Result<(), AssembleError> {
        match self {
            Self::File(path) => require_new(path),
            _ => Ok(()),
        }
    }
}

fn require_new(to: &Path) -> Result<(), AssembleError> {
    if fs::symlink_metadata(to).is_err() {
        return Ok(());
    }
    let to = to.display();
    Err(refused(format!("{to} exists already; a backup never overwrites, so choose another name")))
}

/// A backup that is on its way.
pub(super) enum Sink {
    File { file: File, part: PathBuf, to: PathBuf, is_whole: bool },
    Stdout(Stdout),
    Command { child: Child, command: String },
}

impl Sink {
    /// Opens the way for a backup that is called `name` where names are chosen.
    pub(super) fn open(to: &Destination, name: &str) -> Result<Self, AssembleError> {
        match to {
            Destination::Directory(directory) => Self::file(directory.join(name)),
            Destination::File(path) => Self::file(path.clone()),
            Destination::Stdout => Ok(Self::Stdout(io::stdout())),
            Destination::Command(command) => Self::command(command, name),
        }
    }

    fn file(to: PathBuf) -> Result<Self, AssembleError> {
        require_new(&to)?;
        let part = with_suffix(&to, PART);
        let file = claim(&part)?;
        // Whoever held it until now may have given it its name.
        require_new(&to)?;
        Ok(Self::File { file, part, to, is_whole: false })
    }

    fn command(command: &str, name: &str) -> Result<Self, AssembleError> {
        let child = Command::new("sh")
            .args(["-c", command])
            .env("COFFER_BACKUP_NAME", name)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| refused(format!("`{command}` cannot be started: {error}")))?;
        Ok(Self::Command { child, command: command.to_owned() })
    }

    /// Where it goes, for people.
    pub(super) fn place(&self) -> String {
        match self {
            Self::File { to, .. } => to.display().to_string(),
            Self::Stdout(_) => "standard output".to_owned(),
            Self::Command { command, .. } => format!("`{command}`"),
        }
    }

    /// Makes it last: flushes a file and gives it its name, or waits for the command's end.
    pub(super) fn finish(mut self) -> Result<(), AssembleError> {
        match &mut self {
            Self::File { file, part, to, is_whole } => {
                file.sync_all().map_err(file_error(part))?;
                fs::rename(&*part, &*to).map_err(file_error(to))?;
                *is_whole = true;
                sync_directory(to)
            }
            Self::Stdout(stdout) => {
                stdout.flush().map_err(|error| refused(format!("standard output: {error}")))
            }
            Self::Command { child, command } => {
                drop(child.stdin.take());
                match child.wait() {
                    Ok(status) if status.success() => Ok(()),
                    Ok(status) => Err(refused(format!(
                        "`{command}` ended with {status}, so there may be no backup where it puts \
                         it"
                    ))),
                    Err(error) => Err(refused(format!("`{command}`: {error}"))),
                }
            }
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File { file, .. } => file.write(bytes),
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::Command { child, .. } => match &mut child.stdin {
                Some(stdin) => stdin.write(bytes),
                None => Err(io::ErrorKind::BrokenPipe.into()),
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File { file, .. } => file.flush(),
            Self::Stdout(stdout) => stdout.flush(),
            Self::Command { child, .. } => child.stdin.as_mut().map_or(Ok(()), Write::flush),
        }
    }
}

/// Opens the file that a backup is written to, empty and locked: whoever looks for what killed
/// backups have left sees that this one is alive. What one left here that was killed is taken over,
/// since its lock ended with it.
fn claim(part: &Path) -> Result<File, AssembleError> {
    let shown = part.display();
    let failed = |error| file_error(part)(error);
    let mut file = part_file::open(part).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(refused(format!(
                "{shown} is being written by another backup: wait for that, or choose another name"
            )));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    if !part_file::is_at(&file, part) {
        return Err(refused(format!("{shown} was in use by another backup; try again")));
    }
    if !looks_like_a_backup(&mut file).map_err(failed)? {
        return Err(refused(format!(
            "{shown} is in the way, and is no backup that was cut short: move it away, or choose \
             another name"
        )));
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
    Ok(file)
}

/// Whether a file is empty, or begins as a backup does whose writing was cut. After a failure of
/// power it can hold zeros in the place of what was written.
fn looks_like_a_backup(file: &mut File) -> io::Result<bool> {
    let mut start = Vec::new();
    file.take(u64::try_from(MAGIC.len()).unwrap_or_default()).read_to_end(&mut start)?;
    Ok(MAGIC.starts_with(&start) || start.iter().all(|byte| *byte == 0))
}

/// Leaves no half of a backup.
impl Drop for Sink {
    fn drop(&mut self) {
        match self {
            Self::File { part, is_whole: false, .. } => {
                let _ = fs::remove_file(part);
            }
            Self::Command { child, .. } => {
                drop(child.stdin.take());
                let _ = child.wait();
            }
            _ => {}
        }
    }
}

/// Flushes the directory entry of `path`.
fn sync_directory(path: &Path) -> Result<(), AssembleError> {
    let directory = parent(path);
    File::open(directory).and_then(|opened| opened.sync_all()).map_err(file_error(directory))
}

/// The directory of `path`.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
