"""What PostgreSQL's errors become: one provoked for each, where the same SQLSTATE may stand for two things too."""

from support import ApiTest

SETUP = """
CREATE OR REPLACE FUNCTION public.there() RETURNS void LANGUAGE sql AS 'SELECT';
SELECT ayb_jobs.register_handler('goes', 'public.there');
DROP FUNCTION public.there();
"""


class SqlStates(ApiTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql(SETUP)

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.server.psql("SELECT ayb_jobs.unregister_handler('goes')")

    def test_a_dropped_function_is_no_missing_extension(self):
        for method, path, body in (("GET", "/handlers", None), ("GET", "/health", None), ("GET", "/queue", None),
                                   ("POST", "/jobs", {"type": "goes"}), ("POST", "/jobs/many", {"jobs": [{"type": "goes"}]})):
            answer = self.ask(method, path, body)
            self.assertNotEqual(answer.json.get("message"), "job queue is not enabled", path)
            self.assertIn(answer.status, (200, 201, 409), answer.body)

    def test_refusals_by_right(self):
        error = self.ask("POST", "/jobs", {"type": "x", "runAs": "postgres"})
        self.assertEqual((error.status, error.json["sqlstate"]), (403, "42501"))

    def test_numbers_out_of_range(self):
        error = self.ask("POST", "/jobs", {"type": "x", "maxAttempts": 4000000000})
        self.assertEqual((error.status, error.json["sqlstate"]), (400, "22003"))
        error = self.ask("POST", "/jobs", '{"type":"x","payload":1e200000}')
        self.assertEqual(error.status, 400)

    def test_no_role(self):
        error = self.ask("POST", "/jobs", {"type": "x", "runAs": "nobody_at_all"})
        self.assertEqual((error.status, error.json["sqlstate"]), (400, "42704"))

    def test_a_standard_setting_of_another_kind(self):
        self.assertEqual(self.ask("POST", "/schedules", {"name": "n", "jobType": "x", "cronExpr": "* * * * *",
                                                         "overlap": "odd"}).status, 400)
