//! What a store is filled with before it is kept: something of everything that a server writes.

use crate::expected::Expected;
use coffer_base::Timestamp;
use coffer_kernel::ROTATION_RATE;
use coffer_testkit::{App, Client, Params, TestServer};
use std::path::Path;

/// 1 September 2026, 10:00 UTC: before the version was shipped, so that no clock is behind it.
const START: Timestamp = Timestamp::from_unix(1_788_256_800);

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// Days after [`START`] on which the store is left: the money of charges has become available.
const DAYS: i64 = 10;

/// The year 2100: what expires then has not when it is read.
const FAR: &str = "4102444800";

/// A store that is being filled.
struct Filling {
    server: TestServer,
    expected: Expected,
    app: App,
}

/// Fills a new store in `data_dir`, or in databases of its own where the run has PostgreSQL, and
/// leaves the server running.
pub fn fill(data_dir: &Path) -> (TestServer, Expected) {
    let builder = TestServer::builder().data_dir(data_dir).without_background_jobs();
    let builder = builder.set(&ROTATION_RATE, "1000000");
    let server = builder.starts_at(START).start();
    let app = server.app();
    // The first pass of the scheduler sets its marks.
    server.run_jobs();
    let mut filling = Filling { server, expected: Expected::new(), app };
    filling.accounts();
    filling.keys();
    filling.books_by_facts();
    filling.books_by_transactions();
    filling.advance();
    filling.hooks();
    filling.secrets();
    filling.installs();
    let Filling { server, mut expected, .. } = filling;
    expected.finish(&server);
    (server, expected)
}

impl Filling {
    fn read(&mut self, name: &str, path: &str) {
        self.expected.read(&self.server, name, path, None);
    }

    /// A caller by the name under which it was kept.
    fn as_if(&self, name: &str) -> Client {
        self.expected.client(&self.server, name)
    }

    /// Sends a change; the id of what it made or changed.
    #[track_caller]
    fn post(&self, name: &str, path: &str, params: Params<'_>) -> String {
        let answer = self.as_if(name).post(path, params);
        answer.ok();
        answer.text("id")
    }

    /// Three accounts on which the app is installed, of which one is erased after all keys were
    /// made anew.
    fn accounts(&mut self) {
        let (app, live) = (self.app.client(), self.app.live());
        self.expected.caller("app", &app, None);
        self.expected.caller("app, live", &live, None);
        for name in ["one", "two", "gone"] {
            let (account, client) = self.server.connected(&self.app);
            self.expected.caller(name, &client, Some(&account));
            client.set("early", &format!("sealed again, of {name}")).ok();
        }
        self.server.admin().post("/v1/admin/keyring/rotate", &[]).ok();
        self.advance_by(60);
        self.advance_by(60);
        let keyring = self.server.admin().get("/v1/admin/keyring", &[]).ok();
        assert_eq!(keyring["rotation"]["status"], "done", "{keyring}");
        let gone = self.expected.0["callers"]["gone"]["account"].as_str().unwrap().to_owned();
        let erased = self.post("operator", &format!("/v1/admin/accounts/{gone}/purge"), &[]);
        self.server.run_jobs();
        self.read("operator", &format!("/v1/admin/erasures/{erased}"));
        for name in ["one", "two", "gone"] {
            self.read(
                name,
                "/v1/apps/secrets/find?name=early&scope[type]=account&expand[]=payload",
            );
        }
        let accounts = ["one", "two"]
            .map(|name| self.expected.0["callers"][name]["account"].as_str().unwrap().to_owned());
        for account in accounts {
            self.read("operator", &format!("/v1/admin/accounts/{account}"));
        }
        let app = self.app.id.clone();
        self.read("operator", &format!("/v1/admin/apps/{app}"));
    }

    /// A restricted key, one that was rolled, one that was revoked, and one of a user.
    fn keys(&mut self) {
        let reader = self.server.restricted(&self.app, &["secret_read"]);
        self.expected.caller("reader", &reader, None);
        let of = [("app", self.app.id.as_str()), ("mode", "test")];
        let make = || {
            let made = self.server.admin().post("/v1/admin/api_keys", &of);
            made.ok();
            (made.text("id"), self.server.anonymous().with_key(&made.text("key")))
        };
        let ((rolled, old), (revoked, refused)) = (make(), make());
        let again = self.server.admin().post(&format!("/v1/admin/api_keys/{rolled}/roll"), &[]);
        again.ok();
        let successor = self.server.anonymous().with_key(&again.text("key"));
        self.server.admin().post(&format!("/v1/admin/api_keys/{revoked}/revoke"), &[]).ok();
        self.expected.caller("rolled", &old, None);
        self.expected.caller("successor", &successor, None);
        self.expected.caller("revoked", &refused, None);
        self.read("operator", &format!("/v1/admin/api_keys/{revoked}"));
        self.post("app", "/v1/ephemeral_keys", &[("user", "alice")]);
    }

    /// An account whose books are kept by facts: charges and what became of them.
    fn books_by_facts(&self) {
        let at = |days: i64| (START.unix() + days * DAY).to_string();
        let plan = [
            ("percent", "10"),
            ("type", "rolling_release"),
            ("rolling_release[days_after_charge]", "180"),
        ];
        self.post("one", "/v1/reserve/plans", &plan);
        let soon = at(2);
        for (id, amount) in [("ch_1", "10000"), ("ch_2", "5000"), ("ch_3", "2500")] {
            let charge = [
                ("id", id),
                ("amount", amount),
                ("currency", "usd"),
                ("fee", "91"),
                ("available_on", &soon),
            ];
            self.post("one", "/v1/ledger/charges", &charge);
        }
        let refund = [("id", "re_1"), ("charge", "ch_1"), ("amount", "3000")];
        self.post("one", "/v1/ledger/refunds", &refund);
        let dispute = [("id", "du_1"), ("charge", "ch_2"), ("amount", "900"), ("fee", "15")];
        self.post("one", "/v1/ledger/disputes", &dispute);
        let late = at(150);
        let hold =
            [("amount", "1200"), ("currency", "usd"), ("release_schedule[release_after]", &late)];
        let hold = self.post("one", "/v1/reserve/holds", &hold);
        let release = [("reserve_hold", hold.as_str()), ("amount", "200")];
        self.post("one", "/v1/reserve/releases", &release);
    }

    /// One whose books are told the processor's transactions, one of which waits for its charge.
    fn books_by_transactions(&self) {
        let plan = [
            ("percent", "15"),
            ("type", "rolling_release"),
            ("rolling_release[days_after_charge]", "90"),
        ];
        self.post("two", "/v1/reserve/plans", &plan);
        let (created, soon) = (START.unix().to_string(), (START.unix() + 2 * DAY).to_string());
        let transactions = [
            ("txn_1", "charge", "10000", "320", "ch_1", None),
            ("txn_2", "refund", "-3000", "0", "re_1", Some("ch_1")),
            ("txn_3", "charge", "700", "20", "ch_2", None),
            ("txn_4", "refund", "-100", "0", "re_2", Some("ch_unknown")),
        ];
        for (id, kind, amount, fee, source, charge) in transactions {
            let mut params = vec![
                ("id", id),
                ("type", kind),
                ("amount", amount),
                ("fee", fee),
                ("currency", "usd"),
                ("created", &created),
                ("available_on", &soon),
                ("source", source),
            ];
            params.extend(charge.map(|charge| ("charge", charge)));
            self.post("two", "/v1/ledger/transactions", &params);
        }
    }

    fn advance_by(&self, seconds: i64) {
        self.server.clock.advance(seconds);
        self.server.run_jobs();
    }

    /// Days pass, money becomes available and is paid out, and everything about it is asked.
    fn advance(&mut self) {
        for _ in 0..DAYS {
            self.advance_by(DAY);
        }
        let payout = [("id", "po_1"), ("amount", "4000"), ("currency", "usd")];
        self.post("one", "/v1/ledger/payouts", &payout);
        for name in ["one", "two"] {
            for path in [
                "/v1/balance",
                "/v1/balance_transactions?limit=100",
                "/v1/ledger/charges?limit=100",
                "/v1/ledger/refunds?limit=100",
                "/v1/ledger/disputes?limit=100",
                "/v1/ledger/payouts?limit=100",
                "/v1/ledger/transactions?limit=100",
                "/v1/ledger/parked?limit=100",
                "/v1/reserve/plans?limit=100",
                "/v1/reserve/holds?limit=100",
                "/v1/reserve/releases?limit=100",
            ] {
                self.read(name, path);
            }
            // Events are shown for thirty days.
            let until = self.server.clock.now_unix() + 31 * DAY;
            self.expected.read(&self.server, name, "/v1/events?limit=5", Some(until));
        }
    }

    /// Endpoints in both modes, and the events that wait for them.
    fn hooks(&mut self) {
        for name in ["app", "app, live"] {
            let params = [
                ("url", "https://receiver.example/hooks"),
                ("enabled_events[]", "*"),
                ("description", "of a store that is kept"),
            ];
            let endpoint = self.post(name, "/v1/webhook_endpoints", &params);
            self.read(name, &format!("/v1/webhook_endpoints/{endpoint}"));
        }
        let hold = [
            ("amount", "300"),
            ("currency", "usd"),
            ("release_schedule[release_after]", &(START.unix() + 100 * DAY).to_string()[..]),
        ];
        self.post("app", "/v1/reserve/holds", &hold);
        self.read("app", "/v1/reserve/holds");
    }

    /// Secrets of accounts and of users, live and test, with and without an end; some are deleted.
    fn secrets(&mut self) {
        let of_account = "scope[type]=account";
        let find = "/v1/apps/secrets/find?expand[]=payload";
        for name in ["app", "app, live", "one", "two"] {
            let client = self.as_if(name);
            client.set("token", &format!("of {name}")).ok();
            client.set("words", "žluťoučký kůň 🔑\n").ok();
            let far = [("name", "far"), ("payload", "2100"), ("scope[type]", "account")];
            client.post("/v1/apps/secrets", &[&far[..], &[("expires_at", FAR)]].concat()).ok();
            let deleted = client.set("deleted", "nobody reads this").text("id");
            client.remove("deleted").ok();
            let of_user = [("scope[type]", "user"), ("scope[user]", "alice")];
            let secret = [("name", "token"), ("payload", "alice's")];
            client.post("/v1/apps/secrets", &[&secret[..], &of_user].concat()).ok();
            for secret in ["token", "words", "far", "deleted"] {
                self.read(name, &format!("{find}&name={secret}&{of_account}"));
            }
            self.read(name, &format!("{find}&name=token&scope[type]=user&scope[user]=alice"));
            let page = format!("/v1/apps/secrets?{of_account}");
            self.read(name, &page);
            // What was deleted is a cursor until a job prunes it.
            self.read(name, &format!("{page}&starting_after={deleted}"));
        }
        let soon = self.server.clock.now_unix() + 2 * DAY;
        let secret = [
            ("name", "soon"),
            ("payload", "two days"),
            ("scope[type]", "user"),
            ("scope[user]", "bob"),
            ("expires_at", &soon.to_string()[..]),
        ];
        self.post("one", "/v1/apps/secrets", &secret);
        let path = format!("{find}&name=soon&scope[type]=user&scope[user]=bob");
        self.expected.read(&self.server, "one", &path, Some(soon));
        for name in ["reader", "rolled", "successor", "revoked"] {
            self.read(name, &format!("{find}&name=token&{of_account}"));
        }
        let form = "name=repeated&payload=once&scope[type]=user&scope[user]=carol";
        self.expected.repeat(&self.server, "one", "/v1/apps/secrets", form);
    }

    /// Another app, which was installed and is no more.
    fn installs(&mut self) {
        let other = self.server.app();
        let account = self.expected.0["callers"]["two"]["account"].as_str().unwrap().to_owned();
        let install = self.server.install(&other, &account);
        let client = other.client().for_account(&account);
        self.expected.caller("uninstalled", &client, Some(&account));
        let listed = client.get("/v1/apps/installs", &[("app", &other.id)]).ok();
        let shown = listed["data"][0]["id"].as_str().unwrap_or(&install).to_owned();
        client.post(&format!("/v1/apps/installs/{shown}/uninstall"), &[]).ok();
        self.read("uninstalled", "/v1/apps/secrets?scope[type]=account");
        self.read("one", &format!("/v1/apps/installs?app={}", self.app.id));
    }
}
