//! Wrapping: sealing a key under another, so that it can be stored.

use crate::key::{KEY_BYTES, Key};
use crate::{AssociatedData, CryptoError, SealingKey, envelope};
use coffer_base::{Random, Redacted};
use zeroize::Zeroizing;

/// Seals the key `child` under `parent`, whose version is `parent_version`, with the
/// construction of [`crate::envelope`]. `ad` says whose key it is, of which level and version.
///
/// # Errors
/// [`CryptoError::Cipher`] if the cipher library fails.
pub fn wrap(
    parent: &SealingKey,
    parent_version: u32,
    ad: &AssociatedData,
    child: &impl Key,
    random: &dyn Random,
) -> Result<Vec<u8>, CryptoError> {
    envelope::seal(parent, parent_version, ad, child.bytes(), random)
}

/// Opens a key that [`wrap`] sealed. A blob opens as a sealing key or a lookup key alike, so `ad`
/// must name which it is.
///
/// # Errors
/// [`CryptoError::Authentication`] if a single bit of `blob`, the parent or `ad` is another;
/// [`CryptoError::Malformed`], [`CryptoError::UnknownFormat`] or [`CryptoError::TooLong`] if it is
/// no envelope, and [`CryptoError::Malformed`] also if its plaintext has not a key's length.
pub fn unwrap<K: Key>(
    parent: &SealingKey,
    ad: &AssociatedData,
    blob: &[u8],
) -> Result<K, CryptoError> {
    let opened: Redacted<Vec<u8>> = envelope::open(parent, ad, blob)?;
    let bytes = Zeroizing::new(
        <[u8; KEY_BYTES]>::try_from(opened.expose().as_slice())
            .map_err(|_| CryptoError::Malformed)?,
    );
    Ok(K::of(*bytes))
}
