//! Checkpoints: what the log's tree was at some time, signed. The format is C2SP's: a signed note
//! (tlog-checkpoint, signed-note) with one Ed25519 signature, so that others' tools read it.
//!
//! ```text
//! coffer/store_4f…
//! 17
//! Yk1b…                       the root, in base 64
//!
//! — coffer/store_4f… Az3er…   the key's id and the signature, in base 64
//! ```

use crate::tree::Tree;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use coffer_crypto::signature::PUBLIC_KEY_BYTES;
use coffer_crypto::{CryptoError, PublicKey, SigningKey, sha256};
use std::fmt;
use std::str::FromStr;

/// The algorithm of a signed note's key that is Ed25519.
const ED25519: u8 = 1;

/// What a signature's line begins with: an em dash and a space.
const SIGNATURE: &str = "\u{2014} ";

/// Bytes of a key's id.
const KEY_ID_BYTES: usize = 4;

/// The name of a store's log, of its checkpoints' first line and of its key.
pub fn origin(store_id: &str) -> String {
    format!("coffer/{store_id}")
}

/// A tree, and which log has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Which log: see [`origin`].
    pub origin: String,
    /// Its tree.
    pub tree: Tree,
}

/// The key that checks a log's signatures, with the name that it signs under: `name+id+key`, as
/// C2SP's signed-note has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierKey {
    /// The name.
    pub name: String,
    key: PublicKey,
}

/// Why a checkpoint or a key is not believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It has not the format.
    #[error("it is not a checkpoint: a name, a size, a root, an empty line and a signature")]
    Malformed,
    /// It is another log's.
    #[error("it is the checkpoint of another log")]
    OtherLog,
    /// None of its signatures is of this key.
    #[error("its signature is not by this log's key, or the text was changed")]
    Signature,
    /// It is no verifier key.
    #[error("it is not a key: NAME+ID+KEY, as `coffer audit key` prints it")]
    Key,
}

impl Checkpoint {
    /// The text that is signed.
    fn text(&self) -> String {
        let Tree { size, root } = &self.tree;
        format!("{}\n{size}\n{}\n", self.origin, BASE64.encode(root))
    }

    /// The signed note.
    ///
    /// # Errors
    /// [`CryptoError::Cipher`] if the cipher library fails.
    pub fn sign(&self, key: &SigningKey) -> Result<String, CryptoError> {
        sign_note(&self.text(), &self.origin, key)
    }

    /// Reads a note without asking who signed it.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`].
    pub fn read(note: &str) -> Result<Self, CheckpointError> {
        Ok(parse(note)?.0)
    }

    /// Reads a note that `key` has signed.
    ///
    /// # Errors
    /// If it is malformed, of another log, or not signed by `key`.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, CheckpointError> {
        let (checkpoint, text, signatures) = parse(note)?;
        if checkpoint.origin != key.name {
            return Err(CheckpointError::OtherLog);
        }
        require_signature(text, signatures, key)?;
        Ok(checkpoint)
    }
}

/// A text with a signature by `key`, which belongs to the log with this name.
fn sign_note(text: &str, name: &str, key: &SigningKey) -> Result<String, CryptoError> {
    let verifier = VerifierKey { name: name.to_owned(), key: key.public_key()? };
    let signature = [&verifier.id()[..], &key.sign(text.as_bytes())?].concat();
    Ok(format!("{text}\n{SIGNATURE}{name} {}\n", BASE64.encode(signature)))
}

/// Refuses a text that none of these lines signs with `key`.
fn require_signature(
    text: &str,
    signatures: &str,
    key: &VerifierKey,
) -> Result<(), CheckpointError> {
    let mut signed = signatures.lines().filter_map(|line| signature_of(line, key));
    let is_signed = signed.any(|signature| key.key.verifies(text.as_bytes(), &signature));
    is_signed.then_some(()).ok_or(CheckpointError::Signature)
}

/// A note's text, and the lines of its signatures.
fn cut(note: &str) -> Option<(&str, &str)> {
    let at = note.find("\n\n")?;
    let (text, rest) = note.split_at_checked(at.saturating_add(1))?;
    Some((text, rest.trim_start_matches('\n')))
}

/// What the second line of a note about pruning begins with: no checkpoint has that, whose second
/// line is a number.
const PRUNED: &str = "pruned ";

/// The signed note that says that entries up to a number may be gone.
///
/// # Errors
/// [`CryptoError::Cipher`] if the cipher library fails.
pub fn sign_pruned(store_id: &str, up_to: u64, key: &SigningKey) -> Result<String, CryptoError> {
    let name = origin(store_id);
    sign_note(&format!("{name}\n{PRUNED}{up_to}\n"), &name, key)
}

/// Up to which number entries may be gone, by a note that `key` has signed.
///
/// # Errors
/// If it is no such note, of another log, or not signed by `key`.
pub fn open_pruned(note: &str, key: &VerifierKey) -> Result<u64, CheckpointError> {
    let malformed = CheckpointError::Malformed;
    let (text, signatures) = cut(note).ok_or(malformed)?;
    let (name, rest) = text.split_once('\n').ok_or(malformed)?;
    let up_to = rest.strip_prefix(PRUNED).and_then(|rest| rest.strip_suffix('\n'));
    let up_to = up_to.and_then(|up_to| up_to.parse().ok()).ok_or(malformed)?;
    if name != key.name {
        return Err(CheckpointError::OtherLog);
    }
    require_signature(text, signatures, key)?;
    Ok(up_to)
}

/// A note's checkpoint, its text, and the lines of its signatures.
fn parse(note: &str) -> Result<(Checkpoint, &str, &str), CheckpointError> {
    let malformed = CheckpointError::Malformed;
    let (text, signatures) = cut(note).ok_or(malformed)?;
    let mut lines = text.lines();
    let (origin, size, root) = (lines.next(), lines.next(), lines.next());
    let (Some(origin), Some(size), Some(root)) = (origin, size, root) else {
        return Err(malformed);
    };
    let is_number =
        size == "0" || (!size.starts_with('0') && size.bytes().all(|b| b.is_ascii_digit()));
    let size = size.parse().ok().filter(|_| is_number).ok_or(malformed)?;
    let root = BASE64.decode(root).ok().and_then(|root| root.try_into().ok()).ok_or(malformed)?;
    let checkpoint = Checkpoint { origin: origin.to_owned(), tree: Tree { size, root } };
    Ok((checkpoint, text, signatures))
}

/// The signature in a line of a note, if it says that it is of `key`.
fn signature_of(line: &str, key: &VerifierKey) -> Option<Vec<u8>> {
    let (name, signature) = line.strip_prefix(SIGNATURE)?.split_once(' ')?;
    let bytes = BASE64.decode(signature).ok()?;
    let (id, signature) = bytes.split_at_checked(KEY_ID_BYTES)?;
    (name == key.name && id == key.id()).then(|| signature.to_vec())
}

impl VerifierKey {
    /// The key that checks what `key` signs for the log of a store.
    ///
    /// # Errors
    /// [`CryptoError::Cipher`] if the cipher library fails.
    pub fn of(store_id: &str, key: &SigningKey) -> Result<Self, CryptoError> {
        Ok(Self { name: origin(store_id), key: key.public_key()? })
    }

    /// The first bytes of a hash of the name and the key.
    fn id(&self) -> [u8; KEY_ID_BYTES] {
        let hash = sha256(&[self.name.as_bytes(), b"\n", &[ED25519], self.key.as_bytes()]);
        hash.first_chunk().copied().unwrap_or_default()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64.encode([&[ED25519], &self.key.as_bytes()[..]].concat());
        write!(f, "{}+{:08x}+{key}", self.name, u32::from_be_bytes(self.id()))
    }
}

impl FromStr for VerifierKey {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let mut parts = text.splitn(3, '+');
        let (name, id, key) = (parts.next(), parts.next(), parts.next());
        let (Some(name), Some(id), Some(key)) = (name, id, key) else {
            return Err(CheckpointError::Key);
        };
        let bytes = BASE64.decode(key).map_err(|_| CheckpointError::Key)?;
        let bytes: Option<[u8; PUBLIC_KEY_BYTES]> =
            bytes.strip_prefix(&[ED25519]).and_then(|key| key.try_into().ok());
        let key = PublicKey::from_bytes(bytes.ok_or(CheckpointError::Key)?);
        let key = Self { name: name.to_owned(), key };
        let is_own = format!("{:08x}", u32::from_be_bytes(key.id())) == id;
        is_own.then_some(key).ok_or(CheckpointError::Key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_crypto::LookupKey;

    fn key(byte: u8) -> SigningKey {
        LookupKey::from_bytes([byte; 32]).digester().signing_key("audit").unwrap()
    }

    fn signed() -> (String, VerifierKey, Checkpoint) {
        let tree = Tree { size: 17, root: [7; 32] };
        let checkpoint = Checkpoint { origin: origin("store_a"), tree };
        let verifier = VerifierKey::of("store_a", &key(1)).unwrap();
        (checkpoint.sign(&key(1)).unwrap(), verifier, checkpoint)
    }

    #[test]
    fn a_checkpoint_opens_with_its_key_alone() {
        let (note, verifier, checkpoint) = signed();
        assert_eq!(Checkpoint::open(&note, &verifier), Ok(checkpoint));
        let of_other_key = VerifierKey::of("store_a", &key(2)).unwrap();
        assert_eq!(Checkpoint::open(&note, &of_other_key), Err(CheckpointError::Signature));
        let of_other_log = VerifierKey::of("store_b", &key(1)).unwrap();
        assert_eq!(Checkpoint::open(&note, &of_other_log), Err(CheckpointError::OtherLog));
    }

    #[test]
    fn every_changed_letter_of_a_checkpoint_is_noticed() {
        let (note, verifier, checkpoint) = signed();
        for at in 0..note.trim_end().chars().count() {
            let changed: String = note
                .chars()
                .enumerate()
                .map(|(i, c)| if i == at { if c == 'A' { 'B' } else { 'A' } } else { c })
                .collect();
            let opened = Checkpoint::open(&changed, &verifier);
            assert!(opened.is_err(), "{changed} gave {opened:?}, as {checkpoint:?}");
        }
    }

    #[test]
    fn a_note_about_pruning_is_no_checkpoint_and_the_other_way_round() {
        let (checkpoint, verifier, _) = signed();
        let note = sign_pruned("store_a", 17, &key(1)).unwrap();
        assert_eq!(open_pruned(&note, &verifier), Ok(17));
        assert_eq!(Checkpoint::open(&note, &verifier), Err(CheckpointError::Malformed));
        assert_eq!(open_pruned(&checkpoint, &verifier), Err(CheckpointError::Malformed));
        let more = note.replace("pruned 17", "pruned 18");
        assert_eq!(open_pruned(&more, &verifier), Err(CheckpointError::Signature));
        let of_other_log = VerifierKey::of("store_b", &key(1)).unwrap();
        assert_eq!(open_pruned(&note, &of_other_log), Err(CheckpointError::OtherLog));
        for wrong in ["", "\n\n", "a\npruned 1\n\n", "coffer/store_a\npruned x\n\n"] {
            assert!(open_pruned(wrong, &verifier).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        for note in ["", "\n\n", "a\n\n", "a\n1\n\n", "a\n1\nAA==\n\n", "a\n01\nAA==\n\n"] {
            assert_eq!(Checkpoint::read(note), Err(CheckpointError::Malformed), "{note:?}");
        }
    }

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let verifier = VerifierKey::of("store_a", &key(1)).unwrap();
        assert_eq!(verifier.to_string().parse(), Ok(verifier.clone()));
        for text in ["", "a+b", "a+00000000+AQ==", &verifier.to_string()[1..]] {
            assert_eq!(text.parse::<VerifierKey>(), Err(CheckpointError::Key), "{text}");
        }
    }

    /// The example of Go's `golang.org/x/mod/sumdb/note`.
    #[test]
    fn a_published_note_is_verified() {
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let key: VerifierKey = text.parse().unwrap();
        assert_eq!(key.to_string(), text);
        let note = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
        let line = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFY\
                    C2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        let signature = signature_of(line, &key).unwrap();
        assert!(key.key.verifies(note.as_bytes(), &signature));
    }
}
