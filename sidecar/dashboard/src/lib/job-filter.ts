// What the list of jobs is filtered by, in the address and as the API wants it.
import { type JobFilter, QUEUED_PHASES, type QueuedPhase, STATES, type State } from "./api";

export interface JobQuery {
    state: State | "";
    phase: QueuedPhase | ""; // of queued ones
    type: string;
    q: string;
    time: string; // a window, "custom", or "" for ever
    since: string; // of "custom"
    until: string;
}

const MINUTE = 60_000;
export const WINDOWS = [
    { value: "", label: "Any time", ms: 0 },
    { value: "15m", label: "Last 15 minutes", ms: 15 * MINUTE },
    { value: "1h", label: "Last hour", ms: 60 * MINUTE },
    { value: "24h", label: "Last 24 hours", ms: 24 * 60 * MINUTE },
    { value: "7d", label: "Last 7 days", ms: 7 * 24 * 60 * MINUTE },
    { value: "custom", label: "From … to …", ms: 0 },
] as const;

const instant = (text: string | null): string =>
    text && !Number.isNaN(Date.parse(text)) ? new Date(text).toISOString() : "";

export function readJobQuery(query: URLSearchParams): JobQuery {
    const state = query.get("state") ?? "";
    const phase = query.get("phase") ?? "";
    const time = query.get("time") ?? "";
    const queued = state === "queued" && (QUEUED_PHASES as readonly string[]).includes(phase);
    return {
        state: (STATES as readonly string[]).includes(state) ? (state as State) : "",
        phase: queued ? (phase as QueuedPhase) : "",
        type: query.get("type") ?? "",
        q: query.get("q") ?? "",
        time: WINDOWS.some(({ value }) => value === time) ? time : "",
        since: time === "custom" ? instant(query.get("since")) : "",
        until: time === "custom" ? instant(query.get("until")) : "",
    };
}

/** A window ends now, so it is another range each time it is asked for. */
export function toFilter(query: JobQuery): JobFilter {
    const { ms } = WINDOWS.find(({ value }) => value === query.time) ?? WINDOWS[0];
    return {
        state: query.state,
        phase: query.phase,
        type: query.type,
        q: query.q,
        since: ms ? new Date(Date.now() - ms).toISOString() : query.since,
        until: query.until,
    };
}

export const isFiltered = ({ type, q, time }: JobQuery): boolean => Boolean(type || q || time);
