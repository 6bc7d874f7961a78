"""Who may: logging in, tokens, the limit, what is believed of proxies, and what the log keeps to itself."""

import json
import os
import subprocess
import time

from support import OUT, PASSWORD, SIDECAR, ApiTest, Sidecar, server

ROUTES = [("GET", path) for path in (
    "/api/admin/jobs", "/api/admin/jobs/stats", "/api/admin/jobs/x", "/api/admin/jobs/x/runs", "/api/admin/schedules",
    "/api/admin/schedules/x", "/api/admin/matviews", "/api/admin/matviews/x", "/api/admin/matviews/dependencies",
    "/api/admin/workers", "/api/admin/lanes", "/api/admin/health", "/api/admin/series", "/api/admin/handlers",
    "/api/admin/depths", "/api/admin/events", "/api/schema")] + [("POST", path) for path in (
        "/api/admin/jobs", "/api/admin/jobs/retry", "/api/admin/jobs/cancel", "/api/admin/jobs/x/retry",
        "/api/admin/jobs/x/cancel", "/api/admin/schedules", "/api/admin/schedules/preview", "/api/admin/schedules/x/enable",
        "/api/admin/schedules/x/disable", "/api/admin/schedules/x/run", "/api/admin/matviews",
        "/api/admin/matviews/x/refresh", "/api/admin/pause", "/api/admin/resume", "/api/admin/drain", "/api/admin/adopt")] + [
            ("PUT", "/api/admin/schedules/x"), ("DELETE", "/api/admin/schedules/x"), ("PUT", "/api/admin/matviews/x"),
            ("DELETE", "/api/admin/matviews/x"), ("GET", "/api/admin/nowhere"), ("PATCH", "/api/admin/jobs")]
REQUIRED = "admin authentication required"


def log_in(sidecar, password=PASSWORD, **headers):
    return sidecar.send("POST", "/api/admin/auth", json.dumps({"password": password}), headers)


class Tokens(ApiTest):
    flags = ("--login-limit", "1000")

    def test_status_is_open(self):
        self.assertEqual(self.good(self.sidecar.send("GET", "/api/admin/status")), {"auth": True})

    def test_log_in(self):
        token = self.good(log_in(self.sidecar))["token"]
        self.assertRegex(token, "^[0-9a-f]{64}$")
        self.assertNotEqual(token, self.good(log_in(self.sidecar))["token"])
        for wrong in ("", "x", PASSWORD + "x", PASSWORD[:-1], PASSWORD.upper()):
            self.refused(log_in(self.sidecar, wrong), 401, "invalid password")
        for body in ("{}", '{"password":null}', '{"Password":"x"}'):
            self.refused(self.sidecar.send("POST", "/api/admin/auth", body), 401, "invalid password")
        for body in (None, "", "{", "[]", '"x"', '{"password":1}', '{"password":["x"]}'):
            self.refused(self.sidecar.send("POST", "/api/admin/auth", body), 400, "invalid JSON body")

    def test_every_admin_route_wants_the_token(self):
        token = self.sidecar.token()
        other = ("0" if token[-1] != "0" else "1")
        wrong = (None, "", token, "Bearer", "Bearer ", "bearer " + token, "BEARER " + token, "Bearer  " + token,
                 "Bearer\t" + token, "Bearer " + token[:-1], "Bearer " + token[:-1] + other, "Bearer " + token + "0",
                 "Bearer " + token.upper(), "Basic " + token, "Bearer " + "0" * 64)
        for method, path in ROUTES:
            for value in wrong:
                headers = {} if value is None else {"Authorization": value}
                self.refused(self.sidecar.send(method, path, None, headers), 401, REQUIRED)
            for query in ("token", "access_token", "authorization"):
                self.refused(self.sidecar.send(method, f"{path}?{query}={token}"), 401, REQUIRED)

    def test_a_token_can_not_be_made_longer(self):
        token = self.sidecar.token()
        later = f"{int(token[:16], 16) + 3600:016x}" + token[16:]
        self.refused(self.sidecar.send("GET", "/api/admin/jobs", None, {"Authorization": "Bearer " + later}), 401, REQUIRED)

    def test_no_secret_is_logged(self):
        log_in(self.sidecar, "hunter2-is-wrong")
        self.sidecar.ask("GET", "/jobs?q=secret-in-a-query")
        self.sidecar.send("GET", "/api/admin/jobs", None, {"Authorization": "Bearer secret-in-a-header"})
        log = self.sidecar.log()
        for secret in (PASSWORD, "hunter2", self.sidecar.token(), "secret-in-a"):
            self.assertNotIn(secret, log)
        lines = [json.loads(line) for line in log.splitlines()]
        asked = [line for line in lines if line.get("path") == "/api/admin/auth"]
        self.assertTrue(asked and all(line["requestId"] for line in asked))

    def test_request_ids(self):
        answers = [self.sidecar.send("GET", "/live").header("X-Request-Id") for _ in range(2)]
        self.assertTrue(all(answers))
        self.assertEqual(len(set(answers)), 2)


class Lifetimes(ApiTest):
    flags = ("--token-lifetime", "1")

    def test_a_token_ends(self):
        token = self.good(log_in(self.sidecar))["token"]
        self.assertEqual(int(token[:16], 16) - int(time.time()) <= 1, True)
        end = time.monotonic() + 30
        while self.sidecar.send("GET", "/api/admin/jobs", None, {"Authorization": "Bearer " + token}).status != 401:
            self.assertLess(time.monotonic(), end, "the token does not end")
            time.sleep(0.05)


class Ways(ApiTest):
    """Sidecars of other settings, each for a moment."""

    def other(self, *flags, password=None):
        sidecar = Sidecar("auth_other", server().dsn(), *flags, password=password)
        self.addCleanup(sidecar.stop)
        return sidecar

    def file(self, name, text):
        path = os.path.join(OUT, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def with_token(self, sidecar, token):
        return sidecar.send("GET", "/api/admin/jobs", None, {"Authorization": "Bearer " + token}).status

    def test_a_token_dies_with_a_restart(self):
        first = self.other(password=PASSWORD)
        token = log_in(first).json["token"]
        self.assertEqual(self.with_token(first, token), 200)
        self.assertEqual(self.with_token(self.other(password=PASSWORD), token), 401)

    def test_a_token_dies_with_the_password(self):
        path = self.file("password", "one\n")
        sidecar = self.other("--password-file", path)
        token = log_in(sidecar, "one").json["token"]
        self.assertEqual(self.with_token(sidecar, token), 200)
        self.file("password", "two\n")
        self.assertEqual(self.with_token(sidecar, token), 401)
        self.refused(log_in(sidecar, "one"), 401, "invalid password")
        self.good(log_in(sidecar, "two"))

    def test_a_fixed_token(self):
        sidecar = self.other("--token-file", self.file("token", "a-fixed-one\n"))
        self.assertEqual(self.with_token(sidecar, "a-fixed-one"), 200)
        self.assertEqual(self.with_token(sidecar, "a-fixed-two"), 401)
        self.refused(log_in(sidecar), 404, "admin auth not configured")

    def test_a_file_that_others_may_write_is_no_secret(self):
        for name in ("password", "token"):
            file = self.file("loose-" + name, "a-word\n")
            os.chmod(file, 0o620)
            done = subprocess.run([SIDECAR, "serve", "--listen", "127.0.0.1:0", f"--{name}-file", file], capture_output=True,
                                  text=True, env={"PATH": os.environ["PATH"]}, timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn("others than its owner may write", done.stderr)
        # Later, too.
        file = self.file("turned-token", "a-word\n")
        os.chmod(file, 0o600)
        sidecar = self.other("--token-file", file)
        self.assertEqual(self.with_token(sidecar, "a-word"), 200)
        os.chmod(file, 0o602)
        self.assertEqual(self.with_token(sidecar, "a-word"), 401)

    def test_a_file_that_others_may_read_is_said(self):
        file = self.file("open-token", "a-word\n")
        os.chmod(file, 0o644)
        sidecar = self.other("--token-file", file)
        self.assertEqual(self.with_token(sidecar, "a-word"), 200)
        self.assertIn("others than its owner may read a file with a secret", sidecar.log())

    def test_the_fixed_token_is_beyond_the_limit(self):
        sidecar = self.other("--token-file", self.file("way-in", "a-word\n"), "--login-limit", "0")
        self.assertEqual(self.with_token(sidecar, "a-word"), 200)

    def test_the_log_has_numbers_as_numbers(self):
        self.good(self.ask("GET", "/jobs"))
        lines = [json.loads(line) for line in self.sidecar.log().splitlines() if '"path":"/api/admin/jobs"' in line]
        self.assertEqual((lines[-1]["status"], type(lines[-1]["micros"])), (200, int))

    def test_nothing_configured(self):
        sidecar = self.other()
        self.refused(log_in(sidecar), 404, "admin auth not configured")
        for token in ("", "0" * 64):
            self.assertEqual(self.with_token(sidecar, token), 401)

    def test_no_auth(self):
        sidecar = self.other("--no-auth")
        self.good(sidecar.send("GET", "/api/admin/jobs"))
        self.assertEqual(self.good(sidecar.send("GET", "/api/admin/status")), {"auth": False})
        self.refused(sidecar.send("POST", "/api/admin/pause", None), 403, "the token may not do this")
        operate = self.other("--no-auth=operate")
        self.good(operate.send("POST", "/api/admin/resume", None))
        self.refused(operate.send("POST", "/api/admin/jobs", '{"type":"x"}', {"Content-Type": "application/json"}), 403,
                     "the token may not do this")

    def test_no_auth_is_for_this_machine_and_no_other_page(self):
        sidecar = self.other("--no-auth=admin", "--cors-origins", "https://console.example")
        port = sidecar.port
        mine = f"127.0.0.1:{port}"
        path, body = "/api/admin/jobs", '{"type":"x"}'
        json_type = {"Content-Type": "application/json"}
        for headers in ({"Host": mine}, {"Host": f"localhost:{port}"}, {"Host": "[::1]:1"}, {"Host": "LOCALHOST"},
                        {"Origin": f"http://{mine}"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"},
                        {"Origin": "https://console.example", "Sec-Fetch-Site": "cross-site"}):
            self.good(sidecar.send("GET", path, None, headers))
            self.good(sidecar.send("POST", path, body, {**json_type, **headers}), 201)
        # A name that somebody's name server made ours, a page of somebody else's, and its forms.
        for headers in ({"Host": "evil.example"}, {"Host": f"evil.example:{port}"}, {"Host": "127.0.0.1.evil.example"},
                        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": f"http://evil.example:{port}"},
                        {"Origin": f"http://127.0.0.1:{port + 1}"}, {"Sec-Fetch-Site": "cross-site"},
                        {"Sec-Fetch-Site": "same-site"}):
            for method in ("GET", "POST"):
                answer = sidecar.send(method, path, body if method == "POST" else None, {**json_type, **headers})
                self.assertEqual((answer.status, answer.json["code"]), (403, 403), headers)
            self.assertEqual(sidecar.send("GET", "/metrics", None, headers).status, 403)
        for kind in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
            self.assertEqual(sidecar.send("POST", path, body, kind).status, 403)
        self.good(sidecar.send("POST", path, body, {"Content-Type": "application/json; charset=utf-8"}), 201)

    def test_with_a_password_other_pages_have_no_token_anyway(self):
        self.good(self.ask("GET", "/jobs", None, Host="jobs.example", Origin="https://evil.example"))


class Limit(ApiTest):
    flags = ("--login-limit", "3", "--trusted-proxies", "127.0.0.0/8")

    def test_the_limit(self):
        mine = {"X-Forwarded-For": "192.0.2.1"}
        for left in (2, 1, 0):
            answer = log_in(self.sidecar, "wrong" if left else PASSWORD, **mine)
            self.assertEqual(answer.status, 401 if left else 200)
            self.assertEqual((answer.header("X-RateLimit-Limit"), answer.header("X-RateLimit-Remaining")), ("3", str(left)))
            self.assertLessEqual(abs(int(answer.header("X-RateLimit-Reset")) - time.time()), 62)
        for _ in range(2):
            answer = log_in(self.sidecar, PASSWORD, **mine)
            self.refused(answer, 429, "too many requests")
            self.assertTrue(1 <= int(answer.header("Retry-After")) <= 60)
            self.assertEqual(answer.header("X-RateLimit-Remaining"), "0")
            self.assertRegex(answer.json["details"], "^again in [0-9]+ s$")
            self.assertIn("token-file", answer.json["hint"])
        self.good(log_in(self.sidecar, PASSWORD, **{"X-Forwarded-For": "192.0.2.2"}))
        # What the client itself wrote down, before the proxy, counts for nothing.
        self.refused(log_in(self.sidecar, PASSWORD, **{"X-Forwarded-For": "192.0.2.3, 192.0.2.1"}), 429, "too many requests")
        self.good(log_in(self.sidecar, PASSWORD, **{"X-Forwarded-For": "192.0.2.9, 127.0.0.1"}))


class NoProxy(ApiTest):
    flags = ("--login-limit", "1")

    def test_forwarding_headers_are_not_believed(self):
        self.good(log_in(self.sidecar, PASSWORD, **{"X-Forwarded-For": "192.0.2.1"}))
        self.refused(log_in(self.sidecar, PASSWORD, **{"X-Forwarded-For": "192.0.2.2"}), 429, "too many requests")


class Cors(ApiTest):
    flags = ("--cors-origins", "https://console.example, https://two.example")

    def test_allowed_origins(self):
        answer = self.sidecar.send("OPTIONS", "/api/admin/jobs", None, {"Origin": "https://two.example"})
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(answer.header("Access-Control-Allow-Origin"), "https://two.example")
        self.assertIn("Authorization", answer.header("Access-Control-Allow-Headers"))
        answer = self.ask("GET", "/jobs", None, Origin="https://console.example")
        self.assertEqual(answer.header("Access-Control-Allow-Origin"), "https://console.example")
        for origin in ("https://evil.example", "null", "https://two.example.evil.example"):
            answer = self.ask("GET", "/jobs", None, Origin=origin)
            self.assertIsNone(answer.header("Access-Control-Allow-Origin"))


class NoCors(ApiTest):
    def test_none_by_default(self):
        for path in ("/api/admin/jobs", "/nowhere"):
            answer = self.sidecar.send("OPTIONS", path, None, {"Origin": "https://a.example"})
            self.assertEqual(answer.status, 204)
            self.assertIsNone(answer.header("Access-Control-Allow-Origin"))
