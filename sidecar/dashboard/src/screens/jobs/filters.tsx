// What is shown of the jobs. All of it is in the address, so a link shows the same.
import { useEffect, useRef, useState } from "preact/hooks";
import { api, type Counts, QUEUED_PHASES, STATES, type State, type Stats } from "../../lib/api";
import { count } from "../../lib/format";
import { type JobQuery, WINDOWS } from "../../lib/job-filter";
import { useQuery } from "../../lib/query";
import { href, setQuery } from "../../lib/router";
import { toLocal } from "../../lib/time";
import { Button } from "../../ui/button";
import { Select, TextInput } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { PHASE_TITLES } from "../../ui/parts";

const TYPING_MS = 300;

interface Typed {
    value: string;
    onText: (text: string) => void;
    onKeyDown: (event: KeyboardEvent) => void;
    onBlur: () => void;
}

/** Text that is applied a moment after it was typed where it is `ready`, else when one is done with it. */
function useTyped(value: string, apply: (text: string) => void, ready: (text: string) => boolean = () => true): Typed {
    const [text, setText] = useState(value);
    const done = () => text !== value && apply(text);
    useEffect(() => setText(value), [value]);
    useEffect(() => {
        if (!ready(text)) return;
        const timer = window.setTimeout(done, TYPING_MS);
        return () => window.clearTimeout(timer);
    }, [text]);
    return {
        value: text,
        onText: setText,
        onKeyDown: event => event.key === "Enter" && done(),
        onBlur: done,
    };
}

function number(counts: Counts | undefined, state: State): string {
    if (!counts) return "";
    return count(counts[state]) + (counts.atLeast.includes(state) ? "+" : "");
}

function total(counts: Counts | undefined): string {
    if (!counts) return "";
    return count(STATES.reduce((sum, state) => sum + counts[state], 0)) + (counts.atLeast.length > 0 ? "+" : "");
}

export function StateTabs({ query, counts }: { query: JobQuery; counts: Counts | undefined }) {
    const { state: chosen, phase: _, ...rest } = query;
    const tabs = useRef<HTMLElement>(null);
    // On a phone they go further than the screen.
    useEffect(() => {
        tabs.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    }, [chosen, counts === undefined]);
    const tab = (state: State | "", label: string, text: string) => (
        <a
            key={state}
            class={`tab ${state}`}
            href={href("/jobs", { ...rest, state })}
            aria-current={state === chosen ? "page" : undefined}
        >
            {state && <span class={`tab-dot ${state}`} aria-hidden="true" />}
            {label}
            <span class="tab-count">{text}</span>
        </a>
    );
    return (
        <nav ref={tabs} class="state-tabs" aria-label="State">
            {tab("", "All", total(counts))}
            {STATES.map(state => tab(state, state[0]?.toUpperCase() + state.slice(1), number(counts, state)))}
        </nav>
    );
}

/** What the queued ones wait for; how many, where nothing else is filtered by. */
export function Phases({ query, stats }: { query: JobQuery; stats: Stats | undefined }) {
    if (query.state !== "queued") return null;
    const of = (phase: JobQuery["phase"], text: string, title?: string) => (
        <a
            key={phase}
            href={href("/jobs", { ...query, phase })}
            title={title}
            aria-current={phase === query.phase ? "page" : undefined}
        >
            {text}
            {phase && stats?.[phase] !== undefined && <span class="tab-count">{count(stats[phase])}</span>}
        </a>
    );
    return (
        <nav class="phase-tabs" aria-label="Phase">
            {of("", "All of them")}
            {QUEUED_PHASES.map(phase => of(phase, phase, PHASE_TITLES[phase]))}
        </nav>
    );
}

const fromLocal = (text: string): string => (text ? new Date(text).toISOString() : "");

function Range({ query }: { query: JobQuery }) {
    return (
        <div class="filter-range">
            <TextInput
                type="datetime-local"
                aria-label="Created from"
                value={toLocal(query.since)}
                onText={text => setQuery({ since: fromLocal(text) })}
            />
            <span class="muted">to</span>
            <TextInput
                type="datetime-local"
                aria-label="Created before"
                value={toLocal(query.until)}
                onText={text => setQuery({ until: fromLocal(text) })}
            />
        </div>
    );
}

/** Types there are jobs of, and those that have a handler. */
export function useTypes(): string[] {
    const used = useQuery("types", api.jobs.types);
    const handled = useQuery("handlers", api.handlers);
    const known = new Set([...(used.data?.items ?? []), ...(handled.data?.items.map(({ type }) => type) ?? [])]);
    return [...known].sort();
}

export function Filters({ query }: { query: JobQuery }) {
    const types = useTypes();
    const text = useTyped(query.q, q => setQuery({ q }));
    // The beginning of a type's name is none.
    const type = useTyped(
        query.type,
        value => setQuery({ type: value }),
        value => !value || types.includes(value),
    );
    return (
        <search class="filters">
            <div class="filter-text">
                <Icon name="search" />
                <TextInput
                    type="search"
                    aria-label="Search"
                    placeholder="Id, error, key, text in the payload, or payload.customer.id: 17"
                    {...text}
                />
            </div>
            <div class="filter-type">
                <TextInput type="search" aria-label="Type" placeholder="Any type" list="job-types" {...type} />
                <datalist id="job-types">
                    {types.map(name => (
                        <option key={name} value={name} />
                    ))}
                </datalist>
            </div>
            <Select
                aria-label="Created"
                value={query.time}
                options={WINDOWS}
                onChange={time => setQuery({ time, since: "", until: "" })}
            />
            {query.time === "custom" && <Range query={query} />}
            {(query.q || query.type || query.time) && (
                <Button
                    kind="ghost"
                    icon="cross"
                    onClick={() => setQuery({ q: "", type: "", time: "", since: "", until: "" })}
                >
                    Clear
                </Button>
            )}
        </search>
    );
}
