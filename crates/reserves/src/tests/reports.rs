//! Reports on ledgers that have a long past.

use super::books::{Act, Books, NOW, owner};
use crate::reports::report::{AsOf, of_account};

/// A plan without a date that holds one unit, as often as this.
const PLANS: i64 = 1205;

#[tokio::test]
async fn what_many_plans_hold_is_reported_whole() {
    let books = Books::open().await;
    books.all(&[Act::Charge("ch_1", 1000, None)]).await;
    books
        .raw(
            "INSERT INTO ledger_figure_at (mode, platform, account, figure, currency, item, at, \
             amount) SELECT mode, platform, account, 2, 'usd', n.i, last_at, 1 FROM ledger \
             JOIN (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
             WHERE i < 1205) SELECT i FROM n) AS n ON account = 'acct_one'",
        )
        .await
        .unwrap();
    let moment = AsOf { today: NOW, window_days: 120 };
    let found = of_account(&books.store, &owner("acct_one"), &moment).await.unwrap();
    let figures = found.values().next().unwrap();
    assert_eq!((figures.undated, figures.exposure), (PLANS, 1000));
}
