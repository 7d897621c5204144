//! The five walks of the contract, posting by posting (reserves §12), and its documented figures.

use super::world::{DAY, MARCH_1, World, march, text};
use serde_json::json;

#[test]
fn a_rolling_plan_and_a_partial_refund() {
    let world = World::new();
    let plan = world.rolling(15, 30);
    let charge = world.charge("ch_1", 10_000, &[("fee", "320")]);
    assert_eq!((&charge["net"], &charge["available_on"]), (&json!(9680), &json!(march(3))));
    assert_eq!(world.postings(), ["X>P.p 10000", "P.p>F 320", "P.p>R.p 1452"]);
    assert_eq!(world.standing(), [8228, 0, 1452, 0]);
    let hold = world.list("/v1/reserve/holds", &[])[0].clone();
    let schedule = json!({ "release_after": null, "scheduled_release": 1_775_001_600 });
    assert_eq!((&hold["amount"], &hold["release_schedule"]), (&json!(1452), &schedule));
    assert_eq!((&hold["reason"], &hold["source_charge"]), (&json!("charge"), &json!("ch_1")));
    assert_eq!((&hold["reserve_plan"], &hold["created_by"]), (&plan["id"], &json!("application")));

    world.advance_to(march(3));
    assert_eq!(world.postings()[3..], ["P.p>P.a 8228", "R.p>R.a 1452"]);
    assert_eq!(world.standing(), [0, 8228, 0, 1452]);

    world.advance_to(march(10) + 3600);
    let refund = world.refund("re_1", "ch_1", 3000);
    assert_eq!(refund["drawn"], 1452);
    assert_eq!(world.postings()[5..], ["R.a>P.a 1452", "P.a>X 3000"]);
    assert_eq!(world.standing(), [0, 6680, 0, 0]);
    let release = world.list("/v1/reserve/releases", &[])[0].clone();
    assert_eq!((&release["reason"], &release["amount"]), (&json!("hold_reversed"), &json!(1452)));
    assert_eq!(release["source_transaction"], json!({ "refund": "re_1", "type": "refund" }));
    assert_eq!((&release["reserve_hold"], &release["reserve_plan"]), (&hold["id"], &json!(null)));
    let hold = world.get(&format!("/v1/reserve/holds/{}", text(&hold, "id")));
    assert_eq!((&hold["amount"], &hold["amount_releasable"]), (&json!(1452), &json!(0)));
    world.verify();
}

#[test]
fn a_dispute_larger_than_the_hold() {
    for (returned, fees) in [(true, 1500), (false, 0)] {
        let world = World::new();
        world.rolling(15, 30);
        world.charge("ch_1", 10_000, &[("fee", "320")]);
        world.advance_to(march(3));
        let before = world.postings().len();
        let params = [("id", "du_1"), ("charge", "ch_1"), ("amount", "10000"), ("fee", "1500")];
        world.post("/v1/ledger/disputes", &params).ok();
        let expected = ["R.a>P.a 1452", "P.a>X 10000", "P.a>F 1500"];
        assert_eq!(world.postings()[before..], expected);
        assert_eq!(world.standing(), [0, -1820, 0, 0]);
        let release = &world.list("/v1/reserve/releases", &[])[0];
        assert_eq!(release["source_transaction"], json!({ "dispute": "du_1", "type": "dispute" }));
        let payout = [("id", "po_1"), ("amount", "1"), ("currency", "usd")];
        let error = world.post("/v1/ledger/payouts", &payout).refused(400);
        assert_eq!(error["code"], "balance_insufficient");

        let mut won = vec![("status", "won")];
        if returned {
            won.push(("fee_returned", "true"));
        }
        let dispute = world.post("/v1/ledger/disputes/du_1", &won).ok();
        assert_eq!(dispute["status"], "won");
        let mut expected = vec!["X>P.a 10000".to_owned()];
        if returned {
            expected.push("F>P.a 1500".to_owned());
        }
        assert_eq!(world.postings()[before + 3..], expected);
        assert_eq!(world.standing(), [0, 8180 + fees, 0, 0]);
        assert_eq!(world.list("/v1/reserve/holds", &[])[0]["amount_releasable"], 0);
        world.post("/v1/ledger/payouts", &payout).ok();
        world.verify();
    }
}

#[test]
fn a_lost_dispute_posts_nothing() {
    let world = World::new();
    world.charge("ch_1", 10_000, &[]);
    let params = [("id", "du_1"), ("charge", "ch_1"), ("amount", "4000")];
    world.post("/v1/ledger/disputes", &params).ok();
    let (before, standing) = (world.postings(), world.standing());
    let lost = world.post("/v1/ledger/disputes/du_1", &[("status", "lost")]).ok();
    assert_eq!(lost["status"], "lost");
    assert_eq!((world.postings(), world.standing()), (before, standing));
    world.verify();
}

#[test]
fn a_plan_is_disabled_while_a_payout_is_in_flight() {
    let world = World::new();
    let plan = world.rolling(10, 30);
    world.charge("ch_1", 30_000, &[]);
    world.advance_to(march(3));
    world.charge("ch_2", 5000, &[]);
    // 27000 are available; the walk has 20000.
    let spent = [("id", "po_0"), ("amount", "7000"), ("currency", "usd")];
    world.post("/v1/ledger/payouts", &spent).ok();
    assert_eq!(world.standing(), [4500, 20_000, 500, 3000]);
    let before = world.postings().len();
    let payout = [("id", "po_1"), ("amount", "20000"), ("currency", "usd")];
    world.post("/v1/ledger/payouts", &payout).ok();
    let path = format!("/v1/reserve/plans/{}/disable", text(&plan, "id"));
    assert_eq!(world.post(&path, &[]).ok()["status"], "disabled");
    world.server.run_jobs();
    let expected = ["P.a>B 20000", "R.a>P.a 3000", "R.p>P.p 500"];
    assert_eq!(world.postings()[before..], expected);
    let releases = world.list("/v1/reserve/releases", &[]);
    assert_eq!(releases.len(), 1);
    let release = &releases[0];
    assert_eq!((&release["reason"], &release["amount"]), (&json!("plan_disabled"), &json!(3500)));
    assert_eq!((&release["reserve_hold"], &release["reserve_plan"]), (&json!(null), &plan["id"]));
    world.post("/v1/ledger/payouts/po_1", &[("status", "failed")]).ok();
    assert_eq!(world.postings()[before + 3..], ["B>P.a 20000"]);
    assert_eq!(world.standing(), [5000, 23_000, 0, 0]);
    world.verify();
}

#[test]
fn two_plans_overlap() {
    let world = World::new();
    let first = world.fixed(60, MARCH_1 + 30 * DAY);
    let second = world.rolling(60, 30);
    world.charge("ch_1", 10_000, &[("fee", "320")]);
    assert_eq!(world.postings()[2..], ["P.p>R.p 5808", "P.p>R.p 3872"]);
    assert_eq!(world.standing(), [0, 0, 9680, 0]);
    let holds = world.list("/v1/reserve/holds", &[]);
    assert_eq!((&holds[0]["reserve_plan"], &holds[0]["amount"]), (&second["id"], &json!(3872)));
    assert_eq!((&holds[1]["reserve_plan"], &holds[1]["amount"]), (&first["id"], &json!(5808)));
    world.refund("re_1", "ch_1", 6000);
    let releases = world.list("/v1/reserve/releases", &[]);
    let drawn: Vec<_> =
        releases.iter().map(|each| (&each["reserve_hold"], &each["amount"])).collect();
    let expected = [(&holds[0]["id"], &json!(192)), (&holds[1]["id"], &json!(5808))];
    assert_eq!(drawn, expected);
    let refund = json!({ "refund": "re_1", "type": "refund" });
    assert!(releases.iter().all(|each| each["source_transaction"] == refund));
    assert_eq!(world.postings()[4..], ["R.p>P.p 5808", "R.p>P.p 192", "P.p>X 6000"]);
    world.verify();
}

#[test]
fn three_days_down_across_a_fixed_plans_date() {
    let directory = tempfile::TempDir::new().unwrap();
    let data = directory.path().join("data");
    let world = World::with(coffer_testkit::TestServer::builder().data_dir(&data));
    // The plan's date is 10 March, any time of the day: 11 March, 00:00.
    let plan = world.fixed(10, march(10) + 3600);
    let available = (march(3)).to_string();
    world.charge("ch_1", 50_000, &[("available_on", &available)]);
    world.advance_to(march(4));
    world.advance_to(march(9) + 19 * 3600);
    let available = march(10).to_string();
    world.charge("ch_2", 10_000, &[("available_on", &available)]);
    assert_eq!(world.standing(), [9000, 45_000, 1000, 5000]);
    let before = world.postings().len();

    let now = march(12) + 9 * 3600;
    let world = world.restarted_at(now);
    world.server.run_jobs();
    let expected = ["P.p>P.a 9000", "R.p>R.a 1000", "R.a>P.a 6000"];
    assert_eq!(world.postings()[before..], expected);
    let releases = world.list("/v1/reserve/releases", &[]);
    assert_eq!(releases.len(), 1);
    assert_eq!(releases[0]["reason"], "hold_expired");
    assert_eq!(releases[0]["reserve_plan"], plan["id"]);
    // When it was really released, not when it should have been.
    assert_eq!(releases[0]["released_at"], now);
    let path = format!("/v1/reserve/plans/{}", text(&plan, "id"));
    assert_eq!(world.get(&path)["status"], "expired");
    // Charges of those days that are told late make no hold.
    for (id, created) in [("ch_3", march(10) + 7200), ("ch_4", march(11) + 7200)] {
        world.charge(id, 1000, &[("created", &created.to_string())]);
    }
    assert_eq!(world.list("/v1/reserve/holds", &[]).len(), 2);
    world.verify();
}

#[test]
fn a_quarter_of_a_hundred_dollars_less_the_application_fee_is_twenty() {
    let world = World::new();
    world.rolling(25, 30);
    world.charge("ch_1", 10_000, &[("application_fee", "2000")]);
    assert_eq!(world.list("/v1/reserve/holds", &[])[0]["amount"], 2000);
    assert_eq!(world.standing(), [6000, 0, 2000, 0]);
}

#[test]
fn two_charges_of_96_80_at_15_percent_give_29_04_in_one_release() {
    let world = World::new();
    let plan = world.rolling(15, 30);
    world.charge("ch_1", 10_000, &[("fee", "320")]);
    world.charge("ch_2", 10_000, &[("fee", "320")]);
    world.post(&format!("/v1/reserve/plans/{}/disable", text(&plan, "id")), &[]).ok();
    world.server.run_jobs();
    let releases = world.list("/v1/reserve/releases", &[]);
    assert_eq!(releases.len(), 1);
    assert_eq!(
        (&releases[0]["amount"], &releases[0]["reserve_hold"]),
        (&json!(2904), &json!(null))
    );
    assert_eq!(releases[0]["created_by"], "stripe");
    assert!(releases[0].get("source_transaction").is_none());
    for hold in world.list("/v1/reserve/holds", &[]) {
        let detail = json!([{ "amount": 1452, "reserve_release": releases[0]["id"] }]);
        assert_eq!((&hold["release_details"], &hold["is_releasable"]), (&detail, &json!(false)));
    }
    world.verify();
}

#[test]
fn money_is_released_at_the_midnight_after_its_date() {
    // The documented examples, and midnight itself, which moves a whole day (reserves §3.3).
    for (after, scheduled) in [
        (1_755_972_386, 1_755_993_600),
        (1_758_588_150, 1_758_672_000),
        (1_755_993_600, 1_756_080_000),
    ] {
        let world = World::at(coffer_testkit::TestServer::builder(), after - 30 * DAY);
        let hold = world.hold(1000, after);
        let schedule = json!({ "release_after": after, "scheduled_release": scheduled });
        assert_eq!(hold["release_schedule"], schedule);
        let plan = world.fixed(10, after);
        assert_eq!(plan["fixed_release"], schedule);
    }
}
