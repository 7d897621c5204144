//! A sealed value opens where it belongs, unaltered, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use coffer_base::{Random, TestRandom};
use coffer_crypto::limits;
use coffer_crypto::{
    AssociatedData, CryptoError, LookupKey, SealingKey, SystemRandom, envelope, unwrap, wrap,
};

const PLAINTEXT: &[u8] = b"the plaintext that nobody may see";

fn key() -> SealingKey {
    SealingKey::from_bytes([7; 32])
}

fn place() -> AssociatedData {
    AssociatedData::new("secret").text("acct_1").bytes(b"\x01").int(5).optional_int(Some(9))
}

fn sealed() -> Vec<u8> {
    envelope::seal(&key(), 3, &place(), PLAINTEXT, &TestRandom::seeded(1)).unwrap()
}

#[test]
fn what_was_sealed_opens() {
    for length in [0, 1, 15, 16, 17, 500, limits::SEALED_BYTES] {
        let plaintext = vec![b'x'; length];
        let blob = envelope::seal(&key(), 3, &place(), &plaintext, &SystemRandom).unwrap();
        assert_eq!(blob.len(), length + envelope::OVERHEAD);
        assert_eq!(envelope::open(&key(), &place(), &blob).unwrap().expose(), &plaintext);
    }
}

#[test]
fn any_flipped_bit_is_an_error() {
    let blob = sealed();
    for at in 0..blob.len() {
        for bit in 0..8 {
            let mut altered = blob.clone();
            altered[at] ^= 1 << bit;
            let expected = match at {
                0 => CryptoError::UnknownFormat(altered[0]),
                _ => CryptoError::Authentication,
            };
            let opened = envelope::open(&key(), &place(), &altered);
            assert_eq!(opened.unwrap_err(), expected, "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn any_other_length_is_an_error() {
    let blob = sealed();
    for length in 0..blob.len() {
        let expected = match length {
            0..envelope::OVERHEAD => CryptoError::Malformed,
            _ => CryptoError::Authentication,
        };
        let opened = envelope::open(&key(), &place(), &blob[..length]);
        assert_eq!(opened.unwrap_err(), expected, "{length} bytes");
        let version = envelope::key_version(&blob[..length]);
        assert_eq!(version.is_ok(), length >= envelope::OVERHEAD, "{length} bytes");
    }
    let longer = [blob.as_slice(), &[0]].concat();
    assert_eq!(envelope::open(&key(), &place(), &longer).unwrap_err(), CryptoError::Authentication);
}

#[test]
fn any_other_place_or_key_is_an_error() {
    let start = || AssociatedData::new("secret");
    let elsewhere = [
        AssociatedData::new("answer").text("acct_1").bytes(b"\x01").int(5).optional_int(Some(9)),
        start().text("acct_2").bytes(b"\x01").int(5).optional_int(Some(9)),
        start().text("acct_1").bytes(b"\x02").int(5).optional_int(Some(9)),
        start().text("acct_1").bytes(b"\x01").int(6).optional_int(Some(9)),
        start().text("acct_1").bytes(b"\x01").int(5).optional_int(Some(8)),
        start().text("acct_1").bytes(b"\x01").int(5).optional_int(None),
        start().text("acct_1").bytes(b"\x01").int(5).int(9),
        start().text("acct_1").bytes(b"\x01").int(5),
        place().text(""),
    ];
    for (at, other) in elsewhere.iter().enumerate() {
        let opened = envelope::open(&key(), other, &sealed());
        assert_eq!(opened.unwrap_err(), CryptoError::Authentication, "place {at}");
    }
    let other_key = SealingKey::from_bytes([8; 32]);
    let opened = envelope::open(&other_key, &place(), &sealed());
    assert_eq!(opened.unwrap_err(), CryptoError::Authentication);
}

#[test]
fn sealing_twice_gives_different_salts_and_nonces() {
    let random = SystemRandom;
    let seal = || envelope::seal(&key(), 3, &place(), PLAINTEXT, &random).unwrap();
    let (one, two) = (seal(), seal());
    assert_ne!(one[5..37], two[5..37]);
    assert_ne!(one[37..49], two[37..49]);
}

#[test]
fn too_much_is_refused_both_ways() {
    let plaintext = vec![0; limits::SEALED_BYTES + 1];
    let refused = CryptoError::TooLong(plaintext.len());
    let sealed = envelope::seal(&key(), 3, &place(), &plaintext, &SystemRandom);
    assert_eq!(sealed, Err(refused));
    let mut blob = vec![0; plaintext.len() + envelope::OVERHEAD];
    blob[0] = 1;
    assert_eq!(envelope::open(&key(), &place(), &blob).unwrap_err(), refused);
}

#[test]
fn a_wrapped_key_comes_back_and_nothing_else_does() {
    let random = TestRandom::seeded(2);
    let child = SealingKey::generate(&random);
    let ad = AssociatedData::new("tenant key").text("acct_1").int(1);
    let blob = wrap(&key(), 1, &ad, &child, &random).unwrap();

    let again: SealingKey = unwrap(&key(), &ad, &blob).unwrap();
    let value = envelope::seal(&child, 1, &place(), PLAINTEXT, &random).unwrap();
    assert_eq!(envelope::open(&again, &place(), &value).unwrap().expose(), PLAINTEXT);

    let other = AssociatedData::new("tenant key").text("acct_2").int(1);
    let moved = unwrap::<SealingKey>(&key(), &other, &blob);
    assert_eq!(moved.unwrap_err(), CryptoError::Authentication);
    for length in [0, 31, 33] {
        let no_key = envelope::seal(&key(), 1, &ad, &vec![1; length], &random).unwrap();
        let unwrapped = unwrap::<LookupKey>(&key(), &ad, &no_key);
        assert_eq!(unwrapped.unwrap_err(), CryptoError::Malformed, "{length} bytes");
    }
}

#[test]
fn the_systems_random_bytes_differ_at_every_length() {
    for length in [16, 44, 4096, 10_000] {
        let (mut one, mut two) = (vec![0; length], vec![0; length]);
        SystemRandom.fill(&mut one);
        SystemRandom.fill(&mut two);
        assert_ne!(one, two);
        // The end is filled too: 16 zeros there would be one chance in 2^128.
        assert_ne!(one[length - 16..], [0; 16]);
    }
}

#[test]
fn neither_debug_nor_errors_show_content() {
    // 7 is 0x07; no digit of it may appear in what keys show.
    assert_eq!(format!("{:?}", key()), "SealingKey([redacted])");
    assert_eq!(format!("{:?}", LookupKey::from_bytes([7; 32])), "LookupKey([redacted])");
    let opened = envelope::open(&key(), &place(), &sealed()).unwrap();
    assert_eq!(format!("{opened:?}"), "[redacted]");
}

#[test]
fn errors_say_what_to_do() {
    for (error, advice) in [
        (CryptoError::Malformed, "restore it from a backup"),
        (CryptoError::UnknownFormat(9), "unknown format 9"),
        (CryptoError::Authentication, "check that the key store"),
        (CryptoError::TooLong(2_000_000), "at most 1048576"),
        (CryptoError::Cipher, "restart the server"),
    ] {
        assert!(error.to_string().contains(advice), "{error}");
    }
}
