"""run.py MODULES [NAME ...]: starts a server and the sidecar in front of it, and lets Node drive a browser against them:
the tests (all, or NAME.test.js), which leave "passed failed" and the failed ones' names in $AYB_OUT/result, or with the
one name `screenshots` what `make screenshots` wants. MODULES is where playwright-core is."""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "api"))
import support  # noqa: E402  (found by the line above)

# Of the application whose users listen to changes.
APP_PORT = support.free_port()
APP_SECRET = os.path.join(support.OUT, "application.secret")


def realtime_flags(server):
    """What the sidecar needs for realtime, and has in this server then."""
    server.psql("CREATE ROLE ayb_authenticated; CREATE ROLE listener LOGIN NOINHERIT;"
                " GRANT ayb_jobs_realtime, ayb_authenticated TO listener")
    with open(APP_SECRET, "w", encoding="utf-8") as file:
        file.write("a secret of the application, 32 bytes or more\n")
    # How long a machine takes is no matter here.
    return ("--realtime-dsn", server.dsn().replace("user=sidecar", "user=listener"), "--realtime-secret-file", APP_SECRET,
            "--realtime-budget", "100000", "--cors-origins", f"http://127.0.0.1:{APP_PORT}")


def two_databases(server):
    """A sidecar of two databases, and of one that is away."""
    server.psql("CREATE DATABASE other", database="postgres")
    server.psql("CREATE EXTENSION ayb_jobs;"
                " SELECT ayb_jobs.enqueue_many('there', array_fill('{}'::jsonb, ARRAY[4]), now() + interval '1 day')",
                database="other")
    other = server.dsn().replace("dbname=app", "dbname=other")
    return support.Sidecar("two", server.dsn(), "--no-auth=read", "--database.other.dsn=" + other,
                           "--database.gone.dsn=host=127.0.0.1 port=1")


def environment(server, sidecar, open_sidecar, two):
    return {
        **os.environ, "NODE_PATH": sys.argv[1], "AYB_MODULES": sys.argv[1],
        "AYB_URL": f"http://127.0.0.1:{sidecar.port}/", "AYB_PASSWORD": support.PASSWORD,
        "AYB_OPEN_URL": f"http://127.0.0.1:{open_sidecar.port}/", "AYB_TWO_URL": f"http://127.0.0.1:{two.port}/",
        "AYB_PGHOST": server.socket, "AYB_PGPORT": str(server.port), "AYB_PGDATA": server.data,
        "AYB_PGLOG": os.path.join(server.directory, "log"), "AYB_EMPTY": support.EMPTY,
        "AYB_APP_PORT": str(APP_PORT), "AYB_APP_SECRET": APP_SECRET,
        "AYB_GUIDE": os.path.join(support.SOURCES, "docs", "guide", "realtime.md")}


def command(names):
    if names == ["screenshots"]:
        return ["node", os.path.join(HERE, "screenshots.js")]
    files = [os.path.join(HERE, f"{name}.test.js") for name in names] or sorted(
        os.path.join(HERE, file) for file in os.listdir(HERE) if file.endswith(".test.js"))
    return ["node", "--test", "--test-concurrency=1", "--test-reporter=tap", "--test-reporter-destination=stdout",
            "--test-timeout=900000", *files]


def report(output):
    """What Node's TAP says: its counts, and the names of the tests without tests of their own that failed."""
    counts = {word: int(number) for word, number in re.findall(r"^# (pass|fail|cancelled) (\d+)$", output, re.M)}
    bad = counts.get("fail", 1) + counts.get("cancelled", 0)
    names = "; ".join(re.findall(r"^\s*not ok \d+ - (.*)$", output, re.M))
    with open(os.path.join(support.OUT, "result"), "w", encoding="utf-8") as file:
        file.write(f"{counts.get('pass', 0)} {bad}\n{names}\n")


def main():
    server = support.Server("server")
    try:
        # Tests of the login are many from one address.
        sidecar = support.Sidecar("sidecar", server.dsn(), "--login-limit", "100000", *realtime_flags(server))
        open_sidecar = support.Sidecar("open", server.dsn(), "--no-auth=admin")
        two = two_databases(server)
        try:
            with subprocess.Popen(command(sys.argv[2:]), env=environment(server, sidecar, open_sidecar, two), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as node:
                lines = []
                for line in node.stdout:
                    lines.append(line)
                    print(line, end="", flush=True)
            if sys.argv[2:] != ["screenshots"]:
                report("".join(lines))
        finally:
            two.stop()
            open_sidecar.stop()
            sidecar.stop()
    finally:
        server.close()
    sys.exit(node.returncode)


main()
