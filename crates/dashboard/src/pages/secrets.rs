//! A scope's secrets: an account's, or those of one of its users.

use super::unused::{entries, further};
use super::{lists, places};
use crate::api::{Api, Field, Refusal};
use crate::open::{self, Place};
use crate::outcome::{Result, noticed};
use crate::session::{OpenedKey, Purpose};
use crate::visit::Visit;
use crate::{frame, links, respond, view};
use maud::{Markup, html};
use serde_json::Value;

pub(super) const PATH: &str = "/v1/apps/secrets";

/// Which scope.
pub(super) struct Scope {
    pub(super) place: Place,
    pub(super) user: String,
}

impl Scope {
    pub(super) fn of(visit: &Visit<'_>) -> Self {
        Self { place: Place::of(visit), user: visit.fields.get("user").to_owned() }
    }

    /// The fields of links and forms.
    pub(super) fn fields(&self) -> Vec<(&str, &str)> {
        [&self.place.fields()[..], &[("user", self.user.as_str())]].concat()
    }

    /// The scope as the API takes it.
    pub(super) fn params(&self) -> Vec<(&str, &str)> {
        match self.user.is_empty() {
            true => vec![("scope[type]", "account")],
            false => vec![("scope[type]", "user"), ("scope[user]", self.user.as_str())],
        }
    }

    /// The same with a secret's name.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> Vec<(&'a str, &'a str)> {
        [&self.params()[..], &[("name", name)]].concat()
    }

    /// The page of one secret.
    pub(super) fn link(&self, name: &str) -> String {
        links::to("/secret", &[&self.fields()[..], &[("name", name)]].concat())
    }

    /// The page of the scope.
    pub(super) fn page(&self) -> String {
        links::to("/secrets", &self.fields())
    }
}

/// The API with the key that opens a scope's app.
///
/// # Errors
/// A refusal that says that it is not open any more.
pub(super) async fn opened(
    visit: &Visit<'_>,
    scope: &Scope,
) -> std::result::Result<OpenedKey, Refusal> {
    let key = open::key(visit, &scope.place, Purpose::Secrets).await?;
    key.ok_or_else(Refusal::not_open)
}

/// The secrets of a scope.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let scope = Scope::of(visit);
    let user = view::input("User", "user", &scope.user, "none: the account's own");
    let form = places::form(visit, "/secrets", &scope.place, user);
    if !scope.place.is_whole() {
        let inside = html! {
            (frame::heading("Secrets", "What apps keep for accounts and their users.", html! {}))
            (form)
            (places::choice(visit, "/secrets").await?)
        };
        return Ok(respond::page(frame::page(visit, "/secrets", "Secrets", inside)));
    }
    let Some(key) = open::key(visit, &scope.place, Purpose::Secrets).await? else {
        let inside = html! {
            (frame::heading("Secrets", "", html! {}))
            (form)
            (open::closed(visit, &scope.place, Purpose::Secrets))
        };
        return Ok(respond::page(frame::page(visit, "/secrets", "Secrets", inside)));
    };
    let api = visit.with_key(&key.token).for_account(&scope.place.account);
    let list = list(visit, api, &scope).await;
    let reads = match &list {
        Ok(list) => last_reads(visit, &scope, list).await,
        Err(_) => Ok(Value::Null),
    };
    let inside = html! {
        (frame::heading("Secrets", "", html! {
            a.button href=(links::to("/unused", &scope.place.fields())) { "Unused" }
            (create_form(visit, &scope))
        }))
        (form)
        (places::line(&scope.place, &scope.user))
        @match &list {
            Ok(list) => { (shown(visit, &scope, list, &reads)) }
            Err(refusal) => { (view::refusal(refusal)) }
        }
        (open::until(visit, &key))
    };
    Ok(respond::page(frame::page(visit, "/secrets", "Secrets", inside)))
}

async fn list(
    visit: &Visit<'_>,
    api: Api<'_>,
    scope: &Scope,
) -> std::result::Result<Value, Refusal> {
    lists::page(visit, api, PATH, &scope.params()).await
}

/// Which key read each secret of a list last, by the audit: one question for all of them.
async fn last_reads(
    visit: &Visit<'_>,
    scope: &Scope,
    list: &Value,
) -> std::result::Result<Value, Refusal> {
    let entries = entries(visit);
    let ids: Vec<_> = list.list("data").iter().map(|secret| secret.text("id")).collect();
    if ids.is_empty() {
        return Ok(Value::Null);
    }
    let mut params = scope.fields();
    params.push(("entries", &entries));
    params.extend(ids.into_iter().map(|id| ("secrets[]", id)));
    visit.admin().get("/v1/admin/secrets/last_reads", &params).await
}

/// What is shown where nobody has read a secret since it was first set, by the audit. A list that
/// is older than the secret was no read of it.
fn last_read(visit: &Visit<'_>, secret: &Value, reads: &Value) -> Markup {
    let is_of = |read: &&Value| read.text("id") == secret.text("id");
    let read = reads.list("data").iter().find(is_of);
    let at = read.and_then(|read| read.int("last_read"));
    let actor = read.map_or("", |read| read.text("actor"));
    match at.filter(|at| secret.int("created").is_none_or(|created| created <= *at)) {
        Some(at) => html! { (view::time(Some(at), visit.now)) br; (view::id(actor)) },
        None => view::none(),
    }
}

fn shown(
    visit: &Visit<'_>,
    scope: &Scope,
    list: &Value,
    reads: &std::result::Result<Value, Refusal>,
) -> Markup {
    if list.list("data").is_empty() {
        return view::empty(
            "No secrets in this scope",
            "Make one above, or with a key of the app:",
            "coffer secrets set NAME < value.txt",
        );
    }
    let known = reads.as_ref().unwrap_or(&Value::Null);
    let rows = list.list("data").iter().map(|secret| {
        let name = secret.text("name");
        vec![
            html! { a.name id=(secret.text("id")) href=(scope.link(name)) { (name) } },
            covered(visit, scope, name),
            view::expiry(secret.int("expires_at"), visit.now),
            view::time(secret.int("created"), visit.now),
            last_read(visit, secret, known),
            delete_form(visit, scope, name),
        ]
    });
    let columns = ["Name", "Value", "Ends", "Created", "Last read", "Delete"];
    html! {
        (view::table("Secrets", &columns, rows.collect()))
        (view::pager(visit, list))
        (looked_back(visit, reads))
    }
}

/// How far back the audit was looked through for who read them.
fn looked_back(visit: &Visit<'_>, reads: &std::result::Result<Value, Refusal>) -> Markup {
    html! {
        @match reads {
            Ok(reads) => {
                @if let Some(at) = reads.int("looked_back_to") {
                    p.quiet {
                        "For who read them last, the audit was looked through back to "
                        (view::time(Some(at), visit.now)) "."
                    }
                    (further(visit))
                }
            }
            Err(refusal) => { p.quiet { "Who read them last is not shown: " (refusal.message) } }
        }
    }
}

/// A value that is covered until somebody wants to see it. Nothing of it is in the page.
pub(super) fn covered(visit: &Visit<'_>, scope: &Scope, name: &str) -> Markup {
    let fields = [&scope.fields()[..], &[("name", name)]].concat();
    let seconds = crate::limits::REVEALED_SECONDS;
    view::form(
        visit,
        "/secrets/reveal",
        "covered",
        html! {
            (view::hidden(&fields))
            output.value aria-live="polite" { span.dots aria-label="covered" { "••••••••" } }
            button type="submit" data-reveal=(links::to("/secrets/value", &[]))
                data-seconds=(seconds) aria-label=(format!("Reveal {name}")) { "Reveal" }
            button.copy-secret type="button" data-value=(links::to("/secrets/value", &[])) hidden
                aria-label=(format!("Copy the value of {name} without showing it")) { "Copy" }
        },
    )
}

pub(super) fn delete_form(visit: &Visit<'_>, scope: &Scope, name: &str) -> Markup {
    let fields = [&scope.fields()[..], &[("name", name)]].concat();
    let form = view::form(
        visit,
        "/secrets/delete",
        "",
        html! {
            (view::hidden(&fields))
            button.danger type="submit" data-undo=(format!("{name} is deleted")) { "Delete" }
        },
    );
    view::guarded("Delete", "Apps that ask for it find nothing from then on.", form)
}

fn create_form(visit: &Visit<'_>, scope: &Scope) -> Markup {
    html! {
        details.guarded {
            summary.button.primary { "New secret" }
            div.pop.wide {
                (view::form(visit, "/secrets/set", "stack", html! {
                    (view::hidden(&scope.fields()))
                    (view::input("Name", "name", "", "oauth_token"))
                    (value_fields(None))
                    button.primary type="submit" { "Save" }
                }))
            }
        }
    }
}

/// The fields of a secret's value and end; `ends` is when it ends so far.
pub(super) fn value_fields(ends: Option<i64>) -> Markup {
    let kept = ends.map(|at| at.to_string()).unwrap_or_default();
    html! {
        label.field {
            span { "Value" }
            textarea name="payload" rows="3" required spellcheck="false" autocomplete="off"
                autocapitalize="off" {}
        }
        label.field {
            span { "It ends" }
            select name="ends" {
                @if !kept.is_empty() { option value=(format!("at{kept}")) { "as before" } }
                option value="" { "never" }
                option value="3600" { "in an hour" }
                option value="86400" { "in a day" }
                option value="604800" { "in a week" }
                option value="2592000" { "in 30 days" }
                option value="7776000" { "in 90 days" }
                option value="31536000" { "in a year" }
            }
        }
    }
}

/// Makes or replaces a secret.
pub(crate) async fn set(visit: &Visit<'_>) -> Result {
    let scope = Scope::of(visit);
    let key = opened(visit, &scope).await?;
    let api = visit.with_key(&key.token).for_account(&scope.place.account);
    let name = visit.fields.get("name");
    let ends = visit.field("ends");
    let expires_at = match (ends.strip_prefix("at"), ends.parse::<i64>()) {
        (Some(at), _) => at.to_owned(),
        (None, Ok(seconds)) => visit.now.plus(seconds).to_string(),
        (None, Err(_)) => String::new(),
    };
    let mut params = scope.named(name);
    // Browsers send each end of a line in a form as two characters.
    let payload = visit.fields.get("payload").replace("\r\n", "\n");
    params.push(("payload", &payload));
    if !expires_at.is_empty() {
        params.push(("expires_at", &expires_at));
    }
    api.post(PATH, &params, visit.field("once")).await.map_err(Refusal::of_app)?;
    noticed(visit, format!("{name} is saved."))
}

/// Deletes a secret.
pub(crate) async fn delete(visit: &Visit<'_>) -> Result {
    let scope = Scope::of(visit);
    let key = opened(visit, &scope).await?;
    let api = visit.with_key(&key.token).for_account(&scope.place.account);
    let name = visit.fields.get("name");
    let path = "/v1/apps/secrets/delete";
    api.post(path, &scope.named(name), visit.field("once")).await.map_err(Refusal::of_app)?;
    visit.session.notify(format!("{name} is deleted."));
    Ok(respond::redirect(&scope.page()))
}
