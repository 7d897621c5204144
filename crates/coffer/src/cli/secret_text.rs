//! Secrets as text: lines of variables, JSON, YAML or CSV.

mod dotenv;

use crate::cli::exit::Failure;
use clap::ValueEnum;
use serde_json::Value;
use std::path::Path;
use yaml_rust2::{Yaml, YamlLoader};
use zeroize::Zeroizing;

/// A form of such text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Form {
    /// Lines of NAME=value.
    Dotenv,
    /// One object, whose values are texts.
    Json,
    /// One mapping, whose values are scalars.
    Yaml,
    /// A head, and lines of name, value and perhaps expires_at.
    Csv,
}

impl Form {
    /// The form that the name of a file ends with.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        match name.rsplit_once('.').map_or(name.as_str(), |(_, end)| end) {
            "env" => Some(Self::Dotenv),
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            "csv" => Some(Self::Csv),
            _ if name.starts_with(".env") => Some(Self::Dotenv),
            _ => None,
        }
    }
}

/// A secret as a file has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub value: Zeroizing<String>,
    pub expires_at: Option<i64>,
}

/// Reads a file. What is wrong is said with its line or its name, and never with a value.
///
/// # Errors
/// If it is not of this form, has a name twice, or a value that is no text.
pub fn read(form: Form, text: &str) -> Result<Vec<Entry>, Failure> {
    let entries = match form {
        Form::Dotenv => dotenv::read(text),
        Form::Json => json(text),
        Form::Yaml => yaml(text),
        Form::Csv => csv(text),
    };
    let entries = entries.map_err(Failure::usage)?;
    for (at, entry) in entries.iter().enumerate() {
        if entries.iter().take(at).any(|other| other.name == entry.name) {
            let name = crate::cli::table::plain(&entry.name);
            return Err(Failure::usage(format!(
                "the file has '{name}' twice; which one is meant?"
            )));
        }
    }
    Ok(entries)
}

fn entry(name: String, value: String) -> Entry {
    Entry { name, value: Zeroizing::new(value), expires_at: None }
}

fn json(text: &str) -> Result<Vec<Entry>, String> {
    let json = serde_json::from_str::<Value>(text)
        .map_err(|error| format!("line {}: this is no JSON", error.line()))?;
    let Value::Object(fields) = json else { return Err("the JSON is no object".to_owned()) };
    let entries = fields.into_iter().map(|(name, value)| match value {
        Value::String(text) => Ok(entry(name, text)),
        Value::Number(number) => Ok(entry(name, number.to_string())),
        Value::Bool(on) => Ok(entry(name, on.to_string())),
        _ => Err(format!("the value of '{name}' is no text; write it as a string")),
    });
    entries.collect()
}

fn yaml(text: &str) -> Result<Vec<Entry>, String> {
    let documents = YamlLoader::load_from_str(text)
        .map_err(|error| format!("line {}: this is no YAML", error.marker().line()))?;
    let [Yaml::Hash(fields)] = documents.as_slice() else {
        return Err("the YAML is not one mapping of names to values".to_owned());
    };
    let entries = fields.iter().map(|(name, value)| {
        let name = name.as_str().ok_or("a name of the YAML is no text; put it in quotes")?;
        match value {
            Yaml::String(text) | Yaml::Real(text) => Ok(entry(name.to_owned(), text.clone())),
            Yaml::Integer(number) => Ok(entry(name.to_owned(), number.to_string())),
            Yaml::Boolean(on) => Ok(entry(name.to_owned(), on.to_string())),
            _ => Err(format!("the value of '{name}' is no text; put it in quotes")),
        }
    });
    entries.collect()
}

fn csv(text: &str) -> Result<Vec<Entry>, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader.headers().map_err(|_| "line 1: this is no CSV".to_owned())?.clone();
    let column = |name: &str| head.iter().position(|field| field.trim() == name);
    let (Some(name), Some(value)) = (column("name"), column("value")) else {
        return Err("line 1: a CSV begins with a line that names its columns: name,value, and \
                    perhaps expires_at"
            .to_owned());
    };
    let expires_at = column("expires_at");
    let mut entries = Vec::new();
    for (at, record) in reader.records().enumerate() {
        let line = at.saturating_add(2);
        let record = record.map_err(|_| format!("record {line}: this is no CSV"))?;
        let field = |at: usize| record.get(at).unwrap_or_default().to_owned();
        let end = expires_at.map(field).filter(|text| !text.is_empty());
        let end = end.map(|text| text.parse::<i64>()).transpose();
        let end = end.map_err(|_| format!("record {line}: expires_at is no Unix time"))?;
        entries.push(Entry { expires_at: end, ..entry(field(name), field(value)) });
    }
    Ok(entries)
}

/// Writes secrets: names, values, expiries.
pub fn write<'a>(
    form: Form,
    secrets: impl Iterator<Item = (&'a str, &'a str, Option<i64>)>,
) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    let quoted = |text: &str| Value::String(text.to_owned()).to_string();
    match form {
        Form::Dotenv => {
            for (name, value, _) in secrets {
                text.push_str(&dotenv::line(name, value));
            }
        }
        Form::Json => {
            let lines =
                secrets.map(|(name, value, _)| format!("  {}: {}", quoted(name), quoted(value)));
            let lines = Zeroizing::new(lines.collect::<Vec<_>>().join(",\n"));
            text.push_str(&format!("{{\n{}\n}}\n", *lines));
        }
        Form::Yaml => {
            for (name, value, _) in secrets {
                text.push_str(&format!("{}: {}\n", quoted(name), quoted(value)));
            }
            if text.is_empty() {
                text.push_str("{}\n");
            }
        }
        Form::Csv => {
            text.push_str("name,value,expires_at\n");
            let field = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
            for (name, value, end) in secrets {
                let end = end.map(|end| end.to_string()).unwrap_or_default();
                text.push_str(&format!("{},{},{end}\n", field(name), field(value)));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: [(&str, &str); 9] = [
        ("PLAIN", "value"),
        ("SPACES", "  a b  "),
        ("LINES", "one\ntwo\r\nthree\n"),
        ("QUOTES", "\"double\" 'single' `back`"),
        ("DOLLAR", "pa$$word ${HOME} $(id) \\n"),
        ("HASH", "a # no comment"),
        ("EQUALS", "a=b==c"),
        ("UNICODE", "\u{e9}\u{1f511}\u{2028}"),
        ("NUMBER", "0012"),
    ];

    #[test]
    fn what_is_written_is_read_again() {
        for form in [Form::Dotenv, Form::Json, Form::Yaml, Form::Csv] {
            let text = write(form, ODD.iter().map(|(name, value)| (*name, *value, None)));
            let read = read(form, &text).unwrap();
            assert_eq!(read.len(), ODD.len(), "{form:?}: {}", *text);
            for (name, value) in ODD {
                let found = read.iter().find(|entry| entry.name == name);
                assert_eq!(found.unwrap().value.as_str(), value, "{form:?} {name}");
            }
            assert!(super::read(form, &write(form, std::iter::empty())).unwrap().is_empty());
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_showing_a_value() {
        for (form, text) in [
            (Form::Json, "[\"hunter2\"]"),
            (Form::Json, "{\"a\": {\"b\": \"hunter2\"}}"),
            (Form::Json, "{\"a\": \"hunter2\""),
            (Form::Yaml, "- hunter2"),
            (Form::Yaml, "a: [hunter2]"),
            (Form::Yaml, "a: \"hunter2"),
            (Form::Csv, "a,b\nhunter2,hunter2\n"),
            (Form::Csv, "name,value,expires_at\na,hunter2,soon\n"),
            (Form::Dotenv, "A=1\nA=hunter2\n"),
            (Form::Dotenv, "A=\"hunter2\n"),
            (Form::Dotenv, "hunter2\n"),
        ] {
            let Err(error) = read(form, text) else { panic!("{form:?} {text} was read") };
            assert!(!error.message.contains("hunter2"), "{}", error.message);
        }
    }

    #[test]
    fn forms_are_told_by_names() {
        for (name, form) in [
            (".env", Some(Form::Dotenv)),
            (".env.local", Some(Form::Dotenv)),
            ("prod.env", Some(Form::Dotenv)),
            ("a.JSON", Some(Form::Json)),
            ("a.yml", Some(Form::Yaml)),
            ("a.csv", Some(Form::Csv)),
            ("a.txt", None),
        ] {
            assert_eq!(Form::of(Path::new(name)), form, "{name}");
        }
    }
}
