//! How much each app keeps: what is counted, against which quota, and what the last count found.
//!
//! A job counts in the background ([`crate::counting`]), so that no write has a counter to wait
//! for. An app in one mode is counted by itself, as its requests are: what its tests store takes
//! nothing from what it keeps for its users.

use crate::census::Census;
use crate::limits;
use crate::principal::Principal;
use crate::quota::Quota;
use crate::reasons;
use crate::store::{self, Prune};
use coffer_base::{Mode, Tenant, limit};
use coffer_dialect::{ApiError, Object, Value as Reported};
use coffer_storage::{Store, Value};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// What a family has counted.
#[derive(Clone, Copy)]
pub struct Usage {
    /// What it is that it counts.
    pub amounts: &'static [Amount],
    /// Which of its tables are counted, and to which amounts each adds; these may be the kernel's.
    pub counts: &'static [CountedTable],
}

impl Usage {
    /// Nothing.
    pub const NONE: Self = Self { amounts: &[], counts: &[] };
}

/// Something of which an app keeps a bounded amount.
#[derive(Clone, Copy)]
pub struct Amount {
    /// How much of it an app may keep in one mode; its name is the amount's.
    pub quota: Quota,
    /// How much that is unless the app has a number of its own.
    pub default: i64,
    /// What it counts, in the plural, for messages.
    pub about: &'static str,
    /// What happens to an app that has more.
    pub beyond: Beyond,
}

/// What happens to an app that keeps more than it may.
#[derive(Clone, Copy)]
pub enum Beyond {
    /// It is refused what would add to it, by [`crate::Ctx::check_amount`].
    Refuse,
    /// What is oldest goes. `select` takes mode, app, the app's first and last slot, and how many,
    /// locks nothing, and says last how old a row is; `delete` spares a row that is younger.
    Drop {
        /// For an app with at most [`limits::ROWS_SORTED`]: sorts its own.
        few: Prune,
        /// For one with more: walks through those of all apps by age, and finds its own at once.
        many: fn(&Store) -> Prune,
    },
}

/// A table that is counted, row by row in the order of its primary key.
#[derive(Clone, Copy)]
pub struct CountedTable {
    /// Selects the key of each row, mode and app first, and then a size in bytes; behind a key, in
    /// its order. Its parameters are the columns of the key and how many rows.
    pub next: &'static str,
    /// A key that stands before all others.
    pub start: fn() -> Vec<Value>,
    /// The names of amounts, and how much its rows add to each.
    pub adds: &'static [(&'static str, Measure)],
    /// Whether people ask how many rows there are, and whose: their keys begin with mode, app and
    /// account. One table of all is so.
    pub census: bool,
}

/// How much the rows of a table add to an amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    /// One each.
    Rows,
    /// Their sizes.
    Sizes,
    /// One for all rows whose keys begin with the same so many columns.
    Groups(usize),
}

/// Bytes of data that an app keeps, in the tables of all families that count them.
pub const BYTES: Amount = Amount {
    quota: Quota { name: "bytes", from: 1, to: limits::BYTES_CEILING },
    default: limits::BYTES_PER_APP,
    about: "bytes of secrets and stored responses",
    beyond: Beyond::Refuse,
};

/// Stored responses of an app.
const STORED_RESPONSES: Amount = Amount {
    quota: Quota { name: "stored_responses", from: 1, to: limits::ROWS_CEILING },
    default: limit::IDEMPOTENCY_RECORDS_PER_APP,
    about: "stored responses",
    beyond: Beyond::Drop { few: store::FEW_RECORDS_OF_APP, many: store::records_of_app },
};

/// What the kernel has counted.
pub(crate) const USAGE: Usage = Usage {
    amounts: &[BYTES, STORED_RESPONSES],
    counts: &[CountedTable {
        next: store::SIZES_OF_RECORDS,
        start: store::before_records,
        adds: &[(BYTES.quota.name, Measure::Sizes), (STORED_RESPONSES.quota.name, Measure::Rows)],
        census: false,
    }],
};

/// How much each app of one mode keeps, in the order of the amounts.
type Apps = HashMap<String, Vec<i64>>;

/// What one walk through all tables has found.
#[derive(Default)]
pub(crate) struct Counted {
    test: Apps,
    live: Apps,
    pub(crate) census: Census,
}

impl Counted {
    fn mode(&self, mode: Mode) -> &Apps {
        match mode {
            Mode::Test => &self.test,
            Mode::Live => &self.live,
        }
    }

    /// What an app keeps of each of so many amounts, to be added to.
    pub(crate) fn app(&mut self, mode: Mode, app: &str, amounts: usize) -> &mut [i64] {
        let apps = match mode {
            Mode::Test => &mut self.test,
            Mode::Live => &mut self.live,
        };
        // Rows of one app follow each other, so the name is mostly there.
        if !apps.contains_key(app) {
            apps.insert(app.to_owned(), vec![0; amounts]);
        }
        apps.get_mut(app).map(Vec::as_mut_slice).unwrap_or_default()
    }

    /// Every app in every mode.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Mode, &str, &[i64])> {
        Mode::ALL.into_iter().flat_map(|mode| {
            self.mode(mode).iter().map(move |(app, held)| (mode, app.as_str(), held.as_slice()))
        })
    }
}

/// What is counted, and what the last count found.
pub struct Usages {
    amounts: Vec<Amount>,
    /// The most that any app keeps of each amount: whoever may keep more need not be looked up.
    largest: Vec<AtomicI64>,
    counted: RwLock<Option<Arc<Counted>>>,
}

impl Usages {
    /// Of these amounts, of which nothing is known yet.
    pub fn new(amounts: Vec<Amount>) -> Self {
        let largest = amounts.iter().map(|_| AtomicI64::new(0)).collect();
        Self { amounts, largest, counted: RwLock::default() }
    }

    /// What is counted.
    pub(crate) fn amounts(&self) -> &[Amount] {
        &self.amounts
    }

    /// The place of an amount among all.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.amounts.iter().position(|amount| amount.quota.name == name)
    }

    /// Replaces what was known by what a walk has found.
    pub(crate) fn publish(&self, counted: Counted) -> Arc<Counted> {
        let counted = Arc::new(counted);
        let shared = Arc::clone(&counted);
        *self.counted.write().unwrap_or_else(PoisonError::into_inner) = Some(shared);
        for (at, largest) in self.largest.iter().enumerate() {
            let held = counted.all().filter_map(|(_, _, held)| held.get(at).copied());
            largest.store(held.max().unwrap_or_default(), Ordering::Relaxed);
        }
        counted
    }

    fn counted(&self) -> Option<Arc<Counted>> {
        self.counted.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the caller's app may keep more of the amount `name`, by the last count.
    ///
    /// # Errors
    /// A 400 that names the quota if it has as much as it may keep.
    pub(crate) fn check(&self, principal: &Principal, name: &str) -> Result<(), ApiError> {
        let place = self.place(name);
        let Some((at, amount)) = place.and_then(|at| Some((at, self.amounts.get(at)?))) else {
            return Ok(());
        };
        let most = principal.quota(name).unwrap_or(amount.default);
        if self.largest.get(at).is_none_or(|largest| largest.load(Ordering::Relaxed) < most) {
            return Ok(());
        }
        let Tenant { mode, app, .. } = &principal.tenant;
        let counted = self.counted();
        let apps = counted.as_deref().map(|counted| counted.mode(*mode));
        let held = apps.and_then(|apps| apps.get(app.as_str())?.get(at).copied());
        match held {
            Some(held) if held >= most => Err(over(amount, held, most)),
            _ => Ok(()),
        }
    }

    /// What an app keeps in each mode, by the last count; null before the first.
    pub fn of_app(&self, app: &str) -> Reported {
        let Some(counted) = self.counted() else { return Reported::Null };
        let modes = Mode::ALL.into_iter().fold(Object::bare(), |modes, mode| {
            let held = counted.mode(mode).get(app).map(Vec::as_slice);
            modes.set(mode.as_str(), self.shown(Object::bare(), held.unwrap_or_default()))
        });
        modes.into()
    }

    /// How many rows there are of the table with a census, and whose most of them are: at most
    /// [`limits::LARGEST_TENANTS`] apps, and accounts of apps. None of anything before the first
    /// count, which says so.
    pub fn census(&self) -> Reported {
        let counted = self.counted();
        counted.map_or_else(|| Census::default().object(false), |known| known.census.object(true))
    }

    /// The apps that keep the most bytes, each in one mode, at most [`limits::LARGEST_APPS`].
    pub fn largest(&self) -> Vec<Reported> {
        let (Some(counted), Some(at)) = (self.counted(), self.place(BYTES.quota.name)) else {
            return Vec::new();
        };
        let bytes = |held: &[i64]| held.get(at).copied().unwrap_or_default();
        let mut apps: Vec<_> = counted.all().collect();
        let by_size = |a: &(Mode, &str, &[i64]), b: &(Mode, &str, &[i64])| {
            bytes(b.2).cmp(&bytes(a.2)).then(a.1.cmp(b.1)).then(a.0.cmp(&b.0))
        };
        if apps.len() > limits::LARGEST_APPS {
            apps.select_nth_unstable_by(limits::LARGEST_APPS, by_size);
            apps.truncate(limits::LARGEST_APPS);
        }
        apps.sort_by(by_size);
        let shown = |(mode, app, held): (Mode, &str, &[i64])| {
            let object = Object::bare().set("app", app.to_owned()).set("mode", mode.as_str());
            self.shown(object, held).into()
        };
        apps.into_iter().map(shown).collect()
    }

    fn shown(&self, object: Object, held: &[i64]) -> Object {
        let held = held.iter().copied().chain(std::iter::repeat(0));
        self.amounts
            .iter()
            .zip(held)
            .fold(object, |object, (amount, held)| object.set(amount.quota.name, held))
    }
}

/// The refusal of what would add to an amount that is used up.
fn over(amount: &Amount, held: i64, most: i64) -> ApiError {
    let Amount { quota, about, .. } = amount;
    ApiError::invalid(format!(
        "This app keeps {held} {about}, and its quota '{}' is {most}. Delete what is no longer \
         needed, or ask whoever runs this server to raise the quota. What was deleted shows in the \
         next count, which takes about a minute.",
        quota.name
    ))
    .because(&reasons::QUOTA_REACHED)
    .with_about(quota.name)
}

#[cfg(test)]
mod tests;
