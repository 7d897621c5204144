//! A module's addresses, and SoftHSM 2 where it is installed: that part of the tests takes the
//! token that `cargo xtask test --all` makes, and names in `COFFER_TEST_PKCS11`.

use super::*;
use crate::root::tests::{STORE, forms, root_key, secret};
use coffer_base::TestRandom;
use cryptoki::slot::Slot;

#[test]
fn an_address_names_token_object_and_module() {
    let parse = |text: &str| Address::parse(text);
    let address = parse("token=My%20token;object=root?module-path=/usr/lib/m.so").unwrap();
    assert_eq!(address.token, "My token");
    let root = Pkcs11::new(address, secret("1234"));
    assert_eq!(root.place(STORE), "the key root of token My token in /usr/lib/m.so");
    for wrong in
        ["", "token=a;object=b", "token=a?module-path=/m", "token=;object=b?module-path=/m", "x=y"]
    {
        assert!(matches!(parse(wrong), Err(RootError::Spec(_))), "{wrong}");
    }
    let pin = parse("token=a;object=b?module-path=/m&pin-value=1234").unwrap_err();
    assert!(!pin.to_string().contains("1234"), "{pin}");
}

#[test]
fn a_module_that_is_not_there_is_named() {
    let address = Address::parse("token=a;object=b?module-path=/no/such/module.so").unwrap();
    let error = Pkcs11::new(address, secret("1234")).open(STORE, &[FORMAT; 30]).unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains("/no/such/module.so") && shown.contains("module-path"), "{shown}");
    let short = Address::parse("token=a;object=b?module-path=/m").unwrap();
    let error = Pkcs11::new(short, secret("1234")).open(STORE, &[FORMAT; 5]).unwrap_err();
    assert!(matches!(error, RootError::Damaged { .. }), "{error}");
}

/// Makes the AES key that an operator would make with the module's own tools.
fn make_key(address: &Address) {
    let module = Module::new(&address.module).unwrap();
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let label = |slot: &Slot| module.get_token_info(*slot).unwrap().label().to_owned();
    let slots = module.get_slots_with_initialized_token().unwrap();
    let slot = slots.into_iter().find(|slot| label(slot) == address.token).unwrap();
    let session = module.open_rw_session(slot).unwrap();
    session.login(UserType::User, Some(&AuthPin::new("1234".into()))).unwrap();
    let template = [
        Attribute::Token(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::ValueLen(32.into()),
        Attribute::Label(address.object.as_bytes().to_vec()),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
    session.logout().unwrap();
}

/// One test, since a module is one for the whole process. `COFFER_TEST_PKCS11` is an address in a
/// token without keys, whose PIN is `1234`.
#[test]
#[ignore = "needs SoftHSM 2 (Debian: softhsm2); cargo xtask test --all makes the token"]
fn a_module_keeps_the_key_and_says_what_is_wrong() {
    let text = std::env::var("COFFER_TEST_PKCS11").unwrap();
    let at = |text: &str, pin: &str| Pkcs11::new(Address::parse(text).unwrap(), secret(pin));
    make_key(&Address::parse(&text).unwrap());
    let (root, key) = (at(&text, "1234"), root_key());
    let kept = root.keep(&key, &TestRandom::seeded(1)).unwrap();
    assert_eq!(root.open(STORE, &kept).unwrap().id(), key.id());
    let shown = String::from_utf8_lossy(&kept).into_owned();
    assert!(forms(&key).iter().all(|form| !shown.contains(form)));

    let refused = |opened: Result<RootKey, RootError>, part: &str| {
        let error = opened.unwrap_err();
        assert!(error.is_withheld() && error.to_string().contains(part), "{error}");
        assert!(!error.to_string().contains("4321"), "{error}");
    };
    refused(at(&text, "4321").open(STORE, &kept), "PIN is wrong");
    refused(root.open("store_B", &kept), "does not open");
    let mut altered = kept.clone();
    *altered.last_mut().unwrap() ^= 1;
    refused(root.open(STORE, &altered), "does not open");
    let other_token = text.replace("token=", "token=x");
    refused(at(&other_token, "1234").open(STORE, &kept), "no token");
    let other_key = text.replace("object=", "object=x");
    refused(at(&other_key, "1234").open(STORE, &kept), "no secret key");
}
