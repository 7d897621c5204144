//! What a plan would have done: it is applied to the charges that came in, and what refunds and
//! disputes would have drawn of its holds is drawn. Nothing is written.
//!
//! Times are those at which the books were told, as they are for real holds, so that a plan that
//! was there is simulated as it was. An account's money is what it really had, with what was really
//! reserved of it; payouts are those that took place.

use super::money::{Money, money_since};
use super::proposal::Proposal;
use super::replay::{Draws, Records, draws_of};
use crate::limits;
use coffer_base::{Currency, Owner, Timestamp};
use coffer_ledger::history::{
    PastCharge, PastDebit, charges_from, debits_from, first_seq_after, transaction_of,
};
use coffer_storage::{StorageError, Store};
use std::collections::{BTreeMap, HashMap};

/// What a plan would have done to the charges of one currency.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Outcome {
    /// Charges of which something is held.
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
#[derive(Clone, Default, Debug)]
pub(crate) struct Simulation {
    pub(crate) currencies: BTreeMap<Currency, (Traffic, Vec<Outcome>)>,
    /// Charges that were read.
    pub(crate) charges: i64,
}

/// What one proposal does to one account in one currency, as it is found charge by charge.
#[derive(Default)]
struct Course {
    /// When something is held, in order.
    held: Vec<(i64, i64)>,
    /// When something is drawn.
    drawn: Vec<(i64, i64)>,
    /// What comes free, by midnight.
    returns: BTreeMap<i64, i64>,
}

impl Simulation {
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
        let mut debits = debits_since(store, owner, first).await?;
        let records = Records { before, first, since, money: &money, debits: &debits };
        let draws = draws_of(store, owner, proposals, &records, floor).await?;
        let mut courses: BTreeMap<Currency, Vec<Course>> = BTreeMap::new();
        let mut seq = first;
        loop {
            let page = charges_from(store, owner, (seq, since), limits::CHARGES_READ).await?;
            let Some(last) = page.last() else { break };
            seq = last.seq.saturating_add(1);
            self.charges = self.charges.saturating_add(count(page.len()));
            if self.charges > limits::CHARGES_SIMULATED {
                break;
            }
            for charge in &page {
                let currency = charge.pool.currency;
                let Some(money) = money.get(&currency) else { continue };
                let debits = debits.remove(&charge.id).unwrap_or_default();
                let (traffic, outcomes) = self.of_currency(currency, proposals.len());
                traffic.add(charge, &debits);
                let courses = courses.entry(currency).or_insert_with(|| empty(proposals.len()));
                let each = proposals.iter().zip(&draws).zip(outcomes).zip(courses);
                for (((proposal, draws), outcome), course) in each {
                    let debits = (&debits[..], draws.as_ref());
                    apply(proposal, charge, debits, money, (outcome, course), floor);
                }
            }
        }
        for (currency, courses) in courses {
            let Some(money) = money.get(&currency) else { continue };
            let (_, outcomes) = self.of_currency(currency, proposals.len());
            for (course, outcome) in courses.into_iter().zip(outcomes) {
                course.end(owner, money, now, outcome);
            }
        }
        Ok(())
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

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

impl Traffic {
    fn add(&mut self, charge: &PastCharge, debits: &[PastDebit]) {
        self.charges = self.charges.saturating_add(1);
        self.net = self.net.saturating_add(charge.net);
        let [refunds, disputes] = &mut self.debits;
        for debit in debits {
            let sum = if debit.is_dispute { &mut *disputes } else { &mut *refunds };
            *sum = sum.saturating_add(debit.amount);
        }
    }
}

/// Holds a proposal's share of a charge, and draws what its refunds and disputes take of it: all of
/// it first, or what the replay found that was needed.
fn apply(
    proposal: &Proposal,
    charge: &PastCharge,
    (debits, draws): (&[PastDebit], Option<&Draws>),
    money: &Money,
    (outcome, course): (&mut Outcome, &mut Course),
    floor: i64,
) {
    let Some(held_at) = money.time_of(transaction_of(charge.seq)) else { return };
    let Some((amount, due)) = proposal.hold_of(charge, held_at, floor) else { return };
    let mut left = amount;
    outcome.holds = outcome.holds.saturating_add(1);
    outcome.held = outcome.held.saturating_add(left);
    course.held.push((held_at, left));
    for debit in debits {
        let Some(at) = money.time_of(transaction_of(debit.seq)) else { continue };
        // One that was told before its charge takes of it when that comes.
        let at = at.max(held_at);
        if due.is_some_and(|due| due.unix() <= at) {
            break;
        }
        let wanted = match draws {
            Some(draws) => draws.get(&debit.seq).copied().unwrap_or(0),
            None => debit.amount,
        };
        let drawn = left.min(wanted);
        if drawn > 0 {
            left = left.saturating_sub(drawn);
            course.drawn.push((at, drawn));
            let [refunds, disputes] = &mut outcome.drawn;
            let sum = if debit.is_dispute { disputes } else { refunds };
            *sum = sum.saturating_add(drawn);
        }
    }
    match due {
        Some(due) if left > 0 => {
            let sum = course.returns.entry(due.unix()).or_default();
            *sum = sum.saturating_add(left);
        }
        _ => {}
    }
}

impl Course {
    /// Puts the holds beside the money that the account had: what is held at most and at the end,
    /// and whether its payments would have been below zero.
    fn end(mut self, owner: &Owner, money: &Money, now: Timestamp, outcome: &mut Outcome) {
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

/// The refunds and disputes from a row number on, by charge, each charge's in the order in which
/// they were recorded.
async fn debits_since(
    store: &Store,
    owner: &Owner,
    first: i64,
) -> Result<HashMap<String, Vec<PastDebit>>, StorageError> {
    let mut debits: HashMap<String, Vec<PastDebit>> = HashMap::new();
    for is_dispute in [false, true] {
        let mut seq = first;
        loop {
            let page = debits_from(store, owner, (seq, is_dispute), limits::CHARGES_READ).await?;
            let Some(last) = page.last() else { break };
            seq = last.seq.saturating_add(1);
            for debit in page {
                debits.entry(debit.charge.clone()).or_default().push(debit);
            }
        }
    }
    for of_charge in debits.values_mut() {
        of_charge.sort_unstable_by_key(|debit| debit.seq);
    }
    Ok(debits)
}
