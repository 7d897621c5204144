//! Why a secret was not found: where it is instead, or when it went.

use crate::reasons;
use crate::secret::{Locator, Scope, is_live};
use crate::store::{self, Named};
use coffer_base::{Mode, Tenant};
use coffer_kernel::explain::{
    Explainer, Finding, Refusal, Search, StoredEntry, doer, moment, of_keys, search,
};
use coffer_keyring::TenantKeys;
use coffer_storage::StorageError;
use std::sync::Arc;

/// What is looked up for a secret that was not found.
pub(crate) const MISSING: Explainer =
    Explainer { reason: &reasons::NOT_FOUND, look: |refusal| Box::pin(missing(refusal)) };

/// Entries of the audit that are read for the history of one name.
const HISTORY: usize = 100;

/// Which name a request asked for, as far as that is known.
struct Wanted<'a> {
    /// As whoever asks says.
    given: Option<&'a str>,
    /// As the audit has it, if the operator wants names to be readable; a long one is cut there.
    recorded: Option<&'a str>,
    fingerprint: Option<&'a [u8]>,
    keys: Option<Arc<TenantKeys>>,
    scope: Option<Scope>,
}

impl Wanted<'_> {
    fn is_known(&self) -> bool {
        let has_digest = self.fingerprint.is_some() && self.keys.is_some();
        self.given.is_some() || self.recorded.is_some() || has_digest
    }

    /// Whether the request asked for this name, in whichever scope.
    fn is(&self, name: &str) -> bool {
        match (self.given, self.fingerprint, &self.keys) {
            (Some(given), _, _) => given == name,
            (None, Some(wanted), Some(keys)) => {
                // The digest is of the scope that was asked for, and the name.
                let scope = self.scope.clone().unwrap_or(Scope::Account);
                let asked = Locator { scope, name: name.to_owned() };
                asked.digest(keys).as_bytes().as_slice() == wanted
            }
            _ => self.recorded == Some(name),
        }
    }

    fn is_in(&self, scope: &Scope) -> bool {
        self.scope.as_ref().is_none_or(|wanted| wanted == scope)
    }
}

/// A scope as the audit has it.
pub(crate) fn scope_of(text: &str) -> Scope {
    match text.strip_prefix("user:") {
        Some(user) => Scope::User(user.to_owned()),
        None => Scope::Account,
    }
}

/// A scope as a sentence has it.
fn scope_words(scope: &Scope) -> String {
    match scope {
        Scope::Account => "in the account's scope".to_owned(),
        Scope::User(user) => format!("for the user {user}"),
    }
}

async fn missing(refusal: &Refusal<'_>) -> Result<Option<Finding>, StorageError> {
    let Some(tenant) = refusal.tenant() else { return Ok(None) };
    let keys = refusal.keyring.existing(&tenant).await.map_err(of_keys)?;
    let wanted = Wanted {
        given: refusal.name,
        recorded: refusal.entry.text("name"),
        fingerprint: refusal.entry.bytes("name_fingerprint"),
        keys,
        scope: refusal.entry.text("scope").map(scope_of),
    };
    if let Some(finding) = here(refusal, &tenant, &wanted).await? {
        return Ok(Some(finding));
    }
    let other = in_mode(&tenant, other_mode(tenant.mode));
    let others = store::names_of(refusal.store, &other).await?;
    if let Some(found) = others.iter().find(|found| wanted.is(&found.locator.name)) {
        let (mode, at) = (other.mode.as_str(), scope_words(&found.locator.scope));
        let because = format!(
            "it exists, but in {mode} mode ({at}), and its key is of {} mode",
            tenant.mode.as_str()
        );
        return Ok(Some(Finding::because(because).advising(format!("use a key of {mode} mode"))));
    }
    if let Some(finding) = of_other_account(refusal, &tenant, &wanted).await? {
        return Ok(Some(finding));
    }
    if let Some(finding) = gone(refusal, &tenant, &wanted).await? {
        return Ok(Some(finding));
    }
    Ok(unknown(&tenant, &wanted, &others))
}

fn other_mode(mode: Mode) -> Mode {
    if mode.is_live() { Mode::Test } else { Mode::Live }
}

fn in_mode(tenant: &Tenant, mode: Mode) -> Tenant {
    Tenant { mode, ..tenant.clone() }
}

/// What the tenant itself has of that name.
async fn here(
    refusal: &Refusal<'_>,
    tenant: &Tenant,
    wanted: &Wanted<'_>,
) -> Result<Option<Finding>, StorageError> {
    let all = store::names_of(refusal.store, tenant).await?;
    let named: Vec<&Named> = all.iter().filter(|found| wanted.is(&found.locator.name)).collect();
    let Some(found) =
        named.iter().find(|found| wanted.is_in(&found.locator.scope)).or_else(|| named.first())
    else {
        return Ok(None);
    };
    let Named { locator, created, expires_at, .. } = found;
    if !wanted.is_in(&locator.scope) {
        let at = match (&wanted.scope, &locator.scope) {
            (Some(Scope::User(_)), Scope::User(user)) => {
                format!("for another user of that account, {user}")
            }
            (_, scope) => format!("{} of that account", scope_words(scope)),
        };
        let because = format!("the scope has no such secret; it exists {at}");
        return Ok(Some(Finding::because(because).advising("correct scope[type] or scope[user]")));
    }
    Ok(Some(match expires_at {
        Some(at) if !is_live(Some(*at), refusal.at()) => {
            Finding::because(format!("it expired on {}", moment(*at, refusal.at())))
                .advising("have it set again, with a later expiry or none")
        }
        _ if *created > refusal.at() => {
            let when = moment(*created, refusal.at());
            Finding::because(format!("it did not exist yet: it was set on {when}"))
                .advising("send the request again")
        }
        _ => Finding::because("it did not exist then, and was set again since")
            .advising("send the request again"),
    }))
}

/// Whether the app keeps that name for another account.
async fn of_other_account(
    refusal: &Refusal<'_>,
    tenant: &Tenant,
    wanted: &Wanted<'_>,
) -> Result<Option<Finding>, StorageError> {
    if !wanted.is_known() {
        return Ok(None);
    }
    let all = store::names_of_app(refusal.store, tenant).await?;
    let found = all.iter().find(|found| wanted.is(&found.locator.name));
    Ok(found.map(|found| {
        let account = found.tenant.account.name();
        Finding::because(format!(
            "{} has none of that name; the app keeps one for {account}",
            tenant.account.name()
        ))
        .advising("correct the account that the client sends as Stripe-Account")
    }))
}

/// When a secret of that name went, by the audit.
async fn gone(
    refusal: &Refusal<'_>,
    tenant: &Tenant,
    wanted: &Wanted<'_>,
) -> Result<Option<Finding>, StorageError> {
    let Some(fingerprint) = wanted.fingerprint else { return Ok(None) };
    let asked = Search {
        account: tenant.account.name().to_owned(),
        app: tenant.app.as_str().to_owned(),
        name_fingerprint: fingerprint.to_vec(),
        outcome: "done".to_owned(),
        ..Search::default()
    };
    let found = search(refusal.store, &asked, 0, u64::MAX, HISTORY).await?;
    let changes = |entry: &&StoredEntry| {
        let operation = entry.text("operation").unwrap_or_default();
        matches!(operation, "apps.secrets.create" | "apps.secrets.delete")
            && entry.int("mode") == Some(tenant.mode.code())
            && entry.at() <= refusal.at()
    };
    let Some(entry) = found.entries.iter().find(changes) else { return Ok(None) };
    let (by, when) = (doer(entry), moment(entry.at(), refusal.at()));
    Ok(Some(if entry.text("operation") == Some("apps.secrets.delete") {
        Finding::because(format!("it was deleted {by} on {when}"))
            .advising("have it set again if that was not meant")
    } else {
        Finding::because(format!(
            "it was last set {by} on {when}, and has expired since: a day after its expiry its row \
             is deleted"
        ))
        .advising("have it set again, with a later expiry or none")
    }))
}

/// What there is to say if nobody knows the name.
fn unknown(tenant: &Tenant, wanted: &Wanted<'_>, others: &[Named]) -> Option<Finding> {
    if wanted.is_known() {
        return None;
    }
    let (mode, account) = (tenant.mode.as_str(), tenant.account.name());
    let because = format!("the app has never kept anything for {account} in {mode} mode");
    let other = other_mode(tenant.mode).as_str();
    Some(match others.len() {
        0 => Finding::because(because).advising("have the secret set first"),
        count => Finding::because(format!("{because}, but keeps {count} for it in {other} mode"))
            .advising("ask again with --name NAME to see whether it is among those"),
    })
}

/// What identifies a secret that an operator asks about.
pub(crate) fn locator(name: &str, user: Option<&str>) -> Locator {
    let scope = user.map_or(Scope::Account, |user| Scope::User(user.to_owned()));
    Locator { scope, name: name.to_owned() }
}

/// Whether an entry is about a scope.
pub(crate) fn is_of_scope(entry: &StoredEntry, scope: &Scope) -> bool {
    entry.text("scope").is_some_and(|text| scope_of(text) == *scope)
}
