//! Lists of the API: a page of one, and what a part of a name finds in one.

use crate::api::{Api, Field, Params, Refusal, rows};
use crate::limits;
use crate::visit::Visit;
use serde_json::{Value, json};

/// Rows that one request of a search reads: as many as the API gives.
const BATCH: &str = "100";

/// The page of a list that the visit's query names, narrowed by `params`.
///
/// # Errors
/// The API's refusal.
pub(crate) async fn page(
    visit: &Visit<'_>,
    api: Api<'_>,
    path: &str,
    params: Params<'_>,
) -> Result<Value, Refusal> {
    let rows = rows();
    let place = [
        ("limit", rows.as_str()),
        ("starting_after", visit.field("starting_after")),
        ("ending_before", visit.field("ending_before")),
    ];
    api.get(path, &[params, &place].concat()).await
}

/// The rows among the newest whose id or name has `part` in it, as a list, and whether all rows
/// were looked at.
///
/// # Errors
/// The API's refusal.
pub(crate) async fn search(api: Api<'_>, path: &str, part: &str) -> Result<(Value, bool), Refusal> {
    let part = part.to_lowercase();
    let is_found = |item: &Value| {
        ["id", "name", "account", "app", "redacted_key"]
            .into_iter()
            .any(|field| item.text(field).to_lowercase().contains(&part))
    };
    let (mut found, mut after, mut looked) = (Vec::new(), String::new(), 0);
    loop {
        let params = [("limit", BATCH), ("starting_after", after.as_str())];
        let list = api.get(path, &params).await?;
        let data = list.list("data");
        looked += data.len();
        found.extend(data.iter().filter(|item| is_found(item)).cloned());
        let last = data.last().map(|item| item.text("id").to_owned());
        let is_whole = !list.is("has_more");
        match last {
            Some(last) if !is_whole && looked < limits::ROWS_SEARCHED => after = last,
            _ => return Ok((json!({ "data": found, "has_more": false }), is_whole)),
        }
    }
}
