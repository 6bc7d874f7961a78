import assert from "node:assert/strict";
import { test } from "node:test";
import { errorsOf } from "../src/lib/form";
import { ApiError } from "../src/lib/http";
import { bodyOf, check, start } from "../src/lib/schedule-form";

const filled = { ...start(undefined), name: " nightly ", jobType: "clean", cronExpr: "0 3 * * *" };

test("an empty form says what is missing, and a filled one nothing", () => {
    const wrong = check({ ...start(undefined), payload: "{", maxAttempts: "0" });
    const names = Object.entries(wrong).filter(([, text]) => text);
    assert.deepEqual(names.map(([name]) => name).sort(), ["cronExpr", "jobType", "maxAttempts", "name", "payload"]);
    assert.ok(!Object.values(check(filled)).some(Boolean));
});

test("a payload goes as it was typed, with every digit", () => {
    const body = bodyOf({ ...filled, payload: '{"n": 12345678901234567890.10}' }, true);
    assert.ok(body.includes('"payload":{"n": 12345678901234567890.10}'), body);
    const { payload: _, ...rest } = JSON.parse(body);
    assert.deepEqual(rest, {
        name: "nightly",
        jobType: "clean",
        cronExpr: "0 3 * * *",
        timezone: "UTC",
        overlap: "skip",
        missed: "once",
        enabled: true,
    });
});

test("a change sends what may change, and attempts where there are any", () => {
    const sent = JSON.parse(bodyOf({ ...filled, maxAttempts: "5" }, false));
    assert.deepEqual(Object.keys(sent).sort(), ["cronExpr", "maxAttempts", "missed", "overlap", "payload", "timezone"]);
    assert.equal(sent.maxAttempts, 5);
});

test("what the server refuses stands at its field", () => {
    const at = (field: string, details = "") =>
        errorsOf(new ApiError(400, "no", details, "", "", field), Object.keys(filled) as (keyof typeof filled)[]);
    assert.deepEqual(at("cronExpr", "minute 61"), { cronExpr: "no: minute 61" });
    assert.deepEqual(at("name"), { name: "no" });
    assert.deepEqual(at("", "and ink"), { form: "no: and ink" });
});
