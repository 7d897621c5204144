//! Why a request got what it got, for whoever runs the server: what is looked up when somebody asks.

pub use coffer_audit::{Found, Search, StoredEntry, by_operator, of_request, search};

use crate::principal::BoxFuture;
use coffer_base::civil::{readable, span};
use coffer_base::{AccountId, AppId, Mode, Tenant, Timestamp};
use coffer_dialect::Reason;
use coffer_keyring::{Keyring, KeyringError};
use coffer_storage::{StorageError, Store};

/// A refusal that is to be explained: what is recorded of it, and where to look.
pub struct Refusal<'a> {
    /// What is recorded.
    pub entry: &'a StoredEntry,
    /// The name that the request was about, if whoever asks knows it: the audit may have only a
    /// digest of it, and none if the tenant had no keys.
    pub name: Option<&'a str>,
    /// The data store.
    pub store: &'a Store,
    /// The keys.
    pub keyring: &'a Keyring,
}

impl Refusal<'_> {
    /// When it was.
    pub fn at(&self) -> Timestamp {
        self.entry.at()
    }

    /// What the refusal was about, as [`coffer_dialect::ApiError::about`] has it.
    pub fn about(&self) -> &str {
        self.entry.text("detail").unwrap_or_default()
    }

    /// The word of the refusal's detail that begins with `prefix`, such as `key_`.
    pub fn id(&self, prefix: &str) -> Option<&str> {
        self.about().split(' ').find(|word| word.starts_with(prefix))
    }

    /// Whose data the request was about.
    pub fn tenant(&self) -> Option<Tenant> {
        let mode = Mode::from_code(self.entry.int("mode")?)?;
        let app = AppId::parse(self.entry.text("app")?).ok()?;
        let account = AccountId::parse_stored(self.entry.text("account")?).ok()?;
        Some(Tenant { mode, app, account })
    }
}

/// When something happened, and how long before or after the refusal that was.
pub fn moment(at: Timestamp, refusal: Timestamp) -> String {
    let before = refusal.unix().saturating_sub(at.unix());
    let order = if before >= 0 { "before" } else { "after" };
    let apart = i64::try_from(before.unsigned_abs()).unwrap_or(i64::MAX);
    format!("{}, {} {order} the request", readable(at), span(apart))
}

/// Who did something, and by which request, as far as an entry says it.
pub fn doer(entry: &StoredEntry) -> String {
    let actor = entry.text("actor").or(entry.text("actor_kind")).unwrap_or("somebody");
    match entry.text("request") {
        Some(request) => format!("by {actor} ({request})"),
        None => format!("by {actor}"),
    }
}

/// A failure of the keys as one of the stores.
pub fn of_keys(error: KeyringError) -> StorageError {
    match error {
        KeyringError::Storage(error) => error,
        other => StorageError::Corrupt(other.to_string().into()),
    }
}

/// What was found out about a refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Why, in place of the reason's own words.
    pub because: String,
    /// What to do, if it is something else than the reason says.
    pub advice: Option<String>,
}

impl Finding {
    /// A finding for which the reason's advice holds.
    pub fn because(because: impl Into<String>) -> Self {
        Self { because: because.into(), advice: None }
    }

    /// The same, with advice of its own.
    #[must_use]
    pub fn advising(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }
}

/// Looks up what became of what a refusal was about; `None` if there is no more to say than its
/// reason does.
pub type Look = for<'a> fn(&'a Refusal<'a>) -> BoxFuture<'a, Result<Option<Finding>, StorageError>>;

/// What is looked up for refusals of one reason.
#[derive(Clone, Copy)]
pub struct Explainer {
    /// The reason.
    pub reason: &'static Reason,
    /// The look.
    pub look: Look,
}
