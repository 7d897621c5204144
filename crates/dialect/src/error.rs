//! Every failure that a response can report, and its body.
//!
//! The only file that knows HTTP status numbers. A message is for the caller. What only the
//! operator may know is in the detail for the log, which [`ApiError::body`] never contains.

mod in_force;
mod limited;
mod parameter;
mod reason;

pub use limited::LimitReason;

use crate::object::{Object, Value};
use crate::reason::Reason;
use crate::reasons;
use crate::wording::{clipped, elided, no_such_message, quoted};
use coffer_base::limit;
use std::borrow::Cow;
use std::fmt;

/// Every status of a failure, and what it means: each of them can be the answer to any operation,
/// but for a 409, which only a POST with an idempotency key meets.
pub const STATUSES: [(u16, &str); 12] = [
    (400, "A parameter or a header is wrong or missing, or a rule forbids the request."),
    (401, "There is no key, or it is not known, or it has expired."),
    (403, "The key may not do this, or not on this account."),
    (404, "There is no such object, or no such operation."),
    (408, "The request was sent too slowly; nothing was carried out."),
    (409, "A request with the same idempotency key is being worked on."),
    (413, "The body is too long."),
    (414, "The URL is too long."),
    (429, "There were too many requests, or the locks that this one needed were taken."),
    (431, "There are too many headers, or they are too long."),
    (500, "A fault of the server, or an interruption after which the outcome is unknown."),
    (503, "The server cannot do this at the moment; nothing was changed."),
];

/// The values of an error's `type`.
pub const TYPES: [&str; 3] =
    [Kind::Api.as_str(), Kind::Idempotency.as_str(), Kind::InvalidRequest.as_str()];

/// The `type` of a failure on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Api,
    Idempotency,
    InvalidRequest,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api_error",
            Self::Idempotency => "idempotency_error",
            Self::InvalidRequest => "invalid_request_error",
        }
    }
}

#[derive(Clone, Debug)]
struct Parts {
    status: u16,
    kind: Kind,
    code: Option<&'static str>,
    param: Option<String>,
    message: Cow<'static, str>,
    retry: Option<bool>,
    limit: Option<LimitReason>,
    detail: Option<String>,
    /// Why, for the operator.
    reason: &'static Reason,
    /// What that is about.
    about: Option<Cow<'static, str>>,
    /// Whether the caller itself asks for more than can be done.
    load: bool,
}

/// A failure as the caller sees it: a status, a type, and what was wrong.
///
/// `Debug` shows all of it, the detail for the log too, and is for the log. It never holds a secret
/// value, since no constructor is given one.
#[derive(Clone)]
pub struct ApiError(Box<Parts>);

/// Constructors of all other failures.
impl ApiError {
    /// 404: what the request is about does not exist.
    pub fn not_found(kind: &str, id: &str, param: &str) -> Self {
        Self::request(404, &reasons::OBJECT_MISSING, no_such_message(kind, id))
            .with_param(param)
            .with_code("resource_missing")
            .with_about(kind.to_owned())
    }

    /// 404: no operation has this method and path. A query is never shown: it may hold secrets.
    pub fn unrecognized_url(method: &str, path: &str) -> Self {
        let path = path.split('?').next().unwrap_or_default();
        let message = format!(
            "Unrecognized request URL ({}: {}). Check the method and the path: it begins with \
             /v1/ and does not end with a slash.",
            clipped(method),
            elided(path, 100, 200)
        );
        Self::request(404, &reasons::URL_UNKNOWN, message)
    }

    /// 404: Stripe's API has this path, and Coffer does not serve it; `served` lists what it does.
    pub fn not_served(method: &str, path: &str, served: &str) -> Self {
        let path = path.split('?').next().unwrap_or_default();
        let message = format!(
            "Unrecognized request URL ({}: {}). Stripe's API has this, and Coffer does not: it \
             serves {served}. Send this request to Stripe.",
            clipped(method),
            elided(path, 100, 200)
        );
        Self::request(404, &reasons::URL_OF_STRIPE, message)
    }

    /// 401: no key, or none that is known; goes with a `WWW-Authenticate` header.
    pub fn unauthenticated(message: impl Into<Cow<'static, str>>) -> Self {
        Self::request(401, &reasons::KEY_UNKNOWN, message)
    }

    /// 401: a key that is not known; `redacted` comes from
    /// [`redact_key`](crate::authorization::redact_key).
    pub fn invalid_key(redacted: &str) -> Self {
        Self::unauthenticated(format!("Invalid API Key provided: {redacted}"))
    }

    /// 401: a key that has expired; `redacted` as for [`ApiError::invalid_key`].
    pub fn key_expired(redacted: &str) -> Self {
        Self::unauthenticated(format!(
            "Expired API Key provided: {redacted}. Use the key that took its place."
        ))
        .with_code("api_key_expired")
        .because(&reasons::KEY_EXPIRED)
    }

    /// 403: a known caller who may not do this.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::request(403, &reasons::FORBIDDEN, message)
    }

    /// 403: a publishable key where a secret one is needed.
    pub fn secret_key_required() -> Self {
        Self::forbidden(
            "A publishable key cannot be used here. Use a secret or a restricted key, and keep \
             it on your server.",
        )
        .with_code("secret_key_required")
        .because(&reasons::KEY_PUBLISHABLE)
    }

    /// 403: the account does not exist, or the key's app is not installed on it. The text is
    /// the same for both, so that it does not reveal which accounts exist.
    pub fn account_invalid(redacted_key: &str, account: &str) -> Self {
        Self::forbidden(format!(
            "The API key {redacted_key} has no access to the account '{}', or there is no such \
             account. The app may have been uninstalled there.",
            quoted(account)
        ))
        .with_code("account_invalid")
        .because(&reasons::ACCOUNT_NO_ACCESS)
    }

    /// 403: a restricted key without the permission that the operation needs.
    pub fn permission_denied(redacted_key: &str, account: &str, permission: &str) -> Self {
        Self::forbidden(format!(
            "The API key {redacted_key} may not do this on the account '{}': it lacks the \
             permission '{permission}'. Give it that permission, or use a key that has it.",
            quoted(account)
        ))
        .because(&reasons::PERMISSION_MISSING)
        .with_about(permission.to_owned())
    }

    /// 403: the account has not granted the app the permission that the operation needs.
    pub fn permission_not_granted(redacted_key: &str, account: &str, permission: &str) -> Self {
        Self::forbidden(format!(
            "The API key {redacted_key} may not do this on the account '{}': the account has not \
             granted the app the permission '{permission}'. The app must ask for it, and whoever \
             decides for the account must authorize the app again.",
            quoted(account)
        ))
        .because(&reasons::PERMISSION_NOT_GRANTED)
        .with_about(permission.to_owned())
    }

    /// 400 `idempotency_error`: the key was used for the operation `first`, and now comes with
    /// `second`.
    pub fn idempotency_other_operation(key: &str, first: &str, second: &str) -> Self {
        let was = format!("for '{}', and this request is '{second}'", clipped(first));
        Self::idempotency_mismatch(&reasons::IDEMPOTENCY_OTHER_OPERATION, key, &was)
    }

    /// 400 `idempotency_error`: the key was used for the same operation with other parameters, or
    /// on another object. Neither those nor these are shown: they may hold secrets.
    pub fn idempotency_other_parameters(key: &str, operation: &str) -> Self {
        let was = format!("for '{operation}' with other parameters, or on another object");
        Self::idempotency_mismatch(&reasons::IDEMPOTENCY_OTHER_PARAMETERS, key, &was)
    }

    fn idempotency_mismatch(reason: &'static Reason, key: &str, was: &str) -> Self {
        let message = format!(
            "The idempotency key '{}' was already used {was}. Use a new key for a new request.",
            quoted(key)
        );
        Self::new(400, Kind::Idempotency, reason, message)
    }

    /// 409: a request with this key is in flight.
    pub fn idempotency_in_use(key: &str) -> Self {
        Self::request(
            409,
            &reasons::IDEMPOTENCY_IN_USE,
            format!(
                "Another request with the idempotency key '{}' is still being worked on. Send \
                 this one again in a moment.",
                quoted(key)
            ),
        )
        .with_code("idempotency_key_in_use")
        .with_retry(true)
    }

    /// 409: what the request depends on is not so, or no longer. To send it again as it is helps
    /// nobody, so the SDKs are told not to.
    pub fn conflict(
        reason: &'static Reason,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::request(409, reason, message).with_code(code).with_retry(false)
    }

    /// 429: the locks that the request needed were taken for too long. It is no rate limit.
    pub fn lock_timeout() -> Self {
        Self::request(
            429,
            &reasons::LOCK_TIMEOUT,
            "Other requests were changing the same object for too long. Send this one again in \
             a moment.",
        )
        .with_code("lock_timeout")
        .with_retry(true)
    }

    /// 413: the body is longer than [`limit::BODY_BYTES`].
    pub fn too_large(message: impl Into<Cow<'static, str>>) -> Self {
        Self::request(413, &reasons::BODY_TOO_LARGE, message)
    }

    /// 431: more headers than [`limit::HEADERS`], or longer ones than [`limit::HEADER_BYTES`].
    pub fn headers_too_large() -> Self {
        Self::request(
            431,
            &reasons::HEADERS_TOO_LARGE,
            format!(
                "The request has too many headers: at most {}, and {} bytes together.",
                limit::HEADERS,
                limit::HEADER_BYTES
            ),
        )
    }

    /// 414: the request's target is longer than [`limit::URL_BYTES`].
    pub fn url_too_long() -> Self {
        let most = limit::URL_BYTES;
        let message = format!(
            "The request's URL is longer than {most} bytes. Send the parameters in the body \
             instead, as a form."
        );
        Self::request(414, &reasons::URL_TOO_LONG, message)
    }

    /// 408: the caller was too slow to send the request, so nothing was executed and it may be
    /// sent again. A request that times out while it is executed is
    /// [`ApiError::unknown_outcome`] instead.
    pub fn timeout(message: impl Into<Cow<'static, str>>) -> Self {
        Self::request(408, &reasons::BODY_LATE, message).with_retry(true)
    }

    /// 500: a fault of the server that a retry would meet again, so clients should not retry.
    /// `detail` goes to the log.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(
            500,
            Kind::Api,
            &reasons::INTERNAL,
            "Something went wrong in the server, and its log says what. Ask whoever runs it, \
             and give the request's id.",
        )
        .with_retry(false)
        .with_detail(detail)
    }

    /// 503: something that the server needs is unavailable or full; nothing was changed.
    /// `detail` goes to the log.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(
            503,
            Kind::Api,
            &reasons::UNAVAILABLE,
            "The server cannot do this at the moment, and nothing was changed. Send the request \
             again later.",
        )
        .with_retry(true)
        .with_detail(detail)
    }

    /// 503: more waits on this caller's account than is allowed, or than was done in time; nothing
    /// was changed. It is no fault of the server.
    pub fn busy() -> Self {
        let mut error = Self::new(
            503,
            Kind::Api,
            &reasons::BUSY,
            "Too many of your requests are waiting, and this one was not carried out. Send it \
             again in a moment, and fewer at once.",
        )
        .with_retry(true);
        error.0.load = true;
        error
    }

    /// 500: it is unknown whether the change was stored. A retry with the same idempotency key
    /// replays the stored response or executes the request. `detail` goes to the log.
    pub fn unknown_outcome(detail: impl Into<String>) -> Self {
        Self::new(
            500,
            Kind::Api,
            &reasons::UNKNOWN_OUTCOME,
            "The request was interrupted, and may or may not have taken effect. Send it again \
             with the same idempotency key to find out.",
        )
        .with_retry(true)
        .with_detail(detail)
    }

    fn request(
        status: u16,
        reason: &'static Reason,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(status, Kind::InvalidRequest, reason, message)
    }

    fn new(
        status: u16,
        kind: Kind,
        reason: &'static Reason,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Parts {
            status,
            kind,
            code: None,
            param: None,
            message: message.into(),
            retry: None,
            limit: None,
            detail: None,
            reason,
            about: None,
            load: false,
        }))
    }
}

/// The parts of a failure, and what may be added to it.
impl ApiError {
    /// The same failure, blamed on the parameter with this bracket path.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.0.param = Some(param.into());
        self
    }

    /// The same failure with a documented `code`.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.0.code = Some(code);
        self
    }

    fn with_retry(mut self, retry: bool) -> Self {
        self.0.retry = Some(retry);
        self
    }

    fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// The value of the `Stripe-Should-Retry` header, if the response has that header.
    pub fn should_retry(&self) -> Option<bool> {
        self.0.retry
    }

    /// The documented code, if this failure has one.
    pub fn code(&self) -> Option<&str> {
        self.0.code
    }

    /// The bracket path of the parameter that is to blame, if one is.
    pub fn param(&self) -> Option<&str> {
        self.0.param.as_deref()
    }

    /// The message for the caller.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether it is refused for this reason.
    pub fn is_because(&self, reason: &Reason) -> bool {
        self.0.reason.code == reason.code
    }

    /// Whether the server is to blame, and not the caller.
    pub fn is_fault(&self) -> bool {
        self.0.status >= 500 && !self.0.load
    }

    /// Whether it is [`ApiError::busy`], of which there can be thousands in a second.
    pub fn is_load(&self) -> bool {
        self.0.load
    }

    /// Whether the caller must authenticate: the response then has `WWW-Authenticate`.
    pub fn is_authentication_failure(&self) -> bool {
        self.0.status == 401
    }

    /// The detail for the operator, which goes to the log and into no response.
    pub fn log_detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The JSON body. It has no `doc_url`, since the server has no page for its codes.
    pub fn body(&self) -> Vec<u8> {
        let mut error =
            Object::bare().set("message", self.0.message.clone()).set("type", self.0.kind.as_str());
        if let Some(code) = self.0.code {
            error = error.set("code", code);
        }
        if let Some(param) = self.param() {
            error = error.set("param", param.to_owned());
        }
        Object::bare().set("error", Value::Object(error)).render()
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for ApiError {}

#[cfg(test)]
mod tests;
