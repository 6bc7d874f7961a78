import assert from "node:assert/strict";
import { test } from "node:test";
import type { BriefJob, JobEvent, State } from "../src/lib/api";
import { fitting, joined, PAGE, patched } from "../src/lib/job-pages";

const AT = "2026-11-29T12:00:00+00:00";

/** The higher the number, the newer. */
const job = (number: number, state: State = "queued"): BriefJob => ({
    id: String(number).padStart(4, "0"),
    type: "x",
    state,
    phase: state === "queued" ? "due" : state,
    runAt: AT,
    attempts: 0,
    maxAttempts: 3,
    runs: 0,
    createdAt: AT,
    updatedAt: AT,
    runAs: "me",
    enqueuedBy: "me",
});
const jobs = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, at) => job(from - at));
const event = (number: number, newState: State): JobEvent => ({
    seq: 1,
    at: AT,
    jobId: job(number).id,
    type: "x",
    newState,
});
const QUEUED = { state: "queued", phase: "" } as const;
const ALL = { state: "", phase: "" } as const;
const ids = (items: BriefJob[]) => items.map(({ id }) => Number(id));

test("a tab of queued jobs keeps none that has left it, on no page", () => {
    const loaded = patched(jobs(300, 1), [event(150, "running"), event(40, "completed")]);
    const page = { items: jobs(300, 201), count: PAGE, nextCursor: job(201).id };
    const { items } = joined(page, { items: loaded, cursor: "0001" }, QUEUED);
    assert.equal(items.length, 298);
    assert.ok(items.every(({ state }) => state === "queued"));
    assert.equal(joined(page, { items: loaded, cursor: "0001" }, ALL).items.length, 300);
});

test("the first page anew goes before the others, which stay", () => {
    const page = { items: jobs(305, 206), count: PAGE, nextCursor: job(206).id };
    const next = joined(page, { items: jobs(300, 101), cursor: "0101" }, ALL);
    assert.deepEqual(ids(next.items), ids(jobs(305, 101)));
    assert.equal(next.cursor, "0101");
    // With no other page there is nothing to go on from.
    assert.equal(joined(page, { items: jobs(300, 201), cursor: "0201" }, ALL).cursor, job(206).id);
});

test("what has left its tab is gone at once", () => {
    assert.deepEqual(ids(fitting(patched(jobs(3, 1), [event(2, "completed")]), QUEUED)), [3, 1]);
    assert.deepEqual(ids(fitting(patched(jobs(3, 1), [event(2, "completed")]), ALL)), [3, 2, 1]);
});

test("the tab of a phase keeps what is in it", () => {
    const [retried] = patched([job(2, "running")], [event(2, "queued")]);
    const items = [job(3), retried as BriefJob, job(1, "failed")];
    assert.deepEqual(ids(fitting(items, { state: "queued", phase: "retrying" })), [2]);
    assert.deepEqual(ids(fitting(items, { state: "queued", phase: "due" })), [3]);
});

test("an event that is older than the page changes nothing, nor does one after the end", () => {
    const older = { ...event(1, "running"), at: "2026-11-29T11:59:59+00:00" };
    assert.deepEqual(patched([job(1)], [older]), [job(1)]);
    assert.deepEqual(patched([job(1, "completed")], [event(1, "running")]), [job(1, "completed")]);
});

test("a quick job that ends unseen has had its attempt", () => {
    const [ended] = patched([job(1)], [event(1, "completed")]);
    assert.equal(ended?.attempts, 1);
    assert.equal(ended?.runs, 1);
    assert.equal(ended?.completedAt, AT);
});
