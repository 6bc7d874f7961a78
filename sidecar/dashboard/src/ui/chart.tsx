// uPlot in the page's colours, with its numbers as text beside: at the cursor, else the newest.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { ceiling, numberTick, peaks, timeRange, timeTick, timeTicks } from "../lib/axis";
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
    /** Bars are numbers that stand on each other; lines are times in ms, over a logarithmic axis. */
    kind: "bars" | "lines";
    format: (value: number) => string; // in the text beside; an axis has its own
    height?: number;
    empty: string; // said where there is nothing to draw
    /** What a click at an instant (seconds) leads to. */
    onPick?: (time: number) => void;
}

const HEIGHT_PX = 180;

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

/** The height of each bar as a whole: the last of what is painted over one another is its first. */
const wholes = ([, highest = []]: uPlot.AlignedData): number[] => [...highest].map(value => value ?? 0);

const AXIS_PX = 24; // of times, below
const TEXT_PX = 26; // from one text of the vertical axis to the next, at least
const FONT_PX = 11;

/** As wide as its longest text. */
const widthOf: uPlot.Axis.Size = (chart, values, axis, cycle) => {
    const { font, _size } = chart.axes[axis] as uPlot.Axis & { font?: [string]; _size?: number };
    if (cycle > 1 && _size !== undefined) return _size;
    if (font) chart.ctx.font = font[0];
    const widths = (values ?? []).map(text => chart.ctx.measureText(text).width / devicePixelRatio);
    return Math.ceil(Math.max(42, ...widths) + 16);
};

/** How the vertical axis of a kind of chart is made. */
function vertical(kind: ChartProps["kind"], height: number): { scale: uPlot.Scale; axis: uPlot.Axis } {
    if (kind === "bars")
        return {
            scale: { range: chart => [0, (ceiling(wholes(chart.data)) || 1) * 1.08] },
            axis: { values: (_chart, splits, _axis, _space, step) => splits.map(value => numberTick(value, step)) },
        };
    const most = Math.floor((height - AXIS_PX) / TEXT_PX);
    return {
        scale: { distr: 3, range: (_chart, min, max) => timeRange(min, max) },
        axis: {
            splits: (_chart, _axis, min, max) => timeTicks(min, max, most),
            filter: (_chart, splits) => splits, // uPlot's own knows powers of ten alone, and leaves holes
            values: (_chart, splits) => splits.map(timeTick),
        },
    };
}

/** Bars that go on above the chart say how far. */
function paintPeaks(chart: uPlot, format: (value: number) => string, color: string): void {
    const { ctx, bbox } = chart;
    const bars = wholes(chart.data);
    const top = chart.scales.y?.max ?? 0;
    ctx.save();
    ctx.fillStyle = color;
    ctx.font = `600 ${FONT_PX * devicePixelRatio}px ${getComputedStyle(document.body).fontFamily}`;
    ctx.textBaseline = "top";
    for (const at of peaks(bars, top)) {
        const text = `▲ ${format(bars[at] ?? 0)}`;
        const half = ctx.measureText(text).width / 2;
        const middle = chart.valToPos(chart.data[0][at] ?? 0, "x", true);
        const within = Math.min(Math.max(middle, bbox.left + half), bbox.left + bbox.width - half);
        ctx.textAlign = "center";
        ctx.fillText(text, within, 0);
    }
    ctx.restore();
}

function options(
    props: ChartProps,
    width: number,
    onCursor: (at: number | undefined) => void,
    onPick: ((time: number) => void) | undefined,
): uPlot.Options {
    const { kind, lines, format, height = HEIGHT_PX } = props;
    const { scale, axis: texts } = vertical(kind, height);
    const painted = kind === "bars" ? [...lines].reverse() : lines;
    const faint = resolve("--text-faint");
    const grid = { stroke: resolve("--line"), width: 1 };
    const axis = {
        stroke: faint,
        font: `${FONT_PX}px ${getComputedStyle(document.body).fontFamily}`,
        ticks: { show: false },
    };
    const bars = uPlot.paths.bars?.({ size: [0.78, 48], radius: 0 });
    return {
        width,
        height,
        padding: [kind === "bars" ? 14 : 8, 20, 0, 0],
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
            y: scale,
        },
        axes: [
            {
                ...axis,
                grid: { show: false },
                space: 60,
                size: AXIS_PX,
                values: (_chart, splits) => splits.map(dayTime),
            },
            { ...axis, grid, size: widthOf, space: 34, ...texts },
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
            ready: [
                chart => {
                    if (!onPick) return;
                    chart.over.style.cursor = "pointer";
                    chart.over.addEventListener("click", () => {
                        const time = chart.data[0][chart.cursor.idx ?? -1];
                        if (time !== undefined) onPick(time);
                    });
                },
            ],
            draw: kind === "bars" ? [chart => paintPeaks(chart, format, resolve("--text"))] : [],
            setCursor: [
                chart => {
                    onCursor(chart.cursor.idx ?? undefined);
                },
            ],
        },
    };
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
    const { title, times, lines, kind, format, height = HEIGHT_PX, empty } = props;
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
            options(
                latest.current,
                element.clientWidth,
                setCursor,
                latest.current.onPick && (time => latest.current.onPick?.(time)),
            ),
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
