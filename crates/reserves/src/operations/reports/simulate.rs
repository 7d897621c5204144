//! `GET /v1/admin/reserves/simulation`: what plans would have done, side by side. It is a read:
//! nothing is written.

use super::{WHICH, Which};
use crate::model::plan::Terms;
use crate::operations::plans::PERCENT;
use crate::reasons;
use crate::reports::proposal::Proposal;
use crate::reports::simulate::{BelowZero, Outcome, Simulation, Traffic};
use crate::{Consumption, limits};
use coffer_base::{Currency, Timestamp, clock::DAY_SECONDS};
use coffer_dialect::{ApiError, Object, Value};
use coffer_kernel::{Access, Arguments, Ctx, Definition, Example, Failure, ReadOperation};
use coffer_ledger::params::optional_time;
use coffer_storage::Store;
use std::collections::BTreeMap;

/// The operation.
pub(crate) struct Simulate {
    /// The smallest hold that a plan makes.
    pub(crate) floor: i64,
    /// How a plan draws that does not say it.
    pub(crate) draw: Consumption,
}

/// What is asked.
pub(crate) struct Query {
    which: Which,
    since: Option<Timestamp>,
    /// The proposals, each with the text that it was sent as.
    plans: Vec<(String, Proposal)>,
}

impl ReadOperation for Simulate {
    const DEFINITION: Definition = Definition::get(
        "admin.reserves.simulate",
        "/v1/admin/reserves/simulation",
        Access::AUDITED,
    )
    .example(Example::of(&[
        ("mode", "test"),
        ("plan[]", "percent=10,type=rolling_release,days_after_charge=30"),
    ]));
    type Input = Query;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Query, ApiError> {
        let fields = arguments.params.only(&[&WHICH[..], &["since", "plan"][..]].concat())?;
        let which = Which::parse(&fields)?;
        let since = optional_time(&fields, "since")?;
        let sent = fields.text_list("plan")?;
        if sent.is_empty() {
            return Err(ApiError::parameter_missing("plan"));
        }
        if sent.len() > limits::PROPOSALS {
            let most = limits::PROPOSALS;
            let message = format!("{} plans were sent; at most {most} are allowed.", sent.len());
            return Err(ApiError::invalid_param("plan", message).because(&reasons::PROPOSAL));
        }
        let plan = |(index, text): (usize, &str)| {
            let proposal = proposal(text, self.draw).map_err(|why| {
                let message = format!("Invalid plan: {why}.");
                ApiError::invalid_param(format!("plan[{index}]"), message)
                    .because(&reasons::PROPOSAL)
            })?;
            Ok((text.to_owned(), proposal))
        };
        let plans = sent.into_iter().enumerate().map(plan);
        Ok(Query { which, since, plans: plans.collect::<Result<_, ApiError>>()? })
    }

    async fn run(&self, query: &Query, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let ledgers = query.which.bounded(store).await?;
        let now = ledgers.iter().map(|(_, last)| *last).fold(ctx.now(), Ord::max);
        let since = query.since.unwrap_or_else(|| now.plus(-limits::SINCE_DAYS * DAY_SECONDS));
        let proposals: Vec<Proposal> = query.plans.iter().map(|(_, plan)| *plan).collect();
        let mut simulation = Simulation::of_at_most(limits::CHARGES_SIMULATED);
        for (owner, _) in &ledgers {
            let times = (since, now);
            simulation.add_account(store, owner, &proposals, times, self.floor).await?;
            if simulation.is_beyond() {
                return Err(too_many().into());
            }
        }
        Ok(query.object(simulation, since, now))
    }
}

fn too_many() -> ApiError {
    let message = format!(
        "There are more than {} charges, captures, refunds and disputes since then. Send a later \
         since, or one account.",
        limits::CHARGES_SIMULATED
    );
    ApiError::invalid_param("since", message).because(&reasons::TOO_MANY_CHARGES)
}

/// A plan in words: `percent=10,type=rolling_release,days_after_charge=30`. It draws by `draw` if
/// it does not say how.
fn proposal(text: &str, draw: Consumption) -> Result<Proposal, String> {
    let mut fields = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.split_once('=') else {
            return Err("write it as name=value, with commas between".to_owned());
        };
        if fields.insert(name.trim(), value.trim()).is_some() {
            return Err("it says the same twice".to_owned());
        }
    }
    let percent = number(&mut fields, "percent")?.ok_or("it has no percent")?;
    if !PERCENT.contains(&percent) {
        return Err(format!("percent is {} to {}", PERCENT.start(), PERCENT.end()));
    }
    let days = number(&mut fields, "days_after_charge")?;
    let release_after = number(&mut fields, "release_after")?;
    let kind = fields.remove("type").unwrap_or("rolling_release");
    let currency = fields.remove("currency").map(|code| {
        Currency::parse(code).ok_or_else(|| "currency is three small letters".to_owned())
    });
    let draw = choice(&mut fields, "reserve_draw", &Consumption::CHOICES)?.unwrap_or(draw);
    let transfers = [("true", true), ("false", false)];
    let hold_transfers = choice(&mut fields, "hold_transfers", &transfers)?.unwrap_or(true);
    if let Some(name) = fields.keys().next() {
        let known = "percent, type, days_after_charge, release_after, currency, reserve_draw and \
                     hold_transfers";
        let name: String = name.chars().take(40).collect();
        return Err(format!("it has {known}, and no '{name}'"));
    }
    let bounds = limits::DAYS_FLOOR..=limits::DAYS_CEILING;
    let terms = match (kind, days, release_after) {
        ("rolling_release", Some(days), None) if bounds.contains(&days) => {
            Terms::Rolling { days_after_charge: days, expires_on: None }
        }
        ("rolling_release", ..) => {
            let (from, to) = (bounds.start(), bounds.end());
            return Err(format!("rolling_release has days_after_charge={from} to {to}"));
        }
        ("fixed_release", None, Some(at)) => {
            Terms::Fixed { release_after: Timestamp::from_unix(at) }
        }
        ("fixed_release", ..) => {
            return Err("fixed_release has release_after, in Unix seconds".to_owned());
        }
        ("manual_release", None, None) => Terms::Manual,
        ("manual_release", ..) => return Err("manual_release has no date".to_owned()),
        _ => {
            return Err("type is rolling_release, fixed_release or manual_release".to_owned());
        }
    };
    let currency = currency.transpose()?;
    Ok(Proposal { percent, terms, currency, draw, hold_transfers })
}

/// One of a few words.
fn choice<T: Copy>(
    fields: &mut BTreeMap<&str, &str>,
    name: &str,
    choices: &[(&str, T)],
) -> Result<Option<T>, String> {
    let Some(text) = fields.remove(name) else { return Ok(None) };
    let found = choices.iter().find(|(word, _)| *word == text);
    let words = || choices.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" or ");
    found.map(|(_, choice)| Some(*choice)).ok_or_else(|| format!("{name} is {}", words()))
}

fn number(fields: &mut BTreeMap<&str, &str>, name: &str) -> Result<Option<i64>, String> {
    let Some(text) = fields.remove(name) else { return Ok(None) };
    let number = text
        .parse::<i64>()
        .ok()
        .filter(|number| (0..=coffer_base::limit::CLOCK_CEILING).contains(number));
    number.map(Some).ok_or_else(|| format!("{name} is a whole number"))
}

impl Query {
    fn object(&self, simulation: Simulation, since: Timestamp, now: Timestamp) -> Object {
        let mut plans: Vec<Vec<Value>> = vec![Vec::new(); self.plans.len()];
        let mut currencies = Vec::new();
        for (currency, (traffic, outcomes)) in simulation.currencies {
            currencies.push(traffic_object(currency, &traffic));
            for (plan, outcome) in plans.iter_mut().zip(outcomes) {
                plan.push(outcome_object(currency, outcome, &traffic, now));
            }
        }
        let plans = self.plans.iter().zip(plans).map(|((text, proposal), outcomes)| {
            let object = Object::bare()
                .set("currencies", Value::List(outcomes))
                .set("percent", proposal.percent)
                .set("plan", text.clone())
                .set("type", proposal.terms.as_str());
            Value::Object(object)
        });
        Object::singleton("reserve.simulation")
            .set("charges", simulation.charges)
            .set("currencies", Value::List(currencies))
            .set("livemode", self.which.mode.is_live())
            .set("plans", Value::List(plans.collect()))
            .set("since", since)
            .set("until", now)
    }
}

fn traffic_object(currency: Currency, traffic: &Traffic) -> Value {
    let [refunds, disputes] = traffic.debits;
    let object = Object::bare()
        .set("charges", traffic.charges)
        .set("currency", currency.to_string())
        .set("disputed", disputes)
        .set("net", traffic.net)
        .set("refunded", refunds);
    Value::Object(object)
}

fn outcome_object(
    currency: Currency,
    mut outcome: Outcome,
    traffic: &Traffic,
    now: Timestamp,
) -> Value {
    let [refunds, disputes] = outcome.drawn;
    let returned = outcome.returns.range(..=now.unix()).map(|(_, amount)| *amount);
    let returned = returned.fold(0, i64::saturating_add);
    let days = outcome.returns.iter().map(|(date, amount)| {
        Value::Object(Object::bare().set("amount", *amount).set("date", *date))
    });
    let days = Value::List(days.collect());
    outcome.below_zero.sort_by_key(|below| below.lowest);
    let accounts = i64::try_from(outcome.below_zero.len()).unwrap_or(i64::MAX);
    let shown = outcome.below_zero.iter().take(limits::BELOW_ZERO_SHOWN).map(below_zero);
    let object = Object::bare()
        .set("below_zero", Value::List(shown.collect()))
        .set("below_zero_accounts", accounts)
        .set("covered", coverage(outcome.drawn, traffic.debits))
        .set("covered_disputes", disputes)
        .set("covered_refunds", refunds)
        .set("currency", currency.to_string())
        .set("held", outcome.held)
        .set("holds", outcome.holds)
        .set("peak", outcome.peak)
        .set("returned", returned)
        .set("returns", days)
        .set("still_held", outcome.still_held);
    Value::Object(object)
}

/// What of the refunds and disputes is covered, in hundredths of a percent; `None` if there were
/// none.
fn coverage(drawn: [i64; 2], debits: [i64; 2]) -> Option<i64> {
    let sum = |amounts: [i64; 2]| amounts.iter().map(|each| i128::from(*each)).sum::<i128>();
    let all = sum(debits);
    if all <= 0 {
        return None;
    }
    i64::try_from(sum(drawn).saturating_mul(10_000) / all).ok()
}

fn below_zero(below: &BelowZero) -> Value {
    let object = Object::bare()
        .set("account", below.owner.account.as_str().to_owned())
        .set("lowest", below.lowest)
        .set("lowest_really", below.lowest_really)
        .set("platform", below.owner.platform.as_str().to_owned())
        .set("since", below.since);
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_from_words() {
        let first = Consumption::ReserveFirst;
        let proposal = |text| proposal(text, first);
        let rolling = proposal("percent=10,type=rolling_release,days_after_charge=30").unwrap();
        let terms = Terms::Rolling { days_after_charge: 30, expires_on: None };
        let expected =
            Proposal { percent: 10, terms, currency: None, draw: first, hold_transfers: true };
        assert_eq!(rolling, expected);
        let says =
            "percent=10,days_after_charge=30,reserve_draw=only_if_needed,hold_transfers=false";
        let draw = Consumption::OnlyIfNeeded;
        assert_eq!(proposal(says).unwrap(), Proposal { draw, hold_transfers: false, ..expected });
        assert_eq!(proposal("percent=10, days_after_charge=30").unwrap(), rolling);
        let manual = proposal("type=manual_release,percent=100,currency=eur").unwrap();
        assert_eq!((manual.terms, manual.currency), (Terms::Manual, Currency::parse("eur")));
        let fixed = proposal("percent=1,type=fixed_release,release_after=1772359200").unwrap();
        let release_after = Timestamp::from_unix(1_772_359_200);
        assert_eq!(fixed.terms, Terms::Fixed { release_after });
    }

    #[test]
    fn what_is_no_plan_is_refused_with_what_is_wrong() {
        for (text, about) in [
            ("", "no percent"),
            ("percent=0,days_after_charge=30", "1 to 100"),
            ("percent=101,days_after_charge=30", "1 to 100"),
            ("percent=ten,days_after_charge=30", "whole number"),
            ("percent=10,days_after_charge=2", "3 to 180"),
            ("percent=10,days_after_charge=181", "3 to 180"),
            ("percent=10", "days_after_charge"),
            ("percent=10,percent=11,days_after_charge=30", "twice"),
            ("percent=10,type=other", "type is"),
            ("percent=10,type=fixed_release", "release_after"),
            ("percent=10,type=manual_release,days_after_charge=30", "no date"),
            ("percent=10,days_after_charge=30,colour=red", "no 'colour'"),
            ("percent=10,days_after_charge=30,reserve_draw=last", "first or only_if_needed"),
            ("percent=10,days_after_charge=30,hold_transfers=1", "true or false"),
            ("10 %", "name=value"),
        ] {
            let why = proposal(text, Consumption::ReserveFirst).unwrap_err();
            assert!(why.contains(about), "{text}: {why}");
        }
    }
}
