//! `coffer listen`: follows the events of an app and sends them to a program on this machine,
//! signed as webhooks are. No endpoint is made, and nothing is stored.

use super::args::ListenArgs;
use super::client::{Client, Expected};
use super::exit::{Exit, Failure};
use super::output;
use super::runtime::Runtime;
use crate::config::{API_KEY, Config};
use bytes::Bytes;
use coffer_base::id::random_base62;
use coffer_base::{Clock, Redacted, SystemClock};
use coffer_crypto::SystemRandom;
use coffer_outbound::{HttpClient, HttpRequest, Limits};
use coffer_webhooks::signature;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use serde_json::Value;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Between two looks for new events.
const PAUSE: Duration = Duration::from_millis(500);

/// For the receiver to answer, as webhooks wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// Most bytes of an answer. It is thrown away.
const ANSWER_BYTES: usize = 1024 * 1024;

/// Most bytes of a file with a secret.
const SECRET_BYTES: usize = 256;

/// Letters and digits of a secret.
const SECRET_CHARACTERS: usize = 32;

/// Where events are sent, and how.
struct Forward {
    to: Uri,
    secret: Redacted<String>,
    http: HttpClient,
    runtime: Runtime,
}

/// Follows events until somebody ends it.
///
/// # Errors
/// If the URL is none of this machine, if the file of the secret cannot be used, or if the server
/// refuses or does not answer.
pub fn run(config: &Config, args: &ListenArgs) -> Result<Exit, Failure> {
    let secret = secret(args.secret_file.as_deref())?;
    let Some(url) = args.forward_to.as_deref().filter(|_| !args.print_secret) else {
        output::print(secret.expose())?;
        return Ok(Exit::Done);
    };
    let forward = Forward::new(url, secret)?;
    let client = Client::new(config, &API_KEY)?.on_account(args.account.as_deref()).in_background();
    let mut last = newest(&client)?;
    output::print(&format!(
        "Events are sent to {url}. They are signed with {} (Ctrl-C ends it.)",
        forward.secret.expose()
    ))?;
    loop {
        let page = behind(&client, last.as_deref())?;
        for event in &page {
            let id = text(event, "id");
            last = Some(id.to_owned());
            let kind = text(event, "type");
            if args.events.is_empty() || args.events.iter().any(|one| one == kind || one == "*") {
                output::print(&format!("{kind} {id} -> {}", forward.send(event)))?;
            }
        }
        if page.is_empty() {
            forward.runtime.block_on(async { tokio::time::sleep(PAUSE).await });
        }
    }
}

/// The id of the newest event, if there is any.
fn newest(client: &Client) -> Result<Option<String>, Failure> {
    let list = client.get("/v1/events", &[("limit", "1")], Expected::object("list"))?;
    let first = list.get("data").and_then(|data| data.get(0));
    Ok(first.map(|event| text(event, "id").to_owned()))
}

/// The events that happened behind one, the oldest first.
fn behind(client: &Client, last: Option<&str>) -> Result<Vec<Value>, Failure> {
    let mut params = vec![("limit", "100")];
    params.extend(last.map(|last| ("ending_before", last)));
    let mut list = client.get("/v1/events", &params, Expected::object("list"))?;
    let mut events = match list.get_mut("data").map(Value::take) {
        Some(Value::Array(events)) => events,
        _ => Vec::new(),
    };
    events.reverse();
    Ok(events)
}

fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The secret of a file, which is made if it is not there; a new one without a file.
fn secret(path: Option<&Path>) -> Result<Redacted<String>, Failure> {
    let new = || format!("whsec_{}", random_base62(&SystemRandom, SECRET_CHARACTERS));
    let Some(path) = path else { return Ok(Redacted::new(new())) };
    if path.exists() {
        let kept = coffer_secretfile::read_text(path, SECRET_BYTES);
        let kept = kept.map_err(|error| Failure::failed(format!("the secret {error}")))?;
        let kept = coffer_secretfile::trimmed(&kept).to_owned();
        if !kept.starts_with("whsec_") {
            return Err(Failure::usage(format!(
                "{} holds no secret that begins with whsec_",
                path.display()
            )));
        }
        return Ok(Redacted::new(kept));
    }
    let secret = new();
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| writeln!(file, "{secret}"));
    written.map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    Ok(Redacted::new(secret))
}

impl Forward {
    fn new(url: &str, secret: Redacted<String>) -> Result<Self, Failure> {
        let wrong = || {
            Failure::usage(format!(
                "--forward-to takes a URL of this machine, such as \
                 http://localhost:3000/webhooks, and not '{url}'"
            ))
        };
        let to: Uri = url.parse().map_err(|_| wrong())?;
        let is_http = matches!(to.scheme_str(), Some("http" | "https"));
        if !is_http || to.host().is_none_or(|host| !is_local(host)) {
            return Err(wrong());
        }
        let limits = Limits {
            total: PATIENCE,
            response_bytes: ANSWER_BYTES,
            addresses: |address| address.is_loopback(),
        };
        let http = HttpClient::new(limits)
            .map_err(|error| Failure::failed(format!("TLS cannot be set up: {error}")))?;
        Ok(Self { to, secret, http, runtime: Runtime::new()? })
    }

    /// Sends an event; what became of it, in words.
    fn send(&self, event: &Value) -> String {
        let body = serde_json::to_vec_pretty(event).unwrap_or_default();
        let secrets = std::slice::from_ref(&self.secret);
        let signed = signature::header(secrets, SystemClock.now(), &body);
        let Ok(signed) = HeaderValue::from_str(&signed) else { return "not signed".to_owned() };
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert("stripe-signature", signed);
        let (method, uri, body) = (Method::POST, self.to.clone(), Bytes::from(body));
        let request = HttpRequest { method, uri, headers, body };
        let started = Instant::now();
        match self.runtime.block_on(self.http.send(request)) {
            Ok(answer) => {
                format!("{} ({} ms)", answer.status.as_u16(), started.elapsed().as_millis())
            }
            Err(error) => error.to_string(),
        }
    }
}

fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = bare.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    is_loopback || bare == "localhost" || bare.ends_with(".localhost")
}
