import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, exact, instantOf, relative, span } from "../src/lib/time";

const NOW = Date.parse("2026-11-29T12:00:00Z");

test("relative times", () => {
    assert.equal(relative("2026-11-29T11:56:00+00:00", NOW), "4 min ago");
    assert.equal(relative("2026-11-29T13:00:00+01:00", NOW), "now");
    assert.equal(relative("2026-11-29T14:00:00+00:00", NOW), "in 2 h");
});

test("every instant of PostgreSQL is one, or its own text, never NaN", () => {
    assert.equal(relative("20026-11-29T12:00:00+00:00", NOW), "in 18011 y");
    assert.equal(relative("294276-12-31T23:59:59+00:00", NOW), "294276-12-31T23:59:59+00:00");
    assert.equal(relative("infinity", NOW), "infinity");
    assert.equal(relative("0044-03-15T12:00:00+00:00 BC", NOW), "0044-03-15T12:00:00+00:00 BC");
    assert.equal(instantOf("10000-01-01T00:00:00Z"), Date.UTC(10000, 0, 1));
    assert.match(exact("20026-11-29T12:00:00+00:00"), /20026/);
    assert.equal(exact("infinity"), "infinity");
    assert.equal(span(Number.NaN), "–");
});

test("durations, and none that rounding makes sixty of a unit, or a thousand", () => {
    const said: [number, string][] = [
        [0, "0 µs"],
        [0.84, "840 µs"],
        [0.9999, "1.0 ms"],
        [9.96, "10 ms"],
        [999.7, "1.0 s"],
        [9960, "10 s"],
        [59_700, "1 min"],
        [125_000, "2 min 5 s"],
        [1_000_000, "16 min 40 s"],
        [19_200_000, "5 h 20 min"],
    ];
    for (const [ms, text] of said) assert.equal(duration(ms), text);
});
