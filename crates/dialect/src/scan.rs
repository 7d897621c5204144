//! A fast search for the bytes of a long text that must be escaped or decoded.

/// Bytes that are tested together: enough for the compiler to use vector registers.
const CHUNK: usize = 32;

/// The position of the first byte for which `special` holds. Payloads are long and mostly plain,
/// so whole chunks are skipped before single bytes are tested.
pub(crate) fn find(bytes: &[u8], special: impl Fn(u8) -> bool) -> Option<usize> {
    let plain = |chunk: &&[u8]| !chunk.iter().fold(false, |any, &byte| any | special(byte));
    let passed = bytes.chunks(CHUNK).take_while(plain).count() * CHUNK;
    let at = bytes.get(passed..)?.iter().position(|&byte| special(byte))?;
    Some(passed + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_found_at_every_position() {
        for length in 0..100 {
            let mut bytes = vec![b'a'; length];
            assert_eq!(find(&bytes, |byte| byte == b'%'), None);
            for at in (0..length).rev() {
                bytes[at] = b'%';
                assert_eq!(find(&bytes, |byte| byte == b'%'), Some(at), "of {length}");
            }
        }
    }
}
