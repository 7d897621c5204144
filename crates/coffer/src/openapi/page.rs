//! The description as a page to read, in the look of the documents: no script, nothing from another
//! server.

use super::{needs, tag, template};
use coffer_dialect::probe::Expects;
use coffer_kernel::{Description, Origin, Parameter};

/// The style of the documents.
const STYLE_PATH: &str = "/docs/book.css";

/// The page of these operations.
pub(super) fn page(all: &[Description]) -> String {
    let mut tags: Vec<&str> = Vec::new();
    for one in all {
        if !tags.contains(&tag(one.definition.name)) {
            tags.push(tag(one.definition.name));
        }
    }
    let links: String =
        tags.iter().map(|name| format!("<li><a href=\"#{name}\">{name}</a></li>\n")).collect();
    let mut sections = String::new();
    for name in &tags {
        sections.push_str(&format!("<section id=\"{name}\">\n<h2>{name}</h2>\n"));
        for one in all.iter().filter(|one| tag(one.definition.name) == *name) {
            sections.push_str(&operation(one));
        }
        sections.push_str("</section>\n");
    }
    format!(
        "<!doctype html>\n<html lang=\"en\" data-theme=\"system\">\n<head>\n\
         <meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Coffer's API</title>\n<link rel=\"icon\" href=\"/docs/icon.svg\">\n\
         <link rel=\"stylesheet\" href=\"{STYLE_PATH}\">\n</head>\n\
         <body>\n<header class=\"top\">\n<a class=\"brand\" href=\"/docs\">Coffer</a>\n\
         <span>Version {version}</span>\n<a class=\"menu\" href=\"#pages\">Contents</a>\n\
         </header>\n<div class=\"shell\">\n<main>\n<h1>Coffer's API</h1>\n<p>For programs: \
         <a href=\"/openapi.json\">openapi.json</a>. In words: <a href=\"/docs/wire\">the \
         wire</a>.</p>\n{sections}</main>\n\
         <nav class=\"side\" id=\"pages\" aria-label=\"Contents\">\n<ul>\n{links}</ul>\n\
         </nav>\n</div>\n</body>\n</html>\n",
        version = escape(crate::VERSION),
    )
}

fn operation(one: &Description) -> String {
    let definition = &one.definition;
    let origin = match definition.origin {
        Origin::Stripe => "Stripe's",
        Origin::Extension => "extension",
    };
    let rows: String = one.parameters.iter().map(row).collect();
    let expandable = match definition.expandable {
        [] => String::new(),
        names => format!("<p>Can be expanded: <code>{}</code></p>\n", names.join(", ")),
    };
    let table = match rows.as_str() {
        "" => "<p>No parameters.</p>\n".to_owned(),
        rows => format!(
            "<div class=\"window\" tabindex=\"0\"><table>\n<thead><tr>\
             <th scope=\"col\">parameter</th><th scope=\"col\">what</th>\
             <th scope=\"col\">required</th></tr></thead>\n\
             <tbody>\n{rows}</tbody>\n</table></div>\n"
        ),
    };
    format!(
        "<article>\n<h3><code>{method} {path}</code> <small>{name}, {origin}</small></h3>\n\
         <p>{needs}</p>\n{table}{expandable}</article>\n",
        method = definition.method.as_str(),
        path = escape(&template(definition.path)),
        name = definition.name,
        needs = with_code(&escape(&needs(definition.access))),
    )
}

fn row(parameter: &Parameter) -> String {
    let kinds: Vec<_> = parameter.expects.iter().map(kind).collect();
    let required = if parameter.required { "yes" } else { "" };
    format!(
        "<tr><td><code>{}</code></td><td>{}</td><td>{required}</td></tr>\n",
        escape(&parameter.name),
        escape(&kinds.join(", or "))
    )
}

fn kind(expects: &Expects) -> String {
    match expects {
        Expects::Text { most, secret } => {
            let what = if *secret { "secret text" } else { "text" };
            most.map_or(what.to_owned(), |most| format!("{what}, {most} characters at most"))
        }
        Expects::Integer { from, to, clearable } => {
            let range = match (*from, *to) {
                (i64::MIN, i64::MAX) => String::new(),
                (from, to) => format!(", {from} to {to}"),
            };
            let unset = if *clearable { "; empty unsets it" } else { "" };
            format!("whole number{range}{unset}")
        }
        Expects::Boolean => "true or false".to_owned(),
        Expects::Choice(words) => format!("one of {}", words.join(", ")),
        Expects::Object => "object".to_owned(),
        Expects::Texts => "list of texts".to_owned(),
        Expects::Metadata => "keys and values of the caller's".to_owned(),
        Expects::Currency => "code of a currency".to_owned(),
    }
}

/// The text with what stands between backticks as code.
fn with_code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(at, part)| match at % 2 {
        0 => part.to_owned(),
        _ => format!("<code>{part}</code>"),
    });
    parts.collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
