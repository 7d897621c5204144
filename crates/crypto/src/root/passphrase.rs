//! A passphrase as the root of trust: Argon2id (RFC 9106) makes a key of it, which seals the root
//! key.
//!
//! ```text
//! format 0x01 | memory in KiB, 4 bytes, big endian | passes 4 | lanes 4 | salt 16 | envelope
//! ```
//!
//! The parameters stand with what they made, so that they can grow without a migration; they are
//! authenticated, and bounded before any memory is taken.

use super::{Kind, Root, RootError, RootKey, RootSecret, opened, text};
use crate::{AssociatedData, CryptoError, SealingKey, envelope, limits};
use argon2::{Algorithm, Argon2, Params, Version};
use coffer_base::Random;
use zeroize::Zeroizing;

const FORMAT: u8 = 1;
const SALT: usize = 16;
/// The format and the parameters.
const HEADER: usize = 13;
/// The version of the key that a passphrase makes, which is always the same.
const VERSION: u32 = 1;
const WHAT: &str = "the passphrase";

/// What making a key of a passphrase costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes of it.
    pub lanes: u32,
}

impl Cost {
    /// What new passphrases cost.
    pub const USUAL: Self = Self {
        memory_kib: limits::PASSPHRASE_MEMORY_KIB,
        passes: limits::PASSPHRASE_PASSES,
        lanes: limits::PASSPHRASE_LANES,
    };

    fn header(self) -> [u8; HEADER] {
        let [a, b, c, d] = self.memory_kib.to_be_bytes();
        let [e, f, g, h] = self.passes.to_be_bytes();
        let [i, j, k, l] = self.lanes.to_be_bytes();
        [FORMAT, a, b, c, d, e, f, g, h, i, j, k, l]
    }

    /// The parameters, if they are within bounds.
    fn parameters(self) -> Option<Params> {
        let most = limits::PASSPHRASE_PASSES_MAX;
        if self.memory_kib > limits::PASSPHRASE_MEMORY_KIB_MAX
            || self.passes > most
            || self.lanes > most
        {
            return None;
        }
        Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).ok()
    }
}

/// The cost that `kept` asks for; `None` if it has not the form of a root key that was kept under a
/// passphrase, or asks for more than is allowed.
pub fn cost(kept: &[u8]) -> Option<Cost> {
    Stored::parse(kept).map(|kept| kept.cost)
}

struct Stored<'k> {
    cost: Cost,
    parameters: Params,
    salt: &'k [u8; SALT],
    envelope: &'k [u8],
}

impl<'k> Stored<'k> {
    fn parse(kept: &'k [u8]) -> Option<Self> {
        let (&FORMAT, rest) = kept.split_first()? else { return None };
        let (memory, rest) = rest.split_first_chunk()?;
        let (passes, rest) = rest.split_first_chunk()?;
        let (lanes, rest) = rest.split_first_chunk()?;
        let (salt, envelope) = rest.split_first_chunk()?;
        let [memory_kib, passes, lanes] = [memory, passes, lanes].map(|b| u32::from_be_bytes(*b));
        let cost = Cost { memory_kib, passes, lanes };
        Some(Self { cost, parameters: cost.parameters()?, salt, envelope })
    }
}

/// A passphrase.
pub struct Passphrase {
    secret: RootSecret,
    cost: Cost,
}

impl Passphrase {
    /// The passphrase `secret`; a new root key is kept at the usual cost.
    pub const fn new(secret: RootSecret) -> Self {
        Self { secret, cost: Cost::USUAL }
    }

    /// The same, with another cost for new root keys.
    #[must_use]
    pub fn with_cost(self, cost: Cost) -> Self {
        Self { cost, ..self }
    }
}

impl Root for Passphrase {
    fn kind(&self) -> Kind {
        Kind::Passphrase
    }

    fn place(&self, _store_id: &str) -> String {
        "a passphrase".to_owned()
    }

    fn keep(&self, key: &RootKey, random: &dyn Random) -> Result<Vec<u8>, RootError> {
        let secret = self.secret.text(WHAT)?;
        let least = limits::PASSPHRASE_CHARACTERS;
        if secret.chars().count() < least {
            let why =
                format!("it has fewer than {least} characters; take five or six random words");
            return Err(RootError::Secret { what: WHAT, why });
        }
        let mut salt = [0u8; SALT];
        random.fill(&mut salt);
        let parameters = self.cost.parameters().ok_or_else(damaged)?;
        let made = derive(&secret, &salt, parameters)?;
        let data = associated_data(key.store_id(), self.cost);
        let line = text::write(key)?;
        let sealed = envelope::seal(&made, VERSION, &data, line.as_bytes(), random);
        let sealed = sealed.map_err(|_| damaged())?;
        Ok([&self.cost.header()[..], &salt, &sealed].concat())
    }

    fn open(&self, store_id: &str, kept: &[u8]) -> Result<RootKey, RootError> {
        let kept = Stored::parse(kept).ok_or_else(damaged)?;
        let made = derive(&self.secret.text(WHAT)?, kept.salt, kept.parameters)?;
        let data = associated_data(store_id, kept.cost);
        let line = envelope::open(&made, &data, kept.envelope).map_err(|error| match error {
            CryptoError::Authentication => RootError::WrongPassphrase,
            _ => damaged(),
        })?;
        opened(line.expose(), store_id, "the passphrase")
    }
}

fn damaged() -> RootError {
    RootError::Damaged { place: WHAT.to_owned() }
}

fn associated_data(store_id: &str, cost: Cost) -> AssociatedData {
    AssociatedData::new("root key under a passphrase").text(store_id).bytes(&cost.header())
}

fn derive(secret: &str, salt: &[u8; SALT], parameters: Params) -> Result<SealingKey, RootError> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(secret.as_bytes(), salt, &mut *bytes)
        .map_err(|_| damaged())?;
    Ok(SealingKey::from_bytes(*bytes))
}
