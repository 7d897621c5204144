"""That the runner of the documents notices what is wrong with a page."""

import os
import tempfile
import unittest
from pathlib import Path

from commands import Commands
from machine import Machine
from page import ROOT, Page


def same(text):
    return text


def page(text):
    """A page with this text, which lies below the tree as all pages do."""
    folder = Path(tempfile.mkdtemp(dir=ROOT / "target"))
    path = folder / "page.md"
    path.write_text(text)
    made = Page(path)
    path.unlink()
    folder.rmdir()
    return made


def ran(text):
    with tempfile.TemporaryDirectory(prefix="coffer-docs-") as folder:
        with Machine(Path(folder)) as machine:
            return machine.run(page(text))


class Runner(unittest.TestCase):
    def test_blocks_become_steps(self):
        text = ("<!-- run: alone -->\n```sh\nA=1\n```\n\n```text\nx\n```\n"
                "```sh,elsewhere\ncoffer dev\n```\n```python\nprint(1)\n```\n")
        made = page(text)
        self.assertEqual([step.language for step in made.steps], ["sh", "python"])
        self.assertEqual([step.expected for step in made.steps], ["x\n", None])
        self.assertEqual(len(made.shells), 2)

    def test_output_is_compared(self):
        step = page("```sh\ntrue\n```\n\n```text\nid  a_…\n\nlast\n```\n").steps[0]
        self.assertTrue(step.is_met("id      a_17\nlast\n", same))
        for printed in ["", "id a_17", "id b_17\nlast", "id a_17\nlast and more"]:
            self.assertFalse(step.is_met(printed, same), printed)

    def test_a_command_that_fails_fails_its_page(self):
        self.assertIsNone(ran("<!-- run: alone -->\n```sh\nA=1\n```\n```sh\ntest $A = 1\n```\n"))
        wrong = ran("<!-- run: alone -->\n```sh\nfalse\n```\n```sh\ntrue\n```\n")
        self.assertIn("the block at line 2 ended with 1", wrong)
        wrong = ran("<!-- run: alone -->\n```sh\necho a\n```\n\n```text\nb\n```\n")
        self.assertIn("line 2 printed", wrong)

    def test_verbs_and_flags_that_are_not_there_are_found(self):
        commands = Commands(os.environ["COFFER_BIN"])
        for right in ["keys roll KEY --expires-in 24h", "serve", "explain REQUEST --name NAME"]:
            self.assertIsNone(commands.wrong(right.split()), right)
        for wrong in ["kyes list", "keys rol KEY", "keys roll KEY --expires 24h"]:
            self.assertIsNotNone(commands.wrong(wrong.split()), wrong)


if __name__ == "__main__":
    unittest.main()
