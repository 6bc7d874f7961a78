"""The W3C's traceparent: a request's is in the log, and in the meta of the jobs that it enqueues."""

import http.client
import json

from support import ApiTest, Sidecar

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NEWER = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes"
LATER = {"type": "traced", "runAt": "2100-01-01T00:00:00Z"}


class Trace(ApiTest):
    def meta(self, job, server=None):
        return json.loads((server or self.server).psql(
            f"SELECT coalesce(meta, '{{}}') FROM ayb_jobs.jobs WHERE id = '{job['id']}'"))

    def logged(self, answer, sidecar=None):
        """The line of the request's log."""
        lines = [json.loads(line) for line in (sidecar or self.sidecar).log().splitlines()]
        return next(line for line in lines if line.get("requestId") == answer.header("X-Request-Id"))

    def enqueue(self, **headers):
        answer = self.ask("POST", "/jobs", LATER, **headers)
        return self.good(answer, 201), self.logged(answer)

    def test_a_job_carries_its_requests(self):
        for sent in (TRACE, NEWER):
            job, line = self.enqueue(traceparent=sent)
            self.assertEqual((self.meta(job), line["traceparent"]), ({"traceparent": sent}, sent))
        # The session is the same, and has forgotten it.
        job, line = self.enqueue()
        self.assertEqual((self.meta(job), line.get("traceparent")), ({}, None))

    def test_so_does_one_of_a_schedule_that_is_run_by_hand(self):
        schedule = self.good(self.ask("POST", "/schedules", {"name": "traced", "jobType": "traced", "cronExpr": "@yearly"}), 201)
        job = self.good(self.ask("POST", f"/schedules/{schedule['id']}/run", {}, traceparent=TRACE), 201)
        self.assertEqual(self.meta(job), {"traceparent": TRACE})

    def test_what_a_job_says_itself_counts(self):
        body = {**LATER, "options": {"meta": {"traceparent": "own", "tenant": 5}}}
        job = self.good(self.ask("POST", "/jobs", body, traceparent=TRACE), 201)
        self.assertEqual(self.meta(job), {"traceparent": "own", "tenant": 5})

    def test_what_the_session_has_for_all_stays(self):
        sidecar = Sidecar("trace", self.server.dsn() + " options='-c ayb_jobs.meta={\"team\":1}'")
        try:
            job = self.good(sidecar.ask("POST", "/jobs", LATER, traceparent=TRACE), 201)
        finally:
            self.assertEqual(sidecar.stop(), 0)
        self.assertEqual(self.meta(job), {"team": 1, "traceparent": TRACE})

    def test_one_that_is_malformed_is_none(self):
        for sent in ("", "x", TRACE[:-1], TRACE + "-more", TRACE.upper(), "ff" + TRACE[2:], TRACE.replace("-", "_"),
                     TRACE[:3] + 32 * "0" + TRACE[35:], TRACE[:36] + 16 * "0" + TRACE[52:], NEWER + 256 * "x",
                     NEWER.replace("-what", "what"), NEWER + " 1"):
            job, line = self.enqueue(traceparent=sent)
            self.assertEqual((self.meta(job), line.get("traceparent")), ({}, None), sent)

    def test_two_are_none(self):
        body = json.dumps(LATER)
        connection = http.client.HTTPConnection("127.0.0.1", self.sidecar.port)
        connection.putrequest("POST", "/api/admin/jobs")
        for name, value in (("Authorization", "Bearer " + self.sidecar.token()), ("Content-Length", str(len(body))),
                            ("traceparent", TRACE), ("traceparent", NEWER)):
            connection.putheader(name, value)
        connection.endheaders(body.encode())
        self.assertEqual(self.meta(json.loads(connection.getresponse().read())), {})
        connection.close()
