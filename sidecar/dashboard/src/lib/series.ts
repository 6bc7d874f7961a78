// The engine counts by minute; a chart wants one row an instant, in attempts a second.
import type { SeriesPoint } from "./api";

export const WINDOWS = {
    "5m": { label: "5 min", seconds: 300, step: 60, every: 2000 },
    "15m": { label: "15 min", seconds: 900, step: 60, every: 2000 },
    "1h": { label: "1 h", seconds: 3600, step: 60, every: 3000 },
    "6h": { label: "6 h", seconds: 21_600, step: 300, every: 10_000 },
    "24h": { label: "24 h", seconds: 86_400, step: 900, every: 20_000 },
    "3d": { label: "3 d", seconds: 259_200, step: 3600, every: 60_000 },
    "7d": { label: "7 d", seconds: 604_800, step: 7200, every: 60_000 },
} as const;

export type WindowName = keyof typeof WINDOWS;
export type SeriesWindow = (typeof WINDOWS)[WindowName];

export const OUTCOMES = ["completed", "failed", "retried", "lost", "canceled"] as const;
export type Outcome = (typeof OUTCOMES)[number];
export type Counts = Record<Outcome, number>;

const NONE: Counts = { completed: 0, failed: 0, retried: 0, lost: 0, canceled: 0 };

export const secondsOf = (point: SeriesPoint): number => Date.parse(point.bucket) / 1000;

/** The first instant of a window that ends now: the beginning of a step. */
export function beginOf({ seconds, step }: SeriesWindow, now: number): number {
    return Math.floor(now / step) * step - seconds + step;
}

export const isoOf = (seconds: number): string => new Date(seconds * 1000).toISOString();

/** The steps of a window. */
export function stepsOf(window: SeriesWindow, now: number): number[] {
    const begin = beginOf(window, now);
    return Array.from({ length: window.seconds / window.step }, (_, at) => begin + at * window.step);
}

export function byTime(points: readonly SeriesPoint[]): Map<number, SeriesPoint> {
    return new Map(points.map(point => [secondsOf(point), point]));
}

/** How long of a step has been, so that the last one isn't taken for a lull. */
const elapsed = (begin: number, step: number, now: number): number => Math.max(1, Math.min(step, now - begin));

/** Attempts a second by step. */
export function rates(
    points: Map<number, SeriesPoint>,
    times: readonly number[],
    step: number,
    now: number,
): Record<Outcome, number[]> {
    const rateOf = (outcome: Outcome) =>
        times.map(time => (points.get(time)?.[outcome] ?? 0) / elapsed(time, step, now));
    return Object.fromEntries(OUTCOMES.map(outcome => [outcome, rateOf(outcome)])) as Record<Outcome, number[]>;
}

export function total(points: readonly SeriesPoint[]): Counts {
    const sums = { ...NONE };
    for (const point of points) for (const outcome of OUTCOMES) sums[outcome] += point[outcome];
    return sums;
}

interface Sample {
    from: number;
    to: number;
    counts: Counts;
}

/** What was counted between two looks at the series: finer than its minutes, for as long as the page is open. */
export class Samples {
    private before: { at: number; points: Map<number, SeriesPoint> } | undefined;
    private kept: Sample[] = [];

    constructor(private readonly seconds: number) {}

    look(points: Map<number, SeriesPoint>, now: number): void {
        const { before } = this;
        this.before = { at: now, points };
        // After a gap nobody knows when within it.
        if (!before || now - before.at > 15 || now <= before.at) return;
        const counts = { ...NONE };
        for (const [time, point] of points) {
            const known = before.points.get(time);
            // A minute that left the window before is none that came; one that is new has all of it.
            if (!known && time < before.at - 120) continue;
            for (const outcome of OUTCOMES) counts[outcome] += Math.max(0, point[outcome] - (known?.[outcome] ?? 0));
        }
        this.kept.push({ from: before.at, to: now, counts });
        while (this.kept[0] && this.kept[0].to < now - this.seconds) this.kept.shift();
    }

    /** Attempts a second during [from, to); undefined where not all of it was looked at. */
    rate(outcome: Outcome, from: number, to: number): number | undefined {
        let seen = 0;
        let count = 0;
        for (const sample of this.kept) {
            const overlap = Math.min(to, sample.to) - Math.max(from, sample.from);
            if (overlap <= 0) continue;
            seen += overlap;
            count += (sample.counts[outcome] * overlap) / (sample.to - sample.from);
        }
        return seen >= (to - from) * 0.9 ? count / seen : undefined;
    }
}
