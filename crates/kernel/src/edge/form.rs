//! What a request's body says that it is, and what it is: only plain forms are read.

use crate::reasons;
use coffer_dialect::{ApiError, limits};
use http::header::{self, HeaderMap, HeaderValue};

/// Refuses an encoding of the body, before any of it is read.
///
/// # Errors
/// A 400 that names the encoding: of `Content-Encoding` any but `identity`, of `Transfer-Encoding`
/// any but `chunked`.
pub(super) fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    for (name, plain) in
        [(header::CONTENT_ENCODING, "identity"), (header::TRANSFER_ENCODING, "chunked")]
    {
        let Some(value) = headers.get(&name) else { continue };
        if !value.as_bytes().eq_ignore_ascii_case(plain.as_bytes()) {
            return Err(ApiError::invalid(format!(
                "The request's body has the {name} '{}', which is not read: send the form as it \
                 is, without an encoding.",
                shown(value)
            ))
            .because(&reasons::BODY_ENCODED));
        }
    }
    Ok(())
}

/// Accepts a form, or a body without a type. JSON belongs to the real API's `/v2`; taking it here
/// would let a client pass that fails against Stripe.
///
/// # Errors
/// A 400 that says what the body is instead, by its type or by how it begins.
pub(super) fn check(headers: &HeaderMap, body: &[u8]) -> Result<(), ApiError> {
    if let Some(value) = headers.get(header::CONTENT_TYPE) {
        check_content_type(value)?;
    }
    match COMPRESSED.iter().find(|(magic, _)| body.starts_with(magic)) {
        Some((_, encoding)) => Err(not_a_form(&format!("it is compressed ({encoding})"))),
        None if is_json(body) => Err(not_a_form("it is JSON")),
        None => Ok(()),
    }
}

/// Whether a body is a JSON document, for the few operations that take one: its Content-Type says
/// so, or it has none and begins like one.
pub(super) fn is_document(headers: &HeaderMap, body: &[u8]) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return is_json(body) };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().to_ascii_lowercase().ends_with(b"json")
}

/// How compressed data begins that says so.
const COMPRESSED: [(&[u8], &str); 7] = [
    (b"\x1f\x8b", "gzip"),
    (b"\x78\x01", "deflate"),
    (b"\x78\x9c", "deflate"),
    (b"\x78\xda", "deflate"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"PK\x03\x04", "zip"),
];

/// Whether a body is a JSON object, a text, or a list of such, which no form begins like. Read as a
/// form it would be one long name, which the refusal of a name shows.
fn is_json(body: &[u8]) -> bool {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let outer = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'[';
    matches!(body.iter().find(|byte| !outer(byte)), Some(b'{' | b'"'))
}

/// What some editors and libraries put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn check_content_type(value: &HeaderValue) -> Result<(), ApiError> {
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    match essence.as_slice() {
        b"application/x-www-form-urlencoded" => Ok(()),
        b"multipart/form-data" => Err(not_a_form("it is multipart, of which no part is read")),
        json if json.ends_with(b"json") => Err(not_a_form("its Content-Type says JSON")),
        _ => Err(not_a_form(&format!("its Content-Type is '{}'", shown(value)))),
    }
}

fn not_a_form(why: &str) -> ApiError {
    ApiError::invalid(format!(
        "The request's body must be form-encoded, and {why}: send it as name=value pairs with \
         'Content-Type: application/x-www-form-urlencoded'."
    ))
    .because(&reasons::BODY_NOT_A_FORM)
}

/// The refusal of a body that could not be decoded: what is wrong with one of its parameters means
/// nothing if the body is no text at all.
pub(super) fn explain(body: &[u8], error: ApiError) -> ApiError {
    let is_binary = |byte: &u8| byte.is_ascii_control() && !b"\t\r\n".contains(byte);
    if body.iter().any(is_binary) { not_a_form("it is binary, perhaps compressed") } else { error }
}

/// The beginning of a header's value, as an error repeats it.
fn shown(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).chars().take(limits::ECHO_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn only_forms_are_accepted() {
        let typed = |value| check(&headers(header::CONTENT_TYPE, value), b"a=b");
        assert!(check(&HeaderMap::new(), b"a=b").is_ok());
        for form in [
            "application/x-www-form-urlencoded; charset=utf-8",
            "Application/X-WWW-Form-UrlEncoded",
        ] {
            assert!(typed(form).is_ok(), "{form}");
        }
        for (other, says) in [
            ("application/json", "JSON"),
            ("application/vnd.api+json; charset=utf-8", "JSON"),
            ("multipart/form-data; boundary=x", "multipart"),
            ("text/plain", "'text/plain'"),
            ("", "''"),
        ] {
            let error = typed(other).unwrap_err();
            assert!(error.message().contains(says), "{error}");
        }
    }

    #[test]
    fn a_body_is_what_it_says() {
        for (body, says) in [
            (&b"\x1f\x8b\x08\x00rest"[..], "compressed (gzip)"),
            (b"\x78\x9crest", "compressed (deflate)"),
            (b"\x28\xb5\x2f\xfdrest", "compressed (zstd)"),
            (b" {\"name\":\"n\",\"payload\":\"hunter2\"}", "it is JSON"),
            (b"[{\"name\":\"n\",\"payload\":\"hunter2\"}]", "it is JSON"),
            (b"\r\n[ [\t\"hunter2\"]]", "it is JSON"),
            (b"\"hunter2\"", "it is JSON"),
            (b"\xef\xbb\xbf{\"payload\":\"hunter2\"}", "it is JSON"),
        ] {
            let error = check(&HeaderMap::new(), body).unwrap_err();
            assert!(error.message().contains(says), "{error}");
            assert!(!error.message().contains("hunter2"), "{error}");
        }
        for form in ["[a]=1", "[]=1", "a={\"b\":1}", " a=1", "a[]=\"", "\u{feff}a=1"] {
            assert!(check(&HeaderMap::new(), form.as_bytes()).is_ok(), "{form}");
        }
        let error = explain(b"a=%\x00", ApiError::invalid("other"));
        assert!(error.message().contains("binary"), "{error}");
        assert_eq!(explain("é=%\r\n".as_bytes(), ApiError::invalid("other")).message(), "other");
    }

    #[test]
    fn encodings_are_named() {
        let (content, transfer) = (header::CONTENT_ENCODING, header::TRANSFER_ENCODING);
        for (name, value) in [(content.clone(), "identity"), (transfer.clone(), "Chunked")] {
            assert!(check_encoding(&headers(name, value)).is_ok());
        }
        for (name, value) in [
            (content.clone(), "gzip"),
            (content.clone(), "br"),
            (content, "identity, gzip"),
            (transfer, "gzip, chunked"),
        ] {
            let error = check_encoding(&headers(name, value)).unwrap_err();
            assert!(error.message().contains(&format!("'{value}'")), "{error}");
        }
    }
}
