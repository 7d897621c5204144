//! What stands in a backup beside the database.

use crate::limits::TEXT_CHARACTERS;
use coffer_crypto::sha256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The format that this version writes and reads.
pub const FORMAT: u32 = 1;

/// What a backup begins with.
pub const MAGIC: &[u8; 8] = b"COFFERBK";

/// A digest of everything in a stream up to some frame.
pub(crate) type Digest = [u8; 32];

/// Which database a backup holds. They are separate, so that the keys can be kept apart from the
/// data, and away from it for shorter: a key that is destroyed lives on in older copies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Contents {
    /// The data.
    #[default]
    Data,
    /// The wrapped keys.
    Keys,
}

impl Contents {
    /// `data` or `keys`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Keys => "keys",
        }
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a backup says of itself.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Which database it holds.
    pub contents: Contents,
    /// The id of the store that it was made of; empty if that had none.
    pub store: String,
    /// The data and the keys that were copied together have the same.
    pub set: String,
    /// When it was made, in Unix seconds.
    pub created: i64,
    /// The version of the program that made it.
    pub version: String,
    /// Bytes of the database.
    pub bytes: u64,
    /// How many rows each table has.
    pub rows: BTreeMap<String, u64>,
}

impl Header {
    /// Whether its texts are within their bounds and can be shown.
    pub(crate) fn is_sound(&self) -> bool {
        let texts = [&self.store, &self.set, &self.version].into_iter().chain(self.rows.keys());
        texts.into_iter().all(|text| {
            text.len() <= TEXT_CHARACTERS && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        })
    }
}

/// What stands at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    pub(crate) chunks: u64,
    pub(crate) bytes: u64,
}

/// The kinds of frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Header,
    Chunk,
    End,
}

impl Kind {
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Header => b'H',
            Self::Chunk => b'C',
            Self::End => b'E',
        }
    }

    pub(crate) const fn of(byte: u8) -> Option<Self> {
        match byte {
            b'H' => Some(Self::Header),
            b'C' => Some(Self::Chunk),
            b'E' => Some(Self::End),
            _ => None,
        }
    }
}

/// The digest that a frame ends with.
pub(crate) fn chain(before: &Digest, kind: Kind, content: &[u8]) -> Digest {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
    sha256(&[before, &[kind.byte()], &length, content])
}

/// The digest of what a stream begins with.
pub(crate) fn first_digest(format: u32) -> Digest {
    sha256(&[MAGIC, &format.to_be_bytes()])
}
