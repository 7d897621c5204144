//! Whether a write-ahead log is whole up to its end.
//!
//! SQLite replays a log up to the first frame whose checksum is wrong, and takes that for the end:
//! what a crash has torn was never acknowledged. But if a bit flips in a frame further up, all
//! commits after it are dropped without a word. The two can be told apart: a commit is flushed
//! before the next one is written, so behind a frame that a crash has torn there is the rest of its
//! own transaction at most, and never another one. Frames behind the broken one belong to it if
//! each one's checksum goes on from that of the frame before; what older transactions left there
//! does not.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::own_log::log_of;
use crate::error::{Result, StorageError};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The first word of a log; its last bit says how checksums read their words.
const MAGIC: u32 = 0x377f_0682;
/// Commits of which a crash can tear at most one.
const TWO: usize = 2;

/// The two words of a checksum.
type Sum = (u32, u32);

/// Refuses a database whose log breaks before its last commit.
///
/// # Errors
/// [`StorageError::Corrupt`] with what to do; [`StorageError::File`] if a file cannot be read.
pub(super) fn require_whole_log(database: &Path) -> Result<()> {
    let path = log_of(database);
    let log = match fs::read(&path) {
        Ok(log) => log,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StorageError::file("read", &path, error)),
    };
    if is_whole(&log, database).map_err(|error| StorageError::file("read", database, error))? {
        return Ok(());
    }
    let text = format!(
        "{} is damaged before its end: what was acknowledged after that place would be lost \
         without a word. Keep these files, and restore your newest backup; `coffer doctor \
         --repair DIRECTORY` saves the state before the damage",
        path.display()
    );
    Err(StorageError::Corrupt(text.into()))
}

fn is_whole(log: &[u8], database: &Path) -> std::io::Result<bool> {
    match Log::read(log) {
        Some(log) => Ok(log.commits_behind_the_break() < TWO),
        None => headless(log, database),
    }
}

/// Whether a log whose header is broken holds nothing that the database lacks. A header is written
/// anew once all before it was copied.
fn headless(log: &[u8], database: &Path) -> std::io::Result<bool> {
    let (Some(header), mut file) = (log.get(..HEADER), File::open(database)?) else {
        return Ok(true);
    };
    let mut start = Vec::new();
    file.by_ref().take(HEADER as u64).read_to_end(&mut start)?;
    let page = match u16_at(&start, 16) {
        Some(1) => 65_536,
        Some(page) => usize::from(page),
        None => return Ok(true),
    };
    for is_big in [false, true] {
        let written = sum(is_big, (0, 0), header.get(..24).unwrap_or_default());
        let starts = [stored(header, 24), written];
        let Some(first) = frames(log, page).next() else { return Ok(true) };
        for start in starts {
            let run = run(frames(log, page), is_big, start, first.salts);
            for (number, content) in last_contents(&run) {
                let at = u64::from(number).saturating_sub(1).saturating_mul(page as u64);
                let mut kept = Vec::with_capacity(page);
                file.seek(SeekFrom::Start(at))?;
                file.by_ref().take(page as u64).read_to_end(&mut kept)?;
                if kept != content {
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}

/// The content of each page after the last commit of these frames.
fn last_contents<'l>(run: &[Frame<'l>]) -> BTreeMap<u32, &'l [u8]> {
    let end = run.iter().rposition(|frame| frame.commits).map_or(0, |last| last.saturating_add(1));
    run.iter().take(end).map(|frame| (frame.page, frame.content)).collect()
}

/// A log with a header that is right.
struct Log<'l> {
    bytes: &'l [u8],
    page: usize,
    is_big: bool,
    salts: &'l [u8],
    sum: Sum,
}

impl<'l> Log<'l> {
    fn read(bytes: &'l [u8]) -> Option<Self> {
        let magic = u32_at(bytes, 0)?;
        let (is_big, page) = (magic & 1 == 1, usize::try_from(u32_at(bytes, 8)?).ok()?);
        let (salts, sum) = (bytes.get(16..24)?, sum(is_big, (0, 0), bytes.get(..24)?));
        let is_right = magic & !1 == MAGIC && sum == stored(bytes, 24) && page.is_power_of_two();
        is_right.then_some(Self { bytes, page, is_big, salts, sum })
    }

    /// How many commits there are from the first broken frame on, in frames that go on from it.
    fn commits_behind_the_break(&self) -> usize {
        let all = || frames(self.bytes, self.page);
        let good = run(all(), self.is_big, self.sum, self.salts);
        let Some(broken) = all().nth(good.len()) else { return 0 };
        let before = good.last().map_or(self.sum, |frame| frame.stored);
        // Either its content is broken, or its checksum is.
        let starts = [broken.stored, broken.sum(self.is_big, before)];
        let behind = starts.map(|start| {
            let rest = all().skip(good.len().saturating_add(1));
            run(rest, self.is_big, start, self.salts).iter().filter(|frame| frame.commits).count()
        });
        // It is of this log only if others go on from it.
        let behind = behind.into_iter().max().unwrap_or(0);
        if behind == 0 { 0 } else { behind.saturating_add(usize::from(broken.commits)) }
    }
}

/// The frames from the first on whose checksums go on from `start`.
fn run<'l>(
    frames: impl Iterator<Item = Frame<'l>>,
    is_big: bool,
    start: Sum,
    salts: &[u8],
) -> Vec<Frame<'l>> {
    let mut last = start;
    frames
        .take_while(|frame| {
            let goes_on = frame.salts == salts && frame.sum(is_big, last) == frame.stored;
            last = frame.stored;
            goes_on
        })
        .collect()
}

/// One page in a log.
struct Frame<'l> {
    page: u32,
    commits: bool,
    salts: &'l [u8],
    stored: Sum,
    /// What the checksum covers besides the content.
    summed: &'l [u8],
    content: &'l [u8],
}

impl Frame<'_> {
    /// What its checksum should be after a frame with this one.
    fn sum(&self, is_big: bool, before: Sum) -> Sum {
        sum(is_big, sum(is_big, before, self.summed), self.content)
    }
}

fn frames(log: &[u8], page: usize) -> impl Iterator<Item = Frame<'_>> {
    let frames = log.get(HEADER..).unwrap_or_default();
    frames.chunks_exact(FRAME_HEADER.saturating_add(page)).filter_map(|frame| {
        Some(Frame {
            page: u32_at(frame, 0)?,
            commits: u32_at(frame, 4)? != 0,
            salts: frame.get(8..16)?,
            stored: stored(frame, 16),
            summed: frame.get(..8)?,
            content: frame.get(FRAME_HEADER..)?,
        })
    })
}

/// SQLite's checksum of a log, going on from `before`.
fn sum(is_big: bool, before: Sum, bytes: &[u8]) -> Sum {
    let word = |bytes: &[u8]| {
        let bytes = bytes.try_into().unwrap_or_default();
        if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    };
    bytes.chunks_exact(8).fold(before, |(first, second), pair| {
        let (one, other) = pair.split_at(4);
        let first = first.wrapping_add(word(one)).wrapping_add(second);
        (first, second.wrapping_add(word(other)).wrapping_add(first))
    })
}

fn stored(bytes: &[u8], at: usize) -> Sum {
    let word = |at| u32_at(bytes, at).unwrap_or_default();
    (word(at), word(at.saturating_add(4)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at.checked_add(4)?)?;
    word.try_into().ok().map(u32::from_be_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let word = bytes.get(at..at.checked_add(2)?)?;
    word.try_into().ok().map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    const PAGE: usize = 4096;

    /// A database, before its log is copied into it and after, and the log: some commits.
    fn logged() -> (tempfile::TempDir, [std::path::PathBuf; 2], Vec<u8>) {
        let home = tempfile::TempDir::new().unwrap();
        let [before, after] = ["before.db", "after.db"].map(|name| home.path().join(name));
        let connection = Connection::open(&after).unwrap();
        let begin = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; \
                     CREATE TABLE t (a TEXT); PRAGMA wal_checkpoint(TRUNCATE);";
        connection.execute_batch(begin).unwrap();
        for number in 0..5 {
            let sql = "INSERT INTO t VALUES (printf('%d %.*c', ?, 5000, 'x'))";
            connection.execute(sql, [number]).unwrap();
        }
        let log = fs::read(log_of(&after)).unwrap();
        fs::copy(&after, &before).unwrap();
        // The last connection copies the log into the file when it is closed.
        drop(connection);
        (home, [before, after], log)
    }

    /// Where a transaction's frames end, by frames.
    fn commits(log: &[u8]) -> Vec<usize> {
        let ends = frames(log, PAGE).enumerate().filter(|(_, frame)| frame.commits);
        ends.map(|(at, _)| at).collect()
    }

    #[test]
    fn a_log_that_breaks_before_its_last_commit_is_not_whole() {
        let (_home, [database, _], log) = logged();
        assert!(is_whole(&log, &database).unwrap());
        let (ends, frame) = (commits(&log), PAGE + FRAME_HEADER);
        let last = HEADER + (ends[ends.len() - 2] + 1) * frame;
        let heads = HEADER + FRAME_HEADER;
        for at in (0..heads).chain((heads..log.len()).step_by(1009)) {
            let mut broken = log.clone();
            broken[at] ^= 0x40;
            if at < last {
                assert!(!is_whole(&broken, &database).unwrap(), "byte {at}");
            } else if (at - HEADER) % frame >= FRAME_HEADER {
                assert!(is_whole(&broken, &database).unwrap(), "byte {at}, in the last commit");
            }
        }
    }

    #[test]
    fn what_a_crash_tears_is_no_damage() {
        let (_home, [database, _], log) = logged();
        let (ends, frame) = (commits(&log), PAGE + FRAME_HEADER);
        for end in (HEADER + (ends[2] + 1) * frame..log.len()).step_by(509) {
            assert!(is_whole(&log[..end], &database).unwrap(), "cut at {end}");
        }
        // What a transaction left that was torn before does not go on from the last one.
        let mut stale = log.clone();
        stale.extend_from_slice(
            &log[HEADER + (ends[2] + 1) * frame..HEADER + (ends[3] + 1) * frame],
        );
        assert!(is_whole(&stale, &database).unwrap());
    }

    #[test]
    fn a_header_matters_only_while_the_log_holds_something() {
        let (_home, [before, after], mut log) = logged();
        log[20] ^= 1;
        assert!(!is_whole(&log, &before).unwrap());
        assert!(is_whole(&log, &after).unwrap());
    }
}
