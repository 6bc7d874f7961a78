"""Limits, counted by somebody else: run.py [SECONDS]. 8 workers inside and 8 outside, two limited types that change hands between
them, and kills. Leaves "passed failed" and the names of what failed in $AYB_OUT/result, as tests/chaos/run.py does.

  AYB_SEED=N   strikes in the same order
"""

import os
import random
import statistics
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import KEYS, RULES, World, support  # noqa: E402  (found by the line above)

LEFT = "SELECT count(*) FROM ayb_jobs.job_queue WHERE type IN ('held', 'paced')"
DONE = "SELECT count(DISTINCT id) FROM ayb_jobs.job_history WHERE type IN ('held', 'paced')"


def lost(world):
    """What has neither completed nor waits. What is left is let run in peace, without limits."""
    for kind in RULES:
        world.place(kind, "inside")
        world.try_sql(f"SELECT ayb_jobs.clear_limit('{kind}')")
    support.until(lambda: world.try_sql(LEFT) == "0", "all jobs to complete", 300)
    done = int(world.try_sql(DONE))
    return [("lost", f"{world.enqueued} jobs, of which {done} have completed")] if done != world.enqueued else []


def starved(found):
    """Keys that were served less than a quarter of what others were."""
    wrong = []
    for kind in RULES:
        counts = [count for one, _, count in found["keys"] if one == kind]
        if len(counts) < KEYS:
            wrong.append(("starved", f"{KEYS - len(counts)} keys of {kind} had no start at all"))
        elif min(counts) * 4 < statistics.median(counts):
            middle = statistics.median(counts)
            wrong.append(("starved", f"a key of {kind} had {min(counts)} starts, where the median has {middle}"))
    return wrong


def count(seconds, seed, whole=True):
    """One run; gives back what is wrong, as pairs of a kind and a text. Without the whole, what was counted alone."""
    print(f"seed {seed}, {seconds} s", flush=True)
    world = World("turns", seed)
    try:
        world.enqueue(max(40, 6 * seconds), max(20, 2 * seconds))
        world.start_workers()
        world.strike(seconds)
        found = world.found()
        print(f"{found['starts']} starts counted, most at once {found['most']}; "
              f"{world.crashes} crashes, {world.strikes} gentler strikes")
        wrong = [tuple(one) for one in found["wrong"]]
        return wrong + starved(found) + lost(world) if whole else wrong
    finally:
        world.close()


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(os.environ.get("AYB_SEED") or random.randrange(1 << 32))
    try:
        wrong = [f"{kind}: {text}" for kind, text in count(seconds, seed)]
    except Exception as error:  # whatever it is, the seed is to be told
        traceback.print_exc(file=sys.stdout)
        wrong = [f"{type(error).__name__}: {error}"]
    for finding in wrong[:40]:
        print(f"FAILED turns: {finding}")
    if wrong:
        print(f"AYB_SEED={seed} strikes in the same order again")
    with open(os.path.join(support.OUT, "result"), "w", encoding="utf-8") as file:
        file.write(f"{int(not wrong)} {int(bool(wrong))}\n{'limits' if wrong else ''}\n")


if __name__ == "__main__":
    main()
