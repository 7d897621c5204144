//! SHA-256, for digests that anybody may compute: of files and of streams.

use aws_lc_rs::digest;

/// Bytes of a digest.
pub const SHA256_BYTES: usize = 32;

/// A digest that is computed piece by piece.
pub struct Sha256(digest::Context);

impl Default for Sha256 {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}

impl Sha256 {
    /// Adds bytes to what is digested.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that was added.
    pub fn finish(self) -> [u8; SHA256_BYTES] {
        let mut bytes = [0; SHA256_BYTES];
        for (to, from) in bytes.iter_mut().zip(self.0.finish().as_ref()) {
            *to = *from;
        }
        bytes
    }
}

/// The digest of several pieces, one after another.
pub fn sha256(pieces: &[&[u8]]) -> [u8; SHA256_BYTES] {
    let mut digest = Sha256::default();
    pieces.iter().for_each(|piece| digest.update(piece));
    digest.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4's example of one block.
    #[test]
    fn the_digest_gives_the_published_value() {
        let digest = sha256(&[b"a", b"", b"bc"]);
        let shown: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
