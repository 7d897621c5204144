//! What several targets assert.

use coffer_dialect::ApiError;

/// Asserts that `error` is a refusal with `status`, and that its body is JSON with an `error` in
/// it. It must have no detail for the log: no input of a caller is a fault of the server.
pub fn assert_refusal(error: &ApiError, status: u16) {
    assert_eq!(error.status(), status, "{error:?}");
    assert_eq!(error.log_detail(), None, "{error:?}");
    assert!(!error.message().is_empty());
    let body = String::from_utf8(error.body()).expect("a body is UTF-8");
    assert!(body.starts_with("{\n  \"error\": {\n"), "{body}");
    assert!(is_balanced_json(&body), "{body}");
}

/// Whether strings are closed and hold no bare control characters, brackets match, and only JSON's
/// own punctuation and words stand outside of strings.
fn is_balanced_json(text: &str) -> bool {
    let mut open = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let fits = match character {
            '"' => skip_string(&mut characters),
            '{' | '[' => {
                open.push(character);
                true
            }
            '}' => open.pop() == Some('{'),
            ']' => open.pop() == Some('['),
            ':' | ',' | ' ' | '\n' | '-' | '.' => true,
            other => other.is_ascii_digit() || other.is_ascii_lowercase(),
        };
        if !fits {
            return false;
        }
    }
    open.is_empty()
}

fn skip_string(characters: &mut std::str::Chars<'_>) -> bool {
    while let Some(character) = characters.next() {
        match character {
            '"' => return true,
            '\\' => {
                let Some(escaped) = characters.next() else { return false };
                let digits = if escaped == 'u' { 4 } else { 0 };
                let proper = characters.by_ref().take(digits).all(|d| d.is_ascii_hexdigit());
                if !proper || !"\"\\/bfnrtu".contains(escaped) {
                    return false;
                }
            }
            '\0'..='\x1f' => return false,
            _ => {}
        }
    }
    false
}
