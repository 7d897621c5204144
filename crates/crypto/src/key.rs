//! The two kinds of keys, and how a key is sealed under another.

use crate::{AssociatedData, CryptoError, envelope};
use coffer_base::{Random, Redacted};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of every key.
pub(crate) const KEY_BYTES: usize = 32;

/// A key that can be wrapped under a [`SealingKey`]: that itself, or a [`LookupKey`]. Only this
/// crate has such keys.
pub trait Key: bytes::KeyBytes {}

mod bytes {
    use super::KEY_BYTES;

    /// A key's bytes. The trait has no public name, so only this crate sees them.
    pub trait KeyBytes {
        fn of(bytes: [u8; KEY_BYTES]) -> Self;
        fn bytes(&self) -> &[u8; KEY_BYTES];
    }
}
pub(crate) use bytes::KeyBytes;

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// The bytes stay in one place on the heap, so that moving the key leaves no copy
        /// behind, and are overwritten when it is dropped.
        pub struct $name(Box<Zeroizing<[u8; KEY_BYTES]>>);

        impl $name {
            /// A key of given bytes, which must come from a cryptographic random source.
            pub fn from_bytes(mut bytes: [u8; KEY_BYTES]) -> Self {
                let mut key = Self(Box::new(Zeroizing::new([0; KEY_BYTES])));
                key.0.copy_from_slice(&bytes);
                bytes.zeroize();
                key
            }

            /// A new random key.
            pub fn generate(random: &dyn Random) -> Self {
                let mut key = Self(Box::new(Zeroizing::new([0; KEY_BYTES])));
                random.fill(&mut **key.0);
                key
            }
        }

        impl KeyBytes for $name {
            fn of(bytes: [u8; KEY_BYTES]) -> Self {
                Self::from_bytes(bytes)
            }

            fn bytes(&self) -> &[u8; KEY_BYTES] {
                &self.0
            }
        }

        impl Key for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    };
}

key! {
    /// A key that seals values and other keys with [`crate::envelope`].
    SealingKey
}
key! {
    /// A key for digests that only its holder can compute: see [`LookupKey::digest`].
    LookupKey
}

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
/// As [`envelope::open`]; [`CryptoError::Malformed`] also if the plaintext has not a key's length.
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
