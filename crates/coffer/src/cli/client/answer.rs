//! Answers: what one must be to count, and why there is none.

use super::connect::Target;
use crate::cli::exit::{Exit, Failure};
use rustls::{CertificateError, Error as TlsError, OtherError};
use serde_json::Value;
use std::io::ErrorKind;
use ureq::Body;
use ureq::http::{Response, StatusCode};
use zeroize::Zeroizing;

/// What was asked for. Whatever answers with something else, such as a proxy or another service, is
/// not believed.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    object: &'static str,
    id: Option<&'a str>,
}

impl<'a> Expected<'a> {
    /// Any object of this kind.
    pub const fn object(object: &'static str) -> Self {
        Self { object, id: None }
    }

    /// The object of this kind with this id.
    pub const fn one(object: &'static str, id: &'a str) -> Self {
        Self { object, id: Some(id) }
    }

    /// The answer, if it is what was asked for.
    pub(super) fn check(self, answer: Value, target: &Target) -> Result<Value, Failure> {
        let is = |name: &str, text: &str| answer.get(name).and_then(Value::as_str) == Some(text);
        let has_id = self.id.is_none_or(|id| is("id", id));
        if is("object", self.object) && has_id {
            return Ok(answer);
        }
        Err(Failure::failed(format!(
            "the answer from {target} is not what was asked for ({}): is this a coffer, and is \
             nothing else in between?",
            self.object
        )))
    }
}

/// The response as JSON, or the server's error as a failure.
pub(super) fn read(mut response: Response<Body>) -> Result<Value, Failure> {
    let status = response.status();
    let text = response.body_mut().read_to_string().map(Zeroizing::new).map_err(|error| {
        Failure::new(Exit::Unavailable, format!("the answer broke off: {error}"))
    })?;
    let json = serde_json::from_str::<Value>(&text).ok();
    if status.is_success() {
        return json.ok_or_else(|| Failure::failed("the answer is no JSON: is this a coffer?"));
    }
    let said = |name| json.as_ref().and_then(|json| json.get("error")?.get(name)?.as_str());
    let (message, param) = (said("message"), said("param").map(str::to_owned));
    let message = message.map_or_else(
        || format!("the answer was {status}, without a word of Coffer's: is this a coffer?"),
        str::to_owned,
    );
    Err(Failure { param, ..Failure::new(exit_of(status), message) })
}

fn exit_of(status: StatusCode) -> Exit {
    match status {
        StatusCode::NOT_FOUND => Exit::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Exit::Refused,
        StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => Exit::Unavailable,
        _ if status.is_server_error() => Exit::Unavailable,
        _ => Exit::Failed,
    }
}

/// Why there is no answer, and what to do about it; `has_roots` if `--ca-cert` was given.
pub(super) fn why_none(error: &ureq::Error, has_roots: bool) -> (String, &'static str) {
    if let Some(tls) = tls_error(error) {
        return (tls.to_string(), tls_advice(tls, has_roots));
    }
    let ureq::Error::Io(io) = error else { return (error.to_string(), "") };
    let advice = match io.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::NotFound => "; is a server running there?",
        _ => "",
    };
    (io.to_string(), advice)
}

fn tls_error(error: &ureq::Error) -> Option<&TlsError> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref::<TlsError>(),
        _ => None,
    }
}

fn tls_advice(error: &TlsError, has_roots: bool) -> &'static str {
    let TlsError::InvalidCertificate(why) = error else {
        return "; does the server speak TLS there?";
    };
    match why {
        CertificateError::UnknownIssuer if !has_roots => {
            "; name its authority with --ca-cert, or the certificate itself if it signs itself"
        }
        CertificateError::UnknownIssuer => {
            "; the file of --ca-cert has not the certificate of the authority that signed it, nor \
             the certificate itself"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "; use a name that is in the certificate (subjectAltName), or get one for this name"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "; renew the certificate, or set this machine's clock"
        }
        CertificateError::Other(OtherError(why)) if why.to_string().contains("CaUsedAsEnd") => {
            "; the server uses an authority's certificate as its own: make it one with \
             basicConstraints=CA:FALSE, as with openssl req -x509 -addext \
             basicConstraints=critical,CA:FALSE"
        }
        _ => "; the server needs another certificate",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_was_asked_for_is_an_answer() {
        let target = Target::parse("http://127.0.0.1:1", false).unwrap();
        let app = Expected::one("app", "app_1");
        assert!(app.check(json!({ "object": "app", "id": "app_1" }), &target).is_ok());
        for other in [
            json!({}),
            json!([]),
            json!(null),
            json!("app"),
            json!({ "object": "account", "id": "app_1" }),
            json!({ "object": "app", "id": "app_2" }),
            json!({ "object": "app" }),
        ] {
            assert!(app.check(other.clone(), &target).is_err(), "{other}");
        }
        let list = Expected::object("list");
        assert!(list.check(json!({ "object": "list", "data": [] }), &target).is_ok());
        assert!(list.check(json!({ "data": [] }), &target).is_err());
    }

    #[test]
    fn the_advice_fits_what_was_given() {
        let unknown = TlsError::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(tls_advice(&unknown, false).contains("with --ca-cert"));
        assert!(tls_advice(&unknown, true).contains("the file of --ca-cert has not"));
    }
}
