//! An export of the log that can be verified without the store: a line of JSON for each entry, and
//! before them one that says which checkpoint they are up to.
//!
//! ```text
//! {"object":"audit_export","from":1,"before":[],"checkpoint":"coffer/store_…\n17\n…"}
//! {"id":1,"format":1,"at":1790000000,"server":"…","actor_kind":"admin",…}
//! ```
//!
//! A line has the columns of [`crate::canonical::COLUMNS`] that are not null; bytes are written in
//! hexadecimal. `before` are the hashes, in base 64, of the perfect subtrees that the entries
//! before
//! `from` are, from the left: so an export need not begin at the first entry.

use crate::canonical::{self, COLUMNS};
use crate::checkpoint::{Checkpoint, CheckpointError, VerifierKey};
use crate::error::LogError;
use crate::limits;
use crate::store::log;
use crate::store::read::entries_between;
use crate::stored::StoredEntry;
use crate::tile::tiles_for;
use crate::tree::{Node, Tree, empty_root, fold, leaf_hash, node_hash, perfect_subtrees};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use coffer_crypto::Hash;
use coffer_storage::{Store, Value};
use serde_json::{Map, Number, Value as Json};

/// Columns that hold bytes.
const BYTES: [&str; 2] = ["name_fingerprint", "fingerprint"];

/// Columns that hold numbers: their bytes are also those of some text of eight letters, which must
/// not stand for them.
const NUMBERS: [&str; 5] = ["format", "at", "mode", "status", "amount"];

/// What the first line is.
const OBJECT: &str = "audit_export";

/// An entry as an export has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportLine(pub Map<String, Json>);

impl From<&StoredEntry> for ExportLine {
    fn from(entry: &StoredEntry) -> Self {
        let mut line = Map::new();
        line.insert("id".to_owned(), Json::from(entry.id));
        for (name, value) in entry.columns() {
            let value = match value {
                Value::Null => continue,
                Value::Int(number) => Json::from(*number),
                Value::Text(text) => Json::from(text.as_str()),
                Value::Blob(bytes) => {
                    Json::from(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
                }
            };
            line.insert(name.to_owned(), value);
        }
        Self(line)
    }
}

impl ExportLine {
    /// Reads a line.
    ///
    /// # Errors
    /// [`ExportError::Malformed`] if it is none.
    fn parse(text: &str) -> Result<Self, ExportError> {
        match serde_json::from_str(text) {
            Ok(Json::Object(line)) => Ok(Self(line)),
            _ => Err(ExportError::Malformed),
        }
    }

    /// The entry's number.
    fn id(&self) -> Result<u64, ExportError> {
        self.0.get("id").and_then(Json::as_u64).ok_or(ExportError::Malformed)
    }

    /// The entry's hash.
    fn hash(&self) -> Result<Hash, ExportError> {
        let is_known = |name: &String| name == "id" || COLUMNS.contains(&name.as_str());
        if !self.0.keys().all(is_known) {
            return Err(ExportError::Malformed);
        }
        let value = |name: &str| match self.0.get(name) {
            None => Ok(Value::Null),
            Some(Json::Number(number)) if NUMBERS.contains(&name) => {
                number.as_i64().map(Value::Int).ok_or(ExportError::Malformed)
            }
            Some(Json::String(text)) if BYTES.contains(&name) => {
                bytes(text).map(Value::Blob).ok_or(ExportError::Malformed)
            }
            Some(Json::String(text)) if !NUMBERS.contains(&name) => Ok(Value::Text(text.clone())),
            Some(_) => Err(ExportError::Malformed),
        };
        let values = COLUMNS.iter().map(|name| value(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(leaf_hash(&canonical::encode(&values)))
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let two = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok();
    let is_hex = hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    hex.as_bytes().chunks(2).map(|pair| two(pair).filter(|_| is_hex && pair.len() == 2)).collect()
}

/// An export that is being read.
pub struct Export {
    store: Store,
    /// The number of the next entry.
    next: u64,
    size: u64,
    header: Json,
}

impl Export {
    /// Begins an export of all entries with numbers above `after`, up to the log's head.
    ///
    /// # Errors
    /// [`LogError::Broken`] if the log is empty, has no more than `after` entries, or a tile is
    /// missing.
    pub async fn begin(store: &Store, after: u64) -> Result<Self, LogError> {
        let head = log::head(store).await?;
        let head = head.ok_or_else(|| LogError::Broken("the log is empty".to_owned()))?;
        let after = after.max(head.pruned);
        if after > head.size {
            let size = head.size;
            return Err(LogError::Broken(format!("the log has {size} entries, and none beyond")));
        }
        let before = 0..after;
        let tiles = log::tiles(store, &tiles_for(std::slice::from_ref(&before))).await?;
        let nodes = perfect_subtrees(&before).into_iter();
        let hashes: Option<Vec<String>> =
            nodes.map(|node| tiles.node(node).map(|hash| BASE64.encode(hash))).collect();
        let hashes = hashes.ok_or_else(|| LogError::Broken("a tile is missing".to_owned()))?;
        let from = after.saturating_add(1);
        let mut header = Map::new();
        header.insert("object".to_owned(), Json::from(OBJECT));
        header.insert("from".to_owned(), Json::from(from));
        header.insert("before".to_owned(), Json::from(hashes));
        header.insert("checkpoint".to_owned(), Json::from(head.note));
        Ok(Self { store: store.clone(), next: from, size: head.size, header: header.into() })
    }

    /// The first line.
    pub const fn header(&self) -> &Json {
        &self.header
    }

    /// How many entries are still to come.
    pub const fn left(&self) -> u64 {
        self.size.saturating_add(1).saturating_sub(self.next)
    }

    /// The next entries; none at the end.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn next(&mut self) -> Result<Vec<StoredEntry>, LogError> {
        let most = limits::ENTRIES_AT_ONCE;
        let entries = entries_between(&self.store, self.next, self.size, most).await?;
        let last = entries.last().and_then(|entry| u64::try_from(entry.id).ok());
        self.next = last.unwrap_or(self.size).saturating_add(1);
        Ok(entries)
    }
}

/// Why an export is not believed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ExportError {
    /// A line is none.
    #[error("it is no line of an export: `coffer audit export --format jsonl` makes one")]
    Malformed,
    /// A line is longer than any.
    #[error("the line is longer than {most} bytes", most = limits::EXPORT_LINE_BYTES)]
    TooLong,
    /// The checkpoint is not believed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// An entry is missing, or stands elsewhere.
    #[error("the entry {found} stands where {expected} must: entries are missing or reordered")]
    Order {
        /// Which must stand there.
        expected: u64,
        /// Which does.
        found: u64,
    },
    /// There are fewer entries than the checkpoint says, or more.
    #[error("it ends with the entry {last}, and the checkpoint has {size}: it was cut or added to")]
    End {
        /// The last entry.
        last: u64,
        /// How many there must be.
        size: u64,
    },
    /// An entry was altered.
    #[error("the entries do not give the root that was signed: at least one was altered")]
    Root,
}

/// Verifies an export line by line.
pub struct OfflineVerifier {
    key: VerifierKey,
    checkpoint: Option<Tree>,
    /// The perfect subtrees that the entries so far are, from the left.
    stack: Vec<(u32, Hash)>,
    /// How many entries there are so far, those before the export included.
    size: u64,
}

impl OfflineVerifier {
    /// A verifier of an export whose checkpoint `key` has signed.
    pub const fn new(key: VerifierKey) -> Self {
        Self { key, checkpoint: None, stack: Vec::new(), size: 0 }
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn line(&mut self, text: &str) -> Result<(), ExportError> {
        if text.len() > limits::EXPORT_LINE_BYTES {
            return Err(ExportError::TooLong);
        }
        let line = ExportLine::parse(text)?;
        if self.checkpoint.is_none() {
            return self.header(&line.0);
        }
        let (expected, found) = (self.size.saturating_add(1), line.id()?);
        if found != expected {
            return Err(ExportError::Order { expected, found });
        }
        self.push(line.hash()?);
        Ok(())
    }

    fn header(&mut self, header: &Map<String, Json>) -> Result<(), ExportError> {
        let malformed = ExportError::Malformed;
        let text = |name: &str| header.get(name).and_then(Json::as_str);
        if text("object") != Some(OBJECT) {
            return Err(malformed);
        }
        let note = text("checkpoint").ok_or(malformed.clone())?;
        self.checkpoint = Some(Checkpoint::open(note, &self.key)?.tree);
        let from = header.get("from").and_then(Json::as_number).and_then(Number::as_u64);
        self.size = from.and_then(|from| from.checked_sub(1)).ok_or(malformed.clone())?;
        let hashes = header.get("before").and_then(Json::as_array).ok_or(malformed.clone())?;
        let hash = |json: &Json| BASE64.decode(json.as_str()?).ok()?.try_into().ok();
        let hashes: Option<Vec<Hash>> = hashes.iter().map(hash).collect();
        let nodes = perfect_subtrees(&(0..self.size));
        let hashes = hashes.filter(|hashes| hashes.len() == nodes.len()).ok_or(malformed)?;
        self.stack = nodes.iter().map(|Node { level, .. }| *level).zip(hashes).collect();
        Ok(())
    }

    fn push(&mut self, leaf: Hash) {
        let mut subtree = (0, leaf);
        while let Some((level, left)) = self.stack.pop_if(|(level, _)| *level == subtree.0) {
            subtree = (level.saturating_add(1), node_hash(&left, &subtree.1));
        }
        self.stack.push(subtree);
        self.size = self.size.saturating_add(1);
    }

    /// Ends; returns the tree that the entries are.
    ///
    /// # Errors
    /// If the entries are not those that were signed.
    pub fn finish(self) -> Result<Tree, ExportError> {
        let signed = self.checkpoint.ok_or(ExportError::Malformed)?;
        if self.size != signed.size {
            return Err(ExportError::End { last: self.size, size: signed.size });
        }
        let hashes: Vec<Hash> = self.stack.into_iter().map(|(_, hash)| hash).collect();
        let root = fold(&hashes).unwrap_or_else(empty_root);
        if root == signed.root { Ok(signed) } else { Err(ExportError::Root) }
    }
}
