//! A head that keeps nothing of the connection's buffer.
//!
//! Headers and target are slices of the buffer into which they were read, 8 KB that stay as long as
//! one of them does. A connection reads on into another buffer meanwhile, so that each change which
//! waits for its turn would have both.

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderValue, Uri};

/// Copies headers and target out of the connection's buffer, into one that is as long as they are.
pub(super) fn take(parts: &mut Parts) {
    let target = parts.uri.to_string();
    let length = parts.headers.values().map(HeaderValue::len).sum::<usize>();
    let mut copy = BytesMut::with_capacity(length.saturating_add(target.len()));
    for value in parts.headers.values_mut() {
        copy_value(value, &mut copy);
    }
    copy.extend_from_slice(target.as_bytes());
    // What was a target is one again.
    if let Ok(uri) = Uri::from_maybe_shared(copy.split().freeze()) {
        parts.uri = uri;
    }
}

fn copy_value(value: &mut HeaderValue, copy: &mut BytesMut) {
    copy.extend_from_slice(value.as_bytes());
    let copied: Bytes = copy.split().freeze();
    // What was a value is one again.
    if let Ok(copied) = HeaderValue::from_maybe_shared(copied) {
        *value = copied;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(target: &Bytes, values: &[Bytes]) -> Parts {
        let mut request = Request::new(());
        *request.uri_mut() = Uri::from_maybe_shared(target.clone()).unwrap();
        for value in values {
            let value = HeaderValue::from_maybe_shared(value.clone()).unwrap();
            request.headers_mut().append("x-some", value);
        }
        request.into_parts().0
    }

    #[test]
    fn the_copy_says_the_same_and_lets_go_of_the_buffer() {
        for target in ["/v1/apps/secrets?expand[]=a&b=%C3%A4", "http://host:1/v1", "*", "host:443"]
        {
            let head = format!("{target}firstsecond\u{e4}");
            let buffer = Bytes::from(head.clone().into_bytes());
            let end = target.len();
            let target = buffer.slice(..end);
            let values = [buffer.slice(end..end + 5), buffer.slice(end + 5..), Bytes::new()];
            let mut parts = parts(&target, &values);
            let before = parts.clone();
            drop((target, values));
            assert!(!buffer.is_unique());
            take(&mut parts);
            assert_eq!((&parts.uri, &parts.headers), (&before.uri, &before.headers));
            drop(before);
            assert!(buffer.is_unique(), "{head}");
        }
    }
}
