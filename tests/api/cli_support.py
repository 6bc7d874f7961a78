"""What the tests of the command line share."""

import os
import subprocess

from support import SIDECAR, ApiTest


def run(*arguments, **environment):
    return subprocess.run([SIDECAR, *arguments], env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **environment},
                          text=True, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)


class CliTest(ApiTest):
    def both(self, *arguments, status=0):
        """Over libpq and through the API; the same has to come out. Only for what changes nothing."""
        direct = self.one(*arguments, status=status)
        through = self.api(*arguments, status=status)
        self.assertEqual(direct, through)
        return direct

    def one(self, *arguments, status=0):
        return self.checked(run(*arguments, "--dsn", self.server.dsn()), status)

    def api(self, *arguments, status=0):
        done = run(*arguments, "--url", f"http://127.0.0.1:{self.sidecar.port}", AYB_ADMIN_TOKEN=self.sidecar.token())
        return self.checked(done, status)

    def checked(self, done, status):
        self.assertEqual(done.returncode, status, done)
        if status == 0:
            self.assertEqual(done.stderr, "")
            return done.stdout
        self.assertEqual(done.stdout, "")
        return done.stderr
