use super::*;

const ALLOWED: [&str; 12] = [
    "name",
    "payload",
    "scope",
    "scope[type]",
    "scope[user]",
    "expires_at",
    "limit",
    "types",
    "enabled",
    "count",
    "deep[a][b]",
    "note",
];

fn decode(query: &str) -> Result<Params, ApiError> {
    Params::decode(Some(query), b"")
}

/// Reads every parameter in some way, so that each row of the table can fail where it should.
fn read_all(query: &str) -> Result<(), ApiError> {
    let params = decode(query)?;
    let fields = params.only(&ALLOWED)?;
    fields.required_text("name", 10)?;
    if fields.has("payload") {
        fields.secret_text("payload", 10)?;
    }
    let scope = fields.required_object("scope")?;
    let user = scope.required_choice("type", &[("account", false), ("user", true)])?;
    if user {
        scope.required_text("user", 10)?;
    }
    fields.clearable_integer("expires_at")?;
    fields.optional_integer_within("limit", 1..=100)?;
    fields.optional_integer("count")?;
    fields.optional_bool("enabled")?;
    fields.optional_text("note", 10)?;
    fields.text_list("types")?;
    Ok(())
}

const EMPTY: &str = "parameter_invalid_empty";
const INTEGER: &str = "parameter_invalid_integer";
const MISSING: &str = "parameter_missing";
const UNKNOWN: &str = "parameter_unknown";
const GOOD: &str = "name=n&scope[type]=account";

/// Checks the whole refusal of a request; a query that begins with `&` goes on after [`GOOD`].
fn assert_refused(query: &str, code: &str, param: &str, message: &str) {
    let query = if query.starts_with('&') { format!("{GOOD}{query}") } else { query.to_owned() };
    let error = read_all(&query).expect_err(&query);
    assert_eq!(error.status(), 400, "{query}");
    assert_eq!(error.should_retry(), None);
    let kind = "invalid_request_error";
    let all = [("code", code), ("message", message), ("param", param), ("type", kind)];
    let present = all.into_iter().filter(|(_, value)| !value.is_empty());
    let fields: serde_json::Map<_, _> =
        present.map(|(key, value)| (key.to_owned(), value.into())).collect();
    let body = serde_json::to_string_pretty(&serde_json::json!({ "error": fields })).unwrap();
    assert_eq!(String::from_utf8(error.body()).unwrap(), body, "{query}");
}

#[test]
fn what_is_missing_is_named() {
    for (query, param) in [
        ("scope[type]=account", "name"),
        ("name=n", "scope"),
        ("name=n&scope[user]=u", "scope[type]"),
        ("name=n&scope[type]=user", "scope[user]"),
    ] {
        assert_refused(query, MISSING, param, &format!("Missing required param: {param}."));
    }
}

#[test]
fn what_is_empty_is_named() {
    for (query, param) in [
        ("name=&scope[type]=user", "name"),
        ("&payload=", "payload"),
        ("&payload", "payload"),
        ("name=n&scope[type]=", "scope[type]"),
        ("name=n&scope[type]=user&scope[user]=", "scope[user]"),
        ("name=n&scope=", "scope"),
        ("&limit=", "limit"),
        ("&enabled=", "enabled"),
        ("&note=", "note"),
        ("&types[0]=a&types[1]=", "types[1]"),
    ] {
        let message = format!(
            "'{param}' was sent as an empty string. An empty value asks to unset a parameter, \
             and '{param}' cannot be unset: leave it out, or give it a value."
        );
        assert_refused(query, EMPTY, param, &message);
    }
}

#[test]
fn what_has_the_wrong_shape_is_named() {
    let types = "Invalid scope[type]: must be one of account or user";
    for (query, param, message) in [
        ("name=n&scope=account", "scope", "Invalid object"),
        ("name=n&scope[]=account", "scope", "Invalid object"),
        ("name[a]=n&scope[type]=user", "name", "Invalid string: {\"a\":\"n\"}"),
        ("name[][0]=n&scope[type]=user", "name", "Invalid string: [{\"0\":\"n\"}]"),
        ("&payload[]=n", "payload", "Invalid string"),
        ("&types[0]=a&types[1][b]=c", "types[1]", "Invalid string: {\"b\":\"c\"}"),
        ("&types[][0]=a", "types[0]", "Invalid string: {\"0\":\"a\"}"),
        ("&types=a", "types", "Invalid array"),
        ("name=n&scope[type]=app", "scope[type]", types),
        ("name=n&scope[type][]=user", "scope[type]", types),
        ("&enabled=TRUE", "enabled", "Invalid boolean: TRUE"),
        ("&enabled[a]=1", "enabled", "Invalid boolean: {\"a\":\"1\"}"),
    ] {
        assert_refused(query, "", param, message);
    }
}

#[test]
fn text_that_cannot_be_kept_is_refused() {
    let long = "Invalid string: abcd...hijk; must be at most 10 characters";
    let secret = "Invalid string: the value has 11 characters; must be at most 10 characters";
    let nul = "Invalid string: it must not contain the NUL character";
    for (query, param, message) in [
        ("name=abcdefghijk&scope[type]=user", "name", long),
        ("&note=abcdefghijk", "note", long),
        ("&payload=abcdefghijk", "payload", secret),
        ("name=a%00&scope[type]=user", "name", nul),
        ("&payload=%00", "payload", nul),
        ("&types[]=%00", "types[0]", nul),
    ] {
        assert_refused(query, "", param, message);
    }
}

#[test]
fn what_is_no_integer_is_shown() {
    for (query, param, message) in [
        ("&expires_at=soon", "expires_at", "Invalid integer: soon"),
        ("&expires_at[]=1", "expires_at", "Invalid integer: [\"1\"]"),
        ("&count=1.0", "count", "Invalid integer: 1.0"),
        ("&count=1e3", "count", "Invalid integer: 1e3"),
        ("&count=-", "count", "Invalid integer: -"),
        ("&count=%2B1", "count", "Invalid integer: +1"),
        ("&count=+1", "count", "Invalid integer:  1"),
        ("&count=9223372036854775808", "count", "Invalid integer: 9223372036854775808"),
        ("&limit=0", "limit", "This value must be greater than or equal to 1."),
        ("&limit=101", "limit", "This value must be less than or equal to 100."),
    ] {
        assert_refused(query, INTEGER, param, message);
    }
}

#[test]
fn what_is_shown_of_a_value_is_cut() {
    let long = "é".repeat(5000);
    for query in [format!("&note[a]={long}"), format!("&note[a][b]=1&note[c][]={long}")] {
        let error = read_all(&format!("{GOOD}{query}")).unwrap_err();
        let shown = error.message().strip_prefix("Invalid string: ").unwrap();
        assert_eq!(shown.chars().count(), crate::limits::ECHO_CHARACTERS + 3, "{shown}");
        assert!(shown.ends_with("..."), "{shown}");
    }
}

#[test]
fn an_id_that_nothing_has_narrows_a_list_to_nothing() {
    let long = "i".repeat(crate::limits::FILTER_ID_BYTES + 1);
    for (sent, read) in [("ch_1", "ch_1"), ("ch%20x", "ch x"), ("a%00b", " "), (&long, " ")] {
        let params = decode(&format!("note={sent}")).unwrap();
        assert_eq!(params.root().id_filter("note").unwrap().unwrap(), read, "{sent}");
    }
    assert_eq!(Params::empty().root().id_filter("note").unwrap(), None);
    for (query, code) in [("note=", Some(EMPTY)), ("note[a]=1", None)] {
        let error = decode(query).unwrap().root().id_filter("note").unwrap_err();
        assert_eq!((error.code(), error.param()), (code, Some("note")), "{query}");
    }
}

#[test]
fn lists_with_other_keys_are_refused() {
    for (query, received) in [
        ("&types[1]=a&types[3]=b", "[1], [3]"),
        ("&types[]=a&types[1]=b", "[], [1]"),
        ("&types[00]=a", "[00]"),
        ("&types[+0]=a", "[ 0]"),
        ("&types[%2B0]=a", "[+0]"),
        ("&types[-1]=a", "[-1]"),
        ("&types[99999999999999999999]=a", "[99999999999999999999]"),
    ] {
        let message = format!(
            "Invalid array: the keys of 'types' must be [0], [1], [2] and so on, from [0] and \
             without a gap, or all be []. Received: {received}"
        );
        assert_refused(query, "", "types", &message);
    }
}

#[test]
fn unknown_parameters_are_listed_before_any_other_fault() {
    for (query, param, message) in [
        ("&foo=1", "foo", "Received unknown parameter: foo"),
        ("&foo[]=1&foo[]=2", "foo", "Received unknown parameter: foo"),
        (
            "foo=1&bar[a]=2&bar[b]=3&scope[x]=4",
            "foo",
            "Received unknown parameters: foo, bar, scope[x]",
        ),
        ("&scope[]=1&scope[]=2", "scope[]", "Received unknown parameter: scope[]"),
        ("&deep[a][c]=1", "deep[a][c]", "Received unknown parameter: deep[a][c]"),
        ("&scope[expand]=1", "scope[expand]", "Received unknown parameter: scope[expand]"),
    ] {
        assert_refused(query, UNKNOWN, param, message);
    }
}

#[test]
fn a_pair_without_name_and_value_says_nothing() {
    for form in ["", "=", "&", "=&=", "&=&"] {
        let params = Params::decode(Some(form), form.as_bytes()).unwrap();
        assert!(params.only(&[]).is_ok(), "{form}");
    }
    let params = Params::decode(None, b"=&a=1").unwrap();
    assert!(params.has("a"));
}

#[test]
fn names_that_make_no_path_are_refused() {
    for name in ["a[b", "a]b", "a[b]c", "a[b[c]]", "a[b[c]", "a[b]]", "a["] {
        let message = format!(
            "The brackets of the parameter '{name}' do not match up: write 'a', 'a[b]' or 'a[]'."
        );
        assert_refused(&format!("{name}=1"), "", "", &message);
    }
    for name in ["[a]", "", "]", "[]"] {
        let message = format!("A parameter must begin with a name; this one does not: '{name}'.");
        assert_refused(&format!("{name}=1"), "", "", &message);
    }
    let message = "A parameter must begin with a name; this one does not: '[]'.";
    assert_refused("[]=", "", "", message);
    let deep = "The parameter 'a[b][c][d][e]' is nested too deeply: at most 4 levels.";
    assert_refused("a[b][c][d][e]=1", "", "a[b][c][d][e]", deep);
    for (query, name) in [("a=1&a[b]=2", "a"), ("a[b]=1&a=2", "a"), ("a[b]=1&a[b][c]=2", "a[b]")] {
        let message = format!(
            "'{name}' was sent both as a plain value and with brackets after it; send one of \
             them."
        );
        assert_refused(query, "", name, &message);
    }
}

#[test]
fn what_cannot_be_decoded_is_refused() {
    for (query, param, what) in [
        ("payload=%zz", "payload", "value"),
        ("payload=100%", "payload", "value"),
        ("payload=%+1", "payload", "value"),
        ("pay%2=1", "", "name"),
    ] {
        let message = format!(
            "A parameter's {what} has a '%' without two hexadecimal digits after it; write the \
             percent sign itself as '%25'."
        );
        assert_refused(query, "", param, &message);
    }
    let utf8 = "A parameter's value is not valid UTF-8.";
    assert_refused("payload=%FF", "", "payload", utf8);
    assert_refused("pay%FFload=1", "", "", "A parameter's name is not valid UTF-8.");
    let raw = Params::decode(None, b"payload=\xFF").unwrap_err();
    assert_eq!((raw.message(), raw.param()), (utf8, Some("payload")));
    assert!(Params::decode(None, b"pay\xFF=1").is_err());
}

#[test]
fn good_requests_are_read() {
    for rest in [
        "",
        "expires_at=",
        "expires_at=-12",
        "limit=1",
        "limit=100&count=-9223372036854775808",
        "enabled=true&enabled=false",
        "types=",
        "types[]=",
        "types[1]=b&types[0]=a",
        "types[]=a&types[]=b",
        "expand[]=payload",
        "note=a%26b+c",
        "&&",
    ] {
        read_all(&format!("{GOOD}&{rest}")).expect(rest);
    }
}

#[test]
fn both_spellings_of_brackets_and_spaces_mean_the_same() {
    for query in ["scope[type]=a+b%20c", "scope%5Btype%5d=a%20b+c", "sco%70e[type]=a b c"] {
        let params = decode(query).unwrap();
        let scope = params.only(&ALLOWED).unwrap().required_object("scope").unwrap();
        assert_eq!(scope.required_text("type", 10).unwrap().expose(), "a b c", "{query}");
    }
}

#[test]
fn the_body_wins_over_the_query_and_the_last_over_the_first() {
    let params = Params::decode(Some("name=a&name=b&note=q"), b"name=c&name=d").unwrap();
    let fields = params.only(&ALLOWED).unwrap();
    assert_eq!(fields.required_text("name", 10).unwrap().expose(), "d");
    assert_eq!(fields.required_text("note", 10).unwrap().expose(), "q");
}

#[test]
fn lists_keep_their_order() {
    for query in ["types[]=a&types[]=b", "types[0]=a&types[1]=b", "types[1]=b&types[0]=a"] {
        let params = decode(query).unwrap();
        assert_eq!(params.only(&ALLOWED).unwrap().text_list("types").unwrap(), ["a", "b"]);
    }
    let eleven: Vec<String> = (0..11).map(|i| format!("types[{i}]={i}")).collect();
    let params = decode(&eleven.join("&")).unwrap();
    let read = params.only(&ALLOWED).unwrap().text_list("types").unwrap();
    assert_eq!(read.last(), Some(&"10"));
}

#[test]
fn lengths_are_counted_in_characters() {
    for (text, fits) in [("é".repeat(10), true), ("é".repeat(11), false), ("😀".repeat(10), true)]
    {
        let params = decode(&format!("name={text}&payload={text}")).unwrap();
        let fields = params.only(&ALLOWED).unwrap();
        assert_eq!(fields.required_text("name", 10).is_ok(), fits, "{text}");
        assert_eq!(fields.secret_text("payload", 10).is_ok(), fits, "{text}");
    }
}

#[test]
fn parameters_are_counted_over_query_and_body() {
    let many = |count: usize| vec!["types[]=a"; count].join("&");
    let most = crate::limits::PARAMETERS;
    let body = many(most - 1);
    assert!(Params::decode(Some("name=a"), body.as_bytes()).is_ok());
    let error = Params::decode(Some("name=a&name=b"), body.as_bytes()).unwrap_err();
    assert_eq!(error.message(), "The request has too many parameters: at most 64.");
    assert_eq!((error.status(), error.param()), (400, None));
}

#[test]
fn a_value_without_a_name_is_not_repeated() {
    let error = decode(&"hunter2".repeat(100)).unwrap_err();
    assert_eq!(error.status(), 400);
    assert!(error.message().contains("at most 200 bytes") && !error.message().contains("hunter2"));
    assert!(decode(&"n".repeat(crate::limits::PARAMETER_NAME_BYTES)).is_ok());
}

#[test]
fn no_value_is_shown_by_debug_or_by_a_refusal_of_a_secret() {
    let params = decode("payload=hunter2&scope[user]=hunter2").unwrap();
    let shown = format!("{params:?} {:?}", params.only(&ALLOWED).unwrap());
    assert!(shown.contains("payload") && !shown.contains("hunter2"), "{shown}");
    for payload in ["=hunter2hunter2", "=hunter2%00", "=hunter2%FF", "=hunter2%", "[a]=hunter2"] {
        let query = format!("{GOOD}&payload{payload}");
        let error = read_all(&query).expect_err(&query);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn nothing_is_readable_where_nothing_was_sent() {
    let params = Params::empty();
    let fields = params.only(&[]).unwrap();
    assert!(!fields.has("name"));
    assert!(fields.optional_object("scope").unwrap().is_none());
    assert!(fields.optional_text("name", 1).unwrap().is_none());
    assert_eq!(fields.clearable_integer("expires_at").unwrap(), None);
    assert_eq!(fields.text_list("types").unwrap(), Vec::<&str>::new());
}
