"""The database goes away, comes back, moves."""

import threading

from support import PATIENCE, OwnServerTest, Server, Sidecar, free_port, until

AT_ONCE = 20  # seconds, for a loaded machine


class Away(OwnServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("away")
        cls.other_port = free_port()
        # A loaded machine may need more than the default to open a session.
        cls.sidecar = Sidecar("Away", f"{cls.server.dsn(cls.other_port)} connect_timeout={PATIENCE}")

    def away(self, answer):
        self.refused(answer, 503, "the database is not available")
        self.assertEqual(answer.json["reason"], "database_away")
        self.assertEqual(answer.header("Retry-After"), "1")

    def sessions(self):
        return int(self.server.psql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'sidecar'"))

    def test_a_restart_costs_no_later_request(self):
        for _ in range(3):
            self.good(self.ask("GET", "/jobs"))
            self.server.stop()
            self.server.start()
            self.good(self.ask("GET", "/jobs"))

    def test_killed_sessions_are_replaced(self):
        self.good(self.ask("GET", "/jobs"))
        self.server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sidecar'")
        until(lambda: self.sessions() == 0, "the sessions to end")
        self.good(self.ask("GET", "/jobs"))
        self.assertGreaterEqual(self.sessions(), 1)

    def test_away_is_503_at_once_and_health_says_so(self):
        token = self.sidecar.token()
        self.server.stop()
        try:
            for _ in range(10):
                self.away(self.sidecar.send("GET", "/api/admin/jobs", None, {"Authorization": "Bearer " + token}, AT_ONCE))
            health = self.sidecar.send("GET", "/health")
            self.assertEqual((health.status, health.json), (503, {"status": "error", "database": "unavailable"}))
            self.assertEqual(self.sidecar.send("GET", "/ready").status, 503)
            self.assertEqual(self.sidecar.send("GET", "/live").status, 200)
            self.assertIn('ayb_jobs_up{database="default"} 0', self.sidecar.send("GET", "/metrics").body.decode())
        finally:
            self.server.start()
        until(lambda: self.ask("GET", "/jobs").status == 200, "it to be back")
        # What these say may be as old as the last look at the database, which may have begun before it was back.
        for path in ("/ready", "/health"):
            until(lambda path=path: self.sidecar.send("GET", path).status == 200, f"{path} to say so")

    def test_it_moves_to_another_port_of_the_list_under_load(self):
        seen, stop = [], threading.Event()

        def load():
            while not stop.is_set():
                seen.append(self.ask("GET", "/jobs").status)

        self.sidecar.token()
        loaders = [threading.Thread(target=load) for _ in range(8)]
        for loader in loaders:
            loader.start()
        home = self.server.port
        try:
            until(lambda: len(seen) > 100, "the load to begin")
            self.server.stop("immediate")
            until(lambda: 503 in seen, "somebody to notice")
            self.server.start(self.other_port)
            until(lambda: seen[-20:] == [200] * 20, "it to be found again")
        finally:
            stop.set()
            for loader in loaders:
                loader.join(PATIENCE)
            self.server.stop()
            self.server.start(home)
        self.assertEqual(set(seen), {200, 503})
        until(lambda: self.ask("GET", "/jobs").status == 200, "it to be back home")
        self.assertLessEqual(self.sessions(), 8)

    def test_a_statement_that_takes_too_long(self):
        sidecar = Sidecar("impatient", self.server.dsn(), "--statement-timeout", "2000")
        self.addCleanup(sidecar.stop)
        with self.server.held("LOCK TABLE ayb_jobs.schedules"):
            self.refused(sidecar.ask("GET", "/schedules"), 503, "the database took too long")
        until(lambda: sidecar.ask("GET", "/schedules").status == 200, "it to be answered again")

    def test_no_extension_in_the_database(self):
        self.server.psql("CREATE DATABASE empty")
        sidecar = Sidecar("empty", self.server.dsn().replace("dbname=app", "dbname=empty"))
        self.addCleanup(sidecar.stop)
        for path in ("/jobs", "/jobs/stats", "/schedules"):
            self.refused(sidecar.ask("GET", path), 503, "job queue is not enabled")
        self.refused(sidecar.ask("POST", "/jobs", {"type": "x"}), 503, "job queue is not enabled")
        self.assertEqual(sidecar.send("GET", "/ready").status, 503)
        self.assertEqual(sidecar.send("GET", "/health").status, 200)
