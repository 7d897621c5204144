//! Telling the service manager how far the server is (sd_notify(3)): for units of `Type=notify`.

use std::ffi::OsStr;
use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The server listens.
pub fn ready() {
    tell("READY=1");
}

/// The configuration is read again; [`ready`] follows.
pub fn reloading() {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
    tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
}

/// The server makes progress. A service manager that takes nothing is not waited for.
pub fn alive() {
    tell_by("WATCHDOG=1", |socket| socket.set_nonblocking(true));
}

/// It stops, and finishes the requests under way.
pub fn stopping() {
    tell("STOPPING=1");
}

/// Sends a state to the socket that the service manager named, if it did. One that is gone takes
/// nothing from the server.
fn tell(state: &str) {
    tell_by(state, |_| Ok(()));
}

fn tell_by(state: &str, prepare: impl FnOnce(&UnixDatagram) -> io::Result<()>) {
    let Some(place) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let send = |address| {
        let socket = UnixDatagram::unbound()?;
        prepare(&socket)?;
        socket.send_to_addr(state.as_bytes(), &address)
    };
    if let Err(error) = address_of(&place).and_then(send) {
        tracing::warn!(%error, state, "the service manager cannot be told");
    }
}

/// A path, or on Linux a name without a file.
fn address_of(place: &OsStr) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = std::os::unix::ffi::OsStrExt::as_bytes(place).strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(place)
}
