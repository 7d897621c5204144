//! Fifty workers that share the refresh token of a provider which accepts each token once, and
//! revokes all of them if one comes a second time. Some workers stop in the middle, some are slow,
//! some lose a response, and the clock does not go evenly.

use coffer_testkit::{Answer, Client, TestServer, insist, is_postgres};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tempfile::TempDir;

const WORKERS: u64 = 50;
/// How often all workers together wait in a second of the test's clock.
const WAITS_A_SECOND: u64 = 200;
const LEASE: &str = "/v1/apps/secrets/lease";

/// A provider of tokens, as strict as they come.
#[derive(Default)]
struct Provider(Mutex<Family>);

#[derive(Default)]
struct Family {
    /// How many refresh tokens were given out.
    given: u64,
    used: HashSet<String>,
    revoked: bool,
}

impl Provider {
    fn family(&self) -> MutexGuard<'_, Family> {
        self.0.lock().unwrap()
    }

    /// The first refresh token, with an access token of generation 0.
    fn sign_in(&self) -> Value {
        json!({ "refresh": "refresh-0", "generation": 0 })
    }

    /// Takes a refresh token for the next pair of tokens.
    fn refresh(&self, token: &str) -> Result<Value, String> {
        let mut family = self.family();
        if family.revoked {
            return Err("invalid_grant: the family was revoked".to_owned());
        }
        if !family.used.insert(token.to_owned()) || token != format!("refresh-{}", family.given) {
            family.revoked = true;
            return Err(format!("invalid_grant: {token} came twice; the family is revoked"));
        }
        family.given += 1;
        let given = family.given;
        Ok(json!({ "refresh": format!("refresh-{given}"), "generation": given }))
    }
}

/// What goes wrong in one attempt of a worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    None,
    /// It stops once it has the lease.
    Stops,
    /// The lease runs out before it uses the token up.
    SlowToBegin,
    /// The lease runs out before it has stored the new token.
    SlowToStore,
    /// It does not hear the first answer to each request, and sends it again.
    LosesAnswers,
}

struct Run {
    servers: Vec<TestServer>,
    clients: Vec<Client>,
    provider: Provider,
    /// How often workers had to wait, by which the clock goes on.
    waits: AtomicU64,
    _home: TempDir,
}

impl Run {
    fn start() -> Self {
        let home = TempDir::new().unwrap();
        let start = |late: i64| {
            let builder = TestServer::builder().data_dir(&home.path().join("data"));
            let at = coffer_testkit::START.plus(late);
            builder.without_background_jobs().starts_at(at).start()
        };
        // Files have one server. Those of a database have clocks that differ by hours.
        let servers: Vec<_> =
            if is_postgres() { vec![start(0), start(9_000)] } else { vec![start(0)] };
        let app = servers[0].app();
        let clients = servers.iter().map(|one| one.anonymous().with_key(&app.test_key)).collect();
        Self {
            servers,
            clients,
            provider: Provider::default(),
            waits: AtomicU64::new(0),
            _home: home,
        }
    }

    /// Lets a lease of a second run out: by a clock that jumps, or by waiting where the database's
    /// clock counts.
    #[allow(clippy::disallowed_methods, reason = "the database's clock is no test's")]
    fn let_run_out(&self, worker: u64) {
        if is_postgres() {
            std::thread::sleep(Duration::from_millis(2_200));
        }
        for server in &self.servers {
            server.clock.advance(if worker.is_multiple_of(3) { -70 } else { 70 });
        }
    }

    /// Waits before another attempt. Where the clock is the test's, it goes on with the waiting: a
    /// second for each [`WAITS_A_SECOND`], so that a worker that stopped is not waited for forever.
    #[allow(clippy::disallowed_methods, reason = "a worker waits as those of an application do")]
    fn wait(&self, worker: u64) {
        std::thread::sleep(Duration::from_millis(5 + worker % 7));
        if self.waits.fetch_add(1, Ordering::Relaxed).is_multiple_of(WAITS_A_SECOND) {
            self.servers.iter().for_each(|server| server.clock.advance(1));
        }
    }

    /// Works until it has seen an access token of this generation or a later one.
    fn work(&self, worker: u64, generation: u64) {
        let client = &self.clients[usize::try_from(worker).unwrap() % self.clients.len()];
        for attempt in 0u64.. {
            assert!(attempt < 20_000, "worker {worker} is locked out of generation {generation}");
            let found = insist(|| client.find("token"));
            let tokens: Value =
                serde_json::from_str(found.ok()["payload"].as_str().unwrap()).unwrap();
            if tokens["generation"].as_u64().unwrap() >= generation {
                return;
            }
            let fault = match (worker + generation * 7, attempt) {
                (number, 0) if number % 5 == 1 => Fault::Stops,
                (number, 0) if number % 5 == 2 => Fault::SlowToBegin,
                (number, 0) if number % 5 == 3 => Fault::SlowToStore,
                (number, 0) if number % 5 == 4 => Fault::LosesAnswers,
                _ => Fault::None,
            };
            let version = found.header("coffer-version").unwrap();
            if !self.try_refresh(client, worker, version, &tokens, fault, attempt) {
                self.wait(worker);
            }
        }
    }

    /// Refreshes the tokens that were read, if this worker is the one to do it.
    fn try_refresh(
        &self,
        client: &Client,
        worker: u64,
        version: &str,
        tokens: &Value,
        fault: Fault,
        attempt: u64,
    ) -> bool {
        let key = format!("{worker} {version} {attempt}");
        let send = |name: &str, headers: &[(&str, &str)], path: &str, params: &[(&str, &str)]| {
            let mut caller = client.idempotent(&format!("{key} {name}"));
            for (header, value) in headers {
                caller = caller.with_header(header, value);
            }
            if fault == Fault::LosesAnswers {
                insist(|| caller.post(path, params));
            }
            insist(|| caller.post(path, params))
        };
        let place = [("name", "token"), ("scope[type]", "account")];
        let take = [&place[..], &[("ttl", "1")]].concat();
        let lease = send("take", &[("Coffer-If-Version", version)], LEASE, &take);
        if !is_granted(&lease) || fault == Fault::Stops {
            return false;
        }
        if fault == Fault::SlowToBegin {
            self.let_run_out(worker);
        }
        let token = lease.text("token");
        let begin = [&place[..], &[("token", token.as_str()), ("spend", "true")]].concat();
        if !is_granted(&send("begin", &[], LEASE, &begin)) {
            return false;
        }
        let fresh = self.provider.refresh(tokens["refresh"].as_str().unwrap()).unwrap();
        if fault == Fault::SlowToStore {
            self.let_run_out(worker);
        }
        let payload = fresh.to_string();
        let set = [&place[..], &[("payload", payload.as_str())]].concat();
        let set = send("set", &[("Coffer-Lease", &token)], "/v1/apps/secrets", &set);
        assert_eq!(set.status, 200, "what was got for a token is lost: {}", set.body);
        true
    }
}

fn is_granted(answer: &Answer) -> bool {
    if answer.status == 200 {
        return true;
    }
    let code = answer.refused(409)["code"].as_str().unwrap_or_default().to_owned();
    assert!(code.starts_with("secret_"), "{}", answer.body);
    false
}

#[test]
fn no_refresh_token_is_spent_twice_and_nobody_is_locked_out() {
    let run = Run::start();
    let generations = if is_postgres() { 4 } else { 10 };
    let first = run.provider.sign_in().to_string();
    run.clients[0].set("token", &first).ok();
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let run = &run;
            scope.spawn(move || (1..=generations).for_each(|one| run.work(worker, one)));
        }
    });
    let family = run.provider.family();
    assert!(!family.revoked);
    assert_eq!(family.used.len(), usize::try_from(family.given).unwrap());
    assert!(family.given >= generations);
    let found = run.clients[0].find("token").ok();
    let stored: Value = serde_json::from_str(found["payload"].as_str().unwrap()).unwrap();
    assert_eq!(stored["refresh"], format!("refresh-{}", family.given), "the newest is stored");
    assert_eq!(found["id"], run.clients[0].find("token").ok()["id"]);
}

/// The same race without a lease ends as it does elsewhere, which shows that the provider is
/// strict enough for this test to mean something.
#[test]
fn without_a_lease_the_provider_revokes_the_family() {
    let provider = Provider::default();
    let read = provider.sign_in();
    let token = read["refresh"].as_str().unwrap();
    provider.refresh(token).unwrap();
    provider.refresh(token).unwrap_err();
    assert!(provider.family().revoked);
    provider.refresh("refresh-1").unwrap_err();
}
