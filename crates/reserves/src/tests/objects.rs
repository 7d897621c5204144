//! The parameters of the operations on plans, holds and releases, and what counts as a caller's
//! release.

use super::books::{Act, Books, NOW, owner};
use crate::Settings;
use crate::model::release::{Allocation, Reason, Release, ReleaseReason};
use crate::operations::{holds, plans, releases};
use crate::rules::release::release;
use crate::store::{hold as holds_store, release as store};
use coffer_base::{Random, TestRandom};
use coffer_dialect::{ApiError, Params};
use coffer_kernel::{Arguments, Failure, PagePosition, WriteOperation, event::Cause};
use coffer_ledger::LedgerTx;
use coffer_storage::{StorageError, Tx, Work};

fn parsed<O: WriteOperation>(operation: &O, query: &str) -> Result<O::Input, ApiError> {
    let params = Params::decode(Some(query), b"").unwrap();
    operation.parse(&Arguments { params: &params, path: &["x_1".to_owned()] })
}

/// The code and the parameter of a refusal.
fn refused<O: WriteOperation>(operation: &O, query: &str) -> (Option<String>, Option<String>) {
    let Err(error) = parsed(operation, query) else { panic!("{query} is not refused") };
    assert_eq!(error.status(), 400);
    (error.code().map(str::to_owned), error.param().map(str::to_owned))
}

fn missing(param: &str) -> (Option<String>, Option<String>) {
    (Some("parameter_missing".to_owned()), Some(param.to_owned()))
}

#[test]
fn a_holds_parameters_are_checked_in_their_order() {
    let hold = holds::Create { settings: Settings::default() };
    let usd = "amount=5&currency=usd";
    let dated = format!("{usd}&release_schedule[release_after]=1775001600");
    assert_eq!(refused(&hold, "source_type=cash"), missing("amount"));
    assert_eq!(refused(&hold, "amount=5"), missing("currency"));
    assert_eq!(refused(&hold, usd), missing("release_schedule"));
    let unknown = Some("parameter_unknown".to_owned());
    let strange = format!("{dated}&release_schedule[scheduled_release]=5");
    assert_eq!(refused(&hold, &strange).0, unknown);
    let source = (None, Some("source_type".to_owned()));
    assert_eq!(refused(&hold, &format!("{dated}&source_type=cash")), source);
    assert!(parsed(&hold, &dated).is_ok());
    assert!(parsed(&holds::Update, "").is_ok());
    assert_eq!(refused(&holds::Update, "amount=5").0, unknown);
}

#[test]
fn a_plan_has_the_block_of_its_type_and_no_other() {
    let rolling = "percent=5&type=rolling_release";
    let days = format!("{rolling}&rolling_release[days_after_charge]=30");
    let fixed = "percent=5&type=fixed_release";
    let date = "fixed_release[release_after]=1775001600";
    let create = &plans::Create;
    assert_eq!(refused(create, "type=weekly"), missing("percent"));
    assert_eq!(refused(create, "percent=5"), missing("type"));
    assert_eq!(refused(create, fixed), missing("fixed_release"));
    assert_eq!(refused(create, rolling), missing("rolling_release"));
    let field = missing("rolling_release[days_after_charge]");
    assert_eq!(refused(create, &format!("{rolling}&rolling_release[expires_on]=5")), field);
    for other in [
        format!("{days}&{date}"),
        format!("percent=5&type=manual_release&{date}"),
        // Without its own block too, the error names the unexpected one.
        format!("{rolling}&{date}"),
    ] {
        let unexpected = (Some("parameter_unknown".to_owned()), Some("fixed_release".to_owned()));
        assert_eq!(refused(create, &other), unexpected, "{other}");
    }
    for fine in [days, format!("{fixed}&{date}"), "percent=100&type=manual_release".into()] {
        assert!(parsed(create, &fine).is_ok(), "{fine}");
    }
    assert!(parsed(&plans::Disable, "").is_ok());
    assert_eq!(refused(&plans::Disable, "percent=5").0.as_deref(), Some("parameter_unknown"));
}

#[test]
fn a_plans_figures_have_bounds() {
    let bounded = |param: &str, query: String, text: &str| {
        let Err(error) = parsed(&plans::Update, &query) else { panic!("{query} is not refused") };
        assert_eq!(error.code(), Some("parameter_invalid_integer"), "{query}");
        assert_eq!(error.param(), Some(param), "{query}");
        assert!(error.message().contains(text), "{query}: {}", error.message());
    };
    let (less, greater) = ("less than or equal to", "greater than or equal to");
    let (days, ends) = ("rolling_release[days_after_charge]", "rolling_release[expires_on]");
    for (param, value, text) in [
        ("percent", "0", greater),
        ("percent", "101", less),
        (days, "2", greater),
        (days, "181", less),
        (ends, "-1", greater),
        (ends, "253402300800", less),
    ] {
        bounded(param, format!("{param}={value}"), text);
    }
    // Parameters are checked in their order, those of a block too.
    bounded(days, format!("{ends}=-1&{days}=2"), greater);
    for fine in ["3", "180"] {
        assert!(parsed(&plans::Update, &format!("{days}={fine}")).is_ok(), "{fine}");
    }
    assert!(parsed(&plans::Update, &format!("{ends}=")).is_ok());
    assert!(parsed(&plans::Update, "percent=1").is_ok());
}

#[test]
fn a_release_names_its_hold_and_an_update_its_metadata() {
    assert_eq!(refused(&releases::Create, "amount=0"), missing("reserve_hold"));
    let amount = (Some("parameter_invalid_integer".to_owned()), Some("amount".to_owned()));
    assert_eq!(refused(&releases::Create, "reserve_hold=reshold_1&amount=0"), amount);
    assert!(parsed(&releases::Create, "reserve_hold=reshold_1").is_ok());
    assert_eq!(refused(&releases::Update, ""), missing("metadata"));
    assert!(parsed(&releases::Update, "metadata=").is_ok());
}

/// A caller releases 1 of the only hold; what counts is how many releases callers made of it.
struct ReleaseOne;

impl Work for ReleaseOne {
    type Out = i64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, StorageError> {
        let (owner, random) = (owner("acct_one"), TestRandom::seeded(9));
        let (now, random): (_, &dyn Random) = (NOW, &random);
        let cause = Cause { request: None, idempotency_key: None, now, random, listeners: &[] };
        let mut ledger = LedgerTx::begin(tx, &owner, cause).await?;
        let hold = holds_store::of_charge(ledger.tx, &owner, "ch_1").await?.remove(0);
        let (seq, part) = (hold.seq, Allocation { hold, amount: 1 });
        match release(&mut ledger, &[part], ReleaseReason::of(Reason::HoldReleasedEarly)).await {
            Ok(_) => {}
            Err(Failure::Storage(error)) => return Err(error),
            Err(Failure::Refused(error)) => panic!("{error:?}"),
        }
        let count = store::count_by_callers(ledger.tx, &owner, seq).await?;
        ledger.finish();
        Ok(count)
    }
}

#[tokio::test]
async fn what_refunds_consume_is_no_release_by_a_caller() {
    let books = Books::open().await;
    let refund = |id| Act::Refund(id, "ch_1", 10);
    books.all(&[Act::Plan(15), Act::Charge("ch_1", 10_000, None)]).await;
    books.all(&[refund("re_1"), refund("re_2"), refund("re_3")]).await;
    assert_eq!(books.store.write(ReleaseOne).await.unwrap(), 1);
    books.check().await;
    // All four are releases of the hold, whoever made them.
    let filter = store::Filter { currency: None, hold: None, plan: None };
    let first = PagePosition { seq: i64::MAX, newer: false, fetch: 100 };
    let all: Vec<Release> =
        coffer_ledger::page(&books.store, &owner("acct_one"), first, &filter).await.unwrap();
    let by_callers = all.iter().filter(|each| each.reason.is_by_caller()).count();
    assert_eq!((all.len(), by_callers), (4, 1));
}
