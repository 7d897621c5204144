//! Addresses that people and requests are sent to: https, or http on this machine.

use crate::limits;
use http::Uri;

/// Such an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint(String);

impl Endpoint {
    /// Parses an address.
    ///
    /// # Errors
    /// A sentence for whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("'{text}' {why}"));
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_plain || text.len() > limits::URL_CHARACTERS || text.contains('#') {
            return wrong("is no URL that can be called");
        }
        let Ok(uri) = text.parse::<Uri>() else { return wrong("is no URL") };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return wrong("is no URL with a scheme and a host");
        };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return wrong("names a user, or no host");
        }
        match scheme {
            "https" => Ok(Self(text.to_owned())),
            "http" if is_loopback(authority.host()) => Ok(Self(text.to_owned())),
            _ => wrong("is not https; http is for localhost alone"),
        }
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same with these parameters behind those that it has.
    pub(crate) fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        let separator = if self.0.contains('?') { '&' } else { '?' };
        format!("{}{separator}{}", self.0, query.finish())
    }

    pub(crate) fn uri(&self) -> Option<Uri> {
        self.0.parse().ok()
    }
}

fn is_loopback(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_tls_or_of_this_machine() {
        for good in [
            "https://id.example",
            "https://id.example/a?b=c",
            "http://localhost:1/x",
            "http://127.0.0.1:80",
            "http://[::1]:8080/",
        ] {
            assert_eq!(Endpoint::parse(good).unwrap().as_str(), good);
        }
        let long = format!("https://id.example/{}", "x".repeat(limits::URL_CHARACTERS));
        for bad in [
            "",
            "id.example",
            "http://id.example",
            "http://localhost.example",
            "http://127.0.0.1.example/",
            "http://user@localhost/",
            "https://localhost@id.example/",
            "ftp://localhost/",
            "https://",
            "https:///path",
            "https://id.example/#part",
            "https://id.example/ x",
            "/path",
            &long,
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parameters_are_encoded_behind_those_that_are_there() {
        let with = |text| Endpoint::parse(text).unwrap().with(&[("a", "b&c"), ("d", "e f")]);
        assert_eq!(with("https://id.example/x"), "https://id.example/x?a=b%26c&d=e+f");
        assert_eq!(with("https://id.example/x?y=z"), "https://id.example/x?y=z&a=b%26c&d=e+f");
    }
}
