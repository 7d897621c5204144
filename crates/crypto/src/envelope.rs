//! Sealing: authenticated encryption of values and of keys, in one format.
//!
//! ```text
//! format 0x01 | key version, 4 bytes, big endian | salt 32 | nonce 12 | ciphertext | tag 16
//! record key = HKDF-SHA256(sealing key, salt, info = the label of the associated data)
//! ciphertext = AES-256-GCM(record key, nonce, plaintext), authenticated with
//!              format | key version | the associated data
//! ```
//!
//! Every value gets a key of its own from a fresh salt, so a repeated nonce does no harm unless
//! the salt repeats with it, and no sealing key comes near the number of values after which
//! random nonces of AES-GCM become unsafe.

use crate::key::KeyBytes;
use crate::limits;
use crate::{AssociatedData, CryptoError, SealingKey};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use coffer_base::{Random, Redacted};
use zeroize::Zeroizing;

/// The first byte of every blob of this format.
const FORMAT: u8 = 1;
const SALT: usize = 32;
const NONCE: usize = 12;
const TAG: usize = 16;
/// The format and the key version, which are authenticated with the associated data.
const HEADER: usize = 5;

/// How many bytes longer a blob is than its plaintext.
pub const OVERHEAD: usize = HEADER + SALT + NONCE + TAG;

/// Seals `plaintext` under `key`, bound to `ad`; `key_version` is written into the blob, so
/// that a reader can choose the key.
///
/// # Errors
/// [`CryptoError::TooLong`] beyond [`limits::SEALED_BYTES`]; [`CryptoError::Cipher`] if the cipher
/// library fails.
pub fn seal(
    key: &SealingKey,
    key_version: u32,
    ad: &AssociatedData,
    plaintext: &[u8],
    random: &dyn Random,
) -> Result<Vec<u8>, CryptoError> {
    if plaintext.len() > limits::SEALED_BYTES {
        return Err(CryptoError::TooLong(plaintext.len()));
    }
    let header = header(key_version);
    let mut salt_and_nonce = [0u8; SALT + NONCE];
    random.fill(&mut salt_and_nonce);
    let (salt, nonce) = salt_and_nonce.split_at(SALT);

    let mut blob = Vec::with_capacity(OVERHEAD + plaintext.len());
    blob.extend_from_slice(&header);
    blob.extend_from_slice(&salt_and_nonce);
    blob.resize(OVERHEAD + plaintext.len(), 0);
    let (_, sealed) = blob.split_at_mut(HEADER + SALT + NONCE);
    let (ciphertext, tag) = sealed.split_at_mut(plaintext.len());

    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CryptoError::Cipher)?;
    record_key(key, salt, ad)?
        .seal_out_of_place_scatter(
            nonce,
            additional_data(header, ad),
            plaintext,
            ciphertext,
            &[],
            tag,
        )
        .map_err(|_| CryptoError::Cipher)?;
    Ok(blob)
}

/// Opens `blob`, which must have been sealed under `key` and bound to an equal `ad`.
///
/// # Errors
/// [`CryptoError::Malformed`] or [`CryptoError::UnknownFormat`] if it is no blob of this format,
/// [`CryptoError::TooLong`] if it is longer than any that [`seal`] makes, and
/// [`CryptoError::Authentication`] if a single bit of it, the key or `ad` is another.
pub fn open(
    key: &SealingKey,
    ad: &AssociatedData,
    blob: &[u8],
) -> Result<Redacted<Vec<u8>>, CryptoError> {
    let parts = Parts::parse(blob)?;
    let length = parts.ciphertext.len();
    if length > limits::SEALED_BYTES {
        return Err(CryptoError::TooLong(length));
    }
    // A failed opening may leave part of a plaintext in the buffer, which is wiped on drop.
    let mut plaintext = Zeroizing::new(vec![0u8; length]);
    record_key(key, parts.salt, ad)?
        .open_separate_gather(
            Nonce::from(parts.nonce),
            additional_data(header(parts.key_version), ad),
            parts.ciphertext,
            parts.tag,
            &mut plaintext,
        )
        .map_err(|_| CryptoError::Authentication)?;
    Ok(Redacted::new(std::mem::take(&mut *plaintext)))
}

/// The key version that `blob` says it was sealed under. It is not authenticated
/// until [`open`] succeeds.
///
/// # Errors
/// [`CryptoError::Malformed`] or [`CryptoError::UnknownFormat`] if it is no blob of this format.
pub fn key_version(blob: &[u8]) -> Result<u32, CryptoError> {
    Parts::parse(blob).map(|parts| parts.key_version)
}

/// The parts of a blob, each of its right length.
struct Parts<'b> {
    key_version: u32,
    salt: &'b [u8; SALT],
    nonce: &'b [u8; NONCE],
    ciphertext: &'b [u8],
    tag: &'b [u8; TAG],
}

impl<'b> Parts<'b> {
    fn parse(blob: &'b [u8]) -> Result<Self, CryptoError> {
        match blob.first() {
            None => Err(CryptoError::Malformed),
            Some(&FORMAT) => Self::split(blob).ok_or(CryptoError::Malformed),
            Some(&other) => Err(CryptoError::UnknownFormat(other)),
        }
    }

    fn split(blob: &'b [u8]) -> Option<Self> {
        let (_, rest) = blob.split_first()?;
        let (version, rest) = rest.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (ciphertext, tag) = rest.split_last_chunk()?;
        let key_version = u32::from_be_bytes(*version);
        Some(Self { key_version, salt, nonce, ciphertext, tag })
    }
}

fn header(key_version: u32) -> [u8; HEADER] {
    let [a, b, c, d] = key_version.to_be_bytes();
    [FORMAT, a, b, c, d]
}

fn additional_data(header: [u8; HEADER], ad: &AssociatedData) -> Aad<Vec<u8>> {
    Aad::from([&header, ad.encoded()].concat())
}

fn record_key(
    key: &SealingKey,
    salt: &[u8],
    ad: &AssociatedData,
) -> Result<LessSafeKey, CryptoError> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    Salt::new(HKDF_SHA256, salt)
        .extract(key.bytes())
        .expand(&[ad.label().as_bytes()], HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut *bytes))
        .and_then(|()| UnboundKey::new(&AES_256_GCM, &*bytes))
        .map(LessSafeKey::new)
        .map_err(|_| CryptoError::Cipher)
}
