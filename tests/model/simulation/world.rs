//! Everything around the server: callers, the clock, the power, and a seed that decides.

use super::caller::{Caller, Kind, Pending, Wanted};
use super::deliveries::Deliveries;
use super::disk::{Disk, During};
use super::gate::Point;
use super::life::{Around, CALM, Cut, DATA, KEYS, Life, settle};
use super::money;
use super::receivers::Receivers;
use super::report::Report;
use super::secrets::Secrets;
use super::template::Template;
use super::wire::Request;
use crate::books::changes::{Bookkeeper, CHANGES, Rng, judge};
use crate::books::reference::DAY;
use coffer::family_set::FamilySet;
use coffer_base::{TestClock, TestRandom, Timestamp};
use coffer_storage::{Fate, Faults};
use coffer_testkit::Answer;
use std::sync::{Arc, Mutex};

/// Callers who share secrets; each other one has books.
const SHARING: usize = 3;

/// How a life ended.
pub enum End {
    /// The power failed, and this is left.
    Crash(Disk),
    /// All steps are done.
    Over,
}

/// An answer that has arrived: whose, to which attempt.
type Arrived = (usize, u64, Option<Answer>);

pub struct World {
    rng: Rng,
    pub around: Around,
    template: &'static Template,
    now: i64,
    callers: Vec<Caller>,
    secrets: Secrets,
    deliveries: Deliveries,
    mail: Arc<Mutex<Vec<Arrived>>>,
    /// Counts what is sent and what arrives.
    moment: u64,
    steps: usize,
    /// Whether the clock was moved, and what is due then is not done yet.
    due: bool,
    /// Whether enough is open to be explained.
    full: bool,
    /// What was done.
    pub log: Vec<String>,
    pub report: Report,
}

impl World {
    pub fn new(seed: u64, steps: usize, canary: Faults, template: &'static Template) -> Self {
        let mut rng = Rng::new(seed);
        let now = template.now;
        let clock = Arc::new(TestClock::at(Timestamp::from_unix(now)));
        let random = Arc::new(TestRandom::seeded(seed ^ 0x5EED));
        let receivers = Arc::new(Receivers::new(seed ^ 0xCA11));
        let mut callers: Vec<_> = (0..SHARING).map(|_| Caller::new(Kind::Secrets, None)).collect();
        for account in &template.accounts {
            let keeper = Bookkeeper::new(Rng::new(rng.below(i64::MAX) as u64), now);
            callers.push(Caller::new(Kind::Books(Box::new(keeper)), Some(account.clone())));
        }
        Self {
            rng,
            around: Around { clock, random, receivers, canary },
            template,
            now,
            callers,
            secrets: Secrets::default(),
            deliveries: Deliveries::default(),
            mail: Arc::default(),
            moment: 0,
            steps,
            due: true,
            full: false,
            log: Vec::new(),
            report: Report::default(),
        }
    }

    fn tell(&mut self, what: String) {
        self.log.push(what);
    }

    fn chance(&mut self, one_in: i64) -> bool {
        self.rng.below(one_in) == 0
    }

    /// Lives on, from a start to the next crash or the end of all steps.
    pub async fn live(&mut self, life: &Life) -> Result<End, String> {
        if self.due
            && let Some(left) = self.do_what_is_due(life).await?
        {
            return Ok(End::Crash(left));
        }
        while self.steps > 0 {
            self.steps -= 1;
            self.report.count("steps");
            if let Some(left) = self.step(life).await? {
                return Ok(End::Crash(left));
            }
            let rounds = usize::try_from(1 + self.rng.below(16)).unwrap();
            settle(rounds).await;
            self.deliver()?;
        }
        self.finish(life).await?;
        Ok(End::Over)
    }

    async fn step(&mut self, life: &Life) -> Result<Option<Disk>, String> {
        match self.rng.below(100) {
            0..54 => self.ask(life),
            54..87 => return self.write(life, DATA).await,
            87..91 => return self.write(life, KEYS).await,
            91 => return Ok(self.checkpoint(life).await),
            92..94 => self.hang_up(),
            94 => return Ok(Some(self.fail_power(life).await?)),
            95..97 => return self.move_clock(life).await,
            97 => return self.send_webhooks(life).await,
            _ => self.compare_one(life).await?,
        }
        if self.full {
            self.calm(life).await?;
        }
        Ok(None)
    }

    /// Some caller asks for something, or again.
    fn ask(&mut self, life: &Life) {
        let at = usize::try_from(self.rng.below(self.callers.len() as i64)).unwrap();
        if self.callers[at].pending.is_none() {
            let (wanted, request) = match &mut self.callers[at].kind {
                Kind::Secrets => {
                    let asked = self.secrets.think(&mut self.rng, self.now);
                    let request = self.secrets.request(&asked);
                    (Wanted::Secret(asked), request)
                }
                Kind::Books(keeper) => {
                    let which = self.rng.below(CHANGES);
                    let Some(change) = keeper.change(which) else { return };
                    let request = money::request(&change);
                    (Wanted::Change(change), request)
                }
            };
            self.tell(format!("{at} asks {wanted:?}"));
            self.callers[at].want(at, wanted, request, self.moment);
        }
        self.send(life, at);
    }

    /// Sends what a caller waits for, unless it is under way.
    fn send(&mut self, life: &Life, at: usize) {
        let Some(pending) = self.callers[at].pending.as_mut() else { return };
        if pending.attempt.is_some() {
            return;
        }
        self.moment += 1;
        let attempt = self.moment;
        pending.attempt = Some(attempt);
        let (wire, mail) = (life.wire(), Arc::clone(&self.mail));
        let (request, key) = (pending.request.clone(), self.template.key.clone());
        tokio::spawn(async move {
            let answer = wire.send(&key, &request).await;
            mail.lock().unwrap().push((at, attempt, answer));
        });
    }

    /// A writer carries out what waits, and whatever can become of that.
    async fn write(&mut self, life: &Life, store: usize) -> Result<Option<Disk>, String> {
        if life.store(store).stats().waiting == 0 {
            return Ok(None);
        }
        let fate = match self.rng.below(80) {
            0 => Some(Fate::Full),
            1 => Some(Fate::FlushFailed),
            2 => Some(Fate::ReplyLost),
            _ => None,
        };
        let cut = match self.rng.below(50) {
            0 => Cut::At(Point::BeforeCommit),
            1 => Cut::At(Point::AfterCommit),
            _ => Cut::Nowhere,
        };
        let before = (cut != Cut::Nowhere).then(|| life.disk());
        let stopped = life.batch(store, fate, cut);
        if let Some(fate) = fate.filter(|_| !stopped) {
            self.report.count(fate_name(fate));
            self.tell(format!("the commit of store {store}: {fate:?}"));
        }
        let Some(before) = before.filter(|_| stopped) else { return Ok(None) };
        self.report.count("crashes in a commit");
        self.tell(format!("the power fails at store {store}: {cut:?}"));
        let left = Disk::cut(&before, &life.disk(), During::Commit, &mut self.rng);
        self.lose_all_under_way().await?;
        Ok(Some(left))
    }

    /// The log moves into the file; now and then the power fails meanwhile.
    async fn checkpoint(&mut self, life: &Life) -> Option<Disk> {
        let store = if self.rng.below(4) == 0 { KEYS } else { DATA };
        self.report.count("checkpoints");
        // What waits is written first, and its loss is tried elsewhere.
        settle(CALM).await;
        life.batch(store, None, Cut::Nowhere);
        let before = self.chance(3).then(|| life.disk());
        life.checkpoint(store).await;
        let before = before?;
        self.report.count("crashes in a checkpoint");
        self.tell(format!("the power fails in a checkpoint of store {store}"));
        let left = Disk::cut(&before, &life.disk(), During::Checkpoint, &mut self.rng);
        self.lose_all_under_way().await.ok()?;
        Some(left)
    }

    /// A caller no longer waits for the answer that is under way.
    fn hang_up(&mut self) {
        let at = usize::try_from(self.rng.below(self.callers.len() as i64)).unwrap();
        if let Some(pending) = self.callers[at].pending.as_mut()
            && pending.attempt.take().is_some()
        {
            self.report.count("answers nobody waited for");
            self.tell(format!("{at} hangs up"));
        }
    }

    /// The power fails while nothing is written.
    async fn fail_power(&mut self, life: &Life) -> Result<Disk, String> {
        self.report.count("crashes");
        self.tell("the power fails".to_owned());
        let left = life.disk();
        self.lose_all_under_way().await?;
        Ok(left)
    }

    /// What had left the server arrives; the rest never does.
    async fn lose_all_under_way(&mut self) -> Result<(), String> {
        settle(CALM).await;
        self.deliver()?;
        for pending in self.callers.iter_mut().filter_map(|caller| caller.pending.as_mut()) {
            pending.attempt = None;
        }
        Ok(())
    }

    /// Gives what has arrived to whom it is for.
    fn deliver(&mut self) -> Result<(), String> {
        self.note_deliveries();
        let arrived = std::mem::take(&mut *self.mail.lock().unwrap());
        for (at, attempt, answer) in arrived {
            self.moment += 1;
            let waits = |pending: &Pending| pending.attempt == Some(attempt);
            if !self.callers[at].pending.as_ref().is_some_and(waits) {
                continue;
            }
            match answer {
                Some(answer) if answer.status < 500 => self.take(at, &answer)?,
                other => {
                    let status = other.as_ref().map_or(0, |answer| answer.status);
                    self.report.count("answers to ask again for");
                    self.tell(format!("{at} is answered {status}"));
                    self.callers[at].pending.as_mut().unwrap().attempt = None;
                }
            }
        }
        Ok(())
    }

    fn note_deliveries(&mut self) {
        self.deliveries.note_time(self.now);
        for arrived in self.around.receivers.take() {
            self.deliveries.note(&arrived, &mut self.report);
            self.tell(format!("{arrived:?}"));
        }
    }

    /// The server sends what waits, while writers do what they do at any time. A pass that fails
    /// goes on with the next one.
    async fn send_webhooks(&mut self, life: &Life) -> Result<Option<Disk>, String> {
        let sending = life.send_webhooks();
        while !sending.is_finished() {
            settle(CALM).await;
            self.deliver()?;
            for store in [DATA, KEYS] {
                if let Some(left) = self.write(life, store).await? {
                    return Ok(Some(left));
                }
            }
        }
        Ok(None)
    }

    /// A caller takes its answer.
    fn take(&mut self, at: usize, answer: &Answer) -> Result<(), String> {
        let Pending { wanted, request, since, .. } = self.callers[at].pending.take().unwrap();
        self.report.count(match request.method {
            "GET" => "acknowledged reads",
            _ => "acknowledged writes",
        });
        if answer.header("idempotent-replayed").is_some() {
            self.report.count("replays");
        }
        let body: Vec<&str> = answer.body.split_whitespace().collect();
        self.tell(format!("{at} is answered {} {}", answer.status, body.join(" ")));
        match &wanted {
            Wanted::Secret(asked) => {
                self.full |= self.secrets.learn(asked, answer, (since, self.moment))?;
            }
            Wanted::Change(change) => {
                judge(answer, change.accepted).map_err(|why| format!("{change:?}: {why}"))?;
                let Kind::Books(keeper) = &mut self.callers[at].kind else { return Ok(()) };
                keeper.learn(change, answer);
                if self.rng.below(6) == 0 {
                    let wanted = Wanted::Same(answer.status, answer.body.clone());
                    let since = self.moment;
                    self.callers[at].pending =
                        Some(Pending { wanted, request, since, attempt: None });
                }
            }
            Wanted::Same(status, body) => {
                if (*status, body) != (answer.status, &answer.body) {
                    return Err(format!("asked again: {answer:?}, and before {status} {body}"));
                }
            }
        }
        Ok(())
    }

    /// Waits until everybody has an answer, and explains what was done.
    async fn calm(&mut self, life: &Life) -> Result<(), String> {
        for _ in 0..200 {
            settle(CALM).await;
            self.deliver()?;
            if self.callers.iter().all(|caller| caller.pending.is_none()) {
                self.full = false;
                return self.secrets.explain(self.now);
            }
            (0..self.callers.len()).for_each(|at| self.send(life, at));
            settle(CALM).await;
            life.batch(DATA, None, Cut::Nowhere);
            life.batch(KEYS, None, Cut::Nowhere);
        }
        Err("somebody is never answered".to_owned())
    }

    /// The clock moves, ahead or back, and what is due then is done.
    async fn move_clock(&mut self, life: &Life) -> Result<Option<Disk>, String> {
        self.calm(life).await?;
        let by = match self.rng.below(8) {
            0 => -self.rng.below(3 * DAY),
            1 => 1 + self.rng.below(21 * DAY),
            2..5 => 1 + self.rng.below(3 * DAY),
            _ => 1 + self.rng.below(90),
        };
        self.now += by;
        self.report.count(if by < 0 { "clocks set back" } else { "clocks that went on" });
        self.tell(format!("it is {}", self.now));
        self.due = true;
        let clock = &self.around.clock;
        if self.rng.flip() {
            clock.jump(self.now - clock.now_unix());
        } else {
            clock.set(Timestamp::from_unix(self.now));
        }
        self.do_what_is_due(life).await
    }

    /// The operator agrees to the clock, and the jobs run; now and then the power fails meanwhile.
    async fn do_what_is_due(&mut self, life: &Life) -> Result<Option<Disk>, String> {
        self.agree(life).await?;
        let (jobs, context) = (life.installation.jobs.clone(), life.installation.context.clone());
        let running = tokio::spawn(async move {
            for job in jobs {
                job.run(&context).await.map_err(|error| format!("{}: {error}", job.name()))?;
            }
            Ok::<(), String>(())
        });
        while !running.is_finished() {
            settle(CALM).await;
            let waiting = |store| life.store(store).stats().waiting > 0;
            for store in [DATA, KEYS].into_iter().filter(|store| waiting(*store)) {
                let dies = self.chance(100);
                let before = dies.then(|| life.disk());
                let cut = if dies { Cut::At(Point::AfterCommit) } else { Cut::Nowhere };
                if let (true, Some(before)) = (life.batch(store, None, cut), before) {
                    self.report.count("crashes in a job");
                    self.tell(format!("the power fails in a job, at store {store}"));
                    return Ok(Some(Disk::cut(
                        &before,
                        &life.disk(),
                        During::Commit,
                        &mut self.rng,
                    )));
                }
            }
            std::thread::yield_now();
        }
        running.await.unwrap()?;
        for caller in &mut self.callers {
            if let Kind::Books(keeper) = &mut caller.kind {
                keeper.books.now = self.now;
                keeper.books.run_due();
            }
        }
        self.secrets.may_prune(self.now);
        self.due = false;
        Ok(None)
    }

    async fn agree(&mut self, life: &Life) -> Result<(), String> {
        let request = Request::new("POST", "/v1/admin/clock/accept", &[]);
        let answer = life.ask(&self.template.admin, &request).await?;
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    }

    /// Compares some account's books with what the server shows, if its keeper waits for nothing.
    async fn compare_one(&mut self, life: &Life) -> Result<(), String> {
        let at = usize::try_from(self.rng.below(self.callers.len() as i64)).unwrap();
        settle(CALM).await;
        self.deliver()?;
        if self.callers[at].pending.is_none() {
            self.compare(life, at).await?;
        }
        Ok(())
    }

    async fn compare(&mut self, life: &Life, at: usize) -> Result<(), String> {
        let Caller { kind: Kind::Books(keeper), account, .. } = &mut self.callers[at] else {
            return Ok(());
        };
        self.report.count("comparisons of books");
        let shown = money::shown(life, &self.template.key, account.as_ref()).await?;
        shown.compare(&mut keeper.books).map_err(|why| format!("the books of {at}: {why}"))
    }

    /// All that waits is sent, and compared with what there is.
    async fn compare_deliveries(&mut self, life: &Life) -> Result<(), String> {
        let sending = life.send_webhooks();
        while !sending.is_finished() {
            settle(CALM).await;
            life.batch(DATA, None, Cut::Nowhere);
        }
        sending.await.unwrap().map_err(|error| error.to_string())?;
        self.note_deliveries();
        let Template { key, accounts, .. } = self.template;
        self.deliveries.compare(life, key, accounts).await
    }

    /// At the end everything is compared.
    async fn finish(&mut self, life: &Life) -> Result<(), String> {
        self.calm(life).await?;
        self.compare_deliveries(life).await?;
        for at in 0..self.callers.len() {
            self.compare(life, at).await?;
        }
        for name in 0..super::secrets::NAMES {
            let asked = super::secrets::SecretCall::Find { name };
            let request = self.secrets.request(&asked);
            let answer = life.ask(&self.template.key, &request).await?;
            self.moment += 2;
            self.secrets.learn(&asked, &answer, (self.moment - 1, self.moment))?;
        }
        self.secrets.explain(self.now)?;
        let found = FamilySet::default().verify(life.store(DATA)).await;
        let found = found.map_err(|error| error.to_string())?;
        if !found.differences.is_empty() {
            return Err(format!("the ledger's own check: {:#?}", found.differences));
        }
        life.verify_audit().await?;
        self.report.count("logs of the audit that were verified");
        Ok(())
    }
}

const fn fate_name(fate: Fate) -> &'static str {
    match fate {
        Fate::Done => "commits",
        Fate::Full => "commits on a full disk",
        Fate::FlushFailed => "flushes that failed",
        Fate::ReplyLost => "replies of the store that were lost",
    }
}
