//! The load generator, a process of its own: keep-alive connections that each send one request,
//! wait for its answer, check it, and send the next. Nothing is pipelined.
//!
//! It shares two cores with the server under test, so it is one thread, writes a request by
//! copying bytes, and reads no more of an answer than its status, its length and the payload.

use crate::args::{Args, Result};
use crate::data::Numbers;
use crate::exchange::{Balance, Charge, Events, Exchange, Find, Hold, Http, Set, Stranger};
use crate::latency::Latencies;
use crate::machine;
use crate::page::Page;
use crate::redis;
use serde_json::{Value, json};
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The options of `load`.
pub const OPTIONS: &[&str] = &[
    "workload",
    "port",
    "connections",
    "warm-ms",
    "measure-ms",
    "first",
    "count",
    "stored",
    "accounts",
    "idempotency",
    "seed",
    "every-ms",
    "until-eof",
    "tolerant",
    "reconnect-after",
];

/// Where the key stands in the environment, so that it does not show in the list of processes.
pub const KEY_VARIABLE: &str = "COFFER_BENCH_KEY";

/// Room for one answer; a longer one grows it.
const ANSWER_BYTES: usize = 16 * 1024;

/// What all connections share.
struct Shared {
    next: AtomicU64,
    end: u64,
    stored: Option<u64>,
    from: Instant,
    until: Option<Instant>,
    /// Time from one request of a connection to its next; without it, the next follows at once.
    every: Option<Duration>,
    /// Set when whoever started the load wants it to end.
    ended: AtomicBool,
    port: u16,
    /// Whether an answer that is not the expected one is counted, instead of ending the run.
    tolerant: bool,
    /// After how many requests a connection is given up for a new one; never if it is 0.
    reconnect_after: u64,
    /// Requests that were not answered as expected.
    refused: AtomicU64,
    /// Requests that were answered, those before the measurement included.
    answered: AtomicU64,
}

impl Shared {
    /// The number of the secret to ask for: any of the stored ones, or the next new one; `None`
    /// when there is nothing left to write.
    fn pick(&self, numbers: &mut Numbers) -> Option<u64> {
        match self.stored {
            Some(stored) => Some(numbers.below(stored)),
            None => {
                let index = self.next.fetch_add(1, Ordering::Relaxed);
                (index < self.end).then_some(index)
            }
        }
    }

    /// Whether a request may begin at `now`.
    fn goes_on(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until) && !self.ended.load(Ordering::Relaxed)
    }

    /// Whether a request that ended at `now` belongs to the measurement.
    fn counts(&self, now: Instant) -> bool {
        now >= self.from && self.until.is_none_or(|until| now < until)
    }
}

/// Runs one load and prints what it found as JSON.
pub fn main(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    let report = runtime.block_on(workload(args))?;
    crate::print(&report.to_string())
}

/// Chooses what is sent.
async fn workload(args: &Args) -> Result<Value> {
    let seed: u64 = args.or("seed", 1)?;
    let seed = |connection| seed_of(seed, connection);
    match args.required::<String>("workload")?.as_str() {
        "axum" => run(args, |_| Ok(Find::fixed(Http::new(args)?))).await,
        "find" => run(args, |_| Ok(Find::stored(Http::new(args)?))).await,
        "set" => {
            let keyed = args.or("idempotency", true)?;
            run(args, |n| Ok(Set::new(Http::new(args)?, keyed, seed(n)))).await
        }
        "charge" => run(args, |n| Ok(Charge::new(Http::new(args)?, seed(n)))).await,
        "balance" => run(args, |_| Ok(Balance::new(Http::new(args)?))).await,
        "events" => run(args, |_| Ok(Events::new(Http::new(args)?))).await,
        "page" => run(args, |_| Ok(Page::new(Http::new(args)?))).await,
        "hold" => run(args, |_| Ok(Hold::new(Http::new(args)?))).await,
        "stranger" => run(args, |n| Stranger::new(args, false, seed(n))).await,
        "guess" => run(args, |n| Stranger::new(args, true, seed(n))).await,
        "redis-set" => run(args, |_| Ok(redis::Set::new())).await,
        "redis-get" => run(args, |_| Ok(redis::Get::new())).await,
        other => Err(format!("there is no workload {other:?}")),
    }
}

/// A seed for one connection of a load: no other has it, nor has one of a load with another seed.
const fn seed_of(load: u64, connection: u64) -> u64 {
    load.wrapping_mul(1 << 20).wrapping_add(connection)
}

/// Opens the connections, lets them run, and adds up what they saw.
async fn run<E: Exchange>(args: &Args, make: impl Fn(u64) -> Result<E>) -> Result<Value> {
    let connections: u64 = args.required("connections")?;
    let mut streams = Vec::new();
    for number in 0..connections {
        // A server under attack may not let everybody in at once, so there each connects by itself.
        let stream = if args.or("tolerant", false)? {
            None
        } else {
            Some(connect(args.required("port")?).await?)
        };
        streams.push((stream, make(number)?));
    }
    let shared = shared(args)?;
    let seed: u64 = args.or("seed", 1)?;
    let tasks: Vec<_> = (0..)
        .zip(streams)
        .map(|(number, (stream, exchange))| {
            let numbers = Numbers::new(seed_of(seed, number));
            tokio::spawn(connection(stream, exchange, Arc::clone(&shared), numbers))
        })
        .collect();
    let mut latencies = Latencies::new()?;
    for task in tasks {
        latencies.merge(&task.await.map_err(|error| error.to_string())??)?;
    }
    let seconds = match shared.until {
        Some(until) => until - shared.from,
        None => shared.from.elapsed(),
    }
    .as_secs_f64();
    let next = shared.next.load(Ordering::Relaxed).min(shared.end);
    Ok(json!({
        "requests": latencies.count(),
        "seconds": seconds,
        "rate": latencies.count() as f64 / seconds,
        "p50_ns": latencies.quantile(500),
        "p99_ns": latencies.quantile(990),
        "max_ns": latencies.longest(),
        "answered": shared.answered.load(Ordering::Relaxed),
        "refused": shared.refused.load(Ordering::Relaxed),
        "next": next,
        "cpu_seconds": machine::own_cpu_seconds()?,
    }))
}

/// The plan of a load: for a time (`--measure-ms`, after `--warm-ms`), for `--count` new ones, or
/// until the standard input ends (`--until-eof true`).
fn shared(args: &Args) -> Result<Arc<Shared>> {
    let count: Option<u64> = args.optional("count")?;
    let warm = Duration::from_millis(args.or("warm-ms", 0)?);
    let measured = args.optional("measure-ms")?.map(Duration::from_millis);
    let until_eof: bool = args.or("until-eof", false)?;
    if [count.is_some(), measured.is_some(), until_eof].iter().filter(|given| **given).count() != 1
    {
        return Err("give one of --measure-ms, --count and --until-eof".to_owned());
    }
    let first = args.or("first", 0)?;
    let from = Instant::now() + warm;
    let shared = Shared {
        next: AtomicU64::new(first),
        end: count.map_or(u64::MAX, |count| first + count),
        stored: args.optional("stored")?,
        from,
        until: measured.map(|measured| from + measured),
        every: args.optional("every-ms")?.map(Duration::from_millis),
        ended: AtomicBool::new(false),
        port: args.required("port")?,
        tolerant: args.or("tolerant", false)?,
        reconnect_after: args.or("reconnect-after", 0)?,
        refused: AtomicU64::new(0),
        answered: AtomicU64::new(0),
    };
    let shared = Arc::new(shared);
    if until_eof {
        let load = Arc::clone(&shared);
        std::thread::spawn(move || {
            // Nothing is ever written to it: it ends, or its other side is gone.
            drop(std::io::stdin().read(&mut [0]));
            load.ended.store(true, Ordering::Relaxed);
        });
    }
    Ok(shared)
}

/// Waits until `due`. Answers from when the next request's time counts: a connection that is late
/// already counts from when it should have sent, so that a slow answer shows in all that waited.
async fn paced(due: Instant) -> Instant {
    if due <= Instant::now() {
        return due;
    }
    tokio::time::sleep_until(due.into()).await;
    Instant::now()
}

/// Opens a connection to the server.
async fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .map_err(|error| format!("cannot connect to port {port}: {error}"))?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    Ok(stream)
}

/// How long a tolerant load waits for one answer before it counts it as refused.
const PATIENCE: Duration = Duration::from_secs(10);

/// One request of a tolerant load, which ends with the measurement: an answer that is not there by
/// then took at least so long.
async fn in_time(
    shared: &Shared,
    begun: Instant,
    answered: impl Future<Output = Result<()>>,
) -> Result<()> {
    if !shared.tolerant {
        return answered.await;
    }
    let patience = begun + PATIENCE;
    let end = shared.until.map_or(patience, |until| until.min(patience));
    match tokio::time::timeout_at(end.into(), answered).await {
        Ok(outcome) => outcome,
        Err(_elapsed) if end < patience => Ok(()),
        Err(_elapsed) => Err(format!("there was no answer for {} s", PATIENCE.as_secs())),
    }
}

/// Sends one request and waits for its whole answer, which must be the expected one.
async fn exchange<E: Exchange>(
    stream: &mut TcpStream,
    exchange: &mut E,
    request: &[u8],
    answer: &mut Vec<u8>,
) -> Result<()> {
    stream.write_all(request).await.map_err(|error| format!("cannot send: {error}"))?;
    answer.clear();
    loop {
        let read = stream.read_buf(answer).await;
        if read.map_err(|error| format!("cannot receive: {error}"))? == 0 {
            return Err("the server hung up".to_owned());
        }
        match exchange.check(answer)? {
            Some(length) if length == answer.len() => return Ok(()),
            Some(_) => return Err("the answer is longer than it says".to_owned()),
            None => {}
        }
    }
}

/// One connection's life. The first wrong answer ends the whole run, unless it is tolerant: then it
/// is counted, and a new connection is made.
async fn connection<E: Exchange>(
    mut stream: Option<TcpStream>,
    mut asked: E,
    shared: Arc<Shared>,
    mut numbers: Numbers,
) -> Result<Latencies> {
    let mut latencies = Latencies::new()?;
    let (mut request, mut answer) = (Vec::new(), Vec::with_capacity(ANSWER_BYTES));
    let mut begun = Instant::now();
    let (mut due, mut sent) = (begun, 0u64);
    while shared.goes_on(begun) {
        let Some(index) = shared.pick(&mut numbers) else { break };
        request.clear();
        asked.request(index, &mut request);
        let asking = async {
            let stream = match &mut stream {
                Some(stream) => stream,
                none => none.insert(connect(shared.port).await?),
            };
            exchange(stream, &mut asked, &request, &mut answer).await
        };
        let outcome = in_time(&shared, begun, asking).await;
        let ended = Instant::now();
        sent += 1;
        if outcome.is_err() || shared.reconnect_after > 0 && sent % shared.reconnect_after == 0 {
            stream = None;
        }
        match outcome {
            Err(error) if !shared.tolerant => return Err(error),
            Err(_) if shared.counts(ended) => drop(shared.refused.fetch_add(1, Ordering::Relaxed)),
            _ => {}
        }
        if shared.counts(ended) || shared.tolerant && ended >= shared.from {
            latencies.record(ended - begun);
        }
        begun = match shared.every {
            None => ended,
            Some(every) => {
                due += every;
                paced(due).await
            }
        };
    }
    shared.answered.fetch_add(sent, Ordering::Relaxed);
    Ok(latencies)
}
