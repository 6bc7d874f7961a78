"""The checker's own test: six faults of an engine, planted by a superuser's hand in the tables, each in a round of its
own on a server that is otherwise left in peace. Each has to be found, by its name, and nothing else."""

import json
import os

from aftermath import gather
from checker import findings
from journal import Journal
from support import OUT
from world import World, rows

NOBODY = "lease_until = 'infinity', worker_id = 'nobody'"

# (kind that has to be found, what is done while the job waits, what is done when all have run)
PLANTED = (
    (None, None, None),
    ("lost effect", "DELETE FROM ayb_jobs.job_queue WHERE id = %(job)s", None),
    ("doubled effect", None,
     "INSERT INTO ayb_jobs.job_queue (id, type, payload, run_as) "
     "SELECT id, type, payload, run_as FROM ayb_jobs.job_history WHERE id = %(job)s"),
    ("stuck lease", f"UPDATE ayb_jobs.job_queue SET state = 'running', {NOBODY} WHERE id = %(job)s", None),
    ("doubled tick", None,
     "INSERT INTO ayb_jobs.job_queue (type, payload, run_as, schedule_id, scheduled_at) "
     "SELECT type, payload, run_as, schedule_id, scheduled_at FROM ayb_jobs.job_history "
     "WHERE schedule_id IN (SELECT id FROM ayb_jobs.schedules) LIMIT 1"),
    # Two that run at once, of a key, with a limit that says so; what they find is the same as if the engine had let them.
    ("over the limit", "SELECT ayb_jobs.clear_limit('metered'); "
     "SELECT ayb_jobs.enqueue('metered', '{\"key\": \"k1\", \"seconds\": 1}') FROM generate_series(1, 3)", None),
    ("wrong role", "UPDATE ayb_jobs.job_queue SET run_as = 'bob'::regrole WHERE id = %(job)s", None),
)
# What comes with it: a lost job has no completion, what ran twice is there twice.
BESIDE = {"lost effect": set(), "doubled effect": set(), "stuck lease": {"lost effect"},
          "doubled tick": {"doubled effect"}, "over the limit": set(), "wrong role": set(), None: set()}


def test():
    """What the checker missed, or found where nothing was."""
    world = World("planted")
    try:
        wrong = []
        for kind, before, after in PLANTED:
            found = one_round(world, before, after)
            kinds = {name for name, _ in found}
            if not ({kind} - {None} <= kinds <= {kind} | BESIDE[kind]):
                wrong.append(f"planted: {kind}; found: {found}")
            else:
                texts = [text for name, text in found if name == kind]
                print(f"planted: {kind or 'nothing'}; found: {'; '.join(texts) or 'nothing'}", flush=True)
        return wrong
    finally:
        world.close()


def one_round(world, before, after):
    """Ten jobs and a few ticks, and the fault; gives back what the checker finds."""
    # What an earlier round left: a lease that is nobody's, ticks, effects.
    world.server.psql("UPDATE ayb_jobs.job_queue SET state = 'canceled', lease_until = NULL; "
                      "SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules; "
                      "TRUNCATE effects, crowded; SELECT ayb_jobs.pause('work')")
    journal = Journal(os.path.join(OUT, "planted-journal"))
    session = world.connect("alice")
    jobs = []
    for _ in range(10):
        token = journal.token("alice")
        jobs += rows(session, "SELECT ayb_jobs.enqueue('work', %s)", json.dumps({"token": token}))[0]
        journal.write(token, kind="work", role=world.roles["alice"], database="app", expect="once",
                      fate="acknowledged", id=jobs[-1])
    session.close()
    world.make_schedules()
    world.turn_clock(world.clock + 20)
    victim = {"job": jobs[3]}
    if before:
        hand(world, before, victim)
    world.admin("SELECT ayb_jobs.resume('work')")
    world.settle(patience=5)
    if after:
        hand(world, after, victim)
        world.settle(patience=5)
    journal.close()
    return findings(journal.path, {"app": gather(world, "app")})


def hand(world, sql, victim):
    session = world.connect()
    with session.cursor() as cursor:
        cursor.execute(sql, victim)
    session.close()
