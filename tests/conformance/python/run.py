"""Runs every test of this folder against the server's binary.

The binary's path is in COFFER_BIN. The exit code is 0 only if tests were found and all passed.
Tests for the SDK's preview have files of their own, whose pattern can be given: `preview_*.py`.
"""

import signal
import sys
import unittest
from pathlib import Path

import stripe

import server


def main() -> int:
    # Ends by way of an exception, so that what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("the run was ended"))
    here = Path(__file__).parent
    pattern = sys.argv[1] if len(sys.argv) > 1 else "test_*.py"
    tests = unittest.defaultTestLoader.discover(str(here), pattern=pattern)
    try:
        result = unittest.TextTestRunner(verbosity=2).run(tests)
    finally:
        server.stop_all()
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    passed = result.wasSuccessful() and result.testsRun > 0 and not result.skipped
    word = "passed" if passed else "FAILED"
    print(f"conformance/python {word}: {result.testsRun} tests, {failed} failures, "
          f"stripe {stripe.VERSION}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
