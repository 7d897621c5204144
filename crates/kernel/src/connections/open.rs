//! An open connection: what it is doing, since when, and how much of an unfinished head it holds.

use super::Connections;
use crate::limits;
use crate::peer::Peer;
use coffer_base::limit;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What a connection is doing, which decides how long it may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Between two requests.
    Idle,
    /// Some of a request has arrived, and its head is not complete.
    Head,
    /// Nothing has been carried out of a request: its body is arriving, or it was refused and the
    /// answer is held back.
    Pending,
    /// A request is being answered.
    Serving,
    /// Nothing has arrived on it yet.
    Silent,
}

impl Phase {
    const fn code(self) -> u64 {
        match self {
            Self::Idle => 0,
            Self::Head => 1,
            Self::Serving => 2,
            Self::Silent => 3,
            Self::Pending => 4,
        }
    }

    const fn of(code: u64) -> Self {
        match code & 7 {
            0 => Self::Idle,
            1 => Self::Head,
            3 => Self::Silent,
            4 => Self::Pending,
            _ => Self::Serving,
        }
    }

    /// Seconds that the phase may take.
    const fn seconds(self) -> u64 {
        match self {
            Self::Idle => limit::IDLE_SECONDS,
            Self::Head => limit::HEADER_SECONDS,
            Self::Pending | Self::Serving => limit::REQUEST_SECONDS + limit::BODY_SECONDS,
            Self::Silent => limits::FIRST_BYTE_SECONDS,
        }
    }
}

/// An open connection.
pub struct Connection {
    peer: Peer,
    base: Instant,
    /// Milliseconds since `base`, times eight, plus the phase's code.
    packed: AtomicU64,
    /// Whether a request on it had a good key: under pressure others go first.
    is_known: AtomicBool,
    /// Bytes of the head that is arriving.
    head: AtomicUsize,
    is_closing: AtomicBool,
    closing: Notify,
    all: Arc<Connections>,
}

impl Connection {
    pub(super) fn new(peer: Peer, all: Arc<Connections>) -> Self {
        Self {
            peer,
            base: Instant::now(),
            packed: AtomicU64::new(Phase::Silent.code()),
            is_known: AtomicBool::new(false),
            head: AtomicUsize::new(0),
            is_closing: AtomicBool::new(false),
            closing: Notify::new(),
            all,
        }
    }

    /// Who is at its other end.
    pub const fn peer(&self) -> Peer {
        self.peer
    }

    /// A request on it had a good key.
    pub(crate) fn vouch(&self) {
        self.is_known.store(true, Ordering::Relaxed);
    }

    /// Returns once the connection is to make room for another.
    pub async fn is_given_up(&self) {
        self.closing.notified().await;
    }

    pub(super) fn give_up(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
        self.closing.notify_one();
    }

    /// Milliseconds since the connection began.
    fn millis(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_millis()).unwrap_or(u64::MAX >> 3)
    }

    /// The phase, and for how many milliseconds it has gone on.
    fn phase(&self) -> (Phase, u64) {
        let packed = self.packed.load(Ordering::Relaxed);
        (Phase::of(packed), self.millis().saturating_sub(packed >> 3))
    }

    pub(crate) fn is_serving(&self) -> bool {
        self.phase().0 == Phase::Serving
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.packed.store((self.millis() << 3) | phase.code(), Ordering::Relaxed);
        if phase == Phase::Serving {
            self.forget_head();
        }
    }

    /// Counts bytes that have arrived. The first after silence begin the head of a request.
    ///
    /// # Errors
    /// If unfinished heads hold far too much even now that some have been given up.
    pub(crate) fn received(&self, bytes: usize) -> io::Result<()> {
        match self.phase().0 {
            Phase::Pending | Phase::Serving => return Ok(()),
            Phase::Idle | Phase::Silent => self.enter(Phase::Head),
            Phase::Head => {}
        }
        let before = self.head.fetch_add(bytes, Ordering::Relaxed);
        let more = counted(before.saturating_add(bytes)) - counted(before);
        if more == 0 || self.all.add_head(more) {
            return Ok(());
        }
        Err(io::Error::other("the unfinished heads of all connections are too long"))
    }

    /// How long to wait before more of a head is read; `None` if none is arriving, or a short one.
    pub(crate) fn head_pause(&self) -> Option<Duration> {
        let own = counted(self.head.load(Ordering::Relaxed));
        if own == 0 || self.phase().0 != Phase::Head {
            return None;
        }
        let micros = |bytes: usize, a_microsecond: u64| {
            u64::try_from(bytes).unwrap_or(u64::MAX).checked_div(a_microsecond).unwrap_or(0)
        };
        let own = micros(own, limits::HEAD_BYTES_A_MICROSECOND);
        let all = self.all.unfinished_head_bytes();
        let all = micros(all, limits::ALL_HEADS_BYTES_A_MICROSECOND);
        Some(Duration::from_micros(own.saturating_add(all)))
    }

    /// The head is complete, or the connection at its end.
    pub(super) fn forget_head(&self) {
        if self.head.load(Ordering::Relaxed) > 0 {
            let bytes = self.head.swap(0, Ordering::Relaxed);
            self.all.remove_head(counted(bytes));
        }
    }

    /// For how many milliseconds an unfinished head that counts has been arriving.
    pub(super) fn long_head_millis(&self) -> Option<u64> {
        let (phase, millis) = self.phase();
        let counts = counted(self.head.load(Ordering::Relaxed)) > 0;
        (counts && phase == Phase::Head && !self.is_closing.load(Ordering::Relaxed))
            .then_some(millis)
    }

    /// How good a choice it is to close this connection: the largest first. `None` while a request
    /// is served on it. Those on which nobody ever had a good key come before the others.
    pub(super) fn idleness(&self) -> Option<(bool, u64)> {
        let (phase, millis) = self.phase();
        let is_open = phase != Phase::Serving && !self.is_closing.load(Ordering::Relaxed);
        is_open.then(|| (!self.is_known.load(Ordering::Relaxed), millis))
    }

    /// Whether the phase has taken longer than its limit.
    pub(crate) fn is_overdue(&self) -> bool {
        let (phase, millis) = self.phase();
        millis > phase.seconds() * 1000
    }
}

/// What counts of a head: that for which the connection's buffer had to grow. It never holds more
/// than the longest head; what arrives beyond that is thrown away.
const fn counted(bytes: usize) -> usize {
    let held = if bytes < limits::HEAD_BYTES { bytes } else { limits::HEAD_BYTES };
    held.saturating_sub(limits::HEAD_BYTES_FREE)
}
