//! Opening an app's data: an admin key opens none, so a restricted key of the app is made, for
//! minutes, and kept in the session.

use crate::api::{Field, Refusal};
use crate::outcome::{Result, back};
use crate::respond::Answer;
use crate::session::{Opened, OpenedKey, Purpose};
use crate::visit::Visit;
use crate::{limits, view};
use coffer_base::Redacted;
use maud::{Markup, html};

/// What is to be opened, by the fields of a page.
pub(crate) struct Place {
    pub(crate) app: String,
    pub(crate) account: String,
    pub(crate) mode: String,
}

impl Place {
    pub(crate) fn of(visit: &Visit<'_>) -> Self {
        let mode = if visit.field("mode") == "live" { "live" } else { "test" };
        Self {
            app: visit.field("app").to_owned(),
            account: visit.field("account").to_owned(),
            mode: mode.to_owned(),
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        !self.app.is_empty() && !self.account.is_empty()
    }

    /// The fields of links and forms.
    pub(crate) fn fields(&self) -> [(&str, &str); 3] {
        [("app", &self.app), ("account", &self.account), ("mode", &self.mode)]
    }

    fn opened(&self, purpose: Purpose) -> Opened {
        Opened { app: self.app.clone(), mode: self.mode.clone(), purpose }
    }
}

impl Purpose {
    const fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::Secrets => &["secret_write"],
            Self::Books => &[
                "balance_read",
                "event_read",
                "ledger_read",
                "reserve_hold_read",
                "reserve_plan_read",
                "reserve_release_read",
            ],
            Self::Webhooks => &["webhook_write"],
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Books => "books",
            Self::Webhooks => "webhooks",
        }
    }
}

/// The key that opens the place, if it is open. In developer mode every place is, on first sight:
/// its data is nobody's.
///
/// # Errors
/// The API's refusal to make the key.
pub(crate) async fn key(
    visit: &Visit<'_>,
    place: &Place,
    purpose: Purpose,
) -> std::result::Result<Option<OpenedKey>, Refusal> {
    let known = visit.session.opened(&place.opened(purpose), visit.now);
    if known.is_some() || !visit.is_developer() {
        return Ok(known);
    }
    create(visit, place, purpose).await.map(Some)
}

/// Makes a key that opens the place.
async fn create(
    visit: &Visit<'_>,
    place: &Place,
    purpose: Purpose,
) -> std::result::Result<OpenedKey, Refusal> {
    let seconds = match visit.is_developer() {
        true => limits::OPENED_SECONDS_IN_DEVELOPMENT,
        false => limits::OPENED_SECONDS,
    };
    let until = visit.now.plus(seconds);
    let (expires_at, name) = (until.to_string(), format!("dashboard, {}", visit.session.key_id));
    let mut params = vec![
        ("app", place.app.as_str()),
        ("mode", &place.mode),
        ("name", &name),
        ("expires_at", &expires_at),
    ];
    params.extend(purpose.permissions().iter().map(|each| ("permissions[]", *each)));
    let made = visit.admin().post("/v1/admin/api_keys", &params, "").await?;
    let key = OpenedKey {
        id: made.text("id").to_owned(),
        token: Redacted::new(made.text("key").to_owned()),
        until,
    };
    visit.session.open(place.opened(purpose), key.clone(), visit.now);
    Ok(key)
}

/// What stands where data would be that is not open.
pub(crate) fn closed(visit: &Visit<'_>, place: &Place, purpose: Purpose) -> Markup {
    let minutes = limits::OPENED_SECONDS / 60;
    let what = match purpose {
        Purpose::Secrets => "read and write the secrets",
        Purpose::Books => "read the balances, reserves and events",
        Purpose::Webhooks => "read events and write the webhook endpoints",
    };
    html! {
        div.empty {
            p.lead { "An admin key opens no app's data" }
            p {
                "The dashboard can make a restricted key of " (view::id(&place.app)) " in "
                (place.mode) " mode that may " (what) " of every account that has the app, for "
                (minutes) " minutes. The audit records that you made it, and everything that is "
                "done with it."
            }
            @if visit.keeps_keys() {
                (view::form(visit, "/opening", "", html! {
                    (view::hidden(&place.fields()))
                    (view::hidden(&[("purpose", purpose.as_str())]))
                    button.primary type="submit" { "Open for " (minutes) " minutes" }
                }))
            } @else {
                p.quiet { "Your key has the role of an auditor, who makes none." }
            }
        }
    }
}

/// Takes the form of [`closed`].
pub(crate) async fn submit(visit: &Visit<'_>) -> Result {
    let purpose = match visit.field("purpose") {
        "books" => Purpose::Books,
        "webhooks" => Purpose::Webhooks,
        _ => Purpose::Secrets,
    };
    create(visit, &Place::of(visit), purpose).await?;
    Ok::<Answer, Refusal>(back(visit))
}

/// The line that says until when a place is open.
pub(crate) fn until(visit: &Visit<'_>, key: &OpenedKey) -> Markup {
    html! {
        p.quiet {
            "Open with " (view::id(&key.id)) ", which ends "
            (view::time(Some(key.until.unix()), visit.now)) "."
        }
    }
}
