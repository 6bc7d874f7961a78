"""Reads what the jobs did and holds it against the journal. It asks the tables, and trusts no word of the engine.

findings() gives back a list of (kind, text), empty where all is well. Kinds are in FAULTS.
"""

import collections
import datetime

import journal as journals
from world import SCHEDULES

FAULTS = {
    "lost effect": "an acknowledged job has left no effect",
    "doubled effect": "an effect is there more often than its job may have made it",
    "effect of nothing": "of a job that was rolled back, canceled, or always fails; or that nobody enqueued",
    "torn": "an effect without its job's completion, or the other way round",
    "stuck job": "still queued when all is done",
    "stuck lease": "still running when nobody can be at it any more",
    "failed job": "failed, though its attempts can't be used up",
    "early effect": "of a job that waits for others, where one of these had left none",
    "wrong role": "a job was another role's than its enqueuer's, or acted as another",
    "doubled tick": "an instant of a schedule has several jobs",
    "lost tick": "a gap in the ticks of a schedule that makes up for each",
    "lost update": "a counter that the effects were counted in says something else",
    "refresh": "a refresh that went well doesn't show what was committed with it, or one failed",
    "over the limit": "a job ran beside as many others as its limit allows, or beside another of its key",
    "counts": "stats() says something else than the tables",
}
# A refresh that meets another of the same view says so, and leaves it to that.
REFRESH_REFUSED = ("55006",)

NOBODY = 0  # as a role

Job = collections.namedtuple("Job", "id type state role token schedule tick result worker error")
Effect = collections.namedtuple("Effect", "token job role counter schedule tick early")


class Evidence:
    """All that a database has to say."""

    def __init__(self, ask):
        self.jobs = [Job(*row) for row in ask(
            "SELECT id::text, type, state, run_as::oid::bigint, payload->>'token', schedule_id, scheduled_at, NULL, "
            "worker_id, last_error "
            "FROM ayb_jobs.job_queue UNION ALL "
            "SELECT id::text, type, 'completed', run_as::oid::bigint, payload->>'token', schedule_id, scheduled_at, "
            "result, worker_id, last_error "
            "FROM ayb_jobs.job_history")]
        self.effects = [Effect(*row) for row in ask(
            "SELECT token, job::text, role::bigint, counter, schedule, tick, early FROM effects")]
        self.by_id = {job.id: job for job in self.jobs}
        self.by_token = collections.defaultdict(list)
        for effect in self.effects:
            self.by_token[effect.token].append(effect)
        self.crowded = ask("SELECT token, what FROM crowded")
        self.counters = dict(ask("SELECT id, n FROM counters"))
        self.seen = {view: {token for token, in ask(f"SELECT token FROM {view}")} for view in ("seen", "seen_too")}
        self.schedules = ask("SELECT id, name, run_as::oid::bigint, next_run_at FROM ayb_jobs.schedules")
        self.grouped = ask("SELECT coalesce(sum(n), 0)::integer FROM "
                           "(SELECT count(*) AS n FROM effects GROUP BY xact HAVING count(*) > 1) AS shared")[0][0]
        self.roles = {role for role, in ask("SELECT oid::bigint FROM pg_roles")}
        self.attempts = ask("SELECT status FROM ayb_jobs.job_attempts")
        self.stats = ask("SELECT queued, running, completed, failed, canceled FROM ayb_jobs.stats()")[0]


def findings(path, evidence):
    """What is wrong: the journal at `path` against the evidence of each database."""
    found = []
    entries = journals.read(path)
    for database, facts in evidence.items():
        here = {token: entry for token, entry in entries.items() if entry["database"] == database}
        for check in (check_entries, check_strangers, check_queue, check_ticks, check_counters, check_counts, check_limits):
            found += check(here, facts)
    return found


def check_entries(entries, facts):
    for token, entry in entries.items():
        job = facts.by_id.get(entry.get("id"))
        yield from check_effects(token, entry, facts)
        yield from check_completion(token, entry, job, facts)
        roles = [effect.role for effect in facts.by_token[token]]
        # What a role had that was dropped is nobody's.
        if job and (job.role != NOBODY or entry["role"] in facts.roles):
            roles.append(job.role)
        if any(role != entry["role"] for role in roles):
            yield "wrong role", f"{token} is of role {entry['role']}; its job and effects are of {sorted(set(roles))}"
        if entry["expect"] == "refresh" and entry["fate"] == "acknowledged":
            yield from check_refresh(token, entry, job, facts)


def check_effects(token, entry, facts):
    """That there are as many as the journal allows."""
    count, expect = len(facts.by_token[token]), entry["expect"]
    if expect == "refresh":
        return
    if count and (entry["fate"] == "refused" or expect in ("not", "never")):
        yield "effect of nothing", f"{token} ({entry['fate']}, expected: {expect}) has left {count} effects"
    elif count > 1 and expect != "some":
        yield "doubled effect", f"{token} (job {entry.get('id')}) has left {count} effects"
    elif not count and entry["fate"] == "acknowledged" and expect in ("once", "some"):
        yield "lost effect", f"{token} (job {entry.get('id')}) was acknowledged, and has left no effect"
    if any(effect.early for effect in facts.by_token[token]):
        yield "early effect", f"{token} (job {entry.get('id')}) didn't wait for all that it was to wait for"
    if entry.get("child") and len(facts.by_token[token + ".child"]) != count:
        yield ("lost effect" if count else "effect of nothing",
               f"{token} ran {count} times, the job that it enqueued {len(facts.by_token[token + '.child'])} times")


def check_completion(token, entry, job, facts):
    """That what was made by a completed job is there, and nothing of any other."""
    completed = job is not None and job.state == "completed"
    effects = facts.by_token[token]
    if entry["expect"] == "never" and entry["fate"] == "acknowledged" and (job is None or job.state != "failed"):
        yield "torn", f"{token} always fails, and its job {entry['id']} is {job.state if job else 'nowhere'}"
    if entry["expect"] in ("once", "at most once", "not") and completed != bool(effects) and entry.get("id"):
        yield "torn", (f"{token} has {len(effects)} effects, and its job {entry['id']} is "
                       f"{job.state if job else 'nowhere'}")
    if any(effect.job != entry["id"] for effect in effects if entry.get("id")):
        yield "effect of nothing", f"{token} was run by another job than {entry['id']}"


def check_refresh(token, entry, job, facts):
    if job is None or job.state != "completed":
        yield "lost effect", f"the refresh {token} is {job.state if job else 'nowhere'}"
        return
    result = job.result or {}
    if result.get("status") in ("success", "skipped"):
        if token not in facts.seen[entry["view"]]:
            yield "refresh", f"{token}: {entry['view']} was refreshed ({result['status']}) and doesn't show it"
    elif result.get("sqlstate") not in REFRESH_REFUSED:
        yield "refresh", f"{token}: {job.result}"


def check_strangers(entries, facts):
    for token in facts.by_token:
        if token is not None and token.removesuffix(".child") not in entries:
            yield "effect of nothing", f"{token}: nobody has enqueued it"
    for token, effects in facts.by_token.items():
        if token is not None and token.endswith(".child"):
            parent = entries.get(token.removesuffix(".child"), {})
            if any(effect.role != parent.get("role") for effect in effects):
                yield "wrong role", f"{token} has run as {[effect.role for effect in effects]}"


def check_queue(entries, facts):
    """That nothing is left over, when everything had its time."""
    for job in facts.jobs:
        if job.state == "queued":
            yield "stuck job", f"job {job.id} ({job.type}, token {job.token}) is still queued"
        elif job.state == "running":
            yield "stuck lease", f"job {job.id} ({job.type}, token {job.token}) is still held by {job.worker}"
        elif job.state == "failed" and entries.get(job.token, {}).get("expect") != "never":
            yield "failed job", f"job {job.id} ({job.type}, token {job.token}) has failed: {job.error}"


def check_ticks(_entries, facts):
    for schedule, name, role, next_run in facts.schedules:
        jobs = collections.Counter(job.tick for job in facts.jobs if job.schedule == schedule)
        effects = [effect for effect in facts.effects if effect.schedule == schedule]
        made = collections.Counter(effect.tick for effect in effects)
        for tick in sorted(jobs.keys() | made.keys()):
            if jobs[tick] > 1:
                yield "doubled tick", f"schedule {name}: {jobs[tick]} jobs of {tick}"
            if made[tick] > 1:
                yield "doubled effect", f"schedule {name}: {made[tick]} effects of {tick}"
            if not made[tick]:
                yield "lost effect", f"schedule {name}: the job of {tick} has left no effect"
        if any(effect.role != role for effect in effects):
            yield "wrong role", f"schedule {name} has run as {sorted({effect.role for effect in effects})}"
        yield from check_gaps(name, sorted(jobs), next_run)


def check_gaps(name, ticks, next_run):
    """A schedule that makes up for each tick has one each so many seconds."""
    cron, missed = next((cron, missed) for known, _, cron, missed, _ in SCHEDULES if known == name)
    if missed != "all" or not ticks:
        return
    step = datetime.timedelta(seconds=int(cron.split()[0].removeprefix("*/")))
    for earlier, later in zip(ticks, [*ticks[1:], next_run]):
        if later - earlier != step:
            yield "lost tick", f"schedule {name}: after {earlier} comes {later}"


def check_counters(_entries, facts):
    counted = collections.Counter(effect.counter for effect in facts.effects)
    for counter, n in facts.counters.items():
        if counted[counter] != n:
            yield "lost update", f"counter {counter} is {n}, and {counted[counter]} effects were counted in it"


def check_counts(_entries, facts):
    states = collections.Counter(job.state for job in facts.jobs)
    counted = tuple(states[state] for state in ("queued", "running", "completed", "failed", "canceled"))
    if counted != tuple(facts.stats):
        yield "counts", f"stats() says {tuple(facts.stats)}, the tables have {counted}"


def check_limits(_entries, facts):
    for token, what in facts.crowded:
        yield "over the limit", f"{token} had no place of its {what}"
