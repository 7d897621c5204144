//! The dashboard: pages for people, served where the admin API is.
//!
//! It is a client of the API and nothing else. Whoever signs in presents an admin key, or has one
//! made by signing in at an identity provider; with that key every page asks the API, so that
//! roles, limits and the audit hold as for any other client. An admin key opens no app's data; to
//! show some, the dashboard makes a restricted key of the app that lives for minutes, which the
//! audit records.

mod api;
mod assets;
mod chart;
mod frame;
pub mod limits;
mod links;
mod live;
mod look;
mod oidc;
mod open;
mod outcome;
mod pages;
mod request;
mod respond;
mod routes;
mod samples;
mod session;
mod sign_in;
mod theme;
mod view;
mod visit;

pub use oidc::{RETURN_PATH, Roles};

use bytes::Bytes;
use coffer_base::id::random_base62;
use coffer_base::{Clock, Random, Redacted, Timestamp};
use coffer_kernel::{ApiClient, BoxFuture, Counters, SignIns, Site, SiteRequest};
use coffer_oidc::Provider;
use http::Response;
use oidc::Oidc;
use samples::Samples;
use session::Sessions;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What a dashboard is made of.
pub struct DashboardOptions {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where ids of sessions come from.
    pub random: Arc<dyn Random>,
    /// In developer mode, the admin key of whoever opens the link that [`Dashboard::link`] makes.
    pub developer_key: Option<Redacted<String>>,
    /// Makes and revokes the keys of people who sign in at an identity provider.
    pub sign_ins: Arc<dyn SignIns>,
}

/// A setting as the page of settings shows it. Secrets come with their place, never a value.
pub struct SettingRow {
    /// Its name.
    pub name: String,
    /// Its value, if it has one.
    pub value: Option<String>,
    /// Where the value came from.
    pub source: Option<String>,
    /// What it is for.
    pub about: String,
}

/// The dashboard.
pub struct Dashboard {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    developer_key: Option<Redacted<String>>,
    sessions: Sessions,
    sign_ins: Arc<dyn SignIns>,
    oidc: OnceLock<Oidc>,
    /// What the link of developer mode carries, until somebody has followed it.
    link: Mutex<Option<String>>,
    samples: Samples,
    settings: OnceLock<Vec<SettingRow>>,
}

impl Dashboard {
    /// A dashboard that nobody has signed in to.
    pub fn new(options: DashboardOptions) -> Self {
        let DashboardOptions { clock, random, developer_key, sign_ins } = options;
        Self {
            sessions: Sessions::new(Arc::clone(&clock), Arc::clone(&random)),
            clock,
            random,
            developer_key,
            sign_ins,
            oidc: OnceLock::new(),
            link: Mutex::default(),
            samples: Samples::default(),
            settings: OnceLock::new(),
        }
    }

    /// The path and query of a link that signs in the first browser that follows it; `None` outside
    /// developer mode. A new link takes the place of the one before.
    pub fn link(&self) -> Option<String> {
        self.developer_key.as_ref()?;
        let code = random_base62(&*self.random, limits::SESSION_CHARACTERS);
        let link = links::to("/open", &[("code", &code)]);
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
        Some(link)
    }

    /// Lets people in for whom an identity provider vouches and who have a role. The first provider
    /// stays.
    pub fn sign_in_at(&self, provider: Provider, roles: Roles) {
        // There is one start, and so one provider.
        let _ = self.oidc.set(Oidc::new(provider, roles));
    }

    /// Says what the server was set to. The first settings stay.
    pub fn set_settings(&self, settings: Vec<SettingRow>) {
        // There is one start, and so one set of settings.
        let _ = self.settings.set(settings);
    }

    /// Reads the counts of requests, for the plot of the last hour. It is called every
    /// [`limits::SAMPLE_EVERY_SECONDS`].
    pub fn sample(&self, counters: &Counters) {
        self.samples.read(counters, self.clock.now());
    }

    fn is_developer(&self) -> bool {
        self.developer_key.is_some()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Site for Dashboard {
    fn respond<'a>(
        &'a self,
        request: SiteRequest,
        api: &'a dyn ApiClient,
    ) -> BoxFuture<'a, Response<Bytes>> {
        Box::pin(routes::respond(self, request, api))
    }
}
