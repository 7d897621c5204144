//! How long anything may take (conventions §13, decision 20).
//!
//! The server's timers run on tokio's clock, which is stopped here: it jumps ahead whenever all
//! tasks wait, so that a minute passes at once, and no test depends on how fast it runs.

use coffer::assemble::{self, AssembleOptions, Callers, Installation, RootSource};
use coffer_base::{Clock, TestClock};
use coffer_crypto::SystemRandom;
use coffer_kernel::{ListenerRole, serve_connection};
use coffer_testkit::{Gate, START};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::time::Instant;

/// An installation without a socket, and an admin key.
struct Bench {
    installation: Installation,
    authorization: String,
    gate: Gate,
    stop: watch::Sender<bool>,
    _kept: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let kept = TempDir::new().unwrap();
        let gate = Gate::default();
        let options = AssembleOptions {
            data_dir: kept.path().join("data"),
            key_dir: None,
            root: RootSource::DataDir,
            database: coffer::assemble::Database::Embedded,
            developer: false,
            callers: Callers::default(),
            families: coffer::family_set::FamilySet::default(),
            settings: coffer_kernel::Settings::default(),
            clock: Arc::new(TestClock::at(START)) as Arc<dyn Clock>,
            random: Arc::new(SystemRandom),
            faults: gate.faults(),
        };
        let stores = assemble::init(&options).await.unwrap().stores;
        let key = assemble::create_admin_key(&options, &stores).await.unwrap();
        let authorization = format!("Authorization: Bearer {}", key.token().expose());
        let installation = assemble::open_stores(options, stores).await.unwrap();
        Self { installation, authorization, gate, stop: watch::channel(false).0, _kept: kept }
    }

    fn connect(&self) -> DuplexStream {
        let (ours, theirs) = duplex(64 * 1024);
        let kernel = Arc::clone(&self.installation.kernel);
        tokio::spawn(serve_connection(kernel, ListenerRole::All, theirs, self.stop.subscribe()));
        ours
    }

    /// A request for a new account; its body may be cut short.
    fn create(&self, key: &str, name: &str, length: usize) -> String {
        format!(
            "POST /v1/admin/accounts HTTP/1.1\r\nHost: localhost\r\n{}\r\nIdempotency-Key: {key}\
             \r\nContent-Length: {length}\r\n\r\nname={name}",
            self.authorization
        )
    }
}

/// Runs a test on one thread, where tokio's clock can be stopped.
fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// The seconds until the server closes the connection; it must not send anything before.
async fn seconds_until_closed(connection: &mut DuplexStream, since: Instant) -> u64 {
    let mut rest = Vec::new();
    connection.read_to_end(&mut rest).await.unwrap();
    assert_eq!(String::from_utf8(rest).unwrap(), "");
    since.elapsed().as_secs()
}

/// The head and the body of the next answer.
async fn answer(connection: &mut DuplexStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"}\n}") && !text.ends_with(b"}") {
        let mut buffer = [0; 4096];
        let read = connection.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the connection ended: {}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(text).unwrap().to_lowercase()
}

#[test]
fn an_idle_connection_is_closed_after_75_seconds() {
    run(async {
        let bench = Bench::new().await;
        tokio::time::pause();
        let since = Instant::now();
        let closed = seconds_until_closed(&mut bench.connect(), since).await;
        assert!((10..=12).contains(&closed), "its first byte has ten seconds: {closed}");
        let mut used = bench.connect();
        used.write_all(b"GET /v1/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        assert!(answer(&mut used).await.starts_with("http/1.1 401"));
        let since = Instant::now();
        let closed = seconds_until_closed(&mut used, since).await;
        assert!((75..=77).contains(&closed), "after a request: {closed}");
    });
}

#[test]
fn headers_have_ten_seconds() {
    run(async {
        let bench = Bench::new().await;
        tokio::time::pause();
        let mut connection = bench.connect();
        let since = Instant::now();
        connection.write_all(b"GET /v1/apps/secrets HTTP/1.1\r\n").await.unwrap();
        let closed = seconds_until_closed(&mut connection, since).await;
        assert!((10..=12).contains(&closed), "{closed}");
    });
}

#[test]
fn headers_that_trickle_in_have_ten_seconds_in_all() {
    run(async {
        let bench = Bench::new().await;
        tokio::time::pause();
        let mut connection = bench.connect();
        let since = Instant::now();
        for letter in "GET /v1/apps/secrets HTTP/1.1".bytes() {
            if connection.write_all(&[letter]).await.is_err() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        let closed = since.elapsed().as_secs();
        assert!((10..=13).contains(&closed), "{closed}");
    });
}

#[test]
fn a_body_has_thirty_seconds() {
    run(async {
        let bench = Bench::new().await;
        tokio::time::pause();
        let mut connection = bench.connect();
        let since = Instant::now();
        connection.write_all(bench.create("one", "half", 100).as_bytes()).await.unwrap();
        let answer = answer(&mut connection).await;
        assert_eq!(since.elapsed().as_secs(), 30);
        assert!(answer.starts_with("http/1.1 408"), "{answer}");
        assert!(answer.contains("\r\nstripe-should-retry: true\r\n"), "{answer}");
        assert!(answer.contains("\"error\": {"), "{answer}");
    });
}

/// Whoever was not answered finds out by sending the same again (decisions 15 and 18).
#[test]
fn a_request_is_answered_within_sixty_seconds_and_its_answer_kept() {
    run(async {
        let bench = Bench::new().await;
        let mut connection = bench.connect();
        let warm = bench.create("zero", "warm", "name=warm".len());
        connection.write_all(warm.as_bytes()).await.unwrap();
        assert!(answer(&mut connection).await.starts_with("http/1.1 200"));
        let request = bench.create("one", "late", "name=late".len());
        bench.gate.close();
        tokio::time::pause();
        let since = Instant::now();
        connection.write_all(request.as_bytes()).await.unwrap();
        let late = answer(&mut connection).await;
        assert_eq!(since.elapsed().as_secs(), 60);
        assert!(late.starts_with("http/1.1 500"), "{late}");
        assert!(late.contains("\r\nstripe-should-retry: true\r\n"), "{late}");
        tokio::time::resume();
        bench.gate.open();
        let mut replay = String::from("http/1.1 409");
        // Whoever waits for a key that is in use is told so in the end.
        while replay.starts_with("http/1.1 409") {
            connection.write_all(request.as_bytes()).await.unwrap();
            replay = answer(&mut connection).await;
        }
        assert!(replay.starts_with("http/1.1 200"), "{replay}");
        assert!(replay.contains("\r\nidempotent-replayed: true\r\n"), "{replay}");
        assert!(replay.contains("\"name\": \"late\""), "{replay}");
    });
}
