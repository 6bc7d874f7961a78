// The numbers of this moment.
import type { ComponentChildren } from "preact";
import { type List, STATES, type State, type Worker } from "../../lib/api";
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

function OldestDue({ age }: { age: number | undefined }) {
    if (age === undefined) return <Tile label="Oldest due job" value="–" note="none is due" />;
    return <Tile label="Oldest due job" value={span(age)} note="overdue" tone={age > OLD_SECONDS ? "late" : ""} />;
}

function Busy({ workers, type }: { workers: List<Worker>; type: string }) {
    const inside = workers.items.filter(worker => !worker.outside);
    const busy = inside.filter(worker => worker.jobId && (!type || worker.type === type)).length;
    return (
        <Tile
            label="Workers busy"
            value={
                <>
                    {busy}
                    <small> of {inside.length}</small>
                </>
            }
            note={inside.length === 0 ? "none runs" : type ? "with this type" : `${inside.length - busy} idle`}
            to={href("/workers")}
        />
    );
}

/** What is known of all types, or of the one that is chosen. */
export interface Numbers extends Record<State, number> {
    atLeast: readonly State[]; // the states of which there may be more
    oldestDue: number | undefined; // seconds
}

interface TilesProps {
    type: string; // "" for all
    numbers: Numbers | undefined;
    workers: List<Worker> | undefined;
    perSecond: number;
}

export function Tiles({ type, numbers, workers, perSecond }: TilesProps) {
    const more = (state: State) => (numbers?.atLeast.includes(state) ? "+" : "");
    return (
        <section class="tiles" aria-label="Now">
            <Tile label="Now" value={rate(perSecond)} note="jobs a second" />
            {STATES.map((state: State) => (
                <Tile
                    key={state}
                    label={state}
                    value={numbers ? compact(numbers[state]) + more(state) : "–"}
                    {...(numbers && { title: count(numbers[state]) + more(state) })}
                    tone={`state ${state}`}
                    to={href("/jobs", { state, type })}
                />
            ))}
            {numbers ? <OldestDue age={numbers.oldestDue} /> : <Tile label="Oldest due job" value="–" />}
            {workers ? <Busy workers={workers} type={type} /> : <Tile label="Workers busy" value="–" />}
        </section>
    );
}
