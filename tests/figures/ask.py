"""ask.py PROMETHEUS DASHBOARD NAMES: asks Prometheus each query of the dashboard, its variables filled in as Grafana does, and
for each metric; prints "N passed, N failed"."""

import json
import re
import sys
import urllib.parse
import urllib.request

COUNTED = {"passed": 0, "failed": 0}


def ask(prometheus, path, **parameters):
    with urllib.request.urlopen(f"{prometheus}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}") as answer:
        return json.load(answer)["data"]


def samples(prometheus, expr):
    """How many samples answer it that are numbers."""
    return sum(each["value"][1] != "NaN" for each in ask(prometheus, "query", query=expr)["result"])


def check(what, good):
    COUNTED["passed" if good else "failed"] += 1
    print(f"{'ok' if good else 'not ok'}: {what}")


def values_of(prometheus, query, filled):
    """What label_values(series, label) gives."""
    series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
    return ask(prometheus, f"label/{label}/values", **{"match[]": fill(series, filled)})


def fill(expr, filled):
    for name, value in filled.items():
        expr = expr.replace(f"${name}", value)
    if "$" in expr:
        raise SystemExit(f"a variable that isn't known: {expr}")
    return expr


def variables(prometheus, dashboard):
    """Two ways to fill them in: all, and each value by its name."""
    everything, named = {"__rate_interval": "30s"}, {"__rate_interval": "30s"}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        values = values_of(prometheus, variable["query"], named)
        check(f"the variable {variable['name']} has values: {' '.join(values)}", values)
        everything[variable["name"]] = variable["allValue"]
        named[variable["name"]] = "(" + "|".join(re.escape(value) for value in values) + ")"
    return everything, {name: value.replace("\\", "\\\\") for name, value in named.items()}


def panels(dashboard):
    for panel in dashboard["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets", []))


def main(prometheus, dashboard_file, names_file):
    with open(dashboard_file, encoding="utf-8") as file:
        dashboard = json.load(file)
    for filled in variables(prometheus, dashboard):
        for title, expr in panels(dashboard):
            check(f"{title}: {fill(expr, filled)}", samples(prometheus, fill(expr, filled)))
    with open(names_file, encoding="utf-8") as file:
        metrics = re.findall(r'\{"(ayb_jobs_\w+)", Kind::(\w+)', file.read())
    for metric, kind in metrics:
        series = metric + ("_count" if kind == "histogram" else "")
        check(f"{metric} has samples", samples(prometheus, series))
        if kind != "gauge":
            check(f"{series} never fell", samples(prometheus, f"resets({series}[1h]) == 0")
                  and not samples(prometheus, f"resets({series}[1h]) > 0"))
    rules = [rule for group in ask(prometheus, "rules")["groups"] for rule in group["rules"]]
    check(f"Prometheus has read the {len(rules)} alerts", rules and all(rule["health"] == "ok" for rule in rules))
    print(f"{COUNTED['passed']} passed, {COUNTED['failed']} failed")
    return COUNTED["failed"] == 0


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:]) else 1)
