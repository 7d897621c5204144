"""A page of the documents: its blocks, and what they must print."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Pages that consist of commands.
MUST_RUN = r"README\.md|docs/(start|tasks|howto/(?!README).*)\.md"
MARK = re.compile(r"<!-- run: (alone|developer|server) -->")
FENCE = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.M | re.S)
RUN = {"sh", "python", "js", "toml"}


class Step:
    """A block that is run, and the block that says what it prints."""

    def __init__(self, language, text, line):
        self.language, self.text, self.line, self.expected = language, text, line, None

    def script(self):
        """The step as a part of the page's shell script."""
        if self.language == "sh":
            return self.text
        program = {
            "python": "python3 -",
            "js": "node -",
            "toml": "cat >> /etc/coffer/coffer.toml",
        }[self.language]
        return f"{program} <<'END_OF_BLOCK'\n{self.text}END_OF_BLOCK\n"

    def is_met(self, printed, rewrite):
        """Whether it printed what the page says."""
        if self.expected is None:
            return True
        words = rewrite(self.expected).split()
        # Columns are as wide as what is in them, so how many blanks there are does not count.
        patterns = [re.escape(word).replace("…", ".*") for word in words]
        pattern = r"\s+".join(patterns).replace(r".*\s+", ".*").replace(r"\s+.*", ".*")
        return re.fullmatch(pattern, printed.strip(), re.S) is not None


class Page:
    """A page, with the steps that are run."""

    def __init__(self, path):
        self.name = str(path.relative_to(ROOT))
        self.text = path.read_text()
        mark = MARK.search(self.text)
        self.kind = mark.group(1) if mark else None
        self.steps = []
        # The blocks of a shell, whether they are run or not, with their lines.
        self.shells = []
        end = 0
        for block in FENCE.finditer(self.text):
            indent, language, text = block.groups()
            text = re.sub(f"^{indent}", "", text, flags=re.M)
            line = self.text.count("\n", 0, block.start()) + 1
            if language.split(",")[0] == "sh":
                self.shells.append((line, text))
            if language in RUN:
                self.steps.append(Step(language, text, line))
            elif language == "text" and self.steps and not self.text[end:block.start()].strip():
                self.steps[-1].expected = text
            end = block.end()
