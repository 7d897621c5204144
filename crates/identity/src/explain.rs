//! What became of a key, an app or an install, looked up when a refusal is to be explained.

use crate::objects::{ApiKey, Kind};
use crate::reasons;
use crate::row_mac::RowMac;
use crate::store;
use coffer_base::civil::span;
use coffer_base::{AccountId, Mode};
use coffer_kernel::explain::{
    Explainer, Finding, Refusal, StoredEntry, by_operator, doer, moment, of_keys,
};
use coffer_kernel::{InstallState, Remover};
use coffer_storage::StorageError;

/// What is looked up for which reason.
pub const EXPLAINERS: &[Explainer] = &[
    Explainer { reason: &reasons::KEY_REVOKED, look: |refusal| Box::pin(key(refusal)) },
    Explainer { reason: &reasons::KEY_EXPIRED, look: |refusal| Box::pin(key(refusal)) },
    Explainer { reason: &reasons::PARENT_ENDED, look: |refusal| Box::pin(parent(refusal)) },
    Explainer {
        reason: &coffer_kernel::reasons::GONE_MEANWHILE,
        look: |refusal| Box::pin(key(refusal)),
    },
    Explainer { reason: &reasons::UNINSTALLED, look: |refusal| Box::pin(install(refusal)) },
    Explainer { reason: &reasons::NEVER_INSTALLED, look: |refusal| Box::pin(install(refusal)) },
    Explainer {
        reason: &coffer_kernel::reasons::UNINSTALLED_MEANWHILE,
        look: |refusal| Box::pin(install(refusal)),
    },
];

type Look = Result<Option<Finding>, StorageError>;

async fn mac(refusal: &Refusal<'_>) -> Result<RowMac, StorageError> {
    Ok(RowMac::silent(refusal.keyring.row_key().await.map_err(of_keys)?))
}

/// The id of the key that was refused.
fn key_id<'a>(refusal: &'a Refusal<'_>) -> Option<&'a str> {
    let of_refusal = refusal.id("key_").or_else(|| refusal.id("ephkey_"));
    of_refusal.or_else(|| refusal.entry.text("actor"))
}

async fn key(refusal: &Refusal<'_>) -> Look {
    let Some(id) = key_id(refusal) else { return Ok(None) };
    let mac = mac(refusal).await?;
    match store::find_key(refusal.store, &mac, id).await? {
        Some(key) => Ok(Some(ended(refusal, &key, "its key").await?)),
        None => Ok(Some(Finding::because(format!(
            "its key {id} is gone, as ephemeral keys are some time after their end, and the keys \
             of an app with it"
        )))),
    }
}

async fn parent(refusal: &Refusal<'_>) -> Look {
    let Some(id) = key_id(refusal) else { return Ok(None) };
    let mac = mac(refusal).await?;
    let Some(key) = store::find_key(refusal.store, &mac, id).await? else { return Ok(None) };
    let Some(parent) = key.parent else { return Ok(None) };
    let Some(parent) = store::find_key(refusal.store, &mac, &parent).await? else {
        let because = format!("the key {parent} that made its ephemeral key {id} is gone");
        return Ok(Some(Finding::because(because)));
    };
    let who = format!("the key that made its ephemeral key {id},");
    ended(refusal, &parent, &who).await.map(Some)
}

/// How a key ended.
async fn ended(refusal: &Refusal<'_>, key: &ApiKey, who: &str) -> Result<Finding, StorageError> {
    let ApiKey { id, name, .. } = key;
    let name = if name.is_empty() { String::new() } else { format!(" (\"{name}\")") };
    if let Some(at) = key.revoked_at {
        let when = moment(at, refusal.at());
        let by = match last(refusal, id, "revoke").await? {
            Some(entry) => format!(" {}", doer(&entry)),
            None if key.kind == Kind::Ephemeral => {
                " by its app, or because the app was uninstalled".to_owned()
            }
            None => String::new(),
        };
        return Ok(Finding::because(format!("{who} {id}{name} was revoked{by} on {when}")));
    }
    match key.expires_at {
        Some(at) if at <= refusal.at() => {
            let when = moment(at, refusal.at());
            Ok(Finding::because(format!("{who} {id}{name} expired on {when}")))
        }
        _ => Ok(Finding::because(format!(
            "{who} {id}{name} is revoked by the key store, though its row does not say so"
        ))
        .advising("look at `coffer doctor`: somebody may have put an old row back")),
    }
}

/// The last entry of an operator who did something to an object.
async fn last(
    refusal: &Refusal<'_>,
    subject: &str,
    verb: &str,
) -> Result<Option<StoredEntry>, StorageError> {
    let entries = by_operator(refusal.store, subject, HISTORY).await?;
    let is_it = |entry: &StoredEntry| {
        let operation = entry.text("operation").unwrap_or_default();
        operation.ends_with(verb) && entry.text("outcome") == Some("done")
    };
    Ok(entries.into_iter().find(is_it))
}

/// Entries of one object that are looked at.
const HISTORY: i64 = 100;

async fn install(refusal: &Refusal<'_>) -> Look {
    let tenant = refusal.tenant();
    let app = refusal.id("app_").or(tenant.as_ref().map(|tenant| tenant.app.as_str()));
    let account = refusal.id("acct_").or(tenant.as_ref().map(|tenant| tenant.account.name()));
    let (Some(app), Some(account)) = (app, account.and_then(|id| AccountId::parse(id).ok())) else {
        return Ok(None);
    };
    let mac = mac(refusal).await?;
    if store::find_account(refusal.store, &mac, account.as_str()).await?.is_none() {
        let because = format!("there is no account {account} on this server");
        let advice = "correct the id that the client sends as Stripe-Account";
        return Ok(Some(Finding::because(because).advising(advice)));
    }
    let Some(found) = store::install_of(refusal.store, &mac, app, account.as_str()).await? else {
        let because = format!("the account {account} exists, and {app} was never installed on it");
        return Ok(Some(Finding::because(because)));
    };
    let mode = mode_of(refusal, &mac).await?;
    let Some(install) = found.modes.iter().find(|one| Some(one.mode) == mode) else {
        let mode = mode.map_or("this", Mode::as_str);
        let because = format!("{app} is installed on {account}, and not in {mode} mode");
        return Ok(Some(Finding::because(because)));
    };
    let removed = last(refusal, &found.install.id, "installs.delete").await?;
    let uninstalled = match (&removed, install.state) {
        (_, InstallState::Removed(by)) if by != Remover::Operator => {
            format!("{app} was uninstalled from {account} by {}", remover(by))
        }
        (Some(entry), _) => {
            let (by, when) = (doer(entry), moment(entry.at(), refusal.at()));
            format!("{app} was uninstalled from {account} {by} on {when}")
        }
        (None, _) => format!("{app} was not installed on {account} then"),
    };
    if !install.is_installed() {
        return Ok(Some(Finding::because(uninstalled)));
    }
    let since = install.created.unix().saturating_sub(refusal.at().unix());
    let because = match since {
        ..=0 => format!("{uninstalled}, and is installed now"),
        _ => format!("{uninstalled}, and was installed {} after the request", span(since)),
    };
    Ok(Some(Finding::because(because).advising("send the request again")))
}

/// Who uninstalled an app, in words.
const fn remover(by: Remover) -> &'static str {
    match by {
        Remover::Account => "a key of the account itself",
        Remover::Developer => "a key of the app itself",
        Remover::Embedder => "the platform that had installed it",
        Remover::Operator => "an operator",
    }
}

/// The mode of the key that was refused.
async fn mode_of(refusal: &Refusal<'_>, mac: &RowMac) -> Result<Option<Mode>, StorageError> {
    let key = match key_id(refusal) {
        Some(id) => store::find_key(refusal.store, mac, id).await?,
        None => None,
    };
    Ok(key.and_then(|key| key.mode).or(refusal.tenant().map(|tenant| tenant.mode)))
}
