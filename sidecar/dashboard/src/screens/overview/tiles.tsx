// The numbers of this moment.
import type { ComponentChildren } from "preact";
import { type List, STATES, type State, type Stats, type Worker } from "../../lib/api";
import { compact, count, rate } from "../../lib/format";
import { href } from "../../lib/router";
import { span } from "../../lib/time";

interface TileProps {
    label: string;
    value: ComponentChildren;
    note?: ComponentChildren;
    tone?: string;
    to?: string;
    title?: string;
}

function Tile({ label, value, note, tone = "", to, title }: TileProps) {
    const inside = (
        <>
            <span class="tile-label">{label}</span>
            <span class="tile-value">{value}</span>
            {note && <span class="tile-note">{note}</span>}
        </>
    );
    return to ? (
        <a class={`tile ${tone}`} href={to} title={title}>
            {inside}
        </a>
    ) : (
        <div class={`tile ${tone}`} title={title}>
            {inside}
        </div>
    );
}

const OLD_SECONDS = 60; // from which on health() warns, too

function OldestDue({ stats }: { stats: Stats }) {
    const age = stats.oldestQueuedAgeSec;
    if (age === undefined) return <Tile label="Oldest due job" value="–" note="none is due" />;
    return <Tile label="Oldest due job" value={span(age)} note="overdue" tone={age > OLD_SECONDS ? "late" : ""} />;
}

function Busy({ workers }: { workers: List<Worker> }) {
    const busy = workers.items.filter(worker => worker.jobId).length;
    return (
        <Tile
            label="Workers busy"
            value={
                <>
                    {busy}
                    <small> of {workers.count}</small>
                </>
            }
            note={workers.count === 0 ? "none runs" : `${workers.count - busy} idle`}
            to={href("/workers")}
        />
    );
}

interface TilesProps {
    stats: Stats | undefined;
    workers: List<Worker> | undefined;
    perSecond: number;
}

export function Tiles({ stats, workers, perSecond }: TilesProps) {
    return (
        <section class="tiles" aria-label="Now">
            <Tile label="Now" value={rate(perSecond)} note="jobs a second" />
            {STATES.map((state: State) => (
                <Tile
                    key={state}
                    label={state}
                    value={stats ? compact(stats[state]) : "–"}
                    {...(stats ? { title: count(stats[state]) } : {})}
                    tone={`state ${state}`}
                    to={href("/jobs", { state })}
                />
            ))}
            {stats ? <OldestDue stats={stats} /> : <Tile label="Oldest due job" value="–" />}
            {workers ? <Busy workers={workers} /> : <Tile label="Workers busy" value="–" />}
        </section>
    );
}
