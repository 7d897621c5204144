//! Examples of operations, until their definitions have them.

/// One request of an operation that succeeds.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    pub params: &'static [(&'static str, &'static str)],
    pub other: Option<(&'static str, &'static str)>,
    pub on: Option<&'static str>,
}

impl Example {
    pub const EMPTY: Self = Self { params: &[], other: None, on: None };

    pub const fn of(params: &'static [(&'static str, &'static str)]) -> Self {
        Self { params, ..Self::EMPTY }
    }

    pub const fn on(self, create: &'static str) -> Self {
        Self { on: Some(create), ..self }
    }

    pub const fn or(self, name: &'static str, value: &'static str) -> Self {
        Self { other: Some((name, value)), ..self }
    }
}

const ACCOUNT: (&str, &str) = ("scope[type]", "account");
const USD: (&str, &str) = ("currency", "usd");

/// The example of an operation.
pub fn of(operation: &str) -> Example {
    match operation {
        "apps.secrets.create" => {
            Example::of(&[("name", "name {n}"), ("payload", "value"), ("scope[type]", "account")])
                .or("payload", "other")
        }
        "apps.secrets.delete" => {
            Example::of(&[("name", "{apps.secrets.create:name}"), ACCOUNT]).or("name", "another")
        }
        "apps.secrets.find" => Example::of(&[("name", "{apps.secrets.create:name}"), ACCOUNT]),
        "apps.secrets.list" => Example::of(&[ACCOUNT]),
        "ledger.charges.create" => {
            Example::of(&[("id", "ch_{n}"), ("amount", "10000"), USD]).or("amount", "8")
        }
        "ledger.charges.update" => {
            Example::of(&[("fee", "320")]).on("ledger.charges.create").or("fee", "321")
        }
        "ledger.charges.retrieve" => Example::EMPTY.on("ledger.charges.create"),
        "ledger.refunds.create" => {
            Example::of(&[("id", "re_{n}"), ("charge", "{ledger.charges.create}"), ("amount", "7")])
                .or("amount", "8")
        }
        "ledger.refunds.update" => Example::of(&[("status", "failed")]).on("ledger.refunds.create"),
        "ledger.refunds.retrieve" => Example::EMPTY.on("ledger.refunds.create"),
        "ledger.disputes.create" => Example::of(&[
            ("id", "du_{n}"),
            ("charge", "{ledger.charges.create}"),
            ("amount", "7"),
            ("fee", "3"),
        ])
        .or("amount", "8"),
        "ledger.disputes.update" => {
            Example::of(&[("status", "won")]).on("ledger.disputes.create").or("status", "lost")
        }
        "ledger.disputes.retrieve" => Example::EMPTY.on("ledger.disputes.create"),
        "ledger.payouts.create" => {
            Example::of(&[("id", "po_{n}"), ("amount", "7"), USD, ("reported", "true")])
                .or("amount", "8")
        }
        "ledger.payouts.update" => {
            Example::of(&[("status", "paid")]).on("ledger.payouts.create").or("status", "failed")
        }
        "ledger.payouts.retrieve" => Example::EMPTY.on("ledger.payouts.create"),
        "reserve.holds.create" => {
            Example::of(&[("amount", "700"), USD, ("release_schedule[release_after]", "{now+30d}")])
                .or("amount", "701")
        }
        "reserve.holds.update" => Example::of(&[("release_schedule[release_after]", "{now+40d}")])
            .on("reserve.holds.create")
            .or("metadata[k]", "v"),
        "reserve.holds.retrieve" => Example::EMPTY.on("reserve.holds.create"),
        "reserve.plans.create" => Example::of(&[
            ("percent", "5"),
            ("type", "rolling_release"),
            ("rolling_release[days_after_charge]", "9"),
        ])
        .or("percent", "6"),
        "reserve.plans.update" => {
            Example::of(&[("percent", "7")]).on("reserve.plans.create").or("percent", "8")
        }
        "reserve.plans.disable" | "reserve.plans.retrieve" => {
            Example::EMPTY.on("reserve.plans.create")
        }
        "reserve.releases.create" => {
            Example::of(&[("reserve_hold", "{reserve.holds.create}"), ("amount", "10")])
                .or("amount", "11")
        }
        "reserve.releases.update" => Example::of(&[("metadata[k]", "v")])
            .on("reserve.releases.create")
            .or("metadata[k]", "w"),
        "reserve.releases.retrieve" => Example::EMPTY.on("reserve.releases.create"),
        "ephemeral_keys.create" => Example::of(&[("user", "usr_1")]),
        "ephemeral_keys.delete" => Example::EMPTY.on("ephemeral_keys.create"),
        _ => Example::EMPTY,
    }
}
