//! How many records there are of one kind, and whose most of them are: from the walk that counts
//! what apps keep, so that nobody has to count when somebody asks.

use crate::limits;
use coffer_base::Mode;
use coffer_dialect::{Object, Value as Reported};
use std::collections::{BTreeMap, VecDeque};

/// So many records of one account's, kept by one app.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Tenant {
    mode: Mode,
    app: String,
    account: String,
    records: i64,
}

impl Tenant {
    fn is(&self, mode: Mode, app: &str, account: &str) -> bool {
        self.mode == mode && self.account == account && self.app == app
    }

    fn object(&self) -> Reported {
        let account = Object::bare().set("account", self.account.clone());
        of_app(account, self.mode, &self.app, self.records).into()
    }
}

/// What a walk has found.
#[derive(Default, Debug)]
pub(crate) struct Census {
    /// By mode and app.
    apps: BTreeMap<(Mode, String), i64>,
    /// Tenants that the walk is at. The rows of one lie side by side, but for those of a few that
    /// share their slots, so each is open until [`limits::TENANTS_OPEN`] others have come.
    open: VecDeque<Tenant>,
    /// Of those that it has passed, the ones with most records.
    largest: Vec<Tenant>,
}

impl Census {
    /// Counts one record.
    pub(crate) fn add(&mut self, mode: Mode, app: &str, account: &str) {
        // Most records are of the tenant before.
        let known = self.open.iter().rposition(|tenant| tenant.is(mode, app, account));
        if let Some(tenant) = known.and_then(|at| self.open.get_mut(at)) {
            tenant.records = tenant.records.saturating_add(1);
            return;
        }
        if self.open.len() >= limits::TENANTS_OPEN {
            self.close();
        }
        let (app, account) = (app.to_owned(), account.to_owned());
        self.open.push_back(Tenant { mode, app, account, records: 1 });
    }

    /// Puts the tenant that was opened first among the largest, if it is one of them.
    fn close(&mut self) {
        let Some(tenant) = self.open.pop_front() else { return };
        let app = self.apps.entry((tenant.mode, tenant.app.clone())).or_default();
        *app = app.saturating_add(tenant.records);
        self.largest.push(tenant);
        self.largest.sort_by(|a, b| {
            let by_name = || (&a.account, &a.app, a.mode).cmp(&(&b.account, &b.app, b.mode));
            b.records.cmp(&a.records).then_with(by_name)
        });
        self.largest.truncate(limits::LARGEST_TENANTS);
    }

    /// Ends the walk.
    pub(crate) fn finish(&mut self) {
        while !self.open.is_empty() {
            self.close();
        }
    }

    /// All of them together, by app, and of the accounts that have most; whether they were counted
    /// yet.
    pub(crate) fn object(&self, counted: bool) -> Reported {
        let total = self.apps.values().fold(0_i64, |sum, each| sum.saturating_add(*each));
        let mut apps: Vec<_> = self.apps.iter().collect();
        apps.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        apps.truncate(limits::LARGEST_TENANTS);
        let of_app = |((mode, app), records): (&(Mode, String), &i64)| {
            of_app(Object::bare(), *mode, app, *records).into()
        };
        Object::bare()
            .set("by_account", Reported::List(self.largest.iter().map(Tenant::object).collect()))
            .set("by_app", Reported::List(apps.into_iter().map(of_app).collect()))
            .set("counted", counted)
            .set("total", total)
            .into()
    }
}

fn of_app(object: Object, mode: Mode, app: &str, records: i64) -> Object {
    object.set("app", app.to_owned()).set("count", records).set("mode", mode.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(census: &Census) -> String {
        match census.object(true) {
            Reported::Object(object) => String::from_utf8(object.render()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn tenants_that_share_their_slots_are_counted_whole() {
        let mut census = Census::default();
        for round in 0..3 {
            for tenant in 0..limits::TENANTS_OPEN {
                census.add(Mode::Live, "app_1", &format!("acct_{tenant:03}"));
            }
            assert_eq!((census.open.len(), round < 3), (limits::TENANTS_OPEN, true));
        }
        census.finish();
        assert_eq!(census.largest.len(), limits::LARGEST_TENANTS);
        assert!(census.largest.iter().all(|tenant| tenant.records == 3), "{census:?}");
        let total = 3 * limits::TENANTS_OPEN;
        assert!(shown(&census).contains(&format!("\"total\": {total}")), "{}", shown(&census));
    }

    #[test]
    fn a_walk_past_many_tenants_keeps_few_and_the_largest() {
        let mut census = Census::default();
        for tenant in 0..5000 {
            let app = if tenant % 2 == 0 { "app_even" } else { "app_odd" };
            for _ in 0..=i64::from(tenant == 1234) {
                census.add(Mode::Test, app, &format!("acct_{tenant}"));
            }
            assert!(census.open.len() <= limits::TENANTS_OPEN);
            assert!(census.largest.len() <= limits::LARGEST_TENANTS);
        }
        census.finish();
        let first = census.largest.first().unwrap();
        assert_eq!((first.account.as_str(), first.records), ("acct_1234", 2));
        let apps: Vec<_> = census.apps.values().copied().collect();
        assert_eq!(apps, [2501, 2500]);
    }
}
