//! The books as transactions tell them. A processor's month is made up, and its transactions are
//! told in random order, alone and on pages, some of them again, some with another figure, some
//! with another date, while time passes. After every few of them what stands must be what the told
//! transactions sum to, added up here without the ledger's rules.

mod month;

use crate::books::changes::Rng;
use crate::books::fixture::{Fixture, check_rows, verify};
use crate::books::reference::DAY;
use month::{Kind, Txn};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Months of a run.
const CASES: u64 = 16;

/// The share of each charge's net that a plan holds, for longer than a month lasts.
const PERCENT: i64 = 30;

/// 1 March 2026, 10:00 UTC.
const BEGIN: i64 = 1_772_359_200;

/// What stands of one currency.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Standing {
    /// Pending and available, with what is reserved of them.
    pending: i64,
    available: i64,
    reserved: i64,
    in_transit: i64,
}

/// A month that is being told.
struct Telling {
    fixture: Fixture,
    rng: Rng,
    now: i64,
    told: Vec<Txn>,
    waiting: Vec<Txn>,
    conflicts: usize,
    /// What was done, for whoever reads of a failure.
    log: Vec<String>,
}

impl Telling {
    fn begin(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let fixture = Fixture::new(BEGIN);
        let plan = [
            ("percent", PERCENT.to_string()),
            ("type", "rolling_release".to_owned()),
            ("rolling_release[days_after_charge]", "180".to_owned()),
        ];
        fixture.again("/v1/reserve/plans", &plan).ok();
        let mut waiting = month::make(&mut rng, BEGIN + 60);
        for at in (1..waiting.len()).rev() {
            waiting.swap(at, rng.below(at as i64 + 1) as usize);
        }
        let now = BEGIN + 21 * DAY;
        fixture.set_clock(now);
        let (told, log) = (Vec::new(), Vec::new());
        Self { fixture, rng, now, told, waiting, conflicts: 0, log }
    }

    /// Tells something, or lets time pass.
    fn step(&mut self) -> Result<(), String> {
        match self.rng.below(12) {
            0..4 => self.tell_alone(),
            4..7 => self.tell_page(),
            7 | 8 => self.tell_again(),
            9 => self.contradict(),
            10 => self.move_date(),
            _ => {
                self.now += 1 + self.rng.below(2 * DAY);
                self.log.push(format!("it is {}", self.now));
                self.fixture.set_clock(self.now);
                Ok(())
            }
        }
    }

    fn post(&mut self, txn: &Txn) -> Result<Value, String> {
        self.log.push(format!("{txn:?}"));
        let params = txn.params();
        let params: Vec<_> = params.iter().map(|(name, value)| (*name, &**value)).collect();
        let answer = self.fixture.client().post("/v1/ledger/transactions", &params);
        match answer.status {
            200 => Ok(serde_json::from_str(&answer.body).unwrap()),
            status => Err(format!("{status}: {}", answer.body)),
        }
    }

    fn tell_alone(&mut self) -> Result<(), String> {
        let Some(txn) = self.waiting.pop() else { return Ok(()) };
        let shown = self.post(&txn)?;
        let net = txn.amount - txn.fee;
        if shown["net"] != net || shown["type"] != txn.word {
            return Err(format!("it is shown as {shown}"));
        }
        self.told.push(txn);
        Ok(())
    }

    fn tell_page(&mut self) -> Result<(), String> {
        let many = (1 + self.rng.below(8) as usize).min(self.waiting.len());
        let new = self.waiting.split_off(self.waiting.len() - many);
        let mut page: Vec<_> = new.iter().map(Txn::listed).collect();
        let known = self.rng.below(3).min(self.told.len() as i64);
        for _ in 0..known {
            let at = self.rng.below(self.told.len() as i64) as usize;
            page.push(self.told[at].listed());
        }
        self.log.push(format!("a page of {new:?}, and {known} again"));
        let page = json!({"object": "list", "data": page}).to_string();
        let answer =
            self.fixture.client().post("/v1/ledger/transactions/import", &[("page", &page)]).ok();
        let counts = ["recorded", "known", "refused"].map(|name| answer[name].as_i64().unwrap());
        if counts != [many as i64, known, 0] {
            return Err(format!("the page came to {answer}"));
        }
        self.told.extend(new);
        Ok(())
    }

    fn any_told(&mut self) -> Option<usize> {
        (!self.told.is_empty()).then(|| self.rng.below(self.told.len() as i64) as usize)
    }

    fn tell_again(&mut self) -> Result<(), String> {
        let Some(at) = self.any_told() else { return Ok(()) };
        let txn = self.told[at].clone();
        self.post(&txn).map(drop)
    }

    fn contradict(&mut self) -> Result<(), String> {
        let Some(at) = self.any_told() else { return Ok(()) };
        let mut other = self.told[at].clone();
        // The sign stays, so that it is the figure that differs and not what it is.
        other.amount += if other.amount < 0 { -1 } else { 1 };
        self.conflicts += 1;
        match self.post(&other) {
            Err(refusal) if refusal.starts_with("400") => Ok(()),
            other => Err(format!("another figure was answered {other:?}")),
        }
    }

    fn move_date(&mut self) -> Result<(), String> {
        let Some(at) = self.any_told() else { return Ok(()) };
        let mut moved = self.told[at].clone();
        if !moved.is_pending(self.now) || !moved.posts() {
            return Ok(());
        }
        moved.available_on += DAY * (self.rng.below(5) - 2);
        self.post(&moved)?;
        self.told[at] = moved;
        Ok(())
    }

    /// What the told transactions sum to, by currency.
    fn expected(&self) -> BTreeMap<&'static str, Standing> {
        let mut standing: BTreeMap<&'static str, Standing> = BTreeMap::new();
        let posted = || self.told.iter().filter(|txn| txn.posts());
        for txn in posted() {
            let of = standing.entry(txn.currency).or_default();
            let side = if txn.is_pending(self.now) { &mut of.pending } else { &mut of.available };
            *side += txn.amount - txn.fee;
            let id = &txn.source;
            match txn.kind {
                Kind::Charge => {
                    let share = ((txn.amount - txn.fee) * PERCENT + 50) / 100;
                    let takes = posted().filter(|other| other.takes_of(id));
                    let taken: i64 = takes.map(|other| -other.amount).sum();
                    of.reserved += (share - taken).max(0);
                }
                Kind::Payout => {
                    let back = |other: &Txn| other.kind == Kind::Return && other.source == *id;
                    let arrived = txn.available_on <= self.now;
                    of.in_transit += if arrived || posted().any(back) { 0 } else { -txn.amount };
                }
                _ => {}
            }
        }
        standing
    }

    /// What the server has, by currency.
    fn found(&self) -> BTreeMap<&'static str, Standing> {
        let rows = self.fixture.server().query(
            "SELECT currency, payments_pending + reserved_pending, \
             payments_available + reserved_available, reserved_pending + reserved_available, \
             payouts_in_transit FROM ledger_balance",
            &[],
        );
        let mut standing: BTreeMap<&'static str, Standing> = BTreeMap::new();
        for row in rows {
            let named = row.text(0).unwrap();
            let currency = month::CURRENCIES.into_iter().find(|each| *each == named);
            let of = standing.entry(currency.unwrap()).or_default();
            of.pending += row.int(1).unwrap();
            of.available += row.int(2).unwrap();
            of.reserved += row.int(3).unwrap();
            of.in_transit += row.int(4).unwrap();
        }
        standing
    }

    fn compare(&self) -> Result<(), String> {
        // Whatever was told after its day is done.
        self.fixture.server().run_jobs();
        check_rows(self.fixture.server())?;
        let (mut found, mut expected) = (self.found(), self.expected());
        for standing in [&mut found, &mut expected] {
            standing.retain(|_, of| *of != Standing::default());
        }
        if found == expected {
            return Ok(());
        }
        Err(format!("it is {found:?}, expected {expected:?}"))
    }

    /// Once all is told, nothing waits, and what the transactions mean for each object adds up.
    fn end(&self) -> Result<(), String> {
        let waits = self.fixture.all("/v1/ledger/parked");
        if !waits.is_empty() {
            return Err(format!("it waits still: {waits:?}"));
        }
        let sum = |which: &dyn Fn(&Txn) -> bool| -> i64 {
            let fit = self.told.iter().filter(|txn| txn.posts() && which(txn));
            fit.map(|txn| txn.amount).sum()
        };
        let check = |what: &str, object: &Value, expected: i64| match object[what] == expected {
            true => Ok(()),
            false => Err(format!("'{what}' is not {expected} in {object}")),
        };
        for charge in self.fixture.all("/v1/ledger/charges") {
            let id = charge["id"].as_str().unwrap();
            let back = |txn: &Txn| {
                let kinds = [Kind::Refund, Kind::Failure, Kind::RefundFailure];
                txn.charge.as_deref() == Some(id) && kinds.contains(&txn.kind)
            };
            check("amount_refunded", &charge, -sum(&back))?;
        }
        for dispute in self.fixture.all("/v1/ledger/disputes") {
            let of = |kind: Kind| sum(&|txn| txn.kind == kind && dispute["id"] == *txn.source);
            check("withdrawn", &dispute, -of(Kind::Dispute))?;
            check("reinstated", &dispute, of(Kind::Reinstatement))?;
        }
        let warned = self.fixture.all("/v1/ledger/warnings");
        let conflicts = warned.iter().filter(|each| each["kind"] == "conflict").count();
        if conflicts > self.conflicts || (conflicts == 0) != (self.conflicts == 0) {
            return Err(format!("{conflicts} warnings of {} contradictions", self.conflicts));
        }
        match verify(&self.fixture) {
            0 => Ok(()),
            differences => Err(format!("{differences} differences")),
        }
    }
}

/// Tells one month to its end.
fn run(seed: u64) -> Result<Telling, String> {
    let mut telling = Telling::begin(seed);
    let mut step = 0;
    while !telling.waiting.is_empty() {
        step += 1;
        let done = telling.step();
        let done = if step % 3 == 0 { done.and_then(|()| telling.compare()) } else { done };
        done.map_err(|why| told_of(&telling, seed, &why))?;
    }
    // All becomes available, and all payouts arrive.
    telling.now += 40 * DAY;
    telling.fixture.set_clock(telling.now);
    let done = telling.compare().and_then(|()| telling.end());
    done.map_err(|why| told_of(&telling, seed, &why))?;
    Ok(telling)
}

fn told_of(telling: &Telling, seed: u64, why: &str) -> String {
    let from = telling.log.len().saturating_sub(30);
    format!("seed {seed}: {why}\n    {}", telling.log[from..].join("\n    "))
}

#[test]
fn transactions_in_any_order_sum_to_what_stands() {
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut conflicts = 0;
    for seed in 0..CASES {
        let telling = run(seed).unwrap_or_else(|why| panic!("{why}"));
        conflicts += telling.conflicts;
        for txn in &telling.told {
            *kinds.entry(txn.kind).or_default() += 1;
        }
    }
    println!("{kinds:?}, {conflicts} contradictions");
    assert!(conflicts > 0 && Kind::ALL.iter().all(|kind| kinds.contains_key(kind)), "{kinds:?}");
}

/// Sums that are off do not get away with it.
#[test]
fn a_transaction_that_is_missing_is_noticed() {
    let mut telling = run(0).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(telling.compare(), Ok(()));
    let at = telling.told.iter().position(|txn| txn.posts() && txn.amount != txn.fee).unwrap();
    telling.told.remove(at);
    assert!(telling.compare().is_err());
}
