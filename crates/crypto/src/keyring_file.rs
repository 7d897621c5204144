//! An exported keyring: the master keys of a store, under a root key that something else keeps than
//! the store's own root.
//!
//! ```text
//! coffer-keyring-1 <store id>
//! root <kind> <base64 of what the root needs to give its key again>
//! master <version> <base64 of the key, wrapped>
//! end <number of master keys>
//! ```
//!
//! Every line is of use only with the root's secret. Blanks around lines, empty lines and lines
//! that begin with `#` are nothing.

use crate::limits;
use crate::root::Kind;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coffer_base::limit;
use std::fmt::Write;

/// What the text begins with: the kind of file, and the version of the format.
const FORM: &str = "coffer-keyring-1";

/// An exported keyring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyringFile {
    /// The store whose keys they are.
    pub store_id: String,
    /// What keeps the root key.
    pub kind: Kind,
    /// What it needs to give it again.
    pub kept: Vec<u8>,
    /// The master keys by ascending version, each wrapped under the root key.
    pub masters: Vec<(u32, Vec<u8>)>,
}

/// Why a text is no exported keyring. Nothing of the text is repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyringFileError {
    /// It does not begin as one.
    #[error("this is no exported keyring: its first line is not 'coffer-keyring-1 <store id>'")]
    Form,
    /// A line has not its form.
    #[error("line {0} of the exported keyring is damaged; take another copy of the file")]
    Line(usize),
    /// The end is missing, or there are not as many keys as it says.
    #[error("the exported keyring is cut off; take another copy of the file")]
    CutOff,
    /// It is longer than any.
    #[error("this is no exported keyring: it is too long")]
    TooLong,
}

impl KeyringFile {
    /// The text.
    pub fn write(&self) -> String {
        let mut text = format!("{FORM} {}\n", self.store_id);
        // Writing to a string does not fail.
        let _ = writeln!(text, "root {} {}", self.kind, STANDARD.encode(&self.kept));
        for (version, wrapped) in &self.masters {
            let _ = writeln!(text, "master {version} {}", STANDARD.encode(wrapped));
        }
        let _ = writeln!(text, "end {}", self.masters.len());
        text
    }

    /// Parses a text.
    ///
    /// # Errors
    /// [`KeyringFileError`] with the line that is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, KeyringFileError> {
        if text.len() > limits::KEYRING_FILE_BYTES {
            return Err(KeyringFileError::TooLong);
        }
        let text = std::str::from_utf8(text).map_err(|_| KeyringFileError::Form)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = (1..).zip(text.lines().map(str::trim_ascii));
        let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let head = lines.next().and_then(|(_, line)| line.strip_prefix(FORM)?.strip_prefix(' '));
        let store_id = head.filter(|id| is_id(id)).ok_or(KeyringFileError::Form)?;
        let (at, root) = lines.next().ok_or(KeyringFileError::CutOff)?;
        let (kind, kept) = root_line(root).ok_or(KeyringFileError::Line(at))?;
        let mut file = Self { store_id: store_id.to_owned(), kind, kept, masters: Vec::new() };
        for (at, line) in lines.by_ref() {
            if let Some(count) = line.strip_prefix("end ") {
                let whole = count.parse() == Ok(file.masters.len()) && lines.next().is_none();
                return if whole { Ok(file) } else { Err(KeyringFileError::CutOff) };
            }
            let master = master_line(line).ok_or(KeyringFileError::Line(at))?;
            if file.masters.last().is_some_and(|(last, _)| *last >= master.0) {
                return Err(KeyringFileError::Line(at));
            }
            file.masters.push(master);
        }
        Err(KeyringFileError::CutOff)
    }
}

fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=limit::ID_CHARACTERS).contains(&text.len()) && text.bytes().all(plain)
}

fn root_line(line: &str) -> Option<(Kind, Vec<u8>)> {
    let (kind, kept) = line.strip_prefix("root ")?.split_once(' ')?;
    let kept = STANDARD.decode(kept).ok().filter(|kept| kept.len() <= limits::KEPT_BYTES)?;
    Some((Kind::parse(kind)?, kept))
}

fn master_line(line: &str) -> Option<(u32, Vec<u8>)> {
    let (version, wrapped) = line.strip_prefix("master ")?.split_once(' ')?;
    Some((version.parse().ok().filter(|version| *version > 0)?, STANDARD.decode(wrapped).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> KeyringFile {
        let masters = vec![(1, vec![1; 90]), (3, vec![3; 90])];
        KeyringFile {
            store_id: "store_a".to_owned(),
            kind: Kind::Passphrase,
            kept: vec![7; 40],
            masters,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let text = file().write();
        assert_eq!(KeyringFile::parse(text.as_bytes()), Ok(file()));
        let edited = format!("\u{feff}{}", text.replace('\n', " \r\n\n# a note\n"));
        assert_eq!(KeyringFile::parse(edited.as_bytes()), Ok(file()));
    }

    #[test]
    fn what_is_damaged_is_named_by_its_line() {
        let text = file().write();
        let parse = |text: &str| KeyringFile::parse(text.as_bytes()).unwrap_err();
        assert_eq!(parse(""), KeyringFileError::Form);
        assert_eq!(parse(&text.replace("keyring-1", "keyring-2")), KeyringFileError::Form);
        assert_eq!(parse(&text.replace("passphrase", "prayer")), KeyringFileError::Line(2));
        assert_eq!(parse(&text.replace("master 3", "master 1")), KeyringFileError::Line(4));
        assert_eq!(parse(&text.replace("master 1 A", "master 1 !")), KeyringFileError::Line(3));
        for lines in 1..5 {
            let cut: String = text.lines().take(lines).map(|line| format!("{line}\n")).collect();
            assert_eq!(parse(&cut), KeyringFileError::CutOff, "{cut}");
        }
        let less: String = text.lines().filter(|line| !line.starts_with("master 1")).collect();
        assert!(KeyringFile::parse(less.as_bytes()).is_err());
        assert_eq!(parse(&format!("{text}master 4 AAAA")), KeyringFileError::CutOff);
        let long = "#".repeat(limits::KEYRING_FILE_BYTES + 1);
        assert_eq!(parse(&long), KeyringFileError::TooLong);
    }
}
