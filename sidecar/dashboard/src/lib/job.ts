// What can be said of a job from what the API has of it.
import type { BriefJob, State } from "./api";
import { instantOf } from "./time";

/** What its runAt is called: where a job can't become due any more it was only planned. */
export function dueWord({ state, runAt }: Pick<BriefJob, "state" | "runAt">, now: number): string {
    const ahead = instantOf(runAt) > now;
    if (state === "queued") return ahead ? "Runs" : "Due";
    return ahead ? "Was planned for" : "Was due";
}

/** A refresh of a materialized view fails, and its job completes with that as its result. */
export const failedRefresh = (job: { state: State; outcome?: string | undefined }): boolean =>
    job.state === "completed" && job.outcome === "error";

const ended = ({ state }: BriefJob): boolean => state === "completed" || state === "failed";

/** How many of the jobs, the newest first, have failed since one succeeded. */
export function failures(jobs: readonly BriefJob[]): number {
    const outcomes = jobs.filter(ended).map(job => job.state === "failed" || failedRefresh(job));
    const good = outcomes.indexOf(false);
    return good < 0 ? outcomes.length : good;
}
