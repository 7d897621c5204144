//! What Coffer asks its database, as the database's log has it, and the same as scripts for
//! pgbench: so that the baseline cannot drift from what Coffer really sends.

use crate::args::Result;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Longer texts in which two sets differ are what they seal: any bytes will do, and the baseline
/// sends those of the first. Shorter ones are names, ids and digests, and must be new.
const DIGEST_CHARACTERS: usize = 64;

/// Where a set's next round trip to the database begins, since it needs to know what the one before
/// found: pgbench can send the statements of a round trip together, as Coffer does.
const ROUND_TRIPS: [&str; 2] = ["SAVEPOINT ", "INSERT INTO secret "];

/// How a statement begins that locks one of a few rows, by a number.
const LOCKS: [&str; 1] = ["INSERT INTO scope_lock "];

/// Numbers of this size and above are no times.
const LARGE: u64 = 1 << 40;

/// How far apart the numbers of a range are at most.
const RANGE: i64 = 1 << 16;

/// What stands before a statement's parameters, by PostgreSQL's versions.
const PARAMETERS: [&str; 2] = ["DETAIL:  parameters: ", "DETAIL:  Parameters: "];

/// A statement that the database carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its text, with `$1` for the first parameter.
    pub sql: String,
    /// The values of its parameters; `None` for `NULL`.
    pub params: Vec<Option<String>>,
}

/// The statements of each connection in a log whose lines begin with the connection's number.
pub fn by_connection(log: &str) -> Vec<Vec<Statement>> {
    let mut connections: BTreeMap<&str, Vec<Statement>> = BTreeMap::new();
    for line in log.lines() {
        let Some((connection, line)) = line.split_once(' ') else { continue };
        let statements = connections.entry(connection).or_default();
        // With a name or without one.
        let executed = line.strip_prefix("LOG:  execute ").and_then(|rest| rest.split_once(": "));
        if let Some((_, sql)) = executed {
            statements.push(Statement { sql: sql.to_owned(), params: Vec::new() });
        } else if let Some(sql) = line.strip_prefix("LOG:  statement: ") {
            let parts = sql.split(';').map(str::trim).filter(|part| !part.is_empty());
            let part = |sql: &str| Statement { sql: sql.to_owned(), params: Vec::new() };
            statements.extend(parts.map(part));
        } else if let Some((_, list)) = PARAMETERS.iter().find_map(|mark| line.split_once(mark))
            && let Some(last) = statements.last_mut()
        {
            last.params = parameters(list);
        }
    }
    connections.into_values().collect()
}

/// The transactions that contain a statement which begins with `mark`.
pub fn transactions(connections: &[Vec<Statement>], mark: &str) -> Vec<Vec<Statement>> {
    let mut found = Vec::new();
    for statements in connections {
        let mut rest = statements.as_slice();
        while let Some(begin) = rest.iter().position(|one| one.sql.starts_with("BEGIN")) {
            rest = rest.get(begin..).unwrap_or_default();
            let Some(end) = rest.iter().position(|one| one.sql == "COMMIT") else { break };
            let (transaction, after) = rest.split_at(end + 1);
            if transaction.iter().any(|one| one.sql.starts_with(mark)) {
                found.push(transaction.to_vec());
            }
            rest = after;
        }
    }
    found
}

/// `$1 = 'a''b', $2 = NULL` as values.
fn parameters(list: &str) -> Vec<Option<String>> {
    let (mut values, mut rest) = (Vec::new(), list);
    while let Some((_, after)) = rest.split_once(" = ") {
        let Some(mut text) = after.strip_prefix('\'') else {
            values.push(None);
            rest = after;
            continue;
        };
        let mut value = String::new();
        while let Some((part, after)) = text.split_once('\'') {
            value.push_str(part);
            text = after;
            let Some(more) = text.strip_prefix('\'') else { break };
            value.push('\'');
            text = more;
        }
        values.push(Some(value));
        rest = text;
    }
    values
}

/// What pgbench's variables hold, by their names.
pub type Variables = BTreeMap<String, String>;

/// A script for pgbench.
#[derive(Debug, Default)]
pub struct Script {
    /// What it says.
    pub text: String,
    /// The constants that it uses.
    pub constants: Variables,
}

/// The variables that have a new value in each set.
#[derive(Default)]
struct Fresh {
    /// Each with its number.
    known: BTreeMap<String, usize>,
    /// The lines that give them their values.
    text: String,
}

impl Fresh {
    /// A digest or an id: sixteen digits are as many bytes as a digest has, in a text and in
    /// binary.
    fn digest(&mut self, value: &str) -> String {
        self.variable(value, &format!("random({}, {})", 10_u64.pow(15), 10_u64.pow(16) - 1))
    }

    /// A number by which rows are found. Those of one range stay as far apart as they are.
    fn slot(&mut self, value: i64) -> String {
        let near = self.known.iter().find_map(|(known, number)| {
            let distance = value.checked_sub(known.parse().ok()?)?;
            (distance != 0 && distance.abs() < RANGE).then_some((*number, distance))
        });
        match near {
            Some((number, distance)) => {
                let sign = if distance < 0 { '-' } else { '+' };
                let is = format!(":fresh_{number} {sign} {}", distance.abs());
                self.variable(&value.to_string(), &is)
            }
            None => self.digest(&value.to_string()),
        }
    }

    /// The number of a row that is locked.
    fn lock(&mut self, value: i64) -> String {
        self.variable(&format!("lock {value}"), "random(0, 255)")
    }

    fn variable(&mut self, value: &str, is: &str) -> String {
        let next = self.known.len();
        let number = *self.known.entry(value.to_owned()).or_insert(next);
        if number == next {
            self.text.push_str(&format!("\\set fresh_{number} {is}\n"));
        }
        format!(":fresh_{number}")
    }
}

/// How the statements of a set leave.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// Each when the one before was answered.
    OneByOne,
    /// All of a round trip at once.
    ByRoundTrip,
}

/// A set like `pattern`, in which everything is new by which it differs from `other`, but for the
/// time, on the account that the variable `account` names.
pub fn set_script(pattern: &[Statement], other: &[Statement], sending: Sending) -> Result<Script> {
    let sql = |statements: &[Statement]| -> Vec<String> {
        statements.iter().map(|statement| statement.sql.clone()).collect()
    };
    if sql(pattern) != sql(other) {
        return Err("two sets did not send the same statements".to_owned());
    }
    let (mut script, mut fresh) = (Script::default(), Fresh::default());
    let mut body = String::new();
    for (statement, twin) in pattern.iter().zip(other) {
        if sending == Sending::ByRoundTrip && begins(&statement.sql, &ROUND_TRIPS) {
            body.push_str("\\endpipeline\n\\startpipeline\n");
        }
        let is_lock = begins(&statement.sql, &LOCKS);
        let names = statement.params.iter().zip(&twin.params).map(|(value, twin)| {
            let Some(value) = value else { return "NULL".to_owned() };
            if Some(value) == twin.as_ref() || value.len() > DIGEST_CHARACTERS {
                return script.constant(value);
            }
            if value.starts_with("acct_") {
                return ":account".to_owned();
            }
            match value.parse::<i64>() {
                Ok(number) if is_lock => fresh.lock(number),
                Ok(number) if number.unsigned_abs() >= LARGE => fresh.slot(number),
                Ok(_time) => script.constant(value),
                Err(_) => fresh.digest(value),
            }
        });
        let names: Vec<String> = names.collect();
        writeln!(body, "{};", filled(&statement.sql, &names)?)
            .map_err(|error| error.to_string())?;
    }
    script.text.push_str(&fresh.text);
    script.text.push_str(&match sending {
        Sending::OneByOne => body,
        Sending::ByRoundTrip => format!("\\startpipeline\n{body}\\endpipeline\n"),
    });
    Ok(script)
}

/// Finds like `pattern` of as many secrets as `page` has: one more query tells the script which.
pub fn find_script(pattern: &Statement, page: &Page) -> Result<Script> {
    let mut script = Script::default();
    writeln!(
        script.text,
        "\\set page random(0, {})\nSELECT * FROM {} WHERE page = :page \\gset",
        page.pages.saturating_sub(1),
        page.table
    )
    .map_err(|error| error.to_string())?;
    let columns = compared(&pattern.sql);
    for number in 0..page.finds {
        let names = pattern.params.iter().zip(&columns).map(|(value, column)| match value {
            _ if page.columns.contains(column) => format!(":{column}_{number}"),
            Some(value) => script.constant(value),
            None => "NULL".to_owned(),
        });
        let names: Vec<String> = names.collect();
        let line = filled(&pattern.sql, &names)?;
        script.text.push_str(&line);
        script.text.push_str(";\n");
    }
    Ok(script)
}

/// The tables of keys from which scripts take what they find.
pub struct Page {
    /// The table: a row is a page.
    pub table: &'static str,
    /// The columns of a secret that are there for each find.
    pub columns: Vec<String>,
    /// How many pages there are.
    pub pages: u64,
    /// How many secrets are on a page.
    pub finds: u64,
}

impl Script {
    /// The name of the variable that holds `value`.
    fn constant(&mut self, value: &str) -> String {
        let known = self.constants.iter().find(|(_, held)| *held == value);
        let name = known.map(|(name, _)| name.clone()).unwrap_or_else(|| {
            let name = format!("constant_{}", self.constants.len());
            self.constants.insert(name.clone(), value.to_owned());
            name
        });
        format!(":{name}")
    }
}

impl Statement {
    /// Whether it compares a column with each of its parameters, and does no more with them.
    pub fn is_lookup(&self) -> bool {
        !self.params.is_empty() && compared(&self.sql).len() == self.params.len()
    }
}

/// The columns by which two finds tell their secrets apart.
pub fn told_apart(find: &Statement, other: &Statement) -> Result<Vec<String>> {
    if find.sql != other.sql || !find.is_lookup() {
        return Err(format!("two finds are not the same lookup: {}", find.sql));
    }
    let values = find.params.iter().zip(&other.params);
    let differing =
        compared(&find.sql).into_iter().zip(values).filter(|(_, (one, other))| one != other);
    Ok(differing.map(|(column, _)| column).collect())
}

fn begins(sql: &str, with: &[&str]) -> bool {
    with.iter().any(|start| sql.starts_with(start))
}

/// The columns that a statement compares with its parameters, in the order of these.
fn compared(sql: &str) -> Vec<String> {
    let column = |text: &str| text.rsplit(' ').next().unwrap_or_default().to_owned();
    let mut parts: Vec<&str> = sql.split(" = $").collect();
    parts.pop();
    parts.into_iter().map(column).collect()
}

/// A statement with names for `$1` and the following.
fn filled(sql: &str, names: &[String]) -> Result<String> {
    let mut parts = sql.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        let at = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let name = at.and_then(|at| names.get(at));
        out.push_str(name.ok_or_else(|| format!("no value is known for ${number} in {sql}"))?);
        out.push_str(rest);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
7 LOG:  statement: BEGIN; SET LOCAL lock_timeout = '4s'
8 LOG:  execute <unnamed>: SELECT id FROM t WHERE mode = $1 AND name = $2
8 DETAIL:  parameters: $1 = '0', $2 = 'it''s, $3 = 1'
7 LOG:  execute <unnamed>: INSERT INTO secret (a, b, c, d) VALUES ($1, $2, $3, $4)
7 DETAIL:  parameters: $1 = '0', $2 = NULL, $3 = '\\x01', $4 = 'acct_1'
7 LOG:  statement: COMMIT
";

    fn sets() -> (Vec<Statement>, Vec<Statement>) {
        let other = LOG.replace("'0'", "'1'").replace("\\x01", "\\x02").replace("acct_1", "acct_2");
        let set = |log: &str| transactions(&by_connection(log), "INSERT INTO secret ").remove(0);
        (set(LOG), set(&other))
    }

    #[test]
    fn a_log_is_taken_apart_by_connections() {
        let connections = by_connection(LOG);
        assert_eq!(connections[0].len(), 4);
        let read = &connections[1][0];
        assert_eq!(read.params, [Some("0".to_owned()), Some("it's, $3 = 1".to_owned())]);
        assert!(transactions(&connections, "DELETE").is_empty());
    }

    #[test]
    fn statements_may_have_names_and_parameters_a_capital() {
        let named =
            LOG.replace("<unnamed>", "s1").replace("DETAIL:  parameters", "DETAIL:  Parameters");
        assert_eq!(by_connection(&named), by_connection(LOG));
    }

    #[test]
    fn slots_stay_in_their_ranges_and_locks_are_few() {
        let set = |slot: i64, lock: u8, time: u8| {
            let statement = |sql: &str, params: &[String]| Statement {
                sql: sql.to_owned(),
                params: params.iter().cloned().map(Some).collect(),
            };
            let range = [slot - 3, slot + 252, slot].map(|slot| slot.to_string());
            vec![
                statement("INSERT INTO scope_lock (a) VALUES ($1)", &[lock.to_string()]),
                statement("SELECT a FROM t WHERE b >= $1 AND b <= $2 AND c = $3", &range),
                statement("INSERT INTO secret (a) VALUES ($1)", &[time.to_string()]),
            ]
        };
        let (one, other) = (set(1 << 60, 7, 1), set(-1 << 50, 9, 2));
        let script = set_script(&one, &other, Sending::OneByOne).unwrap();
        assert_eq!(
            script.text,
            "\\set fresh_0 random(0, 255)\n\
             \\set fresh_1 random(1000000000000000, 9999999999999999)\n\
             \\set fresh_2 :fresh_1 + 255\n\\set fresh_3 :fresh_1 + 3\n\
             INSERT INTO scope_lock (a) VALUES (:fresh_0);\n\
             SELECT a FROM t WHERE b >= :fresh_1 AND b <= :fresh_2 AND c = :fresh_3;\n\
             INSERT INTO secret (a) VALUES (:constant_0);\n"
        );
    }

    #[test]
    fn what_differs_between_two_sets_is_new_in_each() {
        let (one, other) = sets();
        let script = set_script(&one, &other, Sending::OneByOne).unwrap();
        assert_eq!(
            script.text,
            "\\set fresh_0 random(1000000000000000, 9999999999999999)\nBEGIN;\n\
             SET LOCAL lock_timeout = '4s';\n\
             INSERT INTO secret (a, b, c, d) VALUES (:constant_0, NULL, :fresh_0, :account);\n\
             COMMIT;\n"
        );
        assert_eq!(script.constants["constant_0"], "0");
        assert!(set_script(&one, &other[1..], Sending::OneByOne).is_err());
        let script = set_script(&one, &other, Sending::ByRoundTrip).unwrap();
        assert_eq!(script.text.matches("\\startpipeline").count(), 2);
        assert_eq!(script.text.matches("\\endpipeline").count(), 2);
    }

    #[test]
    fn finds_take_their_keys_from_a_page() {
        let read = &by_connection(LOG)[1][0];
        let page = Page { table: "page", columns: vec!["name".to_owned()], pages: 5, finds: 2 };
        let script = find_script(read, &page).unwrap();
        assert_eq!(
            script.text,
            "\\set page random(0, 4)\nSELECT * FROM page WHERE page = :page \\gset\n\
             SELECT id FROM t WHERE mode = :constant_0 AND name = :name_0;\n\
             SELECT id FROM t WHERE mode = :constant_0 AND name = :name_1;\n"
        );
        assert!(filled("SELECT $2", &["a".to_owned()]).is_err());
        let mut other = read.clone();
        other.params[1] = Some("hers".to_owned());
        assert_eq!(told_apart(read, &other), Ok(vec!["name".to_owned()]));
        other.sql = "SELECT id FROM t WHERE mode = $1 OR $2 IS NULL".to_owned();
        assert!(told_apart(&other, &other).is_err());
    }
}
