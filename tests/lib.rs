//! Tests of the whole server live beside this file, a folder each. Here is what they share.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "for tests alone")]

pub mod notes;

use coffer_audit::checkpoint::VerifierKey;
use coffer_audit::{Expected, Report, SIGNING_PURPOSE};
use coffer_keyring::Keyring;
use coffer_storage::Store;

/// Verifies the audit's log in `data`, beside what the key store of `keyring` knows of it.
///
/// # Errors
/// What is wrong with it, in words.
pub async fn verify_audit(data: &Store, keyring: &Keyring) -> Result<Report, String> {
    let signing = keyring.signing_key(SIGNING_PURPOSE).await.map_err(|error| error.to_string())?;
    let key = VerifierKey::of(keyring.store_id(), &signing).unwrap();
    // A server may go on meanwhile: so the head is read after what the key store knows.
    let mark = coffer_keyring::audit_mark(keyring.store()).await.unwrap();
    let expected = Expected::new(key, Vec::new()).beside(mark);
    let verified = coffer_audit::verify(data, &expected, |_, _| ()).await;
    let report = verified.map_err(|error| error.to_string())?;
    if report.problems.is_empty() && report.unnamed == 0 {
        return Ok(report);
    }
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    Err(format!("the audit's log of {} entries: {}", report.size, problems.join("; ")))
}
