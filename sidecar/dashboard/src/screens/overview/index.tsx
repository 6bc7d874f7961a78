// What is going on, and what needs a hand first.
import type { ComponentChildren } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { api, type Counts, type SeriesPoint, type Stats, type Waiting } from "../../lib/api";
import { SHORTEST } from "../../lib/axis";
import { rate } from "../../lib/format";
import { useQuery } from "../../lib/query";
import { navigate, setQuery, useLocation } from "../../lib/router";
import {
    beginOf,
    byTime,
    isoOf,
    OUTCOMES,
    type Outcome,
    rates,
    Samples,
    stepsOf,
    WINDOWS,
    type WindowName,
} from "../../lib/series";
import { duration, useNow, viewerZone } from "../../lib/time";
import { Chart, type ChartLine } from "../../ui/chart";
import { Choice, Select } from "../../ui/field";
import { PageHead, Panel } from "../../ui/parts";
import { Failed, Show } from "../../ui/states";
import { Databases } from "./databases";
import { Depths } from "./depths";
import { Fine, Warnings } from "./health";
import { type Numbers, Tiles } from "./tiles";
import { QueuedTypes, Types } from "./types";

const FINE_CELLS = 60;
const NOW_SECONDS = 6;
const WINDOW_OPTIONS = Object.entries(WINDOWS).map(([value, { label }]) => ({ value: value as WindowName, label }));

function useWindow(): [WindowName, string] {
    const { query } = useLocation();
    const name = query.get("window") ?? "";
    return [name in WINDOWS ? (name as WindowName) : "1h", query.get("type") ?? ""];
}

/** All types together (or the one), with finer samples for as long as the page is open. */
function useTotals(name: WindowName, type: string) {
    const window = WINDOWS[name];
    const samples = useRef<{ key: string; samples: Samples } | undefined>(undefined);
    const key = `${name} ${type}`;
    if (samples.current?.key !== key) samples.current = { key, samples: new Samples(window.seconds) };
    const mine = samples.current.samples;
    const query = useQuery(
        `series ${key}`,
        async signal => {
            const asked = Date.now() / 1000;
            const since = isoOf(beginOf(window, asked));
            const { items } = await api.series(since, `${window.step} seconds`, { type, total: true }, signal);
            const now = Date.now() / 1000;
            if (window.step === 60) mine.look(byTime(items), now);
            return { items, now };
        },
        { live: true, every: window.every, throttle: window.every },
    );
    return { query, samples: mine };
}

/** Five seconds or so a cell: what was seen while the page was open, else the average of the minute. */
function fineRates(items: SeriesPoint[], seconds: number, samples: Samples, now: number) {
    const cell = seconds / FINE_CELLS;
    const begin = Math.floor(now / cell) * cell - seconds + cell;
    const times = Array.from({ length: FINE_CELLS }, (_, at) => begin + at * cell);
    const minutes = [...new Set(times.map(time => Math.floor(time / 60) * 60))];
    const coarse = rates(byTime(items), minutes, 60, now);
    const rateAt = (outcome: Outcome, time: number) =>
        samples.rate(outcome, time, Math.min(time + cell, now)) ??
        coarse[outcome][minutes.indexOf(Math.floor(time / 60) * 60)] ??
        0;
    const values = (outcome: Outcome) => times.map(time => rateAt(outcome, time));
    return { times, values };
}

function throughput(name: WindowName, data: { items: SeriesPoint[]; now: number }, samples: Samples) {
    const window = WINDOWS[name];
    const fine = window.seconds <= 900;
    const times = stepsOf(window, data.now);
    const steps = fine ? undefined : rates(byTime(data.items), times, window.step, data.now);
    const cells = fine ? fineRates(data.items, window.seconds, samples, data.now) : undefined;
    const lines = OUTCOMES.map(
        (outcome): ChartLine => ({
            label: outcome,
            color: `--chart-${outcome}`,
            values: steps?.[outcome] ?? cells?.values(outcome) ?? [],
        }),
    );
    return { times: cells?.times ?? times, lines };
}

const QUANTILES = [
    { of: "P50", label: "p50", color: "--chart-a" },
    { of: "P95", label: "p95", color: "--chart-b" },
    { of: "P99", label: "p99", color: "--chart-c" },
] as const;

function quantiles(items: SeriesPoint[], times: readonly number[], what: "wait" | "run"): ChartLine[] {
    const points = byTime(items);
    return QUANTILES.map(({ of, label, color }) => ({
        label,
        color,
        values: times.map(time => {
            const value = points.get(time)?.[`${what}${of}`];
            return value === undefined ? null : Math.max(value, SHORTEST);
        }),
    }));
}

function perSecond(data: { items: SeriesPoint[]; now: number } | undefined, samples: Samples): number {
    if (!data) return 0;
    const { items, now } = data;
    const minute = byTime(items).get(Math.floor(now / 60) * 60);
    const average = (outcome: Outcome) => (minute?.[outcome] ?? 0) / Math.max(1, now % 60);
    const done = (["completed", "failed"] as const).map(
        outcome => samples.rate(outcome, now - NOW_SECONDS, now) ?? average(outcome),
    );
    return done.reduce((sum, value) => sum + value, 0);
}

/** The filter of the jobs that were created in a step. */
const createdIn = (time: number, step: number, type: string) => {
    const begin = Math.floor(time / step) * step;
    return { time: "custom", since: isoOf(begin), until: isoOf(begin + step), type };
};

interface ChartsProps {
    name: WindowName;
    type: string;
    totals: ReturnType<typeof useTotals>;
    children: ComponentChildren; // beside the first
}

function Charts({ name, type, totals, children }: ChartsProps) {
    const { query, samples } = totals;
    const now = useNow(WINDOWS[name].every);
    const data = query.data ?? { items: [], now: now / 1000 };
    const drawn = useMemo(() => {
        const times = stepsOf(WINDOWS[name], data.now);
        const { items } = data;
        return {
            throughput: throughput(name, data, samples),
            times,
            wait: quantiles(items, times, "wait"),
            run: quantiles(items, times, "run"),
        };
    }, [name, query.data, samples]);
    if (!query.data && query.error)
        return (
            <>
                <Failed query={query} />
                {children}
            </>
        );
    return (
        <>
            <Panel title="Jobs per second" note={`by outcome, in ${viewerZone}`} class="throughput">
                <Chart
                    title="Jobs per second, by outcome"
                    kind="bars"
                    {...drawn.throughput}
                    format={rate}
                    height={256}
                    onPick={time => navigate("/jobs", createdIn(time, WINDOWS[name].step, type))}
                    empty="No job ended in this time"
                />
            </Panel>
            {children}
            <Panel title="Waiting" note="from due to started">
                <Chart
                    title="Time of waiting"
                    kind="lines"
                    times={drawn.times}
                    lines={drawn.wait}
                    format={duration}
                    empty="Nothing waited"
                />
            </Panel>
            <Panel title="Running" note="in the handler">
                <Chart
                    title="Time of running"
                    kind="lines"
                    times={drawn.times}
                    lines={drawn.run}
                    format={duration}
                    empty="Nothing ran"
                />
            </Panel>
        </>
    );
}

function TypeChoice({ type, types }: { type: string; types: string[] }) {
    const all = [...new Set([...types, ...(type ? [type] : [])])].sort();
    const options = [{ value: "", label: "All types" }, ...all.map(value => ({ value, label: value }))];
    return <Select aria-label="Type" value={type} options={options} onChange={value => setQuery({ type: value })} />;
}

const numbersOfAll = (stats: Stats | undefined): Numbers | undefined =>
    stats && { ...stats, atLeast: [], oldestDue: stats.oldestQueuedAgeSec };

const numbersOf = (counts: Counts | undefined, waiting: readonly Waiting[] | undefined): Numbers | undefined =>
    counts && waiting && { ...counts, oldestDue: waiting[0]?.oldestDueAgeSec };

export function Overview() {
    const [name, type] = useWindow();
    const window = WINDOWS[name];
    const totals = useTotals(name, type);
    const often = { live: true, every: 5000, throttle: 1000 };
    const stats = useQuery("stats", api.jobs.stats, often);
    const counts = useQuery(type ? `counts of ${type}` : null, signal => api.jobs.counts({ type }, signal), often);
    const workers = useQuery("workers", api.workers, often);
    const health = useQuery("health", api.health, { every: 10_000, live: true, throttle: 5000 });
    const queue = useQuery("queue", api.queue, { every: 10_000, live: true, throttle: 3000 });
    const byType = useQuery(
        `types ${name}`,
        async signal => {
            const now = Date.now() / 1000;
            const answer = await api.series(isoOf(beginOf(window, now)), `${window.step} seconds`, {}, signal);
            return { items: answer.items, now };
        },
        { live: true, every: Math.max(window.every, 5000), throttle: Math.max(window.every, 5000) },
    );
    const waiting = queue.data?.items.filter(row => !type || row.type === type);
    const names = [
        ...new Set([...(byType.data?.items ?? []), ...(queue.data?.items ?? [])].map(row => row.type ?? "")),
    ];
    return (
        <>
            <PageHead title="Overview" note={health.data && <Fine checks={health.data.items} />}>
                <TypeChoice type={type} types={names.filter(Boolean)} />
                <Choice
                    label="Time"
                    value={name}
                    options={WINDOW_OPTIONS}
                    onChange={value => setQuery({ window: value === "1h" ? null : value })}
                />
            </PageHead>
            {health.data ? <Warnings checks={health.data.items} /> : <Failed query={health} />}
            <Tiles
                type={type}
                numbers={type ? numbersOf(counts.data, waiting) : numbersOfAll(stats.data)}
                workers={workers.data}
                perSecond={perSecond(totals.query.data, totals.samples)}
            />
            <Databases />
            <div class="overview">
                <Charts name={name} type={type} totals={totals}>
                    <Panel title="Queued by type" class="queued">
                        <Show query={queue} rows={6}>
                            {() => <QueuedTypes types={waiting ?? []} queued={type ? undefined : stats.data?.queued} />}
                        </Show>
                    </Panel>
                </Charts>
                {!type && <Depths name={name} />}
                <Panel title="By type" note={`in the last ${window.label}`} flush class="types">
                    <Show query={byType} rows={6}>
                        {({ items, now }) => (
                            <Types
                                points={items.filter(point => !type || point.type === type)}
                                times={stepsOf(window, now)}
                            />
                        )}
                    </Show>
                </Panel>
            </div>
        </>
    );
}
