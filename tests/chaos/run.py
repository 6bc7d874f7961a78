"""The chaos test: run.py [KILLS]. Prints its seed and what it found; leaves "passed failed" and the names of what failed
in $AYB_OUT/result, as tests/api/run.py does.

  AYB_SEED=N   strikes in the same order, and lets the load choose the same again
"""

import collections
import os
import random
import statistics
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, support  # noqa: E402  (found by the line above)
from aftermath import crashes, rest  # noqa: E402
from chaos import Chaos  # noqa: E402
from checker import findings  # noqa: E402
from journal import Journal, read  # noqa: E402
from load import Load  # noqa: E402
import planted  # noqa: E402


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(os.environ.get("AYB_SEED") or random.randrange(1 << 32))
    failed = []
    for name, test in (("the checker", lambda: planted.test()), ("chaos", lambda: chaos(kills, seed))):
        try:
            wrong = test()
        except Exception as error:  # whatever it is, the others are still to be tried, and the seed is to be told
            traceback.print_exc(file=sys.stdout)
            wrong = [f"{type(error).__name__}: {error}"]
        for finding in wrong[:40]:
            print(f"FAILED {name}: {finding}")
        failed += [name] if wrong else []
    if "chaos" in failed:
        print(f"AYB_SEED={seed} strikes in the same order again")
    with open(os.path.join(support.OUT, "result"), "w", encoding="utf-8") as file:
        file.write(f"{2 - len(failed)} {len(failed)}\n{', '.join(failed)}\n")


def chaos(kills, seed):
    """One run; gives back what is wrong, as text."""
    print(f"seed {seed}, {kills} kills", flush=True)
    started = time.monotonic()
    world = World("chaos")
    try:
        journal = Journal(os.path.join(support.OUT, "journal"))
        load = Load(world, journal, seed)
        with open(os.path.join(support.OUT, "strikes.log"), "w", encoding="utf-8") as strikes:
            def log(line):
                strikes.write(f"{time.strftime('%H:%M:%S')} {line}\n")
                strikes.flush()
            driver = Chaos(world, load, journal, seed, log)
            world.make_schedules()
            load.start()
            driver.run(kills)
        evidence = rest(world, load, journal, ("app", "scratch"))
        wrong = [f"{kind}: {text}" for kind, text in findings(journal.path, evidence)]
        wrong += driver.findings + sorted(load.surprises) + crashes(world)
        report(driver, journal, evidence, time.monotonic() - started)
        return wrong
    finally:
        world.close()


def report(driver, journal, evidence, seconds):
    entries = read(journal.path).values()
    jobs = sum(len(facts.jobs) for facts in evidence.values())
    effects = sum(len(facts.effects) for facts in evidence.values())
    print(f"{driver.kills} processes killed, {driver.stops} stops, {driver.strikes} strikes in {seconds:.0f} s")
    lost = collections.Counter(status for facts in evidence.values() for status, in facts.attempts)
    print("attempts that were " + ", ".join(f"{status}: {count}" for status, count in sorted(lost.items())))
    print(f"{sum(entry['fate'] == 'acknowledged' for entry in entries)} acknowledged jobs of {len(entries)} tried; "
          f"{jobs} jobs and {effects} effects checked, "
          f"{sum(facts.grouped for facts in evidence.values())} of them in groups")
    for what, times in (("a session", [up for up, _ in driver.resumed]), ("a job", [ran for _, ran in driver.resumed])):
        if times:
            times.sort()
            print(f"from a kill to {what}: median {statistics.median(times):.2f} s, "
                  f"19 of 20 within {times[len(times) * 19 // 20]:.2f} s, at most {times[-1]:.2f} s ({len(times)} measured)")


main()
