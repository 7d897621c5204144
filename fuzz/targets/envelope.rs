//! Blobs that a damaged or forged store might give.

#![no_main]

use coffer_crypto::{AssociatedData, CryptoError, SealingKey, SystemRandom, envelope, unwrap};
use libfuzzer_sys::fuzz_target;

/// `PLAINTEXT` under the key of 32 nines, version 7, bound to `place`.
const SEALED: [u8; 78] = [
    0x01, 0x00, 0x00, 0x00, 0x07, 0x79, 0x15, 0x97, 0xdf, 0xd4, 0x71, 0x24, 0xa7, 0xce, 0xd7, 0xe8,
    0x67, 0x94, 0x51, 0x01, 0xe7, 0x11, 0x42, 0x09, 0x40, 0x2a, 0xd9, 0x13, 0x54, 0x17, 0x34, 0xc8,
    0x50, 0x25, 0xec, 0xc7, 0xbc, 0x4d, 0xc1, 0xda, 0x48, 0xfd, 0x61, 0x05, 0x47, 0xd1, 0x86, 0xd3,
    0x3e, 0x0b, 0x15, 0x46, 0x8e, 0x10, 0xec, 0x39, 0x8b, 0xdb, 0x0b, 0xa4, 0x1f, 0x31, 0xc5, 0x97,
    0x74, 0x61, 0xd6, 0x25, 0x42, 0x95, 0x13, 0xeb, 0x19, 0x9a, 0x12, 0x62, 0x7d, 0x25,
];
const PLAINTEXT: &[u8] = b"the plaintext";

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else { return };
    match kind {
        b'b' => check_blob(rest),
        b'e' => check_blob(&edited(rest)),
        _ => check_round_trip(rest),
    }
});

fn key() -> SealingKey {
    SealingKey::from_bytes([9; 32])
}

fn place() -> AssociatedData {
    AssociatedData::new("fuzz").text("here").int(5)
}

/// The sealed blob with changes: a position and what to flip there, two bytes for each, and a
/// last single byte that says how much to cut off or, above 127, to add.
fn edited(edits: &[u8]) -> Vec<u8> {
    let mut blob = SEALED.to_vec();
    let (pairs, last) = edits.as_chunks();
    for [at, flip] in pairs {
        let at = usize::from(*at) % blob.len();
        blob[at] ^= flip;
    }
    match last {
        [cut @ 0..=127] => blob.truncate(blob.len().saturating_sub(usize::from(*cut))),
        [added] => blob.resize(blob.len() + usize::from(*added - 127), 0),
        _ => {}
    }
    blob
}

/// Nothing opens but exactly what was sealed, and only where it belongs.
fn check_blob(blob: &[u8]) {
    let opened = envelope::open(&key(), &place(), blob);
    assert_eq!(opened.is_ok(), blob == SEALED, "{opened:?}");
    match opened {
        Ok(plaintext) => {
            assert!(plaintext.expose() == PLAINTEXT);
            assert_eq!(envelope::key_version(blob), Ok(7));
        }
        Err(CryptoError::UnknownFormat(format)) => assert_eq!(blob.first(), Some(&format)),
        Err(CryptoError::Malformed) => assert!(blob.len() < envelope::OVERHEAD),
        Err(CryptoError::Authentication) => assert!(blob.len() >= envelope::OVERHEAD),
        Err(other) => panic!("{other}"),
    }
    let elsewhere = AssociatedData::new("fuzz").text("there").int(5);
    assert!(envelope::open(&key(), &elsewhere, blob).is_err());
    assert!(unwrap::<SealingKey>(&key(), &place(), blob).is_err());
}

/// Whatever is sealed opens again, bound to its place and key.
fn check_round_trip(plaintext: &[u8]) {
    let bound = place().bytes(plaintext);
    let blob = envelope::seal(&key(), 3, &bound, plaintext, &SystemRandom).expect("short enough");
    let opened = envelope::open(&key(), &bound, &blob).expect("it was just sealed");
    assert!(opened.expose() == plaintext);
    assert!(envelope::open(&key(), &place(), &blob).is_err());
    let other_key = SealingKey::from_bytes([8; 32]);
    assert!(envelope::open(&other_key, &bound, &blob).is_err());
}
