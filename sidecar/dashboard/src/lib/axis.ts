// What stands at a chart's vertical axis: where the ticks are, what they say, and where it ends.
import { duration } from "./time";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// Of a logarithmic axis, in ms: powers of ten for as long as clocks count by ten.
const TIMES = [
    ...[0.01, 0.1, 1, 10, 100, SECOND, 10 * SECOND],
    ...[MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 10 * DAY, 100 * DAY, 365 * DAY, 3650 * DAY],
];

/** The shortest time that a logarithmic axis shows, in ms. */
export const SHORTEST = 0.01;

/** The ticks around the values, in ms. */
export function timeRange(min: number | null, max: number | null): [number, number] {
    const least = min ?? 1;
    const most = max ?? least;
    const low = TIMES.findLast(time => time <= least) ?? SHORTEST;
    const high = TIMES.find(time => time >= most && time > low) ?? most;
    return [low, high];
}

/** "100 ms", "10 min". */
export const timeTick = (ms: number): string => duration(ms).replace(".0 ", " ");

/** The ticks from one to the other, so many at most. */
export function timeTicks(min: number, max: number, most: number): number[] {
    const all = TIMES.filter(time => time >= min && time <= max);
    const step = Math.max(1, Math.ceil((all.length - 1) / Math.max(1, most - 1)));
    return all.filter((_, at) => at % step === 0);
}

const UNITS = [
    { from: 1e9, size: 1e9, sign: "G" },
    { from: 1e6, size: 1e6, sign: "M" },
    { from: 10_000, size: 1000, sign: "K" },
    { from: 0, size: 1, sign: "" },
];

/** A number with as many digits as tell it from its neighbours, `step` away. */
export function numberTick(value: number, step: number): string {
    if (value === 0) return "0";
    const { size, sign } = UNITS.find(({ from }) => value >= from) ?? { size: 1, sign: "" };
    let digits = 0;
    // Steps are 1, 2, 2.5 or 5 times a power of ten.
    while (digits < 9 && Math.abs((step / size) * 10 ** digits - Math.round((step / size) * 10 ** digits)) > 1e-6)
        digits++;
    return `${(value / size).toFixed(digits)}${sign}`;
}

const ENOUGH = 10; // bars, from which on one can say what is usual
const SPIKE = 4; // times the usual

/** Where an axis from 0 on ends: at the highest value, or, where spikes would flatten all others, at twice the usual. */
export function ceiling(values: readonly number[]): number {
    const some = values.filter(value => value > 0).sort((a, b) => a - b);
    const highest = some.at(-1) ?? 0;
    const usual = some[Math.floor((some.length - 1) * 0.9)] ?? 0;
    return some.length >= ENOUGH && highest > SPIKE * usual ? 2 * usual : highest;
}

/** Of each run of values above `top` the highest, by its index. */
export function peaks(values: readonly number[], top: number): number[] {
    const found: number[] = [];
    let last = -1; // within a run: the highest so far
    for (const [at, value] of [...values, 0].entries()) {
        if (value > top) last = last < 0 || value > (values[last] ?? 0) ? at : last;
        else if (last >= 0) {
            found.push(last);
            last = -1;
        }
    }
    return found;
}
