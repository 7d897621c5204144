//! Lists of the stand-in: what fits the filters, a page of it.

use super::answer::refused;
use super::http::{Answer, Request};
use serde_json::{Value, json};

/// An object of a list.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) created: i64,
    /// The automatic payout that carried it, which is no field.
    pub(super) payout: Option<String>,
    pub(super) object: Value,
}

impl Item {
    pub(super) fn of(object: Value) -> Self {
        let id = object["id"].as_str().unwrap_or_default().to_owned();
        let created = object["created"].as_i64().unwrap_or_default();
        Self { id, created, payout: None, object }
    }

    fn fits(&self, name: &str, value: &str) -> bool {
        let number = || value.parse::<i64>().unwrap_or_default();
        let is = |field: &str| {
            let of = &self.object[field];
            of == value || of["id"] == value
        };
        match name {
            "created" => self.created == number(),
            "created[gte]" => self.created >= number(),
            "created[gt]" => self.created > number(),
            "created[lte]" => self.created <= number(),
            "created[lt]" => self.created < number(),
            "payout" => self.payout.as_deref() == Some(value),
            "currency" | "type" | "source" | "charge" | "status" => is(name),
            _ => true,
        }
    }
}

/// Those that are there at a time, in their order.
pub(super) fn present(objects: &[Value], now: i64) -> Vec<Item> {
    let items = objects.iter().cloned().map(Item::of);
    items.filter(|item| item.created <= now).collect()
}

/// A page of what fits.
pub(super) fn page(path: &str, mut items: Vec<Item>, request: &Request) -> Answer {
    let of = |wanted: &str| {
        let found = request.params.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    let types: Vec<&str> = {
        let all = request.params.iter().filter(|(name, _)| name.starts_with("types["));
        all.map(|(_, value)| value.as_str()).collect()
    };
    items.retain(|item| {
        let is_type = item.object["type"].as_str().is_some_and(|kind| types.contains(&kind));
        (types.is_empty() || is_type)
            && request.params.iter().all(|(name, value)| item.fits(name, value))
    });
    let limit = of("limit").map_or(Some(10), |limit| limit.parse::<usize>().ok());
    let Some(limit) = limit.filter(|limit| (1..=100).contains(limit)) else {
        return refused(400, "Invalid integer: limit is 1 to 100.");
    };
    if let Some(after) = of("starting_after") {
        match items.iter().position(|item| item.id == after) {
            Some(at) => drop(items.drain(..=at)),
            None => return refused(400, &format!("No such object: '{after}'")),
        }
    }
    let mut is_from_the_end = false;
    if let Some(before) = of("ending_before") {
        match items.iter().position(|item| item.id == before) {
            Some(at) => items.truncate(at),
            None => return refused(400, &format!("No such object: '{before}'")),
        }
        is_from_the_end = true;
    }
    let has_more = items.len() > limit;
    if is_from_the_end && has_more {
        items.drain(..items.len() - limit);
    }
    items.truncate(limit);
    let data: Vec<Value> = items.into_iter().map(|item| item.object).collect();
    Answer(200, json!({ "object": "list", "url": path, "has_more": has_more, "data": data }))
}
