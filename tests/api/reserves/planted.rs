//! Differences between the books and the processor that are planted over accounts and currencies.

use super::fixture::{Fixture, MARCH_1, text};
use super::pages::{listed, page};
use coffer_testkit::Client;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const CURRENCIES: [&str; 4] = ["eur", "jpy", "kwd", "usd"];

/// Transactions of each currency on an account's page.
const EACH: i64 = 20;

/// What is wrong with a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wrong {
    /// The ledger lacks it.
    HereNot,
    /// The processor lacks it.
    ThereNot,
    /// The processor has another fee.
    Fee,
    /// The processor has it in another currency.
    Currency,
}

/// Twenty, of five accounts, in four currencies. The third account has none, the last one only one.
const PLANTED: [(usize, usize, i64, Wrong); 20] = [
    (0, 0, 3, Wrong::HereNot),
    (0, 0, 4, Wrong::HereNot),
    (0, 1, 2, Wrong::ThereNot),
    (0, 1, 19, Wrong::Fee),
    (0, 3, 7, Wrong::Fee),
    (1, 0, 1, Wrong::ThereNot),
    (1, 1, 2, Wrong::HereNot),
    (1, 2, 3, Wrong::Fee),
    (1, 3, 4, Wrong::Currency),
    (1, 3, 9, Wrong::HereNot),
    (3, 0, 5, Wrong::Fee),
    (3, 0, 6, Wrong::ThereNot),
    (3, 0, 7, Wrong::HereNot),
    (3, 1, 8, Wrong::ThereNot),
    (3, 1, 9, Wrong::ThereNot),
    (3, 2, 10, Wrong::Currency),
    (3, 2, 11, Wrong::Fee),
    (3, 3, 12, Wrong::HereNot),
    (3, 3, 13, Wrong::Fee),
    (4, 2, 14, Wrong::HereNot),
];

fn net(of: &Value) -> i64 {
    of["amount"].as_i64().unwrap() - of["fee"].as_i64().unwrap()
}

/// Each side's transactions of one account.
fn sides(account: usize) -> [Vec<Value>; 2] {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for (place, currency) in CURRENCIES.into_iter().enumerate() {
        for n in 0..EACH {
            let id = format!("txn_{account}_{currency}_{n:02}");
            let mut each = listed(&id, "charge", 1000 + 7 * n, &json!(format!("ch_{id}")));
            each["currency"] = json!(currency);
            each["created"] = json!(MARCH_1 - 3600 + n);
            let wrong = PLANTED.iter().find(|it| (it.0, it.1, it.2) == (account, place, n));
            let mut other = each.clone();
            match wrong.map(|it| it.3) {
                Some(Wrong::Fee) => {
                    (other["fee"], other["net"]) = (json!(3), json!(net(&each) - 3))
                }
                Some(Wrong::Currency) => other["currency"] = json!(CURRENCIES[(place + 1) % 4]),
                _ => {}
            }
            if wrong.is_none_or(|it| it.3 != Wrong::HereNot) {
                ours.push(each);
            }
            if wrong.is_none_or(|it| it.3 != Wrong::ThereNot) {
                theirs.push(other);
            }
        }
    }
    [ours, theirs]
}

fn sums(of: &[Value]) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for each in of {
        *sums.entry(text(each, "currency")).or_default() += net(each);
    }
    sums
}

/// Compares an account's books with the processor's balance and page.
fn reconcile(client: &Client, theirs: &[Value]) -> Value {
    let mut params = vec![("page".to_owned(), page(theirs))];
    for (at, (currency, amount)) in sums(theirs).into_iter().enumerate() {
        params.push((format!("pending[{at}][currency]"), currency));
        params.push((format!("pending[{at}][amount]"), amount.to_string()));
    }
    let params: Vec<_> = params.iter().map(|(name, value)| (&**name, &**value)).collect();
    client.post("/v1/ledger/reconciliations", &params).ok()
}

#[test]
fn differences_are_named_by_account_currency_and_transaction_and_nothing_else_is() {
    let fixture = Fixture::new();
    let mut found = 0;
    for account in 0..5 {
        let (_, client) = fixture.server.connected(&fixture.app);
        let [ours, theirs] = sides(account);
        client.post("/v1/ledger/transactions/import", &[("page", &page(&ours))]).ok();
        let told = reconcile(&client, &theirs);
        let of = |check: &str| -> Vec<Value> {
            let all = told["differences"].as_array().unwrap().iter();
            all.filter(|each| each["check"] == check).cloned().collect()
        };
        let named: BTreeSet<String> =
            of("transaction").iter().map(|each| text(each, "transaction")).collect();
        let planted = PLANTED.iter().filter(|it| it.0 == account);
        let expected: BTreeSet<String> = planted
            .map(|(_, place, n, _)| format!("txn_{account}_{}_{n:02}", CURRENCIES[*place]))
            .collect();
        assert_eq!(named, expected, "{account}");
        found += named.len();
        let (mine, yours) = (sums(&ours), sums(&theirs));
        let totals: Vec<_> = of("total")
            .iter()
            .map(|each| (text(each, "currency"), each["difference"].as_i64().unwrap()))
            .collect();
        let differ = CURRENCIES.iter().map(|it| (it.to_string(), yours[*it] - mine[*it]));
        assert_eq!(totals, differ.filter(|(_, by)| *by != 0).collect::<Vec<_>>(), "{account}");
        assert_eq!(told["matches"], expected.is_empty(), "{told}");
        let others = ["pool", "available"].map(|check| of(check).len());
        assert_eq!(others, [0, 0], "{told}");
    }
    assert_eq!(found, PLANTED.len());
    fixture.verify();
}
