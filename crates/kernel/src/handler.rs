//! The common face of all operations, which the edge calls.

use crate::call::{Call, Handled};
use crate::definition::Definition;
use crate::principal::BoxFuture;
use crate::services::Services;
use coffer_dialect::{ApiError, Params};

/// An operation as the routes hold it.
pub(crate) trait Handler: Send + Sync {
    fn definition(&self) -> &Definition;
    /// Reads parameters as for a call, and carries nothing out.
    fn try_parse(&self, params: &Params, path: &[String]) -> Result<(), ApiError>;
    /// Carries out one call, from its expansions to its rendered reply.
    fn handle<'a>(&'a self, services: &'a Services, call: Call) -> BoxFuture<'a, Handled>;
}
