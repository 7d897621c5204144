//! What a plan that draws only if it is needed would have given. That depends on what else the
//! account had at the moment of each refund, and so on every other hold: all postings are gone
//! through in their order, with the plan's holds in the place of those that there were.

use super::money::Money;
use super::proposal::Proposal;
use crate::limits;
use coffer_base::{Currency, Owner, Timestamp};
use coffer_ledger::Pool;
use coffer_ledger::history::{
    PastCharge, PastDebit, PastMove, charges_from, moves_after, pools_at, transaction_of,
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

/// A hold that one proposal would have made.
#[derive(Debug)]
struct Held {
    pool: Pool,
    /// What is left of it.
    left: i64,
    /// Whether its charge's money is pending.
    pending: bool,
    /// What of the charge's pending money is the account's, the hold included; of a charge that
    /// transactions tell it is not known.
    of_charge: Option<i64>,
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
    pub(super) debits: &'a HashMap<String, Vec<PastDebit>>,
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
        let mut charges = Pages::of(records.first);
        let all = records.debits.values().flatten();
        let mut waiting: HashMap<&str, &PastDebit> =
            all.map(|debit| (debit.id.as_str(), debit)).collect();
        let mut place = (records.first, -1);
        loop {
            let moves = moves_after(store, owner, place, limits::CHARGES_READ).await?;
            let Some(last) = moves.last() else { return Ok(()) };
            place = last.place;
            for each in &moves {
                let now = each.place.0;
                while let Some(charge) = charges.next_before(now, store, owner, records).await? {
                    self.hold(&charge);
                    let debits = records.debits.get(&charge.id).map_or(&[][..], Vec::as_slice);
                    for debit in debits.iter().filter(|debit| !waiting.contains_key(&*debit.id)) {
                        // It was told before its charge, and takes when that comes.
                        self.take(debit, charge.seq);
                    }
                }
                if let Some(debit) = waiting.remove(each.source.as_str()) {
                    self.take(debit, now);
                }
                self.apply(each);
            }
        }
    }

    fn apply(&mut self, each: &PastMove) {
        let own = self.pools.entry(each.pool).or_default();
        own.pending = own.pending.saturating_add(each.pending);
        own.available = own.available.saturating_add(each.available);
        if each.settles {
            self.courses.iter_mut().for_each(|(_, course)| course.settle(&each.source));
        }
    }

    /// Makes the holds of a charge.
    fn hold(&mut self, charge: &PastCharge) {
        let Some(at) = time_of(self.money, charge.pool, charge.seq) else { return };
        for (proposal, course) in &mut self.courses {
            let Some((amount, due)) = proposal.hold_of(charge, at, self.floor) else { continue };
            let pending = charge.available_on.unix() > at;
            let of_charge = (pending && !charge.by_transaction).then_some(charge.net);
            let held = Held { pool: charge.pool, left: amount, pending, of_charge };
            course.change(held.pool, pending, amount);
            course.holds.insert(charge.id.clone(), held);
            if let Some(due) = due {
                course.due.entry(due.unix()).or_default().push(charge.id.clone());
            }
        }
    }

    /// Takes of a charge's hold what the account's own money does not cover of a debit.
    fn take(&mut self, debit: &PastDebit, seq: i64) {
        for (_, course) in &mut self.courses {
            let Some(pool) = course.holds.get(&debit.charge).map(|held| held.pool) else {
                continue;
            };
            let Some(time) = time_of(self.money, pool, seq) else { continue };
            let own = self.pools.get(&pool).copied().unwrap_or_default();
            course.release_due(time);
            course.take(debit, own);
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

    /// A charge's money is available, and what is held of it.
    fn settle(&mut self, charge: &str) {
        let Some(held) = self.holds.get_mut(charge).filter(|held| held.pending) else { return };
        held.pending = false;
        held.of_charge = None;
        let (pool, left) = (held.pool, held.left);
        self.change(pool, true, left.saturating_neg());
        self.change(pool, false, left);
    }

    /// Releases what is due by a time.
    fn release_due(&mut self, time: i64) {
        while let Some(entry) = self.due.first_entry().filter(|entry| *entry.key() <= time) {
            for charge in entry.remove() {
                if let Some(held) = self.holds.remove(&charge) {
                    self.change(held.pool, held.pending, held.left.saturating_neg());
                }
            }
        }
    }

    /// Takes of the hold what the account's own money does not cover, as the rules do.
    fn take(&mut self, debit: &PastDebit, own: Own) {
        let Some(held) = self.holds.get_mut(&debit.charge) else { return };
        let all = self.held.get(&held.pool).copied().unwrap_or_default();
        let available = own.available.saturating_sub(all.available).max(0);
        let pending = match held.of_charge {
            Some(of_charge) => of_charge.saturating_sub(held.left),
            None if held.pending => own.pending.saturating_sub(all.pending),
            None => 0,
        };
        let covered = available.saturating_add(pending.max(0));
        let drawn = held.left.min(debit.amount.saturating_sub(covered).max(0));
        held.left = held.left.saturating_sub(drawn);
        if let Some(of_charge) = &mut held.of_charge {
            let free = of_charge.saturating_sub(held.left).max(0);
            *of_charge = of_charge.saturating_sub(free.min(debit.amount));
        }
        let (pool, pending) = (held.pool, held.pending);
        self.change(pool, pending, drawn.saturating_neg());
        if drawn > 0 {
            self.draws.insert(debit.seq, drawn);
        }
    }
}

/// Charges, page by page.
struct Pages {
    next: i64,
    page: std::iter::Peekable<std::vec::IntoIter<PastCharge>>,
    ended: bool,
}

impl Pages {
    fn of(first: i64) -> Self {
        Self { next: first, page: Vec::new().into_iter().peekable(), ended: false }
    }

    /// The next charge that was recorded before a number.
    async fn next_before(
        &mut self,
        now: i64,
        store: &Store,
        owner: &Owner,
        records: &Records<'_>,
    ) -> Result<Option<PastCharge>, StorageError> {
        if self.page.peek().is_none() && !self.ended {
            let from = (self.next, records.since);
            let page = charges_from(store, owner, from, limits::CHARGES_READ).await?;
            self.ended = page.is_empty();
            self.next = page.last().map_or(self.next, |last| last.seq.saturating_add(1));
            self.page = page.into_iter().peekable();
        }
        Ok(self.page.next_if(|charge| charge.seq < now))
    }
}
