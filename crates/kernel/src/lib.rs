//! The kernel: one pipeline that every operation of every family goes through.
//!
//! A family declares operations as types ([`WriteOperation`], [`ReadOperation`]); the kernel
//! authenticates, routes, checks permissions, parses, keeps idempotent answers, owns the unit
//! of work, writes the audit entry and renders. It knows no family, and nothing here may assume
//! which database engine is underneath.

mod aside;
mod collection;
mod connection;
mod context;
mod counters;
mod edge;
mod erase;
mod error;
pub mod event;
mod idempotency;
mod jobs;
mod operation;
mod page;
mod pipeline;
mod request_id;
mod routes;
pub mod schedule;
mod store;

pub use coffer_audit::{Entry as AuditEntry, append as append_audit};
pub use collection::Collection;
pub use connection::{Surface, serve_connection};
pub use context::{
    AccountAccess, Admission, Authenticate, BoxFuture, Ctx, Presented, Principal, Role,
};
pub use counters::{Count, Counters};
pub use erase::{ERASE, Sweep, erase_tenant, sweep};
pub use error::{keyring_failure, storage_failure};
pub use idempotency::open_answers;
pub use jobs::{Job, PruneRecords, run_jobs};
pub use operation::{
    Access, Applied, Arguments, Definition, Failure, Method, Reach, ReadOperation, Shown,
    WriteOperation,
};
pub use page::{Page, PagePosition, leave_tombstone, position_of_tombstone};
pub use pipeline::{Kernel, KernelOptions};
pub use routes::Routes;
pub use schedule::{Progress, Scheduled, Scheduler};
pub use store::{MIGRATIONS, clock_offset, move_clock, tenant_of_row};
