//! The five walks of the contract, posting by posting (reserves §12), and its documented figures.

use super::fixture::{DAY, Fixture, MARCH_1, march, text};
use serde_json::json;

#[test]
fn a_rolling_plan_and_a_partial_refund() {
    let fixture = Fixture::new();
    let plan = fixture.rolling(15, 30);
    let charge = fixture.charge("ch_1", 10_000, &[("fee", "320")]);
    assert_eq!((&charge["net"], &charge["available_on"]), (&json!(9680), &json!(march(3))));
    assert_eq!(fixture.postings(), ["X>P.p 10000", "P.p>F 320", "P.p>R.p 1452"]);
    assert_eq!(fixture.standing(), [8228, 0, 1452, 0]);
    let hold = fixture.list("/v1/reserve/holds", &[])[0].clone();
    let schedule = json!({ "release_after": null, "scheduled_release": 1_775_001_600 });
    assert_eq!((&hold["amount"], &hold["release_schedule"]), (&json!(1452), &schedule));
    assert_eq!((&hold["reason"], &hold["source_charge"]), (&json!("charge"), &json!("ch_1")));
    assert_eq!((&hold["reserve_plan"], &hold["created_by"]), (&plan["id"], &json!("application")));

    fixture.advance_to(march(3));
    assert_eq!(fixture.postings()[3..], ["P.p>P.a 8228", "R.p>R.a 1452"]);
    assert_eq!(fixture.standing(), [0, 8228, 0, 1452]);

    fixture.advance_to(march(10) + 3600);
    let refund = fixture.refund("re_1", "ch_1", 3000);
    assert_eq!(refund["drawn"], 1452);
    assert_eq!(fixture.postings()[5..], ["R.a>P.a 1452", "P.a>X 3000"]);
    assert_eq!(fixture.standing(), [0, 6680, 0, 0]);
    let release = fixture.list("/v1/reserve/releases", &[])[0].clone();
    assert_eq!((&release["reason"], &release["amount"]), (&json!("hold_reversed"), &json!(1452)));
    assert_eq!(release["source_transaction"], json!({ "refund": "re_1", "type": "refund" }));
    assert_eq!((&release["reserve_hold"], &release["reserve_plan"]), (&hold["id"], &json!(null)));
    let hold = fixture.get(&format!("/v1/reserve/holds/{}", text(&hold, "id")));
    assert_eq!((&hold["amount"], &hold["amount_releasable"]), (&json!(1452), &json!(0)));
    fixture.verify();
}

#[test]
fn a_dispute_larger_than_the_hold() {
    for (returned, fees) in [(true, 1500), (false, 0)] {
        let fixture = Fixture::new();
        fixture.rolling(15, 30);
        fixture.charge("ch_1", 10_000, &[("fee", "320")]);
        fixture.advance_to(march(3));
        let before = fixture.postings().len();
        let params = [("id", "du_1"), ("charge", "ch_1"), ("amount", "10000"), ("fee", "1500")];
        fixture.post("/v1/ledger/disputes", &params).ok();
        let expected = ["R.a>P.a 1452", "P.a>X 10000", "P.a>F 1500"];
        assert_eq!(fixture.postings()[before..], expected);
        assert_eq!(fixture.standing(), [0, -1820, 0, 0]);
        let release = &fixture.list("/v1/reserve/releases", &[])[0];
        assert_eq!(release["source_transaction"], json!({ "dispute": "du_1", "type": "dispute" }));
        let payout = [("id", "po_1"), ("amount", "1"), ("currency", "usd")];
        let error = fixture.post("/v1/ledger/payouts", &payout).refused(400);
        assert_eq!(error["code"], "balance_insufficient");

        let mut won = vec![("status", "won")];
        if returned {
            won.push(("fee_returned", "true"));
        }
        let dispute = fixture.post("/v1/ledger/disputes/du_1", &won).ok();
        assert_eq!(dispute["status"], "won");
        let mut expected = vec!["X>P.a 10000".to_owned()];
        if returned {
            expected.push("F>P.a 1500".to_owned());
        }
        assert_eq!(fixture.postings()[before + 3..], expected);
        assert_eq!(fixture.standing(), [0, 8180 + fees, 0, 0]);
        assert_eq!(fixture.list("/v1/reserve/holds", &[])[0]["amount_releasable"], 0);
        fixture.post("/v1/ledger/payouts", &payout).ok();
        fixture.verify();
    }
}

#[test]
fn a_lost_dispute_posts_nothing() {
    let fixture = Fixture::new();
    fixture.charge("ch_1", 10_000, &[]);
    let params = [("id", "du_1"), ("charge", "ch_1"), ("amount", "4000")];
    fixture.post("/v1/ledger/disputes", &params).ok();
    let (before, standing) = (fixture.postings(), fixture.standing());
    let lost = fixture.post("/v1/ledger/disputes/du_1", &[("status", "lost")]).ok();
    assert_eq!(lost["status"], "lost");
    assert_eq!((fixture.postings(), fixture.standing()), (before, standing));
    fixture.verify();
}

#[test]
fn a_plan_is_disabled_while_a_payout_is_in_flight() {
    let fixture = Fixture::new();
    let plan = fixture.rolling(10, 30);
    fixture.charge("ch_1", 30_000, &[]);
    fixture.advance_to(march(3));
    fixture.charge("ch_2", 5000, &[]);
    // 27000 are available; the walk has 20000.
    let spent = [("id", "po_0"), ("amount", "7000"), ("currency", "usd")];
    fixture.post("/v1/ledger/payouts", &spent).ok();
    assert_eq!(fixture.standing(), [4500, 20_000, 500, 3000]);
    let before = fixture.postings().len();
    let payout = [("id", "po_1"), ("amount", "20000"), ("currency", "usd")];
    fixture.post("/v1/ledger/payouts", &payout).ok();
    let path = format!("/v1/reserve/plans/{}/disable", text(&plan, "id"));
    assert_eq!(fixture.post(&path, &[]).ok()["status"], "disabled");
    fixture.server.run_jobs();
    let expected = ["P.a>B 20000", "R.a>P.a 3000", "R.p>P.p 500"];
    assert_eq!(fixture.postings()[before..], expected);
    let releases = fixture.list("/v1/reserve/releases", &[]);
    assert_eq!(releases.len(), 1);
    let release = &releases[0];
    assert_eq!((&release["reason"], &release["amount"]), (&json!("plan_disabled"), &json!(3500)));
    assert_eq!((&release["reserve_hold"], &release["reserve_plan"]), (&json!(null), &plan["id"]));
    fixture.post("/v1/ledger/payouts/po_1", &[("status", "failed")]).ok();
    assert_eq!(fixture.postings()[before + 3..], ["B>P.a 20000"]);
    assert_eq!(fixture.standing(), [5000, 23_000, 0, 0]);
    fixture.verify();
}

#[test]
fn two_plans_overlap() {
    let fixture = Fixture::new();
    let first = fixture.fixed(60, MARCH_1 + 30 * DAY);
    let second = fixture.rolling(60, 30);
    fixture.charge("ch_1", 10_000, &[("fee", "320")]);
    assert_eq!(fixture.postings()[2..], ["P.p>R.p 5808", "P.p>R.p 3872"]);
    assert_eq!(fixture.standing(), [0, 0, 9680, 0]);
    let holds = fixture.list("/v1/reserve/holds", &[]);
    assert_eq!((&holds[0]["reserve_plan"], &holds[0]["amount"]), (&second["id"], &json!(3872)));
    assert_eq!((&holds[1]["reserve_plan"], &holds[1]["amount"]), (&first["id"], &json!(5808)));
    fixture.refund("re_1", "ch_1", 6000);
    let releases = fixture.list("/v1/reserve/releases", &[]);
    let drawn: Vec<_> =
        releases.iter().map(|each| (&each["reserve_hold"], &each["amount"])).collect();
    let expected = [(&holds[0]["id"], &json!(192)), (&holds[1]["id"], &json!(5808))];
    assert_eq!(drawn, expected);
    let refund = json!({ "refund": "re_1", "type": "refund" });
    assert!(releases.iter().all(|each| each["source_transaction"] == refund));
    assert_eq!(fixture.postings()[4..], ["R.p>P.p 5808", "R.p>P.p 192", "P.p>X 6000"]);
    fixture.verify();
}

#[test]
fn three_days_down_across_a_fixed_plans_date() {
    let directory = tempfile::TempDir::new().unwrap();
    let data = directory.path().join("data");
    let fixture = Fixture::with(coffer_testkit::TestServer::builder().data_dir(&data));
    // The plan's date is 10 March, any time of the day: 11 March, 00:00.
    let plan = fixture.fixed(10, march(10) + 3600);
    let available = (march(3)).to_string();
    fixture.charge("ch_1", 50_000, &[("available_on", &available)]);
    fixture.advance_to(march(4));
    fixture.advance_to(march(9) + 19 * 3600);
    let available = march(10).to_string();
    fixture.charge("ch_2", 10_000, &[("available_on", &available)]);
    assert_eq!(fixture.standing(), [9000, 45_000, 1000, 5000]);
    let before = fixture.postings().len();

    let now = march(12) + 9 * 3600;
    let fixture = fixture.restarted_at(now);
    fixture.server.run_jobs();
    let expected = ["P.p>P.a 9000", "R.p>R.a 1000", "R.a>P.a 6000"];
    assert_eq!(fixture.postings()[before..], expected);
    let releases = fixture.list("/v1/reserve/releases", &[]);
    assert_eq!(releases.len(), 1);
    assert_eq!(releases[0]["reason"], "hold_expired");
    assert_eq!(releases[0]["reserve_plan"], plan["id"]);
    // When it was really released, not when it should have been.
    assert_eq!(releases[0]["released_at"], now);
    let path = format!("/v1/reserve/plans/{}", text(&plan, "id"));
    assert_eq!(fixture.get(&path)["status"], "expired");
    // Charges of those days that are told late make no hold.
    for (id, created) in [("ch_3", march(10) + 7200), ("ch_4", march(11) + 7200)] {
        fixture.charge(id, 1000, &[("created", &created.to_string())]);
    }
    assert_eq!(fixture.list("/v1/reserve/holds", &[]).len(), 2);
    fixture.verify();
}

#[test]
fn a_quarter_of_a_hundred_dollars_less_the_application_fee_is_twenty() {
    let fixture = Fixture::new();
    fixture.rolling(25, 30);
    fixture.charge("ch_1", 10_000, &[("application_fee", "2000")]);
    assert_eq!(fixture.list("/v1/reserve/holds", &[])[0]["amount"], 2000);
    assert_eq!(fixture.standing(), [6000, 0, 2000, 0]);
}

#[test]
fn two_charges_of_96_80_at_15_percent_give_29_04_in_one_release() {
    let fixture = Fixture::new();
    let plan = fixture.rolling(15, 30);
    fixture.charge("ch_1", 10_000, &[("fee", "320")]);
    fixture.charge("ch_2", 10_000, &[("fee", "320")]);
    fixture.post(&format!("/v1/reserve/plans/{}/disable", text(&plan, "id")), &[]).ok();
    fixture.server.run_jobs();
    let releases = fixture.list("/v1/reserve/releases", &[]);
    assert_eq!(releases.len(), 1);
    assert_eq!(
        (&releases[0]["amount"], &releases[0]["reserve_hold"]),
        (&json!(2904), &json!(null))
    );
    assert_eq!(releases[0]["created_by"], "stripe");
    assert!(releases[0].get("source_transaction").is_none());
    for hold in fixture.list("/v1/reserve/holds", &[]) {
        let detail = json!([{ "amount": 1452, "reserve_release": releases[0]["id"] }]);
        assert_eq!((&hold["release_details"], &hold["is_releasable"]), (&detail, &json!(false)));
    }
    fixture.verify();
}

#[test]
fn money_is_released_at_the_midnight_after_its_date() {
    // The documented examples, and midnight itself, which moves a whole day (reserves §3.3).
    for (after, scheduled) in [
        (1_755_972_386, 1_755_993_600),
        (1_758_588_150, 1_758_672_000),
        (1_755_993_600, 1_756_080_000),
    ] {
        let fixture = Fixture::at(coffer_testkit::TestServer::builder(), after - 30 * DAY);
        let hold = fixture.hold(1000, after);
        let schedule = json!({ "release_after": after, "scheduled_release": scheduled });
        assert_eq!(hold["release_schedule"], schedule);
        let plan = fixture.fixed(10, after);
        assert_eq!(plan["fixed_release"], schedule);
    }
}
