//! What each step of the contract's walks writes (reserves §12): postings, balance transactions
//! (§7) and events (§8). What the objects then look like stands in the walks.

use super::fixture::{DAY, Fixture, MARCH_1, march, text};
use serde_json::Value;

/// A reader of everything that a ledger writes, which has seen some of it.
struct Watch {
    postings: usize,
    transactions: usize,
    events: usize,
}

/// All of a list, oldest first.
#[track_caller]
fn whole(fixture: &Fixture, path: &str) -> Vec<Value> {
    let mut params = vec![("limit", "100")];
    if path == "/v1/events" {
        params.push(("type", "reserve.*"));
    }
    let mut all = fixture.list(path, &params);
    assert!(all.len() < 100, "{path} has more than a page");
    all.reverse();
    all
}

/// `charge payments 10000 of ch, fee 320, pending`.
fn transaction(one: &Value) -> String {
    let (kind, side, status) = (text(one, "type"), text(one, "balance_type"), text(one, "status"));
    let source = text(one, "source");
    let source = source.split_once('_').unwrap().0;
    let fee = one["fee"].as_i64().filter(|fee| *fee != 0);
    let fee = fee.map(|fee| format!(", fee {fee}")).unwrap_or_default();
    format!("{kind} {side} {} of {source}{fee}, {status}", one["amount"])
}

/// `hold.updated: amount_releasable release_details, by itself`.
fn event(fixture: &Fixture, one: &Value) -> String {
    assert_eq!(one["account"], fixture.account, "{one}");
    let kind = text(one, "type").replace("reserve.", "");
    assert_eq!(text(&one["data"]["object"], "object"), kind_of(&kind), "{one}");
    let request = &one["request"];
    assert!(request["idempotency_key"].is_null(), "{one}");
    let by = if request["id"].is_null() { ", by itself" } else { "" };
    let Some(previous) = one["data"].get("previous_attributes") else {
        assert!(!kind.ends_with(".updated"), "{one}");
        return format!("{kind}{by}");
    };
    let mut changed: Vec<&str> = Vec::new();
    for (field, before) in previous.as_object().unwrap() {
        assert_ne!(*before, one["data"]["object"][field], "{field} did not change: {one}");
        changed.push(field);
    }
    changed.sort_unstable();
    format!("{kind}: {}{by}", changed.join(" "))
}

fn kind_of(event: &str) -> String {
    format!("reserve.{}", event.split_once('.').unwrap().0)
}

impl Watch {
    /// Whoever has seen nothing yet.
    const NEW: Self = Self { postings: 0, transactions: 0, events: 0 };

    /// Asserts what was written since the last look, and what now stands.
    #[track_caller]
    fn step(
        &mut self,
        fixture: &Fixture,
        postings: &[&str],
        transactions: &[&str],
        events: &[&str],
        standing: [i64; 4],
    ) {
        let all = fixture.postings();
        assert_eq!(all[self.postings..], *postings);
        self.postings = all.len();
        let all = whole(fixture, "/v1/balance_transactions");
        let told: Vec<_> = all[self.transactions..].iter().map(transaction).collect();
        assert_eq!(told, transactions);
        self.transactions = all.len();
        let of_side = |side: &str| -> i64 {
            let of_side = all.iter().filter(|one| one["balance_type"] == side);
            of_side.map(|one| one["net"].as_i64().unwrap()).sum()
        };
        assert_eq!(fixture.standing(), standing);
        // Balance transactions add up to the balance, and holds to what is reserved (§7).
        assert_eq!(of_side("payments"), standing[0] + standing[1]);
        assert_eq!(of_side("risk_reserved"), standing[2] + standing[3]);
        let left = |one: &Value| one["amount_releasable"].as_i64().unwrap();
        let left: i64 = whole(fixture, "/v1/reserve/holds").iter().map(left).sum();
        assert_eq!(left, standing[2] + standing[3]);
        let all = whole(fixture, "/v1/events");
        let told: Vec<_> = all[self.events..].iter().map(|one| event(fixture, one)).collect();
        assert_eq!(told, events);
        self.events = all.len();
        fixture.verify();
    }

    /// The same of a step that writes nothing.
    #[track_caller]
    fn nothing(&mut self, fixture: &Fixture, standing: [i64; 4]) {
        self.step(fixture, &[], &[], &[], standing);
    }
}

/// What an update of a hold says of itself if a release took all that it had left.
const EMPTIED: &str = "hold.updated: amount_releasable is_releasable release_details";
const EMPTIED_BY_ITSELF: &str =
    "hold.updated: amount_releasable is_releasable release_details, by itself";
const DRAWN: &str = "hold.updated: amount_releasable release_details";

/// The first walk up to 3 March, with which the second one begins.
fn charged_under_a_rolling_plan(fixture: &Fixture) -> Watch {
    let mut watch = Watch::NEW;
    fixture.rolling(15, 30);
    watch.step(fixture, &[], &[], &["plan.created"], [0, 0, 0, 0]);
    fixture.charge("ch_1", 10_000, &[("fee", "320")]);
    watch.step(
        fixture,
        &["X>P.p 10000", "P.p>F 320", "P.p>R.p 1452"],
        &[
            "charge payments 10000 of ch, fee 320, pending",
            "reserve_hold payments -1452 of reshold, pending",
            "reserve_hold risk_reserved 1452 of reshold, pending",
        ],
        &["hold.created"],
        [8228, 0, 1452, 0],
    );
    fixture.advance_to(march(3) - 1);
    watch.nothing(fixture, [8228, 0, 1452, 0]);
    fixture.advance_to(march(3));
    let moved = ["P.p>P.a 8228", "R.p>R.a 1452"];
    watch.step(fixture, &moved, &[], &[], [0, 8228, 0, 1452]);
    let all = whole(fixture, "/v1/balance_transactions");
    assert!(all.iter().all(|one| one["status"] == "available"), "{all:#?}");
    watch
}

#[test]
fn a_rolling_plan_and_a_partial_refund() {
    let fixture = Fixture::new();
    let mut watch = charged_under_a_rolling_plan(&fixture);
    fixture.advance_to(march(10) + 3600);
    watch.nothing(&fixture, [0, 8228, 0, 1452]);
    fixture.refund("re_1", "ch_1", 3000);
    watch.step(
        &fixture,
        &["R.a>P.a 1452", "P.a>X 3000"],
        &[
            "reserve_release payments 1452 of resrel, available",
            "reserve_release risk_reserved -1452 of resrel, available",
            "refund payments -3000 of re, available",
        ],
        &["release.created", EMPTIED],
        [0, 6680, 0, 0],
    );
    // On the hold's own date nothing is left of it.
    fixture.advance_to(march(40));
    let releases = fixture.list("/v1/reserve/releases", &[]);
    assert_eq!((releases.len(), fixture.standing()), (1, [0, 6680, 0, 0]));
}

#[test]
fn a_dispute_larger_than_the_hold_and_won() {
    let fixture = Fixture::new();
    let mut watch = charged_under_a_rolling_plan(&fixture);
    let params = [("id", "du_1"), ("charge", "ch_1"), ("amount", "10000"), ("fee", "1500")];
    let open = fixture.post("/v1/ledger/disputes", &params).ok();
    assert_eq!((open["drawn"].as_i64(), &open["status"]), (Some(1452), &"open".into()));
    watch.step(
        &fixture,
        &["R.a>P.a 1452", "P.a>X 10000", "P.a>F 1500"],
        &[
            "reserve_release payments 1452 of resrel, available",
            "reserve_release risk_reserved -1452 of resrel, available",
            "adjustment payments -10000 of du, fee 1500, available",
        ],
        &["release.created", EMPTIED],
        [0, -1820, 0, 0],
    );
    // Told again it is answered, and written no second time.
    assert_eq!(fixture.post("/v1/ledger/disputes", &params).ok(), open);
    watch.nothing(&fixture, [0, -1820, 0, 0]);
    let won = [("status", "won"), ("fee_returned", "true")];
    let ended = fixture.post("/v1/ledger/disputes/du_1", &won).ok();
    let back = ["X>P.a 10000", "F>P.a 1500"];
    let told = ["adjustment payments 10000 of du, fee -1500, available"];
    watch.step(&fixture, &back, &told, &[], [0, 9680, 0, 0]);
    assert_eq!(fixture.post("/v1/ledger/disputes/du_1", &won).ok(), ended);
    assert_eq!(fixture.post("/v1/ledger/disputes", &params).ok(), ended);
    watch.nothing(&fixture, [0, 9680, 0, 0]);
}

#[test]
fn a_plan_is_disabled_while_a_payout_is_in_flight() {
    let fixture = Fixture::new();
    let plan = text(&fixture.rolling(10, 30), "id");
    fixture.charge("ch_1", 30_000, &[]);
    fixture.advance_to(march(3));
    fixture.charge("ch_2", 5000, &[]);
    let payout = [("id", "po_1"), ("amount", "20000"), ("currency", "usd")];
    let spent = [("id", "po_0"), ("amount", "7000"), ("currency", "usd")];
    fixture.post("/v1/ledger/payouts", &spent).ok();
    let mut watch = Watch {
        postings: fixture.postings().len(),
        transactions: whole(&fixture, "/v1/balance_transactions").len(),
        events: whole(&fixture, "/v1/events").len(),
    };
    watch.nothing(&fixture, [4500, 20_000, 500, 3000]);
    fixture.post("/v1/ledger/payouts", &payout).ok();
    let told = ["payout payments -20000 of po, available"];
    watch.step(&fixture, &["P.a>B 20000"], &told, &[], [4500, 0, 500, 3000]);
    fixture.post(&format!("/v1/reserve/plans/{plan}/disable"), &[]).ok();
    // The call itself moves and tells nothing.
    watch.nothing(&fixture, [4500, 0, 500, 3000]);
    fixture.server.run_jobs();
    watch.step(
        &fixture,
        &["R.a>P.a 3000", "R.p>P.p 500"],
        &[
            "reserve_release payments 3500 of resrel, pending",
            "reserve_release risk_reserved -3500 of resrel, pending",
        ],
        &[
            "release.created, by itself",
            EMPTIED_AFTER_DISABLE,
            EMPTIED_AFTER_DISABLE,
            "plan.disabled, by itself",
        ],
        [5000, 3000, 0, 0],
    );
    fixture.server.run_jobs();
    watch.nothing(&fixture, [5000, 3000, 0, 0]);
    fixture.post("/v1/ledger/payouts/po_1", &[("status", "failed")]).ok();
    let told = ["payout_failure payments 20000 of po, available"];
    watch.step(&fixture, &["B>P.a 20000"], &told, &[], [5000, 23_000, 0, 0]);
}

/// A hold of a disabled plan is not releasable from the disabling on.
const EMPTIED_AFTER_DISABLE: &str = "hold.updated: amount_releasable release_details, by itself";

#[test]
fn two_plans_overlap() {
    let fixture = Fixture::new();
    let mut watch = Watch::NEW;
    fixture.fixed(60, MARCH_1 + 30 * DAY);
    fixture.rolling(60, 30);
    watch.step(&fixture, &[], &[], &["plan.created", "plan.created"], [0, 0, 0, 0]);
    fixture.charge("ch_1", 10_000, &[("fee", "320")]);
    watch.step(
        &fixture,
        &["X>P.p 10000", "P.p>F 320", "P.p>R.p 5808", "P.p>R.p 3872"],
        &[
            "charge payments 10000 of ch, fee 320, pending",
            "reserve_hold payments -5808 of reshold, pending",
            "reserve_hold risk_reserved 5808 of reshold, pending",
            "reserve_hold payments -3872 of reshold, pending",
            "reserve_hold risk_reserved 3872 of reshold, pending",
        ],
        &["hold.created", "hold.created"],
        [0, 0, 9680, 0],
    );
    fixture.refund("re_1", "ch_1", 6000);
    watch.step(
        &fixture,
        &["R.p>P.p 5808", "R.p>P.p 192", "P.p>X 6000"],
        &[
            "reserve_release payments 5808 of resrel, pending",
            "reserve_release risk_reserved -5808 of resrel, pending",
            "reserve_release payments 192 of resrel, pending",
            "reserve_release risk_reserved -192 of resrel, pending",
            "refund payments -6000 of re, pending",
        ],
        &["release.created", EMPTIED, "release.created", DRAWN],
        [0, 0, 3680, 0],
    );
}

#[test]
fn three_days_down_across_a_fixed_plans_date() {
    let directory = tempfile::TempDir::new().unwrap();
    let data = directory.path().join("data");
    let fixture = Fixture::with(coffer_testkit::TestServer::builder().data_dir(&data));
    let mut watch = Watch::NEW;
    fixture.fixed(10, march(10) + 3600);
    fixture.charge("ch_1", 50_000, &[("available_on", &march(3).to_string())]);
    fixture.advance_to(march(9) + 19 * 3600);
    fixture.charge("ch_2", 10_000, &[("available_on", &march(10).to_string())]);
    watch.step(
        &fixture,
        &[
            "X>P.p 50000",
            "P.p>R.p 5000",
            "P.p>P.a 45000",
            "R.p>R.a 5000",
            "X>P.p 10000",
            "P.p>R.p 1000",
        ],
        &[
            "charge payments 50000 of ch, available",
            "reserve_hold payments -5000 of reshold, available",
            "reserve_hold risk_reserved 5000 of reshold, available",
            "charge payments 10000 of ch, pending",
            "reserve_hold payments -1000 of reshold, pending",
            "reserve_hold risk_reserved 1000 of reshold, pending",
        ],
        &["plan.created", "hold.created", "hold.created"],
        [9000, 45_000, 1000, 5000],
    );
    let fixture = fixture.restarted_at(march(12) + 9 * 3600);
    fixture.server.run_jobs();
    let caught_up = [
        "release.created, by itself",
        EMPTIED_BY_ITSELF,
        EMPTIED_BY_ITSELF,
        "plan.expired, by itself",
    ];
    watch.step(
        &fixture,
        &["P.p>P.a 9000", "R.p>R.a 1000", "R.a>P.a 6000"],
        &[
            "reserve_release payments 6000 of resrel, available",
            "reserve_release risk_reserved -6000 of resrel, available",
        ],
        &caught_up,
        [0, 60_000, 0, 0],
    );
    let released = &fixture.list("/v1/events", &[("type", "reserve.release.created")])[0];
    assert_eq!(released["created"], march(12) + 9 * 3600);
    // Told late, and held back by nothing.
    for (id, created) in [("ch_3", march(10) + 7200), ("ch_4", march(11) + 7200)] {
        fixture.charge(id, 1000, &[("created", &created.to_string())]);
    }
    watch.step(
        &fixture,
        &["X>P.a 1000", "X>P.p 1000"],
        &["charge payments 1000 of ch, available", "charge payments 1000 of ch, pending"],
        &[],
        [1000, 61_000, 0, 0],
    );
}

#[test]
fn a_hold_of_its_own_and_what_callers_do_with_it() {
    let fixture = Fixture::new();
    let mut watch = Watch::NEW;
    let hold = text(&fixture.hold(1000, MARCH_1 + 10 * DAY), "id");
    let of_hold = [
        "reserve_hold payments -1000 of reshold, available",
        "reserve_hold risk_reserved 1000 of reshold, available",
    ];
    watch.step(&fixture, &["P.a>R.a 1000"], &of_hold, &["hold.created"], [0, -1000, 0, 1000]);
    let path = format!("/v1/reserve/holds/{hold}");
    let date = (MARCH_1 + 12 * DAY).to_string();
    let moved = [("release_schedule[release_after]", date.as_str()), ("metadata[k]", "v")];
    fixture.post(&path, &moved).ok();
    let standing = [0, -1000, 0, 1000];
    watch.step(&fixture, &[], &[], &["hold.updated: metadata release_schedule"], standing);
    // The same once more changes nothing, and tells nothing.
    fixture.post(&path, &moved).ok();
    watch.nothing(&fixture, standing);
    let release = [("reserve_hold", hold.as_str()), ("amount", "400")];
    let release = fixture.post("/v1/reserve/releases", &release).text("id");
    let given = [
        "reserve_release payments 400 of resrel, available",
        "reserve_release risk_reserved -400 of resrel, available",
    ];
    let standing = [0, -600, 0, 600];
    watch.step(&fixture, &["R.a>P.a 400"], &given, &["release.created", DRAWN], standing);
    let changed = [("metadata[k]", "v")];
    let release = fixture.post(&format!("/v1/reserve/releases/{release}"), &changed).ok();
    assert_eq!(release["metadata"]["k"], "v");
    watch.nothing(&fixture, standing);
    fixture.advance_to(march(14));
    let rest = given.map(|one| one.replace("400", "600"));
    watch.step(
        &fixture,
        &["R.a>P.a 600"],
        &rest.each_ref().map(String::as_str),
        &["release.created, by itself", EMPTIED_BY_ITSELF],
        [0, 0, 0, 0],
    );
}

#[test]
fn money_that_no_hold_is_about_is_told_by_no_event() {
    let fixture = Fixture::new();
    let mut watch = Watch::NEW;
    fixture.charge("ch_1", 1000, &[("created", "1772000000"), ("available_on", "1772000000")]);
    let told = ["charge payments 1000 of ch, available"];
    watch.step(&fixture, &["X>P.a 1000"], &told, &[], [0, 1000, 0, 0]);
    fixture.post("/v1/ledger/charges/ch_1", &[("fee", "30")]).ok();
    let told = ["stripe_fee payments 0 of ch, fee 30, available"];
    watch.step(&fixture, &["P.a>F 30"], &told, &[], [0, 970, 0, 0]);
    fixture.refund("re_1", "ch_1", 500);
    let told = ["refund payments -500 of re, available"];
    watch.step(&fixture, &["P.a>X 500"], &told, &[], [0, 470, 0, 0]);
    fixture.post("/v1/ledger/refunds/re_1", &[("status", "failed")]).ok();
    let told = ["refund_failure payments 500 of re, available"];
    watch.step(&fixture, &["X>P.a 500"], &told, &[], [0, 970, 0, 0]);
    let payout = [("id", "po_1"), ("amount", "970"), ("currency", "usd")];
    fixture.post("/v1/ledger/payouts", &payout).ok();
    let told = ["payout payments -970 of po, available"];
    watch.step(&fixture, &["P.a>B 970"], &told, &[], [0, 0, 0, 0]);
    fixture.post("/v1/ledger/payouts/po_1", &[("status", "paid")]).ok();
    watch.step(&fixture, &["B>X 970"], &[], &[], [0, 0, 0, 0]);
    fixture.post("/v1/ledger/payouts/po_1", &[("status", "failed")]).ok();
    let told = ["payout_failure payments 970 of po, available"];
    watch.step(&fixture, &["X>P.a 970"], &told, &[], [0, 970, 0, 0]);
}
