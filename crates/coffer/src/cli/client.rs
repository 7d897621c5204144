//! A client of the API: sends one request at a time, and retries those that the server asks to.

mod agent;
mod answer;
mod connect;
mod form;
pub mod probe;
pub mod profile;
mod unix;

pub use answer::Expected;
pub use connect::{check_url, key};
pub use form::{Params, object_path, with_query};

use super::exit::{Exit, Failure};
use super::waiting::Waiting;
use crate::config::{Config, INSECURE_HTTP, Setting};
use agent::{Patience, Trust};
use coffer_base::id::random_id;
use coffer_base::limit;
use coffer_crypto::SystemRandom;
use connect::Target;
use form::encode;
use profile::Access;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use ureq::http::{Method, Request, Response, StatusCode};
use ureq::tls::RootCerts;
use ureq::{Agent, Body};
use zeroize::Zeroizing;

/// How often a request is sent at most, if the server asks for a retry.
const ATTEMPTS: u32 = 3;

/// The header by which a server says whether to send a request again.
const SHOULD_RETRY: &str = "stripe-should-retry";

/// How long to wait before the second attempt; before the third it is twice that.
const PAUSE: Duration = Duration::from_millis(500);

/// What bodies are, but for a few.
const FORM: &str = "application/x-www-form-urlencoded";

/// How long to wait for a connection: servers on the same network answer in milliseconds.
const CONNECT: Duration = Duration::from_secs(10);

/// A caller of the API.
pub struct Client {
    agent: Agent,
    target: Target,
    /// Whether certificates to trust were named.
    has_roots: bool,
    key: Zeroizing<String>,
    account: Option<String>,
    /// Whether somebody at the terminal waits for the answers, and nothing else is shown there.
    is_waited_for: bool,
}

/// A request that can be sent several times.
struct Call {
    method: Method,
    /// Path and query.
    path: String,
    body: Option<Zeroizing<String>>,
    /// What the body is.
    content_type: &'static str,
    /// The same for every attempt, so that a `POST` of a form takes effect once. Others have none:
    /// the first random bytes take a process longer than the whole request.
    idempotency_key: Option<String>,
    /// The version that the object must have.
    if_version: Option<String>,
}

/// An object, and which version of itself it is.
pub struct Versioned {
    pub object: Value,
    pub version: Option<String>,
}

impl Client {
    /// A client with the key that is in `setting`, of the server at `COFFER_URL`, or both from a
    /// profile.
    ///
    /// # Errors
    /// If there is no key, if it would cross the network unencrypted, or if the file of
    /// `COFFER_CA_CERT` has no certificate.
    pub fn new(config: &Config, setting: &Setting) -> Result<Self, Failure> {
        let Access { url, ca_cert, key } = profile::access(config, setting)?;
        Self::of(&url, ca_cert.as_deref(), key, config.is_on(&INSECURE_HTTP))
    }

    /// A client with `key` of the server at `url`, whose certificates those in `ca_cert` vouch for.
    ///
    /// # Errors
    /// If the key would cross the network unencrypted, or if the file has no certificate.
    pub fn of(
        url: &str,
        ca_cert: Option<&Path>,
        key: Zeroizing<String>,
        insecure: bool,
    ) -> Result<Self, Failure> {
        let target = Target::parse(url, insecure)?;
        let roots = ca_cert.map(connect::root_certificates).transpose()?;
        Ok(Self::with_roots(target, key, roots))
    }

    /// Another client of the same server, acting for `account`.
    pub fn acting_for(&self, account: Option<&str>) -> Self {
        let Self { agent, target, key, .. } = self;
        let (agent, target, key) = (agent.clone(), target.clone(), key.clone());
        let account = account.map(str::to_owned);
        let (has_roots, is_waited_for) = (self.has_roots, self.is_waited_for);
        Self { agent, target, has_roots, key, account, is_waited_for }
    }

    /// The same client, which shows nothing on the terminal while it waits: something else does.
    pub fn in_background(self) -> Self {
        Self { is_waited_for: false, ..self }
    }

    /// The server's address.
    pub fn server(&self) -> String {
        self.target.to_string()
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A client with `key` of the server at `base`, on this machine.
    ///
    /// # Errors
    /// If `base` is the address of another machine.
    pub fn local(base: &str, key: Zeroizing<String>) -> Result<Self, Failure> {
        Ok(Self::with_roots(Target::parse(base, false)?, key, None).in_background())
    }

    fn with_roots(target: Target, key: Zeroizing<String>, roots: Option<RootCerts>) -> Self {
        let has_roots = roots.is_some();
        let trust = roots.map_or(Trust::Authorities, Trust::These);
        let answer = Duration::from_secs(limit::REQUEST_SECONDS);
        let agent = agent::new(&target, trust, Patience { connect: CONNECT, answer });
        Self { agent, target, has_roots, key, account: None, is_waited_for: true }
    }

    /// The same client, acting for `account`.
    pub fn on_account(self, account: Option<&str>) -> Self {
        Self { account: account.map(str::to_owned), ..self }
    }

    /// `GET path`.
    ///
    /// # Errors
    /// If the server refuses the request, with its message, if it cannot be reached, or if its
    /// answer is not what was asked for.
    pub fn get(
        &self,
        path: &str,
        params: Params<'_>,
        expected: Expected<'_>,
    ) -> Result<Value, Failure> {
        self.get_versioned(path, params, expected).map(|answer| answer.object)
    }

    /// The same, with the object's version.
    pub fn get_versioned(
        &self,
        path: &str,
        params: Params<'_>,
        expected: Expected<'_>,
    ) -> Result<Versioned, Failure> {
        let answer = self.send(Method::GET, with_query(path, params), None, None)?;
        let object = expected.check(answer.object, &self.target)?;
        Ok(Versioned { object, ..answer })
    }

    /// `POST path`, if the object has this version; its new one.
    pub fn post_if(
        &self,
        path: &str,
        params: Params<'_>,
        version: &str,
        expected: Expected<'_>,
    ) -> Result<Versioned, Failure> {
        let body = Some(encode(params));
        let answer = self.send(Method::POST, path.to_owned(), body, Some(version.to_owned()))?;
        let object = expected.check(answer.object, &self.target)?;
        Ok(Versioned { object, ..answer })
    }

    /// `POST path`, with an idempotency key, so that a retry has no second effect.
    pub fn post(
        &self,
        path: &str,
        params: Params<'_>,
        expected: Expected<'_>,
    ) -> Result<Value, Failure> {
        let sent = self.send(Method::POST, path.to_owned(), Some(encode(params)), None)?;
        expected.check(sent.object, &self.target)
    }

    /// `POST path` with a JSON body, without an idempotency key: what is told has ids of its own.
    ///
    /// # Errors
    /// As those of [`Self::get`].
    pub fn post_json(
        &self,
        path: &str,
        body: &Value,
        expected: Expected<'_>,
    ) -> Result<Value, Failure> {
        let body = Some(Zeroizing::new(body.to_string()));
        let sent = self.send_as("application/json", Method::POST, path.to_owned(), body, None)?;
        expected.check(sent.object, &self.target)
    }

    /// `DELETE path`.
    pub fn delete(
        &self,
        path: &str,
        params: Params<'_>,
        expected: Expected<'_>,
    ) -> Result<Value, Failure> {
        let sent = self.send(Method::DELETE, with_query(path, params), None, None)?;
        expected.check(sent.object, &self.target)
    }

    /// All pages of a list, or its first `most` objects, as one list.
    pub fn list(
        &self,
        path: &str,
        params: Params<'_>,
        most: Option<u32>,
    ) -> Result<Value, Failure> {
        let most = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        let mut data: Vec<Value> = Vec::new();
        loop {
            let mut page = self.page(path, params, &data, most)?;
            let has_more = page.get("has_more").and_then(Value::as_bool).unwrap_or(false);
            let Some(Value::Array(objects)) = page.get_mut("data").map(Value::take) else {
                return Err(Failure::failed("the server's answer is no list"));
            };
            let is_last = !has_more || objects.is_empty();
            data.extend(objects);
            if is_last || data.len() >= most {
                if let Some(all) = page.get_mut("data") {
                    *all = Value::Array(data);
                }
                return Ok(page);
            }
        }
    }

    /// The page that follows the objects `before`, of at most `most` objects altogether.
    fn page(
        &self,
        path: &str,
        params: Params<'_>,
        before: &[Value],
        most: usize,
    ) -> Result<Value, Failure> {
        let ceiling = usize::try_from(limit::PAGE_CEILING).unwrap_or(usize::MAX);
        let size = most.saturating_sub(before.len()).min(ceiling).to_string();
        let last = before.last().and_then(|object| object.get("id")?.as_str());
        let mut params = params.to_vec();
        params.push(("limit", &size));
        params.extend(last.map(|last| ("starting_after", last)));
        self.get(path, &params, Expected::object("list"))
    }

    /// Sends a request, and again while the server asks for that, up to [`ATTEMPTS`] times.
    fn send(
        &self,
        method: Method,
        path: String,
        body: Option<Zeroizing<String>>,
        if_version: Option<String>,
    ) -> Result<Versioned, Failure> {
        self.send_as(FORM, method, path, body, if_version)
    }

    /// The same with a body of another type.
    fn send_as(
        &self,
        content_type: &'static str,
        method: Method,
        path: String,
        body: Option<Zeroizing<String>>,
        if_version: Option<String>,
    ) -> Result<Versioned, Failure> {
        let idempotency_key = (body.is_some() && content_type == FORM)
            .then(|| random_id("cli", limit::TOKEN_CHARACTERS, &SystemRandom));
        let call = Call { method, path, body, content_type, idempotency_key, if_version };
        let _waiting = self.is_waited_for.then(|| Waiting::begin(format!("{}…", self.target)));
        let mut attempts_left = ATTEMPTS;
        let mut pause = PAUSE;
        loop {
            let response = self.attempt(&call).map_err(|error| self.unavailable(&error))?;
            attempts_left -= 1;
            if attempts_left == 0 || !should_retry(&response) {
                let version = response.headers().get("coffer-version");
                let version = version.and_then(|text| text.to_str().ok()).map(str::to_owned);
                return answer::read(response).map(|object| Versioned { object, version });
            }
            wait(pause);
            pause *= 2;
        }
    }

    fn attempt(&self, call: &Call) -> Result<Response<Body>, ureq::Error> {
        let bearer = Zeroizing::new(format!("Bearer {}", *self.key));
        let mut request = Request::builder()
            .method(&call.method)
            .uri(format!("{}{}", self.target.base(), call.path))
            .header("Authorization", bearer.as_str());
        if let Some(account) = &self.account {
            request = request.header("Stripe-Account", account);
        }
        if let Some(version) = &call.if_version {
            request = request.header("Coffer-If-Version", version);
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        let Some(body) = &call.body else { return self.agent.run(request.body(())?) };
        let request = request.header("Content-Type", call.content_type);
        self.agent.run(request.body(body.as_str())?)
    }

    /// What is said when there is no answer, with what to do.
    fn unavailable(&self, error: &ureq::Error) -> Failure {
        let (why, advice) = answer::why_none(error, self.has_roots);
        // Only its address: it may have a user and a password.
        let proxy = self.target.proxy().map(|proxy| {
            format!(" through the proxy {}:{} of the environment", proxy.host(), proxy.port())
        });
        let proxy = proxy.unwrap_or_default();
        let target = &self.target;
        Failure::new(Exit::Unavailable, format!("no answer from {target}{proxy}: {why}{advice}"))
    }
}

fn should_retry(response: &Response<Body>) -> bool {
    let status = response.status();
    if status == StatusCode::TOO_MANY_REQUESTS && !response.headers().contains_key(SHOULD_RETRY) {
        // Stripe says no more than that.
        return true;
    }
    let is_temporary = status.is_server_error() || status == StatusCode::CONFLICT;
    is_temporary && response.headers().get(SHOULD_RETRY).is_some_and(|word| word == "true")
}

#[allow(
    clippy::disallowed_methods,
    reason = "a command at the terminal has nothing else to do until it tries again"
)]
fn wait(pause: Duration) {
    std::thread::sleep(pause);
}
