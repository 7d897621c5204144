//! Traces: the spans of sampled requests.

use super::sender::{Outcome, Sender};
use super::{Exporter, encode};
use crate::limits::{SPANS_AT_ONCE, SPANS_WAITING, TRACES_SECONDS};
use coffer_kernel::{BoxFuture, Sampler, Span, Tracer};
use std::sync::Arc;
use std::time::Duration;

/// Sends spans to a receiver. Those that it does not take are lost.
pub(super) struct ExportTraces {
    tracer: Arc<Tracer>,
    sender: Sender,
}

impl ExportTraces {
    pub(super) fn new(sender: Sender, sampler: Sampler) -> Self {
        Self { tracer: Arc::new(Tracer::new(sampler, SPANS_WAITING)), sender }
    }

    /// What keeps the spans.
    pub(super) fn tracer(&self) -> Arc<Tracer> {
        Arc::clone(&self.tracer)
    }
}

/// Spans on their way. Whoever is cut while they are sent puts them back: then they are sent twice,
/// and not lost.
struct InFlight<'t> {
    tracer: &'t Tracer,
    spans: Vec<Span>,
}

impl InFlight<'_> {
    /// It was not cut: says how many there are.
    fn settle(mut self) -> usize {
        std::mem::take(&mut self.spans).len()
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.tracer.put_back(std::mem::take(&mut self.spans));
    }
}

impl Exporter for ExportTraces {
    fn name(&self) -> &'static str {
        "traces"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(TRACES_SECONDS)
    }

    fn flush(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let spans = self.tracer.take(SPANS_AT_ONCE);
                if spans.is_empty() {
                    return;
                }
                let in_flight = InFlight { tracer: &self.tracer, spans };
                let sent = self.sender.send(&encode::spans(&in_flight.spans)).await;
                let is_taken = sent == Outcome::Accepted;
                self.tracer.count(in_flight.settle(), is_taken);
                if !is_taken {
                    return;
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn span(request: &str) -> Span {
        let now = Instant::now();
        Span {
            trace: [1; 16],
            span: [2; 8],
            parent: None,
            started: now,
            ended: now,
            steps: Vec::new(),
            request_id: request.into(),
            method: "GET",
            operation: None,
            route: None,
            status: 200,
            reason: None,
        }
    }

    #[test]
    fn spans_of_a_pass_that_is_cut_wait_again() {
        let tracer = Tracer::new(Sampler::of_share(1.0, true), 3);
        tracer.put_back(vec![span("req_1"), span("req_2")]);
        let in_flight = InFlight { tracer: &tracer, spans: tracer.take(2) };
        tracer.put_back(vec![span("req_3"), span("req_4")]);
        drop(in_flight);
        let waiting: Vec<_> = tracer.take(9).iter().map(|it| it.request_id.to_string()).collect();
        assert_eq!(waiting, ["req_1", "req_3", "req_4"]);
        assert_eq!(tracer.figures().dropped, 1);
        let in_flight = InFlight { tracer: &tracer, spans: vec![span("req_5")] };
        assert_eq!(in_flight.settle(), 1);
        assert!(tracer.take(9).is_empty());
    }
}
