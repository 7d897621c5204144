//! What External Secrets Operator asks, by the manifest in `deploy/`.

use coffer_testkit::TestServer;

const MANIFEST: &str = include_str!("../../deploy/kubernetes/external-secrets.yml");

/// The path and query of the manifest's URL, for the secret of this name.
fn target(name: &str) -> String {
    let (_, rest) = MANIFEST.split_once("url: \"http://coffer.coffer:4747").unwrap();
    let (url, _) = rest.split_once('"').unwrap();
    // A line that ends with a backslash goes on without its indentation.
    let lines = url.split("\\\n").map(str::trim_start);
    let url: String = lines.collect();
    assert!(url.contains("{{ .remoteRef.key | urlquery }}"), "{url}");
    url.replace("{{ .remoteRef.key | urlquery }}", name)
}

#[test]
fn the_manifest_reads_a_payload_and_finds_out_that_there_is_none() {
    let server = TestServer::start();
    let app = server.app();
    app.client().set("billing_access_token", "value").ok();
    let reader = server.restricted(&app, &["secret_read"]);
    let answer = reader.raw("GET", &target("billing_access_token"), None);
    assert_eq!(answer.text("payload"), "value");
    assert!(MANIFEST.contains("jsonPath: \"$.payload\""));
    assert!(MANIFEST.contains("Authorization: Bearer {{ .auth.token }}"));
    assert_eq!(reader.raw("GET", &target("another"), None).status, 404);
}
