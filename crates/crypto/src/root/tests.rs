//! What tests of several roots need, and those of a passphrase.

use super::passphrase::{Cost, Passphrase, cost};
use super::*;
use crate::limits;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coffer_base::TestRandom;
use std::sync::atomic::{AtomicUsize, Ordering};
use zeroize::Zeroizing;

#[path = "../../../../testkit/src/root_server.rs"]
#[allow(
    dead_code,
    missing_docs,
    reason = "a file of the test kit, of which this crate uses a part"
)]
pub(super) mod root_server;

pub(super) const STORE: &str = "store_A1b2";

pub(super) fn root_key() -> RootKey {
    RootKey::generate(STORE, &TestRandom::seeded(7))
}

pub(super) fn secret(text: &str) -> RootSecret {
    RootSecret::given(Zeroizing::new(text.to_owned()))
}

/// The forms in which the key could be seen somewhere.
pub(super) fn forms(key: &RootKey) -> Vec<String> {
    let line = text::write(key).unwrap();
    let hex = line.trim_end().rsplit(' ').next().unwrap().to_owned();
    vec![hex, STANDARD.encode(line.as_bytes()), STANDARD.encode(key.sealing_key().bytes())]
}

/// Cheap enough for many attempts in a test.
const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(secret(text)).with_cost(CHEAP)
}

#[test]
fn a_passphrase_opens_what_it_kept_and_no_other_does() {
    let (words, key, random) = ("correct horse battery", root_key(), TestRandom::seeded(3));
    let kept = passphrase(words).keep(&key, &random).unwrap();
    assert_eq!(passphrase(words).open(STORE, &kept).unwrap().id(), key.id());
    let again = passphrase(words).keep(&key, &random).unwrap();
    assert_ne!(kept, again, "each has a salt of its own");
    let refused = |text: &str, store: &str, kept: &[u8]| {
        let error = passphrase(text).open(store, kept).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("horse"), "{error}");
        error
    };
    assert!(matches!(refused("correct horse batterx", STORE, &kept), RootError::WrongPassphrase));
    assert!(matches!(refused(words, "store_B", &kept), RootError::WrongPassphrase));
    let shown = String::from_utf8_lossy(&kept).into_owned();
    assert!(forms(&key).iter().all(|form| !shown.contains(form)) && !shown.contains(words));
    // No byte of it can be another: the parameters and the salt are bound to what they sealed.
    for at in 0..kept.len() {
        let mut altered = kept.clone();
        altered[at] ^= 1;
        refused(words, STORE, &altered);
        assert!(matches!(
            refused(words, STORE, &kept[..at]),
            RootError::Damaged { .. } | RootError::WrongPassphrase
        ));
    }
}

#[test]
fn what_a_stored_root_asks_for_is_bounded() {
    let most = limits::PASSPHRASE_MEMORY_KIB_MAX;
    let (words, key, random) = ("correct horse battery", root_key(), TestRandom::seeded(3));
    let mut kept = passphrase(words).keep(&key, &random).unwrap();
    assert_eq!(cost(&kept), Some(CHEAP));
    kept[1..5].copy_from_slice(&(most + 1).to_be_bytes());
    assert_eq!(cost(&kept), None);
    let error = passphrase(words).open(STORE, &kept).unwrap_err();
    assert!(matches!(error, RootError::Damaged { .. }), "{error}");
    assert_eq!(Cost::USUAL.memory_kib, 65_536);
}

#[test]
fn a_new_passphrase_is_long_enough() {
    for short in ["", "hunter2", "eleven char"] {
        let error = passphrase(short).keep(&root_key(), &TestRandom::seeded(1)).unwrap_err();
        assert!(matches!(error, RootError::Secret { .. }), "{error}");
        assert!(short.is_empty() || !error.to_string().contains(short), "{error}");
    }
}

#[test]
fn a_secret_comes_from_a_file_of_its_owner_each_time_or_from_a_person_once() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("pass");
    std::fs::write(&path, "correct horse battery\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let of_file = RootSecret::file(path.clone());
    assert_eq!(*of_file.text("it").unwrap(), "correct horse battery");
    // As when a token is replaced.
    std::fs::write(&path, "correct horse battery, two").unwrap();
    assert_eq!(*of_file.text("it").unwrap(), "correct horse battery, two");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = RootSecret::file(path).text("it").unwrap_err().to_string();
    assert!(open.contains("chmod") && !open.contains("horse"), "{open}");

    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let person = RootSecret::ask(|_| {
        ASKED.fetch_add(1, Ordering::SeqCst);
        Some(Ok(Zeroizing::new("typed".to_owned())))
    });
    for _ in 0..2 {
        assert_eq!(*person.text("it").unwrap(), "typed");
    }
    assert_eq!(ASKED.load(Ordering::SeqCst), 1);
    let nobody = RootSecret::ask(|_| None).text("the passphrase").unwrap_err();
    assert!(nobody.to_string().contains("COFFER_ROOT_SECRET_FILE"), "{nobody}");
}

#[test]
fn a_root_is_named_by_its_kind() {
    for (text, kind) in [
        ("key", Kind::Key),
        ("passphrase", Kind::Passphrase),
        ("pkcs11:token=t;object=o?module-path=/m.so", Kind::Pkcs11),
        ("transit:https://bao.example/transit/coffer", Kind::Transit),
        ("aws-kms:alias/coffer?region=eu-west-1", Kind::AwsKms),
    ] {
        assert_eq!(Spec::parse(text).unwrap().kind(), kind, "{text}");
    }
    for wrong in ["", "file", "key:/etc/x", "passphrase:hunter2", "transit:", "pkcs11:", "aws-kms:"]
    {
        let error = Spec::parse(wrong).unwrap_err();
        assert!(matches!(error, RootError::Spec(_)), "{wrong}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn an_id_is_the_keys_own_and_says_nothing_of_it() {
    let (one, other) = (root_key(), RootKey::generate(STORE, &TestRandom::seeded(8)));
    assert_eq!(one.id(), root_key().id());
    assert_ne!(one.id(), other.id());
    assert_eq!(one.id().len(), 16);
    assert!(forms(&one).iter().all(|form| !form.contains(&one.id())));
}
