//! Any bytes where a key should be.

#![no_main]

use coffer_dialect::authorization::{key_shape, redact_key, token};
use coffer_fuzz::assert_refusal;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &[u8]| {
    // Redaction also meets what is no key at all.
    let text = String::from_utf8_lossy(header);
    assert!(redact_key(&text).chars().count() <= 255);
    let _ = key_shape(&text);

    match token(Some(header)) {
        Err(error) => {
            assert_refusal(&error, 401);
            assert!(error.is_authentication_failure());
        }
        Ok(key) => check_key(key.expose()),
    }
});

fn check_key(key: &str) {
    assert!((1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    let again = |header: String| {
        let read = token(Some(header.as_bytes())).expect("a key that was read reads again");
        assert!(read.expose() == key);
    };
    again(format!("Bearer {key}"));
    // HTTP Basic ends the user name at the colon, so a key with one cannot be sent by it.
    if !key.contains(':') {
        again(format!("bAsIc {}", base64(format!("{key}:password").as_bytes())));
    }

    let shown = redact_key(key);
    assert_eq!(shown.len(), key.len());
    let kept = shown.bytes().zip(key.bytes()).filter(|(shown, own)| shown == own && *own != b'*');
    assert!(kept.count() <= 11 + 4, "too much is shown");
    let stars = shown.bytes().filter(|&byte| byte == b'*').count();
    assert!(2 * stars >= key.len().saturating_sub(11), "too little is hidden");
    if let Some((_, mode)) = key_shape(key) {
        let word = key.split('_').nth(1);
        assert!(mode.is_none_or(|mode| Some(mode.as_str()) == word));
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | usize::from(group.get(at).copied().unwrap_or_default())
        });
        for digit in 0..=group.len() {
            out.push(char::from(DIGITS[bits >> (18 - 6 * digit) & 63]));
        }
        out.push_str(&"=".repeat(3 - group.len()));
    }
    out
}
