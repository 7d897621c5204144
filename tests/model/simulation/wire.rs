//! Requests without sockets: each on a connection that is a piece of memory.

use coffer_kernel::{Kernel, ListenerRole, serve_connection};
use coffer_testkit::{Answer, encode};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

/// Bytes that are under way at most, in each direction.
pub const PIPE: usize = 64 * 1024;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub params: Vec<(&'static str, String)>,
    pub account: Option<String>,
    pub idempotency_key: Option<String>,
    pub version: Option<&'static str>,
}

impl Request {
    pub fn new(method: &'static str, path: &str, params: &[(&'static str, &str)]) -> Self {
        let params = params.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let (account, idempotency_key, version) = (None, None, None);
        Self { method, path: path.to_owned(), params, account, idempotency_key, version }
    }

    fn text(&self, key: &str) -> String {
        let pairs: Vec<_> =
            self.params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let form = encode(&pairs);
        let (target, body) = match self.method {
            "GET" if !form.is_empty() => (format!("{}?{form}", self.path), String::new()),
            _ => (self.path.clone(), form),
        };
        let mut text = format!(
            "{} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Authorization: Bearer {key}\r\n",
            self.method
        );
        let headers = [
            ("Stripe-Account", self.account.as_deref()),
            ("Idempotency-Key", self.idempotency_key.as_deref()),
            ("Stripe-Version", self.version),
        ];
        for (name, value) in headers {
            text += &value.map(|value| format!("{name}: {value}\r\n")).unwrap_or_default();
        }
        if self.method == "POST" {
            let form = "application/x-www-form-urlencoded";
            text += &format!("Content-Type: {form}\r\nContent-Length: {}\r\n", body.len());
        }
        text + "\r\n" + &body
    }
}

/// Where requests go.
#[derive(Clone)]
pub struct Wire {
    pub kernel: Arc<Kernel>,
    pub stop: watch::Receiver<bool>,
}

impl Wire {
    /// Sends a request; `None` if no whole answer comes.
    pub async fn send(&self, key: &str, request: &Request) -> Option<Answer> {
        let (mut near, far) = tokio::io::duplex(PIPE);
        let (kernel, stop) = (Arc::clone(&self.kernel), self.stop.clone());
        tokio::spawn(serve_connection(kernel, ListenerRole::All, far, stop));
        near.write_all(request.text(key).as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        near.read_to_end(&mut answer).await.ok()?;
        parse(&String::from_utf8(answer).ok()?)
    }
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: Vec<_> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse::<usize>();
    let is_whole = length.is_ok_and(|length| length == body.len());
    is_whole.then(|| Answer { status, headers, body: body.to_owned() })
}
