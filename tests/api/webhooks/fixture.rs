//! A server that may send to this machine, and receivers that do as they are told.

use coffer_kernel::outbound::Network;
use coffer_testkit::{App, Builder, Client, TestServer};
use coffer_webhooks::{WEBHOOK_ALLOW, WEBHOOK_ALLOW_HTTP, WEBHOOK_TIMEOUT};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// For as long as a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request that has arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(of, _)| of == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Log {
    received: Mutex<Vec<Received>>,
    changed: Condvar,
}

/// A receiver over plain HTTP. The first part of a path says what it does.
pub struct Receiver {
    port: u16,
    log: Arc<Log>,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::<Log>::default();
        let kept = Arc::clone(&log);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, log) = (stream.unwrap(), Arc::clone(&kept));
                thread::spawn(move || drop(serve(stream, port, &log)));
            }
        });
        Self { port, log }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub fn received(&self) -> Vec<Received> {
        self.log.received.lock().unwrap().clone()
    }

    /// Waits until `enough` says so of what has arrived.
    pub fn wait(&self, what: &str, enough: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let end = Instant::now() + PATIENCE;
        let mut received = self.log.received.lock().unwrap();
        while !enough(&received) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what}: {} have arrived", received.len());
            received = self.log.changed.wait_timeout(received, left).unwrap().0;
        }
        received.clone()
    }
}

/// Reads a request, takes it down, and answers as its path says.
fn serve(stream: TcpStream, port: u16, log: &Log) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap_or(0));
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8(body).unwrap();
    let received = Received { path: path.clone(), headers, body };
    log.received.lock().unwrap().push(received);
    log.changed.notify_all();
    answer(stream, port, path.split('/').next().unwrap_or_default())
}

fn answer(mut stream: TcpStream, port: u16, what: &str) -> std::io::Result<()> {
    match what {
        "hang" => loop {
            // Until the other side has gone.
            if stream.read(&mut [0; 64])? == 0 {
                return Ok(());
            }
        },
        "close" => Ok(()),
        "moved" => {
            let to = format!("http://127.0.0.1:{port}/ok/redirected");
            write!(stream, "HTTP/1.1 301 Moved\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
        }
        "busy" => {
            write!(stream, "HTTP/1.1 503 X\r\nretry-after: 86400\r\ncontent-length: 0\r\n\r\n")
        }
        "giga" => {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n")?;
            let block = [b'x'; 65536];
            (0..16384).try_for_each(|_| stream.write_all(&block))
        }
        "headers" => {
            write!(stream, "HTTP/1.1 200 OK\r\n")?;
            (0..100_000).try_for_each(|n| write!(stream, "x-{n}: {}\r\n", "y".repeat(1000)))
        }
        "slow" => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".bytes().try_for_each(|byte| {
            stream.write_all(&[byte])?;
            thread::park_timeout(Duration::from_secs(1));
            Ok(())
        }),
        "slow-body" => {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")?;
            (0..1000).try_for_each(|_| {
                stream.write_all(b"x")?;
                thread::park_timeout(Duration::from_secs(1));
                Ok(())
            })
        }
        "nonsense" => stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n"),
        status => {
            let status: u16 = status.parse().unwrap_or(200);
            write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nok")
        }
    }
}

/// A server that may send to this machine over plain HTTP.
pub fn builder() -> Builder {
    TestServer::builder()
        .set(&WEBHOOK_ALLOW, "127.0.0.0/8")
        .set(&WEBHOOK_ALLOW_HTTP, "true")
        .set(&WEBHOOK_TIMEOUT, "2")
}

/// A platform, and a receiver.
pub struct Fixture {
    pub server: TestServer,
    pub app: App,
    pub client: Client,
    pub receiver: Receiver,
}

/// An endpoint that was made.
pub struct Endpoint {
    pub id: String,
    pub secret: String,
}

impl Fixture {
    /// Whose attempts are made when the test calls [`Fixture::send`], and only then.
    pub fn new() -> Self {
        Self::of(builder().without_background_jobs().start())
    }

    pub fn of(server: TestServer) -> Self {
        let app = server.app();
        let client = app.client();
        Self { server, app, client, receiver: Receiver::start() }
    }

    /// An endpoint of the platform for all types, at this path of the receiver.
    pub fn endpoint(&self, path: &str) -> Endpoint {
        self.endpoint_with(&self.client, path, &[("enabled_events[]", "*")])
    }

    pub fn endpoint_with(&self, client: &Client, path: &str, more: &[(&str, &str)]) -> Endpoint {
        let url = self.receiver.url(path);
        let mut params = vec![("url", url.as_str())];
        params.extend(more);
        let answer = client.post("/v1/webhook_endpoints", &params);
        answer.ok();
        Endpoint { id: answer.text("id"), secret: answer.text("secret") }
    }

    /// Makes something happen; the id of the event.
    pub fn happen(&self) -> String {
        happen(&self.client)
    }

    /// Makes the attempts that are due.
    pub fn send(&self) {
        let job = self.server.job("send_webhooks");
        let context = &self.server.server().installation().context;
        self.server.block_on(job.run(context)).unwrap();
    }

    /// The same by another network than this machine's, which is the only one of this fixture.
    pub fn send_by<N: Network>(&self, network: &Arc<N>) {
        let job = self.server.job("send_webhooks");
        let mut context = self.server.server().installation().context.clone();
        context.http = context.http.on(Arc::<N>::clone(network));
        self.server.block_on(job.run(&context)).unwrap();
    }

    pub fn attempts(&self, endpoint: &Endpoint) -> Vec<Value> {
        let path = format!("/v1/webhook_endpoints/{}/attempts", endpoint.id);
        let list = self.client.get(&path, &[("limit", "100")]).ok();
        list["data"].as_array().unwrap().clone()
    }

    pub fn get(&self, endpoint: &Endpoint) -> Value {
        self.client.get(&format!("/v1/webhook_endpoints/{}", endpoint.id), &[]).ok()
    }

    pub fn pending(&self, event: &str) -> i64 {
        let event = self.client.get(&format!("/v1/events/{event}"), &[]).ok();
        event["pending_webhooks"].as_i64().unwrap()
    }
}

/// Makes something happen to whom a caller speaks for: a plan; the id of the event.
pub fn happen(client: &Client) -> String {
    let params = [
        ("percent", "10"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "30"),
    ];
    client.post("/v1/reserve/plans", &params).ok();
    let newest = client.get("/v1/events", &[("limit", "1")]).ok();
    newest["data"][0]["id"].as_str().unwrap().to_owned()
}
