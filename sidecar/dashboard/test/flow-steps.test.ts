import assert from "node:assert/strict";
import { test } from "node:test";
import type { Step } from "../src/lib/api";
import { shapeOf, stateOf, stateWords } from "../src/lib/flow-steps";

const step = (name: string, dependsOn: string[] = [], more: Partial<Step> = {}): Step => ({
    name,
    jobId: `id of ${name}`,
    type: "x",
    state: "queued",
    phase: "waiting",
    dependsOn,
    ...more,
});

const linesOf = (steps: Step[]) => shapeOf(steps)?.lines.map(({ from, to }) => `${from.slice(6)} > ${to.slice(6)}`);

test("each line goes from what is waited for to what waits", () => {
    assert.deepEqual(linesOf([step("c", ["a", "b"]), step("a"), step("b", ["a"])]), ["a > c", "b > c", "a > b"]);
});

test("what waits for all waits for those that nobody else waits for", () => {
    assert.deepEqual(linesOf([step("end", ["*"]), step("a"), step("b", ["a"]), step("c")]), [
        "a > b",
        "b > end",
        "c > end",
    ]);
    assert.deepEqual(linesOf([step("end", ["*"]), step("too", ["*"]), step("a")]), ["a > end", "a > too"]);
});

test("a step that was added later has no name, and one that is waited for may be gone", () => {
    const later: Step = { jobId: "id of later", state: "running", type: "x" };
    assert.deepEqual(linesOf([step("a", ["nobody"]), later]), []);
    assert.equal(shapeOf([step("alone")]), undefined);
});

test("of many, those that are alike are one box; of too many there is no picture", () => {
    const parts = Array.from({ length: 50 }, (_, n) =>
        step(`part ${n}`, ["split"], n < 45 ? { state: "completed" } : n < 48 ? { state: "failed" } : {}),
    );
    const merge = step(
        "merge",
        parts.map(({ name = "" }) => name),
    );
    const shape = shapeOf([step("split"), ...parts, merge]);
    assert.deepEqual(
        shape?.nodes.map(({ steps }) => steps.length),
        [1, 50, 1],
    );
    assert.equal(shape?.lines.length, 2);
    const [, together] = shape?.nodes ?? [];
    assert.ok(together);
    assert.equal(stateOf(together), "failed");
    assert.equal(stateWords(together), "3 failed, 2 queued, 45 completed");
    const chain = Array.from({ length: 151 }, (_, n) => step(`${n}`, n > 0 ? [`${n - 1}`] : []));
    assert.equal(shapeOf(chain), undefined);
    assert.equal(shapeOf(chain.slice(1))?.nodes.length, 150);
});

test("a box says what its step waits for", () => {
    const [one] = shapeOf([step("a"), step("b")])?.nodes ?? [];
    assert.ok(one);
    assert.equal(stateWords(one), "waiting");
});
