//! Whoever switches a lint off says why.

use super::finding::Finding;
use super::source::{Source, enclosed, line_at, words};

pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, _) in source.code.match_indices('#') {
        let rest = source.code.get(at + 1..).unwrap_or_default();
        if !rest.trim_start_matches('!').starts_with('[') {
            continue;
        }
        let attribute = enclosed(rest, '[', ']').unwrap_or_default();
        for lint in ["allow", "expect"] {
            if without_reason(attribute, lint) {
                let line = line_at(&source.code, at);
                let message = format!("{lint} needs its reason: {lint}(…, reason = \"…\")");
                findings.push(Finding::new(&source.path, line, message));
            }
        }
    }
    findings
}

fn without_reason(attribute: &str, lint: &str) -> bool {
    words(attribute, lint).any(|at| {
        let after = attribute.get(at + lint.len()..).unwrap_or_default();
        after.trim_start().starts_with('(')
            && words(enclosed(after, '(', ')').unwrap_or_default(), "reason").next().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::File;

    #[test]
    fn a_lint_is_not_switched_off_in_silence() {
        let text = "#![allow(dead_code)]
#[allow(clippy::panic, reason = \"a test\")]
#[cfg_attr(test, allow(\n    clippy::panic))]
#[expect(unused)]
#[should_panic(expected = \"#[allow(x)]\")]
fn a() { b.expect(\"#[allow(x)]\"); }
";
        let source = Source::parse(&File { path: "a.rs".into(), text: text.into() });
        let lines: Vec<usize> = check(&source).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 3, 5]);
    }
}
