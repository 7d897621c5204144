//! The law that every answer keeps, and snapshots of whole answers.
//!
//! What differs from run to run is replaced in a snapshot only if it has exactly the form that it
//! must have: an id by its prefix, its length and its alphabet. Anything else stays, and the
//! snapshot does not match.

use coffer_testkit::Answer;

/// The headers that an answer may have. No `Stripe-Notice` is among them.
const ALLOWED: [&str; 16] = [
    "cache-control",
    "coffer-version",
    "connection",
    "content-length",
    "content-type",
    "date",
    "idempotency-key",
    "idempotent-replayed",
    "original-request",
    "request-id",
    "stripe-account",
    "stripe-context",
    "stripe-rate-limited-reason",
    "stripe-should-retry",
    "stripe-version",
    "www-authenticate",
];

/// What a server adds that lets the pages of some origins in.
const OF_PAGES: [&str; 3] =
    ["access-control-allow-origin", "access-control-expose-headers", "vary"];

/// What is random in an answer: what it begins with, and how many letters and digits follow.
const RANDOM: [(&str, usize); 12] = [
    ("appsecret_", 30),
    ("acct_", 16),
    ("app_", 16),
    ("inst_", 16),
    ("key_", 16),
    ("ephkey_", 16),
    ("req_", 14),
    ("sk_test_coffer_", 38),
    ("sk_live_coffer_", 38),
    ("rk_test_coffer_", 38),
    ("ek_test_coffer_", 38),
    ("ak_coffer_", 38),
];

/// What a key shows of itself: its beginning, and how long all of it is.
const MASKED: [(&str, usize); 4] =
    [("sk_test_", 53), ("sk_live_", 53), ("rk_test_", 53), ("ek_test_", 53)];

/// Asserts what holds of every answer of the API, whatever it says; gives the answer back.
#[track_caller]
pub fn lawful(answer: &Answer) -> &Answer {
    // A server that lets no page in says nothing of CORS; one that does, says so always.
    let of_pages: &[&str] = if answer.header("vary") == Some("Origin") { &OF_PAGES } else { &[] };
    for (at, (name, _)) in answer.headers.iter().enumerate() {
        let is_allowed = ALLOWED.iter().chain(of_pages).any(|allowed| allowed == name);
        assert!(is_allowed, "the header {name}: {answer:?}");
        let again = answer.headers.iter().skip(at + 1).any(|(other, _)| other == name);
        assert!(!again, "the header {name} comes twice: {answer:?}");
    }
    let request = answer.header("request-id").expect("a Request-Id");
    assert_eq!(replaced(request), "<req_ and 14>", "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    assert!(answer.header("stripe-version").is_some(), "{answer:?}");
    let challenged = answer.header("www-authenticate").is_some();
    assert_eq!(challenged, answer.status == 401, "{answer:?}");
    if !answer.body.is_empty() {
        let failed = answer.json().get("error").is_some();
        assert_eq!(failed, answer.status != 200, "{answer:?}");
        let own = answer.body.replace("https://hooks.invalid/", "").replace("\"http_status\"", "");
        assert!(!own.contains("http"), "a link: {answer:?}");
    }
    answer
}

/// Asserts that `answer`, which is one to `request`, is what the file `snapshots/<name>.snap`
/// shows: the raw body to the letter, and no other header than there.
#[track_caller]
pub fn snapshot(name: &str, request: &str, answer: &Answer) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, shown(request, answer));
    });
}

/// A whole answer as text: status, headers in the order of their names, and the body as it came.
fn shown(request: &str, answer: &Answer) -> String {
    lawful(answer);
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| match name.as_str() {
            "date" => format!("{name}: {}", if is_date(value) { "<date>" } else { value }),
            "coffer-version" => format!("{name}: {}", numbered(value)),
            _ => format!("{name}: {}", replaced(value)),
        })
        .collect();
    headers.sort();
    let (headers, body) = (headers.join("\n"), replaced(&answer.body));
    format!("{request}\n\n{}\n{headers}\n\n{body}", answer.status)
}

/// A version with its random part replaced, which must have its exact form.
fn numbered(value: &str) -> String {
    match value.split_once('-') {
        Some((number, random))
            if random.len() == 8 && random.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            format!("{number}-<8>")
        }
        _ => value.to_owned(),
    }
}

/// `text` with everything random replaced that has its exact form.
pub fn replaced(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '*';
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        out.push_str(&form_of(word).unwrap_or_else(|| word.to_owned()));
        let next = after.find(is_word).unwrap_or(after.len());
        let (between, after) = after.split_at(next);
        out.push_str(between);
        rest = after;
    }
    out
}

fn form_of(word: &str) -> Option<String> {
    for (prefix, length) in RANDOM {
        if let Some(random) = word.strip_prefix(prefix)
            && random.len() == length
            && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return Some(format!("<{prefix} and {length}>"));
        }
    }
    let (prefix, length) = MASKED.into_iter().find(|(prefix, _)| word.starts_with(prefix))?;
    let (stars, last) = word.strip_prefix(prefix)?.split_at_checked(length - prefix.len() - 4)?;
    let masked = stars.bytes().all(|byte| byte == b'*') && last.len() == 4;
    masked.then(|| format!("<{prefix}, stars and 4>"))
}

/// `Thu, 01 Jan 1970 00:00:00 GMT`, in form.
fn is_date(text: &str) -> bool {
    let form = "Aaa, 00 Aaa 0000 00:00:00 AAA";
    let alike = |(of, c): (char, char)| match of {
        'A' => c.is_ascii_uppercase(),
        'a' => c.is_ascii_lowercase(),
        '0' => c.is_ascii_digit(),
        other => c == other,
    };
    text.len() == form.len() && form.chars().zip(text.chars()).all(alike)
}

#[test]
fn only_exact_forms_are_replaced() {
    let id = format!("appsecret_{}", "aZ0".repeat(10));
    assert_eq!(replaced(&format!("\"{id}\",")), "\"<appsecret_ and 30>\",");
    for other in [format!("{id}x"), format!("x{id}"), id.replace('Z', "_"), "req_1".to_owned()] {
        assert_eq!(replaced(&other), other);
    }
    let key = format!("sk_test_{}abcd", "*".repeat(41));
    assert_eq!(replaced(&key), "<sk_test_, stars and 4>");
    let shows_more = format!("sk_test_{}xabcd", "*".repeat(40));
    assert_eq!(replaced(&shows_more), shows_more);
    assert!(is_date("Fri, 15 Jan 2027 08:00:00 GMT") && !is_date("15 Jan 2027 08:00:00 GMT"));
}
