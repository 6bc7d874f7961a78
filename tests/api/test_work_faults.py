"""`ayb-jobs work` and HTTP workers when what they live on is killed or cut off: no job is lost, none is completed twice."""

import contextlib
import os
import select
import signal
import socket
import threading

from support import Sidecar, until
from work_support import Worker, WorkTest, runs

WORK = 'echo "$AYB_JOB_ID $AYB_JOB_ATTEMPT" >>"$FILES/begun"; sleep 0.05; cat'
GOES_ON = 'echo $$ >"$FILES/child"; while [ ! -e "$FILES/gate" ]; do sleep 0.02; done; echo done'


class Network:
    """Connections to the server, which can be cut: what is sent is lost then, and nobody is told, as by a cable."""

    def __init__(self, port):
        self._to = port
        self._cut = False
        self._ended = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._pairs = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def cut(self):
        self._cut = True

    def mend(self):
        """Old connections stay silent, as those of a host that was moved; new ones pass."""
        self._pairs, self._lost = [], self._pairs
        self._cut = False

    def close(self):
        self._ended = True
        self._thread.join()
        self._listener.close()

    def _run(self):
        while not self._ended:
            pairs = self._pairs
            ends = [self._listener] + ([] if self._cut else [end for pair in pairs for end in pair])
            for end in select.select(ends, [], [], 0.05)[0]:
                if end is self._listener:
                    near = self._listener.accept()[0]
                    if not self._cut:
                        pairs.append((near, socket.create_connection(("127.0.0.1", self._to))))
                    continue
                pair = next(pair for pair in pairs if end in pair)
                with contextlib.suppress(OSError):
                    if data := end.recv(65536):
                        pair[1 - pair.index(end)].sendall(data)
                        continue
                pairs.remove(pair)
                for other in pair:
                    other.close()


class Faults(WorkTest):
    def setUp(self):
        super().setUp()
        for name in os.listdir(self.files):
            os.remove(os.path.join(self.files, name))
        self.through = None

    def dsn(self):
        return f"host=127.0.0.1 port={self.through or self.server.port} user=programs dbname=app"

    def asked(self, sql):
        """What the server says, as soon as it is there."""
        def answer():
            with contextlib.suppress(AssertionError):
                return (self.server.psql(sql),)
        return until(answer, "the server to answer")[0]

    def worker(self, script=WORK, *words):
        return Worker(self, "program", "--env", "FILES", "--lease", "1s", *words, script=script, FILES=self.files)

    def test_kills(self):
        self.server.psql("SELECT ayb_jobs.register_handler('program', kind => 'external', max_attempts => 100, backoff => '{0}')")
        workers = [self.worker() for _ in range(2)]
        try:
            for kill in ("worker", "server", "worker", "server"):
                self.asked("SELECT count(*) FROM ayb_jobs.enqueue_many('program',"
                           " (SELECT array_agg(to_jsonb(n)) FROM generate_series(1, 20) AS n))")
                until(lambda: self.asked("SELECT count(*) FROM ayb_jobs.jobs WHERE state = 'running'") != "0",
                      "a job to be at work")
                if kill == "worker":
                    workers.pop(0).kill()
                    workers.append(self.worker())
                else:  # the server loses all it has in memory, also who waited
                    # A job of one that died is still running while no worker is back yet.
                    session = until(lambda: self.asked("SELECT max(pid) FROM pg_stat_activity WHERE usename = 'programs'"),
                                    "a worker to be connected")
                    os.kill(int(session), signal.SIGKILL)
            until(lambda: self.asked("SELECT count(*) FROM ayb_jobs.job_queue") == "0", "all jobs to be done")
        finally:
            for worker in workers:
                worker.kill()
            self.asked("SELECT ayb_jobs.register_handler('program', kind => 'external', max_attempts => 2, backoff => '{0}')")
        self.assertEqual(self.asked("SELECT count(*), count(DISTINCT id) FROM ayb_jobs.job_history"), "80|80")
        with open(os.path.join(self.files, "begun"), encoding="utf-8") as file:
            begun = file.read().split("\n")[:-1]
        self.assertEqual(len(begun), len(set(begun)), "no attempt was begun twice")

    def test_a_cut_network(self):
        network = Network(self.server.port)
        self.through = network.port
        job = self.enqueue()
        try:
            worker = self.worker(GOES_ON)
            child = self.read("child")
            network.cut()
            until(lambda: not runs(child), "its program to be ended, as the lease is over")
            taken = "SELECT attempt FROM ayb_jobs.claim('another', '{program}', 1, '1 hour')"
            self.assertEqual(until(lambda: self.server.psql(taken), "the job to be somebody else's"), "2")
            network.mend()
            following = self.enqueue()
            with open(os.path.join(self.files, "gate"), "w", encoding="utf-8"):
                pass
            self.assertEqual(self.ended(following), 'completed 1 "done"')
            name = self.column(following, "worker_id")
            self.assertIn(job, self.server.complaint(f"SET ROLE programs; SELECT ayb_jobs.complete('{job}', '{name}', 1)"))
            self.assertEqual(worker.stop(), 0, worker.log())
        finally:
            worker.kill()
            network.close()
        self.assertEqual(self.column(job, "worker_id || ' ' || state || ' ' || runs"), "another running 2")

    def test_a_killed_sidecar(self):
        """HTTP workers wait in it. What one was given dies with nobody: another sidecar gives it out again."""
        self.server.psql("GRANT programs TO sidecar")
        body = '{"types": ["program"], "lease": "1 s", "worker": "w"}'
        job = None
        for name in ("first", "second"):
            sidecar = Sidecar(f"faults-{name}", f"host=127.0.0.1 port={self.server.port} user=sidecar dbname=app")
            try:
                made = sidecar.ask("POST", "/tokens", {"name": "w", "right": "work", "role": "programs"}).json["token"]
                headers = {"Authorization": f"Bearer {made}"}
                if job is None:
                    waits = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL%wait_for_jobs%'"
                    near = socket.create_connection(("127.0.0.1", sidecar.port))
                    near.sendall((f"POST /api/worker/claim?wait=30 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {made}\r\n"
                                  f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
                    until(lambda: self.server.psql(waits) != "0", "the worker to wait")
                    job = self.enqueue()
                    until(lambda: self.column(job, "state") == "running", "it to be given the job")
                    near.close()
                    continue
                answer = sidecar.send("POST", "/api/worker/claim?wait=30", body, headers)
                self.assertEqual([(one["id"], one["attempt"]) for one in answer.json["items"]], [(job, 2)])
                for attempt, refused in ((1, 1), (2, 0)):
                    jobs = f'[{{"id": "{job}", "attempt": {attempt}}}]'
                    ended = sidecar.send("POST", "/api/worker/complete", f'{{"worker": "w", "jobs": {jobs}}}', headers)
                    self.assertEqual(ended.json["count"], refused)
            finally:
                sidecar.process.kill()
                sidecar.process.wait()
        self.assertEqual(self.column(job, "state || ' ' || runs"), "completed 2")
