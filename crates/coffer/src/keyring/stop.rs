//! The emergency stop, and its end.

use super::{KeyringSources, failed};
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Committed, Ctx, Definition, Example, Failure, SealingOperation,
    keyring_failure,
};
use coffer_keyring::MasterKeys;
use coffer_storage::Tx;
use std::sync::Arc;

fn render(sealed: bool, since: Option<Timestamp>) -> Object {
    Object::bare().set("object", "keyring").set("sealed", sealed).set("sealed_since", since)
}

/// `POST /v1/admin/keyring/seal`: takes the tenants' keys out of the memory of all servers. It
/// takes effect before it is recorded, as a revocation does: whoever can keep the audit from being
/// written must not thereby keep the keys where they are. The same request sent again seals again.
pub(super) struct Seal(pub(super) KeyringSources);

/// A stop that is in force on this server.
pub(super) struct Sealed {
    since: Timestamp,
    /// Why other servers may not know of it.
    problem: Option<String>,
}

impl SealingOperation for Seal {
    const DEFINITION: Definition =
        Definition::post("admin.keyring.seal", "/v1/admin/keyring/seal", Access::Admin)
            .shrinks()
            .example(Example::EMPTY);
    type Input = ();
    type Sealed = Arc<Sealed>;
    type Out = Arc<Sealed>;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(), ApiError> {
        arguments.params.only(&[]).map(drop)
    }

    async fn seal(&self, _input: &(), ctx: &Ctx) -> Result<Arc<Sealed>, ApiError> {
        let since = ctx.now();
        let problem = match self.0.keyring.stop(since).await {
            Ok(()) => None,
            Err(error) if self.0.keyring.is_stopped() => {
                tracing::error!(%error, "this server is sealed, and others may not be");
                Some(error.to_string())
            }
            Err(error) => return Err(keyring_failure(&error)),
        };
        Ok(Arc::new(Sealed { since, problem }))
    }

    async fn apply(
        &self,
        _input: &(),
        sealed: &Arc<Sealed>,
        _ctx: &Ctx,
        _tx: &mut Tx<'_>,
    ) -> Result<Applied<Arc<Sealed>>, Failure> {
        let out = Arc::clone(sealed);
        Ok(Applied { out, subject: "keyring".to_owned(), fingerprint: None })
    }

    fn render(&self, sealed: &Arc<Sealed>, _ctx: &Ctx) -> Object {
        render(true, Some(sealed.since))
    }

    async fn committed(&self, sealed: &Arc<Sealed>, _ctx: &Ctx) -> Result<Committed, ApiError> {
        match &sealed.problem {
            None => Ok(Committed::Done),
            Some(problem) => Err(ApiError::sealed_here(problem.clone())),
        }
    }

    fn failed(&self, _input: &(), _ctx: &Ctx, failure: Failure) -> ApiError {
        match failure {
            Failure::Refused(refusal) => {
                tracing::error!("the server is sealed, though the request was refused after that");
                refusal
            }
            Failure::Storage(error) => {
                tracing::error!(%error, "the server is sealed, and the audit has no entry of it");
                ApiError::sealed_unrecorded(error.to_string())
            }
        }
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
