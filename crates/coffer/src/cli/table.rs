//! Objects and lists of the API as text for people.

use super::output;
use coffer_base::Timestamp;
use coffer_base::civil::readable;
use comfy_table::{Table, presets};
use serde_json::Value;

/// Fields that hold Unix seconds.
const TIMES: [&str; 20] = [
    "at",
    "created",
    "expires",
    "expires_at",
    "last_read",
    "last_used",
    "predecessor_expires_at",
    "revoked_at",
    "started",
    "newest_key",
    "now",
    "proven",
    "done_at",
    "done_until",
    "finished",
    "master_key_created",
    "oldest_tenant_key",
    "sealed_since",
    "succeeded",
    "tried",
];

/// A list of the API as a table with these fields.
pub fn list(list: &Value, fields: &[&str]) -> String {
    let objects = list.get("data").and_then(Value::as_array).map(Vec::as_slice);
    let objects = objects.unwrap_or_default();
    if objects.is_empty() {
        return "none".to_owned();
    }
    let rows = objects.iter().map(|object| {
        let cells = fields.iter().map(|field| shorter(field, cell(field, object.get(field))));
        cells.collect::<Vec<_>>()
    });
    columns(fields, rows)
}

/// Cells of a list are short: times to the minute, and keys without a star for each letter.
fn shorter(field: &str, mut cell: String) -> String {
    if field != "at" && TIMES.contains(&field) && cell.ends_with('Z') {
        cell.truncate("2026-01-01 00:00".len());
    } else if field == "redacted_key" {
        let (start, end) = (cell.split('*').next(), cell.rsplit('*').next());
        return format!("{}…{}", start.unwrap_or_default(), end.unwrap_or_default());
    }
    cell
}

/// A table of rows under a head. An id that is broken in two cannot be copied, so a table that is
/// wider than the terminal has a line for each cell instead.
pub fn columns(fields: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    fitted(fields, &rows.collect::<Vec<_>>(), output::width())
}

fn fitted(fields: &[&str], rows: &[Vec<String>], width: Option<usize>) -> String {
    let head: Vec<String> =
        fields.iter().map(|field| field.replace('_', " ").to_uppercase()).collect();
    let table = beside(&head, rows);
    let is_wide = |width: usize| table.lines().any(|line| line.chars().count() > width);
    if width.is_some_and(is_wide) { below(&head, rows) } else { table }
}

/// A block for each row, with a line for each cell.
fn below(head: &[String], rows: &[Vec<String>]) -> String {
    let longest = head.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let block = |row: &Vec<String>| {
        let cells = head.iter().zip(row);
        let lines = cells.map(|(name, cell)| format!("{name:<longest$}  {cell}"));
        lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    };
    rows.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

fn beside(head: &[String], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(head);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// One object, a line for each field.
pub fn object(object: &Value) -> String {
    let mut lines = Vec::new();
    flatten("", object, &mut lines);
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let lines = lines.iter().map(|(name, value)| format!("{name:<width$}  {value}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn flatten(before: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        let path =
            if before.is_empty() { plain(name) } else { format!("{before}.{}", plain(name)) };
        match value {
            Value::Object(_) => flatten(&path, value, lines),
            _ => lines.push((path, cell(name, Some(value)))),
        }
    }
}

fn cell(field: &str, value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => plain(text),
        Some(Value::Number(number)) => match number.as_i64() {
            Some(seconds) if TIMES.contains(&field) => time(seconds),
            _ => number.to_string(),
        },
        Some(Value::Array(items)) => {
            let items = items.iter().map(|item| cell(field, Some(item)));
            items.collect::<Vec<_>>().join(", ")
        }
        Some(Value::Object(fields)) => {
            let fields = fields.values().map(|value| cell(field, Some(value)));
            fields.collect::<Vec<_>>().join(" ")
        }
        Some(other) => other.to_string(),
    }
}

/// Text without control characters, which could steer the terminal: others choose names.
pub fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// A time in UTC, to the second.
pub fn time(unix: i64) -> String {
    readable(Timestamp::from_unix(unix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_dates() {
        for name in TIMES {
            let shown = object(&json!({ name: 0, "schedule": { name: 0 } }));
            assert_eq!(shown.matches("1970-01-01 00:00:00Z").count(), 2, "{shown}");
        }
    }

    #[test]
    fn lists_are_narrow() {
        let key = json!({ "id": "key_1", "redacted_key": "sk_test_*****1234", "created": 0 });
        let shown = list(&json!({ "data": [key] }), &["id", "redacted_key", "created"]);
        let head = "ID     REDACTED KEY   CREATED";
        assert_eq!(shown, format!("{head}\nkey_1  sk_test_…1234  1970-01-01 00:00"));
    }

    #[test]
    fn what_is_wider_than_the_terminal_goes_below() {
        let rows = [vec!["appsecret_1".into(), "a".into()], vec!["appsecret_2".into(), "b".into()]];
        let fields = ["id", "last_read"];
        let table = fitted(&fields, &rows, None);
        assert_eq!(table.lines().count(), 3);
        let width = table.lines().map(str::len).max().unwrap();
        assert_eq!(fitted(&fields, &rows, Some(width)), table);
        let narrow = "ID         appsecret_1\nLAST READ  a\n\nID         appsecret_2\nLAST READ  b";
        assert_eq!(fitted(&fields, &rows, Some(width - 1)), narrow);
    }

    #[test]
    fn names_do_not_steer_the_terminal() {
        let shown = object(&json!({ "id": "a", "name": "\u{1b}[2Jx", "scope": { "type": "b" } }));
        assert_eq!(shown, "id          a\nname        \u{fffd}[2Jx\nscope.type  b");
    }
}
