//! Tokens, by which callers authenticate. Only their hashes are stored.

use aws_lc_rs::{constant_time, digest};
use coffer_base::{Random, Redacted, id, limit};
use std::{fmt, hash};

/// Bytes of SHA-256.
const HASH_BYTES: usize = 32;

/// A new token: `prefix`, which ends with its underscore, and 32 random letters and digits.
/// With 190 bits it cannot be guessed, so one round of SHA-256 is enough to store it.
pub fn new_token(prefix: &str, random: &dyn Random) -> Redacted<String> {
    let letters = Redacted::new(id::random_base62(random, limit::TOKEN_CHARACTERS));
    let mut token = String::with_capacity(prefix.len() + letters.expose().len());
    token.push_str(prefix);
    token.push_str(letters.expose());
    Redacted::new(token)
}

/// SHA-256 of a token, the key by which rows and caches find it. Two are compared in constant time.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; HASH_BYTES]);

impl TokenHash {
    /// The hash of `token`.
    pub fn of(token: &str) -> Self {
        let mut hash = [0u8; HASH_BYTES];
        let whole = digest::digest(&digest::SHA256, token.as_bytes());
        for (to, from) in hash.iter_mut().zip(whole.as_ref()) {
            *to = *from;
        }
        Self(hash)
    }

    /// The 32 bytes, as a row stores them.
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for TokenHash {}

impl hash::Hash for TokenHash {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_base::TestRandom;

    #[test]
    fn tokens_have_the_prefix_and_differ() {
        let random = TestRandom::seeded(3);
        let (one, two) = (new_token("sk_test_x_", &random), new_token("sk_test_x_", &random));
        assert_ne!(one.expose(), two.expose());
        let letters = one.expose().strip_prefix("sk_test_x_").unwrap();
        assert_eq!(letters.len(), 32);
        assert!(letters.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn hashes_are_equal_only_if_every_byte_is() {
        let hash = TokenHash::of("sk_test_a");
        assert_eq!(hash, TokenHash::of("sk_test_a"));
        for at in 0..HASH_BYTES {
            let mut bytes = *hash.as_bytes();
            bytes[at] ^= 1;
            assert_ne!(hash, TokenHash(bytes));
        }
        assert_eq!(format!("{hash:?}"), "TokenHash([redacted])");
    }
}
