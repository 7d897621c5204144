//! Queries and form bodies of any shape.

#![no_main]

use coffer_dialect::{ApiError, Expand, Params};
use coffer_fuzz::assert_refusal;
use libfuzzer_sys::fuzz_target;

const KNOWN: [&str; 9] = [
    "name",
    "payload",
    "expires_at",
    "livemode",
    "list",
    "scope",
    "scope[type]",
    "scope[user]",
    "scope[deep][er]",
];

fuzz_target!(|input: &[u8]| {
    let (query, body) = split(input);
    let params = Params::decode(query, body);

    let joined = [query.unwrap_or_default().as_bytes(), body].join(&b'&');
    assert_same(&params, &Params::decode(None, &joined), "joined");
    let (query, body) = (query.map(|query| escaped(query.as_bytes())), escaped(body));
    let query = query.map(|query| String::from_utf8(query).expect("escaping keeps UTF-8"));
    assert_same(&params, &Params::decode(query.as_deref(), &body), "escaped");

    match params {
        Ok(params) => read_all(&params),
        Err(error) => assert_refusal(&error, 400),
    }
});

/// The first line is the query, if there are two and it is text; the rest is the body.
fn split(input: &[u8]) -> (Option<&str>, &[u8]) {
    let end = input.iter().position(|&byte| byte == b'\n');
    let query = end.and_then(|end| std::str::from_utf8(&input[..end]).ok());
    match (query, end) {
        (Some(query), Some(end)) => (Some(query), &input[end + 1..]),
        _ => (None, input),
    }
}

fn assert_same(one: &Result<Params, ApiError>, other: &Result<Params, ApiError>, how: &str) {
    match (one, other) {
        (Ok(one), Ok(other)) => {
            assert!(one.canonical() == one.canonical(), "the canonical form is not stable");
            assert!(one.canonical() == other.canonical(), "not the same when {how}");
        }
        (Err(one), Err(other)) => assert_eq!(one.body(), other.body(), "{how}"),
        _ => panic!("accepted in one form only: {one:?}, and {how}: {other:?}"),
    }
}

/// The same form with each letter, digit and bracket that is not part of an escape escaped.
fn escaped(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(3 * raw.len());
    let mut in_escape = 0;
    for &byte in raw {
        if in_escape > 0 {
            in_escape -= 1;
            out.push(byte);
        } else if byte == b'%' {
            in_escape = 2;
            out.push(byte);
        } else if byte.is_ascii_alphanumeric() || matches!(byte, b'[' | b']') {
            out.extend_from_slice(format!("%{byte:02x}").as_bytes());
        } else {
            out.push(byte);
        }
    }
    out
}

fn read_all(params: &Params) {
    refused(Expand::parse(params, &["payload"], false));
    let Some(fields) = refused(params.only(&KNOWN)) else { return };
    for name in ["name", "payload", "expires_at", "livemode", "list", "scope"] {
        if let Some(text) = refused(fields.required_text(name, 20)) {
            let text = text.expose();
            assert!(!text.is_empty() && !text.contains('\0') && text.chars().count() <= 20);
        }
        refused(fields.secret_text(name, 20));
        refused(fields.required_choice(name, &[("account", 1), ("user", 2)]));
        if let Some(Some(number)) = refused(fields.optional_integer_within(name, -5..=5)) {
            assert!((-5..=5).contains(&number));
        }
        refused(fields.clearable_integer(name));
        refused(fields.optional_bool(name));
        if let Some(items) = refused(fields.text_list(name)) {
            assert!(items.iter().all(|item| !item.is_empty() && !item.contains('\0')));
        }
        if let Some(Some(inner)) = refused(fields.optional_object(name)) {
            refused(inner.required_text("type", 20));
            refused(inner.optional_object("deep"));
        }
    }
}

fn refused<T>(read: Result<T, ApiError>) -> Option<T> {
    read.inspect_err(|error| assert_refusal(error, 400)).ok()
}
