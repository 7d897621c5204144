use crate::params::Params;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What a request means, apart from how it is spelled.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Model {
    Text(String),
    List(Vec<Model>),
    Object(BTreeMap<String, Model>),
}

fn model() -> impl Strategy<Value = Model> {
    let key = "[a-zé][a-z0-9_ %+&=é]{0,4}";
    let node = any::<String>().prop_map(Model::Text).prop_recursive(3, 24, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Model::List),
            prop::collection::btree_map(key, inner, 1..4).prop_map(Model::Object),
        ]
    });
    prop::collection::btree_map(key, node, 0..3).prop_map(Model::Object)
}

/// Bracket path and value of each leaf, lists numbered.
fn pairs(model: &Model, path: &str, out: &mut Vec<(String, String)>) {
    let inner = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}[{key}]"),
    };
    match model {
        Model::Text(text) => out.push((path.to_owned(), text.clone())),
        Model::List(items) => {
            for (index, item) in items.iter().enumerate() {
                pairs(item, &inner(&index.to_string()), out);
            }
        }
        Model::Object(fields) => {
            for (key, value) in fields {
                pairs(value, &inner(key), out);
            }
        }
    }
}

fn encode(text: &str, plain: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'[' | b']' if plain => out.push(char::from(byte)),
            b' ' if plain => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn form(pairs: &[(String, String)], plain: bool) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(path, value)| format!("{}={}", encode(path, plain), encode(value, plain)))
        .collect();
    pairs.join("&")
}

fn canonical(query: &str, body: &str) -> Vec<u8> {
    Params::decode(Some(query), body.as_bytes()).unwrap().canonical().expose().clone()
}

/// Reads a canonical form back, which proves that it says everything, and says it once.
fn read<'b>(bytes: &'b [u8], kind: &mut u8) -> (Model, &'b [u8]) {
    let (head, mut rest) = bytes.split_at(9);
    *kind = head[0];
    let count = usize::try_from(u64::from_be_bytes(head[1..].try_into().unwrap())).unwrap();
    let mut inner = 0;
    match head[0] {
        b't' | b'k' => {
            let (text, rest) = rest.split_at(count);
            (Model::Text(String::from_utf8(text.to_vec()).unwrap()), rest)
        }
        b'l' => {
            let mut items = Vec::new();
            for _ in 0..count {
                let (item, after) = read(rest, &mut inner);
                items.push(item);
                rest = after;
            }
            (Model::List(items), rest)
        }
        b'o' => {
            let mut fields = BTreeMap::new();
            for _ in 0..count {
                let (key, after) = read(rest, &mut inner);
                assert_eq!(inner, b'k');
                let (value, after) = read(after, &mut inner);
                let Model::Text(key) = key else { panic!("a key is text") };
                assert!(fields.insert(key, value).is_none(), "a key stands once");
                rest = after;
            }
            (Model::Object(fields), rest)
        }
        other => panic!("unknown kind {other}"),
    }
}

proptest! {
    #[test]
    fn the_canonical_form_says_what_the_request_means(
        (model, pairs, shuffled, split) in model().prop_flat_map(|model| {
            let mut list = Vec::new();
            pairs(&model, "", &mut list);
            let split = 0..=list.len();
            (Just(model), Just(list.clone()), Just(list).prop_shuffle(), split)
        }),
    ) {
        let whole = canonical(&form(&pairs, true), "");
        let (read, rest) = read(&whole, &mut 0);
        prop_assert_eq!(read, model);
        prop_assert!(rest.is_empty());
        let (query, body) = shuffled.split_at(split);
        prop_assert_eq!(canonical(&form(query, false), &form(body, true)), whole);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(
        query in "([a-c\\[\\]%=&+0-2é]|\\[\\]|%5B|%5D|%00){0,60}",
        body in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        for body in [&b""[..], &body] {
            match Params::decode(Some(&query), body) {
                Ok(params) => {
                    let canonical = params.canonical();
                    prop_assert!(canonical.expose().len() >= 9);
                    let _ = params.only(&["a", "b", "b[a]"]).map(|fields| {
                        let object = fields.optional_object("b").map(|b| b.map(|b| b.has("a")));
                        (fields.text_list("a").is_ok(), object.is_ok())
                    });
                }
                Err(error) => prop_assert_eq!(error.status(), 400),
            }
        }
    }
}

#[test]
fn spellings_of_one_list_are_equal_and_others_are_not() {
    let list = canonical("expand[]=a&expand[]=b", "");
    assert_eq!(canonical("expand[0]=a&expand[1]=b", ""), list);
    assert_eq!(canonical("", "expand%5B1%5D=b&expand[0]=a"), list);
    for other in [
        "expand[]=b&expand[]=a",
        "expand[]=a",
        "expand[]=ab",
        "expand[a]=a&expand[b]=b",
        "expand[1]=a&expand[2]=b",
        "expand=a",
        "",
    ] {
        assert_ne!(canonical(other, ""), list, "{other}");
    }
}
