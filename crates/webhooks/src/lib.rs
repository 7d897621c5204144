//! Webhooks: endpoints that callers register, and the delivery of events to them
//! (`docs/wire/webhooks.md`).
//!
//! A family that listens to events: with each event it writes one attempt for each endpoint that
//! gets it, and a job makes the attempts. It knows no other family.

mod endpoint;
mod event_type;
pub mod limits;
mod listener;
mod operations;
mod prune;
pub mod reasons;
mod schedule;
mod sender;
mod sequence;
mod settings;
pub mod signature;
mod store;
mod url;
mod wire;

pub use settings::{
    WEBHOOK_ALLOW, WEBHOOK_ALLOW_HTTP, WEBHOOK_CA_FILE, WEBHOOK_DISABLE_AFTER, WEBHOOK_ENDPOINTS,
    WEBHOOK_PROXY, WEBHOOK_RETRIES, WEBHOOK_TEST_RETRIES, WEBHOOK_TIMEOUT, WEBHOOK_USER_AGENT,
    WEBHOOKS,
};

use coffer_kernel::{Family, Parts, Routes, Seal, Settings, Usage};
use listener::{Presence, WriteAttempts};
use operations::{
    attempts, create::Create, delete::Delete, endpoints, retry::Retry, roll::Roll, test::Test,
    update::Update,
};
use prune::PruneAttempts;
use sender::Sender;
use sequence::Sequence;
use std::sync::Arc;

/// The family.
pub const FAMILY: Family = Family {
    name: "webhooks",
    migrations: &[store::MIGRATIONS],
    settings: settings::ALL,
    quotas: &[],
    usage: Usage::NONE,
    purge: store::PURGE,
    purge_user: &[],
    seals: &[Seal { name: "webhook secrets", table: store::secret::SEALED }],
    checks: &[],
    figures: store::figures::FIGURES,
    reasons: reasons::ALL,
    explainers: &[],
    parts,
};

/// Nothing of it runs where the operator has switched it off.
fn parts(settings: &Settings) -> Parts {
    if !settings.is_on(&WEBHOOKS) {
        return Parts::default();
    }
    let presence = Arc::<Presence>::default();
    let sequence = Arc::<Sequence>::default();
    let destinations = Arc::new(settings::destinations(settings));
    let rules = settings::url_rules(settings);
    let sender = Sender::new(settings, Arc::clone(&destinations), Arc::clone(&sequence));
    let mut routes = Routes::default();
    routes
        .seal(Create {
            presence: Arc::clone(&presence),
            rules,
            destinations: Arc::clone(&destinations),
            most: settings.number(&WEBHOOK_ENDPOINTS),
        })
        .write(Update { rules, destinations })
        .read(endpoints::List)
        .read(endpoints::Retrieve)
        .write(Delete)
        .seal(Roll)
        .read(attempts::OfEndpoint)
        .write(Test(Arc::clone(&sequence)))
        .read(attempts::OfEvent)
        .write(Retry(Arc::clone(&sequence)));
    Parts {
        routes,
        jobs: vec![Arc::new(sender), Arc::new(PruneAttempts)],
        listeners: vec![Arc::new(WriteAttempts { presence, sequence })],
        ..Parts::default()
    }
}
