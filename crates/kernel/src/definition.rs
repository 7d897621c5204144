//! What the rest of the program knows of an operation: its name, verb, path, who may call it, and a
//! request of it that succeeds.

use crate::principal::AdminRole;

/// The verbs of `/v1`. `HEAD` is answered as `GET`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, changes, and everything that is neither.
    Post,
    /// Removes the object that the path names.
    Delete,
}

impl Method {
    /// The verb as it is written in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// Who may call an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Keys of apps: full ones, and restricted ones that hold the permission. A permission
    /// that ends in `_write` includes the one that ends in `_read`.
    Tenant {
        /// The permission that a restricted key needs.
        permission: &'static str,
    },
    /// Keys of apps, whatever permissions they hold.
    App,
    /// Admin keys of operators.
    Admin,
    /// Admin keys of operators, and those with one of these roles.
    AdminOf(&'static [AdminRole]),
}

impl Access {
    /// What auditors read, as operators do.
    pub const AUDITED: Self = Self::AdminOf(&[AdminRole::Auditor]);

    /// Whether it is an operation of the admin API.
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::Admin | Self::AdminOf(_))
    }

    /// Whether admin keys with this role may call it.
    pub fn admits(self, role: AdminRole) -> bool {
        match self {
            Self::Admin => role == AdminRole::Operator,
            Self::AdminOf(more) => role == AdminRole::Operator || more.contains(&role),
            Self::Tenant { .. } | Self::App => false,
        }
    }
}

/// Whose operation it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Stripe has it at the same verb and path, for the same.
    Stripe,
    /// Coffer adds it.
    Extension,
}

impl Origin {
    /// The word for it in the description of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Extension => "extension",
        }
    }
}

/// The content type of nearly everything.
pub(crate) const JSON: &str = "application/json";

/// Everything that the rest of the program knows of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The one word for it, such as `apps.secrets.create`.
    pub name: &'static str,
    /// Its verb.
    pub method: Method,
    /// Its path; a segment that begins with `:` stands for any text.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Whether it is one of Stripe's.
    pub origin: Origin,
    /// The fields that its response's objects can expand.
    pub expandable: &'static [&'static str],
    /// Whether its response is a list, so that expansions begin with `data.`.
    pub list: bool,
    /// Whether it adds data, so that it is refused while the disk is nearly full. By default a POST
    /// does and a DELETE does not.
    pub grows: bool,
    /// Whether a part of it can go on behind its response, which is a 202 then.
    pub continues: bool,
    /// Whether it reads what an index finds at once, such as one object by its id. Other reads wait
    /// for their turn, and run on threads that serve no requests.
    pub look_up: bool,
    /// Whether all such operations of one owner begin with a lock on the same row. They wait for
    /// each other before they have anything that others need.
    pub one_at_a_time: bool,
    /// Headers that make it depend on what is there, of [`crate::conditions`]. Any other call that
    /// has one of them is refused, and not carried out as if it had none.
    pub conditions: &'static [&'static str],
    /// The codes of its refusals that are not kept under an idempotency key, since what they miss
    /// may come at any moment.
    pub transient: &'static [&'static str],
    /// The parameter that may be sent as the whole of the body, a JSON document, with the most
    /// bytes that its body may have. `None` for nearly all, which take forms alone.
    pub document: Option<JsonBody>,
    /// What its response is: JSON, but for what other programs read in a form of their own.
    pub content_type: &'static str,
    /// Whether the account that the request names need not have the app installed: the caller is
    /// then let in as the account that develops the app, and the operation decides what the name
    /// ([`Ctx::named_account`](crate::Ctx::named_account)) opens.
    pub any_account: bool,
    /// Whether it writes rows of other accounts than the caller's.
    pub many_accounts: bool,
    /// A request of it that succeeds.
    pub example: Example,
}

/// A JSON document that stands for one parameter of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JsonBody {
    /// The parameter, whose value is the document's text.
    pub name: &'static str,
    /// The most bytes of the body, whether it is the document or a form that has it in it.
    pub most: usize,
}

/// One request of an operation that succeeds, for tests that all operations go through and for
/// descriptions of the API.
///
/// Values may hold placeholders: `{now+30d}` is a Unix time thirty days ahead, `{n}` a number that
/// is used once; the name of an operation, such as `{reserve.holds.create}`, is the id of an object
/// that a fresh example of it made, and `{reserve.holds.create:amount}` a parameter of that
/// example. `{app}` is the caller's own app, and `{channel}` how that comes to the account that the
/// request is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Example {
    /// The parameters.
    pub params: &'static [(&'static str, &'static str)],
    /// A parameter by which another request differs from this one.
    pub other: Option<(&'static str, &'static str)>,
    /// The operation that makes the object that the path's open segment names.
    pub on: Option<&'static str>,
}

impl Example {
    /// A request without parameters.
    pub const EMPTY: Self = Self { params: &[], other: None, on: None };

    /// A request with these parameters.
    pub const fn of(params: &'static [(&'static str, &'static str)]) -> Self {
        Self { params, ..Self::EMPTY }
    }

    /// The same on an object that the operation `create` makes.
    pub const fn on(self, create: &'static str) -> Self {
        Self { on: Some(create), ..self }
    }

    /// The same, with a parameter by which another request differs.
    pub const fn or(self, name: &'static str, value: &'static str) -> Self {
        Self { other: Some((name, value)), ..self }
    }
}

impl Definition {
    /// `GET path`.
    pub const fn get(name: &'static str, path: &'static str, access: Access) -> Self {
        Self::new(name, Method::Get, path, access)
    }

    /// `POST path`.
    pub const fn post(name: &'static str, path: &'static str, access: Access) -> Self {
        Self::new(name, Method::Post, path, access)
    }

    /// `DELETE path`.
    pub const fn delete(name: &'static str, path: &'static str, access: Access) -> Self {
        Self::new(name, Method::Delete, path, access)
    }

    const fn new(name: &'static str, method: Method, path: &'static str, access: Access) -> Self {
        Self {
            name,
            method,
            path,
            access,
            origin: Origin::Extension,
            expandable: &[],
            list: false,
            grows: matches!(method, Method::Post),
            continues: false,
            look_up: false,
            one_at_a_time: false,
            conditions: &[],
            transient: &[],
            document: None,
            content_type: JSON,
            any_account: false,
            many_accounts: false,
            example: Example::EMPTY,
        }
    }

    /// `GET path` that lists a collection.
    pub const fn list(
        name: &'static str,
        path: &'static str,
        permission: &'static str,
        expandable: &'static [&'static str],
    ) -> Self {
        let definition = Self::get(name, path, Access::Tenant { permission });
        Self { list: true, ..definition.expands(expandable) }
    }

    /// `GET path/:id` that reads one object of a collection.
    pub const fn retrieve(
        name: &'static str,
        path: &'static str,
        permission: &'static str,
        expandable: &'static [&'static str],
    ) -> Self {
        let definition = Self::get(name, path, Access::Tenant { permission });
        Self { look_up: true, ..definition.expands(expandable) }
    }

    /// `POST path` that makes or changes something.
    pub const fn write(
        name: &'static str,
        path: &'static str,
        permission: &'static str,
        expandable: &'static [&'static str],
    ) -> Self {
        Self::post(name, path, Access::Tenant { permission }).expands(expandable)
    }

    /// The same, which begins with the lock that all such operations of its owner begin with.
    pub const fn one_at_a_time(self) -> Self {
        Self { one_at_a_time: true, ..self }
    }

    /// The same, which decides itself about the account that the request names, whether or not it
    /// has the app installed.
    pub const fn of_any_account(self) -> Self {
        Self { any_account: true, many_accounts: true, ..self }
    }

    /// The same, which writes rows of several accounts.
    pub const fn of_many_accounts(self) -> Self {
        Self { many_accounts: true, ..self }
    }

    /// The same, whose body may be a JSON document: `document`.
    pub const fn takes(self, document: JsonBody) -> Self {
        Self { document: Some(document), ..self }
    }

    /// The same, which Stripe has too.
    pub const fn of_stripe(self) -> Self {
        Self { origin: Origin::Stripe, ..self }
    }

    /// The same, answering a list.
    pub const fn as_list(self) -> Self {
        Self { list: true, ..self }
    }

    /// The same, whose answer can expand these fields.
    pub const fn expands(self, expandable: &'static [&'static str]) -> Self {
        Self { expandable, ..self }
    }

    /// The same, which may depend on what these headers say.
    pub const fn depends_on(self, conditions: &'static [&'static str]) -> Self {
        Self { conditions, ..self }
    }

    /// The same, whose refusals with these codes are not kept under an idempotency key: the same
    /// request is tried again, and not answered again.
    pub const fn retries(self, transient: &'static [&'static str]) -> Self {
        Self { transient, ..self }
    }

    /// The same, which takes data or a right away: it is carried out on a full disk too.
    pub const fn shrinks(self) -> Self {
        Self { grows: false, ..self }
    }

    /// The same, of which a part can go on behind its response.
    pub const fn continues(self) -> Self {
        Self { continues: true, ..self }
    }

    /// The same, with an example.
    pub const fn example(self, example: Example) -> Self {
        Self { example, ..self }
    }

    /// Whether the operation changes something, so that idempotency keys count.
    pub const fn writes(&self) -> bool {
        !matches!(self.method, Method::Get)
    }
}
