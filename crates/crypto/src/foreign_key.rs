//! Public keys of others, by which their signatures are checked: RSA with PKCS #1 v1.5 and P-256,
//! both over SHA-256 (RS256 and ES256 of RFC 7518). Nothing here signs.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};

/// Bytes of the shortest modulus that is taken: 2048 bits, as RFC 7518, section 3.3, asks.
const MODULUS_BYTES_FLOOR: usize = 256;

/// Bytes of the longest one: 8192 bits. A longer one would cost whoever verifies too much.
const MODULUS_BYTES_CEILING: usize = 1024;

/// Bytes of the longest exponent: all that are in use, such as 65537, have at most four.
const EXPONENT_BYTES_CEILING: usize = 4;

/// Bytes of a coordinate on P-256.
const COORDINATE_BYTES: usize = 32;

/// Somebody's public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForeignKey(Kind);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Kind {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// The uncompressed point.
    P256(Vec<u8>),
}

impl ForeignKey {
    /// An RSA key; `None` if it is too short, or longer than anybody's.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        let is_sound = (MODULUS_BYTES_FLOOR..=MODULUS_BYTES_CEILING).contains(&modulus.len())
            && (1..=EXPONENT_BYTES_CEILING).contains(&exponent.len());
        let kind = Kind::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() };
        is_sound.then_some(Self(kind))
    }

    /// A point on P-256; `None` if a coordinate has another length. Whether the point is on the
    /// curve shows when a signature is checked.
    pub fn p256(x: &[u8], y: &[u8]) -> Option<Self> {
        let is_sound = x.len() == COORDINATE_BYTES && y.len() == COORDINATE_BYTES;
        is_sound.then(|| Self(Kind::P256([&[UNCOMPRESSED], x, y].concat())))
    }

    /// Whether it is an RSA key.
    pub const fn is_rsa(&self) -> bool {
        matches!(self.0, Kind::Rsa { .. })
    }

    /// Whether `signature` is of `message`, by this key: with the one algorithm that its kind has.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Kind::Rsa { modulus, exponent } => {
                let key = PublicKeyComponents { n: modulus.as_slice(), e: exponent.as_slice() };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            Kind::P256(point) => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                key.verify(message, signature).is_ok()
            }
        }
    }
}

/// What an uncompressed point begins with (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// A number without zeros before it.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv\
                          bS9pc19yb290Ijp0cnVlfQ";

    /// RFC 7515, appendix A.2.
    #[test]
    fn the_published_rsa_signature_is_verified() {
        let modulus = bytes(
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP\
             1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63k\
             paSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9\
             kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp\
             oQ",
        );
        let signature = bytes(
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_\
             O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIA\
             RNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPq\
             vhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77\
             Rw",
        );
        let message = format!("eyJhbGciOiJSUzI1NiJ9.{CLAIMS}");
        let key = ForeignKey::rsa(&[&[0], &modulus[..]].concat(), &bytes("AQAB")).unwrap();
        assert!(key.is_rsa() && key.verifies(message.as_bytes(), &signature));
        assert!(!key.verifies(b"another", &signature));
        assert!(!key.verifies(message.as_bytes(), &signature[1..]));
        for (modulus, exponent) in [
            (&modulus[1..], &[1, 0, 1][..]),
            (&modulus, &[]),
            (&modulus, &[0, 0]),
            (&modulus, &[1, 0, 0, 0, 1]),
            (&[1; MODULUS_BYTES_CEILING + 1], &[3]),
        ] {
            assert_eq!(ForeignKey::rsa(modulus, exponent), None);
        }
    }

    /// RFC 7515, appendix A.3.
    #[test]
    fn the_published_signature_on_p256_is_verified() {
        let x = bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
        let y = bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
        let signature = bytes(
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU\
             1Q",
        );
        let message = format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}");
        let key = ForeignKey::p256(&x, &y).unwrap();
        assert!(!key.is_rsa() && key.verifies(message.as_bytes(), &signature));
        assert!(!key.verifies(b"another", &signature));
        assert_eq!(ForeignKey::p256(&x, &y[1..]), None);
        // A point that is not on the curve.
        assert!(!ForeignKey::p256(&y, &x).unwrap().verifies(message.as_bytes(), &signature));
    }
}
