//! Where requests may go whose URL a stranger has chosen: to addresses of the public internet, and
//! to what the operator has named besides.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// New connections to one address in a second: a server that sends to whom anybody names is not to
/// be a tool against that address.
pub const CONNECTIONS_PER_SECOND: u32 = 20;

/// Addresses whose connections are counted at once. Beyond it those counted longest ago are
/// forgotten, which lets somebody connect once too often and never keeps anybody waiting.
const COUNTED_ADDRESSES: usize = 10_000;

/// What an operator allows besides the public internet: a network, an address or a name, of one
/// port or of all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Destination {
    place: Place,
    port: Option<u16>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Place {
    /// All addresses whose first `bits` are those of `first`.
    Network { first: IpAddr, bits: u8 },
    /// A name, in lower case.
    Name(String),
}

/// Why a text is no [`Destination`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidDestination;

impl fmt::Display for InvalidDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a network such as 10.1.0.0/16, an address, or a name such as hooks.internal, \
                     with :PORT behind it if only that is meant",
        )
    }
}

impl std::error::Error for InvalidDestination {}

impl FromStr for Destination {
    type Err = InvalidDestination;

    fn from_str(text: &str) -> Result<Self, InvalidDestination> {
        if let Some((address, bits)) = text.split_once('/') {
            let first: IpAddr = address.parse().map_err(|_| InvalidDestination)?;
            let bits: u8 = bits.parse().map_err(|_| InvalidDestination)?;
            let most = if first.is_ipv4() { 32 } else { 128 };
            let fits = bits <= most;
            let network = Self { place: Place::Network { first, bits }, port: None };
            return fits.then_some(network).ok_or(InvalidDestination);
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self::of_address(address.ip(), Some(address.port())));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::of_address(address, None));
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().map_err(|_| InvalidDestination)?)),
            None => (text, None),
        };
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let is_name = !name.is_empty() && name.bytes().all(is_plain) && !is_like_a_number(name);
        let place = Place::Name(name.to_ascii_lowercase());
        is_name.then_some(Self { place, port }).ok_or(InvalidDestination)
    }
}

impl Destination {
    fn of_address(address: IpAddr, port: Option<u16>) -> Self {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        Self { place: Place::Network { first: address, bits }, port }
    }

    /// Whether it allows `address`, to which `host` was resolved.
    fn allows(&self, host: &str, address: IpAddr, port: u16) -> bool {
        if self.port.is_some_and(|own| own != port) {
            return false;
        }
        match &self.place {
            Place::Network { first, bits } => is_within(address, *first, *bits),
            Place::Name(name) => host.eq_ignore_ascii_case(name) && !is_link_local(address),
        }
    }
}

fn is_within(address: IpAddr, first: IpAddr, bits: u8) -> bool {
    match (address, first) {
        (IpAddr::V4(address), IpAddr::V4(first)) => of4(address, first, bits.into()),
        (IpAddr::V6(address), IpAddr::V6(first)) => of6(address, first, bits.into()),
        _ => false,
    }
}

fn of4(address: Ipv4Addr, first: Ipv4Addr, bits: u32) -> bool {
    let differ = u32::from(address) ^ u32::from(first);
    differ.leading_zeros() >= bits
}

fn of6(address: Ipv6Addr, first: Ipv6Addr, bits: u32) -> bool {
    let differ = u128::from(address) ^ u128::from(first);
    differ.leading_zeros() >= bits
}

/// Networks of IPv4 that are not of the public internet.
const REFUSED4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// What global unicast addresses of IPv6 begin with. All else is refused: loopback, link-local,
/// unique local, multicast, and the prefixes by which IPv4 is reached through a translator.
const GLOBAL6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Networks within [`GLOBAL6`] that are not of the public internet.
const REFUSED6: [(Ipv6Addr, u32); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether an address is of the public internet. What holds an IPv4 address is judged by that.
pub fn is_global(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !REFUSED4.iter().any(|(first, bits)| of4(address, *first, *bits)),
        IpAddr::V6(address) => {
            of6(address, GLOBAL6.0, GLOBAL6.1)
                && !REFUSED6.iter().any(|(first, bits)| of6(address, *first, *bits))
                && within6(address).is_none_or(|inner| is_global(IpAddr::V4(inner)))
        }
    }
}

/// The IPv4 address within a 6to4 or an ISATAP address.
fn within6(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [first, high, low, _, kind, marker, isatap_high, isatap_low] = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    if first == 0x2002 {
        return Some(of(high, low));
    }
    let is_isatap = matches!(kind, 0 | 0x200) && marker == 0x5efe;
    is_isatap.then(|| of(isatap_high, isatap_low))
}

fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Whether programs may take a host for a number: its last part is one, in some notation. Only the
/// usual one, of four decimal numbers, is an address; the others are refused as text.
pub fn is_like_a_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    let lower = last.to_ascii_lowercase();
    let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()))
        || lower.strip_prefix("0x").is_some_and(is_hex)
}

/// The addresses that the server itself listens on.
#[derive(Debug, Default)]
pub(crate) struct OwnListeners(Mutex<Vec<SocketAddr>>);

impl OwnListeners {
    pub(crate) fn add(&self, address: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(address);
    }

    /// Whether a connection to `to` would arrive at one of them.
    fn has(&self, to: SocketAddr) -> bool {
        let ip = to.ip().to_canonical();
        let own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        own.iter().filter(|own| own.port() == to.port()).any(|own| {
            let at = own.ip().to_canonical();
            at == ip || ((at.is_unspecified() || ip.is_unspecified()) && is_this_machine(ip))
        })
    }
}

/// Whether this machine has an address: then something can be bound to it.
fn is_this_machine(address: IpAddr) -> bool {
    address.is_unspecified() || address.is_loopback() || UdpSocket::bind((address, 0)).is_ok()
}

/// Where requests may go.
#[derive(Debug, Default)]
pub struct Destinations {
    allowed: Vec<Destination>,
    loopback: bool,
    paced: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl Destinations {
    /// The public internet and `allowed`; with `loopback`, this machine too.
    pub fn new(allowed: Vec<Destination>, loopback: bool) -> Self {
        Self { allowed, loopback, paced: Mutex::default() }
    }

    /// Whether a connection to `to` may be made for the name or address `host`.
    pub fn allow(&self, host: &str, to: SocketAddr) -> bool {
        is_global(to.ip()) || self.is_excepted(host, to)
    }

    /// Whether the operator, or developer mode, has named it.
    fn is_excepted(&self, host: &str, to: SocketAddr) -> bool {
        let ip = to.ip().to_canonical();
        (self.loopback && ip.is_loopback())
            || self.allowed.iter().any(|one| one.allows(host, ip, to.port()))
    }

    /// The addresses of `host`, if all of them may be connected to.
    pub(crate) fn check(
        &self,
        host: &str,
        resolved: impl Iterator<Item = SocketAddr>,
        own: &OwnListeners,
    ) -> Option<Vec<SocketAddr>> {
        let may = |to: &SocketAddr| self.allow(host, *to) && !own.has(*to);
        let mut checked = Vec::new();
        for address in resolved {
            if !may(&address) {
                return None;
            }
            checked.push(address);
        }
        Some(checked).filter(|checked| !checked.is_empty())
    }

    /// How long to wait before the next connection to `to`, which this call counts. What the
    /// operator has named is not limited.
    pub(crate) fn pause(&self, host: &str, to: SocketAddr, now: Instant) -> Duration {
        if self.is_excepted(host, to) {
            return Duration::ZERO;
        }
        let mut paced = self.paced.lock().unwrap_or_else(PoisonError::into_inner);
        let second = Duration::from_secs(1);
        if paced.len() >= COUNTED_ADDRESSES {
            paced.retain(|_, (since, _)| now.saturating_duration_since(*since) < second);
        }
        if paced.len() >= COUNTED_ADDRESSES {
            paced.clear();
        }
        let (since, count) = paced.entry(to.ip().to_canonical()).or_insert((now, 0));
        if now.saturating_duration_since(*since) >= second {
            (*since, *count) = (now, 0);
        }
        if *count >= CONNECTIONS_PER_SECOND {
            // The second that it waits for is counted now, so that those who wait do not meet.
            (*since, *count) = (since.checked_add(second).unwrap_or(*since), 0);
        }
        *count = count.saturating_add(1);
        since.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests;
