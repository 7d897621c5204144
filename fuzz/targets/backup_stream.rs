//! Streams that a disk, a pipe or somebody else gives for a backup.

#![no_main]

use coffer_backup::{BackupError, Contents, Header, Reader, Writer};
use libfuzzer_sys::fuzz_target;
use std::io::{self, Read};

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else { return };
    match kind {
        b'e' => check_edited(rest),
        b'w' => check_round_trip(rest),
        _ => check_any(rest),
    }
});

/// A backup of a small database.
fn written(database: &[u8]) -> Vec<u8> {
    let header = Header {
        contents: Contents::Keys,
        store: "store_fuzz".to_owned(),
        set: "a".to_owned(),
        created: 1,
        version: "1".to_owned(),
        bytes: database.len() as u64,
        rows: [("master_key".to_owned(), 1)].into(),
    };
    let mut writer = Writer::begin(Vec::new(), &header).expect("memory takes all");
    writer.copy(&mut &database[..], |_| Ok(())).expect("memory takes all");
    writer.finish().expect("memory takes all").0
}

/// Reads a stream to its end, in pieces as small as a pipe may give.
fn read(stream: &[u8]) -> Result<Vec<u8>, BackupError> {
    let mut reader = Reader::open(Dripping(stream))?;
    assert!(reader.header().store.chars().all(|letter| !letter.is_control()));
    let mut database = Vec::new();
    while let Some(chunk) = reader.next_chunk()? {
        assert!(!chunk.is_empty() && chunk.len() <= coffer_backup::limits::CHUNK_BYTES);
        database.extend_from_slice(chunk);
    }
    assert_eq!(database.len() as u64, reader.header().bytes);
    Ok(database)
}

/// Whatever it is, it is refused in words that can be shown, or it is whole.
fn check_any(stream: &[u8]) {
    if let Err(error) = read(stream) {
        assert!(error.to_string().chars().all(|letter| !letter.is_control()));
    }
}

/// Nothing passes but exactly what was written: pairs of a position and what to flip there, and a
/// last single byte that says how much to cut off or, above 127, to add.
fn check_edited(edits: &[u8]) {
    let whole = written(b"a database that is small");
    let mut stream = whole.clone();
    let (pairs, last) = edits.as_chunks();
    for [at, flip] in pairs {
        let at = usize::from(*at).wrapping_mul(3) % stream.len();
        stream[at] ^= flip;
    }
    match last {
        [cut @ 0..=127] => stream.truncate(stream.len().saturating_sub(usize::from(*cut))),
        [added] => stream.resize(stream.len() + usize::from(*added - 127), 0),
        _ => {}
    }
    assert_eq!(read(&stream).is_ok(), stream == whole);
}

fn check_round_trip(database: &[u8]) {
    assert_eq!(read(&written(database)).expect("it was just written"), database);
}

/// Gives a few bytes at a time.
struct Dripping<'s>(&'s [u8]);

impl Read for Dripping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(7);
        self.0.read(&mut buffer[..most])
    }
}
