//! A caller with a role, and what it is answered.

use crate::PATIENCE;
use serde_json::Value;
use std::time::Instant;

/// Parameters of a request, in order.
pub type Params<'a> = &'a [(&'a str, &'a str)];

/// A caller: a key, and perhaps an account that it speaks for.
#[derive(Clone)]
pub struct Client {
    base: String,
    key: Option<String>,
    headers: Vec<(String, String)>,
    /// The app that the key is of, and the account that develops it, where a test says so.
    app: Option<(String, String)>,
    agent: ureq::Agent,
}

/// How often a read is sent again that the server could not answer now: as often as Stripe's SDKs
/// do unless they are told otherwise.
const READS_REPEATED: usize = 2;

/// What a request was answered with.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: String,
}

/// Percent-encodes everything but letters, digits and a few marks, as a form or a query.
pub fn encode(params: Params<'_>) -> String {
    let part = |text: &str| {
        let mut out = String::new();
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
        out
    };
    let pairs: Vec<_> =
        params.iter().map(|(name, value)| format!("{}={}", part(name), part(value))).collect();
    pairs.join("&")
}

impl Client {
    /// Someone who shows no key.
    pub fn anonymous(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        Self {
            base: base.to_owned(),
            key: None,
            headers: Vec::new(),
            app: None,
            agent: ureq::Agent::new_with_config(config),
        }
    }

    /// The same caller with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// The same caller, speaking for `account`.
    pub fn for_account(&self, account: &str) -> Self {
        self.with_header("Stripe-Account", account)
    }

    /// The same caller, of which the test says whose key it has: an app's, and the account that
    /// develops it.
    pub fn of_app(&self, app: &str, developer: &str) -> Self {
        Self { app: Some((app.to_owned(), developer.to_owned())), ..self.clone() }
    }

    /// The app that the key is of.
    pub(crate) fn app(&self) -> &str {
        self.app.as_ref().map_or("app_unsaid", |(app, _)| app)
    }

    /// The channel by which the caller installs its app on the account that it speaks for.
    pub(crate) fn install_channel(&self) -> &'static str {
        let named = self.headers.iter().rev().find(|(name, _)| name == "Stripe-Account");
        let own = self.app.as_ref().map_or("", |(_, developer)| developer);
        match named {
            Some((_, account)) if account != own => "public",
            _ if self.key().contains("_live_") => "private_live",
            _ => "private_test",
        }
    }

    /// The same caller, sending the headers that another sends.
    pub fn like(&self, other: &Self) -> Self {
        Self { headers: other.headers.clone(), ..self.clone() }
    }

    /// The same caller, sending one header more.
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut same = self.clone();
        same.headers.push((name.to_owned(), value.to_owned()));
        same
    }

    /// The same caller with an idempotency key on the next requests.
    pub fn idempotent(&self, key: &str) -> Self {
        self.with_header("Idempotency-Key", key)
    }

    /// The key that is shown.
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    /// `GET path?params`.
    pub fn get(&self, path: &str, params: Params<'_>) -> Answer {
        self.raw("GET", &with_query(path, params), None)
    }

    /// `DELETE path?params`.
    pub fn delete(&self, path: &str, params: Params<'_>) -> Answer {
        self.raw("DELETE", &with_query(path, params), None)
    }

    /// `POST path` with `params` as a form.
    pub fn post(&self, path: &str, params: Params<'_>) -> Answer {
        self.raw("POST", path, Some(&encode(params)))
    }

    /// Any request; a body is sent as a form. A read is sent again, as often as the SDKs do by
    /// default, while the answer is that the server had no time for it: on a busy machine a
    /// statement may take longer than it is let.
    pub fn raw(&self, method: &str, target: &str, body: Option<&str>) -> Answer {
        let send = || {
            self.attempt(method, target, body)
                .unwrap_or_else(|error| panic!("{method} {target}: {error}"))
        };
        let mut answer = send();
        for _ in 0..READS_REPEATED {
            if method != "GET" || answer.status != 503 || !answer.asks_for_another_attempt() {
                break;
            }
            answer = send();
        }
        answer
    }

    /// As [`Client::raw`], to a server that may be gone: `Err` says why no whole answer came.
    pub fn attempt(
        &self,
        method: &str,
        target: &str,
        body: Option<&str>,
    ) -> Result<Answer, String> {
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{target}", self.base));
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = match body {
            Some(body) => {
                let form = "application/x-www-form-urlencoded";
                let has_type =
                    self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
                if !has_type {
                    request = request.header("Content-Type", form);
                }
                self.agent.run(request.body(body.to_owned()).unwrap())
            }
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut response = response.map_err(|error| error.to_string())?;
        let headers = response.headers().iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let (status, headers) = (response.status().as_u16(), headers.collect());
        let body = response.body_mut().read_to_string().map_err(|error| error.to_string())?;
        Ok(Answer { status, headers, body })
    }

    /// Sets a secret in the account's scope.
    pub fn set(&self, name: &str, payload: &str) -> Answer {
        let params = [("name", name), ("payload", payload), ("scope[type]", "account")];
        self.post("/v1/apps/secrets", &params)
    }

    /// Finds a secret in the account's scope, payload included.
    pub fn find(&self, name: &str) -> Answer {
        let params = [("name", name), ("scope[type]", "account"), ("expand[]", "payload")];
        self.get("/v1/apps/secrets/find", &params)
    }

    /// Lists the account's scope.
    pub fn list(&self) -> Answer {
        self.get("/v1/apps/secrets", &[("scope[type]", "account")])
    }

    /// Deletes a secret of the account's scope.
    pub fn remove(&self, name: &str) -> Answer {
        self.post("/v1/apps/secrets/delete", &[("name", name), ("scope[type]", "account")])
    }
}

/// Sends a request until the answer says no longer that it may be sent again, as an SDK does: on a
/// busy machine a request may wait for its turn for longer than the server lets it.
pub fn insist(send: impl Fn() -> Answer) -> Answer {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = send();
        if !answer.asks_for_another_attempt() || Instant::now() > end {
            return answer;
        }
    }
}

fn with_query(path: &str, params: Params<'_>) -> String {
    if params.is_empty() { path.to_owned() } else { format!("{path}?{}", encode(params)) }
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the {} body: {}", self.status, self.body))
    }

    /// Whether the server says that the same request may succeed if it is sent again.
    pub fn asks_for_another_attempt(&self) -> bool {
        self.header("stripe-should-retry") == Some("true")
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// Asserts success, and that the body is no error; the JSON body.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        let json = self.json();
        assert!(json.get("error").is_none(), "a success with an error: {}", self.body);
        json
    }

    /// Asserts a failure with this status and that the body holds an error; the error object.
    #[track_caller]
    pub fn refused(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        let json = self.json();
        let error = json.get("error").unwrap_or_else(|| panic!("no error in {}", self.body));
        assert!(error.is_object(), "{}", self.body);
        error.clone()
    }

    /// A text field of the body.
    #[track_caller]
    pub fn text(&self, field: &str) -> String {
        let json = self.json();
        let value = json.get(field).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("no text '{field}' in {}", self.body)).to_owned()
    }
}
