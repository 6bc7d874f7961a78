"""What is done to the server while the load is on. A fault is a function of one line in the table below.

It gets a Chaos, does its harm, and gives back what takes it away again, if anything does: that is called some time
later, when other faults may have struck in between. Whatever it meets by chance (a server that is just coming back) it
has to bear; what should never be goes to chaos.wrong().
"""

import signal

import psycopg2

from support import subprocess
from world import ROLES


# Kills: kill -9, counted.

def kill(title):
    def strike(chaos):
        victims = chaos.world.processes(title)
        if victims:
            chaos.kill(chaos.random.choice(victims))
    return strike


def kill_several(chaos):
    """All of one moment's workers, and the scheduler with them."""
    for pid in chaos.world.processes("ayb_jobs"):
        chaos.kill(pid)


def kill_postmaster(chaos):
    pid = chaos.world.postmaster()
    if pid:
        chaos.kill(pid)
    chaos.world.ensure_up()


# Stops of the server.

def did_not_end(chaos, mode):
    """PostgreSQL's own: asked to stop between a crash and the redo after it, it waits for the checkpointer, which nobody
    tells to end (docs/reliability.md). Whatever else is there after a minute is a finding."""
    if not chaos.world.postmaster():
        return  # it has ended meanwhile
    titles = chaos.world.titles()
    if mode != "immediate" and len(titles) == 1 and "checkpointer" in titles[0]:
        chaos.log("stopped between a crash and its redo: PostgreSQL waits for its checkpointer")
    else:
        chaos.wrong(f"stop -m {mode} did not end it in a minute; its processes: {'; '.join(titles)}")
    chaos.world.server.stop("immediate")


def stop(mode):
    def strike(chaos):
        if mode == "smart":
            # It waits for every session, and is to wait for none of ours: the sidecar would come back in between.
            chaos.undo_all()
            chaos.load.gate.clear()
            chaos.world.sidecar.stop()
        try:
            chaos.world.server.stop(mode)
        except subprocess.CalledProcessError:
            did_not_end(chaos, mode)
        chaos.stops += 1
        chaos.struck()
        chaos.world.ensure_up()
        if mode == "smart":
            chaos.world.start_sidecar()
            chaos.load.gate.set()
    return strike


# Signals that a process can answer.

def signal_one(title, sig):
    def strike(chaos):
        victims = chaos.world.processes(title)
        if victims:
            chaos.world.kill(chaos.random.choice(victims), sig)
    return strike


# Surroundings.

def fill_slots(chaos):
    """A stranger's parallel query has every background worker slot that is free."""
    return chaos.hold_busy("SET parallel_setup_cost = 0", "SET parallel_tuple_cost = 0",
                           "SET min_parallel_table_scan_size = 0", "SET max_parallel_workers_per_gather = 30",
                           "SELECT count(*) FROM wide WHERE pg_sleep(0.01) IS NOT NULL")


def lock_table(chaos):
    table = chaos.random.choice(("job_queue", "schedules", "job_history", "handlers", "job_attempts", "matview_refreshes"))
    mode = chaos.random.choice(("SHARE", "EXCLUSIVE", "ACCESS EXCLUSIVE"))
    return chaos.hold("BEGIN", "SET LOCAL lock_timeout = '3s'", f"LOCK TABLE ayb_jobs.{table} IN {mode} MODE")


def lock_rows(chaos):
    return chaos.hold("BEGIN", "SET LOCAL lock_timeout = '3s'",
                      "SELECT FROM ayb_jobs.job_queue ORDER BY random() LIMIT 20 FOR UPDATE",
                      "SELECT FROM ayb_jobs.schedules LIMIT 1 FOR UPDATE")


def old_snapshot(chaos):
    return chaos.hold("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM ayb_jobs.jobs")


def rewrite_queue(chaos):
    """An administrator's VACUUM FULL, or new indexes."""
    what = chaos.random.choice(("VACUUM FULL ayb_jobs.job_queue", "REINDEX TABLE ayb_jobs.job_queue",
                                "REINDEX TABLE CONCURRENTLY ayb_jobs.job_queue", "VACUUM (ANALYZE) ayb_jobs.job_queue"))
    chaos.try_sql("SET lock_timeout = '3s'", what)


def turn_clock(chaos):
    chaos.world.turn_clock(max(0, chaos.world.clock + chaos.random.randint(-600, 700)))


SETTINGS = {
    "worker_concurrency": ("1", "2", "4", "8"), "poll_interval": ("10ms", "100ms", "1s"),
    "lease_duration": ("1s", "10s", "5min"), "scheduler_tick": ("100ms", "1s", "15s"),
    "worker_idle_timeout": ("0", "100ms", "30s"), "shutdown_timeout": ("0", "200ms", "2s"),
    "synchronous_commit": ("off", "local", "on"), "job_timeout": ("0", "20s"),
    "group_size": ("1", "7", "256"), "group_budget": ("1ms", "10ms", "100ms"),
}


def change_setting(chaos):
    name = chaos.random.choice(sorted(SETTINGS))
    chaos.world.set(f"ayb_jobs.{name}", chaos.random.choice(SETTINGS[name]))


def switch_off(chaos):
    chaos.world.set("ayb_jobs.enabled", "off")
    return lambda: chaos.world.set("ayb_jobs.enabled", "on")


def pause(chaos):
    kind = chaos.random.choice(("work", "errand", "tick", "parcel"))
    chaos.world.admin("SELECT ayb_jobs.pause(%s)", kind)
    return lambda: chaos.world.admin("SELECT ayb_jobs.resume(%s)", kind)


def drain(chaos):
    chaos.try_sql("SELECT ayb_jobs.drain('200 ms')")
    return lambda: chaos.world.admin("SELECT ayb_jobs.resume()")


# Roles, handlers, extensions, databases.

def forbid_login(chaos):
    role = chaos.random.choice(ROLES)
    chaos.world.admin(f"ALTER ROLE {role} NOLOGIN")
    return lambda: chaos.world.admin(f"ALTER ROLE {role} LOGIN")


def recreate_role(chaos):
    """A role is dropped amid its jobs, and another of the same name has to have none of them."""
    for _ in range(2):
        chaos.world.admin("DROP ROLE IF EXISTS guest")
        chaos.world.admin("CREATE ROLE guest LOGIN")
        oid = int(chaos.world.admin("SELECT 'guest'::regrole::oid")[0][0])
        chaos.enqueue("guest", oid, 10, expect="at most once")


def unregister(chaos):
    kind = chaos.random.choice(("work", "errand", "tick", "parcel"))
    chaos.world.admin("SELECT ayb_jobs.unregister_handler(%s) FROM ayb_jobs.handlers WHERE type = %s", kind, kind)
    return lambda: chaos.world.admin(chaos.world.registration[kind])


def flip(chaos):
    """A type changes hands between our workers and those outside."""
    chaos.world.admin(chaos.random.choice((chaos.world.registration["flip"],
                                           "SELECT ayb_jobs.register_handler('flip', kind => 'external', backoff => '{0}')")))


def recreate_extension(chaos):
    """In a database of its own, amid its jobs: these may be gone, those of the new life have to run. They are a role's that
    may always log in."""
    world = chaos.world
    chaos.enqueue("clerk", world.roles["clerk"], 5, database="scratch")
    for token in chaos.in_scratch:
        chaos.journal.write(token, expect="forgotten")
    chaos.in_scratch.clear()
    try:
        world.admin("DROP EXTENSION IF EXISTS ayb_jobs CASCADE", database="scratch")
    except psycopg2.Error as error:
        chaos.wrong(f"DROP EXTENSION: {error}")
    world.admin("CREATE EXTENSION IF NOT EXISTS ayb_jobs", database="scratch")
    world.admin(world.registration["work"], database="scratch")
    chaos.enqueue("clerk", world.roles["clerk"], 5, database="scratch")


def drop_database(chaos):
    """While jobs of it run."""
    world = chaos.world
    template = chaos.random.choice(("scratch", "template1"))
    try:
        world.admin("DROP DATABASE IF EXISTS passing")
        world.admin(f"CREATE DATABASE passing TEMPLATE {template}")
    except psycopg2.Error as error:
        chaos.wrong(f"CREATE DATABASE … TEMPLATE {template}: {error}")
        return
    world.admin("CREATE EXTENSION IF NOT EXISTS ayb_jobs", database="passing")
    world.admin("SELECT ayb_jobs.adopt()", database="passing")
    world.admin("SELECT ayb_jobs.enqueue('command', '{\"command\": \"SELECT pg_sleep(60)\"}') FROM generate_series(1, 3)",
                database="passing")
    try:
        world.admin("DROP DATABASE IF EXISTS passing")
    except psycopg2.Error as error:
        chaos.wrong(f"DROP DATABASE: {error}")


# The sidecar.

def break_sidecar_sessions(chaos):
    chaos.try_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sidecar'")


def kill_sidecar(chaos):
    chaos.world.sidecar.stop(signal.SIGKILL)
    chaos.world.start_sidecar()


# (name, weight, function)
KILLS = (
    ("kill a worker", 12, kill("ayb_jobs worker")),
    ("kill the scheduler", 6, kill("ayb_jobs scheduler")),
    ("kill the launcher", 3, kill("ayb_jobs launcher")),
    ("kill all of ours", 2, kill_several),
    ("kill an enqueuer's backend", 3, kill("alice")),
    ("kill a courier's backend", 2, kill("courier")),
    ("kill a backend of the sidecar", 2, kill("sidecar")),
    ("kill the walwriter", 1, kill("walwriter")),
    ("kill the checkpointer", 1, kill("checkpointer")),
    ("kill the startup process, or any", 2, kill("")),
    ("kill the postmaster", 2, kill_postmaster),
)
OTHERS = (
    ("stop immediate", 3, stop("immediate")),
    ("stop fast", 3, stop("fast")),
    ("stop smart", 2, stop("smart")),
    ("terminate a worker", 4, signal_one("ayb_jobs worker", signal.SIGTERM)),
    ("terminate the scheduler", 2, signal_one("ayb_jobs scheduler", signal.SIGTERM)),
    ("terminate the launcher", 1, signal_one("ayb_jobs launcher", signal.SIGTERM)),
    ("cancel a worker's statement", 4, signal_one("ayb_jobs worker", signal.SIGINT)),
    ("cancel the scheduler's statement", 2, signal_one("ayb_jobs scheduler", signal.SIGINT)),
    ("fill the slots", 3, fill_slots),
    ("lock a table", 5, lock_table),
    ("lock rows", 4, lock_rows),
    ("hold an old snapshot", 3, old_snapshot),
    ("rewrite the queue", 2, rewrite_queue),
    ("turn the clock", 6, turn_clock),
    ("change a setting", 12, change_setting),
    ("switch off", 2, switch_off),
    ("pause", 2, pause),
    ("drain", 2, drain),
    ("forbid login", 2, forbid_login),
    ("re-create a role", 2, recreate_role),
    ("unregister a handler", 2, unregister),
    ("flip a type", 3, flip),
    ("re-create the extension", 3, recreate_extension),
    ("drop a database", 2, drop_database),
    ("break the sidecar's sessions", 2, break_sidecar_sessions),
    ("kill the sidecar", 1, kill_sidecar),
)
