//! Signature version 4 of AWS, as far as one kind of request needs it: a method, no query, headers
//! that are all signed.

use aws_lc_rs::{digest, hmac};
use coffer_base::Timestamp;
use coffer_base::civil::compact;
use zeroize::Zeroizing;

/// Who signs, for what.
pub(super) struct Signer<'s> {
    pub(super) key_id: &'s str,
    pub(super) secret: &'s str,
    pub(super) region: &'s str,
    pub(super) service: &'s str,
}

/// A request to sign. The headers are in lower case, in the order of the alphabet, `x-amz-date` of
/// `at` among them.
pub(super) struct Unsigned<'r> {
    pub(super) method: &'r str,
    pub(super) query: &'r str,
    pub(super) headers: &'r [(&'r str, &'r str)],
    pub(super) body: &'r [u8],
    pub(super) at: Timestamp,
}

impl Signer<'_> {
    /// The value of the header `Authorization`.
    pub(super) fn authorization(&self, request: &Unsigned<'_>) -> String {
        let Unsigned { method, query, headers, body, at } = request;
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let canonical = format!("{method}\n/\n{query}\n{lines}\n{names}\n{}", sha256(body));
        let time = compact(*at);
        let day = time.get(..8).unwrap_or_default();
        let Signer { key_id, secret, region, service } = self;
        let scope = format!("{day}/{region}/{service}/aws4_request");
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256(canonical.as_bytes()));
        let first = Zeroizing::new(format!("AWS4{secret}"));
        let parts = [day, region, service, "aws4_request"];
        let key = parts.iter().fold(Zeroizing::new(first.as_bytes().to_vec()), |key, part| {
            Zeroizing::new(mac(&key, part.as_bytes()))
        });
        let signature = hex(&mac(&key, text.as_bytes()));
        format!(
            "AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, \
             Signature={signature}"
        )
    }
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref().to_vec()
}

fn sha256(data: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, data).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of AWS's own documentation ("Create a signed AWS API request").
    #[test]
    fn a_published_request_has_its_published_signature() {
        let signer = Signer {
            key_id: "AKIDEXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            region: "us-east-1",
            service: "iam",
        };
        let request = Unsigned {
            method: "GET",
            query: "Action=ListUsers&Version=2010-05-08",
            headers: &[
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
                ("host", "iam.amazonaws.com"),
                ("x-amz-date", "20150830T123600Z"),
            ],
            body: b"",
            at: Timestamp::from_unix(1_440_938_160),
        };
        let signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        let authorization = signer.authorization(&request);
        assert!(authorization.ends_with(signature), "{authorization}");
    }
}
