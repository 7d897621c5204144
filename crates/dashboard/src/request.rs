//! What a browser sends: fields, cookies.

use crate::limits;
use http::HeaderMap;
use http::header;

/// Fields of a form or of a query, in their order.
#[derive(Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a form or a query; what is beyond the bounds is left out.
    pub(crate) fn parse(form: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(form).take(limits::FIELDS);
        let short = pairs.filter(|(_, value)| value.len() <= limits::FIELD_CHARACTERS);
        Self(short.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The value of a field; empty if there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(of, _)| of == name).map_or("", |(_, value)| value)
    }

    /// All values of a field that can be chosen several times.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// The fields that are not empty, but for the place in a list and whether it is followed.
    pub(crate) fn filters(&self) -> Vec<(&str, &str)> {
        let place = ["starting_after", "ending_before", "follow"];
        let pairs = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        pairs.filter(|(name, value)| !value.is_empty() && !place.contains(name)).collect()
    }
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';'));
    pairs.find_map(|pair| {
        let (of, value) = pair.trim().split_once('=')?;
        (of == name).then_some(value)
    })
}

/// Whether the browser asks by a name of its own machine, over which nothing crosses a network.
pub(crate) fn is_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    ["localhost", "127.0.0.1", "[::1]"].into_iter().any(|name| {
        host.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    })
}

/// Whether another site's page has sent the person here, so that the browser sent no session.
pub(crate) fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site.as_bytes() == b"cross-site")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let sent = headers(header::COOKIE, "x_a=1; a=2;b = 3; a=4");
        assert_eq!(cookie(&sent, "a"), Some("2"));
        assert_eq!((cookie(&sent, "c"), cookie(&HeaderMap::new(), "a")), (None, None));
    }

    #[test]
    fn only_the_machines_own_names_are_loopback() {
        for own in ["localhost", "localhost:4747", "127.0.0.1:1", "[::1]:80"] {
            assert!(is_loopback(&headers(header::HOST, own)), "{own}");
        }
        for other in ["localhost.example", "coffer", "127.0.0.10", "", "example:80"] {
            assert!(!is_loopback(&headers(header::HOST, other)), "{other}");
        }
    }

    #[test]
    fn fields_are_decoded_and_bounded() {
        let fields = Fields::parse(b"a=%3Cb%3E&p=1&p=2&empty=&starting_after=x&follow=true");
        assert_eq!((fields.get("a"), fields.get("none")), ("<b>", ""));
        assert_eq!(fields.all("p").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(fields.filters(), [("a", "<b>"), ("p", "1"), ("p", "2")]);
        let long = format!("a={}", "x".repeat(limits::FIELD_CHARACTERS + 1));
        assert_eq!(Fields::parse(long.as_bytes()).get("a"), "");
    }
}
