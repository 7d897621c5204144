//! The password file that PostgreSQL's own clients read (its manual, "The Password File").

use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{Result, StorageError};

/// How long a password file may be, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// The password of the first line that fits one of `addresses`; `None` if none does.
///
/// # Errors
/// [`StorageError::File`] if the file cannot be read, is too long, or others can reach it too.
pub(super) fn find(
    path: &Path,
    addresses: &[(String, u16)],
    database: &str,
    user: &str,
) -> Result<Option<Zeroizing<String>>> {
    let text = coffer_secretfile::read_text(path, MAX_BYTES)
        .map_err(|error| StorageError::File(format!("the password file {error}").into()))?;
    let found = text.lines().find_map(|line| {
        let mut addresses = addresses.iter();
        addresses
            .find_map(|(host, port)| password_of(line, &[host, &port.to_string(), database, user]))
    });
    Ok(found)
}

/// The password of a line whose other fields are `wanted`, or `*`.
fn password_of(line: &str, wanted: &[&str; 4]) -> Option<Zeroizing<String>> {
    if line.starts_with('#') {
        return None;
    }
    let mut rest = line;
    for each in wanted {
        let (field, after) = field(rest);
        if *field != **each && *field != "*" {
            return None;
        }
        rest = after?;
    }
    Some(field(rest).0)
}

/// The first field, and what follows its colon. A backslash escapes a colon or a backslash.
fn field(text: &str) -> (Zeroizing<String>, Option<&str>) {
    let mut field = Zeroizing::new(String::with_capacity(text.len()));
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            ':' => return (field, text.get(at.saturating_add(1)..)),
            '\\' => field.extend(letters.next().map(|(_, escaped)| escaped)),
            _ => field.push(letter),
        }
    }
    (field, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_matching_line_applies() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pgpass");
        let text = "# a comment:*:*:*:no\nhost:5432:d:u:one\n*:*:d:u:tw\\\\o\n*:*:*:short\n";
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let of = |host: &str, port, database| {
            let addresses = [(host.to_owned(), port)];
            find(&path, &addresses, database, "u").unwrap().map(|found| found.to_string())
        };
        assert_eq!(of("host", 5432, "d").unwrap(), "one");
        assert_eq!(of("host", 5433, "d").unwrap(), "tw\\o");
        assert_eq!(of("host", 5432, "e"), None);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pgpass");
        std::fs::write(&path, "*:*:*:*:hunter2\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let error = find(&path, &[], "d", "u").unwrap_err().to_string();
        assert!(error.contains("chmod") && !error.contains("hunter2"), "{error}");
    }
}
