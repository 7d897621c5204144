//! `coffer audit tail`, `coffer audit search` and `coffer explain`: clients of the admin API.

use super::args::{Audit, AuditFilters, Explain, ExplainArgs};
use super::client::{Client, Expected, object_path};
use super::exit::{Exit, Failure};
use super::output::{self, Output};
use super::table;
use crate::config::{ADMIN_KEY, Config};
use serde_json::{Value, json};
use std::time::Duration;

const SEARCH: &str = "/v1/admin/audit/search";
const REQUESTS: &str = "/v1/admin/requests";
const HISTORY: &str = "/v1/admin/secrets/history";

/// What a line shows of an entry.
const FIELDS: [&str; 8] =
    ["at", "actor", "operation", "account", "subject", "outcome", "reason", "request"];

/// How long to wait before looking for new entries again.
const PAUSE: Duration = Duration::from_secs(1);

/// Entries of one page.
const PAGE: usize = 1_000;

/// `coffer audit`.
pub fn run(config: &Config, verb: &Audit, output: Output) -> Result<Exit, Failure> {
    let reader = Reader { client: Client::new(config, &ADMIN_KEY)?, output };
    match verb {
        Audit::Tail { filters, lines, follow } => reader.tail(filters, *lines, *follow),
        Audit::Search { filters, limit } => {
            let limit = usize::try_from(*limit).unwrap_or(usize::MAX);
            let entries = reader.newest(filters, 0, limit)?;
            output.show(&json!({ "object": "list", "data": entries }), |list| {
                table::list(list, &FIELDS)
            })?;
            Ok(Exit::Done)
        }
    }
}

/// `coffer explain`.
pub fn explain(config: &Config, args: &ExplainArgs, output: Output) -> Result<Exit, Failure> {
    let client = Client::new(config, &ADMIN_KEY)?;
    if let Some(Explain::Secret { name, account, user }) = &args.other {
        let mut params = vec![("name", name.as_str()), ("account", account.as_str())];
        params.extend(user.as_deref().map(|user| ("user", user)));
        let history = client.get(HISTORY, &params, Expected::object("secret_history"))?;
        output.show(&history, history_table)?;
        return Ok(Exit::Done);
    }
    let id = args.request.as_deref().unwrap_or_default();
    let params: Vec<_> = args.name.as_deref().map(|name| ("name", name)).into_iter().collect();
    let request = client.get(&object_path(REQUESTS, id), &params, Expected::one("request", id))?;
    output.show(&request, |request| {
        table::plain(request.get("sentence").and_then(Value::as_str).unwrap_or_default())
    })?;
    Ok(Exit::Done)
}

/// The history of a secret: what there is, its changes, its readers.
fn history_table(history: &Value) -> String {
    let part = |name: &str, fields: &[&str]| {
        let list = json!({ "data": history.get(name).cloned().unwrap_or_default() });
        format!("{}:\n{}", name.to_uppercase(), table::list(&list, fields))
    };
    let last = history.get("last_read").and_then(Value::as_i64);
    let last = last.map_or_else(|| "never".to_owned(), table::time);
    let back = history.get("looked_back_to").and_then(Value::as_i64);
    let back =
        back.map(|back| format!("\n\nWhat was before {} was not looked at.", table::time(back)));
    [
        part("exists", &["id", "app", "mode", "created", "expires_at"]),
        part("changes", &["at", "operation", "outcome", "actor", "app", "mode", "request"]),
        part("readers", &["actor", "app", "mode", "reads", "last_read"]),
        format!("LAST READ: {last}{}", back.unwrap_or_default()),
    ]
    .join("\n\n")
}

/// Reads entries, and prints them.
struct Reader {
    client: Client,
    output: Output,
}

impl Reader {
    fn tail(&self, filters: &AuditFilters, lines: u32, follow: bool) -> Result<Exit, Failure> {
        let lines = usize::try_from(lines).unwrap_or(usize::MAX);
        let mut entries = self.newest(filters, 0, lines)?;
        entries.reverse();
        if !follow {
            let list = json!({ "object": "list", "data": entries });
            self.output.show(&list, |list| table::list(list, &FIELDS))?;
            return Ok(Exit::Done);
        }
        // Those that do not match are passed over once.
        let mut last = self.newest(&AuditFilters::none(), 0, 1)?.first().map_or(0, number);
        loop {
            last = entries.iter().map(number).max().unwrap_or(0).max(last);
            self.print_lines(&entries)?;
            wait(PAUSE);
            entries = self.newest(filters, last, usize::MAX)?;
            entries.reverse();
        }
    }

    /// The newest entries behind `after`, the newest first, `most` at most.
    fn newest(
        &self,
        filters: &AuditFilters,
        after: u64,
        most: usize,
    ) -> Result<Vec<Value>, Failure> {
        let (mut entries, mut before) = (Vec::new(), None);
        loop {
            let left = most.saturating_sub(entries.len()).min(PAGE);
            let page = self.page(filters, after, before, left)?;
            let data = page.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
            entries.extend(data);
            before = page.get("before").and_then(Value::as_u64);
            if before.is_none() || entries.len() >= most {
                return Ok(entries);
            }
        }
    }

    fn page(
        &self,
        filters: &AuditFilters,
        after: u64,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Value, Failure> {
        let number = |number: Option<i64>| number.map(|number| number.to_string());
        let (since, until) = (number(filters.since), number(filters.until));
        let (after, limit) = (after.to_string(), limit.to_string());
        let before = before.map(|before| before.to_string());
        let params = [
            ("account", filters.account.as_deref()),
            ("after", Some(&*after)),
            ("app", filters.app.as_deref()),
            ("before", before.as_deref()),
            ("key", filters.key.as_deref()),
            ("limit", Some(&*limit)),
            ("operation", filters.operation.as_deref()),
            ("outcome", filters.outcome.as_deref()),
            ("request", filters.request.as_deref()),
            ("since", since.as_deref()),
            ("subject", filters.subject.as_deref()),
            ("until", until.as_deref()),
        ];
        let params: Vec<_> =
            params.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        self.client.get(SEARCH, &params, Expected::object("list"))
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

/// An entry as a line: the fields that it has.
fn entry_line(entry: &Value) -> String {
    let text = |field: &&'static str| match entry.get(*field) {
        None | Some(Value::Null) => None,
        Some(Value::Number(at)) if *field == "at" => at.as_i64().map(table::time),
        Some(Value::String(text)) => Some(table::plain(text)),
        Some(other) => Some(other.to_string()),
    };
    FIELDS.iter().filter_map(text).collect::<Vec<_>>().join("  ")
}

fn number(entry: &Value) -> u64 {
    entry.get("id").and_then(Value::as_u64).unwrap_or(0)
}

impl AuditFilters {
    /// All entries.
    const fn none() -> Self {
        Self {
            account: None,
            app: None,
            key: None,
            operation: None,
            outcome: None,
            request: None,
            subject: None,
            since: None,
            until: None,
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a command at the terminal has nothing else to do until it looks again"
)]
fn wait(pause: Duration) {
    std::thread::sleep(pause);
}
