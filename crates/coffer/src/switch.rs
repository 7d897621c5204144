//! The last step of a restore: what was there goes aside, and what was written gets its name.
//!
//! A system renames one file at a time, and a store has several. So what is to be done is written
//! down first, in a file of the data directory. As long as that is not there, the old store has its
//! name; from then on the new one lies whole beside its place, and whoever opens the store next
//! finishes what was interrupted. Each rename can be tried again, since it is done if what it moves
//! is gone.

use crate::part_file;
use crate::store_place::{DATA_FILE, KEYS_FILE, SWITCH_FILE, has_content};
use coffer_backup::Contents;
use coffer_storage::database_files;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// What the name of a file has at its end until it is whole.
pub(crate) const WRITTEN: &str = ".restoring";

/// Most bytes of the file that says what is to be done: it names two kinds and a time.
const SWITCH_BYTES: u64 = 4096;

/// Restores whose moment has the same second, at most: more are one by hand after another, and the
/// next second is another moment.
const RESTORES_A_MOMENT: u32 = 9;

/// A step that the system refused.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct SwitchError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Where the two stores are.
#[derive(Clone, Copy, Debug)]
pub struct Places<'p> {
    /// The directory of the data.
    pub data_dir: &'p Path,
    /// The directory of the keys.
    pub key_dir: &'p Path,
}

impl Places<'_> {
    /// The file of one of them.
    pub fn of(&self, contents: Contents) -> PathBuf {
        match contents {
            Contents::Data => self.data_dir.join(DATA_FILE),
            Contents::Keys => self.key_dir.join(KEYS_FILE),
        }
    }
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Switch {
    /// What was written beside its place.
    pub parts: Vec<Contents>,
    /// What the names get at their end of what is moved aside; `None` if the places are empty.
    pub kept_as: Option<String>,
}

/// Is asked before each change, and its error ends the work there: as a kill would.
type Before<'b> = &'b mut dyn FnMut() -> io::Result<()>;

impl Switch {
    /// What an interrupted restore into this data directory has left to be done.
    ///
    /// # Errors
    /// If that cannot be read.
    pub fn pending(data_dir: &Path) -> Result<Option<Self>, SwitchError> {
        let path = data_dir.join(SWITCH_FILE);
        let failed = |source| SwitchError { path: path.clone(), source };
        let mut text = String::new();
        match File::open(&path) {
            Ok(file) => file.take(SWITCH_BYTES).read_to_string(&mut text).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let parsed = Self::parse(&text);
        let damaged = || failed(io::Error::other("it is no note of a restore that this one knows"));
        parsed.map(Some).ok_or_else(damaged)
    }

    /// Puts `parts` into their places and keeps what is there under names that end with `moment`,
    /// and with a number too if another restore of the same moment has taken those.
    pub fn keeping(parts: Vec<Contents>, moment: &str, places: Places<'_>) -> Self {
        let mut switch = Self { parts, kept_as: Some(format!(".before-{moment}")) };
        for number in 2..=RESTORES_A_MOMENT {
            if switch.taken(places).is_none() {
                break;
            }
            switch.kept_as = Some(format!(".before-{moment}-{number}"));
        }
        switch
    }

    /// What has a name already that something would get which is moved aside.
    fn taken(&self, places: Places<'_>) -> Option<PathBuf> {
        let mut kept =
            self.parts.iter().filter_map(|contents| self.kept_path(&places.of(*contents)));
        kept.find(|kept| fs::symlink_metadata(kept).is_ok())
    }

    /// Writes down what is to be done: from here on it is this that counts.
    ///
    /// # Errors
    /// If something has the name that what is there would get, or the system refuses.
    pub fn record(&self, places: Places<'_>) -> Result<(), SwitchError> {
        self.record_step_by_step(places, &mut || Ok(()))
    }

    fn record_step_by_step(
        &self,
        places: Places<'_>,
        before: Before<'_>,
    ) -> Result<(), SwitchError> {
        if let Some(path) = self.taken(places) {
            let source = io::Error::other("it is there already; try again");
            return Err(SwitchError { path, source });
        }
        for contents in &self.parts {
            sync_directory(&places.of(*contents))?;
        }
        let path = places.data_dir.join(SWITCH_FILE);
        let part = with_suffix(&path, ".part");
        let write = |before: Before<'_>| -> io::Result<()> {
            before()?;
            let mut file = part_file::open(&part)?;
            file.set_len(0)?;
            file.write_all(self.text().as_bytes())?;
            file.sync_all()?;
            before()?;
            fs::rename(&part, &path)
        };
        write(before).map_err(|source| SwitchError { path: path.clone(), source })?;
        sync_directory(&path)
    }

    /// Does what is left to be done; what was moved aside, and where to.
    ///
    /// # Errors
    /// If a file is in neither of its places, or in both, or the system refuses: all that is left
    /// stays to be done.
    pub fn finish(&self, places: Places<'_>) -> Result<Vec<(PathBuf, PathBuf)>, SwitchError> {
        self.finish_step_by_step(places, &mut || Ok(()))
    }

    fn finish_step_by_step(
        &self,
        places: Places<'_>,
        before: Before<'_>,
    ) -> Result<Vec<(PathBuf, PathBuf)>, SwitchError> {
        for contents in &self.parts {
            require_either(&places.of(*contents))?;
        }
        let mut moved = Vec::new();
        for contents in &self.parts {
            let to = places.of(*contents);
            let written = with_suffix(&to, WRITTEN);
            if fs::symlink_metadata(&written).is_err() {
                continue;
            }
            self.clear(&to, before, &mut moved)?;
            let renamed = before().and_then(|()| fs::rename(&written, &to));
            renamed.map_err(|source| SwitchError { path: written, source })?;
            sync_directory(&to)?;
        }
        let path = places.data_dir.join(SWITCH_FILE);
        let removed = before().and_then(|()| fs::remove_file(&path));
        removed.map_err(|source| SwitchError { path: path.clone(), source })?;
        sync_directory(&path)?;
        Ok(moved)
    }

    /// Takes away what is in the place of a database, its logs too: moved aside if there is
    /// anything in it, removed if not.
    fn clear(
        &self,
        to: &Path,
        before: Before<'_>,
        moved: &mut Vec<(PathBuf, PathBuf)>,
    ) -> Result<(), SwitchError> {
        let kept_path = self.kept_path(to).unwrap_or_else(|| to.to_owned());
        for (file, other) in database_files(to).zip(database_files(&kept_path)) {
            let Ok(about) = fs::symlink_metadata(&file) else { continue };
            let failed = |source| SwitchError { path: file.clone(), source };
            let is_shared_memory = file.as_os_str().as_encoded_bytes().ends_with(b"-shm");
            let is_something = about.len() > 0;
            let is_obstructed = match self.kept_as {
                Some(_) => is_something && fs::symlink_metadata(&other).is_ok(),
                None => is_something && !is_shared_memory,
            };
            if is_obstructed {
                return Err(failed(io::Error::other("it is in the way of what was restored")));
            }
            before().map_err(failed)?;
            if self.kept_as.is_some() && is_something {
                fs::rename(&file, &other).map_err(failed)?;
                moved.push((file, other));
            } else {
                fs::remove_file(&file).map_err(failed)?;
            }
        }
        sync_directory(to)
    }

    fn kept_path(&self, to: &Path) -> Option<PathBuf> {
        self.kept_as.as_ref().map(|suffix| with_suffix(to, suffix))
    }

    fn text(&self) -> String {
        let parts: Vec<&str> = self.parts.iter().map(|contents| contents.as_str()).collect();
        json!({ "restore": 1, "parts": parts, "kept_as": self.kept_as }).to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        if value.get("restore")?.as_i64() != Some(1) {
            return None;
        }
        let known = [Contents::Data, Contents::Keys];
        let contents = |word: &Value| {
            known.into_iter().find(|contents| Some(contents.as_str()) == word.as_str())
        };
        let parts = value.get("parts")?.as_array()?.iter().map(contents).collect::<Option<_>>()?;
        let kept_as = match value.get("kept_as")? {
            Value::Null => None,
            // It is the end of a name, and leads nowhere else.
            Value::String(suffix) if !suffix.contains('/') => Some(suffix.clone()),
            _ => return None,
        };
        Some(Self { parts, kept_as })
    }
}

/// That what was written is beside its place, or in it.
fn require_either(to: &Path) -> Result<(), SwitchError> {
    let written = with_suffix(to, WRITTEN);
    let is_there = |path: &Path| {
        has_content(path).map_err(|source| SwitchError { path: path.to_owned(), source })
    };
    if is_there(&written)? || is_there(to)? {
        return Ok(());
    }
    let source = io::Error::other(
        "a restore was interrupted, and this file is missing, with which it would go on: mount its \
         volume, and name the directories of data and keys that the restore had",
    );
    Err(SwitchError { path: written, source })
}

/// `path` with `suffix` after its last letter.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Flushes the directory entry of `path`.
fn sync_directory(path: &Path) -> Result<(), SwitchError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let synced = File::open(directory).and_then(|opened| opened.sync_all());
    synced.map_err(|source| SwitchError { path: directory.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT_AS: &str = ".before-1";

    /// Old stores with a log, and new ones beside them.
    fn stores(home: &Path) {
        for (name, text) in [
            ("coffer.db", "old data"),
            ("coffer.db-wal", "old log"),
            ("coffer.db-shm", "memory"),
            ("coffer.db.restoring", "new data"),
            ("keys.db", "old keys"),
            ("keys.db.restoring", "new keys"),
        ] {
            fs::write(home.join(name), text).unwrap();
        }
    }

    fn text(home: &Path, name: &str) -> String {
        fs::read_to_string(home.join(name)).unwrap_or_default()
    }

    fn both() -> Switch {
        let parts = vec![Contents::Data, Contents::Keys];
        Switch { parts, kept_as: Some(KEPT_AS.to_owned()) }
    }

    fn is_new(home: &Path) {
        assert_eq!(text(home, "coffer.db"), "new data");
        assert_eq!(text(home, "keys.db"), "new keys");
        assert_eq!(text(home, "coffer.db.before-1"), "old data");
        assert_eq!(text(home, "coffer.db.before-1-wal"), "old log");
        assert_eq!(text(home, "keys.db.before-1"), "old keys");
        for gone in ["coffer.db-wal", "coffer.db-shm", "coffer.db.restoring", SWITCH_FILE] {
            assert!(!home.join(gone).exists(), "{gone}");
        }
    }

    /// It is killed before each of its changes, and again while another finishes it.
    #[test]
    fn wherever_it_is_killed_the_old_or_the_new_store_is_there() {
        let switch = both();
        let kill_at = |at: usize| {
            let mut changes = 0;
            move || {
                changes += 1;
                if changes > at { Err(io::Error::other("killed")) } else { Ok(()) }
            }
        };
        let (mut before, mut after) = (0, 0);
        for at in 0.. {
            let directory = tempfile::tempdir().unwrap();
            let home = directory.path();
            let places = Places { data_dir: home, key_dir: home };
            stores(home);
            let mut kill = kill_at(at);
            let recorded = switch.record_step_by_step(places, &mut kill);
            let done = recorded.and_then(|()| switch.finish_step_by_step(places, &mut kill));
            if done.is_ok() {
                is_new(home);
                break;
            }
            let Some(pending) = Switch::pending(home).unwrap() else {
                before += 1;
                for (name, old) in [
                    ("coffer.db", "old data"),
                    ("coffer.db-wal", "old log"),
                    ("keys.db", "old keys"),
                ] {
                    assert_eq!(text(home, name), old, "after {at} changes");
                }
                continue;
            };
            after += 1;
            assert_eq!(pending, switch);
            for again in 0.. {
                if pending.finish_step_by_step(places, &mut kill_at(again)).is_ok() {
                    break;
                }
                assert!(Switch::pending(home).unwrap().is_some(), "{again} changes");
            }
            is_new(home);
            assert_eq!(Switch::pending(home).unwrap(), None);
        }
        assert_eq!((before, after), (2, 7), "each of its changes was tried");
    }

    #[test]
    fn restores_of_one_moment_keep_what_was_there_under_names_of_their_own() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        let places = Places { data_dir: home, key_dir: home };
        let parts = || vec![Contents::Data, Contents::Keys];
        let of_moment = || Switch::keeping(parts(), "now", places).kept_as.unwrap();
        assert_eq!(of_moment(), ".before-now");
        // Names go together: one that is taken is enough.
        fs::write(home.join("keys.db.before-now"), "kept").unwrap();
        assert_eq!(of_moment(), ".before-now-2");
        for number in 2..=RESTORES_A_MOMENT {
            fs::write(home.join(format!("coffer.db.before-now-{number}")), "kept").unwrap();
        }
        stores(home);
        let refused = Switch::keeping(parts(), "now", places).record(places).unwrap_err();
        assert!(refused.to_string().contains("there already"), "{refused}");
    }

    #[test]
    fn it_takes_nothing_away_that_it_was_not_told_of() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        let places = Places { data_dir: home, key_dir: home };
        stores(home);
        let empty = Switch { kept_as: None, ..both() };
        empty.record(places).unwrap();
        assert!(empty.finish(places).unwrap_err().to_string().contains("in the way"));
        assert_eq!(text(home, "coffer.db"), "old data");
        fs::write(home.join("coffer.db.before-1"), "kept").unwrap();
        assert!(both().record(places).unwrap_err().to_string().contains("there already"));
        // Keys that are in neither place are on a volume that is not mounted.
        for name in ["keys.db", "keys.db.restoring"] {
            fs::remove_file(home.join(name)).unwrap();
        }
        assert!(both().finish(places).unwrap_err().to_string().contains("mount"));
        assert_eq!(text(home, "coffer.db"), "old data");
        for wrong in ["", "{}", "{\"restore\":1,\"parts\":[\"data\"],\"kept_as\":\"/../x\"}"] {
            fs::write(home.join(SWITCH_FILE), wrong).unwrap();
            assert!(Switch::pending(home).is_err(), "{wrong}");
        }
    }
}
