//! `GET /v1/admin/secrets/last_reads`: which key read each of some secrets last, for operators.
//! Like the list of unused ones it looks in the audit, once for all that are asked about, and names
//! no secret: the audit has the id of one that was found.

use super::is_read_of_scope;
use crate::explain::is_of_scope;
use crate::secret::Scope;
use crate::{limits, wire};
use coffer_base::{Tenant, Timestamp, limit};
use coffer_dialect::{ApiError, Object, Value};
use coffer_kernel::explain::{Search, StoredEntry, search};
use coffer_kernel::{Access, Arguments, Ctx, Definition, Example, Failure, ReadOperation};
use coffer_storage::Store;

/// The operation.
pub(super) struct LastReads;

/// What looks for one secret by its name.
const FIND: &str = "apps.secrets.find";

/// Which secrets of one scope, and how far back.
pub(super) struct Input {
    tenant: Tenant,
    scope: Scope,
    secrets: Vec<String>,
    looked_at: Option<u64>,
}

/// Who read something, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Read {
    at: Timestamp,
    actor: String,
}

impl ReadOperation for LastReads {
    const DEFINITION: Definition = Definition::get(
        "admin.secrets.last_reads",
        "/v1/admin/secrets/last_reads",
        Access::AUDITED,
    )
    .example(Example::of(&[
        ("app", "app_1"),
        ("account", "acct_1"),
        ("secrets[]", "appsecret_1"),
    ]));
    type Input = Input;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Input, ApiError> {
        let known = &["account", "app", "entries", "mode", "secrets", "user"];
        let fields = arguments.params.only(known)?;
        let tenant = wire::tenant(&fields)?;
        let user = fields.optional_plain("user", limit::SCOPE_USER_CHARACTERS)?;
        let secrets = fields.text_list("secrets")?;
        if secrets.is_empty() {
            return Err(ApiError::parameter_missing("secrets"));
        }
        if secrets.len() > limits::LAST_READS_AT_ONCE {
            let most = limits::LAST_READS_AT_ONCE;
            let message = format!("At most {most} secrets can be asked about at once.");
            return Err(ApiError::invalid_param("secrets", message));
        }
        Ok(Input {
            tenant,
            scope: user.map_or(Scope::Account, Scope::User),
            secrets: secrets.into_iter().map(str::to_owned).collect(),
            looked_at: wire::looked_at(&fields)?,
        })
    }

    async fn run(&self, input: &Input, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let tenant = &input.tenant;
        let asked = Search {
            account: tenant.account.as_str().to_owned(),
            app: tenant.app.as_str().to_owned(),
            operation: "apps.secrets.".to_owned(),
            outcome: "done".to_owned(),
            looked_at: input.looked_at,
            ..Search::default()
        };
        let found = search(store, &asked, 0, u64::MAX, limits::HISTORY_ENTRIES).await?;
        let of_scope = |entry: &&StoredEntry| {
            entry.int("mode") == Some(tenant.mode.code()) && is_of_scope(entry, &input.scope)
        };
        let reads = last_reads(found.entries.iter().filter(of_scope), &input.secrets);
        let data: Vec<Value> = input.secrets.iter().zip(reads).map(object).collect();
        ctx.audit_amount(data.len());
        Ok(Object::singleton("secrets_last_reads")
            .set("account", tenant.account.name().to_owned())
            .set("app", tenant.app.as_str().to_owned())
            .set("data", Value::List(data))
            .set("looked_back_to", found.looked_back_to.map(Timestamp::unix))
            .set("mode", tenant.mode.as_str())
            .set("user", input.scope.user().map(str::to_owned)))
    }
}

/// The newest read of each of `secrets` among the entries of their scope, which begin with the
/// newest. A list that shows payloads is a read of all secrets that the scope had then.
fn last_reads<'e>(
    entries: impl Iterator<Item = &'e StoredEntry>,
    secrets: &[String],
) -> Vec<Option<Read>> {
    let mut reads = vec![None; secrets.len()];
    for entry in entries {
        let found = entry.text("subject").filter(|_| entry.text("operation") == Some(FIND));
        let is_list = is_read_of_scope(entry);
        if found.is_none() && !is_list {
            continue;
        }
        let actor = entry.text("actor").unwrap_or_default().to_owned();
        let read = Read { at: entry.at(), actor };
        let unread = secrets.iter().zip(&mut reads).filter(|(_, known)| known.is_none());
        let of_it = unread.filter(|(id, _)| is_list || found == Some(id.as_str()));
        of_it.for_each(|(_, known)| *known = Some(read.clone()));
        if reads.iter().all(Option::is_some) {
            break;
        }
    }
    reads
}

fn object((id, read): (&String, Option<Read>)) -> Value {
    let (actor, at) = match read {
        Some(Read { actor, at }) => (Some(actor), Some(at)),
        None => (None, None),
    };
    Object::bare().set("actor", actor).set("id", id.clone()).set("last_read", at).into()
}
