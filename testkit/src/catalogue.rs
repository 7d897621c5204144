//! Every operation by which an app's backend changes something, each as one request that can be
//! made. Tests of what all of them must do go through this list, and fail while one is missing.

use crate::client::{Answer, Client};
use crate::server::TestServer;
use coffer_kernel::{Access, Method};

/// One request that changes something.
#[derive(Clone, Debug)]
pub struct Change {
    /// The operation's name.
    pub operation: &'static str,
    /// The path, ids filled in.
    pub path: String,
    /// The parameters.
    pub params: Vec<(&'static str, String)>,
    /// A parameter that another request would have, if one can be told by a parameter; it takes
    /// the place of the one of that name.
    pub other: Option<(&'static str, String)>,
}

impl Change {
    /// Makes it.
    pub fn send(&self, client: &Client) -> Answer {
        post(client, &self.path, &self.params)
    }

    /// Makes it without minding whether the server is still there.
    ///
    /// # Errors
    /// Why no whole answer came.
    pub fn attempt(&self, client: &Client) -> Result<Answer, String> {
        let params = borrowed(&self.params);
        client.attempt("POST", &self.path, Some(&crate::client::encode(&params)))
    }

    /// Makes it with another parameter, if it has one.
    pub fn send_other(&self, client: &Client) -> Option<Answer> {
        let other = self.other.as_ref()?;
        let mut params = self.params.clone();
        params.retain(|(name, _)| *name != other.0);
        params.push(other.clone());
        Some(post(client, &self.path, &params))
    }
}

fn borrowed<'p>(params: &'p [(&'static str, String)]) -> Vec<(&'static str, &'p str)> {
    params.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn post(client: &Client, path: &str, params: &[(&'static str, String)]) -> Answer {
    client.post(path, &borrowed(params))
}

/// The changes, in an order in which all can be made, after their objects were made with
/// `client`. `now` is the server's time, in Unix seconds.
pub fn changes(client: &Client, now: i64) -> Vec<Change> {
    let ahead = |days: i64| (now + days * 86_400).to_string();
    let made = |path: &str, params: &[(&str, &str)]| {
        let answer = client.post(path, params);
        answer.ok();
        answer.text("id")
    };
    for id in ["ch_old", "ch_late"] {
        made("/v1/ledger/charges", &[("id", id), ("amount", "90000"), ("currency", "usd")]);
    }
    for (path, id) in [("/v1/ledger/refunds", "re_old"), ("/v1/ledger/disputes", "du_old")] {
        made(path, &[("id", id), ("charge", "ch_old"), ("amount", "100")]);
    }
    let told = [("id", "po_old"), ("amount", "50"), ("currency", "usd"), ("reported", "true")];
    made("/v1/ledger/payouts", &told);
    let hold =
        [("amount", "5000"), ("currency", "usd"), ("release_schedule[release_after]", &ahead(30))];
    let hold = made("/v1/reserve/holds", &hold);
    let release = [("reserve_hold", hold.as_str()), ("amount", "1")];
    let release = made("/v1/reserve/releases", &release);
    let plan = || {
        let days = ("rolling_release[days_after_charge]", "30");
        made("/v1/reserve/plans", &[("percent", "5"), ("type", "rolling_release"), days])
    };
    let (plan, doomed) = (plan(), plan());
    client.set("old", "value").ok();
    [
        secrets(),
        intake(),
        updates(),
        reserves(&ahead(30), &ahead(40), &Made { hold, release, plan, doomed }),
    ]
    .concat()
}

struct Made {
    hold: String,
    release: String,
    plan: String,
    doomed: String,
}

fn change(
    operation: &'static str,
    path: impl Into<String>,
    params: &[(&'static str, &str)],
    other: impl Into<Option<(&'static str, &'static str)>>,
) -> Change {
    let owned = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
    Change {
        operation,
        path: path.into(),
        params: params.iter().map(owned).collect(),
        other: other.into().as_ref().map(owned),
    }
}

fn secrets() -> Vec<Change> {
    let scope = ("scope[type]", "account");
    vec![
        change(
            "apps.secrets.create",
            "/v1/apps/secrets",
            &[("name", "new"), ("payload", "value"), scope],
            ("payload", "other"),
        ),
        change(
            "apps.secrets.delete",
            "/v1/apps/secrets/delete",
            &[("name", "old"), scope],
            ("name", "new"),
        ),
    ]
}

fn intake() -> Vec<Change> {
    let (usd, charge) = (("currency", "usd"), ("charge", "ch_old"));
    let other = ("amount", "8");
    vec![
        change(
            "ledger.charges.create",
            "/v1/ledger/charges",
            &[("id", "ch_new"), ("amount", "10000"), usd, ("fee", "320")],
            other,
        ),
        change(
            "ledger.refunds.create",
            "/v1/ledger/refunds",
            &[("id", "re_new"), charge, ("amount", "7")],
            other,
        ),
        change(
            "ledger.disputes.create",
            "/v1/ledger/disputes",
            &[("id", "du_new"), charge, ("amount", "7"), ("fee", "3")],
            other,
        ),
        change(
            "ledger.payouts.create",
            "/v1/ledger/payouts",
            &[("id", "po_new"), ("amount", "7"), usd, ("reported", "true")],
            other,
        ),
    ]
}

fn updates() -> Vec<Change> {
    vec![
        change(
            "ledger.charges.update",
            "/v1/ledger/charges/ch_late",
            &[("fee", "320")],
            ("fee", "321"),
        ),
        change("ledger.refunds.update", "/v1/ledger/refunds/re_old", &[("status", "failed")], None),
        change(
            "ledger.disputes.update",
            "/v1/ledger/disputes/du_old",
            &[("status", "won")],
            ("status", "lost"),
        ),
        change(
            "ledger.payouts.update",
            "/v1/ledger/payouts/po_old",
            &[("status", "paid")],
            ("status", "failed"),
        ),
    ]
}

fn reserves(ahead: &str, further: &str, made: &Made) -> Vec<Change> {
    let Made { hold, release, plan, doomed } = made;
    let days = ("rolling_release[days_after_charge]", "9");
    let date = "release_schedule[release_after]";
    vec![
        change(
            "reserve.plans.create",
            "/v1/reserve/plans",
            &[("percent", "5"), ("type", "rolling_release"), days],
            ("percent", "6"),
        ),
        change(
            "reserve.plans.update",
            format!("/v1/reserve/plans/{plan}"),
            &[("percent", "7")],
            ("percent", "8"),
        ),
        change("reserve.plans.disable", format!("/v1/reserve/plans/{doomed}/disable"), &[], None),
        change(
            "reserve.holds.create",
            "/v1/reserve/holds",
            &[("amount", "700"), ("currency", "usd"), (date, ahead)],
            ("amount", "701"),
        ),
        change(
            "reserve.holds.update",
            format!("/v1/reserve/holds/{hold}"),
            &[(date, further)],
            ("metadata[k]", "v"),
        ),
        change(
            "reserve.releases.create",
            "/v1/reserve/releases",
            &[("reserve_hold", hold), ("amount", "10")],
            ("amount", "11"),
        ),
        change(
            "reserve.releases.update",
            format!("/v1/reserve/releases/{release}"),
            &[("metadata[k]", "v")],
            ("metadata[k]", "w"),
        ),
    ]
}

/// Asserts that `changes` has exactly the server's operations of this kind. Ephemeral keys are
/// none: their answers are shown once, and have tests of their own.
pub fn assert_whole(server: &TestServer, changes: &[Change]) {
    let routes = server.server().installation().kernel.routes();
    let mut served: Vec<&str> = routes
        .all()
        .filter(|one| matches!(one.access, Access::Tenant { .. }) && one.method == Method::Post)
        .map(|one| one.name)
        .filter(|name| !name.starts_with("ephemeral_keys."))
        .collect();
    let mut listed: Vec<&str> = changes.iter().map(|change| change.operation).collect();
    served.sort_unstable();
    listed.sort_unstable();
    assert_eq!(served, listed, "the catalogue lacks operations, or has too many");
}
