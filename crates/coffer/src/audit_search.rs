//! `GET /v1/admin/audit/search`: entries of the audit by what is in them, the newest first.

use crate::limits;
use coffer_base::{AccountId, Mode, Timestamp, limit};
use coffer_dialect::{ApiError, Fields, Object, Value};
use coffer_kernel::explain::{Found, Search, StoredEntry, search};
use coffer_kernel::{Access, Arguments, Ctx, Definition, Failure, ReadOperation};
use coffer_storage::Store;

/// The operation.
pub struct SearchAudit;

/// What is looked for, and in which part of the log.
pub struct Query {
    search: Search,
    /// Only entries with higher numbers.
    after: u64,
    /// Only entries with lower numbers.
    before: u64,
    limit: usize,
}

const PARAMS: &[&str] = &[
    "account",
    "after",
    "app",
    "before",
    "key",
    "limit",
    "operation",
    "outcome",
    "request",
    "since",
    "subject",
    "until",
];

/// What an entry can say of its outcome.
const OUTCOMES: [(&str, &str); 4] =
    [("done", "done"), ("replayed", "replayed"), ("refused", "refused"), ("failed", "failed")];

impl ReadOperation for SearchAudit {
    const DEFINITION: Definition =
        Definition::get("admin.audit.search", "/v1/admin/audit/search", Access::AUDITED);
    type Input = Query;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Query, ApiError> {
        let fields = arguments.params.only(PARAMS)?;
        let text = |name| text(&fields, name);
        let search = Search {
            account: text("account")?,
            app: text("app")?,
            actor: text("key")?,
            operation: text("operation")?,
            outcome: fields.optional_choice("outcome", &OUTCOMES)?.unwrap_or_default().to_owned(),
            request: text("request")?,
            subject: text("subject")?,
            since: fields.optional_integer("since")?.map(Timestamp::from_unix),
            until: fields.optional_integer("until")?.map(Timestamp::from_unix),
            ..Search::default()
        };
        let number = |name| {
            let number = fields.optional_integer_within(name, 0..=i64::MAX)?;
            Ok::<_, ApiError>(number.and_then(|number| u64::try_from(number).ok()))
        };
        let most = fields.optional_integer_within("limit", 1..=limits::AUDIT_PAGE)?;
        let most = most.unwrap_or(limit::PAGE_CEILING);
        Ok(Query {
            search,
            after: number("after")?.unwrap_or(0),
            before: number("before")?.unwrap_or(u64::MAX),
            limit: usize::try_from(most).unwrap_or(1),
        })
    }

    async fn run(&self, query: &Query, _ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let Query { after, before, limit, .. } = *query;
        let found = search(store, &query.search, after, before, limit).await?;
        Ok(page(&found, after))
    }
}

fn text(fields: &Fields<'_>, name: &str) -> Result<String, ApiError> {
    let text = fields.optional_text(name, limit::ID_CHARACTERS)?;
    Ok(text.map(|text| text.expose().clone()).unwrap_or_default())
}

/// A page. `before` is where the next one begins, whether or not this one is full.
fn page(found: &Found, after: u64) -> Object {
    let has_more = found.looked_from > after.saturating_add(1);
    let before = has_more.then(|| i64::try_from(found.looked_from).unwrap_or(i64::MAX));
    Object::bare()
        .set("object", "list")
        .set("before", before)
        .set("data", Value::List(found.entries.iter().map(|entry| render(entry).into()).collect()))
        .set("has_more", has_more)
        .set("url", SearchAudit::DEFINITION.path)
}

/// An entry as the admin API shows it.
pub fn render(entry: &StoredEntry) -> Object {
    let text = |column| entry.text(column).map(str::to_owned);
    let hex = |column| {
        let bytes = entry.bytes(column)?;
        Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    let account = entry.text("account").and_then(|account| AccountId::parse_stored(account).ok());
    Object::bare()
        .set("id", entry.id)
        .set("object", "audit_entry")
        .set("account", account.map(|account| account.name().to_owned()))
        .set("actor", text("actor"))
        .set("actor_kind", text("actor_kind"))
        .set("amount", entry.int("amount"))
        .set("app", text("app"))
        .set("at", entry.at().unix())
        .set("bound_user", text("bound_user"))
        .set("detail", text("detail"))
        .set("fingerprint", hex("fingerprint"))
        .set("mode", entry.int("mode").and_then(Mode::from_code).map(Mode::as_str))
        .set("name", text("name"))
        .set("name_fingerprint", hex("name_fingerprint"))
        .set("operation", text("operation"))
        .set("outcome", text("outcome"))
        .set("peer", text("peer"))
        .set("reason", text("reason"))
        .set("request", text("request"))
        .set("scope", text("scope"))
        .set("server", text("server"))
        .set("status", entry.int("status"))
        .set("subject", text("subject"))
}
