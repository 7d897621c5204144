//! `GET /v1/admin/audit`: the entries that are in the log, in its order. A range of numbers that
//! was read once is the same for ever, but for what is pruned.

use super::AuditLog;
use crate::limits;
use coffer_audit::{StoredEntry, entries_between, find_entry, head};
use coffer_dialect::{ApiError, CreatedRange, Direction, Fields, Object, PageRequest, list};
use coffer_kernel::{Access, Arguments, Ctx, Definition, Failure, ReadOperation, Routes};
use coffer_storage::{StorageError, Store};
use std::sync::Arc;

const URL: &str = "/v1/admin/audit";
const KIND: &str = "audit entry";

/// What an entry's id begins with; its number follows.
const PREFIX: &str = "aud_";

/// The columns by which a list can be narrowed, besides the account and the time.
const COLUMNS: [&str; 10] = [
    "actor",
    "app",
    "operation",
    "outcome",
    "peer",
    "reason",
    "request",
    "scope",
    "server",
    "subject",
];

pub(super) fn register(routes: &mut Routes, log: &Arc<AuditLog>) {
    routes.read(List(Arc::clone(log))).read(Retrieve(Arc::clone(log)));
}

/// The number in the id of an entry.
pub(crate) fn number(id: &str) -> Option<u64> {
    let digits = id.strip_prefix(PREFIX)?;
    let is_number = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// An entry as an object.
fn render(entry: &StoredEntry) -> Object {
    let hex = |column| {
        let bytes = entry.bytes(column)?.iter();
        Some(bytes.map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    let text = |column| entry.text(column).map(str::to_owned);
    let account = entry.text("account").unwrap_or_default();
    let (name, generation) = account.split_once('~').unwrap_or((account, ""));
    Object::new(&format!("{PREFIX}{}", entry.id), "audit_entry")
        .set("account", name.to_owned())
        .set("account_generation", generation.parse::<i64>().unwrap_or(0))
        .set("actor", text("actor"))
        .set("actor_type", text("actor_kind"))
        .set("amount", entry.int("amount"))
        .set("app", text("app"))
        .set("created", entry.at())
        .set("detail", text("detail"))
        .set("fingerprint", hex("fingerprint"))
        .set("livemode", entry.int("mode") == Some(coffer_base::Mode::Live.code()))
        .set("name", text("name"))
        .set("name_fingerprint", hex("name_fingerprint"))
        .set("number", entry.id)
        .set("operation", text("operation"))
        .set("outcome", text("outcome"))
        .set("peer", text("peer"))
        .set("reason", text("reason"))
        .set("request", text("request"))
        .set("scope", text("scope"))
        .set("server", text("server"))
        .set("status", entry.int("status"))
        .set("subject", text("subject"))
        .set("user", text("bound_user"))
}

/// What a list is narrowed to.
struct Filter {
    account: Option<String>,
    columns: Vec<(&'static str, String)>,
    created: CreatedRange,
}

impl Filter {
    fn parse(fields: &Fields<'_>) -> Result<Self, ApiError> {
        let mut columns = Vec::new();
        for column in COLUMNS {
            columns.extend(fields.id_filter(column)?.map(|value| (column, value)));
        }
        let (account, created) = (fields.id_filter("account")?, fields.created_range()?);
        Ok(Self { account, columns, created })
    }

    fn admits(&self, entry: &StoredEntry) -> bool {
        let of_account = self.account.as_ref().is_none_or(|account| {
            let of = entry.text("account").unwrap_or_default();
            of.split('~').next() == Some(account)
        });
        of_account
            && self.columns.iter().all(|(column, value)| entry.text(column) == Some(value))
            && (self.created.from..=self.created.to).contains(&entry.at())
    }
}

/// The order of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    OldestFirst,
    NewestFirst,
}

/// The parameters of a list.
struct ListInput {
    filter: Filter,
    page: PageRequest,
    order: Order,
    /// How many entries are looked at, at most.
    entries: u64,
}

impl ListInput {
    /// Whether it looks for what came behind an entry, as those do who follow the audit.
    fn goes_on(&self) -> bool {
        self.order == Order::OldestFirst && matches!(self.page.cursor, Some((Direction::After, _)))
    }
}

/// Whether an entry says that the caller has looked at the audit. Whoever follows it and finds
/// nothing but that leaves no further entry, or each look would be what the next one finds.
fn is_own_look(entry: &StoredEntry, ctx: &Ctx) -> bool {
    entry.text("operation") == Some(List::DEFINITION.name)
        && entry.text("actor") == Some(&*ctx.principal().key_id)
}

/// Lists entries: oldest first, unless `order` is `desc`.
struct List(Arc<AuditLog>);

impl ReadOperation for List {
    const DEFINITION: Definition =
        Definition::get("admin.audit.list", URL, Access::AUDITED).as_list();
    type Input = ListInput;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<ListInput, ApiError> {
        let own = ["account", "entries", "order"];
        let allowed = [&COLUMNS[..], &own, &CreatedRange::PARAMS, &PageRequest::PARAMS].concat();
        let fields = arguments.params.only(&allowed)?;
        let filter = Filter::parse(&fields)?;
        let orders = [("asc", Order::OldestFirst), ("desc", Order::NewestFirst)];
        let order = fields.optional_choice("order", &orders)?.unwrap_or(Order::OldestFirst);
        let most = i64::try_from(limits::AUDIT_ENTRIES_LOOKED_AT).unwrap_or(i64::MAX);
        let entries = fields.optional_integer_within("entries", 1..=most)?.unwrap_or(most);
        let entries = u64::try_from(entries).unwrap_or(limits::AUDIT_ENTRIES_LOOKED_AT);
        Ok(ListInput { filter, page: PageRequest::parse(&fields)?, order, entries })
    }

    async fn run(&self, input: &ListInput, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        self.0.catch_up().await?;
        let page = Page::read(store, input).await?;
        if input.goes_on() && page.entries.iter().all(|entry| is_own_look(entry, ctx)) {
            ctx.leave_unrecorded();
        }
        let objects = page.entries.iter().map(render).collect();
        // Where nothing was found among many entries, the next page begins behind them.
        Ok(list(objects, page.has_more, URL).set("next", page.next))
    }
}

/// A page of entries.
struct Page {
    entries: Vec<StoredEntry>,
    has_more: bool,
    /// The id with which to ask for what follows; `None` if nothing does.
    next: Option<String>,
}

/// Entries that are still to be looked at.
struct Rest {
    first: u64,
    last: u64,
    upwards: bool,
}

impl Rest {
    /// The next window, of so many numbers at most.
    fn window(&mut self, numbers: u64) -> Option<(u64, u64)> {
        if self.first > self.last {
            return None;
        }
        let reach = numbers.min(limits::AUDIT_WINDOW).saturating_sub(1);
        Some(if self.upwards {
            let window = (self.first, self.first.saturating_add(reach).min(self.last));
            self.first = window.1.saturating_add(1);
            window
        } else {
            let window = (self.last.saturating_sub(reach).max(self.first), self.last);
            self.last = window.0.saturating_sub(1);
            window
        })
    }
}

impl Page {
    async fn read(store: &Store, input: &ListInput) -> Result<Self, Failure> {
        let ListInput { filter, page, order, entries } = input;
        let head = head(store).await?;
        let (size, pruned) = head.map_or((0, 0), |head| (head.size, head.pruned));
        let is_before = matches!(page.cursor, Some((Direction::Before, _)));
        let mut rest = Rest {
            first: pruned.saturating_add(1),
            last: size,
            upwards: (*order == Order::OldestFirst) != is_before,
        };
        if let Some((direction, id)) = &page.cursor {
            let number = number(id);
            let number = number.ok_or_else(|| ApiError::no_such(KIND, id, direction.param()))?;
            if rest.upwards {
                rest.first = rest.first.max(number.saturating_add(1));
            } else {
                rest.last = rest.last.min(number.saturating_sub(1));
            }
        }
        let most = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let mut found = Self::look(store, filter, &mut rest, most, *entries).await?;
        if is_before {
            found.entries.reverse();
        }
        Ok(found)
    }

    /// Looks through windows of entries until there are enough, or enough were looked at.
    async fn look(
        store: &Store,
        filter: &Filter,
        rest: &mut Rest,
        most: usize,
        looked_at: u64,
    ) -> Result<Self, StorageError> {
        let (mut entries, mut last, mut looked) = (Vec::new(), None, 0u64);
        while looked < looked_at
            && let Some((from, to)) = rest.window(looked_at.saturating_sub(looked))
        {
            let rows = i64::try_from(limits::AUDIT_WINDOW).unwrap_or(i64::MAX);
            let mut window = entries_between(store, from, to, rows).await?;
            if !rest.upwards {
                window.reverse();
            }
            for entry in window {
                if entries.len() == most && filter.admits(&entry) {
                    return Ok(Self { entries, has_more: true, next: last });
                }
                if entries.len() < most {
                    last = Some(format!("{PREFIX}{}", entry.id));
                    entries.extend(Some(entry).filter(|entry| filter.admits(entry)));
                }
            }
            looked = looked.saturating_add(limits::AUDIT_WINDOW);
            if entries.len() < most {
                let end = if rest.upwards { to } else { from };
                last = Some(format!("{PREFIX}{end}"));
            }
        }
        let has_more = rest.first <= rest.last;
        Ok(Self { entries, has_more, next: last.filter(|_| has_more) })
    }
}

/// Reads one entry.
struct Retrieve(Arc<AuditLog>);

impl ReadOperation for Retrieve {
    const DEFINITION: Definition =
        Definition::get("admin.audit.retrieve", "/v1/admin/audit/:id", Access::AUDITED);
    type Input = String;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    async fn run(&self, id: &String, _ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        self.0.catch_up().await?;
        let found = match number(id) {
            Some(number) => find_entry(store, number).await?,
            None => None,
        };
        Ok(render(&found.ok_or_else(|| ApiError::not_found(KIND, id, "id"))?))
    }
}
