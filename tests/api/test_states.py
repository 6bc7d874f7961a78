"""Each verb's route on a job in each state: the status, and of a refusal the SQLSTATE, a hint, and the state that was found."""

import uuid

from support import ApiTest, until

HANDLERS = """
CREATE OR REPLACE FUNCTION public.hold_on() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(600)';
SELECT ayb_jobs.register_handler('held inside', 'public.hold_on()');
SELECT ayb_jobs.register_handler('held outside', kind => 'external', max_attempts => 1);
"""
CLAIM = "SELECT id FROM ayb_jobs.claim('w', '{{held outside}}') AS j WHERE j.id = '{id}'"
# How a job comes into each state, from a due one that a worker outside would take; {id} is its id.
STATES = {
    "scheduled": ["SELECT FROM ayb_jobs.reschedule('{id}', '2100-01-01')"],
    "due": [],
    "retrying": [CLAIM, "SELECT FROM ayb_jobs.fail('{id}', 'w', 1, 'broken', '1 h')"],
    "snoozed": [CLAIM, "SELECT FROM ayb_jobs.snooze('{id}', 'w', 1, '1 h')"],
    "leased": [CLAIM],
    "completed": [CLAIM, "SELECT FROM ayb_jobs.complete('{id}', 'w', 1)"],
    "failed": [CLAIM, "SELECT FROM ayb_jobs.fail('{id}', 'w', 1, 'broken', final => true)"],
    "canceled": ["SELECT FROM ayb_jobs.cancel('{id}')"],
    "expired": ["UPDATE ayb_jobs.job_queue SET expires_at = created_at WHERE id = '{id}'", CLAIM],
    "gone": ["SELECT ayb_jobs.delete_job('{id}')"],
}
QUEUED = ("scheduled", "due", "retrying", "snoozed")
# method, what follows /jobs/{id}, body; in which states it is done, and with which status; what it answers to a gone one.
VERBS = [
    ("POST", "/cancel", None, (*QUEUED,), 200, 409),
    ("POST", "/cancel?force=true", None, (*QUEUED, "leased", "running", "canceled", "expired"), 200, 409),
    ("POST", "/retry", None, ("failed",), 200, 409),
    ("POST", "/run", None, (*QUEUED, "canceled", "expired"), 200, 404),
    ("PATCH", "", {"delay": "1 h"}, QUEUED, 200, 404),
    ("PATCH", "", {"priority": 1}, QUEUED, 200, 404),
    ("DELETE", "", None, (*QUEUED, "completed", "failed", "canceled", "expired"), 204, 404),
]


class States(ApiTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql(HANDLERS)

    def job_in(self, state):
        if state == "running":
            job = self.good(self.ask("POST", "/jobs", {"type": "held inside"}), 201)["id"]
            until(lambda: self.good(self.ask("GET", f"/jobs/{job}"))["state"] == "running", "the job to run")
            return job
        job = self.good(self.ask("POST", "/jobs", {"type": "held outside", "maxAttempts": 3}), 201)["id"]
        for statement in STATES[state]:
            self.server.psql(statement.format(id=job))
        return job

    def test_each_verb_in_each_state(self):
        for method, path, body, done_in, status, gone in VERBS:
            for state in (*STATES, "running"):
                with self.subTest(verb=f"{method} {path} {body}", state=state):
                    job = self.job_in(state)
                    answer = self.ask(method, f"/jobs/{job}{path}", body)
                    if state in done_in:
                        self.assertEqual(answer.status, status, answer.body)
                    else:
                        self.refused_in(job, state, answer, gone)
                    self.server.psql(f"SELECT FROM ayb_jobs.cancel('{job}', true) WHERE EXISTS (SELECT FROM ayb_jobs.jobs"
                                     f" WHERE id = '{job}' AND state IN ('queued', 'running'))")

    def refused_in(self, job, state, answer, gone):
        if state == "gone":
            self.assertEqual(answer.status, gone, answer.body)
            return
        found = {"leased": "running", "expired": "canceled"}.get(state, "queued" if state in QUEUED else state)
        self.assertEqual((answer.status, answer.json["sqlstate"]), (409, "55000"), answer.body)
        self.assertRegex(answer.json.get("details", "") + answer.json["message"], rf"{job}\b.*\b{found}\b")
        self.assertTrue(answer.json.get("hint"), answer.body)

    def test_an_unknown_id(self):
        for method, path, body, _, _, gone in VERBS:
            answer = self.ask(method, f"/jobs/{uuid.uuid4()}{path}", body)
            self.assertEqual(answer.status, gone, answer.body)
