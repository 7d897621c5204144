//! The formats that stored data is in, frozen: every value in `vectors/` was computed once by
//! another implementation, and neither sealing nor opening may ever differ from it. A format
//! that has to change gets a new number and new vectors; these stay.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use coffer_base::Random;
use coffer_crypto::{AssociatedData, LookupKey, SealingKey, TokenHash, envelope, unwrap, wrap};
use serde_json::Value;

/// Gives the bytes that it was made with, once, all in one call.
struct FixedRandom(Vec<u8>);

impl Random for FixedRandom {
    fn fill(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.0);
    }
}

fn vectors(text: &str) -> Vec<Value> {
    let vectors: Vec<Value> = serde_json::from_str(text).unwrap();
    assert!(vectors.len() >= 2, "the file of vectors lost some");
    vectors
}

fn text<'v>(vector: &'v Value, name: &str) -> &'v str {
    vector[name].as_str().unwrap_or_else(|| panic!("{name} is missing in {vector}"))
}

fn hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2));
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn key_bytes(vector: &Value, name: &str) -> [u8; 32] {
    hex(text(vector, name)).try_into().unwrap()
}

fn fixed_random(vector: &Value) -> FixedRandom {
    FixedRandom([hex(text(vector, "salt")), hex(text(vector, "nonce"))].concat())
}

fn version(vector: &Value) -> u32 {
    u32::try_from(vector["key_version"].as_u64().unwrap()).unwrap()
}

fn label(vector: &Value) -> &'static str {
    text(vector, "label").to_owned().leak()
}

fn associated_data(vector: &Value) -> AssociatedData {
    let start = AssociatedData::new(label(vector));
    vector["fields"].as_array().unwrap().iter().fold(start, |ad, field| {
        let (kind, value) = field.as_object().unwrap().iter().next().unwrap();
        match kind.as_str() {
            "text" => ad.text(value.as_str().unwrap()),
            "bytes" => ad.bytes(&hex(value.as_str().unwrap())),
            "int" => ad.int(value.as_i64().unwrap()),
            "optional_int" if value.is_null() => ad.optional_int(None),
            "optional_int" => ad.optional_int(Some(value.as_i64().unwrap())),
            other => panic!("unknown kind of field {other}"),
        }
    })
}

#[test]
fn envelopes_are_sealed_and_opened_as_ever() {
    for vector in vectors(include_str!("../vectors/envelope.json")) {
        let key = SealingKey::from_bytes(key_bytes(&vector, "key"));
        let ad = associated_data(&vector);
        let plaintext = hex(text(&vector, "plaintext"));
        let blob = hex(text(&vector, "blob"));

        assert_eq!(blob.len(), plaintext.len() + envelope::OVERHEAD);
        assert_eq!(envelope::key_version(&blob), Ok(version(&vector)));
        let opened = envelope::open(&key, &ad, &blob).unwrap();
        assert_eq!(opened.expose(), &plaintext, "{vector}");
        let random = fixed_random(&vector);
        let sealed = envelope::seal(&key, version(&vector), &ad, &plaintext, &random);
        assert_eq!(sealed.unwrap(), blob, "{vector}");
    }
}

#[test]
fn keys_are_wrapped_and_unwrapped_as_ever() {
    for vector in vectors(include_str!("../vectors/wrap.json")) {
        let parent = SealingKey::from_bytes(key_bytes(&vector, "key"));
        let ad = associated_data(&vector);
        let child = key_bytes(&vector, "plaintext");
        let blob = hex(text(&vector, "blob"));

        let random = fixed_random(&vector);
        for wrapped in [
            wrap(&parent, version(&vector), &ad, &SealingKey::from_bytes(child), &random),
            wrap(&parent, version(&vector), &ad, &LookupKey::from_bytes(child), &random),
        ] {
            assert_eq!(wrapped.unwrap(), blob, "{vector}");
        }
        // A key shows its bytes to nobody, so what was unwrapped is known by what it does.
        let unwrapped: LookupKey = unwrap(&parent, &ad, &blob).unwrap();
        let expected = LookupKey::from_bytes(child);
        assert_eq!(unwrapped.digest("x", &[]), expected.digest("x", &[]), "{vector}");
    }
}

#[test]
fn digests_are_computed_as_ever() {
    for vector in vectors(include_str!("../vectors/digest.json")) {
        let fields: Vec<Vec<u8>> = vector["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| hex(field.as_str().unwrap()))
            .collect();
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        let digest =
            LookupKey::from_bytes(key_bytes(&vector, "key")).digest(label(&vector), &fields);
        assert_eq!(digest.to_vec(), hex(text(&vector, "digest")), "{vector}");
    }
}

#[test]
fn tokens_are_hashed_as_ever() {
    for vector in vectors(include_str!("../vectors/token.json")) {
        let stored = hex(text(&vector, "hash"));
        assert_eq!(TokenHash::of(text(&vector, "token")).as_bytes().as_slice(), stored);
    }
}
