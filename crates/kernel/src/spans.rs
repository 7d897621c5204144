//! Traces: what becomes of a request step by step, for OpenTelemetry.
//!
//! Whether a request is sampled is decided once, at its head: as the caller's `traceparent` says,
//! or by a share of all requests. A request that is not sampled costs that decision, and nothing
//! where no traces are wanted. A sampled one leaves a [`Span`] in a queue, which somebody else
//! sends away; if nobody does, the queue is full at some time and spans are dropped and counted.
//!
//! No span holds a value, a name or a key of anybody: it names the operation, the outcome and the
//! request, by whose id the log and the audit say the rest.

use coffer_base::Random;
use http::HeaderMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Which requests are sampled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sampler {
    /// Of requests without a trace of the caller's, one whose number is not above this.
    threshold: Option<u64>,
    /// Whether the caller decides, if it has a trace.
    follows_caller: bool,
}

impl Sampler {
    /// Samples a share of the requests between 0 and 1; if `follows_caller`, those with a trace of
    /// the caller's are sampled as that says.
    pub fn of_share(share: f64, follows_caller: bool) -> Self {
        let most = share.clamp(0.0, 1.0) * NUMBERS;
        // It is between 0 and 2^32.
        let threshold = (share > 0.0).then_some(most as u64);
        Self { threshold, follows_caller }
    }

    fn samples(self, caller: Option<&Caller>, request_id: &str) -> bool {
        match caller {
            Some(caller) if self.follows_caller => caller.is_sampled,
            _ => self.threshold.is_some_and(|most| number_of(request_id) < most),
        }
    }
}

/// How many numbers there are by which requests are sampled.
const NUMBERS: f64 = 4_294_967_296.0;

/// A number below [`NUMBERS`] that follows from a request's id, which is random already.
fn number_of(request_id: &str) -> u64 {
    let hash = request_id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash >> 32
}

/// The trace that a caller's request belongs to (W3C Trace Context).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Caller {
    trace: [u8; 16],
    span: [u8; 8],
    is_sampled: bool,
}

impl Caller {
    /// Reads `traceparent`; one that is malformed is no trace.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get("traceparent")?.to_str().ok()?;
        let mut parts = text.split('-');
        let version = hex::<1>(parts.next()?)?;
        let (trace, span) = (hex::<16>(parts.next()?)?, hex::<8>(parts.next()?)?);
        let flags = hex::<1>(parts.next()?)?;
        // Later versions may have more parts; this one has none.
        let is_whole = version == [0] && parts.next().is_none() || version > [0];
        let is_valid = is_whole && version != [0xff] && trace != [0; 16] && span != [0; 8];
        is_valid.then_some(Self { trace, span, is_sampled: flags.first()? & 1 == 1 })
    }
}

/// Lower-case hexadecimal digits of just so many bytes.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != N * 2 || !is_lower {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// A sampled request that is being answered.
#[derive(Debug)]
pub(crate) struct OpenSpan {
    trace: [u8; 16],
    span: [u8; 8],
    parent: Option<[u8; 8]>,
    steps: Vec<(&'static str, Instant)>,
}

impl OpenSpan {
    /// A step has ended.
    pub(crate) fn end_step(&mut self, name: &'static str) {
        self.steps.push((name, Instant::now()));
    }

    /// The id of the trace, as it is written.
    pub(crate) fn trace_id(&self) -> String {
        hexadecimal(&self.trace)
    }

    /// The id of the request in it, as it is written.
    pub(crate) fn span_id(&self) -> String {
        hexadecimal(&self.span)
    }
}

/// What a span says of its request, beside its times.
pub(crate) struct Answered {
    pub(crate) request_id: Arc<str>,
    pub(crate) method: &'static str,
    pub(crate) operation: Option<&'static str>,
    pub(crate) route: Option<&'static str>,
    pub(crate) status: u16,
    pub(crate) reason: Option<&'static str>,
}

/// A sampled request that was answered.
#[derive(Clone, Debug)]
pub struct Span {
    /// The trace: the caller's, or a new one.
    pub trace: [u8; 16],
    /// The request in it.
    pub span: [u8; 8],
    /// The caller's span, if it has one.
    pub parent: Option<[u8; 8]>,
    /// When the request's head had arrived.
    pub started: Instant,
    /// When its response was ready.
    pub ended: Instant,
    /// The steps in between, each with its end; it begins where the one before it ended.
    pub steps: Vec<(&'static str, Instant)>,
    /// The request's id.
    pub request_id: Arc<str>,
    /// The verb, of those that are known; `_OTHER` of all others.
    pub method: &'static str,
    /// The operation, if the request reached one.
    pub operation: Option<&'static str>,
    /// Its path, with names for the open segments.
    pub route: Option<&'static str>,
    /// The response's status.
    pub status: u16,
    /// Why it was refused or failed, if it was.
    pub reason: Option<&'static str>,
}

/// Bytes as they are written in a trace.
pub fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What became of spans.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SpanFigures {
    /// Sent, and taken.
    pub exported: u64,
    /// Left out, since too many waited.
    pub dropped: u64,
    /// Sent, and not taken.
    pub failed: u64,
}

/// Decides which requests are sampled, and keeps their spans until they are sent.
#[derive(Debug)]
pub struct Tracer {
    sampler: Sampler,
    most: usize,
    waiting: Mutex<Vec<Span>>,
    exported: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Tracer {
    /// A tracer in which at most so many spans wait.
    pub fn new(sampler: Sampler, most: usize) -> Self {
        let (exported, dropped, failed) = Default::default();
        Self { sampler, most, waiting: Mutex::default(), exported, dropped, failed }
    }

    /// The span of a request that begins, if it is sampled.
    pub(crate) fn begin(
        &self,
        headers: &HeaderMap,
        request_id: &str,
        random: &dyn Random,
    ) -> Option<Box<OpenSpan>> {
        let caller = Caller::of(headers);
        if !self.sampler.samples(caller.as_ref(), request_id) {
            return None;
        }
        let (mut trace, mut span) = ([0; 16], [0; 8]);
        random.fill(&mut span);
        match &caller {
            Some(caller) => trace = caller.trace,
            None => random.fill(&mut trace),
        }
        let parent = caller.map(|caller| caller.span);
        Some(Box::new(OpenSpan { trace, span, parent, steps: Vec::new() }))
    }

    /// The request was answered.
    pub(crate) fn end(&self, open: OpenSpan, started: Instant, answered: Answered) {
        let OpenSpan { trace, span, parent, steps } = open;
        let Answered { request_id, method, operation, route, status, reason } = answered;
        let ended = Instant::now();
        let span = Span {
            trace,
            span,
            parent,
            started,
            ended,
            steps,
            request_id,
            method,
            operation,
            route,
            status,
            reason,
        };
        let mut waiting = self.waiting();
        if waiting.len() < self.most {
            waiting.push(span);
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes at most so many spans away, the oldest first.
    pub fn take(&self, most: usize) -> Vec<Span> {
        let mut waiting = self.waiting();
        let count = waiting.len().min(most);
        waiting.drain(..count).collect()
    }

    /// Puts spans back that were taken and not sent, as the oldest that wait, as far as there is
    /// room for them.
    pub fn put_back(&self, mut spans: Vec<Span>) {
        let mut waiting = self.waiting();
        let kept = spans.len().min(self.most.saturating_sub(waiting.len()));
        let dropped = u64::try_from(spans.len().saturating_sub(kept)).unwrap_or(u64::MAX);
        self.dropped.fetch_add(dropped, Ordering::Relaxed);
        spans.truncate(kept);
        waiting.splice(..0, spans);
    }

    /// Counts spans that were sent.
    pub fn count(&self, spans: usize, were_taken: bool) {
        let counter = if were_taken { &self.exported } else { &self.failed };
        counter.fetch_add(u64::try_from(spans).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What became of spans so far.
    pub fn figures(&self) -> SpanFigures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (exported, dropped) = (read(&self.exported), read(&self.dropped));
        SpanFigures { exported, dropped, failed: read(&self.failed) }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Span>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_base::TestRandom;
    use http::HeaderValue;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn headers(traceparent: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", HeaderValue::from_str(traceparent).unwrap());
        headers
    }

    #[test]
    fn only_what_is_well_formed_is_a_trace_of_the_callers() {
        for (flags, is_sampled) in [("00", false), ("01", true), ("03", true)] {
            let caller = Caller::of(&headers(&format!("00-{TRACE}-{SPAN}-{flags}"))).unwrap();
            assert_eq!(caller.is_sampled, is_sampled);
            assert_eq!(hexadecimal(&caller.trace), TRACE);
            assert_eq!(hexadecimal(&caller.span), SPAN);
        }
        assert!(Caller::of(&headers(&format!("01-{TRACE}-{SPAN}-01-more"))).is_some());
        for wrong in [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}0-{SPAN}-01"),
        ] {
            assert_eq!(Caller::of(&headers(&wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn a_share_is_sampled_unless_the_caller_decides() {
        let random = TestRandom::seeded(7);
        let sampled = |sampler, headers: &HeaderMap| {
            let tracer = Tracer::new(sampler, 1);
            let ids = (0..10_000).map(|number| format!("req_{number}x{}", number * 7919));
            ids.filter(|id| tracer.begin(headers, id, &random).is_some()).count()
        };
        let none = HeaderMap::new();
        let (yes, no) =
            (headers(&format!("00-{TRACE}-{SPAN}-01")), headers(&format!("00-{TRACE}-{SPAN}-00")));
        for (share, expected) in [(0.0, 0), (1.0, 10_000)] {
            assert_eq!(sampled(Sampler::of_share(share, true), &none), expected);
            assert_eq!(sampled(Sampler::of_share(share, true), &yes), 10_000);
            assert_eq!(sampled(Sampler::of_share(share, true), &no), 0);
            assert_eq!(sampled(Sampler::of_share(share, false), &yes), expected);
        }
        let tenth = sampled(Sampler::of_share(0.1, true), &none);
        assert!((800..1200).contains(&tenth), "{tenth}");
    }

    #[test]
    fn a_queue_that_nobody_empties_drops() {
        let (tracer, random) =
            (Tracer::new(Sampler::of_share(1.0, true), 2), TestRandom::seeded(7));
        for _ in 0..3 {
            let open = tracer.begin(&HeaderMap::new(), "req_1", &random).unwrap();
            let answered = Answered {
                request_id: "req_1".into(),
                method: "GET",
                operation: None,
                route: None,
                status: 404,
                reason: None,
            };
            tracer.end(*open, Instant::now(), answered);
        }
        assert_eq!(tracer.figures().dropped, 1);
        assert_eq!((tracer.take(1).len(), tracer.take(9).len(), tracer.take(9).len()), (1, 1, 0));
    }
}
