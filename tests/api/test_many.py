"""Many jobs in one request: all or none."""

import uuid

from support import ApiTest


class Many(ApiTest):
    def test_many_in_one_request(self):
        kind = str(uuid.uuid4())
        jobs = [{"type": kind, "payload": {"n": n}} for n in range(10000)]
        answer = self.good(self.ask("POST", "/jobs/many", {"jobs": jobs}), 201)
        self.assertEqual((answer["count"], len(set(answer["ids"]))), (10000, 10000))
        self.assertEqual(self.server.psql(f"SELECT payload ->> 'n' FROM ayb_jobs.job_queue WHERE id = '{answer['ids'][4321]}'"),
                         "4321")
        self.refused(self.ask("POST", "/jobs/many", {"jobs": jobs + [{"type": kind}]}), 400, "at most 10000 jobs at once")
        self.server.psql(f"DELETE FROM ayb_jobs.job_queue WHERE type = '{kind}'")

    def test_many_are_all_or_none(self):
        kind = str(uuid.uuid4())
        self.refused(self.ask("POST", "/jobs/many", {"jobs": [{"type": kind}, {"type": kind, "runAt": "soon"}]}), 400,
                     "invalid runAt")
        self.assertEqual(self.ask("POST", "/jobs/many", {"jobs": [{"type": kind}, {"type": ""}]}).status, 400)
        self.assertEqual(self.server.psql(f"SELECT count(*) FROM ayb_jobs.job_queue WHERE type = '{kind}'"), "0")
        order = {"type": kind, "payload": None, "runAt": "2090-01-01T00:00:00Z", "idempotencyKey": kind, "maxAttempts": 7}
        ids = self.good(self.ask("POST", "/jobs/many", {"jobs": [order, order]}), 201)["ids"]
        self.assertEqual(len(set(ids)), 1)
        job = self.good(self.ask("GET", "/jobs/" + ids[0]))
        self.assertEqual((job["payload"], job["runAt"], job["maxAttempts"]), (None, "2090-01-01T00:00:00+00:00", 7))
        self.assertEqual(self.good(self.ask("POST", "/jobs/many", {"jobs": []}), 201), {"ids": [], "count": 0})
