//! Checkpoints as arguments and in files.

use crate::cli::exit::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coffer_audit::checkpoint::Checkpoint;
use std::path::Path;

/// Hashes in base 64.
pub(super) fn base64(hashes: &[[u8; 32]]) -> Vec<String> {
    hashes.iter().map(|hash| STANDARD.encode(hash)).collect()
}

/// The size of a checkpoint that an argument names: a number, or a file whose last one is meant.
///
/// # Errors
/// If the argument is neither.
pub(super) fn size_of(argument: &str) -> Result<u64, Failure> {
    if let Ok(size) = argument.parse() {
        return Ok(size);
    }
    let notes = in_file(Path::new(argument))?;
    let last = notes.last().and_then(|note| Checkpoint::read(note).ok());
    last.map(|checkpoint| checkpoint.tree.size)
        .ok_or_else(|| Failure::usage(format!("{argument} has no checkpoint")))
}

/// The notes in a file, one behind the other with empty lines between them.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn in_file(path: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    Ok(notes(&text))
}

/// Cuts a text into its notes: each ends with the lines of its signatures.
fn notes(text: &str) -> Vec<String> {
    let (mut notes, mut one, mut is_signed) = (Vec::new(), String::new(), false);
    for line in text.lines() {
        let is_signature = line.starts_with('\u{2014}');
        if is_signed && !is_signature {
            notes.push(std::mem::take(&mut one));
        }
        is_signed = is_signature;
        if !(one.is_empty() && line.is_empty()) {
            one.push_str(line);
            one.push('\n');
        }
    }
    notes.extend(Some(one).filter(|one| !one.is_empty()));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_notes_is_cut_where_they_end() {
        let one = "a\n1\nroot\n\n\u{2014} a sig\n";
        let two = "a\n2\nroot\n\n\u{2014} a sig\n\u{2014} b sig\n";
        assert_eq!(notes(&format!("{one}\n{two}\n")), [one, two]);
        assert_eq!(notes(&format!("{one}{two}")), [one, two]);
        assert_eq!(notes("\n\n"), [""; 0]);
        assert_eq!(notes("torn"), ["torn\n"]);
    }
}
