//! Rows of a file of balance transactions, one after the other: JSON lines or CSV. No more of the
//! file is in memory than a row.

use super::columns::Columns;
use super::record::Record;
use crate::cli::exit::Failure;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Most bytes of a line of JSON: a transaction with an expanded source has some thousands.
const LINE_BYTES: u64 = 1024 * 1024;

/// A place in a file, between two rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// Bytes before it.
    pub byte: u64,
    /// Lines before it.
    pub line: u64,
}

/// A row.
#[derive(Debug)]
pub struct Row {
    /// The number of its line, from 1.
    pub line: u64,
    /// The row as it stands in the file, with the end of its line.
    pub text: Vec<u8>,
    /// What it says, or why it cannot be read.
    pub record: Result<Record, String>,
}

/// What a file is.
pub enum Rows {
    /// A JSON object a line.
    Json { file: BufReader<File>, place: Place },
    /// Comma-separated values with a head.
    Csv { reader: Box<csv::Reader<File>>, head: csv::StringRecord, columns: Box<Columns> },
}

impl Rows {
    /// Opens a file, as CSV if `columns` say what is in it, and goes to a place.
    ///
    /// # Errors
    /// If it cannot be read, or its head lacks a column.
    pub fn open(path: &Path, columns: Option<Columns>, at: Place) -> Result<Self, Failure> {
        let failed = |why: String| Failure::usage(format!("{}: {why}", path.display()));
        let mut file = File::open(path).map_err(|error| failed(error.to_string()))?;
        let Some(columns) = columns else {
            file.seek(SeekFrom::Start(at.byte)).map_err(|error| failed(error.to_string()))?;
            return Ok(Self::Json { file: BufReader::new(file), place: at });
        };
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
        let head = reader.headers().map_err(|error| failed(error.to_string()))?.clone();
        columns.check(&head).map_err(failed)?;
        if at.byte > 0 {
            let mut position = csv::Position::new();
            position.set_byte(at.byte).set_line(at.line.saturating_add(1));
            reader.seek(position).map_err(|error| failed(error.to_string()))?;
        }
        Ok(Self::Csv { reader: Box::new(reader), head, columns: Box::new(columns) })
    }

    /// Where the next row begins.
    pub fn place(&self) -> Place {
        match self {
            Self::Json { place, .. } => *place,
            Self::Csv { reader, .. } => {
                let position = reader.position();
                Place { byte: position.byte(), line: position.line().saturating_sub(1) }
            }
        }
    }

    /// The head that rows stand under, if there is one.
    pub fn head(&self) -> Vec<u8> {
        match self {
            Self::Json { .. } => Vec::new(),
            Self::Csv { head, .. } => written(head),
        }
    }

    /// The next row.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn next(&mut self) -> Result<Option<Row>, Failure> {
        match self {
            Self::Json { file, place } => next_line(file, place),
            Self::Csv { reader, head, columns } => next_record(reader, head, columns),
        }
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> Failure {
    Failure::failed(format!("the file cannot be read: {error}"))
}

fn next_line(file: &mut BufReader<File>, place: &mut Place) -> Result<Option<Row>, Failure> {
    loop {
        let mut text = Vec::new();
        let mut read = file.by_ref().take(LINE_BYTES).read_until(b'\n', &mut text);
        let mut length = read.map_err(|error| unreadable(&error))?;
        let is_long =
            !text.ends_with(b"\n") && u64::try_from(length).is_ok_and(|l| l == LINE_BYTES);
        // The rest of a line that is too long is no row of its own.
        let mut is_whole = !is_long;
        while !is_whole {
            let mut rest = Vec::new();
            read = file.by_ref().take(LINE_BYTES).read_until(b'\n', &mut rest);
            let more = read.map_err(|error| unreadable(&error))?;
            length = length.saturating_add(more);
            is_whole = more == 0 || rest.ends_with(b"\n");
        }
        if length == 0 {
            return Ok(None);
        }
        place.byte = place.byte.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        place.line = place.line.saturating_add(1);
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let record = if is_long {
            Err(format!("the line has more than {LINE_BYTES} bytes"))
        } else {
            // The parser's own words repeat no part of the line.
            let json = serde_json::from_slice::<Value>(&text);
            json.map_err(|error| error.to_string()).and_then(|object| Record::of(&object))
        };
        return Ok(Some(Row { line: place.line, text, record }));
    }
}

fn next_record(
    reader: &mut csv::Reader<File>,
    head: &csv::StringRecord,
    columns: &Columns,
) -> Result<Option<Row>, Failure> {
    let line = reader.position().line();
    let mut bytes = csv::ByteRecord::new();
    match reader.read_byte_record(&mut bytes) {
        Ok(false) => Ok(None),
        Ok(true) => {
            let line = bytes.position().map_or(line, csv::Position::line);
            let record = csv::StringRecord::from_byte_record(bytes.clone());
            let record = record.map_err(|_| "it is no UTF-8".to_owned());
            let record = record.and_then(|record| columns.record(head, &record));
            let mut writer = csv::Writer::from_writer(Vec::new());
            let _ = writer.write_byte_record(&bytes);
            let text = writer.into_inner().unwrap_or_default();
            Ok(Some(Row { line, text, record }))
        }
        Err(error) => Err(unreadable(&error)),
    }
}

fn written(record: &csv::StringRecord) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let _ = writer.write_record(record);
    writer.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, map: Option<&str>, at: Place) -> Rows {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let columns = map.map(|map| Columns::parse(map).unwrap());
        Rows::open(file.path(), columns, at).unwrap()
    }

    fn all(mut rows: Rows) -> Vec<(u64, Result<String, String>)> {
        let next = || rows.next().unwrap().map(|row| (row.line, row.record.map(|one| one.id)));
        std::iter::from_fn(next).collect()
    }

    const LINE: &str = concat!(
        r#"{"id":"txn_1","type":"charge","amount":1,"currency":"eur","#,
        r#""created":1,"available_on":1}"#
    );

    #[test]
    fn lines_have_numbers_and_bad_ones_say_why() {
        let text = format!("{LINE}\n\n{{\n{LINE}\n{{\"id\":1}}\n{LINE}");
        let found = all(rows(&text, None, Place::default()));
        let lines: Vec<u64> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 3, 4, 5, 6]);
        assert!(found[1].1.as_ref().unwrap_err().contains("EOF"), "{found:?}");
        assert_eq!(found[3].1.as_ref().unwrap_err(), "amount is no whole number");
        assert_eq!(found[4].1.as_ref().unwrap(), "txn_1");
    }

    #[test]
    fn a_line_that_is_too_long_is_one_row() {
        let long = "x".repeat(usize::try_from(LINE_BYTES).unwrap() * 2 + 5);
        let found = all(rows(&format!("{long}\n{LINE}\n"), None, Place::default()));
        assert_eq!(found.len(), 2);
        assert!(found[0].1.as_ref().unwrap_err().contains("more than"));
        assert_eq!(found[1], (2, Ok("txn_1".to_owned())));
    }

    #[test]
    fn reading_goes_on_at_a_place() {
        let text = format!("{LINE}\n{LINE}\n{LINE}\n");
        let mut first = rows(&text, None, Place::default());
        first.next().unwrap();
        let found = all(rows(&text, None, first.place()));
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3]);
        let map = "[columns]\nid='a'\namount='b'\n[values]\ntype='charge'\ncurrency='eur'\n\
                   created='1'\navailable_on='1'\n";
        let text = "a,b\nx1,1\n\"x\n2\",2\nx3,nine\nx4,4\n";
        let mut first = rows(text, Some(map), Place::default());
        first.next().unwrap();
        first.next().unwrap();
        let found = all(rows(text, Some(map), first.place()));
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [5, 6], "{found:?}");
        assert!(found[0].1.as_ref().unwrap_err().contains("amount"), "{found:?}");
    }
}
