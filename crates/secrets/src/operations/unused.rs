//! `GET /v1/admin/secrets/unused`: which secrets of one app on one account nobody has read for
//! long, for operators. Nothing counts reads beside a secret, which would make every read a write:
//! they are in the audit, and this looks there, as `coffer explain secret` does.

use super::is_read_of_scope;
use crate::explain::scope_of;
use crate::store::{self, Named};
use crate::{limits, secret, wire};
use coffer_base::{AccountId, Tenant, Timestamp, limit};
use coffer_dialect::{ApiError, Object, Value};
use coffer_kernel::explain::{Search, StoredEntry, search};
use coffer_kernel::{
    Access, Arguments, Ctx, Definition, Example, Failure, ReadOperation, keyring_failure,
};
use coffer_keyring::{Keyring, TenantKeys};
use coffer_storage::Store;
use std::collections::HashSet;
use std::sync::Arc;

/// The operation.
pub(super) struct ListUnused(pub(super) Arc<Keyring>);

/// Whose secrets, and for how many seconds nobody has read them.
pub(super) struct Input {
    tenant: Tenant,
    unused: i64,
    most: usize,
    looked_at: Option<u64>,
}

impl ReadOperation for ListUnused {
    const DEFINITION: Definition =
        Definition::get("admin.secrets.unused", "/v1/admin/secrets/unused", Access::AUDITED)
            .example(Example::of(&[("app", "app_1"), ("account", "acct_1")]));
    type Input = Input;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Input, ApiError> {
        let known = &["account", "app", "entries", "limit", "mode", "unused_for"];
        let fields = arguments.params.only(known)?;
        let tenant = wire::tenant(&fields)?;
        let unused = 1..=limits::LOOKED_AHEAD_SECONDS;
        let unused = fields.optional_integer_within("unused_for", unused)?;
        let most = fields.optional_integer_within("limit", 1..=limit::PAGE_CEILING)?;
        Ok(Input {
            tenant,
            unused: unused.unwrap_or(limits::UNUSED_SECONDS),
            most: usize::try_from(most.unwrap_or(limits::SHOWN_TO_OPERATORS)).unwrap_or(1),
            looked_at: wire::looked_at(&fields)?,
        })
    }

    async fn run(&self, input: &Input, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let before = ctx.now().plus(input.unused.saturating_neg());
        let reads = Reads::of(store, input, before).await?;
        let tenant = &reads.tenant;
        let keys = self.0.existing(tenant).await.map_err(|error| keyring_failure(&error))?;
        let mut found = Vec::new();
        if let Some(keys) = keys {
            let secrets = store::names_of(store, tenant).await?;
            let live = secrets.iter().filter(|one| secret::is_live(one.expires_at, ctx.now()));
            let old = live.filter(|one| one.created <= before);
            // One more tells that there are more; whoever has read the others is asked by nobody.
            let unread = old.filter(|one| !reads.has(one, &keys));
            found.extend(unread.take(input.most.saturating_add(1)).map(object));
        }
        let has_more = found.len() > input.most;
        found.truncate(input.most);
        ctx.audit_amount(found.len());
        Ok(Object::singleton("secrets_unused")
            .set("account", tenant.account.name().to_owned())
            .set("app", tenant.app.as_str().to_owned())
            .set("complete", reads.is_complete)
            .set("data", Value::List(found))
            .set("has_more", has_more)
            .set("looked_back_to", reads.looked_back_to)
            .set("mode", tenant.mode.as_str())
            .set("unused_since", before))
    }
}

/// What counts as a use of one secret: setting it anew does, too.
const USES: [&str; 2] = ["apps.secrets.create", "apps.secrets.find"];

/// What is a use of all secrets of a scope, if it shows their payloads.
const LIST: &str = "apps.secrets.list";

/// What was read since a time, by the audit.
struct Reads {
    /// Whose, in the generation that the newest entry names.
    tenant: Tenant,
    /// The users whose scopes were listed, `None` for the account's, and the digests of names that
    /// were read or set.
    listed: HashSet<Option<String>>,
    named: HashSet<Vec<u8>>,
    /// Whether the audit was read back to that time, or to its beginning.
    is_complete: bool,
    /// If it was not: to when it was, as far as that can be told.
    looked_back_to: Option<i64>,
}

impl Reads {
    async fn of(store: &Store, input: &Input, since: Timestamp) -> Result<Self, Failure> {
        let tenant = &input.tenant;
        let asked = Search {
            account: tenant.account.as_str().to_owned(),
            app: tenant.app.as_str().to_owned(),
            operation: "apps.secrets.".to_owned(),
            outcome: "done".to_owned(),
            looked_at: input.looked_at,
            ..Search::default()
        };
        let found = search(store, &asked, 0, u64::MAX, limits::HISTORY_ENTRIES).await?;
        let is_complete = found.looked_back_to.is_none_or(|back| back <= since);
        let of_mode = |entry: &&StoredEntry| entry.int("mode") == Some(tenant.mode.code());
        // What was kept before an account was purged was of another generation.
        let newest = found.entries.iter().find(of_mode).and_then(|entry| entry.text("account"));
        let account = newest.and_then(|account| AccountId::parse_stored(account).ok());
        let account = account.unwrap_or_else(|| tenant.account.clone());
        let is_read = |entry: &&StoredEntry| {
            let operation = entry.text("operation").unwrap_or_default();
            let is_use = USES.contains(&operation) || is_read_of_scope(entry);
            is_use && of_mode(entry) && entry.at() > since
        };
        let (mut listed, mut named) = (HashSet::new(), HashSet::new());
        for entry in found.entries.iter().filter(is_read) {
            if entry.text("operation") == Some(LIST) {
                let scope = entry.text("scope").map(scope_of);
                listed.extend(scope.map(|scope| scope.user().map(str::to_owned)));
            } else {
                named.extend(entry.bytes("name_fingerprint").map(<[u8]>::to_vec));
            }
        }
        Ok(Self {
            tenant: Tenant { account, ..tenant.clone() },
            listed,
            named,
            is_complete,
            looked_back_to: found.looked_back_to.filter(|_| !is_complete).map(Timestamp::unix),
        })
    }

    /// Whether a secret was read, listed with its scope, or set anew.
    fn has(&self, secret: &Named, keys: &TenantKeys) -> bool {
        // The digest covers the scope.
        let fingerprint = secret.locator.digest(keys);
        self.listed.contains(&secret.locator.scope.user().map(str::to_owned))
            || self.named.contains(fingerprint.as_bytes().as_slice())
    }
}

fn object(secret: &Named) -> Value {
    Object::bare()
        .set("created", secret.created)
        .set("expires_at", secret.expires_at)
        .set("id", secret.id.clone())
        .set("user", secret.locator.scope.user().map(str::to_owned))
        .into()
}
