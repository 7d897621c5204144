//! Objects and lists of the API as text for people.

use comfy_table::{Table, presets};
use serde_json::Value;

/// Fields that hold Unix seconds.
const TIMES: [&str; 12] = [
    "created",
    "expires",
    "expires_at",
    "last_used",
    "predecessor_expires_at",
    "revoked_at",
    "started",
    "newest_key",
    "now",
    "proven",
    "done_at",
    "done_until",
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
    if TIMES.contains(&field) && cell.ends_with('Z') {
        cell.truncate("2026-01-01 00:00".len());
    } else if field == "redacted_key" {
        let (start, end) = (cell.split('*').next(), cell.rsplit('*').next());
        return format!("{}…{}", start.unwrap_or_default(), end.unwrap_or_default());
    }
    cell
}

/// A table of rows under a head. Lines are as long as they must be: an id that is broken in two
/// cannot be copied.
pub fn columns(fields: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(fields.iter().map(|field| field.replace('_', " ").to_uppercase()));
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
    let (day, second) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    let (year, month, day) = date(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// The Gregorian date of a day counted from 1970-01-01. Years are counted from March here, so
/// that the leap day is a year's last and every month begins at a fixed day of its year.
fn date(day: i64) -> (i64, i64, i64) {
    const FROM_YEAR_0: i64 = 719_468;
    const IN_400_YEARS: i64 = 146_097;
    let day = day.saturating_add(FROM_YEAR_0);
    let (cycle, day) = (day.div_euclid(IN_400_YEARS), day.rem_euclid(IN_400_YEARS));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let first = (153 * month + 2) / 5;
    let is_next_year = i64::from(month >= 10);
    (400 * cycle + year + is_next_year, month + 3 - 12 * is_next_year, day - first + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_dates() {
        assert_eq!(time(0), "1970-01-01 00:00:00Z");
        assert_eq!(time(951_782_400), "2000-02-29 00:00:00Z");
        assert_eq!(time(1_767_225_599), "2025-12-31 23:59:59Z");
        assert_eq!(time(4_107_542_400), "2100-03-01 00:00:00Z");
        assert_eq!(time(-1), "1969-12-31 23:59:59Z");
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
    fn names_do_not_steer_the_terminal() {
        let shown = object(&json!({ "id": "a", "name": "\u{1b}[2Jx", "scope": { "type": "b" } }));
        assert_eq!(shown, "id          a\nname        \u{fffd}[2Jx\nscope.type  b");
    }
}
