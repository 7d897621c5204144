//! What somebody hands in as an export: whatever it is, it is refused or right, and nothing panics.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use coffer_audit::canonical::{FORMAT, encode};
use coffer_audit::checkpoint::{Checkpoint, VerifierKey, origin};
use coffer_audit::tile::Border;
use coffer_audit::tree::leaf_hash;
use coffer_audit::{ExportError, OfflineVerifier};
use coffer_crypto::LookupKey;
use coffer_storage::Value;
use proptest::prelude::*;

/// A small log as an export, and its key.
fn export(entries: i64) -> (Vec<String>, VerifierKey) {
    let key = LookupKey::from_bytes([7; 32]).digester().signing_key("audit").unwrap();
    let mut border = Border::default();
    let mut lines = vec![String::new()];
    for id in 1..=entries {
        let mut values = vec![Value::Null; 22];
        values[0] = Value::Int(FORMAT);
        values[1] = Value::Int(-id);
        values[2] = Value::Text(format!("é\"{id}"));
        values[16] = Value::Blob(vec![0, 255]);
        border.append(leaf_hash(&encode(&values)));
        let line = format!(
            "{{\"id\":{id},\"format\":{FORMAT},\"at\":{},\"server\":\"é\\\"{id}\",\
             \"fingerprint\":\"00ff\"}}",
            -id
        );
        lines.push(line);
    }
    let checkpoint = Checkpoint { origin: origin("store_a"), tree: border.tree() };
    let note = checkpoint.sign(&key).unwrap().replace('\n', "\\n");
    lines[0] = format!(
        "{{\"object\":\"audit_export\",\"from\":1,\"before\":[],\"checkpoint\":\"{note}\"}}"
    );
    (lines, VerifierKey::of("store_a", &key).unwrap())
}

fn verify<S: AsRef<str>>(lines: &[S], key: &VerifierKey) -> Result<u64, ExportError> {
    let mut verifier = OfflineVerifier::new(key.clone());
    lines.iter().try_for_each(|line| verifier.line(line.as_ref()))?;
    Ok(verifier.finish()?.size)
}

#[test]
fn a_line_is_hashed_as_its_entry_is() {
    let (lines, key) = export(5);
    assert_eq!(verify(&lines, &key), Ok(5));
    // What no entry has is not passed over.
    let more = lines[2].replace("\"at\"", "\"more\":1,\"at\"");
    let mut changed = lines.clone();
    changed[2] = more;
    assert_eq!(verify(&changed, &key), Err(ExportError::Malformed));
    assert_eq!(verify::<&str>(&[], &key), Err(ExportError::Malformed));
    assert_eq!(verify(&["x".repeat(1 << 20)], &key), Err(ExportError::TooLong));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_changed_export_is_refused(
        line in 0usize..5, at: prop::sample::Index, letter: char, cut: bool,
    ) {
        let (lines, key) = export(4);
        let mut letters: Vec<char> = lines[line].chars().collect();
        let at = at.index(letters.len());
        prop_assume!(letters[at] != letter);
        if cut {
            letters.truncate(at);
        } else {
            letters[at] = letter;
        }
        let mut changed = lines.clone();
        changed[line] = letters.into_iter().collect();
        // Blanks between the fields of a line are no change.
        let same = serde_json::from_str::<serde_json::Value>(&changed[line]).ok()
            == serde_json::from_str(&lines[line]).ok();
        prop_assert!(same || verify(&changed, &key).is_err(), "{}", changed[line]);
    }

    #[test]
    fn whatever_is_no_export_is_refused(lines in prop::collection::vec(".*", 0..4)) {
        let (_, key) = export(1);
        prop_assert!(verify(&lines, &key).is_err());
        for line in &lines {
            prop_assert!(line.parse::<VerifierKey>().is_err());
            let _ = Checkpoint::read(line);
        }
    }
}
