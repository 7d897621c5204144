use super::*;

fn read(header: &str) -> Result<String, ApiError> {
    token(Some(header.as_bytes())).map(|token| token.expose().clone())
}

#[test]
fn keys_are_found_in_both_schemes() {
    for header in [
        "Bearer sk_test_1234",
        "bearer   sk_test_1234 ",
        "Basic c2tfdGVzdF8xMjM0Og==",
        "BASIC c2tfdGVzdF8xMjM0Og",
        "Basic c2tfdGVzdF8xMjM0",
        "Basic c2tfdGVzdF8xMjM0OnBhc3M6d29yZA==",
    ] {
        assert_eq!(read(header).unwrap(), "sk_test_1234", "{header}");
    }
}

#[test]
fn every_other_header_is_a_401_that_shows_none_of_it() {
    let long = format!("Bearer {}", "k".repeat(limits::TOKEN_BYTES + 1));
    let table: &[(&str, &str)] = &[
        ("", "No API key was sent."),
        ("  ", "No API key was sent."),
        ("Bearer", "The API key is empty."),
        ("Bearer ", "The API key is empty."),
        ("Basic Og==", "The API key is empty."),
        ("Basic", "The API key is empty."),
        ("Basic hunter2!", "The credentials of HTTP Basic are not valid base64."),
        ("Basic c2tfdGVzdF8xMjM0O", "The credentials of HTTP Basic are not valid base64."),
        ("Basic =", "The API key is empty."),
        ("Basic c2tf=dGVz", "The credentials of HTTP Basic are not valid base64."),
        ("sk_test_hunter2", "The Authorization header is neither Bearer nor Basic."),
        ("Digest hunter2", "The Authorization header is neither Bearer nor Basic."),
        ("Bearer hunter2 hunter2", "The API key has characters in it that no key has"),
        ("Bearer hunter2\u{e9}", "The API key has characters in it that no key has"),
        (&long, "The API key is longer than any key is."),
    ];
    let longest = "k".repeat(limits::TOKEN_BYTES);
    assert_eq!(read(&format!("Bearer {longest}")).unwrap(), longest);
    for (header, begins) in table {
        let error = read(header).unwrap_err();
        assert_eq!(error.status(), 401, "{header}");
        assert!(error.message().starts_with(begins), "{header}: {error}");
        assert!(!error.message().contains("hunter2"), "{error}");
        assert_eq!((error.code(), error.param()), (None, None));
    }
    assert_eq!(token(None).unwrap_err().message(), read("").unwrap_err().message());
    assert!(token(Some(&[b'B', b'e', 0xFF, 0xFE])).is_err());
}

#[test]
fn base64_has_the_published_vectors() {
    // RFC 4648 §10.
    for (text, plain) in [
        ("", ""),
        ("Zg==", "f"),
        ("Zm8=", "fo"),
        ("Zm9v", "foo"),
        ("Zm9vYg==", "foob"),
        ("Zm9vYmE=", "fooba"),
        ("Zm9vYmFy", "foobar"),
    ] {
        assert_eq!(decode_base64(text.as_bytes()).unwrap().expose(), plain.as_bytes());
    }
    // Missing padding, padding in excess, and bits left over are forgiven.
    for text in ["Zg", "Zg=", "Zh==", "Zm9vZg"] {
        assert_eq!(decode_base64(text.as_bytes()).unwrap().expose().last(), Some(&b'f'), "{text}");
    }
    for text in ["Z", "Zm9vZ", "Zg===", "Z=g=", "Zm9_", "Zm9-", "Zm 9v"] {
        assert!(decode_base64(text.as_bytes()).is_none(), "{text}");
    }
    assert_eq!(decode_base64(b"+/+/").unwrap().expose(), &[0xFB, 0xFF, 0xBF]);
}

#[test]
fn keys_are_shown_by_their_ends() {
    for (key, shown) in [
        ("sk_test_abcdefgh1234", "sk_test_********1234"),
        ("sk_live_coffer_abcdefgh1234", "sk_live_***************1234"),
        ("ak_coffer_abcdefgh1234", "ak_coffer_********1234"),
        ("longprefix_longerstill_abcdefgh1234", "longprefix_********************1234"),
        ("nounderscores", "*********ores"),
        ("one_underscore", "**********core"),
        ("sk_test_1234567", "sk_test_*******"),
        ("sk_test_12345678", "sk_test_****5678"),
        ("sk_test_", "sk_test_"),
        ("é_é_ééééééééé", "é_é_*****éééé"),
        ("short", "*****"),
        ("", ""),
    ] {
        assert_eq!(redact_key(key), shown);
        assert_eq!(redact_key(key).chars().count(), key.chars().count());
    }
    let long = redact_key(&"k".repeat(60_000));
    assert_eq!(long.len(), limits::TOKEN_BYTES);
}

#[test]
fn shapes_say_kind_and_mode() {
    let (test, live) = (Some(Mode::Test), Some(Mode::Live));
    for (key, shape) in [
        ("sk_test_1", Some((KeyKind::Secret, test))),
        ("sk_live_coffer_1", Some((KeyKind::Secret, live))),
        ("rk_test_1", Some((KeyKind::Restricted, test))),
        ("pk_live_1", Some((KeyKind::Publishable, live))),
        ("ek_test_1", Some((KeyKind::Ephemeral, test))),
        ("ak_coffer_1", Some((KeyKind::Admin, None))),
        ("ak_", None),
        ("sk_test_", None),
        ("sk_test", None),
        ("sk_org_1", None),
        ("rkcs_test_1", None),
        ("SK_test_1", None),
        ("", None),
    ] {
        assert_eq!(key_shape(key), shape, "{key}");
    }
}
