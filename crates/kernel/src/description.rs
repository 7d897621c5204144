//! What an operation accepts, found by letting it read: its parameters, what each may be, and which
//! it needs.
//!
//! An operation's `parse` is tried with its own example first, then with whatever else it allows,
//! word by word, until every parameter has been read once. What it then noted is the description,
//! so that this cannot differ from what is checked.

use crate::definition::{Definition, Method};
use crate::handler::Handler;
use crate::operation::Arguments;
use coffer_dialect::probe::Expects;
use coffer_dialect::{ApiError, Params};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;

/// How often one request is mended before it is given up: more than any operation has parameters.
const MENDS: usize = 24;

/// A time that lies ahead and is a midnight, as some must.
const A_MIDNIGHT: &str = "1900022400";

/// What is done about a parameter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Mend {
    /// Send this one with this value.
    Place(String, String),
    /// Leave it out.
    Remove,
}

/// An operation, and what it accepts.
#[derive(Clone, Debug)]
pub struct Description {
    /// What is known of it.
    pub definition: Definition,
    /// Its parameters, in the order in which they are declared.
    pub parameters: Vec<Parameter>,
    /// A request that it accepts.
    pub example: Vec<(String, String)>,
}

/// A parameter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameter {
    /// Its full name, such as `scope[type]`.
    pub name: String,
    /// What it can be, one of these; none if nothing has read it.
    pub expects: Vec<Expects>,
    /// Whether every request has it.
    pub required: bool,
}

/// Describes an operation.
pub(crate) fn describe(handler: &dyn Handler) -> Description {
    let definition = *handler.definition();
    let example: BTreeMap<_, _> = definition
        .example
        .params
        .iter()
        .map(|&(name, value)| (name.to_owned(), filled(value)))
        .collect();
    let mut exploration = Exploration::new(handler, open_segments(&definition));
    exploration.explore(&example);
    Description {
        definition,
        parameters: exploration.parameters(),
        example: example.into_iter().collect(),
    }
}

/// What stands in the path's open segments: ids as they are written.
fn open_segments(definition: &Definition) -> Vec<String> {
    let open = definition.path.split('/').filter(|segment| segment.starts_with(':'));
    let made_by = definition.example.on.map_or("id", |on| on);
    open.map(|_| filled(&format!("{{{made_by}}}"))).collect()
}

/// An example's value with something plausible for its placeholders. Braces around anything else
/// are a document's.
fn filled(value: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "._:+".contains(c);
    let is_placeholder = |inner: &str| !inner.is_empty() && inner.chars().all(is_word);
    let (mut text, mut rest) = (String::new(), value);
    while let Some((before, behind)) = rest.split_once('{') {
        text.push_str(before);
        match behind.split_once('}').filter(|(inner, _)| is_placeholder(inner)) {
            Some((inner, behind)) => {
                text.push_str(stand_in(inner));
                rest = behind;
            }
            None => {
                text.push('{');
                rest = behind;
            }
        }
    }
    text.push_str(rest);
    text
}

/// What stands in for a placeholder.
fn stand_in(inner: &str) -> &'static str {
    match inner {
        "n" => "1",
        inner if inner.starts_with("now") => "1900000000",
        inner if inner.contains(':') => "100",
        inner if inner.contains("accounts.create") => "acct_1",
        inner if inner.contains("apps.create") => "app_1",
        _ => "id_1",
    }
}

/// What was tried of one operation, and what came of it.
struct Exploration<'h> {
    handler: &'h dyn Handler,
    path: Vec<String>,
    /// The names that it allows, in their order.
    allowed: Vec<String>,
    expected: BTreeMap<String, Vec<Expects>>,
    required: BTreeSet<String>,
    /// The names in the requests that it accepted.
    accepted: Vec<BTreeSet<String>>,
}

impl<'h> Exploration<'h> {
    fn new(handler: &'h dyn Handler, path: Vec<String>) -> Self {
        Self {
            handler,
            path,
            allowed: Vec::new(),
            expected: BTreeMap::new(),
            required: BTreeSet::new(),
            accepted: Vec::new(),
        }
    }

    /// Tries the example, then each name that nothing has read, then each word of each choice.
    fn explore(&mut self, example: &BTreeMap<String, String>) {
        self.attempt(example.clone());
        let mut tried = BTreeSet::new();
        while let Some((name, value)) = self.next(&tried) {
            tried.insert((name.clone(), value.clone()));
            let mut params = example.clone();
            place(&mut params, &name, value);
            self.attempt(params);
        }
    }

    /// What to try next.
    fn next(&self, tried: &BTreeSet<(String, String)>) -> Option<(String, String)> {
        let fresh = |name: &String, value: &str| {
            let pair = (name.clone(), value.to_owned());
            (!tried.contains(&pair)).then_some(pair)
        };
        let unread = self.allowed.iter().filter(|name| !self.expected.contains_key(*name));
        let unread = unread.filter_map(|name| fresh(name, "1")).next();
        unread.or_else(|| {
            let words = self.expected.iter().flat_map(|(name, expects)| {
                expects.iter().filter_map(move |one| match one {
                    Expects::Choice(words) => Some(words.iter().map(move |word| (name, word))),
                    _ => None,
                })
            });
            words.flatten().find_map(|(name, word)| fresh(name, word))
        })
    }

    /// Tries one request, and again with what is missing or wrong in it mended.
    fn attempt(&mut self, mut params: BTreeMap<String, String>) {
        let mut tried = BTreeSet::new();
        for _ in 0..MENDS {
            let Err(error) = self.read(&params) else {
                self.accepted.push(params.into_keys().collect());
                return;
            };
            let Some(name) = error.param() else { return };
            let mends = self.mends(name);
            let fresh =
                mends.into_iter().find(|mend| tried.insert((name.to_owned(), mend.clone())));
            match fresh {
                None => return,
                Some(Mend::Place(name, value)) => place(&mut params, &name, value),
                Some(Mend::Remove) => {
                    let within = format!("{name}[");
                    params.retain(|other, _| other != name && !other.starts_with(&within));
                }
            }
        }
    }

    /// What can be done about a parameter that is missing or refused, the best first.
    fn mends(&self, name: &str) -> Vec<Mend> {
        let with = |value: &str| Mend::Place(name.to_owned(), value.to_owned());
        let inside = |key: &str| Mend::Place(format!("{name}[{key}]"), "1".to_owned());
        let mut mends = match self.expected.get(name).and_then(|all| all.first()) {
            Some(Expects::Texts) => vec![inside("0")],
            Some(Expects::Metadata) => vec![inside("key")],
            Some(Expects::Choice(words)) => words.iter().map(|word| with(word)).collect(),
            Some(Expects::Boolean) => vec![with("true")],
            Some(Expects::Currency) => vec![with("usd")],
            Some(Expects::Integer { from, .. }) => {
                vec![with(&(*from).max(1).to_string()), with(A_MIDNIGHT)]
            }
            Some(Expects::Object) => {
                let within = format!("{name}[");
                let inner = self.allowed.iter().filter(|one| one.starts_with(&within));
                inner.map(|one| Mend::Place(one.clone(), "1".to_owned())).collect()
            }
            Some(Expects::Text { .. }) | None => vec![with("1")],
        };
        mends.push(Mend::Remove);
        mends
    }

    /// Lets the operation read one request, and keeps its notes.
    fn read(&mut self, params: &BTreeMap<String, String>) -> Result<(), ApiError> {
        let pairs =
            params.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
        let form = pairs.collect::<Vec<_>>().join("&");
        let params = Params::decode(None, form.as_bytes())?.probed();
        let arguments = Arguments { params: &params, path: &self.path };
        let result = self.handler.parse(&arguments).map(drop);
        let Some(noted) = params.probe().map(|probe| probe.noted()) else { return result };
        for name in noted.allowed {
            if !self.allowed.contains(&name) {
                self.allowed.push(name);
            }
        }
        let mut latest: Vec<(String, Expects)> = Vec::new();
        for (name, expects) in noted.expected {
            let same = |(of, one): &(String, Expects)| {
                *of == name && discriminant(one) == discriminant(&expects)
            };
            latest.retain(|known| !same(known));
            latest.push((name, expects));
        }
        for (name, expects) in latest {
            merge(self.expected.entry(name).or_default(), expects);
        }
        self.required.extend(noted.required);
        result
    }

    /// What came of it.
    fn parameters(self) -> Vec<Parameter> {
        let always = |name: &String| {
            let within = format!("{name}[");
            let has = |names: &BTreeSet<String>| {
                names.contains(name) || names.iter().any(|other| other.starts_with(&within))
            };
            !self.accepted.is_empty() && self.accepted.iter().all(has)
        };
        let parameter = |name: &String| Parameter {
            name: name.clone(),
            expects: self.expected.get(name).cloned().unwrap_or_default(),
            required: self.required.contains(name) && always(name),
        };
        self.allowed.iter().map(parameter).collect()
    }
}

/// A text as forms have it, every byte escaped.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Adds what else a parameter can be; words of a choice are added to those that are known.
fn merge(all: &mut Vec<Expects>, more: Expects) {
    let known = all.iter_mut().find(|one| discriminant(*one) == discriminant(&more));
    match (known, more) {
        (Some(Expects::Choice(words)), Expects::Choice(more)) => {
            for word in more {
                if !words.contains(&word) {
                    words.push(word);
                }
            }
        }
        (Some(_), _) => {}
        (None, more) => all.push(more),
    }
}

/// Puts a value in place, and takes away what stands in its way: a name is a value or holds others.
fn place(params: &mut BTreeMap<String, String>, name: &str, value: String) {
    let within = format!("{name}[");
    params.retain(|other, _| {
        let outer = format!("{other}[");
        !other.starts_with(&within) && !name.starts_with(&outer)
    });
    params.insert(name.to_owned(), value);
}

impl Description {
    /// Whether parameters are sent as a form; else they are the query.
    pub fn has_form(&self) -> bool {
        self.definition.method == Method::Post
    }
}
