//! Reserves and the ledger: what the intake of a charge costs beside a bare loop, what a balance
//! costs when many postings are behind it, how holds are released that are due at once, and how
//! fast a processor's transactions are told.

mod backfill;
mod balance;
mod intake;
mod pages;
mod release;

use super::Run;
use crate::args::Result;
use crate::coffer::Coffer;
use crate::fill;

/// What each hold is about, in minor units.
const HOLD_AMOUNT: u64 = 100;

/// Seconds of a day.
const DAY: i64 = 86_400;

impl Run {
    /// All parts of Reserves, in their order.
    pub fn reserves(&mut self) -> Result<()> {
        self.intake()?;
        self.balance()?;
        self.release()?;
        self.backfill()?;
        self.pages()?;
        self.note_disturbances();
        Ok(())
    }

    /// A new store with its server, whose accounts have nothing yet.
    fn new_store(&self, name: &str) -> Result<Coffer> {
        Coffer::create(&self.settings.coffer, &self.directory.join(name))
    }
}

/// Gives an account a plan that holds a tenth of each charge for thirty days.
pub(super) fn plan(coffer: &Coffer, account: &str) -> Result<()> {
    let form = [
        ("percent", "10"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "30"),
    ];
    coffer.post(account, "/v1/reserve/plans", &form).map(drop)
}

/// Gives an account money for `holds` holds, which is available, and makes the first of them.
pub(super) fn first_hold(coffer: &Coffer, account: &str, holds: u64) -> Result<()> {
    let midnight = fill::last_midnight()?;
    let created = (midnight - 40 * DAY).to_string();
    let amount = (holds * HOLD_AMOUNT).to_string();
    let charge = [
        ("id", "ch_funds"),
        ("amount", amount.as_str()),
        ("currency", "usd"),
        ("created", created.as_str()),
        ("available_on", created.as_str()),
    ];
    coffer.post(account, "/v1/ledger/charges", &charge)?;
    let (amount, after) = (HOLD_AMOUNT.to_string(), (midnight + 30 * DAY).to_string());
    let hold = [
        ("amount", amount.as_str()),
        ("currency", "usd"),
        ("release_schedule[release_after]", after.as_str()),
    ];
    coffer.post(account, "/v1/reserve/holds", &hold).map(drop)
}

/// What `coffer ledger verify` counted, in words.
fn verified(coffer: &Coffer) -> Result<String> {
    let begun = std::time::Instant::now();
    let found = coffer.verify_ledger()?;
    let count = |name: &str| found.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
    Ok(format!(
        "coffer ledger verify: {} entries, {} postings, {} holds, {} releases, no difference \
         ({:.1} s)",
        count("entries"),
        count("postings"),
        count("holds"),
        count("releases"),
        begun.elapsed().as_secs_f64()
    ))
}
