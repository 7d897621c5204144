//! What External Secrets Operator asks, by the manifest in `deploy/`.

use coffer_testkit::{TestServer, encode};

const MANIFEST: &str = include_str!("../../deploy/kubernetes/external-secrets.yml");

/// The quoted text behind `before`, as YAML reads it: a line that ends with a backslash goes on
/// without its indentation.
fn quoted(before: &str) -> String {
    let (_, rest) = MANIFEST.split_once(before).unwrap();
    let (text, _) = rest.split_once('"').unwrap();
    text.split("\\\n").map(str::trim_start).collect()
}

/// As the operator escapes in URLs, and `urlquery` in templates.
fn escaped(text: &str) -> String {
    encode(&[("", text)]).trim_start_matches('=').replace("%20", "+")
}

/// The template with each of these in place of what stands for it; nothing is left over.
fn filled(mut template: String, values: &[(&str, &str)]) -> String {
    for (placeholder, value) in values {
        assert!(template.contains(placeholder), "{placeholder} in {template}");
        template = template.replace(placeholder, value);
    }
    assert!(!template.contains("{{"), "{template}");
    template
}

/// The path and query of the manifest's URL, for the secret of this name, which the operator
/// escapes before it fills the template.
fn target(name: &str) -> String {
    let url = quoted("url: \"http://coffer.coffer:4747/v1/apps/secrets/find");
    let url = format!("/v1/apps/secrets/find{url}");
    filled(url, &[("{{ .remoteRef.key }}", &escaped(name))])
}

#[test]
fn the_manifest_reads_a_payload_and_finds_out_that_there_is_none() {
    let server = TestServer::start();
    let app = server.app();
    let reader = server.restricted(&app, &["secret_read"]);
    for name in ["billing_access_token", "a name with+&=%41"] {
        app.client().set(name, "value").ok();
        let answer = reader.raw("GET", &target(name), None);
        assert_eq!(answer.text("payload"), "value");
    }
    assert!(MANIFEST.contains("jsonPath: \"$.payload\""));
    assert!(MANIFEST.contains("Authorization: Bearer {{ .auth.token }}"));
    assert_eq!(reader.raw("GET", &target("another"), None).status, 404);
}

#[test]
fn the_manifest_pushes_a_value_as_often_as_it_is_compared() {
    let server = TestServer::start();
    let app = server.app();
    let writer = server.restricted(&app, &["secret_write"]);
    let (name, value) = ("billing access&token", "a+b c&payload=%41\n\u{e9}");
    let push = "url: \"http://coffer.coffer:4747/v1/apps/secrets\"\n      method: POST\n";
    assert!(MANIFEST.contains(push));
    assert!(MANIFEST.contains("Content-Type: application/x-www-form-urlencoded"));
    // The body is filled with what is not escaped, so its template escapes.
    let body = filled(
        quoted("body: \""),
        &[
            ("{{ .remoteRef.remoteKey | urlquery }}", &escaped(name)),
            ("{{ index .remoteRef .remoteRef.remoteKey | urlquery }}", &escaped(value)),
        ],
    );
    for _ in 0..2 {
        let answer = writer.raw("POST", "/v1/apps/secrets", Some(&body));
        assert_eq!(answer.status, 200);
    }
    let reader = server.restricted(&app, &["secret_read"]);
    assert_eq!(reader.raw("GET", &target(name), None).text("payload"), value);
    let all = reader.raw("GET", "/v1/apps/secrets?scope[type]=account", None);
    assert_eq!(all.json()["data"].as_array().unwrap().len(), 1);
}
