//! The two kinds of keys.

use coffer_base::Random;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of every key.
pub(crate) const KEY_BYTES: usize = 32;

/// A key that can be [wrapped](crate::wrap()) under a [`SealingKey`]: that itself, or a
/// [`LookupKey`]. Only this crate has such keys.
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
