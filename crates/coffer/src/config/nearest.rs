//! The known name that somebody probably meant.

/// The one of `known` that takes the fewest changes to become `name`; empty if none is known.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> &'a str {
    known.min_by_key(|candidate| distance(name, candidate)).unwrap_or_default()
}

/// How many letters must be changed, added or taken away (Levenshtein), row by row.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, letter) in from.chars().enumerate() {
        let mut next = vec![at + 1];
        for ((above, pair), other) in row.iter().skip(1).zip(&row).zip(&to) {
            let left = next.last().copied().unwrap_or_default();
            let changed = pair + usize::from(letter != *other);
            next.push(changed.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_near() {
        let known = ["listen", "admin_listen", "log_level"];
        assert_eq!(nearest("lsiten", known.into_iter()), "listen");
        assert_eq!(nearest("loglevel", known.into_iter()), "log_level");
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
