"""The counter's other test: broken_engine.py KIND, on a server whose engine is broken so that KIND is to be found. Fails if the
counter doesn't see it."""

import collections
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run import count  # noqa: E402  (found by the line above)

SECONDS = 15

wanted = sys.argv[1]
found = collections.Counter(kind for kind, _ in count(SECONDS, 1, whole=False))
print("found: " + (", ".join(f"{kind} {times} times" for kind, times in found.most_common()) or "nothing"))
sys.exit(0 if found[wanted] else f"not found: {wanted}")
