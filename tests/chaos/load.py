"""The load: sessions that enqueue, couriers that work outside, and a client of the sidecar, each a thread.

Whatever they are told by the server goes into the journal. They come back after every loss of their session. An answer
that nobody had reason to expect is kept in `surprises`.
"""

import http.client
import json
import random
import threading
import time

import psycopg2

from world import ROLES, rows

# What a session may be answered while others are killed, locked, or stripped of LOGIN.
EXPECTED = ("08", "57P", "40P01", "40001", "55P03", "57014", "42501", "28000", "53")
MANY = 1000  # attempts: so many are never lost
# What a handler does, and how often of a thousand. What costs a type, or all of its role, the way in groups for a while
# is rare, as most jobs would go by lease else.
MOODS = {"plain": 900, "dirty": 30, "parent": 40, "notify": 15, "slow": 5, "raises": 5, "temporary": 2, "late": 2, "leaves": 1}


class Client(threading.Thread):
    """Does turn() until it is told to stop."""

    def __init__(self, load, name, role):
        super().__init__(name=name, daemon=True)
        self.load, self.world, self.journal, self.role = load, load.world, load.journal, role
        self.random = random.Random(f"{load.seed} {name}")
        self.stopping = threading.Event()
        self.session = None

    def run(self):
        while not self.stopping.is_set():
            self.load.gate.wait(1)
            if not self.load.gate.is_set():
                self.leave()
                continue
            try:
                if self.session is None:
                    self.session = self.world.connect(self.role)
                self.turn()
            except psycopg2.Error as error:
                self.load.note(self.name, error)
                self.leave()
            self.stopping.wait(self.random.uniform(0, 0.08))
        self.leave()

    def leave(self):
        if self.session is not None:
            self.session.close()
            self.session = None

    def ask(self, sql, *values):
        return rows(self.session, sql, *values)

    def turn(self):
        raise NotImplementedError


class Enqueuer(Client):
    """Enqueues in transactions of every kind."""

    def __init__(self, load, name, role):
        super().__init__(load, name, role)
        self.young = []  # (token, id) of jobs that may still be canceled

    def turn(self):
        self.random.choice((self.some, self.some, self.some, self.flow, self.many, self.keyed, self.prepared, self.refresh,
                            self.cancel))()

    def some(self):
        """A transaction with a few jobs."""
        self.together(lambda tokens: [self.enqueue(tokens) for _ in range(self.random.randint(1, 5))])

    def together(self, make):
        """A transaction in which make(tokens) enqueues; one in ten rolls back."""
        tokens = []
        self.ask("BEGIN")
        try:
            make(tokens)
            if self.random.random() < 0.1:
                self.ask("ROLLBACK")
                self.tell(tokens, "refused")
                return
        except psycopg2.Error:
            self.tell(tokens, "refused")
            raise
        self.ask("COMMIT")
        self.tell(tokens, "acknowledged")

    def enqueue(self, tokens):
        """One job of any type, in the transaction that has begun; its token is added."""
        kind = self.random.choices(("work", "flip", "doomed", "errand", "parcel", "metered"), (20, 3, 1, 2, 4, 5))[0]
        token, payload = self.job(kind)
        tokens.append(token)
        later = self.random.choice((None, None, None, self.random.uniform(0, 3)))
        attempts = None if kind == "doomed" else MANY
        answer = self.ask("SELECT ayb_jobs.enqueue(%s, %s, ayb_jobs_internal.now() + make_interval(secs => %s), NULL, %s, "
                          "partition_key => %s)",
                          kind, json.dumps(payload), later, attempts, payload.get("key"))
        self.journal.write(token, id=answer[0][0])
        if kind == "work":
            self.young.append((token, answer[0][0]))

    def flow(self):
        """Jobs that wait for each other, by their names in one call or by their ids."""
        self.together(self.random.choice((self.flow_by_names, self.flow_by_ids)))

    def step(self, tokens):
        """The kind and the payload of one more job of a flow, behind some of those before; its token is added."""
        kind = self.random.choices(("work", "parcel", "errand"), (6, 2, 1))[0]
        token, payload = self.job(kind)
        payload["after"] = self.random.sample(tokens, min(len(tokens), self.random.randint(0, 3)))
        tokens.append(token)
        return kind, payload

    def flow_by_names(self, tokens):
        steps = []
        for _ in range(self.random.randint(2, 8)):
            kind, payload = self.step(tokens)
            steps.append({"name": tokens[-1], "type": kind, "payload": payload, "depends_on": payload["after"],
                          "max_attempts": MANY})
        if self.random.random() < 0.5:
            steps[-1].update(depends_on=["*"])
            steps[-1]["payload"]["after"] = tokens[:-1]
        self.random.shuffle(steps)
        flow = self.ask("SELECT ayb_jobs.enqueue_flow(%s)", json.dumps(steps))[0][0]
        for token, job in self.ask("SELECT name, job_id FROM ayb_jobs.flow(%s)", flow):
            self.journal.write(token, id=job)

    def flow_by_ids(self, tokens):
        ids = {}
        for _ in range(self.random.randint(2, 8)):
            kind, payload = self.step(tokens)
            ids[tokens[-1]] = self.ask(
                "SELECT ayb_jobs.enqueue(%s, %s, max_attempts => %s, depends_on => %s::uuid[])", kind,
                json.dumps(payload), MANY, [ids[token] for token in payload["after"]])[0][0]
            self.journal.write(tokens[-1], id=ids[tokens[-1]])

    def job(self, kind, mood=None):
        """A new entry in the journal, and its payload; of a random mood where none is given."""
        token = self.journal.token(self.name)
        payload = {"token": token, "mood": mood or self.random.choices(*zip(*MOODS.items()))[0]}
        if payload["mood"] == "slow":
            payload["seconds"] = self.random.uniform(0, 0.2)
        if kind in ("work", "flip") and self.random.random() < 0.3:
            payload["counter"] = self.random.randint(1, 20)
        if kind == "metered":
            payload = {"token": token, "key": f"k{self.random.randrange(5)}"}
            if self.random.random() < 0.2:
                payload["seconds"] = self.random.uniform(0, 0.05)
            payload["mood"] = "plain"
        child = kind == "work" and payload["mood"] == "parent"
        if kind == "flip" and payload["mood"] == "parent":
            payload["mood"] = "plain"
        self.journal.write(token, kind=kind, role=self.world.roles[self.role], database="app", fate="unknown",
                           expect={"errand": "some", "doomed": "never"}.get(kind, "once"), child=child)
        return token, payload

    def tell(self, tokens, fate):
        for token in tokens:
            self.journal.write(token, fate=fate)

    def many(self):
        """As many as one group of the engine takes, now and then."""
        jobs = [self.job("work") for _ in range(self.random.randint(1, self.random.choice((20, 20, 300))))]
        tokens = [token for token, _ in jobs]
        self.ask("SET ayb_jobs.max_attempts = %s", MANY)
        ids = self.ask("SELECT ayb_jobs.enqueue_many('work', %s::jsonb[])", [json.dumps(payload) for _, payload in jobs])
        for token, (job,) in zip(tokens, ids):
            self.journal.write(token, id=job, fate="acknowledged")

    def keyed(self):
        """Asks until it is answered, as a client does that has a key; and then once more."""
        token, payload = self.job("work")
        answers = []
        while len(answers) < 2:
            try:
                if self.session is None:
                    self.session = self.world.connect(self.role)
                answers += self.ask("SELECT ayb_jobs.enqueue('work', %s, NULL, %s, %s)", json.dumps(payload), token, MANY)
                self.journal.write(token, id=answers[0][0], fate="acknowledged")
            except psycopg2.Error as error:
                self.load.note(self.name, error)
                self.leave()
                if self.stopping.wait(0.1):
                    return
        if answers[0] != answers[1]:
            self.load.surprises.add(f"the key {token} gave two jobs: {answers}")

    def prepared(self):
        """In two phases; whatever happens between them, the second is repeated until it is answered."""
        gid = self.journal.token("gid " + self.name)
        token, payload = self.job("work")
        commit = self.random.random() < 0.8
        try:
            self.ask("BEGIN")
            job = self.ask("SELECT ayb_jobs.enqueue('work', %s, NULL, NULL, %s)", json.dumps(payload), MANY)[0][0]
            self.journal.write(token, id=job)
        except psycopg2.Error:
            self.tell([token], "refused")
            raise
        self.ask(f"PREPARE TRANSACTION '{gid}'")
        self.second_phase(gid, commit)
        self.tell([token], "acknowledged" if commit else "refused")

    def second_phase(self, gid, commit):
        while True:
            try:
                if self.session is None:
                    self.session = self.world.connect(self.role)
                if not self.ask("SELECT 1 FROM pg_prepared_xacts WHERE gid = %s", gid):
                    return  # nobody else ends it: it was us
                self.ask(f"{'COMMIT' if commit else 'ROLLBACK'} PREPARED '{gid}'")
                return
            except psycopg2.Error as error:
                self.load.note(self.name, error)
                self.leave()
                time.sleep(0.1)

    def refresh(self):
        """A fact, and the refresh that has to show it, in one transaction; by the views' owner."""
        if self.role != "alice":
            return
        token = self.journal.token(self.name)
        view = self.random.choice(("seen", "seen_too"))
        self.journal.write(token, kind="materialized_view_refresh", role=self.world.roles[self.role], database="app",
                           fate="unknown", expect="refresh", view=view)
        try:
            self.ask("BEGIN")
            self.ask("INSERT INTO facts VALUES (%s)", token)
            answer = self.ask("SELECT ayb_jobs.enqueue('materialized_view_refresh', %s, max_attempts => %s)",
                              json.dumps({"view_name": view}), MANY)
        except psycopg2.Error:
            self.tell([token], "refused")
            raise
        self.journal.write(token, id=answer[0][0])
        self.ask("COMMIT")
        self.tell([token], "acknowledged")

    def cancel(self):
        """Of a job that may be anywhere by now, or of one that is most likely at work."""
        if self.young and self.random.random() < 0.5:
            token, job = self.young.pop(self.random.randrange(len(self.young)))
            del self.young[:-50]
        else:
            token, payload = self.job("work", "slow")
            payload["seconds"] = 0.5
            job = self.ask("SELECT ayb_jobs.enqueue('work', %s, NULL, NULL, %s)", json.dumps(payload), MANY)[0][0]
            self.journal.write(token, id=job, fate="acknowledged")
            time.sleep(self.random.uniform(0, 0.1))
        self.journal.write(token, expect="at most once")
        try:
            state = self.ask("SELECT (ayb_jobs.cancel(%s, force => true)).state", job)[0][0]
        except psycopg2.Error as error:
            if error.pgcode not in ("55000", "P0002"):
                raise
            self.journal.write(token, expect="once")  # it had ended, or was never committed
            return
        self.journal.write(token, expect="not" if state == "canceled" else "once")


class Courier(Client):
    """Works at external jobs. Its effect and its completion are one transaction; now and then it dies, or fails."""

    def turn(self):
        types = self.random.choice((["parcel"], ["parcel", "flip"]))
        jobs = self.ask("SELECT id, attempt, payload FROM ayb_jobs.claim(%s, %s, %s, '2 s')", self.name, types,
                        self.random.randint(1, 5))
        for job in jobs:
            self.deliver(*job)

    def deliver(self, job, attempt, payload):
        fate = self.random.random()
        if fate < 0.05:
            return  # as if it had died: the lease will end
        try:
            if fate < 0.1:
                self.ask("SELECT ayb_jobs.fail(%s, %s, %s, 'nobody at home', '0')", job, self.name, attempt)
                return
            self.ask("BEGIN")
            self.ask("INSERT INTO effects SELECT %s, id, %s, run_as::oid::bigint, %s, schedule_id, scheduled_at, is_early(%s) "
                     "FROM ayb_jobs.jobs WHERE id = %s", payload.get("token"), attempt, payload.get("counter"),
                     json.dumps(payload), job)
            self.ask("UPDATE counters SET n = n + 1 WHERE id = %s", payload.get("counter"))
            self.ask("SELECT ayb_jobs.complete(%s, %s, %s)", job, self.name, attempt)
            self.ask("COMMIT")
        except psycopg2.Error as error:
            if error.pgcode not in ("55000", "P0002"):
                raise
            self.ask("ROLLBACK")  # the lease was lost, and with it the effect


class Caller(Client):
    """Enqueues by the sidecar, with keys: asks until it is answered."""

    def run(self):
        while not self.stopping.is_set():
            if self.load.gate.wait(1):
                self.turn()
            self.stopping.wait(self.random.uniform(0, 0.1))

    def turn(self):
        token = self.journal.token(self.name)
        role = self.random.choice(ROLES)
        self.journal.write(token, kind="work", role=self.world.roles[role], database="app", fate="unknown",
                           expect="once")
        body = json.dumps({"type": "work", "payload": {"token": token}, "idempotencyKey": token, "runAs": role,
                           "maxAttempts": MANY})
        while not self.stopping.is_set():
            if self.random.random() < 0.02:
                self.hang_up(body)
                return
            answer = self.post(body)
            if answer is not None and answer.status in (200, 201):
                self.journal.write(token, id=answer.json["id"], fate="acknowledged")
                return
            # 403: the role has lost LOGIN for a while. 55P03: a table was locked for two seconds and more.
            if answer is not None and answer.status not in (403, 503) and answer.json.get("sqlstate") != "55P03":
                self.load.surprises.add(f"the sidecar answered {answer.status}: {answer.body!r}")
            self.stopping.wait(0.1)

    def post(self, body):
        try:
            return self.world.sidecar.send("POST", "/api/admin/jobs", body, {"Content-Type": "application/json"}, patience=20)
        except (OSError, http.client.HTTPException):
            return None

    def hang_up(self, body):
        """Sends a request, or half of it, and doesn't wait for the answer."""
        request = "POST /api/admin/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        request = f"{request}Content-Length: {len(body)}\r\n\r\n{body}".encode()
        try:
            with self.world.sidecar.connect() as connection:
                connection.sendall(request[:self.random.choice((len(request) // 2, len(request)))])
        except OSError:
            pass


class Load:
    """All of them. They hold no session while the gate is closed."""

    def __init__(self, world, journal, seed):
        self.world, self.journal, self.seed = world, journal, seed
        self.gate = threading.Event()
        self.surprises = set()
        self.producers = [Enqueuer(self, role, role) for role in ROLES] + [Caller(self, "caller", "sidecar")]
        self.couriers = [Courier(self, f"courier-{n}", "courier") for n in (1, 2)]

    def note(self, who, error):
        """Remembers what went wrong if that has no good reason."""
        code = error.pgcode
        if code is not None and not code.startswith(EXPECTED):
            self.surprises.add(f"{who} was told {code}: {error}".strip())

    def start(self):
        self.gate.set()
        for client in self.producers + self.couriers:
            client.start()

    def stop(self, clients):
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join(60)
            if client.is_alive():
                self.surprises.add(f"{client.name} is stuck")
