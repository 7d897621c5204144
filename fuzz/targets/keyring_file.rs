//! What an operator hands in to open a key store: an exported keyring, and a root key's line; and
//! what a forged row of the key store may ask of a passphrase.

#![no_main]

use coffer_crypto::keyring_file::KeyringFile;
use coffer_crypto::limits::{PASSPHRASE_MEMORY_KIB_MAX, PASSPHRASE_PASSES_MAX};
use coffer_crypto::root::{env, passphrase};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else { return };
    match kind {
        b'p' => check_cost(rest),
        b'r' => check_line(rest),
        _ => check_file(input),
    }
});

/// What is read is written and read the same, and is a keyring that could be one.
fn check_file(text: &[u8]) {
    match KeyringFile::parse(text) {
        Ok(file) => {
            assert!(file.masters.windows(2).all(|pair| pair[0].0 < pair[1].0));
            assert_eq!(KeyringFile::parse(file.write().as_bytes()), Ok(file));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Nothing asks for more than is allowed.
fn check_cost(kept: &[u8]) {
    if let Some(cost) = passphrase::cost(kept) {
        assert!(cost.memory_kib <= PASSPHRASE_MEMORY_KIB_MAX);
        assert!(cost.passes <= PASSPHRASE_PASSES_MAX && cost.lanes <= PASSPHRASE_PASSES_MAX);
        assert!(cost.passes > 0 && cost.lanes > 0);
    }
}

/// No error shows the line: what an error and the line have in common, any error has.
fn check_line(line: &[u8]) {
    let Ok(text) = std::str::from_utf8(line) else { return };
    let text = text.trim();
    match env::parse(text) {
        Ok(key) => assert_eq!(key.id().len(), 16),
        Err(error) if text.len() >= 65 && error.to_string().contains(text) => {
            let other = env::parse("").err().map(|error| error.to_string());
            assert!(other.is_some_and(|other| other.contains(text)), "{error}");
        }
        Err(_) => {}
    }
}
