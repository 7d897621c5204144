//! Texts as words of a shell, so that a command in a message works as it is pasted.

use std::borrow::Cow;

/// `text` as one word of a POSIX shell: as it is, or between single quotes if it has a character
/// that a shell would take for something else.
pub fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:=@%+,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_split_or_expand_is_quoted() {
        for (text, expected) in [
            ("/var/lib/coffer", "/var/lib/coffer"),
            ("./coffer-data", "./coffer-data"),
            ("", "''"),
            ("a b", "'a b'"),
            ("~/x", "'~/x'"),
            ("$HOME", "'$HOME'"),
            ("it's", r"'it'\''s'"),
            ("a\"b;c`d`", "'a\"b;c`d`'"),
        ] {
            assert_eq!(word(text), expected);
        }
    }
}
