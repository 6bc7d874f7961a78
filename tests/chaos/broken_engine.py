"""The checker's other test: broken_engine.py KIND, on a server whose engine is broken so that KIND is to be found. The load
of the chaos test runs on it in peace; fails if the checker doesn't see what is wrong."""

import collections
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, support  # noqa: E402  (found by the line above)
from aftermath import rest  # noqa: E402
from checker import FAULTS, findings  # noqa: E402
from journal import Journal  # noqa: E402
from load import Load  # noqa: E402

SECONDS = 10
PATIENCE = 10  # seconds: what is stuck would be waited for


def run():
    """What the checker has found, as a count of each kind."""
    world = World("broken")
    try:
        journal = Journal(os.path.join(support.OUT, "journal"))
        load = Load(world, journal, 1)
        world.make_schedules()
        load.start()
        time.sleep(SECONDS)
        evidence = rest(world, load, journal, ("app",), PATIENCE)
        return collections.Counter(kind for kind, _ in findings(journal.path, evidence))
    finally:
        world.close()


wanted = sys.argv[1]
if wanted not in FAULTS:
    sys.exit(f"{wanted} is nothing that is looked for")
found = run()
print("found: " + (", ".join(f"{kind} {count} times" for kind, count in found.most_common()) or "nothing"))
sys.exit(0 if found[wanted] else f"not found: {wanted}")
