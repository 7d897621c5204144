//! Looking for many secrets in much data at once.

use crate::marker::Marker;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What every needle begins with, to look it up by.
type Start = [u8; 8];

/// The needles: every encoding of every secret.
pub struct Haystack(HashMap<Start, Vec<(String, Vec<u8>)>>);

impl Haystack {
    pub fn new(secrets: &[Marker]) -> Self {
        let mut needles: HashMap<Start, Vec<_>> = HashMap::new();
        for secret in secrets {
            for (how, text) in secret.encodings() {
                let start = *text.first_chunk().expect("a needle that chance can make");
                needles
                    .entry(start)
                    .or_default()
                    .push((format!("{} as {how}", secret.label), text));
            }
        }
        Self(needles)
    }

    /// Every needle that is in `data`, with where.
    pub fn look_in(&self, what: &str, data: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for (at, start) in data.windows(8).enumerate() {
            let Some(needles) = self.0.get(start) else { continue };
            for (label, _) in needles.iter().filter(|(_, text)| data[at..].starts_with(text)) {
                found.push(format!("{what}: {label}, at {at}"));
            }
        }
        found
    }

    pub fn look_in_file(&self, path: &Path) -> Vec<String> {
        self.look_in(&path.display().to_string(), &std::fs::read(path).unwrap())
    }
}

/// All files below `directory`.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}
