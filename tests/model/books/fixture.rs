//! The server that the reference is compared with: one account's books, crashes and all.

use super::reference::{Books, Pool, PoolName};
use coffer_base::Timestamp;
use coffer_storage::Faults;
use coffer_testkit::{Answer, Client, TestServer, home, is_postgres};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

pub struct Fixture {
    server: Option<TestServer>,
    home: TempDir,
    /// How many crashes there were: each goes on in a directory of its own.
    crashes: usize,
    fails: Arc<AtomicBool>,
    key: String,
    account: String,
    pub sent: usize,
}

impl Fixture {
    pub fn new(now: i64) -> Self {
        let home = home();
        let fails = Arc::new(AtomicBool::new(false));
        let server = start(&home.path().join("data-0"), now, &fails);
        let app = server.app();
        let account = server.account();
        server.install(&app, &account);
        server.run_jobs();
        let key = app.test_key.clone();
        Self { server: Some(server), home, crashes: 0, fails, key, account, sent: 0 }
    }

    pub fn server(&self) -> &TestServer {
        self.server.as_ref().unwrap()
    }

    fn directory(&self) -> PathBuf {
        self.home.path().join(format!("data-{}", self.crashes))
    }

    pub fn client(&self) -> Client {
        self.server().anonymous().with_key(&self.key).for_account(&self.account)
    }

    /// Sends a change under a key of its own.
    pub fn post(&mut self, path: &str, params: &[(&str, String)]) -> Answer {
        self.sent += 1;
        self.again(path, params)
    }

    /// Sends the last change again, under its key.
    pub fn again(&self, path: &str, params: &[(&str, String)]) -> Answer {
        let params: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.client().idempotent(&format!("key {}", self.sent)).post(path, &params)
    }

    /// Sends a request while each commit fails.
    pub fn post_in_vain(&mut self, path: &str, params: &[(&str, String)]) -> Answer {
        self.fails.store(true, Ordering::SeqCst);
        let answer = self.post(path, params);
        self.fails.store(false, Ordering::SeqCst);
        answer
    }

    pub fn set_clock(&self, now: i64) {
        self.server().clock.set(Timestamp::from_unix(now));
        // What is tried here is the books: the operator agrees to any clock.
        self.server().admin().post("/v1/admin/clock/accept", &[]).ok();
        self.server().run_jobs();
    }

    /// The machine stops at once: whatever stands in the files at this moment is all that is left.
    /// A server whose stores are elsewhere leaves nothing behind, and another one takes its place.
    pub fn crash(&mut self, now: i64) {
        let from = self.directory();
        if is_postgres() {
            drop(self.server.take());
            self.server = Some(start(&from, now, &self.fails));
            return;
        }
        self.crashes += 1;
        let to = self.directory();
        std::fs::create_dir(&to).unwrap();
        for entry in std::fs::read_dir(&from).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
            }
        }
        drop(self.server.take());
        self.server = Some(start(&to, now, &self.fails));
    }

    /// Everything of a list, oldest first.
    pub fn all(&self, path: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all.last().map(|one| one["id"].as_str().unwrap().to_owned());
            let mut params = vec![("limit", "100")];
            params.extend(after.as_deref().map(|id| ("starting_after", id)));
            let page = self.client().get(path, &params).ok();
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            if page["has_more"] == false {
                all.reverse();
                return all;
            }
        }
    }

    fn pools(&self) -> BTreeMap<(String, String), Pool> {
        let preview = self.client().with_header("Stripe-Version", PREVIEW);
        pools(&preview.get("/v1/balance", &[]).ok())
    }
}

/// The version whose balance tells what is reserved.
pub const PREVIEW: &str = "2026-10-28.preview";

/// What stands where, as the balance tells it.
pub fn pools(balance: &Value) -> BTreeMap<(String, String), Pool> {
    let mut pools: BTreeMap<(String, String), Pool> = BTreeMap::new();
    let mut read = |side: &Value, into: fn(&mut Pool) -> &mut i64| {
        for currency in side.as_array().unwrap() {
            let of = currency["currency"].as_str().unwrap().to_owned();
            for (source, amount) in currency["source_types"].as_object().unwrap() {
                let pool = pools.entry((of.clone(), source.clone())).or_default();
                *into(pool) = amount.as_i64().unwrap();
            }
        }
    };
    read(&balance["pending"], |pool| &mut pool.pending);
    read(&balance["available"], |pool| &mut pool.available);
    read(&balance["risk_reserved"]["pending"], |pool| &mut pool.reserved_pending);
    read(&balance["risk_reserved"]["available"], |pool| &mut pool.reserved_available);
    pools
}

fn start(directory: &Path, now: i64, fails: &Arc<AtomicBool>) -> TestServer {
    TestServer::builder()
        .data_dir(directory)
        .faults(Faults::none().fail_commit(Arc::clone(fails)))
        .without_background_jobs()
        .starts_at(Timestamp::from_unix(now))
        .start()
}

/// The invariants, read from the rows (reserves §7, §10); `Err` names the first that is broken.
pub fn check_rows(server: &TestServer) -> Result<(), String> {
    let broken = |what: &str, sql: &str| {
        let count = server.query(sql, &[])[0].int(0).unwrap();
        if count == 0 { Ok(()) } else { Err(format!("{count} times broken: {what}")) }
    };
    for (bucket, column) in [
        "payments_pending",
        "payments_available",
        "reserved_pending",
        "reserved_available",
        "clearing",
        "fees",
        "payouts_in_transit",
    ]
    .into_iter()
    .enumerate()
    {
        let sql = format!(
            "SELECT count(*) FROM ledger_balance b WHERE b.{column} <> \
             (SELECT coalesce(sum(CASE WHEN p.to_bucket = {bucket} THEN p.amount \
             WHEN p.from_bucket = {bucket} THEN -p.amount ELSE 0 END), 0) FROM ledger_posting p \
             WHERE p.account = b.account AND p.currency = b.currency \
             AND p.source_type = b.source_type)"
        );
        broken("balances are the sums of their postings", &sql)?;
    }
    broken(
        "what is reserved is what holds have left",
        "SELECT count(*) FROM ledger_balance b WHERE b.reserved_pending + b.reserved_available <> \
         (SELECT coalesce(sum(h.amount - h.released), 0) FROM reserve_hold h \
         WHERE h.account = b.account AND h.currency = b.currency \
         AND h.source_type = b.source_type)",
    )?;
    broken(
        "0 <= released <= amount, and released is what releases took",
        "SELECT count(*) FROM reserve_hold h WHERE h.released NOT BETWEEN 0 AND h.amount \
         OR h.released <> (SELECT coalesce(sum(p.amount), 0) FROM reserve_allocation p \
         WHERE p.account = h.account AND p.hold = h.seq)",
    )?;
    broken(
        "all buckets together are nothing",
        "SELECT count(*) FROM ledger_balance WHERE payments_pending + payments_available \
         + reserved_pending + reserved_available + clearing + fees + payouts_in_transit <> 0",
    )
}

/// What `coffer ledger verify` says.
pub fn verify(fixture: &Fixture) -> usize {
    let store = &fixture.server().server().installation().stores.data;
    let findings =
        fixture.server().block_on(coffer::family_set::FamilySet::default().verify(store)).unwrap();
    findings.differences.len()
}

/// What a server shows of an account.
pub struct AccountView {
    /// What stands where.
    pub pools: BTreeMap<(String, String), Pool>,
    pub holds: Vec<Value>,
    pub plans: Vec<Value>,
    pub releases: Vec<Value>,
    pub breaches: usize,
}

/// Compares the server with the books; `Err` says where they part.
pub fn compare(fixture: &Fixture, books: &mut Books) -> Result<(), String> {
    check_rows(fixture.server())?;
    let shown = AccountView {
        pools: fixture.pools(),
        holds: fixture.all("/v1/reserve/holds"),
        plans: fixture.all("/v1/reserve/plans"),
        releases: fixture.all("/v1/reserve/releases"),
        breaches: fixture.all("/v1/ledger/breaches").len(),
    };
    shown.compare(books)
}

impl AccountView {
    /// Compares it with the books, which learn the names of their holds.
    pub fn compare(self, books: &mut Books) -> Result<(), String> {
        let actual: BTreeMap<_, _> =
            self.pools.into_iter().filter(|(_, pool)| *pool != Pool::default()).collect();
        let named = |(currency, source): PoolName| (currency.to_owned(), source.to_owned());
        let mut expected: BTreeMap<_, _> =
            books.pools.iter().map(|(name, pool)| (named(*name), *pool)).collect();
        expected.retain(|_, pool| *pool != Pool::default());
        if actual != expected {
            return Err(format!("balances: {actual:?}, expected {expected:?}"));
        }
        compare_holds(&self.holds, books)?;
        for (plan, actual) in books.plans.iter().zip(&self.plans) {
            let status = if plan.state == "draining" { "disabled" } else { plan.state };
            if actual["status"] != status || actual["percent"] != plan.percent {
                return Err(format!("the plan is {actual}, expected {plan:?}"));
            }
        }
        let mut released: BTreeMap<String, i64> = BTreeMap::new();
        for release in self.releases {
            let reason = release["reason"].as_str().unwrap().to_owned();
            *released.entry(reason).or_default() += release["amount"].as_i64().unwrap();
        }
        let expected: BTreeMap<_, _> =
            books.released.iter().map(|(reason, sum)| ((*reason).to_owned(), *sum)).collect();
        if released != expected {
            return Err(format!("released: {released:?}, expected {expected:?}"));
        }
        if self.breaches == books.breaches && self.plans.len() == books.plans.len() {
            return Ok(());
        }
        Err(format!("{} breaches, expected {}", self.breaches, books.breaches))
    }
}

fn compare_holds(actual: &[Value], books: &mut Books) -> Result<(), String> {
    if actual.len() != books.holds.len() {
        return Err(format!("{} holds, expected {}", actual.len(), books.holds.len()));
    }
    for (at, actual) in actual.iter().enumerate() {
        books.holds[at].id = actual["id"].as_str().unwrap().to_owned();
        let hold = &books.holds[at];
        let scheduled = &actual["release_schedule"]["scheduled_release"];
        let same = actual["amount"] == hold.amount
            && actual["amount_releasable"] == hold.amount - hold.released
            && actual["is_releasable"] == books.is_releasable(hold)
            && scheduled.as_i64() == books.scheduled(hold)
            && actual["created"] == hold.created;
        if !same {
            return Err(format!("the hold is {actual}, expected {hold:?}"));
        }
    }
    Ok(())
}
