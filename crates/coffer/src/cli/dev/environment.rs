//! The variables by which clients find a server of developer mode: Coffer's own command line, and
//! programs that hand them to one of Stripe's SDKs.

use coffer_base::shell;
use std::net::SocketAddr;

/// What clients of one server need.
#[derive(Clone)]
pub struct ClientEnvironment {
    /// Where it serves.
    pub base: String,
    /// Where that is, in parts.
    address: SocketAddr,
    /// The key of an app.
    pub api_key: String,
    /// The key of an operator.
    pub admin_key: String,
}

impl ClientEnvironment {
    /// That of a server which listens on `address`, where this machine's own programs reach it.
    pub fn new(mut address: SocketAddr, api_key: String, admin_key: String) -> Self {
        if address.ip().is_unspecified() {
            let is_v4 = address.is_ipv4();
            address.set_ip(if is_v4 {
                [127, 0, 0, 1].into()
            } else {
                [0_u16, 0, 0, 0, 0, 0, 0, 1].into()
            });
        }
        Self { base: format!("http://{address}"), address, api_key, admin_key }
    }

    /// All variables. Those of Stripe's names are what its SDKs ask a program for.
    pub fn variables(&self) -> [(&'static str, String); 9] {
        let host = match self.address {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        [
            ("COFFER_URL", self.base.clone()),
            ("COFFER_API_KEY", self.api_key.clone()),
            ("COFFER_ADMIN_KEY", self.admin_key.clone()),
            ("STRIPE_API_KEY", self.api_key.clone()),
            ("STRIPE_SECRET_KEY", self.api_key.clone()),
            ("STRIPE_API_BASE", self.base.clone()),
            ("STRIPE_PROTOCOL", "http".to_owned()),
            ("STRIPE_HOST", host),
            ("STRIPE_PORT", self.address.port().to_string()),
        ]
    }

    /// The variables as lines that a shell reads.
    pub fn lines(&self) -> String {
        let line = |(name, value): (&str, String)| format!("{name}={}\n", shell::word(&value));
        self.variables().map(line).concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_reaches_what_listens_everywhere() {
        let of = |address: &str| {
            let (api, admin) = ("sk_test_a".to_owned(), "ak_coffer_a".to_owned());
            ClientEnvironment::new(address.parse().unwrap(), api, admin)
        };
        assert_eq!(of("0.0.0.0:80").base, "http://127.0.0.1:80");
        assert_eq!(of("[::]:80").base, "http://[::1]:80");
        assert_eq!(of("127.0.0.1:4747").base, "http://127.0.0.1:4747");
        assert!(of("[::]:80").lines().contains("STRIPE_PORT=80\n"));
    }
}
