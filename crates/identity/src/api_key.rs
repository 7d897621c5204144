//! API keys: how they are created, and how their tokens look.

use crate::objects::{ApiKey, Bound, Kind};
use crate::row_mac::RowMac;
use crate::store;
use coffer_base::{AppId, Mode, Random, Redacted, Tenant, Timestamp, id::random_id, limit};
use coffer_crypto::{TokenHash, new_token};
use coffer_dialect::authorization::redact_key;
use coffer_kernel::{
    ActorKind, AdminRole, AuditActor, AuditEntry, AuditTarget, Network, append_audit,
};
use coffer_keyring::{Keyring, KeyringError};
use coffer_storage::{StorageError, Store, Tx, Work};

/// Whom a key is created for, which decides its [`Kind`] and what its token begins with.
pub(crate) enum Holder {
    /// An operator, or whoever has another role: `ak_…`, for the admin API alone.
    Admin(AdminRole),
    /// Somebody for whom an identity provider vouches, by their id ([`coffer_kernel::Person`]):
    /// an admin key.
    Person(AdminRole, String),
    /// An app in one mode: `sk_…`, or `rk_…` if it has only these permissions.
    App { app: AppId, mode: Mode, permissions: Option<Vec<String>> },
    /// One user of one account: `ek_…`, created by the key with the id `parent`, whose permissions
    /// it takes over.
    User { app: AppId, mode: Mode, bound: Bound, permissions: Option<Vec<String>>, parent: String },
}

impl Holder {
    /// The kind that follows from the holder: an app's key is restricted exactly if permissions
    /// were named.
    const fn kind(&self) -> Kind {
        match self {
            Self::Admin(_) | Self::Person(..) => Kind::Admin,
            Self::App { permissions: None, .. } => Kind::Secret,
            Self::App { permissions: Some(_), .. } => Kind::Restricted,
            Self::User { .. } => Kind::Ephemeral,
        }
    }

    /// What the token begins with. Its second part is the mode, where the SDKs look for it;
    /// `coffer` keeps secret scanners from taking the key for Stripe's.
    fn prefix(&self) -> String {
        let mode = match self {
            Self::Admin(_) | Self::Person(..) => return "ak_coffer_".to_owned(),
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

/// What a key is made with, whoever holds it.
#[derive(Clone, Default)]
pub(crate) struct Terms {
    /// For people to read; empty if none was given.
    pub(crate) name: String,
    /// Never, if it is `None`.
    pub(crate) expires_at: Option<Timestamp>,
    /// The networks that it may be used from; from everywhere if there are none.
    pub(crate) networks: Vec<Network>,
    /// How often it may be used, if that is limited.
    pub(crate) uses: Option<i64>,
}

impl Terms {
    /// A key without bounds, with a name.
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

/// What the tokens of all kinds and modes begin with.
pub(crate) const fn prefixes() -> [&'static str; 7] {
    [
        "sk_test_coffer_",
        "sk_live_coffer_",
        "rk_test_coffer_",
        "rk_live_coffer_",
        "ek_test_coffer_",
        "ek_live_coffer_",
        "ak_coffer_",
    ]
}

/// A key that was just created, with its token, which only one response shows and nothing stores.
pub struct NewKey {
    /// The row to be; its `seq` is 0 until it is inserted.
    pub(crate) key: ApiKey,
    /// What the key is found by; the token itself is in no row.
    pub(crate) hash: TokenHash,
    token: Redacted<String>,
}

impl NewKey {
    /// A key with a new token of [`limit::TOKEN_CHARACTERS`] random characters, and their checksum,
    /// behind the prefix of its kind. It is not stored yet: see [`NewKey::insert`].
    pub(crate) fn generate(
        holder: Holder,
        terms: Terms,
        random: &dyn Random,
        now: Timestamp,
    ) -> Self {
        let token = new_token(&holder.prefix(), random);
        Self::from_token(token, holder, terms, random, now)
    }

    /// A key whose token the caller chose. Only developer mode has such keys: they are as easy to
    /// guess as what somebody types into a test.
    pub(crate) fn from_token(
        token: Redacted<String>,
        holder: Holder,
        terms: Terms,
        random: &dyn Random,
        now: Timestamp,
    ) -> Self {
        let Terms { name, expires_at, networks, uses } = terms;
        let (role, person) = match &holder {
            Holder::Admin(role) => (Some(*role), None),
            Holder::Person(role, person) => (Some(*role), Some(person.clone())),
            _ => (None, None),
        };
        let kind = holder.kind();
        let prefix = if kind == Kind::Ephemeral { "ephkey" } else { "key" };
        let id = random_id(prefix, limit::RANDOM_ID_CHARACTERS, random);
        let (mode, app, bound, permissions, parent) = match holder {
            Holder::Admin(_) | Holder::Person(..) => (None, None, None, None, None),
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
            redacted: redact_key(token.expose()),
            created: now,
            expires_at,
            role,
            person,
            networks,
            uses,
            successor: None,
            revoked_at: None,
            last_used: None,
        };
        Self { key, hash: TokenHash::of(token.expose()), token }
    }

    /// `key_…` or, for an ephemeral key, `ephkey_…`: what the audit and the log name it by.
    pub fn id(&self) -> &str {
        &self.key.id
    }

    /// The token, for the one response that shows it.
    pub const fn token(&self) -> &Redacted<String> {
        &self.token
    }

    /// Stores the key at the next place of the list, and returns it with that place.
    ///
    /// # Errors
    /// When the store fails, or has a key with the same hash.
    pub(crate) async fn insert(
        &self,
        tx: &mut Tx<'_>,
        mac: &RowMac,
    ) -> Result<ApiKey, StorageError> {
        let seq = store::next_seq(tx).await?;
        let key = ApiKey { seq, ..self.key.clone() };
        store::insert_key(tx, mac, &self.hash, &key).await?;
        Ok(key)
    }

    /// The same for an app that became known only in the transaction.
    pub(crate) async fn insert_of(
        &self,
        tx: &mut Tx<'_>,
        mac: &RowMac,
        app: AppId,
    ) -> Result<ApiKey, StorageError> {
        let seq = store::next_seq(tx).await?;
        let key = ApiKey { seq, app: Some(app), ..self.key.clone() };
        store::insert_key(tx, mac, &self.hash, &key).await?;
        Ok(key)
    }
}

/// Inserts an admin key with its audit entry, as one transaction. Shared by `Arc`, since a
/// transaction that is retried needs the same key again.
struct InsertAdminKey {
    mac: RowMac,
    new: std::sync::Arc<NewKey>,
    now: Timestamp,
    /// An id like those of requests, since an audit entry needs one and no request was made.
    request: String,
}

impl Work for InsertAdminKey {
    type Out = ();

    /// An operator needs a key to take away what fills the disk.
    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        self.new.insert(tx, &self.mac).await?;
        let (kind, id) = (ActorKind::Operator, Some("offline".into()));
        let subject = Some(self.new.id().to_owned());
        let entry = AuditEntry {
            request: Some(self.request.as_str().into()),
            actor: AuditActor { kind, id, user: None, peer: None },
            target: AuditTarget { subject, ..AuditTarget::default() },
            ..AuditEntry::of_program("admin.api_keys.create", Tenant::system(), self.now)
        };
        append_audit(tx, &entry);
        Ok(())
    }
}

/// Creates an admin key without a server: the first one of an installation, or another if that was
/// lost. The audit entry has `offline` as its actor.
///
/// # Errors
/// When the data store cannot be written, or the keys of the installation are lost.
pub async fn create_admin_key(
    store: &Store,
    keyring: &Keyring,
    random: &dyn Random,
    now: Timestamp,
) -> Result<std::sync::Arc<NewKey>, KeyringError> {
    let mac = RowMac::new(keyring.row_key().await?);
    let holder = Holder::Admin(AdminRole::Operator);
    let new = NewKey::generate(holder, Terms::named("made offline"), random, now);
    let new = std::sync::Arc::new(new);
    let request = random_id("req", limit::REQUEST_ID_CHARACTERS, random);
    store.write(InsertAdminKey { mac, new: std::sync::Arc::clone(&new), now, request }).await?;
    Ok(new)
}
