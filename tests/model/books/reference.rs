//! What reserves and the ledger are held to, as plainly as it can be said: one account's books in
//! memory. It knows the contract (reserves §3 to §12) and nothing of the server.

use std::collections::BTreeMap;

pub const DAY: i64 = 86_400;

/// Currency and source type.
pub type PoolName = (&'static str, &'static str);

/// What stands where, in one pool.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Pool {
    pub pending: i64,
    pub available: i64,
    pub reserved_pending: i64,
    pub reserved_available: i64,
}

#[derive(Clone, Debug)]
pub struct Charge {
    pub id: String,
    pub amount: i64,
    pub pool: PoolName,
    pub fee: Option<i64>,
    pub application_fee: i64,
    pub created: i64,
    pub available_on: i64,
    pub refunded: i64,
    pub pending: i64,
    pub settled: bool,
}

#[derive(Clone, Debug)]
pub struct Refund {
    pub id: String,
    pub charge: usize,
    pub amount: i64,
    pub from_pending: i64,
    /// What has come back of it.
    pub failed: i64,
}

#[derive(Clone, Debug)]
pub struct Dispute {
    pub id: String,
    pub charge: usize,
    pub fee: i64,
    pub from_pending: i64,
    pub status: &'static str,
    /// What was withdrawn and has not come back; below zero if more came back.
    pub out: i64,
    pub fee_is_back: bool,
    /// Whether movements tell its money, so that words move none.
    pub moved: bool,
    /// When the newest word about its outcome was said.
    pub said: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Payout {
    pub id: String,
    pub amount: i64,
    pub pool: PoolName,
    pub status: &'static str,
}

#[derive(Clone, Debug)]
pub struct Adjustment {
    pub amount: i64,
    pub pool: PoolName,
    pub available_on: i64,
    pub settled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Terms {
    Fixed { release_after: i64 },
    Rolling { days: i64, expires_on: Option<i64> },
    Manual,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub id: String,
    pub created: i64,
    pub currency: Option<&'static str>,
    pub percent: i64,
    pub terms: Terms,
    pub state: &'static str,
}

impl Plan {
    pub fn ends_at(&self) -> Option<i64> {
        match self.terms {
            Terms::Fixed { release_after } => Some(midnight_after(release_after)),
            Terms::Rolling { expires_on, .. } => expires_on,
            Terms::Manual => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Hold {
    /// As the server names it, once that is known.
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub released: i64,
    pub pool: PoolName,
    pub charge: Option<usize>,
    pub plan: Option<usize>,
    /// Its own date, if it has one.
    pub own: Option<i64>,
    pub pending: bool,
}

/// Everything.
#[derive(Clone, Default, Debug)]
pub struct Books {
    pub now: i64,
    /// The midnight up to which all that was due is done.
    pub mark: i64,
    pub pools: BTreeMap<PoolName, Pool>,
    pub charges: Vec<Charge>,
    pub refunds: Vec<Refund>,
    pub disputes: Vec<Dispute>,
    pub payouts: Vec<Payout>,
    pub adjustments: Vec<Adjustment>,
    pub breaches: usize,
    pub plans: Vec<Plan>,
    pub holds: Vec<Hold>,
    /// What was released, by reason.
    pub released: BTreeMap<&'static str, i64>,
}

/// Accepted or refused, and nothing of it done.
pub type Verdict = Result<(), ()>;

pub fn midnight_after(at: i64) -> i64 {
    (at.div_euclid(DAY) + 1) * DAY
}

impl Books {
    pub(super) fn pool(&mut self, name: PoolName) -> &mut Pool {
        self.pools.entry(name).or_default()
    }

    pub fn scheduled(&self, hold: &Hold) -> Option<i64> {
        hold.own.or_else(|| match self.plans[hold.plan?].terms {
            Terms::Fixed { release_after } => Some(midnight_after(release_after)),
            _ => None,
        })
    }

    pub fn is_releasable(&self, hold: &Hold) -> bool {
        let draining = hold.plan.is_some_and(|plan| self.plans[plan].state == "draining");
        hold.released < hold.amount && !draining
    }

    pub fn charge(&mut self, mut charge: Charge) {
        let net = charge.amount - charge.fee.unwrap_or(0) - charge.application_fee;
        charge.settled = charge.available_on <= self.now;
        charge.pending = if charge.settled { 0 } else { net };
        let settled = charge.settled;
        let pool = self.pool(charge.pool);
        *(if settled { &mut pool.available } else { &mut pool.pending }) += net;
        let mut left = net.max(0);
        for at in 0..self.plans.len() {
            let plan = self.plans[at].clone();
            let applies = match plan.state {
                "active" => true,
                "expired" => matches!(plan.terms, Terms::Rolling { .. }),
                _ => false,
            };
            let looks = plan.currency.is_none_or(|currency| currency == charge.pool.0)
                && plan.created <= charge.created
                && plan.ends_at().is_none_or(|ends| charge.created < ends);
            let (due, own) = match plan.terms {
                Terms::Fixed { release_after } => (Some(midnight_after(release_after)), None),
                Terms::Rolling { days, .. } => {
                    let due = midnight_after(charge.created + days * DAY);
                    (Some(due), Some(due))
                }
                Terms::Manual => (None, None),
            };
            let share = if net > 0 { (net * plan.percent + 50) / 100 } else { 0 }.min(left);
            if !applies || !looks || due.is_some_and(|due| due <= self.now) || share == 0 {
                continue;
            }
            left -= share;
            let pool = charge.pool;
            self.hold(Hold {
                id: String::new(),
                created: self.now,
                amount: share,
                released: 0,
                pool,
                charge: Some(self.charges.len()),
                plan: Some(at),
                own,
                pending: !settled,
            });
        }
        self.charges.push(charge);
    }

    pub fn hold(&mut self, hold: Hold) {
        let (pending, amount) = (hold.pending, hold.amount);
        let pool = self.pool(hold.pool);
        if pending {
            pool.pending -= amount;
            pool.reserved_pending += amount;
        } else {
            pool.available -= amount;
            pool.reserved_available += amount;
        }
        self.holds.push(hold);
    }

    pub fn release(&mut self, at: usize, amount: i64, reason: &'static str) {
        let hold = &mut self.holds[at];
        hold.released += amount;
        let (pending, name) = (hold.pending, hold.pool);
        let pool = self.pool(name);
        if pending {
            pool.reserved_pending -= amount;
            pool.pending += amount;
        } else {
            pool.reserved_available -= amount;
            pool.available += amount;
        }
        *self.released.entry(reason).or_default() += amount;
    }

    /// What is held of a charge's pending money.
    fn held(&self, charge: usize) -> i64 {
        let of = self.holds.iter().filter(|hold| hold.charge == Some(charge) && hold.pending);
        of.map(|hold| hold.amount - hold.released).sum()
    }

    fn own_pending(&self, charge: usize) -> i64 {
        let told = &self.charges[charge];
        if told.settled { 0 } else { (told.pending - self.held(charge)).max(0) }
    }

    pub fn late_fee(&mut self, at: usize, fee: i64) {
        let more = fee - self.charges[at].fee.unwrap_or(0);
        let own = self.own_pending(at);
        let charge = &mut self.charges[at];
        let from_pending = match more {
            ..0 if charge.settled => 0,
            ..0 => more,
            _ => more.min(own),
        };
        charge.fee = Some(fee);
        charge.pending -= from_pending;
        let name = charge.pool;
        let pool = self.pool(name);
        pool.pending -= from_pending;
        pool.available -= more - from_pending;
    }

    /// Releases what is wanted of a charge's holds, the oldest first.
    pub(super) fn draw(&mut self, charge: usize, mut wanted: i64) {
        for at in 0..self.holds.len() {
            let hold = &self.holds[at];
            let drawn = (hold.amount - hold.released).min(wanted);
            if hold.charge == Some(charge) && drawn > 0 {
                wanted -= drawn;
                self.release(at, drawn, "hold_reversed");
            }
        }
    }

    /// Takes money back because of a charge, and draws on its holds first.
    pub(super) fn take(&mut self, charge: usize, amount: i64) -> i64 {
        self.draw(charge, amount);
        let from_pending = self.own_pending(charge).min(amount);
        self.charges[charge].pending -= from_pending;
        let name = self.charges[charge].pool;
        let pool = self.pool(name);
        pool.pending -= from_pending;
        pool.available -= amount - from_pending;
        from_pending
    }

    pub(super) fn give_back(&mut self, charge: usize, amount: i64, from_pending: i64) {
        let charge = &mut self.charges[charge];
        let to_pending = if charge.settled { 0 } else { from_pending };
        charge.pending += to_pending;
        let name = charge.pool;
        let pool = self.pool(name);
        pool.pending += to_pending;
        pool.available += amount - to_pending;
    }

    pub fn refund(&mut self, id: String, charge: usize, amount: i64) {
        let from_pending = self.take(charge, amount);
        self.charges[charge].refunded += amount;
        self.refunds.push(Refund { id, charge, amount, from_pending, failed: 0 });
    }

    pub fn dispute(&mut self, id: String, charge: usize, amount: i64, fee: i64) {
        let from_pending = self.take(charge, amount);
        let name = self.charges[charge].pool;
        self.pool(name).available -= fee;
        self.disputes.push(Dispute {
            id,
            charge,
            fee,
            from_pending,
            status: "open",
            out: amount,
            fee_is_back: false,
            moved: false,
            said: None,
        });
    }

    pub fn payout(&mut self, id: String, amount: i64, name: PoolName, told: bool) -> Verdict {
        let pool = self.pool(name);
        let after = pool.available - amount;
        if after < 0 && !told {
            return Err(());
        }
        pool.available = after;
        self.breaches += usize::from(after < 0);
        self.payouts.push(Payout { id, amount, pool: name, status: "in_transit" });
        Ok(())
    }

    pub fn end_payout(&mut self, at: usize, status: &'static str) -> Verdict {
        let Payout { amount, pool, status: known, .. } = self.payouts[at];
        match (known, status) {
            (known, status) if known == status => return Ok(()),
            ("in_transit", _) | ("paid", "failed") => {}
            _ => return Err(()),
        }
        if status != "paid" {
            self.pool(pool).available += amount;
        }
        self.payouts[at].status = status;
        Ok(())
    }

    /// Does what is due by now.
    pub fn run_due(&mut self) {
        let mut midnight = midnight_after(self.mark);
        while midnight <= self.now {
            self.settle(midnight);
            self.release_due(midnight);
            self.end_plans(midnight);
            self.drain();
            self.mark = midnight;
            midnight += DAY;
        }
        if self.mark <= self.now {
            self.settle(self.now);
            // Those that were told after their midnight.
            self.release_due(self.mark);
            self.end_plans(self.now);
        }
        self.drain();
    }

    fn release_due(&mut self, midnight: i64) {
        for at in 0..self.holds.len() {
            let hold = &self.holds[at];
            if hold.own.is_some_and(|own| own <= midnight) && hold.released < hold.amount {
                self.release(at, hold.amount - hold.released, "hold_expired");
            }
        }
    }

    fn settle(&mut self, due: i64) {
        for at in 0..self.charges.len() {
            let held = self.held(at);
            let charge = &mut self.charges[at];
            if charge.settled || charge.available_on > due {
                continue;
            }
            let own = charge.pending - held;
            (charge.settled, charge.pending) = (true, 0);
            let name = charge.pool;
            let pool = self.pool(name);
            pool.pending -= own;
            pool.available += own;
            pool.reserved_pending -= held;
            pool.reserved_available += held;
            for hold in self.holds.iter_mut().filter(|hold| hold.charge == Some(at)) {
                hold.pending = false;
            }
        }
        self.settle_adjustments(due);
    }

    fn end_plans(&mut self, due: i64) {
        for at in 0..self.plans.len() {
            let plan = &self.plans[at];
            if plan.state == "active" && plan.ends_at().is_some_and(|ends| ends <= due) {
                if matches!(plan.terms, Terms::Fixed { .. }) {
                    self.empty(at, "hold_expired", |hold| hold.own.is_none());
                }
                self.plans[at].state = "expired";
            }
        }
    }

    fn drain(&mut self) {
        for at in 0..self.plans.len() {
            if self.plans[at].state == "draining" {
                self.empty(at, "plan_disabled", |_| true);
                self.plans[at].state = "disabled";
            }
        }
    }

    fn empty(&mut self, plan: usize, reason: &'static str, which: fn(&Hold) -> bool) {
        for at in 0..self.holds.len() {
            let hold = &self.holds[at];
            if hold.plan == Some(plan) && which(hold) && hold.released < hold.amount {
                self.release(at, hold.amount - hold.released, reason);
            }
        }
    }
}
