//! Requests by which tests try all operations at once: each operation's own example, with the
//! objects that it needs. Nothing here knows a family: a new one is tried because it is served.

use crate::client::{Answer, Client, encode};
use crate::server::TestServer;
use coffer_base::{Clock, Timestamp};
use coffer_kernel::{Access, Definition, Example, Method};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many examples may need one another in a row.
const DEEPEST: usize = 8;

/// Operations whose responses are shown once and never replayed.
const SHOWN_ONCE: [&str; 3] =
    ["ephemeral_keys.create", "webhook_endpoints.create", "webhook_endpoints.roll_secret"];

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The operation's name.
    pub operation: &'static str,
    /// Its verb.
    pub method: &'static str,
    /// The path, ids filled in.
    pub path: String,
    /// The parameters.
    pub params: Vec<(&'static str, String)>,
    /// A parameter that another request would have, if a parameter can tell them apart; it takes
    /// the place of the one of that name.
    pub other: Option<(&'static str, String)>,
}

impl Request {
    /// Of an operation, to this path with these parameters.
    pub const fn new(
        definition: &Definition,
        path: String,
        params: Vec<(&'static str, String)>,
    ) -> Self {
        let (operation, method) = (definition.name, definition.method.as_str());
        Self { operation, method, path, params, other: None }
    }

    /// Sends it.
    pub fn send(&self, client: &Client) -> Answer {
        self.attempt(client)
            .unwrap_or_else(|error| panic!("{} {}: {error}", self.operation, self.path))
    }

    /// Sends it without minding whether the server is still there.
    ///
    /// # Errors
    /// Why no whole answer came.
    pub fn attempt(&self, client: &Client) -> Result<Answer, String> {
        let params: Vec<_> =
            self.params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match self.method {
            "POST" => client.attempt("POST", &self.path, Some(&encode(&params))),
            method if params.is_empty() => client.attempt(method, &self.path, None),
            method => client.attempt(method, &format!("{}?{}", self.path, encode(&params)), None),
        }
    }

    /// Sends it with another parameter, if it has one.
    pub fn send_other(&self, client: &Client) -> Option<Answer> {
        let other = self.other.as_ref()?;
        Some(self.with(other.0, &other.1).send(client))
    }

    /// The same with another value of a parameter.
    #[must_use]
    pub fn with(&self, name: &'static str, value: &str) -> Self {
        let mut same = self.clone();
        same.params.retain(|(of, _)| *of != name);
        same.params.push((name, value.to_owned()));
        same
    }
}

/// The operations of a server, and the requests that their examples make.
#[derive(Debug)]
pub struct Catalogue {
    definitions: Vec<Definition>,
    now: Timestamp,
    number: AtomicU64,
}

impl Catalogue {
    /// Of a server in this process.
    pub fn of(server: &TestServer) -> Self {
        let routes = server.server().installation().kernel.routes();
        Self::new(routes.all(), server.clock.now())
    }

    /// Of these operations, at this time.
    pub fn new<'d>(definitions: impl Iterator<Item = &'d Definition>, now: Timestamp) -> Self {
        Self { definitions: definitions.copied().collect(), now, number: AtomicU64::new(0) }
    }

    /// All operations.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// The changes that an app's backend can ask for again with the same idempotency key. Objects
    /// that they need are made with `client`.
    pub fn changes(&self, client: &Client) -> Vec<Request> {
        let definitions = self.definitions.iter();
        let changes = definitions.filter(|one| is_keyed_change(one));
        changes.map(|one| self.request(one, client)).collect()
    }

    /// A request of this operation that succeeds. Objects that it needs are made with `client`.
    pub fn request(&self, definition: &Definition, client: &Client) -> Request {
        self.request_at(definition, client, 0)
    }

    /// A request of this operation that names `id` wherever an object's id belongs.
    pub fn request_about(&self, definition: &Definition, id: &str) -> Request {
        self.fill(definition, &|reference| match reference.split_once(':') {
            Some((operation, param)) => self.parameter(operation, param),
            None if reference == "channel" => "public".to_owned(),
            None => id.to_owned(),
        })
    }

    /// The parameter of an example that names an object of another operation, and that operation.
    pub fn reference(&self, definition: &Definition) -> Option<(&'static str, &'static str)> {
        let mut params = definition.example.params.iter();
        params.find_map(|(name, value)| {
            let operation = value.strip_prefix('{')?.strip_suffix('}')?;
            self.find(operation).map(|made_by| (*name, made_by.name))
        })
    }

    /// The operation of this name.
    pub fn find(&self, name: &str) -> Option<&Definition> {
        self.definitions.iter().find(|one| one.name == name)
    }

    fn request_at(&self, definition: &Definition, client: &Client, depth: usize) -> Request {
        assert!(depth < DEEPEST, "{}: its example needs itself", definition.name);
        self.fill(definition, &|reference| match reference.split_once(':') {
            None if reference == "app" => client.app().to_owned(),
            None if reference == "channel" => client.install_channel().to_owned(),
            None => self.make(reference, client, depth).0,
            Some((operation, param)) => {
                let request = self.make(operation, client, depth).1;
                let value = request.params.into_iter().find(|(name, _)| *name == param);
                value.unwrap_or_else(|| panic!("{operation}: no parameter {param}")).1
            }
        })
    }

    /// The id of a fresh object that `operation` makes, and the request that made it.
    fn make(&self, operation: &str, client: &Client, depth: usize) -> (String, Request) {
        let definition = self.find(operation);
        let definition = definition.unwrap_or_else(|| panic!("no operation {operation}"));
        let request = self.request_at(definition, client, depth + 1);
        let answer = request.send(client);
        assert_eq!(answer.status, 200, "the example of {operation}, {request:?}: {}", answer.body);
        // Of a list it is the newest object.
        let id = match answer.json()["data"][0]["id"].as_str() {
            Some(newest) => newest.to_owned(),
            None => answer.text("id"),
        };
        (id, request)
    }

    /// The value that a parameter has in the example of `operation`.
    fn parameter(&self, operation: &str, param: &str) -> String {
        let example = self.find(operation).map(|one| one.example);
        let params = example.map_or(&[][..], |example| example.params);
        let value = params.iter().find(|(name, _)| *name == param);
        let value = value.unwrap_or_else(|| panic!("{operation}: no parameter {param}")).1;
        self.value(value, &|_| panic!("{operation}: {param} refers to an object"))
    }

    /// The example of an operation, in which `resolve` puts what stands for other objects.
    fn fill(&self, definition: &Definition, resolve: &dyn Fn(&str) -> String) -> Request {
        let Example { params, other, on } = definition.example;
        let value = |(name, value): &(&'static str, &str)| (*name, self.value(value, resolve));
        let mut path = definition.path.to_owned();
        if let (Some(create), true) = (on, path.contains(":id")) {
            path = path.replace(":id", &resolve(create));
        }
        Request {
            operation: definition.name,
            method: definition.method.as_str(),
            path,
            params: params.iter().map(value).collect(),
            other: other.as_ref().map(value),
        }
    }

    fn value(&self, text: &str, resolve: &dyn Fn(&str) -> String) -> String {
        let Some((before, rest)) = text.split_once('{') else { return text.to_owned() };
        let is_word =
            |text: &str| text.chars().all(|it| it.is_alphanumeric() || "_.:+".contains(it));
        // Any other brace is one of JSON.
        let Some((placeholder, after)) = rest.split_once('}').filter(|(word, _)| is_word(word))
        else {
            return format!("{before}{{{}", self.value(rest, resolve));
        };
        let days = placeholder.strip_prefix("now+").and_then(|rest| rest.strip_suffix('d'));
        let filled = match (placeholder, days) {
            // All of one length, so that none is a part of another.
            ("n", _) => format!("{:06}", self.number.fetch_add(1, Ordering::Relaxed)),
            (_, Some(days)) => {
                let days: i64 = days.parse().expect(text);
                self.now.plus(days * 86_400).unix().to_string()
            }
            (reference, None) => resolve(reference),
        };
        format!("{before}{filled}{}", self.value(after, resolve))
    }
}

fn is_keyed_change(definition: &Definition) -> bool {
    matches!(definition.access, Access::Tenant { .. })
        && definition.method == Method::Post
        && !SHOWN_ONCE.contains(&definition.name)
}
