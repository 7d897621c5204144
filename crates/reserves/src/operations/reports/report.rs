//! `GET /v1/admin/reserves/report`: exposure, reserves and coverage, now or at any past moment.

use super::{WHICH, Which};
use crate::limits;
use crate::reasons;
use crate::reports::report::{AsOf, FORECAST_DAYS, Figures, of_account};
use coffer_base::{Currency, Owner, Timestamp, limit};
use coffer_dialect::{ApiError, Object, Value};
use coffer_kernel::{Access, Arguments, Ctx, Definition, Example, Failure, ReadOperation};
use coffer_ledger::params::optional_time;
use coffer_storage::Store;
use std::collections::BTreeMap;

/// The operation.
pub(crate) struct Report;

/// Which accounts are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Only {
    Negative,
    Reserved,
    Due,
    Breached,
}

/// By what they are sorted, the largest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sort {
    Exposure,
    Reserved,
    Negative,
    Due,
    Breaches,
    Coverage,
}

/// What is asked.
pub(crate) struct Query {
    which: Which,
    as_of: Option<Timestamp>,
    window_days: i64,
    only: Option<Only>,
    sort: Sort,
    limit: usize,
    page: usize,
}

/// The figures of one account in one currency.
struct Line {
    owner: Owner,
    currency: Currency,
    figures: Figures,
}

impl ReadOperation for Report {
    const DEFINITION: Definition =
        Definition::get("admin.reserves.report", "/v1/admin/reserves/report", Access::AUDITED)
            .example(Example::of(&[("mode", "test")]));
    type Input = Query;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Query, ApiError> {
        let own = ["as_of", "window_days", "only", "sort", "limit", "page"];
        let fields = arguments.params.only(&[&WHICH[..], &own[..]].concat())?;
        let only = [
            ("negative", Only::Negative),
            ("reserved", Only::Reserved),
            ("due", Only::Due),
            ("breached", Only::Breached),
        ];
        let sort = [
            ("exposure", Sort::Exposure),
            ("reserved", Sort::Reserved),
            ("negative", Sort::Negative),
            ("due", Sort::Due),
            ("breaches", Sort::Breaches),
            ("coverage", Sort::Coverage),
        ];
        let which = Which::parse(&fields)?;
        let as_of = optional_time(&fields, "as_of")?;
        let days = 1..=limits::DISPUTE_DAYS_CEILING;
        let window = fields.optional_integer_within("window_days", days)?;
        let only = fields.optional_choice("only", &only)?;
        let sort = fields.optional_choice("sort", &sort)?;
        let size = fields.optional_integer_within("limit", 1..=limit::PAGE_CEILING)?;
        let page = fields.optional_integer_within("page", 1..=limits::LEDGERS_OF_REPORT)?;
        let count = |value: Option<i64>, other| {
            value.and_then(|value| usize::try_from(value).ok()).unwrap_or(other)
        };
        Ok(Query {
            which,
            as_of,
            window_days: window.unwrap_or(limits::DISPUTE_DAYS),
            only,
            sort: sort.unwrap_or(only.map_or(Sort::Exposure, Only::sort)),
            limit: count(size, 10),
            page: count(page, 1),
        })
    }

    async fn run(&self, query: &Query, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let ledgers = query.which.bounded(store).await?;
        // The clock of a ledger can be ahead, in developer mode.
        let latest = ledgers.iter().map(|(_, last)| *last).fold(ctx.now(), Ord::max);
        query.check(latest)?;
        let moment = query.moment(latest);
        let mut lines = Vec::new();
        for (owner, _) in &ledgers {
            for (currency, figures) in of_account(store, owner, &moment).await? {
                lines.push(Line { owner: owner.clone(), currency, figures });
            }
        }
        let mut totals: BTreeMap<Currency, Figures> = BTreeMap::new();
        for line in &lines {
            totals.entry(line.currency).or_default().add(&line.figures);
        }
        Ok(query.object(&moment, &totals, lines))
    }
}

impl Only {
    const fn sort(self) -> Sort {
        match self {
            Self::Negative => Sort::Negative,
            Self::Reserved => Sort::Reserved,
            Self::Due => Sort::Due,
            Self::Breached => Sort::Breaches,
        }
    }

    fn has(self, figures: &Figures, today: Timestamp) -> bool {
        match self {
            Self::Negative => figures.negative > 0,
            Self::Reserved => figures.pool.reserved() > 0,
            Self::Due => figures.due_within(today, limits::DUE_DAYS) > 0,
            Self::Breached => figures.breaches > 0,
        }
    }
}

impl Sort {
    /// What stands first is largest, but for coverage, of which the lowest is the most urgent.
    fn key(self, figures: &Figures, today: Timestamp) -> i64 {
        match self {
            Self::Exposure => figures.exposure,
            Self::Reserved => figures.pool.reserved(),
            Self::Negative => figures.negative,
            Self::Due => figures.due_within(today, limits::DUE_DAYS),
            Self::Breaches => figures.breaches,
            Self::Coverage => figures.coverage().map_or(i64::MIN, i64::saturating_neg),
        }
    }
}

impl Query {
    fn check(&self, now: Timestamp) -> Result<(), ApiError> {
        if self.as_of.is_some_and(|at| at > now) {
            let message = "Invalid as_of: it lies ahead. A report is of now, or of the past; what \
                           is to come is in its forecast.";
            let error = ApiError::invalid_param("as_of", message);
            return Err(error.because(&reasons::AS_OF_AHEAD));
        }
        Ok(())
    }

    /// The moment: without `as_of` the newest.
    fn moment(&self, latest: Timestamp) -> AsOf {
        let today = self.as_of.unwrap_or(latest);
        AsOf { today, window_days: self.window_days }
    }

    /// The lines of the page, and how many there are in all.
    fn page(&self, mut lines: Vec<Line>, today: Timestamp) -> (Vec<Line>, usize) {
        lines.retain(|line| self.only.is_none_or(|only| only.has(&line.figures, today)));
        lines.sort_by(|one, other| {
            let key = |line: &Line| self.sort.key(&line.figures, today);
            let names = |line: &Line| (line.owner.clone(), line.currency);
            key(other).cmp(&key(one)).then_with(|| names(one).cmp(&names(other)))
        });
        let all = lines.len();
        let first = self.page.saturating_sub(1).saturating_mul(self.limit);
        (lines.into_iter().skip(first).take(self.limit).collect(), all)
    }

    fn object(
        &self,
        moment: &AsOf,
        totals: &BTreeMap<Currency, Figures>,
        lines: Vec<Line>,
    ) -> Object {
        let (lines, all) = self.page(lines, moment.today);
        let shown = self.page.saturating_mul(self.limit);
        let accounts = lines.iter().map(|line| {
            let object = figures(Object::bare(), line.currency, &line.figures, moment);
            let object = object
                .set("account", line.owner.account.as_str().to_owned())
                .set("platform", line.owner.platform.as_str().to_owned());
            Value::Object(object)
        });
        let currencies = totals.iter().map(|(currency, total)| {
            let object = figures(Object::bare(), *currency, total, moment)
                .set("forecast", forecast(total, moment.today))
                .set("negative_accounts", total.negative_accounts);
            Value::Object(object)
        });
        Object::singleton("reserve.report")
            .set("accounts", Value::List(accounts.collect()))
            .set("as_of", moment.today)
            .set("currencies", Value::List(currencies.collect()))
            .set("has_more", all > shown)
            .set("livemode", self.which.mode.is_live())
            .set("total_accounts", i64::try_from(all).unwrap_or(i64::MAX))
            .set("window_days", self.window_days)
    }
}

/// The figures, as totals and accounts both show them.
fn figures(object: Object, currency: Currency, of: &Figures, moment: &AsOf) -> Object {
    object
        .set("available", of.pool.available)
        .set("breaches", of.breaches)
        .set("coverage", of.coverage())
        .set("currency", currency.to_string())
        .set("due_within_7_days", of.due_within(moment.today, limits::DUE_DAYS))
        .set("exposure", of.exposure)
        .set("in_transit", of.pool.in_transit)
        .set("negative", of.negative)
        .set("overdue", of.overdue)
        .set("pending", of.pool.pending)
        .set("reserved", of.pool.reserved())
        .set("reserved_pending", of.pool.reserved_pending)
        .set("undated", of.undated)
}

/// What comes free on each day of the forecast on which something does: the midnight at which it
/// does, and how much.
fn forecast(of: &Figures, today: Timestamp) -> Value {
    let last = today.plus(FORECAST_DAYS * coffer_base::clock::DAY_SECONDS).unix();
    let due = of.releases.range(..=last).filter(|(_, amount)| **amount != 0);
    let day = |(date, amount): (&i64, &i64)| {
        Value::Object(Object::bare().set("amount", *amount).set("date", *date))
    };
    Value::List(due.map(day).collect())
}
