//! A receiver of webhooks and of traces, a process of its own: it answers at once, or never, and
//! says how many have arrived and how long they took.
//!
//! What is sent to `/timed…` tells of a hold on a charge whose id is the time at which it was made,
//! in microseconds. What is sent to `/hang…` gets no answer. Of what is sent to `/v1/traces` the
//! requests are counted that it tells of.

use crate::args::{Args, Result};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The options of `receiver`.
pub const OPTIONS: &[&str] = &["port"];

/// What stands before the time in an event.
const CHARGE: &str = "\"source_charge\": \"ch_";

/// What the span of a request has, and those of its steps have not: its kind is that of servers.
const REQUEST_SPAN: &str = "\"kind\":2";

/// What has arrived.
#[derive(Default)]
struct Arrived {
    all: u64,
    /// Requests that traces told of.
    traced: u64,
    /// Microseconds from the charge to its event.
    delays: Vec<u64>,
}

impl Arrived {
    fn report(&self) -> Value {
        let mut delays = self.delays.clone();
        delays.sort_unstable();
        let at = |thousandths: usize| {
            let last = delays.len().saturating_sub(1);
            delays.get(last * thousandths / 1000).map_or(0.0, |micros| *micros as f64 / 1e3)
        };
        json!({
            "arrived": self.all,
            "traced": self.traced,
            "timed": delays.len(),
            "p50_ms": at(500),
            "p99_ms": at(990),
            "longest_ms": at(1000),
        })
    }
}

/// Microseconds since 1970.
pub fn now_micros() -> Result<u64> {
    #[expect(clippy::disallowed_methods, reason = "two processes compare what time it is")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = now.map_err(|error| error.to_string())?.as_micros();
    u64::try_from(micros).map_err(|error| error.to_string())
}

/// Receives until it is ended.
pub fn main(args: &Args) -> Result<()> {
    let port: u16 = args.required("port")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await;
        let listener = listener.map_err(|error| format!("cannot listen on {port}: {error}"))?;
        let arrived = Arc::<Mutex<Arrived>>::default();
        loop {
            let (stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
            let arrived = Arc::clone(&arrived);
            tokio::spawn(async move { serve(stream, &arrived).await });
        }
    })
}

/// One request: whoever sends webhooks makes a connection for each.
async fn serve(mut stream: TcpStream, arrived: &Mutex<Arrived>) -> Option<()> {
    let mut request = Vec::with_capacity(4096);
    while !is_whole(&request) {
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
    let text = String::from_utf8_lossy(&request);
    let path = text.split(' ').nth(1)?;
    if path.starts_with("/hang") {
        while stream.read(&mut [0; 512]).await.ok()? > 0 {}
        return None;
    }
    let body = if path == "/stats" {
        arrived.lock().unwrap_or_else(PoisonError::into_inner).report().to_string()
    } else {
        let delay = made_at(&text).filter(|_| path.starts_with("/timed"));
        let delay = delay.and_then(|made| Some(now_micros().ok()?.saturating_sub(made)));
        let mut arrived = arrived.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.all += 1;
        if path == "/v1/traces" {
            arrived.traced += requests_in(&text);
        }
        arrived.delays.extend(delay);
        String::new()
    };
    let length = body.len();
    let answer =
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).await.ok()
}

/// How many requests an export of traces tells of.
fn requests_in(export: &str) -> u64 {
    export.matches(REQUEST_SPAN).count() as u64
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().ok()).flatten()
    });
    body.len() >= length.unwrap_or(0)
}

/// When the charge of an event was made.
fn made_at(event: &str) -> Option<u64> {
    let (_, rest) = event.split_once(CHARGE)?;
    rest.split('"').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_with_its_body_and_says_when_it_was_made() {
        let event = format!("{{\n  {CHARGE}1700000000000000\",\n}}");
        let head = format!("POST /timed HTTP/1.1\r\ncontent-length: {}\r\n\r\n", event.len());
        assert!(is_whole(format!("{head}{event}").as_bytes()));
        assert!(!is_whole(format!("{head}{}", &event[1..]).as_bytes()));
        assert!(!is_whole(b"POST / HTTP/1.1\r\n"));
        assert_eq!(made_at(&event), Some(1_700_000_000_000_000));
        assert_eq!(made_at("{}"), None);
    }

    #[test]
    fn requests_of_an_export_are_counted_and_their_steps_are_not() {
        let spans = json!({ "spans": [{ "kind": 2 }, { "kind": 1 }, { "kind": 2 }] });
        assert_eq!(requests_in(&spans.to_string()), 2);
    }

    #[test]
    fn delays_are_told_by_their_share() {
        let arrived = Arrived {
            all: 1000,
            traced: 0,
            delays: (1..=1000).rev().map(|ms| ms * 1000).collect(),
        };
        let report = arrived.report();
        assert_eq!(report["p50_ms"], 500.0);
        assert_eq!(report["p99_ms"], 990.0);
        assert_eq!(report["longest_ms"], 1000.0);
        assert_eq!(Arrived::default().report()["p99_ms"], 0.0);
    }
}
