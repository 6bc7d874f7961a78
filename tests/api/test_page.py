"""The dashboard's files: open, packed or not, never stale, and unable to do what a page of ours does not do."""

import gzip
import re
import unittest

from support import ApiTest


class Page(ApiTest):
    def setUp(self):
        self.page = self.sidecar.send("GET", "/")
        if self.page.status == 404:
            self.assertEqual(self.page.json["message"], "this ayb-jobs was built without the dashboard")
            raise unittest.SkipTest("built without Node")

    def test_packed_or_not(self):
        self.assertIsNone(self.page.header("Content-Encoding"))
        packed = self.sidecar.send("GET", "/", headers={"Accept-Encoding": "br, gzip"})
        self.assertEqual(packed.header("Content-Encoding"), "gzip")
        self.assertEqual(gzip.decompress(packed.body), self.page.body)
        self.assertEqual(packed.header("Vary"), "Accept-Encoding")
        self.assertEqual(self.sidecar.send("HEAD", "/").header("Content-Length"), str(len(self.page.body)))

    def test_never_stale(self):
        tag = self.page.header("ETag")
        self.assertEqual(self.page.header("Cache-Control"), "no-cache")
        again = self.sidecar.send("GET", "/", headers={"If-None-Match": f'"x", {tag}'})
        self.assertEqual((again.status, again.body, again.header("ETag")), (304, b"", tag))
        for file in re.findall(rb'"\./(assets/[^"]+)"', self.page.body):
            answer = self.sidecar.send("GET", "/" + file.decode())
            self.assertEqual((answer.status, answer.header("Cache-Control")), (200, "public, max-age=31536000, immutable"))
            self.assertNotEqual(answer.header("ETag"), tag)

    def test_a_strict_policy(self):
        policy = self.page.header("Content-Security-Policy")
        self.assertIn("default-src 'self';", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertNotRegex(policy, r"unsafe|\*|http")
        self.assertEqual(self.page.header("X-Content-Type-Options"), "nosniff")

    def test_other_methods_and_paths(self):
        self.assertEqual(self.ask("GET", "/api/../").status, 404)
        self.assertEqual(self.sidecar.send("GET", "/assets/").status, 404)
        self.assertEqual(self.sidecar.send("GET", "/index.html").status, 404)
