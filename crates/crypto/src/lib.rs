//! Envelopes, key wrapping, fingerprints, tokens, and the root of trust.
//!
//! Everything that encrypts, hashes a credential or draws random bytes is here, on top of
//! aws-lc-rs. This crate knows keys as bytes and owners as opaque fields: it must not touch a
//! database or the clock, and reads no environment variable. Only [`root`] opens files, loads a
//! module, or speaks to another server, where that keeps the root key.
//!
//! No error and no `Debug` output of this crate shows a key, a plaintext or a token.

pub mod associated_data;
pub mod envelope;
pub mod fingerprint;
pub mod foreign_key;
pub mod hash;
pub mod key;
pub mod keyring_file;
pub mod limits;
pub mod mac;
pub mod random;
pub mod root;
pub mod signature;
pub mod token;

mod error;
mod wrap;

pub use associated_data::AssociatedData;
pub use error::CryptoError;
pub use fingerprint::{Digest, Digester, LookupKey};
pub use foreign_key::ForeignKey;
pub use hash::{Hash, Sha256, sha256};
pub use key::SealingKey;
pub use mac::hmac_sha256_hex;
pub use random::{KernelRandom, Seeding, SystemRandom};
pub use root::{RootError, RootKey};
pub use signature::{PublicKey, SigningKey};
pub use token::{TokenForm, TokenHash, new_token, token_form};
pub use wrap::{unwrap, wrap};
