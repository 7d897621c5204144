//! Room in memory for what the tests throw away: a flush to a disk makes them wait, and shows
//! nothing of stores that end with their test.

use crate::step::Step;
use std::fs;
use std::path::{Path, PathBuf};

/// Where Linux keeps files in memory.
const PLACE: &str = "/dev/shm";

/// What has to be free there, in KiB. A test server's two databases take 18 MiB, about a hundred
/// pairs stay to the end of their part, and PostgreSQL's log takes up to a GiB. Containers often
/// have 64 MiB there.
const NEEDED: u64 = 4 << 20;

/// The variable by which the tests' servers are told.
pub const VARIABLE: &str = "TESTS_IN_MEMORY";

/// A directory in memory, which goes when this is dropped.
pub struct Memory(PathBuf);

impl Memory {
    /// A directory of this run, or `None` where memory has no room for it.
    pub fn take() -> Option<Self> {
        let directory = place()?.join(format!("coffer-tests-{}", std::process::id()));
        fs::create_dir(&directory).ok()?;
        Some(Self(directory))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Where directories in memory may be made, if there is room.
pub fn place() -> Option<&'static Path> {
    let told = Step::new("df").args(["-Pk", PLACE]).capture().ok()?;
    (free(&told)? >= NEEDED).then_some(Path::new(PLACE))
}

/// The KiB that are free, as `df -Pk` tells them of one place.
fn free(told: &str) -> Option<u64> {
    told.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_is_read_from_the_fourth_column() {
        let told = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                    tmpfs 12333104 4 12333100 1% /dev/shm";
        assert_eq!(free(told), Some(12_333_100));
        assert_eq!(free("nothing"), None);
    }
}
