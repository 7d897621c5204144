//! The bounds of the audit.

/// Characters of an entry's detail: a line of the program's own words.
pub const DETAIL_CHARACTERS: usize = 500;
