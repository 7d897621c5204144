//! Settings of families: declared by the family, filled in by whoever reads the configuration.

use coffer_base::Currency;
use coffer_outbound::Destination;

/// Something that an operator can set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Its name in the configuration file, in lower case with underscores. The variable and the
    /// flag follow from it: `secrets_per_scope` is `COFFER_SECRETS_PER_SCOPE` and
    /// `--secrets-per-scope`.
    pub name: &'static str,
    /// Its value if nobody sets it, written as an operator would.
    pub default: &'static str,
    /// The values that it takes.
    pub kind: SettingKind,
    /// What it is for, in a line.
    pub about: &'static str,
}

/// The values that a setting takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SettingKind {
    /// `true` or `false`.
    Switch,
    /// A whole number within bounds, both included.
    Number {
        /// The smallest.
        from: i64,
        /// The largest.
        to: i64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Text of one line. Its default may be empty, which is as good as none.
    Text(Form),
}

/// What a text is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Letters, digits and signs of ASCII, of which a header's value can consist.
    Header,
    /// The path of a file.
    File,
    /// A host and its port.
    HostAndPort,
    /// [`Destination`]s, with commas between them.
    Destinations,
    /// The code of a currency: three or four small letters.
    Currency,
    /// Durations with commas between them, such as `30s,5m,2h,1d`: at most so many, and together at
    /// most so many seconds.
    Durations {
        /// The most of them.
        count: usize,
        /// The most seconds of all together.
        seconds: i64,
    },
}

/// Whether the program is for developers alone: set by the program, and by no operator.
pub const DEVELOPER: Setting =
    Setting { name: "developer", default: "false", kind: SettingKind::Switch, about: "" };

/// Most characters of a [`SettingKind::Text`].
const TEXT_CHARACTERS: usize = 4096;

impl Form {
    /// Whether `value` has it.
    ///
    /// # Errors
    /// What it is to be instead, in words.
    fn check(self, value: &str) -> Result<(), String> {
        let is_line = value.len() <= TEXT_CHARACTERS && !value.chars().any(char::is_control);
        let is_ascii = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let is_there = !value.is_empty() && is_line;
        match self {
            Self::Header if is_there && is_ascii => Ok(()),
            Self::Header => Err("text in ASCII".to_owned()),
            Self::File if is_there => Ok(()),
            Self::File => Err("the path of a file".to_owned()),
            Self::Currency if Currency::any(value).is_some() => Ok(()),
            Self::Currency => Err("a currency in small letters, such as usd".to_owned()),
            Self::Durations { count, seconds } => {
                let all = durations(value).filter(|all| all.len() <= count);
                let sum = all.and_then(|all| all.into_iter().try_fold(0_i64, i64::checked_add));
                if sum.is_some_and(|sum| sum <= seconds) {
                    return Ok(());
                }
                let hours = seconds / 3600;
                Err(format!(
                    "at most {count} durations of at most {hours} hours in all, such as 30s,5m,2h"
                ))
            }
            Self::HostAndPort if is_there && host_and_port(value).is_some() => Ok(()),
            Self::HostAndPort => Err("HOST:PORT".to_owned()),
            Self::Destinations => value.split(',').try_for_each(|one| {
                let parsed = one.trim().parse::<Destination>();
                parsed.map(drop).map_err(|why| format!("'{}' is not {why}", one.trim()))
            }),
        }
    }
}

/// Durations in seconds: numbers from 1 on, each with `s`, `m`, `h` or `d` behind it, with commas
/// between them. `None` if anything else stands there.
pub fn durations(text: &str) -> Option<Vec<i64>> {
    let one = |text: &str| {
        let text = text.trim();
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let each = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return None,
        };
        let is_plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: i64 = number.parse().ok().filter(|number| is_plain && *number > 0)?;
        number.checked_mul(each)
    };
    text.split(',').map(one).collect()
}

/// The parts of `HOST:PORT`.
pub fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((host, port.parse().ok()?)).filter(|(host, _)| !host.is_empty())
}

/// The settings that were chosen, by name. What was not chosen has its default.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Settings(Vec<(&'static str, String)>);

impl Settings {
    /// Chooses `value`, written as an operator would, for `setting`.
    ///
    /// # Errors
    /// What the setting takes instead, in words, if it does not take `value`.
    pub fn set(&mut self, setting: &Setting, value: &str) -> Result<(), String> {
        setting.kind.check(value)?;
        self.0.retain(|(name, _)| *name != setting.name);
        self.0.push((setting.name, value.to_owned()));
        Ok(())
    }

    fn text<'a>(&'a self, setting: &'a Setting) -> &'a str {
        let chosen = self.0.iter().find(|(name, _)| *name == setting.name);
        chosen.map_or(setting.default, |(_, value)| value)
    }

    /// Whether a switch is on.
    pub fn is_on(&self, setting: &Setting) -> bool {
        self.text(setting) == "true"
    }

    /// A number; 0 if the setting is none.
    pub fn number(&self, setting: &Setting) -> i64 {
        self.text(setting).parse().unwrap_or_default()
    }

    /// A text; empty if there is none.
    pub fn line<'a>(&'a self, setting: &'a Setting) -> &'a str {
        self.text(setting)
    }

    /// The word that was chosen.
    pub fn choice<'a>(&'a self, setting: &'a Setting) -> &'a str {
        self.text(setting)
    }
}

impl SettingKind {
    /// Whether it takes `value`.
    ///
    /// # Errors
    /// What it takes instead, in words.
    pub fn check(self, value: &str) -> Result<(), String> {
        match self {
            Self::Switch if matches!(value, "true" | "false") => Ok(()),
            Self::Switch => Err("true or false".to_owned()),
            Self::Number { from, to } => {
                let within = value.parse().is_ok_and(|number: i64| (from..=to).contains(&number));
                if within { Ok(()) } else { Err(format!("a number from {from} to {to}")) }
            }
            Self::Choice(words) if words.contains(&value) => Ok(()),
            Self::Choice(words) => Err(format!("one of {}", words.join(", "))),
            Self::Text(form) => form.check(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Setting = Setting {
        name: "limit",
        default: "10",
        kind: SettingKind::Number { from: 1, to: 20 },
        about: "",
    };
    const MODE: Setting =
        Setting { name: "mode", default: "a", kind: SettingKind::Choice(&["a", "b"]), about: "" };

    #[test]
    fn what_is_not_set_has_its_default_and_what_is_wrong_is_refused() {
        let mut settings = Settings::default();
        assert_eq!((settings.number(&LIMIT), settings.choice(&MODE)), (10, "a"));
        settings.set(&LIMIT, "20").unwrap();
        settings.set(&LIMIT, "3").unwrap();
        assert_eq!(settings.number(&LIMIT), 3);
        for (setting, value, expected) in [
            (&LIMIT, "21", "a number from 1 to 20"),
            (&LIMIT, "x", "a number from 1 to 20"),
            (&MODE, "c", "one of a, b"),
        ] {
            assert_eq!(settings.set(setting, value), Err(expected.to_owned()));
        }
        assert_eq!(settings.number(&LIMIT), 3);
    }
}
