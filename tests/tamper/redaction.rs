//! What the types that hold keys show of themselves.

use coffer_base::{AccountId, AppId, Mode, Redacted, Tenant, TestRandom, Timestamp};
use coffer_crypto::root::RootKey;
use coffer_keyring::{KEY_MIGRATIONS, Keyring, KeyringOptions};
use coffer_storage::{Options, Store};
use std::sync::Arc;

#[test]
fn debug_shows_no_key_and_no_value() {
    let home = tempfile::TempDir::new().unwrap();
    let now = Timestamp::from_unix(1);
    let path = home.path().join("keys.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (keys, _) = Store::open_sqlite(&path, &[KEY_MIGRATIONS], now, Options::default()).unwrap();
    let random = Arc::new(TestRandom::seeded(7));
    let root = RootKey::generate("store_a", &*random);
    assert_eq!(format!("{root:?}"), "RootKey(store_a, [redacted])");

    let options = || KeyringOptions {
        keys: keys.clone(),
        store_id: "store_a".to_owned(),
        random: random.clone(),
    };
    let tenant = Tenant {
        mode: Mode::Test,
        app: AppId::parse("app_a").unwrap(),
        account: AccountId::parse("acct_a").unwrap(),
    };
    let tenant_keys = runtime.block_on(async {
        Keyring::init(&options(), &root, now).await.unwrap();
        let keyring = Keyring::open(options(), &root).await.unwrap();
        keyring.tenant(&tenant, now).await.unwrap()
    });
    let shown = format!("{tenant_keys:?}");
    assert_eq!(shown, format!("TenantKeys {{ tenant: {tenant:?}, version: 1, .. }}"));

    let associated = tenant_keys.associated_data("secret").text("a name");
    assert!(!format!("{associated:?}").contains("a name"));
    let sealed = tenant_keys.seal(&associated, b"a payload").unwrap();
    let opened = tenant_keys.open(&associated, &sealed).unwrap();
    assert_eq!(opened.expose(), b"a payload");
    let shown = format!("{opened:?} {:?}", Redacted::new("a payload".to_owned()));
    assert!(!shown.contains("payload") && !shown.contains("97, 32"), "{shown}");
}
