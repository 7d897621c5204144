//! A machine's clock that is wrong: nothing that was not due is destroyed or released, nothing is
//! released twice, and all goes on by itself once the clock is right.

use crate::check::lawful;
use coffer_testkit::{App, Client, START, TestServer};
use std::time::Duration;

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;
const CLOCK: &str = "/v1/admin/clock";

/// A year both ways, a day, a minute, and to before 1970.
const JUMPS: [i64; 9] =
    [400 * DAY, -YEAR, MINUTE, -400 * DAY, YEAR, DAY, -DAY, -MINUTE, -2 * START.unix()];

/// A server with something of everything that goes by the clock, none of it due.
struct Fixture {
    server: TestServer,
    app: App,
    client: Client,
}

impl Fixture {
    fn new() -> Self {
        let server = TestServer::builder().without_background_jobs().start();
        let app = server.app();
        let (_, client) = server.connected(&app);
        let fixture = Self { server, app, client };
        fixture.fill();
        fixture.pass(DAY / 2);
        fixture
    }

    fn fill(&self) {
        let in_a_month = (START.unix() + 30 * DAY).to_string();
        let secret = [
            ("name", "token"),
            ("payload", "value"),
            ("scope[type]", "account"),
            ("expires_at", &in_a_month),
        ];
        self.client.idempotent("once").post("/v1/apps/secrets", &secret).ok();
        let hold = [
            ("amount", "500"),
            ("currency", "usd"),
            ("release_schedule[release_after]", &(START.unix() + 10 * DAY).to_string()),
        ];
        self.client.post("/v1/reserve/holds", &hold).ok();
        let charge = [("id", "ch_1"), ("amount", "1000"), ("currency", "usd")];
        let after = (START.unix() + 9 * DAY).to_string();
        self.client
            .post("/v1/ledger/charges", &[&charge[..], &[("available_on", &*after)]].concat())
            .ok();
        let plan = [
            ("percent", "10"),
            ("type", "fixed_release"),
            ("fixed_release[release_after]", &(START.unix() + 20 * DAY).to_string()),
        ];
        self.client.post("/v1/reserve/plans", &plan).ok();
        self.app.client().post("/v1/ephemeral_keys", &[("user", "alice")]).ok();
        // A deleted secret leaves a tombstone.
        self.client.set("brief", "value").ok();
        self.client.remove("brief").ok();
    }

    /// Time passes, and the jobs have their turns.
    fn pass(&self, seconds: i64) {
        for _ in 0..12 {
            self.server.clock.advance(seconds / 12);
            self.server.run_jobs();
        }
    }

    /// Everything that goes by the clock, and how far the scheduler has come.
    fn kept(&self) -> Vec<String> {
        let tables = ["secret", "tombstone", "idempotency_record", "event", "api_key"];
        let mut kept: Vec<String> =
            tables.iter().map(|table| format!("{table} {}", self.server.count(table))).collect();
        let released = "reserve_hold WHERE released > 0";
        kept.push(format!("released {}", self.server.count(released)));
        let marks = self.server.query("SELECT name, at FROM watermark ORDER BY name", &[]);
        let mark =
            |row: &coffer_storage::Row| format!("{} {}", row.text(0).unwrap(), row.int(1).unwrap());
        kept.extend(marks.iter().map(mark));
        kept
    }

    fn ready(&self) -> u16 {
        self.server.anonymous().raw("GET", "/readyz", None).status
    }

    fn accept(&self) {
        self.server.admin().post(&format!("{CLOCK}/accept"), &[]).ok();
    }
}

#[test]
fn a_wrong_clock_destroys_and_releases_nothing_and_all_goes_on_once_it_is_right() {
    for by in JUMPS {
        let fixture = Fixture::new();
        let before = fixture.kept();
        assert_eq!(fixture.ready(), 200);
        fixture.server.clock.jump(by);
        assert_eq!(fixture.ready(), 503, "{by}");
        for _ in 0..5 {
            fixture.server.run_jobs();
            fixture.server.clock.advance(5);
        }
        assert_eq!(fixture.kept(), before, "{by}");
        let clock = fixture.server.admin().get(CLOCK, &[]).ok();
        assert_eq!(clock["state"], "doubtful", "{by}: {clock}");
        fixture.server.clock.jump(-by);
        fixture.server.run_jobs();
        assert_eq!(fixture.kept(), before, "{by}: right for a moment");
        fixture.pass(5 * MINUTE);
        assert_eq!((fixture.ready(), fixture.kept()), (200, before.clone()), "{by}");
        assert_eq!(fixture.client.find("token").ok()["payload"], "value", "{by}");
        // What is due is done.
        fixture.pass(12 * DAY);
        assert_eq!(fixture.server.count("reserve_allocation"), 1, "{by}");
        fixture.pass(24 * DAY);
        assert_eq!(fixture.server.count("secret"), 0, "{by}");
    }
}

#[test]
fn a_clock_that_stands_still_does_no_harm() {
    let fixture = Fixture::new();
    let before = fixture.kept();
    for _ in 0..100 {
        fixture.server.clock.pass(Duration::from_secs(60));
        fixture.server.run_jobs();
    }
    assert_eq!((fixture.ready(), fixture.kept()), (503, before));
}

#[test]
fn a_clock_that_jumps_in_the_middle_of_a_pass_or_again_and_again_does_no_harm() {
    let fixture = Fixture::new();
    let before = fixture.kept();
    for by in [YEAR, -2 * YEAR, 5 * YEAR, -4 * YEAR, DAY, -DAY, 40 * DAY, -40 * DAY] {
        std::thread::scope(|scope| {
            scope.spawn(|| fixture.server.run_jobs());
            fixture.server.clock.jump(by);
        });
        fixture.server.run_jobs();
        fixture.server.clock.advance(7);
    }
    assert_eq!(fixture.kept(), before);
    fixture.pass(5 * MINUTE);
    assert_eq!((fixture.ready(), fixture.kept()), (200, before));
}

#[test]
fn a_jump_and_a_restart_are_no_outage() {
    let home = tempfile::TempDir::new().unwrap();
    let data = home.path().join("data");
    let start = |now: i64| {
        let builder = TestServer::builder().data_dir(&data).without_background_jobs();
        builder.starts_at(coffer_base::Timestamp::from_unix(now)).start()
    };
    let server = start(START.unix());
    let app = server.app();
    let soon = (START.unix() + 2 * DAY).to_string();
    let secret =
        [("name", "n"), ("payload", "p"), ("scope[type]", "account"), ("expires_at", &*soon)];
    app.client().post("/v1/apps/secrets", &secret).ok();
    server.run_jobs();
    server.clock.jump(YEAR);
    server.run_jobs();
    server.stop();
    let server = start(START.unix() + YEAR + 5);
    for _ in 0..10 {
        server.clock.advance(60);
        server.run_jobs();
    }
    assert_eq!(server.count("secret"), 1);
    assert_eq!(server.admin().get(CLOCK, &[]).ok()["doubt"], "long_after");
    server.clock.jump(-YEAR);
    for _ in 0..5 {
        server.clock.advance(60);
        server.run_jobs();
    }
    assert_eq!(server.admin().get(CLOCK, &[]).ok()["state"], "right");
    server.stop();
    // A weekend later everybody believes the clock, and what has expired goes a day later.
    let server = start(START.unix() + 4 * DAY);
    server.run_jobs();
    assert_eq!(server.admin().get(CLOCK, &[]).ok()["state"], "settling");
    for _ in 0..48 {
        server.clock.advance(DAY / 24);
        server.run_jobs();
    }
    assert_eq!(server.count("secret"), 0);
}

#[test]
fn an_operator_agrees_and_sets_watermarks_back_and_nothing_is_released_twice() {
    let fixture = Fixture::new();
    let admin = fixture.server.admin();
    let rewind = "/v1/admin/schedule/rewind";
    fixture.server.clock.jump(YEAR);
    fixture.server.run_jobs();
    let clock = admin.get(CLOCK, &[]).ok();
    assert_eq!(clock["doubt"], "ahead");
    assert_eq!(clock["ahead"], YEAR);
    assert!(clock["message"].as_str().unwrap().contains("coffer clock accept"), "{clock}");
    fixture.accept();
    assert_eq!(fixture.ready(), 200);
    fixture.server.run_jobs();
    assert_eq!(fixture.server.count("reserve_allocation"), 1, "due by what was agreed to");
    // The agreement was a mistake. The clock is right again, and waits for a word as well.
    fixture.server.clock.jump(-YEAR);
    fixture.pass(10 * MINUTE);
    assert_eq!(fixture.ready(), 503);
    fixture.accept();
    let now = fixture.server.clock.now_unix();
    let error = admin.post(rewind, &[("to", &(now + 1).to_string())]).refused(400);
    assert_eq!(error["param"], "to");
    let hold = [
        ("amount", "70"),
        ("currency", "usd"),
        ("release_schedule[release_after]", &(now + 4 * DAY).to_string()),
    ];
    fixture.client.post("/v1/reserve/holds", &hold).ok();
    fixture.pass(6 * DAY);
    assert_eq!(fixture.server.count("reserve_allocation"), 1, "the watermarks lie ahead");
    let rewound = lawful(&admin.post(rewind, &[])).ok();
    assert!(rewound["tasks"].as_i64().unwrap() > 0, "{rewound}");
    fixture.pass(DAY);
    assert_eq!(fixture.server.count("reserve_allocation"), 2);
    // Back to the very beginning: all of it is looked at again, and nothing is done again.
    let rewound = admin.post(rewind, &[("to", &START.unix().to_string())]).ok();
    assert_eq!(rewound["done_until"], START.unix().div_euclid(DAY) * DAY);
    fixture.pass(DAY);
    assert_eq!(fixture.server.count("reserve_allocation"), 2);
    let store = fixture.server.server().installation().stores.data.clone();
    let verified = coffer::family_set::FamilySet::default();
    let findings = fixture.server.block_on(verified.verify(&store)).unwrap();
    assert!(findings.differences.is_empty(), "{findings:#?}");
}

#[test]
fn an_expired_secret_is_hidden_at_once_and_deleted_a_day_later() {
    let fixture = Fixture::new();
    let Fixture { server, client, .. } = &fixture;
    let soon = (server.clock.now_unix() + 100).to_string();
    let secret =
        [("name", "brief"), ("payload", "p"), ("scope[type]", "account"), ("expires_at", &*soon)];
    let id = client.post("/v1/apps/secrets", &secret).ok()["id"].as_str().unwrap().to_owned();
    server.clock.advance(100);
    server.run_jobs();
    client.find("brief").refused(404);
    assert_eq!(client.list().ok()["data"].as_array().unwrap().len(), 1);
    let cursor = [("scope[type]", "account"), ("starting_after", &*id)];
    let rest = || client.get("/v1/apps/secrets", &cursor).ok()["data"].as_array().unwrap().len();
    assert_eq!((rest(), server.count("secret")), (1, 2));
    fixture.pass(DAY - 240);
    assert_eq!(server.count("secret"), 2);
    fixture.pass(600);
    assert_eq!((rest(), server.count("secret")), (1, 1), "its place is known for another day");
}

#[test]
fn a_scope_does_not_fill_with_what_has_expired() {
    let fixture = Fixture::new();
    let Fixture { server, client, .. } = &fixture;
    for number in 0..150 {
        let soon = (server.clock.now_unix() + 10).to_string();
        let secret = [
            ("name", format!("n{number}")),
            ("payload", "p".to_owned()),
            ("scope[type]", "account".to_owned()),
            ("expires_at", soon),
        ];
        let secret: Vec<_> = secret.iter().map(|(name, value)| (*name, &**value)).collect();
        client.post("/v1/apps/secrets", &secret).ok();
        server.clock.advance(10);
    }
    let rows = server.count("secret");
    assert!((100..=112).contains(&rows), "{rows}");
    client.find("token").ok();
    // While the clock may be wrong, none of them goes.
    server.clock.jump(YEAR);
    server.run_jobs();
    for number in 0..9 {
        client.set(&format!("forever {number}"), "p").ok();
    }
    assert_eq!(server.count("secret"), rows + 9);
    server.clock.jump(-YEAR);
    assert_eq!(client.find("token").ok()["payload"], "value");
}

/// A user's device holds it for a day at most, whatever the clock showed when it was made.
#[test]
fn an_ephemeral_key_of_a_clock_that_was_ahead_does_not_outlive_it() {
    let server = TestServer::builder().without_background_jobs().start();
    let app = server.app();
    let make = || {
        let made = app.client().post("/v1/ephemeral_keys", &[("user", "alice")]);
        server.anonymous().with_key(&made.text("secret"))
    };
    let list = |user: &Client| {
        user.get("/v1/apps/secrets", &[("scope[type]", "user"), ("scope[user]", "alice")])
    };
    for by in [3 * DAY, YEAR] {
        server.clock.jump(by);
        let user = make();
        list(&user).ok();
        server.clock.jump(-by);
        list(&user).refused(401);
    }
    // A clock that is set back by less is no reason to refuse anybody.
    let user = make();
    server.clock.jump(-DAY / 2);
    list(&user).ok();
}
