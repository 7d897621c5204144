//! Locking the making of keys: once an installation is set up, an admin key that is stolen need not
//! be able to make itself a key that opens secrets.

use super::Shared;
use coffer_base::{Tenant, Timestamp};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Access, ActorKind, Applied, Arguments, AuditActor, AuditEntry, AuditTarget, Committed, Ctx,
    Definition, Failure, WriteOperation, append_audit, keyring_failure,
};
use coffer_storage::{StorageError, Tx, Work};

/// Lets no key of an app be made or rolled any more. The API has no way back: see
/// [`crate::unlock_making`].
pub(super) struct Lock(pub(super) Shared);

/// What the audit names in place of an object.
const SUBJECT: &str = "api_keys";

impl WriteOperation for Lock {
    const DEFINITION: Definition =
        Definition::post("admin.api_keys.lock", "/v1/admin/api_keys/lock", Access::Admin).shrinks();
    type Input = ();
    type Out = ();

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(), ApiError> {
        arguments.params.only(&[]).map(drop)
    }

    async fn apply(
        &self,
        _input: &(),
        _ctx: &Ctx,
        _tx: &mut Tx<'_>,
    ) -> Result<Applied<()>, Failure> {
        Ok(Applied { out: (), subject: SUBJECT.to_owned(), fingerprint: None })
    }

    fn render(&self, _out: &(), _ctx: &Ctx) -> Object {
        Object::singleton("api_key_lock").set("locked", true)
    }

    /// The lock stands in the key store, where a hand in the data does not reach it. It is there
    /// before the answer.
    async fn committed(&self, _out: &(), _ctx: &Ctx) -> Result<Committed, ApiError> {
        let locked = coffer_keyring::lock_making(self.0.keyring.store(), true).await;
        locked.map_err(|error| keyring_failure(&error))?;
        Ok(Committed::Done)
    }
}

/// The audit entry of an unlocking.
pub(crate) struct UnlockMaking {
    pub(crate) now: Timestamp,
    /// An id like those of requests, since an audit entry needs one and no request was made.
    pub(crate) request: String,
}

impl Work for UnlockMaking {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let (kind, id) = (ActorKind::Operator, Some("offline".into()));
        let entry = AuditEntry {
            request: Some(self.request.as_str().into()),
            actor: AuditActor { kind, id, user: None, peer: None },
            target: AuditTarget { subject: Some(SUBJECT.to_owned()), ..AuditTarget::default() },
            ..AuditEntry::of_program("admin.api_keys.unlock", Tenant::system(), self.now)
        };
        append_audit(tx, &entry);
        Ok(())
    }
}
