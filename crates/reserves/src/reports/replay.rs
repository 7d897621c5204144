//! What a plan that draws only if it is needed would have given. That depends on what else the
//! account had at the moment of each refund, and so on every other hold: all postings are gone
//! through in their order, with the plan's holds in the place of those that there were.

use super::captures::Captures;
use super::debits::{Debits, waiting};
use super::money::Money;
use super::proposal::Proposal;
use crate::limits;
use coffer_base::{Currency, Owner, Timestamp};
use coffer_ledger::Pool;
use coffer_ledger::history::{
    DebitsOf, PastCharge, PastDebit, PastMove, moves_after, pools_at, transaction_of,
};
use coffer_storage::{StorageError, Store};
use std::collections::{BTreeMap, HashMap};

/// What each debit drew, by its number in the ledger.
pub(super) type Draws = HashMap<i64, i64>;

/// Money of one pool: what is pending, and what is available.
#[derive(Clone, Copy, Default, Debug)]
struct Own {
    pending: i64,
    available: i64,
}

/// What one proposal would have held of a charge.
#[derive(Default, Debug)]
struct Held {
    captures: Vec<Capture>,
    /// What of the charge's pending money is the account's, the hold included; of a charge that
    /// transactions tell it is not known.
    of_charge: Option<i64>,
    /// What of that each fact took, which comes back there if it does.
    taken: Vec<(i64, i64)>,
}

/// What it would have held of one capture of a charge.
#[derive(Debug)]
struct Capture {
    pool: Pool,
    available_on: Timestamp,
    /// Whether its money is pending.
    pending: bool,
    /// When what is left of it comes free.
    due: Option<i64>,
    left: i64,
}

impl Held {
    fn left(&self) -> i64 {
        self.captures.iter().fold(0, |sum, capture| sum.saturating_add(capture.left))
    }

    /// Whether money of any capture is pending.
    fn is_pending(&self) -> bool {
        self.captures.iter().any(|capture| capture.pending)
    }
}

/// The holds of one proposal, as they are at one moment.
#[derive(Default)]
struct Course {
    holds: HashMap<String, Held>,
    /// What is held of each pool.
    held: HashMap<Pool, Own>,
    /// Which holds come free at a date.
    due: BTreeMap<i64, Vec<String>>,
    draws: Draws,
}

/// What was recorded, in its order.
struct Replay<'a> {
    money: &'a BTreeMap<Currency, Money>,
    floor: i64,
    pools: HashMap<Pool, Own>,
    courses: Vec<(&'a Proposal, Course)>,
}

/// Where an account's records begin, and what there is of them.
pub(super) struct Records<'a> {
    /// When they begin, and the number of the first.
    pub(super) before: Timestamp,
    pub(super) first: i64,
    /// Since when charges count.
    pub(super) since: Timestamp,
    pub(super) money: &'a BTreeMap<Currency, Money>,
    pub(super) debits: &'a Debits,
    /// Most captures that are read. Beyond them nothing is replayed, since it counts no more.
    pub(super) most: i64,
}

/// What each proposal would have drawn that draws only if it is needed; nothing of any other.
pub(super) async fn draws_of(
    store: &Store,
    owner: &Owner,
    proposals: &[Proposal],
    records: &Records<'_>,
    floor: i64,
) -> Result<Vec<Option<Draws>>, StorageError> {
    if proposals.iter().all(|proposal| !proposal.asks()) {
        return Ok(vec![None; proposals.len()]);
    }
    let asking = proposals.iter().filter(|proposal| proposal.asks());
    let courses = asking.map(|proposal| (proposal, Course::default())).collect();
    let pools = pools_at(store, owner, records.before).await?.into_iter().map(|(pool, at)| {
        let pending = at.pending.saturating_add(at.reserved_pending);
        (pool, Own { pending, available: at.available.saturating_add(at.reserved_available) })
    });
    let pools = pools.collect();
    let mut replay = Replay { money: records.money, floor, pools, courses };
    replay.run(store, owner, records).await?;
    let mut found = replay.courses.into_iter().map(|(_, course)| course.draws);
    Ok(proposals.iter().map(|each| each.asks().then(|| found.next()).flatten()).collect())
}

impl<'a> Replay<'a> {
    /// Goes through charges and postings as they were recorded. A charge makes its holds before it
    /// is posted; a debit asks what there is before the first posting about it takes.
    async fn run(
        &mut self,
        store: &Store,
        owner: &Owner,
        records: &Records<'a>,
    ) -> Result<(), StorageError> {
        let mut charges = Captures::from(records.first, records.since);
        let mut debits: Vec<&PastDebit> = records.debits.values().flatten().collect();
        debits.sort_unstable_by_key(|debit| debit.seq);
        let mut debits = debits.into_iter().peekable();
        let (mut place, mut left) = ((records.first, -1), records.most);
        // What was told before its charge, and takes when that has come; and the charge's entry.
        let (mut parked, mut entry) = (Vec::new(), 0);
        loop {
            let moves = moves_after(store, owner, place, limits::CHARGES_READ).await?;
            let Some(last) = moves.last() else { break };
            place = last.place;
            for each in &moves {
                let now = each.place.0;
                if now > entry {
                    self.take_all(&mut parked);
                }
                // What was recorded since the posting before, in its order. A movement can have the
                // number of its first entry.
                loop {
                    let debit = debits.next_if(|debit| debit.seq <= now);
                    let until = debit.map_or(now, |debit| debit.seq);
                    while let Some(charge) = charges.next_before(until, store, owner).await? {
                        left = left.saturating_sub(1);
                        if left < 0 {
                            return Ok(());
                        }
                        self.hold(&charge);
                        if charge.is_first {
                            let debits = records.debits.get(&charge.id);
                            let told = debits.map_or(&[][..], Vec::as_slice);
                            let waiting = waiting(told, charge.seq).into_iter();
                            parked.extend(waiting.map(|debit| (debit, charge.seq)));
                            entry = now;
                        }
                    }
                    let Some(debit) = debit else { break };
                    self.take(debit, debit.seq);
                }
                self.apply(each);
            }
        }
        self.take_all(&mut parked);
        Ok(())
    }

    fn take_all(&mut self, parked: &mut Vec<(PastDebit, i64)>) {
        for (debit, seq) in parked.drain(..) {
            self.take(&debit, seq);
        }
    }

    fn apply(&mut self, each: &PastMove) {
        let own = self.pools.entry(each.pool).or_default();
        own.pending = own.pending.saturating_add(each.pending);
        own.available = own.available.saturating_add(each.available);
        if let Some(until) = each.settles {
            self.courses.iter_mut().for_each(|(_, course)| course.settle(&each.source, until));
        }
    }

    /// Makes the holds of a charge.
    fn hold(&mut self, charge: &PastCharge) {
        let Some(at) = time_of(self.money, charge.pool, charge.seq) else { return };
        for (proposal, course) in &mut self.courses {
            let held = proposal.hold_of(charge, at, self.floor);
            if held.is_none() && !charge.has_others {
                continue;
            }
            let (left, due) = held.unwrap_or((0, None));
            let (pool, available_on) = (charge.pool, charge.available_on);
            let (pending, due) = (available_on.unix() > at, due.map(Timestamp::unix));
            let held = course.holds.entry(charge.id.clone()).or_default();
            held.of_charge = (pending && !charge.by_transaction).then_some(charge.net);
            held.captures.push(Capture { pool, available_on, pending, due, left });
            course.change(pool, pending, left);
            if let Some(due) = due {
                course.due.entry(due).or_default().push(charge.id.clone());
            }
        }
    }

    /// Takes of a charge's hold what the account's own money does not cover of a debit. What comes
    /// back takes nothing.
    fn take(&mut self, debit: &PastDebit, seq: i64) {
        for (_, course) in &mut self.courses {
            let held = course.holds.get(&debit.charge).and_then(|held| held.captures.first());
            let Some(pool) = held.map(|first| first.pool) else { continue };
            if debit.amount < 0 {
                course.come_back(debit);
                continue;
            }
            let Some(time) = time_of(self.money, pool, seq) else { continue };
            let own = self.pools.get(&pool).copied().unwrap_or_default();
            course.release_due(time);
            course.take(debit, pool, own);
        }
    }
}

/// When something was recorded.
fn time_of(money: &BTreeMap<Currency, Money>, pool: Pool, seq: i64) -> Option<i64> {
    money.get(&pool.currency)?.time_of(transaction_of(seq))
}

impl Course {
    /// Changes what is held of a pool.
    fn change(&mut self, pool: Pool, pending: bool, by: i64) {
        let held = self.held.entry(pool).or_default();
        let side = if pending { &mut held.pending } else { &mut held.available };
        *side = side.saturating_add(by);
    }

    /// The money of a charge's captures up to a date is available, and what is held of it.
    fn settle(&mut self, charge: &str, until: Timestamp) {
        let Some((charge, mut held)) = self.holds.remove_entry(charge) else { return };
        let is_due = |each: &&mut Capture| each.pending && each.available_on <= until;
        for capture in held.captures.iter_mut().filter(is_due) {
            capture.pending = false;
            self.change(capture.pool, true, capture.left.saturating_neg());
            self.change(capture.pool, false, capture.left);
        }
        if !held.is_pending() {
            held.of_charge = None;
        }
        self.holds.insert(charge, held);
    }

    /// Releases what is due by a time.
    fn release_due(&mut self, time: i64) {
        while let Some(entry) = self.due.first_entry().filter(|entry| *entry.key() <= time) {
            let (date, charges) = entry.remove_entry();
            for charge in charges {
                let Some(mut held) = self.holds.remove(&charge) else { continue };
                for capture in held.captures.iter_mut().filter(|each| each.due == Some(date)) {
                    self.change(capture.pool, capture.pending, capture.left.saturating_neg());
                    capture.left = 0;
                }
                if held.left() > 0 || held.captures.len() > 1 {
                    self.holds.insert(charge, held);
                }
            }
        }
    }

    /// What a fact took of a charge's pending money is pending again where it comes back in time.
    fn come_back(&mut self, debit: &PastDebit) {
        let Some(held) = self.holds.get_mut(&debit.charge) else { return };
        let Some(of_charge) = &mut held.of_charge else { return };
        let mut left = debit.amount.saturating_neg();
        for (_, taken) in held.taken.iter_mut().filter(|(fact, _)| *fact == debit.fact) {
            let back = left.min(*taken);
            left = left.saturating_sub(back);
            *taken = taken.saturating_sub(back);
            *of_charge = of_charge.saturating_add(back);
        }
    }

    /// Takes of the holds what the account's own money does not cover, as the rules do.
    fn take(&mut self, debit: &PastDebit, pool: Pool, own: Own) {
        let all = self.held.get(&pool).copied().unwrap_or_default();
        let Some((charge, mut held)) = self.holds.remove_entry(&debit.charge) else { return };
        let available = own.available.saturating_sub(all.available).max(0);
        let pending = match held.of_charge {
            Some(of_charge) => of_charge.saturating_sub(held.left()),
            None if held.is_pending() => own.pending.saturating_sub(all.pending),
            None => 0,
        };
        let covered = available.saturating_add(pending.max(0));
        let drawn = held.left().min(debit.amount.saturating_sub(covered).max(0));
        let mut left = drawn;
        for capture in &mut held.captures {
            let share = capture.left.min(left);
            left = left.saturating_sub(share);
            capture.left = capture.left.saturating_sub(share);
            self.change(capture.pool, capture.pending, share.saturating_neg());
        }
        let still = held.left();
        // An adjustment takes by its own date, and nothing of what its charge has pending.
        let of_charge = held.of_charge.as_mut().filter(|_| debit.of != DebitsOf::Adjustments);
        if let Some(of_charge) = of_charge {
            let free = of_charge.saturating_sub(still).max(0);
            let taken = free.min(debit.amount);
            *of_charge = of_charge.saturating_sub(taken);
            held.taken.push((debit.fact, taken));
        }
        self.holds.insert(charge, held);
        if drawn > 0 {
            self.draws.insert(debit.seq, drawn);
        }
    }
}
