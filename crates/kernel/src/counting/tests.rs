//! Counting stored responses of a database, and dropping the oldest.

use super::*;
use crate::principal::{Credentials, Evidence, Principal};
use crate::store::{FEW_RECORDS_OF_APP, MIGRATIONS, Record, insert_record};
use crate::usage::{Amount, BYTES, USAGE};
use coffer_base::{AccountId, AppId, Tenant, Timestamp};
use coffer_dialect::ApiError;
use coffer_storage::{Options, Query, Tx, Work};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

/// Knows that `app_many` has a quota of 1000 stored responses, and no keys.
struct OneQuota;

impl Authenticate for OneQuota {
    fn authenticate<'a>(
        &'a self,
        _credentials: &'a Credentials<'a>,
    ) -> BoxFuture<'a, Result<Arc<Principal>, ApiError>> {
        Box::pin(async { Err(ApiError::internal("nobody calls")) })
    }

    fn quota_of_app<'a>(
        &'a self,
        app: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<i64>, StorageError>> {
        let own = (app == "app_many" && name == "stored_responses").then_some(1000);
        Box::pin(async move { Ok(own) })
    }

    fn evidence(&self, _principal: &Principal) -> Vec<(Evidence, Query)> {
        Vec::new()
    }
}

/// Stored responses of one app for two accounts in turn, a second apart.
struct Fill {
    app: &'static str,
    mode: Mode,
    responses: u32,
}

impl Work for Fill {
    type Out = ();

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        for number in 0..self.responses {
            let account = if number % 2 == 0 { "acct_1" } else { "acct_2" };
            let tenant = Tenant {
                mode: self.mode,
                app: AppId::parse(self.app).unwrap(),
                account: AccountId::parse(account).unwrap(),
            };
            let record = Record {
                operation: "x".into(),
                parameters: vec![],
                request: "req".into(),
                response: vec![7; 10],
            };
            let at = NOW.plus(i64::from(number));
            insert_record(tx, &tenant, &number.to_be_bytes(), record, at);
        }
        Ok(())
    }
}

async fn filled() -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.db");
    let (store, _) = Store::open_sqlite(&path, &[MIGRATIONS], NOW, Options::default()).unwrap();
    // More than one statement reads.
    store.write(Fill { app: "app_many", mode: Mode::Test, responses: 4200 }).await.unwrap();
    store.write(Fill { app: "app_many", mode: Mode::Live, responses: 3 }).await.unwrap();
    store.write(Fill { app: "app_few", mode: Mode::Test, responses: 20 }).await.unwrap();
    (directory, store)
}

fn sorted(counted: &Counted) -> Vec<(&str, Mode, &[i64])> {
    let mut all: Vec<_> = counted.all().map(|(mode, app, held)| (app, mode, held)).collect();
    all.sort();
    all
}

fn job(amounts: Vec<Amount>, counts: Vec<CountedTable>) -> CountUsage {
    CountUsage::new(counts, Arc::new(Usages::new(amounts)), Arc::new(OneQuota))
}

#[tokio::test]
async fn a_walk_in_parts_finds_what_each_app_keeps() {
    let (_directory, store) = filled().await;
    let named = |name| Amount { quota: crate::Quota { name, ..BYTES.quota }, ..BYTES };
    let [table] = USAGE.counts else { panic!("one table") };
    let adds = &[
        ("bytes", Measure::Sizes),
        ("rows", Measure::Rows),
        ("accounts", Measure::Groups(3)),
        ("unknown", Measure::Rows),
    ];
    // The same table twice adds twice.
    let twice = vec![CountedTable { adds, ..*table }; 2];
    let job = job(vec![named("accounts"), named("bytes"), named("rows")], twice);
    let mut passes = 1;
    let counted = loop {
        if let Some(counted) = job.walk(&store, 1).await.unwrap() {
            break counted;
        }
        assert_eq!(job.every().as_secs(), limits::COUNT_GOES_ON_SECONDS);
        passes += 1;
    };
    // Three statements for each table, and a pass that finds no table left.
    assert_eq!(passes, 7);
    assert_eq!(job.every().as_secs(), limits::COUNT_EVERY_SECONDS);
    let expected: [(&str, Mode, &[i64]); 3] = [
        ("app_few", Mode::Test, &[4, 400, 40]),
        ("app_many", Mode::Test, &[4, 84_000, 8400]),
        ("app_many", Mode::Live, &[4, 60, 6]),
    ];
    assert_eq!(sorted(&counted), expected);
    let again = job.walk(&store, 100).await.unwrap().unwrap();
    assert_eq!(sorted(&again), expected, "a walk begins with nothing");
}

async fn kept(store: &Store, app: &str) -> (i64, i64) {
    let sql = "SELECT count(*), min(created) FROM idempotency_record WHERE mode = 0 AND app = ?";
    let rows = store.query_part(sql, &values![app]).await.unwrap();
    (rows[0].int(0).unwrap(), rows[0].int(1).unwrap() - NOW.unix())
}

#[tokio::test]
async fn the_oldest_responses_of_an_app_go_first() {
    for sorts in [true, false] {
        let (_directory, store) = filled().await;
        let [bytes, responses] = USAGE.amounts else { panic!("two amounts") };
        let mut responses = *responses;
        if let (Beyond::Drop { many, .. }, false) = (responses.beyond, sorts) {
            let many_instead = |_: &Store| FEW_RECORDS_OF_APP;
            responses.beyond = Beyond::Drop { few: many(&store), many: many_instead };
        }
        let job = job(vec![*bytes, responses], USAGE.counts.to_vec());
        let counted = job.walk(&store, 100).await.unwrap().unwrap();
        assert_eq!(job.drop_oldest(&store, &counted).await.unwrap(), 3200);
        assert_eq!(kept(&store, "app_many").await, (1000, 3200), "sorts: {sorts}");
        assert_eq!(kept(&store, "app_few").await, (20, 0));
        let counted = job.walk(&store, 100).await.unwrap().unwrap();
        assert_eq!(job.drop_oldest(&store, &counted).await.unwrap(), 0);
    }
}
