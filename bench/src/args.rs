//! Command lines of the form `--name value`, for the program and for the processes it starts.

use std::collections::BTreeMap;
use std::str::FromStr;

/// What went wrong, for the person who runs the benchmark.
pub type Result<T> = std::result::Result<T, String>;

/// The options that were given, by name.
pub struct Args(BTreeMap<String, String>);

impl Args {
    /// Reads `--name value` pairs. A name without a value, a value without a name and a name that
    /// is not among `known` are errors.
    pub fn parse(words: impl IntoIterator<Item = String>, known: &[&str]) -> Result<Self> {
        let mut options = BTreeMap::new();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let name = word
                .strip_prefix("--")
                .filter(|name| known.contains(name))
                .ok_or_else(|| format!("unknown option {word:?}; known: {}", known.join(", ")))?;
            let value = words.next().ok_or_else(|| format!("--{name} needs a value"))?;
            options.insert(name.to_owned(), value);
        }
        Ok(Self(options))
    }

    /// The value of an option, or `default` if it was not given.
    pub fn or<T: FromStr>(&self, name: &str, default: T) -> Result<T> {
        self.optional(name).map(|value| value.unwrap_or(default))
    }

    /// The value of an option that must be given.
    pub fn required<T: FromStr>(&self, name: &str) -> Result<T> {
        self.optional(name)?.ok_or_else(|| format!("--{name} is missing"))
    }

    /// The value of an option, if it was given.
    pub fn optional<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.0.get(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("--{name} cannot be {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args> {
        Args::parse(line.split_whitespace().map(str::to_owned), &["port", "rows"])
    }

    #[test]
    fn reads_pairs_and_falls_back() {
        let args = parse("--port 80").unwrap();
        assert_eq!(args.required::<u16>("port"), Ok(80));
        assert_eq!(args.or::<u64>("rows", 7), Ok(7));
        assert!(args.required::<u64>("rows").is_err());
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(parse("--prot 80").is_err());
        assert!(parse("--port").is_err());
        assert!(parse("80").is_err());
        assert!(parse("--port many").unwrap().required::<u16>("port").is_err());
    }
}
