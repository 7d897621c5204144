//! Input from a person or a pipe: the value of a secret, and a confirmation.

use super::exit::{Exit, Failure};
use super::output;
use coffer_base::limit;
use std::io::{BufRead, IsTerminal, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// Most bytes that are read: more than any value can have, and few enough that a request with them
/// reaches the server, where each may take three, and gets its message.
const MOST: u64 = limit::BODY_BYTES as u64 / 4;

/// The value of a secret: a file as it is, or else standard input or what is typed at the prompt,
/// without one newline at its end.
///
/// # Errors
/// If it cannot be read, is empty, is longer than any value can be, or is no UTF-8.
pub fn value(name: &str, file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let (source, text) = match file {
        Some(path) => (path.display().to_string(), std::fs::File::open(path).and_then(read)),
        None if std::io::stdin().is_terminal() => ("the terminal".to_owned(), prompt(name)),
        None => ("standard input".to_owned(), read_trimmed(std::io::stdin().lock())),
    };
    let text = text.map_err(|error| Failure::usage(format!("{source} cannot be read: {error}")))?;
    match text.as_str() {
        "" => Err(Failure::usage("the value is empty; to remove a secret there is `delete`")),
        _ => Ok(text),
    }
}

/// A key of the API: what is typed at the prompt, or else standard input.
///
/// # Errors
/// If it cannot be read, or is no key.
pub fn key() -> Result<Zeroizing<String>, Failure> {
    let text = if std::io::stdin().is_terminal() {
        rpassword::prompt_password("API key (not shown): ").map(Zeroizing::new)
    } else {
        read(std::io::stdin().lock())
    };
    let text = text.map_err(|error| Failure::usage(format!("no key can be read: {error}")))?;
    let key = Zeroizing::new(text.trim().to_owned());
    let is_key = ["sk_", "rk_", "ak_"].iter().any(|start| key.starts_with(start));
    if is_key && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(key);
    }
    Err(Failure::usage("that is no key: an app's begins with sk_ or rk_, an admin key with ak_"))
}

fn prompt(name: &str) -> std::io::Result<Zeroizing<String>> {
    let prompt = format!("Value of {} (not shown): ", super::table::plain(name));
    rpassword::prompt_password(prompt).map(Zeroizing::new)
}

fn read_trimmed(from: impl Read) -> std::io::Result<Zeroizing<String>> {
    let mut text = read(from)?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

fn read(from: impl Read) -> std::io::Result<Zeroizing<String>> {
    // A buffer that grows leaves parts of the value behind.
    let most = usize::try_from(MOST).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 1));
    from.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        return Err(std::io::Error::other("it is longer than any value can be"));
    }
    let text = str::from_utf8(&bytes);
    text.map(|text| Zeroizing::new(text.to_owned())).map_err(std::io::Error::other)
}

/// Asks at the terminal whether `what` may be erased, unless `yes` says so already.
///
/// # Errors
/// If the answer is anything but the id, or if there is no terminal to ask at.
pub fn confirm(what: &str, id: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::usage(format!(
            "this erases {what}, for good, and there is no terminal to ask at; nothing was erased. \
             If you mean it, give --yes"
        )));
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
