//! The head file: a few lines of text, replaced as a whole.

use crate::assemble::AssembleError;
use crate::limits::HEAD_FILE_BYTES;
use crate::part_file;
use coffer_base::Timestamp;
use coffer_crypto::sha256;
use coffer_keyring::Head;
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The first line: what this is, and of which format.
const TITLE: &str = "coffer head 1";

/// How far both stores had come at some time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heads {
    /// The store's id.
    pub store: String,
    /// The data.
    pub data: Head,
    /// The keys.
    pub keys: Head,
    /// When that was written.
    pub at: Timestamp,
}

impl fmt::Display for Heads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = |head: &Head| hexadecimal(head.mark.get(..4).unwrap_or_default());
        write!(
            f,
            "data {} ({}), keys {} ({})",
            self.data.sequence,
            mark(&self.data),
            self.keys.sequence,
            mark(&self.keys)
        )
    }
}

impl Heads {
    /// Whether either store is older than in `kept`, or has another history.
    pub fn is_behind(&self, kept: &Self) -> bool {
        is_behind(&self.data, &kept.data) || is_behind(&self.keys, &kept.keys)
    }

    /// Whether a server has ever kept a file for these stores: without one, none counts.
    pub const fn was_ever_kept(&self) -> bool {
        self.data.sequence > 0 || self.keys.sequence > 0
    }

    /// What the file at `path` says; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read, or is not what was written.
    pub fn read(path: &Path) -> Result<Option<Self>, AssembleError> {
        let failed = |source| AssembleError::File { path: path.to_owned(), source };
        let mut text = String::new();
        match File::open(path) {
            Ok(file) => file.take(HEAD_FILE_BYTES).read_to_string(&mut text).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        match Self::parse(&text) {
            Some(heads) => Ok(Some(heads)),
            None => Err(AssembleError::Refused(format!(
                "the head file {} is damaged, so nobody can say whether the stores were put back; \
                 if you know that they were not, remove it, and the server makes another",
                path.display()
            ))),
        }
    }

    /// Replaces the file at `path`, durably: whoever reads it finds either the one before or this.
    ///
    /// # Errors
    /// If it cannot be written, or if something else than a file is where it is written first.
    pub fn write(&self, path: &Path) -> Result<(), AssembleError> {
        let failed = |source| AssembleError::File { path: path.to_owned(), source };
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let write = || -> io::Result<()> {
            let mut file = part_file::open(&part)?;
            file.set_len(0)?;
            file.write_all(self.text().as_bytes())?;
            file.sync_all()?;
            fs::rename(&part, path)?;
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
        };
        write().map_err(failed)
    }

    fn text(&self) -> String {
        let head = |head: &Head| format!("{} {}", head.sequence, hexadecimal(&head.mark));
        let body = format!(
            "{TITLE}\nstore {}\ndata {}\nkeys {}\nat {}\n",
            self.store,
            head(&self.data),
            head(&self.keys),
            self.at.unix()
        );
        format!("{body}sum {}\n", hexadecimal(&sha256(&[body.as_bytes()])))
    }

    fn parse(text: &str) -> Option<Self> {
        let (_, sum) = text.trim_end().rsplit_once("\nsum ")?;
        let body = text.get(..text.rfind("sum ")?)?;
        if hexadecimal(&sha256(&[body.as_bytes()])) != sum {
            return None;
        }
        let mut lines = body.lines();
        if lines.next() != Some(TITLE) {
            return None;
        }
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let store = value("store")?.to_owned();
        let data = parse_head(value("data")?)?;
        let keys = parse_head(value("keys")?)?;
        let at = Timestamp::from_unix(value("at")?.parse().ok()?);
        Some(Self { store, data, keys, at })
    }
}

/// Whether a store at `found` is older than `kept`, or has another history: two heads of one number
/// have the same mark only if they are one.
pub(super) fn is_behind(found: &Head, kept: &Head) -> bool {
    found.sequence < kept.sequence || (found.sequence == kept.sequence && found.mark != kept.mark)
}

fn parse_head(text: &str) -> Option<Head> {
    let (sequence, mark) = text.split_once(' ')?;
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let mark = mark.as_bytes().chunks(2).map(byte).collect::<Option<_>>()?;
    Some(Head { sequence: sequence.parse().ok()?, mark })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads() -> Heads {
        Heads {
            store: "store_a".to_owned(),
            data: Head { sequence: 41, mark: vec![0xab; 16] },
            keys: Head::default(),
            at: Timestamp::from_unix(1_800_000_000),
        }
    }

    #[test]
    fn what_was_written_is_read_and_what_was_changed_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("head");
        assert_eq!(Heads::read(&path).unwrap(), None);
        heads().write(&path).unwrap();
        assert_eq!(Heads::read(&path).unwrap(), Some(heads()));
        let text = fs::read(&path).unwrap();
        for at in 0..text.len() - 1 {
            let mut changed = text.clone();
            changed[at] ^= 1;
            fs::write(&path, changed).unwrap();
            assert!(Heads::read(&path).is_err(), "byte {at}");
        }
        for length in 0..text.len() - 1 {
            fs::write(&path, &text[..length]).unwrap();
            assert!(Heads::read(&path).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn what_a_link_leads_to_is_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let (path, precious) = (directory.path().join("head"), directory.path().join("precious"));
        let part = directory.path().join("head.part");
        fs::write(&precious, "kept").unwrap();
        std::os::unix::fs::symlink(&precious, &part).unwrap();
        let refused = heads().write(&path).unwrap_err().to_string();
        assert!(refused.contains("a link is in the way"), "{refused}");
        assert_eq!((fs::read_to_string(&precious).unwrap(), path.exists()), ("kept".into(), false));
        // What a killed server left there is written over.
        fs::remove_file(&part).unwrap();
        fs::write(&part, "x".repeat(4000)).unwrap();
        heads().write(&path).unwrap();
        assert_eq!(Heads::read(&path).unwrap(), Some(heads()));
    }

    #[test]
    fn what_is_older_or_of_another_history_is_behind() {
        let head = |sequence, mark: u8| Head { sequence, mark: vec![mark; 16] };
        assert!(!is_behind(&head(2, 1), &head(2, 1)));
        assert!(!is_behind(&head(3, 7), &head(2, 1)));
        assert!(is_behind(&head(1, 1), &head(2, 1)));
        assert!(is_behind(&head(2, 2), &head(2, 1)));
        assert!(is_behind(&Head::default(), &head(1, 1)));
        assert!(!is_behind(&Head::default(), &Head::default()));
    }

    #[test]
    fn people_see_numbers_and_the_begin_of_marks() {
        assert_eq!(heads().to_string(), "data 41 (abababab), keys 0 ()");
    }
}
