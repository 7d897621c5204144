//! How messages quote refused values, lists of choices and ids: bounded, and escaped.

use crate::limits;
use std::borrow::Cow;

/// At most [`limits::ECHO_CHARACTERS`] of `text`, as errors repeat a refused value.
pub(crate) fn clipped(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(limits::ECHO_CHARACTERS) {
        Some((end, _)) => Cow::Owned(format!("{}...", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// The first and last `ends` characters of a `text` of more than `most` characters.
pub(crate) fn elided(text: &str, ends: usize, most: usize) -> Cow<'_, str> {
    if text.chars().nth(most).is_none() {
        return Cow::Borrowed(text);
    }
    let head = text.char_indices().nth(ends).map_or(text.len(), |(at, _)| at);
    let tail = text.char_indices().rev().take(ends).last().map_or(0, |(at, _)| at);
    let (head, tail) = (text.get(..head), text.get(tail..));
    Cow::Owned(format!("{}...{}", head.unwrap_or_default(), tail.unwrap_or_default()))
}

/// `a`, `a or b`, `a, b, or c`.
pub(crate) fn alternatives<'c>(choices: impl IntoIterator<Item = &'c str>) -> String {
    let choices: Vec<&str> = choices.into_iter().collect();
    match choices.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} or {other}"),
        [some @ .., last] => format!("{}, or {last}", some.join(", ")),
    }
}

/// The message about a missing object, with a hint if its id was copied with a space or a quote.
pub(crate) fn no_such_message(kind: &str, id: &str) -> String {
    let mut message = format!("No such {kind}: '{}'", quoted(id));
    let outer = |c: char| c.is_whitespace() || c == '\'' || c == '"';
    if id.starts_with(outer) || id.ends_with(outer) {
        message.push_str("; it begins or ends with a space or a quote. Was it copied with one?");
    }
    message
}

/// `text` as Stripe puts it between single quotes: escaped, and elided over 998 characters.
pub(crate) fn quoted(text: &str) -> String {
    let text = elided(text, 497, 998);
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '"' | '\\' => quoted.extend(['\\', c]),
            '<' => quoted.push_str("\\u003C"),
            '>' => quoted.push_str("\\u003E"),
            '&' => quoted.push_str("\\u0026"),
            c => quoted.push(c),
        }
    }
    quoted
}
