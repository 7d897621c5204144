//! Values and answers from a person or a pipe.

use super::exit::{Exit, Failure};
use super::output;
use coffer_base::limit;
use std::io::{BufRead, IsTerminal, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// The value of a secret: the file as it is, or standard input or what is typed at the prompt,
/// without one newline at its end.
///
/// # Errors
/// If it cannot be read, is empty, is no UTF-8, or longer than any secret can be.
pub fn value(name: &str, file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let failed = |what: String, error: std::io::Error| {
        Failure::usage(format!("{what} cannot be read: {error}"))
    };
    let text = if let Some(path) = file {
        let shown = path.display().to_string();
        let opened = std::fs::File::open(path).map_err(|error| failed(shown.clone(), error))?;
        read(opened).map_err(|error| failed(shown, error))?
    } else if std::io::stdin().is_terminal() {
        let prompt = format!("Value of {} (not shown): ", super::table::plain(name));
        let typed = rpassword::prompt_password(prompt);
        Zeroizing::new(typed.map_err(|error| failed("the terminal".to_owned(), error))?)
    } else {
        let text = read(std::io::stdin().lock());
        let mut text = text.map_err(|error| failed("standard input".to_owned(), error))?;
        if text.ends_with('\n') {
            text.pop();
        }
        text
    };
    match text.as_str() {
        "" => Err(Failure::usage("the value is empty; to remove a secret there is `delete`")),
        _ => Ok(text),
    }
}

/// Longer than any value can be, so that what is too long is refused by the server's own rule.
const MOST: u64 = limit::BODY_BYTES as u64;

fn read(from: impl Read) -> std::io::Result<Zeroizing<String>> {
    let mut text =
        Zeroizing::new(String::with_capacity(coffer_secrets::limits::SECRET_PAYLOAD_CHARACTERS));
    from.take(MOST).read_to_string(&mut text)?;
    Ok(text)
}

/// Asks whether `what` may be erased, if there is a person to ask and nobody said yes before.
///
/// # Errors
/// If the answer is anything but the id.
pub fn confirm(what: &str, id: &str, yes: bool) -> Result<(), Failure> {
    if yes || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(());
    }
    output::note(&format!("This erases {what}, for good. Type {id} to go on:"));
    let mut answer = String::new();
    let longest = u64::try_from(limit::ID_CHARACTERS).unwrap_or(u64::MAX);
    let read = std::io::stdin().lock().take(longest + 2).read_line(&mut answer);
    if read.is_ok() && answer.trim() == id {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, "nothing was erased"))
}
