"""Each parameter is read by its type, once: what isn't of it is refused by its name, and nothing is listed, or done."""


from support import ApiTest


class Values(ApiTest):
    def invalid(self, answer, name):
        error = self.refused(answer, 400, "invalid " + name)
        self.assertEqual(error["field"], name)

    def test_text_is_utf8(self):
        for path in ("/jobs", "/jobs/counts", "/series"):
            for name in ("type", "q", "since"):
                for value in ("%ff", "%00", "a%00b", "%c0%80", "%zz", "%"):
                    self.invalid(self.ask("GET", f"{path}?{name}={value}"), name)
        self.invalid(self.ask("GET", "/jobs?%ff=1"), "query")
        self.good(self.ask("GET", "/jobs?type=%C3%BC&&"))

    def test_times(self):
        before = self.server.psql("SELECT count(*) FROM ayb_jobs.job_queue")
        wrong = ("tomorrow", "now", "infinity", "-infinity", "2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T24:00:00Z",
                 "2026-01-31T12:00:00", "2026-01-31T12:00:00+16:00", "epoch", "0000-01-01T00:00:00Z", "x")
        for value in wrong:
            for name in ("since", "until"):
                self.invalid(self.ask("GET", f"/jobs?{name}={value}"), name)
                self.invalid(self.ask("GET", f"/jobs/counts?{name}={value}"), name)
                self.invalid(self.ask("POST", "/jobs/cancel", {name: value}), name)
            self.invalid(self.ask("GET", "/series?since=" + value), "since")
            self.invalid(self.ask("POST", "/jobs", {"type": "x", "runAt": value}), "runAt")
        for value in ("2026-01-31T12:00:00Z", "2024-02-29t00:00:00.123456789z", "2026-01-31%2012:00:60-02:30",
                      "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"):
            self.good(self.ask("GET", "/jobs?since=" + value))
            self.good(self.ask("GET", "/jobs?until=" + value))
        self.assertEqual(self.server.psql("SELECT count(*) FROM ayb_jobs.job_queue"), before)

    def test_flags_ids_and_numbers(self):
        for value in ("1", "yes", "True", "x"):
            self.invalid(self.ask("GET", "/jobs?brief=" + value), "brief")
            self.invalid(self.ask("GET", "/series?total=" + value), "total")
            self.invalid(self.ask("POST", f"/jobs/{'0' * 8}-0000-0000-0000-{'0' * 12}/cancel?force={value}"), "force")
        self.invalid(self.ask("GET", "/jobs?cursor=x"), "cursor")
        self.invalid(self.ask("GET", "/events?lastEventId=x"), "lastEventId")
        for offset in ("9000000000000000000", "99999999999999999999999", "100001"):
            self.invalid(self.ask("GET", "/jobs?offset=" + offset), "offset")
        # As the contract has it.
        for query in ("limit=x", "limit=-1", "limit=0", "offset=-5", "offset=-99999999999999999999", "offset=x"):
            self.good(self.ask("GET", "/jobs?" + query))

    def test_steps(self):
        # What no minute is looked at for refuses no step.
        self.server.psql("INSERT INTO ayb_jobs.job_minutes VALUES (date_trunc('minute', now()), 'sidecar'::regrole, 'stepped',"
                         " 1, 0, 0, 0, 0, array_fill(0::bigint, ARRAY[64]), array_fill(0::bigint, ARRAY[64]))"
                         " ON CONFLICT DO NOTHING")
        for step in ("1%20month", "0", "-1%20minute", "x", "1%20year"):
            self.refused(self.ask("GET", "/series?step=" + step), 400, "invalid step")
            self.refused(self.ask("GET", "/depths?step=" + step), 400, "invalid step")

    def test_numbers_are_as_long_as_they_are_written(self):
        numbers = ",".join(["1e131071"] * 150)
        error = self.refused(self.ask("POST", "/jobs", '{"type":"x","payload":[' + numbers + "]}"), 400, "invalid JSON body")
        self.assertIn("numbers", error["details"])
        self.refused(self.ask("POST", "/schedules", '{"name":"n","jobType":"x","cronExpr":"* * * * *","payload":['
                              + numbers + "]}"), 400, "invalid JSON body")
        self.refused(self.ask("POST", "/jobs/many", '{"jobs":[{"type":"x","payload":[' + numbers + "]}]}"), 400,
                     "invalid JSON body")
        self.assertEqual(self.ask("POST", "/jobs", '{"type":"x","payload":[1e-9999999]}').status, 400)
        self.good(self.ask("POST", "/jobs", '{"type":"x","payload":[1e300,1.5e-300,1E+5]}'), 201)

    def test_unknown_keys_of_our_own_routes(self):
        for path in ("/jobs", "/jobs/many", "/jobs/retry", "/jobs/cancel", "/pause", "/resume", "/drain", "/schedules/preview"):
            error = self.refused(self.ask("POST", path, {"type": "x", "max_attempts": 1}), 400,
                                 'unknown key "type"' if path in ("/jobs/many", "/drain", "/schedules/preview")
                                 else 'unknown key "max_attempts"')
            self.assertIn(error["field"], ("type", "max_attempts"))
        self.refused(self.ask("POST", "/jobs/many", {"jobs": [{"type": "x"}, {"typ": "x"}]}), 400, 'unknown key "typ"')
        self.assertEqual(self.server.psql("SELECT count(*) FROM ayb_jobs.pauses"), "0")
        # AYB's own stay lenient.
        self.good(self.ask("POST", "/schedules", {"name": "lenient", "jobType": "x", "cronExpr": "* * * * *", "odd": 1}), 201)
