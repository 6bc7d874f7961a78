"""run.py [NAME ...]: runs the API tests (all, or test_NAME.py); leaves "passed failed" and the failed ones' names in
$AYB_OUT/result."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import support  # noqa: E402  (found by the line above)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    names = [f"test_{name}" for name in sys.argv[1:]] or sorted(
        file[:-3] for file in os.listdir(here) if file.startswith("test_") and file.endswith(".py"))
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromName(name) for name in names)
    try:
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite)
    finally:
        support.close_shared()
    # A class that could not be set up or torn down is in errors, too.
    bad = sorted({str(test) for test, _ in result.failures + result.errors}
                 | {str(test) for test in result.unexpectedSuccesses})
    good = max(result.testsRun - len(bad) - len(result.skipped), 0)
    with open(os.path.join(support.OUT, "result"), "w", encoding="utf-8") as file:
        file.write(f"{good} {len(bad)}\n{' '.join(bad)}\n")


main()
