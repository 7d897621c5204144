//! Random changes of one account's books, each with what must become of it.

use super::reference::{Books, Charge, DAY, Hold, Plan, PoolName, Terms, midnight_after};
use coffer_base::{Random, TestRandom};
use coffer_testkit::Answer;

/// A source of random numbers that a seed repeats.
pub struct Rng(TestRandom);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(TestRandom::seeded(seed))
    }

    pub fn below(&mut self, bound: i64) -> i64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % bound as u64) as i64
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as i64) as usize]
    }

    pub fn flip(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// How many numbers [`Bookkeeper::change`] knows.
pub const CHANGES: i64 = 86;

/// A change that is sent, and whether it must be accepted.
#[derive(Clone, Debug)]
pub struct Change {
    pub path: String,
    pub params: Vec<(&'static str, String)>,
    pub accepted: bool,
}

pub(super) const CURRENCIES: [&str; 2] = ["usd", "eur"];
pub(super) const SOURCES: [&str; 2] = ["card", "bank_account"];

/// One account's books, and whoever thinks of changes to them. A change is carried out in the
/// books when it is thought of.
pub struct Bookkeeper {
    pub books: Books,
    pub rng: Rng,
    number: usize,
}

impl Bookkeeper {
    /// The books of an account that begins at `now`.
    pub fn new(rng: Rng, now: i64) -> Self {
        let mark = midnight_after(now) - DAY;
        Self { books: Books { now, mark, ..Books::default() }, rng, number: 0 }
    }

    /// Some change, if what it needs is there, by a number below [`CHANGES`].
    pub fn change(&mut self, which: i64) -> Option<Change> {
        match which {
            0..26 => self.charge(),
            26..29 => self.adjust(),
            29..32 => self.charge_again(),
            32..36 => self.late_fee(),
            36..45 => self.refund(),
            45..48 => self.fail_refund(),
            48..51 => self.dispute(),
            51..53 => self.end_dispute(),
            53..56 => self.move_dispute(),
            56..60 => self.payout(),
            60..63 => self.end_payout(),
            63..69 => self.plan(),
            69..72 => self.change_plan(),
            72..74 => self.disable(),
            74..78 => self.hold(),
            78..81 => self.move_hold(),
            _ => self.release(),
        }
    }

    /// Takes in what only the answer to an accepted change tells.
    pub fn learn(&mut self, change: &Change, answer: &Answer) {
        if change.path == "/v1/reserve/plans" && change.accepted {
            self.books.plans.last_mut().unwrap().id = answer.text("id");
        }
    }

    /// A hold whose name is known.
    fn known_hold(&self, at: usize) -> Option<Hold> {
        Some(self.books.holds[at].clone()).filter(|hold| !hold.id.is_empty())
    }

    pub(super) fn id(&mut self, kind: &str) -> String {
        self.number += 1;
        format!("{kind}_{}", self.number)
    }

    fn pool(&mut self) -> PoolName {
        (self.rng.one(&CURRENCIES), self.rng.one(&SOURCES))
    }

    fn charge(&mut self) -> Option<Change> {
        let (id, pool, now) = (self.id("ch"), self.pool(), self.books.now);
        let amount = 1 + self.rng.below(20_000);
        let fee = self.rng.flip().then(|| self.rng.below(amount / 4 + 2));
        let share = if self.rng.below(9) == 0 { amount + 50 } else { amount / 5 };
        let application_fee = self.rng.below(share + 1);
        let created = now - if self.rng.below(3) == 0 { self.rng.below(9 * DAY) } else { 0 };
        let usual = midnight_after(created) + DAY;
        let own = self.rng.flip().then(|| created + self.rng.below(12 * DAY));
        let mut params = vec![
            ("id", id.clone()),
            ("amount", amount.to_string()),
            ("currency", pool.0.to_owned()),
            ("source_type", pool.1.to_owned()),
            ("application_fee", application_fee.to_string()),
            ("created", created.to_string()),
        ];
        params.extend(fee.map(|fee| ("fee", fee.to_string())));
        params.extend(own.map(|own| ("available_on", own.to_string())));
        self.books.charge(Charge {
            id,
            amount,
            pool,
            fee,
            application_fee,
            created,
            available_on: own.unwrap_or(usual),
            refunded: 0,
            pending: 0,
            settled: false,
        });
        Some(Change { path: "/v1/ledger/charges".to_owned(), params, accepted: true })
    }

    pub(super) fn any(&mut self, of: usize) -> Option<usize> {
        (of > 0).then(|| self.rng.below(of as i64) as usize)
    }

    /// The same charge, with the same figures, a late fee, or another amount.
    fn charge_again(&mut self) -> Option<Change> {
        let at = self.any(self.books.charges.len())?;
        let charge = self.books.charges[at].clone();
        let same = self.rng.below(3) > 0;
        let amount = if same { charge.amount } else { charge.amount + 1 };
        let mut params = vec![
            ("id", charge.id),
            ("amount", amount.to_string()),
            ("currency", charge.pool.0.to_owned()),
        ];
        if self.rng.flip() {
            let fee = charge.fee.unwrap_or(7);
            params.push(("fee", fee.to_string()));
            if same && charge.fee.is_none() {
                self.books.late_fee(at, fee);
            }
        }
        Some(Change { path: "/v1/ledger/charges".to_owned(), params, accepted: same })
    }

    fn late_fee(&mut self) -> Option<Change> {
        let at = self.any(self.books.charges.len())?;
        let fee = self.rng.below(self.books.charges[at].amount / 3 + 5);
        self.books.late_fee(at, fee);
        let path = format!("/v1/ledger/charges/{}", self.books.charges[at].id);
        Some(Change { path, params: vec![("fee", fee.to_string())], accepted: true })
    }

    fn refund(&mut self) -> Option<Change> {
        let at = self.any(self.books.charges.len())?;
        let (id, charge) = (self.id("re"), self.books.charges[at].clone());
        // At another day's rate it may be more than its charge.
        let amount = 1 + self.rng.below(charge.amount + 100);
        self.books.refund(id.clone(), at, amount);
        let params = vec![("id", id), ("charge", charge.id), ("amount", amount.to_string())];
        Some(Change { path: "/v1/ledger/refunds".to_owned(), params, accepted: true })
    }

    fn dispute(&mut self) -> Option<Change> {
        let at = self.any(self.books.charges.len())?;
        let (id, charge) = (self.id("du"), self.books.charges[at].clone());
        let (amount, fee) = (1 + self.rng.below(charge.amount + 100), self.rng.below(1500));
        self.books.dispute(id.clone(), at, amount, fee);
        let params = vec![
            ("id", id),
            ("charge", charge.id),
            ("amount", amount.to_string()),
            ("fee", fee.to_string()),
        ];
        Some(Change { path: "/v1/ledger/disputes".to_owned(), params, accepted: true })
    }

    fn payout(&mut self) -> Option<Change> {
        let (id, pool, reported) = (self.id("po"), self.pool(), self.rng.below(3) == 0);
        let amount = 1 + self.rng.below(9000);
        let accepted = self.books.payout(id.clone(), amount, pool, reported).is_ok();
        let params = vec![
            ("id", id),
            ("amount", amount.to_string()),
            ("currency", pool.0.to_owned()),
            ("source_type", pool.1.to_owned()),
            ("reported", reported.to_string()),
        ];
        Some(Change { path: "/v1/ledger/payouts".to_owned(), params, accepted })
    }

    fn end_payout(&mut self) -> Option<Change> {
        let at = self.any(self.books.payouts.len())?;
        let status = self.rng.one(&["paid", "failed", "canceled"]);
        let accepted = self.books.end_payout(at, status).is_ok();
        let path = format!("/v1/ledger/payouts/{}", self.books.payouts[at].id);
        Some(Change { path, params: vec![("status", status.to_owned())], accepted })
    }

    fn plan(&mut self) -> Option<Change> {
        let (now, percent) = (self.books.now, 1 + self.rng.below(100));
        let terms = match self.rng.below(5) {
            0..2 => Terms::Fixed { release_after: now + (3 + self.rng.below(30)) * DAY },
            2..4 => Terms::Rolling {
                days: 3 + self.rng.below(20),
                expires_on: self.rng.flip().then(|| now + 1 + self.rng.below(30 * DAY)),
            },
            _ => Terms::Manual,
        };
        let currency = self.rng.flip().then(|| self.rng.one(&CURRENCIES));
        let mut params = vec![("percent", percent.to_string())];
        params.extend(currency.map(|currency| ("currency", currency.to_owned())));
        params.extend(blocks(terms));
        params.push(("type", name_of(terms).to_owned()));
        let active = self.books.plans.iter().filter(|plan| plan.state == "active").count();
        let accepted = active < 20;
        if accepted {
            let (id, state) = (String::new(), "active");
            let plan = Plan { id, created: now, currency, percent, terms, state };
            self.books.plans.push(plan);
        }
        Some(Change { path: "/v1/reserve/plans".to_owned(), params, accepted })
    }

    fn change_plan(&mut self) -> Option<Change> {
        let at = self.any(self.books.plans.len())?;
        let (now, percent) = (self.books.now, 1 + self.rng.below(100));
        let moved = self.rng.flip();
        let plan = &mut self.books.plans[at];
        let accepted = plan.state == "active";
        let mut params = vec![("percent", percent.to_string())];
        let terms = match plan.terms {
            Terms::Fixed { .. } if moved => {
                Terms::Fixed { release_after: now + (3 + self.rng.below(90)) * DAY }
            }
            Terms::Rolling { expires_on, .. } if moved => {
                let ahead = expires_on.filter(|at| *at > now);
                Terms::Rolling { days: 3 + self.rng.below(90), expires_on: ahead }
            }
            other => other,
        };
        if terms != plan.terms || moved {
            params.extend(blocks(terms));
        }
        if accepted {
            // An end that has come is not sent again, and stays.
            let terms = match (terms, plan.terms) {
                (Terms::Rolling { days, expires_on: None }, Terms::Rolling { expires_on, .. }) => {
                    Terms::Rolling { days, expires_on }
                }
                (terms, _) => terms,
            };
            (plan.percent, plan.terms) = (percent, terms);
        }
        Some(Change { path: format!("/v1/reserve/plans/{}", plan.id), params, accepted })
    }

    fn disable(&mut self) -> Option<Change> {
        let at = self.any(self.books.plans.len())?;
        let plan = &mut self.books.plans[at];
        let accepted = plan.state == "active";
        if accepted {
            plan.state = "draining";
        }
        let path = format!("/v1/reserve/plans/{}/disable", plan.id);
        Some(Change { path, params: Vec::new(), accepted })
    }

    fn hold(&mut self) -> Option<Change> {
        let (pool, now) = (self.pool(), self.books.now);
        let amount = 1 + self.rng.below(3000);
        let after = now + (2 + self.rng.below(30)) * DAY;
        let accepted = after >= now + 3 * DAY;
        let params = vec![
            ("amount", amount.to_string()),
            ("currency", pool.0.to_owned()),
            ("source_type", pool.1.to_owned()),
            ("release_schedule[release_after]", after.to_string()),
        ];
        if accepted {
            self.books.hold(Hold {
                id: String::new(),
                created: now,
                amount,
                released: 0,
                pool,
                charge: None,
                plan: None,
                own: Some(midnight_after(after)),
                pending: false,
            });
        }
        Some(Change { path: "/v1/reserve/holds".to_owned(), params, accepted })
    }

    fn move_hold(&mut self) -> Option<Change> {
        let at = self.any(self.books.holds.len())?;
        let (now, hold) = (self.books.now, self.known_hold(at)?);
        let after = now + self.rng.below(190 * DAY);
        let accepted = self.books.is_releasable(&hold) && after <= hold.created + 180 * DAY + 60;
        if accepted {
            self.books.holds[at].own = Some(midnight_after(after));
        }
        let params = vec![("release_schedule[release_after]", after.to_string())];
        Some(Change { path: format!("/v1/reserve/holds/{}", hold.id), params, accepted })
    }

    fn release(&mut self) -> Option<Change> {
        let at = self.any(self.books.holds.len())?;
        let hold = self.known_hold(at)?;
        let left = hold.amount - hold.released;
        let part = self.rng.flip().then(|| 1 + self.rng.below(hold.amount + 10));
        let accepted = self.books.is_releasable(&hold) && part.is_none_or(|part| part <= left);
        if accepted {
            self.books.release(at, part.unwrap_or(left), "hold_released_early");
        }
        let mut params = vec![("reserve_hold", hold.id)];
        params.extend(part.map(|part| ("amount", part.to_string())));
        Some(Change { path: "/v1/reserve/releases".to_owned(), params, accepted })
    }
}

const fn name_of(terms: Terms) -> &'static str {
    match terms {
        Terms::Fixed { .. } => "fixed_release",
        Terms::Rolling { .. } => "rolling_release",
        Terms::Manual => "manual_release",
    }
}

fn blocks(terms: Terms) -> Vec<(&'static str, String)> {
    match terms {
        Terms::Fixed { release_after } => {
            vec![("fixed_release[release_after]", release_after.to_string())]
        }
        Terms::Rolling { days, expires_on } => {
            let mut params = vec![("rolling_release[days_after_charge]", days.to_string())];
            params.extend(expires_on.map(|at| ("rolling_release[expires_on]", at.to_string())));
            params
        }
        Terms::Manual => Vec::new(),
    }
}

/// Whether a change was accepted as it had to be.
pub fn judge(answer: &Answer, accepted: bool) -> Result<(), String> {
    let expected = if accepted { 200 } else { 400 };
    if answer.status == expected {
        return Ok(());
    }
    Err(format!("{} where {expected} was expected: {}", answer.status, answer.body))
}
