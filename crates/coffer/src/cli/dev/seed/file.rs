//! A seed's file as it is written: what is to be made, each with the line that it stands in.

use crate::cli::exit::Failure;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

/// One thing that is to be made.
pub struct Entry {
    /// The section that it stands in.
    pub section: &'static str,
    /// The line at which it begins.
    pub line: usize,
    /// What is said of it, each as a parameter of the API.
    pub fields: Vec<Field>,
}

/// One value.
pub struct Field {
    /// Its full name, as in `scope[type]`.
    pub name: String,
    /// The line that it stands in.
    pub line: usize,
    /// Its text. It may be a secret.
    pub value: Zeroizing<String>,
}

impl Entry {
    /// Takes the value `name` out.
    pub fn take(&mut self, name: &str) -> Option<Field> {
        let at = self.fields.iter().position(|field| field.name == name)?;
        Some(self.fields.remove(at))
    }

    /// The rest, as parameters.
    pub fn params(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect()
    }
}

/// Reads a seed: for each of `sections`, in their order, its entries.
///
/// # Errors
/// Where it is no TOML, or no seed.
pub fn read(path: &Path, sections: &[&'static str]) -> Result<Vec<Entry>, Failure> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| {
        Failure::usage(format!("the seed {} cannot be read: {error}", path.display()))
    })?;
    parse(&text, sections).map_err(|(line, why)| wrong(path, line, &why))
}

/// What is said of a mistake in a seed.
pub fn wrong(path: &Path, line: usize, why: &str) -> Failure {
    Failure::usage(format!("{}:{line}: {why}", path.display()))
}

/// A mistake, with its line.
type Wrong = (usize, String);

fn parse(text: &str, sections: &[&'static str]) -> Result<Vec<Entry>, Wrong> {
    let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let document = DeTable::parse(text).map_err(|error| {
        (line(error.span().map_or(0, |span| span.start)), error.message().to_owned())
    })?;
    for key in document.get_ref().keys() {
        if !sections.contains(&key.get_ref().as_ref()) {
            let (name, all) = (key.get_ref(), sections.join(", "));
            let why = format!("'{name}' is no section of a seed; there are: {all}");
            return Err((line(key.span().start), why));
        }
    }
    let mut entries = Vec::new();
    for section in sections {
        let Some(found) = document.get_ref().get(*section) else { continue };
        let why = || format!("write each of these as a table of its own, below [[{section}]]");
        let DeValue::Array(tables) = found.get_ref() else {
            return Err((line(found.span().start), why()));
        };
        for table in tables.iter() {
            let DeValue::Table(values) = table.get_ref() else {
                return Err((line(table.span().start), why()));
            };
            let mut fields = Vec::new();
            for (key, value) in values {
                flatten(key.get_ref(), value, line(key.span().start), &mut fields)?;
            }
            entries.push(Entry { section, line: line(table.span().start), fields });
        }
    }
    Ok(entries)
}

/// A value as parameters: tables as `name[key]`, lists as `name[0]`.
fn flatten(
    name: &str,
    value: &Spanned<DeValue<'_>>,
    line: usize,
    fields: &mut Vec<Field>,
) -> Result<(), Wrong> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.as_ref().to_owned(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
        DeValue::Boolean(on) => on.to_string(),
        DeValue::Table(inner) => {
            for (key, value) in inner {
                flatten(&format!("{name}[{}]", key.get_ref()), value, line, fields)?;
            }
            return Ok(());
        }
        DeValue::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                flatten(&format!("{name}[{at}]"), item, line, fields)?;
            }
            return Ok(());
        }
        _ => {
            let why = format!("{name}: write whole numbers, and times in Unix seconds");
            return Err((line, why));
        }
    };
    fields.push(Field { name: name.to_owned(), line, value: Zeroizing::new(text) });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTIONS: [&str; 2] = ["keys", "secrets"];

    #[test]
    fn values_are_parameters_with_their_lines() {
        let text = "[[secrets]]\nname = \"a\"\nscope.type = \"user\"\n\n[[keys]]\nkey = \"k\"\n\
                    permissions = [\"one\", \"two\"]\n";
        let entries = parse(text, &SECTIONS).unwrap_or_default();
        let seen: Vec<_> = entries
            .iter()
            .map(|entry| {
                let fields = entry.fields.iter().map(|f| (f.name.as_str(), f.line, &**f.value));
                (entry.section, entry.line, fields.collect::<Vec<_>>())
            })
            .collect();
        let key = vec![("key", 6, "k"), ("permissions[0]", 7, "one"), ("permissions[1]", 7, "two")];
        let secret = vec![("name", 2, "a"), ("scope[type]", 3, "user")];
        assert_eq!(seen, [("keys", 5, key), ("secrets", 1, secret)]);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, line, word) in [
            ("\n\n[[secret]]\n", 3, "there are: keys, secrets"),
            ("[secrets]\nname = 1\n", 1, "[[secrets]]"),
            ("[[keys]]\nat = 2026-01-01\n", 2, "Unix seconds"),
            ("[[keys]]\nkey = 1.5\n", 2, "whole numbers"),
            ("[[keys]]\nkey = \n", 2, ""),
        ] {
            let (at, why) = parse(text, &SECTIONS).err().unwrap();
            assert!(at == line && why.contains(word), "{text}: {at}: {why}");
        }
    }
}
