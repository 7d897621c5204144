//! What `/metrics` shows, as a collector reads it.

use crate::client::Client;
use crate::server::{TestServer, url_of};
use std::collections::{BTreeMap, BTreeSet};

/// One answer: each figure by its name and labels, as they are written.
#[derive(Clone, Debug)]
pub struct Scrape {
    text: String,
    figures: BTreeMap<String, f64>,
}

impl Scrape {
    /// Reads an answer, whose every line must be one of the format.
    pub fn parse(text: &str) -> Self {
        let mut figures = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            let value = value.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
            assert!(figures.insert(series.to_owned(), value).is_none(), "twice: {series}");
        }
        Self { text: text.to_owned(), figures }
    }

    /// The answer itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The figure of a series, such as `coffer_connections{listener="api"}`.
    #[track_caller]
    pub fn value(&self, series: &str) -> f64 {
        self.find(series).unwrap_or_else(|| panic!("there is no {series} in\n{}", self.text))
    }

    /// The same, if it is there.
    pub fn find(&self, series: &str) -> Option<f64> {
        self.figures.get(series).copied()
    }

    /// The names of all metrics, as their types are declared.
    pub fn names(&self) -> BTreeSet<&str> {
        let declared = self.text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        declared.filter_map(|rest| rest.split(' ').next()).collect()
    }
}

impl TestServer {
    /// All figures, by the admin API, as an operator reads them.
    pub fn scrape(&self) -> Scrape {
        let answer = self.admin().get("/metrics", &[]);
        assert_eq!(answer.status, 200, "{}", answer.body);
        Scrape::parse(&answer.body)
    }

    /// Whoever collects metrics, if there is a listener for them.
    pub fn collector(&self) -> Client {
        Client::anonymous(&url_of(self.server().metrics_address.as_ref()))
    }
}
