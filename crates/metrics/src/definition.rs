//! What a metric is.

/// How a metric's figures behave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It only grows, from 0 at the server's start.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Durations, counted by how long they were.
    Histogram,
}

impl Kind {
    /// The word for it in Prometheus' text format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric: its name, and what its figures mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metric {
    /// Its name, by Prometheus' conventions: words, then the unit, then `total` of counters.
    pub name: &'static str,
    /// How its figures behave.
    pub kind: Kind,
    /// The names of its labels, in the order in which values are given. None of them is ever an
    /// app, an account, a user, a key or a secret.
    pub labels: &'static [&'static str],
    /// What it means, in a sentence.
    pub help: &'static str,
}

impl Metric {
    /// Its unit, as its name says: seconds (`s`) or bytes (`By`), as UCUM writes them; `None` of
    /// what is counted one by one.
    pub fn unit(&self) -> Option<&'static str> {
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        let units = [("_seconds", "s"), ("_bytes", "By")];
        units.into_iter().find(|(suffix, _)| name.ends_with(suffix)).map(|(_, unit)| unit)
    }
}

/// Defines metrics, and a list of them all:
/// `NAME: Kind "name" ["label"] "what it means";`.
macro_rules! metrics {
    ($($name:ident: $kind:ident $text:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = concat!("`", $text, "`: ", $help)]
            pub const $name: Metric = Metric {
                name: $text,
                kind: Kind::$kind,
                labels: &[$($label),*],
                help: $help,
            };
        )*

        /// All of them, in the order in which they are exposed.
        pub const ALL: &[&Metric] = &[$(&$name),*];
    };
}

pub(crate) use metrics;
