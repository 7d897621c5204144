//! What is verified of stored figures.

/// What a crate has verified of its tables.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// What is counted, by name, and the statements that count it.
    pub counts: &'static [(&'static str, &'static str)],
    /// What is compared.
    pub comparisons: &'static [Comparison],
}

/// A comparison of stored figures with those from which they follow.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// What must be equal, in words.
    pub rule: &'static str,
    /// A statement that selects what differs: mode, platform, account, subject, the expected
    /// figure, and the stored one. Its parameter is how many rows.
    pub sql: &'static str,
}
