//! Logs: every line that standard error gets as well.

use super::sender::{Outcome, Sender};
use super::{Exporter, encode};
use crate::limits::{LOG_BYTES_AT_ONCE, LOG_BYTES_WAITING, LOGS_SECONDS};
use coffer_kernel::BoxFuture;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Lines of the log that wait to be sent, each as its JSON, in at most
/// [`LOG_BYTES_WAITING`] bytes.
#[derive(Default)]
pub struct LogLines(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Arc<str>>,
    /// Of all of them.
    bytes: usize,
    /// Lines that there was no room for, since somebody asked.
    dropped: usize,
}

impl LogLines {
    /// Keeps a line if there is room, and counts it otherwise.
    fn add(&self, line: String) {
        let mut waiting = self.waiting();
        let bytes = waiting.bytes.saturating_add(line.len());
        if bytes > LOG_BYTES_WAITING {
            waiting.dropped = waiting.dropped.saturating_add(1);
            return;
        }
        waiting.bytes = bytes;
        waiting.lines.push_back(line.into());
    }

    /// The oldest lines, of [`LOG_BYTES_AT_ONCE`] bytes or one alone; they stay.
    fn oldest(&self) -> Vec<Arc<str>> {
        let waiting = self.waiting();
        let mut bytes = 0_usize;
        let fits = |line: &&Arc<str>| {
            let is_first = bytes == 0;
            bytes = bytes.saturating_add(line.len());
            is_first || bytes <= LOG_BYTES_AT_ONCE
        };
        waiting.lines.iter().take_while(fits).cloned().collect()
    }

    /// Takes so many of the oldest lines away.
    fn remove(&self, count: usize) {
        let mut waiting = self.waiting();
        let count = count.min(waiting.lines.len());
        let removed: usize = waiting.lines.drain(..count).map(|line| line.len()).sum();
        waiting.bytes = waiting.bytes.saturating_sub(removed);
    }

    /// How many lines there was no room for since the last time that this was asked.
    fn take_dropped(&self) -> usize {
        std::mem::take(&mut self.waiting().dropped)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has whatever is logged wait to be sent as well.
pub struct KeepLines(pub Arc<LogLines>);

impl<S: Subscriber> Layer<S> for KeepLines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        self.0.add(encode::line(event));
    }
}

/// Sends lines to a receiver. While it is away they wait, as long as there is room; what it refuses
/// is lost.
pub(super) struct ExportLogs {
    sender: Sender,
    lines: Arc<LogLines>,
}

impl ExportLogs {
    pub(super) fn new(sender: Sender, lines: Arc<LogLines>) -> Self {
        Self { sender, lines }
    }
}

impl Exporter for ExportLogs {
    fn name(&self) -> &'static str {
        "export_logs"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(LOGS_SECONDS)
    }

    fn flush(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                self.sender.count("dropped", self.lines.take_dropped());
                let lines = self.lines.oldest();
                if lines.is_empty() {
                    return;
                }
                // A pass may be cut while it sends: then the lines are sent twice, and not lost.
                match self.sender.send(&lines).await {
                    Outcome::Accepted => self.sender.count("exported", lines.len()),
                    Outcome::Rejected => self.sender.count("failed", lines.len()),
                    Outcome::Unavailable => return,
                }
                self.lines.remove(lines.len());
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn lines_wait_until_they_are_removed_the_oldest_first() {
        let lines = LogLines::default();
        let kept = Arc::new(lines);
        let subscriber = tracing_subscriber::registry().with(KeepLines(Arc::clone(&kept)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("first");
            tracing::warn!("second");
        });
        let oldest = kept.oldest();
        assert_eq!(oldest.len(), 2);
        assert!(oldest[0].contains("first") && oldest[1].contains("second"), "{oldest:?}");
        kept.remove(1);
        assert_eq!(kept.oldest(), oldest[1..]);
        kept.remove(9);
        assert_eq!(kept.oldest().len(), 0);
    }

    #[test]
    fn what_there_is_no_room_for_is_counted() {
        let lines = LogLines::default();
        let half = "x".repeat(LOG_BYTES_WAITING / 2);
        for _ in 0..4 {
            lines.add(half.clone());
        }
        assert_eq!((lines.take_dropped(), lines.take_dropped()), (2, 0));
        assert_eq!(lines.oldest().len(), 1, "one alone is sent, however long it is");
        lines.remove(1);
        lines.add(half);
        assert_eq!(lines.take_dropped(), 0, "there is room again");
    }

    #[test]
    fn so_much_is_sent_at_once() {
        let lines = LogLines::default();
        for _ in 0..3 {
            lines.add("x".repeat(LOG_BYTES_AT_ONCE / 2));
        }
        assert_eq!(lines.oldest().len(), 2);
    }
}
