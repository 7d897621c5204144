//! What somebody hands in as proof: checkpoints, and exports of the audit's log.

#![no_main]

use coffer_audit::canonical::{COLUMNS, encode};
use coffer_audit::checkpoint::{Checkpoint, VerifierKey, origin};
use coffer_audit::tree::{Tree, fold, leaf_hash, node_hash};
use coffer_audit::{ExportError, OfflineVerifier};
use coffer_crypto::LookupKey;
use coffer_storage::Value;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value as Json, json};

/// Whose log it is.
const STORE: &str = "store_fuzz";

/// Which of an entry's columns hold something.
const ENTRY: [(&str, &str); 4] =
    [("server", "a:1"), ("actor_kind", "admin"), ("app", "ca_one"), ("outcome", "ok")];

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else { return };
    match kind {
        b'c' => check_checkpoint(&String::from_utf8_lossy(rest)),
        b'e' => check_edited(rest),
        _ => check_any(&String::from_utf8_lossy(input)),
    }
});

/// A checkpoint of three entries, and the key that it is believed by.
fn signed(tree: Tree) -> (String, VerifierKey) {
    let key = LookupKey::from_bytes([1; 32]).digester().signing_key("audit").expect("a key");
    let note = Checkpoint { origin: origin(STORE), tree }.sign(&key).expect("a signature");
    (note, VerifierKey::of(STORE, &key).expect("a key"))
}

/// An export of three entries, and the key that it is believed by.
fn export() -> (Vec<String>, VerifierKey) {
    let (mut lines, mut hashes) = (vec![String::new()], Vec::new());
    for id in 1..=3 {
        let mut line = json!({ "id": id, "format": 1, "at": 1_790_000_000 + id, "mode": 0 });
        ENTRY.iter().for_each(|(name, value)| line[name] = Json::from(*value));
        let value = |name: &&str| match &line[name] {
            Json::Number(number) => Value::Int(number.as_i64().expect("small")),
            Json::String(text) => Value::Text(text.clone()),
            _ => Value::Null,
        };
        let values: Vec<Value> = COLUMNS.iter().map(value).collect();
        hashes.push(leaf_hash(&encode(&values)));
        lines.push(line.to_string());
    }
    let pair = node_hash(&hashes[0], &hashes[1]);
    let root = fold(&[pair, hashes[2]]).expect("two");
    let (note, key) = signed(Tree { size: 3, root });
    lines[0] = json!({ "object": "audit_export", "from": 1, "before": [], "checkpoint": note })
        .to_string();
    (lines, key)
}

fn verify(text: &str, key: VerifierKey) -> Result<Tree, ExportError> {
    let mut verifier = OfflineVerifier::new(key);
    text.lines().try_for_each(|line| verifier.line(line))?;
    verifier.finish()
}

/// Nobody without the key has a checkpoint believed, and what is read is written the same.
fn check_checkpoint(note: &str) {
    let (own, key) = signed(Tree { size: 3, root: [7; 32] });
    match (Checkpoint::read(note), Checkpoint::open(note, &key)) {
        (Ok(read), Ok(opened)) => {
            assert_eq!(read, opened);
            assert_eq!(read, Checkpoint::read(&own).expect("it was just written"));
        }
        (_, Err(error)) => assert!(!error.to_string().is_empty()),
        (Err(error), Ok(_)) => panic!("opened, and not readable: {error}"),
    }
    if let Ok(key) = note.parse::<VerifierKey>() {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
}

/// Whatever it is, it is refused in words, or it is what was signed.
fn check_any(text: &str) {
    let (lines, key) = export();
    match verify(text, key) {
        Ok(_) => assert!(is_same(text, &lines), "{text}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Pairs of a position and what to flip there.
fn check_edited(edits: &[u8]) {
    let (lines, key) = export();
    let mut text = lines.join("\n").into_bytes();
    for [at, flip] in edits.as_chunks().0 {
        let at = usize::from(*at).wrapping_mul(5) % text.len();
        text[at] ^= flip;
    }
    let text = String::from_utf8_lossy(&text);
    if verify(&text, key).is_ok() {
        assert!(is_same(&text, &lines), "{text}");
    }
}

/// Whether entries say the same as those of the export, however they are written.
fn is_same(text: &str, lines: &[String]) -> bool {
    let parsed = |line: &str| serde_json::from_str::<Json>(line).ok();
    let found: Vec<_> = text.lines().skip(1).map(parsed).collect();
    found == lines.iter().skip(1).map(|line| parsed(line)).collect::<Vec<_>>()
}
