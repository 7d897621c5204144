//! A file that only grows. It is opened anew for each batch: whoever rotates it renames it, and the
//! next batch makes another.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Appends lines, and returns once they are on the disk. Half a line, which a crash may have left
/// behind, is ended first: its entry comes again.
///
/// # Errors
/// If the file cannot be opened, as when it is a link, or written.
pub(super) fn append(path: &Path, lines: &str) -> io::Result<()> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let is_new = !path.exists();
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(no_follow)
        .open(path)?;
    if !ends_whole(&mut file)? {
        file.write_all(b"\n")?;
    }
    file.write_all(lines.as_bytes())?;
    file.sync_data()?;
    match path.parent() {
        // The name is on the disk as well.
        Some(parent) if is_new => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// Whether the file is empty or ends with the end of a line.
fn ends_whole(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_rotated_is_made_again_and_half_a_line_is_ended() {
        let home = tempfile::TempDir::new().unwrap();
        let (path, old) = (home.path().join("audit.jsonl"), home.path().join("audit.jsonl.1"));
        append(&path, "one\ntwo\n").unwrap();
        std::fs::rename(&path, &old).unwrap();
        append(&path, "three\n").unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"fo").unwrap();
        append(&path, "four\n").unwrap();
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "three\nfo\nfour\n");
    }

    #[test]
    fn a_link_is_not_followed() {
        let home = tempfile::TempDir::new().unwrap();
        let (path, target) = (home.path().join("audit.jsonl"), home.path().join("other"));
        std::os::unix::fs::symlink(&target, &path).unwrap();
        assert!(append(&path, "one\n").is_err());
        assert!(!target.exists());
    }
}
