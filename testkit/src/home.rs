//! Where a test puts what it throws away.

use tempfile::TempDir;

/// The variable that names a directory in memory, where there is room for it.
const MEMORY: &str = "TESTS_IN_MEMORY";

/// An empty directory for a server whose data nobody needs after the test: in memory, where the run
/// says that there is room. What a test shows by a kill or of a disk belongs onto a disk, and is
/// not put here.
pub fn home() -> TempDir {
    match std::env::var_os(MEMORY) {
        Some(memory) => TempDir::new_in(memory).unwrap(),
        None => TempDir::new().unwrap(),
    }
}
