//! Settings as flags of a verb.

use super::{ALL, Kind, Setting};
use clap::{Arg, ArgMatches, ValueHint};

/// What the flags of one call say.
#[derive(Default)]
pub struct Flags(Vec<(&'static str, String)>);

impl Flags {
    /// Reads the settings among the arguments of a verb.
    pub fn read(matches: &ArgMatches) -> Self {
        let given = ALL.iter().filter_map(|setting| {
            // A verb has only those flags that mean something to it.
            let text = matches.try_get_one::<String>(setting.name).ok().flatten()?;
            Some((setting.name, text.clone()))
        });
        Self(given.collect())
    }

    /// What was said of the setting `name`.
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
        let flag = self.flag?;
        let variable =
            if self.kind == Kind::Secret { self.file_variable() } else { self.env.to_owned() };
        let mut help = format!("{} [env: {variable}]", self.help());
        if let Some(default) = self.default {
            help.push_str(&format!(" [default: {default}]"));
        }
        let arg = Arg::new(self.name).long(flag).help(help).help_heading("Settings");
        Some(match self.kind {
            Kind::Path | Kind::Secret => arg.value_name("PATH").value_hint(ValueHint::AnyPath),
            Kind::Address => arg.value_name("ADDRESS"),
            Kind::Number { .. } => arg.value_name("NUMBER"),
            Kind::Choice(words) => {
                arg.value_name("WORD").value_parser(words.to_vec()).hide_possible_values(true)
            }
            Kind::Text => arg.value_name("TEXT"),
            Kind::Database => arg.value_name("URL"),
            Kind::Switch => arg
                .value_name("BOOL")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true"),
        })
    }

    fn help(&self) -> String {
        let of_file = if self.kind == Kind::Secret { "file with the " } else { "" };
        let text = format!("{of_file}{}", self.about);
        let mut letters = text.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).collect()
    }
}
