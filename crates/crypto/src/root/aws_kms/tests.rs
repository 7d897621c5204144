//! AWS KMS, right and wrong.

use super::*;
use crate::root::RootSecret;
use crate::root::tests::root_server::{Behaviour, RootServer};
use crate::root::tests::{STORE, forms, root_key};
use coffer_base::{TestClock, TestRandom, Timestamp};

const SECRET: &str = "wJalrXUtnFEMIhunter2";

fn means(secret: Option<&str>) -> Means {
    let text = |text: &str| Some(Zeroizing::new(text.to_owned()));
    Means {
        secret: RootSecret::given(Zeroizing::default()),
        authorities: None,
        aws: [None, text("AKIDEXAMPLE"), secret.and_then(text), text("session1")],
        clock: Arc::new(TestClock::at(Timestamp::from_unix(1_440_938_160))),
    }
}

fn kms(server: &RootServer) -> AwsKms {
    let text = format!("alias/coffer?region=eu-west-1&endpoint={}", server.url());
    AwsKms::new(Address::parse(&text).unwrap(), means(Some(SECRET))).unwrap().hasty()
}

#[test]
fn a_key_that_is_kept_opens_again_for_its_own_store() {
    let server = RootServer::start();
    let (root, key) = (kms(&server), root_key());
    let kept = root.keep(&key, &TestRandom::seeded(1)).unwrap();
    assert_eq!(root.open(STORE, &kept).unwrap().id(), key.id());
    let other = root.open("store_B", &kept).unwrap_err();
    assert!(matches!(other, RootError::Refused { .. }), "{other}");
    for request in server.seen() {
        let head = &request.head;
        assert!(head.contains("x-amz-date: 20150830t123600z"), "{head}");
        assert!(head.contains("x-amz-security-token: session1"), "{head}");
        let scope = "credential=akidexample/20150830/eu-west-1/kms/aws4_request";
        assert!(head.contains(scope) && head.contains("signature="), "{head}");
        assert!(!head.contains(&SECRET.to_ascii_lowercase()));
    }
}

#[test]
fn each_wrong_answer_has_its_error_and_none_shows_what_was_sent() {
    let server = RootServer::start();
    let (root, key) = (kms(&server), root_key());
    let kept = root.keep(&key, &TestRandom::seeded(1)).unwrap();
    for (behaviour, temporary, part) in [
        (Behaviour::Disabled, false, "enable the key"),
        (Behaviour::Throttled, true, "Rate exceeded"),
        (Behaviour::OtherKey, false, "under another key"),
        (Behaviour::Page, false, "no JSON"),
        (Behaviour::OtherFields, false, "no "),
        (Behaviour::Silent, true, "in time"),
    ] {
        server.behave(behaviour);
        let opened = root.open(STORE, &kept).unwrap_err();
        let made = root.keep(&key, &TestRandom::seeded(2)).unwrap_err();
        for error in [&opened, &made] {
            assert_eq!(error.is_temporary(), temporary, "{behaviour:?}: {error}");
            let shown = format!("{error} {error:?}");
            let hidden = forms(&key).into_iter().chain([SECRET.to_owned()]);
            for secret in hidden {
                assert!(!shown.contains(&secret), "{behaviour:?}: {shown}");
            }
        }
        assert!(opened.to_string().contains(part), "{behaviour:?}: {opened}");
    }
}

#[test]
fn an_address_names_a_key_and_the_region_comes_from_it_or_the_environment() {
    let arn = Address::parse("arn:aws:kms:eu-central-1:111122223333:key/ab-cd").unwrap();
    assert_eq!(arn.region.as_deref(), Some("eu-central-1"));
    let of_aws = AwsKms::new(arn, means(Some(SECRET))).unwrap();
    assert_eq!(of_aws.endpoint, "https://kms.eu-central-1.amazonaws.com");
    for wrong in ["", "a b", "k?endpoint=http://elsewhere.example"] {
        assert!(matches!(Address::parse(wrong), Err(RootError::Spec(_))), "{wrong}");
    }
    let nowhere = Address::parse("k").unwrap();
    assert!(AwsKms::new(nowhere, means(Some(SECRET))).is_err());
    let nobody = Address::parse("k?region=r").unwrap();
    assert!(AwsKms::new(nobody, means(None)).is_err());
}
