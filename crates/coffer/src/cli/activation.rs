//! Sockets that the service manager has bound and hands over (sd_listen_fds(3)), so that they are
//! there before the server is, and stay while it is restarted.

use super::exit::Failure;
use coffer::serve::{HandedSocket, HandedSockets};
use listenfd::ListenFd;
use std::ffi::OsStr;

/// What a socket is called by its unit: by `FileDescriptorName=`, or without it by the unit's name.
const NAMES: [(&str, &str); 3] = [
    ("api", "coffer.socket"),
    ("admin", "coffer-admin.socket"),
    ("metrics", "coffer-metrics.socket"),
];

/// The sockets that are for this process; none, if it was started without.
///
/// Takes the variables away that tell of them, so it is called before there are other threads.
///
/// # Errors
/// If one is not listened on, or if it is not known what it is for.
pub fn sockets() -> Result<HandedSockets, Failure> {
    let variable = |name| std::env::var_os(name);
    // They stay in the environment of whatever this process starts; those sockets are not theirs.
    let own = std::process::id().to_string();
    if variable("LISTEN_PID").as_deref() != Some(OsStr::new(&own)) {
        return Ok(HandedSockets::default());
    }
    let names = variable("LISTEN_FDNAMES");
    let names = names.map(|names| names.to_string_lossy().into_owned());
    let mut all = ListenFd::from_env();
    let names = names_of(names.as_deref(), all.len())?;
    let mut sockets = HandedSockets::default();
    for (index, name) in names.iter().enumerate() {
        let place = place(&mut sockets, name)?;
        if place.is_some() {
            return Err(refused(name, "another socket has this name, too"));
        }
        let taken = take(&mut all, index);
        *place = Some(taken.map_err(|error| refused(name, &error.to_string()))?);
    }
    Ok(sockets)
}

fn take(all: &mut ListenFd, index: usize) -> std::io::Result<HandedSocket> {
    if let Ok(Some(listener)) = all.take_unix_listener(index) {
        return HandedSocket::unix(listener);
    }
    let nothing = || std::io::Error::other("it is not there");
    all.take_tcp_listener(index)?.ok_or_else(nothing).and_then(HandedSocket::tcp)
}

/// The names of so many sockets. A single one without a name is the API's.
fn names_of(names: Option<&str>, count: usize) -> Result<Vec<String>, Failure> {
    let names: Vec<String> = match names {
        Some(names) => names.split(':').map(str::to_owned).collect(),
        None if count <= 1 => vec!["api".to_owned(); count],
        None => Vec::new(),
    };
    if names.len() == count {
        return Ok(names);
    }
    Err(Failure::usage(format!(
        "the service manager handed over {count} sockets and named {}: give each socket unit \
         FileDescriptorName=api, admin or metrics",
        names.len()
    )))
}

fn place<'a>(
    sockets: &'a mut HandedSockets,
    name: &str,
) -> Result<&'a mut Option<HandedSocket>, Failure> {
    let known = NAMES.iter().find(|(short, unit)| [*short, *unit].contains(&name));
    match known.map(|(short, _)| *short) {
        Some("api") => Ok(&mut sockets.api),
        Some("admin") => Ok(&mut sockets.admin),
        Some("metrics") => Ok(&mut sockets.metrics),
        _ => Err(refused(name, "its name is none of api, admin and metrics (FileDescriptorName=)")),
    }
}

fn refused(name: &str, why: &str) -> Failure {
    Failure::usage(format!("the socket {name} of the service manager cannot be used: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_known_by_their_names() {
        let names = |names, count| names_of(names, count).ok();
        assert_eq!(names(Some("api:admin"), 2).unwrap(), ["api", "admin"]);
        assert_eq!(names(None, 1).unwrap(), ["api"]);
        assert!(names(None, 0).unwrap().is_empty());
        assert!(names(None, 2).is_none() && names(Some("api"), 2).is_none());
        let mut sockets = HandedSockets::default();
        for name in ["api", "coffer-admin.socket", "metrics"] {
            assert!(place(&mut sockets, name).is_ok(), "{name}");
        }
        assert!(place(&mut sockets, "unknown").is_err());
    }
}
