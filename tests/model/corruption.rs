//! Bits that flip on the disk, in every region of the files: each answer is the right one or an
//! error. What neither a seal nor the books' own sums cover, such as the time at which a secret
//! was made, can come out wrong, and is counted; a secret or an amount never does.
//!
//! The run repeats itself. `COFFER_CORRUPTION_SAMPLES` flips more bytes of each region.

use crate::books::changes::Rng;
use crate::books::fixture::PREVIEW;
use crate::simulation::disk::Disk;
use crate::simulation::life::{Around, DATA, Life};
use crate::simulation::receivers::Receivers;
use crate::simulation::template::{Template, home, template};
use crate::simulation::wire::Request;
use coffer::family_set::FamilySet;
use coffer_base::{TestClock, TestRandom, Timestamp};
use coffer_storage::{Faults, check_file};
use coffer_testkit::Answer;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::{Builder, Runtime};

/// Bytes that are flipped in each region.
const SAMPLES: usize = 2;

/// Users whose secrets are read, besides the account's own.
const USERS: usize = 12;

const PAGE: usize = 4096;

/// Panics of any thread.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// A part of a file.
struct Region {
    name: String,
    file: &'static str,
    /// Where its pieces begin, and how long each is.
    pieces: Vec<(usize, usize)>,
}

/// What an answer was, beside the right one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Verdict {
    Right,
    /// The server does not start, or the request is refused or fails.
    Error,
    /// Another answer, and the checks of `coffer doctor` say that something is wrong.
    Noticed,
    /// Another answer, and nothing says so.
    Unnoticed,
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

fn around(template: &Template) -> Around {
    Around {
        clock: Arc::new(TestClock::at(Timestamp::from_unix(template.now))),
        random: Arc::new(TestRandom::seeded(7)),
        receivers: Arc::new(Receivers::new(7)),
        canary: Faults::none(),
    }
}

fn place(user: &str) -> Vec<(&'static str, &str)> {
    vec![("name", "token"), ("scope[type]", "user"), ("scope[user]", user)]
}

/// What is written first: secrets of some length, and books with something of everything.
fn writes(account: &str, now: i64) -> Vec<Request> {
    let mut writes = Vec::new();
    for user in 0..USERS {
        let (user, payload) = (format!("user {user}"), format!("payload {user} ").repeat(60));
        let params = [place(&user), vec![("payload", payload.as_str())]].concat();
        writes.push(Request::new("POST", "/v1/apps/secrets", &params));
    }
    let later = (now + 9 * 86_400).to_string();
    let days = ("rolling_release[days_after_charge]", "30");
    let plan = [("percent", "15"), ("type", "rolling_release"), days];
    writes.push(Request::new("POST", "/v1/reserve/plans", &plan));
    for charge in 0..USERS {
        let id = format!("ch_{charge}");
        let params = [("id", id.as_str()), ("amount", "10000"), ("currency", "usd")];
        writes.push(Request::new("POST", "/v1/ledger/charges", &params));
    }
    let refund = [("id", "re_1"), ("charge", "ch_1"), ("amount", "77")];
    writes.push(Request::new("POST", "/v1/ledger/refunds", &refund));
    let hold =
        [("amount", "500"), ("currency", "usd"), ("release_schedule[release_after]", &later)];
    writes.push(Request::new("POST", "/v1/reserve/holds", &hold));
    // A flipped bit in the last commit of a log is what a crash leaves that tore it.
    let last = [place("nobody"), vec![("payload", "unread")]].concat();
    writes.push(Request::new("POST", "/v1/apps/secrets", &last));
    writes.iter_mut().enumerate().for_each(|(number, request)| {
        request.idempotency_key = Some(format!("key {number}"));
        request.account = Some(account.to_owned());
    });
    writes
}

/// What is read afterwards.
fn reads(account: &str) -> Vec<Request> {
    let find = |user| {
        let user = format!("user {user}");
        let params = [place(&user), vec![("expand[]", "payload")]].concat();
        Request::new("GET", "/v1/apps/secrets/find", &params)
    };
    let list = |path| Request::new("GET", path, &[("limit", "100")]);
    let lists = ["/v1/reserve/holds", "/v1/reserve/plans", "/v1/reserve/releases"].map(list);
    let balance = Request { version: Some(PREVIEW), ..Request::new("GET", "/v1/balance", &[]) };
    let reads = (0..USERS).map(find).chain(lists).chain([balance]);
    reads.map(|read| Request { account: Some(account.to_owned()), ..read }).collect()
}

/// The installation whose files are damaged.
struct Subject {
    template: &'static Template,
    /// After an orderly end, and with all that was written still in the log.
    closed: Disk,
    killed: Disk,
    reads: Vec<(Request, Answer)>,
}

impl Subject {
    fn new() -> Self {
        let (template, home) = (template(), home());
        let directory = home.path().join("data");
        template.disk.write(&directory);
        let account = template.accounts[0].clone();
        let runtime = runtime();
        let around = around(template);
        let (life, reads) = runtime.block_on(async {
            let life = around.start(&directory).await.unwrap();
            for write in writes(&account, template.now) {
                life.ask(&template.key, &write).await.unwrap().ok();
            }
            let mut answers = Vec::new();
            for read in reads(&account) {
                let answer = life.ask(&template.key, &read).await.unwrap();
                answer.ok();
                answers.push((read, answer));
            }
            (life, answers)
        });
        let killed = life.disk();
        life.release();
        drop(runtime);
        drop(life);
        Self { template, closed: Disk::read(&directory), killed, reads }
    }

    /// Every table and index of both files, their headers, the root key, and the logs.
    fn regions(&self) -> Vec<(Region, &Disk)> {
        let mut regions = Vec::new();
        for file in ["coffer.db", "keys.db"] {
            let header = Region { name: format!("{file} header"), file, pieces: vec![(0, 100)] };
            regions.push((header, &self.closed));
            for (name, pages) in pages(&self.closed, file) {
                let pieces = pages.into_iter().map(|page| ((page - 1) * PAGE, PAGE)).collect();
                regions
                    .push((Region { name: format!("{file} {name}"), file, pieces }, &self.closed));
            }
        }
        for file in ["coffer.db-wal", "keys.db-wal"] {
            let pieces = vec![(0, self.killed.bytes(file).len())];
            regions.push((Region { name: file.to_owned(), file, pieces }, &self.killed));
        }
        let file = "root.key";
        let pieces = vec![(0, self.closed.bytes(file).len())];
        regions.push((Region { name: file.to_owned(), file, pieces }, &self.closed));
        regions.retain(|(region, _)| region.pieces.iter().any(|(_, length)| *length > 0));
        regions
    }

    /// What all reads come to on a damaged disk.
    fn judge(&self, disk: &Disk) -> Result<Vec<Verdict>, String> {
        let home = home();
        let directory = home.path().join("data");
        disk.write(&directory);
        let runtime = runtime();
        let around = around(self.template);
        let (life, judged) = runtime.block_on(async {
            let Ok(life) = around.start(&directory).await else {
                return (None, Ok(vec![Verdict::Error; self.reads.len()]));
            };
            let judged = self.read(&life).await;
            (Some(life), judged)
        });
        life.iter().for_each(Life::release);
        drop(runtime);
        drop(life);
        judged
    }

    async fn read(&self, life: &Life) -> Result<Vec<Verdict>, String> {
        let mut verdicts = Vec::new();
        for (read, right) in &self.reads {
            let answer = life.ask(&self.template.key, read).await?;
            if (answer.status, &answer.body) == (right.status, &right.body) {
                verdicts.push(Verdict::Right);
                continue;
            }
            if answer.status >= 500 || matches!(answer.status, 401 | 403) {
                verdicts.push(Verdict::Error);
                continue;
            }
            let is_noticed = notices(life).await;
            let wrong = || format!("{read:?}: {} {}", answer.status, answer.body);
            let (told, due) = (answer.json(), right.json());
            if told.get("payload").is_some_and(|payload| *payload != due["payload"]) {
                return Err(wrong());
            }
            if read.path == "/v1/balance" && !is_noticed {
                return Err(wrong());
            }
            verdicts.push(if is_noticed { Verdict::Noticed } else { Verdict::Unnoticed });
        }
        Ok(verdicts)
    }
}

/// Whether one of the checks of `coffer doctor`, or of `coffer ledger verify`, finds something.
async fn notices(life: &Life) -> bool {
    let (families, data) = (FamilySet::default(), life.store(DATA));
    let keyring = &life.installation.context.keyring;
    let is_whole = |name| check_file(&life.directory.join(name)).is_ok();
    let books = families.verify(data).await;
    let identities = coffer_identity::verify_rows(data, keyring).await;
    !is_whole("coffer.db")
        || !is_whole("keys.db")
        || families.open_all(data, keyring).await.is_err()
        || !books.is_ok_and(|found| found.differences.is_empty())
        || !identities.is_ok_and(|found| found.forged.is_empty() && found.outdated.is_empty())
}

/// The pages of each table and index.
fn pages(disk: &Disk, file: &str) -> BTreeMap<String, Vec<usize>> {
    let home = home();
    let directory = home.path().join("data");
    disk.write(&directory);
    let open = |path: &Path| rusqlite::Connection::open(path).unwrap();
    let connection = open(&directory.join(file));
    let mut pages: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut rows = connection.prepare("SELECT name, pageno FROM dbstat").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?)));
    for row in rows.unwrap() {
        let (name, page) = row.unwrap();
        // What only the log has is no part of the file.
        if page as usize * PAGE <= disk.bytes(file).len() {
            pages.entry(name).or_default().push(page as usize);
        }
    }
    pages
}

/// A byte of the region: as a rule one in which something stands.
fn somewhere(region: &Region, disk: &Disk, rng: &mut Rng) -> usize {
    let mut any = || {
        let (from, length) = rng.one(&region.pieces);
        from + rng.below(length as i64) as usize
    };
    let bytes = disk.bytes(region.file);
    (0..100).map(|_| any()).find(|at| bytes[*at] != 0).unwrap_or(region.pieces[0].0)
}

#[test]
fn corruption_of_any_byte_is_an_error_or_changes_nothing() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        default(info);
    }));
    let asked = std::env::var("COFFER_CORRUPTION_SAMPLES").ok();
    let samples = asked.map_or(SAMPLES, |samples| samples.parse().unwrap());
    let (subject, mut rng) = (Subject::new(), Rng::new(20_270_115));
    let (mut flips, mut counts) = (0, BTreeMap::<Verdict, usize>::new());
    for (region, disk) in subject.regions() {
        let mut found = BTreeMap::<Verdict, usize>::new();
        for _ in 0..samples {
            let at = somewhere(&region, disk, &mut rng);
            let bits = 1 << rng.below(8);
            let verdicts = subject.judge(&disk.flipped(region.file, at, bits));
            let place = format!("{}, byte {at}, bits {bits:#x}", region.name);
            for verdict in verdicts.unwrap_or_else(|wrong| panic!("{place}: {wrong}")) {
                *found.entry(verdict).or_default() += 1;
            }
            assert_eq!(PANICS.load(Ordering::SeqCst), 0, "{place}");
            flips += 1;
        }
        println!("{:44} {found:?}", region.name);
        found.into_iter().for_each(|(verdict, times)| *counts.entry(verdict).or_default() += times);
    }
    let of = |verdict| counts.get(&verdict).copied().unwrap_or(0);
    println!("{flips} flips: {counts:?}");
    let read = of(Verdict::Right) + of(Verdict::Error);
    println!("durability: flipped bits; secrets and amounts read | {flips} | {read} | 0");
    assert!(of(Verdict::Right) > 0 && of(Verdict::Error) > 0, "{counts:?}");
}
