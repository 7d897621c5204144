//! The operations, as the contract has them. The server's own list must be the same.

/// Who may call an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    Permission(&'static str),
    Admin,
}

/// How a case calls it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    Set,
    Find,
    List,
    Remove,
    MakeEphemeral,
    EndEphemeral,
    /// An operation of Reserves, of the ledger, or on events.
    Ledger,
    /// An operation of the admin API that changes nothing.
    AdminRead,
    /// One that makes, changes or takes away something.
    AdminWrite,
}

/// An operation.
#[derive(Debug)]
pub struct Operation {
    pub name: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    pub needs: Needs,
    pub writes: bool,
    pub call: Call,
}

const fn tenant(
    name: &'static str,
    method: &'static str,
    path: &'static str,
    permission: &'static str,
    call: Call,
) -> Operation {
    let writes = !matches!(call, Call::Find | Call::List);
    Operation { name, method, path, needs: Needs::Permission(permission), writes, call }
}

const fn ledger(
    name: &'static str,
    method: &'static str,
    path: &'static str,
    permission: &'static str,
) -> Operation {
    let writes = !matches!(method.as_bytes(), b"GET");
    Operation {
        name,
        method,
        path,
        needs: Needs::Permission(permission),
        writes,
        call: Call::Ledger,
    }
}

const fn admin(name: &'static str, method: &'static str, path: &'static str) -> Operation {
    let writes = !matches!(method.as_bytes(), b"GET");
    let call = if writes { Call::AdminWrite } else { Call::AdminRead };
    Operation { name, method, path, needs: Needs::Admin, writes, call }
}

const SECRETS: &str = "/v1/apps/secrets";
const EPHEMERAL: &str = "ephemeral_key_write";

/// All operations.
pub const OPERATIONS: [Operation; 60] = [
    tenant("apps.secrets.create", "POST", SECRETS, "secret_write", Call::Set),
    tenant("apps.secrets.list", "GET", SECRETS, "secret_read", Call::List),
    tenant("apps.secrets.find", "GET", "/v1/apps/secrets/find", "secret_read", Call::Find),
    tenant("apps.secrets.delete", "POST", "/v1/apps/secrets/delete", "secret_write", Call::Remove),
    tenant("ephemeral_keys.create", "POST", "/v1/ephemeral_keys", EPHEMERAL, Call::MakeEphemeral),
    tenant(
        "ephemeral_keys.delete",
        "DELETE",
        "/v1/ephemeral_keys/:id",
        EPHEMERAL,
        Call::EndEphemeral,
    ),
    ledger("ledger.charges.create", "POST", "/v1/ledger/charges", "ledger_write"),
    ledger("ledger.charges.update", "POST", "/v1/ledger/charges/:id", "ledger_write"),
    ledger("ledger.charges.list", "GET", "/v1/ledger/charges", "ledger_read"),
    ledger("ledger.charges.retrieve", "GET", "/v1/ledger/charges/:id", "ledger_read"),
    ledger("ledger.refunds.create", "POST", "/v1/ledger/refunds", "ledger_write"),
    ledger("ledger.refunds.update", "POST", "/v1/ledger/refunds/:id", "ledger_write"),
    ledger("ledger.refunds.list", "GET", "/v1/ledger/refunds", "ledger_read"),
    ledger("ledger.refunds.retrieve", "GET", "/v1/ledger/refunds/:id", "ledger_read"),
    ledger("ledger.disputes.create", "POST", "/v1/ledger/disputes", "ledger_write"),
    ledger("ledger.disputes.update", "POST", "/v1/ledger/disputes/:id", "ledger_write"),
    ledger("ledger.disputes.list", "GET", "/v1/ledger/disputes", "ledger_read"),
    ledger("ledger.disputes.retrieve", "GET", "/v1/ledger/disputes/:id", "ledger_read"),
    ledger("ledger.payouts.create", "POST", "/v1/ledger/payouts", "ledger_write"),
    ledger("ledger.payouts.update", "POST", "/v1/ledger/payouts/:id", "ledger_write"),
    ledger("ledger.payouts.list", "GET", "/v1/ledger/payouts", "ledger_read"),
    ledger("ledger.payouts.retrieve", "GET", "/v1/ledger/payouts/:id", "ledger_read"),
    ledger("ledger.breaches.list", "GET", "/v1/ledger/breaches", "ledger_read"),
    ledger("ledger.breaches.retrieve", "GET", "/v1/ledger/breaches/:id", "ledger_read"),
    ledger("balance.retrieve", "GET", "/v1/balance", "balance_read"),
    ledger("balance_transactions.list", "GET", "/v1/balance_transactions", "balance_read"),
    ledger("balance_transactions.retrieve", "GET", "/v1/balance_transactions/:id", "balance_read"),
    ledger("reserve.holds.create", "POST", "/v1/reserve/holds", "reserve_hold_write"),
    ledger("reserve.holds.update", "POST", "/v1/reserve/holds/:id", "reserve_hold_write"),
    ledger("reserve.holds.list", "GET", "/v1/reserve/holds", "reserve_hold_read"),
    ledger("reserve.holds.retrieve", "GET", "/v1/reserve/holds/:id", "reserve_hold_read"),
    ledger("reserve.plans.create", "POST", "/v1/reserve/plans", "reserve_plan_write"),
    ledger("reserve.plans.update", "POST", "/v1/reserve/plans/:id", "reserve_plan_write"),
    ledger("reserve.plans.disable", "POST", "/v1/reserve/plans/:id/disable", "reserve_plan_write"),
    ledger("reserve.plans.list", "GET", "/v1/reserve/plans", "reserve_plan_read"),
    ledger("reserve.plans.retrieve", "GET", "/v1/reserve/plans/:id", "reserve_plan_read"),
    ledger("reserve.releases.create", "POST", "/v1/reserve/releases", "reserve_release_write"),
    ledger("reserve.releases.update", "POST", "/v1/reserve/releases/:id", "reserve_release_write"),
    ledger("reserve.releases.list", "GET", "/v1/reserve/releases", "reserve_release_read"),
    ledger("reserve.releases.retrieve", "GET", "/v1/reserve/releases/:id", "reserve_release_read"),
    ledger("events.list", "GET", "/v1/events", "event_read"),
    ledger("events.retrieve", "GET", "/v1/events/:id", "event_read"),
    admin("admin.accounts.create", "POST", "/v1/admin/accounts"),
    admin("admin.accounts.list", "GET", "/v1/admin/accounts"),
    admin("admin.accounts.retrieve", "GET", "/v1/admin/accounts/:id"),
    admin("admin.accounts.delete", "DELETE", "/v1/admin/accounts/:id"),
    admin("admin.apps.create", "POST", "/v1/admin/apps"),
    admin("admin.apps.list", "GET", "/v1/admin/apps"),
    admin("admin.apps.retrieve", "GET", "/v1/admin/apps/:id"),
    admin("admin.apps.update", "POST", "/v1/admin/apps/:id"),
    admin("admin.apps.delete", "DELETE", "/v1/admin/apps/:id"),
    admin("admin.installs.create", "POST", "/v1/admin/installs"),
    admin("admin.installs.list", "GET", "/v1/admin/installs"),
    admin("admin.installs.retrieve", "GET", "/v1/admin/installs/:id"),
    admin("admin.installs.delete", "DELETE", "/v1/admin/installs/:id"),
    admin("admin.api_keys.create", "POST", "/v1/admin/api_keys"),
    admin("admin.api_keys.list", "GET", "/v1/admin/api_keys"),
    admin("admin.api_keys.retrieve", "GET", "/v1/admin/api_keys/:id"),
    admin("admin.api_keys.revoke", "POST", "/v1/admin/api_keys/:id/revoke"),
    admin("admin.status.retrieve", "GET", "/v1/admin/status"),
];
