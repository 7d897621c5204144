"""Writes `docs/conformance.md` from what the clients' checks saw."""

from pathlib import Path

from checks import CHECKS

PAGE = Path(__file__).parents[3] / "docs/conformance.md"

HEAD = """# Conformance

Clients that other people wrote, unmodified, against the binary. This page is written by
`cargo xtask test --only conformance/clients`, which fails if it is out of date; a newer version of
a client is one line in `tests/conformance/clients/clients.toml`. Beside these short checks, the
newest Python, Node and Rust SDKs run whole suites: the other parts named `conformance`.

| client | version | registry | checks passed | known differences |
|---|---|---|---|---|
"""


def text(rows):
    """The whole page."""
    lines = [row(*each) for each in rows]
    notes = [f"- **{client.name} {client.version}, {check}**: {reason}"
             for client, _, differences in rows for check, reason in differences.items()]
    checks = [f"- **{name}**: {meaning}" for name, meaning in CHECKS.items()]
    known = "\n".join(notes) if notes else "None."
    return (HEAD + "\n".join(lines) + "\n\n## Known differences\n\n" + known +
            "\n\n## Checks of each SDK\n\n" + "\n".join(checks) + "\n")


def row(client, seen, differences):
    """One client's line of the table."""
    passed = sum(1 for trouble in seen.values() if not trouble)
    known = ", ".join(differences) if differences else "none"
    registry = {"pypi": "PyPI", "debian": "Debian", "npm": "npm"}[client.registry]
    counted = f"{passed} of {len(seen)}"
    return f"| {client.name} | {client.version} | {registry} | {counted} | {known} |"


def write(rows):
    """Writes the page; whether it was so already."""
    before = PAGE.read_text() if PAGE.exists() else ""
    after = text(rows)
    if after != before:
        PAGE.write_text(after)
    return after == before
