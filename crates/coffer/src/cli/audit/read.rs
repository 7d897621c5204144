//! `coffer audit tail` and `coffer audit search`: clients of the admin API.

use crate::cli::args::{AuditFilters, AuditRead};
use crate::cli::client::{Client, Expected};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Output};
use crate::cli::table;
use crate::config::{ADMIN_KEY, Config};
use coffer_base::limit;
use serde_json::{Value, json};
use std::time::Duration;

const URL: &str = "/v1/admin/audit";

/// What a line shows of an entry.
const FIELDS: [&str; 8] =
    ["created", "actor", "operation", "account", "subject", "outcome", "reason", "request"];

/// How long to wait before looking for new entries again.
const PAUSE: Duration = Duration::from_secs(1);

/// Reads entries, and prints them.
struct Reader<'a> {
    client: Client,
    output: Output,
    filters: &'a AuditFilters,
}

/// In which order, and from which entry on.
#[derive(Clone, Copy)]
enum From<'a> {
    Newest,
    Behind(&'a str),
}

/// Runs a verb.
///
/// # Errors
/// If the server cannot be asked.
pub fn run(config: &Config, verb: &AuditRead, output: Output) -> Result<Exit, Failure> {
    let client = Client::new(config, &ADMIN_KEY)?;
    match verb {
        AuditRead::Tail { filters, lines, follow } => {
            Reader { client, output, filters }.tail(*lines, *follow)
        }
        AuditRead::Search { filters, limit } => {
            let reader = Reader { client, output, filters };
            let (entries, _) = reader.entries(From::Newest, size(*limit))?;
            reader.show(&entries)
        }
    }
}

fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl Reader<'_> {
    fn tail(&self, lines: u32, follow: bool) -> Result<Exit, Failure> {
        // Where to go on is known first, so that nothing which comes meanwhile is passed over.
        let mut last = if follow { self.newest()? } else { None };
        let (mut entries, _) = self.entries(From::Newest, size(lines))?;
        entries.reverse();
        if !follow {
            return self.show(&entries);
        }
        loop {
            self.print_lines(&entries)?;
            let shown = entries.last().and_then(|entry| entry.get("id")?.as_str());
            last = shown.map(str::to_owned).filter(|shown| is_behind(shown, &last)).or(last);
            wait(PAUSE);
            let from = last.as_deref().map_or(From::Newest, From::Behind);
            let (newer, next) = self.entries(from, usize::MAX)?;
            last = next.filter(|next| is_behind(next, &last)).or(last);
            entries = newer;
        }
    }

    /// The id of the newest entry of all.
    fn newest(&self) -> Result<Option<String>, Failure> {
        let params = [("order", "desc"), ("limit", "1")];
        let page = self.client.get(URL, &params, Expected::object("list"))?;
        let newest = page.get("data").and_then(|data| data.get(0)?.get("id")?.as_str());
        Ok(newest.map(str::to_owned))
    }

    /// At most `most` entries, and behind which one the server has looked last.
    fn entries(
        &self,
        from: From<'_>,
        most: usize,
    ) -> Result<(Vec<Value>, Option<String>), Failure> {
        let (mut entries, mut last) = (Vec::new(), None::<String>);
        let (order, begin) = match from {
            From::Newest => ("desc", None),
            From::Behind(id) => ("asc", Some(id)),
        };
        loop {
            let left = most.saturating_sub(entries.len());
            let cursor = last.as_deref().or(begin);
            let page = self.page(order, cursor, left)?;
            let data = page.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
            entries.extend(data);
            let next = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if next.is_none() || next == last || entries.len() >= most {
                return Ok((entries, last));
            }
            last = next;
        }
    }

    fn page(&self, order: &str, cursor: Option<&str>, most: usize) -> Result<Value, Failure> {
        let AuditFilters { account, app, key, operation, outcome, request, subject, .. } =
            self.filters;
        let ceiling = usize::try_from(limit::PAGE_CEILING).unwrap_or(usize::MAX);
        let most = most.min(ceiling).to_string();
        let time = |time: Option<i64>| time.map(|time| time.to_string());
        let (since, until) = (time(self.filters.since), time(self.filters.until));
        let params = [
            ("account", account.as_deref()),
            ("actor", key.as_deref()),
            ("app", app.as_deref()),
            ("created[gte]", since.as_deref()),
            ("created[lte]", until.as_deref()),
            ("limit", Some(&*most)),
            ("operation", operation.as_deref()),
            ("order", Some(order)),
            ("outcome", outcome.as_deref()),
            ("request", request.as_deref()),
            ("starting_after", cursor),
            ("subject", subject.as_deref()),
        ];
        let params = params.into_iter().filter_map(|(name, value)| Some((name, value?)));
        self.client.get(URL, &params.collect::<Vec<_>>(), Expected::object("list"))
    }

    fn show(&self, entries: &[Value]) -> Result<Exit, Failure> {
        let list = json!({ "object": "list", "data": entries });
        self.output.show(&list, |list| table::list(list, &FIELDS))?;
        Ok(Exit::Done)
    }

    /// A line for each entry: what follows is not known yet, so there is no table.
    fn print_lines(&self, entries: &[Value]) -> Result<(), Failure> {
        for entry in entries {
            if self.output.is_json() {
                output::print(&entry.to_string())?;
            } else {
                output::print(&entry_line(entry))?;
            }
        }
        Ok(())
    }
}

/// Whether an entry comes behind another.
fn is_behind(id: &str, other: &Option<String>) -> bool {
    let number = |id: &str| id.rsplit_once('_').and_then(|(_, number)| number.parse::<u64>().ok());
    number(id) > other.as_deref().and_then(number)
}

/// An entry as a line: the fields that it has.
fn entry_line(entry: &Value) -> String {
    let text = |field: &&'static str| match entry.get(*field) {
        None | Some(Value::Null) => None,
        Some(Value::Number(at)) => at.as_i64().map(table::time),
        Some(Value::String(text)) => Some(table::plain(text)),
        Some(other) => Some(other.to_string()),
    };
    FIELDS.iter().filter_map(text).collect::<Vec<_>>().join("  ")
}

#[allow(
    clippy::disallowed_methods,
    reason = "a command at the terminal has nothing else to do until it looks again"
)]
fn wait(pause: Duration) {
    std::thread::sleep(pause);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_follow_by_their_numbers() {
        let some = |id: &str| Some(id.to_owned());
        assert!(is_behind("aud_10", &some("aud_9")) && is_behind("aud_1", &None));
        assert!(!is_behind("aud_9", &some("aud_10")) && !is_behind("aud_9", &some("aud_9")));
    }

    #[test]
    fn a_line_has_what_an_entry_has() {
        let entry =
            json!({ "created": 0, "actor": null, "operation": "x\u{1b}", "outcome": "done" });
        assert_eq!(entry_line(&entry), "1970-01-01 00:00:00Z  x\u{fffd}  done");
    }
}
