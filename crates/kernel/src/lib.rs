//! The kernel: one pipeline that every operation of every family goes through.
//!
//! A family declares operations as types ([`WriteOperation`], [`ReadOperation`]) and exports one
//! [`Family`]; the kernel authenticates, routes, authorizes, parses, stores and replays responses,
//! owns the unit of work, writes the audit entry and renders. It knows no family, and nothing here
//! may assume which database engine is underneath.

mod apps;
mod authorize;
mod call;
mod census;
mod clock_guard;
mod collection;
pub mod conditions;
mod connection;
mod connections;
mod context;
mod counters;
mod counting;
mod definition;
mod description;
mod document;
mod edge;
mod error;
pub mod event;
mod events;
pub mod explain;
mod family;
mod figures;
mod handler;
mod idempotency;
mod jobs;
mod kernel;
pub mod limits;
mod listener;
mod metrics;
mod operation;
mod page;
mod peer;
mod pipeline;
mod principal;
mod prune;
mod quota;
mod rate;
pub mod reasons;
mod reauthorize;
mod recorder;
mod registry;
mod request_id;
mod rotation;
mod routes;
pub mod schedule;
mod sealed;
mod services;
mod setting;
mod sign_in;
mod simulation;
mod site;
mod spans;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod traffic;
mod usage;
pub mod verify;
mod wake_isolated;
pub mod web_policy;

pub use apps::Apps;
pub use clock_guard::{Agreement, ClockGuard, ClockState, Doubt, DueTimes};
pub use coffer_audit::{
    Actor as AuditActor, ActorKind, Entry as AuditEntry, MIGRATIONS as AUDIT_MIGRATIONS,
    Target as AuditTarget, append as append_audit, record as record_audit,
};
pub use coffer_metrics::Recorded;
pub use coffer_outbound as outbound;
pub use coffer_outbound::HttpClient;
pub use collection::Collection;
pub use connection::{serve_connection, serve_one_request, serve_open_connection};
pub use connections::{Connection, Connections, OpenConnection};
pub use context::Ctx;
pub use counters::{Count, Counters};
pub use counting::CountUsage;
pub use definition::{Access, Definition, Example, JsonBody, Method, Origin};
pub use description::{Description, Parameter};
pub use document::{Document, FindPage};
pub use error::{keyring_failure, storage_failure};
pub use event::EventListeners;
pub use family::{Family, KERNEL, Parts, Seal};
pub use figures::{CacheFigures, Collect, JobFigure, JobFigures, Sums, TableFigures};
pub use jobs::{Job, JobContext, Tally, run_job, run_pass};
pub use kernel::{Kernel, KernelOptions};
pub use listener::ListenerRole;
pub use operation::{
    Applied, Arguments, Committed, Failure, ReadOperation, ReplayPolicy, RequestScope,
    SealingOperation, WriteOperation,
};
pub use page::{
    Page, PagePosition, Window, last_tombstone_query, leave_tombstone, position_of_tombstone,
};
pub use peer::{Network, Peer};
pub use principal::{
    AccountAccess, AdminRole, Authenticate, BoxFuture, Credentials, Evidence, Principal,
    Restrictions, Role, SENDS_EVENTS, UseLimit,
};
pub use prune::{Prune, audit_prune, prune, purge_tenant, purge_user};
pub use quota::Quota;
pub use registry::{
    AccountRecord, AppRecord, InstallChange, InstallListener, InstallPlace, InstallRecord,
    InstallSelection, InstallState, Manifest, Registry, Remover,
};
pub use rotation::{
    ROTATION_AGE_DAYS, ROTATION_KEEPS, ROTATION_RATE, ROTATION_USES, RotateKeys, WatchStop,
};
pub use routes::Routes;
pub use schedule::{Progress, ScheduledTask, Scheduler};
pub use sealed::SealedTable;
pub use setting::{DEVELOPER, Form, Setting, SettingKind, Settings, durations, host_and_port};
pub use sign_in::{Person, SignInRefusal, SignIns, SignOut};
pub use simulation::WORDS as SIMULATED_FAULTS;
pub use site::{ApiAnswer, ApiCall, ApiClient, SITE_PATH, Site, SiteRequest};
pub use spans::{Sampler, Span, SpanFigures, Tracer, hexadecimal};
pub use store::{
    ClockRecord, MIGRATIONS, clock_record, forget_clock, latest_watermark, move_clock,
    platform_clocks, rewind_watermarks, tenant_of_row,
};
pub use traffic::{AuditReads, AuditSettings, LogRequests, TrafficSettings};
pub use usage::{Amount, BYTES, Beyond, CountedTable, Measure, Usage, Usages};
pub use web_policy::WebPolicy;
