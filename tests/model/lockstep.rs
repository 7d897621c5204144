//! One log of random operations on both engines at once: each must answer as the other does, to
//! the byte.
//!
//! Time stands still unless the log moves it, and random bytes come from the same seed, so ids and
//! even requests' ids are the same.

mod told;

use coffer_base::{Clock, Random, TestRandom, clock::DAY_SECONDS};
use coffer_testkit::catalogue::Catalogue;
use coffer_testkit::{Answer, Client, TestServer, is_postgres};
use std::collections::BTreeSet;
use std::sync::Arc;
use told::{looked_at, operation, told};

/// Operations in the log; more with `COFFER_LOCKSTEP_STEPS`.
const STEPS: usize = 3600;

/// How the names of operations begin of which each must be asked for, and carried out.
const BOOKS: [&str; 4] = ["ledger.", "reserve.", "admin.reserves.", "balance"];

/// Chance, the same in every run.
struct Rng(TestRandom);

impl Rng {
    fn below(&self, most: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % most
    }

    fn one<'a>(&self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    /// The name of one of the first few things of a kind.
    fn named(&self, prefix: &str, most: u64) -> String {
        format!("{prefix}{}", self.below(most))
    }
}

/// A request, as each engine is asked.
#[derive(Clone, Debug)]
struct Request {
    method: &'static str,
    path: String,
    params: Vec<(&'static str, String)>,
    key: Option<String>,
    /// Which of the accounts the app speaks for; none is the operator.
    account: Option<usize>,
}

/// A server of one engine.
struct Side {
    server: TestServer,
    app: Client,
    app_id: String,
    accounts: Vec<String>,
}

impl Side {
    fn new(embedded: bool) -> Self {
        let builder = TestServer::builder();
        let builder = if embedded { builder.embedded() } else { builder };
        let server =
            builder.random(Arc::new(TestRandom::seeded(11))).without_background_jobs().start();
        let app = server.app();
        let accounts: Vec<_> = (0..3).map(|_| server.account()).collect();
        accounts.iter().for_each(|account| drop(server.install(&app, account)));
        Self { app: app.client(), app_id: app.id.clone(), accounts, server }
    }

    fn ask(&self, request: &Request) -> Answer {
        let client = match request.account {
            Some(account) => self.app.for_account(&self.accounts[account]),
            None => self.server.admin(),
        };
        let client = match &request.key {
            Some(key) => client.idempotent(key),
            None => client,
        };
        let params: Vec<_> =
            request.params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match request.method {
            "GET" => client.get(&request.path, &params),
            "DELETE" => client.delete(&request.path, &params),
            _ => client.post(&request.path, &params),
        }
    }
}

/// What an answer says, but for the time at which it was sent.
fn said(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let headers = answer.headers.iter().filter(|(name, _)| name != "date").cloned();
    (answer.status, headers.collect(), answer.body.clone())
}

/// What was known so far, for requests that name it.
#[derive(Default)]
struct KnownIds {
    secrets: Vec<String>,
    holds: Vec<String>,
    plans: Vec<String>,
    releases: Vec<String>,
    charges: Vec<String>,
    refunds: Vec<String>,
    disputes: Vec<String>,
    reconciliations: Vec<String>,
    breaches: Vec<String>,
    warnings: Vec<String>,
    /// What waited when that was listed last.
    parked: Vec<String>,
    installs: Vec<String>,
    /// The app itself, and the accounts that it speaks for.
    app: String,
    accounts: Vec<String>,
}

impl KnownIds {
    fn note(&mut self, answer: &Answer) {
        let object: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let id = |of: &serde_json::Value| of["id"].as_str().unwrap_or_default().to_owned();
        let listed: Vec<_> = object["data"].as_array().into_iter().flatten().map(id).collect();
        if object["url"] == "/v1/ledger/parked" {
            self.parked.clone_from(&listed);
        }
        self.note_ids(&id(&object));
        listed.iter().for_each(|id| self.note_ids(id));
    }

    fn note_ids(&mut self, id: &str) {
        for (prefix, of) in [
            ("appsecret_", &mut self.secrets),
            ("reshold_", &mut self.holds),
            ("resplan_", &mut self.plans),
            ("resrel_", &mut self.releases),
            ("ch_", &mut self.charges),
            ("re_", &mut self.refunds),
            ("du_", &mut self.disputes),
            ("lrec_", &mut self.reconciliations),
            ("lbreach_", &mut self.breaches),
            ("lwarn_", &mut self.warnings),
            ("appinst_", &mut self.installs),
        ] {
            if id.starts_with(prefix) && !of.iter().any(|known| known == id) {
                of.push(id.to_owned());
            }
        }
    }

    fn some(&self, of: &[String], rng: &Rng) -> String {
        let at = rng.below(of.len().max(1) as u64);
        of.get(usize::try_from(at).unwrap()).cloned().unwrap_or_else(|| "none".to_owned())
    }
}

fn request(rng: &Rng, known: &KnownIds, now: i64) -> Request {
    let account = Some(usize::try_from(rng.below(3)).unwrap());
    let key = (rng.below(3) == 0).then(|| rng.named("key ", 40));
    let of = |method, path: &str, params: Vec<(&'static str, String)>| Request {
        method,
        path: path.to_owned(),
        params,
        key: if method == "POST" { key.clone() } else { None },
        account,
    };
    match rng.below(100) {
        0..35 => secrets(rng, known, now, of),
        35..58 => books(rng, known, now, of),
        58..74 => told(rng, known, now, of),
        74..87 => looked_at(rng, known, now, of),
        87..90 => installs(rng, known, of),
        _ => lists(rng, known, of),
    }
}

/// An app that comes and goes, and looks. It comes more often, since all else needs it there.
fn installs(
    rng: &Rng,
    known: &KnownIds,
    of: impl Fn(&'static str, &str, Vec<(&'static str, String)>) -> Request,
) -> Request {
    const URL: &str = "/v1/apps/installs";
    let app = ("app", known.app.clone());
    // The newest is most likely there.
    let newest = known.installs.last().cloned();
    let one = match rng.below(2) {
        0 => newest.unwrap_or_else(|| "none".to_owned()),
        _ => known.some(&known.installs, rng),
    };
    match rng.below(8) {
        0..4 => of("POST", URL, vec![app]),
        4 => of("POST", &format!("{URL}/{one}/uninstall"), vec![]),
        5 => of("POST", &format!("{URL}/{one}"), vec![]),
        6 => of("GET", &format!("{URL}/{one}"), vec![]),
        _ => of("GET", URL, vec![app, ("starting_after", one)]),
    }
}

fn scope(rng: &Rng) -> Vec<(&'static str, String)> {
    let user = rng.named("user ", 3);
    let account = vec![("scope[type]", "account".to_owned())];
    let users = vec![("scope[type]", "user".to_owned()), ("scope[user]", user)];
    if rng.below(2) == 0 { account } else { users }
}

fn secrets(
    rng: &Rng,
    known: &KnownIds,
    now: i64,
    of: impl Fn(&'static str, &str, Vec<(&'static str, String)>) -> Request,
) -> Request {
    let name = ("name", rng.named("näme ", 13));
    let mut params = scope(rng);
    match rng.below(10) {
        0..5 => {
            params.extend([name, ("payload", rng.named("payload ", 1000))]);
            if rng.below(3) == 0 {
                let ahead = i64::try_from(rng.below(3)).unwrap() * DAY_SECONDS / 2;
                params.push(("expires_at", (now + ahead).to_string()));
            }
            of("POST", "/v1/apps/secrets", params)
        }
        5..7 => {
            params.extend([name, ("expand[]", "payload".to_owned())]);
            of("GET", "/v1/apps/secrets/find", params)
        }
        7 => {
            params.push(name);
            of("POST", "/v1/apps/secrets/delete", params)
        }
        _ => {
            params.push(("limit", rng.named("", 5)));
            let cursor = rng.below(3);
            if cursor > 0 {
                let name = if cursor == 1 { "starting_after" } else { "ending_before" };
                params.push((name, known.some(&known.secrets, rng)));
            }
            of("GET", "/v1/apps/secrets", params)
        }
    }
}

fn books(
    rng: &Rng,
    known: &KnownIds,
    now: i64,
    of: impl Fn(&'static str, &str, Vec<(&'static str, String)>) -> Request,
) -> Request {
    let amount = |most| ("amount", (1 + rng.below(most)).to_string());
    let currency = ("currency", rng.one(&["usd", "eur", "jpy"]).to_owned());
    let charge = ("charge", rng.named("ch_", 120));
    let date = ("release_schedule[release_after]", (now + 40 * DAY_SECONDS).to_string());
    let status = |words| vec![("status", rng.one(words).to_owned())];
    match rng.below(13) {
        0..4 => {
            let id = ("id", rng.named("ch_", 120));
            let fee = ("fee", rng.below(50).to_string());
            of("POST", "/v1/ledger/charges", vec![id, amount(20_000), currency, fee])
        }
        4 => of(
            "POST",
            "/v1/ledger/refunds",
            vec![("id", rng.named("re_", 60)), charge, amount(900)],
        ),
        5 => of(
            "POST",
            "/v1/ledger/disputes",
            vec![("id", rng.named("du_", 60)), charge, amount(900)],
        ),
        6 => {
            let path = format!("/v1/ledger/disputes/{}", known.some(&known.disputes, rng));
            of("POST", &path, status(&["won", "lost"]))
        }
        7 => {
            let id = ("id", rng.named("po_", 60));
            let reported = ("reported", rng.one(&["true", "false"]).to_owned());
            of("POST", "/v1/ledger/payouts", vec![id, amount(9000), currency, reported])
        }
        8 => {
            let path = format!("/v1/ledger/payouts/{}", rng.named("po_", 60));
            of("POST", &path, status(&["paid", "failed", "canceled"]))
        }
        9 => {
            let days = ("rolling_release[days_after_charge]", (3 + rng.below(30)).to_string());
            let kind = ("type", "rolling_release".to_owned());
            of("POST", "/v1/reserve/plans", vec![("percent", rng.named("", 30)), kind, days])
        }
        10 => {
            let path = format!("/v1/reserve/plans/{}/disable", known.some(&known.plans, rng));
            of("POST", &path, vec![])
        }
        11 => of("POST", "/v1/reserve/holds", vec![amount(3000), currency, date]),
        _ => {
            let hold = ("reserve_hold", known.some(&known.holds, rng));
            of("POST", "/v1/reserve/releases", vec![hold, amount(500)])
        }
    }
}

fn lists(
    rng: &Rng,
    known: &KnownIds,
    of: impl Fn(&'static str, &str, Vec<(&'static str, String)>) -> Request,
) -> Request {
    let limit = ("limit", (1 + rng.below(12)).to_string());
    let path = rng.one(&[
        "/v1/balance",
        "/v1/balance_transactions",
        "/v1/reserve/holds",
        "/v1/reserve/plans",
        "/v1/reserve/releases",
        "/v1/ledger/charges",
        "/v1/events",
    ]);
    match rng.below(4) {
        0 => {
            let filters = vec![limit, ("currency", "usd".to_owned())];
            let path = rng.one(&["/v1/balance_transactions", "/v1/reserve/holds"]);
            of("GET", path, filters)
        }
        1 => of("GET", &format!("/v1/reserve/holds/{}", known.some(&known.holds, rng)), vec![]),
        _ if path == "/v1/balance" => of("GET", path, vec![]),
        _ => of("GET", path, vec![limit]),
    }
}

#[test]
fn both_engines_answer_alike() {
    if !is_postgres() {
        println!("skipped: this run has only one engine");
        return;
    }
    let steps = std::env::var("COFFER_LOCKSTEP_STEPS").ok();
    let steps = steps.map_or(STEPS, |steps| steps.parse().unwrap());
    let (files, database) = (Side::new(true), Side::new(false));
    assert_eq!(files.accounts, database.accounts, "the seeds differ");
    let rng = Rng(TestRandom::seeded(23));
    let (app, accounts) = (files.app_id.clone(), files.accounts.clone());
    let mut known = KnownIds { app, accounts, ..KnownIds::default() };
    let (mut now, mut good) = (files.server.clock.now().unix(), 0);
    let catalogue = Catalogue::of(&files.server);
    let mut done = BTreeSet::new();
    for step in 0..steps {
        if rng.below(60) == 0 {
            let seconds = i64::try_from(rng.below(3 * 86_400)).unwrap();
            now += seconds;
            for side in [&files, &database] {
                side.server.clock.advance(seconds);
                side.server.run_jobs();
            }
            continue;
        }
        let request = request(&rng, &known, now);
        let (one, other) = (files.ask(&request), database.ask(&request));
        assert_eq!(said(&one), said(&other), "step {step}: {request:?}");
        if one.status == 200 {
            good += 1;
            done.extend(operation(catalogue.definitions(), &request).map(|each| each.name));
        }
        known.note(&one);
    }
    println!("{steps} steps, {good} of them carried out");
    assert!(good > steps / 3, "most of the log was refused: {good} of {steps}");
    if steps >= STEPS {
        let all = catalogue.definitions().iter().map(|each| each.name);
        let of_books = |name: &&str| BOOKS.iter().any(|prefix| name.starts_with(prefix));
        let missing: Vec<_> = all.filter(of_books).filter(|name| !done.contains(name)).collect();
        assert!(missing.is_empty(), "nobody asked for {missing:?}, or it was always refused");
    }
    assert_eq!(without_keys(&files), without_keys(&database), "the rows differ");
}

/// All rows of the data.
fn without_keys(side: &Side) -> Vec<String> {
    let mut rows = side.server.dump_data();
    // When a migration was applied, and how far, is each engine's own; locks and the servers that
    // send webhooks have rows only where many servers write at once.
    let own = ["schema_migration", "scope_lock", "webhook_server"];
    rows.retain(|row| !own.iter().any(|table| row.starts_with(table)));
    rows.sort();
    rows
}
