//! Files that hold a secret: the root key, the key of TLS, passwords, API keys.
//!
//! One rule for all of them. The file belongs to the user that runs Coffer or to root, and nobody
//! else can write it. Its group may read it where root owns it or where the file system is mounted
//! read-only; anywhere else, and by the world, it is refused. What was checked is the open file,
//! so that it cannot be exchanged in between.

mod error;
mod rule;

pub use error::{Cause, SecretFileError};

use rule::Facts;
use rustix::fs::{StatVfsMountFlags, fstatvfs};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Opens the secret file at `path` for reading.
///
/// # Errors
/// [`SecretFileError`] if there is no file there, if the system does not let it be read, or if its
/// owner or its mode would let others reach it.
pub fn open(path: &Path) -> Result<File, SecretFileError> {
    let failed = |error| SecretFileError::io(path, error);
    // A link may lead to the file, as in directories that a service manager swaps as a whole; but
    // opening a pipe would wait for somebody at its other end.
    let kind = std::fs::metadata(path).map_err(failed)?.file_type();
    if kind.is_dir() {
        return Err(SecretFileError::new(path, Cause::Directory));
    }
    if !kind.is_file() {
        return Err(SecretFileError::new(path, Cause::NotAFile));
    }
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    // Where the system cannot tell, the file system counts as one that can be written.
    let read_only =
        fstatvfs(&file).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::RDONLY));
    let facts = Facts {
        mode: metadata.mode() & 0o777,
        owner: metadata.uid(),
        user: rustix::process::geteuid().as_raw(),
        read_only,
    };
    rule::check(facts).map_err(|refusal| SecretFileError::refused(path, refusal, facts))?;
    Ok(file)
}

/// The bytes of the secret file at `path`, of which there are at most `most`. No copy of them is
/// left behind.
///
/// # Errors
/// As [`open`], and if it is longer.
pub fn read(path: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    let mut file = open(path)?;
    // One more than allowed, which shows that there is more; the vector never grows.
    let mut bytes = Zeroizing::new(vec![0; most.saturating_add(1)]);
    let length = fill(&mut file, &mut bytes).map_err(|error| SecretFileError::io(path, error))?;
    if length > most {
        return Err(SecretFileError::new(path, Cause::TooLong));
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// The text of the secret file at `path`, of at most `most` bytes, without a byte order mark at its
/// start and without blanks and line ends around it.
///
/// # Errors
/// As [`read`], and if it is no UTF-8.
pub fn read_text(path: &Path, most: usize) -> Result<Zeroizing<String>, SecretFileError> {
    let bytes = read(path, most)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(trimmed(text).to_owned())),
        Err(_) => Err(SecretFileError::new(path, Cause::NotText)),
    }
}

/// What editors and shells put around a secret is taken off.
pub fn trimmed(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text).trim_ascii()
}

/// Reads until `buffer` is full or the file ends.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a secret");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (directory, path)
    }

    #[test]
    fn what_surrounds_a_text_is_taken_off_and_what_is_in_it_stays() {
        for around in ["hunter 2", "hunter 2\n", "\u{feff}hunter 2\r\n", "\n\nhunter 2 \n\n"] {
            let (_directory, path) = file(around.as_bytes(), 0o600);
            assert_eq!(read_text(&path, 100).unwrap().as_str(), "hunter 2", "{around:?}");
        }
    }

    #[test]
    fn each_error_says_what_to_do_and_nothing_of_the_content() {
        let (directory, path) = file(b"hunter2", 0o644);
        let error = read(&path, 100).unwrap_err().to_string();
        assert!(error.contains("644") && error.contains("chmod"), "{error}");
        assert!(!error.contains("hunter"), "{error}");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let long = read(&path, 6).unwrap_err().to_string();
        assert!(long.contains("too long") && !long.contains("hunter"), "{long}");
        assert_eq!(read(&path, 7).unwrap().as_slice(), b"hunter2");
        let error = read(directory.path(), 100).unwrap_err();
        assert!(matches!(error.cause, Cause::Directory) && error.to_string().contains("in it"));
        assert!(read(&directory.path().join("none"), 1).unwrap_err().is_missing());
        let device = read(Path::new("/dev/null"), 1).unwrap_err();
        assert!(matches!(device.cause, Cause::NotAFile), "{device}");
        fs::write(&path, [0xff]).unwrap();
        assert!(matches!(read_text(&path, 9).unwrap_err().cause, Cause::NotText));
    }

    #[test]
    fn the_advice_can_be_pasted_and_fits_the_mount() {
        let path = Path::new("/run/secrets/a key");
        let facts = |owner, read_only| Facts { mode: 0o644, owner, user: 7, read_only };
        let of = |refusal, owner, read_only| {
            SecretFileError::refused(path, refusal, facts(owner, read_only)).to_string()
        };
        let own = of(rule::Refusal::Open, 7, false);
        assert!(own.contains("`chmod 600 '/run/secrets/a key'`"), "{own}");
        let root = of(rule::Refusal::Open, 0, false);
        assert!(root.contains("let root run"), "{root}");
        let mounted = of(rule::Refusal::Open, 0, true);
        assert!(mounted.contains("0440") && !mounted.contains("chmod"), "{mounted}");
        let other = of(rule::Refusal::Owner, 8, false);
        assert!(other.contains("chown 7") && other.contains("user 8"), "{other}");
    }
}
