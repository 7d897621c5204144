//! The operations: those that the server has, and the contract's list of them.

use coffer_kernel::{Access, AdminRole, Definition};

/// Who may call an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    Permission(&'static str),
    /// An admin key, of an operator or with one of these roles.
    Admin(&'static [AdminRole]),
}

/// Which cases an operation has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    Set,
    Find,
    List,
    Remove,
    Lease,
    MakeEphemeral,
    EndEphemeral,
    /// An operation that only the app's backend may call.
    Backend,
    /// Looks at an account that the path names.
    LookAtAccount,
    /// An operation of the admin API that changes nothing.
    AdminRead,
    /// One that makes, changes or takes away something.
    AdminWrite,
}

/// An operation.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    pub definition: Definition,
    pub name: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    pub needs: Needs,
    pub writes: bool,
    pub call: Call,
}

impl Operation {
    pub fn of(definition: &Definition) -> Self {
        let Definition { name, path, access, .. } = *definition;
        let method = definition.method.as_str();
        let writes = method != "GET";
        let needs = match access {
            Access::Tenant { permission } => Needs::Permission(permission),
            Access::Admin => Needs::Admin(&[]),
            Access::AdminOf(roles) => Needs::Admin(roles),
            Access::App => panic!("{name} is served in developer mode only"),
        };
        let call = match name {
            "apps.secrets.create" => Call::Set,
            "apps.secrets.find" => Call::Find,
            "apps.secrets.list" => Call::List,
            "apps.secrets.delete" => Call::Remove,
            "apps.secrets.lease" => Call::Lease,
            "ephemeral_keys.create" => Call::MakeEphemeral,
            "ephemeral_keys.delete" => Call::EndEphemeral,
            "accounts.retrieve" => Call::LookAtAccount,
            _ if !access.is_admin() => Call::Backend,
            _ if writes => Call::AdminWrite,
            _ => Call::AdminRead,
        };
        Self { definition: *definition, name, method, path, needs, writes, call }
    }

    /// Whether it is a list that a backend can read without parameters.
    pub fn is_plain_list(&self) -> bool {
        self.call == Call::Backend && self.definition.list
    }

    /// Whether it decides itself about the account that the request names.
    pub const fn is_of_any_account(&self) -> bool {
        self.definition.any_account
    }

    /// Whether all apps of a developer share what it is about: ledgers, and what happens to them.
    pub fn is_shared(&self) -> bool {
        let shared = [
            "ledger.",
            "reserve.",
            "balance.",
            "balance_transactions.",
            "events.",
            "webhook_endpoints.",
            // By account: each of its apps sees all that is installed there.
            "apps.installs.",
        ];
        shared.iter().any(|family| self.name.starts_with(family))
    }
}

/// In place of a permission: operators alone.
const ADMIN: &str = "operator";

/// Whoever reads, too.
const AUDITED: &str = "operator auditor";

/// Whoever keeps keys, too.
const KEEPERS: &str = "operator keys";

/// All roles.
const ALL: &str = "operator auditor keys";

/// Name, verb, path, and permission or roles of all operations, as the contract has them:
/// independent of what the server says about itself.
pub const CONTRACT: [(&str, &str, &str, &str); 127] = [
    ("apps.secrets.create", "POST", "/v1/apps/secrets", "secret_write"),
    ("apps.secrets.list", "GET", "/v1/apps/secrets", "secret_read"),
    ("apps.secrets.find", "GET", "/v1/apps/secrets/find", "secret_read"),
    ("apps.secrets.delete", "POST", "/v1/apps/secrets/delete", "secret_write"),
    ("apps.secrets.lease", "POST", "/v1/apps/secrets/lease", "secret_write"),
    ("apps.installs.create", "POST", "/v1/apps/installs", "app_install_write"),
    ("apps.installs.list", "GET", "/v1/apps/installs", "app_install_read"),
    ("apps.installs.retrieve", "GET", "/v1/apps/installs/:id", "app_install_read"),
    ("apps.installs.update", "POST", "/v1/apps/installs/:id", "app_install_write"),
    ("apps.installs.uninstall", "POST", "/v1/apps/installs/:id/uninstall", "app_install_write"),
    ("account.retrieve", "GET", "/v1/account", "account_read"),
    ("accounts.retrieve", "GET", "/v1/accounts/:id", "account_read"),
    ("ephemeral_keys.create", "POST", "/v1/ephemeral_keys", "ephemeral_key_write"),
    ("ephemeral_keys.delete", "DELETE", "/v1/ephemeral_keys/:id", "ephemeral_key_write"),
    ("ledger.charges.create", "POST", "/v1/ledger/charges", "ledger_write"),
    ("ledger.charges.update", "POST", "/v1/ledger/charges/:id", "ledger_write"),
    ("ledger.charges.list", "GET", "/v1/ledger/charges", "ledger_read"),
    ("ledger.charges.retrieve", "GET", "/v1/ledger/charges/:id", "ledger_read"),
    ("ledger.refunds.create", "POST", "/v1/ledger/refunds", "ledger_write"),
    ("ledger.refunds.update", "POST", "/v1/ledger/refunds/:id", "ledger_write"),
    ("ledger.refunds.list", "GET", "/v1/ledger/refunds", "ledger_read"),
    ("ledger.refunds.retrieve", "GET", "/v1/ledger/refunds/:id", "ledger_read"),
    ("ledger.disputes.create", "POST", "/v1/ledger/disputes", "ledger_write"),
    ("ledger.disputes.update", "POST", "/v1/ledger/disputes/:id", "ledger_write"),
    ("ledger.disputes.list", "GET", "/v1/ledger/disputes", "ledger_read"),
    ("ledger.disputes.retrieve", "GET", "/v1/ledger/disputes/:id", "ledger_read"),
    (
        "ledger.disputes.movements.create",
        "POST",
        "/v1/ledger/disputes/:id/movements",
        "ledger_write",
    ),
    ("ledger.payouts.create", "POST", "/v1/ledger/payouts", "ledger_write"),
    ("ledger.payouts.update", "POST", "/v1/ledger/payouts/:id", "ledger_write"),
    ("ledger.payouts.list", "GET", "/v1/ledger/payouts", "ledger_read"),
    ("ledger.payouts.retrieve", "GET", "/v1/ledger/payouts/:id", "ledger_read"),
    ("ledger.adjustments.create", "POST", "/v1/ledger/adjustments", "ledger_write"),
    ("ledger.adjustments.update", "POST", "/v1/ledger/adjustments/:id", "ledger_write"),
    ("ledger.adjustments.list", "GET", "/v1/ledger/adjustments", "ledger_read"),
    ("ledger.adjustments.retrieve", "GET", "/v1/ledger/adjustments/:id", "ledger_read"),
    ("ledger.accounts.list", "GET", "/v1/ledger/accounts", "ledger_read"),
    ("ledger.transactions.create", "POST", "/v1/ledger/transactions", "ledger_write"),
    ("ledger.transactions.import", "POST", "/v1/ledger/transactions/import", "ledger_write"),
    ("ledger.transactions.list", "GET", "/v1/ledger/transactions", "ledger_read"),
    ("ledger.transactions.retrieve", "GET", "/v1/ledger/transactions/:id", "ledger_read"),
    ("ledger.settings.update", "POST", "/v1/ledger/settings", "ledger_write"),
    ("ledger.settings.retrieve", "GET", "/v1/ledger/settings", "ledger_read"),
    ("ledger.parked.list", "GET", "/v1/ledger/parked", "ledger_read"),
    ("ledger.parked.retrieve", "GET", "/v1/ledger/parked/:id", "ledger_read"),
    ("ledger.warnings.list", "GET", "/v1/ledger/warnings", "ledger_read"),
    ("ledger.warnings.retrieve", "GET", "/v1/ledger/warnings/:id", "ledger_read"),
    ("ledger.reconciliations.create", "POST", "/v1/ledger/reconciliations", "ledger_write"),
    ("ledger.reconciliations.list", "GET", "/v1/ledger/reconciliations", "ledger_read"),
    ("ledger.reconciliations.retrieve", "GET", "/v1/ledger/reconciliations/:id", "ledger_read"),
    ("ledger.breaches.list", "GET", "/v1/ledger/breaches", "ledger_read"),
    ("ledger.breaches.retrieve", "GET", "/v1/ledger/breaches/:id", "ledger_read"),
    ("balance.retrieve", "GET", "/v1/balance", "balance_read"),
    ("balance.history.list", "GET", "/v1/balance/history", "balance_read"),
    ("balance.history.retrieve", "GET", "/v1/balance/history/:id", "balance_read"),
    ("balance_transactions.list", "GET", "/v1/balance_transactions", "balance_read"),
    ("balance_transactions.retrieve", "GET", "/v1/balance_transactions/:id", "balance_read"),
    ("reserve.holds.create", "POST", "/v1/reserve/holds", "reserve_hold_write"),
    ("reserve.holds.update", "POST", "/v1/reserve/holds/:id", "reserve_hold_write"),
    ("reserve.holds.list", "GET", "/v1/reserve/holds", "reserve_hold_read"),
    ("reserve.holds.retrieve", "GET", "/v1/reserve/holds/:id", "reserve_hold_read"),
    ("reserve.plans.create", "POST", "/v1/reserve/plans", "reserve_plan_write"),
    ("reserve.plans.update", "POST", "/v1/reserve/plans/:id", "reserve_plan_write"),
    ("reserve.plans.disable", "POST", "/v1/reserve/plans/:id/disable", "reserve_plan_write"),
    ("reserve.plans.list", "GET", "/v1/reserve/plans", "reserve_plan_read"),
    ("reserve.plans.retrieve", "GET", "/v1/reserve/plans/:id", "reserve_plan_read"),
    ("reserve.releases.create", "POST", "/v1/reserve/releases", "reserve_release_write"),
    ("reserve.releases.update", "POST", "/v1/reserve/releases/:id", "reserve_release_write"),
    ("reserve.releases.list", "GET", "/v1/reserve/releases", "reserve_release_read"),
    ("reserve.releases.retrieve", "GET", "/v1/reserve/releases/:id", "reserve_release_read"),
    ("events.list", "GET", "/v1/events", "event_read"),
    ("events.retrieve", "GET", "/v1/events/:id", "event_read"),
    ("events.attempts", "GET", "/v1/events/:id/attempts", "webhook_read"),
    ("events.retry", "POST", "/v1/events/:id/retry", "webhook_write"),
    ("webhook_endpoints.create", "POST", "/v1/webhook_endpoints", "webhook_write"),
    ("webhook_endpoints.update", "POST", "/v1/webhook_endpoints/:id", "webhook_write"),
    ("webhook_endpoints.list", "GET", "/v1/webhook_endpoints", "webhook_read"),
    ("webhook_endpoints.retrieve", "GET", "/v1/webhook_endpoints/:id", "webhook_read"),
    ("webhook_endpoints.delete", "DELETE", "/v1/webhook_endpoints/:id", "webhook_write"),
    (
        "webhook_endpoints.roll_secret",
        "POST",
        "/v1/webhook_endpoints/:id/roll_secret",
        "webhook_write",
    ),
    ("webhook_endpoints.attempts", "GET", "/v1/webhook_endpoints/:id/attempts", "webhook_read"),
    ("webhook_endpoints.test", "POST", "/v1/webhook_endpoints/:id/test", "webhook_write"),
    ("admin.accounts.create", "POST", "/v1/admin/accounts", ADMIN),
    ("admin.accounts.list", "GET", "/v1/admin/accounts", AUDITED),
    ("admin.accounts.retrieve", "GET", "/v1/admin/accounts/:id", AUDITED),
    ("admin.accounts.delete", "DELETE", "/v1/admin/accounts/:id", ADMIN),
    ("admin.accounts.purge", "POST", "/v1/admin/accounts/:id/purge", ADMIN),
    ("admin.users.purge", "POST", "/v1/admin/accounts/:id/users/purge", ADMIN),
    ("admin.erasures.list", "GET", "/v1/admin/erasures", AUDITED),
    ("admin.erasures.retrieve", "GET", "/v1/admin/erasures/:id", AUDITED),
    ("admin.apps.create", "POST", "/v1/admin/apps", ADMIN),
    ("admin.apps.list", "GET", "/v1/admin/apps", AUDITED),
    ("admin.apps.retrieve", "GET", "/v1/admin/apps/:id", AUDITED),
    ("admin.apps.update", "POST", "/v1/admin/apps/:id", ADMIN),
    ("admin.apps.delete", "DELETE", "/v1/admin/apps/:id", ADMIN),
    ("admin.installs.create", "POST", "/v1/admin/installs", ADMIN),
    ("admin.installs.list", "GET", "/v1/admin/installs", AUDITED),
    ("admin.installs.retrieve", "GET", "/v1/admin/installs/:id", AUDITED),
    ("admin.installs.delete", "DELETE", "/v1/admin/installs/:id", ADMIN),
    ("admin.api_keys.create", "POST", "/v1/admin/api_keys", KEEPERS),
    ("admin.api_keys.list", "GET", "/v1/admin/api_keys", ALL),
    ("admin.api_keys.retrieve", "GET", "/v1/admin/api_keys/:id", ALL),
    ("admin.api_keys.revoke", "POST", "/v1/admin/api_keys/:id/revoke", KEEPERS),
    ("admin.api_keys.roll", "POST", "/v1/admin/api_keys/:id/roll", KEEPERS),
    ("admin.api_keys.lock", "POST", "/v1/admin/api_keys/lock", ADMIN),
    ("admin.audit.list", "GET", "/v1/admin/audit", AUDITED),
    ("admin.audit.prune", "POST", "/v1/admin/audit/prune", ADMIN),
    ("admin.audit.retrieve", "GET", "/v1/admin/audit/:id", AUDITED),
    ("admin.clock.retrieve", "GET", "/v1/admin/clock", AUDITED),
    ("admin.clock.accept", "POST", "/v1/admin/clock/accept", ADMIN),
    ("admin.requests.retrieve", "GET", "/v1/admin/requests/:id", AUDITED),
    ("admin.secrets.expiring", "GET", "/v1/admin/secrets/expiring", AUDITED),
    ("admin.secrets.history", "GET", "/v1/admin/secrets/history", AUDITED),
    ("admin.secrets.last_reads", "GET", "/v1/admin/secrets/last_reads", AUDITED),
    ("admin.secrets.unused", "GET", "/v1/admin/secrets/unused", AUDITED),
    ("admin.reserves.report", "GET", "/v1/admin/reserves/report", AUDITED),
    ("admin.reserves.simulate", "GET", "/v1/admin/reserves/simulation", AUDITED),
    ("admin.reserves.stories.charge", "GET", "/v1/admin/reserves/stories/charges/:id", AUDITED),
    ("admin.reserves.stories.hold", "GET", "/v1/admin/reserves/stories/holds/:id", AUDITED),
    ("admin.reserves.stories.payout", "GET", "/v1/admin/reserves/stories/payouts/:id", AUDITED),
    ("admin.schedule.rewind", "POST", "/v1/admin/schedule/rewind", ADMIN),
    ("admin.keyring.retrieve", "GET", "/v1/admin/keyring", AUDITED),
    ("admin.keyring.rotate", "POST", "/v1/admin/keyring/rotate", ADMIN),
    ("admin.keyring.destroy", "POST", "/v1/admin/keyring/destroy", ADMIN),
    ("admin.keyring.seal", "POST", "/v1/admin/keyring/seal", ADMIN),
    ("admin.keyring.unseal", "POST", "/v1/admin/keyring/unseal", ADMIN),
    ("admin.status.retrieve", "GET", "/v1/admin/status", AUDITED),
    ("admin.metrics.retrieve", "GET", "/metrics", AUDITED),
];
