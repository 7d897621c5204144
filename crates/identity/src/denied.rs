//! Why a key is refused, for the caller and for whoever runs the server.

use crate::objects::ApiKey;
use crate::reasons;
use coffer_base::{AccountId, AppId, Timestamp};
use coffer_dialect::authorization::{KeyKind, key_shape, redact_key};
use coffer_dialect::{ApiError, Reason};
use std::sync::Arc;

/// Why a key is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Denied {
    /// No key has the token's hash, or its app is gone. The response is the same, so that a caller
    /// learns nothing about keys that others had.
    Unknown,
    /// The app of this key is gone. The response is that of an unknown key.
    AppGone(Arc<str>),
    /// The key of this id is revoked or expired, or the key that made it is: for which reason.
    Expired(Arc<str>, &'static Reason),
    /// The app never was on the account, or the account does not exist.
    NotInstalled(RefusedAccount),
    /// The app was uninstalled from the account.
    Uninstalled(RefusedAccount),
}

/// A key that is good, and may not act for an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RefusedAccount {
    pub(crate) key: String,
    pub(crate) app: AppId,
    /// `None` if what the request named cannot be one.
    pub(crate) account: Option<AccountId>,
    /// Whether the key is bound to another account.
    pub(crate) is_bound: bool,
}

impl RefusedAccount {
    /// What the audit has of it: ids that the server knows, and that of an account, which a caller
    /// has chosen and which has the form of one.
    fn about(&self) -> String {
        let Self { key, app, account, .. } = self;
        match account {
            Some(account) => format!("its key {key} of {app} acts for {account}"),
            None => format!("its key {key} of {app} acts for what is no account's id"),
        }
    }
}

/// The reason for which a key is refused at `now` that is not in force; `parent` is the key that
/// made it, if it is an ephemeral one and that is there.
pub(crate) fn why_ended(key: &ApiKey, parent: Option<&ApiKey>, now: Timestamp) -> &'static Reason {
    let is_past = |key: &ApiKey| key.expires_at.is_some_and(|at| at <= now);
    let has_ended = |parent: &ApiKey| parent.revoked_at.is_some() || is_past(parent);
    if key.revoked_at.is_some() {
        &reasons::KEY_REVOKED
    } else if is_past(key) {
        &reasons::KEY_EXPIRED
    } else if key.parent.is_some() && parent.is_none_or(has_ended) {
        &reasons::PARENT_ENDED
    } else {
        // By the key store, or by a revocation that is not in the row yet.
        &reasons::KEY_REVOKED
    }
}

/// The error for a key that is denied. It names the key by its redacted form, and the account.
pub(crate) fn refusal(denied: Denied, token: &str, account: Option<&str>) -> ApiError {
    let redacted = redact_key(token);
    let no_access = || ApiError::account_invalid(&redacted, account.unwrap_or_default());
    match denied {
        Denied::Unknown if matches!(key_shape(token), Some((KeyKind::Publishable, _))) => {
            ApiError::secret_key_required()
        }
        Denied::Unknown => ApiError::invalid_key(&redacted),
        Denied::AppGone(key) => {
            ApiError::invalid_key(&redacted).because(&reasons::APP_GONE).with_about(key.to_string())
        }
        Denied::Expired(key, why) => {
            ApiError::key_expired(&redacted).because(why).with_about(key.to_string())
        }
        Denied::NotInstalled(refused) if refused.is_bound => {
            no_access().because(&reasons::BOUND_ELSEWHERE).with_about(refused.key)
        }
        Denied::NotInstalled(refused) => {
            no_access().because(&reasons::NEVER_INSTALLED).with_about(refused.about())
        }
        Denied::Uninstalled(refused) => {
            no_access().because(&reasons::UNINSTALLED).with_about(refused.about())
        }
    }
}
