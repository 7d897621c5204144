//! A key of a hardware module as the root of trust, by PKCS #11: an AES key that never leaves the
//! module seals the root key's line with AES-GCM.
//!
//! ```text
//! format 0x01 | nonce 12 | ciphertext and tag
//! ```

use super::{Kind, Root, RootError, RootKey, RootSecret, opened, text};
use coffer_base::Random;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11 as Module};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use percent_encoding::percent_decode_str;
use std::path::PathBuf;
use zeroize::Zeroizing;

const FORMAT: u8 = 1;
const NONCE: usize = 12;
const TAG_BITS: u64 = 128;
const WHAT: &str = "the PIN of the module";

/// Where the key is: a URI of RFC 7512, of which three attributes are known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    token: String,
    object: String,
    module: PathBuf,
}

impl Address {
    /// Parses `token=NAME;object=LABEL?module-path=FILE`.
    ///
    /// # Errors
    /// [`RootError::Spec`] if one of the three is missing, or another is there.
    pub(super) fn parse(text: &str) -> Result<Self, RootError> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut token, mut object, mut module) = (None, None, None);
        for pair in path.split(';').chain(query.split('&')).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(wanted)?;
            let value = percent_decode_str(value).decode_utf8().map_err(|_| wanted())?;
            let slot = match name {
                "token" => &mut token,
                "object" => &mut object,
                "module-path" => &mut module,
                _ => return Err(wanted()),
            };
            *slot = Some(value.into_owned()).filter(|value| !value.is_empty());
        }
        match (token, object, module) {
            (Some(token), Some(object), Some(module)) => {
                Ok(Self { token, object, module: PathBuf::from(module) })
            }
            _ => Err(wanted()),
        }
    }
}

fn wanted() -> RootError {
    RootError::Spec(
        "the root cannot be understood: pkcs11:token=TOKEN;object=KEY?module-path=FILE is wanted; \
         the PIN is the root's secret (root_secret)"
            .to_owned(),
    )
}

/// The root key under a key of a module.
pub struct Pkcs11 {
    address: Address,
    pin: RootSecret,
}

impl Pkcs11 {
    /// The key at `address`, behind `pin`.
    pub const fn new(address: Address, pin: RootSecret) -> Self {
        Self { address, pin }
    }

    fn shown(&self) -> String {
        let Address { token, object, module } = &self.address;
        format!("the key {object} of token {token} in {}", module.display())
    }

    fn refused(&self, why: impl Into<String>) -> RootError {
        RootError::Refused { place: self.shown(), why: why.into() }
    }

    /// What the module's answer means. A wrong PIN is never tried again: some modules lock
    /// themselves after three.
    fn failed(&self, error: &Error) -> RootError {
        match error {
            Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
                _,
            ) => self.refused("the PIN is wrong; further attempts may lock the token"),
            Error::Pkcs11(RvError::PinLocked, _) => {
                self.refused("the PIN is locked: its security officer has to set a new one")
            }
            Error::Pkcs11(
                RvError::TokenNotPresent
                | RvError::DeviceRemoved
                | RvError::DeviceError
                | RvError::HostMemory
                | RvError::DeviceMemory,
                _,
            ) => RootError::Unreachable { place: self.shown(), why: error.to_string() },
            _ => self.refused(error.to_string()),
        }
    }

    /// Opens a session, logs in, and gives it with the key to `work`.
    fn with_key<T>(
        &self,
        work: impl FnOnce(&Session, ObjectHandle) -> Result<T, RootError>,
    ) -> Result<T, RootError> {
        let pin = self.pin.text(WHAT)?;
        let failed = |error: Error| self.failed(&error);
        let module = Module::new(&self.address.module).map_err(|error| {
            self.refused(format!("the module cannot be loaded ({error}); check module-path"))
        })?;
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(failed(error)),
        }
        let session = self.session(&module, &pin)?;
        let key = self.key(&session)?;
        let done = work(&session, key);
        // The module logs out with its last session; that it has none any more changes nothing.
        let _ = session.logout();
        done
    }

    fn session(&self, module: &Module, pin: &str) -> Result<Session, RootError> {
        let failed = |error: Error| self.failed(&error);
        let slots = module.get_slots_with_initialized_token().map_err(failed)?;
        let slot = slots.into_iter().find(|slot| {
            let info = module.get_token_info(*slot);
            info.is_ok_and(|info| info.label().trim_end() == self.address.token)
        });
        let missing = "no token of this name is present";
        let slot = slot.ok_or_else(|| RootError::Unreachable {
            place: self.shown(),
            why: missing.to_owned(),
        })?;
        let session = module.open_ro_session(slot).map_err(failed)?;
        match session.login(UserType::User, Some(&AuthPin::new(pin.into()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(error) => Err(failed(error)),
        }
    }

    fn key(&self, session: &Session) -> Result<ObjectHandle, RootError> {
        let label = self.address.object.as_bytes().to_vec();
        let template = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(label)];
        let found = session.find_objects(&template).map_err(|error| self.failed(&error))?;
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(self.refused("there is no secret key of this label; make an AES key first")),
            _ => Err(self.refused("several keys have this label; give one of them another")),
        }
    }
}

impl Root for Pkcs11 {
    fn kind(&self) -> Kind {
        Kind::Pkcs11
    }

    fn place(&self, _store_id: &str) -> String {
        self.shown()
    }

    fn keep(&self, key: &RootKey, random: &dyn Random) -> Result<Vec<u8>, RootError> {
        let mut nonce = [0u8; NONCE];
        random.fill(&mut nonce);
        let line = text::write(key)?;
        let kept = [&[FORMAT][..], &nonce].concat();
        let sealed = self.with_key(|session, handle| {
            let gcm = GcmParams::new(&mut nonce, key.store_id().as_bytes(), TAG_BITS.into())
                .map_err(|error| self.failed(&error))?;
            let sealed = session.encrypt(&Mechanism::AesGcm(gcm), handle, line.as_bytes());
            sealed.map_err(|error| self.failed(&error))
        })?;
        Ok([kept, sealed].concat())
    }

    fn open(&self, store_id: &str, kept: &[u8]) -> Result<RootKey, RootError> {
        let damaged = || RootError::Damaged { place: self.shown() };
        let parts = kept.split_first().filter(|(format, _)| **format == FORMAT);
        let parts = parts.and_then(|(_, rest)| rest.split_first_chunk::<NONCE>());
        let (nonce, sealed) = parts.ok_or_else(damaged)?;
        let mut nonce = *nonce;
        let line = self.with_key(|session, handle| {
            let gcm = GcmParams::new(&mut nonce, store_id.as_bytes(), TAG_BITS.into())
                .map_err(|error| self.failed(&error))?;
            let line = session.decrypt(&Mechanism::AesGcm(gcm), handle, sealed);
            line.map(Zeroizing::new).map_err(|_| {
                self.refused(
                    "it does not open the root key: it is another key, or what is stored beside \
                     the keys was changed",
                )
            })
        })?;
        opened(&line, store_id, &self.shown())
    }
}

#[cfg(test)]
mod tests;
