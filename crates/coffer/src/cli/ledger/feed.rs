//! Feeds one account's ledger: what Stripe lists is told, window by window, the oldest first.

use super::cut_over;
use super::mark::{Mark, Marks};
use super::reconcile;
use super::record::{self, Record};
use super::stripe::{DAY, Stripe, TRANSACTIONS};
use super::tell::{Outcome, Teller};
use crate::cli::exit::Failure;
use crate::cli::{output, table};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Seconds before the mark that are listed again: a transaction can appear some time after it was
/// created.
const AGAIN: i64 = 3_600;

/// Days that are listed again once a day: delays of availability go to 31.
const LOOK_BACK: i64 = 40 * DAY;

/// The longest window that is listed at once, in seconds: where hardly anything happens.
const WINDOW: i64 = 32 * DAY;

/// Most transactions of a window, which are in memory together, since lists begin with the newest:
/// some 10 MB.
const WINDOW_RECORDS: usize = 10_000;

/// With fewer, the next window is twice as long.
const FEW: usize = 50;

/// The oldest transaction that Stripe can have, in Unix seconds: 2011-01-01.
const FIRST: i64 = 1_293_840_000;

/// Days of which it is shown how many are done.
const SHOWN_DAYS: u64 = 3;

/// Refusals that are remembered, so that each is said once.
const SAID: usize = 10_000;

/// One account, at Stripe and here.
pub struct Feed<'a> {
    /// Where it is read.
    pub stripe: &'a Stripe,
    /// Where it is told.
    pub teller: Teller<'a>,
    /// Where it is kept how far that is.
    pub marks: &'a Marks,
    /// The connected account; the key's own, without.
    pub account: Option<String>,
    /// How far it is.
    pub mark: Mark,
    /// What became of it, since the process began.
    pub told: Outcome,
    said: HashSet<String>,
}

/// What is listed and told.
#[derive(Clone, Copy, Default)]
struct Walk {
    from: i64,
    /// Up to now, without.
    to: Option<i64>,
    /// Whether what is told is done for good.
    is_kept: bool,
    /// Whether it is charges alone, as records without money.
    is_history: bool,
}

/// Where an account begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begin {
    /// With its first transaction.
    First,
    /// With what was created at this time.
    Since(i64),
    /// With its balance.
    Balance,
}

impl<'a> Feed<'a> {
    /// An account, as far as it is.
    ///
    /// # Errors
    /// If that cannot be read.
    pub fn open(
        stripe: &'a Stripe,
        teller: Teller<'a>,
        marks: &'a Marks,
        account: Option<String>,
    ) -> Result<Self, Failure> {
        let mark = marks.read(account.as_deref())?;
        let (told, said) = (Outcome::default(), HashSet::new());
        Ok(Self { stripe, teller, marks, account, mark, told, said })
    }

    /// Takes what is new: transactions, and then what became of disputes and payouts.
    ///
    /// # Errors
    /// If Stripe or the server refuses, or stays away.
    pub fn pass(&mut self, begin: Begin) -> Result<(), Failure> {
        let until = match self.mark.until {
            Some(until) => until,
            None => self.begin(begin)?,
        };
        self.tell_opening()?;
        self.take_new(until)?;
        self.follow_events()
    }

    /// Lists the last days again, for what appeared late or has moved; then compares the balances.
    /// Answers the reconciliation.
    ///
    /// # Errors
    /// If Stripe or the server refuses, or stays away.
    pub fn look_back(&mut self) -> Result<Value, Failure> {
        let now = self.stripe.time(self.account.as_deref())?;
        let from = now.saturating_sub(LOOK_BACK).max(self.mark.from);
        self.walk(Walk { from, ..Walk::default() })?;
        self.look_at_states(now)?;
        let found = self.reconcile()?;
        self.mark.looked_back = now;
        self.keep()?;
        Ok(found)
    }

    /// Takes the balance, lists once more, and has the ledger compare.
    ///
    /// # Errors
    /// If Stripe or the server refuses, or stays away.
    pub fn reconcile(&mut self) -> Result<Value, Failure> {
        let as_of = self.stripe.time(self.account.as_deref())?;
        let balance = self.stripe.get(self.account.as_deref(), "/v1/balance", &[])?;
        let until = self.mark.until.unwrap_or(as_of);
        self.take_new(until)?;
        self.teller.reconcile(&reconcile::params(&balance, as_of)?)
    }

    /// Begins an account: the ledger takes transactions from now on.
    fn begin(&mut self, begin: Begin) -> Result<i64, Failure> {
        let now = self.stripe.time(self.account.as_deref())?;
        let until = match begin {
            Begin::Since(since) => {
                self.teller.take_transactions(Some(since))?;
                since
            }
            Begin::First => {
                let since = self.teller.take_transactions(None)?;
                self.first(now)?.max(since.unwrap_or(FIRST))
            }
            Begin::Balance => {
                self.teller.take_transactions(None)?;
                let (from, to) = cut_over::charges(now);
                self.walk(Walk { from, to: Some(to), is_history: true, is_kept: false })?;
                self.mark.opening = cut_over::opening(self.stripe, self.account.as_deref(), to)?;
                to
            }
        };
        self.mark.from = until;
        self.mark.until = Some(until);
        self.mark.events = until;
        self.keep()?;
        Ok(until)
    }

    /// The day of the first transaction, found by halving: lists only go backwards. Where there is
    /// none it is yesterday.
    fn first(&self, now: i64) -> Result<i64, Failure> {
        let is_any_before = |time: i64| {
            let time = time.to_string();
            let params = [("limit", "1"), ("created[lt]", time.as_str())];
            let list = self.stripe.get(self.account.as_deref(), TRANSACTIONS, &params)?;
            Ok::<_, Failure>(list.get("data").and_then(|data| data.get(0)).is_some())
        };
        let (mut none, mut some) = (FIRST, now.saturating_add(DAY));
        if !is_any_before(some)? {
            // Something may have been created that no list has yet.
            return Ok(now.saturating_sub(DAY));
        }
        while some.saturating_sub(none) > DAY {
            let middle = none.midpoint(some);
            if is_any_before(middle)? {
                some = middle;
            } else {
                none = middle;
            }
        }
        Ok(none)
    }

    /// Tells what stood in the balance at a cut-over.
    fn tell_opening(&mut self) -> Result<(), Failure> {
        if self.mark.opening.is_empty() {
            return Ok(());
        }
        for page in self.mark.opening.clone().chunks(super::tell::PAGE) {
            let told = self.teller.page(page.to_vec(), None)?;
            self.note(told);
        }
        self.mark.opening.clear();
        self.keep()
    }

    /// Takes what was created since the mark, and a little before it.
    fn take_new(&mut self, until: i64) -> Result<(), Failure> {
        // What lies before the beginning is not this ledger's.
        let from = until.saturating_sub(AGAIN).max(self.mark.from);
        self.walk(Walk { from, is_kept: true, ..Walk::default() })
    }

    /// Lists and tells, window by window.
    fn walk(&mut self, walk: Walk) -> Result<(), Failure> {
        let (mut from, mut length) = (walk.from, DAY);
        let bar = self.bar(walk);
        loop {
            bar.set_position(days_between(walk.from, from));
            let end = walk.to.unwrap_or_else(|| self.stripe.now());
            let to = from.saturating_add(length);
            let is_last = to > end;
            let to = if is_last { walk.to } else { Some(to) };
            let most = if length > 1 { WINDOW_RECORDS } else { usize::MAX };
            let Some(mut records) = self.list(from, to, most)? else {
                length = length.min(end.saturating_sub(from)).div_euclid(2).max(1);
                continue;
            };
            if walk.is_history {
                records.retain_mut(cut_over::into_history);
            }
            record::sort(&mut records);
            let told = self.teller.records(&records)?;
            self.note(told);
            if walk.is_kept {
                // What is created ahead of the time at Stripe says nothing of what lies before it.
                let newest = records.last().map_or(from, |newest| newest.created.min(end));
                let reached = to.unwrap_or(newest);
                self.mark.until = Some(self.mark.until.map_or(reached, |old| old.max(reached)));
                self.keep()?;
            }
            if is_last {
                bar.finish_and_clear();
                return Ok(());
            }
            from = to.unwrap_or(end);
            if records.len() < FEW {
                length = length.saturating_mul(2).min(WINDOW);
            }
        }
    }

    /// A bar over the days of a history, on a terminal; of less than one nothing is shown.
    fn bar(&self, walk: Walk) -> ProgressBar {
        let end = walk.to.unwrap_or_else(|| self.stripe.now());
        let days = days_between(walk.from, end);
        if days < SHOWN_DAYS {
            return ProgressBar::hidden();
        }
        let account = self.account.clone().unwrap_or_else(|| "the key's own account".to_owned());
        let bar = ProgressBar::new(days).with_message(account);
        match ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} days {eta}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    /// The transactions of a window, unless there are more than `most`.
    fn list(
        &mut self,
        from: i64,
        to: Option<i64>,
        most: usize,
    ) -> Result<Option<Vec<Record>>, Failure> {
        let (from, to) = (from.to_string(), to.map(|to| to.to_string()));
        let mut params = vec![("expand[]", "data.source"), ("created[gte]", from.as_str())];
        params.extend(to.as_deref().map(|to| ("created[lt]", to)));
        self.list_where(&params, most)
    }

    /// The transactions that fit, unless there are more than `most`.
    pub fn list_where(
        &mut self,
        params: &[(&str, &str)],
        most: usize,
    ) -> Result<Option<Vec<Record>>, Failure> {
        let (mut records, mut odd, mut is_whole) = (Vec::new(), Vec::new(), true);
        self.stripe.pages(self.account.as_deref(), TRANSACTIONS, params, |page| {
            for object in page {
                match Record::of(&object) {
                    Ok(record) => records.push(record),
                    Err(why) => odd.push((id_of(&object), why)),
                }
            }
            is_whole = records.len() <= most;
            Ok(if is_whole { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        let refused = u64::try_from(odd.len()).unwrap_or(u64::MAX);
        self.note(Outcome { refused, refusals: odd, ..Outcome::default() });
        Ok(is_whole.then_some(records))
    }

    /// Counts what became of a page, and says what was refused, once.
    pub fn note(&mut self, told: Outcome) {
        for (id, why) in &told.refusals {
            if self.said.len() >= SAID {
                self.said.clear();
            }
            if self.said.insert(id.clone()) {
                let account = self.account.as_deref().unwrap_or("the key's own account");
                output::note(&format!("coffer: {account}: {id} is not told: {why}"));
            }
        }
        self.told.add(Outcome { refusals: Vec::new(), ..told });
    }

    /// Keeps how far the account is.
    pub fn keep(&self) -> Result<(), Failure> {
        self.marks.keep(self.account.as_deref(), &self.mark)
    }
}

fn days_between(from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from).div_euclid(DAY)).unwrap_or_default()
}

/// The id of an object that is not understood.
fn id_of(object: &Value) -> String {
    let id = object.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
    table::plain(id.unwrap_or("a transaction without an id"))
}
