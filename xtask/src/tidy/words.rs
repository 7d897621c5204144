//! Words that have no place in the tree.
//!
//! The words are put together from halves, so that this file does not find itself.

use super::finding::Finding;
use crate::code::source::words;
use crate::code::tree::File;

/// The hosts of package registries: where packages come from is each machine's own setting.
const REGISTRIES: [&str; 7] = [
    concat!("crates", ".io"),
    concat!("npm", "js.org"),
    concat!("npm", "js.com"),
    concat!("py", "pi.org"),
    concat!("python", "hosted.org"),
    concat!("proxy.go", "lang.org"),
    concat!("ruby", "gems.org"),
];
/// Work that is left for later belongs in an issue, not in the code.
const LATER: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];
/// The site whose API is spoken here. Its answers link to it; ours do not.
const SITE: &str = concat!("stri", "pe.com");
/// The wire contract quotes answers word for word.
const QUOTES: &str = "docs/wire/";
/// Cargo writes the registry's address into its lock files, and cannot be told not to.
const LOCK: &str = "Cargo.lock";

pub fn check(files: &[File]) -> Vec<Finding> {
    let written = files.iter().filter(|file| !file.path.ends_with(LOCK));
    written.flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let mut find = |message: String| {
            findings.push(Finding::new(&file.path, index + 1, message));
        };
        for host in REGISTRIES.iter().filter(|host| line.contains(**host)) {
            find(format!("no package registry is named in the tree: {host}"));
        }
        for word in LATER.iter().filter(|word| words(line, word).next().is_some()) {
            find(format!("what is left for later belongs in an issue: {word}"));
        }
        if links_to_site(line) && !file.path.starts_with(QUOTES) {
            find(format!("links to {SITE} stand only in {QUOTES}"));
        }
    }
    findings
}

/// Whether an address with a scheme leads to the site or a host below it.
fn links_to_site(line: &str) -> bool {
    line.split("://").skip(1).any(|address| {
        let end = address.find(|c: char| !c.is_alphanumeric() && c != '.' && c != '-');
        let host = end.and_then(|end| address.get(..end)).unwrap_or(address);
        host == SITE || host.strip_suffix(SITE).is_some_and(|below| below.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: String) -> Vec<usize> {
        let findings = check(&[File { path: path.into(), text }]);
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn registries_are_not_named() {
        for host in REGISTRIES {
            assert_eq!(lines("README.md", format!("a\nsee https://{host}/x\n")), [2], "{host}");
        }
        let address = format!("registry+https://{}", REGISTRIES[0]);
        assert!(lines("fuzz/Cargo.lock", address).is_empty());
    }

    #[test]
    fn nothing_is_left_for_later() {
        for word in LATER {
            assert_eq!(lines("a.rs", format!("// {word}: later\n")), [1], "{word}");
            assert!(lines("a.rs", format!("{word}S x{word}")).is_empty(), "{word}");
        }
    }

    #[test]
    fn links_to_the_site_stand_in_the_contract_only() {
        let link = |host: &str| format!("\"https://{host}{SITE}/docs\"\n");
        for host in ["", "api.", "docs."] {
            assert_eq!(lines("crates/a/src/b.rs", link(host)), [1], "{host}");
            assert!(lines("docs/wire/secret-store.md", link(host)).is_empty(), "{host}");
        }
        assert!(lines("a.md", link("not")).is_empty());
        assert!(lines("a.md", format!("instead of api.{SITE}")).is_empty());
    }
}
