//! Where a request comes from, if it came through a proxy that is believed.

use crate::limits;
use crate::peer::{Network, Peer};
use http::header::{self, HeaderMap, HeaderName};
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client of a request that `proxy` passed on. The last address that is no proxy's counts,
/// since whoever is before it may have invented all others. If both headers are there and differ,
/// the client may have sent one of them, and the proxy itself is answered.
pub(super) fn client(proxy: Peer, headers: &HeaderMap, proxies: &[Network]) -> Peer {
    let forwarded = last_stranger(hops(headers, &header::FORWARDED), for_of, proxies);
    let listed = last_stranger(hops(headers, &X_FORWARDED_FOR), address_of, proxies);
    match (forwarded, listed) {
        (Some(one), Some(other)) if one != other => proxy,
        (one, other) => one.or(other).unwrap_or(proxy),
    }
}

/// The elements of a header's lists, from the last to the first.
fn hops<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values: Vec<&str> =
        headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.into_iter().rev().flat_map(|value| value.rsplit(',')).take(limits::FORWARDED_HOPS)
}

/// The last address that is no proxy's. A hop that cannot be read ends the search: what stands
/// before it is nobody's word.
fn last_stranger<'a>(
    hops: impl Iterator<Item = &'a str>,
    parse: impl Fn(&str) -> Option<IpAddr>,
    proxies: &[Network],
) -> Option<Peer> {
    let mut nearest = None;
    for hop in hops {
        let Some(address) = parse(hop.trim()) else { return nearest };
        let peer = Peer::of(address);
        nearest = Some(peer);
        if !proxies.iter().any(|proxy| proxy.includes(peer)) {
            return nearest;
        }
    }
    nearest
}

/// The address in `for=…` of an element of `Forwarded` (RFC 7239).
fn for_of(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address_of(value.trim().trim_matches('"'))
}

/// An address with or without a port; an IPv6 one in brackets if it has one.
fn address_of(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_the_word_of_named_proxies_counts() {
        let proxies: Vec<Network> = vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
        let listed = "x-forwarded-for";
        let cases: [(&[(&str, &str)], &str); 15] = [
            (&[], "10.0.0.1"),
            (&[(listed, "203.0.113.9")], "203.0.113.9"),
            (&[(listed, "1.1.1.1, 203.0.113.9")], "203.0.113.9"),
            (&[(listed, "1.1.1.1, 203.0.113.9, 10.2.0.1")], "203.0.113.9"),
            (&[(listed, "1.1.1.1"), (listed, "203.0.113.9")], "203.0.113.9"),
            (&[(listed, "10.3.3.3, 10.2.0.1")], "10.3.3.3"),
            (&[(listed, "1.1.1.1, unknown")], "10.0.0.1"),
            (&[(listed, "1.1.1.1, nonsense, 10.9.9.9")], "10.9.9.9"),
            (&[(listed, "203.0.113.9:4711")], "203.0.113.9"),
            (&[(listed, "2001:db8::7")], "2001:db8::7"),
            (&[("forwarded", "for=203.0.113.9;proto=https")], "203.0.113.9"),
            (&[("forwarded", "For=\"[2001:db8::7]:4711\", for=10.1.1.1")], "2001:db8::7"),
            (&[("forwarded", "for=_hidden")], "10.0.0.1"),
            (&[("forwarded", "for=1.1.1.1"), (listed, "203.0.113.9")], "10.0.0.1"),
            (&[("forwarded", "for=203.0.113.9"), (listed, "203.0.113.9")], "203.0.113.9"),
        ];
        for (sent, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in sent {
                let name = HeaderName::from_static(name);
                headers.append(name, HeaderValue::from_str(value).unwrap());
            }
            let proxy = Peer::Ip("10.0.0.1".parse().unwrap());
            assert_eq!(client(proxy, &headers, &proxies).to_string(), expected, "{sent:?}");
        }
    }

    #[test]
    fn a_long_list_is_not_read_to_its_beginning() {
        let proxies: Vec<Network> = vec!["10.0.0.0/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        let list = format!("203.0.113.9{}", ", 10.0.0.2".repeat(1000));
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_str(&list).unwrap());
        let found = client(Peer::Ip("10.0.0.1".parse().unwrap()), &headers, &proxies);
        assert_eq!(found.to_string(), "10.0.0.2");
    }
}
