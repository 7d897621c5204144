use super::*;
use proptest::prelude::*;

fn text(object: &Object) -> String {
    String::from_utf8(object.render()).unwrap()
}

#[test]
fn a_secret_is_printed_as_the_examples_show() {
    let scope = Object::bare().set("user", "usr_1").set("type", "user");
    let secret = Object::new("appsecret_1", "apps.secret")
        .set("scope", scope)
        .set("payload", Redacted::new(String::from("hunter2")))
        .set("name", String::from("token"))
        .set("livemode", false)
        .set("expires_at", None::<Timestamp>)
        .set("created", Timestamp::from_unix(1_700_000_000));
    let expected = r#"{
  "id": "appsecret_1",
  "object": "apps.secret",
  "created": 1700000000,
  "expires_at": null,
  "livemode": false,
  "name": "token",
  "payload": "hunter2",
  "scope": {
    "type": "user",
    "user": "usr_1"
  }
}"#;
    assert_eq!(text(&secret), expected);
    let shown = format!("{secret:?}");
    assert!(shown.contains("payload") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_list_keeps_its_order_and_its_items_theirs() {
    let page = list(vec![Object::new("a", "x").set("deleted", true)], true, "/v1/x");
    let expected = r#"{
  "object": "list",
  "url": "/v1/x",
  "has_more": true,
  "data": [
    {
      "id": "a",
      "object": "x",
      "deleted": true
    }
  ]
}"#;
    assert_eq!(text(&page), expected);
}

#[test]
fn empty_ones_stay_on_one_line() {
    let object = Object::bare().set("l", Vec::<Value>::new()).set("m", Object::bare());
    assert_eq!(text(&object), "{\n  \"l\": [],\n  \"m\": {}\n}");
    assert_eq!(text(&Object::bare()), "{}");
}

#[test]
fn a_key_is_set_once() {
    let object = Object::new("a", "x").set("k", 1).set("k", 2).set_dynamic("id".into(), "b");
    assert_eq!(object.get("k"), Some(&Value::Int(2)));
    assert_eq!(object.get("none"), None);
    assert_eq!(text(&object), "{\n  \"id\": \"b\",\n  \"object\": \"x\",\n  \"k\": 2\n}");
}

#[test]
fn control_characters_are_escaped_and_the_rest_is_not() {
    let value = "\0\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f} \"\\/\u{7f}\u{80}é\u{2028}😀";
    let expected = "{\n  \"v\": \"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f \\\"\\\\/\
                    \u{7f}\u{80}é\u{2028}😀\"\n}";
    assert_eq!(text(&Object::bare().set("v", value)), expected);
}

#[test]
fn one_allocation_is_enough_for_what_is_usual() {
    let payload = "{\"a\":\"b\"}".repeat(100);
    let nested = Object::bare().set("payload", "x".repeat(5000)).set("list", vec![1i64, -1]);
    for object in [Object::new("id", "x").set("n", nested), list(vec![], false, "/v1/x")] {
        assert!(object.size(0) >= object.render().len(), "{object:?}");
    }
    // Many quotes cost one more at most.
    let object = Object::bare().set("payload", payload);
    assert!(object.size(0) * 2 >= object.render().len());
}

proptest! {
    #[test]
    fn any_text_comes_back_from_a_json_reader(key in any::<String>(), value in any::<String>()) {
        let secret = Value::Secret(Redacted::new(value.clone()));
        let object = Object::bare()
            .set_dynamic(key.clone(), Value::List(vec![value.clone().into(), secret]));
        let read: serde_json::Value = serde_json::from_slice(&object.render()).unwrap();
        prop_assert_eq!(read, serde_json::json!({ key: [value.clone(), value] }));
    }
}
