//! The backups in a directory: their names, which is the newest, and which are kept.

use super::destination::PART;
use super::{Input, file_error, refused};
use crate::assemble::AssembleError;
use crate::part_file;
use crate::switch::with_suffix;
use coffer_backup::{Contents, Header, Reader};
use coffer_base::civil::compact;
use coffer_base::{Timestamp, clock::DAY_SECONDS, limit};
use std::cmp::Reverse;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Which of the older backups are kept, of each store and each kind. Without either, all are. The
/// newest one always is. One whose time lies ahead was made by a clock that was wrong: it counts as
/// older than all others, and is never too many days old.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Keep {
    /// So many, the newest.
    pub number: Option<u32>,
    /// Those that are not older than so many days.
    pub days: Option<u32>,
}

const PREFIX: &str = "coffer-";
const SUFFIX: &str = ".backup";

/// The name of a backup's file.
pub(super) fn file_name(now: Timestamp, set: &str, contents: Contents) -> String {
    format!("{PREFIX}{}-{set}.{contents}{SUFFIX}", compact(now))
}

/// A backup in a directory.
struct Found {
    path: PathBuf,
    header: Header,
}

impl Found {
    /// How new it is when it is `now`: one that was made by a clock that was ahead is the oldest.
    fn age(&self, now: i64) -> (bool, i64) {
        let latest = now.saturating_add(limit::CLOCK_TOLERANCE_SECONDS);
        (self.header.created <= latest, self.header.created)
    }
}

/// The backups in `directory`, the newest first. What cannot be read as one is none.
fn backups(directory: &Path, now: i64) -> Result<Vec<Found>, AssembleError> {
    let mut found = Vec::new();
    for path in names(directory, SUFFIX)? {
        let header = File::open(&path).ok().and_then(|file| Reader::open(file).ok());
        if let Some(reader) = header {
            found.push(Found { path, header: reader.header().clone() });
        }
    }
    found.sort_by(|one, other| (other.age(now), &other.path).cmp(&(one.age(now), &one.path)));
    Ok(found)
}

/// The files in `directory` that are called as a backup is, with `suffix` at their end.
fn names(directory: &Path, suffix: &str) -> Result<Vec<PathBuf>, AssembleError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(file_error(directory))? {
        let entry = entry.map_err(file_error(directory))?;
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| {
            name.starts_with(PREFIX) && name.ends_with(suffix) && name.contains(SUFFIX)
        });
        if is_ours {
            names.push(entry.path());
        }
    }
    Ok(names)
}

/// The newest data in `directories` when it is `now`, and the keys that were copied with it; if
/// those are in none of them, the newest keys of that store. Data or keys alone are taken if there
/// is nothing else.
///
/// # Errors
/// If a directory cannot be read, or if none holds a backup.
pub fn newest_set(directories: &[PathBuf], now: Timestamp) -> Result<Vec<Input>, AssembleError> {
    let mut all = Vec::new();
    for directory in directories {
        all.extend(backups(directory, now.unix())?);
    }
    all.sort_by_key(|found| Reverse(found.age(now.unix())));
    let newest = |contents| all.iter().find(|found| found.header.contents == contents);
    let data = newest(Contents::Data);
    let keys = match data {
        None => newest(Contents::Keys),
        Some(data) => {
            let of_store = |found: &&Found| {
                found.header.contents == Contents::Keys && found.header.store == data.header.store
            };
            let together =
                all.iter().filter(of_store).find(|keys| keys.header.set == data.header.set);
            together.or_else(|| all.iter().find(of_store))
        }
    };
    let found: Vec<Input> =
        data.into_iter().chain(keys).map(|found| Input::File(found.path.clone())).collect();
    if found.is_empty() {
        let shown: Vec<String> =
            directories.iter().map(|path| path.display().to_string()).collect();
        return Err(refused(format!("there is no backup in {}", shown.join(" or "))));
    }
    Ok(found)
}

/// Removes the backups that need not be kept once `made` is there. What cannot be removed stays,
/// and the next backup tries again.
pub(super) fn prune(directory: &Path, made: &Header, keep: Keep) -> Vec<PathBuf> {
    let same =
        |found: &Found| found.header.contents == made.contents && found.header.store == made.store;
    let kin = backups(directory, made.created).unwrap_or_default().into_iter().filter(same);
    let mut kin: Vec<Found> = kin.collect();
    // Of those that were made in one second it is the newest.
    kin.sort_by_key(|found| Reverse((found.age(made.created), found.header.set == made.set)));
    let is_old = |position: usize, header: &Header| {
        let too_many =
            keep.number.is_some_and(|number| u32::try_from(position).unwrap_or(u32::MAX) >= number);
        let age = made.created.saturating_sub(header.created);
        let too_old = keep.days.is_some_and(|days| age > i64::from(days) * DAY_SECONDS);
        position > 0 && header.set != made.set && (too_many || too_old)
    };
    let old =
        kin.into_iter().enumerate().filter(|(position, found)| is_old(*position, &found.header));
    let removed = old.filter(|(_, found)| fs::remove_file(&found.path).is_ok());
    removed.map(|(_, found)| found.path).collect()
}

/// Removes files whose writer was killed, before they take the space of a backup that is to be
/// made: nobody has them locked. What cannot be removed stays.
pub(super) fn remove_leftovers(directory: &Path) {
    for path in names(directory, PART).unwrap_or_default() {
        let Ok(file) = part_file::open_existing(&path) else { continue };
        // The lock is held until the name is gone: whoever takes the file over meanwhile sees it.
        if file.try_lock().is_err() {
            continue;
        }
        for companion in ["", "-journal", "-wal", "-shm"] {
            let _ = fs::remove_file(with_suffix(&path, companion));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_backup::Writer;

    fn put(directory: &Path, contents: Contents, store: &str, set: &str, created: i64) -> Header {
        let header = Header {
            contents,
            store: store.to_owned(),
            set: set.to_owned(),
            created,
            ..Header::default()
        };
        let name = file_name(Timestamp::from_unix(created), set, contents);
        let file = File::create(directory.join(name)).unwrap();
        Writer::begin(file, &header).unwrap().finish().unwrap();
        header
    }

    fn days_in(directory: &Path) -> Vec<i64> {
        let mut days: Vec<i64> = backups(directory, 0)
            .unwrap()
            .iter()
            .map(|found| found.header.created / DAY_SECONDS)
            .collect();
        days.sort_unstable();
        days
    }

    #[test]
    fn of_one_second_the_one_that_was_just_made_is_the_newest() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path();
        for set in ["b", "c", "d"] {
            put(place, Contents::Data, "store_a", set, DAY_SECONDS);
        }
        let made = put(place, Contents::Data, "store_a", "a", DAY_SECONDS);
        let keep = Keep { number: Some(2), days: None };
        assert_eq!(prune(place, &made, keep).len(), 2);
        assert_eq!(days_in(place).len(), 2);
        assert!(
            place.join(file_name(Timestamp::from_unix(DAY_SECONDS), "a", made.contents)).exists()
        );
    }

    #[test]
    fn what_is_not_kept_is_removed_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path();
        let at = |day: i64| day * DAY_SECONDS;
        for day in 1..=5 {
            put(place, Contents::Data, "store_a", &format!("set{day}"), at(day));
        }
        put(place, Contents::Keys, "store_a", "set1", at(1));
        put(place, Contents::Data, "store_b", "other", at(1));
        fs::write(place.join("coffer-notes.backup"), "no backup").unwrap();
        fs::write(place.join("coffer-x.data.backup.part"), "killed").unwrap();
        let made = put(place, Contents::Data, "store_a", "set6", at(6));
        let keep = |number, days| Keep { number, days };
        remove_leftovers(place);
        assert!(!place.join("coffer-x.data.backup.part").exists());
        assert!(prune(place, &made, keep(None, None)).is_empty());
        assert_eq!(prune(place, &made, keep(None, Some(3))).len(), 2);
        assert_eq!(prune(place, &made, keep(Some(2), None)).len(), 2);
        assert_eq!(days_in(place), [1, 1, 5, 6]);
        assert_eq!(prune(place, &made, keep(Some(1), Some(0))).len(), 1);
        assert!(place.join("coffer-notes.backup").exists());
    }

    /// As the clock was 400 days ahead for a day, and is right again.
    #[test]
    fn what_was_made_by_a_clock_that_was_ahead_is_not_the_newest() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path();
        let at = |day: i64| day * DAY_SECONDS;
        for (day, set) in [(10, "ten"), (11, "eleven"), (411, "ahead")] {
            put(place, Contents::Data, "store_a", set, at(day));
            put(place, Contents::Keys, "store_a", set, at(day));
        }
        let newest = |day| {
            let found = newest_set(&[place.to_owned()], Timestamp::from_unix(at(day))).unwrap();
            format!("{found:?}")
        };
        assert!(newest(12).contains("eleven.data") && newest(12).contains("eleven.keys"));
        assert!(newest(411).contains("ahead.data"));
        assert!(newest(1).contains("ahead.data"), "there is no other");
        let made = put(place, Contents::Data, "store_a", "twelve", at(12));
        let keep = |number, days| Keep { number, days };
        assert!(prune(place, &made, keep(None, Some(3))).is_empty(), "{:?}", days_in(place));
        let removed = prune(place, &made, keep(Some(3), None));
        let ahead = file_name(Timestamp::from_unix(at(411)), "ahead", Contents::Data);
        assert_eq!(removed, [place.join(ahead)]);
        assert_eq!(prune(place, &made, keep(Some(1), None)).len(), 2);
        assert_eq!(days_in(place), [10, 11, 12, 411], "keys are another kind");
    }

    #[test]
    fn a_backup_that_is_being_written_is_no_leftover() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let alive = at("coffer-alive.data.backup.part");
        let writer = File::create(&alive).unwrap();
        writer.lock().unwrap();
        for name in ["coffer-x.data.backup.part", "coffer-x.data.backup.copy.part"] {
            fs::write(at(name), "killed").unwrap();
        }
        fs::write(at("coffer-x.data.backup.copy.part-journal"), "of it").unwrap();
        fs::write(at("precious.part"), "kept").unwrap();
        std::os::unix::fs::symlink(at("precious.part"), at("coffer-y.data.backup.part")).unwrap();
        remove_leftovers(directory.path());
        let left = |name: &str| fs::symlink_metadata(at(name)).is_ok();
        assert!(alive.exists() && left("precious.part") && left("coffer-y.data.backup.part"));
        assert!(!left("coffer-x.data.backup.part") && !left("coffer-x.data.backup.copy.part"));
        assert!(!left("coffer-x.data.backup.copy.part-journal"));
        drop(writer);
        remove_leftovers(directory.path());
        assert!(!alive.exists());
    }

    #[test]
    fn data_is_taken_with_its_own_keys() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path();
        put(place, Contents::Data, "store_a", "two", 2);
        put(place, Contents::Keys, "store_a", "two", 2);
        put(place, Contents::Keys, "store_a", "three", 3);
        let shown = |found: &[Input]| {
            found.iter().map(|input| format!("{input:?}")).collect::<Vec<_>>().join(" ")
        };
        let found = shown(&newest_set(&[place.to_owned()], Timestamp::from_unix(9)).unwrap());
        assert!(found.contains("two.data") && found.contains("two.keys"), "{found}");
        fs::remove_file(place.join(file_name(Timestamp::from_unix(2), "two", Contents::Keys)))
            .unwrap();
        let found = shown(&newest_set(&[place.to_owned()], Timestamp::from_unix(9)).unwrap());
        assert!(found.contains("two.data") && found.contains("three.keys"), "{found}");
        let empty = tempfile::tempdir().unwrap();
        assert!(newest_set(&[empty.path().to_owned()], Timestamp::from_unix(9)).is_err());
    }
}
