//! Whether the same sources in another folder make the same binary.

use super::{build, digest};
use crate::root;
use crate::step::{Outcome, Step};
use std::path::Path;

/// Builds the sources that git knows once more, elsewhere, and compares with `first`.
pub fn check(first: &str, profile: &str) -> Outcome {
    let folder = std::env::temp_dir().join(format!("coffer-again-{}", std::process::id()));
    let outcome = again(&folder, profile).and_then(|second| compare(first, &second));
    let removed = std::fs::remove_dir_all(&folder);
    let removed = removed.map_err(|e| format!("cannot remove {}: {e}", folder.display()));
    outcome.and(removed)
}

fn compare(first: &str, second: &str) -> Outcome {
    if first == second {
        println!("reproducible {first}, from two folders");
        return Ok(());
    }
    Err(format!("another folder makes other bytes: {first} here, {second} there"))
}

/// Copies the sources with the changes that are not committed, and builds them; the checksum.
fn again(folder: &Path, profile: &str) -> Result<String, String> {
    let failed = |e: std::io::Error| format!("cannot copy the sources: {e}");
    let source = folder.join("sources");
    std::fs::create_dir_all(&source).map_err(failed)?;
    let files = Step::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .directory(&root())
        .capture()?;
    for file in files.lines().filter(|file| root().join(file).is_file()) {
        let to = source.join(file);
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::copy(root().join(file), to).map_err(failed)?;
    }
    digest(&build(&source, &folder.join("target"), profile)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bytes_are_told() {
        assert_eq!(compare("a", "a"), Ok(()));
        assert!(compare("a", "b").unwrap_err().contains("other bytes"));
    }
}
