//! Announces secrets that expire, by events: a while before, and when they have. A scheduled task,
//! so an app whose clock a developer moves forward sees them as well.
//!
//! A row says what was announced of it, and says so in the transaction that has the event: each is
//! announced once. What is replaced before its time comes is not announced at all.

use crate::announced::Announced;
use crate::secret::{Locator, Scope};
use crate::store::notice::{Notice, due, mark};
use crate::wire;
use coffer_base::{AccountId, AppId, Owner, Tenant, Timestamp};
use coffer_kernel::event::{self, NewEvent};
use coffer_kernel::schedule::is_past_watermark;
use coffer_kernel::{BoxFuture, JobContext, ScheduledTask, tenant_of_row};
use coffer_storage::{Row, StorageError, Tx, Work};
use std::collections::HashMap;

/// What the events are called. `*` does not stand for them: they are no types of Stripe's.
const EXPIRING: &str = "apps.secret.expiring";
const EXPIRED: &str = "apps.secret.expired";

/// The name of the task's watermark.
const NAME: &str = "secrets.expiry_notices";

/// The task.
pub(crate) struct AnnounceExpiry {
    /// How many seconds ahead.
    pub(crate) before: i64,
}

/// What is announced in one transaction.
struct Batch {
    notices: Vec<Notice>,
    /// Who develops the apps of the notices, as far as they are there.
    developers: HashMap<AppId, AccountId>,
    due: Timestamp,
    now: Timestamp,
    context: JobContext,
}

impl ScheduledTask for AnnounceExpiry {
    fn name(&self) -> &'static str {
        NAME
    }

    fn between_midnights(&self) -> bool {
        true
    }

    fn step<'a>(
        &'a self,
        context: &'a JobContext,
        due: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, StorageError>> {
        Box::pin(async move {
            let notices = self.due(context, due).await?;
            if notices.is_empty() {
                return Ok(false);
            }
            let mut developers = HashMap::new();
            for Notice { tenant, .. } in &notices {
                if developers.contains_key(&tenant.app) {
                    continue;
                }
                if let Some(account) = context.apps.developer_of(&tenant.app).await? {
                    developers.insert(tenant.app.clone(), account);
                }
            }
            let context = context.clone();
            let store = context.store.clone();
            store.write(Batch { notices, developers, due, now, context }).await
        })
    }
}

impl AnnounceExpiry {
    /// What is to be announced: of all apps, or of those of the context's platform.
    async fn due(&self, context: &JobContext, at: Timestamp) -> Result<Vec<Notice>, StorageError> {
        let Some(platform) = &context.platform else {
            return due(&context.store, at, self.before, None).await;
        };
        let mut found = Vec::new();
        for app in context.apps.of_developer(platform).await? {
            found.extend(due(&context.store, at, self.before, Some(&app)).await?);
        }
        Ok(found)
    }
}

impl Work for Batch {
    type Out = bool;

    fn of_many_accounts(&self) -> bool {
        true
    }

    /// The rows were found before, without a lock: what was set anew or announced meanwhile is
    /// left out by its condition.
    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        if !is_past_watermark(tx, NAME, self.due).await? {
            return Ok(false);
        }
        for (notice, row) in mark(tx, &self.notices).await? {
            self.emit_event(tx, notice.announces, &row).await?;
        }
        Ok(true)
    }
}

impl Batch {
    /// Appends the event about a row that was marked. An app that is no more has nobody to tell.
    async fn emit_event(
        &self,
        tx: &mut Tx<'_>,
        announced: Announced,
        row: &Row,
    ) -> Result<(), StorageError> {
        let tenant = tenant_of_row(row)?;
        let Some(platform) = self.developers.get(&tenant.app) else { return Ok(()) };
        let Tenant { mode, account, .. } = tenant;
        let owner = Owner { mode, platform: platform.clone(), account: account.named() };
        let user = row.optional_text(6)?.map(str::to_owned);
        let locator = Locator {
            scope: user.map_or(Scope::Account, Scope::User),
            name: row.text(7)?.to_owned(),
        };
        let created = Timestamp::from_unix(row.int(4)?);
        let expires_at = row.optional_int(5)?.map(Timestamp::from_unix);
        let object = wire::object(row.text(3)?, created, expires_at, &locator, mode);
        let kind = if announced == Announced::Expired { EXPIRED } else { EXPIRING };
        let cause = self.context.cause(&owner, self.now);
        event::append(tx, &owner, &cause, NewEvent { kind, object, previous: None }).await
    }
}
