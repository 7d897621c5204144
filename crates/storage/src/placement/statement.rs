//! What a statement names: its tables, and by which parameters their accounts.
//!
//! It reads the SQL that this program writes and no other, word by word: a table follows `FROM`,
//! `JOIN`, `INTO` or `UPDATE`, and its account is a parameter (`account = ?`), the account of
//! another table of the same `SELECT` that names it, or a column of what is inserted.

use super::BY;
use super::words::{Item, columns, in_parentheses, is_sign, is_word, items};

/// The tables of a statement, and what it says of their accounts.
#[derive(Debug, Default)]
pub(super) struct Analysis {
    uses: Vec<Use>,
    /// `account = ?`: in which `SELECT`, of which table if it says so, by which parameter.
    named: Vec<(usize, Option<String>, usize)>,
    /// `a.account = b.account`, in which `SELECT`.
    equal: Vec<(usize, String, String)>,
    /// The columns that rows are inserted into; empty if none are.
    columns: Vec<String>,
    /// The values of the row that is inserted, or the columns that are selected for it.
    values: Vec<Item>,
    /// The columns of the unique key that an insert may meet; without any if it does not say.
    conflict: Option<Vec<String>>,
}

/// One place where a table stands.
#[derive(Debug)]
struct Use {
    table: String,
    alias: String,
    /// The `SELECT` that it stands in; 0 for the statement itself.
    scope: usize,
    inserted: bool,
}

impl Analysis {
    pub(super) fn of(sql: &str) -> Self {
        let items = items(sql);
        let mut analysis = Self::default();
        // It reads no rows, or those of a file: no others are found by a number of their own.
        let of_file = items.iter().any(|item| is_word(item, "rowid"));
        if of_file || items.first().is_some_and(|item| is_word(item, "explain")) {
            return analysis;
        }
        // The SELECTs that are open, each with the depth of its parentheses.
        let (mut open, mut scopes, mut depth) = (vec![(0, 0)], 0, 0usize);
        for (at, item) in items.iter().enumerate() {
            let Item::Word(word) = item else {
                if is_sign(item, ')') {
                    open.retain(|(_, from)| *from < depth || *from == 0);
                    depth = depth.saturating_sub(1);
                }
                depth += usize::from(is_sign(item, '('));
                continue;
            };
            if word == "select" {
                scopes += 1;
                open.retain(|(_, from)| *from < depth || *from == 0);
                open.push((scopes, depth));
            }
            let scope = open.last().map_or(0, |(scope, _)| *scope);
            analysis.word(word, scope, items.get(at + 1..).unwrap_or_default());
        }
        analysis
    }

    fn word(&mut self, word: &str, scope: usize, rest: &[Item]) {
        match word {
            "from" | "join" | "into" | "update" => self.table(word, scope, rest),
            "values" if self.values.is_empty() => self.values = in_parentheses(rest),
            "select" if !self.columns.is_empty() && self.values.is_empty() => {
                let selected = rest.iter().take_while(|item| !is_word(item, "from"));
                self.values = selected.filter(|item| !is_sign(item, ',')).cloned().collect();
            }
            "conflict" => self.conflict = Some(columns(&in_parentheses(rest))),
            _ => self.condition(word, scope, rest),
        }
    }

    fn table(&mut self, after: &str, scope: usize, rest: &[Item]) {
        let Some(Item::Word(table)) = rest.first() else { return };
        // UPDATE stands in `FOR UPDATE` and `DO UPDATE SET` too, where no table follows.
        if ["set", "skip"].contains(&table.as_str()) {
            return;
        }
        let alias = match (rest.get(1), rest.get(2)) {
            (Some(Item::Word(word)), Some(Item::Word(alias))) if word == "as" => alias,
            (Some(Item::Word(word)), _) if !AFTER_TABLES.contains(&word.as_str()) => word,
            _ => table,
        };
        let inserted = after == "into";
        if inserted {
            self.columns = columns(&in_parentheses(rest.get(1..).unwrap_or_default()));
        }
        let (table, alias) = (table.clone(), alias.clone());
        self.uses.push(Use { table, alias, scope, inserted });
    }

    /// `account = ?`, `t.account = ?` or `t.account = u.account`.
    fn condition(&mut self, word: &str, scope: usize, rest: &[Item]) {
        let (of, column) = match word.split_once('.') {
            Some((of, column)) => (Some(of.to_owned()), column),
            None => (None, word),
        };
        if column != BY || !rest.first().is_some_and(|item| is_sign(item, '=')) {
            return;
        }
        match (of, rest.get(1)) {
            (of, Some(Item::Parameter(at))) => self.named.push((scope, of, *at)),
            (Some(of), Some(Item::Word(other))) => {
                if let Some((with, BY)) = other.split_once('.') {
                    self.equal.push((scope, of, with.to_owned()));
                }
            }
            _ => {}
        }
    }

    /// The parameters that are the accounts of those tables that `is_spread` says.
    ///
    /// # Errors
    /// Says which of these tables stands without its account.
    pub(super) fn accounts(&self, is_spread: impl Fn(&str) -> bool) -> Result<Vec<usize>, String> {
        let mut accounts = Vec::new();
        for one in self.uses.iter().filter(|one| is_spread(&one.table)) {
            let found = if one.inserted { self.inserted() } else { self.selected(one) };
            let found = found.ok_or_else(|| {
                format!("the statement does not name the account of \"{}\"", one.table)
            })?;
            accounts.extend(found);
        }
        Ok(accounts)
    }

    /// The account of what is inserted; empty if that is selected from a table that names it.
    fn inserted(&self) -> Option<Vec<usize>> {
        let names = |columns: &[String]| columns.iter().position(|column| column == BY);
        if let Some(conflict) = &self.conflict {
            names(conflict)?;
        }
        match self.values.get(names(&self.columns)?)? {
            Item::Parameter(at) => Some(vec![*at]),
            Item::Word(word) if word == BY => Some(Vec::new()),
            _ => None,
        }
    }

    fn selected(&self, one: &Use) -> Option<Vec<usize>> {
        // A table of the same SELECT, or of one around it.
        let of_another = |(scope, of, with): &(usize, String, String)| {
            let other = match &one.alias {
                alias if alias == of => with,
                alias if alias == with => of,
                _ => return None,
            };
            let other = self.uses.iter().find(|another| another.alias == *other)?;
            self.by_parameter(other).filter(|_| *scope == one.scope)
        };
        self.by_parameter(one).or_else(|| self.equal.iter().find_map(of_another))
    }

    /// The parameter that is the account of a table, in the SELECT that it stands in.
    fn by_parameter(&self, one: &Use) -> Option<Vec<usize>> {
        let is_alone = self.uses.iter().filter(|other| other.scope == one.scope).count() == 1;
        self.named.iter().find_map(|(scope, of, at)| {
            let is_it = of.as_deref().map_or(is_alone, |of| of == one.alias);
            (*scope == one.scope && is_it).then_some(vec![*at])
        })
    }
}

/// What follows the name of a table and is no other name of it.
const AFTER_TABLES: [&str; 15] = [
    "where",
    "set",
    "order",
    "limit",
    "left",
    "join",
    "on",
    "group",
    "union",
    "for",
    "as",
    "values",
    "select",
    "inner",
    "returning",
];
