//! The bill of materials, as CycloneDX 1.5 in JSON. It depends on the sources and the binary alone,
//! so that it is the same on every machine.

use super::parts::{Crate, Parts};

/// The document for a binary with this SHA-256.
pub fn document(parts: &Parts, digest: &str) -> String {
    let own = parts.own();
    let components: Vec<String> = parts.crates().iter().map(|each| library(each)).collect();
    let all = std::iter::once(own).chain(parts.crates());
    let needs: Vec<String> = all.map(dependency).collect();
    let application = fields(&[
        ("type", text("application")),
        ("bom-ref", text(&reference(&own.name, &own.version))),
        ("name", text(&own.name)),
        ("version", text(&own.version)),
        ("hashes", hashes(digest)),
        ("licenses", licences(&own.licence)),
    ]);
    let document = fields(&[
        ("bomFormat", text("CycloneDX")),
        ("specVersion", text("1.5")),
        ("version", "1".to_owned()),
        ("metadata", fields(&[("component", application)])),
        ("components", array(&components)),
        ("dependencies", array(&needs)),
    ]);
    format!("{document}\n")
}

/// A crate that is linked into the binary.
fn library(each: &Crate) -> String {
    let reference = reference(&each.name, &each.version);
    let mut all = vec![
        ("type", text("library")),
        ("bom-ref", text(&reference)),
        ("name", text(&each.name)),
        ("version", text(&each.version)),
        ("scope", text("required")),
    ];
    // Those without a checksum are ours, and in no registry.
    if !each.checksum.is_empty() {
        all.push(("hashes", hashes(&each.checksum)));
        all.push(("purl", text(&reference)));
    }
    if !each.licence.is_empty() {
        all.push(("licenses", licences(&each.licence)));
    }
    fields(&all)
}

fn dependency(each: &Crate) -> String {
    let needs = each.needs.iter().map(|(name, version)| text(&reference(name, version)));
    fields(&[
        ("ref", text(&reference(&each.name, &each.version))),
        ("dependsOn", array(&needs.collect::<Vec<_>>())),
    ])
}

fn reference(name: &str, version: &str) -> String {
    // A plus sign means a blank in addresses.
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

fn hashes(sha256: &str) -> String {
    array(&[fields(&[("alg", text("SHA-256")), ("content", text(sha256))])])
}

fn licences(expression: &str) -> String {
    array(&[fields(&[("expression", text(expression))])])
}

fn fields(all: &[(&str, String)]) -> String {
    let all: Vec<_> = all.iter().map(|(name, value)| format!("{}:{value}", text(name))).collect();
    format!("{{{}}}", all.join(","))
}

fn array(all: &[String]) -> String {
    format!("[{}]", all.join(",\n"))
}

/// A JSON string.
fn text(plain: &str) -> String {
    let mut quoted = String::from("\"");
    for c in plain.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_has_its_address_its_hash_and_its_licence() {
        let each = Crate {
            name: "toml".to_owned(),
            version: "1.2.2+spec-1.1.0".to_owned(),
            checksum: "ab".to_owned(),
            licence: "MIT".to_owned(),
            needs: vec![("winnow".to_owned(), "1.0.5".to_owned())],
        };
        let library = library(&each);
        for part in [
            r#""purl":"pkg:cargo/toml@1.2.2%2Bspec-1.1.0""#,
            r#""hashes":[{"alg":"SHA-256","content":"ab"}]"#,
            r#""licenses":[{"expression":"MIT"}]"#,
        ] {
            assert!(library.contains(part), "{library}");
        }
        assert!(dependency(&each).contains(r#""dependsOn":["pkg:cargo/winnow@1.0.5"]"#));
    }

    #[test]
    fn text_is_quoted() {
        assert_eq!(text("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
    }
}
