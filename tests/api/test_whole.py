"""No answer is cut: whatever the kernel says to the server's calls, and however slowly a client reads, each byte comes
or the client can tell that it didn't."""

import errno
import json
import mmap
import os
import select
import socket
import ssl
import struct
import subprocess
import threading
import time

from support import EMPTY, OUT, SOURCES, ApiTest, Sidecar, server, until

CALLS = ("receive", "transmit", "accept", "wait", "watch", "wake", "look")
SHORT = -1
ALWAYS = -1  # instead of the number of a call
# What each call may meet and has to be none the wiser for.
HARMLESS = {"receive": (SHORT, errno.EAGAIN, errno.EINTR), "transmit": (SHORT, errno.EAGAIN, errno.EINTR),
            "accept": (errno.EAGAIN, errno.EINTR, errno.EMFILE, errno.ENFILE, errno.ECONNABORTED), "wait": (errno.EINTR,),
            "watch": (), "wake": (errno.EINTR,)}
# What costs the client its connection.
DEADLY = {"receive": (errno.ECONNRESET,), "transmit": (errno.ECONNRESET, errno.EPIPE, errno.ENOBUFS), "watch": (errno.ENOMEM,)}
TOKEN = "a token for the tests"


def read_answer(client):
    """Status and body of one answer; None where it isn't whole."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = client.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, body = data.split(b"\r\n\r\n", 1)
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    parts = [body]
    left = int(fields[b"content-length"]) - len(body)
    while left > 0:
        chunk = client.recv(65536)
        if not chunk:
            return None
        parts.append(chunk)
        left -= len(chunk)
    return int(head.split(b" ", 2)[1]), b"".join(parts)


class Whole(ApiTest):
    """The sidecar with the library of faults before libc."""

    tls = False

    @classmethod
    def setUpClass(cls):
        cls.server = server()
        cls.server.psql(EMPTY + "SELECT ayb_jobs.enqueue('big', to_jsonb(repeat(i || ' ', 7000))) FROM"
                                " generate_series(1, 16) AS i")
        library = os.path.join(OUT, "faults.so")
        subprocess.run(["g++", "-std=c++17", "-shared", "-fPIC", "-O1", "-o", library,
                        os.path.join(SOURCES, "tests", "api", "faults.cpp"), "-ldl"], check=True)
        orders = os.path.join(OUT, cls.__name__ + ".orders")
        with open(orders, "wb") as file:
            file.write(bytes(mmap.PAGESIZE))
        cls.orders_file = open(orders, "r+b")
        cls.orders = mmap.mmap(cls.orders_file.fileno(), mmap.PAGESIZE)
        token = os.path.join(OUT, cls.__name__ + ".token")
        with open(token, "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(TOKEN + "\n")
        flags = ["--token-file", token]
        if cls.tls:
            flags += cls.certificate()
        cls.sidecar = Sidecar(cls.__name__, cls.server.dsn(), *flags, environment={
            "LD_PRELOAD": library, "AYB_FAULTS": orders, "ASAN_OPTIONS": "verify_asan_link_order=0"})
        cls.wanted = [cls.exchange(cls) for _ in range(2)][1]
        assert cls.wanted is not None

    @classmethod
    def certificate(cls):
        key, certificate = os.path.join(OUT, "whole.key"), os.path.join(OUT, "whole.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                        "-days", "2", "-subj", "/CN=127.0.0.1"], check=True, capture_output=True)
        cls.context = ssl.create_default_context(cafile=certificate)
        cls.context.check_hostname = False
        return ["--tls-certificate", certificate, "--tls-key", key]

    @classmethod
    def tearDownClass(cls):
        cls.give_order()
        super().tearDownClass()
        cls.orders.close()
        cls.orders_file.close()

    @classmethod
    def give_order(cls, port=0, call=0, fault=0, countdown=0):
        cls.orders[0:16 + 4 * len(CALLS)] = struct.pack("=4i", port, call, fault, countdown) + bytes(4 * len(CALLS))

    @classmethod
    def connect(cls):
        client = cls.sidecar.connect()
        return cls.context.wrap_socket(client) if cls.tls else client

    def exchange(self):
        """Three requests on one connection, one of them with a body that comes in parts; None where an answer isn't
        whole."""
        head = f"Host: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        body = json.dumps({"cronExpr": "0 0 1 1 *", "timezone": "UTC", "count": 1}) + " " * 60000
        try:
            with self.connect() as client:
                client.sendall(f"GET /api/admin/jobs?limit=16 HTTP/1.1\r\n{head}\r\n".encode())
                answers = [read_answer(client)]
                preview = f"POST /api/admin/schedules/preview HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n"
                client.sendall(preview.encode())
                client.sendall(body.encode())
                answers.append(read_answer(client))
                client.sendall(f"GET /live HTTP/1.1\r\n{head}\r\n".encode())
                answers.append(read_answer(client))
        except (ConnectionError, ssl.SSLError):
            return None
        return None if None in answers else answers

    def calls(self):
        """How often each was called since the last order."""
        return dict(zip(CALLS, struct.unpack(f"={len(CALLS)}i", self.orders[16:16 + 4 * len(CALLS)])))

    def calls_of_an_exchange(self):
        self.give_order(self.sidecar.port)
        self.assertEqual(self.exchange(), self.wanted)
        seen = self.calls()
        self.give_order()
        return seen

    def strike(self, call, fault, number):
        self.give_order(self.sidecar.port, CALLS.index(call), fault, number)
        answers = self.exchange()
        self.give_order()
        return answers

    def test_the_answers_are_large(self):
        self.assertEqual([status for status, _ in self.wanted], [200, 200, 200])
        self.assertGreater(len(self.wanted[0][1]), 250000)
        self.assertGreater(self.calls_of_an_exchange()["transmit"], 1)

    def each(self, faults, check):
        counts = self.calls_of_an_exchange()
        for call, kinds in faults.items():
            self.assertGreater(counts[call], 0, call)
            for fault in kinds:
                for number in range(1, min(counts[call], 6) + 1):
                    with self.subTest(call=call, fault=errno.errorcode.get(fault, "short"), number=number):
                        check(self.strike(call, fault, number))

    def test_what_is_harmless(self):
        self.each(HARMLESS, lambda answers: self.assertTrue(answers == self.wanted))

    def test_what_ends_a_connection_ends_only_that(self):
        def check(answers):
            self.assertTrue(answers in (None, self.wanted))
            self.assertTrue(self.exchange() == self.wanted)

        self.each(DEADLY, check)

    def test_no_descriptor_is_taken_to_look(self):
        """Else the one that is left for a client would go for it. Poco looks so where it speaks TLS."""
        self.assertTrue(self.tls or self.calls_of_an_exchange()["look"] == 0)

    def test_without_descriptors_it_waits_for_one(self):
        self.give_order(self.sidecar.port, CALLS.index("accept"), errno.EMFILE, ALWAYS)
        answers = []
        client = threading.Thread(target=lambda: answers.append(self.exchange()))
        client.start()
        try:
            until(lambda: self.calls()["accept"] > 3, "it to try again and again")
            before = self.calls()["wait"]
            time.sleep(1)
            # It looks some ten times a second; without a pause some ten thousand times.
            self.assertLess(self.calls()["wait"] - before, 200)
            self.assertEqual(answers, [])
        finally:
            self.give_order()
            client.join()
        self.assertTrue(answers == [self.wanted])


class WholeTls(Whole):
    tls = True


class SlowReaders(ApiTest):
    """16 MiB to readers that take a little at a time, in packets as a network has them."""

    flags = ("--statement-timeout", "120000", "--pool-wait", "60000")  # the machine may be busy

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Six bits a character at random: nothing on the way makes it shorter.
        cls.server.psql("SELECT ayb_jobs.enqueue('big', (SELECT to_jsonb(string_agg(encode("
                        "sha512(convert_to(i || ' ' || k, 'UTF8')), 'base64'), ''))"
                        " FROM generate_series(1, 4600) AS k)) FROM generate_series(1, 42) AS i")

    def start(self):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)
        client.connect(("127.0.0.1", self.sidecar.port))
        client.settimeout(60)
        client.sendall(f"GET /api/admin/jobs?limit=42 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       f"Authorization: Bearer {self.sidecar.token()}\r\n\r\n".encode())
        return client

    @staticmethod
    def arrived(client):
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) if select.select([client], [], [], 0)[0] else b""

    def test_every_byte_comes(self):
        wanted = self.ask("GET", "/jobs?limit=42").body
        self.assertGreater(len(wanted), 16 * 1024 * 1024)
        clients = [self.start() for _ in range(4)]
        until(lambda: self.good(self.ask("GET", "/jobs/stats")), "the others to be served meanwhile")
        until(lambda: all(self.arrived(client) for client in clients), "the answers to begin")
        answers = []
        threads = [threading.Thread(target=lambda of=client: answers.append(read_answer(of))) for client in clients]
        for thread in threads:
            thread.start()
        for thread, client in zip(threads, clients):
            thread.join()
            client.close()
        self.assertEqual([status for status, _ in answers], [200] * 4)
        self.assertTrue(all(body == wanted for _, body in answers), [len(body) for _, body in answers])

    def one_of_eight(self, wanted, answers):
        """Asks until an answer is good, and reads as slowly as it can."""
        status = None
        while status != 200:
            with self.start() as client:
                status, body = read_answer(client) or ("cut", b"")
            answers.append((status, body == wanted or len(body) < 1000))

    def break_off(self):
        """A client that goes away in the midst of its answer."""
        with self.start() as client:
            until(lambda: self.arrived(client), "the answer to begin")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def test_under_load_with_kills_no_answer_is_cut(self):
        wanted = self.ask("GET", "/jobs?limit=42").body
        answers = []
        threads = [threading.Thread(target=self.one_of_eight, args=(wanted, answers)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(4):
            self.break_off()
            self.server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sidecar'")
        for thread in threads:
            thread.join()
        self.assertTrue(all(answer in ((200, True), (503, True)) for answer in answers), answers)
        self.assertEqual(answers.count((200, True)), len(threads))
