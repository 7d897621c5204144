//! Receivers of webhooks: a network that is a piece of memory, with receivers on it that now and
//! then answer badly, or not at all.

use super::wire::PIPE;
use crate::books::changes::Rng;
use coffer_kernel::outbound::{Bytestream, Network, NetworkFuture};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// The name that all of them have, which the server is allowed to send to.
pub const HOST: &str = "hooks.example";

/// What paths begin with that are answered well, and that are never answered.
pub const GOOD: &str = "/good";
pub const HANG: &str = "/hang";

/// Paths: for events of the platform itself, and for those of its connected accounts.
pub const OWN: &str = "/own";
pub const CONNECT: &str = "/connect";

/// An event that has arrived.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Arrived {
    pub path: String,
    pub event: String,
    pub created: i64,
    /// Whether it was answered with success.
    pub confirmed: bool,
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// The network.
pub struct Receivers(Arc<Mutex<State>>);

struct State {
    rng: Rng,
    arrived: Vec<Arrived>,
}

impl Receivers {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State { rng: Rng::new(seed), arrived: Vec::new() })))
    }

    /// What has arrived since the last look.
    pub fn take(&self) -> Vec<Arrived> {
        std::mem::take(&mut self.0.lock().unwrap().arrived)
    }
}

impl Network for Receivers {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> NetworkFuture<'a, Vec<SocketAddr>> {
        assert_eq!(host, HOST);
        let addresses = vec![SocketAddr::from(([93, 184, 216, 34], port))];
        Box::pin(std::future::ready(Ok(addresses)))
    }

    fn connect<'a>(&'a self, _to: &'a [SocketAddr]) -> NetworkFuture<'a, Box<dyn Bytestream>> {
        let (near, far) = tokio::io::duplex(PIPE);
        let state = Arc::clone(&self.0);
        tokio::spawn(serve(far, state));
        let stream: Box<dyn Bytestream> = Box::new(near);
        Box::pin(std::future::ready(Ok(stream)))
    }
}

/// Takes one request. It has arrived even if it is answered badly.
async fn serve(mut stream: DuplexStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let mut request = String::new();
    let (path, body) = loop {
        let mut some = [0; 4096];
        let read = stream.read(&mut some).await?;
        if read == 0 {
            return Ok(());
        }
        request += std::str::from_utf8(&some[..read]).unwrap();
        if let Some(whole) = whole(&request) {
            break whole;
        }
    };
    let event: Value = serde_json::from_str(body).unwrap();
    let answer = {
        let mut state = state.lock().unwrap();
        let answer = match state.rng.below(8) {
            _ if path.starts_with(GOOD) => OK,
            0 => "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n",
            1 => "",
            _ => OK,
        };
        let hangs = path.starts_with(HANG);
        let confirmed = answer == OK && !hangs;
        let (id, created) = (event["id"].as_str().unwrap(), event["created"].as_i64().unwrap());
        let (path, event) = (path.to_owned(), id.to_owned());
        state.arrived.push(Arrived { path, event, created, confirmed });
        if hangs { None } else { Some(answer) }
    };
    let Some(answer) = answer else { return std::future::pending().await };
    stream.write_all(answer.as_bytes()).await
}

/// Path and body of a request, once it is whole.
fn whole(request: &str) -> Option<(&str, &str)> {
    let (head, body) = request.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    let path = head.split(' ').nth(1)?;
    (length.parse() == Ok(body.len())).then_some((path, body))
}
