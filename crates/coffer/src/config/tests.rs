use super::*;
use zeroize::Zeroizing;

fn environment(given: &[(&str, &str)]) -> Environment {
    let pair =
        |(name, value): &(&str, &str)| ((*name).to_owned(), Zeroizing::new((*value).to_owned()));
    given.iter().map(pair).collect()
}

fn load(flags: &[(&'static str, &str)], given: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(&Flags::of(flags), &environment(given))
}

fn refused(flags: &[(&'static str, &str)], given: &[(&str, &str)]) -> String {
    load(flags, given).err().expect("this must be refused").0
}

fn shown(config: &Config, setting: &Setting) -> (String, String) {
    let value = config.value(setting).map(ToString::to_string).unwrap_or_default();
    (value, config.source(setting).map(ToString::to_string).unwrap_or_default())
}

fn file(text: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("coffer.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    (directory, path)
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let (_kept, path) = file("listen = \"127.0.0.1:1\"\nsecrets_per_scope = 20\n");
    let config_flag = ("config", path.as_str());
    let variable = ("COFFER_LISTEN", "127.0.0.1:2");
    let all = load(&[config_flag, ("listen", "127.0.0.1:3")], &[variable]).unwrap();
    assert_eq!(shown(&all, &LISTEN), ("127.0.0.1:3".into(), "flag --listen".into()));
    let two = load(&[config_flag], &[variable]).unwrap();
    assert_eq!(shown(&two, &LISTEN), ("127.0.0.1:2".into(), "environment COFFER_LISTEN".into()));
    let one = load(&[config_flag], &[]).unwrap();
    assert_eq!(shown(&one, &LISTEN), ("127.0.0.1:1".into(), format!("file {path}")));
    assert_eq!(one.settings().number(&coffer_secrets::SECRETS_PER_SCOPE), 20);
    let none = load(&[], &[("COFFER_LISTEN", "")]).unwrap();
    assert_eq!(shown(&none, &LISTEN), ("127.0.0.1:4747".into(), "default".into()));
    let by_variable = load(&[], &[("COFFER_CONFIG", &path)]).unwrap();
    assert_eq!(shown(&by_variable, &LISTEN).0, "127.0.0.1:1");
}

#[test]
fn what_is_unknown_is_refused_with_the_nearest_name() {
    let message = refused(&[], &[("COFFER_LISTNE", "127.0.0.1:1")]);
    assert!(message.contains("COFFER_LISTNE") && message.contains("nearest is COFFER_LISTEN"));
    let message = refused(&[], &[("COFFER_ROOTKEY_FILE", "x")]);
    assert!(message.contains("nearest is COFFER_ROOT_KEY_FILE"), "{message}");
    let (_kept, path) = file("log_levl = \"info\"\n");
    let message = refused(&[("config", &path)], &[]);
    assert!(message.contains("nearest is log_level"), "{message}");
    // Kubernetes makes these for services that are called coffer and coffer-admin.
    for link in [
        ("COFFER_PORT", "tcp://10.0.0.1:4747"),
        ("COFFER_SERVICE_HOST", "x"),
        ("COFFER_ADMIN_PORT_4747_TCP_ADDR", "10.0.0.1"),
    ] {
        assert!(load(&[], &[link]).is_ok(), "{link:?}");
    }
    assert!(refused(&[], &[("COFFER_PORT", "4747")]).contains("COFFER_PORT"));
}

#[test]
fn a_file_that_cannot_be_read_says_where() {
    let (_kept, path) = file("listen = \"127.0.0.1:1\"\n\ndata_dir = [\n");
    assert!(refused(&[("config", &path)], &[]).contains("line "));
    let (_kept, path) = file("listen = 5.5\n");
    assert!(refused(&[("config", &path)], &[]).contains("listen"));
    assert!(refused(&[("config", "/nowhere/coffer.toml")], &[]).contains("/nowhere/coffer.toml"));
}

#[test]
fn values_are_what_their_kind_says() {
    for (name, value) in [
        ("COFFER_LISTEN", "example.com:80"),
        ("COFFER_LISTEN", "unix:"),
        ("COFFER_SECRETS_PER_SCOPE", "0"),
        ("COFFER_SECRETS_PER_SCOPE", "1001"),
        ("COFFER_INSECURE_HTTP", "yes"),
        ("COFFER_LOG_LEVEL", "loud"),
    ] {
        let message = refused(&[], &[(name, value)]);
        assert!(message.contains(name), "{message}");
    }
    assert!(load(&[], &[("COFFER_SECRETS_PER_SCOPE", "1000")]).is_ok());
    assert!(load(&[], &[("COFFER_INSECURE_HTTP", "true")]).unwrap().is_on(&INSECURE_HTTP));
}

#[test]
fn secrets_are_starred_and_are_never_repeated() {
    const KEY: &str = "ak_coffer_hunter2";
    let config = load(&[], &[("COFFER_ADMIN_KEY", KEY)]).unwrap();
    let starred = ("********".into(), "environment COFFER_ADMIN_KEY".into());
    assert_eq!(shown(&config, &ADMIN_KEY), starred);
    let config = load(&[], &[("COFFER_ADMIN_KEY_FILE", "/run/key")]).unwrap();
    let of_file = ("/run/key".into(), "environment COFFER_ADMIN_KEY_FILE".into());
    assert_eq!(shown(&config, &ADMIN_KEY), of_file);
    let both = [("COFFER_ADMIN_KEY", KEY), ("COFFER_ADMIN_KEY_FILE", "/run/key")];
    assert!(!refused(&[], &both).contains(KEY));
    // Who mistakes the path for the key must not find the key in a log.
    assert!(!refused(&[], &[("COFFER_ADMIN_KEY_FILE", KEY)]).contains(KEY));
    let root = "coffer-root-1 store_x 00ff";
    assert!(!refused(&[("root_key", root)], &[]).contains("00ff"));
    let malformed = load(&[], &[("COFFER_ROOT_KEY", root)]).unwrap().root_source();
    assert!(!malformed.unwrap_err().0.contains("00ff"));
}

#[test]
fn tls_needs_both_files() {
    assert!(load(&[("tls_cert", "a")], &[]).unwrap().check().is_err());
    assert!(load(&[("tls_key", "a")], &[]).unwrap().check().is_err());
    assert!(load(&[("tls_key", "a"), ("tls_cert", "b")], &[]).unwrap().check().is_ok());
}

#[test]
fn every_setting_is_declared_once() {
    for (at, setting) in ALL.iter().enumerate() {
        assert!(setting.env.starts_with(PREFIX) && !setting.about.is_empty());
        for other in ALL.iter().skip(at + 1) {
            assert!(setting.name != other.name && setting.env != other.env, "{}", setting.name);
        }
        if let Some(default) = setting.default {
            assert!(setting.given(default, Source::Default).is_ok(), "{}", setting.name);
        }
    }
}
