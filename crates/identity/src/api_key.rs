//! Keys: how they are made, and how their tokens look.

use crate::objects::{ApiKey, Bound, Kind};
use crate::store;
use coffer_base::{AppId, Mode, Random, Redacted, Tenant, Timestamp, id::random_id, limit};
use coffer_crypto::{TokenHash, new_token};
use coffer_dialect::authorization::redact_key;
use coffer_storage::{StorageError, Store, Tx, Work};

/// Whose key is to be made.
pub(crate) enum Holder {
    Admin,
    App { app: AppId, mode: Mode, permissions: Option<Vec<String>> },
    User { app: AppId, mode: Mode, bound: Bound, permissions: Option<Vec<String>>, parent: String },
}

impl Holder {
    const fn kind(&self) -> Kind {
        match self {
            Self::Admin => Kind::Admin,
            Self::App { permissions: None, .. } => Kind::Secret,
            Self::App { permissions: Some(_), .. } => Kind::Restricted,
            Self::User { .. } => Kind::Ephemeral,
        }
    }

    /// What the token begins with. Part two is the mode, as SDKs read it; `coffer` keeps secret
    /// scanners from taking the key for Stripe's.
    fn prefix(&self) -> String {
        let mode = match self {
            Self::Admin => return "ak_coffer_".to_owned(),
            Self::App { mode, .. } | Self::User { mode, .. } => mode,
        };
        let letters = match self.kind() {
            Kind::Secret => "sk",
            Kind::Restricted => "rk",
            Kind::Ephemeral => "ek",
            Kind::Admin => "ak",
        };
        format!("{letters}_{mode}_coffer_")
    }
}

/// A key that was just made, with its token, which is shown once.
pub struct NewKey {
    pub(crate) key: ApiKey,
    pub(crate) hash: TokenHash,
    token: Redacted<String>,
}

impl NewKey {
    pub(crate) fn make(
        holder: Holder,
        name: String,
        expires_at: Option<Timestamp>,
        random: &dyn Random,
        now: Timestamp,
    ) -> Self {
        let token = new_token(&holder.prefix(), random);
        Self::of_token(token, holder, name, expires_at, random, now)
    }

    /// A key whose token the caller chose: only developer mode has such keys.
    pub(crate) fn of_token(
        token: Redacted<String>,
        holder: Holder,
        name: String,
        expires_at: Option<Timestamp>,
        random: &dyn Random,
        now: Timestamp,
    ) -> Self {
        let kind = holder.kind();
        let prefix = if kind == Kind::Ephemeral { "ephkey" } else { "key" };
        let id = random_id(prefix, limit::RANDOM_ID_CHARACTERS, random);
        let (mode, app, bound, permissions, parent) = match holder {
            Holder::Admin => (None, None, None, None, None),
            Holder::App { app, mode, permissions } => {
                (Some(mode), Some(app), None, permissions, None)
            }
            Holder::User { app, mode, bound, permissions, parent } => {
                (Some(mode), Some(app), Some(bound), permissions, Some(parent))
            }
        };
        let key = ApiKey {
            id,
            seq: 0,
            kind,
            mode,
            app,
            bound,
            permissions,
            parent,
            name,
            shown: redact_key(token.expose()),
            created: now,
            expires_at,
            revoked_at: None,
            last_used: None,
        };
        Self { key, hash: TokenHash::of(token.expose()), token }
    }

    /// The key's id.
    pub fn id(&self) -> &str {
        &self.key.id
    }

    /// The token: for the one answer that shows it.
    pub const fn token(&self) -> &Redacted<String> {
        &self.token
    }

    /// Stores the key, which takes its place in the list.
    pub(crate) async fn insert(&self, tx: &mut Tx<'_>) -> Result<ApiKey, StorageError> {
        let seq = store::next_seq(tx, "api_key").await?;
        let key = ApiKey { seq, ..self.key.clone() };
        store::insert_key(tx, &self.hash, &key).await?;
        Ok(key)
    }
}

struct InsertAdminKey {
    new: std::sync::Arc<NewKey>,
    now: Timestamp,
    request: String,
}

impl Work for InsertAdminKey {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        self.new.insert(tx).await?;
        let entry = coffer_kernel::AuditEntry {
            at: self.now,
            request: &self.request,
            actor: "offline",
            operation: "admin.api_keys.create",
            tenant: &Tenant::system(),
            subject: self.new.id(),
            fingerprint: None,
        };
        coffer_kernel::append_audit(tx, &entry);
        Ok(())
    }
}

/// Makes an admin key without a server: for the first one, and for the one that was lost.
/// Audited as made offline.
pub async fn create_admin_key(
    store: &Store,
    random: &dyn Random,
    now: Timestamp,
) -> Result<std::sync::Arc<NewKey>, StorageError> {
    let new = NewKey::make(Holder::Admin, "made offline".to_owned(), None, random, now);
    let new = std::sync::Arc::new(new);
    let request = random_id("req", limit::REQUEST_ID_CHARACTERS, random);
    store.write(InsertAdminKey { new: std::sync::Arc::clone(&new), now, request }).await?;
    Ok(new)
}
