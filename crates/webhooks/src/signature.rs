//! The header by which receivers tell our deliveries from others'.

use coffer_base::{Redacted, Timestamp};
use coffer_crypto::hmac_sha256_hex;

/// The value of `Stripe-Signature` for a body at a time: one `v1` for each secret, in their order.
pub fn header(secrets: &[Redacted<String>], at: Timestamp, body: &[u8]) -> String {
    let time = at.to_string();
    let sign = |secret: &Redacted<String>| {
        hmac_sha256_hex(secret.expose().as_bytes(), &[time.as_bytes(), b".", body])
    };
    let signatures = secrets.iter().map(sign);
    signatures.fold(format!("t={time}"), |header, one| format!("{header},v1={one}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that Python's own HMAC gives.
    #[test]
    fn there_is_one_signature_for_each_secret() {
        let secrets = ["whsec_a", "whsec_b"].map(|text| Redacted::new(text.to_owned()));
        let at = Timestamp::from_unix(1_800_000_000);
        let header = header(&secrets, at, br#"{"object": "event"}"#);
        let [first, second] = [
            "c6d42ce30097b5eaf48ec0309430b8b7392e99a5a4654a2781a2f6cda858298b",
            "807ec5a4b3337bff216c613378dc07422d741fe2aaecea3ba64e45f3c4d9188a",
        ];
        assert_eq!(header, format!("t=1800000000,v1={first},v1={second}"));
    }
}
