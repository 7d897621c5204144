//! A unit like what a server was seen to write: each account is served twice, one request at a
//! time, and what the tables gained by each request tells which values stay, which count up, which
//! belong to the account, and which are new each time. No table or column is named here, so that
//! the loop writes what the server writes, whatever its tables are.
//!
//! What a server writes behind its requests, many at once, is not in it.

use super::store::{Cell, Change, Layout, OPERATION, Row, Table};
use super::{INSERT, Parts};
use crate::args::Result;
use std::collections::BTreeMap;

/// A number from here on that does not grow from row to row is a digest, not a count.
const DIGEST: u64 = 1 << 40;

/// Texts with so many values at most are names of kinds, of which the last will do.
const KINDS: usize = 4;

/// How many letters of a text are new: enough to be unique. The rest of a long one stays, so that
/// the loop does not spend its time on letters.
const LETTERS: usize = 32;

/// What was learned.
#[derive(Debug, PartialEq, Eq)]
pub struct Learned {
    /// The unit.
    pub text: String,
    /// How many rows a request adds to each table.
    pub added: Vec<(String, u64)>,
    /// The tables of which it changes rows.
    pub changed: Vec<String>,
    /// The operation that most of its rows name, if any do.
    pub operation: Option<String>,
}

impl Learned {
    /// What a request writes, in words.
    pub fn words(&self) -> String {
        let added = self.added.iter().map(|(table, rows)| format!("{rows} {table}"));
        let added: Vec<String> = added.collect();
        match self.changed.as_slice() {
            [] => format!("adds {}", added.join(", ")),
            changed => {
                format!("adds {}, and changes a row of {}", added.join(", "), changed.join(", "))
            }
        }
    }
}

/// Learns from `requests`, of which each account sent one, in the order of the accounts, and then
/// each another.
pub fn learn(layout: &Layout, requests: &[Vec<Change>]) -> Result<Learned> {
    let count = requests.len() / 2;
    let shapes: Vec<(usize, usize)> =
        (0..layout.tables.len()).map(|at| usual(requests, at)).collect();
    let has_usual = |request: &Vec<Change>| {
        // What is no part of the unit may be written by anybody.
        request
            .iter()
            .zip(&shapes)
            .all(|(change, shape)| *shape == (0, 0) || shape_of(change) == *shape)
    };
    let (first, second) = requests.split_at(count);
    let both = first.iter().zip(second).zip(0..);
    // Something else was written meanwhile where a request has not the usual shape.
    let accounts: Vec<(usize, &Vec<Change>, &Vec<Change>)> = both
        .filter(|((one, other), _)| has_usual(one) && has_usual(other))
        .map(|((one, other), at)| (at, one, other))
        .collect();
    if accounts.len() * 2 < count.max(1) {
        let differs = |at: &usize| {
            let Some(usual) = shapes.get(*at) else { return false };
            requests
                .iter()
                .filter_map(|request| request.get(*at))
                .any(|one| shape_of(one) != *usual)
        };
        let tables = layout.tables.iter().zip(0..).filter(|(_, at)| differs(at));
        let tables: Vec<&str> = tables.map(|(table, _)| table.name.as_str()).collect();
        return Err(format!(
            "only {} of {count} accounts wrote alike, others more or less of {}",
            accounts.len(),
            tables.join(", ")
        ));
    }
    let mut writer = Writer { count, accounts, columns: Vec::new(), fresh: 0 };
    let operation = operation_of(layout, requests);
    let mut learned =
        Learned { text: String::new(), added: Vec::new(), changed: Vec::new(), operation };
    let mut each = String::new();
    for (at, (table, (added, changed))) in layout.tables.iter().zip(&shapes).enumerate() {
        let place = |changed, number| Place { table: at, changed, number };
        for number in 0..*added {
            each.push_str(&writer.insert(table, &place(false, number)));
        }
        for number in 0..*changed {
            each.push_str(&writer.upsert(table, &place(true, number)));
        }
        if *added > 0 {
            learned.added.push((table.name.clone(), *added as u64));
        }
        if *changed > 0 {
            learned.changed.push(table.name.clone());
        }
    }
    if learned.added.is_empty() {
        return Err("no request added a row".to_owned());
    }
    let written = |name: &str| {
        learned.added.iter().any(|(table, _)| table == name)
            || learned.changed.iter().any(|table| table == name)
    };
    let (schema, accounts) = (layout.schema(written), writer.accounts());
    learned.text = super::text_of(Parts { schema: &schema, accounts: &accounts, each: &each });
    Ok(learned)
}

fn shape_of(change: &Change) -> (usize, usize) {
    (change.added.len(), change.changed.len())
}

/// How many rows most requests added to a table, and how many they changed.
fn usual(requests: &[Vec<Change>], table: usize) -> (usize, usize) {
    let mut seen: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for change in requests.iter().filter_map(|request| request.get(table)) {
        *seen.entry(shape_of(change)).or_default() += 1;
    }
    let most = seen.into_iter().max_by_key(|(_, times)| *times);
    most.map_or((0, 0), |(shape, _)| shape)
}

/// The operation that most of the rows name that requests added.
fn operation_of(layout: &Layout, requests: &[Vec<Change>]) -> Option<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for request in requests {
        for (table, change) in layout.tables.iter().zip(request) {
            let Some(at) = table.column(OPERATION) else { continue };
            for named in change.added.iter().filter_map(|row| text_in(row.get(at)?)) {
                *seen.entry(named).or_default() += 1;
            }
        }
    }
    seen.into_iter().max_by_key(|(_, times)| *times).map(|(named, _)| named.to_owned())
}

/// Which of the rows of a request.
struct Place {
    table: usize,
    changed: bool,
    number: usize,
}

impl Place {
    fn of<'r>(&self, request: &'r [Change]) -> Option<&'r Row> {
        let change = request.get(self.table)?;
        let rows = if self.changed { &change.changed } else { &change.added };
        rows.get(self.number)
    }
}

/// Writes the statements.
struct Writer<'a> {
    /// How many accounts there were, those included that are left out.
    count: usize,
    /// An account's number and its two requests.
    accounts: Vec<(usize, &'a Vec<Change>, &'a Vec<Change>)>,
    /// Values of the accounts, as the loop needs them.
    columns: Vec<Vec<Cell>>,
    /// Parameters with new values.
    fresh: usize,
}

/// The values of one column in the first requests of the accounts, and in the second ones.
struct Column<'a> {
    first: Vec<&'a Cell>,
    second: Vec<&'a Cell>,
}

impl<'a> Writer<'a> {
    /// A row that was added. Where nothing in its key is new each time, as in a row for each
    /// second, those of later requests take its place.
    fn insert(&mut self, table: &Table, place: &Place) -> String {
        let values = self.expressions(table, place);
        let mut key = table.key.iter().filter_map(|at| values.get(*at));
        if !table.key.is_empty() && key.all(|value| is_of_account(value)) {
            return overwriting(table, &values);
        }
        format!("{};\n", inserting(table, &values))
    }

    /// A row that is there in every store but the loop's is added when it is first changed.
    fn upsert(&mut self, table: &Table, place: &Place) -> String {
        let values = self.expressions(table, place);
        overwriting(table, &values)
    }

    fn expressions(&mut self, table: &Table, place: &Place) -> Vec<String> {
        let column = |at: usize| {
            let cell = |request: &'a Vec<Change>| place.of(request)?.get(at);
            let first = self.accounts.iter().filter_map(|(_, one, _)| cell(one)).collect();
            let second = self.accounts.iter().filter_map(|(_, _, other)| cell(other)).collect();
            (at, Column { first, second })
        };
        let columns: Vec<(usize, Column<'a>)> = (0..table.columns.len()).map(column).collect();
        let expression = |(at, column): (usize, Column<'a>)| {
            match !place.changed && table.alias == Some(at) && column.rises() {
                // SQLite chooses the next one.
                true => "NULL".to_owned(),
                false => self.expression(&column),
            }
        };
        columns.into_iter().map(expression).collect()
    }

    /// How the column's next value comes about.
    fn expression(&mut self, column: &Column<'_>) -> String {
        let Some(last) = column.second.last() else { return "NULL".to_owned() };
        if column.all().all(|cell| cell == *last) {
            return last.literal();
        }
        if let Some((start, step)) = self.counts(column) {
            return format!("{start} + {step} * :unit");
        }
        match column.step_of_accounts() {
            Some(0) => return self.of_account(column),
            Some(step) => return format!("{} + {step} * :turn", self.of_account(column)),
            None => {}
        }
        if column.first == column.second {
            return self.of_account(column);
        }
        match last {
            Cell::Null => last.literal(),
            Cell::Integer(_) if column.is_digest() => self.fresh("number"),
            Cell::Integer(_) => last.literal(),
            Cell::Blob(bytes) => self.fresh(&format!("bytes{}", bytes.len())),
            Cell::Text(text) => self.text(column, text),
        }
    }

    fn text(&mut self, column: &Column<'_>, last: &str) -> String {
        let mut texts: Vec<&str> = column.all().filter_map(text_in).collect();
        let same = texts.iter().map(|text| in_common(text, last)).min().unwrap_or(0);
        texts.sort_unstable();
        texts.dedup();
        let (begin, rest) = last.split_at_checked(same).unwrap_or(("", last));
        if texts.len() <= KINDS || rest.is_empty() {
            return Cell::Text(last.to_owned()).literal();
        }
        let (new, end) = rest.split_at_checked(LETTERS).unwrap_or((rest, ""));
        let fresh = self.fresh(&format!("text{}", new.len()));
        let constant = |text: &str| Cell::Text(text.to_owned()).literal();
        let mut parts = vec![fresh];
        if !begin.is_empty() {
            parts.insert(0, constant(begin));
        }
        if !end.is_empty() {
            parts.push(constant(end));
        }
        parts.join(" || ")
    }

    /// A parameter that is new each time.
    fn fresh(&mut self, kind: &str) -> String {
        self.fresh += 1;
        format!(":{kind}_{}", self.fresh)
    }

    /// The parameter that has the column's last value of each account.
    fn of_account(&mut self, column: &Column<'_>) -> String {
        let values: Vec<Cell> = column.second.iter().map(|cell| (*cell).clone()).collect();
        let at = self.columns.iter().position(|known| *known == values).unwrap_or_else(|| {
            self.columns.push(values);
            self.columns.len() - 1
        });
        format!(":account_{at}")
    }

    /// The last value and the step of a column that grows by the same with each request.
    fn counts(&self, column: &Column<'_>) -> Option<(i64, i64)> {
        let numbers = self.accounts.iter().map(|(number, ..)| *number as i64);
        let count = self.count as i64;
        let requests: Vec<i64> = numbers.clone().chain(numbers.map(|n| n + count)).collect();
        let values: Vec<i64> = column.all().map_while(integer_in).collect();
        let (from, to) = (*requests.first()?, *requests.last()?);
        let (begin, end) = (*values.first()?, *values.last()?);
        let step = end.checked_sub(begin)?.checked_div(to - from)?;
        let on_line = requests.iter().zip(&values).all(|(request, value)| {
            Some(*value) == step.checked_mul(request - from).and_then(|by| begin.checked_add(by))
        });
        (values.len() == requests.len() && step != 0 && on_line).then_some((end, step))
    }

    /// The table of the accounts.
    fn accounts(&self) -> String {
        if self.columns.is_empty() {
            return "CREATE TEMP TABLE bench_account AS SELECT 1 AS number;\n".to_owned();
        }
        let names: Vec<String> =
            (0..self.columns.len()).map(|at| format!("account_{at}")).collect();
        let row = |at: usize| {
            let cells = self.columns.iter().filter_map(|column| column.get(at));
            format!("({})", cells.map(Cell::literal).collect::<Vec<_>>().join(", "))
        };
        let rows: Vec<String> = (0..self.accounts.len()).map(row).collect();
        format!(
            "CREATE TEMP TABLE bench_account ({});\nINSERT INTO bench_account VALUES\n{};\n",
            names.join(", "),
            rows.join(",\n")
        )
    }
}

/// Whether an expression is the same for all requests of an account.
fn is_of_account(expression: &str) -> bool {
    let fresh = [":unit", ":turn", ":number", ":bytes", ":text"];
    expression != "NULL" && !fresh.iter().any(|parameter| expression.contains(parameter))
}

fn inserting(table: &Table, values: &[String]) -> String {
    let columns = table.columns.join(", ");
    format!("{INSERT}{} ({columns}) VALUES ({})", table.name, values.join(", "))
}

fn overwriting(table: &Table, values: &[String]) -> String {
    let others = table.columns.iter().zip(0..).filter(|(_, at)| !table.key.contains(at));
    let set: Vec<String> = others.map(|(name, _)| format!("{name} = excluded.{name}")).collect();
    let key = table.key.iter().filter_map(|at| table.columns.get(*at)).map(String::as_str);
    let key: Vec<&str> = key.collect();
    let insert = inserting(table, values);
    let then =
        if set.is_empty() { "NOTHING".into() } else { format!("UPDATE SET {}", set.join(", ")) };
    format!("{insert} ON CONFLICT ({}) DO {then};\n", key.join(", "))
}

impl<'a> Column<'a> {
    /// All values in the order of the requests.
    fn all(&self) -> impl Iterator<Item = &'a Cell> + use<'a, '_> {
        self.first.iter().chain(&self.second).copied()
    }

    /// By how much it grows with each account's request; `None` if it does not for all alike.
    fn step_of_accounts(&self) -> Option<i64> {
        let step =
            |(one, other): (&&Cell, &&Cell)| integer_in(other)?.checked_sub(integer_in(one)?);
        let mut steps = self.first.iter().zip(&self.second).map(step);
        let first = steps.next()??;
        steps.all(|step| step == Some(first)).then_some(first)
    }

    /// Whether each value is larger than the one before.
    fn rises(&self) -> bool {
        let values: Vec<&Cell> = self.all().collect();
        values.is_sorted_by(|one, other| one < other)
    }

    /// Whether its numbers are large and in no order.
    fn is_digest(&self) -> bool {
        let mut numbers = self.all().filter_map(integer_in);
        let ordered = self.all().is_sorted();
        !ordered && numbers.any(|number| number.unsigned_abs() >= DIGEST)
    }
}

fn integer_in(cell: &Cell) -> Option<i64> {
    if let Cell::Integer(number) = cell { Some(*number) } else { None }
}

fn text_in(cell: &Cell) -> Option<&str> {
    if let Cell::Text(text) = cell { Some(text) } else { None }
}

/// How many bytes two texts have in common at their beginnings, in whole characters.
fn in_common(one: &str, other: &str) -> usize {
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
    same.map(|(a, _)| a.len_utf8()).sum()
}

#[cfg(test)]
mod tests;
