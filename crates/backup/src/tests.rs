use crate::limits::CHUNK_BYTES;
use crate::{BackupError, Contents, Header, Reader, Writer};

fn header(bytes: usize) -> Header {
    Header {
        contents: Contents::Data,
        store: "store_a".to_owned(),
        set: "set1".to_owned(),
        created: 1_800_000_000,
        version: "0.1.0".to_owned(),
        bytes: bytes as u64,
        rows: [("secret".to_owned(), 2)].into(),
    }
}

fn written(database: &[u8]) -> (Vec<u8>, String) {
    let mut writer = Writer::begin(Vec::new(), &header(database.len())).unwrap();
    writer.copy(&mut &database[..], |_| Ok(())).unwrap();
    writer.finish().unwrap()
}

fn read(stream: &[u8]) -> Result<(Header, Vec<u8>, String), BackupError> {
    let mut reader = Reader::open(stream)?;
    let mut database = Vec::new();
    while let Some(chunk) = reader.next_chunk()? {
        database.extend_from_slice(chunk);
    }
    assert!(reader.next_chunk()?.is_none(), "the end stays the end");
    Ok((reader.header().clone(), database, reader.digest()))
}

#[test]
fn what_was_written_is_read() {
    for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
        let database: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let (stream, digest) = written(&database);
        assert_eq!(read(&stream).unwrap(), (header(length), database, digest));
    }
}

#[test]
fn a_stream_that_was_cut_anywhere_is_no_backup() {
    let (stream, _) = written(b"a database");
    for length in 0..stream.len() {
        let error = read(&stream[..length]).unwrap_err();
        let expected = if length < 8 { "no backup" } else { "cut short" };
        assert!(error.to_string().contains(expected), "{length}: {error}");
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let (stream, _) = written(b"a database");
    for at in 0..stream.len() {
        for bit in 0..8 {
            let mut changed = stream.clone();
            changed[at] ^= 1 << bit;
            assert!(read(&changed).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn chunks_cannot_be_exchanged_left_out_or_added() {
    let database: Vec<u8> = (0..2 * CHUNK_BYTES).map(|at| (at % 251) as u8).collect();
    let (stream, _) = written(&database);
    let end = stream.len() - 5 - "{\"chunks\":2,\"bytes\":2097152}".len() - 32;
    let frame = 5 + CHUNK_BYTES + 32;
    let (first, second) = (end - 2 * frame, end - frame);
    let put = |parts: &[&[u8]]| parts.concat();
    let of = |from: usize, to: usize| &stream[from..to];
    let (head, one, two, tail) =
        (of(0, first), of(first, second), of(second, end), of(end, stream.len()));
    assert!(read(&put(&[head, one, two, tail])).is_ok());
    for (what, parts) in [
        ("exchanged", put(&[head, two, one, tail])),
        ("left out", put(&[head, one, tail])),
        ("twice", put(&[head, one, one, two, tail])),
        ("behind the end", put(&[head, one, two, tail, one])),
    ] {
        assert!(read(&parts).is_err(), "{what}");
    }
}

#[test]
fn another_format_is_named() {
    let (mut stream, _) = written(b"");
    stream[11] = 2;
    assert!(matches!(read(&stream), Err(BackupError::UnknownFormat(2))));
}

#[test]
fn a_header_that_could_deceive_a_terminal_is_refused() {
    let odd = Header { store: "store_\u{1b}[2J".to_owned(), ..header(0) };
    let stream = Writer::begin(Vec::new(), &odd).unwrap().finish().unwrap().0;
    assert!(matches!(read(&stream), Err(BackupError::Damaged { .. })));
}
