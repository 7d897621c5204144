"""How a test is run and what is said about it."""

import signal
import sys
import time
import traceback


def run(test, *given):
    """Runs a test, prints what it said, and tells whether it passed."""
    began = time.monotonic()
    try:
        said, passed = test(*given), True
    except Exception as error:
        said, passed = f"{error}\n{traceback.format_exc(limit=-2)}", False
    took = time.monotonic() - began
    print(f"{'ok' if passed else 'FAILED'} {test.__name__} ({took:.1f} s): {said}", flush=True)
    return passed


def program(main, *given):
    """Runs a program, which cleans up also when it is told to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before it was done"))
    sys.exit(main(*given))


def summary(passed):
    """Prints how many tests passed, and gives the exit code."""
    print(f"{sum(passed)} of {len(passed)} tests passed")
    return 0 if passed and all(passed) else 1
