//! Looking for the few bytes of a long text that need care.

/// Bytes that are looked at together: enough for the compiler to use wide registers.
const CHUNK: usize = 32;

/// Where the first byte is that `special` holds for. Payloads are long and mostly plain, so
/// whole chunks are passed over before single bytes are looked at.
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
    fn the_first_is_found_wherever_it_stands() {
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
