//! What each case must come to, from the contract and not from the server: conventions §1 and
//! Extensions, secret store §4.3, §5, §7 decisions 16 and 17, and Extensions.

use crate::fixtures::{Account, Credential, Kind, Scope, Standing, Tenant, tenant};
use crate::operations::{Needs, Operation};
use coffer_kernel::AdminRole;

/// What an answer must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expectation {
    Allowed,
    Refused { status: u16, code: Option<&'static str>, param: Option<&'static str> },
}

const fn refused(status: u16) -> Expectation {
    Expectation::Refused { status, code: None, param: None }
}

const fn refused_as(status: u16, code: &'static str) -> Expectation {
    Expectation::Refused { status, code: Some(code), param: None }
}

const fn refused_at(status: u16, param: &'static str) -> Expectation {
    Expectation::Refused { status, code: None, param: Some(param) }
}

/// The account that the request is about: the one that it names, or the key's own.
pub fn account_of(who: &Credential, named: Option<Account>) -> Account {
    named.unwrap_or(match who.kind {
        Kind::Ephemeral { account, .. } => account,
        _ => who.app.developer(),
    })
}

/// Whose data the request opens, if it is let in.
pub fn tenant_of(who: &Credential, named: Option<Account>) -> Tenant {
    tenant(who.mode, who.app, account_of(who, named))
}

/// Whether the key may speak for that account: an app's key for its developer's and for those
/// that have it installed; an ephemeral key for its own.
fn speaks_for(who: &Credential, named: Option<Account>) -> bool {
    let account = account_of(who, named);
    let bound_elsewhere = match who.kind {
        Kind::Ephemeral { account: bound, .. } => bound != account,
        _ => false,
    };
    !bound_elsewhere && (account == who.app.developer() || account.has(who.app))
}

/// Whoever may write may read.
fn permitted(who: &Credential, permission: &str) -> bool {
    who.permissions.is_none_or(|held| {
        held.contains(&permission)
            || (permission == "event_read" && held.contains(&"webhook_write"))
            || permission
                .strip_suffix("_read")
                .is_some_and(|stem| held.iter().any(|one| *one == format!("{stem}_write")))
    })
}

/// What becomes of the request before anybody looks for what it is about.
pub fn door(operation: &Operation, who: &Credential, named: Option<Account>) -> Expectation {
    match who.standing {
        Standing::Absent | Standing::Unknown => return refused(401),
        Standing::Publishable => return refused_as(403, "secret_key_required"),
        Standing::Over => return refused_as(401, "api_key_expired"),
        Standing::Good => {}
    }
    let role = match who.kind {
        Kind::Admin(role) => Some(role),
        _ => None,
    };
    if role.is_none() && !speaks_for(who, named) && !operation.is_of_any_account() {
        return refused_as(403, "account_invalid");
    }
    match operation.needs {
        Needs::Admin(roles)
            if role.is_some_and(|role| role == AdminRole::Operator || roles.contains(&role)) =>
        {
            Expectation::Allowed
        }
        Needs::Permission(permission) if role.is_none() && permitted(who, permission) => {
            Expectation::Allowed
        }
        _ => refused(403),
    }
}

/// What becomes of a request that reaches into a scope.
pub fn scope(
    operation: &Operation,
    who: &Credential,
    named: Option<Account>,
    scope: Scope,
) -> Expectation {
    let door = door(operation, who, named);
    let Kind::Ephemeral { user, writes_account, .. } = who.kind else { return door };
    match (door, scope) {
        (Expectation::Allowed, Scope::User(other)) if other != user => {
            refused_at(403, "scope[user]")
        }
        (Expectation::Allowed, Scope::Account) if operation.writes && !writes_account => {
            refused_at(403, "scope[type]")
        }
        (door, _) => door,
    }
}

/// What becomes of a request that only a backend may make. An operation that decides itself about
/// the account is asked about an app that never was, unless all else is in order.
pub fn backend(operation: &Operation, who: &Credential, named: Option<Account>) -> Expectation {
    match (door(operation, who, named), who.kind) {
        (Expectation::Allowed, _)
            if operation.is_of_any_account() && named == Some(Account::Malformed) =>
        {
            refused_as(403, "account_invalid")
        }
        (Expectation::Allowed, Kind::Ephemeral { .. }) => refused(403),
        (Expectation::Allowed, _) if operation.is_of_any_account() && !speaks_for(who, named) => {
            named_by(Expectation::Allowed, false, "app")
        }
        (door, _) => door,
    }
}

/// What becomes of a look at an account: the caller's, and those that have the caller's app.
pub fn look_at(
    operation: &Operation,
    who: &Credential,
    named: Option<Account>,
    account: Account,
) -> Expectation {
    let here = account_of(who, named);
    let is_connected = here == who.app.developer() && account.has(who.app);
    match backend(operation, who, named) {
        Expectation::Allowed if account != here && !is_connected => {
            refused_as(403, "account_invalid")
        }
        other => other,
    }
}

/// The same, about something that is there for the caller only if it is `own`: whatever belongs
/// to another does not exist.
pub const fn about(reached: Expectation, own: bool, param: &'static str) -> Expectation {
    match reached {
        Expectation::Allowed if !own => {
            Expectation::Refused { status: 404, code: Some("resource_missing"), param: Some(param) }
        }
        other => other,
    }
}

/// What a parameter names that is another's, be it a cursor, is as good as what never was: 400.
pub const fn named_by(reached: Expectation, own: bool, param: &'static str) -> Expectation {
    match reached {
        Expectation::Allowed if !own => {
            Expectation::Refused { status: 400, code: Some("resource_missing"), param: Some(param) }
        }
        other => other,
    }
}
