//! Rotations of keys: what one is to do, and how far it has come.

use coffer_base::{AccountId, Tenant, Timestamp};

/// What a rotation is to do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RotationPlan {
    /// Whether the master key changes.
    pub master: bool,
    /// Whether tenants' sealing keys change.
    pub tenants: bool,
    /// Whether new keys are made; otherwise old ones that were kept are destroyed.
    pub fresh: bool,
    /// Whether old keys stay.
    pub keep: bool,
    /// Only tenants of this app.
    pub app: Option<String>,
    /// Only tenants of this account.
    pub account: Option<String>,
    /// Only sealing keys that were made at this time or before, or
    /// [that have sealed so much](Self::used_beyond).
    pub older_than: Option<Timestamp>,
    /// Only sealing keys that have sealed more than so many values, or [that are
    /// older](Self::older_than).
    pub used_beyond: Option<i64>,
}

impl RotationPlan {
    /// Whether a sealing key of this tenant, made at `created` and used so often, is one that it
    /// replaces.
    pub fn covers(&self, tenant: &Tenant, created: Timestamp, uses: i64) -> bool {
        self.tenants && self.covers_tenant(tenant) && self.is_due(created, uses)
    }

    /// Whether it is about all tenants' keys.
    pub const fn is_of_all(&self) -> bool {
        self.app.is_none() && self.account.is_none()
    }

    fn covers_tenant(&self, Tenant { app, account, .. }: &Tenant) -> bool {
        self.app.as_ref().is_none_or(|wanted| app.as_str() == wanted)
            && self.account.as_ref().is_none_or(|wanted| account.name() == wanted)
    }

    fn is_due(&self, created: Timestamp, uses: i64) -> bool {
        let is_old = self.older_than.is_some_and(|at| created <= at);
        let is_used = self.used_beyond.is_some_and(|most| uses > most);
        is_old || is_used || (self.older_than.is_none() && self.used_beyond.is_none())
    }

    /// The account as callers write it.
    ///
    /// # Errors
    /// If it is no account's id.
    pub fn of_account(mut self, account: &str) -> Result<Self, coffer_base::id::InvalidId> {
        self.account = Some(AccountId::parse(account)?.name().to_owned());
        Ok(self)
    }
}

/// The steps of a rotation, in their order. Each may be repeated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// Makes new keys, and wraps tenants' keys under the new master key.
    Keys,
    /// Waits for transactions that began before, and may still write under old keys.
    Settle,
    /// Goes through all records, and seals anew what is sealed under an old key, until there is
    /// none.
    Walk,
    /// Destroys the old keys.
    Destroy,
    /// Nothing is left to do.
    Done,
}

impl Phase {
    const ALL: [Self; 5] = [Self::Keys, Self::Settle, Self::Walk, Self::Destroy, Self::Done];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Settle => "settle",
            Self::Walk => "walk",
            Self::Destroy => "destroy",
            Self::Done => "done",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}

/// How far a rotation has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RotationProgress {
    /// The step that it is at.
    pub phase: Phase,
    /// How often it has gone through all records before this time.
    pub walk: i64,
    /// The kind of records that it is at, by its place among all kinds.
    pub seal: i64,
    /// The part of the store that it is at.
    pub part: i64,
    /// The slot from which on it has not looked at records.
    pub slot: i64,
    /// About how many records one walk looks at.
    pub total: i64,
    /// How many it has looked at in this walk.
    pub seen: i64,
    /// How many it has sealed anew, in all walks.
    pub resealed: i64,
    /// How many of the last walk that ended were sealed under an old key; none, if it is done.
    pub remaining: i64,
    /// How many could not be opened.
    pub damaged: i64,
    /// Records a second.
    pub pace: i64,
}

impl Default for RotationProgress {
    fn default() -> Self {
        Self {
            phase: Phase::Keys,
            walk: 0,
            seal: 0,
            part: 0,
            slot: i64::MIN,
            total: 0,
            seen: 0,
            resealed: 0,
            remaining: 0,
            damaged: 0,
            pace: 0,
        }
    }
}

/// Walks that a rotation needs as a rule: one that seals anew, and one that finds nothing.
const USUAL_WALKS: i64 = 2;

impl RotationProgress {
    /// How many seconds the rest will take about; `None` while that is not known.
    pub fn seconds_left(&self) -> Option<i64> {
        if self.phase != Phase::Walk || self.pace <= 0 {
            return None;
        }
        let walks = USUAL_WALKS.saturating_sub(self.walk).max(1);
        let rows = self.total.saturating_mul(walks).saturating_sub(self.seen).max(0);
        Some(rows / self.pace)
    }
}

/// A rotation as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rotation {
    /// Larger than those of all before it.
    pub number: i64,
    /// What it is to do.
    pub plan: RotationPlan,
    /// What began it: the id of a request, or `age`, or `use`.
    pub cause: String,
    /// When it began.
    pub created: Timestamp,
    /// The server that works on it; empty if none has begun.
    pub worker: String,
    /// How often that server has written that it does.
    pub beat: i64,
    /// How far it has come.
    pub progress: RotationProgress,
    /// When it ended.
    pub finished: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_base::{AppId, Mode};

    #[test]
    fn a_plan_covers_whom_it_names_and_what_is_due() {
        let tenant = |account: &str| Tenant {
            mode: Mode::Live,
            app: AppId::parse("app_1").unwrap(),
            account: AccountId::parse_stored(account).unwrap(),
        };
        let at = Timestamp::from_unix;
        let all = RotationPlan { tenants: true, ..RotationPlan::default() };
        let account = all.clone().of_account("acct_1").unwrap();
        let app = RotationPlan { app: Some("app_2".into()), ..all.clone() };
        let due = RotationPlan { older_than: Some(at(5)), used_beyond: Some(7), ..all.clone() };
        for (plan, tenant, created, uses, expected) in [
            (&all, tenant("acct_1"), 9, 9, true),
            (&account, tenant("acct_1"), 9, 9, true),
            (&account, tenant("acct_1~7"), 9, 9, true),
            (&account, tenant("acct_12"), 9, 9, false),
            (&app, tenant("acct_1"), 9, 9, false),
            (&due, tenant("acct_1"), 5, 7, true),
            (&due, tenant("acct_1"), 6, 7, false),
            (&due, tenant("acct_1"), 6, 8, true),
            (&RotationPlan::default(), tenant("acct_1"), 1, 1, false),
        ] {
            assert_eq!(plan.covers(&tenant, at(created), uses), expected, "{plan:?} {tenant:?}");
        }
    }

    #[test]
    fn the_rest_is_estimated_by_the_pace() {
        let progress = RotationProgress {
            phase: Phase::Walk,
            total: 1000,
            seen: 500,
            pace: 100,
            ..RotationProgress::default()
        };
        assert_eq!(progress.seconds_left(), Some(15));
        assert_eq!(RotationProgress { walk: 1, ..progress }.seconds_left(), Some(5));
        assert_eq!(RotationProgress { walk: 4, seen: 1200, ..progress }.seconds_left(), Some(0));
        assert_eq!(RotationProgress { pace: 0, ..progress }.seconds_left(), None);
        assert_eq!(RotationProgress { phase: Phase::Keys, ..progress }.seconds_left(), None);
    }
}
