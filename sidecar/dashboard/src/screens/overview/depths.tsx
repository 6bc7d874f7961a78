// How deep the queue was, and for how long the oldest due job had waited: as the engine looked, once a minute.
import { useMemo } from "preact/hooks";
import { api, type Depth } from "../../lib/api";
import { SHORTEST } from "../../lib/axis";
import { compact } from "../../lib/format";
import { useQuery } from "../../lib/query";
import { navigate } from "../../lib/router";
import { beginOf, isoOf, stepsOf, WINDOWS, type WindowName } from "../../lib/series";
import { duration } from "../../lib/time";
import { Chart, type ChartLine } from "../../ui/chart";
import { Panel } from "../../ui/parts";
import { Failed } from "../../ui/states";

const AGAIN_MS = 15_000; // a new look comes once a minute

const COUNTS = [
    { of: "running", label: "running", color: "--chart-b" },
    { of: "queued", label: "queued", color: "--chart-a" },
] as const;

/** Where nothing was queued, or nobody looked, there is no bar; nor is the last one before its first look. */
function drawn(items: readonly Depth[], times: readonly number[]): { counts: ChartLine[]; oldest: ChartLine[] } {
    const known = new Map(items.map(depth => [Date.parse(depth.bucket) / 1000, depth]));
    const ages = times.map(time => known.get(time)?.oldestDueAgeSec);
    return {
        counts: COUNTS.map(({ of, label, color }) => ({
            label,
            color,
            values: times.map(time => known.get(time)?.[of] ?? (time === times.at(-1) ? null : 0)),
        })),
        oldest: [
            {
                label: "oldest due",
                color: "--chart-c",
                values: ages.map(age => (age === undefined ? null : Math.max(age * 1000, SHORTEST))),
            },
        ],
    };
}

export function Depths({ name }: { name: WindowName }) {
    const window = WINDOWS[name];
    const step = window.step;
    const query = useQuery(
        `depths ${name}`,
        async signal => {
            const now = Date.now() / 1000;
            const { items } = await api.depths(isoOf(beginOf(window, now)), `${step} seconds`, signal);
            return { items, now };
        },
        { every: AGAIN_MS },
    );
    const { times, counts, oldest } = useMemo(() => {
        const { items, now } = query.data ?? { items: [], now: Date.now() / 1000 };
        const steps = stepsOf(window, now);
        return { times: steps, ...drawn(items, steps) };
    }, [query.data, name]);
    if (!query.data && query.error) return <Failed query={query} />;
    return (
        <>
            <Panel title="Depth" note={`of the queue, looked at once a minute${step > 60 ? ": the most" : ""}`}>
                <Chart
                    title="Depth of the queue"
                    kind="bars"
                    times={times}
                    lines={counts}
                    format={compact}
                    onPick={time =>
                        navigate("/jobs", {
                            state: "queued",
                            time: "custom",
                            until: isoOf(time - (time % step) + step),
                        })
                    }
                    empty="Nothing was queued at any look"
                />
            </Panel>
            <Panel title="Oldest due" note="for how long it had waited">
                <Chart
                    title="Age of the oldest due job"
                    kind="lines"
                    times={times}
                    lines={oldest}
                    format={duration}
                    empty="None was due at any look"
                />
            </Panel>
        </>
    );
}
