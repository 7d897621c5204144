//! `GET /v1/admin/secrets/expiring`: which secrets end soon, of all apps and accounts, for
//! operators. It says whose they are, and neither names nor payloads.

use crate::limits;
use crate::store::{self, Expiring};
use coffer_base::limit;
use coffer_dialect::{ApiError, Object, Value};
use coffer_kernel::{Access, Arguments, Ctx, Definition, Failure, ReadOperation};
use coffer_storage::Store;

/// The operation.
pub(crate) struct ListExpiring;

/// How many seconds ahead it looks, and how many secrets it shows.
pub(crate) struct Input {
    within: i64,
    most: usize,
}

const URL: &str = "/v1/admin/secrets/expiring";

impl ReadOperation for ListExpiring {
    const DEFINITION: Definition = Definition::get("admin.secrets.expiring", URL, Access::AUDITED);
    type Input = Input;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Input, ApiError> {
        let fields = arguments.params.only(&["limit", "within"])?;
        let within = fields.optional_integer_within("within", 1..=limits::LOOKED_AHEAD_SECONDS)?;
        let most = fields.optional_integer_within("limit", 1..=limit::PAGE_CEILING)?;
        Ok(Input {
            within: within.unwrap_or(limits::EXPIRING_SECONDS),
            most: usize::try_from(most.unwrap_or(limits::SHOWN_TO_OPERATORS)).unwrap_or(1),
        })
    }

    async fn run(&self, input: &Input, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let until = ctx.now().plus(input.within);
        let asked = input.most.saturating_add(1);
        let mut found = store::expiring(store, ctx.now(), until, asked).await?;
        let has_more = found.len() > input.most;
        found.truncate(input.most);
        ctx.audit_amount(found.len());
        Ok(Object::singleton("list")
            .set("data", Value::List(found.iter().map(object).collect()))
            .set("has_more", has_more)
            .set("url", URL))
    }
}

fn object(secret: &Expiring) -> Value {
    let Expiring { tenant, id, user, expires_at } = secret;
    Object::bare()
        .set("account", tenant.account.name().to_owned())
        .set("app", tenant.app.as_str().to_owned())
        .set("expires_at", *expires_at)
        .set("id", id.clone())
        .set("mode", tenant.mode.as_str())
        .set("user", user.clone())
        .into()
}
