//! The job that makes the attempts which are due.
//!
//! A pass goes on until nothing is due and nothing is under way. It looks at endpoint after
//! endpoint, so that one with much to send keeps no other waiting, and gives places to those that
//! answer before those that hang (`fair.rs`). What became of attempts is written down in groups.
//! Whatever is cut is made again: an attempt waits until its outcome is written.
//!
//! While the clock may be wrong, first attempts are made and those after a failure wait: a clock
//! that is ahead would make all of them at once, and give up what is too old by it.

mod exchange;
mod fair;
mod holders;

use crate::endpoint::{Attempt, Status};
use crate::schedule::Schedule;
use crate::sequence::Sequence;
use crate::settings::{self, WEBHOOK_CA_FILE, WEBHOOK_DISABLE_AFTER, WEBHOOK_TIMEOUT};
use crate::store::attempt::{self, Due};
use crate::store::settle::{Made, Outcome, Settle};
use crate::{limits, store};
use coffer_base::Timestamp;
use coffer_base::clock::DAY_SECONDS;
use coffer_kernel::outbound::{Destinations, Proxy};
use coffer_kernel::{BoxFuture, ClockState, Job, JobContext, Settings};
use coffer_metrics::catalogue::WEBHOOK_ATTEMPTS;
use coffer_storage::StorageError;
use exchange::{Exchange, Ready};
use fair::Standings;
use holders::Holders;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What is sent by, as it was set.
pub(crate) struct How {
    pub(crate) destinations: Arc<Destinations>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) total: Duration,
    pub(crate) user_agent: String,
    pub(crate) schedule: Schedule,
    /// Where the authorities are that are trusted, if not the public ones.
    pub(crate) ca_file: Option<String>,
}

/// The job.
pub(crate) struct Sender {
    how: Arc<How>,
    sequence: Arc<Sequence>,
    disable_after: Option<i64>,
    state: Mutex<State>,
}

/// What is remembered between passes.
#[derive(Default)]
struct State {
    standings: Standings,
    holders: Holders,
    exchange: Option<Arc<Exchange>>,
    /// What was made, and could not be written down yet.
    unwritten: Vec<Made>,
}

/// What a pass works on.
struct Pass<'a> {
    sender: &'a Sender,
    context: &'a JobContext,
    state: &'a mut State,
    exchange: Arc<Exchange>,
    running: JoinSet<Made>,
    /// The attempts that are under way, or whose outcome is not written yet.
    taken: HashSet<(String, i64, String)>,
    looked: Option<Instant>,
    /// Whether the clock could be believed when something was due last, and what is due by it.
    clock: ClockState,
    due: Due,
    after: String,
    /// Endpoints that had something due at the last look, and got no place.
    passed_over: VecDeque<String>,
}

impl Sender {
    pub(crate) fn new(
        settings: &Settings,
        destinations: Arc<Destinations>,
        sequence: Arc<Sequence>,
    ) -> Self {
        let seconds = u64::try_from(settings.number(&WEBHOOK_TIMEOUT)).unwrap_or_default();
        let ca_file = settings.line(&WEBHOOK_CA_FILE);
        let days = settings.number(&WEBHOOK_DISABLE_AFTER);
        let how = How {
            destinations,
            proxy: settings::proxy(settings),
            total: Duration::from_secs(seconds),
            user_agent: settings::user_agent(settings),
            schedule: settings::schedule(settings),
            ca_file: Some(ca_file.to_owned()).filter(|path| !path.is_empty()),
        };
        Self {
            how: Arc::new(how),
            sequence,
            disable_after: Some(days.saturating_mul(DAY_SECONDS)).filter(|after| *after > 0),
            state: Mutex::default(),
        }
    }

    async fn pass(&self, context: &JobContext) -> Result<(), StorageError> {
        let mut state = self.state.lock().await;
        let exchange = match &state.exchange {
            Some(exchange) => Arc::clone(exchange),
            None => {
                let made = Exchange::new(context, Arc::clone(&self.how)).map_err(|why| {
                    StorageError::Internal(format!("webhooks cannot be sent: {why}").into())
                })?;
                let exchange = Arc::new(made);
                state.exchange = Some(Arc::clone(&exchange));
                exchange
            }
        };
        state.standings.nothing_is_under_way();
        let taken = state.unwritten.iter().map(key_of).collect();
        let mut pass = Pass {
            sender: self,
            context,
            state: &mut state,
            exchange,
            running: JoinSet::new(),
            taken,
            looked: None,
            clock: ClockState::Settling,
            due: Due::at_once(),
            after: String::new(),
            passed_over: VecDeque::new(),
        };
        pass.run().await
    }
}

fn key_of(made: &Made) -> (String, i64, String) {
    let Attempt { endpoint, seq, event, .. } = &made.attempt;
    (endpoint.clone(), *seq, event.clone())
}

impl Job for Sender {
    fn name(&self) -> &'static str {
        "send_webhooks"
    }

    fn every(&self) -> Duration {
        Duration::from_millis(limits::PASS_MILLISECONDS)
    }

    /// It answers 0, since a line of the log for each pass would be many.
    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            self.pass(context).await?;
            Ok(0)
        })
    }
}

impl Pass<'_> {
    async fn run(&mut self) -> Result<(), StorageError> {
        let mut finished = Vec::new();
        loop {
            // The next ones are under way while the outcomes of the last ones are written.
            let started = self.start(&finished).await?;
            finished.clear();
            self.write_down().await?;
            if self.running.is_empty() && started == 0 && self.state.unwritten.is_empty() {
                return self.state.holders.rest(self.context).await;
            }
            let look = Duration::from_millis(limits::LOOK_MILLISECONDS);
            if let Ok(Some(joined)) = tokio::time::timeout(look, self.running.join_next()).await {
                self.ended(joined, &mut finished);
            }
            while let Some(joined) = self.running.try_join_next() {
                self.ended(joined, &mut finished);
            }
        }
    }

    fn ended(&mut self, joined: Result<Made, tokio::task::JoinError>, finished: &mut Vec<String>) {
        match joined {
            Ok(made) => {
                let quick = made.outcome.milliseconds;
                let good = made.outcome.error.is_none();
                let outcome = if good { "success" } else { "failed" };
                let labels = [made.attempt.owner.mode.as_str(), outcome];
                self.context.figures.count(&WEBHOOK_ATTEMPTS, labels);
                self.state.standings.ended(&made.attempt.endpoint, good, quick);
                finished.push(made.attempt.endpoint.clone());
                self.state.unwritten.push(made);
            }
            Err(error) => tracing::error!(%error, "an attempt at a webhook ended without outcome"),
        }
    }

    /// Writes down what became of attempts. What fails stays, to be written later.
    async fn write_down(&mut self) -> Result<(), StorageError> {
        while !self.state.unwritten.is_empty() {
            let some = self.state.unwritten.len().min(limits::SETTLED_AT_ONCE);
            let made: Vec<Made> = self.state.unwritten.iter().take(some).cloned().collect();
            let keys: Vec<_> = made.iter().map(key_of).collect();
            if made.iter().any(|one| one.outcome.error.is_some()) {
                self.look_at_clock().await?;
            }
            let work = Settle {
                made,
                sequence: Arc::clone(&self.sender.sequence),
                context: self.context.clone(),
                disable_after: self.sender.disable_after,
                clock: self.clock,
                now: self.context.guard.now(),
            };
            self.context.store.write(work).await?;
            self.state.unwritten.drain(..some);
            for key in &keys {
                self.taken.remove(key);
            }
        }
        Ok(())
    }

    /// Asks whether the clock can be believed, and what is due by it.
    async fn look_at_clock(&mut self) -> Result<(), StorageError> {
        let guard = &self.context.guard;
        self.clock = guard.glance(&self.context.store).await?;
        self.due = match self.clock {
            ClockState::Doubtful(_) => Due::at_once(),
            _ => Due::by(guard.now(), self.sender.how.schedule.longest()),
        };
        Ok(())
    }

    /// Starts what is due, as far as there are places: of those endpoints that have just answered,
    /// and of all of them if it is time to look at all.
    async fn start(&mut self, finished: &[String]) -> Result<usize, StorageError> {
        let look = Duration::from_millis(limits::LOOK_MILLISECONDS);
        let mut started = 0usize;
        if self.looked.is_some_and(|at| at.elapsed() < look) {
            let mut again = finished.to_vec();
            again.sort_unstable();
            again.dedup();
            for endpoint in &again {
                started = started.saturating_add(self.start_endpoint(endpoint).await?);
            }
            return Ok(started.saturating_add(self.start_passed_over().await?));
        }
        self.looked = Some(Instant::now());
        self.state.holders.beat(self.context).await?;
        let most = limits::ENDPOINTS_AT_ONCE;
        let store = &self.context.store;
        let mut waiting = attempt::waiting_endpoints(store, &self.after, most).await?;
        if waiting.is_empty() && !self.after.is_empty() {
            waiting = attempt::waiting_endpoints(store, "", most).await?;
        }
        self.after = match waiting.last() {
            Some(last) if i64::try_from(waiting.len()).is_ok_and(|found| found >= most) => {
                last.id.clone()
            }
            _ => String::new(),
        };
        self.passed_over.clear();
        let by_clock = Due::by(self.context.guard.now(), self.sender.how.schedule.longest());
        if waiting.iter().any(|one| by_clock.has_some(one.first, one.last)) {
            self.look_at_clock().await?;
        }
        for one in waiting {
            if !self.due.has_some(one.first, one.last) {
                continue;
            }
            if self.state.standings.places(&one.id) > 0 {
                started = started.saturating_add(self.start_endpoint(&one.id).await?);
            } else if self.state.standings.under_way(&one.id) == 0 {
                self.passed_over.push_back(one.id);
            }
        }
        Ok(started)
    }

    /// Gives places that have become free to those that got none at the last look, so that nobody
    /// waits for the next one while there is a place.
    async fn start_passed_over(&mut self) -> Result<usize, StorageError> {
        let mut started = 0usize;
        while let Some(id) = self.passed_over.pop_front() {
            if self.state.standings.places(&id) == 0 {
                self.passed_over.push_front(id);
                break;
            }
            started = started.saturating_add(self.start_endpoint(&id).await?);
        }
        Ok(started)
    }

    /// Starts what is due for one endpoint.
    async fn start_endpoint(&mut self, id: &str) -> Result<usize, StorageError> {
        let places = self.state.standings.places(id);
        if places == 0 {
            return Ok(0);
        }
        let Some(endpoint) = store::by_id(&self.context.store, id).await? else { return Ok(0) };
        if !endpoint.enabled || !self.state.holders.hold(self.context, &endpoint).await? {
            return Ok(0);
        }
        let unwritten = self.state.unwritten.iter().filter(|made| made.attempt.endpoint == id);
        let taken = self.state.standings.under_way(id).saturating_add(unwritten.count());
        let most = i64::try_from(places.saturating_add(taken)).unwrap_or(i64::MAX);
        let due = attempt::due(&self.context.store, id, self.due, most).await?;
        let now = self.context.guard.now();
        let mut started = 0usize;
        let mut ready = None;
        for attempt in due {
            let key = (attempt.endpoint.clone(), attempt.seq, attempt.event.clone());
            if started >= places || self.taken.contains(&key) {
                continue;
            }
            if exchange::is_too_late(&attempt, now) && !self.is_right().await? {
                continue;
            }
            let ready = match &ready {
                Some(ready) => Arc::clone(ready),
                None => {
                    let made = Arc::new(self.exchange.ready(endpoint.clone(), now).await);
                    ready = Some(Arc::clone(&made));
                    made
                }
            };
            self.taken.insert(key);
            self.state.standings.started(id);
            self.spawn(ready, attempt, now);
            started = started.saturating_add(1);
        }
        Ok(started)
    }

    /// Whether the clock can be believed as for what is destroyed: to give up is no less.
    async fn is_right(&mut self) -> Result<bool, StorageError> {
        self.look_at_clock().await?;
        Ok(matches!(self.clock, ClockState::Right(_)))
    }

    fn spawn(&mut self, ready: Arc<Ready>, attempt: Attempt, now: Timestamp) {
        let exchange = Arc::clone(&self.exchange);
        let guard = Arc::clone(&self.context.guard);
        let random = Arc::clone(&self.context.random);
        let how = Arc::clone(&self.sender.how);
        self.running.spawn(async move {
            debug_assert_eq!(attempt.status, Status::Waiting);
            let mut outcome = exchange.attempt(&ready, &attempt, now).await;
            let ends = outcome.error.is_none_or(|error| error == exchange::EXPIRED);
            if !ends && !attempt.once {
                let (mode, at) = (attempt.owner.mode, guard.now());
                outcome.next = how.schedule.next(mode, attempt.number, at, &*random);
            }
            let endpoint_owner = ready.endpoint.owner.clone();
            Made { attempt, outcome, endpoint_owner }
        });
    }
}

impl Outcome {
    /// An attempt that was not made, or failed before anything was sent.
    const fn failed(error: &'static str, at: Timestamp) -> Self {
        Self { http_status: None, error: Some(error), milliseconds: None, at, next: None }
    }
}
