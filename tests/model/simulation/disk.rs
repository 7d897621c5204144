//! A disk that loses power: of what was not flushed it keeps any sectors, each whole or cut.
//!
//! A store flushes its log with each commit, and its file before the log is given up. So what it
//! has flushed is known from where its writer stands, and no file system has to be replaced: what
//! differs between the files before a commit and after it is what a power failure may lose.

use crate::books::changes::Rng;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

const SECTOR: usize = 512;

/// The files of both stores, and the root key.
const FILES: [&str; 5] = ["coffer.db", "coffer.db-wal", "keys.db", "keys.db-wal", "root.key"];

/// What the files of an installation hold.
#[derive(Clone)]
pub struct Disk(BTreeMap<&'static str, Vec<u8>>);

/// During what the power failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum During {
    /// A commit: the log was being written.
    Commit,
    /// A checkpoint: the log moved into the file, and only then it is cut.
    Checkpoint,
}

impl Disk {
    pub fn read(directory: &Path) -> Self {
        let read = |name| fs::read(directory.join(name)).ok().map(|bytes| (name, bytes));
        Self(FILES.into_iter().filter_map(read).collect())
    }

    /// Writes the files into a new directory.
    pub fn write(&self, directory: &Path) {
        fs::DirBuilder::new().mode(0o700).create(directory).unwrap();
        // A ballast of one byte: what it is for is tried elsewhere.
        for (name, bytes) in self
            .0
            .iter()
            .map(|(name, bytes)| (*name, bytes.as_slice()))
            .chain([("coffer.ballast", [0].as_slice())])
        {
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            options.open(directory.join(name)).unwrap().write_all(bytes).unwrap();
        }
    }

    /// A file's bytes; none if it is not there.
    pub fn bytes(&self, name: &str) -> &[u8] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The same with bits of one byte the other way round.
    pub fn flipped(&self, name: &str, at: usize, bits: u8) -> Self {
        let mut flipped = self.clone();
        flipped.0.get_mut(name).unwrap()[at] ^= bits;
        flipped
    }

    /// What is left if the power fails while the disk goes from `before`, all of which is flushed,
    /// to `after`.
    pub fn cut(before: &Self, after: &Self, during: During, rng: &mut Rng) -> Self {
        let mut left = BTreeMap::new();
        // Once the file is flushed, the log may be there or not.
        let file_is_flushed = rng.below(3) == 0;
        for name in FILES {
            let none = Vec::new();
            let old = before.0.get(name).unwrap_or(&none);
            let new = after.0.get(name).unwrap_or(&none);
            let is_log = name.ends_with("-wal");
            let bytes = match during {
                During::Commit => mixed(old, new, rng),
                During::Checkpoint if file_is_flushed && is_log && rng.flip() => new.clone(),
                During::Checkpoint if is_log => old.clone(),
                During::Checkpoint if file_is_flushed => new.clone(),
                During::Checkpoint => mixed(old, new, rng),
            };
            left.insert(name, bytes);
        }
        Self(left)
    }
}

/// Some sectors as they were and some as they became; of a sector that is cut, the beginning is
/// new.
fn mixed(old: &[u8], new: &[u8], rng: &mut Rng) -> Vec<u8> {
    let (length, becomes_new) = (old.len().max(new.len()), rng.below(101));
    let byte = |of: &[u8], at: usize| of.get(at).copied().unwrap_or(0);
    let mut left = Vec::with_capacity(length);
    let mut end = old.len().min(new.len());
    for from in (0..length).step_by(SECTOR) {
        let to = (from + SECTOR).min(length);
        let sector = |of: &[u8]| (from..to).map(|at| byte(of, at)).collect::<Vec<_>>();
        let (was, becomes) = (sector(old), sector(new));
        if was == becomes && to <= end {
            left.extend(was);
            continue;
        }
        let mut kept = if rng.below(100) < becomes_new { becomes } else { was.clone() };
        if rng.below(20) == 0 {
            let cut = usize::try_from(rng.below(SECTOR as i64)).unwrap().min(was.len());
            kept[cut..].copy_from_slice(&was[cut..]);
        }
        left.extend(kept);
        end = end.max(if rng.flip() { to } else { end });
    }
    // Nothing of what was there before is cut off: that it is longer may be forgotten.
    left.truncate(end.max(if new.len() < old.len() { new.len() } else { old.len() }));
    left
}
