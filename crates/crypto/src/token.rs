//! Tokens, by which callers authenticate. Only their hashes are stored.

use aws_lc_rs::{constant_time, digest};
use coffer_base::{Random, Redacted, id, limit};
use std::{fmt, hash};

/// Bytes of SHA-256.
const HASH_BYTES: usize = 32;

/// A new token: `prefix`, which ends with its underscore, 32 random letters and digits, and 6 that
/// are their checksum. With 190 bits it cannot be guessed, so one round of SHA-256 is enough to
/// store it.
pub fn new_token(prefix: &str, random: &dyn Random) -> Redacted<String> {
    let letters = Redacted::new(id::random_base62(random, limit::TOKEN_CHARACTERS));
    let length = prefix.len() + letters.expose().len() + limit::TOKEN_CHECKSUM_CHARACTERS;
    let mut token = String::with_capacity(length);
    token.push_str(prefix);
    token.push_str(letters.expose());
    let checksum = checksum(&token);
    token.extend(checksum.map(char::from));
    Redacted::new(token)
}

/// What the letters of a token say of where it comes from, before anybody looks for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenForm {
    /// Its checksum is right, so [`new_token`] made it.
    Checked,
    /// As many letters as tokens had before they had a checksum.
    Unchecked,
    /// No token: mistyped, cut, or made up.
    Foreign,
}

/// The form of a token, of which `prefix` is what precedes its random letters.
pub fn token_form(token: &str, prefix: &str) -> TokenForm {
    let letters = token.strip_prefix(prefix).unwrap_or_default().as_bytes();
    if !letters.iter().all(u8::is_ascii_alphanumeric) {
        return TokenForm::Foreign;
    }
    match letters.len().checked_sub(limit::TOKEN_CHARACTERS) {
        Some(0) => TokenForm::Unchecked,
        Some(limit::TOKEN_CHECKSUM_CHARACTERS) => {
            let end = token.len().saturating_sub(limit::TOKEN_CHECKSUM_CHARACTERS);
            let (text, end) = token.split_at_checked(end).unwrap_or_default();
            let is_right = checksum(text).as_slice() == end.as_bytes();
            if is_right { TokenForm::Checked } else { TokenForm::Foreign }
        }
        _ => TokenForm::Foreign,
    }
}

/// The CRC-32 (that of zip and Ethernet) of `text`, which is all of a token that precedes it, in
/// base 62 with leading zeros. It guards against accidents and not against people: whoever wants
/// one can compute it.
fn checksum(text: &str) -> [u8; limit::TOKEN_CHECKSUM_CHARACTERS] {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; limit::TOKEN_CHECKSUM_CHARACTERS];
    for digit in digits.iter_mut().rev() {
        *digit = id::base62_digit(rest);
        rest /= 62;
    }
    digits
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

    /// A hash from the bytes in a row; `None` if they are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
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
        assert_eq!(letters.len(), 38);
        assert!(letters.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn a_token_with_any_letter_changed_is_foreign() {
        let prefix = "sk_test_coffer_";
        let token = new_token(prefix, &TestRandom::seeded(5));
        let token = token.expose().as_str();
        assert_eq!(token_form(token, prefix), TokenForm::Checked);
        for at in 0..token.len() {
            let mut bytes = token.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(token_form(&changed, prefix), TokenForm::Foreign, "{changed}");
            let cut = format!("{}{}", &token[..at], &token[at + 1..]);
            assert_eq!(token_form(&cut, prefix), TokenForm::Foreign, "{cut}");
        }
        // The checksum covers the prefix: a live key is not made of a test key.
        let live = token.replace("test", "live");
        assert_eq!(token_form(&live, "sk_live_coffer_"), TokenForm::Foreign);
        assert_eq!(token_form(&token[..token.len() - 6], prefix), TokenForm::Unchecked);
        for other in ["", prefix, "sk_test_x", "é", "sk_test_coffer_éééééééééééééééé"]
        {
            assert_eq!(token_form(other, prefix), TokenForm::Foreign, "{other}");
        }
    }

    /// Computed with zlib, so that scanners can check what they find.
    #[test]
    fn the_checksum_is_what_others_compute() {
        for (text, checksum_of_it) in CHECKSUMS {
            assert_eq!(checksum(text).as_slice(), checksum_of_it.as_bytes(), "{text}");
        }
    }

    const CHECKSUMS: [(&str, &str); 3] = [
        ("", "000000"),
        ("sk_test_coffer_0123456789ABCDEFGHIJKLMNOPQRSTUV", "4Ypa9Y"),
        ("ak_coffer_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "1oQeMa"),
    ];

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
