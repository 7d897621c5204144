//! Who is at the other end of a connection, and the networks by which peers are told apart: those
//! of proxies that are believed, and those that a key may be used from.

use coffer_audit::PeerAddress;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// A socket in the file system.
    Unix,
    /// An address.
    Ip(IpAddr),
}

/// A peer as budgets know it: an IPv6 customer has a whole network of addresses, and is one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum PeerKey {
    Unix,
    V4(u32),
    V6Network(u64),
}

impl Peer {
    /// The peer of a TCP connection. An IPv4 address that is written as an IPv6 one is the former.
    pub const fn of(address: IpAddr) -> Self {
        Self::Ip(address.to_canonical())
    }

    /// Whether it is on this machine.
    pub const fn is_local(self) -> bool {
        match self {
            Self::Unix => true,
            Self::Ip(address) => address.is_loopback(),
        }
    }

    /// The same, as the audit says it.
    pub const fn address(self) -> PeerAddress {
        match self {
            Self::Unix => PeerAddress::Unix,
            Self::Ip(address) => PeerAddress::Ip(address),
        }
    }

    /// Whether both are one customer of an address provider, as budgets see it.
    pub fn is_neighbour_of(self, other: Self) -> bool {
        self.key() == other.key()
    }

    pub(crate) fn key(self) -> PeerKey {
        match self {
            Self::Unix => PeerKey::Unix,
            Self::Ip(IpAddr::V4(address)) => PeerKey::V4(address.to_bits()),
            Self::Ip(IpAddr::V6(address)) => PeerKey::V6Network(network(address)),
        }
    }
}

/// The first 64 bits.
fn network(address: Ipv6Addr) -> u64 {
    u64::try_from(address.to_bits() >> 64).unwrap_or_default()
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix => f.write_str("unix"),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// Peers by where they are: an address, a network such as `10.0.0.0/8`, or `unix` for whoever
/// reaches a socket in the file system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network(Kind);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Unix,
    Network { first: IpAddr, bits: u8 },
}

impl Network {
    /// Whether no bit is set behind the network's own, as in `10.0.0.0/8`: whoever writes
    /// `10.1.2.3/8` may mean one address, and would open sixteen million.
    pub fn is_exact(self) -> bool {
        match self.0 {
            Kind::Unix => true,
            Kind::Network { first: IpAddr::V4(first), bits } => {
                u64::from(first.to_bits()).trailing_zeros() + u32::from(bits) >= 32
            }
            Kind::Network { first: IpAddr::V6(first), bits } => {
                first.to_bits().trailing_zeros() + u32::from(bits) >= 128
            }
        }
    }

    /// Whether `peer` is in it.
    pub fn includes(self, peer: Peer) -> bool {
        match (self.0, peer) {
            (Kind::Unix, Peer::Unix) => true,
            (Kind::Network { first, bits }, Peer::Ip(address)) => match (first, address) {
                (IpAddr::V4(first), IpAddr::V4(address)) => {
                    let differing = u64::from(first.to_bits() ^ address.to_bits());
                    differing >> (32 - u32::from(bits)) == 0
                }
                (IpAddr::V6(first), IpAddr::V6(address)) => {
                    let differing = first.to_bits() ^ address.to_bits();
                    differing.checked_shr(128 - u32::from(bits)).unwrap_or_default() == 0
                }
                _ => false,
            },
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    /// Parses an address, a network or `unix`; the error is a sentence for the person who wrote it.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "unix" {
            return Ok(Self(Kind::Unix));
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let wrong =
            || format!("'{text}' is no IP address, no network such as 10.0.0.0/8, nor unix");
        let first: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits: u8 = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        if bits > most {
            return Err(wrong());
        }
        // An IPv4 network that is written as an IPv6 one is the former, as with a peer's address.
        let mapped = match first {
            IpAddr::V6(address) => address.to_ipv4_mapped().zip(bits.checked_sub(96)),
            IpAddr::V4(_) => None,
        };
        let (first, bits) = mapped.map_or((first, bits), |(first, bits)| (IpAddr::V4(first), bits));
        Ok(Self(Kind::Network { first, bits }))
    }
}

impl fmt::Display for Network {
    /// As it is parsed: an address alone if it is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Unix => f.write_str("unix"),
            Kind::Network { first: first @ IpAddr::V4(_), bits: 32 }
            | Kind::Network { first: first @ IpAddr::V6(_), bits: 128 } => first.fmt(f),
            Kind::Network { first, bits } => write!(f, "{first}/{bits}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_addresses_and_what_begins_alike() {
        for (proxy, peer, expected) in [
            ("10.0.0.0/8", "10.255.3.4", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::1", "::1", true),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("::ffff:10.0.0.0/104", "10.9.9.9", true),
            ("::ffff:10.0.0.0/104", "::ffff:11.0.0.1", false),
            ("::ffff:10.1.2.3", "10.1.2.3", true),
            ("::/0", "10.0.0.1", false),
        ] {
            let parsed: Network = proxy.parse().unwrap();
            assert_eq!(
                parsed.includes(Peer::of(peer.parse().unwrap())),
                expected,
                "{proxy} {peer}"
            );
            assert!(!parsed.includes(Peer::Unix));
        }
        assert!("unix".parse::<Network>().unwrap().includes(Peer::Unix));
        for wrong in ["", "example.com", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0/8", "a/8"]
        {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
        for (written, shown, exact) in [
            ("10.0.0.0/8", "10.0.0.0/8", true),
            ("10.1.2.3/8", "10.1.2.3/8", false),
            ("10.1.2.3/32", "10.1.2.3", true),
            ("0.0.0.0/0", "0.0.0.0/0", true),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8", true),
            ("2001:db8::1/64", "2001:db8::1/64", false),
            ("2001:db8::/64", "2001:db8::/64", true),
            ("::/0", "::/0", true),
            ("::1", "::1", true),
            ("unix", "unix", true),
        ] {
            let network: Network = written.parse().unwrap();
            assert_eq!((network.to_string().as_str(), network.is_exact()), (shown, exact));
            assert_eq!(shown.parse(), Ok(network));
        }
    }
}
