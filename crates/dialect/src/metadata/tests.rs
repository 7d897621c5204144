use super::*;
use crate::params::Params;

fn change(query: &str) -> Result<Option<MetadataChange>, ApiError> {
    let params = Params::decode(Some(query), b"").unwrap();
    params.only(&["metadata"])?.metadata()
}

fn applied(old: &Metadata, query: &str) -> Metadata {
    change(query).unwrap().unwrap().apply(old).unwrap()
}

#[test]
fn a_change_merges_unsets_and_clears() {
    let old = applied(&Metadata::default(), "metadata[order]=6735&metadata[note]=a+b");
    assert_eq!(old.to_json_text(), r#"{"note":"a b","order":"6735"}"#);
    let new = applied(&old, "metadata[order]=&metadata[never]=&metadata[more]=1");
    assert_eq!(
        (new.get("order"), new.get("note"), new.get("more")),
        (None, Some("a b"), Some("1"))
    );
    assert!(applied(&old, "metadata=").is_empty());
    assert_eq!(change("").unwrap(), None);
}

#[test]
fn it_comes_back_from_a_row_as_it_was() {
    let all = applied(&Metadata::default(), "metadata[k]=%22%5C%0A%E2%82%AC&metadata[a.b]=%7B%7D");
    assert_eq!(Metadata::from_json_text(&all.to_json_text()), Some(all.clone()));
    assert_eq!(Metadata::from_json_text("{}"), Some(Metadata::default()));
    assert_eq!(Metadata::from_json_text(r#"{"k":1}"#), None);
    assert_eq!(Metadata::from_json_text("["), None);
    let shown = Object::bare().set("metadata", all.render()).render();
    let text = "{\n  \"metadata\": {\n    \"a.b\": \"{}\",\n    \"k\": \"\\\"\\\\\\n€\"\n  }\n}";
    assert_eq!(String::from_utf8(shown).unwrap(), text);
}

#[test]
fn what_is_no_metadata_is_refused_by_its_path() {
    let long_key = "k".repeat(41);
    let long_value = format!("metadata[k]={}", "é".repeat(501));
    for (query, param) in [
        ("metadata=text", "metadata"),
        ("metadata[]=text", "metadata"),
        ("metadata[a][b]=1", "metadata[a]"),
        ("metadata[a][]=1", "metadata[a]"),
        ("metadata[a]=%00", "metadata[a]"),
        (&format!("metadata[{long_key}]=1"), &*format!("metadata[{long_key}]")),
        (&long_value, "metadata[k]"),
    ] {
        let error = change(query).unwrap_err();
        assert_eq!((error.status(), error.param()), (400, Some(param)), "{query}");
    }
}

#[test]
fn messages_name_the_size_and_the_key() {
    let error = change(&format!("metadata[k]={}", "v".repeat(501))).unwrap_err();
    assert!(error.message().contains("501"), "{error}");
    assert!(error.message().contains("'k'"), "{error}");
    let error = change(&format!("metadata[{}]=1", "é".repeat(41))).unwrap_err();
    assert!(error.message().contains("41"), "{error}");
    let most = format!("metadata[{}]={}", "é".repeat(40), "é".repeat(500));
    assert!(change(&most).is_ok());
}

#[test]
fn fifty_keys_fit_and_no_more() {
    let keys = |range: std::ops::Range<u32>| {
        range.map(|key| format!("metadata[k{key}]=1")).collect::<Vec<_>>().join("&")
    };
    let full = applied(&Metadata::default(), &keys(0..50));
    assert!(change("metadata[k0]=2").unwrap().unwrap().apply(&full).is_ok());
    assert!(change("metadata[k0]=&metadata[new]=2").unwrap().unwrap().apply(&full).is_ok());
    let error = change("metadata[new]=2").unwrap().unwrap().apply(&full).unwrap_err();
    assert_eq!((error.status(), error.param()), (400, Some("metadata")));
    assert!(error.message().contains("51"), "{error}");
}
