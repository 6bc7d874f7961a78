"""`ayb-jobs work`: how programs are ended, with all that they started, and what a worker's own end leaves."""

import os
import signal

from support import until
from work_support import Worker, WorkTest, runs

# Ignores SIGTERM, as does a grandchild that has left group and session, and says who both are.
STUBBORN = """trap '' TERM
setsid sh -c 'trap "" TERM; echo $$ >"$FILES/grandchild"; while :; do sleep 1; done' &
until [ -s "$FILES/grandchild" ]; do sleep 0.01; done
echo $$ >"$FILES/child"
while :; do sleep 1; done"""
GOES_ON = 'echo $$ >"$FILES/child"; while [ ! -e "$FILES/gate" ]; do sleep 0.02; done; echo done'


class Ends(WorkTest):
    def setUp(self):
        super().setUp()
        for name in os.listdir(self.files):
            os.remove(os.path.join(self.files, name))

    def working(self, *words, **options):
        return super().working("program", "--env", "FILES", *words, FILES=self.files, **options)

    def started(self):
        return self.read("child")

    def open_gate(self):
        with open(os.path.join(self.files, "gate"), "w", encoding="utf-8"):
            pass

    def gone(self, *pids):
        until(lambda: not any(runs(pid) for pid in pids), f"{pids} to be gone")

    def family(self):
        child = self.started()
        return child, self.read("grandchild")

    def test_a_grandchild_ends_with_the_program(self):
        job = self.enqueue()
        with self.working(script='setsid sleep 1000 & echo $! >"$FILES/child"; echo done'):
            self.assertEqual(self.ended(job), 'completed 1 "done"')
            self.assertFalse(runs(self.started()))

    def test_a_canceled_job_ends_its_program(self):
        job = self.enqueue()
        with self.working("--lease", "3s", script=STUBBORN):
            family = self.family()
            self.server.psql(f"SELECT ayb_jobs.cancel('{job}', force => true)")
            self.gone(*family)
            following = self.enqueue()
            until(lambda: self.column(following, "state") == "running", "another job to be begun")
            self.server.psql(f"SELECT ayb_jobs.cancel('{following}', force => true)")
        self.assertEqual(self.ended(job)[:8], "canceled")

    def test_a_lease_is_kept(self):
        job = self.enqueue()
        with self.working("--lease", "1s", script=GOES_ON):
            self.started()
            first = self.column(job, "lease_until")
            until(lambda: self.column(job, "lease_until") > first, "the lease to be extended")
            self.open_gate()
            self.assertEqual(self.ended(job), 'completed 1 "done"')

    def test_a_frozen_worker_loses_its_job(self):
        job = self.enqueue()
        with self.working("--lease", "1s", script=STUBBORN) as worker:
            family = self.family()
            worker.process.send_signal(signal.SIGSTOP)
            taken = "SELECT attempt FROM ayb_jobs.claim('another', '{program}', 1, '1 hour')"
            until(lambda: self.server.psql(taken), "the job to be somebody else's")
            worker.process.send_signal(signal.SIGCONT)
            self.gone(*family)
        self.assertEqual(self.column(job, "worker_id || ' ' || state || ' ' || runs"), "another running 2")

    def test_a_lease_that_cannot_be_kept_ends_the_program(self):
        self.enqueue()
        with self.working("--lease", "1s", "--grace", "0s", script=STUBBORN):  # it may have begun anew
            family = self.family()
            with self.server.held("LOCK TABLE ayb_jobs.job_queue"):
                self.gone(*family)

    def test_a_killed_worker_takes_all_with_it(self):
        job = self.enqueue()
        worker = Worker(self, "program", "--env", "FILES", script=STUBBORN, FILES=self.files)
        family = self.family()
        worker.kill()
        self.gone(*family)
        self.assertEqual(self.column(job, "state"), "running")

    def test_it_drains(self):
        job = self.enqueue()
        with self.working(script=GOES_ON) as worker:
            self.started()
            worker.process.send_signal(signal.SIGTERM)
            until(lambda: "stopping" in worker.log(), "it to stop")
            following = self.enqueue()
            self.open_gate()
            self.assertEqual(self.ended(job), 'completed 1 "done"')
            worker.process.wait()
        self.assertEqual(self.column(following, "state"), "queued")

    def test_what_is_claimed_while_it_stops_is_given_back(self):
        job = self.enqueue()
        with self.server.held("LOCK TABLE ayb_jobs.job_queue"):
            worker = Worker(self, "program", "--env", "FILES", script=GOES_ON, FILES=self.files)
            waiting = "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'programs' AND wait_event_type = 'Lock'"
            until(lambda: self.server.psql(waiting) == "t", "its claim to wait for the lock")
            worker.process.send_signal(signal.SIGTERM)
            until(lambda: "stopping" in worker.log(), "it to stop")
        self.open_gate()
        self.assertEqual(worker.stop(), 0, worker.log())
        self.assertEqual(self.column(job, "state || ' ' || attempts"), "queued 0")
        self.assertFalse(os.path.exists(os.path.join(self.files, "child")))

    def test_what_outlasts_the_grace_is_tried_again(self):
        for grace, sig in (("0s", signal.SIGTERM), ("1h", signal.SIGINT)):
            self.setUp()
            job = self.enqueue()
            with self.working("--grace", grace, script=STUBBORN) as worker:
                family = self.family()
                worker.process.send_signal(sig)
                until(lambda worker=worker: "stopping" in worker.log(), "it to stop")
                worker.process.send_signal(sig)  # a second one is for at once
                worker.process.wait()
                self.gone(*family)
            self.assertEqual(self.column(job, "state || ' ' || attempts"), "queued 1")

    def test_a_server_that_restarts(self):
        job = self.enqueue()
        with self.working(script=GOES_ON) as worker:
            self.started()
            self.server.stop()
            until(lambda: "database away" in worker.log(), "the server to be missed")
            self.open_gate()
            self.server.start()
            self.assertEqual(self.ended(job), 'completed 1 "done"')
            until(lambda: "database back" in worker.log(), "the server to be found")
