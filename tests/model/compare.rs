//! Whether an answer is the predicted one.

use crate::driver::Compared;
use crate::reference::{Refusal, StoredResponse};
use coffer_testkit::Answer;
use serde_json::Value;

fn difference(answer: &Answer, expected: &str) -> String {
    format!("expected {expected}, answered {} {}", answer.status, answer.body)
}

pub fn granted(answer: &Answer) -> Compared {
    if answer.status == 200 { Ok(()) } else { Err(difference(answer, "success")) }
}

/// The same body, the order of its keys included.
pub fn same(answer: &Answer, expected: &Value) -> Compared {
    let expected = expected.to_string();
    granted(answer).map_err(|_| difference(answer, &expected))?;
    let told = answer.json().to_string();
    if told == expected { Ok(()) } else { Err(difference(answer, &expected)) }
}

pub fn same_refusal(answer: &Answer, expected: &Refusal) -> Compared {
    let json = answer.json();
    let error = &json["error"];
    let text = |field: &str| error[field].as_str();
    // A key that is pruned may still be remembered as an expired one.
    if *expected == Refusal::pruned() && answer.status == 401 {
        let code = text("code");
        let known = code.is_none() || code == Some("api_key_expired");
        return if known { Ok(()) } else { Err(difference(answer, "a pruned key's refusal")) };
    }
    let told = (answer.status, text("type"), text("code"), text("param"));
    let Refusal { status, kind, code, param, message } = expected;
    let message_fits = message.as_deref().is_none_or(|words| text("message") == Some(words));
    if told == (*status, Some(*kind), *code, *param) && message_fits {
        return Ok(());
    }
    Err(difference(answer, &format!("{expected:?}")))
}

pub fn replayed(answer: &Answer, kept: &StoredResponse, request: &str) -> Compared {
    if kept.request != request {
        return same_refusal(answer, &Refusal::mismatch());
    }
    let marked = answer.header("idempotent-replayed") == Some("true")
        && answer.header("original-request") == Some(kept.request_id.as_str());
    if marked && (answer.status, &answer.body) == (kept.status, &kept.body) {
        return Ok(());
    }
    Err(difference(answer, &format!("a replay of {kept:?}")))
}
