// The small ones of lib/.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, SeriesPoint } from "../src/lib/api";
import { asCurl, asSql } from "../src/lib/copies";
import { bytes, compact, plural, rate } from "../src/lib/format";
import { readJobQuery, toFilter } from "../src/lib/job-filter";
import { Exact, type Json, parseJson, printJson } from "../src/lib/json";
import { byTime, rates, Samples } from "../src/lib/series";
import { EventStream, type StreamEvent } from "../src/lib/sse";

test("numbers as a person reads them", () => {
    assert.deepEqual([0, 0.04, 0.4, 12.4, 1234, 12_345].map(rate), ["0", "0.04", "0.4", "12", "1,234", "12.3K"]);
    assert.deepEqual([999, 1024, 1_500_000].map(bytes), ["999 B", "1.0 kB", "1.4 MB"]);
    assert.deepEqual([9999, 10_000].map(compact), ["9,999", "10K"]);
    assert.deepEqual([plural(1, "job"), plural(1000, "job")], ["1 job", "1,000 jobs"]);
});

test("JSON is printed with every digit", () => {
    assert.equal(
        printJson({ big: new Exact("12345678901234567890"), plain: 1 }, 0),
        '{"big":12345678901234567890,"plain":1}',
    );
});

// From Node 21 on, as in every browser that the page is made for.
const showsSource = "rawJSON" in JSON;
test("JSON keeps every digit", { skip: !showsSource && "this Node shows no reviver the text of a number" }, () => {
    const value = parseJson<{ [key: string]: Json }>('{"big":12345678901234567890,"small":1.10,"plain":1}');
    assert.ok(value.big instanceof Exact);
    assert.equal(value.plain, 1);
    assert.equal(printJson(parseJson<Json>("1e400"), 0), "1e400");
});

test("events come in whatever pieces the network makes of them", () => {
    const seen: StreamEvent[] = [];
    const stream = new EventStream(event => seen.push(event));
    const text = ': hello\r\nid: 7\r\nevent: job\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata: x\n\n';
    for (const letter of text) stream.feed(letter);
    assert.deepEqual(seen, [
        { id: "7", name: "job", data: '{"a":\n1}' },
        { id: "7", name: "message", data: "x" },
    ]);
});

const point = (minute: number, completed: number): SeriesPoint => ({
    bucket: new Date(minute * 60_000).toISOString(),
    completed,
    failed: 0,
    retried: 0,
    lost: 0,
    canceled: 0,
    snoozed: 0,
});

test("the step that is not over yet is no lull", () => {
    const { completed } = rates(byTime([point(10, 60), point(11, 30)]), [600, 660], 60, 690);
    assert.deepEqual(completed, [1, 1]);
});

test("between two looks one knows better than by the minute", () => {
    const samples = new Samples(300);
    samples.look(byTime([point(10, 100)]), 610);
    samples.look(byTime([point(10, 150)]), 620);
    assert.equal(samples.rate("completed", 610, 620), 5);
    assert.equal(samples.rate("completed", 580, 620), undefined);
});

test("a filter in the address, and nonsense in it", () => {
    const query = readJobQuery(
        new URLSearchParams("state=queued&type=a&time=custom&since=2026-01-02T03:04Z&until=never"),
    );
    assert.deepEqual(query, {
        state: "queued",
        phase: "",
        type: "a",
        q: "",
        time: "custom",
        since: "2026-01-02T03:04:00.000Z",
        until: "",
    });
    assert.equal(readJobQuery(new URLSearchParams("state=what&time=ever")).state, "");
    const { since = "" } = toFilter(readJobQuery(new URLSearchParams("time=1h")));
    assert.ok(Math.abs(Date.now() - 3_600_000 - Date.parse(since)) < 60_000);
});

test("a job as SQL and as curl, whatever is in it", () => {
    const job = { type: "it's", payload: { path: "a\\b" }, maxAttempts: 2, runAs: "me" } as unknown as Job;
    assert.equal(
        asSql(job),
        `SELECT ayb_jobs.enqueue(\n    type => 'it''s',\n    payload => E'{"path":"a\\\\\\\\b"}',\n    max_attempts => 2,\n    run_as => 'me');\n`,
    );
    assert.match(asCurl(job, "http://host/below/#/jobs"), /'http:\/\/host\/below\/api\/admin\/jobs'.*it'\\''s/s);
});
