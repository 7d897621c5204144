//! Something that is longer than its rule allows.

/// The rules of length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Lines of a function, from `fn` to its last brace: what fits a screen.
    Function,
    /// Lines of a file: what can be read at one sitting.
    File,
    /// Characters of a line.
    Lines,
}

impl Rule {
    /// The word for it in the list of exceptions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::File => "file",
            Self::Lines => "lines",
        }
    }

    /// The most that is allowed.
    pub const fn limit(self) -> usize {
        match self {
            Self::Function => 70,
            Self::File => 500,
            Self::Lines => 100,
        }
    }
}

/// One place that is too long.
#[derive(Debug)]
pub struct Excess {
    pub rule: Rule,
    pub path: String,
    pub line: usize,
    /// The function's name; empty for the other rules.
    pub name: String,
    /// How many lines the function or file has, or how many characters the longest line.
    pub size: usize,
}

impl Excess {
    /// How the list of exceptions names the place.
    pub fn place(&self) -> String {
        match self.rule {
            Rule::Function => format!("{}::{}", self.path, self.name),
            Rule::File | Rule::Lines => self.path.clone(),
        }
    }

    /// What is wrong, for the reader.
    pub fn message(&self) -> String {
        let (size, limit) = (self.size, self.rule.limit());
        match self.rule {
            Rule::Function => {
                format!("the function {} has {size} lines; a screen holds {limit}", self.name)
            }
            Rule::File => format!("the file has {size} lines; {limit} is the most"),
            Rule::Lines => format!("the line has {size} characters; {limit} is the most"),
        }
    }
}
