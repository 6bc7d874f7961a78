"""The isolation spec's other test: broken_engine.py PERMUTATIONS, on a server whose engine is broken so that these permutations
of flows.spec come out otherwise: parts of their steps, "; " between them. Fails if one of them doesn't, or if all do."""

import os
import subprocess
import sys

OUT = os.environ["AYB_OUT"]
SPECS = os.path.join(os.environ["AYB_SOURCES"], "regress", "isolation")
PATIENCE = "flows.patience = '10 s'\n"  # what is stuck would be waited for


def blocks(path):
    """What each permutation has printed."""
    with open(path, encoding="utf-8") as file:
        parts = file.read().split("\nstarting permutation: ")
    return dict(part.split("\n", 1) for part in parts[1:])


def run():
    """The permutations whose output isn't what is expected, and all."""
    patience = os.path.join(OUT, "patience.conf")
    with open(patience, "w", encoding="utf-8") as file:
        file.write(PATIENCE)
    configurations = (os.path.join(SPECS, "..", "postgresql.conf"), os.path.join(SPECS, "postgresql.conf"), patience)
    subprocess.run([os.environ["AYB_ISOLATION"], f"--inputdir={SPECS}", f"--outputdir={OUT}", f"--bindir={os.environ['AYB_BIN']}",
                    f"--temp-instance={OUT}/instance", *(f"--temp-config={one}" for one in configurations), "--no-locale",
                    "--encoding=UTF8", "--dbname=isolation", "--load-extension=ayb_jobs", "flows"], check=False)
    expected = blocks(os.path.join(SPECS, "expected", "flows.out"))
    printed = blocks(os.path.join(OUT, "results", "flows.out"))
    return [steps for steps, text in expected.items() if printed.get(steps) != text], list(expected)


wanted = sys.argv[1].split("; ")
other, every = run()
print(f"found: {len(other)} of {len(every)} permutations come out otherwise")
missing = [steps for steps in wanted if not any(steps in one for one in other)]
if missing:
    sys.exit("not found: " + "; ".join(missing))
sys.exit("all do: the engine does nothing at all" if len(other) == len(every) else 0)
