//! `GET /v1/admin/secrets/history`: who changed and who read a secret, for operators.

use super::is_read_of_scope;
use super::last_reads::LastReads;
use super::unused::ListUnused;
use crate::explain::{is_of_scope, locator};
use crate::secret::Locator;
use crate::{limits, store, wire};
use coffer_base::{AccountId, AppId, Mode, Tenant, Timestamp, limit};
use coffer_dialect::{ApiError, Object, Value};
use coffer_kernel::explain::{Search, StoredEntry, search};
use coffer_kernel::{
    Access, Arguments, Ctx, Definition, Example, Failure, ReadOperation, Routes, keyring_failure,
};
use coffer_keyring::{Keyring, TenantKeys};
use coffer_storage::Store;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Adds the operations that look into the audit, some for names under the keys of tenants.
pub fn register(routes: &mut Routes, keyring: Arc<Keyring>) {
    routes.read(LastReads).read(ListUnused(Arc::clone(&keyring))).read(History(keyring));
}

/// The operation.
struct History(Arc<Keyring>);

/// Which secret it is about.
struct Query {
    locator: Locator,
    account: AccountId,
    looked_at: Option<u64>,
}

/// What one key read.
#[derive(Default)]
struct Reads {
    count: i64,
    last: i64,
}

/// Who read, from where: app, mode and key.
type Reader = (String, i64, String);

/// What the entries say of a secret.
#[derive(Default)]
struct Story {
    changes: Vec<StoredEntry>,
    readers: BTreeMap<Reader, Reads>,
    last_read: Option<i64>,
}

impl ReadOperation for History {
    const DEFINITION: Definition =
        Definition::get("admin.secrets.history", "/v1/admin/secrets/history", Access::AUDITED)
            .example(Example::of(&[("name", "n"), ("account", "acct_1")]));
    type Input = Query;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Query, ApiError> {
        let fields = arguments.params.only(&["account", "entries", "name", "user"])?;
        let name = wire::name(&fields)?;
        let account = wire::account(&fields)?;
        let user = fields.optional_plain("user", limit::SCOPE_USER_CHARACTERS)?;
        let looked_at = wire::looked_at(&fields)?;
        Ok(Query { locator: locator(&name, user.as_deref()), account, looked_at })
    }

    async fn run(&self, query: &Query, _ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let asked = Search {
            account: query.account.as_str().to_owned(),
            operation: "apps.secrets.".to_owned(),
            looked_at: query.looked_at,
            ..Search::default()
        };
        let found = search(store, &asked, 0, u64::MAX, limits::HISTORY_ENTRIES).await?;
        let tenants = tenants_of(&found.entries, &self.0).await?;
        let mut story = Story::default();
        let mut exists = Vec::new();
        for (tenant, keys) in &tenants {
            story.read(&found.entries, tenant, keys, &query.locator);
            let key = store::row_key(&query.locator, keys, tenant);
            if let Some(secret) = store::find(store, &key).await? {
                exists.push(now_object(tenant, &secret));
            }
        }
        let looked_back_to = found.looked_back_to.map(Timestamp::unix);
        Ok(story.object(query, exists, looked_back_to))
    }
}

/// Whose data the entries are about, with their keys; one whose keys were destroyed has none.
async fn tenants_of(
    entries: &[StoredEntry],
    keyring: &Keyring,
) -> Result<Vec<(Tenant, Arc<TenantKeys>)>, ApiError> {
    let mut tenants: Vec<(Tenant, Arc<TenantKeys>)> = Vec::new();
    for entry in entries {
        let Some(tenant) = tenant_of(entry) else { continue };
        if tenants.iter().any(|(known, _)| *known == tenant) {
            continue;
        }
        let keys = keyring.existing(&tenant).await.map_err(|error| keyring_failure(&error))?;
        tenants.extend(keys.map(|keys| (tenant, keys)));
    }
    Ok(tenants)
}

fn tenant_of(entry: &StoredEntry) -> Option<Tenant> {
    Some(Tenant {
        mode: Mode::from_code(entry.int("mode")?)?,
        app: AppId::parse(entry.text("app")?).ok()?,
        account: AccountId::parse_stored(entry.text("account")?).ok()?,
    })
}

/// A secret that is there.
fn now_object(tenant: &Tenant, secret: &store::StoredSecret) -> Value {
    Object::bare()
        .set("app", tenant.app.as_str().to_owned())
        .set("created", secret.created.unix())
        .set("expires_at", secret.expires_at.map(Timestamp::unix))
        .set("id", secret.id.clone())
        .set("mode", tenant.mode.as_str())
        .into()
}

impl Story {
    /// Adds what the entries of one tenant say of the secret.
    fn read(
        &mut self,
        entries: &[StoredEntry],
        tenant: &Tenant,
        keys: &TenantKeys,
        locator: &Locator,
    ) {
        let fingerprint = locator.digest(keys);
        let is_named = |entry: &StoredEntry| {
            entry.bytes("name_fingerprint") == Some(fingerprint.as_bytes().as_slice())
        };
        let of_tenant = entries.iter().filter(|entry| tenant_of(entry).as_ref() == Some(tenant));
        for entry in of_tenant.filter(|entry| is_of_scope(entry, &locator.scope)) {
            match entry.text("operation") {
                Some("apps.secrets.create" | "apps.secrets.delete") if is_named(entry) => {
                    self.changes.push(entry.clone());
                }
                Some("apps.secrets.find") if is_named(entry) => self.add_read(entry),
                _ if is_read_of_scope(entry) => self.add_read(entry),
                _ => {}
            }
        }
    }

    fn add_read(&mut self, entry: &StoredEntry) {
        if entry.text("outcome") != Some("done") {
            return;
        }
        let text = |column| entry.text(column).unwrap_or_default().to_owned();
        let reader = (text("app"), entry.int("mode").unwrap_or_default(), text("actor"));
        let at = entry.at().unix();
        let reads = self.readers.entry(reader).or_default();
        reads.count = reads.count.saturating_add(1);
        reads.last = reads.last.max(at);
        self.last_read = self.last_read.max(Some(at));
    }

    fn object(mut self, query: &Query, exists: Vec<Value>, looked_back_to: Option<i64>) -> Object {
        self.changes.sort_by_key(|entry| std::cmp::Reverse(entry.place()));
        self.changes.truncate(limits::HISTORY_CHANGES);
        let text = |entry: &StoredEntry, column| entry.text(column).map(str::to_owned);
        let changes = self.changes.iter().map(|entry| {
            Object::bare()
                .set("actor", text(entry, "actor"))
                .set("app", text(entry, "app"))
                .set("at", entry.at().unix())
                .set("mode", entry.int("mode").and_then(Mode::from_code).map(Mode::as_str))
                .set("operation", text(entry, "operation"))
                .set("outcome", text(entry, "outcome"))
                .set("request", text(entry, "request"))
                .into()
        });
        let readers = self.readers.iter().map(|((app, mode, actor), reads)| {
            Object::bare()
                .set("actor", actor.clone())
                .set("app", app.clone())
                .set("last_read", reads.last)
                .set("mode", Mode::from_code(*mode).map(Mode::as_str))
                .set("reads", reads.count)
                .into()
        });
        Object::bare()
            .set("object", "secret_history")
            .set("account", query.account.as_str().to_owned())
            .set("changes", Value::List(changes.collect()))
            .set("exists", Value::List(exists))
            .set("last_read", self.last_read)
            .set("looked_back_to", looked_back_to)
            .set("name", query.locator.name.clone())
            .set("readers", Value::List(readers.collect()))
            .set("user", query.locator.scope.user().map(str::to_owned))
    }
}
