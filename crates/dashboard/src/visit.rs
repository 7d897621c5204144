//! One request of somebody who has signed in.

use crate::api::Api;
use crate::look::Look;
use crate::request::Fields;
use crate::session::Session;
use crate::theme::Theme;
use crate::{Dashboard, links};
use coffer_base::id::random_base62;
use coffer_base::{Redacted, Timestamp};
use coffer_kernel::{AdminRole, ApiClient, Peer};
use std::sync::Arc;

/// Letters of what makes a form be carried out once.
const ONCE_CHARACTERS: usize = 24;

/// Who asks for what.
pub(crate) struct Visit<'a> {
    pub(crate) dashboard: &'a Dashboard,
    pub(crate) client: &'a dyn ApiClient,
    pub(crate) session: Arc<Session>,
    /// Below the dashboard's own, such as `/keys`; empty for the first page.
    pub(crate) path: String,
    /// Path and query, to come back to.
    pub(crate) target: String,
    /// The query of a page, or the form that was sent.
    pub(crate) fields: Fields,
    pub(crate) theme: Theme,
    /// Who looks: a person, or the page by itself.
    pub(crate) look: Look,
    pub(crate) now: Timestamp,
    /// Where the person is.
    pub(crate) peer: Peer,
}

impl Visit<'_> {
    /// The API with the admin key of the session.
    pub(crate) fn admin(&self) -> Api<'_> {
        self.with_key(&self.session.token)
    }

    /// The API with another key.
    pub(crate) fn with_key<'v>(&'v self, token: &'v Redacted<String>) -> Api<'v> {
        Api { client: self.client, token, account: None }
    }

    /// A field of the query or the form; empty if there is none.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).trim()
    }

    /// Whether the session's key may do everything.
    pub(crate) fn is_operator(&self) -> bool {
        self.session.role == AdminRole::Operator
    }

    /// Whether the session's key may change keys of apps.
    pub(crate) fn keeps_keys(&self) -> bool {
        matches!(self.session.role, AdminRole::Operator | AdminRole::Keys)
    }

    /// Whether the session's key may look at more than keys.
    pub(crate) fn reads(&self) -> bool {
        self.session.role != AdminRole::Keys
    }

    pub(crate) fn is_developer(&self) -> bool {
        self.dashboard.is_developer()
    }

    /// What makes a form be carried out once, however often it is sent.
    pub(crate) fn once(&self) -> String {
        random_base62(&*self.dashboard.random, ONCE_CHARACTERS)
    }

    /// The same list from another place on: filters stay, and the place changes.
    pub(crate) fn list_from(&self, place: &str, id: &str) -> String {
        let mut fields = self.fields.filters();
        fields.push((place, id));
        links::to(&self.path, &fields)
    }
}
