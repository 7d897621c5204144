//! The secrets that the benchmark writes and reads: number `i` always has the same account, user,
//! name and payload, so that every answer can be checked and nothing needs to be remembered.

/// Characters of a payload: as long as a typical access token.
pub const PAYLOAD_CHARACTERS: usize = 100;

/// SplitMix64: a bijection that scatters, so neighbours in number are strangers as names. (Public
/// domain, by Sebastiano Vigna.)
pub fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Cheap random numbers, repeatable from their seed. They choose keys; they protect nothing.
pub struct Numbers(u64);

impl Numbers {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(scatter(seed))
    }

    /// The next one.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scatter(self.0)
    }

    /// The next one below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// Fills `bytes` with random ones.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.iter_mut().zip(word).for_each(|(to, from)| *to = from);
        }
    }
}

/// Appends sixteen hexadecimal digits.
pub fn push_hex(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 16];
    for (at, digit) in digits.iter_mut().enumerate() {
        let nibble = (number >> (60 - 4 * at)) as u8 & 15;
        *digit = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    }
    out.extend_from_slice(&digits);
}

/// Appends the name of secret number `index`.
pub fn push_name(out: &mut Vec<u8>, index: u64) {
    out.extend_from_slice(b"token_");
    push_hex(out, scatter(index));
}

/// Appends the user in whose scope secret number `index` lives: no other secret does.
pub fn push_user(out: &mut Vec<u8>, index: u64) {
    out.extend_from_slice(b"usr_");
    push_hex(out, scatter(!index));
}

/// Appends the payload of secret number `index`.
pub fn push_payload(out: &mut Vec<u8>, index: u64) {
    let end = out.len() + PAYLOAD_CHARACTERS;
    let mut numbers = Numbers::new(index);
    while out.len() < end {
        push_hex(out, numbers.next());
    }
    out.truncate(end);
}

/// Appends the processor's id of charge number `index`.
pub fn push_charge(out: &mut Vec<u8>, index: u64) {
    out.extend_from_slice(b"ch_");
    push_hex(out, scatter(index));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(push: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_number_always_means_the_same_secret_and_two_differ() {
        let payload = text(|out| push_payload(out, 7));
        assert_eq!(payload.len(), PAYLOAD_CHARACTERS);
        assert_eq!(payload, text(|out| push_payload(out, 7)));
        assert_ne!(payload, text(|out| push_payload(out, 8)));
        assert_ne!(text(|out| push_name(out, 7)), text(|out| push_name(out, 8)));
        assert_ne!(text(|out| push_user(out, 7)), text(|out| push_user(out, 8)));
        assert_eq!(text(|out| push_hex(out, 0x0123_4567_89ab_cdef)), "0123456789abcdef");
    }

    #[test]
    fn below_stays_below_and_reaches_everything() {
        let mut numbers = Numbers::new(1);
        let mut seen = [false; 10];
        for _ in 0..1000 {
            seen[numbers.below(10) as usize] = true;
        }
        assert!(seen.iter().all(|&s| s));
    }
}
