//! Rounds of load and SIGKILL on one data directory, so that recoveries pile up.

use crate::kill::Answers;
use crate::load::{Caller, Fresh};
use crate::process::{Program, start_with_admin};
use crate::rng::Rng;
use coffer::family_set::FamilySet;
use coffer_crypto::SystemRandom;
use coffer_keyring::{KEY_MIGRATIONS, Keyring, KeyringOptions};
use coffer_storage::Store;
use coffer_testkit::{Client, Process};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const CALLERS: usize = 8;
/// Accounts that are written to for the first time in each round.
const FRESH_PER_ROUND: usize = 6;
/// How many answers come at least before the kill: enough for a fault that strikes each fortieth
/// write.
const LEAST_ANSWERS: usize = 50;

/// What is done to which server.
pub struct Plan {
    pub rounds: usize,
    pub program: Program,
    /// Whether callers also read what they wrote while the load lasts.
    pub reads: bool,
}

impl Plan {
    /// How many accounts it takes.
    pub const fn accounts(&self) -> usize {
        self.rounds * FRESH_PER_ROUND
    }
}

/// How a round ends: the server is gone afterwards.
pub type Ending<'e> = &'e (dyn Fn(&mut Process, &Answers) + Sync);

/// What happened.
#[derive(Default, Debug)]
pub struct Report {
    pub changed: usize,
    pub refused: usize,
    pub in_flight: usize,
    pub replayed: usize,
    pub first_writes: usize,
}

/// A founded data directory, an app in it, and accounts that have it installed.
pub struct Fixture {
    _home: Option<TempDir>,
    directory: PathBuf,
    /// The app's key.
    pub key: String,
    /// The app.
    pub app: String,
    /// The app's own account.
    pub account: String,
    accounts: Fresh,
}

impl Fixture {
    /// Founds it with as many accounts.
    pub fn new(accounts: usize) -> Self {
        let home = TempDir::new().unwrap();
        let fixture = Self::at(home.path().join("data"), accounts);
        Self { _home: Some(home), ..fixture }
    }

    /// The same with one more family, which the tests have.
    pub fn with_notes() -> Self {
        let home = TempDir::new().unwrap();
        let fixture = Self::at(home.path().join(coffer_tests::notes::FAMILY.name), 0);
        Self { _home: Some(home), ..fixture }
    }

    /// As [`Fixture::new`], in a directory of the caller's.
    pub fn at(directory: PathBuf, accounts: usize) -> Self {
        let (server, key) = start_with_admin(&directory);
        let admin = server.anonymous().with_key(&key);
        let account = admin.post("/v1/admin/accounts", &[]).text("id");
        let params = [("account", account.as_str()), ("name", "app"), ("secrets_per_scope", "500")];
        let app = admin.post("/v1/admin/apps", &params).text("id");
        let key = admin.post("/v1/admin/api_keys", &[("app", &app), ("mode", "live")]).text("key");
        let made = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for caller in 0..CALLERS {
                let (made, app, admin) = (&made, &app, &admin);
                scope.spawn(move || {
                    for _ in (caller..accounts).step_by(CALLERS) {
                        let account = admin.post("/v1/admin/accounts", &[]).text("id");
                        let params = [("app", app.as_str()), ("account", account.as_str())];
                        admin.post("/v1/admin/installs", &params).ok();
                        made.lock().unwrap().push(account);
                    }
                });
            }
        });
        server.stop();
        Self { _home: None, directory, key, app, account, accounts: made }
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// An account that nobody wrote to yet.
    pub fn next_account(&self) -> String {
        self.accounts.lock().unwrap().pop().unwrap()
    }
}

/// Runs the plan, with SIGKILL at the end of each round; `Err` says what was lost, torn, or done
/// twice.
pub fn run(plan: &Plan, rng: &mut Rng) -> Result<Report, String> {
    run_on(&Fixture::new(plan.accounts()), plan, &|server, _| server.kill(), rng)
}

/// As [`run`], with rounds that end otherwise.
pub fn run_on(
    fixture: &Fixture,
    plan: &Plan,
    end: Ending<'_>,
    rng: &mut Rng,
) -> Result<Report, String> {
    let mut callers: Vec<_> =
        (0..CALLERS).map(|number| Caller::new(number, rng.split(), &fixture.account)).collect();
    let mut report = Report::default();
    for round in 0..=plan.rounds {
        let failed = |why: String| format!("round {round}: {why}");
        let mut server = plan.program.start(&fixture.directory).map_err(failed)?;
        let client = server.anonymous().with_key(&fixture.key);
        check(&mut callers, &client, &mut report).map_err(failed)?;
        check_rows(&fixture.directory, &callers).map_err(failed)?;
        check_log(&fixture.directory).map_err(failed)?;
        if round == plan.rounds {
            break;
        }
        let fresh: Fresh =
            Mutex::new((0..FRESH_PER_ROUND).map(|_| fixture.next_account()).collect::<Vec<_>>());
        let (answers, enough) = (Answers::default(), LEAST_ANSWERS + rng.below(200) as usize);
        std::thread::scope(|scope| {
            let running: Vec<_> = callers
                .iter_mut()
                .map(|caller| scope.spawn(|| caller.run(&client, &fresh, plan.reads, &answers)))
                .collect();
            answers.wait_for(enough);
            end(&mut server, &answers);
            running.into_iter().try_for_each(|caller| caller.join().unwrap())
        })
        .map_err(failed)?;
        report.first_writes += FRESH_PER_ROUND - fresh.lock().unwrap().len();
    }
    report.changed = callers.iter().map(|caller| caller.acknowledged.changed.len()).sum();
    report.refused = callers.iter().map(|caller| caller.acknowledged.refused).sum();
    Ok(report)
}

/// What the API says after a restart.
fn check(callers: &mut [Caller], client: &Client, report: &mut Report) -> Result<(), String> {
    report.in_flight += callers.iter().filter(|caller| caller.in_flight.is_some()).count();
    let settled: Result<Vec<bool>, String> = std::thread::scope(|scope| {
        let running: Vec<_> = callers
            .iter_mut()
            .map(|caller| {
                scope.spawn(|| {
                    let replayed = caller.settle(client)?;
                    caller.verify(client)?;
                    Ok(replayed)
                })
            })
            .collect();
        running.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    report.replayed += settled?.into_iter().filter(|replayed| *replayed).count();
    Ok(())
}

/// What the audit's log says of itself after a restart, beside the server that goes on with it.
fn check_log(directory: &Path) -> Result<(), String> {
    let families = FamilySet::default().migrations();
    let data = Store::open_sqlite_read_only(&directory.join("coffer.db"), &families).unwrap();
    let keys = Store::open_sqlite_read_only(&directory.join("keys.db"), &[KEY_MIGRATIONS]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store_id = coffer_keyring::store_id(&data).await.unwrap().unwrap();
        let root = coffer_crypto::root::file::load(&directory.join("root.key")).unwrap();
        let options = KeyringOptions { keys, store_id, random: Arc::new(SystemRandom) };
        let keyring = Keyring::open(options, &root).await.map_err(|error| error.to_string())?;
        coffer_tests::verify_audit(&data, &keyring).await.map(drop)
    })
}

/// What the tables say after a restart, once nothing is in flight any more.
fn check_rows(directory: &Path, callers: &[Caller]) -> Result<(), String> {
    let data = Connection::open(directory.join("coffer.db")).unwrap();
    let keys = directory.join("keys.db");
    data.execute("ATTACH ? AS keys", [keys.to_str().unwrap()]).unwrap();
    let count = |sql: &str| data.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as usize;
    let expect = |what: &str, is: usize, must: usize| {
        let message = || Err(format!("{is} {what}, and {must} are due"));
        if is == must { Ok(()) } else { message() }
    };

    let mut rows = data
        .prepare(
            "SELECT request FROM audit_entry WHERE outcome = 'done' \
             AND operation IN ('apps.secrets.create', 'apps.secrets.delete')",
        )
        .unwrap();
    let audited: Vec<String> =
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let acknowledged: BTreeSet<&str> = callers
        .iter()
        .flat_map(|caller| &caller.acknowledged.changed)
        .map(String::as_str)
        .collect();
    expect("audit rows", audited.len(), acknowledged.len())?;
    let unknown = audited.iter().find(|request| !acknowledged.contains(request.as_str()));
    if let Some(request) = unknown {
        return Err(format!("the audit knows {request}, which nobody got an answer to"));
    }
    let distinct: BTreeSet<_> = audited.iter().collect();
    expect("requests in the audit", distinct.len(), acknowledged.len())?;

    let refused: usize = callers.iter().map(|caller| caller.acknowledged.refused).sum();
    let kept = "SELECT count(*) FROM idempotency_record WHERE operation LIKE 'apps.secrets.%'";
    expect("kept answers", count(kept), acknowledged.len() + refused)?;
    let held = callers.iter().flat_map(|caller| caller.held.values()).flatten().count();
    expect("secrets", count("SELECT count(*) FROM secret"), held)?;
    let keyless = "SELECT count(*) FROM secret s WHERE NOT EXISTS (SELECT 1 FROM keys.tenant_key \
         k WHERE k.mode = s.mode AND k.app = s.app AND k.account = s.account \
         AND k.purpose = 'sealing' AND k.wrapped IS NOT NULL)";
    expect("secrets whose key is not stored", count(keyless), 0)
}
