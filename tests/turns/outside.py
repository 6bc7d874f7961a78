"""outside.py DSN COUNTER NAME: a worker outside, until it is killed. It claims a few jobs at once, and reports what it is at to
the counter; now and then one fails. Its session may be ended under its hands: it works on, and completes by another."""

import json
import random
import socket
import sys
import time

import psycopg2

LEASE = 2  # seconds


class Worker:
    def __init__(self, dsn, counter, name):
        self.dsn, self.counter, self.name, self.session = dsn, counter, name, None

    def ask(self, sql, *values):
        if self.session is None:
            self.session = psycopg2.connect(self.dsn, connect_timeout=5)
            self.session.autocommit = True
        try:
            with self.session.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall()
        except psycopg2.Error:
            if self.session.closed:
                self.session = None
            raise

    def turn(self):
        types = random.choice((["held"], ["paced"], ["held", "paced"]))
        low = time.time()
        jobs = self.ask("SELECT id, attempt, type, partition_key, extract(epoch FROM lease_until)::float8, pg_backend_pid()"
                        " FROM ayb_jobs.claim(%s, %s, %s, %s)", self.name, types, random.randint(1, 3), f"{LEASE} s")
        reports = [self.begin(kind, key, until, pid, low) for _, _, kind, key, until, pid in jobs]
        for (job, attempt, _, _, until, _), report in zip(jobs, reports):
            time.sleep(random.uniform(0, 0.03))
            report.sendall(b"end\n")
            report.recv(1)
            report.close()
            self.settle(job, attempt, until)
        if not jobs:
            time.sleep(0.02)

    def begin(self, kind, key, until, pid, low):
        report = socket.socket(socket.AF_UNIX)
        report.connect(self.counter)
        line = {"type": kind, "key": key, "until": until, "pid": pid, "low": low}
        report.sendall(json.dumps(line).encode() + b"\n")
        report.recv(1)
        return report

    def settle(self, job, attempt, until):
        ends = ("SELECT ayb_jobs.complete(%s, %s, %s)", "SELECT ayb_jobs.fail(%s, %s, %s, 'as asked', '0 s')")
        sql = random.choices(ends, (9, 1))[0]
        while time.time() < until:
            try:
                self.ask(sql, job, self.name, attempt)
                return
            except psycopg2.Error as error:
                if error.pgcode in ("55000", "P0002"):
                    return  # the lease is over, or was
                self.rest()

    def rest(self):
        time.sleep(0.05)

    def run(self):
        while True:
            try:
                self.turn()
            except psycopg2.Error:
                self.rest()  # the server is away, a type is between two hands, or the session was ended


Worker(*sys.argv[1:4]).run()
