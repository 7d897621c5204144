//! A file that holds room on the disk.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

use crate::files;

/// The ballast's file beside the stores.
const FILE: &str = "coffer.ballast";

/// Bytes that are written at once where the file system does not preallocate.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

pub(super) struct Ballast(PathBuf);

impl Ballast {
    pub(super) fn in_directory(directory: &Path) -> Self {
        Self(directory.join(FILE))
    }

    /// Its bytes on the disk now; 0 if it is not there. What somebody else has put in its place
    /// holds no room: a link, or a file that has another name too.
    pub(super) fn size(&self) -> u64 {
        let file = fs::symlink_metadata(&self.0).ok();
        file.filter(|file| file.is_file() && file.nlink() == 1).map_or(0, |file| file.len())
    }

    /// Puts it there, unless it is. A failure leaves nothing behind, and the next look tries again:
    /// what else fills the disk meanwhile is found out by that.
    pub(super) fn place(&self, bytes: u64) {
        if self.size() > 0 || bytes == 0 {
            return;
        }
        if let Err(error) = self.fill(bytes) {
            let file = self.0.display();
            tracing::warn!(%file, %error, "the ballast cannot be written");
            self.release();
        }
    }

    /// Takes its blocks from the file system: a sparse file would hold no room.
    fn fill(&self, bytes: u64) -> io::Result<()> {
        let _ = fs::remove_file(&self.0);
        let mut file = files::private().create_new(true).open(&self.0)?;
        match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::NOSPC) => Err(rustix::io::Errno::NOSPC.into()),
            // The file system has no such call.
            Err(_) => write_zeros(&mut file, bytes),
        }
    }

    /// Removes it; whether it was there.
    pub(super) fn release(&self) -> bool {
        fs::remove_file(&self.0).is_ok()
    }
}

fn write_zeros(file: &mut fs::File, mut bytes: u64) -> io::Result<()> {
    while bytes > 0 {
        let chunk = usize::try_from(bytes).unwrap_or(usize::MAX).min(ZEROS.len());
        file.write_all(ZEROS.get(..chunk).unwrap_or_default())?;
        bytes = bytes.saturating_sub(u64::try_from(chunk).unwrap_or(u64::MAX));
    }
    file.sync_all()
}
