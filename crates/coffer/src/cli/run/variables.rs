//! Secrets as variables of a process, or as the text of a file.

use super::fetched::Fetched;
use crate::cli::args::RunArgs;
use crate::cli::exit::Failure;
use crate::cli::secret_text::{self, Form};
use crate::cli::table::plain;
use std::path::Path;
use std::process::Command;
use zeroize::Zeroizing;

/// Variables that steer how programs start or what they load: whoever may set a secret must not
/// come to run code by its name.
const STEERING: [&str; 22] = [
    "PATH",
    "HOME",
    "SHELL",
    "IFS",
    "ENV",
    "BASH_ENV",
    "BASHOPTS",
    "SHELLOPTS",
    "PS4",
    "PROMPT_COMMAND",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONHOME",
    "PERL5LIB",
    "PERL5OPT",
    "RUBYLIB",
    "RUBYOPT",
    "JAVA_TOOL_OPTIONS",
    "GIT_SSH_COMMAND",
    "GCONV_PATH",
];

/// What such variables begin with.
const STEERING_PREFIXES: [&str; 3] = ["LD_", "DYLD_", "COFFER_"];

/// Variables with their values, in the order of the secrets.
#[derive(PartialEq, Eq)]
pub struct Variables(Vec<(String, Zeroizing<String>)>);

impl Variables {
    /// Those of the secrets that the arguments choose, under the names that they give.
    ///
    /// # Errors
    /// If a secret that --map names is not there, if a name or a value can be none of a variable,
    /// or if two secrets have one variable.
    pub fn of(secrets: &[Fetched], args: &RunArgs) -> Result<Self, Failure> {
        for (name, _) in &args.maps {
            if !secrets.iter().any(|secret| secret.name == *name) {
                let name = plain(name);
                return Err(Failure::usage(format!(
                    "--map names '{name}': there is no such secret"
                )));
            }
        }
        let mut variables: Vec<(String, Zeroizing<String>)> = Vec::new();
        for secret in secrets {
            let mapped = args.maps.iter().filter(|(name, _)| *name == secret.name);
            let mut names: Vec<String> = mapped.map(|(_, variable)| variable.clone()).collect();
            if names.is_empty() && !args.only {
                names.push(derived(&secret.name, args.prefix.as_deref().unwrap_or_default())?);
            }
            for name in names {
                check_value(secret)?;
                if variables.iter().any(|(known, _)| *known == name) {
                    let of = plain(&secret.name);
                    return Err(Failure::usage(format!(
                        "'{of}' and another secret have the same variable, {name}: give one of \
                         them another with --map NAME=ENV"
                    )));
                }
                variables.push((name, secret.payload.clone()));
            }
        }
        Ok(Self(variables))
    }

    /// Gives them to a command that is about to start.
    pub fn add_to(&self, command: &mut Command) {
        for (name, value) in &self.0 {
            command.env(name, value.as_str());
        }
    }

    /// The text of the file at `path`, in the form that its name ends with.
    pub fn file(&self, path: &Path) -> Zeroizing<String> {
        let pairs = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str(), None));
        secret_text::write(Form::of(path).unwrap_or(Form::Dotenv), pairs)
    }
}

/// The variable of a secret: its name in capitals, with _ for what no variable can have.
fn derived(name: &str, prefix: &str) -> Result<String, Failure> {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let mut variable: String = prefix.chars().chain(name.chars().map(letter)).collect();
    if variable.starts_with(|c: char| c.is_ascii_digit()) {
        variable.insert(0, '_');
    }
    let steers = STEERING.contains(&variable.as_str())
        || STEERING_PREFIXES.iter().any(|start| variable.starts_with(start));
    if steers {
        return Err(Failure::usage(format!(
            "the secret '{}' would become the variable {variable}, which steers how programs \
             start. If that is meant, say so with --map; else use --prefix",
            plain(name)
        )));
    }
    Ok(variable)
}

fn check_value(secret: &Fetched) -> Result<(), Failure> {
    if secret.payload.contains('\0') {
        let name = plain(&secret.name);
        return Err(Failure::usage(format!(
            "the value of '{name}' has a NUL, which no variable can have; use --map with --only to \
             leave it out"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_variables() {
        for (name, prefix, variable) in [
            ("token", "", "TOKEN"),
            ("stripe.token-2", "", "STRIPE_TOKEN_2"),
            ("2nd", "", "_2ND"),
            ("2nd", "APP_", "APP_2ND"),
            ("é", "", "_"),
            ("path", "MY_", "MY_PATH"),
        ] {
            assert_eq!(derived(name, prefix).unwrap(), variable, "{name}");
        }
        for name in ["path", "LD_PRELOAD", "ld.preload", "coffer_api_key", "Bash-Env", "ifs"] {
            assert!(derived(name, "").is_err(), "{name}");
        }
    }
}
