//! Keyed digests, by which rows are looked up and which the audit log keeps instead of values.

use crate::key::KeyBytes;
pub use crate::key::LookupKey;
use aws_lc_rs::{constant_time, hmac};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a digest: half of what HMAC-SHA-256 gives, which RFC 2104 allows as the least. A chance
/// collision within a tenant stays negligible, and the index is half as large.
const DIGEST_BYTES: usize = 16;

/// A value's digest under a [`LookupKey`]. A reader of the store can see whether two values are
/// equal; without the key no guess at a value can be checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; DIGEST_BYTES]);

impl Digest {
    /// The 16 bytes, as a row stores them.
    pub const fn as_bytes(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }

    /// Whether `bytes` are those of this digest. The time that this takes does not depend on where
    /// they differ, so nobody can find a digest by trying.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.0, bytes).is_ok()
    }

    /// A copy of the 16 bytes, for a query's parameter.
    pub fn to_vec(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// 32 hexadecimal digits, as an audit entry shows it.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest([redacted])")
    }
}

impl LookupKey {
    /// The digest of `fields` under this key: see [`Digester::digest`].
    pub fn digest(&self, label: &'static str, fields: &[&[u8]]) -> Digest {
        self.digester().digest(label, fields)
    }

    /// The key prepared for many digests: half of the work of a short one depends on the key
    /// alone.
    pub fn digester(&self) -> Digester {
        Digester(hmac::Key::new(hmac::HMAC_SHA256, self.bytes()))
    }
}

/// A prepared [`LookupKey`]. The cipher library overwrites it when it is dropped.
pub struct Digester(hmac::Key);

impl Digester {
    /// HMAC-SHA-256 of `label` and `fields`, each preceded by its length in eight bytes, cut to
    /// its left half. The label says what the digest is for, so that digests of equal values
    /// for two purposes differ.
    pub fn digest(&self, label: &'static str, fields: &[&[u8]]) -> Digest {
        let mut context = hmac::Context::with_key(&self.0);
        for part in std::iter::once(&label.as_bytes()).chain(fields) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut half = [0u8; DIGEST_BYTES];
        for (to, from) in half.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        Digest(half)
    }

    /// Another secret that follows from this one: all of the HMAC of `label` and `purpose`. The
    /// label is used for nothing else, since a digest shows half of its HMAC.
    pub(crate) fn seed(&self, label: &'static str, purpose: &'static str) -> Zeroizing<[u8; 32]> {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [label, purpose] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut seed = Zeroizing::new([0u8; 32]);
        for (to, from) in seed.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        seed
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digester([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_key_and_field_boundaries_change_the_digest() {
        let key = LookupKey::from_bytes([1; 32]);
        let all = [
            key.digest("name", &[b"ab", b"c"]),
            key.digest("name", &[b"a", b"bc"]),
            key.digest("name", &[b"abc"]),
            key.digest("name", &[b"abc", b""]),
            key.digest("user", &[b"abc"]),
            LookupKey::from_bytes([2; 32]).digest("name", &[b"abc"]),
        ];
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                assert_ne!(one.as_bytes(), other.as_bytes());
            }
        }
        assert_eq!(all[2], key.digest("name", &[b"abc"]));
    }

    #[test]
    fn only_the_same_bytes_match() {
        let digest = LookupKey::from_bytes([1; 32]).digest("row", &[b"a"]);
        assert!(digest.matches(digest.as_bytes()));
        for at in 0..DIGEST_BYTES {
            let mut changed = *digest.as_bytes();
            changed[at] ^= 1;
            assert!(!digest.matches(&changed));
        }
        assert!(!digest.matches(&digest.as_bytes()[1..]) && !digest.matches(&[]));
    }

    #[test]
    fn display_is_hexadecimal_and_debug_shows_nothing() {
        let mut bytes = [0; DIGEST_BYTES];
        (bytes[0], bytes[15]) = (0xab, 0x01);
        assert_eq!(Digest(bytes).to_string(), "ab000000000000000000000000000001");
        assert_eq!(format!("{:?}", Digest(bytes)), "Digest([redacted])");
    }
}
