//! The common face of all operations, which the edge calls.

use crate::call::{Call, Handled};
use crate::definition::Definition;
use crate::principal::BoxFuture;
use crate::services::Services;

/// An operation as the routes hold it.
pub(crate) trait Handler: Send + Sync {
    fn definition(&self) -> &Definition;
    /// Carries out one call, from its expansions to its rendered reply.
    fn handle<'a>(&'a self, services: &'a Services, call: Call) -> BoxFuture<'a, Handled>;
}
