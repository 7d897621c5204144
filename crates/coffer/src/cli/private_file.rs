//! Files that only their owner can read.

use crate::cli::exit::Failure;
use coffer_base::id::random_id;
use coffer_crypto::KernelRandom;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Puts a file with mode 0600 in the place of `path`, whole or not at all, and makes directories
/// with mode 0700 as needed.
///
/// # Errors
/// If it cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::failed(format!("{} cannot be written: {error}", path.display()))
    };
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    }
    let beside = path.with_extension(random_id("new", 8, &KernelRandom));
    let written = create(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // It may not be there at all.
        let _ = std::fs::remove_file(&beside);
    }
    written.map_err(failed)
}

/// A new file that only its owner can read.
///
/// # Errors
/// If something is there already, or the system refuses.
pub fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// The text of a file of at most `most` bytes.
///
/// # Errors
/// If it cannot be read, is longer, or is no UTF-8.
pub fn read(path: &Path, most: u64) -> std::io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)?.take(most.saturating_add(1)).read_to_string(&mut text)?;
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    if length > most { Err(std::io::Error::other("it is too long")) } else { Ok(text) }
}
