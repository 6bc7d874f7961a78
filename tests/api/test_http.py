"""The wire itself: framing, hostile shapes, slow clients. Others are served all the while."""

import itertools
import resource
import socket
import threading

from support import ApiTest, until


def read_all(client):
    """What the server says until it closes."""
    data = b""
    try:
        while chunk := client.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


class Wire(ApiTest):
    flags = ("--header-timeout", "3000", "--body-timeout", "3000", "--idle-timeout", "3000")

    def raw(self, data):
        with self.sidecar.connect() as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            return read_all(client)

    def status_of(self, data):
        answer = self.raw(data)
        return int(answer.split(b" ")[1]) if answer else None

    def test_refused_shapes(self):
        host = b"Host: x\r\n"
        post = b"POST /api/admin/auth HTTP/1.1\r\n" + host
        for data in (
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"GET\r\n\r\n", b"GET /live\r\n\r\n",
                b"GET  /live HTTP/1.1\r\n" + host + b"\r\n", b"GET live HTTP/1.1\r\n" + host + b"\r\n",
                b"GET http://x/live HTTP/1.1\r\n" + host + b"\r\n", b"GET /li\x00ve HTTP/1.1\r\n" + host + b"\r\n",
                b"GET /live HTTP/1.1\r\n\r\n", b"GET /live HTTP/1.1\r\n" + host + host + b"\r\n",
                b"GET /live HTTP/1.1\r\n" + host + b"A : b\r\n\r\n", b"GET /live HTTP/1.1\r\n" + host + b"A: b\r\n c\r\n\r\n",
                b"GET /live HTTP/1.1\r\n" + host + b"A\r\n\r\n", b"GET /live HTTP/1.1\r\n" + host + b"A: \x01\r\n\r\n",
                b"GET /live HTTP/1.1\n" + b"Host: x\n\n\r\n\r\n", b"G(T /live HTTP/1.1\r\n" + host + b"\r\n",
                post + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
                post + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                post + b"Content-Length: 2, 2\r\n\r\n{}", post + b"Content-Length: +2\r\n\r\n{}",
                post + b"Content-Length: -1\r\n\r\n{}", post + b"Content-Length: 0x2\r\n\r\n{}",
                post + b"Content-Length: 99999999999999999999\r\n\r\n{}", post + b"Content-Length:\r\n\r\n{}",
                post + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
                post + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
                post + b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\n\r\n",
                post + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
                post + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"):
            self.assertEqual(self.status_of(data), 400, data)
        self.assertEqual(self.status_of(post + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501)
        self.assertEqual(self.status_of(b"GET /live HTTP/2.0\r\n" + host + b"\r\n"), 505)
        self.assertEqual(self.status_of(b"GET /live HTTP/1.1\r\n" + host + b"A: b\r\n" * 200 + b"\r\n"), 431)
        self.assertEqual(self.status_of(b"GET /live HTTP/1.1\r\n" + host + b"A: " + b"b" * 70000 + b"\r\n\r\n"), 431)

    def test_what_is_smuggled_is_not_answered(self):
        inner = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = self.raw(b"POST /api/admin/auth HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n"
                          b"0\r\n\r\n" % len(inner) + inner)
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1)
        self.assertIn(b"Connection: close", answer)

    def test_good_shapes(self):
        self.assertEqual(self.status_of(b"GET /live HTTP/1.0\r\n\r\n"), 200)
        self.assertEqual(self.status_of(b"\r\nGET /live HTTP/1.1\r\nHost: x\r\n\r\n"), 200)
        self.assertEqual(self.status_of(b"GET /live? HTTP/1.1\r\nhOST:x\r\n\r\n"), 200)
        chunked = (b"POST /api/admin/auth HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"1\r\n{\r\n1\r\n}\r\n0\r\nX-Trailer: y\r\n\r\n")
        self.assertEqual(self.status_of(chunked), 401)

    def test_pipelined_requests_are_answered_in_order(self):
        one, other = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = self.raw((one + other) * 20)
        statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
        self.assertEqual(statuses, [b"200", b"404"] * 20)

    def test_expect_continue(self):
        with self.sidecar.connect() as client:
            client.sendall(b"POST /api/admin/auth HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            self.assertTrue(client.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n\r\n"))
            client.sendall(b"{}")
            self.assertTrue(client.recv(1000).startswith(b"HTTP/1.1 401"))

    def test_head_has_no_body(self):
        answer = self.sidecar.send("HEAD", "/live")
        self.assertEqual((answer.status, answer.body, answer.header("Content-Length")), (200, b"", "15"))

    def test_paths(self):
        for path in ("/nowhere", "/api", "/%2e%2e/etc/passwd", "//live", "/live/x",
                     "/api/admin%2fstatus", "/LIVE"):
            self.refused(self.sidecar.send("GET", path), 404, "not found")
        for path in ("/nowhere", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/jobs/x/y/z"):
            self.refused(self.ask("GET", path), 404, "not found")
        self.good(self.ask("GET", "/jobs/"))

    def test_methods(self):
        for method, path, allowed in (("POST", "/live", "GET"), ("DELETE", "/jobs", "GET, POST"), ("TRACE", "/health", "GET"),
                                      ("PUT", "/api/admin/auth", "POST"), ("CONNECT", "/metrics", "GET")):
            path = path if path in ("/live", "/metrics") or path.startswith("/api") else "/api/admin" + path
            answer = self.sidecar.send(method, path, None, {"Authorization": "Bearer " + self.sidecar.token()})
            self.refused(answer, 405, "method not allowed")
            self.assertEqual(answer.header("Allow"), allowed)
        answer = self.ask("POST", "/jobs/stats", None, **{"X-HTTP-Method-Override": "GET", "X-Method-Override": "GET"})
        self.refused(answer, 405, "method not allowed")

    def test_deadlines(self):
        head, body = self.sidecar.connect(), self.sidecar.connect()
        idle, mute = self.sidecar.connect(), self.sidecar.connect()
        with head, body, idle, mute:
            head.sendall(b"GET /live HTTP/1.1\r\nHost: x")
            body.sendall(b"POST /api/admin/auth HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
            idle.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            for client in (head, body):
                answer = read_all(client)
                self.assertIn(b"408 Request Timeout", answer)
                self.assertIn(b'"message":"request timeout"', answer)
            self.assertIn(b"200 OK", read_all(idle))
            self.assertEqual(read_all(mute), b"")


class Slow(ApiTest):
    """2,000 idle clients and 200 that send a byte at a time, none of which comes to an end, and one that is served."""

    flags = ("--header-timeout", "3600000", "--body-timeout", "3600000", "--idle-timeout", "3600000")

    @classmethod
    def setUpClass(cls):
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        super().setUpClass()

    def threads(self):
        with open(f"/proc/{self.sidecar.process.pid}/status", encoding="ascii") as status:
            return int(next(line for line in status if line.startswith("Threads:")).split()[1])

    def drip(self, clients, stop):
        head = b"POST /api/admin/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        for byte in itertools.chain(head, itertools.repeat(ord("x"))):
            for client in clients:
                try:
                    client.send(bytes([byte]))
                except OSError:
                    return
            if stop.wait(0.05):
                return

    def test_others_are_served(self):
        self.ask("GET", "/jobs")
        before = self.threads()
        idle = [self.sidecar.connect() for _ in range(2000)]
        dripping = [self.sidecar.connect() for _ in range(200)]
        stop = threading.Event()
        thread = threading.Thread(target=self.drip, args=(dripping, stop))
        thread.start()
        try:
            for _ in range(50):
                self.good(self.ask("GET", "/jobs/stats"))
            self.assertLessEqual(self.threads(), before)
            self.assertTrue(thread.is_alive(), "a client was cut off")
        finally:
            stop.set()
            thread.join()
            for client in idle + dripping:
                client.close()


class Crowd(ApiTest):
    flags = ("--max-connections", "20")

    def test_a_new_client_takes_the_place_of_an_idle_one(self):
        token = self.sidecar.token()
        idle = [self.sidecar.connect() for _ in range(60)]
        for _ in range(5):
            self.good(self.sidecar.send("GET", "/api/admin/jobs", None, {"Authorization": "Bearer " + token}))
        for client in idle:
            client.close()
        metrics = until(lambda: self.sidecar.send("GET", "/metrics").body.decode(), "metrics")
        held = int(next(line for line in metrics.splitlines() if line.startswith("ayb_jobs_http_connections ")).split()[1])
        self.assertLessEqual(held, 20)
