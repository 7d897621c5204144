//! API keys: the `Authorization` header, the kind and mode that a key's prefix names, redaction.

use crate::error::ApiError;
use crate::limits;
use crate::reasons;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};
use coffer_base::{Mode, Redacted};
use std::borrow::Cow;

/// The kind of a key, which its first letters name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyKind {
    /// `sk_`: an app's backend.
    Secret,
    /// `rk_`: a backend with fewer rights.
    Restricted,
    /// `pk_`: meant to be public, and so refused by every operation.
    Publishable,
    /// `ek_`: one user of an app on one account, for a short time.
    Ephemeral,
    /// `ak_`: the operator of the server.
    Admin,
}

/// The key in an `Authorization` header: `Bearer <key>`, or `Basic` with the key as the user
/// name. A password is ignored.
///
/// # Errors
/// 401 if there is no header, no key in it, another scheme, or something that cannot be a key:
/// one longer than [`limits::TOKEN_BYTES`], or with characters other than visible ASCII.
pub fn token(header: Option<&[u8]>) -> Result<Redacted<String>, ApiError> {
    let header = header.unwrap_or_default().trim_ascii();
    if header.is_empty() {
        return Err(ApiError::unauthenticated(format!("No API key was sent. {HOW}"))
            .because(&reasons::KEY_ABSENT));
    }
    let space = header.iter().position(|&byte| byte == b' ').unwrap_or(header.len());
    let (scheme, credentials) = header.split_at(space);
    let credentials = credentials.trim_ascii();
    let key = if scheme.eq_ignore_ascii_case(b"Bearer") {
        Redacted::new(credentials.to_vec())
    } else if scheme.eq_ignore_ascii_case(b"Basic") {
        basic_user(credentials)?
    } else {
        let message = format!("The Authorization header is neither Bearer nor Basic. {HOW}");
        return Err(unreadable("it is neither Bearer nor Basic", message));
    };
    check_key(key.expose())
}

/// How to send a key, as errors explain it.
const HOW: &str = "Send it in the Authorization header: 'Bearer <key>', or HTTP Basic with the \
                   key as the user name and an empty password.";

/// The refusal of a header in which no key can be read.
fn unreadable(why: &'static str, message: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::unauthenticated(message).because(&reasons::KEY_UNREADABLE).with_about(why)
}

fn check_key(key: &[u8]) -> Result<Redacted<String>, ApiError> {
    if key.is_empty() {
        return Err(unreadable("the key is empty", format!("The API key is empty. {HOW}")));
    }
    if key.len() > limits::TOKEN_BYTES {
        return Err(unreadable(
            "the key is longer than any",
            "The API key is longer than any key is. Was something else put into the \
             Authorization header?",
        ));
    }
    match std::str::from_utf8(key) {
        Ok(key) if key.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Redacted::new(key.to_owned()))
        }
        _ => Err(unreadable(
            "the key has characters that no key has",
            "The API key has characters in it that no key has, such as spaces. Was it copied \
             correctly?",
        )),
    }
}

/// The user name in the credentials of HTTP Basic.
fn basic_user(credentials: &[u8]) -> Result<Redacted<Vec<u8>>, ApiError> {
    let Some(decoded) = decode_base64(credentials) else {
        return Err(unreadable(
            "it is not valid base64",
            format!("The credentials of HTTP Basic are not valid base64. {HOW}"),
        ));
    };
    let user = decoded.expose().split(|&byte| byte == b':').next().unwrap_or_default();
    Ok(Redacted::new(user.to_vec()))
}

/// Standard base64 (RFC 4648 §4), of which the padding may be missing.
fn decode_base64(text: &[u8]) -> Option<Redacted<Vec<u8>>> {
    let digits = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    LENIENT_BASE64.decode(digits).ok().map(Redacted::new)
}

/// The standard alphabet without padding. Bits left over at the end may be set, since clients
/// that encode by hand leave some.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Most leading characters of a key that are shown, as by Stripe.
const SHOWN_HEAD: usize = 11;

/// Trailing characters of a key that are shown, as by Stripe.
const SHOWN_TAIL: usize = 4;

/// A key as an error or the log may show it: the prefix up to its second underscore, at most 11
/// characters, then stars, then the last 4, in all as long as the key.
///
/// The last 4 are stars too in a key with fewer than 8 characters after the prefix.
pub fn redact_key(token: &str) -> String {
    let length = token.chars().count().min(limits::TOKEN_BYTES);
    let prefix = token.match_indices('_').nth(1).map_or(0, |(at, _)| {
        token.get(..=at).map_or(0, |prefix| prefix.chars().count().min(SHOWN_HEAD))
    });
    let rest = length.saturating_sub(prefix);
    let tail = if rest >= 2 * SHOWN_TAIL { SHOWN_TAIL } else { 0 };
    let mut shown: String = token.chars().take(prefix).collect();
    shown.extend(std::iter::repeat_n('*', rest - tail));
    let skipped = token.chars().count().saturating_sub(tail);
    shown.extend(token.chars().skip(skipped));
    shown
}

/// The kind of a key and, except for an admin key, its mode, by its prefix. `None` if no key has
/// such a prefix.
pub fn key_shape(token: &str) -> Option<(KeyKind, Option<Mode>)> {
    let (kind, rest) = token.split_once('_')?;
    if kind == "ak" {
        return (!rest.is_empty()).then_some((KeyKind::Admin, None));
    }
    let kind = match kind {
        "sk" => KeyKind::Secret,
        "rk" => KeyKind::Restricted,
        "pk" => KeyKind::Publishable,
        "ek" => KeyKind::Ephemeral,
        _ => return None,
    };
    let (mode, random) = rest.split_once('_')?;
    let mode = Mode::parse(mode)?;
    (!random.is_empty()).then_some((kind, Some(mode)))
}

#[cfg(test)]
mod tests;
