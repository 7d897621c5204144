//! How a key is sent, what its shape says, and how it may be shown (conventions §1).

use crate::error::ApiError;
use coffer_base::{Mode, Redacted, limit};

/// The kind of a key, which its first letters say.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyKind {
    /// `sk_`: an app's backend.
    Secret,
    /// `rk_`: a backend with fewer rights.
    Restricted,
    /// `pk_`: made for public places, and so never enough here.
    Publishable,
    /// `ek_`: one user of an app on one account, for a short time.
    Ephemeral,
    /// `ak_`: whoever runs the server.
    Admin,
}

/// The key in an `Authorization` header: `Bearer <key>`, or `Basic` with the key as the user
/// name. A password is ignored.
///
/// # Errors
/// 401 if there is no header, no key in it, another scheme, or something that cannot be a key:
/// one longer than [`limit::TOKEN_BYTES`], or with characters other than visible ASCII.
pub fn token(header: Option<&[u8]>) -> Result<Redacted<String>, ApiError> {
    let header = header.unwrap_or_default().trim_ascii();
    if header.is_empty() {
        return Err(ApiError::unauthenticated(format!("No API key was sent. {HOW}")));
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
        return Err(ApiError::unauthenticated(message));
    };
    checked(key.expose())
}

const HOW: &str = "Send it in the Authorization header: 'Bearer <key>', or HTTP Basic with the \
                   key as the user name and an empty password.";

fn checked(key: &[u8]) -> Result<Redacted<String>, ApiError> {
    if key.is_empty() {
        return Err(ApiError::unauthenticated(format!("The API key is empty. {HOW}")));
    }
    if key.len() > limit::TOKEN_BYTES {
        return Err(ApiError::unauthenticated(
            "The API key is longer than any key is. Was something else put into the \
             Authorization header?",
        ));
    }
    match std::str::from_utf8(key) {
        Ok(key) if key.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Redacted::new(key.to_owned()))
        }
        _ => Err(ApiError::unauthenticated(
            "The API key has characters in it that no key has, such as spaces. Was it copied \
             correctly?",
        )),
    }
}

/// The user name in the credentials of HTTP Basic.
fn basic_user(credentials: &[u8]) -> Result<Redacted<Vec<u8>>, ApiError> {
    let Some(decoded) = decode_base64(credentials) else {
        return Err(ApiError::unauthenticated(format!(
            "The credentials of HTTP Basic are not valid base64. {HOW}"
        )));
    };
    let user = decoded.expose().split(|&byte| byte == b':').next().unwrap_or_default();
    Ok(Redacted::new(user.to_vec()))
}

/// Standard base64 (RFC 4648 §4), of which the padding may be missing.
fn decode_base64(text: &[u8]) -> Option<Redacted<Vec<u8>>> {
    let unpadded = text.len() - text.iter().rev().take(2).take_while(|&&b| b == b'=').count();
    let digits = text.get(..unpadded)?;
    let mut out = Vec::with_capacity(digits.len());
    for group in digits.chunks(4) {
        let mut bits = 0u32;
        for &digit in group {
            bits = bits << 6 | sextet(digit)?;
        }
        bits <<= 6 * (4 - u32::try_from(group.len()).ok()?);
        // A single digit left over has too few bits for a byte.
        let bytes = group.len().checked_sub(1).filter(|&bytes| bytes > 0)?;
        out.extend(bits.to_be_bytes().into_iter().skip(1).take(bytes));
    }
    Some(Redacted::new(out))
}

const fn sextet(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value as u32)
}

/// Most leading characters of a key that are shown (conventions §1).
const SHOWN_HEAD: usize = 11;

/// Trailing characters of a key that are shown (conventions §1).
const SHOWN_TAIL: usize = 4;

/// A key as an error or the log may show it: the prefix up to its second underscore, at most 11
/// characters, then stars, then the last 4, in all as long as the key (conventions §1).
///
/// The last 4 are stars too where they were more than half of what follows the prefix.
pub fn redact_key(token: &str) -> String {
    let length = token.chars().count().min(limit::TOKEN_BYTES);
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

/// What the shape of a key says: its kind and, but for an admin's, its mode. `None` for what has
/// the shape of no key of ours.
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
