//! Where a backup goes, and what makes it whole there.

use super::{file_error, refused};
use crate::assemble::AssembleError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Stdout, Write};
use std::os::unix::fs::OpenOptionsExt;
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
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(&part).map_err(file_error(&part))?;
        // Whoever looks for what killed backups have left sees that this one is alive.
        file.try_lock().map_err(|error| file_error(&part)(error.into()))?;
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

/// `path` with `suffix` after its last letter.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Flushes the directory entry of `path`.
pub(super) fn sync_directory(path: &Path) -> Result<(), AssembleError> {
    let directory = parent(path);
    File::open(directory).and_then(|opened| opened.sync_all()).map_err(file_error(directory))
}

/// The directory of `path`.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
