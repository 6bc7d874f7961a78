import assert from "node:assert/strict";
import { test } from "node:test";
import { ceiling, numberTick, peaks, timeRange, timeTick, timeTicks } from "../src/lib/axis";

/** What a text of duration() says, in ms. */
function read(text: string): number {
    const units: Record<string, number> = {
        µs: 0.001,
        ms: 1,
        s: 1000,
        min: 60_000,
        h: 3_600_000,
        d: 86_400_000,
        y: 365 * 86_400_000,
    };
    return [...text.matchAll(/([\d.]+) (\S+)/g)].reduce(
        (sum, [, n, unit]) => sum + Number(n) * (units[unit ?? ""] ?? NaN),
        0,
    );
}

const DECADES = [1, 2, 3, 4, 5, 6, 7, 8, 9];

for (const decades of DECADES)
    test(`the ticks of times over ${decades} decades say what they are, in few letters`, () => {
        for (let low = 0.01; low * 10 ** decades < 1e11; low *= 10) {
            const [min, max] = timeRange(low * 1.1, low * 10 ** decades);
            assert.ok(min <= low * 1.1 && max >= low * 10 ** decades, `${min} to ${max}`);
            for (const most of [3, 5, 9]) {
                const ticks = timeTicks(min, max, most);
                assert.ok(ticks.length >= 2 && ticks.length <= most, ticks.join());
                const texts = ticks.map(timeTick);
                for (const [at, text] of texts.entries()) {
                    assert.match(text, /^\d+ (µs|ms|s|min|h|d|y)$/);
                    assert.ok(Math.abs(read(text) / (ticks[at] ?? 0) - 1) < 1e-9, `${text} for ${ticks[at]}`);
                }
            }
        }
    });

for (const decades of DECADES)
    test(`the ticks of numbers, ${decades} decades from the smallest, differ`, () => {
        for (const mantissa of [1, 2, 2.5, 5]) {
            const step = mantissa * 10 ** (decades - 5);
            const texts = [0, 1, 2, 3, 4].map(times => numberTick(times * step, step));
            for (const [at, text] of texts.entries()) {
                const number = Number.parseFloat(text) * ({ K: 1e3, M: 1e6, G: 1e9 }[text.at(-1) ?? ""] ?? 1);
                assert.ok(Math.abs(number - at * step) <= step * 1e-6, `${text} for ${at * step}`);
                assert.ok(text.length <= 8, text);
            }
        }
    });

test("one spike doesn't flatten an hour", () => {
    const hour = Array.from({ length: 60 }, (_, at) => 10 + (at % 3));
    assert.equal(ceiling(hour), 12);
    assert.equal(ceiling(hour.with(30, 5000)), 24);
    assert.deepEqual(peaks(hour.with(30, 5000), 24), [30]);
    // Where much is high, that is what is usual.
    assert.equal(ceiling(hour.map((value, at) => (at % 2 ? value : 5000))), 5000);
    // Few bars are no rule to be an exception from.
    assert.equal(ceiling([0, 0, 1, 5000]), 5000);
    assert.equal(ceiling([]), 0);
});

test("a run of cut bars has one peak", () => {
    assert.deepEqual(peaks([1, 9, 7, 1, 8], 5), [1, 4]);
    assert.deepEqual(peaks([1, 2], 5), []);
});
