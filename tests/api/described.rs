//! The description of the API, which a server has of itself.

use coffer_kernel::{Definition, Origin};
use coffer_testkit::catalogue::Catalogue;
use coffer_testkit::{Answer, Client, TestServer};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Where it is kept what the examples were answered.
const ANSWERS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/coffer/src/openapi/answers.json");

/// Set, it has the test write that file instead of comparing it.
const WRITE: &str = "COFFER_WRITE_ANSWERS";

#[test]
fn every_parameter_is_described() {
    let server = TestServer::builder().developer().start();
    for one in server.server().installation().kernel.routes().described() {
        for parameter in &one.parameters {
            let name = one.definition.name;
            assert!(!parameter.expects.is_empty(), "{name}: nothing reads {}", parameter.name);
        }
    }
}

#[test]
fn documents_need_no_key_and_load_nothing() {
    let server = TestServer::start();
    let anyone = server.anonymous();
    let document = anyone.get("/openapi.json", &[]);
    assert_eq!(document.status, 200);
    let document = document.json();
    assert_eq!(document["openapi"], "3.1.0");
    let create = &document["paths"]["/v1/apps/secrets"]["post"];
    assert_eq!(create["x-coffer-origin"], "stripe");
    let form = &create["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
    assert_eq!(form["required"], json!(["name", "payload", "scope"]));
    assert_eq!(form["properties"]["payload"]["format"], "password");
    assert_eq!(form["properties"]["scope"]["required"], json!(["type"]));
    assert!(document["paths"]["/v1/test_helpers/reset"].is_null());
    assert!(document["components"]["parameters"]["Coffer-Simulate"].is_null(), "only developers'");
    assert_eq!(document["paths"]["/livez"]["get"]["security"], json!([]));
    assert!(document["paths"]["/readyz"]["get"]["responses"]["503"].is_object());
    let page = anyone.get("/docs/api", &[]);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
    assert!(!page.body.contains("<script") && !page.body.contains("://"), "{}", page.body);
    assert!(page.body.contains("POST /v1/apps/secrets</code>"), "{}", page.body);
    assert!(page.body.contains("href=\"/docs/book.css\""));
    anyone.post("/openapi.json", &[]).refused(401);
}

/// What a request can have that is no parameter, and what it can look like.
#[test]
fn headers_bodies_and_examples_are_described() {
    let server = TestServer::builder().developer().start();
    let document = server.anonymous().get("/openapi.json", &[]).json();
    let operation = |method: &str, path: &str| document["paths"][path][method].clone();
    let reads = |method: &str, path: &str, header: &str| {
        let reference = format!("#/components/parameters/{header}");
        let parameters = operation(method, path)["parameters"].clone();
        assert!(document["components"]["parameters"][header]["schema"].is_object(), "{header}");
        parameters.as_array().unwrap().iter().any(|one| one["$ref"] == *reference)
    };
    let (secrets, apps) = ("/v1/apps/secrets", "/v1/admin/apps");
    for header in ["Stripe-Version", "Stripe-Account", "Stripe-Context", "Idempotency-Key"] {
        assert!(reads("post", secrets, header), "{header}");
    }
    for header in ["Coffer-If-Version", "Coffer-Lease"] {
        assert!(reads("post", secrets, header), "{header}");
        assert!(!reads("get", secrets, header), "{header}");
    }
    assert!(reads("get", secrets, "Coffer-Simulate") && !reads("get", apps, "Stripe-Context"));
    for one in server.server().installation().kernel.routes().described() {
        let definition = one.definition;
        let path = definition.path.split('/').map(|segment| match segment.strip_prefix(':') {
            Some(open) => format!("{{{open}}}"),
            None => segment.to_owned(),
        });
        let path = path.collect::<Vec<_>>().join("/");
        let described = operation(&definition.method.as_str().to_lowercase(), &path);
        let content = &described["requestBody"]["content"];
        assert_eq!(
            content["application/json"].is_object(),
            definition.document.is_some(),
            "{}",
            definition.name
        );
        if let Some(form) = content["application/x-www-form-urlencoded"].as_object() {
            let example = form["example"].as_object().unwrap();
            let known = form["schema"]["properties"].as_object().unwrap();
            let strange = example.keys().find(|name| !known.contains_key(*name));
            assert_eq!(strange, None, "{}", definition.name);
        }
    }
    let import = operation("post", "/v1/ledger/transactions/import");
    let page = &import["requestBody"]["content"]["application/json"]["example"];
    assert_eq!(page["data"][0]["object"], "balance_transaction", "{page}");
    let find = operation("get", "/v1/apps/secrets/find");
    let scope = find["parameters"].as_array().unwrap().iter().find(|one| one["name"] == "scope");
    assert_eq!(scope.unwrap()["example"]["type"], "account");
    let codes = &document["components"]["schemas"]["error"]["properties"]["error"]["properties"];
    let codes = codes["code"]["enum"].as_array().unwrap();
    assert!(codes.contains(&json!("resource_missing")) && codes.contains(&json!("rate_limit")));
}

/// Each operation says itself whether it is Stripe's; `compared.py` holds that against Stripe's
/// description, where Reserves are missing.
#[test]
fn stripes_operations_are_told_from_extensions() {
    let server = TestServer::builder().developer().start();
    let catalogue = Catalogue::of(&server);
    for (name, origin) in [
        ("apps.secrets.find", Origin::Stripe),
        ("apps.secrets.lease", Origin::Extension),
        ("events.retrieve", Origin::Stripe),
        ("events.attempts", Origin::Extension),
        ("events.retry", Origin::Extension),
        ("webhook_endpoints.create", Origin::Stripe),
        ("webhook_endpoints.roll_secret", Origin::Extension),
        ("account.retrieve", Origin::Stripe),
        ("accounts.retrieve", Origin::Stripe),
        ("ephemeral_keys.create", Origin::Extension),
    ] {
        assert_eq!(catalogue.find(name).unwrap().origin, origin, "{name}");
    }
    for definition in catalogue.definitions() {
        let own = ["/v1/admin/", "/v1/ledger/", "/v1/test_helpers/", "/v1/apps/installs"];
        let expected = if definition.path.starts_with("/v1/reserve/") {
            Some(Origin::Stripe)
        } else if own.iter().any(|prefix| definition.path.starts_with(prefix)) {
            Some(Origin::Extension)
        } else {
            None
        };
        assert!(expected.is_none_or(|origin| origin == definition.origin), "{}", definition.name);
    }
}

#[test]
fn the_documents_need_no_key_and_load_nothing_from_elsewhere() {
    let server = TestServer::builder().beyond_loopback().start();
    let anyone = server.anonymous();
    for path in ["/docs", "/docs/start", "/docs/wire/reserves", "/docs/reference/settings"] {
        let page = anyone.get(path, &[]);
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
        let body = &page.body;
        assert!(!body.contains("<script") && !body.contains(" style="), "{path}");
        assert!(!body.contains("src=\"http"), "{path}");
        assert!(!body.contains("<link rel=\"stylesheet\" href=\"http"), "{path}");
    }
    assert_eq!(anyone.get("/docs/book.css", &[]).status, 200);
    let picture = anyone.get("/docs/images/concepts.svg", &[]);
    assert_eq!(picture.header("content-type"), Some("image/svg+xml"));
    let found = anyone.get("/docs/search", &[("q", "rotate all keys")]);
    assert!(found.body.contains("href=\"/docs/howto/rotate-keys#"), "{}", found.body);
    assert!(anyone.get("/docs", &[]).body.contains("/docs/start"));
    anyone.get("/docs/no-such-page", &[]).refused(401);
    anyone.get("/docsearch", &[]).refused(401);
    anyone.post("/docs/start", &[]).refused(401);
}

/// What an API beyond loopback does not serve, it does not describe either.
#[test]
fn a_listener_describes_what_it_serves() {
    let server = TestServer::builder().beyond_loopback().start();
    let document = server.anonymous().get("/openapi.json", &[]).json();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/v1/apps/secrets"));
    assert!(!paths.keys().any(|path| path.starts_with("/v1/admin")));
}

/// Answers are described as the examples are answered.
#[test]
fn answers_are_described_as_they_are() {
    let mut answers = Answers::default();
    let server = TestServer::builder().developer().start();
    let catalogue = Catalogue::of(&server);
    let app = server.anonymous().with_key("sk_test_suite").for_account("acct_suite");
    let installed = server.app();
    let admin = server.admin();
    // A rotation of all keys is of no account.
    let rotate = catalogue.find("admin.keyring.rotate").unwrap();
    answers.add(rotate, &admin.post(rotate.path, &[("keys", "all")]));
    let keyring = catalogue.find("admin.keyring.retrieve").unwrap();
    answers.add(keyring, &admin.get(keyring.path, &[]));
    of_an_account_that_is_new(&mut answers, &catalogue, &server.connected(&installed).1);
    let itself = server.anonymous().with_key("sk_test_suite");
    of_the_platform_itself(&mut answers, &catalogue, &itself);
    for definition in catalogue.definitions() {
        // What installs and uninstalls is of an app whose id is known, and an account of its own.
        let installs = definition.name.starts_with("apps.installs");
        let alone = installs.then(|| server.connected(&installed).1);
        let app = alone.as_ref().unwrap_or(&app);
        let client = if definition.access.is_admin() { &admin } else { app };
        // These leave nothing to ask, and old keys can be destroyed once the rotation has ended,
        // which is sooner or later.
        let left = ["admin.keyring.seal", "admin.keyring.destroy", "test_helpers.reset"];
        if left.contains(&definition.name) {
            continue;
        }
        let request = catalogue.request(definition, client);
        answers.add(definition, &request.send(client));
        if let [first, ..] = definition.expandable {
            let first = if definition.list { format!("data.{first}") } else { first.to_string() };
            let expanded = catalogue.request(definition, client).with("expand[0]", &first);
            answers.add(definition, &expanded.send(client));
        }
    }
    // What no example makes is found in its list.
    for definition in catalogue.definitions() {
        let listed = definition.path.strip_suffix("/:id").filter(|_| !definition.writes());
        let Some(listed) = listed.filter(|_| definition.example.on.is_none()) else { continue };
        let client = if definition.access.is_admin() { &admin } else { &app };
        let list = client.get(listed, &[]);
        if let Some(id) = list.json()["data"][0]["id"].as_str() {
            answers.add(definition, &client.get(&format!("{listed}/{id}"), &[]));
        }
    }
    let reset = catalogue.find("test_helpers.reset").unwrap();
    answers.add(reset, &app.post(reset.path, &[]));
    let text = format!("{:#}\n", answers.described());
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(ANSWERS, text).unwrap();
        return;
    }
    let known: Value = serde_json::from_str(&std::fs::read_to_string(ANSWERS).unwrap()).unwrap();
    for (name, status, answer) in &answers.seen {
        let operation = &known["operations"][name];
        // A part of it may have been done by the time of the answer, or not.
        let schema = operation.get(status).unwrap_or(&operation["200"]);
        if let Some(misfit) = misfit(answer, schema, &known["schemas"], name) {
            panic!("{misfit}; if that is meant, run this test with {WRITE}=1");
        }
    }
}

/// What reads like nothing yet: whoever generates a client learns that it may be null or missing.
fn of_an_account_that_is_new(answers: &mut Answers, catalogue: &Catalogue, account: &Client) {
    for name in ["balance.retrieve", "ledger.settings.retrieve"] {
        let definition = catalogue.find(name).unwrap();
        answers.add(definition, &account.get(definition.path, &[]));
    }
    let own = account.get("/v1/account", &[]).text("id");
    let retrieve = catalogue.find("accounts.retrieve").unwrap();
    answers.add(retrieve, &account.get(&format!("/v1/accounts/{own}"), &[]));
    let settings: &[_] = &[("intake", "facts")];
    for (name, params) in
        [("ledger.reconciliations.create", &[][..]), ("ledger.settings.update", settings)]
    {
        let definition = catalogue.find(name).unwrap();
        answers.add(definition, &account.post(definition.path, params));
    }
}

/// What a platform reads of its own account, which has no `metadata` (reserves §3: Connect callers
/// only).
fn of_the_platform_itself(answers: &mut Answers, catalogue: &Catalogue, itself: &Client) {
    let plan = [
        ("percent", "5"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "9"),
    ];
    let charge = [("id", "ch_itself"), ("amount", "9000"), ("currency", "usd")];
    for (name, params) in
        [("reserve.plans.create", &plan[..]), ("ledger.charges.create", &charge[..])]
    {
        let definition = catalogue.find(name).unwrap();
        answers.add(definition, &itself.post(definition.path, params));
    }
    let list = catalogue.find("reserve.holds.list").unwrap();
    let holds = itself.get(list.path, &[]);
    answers.add(list, &holds);
    let hold = holds.json()["data"][0]["id"].as_str().unwrap().to_owned();
    let release = catalogue.find("reserve.releases.create").unwrap();
    answers.add(release, &itself.post(release.path, &[("reserve_hold", hold.as_str())]));
}

/// What of an answer a schema does not describe; nothing if it fits.
fn misfit(value: &Value, schema: &Value, schemas: &Value, place: &str) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return misfit(value, &schemas[name], schemas, place);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let fits = any.iter().any(|one| misfit(value, one, schemas, place).is_none());
        return (!fits).then(|| format!("{place} is {value}, which is not described"));
    }
    if schema.is_null() {
        return Some(format!("{place} is not described"));
    }
    // What was only ever null can be anything.
    let expected = schema["type"].as_str()?;
    if expected != kind_of(value) {
        return Some(format!("{place} is {value}, and described as {expected}"));
    }
    let inside = |name: &str, value: &Value, schema: &Value| {
        misfit(value, schema, schemas, &format!("{place}.{name}"))
    };
    match value {
        Value::Array(items) => items.iter().find_map(|item| inside("[]", item, &schema["items"])),
        Value::Object(fields) => {
            let required = schema["required"].as_array().into_iter().flatten();
            let mut required = required.filter_map(Value::as_str);
            if let Some(missing) = required.find(|name| !fields.contains_key(*name)) {
                return Some(format!("{place} has no {missing}"));
            }
            fields.iter().find_map(|(name, value)| match schema.get("additionalProperties") {
                Some(of_one) => inside(name, value, of_one),
                None => inside(name, value, &schema["properties"][name]),
            })
        }
        _ => None,
    }
}

/// What JSON Schema calls a value.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What was answered, as schemas.
#[derive(Default)]
struct Answers {
    operations: BTreeMap<String, BTreeMap<String, Value>>,
    schemas: BTreeMap<String, Shape>,
    /// Each answer, with its operation and its status.
    seen: Vec<(String, String, Value)>,
}

/// What a value was seen to be.
#[derive(Clone, Default)]
struct Shape {
    kinds: Vec<&'static str>,
    /// How often it was an object.
    count: usize,
    /// Its fields, and how often each was there.
    fields: BTreeMap<String, (usize, Shape)>,
    items: Option<Box<Shape>>,
    /// Names of the objects that it was.
    objects: Vec<String>,
}

impl Answers {
    fn add(&mut self, definition: &Definition, answer: &Answer) {
        // What is no JSON is described as a text.
        if answer.status >= 300 || definition.content_type != "application/json" {
            return;
        }
        let mut shape = Shape::default();
        shape.see(&answer.json(), &mut self.schemas);
        let of = self.operations.entry(definition.name.to_owned()).or_default();
        of.insert(answer.status.to_string(), shape.schema());
        self.seen.push((definition.name.to_owned(), answer.status.to_string(), answer.json()));
    }

    fn described(&self) -> Value {
        let schemas: Map<_, _> =
            self.schemas.iter().map(|(name, shape)| (name.clone(), shape.schema())).collect();
        json!({"operations": self.operations, "schemas": schemas})
    }
}

/// The name under which an object is described.
fn name_of(object: &Map<String, Value>) -> Option<String> {
    let name = object.get("object")?.as_str().filter(|name| *name != "list")?;
    let is_deleted = object.get("deleted").is_some();
    Some(if is_deleted { format!("deleted_{name}") } else { name.to_owned() })
}

impl Shape {
    fn see(&mut self, value: &Value, schemas: &mut BTreeMap<String, Self>) {
        let kind = kind_of(value);
        if let Value::Object(object) = value
            && let Some(name) = name_of(object)
        {
            let mut shape = schemas.remove(&name).unwrap_or_default();
            shape.see_fields(object, schemas);
            // It may have been seen inside itself.
            schemas.insert(name.clone(), shape);
            if !self.objects.contains(&name) {
                self.objects.push(name);
            }
            return;
        }
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
            self.kinds.sort_unstable();
        }
        match value {
            Value::Array(items) => {
                let shape = self.items.get_or_insert_default();
                items.iter().for_each(|item| shape.see(item, schemas));
            }
            Value::Object(object) => self.see_fields(object, schemas),
            _ => {}
        }
    }

    fn see_fields(&mut self, object: &Map<String, Value>, schemas: &mut BTreeMap<String, Self>) {
        if !self.kinds.contains(&"object") {
            self.kinds.push("object");
        }
        self.count += 1;
        for (name, value) in object {
            let (count, shape) = self.fields.entry(name.clone()).or_default();
            *count += 1;
            shape.see(value, schemas);
        }
    }

    /// As JSON Schema. What was only ever null can be anything.
    fn schema(&self) -> Value {
        let mut kinds: Vec<Value> = self.kinds.iter().map(|kind| self.of_kind(kind)).collect();
        for name in &self.objects {
            kinds.push(json!({"$ref": format!("#/components/schemas/{name}")}));
        }
        match kinds.len() {
            0 => json!({}),
            1 if self.kinds == ["null"] => json!({}),
            1 => kinds.swap_remove(0),
            _ => json!({"anyOf": kinds}),
        }
    }

    fn of_kind(&self, kind: &str) -> Value {
        match kind {
            "array" => {
                let items = self.items.as_ref().map_or(json!({}), |items| items.schema());
                json!({"type": "array", "items": items})
            }
            // Keys with dots are no names of fields: it is a map.
            "object" if self.fields.keys().any(|name| name.contains('.')) => {
                let of_one = self.fields.values().next().map(|(_, shape)| shape.schema());
                let value = of_one.unwrap_or_default();
                json!({"type": "object", "additionalProperties": value})
            }
            "object" => {
                let properties: Map<_, _> = self
                    .fields
                    .iter()
                    .map(|(name, (_, shape))| (name.clone(), shape.schema()))
                    .collect();
                let always = self.fields.iter().filter(|(_, (count, _))| *count == self.count);
                let required: Vec<_> = always.map(|(name, _)| name).collect();
                json!({"type": "object", "properties": properties, "required": required})
            }
            kind => json!({"type": kind}),
        }
    }
}
