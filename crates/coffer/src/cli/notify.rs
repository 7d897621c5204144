//! Telling the service manager how far the server is (sd_notify(3)): for units of `Type=notify`.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The server listens.
pub fn ready() {
    tell("READY=1");
}

/// It stops, and finishes the requests under way.
pub fn stopping() {
    tell("STOPPING=1");
}

/// Sends a state to the socket that the service manager named, if it did. One that is gone takes
/// nothing from the server.
fn tell(state: &str) {
    let Some(place) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match place.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(&place),
    };
    let sent = address
        .and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = sent {
        tracing::warn!(%error, state, "the service manager cannot be told");
    }
}
