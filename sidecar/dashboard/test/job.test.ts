import assert from "node:assert/strict";
import { test } from "node:test";
import type { BriefJob } from "../src/lib/api";
import { dueWord, failedRefresh, failures } from "../src/lib/job";

const AT = "2026-11-29T12:00:00+00:00";
const LATER = "2026-11-29T12:45:00+00:00";
const NOW = Date.parse("2026-11-29T12:00:01Z");

const job = (state: BriefJob["state"], more: Partial<BriefJob> = {}): BriefJob => ({
    id: "1",
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
    ...more,
});

test("what is in 45 min was not due", () => {
    assert.equal(dueWord(job("canceled", { runAt: LATER }), NOW), "Was planned for");
    assert.equal(dueWord(job("canceled"), NOW), "Was due");
    assert.equal(dueWord(job("queued"), NOW), "Due");
    assert.equal(dueWord(job("queued", { runAt: LATER }), NOW), "Runs");
    assert.equal(dueWord(job("completed"), NOW), "Was due");
});

test("a job completes, but its refresh has failed", () => {
    assert.ok(failedRefresh(job("completed", { outcome: "error" })));
    assert.ok(!failedRefresh(job("completed", { outcome: "success" })));
    assert.ok(!failedRefresh(job("completed")));
});

test("how many have failed since one succeeded", () => {
    const bad = job("failed");
    assert.equal(failures([]), 0);
    assert.equal(failures([job("queued"), job("running")]), 0);
    assert.equal(failures([bad, bad, job("completed"), bad]), 2);
    assert.equal(failures([job("running"), job("canceled"), bad]), 1);
    assert.equal(failures([job("completed", { outcome: "error" }), bad]), 2);
    assert.equal(failures([job("completed", { outcome: "skipped" }), bad]), 0);
});
