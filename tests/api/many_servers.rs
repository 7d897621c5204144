//! Two servers on the same databases, where this run has databases: what is changed on one holds on
//! the other, what both do at once is done once, and how often each asks the database.

use coffer_secrets::SECRET_EXPIRY_EVENTS;
use coffer_testkit::{App, Client, TestServer, insist, is_postgres};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// Two servers of one installation, and an app; `None` where stores cannot be shared.
struct Pair {
    one: TestServer,
    other: TestServer,
    app: App,
    _home: TempDir,
}

fn start(data: &Path) -> TestServer {
    let telling = TestServer::builder().set(&SECRET_EXPIRY_EVENTS, "true");
    telling.data_dir(data).without_background_jobs().start()
}

fn pair() -> Option<Pair> {
    if !is_postgres() {
        println!("skipped: the stores of this run are files");
        return None;
    }
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    let (one, other) = (start(&data), start(&data));
    let app = one.app();
    Some(Pair { one, other, app, _home: home })
}

impl Pair {
    /// The app's backend, as each server is asked.
    fn clients(&self) -> [Client; 2] {
        [&self.one, &self.other].map(|server| server.anonymous().with_key(&self.app.test_key))
    }

    /// A second passes on both, whatever their clocks show: what either remembers of the other's
    /// changes is at most a second old.
    fn a_second_later(&self) {
        self.one.clock.pass(Duration::from_secs(1));
        self.other.clock.pass(Duration::from_secs(1));
    }
}

#[test]
fn what_one_server_sets_or_deletes_the_other_finds_or_misses() {
    let Some(pair) = pair() else { return };
    let [here, there] = pair.clients();
    here.set("token", "one").ok();
    assert_eq!(there.find("token").ok()["payload"], "one");
    there.set("token", "two").ok();
    assert_eq!(here.find("token").ok()["payload"], "two");
    here.remove("token").ok();
    there.find("token").refused(404);
    assert_eq!(there.list().ok()["data"].as_array().unwrap().len(), 0);
}

#[test]
fn a_revoked_key_is_refused_everywhere_within_a_second() {
    let Some(pair) = pair() else { return };
    let [here, there] = pair.clients();
    here.set("token", "one").ok();
    there.find("token").ok();
    let keys = pair.one.admin().get("/v1/admin/api_keys", &[("app", &pair.app.id)]).ok();
    for key in keys["data"].as_array().unwrap() {
        let path = format!("/v1/admin/api_keys/{}/revoke", key["id"].as_str().unwrap());
        pair.one.admin().post(&path, &[]).ok();
    }
    here.find("token").refused(401);
    // A write asks inside its transaction, so it is refused at once.
    there.set("token", "late").refused(401);
    pair.a_second_later();
    there.find("token").refused(401);
}

#[test]
fn an_app_that_was_taken_off_an_account_is_refused_everywhere() {
    let Some(pair) = pair() else { return };
    let account = pair.one.account();
    let install = pair.one.install(&pair.app, &account);
    let [here, there] = pair.clients().map(|client| client.for_account(&account));
    here.set("token", "one").ok();
    there.find("token").ok();
    let path = format!("/v1/admin/installs/{install}");
    pair.one.admin().delete(&path, &[("purge", "true")]).ok();
    assert_ne!(there.set("token", "late").status, 200);
    pair.a_second_later();
    assert_ne!(there.find("token").status, 200);
    pair.one.run_jobs();
    pair.one.install(&pair.app, &account);
    pair.a_second_later();
    here.find("token").refused(404);
    // The keys are others now, and the other server must not look with those that it knew.
    here.set("token", "new").ok();
    assert_eq!(there.find("token").ok()["payload"], "new");
}

#[test]
fn a_scope_holds_no_more_than_ten_whichever_server_is_asked() {
    let Some(pair) = pair() else { return };
    let clients = pair.clients();
    let set = |number: usize| {
        insist(|| clients[number % 2].set(&format!("name {number}"), "value")).status
    };
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..40).map(|number| scope.spawn(move || set(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10, "{statuses:?}");
    assert_eq!(pair.one.count("secret"), 10);
    assert_eq!(pair.one.changes("apps.secrets.create"), 10);
}

#[test]
fn an_idempotency_key_is_executed_once_whichever_server_is_asked() {
    let Some(pair) = pair() else { return };
    let clients = pair.clients().map(|client| client.idempotent("once"));
    let answers: Vec<_> = std::thread::scope(|scope| {
        let set = |number: usize| insist(|| clients[number % 2].set("token", "value"));
        let threads: Vec<_> = (0..20).map(|number| scope.spawn(move || set(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let bodies: Vec<_> = answers.iter().map(|answer| answer.ok()).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let replayed = answers.iter().filter(|one| one.header("idempotent-replayed").is_some());
    assert_eq!(replayed.count(), 19);
    assert_eq!(pair.one.changes("apps.secrets.create"), 1);
}

#[test]
fn servers_share_what_is_to_be_done_in_the_background() {
    let Some(pair) = pair() else { return };
    let [here, there] = pair.clients();
    let now = 1_800_000_000i64;
    for number in 0..40 {
        let user = format!("user {number}");
        let params = [
            ("name", "token"),
            ("payload", "value"),
            ("scope[type]", "user"),
            ("scope[user]", user.as_str()),
            ("expires_at", &(now + 60).to_string()),
        ];
        here.post("/v1/apps/secrets", &params).ok();
    }
    let date = (now + 30 * 86_400).to_string();
    let hold =
        [("amount", "500"), ("currency", "usd"), ("release_schedule[release_after]", &*date)];
    let connected = pair.one.account();
    pair.one.install(&pair.app, &connected);
    let platform = there.for_account(&connected);
    (0..30).for_each(|_| drop(platform.post("/v1/reserve/holds", &hold).ok()));
    for server in [&pair.one, &pair.other] {
        server.clock.advance(40 * 86_400);
    }
    std::thread::scope(|scope| {
        scope.spawn(|| pair.one.run_jobs());
        scope.spawn(|| pair.other.run_jobs());
    });
    // What was told of in the meantime goes now.
    pair.one.run_job("expire_secrets");
    assert_eq!(pair.one.count("secret"), 0);
    assert_eq!(pair.one.count("tombstone"), 40, "each expired once");
    let told = pair.one.count("event WHERE type = 'apps.secret.expired'");
    assert_eq!(told, 40, "each was told of once");
    assert_eq!(pair.one.count("reserve_hold WHERE released = amount"), 30);
    assert_eq!(pair.one.count("reserve_allocation"), 30, "each was released once");
    let store = pair.one.server().installation().stores.data.clone();
    let findings =
        pair.one.block_on(coffer::family_set::FamilySet::default().verify(&store)).unwrap();
    assert!(findings.differences.is_empty(), "{findings:#?}");
}

#[test]
fn a_find_asks_the_database_once_and_a_set_three_times() {
    let Some(pair) = pair() else { return };
    let [client, _] = pair.clients();
    client.idempotent("warm").set("token", "value").ok();
    client.find("token").ok();
    let journeys = |act: &dyn Fn()| pair.one.round_trips_of(act);
    assert_eq!(journeys(&|| drop(client.find("token").ok())), 1);
    assert_eq!(journeys(&|| drop(client.idempotent("new").set("other", "value").ok())), 3);
    assert_eq!(journeys(&|| drop(client.idempotent("again").set("token", "another").ok())), 3);
    assert_eq!(journeys(&|| drop(client.idempotent("gone").remove("other").ok())), 3);
}

#[test]
fn a_clock_that_is_set_back_or_stands_still_keeps_no_revoked_key_alive() {
    for back in [0, 3600, -3600] {
        let Some(pair) = pair() else { return };
        let [here, there] = pair.clients();
        here.set("token", "one").ok();
        there.find("token").ok();
        let keys = pair.one.admin().get("/v1/admin/api_keys", &[("app", &pair.app.id)]).ok();
        for key in keys["data"].as_array().unwrap() {
            let path = format!("/v1/admin/api_keys/{}/revoke", key["id"].as_str().unwrap());
            pair.one.admin().post(&path, &[]).ok();
        }
        // The clock moves and comes again to the second in which the key was read.
        pair.other.clock.jump(back);
        pair.other.clock.jump(-back);
        pair.other.clock.pass(Duration::from_secs(1));
        there.find("token").refused(401);
    }
}

#[test]
fn one_servers_wrong_clock_takes_nothing_of_what_both_share() {
    const DAY: i64 = 86_400;
    const YEAR: i64 = 365 * DAY;
    // The other server's clock is wrong by so much, or stands still.
    for by in [Some(YEAR), Some(-YEAR), Some(-DAY), Some(60), None] {
        let Some(pair) = pair() else { return };
        let [here, there] = pair.clients();
        let in_days = |days: i64| (pair.one.clock.now_unix() + days * DAY).to_string();
        let soon = in_days(10);
        let secret =
            [("name", "n"), ("payload", "p"), ("scope[type]", "account"), ("expires_at", &*soon)];
        here.post("/v1/apps/secrets", &secret).ok();
        let (_, connected) = pair.one.connected(&pair.app);
        let release = in_days(5);
        let hold = [
            ("amount", "500"),
            ("currency", "usd"),
            ("release_schedule[release_after]", &*release),
        ];
        connected.post("/v1/reserve/holds", &hold).ok();
        let both = [&pair.one, &pair.other];
        let pass = |seconds: i64, stands_still: bool| {
            let part = seconds / 10;
            for _ in 0..10 {
                for (number, server) in both.into_iter().enumerate() {
                    server.clock.advance(part);
                    if stands_still && number == 1 {
                        server.clock.jump(-part);
                    }
                    server.run_jobs();
                }
            }
        };
        let kept = || (pair.one.count("secret"), pair.one.count("reserve_allocation"));
        pass(600, false);
        let ready = |server: &TestServer| server.anonymous().raw("GET", "/readyz", None).status;
        let wrong = 100;
        pair.other.clock.jump(by.unwrap_or(0));
        pass(wrong, by.is_none());
        assert_eq!((ready(&pair.one), ready(&pair.other)), (200, 503), "{by:?}");
        assert_eq!(kept(), (1, 0), "{by:?}");
        pair.other.clock.jump(by.map_or(wrong, |by| -by));
        pass(600, false);
        assert_eq!((ready(&pair.one), ready(&pair.other)), (200, 200), "{by:?}");
        assert_eq!(there.find("n").ok()["payload"], "p", "{by:?}");
        pass(12 * DAY, false);
        assert_eq!(kept(), (0, 1), "{by:?}: what is due is done, and once");
    }
}

/// Both take entries into one log at once, and what was read of it once stays as it was.
#[test]
fn two_servers_that_write_at_once_continue_one_log_of_the_audit() {
    let Some(pair) = pair() else { return };
    let clients = pair.clients();
    let audits = [&pair.one, &pair.other].map(|server| &server.server().installation().audit);
    let admin = pair.one.admin();
    let page = |after: u64| {
        let after = format!("aud_{after}");
        let params = [("limit", "20"), ("starting_after", &*after)];
        let params = if after == "aud_0" { &params[..1] } else { &params[..] };
        admin.get("/v1/admin/audit", params).ok()["data"].clone()
    };
    let mut pages = Vec::new();
    for round in 0..5 {
        std::thread::scope(|scope| {
            for (number, client) in clients.iter().enumerate() {
                let (audit, server) = (audits[number], [&pair.one, &pair.other][number]);
                scope.spawn(move || {
                    for write in 0..20 {
                        let name = format!("name {}", write % 4 + 4 * number);
                        insist(|| client.set(&name, &format!("{round} {write}"))).ok();
                        server.block_on(audit.catch_up()).unwrap();
                    }
                });
            }
        });
        pair.one.block_on(audits[0].catch_up()).unwrap();
        let data = &pair.one.server().installation().stores.data;
        let size = pair.one.block_on(coffer_audit::head(data)).unwrap().unwrap().size;
        for after in (0..size.saturating_sub(20)).step_by(20).skip(pages.len()) {
            pages.push((after, page(after)));
        }
    }
    assert!(pages.len() >= 8, "{}", pages.len());
    for (after, known) in &pages {
        assert_eq!(page(*after), *known, "what stands behind the entry {after} has changed");
    }
    for (server, audit) in [&pair.one, &pair.other].into_iter().zip(audits) {
        server.block_on(audit.mark(true)).unwrap();
        assert_eq!(audit.health().why(), [""; 0]);
    }
    let installation = pair.one.server().installation();
    let (data, keyring) = (&installation.stores.data, &installation.context.keyring);
    let report = pair.one.block_on(coffer_tests::verify_audit(data, keyring)).unwrap();
    assert!(report.size >= 200, "{report:?}");
}
