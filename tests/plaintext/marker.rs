//! A secret to look for, in all the ways in which it could have been written down.

use coffer_base::Random;
use coffer_crypto::SystemRandom;
use coffer_testkit::encode;

/// Bytes of a secret that are enough to have been found: chance does not make as many.
const PIECE: usize = 8;

/// A secret to look for.
#[derive(Clone)]
pub struct Marker {
    pub label: String,
    pub bytes: Vec<u8>,
    /// Parts that must not be seen either, even where the rest is starred out.
    pieces: Vec<Vec<u8>>,
}

fn letters(count: usize) -> String {
    let mut bytes = vec![0; count];
    SystemRandom.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect()
}

impl Marker {
    /// A new payload, with characters that every format escapes in its own way.
    pub fn payload(label: &str) -> Self {
        let (head, tail) = (letters(20), letters(20));
        let bytes = format!("{head}\"é\\ /+%\n{tail}").into_bytes();
        let pieces =
            vec![head.as_bytes()[..PIECE].to_vec(), tail.as_bytes()[20 - PIECE..].to_vec()];
        Self { label: label.to_owned(), bytes, pieces }
    }

    /// A token. Its last four letters may be shown (conventions §1), and so may its kind.
    pub fn token(label: &str, token: &str) -> Self {
        let random = token.rsplit('_').next().unwrap().as_bytes();
        assert!(random.len() >= 20, "no token: {token}");
        let pieces = vec![random[..PIECE].to_vec(), random[PIECE..2 * PIECE].to_vec()];
        Self { label: label.to_owned(), bytes: token.as_bytes().to_vec(), pieces }
    }

    /// The root key: its digits, and the bytes that they mean.
    pub fn root(digits: &str) -> Vec<Self> {
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
        let halves =
            |all: &[u8]| vec![all[..all.len() / 2].to_vec(), all[all.len() / 2..].to_vec()];
        let of = |label: &str, all: &[u8]| Self {
            label: label.to_owned(),
            bytes: all.to_vec(),
            pieces: halves(all),
        };
        vec![of("root key", &bytes), of("root key's digits", digits.as_bytes())]
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    /// The whole and the pieces, each in every encoding.
    pub fn encodings(&self) -> Vec<(String, Vec<u8>)> {
        let parts = std::iter::once(("whole", &self.bytes))
            .chain(self.pieces.iter().map(|piece| ("piece", piece)));
        parts
            .flat_map(|(part, bytes)| {
                written(bytes).into_iter().map(move |(how, text)| (format!("{part} {how}"), text))
            })
            .collect()
    }
}

fn written(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let each = |form: fn(u8) -> String| bytes.iter().map(|byte| form(*byte)).collect::<String>();
    let mut all = vec![
        ("itself".to_owned(), bytes.to_vec()),
        ("hex".to_owned(), each(|byte| format!("{byte:02x}")).into_bytes()),
        ("HEX".to_owned(), each(|byte| format!("{byte:02X}")).into_bytes()),
        ("percent".to_owned(), each(|byte| format!("%{byte:02x}")).into_bytes()),
        ("PERCENT".to_owned(), each(|byte| format!("%{byte:02X}")).into_bytes()),
        ("list".to_owned(), each(|byte| format!("{byte}, ")).into_bytes()),
    ];
    for (name, alphabet) in [("base64", STANDARD), ("base64url", URL_SAFE)] {
        for before in 0..3 {
            all.push((format!("{name} after {before}"), base64(bytes, before, alphabet)));
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let json = serde_json::to_string(text).unwrap();
        let json_codes: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        let form = encode(&[("", text)]).split_off(1);
        all.push(("JSON".to_owned(), json.trim_matches('"').as_bytes().to_vec()));
        all.push(("JSON codes".to_owned(), json_codes.to_uppercase().replace("\\U", "\\u").into()));
        all.push(("JSON codes, small".to_owned(), json_codes.into_bytes()));
        all.push(("form".to_owned(), form.clone().into_bytes()));
        all.push(("form with plus".to_owned(), form.replace("%20", "+").into_bytes()));
        let debug = format!("{text:?}");
        all.push(("debug".to_owned(), debug.trim_matches('"').as_bytes().to_vec()));
    }
    all
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The digits that `bytes` alone decide if as many bytes stand before them, modulo three.
fn base64(bytes: &[u8], before: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let whole: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).collect();
    let digit = |at: usize| {
        let bit = |at: usize| (whole[at / 8] >> (7 - at % 8)) & 1;
        let value = (6 * at..6 * at + 6).fold(0, |value, at| value << 1 | bit(at));
        alphabet[usize::from(value)]
    };
    ((before * 8).div_ceil(6)..whole.len() * 8 / 6).map(digit).collect()
}

#[test]
fn base64_digits_are_those_of_the_format() {
    assert_eq!(base64(b"foobar", 0, STANDARD), b"Zm9vYmFy");
    // "afoobar" is YWZvb2Jhcg==, "abfoobar" is YWJmb29iYXI=.
    assert_eq!(base64(b"foobar", 1, STANDARD), b"Zvb2Jhc");
    assert_eq!(base64(b"foobar", 2, STANDARD), b"mb29iYX");
    assert_eq!(base64(&[0xFB, 0xFF], 0, URL_SAFE), b"-_");
}
