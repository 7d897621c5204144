//! What is told after its refund or its dispute, and money that is about neither.

use super::changes::{Bookkeeper, CURRENCIES, Change, SOURCES};
use super::reference::{Adjustment, Books, DAY, Dispute, Refund};

impl Books {
    /// What of a refund fails comes back, at most what has not before.
    pub fn fail(&mut self, at: usize, amount: i64) {
        let Refund { charge, from_pending, .. } = self.refunds[at];
        let to_pending = from_pending.min(amount);
        self.give_back(charge, amount, to_pending);
        self.charges[charge].refunded -= amount;
        self.refunds[at].failed += amount;
        self.refunds[at].from_pending -= to_pending;
    }

    /// What has not failed of a refund.
    pub fn rest(&self, at: usize) -> i64 {
        self.refunds[at].amount - self.refunds[at].failed
    }

    /// The newest word counts. What is out comes back with it once, unless movements tell that.
    pub fn end_dispute(&mut self, at: usize, status: &'static str, fee_back: bool) {
        let Dispute { charge, fee, out, moved, said, fee_is_back, .. } = self.disputes[at];
        if said.is_some_and(|said| self.now < said) {
            return;
        }
        if status == "won" && !moved {
            self.reinstate(at, out.max(0));
            let name = self.charges[charge].pool;
            self.pool(name).available += if fee_back && !fee_is_back { fee } else { 0 };
        }
        let now = self.now;
        let dispute = &mut self.disputes[at];
        dispute.fee_is_back |= fee_back;
        (dispute.status, dispute.said) = (status, Some(now));
    }

    fn reinstate(&mut self, at: usize, amount: i64) {
        let Dispute { charge, from_pending, .. } = self.disputes[at];
        let to_pending = from_pending.min(amount);
        self.give_back(charge, amount, to_pending);
        self.disputes[at].from_pending -= to_pending;
        self.disputes[at].out -= amount;
    }

    /// Money of a dispute: withdrawn if it is below zero, as often as the processor likes.
    pub fn move_dispute(&mut self, at: usize, amount: i64, fee: i64) {
        let charge = self.disputes[at].charge;
        if amount > 0 {
            self.reinstate(at, amount);
        } else {
            let from_pending = self.take(charge, -amount);
            self.disputes[at].from_pending += from_pending;
            self.disputes[at].out -= amount;
        }
        let name = self.charges[charge].pool;
        self.pool(name).available -= fee;
        self.disputes[at].fee += fee;
        self.disputes[at].moved = true;
    }

    /// Money that comes or goes by its own date. One that draws takes of its charge's holds first.
    pub fn adjust(&mut self, mut adjustment: Adjustment, draws: Option<usize>) {
        if let Some(charge) = draws {
            self.draw(charge, -adjustment.amount);
        }
        adjustment.settled = adjustment.available_on <= self.now;
        let pool = self.pool(adjustment.pool);
        let side = if adjustment.settled { &mut pool.available } else { &mut pool.pending };
        *side += adjustment.amount;
        self.adjustments.push(adjustment);
    }

    pub(super) fn settle_adjustments(&mut self, due: i64) {
        for at in 0..self.adjustments.len() {
            let Adjustment { amount, pool, available_on, settled } = self.adjustments[at];
            if !settled && available_on <= due {
                self.adjustments[at].settled = true;
                let pool = self.pool(pool);
                pool.pending -= amount;
                pool.available += amount;
            }
        }
    }
}

impl Bookkeeper {
    /// A refund fails, wholly, in part, or by more than is left of it.
    pub fn fail_refund(&mut self) -> Option<Change> {
        let at = self.any(self.books.refunds.len())?;
        let rest = self.books.rest(at);
        let mut params = vec![("status", self.rng.one(&["failed", "canceled"]).to_owned())];
        let mut accepted = true;
        if self.rng.flip() {
            self.books.fail(at, rest);
        } else {
            let part = 1 + self.rng.below(self.books.refunds[at].amount + 5);
            accepted = part <= rest;
            if accepted {
                self.books.fail(at, part);
            }
            params.extend([("id", self.id("rf")), ("amount", part.to_string())]);
        }
        let path = format!("/v1/ledger/refunds/{}", self.books.refunds[at].id);
        Some(Change { path, params, accepted })
    }

    pub fn end_dispute(&mut self) -> Option<Change> {
        let at = self.any(self.books.disputes.len())?;
        let status = self.rng.one(&["won", "lost", "open"]);
        let fee_back = status == "won" && self.rng.flip() && !self.books.disputes[at].moved;
        self.books.end_dispute(at, status, fee_back);
        let mut params = vec![("status", status.to_owned())];
        if fee_back {
            params.push(("fee_returned", "true".to_owned()));
        }
        let path = format!("/v1/ledger/disputes/{}", self.books.disputes[at].id);
        Some(Change { path, params, accepted: true })
    }

    /// Money of a dispute is withdrawn again, or comes back, in part or with more than it took.
    pub fn move_dispute(&mut self) -> Option<Change> {
        let at = self.any(self.books.disputes.len())?;
        let size = 1 + self.rng.below(4000);
        let amount = if self.rng.below(3) == 0 { -size } else { size };
        let fee = if self.rng.flip() { 0 } else { self.rng.below(60) - 30 };
        self.books.move_dispute(at, amount, fee);
        let params =
            vec![("id", self.id("mv")), ("amount", amount.to_string()), ("fee", fee.to_string())];
        let path = format!("/v1/ledger/disputes/{}/movements", self.books.disputes[at].id);
        Some(Change { path, params, accepted: true })
    }

    /// A fee, a top-up, or what a charge owes, now or on a later day.
    pub fn adjust(&mut self) -> Option<Change> {
        let (id, now) = (self.id("ad"), self.books.now);
        let draws = self.any(self.books.charges.len()).filter(|_| self.rng.flip());
        let size = 1 + self.rng.below(3000);
        let amount = if draws.is_some() || self.rng.flip() { -size } else { size };
        let source = self.rng.flip().then(|| self.rng.one(&SOURCES));
        let on = self.rng.flip().then(|| now + self.rng.below(9 * DAY));
        let mut pool = (self.rng.one(&CURRENCIES), source.unwrap_or("card"));
        let mut params = vec![("id", id), ("amount", amount.to_string())];
        if let Some(charge) = draws {
            let of = &self.books.charges[charge];
            pool = (of.pool.0, source.unwrap_or(of.pool.1));
            params.extend([("charge", of.id.clone()), ("draw", "true".to_owned())]);
        }
        params.push(("currency", pool.0.to_owned()));
        params.extend(source.map(|source| ("source_type", source.to_owned())));
        params.extend(on.map(|on| ("available_on", on.to_string())));
        let available_on = on.unwrap_or(now);
        self.books.adjust(Adjustment { amount, pool, available_on, settled: false }, draws);
        Some(Change { path: "/v1/ledger/adjustments".to_owned(), params, accepted: true })
    }
}
