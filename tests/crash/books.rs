//! Rounds of load on ledgers, and SIGKILL: what was acknowledged is in the books once, and the
//! books are right.

use crate::kill::Answers;
use crate::kill_rounds::{Ending, Fixture};
use crate::process::Program;
use crate::rng::Rng;
use coffer::family_set::FamilySet;
use coffer_base::{Clock, SystemClock};
use coffer_storage::Store;
use coffer_testkit::{Answer, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const CALLERS: usize = 4;
const ROUNDS: usize = 12;

/// Checks the books of a store that is open or not, as `coffer ledger verify` does.
#[track_caller]
pub fn verify(directory: &Path, families: &FamilySet) {
    let path = directory.join("coffer.db");
    let store = Store::open_sqlite_read_only(&path, &families.migrations()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let findings =
        runtime.block_on(coffer::family_set::FamilySet::default().verify(&store)).unwrap();
    assert!(findings.differences.is_empty(), "{:#?}", findings.differences);
}

/// Where pages of transactions are told.
const PAGES: &str = "/v1/ledger/transactions/import";

/// A page of three charges.
fn page(number: usize) -> String {
    let now = SystemClock.now().unix();
    let each = |part: &str| {
        json!({
            "id": format!("txn_{number}_{part}"), "object": "balance_transaction",
            "type": "charge", "amount": 10_000, "fee": 320, "net": 9680, "currency": "usd",
            "created": now, "available_on": now + 86_400, "source": format!("ch_{number}_{part}"),
        })
    };
    let data = ["a", "b", "c"].map(each);
    json!({"object": "list", "data": data}).to_string()
}

/// A request that is to be carried out once.
#[derive(Clone, Debug)]
struct Request {
    path: &'static str,
    params: Vec<(&'static str, String)>,
    key: String,
}

/// One caller, with an account of its own.
struct Caller {
    account: String,
    /// Whether it tells the processor's transactions, on pages and alone, in the place of facts.
    by_transactions: bool,
    rng: Rng,
    sent: usize,
    /// What was acknowledged: charges and what was refunded of them.
    charges: BTreeMap<String, i64>,
    holds: Vec<String>,
    in_flight: Option<Request>,
}

impl Caller {
    fn next(&mut self) -> Request {
        self.sent += 1;
        let number = self.sent;
        let text = |text: &str| text.to_owned();
        let known = self.charges.len() as u64;
        let (path, params) = match self.rng.below(4) {
            0 if known > 0 => {
                let at = self.rng.below(known) as usize;
                let charge = self.charges.keys().nth(at).unwrap().clone();
                self.refund(format!("re_{number}"), charge)
            }
            1 if !self.holds.is_empty() => {
                let at = self.rng.below(self.holds.len() as u64) as usize;
                let params = vec![("reserve_hold", self.holds[at].clone()), ("amount", text("1"))];
                ("/v1/reserve/releases", params)
            }
            2 => {
                let soon = SystemClock.now().plus(10 * 86_400);
                let params = vec![
                    ("amount", text("500")),
                    ("currency", text("usd")),
                    ("release_schedule[release_after]", soon.unix().to_string()),
                ];
                ("/v1/reserve/holds", params)
            }
            _ if self.by_transactions => (PAGES, vec![("page", page(number))]),
            _ => {
                let id = format!("ch_{number}");
                let money = [("amount", text("10000")), ("currency", text("usd"))];
                ("/v1/ledger/charges", [vec![("id", id)], money.to_vec()].concat())
            }
        };
        Request { path, params, key: format!("key {number}") }
    }

    fn refund(&self, id: String, charge: String) -> (&'static str, Vec<(&'static str, String)>) {
        let of_charge = ("charge", charge);
        if !self.by_transactions {
            let amount = ("amount", "11".to_owned());
            return ("/v1/ledger/refunds", vec![("id", id), of_charge, amount]);
        }
        let now = SystemClock.now().unix().to_string();
        let params = vec![
            ("id", format!("txn_{id}")),
            ("source", id),
            of_charge,
            ("type", "refund".to_owned()),
            ("amount", "-11".to_owned()),
            ("currency", "usd".to_owned()),
            ("created", now.clone()),
            ("available_on", now),
        ];
        ("/v1/ledger/transactions", params)
    }

    fn send(&self, client: &Client, request: &Request) -> Result<Answer, String> {
        let client = client.for_account(&self.account).idempotent(&request.key);
        let params: Vec<_> =
            request.params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        client.attempt("POST", request.path, Some(&coffer_testkit::encode(&params)))
    }

    fn learn(&mut self, request: &Request, answer: &Answer) {
        let json = answer.ok();
        let id = || json["id"].as_str().unwrap().to_owned();
        match request.path {
            "/v1/ledger/charges" => drop(self.charges.insert(id(), 0)),
            "/v1/ledger/refunds" | "/v1/ledger/transactions" => {
                let charge = json["charge"].as_str().unwrap();
                *self.charges.get_mut(charge).unwrap() += 11;
            }
            PAGES => {
                assert_eq!((&json["recorded"], &json["known"]), (&3.into(), &0.into()), "{json}");
                let page: Value = serde_json::from_str(&request.params[0].1).unwrap();
                let told = page["data"].as_array().unwrap().iter();
                self.charges.extend(told.map(|each| (each["source"].as_str().unwrap().into(), 0)));
            }
            "/v1/reserve/holds" => self.holds.push(id()),
            _ => {}
        }
    }

    fn run(&mut self, client: &Client, answers: &Answers) {
        loop {
            let request = self.next();
            match self.send(client, &request) {
                Ok(answer) if !answers.is_closed() => {
                    self.learn(&request, &answer);
                    answers.add();
                }
                _gone => {
                    self.in_flight = Some(request);
                    return;
                }
            }
        }
    }

    /// Asks again for what was under way, and compares the books with what was told.
    fn check(&mut self, client: &Client, books: &rusqlite::Connection) {
        if let Some(request) = self.in_flight.take() {
            let answer = self.send(client, &request).unwrap();
            self.learn(&request, &answer);
        }
        let sql = "SELECT id, refunded FROM ledger_charge WHERE account = ? ORDER BY id";
        let mut statement = books.prepare(sql).unwrap();
        let kept = statement.query_map([&self.account], |row| Ok((row.get(0)?, row.get(1)?)));
        let kept: BTreeMap<String, i64> = kept.unwrap().map(Result::unwrap).collect();
        assert_eq!(kept, self.charges, "the books say otherwise than the answers did");
        let sql = "SELECT count(*) FROM reserve_hold WHERE account = ? AND charge IS NULL";
        let holds: i64 = books.query_row(sql, [&self.account], |row| row.get(0)).unwrap();
        assert_eq!(holds, self.holds.len() as i64, "a hold was lost or made twice");
    }
}

#[test]
fn a_crash_leaves_the_books_right_and_every_answer_true() {
    let acknowledged = run(&Fixture::new(CALLERS), ROUNDS, &|server, _| server.kill());
    println!("durability: kill -9, books | {ROUNDS} | {acknowledged} | 0");
}

/// Accounts that [`run`] takes.
pub const ACCOUNTS: usize = CALLERS;

/// Rounds that each end so, and what must be right after each; how much was acknowledged.
pub fn run(fixture: &Fixture, rounds: usize, end: Ending<'_>) -> usize {
    let mut rng = Rng::new("books");
    let mut callers: Vec<Caller> = (0..CALLERS)
        .map(|number| Caller {
            account: fixture.next_account(),
            by_transactions: number % 2 == 1,
            rng: rng.split(),
            sent: 0,
            charges: BTreeMap::new(),
            holds: Vec::new(),
            in_flight: None,
        })
        .collect();
    let mut cut = 0;
    for round in 0..=rounds {
        let mut server = Program::Test("none").start(fixture.directory()).unwrap();
        let client = server.anonymous().with_key(&fixture.key);
        if round == 0 {
            let days = ("rolling_release[days_after_charge]", "30");
            let plan = [("percent", "15"), ("type", "rolling_release"), days];
            for caller in &callers {
                client.for_account(&caller.account).post("/v1/reserve/plans", &plan).ok();
            }
        }
        let books = rusqlite::Connection::open(fixture.directory().join("coffer.db")).unwrap();
        cut += callers.iter().filter(|caller| caller.in_flight.is_some()).count();
        callers.iter_mut().for_each(|caller| caller.check(&client, &books));
        drop(books);
        verify(fixture.directory(), &FamilySet::default());
        if round == rounds {
            break;
        }
        let (answers, enough) = (Answers::default(), 10 + rng.below(200) as usize);
        std::thread::scope(|scope| {
            for caller in &mut callers {
                scope.spawn(|| caller.run(&client, &answers));
            }
            answers.wait_for(enough);
            end(&mut server, &answers);
        });
    }
    assert!(cut >= rounds, "the load hardly ever met the crash: {cut}");
    callers.iter().map(|caller| caller.sent).sum()
}
