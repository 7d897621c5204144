//! Files that are written under another name beside their place, and renamed once they are whole.

use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Opens the file at `path` for reading and writing as it is, and makes it (mode 0600) if it is
/// missing; never what a link points to.
///
/// # Errors
/// If a link, a pipe or anything else than a file with one name is there, or the system refuses.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).mode(0o600);
    let file = checked(options, path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// The same for one that is there.
///
/// # Errors
/// As [`open`], and if it is missing.
pub(crate) fn open_existing(path: &Path) -> io::Result<File> {
    checked(OpenOptions::new(), path)
}

fn checked(mut options: OpenOptions, path: &Path) -> io::Result<File> {
    let obstructed = |what: &str| {
        io::Error::other(format!("{what} is in the way: find out who put it there, and remove it"))
    };
    if fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink()) {
        return Err(obstructed("a link"));
    }
    // Without NONBLOCK, opening a pipe would wait for somebody at its other end.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = options.read(true).write(true).custom_flags(flags).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() || about.nlink() > 1 {
        return Err(obstructed("something else than a file with one name"));
    }
    Ok(file)
}

/// Whether what is open is what has its name at `path` now.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    let number = |about: fs::Metadata| (about.dev(), about.ino());
    match (fs::symlink_metadata(path), file.metadata()) {
        (Ok(there), Ok(open)) => number(there) == number(open),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_a_file_of_its_own_is_opened() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs::write(at("precious"), "kept").unwrap();
        fs::set_permissions(at("precious"), Permissions::from_mode(0o644)).unwrap();
        symlink(at("precious"), at("link")).unwrap();
        symlink(at("nothing"), at("dangling")).unwrap();
        fs::hard_link(at("precious"), at("twin")).unwrap();
        fs::create_dir(at("directory")).unwrap();
        let pipe = rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        );
        pipe.unwrap();
        for name in ["link", "dangling", "twin", "directory", "pipe"] {
            assert!(open(&at(name)).is_err(), "{name}");
            assert!(open_existing(&at(name)).is_err(), "{name}");
        }
        assert!(!at("nothing").exists() && open_existing(&at("new")).is_err());
        assert_eq!(fs::read_to_string(at("precious")).unwrap(), "kept");
        fs::remove_file(at("twin")).unwrap();
        let file = open(&at("precious")).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(file.metadata().unwrap().len(), 4, "it is not emptied");
        assert!(is_at(&file, &at("precious")));
        fs::rename(at("precious"), at("other")).unwrap();
        assert!(!is_at(&file, &at("precious")));
        fs::write(at("precious"), "").unwrap();
        assert!(!is_at(&file, &at("precious")) && is_at(&file, &at("other")));
    }
}
