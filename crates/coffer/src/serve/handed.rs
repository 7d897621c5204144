//! Sockets that somebody else has bound, and handed to this process when it was started.

use super::Address;
use super::listener::{DetachedListener, Listener};
use std::io::{Error, Result};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

/// What is said of a socket that is a connection.
const CONNECTED: &str = "it is a connection, not a socket that is listened on: a socket unit needs \
                         Accept=no";

/// A socket that is listened on already.
pub struct HandedSocket {
    listener: DetachedListener,
    address: Address,
}

impl HandedSocket {
    /// A TCP socket.
    ///
    /// # Errors
    /// If it is a connection, or if the system does not say where it listens.
    pub fn tcp(listener: TcpListener) -> Result<Self> {
        let stream = TcpStream::from(OwnedFd::from(listener));
        if stream.peer_addr().is_ok() {
            return Err(Error::other(CONNECTED));
        }
        let listener = TcpListener::from(OwnedFd::from(stream));
        listener.set_nonblocking(true)?;
        let address = Address::Tcp(listener.local_addr()?);
        Ok(Self { listener: DetachedListener::Tcp(listener), address })
    }

    /// A socket in the file system.
    ///
    /// # Errors
    /// If it is a connection, or has no path: file permissions say who may connect.
    pub fn unix(listener: UnixListener) -> Result<Self> {
        let stream = UnixStream::from(OwnedFd::from(listener));
        if stream.peer_addr().is_ok() {
            return Err(Error::other(CONNECTED));
        }
        let listener = UnixListener::from(OwnedFd::from(stream));
        listener.set_nonblocking(true)?;
        let bound = listener.local_addr()?;
        let Some(path) = bound.as_pathname() else {
            return Err(Error::other("it has no path, so any user could connect"));
        };
        let address = Address::Unix(path.to_owned());
        Ok(Self { listener: DetachedListener::Unix(listener), address })
    }

    /// Gives it to the runtime that calls this.
    pub(super) fn attach(self) -> Result<(Listener, Address)> {
        Ok((self.listener.attach()?, self.address))
    }

    /// Where it listens.
    pub const fn address(&self) -> &Address {
        &self.address
    }
}

/// Those for each listener; one that is not here is bound by the server itself.
#[derive(Default)]
pub struct HandedSockets {
    /// The API's.
    pub api: Option<HandedSocket>,
    /// The admin API's.
    pub admin: Option<HandedSocket>,
    /// That for metrics.
    pub metrics: Option<HandedSocket>,
}

/// The files of the sockets that the server makes itself, and takes away when it stops: those for
/// which it has an address and was handed nothing.
pub(super) fn own_files(listeners: [(Option<&Address>, &Option<HandedSocket>); 3]) -> Vec<PathBuf> {
    let own = listeners.into_iter().filter(|(_, handed)| handed.is_none());
    own.filter_map(|(address, _)| match address? {
        Address::Unix(path) => Some(path.clone()),
        Address::Tcp(_) => None,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_no_socket_to_listen_on() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let connection = TcpListener::from(OwnedFd::from(client));
        let refused = HandedSocket::tcp(connection).err().unwrap();
        assert!(refused.to_string().contains("Accept=no"), "{refused}");
        let at = listener.local_addr().unwrap();
        assert_eq!(HandedSocket::tcp(listener).unwrap().address, Address::Tcp(at));
        let (one, _other) = UnixStream::pair().unwrap();
        assert!(HandedSocket::unix(UnixListener::from(OwnedFd::from(one))).is_err());
    }
}
