//! The operations, as the contract has them. The server's own list must be the same.

/// Who may call an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    Permission(&'static str),
    Admin,
}

/// How a cell calls it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    Set,
    Find,
    List,
    Remove,
    MakeEphemeral,
    EndEphemeral,
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

const fn admin(name: &'static str, method: &'static str, path: &'static str) -> Operation {
    let writes = !matches!(method.as_bytes(), b"GET");
    let call = if writes { Call::AdminWrite } else { Call::AdminRead };
    Operation { name, method, path, needs: Needs::Admin, writes, call }
}

const SECRETS: &str = "/v1/apps/secrets";
const EPHEMERAL: &str = "ephemeral_key_write";

/// All operations.
pub const OPERATIONS: [Operation; 24] = [
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
