//! Idempotent answers (conventions §7; §13, decisions 14 to 18).

mod everywhere;
mod keeping;
mod keys;
mod races;
mod replays;

use crate::check::lawful;
use coffer_testkit::Answer;

/// Asserts that `again` is the replay of `first`: the same answer, and headers that say so.
#[track_caller]
pub fn is_replay(again: &Answer, first: &Answer) {
    lawful(again);
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"), "{again:?}");
    assert_eq!(again.header("original-request"), first.header("request-id"));
    assert_ne!(again.header("request-id"), first.header("request-id"));
}

/// Asserts that `answer` was carried out for itself.
#[track_caller]
fn is_first(answer: &Answer) {
    lawful(answer);
    assert_eq!(answer.header("idempotent-replayed"), None, "{answer:?}");
    assert_eq!(answer.header("original-request"), answer.header("request-id"));
}

/// Asserts that the key was used for something else.
#[track_caller]
fn is_mismatch(answer: &Answer) {
    let error = lawful(answer).refused(400);
    assert_eq!(error["type"], "idempotency_error", "{answer:?}");
    assert!(error.get("code").is_none() && error.get("param").is_none(), "{answer:?}");
    assert_eq!(answer.header("idempotent-replayed"), None);
}
