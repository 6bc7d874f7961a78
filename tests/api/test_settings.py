"""Flags before environment before file before default; wrong usage; TLS; the end by a signal."""

import http.client
import os
import signal
import socket
import ssl
import subprocess
import threading
import unittest

from support import OUT, PATIENCE, SIDECAR, ApiTest, Sidecar, server, until


def run(*arguments, **environment):
    return subprocess.run([SIDECAR, *arguments], env={"PATH": os.environ["PATH"], **environment}, text=True,
                          capture_output=True, timeout=60, stdin=subprocess.DEVNULL)


def file(name, text):
    path = os.path.join(OUT, name)
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(text)
    return path


class Settings(unittest.TestCase):
    def printed(self, *flags, **environment):
        done = run("serve", "--print-config", *flags, **environment)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return dict(line.split(" = ", 1) for line in done.stdout.splitlines())

    def test_the_order_of_the_sources(self):
        config = file("ayb.properties", "threads = 3\npool-size = 4\nlogin-limit = 5\n")
        printed = self.printed("--threads", "1", "--config=" + config, AYB_JOBS_THREADS="2", AYB_JOBS_POOL_SIZE="6")
        self.assertEqual(printed["threads"], "1  # flag")
        self.assertEqual(printed["pool-size"], "6  # environment")
        self.assertEqual(printed["login-limit"], "5  # file")
        self.assertEqual(printed["max-connections"], "4096  # default")

    def test_secrets_are_hidden(self):
        config = file("secret.properties", "password = in-the-file\n")
        for printed in (self.printed("--dsn", "host=x password=hunter2 user=y", AYB_JOBS_PASSWORD="hunter2"),
                        self.printed("--dsn", "postgresql://u:hunter2@h/d", "--config", config)):
            self.assertNotIn("hunter2", str(printed))
            self.assertNotIn("in-the-file", str(printed))
            self.assertTrue(printed["password"].startswith("****"))

    def test_wrong_usage(self):
        for arguments in ((), ("fly",), ("serve", "--nonsense"), ("serve", "--threads", "x"), ("serve", "--threads"),
                          ("serve", "--threads", "-1"), ("serve", "--password", "x"), ("serve", "--no-auth=maybe"),
                          ("serve", "--config", "/nowhere"), ("serve", "--log-level", "loud"), ("serve", "extra"),
                          ("serve", "--tls-key", "x"), ("serve", "--no-auth", "--listen", "0.0.0.0:0"),
                          ("serve", "--config", file("odd.properties", "nonsense = 1\n"))):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertTrue(done.stderr.startswith("Error: "), done.stderr)

    def test_a_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            done = run("serve", "--listen", "127.0.0.1:%d" % taken.getsockname()[1])
        self.assertEqual(done.returncode, 1)
        self.assertIn("can't serve", done.stderr)


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.key, cls.certificate = os.path.join(OUT, "tls.key"), os.path.join(OUT, "tls.crt")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", cls.key, "-out", cls.certificate, "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        cls.sidecar = Sidecar("tls", server().dsn(), "--tls-key", cls.key, "--tls-certificate", cls.certificate)

    @classmethod
    def tearDownClass(cls):
        cls.sidecar.stop()

    def test_requests_of_any_size(self):
        context = ssl.create_default_context(cafile=self.certificate)
        client = http.client.HTTPSConnection("127.0.0.1", self.sidecar.port, context=context, timeout=60)
        for body in ("{}", "x" * 500000, '{"password":"%s"}' % ("y" * 100000)):
            client.request("POST", "/api/admin/auth", body)
            response = client.getresponse()
            self.assertIn(response.status, (400, 401))
            response.read()
        client.close()

    def test_what_is_no_tls_is_closed(self):
        with self.sidecar.connect() as client:
            client.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                self.assertNotIn(b"200 OK", client.recv(1000))
            except ConnectionResetError:
                pass
        # A client that stops in the midst of its hello holds up nobody.
        with self.sidecar.connect() as mute:
            mute.sendall(b"\x16\x03\x01")
            self.test_requests_of_any_size()

    def test_old_versions_are_refused(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.sidecar.connect() as plain, self.assertRaises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(plain)


class Stop(ApiTest):
    def test_a_request_under_way_is_finished(self):
        for sig in (signal.SIGTERM, signal.SIGINT):
            sidecar = Sidecar("stop", self.server.dsn())
            sidecar.token()
            # Only rows that are looked at wait for this lock.
            with self.server.held("LOCK TABLE ayb_jobs.schedules"):
                answers = []
                asker = threading.Thread(target=lambda: answers.append(sidecar.ask("GET", "/schedules")))
                asker.start()
                until(lambda: self.server.psql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "1", "the request to wait")
                idle = sidecar.connect()
                # Once it is served it is accepted: what still waits for that is reset, not closed.
                idle.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertIn(b" 200 OK", idle.recv(65536))
                sidecar.process.send_signal(sig)
                self.assertEqual(idle.recv(10), b"")
                self.assertEqual((answers, sidecar.process.poll()), ([], None))
            asker.join()
            self.assertEqual(sidecar.process.wait(PATIENCE), 0)
            self.assertEqual(sidecar.stop(), 0)
            self.assertEqual(answers[0].status, 200)
            idle.close()
            self.assertIn('"message":"stopped"', sidecar.log())
