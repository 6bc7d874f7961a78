"""GET /jobs/{id}?wait: the answer comes when the job has ended."""

import json
import threading

from support import EMPTY, PATIENCE, ApiTest, Sidecar, until

UNKNOWN = "01234567-89ab-7def-8123-456789abcdef"


class Waits(ApiTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("SELECT ayb_jobs.register_handler('parcel', kind => 'external', max_attempts => 1)")

    def setUp(self):
        self.server.psql(EMPTY)

    def enqueue(self, count=1):
        return self.server.psql("SELECT ayb_jobs.enqueue_many('parcel', array_agg(to_jsonb(n)))"
                                f" FROM generate_series(1, {count}) AS n").split("\n")

    def sessions(self):
        """How many sessions wait for the ends of jobs."""
        return int(self.server.psql("SELECT count(*) FROM pg_stat_activity"
                                    " WHERE state = 'active' AND query LIKE 'CALL%wait_for_ends%'"))

    def wait_for(self, *jobs, wait=60):
        """Asks for each in a thread of its own; the function that it gives back tells what was answered."""
        answers = {}
        threads = [threading.Thread(target=lambda job=job: answers.update({job: self.ask("GET", f"/jobs/{job}?wait={wait}")}))
                   for job in jobs]
        for thread in threads:
            thread.start()

        def answered(*of):
            until(lambda: all(job in answers for job in of), "the answers")
            return [answers[job] for job in of]
        self.addCleanup(lambda: [thread.join(PATIENCE) for thread in threads])
        return answered, answers

    def test_each_end_is_told_and_no_other(self):
        jobs = self.enqueue(5)
        answered, answers = self.wait_for(*jobs)
        until(lambda: self.sessions() == 1, "one session to wait for all")
        self.server.psql("SELECT count(*) FROM ayb_jobs.claim('w', '{parcel}', 3)")
        self.server.psql(f"SELECT FROM ayb_jobs.complete('{jobs[0]}', 'w', 1, '{{\"width\": 640}}')")
        done = self.good(answered(jobs[0])[0])
        self.assertEqual((done["id"], done["state"], done["result"]), (jobs[0], "completed", {"width": 640}))
        self.server.psql(f"SELECT FROM ayb_jobs.fail('{jobs[1]}', 'w', 1, 'no such parcel')")
        self.assertEqual(self.good(answered(jobs[1])[0])["lastError"], "no such parcel")
        self.server.psql(f"SELECT FROM ayb_jobs.cancel('{jobs[3]}')")
        self.assertEqual(self.good(answered(jobs[3])[0])["state"], "canceled")
        self.server.psql(f"SELECT ayb_jobs.delete_job('{jobs[4]}')")
        self.refused(answered(jobs[4])[0], 404, "job not found")
        self.assertEqual(sorted(answers), sorted(job for job in jobs if job != jobs[2]))
        self.server.psql(f"SELECT FROM ayb_jobs.complete('{jobs[2]}', 'w', 1)")
        self.assertEqual(self.good(answered(jobs[2])[0])["state"], "completed")

    def test_all_that_wait_for_one_job_are_told(self):
        job, = self.enqueue()
        ways = [self.wait_for(job)[0] for _ in range(3)]
        until(lambda: self.sessions() == 1, "them to wait")
        self.server.psql(f"SELECT FROM ayb_jobs.cancel('{job}')")
        self.assertEqual([self.good(answered(job)[0])["state"] for answered in ways], ["canceled"] * 3)

    def test_what_need_not_wait(self):
        ended, job = self.enqueue(2)
        self.server.psql(f"SELECT FROM ayb_jobs.cancel('{ended}')")
        self.assertEqual(self.good(self.ask("GET", f"/jobs/{ended}?wait=60"))["state"], "canceled")
        self.refused(self.ask("GET", f"/jobs/{UNKNOWN}?wait=60"), 404, "job not found")
        self.assertEqual(self.good(self.ask("GET", f"/jobs/{job}?wait=1"))["state"], "queued")
        self.assertEqual(self.good(self.ask("GET", f"/jobs/{job}?wait=0"))["state"], "queued")
        self.assertEqual(self.ask("HEAD", f"/jobs/{job}?wait=60").status, 200)
        for wait in ("-1", "61", "x", "1.5", "99999999999999999999"):
            self.assertEqual(self.refused(self.ask("GET", f"/jobs/{job}?wait={wait}"), 400, "invalid wait")["field"], "wait")

    def test_a_server_that_stops_tells_how_the_job_is(self):
        job, = self.enqueue()
        answered, _ = self.wait_for(job)
        until(lambda: self.sessions() == 1, "it to wait")
        self.sidecar.stop()
        self.assertEqual(json.loads(answered(job)[0].body)["state"], "queued")
        type(self).sidecar = Sidecar(type(self).__name__, self.server.dsn(), *self.flags)
