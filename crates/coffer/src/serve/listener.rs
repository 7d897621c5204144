//! Sockets that are listened on.

use super::Address;
use crate::limits;
use coffer_kernel::Peer;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

/// A socket that is listened on.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The same, on its way to another runtime.
pub(super) enum DetachedListener {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

/// A connection.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The same, on its way to another runtime.
pub(super) enum DetachedStream {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl Stream {
    /// Takes the connection away from its runtime.
    pub(super) fn detach(self) -> io::Result<DetachedStream> {
        Ok(match self {
            Self::Tcp(stream) => DetachedStream::Tcp(stream.into_std()?),
            Self::Unix(stream) => DetachedStream::Unix(stream.into_std()?),
        })
    }
}

impl DetachedStream {
    /// Gives the connection to the runtime that calls this.
    pub(super) fn attach(self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(stream) => Stream::Tcp(TcpStream::from_std(stream)?),
            Self::Unix(stream) => Stream::Unix(UnixStream::from_std(stream)?),
        })
    }
}

impl Listener {
    /// The next connection, and who is at its other end.
    pub(super) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Stream::Tcp(stream), Peer::of(address.ip())))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), Peer::Unix))
            }
        }
    }

    /// Takes the socket away from its runtime.
    pub(super) fn detach(self) -> io::Result<DetachedListener> {
        Ok(match self {
            Self::Tcp(listener) => DetachedListener::Tcp(listener.into_std()?),
            Self::Unix(listener) => DetachedListener::Unix(listener.into_std()?),
        })
    }
}

impl DetachedListener {
    /// Gives the socket to the runtime that calls this.
    pub(super) fn attach(self) -> io::Result<Listener> {
        Ok(match self {
            Self::Tcp(listener) => Listener::Tcp(TcpListener::from_std(listener)?),
            Self::Unix(listener) => Listener::Unix(UnixListener::from_std(listener)?),
        })
    }
}

/// Listens on `address`; the one that comes back has the port that was chosen.
pub(super) fn bind(address: &Address) -> io::Result<(Listener, Address)> {
    match address {
        Address::Tcp(socket) => bind_tcp(socket),
        Address::Unix(path) => bind_unix(path),
    }
}

fn bind_tcp(socket: &SocketAddr) -> io::Result<(Listener, Address)> {
    let open = match socket {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A server that starts anew finds connections of the one before that are not over yet.
    open.set_reuseaddr(true)?;
    open.bind(*socket)?;
    let listener = open.listen(limits::ACCEPT_QUEUE)?;
    let bound = listener.local_addr()?;
    Ok((Listener::Tcp(listener), Address::Tcp(bound)))
}

fn bind_unix(path: &Path) -> io::Result<(Listener, Address)> {
    use std::os::unix::fs::PermissionsExt;
    // A killed server leaves its socket behind, which refuses connections; a live one accepts, or
    // lets in only others.
    let tried = std::os::unix::net::UnixStream::connect(path);
    if tried.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        remove_stale_socket(path);
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok((Listener::Unix(listener), Address::Unix(path.to_owned())))
}

fn remove_stale_socket(path: &Path) {
    use std::os::unix::fs::FileTypeExt;
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket()) {
        remove_socket(path);
    }
}

/// Removes the file of a socket that is no longer listened on.
pub(super) fn remove_socket(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "the socket's file was not removed");
    }
}
