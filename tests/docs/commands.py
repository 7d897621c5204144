"""Whether the documents name verbs and flags of `coffer` that there are."""

import re
import subprocess

INLINE = re.compile(r"`(coffer [^`]+)`")
# A command at its beginning, or behind variables, `sudo`, `$(`, `|`, `&&`, `;`, or a quote.
COMMAND = re.compile(r"(?:^|[\s(|;&'\"])coffer ([^|;&()'\"`]*)")
# What follows the program's name where it is no command: prose, a package, a path.
NOT_A_VERB = re.compile(r"[^a-z]|.*[=/.:,]")


class Commands:
    """The command line, as its own help tells it."""

    def __init__(self, binary):
        self.binary, self.helps, self.count = binary, {}, 0

    def help(self, words):
        if words not in self.helps:
            done = subprocess.run([self.binary, *words, "--help"], capture_output=True, text=True,
                                  timeout=60)
            self.helps[words] = done.stdout
        return self.helps[words]

    def verbs(self, words):
        """The verbs below one."""
        section = self.help(words).partition("Commands:\n")[2].partition("\n\n")[0]
        return set(re.findall(r"^ {2}([a-z][a-z-]*)", section, re.M))

    def check(self, page):
        """What is wrong with a page's commands."""
        found = []
        for line, text in page.shells:
            joined = text.replace("\\\n", " ")
            for row in joined.splitlines():
                row = row.split(" #")[0]
                found += [(line, rest) for rest in COMMAND.findall(row)]
        for match in INLINE.finditer(page.text):
            line = page.text.count("\n", 0, match.start()) + 1
            text = re.sub(r"\s+", " ", match.group(1))
            found += [(line, rest) for rest in COMMAND.findall(text.replace("\\|", "|"))]
        for line, rest in found:
            wrong = self.wrong(rest.split())
            if wrong:
                yield f"{page.name}:{line}: coffer {rest.strip()}: {wrong}"

    def wrong(self, words):
        """What a command names that there is not."""
        if not words or NOT_A_VERB.match(words[0]):
            return None
        self.count += 1
        path = ()
        for word in words:
            if word not in self.verbs(path):
                break
            path = (*path, word)
        if not path:
            return f"there is no verb {words[0]}"
        rest = words[len(path):]
        if self.verbs(path) and rest and re.fullmatch(r"[a-z-]+", rest[0]) and "--" not in rest[0]:
            # `coffer explain REQUEST` has verbs and takes an argument as well.
            if path != ("explain",):
                return f"there is no verb {rest[0]} of {' '.join(path)}"
        flags = [word.split("=")[0].rstrip("].,") for word in rest[:index_of(rest)]]
        for flag in flags:
            flag = flag.lstrip("[")
            if re.fullmatch(r"--[a-z][a-z-]*", flag):
                if not re.search(rf"{re.escape(flag)}\b(?!-)", self.help(path)):
                    return f"there is no flag {flag}"
        return None


def index_of(words):
    """Where the arguments of another command begin."""
    return words.index("--") if "--" in words else len(words)
