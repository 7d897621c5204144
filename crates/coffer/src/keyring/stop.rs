//! The emergency stop, and its end.

use super::{KeyringSources, failed};
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Committed, Ctx, Definition, Example, Failure, SealingOperation,
    WriteOperation,
};
use coffer_keyring::MasterKeys;
use coffer_storage::Tx;
use std::sync::Arc;

fn render(sealed: bool, since: Option<Timestamp>) -> Object {
    Object::bare().set("object", "keyring").set("sealed", sealed).set("sealed_since", since)
}

/// `POST /v1/admin/keyring/seal`: takes the tenants' keys out of the memory of all servers.
pub(super) struct Seal(pub(super) KeyringSources);

impl WriteOperation for Seal {
    const DEFINITION: Definition =
        Definition::post("admin.keyring.seal", "/v1/admin/keyring/seal", Access::Admin)
            .shrinks()
            .example(Example::EMPTY);
    type Input = ();
    type Out = Timestamp;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(), ApiError> {
        arguments.params.only(&[]).map(drop)
    }

    async fn apply(
        &self,
        _input: &(),
        ctx: &Ctx,
        _tx: &mut Tx<'_>,
    ) -> Result<Applied<Timestamp>, Failure> {
        Ok(Applied { out: ctx.now(), subject: "keyring".to_owned(), fingerprint: None })
    }

    fn render(&self, since: &Timestamp, _ctx: &Ctx) -> Object {
        render(true, Some(*since))
    }

    async fn committed(&self, since: &Timestamp, _ctx: &Ctx) -> Result<Committed, ApiError> {
        let stopped = self.0.keyring.stop(*since).await;
        stopped.map(|()| Committed::Done).map_err(|error| {
            ApiError::unknown_outcome(format!(
                "this server is sealed, and others may not be: {error}"
            ))
        })
    }
}

/// `POST /v1/admin/keyring/unseal`: reads the root key again, and ends the stop on all servers.
pub(super) struct Unseal(pub(super) KeyringSources);

impl SealingOperation for Unseal {
    const DEFINITION: Definition =
        Definition::post("admin.keyring.unseal", "/v1/admin/keyring/unseal", Access::Admin)
            .shrinks()
            .example(Example::EMPTY);
    type Input = ();
    type Sealed = Arc<MasterKeys>;
    type Out = Arc<MasterKeys>;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(), ApiError> {
        arguments.params.only(&[]).map(drop)
    }

    async fn seal(&self, _input: &(), _ctx: &Ctx) -> Result<Arc<MasterKeys>, ApiError> {
        let opened = self.0.keyring.open_masters().await;
        opened.map(Arc::new).map_err(|error| failed(&error))
    }

    async fn apply(
        &self,
        _input: &(),
        masters: &Arc<MasterKeys>,
        _ctx: &Ctx,
        _tx: &mut Tx<'_>,
    ) -> Result<Applied<Arc<MasterKeys>>, Failure> {
        let out = Arc::clone(masters);
        Ok(Applied { out, subject: "keyring".to_owned(), fingerprint: None })
    }

    fn render(&self, _masters: &Arc<MasterKeys>, _ctx: &Ctx) -> Object {
        render(false, None)
    }

    async fn committed(
        &self,
        masters: &Arc<MasterKeys>,
        _ctx: &Ctx,
    ) -> Result<Committed, ApiError> {
        let resumed = self.0.keyring.resume(Arc::clone(masters)).await;
        resumed.map(|()| Committed::Done).map_err(|error| {
            ApiError::unknown_outcome(format!("the servers are still sealed: {error}"))
        })
    }
}
