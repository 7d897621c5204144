//! Settings: each value, and where it came from.

use crate::api::Field;
use crate::outcome::Result;
use crate::visit::Visit;
use crate::{frame, respond, view};
use maud::html;

/// All settings of this server.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    // The settings are in this process; asking the API first keeps them from whoever may not read.
    let status = visit.admin().get("/v1/admin/status", &[]).await?;
    let settings = visit.dashboard.settings.get().map_or(&[][..], Vec::as_slice);
    let part = visit.field("q").to_lowercase();
    let fits = |name: &str, about: &str| {
        part.is_empty() || name.contains(&part) || about.to_lowercase().contains(&part)
    };
    let rows = settings.iter().filter(|each| fits(&each.name, &each.about)).map(|setting| {
        let source = setting.source.as_deref().unwrap_or_default();
        vec![
            html! { code { (setting.name) } },
            match &setting.value {
                Some(value) => html! { code.value { (value) } },
                None => view::none(),
            },
            html! {
                @if source.starts_with("flag") {
                    code { (source) }
                } @else if source == "default" {
                    span.quiet { (source) }
                } @else {
                    (view::or_none(source))
                }
            },
            html! { (setting.about) },
        ]
    });
    let rows: Vec<_> = rows.collect();
    let inside = html! {
        (frame::heading(
            "Settings",
            "As this server was started. A flag wins over a variable, a variable over the file.",
            html! {},
        ))
        (super::forms::search(visit, "Find a setting"))
        @if rows.is_empty() {
            (view::empty("No setting fits", "Try a shorter part.", "coffer config print"))
        } @else {
            (view::table("Settings", &["Setting", "Value", "From", "What it is for"], rows))
        }
        p.quiet { "Version " (status.text("version")) ", store " code { (status.text("store")) } }
    };
    Ok(respond::page(frame::page(visit, "/settings", "Settings", inside)))
}
