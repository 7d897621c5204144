//! Bounds of the documents.

/// Characters of what is searched for in the documents; what is beyond is not looked at.
pub const QUERY_CHARACTERS: usize = 100;

/// Words of it, each of which is looked for in every section.
pub const QUERY_WORDS: usize = 6;

/// Sections that a search in the documents shows: the best.
pub const FOUND_SECTIONS: usize = 20;

/// Characters of a section that a search shows.
pub const SNIPPET_CHARACTERS: usize = 160;
