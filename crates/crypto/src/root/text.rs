//! The text form of a root key.

use super::{RootError, RootKey};
use crate::SealingKey;
use crate::key::{KEY_BYTES, KeyBytes};
use crate::limits;
use coffer_base::limit;
use coffer_secretfile as secretfile;
use zeroize::Zeroizing;

/// What the line begins with: the kind of key, and the version of the format.
const KIND: &str = "coffer-root-1";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// The line for `key`, its newline included.
///
/// # Errors
/// [`RootError::StoreId`] if [`parse`] would refuse its store's id.
pub(super) fn write(key: &RootKey) -> Result<Zeroizing<String>, RootError> {
    check_store_id(&key.store_id)?;
    // Enough capacity that no reallocation leaves a copy behind.
    let mut line = Zeroizing::new(String::with_capacity(limits::ROOT_KEY_BYTES));
    line.push_str(KIND);
    line.push(' ');
    line.push_str(&key.store_id);
    line.push(' ');
    for byte in key.key.bytes() {
        for half in [byte >> 4, byte & 15] {
            line.extend(HEX.get(usize::from(half)).copied().map(char::from));
        }
    }
    line.push('\n');
    Ok(line)
}

/// The key that `text` is the line of; `None` if it is none. A byte order mark before the line,
/// and blanks and line ends around it, are what editors and mail leave, and not the key's.
pub(super) fn parse(text: &[u8]) -> Option<RootKey> {
    let text = secretfile::trimmed(std::str::from_utf8(text).ok()?);
    let rest = text.strip_prefix(KIND)?.strip_prefix(' ')?;
    let (store_id, digits) = rest.split_once(' ')?;
    check_store_id(store_id).ok()?;
    if digits.len() != 2 * KEY_BYTES {
        return None;
    }
    let mut bytes = Zeroizing::new([0u8; KEY_BYTES]);
    for (to, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        for digit in pair {
            let half = char::from(*digit).to_digit(16).and_then(|half| u8::try_from(half).ok())?;
            *to = *to << 4 | half;
        }
    }
    let key = SealingKey::from_bytes(*bytes);
    Some(RootKey { store_id: store_id.to_owned(), key })
}

/// Checks that a file may be named after `store_id` and that the line can hold it.
pub(super) fn check_store_id(store_id: &str) -> Result<(), RootError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if (1..=limit::ID_CHARACTERS).contains(&store_id.len()) && store_id.bytes().all(plain) {
        Ok(())
    } else {
        Err(RootError::StoreId)
    }
}
