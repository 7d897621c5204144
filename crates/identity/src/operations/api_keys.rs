//! `/v1/admin/api_keys`.

use super::Shared;
use crate::api_key::{Holder, NewKey};
use crate::objects::ApiKey;
use crate::store::Selection;
use crate::{store, wire};
use coffer_base::{AppId, Mode, Redacted, Timestamp, limit};
use coffer_dialect::{ApiError, Object, PageRequest};
use coffer_kernel::{
    Access, Applied, Arguments, Ctx, Definition, Failure, Method, PagePosition, Reach,
    ReadOperation, Routes, Shown, WriteOperation, storage_failure,
};
use coffer_storage::{Store, Tx};

const KIND: &str = "api_key";
const URL: &str = "/v1/admin/api_keys";
const ONE: &str = "/v1/admin/api_keys/:id";

pub(super) fn register(routes: &mut Routes, shared: &Shared) {
    routes.write(Create(shared.clone())).read(List).read(Retrieve).write(Revoke(shared.clone()));
}

const fn definition(name: &'static str, method: Method, path: &'static str) -> Definition {
    Definition { name, method, path, access: Access::Admin, expandable: &[], list: false }
}

/// Makes a key of an app, restricted if permissions are named, or an admin key.
struct Create(Shared);

struct Wanted {
    app: Option<(AppId, Mode, Option<Vec<String>>)>,
    name: String,
    expires_at: Option<Timestamp>,
}

/// A key that was made, and the token that its one answer shows.
struct Made {
    key: ApiKey,
    token: Redacted<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Admin,
    Secret,
    Restricted,
}

const TYPES: [(&str, Type); 3] =
    [("admin", Type::Admin), ("restricted", Type::Restricted), ("secret", Type::Secret)];

impl Create {
    fn permissions(&self, named: &[&str]) -> Result<Vec<String>, ApiError> {
        let mut permissions: Vec<String> = Vec::new();
        for (at, name) in named.iter().enumerate() {
            if !self.0.permissions.iter().any(|known| known == name) {
                let known = self.0.permissions.join(", ");
                let message = format!("Unknown permission '{name}'. There are: {known}.");
                return Err(ApiError::invalid_param(format!("permissions[{at}]"), message));
            }
            if !permissions.iter().any(|known| known == name) {
                permissions.push((*name).to_owned());
            }
        }
        Ok(permissions)
    }
}

impl WriteOperation for Create {
    const DEFINITION: Definition = definition("admin.api_keys.create", Method::Post, URL);
    type Input = Wanted;
    type Prepared = NewKey;
    type Out = Made;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Wanted, ApiError> {
        let fields =
            arguments.params.only(&["app", "expires_at", "mode", "name", "permissions", "type"])?;
        let name = wire::name(&fields)?;
        let expires_at = fields.clearable_integer("expires_at")?.map(Timestamp::from_unix);
        let named = fields.text_list("permissions")?;
        let kind = match fields.optional_choice("type", &TYPES)? {
            Some(kind) => kind,
            None if named.is_empty() => Type::Secret,
            None => Type::Restricted,
        };
        if named.is_empty() == (kind == Type::Restricted) {
            return Err(ApiError::invalid_param(
                "permissions",
                "A restricted key needs permissions, and only a restricted key has any.",
            ));
        }
        if kind == Type::Admin {
            if let Some(param) = ["app", "mode"].into_iter().find(|param| fields.has(param)) {
                let message = format!("An admin key belongs to no app: leave '{param}' out.");
                return Err(ApiError::invalid_param(param, message));
            }
            return Ok(Wanted { app: None, name, expires_at });
        }
        let app = wire::app_id(&fields, "app")?;
        let modes = Mode::ALL.map(|mode| (mode.as_str(), mode));
        let mode = fields.required_choice("mode", &modes)?;
        let restricted = kind == Type::Restricted;
        let permissions = restricted.then(|| self.permissions(&named)).transpose()?;
        Ok(Wanted { app: Some((app, mode, permissions)), name, expires_at })
    }

    fn reach(_input: &Wanted) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, wanted: &Wanted, ctx: &Ctx) -> Result<NewKey, ApiError> {
        if wanted.expires_at.is_some_and(|at| at <= ctx.now()) {
            let message = "The expiry must lie in the future, in Unix seconds.";
            return Err(ApiError::invalid_param("expires_at", message));
        }
        let holder = match wanted.app.clone() {
            None => Holder::Admin,
            Some((app, mode, permissions)) => Holder::App { app, mode, permissions },
        };
        let name = wanted.name.clone();
        Ok(NewKey::make(holder, name, wanted.expires_at, ctx.random(), ctx.now()))
    }

    async fn apply(
        &self,
        new: &NewKey,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Made>, Failure> {
        if let Some(app) = &new.key.app
            && store::find_app_in(tx, app.as_str()).await?.is_none()
        {
            return Err(ApiError::no_such("app", app.as_str(), "app").into());
        }
        let key = new.insert(tx).await?;
        let subject = key.id.clone();
        Ok(Applied { out: Made { key, token: new.token().clone() }, subject, fingerprint: None })
    }

    fn render(&self, made: &Made, _ctx: &Ctx) -> Object {
        wire::api_key(&made.key, Some(&made.token))
    }

    fn shown_once(&self, made: &Made) -> Shown {
        Shown::Once { id: made.key.id.clone() }
    }
}

struct Retrieve;

impl ReadOperation for Retrieve {
    const DEFINITION: Definition = definition("admin.api_keys.retrieve", Method::Get, ONE);
    type Input = String;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    fn reach(_input: &String) -> Reach {
        Reach::Backend
    }

    async fn run(&self, id: &String, _ctx: &Ctx, store: &Store) -> Result<Object, ApiError> {
        let found = store::find_key(store, id).await.map_err(|error| storage_failure(&error))?;
        let key = found.ok_or_else(|| ApiError::not_found(KIND, id, "id"))?;
        Ok(wire::api_key(&key, None))
    }
}

/// All keys, or those of one app. Revoked and expired ones are listed too.
struct List;

impl ReadOperation for List {
    const DEFINITION: Definition =
        Definition { list: true, ..definition("admin.api_keys.list", Method::Get, URL) };
    type Input = (String, PageRequest);

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError> {
        let [limit, after, before] = PageRequest::PARAMS;
        let fields = arguments.params.only(&["app", limit, after, before])?;
        Ok((wire::filter(&fields, "app")?, PageRequest::parse(&fields)?))
    }

    fn reach(_input: &Self::Input) -> Reach {
        Reach::Backend
    }

    async fn run(
        &self,
        (app, request): &Self::Input,
        _ctx: &Ctx,
        store: &Store,
    ) -> Result<Object, ApiError> {
        let failed = |error| storage_failure(&error);
        let seq = match &request.cursor {
            Some((_, id)) => store::find_key(store, id).await.map_err(failed)?.map(|key| key.seq),
            None => None,
        };
        let position = PagePosition::of(request, KIND, seq)?;
        let selection = Selection { position, app, account: "" };
        let rows = store::list_keys(store, &selection).await.map_err(failed)?;
        Ok(wire::page(rows, position, URL, |key| wire::api_key(key, None)))
    }
}

/// Revokes a key, and the ephemeral keys that it made, at once and for good.
struct Revoke(Shared);

impl WriteOperation for Revoke {
    const DEFINITION: Definition =
        definition("admin.api_keys.revoke", Method::Post, "/v1/admin/api_keys/:id/revoke");
    type Input = String;
    type Prepared = String;
    type Out = ApiKey;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    fn reach(_input: &String) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, id: &String, _ctx: &Ctx) -> Result<String, ApiError> {
        let longest = limit::ID_CHARACTERS;
        if id.len() > longest { Err(ApiError::not_found(KIND, id, "id")) } else { Ok(id.clone()) }
    }

    async fn apply(
        &self,
        id: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<ApiKey>, Failure> {
        store::revoke_key(tx, id, ctx.now()).await?;
        let Some(key) = store::find_key_in(tx, id).await? else {
            return Err(ApiError::not_found(KIND, id, "id").into());
        };
        Ok(Applied { out: key, subject: id.clone(), fingerprint: None })
    }

    fn render(&self, key: &ApiKey, _ctx: &Ctx) -> Object {
        wire::api_key(key, None)
    }

    async fn committed(&self, _key: &ApiKey, _ctx: &Ctx) -> Result<(), ApiError> {
        self.0.changed();
        Ok(())
    }
}
