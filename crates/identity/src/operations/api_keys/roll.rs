//! Rolling a key: a successor is made, and the key itself ends soon.

use super::{KEEPERS, KIND, Shared, check_may_change, check_operator};
use crate::api_key::{Holder, NewKey, Terms};
use crate::objects::{ApiKey, Kind};
use crate::{limits, reasons, store, wire};
use coffer_base::{Redacted, Timestamp};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    AdminRole, Applied, Arguments, AuditEntry, AuditTarget, Committed, Ctx, Definition, Example,
    Failure, ReplayPolicy, SealingOperation, append_audit, storage_failure,
};
use coffer_storage::Tx;

/// Makes a key like another, which then lives for as long as the caller says: time to put the new
/// one wherever the old one is. The ephemeral keys that the old one made end with it.
pub(super) struct Roll(pub(super) Shared);

/// Which key, and how many seconds it still has.
pub(super) struct RollParams {
    id: String,
    expires_in: i64,
}

/// The successor with its token, and the key that it follows.
pub(super) struct Rolled {
    key: ApiKey,
    token: Redacted<String>,
    before: ApiKey,
}

impl SealingOperation for Roll {
    const DEFINITION: Definition =
        Definition::post("admin.api_keys.roll", "/v1/admin/api_keys/:id/roll", KEEPERS)
            .continues()
            .example(Example::EMPTY.on("admin.api_keys.create"));
    type Input = RollParams;
    type Sealed = ();
    type Out = Rolled;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<RollParams, ApiError> {
        let fields = arguments.params.only(&["expires_in"])?;
        let bounds = 0..=limits::ROLLED_SECONDS_CEILING;
        let expires_in = fields.optional_integer_within("expires_in", bounds)?;
        let expires_in = expires_in.unwrap_or(limits::ROLLED_SECONDS_DEFAULT);
        Ok(RollParams { id: arguments.id().to_owned(), expires_in })
    }

    async fn seal(&self, params: &RollParams, ctx: &Ctx) -> Result<(), ApiError> {
        check_may_change(&self.0, &params.id, ctx).await?;
        let found = store::find_key(&self.0.store, &self.0.mac, &params.id).await;
        match found.map_err(|error| storage_failure(&error))? {
            Some(key) if key.kind == Kind::Admin => Ok(()),
            _ => self.0.check_making().await,
        }
    }

    async fn apply(
        &self,
        params: &RollParams,
        _sealed: &(),
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Rolled>, Failure> {
        let (mac, now) = (&self.0.mac, ctx.now());
        let Some(mut before) = store::lock_key(tx, mac, &params.id).await? else {
            return Err(ApiError::not_found(KIND, &params.id, "id").into());
        };
        if before.kind == Kind::Admin {
            check_operator(ctx)?;
        }
        let new = self.successor(&before, ctx)?;
        let key = new.insert(tx, mac).await?;
        let end = now.plus(params.expires_in);
        before.expires_at = Some(before.expires_at.map_or(end, |own| own.min(end)));
        if params.expires_in == 0 {
            store::revoke_key(tx, mac, &before, now).await?;
            before.revoked_at = Some(now);
        } else {
            store::shorten_key(tx, mac, &before, end).await?;
        }
        store::name_successor(tx, &before.id, &key.id);
        let entry = AuditEntry {
            request: Some(ctx.request_id().into()),
            actor: ctx.actor(),
            target: AuditTarget { subject: Some(key.id.clone()), ..AuditTarget::default() },
            ..AuditEntry::of_program(Self::DEFINITION.name, ctx.tenant().clone(), now)
        };
        append_audit(tx, &entry);
        let subject = before.id.clone();
        let out = Rolled { key, token: new.token().clone(), before };
        Ok(Applied { out, subject, fingerprint: None })
    }

    fn render(&self, rolled: &Rolled, _ctx: &Ctx) -> Object {
        wire::rolled(&rolled.before, wire::api_key(&rolled.key, Some(&rolled.token)))
    }

    fn replay_policy(&self, rolled: &Rolled) -> ReplayPolicy {
        ReplayPolicy::ShowOnce { id: rolled.key.id.clone() }
    }

    async fn committed(&self, _rolled: &Rolled, _ctx: &Ctx) -> Result<Committed, ApiError> {
        Ok(self.0.settle().await)
    }
}

impl Roll {
    /// A key like `before`, with as many uses, and a life as long as that had from its making.
    ///
    /// # Errors
    /// 400 if `before` has ended, was rolled before, or lives for a day at most anyway.
    fn successor(&self, before: &ApiKey, ctx: &Ctx) -> Result<NewKey, ApiError> {
        let now = ctx.now();
        let refuse =
            |why: String| Err(ApiError::invalid_param("id", why).because(&reasons::NOT_ROLLED));
        if let Some(successor) = &before.successor {
            return refuse(format!("This key was rolled before: roll '{successor}'."));
        }
        if before.revoked_at.is_some() || before.expires_at.is_some_and(|at| at <= now) {
            return refuse("This key has ended. Make another.".to_owned());
        }
        if before.person.is_some() {
            let why = "This key was made for somebody who has signed in, and ends with their day.";
            return refuse(why.to_owned());
        }
        let permissions = before.permissions.clone();
        let holder = match (before.kind, &before.app, before.mode) {
            (Kind::Admin, ..) => Holder::Admin(before.role.unwrap_or(AdminRole::Auditor)),
            (Kind::Secret | Kind::Restricted, Some(app), Some(mode)) => {
                Holder::App { app: app.clone(), mode, permissions }
            }
            _ => {
                let why = "An ephemeral key is not rolled: its app makes another.";
                return refuse(why.to_owned());
            }
        };
        let lifetime = |at: Timestamp| at.unix().saturating_sub(before.created.unix());
        let expires_at = before.expires_at.map(|at| now.plus(lifetime(at)));
        let terms = Terms {
            name: before.name.clone(),
            expires_at: expires_at.or_else(|| self.0.default_expiry(now)),
            networks: before.networks.clone(),
            uses: before.uses,
        };
        Ok(NewKey::generate(holder, terms, ctx.random(), now))
    }
}
