//! Ed25519 signatures, by which others can check what this server says of itself.

use crate::CryptoError;
use crate::fingerprint::Digester;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use std::fmt;

/// Bytes of a public key.
pub const PUBLIC_KEY_BYTES: usize = 32;

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// A key that signs. It is derived and never stored: see [`Digester::signing_key`].
pub struct SigningKey(Ed25519KeyPair);

/// The other half of a [`SigningKey`], which anybody may know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKey([u8; PUBLIC_KEY_BYTES]);

impl Digester {
    /// The signing key for `purpose` that follows from this key: always the same, so that it needs
    /// no place of its own, and lasts as long as the key does. Nobody can compute it who has not
    /// this key, and no digest shows anything of it.
    ///
    /// # Errors
    /// [`CryptoError::Cipher`] if the cipher library fails.
    pub fn signing_key(&self, purpose: &'static str) -> Result<SigningKey, CryptoError> {
        let seed = self.seed("ed25519-seed", purpose);
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed);
        pair.map(SigningKey).map_err(|_| CryptoError::Cipher)
    }
}

impl SigningKey {
    /// Signs `message`.
    ///
    /// # Errors
    /// [`CryptoError::Cipher`] if the cipher library fails.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], CryptoError> {
        let signature = self.0.try_sign(message).map_err(|_| CryptoError::Cipher)?;
        signature.as_ref().try_into().map_err(|_| CryptoError::Cipher)
    }

    /// The key by which signatures are checked.
    ///
    /// # Errors
    /// [`CryptoError::Cipher`] if the cipher library fails.
    pub fn public_key(&self) -> Result<PublicKey, CryptoError> {
        let bytes = self.0.public_key().as_ref();
        bytes.try_into().map(PublicKey).map_err(|_| CryptoError::Cipher)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}

impl PublicKey {
    /// The key with these bytes.
    pub const fn from_bytes(bytes: [u8; PUBLIC_KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.0
    }

    /// Whether `signature` is of `message`, by this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LookupKey;

    #[test]
    fn a_signature_is_of_one_message_by_one_key_for_one_purpose() {
        let key = |byte, purpose| {
            LookupKey::from_bytes([byte; 32]).digester().signing_key(purpose).unwrap()
        };
        let signature = key(1, "a").sign(b"message").unwrap();
        let public = key(1, "a").public_key().unwrap();
        assert!(public.verifies(b"message", &signature));
        assert!(!public.verifies(b"massage", &signature));
        assert!(!public.verifies(b"message", &signature[1..]));
        for other in [key(2, "a"), key(1, "b")] {
            assert!(!other.public_key().unwrap().verifies(b"message", &signature));
        }
        assert_eq!(format!("{:?}", key(1, "a")), "SigningKey([redacted])");
    }

    /// RFC 8032, section 7.1, test 2.
    #[test]
    fn a_published_signature_is_verified() {
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
                .collect()
        };
        let key = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let signature = bytes(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f36\
             13d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        );
        let key = PublicKey::from_bytes(key.try_into().unwrap());
        assert!(key.verifies(&[0x72], &signature));
        assert!(!key.verifies(&[0x73], &signature));
    }
}
