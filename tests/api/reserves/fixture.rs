//! A platform with a connected account, and its books.

use coffer_base::Timestamp;
use coffer_storage::Value as Stored;
use coffer_testkit::{Answer, App, Builder, Client, Params, TestServer};
use serde_json::Value;

/// 1 March 2026, 10:00 UTC: the day on which the walks begin.
pub const MARCH_1: i64 = 1_772_359_200;

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// The midnight with which a day of March 2026 begins.
pub const fn march(day: i64) -> i64 {
    1_772_323_200 + (day - 1) * DAY
}

/// A platform, one connected account, and the caller that speaks for it.
pub struct Fixture {
    pub server: TestServer,
    pub app: App,
    pub account: String,
    /// The app's key, with `Stripe-Account`.
    pub client: Client,
}

impl Fixture {
    /// A fixture whose clock stands at [`MARCH_1`].
    pub fn new() -> Self {
        Self::with(TestServer::builder())
    }

    pub fn with(builder: Builder) -> Self {
        Self::at(builder, MARCH_1)
    }

    pub fn at(builder: Builder, now: i64) -> Self {
        let builder = builder.without_background_jobs();
        Self::of(builder.starts_at(Timestamp::from_unix(now)).start())
    }

    /// A fixture around a server.
    pub fn of(server: TestServer) -> Self {
        let app = server.app();
        let (account, client) = server.connected(&app);
        // The first pass of the scheduler sets its marks.
        server.run_jobs();
        Self { server, app, account, client }
    }

    /// The same fixture after a restart, on a data directory that its test keeps.
    pub fn restarted_at(mut self, now: i64) -> Self {
        let data = self.server.data_dir().to_owned();
        self.server.stop();
        let builder = TestServer::builder().data_dir(&data).without_background_jobs();
        let server = builder.starts_at(Timestamp::from_unix(now)).start();
        // The server need not watch the clock for a while first.
        server.admin().post("/v1/admin/clock/accept", &[]).ok();
        self.app.anonymous = server.anonymous();
        let client = self.app.client().for_account(&self.account);
        Self { server, client, ..self }
    }

    /// Lets it be `now`, and does what falls due.
    pub fn advance_to(&self, now: i64) {
        self.server.clock.set(Timestamp::from_unix(now));
        self.server.run_jobs();
    }

    pub fn post(&self, path: &str, params: Params<'_>) -> Answer {
        self.client.post(path, params)
    }

    /// A charge in US dollars.
    #[track_caller]
    pub fn charge(&self, id: &str, amount: i64, more: Params<'_>) -> Value {
        let amount = amount.to_string();
        let mut params = vec![("id", id), ("amount", &amount), ("currency", "usd")];
        params.extend_from_slice(more);
        self.post("/v1/ledger/charges", &params).ok()
    }

    #[track_caller]
    pub fn refund(&self, id: &str, charge: &str, amount: i64) -> Value {
        let amount = amount.to_string();
        let params = [("id", id), ("charge", charge), ("amount", &amount)];
        self.post("/v1/ledger/refunds", &params).ok()
    }

    /// A plan that holds a share of each charge for `days`.
    #[track_caller]
    pub fn rolling(&self, percent: i64, days: i64) -> Value {
        let (percent, days) = (percent.to_string(), days.to_string());
        let params = [
            ("percent", percent.as_str()),
            ("type", "rolling_release"),
            ("rolling_release[days_after_charge]", &days),
        ];
        self.post("/v1/reserve/plans", &params).ok()
    }

    /// A plan that holds a share of each charge until a date.
    #[track_caller]
    pub fn fixed(&self, percent: i64, release_after: i64) -> Value {
        let (percent, after) = (percent.to_string(), release_after.to_string());
        let params = [
            ("percent", percent.as_str()),
            ("type", "fixed_release"),
            ("fixed_release[release_after]", &after),
        ];
        self.post("/v1/reserve/plans", &params).ok()
    }

    /// A hold that no plan made.
    #[track_caller]
    pub fn hold(&self, amount: i64, release_after: i64) -> Value {
        let (amount, after) = (amount.to_string(), release_after.to_string());
        let params = [
            ("amount", amount.as_str()),
            ("currency", "usd"),
            ("release_schedule[release_after]", &after),
        ];
        self.post("/v1/reserve/holds", &params).ok()
    }

    /// The objects of a list, newest first.
    #[track_caller]
    pub fn list(&self, path: &str, params: Params<'_>) -> Vec<Value> {
        let list = self.client.get(path, params).ok();
        assert_eq!((&list["object"], &list["url"]), (&"list".into(), &path.into()));
        list["data"].as_array().unwrap().clone()
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.client.get(path, &[]).ok()
    }

    /// What stands in US dollars: payments pending and available, reserved pending and available.
    #[track_caller]
    pub fn standing(&self) -> [i64; 4] {
        let preview = self.client.with_header("Stripe-Version", "2026-10-28.preview");
        let balance = preview.get("/v1/balance", &[]).ok();
        let of = |side: &Value| {
            let mut all = side.as_array().unwrap().iter();
            let usd = all.find(|each| each["currency"] == "usd");
            usd.map_or(0, |each| each["amount"].as_i64().unwrap())
        };
        let reserved = &balance["risk_reserved"];
        [
            of(&balance["pending"]),
            of(&balance["available"]),
            of(&reserved["pending"]),
            of(&reserved["available"]),
        ]
    }

    /// All postings, in their order: `X>P.p 10000`.
    pub fn postings(&self) -> Vec<String> {
        let sql = "SELECT from_bucket, to_bucket, amount FROM ledger_posting \
                   WHERE account = ? ORDER BY entry, line";
        let rows = self.server.query(sql, &[Stored::from(self.account.as_str())]);
        let name = |bucket: i64| {
            let bucket = usize::try_from(bucket).unwrap();
            ["P.p", "P.a", "R.p", "R.a", "X", "F", "B"][bucket]
        };
        let shown = rows.iter().map(|row| {
            let at = |i| row.int(i).unwrap();
            format!("{}>{} {}", name(at(0)), name(at(1)), at(2))
        });
        shown.collect()
    }

    /// Checks the books, as `coffer ledger verify` does.
    #[track_caller]
    pub fn verify(&self) {
        let store = self.server.server().installation().stores.data.clone();
        let findings =
            self.server.block_on(coffer::family_set::FamilySet::default().verify(&store)).unwrap();
        assert!(findings.differences.is_empty(), "{:#?}", findings.differences);
    }
}

/// A text of an object.
#[track_caller]
pub fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no {field} in {object}")).to_owned()
}
