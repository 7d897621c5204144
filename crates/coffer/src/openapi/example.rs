//! An operation's example as OpenAPI has examples: nested where names have brackets, and numbers
//! where those are expected.

use coffer_dialect::probe::Expects;
use coffer_kernel::Description;
use serde_json::{Map, Value, json};

/// The parameters of an operation's example.
pub(super) fn of(one: &Description) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in &one.example {
        let keys: Vec<&str> = name.split('[').map(|key| key.trim_end_matches(']')).collect();
        put(&mut all, &keys, typed(one, name, value));
    }
    all.into_iter().map(|(name, value)| (name, listed(value))).collect()
}

/// The document that may stand for one parameter of the example.
pub(super) fn document(one: &Description) -> Option<Value> {
    let name = one.definition.document?.name;
    let (_, text) = one.example.iter().find(|(known, _)| known == name)?;
    serde_json::from_str(text).ok()
}

/// A value as what the operation expects.
fn typed(one: &Description, name: &str, value: &str) -> Value {
    let parameter = one.parameters.iter().find(|parameter| parameter.name == name);
    let expects = parameter.map_or(&[][..], |parameter| &parameter.expects);
    let has = |fits: fn(&Expects) -> bool| expects.iter().any(fits);
    let number = value.parse::<i64>().ok();
    match number.filter(|_| has(|one| matches!(one, Expects::Integer { .. }))) {
        Some(number) => json!(number),
        None if has(|one| matches!(one, Expects::Boolean)) => json!(value == "true"),
        None => json!(value),
    }
}

fn put(all: &mut Map<String, Value>, keys: &[&str], value: Value) {
    let Some((first, rest)) = keys.split_first() else { return };
    if rest.is_empty() {
        all.insert((*first).to_owned(), value);
        return;
    }
    let inner = all.entry((*first).to_owned()).or_insert_with(|| json!({}));
    if let Value::Object(inner) = inner {
        put(inner, rest, value);
    }
}

/// An object whose keys count from 0 is a list.
fn listed(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let counts =
        !fields.is_empty() && fields.keys().enumerate().all(|(at, key)| *key == at.to_string());
    let inner = fields.into_iter().map(|(key, value)| (key, listed(value)));
    match counts {
        true => Value::Array(inner.map(|(_, value)| value).collect()),
        false => Value::Object(inner.collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_objects_and_lists() {
        let mut all = Map::new();
        for (keys, value) in [
            (&["scope", "type"][..], "user"),
            (&["available", "0", "currency"], "usd"),
            (&["available", "1", "currency"], "eur"),
            (&["name"], "token"),
        ] {
            put(&mut all, keys, json!(value));
        }
        let expected = json!({
            "scope": {"type": "user"},
            "available": [{"currency": "usd"}, {"currency": "eur"}],
            "name": "token",
        });
        assert_eq!(listed(Value::Object(all)), expected);
    }
}
