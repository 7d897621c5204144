//! Settings as flags of a verb.

use super::{ALL, Kind, Setting};
use clap::{Arg, ArgAction, ArgMatches, ValueHint};

/// The settings among the arguments of one call, as text.
#[derive(Clone, Default)]
pub struct Flags(Vec<(&'static str, String)>);

impl Flags {
    /// Reads the settings among the arguments of a verb.
    pub fn read(matches: &ArgMatches) -> Self {
        let given = ALL.iter().filter_map(|setting| {
            // An error means that the verb does not have this flag.
            let given = matches.try_get_many::<String>(setting.name).ok().flatten()?;
            Some((setting.name, given.cloned().collect::<Vec<_>>().join(",")))
        });
        Self(given.collect())
    }

    /// The text of the setting `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str())
    }

    #[cfg(test)]
    pub(super) fn of(given: &[(&'static str, &str)]) -> Self {
        Self(given.iter().map(|(name, text)| (*name, (*text).to_owned())).collect())
    }
}

impl Setting {
    /// This setting as an argument; `None` if it has no flag.
    pub fn argument(&self) -> Option<Arg> {
        let arg = Arg::new(self.name).long(self.flag?).help(self.help()).help_heading("Settings");
        Some(self.kind.with_value(arg))
    }

    fn help(&self) -> String {
        let (of_file, variable) = match self.kind {
            Kind::Secret => ("file with the ", self.file_variable()),
            _ => ("", self.env.to_owned()),
        };
        let about = capitalized(&format!("{of_file}{}", self.about));
        let default = self.default.map(|default| format!(" [default: {default}]"));
        format!("{about} [env: {variable}]{}", default.unwrap_or_default())
    }
}

impl Kind {
    /// Gives `arg` a value of this kind.
    fn with_value(self, arg: Arg) -> Arg {
        match self {
            Kind::Path | Kind::Secret => arg.value_name("PATH").value_hint(ValueHint::AnyPath),
            Kind::Address => arg.value_name("ADDRESS"),
            Kind::Duration => arg.value_name("TIME"),
            Kind::Number { .. } => arg.value_name("NUMBER"),
            Kind::Choice(words) => {
                arg.value_name("WORD").value_parser(words.to_vec()).hide_possible_values(true)
            }
            Kind::Text | Kind::Declared(_) => arg.value_name("TEXT"),
            Kind::Hosts => arg.value_name("NAME").action(ArgAction::Append),
            Kind::Origins => arg.value_name("ORIGIN").action(ArgAction::Append),
            Kind::Database | Kind::Server => arg.value_name("URL"),
            Kind::Anchor => arg.value_name("PLACE"),
            Kind::Switch => arg
                .value_name("BOOL")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true"),
        }
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}
