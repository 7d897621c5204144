//! The variables of the environment.

use super::{ALL, ConfigError, Kind, PREFIX, nearest, service_link};
use zeroize::Zeroizing;

/// The variables whose names begin with `COFFER_`.
pub type Environment = Vec<(String, Zeroizing<String>)>;

/// Reads the environment. The root key, if it is there, stays in the environment of this
/// process: the language can take a variable out only with unsafe code. Nothing that this
/// program starts inherits it, as it starts no other program.
///
/// # Errors
/// [`ConfigError`] if a value is no UTF-8.
pub fn environment() -> Result<Environment, ConfigError> {
    let ours = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
        Some((name, value))
    });
    ours.map(|(name, value)| match value.into_string() {
        Ok(value) => Ok((name, without_line_end(Zeroizing::new(value)))),
        Err(_) => Err(ConfigError(format!("{name} is not UTF-8"))),
    })
    .collect()
}

/// A line end at the end of a variable is none of its value: files of variables with the line ends
/// of Windows leave one, and so do secrets that `echo` made.
fn without_line_end(mut value: Zeroizing<String>) -> Zeroizing<String> {
    let kept = value.trim_end_matches(['\r', '\n']).len();
    value.truncate(kept);
    value
}

/// Refuses variables that are none of ours, but not those that Kubernetes makes for services whose
/// name begins with `coffer`.
pub(super) fn require_known(environment: &Environment) -> Result<(), ConfigError> {
    let names = ALL.iter().flat_map(|setting| {
        let file = (setting.kind == Kind::Secret).then(|| setting.file_variable());
        std::iter::once(setting.env.to_owned()).chain(file)
    });
    let known: Vec<String> = names.collect();
    for (name, value) in environment {
        if known.contains(name) || service_link::is_one(name, value) {
            continue;
        }
        let nearest = nearest::nearest(name, known.iter().map(String::as_str));
        return Err(ConfigError(format!(
            "there is no setting {name} (in the environment); the nearest is {nearest}"
        )));
    }
    Ok(())
}
