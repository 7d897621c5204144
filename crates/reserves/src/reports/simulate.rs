//! What a plan would have done: it is applied to the charges that came in, and what refunds and
//! disputes would have drawn of its holds is drawn. Nothing is written.
//!
//! Times are those at which the books were told, as they are for real holds, so that a plan that
//! was there is simulated as it was. An account's money is what it really had, with what was really
//! reserved of it; payouts are those that took place.

use super::captures::Captures;
use super::debits::{debits_since, following, waiting};
use super::money::{Money, money_since};
use super::proposal::Proposal;
use super::replay::{Draws, Records, draws_of};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_ledger::history::{PastCharge, PastDebit, first_seq_after, transaction_of};
use coffer_storage::{StorageError, Store};
use std::collections::{BTreeMap, HashMap};

/// What a plan would have done to the charges of one currency.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Outcome {
    /// Holds that are made: one of each charge, or of each capture where it has several.
    pub(crate) holds: i64,
    /// All that is held, in minor units.
    pub(crate) held: i64,
    /// Most that is held at one time, of the accounts that there are one by one.
    pub(crate) peak: i64,
    /// Drawn by refunds, and by disputes.
    pub(crate) drawn: [i64; 2],
    /// What comes free at its date, by that midnight, up to now and from now on.
    pub(crate) returns: BTreeMap<i64, i64>,
    /// What is held at the end.
    pub(crate) still_held: i64,
    /// Accounts whose payments would have been below zero.
    pub(crate) below_zero: Vec<BelowZero>,
}

/// An account that would have gone below zero.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BelowZero {
    pub(crate) owner: Owner,
    /// Since when, for the first time.
    pub(crate) since: Timestamp,
    /// The lowest that its payments would have been.
    pub(crate) lowest: i64,
    /// The lowest that they were.
    pub(crate) lowest_really: i64,
}

/// What came in and went out of one currency, whatever is held of it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Traffic {
    pub(crate) charges: i64,
    /// What fees left of them.
    pub(crate) net: i64,
    /// Refunds and disputes of them.
    pub(crate) debits: [i64; 2],
}

/// What was found, by currency: the traffic, and the outcome of each proposal.
#[derive(Clone, Debug)]
pub(crate) struct Simulation {
    pub(crate) currencies: BTreeMap<Currency, (Traffic, Vec<Outcome>)>,
    /// Charges that came in.
    pub(crate) charges: i64,
    /// What may still be read: captures, refunds and disputes. Below zero there was more.
    left: i64,
}

/// What one proposal does to one account in one currency, as it is found charge by charge.
#[derive(Default)]
struct Course {
    /// When something is held.
    held: Vec<(i64, i64)>,
    /// When something is drawn.
    drawn: Vec<(i64, i64)>,
    /// What comes free, by midnight.
    returns: BTreeMap<i64, i64>,
}

/// What is simulated of one account.
struct Each<'a> {
    proposals: &'a [Proposal],
    draws: &'a [Option<Draws>],
    money: &'a BTreeMap<Currency, Money>,
    courses: BTreeMap<Currency, Vec<Course>>,
}

/// A hold that a proposal would have made.
struct Held {
    seq: i64,
    due: Option<i64>,
    left: i64,
}

impl Simulation {
    /// One that reads at most so much.
    pub(crate) const fn of_at_most(rows: i64) -> Self {
        Self { currencies: BTreeMap::new(), charges: 0, left: rows }
    }

    /// Whether there was more than may be read. What it has found is then nothing that counts.
    pub(crate) const fn is_beyond(&self) -> bool {
        self.left < 0
    }

    /// Adds what the proposals would have done to an account since a time.
    pub(crate) async fn add_account(
        &mut self,
        store: &Store,
        owner: &Owner,
        proposals: &[Proposal],
        (since, now): (Timestamp, Timestamp),
        floor: i64,
    ) -> Result<(), StorageError> {
        // What was created since a time was told at most a minute before it.
        let before = since.plus(-coffer_ledger::limits::CLOCK_SKEW_SECONDS - 1);
        let first = first_seq_after(store, owner, before).await?;
        let money = money_since(store, owner, before).await?;
        let mut debits = debits_since(store, owner, first, &mut self.left).await?;
        if self.is_beyond() {
            return Ok(());
        }
        let (money, debits_read, most) = (&money, &debits, self.left);
        let records = Records { before, first, since, money, debits: debits_read, most };
        let draws = draws_of(store, owner, proposals, &records, floor).await?;
        let mut each = Each { proposals, draws: &draws, money, courses: BTreeMap::new() };
        let mut several: HashMap<String, Vec<PastCharge>> = HashMap::new();
        let mut captures = Captures::from(first, since);
        while let Some(charge) = captures.next_before(i64::MAX, store, owner).await? {
            self.left = self.left.saturating_sub(1);
            if self.is_beyond() {
                return Ok(());
            }
            self.charges = self.charges.saturating_add(i64::from(charge.is_first));
            if charge.has_others {
                several.entry(charge.id.clone()).or_default().push(charge);
                continue;
            }
            let debits = debits.remove(&charge.id).unwrap_or_default();
            self.add_charge(&mut each, &[charge], &debits, floor);
        }
        for (id, captures) in several {
            let debits = debits.remove(&id).unwrap_or_default();
            self.add_charge(&mut each, &captures, &debits, floor);
        }
        let courses = each.courses;
        for (currency, courses) in courses {
            let Some(money) = money.get(&currency) else { continue };
            let (_, outcomes) = self.of_currency(currency, proposals.len());
            for (course, outcome) in courses.into_iter().zip(outcomes) {
                course.end(owner, money, now, outcome);
            }
        }
        Ok(())
    }

    /// Adds what the proposals would have done to one charge, with all of its captures.
    fn add_charge(
        &mut self,
        each: &mut Each<'_>,
        captures: &[PastCharge],
        debits: &[PastDebit],
        floor: i64,
    ) {
        let Some(currency) = captures.first().map(|first| first.pool.currency) else { return };
        let Some(money) = each.money.get(&currency) else { return };
        let proposals = each.proposals;
        let (traffic, outcomes) = self.of_currency(currency, proposals.len());
        traffic.add(captures, debits);
        let courses = each.courses.entry(currency).or_insert_with(|| empty(proposals.len()));
        let all = proposals.iter().zip(each.draws).zip(outcomes).zip(courses);
        for (((proposal, draws), outcome), course) in all {
            let debits = (debits, draws.as_ref());
            apply(proposal, captures, debits, money, (outcome, course), floor);
        }
    }

    fn of_currency(
        &mut self,
        currency: Currency,
        proposals: usize,
    ) -> (&mut Traffic, &mut Vec<Outcome>) {
        let entry = self.currencies.entry(currency);
        let (traffic, outcomes) =
            entry.or_insert_with(|| (Traffic::default(), vec![Outcome::default(); proposals]));
        (traffic, outcomes)
    }
}

fn empty(proposals: usize) -> Vec<Course> {
    std::iter::repeat_with(Course::default).take(proposals).collect()
}

impl Traffic {
    fn add(&mut self, captures: &[PastCharge], debits: &[PastDebit]) {
        for capture in captures {
            self.charges = self.charges.saturating_add(i64::from(capture.is_first));
            self.net = self.net.saturating_add(capture.net);
        }
        let [refunds, disputes] = &mut self.debits;
        for debit in debits {
            let sum = if debit.is_dispute { &mut *disputes } else { &mut *refunds };
            *sum = sum.saturating_add(debit.amount.max(0));
        }
    }
}

/// Holds a proposal's share of each capture of a charge, and draws what its refunds and disputes
/// take of it: all of it first, or what the replay found that was needed.
fn apply(
    proposal: &Proposal,
    captures: &[PastCharge],
    (debits, draws): (&[PastDebit], Option<&Draws>),
    money: &Money,
    (outcome, course): (&mut Outcome, &mut Course),
    floor: i64,
) {
    let mut holds = Vec::new();
    for capture in captures {
        let Some(held_at) = money.time_of(transaction_of(capture.seq)) else { continue };
        let Some((amount, due)) = proposal.hold_of(capture, held_at, floor) else { continue };
        outcome.holds = outcome.holds.saturating_add(1);
        outcome.held = outcome.held.saturating_add(amount);
        course.held.push((held_at, amount));
        let due = due.map(Timestamp::unix);
        holds.push(Held { seq: capture.seq, due, left: amount });
    }
    // One that was told before its charge takes of it when that comes.
    let first = captures.first().filter(|first| first.is_first).map_or(0, |first| first.seq);
    for debit in waiting(debits, first).iter().chain(following(debits, first)) {
        let seq = debit.seq.max(first);
        let Some(at) = money.time_of(transaction_of(seq)) else { continue };
        let wanted = match draws {
            Some(draws) => draws.get(&debit.seq).copied().unwrap_or(0),
            None => debit.amount,
        };
        let drawn = draw(&mut holds, (seq, at), wanted);
        if drawn > 0 {
            course.drawn.push((at, drawn));
            let [refunds, disputes] = &mut outcome.drawn;
            let sum = if debit.is_dispute { disputes } else { refunds };
            *sum = sum.saturating_add(drawn);
        }
    }
    for (due, left) in holds.into_iter().filter_map(|hold| Some((hold.due?, hold.left))) {
        if left > 0 {
            let sum = course.returns.entry(due).or_default();
            *sum = sum.saturating_add(left);
        }
    }
}

/// Draws of the holds that there are at a moment, of the oldest first.
fn draw(holds: &mut [Held], (seq, at): (i64, i64), wanted: i64) -> i64 {
    let mut drawn = 0i64;
    for hold in holds {
        if hold.seq > seq || hold.due.is_some_and(|due| due <= at) {
            continue;
        }
        let share = hold.left.min(wanted.saturating_sub(drawn));
        hold.left = hold.left.saturating_sub(share);
        drawn = drawn.saturating_add(share);
    }
    drawn
}

impl Course {
    /// Puts the holds beside the money that the account had: what is held at most and at the end,
    /// and whether its payments would have been below zero.
    fn end(mut self, owner: &Owner, money: &Money, now: Timestamp, outcome: &mut Outcome) {
        // Captures that came after others of their charge are not where they belong yet.
        self.held.sort_unstable();
        self.drawn.sort_unstable();
        for (date, amount) in &self.returns {
            let sum = outcome.returns.entry(*date).or_default();
            *sum = sum.saturating_add(*amount);
        }
        let returns: Vec<(i64, i64)> =
            self.returns.into_iter().take_while(|(date, _)| *date <= now.unix()).collect();
        let mut changes = Merged::of([&self.held, &self.drawn, &returns]);
        let (mut held, mut peak) = (0i64, 0i64);
        let mut below: Option<BelowZero> = None;
        let mut lowest_really = 0;
        let mut rows = money.rows.iter().peekable();
        let mut own = 0;
        while let Some(at) = earliest(changes.next_at(), rows.peek().map(|row| row.at)) {
            if let Some(row) = rows.next_if(|row| row.at == at) {
                own = row.own;
                lowest_really = row.payments.min(lowest_really);
            }
            held = held.saturating_add(changes.take(at));
            peak = peak.max(held);
            let payments = own.saturating_sub(held);
            // What is below zero while nothing is held is no doing of the plan.
            if payments < 0 && held > 0 {
                let since = Timestamp::from_unix(at);
                let known = below.get_or_insert_with(|| BelowZero {
                    owner: owner.clone(),
                    since,
                    lowest: payments,
                    lowest_really: 0,
                });
                known.lowest = known.lowest.min(payments);
            }
        }
        outcome.peak = outcome.peak.saturating_add(peak);
        outcome.still_held = outcome.still_held.saturating_add(held);
        outcome.below_zero.extend(below.map(|below| BelowZero { lowest_really, ..below }));
    }
}

fn earliest(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Three lists of changes in order of time, of which the first adds and the others take away.
struct Merged<'a> {
    lists: [&'a [(i64, i64)]; 3],
}

impl<'a> Merged<'a> {
    const fn of(lists: [&'a [(i64, i64)]; 3]) -> Self {
        Self { lists }
    }

    fn next_at(&self) -> Option<i64> {
        self.lists.iter().filter_map(|list| list.first().map(|(at, _)| *at)).min()
    }

    /// All changes up to a time, summed.
    fn take(&mut self, until: i64) -> i64 {
        let mut sum = 0i64;
        for (place, list) in (0..).zip(&mut self.lists) {
            while let Some(((at, amount), rest)) = list.split_first() {
                if *at > until {
                    break;
                }
                let amount = if place == 0 { *amount } else { amount.saturating_neg() };
                sum = sum.saturating_add(amount);
                *list = rest;
            }
        }
        sum
    }
}
