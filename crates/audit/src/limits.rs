//! The bounds of the audit.

/// Characters of an entry's detail: a line of the program's own words.
pub const DETAIL_CHARACTERS: usize = 500;

/// Characters of a name that an entry has in clear: most have far fewer, and a row stays small.
pub const NAME_CHARACTERS: usize = 200;

/// Characters of a machine's name in each entry: most have fewer.
pub const MACHINE_CHARACTERS: usize = 40;
