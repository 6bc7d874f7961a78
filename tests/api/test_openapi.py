"""The served document is 3.1, names every route that the server has and no other, and the answers are as it says."""

import glob
import os
import re

from support import SOURCES, ApiTest

METHODS = ("get", "post", "put", "patch", "delete")


class Schemas:
    """As much of JSON Schema as the document uses."""

    def __init__(self, document):
        self.document = document

    def resolve(self, schema):
        while "$ref" in schema:
            node = self.document
            for step in schema["$ref"].lstrip("#/").split("/"):
                node = node[step]
            schema = node
        return schema

    def wrong(self, value, schema, where="$"):
        """Yields what does not fit."""
        schema = self.resolve(schema)
        if "anyOf" in schema:
            found = [list(self.wrong(value, one, where)) for one in schema["anyOf"]]
            yield from min(found, key=len)
            return
        kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
        kind = schema.get("type")
        if kind and (not isinstance(value, kinds[kind]) or isinstance(value, bool) and kind in ("integer", "number")):
            yield f"{where}: {value!r} is no {kind}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is none of {schema['enum']}"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{where}: {value!r} does not match"
        if kind == "array":
            for i, item in enumerate(value):
                yield from self.wrong(item, schema.get("items", {}), f"{where}[{i}]")
        if kind == "object":
            yield from self.wrong_members(value, schema, where)

    def wrong_members(self, value, schema, where):
        properties, more = schema.get("properties", {}), schema.get("additionalProperties", {})
        for name in schema.get("required", []):
            if name not in value:
                yield f"{where}: {name} is missing"
        for name, member in value.items():
            if name in properties:
                yield from self.wrong(member, properties[name], f"{where}.{name}")
            elif more is False:
                yield f"{where}: {name} is not in the document"
            elif more:
                yield from self.wrong(member, more, f"{where}.{name}")


class Document(ApiTest):
    def setUp(self):
        self.document = self.good(self.sidecar.send("GET", "/openapi.json"))
        self.schemas = Schemas(self.document)

    def operations(self):
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield method, path, item[method]

    def test_it_is_whole(self):
        self.assertEqual(self.document["openapi"], "3.1.0")
        text = self.sidecar.send("GET", "/openapi.json").body.decode()
        for kind, parts in self.document["components"].items():
            if kind != "securitySchemes":
                self.assertEqual(set(re.findall(rf'"\$ref": ?"#/components/{kind}/(\w+)"', text)), set(parts))
        for method, path, operation in self.operations():
            self.assertTrue(operation["summary"], (method, path))
            self.assertTrue(operation["operationId"], (method, path))

    def test_it_names_every_route(self):
        served = set()
        for file in glob.glob(os.path.join(SOURCES, "sidecar", "*", "*.cpp")):
            with open(file, encoding="utf-8") as source:
                served |= set(re.findall(r'\{"([A-Z]+)",\s*"(/[^"]*)",\s*(?:\w+::)*Access::(\w+)', source.read()))
        self.assertGreater(len(served), 30)
        allowed = self.sidecar.send("OPTIONS", "/api/admin/jobs").header("Access-Control-Allow-Methods")
        self.assertEqual({method for method, _, _ in served} | {"OPTIONS"}, set(allowed.split(", ")))
        # But for the page, which is no part of the API.
        said = {(method.upper(), path, operation.get("x-right", "open")) for method, path, operation in self.operations()}
        self.assertEqual(served - {("GET", "/", "open")}, said)

    def test_answers_are_as_it_says(self):
        self.server.psql("CREATE OR REPLACE FUNCTION public.noop() RETURNS void LANGUAGE sql AS 'SELECT'")
        self.server.psql("SELECT ayb_jobs.register_handler('noop', 'public.noop', timeout => '1.5 s', backoff => '{1s,2s}')")
        self.server.psql("CREATE TABLE IF NOT EXISTS public.plain (a int NOT NULL, b text);"
                         " GRANT SELECT ON public.plain TO sidecar")
        job = self.good(self.ask("POST", "/jobs", {"type": "noop"}), 201)
        schedule = self.good(self.ask("POST", "/schedules", {"name": "o", "jobType": "noop", "cronExpr": "* * * * *"}), 201)
        self.server.psql("DROP MATERIALIZED VIEW IF EXISTS shown; CREATE MATERIALIZED VIEW shown AS SELECT 1 AS a;"
                         " ALTER MATERIALIZED VIEW shown OWNER TO sidecar; GRANT CREATE ON SCHEMA public TO sidecar;")
        self.server.psql("DELETE FROM ayb_jobs.matview_refreshes")
        view = self.good(self.ask("POST", "/matviews", {"viewName": "shown"}), 201)
        bodies = {"/matviews": {"viewName": "none"}, "/matviews/{id}": {"refreshMode": "standard"}, "/jobs": {"type": "x"},
                  "/schedules": {"name": "p", "jobType": "x", "cronExpr": "* * * * *"},
                  "/schedules/preview": {"cronExpr": "* * * * *"}, "/jobs/cancel": {"type": "x"},
                  "/jobs/retry": {"type": "x"}, "/jobs/run": {"type": "x"}, "/jobs/delete": {"type": "x"},
                  "/jobs/{id}": {"delay": "1 h"},
                  "/auth": {"password": "x"}, "/tokens": {"name": "x", "right": "read"}}
        checked = 0
        for method, path, operation in self.operations():
            if path.endswith("/events"):
                continue
            of = job if "/jobs/" in path else view if "/matviews/" in path else schedule
            real = path.replace("{id}", of["id"]).replace("{type}", "noop")
            if not real.startswith("/api"):
                answer = self.sidecar.send(method.upper(), real)
            else:
                answer = self.ask(method.upper(), real, bodies.get(path.removeprefix("/api/admin"), {}))
            self.assertIn(str(answer.status), operation["responses"], (method, path, answer.body))
            content = self.schemas.resolve(operation["responses"][str(answer.status)]).get("content")
            if content and "application/json" in content:
                wrong = list(self.schemas.wrong(answer.json, content["application/json"]["schema"]))
                self.assertEqual(wrong, [], (method, path))
                checked += 1
        self.assertGreater(checked, 25)

    def test_the_check_finds_what_is_wrong(self):
        job = self.good(self.ask("POST", "/jobs", {"type": "x"}), 201)
        schema = {"$ref": "#/components/schemas/Job"}
        self.assertEqual(list(self.schemas.wrong(job, schema)), [])
        for change in ({"attempts": "1"}, {"state": "odd"}, {"other": 1}, {"attempts": True}):
            self.assertEqual(len(list(self.schemas.wrong({**job, **change}, schema))), 1, change)
        del job["id"]
        self.assertEqual(len(list(self.schemas.wrong(job, schema))), 1)
