use super::ApiError;
use serde_json::{Value, json};

const KEY: &str = "sk_test_********1234";

/// Checks the status, `Stripe-Should-Retry`, and the whole body of a failure. What is about a
/// parameter's value stands with the readers.
fn assert_response(error: &ApiError, status: u16, retry: Option<bool>, expected: &Value) {
    assert_eq!(error.status(), status, "{error}");
    assert_eq!(error.should_retry(), retry, "{error}");
    assert_eq!(error.is_authentication_failure(), status == 401, "{error}");
    // With keys kept in order, equal text means that they are sorted and complete.
    let text = serde_json::to_string_pretty(&json!({ "error": expected })).unwrap();
    assert_eq!(String::from_utf8(error.body()).unwrap(), text);
}

/// A body's `error` of the usual type.
fn request(code: &str, message: &str, param: &str) -> Value {
    let mut error = json!({
        "code": code, "message": message, "param": param, "type": "invalid_request_error"
    });
    error.as_object_mut().unwrap().retain(|_, value| value != "");
    error
}

#[test]
fn objects_and_urls_that_do_not_exist() {
    let missing = "resource_missing";
    let error = ApiError::no_such("secret", "appsecret_1", "starting_after");
    let body = request(missing, "No such secret: 'appsecret_1'", "starting_after");
    assert_response(&error, 400, None, &body);
    let error = ApiError::not_found("secret", "token", "name");
    assert_response(&error, 404, None, &request(missing, "No such secret: 'token'", "name"));
    let error = ApiError::unrecognized_url("GET", "/v1/x?payload=hunter2");
    let message = "Unrecognized request URL (GET: /v1/x). Check the method and the path: it \
                   begins with /v1/ and does not end with a slash.";
    assert_response(&error, 404, None, &request("", message, ""));
}

#[test]
fn callers_who_may_not() {
    let no = ApiError::forbidden("No.").with_param("scope[user]");
    for (error, status, code, param, message) in [
        (ApiError::unauthenticated("Who?"), 401, "", "", "Who?"),
        (ApiError::invalid_key(KEY), 401, "", "", "Invalid API Key provided: {key}"),
        (
            ApiError::key_expired(KEY),
            401,
            "api_key_expired",
            "",
            "Expired API Key provided: {key}. Use the key that took its place.",
        ),
        (no, 403, "", "scope[user]", "No."),
        (
            ApiError::secret_key_required(),
            403,
            "secret_key_required",
            "",
            "A publishable key cannot be used here. Use a secret or a restricted key, and keep \
             it on your server.",
        ),
        (
            ApiError::account_invalid(KEY, "acct_1"),
            403,
            "account_invalid",
            "",
            "The API key {key} has no access to the account 'acct_1', or there is no such \
             account. The app may have been uninstalled there.",
        ),
        (
            ApiError::permission_denied(KEY, "acct_1", "secret_write"),
            403,
            "",
            "",
            "The API key {key} may not do this on the account 'acct_1': it lacks the permission \
             'secret_write'. Give it that permission, or use a key that has it.",
        ),
    ] {
        let body = request(code, &message.replace("{key}", KEY), param);
        assert_response(&error, status, None, &body);
    }
}

#[test]
fn requests_in_each_others_way() {
    for (error, used) in [
        (
            ApiError::idempotency_other_operation("k1", "a.create", "b.create"),
            "for 'a.create', and this request is 'b.create'",
        ),
        (
            ApiError::idempotency_other_parameters("k1", "a.create"),
            "for 'a.create' with other parameters, or on another object",
        ),
    ] {
        let message = format!(
            "The idempotency key 'k1' was already used {used}. Use a new key for a new request."
        );
        let body = json!({ "message": message, "type": "idempotency_error" });
        assert_response(&error, 400, None, &body);
    }
    let message = "Another request with the idempotency key 'k1' is still being worked on. Send \
                   this one again in a moment.";
    let body = request("idempotency_key_in_use", message, "");
    assert_response(&ApiError::idempotency_in_use("k1"), 409, Some(true), &body);
    let message = "Other requests were changing the same object for too long. Send this one \
                   again in a moment.";
    let body = request("lock_timeout", message, "");
    assert_response(&ApiError::lock_timeout(), 429, Some(true), &body);
}

#[test]
fn requests_that_are_wrong_as_a_whole() {
    for (error, status, retry, message) in [
        (ApiError::invalid("No."), 400, None, "No."),
        (ApiError::timeout("Too slow."), 408, Some(true), "Too slow."),
        (ApiError::too_large("Too large."), 413, None, "Too large."),
        (
            ApiError::headers_too_large(),
            431,
            None,
            "The request has too many headers: at most 100, and 65536 bytes together.",
        ),
        (
            ApiError::url_too_long(),
            414,
            None,
            "The request's URL is longer than 65534 bytes. Send the parameters in the body \
             instead, as a form.",
        ),
    ] {
        assert_response(&error, status, retry, &request("", message, ""));
    }
}

#[test]
fn faults_of_the_server() {
    for (error, status, retry, message) in [
        (
            ApiError::internal("row 7 is torn"),
            500,
            false,
            "Something went wrong in the server, and its log says what. Ask whoever runs it, \
             and give the request's id.",
        ),
        (
            ApiError::unavailable("the disk is full"),
            503,
            true,
            "The server cannot do this at the moment, and nothing was changed. Send the request \
             again later.",
        ),
        (
            ApiError::unknown_outcome("fsync"),
            500,
            true,
            "The request was interrupted, and may or may not have taken effect. Send it again \
             with the same idempotency key to find out.",
        ),
    ] {
        let body = json!({ "message": message, "type": "api_error" });
        assert_response(&error, status, Some(retry), &body);
    }
}

#[test]
fn a_body_is_printed_for_people() {
    let body = ApiError::parameter_missing("scope[type]").body();
    let expected = r#"{
  "error": {
    "code": "parameter_missing",
    "message": "Missing required param: scope[type].",
    "param": "scope[type]",
    "type": "invalid_request_error"
  }
}"#;
    assert_eq!(String::from_utf8(body).unwrap(), expected);
}

#[test]
fn the_detail_is_for_the_log_alone() {
    let error = ApiError::internal("row 7 is torn");
    assert_eq!(error.log_detail(), Some("row 7 is torn"));
    assert!(format!("{error:?}").contains("row 7 is torn"));
    assert!(!error.to_string().contains("row 7"));
    assert!(!String::from_utf8(error.body()).unwrap().contains("row 7"));
}

#[test]
fn ids_are_escaped_elided_and_explained() {
    let message = |id: &str| ApiError::not_found("secret", id, "name").message().to_owned();
    assert_eq!(message(r#"a'b"c\d"#), r#"No such secret: 'a\'b\"c\\d'"#);
    assert_eq!(message("<b>&"), r"No such secret: '\u003Cb\u003E\u0026'");
    for slip in [" token", "token\n", "'token'", "token\""] {
        assert!(message(slip).ends_with("Was it copied with one?"), "{slip}");
    }
    let longest = "é".repeat(998);
    assert_eq!(message(&longest), format!("No such secret: '{longest}'"));
    let elided = message(&"é".repeat(999));
    let half = "é".repeat(497);
    assert_eq!(elided, format!("No such secret: '{half}...{half}'"));
}

#[test]
fn what_callers_send_is_repeated_only_so_far() {
    let long = "x".repeat(60_000);
    for error in [
        ApiError::invalid_integer("a", &long),
        ApiError::invalid_boolean("a", &long),
        ApiError::too_long("a", &long, 5000),
        ApiError::not_found("secret", &long, "name"),
        ApiError::unrecognized_url(&long, &long),
        ApiError::account_invalid("sk_test_****", &long),
        ApiError::invalid_string("a", &long),
        ApiError::idempotency_other_operation(&long, &long, "a.create"),
    ] {
        assert!(error.body().len() < 1500, "{} bytes", error.body().len());
    }
    let forty = "9".repeat(40);
    let message = |text: &str| ApiError::invalid_integer("a", text).message().to_owned();
    assert_eq!(message(&forty), format!("Invalid integer: {forty}"));
    assert_eq!(message(&format!("{forty}9")), format!("Invalid integer: {forty}..."));
}

#[test]
fn choices_are_listed_as_in_a_sentence() {
    let message = |choices: &[&str]| {
        ApiError::invalid_choice("x", choices.iter().copied()).message().to_owned()
    };
    assert_eq!(message(&["a"]), "Invalid x: must be one of a");
    assert_eq!(message(&["a", "b"]), "Invalid x: must be one of a or b");
    assert_eq!(message(&["a", "b", "c"]), "Invalid x: must be one of a, b, or c");
}
