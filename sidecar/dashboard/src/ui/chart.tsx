// uPlot in the page's colours, with its numbers as text beside: at the cursor, else the newest.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useStore } from "../lib/store";
import { shade } from "../lib/theme";

export interface ChartLine {
    label: string;
    color: string; // the name of a token, such as --chart-a
    values: readonly (number | null)[];
}

interface ChartProps {
    title: string;
    times: readonly number[]; // seconds
    lines: readonly ChartLine[];
    /** Bars stand on each other; lines are over a logarithmic axis. */
    kind: "bars" | "lines";
    format: (value: number) => string;
    height?: number;
    empty: string; // said where there is nothing to draw
}

/** The colour that a token has now: canvas knows no variables. */
function resolve(token: string): string {
    const probe = document.createElement("span");
    probe.style.color = `var(${token})`;
    document.body.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
}

const sum = (column: readonly (number | null | undefined)[]): number =>
    column.reduce<number>((total, value) => total + (value ?? 0), 0);

/** What is painted: of bars the sums up to each, the highest first, so that the lower are painted over it. */
function layers(kind: ChartProps["kind"], times: readonly number[], lines: readonly ChartLine[]): uPlot.AlignedData {
    if (kind === "lines") return [times as number[], ...lines.map(line => line.values as (number | null)[])];
    const stacked = lines.map((_, upTo) =>
        times.map((_time, at) => sum(lines.slice(0, upTo + 1).map(line => line.values[at]))),
    );
    return [times as number[], ...stacked.reverse()];
}

const FLOOR = 0.01; // of a logarithmic axis, in ms

function options(props: ChartProps, width: number, onCursor: (at: number | undefined) => void): uPlot.Options {
    const { kind, lines, format, height = 180 } = props;
    const painted = kind === "bars" ? [...lines].reverse() : lines;
    const faint = resolve("--text-faint");
    const grid = { stroke: resolve("--line"), width: 1 };
    const axis = { stroke: faint, font: `11px ${getComputedStyle(document.body).fontFamily}`, ticks: { show: false } };
    const bars = uPlot.paths.bars?.({ size: [0.78, 48], radius: 0 });
    return {
        width,
        height,
        padding: [8, 20, 0, 0],
        legend: { show: false },
        cursor: {
            sync: { key: "overview" },
            y: false,
            drag: { x: false, y: false },
            points: kind === "bars" ? { show: false } : { size: 6 },
        },
        scales: {
            // Room for half a bar at each end.
            x: {
                range: (_chart, min, max) =>
                    kind === "bars" ? [min - gap(props) / 2, max + gap(props) / 2] : [min, max],
            },
            y:
                kind === "bars"
                    ? { range: (_chart, _min, max) => [0, Math.max(max * 1.08, 0.001)] }
                    : { distr: 3, range: (_chart, min, max) => logRange(min, max) },
        },
        axes: [
            {
                ...axis,
                grid: { show: false },
                space: 60,
                size: 24,
                values: (_chart, splits) => splits.map(dayTime),
            },
            {
                ...axis,
                grid,
                size: 58,
                space: 34,
                ...(kind === "lines" ? { splits: (_chart, _axis, min, max) => powers(min, max) } : {}),
                values: (_chart, splits) => splits.map(format),
            },
        ],
        series: [
            {},
            ...painted.map(({ label, color }): uPlot.Series => {
                const stroke = resolve(color);
                return kind === "bars" && bars
                    ? { label, stroke, fill: stroke, width: 0, paths: bars, points: { show: false } }
                    : { label, stroke, width: 1.6, spanGaps: false, points: { size: 4, fill: stroke } };
            }),
        ],
        hooks: {
            setCursor: [
                chart => {
                    onCursor(chart.cursor.idx ?? undefined);
                },
            ],
        },
    };
}

/** Whole powers of ten around the values. */
function logRange(min: number | null, max: number | null): [number, number] {
    const low = 10 ** Math.floor(Math.log10(Math.max(min ?? 1, FLOOR)));
    const high = 10 ** Math.ceil(Math.log10(Math.max(max ?? 1, FLOOR) * 1.001));
    return [low, Math.max(high, low * 10)];
}

function powers(min: number, max: number): number[] {
    const steps = Math.round(Math.log10(max / min));
    return Array.from({ length: steps + 1 }, (_, at) => min * 10 ** at);
}

const gap = ({ times }: ChartProps): number => (times[1] ?? 1) - (times[0] ?? 0);

const hourFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dayFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** "14:05", and at midnight the day. */
function dayTime(seconds: number): string {
    const date = new Date(seconds * 1000);
    return date.getHours() === 0 && date.getMinutes() === 0 ? dayFormat.format(date) : hourFormat.format(date);
}

function newest(times: readonly number[], lines: readonly ChartLine[]): number | undefined {
    for (let at = times.length - 1; at >= 0; at--) if (lines.some(line => line.values[at] != null)) return at;
    return undefined;
}

export function Chart(props: ChartProps) {
    const { title, times, lines, kind, format, height = 180, empty } = props;
    const box = useRef<HTMLDivElement>(null);
    const chart = useRef<uPlot | undefined>(undefined);
    const [cursor, setCursor] = useState<number>();
    const colors = useStore(shade);
    const shape = lines.map(line => line.label).join();
    const latest = useRef(props);
    latest.current = props;

    useEffect(() => {
        const element = box.current;
        if (!element) return;
        const made = new uPlot(
            options(latest.current, element.clientWidth, setCursor),
            layers(kind, latest.current.times, latest.current.lines),
            element,
        );
        chart.current = made;
        const watcher = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
        watcher.observe(element);
        return () => {
            watcher.disconnect();
            made.destroy();
            chart.current = undefined;
        };
    }, [colors, kind, shape, height]);
    useEffect(() => chart.current?.setData(layers(kind, times, lines)), [times, lines, kind]);

    const last = newest(times, lines);
    const at = cursor ?? last;
    const time = at === undefined ? undefined : times[at];
    const nothing = !lines.some(line => line.values.some(value => (kind === "lines" ? value != null : value)));
    const values = lines.map(line => ({ ...line, value: at === undefined ? null : line.values[at] }));
    return (
        <figure class="chart" aria-label={title}>
            <figcaption class="chart-legend">
                {values.map(({ label, color, value }) => (
                    <span key={label} class="chart-key">
                        <span class="chart-swatch" style={{ background: `var(${color})` }} aria-hidden="true" />
                        {label} <b>{value == null ? "–" : format(value)}</b>
                    </span>
                ))}
                <span class="chart-time">{time !== undefined && cursor !== undefined && clockTime(time)}</span>
            </figcaption>
            <div class="chart-paper" style={{ height: `${height}px` }}>
                <div ref={box} class="chart-canvas" aria-hidden="true" />
                {nothing && <p class="chart-empty">{empty}</p>}
            </div>
        </figure>
    );
}

const clockFormat = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
const clockTime = (seconds: number): string => clockFormat.format(new Date(seconds * 1000));
