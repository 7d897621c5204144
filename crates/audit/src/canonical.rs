//! An entry as bytes, for hashing.
//!
//! Two entries have the same bytes exactly if all their columns are the same, on either engine and
//! after a move between them. The bytes are
//!
//! ```text
//! 0x01                          the format's number, as the column `format` has it
//! for each of COLUMNS after `format`, in that order:
//!     ff ff ff ff               if it is null; or
//!     length                    four bytes, the most significant first
//!     content                   a number as eight bytes, two's complement, the most significant
//!                               first; text as UTF-8; bytes as they are
//! ```
//!
//! The row's number is not among them: where an entry stands is what a log over the entries says. A
//! column's type is not written either, since it follows from its name.
//!
//! A later format adds columns behind these. Entries of this one keep their bytes: an entry is
//! encoded as its own `format` says.

use coffer_storage::{Value, ValueRef};

/// The format of entries that are written now.
pub const FORMAT: i64 = 1;

/// The columns of an entry, in the order in which they are hashed; `format` itself is the first
/// byte.
pub const COLUMNS: [&str; 22] = [
    "format",
    "at",
    "server",
    "request",
    "actor_kind",
    "actor",
    "bound_user",
    "peer",
    "mode",
    "app",
    "account",
    "operation",
    "subject",
    "scope",
    "name_fingerprint",
    "name",
    "fingerprint",
    "outcome",
    "status",
    "reason",
    "amount",
    "detail",
];

/// How null is written: no content is as long.
const NULL: [u8; 4] = [0xff; 4];

/// About how many bytes most entries have.
const USUAL: usize = 512;

/// The bytes of a row's columns.
pub fn encode(values: &[Value]) -> Vec<u8> {
    encode_borrowed(values.iter().map(Value::borrowed))
}

/// The bytes of a row's columns, which somebody is reading.
pub fn encode_borrowed<'a>(values: impl IntoIterator<Item = ValueRef<'a>>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(USUAL);
    encode_into(&mut bytes, values);
    bytes
}

/// The same, behind what is in `bytes`: whoever hashes many rows needs room for one.
pub fn encode_into<'a>(bytes: &mut Vec<u8>, values: impl IntoIterator<Item = ValueRef<'a>>) {
    let mut values = values.into_iter();
    let format = match values.next() {
        Some(ValueRef::Int(format)) => u8::try_from(format).unwrap_or(0),
        _ => 0,
    };
    bytes.push(format);
    for value in values {
        match value {
            ValueRef::Null => bytes.extend_from_slice(&NULL),
            ValueRef::Int(number) => put(bytes, &number.to_be_bytes()),
            ValueRef::Text(text) => put(bytes, text.as_bytes()),
            ValueRef::Blob(blob) => put(bytes, blob),
        }
    }
}

fn put(bytes: &mut Vec<u8>, content: &[u8]) {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_nulls_keep_columns_apart() {
        let text = |text: &str| Value::Text(text.to_owned());
        let row = |a: Value, b: Value| encode(&[Value::Int(1), a, b]);
        let all = [
            row(text("ab"), text("c")),
            row(text("a"), text("bc")),
            row(text("abc"), Value::Null),
            row(Value::Null, text("abc")),
            row(text("abc"), text("")),
            row(Value::Null, Value::Null),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| other != one), "{at}");
        }
    }

    #[test]
    fn the_bytes_are_those_that_are_described() {
        let row = [Value::Int(1), Value::Int(-2), Value::Null, Value::Text("é".to_owned())];
        let expected: [&[u8]; 5] = [
            &[1],
            &[0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe],
            &[0xff; 4],
            &[0, 0, 0, 2],
            "é".as_bytes(),
        ];
        assert_eq!(encode(&row), expected.concat());
    }
}
