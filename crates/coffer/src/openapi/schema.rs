//! Parameters as JSON Schema: as a form's fields, and as a query's.

use super::example;
use coffer_dialect::probe::Expects;
use coffer_kernel::{Description, Parameter};
use serde_json::{Map, Value, json};

/// The body of an operation that takes a form.
pub(super) fn form_schema(one: &Description) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut encoding = Map::new();
    for (name, schema, is_required) in top_level(one) {
        if is_nested(&schema) {
            encoding.insert(name.clone(), json!({"style": "deepObject", "explode": true}));
        }
        if is_required {
            required.push(name.clone());
        }
        properties.insert(name, schema);
    }
    let mut schema = json!({
        "type": "object", "properties": properties, "additionalProperties": false,
    });
    if let (Value::Object(schema), false) = (&mut schema, required.is_empty()) {
        schema.insert("required".to_owned(), json!(required));
    }
    let mut content = json!({"application/x-www-form-urlencoded": {
        "schema": schema, "encoding": encoding, "example": example::of(one),
    }});
    if let (Some(_), Value::Object(kinds)) = (one.definition.document, &mut content) {
        // The document is one parameter's value; what may be in it stands in the wire's page.
        let mut document = Map::from_iter([("schema".to_owned(), json!({"type": "object"}))]);
        document.extend(example::document(one).map(|example| ("example".to_owned(), example)));
        kinds.insert("application/json".to_owned(), Value::Object(document));
    }
    json!({
        "required": one.parameters.iter().any(|parameter| parameter.required),
        "content": content,
    })
}

/// The parameters of an operation that takes a query.
pub(super) fn query_parameters(one: &Description) -> Vec<Value> {
    let mut examples = example::of(one);
    top_level(one)
        .into_iter()
        .map(|(name, schema, required)| {
            let mut parameter =
                json!({"name": name, "in": "query", "required": required, "schema": schema});
            let Value::Object(fields) = &mut parameter else { return parameter };
            if is_nested(&schema) {
                fields.insert("style".to_owned(), json!("deepObject"));
                fields.insert("explode".to_owned(), json!(true));
            }
            if let Some(example) = examples.remove(&name) {
                fields.insert("example".to_owned(), example);
            }
            parameter
        })
        .collect()
}

/// Whether a value is written with brackets.
fn is_nested(schema: &Value) -> bool {
    let has = |name: &str| schema.get("type").and_then(Value::as_str) == Some(name);
    let any = schema.get("anyOf").and_then(Value::as_array);
    has("object") || has("array") || any.is_some_and(|all| all.iter().any(is_nested))
}

/// The parameters that stand in no other one, each with its schema and whether it is required.
fn top_level(one: &Description) -> Vec<(String, Value, bool)> {
    let is_outer = |parameter: &&Parameter| !parameter.name.contains('[');
    let outer = one.parameters.iter().filter(is_outer);
    let mut all: Vec<_> = outer
        .map(|parameter| {
            (parameter.name.clone(), schema(parameter, &one.parameters), parameter.required)
        })
        .collect();
    if !one.definition.expandable.is_empty() {
        all.push(("expand".to_owned(), expand(one), false));
    }
    all
}

/// What can be expanded, as it is written.
fn expand(one: &Description) -> Value {
    let before = if one.definition.list { "data." } else { "" };
    let names = one.definition.expandable.iter().map(|name| format!("{before}{name}"));
    json!({"type": "array", "items": {"enum": names.collect::<Vec<_>>()}})
}

/// What a parameter can be, with what stands inside it.
fn schema(parameter: &Parameter, all: &[Parameter]) -> Value {
    let mut kinds: Vec<Value> =
        parameter.expects.iter().map(|one| of_kind(one, &parameter.name, all)).collect();
    match kinds.len() {
        0 => json!({"type": "string"}),
        1 => kinds.swap_remove(0),
        _ => json!({"anyOf": kinds}),
    }
}

fn of_kind(expects: &Expects, name: &str, all: &[Parameter]) -> Value {
    match expects {
        Expects::Text { most, secret } => text(*most, *secret),
        Expects::Integer { from, to, clearable } => integer(*from, *to, *clearable),
        Expects::Boolean => json!({"type": "boolean"}),
        Expects::Choice(words) => json!({"type": "string", "enum": words}),
        Expects::Object => object(name, all),
        Expects::Texts => json!({"type": "array", "items": text(None, false)}),
        Expects::Metadata => json!({
            "type": "object",
            "maxProperties": coffer_dialect::limits::METADATA_KEYS,
            "additionalProperties": {
                "type": "string",
                "maxLength": coffer_dialect::limits::METADATA_VALUE_CHARACTERS,
            },
        }),
        Expects::Currency => json!({"type": "string", "pattern": "^[A-Za-z]{3}$"}),
    }
}

fn text(most: Option<usize>, secret: bool) -> Value {
    let mut schema =
        Map::from_iter([("type".to_owned(), json!("string")), ("minLength".to_owned(), json!(1))]);
    if let Some(most) = most {
        schema.insert("maxLength".to_owned(), json!(most));
    }
    if secret {
        schema.insert("format".to_owned(), json!("password"));
    }
    Value::Object(schema)
}

fn integer(from: i64, to: i64, clearable: bool) -> Value {
    let mut schema = Map::from_iter([
        ("type".to_owned(), json!("integer")),
        ("format".to_owned(), json!("int64")),
    ]);
    if from != i64::MIN {
        schema.insert("minimum".to_owned(), json!(from));
    }
    if to != i64::MAX {
        schema.insert("maximum".to_owned(), json!(to));
    }
    let integer = Value::Object(schema);
    if clearable { json!({"anyOf": [integer, {"const": ""}]}) } else { integer }
}

/// An object with what stands directly inside it.
fn object(name: &str, all: &[Parameter]) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for inner in all {
        let Some(key) = inner.name.strip_prefix(name).and_then(|rest| rest.strip_prefix('['))
        else {
            continue;
        };
        let Some(key) = key.strip_suffix(']').filter(|key| !key.contains('[')) else { continue };
        properties.insert(key.to_owned(), schema(inner, all));
        if inner.required {
            required.push(key);
        }
    }
    let mut schema = json!({
        "type": "object", "properties": properties, "additionalProperties": false,
    });
    if let (Value::Object(schema), false) = (&mut schema, required.is_empty()) {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}
