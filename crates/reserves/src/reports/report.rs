//! The figures of a report: each is found in the ledger's history, so that a report of any past
//! moment says what the books said then.

use crate::store::plan_version;
use coffer_base::{Currency, Owner, Timestamp, clock::DAY_SECONDS};
use coffer_ledger::FigureKind;
use coffer_ledger::history::{PoolAt, breaches_at, figures_at, pools_at};
use coffer_storage::{StorageError, Store};
use std::collections::BTreeMap;

/// Days that a forecast looks ahead: no hold lasts longer, but for the day to its midnight.
pub(crate) const FORECAST_DAYS: i64 = 181;

/// Days past their date for which holds that are still there are looked for.
const OVERDUE_DAYS: i64 = 30;

/// Behind all that the books say.
const NEWEST: Timestamp = Timestamp::from_unix(i64::MAX);

/// Of which moment a report is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AsOf {
    /// Up to when the history is read, and from when days are counted.
    pub(crate) today: Timestamp,
    /// Days after a charge within which it can be disputed.
    pub(crate) window_days: i64,
}

/// The figures of one account in one currency, or of several accounts together, in minor units.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Figures {
    /// What can still be disputed.
    pub(crate) exposure: i64,
    /// What is where.
    pub(crate) pool: PoolAt,
    /// By how much payments are below zero, account by account.
    pub(crate) negative: i64,
    /// How many accounts are.
    pub(crate) negative_accounts: i64,
    /// Payouts that took more than was available.
    pub(crate) breaches: i64,
    /// What comes free, by the midnight at which it does.
    pub(crate) releases: BTreeMap<i64, i64>,
    /// What is held past its date.
    pub(crate) overdue: i64,
    /// What is held without a date.
    pub(crate) undated: i64,
}

impl Figures {
    /// What of the exposure is covered by what is reserved, in hundredths of a percent; `None` if
    /// there is no exposure.
    pub(crate) fn coverage(&self) -> Option<i64> {
        if self.exposure <= 0 {
            return None;
        }
        let share = i128::from(self.pool.reserved()) * 10_000 / i128::from(self.exposure);
        Some(i64::try_from(share).unwrap_or(i64::MAX))
    }

    /// What comes free within some days from `today` on, with what is past its date.
    pub(crate) fn due_within(&self, today: Timestamp, days: i64) -> i64 {
        let end = today.plus(days.saturating_mul(DAY_SECONDS)).unix();
        let due = self.releases.range(..=end).map(|(_, amount)| *amount);
        due.fold(self.overdue, i64::saturating_add)
    }

    /// Adds those of another account.
    pub(crate) fn add(&mut self, other: &Self) {
        let sum = |to: &mut i64, more: i64| *to = to.saturating_add(more);
        sum(&mut self.exposure, other.exposure);
        self.add_pool(&other.pool);
        sum(&mut self.negative, other.negative);
        sum(&mut self.negative_accounts, other.negative_accounts);
        sum(&mut self.breaches, other.breaches);
        sum(&mut self.overdue, other.overdue);
        sum(&mut self.undated, other.undated);
        for (day, amount) in &other.releases {
            sum(self.releases.entry(*day).or_default(), *amount);
        }
    }

    fn add_pool(&mut self, other: &PoolAt) {
        let pool = &mut self.pool;
        let sum = |to: &mut i64, more: i64| *to = to.saturating_add(more);
        sum(&mut pool.pending, other.pending);
        sum(&mut pool.available, other.available);
        sum(&mut pool.reserved_pending, other.reserved_pending);
        sum(&mut pool.reserved_available, other.reserved_available);
        sum(&mut pool.in_transit, other.in_transit);
    }

    /// What follows from an account's own figures, once they are complete.
    fn settle(&mut self) {
        let payments = self.pool.pending.saturating_add(self.pool.available);
        self.negative = payments.min(0).saturating_neg();
        self.negative_accounts = i64::from(payments < 0);
    }
}

/// The figures of an account at a moment, by currency: those of which it had any money.
pub(crate) async fn of_account(
    store: &Store,
    owner: &Owner,
    moment: &AsOf,
) -> Result<BTreeMap<Currency, Figures>, StorageError> {
    let mut currencies: BTreeMap<Currency, Figures> = BTreeMap::new();
    for (pool, state) in pools_at(store, owner, moment.today).await? {
        currencies.entry(pool.currency).or_default().add_pool(&state);
    }
    for (currency, count) in breaches_at(store, owner, moment.today).await? {
        currencies.entry(currency).or_default().breaches = count;
    }
    for (currency, figures) in &mut currencies {
        figures.exposure = exposure(store, owner, *currency, moment).await?;
        releases(store, owner, *currency, moment, figures).await?;
        figures.settle();
    }
    Ok(currencies)
}

/// What can still be disputed: of the charges of as many days as a dispute can come after, counted
/// in whole days (UTC) with the day of the moment.
async fn exposure(
    store: &Store,
    owner: &Owner,
    currency: Currency,
    moment: &AsOf,
) -> Result<i64, StorageError> {
    let today = moment.today.last_midnight();
    let first = today.plus(moment.window_days.saturating_mul(-DAY_SECONDS)).unix();
    // A charge may be created a minute ahead of the server's clock.
    let last = today.plus(DAY_SECONDS).unix();
    let which = (FigureKind::Exposed, currency);
    let days = figures_at(store, owner, which, (first, last), moment.today).await?;
    Ok(days.iter().fold(0, |sum, (_, amount)| sum.saturating_add(*amount)))
}

/// What is held, by the date at which it comes free as of the moment.
async fn releases(
    store: &Store,
    owner: &Owner,
    currency: Currency,
    moment: &AsOf,
    figures: &mut Figures,
) -> Result<(), StorageError> {
    let today = moment.today;
    let first = today.plus(-OVERDUE_DAYS * DAY_SECONDS).unix();
    // A hold can be moved until 180 days after its creation, and ends at the midnight after.
    let last = today.plus((FORECAST_DAYS + 1) * DAY_SECONDS).unix();
    let dated = (FigureKind::HeldUntil, currency);
    let mut due = figures_at(store, owner, dated, (first, last), moment.today).await?;
    let planned = (FigureKind::HeldByPlan, currency);
    for (plan, amount) in figures_at(store, owner, planned, (0, i64::MAX), moment.today).await? {
        match plan_version::date_at(store, owner, plan, moment.today).await? {
            Some(date) => due.push((date.unix(), amount)),
            None => figures.undated = figures.undated.saturating_add(amount),
        }
    }
    for (date, amount) in due {
        let to = if date <= today.unix() {
            &mut figures.overdue
        } else {
            figures.releases.entry(date).or_default()
        };
        *to = to.saturating_add(amount);
    }
    Ok(())
}

/// How much is released by `until`, by currency, as the books are now: by dates of holds, and by
/// those of plans. It takes as long as there are dates, however many holds there are.
pub(crate) async fn due_by(
    store: &Store,
    owner: &Owner,
    until: Timestamp,
) -> Result<Vec<(Currency, i64)>, StorageError> {
    let mut due: BTreeMap<Currency, i64> = BTreeMap::new();
    for (pool, _) in pools_at(store, owner, NEWEST).await? {
        due.entry(pool.currency).or_default();
    }
    for (currency, sum) in &mut due {
        let dated = (FigureKind::HeldUntil, *currency);
        for (_, amount) in figures_at(store, owner, dated, (0, until.unix()), NEWEST).await? {
            *sum = sum.saturating_add(amount);
        }
        let planned = (FigureKind::HeldByPlan, *currency);
        for (plan, amount) in figures_at(store, owner, planned, (0, i64::MAX), NEWEST).await? {
            let date = plan_version::date_at(store, owner, plan, NEWEST).await?;
            if date.is_some_and(|date| date <= until) {
                *sum = sum.saturating_add(amount);
            }
        }
    }
    Ok(due.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_is_a_share_of_what_can_still_be_disputed() {
        let figures = |exposure, reserved_available| Figures {
            exposure,
            pool: PoolAt { reserved_available, ..PoolAt::default() },
            ..Figures::default()
        };
        assert_eq!(figures(10_000, 1_500).coverage(), Some(1_500));
        assert_eq!(figures(3, 1).coverage(), Some(3_333));
        assert_eq!(figures(0, 1).coverage(), None);
        assert_eq!(figures(1, i64::MAX).coverage(), Some(i64::MAX));
    }

    #[test]
    fn what_is_due_counts_what_is_late() {
        let day = |count: i64| count * DAY_SECONDS;
        let releases = [(day(3), 10), (day(7), 5), (day(8), 90)].into_iter().collect();
        let figures = Figures { releases, overdue: 1, ..Figures::default() };
        assert_eq!(figures.due_within(Timestamp::from_unix(0), 7), 16);
    }
}
