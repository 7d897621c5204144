//! The API, as one session calls it.

use crate::limits;
use crate::links;
use coffer_base::Redacted;
use coffer_kernel::{ApiAnswer, ApiCall, ApiClient, Method, Principal};
use serde_json::Value;
use std::sync::Arc;

/// Requests with one key, perhaps for one account.
#[derive(Clone, Copy)]
pub(crate) struct Api<'a> {
    pub(crate) client: &'a dyn ApiClient,
    pub(crate) token: &'a Redacted<String>,
    pub(crate) account: Option<&'a str>,
}

/// The version whose objects the pages show; its preview shows what is reserved of a balance.
const VERSION: &str = "2026-09-30.preview";

/// What the API refused, or could not do.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// What the API says, for people.
    pub(crate) message: String,
    /// By which the audit has it; empty if it has none.
    pub(crate) request_id: String,
}

const UNAUTHENTICATED: u16 = 401;
const FORBIDDEN: u16 = 403;
const NOT_FOUND: u16 = 404;

impl Refusal {
    /// That an app is not open, though a form was sent for what is in it.
    pub(crate) fn not_open() -> Self {
        let message = "This app is not open any more. Open it again, and repeat what you did.";
        Self { status: FORBIDDEN, message: message.to_owned(), request_id: String::new() }
    }

    /// What the key of an app was refused, which ends no session.
    pub(crate) fn of_app(self) -> Self {
        let status = if self.is_signed_out() { FORBIDDEN } else { self.status };
        Self { status, ..self }
    }

    /// Whether the key is no longer good.
    pub(crate) const fn is_signed_out(&self) -> bool {
        self.status == UNAUTHENTICATED
    }

    /// Whether there is no such object.
    pub(crate) const fn is_missing(&self) -> bool {
        self.status == NOT_FOUND
    }
}

/// Fields of a request.
pub(crate) type Params<'p> = &'p [(&'p str, &'p str)];

impl<'a> Api<'a> {
    /// The same for another account.
    pub(crate) const fn for_account(self, account: &'a str) -> Self {
        Self { account: Some(account), ..self }
    }

    /// `GET path`; parameters without a value are left out.
    ///
    /// # Errors
    /// The API's refusal.
    pub(crate) async fn get(self, path: &str, params: Params<'_>) -> Result<Value, Refusal> {
        read(&self.send(Method::Get, path, params, None).await)
    }

    /// `GET path`, and whose key it was.
    ///
    /// # Errors
    /// The API's refusal.
    pub(crate) async fn get_as(
        self,
        path: &str,
        params: Params<'_>,
    ) -> Result<Option<Arc<Principal>>, Refusal> {
        let answer = self.send(Method::Get, path, params, None).await;
        read(&answer).map(|_| answer.principal)
    }

    /// `POST path`. `once` is what a form carries so that it is carried out once.
    ///
    /// # Errors
    /// The API's refusal.
    pub(crate) async fn post(
        self,
        path: &str,
        params: Params<'_>,
        once: &str,
    ) -> Result<Value, Refusal> {
        let once = Some(once).filter(|once| !once.is_empty());
        read(&self.send(Method::Post, path, params, once).await)
    }

    /// `DELETE path`.
    ///
    /// # Errors
    /// The API's refusal.
    pub(crate) async fn delete(self, path: &str, params: Params<'_>) -> Result<Value, Refusal> {
        read(&self.send(Method::Delete, path, params, None).await)
    }

    async fn send(
        self,
        method: Method,
        path: &str,
        params: Params<'_>,
        once: Option<&str>,
    ) -> ApiAnswer {
        let (target, form) = match method {
            Method::Post => (path.to_owned(), links::form(params)),
            Method::Get | Method::Delete => {
                let given: Vec<_> =
                    params.iter().copied().filter(|(_, value)| !value.is_empty()).collect();
                let query = links::form(&given);
                let separator = if query.is_empty() { "" } else { "?" };
                (format!("{path}{separator}{query}"), String::new())
            }
        };
        let call = ApiCall {
            method,
            target,
            form,
            token: self.token,
            account: self.account,
            version: Some(VERSION),
            idempotency_key: once,
        };
        self.client.call(call).await
    }
}

fn read(answer: &ApiAnswer) -> Result<Value, Refusal> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status < 400 {
        return Ok(body);
    }
    let message = body.pointer("/error/message").and_then(Value::as_str);
    Err(Refusal {
        status: answer.status,
        message: message.unwrap_or("The server could not answer.").to_owned(),
        request_id: answer.request_id.clone(),
    })
}

/// A path with one id in it; what is no id leads nowhere.
pub(crate) fn path_of(before: &str, id: &str, behind: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let is_id = !id.is_empty() && id.len() <= 100 && id.bytes().all(is_plain);
    let id = if is_id && !id.contains("..") { id } else { "none" };
    format!("{before}/{id}{behind}")
}

/// The number of rows of a table, as the API takes it.
pub(crate) fn rows() -> String {
    limits::ROWS.to_string()
}

/// Fields of what the API answered.
pub(crate) trait Field {
    /// A text; empty if there is none.
    fn text(&self, name: &str) -> &str;
    /// A number.
    fn int(&self, name: &str) -> Option<i64>;
    /// A list; empty if there is none.
    fn list(&self, name: &str) -> &[Value];
    /// Whether it is there and true.
    fn is(&self, name: &str) -> bool;
    /// An object; null if there is none.
    fn object(&self, name: &str) -> &Value;
}

impl Field for Value {
    fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Self::as_str).unwrap_or_default()
    }

    fn int(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(Self::as_i64)
    }

    fn list(&self, name: &str) -> &[Value] {
        self.get(name).and_then(Self::as_array).map_or(&[], Vec::as_slice)
    }

    fn is(&self, name: &str) -> bool {
        self.get(name).and_then(Self::as_bool).unwrap_or(false)
    }

    fn object(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&Self::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_stays_out_of_paths() {
        assert_eq!(path_of("/v1/admin/apps", "app_1", ""), "/v1/admin/apps/app_1");
        for odd in ["", "../api_keys", "a/b", "a?b", "a b", "..", "é", "a%2fb"] {
            assert_eq!(path_of("/v1/admin/apps", odd, "/x"), "/v1/admin/apps/none/x", "{odd}");
        }
    }
}
