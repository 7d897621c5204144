//! Form encoding: bytes into names, values and the tree that their brackets describe.

use crate::error::ApiError;
use crate::limits;
use crate::reasons;
use crate::scan;
use crate::tree::{Field, insert, join};
use coffer_base::Redacted;
use std::borrow::Cow;

/// Adds the parameters in `raw` to the tree; `count` is how many the request has so far.
///
/// # Errors
/// 400 for a name or a value that cannot be decoded, brackets that make no path, a path that is
/// used as a value and as an object, and what exceeds one of [`limits`].
pub(crate) fn decode(raw: &[u8], tree: &mut Vec<Field>, count: &mut usize) -> Result<(), ApiError> {
    for pair in raw.split(|&byte| byte == b'&').filter(|pair| !says_nothing(pair)) {
        *count += 1;
        if *count > limits::PARAMETERS {
            return Err(ApiError::invalid(format!(
                "The request has too many parameters: at most {}.",
                limits::PARAMETERS
            ))
            .because(&reasons::FORM_TOO_MANY));
        }
        let mut halves = pair.splitn(2, |&byte| byte == b'=');
        let name = decode_name(halves.next().unwrap_or_default())?;
        let path = Path::parse(&name)?;
        let value = decode_text(halves.next().unwrap_or_default())
            .map_err(|error| ApiError::invalid_param(&*name, error.describe("value")))
            .map_err(malformed)?;
        insert(tree, path.segments(), Redacted::new(value)).map_err(|level| {
            let clash = join(path.segments().iter().take(level).copied());
            let message = format!(
                "'{clash}' was sent both as a plain value and with brackets after it; send one \
                 of them."
            );
            malformed(ApiError::invalid_param(clash, message))
        })?;
    }
    Ok(())
}

/// Whether a pair has neither a name nor a value: Rust's `serde_qs`, and async-stripe with it,
/// writes `=` for a form without parameters.
fn says_nothing(pair: &[u8]) -> bool {
    matches!(pair, b"" | b"=")
}

fn malformed(error: ApiError) -> ApiError {
    error.because(&reasons::FORM_MALFORMED)
}

/// A name split at its brackets: `a[b][]` is `a`, `b` and the empty segment.
struct Path<'n> {
    segments: [&'n str; limits::PARAMETER_DEPTH],
    depth: usize,
}

impl<'n> Path<'n> {
    fn parse(name: &'n str) -> Result<Self, ApiError> {
        let end = name.find(['[', ']']).unwrap_or(name.len());
        let (first, mut rest) = name.split_at_checked(end).unwrap_or((name, ""));
        if first.is_empty() {
            return Err(malformed(ApiError::invalid(format!(
                "A parameter must begin with a name; this one does not: '{name}'."
            ))));
        }
        let mut path = Self { segments: [""; limits::PARAMETER_DEPTH], depth: 0 };
        path.push(first, name)?;
        while !rest.is_empty() {
            let inner = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            match inner {
                Some((segment, after)) if !segment.contains('[') => {
                    path.push(segment, name)?;
                    rest = after;
                }
                _ => {
                    return Err(malformed(ApiError::invalid(format!(
                        "The brackets of the parameter '{name}' do not match up: write 'a', \
                         'a[b]' or 'a[]'."
                    ))));
                }
            }
        }
        Ok(path)
    }

    fn push(&mut self, segment: &'n str, name: &str) -> Result<(), ApiError> {
        let Some(slot) = self.segments.get_mut(self.depth) else {
            let most = limits::PARAMETER_DEPTH;
            let message =
                format!("The parameter '{name}' is nested too deeply: at most {most} levels.");
            let error = ApiError::invalid_param(name, message);
            return Err(error.because(&reasons::FORM_TOO_MANY));
        };
        *slot = segment;
        self.depth += 1;
        Ok(())
    }

    fn segments(&self) -> &[&'n str] {
        self.segments.get(..self.depth).unwrap_or_default()
    }
}

/// Why bytes cannot be decoded.
enum DecodeError {
    Percent,
    Utf8,
}

impl DecodeError {
    fn describe(&self, what: &str) -> String {
        match self {
            Self::Percent => format!(
                "A parameter's {what} has a '%' without two hexadecimal digits after it; write \
                 the percent sign itself as '%25'."
            ),
            Self::Utf8 => format!("A parameter's {what} is not valid UTF-8."),
        }
    }
}

fn decode_name(raw: &[u8]) -> Result<Cow<'_, str>, ApiError> {
    let name = if scan::find(raw, is_encoded).is_some() {
        decode_text(raw).map(Cow::Owned)
    } else {
        std::str::from_utf8(raw).map(Cow::Borrowed).map_err(|_| DecodeError::Utf8)
    };
    let name = name.map_err(|error| malformed(ApiError::invalid(error.describe("name"))))?;
    if name.len() > limits::PARAMETER_NAME_BYTES {
        return Err(ApiError::invalid(format!(
            "A parameter's name is too long: at most {} bytes, brackets included. Was a value \
             sent without its name and '='?",
            limits::PARAMETER_NAME_BYTES
        ))
        .because(&reasons::FORM_TOO_MANY));
    }
    Ok(name)
}

/// The text that `raw` encodes, in one allocation, so that no copy of a secret is left behind.
fn decode_text(raw: &[u8]) -> Result<String, DecodeError> {
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = scan::find(rest, is_encoded) {
        let (plain, encoded) = rest.split_at(at);
        text.extend_from_slice(plain);
        rest = match encoded {
            [b'+', after @ ..] => {
                text.push(b' ');
                after
            }
            [b'%', high, low, after @ ..] => {
                text.push(hexadecimal(*high, *low).ok_or(DecodeError::Percent)?);
                after
            }
            _ => return Err(DecodeError::Percent),
        };
    }
    text.extend_from_slice(rest);
    String::from_utf8(text).map_err(|error| {
        drop(Redacted::new(error.into_bytes()));
        DecodeError::Utf8
    })
}

const fn is_encoded(byte: u8) -> bool {
    matches!(byte, b'%' | b'+')
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}
