//! The files of the tree that people write.

use std::fs;
use std::path::Path;

/// A text file with its path from the root, written with slashes.
pub struct File {
    pub path: String,
    pub text: String,
}

/// Folders that are built, fetched, found by the fuzzer, or the version control's own.
const SKIPPED: [&str; 8] = [
    ".git",
    "target",
    "node_modules",
    "__pycache__",
    "coffer-data",
    ".cache",
    "fuzz/corpus",
    "fuzz/artifacts",
];

/// What the names of pictures end with that pages show.
const PICTURE: &str = ".png";

/// Reads every text file below `root`; what is not UTF-8 is not text. A picture is there, and has
/// no text.
pub fn read(root: &Path) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    collect(root, "", &mut files).map_err(|e| format!("cannot read the tree: {e}"))?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if SKIPPED.contains(&name.as_str()) || SKIPPED.contains(&path.as_str()) {
            continue;
        }
        if kind.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file()
            && let Some(text) = text_of(&path, &entry.path())?
        {
            files.push(File { path, text });
        }
    }
    Ok(())
}

/// The text of the file that is called `name` in the tree; `None` if it has none and is no picture.
fn text_of(name: &str, path: &Path) -> std::io::Result<Option<String>> {
    if name.ends_with(PICTURE) {
        return Ok(Some(String::new()));
    }
    Ok(String::from_utf8(fs::read(path)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_file_is_found_and_what_was_built_is_not() {
        let files = read(&crate::root()).unwrap();
        assert!(files.iter().any(|file| file.path == "xtask/src/code/tree.rs"));
        assert!(files.iter().all(|file| !file.path.contains("target/")));
    }
}
