import assert from "node:assert/strict";
import { test } from "node:test";
import type { BriefJob, Counts } from "../src/lib/api";
import { asCsv, csvField } from "../src/lib/download";
import type { JobQuery } from "../src/lib/job-filter";
import { concerned, concerns, everyPhase, heldBy, VERBS, type Verb } from "../src/lib/verbs";

const query = (state: JobQuery["state"], phase: JobQuery["phase"] = ""): JobQuery => ({
    state,
    phase,
    type: "",
    q: "",
    time: "",
    since: "",
    until: "",
});
const verb = (name: Verb["name"]) => VERBS.find(one => one.name === name) as Verb;
const counts: Counts = { queued: 5, running: 1, completed: 9, failed: 3, canceled: 2, atLeast: ["completed"] };

test("of all that match a verb takes those of one phase, or of its own state", () => {
    const table: [Verb["name"], JobQuery, string | undefined][] = [
        ["Retry", query(""), "failed"],
        ["Retry", query("failed"), "failed"],
        ["Retry", query("queued"), undefined],
        ["Retry", query("completed"), undefined],
        ["Cancel", query(""), "queued"],
        ["Cancel", query("queued"), "queued"],
        ["Cancel", query("queued", "retrying"), "retrying"],
        ["Cancel", query("failed"), undefined],
        ["Run now", query(""), undefined],
        ["Run now", query("queued"), undefined],
        ["Run now", query("queued", "scheduled"), "scheduled"],
        ["Run now", query("queued", "due"), undefined],
        ["Run now", query("canceled"), "canceled"],
        ["Delete", query(""), undefined],
        ["Delete", query("queued"), undefined],
        ["Delete", query("queued", "waiting"), "waiting"],
        ["Delete", query("running"), undefined],
        ["Delete", query("completed"), "completed"],
    ];
    for (const [name, where, phase] of table)
        assert.equal(everyPhase(verb(name), where), phase, `${name} ${where.state}`);
});

test("how many that are", () => {
    assert.deepEqual(concerned(verb("Delete"), query("completed"), counts), { number: 9, more: true });
    assert.deepEqual(concerned(verb("Cancel"), query("queued", "due"), counts), { number: 5, more: false });
    assert.deepEqual(concerned(verb("Delete"), query(""), counts), { number: 0, more: false });
    assert.deepEqual(concerned(verb("Retry"), query(""), undefined), { number: 0, more: true });
});

test("one that runs is left alone by each of them", () => {
    assert.deepEqual(
        VERBS.filter(one => concerns(one, { phase: "running" })),
        [],
    );
    assert.equal(heldBy([]), "");
    assert.match(heldBy(["schedule a", "schedule a"]), /by schedule a$/);
});

test("a field of CSV", () => {
    assert.equal(csvField(undefined), "");
    assert.equal(csvField('a "b",\n'), '"a ""b"",\n"');
    assert.equal(csvField("=1+1"), "'=1+1");
    assert.equal(csvField(-4), "-4");
    const job = { id: "1", type: "@x", state: "queued", phase: "due" } as unknown as BriefJob;
    assert.match(asCsv([job]), /^id,type,state,.*\r\n1,'@x,queued,due,.*\r\n$/);
});
