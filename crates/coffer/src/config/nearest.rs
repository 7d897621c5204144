//! The known name that somebody probably meant.

/// The one of `known` with the smallest Levenshtein distance to `name`; empty if none is known.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> &'a str {
    known.min_by_key(|candidate| strsim::levenshtein(name, candidate)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_near() {
        let known = ["listen", "admin_listen", "log_level"];
        assert_eq!(nearest("lsiten", known.into_iter()), "listen");
        assert_eq!(nearest("loglevel", known.into_iter()), "log_level");
    }
}
