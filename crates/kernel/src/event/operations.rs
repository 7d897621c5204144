//! Reading events back (conventions §12).

use super::store::{self, Stored};
use crate::collection::Collection;
use crate::context::Ctx;
use crate::operation::Definition;
use crate::page::PagePosition;
use coffer_base::{Timestamp, limit};
use coffer_dialect::{ApiError, CreatedRange, Fields, Object, Value};
use coffer_storage::{StorageError, Store};

/// The permission that restricted keys need.
const EVENT_READ: &str = "event_read";

/// What a list is asked for.
pub(crate) struct Filter {
    /// A type in which `*` stands for any text; `None` for all.
    pub(crate) pattern: Option<String>,
    /// Types, one of which it must be; empty for all.
    pub(crate) types: Vec<String>,
    /// When it happened.
    pub(crate) created: CreatedRange,
}

impl Filter {
    fn parse(fields: &Fields<'_>) -> Result<Self, ApiError> {
        let pattern = fields.optional_plain("type", limit::EVENT_TYPE_CHARACTERS)?;
        let types = fields.text_list("types")?;
        if pattern.is_some() && !types.is_empty() {
            return Err(ApiError::invalid_param(
                "types",
                "'type' and 'types' are mutually exclusive: send one of them.",
            ));
        }
        if types.len() > limit::EVENT_TYPES {
            let most = limit::EVENT_TYPES;
            let message = format!("{} types were sent; at most {most} are allowed.", types.len());
            return Err(ApiError::invalid_param("types", message));
        }
        check_letters(pattern.as_deref().unwrap_or_default(), "type", true)?;
        for (index, one) in types.iter().enumerate() {
            check_letters(one, &format!("types[{index}]"), false)?;
        }
        let types = types.into_iter().map(str::to_owned).collect();
        Ok(Self { pattern, types, created: fields.created_range()? })
    }

    /// The pattern as the database understands it.
    pub(crate) fn like(&self) -> String {
        let Some(pattern) = &self.pattern else { return "%".to_owned() };
        pattern.replace('_', "\\_").replace('*', "%")
    }
}

fn check_letters(text: &str, path: &str, wild: bool) -> Result<(), ApiError> {
    let plain = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '.' | '_')
    };
    if text.chars().all(|letter| plain(letter) || (wild && letter == '*')) {
        return Ok(());
    }
    let star = if wild { ", and * stands for any number of them" } else { "" };
    Err(ApiError::invalid_param(
        path,
        format!(
            "Invalid {path}: a type is made of lower-case letters, digits, dots and \
             underscores{star}."
        ),
    ))
}

/// `GET /v1/events` and `GET /v1/events/:id`.
#[derive(Clone, Copy)]
pub(super) struct Events;

/// What a list of events is asked for.
pub(super) struct Asked {
    filter: Filter,
    /// Nothing is delivered yet, so nothing failed: `false` asks for none, `true` for all.
    undelivered_only: bool,
}

impl Collection for Events {
    const KIND: &'static str = "event";
    const LIST: Definition = Definition::list("events.list", "/v1/events", EVENT_READ, &[]);
    const RETRIEVE: Definition =
        Definition::retrieve("events.retrieve", "/v1/events/:id", EVENT_READ, &[]);
    const FILTERS: &'static [&'static str] = &[
        "type",
        "types",
        "delivery_success",
        "created",
        "created[gt]",
        "created[gte]",
        "created[lt]",
        "created[lte]",
    ];
    type Filter = Asked;
    type Item = Stored;

    fn filter(&self, fields: &Fields<'_>) -> Result<Asked, ApiError> {
        Ok(Asked {
            filter: Filter::parse(fields)?,
            undelivered_only: fields.optional_bool("delivery_success")? == Some(false),
        })
    }

    async fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> Result<Option<Stored>, StorageError> {
        store::find(store, &ctx.owner(), id, since(ctx)).await
    }

    fn seq(event: &Stored) -> i64 {
        event.seq
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        asked: &Asked,
    ) -> Result<Vec<Stored>, StorageError> {
        if asked.undelivered_only {
            return Ok(Vec::new());
        }
        store::page(store, &ctx.owner(), position, &asked.filter, since(ctx)).await
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        events: Vec<Stored>,
    ) -> Result<Vec<Object>, StorageError> {
        Ok(events.into_iter().map(|event| render(event, ctx)).collect())
    }
}

/// The oldest event that is still shown, whether or not older ones are pruned yet.
fn since(ctx: &Ctx) -> Timestamp {
    ctx.now().plus(-limit::EVENT_SECONDS)
}

/// The object on the wire. Only what may change after it was written is not taken from the row:
/// how many deliveries are pending.
fn render(event: Stored, ctx: &Ctx) -> Object {
    let owner = ctx.owner();
    let request =
        Object::bare().set("id", event.request).set("idempotency_key", event.idempotency_key);
    let object = Object::new(&event.id, Events::KIND)
        .set("api_version", event.api_version)
        .set("created", event.created)
        .set("data", Value::Rendered(event.data))
        .set("livemode", owner.mode.is_live())
        .set("pending_webhooks", 0)
        .set("request", request)
        .set("type", event.kind);
    if owner.account == owner.platform {
        return object;
    }
    object.set("account", owner.account.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_dialect::Params;

    fn filter(query: &str) -> Result<Filter, ApiError> {
        let params = Params::decode(Some(query), b"").unwrap();
        let known = [["type", "types"].as_slice(), &CreatedRange::PARAMS].concat();
        Filter::parse(&params.only(&known)?)
    }

    #[test]
    fn a_star_stands_for_any_text_and_an_underscore_for_itself() {
        assert_eq!(filter("").unwrap().like(), "%");
        assert_eq!(filter("type=reserve.*").unwrap().like(), "reserve.%");
        assert_eq!(filter("type=*.a_b.created").unwrap().like(), "%.a\\_b.created");
    }

    #[test]
    fn what_is_no_type_is_refused_by_its_path() {
        let many: Vec<_> = (0..21).map(|n| format!("types[]=t.n{n}")).collect();
        for (query, param) in [
            ("type=Reserve.*", "type"),
            ("type=reserve.%25", "type"),
            ("type=", "type"),
            ("types[]=reserve.*", "types[0]"),
            ("types[]=a.b&types[]=a%5Cb", "types[1]"),
            ("type=a.b&types[]=a.b", "types"),
            (&many.join("&"), "types"),
        ] {
            let Err(error) = filter(query) else { panic!("{query} was taken") };
            assert_eq!((error.status(), error.param()), (400, Some(param)), "{query}");
        }
        assert_eq!(filter(&many[1..].join("&")).unwrap().types.len(), 20);
    }
}
