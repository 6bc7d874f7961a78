// Which jobs a list shows, as pages and events come.
import type { BriefJob, JobEvent, List } from "./api";
import type { JobQuery } from "./job-filter";

export const PAGE = 100;

interface Shown {
    items: BriefJob[];
    cursor: string | undefined; // where it goes on
}

type Where = Pick<JobQuery, "state" | "phase">;

/** What belongs into the list of a state, or of a phase of the queued ones; "" is every one's. */
export const fitting = (items: BriefJob[], { state, phase }: Where): BriefJob[] =>
    state ? items.filter(job => job.state === state && (!phase || job.phase === phase)) : items;

/** The first page anew, before those of the others that still belong there. */
export function joined(page: List<BriefJob>, old: Shown, where: Where): Shown {
    const oldest = page.nextCursor;
    if (!oldest || old.items.length <= PAGE) return { items: page.items, cursor: oldest };
    const others = old.items.filter(job => job.id < oldest);
    return { items: [...page.items, ...fitting(others, where)], cursor: old.cursor };
}

/** What an event says of a job; a page that is asked for says the rest. */
function after(job: BriefJob, { at, newState }: JobEvent): BriefJob {
    // The page may be newer than the event.
    const old = job.state === "completed" || Date.parse(at) < Date.parse(job.updatedAt);
    if (!newState || newState === job.state || old) return job;
    const ended = newState === "completed" || newState === "failed";
    // Quick jobs end without having been seen to run.
    const began = newState === "running" || (ended && job.state === "queued");
    const phase = newState === "queued" ? (job.state === "running" ? "retrying" : "due") : newState;
    return {
        ...job,
        state: newState,
        phase,
        updatedAt: at,
        ...(began && { attempts: job.attempts + 1, runs: job.runs + 1, lastRunAt: at }),
        ...(newState === "completed" && { completedAt: at }),
        ...(newState === "canceled" && { canceledAt: at }),
    };
}

export const patched = (items: BriefJob[], events: readonly JobEvent[]): BriefJob[] =>
    items.map(job => events.reduce((now, event) => (event.jobId === job.id ? after(now, event) : now), job));
