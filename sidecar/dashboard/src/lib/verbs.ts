// What one does with jobs, singly, in bulk and over a filter: which ones each verb is for, what it takes, and what is said
// before and after. One place for all of that.
import { api, type BriefJob, type Bulk, type Counts, type Phase, QUEUED_PHASES } from "./api";
import { type JobQuery, toFilter } from "./job-filter";
import type { Right } from "./me";

export interface Verb {
    name: "Retry" | "Run now" | "Cancel" | "Delete";
    path: Parameters<typeof api.jobs.changeMany>[0];
    right: Right;
    icon: "retry" | "play" | "stop" | "trash";
    done: string; // "3 jobs retried"
    phases: readonly Phase[]; // of the jobs that it changes
    text: string; // said of several before
    leave: string;
    danger?: boolean;
}

export const VERBS: readonly Verb[] = [
    {
        name: "Retry",
        path: "retry",
        right: "operate",
        icon: "retry",
        done: "retried",
        phases: ["failed"],
        text: "They go back into the queue with all their attempts, and run now.",
        leave: "Leave them",
    },
    {
        name: "Run now",
        path: "run",
        right: "operate",
        icon: "play",
        done: "made due",
        phases: ["scheduled", "retrying", "canceled"],
        text: "They don't wait for their time any longer; canceled ones go back into the queue.",
        leave: "Leave them",
    },
    {
        name: "Cancel",
        path: "cancel",
        right: "operate",
        icon: "stop",
        done: "canceled",
        phases: QUEUED_PHASES,
        text: "They will not run, unless somebody has them run now after all.",
        leave: "Keep them",
        danger: true,
    },
    {
        name: "Delete",
        path: "delete",
        right: "admin",
        icon: "trash",
        done: "deleted",
        phases: [...QUEUED_PHASES, "completed", "failed", "canceled"],
        text: "Nothing is left of them: no payload, no result, no attempt. That can't be undone.",
        leave: "Keep them",
        danger: true,
    },
];

export const concerns = (verb: Verb, { phase }: Pick<BriefJob, "phase">): boolean => verb.phases.includes(phase);

/** What a filter shows is of one phase, or the verb is for one only: else nobody could say how many. */
export function everyPhase(verb: Verb, query: JobQuery): Phase | "queued" | undefined {
    const shown = query.state === "queued" ? query.phase || "queued" : query.state;
    const own = { retry: "failed", cancel: "queued", run: undefined, delete: undefined } as const;
    if (!shown || shown === "queued") return own[verb.path] === "failed" && shown ? undefined : own[verb.path];
    return verb.phases.includes(shown) ? shown : undefined;
}

/** How many jobs that match the verb concerns, as far as one knows; `more`: there may be others. */
export function concerned(verb: Verb, query: JobQuery, counts: Counts | undefined): { number: number; more: boolean } {
    const phase = everyPhase(verb, query);
    if (!phase) return { number: 0, more: false };
    const state = (QUEUED_PHASES as readonly string[]).includes(phase) ? "queued" : (phase as keyof Counts & Phase);
    return { number: Number(counts?.[state] ?? 0), more: counts?.atLeast.includes(state as never) ?? true };
}

interface Done {
    changed: number;
    holders: string[]; // what still holds a payload
}

/** ", but a payload is still held by schedule nightly" */
export const heldBy = (holders: readonly string[]): string =>
    holders.length > 0 ? `, but a payload is still held by ${[...new Set(holders)].join(", ")}` : "";

const IDS_AT_ONCE = 1000;

export async function changeIds(verb: Verb, ids: readonly string[]): Promise<Done> {
    const done: Done = { changed: 0, holders: [] };
    for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
        const part = await api.jobs.changeMany(verb.path, { ids: ids.slice(at, at + IDS_AT_ONCE) });
        done.changed += part.changed;
        done.holders.push(...(part.holders ?? []));
    }
    return done;
}

/** All that match, of those that were there when it began. Text and phases are looked for in steps. */
export async function changeEvery(verb: Verb, query: JobQuery): Promise<Done> {
    const { type, q, since, until } = toFilter(query);
    const phase = everyPhase(verb, query);
    const which = {
        ...(type && { type }),
        ...(q && { q }),
        ...(since && { since }),
        // Of the state that the verb is for anyway it takes no search.
        ...(phase && phase !== "queued" && verb.path !== "retry" && { phase }),
        until: until || new Date().toISOString(),
    } as Bulk;
    const done: Done = { changed: 0, holders: [] };
    let cursor: string | undefined;
    do {
        const part = await api.jobs.changeMany(verb.path, { ...which, ...(cursor && { cursor }) });
        done.changed += part.changed;
        done.holders.push(...(part.holders ?? []));
        cursor = part.nextCursor;
    } while (cursor);
    return done;
}
